#!/usr/bin/env bash
# A table: whatever the inspector is doing, its target may fall silent and speak again, be killed and
# booted anew, and its terminal may hang up.  In each state the keys are answered all the while, the bar
# says what happened to the target, and nothing but the end of the terminal ends the inspector, which
# then leaves the machine running.
#
# STATES: those to try, or "all"; make check-all tries all.
. "$(dirname "$0")/lib.bash"
export TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=$PWD/build/host/inspector-tui
image=build/arm/debug/image-demo-leaky.elf

# state NAME KEYS REGEX: how one gets there, what then is on the screen; "text is typed as it stands.
declare -A keys_of shows_in
states=()
state() { states+=("$1"); keys_of[$1]=$2; shows_in[$1]=$3; }
state stopped-in-revoke '@ "slot:82406000 Enter p b' 'UNDER WAY'
state help '?' 'This view'
state prompt ': "at' '^:at'
state filter 'V & "frame Enter' 'filter: frame'
state paused 'Space' 'PAUSED'
state back '[' 'LOOKING BACK'
state at-event '{' 'event [0-9]+, after'
state comparing 'm =' 'COMPARING'
state held '!' '^ HELD'
state preview '@ "slot:82406000 Enter p' 'PREVIEW|UNDER WAY'
state sql 'Q "SELECT Space count(*) Space AS Space threads Space FROM Space threads Enter' '^ +threads'
state why 'T : "why Enter' 'waits for|nothing keeps|runs'
for view in O D T C V B M A X J E R U Q L; do state "view-$view" "$view" 'F1Help'; done

. "$(dirname "$0")/terminal.bash"
# Out of help and prompts; then two views, each of which must be painted.
answers_keys() {
    press Escape Escape
    press T && shows_soon '^ +thread +' && press J && shows_soon 'BREACHED|isolated:|NO VERDICT'
}
# check runs its command in a shell of its own: what others must know goes into files, and machines are
# booted and ended outside.
begin() {
    wait_for 120 machine_answers || return 1
    tm -f /dev/null new-session -d -s t -x 100 -y 30 "exec '$inspector' monitor:unix:$work/monitor.sock 2>'$work/err'"
    shows_soon '^ RUNNING +ev [0-9]+' && shows_soon 'BREACHED' || { cat "$work/err"; return 1; } # it is at work
    tm list-panes -t t -F '#{pane_pid}' >"$work/pid"
}
enter() { # enter STATE
    local keys
    begin || return 1
    case $1 in back | at-event) wait_for 60 has_past || return 1 ;; esac
    read -ra keys <<<"${keys_of[$1]}"
    # what a key is about may not be there at this moment: once more, then
    for _ in 1 2 3 4 5 6; do
        press "${keys[@]}"
        ! shows_soon "${shows_in[$1]}" 20 || return 0
        press Escape Escape
    done
    return 1
}
has_past() { shows '^ +time .*\|[.^#]{3}'; }
# What the bar says of a machine that does not speak; a paused inspector does not ask it.
is_told() { # is_told STATE REGEX
    [ "$1" != paused ] || press Space
    shows_soon "$2" && answers_keys
}
says_restarted() {
    press Escape Escape L
    shows_soon 'the machine was restarted: nothing of before lives on'
}
speaks_again() { wait_for 60 eval '! shows "NO ANSWER|UNREACHABLE"'; }
ended() { ! kill -0 "$(cat "$work/pid")" 2>/dev/null; }
last_event() { build/host/capdb live "monitor:unix:$work/monitor.sock" 'SELECT seq FROM snapshots' | tail -1; }
runs() { # events go on
    local first
    first=$(last_event)
    [ -n "$first" ] && wait_for 60 eval "[ \"\$(last_event)\" -gt $first ]"
}
leaves() {
    wait_for 60 ended || { echo "it lives without a terminal"; return 1; }
    wait_for 60 runs || { echo "the machine stands"; return 1; }
}
boot_anew() {
    rm -f "$work"/*.sock
    boot $image
}

chosen=${STATES:-stopped-in-revoke}
[ "$chosen" != all ] || chosen=${states[*]}
for name in $chosen; do
    tmux_socket=$work/$name.1
    boot_anew
    check "$name: is reached" enter "$name"
    kill -STOP "$qemu_pid"
    check "$name: a machine that falls silent is told, and keys go on" is_told "$name" '^ NO ANSWER for'
    kill -CONT "$qemu_pid"
    check "$name: so is that it speaks again" speaks_again
    halt_machine
    check "$name: a machine that was killed is told, and keys go on" is_told "" '^ GONE since'
    boot_anew
    check "$name: a machine that was booted anew is read by itself" shows_soon '^ (RUNNING|STOPPED|HELD)'
    check "$name: and said to be another run" says_restarted
    tm kill-server
    tmux_socket=$work/$name.2
    check "$name: is reached in the new machine" enter "$name"
    tm kill-server
    check "$name: without a terminal it ends, and the machine runs" leaves
    halt_machine
done 2> >(grep -v Killed >&2)
plan
