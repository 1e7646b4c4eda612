#!/usr/bin/env bash
# The inspector in a real terminal (tmux), on the real demo: the four things a newcomer comes for,
# every view, links and the way back, resizing, a target that stops, falls silent, dies and returns.
. "$(dirname "$0")/lib.bash"
tmux_socket=$work/tmux
export TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=build/host/inspector-tui

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
screen_on_failure=screen
key() { tm send-keys -t t "$@"; }
type_line() { tm send-keys -t t -l "$1"; tm send-keys -t t Enter; }
shows() { screen | grep -qE -- "$1"; }
hides() { ! shows "$1"; }
shows_soon() { wait_for "${2:-60}" shows "$1"; }
hides_soon() { wait_for "${2:-60}" hides "$1"; }
start() { # start COMMAND [COLUMNS LINES]: in a fresh terminal, when the last inspector has left the machine
    local last
    last=$(pgrep -P "$(tm list-panes -t t -F '#{pane_pid}' 2>/dev/null || echo 0)" -x inspector-tui)
    tm kill-server 2>/dev/null
    [ -z "$last" ] || wait_for 60 eval "! kill -0 $last" || echo "# an inspector does not end"
    starts=$((${starts:-0} + 1))
    tmux_socket=$work/tmux$starts # a server that is going away may still own the last one
    tm -f /dev/null new-session -d -s t -x "${2:-110}" -y "${3:-36}" "$1; echo status \$?; exec cat"
}
# The row of the list that is drawn reversed, with its line on the screen, without its sign.
cursor_line() {
    tm capture-pane -e -p -t t | sed -n '3,22p' | grep -nE $'\e\\[([0-9;]*;)?7m' | head -1 |
        sed 's/\x1b\[[0-9;]*m//g; s/^\([0-9]*:[-+ ]*\)[+~*-]/\1 /'
}

boot build/arm/debug/image-demo-leaky.elf
monitor=monitor:unix:$work/monitor.sock
wait_for 90 build/host/capdb live "$monitor" 'SELECT 1' # a busy machine boots slowly
start "$inspector $monitor --record $work/run.capdb"
check "the first screen says how the target stands" shows_soon '^ RUNNING +ev [0-9]+'
check "it says that the leaky demo is breached, and by what" eval \
    "shows_soon 'BREACHED +[0-9]+ breaches' && shows_soon 'g guest > c critical'"
check "it draws memory by owner" shows_soon 'RAM +128M 80000000 K.*G'
check "it lists the domains with what they hold" shows_soon 'g guest +[0-9]+ +[0-9]+ +([+-][0-9]+|new|-) +[0-9.]+M +[0-9.]+K'
check "it says that it records" shows_soon 'REC [0-9]+'

# --- the four things, by the keys that the bottom line and ? show ---
key @; type_line 8248c000
check "who owns this frame: the memory view says it at once" shows_soon 'owner g guest'
key Enter
key @; type_line guest/worker
check "goto takes names" shows_soon 'guest/worker +domain g guest|guest/worker  domain'
key @; type_line slot:82406000
check "where it came from: goto a slot shows its place in the derivation tree" \
    shows_soon 'derived from +untyped 0x82400000'
key BSpace
check "Backspace goes back to the thread" shows_soon '> Threads─'
key U
check "what changed: the changes since the snapshot before" shows_soon 'against [0-9:]+.* born'
key =
check "= compares with an earlier moment and says so" shows_soon 'COMPARING'
key =
check "= again compares with the snapshot before" hides_soon 'COMPARING'

# --- stepping through a revocation ---
key @; type_line slot:82406000
key p
check "p previews what a revoke takes" shows_soon 'PREVIEW .*0x82480000'
key b
check "b arms a stop, the revoke stops before its first victim" \
    shows_soon 'UNDER WAY +slot 0x82406000: 0 steps done'
screen | sed -nE 's/.*still to go: ([0-9]+) capabilities in ([0-9]+) steps.*/\1 \2/p' >"$work/account"
check "the bar says that the machine stands" shows_soon '^ STOPPED'
tm resize-window -t t -x 80 -y 36
check "and at 80 columns, too, that it records" shows_soon '^ STOPPED .* REC [0-9]+ '
tm resize-window -t t -x 110 -y 36
check "the victim is marked" shows_soon '>(tcb|cnode|frame|untyped|endpoint|notification|zombie)'
state_line() { screen | grep -E '^ +(UNDER WAY|AT ITS END)'; }
moved_on() { [ -n "$(state_line)" ] && [ "$(state_line)" != "$before" ]; }
key s
check "the first step takes something, too" shows_soon 'UNDER WAY.*: 1 step done'
key G s
# A thread and a CNode go first, which take long enough to be preempted: steps all the same.
has_the_sum() {
    read -r _ steps <"$work/account"
    [ "$(($(screen | sed -nE 's/.*UNDER WAY .*: ([0-9]+) steps? done.*/\1/p') + $(screen | sed -nE 's/.*still to go: .* in ([0-9]+) steps?,.*/\1/p')))" = "$steps" ]
}
check "steps done and to go have the sum that was foretold" wait_for 60 eval 'shows ": 2 steps done" && has_the_sum'
check "each shows what goes next, from wherever one is" shows_soon '>(tcb|cnode|frame|untyped|endpoint|notification|zombie).*goes next'
step_until_gone() {
    for _ in $(seq 12); do
        shows 'UNDER WAY.*: ([5-9]|1[0-9]) steps? done' && return 0
        before=$(state_line)
        key s
        wait_for 60 moved_on || return 1
    done
    return 1
}
check "s takes one capability after the other" step_until_gone
key f
check "f runs to its end" shows_soon 'nothing is left to go'
key c
check "the next one stops at its beginning, too" shows_soon 'UNDER WAY +slot 0x82406000: 0 steps done'
key s s
check "two keys at once are two steps" shows_soon 'UNDER WAY.*: 2 steps done'
key f
shows_soon 'nothing is left to go'
key q
check "q asks about the stop that is armed" shows_soon 'stop is armed: r remove'
key x
check "any other key stays" hides_soon 'stop is armed'
key ':' ; type_line 'delete all'
key R c
check "c lets the machine go on" shows_soon '^ RUNNING'
read -r caps steps <"$work/account"
# The answer to the command may come late, and lead into the log.
account_shows() {
    ! shows '> Log' || key R
    shows "revoked 82480000: ${caps:-none} caps, ${steps:-none} steps"
}
check "afterwards it has the counts of the preview" wait_for 60 account_shows
hides_soon 'AT ITS END' # a step back from there would be the one before
# The event that is looked back at: "event 544, after snapshot 18  LOOKING BACK" or, at a snapshot
# itself, "snapshot 18  LOOKING BACK  ev 547".
event_back() { screen | sed -nE '/^ RUNNING .*LOOKING BACK/s/.* ev(ent)? ([0-9]+).*/\2/p'; }
is_elsewhere() { [ -n "$(event_back)" ] && [ "$(event_back)" != "$1" ]; }
# The first step back leads to the end, or before the last victim if what is shown is the end.
back_to() { # back_to STEPS
    local at i
    for i in 1 2 3 4 5 6; do
        at=$(event_back)
        key S
        wait_for 60 is_elsewhere "$at" || return 1
        ! shows "UNDER WAY.*: $1 steps done" || return 0
    done
    return 1
}
key R
check "S leads back to before the last victim" back_to 20
# An event forward; where it was preempted there are more of them before the end.
to_its_end() {
    local i now
    for i in 1 2 3 4 5 6 7 8; do
        now=$(event_back)
        key '}'
        wait_for 60 is_elsewhere "$now" || return 1
        ! shows 'AT ITS END.*: 21 steps done' || return 0
    done
    return 1
}
check "nothing is left when all steps are done, in the past, too" to_its_end
check "and S to before the one before that" back_to 19
key f
check "f goes to the end of what is looked at" eval \
    "shows_soon 'AT ITS END.*: 21 steps done' && shows '^ RUNNING .*LOOKING BACK'"
key c
check "and c does not reach for the machine" shows_soon '^what is shown is past: . shows the machine'
key .
key ':' ; type_line version
check "a command of the monitor answers in the log" shows_soon 'layout'
tm resize-window -t t -x 60 -y 14
check "a small terminal shows state and place" eval "shows_soon '^ RUNNING' && shows_soon 'help'"
tm resize-window -t t -x 10 -y 3
tm resize-window -t t -x 8 -y 2
check "a terminal that is too small says so" shows_soon 'too|tiny'
tm resize-window -t t -x 160 -y 40
check "a large one shows the names of all views" shows_soon 'Address spaces.*Log'
key q
wait_for 60 shows 'stop.* armed|status 0' && ! shows 'status 0' && key r
check "q ends with status 0" shows_soon 'status 0'
check "the recording is whole" build/host/capdb verify "$work/run.capdb"
recorded_counts() {
    build/host/capdb sql "$work/run.capdb" "SELECT deleted || ' ' || steps FROM revokes WHERE ends IS NOT NULL ORDER BY revoke DESC LIMIT 1" | tail -1
}
check "and counts the same" eval '[ "$(recorded_counts)" = "${caps:-none} ${steps:-none}" ]'
check "it holds the events, too" eval '[ "$(build/host/capdb sql "$work/run.capdb" "SELECT count(*) FROM events")" != 0 ]'

# --- stops: what is armed the target knows; none is left behind ---
runs_free() { shows_soon '^ RUNNING +(ev|lost)' 20 && hides 'ARMED'; }
next_one() { # in the place of the one that has left
    shows_soon 'status 0'
    start "$inspector $1"
    shows_soon '^ [A-Z]+ .*ev [0-9]+'
}
arm_at() { key @; type_line "slot:$1"; shows_soon "slot 0x$1 "; key b; }
start "$inspector $monitor"
shows_soon '^ RUNNING +ev'
arm_at 87fe0010
check "a stop that is armed stands in the bar" shows_soon '^ RUNNING +1 STOP ARMED'
key b
check "b once more takes it away" hides_soon 'STOP ARMED'
key b ':' ; type_line 'break on revoke slot 0x87fe0020'
check "one that was typed counts, too" shows_soon '^ RUNNING +2 STOPS ARMED'
key x
check "x takes all of them away" hides_soon 'ARMED'
key s
check "a step of a machine that runs is refused in terms of keys" shows_soon '^the machine runs: ! stops it here, b when'
key V
arm_at 82406000
shows_soon '^ STOPPED .*1 STOP ARMED'
check "of b nothing is said any more where it led to" hides_soon '^stop 1: when'
key ':' ; type_line 'delete all'
check "a command without an answer is said to be done" shows_soon '^delete all: done'
check "what was taken away is not armed" hides_soon 'ARMED'
key R 9 9 s
check "a number past the end of a revoke stops at its end" shows_soon 'AT ITS END.*: 21 steps done'
key q
check "so q asks nothing" shows_soon 'status 0'
next_one "$monitor"
check "and the machine does not stay where it stood for us" runs_free
key q

next_one "$monitor"
key ':' ; type_line halt
shows_soon '^ STOPPED +halt'
key q
next_one "$monitor"
check "nor where a command that was typed stopped it" runs_free
key q

relay() {
    python3 tests/e2e/relay.py "$work/relay.sock" "$work/monitor.sock" &
    relay_pid=$!
    wait_for 60 listens "$work/relay.sock"
}
breaks_and_comes_back() {
    stop_process relay_pid
    shows_soon '^ GONE since'
    relay
    shows_soon "$1"
}
relay
next_one "monitor:unix:$work/relay.sock"
arm_at 87fe0010
shows_soon '^ RUNNING +1 STOP ARMED'
breaks_and_comes_back '^ RUNNING +1 STOP ARMED'
key q
check "when the line breaks, what was armed through it is remembered" shows_soon '^1 stop is armed: r remove'
key r
next_one "$monitor"
check "and taken away" runs_free
key q
next_one "monitor:unix:$work/relay.sock"
key !
shows_soon '^ HELD'
breaks_and_comes_back '^ (HELD|STOPPED)'
key q
next_one "$monitor"
check "so is that it was stopped through it" runs_free
key q
shows_soon 'status 0'
stop_process relay_pid

# --- the rows ---
start "$inspector $monitor --no-mouse"
shows_soon '^ RUNNING'
key D
key / ; type_line 'd driver'
shows_soon 'd driver +2 threads'
key l
check "domains open into threads" shows_soon ' driver/server  (receive|running|reply|wait|current)'

key T
check "threads show whom they wait for" shows_soon 'critical/control.*notification|driver/server.*endpoint'
key / ; type_line driver/server
check "a search puts the cursor there" eval 'wait_for 60 eval "cursor_line | grep -q driver/server"'
key W
check "W follows whom it waits for" eval 'wait_for 60 eval "cursor_line | grep -qE \"^[0-9]+: *(guest|critical)\""'
key '&' ; type_line guest
check "& shows only what holds the text" eval "shows_soon 'filter: guest' && hides_soon 'critical/control +c'"
key '&' ; key C-u Enter
check "an empty filter shows all again" shows_soon 'critical/control'
key C
key / ; type_line 'root  cnode'
wait_for 60 eval 'cursor_line | grep -q "root  cnode"' # not only in the line that is typed
key l
check "CSpaces open into slots and gaps" shows_soon '[0-9]+ empty'
key V G 20 k
check "a number repeats a key" shows_soon '[0-9]+/[0-9]+$'
before=$(cursor_line)
cursor_stays() {
    now=$(cursor_line)
    [ -n "$before" ] && [ "$before" = "$now" ] || { echo "was $before"; echo "is $now"; return 1; }
}
key @; type_line 87fe0000; key d
wait_for 60 eval 'cursor_line | grep -q "cnode 0x87fe0000"'
before=$(cursor_line)
seq_now() { screen | sed -nE '1s/.*ev ([0-9]+).*/\1/p'; }
first=$(seq_now)
newer() { [ "$(seq_now)" -gt "$((first + 200))" ]; }
check "samples go on" wait_for 60 newer
check "the cursor stays on its thing while the system changes" cursor_stays
key B / ; type_line 'd driver'
check "objects name their owners, those that are not in memory too" shows_soon 'irqhandler .* d driver'
key n
check "and those in memory" eval 'wait_for 60 eval "cursor_line | grep -qE \"(untyped|pagedir|cnode|tcb|frame) .* d driver\""'
key z z
check "z sorts by a column" shows_soon 'sorted by'
key M
check "memory is drawn down to the page" shows_soon '80000000 +4M K'
key A
check "address spaces name their threads" shows_soon 'space 0x[0-9a-f]+ .*critical/control'
key J
check "the verdict lists breaches with who and against whom" shows_soon 'foreign-tcb +g guest +d driver'
key j Enter
check "a witness is a link" shows_soon 'deriVation'
key E
check "events come as they happen" shows_soon 'victim|reply|delete'
key '?'
check "help begins with the view one is in" shows_soon 'This view: every change'
key / ; type_line preview
check "help searches" shows_soon 'p previews a revoke'
key n
check "and goes on to the next match" shows_soon '^.* p F9 +what a revoke'
key q
check "any other key closes help" hides_soon 'This view'
key '['
check "[ looks back, and the bar says so" shows_soon 'LOOKING BACK'
key V b
check "no stop is armed from what is past" shows_soon '^what is shown is past: . shows the machine'
key '!'
check "! stops the machine all the same" eval "shows_soon '^ HELD .*LOOKING BACK'"
key Space
check "one that stands is not said to run on while one pauses" shows_soon '^paused: no samples are taken'
key Space
key '!'
check "but does not let go on what one does not see" eval \
    "shows_soon '^what is shown is past: . shows the machine' && shows '^ HELD .*LOOKING BACK'"
key .
check ". comes back to now" hides_soon 'LOOKING BACK'
key '!'
check "where ! lets it go on" shows_soon '^ RUNNING'

# --- a target that falls silent, dies, comes back ---
start "$inspector $monitor --record $work/reboot.capdb" 80 30
shows_soon '^ RUNNING .*REC [0-9]+'
key m
shows_soon '^marked'
kill -STOP "$qemu_pid"
check "a silent target is told within seconds, before what it was" shows_soon '^ NO ANSWER for [0-9]+ s, was RUNNING'
key T
check "and the keys go on" shows_soon '> Threads─'
kill -CONT "$qemu_pid"
check "when it speaks again, that is told" hides_soon 'NO ANSWER'
halt_machine
check "a dead target is told, its last state stays" eval "shows_soon '^ GONE since' && shows_soon 'critical/control'"
reads() { awk '/^syscr/ { print $2 }' "/proc/$1/io"; }
waits_quietly() { # it looks for the target four times a second, and sleeps between
    local pid before
    pid=$(pgrep -P "$(tm list-panes -t t -F '#{pane_pid}')" -x inspector-tui) || return 1
    before=$(reads "$pid")
    sleep 3
    echo "read $(($(reads "$pid") - before)) times"
    [ $(($(reads "$pid") - before)) -le 300 ]
}
check "until it comes back the inspector sleeps between two looks for it" waits_quietly
rm -f "$work"/*.sock
boot build/arm/debug/image-demo-healthy.elf
check "a target that comes back is read again by itself" shows_soon '^ (RUNNING|STOPPED)'
key O
check "and it is the new one" shows_soon ISOLATED
key =
check "what is compared with is of the new one, too" shows_soon '^the mark (was|is) of another run of the machine'
key U
check "and is not called the mark that was set" shows_soon ' against [0-9:]+: [0-9]+ born'
key O
last_recorded() { screen | sed -nE '1s/.* REC ([0-9]+) .*/\1/p'; }
records_on() { [ "$(last_recorded)" -gt "$1" ]; }
check "it goes on to record" wait_for 60 records_on "$(last_recorded)"
mv "$work/reboot.capdb" "$work/moved.capdb"
check "a recording that stops is told in the bar and with its reason" eval \
    "shows_soon '^ RUNNING .* REC STOPPED ' && shows_soon '^nothing is recorded any more: was removed, moved'"
key L
check "and the log has it, with its time" shows_soon '^ +[0-9:]{8} nothing is recorded any more: was removed, moved'
key q
shows_soon 'status 0'
start "$inspector $work/moved.capdb" 80 30
shows_soon '^ RECORDING'
key ':' ; type_line 'at 1'
check "a recording knows where the machine was restarted, too" shows_soon '^this is before the machine was restarted'
key '}'
check "events are those of the run that is shown" shows_soon '^ RECORDING +event [0-9]+, after snapshot 1 '
first_event=$(screen | sed -nE 's/^ RECORDING +event ([0-9]+),.*/\1/p')
key E
check "and so is their list" shows_soon "^ +>$first_event "
key .
check "of the newest run it has others" eval "shows_soon '^ RECORDING +snapshot ' && hides_soon '^ +>$first_event '"
key q
shows_soon 'status 0'

# A kernel may have no number for its runs, or the same for two: it is another machine all the same.
boot_numberless() {
    halt_machine
    rm -f "$work"/*.sock
    boot build/arm/release/image-demo-healthy.elf
    wait_for 60 build/host/capdb live "gdb:unix:$work/gdb.sock" 'SELECT 1'
}
boot_numberless
start "$inspector gdb:unix:$work/gdb.sock"
shows_soon '^ RUNNING' && halt_machine
shows_soon '^ GONE since' && boot_numberless
key L
check "a machine that was started anew is told from the one before" shows_soon 'the machine was restarted'
key q
shows_soon 'status 0'
halt_machine
rm -f "$work"/*.sock

# One that is reset in its place no line tells of, and no process.
begin_at() { # DOOR
    start "$inspector $1"
    shows_soon '^ RUNNING'
}
is_told_reset() {
    reset_machine
    key L
    shows_soon 'the machine was restarted: nothing of before lives on' && shows_soon '^ RUNNING'
}
is_left() { key q && shows_soon 'status 0'; }
boot_resettable build/arm/release/image-demo-healthy.elf
wait_for 60 build/host/capdb live "gdb:unix:$work/gdb.sock" 'SELECT 1'
begin_at "gdb:unix:$work/gdb.sock"
# Its clock is to have come further than that of the next run when that is read first.
has_run() { [ "$(build/host/capdb live "ram:$work/ram" 'SELECT max(ticks) FROM snapshots' | tail -1)" -gt 3000 ]; }
wait_for 120 has_run
check "a kernel without a number for its runs tells a reset by its clock" is_told_reset
is_left
halt_machine
rm -f "$work"/*.sock
boot_resettable build/arm/debug/image-demo-healthy.elf
wait_for 90 build/host/capdb live "$monitor" 'SELECT 1'
for door in "gdb:unix:$work/gdb.sock" "gdb:unix:$work/stub.sock" "ram:$work/ram"; do
    begin_at "$door"
    check "a reset is told through ${door%%"$work"*}" is_told_reset
    key O
    check "and the verdict is of what runs now" eval "shows_soon ISOLATED && ! shows 'NO VERDICT'"
    is_left
done
wait_for 90 build/host/capdb live "$monitor" 'SELECT 1'

# --- recordings ---
start "$inspector $work/run.capdb@1"
check "a recording opens at a snapshot" shows_soon '^ RECORDING +snapshot 1 '
key L
check "why its log is empty is said there" shows_soon '^ +nothing: what programs print is no part of a recording'
key O
key ']'
check "one snapshot on" shows_soon 'snapshot 2 '
key 3 ']'
check "three on" shows_soon 'snapshot 5 '
key ':' ; type_line 'at 2'
check ":at goes to a snapshot" shows_soon 'snapshot 2 '
# The last one of that second, as for capdb --at: the snapshot whose time is on the screen, or one after it.
second=$(build/host/capdb sql "$work/run.capdb" "SELECT max(CAST(time AS INT)) FROM snapshots WHERE n < 5" | tail -n 1)
last_then=$(build/host/capdb sql "$work/run.capdb" "SELECT max(n) FROM snapshots WHERE time < $second + 1" | tail -n 1)
key ':' ; type_line "at $(date -u -d "@$second" +%Y-%m-%dT%H:%M:%S)Z"
check ":at goes to the last snapshot of a second" shows_soon "snapshot $last_then "
key ':' ; type_line "at $(date -d "@$second" +%H:%M:%S)"
check "by the clock alone, too" shows_soon "snapshot $last_then "
key ':' ; type_line 'at 2'
key Q ; type_line 'SELECT count(*) AS number FROM snapshots'
check "SQL answers from the recording" shows_soon 'number'
key ':' Up
check "what was asked in SQL is no command that was typed" shows_soon '^:at 2$'
key Escape Q Up
check "and no command a question" shows_soon '^sql> SELECT count'
key Escape
for thing in 'untyped:f0000000 f0000000 +untyped +.device' 'irq:27 0000001b +irqhandler' 'thread:guest/init guest/init ' \
    'phys:0x82400000 82400000'; do
    key @; type_line "${thing%% *}"
    check "@ takes ${thing%% *}, as capdb does" eval 'wait_for 60 eval "cursor_line | grep -qE \"${thing#* }\""'
done
key @; type_line tcb:1
check "and says of what is not there that it is not" shows_soon "^'tcb:1' is not there at this moment"
key q
shows_soon 'status 0'

# One that somebody goes on to record into: what is new comes with the next question.
build/host/capdb record "$monitor" "$work/grows.capdb" --count 2 2>/dev/null
start "$inspector $work/grows.capdb"
check "a recording has the snapshots that are in it" shows_soon '^ RECORDING +snapshot 2 .* 2 snapshots '
key E
shows_soon '> Events' # its list, too, grows
last_shown() { screen | grep -oE ' [0-9]+/[0-9]+$' | cut -d/ -f2; }
wait_for 60 eval '[ -n "$(last_shown)" ]'
before=$(last_shown)
build/host/capdb record "$monitor" "$work/grows.capdb" --count 3 2>/dev/null
check "when somebody else has recorded more, that is said" shows_soon '^ RECORDING +snapshot 2 .* 5 snapshots, growing'
key .
check "and the newest is gone to" shows_soon '^ RECORDING +snapshot 5 .* 5 snapshots, growing'
lists_more() { [ "$(last_shown)" -gt "$before" ]; }
check "and the events are there, too" wait_for 60 lists_more
build/host/capdb record "$monitor" "$work/grows.capdb" --count 2 2>/dev/null
key ']'
check "one snapshot on from the newest goes to one recorded since" shows_soon '^ RECORDING +snapshot 6 .* 7 snapshots'
key ']'
shows_soon '^ RECORDING +snapshot 7 '
key ']'
check "and says so where there is none" shows_soon 'this is the newest snapshot'
key q
shows_soon 'status 0'

# As `make run` starts it: a shell with jobs, in it a script, in that the inspector.
printf '%s %s\necho script ends\n' "$inspector" "$work/run.capdb" >"$work/script"
start "PS1='prompt> ' bash --norc -i"
shows_soon '^prompt>'
type_line "bash $work/script"
shows_soon '^ RECORDING'
key C-z
check "^Z goes to the shell, however it was started" shows_soon 'Stopped +bash'
tm resize-window -t t -x 70 -y 20
type_line fg
check "fg comes back, in the size that the terminal has now" \
    wait_for 60 eval 'shows "^ RECORDING" && screen | tail -1 | grep -q F1Help'
key q
check "and q ends script and all" shows_soon 'script ends'

# Whoever is stopped reads no line: a machine must not wait for that.
kernel_ticks() { build/host/capdb live "gdb:unix:$work/gdb.sock" 'SELECT ticks FROM snapshots' | tail -1; }
ticks_on() { first=$(kernel_ticks) && wait_for 20 eval '[ "$(kernel_ticks)" -gt $((first + 100)) ]'; }
start "PS1='prompt> ' bash --norc -i"
shows_soon '^prompt>'
type_line "$inspector $monitor --record $work/rests.capdb"
shows_soon '^ RUNNING +ev'
key C-z
shows_soon 'Stopped +'
check "while the inspector is stopped, the machine runs" ticks_on
type_line fg
check "and with fg it is followed again" shows_soon '^ RUNNING +ev [0-9]+ +lost [1-9]'
key ':'
type_line 'sql WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c'
check "a long question is said to be under way" shows_soon 'the question is being answered'
check "and the machine runs meanwhile" ticks_on
goes_on() { first=$(seq_now) && wait_for 20 eval '[ "$(seq_now)" -gt "$first" ]' && hides 'NO ANSWER'; }
check "and is read" goes_on
key '!'
check "and stops when it is to" shows_soon '^ HELD' 10
key q
check "q waits for no question" shows_soon '^prompt>.*$|^status'
type_line exit
check "what was missed is in the recording as a gap" build/host/capdb verify "$work/rests.capdb"
start "$inspector $work/run.capdb"
shows_soon '^ RECORDING'
last_one=$(screen | sed -nE '1s/^ RECORDING +snapshot ([0-9]+) .*/\1/p')
key Q
type_line 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c'
check "of a recording, too, a long question is said to be under way" shows_soon 'the question is being answered'
key '['
check "and one goes on through time" shows_soon "^ RECORDING +snapshot $((last_one - 1)) "
shows_soon 'the question is being answered' && key Escape
check "Esc gives it up" shows_soon '^the question is given up'
key Q
type_line 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c'
shows_soon 'the question is being answered' && key Q
type_line "SELECT 'another' AS word"
check "and so does another question" shows_soon '^ +another'
key ':'
type_line "sql SELECT instr(printf('%.*c',5000000,'a'), printf('%.*c',2500000,'a')||'b')"
shows_soon 'the question is being answered'
key q
check "nor for one that no one can end" shows_soon 'status 0' 15

printf 'guest/* visitors\n' >"$work/rules"
start "$inspector $work/run.capdb --domains $work/rules"
check "domains are named by the user's rules" shows_soon 'v visitors +[23] '
key q
shows_soon 'status 0'
printf 'guest/[ visitors\n' >"$work/rules"
start "$inspector $work/run.capdb@1 --domains $work/rules"
check "a wrong rule is refused by line and column" \
    eval 'shows_soon "line 1, column 7: a bracket" && shows_soon "status 2"'

start "$inspector gdb:unix:$work/gdb.sock"
check "the same views through QEMU's gdbstub" shows_soon 'g guest'
# Paused, nobody needs to wake: neither the screen nor the worker, which hears of no events here.
wakes() { awk '/^voluntary/ { n += $2 } END { print n }' /proc/"$1"/task/*/status; }
stays_asleep() {
    local pid before
    pid=$(pgrep -P "$(tm list-panes -t t -F '#{pane_pid}')" -x inspector-tui) || return 1
    before=$(wakes "$pid")
    sleep 3
    echo "woke $(($(wakes "$pid") - before)) times"
    [ $(($(wakes "$pid") - before)) -le 1 ]
}
key Space
check "paused, it says so" shows_soon 'PAUSED'
check "and does not wake" wait_for 60 stays_asleep
start "$inspector $work/run.capdb"
shows_soon '^ RECORDING'
check "nor does a recording that nobody writes" wait_for 60 stays_asleep
for _ in 1 2 3 4 5 6; do # a machine that is busy enough answers after the deadline of an attach
    start "$inspector gdb:unix:$work/stub.sock"
    shows_soon '^ RUNNING|status 2' && shows '^ RUNNING' && break
done
check "the stub in the kernel: the machine runs, though it stands while it is read" shows_soon '^ RUNNING'
key q
shows_soon 'status 0'

# --- a target that gives no answer yet ---
kill -STOP "$qemu_pid"
start "$inspector $monitor"
check "who waits for a machine sees that, and for how long" shows_soon '^ OPENING [0-9]+ s' 4
check "it goes on to wait, and says so" shows_soon '^ OPENING [0-9]+ s +it gives no answer' 20
kill -CONT "$qemu_pid"
check "and goes on as soon as there is an answer" shows_soon '^ RUNNING +ev'
key q
shows_soon 'status 0'
kill -STOP "$qemu_pid"
start "$inspector $monitor"
shows_soon '^ OPENING [0-9]+ s' && key q
check "who does not want to wait any more leaves" shows_soon 'status 0' 4
kill -CONT "$qemu_pid"

# --- a target that another has ---
start "$inspector $monitor"
shows_soon '^ RUNNING'
tm new-session -d -s second -x 110 -y 36 "$inspector $monitor; echo status \$?; exec cat"
second() { tm capture-pane -p -t second | grep -qE -- "$1"; }
check "who comes second is told that the line may be another's" \
    wait_for 60 second '^ OPENING [0-9]+ s +it gives no answer, as when another program has its line'
check "and goes on to wait" wait_for 60 second '^ OPENING (1[5-9]|[2-9][0-9]) s'
key q
check "until the other leaves" wait_for 60 second '^ RUNNING'
tm send-keys -t second q
wait_for 60 second 'status 0'

# --- numbers: with a recording, those of the recording ---
start "$inspector $monitor --record $work/rests.capdb"
shows_soon '^ RUNNING +ev .*REC [0-9]+' && key ':' && type_line 'at 1'
check "a snapshot that is only in the recording is not gone to" shows_soon '^there is no snapshot 1 here: they go from [0-9]+ to'
first=$(screen | sed -nE 's/^there is no snapshot 1 here: they go from ([0-9]+) .*/\1/p')
goes_further() { [ "$(last_recorded)" -gt $((first + 3)) ]; }
wait_for 60 goes_further
key ':' ; type_line "at $first"
check "the others have its numbers" shows_soon "^ RUNNING +snapshot $first .*LOOKING BACK"
key ':' ; type_line 'leak 5'
check "a word that a command does not take is refused" shows_soon '^:leak takes no word: memory that'
key ':' ; type_line 'at 4294967297'
check "a number that none can have is refused" shows_soon '^at TIME: '
key ':' ; type_line 'at 99999999'
check "and one that none has yet" shows_soon '^there is no snapshot 99999999 here'
key @; type_line slot:zzz
check "so is what is no address of a slot" shows_soon "^'slot:zzz' is no address of a slot"
key q
shows_soon 'status 0'
start "$inspector $work/run.capdb@4294967297"
check "the number behind a recording, too" shows_soon 'inspector-tui: .*the recording has snapshots 1 to'
start "$inspector $work/run.capdb@yesterday"
check "and what is no time" shows_soon 'run.capdb: @yesterday is neither one of the snapshots 1 to [0-9]+ nor a time'
clock=$(build/host/capdb sql "$work/run.capdb" "SELECT strftime('%H:%M:%S', time, 'unixepoch', 'localtime') FROM snapshot WHERE n = 3" | tail -n 1)
third=$(build/host/capdb sql "$work/run.capdb" "SELECT max(n) FROM snapshot WHERE CAST(time AS INTEGER) = (SELECT CAST(time AS INTEGER) FROM snapshot WHERE n = 3)" | tail -n 1)
start "$inspector $work/run.capdb@$clock"
check "a recording opens at a time, too" shows_soon "^ RECORDING +snapshot $third "
key q
shows_soon 'status 0'
cp "$work/run.capdb" "$work/other.capdb"
start "$inspector $work/other.capdb"
shows_soon '^ RECORDING'
rm "$work/other.capdb"
key .
check "a recording that is removed meanwhile is told" shows_soon '^ RECORDING .* file REMOVED '
key ':' ; type_line 'sql SELECT count(*) AS snapshots FROM snapshot'
check "it answers questions still" shows_soon '^  +snapshots'
key ':' ; type_line 'sql WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
shown=$(screen | sed -nE 's/^ RECORDING +snapshot ([0-9]+) .*/\1/p')
key '['
check "one that takes long holds up no key" shows_soon "^ RECORDING +snapshot $((shown - 1)) " 5
key Escape
key q
shows_soon 'status 0'

# One that another recording takes the name of, and that somebody records into.
cp "$work/run.capdb" "$work/other.capdb"
start "$inspector $work/other.capdb"
shows_soon '^ RECORDING'
build/host/capdb record "gdb:unix:$work/gdb.sock" "$work/another.capdb" --every 0.2 2>/dev/null &
recorder=$!
has_two() { [ "$(build/host/capdb sql "$work/another.capdb" 'SELECT count(*) FROM snapshots' | tail -1)" -ge 2 ]; }
wait_for 60 has_two
kill -INT $recorder
wait $recorder
mv "$work/another.capdb" "$work/other.capdb"
build/host/capdb record "gdb:unix:$work/gdb.sock" "$work/other.capdb" --every 0.2 2>/dev/null &
recorder=$!
replaced='^the file was replaced by another recording: .*; leave, and open it anew'
check "a recording whose name another took is told" shows_soon '^ RECORDING .* file REPLACED '
key '[' '[' '[' '['
check "what was not read of it is not answered from the other" shows_soon "$replaced"
key ':' ; type_line 'sql SELECT count(*) AS snapshots FROM snapshot'
check "nor is a question" eval 'shows_soon "$replaced" && hides "^  +snapshots"'
key E w
sleep 2
key ':' ; type_line 'at 2'
check "and it keeps saying so" shows_soon "$replaced"
kill -INT $recorder
wait $recorder
key q
shows_soon 'status 0'

# One that is cut off while it is shown.
cp "$work/run.capdb" "$work/cut.capdb"
start "$inspector $work/cut.capdb"
shows_soon '^ RECORDING'
truncate -s 20000 "$work/cut.capdb"
key ':' ; type_line 'sql SELECT count(*) AS snapshots FROM snapshot'
check "a recording that was cut off is told in a sentence" shows_soon '^the recording is cut off: pages'
key q
shows_soon 'status 0'

# --- what it refuses ---
start "TERM=dumb $inspector $monitor"
check "a terminal without a cursor is refused" shows_soon "terminal 'dumb' cannot"
start "$inspector monitor:unix:$work/nothing.sock"
check "a target that is not there is named" shows_soon 'inspector-tui: .*nothing.sock'
printf 'not a database' >"$work/bad.capdb"
start "$inspector $work/bad.capdb"
check "a file that is no recording is named" shows_soon 'inspector-tui: .*bad.capdb'
mkdir -p "$work/config/capscope"
printf '  # a comment\nkey F5 goto\nkey ^A nonsense\n' >"$work/config/capscope/inspector.conf"
start "$inspector $monitor"
check "a fault in the configuration is named with its line" shows_soon "inspector.conf:3: 'nonsense' is no action"
printf 'key F5 goto preview\n' >"$work/config/capscope/inspector.conf"
start "$inspector $monitor"
check "so is a word too many" shows_soon 'inspector.conf:1: '
printf 'color domain1 300\n' >"$work/config/capscope/inspector.conf"
start "$inspector $monitor"
check "of a color that is none the number is named" shows_soon "inspector.conf:1: '300' is no color"
printf 'pane maybe\n' >"$work/config/capscope/inspector.conf"
start "$inspector $monitor"
check "of a switch the word" shows_soon "inspector.conf:1: 'maybe' is neither on nor off"
printf 'mouse\n' >"$work/config/capscope/inspector.conf"
start "$inspector $monitor"
check "and of one without a value what it lacks" shows_soon "inspector.conf:1: 'mouse' is a switch without on or off"
printf 'key a preview\ncolor domain1 213\n' >"$work/config/capscope/inspector.conf"
start "NO_COLOR=1 $inspector $monitor --ascii"
shows_soon '^ RUNNING'
key '?' ; key / ; type_line preview
key n
check "a key of the configuration is in the help" shows_soon 'p F9 a|a +p F9|F9 a'
plan
