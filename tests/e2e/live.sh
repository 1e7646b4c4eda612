#!/usr/bin/env bash
# The live line against QEMU: a mirror that follows the running demo by its events is at the end, slot
# by slot, what the kernel's memory shows; whatever is lost on the way, in the ring or on the line, is
# said with its size, and a new base taken.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

follow=$work/follow_live
ram() { echo "ram:$work/ram"; }

build_tool() {
    make --no-print-directory build/host/libhost.a >/dev/null &&
        gcc -std=gnu11 -D_GNU_SOURCE -I. -O1 -Wall -Werror -o "$follow" tests/tools/follow_live.c \
            build/host/libhost.a -lserialport -ldw -lelf
}

# follow NAME SOCKET ARGUMENTS...: its output is $work/NAME.
follow() {
    local name=$1 socket=$2
    shift 2
    timeout 120 "$follow" "$@" "monitor:unix:$work/$socket" "$(ram)" >"$work/$name" 2>&1 || {
        cat "$work/$name"
        return 1
    }
}

says() { # NAME PATTERN
    grep -qE -- "$2" "$work/$1" || { cat "$work/$1"; return 1; }
}

never_says() { ! says "$@" >/dev/null || { cat "$work/$1"; return 1; }; }

demo_is_up() {
    [ "$(build/host/capdb live "monitor:unix:$work/monitor.sock" \
        "SELECT count(DISTINCT domain) AS d FROM threads" | tail -1)" = 4 ]
}

bad_line_pid=
bad_line() { # WHAT COUNT: $work/bad.sock leads to the monitor
    rm -f "$work/bad.sock"
    tests/tools/bad_line.py "$work/bad.sock" "$work/monitor.sock" "$@" &
    bad_line_pid=$!
    wait_for 120 test -S "$work/bad.sock"
}

end_bad_line() {
    kill "$bad_line_pid" 2>/dev/null
    wait "$bad_line_pid" 2>/dev/null
}

check "the tool is built" build_tool

# --- the demo, which changes state all the time -----------------------------------------------------

boot build/arm/debug/image-demo-healthy.elf
wait_for 120 demo_is_up
check "after thousands of events the mirror is the kernel's list" follow whole monitor.sock -e 3000
check "no event was lost" says whole '^events [0-9]+ lost 0 bases 1 trouble 0 '
check "the digests agreed all along" says whole ' digests [0-9]{2,}$'

check "a trace that was switched off is noticed and the mirror made anew" \
    follow off monitor.sock -e 300 -t 1 -c "trace off"
check "it is said that the line was silent" says off '^said: the live line was silent for 5 s after event'
check "the pause is a gap in the numbers" says off '^gap: 1 events from'

# --- a bad line ---------------------------------------------------------------------------------------

bad_line drop 40
check "frames that vanish are noticed and the mirror made anew" follow drop bad.sock -e 300 -t 2
check "it is said that a frame was lost" says drop '^said: a frame was lost or damaged on the line after event'
check "what was in it is counted as lost" says drop '^gap: [0-9]+ events from'
end_bad_line
bad_line flip 40
check "damaged frames are noticed and the mirror made anew" follow flip bad.sock -e 300 -t 2
check "it is said that a frame was damaged" says flip '^said: a frame was lost or damaged on the line after event'
end_bad_line
bad_line hold 60
check "a line that pauses is noticed, and nothing is lost" follow hold bad.sock -e 300 -t 1
check "it is said that it was silent" says hold '^said: the live line was silent'
end_bad_line
halt_machine

# --- more events than the line can carry ----------------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-debugcalls.elf
wait_for 120 machine_answers
check "what overflows the ring is told, again and again, and the mirror made anew" \
    follow flood monitor.sock -t 3
check "each time the size of the gap is said" \
    says flood '^said: [0-9]{4,} events are lost, from number [0-9]+ on; a new base was taken'
check "no number is missing without a gap" never_says flood '^hole'
check "in the end the mirror is equal" says flood '^the mirror is equal'
plan
