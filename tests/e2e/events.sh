#!/usr/bin/env bash
# Recorded events against QEMU: capdb follows the live line while it records, so a recording holds
# every change between its snapshots, revocations step by step, and says what was lost.
set -uo pipefail
source "$(dirname "$0")/ask.bash"

has_snapshots() { [ "$(ask "$1" "SELECT count(*) FROM snapshots")" -ge "$2" ]; }

# talk PROMPT COMMAND: waits for the prompt, gives the command, prints what comes up to the next one.
talk() {
    python3 - "$work/monitor.sock" "$@" <<'PYTHON'
import socket
import sys
import time

path, prompt, command = sys.argv[1:]
line = socket.socket(socket.AF_UNIX)
line.connect(path)
line.settimeout(0.3)
end = time.monotonic() + 30

def until(text, poke, after=b""):
    data = b""
    while text not in data.partition(after)[2] if after else text not in data:
        if time.monotonic() > end:
            sys.exit("no %r, got %r" % (text, data[-300:]))
        try:
            data += line.recv(65536)
        except TimeoutError:
            if poke:
                line.sendall(b"\r")
    return data

until(prompt.encode(), True)
line.sendall(command.encode() + b"\r")
sys.stdout.buffer.write(until(b"> ", False, command.encode() + b"\r\n"))
PYTHON
}

# A revoke that was interrupted by a tick: where an instruction takes a quarter of a microsecond, there
# is a tick every 39,000 and each revoke meets one.
record_preempted_revoke() {
    $capdb record "$monitor" "$work/preempted.capdb" --every 0.5 --count 6 2>/dev/null &&
        more "$(ask "$work/preempted.capdb" "SELECT count(*) FROM revokes WHERE preempted AND ends")" 0
}

without() { # SQL: a copy of the recording that was tampered with
    cp "$run" "$work/tampered.capdb" && sqlite3 "$work/tampered.capdb" "$1"
}

# --- by the clock ------------------------------------------------------------------------------------

boot build/arm/debug/image-demo-healthy.elf
wait_for 120 demo_is_up
check "snapshots and events are recorded together" $capdb record "$monitor" "$run" --every 0.5 --count 8
check "no number is missing" equal 0 "$(ask "$run" \
    "SELECT count(*) FROM (SELECT seq - lag(seq) OVER (ORDER BY rowid) AS step FROM (SELECT row AS rowid, seq FROM event)) WHERE step <> 1")"
check "each event belongs to the first snapshot that shows it" equal 0 "$(ask "$run" \
    "SELECT count(*) FROM events e JOIN snapshots s ON s.n = e.n JOIN snapshots b ON b.n = e.n - 1 WHERE e.seq > s.seq OR e.seq <= b.seq")"
check "events lead from each snapshot to the next" matches "all as they were recorded" $capdb verify "$run"
check "an event knows who acted" more "$(ask "$run" "SELECT count(*) FROM events WHERE thread = 'guest/init' AND event = 'retype'")" 0
check "capabilities made and gone between two snapshots are there" more \
    "$(ask "$run" "SELECT count(*) FROM events e WHERE event = 'mint'")" 5
check "the kernel's trace is off again" matches "trace is off, live line is off" talk "capscope> " trace

# --- revocations -----------------------------------------------------------------------------------

halt_machine
rm -f "$work"/*.sock
boot build/arm/debug/image-demo-healthy.elf -icount shift=8
wait_for 120 demo_is_up
check "a preempted revoke is recorded" record_preempted_revoke
pre=$work/preempted.capdb
number=$(ask "$pre" "SELECT min(revoke) FROM revokes WHERE preempted AND ends")
check "revocations are listed with what they took" matches "^$number	.*	done	guest/init	untyped" $capdb revokes "$pre"
$capdb revokes "$pre" "$number" >"$work/steps"
check "it begins and ends" test "$(sed -n 2p "$work/steps" | cut -f4) $(tail -1 "$work/steps" | cut -f4)" = "revoke revoked"
check "the interruption is a step, and so is going on" bash -c \
    "cut -f4 $work/steps | tr '\n' ' ' | grep -q 'victim preempted resumed'"
victims=$(cut -f4,5 "$work/steps" | grep '^victim' | sort -u | wc -l)
check "each step has its victim" equal "$victims" "$(ask "$pre" "SELECT steps FROM revokes WHERE revoke = $number")"
check "more goes than that: a CNode and a thread end with it" more \
    "$(ask "$pre" "SELECT deleted FROM revokes WHERE revoke = $number")" "$victims"
check "a victim is named" matches "	victim	0x[0-9a-f]{8}	[0-9]+	frame 0x[0-9a-f]{8} 4K rw at" $capdb revokes "$pre" "$number"
check "a revocation that is not there is refused" matches "revocation 9999 not found" $capdb revokes "$pre" 9999

halt_machine
rm -f "$work"/*.sock
boot build/arm/debug/image-demo-healthy.elf
wait_for 120 demo_is_up

# --- export ------------------------------------------------------------------------------------------

check "the table of events has a line an event" equal "$(ask "$run" "SELECT count(*) FROM events")" \
    "$($capdb export "$run" --format events | tail -n +2 | wc -l)"
check "a line names thread, change, slot and capability" matches \
    "	guest/init	retype	0x[0-9a-f]{8}	0x[0-9a-f]{8}	frame 0x[0-9a-f]{8} 4K" $capdb export "$run" --format events
check "one snapshot's events can be chosen" equal "$(ask "$run" "SELECT count(*) FROM events WHERE n = 3")" \
    "$($capdb export "$run" --format events --at 3 | tail -n +2 | wc -l)"
check "the trace for Perfetto has tracks, counters and revocations" bash -c \
    "$capdb export $run --format trace -o $work/trace.json && python3 tests/tools/judge_picture.py trace $work/trace.json 4 revoke"
check "the trace goes into a file" bash -c "$capdb export $run --format trace -o $work/trace && [ -s $work/trace ]"

# --- on change -----------------------------------------------------------------------------------------

check "changes are recorded as they happen" $capdb record "$monitor" "$work/change.capdb" --on-change --count 12
check "between two snapshots there is a change" equal 0 "$(ask "$work/change.capdb" \
    "SELECT count(*) FROM snapshots s WHERE s.n > 1 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.n = s.n)")"
check "they lead from each snapshot to the next" exits 0 $capdb verify "$work/change.capdb"

changes_nothing() { # DOOR: programs that only run are no change
    rm -f "$work/still.capdb"
    timeout -s INT 6 $capdb record "$1" "$work/still.capdb" --on-change >/dev/null 2>&1
    equal 1 "$($capdb sql "$work/still.capdb" "SELECT count(*) FROM snapshots" | tail -1)"
}

# --- what is lost, altered, cut off ------------------------------------------------------------------------

without "DELETE FROM event WHERE row = (SELECT row FROM event WHERE n = 4 ORDER BY row LIMIT 1 OFFSET 9)"
check "a missing event is told" matches "are missing before event" $capdb verify "$work/tampered.capdb"
check "and is a fault" exits 1 $capdb verify "$work/tampered.capdb"
without "UPDATE event SET data = data + 16 WHERE row = (SELECT row FROM event WHERE kind = 12 AND n = 4 ORDER BY row DESC LIMIT 1)"
check "an altered event is told" matches "snapshot (3|4)" $capdb verify "$work/tampered.capdb"

$capdb record "$monitor" "$work/kill.capdb" --every 0.1 2>/dev/null &
recorder=$!
wait_for 120 has_snapshots "$work/kill.capdb" 4
kill -KILL $recorder
{ wait $recorder; } 2>/dev/null
check "events before kill -9 are whole" exits 0 $capdb verify "$work/kill.capdb"
check "there are events" more "$(ask "$work/kill.capdb" "SELECT count(*) FROM events")" 0
check "the next recorder finds its way" $capdb record "$monitor" "$work/kill.capdb" --every 0.1 --count 3
check "the recording goes on behind a mark" more "$(ask "$work/kill.capdb" "SELECT count(*) FROM events WHERE event = 'gap'")" 0
check "and is whole" exits 0 $capdb verify "$work/kill.capdb"
check "through QEMU's stub there are snapshots alone" $capdb record "gdb:unix:$work/gdb.sock" "$work/gdb.capdb" --count 2 --every 0.1
check "a recording without events says so" matches "holds no events" $capdb export "$work/gdb.capdb" --format events
halt_machine

# --- programs that only run ---------------------------------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-witness.elf
check "a program yields for ever" wait_for 60 bash -c "$capdb live $monitor 'SELECT state FROM threads WHERE idle = 0' | grep -q running"
check "--on-change records nothing more of it through the monitor" changes_nothing "$monitor"
check "nor through QEMU's stub" changes_nothing "gdb:unix:$work/gdb.sock"
halt_machine

# --- more than the line can carry -----------------------------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-debugcalls.elf
check "the program goes on" talk "stopped> " continue
$capdb record "$monitor" "$work/flood.capdb" --every 60 2>"$work/flood.err" &
recorder=$!
check "a line that cannot carry all falls behind" wait_for 90 grep -q "new base" "$work/flood.err"
kill -INT $recorder
wait $recorder
check "the recorder ends well" equal 0 $?
check "what the line could not carry is said" matches "events are lost, from number [0-9]+ on; a new base was taken" cat "$work/flood.err"
check "and stands in the recording with its size" more "$(ask "$work/flood.capdb" "SELECT sum(lost) FROM events")" 0
check "no number is missing without a gap" equal 0 "$(ask "$work/flood.capdb" \
    "SELECT count(*) FROM (SELECT seq - lag(seq + iif(kind, 1, detail)) OVER (ORDER BY row) AS step FROM event) WHERE step <> 0")"
check "the snapshots are whole" exits 0 $capdb verify "$work/flood.capdb"
halt_machine

# --- a revoke that is longer than the ring ---------------------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-longrevoke.elf
wait_for 120 machine_answers
long=$work/long.capdb
holes() { ask "$long" "SELECT count(*) FROM revokes WHERE begins AND ends AND lost AND steps = 16383"; }
told_with_holes() { [ "$(holes)" -ge 2 ]; }
$capdb record "$monitor" "$long" --every 60 2>"$work/long.err" &
recorder=$!
check "revokes of which events were lost are told with beginning, end, count and loss" wait_for 300 told_with_holes
kill -INT $recorder
wait $recorder
check "the first and the last apart, each is whole or has both" equal 0 "$(ask "$long" \
    "SELECT count(*) FROM revokes WHERE revoke > 1 AND revoke < (SELECT max(revoke) FROM revokes)
        AND (begins IS NULL OR ends IS NULL OR steps <> 16383)")"
check "the list says how many events were lost" matches "	[1-9][0-9]*	0x[0-9a-f]{8}	done	" $capdb revokes "$long"
check "the steps of one show the gap" matches "	gap	" $capdb revokes "$long" \
    "$(ask "$long" "SELECT min(revoke) FROM revokes WHERE ends AND lost")"
halt_machine

# --- a machine that begins anew ----------------------------------------------------------------------------------

rm -f "$work"/*.sock
boot_resettable build/arm/debug/image-demo-healthy.elf
wait_for 120 demo_is_up
anew=$work/anew.capdb
$capdb record "$monitor" "$anew" --every 0.2 2>"$work/anew.err" &
recorder=$!
wait_for 120 has_snapshots "$anew" 5
check "it is reset" reset_machine
check "the recorder says that it was" wait_for 90 grep -q "the machine was restarted after event [0-9]*" "$work/anew.err"
check "and goes on" wait_for 120 has_snapshots "$anew" $(($(ask "$anew" "SELECT count(*) FROM snapshots") + 5))
kill -INT $recorder
wait $recorder
check "the restart stands in the recording as a gap" more "$(ask "$anew" "SELECT count(*) FROM events WHERE event = 'gap'")" 0
check "which is whole" exits 0 $capdb verify "$anew"

# When it is looked at again, it has run longer than before, and no process behind a socket tells.
memory=ram:$work/ram
run_of() { ask "$1" "SELECT machine FROM source ORDER BY id DESC LIMIT 1"; }
is_another_run() { # memory shows the one before until the kernel has begun
    rm -f "$work"/probe.capdb*
    $capdb record "$memory" "$work/probe.capdb" --count 1 &&
        [ "$(run_of "$work/probe.capdb")" != "$(run_of "$work/memory.capdb")" ]
}
came_further() { [ "$($capdb live "$memory" "SELECT max(ticks) FROM snapshots" 2>/dev/null | tail -1)" -gt "$1" ]; }
check "its memory is recorded" $capdb record "$memory" "$work/memory.capdb" --every 0.1 --count 3
ticks=$(ask "$work/memory.capdb" "SELECT max(ticks) FROM snapshots")
check "it is reset again" reset_machine
check "and is another run" wait_for 60 is_another_run
# The step of monitor/door/door.c backwards: what it began with is the number before, but for a short time.
is_made_of() {
    python3 - "$1" "$2" <<'PYTHON'
import re
import sys

before, now = (int(re.search(r"run ([0-9a-f]+)", text)[1], 16) for text in sys.argv[1:])
began = (now - 1013904223) * pow(1664525, -1, 1 << 32) % (1 << 32)
print(f"{before:08x} {now:08x} {began:08x}")
sys.exit(began ^ before >= 1 << 20)
PYTHON
}
check "its number is made of the last one, which a reset leaves where it is" \
    is_made_of "$(run_of "$work/memory.capdb")" "$(run_of "$work/probe.capdb")"
check "which runs longer than the one before" wait_for 120 came_further "$ticks"
check "its memory is recorded on" $capdb record "$memory" "$work/memory.capdb" --every 0.1 --count 3
check "nothing lived on" equal 1,4 "$(ask "$work/memory.capdb" "SELECT group_concat(n) FROM snapshots WHERE added = caps")"

# Through doors that read memory nobody tells of a restart.
restarted_at() { ask "$1" "SELECT coalesce(max(first), 0) FROM source WHERE first > 1"; }
is_restarted() { [ "$(restarted_at "$1")" -gt 0 ]; }
record_across() { # DOOR COMMAND...: which starts the machine anew while it is recorded
    $capdb record "$1" "$across" --every 0.2 2>"$work/across.err" &
    recorder=$!
    wait_for 120 has_snapshots "$across" 4 && "${@:2}" && wait_for 120 is_restarted "$across" &&
        wait_for 120 has_snapshots "$across" $(($(restarted_at "$across") + 3))
    local result=$?
    kill -INT $recorder
    wait $recorder && [ $result = 0 ] || { cat "$work/across.err"; return 1; }
}
nothing_lived_on() {
    equal 1 "$(ask "$across" "SELECT count(*) FROM snapshots WHERE n > 1 AND added = caps AND n = $(restarted_at "$across")")" &&
        equal 0 "$(ask "$across" "SELECT count(*) FROM findings")"
}
for door in "gdb gdb:unix:$work/gdb.sock" "stub gdb:unix:$work/stub.sock" "ram $memory"; do
    name=${door%% *}
    across=$work/across-$name.capdb
    check "$name: a restart is seen while it is recorded" record_across "${door#* }" reset_machine
    check "$name: it is another run, and the same machine" equal 2,1 "$(ask "$across" \
        "SELECT count(DISTINCT run) || ',' || count(DISTINCT process) FROM (SELECT substr(machine, instr(machine, 'run ')) AS run, substr(machine, 1, instr(machine, 'started') - 1) AS process FROM source WHERE machine LIKE '%run %')")"
    check "$name: nothing lived on, and nothing is in doubt" nothing_lived_on
    check "$name: what is recorded is whole" exits 0 $capdb verify "$across"
done

# Another kernel in the same memory has its roots elsewhere.
across=$work/across-other.capdb
$capdb record "$memory" "$across" --every 0.2 2>/dev/null &
recorder=$!
wait_for 120 has_snapshots "$across" 4
halt_machine
rm -f "$work"/*.sock
boot build/arm/release/image-demo-healthy.elf
check "another kernel in the same file is seen" wait_for 120 is_restarted "$across"
wait_for 120 has_snapshots "$across" $(($(restarted_at "$across") + 3))
kill -INT $recorder
wait $recorder
check "it is another process" equal 2 "$(ask "$across" \
    "SELECT count(DISTINCT substr(machine, 1, instr(machine, 'started') - 1)) FROM source")"
check "nothing lived on into that kernel" nothing_lived_on
plan
