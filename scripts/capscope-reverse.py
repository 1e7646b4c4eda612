"""Going back in a replay, for gdb: which instruction emptied a capability slot, which one filled it.

  gdb-multiarch build/run/record/kernel.elf -x scripts/capscope-reverse.py
  (gdb) target remote build/run/record/gdb.sock
  (gdb) cap killed 0x82406140     back to where the slot became empty, or forward to where it will
  (gdb) cap made 0x82406140       back to where its capability came into it
  (gdb) cap end                   to the end of the recording

SLOT is a physical address or one in the kernel's window, or any expression.  The machine then stands
at the instruction in question, in the middle of the kernel's work: `bt` shows on whose behalf.
`continue` and `detach` stop at the end of the recording: QEMU that has run off it cannot go back any
more.  Leaving gdb leaves the replay where it stands.

A write watchpoint does the search, set and read beside gdb (maintenance packets): gdb's own would
read kernel memory while user code runs, which QEMU refuses."""
import gdb

WINDOW, RAM, SLOT_BYTES = 0xF0000000, 0x80000000, 16
WRITES_MAX = 256
TIMEOUT = 600


class Stub:
    """Requests to QEMU that gdb must not interpret."""

    def __init__(self):
        connection = gdb.selected_inferior().connection
        if connection is None or not hasattr(connection, "send_packet"):
            raise gdb.GdbError("not connected: target remote build/run/record/gdb.sock")
        self.connection = connection
        features = self.ask("qSupported:xmlRegisters=arm")
        if "ReverseContinue+" not in features.split(";"):
            raise gdb.GdbError("this machine is not a replay: only a recorded run goes back (scripts/run-record)")

    def ask(self, text):
        return self.connection.send_packet(text).decode("latin-1")

    def move(self, how):
        """Runs until the machine stops by itself; the stop reply."""
        kept = gdb.parameter("remotetimeout")
        gdb.execute(f"set remotetimeout {TIMEOUT}")
        try:
            reply = self.ask(how)
        finally:
            gdb.execute(f"set remotetimeout {kept}")
        if reply[:1] not in "TS":
            raise gdb.GdbError(f"QEMU refuses to move by `{how}`: {reply!r}")
        return reply

    def watch(self, slot, on):
        if self.ask(f"{'Z' if on else 'z'}2,{slot:x},4") != "OK":
            raise gdb.GdbError(f"QEMU sets no watchpoint at {slot:#x}")

    def read(self, address, length):
        """Memory by its place in the kernel's window, whatever mode the machine is in."""
        self.ask("Qqemu.PhyMemMode:1")
        try:
            data = self.ask(f"m{address - WINDOW + RAM:x},{length:x}")
        finally:
            self.ask("Qqemu.PhyMemMode:0")
        if len(data) != 2 * length:
            raise gdb.GdbError(f"{address:#x} cannot be read")
        return bytes.fromhex(data)

    def value(self, address, type_name):
        kind = gdb.lookup_type(type_name)
        return gdb.Value(self.read(address, kind.sizeof), kind)

    def words(self, slot):
        data = self.read(slot, SLOT_BYTES)
        return [int.from_bytes(data[i:i + 4], "little") for i in range(0, SLOT_BYTES, 4)]


def qemu(command):
    return gdb.execute("monitor " + command, to_string=True)


def guard_end():
    """Lets the machine stop where the recording ends, which is where its last state was saved. True
    when it is there already."""
    counts = [line.split()[-1] for line in qemu("info snapshots").splitlines() if line.split()]
    end = max([int(c) for c in counts if c.isdigit()], default=0)
    now = qemu("info replay").split()[-1]
    if end == 0 or not now.isdigit():
        return False
    if int(now) < end:
        qemu(f"replay_break {end}")
    return int(now) >= end


def holds_capability(words):
    return words[0] != 0 and words[2] >= WINDOW and words[3] >= WINDOW


class Search:
    def __init__(self, stub, slot):
        self.stub, self.slot = stub, slot

    def write_before(self):
        """To the write before, at its store. Backward QEMU stops behind it."""
        if "replaylog:begin" in self.stub.move("bc"):
            return False
        self.after = self.stub.words(self.slot)
        self.stub.move("bs")
        self.before = self.stub.words(self.slot)
        return True

    def write_after(self):
        """To the next write, at its store: forward QEMU stops there, and stays while it is watched."""
        if guard_end() or "watch:" not in self.stub.move("c"):
            return False
        self.before = self.stub.words(self.slot)
        self.stub.watch(self.slot, False)
        self.stub.move("s")
        self.after = self.stub.words(self.slot)
        return True

    def find(self, goal, forward):
        for _ in range(WRITES_MAX):
            self.stub.watch(self.slot, True)
            found = self.write_after() if forward else self.write_before()
            self.stub.watch(self.slot, False)
            if not found:
                return False
            if goal == "killed" and holds_capability(self.before) and self.after[0] == 0:
                if forward:
                    self.stub.move("bs")
                return True
            if goal == "made" and self.before[0] == 0 and self.after[0] != 0:
                return True
        raise gdb.GdbError(f"the slot was written {WRITES_MAX} times, none of them the one looked for")


def cap_text(words):
    names = {f.enumval: f.name[4:].lower() for f in gdb.lookup_type("enum cap_type").fields()}
    kind = names.get(words[0] & 0xF, "capability")
    if kind in ("null", "control"):
        return kind
    address = words[0] & (0xFFFFF000 if kind.startswith("frame") else 0xFFFFFFF0)
    return f"{kind} {(address - WINDOW + RAM) & 0xFFFFFFFF:#010x}"


def enum_name(type_name, prefix, number):
    for field in gdb.lookup_type(type_name).fields():
        if (field.enumval - number) % (1 << 32) == 0:
            return field.name[len(prefix):]
    return None


def thread_text(stub, tcb_address):
    if tcb_address == 0:
        return "the kernel"
    tcb = stub.value(tcb_address, "struct tcb")
    raw = bytes(int(tcb["name"][i]) & 0xFF for i in range(int(tcb["name"].type.range()[1]) + 1)).split(b"\0")[0]
    name = "".join(chr(c) if 32 <= c < 127 and c != 92 else f"\\x{c:02x}" for c in raw) or "a nameless thread"
    call = enum_name("enum syscall_number", "SYS_", int(tcb["regs"][7]))
    place = f"{int(tcb['regs'][17]):#010x}"
    label = enum_name("enum invocation_label", "INV_", int(tcb["regs"][1]) >> 12) if call in ("CALL", "SEND") else None
    return f"{name}, in {call or 'no system call'} at {place}" + (f" (label {label})" if label else "")


def stack_text():
    """The kernel's functions at work, innermost first."""
    lines, frame = [], gdb.newest_frame()
    while frame is not None and len(lines) < 16:
        where = frame.find_sal()
        place = f" ({where.symtab.filename}:{where.line})" if where.symtab else ""
        lines.append(f"  {frame.name() or hex(frame.pc())}{place}")
        try:
            frame = frame.older()
        except gdb.error:
            break
    return "\n".join(lines)


def tell(stub, goal, slot, words):
    gdb.execute("maintenance flush register-cache", to_string=True)
    roots = stub.value(int(gdb.parse_and_eval("(unsigned long) &kernel_roots")), "struct kernel_roots")
    ticks = int(stub.value(int(roots["ticks"]), "word_t"))
    tcb = int(stub.value(int(roots["current"]), "word_t"))
    verb = "left" if goal == "killed" else "came into"
    print(f"tick {ticks}: {cap_text(words)} {verb} slot {slot - WINDOW + RAM:#010x}")
    print(f"by {thread_text(stub, tcb)}")
    print(stack_text())


def slot_address(text):
    address = int(gdb.parse_and_eval(text)) & 0xFFFFFFFF
    if address < WINDOW:
        address = address - RAM + WINDOW
    if address % SLOT_BYTES or not WINDOW <= address <= 0xFFFFFFFF:
        raise gdb.GdbError(f"{text} is not the address of a slot")
    return address


def find(goal, text):
    stub, slot = Stub(), slot_address(text)
    forward = goal == "killed" and stub.words(slot)[0] != 0
    search = Search(stub, slot)
    found = search.find(goal, forward)
    gdb.execute("maintenance flush register-cache", to_string=True)
    if not found:
        way = "from here to the end" if forward else "from here back to the beginning"
        raise gdb.GdbError(f"no capability was {'taken from' if goal == 'killed' else 'put into'} slot "
                           f"{slot - WINDOW + RAM:#010x} {way} of the recording")
    tell(stub, goal, slot, search.before if goal == "killed" else search.after)


class CapPrefix(gdb.Command):
    """Questions about capabilities."""

    def __init__(self):
        super().__init__("cap", gdb.COMMAND_DATA, prefix=True)


class CapKilled(gdb.Command):
    """cap killed SLOT: go to where the slot becomes empty: back if it is empty, forward if not."""

    def __init__(self):
        super().__init__("cap killed", gdb.COMMAND_RUNNING)

    def invoke(self, text, from_tty):
        find("killed", text)


class CapMade(gdb.Command):
    """cap made SLOT: go back to where a capability came into the slot."""

    def __init__(self):
        super().__init__("cap made", gdb.COMMAND_RUNNING)

    def invoke(self, text, from_tty):
        find("made", text)


class CapEnd(gdb.Command):
    """cap end: go to the end of the recording."""

    def __init__(self):
        super().__init__("cap end", gdb.COMMAND_RUNNING)

    def invoke(self, text, from_tty):
        stub = Stub()
        if not guard_end():
            stub.move("c")
        gdb.execute("maintenance flush register-cache", to_string=True)


class GuardEnd(gdb.Command):
    """Runs before `continue` and `detach`: lets a replay stop where the recording ends."""

    def __init__(self):
        super().__init__("capscope-guard-end", gdb.COMMAND_SUPPORT)

    def invoke(self, text, from_tty):
        if is_replay() and guard_end():
            raise gdb.GdbError("the recording ends here: only the way back is open")


def is_replay():
    try:
        Stub()
        return True
    except gdb.error:
        return False


def leave(event):
    """gdb would detach, which lets the machine run."""
    if is_replay():
        gdb.execute("disconnect")


def define():
    try:
        gdb.execute("help cap", to_string=True)
    except gdb.error:
        CapPrefix()
    for command in (CapKilled, CapMade, CapEnd, GuardEnd):
        command()
    for command in ("continue", "detach"):
        gdb.execute(f"define hook-{command}\ncapscope-guard-end\nend")
    gdb.events.gdb_exiting.connect(leave)


define()
