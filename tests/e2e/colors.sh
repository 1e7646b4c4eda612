#!/usr/bin/env bash
# Colors are readable on the background that they are made for: with 256 and with 8 colors, on dark, on
# light, and on one that is not known; and without colors there are none.  A kept recording, compared
# with an earlier moment, so that all that has a color is on the screens.
. "$(dirname "$0")/lib.bash"
export LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=$PWD/build/host/inspector-tui
gunzip -c tests/fixtures/demo-leaky.capdb.gz >"$work/demo.capdb"
mkdir -p "$work/config/capscope"

tm() { tmux -S "$tmux_socket" "$@"; }
screen() { tm capture-pane -p -t t; }
shows() { screen | grep -qE -- "$1"; }

# Each view in turn: its name stands at the end of the rule.
look() { # look FILE: what is on the screens
    local key name
    wait_for 60 shows 'BREACHED' && tm send-keys -t t '[' && wait_for 30 shows 'snapshot 10' || return 1
    tm send-keys -t t m . && wait_for 60 shows 'snapshot 11' || return 1
    tm send-keys -t t = && wait_for 60 shows '[1-9][0-9]* died' || return 1
    : >"$1"
    for key in O:Overview D:Domains T:Threads V:deriVation M:Memory J:Judgement E:Events R:Revoke U:Updates; do
        name=${key#*:}
        tm send-keys -t t "${key%:*}"
        wait_for 60 shows "$name(─|-)" || return 1
        tm capture-pane -e -p -t t >>"$1"
    done
}
# screens FILE TERM BACKGROUND [OPTION]: tmux shows what the program sends, whatever TERM it has.
screens() {
    tmux_socket=$(mktemp -u "$work/tmuxXXXXXX") # a server that is going away may still own the last one
    echo "background $3" >"$work/config/capscope/inspector.conf"
    tm -f /dev/null new-session -d -s t -x 100 -y 40 "TERM=$2 '$inspector' '$work/demo.capdb' ${4:-}; exec cat"
    look "$1" || { screen; false; }
    local done=$?
    tm kill-server
    return $done
}
measures() { # measures TERM BACKGROUND LEAST AGAINST...
    screens "$work/seen" "$1" "$2" || return 1
    tests/tools/contrast.py "${@:3}" <"$work/seen"
}
no_colors() { # the letters and signs are there, a color is not
    screens "$work/seen" xterm-256color auto "$1" || return 1
    grep -q 'g guest' "$work/seen" && ! tests/tools/contrast.py 1 black <"$work/seen"
}

unset COLORFGBG NO_COLOR
check "256 colors are readable on dark" measures xterm-256color dark 4.5 black
check "on light" measures xterm-256color light 4.3 white
check "on either where the background is not known" measures xterm-256color auto 3.5 black white
check "8 colors are readable on dark" measures xterm dark 3.5 black
check "on light" measures xterm light 3.9 white
export COLORFGBG='0;15'
check "a terminal that tells its background gets colors for it" measures xterm-256color auto 4.3 white
unset COLORFGBG
check "--no-color leaves no color" no_colors --no-color
export NO_COLOR=1
check "nor does NO_COLOR" no_colors ''
plan
