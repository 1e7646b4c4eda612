#!/usr/bin/env bash
# Steps of the stub in the kernel: where each instruction leads, judged by QEMU, which can step; the
# same from real debuggers, gdb and LLDB, over kernel and user code; and gdb's compare-sections.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

deadline=90
kernel=$work/kernel.elf
cp build/arm/debug/kernel.elf "$kernel"

build_oracle() {
    gcc -shared -fPIC -std=gnu11 -I. -O1 -Wall -o "$work/nextpc.so" gdbstub/nextpc.c &&
        arm-none-eabi-gcc -march=armv6 -nostdlib -Wa,--no-warn -Wl,-Ttext=0x1fffc000 -o "$work/steps.elf" \
            tests/e2e/steps.S
}

start_program() {
    qemu-system-arm -M kzm -m 128M -display none -monitor none -serial none -S \
        -gdb "unix:$work/gdb.sock,server=on,wait=off" -kernel "$work/steps.elf" 2>"$work/qemu.log" &
    qemu_pid=$!
    wait_for 60 listens "$work/gdb.sock"
}

check "the instructions are built" build_oracle
start_program
last=$(arm-none-eabi-nm "$work/steps.elf" | awk '$3 == "done" { print $1 }')
check "every instruction leads where it was foretold" \
    timeout 120 tests/e2e/steps.py "$work/nextpc.so" "$work/gdb.sock" "$last"
halt_machine

# --- debuggers -------------------------------------------------------------------------------------

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
boot_demo() {
    qemu-system-arm -M kzm -m 128M -display none -no-reboot -monitor none \
        -chardev "socket,id=u1,path=$work/monitor.sock,server=on,wait=off,logfile=$work/console" \
        -serial chardev:u1 -chardev "socket,id=u2,host=127.0.0.1,port=$port,server=on,wait=off,nodelay=on" \
        -serial chardev:u2 -kernel build/arm/debug/image-demo-healthy.elf 2>"$work/qemu.log" &
    qemu_pid=$!
}

says() { # FILE PATTERN
    grep -qE -- "$2" "$work/$1" || { tail -n 40 "$work/$1"; return 1; }
}

boot_demo
check "the demo runs" wait_for 60 grep -q 'domains run' "$work/console"

cat >"$work/script" <<END
set pagination off
set confirm off
set remotetimeout 20
target remote 127.0.0.1:$port
compare-sections
set debug remote 1
break notification_signal
continue
stepi
next
next
finish
delete
set debug remote 0
add-symbol-file build/arm/user/demo-healthy.elf
python [t.switch() for t in gdb.selected_inferior().threads() if t.name == "critical/control"]
tbreak *\$pc
continue
python
import gdb
before = gdb.selected_thread().num
for i in range(40): gdb.execute("stepi", to_string=True)
print("forty steps in one thread", gdb.selected_thread().num == before)
for i in range(5): gdb.execute("next", to_string=True)
print("five lines in one thread", gdb.selected_thread().num == before)
end
monitor audit
detach
END
timeout $deadline gdb-multiarch -nx -batch -x "$work/script" "$kernel" >"$work/gdb" 2>&1 </dev/null
check "compare-sections agrees on an intact kernel" says gdb '^Section \.text, .*: matched\.$'
check "and finds nothing that differs" bash -c "! grep -q MIS-MATCHED '$work/gdb'"
check "gdb steps by the stub, and ranges at once" says gdb 'vCont;r[0-9a-f]+,[0-9a-f]+'
check "a thread of a program is stepped by instructions" says gdb '^forty steps in one thread True'
check "and by lines" says gdb '^five lines in one thread True'
check "the state is whole afterwards" says gdb '^0 findings'

cat >"$work/script" <<END
platform select remote-gdb-server
target create $kernel
gdb-remote 127.0.0.1:$port
breakpoint set -n notification_signal
continue
thread step-inst
thread step-inst
thread step-over
thread step-in
thread step-out
breakpoint delete -f
detach
quit
END
timeout $deadline lldb-14 --no-lldbinit -b -s "$work/script" >"$work/lldb" 2>&1 </dev/null
for how in "instruction step into" "step over" "step in" "step out"; do
    check "LLDB stops after: $how" says lldb "stop reason = $how\$"
done
check "LLDB detaches" says lldb 'Process [0-9]+ detached'
monitor_answers() { python3 - "$work/monitor.sock" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(b"\x15where\r")
text = b""
while b"running: " not in text:
    text += s.recv(4096)
END
}
check "the machine runs in the end" monitor_answers
halt_machine
plan
