#!/usr/bin/env bash
# Files that are given to read and to make: a pipe without a writer ends with a sentence, pipes and
# <(...) are read where text is; what a command makes bears its name only once it is whole, whatever
# ends the command; which snapshot is meant is said once.  No target but a silent one.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=$PWD/build/host/capdb
inspector=$PWD/build/host/inspector-tui
gzip -dc tests/fixtures/demo-leaky.capdb.gz >"$work/old.capdb"
$capdb upgrade "$work/old.capdb" "$work/run.capdb" 2>/dev/null || exit 1
build/host/record_many "$work/big.capdb" 8 2000 >/dev/null || exit 1
cd "$work" || exit 1
$capdb policy run.capdb >policy
$capdb export run.capdb --format capdl >design.cdl
printf 'guest* island\n' >rules
mkfifo pipe
gcc -std=gnu11 -D_GNU_SOURCE -shared -fPIC -O1 -o end_before.so "$OLDPWD/tests/tools/end_before.c" || exit 1

# says STATUS SENTENCE COMMAND...: within half a minute
says() {
    local status=$1 wanted=$2
    shift 2
    timeout 30 "$@" >said 2>&1
    local is=$?
    [ $is = "$status" ] && grep -qF -- "$wanted" said || { echo "exit $is"; head -5 said; return 1; }
}

# --- what stands in a file and is not read --------------------------------------------------------

cat >forge.py <<'PYTHON'
import re, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for i, view in enumerate(re.findall(r"^CREATE VIEW (\w+)", open(sys.argv[2]).read(), re.M)):
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({view})")]
    db.execute(f"DROP VIEW {view}")
    kind = "TABLE" if i % 2 and sys.argv[3] == "tables" else "VIEW"
    db.execute(f"CREATE {kind} {view} AS SELECT " + ", ".join(f"99 AS \"{c}\"" for c in columns))
db.commit()
PYTHON
answers_alike() {
    local view views
    cp run.capdb forged.capdb && python3 forge.py forged.capdb "$OLDPWD/capdb/schema.sql" "$1" || return
    views=$(sed -n 's/^CREATE VIEW \([a-z_]*\) .*/\1/p' "$OLDPWD/capdb/schema.sql")
    for view in $views; do
        $capdb sql run.capdb "SELECT * FROM $view" >honest && $capdb sql forged.capdb "SELECT * FROM $view" | cmp - honest || return
    done
    for asked in "export --format json" revokes "revokes 1" snapshots; do
        # shellcheck disable=SC2086 # words
        set -- $asked
        $capdb "$1" run.capdb "${@:2}" >honest 2>&1
        $capdb "$1" forged.capdb "${@:2}" 2>&1 | sed s/forged/run/ | cmp - honest || return
    done
}
check "no answer comes from views of the file" answers_alike views
check "nor from tables that are called as views" answers_alike tables

# --- files to read --------------------------------------------------------------------------------

nobody='is a pipe into which nobody writes'
check "a pipe without a writer as policy" says 2 "pipe: $nobody" $capdb check run.capdb --policy pipe
check "as rules" says 2 "pipe: $nobody" $capdb domains run.capdb --domains pipe
check "as rules of a recorder, which makes nothing" says 2 "pipe: $nobody" $capdb record ram:nothing new.capdb --domains pipe
check "as a specification" says 2 "pipe: $nobody" $capdb import pipe new.capdb
check "as rules of the inspector" says 2 "pipe: $nobody" script -qec "$inspector run.capdb --domains pipe" /dev/null
# One that has no end holds up neither the one who asked nor a signal.
endless='WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
tmux_socket=$work/tmux
leaves() {
    rm -f left
    tm -f /dev/null new-session -d -s t -x 80 -y 24 "$inspector run.capdb; echo \$? >left; exec cat" || return 1
    wait_for 60 shows ' RECORDING ' && tm send-keys -t t Q && tm send-keys -t t -l "$endless" &&
        tm send-keys -t t Enter && wait_for 60 shows '^the question is being answered' || { tm capture-pane -p -t t; return 1; }
    tm send-keys -t t q
    wait_for 60 test -s left && [ "$(cat left)" = 0 ]
}
tm() { LC_ALL=C.UTF-8 TERM=xterm-256color tmux -S "$tmux_socket" "$@"; }
shows() { tm capture-pane -p -t t | grep -qE -- "$1"; }
check "q leaves the inspector in the middle of a question" leaves
check "as its configuration" says 2 "pipe: $nobody" script -qec "$inspector run.capdb --config pipe" /dev/null
check "as the kernel, which no pipe can be" says 2 'pipe: is not a regular file' $capdb threads ram:policy --kernel pipe
check "as a recording" says 2 'is not a regular file' $capdb check pipe
check "as memory" says 2 'is not a regular file' $capdb check ram:pipe
beside() { # TAIL: a pipe there holds nobody up
    cp run.capdb beside.capdb
    rm -f beside.capdb-*
    mkfifo "beside.capdb$1"
    timeout 30 $capdb check beside.capdb >/dev/null 2>&1
    [ $? != 124 ]
}
check "a pipe in place of the -wal" beside -wal
check "and of the lock" beside -lock
check "nothing was made" bash -c '! ls new.capdb* 2>/dev/null'

check "a policy through <(...)" says 0 'within the policy' $capdb check run.capdb --policy <(cat policy)
counted() {
    $capdb policy run.capdb --all -o all.policy && says 0 "the policy allows 5 breaches of isolation" $capdb check run.capdb --all --policy all.policy &&
        says 1 "5 breaches among" $capdb check run.capdb --all
}
check "what a policy allows over all snapshots is counted as check counts it" counted
check "no snapshot but the first of a range" says 0 "the policy allows 5 breaches of isolation" $capdb check run.capdb --from 2 --to 5 --policy policy
printf 'policy 1\nmanager all\ndomain a\ndomain b\n' >two.policy
printf '* all trusted\n' >nobody
nothing() { ! $capdb check run.capdb --policy two.policy --domains nobody >said 2>&1 && grep -q 'nothing to compare: 0 outside' said && ! grep -q 'within the policy' said; }
check "where nothing could be compared no verdict says that it is within" nothing
check "from one that takes its time" says 0 'within the policy' $capdb check run.capdb --policy <(sleep 1.5; cat policy)
check "through standard input" bash -c "cat policy | $capdb check run.capdb --policy /dev/stdin | grep -q 'within the policy'"
written_late() { (sleep 0.3; cat policy >pipe) & says 0 'within the policy' $capdb check run.capdb --policy pipe; }
check "through a named pipe whose writer comes a little later" written_late
check "rules through a pipe, for two sides" bash -c "$capdb compare run.capdb@1 run.capdb@1 --domains <(cat rules)"
check "a command that failed leaves no empty file to judge by" says 2 "$nobody" $capdb check run.capdb --policy <(false)
check "no rules at all are /dev/null" says 1 BREACHED $capdb check run.capdb --domains /dev/null
check "other devices are refused" says 2 'is not a regular file' $capdb check run.capdb --policy /dev/zero
check "a folder too" says 2 'Is a directory' $capdb check run.capdb --domains .

# --- files to make --------------------------------------------------------------------------------

check "output into a pipe that nobody reads" says 2 'is a pipe that nobody reads' $capdb export run.capdb --format json -o pipe
through_pipe() { cmp <($capdb export run.capdb --format json) <($capdb export run.capdb --format json -o >(cat)); }
check "output into >(...)" through_pipe
appended() { $capdb export run.capdb --format csv >two && $capdb export run.capdb --format csv >one && cmp one two; }
check "output redirected" appended

# ended SIGNAL OUT COMMAND...: ended in the moment before OUT would be there
ended() {
    local signal=$1 out=$2 status
    shift 2
    rm -f "$out" "$out"-partial*
    END_SIGNAL=$(kill -l "$signal") LD_PRELOAD=$work/end_before.so "$@" >/dev/null 2>&1
    status=$?
    [ $status = $((128 + $(kill -l "$signal"))) ] || { echo "exit $status"; return 1; }
    [ ! -e "$out" ] || { echo "$out is there"; return 1; }
    if [ "$signal" = KILL ]; then [ -s "$out-partial" ]; else ! ls "$out"-partial* 2>/dev/null; fi
}
made() { "${@:2}" >/dev/null 2>said && [ -s "$1" ] && ! ls "$1"-partial* 2>/dev/null; }
cases=("cut big.capdb part.capdb" "upgrade big.capdb new.capdb" "import big.cdl design.capdb"
    "export big.capdb --format json -o big.json" "export big.capdb --format capdl -o big.cdl2"
    "report big.capdb -o big.html" "policy big.capdb --all -o big.policy")
outs=(part.capdb new.capdb design.capdb big.json big.cdl2 big.html big.policy)
$capdb export big.capdb --format capdl -o big.cdl
for i in "${!cases[@]}"; do
    read -ra words <<<"${cases[$i]}"
    check "kill -9 during ${words[0]} leaves nothing called ${outs[$i]}" ended KILL "${outs[$i]}" $capdb "${words[@]}"
    check "the next ${words[0]} replaces what was left" made "${outs[$i]}" $capdb "${words[@]}"
    check "SIGTERM during ${words[0]} leaves nothing at all" ended TERM "${outs[$i]}" $capdb "${words[@]}"
done
check "what is cut is whole" bash -c "$capdb cut big.capdb part.capdb && $capdb verify part.capdb"
check "what there is already is not overwritten" says 2 'exists already' $capdb cut run.capdb part.capdb

# limited BLOCKS COMMAND...: no file becomes larger than so many KiB
printf '%s\n' '#!/bin/bash' 'set -o pipefail' 'k=$1' 'shift' '(ulimit -f "$k"; trap "" XFSZ; "$@" 2>&1) | cat' >limited
chmod +x limited
rm -f small.capdb
check "a lock that cannot be written says why" says 2 'small.capdb: cannot be locked beside it (File too large)' \
    ./limited 0 $capdb cut run.capdb small.capdb
check "so of an import" says 2 'small.capdb: cannot be locked beside it (File too large)' ./limited 0 $capdb import design.cdl small.capdb
check "a cut that cannot be written says of what" says 2 'small.capdb: creating: ' ./limited 16 $capdb cut run.capdb small.capdb
check "and that there is none" says 2 '; small.capdb is not made' ./limited 400 $capdb cut big.capdb small.capdb
check "an answer that cannot be written says where it went" says 2 'stdout: could not be written (No space left on device)' \
    bash -c "$capdb threads run.capdb >/dev/full"
check "and what does not go to standard output, too" says 2 'big.csv: could not be written (File too large)' \
    ./limited 4 $capdb export big.capdb --format csv -o big.csv
check "nothing is left of them" test ! -e small.capdb -a ! -e big.csv

# spared OUT COMMAND...: refused before anything is written, and what is read stays as it was
spared() {
    local out=$1
    shift
    cp run.capdb spared.capdb
    says 2 'nothing is written' "$@" || return 1
    cmp run.capdb spared.capdb || return 1
    [ "$out" = spared.capdb ] || [ ! -s "$out" ] || [ "$out" -ef spared.capdb ]
}
cp run.capdb spared.capdb
ln -s spared.capdb to-spared
ln spared.capdb same-spared
mkdir -p below
for out in spared.capdb to-spared same-spared "$PWD/below/../spared.capdb" spared.capdb-wal spared.capdb-shm spared.capdb-journal; do
    check "policy -o $out spares the recording" spared "$out" $capdb policy spared.capdb -o "$out"
    check "check --junit $out spares the recording" spared "$out" $capdb check spared.capdb@2 --junit "$out"
done
check "report -o spares the recording" spared spared.capdb $capdb report spared.capdb -o spared.capdb
check "export -o spares the recording" spared spared.capdb $capdb export spared.capdb@1 --format trace -o spared.capdb
check "cut spares the recording" spared spared.capdb-wal $capdb cut spared.capdb spared.capdb-wal --to 2
check "upgrade spares the recording" spared spared.capdb-shm $capdb upgrade spared.capdb spared.capdb-shm
check "record spares an image" says 2 'nothing is written' $capdb record ram:design.cdl design.cdl
check "import spares the design" says 2 'nothing is written' $capdb import design.cdl design.cdl
check "the policy is spared, too" says 2 'nothing is written' $capdb check run.capdb --policy policy --junit policy
check "the rules are spared, too" says 2 'nothing is written' $capdb policy run.capdb --domains rules -o rules
check "a file beside the recording is another one" $capdb policy spared.capdb -o spared.capdb-policy
kept() {
    printf 'what was there before\n' >kept && chmod 640 kept
    (ulimit -f 8; $capdb export big.capdb --format json -o kept) 2>said
    [ $? = 2 ] && grep -q 'File too large' said && [ "$(cat kept)" = 'what was there before' ] && ! ls kept-* 2>/dev/null
}
check "output that finds no room leaves what was there, with a sentence" kept
replaced() { ln -sf kept link && $capdb export run.capdb --format csv -o link && [ -L link ] && [ "$(stat -c %a kept)" = 640 ] && grep -q , kept; }
check "output through a link goes where it leads, with the rights that were there" replaced
# With a standard descriptor closed, the next file opened would get its number, and the text with it.
closed() {
    (exec <&- >&- 2>&-; $capdb check run.capdb --policy policy --junit closed.xml)
    [ $? = 2 ] && grep -q 'errors="1"' closed.xml && python3 -c 'import sys, xml.dom.minidom as m; m.parse("closed.xml")'
}
check "an answer without a standard output gets into no file, and fails" closed
same_closed() { (exec <&- >&- 2>&-; $capdb export run.capdb --format json -o three.json) && cmp <($capdb export run.capdb --format json) three.json; }
check "a file is made all the same" same_closed
check "kill -9 during a JUnit report leaves nothing of its name" ended KILL big.xml $capdb check big.capdb --all --policy policy --junit big.xml
check "SIGTERM leaves nothing at all" ended TERM big.xml $capdb check big.capdb --all --policy policy --junit big.xml
junit_kept() {
    printf 'of the last build\n' >junit.xml
    (ulimit -f 1; $capdb check run.capdb --policy policy --junit junit.xml) >/dev/null 2>said
    [ $? = 2 ] && grep -q 'junit.xml.*File too large' said && [ "$(cat junit.xml)" = 'of the last build' ] && ! ls junit.xml-* 2>/dev/null
}
check "a JUnit report that finds no room leaves the last one, and is no pass" junit_kept
check "cut that finds no room says so once" bash -c "(ulimit -f 8; $capdb cut big.capdb small.capdb) 2>said; [ \$? = 2 ] && [ \$(wc -l <said) = 1 ] && ! grep 'are kept' said && ! ls small.capdb* 2>/dev/null"
check "upgrade of today's format says that it is one" says 0 "has today's format already" $capdb upgrade run.capdb again.capdb
check "and of an older one says nothing" bash -c "$capdb upgrade old.capdb newer.capdb 2>said && [ ! -s said ] && $capdb verify newer.capdb"

altered() {
    cp run.capdb altered.capdb
    python3 -c 'import sqlite3
with sqlite3.connect("altered.capdb") as db:
    db.execute("UPDATE cap_version SET data = data + 1 WHERE row = 20")'
    says 2 "altered.capdb: is damaged; capdb verify says where" $capdb upgrade altered.capdb hidden.capdb && ! ls hidden.capdb*
}
check "upgrade does not hide that a recording was altered" altered

# --- which snapshot -------------------------------------------------------------------------------

for other in "--at 4" "--from 4" "--to 4" "--all"; do
    check "run.capdb@3 and $other" says 2 "@3 and ${other% 4} exclude each other" $capdb check run.capdb@3 $other
done
for command in snapshots verify leak-free; do
    [ $command = leak-free ] && continue
    check "$command of one snapshot" says 2 '@3: this command is about the whole recording' $capdb $command run.capdb@3
done
check "history of one snapshot" says 2 'is about the whole recording' $capdb history run.capdb@3 0x8210b000
check "sql of one snapshot" says 2 'is about the whole recording' $capdb sql run.capdb@3 'SELECT 1'
check "cut of one snapshot" says 2 'is about the whole recording' $capdb cut run.capdb@3 other.capdb
check "who over time of one snapshot" says 2 '@3 and --from exclude each other' $capdb who run.capdb@3 0x8210b000 --from 1
check "a range in which nothing was taken" says 2 'no snapshot was taken from 17:13:10 to 17:13:20: snapshot 4 was before, snapshot 5 after' $capdb check run.capdb --from 17:13:10 --to 17:13:20
check "is one snapshot for diff" says 0 'both are snapshot 4: none was taken in between' $capdb diff run.capdb --from 17:13:10 --to 17:13:20
check "a range of times that ends before it begins" says 2 'ends before it begins: from 17:13:20 to 17:13:10' $capdb check run.capdb --from 17:13:20 --to 17:13:10
check "is refused by diff, too" says 2 'ends before it begins: from 17:13:20 to 17:13:10' $capdb diff run.capdb --from 17:13:20 --to 17:13:10
check "and one whose ends are told differently" says 2 'ends before it begins: from 17:13:10 to snapshot 4' $capdb check run.capdb --from 17:13:10 --to 4
check "one second is a range" says 1 'snapshots 4 to 4' $capdb check run.capdb --from 17:13:01 --to 17:13:01
check "--at twice" says 2 '--at is given twice' $capdb check run.capdb --at 3 --at 4
cp run.capdb ruled.capdb
sqlite3 ruled.capdb "INSERT INTO rule_set VALUES (7, 4); INSERT INTO domain_rule VALUES (7, 7, 'guest/*', 'visitor', 0)"
ruled() { says 0 "$1" $capdb diff ruled.capdb "${@:2}"; }
check "diff over a change of rules says so" ruled 'snapshots 3 and 4 were recorded with different rules for domains' 3 4
check "not where both have the new ones" bash -c "$capdb diff ruled.capdb 4 5 2>&1 >/dev/null | grep 'different rules'; [ \${PIPESTATUS[1]} = 1 ]"
check "nor with rules of one's own" bash -c "$capdb diff ruled.capdb 3 4 --domains rules 2>&1 >/dev/null | grep 'different rules'; [ \${PIPESTATUS[1]} = 1 ]"
check "a time behind a recording and --at" says 2 '@17:13:01 and --at exclude each other' $capdb check run.capdb@17:13:01 --at 4
check "and with a command about the whole" says 2 '@-1m: this command is about the whole recording' $capdb verify run.capdb@-1m
check "what is neither a snapshot nor a time" says 2 '@yesterday: neither a snapshot nor a time' $capdb check run.capdb@yesterday
check "a time outside" says 2 '@2020-01-01T00:00 lies outside the recording' $capdb check run.capdb@2020-01-01T00:00
check "behind a file that is not there" says 2 'missing.capdb@17:13: No such file' $capdb check missing.capdb@17:13
for moment in 17:13:01 -5s -0s 2026-11-29T17:13:01Z; do
    check "run.capdb@$moment is --at $moment" bash -c "$capdb cdt run.capdb@$moment >behind; $capdb cdt run.capdb --at $moment | diff behind - && [ -s behind ]"
done
check "each side of compare by its own time" says 1 '38 differences; ' $capdb compare run.capdb@1 run.capdb@-0s
check "run.capdb@3 is its snapshot 3" bash -c "diff <($capdb check run.capdb@3) <($capdb check run.capdb --at 3)"

# --- one object, over time and in one snapshot ----------------------------------------------------

facts() { $capdb "$@" --json | python3 -c 'import json, sys; print(sorted((r["fact"], r["domain"], r["rights"], r["slot"]) for r in json.load(sys.stdin) if r["fact"] in ("holds", "covers", "mapping")))'; }
same_facts() { [ "$(facts "${@:2:2}" "$1" --from 11 --to 11)" = "$(facts "$4" run.capdb "$1" --at 11)" ] || { facts "${@:2:2}" "$1" --from 11 --to 11; facts "$4" run.capdb "$1" --at 11; return 1; }; }
for thing in 0x8210b000 0x8217e000 0x82420000 0x8211e400; do
    check "history and owner tell the same of $thing" same_facts $thing history run.capdb owner
    check "who over time and who tell the same of $thing" same_facts $thing who run.capdb who
done

# --- a target that says nothing -------------------------------------------------------------------

python3 - <<'PY' &
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("silent")
s.listen(16)
time.sleep(60)
PY
silent=$!
wait_for 60 listens silent
at_once() { # COMMAND...: an interrupt ends it, not its deadline, of which it would speak
    timeout -k 30 -s INT 0.5 "$@" >said 2>&1
    [ $? = 124 ] && ! grep -q deadline said || { cat said; return 1; }
}
for door in monitor gdb; do
    check "Ctrl-C before $door has answered ends a recorder" at_once $capdb record $door:unix:silent silent.capdb
    check "and a question" at_once $capdb threads $door:unix:silent
done
kill $silent
wait $silent 2>/dev/null
python3 - <<'PY' &
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("taken")
s.listen(0)
first = socket.socket(socket.AF_UNIX)
first.connect("taken")
time.sleep(60)
PY
taken=$!
wait_for 60 listens taken
check "a line that is taken is said to be" wait_for 60 says 2 'the line is taken, and has no room for another who waits' $capdb threads monitor:unix:taken
kill $taken
wait $taken 2>/dev/null

check "capdb tells its version" says 0 "capdb " $capdb --version
check "inspector-tui too" says 0 "inspector-tui " $inspector --version
plan
