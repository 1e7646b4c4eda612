#!/usr/bin/env python3
"""half_open.py LISTEN CONNECT SECONDS [BYTES]: stands between a target and its client. After so long the
first connection is neither closed nor served any more, in either direction; the next one works.
With BYTES it lasts until so many of an answer have come: it ends inside of one."""
import os
import selectors
import socket
import sys
import time


def listen_at(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(4)
    os.rename(path + ".new", path)  # who sees it can connect
    return server


def pass_on(client, target, end, inside):
    """Until one side closes, or the time has come and so many bytes of an answer; true: that."""
    answered = 0
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ, target)
    selector.register(target, selectors.EVENT_READ, client)
    while end is None or time.monotonic() < end or answered < inside:
        for key, _ in selector.select(0.1):
            data = key.fileobj.recv(256 if inside else 65536)
            if not data:
                return False
            key.data.sendall(data)
            answered = answered + len(data) if key.fileobj is target else 0
    return True


def main():
    server, path, seconds = listen_at(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    inside = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    end, kept = time.monotonic() + seconds, []
    while True:
        client, _ = server.accept()
        target = socket.socket(socket.AF_UNIX)
        target.connect(path)
        if pass_on(client, target, end, inside):
            kept.append(client)  # open, and deaf
            end = None
        else:
            client.close()
        target.close()


main()
