#!/usr/bin/env bash
# What the kernel in QEMU sends over its serial line, judged by the second reader, which was written
# from docs/record-format.md and docs/wire-format.md alone.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
reader=tests/reader/read_records.py

# capture COMMAND FILE: the raw bytes between the command's echo and the next prompt.
capture() {
    python3 - "$work/monitor.sock" "$1" "$2" <<'PYTHON'
import re
import socket
import sys
import time

path, command, out = sys.argv[1:]
line = socket.socket(socket.AF_UNIX)
line.connect(path)
line.settimeout(0.2)
prompt = re.compile(rb"(capscope|stopped)> $")
deadline = time.monotonic() + 30


def until_prompt(begin):
    data = b""
    while time.monotonic() < deadline:
        try:
            piece = line.recv(65536)
            if not piece:
                sys.exit("the line was closed")
            data += piece
        except TimeoutError:
            if begin in data and prompt.search(data):
                return data
            if begin == b"> ":  # what programs print may have come in its place
                line.sendall(b"\r")
    sys.exit(f"no prompt, got {data[-200:]!r}")


until_prompt(b"> ")
line.sendall(command.encode() + b"\r")
data = until_prompt(command.encode())
open(out, "wb").write(data[data.index(command.encode()):])
PYTHON
}

begins_with() {
    local first
    first=$($reader frames "$1" | head -n 1)
    [[ $first == "snapshot format=5 kernel=1 "* ]] || { echo "$first"; return 1; }
}

same_records() {
    diff <($reader frames "$1") <($reader frames "$2")
}

boot build/arm/debug/image-demo-healthy.elf
check "a snapshot can be captured" capture "snapshot wire" "$work/first"
check "the second reader accepts every frame and record" $reader check "$work/first"
check "it begins with a SNAPSHOT of format 5" begins_with "$work/first"
check "the trace can be captured" capture "trace wire" "$work/trace"
check "the second reader accepts the trace" $reader frames "$work/trace"
check "the kernel can be halted" capture "halt" "$work/halted"
check "a snapshot of the halted kernel can be captured" capture "snapshot wire" "$work/second"
check "the second reader accepts it" $reader check "$work/second"
check "and another" capture "snapshot wire" "$work/third"
check "looking changes nothing: both hold the same records" same_records "$work/second" "$work/third"
plan
