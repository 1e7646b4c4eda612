# Sessions of the real gdb-multiarch in batch mode; sourced after lib.bash. $kernel: its symbols, $deadline: seconds.

# gdb_session TARGET: commands from stdin, what gdb says into $work/out. A command that fails does
# not end the session.
gdb_session() {
    {
        printf 'set pagination off\nset confirm off\nset width 0\nset remotetimeout 10\n'
        printf 'python\ndef attempt(c):\n'
        printf '    try: gdb.execute(c)\n    except gdb.error as e: print("error:", e)\n'
        printf 'attempt("target remote %s")\n' "$1"
        while IFS= read -r line; do
            printf 'print(">>> " + %s)\nattempt(%s)\n' "'''$line '''" "'''$line'''"
        done
        printf 'end\n'
    } >"$work/script"
    timeout $deadline gdb-multiarch -nx -batch -x "$work/script" $kernel >"$work/out" 2>&1 </dev/null
}

# What gdb said to this command, the last time it was given.
answer() {
    want=">>> $1 " awk 'index($0, ">>> ") == 1 { on = $0 == ENVIRON["want"]; if (on) text = ""; next }
        on { text = text $0 "\n" } END { printf "%s", text }' "$work/out"
}

says() { # claim command pattern...
    local claim=$1 command=$2 text pattern
    shift 2
    text=$(answer "$command")
    for pattern in "$@"; do
        grep -qE -- "$pattern" <<<"$text" || { check "$claim" missing "$pattern" "$text"; return; }
    done
    check "$claim" true
}

says_not() { # claim command pattern
    if grep -qE -- "$3" <<<"$(answer "$2")"; then
        check "$1" missing "no $3" "$(answer "$2")"
    else
        check "$1" true
    fi
}

missing() {
    printf 'wanted: %s\ngot:\n%s\n' "$1" "$2"
    tail -n 5 "$work/out"
    return 1
}
