#!/usr/bin/env bash
# The same stopped state through every door gives the same records, byte for byte; a running machine
# gives whole snapshots and runs on afterwards.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

dump=$work/dump_records
image=build/arm/debug/image-demo-healthy.elf
odd=build/arm/debug/image-debugcalls.elf

build_tool() {
    make --no-print-directory build/host/libhost.a "$image" "$odd" >/dev/null &&
        gcc -std=gnu11 -D_GNU_SOURCE -I. -O1 -Wall -Werror -o "$dump" tests/tools/dump_records.c \
            build/host/libhost.a -lserialport -ldw -lelf
}

door() { # name
    case $1 in
    monitor) echo "monitor:unix:$work/monitor.sock" ;;
    stub) echo "gdb:unix:$work/stub.sock" ;;
    gdb) echo "gdb:unix:$work/gdb.sock" ;;
    ram) echo "ram:$work/ram" ;;
    core) echo "ram:$work/core" ;;
    esac
}

records() { # name
    timeout 60 "$dump" "$(door "$1")" >"$work/$1.records" && [ -s "$work/$1.records" ]
}

same_as_monitor() { # name
    records "$1" && cmp "$work/first.records" "$work/$1.records"
}

qmp() { # command [key=value]...
    python3 - "$work/qmp.sock" "$@" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
line = s.makefile("rw")
def ask(command, arguments):
    line.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    line.flush()
    while True:
        answer = json.loads(line.readline())
        if "error" in answer:
            sys.exit(answer["error"]["desc"])
        if "return" in answer:
            return answer["return"]
json.loads(line.readline())
ask("qmp_capabilities", {})
arguments = dict(a.split("=", 1) for a in sys.argv[3:])
if "paging" in arguments:
    arguments["paging"] = False
print(json.dumps(ask(sys.argv[2], arguments)))
PY
}

dump_core() {
    qmp dump-guest-memory paging=no "protocol=file:$work/core"
}

machine_is() { # status
    qmp query-status | grep -q "\"status\": \"$1\""
}

paused_stays_paused() {
    qmp stop && timeout 30 "$dump" -t "$(door gdb)" && machine_is paused && qmp cont && machine_is running
}

# While the stub in the kernel holds the machine, the others see what it saw.
stub_holds_what_others_see() {
    local ok=0
    mkfifo "$work/hold"
    timeout 90 "$dump" -hk "$(door stub)" <"$work/hold" >"$work/stub.records" &
    local tool=$!
    exec 9>"$work/hold"
    wait_for 60 test -s "$work/stub.records" &&
        records ram && records gdb && records monitor || ok=1
    exec 9>&-
    wait $tool || ok=1
    for other in ram gdb monitor; do
        cmp "$work/stub.records" "$work/$other.records" || ok=1
    done
    return $ok
}

# Objects by name and kind, and what lies in the slots of CNodes and threads, one a line.
# But for `mapping`, which only the host says.
capdl_facts() {
    tr -d '\r' | sed 's/ *--.*//; s/, mapping: ([^)]*)//; s/ (mapping: ([^)]*))//' |
        awk '$2 == "=" { print $1, $3 }
             /^  [a-z0-9_]+ \{/ { holder = $1 }
             /^    [0-9a-z_]+: / && holder ~ /^(cn|tcb)_/ { print holder, $0 }' | sort
}

same_capdl() {
    timeout 60 "$dump" -c "snapshot capdl" "$(door monitor)" | capdl_facts >"$work/monitor.capdl"
    timeout 60 build/host/capdb export "$(door ram)" --format capdl | capdl_facts >"$work/host.capdl"
    [ "$(wc -l <"$work/monitor.capdl")" -gt 300 ] || { wc -l "$work/monitor.capdl"; return 1; }
    diff "$work/monitor.capdl" "$work/host.capdl"
}

# The image in which a directory has lost its ASID to another: no slot twice, no table in two places.
is_capdl() { # file
    python3 - "$1" <<'PY'
import sys
sys.path.insert(0, "tests/e2e")
from monitor_client import capdl
sys.exit(capdl(open(sys.argv[1]).read().replace("\r", "")))
PY
}

# Root task's directory and the two that share an ASID.
odd_capdl() {
    timeout 20 build/host/capdb export "$(door ram)" --format capdl >"$work/odd.capdl" &&
        [ "$(grep -c '^  pd_.* = pd' "$work/odd.capdl")" -ge 3 ]
}

capdl_survives_lost_directories() {
    wait_for 60 odd_capdl && is_capdl "$work/odd.capdl"
}

command_says() { # monitor command, text
    timeout 30 "$dump" -c "$1" "$(door monitor)" | grep -q "$2"
}

ticks() {
    timeout 30 "$dump" -t "$(door ram)" | sed 's/ticks \([0-9]*\).*/\1/'
}

ticks_beyond() { # ticks
    [ "$(ticks)" -gt "$1" ]
}

runs_after() { # door
    timeout 30 "$dump" -t "$(door "$1")" || return 1
    wait_for 60 ticks_beyond "$(ticks)"
}

# So many snapshots of the running machine, each whole.
whole() { # door count
    timeout 120 "$dump" -t -n "$2" "$(door "$1")" >"$work/lines" || return 1
    [ "$(grep -c 'findings 0 complete 1' "$work/lines")" = "$2" ] || { cat "$work/lines"; return 1; }
}

gdb_mode_is_reset() {
    gdb-multiarch -nx -batch -ex "target remote $work/gdb.sock" -ex "maint packet qqemu.PhyMemMode" \
        -ex detach 2>&1 | grep -q 'received: "0"'
}

check "tool and image are built from one tree" build_tool
boot "$image" -qmp "unix:$work/qmp.sock,server=on,wait=off"
check "the monitor answers while the machine boots" command_says version layout
check "a running machine gives whole snapshots through QEMU's stub" whole gdb 100
check "a running machine gives whole snapshots through the monitor" whole monitor 20
check "a running machine gives whole snapshots through its RAM file" whole ram 100
check "a running machine gives whole snapshots through its own stub" whole stub 5
check "the machine runs on after the monitor door has closed" runs_after monitor
check "the machine runs on after QEMU's stub was left" runs_after gdb
check "the machine runs on after its own stub was left" runs_after stub
check "QEMU's stub is back in its ordinary mode" gdb_mode_is_reset
check "the machine runs on after QEMU's stub was left, though gdb was there before" runs_after gdb

check "the monitor halts the machine" timeout 30 "$dump" -c halt "$(door monitor)"
check "halted, the monitor gives a snapshot" records monitor
cp "$work/monitor.records" "$work/first.records"
check "QEMU's stub gives the monitor's records" same_as_monitor gdb
check "the RAM file gives the monitor's records" same_as_monitor ram
check "kernel and host write the same capDL" same_capdl
check "a core can be dumped" dump_core
check "a core gives the monitor's records" same_as_monitor core
check "the monitor gives the same records after all that" same_as_monitor monitor
before=$(ticks)
check "the monitor lets the machine go" command_says continue running
check "the machine runs again" wait_for 60 ticks_beyond "$before"
check "what the stub in the kernel saw, the others see" stub_holds_what_others_see
check "the machine runs on when the stub lets go" runs_after ram
check "a machine that was paused is left paused" paused_stays_paused
halt_machine

# --- what it costs on a serial line ---------------------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-many.elf
many_are_there() { [ "$(build/host/capdb live "gdb:unix:$work/stub.sock" "SELECT count(*) FROM caps" | tail -1)" -gt 4000 ]; }
# Bytes of the stub's answer, acknowledged as they come.
snapshot_bytes() {
    python3 - "$work/stub.sock" "$1" <<'END'
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.settimeout(20)
buffer, total = b"", 0
def send(data):
    line.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
def packet():
    global buffer, total
    while True:
        begin = buffer.find(b"$")
        end = buffer.find(b"#", begin + 1)
        if begin >= 0 and 0 <= end <= len(buffer) - 3:
            data, buffer = buffer[begin + 1:end], buffer[end + 3:]
            line.sendall(b"+")
            return data
        got = line.recv(65536)
        total += len(got)
        buffer += got
for request in (b"?", b"qSupported:swbreak+"):
    send(request)
    packet()
total = 0
send(b"qCapscope.snapshot")
while packet() != b"l":
    pass
bytes_of_state = total
send(b"D")
packet()
print("%d bytes, %.1f s at 115200 baud" % (bytes_of_state, bytes_of_state / 11520))
sys.exit(0 if 5000 < bytes_of_state < int(sys.argv[2]) else 1)
END
}
check "4,300 capabilities are there" wait_for 60 many_are_there
check "their state crosses the line of the kernel's stub in 5 seconds at 115200 baud" snapshot_bytes 57600
halt_machine

rm -f "$work"/*.sock
boot "$odd"
check "the host's capDL has each slot once though a directory lost its ASID" \
    capdl_survives_lost_directories
plan
