#!/usr/bin/env bash
# Programs of their own in domains: the manager, the hand-over and the resource server, tried by a
# small client (user/client) that tells what it finds, breaks at its first start, loops at its
# second and asks to be off at its third.  The real guest is Linux (guest/linux), which is not needed.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
deadline=${HOSTED_DEADLINE:-120}

# scenario IMAGE: its console in $work/console
scenario() {
    : >"$work/console"
    qemu-system-arm -M kzm,memory-backend=ram0 -m 128M -display none -net none -no-reboot -monitor none \
        -object "memory-backend-file,id=ram0,mem-path=$work/ram,share=on,size=128M" \
        -serial "file:$work/console" -serial null -kernel "$1" 2>"$work/qemu.log" </dev/null &
    qemu_pid=$!
}

said() { grep -aqF -- "$1" "$work/console"; }
says() { wait_for "$deadline" said "$1" || { tail -n 20 "$work/console"; return 1; }; }
times() { grep -acF -- "$1" "$work/console"; }
# every claim of the client held, and there were as many as there should be
claims() {
    local name=$1 wanted=$2 starts=$3 n
    n=$(grep -acE "^$name: ok - " "$work/console")
    grep -aE "^$name: not ok" "$work/console" && return 1
    [ "$n" -eq $((wanted * starts)) ] || { echo "$n claims, wanted $wanted in each of $starts starts"; return 1; }
}

isolated() { # RULES
    local out
    printf '%s\n' "$@" >"$work/rules"
    out=$(build/host/capdb record "ram:$work/ram" "$work/run.capdb" --count 1 --domains "$work/rules" 2>&1 &&
        build/host/capdb check "$work/run.capdb" --domains "$work/rules" 2>&1) || { echo "$out"; return 1; }
    grep -q isolated <<<"$out" || { echo "$out"; return 1; }
}

# --- with memory of its own ---
scenario build/arm/debug/image-demo-hosted.elf
check "a program with memory of its own runs" says "direct: done"
check "a wild pointer of its first thread is told" says "root: guest: a memory fault at 0xdead0000"
check "and it is started again" says "root: guest is started again"
check "a program that gives no sign of life is told" says "root: guest gives no sign of life"
check "asked to be off it is, with its status" says "root: guest is off, status 3"
check "all its claims held, at each start" claims direct 6 3
check "critical and driver are its neighbours" said "critical/control: running"
halt_machine

# --- isolation is judged while it loops, so that it stands still ---
scenario build/arm/debug/image-demo-hosted.elf
wait_for "$deadline" said "root: guest is started again"
check "it loops" says "direct: done"
kill -STOP "$qemu_pid"
check "capdb check finds it isolated" isolated
kill -CONT "$qemu_pid"
halt_machine

# --- with a resource server ---
scenario build/arm/debug/image-demo-served.elf
check "a resource server and two clients run" says "resources/server: 2 clients"
check "the first client is done" says "first: done"
check "the second is done" says "second: done"
check "the first client's end ends the group, which begins again" says "root: first is started again"
check "it can be off, with a status" says "root: first is off, status 3"
check "all claims of the first held" claims first 24 3
halt_machine

scenario build/arm/debug/image-demo-served.elf
wait_for "$deadline" said "root: first is started again"
wait_for "$deadline" eval '[ "$(times "first: done")" = 2 ]'
kill -STOP "$qemu_pid"
check "clients are isolated from each other, with the server trusted" isolated "resources/* resources trusted"
kill -CONT "$qemu_pid"
plan
