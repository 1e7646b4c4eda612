#!/usr/bin/env bash
# Targets that hang, restart, fall silent, or print without end, and clients that die: the recorder goes
# on by itself and says what it missed, the machine is left as it was found, the next one finds the
# line as it was.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
demo=build/arm/debug/image-demo-healthy.elf
# Checks run in a shell of their own: what outlives one is known by a file.
kill_file() { [ ! -s "$work/$1" ] || kill "$2" "$(cat "$work/$1")" 2>/dev/null; }
trap 'kill_file client -KILL; kill_file proxy -KILL; qemu_pid=$(cat "$work/qemu"); kill "$qemu_pid"; finish' EXIT

start() { # IMAGE
    rm -f "$work"/*.sock
    boot "$1" >/dev/null
    echo "$qemu_pid" >"$work/qemu"
}
end_machine() {
    kill_file qemu -KILL
    wait_for 60 gone qemu
}
gone() { ! kill -0 "$(cat "$work/$1")" 2>/dev/null; }

monitor() { echo "monitor:unix:$work/${1:-monitor}.sock"; }

ask() { "$capdb" sql "$1" "$2" | tail -1; }

snapshots() { [ "$("$capdb" sql "$work/$1.capdb" 'SELECT count(*) FROM snapshots' 2>/dev/null | tail -1)" -ge "$2" ] 2>/dev/null; }

demo_is_up() { "$capdb" live "$(monitor)" "SELECT count(DISTINCT domain) FROM threads" | tail -1 | grep -q '^4$'; }

says() { grep -qE -- "$1" "$work/said" || { cat "$work/said"; return 1; }; }

# record NAME TARGET [ARGUMENTS...]: in the background; its exit status goes to $work/status.
record() {
    local name=$1 target=$2
    shift 2
    [ $# -gt 0 ] || set -- --every 0.2
    rm -f "$work/status" "$work/said"
    (
        "$capdb" record "$target" "$work/$name.capdb" "$@" >"$work/said" 2>&1 &
        echo $! >"$work/client"
        wait $!
        echo $? >"$work/status"
    ) >/dev/null 2>&1 &
    wait_for 60 test -s "$work/client"
}

end_record() {
    kill_file client -INT
    wait_for 60 test -s "$work/status" || return 1
    [ "$(cat "$work/status")" = 0 ] || { echo "exit $(cat "$work/status")"; cat "$work/said"; return 1; }
}

goes_on() { # NAME: ten more snapshots come
    local now
    now=$("$capdb" sql "$work/$1.capdb" 'SELECT count(*) FROM snapshots' | tail -1)
    wait_for 60 snapshots "$1" $((now + 10)) || { cat "$work/said"; return 1; }
}

start "$demo"
check "the demo runs" wait_for 60 demo_is_up

# --- a target that hangs -------------------------------------------------------------------------------
hang() {
    record hang "$(monitor)"
    wait_for 60 snapshots hang 5 || return 1
    kill_file qemu -STOP
    sleep 10
    kill_file qemu -CONT
    goes_on hang
}
check "after ten seconds without an answer the recording goes on" hang
check "it is ended as any other" end_record
check "the silence was said" says 'no answer before the deadline'
check "and that the target is back" says 'it can be reached again, after [0-9]+ s'
check "the recording is whole" "$capdb" verify "$work/hang.capdb"

# --- one that restarts on the same socket ----------------------------------------------------------------
restart() {
    record restart "$(monitor)"
    wait_for 60 snapshots restart 5 || return 1
    end_machine
    start "$demo"
    goes_on restart
}
check "after a reboot on the same socket the recording goes on" restart
check "it is ended as any other (restart)" end_record
check "the end of the line was said" says 'the other side closed the connection'
check "and that the machine is another run" says 'restarted|not to be reached for [0-9]+ s'
check "what was recorded is whole" "$capdb" verify "$work/restart.capdb"

# --- a connection that is only half there ------------------------------------------------------------------
half() { # [BYTES]: of an answer, inside of which it ends
    rm -f "$work/half.sock" "$work/half.capdb"
    tests/tools/half_open.py "$work/half.sock" "$work/monitor.sock" 4 "${1:-0}" >/dev/null 2>&1 &
    echo $! >"$work/proxy"
    wait_for 60 test -S "$work/half.sock" || return 1
    record half "$(monitor half)"
    wait_for 60 says 'no answer before the deadline' || { cat "$work/said"; return 1; }
    goes_on half
}
for inside in 0 1000; do
    check "over a connection that is half open the recording goes on on another ($inside)" half $inside
    check "it is ended as any other (half open, $inside)" end_record
    check "silence is not called noise ($inside)" eval '! says "too noisy"'
    check "what was missed is said ($inside)" says '[0-9]+ events were missed; a new base was taken'
    check "and recorded as a gap ($inside)" test \
        "$(ask "$work/half.capdb" "SELECT count(*) FROM events WHERE event = 'gap'")" -ge 1
    kill_file proxy -KILL
done

# --- a recorder that is killed ---------------------------------------------------------------------------
killed() {
    record killed "$(monitor)"
    wait_for 60 snapshots killed 5 || return 1
    kill_file client -KILL
    wait_for 60 gone client
}
# A person's terminal some seconds later: no byte of a frame, and the trace is off.
line_is_clean() {
    python3 - "$work/monitor.sock" <<'END'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(0.2)
def listen(seconds):
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data += s.recv(65536)
        except TimeoutError:
            pass
    return data
def until(what, seconds):
    data, end = b"", time.monotonic() + seconds
    while what not in data and time.monotonic() < end:
        data += listen(0.2)
    return data
until(b"\0", 5)  # the live line beats once a second, if it has not ended yet
end = time.monotonic() + 40
while time.monotonic() < end:
    if b"\0" not in listen(3):
        break
s.sendall(b"trace\r")
text = until(b"events so far", 10)
print(text.decode("latin1"))
sys.exit(0 if b"\0" not in text and b"trace is off, live line is off" in text else 1)
END
}
check "a recorder is killed" killed
check "its live line ends by itself, and the trace that it switched on" line_is_clean
check "the next recorder finds the line as it was" "$capdb" record "$(monitor)" "$work/next.capdb" --count 2

# --- clients of QEMU's stub that are told to end at any moment -----------------------------------------------
dump=$work/dump_records
build_tool() {
    make --no-print-directory build/host/libhost.a >/dev/null &&
        gcc -std=gnu11 -D_GNU_SOURCE -I. -O1 -o "$dump" tests/tools/dump_records.c build/host/libhost.a \
            -lserialport -ldw -lelf
}
check "the tool is built" build_tool
ticks() { timeout 30 "$dump" -t "ram:$work/ram" | sed 's/ticks \([0-9]*\).*/\1/'; }
runs() {
    local before
    before=$(ticks)
    wait_for 60 ticked "$before" || { echo "the machine stands at tick $before"; return 1; }
}
ticked() { [ "$(ticks)" != "$1" ]; }
signal_at_any_moment() { # SIGNAL
    local i
    for i in 1 2 3 4 5 6 7 8; do
        record "s$i" "gdb:unix:$work/gdb.sock" --every 0
        wait_for 60 snapshots "s$i" 2 || { cat "$work/said"; return 1; }
        sleep "0.0$i"
        kill_file client "-$1"
        wait_for 60 gone client || return 1
        rm -f "$work/s$i.capdb"
        runs || return 1
    done
}
question_at_any_moment() { # SIGNAL
    local i
    for i in 1 2 3 4 5 6 7 8; do
        "$capdb" live "gdb:unix:$work/gdb.sock" "SELECT count(*) FROM caps" >/dev/null 2>&1 &
        echo $! >"$work/client"
        sleep "0.00$i"
        kill_file client "-$1"
        wait_for 60 gone client || return 1
        runs || return 1
    done
}
# Answers take 40 ms: it is told to end when it has asked, and leaves before the answer comes.
late_line() {
    timeout 300 python3 tests/tools/noisy_line.py "$work/late.sock" "$work/gdb.sock" --rate 0 --slow 40 "$@" >/dev/null 2>&1 &
    echo $! >"$work/proxy"
    wait_for 60 test -S "$work/late.sock"
}
question_behind_late_answers() {
    "$capdb" live "gdb:unix:$work/late.sock" "SELECT count(*) FROM caps" >"$work/said" 2>&1 &
    echo $! >"$work/client"
}
question_ended_at() { # REQUEST
    local client
    rm -f "$work/late.sock"
    # The line must know the process: that waits until the line is there.
    (
        wait_for 60 test -S "$work/late.sock"
        exec "$capdb" live "gdb:unix:$work/late.sock" "SELECT count(*) FROM caps" >"$work/said" 2>&1
    ) &
    client=$!
    echo $client >"$work/client"
    printf '%s\n%s\n' "$1" $client >"$work/end"
    late_line --end "$work/end"
    wait_for 60 gone client || { echo "it does not end"; return 1; }
    wait $client
    [ $? = 143 ] || { echo "not ended at $1:"; cat "$work/said"; return 1; }
    kill_file proxy -TERM
    wait_for 60 gone proxy
}
late_answers() {
    local request
    for request in '$?' '$qSupported' '$qXfer' '$qqemu' '$Qqemu.PhyMemMode:1' '$m' '$p'; do
        question_ended_at "$request" && runs || { echo "at $request"; return 1; }
    done
}
check "a question told to end at each of its requests leaves the machine running" late_answers
any_moment() {
    local i
    rm -f "$work/late.sock"
    late_line
    for i in 1 2 3 4 5 6 7 8 9; do
        question_behind_late_answers
        sleep "0.${i}5" # any moment will do
        kill_file client -TERM
        wait_for 60 gone client && runs || return 1
    done
    kill_file proxy -TERM
}
check "nor does it disturb what it left by what comes late" any_moment
for signal in HUP TERM INT; do
    check "a question that gets SIG$signal leaves it running, eight times of eight" question_at_any_moment $signal
    check "a recorder that gets SIG$signal leaves the machine running, eight times of eight" signal_at_any_moment $signal
done
end_machine

# --- programs that print without end --------------------------------------------------------------------
start build/arm/debug/image-flood.elf
check "a machine whose programs print without end is recorded" timeout 120 \
    "$capdb" record "$(monitor)" "$work/flood.capdb" --every 0.2 --count 8
check "with its events" test "$(ask "$work/flood.capdb" "SELECT count(*) FROM events WHERE event = 'delete'")" -ge 5
check "and each snapshot is whole" "$capdb" verify "$work/flood.capdb"
end_machine
plan
