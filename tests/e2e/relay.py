"""A line that can break: relay.py HERE THERE listens at the unix socket HERE, and carries bytes between
who connects and the unix socket THERE, until it is ended."""
import os
import select
import socket
import sys


def carry(one, other):
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


here, there = sys.argv[1:]
if os.path.exists(here):
    os.unlink(here)
listener = socket.socket(socket.AF_UNIX)
listener.bind(here)
listener.listen(4)
while True:
    client, _ = listener.accept()
    with client, socket.socket(socket.AF_UNIX) as machine:
        try:
            machine.connect(there)
            carry(client, machine)
        except OSError:
            pass
