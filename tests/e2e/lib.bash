# Shared by the end-to-end tests: TAP, a private machine, waiting with a deadline.
#
# Sourced; then: work directory in $work (removed at exit), boot IMAGE, wait_for, check, plan.
# Only processes started here are ended.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
work=$(mktemp -d)
qemu_pid=
relay_pid=
tap_count=0

# stop_process VARIABLE [SIGNAL]: ends the process whose number is in it, if any, and empties it.
stop_process() {
    [ -z "${!1}" ] || { kill "${2:--TERM}" "${!1}" 2>/dev/null; wait "${!1}" 2>/dev/null; }
    printf -v "$1" ''
}

finish() {
    stop_process qemu_pid
    stop_process relay_pid
    [ -z "${tmux_socket:-}" ] || tmux -S "$tmux_socket" kill-server 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

# boot IMAGE [QEMU ARGUMENTS]: sockets $work/monitor.sock, stub.sock, gdb.sock; memory $work/ram.
boot() {
    local image=$1
    shift
    qemu-system-arm -M kzm,memory-backend=ram0 -m 128M -display none -no-reboot \
        -object "memory-backend-file,id=ram0,mem-path=$work/ram,share=on,size=128M" \
        -chardev "socket,id=u1,path=$work/monitor.sock,server=on,wait=off" -serial chardev:u1 \
        -chardev "socket,id=u2,path=$work/stub.sock,server=on,wait=off" -serial chardev:u2 \
        -gdb "unix:$work/gdb.sock,server=on,wait=off" -monitor none -kernel "$image" "$@" \
        2>"$work/qemu.log" &
    qemu_pid=$!
    wait_for 60 listens "$work/gdb.sock"
}

# The same, and reset_machine starts it anew in its process.
boot_resettable() {
    boot "$@" -action reboot=reset -qmp "unix:$work/qmp.sock,server=on,wait=off"
}
reset_machine() {
    python3 - "$work/qmp.sock" <<'PYTHON'
import socket
import sys

line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
answers = line.makefile("r")
answers.readline()
for command in "qmp_capabilities", "system_reset":
    line.sendall(b'{"execute": "%s"}\n' % command.encode())
    while '"return"' not in answers.readline():
        pass
PYTHON
}

# Whoever asks a machine gives up after some seconds, and on a busy processor booting takes longer.
machine_answers() { build/host/capdb live "monitor:unix:$work/monitor.sock" 'SELECT 1'; }

# A socket that is there does not listen yet.
listens() { [ -S "$1" ] && grep -qE " 00010000 0001 01 +[0-9]+ $1\$" /proc/net/unix; }

halt_machine() {
    kill -9 "$qemu_pid" 2>/dev/null
    wait "$qemu_pid" 2>/dev/null
    qemu_pid=
}

# wait_for SECONDS COMMAND...: until it succeeds; fails at the deadline.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# check CLAIM COMMAND...: one TAP line; what the command printed is shown when it fails.
check() {
    local claim=$1 output
    shift
    tap_count=$((tap_count + 1))
    if output=$("$@" 2>&1); then
        echo "ok $tap_count - $claim"
    else
        echo "not ok $tap_count - $claim"
        sed 's/^/# /' <<<"$output" | head -40
        [ -z "${screen_on_failure:-}" ] || $screen_on_failure | sed 's/^/# | /'
    fi
}

plan() {
    echo "1..$tap_count"
}
