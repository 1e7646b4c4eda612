#!/usr/bin/env python3
"""half_open.py LISTEN CONNECT SECONDS: stands between a target and its client. After so long the
first connection is neither closed nor served any more, in either direction; the next one works."""
import selectors
import socket
import sys
import time


def listen_at(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)
    return server


def pass_on(client, target, end):
    """Until one side closes, or the time has come; true: that."""
    selector = selectors.DefaultSelector()
    selector.register(client, selectors.EVENT_READ, target)
    selector.register(target, selectors.EVENT_READ, client)
    while end is None or time.monotonic() < end:
        for key, _ in selector.select(0.1):
            data = key.fileobj.recv(65536)
            if not data:
                return False
            key.data.sendall(data)
    return True


def main():
    server, path, seconds = listen_at(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    end, kept = time.monotonic() + seconds, []
    while True:
        client, _ = server.accept()
        target = socket.socket(socket.AF_UNIX)
        target.connect(path)
        if pass_on(client, target, end):
            kept.append(client)  # open, and deaf
            end = None
        else:
            client.close()
        target.close()


main()
