#!/usr/bin/env python3
"""Breaks the kernel's data at random and looks at it through every door.

  poke.py WORK DUMP SEED HALTED RUNNING [FIRST]

HALTED trials poke a machine that stands, look, and put back what was there; RUNNING trials poke a
machine that runs and look at whatever becomes of it, on a new machine each.  WORK holds sockets and
RAM, DUMP is the built dump_records.  A poke is one bit, sometimes a word, of a slot, a TCB, a queue,
an untyped's watermark, kernel_roots, a page directory (its kernel part included), an ASID pool or
the kernel's own scheduling data.

What must hold, each within DEADLINE:
  - every door gives records or one sentence; those that give records give the same;
  - where the records are those of the unbroken state, or tell nothing, that is right: the broken word
    is not among them.  What the audit knows by a rule it names, and counts;
  - the monitor prompts, before and after.
Prints TAP, numbered from FIRST, and figures."""
import mmap
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

IMAGE = "build/arm/debug/image-demo-healthy.elf"
RAM_BASE, OFFSET, RAM_SIZE = 0x80000000, 0x70000000, 128 << 20
DEADLINE = 5.0
PATIENCE = float(os.environ.get("POKE_PATIENCE", "1"))  # a loaded machine gets more time
FIELDS = ("magic0 magic1 version layout size phys_offset ram_base ram_size kernel_start kernel_end cdt_head "
          "ready_queues ready_bits current idle_thread asid_table irq_state irq_slots kernel_pd ticks "
          "globals_frame debug_control event_ring digest").split()
TYPES = {1: "untyped", 2: "endpoint", 3: "notification", 5: "cnode", 6: "tcb", 13: "directory", 14: "pool"}
DOORS = ("ram", "gdb", "monitor", "stub")
PROMPT = re.compile(rb"\n(?:stopped|capscope)> ")


class Failure(Exception):
    pass


class Machine:
    """A QEMU with the demo system, its RAM mapped here: one of its own, or one that runs already."""

    def __init__(self, work, attach=False):
        self.work, self.process = work, None
        if not attach:
            self.start(work)
        self.wait(lambda: os.path.exists(f"{work}/gdb.sock") and os.path.exists(f"{work}/ram"))
        with open(f"{work}/ram", "r+b") as f:
            self.ram = mmap.mmap(f.fileno(), RAM_SIZE)
        self.wait(self.find_roots)
        self.wait(self.is_busy)

    def start(self, work):
        for name in ("monitor.sock", "stub.sock", "gdb.sock", "ram"):
            if os.path.exists(f"{work}/{name}"):
                os.unlink(f"{work}/{name}")
        sockets = []
        for name in ("monitor", "stub"):
            sockets += ["-chardev", f"socket,id={name},path={work}/{name}.sock,server=on,wait=off",
                        "-serial", f"chardev:{name}"]
        self.process = subprocess.Popen(
            ["qemu-system-arm", "-M", "kzm,memory-backend=ram0", "-m", "128M", "-display", "none", "-no-reboot",
             "-object", f"memory-backend-file,id=ram0,mem-path={work}/ram,share=on,size=128M", *sockets,
             "-gdb", f"unix:{work}/gdb.sock,server=on,wait=off", "-monitor", "none", "-kernel", IMAGE],
            stderr=subprocess.DEVNULL)

    def wait(self, ready):
        end = time.monotonic() + 30
        while not ready():
            if time.monotonic() > end:
                raise Failure("the machine did not boot")
            time.sleep(0.02)

    def is_busy(self):
        """The demo has made all its threads, and waits."""
        threads = {w0 & ~0xf for _, w0, _ in self.slots() if w0 & 0xf == 6}
        return len(threads) >= 8 and all(self.word(t + 0xa0) != 0 for t in threads)

    def find_roots(self):
        for at in range(0, 4 << 20, 4096):
            if self.ram[at:at + 8] == b"CAPCROSP":
                values = struct.unpack_from(f"<{len(FIELDS)}I", self.ram, at)
                self.roots_at, self.roots = at, dict(zip(FIELDS, values))
                return True
        return False

    def word(self, kaddr):
        return struct.unpack_from("<I", self.ram, self.offset(kaddr))[0]

    def write(self, kaddr, value):
        struct.pack_into("<I", self.ram, self.offset(kaddr), value)

    @staticmethod
    def offset(kaddr):
        return (kaddr - OFFSET - RAM_BASE) & 0xffffffff

    def text(self, kaddr):
        at = self.offset(kaddr)
        return self.ram[at:self.ram.find(b"\0", at)]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.ram.close()

    # --- what there is to poke: kernel addresses of words ---

    def slots(self):
        found, at = [], self.word(self.roots["cdt_head"] + 12) & ~0xf
        while at != self.roots["cdt_head"] and len(found) < 100000 and self.offset(at) < RAM_SIZE - 16:
            found.append((at, self.word(at), self.word(at + 4)))
            at = self.word(at + 12) & ~0xf
        return found

    def targets(self):
        """Word addresses by kind."""
        r, kinds = self.roots, {}
        slots = self.slots()
        kinds["slot"] = [at + 4 * i for at, _, _ in slots for i in range(4)]
        kinds["link"] = [at + i for at, _, _ in slots for i in (8, 12)] + [r["cdt_head"] + 8, r["cdt_head"] + 12]
        objects = {}
        for at, w0, _ in slots:
            objects.setdefault(TYPES.get(w0 & 0xf), set()).add(w0 & ~0xf)
        kinds["watermark"] = [at + 4 for at, w0, _ in slots if w0 & 0xf == 1]
        kinds["thread"] = [t + 0xa0 + 4 * i for t in objects["tcb"] for i in range(24)]
        kinds["queue"] = [o + 4 * i for o in objects["endpoint"] | objects["notification"] for i in range(4)]
        kinds["ready"] = [r["ready_queues"] + 4 * i for i in range(512)] + [r["ready_bits"] + 4 * i for i in range(9)]
        kinds["current"] = [r["current"] + 4 * i for i in range(3)]
        kinds["roots"] = [r["phys_offset"] + RAM_BASE + self.roots_at + 4 * i for i in range(r["size"] // 4)]
        pools = [self.word(r["asid_table"] + 4 * i) for i in range(128)]
        kinds["asid table"] = [r["asid_table"] + 4 * i for i in range(128)]
        kinds["pool"] = [p + 4 * i for p in pools if p for i in range(16)]
        directories = {self.word(p + 4 * i) & 0xffffc000 for p in pools if p for i in range(1024)} - {0}
        kinds["directory"] = [d + 4 * i for d in directories for i in range(0xf00) if self.word(d + 4 * i)]
        kinds["kernel part"] = [d + 4 * i for d in directories | {r["kernel_pd"]} for i in
                                [*range(0xf00, 0xf03), 0xff0, 0xffe, 0xfff] + [random.randrange(0xf00, 0x1000)]]
        return kinds


class Poke:
    def __init__(self, machine, kinds, rng):
        self.machine = machine
        self.kind = rng.choice(sorted(kinds))
        self.at = rng.choice(kinds[self.kind])
        self.old = machine.word(self.at)
        if rng.random() < 0.7:
            self.new = self.old ^ 1 << rng.randrange(32)
        else:
            self.new = rng.choice([0, 0xffffffff, rng.getrandbits(32), self.old + 16, 0xf0000000 + rng.getrandbits(27)])
        self.new &= 0xffffffff

    def put(self, value):
        self.machine.write(self.at, value)

    def __str__(self):
        return f"{self.kind}: 0x{self.at:08x} 0x{self.old:08x} -> 0x{self.new:08x}"


class Line:
    """The monitor as somebody who types sees it."""

    def __init__(self, work):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{work}/monitor.sock")

    def ask(self, command, deadline=DEADLINE):
        self.socket.sendall(b"\x03\x15" + command.encode() + b"\r")
        said, end = b"", time.monotonic() + deadline * PATIENCE
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                said += self.socket.recv(65536)
            except socket.timeout:
                break
            answer = said.rpartition(command.encode())[2] if command.encode() in said else b""
            if PROMPT.search(answer):  # the kernel may say more behind it
                return command + answer.decode("latin1").replace("\r", "")
        raise Failure(f"`{command}` came to no prompt in {deadline * PATIENCE:.0f} s; the line said {said[-300:]!r}")

    def close(self):
        self.socket.close()


class Doors:
    def __init__(self, work, dump):
        self.work, self.dump = work, dump

    def target(self, door):
        return {"monitor": f"monitor:unix:{self.work}/monitor.sock", "stub": f"gdb:unix:{self.work}/stub.sock",
                "gdb": f"gdb:unix:{self.work}/gdb.sock", "ram": f"ram:{self.work}/ram"}[door]

    def look(self, door):
        """(records, None) or (None, sentence)."""
        begin = time.monotonic()
        deadline = DEADLINE * PATIENCE
        try:
            done = subprocess.run([self.dump, self.target(door)], stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=deadline)
        except subprocess.TimeoutExpired:
            raise Failure(f"{door}: neither records nor a sentence in {deadline:.0f} s") from None
        sentence = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode == 0 and done.stdout:
            return done.stdout, None
        if done.returncode < 0 or not sentence:
            raise Failure(f"{door}: exit {done.returncode} without a sentence after {time.monotonic() - begin:.1f} s")
        return None, sentence

    def counts_findings(self, door):
        """In a snapshot; None: there is no snapshot."""
        done = subprocess.run([self.dump, "-t", self.target(door)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=DEADLINE * PATIENCE)
        found = re.search(r"findings (\d+)", done.stdout)
        return int(found.group(1)) if found else None


class Relay:
    """Between a door and the machine: counts packets to it and bytes from it."""

    def __init__(self, work):
        self.packets = self.bytes = 0
        self.machine = socket.socket(socket.AF_UNIX)
        self.machine.connect(f"{work}/stub.sock")
        self.path = f"{work}/relay.sock"
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        self.listener.close()
        while True:
            ready, _, _ = select.select([client, self.machine], [], [])
            data = ready[0].recv(65536)
            if not data:
                break
            if ready[0] is client:
                self.packets += data.count(b"$")
                self.machine.sendall(data)
            else:
                self.bytes += len(data)
                client.sendall(data)
        client.close()
        self.machine.close()


def half_a_packet_costs_two_seconds(work, dump):
    """A '$' typed at the prompt of a machine that stands: neither line is lost to it."""
    machine = Machine(work)
    try:
        line = Line(work)
        line.ask("halt")
        line.socket.sendall(b"\r$ab")
        said, end = b"", time.monotonic() + DEADLINE * PATIENCE
        while b"half a packet came" not in said and time.monotonic() < end:
            line.socket.settimeout(max(0.01, end - time.monotonic()))
            said += line.socket.recv(65536)
        prompt = line.ask("version")
        line.close()
        records, sentence = Doors(work, dump).look("stub")
        if not prompt.endswith("stopped> ") or not records:
            raise Failure(f"the monitor says {prompt!r}, the stub {sentence!r}")
    finally:
        machine.end()


def halted_stays_halted(work, dump):
    """Whoever looks through the stub leaves a machine halted that the monitor has halted, and running one that ran."""
    machine = Machine(work)
    try:
        for command in ("halt", "continue", "halt"):
            line = Line(work)
            line.ask(command)
            line.close()
            done = subprocess.run([dump, f"gdb:unix:{work}/stub.sock"], capture_output=True, timeout=60)
            line = Line(work)
            prompt = line.ask("version")
            line.close()
            wanted = "stopped> " if command == "halt" else "capscope> "
            if done.returncode != 0 or not prompt.endswith(wanted):
                raise Failure(f"after `{command}` and a look: {done.stderr!r}, {prompt!r}")
    finally:
        machine.end()


def stub_is_frugal(work, dump):
    """A whole state in few packets; and as few, and a sentence, where the roots' magic is broken."""
    machine = Machine(work)
    try:
        slots = len(machine.slots())
        for broken in (False, True):
            relay = Relay(work)
            machine.write(machine.roots["phys_offset"] + RAM_BASE + machine.roots_at,
                          machine.roots["magic0"] ^ broken)
            done = subprocess.run([dump, f"gdb:unix:{relay.path}"], capture_output=True, timeout=60)
            said = done.stderr.decode("utf-8", "replace")
            print(f"# the stub, {slots} capabilities{', magic broken' * broken}: {relay.packets} packets, {relay.bytes} bytes")
            relay.thread.join(5)
            if relay.packets == 0 or relay.packets > 40 or relay.bytes > 12 * slots + 10000:
                raise Failure(f"{relay.packets} packets, {relay.bytes} bytes for {slots} capabilities")
            if broken and (done.returncode == 0 or "somebody wrote to it" not in said):
                raise Failure(f"the broken magic is told as {said!r}")
            if not broken and (done.returncode != 0 or len(done.stdout) < slots):
                raise Failure(f"no state: {said!r}")
    finally:
        machine.end()


def a_recording_has_the_findings(work, dump):
    """Bits of ready queues that lie are in no record but a finding: each door brings it, and `check` does not pass."""
    machine = Machine(work)
    try:
        line = Line(work)
        line.ask("halt")
        line.close()
        bits = machine.roots["ready_bits"]
        machine.write(bits, machine.word(bits) ^ 1 << 5)
        doors = Doors(work, dump)
        for door in DOORS:
            run = f"{work}/{door}.capdb"
            for command in (["record", doors.target(door), run, "--count", "1"],
                            ["sql", run, "SELECT rule FROM findings"], ["check", run]):
                done = subprocess.run(["build/host/capdb", *command], stdin=subprocess.DEVNULL, capture_output=True,
                                      text=True, timeout=60)
                told = {"record": done.returncode == 0, "sql": "25" in done.stdout.split(),
                        "check": done.returncode == 2}[command[0]]
                if not told:
                    raise Failure(f"{door}: capdb {command[0]}: exit {done.returncode}: {done.stdout!r} {done.stderr!r}")
            os.unlink(run)
    finally:
        machine.end()


def debugger_breaks(work, dump):
    """A command of the monitor that jumps to where nothing is: what it costs is that command."""
    machine = Machine(work)
    try:
        symbols = subprocess.run(["arm-none-eabi-nm", "build/arm/debug/kernel.elf"], capture_output=True, text=True,
                                 check=True).stdout
        table = int(re.search(r"^([0-9a-f]+) t commands$", symbols, re.M).group(1), 16)
        entry = next(at for at in range(table, table + 24 * 64, 24)
                     if machine.text(machine.word(at)) == b"irqs")
        right, hole = machine.word(entry + 20), 0xff000000
        line = Line(work)
        machine.write(entry + 20, hole)
        expect(line, "running", 100, r"exception of its own.*prefetch abort.*capscope> $")
        line.ask("halt")
        expect(line, "halted", 100, r"exception of its own.*prefetch abort.*stopped> $")
        line.ask("continue")
        line.close()
        said = subprocess.run([dump, "-c", "irqs", f"monitor:unix:{work}/monitor.sock"], capture_output=True, text=True,
                              timeout=30).stdout
        if "exception of its own" not in said:
            raise Failure(f"a program that asks is told {said!r}")
        ticks = machine.word(machine.roots["ticks"])
        machine.wait(lambda: machine.word(machine.roots["ticks"]) > ticks + 50)
        machine.write(machine.roots["current"], 0x12345678)
        line = Line(work)
        machine.wait(lambda: "stopped: panic" in line.ask("where"))
        expect(line, "panicked", 100, r"exception of its own.*prefetch abort.*stopped> $")
        machine.write(entry + 20, right)
        if "timer" not in line.ask("irqs") or "stopped: panic: " not in line.ask("where"):
            raise Failure("the panic is forgotten")
        line.close()
    finally:
        machine.end()


def expect(line, state, count, pattern):
    for n in range(count):
        said = line.ask("irqs")
        if not re.search(pattern, said, re.S):
            raise Failure(f"{state}, time {n + 1}: {said!r}")


def findings(text):
    found = re.search(r"^(\d+) findings?$", text, re.M)
    return int(found.group(1)) if found else None


def halted_machine(work, doors):
    machine = Machine(work)
    line = Line(work)
    line.ask("halt")
    line.close()
    machine.whole, _ = doors.look("ram")
    machine.kinds = machine.targets()
    return machine


def halted_trial(machine, doors, rng, account):
    poke = Poke(machine, machine.kinds, rng)
    poke.put(poke.new)
    try:
        answers = {door: doors.look(door) for door in DOORS}
        line = Line(machine.work)
        audit = line.ask("audit")
        line.ask("threads")
        line.close()
        told = {records for records, _ in answers.values() if records}
        # The roots were read by the monitor when it was opened: it goes on with those. Where a kernel entry leads to
        # another place of the kernel's data, that is audited as a page table, and changes between two looks.
        if poke.kind not in ("roots", "kernel part") and len(told) > 1:
            raise Failure("the doors differ: " + ", ".join(f"{d} {len(r or b'')} bytes" for d, (r, _) in answers.items()))
        n = findings(audit)
        if n and doors.counts_findings("monitor") == 0:
            raise Failure(f"the snapshot has none of {n} findings")
        sentences = [s for _, s in answers.values() if s]
        kind = "named" if n or sentences else "unchanged" if told == {machine.whole} else "told as it is"
        account[kind] = account.get(kind, 0) + 1
        if poke.kind in ("kernel part", "roots") and poke.new != poke.old and not n:
            raise Failure(f"the audit does not name it: {audit!r}")
    except Failure as failure:
        raise Failure(f"{poke}: {failure}") from None
    finally:
        poke.put(poke.old)


def running_trial(work, doors, rng, account):
    machine = Machine(work)
    try:
        poke = Poke(machine, machine.targets(), rng)
        poke.put(poke.new)
        time.sleep(rng.choice([0, 0.05, 0.2]))
        try:
            line = Line(work)
            said = line.ask("audit")
            line.close()
            answers = [doors.look(door)[1] for door in DOORS]
            line = Line(work)
            said += line.ask("where")
            line.ask("version")
            line.close()
        except Failure as failure:
            raise Failure(f"{poke}: {failure}") from None
        kind = "panic, and at the prompt" if "panic" in said else "named" if findings(said) or any(answers) else "runs"
        account[kind] = account.get(kind, 0) + 1
    finally:
        machine.end()


def main():
    work, dump, seed, halted, running = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    number = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    doors = Doors(work, dump)
    status = 0
    for mode, count in (("halted", halted), ("running", running)):
        account, failed, slowest, begin = {}, [], 0.0, time.monotonic()
        machine = halted_machine(work, doors) if mode == "halted" else None
        for trial in range(count):
            rng = random.Random(f"{seed} {mode} {trial}")
            start = time.monotonic()
            try:
                if machine:
                    halted_trial(machine, doors, rng, account)
                else:
                    running_trial(work, doors, rng, account)
            except (Failure, OSError) as failure:
                failed.append(f"trial {trial}: {failure}")
                if machine:
                    machine.end()
                    machine = halted_machine(work, doors)
            slowest = max(slowest, time.monotonic() - start)
        if machine:
            machine.end()
        figures = ", ".join(f"{n} {kind}" for kind, n in sorted(account.items()))
        print(f"# {mode}, seed {seed}: {figures}; {time.monotonic() - begin:.0f} s, the slowest {slowest:.1f} s")
        for text in failed[:20]:
            print(f"# {text}")
        good = count > 0 and not failed and sum(account.values()) == count
        print(f"{'ok' if good else 'not ok'} {number} - {count} pokes of a {mode} machine: each is named or told right, "
              "and the prompt comes back")
        number += 1
        status |= not good
    for claim, test in (("an exception in the debugger costs the command, however often, and not the kernel", debugger_breaks),
                        ("a recording has what an audit finds, through every door", a_recording_has_the_findings),
                        ("half a packet at the prompt costs two seconds, not the line", half_a_packet_costs_two_seconds),
                        ("who looks through the stub leaves the machine as it was", halted_stays_halted),
                        ("the stub in the kernel tells a whole state, and broken roots, in few packets", stub_is_frugal)):
        try:
            test(work, dump)
            print(f"ok {number} - {claim}")
        except (Failure, OSError) as failure:
            status = 1
            print(f"# {failure}\nnot ok {number} - {claim}")
        number += 1
    with open(f"{work}/count", "w", encoding="ascii") as f:
        f.write(str(number - 1))
    return status


if __name__ == "__main__":
    sys.exit(main())
