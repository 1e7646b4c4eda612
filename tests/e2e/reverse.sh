#!/usr/bin/env bash
# A recorded run goes back: from a dead capability to what killed it and to what made it, in gdb and
# in the inspector.  The recording's own snapshots say which capabilities lived and died.
. "$(dirname "$0")/lib.bash"
tmux_socket=$work/tmux
export TERM=xterm-256color
run=$work/run
replay_pid=
trap 'stop_replay; finish' EXIT

stop_replay() { stop_process replay_pid; }

record() {
    timeout 60 scripts/run-record --seconds 4 --dir "$run" </dev/null && build/host/capdb verify "$run/run.capdb"
}

# From nothing to the end of the recording; the GDB server then stands there.
replay() {
    stop_replay
    scripts/run-replay "$run" --headless >"$work/replay.out" 2>&1 </dev/null &
    replay_pid=$!
}

sql() { build/host/capdb sql "$run/run.capdb" "$1" | tail -n +2; }
live() { build/host/capdb live "gdb:unix:$run/gdb.sock" "$1" | tail -n +2; }

# A capability of the guest that lived in one snapshot of the recording and was gone in a later one:
# its end and, in the next round of the guest, its new beginning are in the recording.
pick_dead() {
    sql "select a.slot, a.type, a.object from caps a where a.domain = 'guest' and a.type in ('endpoint', 'notification')
        and a.\"index\" > 511 and exists (select 1 from snapshots s where s.n > a.n and not exists
            (select 1 from caps b where b.n = s.n and b.slot = a.slot)) order by a.n desc limit 1" >"$work/dead"
    [ -s "$work/dead" ] || { sql "select n, count(*) from caps group by n"; return 1; }
}

# To a moment when it is dead: the end, or, if it lives there, before it came.
go_where_it_is_dead() {
    live "select slot from caps" | sort >"$work/at_end"
    ! grep -q "$dead" "$work/at_end" || in_gdb "cap made $dead"
    ! live "select slot from caps" | grep "$dead"
}

in_gdb() { # commands; the answer is in $work/gdb.out
    local words=()
    for c in "$@"; do words+=(-ex "$c"); done
    timeout 120 gdb-multiarch -nx -batch "$run/kernel.elf" -x scripts/capscope-reverse.py \
        -ex "target remote $run/gdb.sock" "${words[@]}" >"$work/gdb.out" 2>&1
    cat "$work/gdb.out"
}

says() { grep -qE -- "$1" "$work/gdb.out" || { echo "no '$1' in:"; cat "$work/gdb.out"; return 1; }; }

killed_in_gdb() {
    in_gdb "cap killed $dead" >/dev/null
    says "^tick [0-9]+: $dead_type $dead_object left slot $dead" && says "^by guest/init, in CALL at 0x" &&
        says "slot_delete|slot_revoke" && says "label CNODE_REVOKE"
}

made_in_gdb() {
    in_gdb "cap made $dead" >/dev/null
    says "^tick [0-9]+: $dead_type $dead_object came into slot $dead" && says "^by guest/init, in CALL at 0x" &&
        says "label (UNTYPED_RETYPE|CNODE_COPY|CNODE_MINT)" && says "syscall_call"
}

tick() { sed -n 's/^tick \([0-9]*\):.*/\1/p' "$work/gdb.out"; }

in_order() { # two numbers
    [ "$1" -lt "$2" ] || { echo "$1 is not before $2"; return 1; }
}

at_end_again() {
    in_gdb "cap end" "cap end" "continue" >/dev/null
    says "the recording ends here" && [ "$(live 'select slot from caps' | sort)" = "$(cat "$work/at_end")" ]
}

never_written() {
    in_gdb "cap killed 0x80000000" >/dev/null
    says "no capability was taken from slot 0x80000000 from here to the end"
}

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }

key() { tm send-keys -t t "$@"; }
shows() { screen | grep -qE -- "$1"; }
shows_soon() { wait_for "${2:-60}" shows "$1"; }
line() { key : ; key -l "$1"; key Enter; }

check "a run of the demo is recorded, with snapshots" record
replay
at_its_end() { wait_for 60 grep -q "at the end of the recording" "$work/replay.out" || { cat "$work/replay.out"; return 1; }; }
check "it replays to its end" at_its_end
check "a capability died on the way" pick_dead
read -r dead dead_type dead_object <"$work/dead" || { plan; exit 1; }
check "gdb goes where it is dead, and leaves the replay there" go_where_it_is_dead
check "gdb goes back to what killed it" killed_in_gdb
killed=$(tick)
check "and from there to what made it" made_in_gdb
made=$(tick)
check "it was made before it was killed" in_order "$made" "$killed"
check "gdb returns to the end, and not beyond" at_end_again
check "what was never a capability is said not to be one" never_written
in_gdb "cap end" >/dev/null
go_where_it_is_dead >/dev/null

screen_on_failure=screen
tm -f /dev/null new-session -d -s t -x 200 -y 36 \
    "build/host/inspector-tui gdb:unix:$run/gdb.sock; echo status \$?; exec cat"
check "the inspector opens on the replay, which stands" eval 'shows_soon "^ (STOPPED|REPLAY)" && shows_soon "g guest +[23] "'
line "killed $dead"
check "the inspector goes back to what killed it" \
    shows_soon "tick $killed: $dead_type $dead_object left slot $dead by guest/init in Call CNode_Revoke"
check "and shows the state there: the capability lives" shows_soon "^$dead_type $dead_object.* slot $dead"
line "made $dead"
check "the inspector goes back to what made it" \
    shows_soon "tick $made: $dead_type $dead_object came into slot $dead by guest/init in Call"
check "the cursor is on the capability" shows_soon "^$dead_type $dead_object.* slot $dead"
bar_instruction() { screen | sed -nE '1s/^ REPLAY +at instruction ([0-9]+).*/\1/p'; }
bar_left() { [ -n "$(bar_instruction)" ] && [ "$(bar_instruction)" != "$1" ]; }
before=$(bar_instruction)
key K
check "K on a living capability goes forward to its end" \
    shows_soon "tick $killed: $dead_type $dead_object left slot $dead"
wait_for 60 bar_left "$before" || echo "# the bar stays at $before"
before=$(bar_instruction)
key I
check "I goes back to its origin" shows_soon "tick $made: $dead_type $dead_object came into slot $dead"
wait_for 60 bar_left "$before" || echo "# the bar stays at $before"
made_at=$(bar_instruction)
key d h p
check "the revocation view says how a replay is moved" shows_soon "K on to where .* ends  I back to where"
key s
check "so does a key that steps elsewhere" shows_soon "a replay is moved by capabilities"
line "killed $dead"
check "the machine moves on from there" shows_soon "tick $killed: $dead_type $dead_object left slot $dead"
moved_on() { [ -n "$made_at" ] && [ "$(bar_instruction)" -gt "$made_at" ]; }
check "at a later instruction, which the bar shows" wait_for 60 moved_on
check "still in the revocation view, on the capability that goes" eval 'shows "> Revoke" && shows "^$dead_type $dead_object.* slot $dead"'
line "made $dead"
check "and back" eval 'shows_soon "tick $made: $dead_type $dead_object came into slot $dead" && wait_for 60 eval "[ \"\$(bar_instruction)\" = $made_at ]"'
tm resize-window -t t -x 80 -y 30
key L
key G
check "on a screen of 80 columns the whole sentence is below the log" shows_soon "kernel pc 0x"
tm resize-window -t t -x 200 -y 36
key V
line "killed 80000000"
check "a slot that never lost a capability is named" shows_soon "no capability was taken from slot 0x80000000" 60
line "killed xyz"
check "an address that is none is refused" shows_soon "'xyz' is no slot"
key q
check "q leaves the replay where it stands" eval 'shows_soon "status 0" && live "select count(*) from caps" >/dev/null'

# --- a replay that has run off its end -----------------------------------------------------------------

run_off_the_end() {
    python3 - "$run/gdb.sock" <<'END'
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.settimeout(30)
def ask(data):
    line.sendall(b"+$%s#%02x" % (data, sum(data) & 0xFF))
    answer = b""
    while b"#" not in answer:
        answer += line.recv(4096)
    return answer
ask(b"?")
while True:  # without the stop at the end that capscope sets
    try:
        line.settimeout(5)
        ask(b"c")
    except TimeoutError:
        line.sendall(b"\x03")
    line.settimeout(30)
    text = ask(b"qRcmd," + b"info status".hex().encode())
    line.sendall(b"+")
    while b"$OK#" not in text:
        text += line.recv(4096)
        line.sendall(b"+")
    if b"(shutdown)".hex().encode() in text:
        break
END
}
in_gdb "cap end" >/dev/null
check "a debugger lets the replay run off its end" timeout 200 bash -c "$(declare -f run_off_the_end); run=$run run_off_the_end"
refused_there() {
    gcc -std=gnu11 -D_GNU_SOURCE -I. -O1 -o "$work/find" tests/tools/find_moment.c build/host/libhost.a \
        -lserialport -ldw -lelf || return 1
    ! timeout 60 "$work/find" "gdb:unix:$run/gdb.sock" "$dead" >"$work/gdb.out" 2>&1 &&
        says "the recording has ended and its machine is shut down"
}
check "going back from there is refused with a sentence" refused_there
check "and QEMU lives" eval 'live "select count(*) from caps" >/dev/null'

stop_replay
boot build/arm/debug/image-demo-healthy.elf
in_gdb_live() {
    timeout 30 gdb-multiarch -nx -batch "$run/kernel.elf" -x scripts/capscope-reverse.py \
        -ex "target remote $work/gdb.sock" -ex "cap killed $dead" >"$work/gdb.out" 2>&1
    says "is not a replay"
}
check "a machine that is no replay is never asked to go back" in_gdb_live
incomplete() {
    mkdir "$work/half" && ! scripts/run-replay "$work/half" 2>"$work/gdb.out" && says "holds no complete recording"
}
check "a recording that is not complete is refused" incomplete
plan
