#!/usr/bin/env python3
"""Processor time from a key to its paint, in every view, through a terminal.

    bench_inspector.py SHIM -- INSPECTOR ARGUMENTS...
    bench_inspector.py SHIM --live IMAGE CAPABILITIES [--door monitor|gdb|ram] -- INSPECTOR

With --live the target is a machine that QEMU boots from IMAGE: it is waited for until it has so many
capabilities, and goes on working while the keys are pressed; what it changes is taken in between, and
the longest of that is told, since a key would have waited for it.

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
import subprocess
import sys
import tempfile
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
        self.live = False  # it never comes to rest then
        self.news = []  # milliseconds of each time that it woke without a key

    def read(self, seconds):
        """What comes within the time: lines of the shim."""
        ready, _, _ = select.select([self.fd, self.times], [], [], seconds)
        if self.fd in ready:
            self.painted = (self.painted + os.read(self.fd, 65536))[-20000:]
        if self.times in ready:
            self.text += os.read(self.times, 65536)
        whole, _, self.text = self.text.rpartition(b"\n")
        lines = whole.decode().split("\n") if whole else []
        self.news += [int(line[2:]) / 1e6 for line in lines if line.startswith("w ")]
        return lines

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
        if key in "\r/n" and not terminal.live:
            terminal.settle(0.05)
    terminal.press("\x1b")
    terminal.settle() if not terminal.live else terminal.read(0.3)
    return times


def show(name, times):
    median, p99 = percentile(times, 0.5), percentile(times, 0.99)
    worst, key = max(times)
    fine = median < WANTED_MEDIAN and p99 < WANTED_P99
    print(f"{name:<12} {len(times):>5} {median:>8.2f} {p99:>8.2f} {worst:>8.2f} {key!r:<9} {'' if fine else 'MISSED'}", flush=True)
    return fine


class Machine:
    """What QEMU boots from an image; its monitor line is a socket."""

    def __init__(self, image):
        self.folder = tempfile.TemporaryDirectory()
        self.line, ram, gdb = (os.path.join(self.folder.name, name) for name in ("line", "ram", "gdb"))
        self.doors = {"monitor": f"monitor:unix:{self.line}", "gdb": f"gdb:unix:{gdb}", "ram": f"ram:{ram}"}
        self.console = os.path.join(self.folder.name, "console")
        self.qemu = subprocess.Popen(
            ["qemu-system-arm", "-M", "kzm,memory-backend=ram0", "-m", "128M", "-display", "none", "-monitor", "none",
             "-no-reboot", "-object", f"memory-backend-file,id=ram0,mem-path={ram},share=on,size=128M",
             "-gdb", f"unix:{gdb},server=on,wait=off", "-chardev",
             f"socket,id=line,path={self.line},server=on,wait=off,logfile={self.console}", "-serial", "chardev:line",
             "-kernel", image], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 300
        while not self.said(b": ready"):
            if time.monotonic() > end or self.qemu.poll() is not None:
                sys.exit("bench_inspector: the machine is never ready")
            time.sleep(0.1)

    def said(self, words):
        try:
            with open(self.console, "rb") as file:
                return words in file.read()
        except FileNotFoundError:
            return False

    def end(self):
        self.qemu.kill()
        self.qemu.wait()
        self.folder.cleanup()


def wait_for_capabilities(terminal, wanted, deadline=300.0):
    """Until the table of domains on the first screen shows so many in one row."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        terminal.painted = b""
        terminal.press("\x0c")
        terminal.read(0.5)
        numbers = re.findall(rb"(?<![0-9a-f])[0-9]{5,7}(?![0-9a-f])", terminal.painted)
        if any(int(n) >= wanted for n in numbers):
            return
    sys.exit(f"bench_inspector: {wanted} capabilities are never there")


def measure_live(args):
    machine = Machine(args.live[0])
    try:
        terminal = Terminal(args.shim, [*args.command, machine.doors[args.door]])
        terminal.wait_for(rb"BREACHED|ISOLATED|NO VERDICT")
        wait_for_capabilities(terminal, int(args.live[1]))
        print(f"a running machine with {args.live[1]} capabilities and more, {args.door}: door "
              "(milliseconds of processor time)", flush=True)
        all_times, fine = [], True
        terminal.news = []
        terminal.live = True
        for view in args.views:
            times = measure(terminal, view)
            all_times += times
            fine &= show(view + " live", times)
        fine &= show("all live", all_times)
        news = sorted(terminal.news)
        worst = news[-1] if news else 0.0
        print(f"news of the machine: taken {len(news)} times, the longest {worst:.2f} ms"
              f"{'' if worst < WANTED_P99 else '  MISSED'}")
        os.write(terminal.fd, b"\x1bq")
        return fine and worst < WANTED_P99
    finally:
        machine.end()


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
    parser.add_argument("--live", nargs=2, metavar=("IMAGE", "CAPABILITIES"))
    parser.add_argument("--door", default="ram", choices=["monitor", "gdb", "ram"])
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    if args.live:
        sys.exit(0 if measure_live(args) else 1)
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
