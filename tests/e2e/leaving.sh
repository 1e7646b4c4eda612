#!/usr/bin/env bash
# A table: in each state, whoever leaves, by whatever end, leaves a machine that runs, with no stop of
# theirs armed: also when the target has fallen silent before, in which case a sentence says so.  What
# somebody else has stopped stays stopped.
#
# LEAVING: rows to try, or "all"; make check-all tries all.
. "$(dirname "$0")/lib.bash"
export TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=$PWD/build/host/inspector-tui
deadline=60

# row STATE TARGET END: targets are monitor, gdb (QEMU's stub) or stub (the kernel's); of those that are
# silent QEMU is suspended before the end, and goes on behind it.
rows=()
row() { rows+=("$1:$2:$3:${4:-}"); }
for end in q HUP TERM KILL; do
    row held monitor $end
    row stopped monitor $end
    row armed monitor $end
    row held monitor $end silent
    row stopped monitor $end silent
    row armed monitor $end silent
    row held gdb $end
    row held gdb $end silent
    row held stub $end
    row armed stub $end
done
chosen=${LEAVING:-stopped:monitor:KILL: held:monitor:KILL:silent armed:monitor:q:silent held:stub:KILL:}
[ "$chosen" != all ] || chosen=${rows[*]}

. "$(dirname "$0")/terminal.bash"
# What the monitor says to a line, as text.
monitor_says() {
    timeout 20 python3 - "$work/monitor.sock" "$1" <<'PY'
import select, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"\x15" + sys.argv[2].encode() + b"\rversion\r")
heard, end = b"", time.monotonic() + 15
while b"record format" not in heard and time.monotonic() < end:
    if select.select([s], [], [], 1)[0]:
        heard += s.recv(4096)
sys.stdout.write(heard.decode(errors="replace").replace("\r", ""))
PY
}
runs() { monitor_says where | grep -q '^running'; }
none_is_armed() { monitor_says break | grep -q 'no condition'; }
target_of() {
    case $1 in
    monitor) echo "monitor:unix:$work/monitor.sock" ;;
    gdb) echo "gdb:unix:$work/gdb.sock" ;;
    stub) echo "gdb:unix:$work/stub.sock" ;;
    esac
}
begin() { # begin TARGET
    tmux_socket=$work/tmux.$((starts += 1))
    tm -f /dev/null new-session -d -s t -x 100 -y 30 \
        "'$inspector' $(target_of "$1") 2>'$work/err'; echo status \$?; exec cat"
    shows_soon '^ RUNNING' && shows_soon 'BREACHED' || return 1
    pgrep -P "$(tm list-panes -t t -F '#{pane_pid}')" -x inspector-tui >"$work/pid"
}
starts=0
enter() { # enter STATE: what a key is about may not be there at this moment: once more, then
    local _
    for _ in 1 2 3 4 5 6; do
        case $1 in
        held)
            press '!'
            ! wait_for 20 shows '^ HELD' || return 0 ;;
        stopped)
            press @ '"slot:82406000' Enter p b
            ! wait_for 20 shows '^ STOPPED' || return 0 ;;
        armed)
            press @ '"slot:82404010' Enter p b
            ! wait_for 20 shows '^ RUNNING +1 STOP ARMED' || return 0 ;;
        esac
        press Escape Escape
    done
    return 1
}
is_suspended() { ! grep -L '^State:.T' /proc/"$qemu_pid"/task/*/status | grep -q .; } # every thread
ended() { ! kill -0 "$(cat "$work/pid")" 2>/dev/null; }
leave() { # leave END
    if [ "$1" != q ]; then
        kill "-$1" "$(cat "$work/pid")"
    else
        press q
        wait_for "$deadline" eval "ended || shows 'armed: r'" || return 1
        ended || press r
    fi
    wait_for "$deadline" ended
}
is_told() { grep -q "^inspector-tui: $1: gave no answer when we left: .*" "$work/err"; }

# QEMU's own monitor: `stop` and `cont` are what somebody else does.
hmp() {
    timeout 60 python3 - "$work/hmp.sock" "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
def answer():
    heard = b""
    while not heard.endswith(b"(qemu) "):
        heard += s.recv(4096)
    return heard.decode(errors="replace")
answer()
s.sendall(sys.argv[2].encode() + b"\n")
print(answer())
PY
}
stands_in_qemu() { hmp 'info status' | grep -q paused; }
# While the inspector looks QEMU stands already, and what it is told then does not last.
stops_it() { hmp stop && wait_for 3 shows '^ STOPPED'; }
# The guard of an inspector that was killed may look at the machine just then.
goes_on() {
    local _
    hmp cont >/dev/null
    for _ in 1 2 3 4 5 6 7 8; do
        runs || return 1
        sleep 0.3
    done
}
foreign() { # through QEMU's stub
    begin gdb || rm -f "$work/pid"
    check "stopped by somebody else meanwhile: the bar says so" wait_for "$deadline" stops_it
    check "stopped by somebody else meanwhile: the inspector ends" leave "$1"
    check "stopped by somebody else meanwhile: it stays stopped ($1)" stands_in_qemu
    check "stopped by somebody else meanwhile: it goes on when they say so, for good ($1)" goes_on
    tm kill-server
}

boot build/arm/debug/image-demo-leaky.elf \
    -chardev "socket,id=hmp,path=$work/hmp.sock,server=on,wait=off" -mon chardev=hmp
wait_for 120 machine_answers
for each in $chosen; do
    IFS=: read -r state target end silent <<<"$each"
    name="$state, $target${silent:+, silent}, $end"
    begin "$target" || rm -f "$work/pid"
    check "$name: it is so" enter "$state"
    [ -z "$silent" ] || { kill -STOP "$qemu_pid" && wait_for "$deadline" is_suspended; }
    check "$name: the inspector ends" leave "$end"
    case $silent,$target,$end in
    silent,monitor,KILL) ;;
    silent,monitor,*) check "$name: standard error says what is left" is_told "$(target_of "$target")" ;;
    esac
    [ -z "$silent" ] || kill -CONT "$qemu_pid"
    check "$name: the machine runs" wait_for "$deadline" runs
    check "$name: no stop is armed" wait_for "$deadline" none_is_armed
    tm kill-server
done 2> >(grep -v Killed >&2)
for end in q KILL; do
    foreign $end
done

# A program that holds the kernel through its stub only for as long as it looks.
look() {
    timeout 180 python3 - "$work" <<'PY' &
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1] + "/stub.sock")
def ask(text):
    heard = b""
    s.sendall(b"$%s#%02x" % (text, sum(text) % 256))
    while b"#" not in heard or heard[-3:-2] != b"#":
        heard += s.recv(4096)
    s.sendall(b"+")
ask(b"qSupported")
ask(b"QCapscope.lease:3c")
ask(b"?")
open(sys.argv[1] + "/looks", "w").close()
while not os.path.exists(sys.argv[1] + "/enough"):
    ask(b"?")
    time.sleep(0.2)
ask(b"D")
PY
    looker=$!
    wait_for "$deadline" [ -e "$work/looks" ]
}
begin monitor || rm -f "$work/pid"
look
check "a stop that ends with whoever looks is no lasting one" shows_soon '^ HELD'
touch "$work/enough"
check "and ends" shows_soon '^ RUNNING'
wait $looker
check "the inspector ends" leave q
check "the machine runs" wait_for "$deadline" runs
plan
