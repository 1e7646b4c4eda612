#!/usr/bin/env bash
# capdb against booted demo systems: it records them through the serial monitor, QEMU's GDB stub and
# the memory file; the healthy one is isolated, the leaky one has four planted faults that `check`
# names; Ctrl-C and kill -9 lose nothing that was complete; wrong files and targets are refused in
# words.
set -uo pipefail
source "$(dirname "$0")/ask.bash"

leaky=$work/leaky.capdb

# --- helpers ---------------------------------------------------------------------------------------

snapshots_of() { $capdb snapshots "$1" | tail -n +2 | wc -l; }

has_snapshots() { [ "$(snapshots_of "$1")" -ge "$2" ]; }

is_valid_json() { # command...
    "$@" --json >"$work/json" && python3 -m json.tool "$work/json" >/dev/null
}

# --- the healthy demo ------------------------------------------------------------------------------

boot build/arm/debug/image-demo-healthy.elf
check "a query can ask the running system" wait_for 120 demo_is_up
check "the monitor is recorded" $capdb record "$monitor" "$run" --every 0.1 --count 5
check "a recording has the snapshots that were asked for" test "$(snapshots_of "$run")" = 5
check "a recording is continued, not overwritten" $capdb record "gdb:unix:$work/gdb.sock" "$run" --every 0 --count 2
check "two more snapshots came through QEMU's stub" test "$(snapshots_of "$run")" = 7
check "every snapshot is rebuilt as it was" says "all as they were recorded" $capdb verify "$run"
check "the healthy demo is isolated at every moment" exits 0 $capdb check "$run" --all
check "the verdict names the trusted managers" says "trusted managers left out: rootserver" $capdb check "$run"
check "strictly, the root task breaches it" exits 1 $capdb check "$run" --strict
check "a verdict tells its theorem" says "links_keep_isolation" $capdb check "$run" --explain
check "and what it takes from the kernel" says "rootserver) only delete and revoke" $capdb check "$run" --explain
for domain in critical guest driver; do
    check "there is a domain $domain" says "$domain" $capdb domains "$run"
done
check "no authority leads from guest to critical" exits 1 $capdb path "$run" guest critical
check "information can flow there through the driver" says "driver" $capdb path "$run" guest critical --flow
check "guest can never control critical" exits 1 $capdb can "$run" guest control critical
check "critical is its own to control" exits 0 $capdb can "$run" critical control critical
check "threads are listed by name" says "critical/control" $capdb threads "$run"

frame=$($capdb sql "$run" "SELECT object FROM caps WHERE n = (SELECT max(n) FROM snapshots) AND domain = 'guest' AND type = 'frame' LIMIT 1" | tail -1)
check "a frame of guest is found by SQL" grep -q '^0x8' <<<"$frame"
check "owner names the domain" says "guest" $capdb owner "$run" "$frame"
check "owner gives the chain to the root" says "root" $capdb owner "$run" "$frame"
check "an address in the kernel window is the same" test \
    "$($capdb owner "$run" "$frame")" = "$($capdb owner "$run" "$(printf '0x%x' $((frame + 0x70000000)))")"
check "who lists the holders" says "holds" $capdb who "$run" "frame:$frame"
check "history has an owner and holders" says "holds" $capdb history "$run" "$frame"
check "the derivation tree has every capability" test \
    "$($capdb cdt "$run" --at 1 | tail -n +2 | wc -l)" = "$($capdb sql "$run" "SELECT caps FROM snapshots WHERE n = 1" | tail -1)"
check "untyped memory is accounted for" says "reclaimable" $capdb untyped "$run"
check "equal snapshots do not differ" test "$($capdb diff "$run" 3 3 | wc -l)" = 1
check "info tells the target" says "monitor:unix:" $capdb info "$run"
check "RUN@N chooses a snapshot" says "in snapshot 2;" $capdb check "$run@2"
for format in capdl dot json csv; do
    check "export to $format" exits 0 $capdb export "$run" --format $format
done
check "the JSON export is JSON" bash -c "$capdb export $run --format json | python3 -m json.tool"
for command in snapshots domains threads untyped cdt check; do
    check "$command --json is JSON" is_valid_json $capdb $command "$run"
done
check "the report is one page that needs nothing else" bash -c \
    "$capdb report $run -o $work/report.html && grep -q '<svg' $work/report.html && ! grep -qE 'src=|href=|url\\(http' $work/report.html"

# What is there passes the policy made of it, and no shorter one; a design is what it was exported from.
policy_is_exact() { # run
    $capdb policy "$1" --all -o "$work/policy" && exits 0 $capdb check "$1" --all --policy "$work/policy" || return 1
    local line
    while read -r line; do
        grep -vxF -- "$line" "$work/policy" >"$work/shorter"
        exits 1 $capdb check "$1" --all --policy "$work/shorter" && says "$line" cat "$work/exits.out" || return 1
    done < <(grep '^allow' "$work/policy")
}
design_is_the_same() { # run
    rm -f "$work/design.capdb"
    $capdb export "$1" --format capdl >"$work/design.cdl" && $capdb import "$work/design.cdl" "$work/design.capdb" &&
        $capdb export "$work/design.capdb" --format capdl | cmp - "$work/design.cdl" &&
        exits 0 $capdb compare "$1" "$work/design.capdb" && $capdb policy "$1" >"$work/policy" &&
        $capdb policy "$work/design.capdb" | cmp - "$work/policy"
}
check "the healthy demo passes its own policy, and needs each line" policy_is_exact "$run"
check "the healthy demo's capDL is its design" design_is_the_same "$run"

no_leak() { exits 0 $capdb leak "ram:$work/ram" && ! grep -qE '^(lost|unreachable)' "$work/exits.out" && grep -q '^idle' "$work/exits.out"; }
check "the healthy demo loses no memory" no_leak

# Memory itself is a target, too.
check "the memory file is a target" says "isolated" $capdb check "ram:$work/ram"

# --- interruption -----------------------------------------------------------------------------------

$capdb record "$monitor" "$work/int.capdb" --every 0.05 2>/dev/null &
recorder=$!
wait_for 120 has_snapshots "$work/int.capdb" 3
check "one that comes over the line that the first has, too" complains "is being recorded by process $recorder" \
    $capdb record "$monitor" "$work/int.capdb" --count 1
check "--kernel is refused where no target is" complains "--kernel is for targets" $capdb check "$run" --kernel /nosuch
check "a second recorder is refused and told of the first" complains "is being recorded by process $recorder" \
    $capdb record "gdb:unix:$work/gdb.sock" "$work/int.capdb" --count 1
check "verify of what is being recorded says so" says "not yet: it is being recorded by process $recorder" $capdb verify "$work/int.capdb"
kill -INT $recorder
wait $recorder
check "Ctrl-C ends a recording without an error" test $? = 0
check "what was recorded before Ctrl-C is whole" exits 0 $capdb verify "$work/int.capdb"

$capdb record "$monitor" "$work/kill.capdb" --every 0.02 2>/dev/null &
recorder=$!
wait_for 120 has_snapshots "$work/kill.capdb" 3
kill -KILL $recorder
wait $recorder 2>/dev/null
check "what was recorded before kill -9 is whole" exits 0 $capdb verify "$work/kill.capdb"
check "at least the snapshots seen before are there" has_snapshots "$work/kill.capdb" 3

# --- another program holds a lock ------------------------------------------------------------------

cat >"$work/browse.py" <<'END'
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE word SET text = text")
open(sys.argv[2], "w").close()
time.sleep(4)
db.execute("ROLLBACK")
END
$capdb record "$monitor" "$work/lock.capdb" --every 0.2 --count 30 2>"$work/lock.err" &
recorder=$!
wait_for 120 has_snapshots "$work/lock.capdb" 2
python3 "$work/browse.py" "$work/lock.capdb" "$work/locked" &
browser=$!
wait_for 60 test -e "$work/locked"
check "a browser that writes stops no reader" has_snapshots "$work/lock.capdb" 2
wait $browser
wait $recorder
check "a recording waits for it" test $? = 0
check "that it waits is said" grep -q "another program holds a lock" "$work/lock.err"
check "no snapshot is lost" test "$(snapshots_of "$work/lock.capdb")" = 30
check "no event either" exits 0 $capdb verify "$work/lock.capdb"

# --- what is not whole -------------------------------------------------------------------------------

head -c 70M "$work/ram" >"$work/part.ram"
check "a truncated memory image is told by the answer" says "incomplete" $capdb threads "ram:$work/part.ram"
check "and by the exit status" exits 2 $capdb threads "ram:$work/part.ram"
$capdb record "$monitor" "$work/left.capdb" --every 0.02 2>/dev/null &
recorder=$!
wait_for 120 has_snapshots "$work/left.capdb" 3
mkdir "$work/copy"
cp "$work/left.capdb" "$work/copy/"
kill -KILL $recorder
wait $recorder 2>/dev/null
check "a copy without its -wal says so" complains "-wal file is missing" $capdb info "$work/copy/left.capdb"
chmod 555 "$work/copy"
cp "$work/left.capdb" "$work/before"
check "a folder that cannot be written is read" exits 0 $capdb verify "$work/left.capdb"
check "reading does not write" cmp "$work/left.capdb" "$work/before"
chmod 755 "$work/copy"

# --- only changes --------------------------------------------------------------------------------------

check "--on-change waits for changes" bash -c \
    "timeout 60 $capdb record gdb:unix:$work/gdb.sock $work/change.capdb --on-change --count 2"
check "and two that follow each other differ" test "$($capdb sql "$work/change.capdb" \
    "SELECT added + removed + changed > 0 OR (SELECT count(*) FROM (SELECT addr, name, priority FROM threads
     WHERE n = 1 EXCEPT SELECT addr, name, priority FROM threads WHERE n = 2)) > 0 AS differs
     FROM snapshots WHERE n = 2" | tail -1)" = 1

# --- the leaky demo ---------------------------------------------------------------------------------

halt_machine
rm -f "$work"/*.sock
boot build/arm/debug/image-demo-leaky.elf
wait_for 120 demo_is_up
check "another machine is refused, the first is named" complains "was recorded from" \
    $capdb record "ram:$work/ram" "$run" --count 1
check "it is recorded" $capdb record "$monitor" "$leaky" --every 0.1 --count 2
check "check exits 1 on a breach" exits 1 $capdb check "$leaky"
check "a breach tells the premise that fails" says "shared_storage: fails" $capdb check "$leaky" --explain
explained_apart() {
    $capdb check "$leaky" --explain --json >"$work/explained.json"
    python3 -c '
import json, sys
said = json.load(open(sys.argv[1]))
kinds = {e["what"] for e in said["explanation"]}
sys.exit(kinds != {"theorem", "evaluated", "assumed"} or any(b["breach"] in kinds for b in said["breaches"]))
' "$work/explained.json"
}
check "in JSON the explanation is a list of its own" explained_apart
$capdb check "$leaky" >"$work/breaches"
for breach in shared-cnode grant-channel foreign-tcb foreign-cover; do
    check "the planted fault $breach is named with a slot" grep -qE "	$breach	.*0x[0-9a-f]{8} " "$work/breaches"
done
check "memory that its root lets go is lost, and comes first" bash -c "$capdb leak $leaky >$work/lost; \
    [ \$? = 1 ] && sed -n 2p $work/lost | grep -q '^lost	0x[0-9a-f]*	[0-9]\{8\}	' && grep -q '^idle' $work/lost"
check "what the leak means is said too" grep -q "	merged	" "$work/breaches"
check "the leaky demo passes its own policy, and needs each line" policy_is_exact "$leaky"
check "the healthy demo's policy tells the leaks" bash -c "$capdb policy $run --all -o $work/healthy; \
    $capdb check $leaky --policy $work/healthy --junit $work/junit.xml | grep -q 'allow guest control driver 1 tcb' && grep -q '<failure' $work/junit.xml"
check "the leaky demo's capDL is its design" design_is_the_same "$leaky"
check "guest could ever control critical" exits 0 $capdb can "$leaky" guest control critical

# --- a clock that somebody sets back -----------------------------------------------------------------

records_on() { # file, mark: once the mark is there, three more are recorded soon, not in an hour
    local pid seen status=1
    CLOCK_BACK=$2 LD_PRELOAD=$work/clock.so $capdb record "ram:$work/ram" "$1" --every 0.1 2>/dev/null &
    pid=$!
    wait_for 120 has_snapshots "$1" 3 && touch "$2" && seen=$(snapshots_of "$1") &&
        wait_for 120 has_snapshots "$1" $((seen + 3)) && status=0
    kill -INT $pid
    wait $pid && return $status
}
moment_of() { $capdb sql "$1" "SELECT taken FROM snapshots WHERE n = $2" | tail -1; }
gcc -std=gnu11 -D_GNU_SOURCE -shared -fPIC -O1 -o "$work/clock.so" tests/tools/clock_back.c -ldl
check "a recorder goes on when the clock is set back" records_on "$work/clock.capdb" "$work/back"
check "a moment before that is found" exits 0 $capdb info "$work/clock.capdb" --at "$(moment_of "$work/clock.capdb" 3)"
check "and the recording is whole" exits 0 $capdb verify "$work/clock.capdb"

# --- wrong files and targets -------------------------------------------------------------------------

echo "hello" >"$work/text"
: >"$work/empty"
head -c 6000 "$leaky" >"$work/torn"
check "a missing file is named" complains "no.capdb: No such file" $capdb snapshots "$work/no.capdb"
check "a foreign file is refused" complains "is not a capdb recording" $capdb snapshots "$work/text"
check "an empty file is refused" complains "is empty" $capdb snapshots "$work/empty"
check "a torn file is refused" complains "is cut off" $capdb snapshots "$work/torn"
check "a missing snapshot is named" complains "snapshot 99 not found" $capdb cdt "$leaky" --at 99
check "an unknown name is named" complains "called nobody" $capdb who "$leaky" nobody
check "an unknown command is refused" complains "no command frobnicate" $capdb frobnicate "$leaky"
check "too few operands show the usage" complains "usage: capdb owner" $capdb owner "$leaky"
check "SQL cannot change a recording" complains "SELECT" $capdb sql "$leaky" "DELETE FROM snapshot"
check "an SQL mistake is told" complains "no such table" $capdb sql "$leaky" "SELECT * FROM nowhere"
check "a parameter without a value, too" complains "the parameter :n has no value" $capdb sql "$leaky" "SELECT count(*) FROM caps WHERE n = :n"
check "a target that is not there is told" complains "nowhere.sock" $capdb record "monitor:unix:$work/nowhere.sock" "$work/x.capdb"
check "a full disk is told and keeps what was complete" exits 2 bash -c \
    "ulimit -f 2000; trap '' XFSZ; exec $capdb record $monitor $work/full.capdb --every 0"
check "the recording of the full disk is whole" exits 0 $capdb verify "$work/full.capdb"
halt_machine
# --- who waits at a terminal --------------------------------------------------------------------

cat >"$work/terminal.py" <<'PYTHON'
import os, pty, sys
told = bytearray()
def read(fd):
    told.extend(os.read(fd, 4096))
    return told[-1:] # not nothing, which would be the end
status = pty.spawn(sys.argv[2:], read)
open(sys.argv[1], "wb").write(told)
sys.exit(os.waitstatus_to_exitcode(status))
PYTHON
long='WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 16000000) SELECT max(i) AS last FROM c'
at_a_terminal() { # words for capdb sql
    python3 "$work/terminal.py" "$work/told" $capdb sql "$leaky" "$1" </dev/null >/dev/null && grep -aq "$2" "$work/told"
}
tells_no_seconds() { at_a_terminal "$1" "$2" && ! grep -aq "gives up" "$work/told"; }
check "a question that takes long says for how long" at_a_terminal "$long" '[0-9] s; ^C gives up'
check "and then its answer" grep -aq 16000000 "$work/told"
check "a quick one does not" tells_no_seconds "SELECT 7 AS seven" seven

# The same for commands that ask about all events: the recording with its events so many times over that
# the command takes seconds, however quick the machine is.
cp "$leaky" "$work/many.capdb"
python3 - "$work/many.capdb" $capdb <<'PYTHON'
import resource, sqlite3, subprocess, sys
path, capdb = sys.argv[1:]
db = sqlite3.connect(path)
columns = [row[1] for row in db.execute("PRAGMA table_info(event)")][1:]
took = 0 # of processor time: a busy machine takes longer, and then perhaps no more


def processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


while took < 3 and db.execute("SELECT count(*) FROM event").fetchone()[0] < 8000000:
    db.execute("INSERT INTO event SELECT NULL, %s FROM event" % ", ".join(f'"{c}"' for c in columns))
    db.commit()
    if db.execute("SELECT count(*) FROM event").fetchone()[0] > 100000:
        before = processor_time()
        subprocess.run([capdb, "revokes", path, "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = processor_time() - before
PYTHON
waits_for() { # capdb's words
    python3 "$work/terminal.py" "$work/told" $capdb "$@" </dev/null >/dev/null
    grep -aq '[0-9] s; ^C gives up' "$work/told"
}
check "many revocations keep nobody waiting without a word" waits_for revokes "$work/many.capdb" 1
check "nor does a trace" waits_for export "$work/many.capdb" --format trace -o "$work/many.json"

plan
