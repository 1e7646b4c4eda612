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
start() { # start COLUMNSxLINES [RECORDING]
    local file=demo.capdb
    if [ $# -gt 1 ]; then
        file=$2.capdb
        [ -e "$work/$file" ] || gunzip -c "tests/fixtures/$file.gz" >"$work/$file"
    fi
    [ -z "${tmux_socket:-}" ] || tm kill-server 2>/dev/null
    starts=$((${starts:-0} + 1))
    tmux_socket=$work/tmux$starts
    tm -f /dev/null new-session -d -s t -x "${1%x*}" -y "${1#*x}" \
        "cd '$work' && '$inspector' $file; echo status \$?; exec cat"
    wait_for 60 eval '! screen | grep -qE "reading|waiting for the first" && screen | grep -q .' ||
        echo "# the first screen does not come"
}
is_pinned() { [ "$(screen)" = "$(cat "tests/screens/$1.txt")" ]; }
# The screen is what it should be, within a time that a slow machine needs.
shows_pinned() {
    wait_for 60 is_pinned "$1" && return
    diff -u "tests/screens/$1.txt" <(screen)
}
# Two captures in a row are the same: it has come to rest.
rested() {
    local before after
    before=$(screen)
    sleep 0.4
    after=$(screen)
    [ "$before" = "$after" ] && ! grep -q 'reading\|waiting for the' <<<"$after"
}

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
        until\ *) wait_for 60 eval "screen | grep -qE '${line#until }'" ;;
        '> '*)
            if [ -n "${PIN:-}" ]; then
                wait_for 60 rested
                screen >"tests/screens/${line#> }.txt"
            else
                check "$1: ${line#> }, after $keys keys" shows_pinned "${line#> }"
            fi ;;
        '"'*)
            tm send-keys -t t -l "${line#\"}"
            keys=$((keys + ${#line} - 1)) ;;
        *)
            # shellcheck disable=SC2086 # each word is a key
            set -- "$1" $line
            tm send-keys -t t "${@:2}"
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
