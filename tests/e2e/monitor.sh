#!/usr/bin/env bash
# The serial monitor against the real kernel in QEMU: every command, the line editor, hostile input,
# frames, the live line, stops and steps, a revoke without an end, explanations, a panic,
# time on a machine whose other timer a program drives.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

# scenario NAME IMAGE [QEMU ARGUMENTS]: boots it, stopped until the client listens; goes on with TAP's numbering.
scenario() {
    rm -f "$work"/*.sock
    boot "build/arm/debug/$2" -S "${@:3}"
    python3 tests/e2e/monitor_client.py "$1" "$work" $((tap_count + 1)) || status=1
    tap_count=$(cat "$work/count")
    halt_machine
}

status=0
scenario healthy image-demo-healthy.elf
scenario program image-debugcalls.elf
scenario sentences image-sentences.elf
scenario panic image-hello.elf
scenario hosted image-demo-hosted.elf
scenario givesup image-givesup.elf -icount shift=8
plan
exit $status
