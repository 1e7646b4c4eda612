#!/usr/bin/env python3
"""A line between a client and a unix socket that damages what it carries.

  noisy_line.py LISTEN TARGET [--seed N] [--rate N] [--cut BYTES]

One byte in --rate (0: none), in either direction, is lost, doubled, or has one bit flipped; the seed
says which.  --cut closes the line after so many bytes towards the client.  One client at a time, one
after the other.  When a client has gone, a line on stdout says how many bytes passed and how many
were damaged."""
import argparse
import os
import random
import select
import socket


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


def carry(client, target, noise, cut):
    """Until one side closes, or the cut."""
    towards_client = 0
    while True:
        for source in select.select([client, target], [], [])[0]:
            try:
                data = source.recv(4096)
            except OSError:
                data = b""
            if not data:
                return
            if source is target and cut and towards_client + len(data) >= cut:
                client.sendall(data[:cut - towards_client])
                return
            towards_client += len(data) if source is target else 0
            try:
                (client if source is target else target).sendall(noise(data))
            except OSError:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listen")
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--cut", type=int, default=0)
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
            carry(client, target, noise, o.cut)
        print(f"passed {noise.passed} damaged {noise.damaged}", flush=True)


main()
