#!/usr/bin/env python3
"""What the demo's critical domain has noted of its delays (user/demo/critical.c), from the machine's
RAM file: how often, and the longest and the shortest, in instructions, from the timer's interrupt to
the driver's answer.  Right only where virtual time is the number of instructions: -icount shift=5.

    critical_delay.py RAM          prints TICKS LONGEST SHORTEST"""
import mmap
import struct
import sys

DELAY_MAGIC = 0x64656c79
COUNTS_AN_INSTRUCTION = 38.999040 / 31.25  # of the driver's timer


def delay(path):
    """(ticks, longest, shortest); None: nothing was noted."""
    mark = struct.pack("<II", DELAY_MAGIC, ~DELAY_MAGIC & 0xffffffff)
    found = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as ram:
        at = ram.find(mark)
        while at >= 0:
            found.append(struct.unpack_from("<III", ram, at + 8))
            at = ram.find(mark, at + 4)
    ticks, longest, shortest = max(found, default=(0, 0, 0))
    if ticks == 0:
        return None
    return ticks, longest / COUNTS_AN_INSTRUCTION, shortest / COUNTS_AN_INSTRUCTION


def main():
    noted = delay(sys.argv[1])
    if not noted:
        sys.exit("critical has noted nothing")
    print(" ".join(f"{value:.0f}" for value in noted))


if __name__ == "__main__":
    main()
