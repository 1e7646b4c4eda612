#!/usr/bin/env python3
"""Steps a program in QEMU and compares each step with what gdbstub/nextpc.c foretells.

  steps.py LIBRARY GDB-SOCKET LAST-PC

LIBRARY is nextpc.c as a shared object. Ends when the program stands at LAST-PC. QEMU moves by one
instruction at each `s` and is no part of the project: so it is the judge. Prints TAP."""
import ctypes
import socket
import struct
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_bool, c_uint32, c_void_p, memmove

STEPS_MAX = 100000
READ = CFUNCTYPE(c_bool, c_void_p, c_uint32, c_void_p, c_uint32)


class State(Structure):
    _fields_ = [("r", c_uint32 * 16), ("cpsr", c_uint32), ("read", READ), ("ctx", c_void_p)]


class Next(Structure):
    _fields_ = [("pc", c_uint32), ("thumb", c_bool)]


class Qemu:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.buffer = b""
        while True:  # `p` and `g` are numbered by target.xml
            if self.ask(b"qXfer:features:read:target.xml:0,ffb")[:1] in (b"l", b"m"):
                break

    def byte(self):
        if not self.buffer:
            self.buffer = self.socket.recv(65536)
            if not self.buffer:
                raise EOFError("QEMU closed the line")
        one, self.buffer = self.buffer[:1], self.buffer[1:]
        return one

    def packet(self):
        while self.byte() != b"$":
            pass
        data = b""
        while (c := self.byte()) != b"#":
            data += c
        self.byte(), self.byte()
        self.socket.sendall(b"+")
        return data

    def ask(self, data):
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
        return self.packet()

    def registers(self):
        raw = bytes.fromhex(self.ask(b"g").decode())
        words = struct.unpack("<16I", raw[:64])
        return words, struct.unpack("<I", raw[-4:])[0]

    def memory(self, addr, size):
        answer = self.ask(b"m%x,%x" % (addr, size))
        return None if answer[:1] == b"E" else bytes.fromhex(answer.decode())


def foretell(library, qemu, registers, cpsr):
    def read(_, addr, to, size):
        data = qemu.memory(addr, size)
        if data is None:
            return False
        memmove(to, data, size)
        return True

    state = State(ctx=None, cpsr=cpsr, read=READ(read))
    for i, value in enumerate(registers):
        state.r[i] = value
    out = Next()
    result = library.nextpc_of(byref(state), byref(out))
    return (out.pc, out.thumb) if result == 0 else None


def walk(library, qemu, last):
    """How many steps, and the first that went elsewhere."""
    registers, cpsr = qemu.registers()
    taken = jumps = 0
    while registers[15] != last and taken < STEPS_MAX:
        foretold = foretell(library, qemu, registers, cpsr)
        before = registers[15]
        qemu.ask(b"s")
        registers, cpsr = qemu.registers()
        taken += 1
        jumps += registers[15] not in (before + 2, before + 4)
        if foretold != (registers[15], bool(cpsr & 0x20)):
            return taken, jumps, "0x%x: foretold %r, went to 0x%x, thumb %d" % (
                before, foretold, registers[15], cpsr >> 5 & 1)
    return taken, jumps, None if registers[15] == last else "no end in %d steps" % STEPS_MAX


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.nextpc_of.argtypes = [POINTER(State), POINTER(Next)]
    taken, jumps, wrong = walk(library, Qemu(sys.argv[2]), int(sys.argv[3], 16))
    print("# %d steps, %d of them jumps%s" % (taken, jumps, "; " + wrong if wrong else ""))
    sys.exit(0 if wrong is None and jumps > 1000 else 1)


main()
