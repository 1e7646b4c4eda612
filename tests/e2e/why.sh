#!/usr/bin/env bash
# What `capdb why-…` and `capdb retype` say of the real kernel: threads of user/why that cannot go on, with what was there
# before; random requests that capdb foretells before the kernel answers them; and the inspector says the same sentences.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
capdb=build/host/capdb
tmux_socket=$work/tmux
export TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config

boot build/arm/debug/image-why.elf -S
python3 tests/e2e/why.py "$work" ${WHY_REQUESTS:+"$WHY_REQUESTS"} || status=1
tap_count=$(cat "$work/count")
halt_machine

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
screen_on_failure=screen
shows() { screen | grep -qF -- "$1"; }
goto() { tm send-keys -t t @; tm send-keys -t t -l "$1"; tm send-keys -t t Enter; }

lines() { # COMMAND THREAD: the sentences alone
    "$capdb" "$1" "$work/run.capdb" "$2" --json | python3 -c 'import json, sys; print("\n".join(r["what"] for r in json.load(sys.stdin)))'
}
# Every sentence of the command stands on the screen.
has_all() { # LINES...
    local line
    while IFS= read -r line; do
        shows "$line" || { echo "not on the screen: $line"; return 1; }
    done <<<"$1"
}
same_in_inspector() { # THREAD COMMAND [PAST]: a line of the past stands in the pane without being asked for
    local wanted
    wanted=$(lines "$2" "$1")
    [ -n "$wanted" ] || return 1
    goto "$1"
    wait_for 60 shows "$(head -1 <<<"$wanted")" || { echo "the pane has no '$(head -1 <<<"$wanted")'"; return 1; }
    [ -z "${3:-}" ] || wait_for 60 shows "$(grep -m 1 -- "$3" <<<"$wanted")" || { echo "the pane has no past"; return 1; }
    tm send-keys -t t :
    tm send-keys -t t -l why
    tm send-keys -t t Enter
    wait_for 60 has_all "$wanted" || has_all "$wanted"
}

tm -f /dev/null new-session -d -s t -x 180 -y 60 "build/host/inspector-tui $work/run.capdb; exec cat"
check "the inspector opens the recording" wait_for 60 shows 'RECORDING'
check "it marks who has faulted on its first screen" wait_for 60 shows 'fault     why/lost-page'
check "and who waits for what cannot come" shows 'stuck     why/'
check "and who is stopped" shows 'stopped   why/'
check "and says how many more are in trouble" shows ' more (T)'
check "capdb and the inspector say the same of why/low" same_in_inspector why/low why-not-running
for thread in why/circle-a why/no-reply why/suspended why/nobody-signals why/unborn; do
    check "and of $thread, and since when" same_in_inspector $thread why-not-running 'every snapshot since'
done
for thread in why/lost-slot why/lost-page why/writes-nowhere why/guard; do
    check "and of the fault of $thread, with its past" same_in_inspector $thread why-fault 'it faulted before\|it had faulted'
done
plan
exit ${status:-0}
