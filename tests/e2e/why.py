"""Drives user/why for why.sh: lets it go on from pause to pause, and asks capdb at each."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from monitor_client import DEADLINE, Monitor, Tap, release

CAPDB = "build/host/capdb"
work = sys.argv[1]
MOST = 120  # requests of each kind that are foretold; WHY_REQUESTS=N for another number, up to 240
most = int(sys.argv[2]) if len(sys.argv) > 2 else MOST
ram = "ram:" + work + "/ram"
run = work + "/run.capdb"


def capdb(*words):
    done = subprocess.run([CAPDB, *words], capture_output=True, text=True, timeout=DEADLINE)
    return done.returncode, done.stdout, done.stderr


def asked(*words):
    """Rows of an answer."""
    code, out, err = capdb(*words, "--json")
    if not out:
        raise ValueError("%s: exit %d, %s" % (" ".join(words), code, err))
    return json.loads(out)


def sentences(*words):
    return [row["what"] for row in asked(*words)]


# --- threads that cannot go on ---------------------------------------------------------------------

# claim: the thread, and what one line each must say; "!" in front: no line may.
NOT_RUNNING = [
    ("nobody could send to it", "why/nobody-sends", "waits to receive from endpoint",
     "nobody else holds the right to send there: it waits for ever"),
    ("nobody could receive from it", "why/nobody-receives", "waits to send through endpoint",
     "nobody else holds the right to receive there: it waits for ever"),
    ("nobody could signal it", "why/nobody-signals", "waits for a signal of notification",
     "nobody else holds the right to signal it: it waits for ever"),
    ("two that wait for each other", "why/circle-a", "deadlock: why/circle-a waits for why/circle-b waits for why/circle-a"),
    ("the same from the other side", "why/circle-b", "deadlock: why/circle-b waits for why/circle-a waits for why/circle-b"),
    ("a reply that was thrown away", "why/no-reply", "waits for an answer",
     "the reply capability is gone: no answer can come"),
    ("a handler that does not answer", "why/unanswered", "has faulted \\(memory fault at 0x433060\\) and waits for an answer",
     "why/lazy is suspended"),
    ("a fault without handler", "why/writes-nowhere", "has faulted \\(memory fault at 0x433060\\), and nobody handles it",
     "it has no fault handler"),
    ("a handler that takes no messages", "why/bad-handler", "has faulted \\(user exception", "its fault handler 0x1 is no endpoint"),
    ("a suspended one", "why/suspended", "is suspended: somebody has to resume it", "!never started"),
    ("one that never began", "why/unborn", "was never started"),
    ("one that never has the highest priority", "why/low", "is ready at priority 10, but why/root, which runs, stands above it",
     "why/root has priority 100"),
]
FAULTS = [
    ("a read of a page that was unmapped", "why/lost-page", "memory fault at 0x40000000",
     "it wanted to read at the address 0x40000000", "the page table is there, its entry is empty",
     "to read there it needs a frame mapped at 0x40000000"),
    ("a write to nowhere", "why/writes-nowhere", "it wanted to write at the address 0x433060", "nothing is mapped at 0x433060",
     "it has no fault handler"),
    ("code that is nowhere", "why/executes-nowhere", "it wanted to execute at the address 0x433060"),
    ("an empty slot to receive from", "why/empty-slot", "it looked for the capability address 0x3 to receive",
     "the slot 0x\\w+ is empty", "a notification, would have to be there to receive from"),
    ("no fault", "why/unborn", "has not faulted"),
    ("an endpoint without the right to read", "why/no-read", "now the capability lacks the right to read: a capability fault",
     "there is endpoint", "an endpoint with the right to read, or a notification, would have to be there"),
    ("what is neither endpoint nor notification", "why/no-endpoint", "now nothing can be received from that",
     "there is untyped"),
    ("a guard that does not fit", "why/guard", "a guard does not fit: GuardMismatch",
     "wants the guard 0x0 \\(28 bits\\), the address has 0x8000000 there"),
    ("an address with too few bits", "why/depth", "to invoke; now the address has too few bits: DepthMismatch",
     "guard of 0 bits fits, index 7 \\(4 bits\\)", "takes 29 bits \\(guard 25, index 4\\), but 28 are left"),
    ("no CSpace", "why/no-space", "the thread has no CSpace root: InvalidRoot"),
    ("a call that the kernel does not have", "why/no-syscall", "unknown system call 0x4d",
     "it made a system call that this kernel does not have"),
    ("an undefined instruction", "why/bad-handler", "user exception, pc", "the processor refused the instruction at its pc"),
    ("a write to what can be read only", "why/read-only", "0x60001000 is 0x\\w+ \\(frame 0x\\w+ 4K\\), mapped r",
     "the mapping is there, but does not allow to write"),
    ("a write to a device", "why/device", "0x60002000 is 0x\\w+ \\(frame 0x\\w+ 4K device\\)",
     "does not allow to write"),
    ("a frame that another address space maps, too", "why/shared", "why/sharer maps that frame, too, at 0x20000000"),
    ("an empty entry of a page table", "why/hole", "nothing is mapped at 0x60010000: the page table is there, its entry is empty"),
    ("no page table", "why/no-table", "nothing is mapped at 0x50000000: the look-up ends at the root of the address space"),
    ("an address of the kernel", "why/kernel", "0xf0001000 is no address of users", "!needs a frame"),
]
PAST_FAULTS = [
    ("the slot that was emptied", "why/lost-slot", "it faulted before snapshot \\d+ .*event \\d+", "until snapshot \\d+ .* it held endpoint",
     "why/root deleted it \\(event \\d+, tick \\d+\\)"),
    ("the page that was unmapped", "why/lost-page", "until snapshot \\d+ .* the frame 0x\\w+ was mapped at 0x40000000",
     "why/root unmapped frame"),
    ("the slot that was emptied by a revoke", "why/revoked", "until snapshot \\d+ .* it held endpoint",
     "why/root deleted it \\(event \\d+, tick \\d+\\), in a revoke", "the revoke of what is in the slot 0x\\w+"),
    ("the page table that was unmapped", "why/lost-table", "why/root unmapped pagetable 0x\\w+"),
    ("a slot that was never filled", "why/empty-slot", "it had faulted when the recording began", "empty in all \\d+ snapshots"),
]
PAST_WAITS = [
    ("how long it has been so", "why/nobody-sends", "every snapshot since 1 .*, the first, shows it so"),
    ("who stood above, and how often it ran", "why/low", "why/\\w+ ran in \\d+ of these \\d+ snapshots, at priority \\d+"),
    ("who took the right to signal", "why/lost-signal", "nobody else holds the right to signal it",
     "the last one that could was in the slot 0x\\w+ until snapshot \\d+", "why/root deleted it \\(event \\d+"),
    ("who took the reply", "why/lost-reply", "the reply capability is gone",
     "the last one that could was in the slot 0x\\w+", "why/root deleted it \\(event \\d+"),
    ("who suspended it, also between snapshots", "why/later", "is suspended: somebody has to resume it",
     "why/root suspended it \\(event \\d+, tick \\d+\\)", "why/root resumed it", "in snapshot \\d+ .* it was (ready|running)"),
]

# What is asked, the exit status, and what stderr says.
REFUSED = [
    ("a thread that died meanwhile", ("why-not-running", "why/dies"), "why/dies was there until snapshot \\d+ .*: it is gone in snapshot"),
    ("a name that fits several", ("why-not-running", "why/twin"), "why/twin fits 2 threads: why/twin \\(tcb:0x\\w+\\), why/twin \\(tcb:0x"),
    ("a part of a name that fits several", ("why-fault", "why/circle"), "why/circle fits 2 threads: why/circle-"),
    ("a name that nothing has", ("why-fault", "why/nobody-at-all"), "no domain, thread or object called why/nobody-at-all"),
    ("a thing that is no thread", ("why-denied", "domain:why", "3"), "domain:why is no thread|no domain"),
    ("what is no capability address", ("why-denied", "why/low", "x"), "x: not a capability address"),
    ("a type that does not exist", ("retype", "untyped:0x0", "teapot"), "no type of object is called so \\(untyped, .*, vcpu\\)"),
    ("a size that is none", ("retype", "untyped:0x0", "frame", "0"), "0: not a size"),
    ("a count that is none", ("retype", "untyped:0x0", "tcb", "0", "x"), "x: not a count"),
    ("a count alone of what has several sizes", ("retype", "untyped:0x0", "frame", "3"), "3: not a size"),
]


def says(command, source, thread, wanted):
    lines = sentences(command, source, thread)
    text = "\n".join(lines)
    for pattern in wanted:
        none = pattern.startswith("!")
        if (re.search(pattern.lstrip("!"), text) is None) != none:
            return "%s\n%s: %r" % (text, "said" if none else "not said", pattern.lstrip("!"))
    return None


def refuses(source, words, wanted):
    code, out, err = capdb(words[0], source, *words[1:])
    if code != 2 or out or not re.search(wanted, err):
        return "exit %d, said %r, and %r instead of %r" % (code, out, err, wanted)
    return None


def names_as_printed(source):
    """Every thread can be asked for by what the table of threads calls it, or it is said which ones are called so."""
    for row in asked("threads", source):
        code, out, err = capdb("why-not-running", source, row["name"])
        if code != 0 and "fits 2 threads" not in err:
            return "%s: exit %d, %s" % (row["name"], code, err)
    return None


def lost(source, lost_bits):
    rows = asked("leak", source)
    if not any(r["kind"] == "lost" and r["bytes"] == 1 << lost_bits for r in rows):
        return "%d bytes are not lost: %r" % (1 << lost_bits, [r for r in rows if r["kind"] == "lost"])
    if not any(r["kind"] == "unreachable" and r["what"].startswith("frame") for r in rows):
        return "no frame is unreachable: %r" % [r for r in rows if r["kind"] == "unreachable"]
    return None


def serve_and_drop(path, words):
    """A target that says these words to whoever comes, and hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)

    def serve():
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                if words:
                    line.recv(64)
                    line.sendall(words)

    threading.Thread(target=serve, daemon=True).start()
    return listener


def dropped(door, words):
    """A question to a target that hangs up ends with a sentence."""
    path = work + "/dropping"
    listener = serve_and_drop(path, words)
    try:
        code, out, err = capdb("why-not-running", door + ":unix:" + path, "why/low")
    finally:
        listener.close()
        os.unlink(path)
    lines = err.splitlines()
    if code != 2 or out or len(lines) != 1 or "dropping" not in err:
        return "exit %d, said %r and %r" % (code, out, err)
    return None


def claim_rows(tap, what, command, source, rows):
    for claim, thread, *wanted in rows:
        tap.claim("%s: %s" % (what, claim), lambda: says(command, source, thread, wanted))


def detach():
    """Lets the kernel go on through its own stub, while the monitor's line belongs to the recorder."""
    with socket.socket(socket.AF_UNIX) as stub:
        stub.settimeout(DEADLINE)
        stub.connect(work + "/stub.sock")
        stub.sendall(b"+$D#44")
        answer = b""
        while b"$OK#" not in answer:
            more = stub.recv(64)
            if not more:
                raise OSError("the stub closed the connection: %r" % answer)
            answer += more
        stub.sendall(b"+")


def recorded(query):
    code, out, _ = capdb("sql", run, query)
    return code == 0 and len(out.splitlines()) > 1 and out.splitlines()[1] not in ("", "0")


def wait_for(what, done):
    end = time.monotonic() + DEADLINE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


def record():
    """From before something is taken away until both who miss it have faulted."""
    recorder = subprocess.Popen([CAPDB, "record", "monitor:unix:" + work + "/monitor.sock", run, "--every", "0.1"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("no first snapshot", lambda: os.path.exists(run) and recorded("SELECT count(*) FROM snapshots"))
        detach()
        wait_for("no fault in the recording", lambda: recorded(
            "SELECT count(DISTINCT name) = 4 FROM threads WHERE name IN ('why/lost-slot', 'why/lost-page', 'why/lost-table',"
            " 'why/revoked') AND fault <> 'none' AND n > 1"))
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(DEADLINE)


def at(monitor, mark):
    monitor.until_text(mark.encode())
    monitor.until(lambda: monitor.text.endswith(b"stopped> "), "stop behind %r" % mark)


def situations(tap):
    monitor = Monitor(work + "/monitor.sock")
    release(work)
    at(monitor, "why: before")
    lost_bits = int(re.search(rb"why: lost (\d+) bits", monitor.text).group(1))
    monitor.socket.close()
    record()
    claim_rows(tap, "why-not-running", "why-not-running", ram, NOT_RUNNING)
    claim_rows(tap, "the recording says the same", "why-not-running", run, NOT_RUNNING)
    claim_rows(tap, "why-fault", "why-fault", ram, FAULTS)
    claim_rows(tap, "why-fault, what was before", "why-fault", run, PAST_FAULTS)
    claim_rows(tap, "why-not-running, since when", "why-not-running", run, PAST_WAITS)
    for claim, words, wanted in REFUSED:
        tap.claim("refused: " + claim, lambda: refuses(run, words, wanted))
    for door in "monitor", "gdb":
        for words in b"", b"+$":
            tap.claim("a %s target that hangs up after %r" % (door, words), lambda: dropped(door, words))
    for source in ram, run:
        tap.claim("every thread is found by its name in the table, of " + source[:3], lambda: names_as_printed(source))
        tap.claim("leak names memory that nobody can reach, of " + source[:3], lambda: lost(source, lost_bits))


# --- requests that are foretold -----------------------------------------------------------------------

ERRORS = ["done", "InvalidArgument", "InvalidCapability", "IllegalOperation", "RangeError", "AlignmentError", "FailedLookup",
          "TruncatedMessage", "DeleteFirst", "RevokeFirst", "NotEnoughMemory"]


def object_types():
    """{number of the ABI: capdb's word} from the list in abi/syscall.h."""
    text = open("abi/syscall.h").read()
    part = text[text.index("#define OBJECT_TYPE_LIST"):text.index("enum object_type")]
    words = {"UNTYPED": "untyped", "TCB": "tcb", "ENDPOINT": "endpoint", "NOTIFICATION": "notification", "CNODE": "cnode",
             "PAGE_TABLE": "pagetable", "PAGE_DIRECTORY": "pagedir"}
    out = {}
    for number, name in re.findall(r"X\((\d+), (\w+),", part):
        out[int(number)] = ("frame", {"4K": "^12", "64K": "^16", "1M": "^20", "16M": "^24"}[name[6:]]) \
            if name.startswith("FRAME_") else (words[name], None)
    return out


def root_cnode():
    """Where the root task's slots lie."""
    rows = asked("sql", ram, "SELECT object FROM caps WHERE holder = (SELECT addr FROM threads WHERE name = 'why/root') "
                             'AND "index" = 0')
    return int(rows[0]["object"], 16)


class Foretold:
    def __init__(self):
        self.asked = 0
        self.answers = {}
        self.wrong = []

    def compare(self, request, told, answer):
        self.asked += 1
        self.answers[answer] = self.answers.get(answer, 0) + 1
        if told != answer:
            self.wrong.append("%s: foretold %s, the kernel says %s" % (request, told, answer))

    def verdict(self, least, kinds):
        if self.wrong:
            return "%d of %d are wrong:\n%s" % (len(self.wrong), self.asked, "\n".join(self.wrong[:5]))
        if self.asked < least or len(self.answers) < kinds:
            return "only %d requests, answers %r" % (self.asked, self.answers)
        return None


def go(monitor):
    """Lets the program go on to its next pause; what it said meanwhile."""
    monitor.text = b""
    monitor.send(b"continue\r")
    monitor.until(lambda: b"continue\r\n" in monitor.text and monitor.text.endswith(b"stopped> "), "stop")
    return monitor.text.replace(b"\r\n", b"\n").decode("ascii")


def foretell_retype(cnode, types, words):
    untyped, kind, size, count, into = words
    name, bits = types[kind]
    code, out, err = capdb("retype", ram, "slot:0x%x" % (cnode + 16 * untyped), name, bits or "^%d" % size, str(count), "--json")
    if not out:
        raise ValueError("retype %r: exit %d, %s" % (words, code, err))
    return {row["fact"]: row["value"] for row in json.loads(out)}


def first_object(cnode, slot):
    rows = asked("sql", ram, "SELECT object FROM caps WHERE slot = 0x%x" % (cnode + 16 * slot))
    return rows[0]["object"] if rows else None


def foretell_look_up(cptr):
    said = sentences("why-denied", ram, "why/subject", cptr)[0]
    for word, answer in (("InvalidRoot", "fault 1"), ("DepthMismatch", "fault 3"), ("GuardMismatch", "fault 4"),
                         ("InvalidCapability", "error 2"), ("can be invoked", "invoked")):
        if word in said:
            return answer
    return said


def take_look_ups(said, told, foretold):
    answers = {cptr: "error 2" if label == "2" else "invoked"
               for cptr, label in re.findall(r"why: found (\w+) label (\d+)", said)}
    answers.update((cptr, "fault " + reason) for cptr, reason in re.findall(r"why: fault (\w+) reason (\d+)", said))
    for cptr, what in told.items():
        foretold.compare("0x" + cptr, what, answers.get(cptr))


def requests(tap):
    monitor = Monitor(work + "/monitor.sock")
    looks, retypes, places = Foretold(), Foretold(), Foretold()
    types, cnode, told, expected = object_types(), root_cnode(), {}, None
    said = go(monitor)
    while True:  # the last answer comes with the end
        take_look_ups(said, told, looks)
        answer = re.search(r"why: answer (\d+)", said)
        if answer and expected:
            request, plan = expected
            retypes.compare(request, plan["answer"], ERRORS[int(answer.group(1))])
            if plan["answer"] == "done" and answer.group(1) == "0":
                place = first_object(cnode, request[4])
                if place:
                    places.compare(request, int(plan["first object at"], 16) == int(place, 16), True)
        if "why: done" in said:
            break
        expected, told = None, {}
        request = re.search(r"why: retype (\d+) (\d+) (\d+) (\d+) into (\d+)", said)
        if request and retypes.asked < most:
            words = [int(w) for w in request.groups()]
            expected = words, foretell_retype(cnode, types, words)
        elif "why: look-ups" in said:
            addresses = re.findall(r"why: address (\w+)", said)
            told = {cptr: foretell_look_up("0x" + cptr) for cptr in addresses[:max(0, most - looks.asked)]}
        said = go(monitor)
    tap.claim("%d look-ups end as foretold" % looks.asked, lambda: looks.verdict(most, 3))
    tap.claim("%d Retypes are answered as foretold" % retypes.asked, lambda: retypes.verdict(most, 4))
    tap.claim("%d begin at the address that was foretold" % places.asked, lambda: places.verdict(most // 10, 1))


def main():
    tap = Tap(1)
    try:
        situations(tap)
        requests(tap)
    except (TimeoutError, OSError, ValueError, KeyError, subprocess.SubprocessError) as e:
        tap.claim("the program comes to its end", lambda: "%s: %s" % (type(e).__name__, e))
    with open(work + "/count", "w") as out:
        out.write("%d\n" % tap.count)
    sys.exit(1 if tap.failed else 0)


if __name__ == "__main__":
    main()
