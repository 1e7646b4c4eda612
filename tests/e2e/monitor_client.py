"""The other end of the serial monitor for monitor.sh: text and frames apart, checks as TAP.

Reads frames and records from their written form alone (COBS, CRC-32, the field lists of
record/record.h), with no code shared with the kernel or the host tools."""
import re
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

DEADLINE = 120.0
PROMPT = re.compile(rb"(?:^|\n)(capscope|stopped)> (?:$|\n)")
BEGIN, RECORDS, END, EVENTS, REPLY = 1, 2, 3, 4, 5


def uncobs(data):
    out, i = bytearray(), 0
    while i < len(data):
        code = data[i]
        if code == 0 or i + code > len(data):
            raise ValueError("COBS code runs over the end")
        out += data[i + 1:i + code]
        i += code
        if code != 0xFF and i < len(data):
            out.append(0)
    return bytes(out)


def open_frame(raw):
    body = uncobs(raw)
    kind, version, sequence = struct.unpack_from("<BBH", body)
    if zlib.crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
        raise ValueError("CRC does not match")
    if version != 1:
        raise ValueError("frame version %d" % version)
    return kind, sequence, body[4:-4]


def field_lists():
    """{kind: (name, [(mode, field)])} from the X-lists of record/record.h."""
    text = open("record/record.h").read().replace("\\\n", " ")
    kinds = re.search(r"#define RECORD_LIST\(X\)(.*)", text).group(1)
    lists = {}

    def list_of(upper):
        """A list may begin with another one."""
        fields = re.search(r"#define RECORD_FIELDS_%s\(F\)(.*)" % upper, text).group(1)
        return re.sub(r"RECORD_FIELDS_(\w+)\(F\)", lambda m: list_of(m.group(1)), fields)

    for number, upper, name in re.findall(r"X\((\d+), (\w+), (\w+)\)", kinds):
        fields = list_of(upper)
        lists[int(number)] = (name, re.findall(r"F\((\w), (\w+)\)", fields))
    return lists


class Records:
    """Decodes payloads; keeps the delta bases of the stream."""

    def __init__(self):
        self.lists = field_lists()
        self.base = {}

    @staticmethod
    def leb(data, at):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value, at

    def field(self, mode, key, data, at):
        if at >= len(data):
            if mode == "D":
                self.base[key] = 0
            return (b"" if mode in "SB" else 0), at
        if mode == "B":
            return data[at:], len(data)
        if mode == "S":
            return data[at + 1:at + 1 + data[at]], at + 1 + data[at]
        value, at = self.leb(data, at)
        if mode == "D":
            value = (self.base.get(key, 0) + ((value >> 1) ^ -(value & 1))) & 0xFFFFFFFFFFFFFFFF
            self.base[key] = value
        return value, at

    def decode(self, payload):
        at, out = 0, []
        while at < len(payload):
            kind = payload[at]
            length, at = self.leb(payload, at + 1)
            data, at = payload[at:at + length], at + length
            if len(data) != length:
                raise ValueError("record runs over the end of its frame")
            name, fields = self.lists[kind]
            if name == "snapshot":
                self.base = {}
            record, place = {"record": name}, 0
            for mode, field in fields:
                record[field], place = self.field(mode, (kind, field), data, place)
            out.append(record)
        return out


class Monitor:
    def __init__(self, path):
        self.next = 0        # sequence number of the next frame of the stream
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.text = b""      # since the last command
        self.everything = b""  # all text ever
        self.line = b""        # all bytes since the last command, frames and text
        self.frames = []
        self.raw = None      # bytes of the frame that is open

    def send(self, data):
        self.socket.sendall(data)

    def pump(self, seconds):
        ready, _, _ = select.select([self.socket], [], [], seconds)
        data = self.socket.recv(65536) if ready else b""
        self.line += data
        for byte in data:
            if byte == 0 and self.raw is None:
                self.raw = bytearray()
            elif byte == 0:
                self.frames.append(open_frame(bytes(self.raw)))
                self.raw = None
            elif self.raw is not None:
                self.raw.append(byte)
            else:
                self.text += bytes([byte])
                self.everything += bytes([byte])

    def until(self, done, what):
        end = time.monotonic() + DEADLINE
        while not done():
            if time.monotonic() > end:
                raise TimeoutError("no %s; got %r" % (what, self.text[-300:]))
            self.pump(0.05)

    def until_text(self, text):
        self.until(lambda: text in self.text, repr(text))

    def type(self, data, echo=None):
        """Sends bytes and returns the text between the end of the echo and the next prompt."""
        self.text, self.line, self.frames = b"", b"", []
        echo = data.rstrip(b"\r") if echo is None else echo
        self.send(data)
        self.until(lambda: echo + b"\r\n" in self.text and PROMPT.search(self.after(echo)), "prompt")
        text = self.after(echo)
        return text[:PROMPT.search(text).start()].replace(b"\r\n", b"\n").decode("ascii").lstrip("\n")

    def after(self, echo):
        return b"\n" + self.text.split(echo + b"\r\n", 1)[1].replace(b"\r\n", b"\n")

    def run(self, command):
        return self.type(command.encode() + b"\r")

    def stopping(self, command):
        """A command after which the kernel runs and comes to a stop again."""
        self.text = b""
        self.send(command.encode() + b"\r")
        self.until(lambda: b"\nstopped: " in self.text and self.text.endswith(b"stopped> "), "stop")
        return self.text.replace(b"\r\n", b"\n").decode("ascii")

    def stream(self, records):
        """All records of the frames that came, with their sequence numbers checked."""
        out = []
        for kind, sequence, payload in self.frames:
            if kind == BEGIN:
                self.next = 0
            if kind == REPLY:
                continue
            if sequence != self.next & 0xFFFF:
                raise ValueError("frame %d where %d was due" % (sequence, self.next))
            self.next += 1
            out += records.decode(payload)
        return out


def release(work):
    """Lets a machine that was started stopped run, now that somebody listens."""
    with socket.socket(socket.AF_UNIX) as gdb:
        gdb.connect(work + "/gdb.sock")
        gdb.sendall(b"$D#44")
        answer = b""
        while b"$OK#" not in answer:
            data = gdb.recv(64)
            if not data:
                raise OSError("QEMU's stub closed the connection: %r" % answer)
            answer += data


def interfere(work, m, *commands):
    """Stops the machine at a tick through QEMU's own stub, does something to it, lets it go on. The
    line is read meanwhile: a machine that waits for its line reaches no tick."""
    script = ["set confirm off", "target remote %s/gdb.sock" % work, "hbreak debug_tick", "continue",
              "delete", *commands, "detach"]
    with open(work + "/gdb.log", "w+") as log:
        gdb = subprocess.Popen(["gdb-multiarch", "-batch", "-nx", "build/arm/debug/kernel.elf"] +
                               [word for command in script for word in ("-ex", command)],
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            m.until(lambda: gdb.poll() is not None, "end of gdb")
        finally:
            gdb.kill()
            gdb.wait()
        log.seek(0)
        if gdb.returncode != 0:
            raise OSError("gdb: " + log.read())


def plant_panic(work, m):
    """Sends the running kernel into a panic, from outside: nothing inside leads there."""
    registers = ("$pc = &kernel_panic", "$r0 = $text", "$r1 = 42", "$r2 = $text + 16", "$sp = $text - 64")
    # after each assignment gdb may have selected another frame, whose registers lie in memory
    interfere(work, m, "set $text = $sp - 256", 'set {char[10]} $text = "planted.c"',
              'set {char[20]} ($text + 16) = "planted by the test"',
              *[word for r in registers for word in ("frame 0", "set " + r)])


def hold_live_line(work, m, hold):
    """The live line sends nothing while it is held, as on a line that is slower than the kernel."""
    interfere(work, m, "set variable 'monitor/wire_out.c'::live.on = %d" % (not hold))


class Tap:
    def __init__(self, first):
        self.count = first - 1
        self.failed = 0

    def claim(self, claim, check):
        self.count += 1
        try:
            trouble = check()
        except Exception as e:  # a check that dies has failed
            trouble = "%s: %s" % (type(e).__name__, e)
        if trouble is None or trouble is True:
            print("ok %d - %s" % (self.count, claim))
        else:
            self.failed += 1
            print("not ok %d - %s" % (self.count, claim))
            for line in str(trouble).splitlines()[:30]:
                print("# " + line)
        sys.stdout.flush()


def has(text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.M):
            return "no %r in:\n%s" % (pattern, text)
    return None


def too_wide(text):
    lines = text.replace(b"\r", b"").split(b"\n")
    wide = [l for l in lines if len(l) > 80 and not b"> " in l[:10]]  # what we typed is ours
    return None if not wide else "over 80 columns: %r" % wide[:3]


HEX = "0x[0-9a-f]{8}"
COMMANDS = [
    ("version", r"^capscope \S+, debug build, board kzm$", r"^layout 0x"),
    ("threads", r"guest/init$|guest/init ", r"0x\w+ \*?\s*\w+ +\d+ 0x\w+ rootserver|root"),
    ("objects tcb", HEX + r" tcb +512 +\d+ caps? critical/control"),
    ("cnode critical/control", r"^cnode %s, 1024 slots$" % HEX, r"^ *1 %s tcb" % HEX, r"\d+ in use"),
    ("cdt", r"^%s untyped" % HEX, r"^  %s " % HEX),
    ("untyped", r"^block +size +live +free +lost +reclaim$", r"device blocks, all free", r"^live: in objects"),
    ("untyped f8000000", r"^0xf8000000 +64M .* device all free$"),
    ("untyped all", r"^0x00000000 +256M .* device all free$"),
    ("who critical/control", r"tcb %s critical/control" % HEX, r"capabilit\w+ to what lies at"),
    ("who f8000000", r"untyped 0xf8000000 64M,", r"what lies at 0xf8000000,"),
    ("vspace critical/control", r"^pagedir %s asid \d+$" % HEX, r"^0x0001\w+-0x\w+ to .* x 4K", r"\d+ translations"),
    ("irqs", r"^irq 28 timer", r"^irq 27 signal +to notification"),
    ("sched", r"^current: ", r"^runnable, by priority:$"),
    ("audit", r"^0 findings$"),
    ("snapshot", r"^\d+ capabilities:", r"^digest [0-9a-f]{16}, event \d+$"),
    ("trace", r"^trace is off, live line is off$"),
    ("break", r"^no conditions"),
    ("where", r"^running: "),
    ("mem 80000000 20", r"^0x80000000 ( [0-9a-f]{2}){16}  .{16}$", r"^0x80000010 ( [0-9a-f]{2}){4} +  .{4}$"),
    ("mem f0000000 4", r"^0x80000000 "),
    ("mem fffd3f00 4", r"^0xfffd3f00 "),
    ("mem 87fffff8 20", r"^0x87fffff8 ( [0-9a-f]{2}){8} +  .{8}$", r"^0x88000000 cannot be read$"),
    ("refusals", r"^refusals are explained$"),
    ("help slot", r"^usage: slot ADDRESS$"),
    ("vers", r"^capscope "),
]
REFUSALS = [
    ("bogus", r"^there is no command 'bogus'"),
    ("s", r"^'s' could be several commands"),
    ("step", r"^step: only while the kernel is stopped"),
    ("continue", r"only while the kernel is stopped"),
    ("slot", r"^usage: slot ADDRESS$"),
    ("slot xyz", r"^'xyz' is not a hexadecimal address$"),
    ("slot 123456789", r"is not a hexadecimal address$"),
    ("cnode 80000000", r"^there is no CNode at 0x80000000$"),
    ("who nobody", r"^'nobody' is not a hexadecimal address$"),
    ("vspace 80000000", r"^there is no page directory at 0x80000000$"),
    ("mem 40000000", r"^0x40000000 cannot be read$"),
    ("mem 8ffd3f00", r"^0x8ffd3f00 cannot be read$"),
    ("mem f8000000", r"^0xf8000000 cannot be read$"),
    ("slot 0", r"^there is no memory at 0x00000000$"),
    ("slot 8ffd3f00", r"^there is no memory at 0x8ffd3f00$"),
    ("mem 88000000", r"^0x88000000 cannot be read$"),
    ("objects foo", r"^'foo' is no type of object$"),
    ("break on nothing", r"^'nothing' is no operation"),
    ("break on delete slot", r"^usage: break"),
    ("break on delete range 2-1", r"ends before it begins"),
    ("break on delete range 80000000-90000000", r"^no condition can name 0x90000000: "),
    ("break on delete object 90000000", r"^no condition can name 0x90000000: "),
    ("break on delete slot 90000000", r"^no condition can name 0x90000000: "),
    ("break on delete thread nobody", r"^there is no thread 'nobody'"),
    ("delete 3", r"^there is no condition 3$"),
    ("delete 1 2", r"^usage: delete"),
    ("threads all", r"^usage: threads$"),
    ("mem 80000000 4 4", r"^usage: mem"),
    ("halt for 1 2", r"^usage: halt"),
    ("snapshot capdl all", r"^usage: snapshot"),
    ("trace sideways", r"^usage: trace"),
    ("trace on off", r"^usage: trace"),
    ("trace last 1 2", r"^usage: trace"),
    ("trace live off on", r"^usage: trace"),
    ("a b c d e f g h i j k l m n", r"^the line has too many"),
]


def editor_checks(m, tap):
    tap.claim("over_long_line_gives_one_clear_message", lambda: has(
        m.type(b"x" * 300 + b"\r", b"x" * 120), r"^line too long: more than 120 characters; ignored$"))
    tap.claim("garbage_does_no_harm", lambda: garbage(m))
    tap.claim("ctrl_c_ends_long_output", lambda: interrupts(m))
    tap.claim("backspace_and_ctrl_u_edit_the_line", lambda: has(
        m.type(b"help\x15versioxx\x08\x7fn\r", b"n"), r"^capscope "))
    tap.claim("cr_lf_and_both_end_one_line", lambda: line_ends(m))
    tap.claim("arrow_up_recalls_the_line_before", lambda: recall(m, b"\x1b[A"))
    tap.claim("and_so_it_does_in_application_mode", lambda: recall(m, b"\x1bOA"))


def interrupts(m):
    """On a fast machine an output may end before QEMU carries the ^C: one of many is met by it."""
    for _ in range(30):
        text = m.type(b"cdt\r\x03", b"cdt")
        if re.search(r"^\(interrupted\)$", text, re.M):
            return short(m.text)
    return has(text, r"^\(interrupted\)$")


def short(text):
    return None if len(text) < 4000 else "%d bytes came after ^C" % len(text)


def garbage(m):
    m.send(bytes(range(256)) * 8 + b"\x1b[\x1b[999;\x1b\x1b[Z\x03\x15")
    return has(m.run("version"), r"^capscope ")


def line_ends(m):
    for end in (b"\r", b"\n", b"\r\n"):
        m.run("version")
        m.text = b""
        m.send(b"refusals" + end + b"version\r")
        m.until(lambda: m.text.count(b"record format") and m.text.endswith(b"> "), "version")
        if m.text.count(b"capscope> ") != 2:
            return "%r gives %r" % (end, m.text)
    return None


def recall(m, arrow):
    m.run("version")
    return has(m.type(arrow + b"\r", b"version"), r"^capscope ")


def snapshot_frames(m):
    m.run("snapshot wire")
    return list(m.frames)


def snapshot_checks(work, m, tap):
    m.stopping("halt")
    tap.claim("snapshot_wire_is_whole_and_in_order", lambda: snapshot_whole(m))
    tap.claim("the_second_reader_accepts_the_snapshot", lambda: second_reader(work, m))
    tap.claim("two_snapshots_of_a_stopped_kernel_are_equal",
              lambda: snapshot_frames(m) == snapshot_frames(m) or "they differ")
    tap.claim("text_and_wire_agree", lambda: text_and_wire(m))
    tap.claim("answers_in_frames_say_what_the_text_says", lambda: reply_equals(m, "threads"))
    tap.claim("answer_in_frames_tells_failure", lambda: reply_failed(m))
    m.run("continue")


def lease_checks(m, tap):
    tap.claim("halt_for_ends_when_the_line_is_silent", lambda: lease_ends(m))
    tap.claim("halt_for_lasts_while_the_line_speaks", lambda: lease_lasts(m))
    tap.claim("a_plain_halt_makes_it_last", lambda: lease_made_halt(m))
    tap.claim("halt_for_leaves_the_stop_of_somebody_else", lambda: lease_of_others(m))
    tap.claim("halt_for_names_its_bounds", lambda: has(m.run("halt for 0"), r"^for 1 to 3600 seconds, or, without `for`, until somebody ends it$"))


def goes_on(m):
    return b"it goes on" in m.text


def stands_for(m, seconds):
    """Listens, and says whether the kernel still stands then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not goes_on(m):
        m.pump(0.05)
    return not goes_on(m)


def lease_ends(m):
    m.stopping("halt for 1")
    m.until(lambda: goes_on(m), "end of the lease")
    return has(m.run("where"), r"^running: ")


def lease_lasts(m):
    m.stopping("halt for 2")
    for _ in range(8):
        if not stands_for(m, 0.5):
            return "it went on"
        m.send(b"\x15")
    said = m.run("halt for 1")
    m.until(lambda: goes_on(m), "end of the lease")
    return has(said, r"^still stopped until this line is silent for 1 s$")


def lease_made_halt(m):
    m.stopping("halt for 1")
    said = m.run("halt")
    stands = stands_for(m, 2.5)
    m.run("continue")
    return stands and has(said, r"^already stopped$")


def lease_of_others(m):
    m.stopping("halt")
    said = m.run("halt for 1")
    stands = stands_for(m, 2.5)
    m.run("continue")
    return stands and has(said, r"^already stopped$")


def snapshot_whole(m):
    frames = snapshot_frames(m)
    kinds = [f[0] for f in frames]
    if kinds[0] != BEGIN or kinds[-1] != END or set(kinds[1:-1]) - {RECORDS}:
        return "frame kinds %r" % kinds
    records = m.stream(Records())
    end = records[-1]
    if records[0]["record"] != "snapshot" or end["record"] != "end":
        return "begins with %s, ends with %s" % (records[0]["record"], end["record"])
    counts = {k: sum(r["record"] == k for r in records) for k in ("slots", "slot", "thread", "mapping", "mappings")}
    pages = sum(r["more"] + 1 for r in records if r["record"] == "mappings")
    if (end["complete"], 0, end["threads"], 0, end["mappings"]) != (
            1, counts["slot"], counts["thread"], counts["mapping"], pages):
        return "%r does not count %r" % (end, counts)
    if counts["slots"] == 0 or records[0]["format"] != 5:
        return "a sound kernel's snapshot is not packed"
    if records[0]["stopped"] != 1 or records[0]["debug"] != 1:
        return repr(records[0])
    return None


def second_reader(work, m):
    m.run("snapshot wire")
    with open(work + "/line", "wb") as out:
        out.write(m.line)
    run = subprocess.run(["tests/reader/read_records.py", "check", work + "/line"], capture_output=True, text=True)
    return run.returncode == 0 or run.stdout + run.stderr


def text_and_wire(m):
    snapshot_frames(m)
    end = m.stream(Records())[-1]
    text = m.run("snapshot")
    return has(text, r"^%d capabilities:" % end["slots"], r"^%d threads," % end["threads"],
               r"%d mappings" % end["mappings"], r"^digest %08x%08x," % (end["digest0"], end["digest1"]))


def reply_records(m, command):
    m.run("@" + command)
    if [f[1] for f in m.frames] != list(range(len(m.frames))):
        raise ValueError("reply frames out of order: %r" % [f[:2] for f in m.frames])
    return Records().decode(b"".join(f[2] for f in m.frames if f[0] == REPLY))


def reply_equals(m, command):
    records = reply_records(m, command)
    text = "".join(r["text"].decode() + "\n" for r in records if r["record"] == "text")
    plain = m.run(command) + "\n"
    if records[-1]["record"] != "end" or records[-1]["complete"] != 1 or records[-1]["records"] != len(records):
        return repr(records[-1])
    return text == plain or "frames:\n%stext:\n%s" % (text, plain)


def reply_failed(m):
    records = reply_records(m, "bogus")
    return records[-1]["complete"] == 0 or repr(records)


def live_checks(m, tap):
    tap.claim("live_line_sends_a_base_and_then_every_event", lambda: live(m))
    tap.claim("audit_with_trace_on_confirms_the_digest", lambda: has(m.run("audit"), r"^0 findings$"))
    m.run("trace off")


def live(m):
    m.run("trace live on")
    m.until(lambda: sum(f[0] == EVENTS for f in m.frames) >= 3, "events")
    records = m.stream(Records())
    frames, m.frames = len(m.frames), []
    seq = records[0]["seq"]
    for r in records:
        if r["record"] == "event":
            if r["seq"] != seq + 1:
                return "event %d after %d" % (r["seq"], seq)
            seq = r["seq"]
    m.run("trace live off")
    return None if frames and seq > records[0]["seq"] else "no events"


def whole_range(m):
    text = m.stopping("break on any range 0-ffffffff")
    m.run("delete all")
    m.run("continue")
    return has(text, r"^1: on any range 0x00000000-0xffffffff, 0 hits$", r"^stopped: condition 1$")


def healthy(work, m, tap):
    tap.claim("boot_prints_a_banner_that_names_help",
              lambda: m.until_text(b"debug build; type help\r\n"))
    m.until_text(b"guest/init: running")
    m.send(b"\r")
    m.until(lambda: PROMPT.search(m.text.replace(b"\r\n", b"\n")), "prompt")  # a program may print behind it
    names = [l.split()[0] for l in m.run("help").split("\n") if re.match(r"[a-z]+ +\S", l)]
    tap.claim("help_names_every_command_and_each_has_a_usage_line", lambda: None if len(names) >= 25 and all(
        "usage: " + n in m.run("help " + n) for n in names) else repr(names))
    for command, *patterns in COMMANDS:
        tap.claim("`%s` answers" % command, lambda: has(m.run(command), *patterns))
    tap.claim("slot_tells_place_parent_and_children", lambda: slot(m))
    tap.claim("frame_tells_owner_capability_and_mapping", lambda: frame(m))
    for command, pattern in REFUSALS:
        tap.claim("`%s` is refused with a sentence" % command, lambda: has(m.run(command), pattern))
    tap.claim("a_range_may_have_every_address", lambda: whole_range(m))
    editor_checks(m, tap)
    snapshot_checks(work, m, tap)
    lease_checks(m, tap)
    live_checks(m, tap)
    tap.claim("no_line_is_wider_than_80_columns", lambda: too_wide(m.everything))


def slot(m):
    line = re.search(r"^ *32 (%s) frame" % HEX, m.run("cnode guest/init"), re.M)
    text = m.run("slot " + line.group(1))
    return has(text, r"in guest/init cnode\[32\]", r"^depth [1-9]", r"^parent   %s untyped" % HEX)


def frame(m):
    line = re.search(r"^ *32 %s frame (%s)" % (HEX, HEX), m.run("cnode guest/init"), re.M)
    return has(m.run("frame " + line.group(1)), r"^owner    untyped %s" % HEX,
               r"^cap      %s frame %s" % (HEX, line.group(1)), r"^mapped   at 0x00010000 rwx? ")


def capdl(text):
    """What docs say the capDL tool insists on: sections, declared names, no slot twice."""
    text = re.sub(r"--.*", "", text)
    m = re.fullmatch(r"\s*arch arm11\s+objects \{(.*?)\n\}\s+caps \{(.*?)\n\}\s+irq maps \{(.*?)\}\s+cdt \{(.*)\n\}\s*",
                     text, re.S)
    if not m:
        return "the sections are not objects, caps, irq maps, cdt"
    objects, caps, maps, cdt = m.groups()
    declared = re.findall(r"^  (\w+) =", objects, re.M)
    if len(declared) != len(set(declared)):
        return "an object is declared twice"
    used = set(re.findall(r"\b(?:ut|ep|ntf|tcb|cn|fr|pt|pd|ap|irq)_[0-9a-f_]+\b", objects + caps + maps + cdt))
    if used - set(declared):
        return "not declared: %r" % sorted(used - set(declared))[:5]
    holders = re.findall(r"^  (\w+) \{\n(.*?)^  \}", caps, re.S | re.M)
    if len(holders) != len({h for h, _ in holders}) or not holders:
        return "a holder appears twice"
    for holder, body in holders:
        slots = re.findall(r"^    (\w+):", body, re.M)
        if len(slots) != len(set(slots)):
            return "a slot of %s appears twice" % holder
    for inner, outer in (("pt", "pd"), ("pd", "ap")):
        held = [m for h, body in holders if h.startswith(outer) for m in re.findall(r": (%s_\w+)" % inner, body)]
        if len(held) != len(set(held)):
            return "a %s is in two %ss" % (inner, outer)
    children = re.findall(r"^    (\(\w+, \w+\))", cdt, re.M)
    return None if children and len(children) == len(set(children)) else "cdt: %r" % children


def program(work, m, tap):
    m.until_text(b"stopped: program: DebugHalt")
    m.until(lambda: m.text.endswith(b"stopped> "), "prompt")
    said = m.text.replace(b"\r\n", b"\n").decode("ascii")
    tap.claim("a_nul_from_a_program_is_text", lambda: has(said, r"^debugcalls: nul\[\^@\]$"))
    tap.claim("cap_identify_gives_the_internal_tags",
              lambda: has(said, r"^debugcalls: null 0 tcb 12 cnode 10 vspace 9$"))
    tap.claim("refusals_name_thread_operation_and_rule", lambda: has(
        said, r"^debug/calls: CNode_Copy refused: slot 0x\w+ is not empty \(delete first\)$",
        r"^debug/calls: CNode_Copy refused: source slot not found: missing capability",
        r"^debug/calls: Untyped_Retype refused:\s+the untyped has only 16384 bytes left",
        r"^debug/calls: TCB_Suspend refused: the invoked capability 0x\w+ cannot do this$",
        r"^  cnode %s\[\d+\]: slot %s is empty$" % (HEX, HEX)))
    tap.claim("capability_fault_is_explained_and_hostile_names_are_escaped", lambda: has(
        said, r"^debug/faulty\\x1b\[31m: capability fault: 0x12345000 to receive,",
        r"guard mismatch$", r"^  cnode %s: the guard is 0x0 \(20 bits\), the address has 0x12345,$" % HEX,
        r"it has no fault handler"))
    tap.claim("debug_snapshot_is_capdl", lambda: capdl(said[said.index("arch arm11"):said.index("debugcalls: half")]))
    tap.claim("a_cnode_at_its_untypeds_address_has_its_slots", lambda: has(
        said, r"^  ut_(\w{8})_8 = ut \(8 bits, paddr: 0x\1\) \{\s+cn_\1 \}$",
        r"^  cn_\w{8} \{\n    0x1: tcb_\w{8}\n  \}$"))
    tap.claim("program_output_and_monitor_keep_to_their_lines",
              lambda: has(said, r"^debugcalls: half a line\nstopped: program: DebugHalt$"))
    m.run("trace on")
    m.run("break on revoke")
    tap.claim("break_stops_at_the_operation", lambda: has(
        m.stopping("continue"), r"^stopped: condition 1\n#\d+ debug/calls revoke %s untyped" % HEX))
    tap.claim("where_tells_root_and_order_of_what_is_left", lambda: has(
        m.run("where"), r"^root     %s untyped" % HEX, r"^next     %s notification" % HEX,
        r"^done 0 steps, left 5 capabilities below the root, preempted 0 times$"))
    m.run("delete all")
    tap.claim("one_step_in_a_revoke_is_one_capability", lambda: steps(m))
    tap.claim("finish_runs_to_the_end_of_the_revoke", lambda: has(
        m.stopping("finish"), r"^stopped: finished\n#\d+ debug/calls revoked %s .*\n? *\(5 done\)" % HEX))
    tap.claim("a_number_past_the_end_of_a_revoke_stops_at_its_end", lambda: has(
        m.stopping("step 99"), r"^#\d+ debug/calls revoked "))
    tap.claim("finish_without_a_revoke_is_refused", lambda: refused_finish(m))
    tap.claim("trace_off_and_on_leaves_a_visible_gap", lambda: trace_gap(m))
    tap.claim("live_line_tells_what_it_could_not_send", lambda: live_lag(work, m))
    tap.claim("live_line_tells_that_the_trace_was_off", lambda: live_pause(m))
    tap.claim("no_line_is_wider_than_80_columns", lambda: too_wide(m.everything))


def steps(m):
    """Stepped to its end, a revoke of five takes five victims, each there when announced and gone
    one step later, and nothing else counts but an interruption."""
    victims, before = [], None
    for _ in range(20):
        text = m.stopping("step")
        event = re.search(r"^#\d+ debug/calls (\w+) (%s)" % HEX, text, re.M)
        if before is not None and "is empty" not in m.run("slot " + before) and "null" not in m.run("slot " + before):
            return "slot %s still holds its capability after the step" % before
        before = None
        if event.group(1) == "victim":
            before = event.group(2)
            if before not in victims:
                victims.append(before)
            if "notification" not in m.run("slot " + before):
                return "the victim is not there any more"
        elif event.group(1) not in ("preempted", "resumed"):
            return "stopped at %r" % text
        if len(victims) == 3:
            return None
    return "victims %r" % victims


def refused_finish(m):
    m.stopping("step 3")
    m.stopping("break on retype\rcontinue")
    m.run("delete all")
    return has(m.run("finish"), r"^finish: no revoke or delete is under way here$")


def trace_gap(m):
    m.run("trace off")
    m.run("continue")
    m.run("trace on")
    m.run("where")
    m.stopping("halt")
    m.run("trace wire")
    records = m.stream(Records())
    kinds = [r["record"] for r in records]
    if kinds[0] != "snapshot" or kinds[-1] != "end":
        return "stream %r" % kinds[:3]
    seq = None
    for r in records[1:-1]:
        first, count = (r["seq"], 1) if r["record"] == "event" else (r["first"], r["count"])
        if seq is not None and first != seq + 1:
            return "%d follows %d" % (first, seq)
        seq = first + count - 1
    return None if "event" in kinds else "no events"


def events_so_far(m):
    return int(re.search(r"^(\d+) events so far", m.run("trace"), re.M).group(1))


def live_lag(work, m):
    """Behind the ring, the live line names what is lost, and what follows is whole again."""
    m.run("continue")
    m.run("trace live on")
    decoder, records = Records(), []

    def take():
        records.extend(m.stream(decoder))
        m.frames = []
        return records

    take()
    hold_live_line(work, m, True)
    take()
    end, now = events_so_far(m) + 40000, 0
    while now < end:
        take()
        now = events_so_far(m)
    hold_live_line(work, m, False)
    m.until(lambda: any(r["record"] == "gap" for r in take()[:-1000]), "gap and events after it")
    seq = records[0]["seq"]
    for r in records:
        if r["record"] not in ("event", "gap"):
            continue
        first, count = (r["first"], r["count"]) if r["record"] == "gap" else (r["seq"], 1)
        if first != seq + 1:
            return "%r after %d" % (r, seq)
        seq += count
    lost = [r["count"] for r in records if r["record"] == "gap"]
    m.type(b"trace live off\r")
    return max(lost) > 8192 or "gaps of %r" % lost


def live_pause(m):
    """Trace off and on while the live line is up: a gap tells that something went by."""
    m.run("trace live on")
    decoder, records = Records(), []
    m.send(b"trace off\r")
    m.until_text(b"trace is off")
    m.send(b"trace on\r")

    def take():
        records.extend(m.stream(decoder))
        m.frames = []
        return [r for r in records if r["record"] == "gap"]

    m.until(take, "gap")
    m.run("trace live off")
    return None


def panic(work, m, tap):
    m.until_text(b"hello: done")
    m.text = b""
    plant_panic(work, m)
    m.until_text(b"stopped: panic: planted by the test")
    m.until(lambda: m.text.endswith(b"stopped> "), "prompt")
    said = m.text.replace(b"\r\n", b"\n").decode("ascii")
    tap.claim("panic_tells_where_and_shows_a_backtrace", lambda: has(
        said, r"^kernel panic: planted\.c:42: planted by the test$", r"^      0xf00[0-9a-f]{5}"))
    tap.claim("after_a_panic_questions_are_answered", lambda: has(m.run("threads"), "rootserver|debug/calls"))
    tap.claim("after_a_panic_nothing_goes_on", lambda: has(m.run("continue"), "not after a panic"))


def givesup(work, m, tap):
    m.until_text(b"givesup: ready")
    given_up = (r"^stopped: step: it goes no further, its thread was suspended or is gone$",
                r"^#\d+ givesup/worker preempted ")
    m.run("trace on")
    first = m.stopping("break on revoke")
    if "givesup/root revoke " in first:  # asked for between the two: the worker's is the next
        first = m.stopping("continue")
    tap.claim("a_thread_revokes_itself_too", lambda: has(first, r"^#\d+ givesup/worker revoke "))
    m.run("delete all")
    tap.claim("finish_ends_with_the_thread_that_revokes", lambda: has(m.stopping("finish"), *given_up))
    tap.claim("no_revoke_is_under_way_then", lambda: has(
        m.run("finish"), "^finish: no revoke or delete is under way here$"))
    tap.claim("whoever_revokes_next_begins_anew", lambda: has(
        m.stopping("break on revoke\rcontinue"), r"^#\d+ givesup/root revoke "))
    m.stopping("continue")
    m.run("delete all")
    tap.claim("a_number_of_steps_ends_there_too", lambda: has(m.stopping("step 99999"), *given_up))


def heard(m, command, word):
    """What the command says: a program writes meanwhile, and a busy host may take the processor from QEMU for longer than
    the program pauses, so that the command is not heard (see untorn)."""
    for _ in range(20):
        said = m.run(command)
        if word in said:
            break
    return said


def sentences(work, m, tap):
    m.until_text(b"sentences: slow lines")
    said = m.text.replace(b"\r\n", b"\n").decode("ascii")
    for name, fault in (("write", r"memory fault: write at 0x00433060, pc 0x\w+:\s+nothing is mapped there"),
                        ("nonsense", r"exception, pc 0x\w+"), ("unknown", r"unknown system call -99, pc 0x\w+"),
                        ("waiter", r"capability fault: 0x\w+ to receive,")):
        tap.claim("a_fault_without_handler_is_told_after_many_refusals: %s" % name, lambda: has(
            said, r"^say/%s: %s" % (name, fault)))
    tap.claim("refusals_that_nobody_heard_are_counted", lambda: has(
        said, r"^\(\d+ refusals and faults before this one were not explained\)\nsay/write: "))
    tap.claim("each_says_that_nobody_takes_care", lambda: said.count("it has no fault handler") == 5 or said)
    tap.claim("waiting_for_a_bound_notification_is_explained", lambda: has(
        said, r"^  the notification is bound to say/root,\n  and only that thread may wait for it$"))
    threads = heard(m, "threads", "say/mended")
    tap.claim("the_cause_can_be_asked_for_later", lambda: has(
        threads, r"say/write memory fault 0x433060\s+without a handler$", r"say/nonsense user exception 0x0\s+without",
        r"say/unknown unknown system call 0xffffff9d\s+without", r"say/waiter capability fault 0x\w+\s+without"))
    tap.claim("a_thread_that_was_resumed_has_no_cause", lambda: has(threads, r"inactive .* say/mended$"))
    lost, taker = re.search(r"frame 0x(\w+) lost its place to 0x(\w+)", said).groups()
    tap.claim("a_frame_whose_place_another_took_is_stale", lambda: has(
        heard(m, "frame " + lost, "frame 0x"), r"^cap .* frame 0x%s 4K rw at 0x40000000 asid \d+ \(stale\)" % lost))
    tap.claim("the_frame_that_took_it_is_not", lambda: stale(heard(m, "frame " + taker, "mapped")))
    tap.claim("typing_does_not_tear_a_programs_line", lambda: untorn(m))


def stale(said):
    return "a frame that is mapped is called stale:\n" + said if "stale" in said or "mapped" not in said else None


def untorn(m):
    """Of forty commands each of which would tear a line; a quarter may meet a host that took the processor from QEMU
    for longer than a program pauses."""
    begin, silent, most = len(m.everything), 0, 10
    for n in range(40):
        silent += "record format" not in m.run("version")
        m.pump(0.003 * (n % 17))
    if silent > most:
        return "%d of 40 commands had no answer in one piece" % silent
    m.until(lambda: m.everything.endswith(b"\n"), "end of a line")
    slow = [l for l in m.everything[begin:].replace(b"\r", b"").split(b"\n")[1:-1] if b"slow" in l or b"xyz" in l]
    begun = [l for l in slow if b"slow" in l]
    torn = [l for l in begun if not re.fullmatch(rb"(?:capscope> )?slow 0123456789 a[b-z]*z", l) or b"> " in l]
    if len(slow) < 20:
        return "only %d lines of the program" % len(slow)
    return "%d of %d lines are torn: %r" % (len(torn), len(begun), torn[:3]) if len(torn) > most else None


def hosted(work, m, tap):
    """The program drives the GPT as Linux does, so that it counts 39 times as fast as the kernel had it."""
    m.until_text(b"direct: done")
    m.send(b"\r")
    m.until(lambda: PROMPT.search(m.text.replace(b"\r\n", b"\n")), "prompt")
    tap.claim("halt_for_lasts_whatever_a_program_does_to_its_timer", lambda: driven_halt(m))
    tap.claim("half_a_packet_is_waited_for_as_long", lambda: driven_packet(m))
    tap.claim("a_live_line_lasts_as_long_while_the_kernel_stands", lambda: driven_live(m))


def driven_halt(m):
    m.stopping("halt for 2")
    stands = stands_for(m, 1)
    m.until(lambda: goes_on(m), "end of the lease")
    return stands


def driven_packet(m):
    m.text = b""
    m.send(b"$g")
    before = time.monotonic()
    m.until_text(b"half a packet came and nothing more")
    took = time.monotonic() - before
    m.send(b"\r")
    m.until(lambda: PROMPT.search(m.text.replace(b"\r\n", b"\n")), "prompt")
    return took > 1 or "%.2f s" % took


def driven_live(m):
    m.stopping("halt")
    m.run("trace live on for 2")
    stands_for(m, 1)
    lasts = "live line is on" in m.run("trace")
    silence = 2
    while "live line is on" in m.run("trace"):
        if silence > DEADLINE:
            return "it lasts for ever"
        silence *= 2
        stands_for(m, silence)
    m.run("continue")
    return lasts


def main():
    scenario, work, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tap = Tap(first)
    try:
        monitor = Monitor(work + "/monitor.sock")
        release(work)
        {"healthy": healthy, "program": program, "panic": panic, "sentences": sentences,
         "hosted": hosted, "givesup": givesup}[scenario](work, monitor, tap)
    except (TimeoutError, OSError, ValueError, subprocess.SubprocessError) as e:
        tap.claim("%s_scenario_comes_to_its_end" % scenario, lambda: str(e))
    with open(work + "/count", "w") as out:
        out.write("%d\n" % tap.count)
    sys.exit(1 if tap.failed else 0)


if __name__ == "__main__":
    main()
