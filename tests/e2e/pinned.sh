#!/usr/bin/env bash
# Keys, and the screens that they must give, byte for byte: each view, and the four tasks of a
# newcomer with the keys counted.  The inspector shows a kept recording in a real terminal (tmux), so
# that nothing on the screen depends on the machine.
#
#   tests/screens/NAME.keys     size COLUMNSxLINES [RECORDING]
#                                                     begins anew in a terminal of this size, on
#                                                     tests/fixtures/RECORDING.capdb.gz (demo-leaky)
#                               most N                the keys until the next size, or the end, must not be more
#                               > NAME                the screen must be tests/screens/NAME.txt
#                               "text                 typed as it stands
#                               KEY KEY ...           as tmux names them
#
# PIN=1 tests/e2e/pinned.sh writes the screens instead; look at the difference before it is kept.
# SCRIPTS: those to play, else all.
. "$(dirname "$0")/lib.bash"
export TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=$PWD/${INSPECTOR:-build/host/inspector-tui}
gunzip -c tests/fixtures/demo-leaky.capdb.gz >"$work/demo.capdb"

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t | sed 's/ *$//'; }
start() { # start COLUMNSxLINES [RECORDING]: until it has read it
    local file=demo.capdb
    if [ $# -gt 1 ]; then
        file=$2.capdb
        [ -e "$work/$file" ] || gunzip -c "tests/fixtures/$file.gz" >"$work/$file"
    fi
    [ -z "${tmux_socket:-}" ] || tm kill-server 2>/dev/null
    starts=$((${starts:-0} + 1))
    tmux_socket=$work/tmux$starts
    rm -f "$work/pid"
    tm -f /dev/null start-server \; set-option -g remain-on-exit on \; new-session -d -s t -x "${1%x*}" -y "${1#*x}" \
        "cd '$work' && echo \$\$ >pid; exec '$inspector' $file"
    wait_for 120 test -s "$work/pid" || echo "# the inspector does not start"
    pid=$(<"$work/pid")
    comes_to_rest
}
is_pinned() { [ "$(screen)" = "$(cat "tests/screens/$1.txt")" ]; }
# The screen is what it should be, within a time that a slow machine needs.
shows_pinned() {
    wait_for 120 is_pinned "$1" && return
    diff -u "tests/screens/$1.txt" <(screen)
}
# It has done all that keys and recording gave it to do: its threads sleep, none has run from one look
# to the next, between which tmux handed over what was typed and took what was painted.
threads() { grep -hE '^(State|voluntary|nonvoluntary)' /proc/"$pid"/task/*/status; }
is_at_rest() {
    local shown before
    shown=$(screen)
    before=$(threads)
    [ -n "$shown" ] && [ "$shown" = "$(screen)" ] && [ "$before" = "$(threads)" ] && ! grep -q '^State:.[^S]' <<<"$before"
}
comes_to_rest() { wait_for 120 is_at_rest || echo "# the inspector does not come to rest"; }

# of the task that ends here
were_few() {
    [ -z "$most" ] || check "$1 takes $keys keys, at most $most" test "$keys" -le "$most"
}
play() { # play NAME: the keys of a script
    local line keys=0 most=
    while IFS= read -r line; do
        case $line in
        '' | '#'*) ;;
        size\ *)
            were_few "$1"
            # shellcheck disable=SC2086 # two words
            start ${line#size }
            keys=0 most= ;;
        most\ *) most=${line#most } ;;
        '> '*)
            if [ -n "${PIN:-}" ]; then
                screen >"tests/screens/${line#> }.txt"
            else
                check "$1: ${line#> }, after $keys keys" shows_pinned "${line#> }"
            fi ;;
        '"'*)
            tm send-keys -t t -l "${line#\"}"
            comes_to_rest
            keys=$((keys + ${#line} - 1)) ;;
        *)
            # shellcheck disable=SC2086 # each word is a key
            set -- "$1" $line
            tm send-keys -t t "${@:2}"
            comes_to_rest
            keys=$((keys + $# - 1)) ;;
        esac
    done <"tests/screens/$1.keys"
    were_few "$1"
}

for script in ${SCRIPTS:-tests/screens/*.keys}; do
    name=$(basename "$script" .keys)
    play "$name"
done
plan
