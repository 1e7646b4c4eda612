#!/usr/bin/env bash
# Lines that fail: bytes lost, doubled, flipped; a line cut; a machine that dies; two clients on one
# line; kernels that are none or another.  Each ends in whole snapshots or in one clear sentence, and
# the machine goes on.
. "$(dirname "$0")/noise.bash"

noisy_monitor() { # seed
    line "noise$1" "$work/monitor.sock" --seed "$1"
    record "monitor:unix:$work/noise$1.sock" "$work/noise$1.capdb" --every 0 --count 8 || { cat "$work/said"; return 1; }
    [ "$(damaged "noise$1")" -ge 50 ] || { echo "only $(damaged "noise$1") bytes damaged"; return 1; }
    stop_line
    [ "$(snapshots "$work/noise$1.capdb")" = 8 ]
}

cut_line() {
    line cut "$work/monitor.sock" --rate 0 --cut 60000
    record "monitor:unix:$work/cut.sock" "$work/cut.capdb" --every 0 --count 100 --patience 0
    local status=$?
    stop_line
    [ $status = 2 ] && said "the other side closed the connection; what was recorded is kept$" &&
        [ "$(wc -l <"$work/said")" = 1 ]
}

kept() { # file
    local n
    n=$(snapshots "$1")
    [ "$n" -ge 1 ] && [ "$n" -lt 100 ] && whole "$1"
}

# A client that stays attached: it asks once an hour.
stay() {
    "$capdb" record "monitor:unix:$work/monitor.sock" "$work/stay.capdb" --every 3600 >/dev/null 2>&1 &
    client_pid=$!
    wait_for 60 test -s "$work/stay.capdb"
}


# A client that asked for a snapshot and read only some of it, killed.
killed_in_a_frame() {
    python3 - "$work/monitor.sock" "$work/inside" <<'PY' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
s.connect(sys.argv[1])
s.sendall(b"\x03@snapshot wire\r")
got = b""
while b"\0" not in got or len(got) < 600:
    got += s.recv(100)
open(sys.argv[2], "w").write("inside\n")
time.sleep(600)
PY
    client_pid=$!
    wait_for 60 test -s "$work/inside"
    stop_client
}

other_layout() { # in the file
    python3 - "$work/ram" "$work/other" "$1" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
magic = struct.pack("<II", 0x43504143, 0x50534f52)
at = 0
while True:
    at = data.index(magic, at)
    version, layout, size = struct.unpack_from("<III", data, at + 8)
    if at % 64 == 0 and version < 1000 and size < 4096:
        break
    at += 4
struct.pack_into("<I", data, at + (12 if sys.argv[3] == "layout" else 8), 0xabcd if sys.argv[3] == "layout" else 77)
open(sys.argv[2], "wb").write(data)
print("%#x" % (at + 0xf0000000))
PY
}

rm -f "$work"/*.sock
boot_demo
for seed in 1 2; do
    check "8 snapshots come through a line that damages 1 byte in 1000 (seed $seed)" noisy_monitor $seed
    check "each of them is whole and undamaged (seed $seed)" whole "$work/noise$seed.capdb"
done
check "the machine goes on after that" goes_on

check "a line cut in the middle of a snapshot is named" cut_line
check "the snapshots before the cut are kept" kept "$work/cut.capdb"
check "the machine goes on after the cut" goes_on

stay
check "a second client on the monitor's line is told" \
    refused "monitor gave no answer before the deadline .*nobody else connected" \
    "$capdb" record "monitor:unix:$work/monitor.sock" "$work/second.capdb" --count 1
stop_client
check "the line is free again after a client was killed" record "monitor:unix:$work/monitor.sock" "$work/third.capdb" --count 1
killed_in_a_frame
check "a client killed in the middle of a frame leaves a line that works" \
    record "monitor:unix:$work/monitor.sock" "$work/fourth.capdb" --every 0 --count 3
check "what came then is whole" whole "$work/fourth.capdb"

# On a line this bad nothing comes whole: the machine is stopped, and stands while it is tried.
stands() {
    local before
    before=$(ticks)
    sleep 0.3 # time in which a running machine ticks
    [ "$(ticks)" = "$before" ]
}
killed_while_it_gathers() {
    line gathers "$work/monitor.sock" --rate 150
    "$capdb" record "monitor:unix:$work/gathers.sock" "$work/gathers.capdb" --count 1 >"$work/said" 2>&1 &
    client_pid=$!
    wait_for 60 stands || { echo "it never stopped"; cat "$work/said"; return 1; }
    stop_client
    stop_line
}
check "a client that has stopped the machine to gather a snapshot is killed" killed_while_it_gathers
check "the machine goes on by itself" goes_on
check "and the next client is answered" record "monitor:unix:$work/monitor.sock" "$work/fifth.capdb" --count 1

roots=$(other_layout layout)
check "an image of another layout is refused with both numbers" \
    refused "the kernel's layout is 0x0000abcd, this program understands 0x2026" "$capdb" live "ram:$work/other" "select 1"
other_layout version >/dev/null
check "an image of another version is refused with both numbers" \
    refused "version 77, this program understands 1" "$capdb" live "ram:$work/other" "select 1"
head -c 16777216 /dev/zero >"$work/zeros"
check "an image without a kernel is refused" refused "no capscope kernel" "$capdb" live "ram:$work/zeros" "select 1"
check "a file that is not there is named" refused "$work/nothing: No such file" "$capdb" live "ram:$work/nothing" "select 1"

patch_layout() {
    gdb-multiarch -nx -batch -ex "target remote $work/gdb.sock" -ex "maint packet Qqemu.PhyMemMode:1" \
        -ex "maint packet M$(printf '%x' $((roots - 0x70000000 + 12))),4:cdab0000" \
        -ex "maint packet Qqemu.PhyMemMode:0" -ex detach >"$work/patch.out" 2>&1
}
check "a running kernel's layout word is changed" patch_layout
check "a running kernel of another layout is refused with both numbers" \
    refused "the kernel's layout is 0x0000abcd, this program understands 0x2026" \
    "$capdb" record "gdb:unix:$work/gdb.sock" "$work/none.capdb" --count 1
halt_machine

rm -f "$work"/*.sock
boot_demo
record_until_killed() {
    timeout 60 "$capdb" record "monitor:unix:$work/monitor.sock" "$work/killed.capdb" --every 0.05 \
        --patience 0 >"$work/said" 2>&1 &
    client_pid=$!
    wait_for 60 recorded 3 || return 1
    halt_machine
    wait "$client_pid"
    local status=$?
    client_pid=
    [ $status = 2 ] && said "the other side closed the connection; what was recorded is kept$"
}
recorded() { [ "$(snapshots "$work/killed.capdb")" -ge "$1" ]; }
check "a machine that dies while it is recorded is named" record_until_killed
halt_machine
check "the snapshots before its death are kept" kept "$work/killed.capdb"
check "nobody answers where no machine is" refused "monitor.sock: Connection refused" \
    "$capdb" record "monitor:unix:$work/monitor.sock" "$work/none.capdb" --count 1
plan
