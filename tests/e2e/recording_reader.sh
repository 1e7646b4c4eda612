#!/usr/bin/env bash
# Recordings read a second time, from their tables alone (tests/reader/read_recording.py): every snapshot
# has the capabilities, objects and threads that capdb answers, whatever was done to the file.  And what
# other programs see through the views of a file whose tail is not merged.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
fixtures=tests/fixtures
declare -A questions=(
    [caps]="SELECT n, cap, parent, +slot, +holder, \"index\", domain, type, +object, bits, life, rights_bits, flags, +data, +extra
        FROM caps ORDER BY n, pos"
    [objects]="SELECT n, life, type, +addr, bits, flags FROM objects ORDER BY n, life"
    [threads]="SELECT n, +addr, name, domain, priority, state, +pc FROM threads ORDER BY n, addr"
)

same() { # recording
    local query
    for query in caps objects threads; do
        tests/reader/read_recording.py "$1" $query >"$work/read" && [ -s "$work/read" ] &&
            $capdb sql "$1" "${questions[$query]}" | tail -n +2 >"$work/said" &&
            diff "$work/read" "$work/said" || return 1
    done
}

# What stands in the -wal into the file, with SQLite alone: the tail stays.
make_plain() { # recording
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA journal_mode=delete")
sys.exit(db.execute("SELECT count(*) = 0 FROM tail WHERE kind = 0").fetchone()[0])' "$1"
}

for name in why-a64mcs recording-4 recording-4-killed; do
    gunzip -c $fixtures/$name.capdb.gz >"$work/$name.capdb"
    check "$name, of an older format" same "$work/$name.capdb"
    $capdb upgrade "$work/$name.capdb" "$work/$name.new" || exit 1
    check "$name, upgraded" same "$work/$name.new"
done
cut=$work/cut.capdb
$capdb cut "$work/recording-4-killed.new" "$cut" --from 5 --to 15 >/dev/null || exit 1
check "cut" same "$cut"
$capdb cut "$cut" "$cut-2" --from 3 >/dev/null || exit 1
check "cut of a cut" same "$cut-2"
$capdb compact "$cut-2" >/dev/null || exit 1
check "compacted" same "$cut-2"
whole_cut() {
    diff <(tests/reader/read_recording.py "$cut-2" caps | cut -f 2-) \
        <(tests/reader/read_recording.py "$work/recording-4-killed.new" caps | awk '$1 >= 7 && $1 <= 15' | cut -f 2-)
}
check "what is cut keeps its numbers" whole_cut

build/host/odd_recordings "$work" || exit 1
check "one of 64 bits" same "$work/wide.capdb"

# A merge comes every two seconds, so the recorder is killed right behind a snapshot; the rest is in the tail.
snapshots_of() { $capdb sql "$1" "SELECT count(*) FROM snapshots" 2>/dev/null | tail -n 1; }
has_snapshots() { [ "$(snapshots_of "$1")" -ge "$2" ]; }
killed() { # recording
    for count in 30 60 90; do
        $capdb record "monitor:unix:$work/monitor.sock" "$1" --every 0.1 --patience 60 >"$work/record.log" 2>&1 &
        recorder=$!
        wait_for 120 has_snapshots "$1" $count
        kill -KILL $recorder
        wait $recorder 2>/dev/null
        make_plain "$1" && return
    done
    cat "$work/record.log"
    return 1
}
boot build/arm/debug/image-demo-leaky.elf || exit 1
check "a killed recorder leaves changes of capabilities in the tail" killed "$work/killed.capdb"
halt_machine
check "what waits in the tail" same "$work/killed.capdb"

# A reader that finds nothing wrong with anything would be none.
altered() {
    cp "$work/recording-4.new" "$work/altered.capdb"
    python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("UPDATE cap_word SET rights = 15 - rights WHERE id = 1")' "$work/altered.capdb"
    ! diff <(tests/reader/read_recording.py "$work/altered.capdb" caps) \
        <(tests/reader/read_recording.py "$work/recording-4.new" caps) >/dev/null
}
check "what is altered is read otherwise" altered

# docs/database.md: from the first snapshot of the tail on other programs see what was merged.
merged() { # recording
    python3 - "$1" <<'PYTHON'
import subprocess, sqlite3, sys

db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
first, = db.execute("SELECT min(t) FROM tail").fetchone()
here = db.execute("SELECT n, cap, slot FROM caps ORDER BY n, pos").fetchall()
told = subprocess.run(["build/host/capdb", "sql", sys.argv[1], "SELECT n, cap, +slot FROM caps ORDER BY n, pos"],
                      capture_output=True, text=True, check=True).stdout.splitlines()[1:]
told = [tuple(map(int, line.split("\t"))) for line in told]
before = [[row for row in rows if row[0] < first] for rows in (here, told)]
sys.exit(not (first and before[0] == before[1] and here != told))
PYTHON
}
check "other programs see what was merged" merged "$work/killed.capdb"
plan
