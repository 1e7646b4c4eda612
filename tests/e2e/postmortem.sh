#!/usr/bin/env bash
# A kernel that panicked and a machine that is gone: what is left in the image of its memory answers
# as the kernel did; images that are damaged are said to be.
. "$(dirname "$0")/lib.bash"
tmux_socket=$work/tmux
export TERM=xterm-256color
capdb=build/host/capdb
reader_pid=
trap '[ -z "$reader_pid" ] || kill $reader_pid 2>/dev/null; finish' EXIT

listen() { # what the monitor says, to $work/console
    timeout 120 python3 - "$work/monitor.sock" "$work/console" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
with open(sys.argv[2], "wb", buffering=0) as out:
    while data := s.recv(4096):
        out.write(data)
PY
    reader_pid=$!
    wait_for 60 test -e "$work/console"
}

stop_listening() {
    kill "$reader_pid" 2>/dev/null
    wait "$reader_pid" 2>/dev/null
    reader_pid=
}

says() { tr -d '\r' <"$work/console" | grep -aqE -- "$1" || { tail -n 12 "$work/console"; return 1; }; }

runs() { "$capdb" domains "ram:$work/ram" | grep -q "^guest"; }

# From outside, at a tick: nothing inside leads to a panic.
plant_panic() {
    timeout 60 gdb-multiarch -nx -batch build/arm/debug/kernel.elf -ex "set confirm off" \
        -ex "target remote $work/gdb.sock" -ex "hbreak debug_tick" -ex continue -ex delete \
        -ex 'set $text = $sp - 256' -ex 'set {char[10]} $text = "planted.c"' \
        -ex 'set {char[20]} ($text + 16) = "planted by the test"' -ex 'set $r0 = $text' -ex 'set $r1 = 42' \
        -ex 'set $r2 = $text + 16' -ex 'set $sp = $text - 64' -ex 'set $pc = &kernel_panic' -ex detach \
        >"$work/gdb.log" 2>&1
}

ask_all() { # target, file
    local question
    for question in domains threads untyped check; do
        timeout 60 "$capdb" "$question" "$1" || [ $? = 1 ] || return 1
    done >"$2"
}

same_answers() {
    ask_all "ram:$work/ram" "$work/after" && [ -s "$work/after" ] && diff "$work/before" "$work/after"
}

recorded() {
    "$capdb" record "ram:$work/ram" "$work/dead.capdb" --count 1 && "$capdb" verify "$work/dead.capdb" &&
        [ "$("$capdb" sql "$work/dead.capdb" "select complete, stopped from snapshots" | tail -n 1)" = "$(printf '1\t1')" ]
}

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
shows() { screen | grep -qE -- "$1"; }
shows_soon() { wait_for 60 shows "$1"; }

boot build/arm/debug/image-demo-healthy.elf
listen
check "the demo runs" wait_for 60 runs
check "a panic is planted" plant_panic
check "the kernel says that it panicked" wait_for 60 says "^kernel panic: planted.c:42: planted by the test"
check "the panic names how to read the memory" says "capdb domains ram:FILE, inspector-tui ram:FILE"
check "it stands" wait_for 60 says "^stopped: panic: planted by the test"
stop_listening
check "it answers through the monitor" ask_all "monitor:unix:$work/monitor.sock" "$work/before"
check "among the answers are its domains" grep -q "^guest" "$work/before"
halt_machine 2>/dev/null
check "when the machine is gone its memory gives the same answers" same_answers
check "a recording can be made of it" recorded

tm -f /dev/null new-session -d -s t -x 110 -y 36 "build/host/inspector-tui ram:$work/ram; echo status \$?; exec cat"
screen_on_failure=screen
check "the inspector opens on the memory" eval "shows_soon '^ (IMAGE|STOPPED)' && shows_soon 'g guest +[23] '"
tm send-keys -t t s
check "and says that nothing there runs" shows_soon "nothing can be stopped"
tm send-keys -t t q
check "q ends with status 0" shows_soon 'status 0'
screen_on_failure=

# 4 MiB of it: the kernel is found, most capabilities are cut off.
cut_short() {
    head -c 4194304 "$work/ram" >"$work/short"
    "$capdb" record "ram:$work/short" "$work/short.capdb" --count 1
    local status=$?
    [ $status = 2 ] || [ "$("$capdb" sql "$work/short.capdb" "select complete from snapshots" | tail -n 1)" = 0 ]
}
check "an image that ends too early is not taken for a whole one" cut_short

# The list of capabilities is led astray, in the middle.
astray() {
    local slot
    slot=$("$capdb" sql "$work/dead.capdb" "select slot from caps where domain = 'guest' order by slot limit 1" | tail -n 1)
    python3 - "$work/ram" "$work/astray" "$slot" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
struct.pack_into("<I", data, int(sys.argv[3], 16) - 0x80000000 + 12, 0xf0000040)
open(sys.argv[2], "wb").write(data)
PY
    "$capdb" check "ram:$work/astray" >"$work/out" 2>&1
    local status=$?
    cat "$work/out"
    [ $status != 0 ]
}
check "an image whose derivation list is broken is said to be" astray
plan
