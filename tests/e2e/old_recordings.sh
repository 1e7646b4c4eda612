#!/usr/bin/env bash
# Recordings and streams of before are read: tests/fixtures holds two recordings of each
# version before today's (one whose recorder was killed) with what capdb answered then, and a snapshot
# of the first packed format.  They answer the same, are not changed, and upgrade makes a new file of each.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
fixtures=tests/fixtures
questions=(
    "SELECT n, ticks, seq, caps, threads, mappings, added, removed, changed, digest FROM snapshots"
    "SELECT n, type, count(*) AS count, sum(bits) AS bits, sum(extra) AS extra FROM caps GROUP BY n, type"
    "SELECT cap, parent, slot, holder, \"index\", domain, type, object, bits, rights, flags, data, extra FROM caps WHERE n = 3 ORDER BY pos"
    "SELECT n, addr, name, domain, state, priority, pc, sp, blocked_on, fault FROM threads ORDER BY n, addr"
    "SELECT n, dir, asid, vaddr, frame, bits, rights, cached, \"table\" FROM mappings WHERE n = 3 ORDER BY dir, vaddr"
    "SELECT n, seq, event, thread, slot, src, type, object, detail FROM events"
)

answers() { # recording
    local question
    for question in "${questions[@]}"; do
        echo "-- $question"
        $capdb sql "$1" "$question" || return 1
    done
}

# Through the commands too, which ask the rebuilt snapshots; whatever words they use.
commands() { # recording
    local command
    for command in domains threads cdt untyped "export --format csv" revokes; do
        echo "-- $command"
        # shellcheck disable=SC2086
        $capdb ${command%% *} "$1" $([ "$command" = "${command#* }" ] || echo "${command#* }") || return 1
    done
}

answers_as_then() { # name
    answers "$work/$1.capdb" >"$work/$1.answers" && diff <(gunzip -c "$fixtures/$1.answers.gz") "$work/$1.answers"
}

unchanged() { # name
    cmp "$work/$1.capdb" <(gunzip -c "$fixtures/$1.capdb.gz") && [ ! -e "$work/$1.capdb-wal" ]
}

# Upgrading gives capabilities numbers and domains anew, by the rules of today.
without_numbers() { # recording
    $capdb sql "$1" "SELECT n, ticks, seq, caps, threads, mappings, digest FROM snapshots" &&
        $capdb sql "$1" "SELECT n, slot, holder, \"index\", type, object, bits, rights, flags,
            data, extra FROM caps ORDER BY n, pos" &&
        $capdb sql "$1" "${questions[3]}" && $capdb sql "$1" "${questions[4]}" &&
        $capdb sql "$1" "${questions[5]}"
}

# A thread that kept the name the kernel gives it had a domain made of that name once.
by_todays_names() {
    sed "s/\tchild of: 'guest\t/\tguest\t/"
}

upgrades() { # name
    $capdb upgrade "$work/$1.capdb" "$work/$1.new" && $capdb verify "$work/$1.new" &&
        diff <(without_numbers "$work/$1.capdb" | by_todays_names) <(without_numbers "$work/$1.new") &&
        diff <(commands "$work/$1.capdb" | by_todays_names) <(commands "$work/$1.new")
}


refuses_to_overwrite() { # name
    ! $capdb upgrade "$work/$1.capdb" "$work/$1.new"
}

# A file that was made of it would have a chain of its own, and hide that.
altered_is_refused() { # name
    cp "$work/$1.capdb" "$work/altered.capdb"
    python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("UPDATE cap_row SET rights = 15 - rights WHERE row = 20")' "$work/altered.capdb" || return 1
    $capdb upgrade "$work/altered.capdb" "$work/altered.new" 2>"$work/said"
    [ $? = 2 ] && grep -q 'is damaged; capdb verify says where' "$work/said" && ! ls "$work"/altered.new*
}

is_newer() { # recording
    [ "$(od -An -tu1 -j63 -N1 "$1" | tr -d ' ')" = 5 ]
}

for name in recording-1 recording-1-killed recording-2 recording-2-killed recording-4 recording-4-killed; do
    gunzip -c "$fixtures/$name.capdb.gz" >"$work/$name.capdb"
    check "$name: verify finds it whole" $capdb verify "$work/$name.capdb"
    check "$name answers as it did then" answers_as_then $name
    check "$name: reading did not change it" unchanged $name
    check "$name: upgrade makes a recording that answers the same" upgrades $name
    check "$name: the new file has the version of today" is_newer "$work/$name.new"
    check "$name: the old one is as it was" unchanged $name
    check "$name: upgrade overwrites nothing" refuses_to_overwrite $name
    check "$name: of what was altered upgrade makes nothing" altered_is_refused $name
done
check "a stream of the first packed format is read by the second reader" \
    tests/reader/read_records.py records $fixtures/snapshot-2.records
plan
