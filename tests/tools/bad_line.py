#!/usr/bin/env python3
"""bad_line.py LISTEN CONNECT WHAT COUNT: stands between a monitor and its client and spoils the
frames of events that come through (those with a digest alone do not count): the COUNT-th one, and
each that is a multiple of it.

    drop    it does not come        flip    one bit of it is wrong
    hold    nothing comes any more, from that frame on, for seven seconds"""
import os
import selectors
import socket
import sys
import time

EVENTS = 4
DIGEST_ALONE = 32  # bytes at most
SILENCE = 7.0

listen, connect, what, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
server = socket.socket(socket.AF_UNIX)
server.bind(listen + ".new")
server.listen(1)
os.rename(listen + ".new", listen)  # who sees it can connect
target = socket.socket(socket.AF_UNIX)
target.connect(connect)
client, _ = server.accept()


class Spoiler:
    """Cuts the line at zero bytes. What begins as a frame of events does (the first group's code
    byte, then the kind) is held until it is whole; all else passes at once."""

    def __init__(self):
        self.piece = bytearray()
        self.passing = False
        self.events = 0

    def spoil(self, body):
        self.events += len(body) > DIGEST_ALONE
        if self.events % count or len(body) <= DIGEST_ALONE:
            return body
        if what == "drop":
            return b""
        if what == "hold":
            time.sleep(SILENCE)
            return body
        return body[:6] + bytes([body[6] ^ 0x40 or 1]) + body[7:]

    def end_of_piece(self):
        piece = bytes(self.piece)
        self.piece.clear()
        whole = not self.passing and len(piece) >= 8
        self.passing = False
        return (self.spoil(piece) if whole else piece) + b"\0"

    def pass_on(self, data):
        out = bytearray()
        for byte in data:
            if byte == 0:
                out += self.end_of_piece()
                continue
            self.piece.append(byte)
            if len(self.piece) == 2 and not (self.piece[0] >= 2 and self.piece[1] == EVENTS):
                self.passing = True
            if self.passing:
                out += self.piece
                self.piece.clear()
        return bytes(out)


spoiler = Spoiler()
waiting = selectors.DefaultSelector()
waiting.register(client, selectors.EVENT_READ)
waiting.register(target, selectors.EVENT_READ)
try:
    while True:
        for key, _ in waiting.select():
            data = key.fileobj.recv(65536)
            if not data:
                sys.exit(0)
            if key.fileobj is client:
                target.sendall(data)
            else:
                client.sendall(spoiler.pass_on(data))
except ConnectionError:
    sys.exit(0)  # one of the two has gone
