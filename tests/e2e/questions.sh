#!/usr/bin/env bash
# The analyst's surface, asked of a recorded demo with planted faults: each question of
# docs/database.md with its answer, owners as `owner` tells them, times and ranges, who reaches what,
# and manners: help, nearest names, options that mean nothing, verdicts as one object.
set -uo pipefail
source "$(dirname "$0")/ask.bash"

has_revoked() { [ "$($capdb live "$monitor" "SELECT count(*) FROM caps WHERE domain = 'guest'" | tail -1)" -gt 20 ]; }

boot build/arm/debug/image-demo-leaky.elf
check "the demo is up" wait_for 120 demo_is_up
check "its guest has made what it makes" wait_for 120 has_revoked
check "it is recorded" timeout 120 $capdb record "$monitor" "$run" --every 0.3 --count 12

# --- a running system, statement by statement -------------------------------------------------------

asked() { for _ in $(seq 20); do echo "$1;"; done | $capdb live "$monitor" | grep '^[0-9]' | sort -u; } # different answers to one question
check "each statement of a session has a sample of its own" bash -c "$(declare -f asked); capdb=$capdb monitor=$monitor; [ \$(asked 'SELECT ticks FROM snapshots' | wc -l) -gt 1 ]"
check "and one statement has one" equal 1 "$(asked "SELECT (SELECT seq FROM snapshot) = (SELECT max(seq) FROM snapshot JOIN caps USING (n)) AS one")"
check "an error in one does not end the others" bash -c "printf 'SELECT nothing;\nSELECT count(*) AS c\n FROM threads' | $capdb live $monitor 2>/dev/null | grep -q '^[1-9]'"
check "but is in the exit status" bash -c "printf 'SELECT nothing;\n' | $capdb live $monitor 2>/dev/null; [ \$? = 2 ]"
check "a line may have several, comments, and semicolons in texts" equal "1 ;; 7" \
    "$(printf "SELECT 1; SELECT ';;' -- and; so on\n; -- on\n/* a; */ SELECT 7; -- end" | $capdb live "$monitor" 2>&1 | sed -n 2~2p | tr '\n' ' ' | sed 's/ $//')"
check "a statement may end with a comment" exits 0 $capdb live "$monitor" "SELECT 1; -- done"
check "and is one" complains "one SELECT statement is expected" $capdb live "$monitor" "SELECT 1; /* */ SELECT 2"
check "who does not answer is named, also when nothing of it is asked" complains "nowhere: No such file" $capdb live "monitor:unix:$work/nowhere" "SELECT 1"
check "and when something is" complains "nowhere: No such file" $capdb live "monitor:unix:$work/nowhere" "SELECT * FROM threads"
check "nothing is written through it" complains "may not be modified" $capdb live "$monitor" "DELETE FROM cap_row"
halt_machine

# What the halted machine's memory shows, and a recording of it.
live_is_as_recorded() {
    local view views n=0
    $capdb record "ram:$work/ram" "$work/once.capdb" --count 1 >/dev/null || return
    views=$(sed -n 's/^CREATE VIEW \([a-z_]*\) .*/\1/p' capdb/schema.sql)
    for view in $views breaches; do
        [ "$view" != snapshots ] || continue # has the time
        diff <($capdb live "ram:$work/ram" "SELECT * FROM $view" | sort) <($capdb sql "$work/once.capdb" "SELECT * FROM $view" | sort) || { echo "$view"; return 1; }
        n=$((n + 1))
    done
    more $n 20
}
check "its views are those of a recording" live_is_as_recorded

# --- the questions of the page ---------------------------------------------------------------------

cat >"$work/ask.py" <<'PYTHON'
import re, subprocess, sys

capdb, run = sys.argv[1:]
page = open("docs/database.md", encoding="utf-8").read()
part = page[page.index("\n## Questions") : page.index("\n## Events")]
questions = re.findall(r"^(\S.*\?)[^\n]*\n\n((?:    .*\n)+)", part, re.M)
# What a run of this demo need not have.
MAY_BE_EMPTY = ("two domains reach", "came and went", "derives from", "belongs to nobody", "handed guest", "changed hands",
                "written and executed", "became of one", "Since when", "same address")
bad = 0
for question, sql in questions:
    done = subprocess.run([capdb, "sql", run, sql], capture_output=True, text=True)
    rows = len(done.stdout.splitlines()) - 1
    if done.returncode != 0 or (rows < 1 and not any(word in question for word in MAY_BE_EMPTY)):
        print(f"{question} exit {done.returncode}, {rows} rows {done.stderr}")
        bad += 1
if len(questions) < 20 or bad:
    sys.exit(f"{len(questions)} questions, {bad} without an answer")
PYTHON
check "twenty questions of docs/database.md have answers" python3 "$work/ask.py" $capdb "$run"

# Objects of every type, each by the view and by the command.
owners_agree() {
    local object type domain told count=0
    while IFS=$'\t' read -r object type domain; do
        told=$($capdb owner "$run" "$object" --at 4 --json | python3 -c 'import json,sys; print([r for r in json.load(sys.stdin) if "'"$domain"'" in json.dumps(r)] != [])')
        [ "$told" = True ] || { echo "$type $object: the view matches $domain"; return 1; }
        count=$((count + 1))
    done < <($capdb sql "$run" "SELECT object, type, domain FROM owners WHERE n = 4 AND domain IS NOT NULL AND type NOT IN ('untyped', 'irqhandler') AND object > 0 GROUP BY type, domain" | tail -n +2)
    [ $count -ge 8 ] || { echo "only $count objects"; return 1; }
}
check "the view of owners and the command agree" owners_agree
check "the planted faults are crossings" matches "critical	guest	cnode" $capdb sql "$run" \
    "SELECT domain, owner, type FROM crossings WHERE n = 4"
check "a crossing has the type of the capability" equal "$($capdb sql "$run" "SELECT DISTINCT x.cap, c.type FROM crossings x JOIN caps c USING (n, cap) WHERE n = 4")" \
    "$($capdb sql "$run" "SELECT DISTINCT cap, type FROM crossings WHERE n = 4")"

printf 'guest/* visitors\n' >"$work/rules"
check "more columns than are shown are refused" complains "76 columns, and 64 are the most" $capdb sql "$run" \
    "SELECT * FROM caps a, caps b, caps c, caps d LIMIT 1"
check "a path to itself says so" says "from guest to guest is no step" $capdb path "$run" guest guest
check "sql --domains applies the file" matches "^visitors$" $capdb sql "$run" --domains "$work/rules" "SELECT DISTINCT domain FROM caps WHERE n = 4"
check "and leaves no name of before" matches "^0$" $capdb sql "$run" --domains "$work/rules" "SELECT count(*) FROM caps WHERE domain = 'guest'"
printf 'guest/*\n' >"$work/wrong"
check "a fault in the file has its place" complains "line 1" $capdb sql "$run" --domains "$work/wrong" "SELECT 1"

# --- times and ranges ------------------------------------------------------------------------------

taken=$($capdb sql "$run" "SELECT strftime('%H:%M:%S', taken) FROM snapshots WHERE n = 1" | tail -1)
last_of_second=$($capdb sql "$run" "SELECT max(n) FROM snapshots WHERE strftime('%H:%M:%S', taken) = '$taken'" | tail -1)
check "a time of day is the newest snapshot of that second" matches "in snapshot $last_of_second;" $capdb check "$run" --at "$taken"
check "a time with its date, too" matches "in snapshot $last_of_second;" $capdb check "$run" --at "$(date -u +%Y-%m-%d)T$taken"
check "a time before the end" matches "in snapshot 12;" $capdb check "$run" --at -0s
check "a time outside the recording is refused" complains "lies outside the recording" $capdb threads "$run" --at -2h
check "so is a date before it" complains "lies outside the recording" $capdb threads "$run" --at 2001-01-01T00:00:00
check "and what is no time" complains "neither a snapshot nor a time" $capdb threads "$run" --at 25:00
check "a range" matches "in snapshots 3 to 5;" $capdb check "$run" --from 3 --to 5
check "a range ends where the recording does" matches "in snapshots 10 to 12;" $capdb check "$run" --from 10
# Each view in a range: the rows that it has of these snapshots without one, told alike.
cat >"$work/ranges.py" <<'PYTHON'
import json, re, subprocess, sys

capdb, run, first, last = sys.argv[1:]
views = re.findall(r"^CREATE VIEW (\w+)", open("capdb/schema.sql", encoding="utf-8").read(), re.M)


def ask(sql, *options):
    done = subprocess.run([capdb, "sql", run, sql, "--json", *options], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


rows = []
of_events = {r["row"]: r["n"] for r in ask("SELECT row, n FROM event")}


def is_inside(row):
    begin = row.get("n") or row.get("first") or of_events.get(row.get("first_row"), 0)
    end = row.get("n") or row["last"] if "last" in row or "n" in row else of_events.get(row.get("last_row"))
    return begin <= int(last) and (end is None or end >= int(first))


for view in views:
    whole = ask(f"SELECT * FROM {view}")
    part = ask(f"SELECT * FROM {view}", "--from", first, "--to", last)
    if sorted(map(json.dumps, part)) != sorted(map(json.dumps, filter(is_inside, whole))):
        sys.exit(f"{view}: {len(part)} rows of {len(whole)}, {sum(map(is_inside, whole))} expected")
    rows += part
if not rows:
    sys.exit("no rows")
PYTHON
check "views of a range are parts of the views" python3 "$work/ranges.py" $capdb "$run" 3 5
check "also of its end" python3 "$work/ranges.py" $capdb "$run" 12 12
check "revocations of a range have their numbers" equal "$($capdb revokes "$run" --from 3 --to 5 | cut -f 1-3)" \
    "$($capdb sql "$run" --from 3 --to 5 "SELECT revoke, first, last FROM revokes")"
for old in format1 recording-1 recording-2; do
    gunzip -c "tests/fixtures/$old.capdb.gz" >"$work/$old.capdb"
    check "and of $old" python3 "$work/ranges.py" $capdb "$work/$old.capdb" 2 3
done
check "from a snapshot on, with the events behind the last one" equal \
    "$($capdb sql "$run" "SELECT count(*) FROM events WHERE n >= 12")" "$($capdb sql "$run" --from 12 "SELECT count(*) FROM events")"

check "a range that ends before it begins is refused" complains "ends before it begins" $capdb check "$run" --from 5 --to 3
check "a difference between two times" exits 0 $capdb diff "$run" "$taken" -- -0s
check "is that of the snapshots they name" equal "$($capdb diff "$run" "$last_of_second" 12)" "$($capdb diff "$run" -- "$taken" -0s)"
check "a range of time begins with it" equal "$($capdb diff "$run" 1 12)" "$($capdb diff "$run" --from "$taken" --to -0s)"
check "a report of a range" exits 0 $capdb report "$run" --from 3 --to 5 -o "$work/range.html"
check "tells of that many snapshots" grep -q ">3 snapshots:" "$work/range.html"

# --- who reaches what ------------------------------------------------------------------------------

cnode=$($capdb sql "$run" "SELECT object FROM crossings WHERE n = 12 AND type = 'cnode' LIMIT 1" | tail -1)
check "who can reach the shared CNode: critical" matches "^critical	" $capdb who-can-reach "$run" "cnode:$cnode"
check "and guest" matches "^guest	" $capdb who-can-reach "$run" "cnode:$cnode"
check "guest can reach driver's thread" matches "driver/server" $capdb what-can-it-reach "$run" guest
check "each that is reached is found from the other side" matches "guest/init" $capdb who-can-reach "$run" thread:driver/server

# --- manners ---------------------------------------------------------------------------------------

helps() {
    local command
    for command in $($capdb --help | sed -n 's/^  capdb \([a-z-]*\).*/\1/p'); do
        matches "^example:" $capdb "$command" --help && matches "^    capdb $command " $capdb "$command" --help || return 1
    done
}
check "each command has help with an example" helps
check "a letter that is no option is named" complains "no option -2" $capdb diff "$run" 3 -2s
check "the nearest option is named" complains "did you mean --every?" $capdb record --eveyr 1 a b
check "the nearest command is named" complains "did you mean threads?" $capdb thraeds "$run"
check "the nearest name, too" complains "the nearest is guest" $capdb can "$run" gest write driver
check "an option that means nothing is refused" complains "threads takes no --strict" $capdb threads "$run" --strict
for command in "cut $run $work/cut.capdb" "compact $run" "upgrade $run $work/upgraded.capdb" "report $run -o $work/page.html"; do
    check "--json means nothing to ${command%% *}" complains "${command%% *} takes no --json" $capdb $command --json
done
check "nor --domains to publish" complains "publish takes no --domains" $capdb publish "$run" postgresql:///x --domains "$work/rules"
check "options that exclude each other are refused" complains "exclude each other" $capdb check "$run" --all --at 3
object() { # PYTHON-CONDITION on d, command...
    local condition=$1
    shift
    { "$@" --json 2>/dev/null || true; } | python3 -c "import json,sys; d=json.load(sys.stdin); sys.exit(not ($condition))"
}
check "check gives one verdict object" object \
    "d['verdict']=='breached' and d['managers']==['rootserver'] and d['counts']['breaches']==sum(b['weight']=='breach' for b in d['breaches'])>0" \
    $capdb check "$run"
check "can gives its witness" object "d['verdict']=='could gain' and len(d['witness'])>1" $capdb can "$run" guest control critical
completes() { # WANTED WORD...
    bash -c 'source docs/capdb.bash-completion; PATH=$PWD/build/host:$PATH; wanted=$1; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _capdb; printf "%s\n" "${COMPREPLY[@]}" | grep -qx -- "$wanted"' _ "$@"
}
check "bash completes commands" completes who-can-reach capdb who
check "and the options of a command" completes --format capdb export run.capdb --f
check "and no other's" bash -c '! "$@"' _ bash -c "$(declare -f completes); completes --every capdb export run.capdb --e"
# --- two commands say the same -----------------------------------------------------------------------------

root_frame() { ask "$run" "SELECT printf('frame:0x%x', object) FROM caps WHERE n = 12 AND domain = 'rootserver' AND type = 'frame' AND object IN (SELECT frame FROM mappings WHERE n = 12) LIMIT 1"; }
mapped_by() { $capdb "$1" "$run" "$2" | awk -F'\t' -v at="$3" '$at == "mapping" { print $(at + 1) }' | sort -u; }
same_mappers() { local frame; frame=$(root_frame) && [ -n "$frame" ] && equal "$(mapped_by owner "$frame" 1)" "$(mapped_by history "$frame" 3)" && equal rootserver "$(mapped_by owner "$frame" 1)"; }
check "owner and history name the same space of a manager's frame" same_mappers

# --- what stands at one address --------------------------------------------------------------------------

no_frame_is_stale() {
    gzip -dc tests/fixtures/demo-leaky.capdb.gz >"$work/kept.capdb"
    $capdb diff "$work/kept.capdb" 1 11 >"$work/changes"
    grep -q 'frame 0x.* at 0x' "$work/changes" && ! grep stale "$work/changes"
}
check "a mapped frame is not called stale for lack of its mappings" no_frame_is_stale
# Each subtree as it stands in the whole tree, which is loaded otherwise.
subtrees_are_parts() {
    local slot
    $capdb cdt "$work/kept.capdb" >"$work/tree"
    for slot in $(awk -F'\t' 'NR > 1 && NR % 3 == 0 { print $3 }' "$work/tree"); do
        diff <($capdb cdt "$work/kept.capdb" "slot:$slot") <(awk -F'\t' -v slot="$slot" 'NR == 1 { print; next }
            $3 == slot { inside = 1; depth = $2; print; next } inside && $2 <= depth { inside = 0 } inside' "$work/tree") || return 1
    done
}
check "a subtree is as in the whole tree" subtrees_are_parts
untyped_there() { $capdb fit "$run" 4096 | awk -F'\t' 'NR > 1 { print $1; exit }'; }
check "an address names the untyped memory there" matches "^answer	done" $capdb retype "$run" "$(untyped_there)" frame 4K
check "objects of several sizes want one" complains "has several sizes" $capdb retype "$run" "$(untyped_there)" frame

# --- tables on a terminal --------------------------------------------------------------------------------

on_terminal() { # COLUMNS COMMAND...: what it shows there is in $work/shown
    TERM=xterm script -qec "stty cols $1; ${*:2}" /dev/null >"$work/shown" </dev/null
    [ -s "$work/shown" ]
}
fits() { # COLUMNS COMMAND...: no line is wider, no address is parted
    on_terminal "$@"
    python3 - "$1" "$work/shown" <<'PYTHON'
import re
import sys

lines = re.sub(r"\x1b\[[0-9;]*m", "", open(sys.argv[2], encoding="utf-8").read()).splitlines()
wide = [line for line in lines if len(line) > int(sys.argv[1])]
parted = [line for line in lines if re.search(r"0x[0-9a-f]{1,6}( |$)", line)]
if len(lines) < 5 or wide or parted:
    sys.exit("\n".join(wide + parted) or "no table")
PYTHON
}
plain() { NO_COLOR=1 on_terminal 100 "$@" && ! grep -q $'\x1b' "$work/shown"; }
coloured() { on_terminal 100 "$@" && grep -q $'\x1b' "$work/shown"; }
# Snapshots are moments; events tell of what is between them.
gunzip -c tests/fixtures/demo-leaky.capdb.gz >"$work/leaky.capdb"
check "who acted between snapshots that show it alike has run" matches \
    "	but it ran between them: what it did last is event 750, tick [0-9]+ .reply." $capdb why-not-running "$work/leaky.capdb" guest/worker
check "who did not is not said to have" bash -c "! $capdb why-not-running $work/leaky.capdb driver/timer | grep 'ran between'"
check "a table of threads fits 100 columns" fits 100 $capdb threads "$run"
check "a table of long sentences fits 150" fits 150 $capdb check "$run"
check "a derivation tree fits 100" fits 100 $capdb cdt "$run"
for command in "threads $run" "check $run" "check $run --all" "cdt $run" "untyped $run" "domains $run" "snapshots $run" "info $run" \
    "revokes $run" "compare $run@1 $run" "leak $run"; do
    check "${command%% /*} fits 80, in as many blocks as that takes" fits 80 "$capdb $command 2>/dev/null"
done
# What stands in the blocks is what stands in the lines without a terminal: the first column, which begins each
# row of a block, and all others once.
same_in_blocks() { # same_in_blocks COMMAND...
    on_terminal 80 "$@" && "$@" >"$work/lines" && python3 - "$work/shown" "$work/lines" <<'PYTHON'
import re
import sys

text = re.sub(r"\x1b\[[0-9;]*m", "", open(sys.argv[1], encoding="utf-8").read().replace("\r", ""))
blocks = [[line.split() for line in block.splitlines()] for block in text.strip().split("\n\n")]
rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[2], encoding="utf-8")]
if len(blocks) < 2:
    sys.exit("one block")
for number, row in enumerate(rows):
    drawn = [row[0]] + [word for block in blocks for word in block[number][1:]]
    if drawn != row:
        sys.exit("%r is drawn as %r" % (row, drawn))
PYTHON
}
check "blocks leave nothing out" same_in_blocks $capdb snapshots "$run"
check "its head is coloured" coloured $capdb threads "$run"
check "but not with NO_COLOR" plain $capdb threads "$run"
plan
