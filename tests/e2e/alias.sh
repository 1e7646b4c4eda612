#!/usr/bin/env bash
# RAM has one name: whatever the size of RAM, no untyped that the root task gets reaches where RAM
# answers a second time, and the kernel takes no such place for RAM.  QEMU's own map of memory is the
# judge.  A capability that reaches there all the same is named by the audit and by `check`.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

image=build/arm/debug/image-hello.elf

# start MIB: until the root task is done or RAM is too small for anything.
start() {
    rm -f "$work"/*.sock "$work/console"
    qemu-system-arm -M kzm -m "$1" -display none -no-reboot -serial "file:$work/console" -serial null \
        -monitor "unix:$work/qemu.sock,server=on,wait=off" -kernel "$image" >/dev/null 2>"$work/qemu.log" &
    qemu_pid=$!
    wait_for 60 listens "$work/qemu.sock"
}

said() { # text
    grep -qa "$1" "$work/console"
}

# The map of QEMU, and what the root task was given: `judge MIB` prints what is wrong.
judge() {
    python3 - "$work/qemu.sock" "$work/console" "$1" <<'PY'
import re, socket, sys
line = socket.socket(socket.AF_UNIX)
line.settimeout(20)
line.connect(sys.argv[1])
def until_prompt():
    text = b""
    while not text.endswith(b"(qemu) "):
        text += line.recv(65536)
    return text.decode()
until_prompt()
line.sendall(b"info mtree -f\n")
ram = []  # (first, last, offset in RAM)
name = r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio \d+, ram\): kzm.ram(?: @([0-9a-f]+))?\s*$"
for first, last, at in re.findall(name.replace("kzm.ram", r"\S*ram\S*"), until_prompt(), re.M):
    if 0x80000000 <= int(first, 16) < 0xa0000000:
        ram.append((int(first, 16), int(last, 16), int(at or "0", 16)))
ram = sorted(set(ram))
untypeds = [(int(a, 16), int(b), bool(d)) for a, b, d in
            re.findall(r"untyped ([0-9a-f]{8}):(\d+)( device)?", open(sys.argv[2], errors="replace").read())]
if not ram or len(untypeds) < 60:
    sys.exit(f"nothing to judge: {len(ram)} ranges of RAM, {len(untypeds)} untypeds")
pieces = []  # of RAM that untypeds reach: offset, end, name
for start, bits, device in untypeds:
    for first, last, at in ram:
        low, high = max(start, first), min(start + (1 << bits) - 1, last)
        if low <= high:
            pieces.append((at + low - first, at + high - first, f"{start:08x}:{bits}"))
            if device:
                sys.exit(f"device untyped {start:08x}:{bits} reaches RAM at {low:08x}")
pieces.sort()
for a, b in zip(pieces, pieces[1:]):
    if b[0] <= a[1]:
        sys.exit(f"{a[2]} and {b[2]} are one memory")
if pieces[0][0] < 0x20000:
    sys.exit(f"{pieces[0][2]} reaches the kernel")
size = min(int(sys.argv[3]), 128) << 20
if pieces[-1][1] >= size:
    sys.exit(f"{pieces[-1][2]} reaches behind the RAM that the kernel uses")
aliases = [r for r in ram if any(r != o and r[2] < o[2] + o[1] - o[0] + 1 and o[2] <= r[2] + r[1] - r[0] for o in ram)]
print(f"{len(untypeds)} untypeds, {len(ram)} ranges of RAM, {len(aliases)} of them over the same memory")
if int(sys.argv[3]) not in (256, 512) and len(aliases) < 2:
    sys.exit("QEMU's map shows no alias: this test judges nothing")
PY
}

one_name() { # MIB
    start "$1"
    wait_for 60 said 'hello: done' || { cat "$work/console"; return 1; }
    judge "$1"
    local status=$?
    halt_machine
    return $status
}

for mib in ${RAM_SIZES:-96 100 128 192 384 512}; do
    check "with $mib MiB no untyped reaches where RAM answers again" one_name $mib
done

refuses() { # MIB
    start "$1"
    wait_for 60 said 'RAM is too small' && ! said hello
    local status=$?
    halt_machine
    return $status
}
for mib in 48 65; do
    check "with $mib MiB the loader, which lies in a repetition of RAM, refuses" refuses $mib
done

# --- a kernel in which somebody has such a capability all the same ---------------------------------

capdb=build/host/capdb
record() { # target file
    timeout 60 "$capdb" record "$1" "$work/$2" --count 1 >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
}
planted() {
    python3 - "$work" <<'PY'
import sys
sys.path.insert(0, "tests/e2e")
import poke
m = poke.Machine(sys.argv[1], attach=True)
slot = next(at for at, w0, w1 in m.slots() if w0 & 0xf == 8 and w0 & 0xf80 == 0 and w1 == 0)
m.write(slot, 0xf8200000 | 0x40 | 3 << 4 | 8)  # 4K, device, read and write
open(sys.argv[1] + "/slot", "w").write(f"0x{slot - poke.OFFSET & 0xffffffff:08x}")
PY
}
named_by_check() { # file
    timeout 60 "$capdb" check "$work/$1" >"$work/said" 2>&1
    local status=$?
    grep -q "$(cat "$work/slot"): a capability refers to addresses under which RAM may answer again (0x80200000, 0xc)" \
        "$work/said" && [ $status != 0 ] || { echo "exit $status"; cat "$work/said"; return 1; }
}
boot build/arm/debug/image-demo-healthy.elf
check "a frame where RAM answers again is planted" planted
for door in "monitor:unix:$work/monitor.sock" "gdb:unix:$work/gdb.sock" "ram:$work/ram"; do
    check "${door%%:*}: it is recorded" record "$door" "${door%%:*}.capdb"
    check "${door%%:*}: check names it" named_by_check "${door%%:*}.capdb"
done
plan
