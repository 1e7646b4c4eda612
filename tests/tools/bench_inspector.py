#!/usr/bin/env python3
"""Processor time from a key to its paint, in every view, through a terminal.

    bench_inspector.py SHIM -- INSPECTOR ARGUMENTS...

SHIM is build/host/time_keys.so.  Presses the same keys in each view, waits after each until it is
answered, and prints median, 99th of a hundred and the worst of each view, with the key that took it;
then the wake-ups of ten idle seconds.  What a key starts that goes on in slices (a search) is measured
to its first paint, the whole of it beside.  Exit 1: a wanted figure was missed."""
import argparse
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

LINES, COLUMNS = 24, 80
WANTED_MEDIAN, WANTED_P99 = 1.0, 16.0  # milliseconds
VIEWS = "ODTCVBMAXJERUQL"
IDLE_SECONDS = 10

# What is pressed in each view; text in <> is typed without being measured.
KEYS = [*"jjjjjjjjkkkkjjjj", "PgDn", "PgDn", "PgUp", "G", *"kkkk", "PgUp", "g", *"jj",
        "l", "j", "j", "h", "h", "\t", "\t", "G", "h", "k", "l", "g", "z", "j", "G", "g", "Z", "j", "z", "z", "z", "z", "z", "z", "z",
        "5", "0", "0", "0", "0", "0", "G", "j", "k", "v", "v",
        "<m>", "=", "j", "G", "g", "=",
        "&", "f", "\r", "j", "&", "<\x15>", "\r", "/", "q", "q", "q", "\r", "n", "j",
        "o", "j", "G", "k", "g", "u", "j", "w", "\x7f", "d", "\x7f", "\r", "\x7f", "p", "\x7f"]
ESCAPES = {"PgDn": "\x1b[6~", "PgUp": "\x1b[5~"}


class Terminal:
    def __init__(self, shim, command):
        self.times, child_end = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.set_inheritable(child_end, True)
            os.environ.update(TERM="xterm-256color", LD_PRELOAD=os.path.abspath(shim), KEY_TIMES_FD=str(child_end))
            os.execvp(command[0], command)
        os.close(child_end)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.text = b""
        self.painted = b""

    def read(self, seconds):
        """What comes within the time: lines of the shim."""
        ready, _, _ = select.select([self.fd, self.times], [], [], seconds)
        if self.fd in ready:
            self.painted = (self.painted + os.read(self.fd, 65536))[-20000:]
        if self.times in ready:
            self.text += os.read(self.times, 65536)
        lines, _, self.text = self.text.rpartition(b"\n")
        return lines.decode().split("\n") if lines else []

    def press(self, key, deadline=120.0):
        """Milliseconds to the paint."""
        os.write(self.fd, key.encode())
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            for line in self.read(0.2):
                if line.startswith("k "):
                    return int(line[2:]) / 1e6
        sys.exit(f"bench_inspector: no answer to {key!r} in {deadline:.0f} s")

    def settle(self, quiet=0.3, deadline=120.0):
        """Until it is quiet; milliseconds of the slices in between are not known here."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if not self.read(quiet):
                return
        sys.exit("bench_inspector: it never comes to rest")

    def wait_for(self, pattern, deadline=300.0):
        end = time.monotonic() + deadline
        while not re.search(pattern, self.painted):
            if time.monotonic() > end:
                sys.exit(f"bench_inspector: {pattern!r} does not come")
            self.read(0.2)


def percentile(times, share):
    ordered = sorted(t for t, _ in times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(terminal, view):
    times = [(terminal.press(view), view)]
    for key in KEYS:
        if key.startswith("<"):
            terminal.press(key[1:-1])
            continue
        times.append((terminal.press(ESCAPES.get(key, key)), key))
        if key in "\r/n":
            terminal.settle(0.05)
    terminal.press("\x1b")
    terminal.settle()
    return times


def show(name, times):
    median, p99 = percentile(times, 0.5), percentile(times, 0.99)
    worst, key = max(times)
    fine = median < WANTED_MEDIAN and p99 < WANTED_P99
    print(f"{name:<12} {len(times):>5} {median:>8.2f} {p99:>8.2f} {worst:>8.2f} {key!r:<9} {'' if fine else 'MISSED'}", flush=True)
    return fine


def idle_wakes(terminal):
    terminal.settle(1.5)
    end, wakes = time.monotonic() + IDLE_SECONDS, 0
    while time.monotonic() < end:
        wakes += len(terminal.read(max(0, end - time.monotonic())))
    return wakes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shim")
    parser.add_argument("--views", default=VIEWS)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    began = time.monotonic()
    terminal = Terminal(args.shim, args.command)
    while not terminal.painted:
        terminal.read(0.2)
    first = time.monotonic() - began
    terminal.wait_for(rb"RECORDING|RUNNING")
    terminal.wait_for(rb"BREACHED|ISOLATED|NO VERDICT")
    loaded = time.monotonic() - began
    terminal.settle()
    print(f"first paint {first:.2f} s, loaded {loaded:.2f} s (wall)")
    print(f"{'view':<12} {'keys':>5} {'median':>8} {'p99':>8} {'worst':>8} key      (milliseconds of processor time)")
    all_times, fine = [], True
    for view in args.views:
        times = measure(terminal, view)
        all_times += times
        fine &= show(view, times)
        if args.verbose:
            print("   ", sorted(times)[-12:])
    terminal.press("[")  # the snapshot before, compared with this one
    terminal.painted = b""
    while b"snapshot 1 " not in terminal.painted:  # only what changed is painted, unless it is asked for
        terminal.read(0.5)
        terminal.press("\x0c")
    terminal.settle(1.0)
    for view in "VBU":
        times = measure(terminal, view)
        all_times += times
        fine &= show(view + " compared", times)
    fine &= show("all", all_times)
    print(f"idle: {idle_wakes(terminal)} wake-ups in {IDLE_SECONDS} s")
    os.write(terminal.fd, b"\x1bq")
    sys.exit(0 if fine else 1)


main()
