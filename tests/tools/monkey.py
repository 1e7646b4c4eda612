#!/usr/bin/env python3
"""Presses random keys and resizes at random: no crash, no hang, no report of a sanitizer.

    monkey.py [--seed N] [--keys N] [--seconds N] [--end PROCESS] -- COMMAND...

Runs COMMAND in a terminal of its own.  After each burst it waits until the program has taken the
keys (it answers by painting, or falls silent while it still lives).  Ends it with its own key for
leaving, and fails when the program ended by itself, does not end when asked to, or ends with a
status other than 0.  The seed and the last keys are printed on failure, so that a run can be
repeated."""
import argparse
import fcntl
import os
import pty
import random
import select
import signal
import struct
import sys
import termios
import time

KEYS = [
    *"jjjjkkkkllllhhhhgGoudwXpr[]{}.m=znNZv<>?&/@:\"'%b",
    *"ODTCVBMAXJERUQL", *"0123456789",
    "\r", "\t", "\x7f", "\x1b", "\x0c", "\x06", "\x02", " ",
    "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1bOA", "\x1bOB", "\x1bOH", "\x1bOF",
    "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~",
    "guest", "0x8248", "frame", "slot:", "at -5", "goto ", "\xc3\xa4", "\x00", "\x1b[M", "\x1b[<0;10;5M",
    "\x1b[<0;40;12M", "\x1b[<64;10;5M", "\x1b[<65;10;5M",
]
PATIENCE = 120.0


def size(fd, lines, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def drain(fd, seconds):
    """Reads what is painted; False: the terminal is closed."""
    end = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            return True
        try:
            if not os.read(fd, 65536):
                return False
        except OSError:
            return False


def wait_for_end(pid, fd):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        drain(fd, 0.05)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
    return None


def press_all(fd, pid, dice, args, log):
    end = time.monotonic() + args.seconds
    pressed = 0
    while pressed < args.keys and time.monotonic() < end:
        if args.end and pressed >= args.keys // 2:
            os.kill(args.end, signal.SIGKILL)
            args.end = None
        burst = [dice.choice(KEYS) for _ in range(dice.randint(1, 12))]
        log[:] = (log + burst)[-60:]
        data = "".join(burst).encode("utf-8")
        while data:
            _, writable, _ = select.select([], [fd], [], PATIENCE)
            if not writable:
                return pressed, "takes no keys any more"
            data = data[os.write(fd, data[:512]):]
            if not drain(fd, 0):
                return pressed, "ended by itself"
        pressed += len(burst)
        if dice.random() < 0.04:
            for _ in range(dice.randint(1, 6)):
                lines, columns = dice.choice([(24, 80), (50, 200), (3, 10), (2, 8), (1, 1), (14, 60), (36, 110)])
                log.append(f"<{columns}x{lines}>")
                size(fd, lines, columns)
                os.kill(pid, signal.SIGWINCH)
        if not drain(fd, 0.005):
            return pressed, "ended by itself"
    return pressed, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--end", type=int, help="a process that is killed when half of the keys are pressed")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(args.command[0], args.command)
    size(fd, 24, 80)
    select.select([fd], [], [], PATIENCE)  # it paints as soon as its target is open
    log = []
    pressed, fault = press_all(fd, pid, random.Random(args.seed), args, log)
    status = None
    if not fault:
        size(fd, 24, 80)
        for key in (b"\x1b", b"\x1b", b"\x1b", b"q"):  # out of any prompt, leave
            os.write(fd, key)
            drain(fd, 0.3)
        drain(fd, 0.3)
        try:
            os.write(fd, b"r")  # armed stops are taken back
        except OSError:
            pass
    status = wait_for_end(pid, fd)
    if status is None:
        os.kill(pid, signal.SIGABRT)
        fault = fault or "does not end when asked to"
    if fault or status != 0:
        print(f"monkey: seed {args.seed}: after {pressed} keys: {fault or 'status'} {status}", file=sys.stderr)
        print("monkey: last keys: " + " ".join(repr(k) for k in log), file=sys.stderr)
        sys.exit(1)
    print(f"monkey: seed {args.seed}: {pressed} keys, status 0")


main()
