#!/usr/bin/env bash
# Programs of their own in domains: the manager, the hand-over and the resource server, tried by a
# small client (user/client) that tells what it finds, breaks at its first start, loops at its
# second and asks to be off at its third.  The real guest is Linux (guest/linux), which is not needed.
# Virtual time is the number of instructions, so a loaded host changes nothing of what is heard.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
deadline=${HOSTED_DEADLINE:-120}

# scenario IMAGE: its console in $work/console
scenario() {
    : >"$work/console"
    qemu-system-arm -M kzm,memory-backend=ram0 -m 128M -display none -net none -no-reboot -monitor none \
        -icount shift=5,sleep=off \
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

# How late critical ever was, while the machine goes on; it is never kept waiting by more than what
# one stay of another thread's in the kernel takes (docs/bench.md).
critical_in_time() {
    local ticks longest shortest
    read -r ticks longest shortest < <(python3 tests/tools/critical_delay.py "$work/ram")
    [ "${longest:-0}" -gt 0 ] && [ "$longest" -lt $((shortest + 2 * 2000)) ] ||
        { echo "critical waited $longest instructions, in $ticks ticks; $shortest at least"; return 1; }
}

# Where the machine was stopped in the middle of a change, nothing can be told: it is stopped elsewhere.
isolated() { # RULES
    local out status=2 end=$((SECONDS + deadline))
    printf '%s\n' "$@" >"$work/rules"
    while [ $status -eq 2 ] && [ $SECONDS -lt $end ]; do
        rm -f "$work/run.capdb"
        kill -STOP "$qemu_pid"
        out=$(build/host/capdb record "ram:$work/ram" "$work/run.capdb" --count 1 --domains "$work/rules" 2>&1 &&
            build/host/capdb check "$work/run.capdb" --domains "$work/rules" 2>&1)
        status=$?
        kill -CONT "$qemu_pid"
    done
    [ $status -eq 0 ] && grep -q isolated <<<"$out" || { echo "$out"; return 1; }
}

# A page of the first client's: the server holds its capabilities, and the client has it mapped.
client_owns() { # COMMAND PATTERN
    local page
    page=$(build/host/capdb sql "$work/run.capdb" "SELECT printf('0x%x', frame) AS page FROM mappings
        WHERE dir = (SELECT object FROM caps WHERE type = 'pagedir' AND domain = 'first' LIMIT 1)
        AND frame IN (SELECT object FROM caps WHERE type = 'frame' AND domain = 'resources') LIMIT 1" | tail -n 1)
    build/host/capdb "$1" "$work/run.capdb" "$page" >"$work/owner"
    grep -qE "$2" "$work/owner" && grep -qE "mapping.*first" "$work/owner" || { cat "$work/owner"; return 1; }
}

# --- with memory of its own ---
scenario build/arm/debug/image-demo-hosted.elf
check "a program with memory of its own runs" says "direct: done"
check "a wild pointer of its first thread is told" says "root: guest: a memory fault at 0xdead0000"
check "and it is started again" says "root: guest is started again"
check "a program that gives no sign of life is told" says "root: guest gives no sign of life"
check "asked to be off it is, with its status" says "root: guest is off, status 3"
check "all its claims held, at each start" claims direct 7 3
check "critical and driver are its neighbours" said "critical/control: running"
check "critical was not kept waiting by all that" critical_in_time
halt_machine

# --- isolation is judged while it loops ---
scenario build/arm/debug/image-demo-hosted.elf
wait_for "$deadline" said "root: guest is started again"
check "it loops" says "direct: done"
check "capdb check finds it isolated" isolated
halt_machine

# --- an image larger than the manager's CSpace, and than what it is given ---
scenario build/arm/debug/image-demo-large.elf
check "a program with 5,000 pages has them all" \
    says "large: 5000 pages were clear, 5000 are its own, it holds each of its image"
check "and can be off" says "root: guest is off, status 0"
check "one whose CSpace is too small for it is left out with a sentence" \
    says "root: crowded is left out: its image needs 5"
check "and so is one whose memory is" says "root: poor is left out: it begins with 20"
check "their neighbours run" said "critical/control: running"
halt_machine

# after NUMBER WORDS: they are said behind that many lines of the console
after() { tail -n "+$1" "$work/console" | grep -aqF -- "$2"; }

# --- with a resource server: clients end and begin, it goes on, and the other client with it ---
scenario build/arm/debug/image-demo-served.elf
check "a resource server and two clients run" says "resources/server: 2 clients"
check "the first client is done" says "first: done"
check "the second is done" says "second: done"
check "the first client ends and begins again" says "root: first is started again"
check "a client that gives no sign of life is told" says "root: first gives no sign of life"
check "it can be off, with a status" says "root: first is off, status 3"
check "all claims of the first held, at each start with all of its memory" claims first 29 3
wait_for "$deadline" after "$(grep -anF "root: first is off" "$work/console" | cut -d: -f1)" "second: served on"
check "the second is served on after the first one's end" \
    after "$(grep -anF "root: first is off" "$work/console" | cut -d: -f1)" "second: served on"
check "its claims held, and it was started once" claims second 46 1
check "critical was not kept waiting by two clients and their server" critical_in_time
check "so was the server" [ "$(times "resources/server: 2 clients")" = 1 ]
halt_machine

scenario build/arm/debug/image-demo-served.elf
wait_for "$deadline" said "root: first is started again"
wait_for "$deadline" eval '[ "$(times "first: done")" -ge 2 ]'
check "clients are isolated from each other, with the server trusted" isolated "resources/* resources trusted"
check "a page that a client has mapped is its own, though the server holds it" \
    client_owns owner "^owner.first.*mapped by this domain alone, held by trusted managers"
check "history says so too" client_owns history "owner.first"
plan
