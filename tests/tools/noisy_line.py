#!/usr/bin/env python3
"""A line between a client and a unix socket that damages what it carries.

  noisy_line.py LISTEN TARGET [--seed N] [--rate N] [--cut BYTES] [--slow MS] [--end FILE]

One byte in --rate (0: none), in either direction, is lost, doubled, or has one bit flipped; the seed
says which.  --cut closes the line after so many bytes towards the client; what goes there takes
--slow milliseconds.  --end: when the client says what the first line of FILE holds, the process whose
number the second line holds gets SIGTERM, while the answer is under way.  One client at a time, one
after the other.  When a client has gone, a line on stdout says how many bytes passed and how many
were damaged."""
import argparse
import os
import random
import select
import signal
import socket
import time


class Noise:
    def __init__(self, seed, rate):
        self.random, self.rate = random.Random(seed), rate
        self.passed = self.damaged = 0

    def __call__(self, data):
        self.passed += len(data)
        if not self.rate:
            return data
        out = bytearray()
        for byte in data:
            if self.random.randrange(self.rate):
                out.append(byte)
                continue
            self.damaged += 1
            kind = self.random.randrange(3)
            if kind == 1:
                out += bytes([byte, byte])
            elif kind == 2:
                out.append(byte ^ 1 << self.random.randrange(8))
        return bytes(out)


class Delay:
    """What is under way, until it is due."""

    def __init__(self, seconds):
        self.seconds, self.waiting = seconds, []

    def put(self, data):
        self.waiting.append((time.monotonic() + self.seconds, data))

    def left(self):
        return max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None

    def due(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            yield self.waiting.pop(0)[1]


class End:
    """Of the client, at what it says."""

    def __init__(self, path):
        self.word, self.process = open(path).read().split() if path else (None, None)

    def __call__(self, said):
        if self.word and self.word.encode() in said:
            os.kill(int(self.process), signal.SIGTERM)
            self.word = None


def carry(client, target, noise, cut, slow, end):
    """Until one side closes, or the cut."""
    towards_client = 0
    delay = Delay(slow)
    while True:
        for data in delay.due():
            try:
                client.sendall(data)
            except OSError:
                pass  # it has left; what it said last is still to be carried
        for source in select.select([client, target], [], [], delay.left())[0]:
            try:
                data = source.recv(4096)
            except OSError:
                data = b""
            if not data:
                return
            if source is target and cut and towards_client + len(data) >= cut:
                client.sendall(data[:cut - towards_client])
                return
            if source is target:
                towards_client += len(data)
                delay.put(noise(data))
                continue
            end(data)
            try:
                target.sendall(noise(data))
            except OSError:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listen")
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--cut", type=int, default=0)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--end", default="")
    o = parser.parse_args()
    noise = Noise(o.seed, o.rate)
    server = socket.socket(socket.AF_UNIX)
    server.bind(o.listen + ".new")
    server.listen(4)
    os.rename(o.listen + ".new", o.listen)
    while True:
        client, _ = server.accept()
        with client, socket.socket(socket.AF_UNIX) as target:
            target.connect(o.target)
            carry(client, target, noise, o.cut, o.slow / 1000, End(o.end))
        print(f"passed {noise.passed} damaged {noise.damaged}", flush=True)


main()
