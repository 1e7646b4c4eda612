#!/usr/bin/env bash
# Reading never writes: every command that reads gives the answer it always gives, or a sentence, on a
# full disk, in a folder nobody may write to, as another user, beside the -wal of another file, and
# while another program holds the file locked; and nothing in the folder changes.  A recorder that
# finds the file locked goes on when it can, and what it acknowledged is there.
#
# LOCK_SECONDS says how long the lock is held (5).
set -uo pipefail
source "$(dirname "$0")/lib.bash"

LOCK_SECONDS=${LOCK_SECONDS:-5}
other=65534 # whoever that is
tools=$work/tools
odd=$work/odd
mkdir -p "$tools" "$odd"
chmod 755 "$work" "$tools" "$odd"
cp build/host/capdb tests/e2e/commands.py "$tools"
printf '#!/bin/sh\nulimit -f 0\nexec "%s" "$@"\n' "$tools/capdb" >"$tools/capped"
chmod 755 "$tools/capped"
build/host/odd_recordings "$odd" || exit 1

answers() { python3 "$tools/commands.py" "$tools/${2:-capdb}" answers "$1"; } # RUN [PROGRAM]

# copy NAME FOLDER: a recording with what stands beside it, under the name run.capdb
copy() {
    mkdir -p "$2"
    for tail in '' -wal -shm; do
        [ ! -e "$odd/$1.capdb$tail" ] || cp "$odd/$1.capdb$tail" "$2/run.capdb$tail"
    done
}

folder_of() { (cd "$1" && stat -c '%n %s %y %i' . * && sha256sum -- *); }

# same FOLDER COMMAND...: what it prints are the answers of $work/right, and the folder is as before
same() {
    local folder=$1 before
    shift
    before=$(folder_of "$folder")
    "$@" >"$work/answers" 2>&1
    diff "$work/right" "$work/answers" || return 1
    [ "$before" = "$(folder_of "$folder")" ] || { echo "the folder changed"; folder_of "$folder"; return 1; }
}

export tools work
export -f answers
for name in whole unclosed; do
    here=$work/here-$name
    copy $name "$here"
    answers "$here/run.capdb" >"$work/right"
    check "$name: the commands answer" test "$(grep -c 'exit [01]' "$work/right")" -gt 25
    check "$name: and answer the same again, changing nothing" same "$here" answers "$here/run.capdb"

    check "$name: no file may grow by a byte" same "$here" answers "$here/run.capdb" capped

    if unshare -m true 2>/dev/null; then
        full() {
            unshare -m bash -c "mount -t tmpfs -o size=2m none $work/mnt && cp $here/run.capdb* $work/mnt/
                cat /dev/zero >$work/mnt/fill 2>/dev/null
                [ \$(df --output=avail $work/mnt | tail -1) = 0 ] || echo the disk is not full
                answers $work/mnt/run.capdb"
        }
        mkdir -p "$work/mnt"
        check "$name: on a disk that is full" same "$here" full
        check "$name: on a disk that is mounted to be read only" same "$here" \
            unshare -m bash -c "mount --bind $here $work/mnt && mount -o remount,bind,ro $work/mnt && answers $work/mnt/run.capdb"
    else
        echo "# this machine lets nobody mount: full and read-only disks are not tried"
    fi

    if [ "$(id -u)" = 0 ]; then
        chmod 555 "$here"
        chmod 444 "$here"/*
        check "$name: another user, where nobody may write" same "$here" \
            setpriv --reuid $other --regid $other --clear-groups bash -c "answers $here/run.capdb"
        chmod 000 "$here"/run.capdb
        check "$name: who may not read it is told" bash -c "
            setpriv --reuid $other --regid $other --clear-groups $tools/capdb check $here/run.capdb 2>&1 | grep -q 'Permission denied'"
        chmod 644 "$here"/*
        chmod 755 "$here"
    else
        chmod 555 "$here"
        check "$name: in a folder that may not be written" same "$here" answers "$here/run.capdb"
        chmod 755 "$here"
    fi

    # the lock of a browser that has begun to write
    python3 - "$here/run.capdb" "$work/locked" "$work/go" <<'PY' &
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=DELETE") if not os.path.exists(sys.argv[1] + "-wal") else None
db.execute("BEGIN EXCLUSIVE")
open(sys.argv[2], "w").close()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
db.execute("ROLLBACK")
PY
    locker=$!
    wait_for 120 test -e "$work/locked"
    check "$name: somebody holds an exclusive lock" same "$here" answers "$here/run.capdb"
    check "$name: and holds it still" kill -0 $locker
    touch "$work/go"
    wait $locker
    rm -f "$work/locked" "$work/go"
done

# --- the -wal of somebody else -------------------------------------------------------------------------

here=$work/stray
copy whole "$here"
answers "$here/run.capdb" >"$work/right"
cp "$odd/unclosed.capdb-wal" "$here/run.capdb-wal"
check "the -wal of another file is no part of it" same "$here" answers "$here/run.capdb"
head -c 5000 /dev/urandom >"$here/run.capdb-wal"
check "nor is what is no -wal at all" same "$here" answers "$here/run.capdb"

# --- a recorder and a lock ------------------------------------------------------------------------------

boot build/arm/debug/image-demo-healthy.elf
monitor=monitor:unix:$work/monitor.sock
capdb=$tools/capdb
count() { $capdb sql "$work/run.capdb" "SELECT count(*) FROM snapshots" | tail -1; }
more_than() { [ "$(count)" -gt "$1" ]; }
check "the demo runs" wait_for 60 bash -c "$capdb live $monitor 'SELECT count(DISTINCT domain) FROM threads' | tail -1 | grep -q '^4\$'"
$capdb record "$monitor" "$work/run.capdb" --every 0.1 >"$work/said" 2>&1 &
recorder=$!
check "a recorder records" wait_for 120 more_than 3
python3 - "$work/run.capdb" "$work/locked" "$LOCK_SECONDS" <<'PY' &
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
time.sleep(float(sys.argv[3]))
db.execute("ROLLBACK")
PY
locker=$!
wait_for 120 test -e "$work/locked"
before=$(count)
check "readers answer meanwhile" $capdb domains "$work/run.capdb"
wait $locker
check "when the lock is gone it records on" wait_for 120 more_than $((before + 3))
kill -INT $recorder
wait $recorder
check "and ends well" test $? = 0
check "each snapshot that it acknowledged is there" bash -c "[ \$(grep -oE '[0-9]+ snapshots recorded' $work/said | grep -oE '^[0-9]+') = $(count) ]"
check "as it was recorded" $capdb verify "$work/run.capdb"

# --- two at once, and one that is refused ------------------------------------------------------------------

# Of two that begin a file at the same time one makes it, and the other says by whom.
one_of_two() {
    local i first
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        rm -f "$work/two.capdb"
        $capdb record "ram:$work/ram" "$work/two.capdb" --every 0.1 2>"$work/first.said" &
        first=$!
        $capdb record "ram:$work/ram" "$work/two.capdb" --every 0.1 2>"$work/second.said" &
        recorder=$!
        wait -n $first $recorder
        [ $? = 2 ] || { echo "the loser's exit"; return 1; }
        kill -INT $first $recorder 2>/dev/null
        wait $first $recorder
        grep -qhE 'two.capdb: is being recorded by process [0-9]+, which records ram:' "$work/first.said" "$work/second.said" ||
            { cat "$work/first.said" "$work/second.said"; return 1; }
    done
}
check "of two recorders of one new file the loser says by whom it is recorded" one_of_two
rows() { sqlite3 "$1" 'SELECT count(*) FROM source; SELECT count(*) FROM event; SELECT count(*) FROM rule_set; SELECT count(*), max(entry) FROM ledger'; }
refused_by() { # COMMAND...: which leaves no row
    local before
    before=$(rows "$work/run.capdb")
    timeout 60 "$@" 2>"$work/said"
    [ $? = 2 ] || { cat "$work/said"; return 1; }
    [ "$before" = "$(rows "$work/run.capdb")" ] || { echo "$before"; rows "$work/run.capdb"; return 1; }
}
check "a door that has no live line is refused, and leaves nothing" refused_by $capdb record "ram:$work/ram" "$work/run.capdb" --same-machine --events
check "nor a file where there was none" bash -c "! timeout 60 $capdb record ram:$work/ram $work/none.capdb --events && ! ls $work/none.capdb*"
printf 'guest* island\n' >"$work/rules"
gunzip -c tests/fixtures/why-a64.capdb.gz >"$work/run.capdb"
check "another kernel is refused, and leaves nothing" refused_by $capdb record "ram:$work/ram" "$work/run.capdb" --same-machine --domains "$work/rules"
check "it is told of both" grep -q 'is of the kernel .* on .*; this machine runs' "$work/said"
check "through its live line, too" refused_by $capdb record "$monitor" "$work/run.capdb" --domains "$work/rules"
halt_machine

# --- a file that lost its end ------------------------------------------------------------------------------

cut_by() { # BYTES: no command answers from what is left
    gzip -dc tests/fixtures/demo-leaky.capdb.gz | head -c "-$1" >"$work/cut.capdb"
    for question in check threads verify "owner 0x82414000" "sql SELECT\ 1"; do
        eval "set -- $question"
        "$capdb" "$1" "$work/cut.capdb" "${@:2}" >"$work/cut.out" 2>"$work/cut.said"
        [ $? = 2 ] && grep -q 'cut off: pages at its end are missing$' "$work/cut.said" ||
            { echo "$question"; cat "$work/cut.out" "$work/cut.said"; return 1; }
    done
}
check "a recording that is one byte short is told by every command" cut_by 1
check "and one that lost half of its last page" cut_by 2048
check "and one that lost ten pages" cut_by 40960
names_are_escaped() { ! "$capdb" check "$work/"$'\e[31mx' 2>"$work/cut.said" && ! grep -q $'\e' "$work/cut.said" && grep -qF 'x1b[31mx' "$work/cut.said"; }
check "what was typed is shown as no terminal obeys it" names_are_escaped
plan
