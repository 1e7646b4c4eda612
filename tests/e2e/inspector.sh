#!/usr/bin/env bash
# The inspector in a real terminal (tmux), on the real demo: views, folding, cursor, search, resize,
# recording, a vanished machine.
. "$(dirname "$0")/lib.bash"
tmux_socket=$work/tmux
export TERM=xterm-256color
inspector=build/host/inspector-tui

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
screen_on_failure=screen
key() { tm send-keys -t t "$@"; }
shows() { screen | grep -qE -- "$1"; }
hides() { ! shows "$1"; }
shows_soon() { wait_for "${2:-10}" shows "$1"; }
start() { # start COMMAND: in a fresh terminal of 110x36
    tm kill-server 2>/dev/null
    starts=$((${starts:-0} + 1))
    tmux_socket=$work/tmux$starts # a server that is going away may still own the last one
    tm -f /dev/null new-session -d -s t -x 110 -y 36 "$1; echo status \$?; exec cat"
}
# the line of the screen that is drawn reversed, with its number, without the mark of what is new:
# where the cursor is
cursor_line() {
    tm capture-pane -e -p -t t | sed -n '3,22p' | grep -n $'\e\\[[0-9;]*7m' | head -1 |
        sed 's/\x1b\[[0-9;]*m//g; s/:[*]/: /'
}

boot build/arm/debug/image-demo-healthy.elf
start "$inspector monitor:unix:$work/monitor.sock --record $work/run.capdb"
check "attaches to the running demo and shows its domains" shows_soon 'guest  2 threads'
check "says that it is live" shows_soon ' live  snapshot [0-9]+/'
check "critical and driver are there too" eval 'shows_soon critical && shows_soon driver'

key / ; key -l guest; key Enter
check "search puts the cursor on the guest domain" shows_soon 'domain guest'
key l
check "a domain opens into its threads" shows_soon 'guest/init  tcb 0x8'
key j l
check "a thread opens into its CSpace" shows_soon 'cspace  cnode 0x8[0-9a-f]+  1024 slots'
key / ; key -l "cnode 0x"; key Enter
key l
check "the CNode opens into slots" shows_soon '4 +untyped 0x8'

# Somewhere below the first row of the list, so that rows may come and go above the screen.
key -N 22 j ; key -N 8 k
check "the list has more rows than the screen" wait_for 10 hides '^. [-+] rootserver  1 thread'
before=$(cursor_line)
cursor_stays() {
    now=$(cursor_line)
    [ -n "$before" ] && [ "$before" = "$now" ] || { echo "was $before"; echo "is $now"; return 1; }
}
first=$(screen | sed -nE 's/.*snapshot ([0-9]+)\/.*/\1/p')
newer() { [ "$(screen | sed -nE 's/.*snapshot ([0-9]+)\/.*/\1/p')" -ge $((first + 4)) ]; }
check "samples go on" wait_for 20 newer
check "the cursor stays on its thing and on its line while the system changes" \
    cursor_stays

key 2 ; key / ; key -l "used 1M"; key Enter
check "the derivation tree has roots" shows_soon 'untyped 0x8.*below'
key 3
check "threads show what they wait on" shows_soon 'critical/control +critical +wait'
check "the server waits on its endpoint" shows_soon 'driver/server +driver +receive .*endpoint'
key 4
check "untyped memory is drawn" shows_soon '\[#+[-.#]*\]'
key 5 ; key / ; key -l frame; key Enter
check "objects name an owner" shows_soon 'owner: (critical|guest|driver|rootserver|-)'
key '?'
check "help lists the keys" shows_soon 'derivation tree, threads, untyped'
key q
check "help closes and the view is back" shows_soon 'row [0-9]+/'

key 6
check "the verdict on the healthy demo is isolated" shows_soon 'isolated: 0 breaches'

key 2 ; key g ; key / ; key -l "512K used"; key Enter
wait_for 3 shows 'untyped 0x8248.* 512K used' || { key / ; key -l "used 1M"; key Enter l j; }
key b
check "a break is armed on the revoke of the guest's heap" shows_soon 'on revoke'
check "the revoke stops before its first victim" shows_soon 'REVOKE 0x8[0-9a-f]+: 0 gone' 20
key S
check "a step goes to the next capability" shows_soon '^>'
# a step also stops where the revoke is preempted by a tick and where it is resumed
step_until_gone() {
    for _ in $(seq 12); do
        key S
        shows_soon 'REVOKE 0x8[0-9a-f]+: [1-9][0-9]* gone' 1 && return 0
    done
    return 1
}
check "steps take the capabilities one by one" step_until_gone
key F
check "finish runs to the end of the revoke" shows_soon ': [1-9][0-9]* gone, 0 left'
key ':' ; key -l "delete all"; key Enter
key c
check "and the system goes on" shows_soon 'running|snapshot'
key ':' ; key -l version; key Enter
check "a monitor command answers in the console view" shows_soon 'layout'

tm resize-window -t t -x 60 -y 14
check "a small terminal still shows list and status" shows_soon 'row [0-9]+/|live'
tm resize-window -t t -x 140 -y 40
check "a large one is filled" shows_soon 'snapshot [0-9]+/'

key q
check "q ends with status 0" shows_soon 'status 0'
check "the recording is complete" build/host/capdb verify "$work/run.capdb"

start "$inspector $work/run.capdb@1"
check "a recording opens at a snapshot" shows_soon 'recording  snapshot 1/'
key ']'
check "one snapshot forward" shows_soon 'snapshot 2/'
key q
shows_soon 'status 0'

printf 'guest/* visitors\n' >"$work/rules"
start "$inspector $work/run.capdb@1 --domains $work/rules"
check "domains are named by the user's rules" shows_soon 'visitors  2 threads'
key q
shows_soon 'status 0'
printf 'guest/[ visitors\n' >"$work/rules"
start "$inspector $work/run.capdb@1 --domains $work/rules"
check "a wrong rule is refused by line and column" \
    eval 'shows_soon "line 1, column 7: a bracket" && shows_soon "status 2"'

start "$inspector gdb:unix:$work/gdb.sock"
check "the same views through QEMU's gdbstub" shows_soon 'guest  2 threads' 20
halt_machine
check "a vanished machine ends it with a sentence and a clean terminal" \
    eval 'shows_soon "^inspector-tui: gdb:unix:.*" 20 && shows_soon "status 2"'

start "$inspector monitor:unix:$work/nothing.sock"
check "a target that is not there is named" shows_soon 'inspector-tui: .*nothing.sock'
printf 'not a database' >"$work/bad.capdb"
start "$inspector $work/bad.capdb"
check "a file that is no recording is named" shows_soon 'inspector-tui: .*bad.capdb'
plan
