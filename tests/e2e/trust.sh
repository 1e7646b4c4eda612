#!/usr/bin/env bash
# Verdicts on systems that do not keep the demo's conventions: programs that name nothing or call
# themselves like somebody else, root tasks that share everything; and rules of the user, which are
# one set for each snapshot of a recording.
set -uo pipefail
source "$(dirname "$0")/ask.bash"

threads() { $capdb live "$monitor" "SELECT count(*) FROM threads WHERE idle = 0" 2>/dev/null | tail -1; }
has_threads() { [ "$(threads)" = "$1" ]; }
column() { $capdb sql "$run" "$1" | tail -n +2 | tr '\n' ' '; }

# --- names prove nothing ---------------------------------------------------------------------------

boot build/arm/debug/image-nameless.elf
check "the programs are there" wait_for 60 has_threads 5
check "the system is recorded" $capdb record "$monitor" "$run" --every 0 --count 1
check "programs without names are compared" says "among 3 domains, 4 threads" $capdb check "$run"
check "the root task is found whatever it is called" says "trusted managers left out: nobody (1 thread)" \
    $capdb check "$run"
check "who only calls itself so is not trusted" says "nobody (by name)" $capdb domains "$run"
check "the threads at one endpoint are one island" says "isolated: 0 breaches" $capdb check "$run"
check "strictly, the root task joins them all" exits 1 $capdb check "$run" --strict

# --- rules are one set for each snapshot --------------------------------------------------------------

printf '"child of: *" twins\nrootserver lone\nnobody boss trusted\n' >"$work/rules"
printf '"child of: *" twins\n* rest trusted\n' >"$work/others"
printf 'nobody[ boss\n' >"$work/broken"
check "a wrong rule is refused by line and column" says "line 1, column 7: a bracket is opened and not closed" \
    $capdb record "$monitor" "$run" --count 1 --domains "$work/broken"
check "another set of rules is said" says "from snapshot 2 on the domain rules are those of" \
    $capdb record "$monitor" "$run" --every 0 --count 2 --domains "$work/rules"
check "the same set again is not" bash -c "! $capdb record $monitor $run --every 0 --count 1 --domains $work/rules 2>&1 | grep -q 'the domain rules are'"
check "and a third" says "from snapshot 5 on" \
    $capdb record "$monitor" "$run" --every 0 --count 1 --domains "$work/others"
for n in 1 2 4 5; do
    check "sql and domains name the same in snapshot $n" test \
        "$(column "SELECT DISTINCT domain FROM threads WHERE n = $n AND domain IS NOT NULL ORDER BY domain")" = \
        "$($capdb domains "$run" --at $n | tail -n +2 | cut -f1 | sort | tr '\n' ' ')"
done
check "snapshot 2 has the rules' names" says "twins" $capdb domains "$run" --at 2
check "snapshot 1 keeps its own" bash -c "! $capdb domains $run --at 1 | grep -q twins"
check "trust by rule leaves one domain, which is nothing to compare" exits 2 $capdb check "$run" --at 5
check "and says what there was" says "nothing to compare: 1 domain, 2 threads, 3 manager threads left out" \
    $capdb check "$run" --at 5
printf '"child of: *" twins trusted\n* rest\n' >"$work/turned"
$capdb record "$monitor" "$run" --every 0 --count 1 --domains "$work/turned" >/dev/null 2>&1
check "a verdict on all of them names the managers of each" says "rest (1 of 6 snapshots), twins (1 of 6 snapshots)" \
    $capdb check "$run" --all
check "and so do programs hear" says '"rest", "twins"' $capdb check "$run" --all --json
echo "policy 1" >"$work/empty.policy"
check "a verdict by a policy, too" says "rest (1 of 6 snapshots), twins (1 of 6 snapshots)" \
    $capdb check "$run" --all --policy "$work/empty.policy"
check "who was a manager and was none is in no policy" exits 2 $capdb policy "$run" --all
check "which is said" says "is a manager in some snapshots and compared in others" $capdb policy "$run" --all
check "under one set of rules it is one" exits 0 $capdb policy "$run" --all --domains "$work/rules"

# What `owner` says of each snapshot, `history` and `who` say over time: rows of FACT with their domain.
# answers N FACT ARGUMENTS...: of snapshot N, from rows over time
answers() {
    local n=$1 fact=$2
    shift 2
    $capdb "$@" | awk -F'\t' -v n="$n" -v fact="$fact" '$3 == fact && $1 <= n && ($2 == "now" || $2 >= n) { print $4 }'
}
page=$(column "SELECT printf('0x%x', frame) FROM mappings m JOIN threads t ON t.n = m.n AND t.ipc_buffer
       BETWEEN m.vaddr AND m.vaddr + 4095 WHERE m.n = 6 AND t.name LIKE 'child of%' LIMIT 1" | tail -1)
page=${page:-$(column "SELECT printf('0x%x', frame) FROM mappings WHERE n = 6 LIMIT 1" | tail -1)}
agree() {
    local n
    for n in 1 2 5 6; do
        for fact in holds mapping; do
            test "$($capdb owner "$run" "$page" --at $n | awk -F'\t' -v f=$fact '$1 == f { print $2 }')" = \
                "$(answers $n $fact history "$run" "$page")" || { echo "$n $fact $page"; return 1; }
            test "$($capdb owner "$run" "$page" --at $n --domains "$work/rules" | awk -F'\t' -v f=$fact '$1 == f { print $2 }')" = \
                "$(answers $n $fact history "$run" "$page" --domains "$work/rules")" || { echo "$n $fact $page by rules"; return 1; }
            test "$(answers $n $fact who "$run" "$page" --from 1 --domains "$work/rules")" = \
                "$(answers $n $fact history "$run" "$page" --domains "$work/rules")" || { echo "$n $fact $page who"; return 1; }
        done
    done
}
check "rows over time have the domains of each snapshot's rules, or of --domains" agree
check "the recording is as it was recorded" exits 0 $capdb verify "$run"
halt_machine

# --- root tasks that keep everything in one CSpace ------------------------------------------------------

rm -f "$work"/*.sock
boot build/arm/debug/image-hello.elf
check "one thread alone is nothing to compare" wait_for 60 exits 2 $capdb check "$monitor"
halt_machine

rm -f "$work"/*.sock
boot build/arm/debug/image-bench.elf
check "the bench has threads of its own" wait_for 60 bash -c "[ \"\$($capdb live $monitor 'SELECT count(*) FROM threads WHERE idle = 0' | tail -1)\" -gt 1 ]"
check "threads in the root task's own CSpace are not isolated" exits 1 $capdb check "$monitor"
check "because they have authority over it" says "manager" $capdb check "$monitor"
halt_machine

plan
