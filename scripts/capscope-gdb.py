"""capscope's questions inside gdb: who holds what, who owns this memory, what would a revoke take.

    (gdb) source scripts/capscope-gdb.py
    (gdb) cap threads
    (gdb) cap who 0x8241a400
    (gdb) help cap

Works on whatever gdb is attached to while it stands: QEMU's stub, the stub in the kernel, OpenOCD, a
core. The answers are capdb's: gdb serves it the memory that it asks for, page by page, through a
private socket that speaks the remote protocol, so nothing here knows how the kernel lays out its
objects, and only what a question needs is read. A mainline seL4 is known by its symbols: the file that gdb was
given is then passed on as --kernel, unless `set cap-kernel FILE` names another. CAPDB names the program if it is not in build/host. gdb
gives all scripts one name space: what is defined here begins with cap.
"""
import os
import select
import shlex
import socket
import subprocess
import tempfile

import gdb

CAP_HERE = os.path.dirname(os.path.abspath(__file__))
CAP_READ_MAX = 0x400      # bytes of one read: half a packet of any stub's
CAP_PATIENCE = 30.0       # seconds without a word from capdb
CAP_INTERRUPT = 0x03


def cap_program():
    named = os.environ.get("CAPDB")
    if named:
        return named
    built = os.path.join(CAP_HERE, "..", "build", "host", "capdb")
    return built if os.path.exists(built) else "capdb"


class CapKernel(gdb.Parameter):
    """The kernel.elf of the mainline seL4 that gdb is attached to.

    Empty: gdb's own file, where that is such a kernel; `none`: this project's kernel."""

    set_doc = "Set the kernel.elf of the mainline seL4 that gdb is attached to."
    show_doc = "Show the kernel.elf of the mainline seL4 that gdb is attached to."

    def __init__(self):
        super().__init__("cap-kernel", gdb.COMMAND_DATA, gdb.PARAM_OPTIONAL_FILENAME)
        self.value = ""

    def get_set_string(self):
        return ""

    def get_show_string(self, value):
        return "cap-kernel is %s." % (self.file() or "this project's")

    def file(self):
        if self.value:
            return None if self.value == "none" else os.path.expanduser(self.value)
        named = gdb.current_progspace().filename
        return named if named and all(cap_has_symbol(name) for name in CAP_MAINLINE) else None


# Data that every mainline kernel has, and no program of this project.
CAP_MAINLINE = ("intStateIRQNode", "ksIdleThreadTCB")


def cap_has_symbol(name):
    try:
        gdb.execute("info address " + name, to_string=True)
        return True
    except gdb.error:
        return False


cap_kernel = CapKernel()


def cap_frame(data):
    raw = bytearray()
    for byte in data:
        raw += bytes([0x7D, byte ^ 0x20]) if byte in b"#$}*" else bytes([byte])
    return b"$" + bytes(raw) + b"#%02x" % (sum(raw) & 0xFF)


class CapMemory:
    """What was read while the machine stood; gone when it goes on or is written to."""

    kept = {}

    @staticmethod
    def forget(event=None):
        CapMemory.kept.clear()


for cap_event in ("cont", "memory_changed", "exited", "inferior_deleted", "connection_removed"):
    if hasattr(gdb.events, cap_event):
        getattr(gdb.events, cap_event).connect(CapMemory.forget)


class CapTarget:
    """What gdb is attached to, asked past gdb's own caches where that is possible."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        if not self.inferior.threads():
            raise gdb.GdbError("cap: gdb is not attached to a machine")
        if gdb.selected_thread() is not None and gdb.selected_thread().is_running():
            raise gdb.GdbError("cap: the machine runs; interrupt it first")
        connection = self.inferior.connection
        self.remote = connection if hasattr(connection, "send_packet") else None
        self.physical = b"0"

    def forward(self, request):
        answer = self.remote.send_packet(request) if self.remote else b""
        return answer.encode("latin-1") if isinstance(answer, str) else answer or b""

    def read(self, request):
        key = (self.physical, request)
        if key not in CapMemory.kept:
            CapMemory.kept[key] = self.read_anew(request)
        return CapMemory.kept[key]

    def read_anew(self, request):
        if self.remote:
            return self.forward(request)
        address, length = (int(part, 16) for part in request[1:].split(b","))
        try:
            return bytes(self.inferior.read_memory(address, length)).hex().encode()
        except gdb.MemoryError:
            return b"E0e"

    def answer(self, request):
        """One packet of the remote protocol; None: no answer belongs to it."""
        if request.startswith(b"qSupported"):
            return b"PacketSize=%x;qXfer:features:read+" % (2 * CAP_READ_MAX)
        if request[:1] == b"m":
            return self.read(request)
        if request == b"?":
            return b"T05"
        if request.startswith(b"Qqemu.PhyMemMode:"):
            self.physical = request[-1:]
            return self.forward(request)
        if request[:1] in (b"g", b"p") or request == b"qqemu.PhyMemMode":
            return self.forward(request)
        if request.startswith(b"qRcmd," + b"pmemsave ".hex().encode()):
            return self.forward(request)  # memory into a file of capdb's, where QEMU runs here
        if request.startswith(b"qXfer:features:read:"):
            return self.forward(request)
        if request[:1] == b"D" or request[:2] == b"Hg":
            return b"OK"
        if request[:1] == b"c" or request.startswith(b"vCont;c"):
            return None
        return b""

    def restore(self):
        """QEMU keeps physical mode for whoever comes next."""
        if self.remote and self.forward(b"qqemu.PhyMemMode") == b"1":
            self.forward(b"Qqemu.PhyMemMode:0")


class CapServer:
    """The target's memory for one client on a socket; the machine never runs through it."""

    def __init__(self, target, client):
        self.target = target
        self.client = client
        self.waiting = b""

    def serve(self):
        """What has come; False when the client has gone."""
        data = self.client.recv(65536)
        self.waiting += data
        while self.step():
            pass
        return bool(data)

    def step(self):
        """Takes one byte or packet off the front."""
        if self.waiting[:1] == b"$":
            end = self.waiting.find(b"#")
            if end < 0 or len(self.waiting) < end + 3:
                return False
            request, self.waiting = self.waiting[1:end], self.waiting[end + 3:]
            answer = self.target.answer(request)
            self.client.sendall(b"+" + (cap_frame(answer) if answer is not None else b""))
        elif self.waiting:
            if self.waiting[0] == CAP_INTERRUPT:
                self.client.sendall(cap_frame(b"T02"))
            self.waiting = self.waiting[1:]
        return bool(self.waiting)


def cap_serve(process, listener, target):
    """Answers capdb until it ends; returns what it printed."""
    server, output, open_ends = None, [], {process.stdout, process.stderr}
    while open_ends:
        sources = list(open_ends) + [server.client if server else listener]
        ready, _, _ = select.select(sources, [], [], CAP_PATIENCE)
        if not ready:
            raise gdb.GdbError("cap: capdb has not said anything for %d s" % CAP_PATIENCE)
        for source in ready:
            if source is listener:
                server = CapServer(target, listener.accept()[0])
            elif server and source is server.client:
                if not server.serve():
                    server.client.close()
                    server = None
            else:
                data = os.read(source.fileno(), 65536)
                output.append(data)
                if not data:
                    open_ends.discard(source)
    return b"".join(output).decode("utf-8", "replace")


def cap_ask(arguments):
    """Runs capdb with the gdb target in place of @; prints what it prints; returns its status."""
    target = CapTarget()
    patience = gdb.parameter("remotetimeout")
    with tempfile.TemporaryDirectory(prefix="capscope") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = os.path.join(folder, "memory.sock")
        listener.bind(path)
        listener.listen(1)
        words = [cap_program()] + ["gdb:unix:" + path if word == "@" else word for word in arguments]
        kernel = cap_kernel.file()
        words += ["--kernel", kernel] if kernel else []
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, start_new_session=True)
        except OSError as problem:
            raise gdb.GdbError("cap: %s: %s (set CAPDB to the program)" % (words[0], problem.strerror))
        gdb.execute("set remotetimeout %d" % max(patience, CAP_PATIENCE))
        try:
            text = cap_serve(process, listener, target)
        finally:
            gdb.execute("set remotetimeout %d" % patience)
            if process.poll() is None:
                process.kill()
            status = process.wait()
            target.restore()
    gdb.write(text.replace("gdb:unix:" + path, "the target"))
    return status


class CapAll(gdb.Command):
    """capscope: capabilities of the machine that gdb is attached to."""

    def __init__(self):
        super().__init__("cap", gdb.COMMAND_DATA, prefix=True)


class CapQuestion(gdb.Command):
    """One command of capdb's, asked of the machine."""

    def __init__(self, name, usage, least, words):
        self.__doc__ = "%s\n\n%s\nAn operand that begins with $ is a gdb expression. Afterwards $_exitcode is 0 for " \
                       "yes, 1 for\nno or a breach, 2 for could not tell." % (words, usage)
        self.name, self.usage, self.least = name, usage, least
        super().__init__("cap " + name, gdb.COMMAND_DATA)

    @staticmethod
    def operand(word):
        if not word.startswith("$"):
            return word
        mask = (1 << 8 * gdb.lookup_type("long").sizeof) - 1
        return "0x%x" % (int(gdb.parse_and_eval(word)) & mask)

    def words(self, operands):
        if self.name == "sql":
            return ["live", "@"] + operands
        if self.name == "export":
            return ["export", "@", "--format"] + operands
        if self.name == "save":
            return ["record", "@", operands[0], "--count", "1"]
        return [self.name, "@"] + operands

    def invoke(self, argument, from_tty):
        operands = [self.operand(word) for word in shlex.split(argument)]
        if len(operands) < self.least:
            raise gdb.GdbError("usage: " + self.usage)
        gdb.set_convenience_variable("_exitcode", cap_ask(self.words(operands)))


CAP_QUESTIONS = (
    ("threads", "cap threads", 0, "Every thread: state, domain, what it waits on."),
    ("domains", "cap domains", 0, "Domains and what may flow between them."),
    ("untyped", "cap untyped", 0, "Untyped memory: used, free, lost, reclaimable."),
    ("check", "cap check", 0, "Isolation and invariants; witnesses of each breach."),
    ("cdt", "cap cdt [SLOT]", 0, "The derivation tree, or what hangs below a slot."),
    ("who", "cap who OBJECT", 1, "All capabilities to an object."),
    ("owner", "cap owner ADDRESS", 1, "Which domain owns this memory and who can reach it."),
    ("preview", "cap preview SLOT", 1, "What a revoke would take."),
    ("path", "cap path FROM TO", 2, "The shortest authority path."),
    ("can", "cap can SUBJECT RIGHT OBJECT", 3, "Could it ever, by any operations?"),
    ("why-not-running", "cap why-not-running THREAD", 1, "Why a thread does not run, and the chain behind it."),
    ("why-fault", "cap why-fault THREAD", 1, "What a faulted thread looked for, and where that ended."),
    ("why-denied", "cap why-denied THREAD CPTR", 2, "What an invocation of a capability address would meet."),
    ("retype", "cap retype UNTYPED TYPE [SIZE] [COUNT]", 2, "What this Retype would do now."),
    ("fit", "cap fit SIZE", 1, "Which untyped memory could give so much, and whose it is."),
    ("leak", "cap leak", 0, "Memory that nobody can reach any more."),
    ("sql", 'cap sql "SELECT ..."', 1, "A query over the documented views."),
    ("export", "cap export FORMAT", 1, "The state as capdl, dot, json or csv."),
    ("save", "cap save RECORDING", 1, "A snapshot into a recording."),
)


def cap_prefix_is_there():
    """Another script of capscope's may have made it."""
    try:
        gdb.execute("help cap", to_string=True)
        return True
    except gdb.error:
        return False


if not cap_prefix_is_there():
    CapAll()
for cap_question in CAP_QUESTIONS:
    CapQuestion(*cap_question)
