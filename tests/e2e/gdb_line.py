"""A hand-made gdb for gdbstub.sh: speaks the remote protocol badly on purpose.

  gdb_line.py runs DIR               does the kernel run?
  gdb_line.py hostile DIR FIRST      TAP from number FIRST; how many claims goes to DIR/count
  gdb_line.py lease DIR FIRST        who says for how long it stops the kernel
  gdb_line.py one-line DIR FIRST
DIR holds monitor.sock (UART1) and stub.sock (UART2)."""
import random
import select
import socket
import sys
import time

DEADLINE = 60.0


def frame(data):
    """A packet's bytes; `data` is escaped as it must be."""
    raw = bytearray()
    for byte in data:
        if byte in b"#$}*":
            raw += bytes([0x7D, byte ^ 0x20])
        else:
            raw.append(byte)
    return b"$" + bytes(raw) + b"#%02x" % (sum(raw) & 0xFF)


class Line:
    """One line. The machine stands still while somebody does not read what it writes, so whoever
    sends reads from all lines meanwhile."""

    all = []

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self.got = b""
        Line.all.append(self)

    def send(self, data):
        while data:
            _, ready, _ = select.select([], [self.socket], [], 0.01)
            if ready:
                data = data[self.socket.send(data[:64]):]
            Line.read_all(0)

    @staticmethod
    def read_all(seconds):
        """Reads what there is on any line, waiting for the first byte at most so long."""
        ready, _, _ = select.select([line.socket for line in Line.all], [], [], max(0, seconds))
        for line in Line.all:
            if line.socket in ready:
                data = line.socket.recv(65536)
                if not data:
                    raise EOFError("the machine closed the line")
                line.got += data

    def pump(self, seconds):
        """Waits at most so long for input on this line."""
        before, end = len(self.got), time.monotonic() + seconds
        while True:
            Line.read_all(end - time.monotonic())
            if len(self.got) != before:
                return True
            if time.monotonic() >= end:
                return False

    def until(self, want, seconds=DEADLINE):
        """Consumes input up to and with `want`; returns it, or None at the deadline."""
        end = time.monotonic() + seconds
        while want not in self.got:
            if time.monotonic() >= end or not self.pump(end - time.monotonic()):
                return None
        at = self.got.index(want) + len(want)
        text, self.got = self.got[:at], self.got[at:]
        return text

    def drop(self, quiet=0.2):
        """Throws away input until none comes for a moment."""
        while self.pump(quiet):
            pass
        self.got = b""

    def packet(self, seconds=DEADLINE):
        """The next packet's data, its checksum checked; acknowledgements before it are skipped."""
        end = time.monotonic() + seconds
        while True:
            at = self.got.find(b"$")
            stop = self.got.find(b"#", at)
            if at >= 0 and stop >= 0 and len(self.got) >= stop + 3:
                raw = self.got[at + 1:stop]
                check = int(self.got[stop + 1:stop + 3], 16)
                self.got = self.got[stop + 3:]
                if sum(raw) & 0xFF != check:
                    raise ValueError("checksum of the stub's packet is wrong")
                return raw
            if time.monotonic() >= end or not self.pump(end - time.monotonic()):
                return None

    def ask(self, text, seconds=DEADLINE):
        self.send(frame(text))
        answer = self.packet(seconds)
        if answer is not None:
            self.send(b"+")
        return answer

    def command(self, text):
        """A monitor command through gdb: what it printed."""
        self.send(frame(b"qRcmd," + text.hex().encode()))
        said = b""
        while True:
            answer = self.packet()
            if answer is None:
                return None
            self.send(b"+")
            if answer[:1] != b"O" or answer == b"OK":
                return said
            said += bytes.fromhex(answer[1:].decode())

    def close(self):
        Line.all.remove(self)
        self.socket.close()


class Tap:
    def __init__(self, first):
        self.number = first - 1

    def check(self, ok, claim, *shown):
        self.number += 1
        print("%s %d - %s" % ("ok" if ok else "not ok", self.number, claim))
        if not ok:
            for item in shown:
                print("# got %r" % (item,))
        sys.stdout.flush()
        return ok


def monitor_runs(monitor):
    """Does the kernel run? The monitor says so to whoever asks."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        monitor.send(b"\x15where\r")
        if monitor.until(b"running: ", 1) is not None:
            return True
    return False


def attach(line):
    line.send(b"+")
    return line.ask(b"qSupported:swbreak+;xmlRegisters=arm")


def detach(line):
    line.ask(b"D")


def damaged_packets(tap, stub, monitor):
    about = attach(stub)
    tap.check(b"PacketSize=1000" in about, "the line introduces itself", about)
    tap.check(b"QStartNoAckMode" not in about, "and does not offer to be believed without checksums", about)
    stub.send(b"$?#00")
    tap.check(stub.until(b"-") is not None, "a wrong checksum is asked for again")
    tap.check(monitor.until(b"its checksum is wrong") is not None, "and the console says so")
    tap.check(stub.ask(b"?")[:1] == b"T", "the packet sent again is answered")

    good = frame(b"qC")
    stub.send(good[:2] + good[3:])
    tap.check(stub.until(b"-") is not None, "a dropped byte is asked for again")
    stub.send(good[:2] + good[1:2] + good[2:])
    tap.check(stub.until(b"-") is not None, "a doubled byte is asked for again")
    stub.send(good[:1] + bytes([good[1] ^ 0x40]) + good[2:])
    tap.check(stub.until(b"-") is not None, "a flipped byte is asked for again")
    stub.send(b"$m80000000,10" + frame(b"qC"))
    tap.check((stub.packet() or b"")[:2] == b"QC", "a packet inside a packet is answered, the cut one dropped")
    stub.send(b"+")
    stub.send(b"$" + b"x" * 6000 + b"#00")
    tap.check(stub.until(b"-") is not None, "a packet that is too long is refused")
    stub.send(b"$" + b"y" * 6000 + b"#%02x" % (6000 * ord("y") & 0xFF))
    tap.check(stub.until(b"-") is not None, "though its checksum is right")
    tap.check(stub.ask(b"qC")[:2] == b"QC", "the next packet is answered")

    stub.drop()
    stub.send(b"-")
    tap.check((stub.packet() or b"")[:2] == b"QC", "the last packet comes again when asked for")
    stub.send(b"+")


def meaning(tap, stub):
    cases = [
        (b"vMustReplyEmpty", b"", "what is unknown gets an empty reply"),
        (b"\x00\xff\x80", b"", "bytes that are no words get an empty reply"),
        (b"vCont;x", b"E01", "an action that is none is refused"),
        (b"vCont;r1000", b"E01", "a range without an end is refused"),
        (b"vCont?", b"vCont;c;C;s;S;r", "it goes on and steps, by one or through a range"),
        (b"qCRC:40000000,10", b"E0e", "the checksum of nothing is an error"),
        (b"qCRC:f0000000,ffffffff", b"E0e", "the checksum of too much is an error"),
        (b"qCRC:f0000000", b"E01", "a checksum without a length is refused"),
        (b"m", b"E01", "a read without an address is refused"),
        (b"m40000000,4", b"E0e", "a read of nothing is an error"),
        (b"mfffffffe,10", b"E0e", "a read past the end of memory is an error"),
        (b"mf0000000,ffffffff", None, "a read of too much gives a part"),
        (b"Mf0000000,4:00", b"E01", "a write with too few bytes is refused"),
        (b"M43f90040,1:41", b"E0e", "a write to an unmapped address is an error"),
        (b"Mfff00040,1:41", b"E0e", "a write to a device is an error"),
        (b"Xf0000000,0:", b"OK", "binary writes are offered"),
        (b"Xf0000000,8:abc", b"E01", "a binary write of another length is refused"),
        (b"p11", b"E16", "a register that is not there is an error"),
        (b"P0=12", b"E01", "half a register is refused"),
        (b"G00", b"E01", "a few registers are refused"),
        (b"Hg7fffffff", b"E03", "a thread that is not there is an error"),
        (b"T2", b"E03", "a thread that is not there is not alive"),
        (b"qThreadExtraInfo,77", b"E03", "and has no description"),
        (b"qXfer:threads:read::ffffffff,10", b"l", "beyond its end a document is empty"),
        (b"qXfer:features:read:target.xml:zz", b"E01", "a malformed window is refused"),
        (b"Z0,f0000001,4", b"E0e", "a breakpoint between instructions is refused"),
        (b"Z0,40000000,4", b"E0e", "a breakpoint nowhere is refused"),
        (b"Z0,f0100000,4", b"E0e", "a breakpoint in data is refused"),
        (b"Z1,f0000000,4", b"", "hardware breakpoints are not offered"),
        (b"z0,12345678,4", b"OK", "removing what is not there is no error"),
        (b"qRcmd,zz", b"O", "a command that is not hexadecimal says so"),
    ]
    for request, want, claim in cases:
        answer = stub.ask(request)
        ok = answer is not None and (answer == want if want not in (None, b"O") else len(answer) > 100
                                     if want is None else answer[:1] == b"O")
        tap.check(ok, claim, request, answer)
        if want == b"O":
            stub.packet()
            stub.send(b"+")
    long = stub.ask(b"qRcmd," + b"61" * 1000)
    tap.check(bytes.fromhex((long or b"O")[1:].decode()).startswith(b"this command is too long"),
              "a command that is too long says so", long)
    stub.packet()
    stub.send(b"+")


def documents(tap, stub):
    for name, annex, end in ((b"features", b"target.xml", b"</target>"), (b"memory-map", b"", b"</memory-map>"),
                             (b"threads", b"", b"</threads>\n")):
        whole, offset = b"", 0
        while True:
            piece = stub.ask(b"qXfer:%s:read:%s:%x,40" % (name, annex, offset))
            whole += piece[1:].replace(b"}\x03", b"#")
            offset = len(whole)
            if piece[:1] == b"l" or len(whole) > 100000:
                break
        other = stub.ask(b"qXfer:%s:read:%s:0,7f8" % (name, annex))
        tap.check(whole.endswith(end) and other[1:] == whole[:len(other) - 1],
                  "%s comes the same in small pieces and large" % name.decode(), whole[-40:])


def no_ack(tap, stub):
    tap.check(stub.ask(b"QStartNoAckMode") == b"OK", "acknowledgements can be switched off")
    stub.send(frame(b"qC"))
    tap.check((stub.packet() or b"")[:2] == b"QC", "then none comes")
    stub.send(b"+" + frame(b"qSupported:swbreak+"))
    tap.check((stub.until(b"$") or b"")[:1] == b"+", "a new gdb begins with acknowledgements whatever the old one did")
    stub.got = b"$" + stub.got
    stub.packet()
    stub.send(b"+")


def running(tap, stub, monitor):
    stub.send(frame(b"vCont;c"))
    tap.check(monitor_runs(monitor), "vCont;c lets the kernel go on")
    stub.drop()
    stub.send(b"\x03")
    answer = stub.packet()
    tap.check(answer is not None and answer.startswith(b"T02thread:"), "^C stops it", answer)
    stub.send(b"+")
    stub.send(frame(b"vCont;c"))
    monitor_runs(monitor)
    monitor.send(b"\x15halt\r")
    answer = stub.packet()
    tap.check(answer is not None and answer.startswith(b"T02"), "the monitor's halt is a stop for gdb", answer)
    stub.send(b"+" + frame(b"vCont;c"))
    monitor_runs(monitor)
    stub.send(b"+++noise without a beginning\r\n#00 -")
    tap.check(monitor_runs(monitor), "noise does not stop the kernel")
    stub.drop()
    stub.send(b"$m8000")
    tap.check(monitor.until(b"half a packet came and nothing more") is not None,
              "half a packet and silence: the console says so")
    tap.check(monitor_runs(monitor), "and the kernel goes on")
    stub.send(b"\x03")
    answer = stub.packet()
    tap.check(answer is not None and answer.startswith(b"T02"), "and gdb still waits for its stop", answer)
    stub.send(b"+")
    monitor.drop()
    monitor.send(b"\x15continue\r")
    tap.check(monitor_runs(monitor), "the monitor can let the kernel go on that gdb stopped")
    tap.check(stub.ask(b"?")[:1] == b"T", "a packet stops it again and is answered")


def two_clients(tap, stub, monitor, work):
    monitor.drop()
    monitor.send(b"\x15" + frame(b"qSupported"))
    tap.check(monitor.until(b"attached through UART2") is not None,
              "a second gdb on the other line is told that the first has it")
    monitor.send(b"\x15version\r")
    tap.check(monitor.until(b"debug build") is not None, "and that line stays the monitor's")
    tap.check(stub.ask(b"qC")[:2] == b"QC", "and the first goes on")


def fuzz(tap, stub, monitor):
    """Damaged and random packets; only reading ones get a right checksum."""
    rng = random.Random(20)
    readers = [b"m%x,%x", b"p%x", b"T%x", b"Hg%x", b"qThreadExtraInfo,%x", b"qXfer:threads:read::%x,%x",
               b"qXfer:features:read:target.xml:%x,%x", b"z0,%x,%x", b"qRcmd,%x", b"q%x", b"v%x", b"Z7,%x,%x"]
    for turn in range(1500):
        pick = rng.choice(readers)
        packet = frame(pick % tuple(rng.getrandbits(rng.choice((4, 16, 32))) for _ in range(pick.count(b"%x"))))
        kind = rng.randrange(4)
        if kind == 0:
            packet = bytearray(packet)
            packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)
            packet = bytes(packet)
        elif kind == 1:
            at = rng.randrange(len(packet))
            packet = packet[:at] + packet[at + 1:]
        elif kind == 2:
            packet = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 40))).replace(b"\x03", b"") \
                .replace(b"k", b"") + packet
        stub.send(packet)
        stub.got = monitor.got = b""
    stub.send(b"#00")
    stub.drop()
    about = attach(stub)
    tap.check(about is not None, "after fifteen hundred damaged packets gdb attaches")
    tap.check(b"PacketSize=100;" in (about or b""), "and is asked for small packets", about)
    findings = stub.command(b"audit") or b""
    tap.check(findings.startswith(b"0 findings"), "and the state is whole", findings[-200:])


def hostile(tap, work):
    monitor, stub = Line(work + "/monitor.sock"), Line(work + "/stub.sock")
    stub.drop()
    damaged_packets(tap, stub, monitor)
    meaning(tap, stub)
    documents(tap, stub)
    no_ack(tap, stub)
    running(tap, stub, monitor)
    two_clients(tap, stub, monitor, work)
    fuzz(tap, stub, monitor)
    detach(stub)
    tap.check(monitor_runs(monitor), "and the kernel goes on when it detaches")
    monitor.close()
    stub.close()


def monitor_stands(monitor):
    monitor.drop()
    monitor.send(b"\x15where\r")
    return monitor.until(b"stopped: ") is not None


def lease(tap, work):
    stub, monitor = Line(work + "/stub.sock"), Line(work + "/monitor.sock")
    monitor.drop()
    about = attach(stub)
    tap.check(b"capscope-lease+" in about, "a stop may be for a time", about)
    tap.check(stub.ask(b"QCapscope.lease:1") == b"OK", "it is granted")
    tap.check(monitor.until(b"it has been silent") is not None, "who then falls silent has had its time")
    tap.check(monitor_runs(monitor), "and the kernel goes on")
    told = stub.ask(b"mf0000000,4")
    tap.check(told == b"W00", "who reads on is told that it is over", told)
    stub.send(b"\x03")
    tap.check(monitor_runs(monitor), "and stops nothing by ^C")
    tap.check(b"PacketSize" in (attach(stub) or b""), "who begins anew is served")
    stub.ask(b"QCapscope.lease:1")
    stub.send(frame(b"c"))
    tap.check(monitor_runs(monitor), "it lets the kernel go on")
    stub.send(b"\x03")
    tap.check(monitor.until(b"it has been silent") is not None, "a later stop is for that time, too")
    tap.check(monitor_runs(monitor), "before its client says so again")
    stub.drop()
    attach(stub)
    stub.ask(b"QCapscope.lease:1")
    attach(stub)
    time.sleep(2)
    tap.check(monitor_stands(monitor), "who comes after it and does not ask for that has time")
    stub.ask(b"QCapscope.lease:3")
    for _ in range(9):
        stub.ask(b"qC")
        time.sleep(0.5)
    tap.check(monitor_stands(monitor), "as long as it speaks the kernel stands")
    stub.ask(b"QCapscope.lease:1")
    stub.ask(b"QCapscope.lease:0")
    time.sleep(2)
    tap.check(monitor_stands(monitor), "and for ever when it takes that back")
    stub.ask(b"QCapscope.lease:1")
    monitor.send(b"\x15halt\r")
    time.sleep(2)
    tap.check(monitor_stands(monitor), "or when somebody halts it on the monitor")
    detach(stub)
    tap.check(monitor_runs(monitor), "it goes on when the client detaches")
    monitor.send(b"\x15halt\r")
    tap.check(monitor_stands(monitor), "of a kernel that the monitor halted")
    attach(stub)
    stub.ask(b"QCapscope.lease:1")
    time.sleep(2)
    tap.check(monitor_stands(monitor), "nobody else has a stop to give back")
    detach(stub)
    tap.check(monitor_runs(monitor), "but by detaching")
    monitor.close()
    stub.close()


def one_line(tap, work):
    line = Line(work + "/monitor.sock")
    line.drop()
    line.send(b"\x03")
    line.send(b"\x15version\r")
    tap.check(line.until(b"debug build") is not None, "^C alone leaves the line the monitor's")
    line.drop()
    line.send(b"\x15$m8000")
    tap.check(line.until(b"half a packet came") is not None, "half a packet on the monitor's line: it says so")
    tap.check(monitor_runs(line), "and the line is the monitor's again")
    line.drop()
    tap.check(b"PacketSize" in (attach(line) or b""), "a packet at the prompt opens gdb's line")
    line.send(b"\r")
    tap.check(line.until(b"the line is the monitor's again") is not None, "a plain return closes it")
    line.send(b"where\r")
    tap.check(line.until(b"stopped: halt") is not None, "the kernel stands until somebody lets it go on")
    line.send(b"continue\r")
    tap.check(monitor_runs(line), "and goes on then")
    line.close()


def main():
    what, work = sys.argv[1], sys.argv[2]
    if what == "runs":
        sys.exit(not monitor_runs(Line(work + "/monitor.sock")))
    tap = Tap(int(sys.argv[3]))
    try:
        {"hostile": hostile, "lease": lease, "one-line": one_line}[what](tap, work)
    except (EOFError, OSError, ValueError, TypeError) as problem:
        tap.check(False, what + " goes to its end", problem)
        raise
    finally:
        open(work + "/count", "w").write("%d\n" % tap.number)


main()
