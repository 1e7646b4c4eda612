# Shared by the end-to-end tests that ask capdb.  Sourced; sources lib.bash.
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
capdb=build/host/capdb
run=$work/run.capdb
monitor=monitor:unix:$work/monitor.sock

said_or_show() { # wanted, output, grep options...
    local wanted=$1 output=$2
    shift 2
    grep -q "$@" -- "$wanted" <<<"$output" || { printf '%s\nwanted: %s\n' "${output:0:4000}" "$wanted"; return 1; }
}

# says TEXT COMMAND...: what it prints contains the text; matches: the regular expression.
says() { said_or_show "$1" "$("${@:2}" 2>&1)" -F; }
matches() { said_or_show "$1" "$("${@:2}" 2>&1)" -E; }

exits() { # status command...
    local wanted=$1 got
    shift
    "$@" >"$work/exits.out" 2>&1
    got=$?
    [ $got = "$wanted" ] || { echo "exit $got, wanted $wanted"; head -40 "$work/exits.out"; return 1; }
}

complains() { # text command...: exit 2, one line on stderr that begins with capdb: and has the text
    local text=$1 got
    shift
    "$@" >"$work/complaint.out" 2>"$work/complaint"
    got=$?
    [ $got = 2 ] && [ "$(wc -l <"$work/complaint")" = 1 ] && grep -q '^capdb: ' "$work/complaint" &&
        grep -qF -- "$text" "$work/complaint" && return
    echo "exit $got"
    cat "$work/complaint"
    return 1
}

ask() { $capdb sql "$1" "$2" | tail -n +2; } # recording, SQL: the rows

equal() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
more() { [ "$1" -gt "$2" ] || { echo "$1 is not more than $2"; return 1; }; }

demo_is_up() { # the machine at $monitor: its four domains have threads
    [ "$($capdb live "$monitor" "SELECT count(DISTINCT domain) AS d FROM threads" 2>/dev/null | tail -1)" = 4 ]
}
