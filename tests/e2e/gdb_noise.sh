#!/usr/bin/env bash
# GDB's remote protocol over a line that loses, doubles or flips 1 byte in 1000, both ways: capscope's
# own client and the real gdb, with QEMU's stub and the kernel's.  A snapshot is right or there is
# none; whatever a client does and wherever it dies, the kernel goes on.
. "$(dirname "$0")/noise.bash"

# One command on the monitor's line.
monitor_says() { # command, what must be heard behind its echo
    python3 - "$work/monitor.sock" "$1" "$2" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(b"\x15" + sys.argv[2].encode() + b"\r")
heard = b""
while sys.argv[3].encode() not in heard.partition(sys.argv[2].encode())[2]:
    heard += s.recv(4096)
PY
}

# Four snapshots through a line that damages 1 byte in 1000.
noisy_stub() { # socket, seed
    local name=noisy$1$2
    line "$name" "$work/$1.sock" --seed "$2"
    record "gdb:unix:$work/$name.sock" "$work/$name.capdb" --every 0 --count 4 || { cat "$work/said"; return 1; }
    [ "$(damaged "$name")" -ge 40 ] || { echo "only $(damaged "$name") bytes damaged"; return 1; }
    stop_line
    whole "$work/$name.capdb"
}

# What a snapshot holds but for when it was taken.
content() { # file, n
    "$capdb" export "$1" --format csv --at "$2"
}

# While the machine stands, snapshots through noise are what one over a clean line is.
same_as_clean() { # seed
    record "gdb:unix:$work/stub.sock" "$work/clean$1.capdb" --count 1 || { cat "$work/said"; return 1; }
    noisy_stub stub "$1" || return 1
    content "$work/clean$1.capdb" 1 >"$work/clean.csv"
    [ "$(wc -l <"$work/clean.csv")" -ge 200 ] || { wc -l "$work/clean.csv"; return 1; }
    for n in 1 2; do
        content "$work/noisystub$1.capdb" $n | diff "$work/clean.csv" - || return 1
    done
}

# The real gdb has no way to tell an answer from one to a question that it gave up: it can fall behind by
# one, and must then connect again.
connected() { ! grep -q 'Remote replied unexpectedly' "$work/out"; }
again() { # FUNCTION ARGUMENTS: until gdb has connected
    local i
    for i in 1 2 3; do
        "$@" >"$work/result"
        local status=$?
        [ $status = 0 ] && return
        connected || continue
        break
    done
    cat "$work/result"
    return $status
}

# The real gdb through noise: whatever becomes of it, it is killed at a deadline.
gdb_in_noise() { # seed
    line "gdb$1" "$work/stub.sock" --seed "$1"
    cat >"$work/script" <<EOF
set pagination off
set remotetimeout 1
target remote $work/gdb$1.sock
info threads
break notification_signal
continue
bt
monitor cdt
x/1000x 0xf0030000
continue
continue
EOF
    timeout -s KILL 15 gdb-multiarch -nx -batch -x "$work/script" build/arm/debug/kernel.elf \
        >"$work/out" 2>&1 </dev/null
    [ "$(damaged "gdb$1")" -ge 1 ] || { echo "nothing damaged"; cat "$work/out"; return 1; }
    stop_line
}

gdb_afterwards() { # on a clean line
    timeout 60 gdb-multiarch -nx -batch -ex 'set pagination off' -ex 'set remotetimeout 10' \
        -ex "target remote $work/stub.sock" -ex 'info threads' -ex 'x/i notification_signal' -ex detach \
        build/arm/debug/kernel.elf >"$work/out" 2>&1 </dev/null
    grep -q '"rootserver"' "$work/out" && ! grep -q bkpt "$work/out" || { cat "$work/out"; return 1; }
}

clean_stub() { record "gdb:unix:$work/stub.sock" "$work/afterwards.capdb" --count 1 || { cat "$work/said"; return 1; }; }

rm -f "$work"/*.sock
boot_demo
check "the demo runs" wait_for 60 ticks_beyond 100
check "snapshots come whole from QEMU's stub through noise" noisy_stub gdb 5
check "snapshots come whole from the kernel's stub through noise" noisy_stub stub 6
check "the machine goes on after that" goes_on
check "the kernel's stub answers on a clean line after noise" clean_stub
check "the machine stops at a condition" monitor_says "break on watermark" "stopped: condition"
check "of a machine that stands, noise gives what a clean line does" same_as_clean 7
check "it stands still" monitor_says "delete all" "stopped>"
check "and goes on when told to" monitor_says continue running
check "which it does" goes_on
for seed in 1 2 3; do
    check "the real gdb meets a bad line (seed $seed)" again gdb_in_noise $seed
    check "the next one attaches over a clean line, and no breakpoint is left" again gdb_afterwards
    check "and the machine goes on" goes_on
done
plan
