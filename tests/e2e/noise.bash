# Shared by the tests of bad lines: lines that damage bytes, recordings through them, does the
# machine go on.  Sourced; sources lib.bash.
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
capdb=build/host/capdb
image=build/arm/debug/image-demo-healthy.elf
line_pid=
client_pid=
trap 'stop_line; stop_client; finish' EXIT

stop_line() { stop_process line_pid; }
stop_client() { stop_process client_pid -KILL; }

# line NAME SOCKET [ARGUMENTS]: $work/NAME.sock leads to SOCKET, worse.
line() {
    local name=$1 socket=$2
    shift 2
    stop_line
    rm -f "$work/$name.sock" # of an earlier line: it would be taken for this one's
    timeout 200 python3 tests/tools/noisy_line.py "$work/$name.sock" "$socket" "$@" >"$work/$name.count" 2>&1 &
    line_pid=$!
    wait_for 60 test -S "$work/$name.sock"
}

# record TARGET FILE [ARGUMENTS]: what it says is in $work/said.
record() {
    timeout 150 "$capdb" record "$@" >"$work/said" 2>&1
}

said() { grep -qE -- "$1" "$work/said" || { echo "no '$1' in:"; cat "$work/said"; return 1; }; }

# One sentence on stderr and status 2.
refused() { # sentence, command...
    local sentence=$1 status
    shift
    timeout 60 "$@" >"$work/out" 2>"$work/said" </dev/null
    status=$?
    [ $status = 2 ] || { echo "status $status"; cat "$work/said"; return 1; }
    [ "$(wc -l <"$work/said")" = 1 ] || { cat "$work/said"; return 1; }
    said "$sentence"
}

snapshots() { # file
    "$capdb" sql "$1" "select count(*) from snapshots" | tail -n 1
}

ticks() {
    "$capdb" live "ram:$work/ram" "select ticks from snapshots" | tail -n 1
}

# Until the demo has made what it is made of: a snapshot from before has fewer capabilities.
boot_demo() {
    boot "$image"
    wait_for 60 demo_is_up
}
demo_is_up() { [ "$("$capdb" live "ram:$work/ram" "select count(*) from caps" | tail -n 1)" -ge 200 ]; }

ticks_beyond() { [ "$(ticks)" -gt "$1" ]; }

goes_on() { wait_for 60 ticks_beyond "$(ticks)"; }

# Name: how many bytes were, once its client has gone.
damaged() {
    wait_for 60 grep -q damaged "$work/$1.count"
    sed -n 's/.*damaged //p' "$work/$1.count" | tail -n 1
}

whole() { # file: every snapshot, as the kernel counted and summed it
    "$capdb" verify "$1" &&
        [ "$("$capdb" sql "$1" "select count(*) from snapshots where complete = 0 or caps < 200" | tail -n 1)" = 0 ]
}
