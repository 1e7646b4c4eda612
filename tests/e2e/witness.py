"""The witnesses of `capdb can`, carried out: every step of a yes becomes a system call of the thread
that the step names, on the real kernel in QEMU.

  witness.py seeds DIR IMAGE ROOT.elf FIRST COUNT QUESTIONS
  witness.py demo DIR IMAGE ROOT.elf ["SUBJECT RIGHT OBJECT"...]

DIR is an empty folder.  QEMU's own stub holds the machine: a thread that stands before an `svc` in
its program gets the registers and the words of its IPC buffer of our system call, makes it, and goes
on with its own where it stood.  What became of it is read through another door: a snapshot of the
machine's memory before the question, and one after the steps.

Two things are done with each yes.  Its last capability is brought from where it lies to the subject,
step by step, where the steps carry capabilities (CNodes, endpoints, replies, threads that somebody
controls); what it gives is then used.  Steps that carry none (untyped memory, address spaces, frames
that are mapped) are made each by itself."""
import json
import mmap
import os
import random
import re
import select
import socket
import subprocess
import sys
import time

DEADLINE = float(os.environ.get("WITNESS_DEADLINE", "60"))
CAPDB = "build/host/capdb"
RAM_BASE, RAM_BYTES = 0x80000000, 128 << 20

# abi/syscall.h
CALL, SEND, NBSEND, RECV, REPLY, YIELD, NBRECV = [n & 0xFFFFFFFF for n in (-1, -3, -4, -5, -6, -7, -8)]
RETYPE, WRITE_REGISTERS, SET_PRIORITY, SET_IPC_BUFFER, SET_SPACE, RESUME = 1, 3, 6, 9, 10, 12
REVOKE, COPY, SAVE_CALLER, PAGE_MAP = 16, 19, 24, 36
OBJECT_ENDPOINT = 2
BUFFER_MSG, BUFFER_CAPS, BUFFER_RECEIVE = 1, 122, 125
REG_R7, REG_PC, REG_CPSR = 7, 15, 25
# layout/roots.h: the index of `current` among the words of kernel_roots
ROOTS_CURRENT = 13
TCB_MASTER, TCB_CALLER = 2, 3  # enum tcb_slot


class Failed(Exception):
    """A step could not be carried out."""


def information(label, caps, words):
    return label << 12 | caps << 7 | words


# --- the machine --------------------------------------------------------------------------------------


class Stub:
    """QEMU's own gdb stub."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                self.socket.connect(path)
                break
            except ConnectionRefusedError:  # it is there, and does not listen yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.got = b""
        self.ask(b"?")
        # whoever does not know the registers by name is not told any alone
        self.ask(b"qXfer:features:read:target.xml:0,ff0")

    def ask(self, text):
        self.send(text)
        return self.answer()

    def send(self, text):
        self.socket.sendall(b"$" + text + b"#%02x" % (sum(text) & 0xFF))

    def answer(self):
        while True:
            at = self.got.find(b"$")
            end = self.got.find(b"#", at)
            if at >= 0 and end >= 0 and len(self.got) >= end + 3:
                text = self.got[at + 1:end]
                self.got = self.got[end + 3:]
                self.socket.sendall(b"+")
                return text
            self.got += self.socket.recv(65536)

    def word(self, register):
        return int.from_bytes(bytes.fromhex(self.ask(b"p%x" % register).decode()), "little")

    def set_word(self, register, value):
        if self.ask(b"P%x=%s" % (register, (value & 0xFFFFFFFF).to_bytes(4, "little").hex().encode())) != b"OK":
            raise Failed("register %d cannot be set" % register)


class Machine:
    def __init__(self, folder, image):
        self.folder = folder
        for name in ("ram", "gdb.sock", "run.capdb", "run.capdb-wal", "run.capdb-shm"):
            if os.path.exists(folder + "/" + name):
                os.remove(folder + "/" + name)
        self.qemu = subprocess.Popen(
            ["qemu-system-arm", "-M", "kzm,memory-backend=ram0", "-m", "128M", "-display", "none", "-no-reboot", "-S",
             "-object", "memory-backend-file,id=ram0,mem-path=%s/ram,share=on,size=128M" % folder,
             "-serial", "null", "-serial", "null", "-gdb", "unix:%s/gdb.sock,server=on,wait=off" % folder,
             "-monitor", "none", "-kernel", image], stderr=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while not os.path.exists(folder + "/gdb.sock"):
            if time.monotonic() > end:
                raise Failed("QEMU does not start")
            time.sleep(0.02)
        self.stub = Stub(folder + "/gdb.sock")
        with open(folder + "/ram", "r+b") as file:
            self.ram = mmap.mmap(file.fileno(), RAM_BYTES)
        self.roots = symbol("build/arm/debug/kernel.elf", "kernel_roots") - 0x70000000
        self.breakpoints, self.calls = set(), set()
        self.waiting, self.receive = {}, {}

    def end(self):
        self.qemu.kill()
        self.qemu.wait()
        self.ram.close()

    def add_breakpoint(self, at):
        if at not in self.breakpoints:
            self.breakpoints.add(at)
            self.stub.ask(b"Z0,%x,4" % at)

    def memory_word(self, paddr):
        at = paddr - RAM_BASE
        return int.from_bytes(self.ram[at:at + 4], "little")

    def put_word(self, paddr, value):
        at = paddr - RAM_BASE
        self.ram[at:at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")

    def current(self):
        """The TCB that runs, physical; 0 before the kernel is there."""
        at = self.memory_word(self.roots + 4 * ROOTS_CURRENT)
        return self.memory_word(at - 0x70000000) - 0x70000000 if at else 0

    def over(self):
        """One instruction, the breakpoint under it left alone."""
        at = self.stub.word(REG_PC)
        if at in self.breakpoints:
            self.stub.ask(b"z0,%x,4" % at)
        self.stub.ask(b"s")
        if at in self.breakpoints:
            self.stub.ask(b"Z0,%x,4" % at)

    def go(self, until, what):
        """Runs from breakpoint to breakpoint until `until()`, which must come before the deadline."""
        end = time.monotonic() + DEADLINE
        while True:
            self.over()
            self.stub.send(b"c")
            self.await_stop(end, what)
            if until():
                return
            if time.monotonic() > end:
                raise Failed("%s: not within %d s" % (what, DEADLINE))

    def await_stop(self, end, what):
        while b"#" not in self.stub.got:
            ready, _, _ = select.select([self.stub.socket], [], [], max(0, end - time.monotonic()))
            if not ready:
                self.stub.socket.sendall(b"\x03")
                self.stub.answer()
                raise Failed("%s: not within %d s" % (what, DEADLINE))
            self.stub.got += self.stub.socket.recv(65536)
        self.stub.answer()

    def stands(self, tcb):
        """Does this thread stand before an `svc` of its program?"""
        return (self.current() == tcb and self.stub.word(REG_CPSR) & 0x1F == 0x10
                and self.stub.word(REG_PC) in self.calls)


def symbol(elf, name):
    for line in subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout.splitlines():
        value, _, found = line.split()[-3:]
        if found == name:
            return int(value, 16)
    raise Failed("%s has no %s" % (elf, name))


def supervisor_calls(elf):
    """Addresses of the `svc` instructions in the program's sections."""
    text = subprocess.run(["arm-none-eabi-objdump", "-d", elf], capture_output=True, text=True, check=True).stdout
    return [int(m[1], 16) for m in re.finditer(r"^\s*([0-9a-f]+):\s+ef[0-9a-f]{6}\s+svc", text, re.M)]


# --- who is there -------------------------------------------------------------------------------------


def sql(run, text):
    out = subprocess.run([CAPDB, "sql", run, text, "--json"], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


class State:
    """One snapshot: threads by TCB, capabilities by (holder, index)."""

    def __init__(self, machine):
        self.run = machine.folder + "/run.capdb"
        for tail in ("", "-wal", "-shm"):
            if os.path.exists(self.run + tail):
                os.remove(self.run + tail)
        machine.ram.flush()
        done = subprocess.run([CAPDB, "record", "ram:%s/ram" % machine.folder, self.run, "--every", "0", "--count", "1"],
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed("no snapshot: %s" % done.stderr)
        self.caps, self.by_slot, self.managers = {}, {}, ()
        for c in sql(self.run, 'SELECT slot, holder, "index", domain, type, object, bits, rights, data, extra FROM caps WHERE n = 1'):
            for key in ("slot", "holder", "object"):
                c[key] = int(c[key] or "0", 16)
            self.caps[c["holder"], c["index"]] = c
            self.by_slot[c["slot"]] = c
        self.threads = {}
        for t in sql(self.run, "SELECT addr, name, domain, state, priority, ipc_buffer, pc FROM threads WHERE n = 1 AND idle = 0"):
            self.threads[int(t["addr"], 16)] = t
        self.mappings = sql(self.run, "SELECT dir, vaddr, frame FROM mappings WHERE n = 1")
        self.domains = [d["domain"] for d in sql(self.run, "SELECT DISTINCT domain FROM threads WHERE n = 1 AND idle = 0")]

    def cspace(self, tcb):
        root = self.caps.get((tcb, 0))
        return root["object"] if root else 0

    def threads_of(self, cnode):
        return [t for t in self.threads if self.cspace(t) == cnode]

    def held(self, cnode, kind, target=None):
        """A capability of this type in the CNode, its index."""
        for (holder, index), c in sorted(self.caps.items()):
            if holder == cnode and c["type"] == kind and target in (None, c["object"]):
                return index
        return None

    def can(self, subject, right, thing):
        done = subprocess.run([CAPDB, "can", self.run, subject, right, thing, "--json"], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise Failed("capdb can: %s" % done.stderr)
        answer = json.loads(done.stdout)
        self.managers = answer["managers"]
        return answer["witness"] if done.returncode == 0 else None


# --- system calls by a thread ---------------------------------------------------------------------------


class Call:
    """A system call: registers, and words of the IPC buffer by index."""

    def __init__(self, number, cptr, label=0, caps=(), words=(), receive=None):
        self.registers = [cptr, information(label, len(caps), len(words))] + list(words[:4]) + [0] * (4 - len(words[:4]))
        self.number = number
        self.buffer = {BUFFER_MSG + i: w for i, w in enumerate(words) if i >= 4}
        self.buffer.update({BUFFER_CAPS + i: c for i, c in enumerate(caps)})
        if receive:
            self.buffer.update({BUFFER_RECEIVE + i: w for i, w in enumerate(receive)})


def error_of(tag):
    return tag >> 12


class Thread:
    """A thread that we make execute what it could execute by itself."""

    def __init__(self, replay, tcb):
        self.replay, self.machine, self.tcb = replay, replay.machine, tcb
        self.name = replay.state.threads[tcb]["name"]
        self.saved = None
        if replay.state.threads[tcb]["domain"] in replay.state.managers:
            raise Failed("a step is by %s, who is left out" % self.name)

    def cnode(self):
        return self.replay.state.cspace(self.tcb)

    def buffer_at(self):
        frame = self.replay.state.caps[self.tcb, 4]
        return frame["object"] + (int(self.replay.state.threads[self.tcb]["ipc_buffer"], 16) & 0xFFF)

    def begin(self, call):
        """Makes the call and does not wait for its end."""
        m = self.machine
        self.replay.wake(self)
        owed = self.replay.state.caps.get((self.tcb, TCB_CALLER))
        if call.number in (RECV, NBRECV) and owed:  # which takes the reply capability away
            self.replay.answer_nothing(owed)
        if not m.stands(self.tcb):
            m.go(lambda: m.stands(self.tcb), "%s gets to run" % self.name)
        for index, word in call.buffer.items():
            m.put_word(self.buffer_at() + 4 * index, word)
        stub = m.stub
        at = stub.word(REG_PC)
        self.saved = [stub.word(r) for r in range(16)]
        m.add_breakpoint(at + 4)
        for r, value in enumerate(call.registers):
            stub.set_word(r, value)
        stub.set_word(REG_R7, call.number)
        self.after = at + 4
        m.over()

    def returned(self):
        m = self.machine
        return m.current() == self.tcb and m.stub.word(REG_CPSR) & 0x1F == 0x10 and m.stub.word(REG_PC) == self.after

    def end(self, what):
        """Waits until it returned; the words of r0 and r1. The thread goes on with its own."""
        m = self.machine
        if not self.returned():
            m.go(self.returned, what)
        result = m.stub.word(0), m.stub.word(1)
        for r, value in enumerate(self.saved):
            m.stub.set_word(r, value)
        self.saved = None
        return result

    def do(self, call, what):
        self.begin(call)
        result = self.end("%s by %s" % (what, self.name))
        self.replay.operations += 1
        return result

    def invoke(self, cptr, label, caps=(), words=(), what=""):
        error = error_of(self.do(Call(CALL, cptr, label, caps, words), what)[1])
        if error:
            raise Failed("%s by %s: error %d" % (what, self.name, error))


class Remote:
    """A thread that another makes execute something: TCB_WriteRegisters, by a capability to it."""

    def __init__(self, master, tcb, cptr):
        self.master, self.tcb, self.cptr = master, tcb, cptr
        self.replay, self.machine = master.replay, master.machine
        self.name = "%s through %s" % (self.replay.state.threads[tcb]["name"], master.name)
        self.buffer = None

    def cnode(self):
        return self.replay.state.cspace(self.tcb)

    def lend_buffer(self):
        """What the thread says and hears lies in a frame of its controller's."""
        if self.buffer is not None:
            return
        state, cnode = self.replay.state, self.master.cnode()
        index = state.held(cnode, "frame")
        if index is None:
            raise NotCarried("%s has no frame to lend" % self.master.name)
        self.buffer = state.caps[cnode, index]["object"]
        self.master.invoke(self.cptr, SET_IPC_BUFFER, (index,), (BUFFER_VADDR_ANY,), "TCB_SetIPCBuffer")

    def do(self, call, what):
        m, stub = self.machine, self.machine.stub
        self.lend_buffer()
        at = sorted(m.calls)[0]
        r = call.registers
        context = [at, 0, 0x10, r[0], r[1], 0, 0, 0, 0, 0, r[2], r[3], r[4], r[5], 0, call.number]
        self.master.invoke(self.cptr, WRITE_REGISTERS, (), [0, len(context)] + context, "TCB_WriteRegisters")
        for index, word in call.buffer.items():
            m.put_word(self.buffer + 4 * index, word)
        m.add_breakpoint(at + 4)
        self.master.begin(Call(CALL, self.cptr, RESUME))
        returned = lambda: (m.current() == self.tcb and stub.word(REG_CPSR) & 0x1F == 0x10
                            and stub.word(REG_PC) == at + 4)
        result = None
        # whoever has the higher priority returns first
        m.go(lambda: returned() or self.master.returned(), "%s: %s" % (self.name, what))
        if returned():
            result = stub.word(0), stub.word(1)
            self.master.end("TCB_Resume")
        else:
            if error_of(stub.word(1)):
                raise Failed("TCB_Resume by %s: error %d" % (self.master.name, error_of(stub.word(1))))
            self.master.end("TCB_Resume")
            m.go(returned, "%s: %s" % (self.name, what))
            result = stub.word(0), stub.word(1)
        self.replay.operations += 2
        return result

    def invoke(self, cptr, label, caps=(), words=(), what=""):
        error = error_of(self.do(Call(CALL, cptr, label, caps, words), what)[1])
        if error:
            raise Failed("%s by %s: error %d" % (what, self.name, error))


class NotCarried(Exception):
    """These steps are operations each, and carry no capability all the way."""


BUFFER_VADDR_ANY = 0x7000  # where the thread itself sees it plays no part


# --- one witness ----------------------------------------------------------------------------------------


class Node:
    def __init__(self, text):
        found = re.match(r"(\S+) (?:0x([0-9a-f]+))?", text + " ")
        self.text, self.type = text, found[1]
        self.addr = int(found[2], 16) if found[2] else 0


class Step:
    def __init__(self, row):
        self.back = row["edge"].startswith("<-")
        self.kind = row["edge"].lstrip("<-")
        self.near, self.far = Node(row["from"]), Node(row["to"])
        self.slot = int(row["slot"], 16) if row["slot"] != "-" else None
        self.place = row["place"]
        self.by, self.of = (self.far, self.near) if self.back else (self.near, self.far)

    def __repr__(self):
        return "%s %s%s %s [%s]" % (self.near.text, "<-" if self.back else "-", self.kind, self.far.text, self.place)


class Replay:
    """One yes on one machine in one state."""

    def __init__(self, machine, state):
        self.machine, self.state = machine, state
        self.operations = 0
        self.used = {}   # CNode -> slots that we filled
        self.wanted = [] # (sentence, function of a State): what must be so afterwards
        self.dead = False

    # -- finding --

    def wake(self, thread):
        """Who waits for an answer cannot act before it has one: whoever owes it answers."""
        if self.state.threads[thread.tcb]["state"] != "reply":
            return
        for c in list(self.state.caps.values()):
            if c["type"] == "reply" and c["object"] == thread.tcb and c["index"] != TCB_MASTER:
                self.answer_nothing(c)
                return
        raise NotCarried("%s waits for an answer" % thread.name)

    def answer_nothing(self, reply):
        by_thread = reply["holder"] in self.state.threads
        debtors = [reply["holder"]] if by_thread else self.state.threads_of(reply["holder"])
        if not debtors or self.state.threads[debtors[0]]["state"] == "reply":
            raise NotCarried("nobody can answer")
        self.answered(reply)
        self.machine.waiting.pop(reply["object"], None)
        Thread(self, debtors[0]).do(Call(REPLY, 0) if by_thread else Call(SEND, reply["index"]), "an answer")

    def answered(self, reply):
        self.state.threads[reply["object"]]["state"] = "running"
        self.state.caps.pop((reply["holder"], reply["index"]), None)

    def actor(self, node):
        """Who acts where capabilities lie in this node."""
        tcbs = [node.addr] if node.type == "tcb" else self.state.threads_of(node.addr)
        tcbs = [t for t in tcbs if t in self.state.threads]
        free = [t for t in tcbs if self.state.threads[t]["state"] != "reply"]
        if not tcbs:
            return None
        return Thread(self, (free or tcbs)[0])

    def own_cnode(self, thread):
        index = self.state.held(thread.cnode(), "cnode", thread.cnode())
        if index is None:
            raise NotCarried("%s has no capability to its own CNode" % thread.name)
        return index

    def free_index(self, cnode, bits):
        used = self.used.setdefault(cnode, set())
        for index in range((1 << bits) - 1, 0, -1):
            if index not in used and (cnode, index) not in self.state.caps:
                used.add(index)
                return index
        raise NotCarried("no free slot in CNode 0x%x" % cnode)

    def radix(self, cnode):
        for c in self.state.caps.values():
            if c["type"] == "cnode" and c["object"] == cnode:
                return c["bits"] - 4
        raise NotCarried("no capability to CNode 0x%x" % cnode)

    @staticmethod
    def depth(cap):
        """Of an index in the CNode of this capability, guard and all."""
        if cap["data"]:
            raise NotCarried("a guard that is not 0")
        return cap["bits"] - 4 + cap["extra"]

    def expect_cap(self, cnode, index, obj, sentence):
        self.wanted.append((sentence, lambda s: s.caps.get((cnode, index), {}).get("object") == obj))

    # -- one capability, one step nearer --

    def copy(self, thread, to_root, to_cnode, to_depth, from_root, index, depth, obj):
        free = self.free_index(to_cnode, self.radix(to_cnode))
        thread.invoke(to_root, COPY, (from_root,), (free, to_depth, index, depth, 15), "CNode_Copy")
        self.expect_cap(to_cnode, free, obj, "the copy by %s is in CNode 0x%x slot %d" % (thread.name, to_cnode, free))
        return free

    def out_of_cnode(self, step, index, obj):
        """The holder of a capability to a CNode takes a copy out of it."""
        thread, cap = self.actor(step.by), self.state.by_slot[step.slot]
        own = self.own_cnode(thread)
        return self.copy(thread, own, thread.cnode(), 32, cap["index"], index, self.depth(cap), obj)

    def into_cnode(self, step, index, obj):
        """The holder of a capability to a CNode puts a copy into it."""
        thread, cap = self.actor(step.by), self.state.by_slot[step.slot]
        return self.copy(thread, cap["index"], step.of.addr, self.depth(cap), self.own_cnode(thread), index, 32, obj)

    def through_endpoint(self, giver_slot, taker_slot, giver, taker, index, obj):
        """A capability of the giver's through an endpoint to the taker; where it is there."""
        send, receive = self.state.by_slot[giver_slot], self.state.by_slot[taker_slot]
        into = self.free_index(taker.cnode(), self.radix(taker.cnode()))
        place = (self.own_cnode(taker), into, 32)
        if giver.tcb == taker.tcb:
            raise NotCarried("to itself")
        self.wake(giver)
        self.wake(taker)
        if "g" in send["rights"] and "w" in send["rights"] and "r" in receive["rights"]:
            taker.begin(Call(RECV, receive["index"], receive=place))
            giver.begin(Call(SEND, send["index"], 0, (index,)))
            self.meet(giver, taker)
        else:
            # the taker calls, and the answer carries it
            giver.begin(Call(RECV, send["index"]))
            taker.begin(Call(CALL, receive["index"], receive=place))
            giver.end("Recv by %s" % giver.name)
            giver.begin(Call(REPLY, 0, 0, (index,)))
            self.meet(giver, taker)
        self.operations += 2
        self.expect_cap(taker.cnode(), into, obj, "what %s sent to %s arrived" % (giver.name, taker.name))
        return into

    def meet(self, *threads):
        """All of them return, in whatever order."""
        m, open_ = self.machine, list(threads)
        while open_:
            if not any(t.returned() for t in open_):
                m.go(lambda: any(t.returned() for t in open_), "a message between %s" % " and ".join(t.name for t in threads))
            done = next(t for t in open_ if t.returned())
            done.end("")
            open_.remove(done)

    def through_reply(self, step, giver, index, obj):
        """The answer to the caller who still waits takes it along."""
        reply = self.state.by_slot[step.slot]
        taker = Thread(self, step.of.addr)
        # the caller said where it takes capabilities before it called: stir()
        into = self.machine.receive[taker.tcb]
        taker.saved, taker.after = self.machine.waiting.pop(taker.tcb)
        self.answered(reply)
        if reply["holder"] in self.state.threads:
            giver.begin(Call(REPLY, 0, 0, (index,)))
        else:
            giver.begin(Call(SEND, reply["index"], 0, (index,)))
        self.meet(giver, taker)
        self.operations += 1
        self.expect_cap(taker.cnode(), into, obj, "the answer of %s brought it to %s" % (giver.name, taker.name))
        return into

    # -- the whole way --

    def carry(self, steps, index, obj):
        """A capability at `index` of where the steps end, brought to where they begin: its address
        there. Raises NotCarried."""
        while steps:
            steps, index = self.nearer(steps, index, obj)
        return index

    def nearer(self, steps, index, obj):
        step = steps[-1]
        if step.kind == "control" and step.of.type == "cnode":
            if step.by.type == "tcb":  # a thread's own CSpace
                return steps[:-1], index
            if not step.back and self.actor(step.by):
                return steps[:-1], self.out_of_cnode(step, index, obj)
            if step.back and self.actor(step.by):
                return steps[:-1], self.into_cnode(step, index, obj)
        if step.kind == "receive-grant" and not step.back and len(steps) > 1:
            return self.give_ours(steps, index, obj)
        if step.kind == "grant" and step.back and len(steps) > 1 and steps[-2].kind == "receive-grant":
            giver, taker = self.actor(step.by), self.actor(steps[-2].of)
            return steps[:-2], self.through_endpoint(step.slot, self.slot_at(taker, step.of), giver, taker, index, obj)
        if step.kind == "reply-grant" and step.back:
            return steps[:-1], self.through_reply(step, self.actor(step.by), index, obj)
        if step.kind == "reply-grant":
            return self.give_ours(steps, index, obj)
        raise NotCarried("no capability passes: %r" % step)

    def slot_at(self, thread, endpoint):
        """The capability by which a thread is at an endpoint, as the witness' other half."""
        for c in self.state.caps.values():
            if c["holder"] == thread.cnode() and c["type"] == "endpoint" and c["object"] == endpoint.addr:
                return c["slot"]
        raise NotCarried("%s is not at the endpoint by a capability in its CSpace" % thread.name)

    def give_ours(self, steps, index, obj):
        """What leads away from us carries our own CNode there, into which the other side then
        copies."""
        if steps[-1].kind == "reply-grant":
            ours, theirs, rest = self.actor(steps[-1].by), Thread(self, steps[-1].of.addr), steps[:-1]
            own = self.own_cnode(ours)
            at = self.through_reply(steps[-1], ours, own, ours.cnode())
        else:
            grant, receive, rest = steps[-2], steps[-1], steps[:-2]
            ours, theirs = self.actor(grant.by), self.actor(receive.of)
            own = self.own_cnode(ours)
            at = self.through_endpoint(grant.slot, receive.slot, ours, theirs, own, ours.cnode())
        copied = self.copy(theirs, at, ours.cnode(), 32, self.own_cnode(theirs), index, 32, obj)
        return rest, copied

    def last_control(self, steps):
        """Index of the last step by which somebody controls a thread of another, None."""
        for i in range(len(steps) - 1, -1, -1):
            if steps[i].kind == "control" and steps[i].of.type == "tcb" and self.foreign(steps[i]):
                return i
        return None

    def foreign(self, step):
        return step.by.type != "cnode" or self.state.cspace(step.of.addr) != step.by.addr

    def bring(self, steps, cap):
        """Who can use this capability in the end, as the subject's doing, and at which address."""
        at = self.last_control(steps)
        if at is None:
            steps = [s for s in steps if not self.is_own_thread(s)]
            index = self.carry(steps, cap["index"], cap["object"])
            return self.subject(steps), index
        step = steps[at]
        if step.back:
            raise NotCarried("somebody else decides about this thread: %r" % step)
        index = self.carry([s for s in steps[at + 1:] if not self.is_own_thread(s)], cap["index"], cap["object"])
        master, tcb_cptr = self.bring(steps[:at], self.state.by_slot[step.slot])
        return Remote(master, step.of.addr, tcb_cptr), index

    def is_own_thread(self, step):
        return step.kind == "control" and step.of.type == "tcb" and not self.foreign(step)

    def subject(self, steps):
        thread = self.actor(self.first)
        if not thread:
            raise NotCarried("nobody acts for %s" % self.first.text)
        return thread

    # -- using what came --

    def use(self, actor, index, giving):
        kind, cap = giving.of.type, self.state.by_slot[giving.slot]
        if giving.kind == "cover":
            return self.take_memory(actor, index, cap)
        if kind in ("endpoint", "notification"):
            word = actor.do(Call(NBRECV if giving.kind == "read" else NBSEND, index), "%s of the endpoint" % giving.kind)
            return word
        if kind == "frame":
            return actor.invoke(index, 42, (), (), "Page_GetAddress")
        if kind == "tcb":
            return self.use_tcb(actor, index, giving)
        if kind == "cnode":
            return self.copy(actor, index, giving.of.addr, self.depth(cap), self.own_cnode(actor),
                             self.some_cap(actor), 32, self.state.caps[actor.cnode(), self.some_cap(actor)]["object"])
        if kind == "pagedir":
            return self.use_directory(actor, index, giving)
        if kind == "untyped":
            return self.take_memory(actor, index, cap)
        raise NotCarried("no use of a %s here" % kind)

    def some_cap(self, actor):
        index = self.state.held(actor.cnode(), "frame")
        if index is None:
            raise NotCarried("%s has no frame" % actor.name)
        return index

    def use_tcb(self, actor, index, giving):
        """The thread's priority is ours to say: by the capability, with the authority of the actor's own
        TCB; of a thread that is the actor's own as well."""
        own = self.state.held(actor.cnode(), "tcb", actor.tcb)
        if own is None:
            raise NotCarried("%s has no capability to itself" % actor.name)
        priority = self.state.threads[actor.tcb]["priority"]
        actor.invoke(index, SET_PRIORITY, (own,), (priority,), "TCB_SetPriority")
        self.wanted.append(("the priority is what %s said" % actor.name,
                            lambda s: s.threads[giving.of.addr]["priority"] == priority))

    def use_directory(self, actor, index, giving):
        frame = self.some_cap(actor)
        free = self.copy(actor, self.own_cnode(actor), actor.cnode(), 32, self.own_cnode(actor), frame, 32,
                         self.state.caps[actor.cnode(), frame]["object"])
        vaddr = 0x40000 + 0x1000 * (len(self.used) + self.operations % 64)
        actor.invoke(free, PAGE_MAP, (index,), (vaddr, 2, 0), "Page_Map")
        self.wanted.append(("the frame of %s is mapped in the directory" % actor.name,
                            lambda s: any(int(m["dir"], 16) == giving.of.addr and int(m["vaddr"], 16) == vaddr
                                          for m in s.mappings)))

    def is_under(self, actor, untyped):
        at = (actor.tcb, actor.cnode()) + ((actor.master.tcb, actor.master.cnode()) if isinstance(actor, Remote) else ())
        return any(untyped["object"] <= a < untyped["object"] + (1 << untyped["bits"]) for a in at)

    def take_memory(self, actor, index, untyped):
        """Revoke, and make of the memory something of ours. If the actor itself lay in it, it is gone."""
        own = self.own_cnode(actor)
        self.verify()  # while what it is about is there
        self.dead = True
        if self.is_under(actor, untyped):
            if isinstance(actor, Remote):
                raise NotCarried("it would go itself")
            actor.begin(Call(CALL, own, REVOKE, (), (index, 32)))
            self.await_end_of(actor)
            self.operations += 1
            return
        actor.invoke(own, REVOKE, (), (index, 32), "CNode_Revoke")
        free = self.free_index(actor.cnode(), self.radix(actor.cnode()))
        actor.invoke(index, RETYPE, (own,), (OBJECT_ENDPOINT, 0, 0, 0, free, 1), "Untyped_Retype")
        self.wanted.append(("the memory is an endpoint of %s" % actor.name,
                            lambda s: s.caps.get((actor.cnode(), free), {}).get("type") == "endpoint" and
                            untyped["object"] <= s.caps[actor.cnode(), free]["object"] < untyped["object"] + (1 << untyped["bits"])))

    def await_end_of(self, actor):
        """It goes itself, or what it needs to go on with a revoke that was interrupted."""
        m, end = self.machine, time.monotonic() + DEADLINE
        while True:
            thread = State(m).threads.get(actor.tcb)
            if not thread or thread["state"] == "inactive":
                return
            if time.monotonic() > end:
                raise Failed("%s does not go with its memory" % actor.name)
            m.go(lambda: m.current() != actor.tcb, "CNode_Revoke of what %s lies in" % actor.name)

    # -- steps that carry nothing --

    def each(self, steps, giving):
        """Each step for itself, what destroys last."""
        for i, step in enumerate(steps):
            before = steps[i - 1] if i else None
            self.single(step, before)
        for step in steps + ([giving] if giving else []):
            if step.kind == "cover" and not self.dead:
                holder = self.holder_of(step.by)
                if not holder:
                    raise Failed("nobody holds %s" % step.by.text)
                self.take_memory(holder[0], holder[1]["index"], holder[1])
        if giving and giving.kind != "cover" and giving.slot is None:
            self.check_mapping(giving)
        elif giving and not self.dead and giving.by.type != "tcb" and self.actor(giving.by):
            self.use(self.actor(giving.by), self.state.by_slot[giving.slot]["index"], giving)

    def holder_of(self, untyped):
        for c in self.state.caps.values():
            if c["type"] == "untyped" and c["object"] == untyped.addr and c["domain"] not in self.state.managers:
                threads = self.state.threads_of(c["holder"])
                if threads:
                    return Thread(self, threads[0]), c
        return None

    def check_mapping(self, giving):
        if "mapped at" not in giving.place:
            return
        vaddr = int(re.search(r"mapped at 0x([0-9a-f]+)", giving.place)[1], 16)
        if not any(int(m["vaddr"], 16) == vaddr and int(m["frame"], 16) == giving.of.addr for m in self.state.mappings):
            raise Failed("no such translation: %r" % giving)

    def single(self, step, before):
        actor = self.actor(step.by)
        if step.kind == "control" and step.slot is not None and actor and step.by.type != "tcb":
            index = self.state.by_slot[step.slot]["index"]
            if step.of.type == "cnode":
                self.use(actor, index, step)
            elif step.of.type in ("tcb", "pagedir"):
                self.use(actor, index, step)
        elif step.kind in ("receive-grant", "grant") and before and before.kind in ("receive-grant", "grant"):
            grant, receive = (before, step) if step.kind == "receive-grant" else (step, before)
            giver, taker = self.actor(grant.by), self.actor(receive.of)
            if giver.tcb != taker.tcb:
                frame = self.some_cap(giver)
                self.through_endpoint(grant.slot, self.slot_at(taker, grant.of), giver, taker, frame,
                                      self.state.caps[giver.cnode(), frame]["object"])
        elif step.kind == "reply-grant" and actor and step.of.addr in self.machine.waiting:
            frame = self.some_cap(actor)
            self.through_reply(step, actor, frame, self.state.caps[actor.cnode(), frame]["object"])

    # --

    def run(self, rows):
        """The whole witness: carried to the end, or each step for itself. Returns which."""
        steps = [Step(r) for r in rows if "from" in r and r["from"] and r is not rows[-1]]
        giving = Step(rows[-1]) if rows[-1].get("from") else None
        self.first = steps[0].near if steps else giving.by if giving else None
        carried = False
        if self.first is not None:
            carried = self.whole(steps, giving)
            if not carried:
                self.each(steps, giving)
        self.verify()
        return carried

    def whole(self, steps, giving):
        mark = len(self.wanted)
        try:
            self.can_be_carried(steps, giving)
            if giving is None:
                return self.reach(steps)
            cap = self.state.by_slot[giving.slot]
            if giving.kind == "cover":  # the capability to the untyped memory is what is brought
                cap, steps = self.state.by_slot[steps[-1].slot], steps[:-1]
            if cap["type"] == "untyped" and cap["data"] and any(s.by.type != "tcb" for s in steps):
                raise NotCarried("untyped memory that is in use cannot be copied")
            actor, index = self.bring(steps, cap)
            self.use(actor, index, giving)
            return True
        except NotCarried:
            if self.operations and self.dead:
                raise
            del self.wanted[mark:]
            return False

    def can_be_carried(self, steps, giving):
        if giving is not None and giving.slot is None:
            raise NotCarried("no capability gives it: %r" % giving)
        if giving is not None and giving.by.type == "tcb":
            raise NotCarried("the thread uses it all the time: %r" % giving)
        if any(s.slot is None for s in steps if s.kind != "receive-grant"):
            raise NotCarried("a step is by a translation or a state")
        if any(s.kind in ("cover", "table") for s in steps):
            raise NotCarried("a step destroys")

    def reach(self, steps):
        """The object is in the island itself: the way there is what counts."""
        at = self.last_control(steps)
        if at is None or steps[at].back or at != len(steps) - 1:
            raise NotCarried("the way itself is the answer")
        actor, index = self.bring(steps[:at], self.state.by_slot[steps[at].slot])
        self.use(actor, index, steps[at])
        return True

    def verify(self):
        if not self.wanted:
            return
        after = State(self.machine)
        for sentence, holds in self.wanted:
            if not holds(after):
                raise Failed("it is not so that %s" % sentence)
        self.wanted = []


# --- distributions --------------------------------------------------------------------------------------

SPIN_CALL = 0x10004  # user/witness: CODE_VADDR, user/witness/spin.S
DEMO_THREADS = 6     # user/demo/domains.c
RIGHTS = ("read", "write", "grant", "control")
THINGS = {"tcb": "tcb", "frame": "frame", "endpoint": "ep", "notification": "ntfn", "cnode": "cnode",
          "untyped": "untyped", "pagedir": "pd"}


class Tally:
    def __init__(self):
        self.yes = self.no = self.carried = self.single = self.steps = self.operations = 0
        self.kinds = {}

    def add(self, rows, replay, carried):
        self.yes += 1
        self.carried += carried
        self.single += not carried
        self.operations += replay.operations
        for row in rows:
            kind = (row.get("edge") or "itself").lstrip("<-")
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            self.steps += 1

    def __str__(self):
        return ("%d yes with %d steps (%d carried to the end, %d step by step), %d system calls; %d no; steps: %s" %
                (self.yes, self.steps, self.carried, self.single, self.operations, self.no,
                 ", ".join("%s %d" % pair for pair in sorted(self.kinds.items()))))


def run_to(machine, places, what):
    """To one of these addresses of a program; the other breakpoints are gone."""
    for at in list(machine.breakpoints):
        machine.stub.ask(b"z0,%x,4" % at)
    machine.breakpoints.clear()
    for at in places:
        machine.add_breakpoint(at)
    machine.go(lambda: machine.stub.word(REG_PC) in places, what)


def start_seed(machine, root, seed):
    """The root task gets its seed and builds."""
    calls, built, failed = supervisor_calls(root), symbol(root, "witness_built"), symbol(root, "user_fail")
    run_to(machine, calls, "the root task waits for its seed")
    machine.root = machine.current()
    at = symbol(root, "witness_seed")
    while machine.stub.word(REG_R7) != YIELD:  # before that it says so
        machine.go(lambda: True, "the root task waits for its seed")
    if machine.stub.ask(b"M%x,4:%s" % (at, seed.to_bytes(4, "little").hex().encode())) != b"OK":
        raise Failed("the seed cannot be written")
    run_to(machine, {built, failed}, "the root task has built seed %d" % seed)
    if machine.stub.word(REG_PC) == failed:
        raise Failed("the root task could not build seed %d" % seed)
    # of the domains' programs only the spin, which lies elsewhere for them
    machine.calls = {SPIN_CALL}
    run_to(machine, machine.calls, "the domains run")


def start_demo(machine, root):
    """Until each of its threads makes system calls of its own."""
    machine.calls = set(supervisor_calls(root))
    run_to(machine, machine.calls, "the root task runs")
    machine.root = machine.current()
    seen = set()

    def all_run():
        if machine.current() != machine.root:
            seen.add(machine.current())
        return len(seen) >= DEMO_THREADS
    machine.go(all_run, "the demo's threads run")


def stir(machine, state, choose):
    """Somebody calls and is not answered yet: a reply capability is there. Where the caller takes
    capabilities is said before the call."""
    machine.waiting, machine.receive = {}, {}
    replay = Replay(machine, state)
    pairs = []
    for c in state.caps.values():
        for s in state.caps.values():
            if (c["type"] == s["type"] == "endpoint" and c["object"] == s["object"] and "r" in s["rights"] and
                    "w" in c["rights"] and ("g" in c["rights"] or "p" in c["rights"]) and "g" in s["rights"]):
                callers, servers = state.threads_of(c["holder"]), state.threads_of(s["holder"])
                # a root task that kept the originals has done its work
                if callers and servers and callers[0] != servers[0] and machine.root not in callers + servers:
                    pairs.append((callers[0], c, servers[0], s))
    if not pairs or choose.random() < 0.4:
        return False
    caller, c, server, s = choose.choice(sorted(pairs, key=lambda p: (p[0], p[1]["slot"], p[2], p[3]["slot"])))
    caller, server = Thread(replay, caller), Thread(replay, server)
    into = replay.free_index(caller.cnode(), replay.radix(caller.cnode()))
    server.begin(Call(RECV, s["index"]))
    caller.begin(Call(CALL, c["index"], receive=(replay.own_cnode(caller), into, 32)))
    server.end("Recv by %s" % server.name)
    if choose.random() < 0.5:
        server.invoke(replay.own_cnode(server), SAVE_CALLER, (), (replay.free_index(server.cnode(), replay.radix(server.cnode())), 32),
                      "CNode_SaveCaller")
    machine.waiting[caller.tcb] = (caller.saved, caller.after)
    machine.receive[caller.tcb] = into
    return True


def question(state, choose):
    domains = [d for d in state.domains if d and d.startswith("d")]
    things = sorted({(c["type"], c["object"]) for c in state.caps.values() if c["type"] in THINGS and c["domain"] in domains})
    kind, addr = choose.choice(things)
    return choose.choice(sorted(domains)), choose.choice(RIGHTS), "%s:0x%x" % (THINGS[kind], addr)


def ask(machine, state, asked, tally):
    """Asks, and carries out a yes; can more be asked on this machine afterwards?"""
    rows = state.can(*asked)
    if rows is None:
        tally.no += 1
        return True
    replay = Replay(machine, state)
    try:
        carried = replay.run(rows)
    except (Failed, NotCarried) as e:
        for row in rows:
            print("#   %s: %s" % (row.get("edge"), row["because"]))
        raise Failed("can %s: %s: %s" % (" ".join(asked), type(e).__name__, e)) from e
    tally.add(rows, replay, carried)
    return not replay.dead


def one_seed(folder, image, root, seed, questions, tally):
    choose = random.Random(seed)
    machine = Machine(folder, image)
    try:
        start_seed(machine, root, seed)
        stir(machine, State(machine), choose)
        for _ in range(questions):
            state = State(machine)
            if not ask(machine, state, question(state, choose), tally):
                break
    except Failed as e:
        raise Failed("seed %d: %s" % (seed, e)) from e
    finally:
        machine.end()


def seeds(folder, image, root, first, count, questions):
    tally = Tally()
    for seed in range(first, first + count):
        one_seed(folder, image, root, seed, questions, tally)
    print("# %d distributions: %s" % (count, tally))
    if not tally.carried or not tally.single or not tally.no:
        raise Failed("too little was asked to tell")


def demo(folder, image, root, questions):
    """What each domain of the demo can gain of each other; a machine for each question, since what a
    thread was made to do its program knows nothing of."""
    tally = Tally()
    domains = ("critical", "guest", "driver")
    every = [(a, right, b) for a in domains for b in domains for right in ("control", "write") if a != b]
    for asked in questions or every:
        machine = Machine(folder, image)
        try:
            start_demo(machine, root)
            ask(machine, State(machine), asked, tally)
        finally:
            machine.end()
    print("# the demo: %s" % tally)
    if tally.no or not tally.carried:
        raise Failed("the demo is leaky, and everybody could gain everything")


def main():
    if sys.argv[1] == "seeds":
        folder, image, root = sys.argv[2:5]
        seeds(folder, image, root, *map(int, sys.argv[5:8]))
    else:
        demo(*sys.argv[2:5], [tuple(q.split()) for q in sys.argv[5:]])


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        print("# %s" % e)
        sys.exit(1)
