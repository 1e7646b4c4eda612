#!/usr/bin/env bash
# The stub in the kernel against the real gdb: sessions in batch mode over unix sockets, TCP and a
# pty, over UART2 and over UART1 alone; then a hostile line, spoken by gdb_line.py.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
source tests/e2e/gdb_session.bash

kernel=$work/kernel.elf
image=$work/image.elf
cp build/arm/debug/kernel.elf "$kernel"
cp build/arm/debug/image-demo-healthy.elf "$image"
deadline=60

start_lines() { # UART1 chardev, UART2 chardev
    qemu-system-arm -M kzm -m 128M -display none -no-reboot -monitor none -chardev "$1" \
        -serial chardev:u1 -chardev "$2" -serial chardev:u2 -kernel $image 2>"$work/qemu.log" >"$work/qemu.out" &
    qemu_pid=$!
}

line() { # arguments of gdb_line.py; goes on with TAP's numbering
    python3 tests/e2e/gdb_line.py "$1" "$work" $((tap_count + 1)) || status=1
    tap_count=$(cat "$work/count")
}
status=0

# --- attach, look, break, step -----------------------------------------------------------------
start_lines "socket,id=u1,path=$work/monitor.sock,server=on,wait=off,logfile=$work/console" \
    "socket,id=u2,path=$work/stub.sock,server=on,wait=off"
check "the demo runs" wait_for $deadline grep -q 'domains run' "$work/console"

gdb_session "$work/stub.sock" <<'EOF'
info threads
thread 1
bt
monitor threads
break notification_signal
continue
bt
finish
stepi
stepi
next
step
ignore 1 200
continue
info breakpoints
p ks.ticks
detach
EOF
says "gdb attaches and lists every thread by name, domain, state and what it waits on" "info threads" \
    '"kernel" \(on behalf of ' '"idle" \(idle' \
    '"critical/control" \(domain critical, .*priority 200\)' '"guest/init" \(domain guest' \
    '"driver/timer" \(domain driver, waits on notification 0x8[0-9a-f]{7}, priority 220\)' \
    '"driver/server" \(domain driver, waits to receive on endpoint 0x8[0-9a-f]{7}' '"rootserver"'
check "gdb lists as many threads as the monitor, and the kernel" test \
    "$(answer 'info threads' | grep -c Thread)" = $(($(answer 'monitor threads' | grep -c '^0x') + 1))
says "the kernel's backtrace begins where it stands and ends at the vectors" "bt" \
    'notification_signal' 'irq_handle' 'kernel_enter_irq'
says "a breakpoint in the kernel stops it there" "continue" 'hit Breakpoint 1'
says "finish returns to the caller" "finish" 'irq_signal|irq_handle|notification_signal'
says "next goes on to another line" "next" '^[0-9]+'
says "a breakpoint passed two hundred times stops the next time" "info breakpoints" \
    'already hit 20[2-9] times'
ticks=$(answer "p ks.ticks" | sed 's/.*= //')

# --- user code, registers, memory --------------------------------------------------------------
gdb_session "$work/stub.sock" <<'EOF'
p ks.ticks
add-symbol-file build/arm/user/demo-healthy.elf
python [t.switch() for t in gdb.selected_inferior().threads() if t.name == "critical/control"]
bt
x/2i $pc
set $r9 = 0x1234
p/x $r9
tbreak *$pc
python pc = int(gdb.parse_and_eval("$pc"))
continue
stepi
stepi
stepi
python print("advanced", int(gdb.parse_and_eval("$pc")) - pc)
thread
python gdb.execute("break *%d thread %d" % (int(gdb.parse_and_eval("$pc")), gdb.selected_thread().num))
continue
delete
x/x 0x40000000
x/x 0xff000000
set var ks.refusal.arg0 = 4711
p ks.refusal.arg0
set *(int *)0xfff00040 = 1
set *(int *)0xf8000000 = 1
set *(int *)0x40000000 = 1
x/x 0xf8000000
kill
EOF
later=$(answer "p ks.ticks" | sed 's/.*= //')
check "detaching lets the kernel go on, attaching again works ($ticks, $later ticks)" \
    test "$later" -gt "$ticks"
says "a thread's stack is walked in its own memory, with its program's symbols" "bt" \
    'syscall_raw|notification_wait|ipc_call' 'critical_control'
says "a thread's code is read through its page directory" 'x/2i $pc' 'svc'
says "a thread's registers can be changed" 'p/x $r9' '= 0x1234'
says "a stepped thread goes on instruction by instruction" \
    'python print("advanced", int(gdb.parse_and_eval("$pc")) - pc)' '^advanced 12$'
says "a breakpoint in user code is a stop of the thread that met it" "thread" 'critical/control|Thread'
says "a breakpoint for one thread stops that" "continue" '"critical/control" hit Breakpoint'
says "an unmapped user address is an error" "x/x 0x40000000" 'Cannot access memory'
says "the hole in the kernel window is an error" "x/x 0xff000000" 'Cannot access memory'
says "beyond RAM is an error" "x/x 0xf8000000" 'Cannot access memory'
says "kernel memory can be written" "p ks.refusal.arg0" '= 4711'
says "a device register cannot be written" 'set *(int *)0xfff00040 = 1' 'Cannot access memory'
says "beyond RAM nothing can be written" 'set *(int *)0xf8000000 = 1' 'Cannot access memory'
says "an unmapped user address cannot be written" 'set *(int *)0x40000000 = 1' 'Cannot access memory'
check "kill lets the kernel go on" python3 tests/e2e/gdb_line.py runs "$work"
check "and says so on the console" grep -q 'gdb: killed its session; the kernel goes on' "$work/console"

# --- the kernel itself ---------------------------------------------------------------------------
gdb_session "$work/stub.sock" <<'EOF'
break debug_trap
break debug_stop
continue
delete
break *0xf00e0000
continue
delete
tbreak *(arch_idle+8)
continue
p $_thread
thread
stepi
stepi
stepi
p $pc
thread 1
p $sp
call sched_reschedule_required()
p ks.reschedule
python print("sp", gdb.parse_and_eval("$sp"))
python own = gdb.Breakpoint("board_serial_get")
python tick = gdb.Breakpoint("sched_tick")
python tick.ignore_count = 50
continue
python print("own", own.hit_count, "tick", tick.hit_count)
delete
monitor audit
detach
EOF
says "breakpoints in the stub's own way are refused" "continue" 'hit Breakpoint'
check "and gdb says where" grep -q 'Cannot insert breakpoint' "$work/out"
check "the console says why" grep -q 'gdb: no breakpoint at 0xf0.*the stub depends on' "$work/console"
says "a breakpoint in the idle thread stops it" "thread" '"idle"|Thread 4[0-9]* *\)'
says "and the idle thread is stepped" 'p $pc' 'arch_idle\+[48]'
says "gdb calls a function of the kernel" "p ks.reschedule" '= 1'
check "and comes back to where it was" \
    test "$(answer 'p $sp' | sed 's/.* //')" = "$(answer 'python print("sp", gdb.parse_and_eval("$sp"))' | sed 's/.* //')"
says "breakpoints that the stub itself meets stop nobody, others stop" \
    'python print("own", own.hit_count, "tick", tick.hit_count)' '^own 0 tick 51$'
says "the state is whole after all that" "monitor audit" '^0 findings'

# --- stops at capability events ------------------------------------------------------------------
gdb_session "$work/stub.sock" <<'EOF'
monitor break on watermark
continue
thread 1
bt
monitor delete all
monitor step
thread
continue
info threads
monitor version
monitor nonsense
monitor cnode nobody/here
monitor trace wire
monitor continue
p debug_control.stopped
detach
EOF
check "a capability event stops with the monitor's sentence" \
    grep -qE 'stopped: condition 1' "$work/out"
check "and with the acting thread" grep -q '"guest/[a-z]*" received signal SIGTRAP' "$work/out"
says "the kernel's frames at the event reach from the system call to it" "bt" '#0 .*door_told' \
    'untyped|retype' 'syscall'
says_not "and the backtrace ends in order" "bt" 'corrupt'
says "monitor step waits for gdb to continue" "monitor step" 'now let gdb continue'
says "and then stops after one event" "continue" 'stopped: step' 'received signal SIGTRAP'
says "monitor commands print what the monitor prints" "monitor version" 'capscope .*debug build'
says "a monitor command that fails says why" "monitor nonsense" "no command 'nonsense'"
says "frames are not for gdb" "monitor trace wire" 'serial line only'
says "monitor continue leaves gdb in charge" "p debug_control.stopped" '= 1'
check "afterwards the machine runs" python3 tests/e2e/gdb_line.py runs "$work"

# --- ^C --------------------------------------------------------------------------------------------
: >"$work/out"
cat >"$work/script" <<EOF
set pagination off
target remote $work/stub.sock
echo going on\n
continue
info threads
detach
EOF
gdb-multiarch -nx -batch -x "$work/script" $kernel >"$work/out" 2>&1 </dev/null &
gdb_pid=$!
wait_for $deadline grep -q 'going on' "$work/out"
interrupted() { # the signal may come before gdb waits: again until it is heard
    kill -INT $gdb_pid 2>/dev/null
    wait_for 1 grep -q SIGINT "$work/out"
}
check "^C in gdb stops the running kernel" wait_for $deadline interrupted
wait_for $deadline grep -q detached "$work/out" || kill -9 $gdb_pid 2>/dev/null
wait $gdb_pid 2>/dev/null

# --- a gdb that dies ---------------------------------------------------------------------------------
cat >"$work/script" <<EOF
set pagination off
target remote $work/stub.sock
break kernel_panic
echo going on\n
continue
EOF
gdb-multiarch -nx -batch -x "$work/script" $kernel >"$work/out" 2>&1 </dev/null &
gdb_pid=$!
wait_for $deadline grep -q 'going on' "$work/out"
check "the kernel runs with a breakpoint planted" python3 tests/e2e/gdb_line.py runs "$work"
kill -9 $gdb_pid
wait $gdb_pid 2>/dev/null
gdb_session "$work/stub.sock" <<'EOF'
info threads
x/i kernel_panic
detach
EOF
says "after a gdb that was killed the next one attaches" "info threads" '"kernel"' '"rootserver"'
says_not "and no breakpoint is left behind" "x/i kernel_panic" 'bkpt'

# --- a hostile line ------------------------------------------------------------------------------------
line hostile

# --- who looks and is killed ---------------------------------------------------------------------------
line lease
killed() {
    local i pid
    for i in 1 2 3; do
        rm -f "$work"/killed.capdb*
        build/host/capdb record "gdb:unix:$work/stub.sock" "$work/killed.capdb" --every 0 >/dev/null 2>&1 &
        pid=$!
        wait_for $deadline build/host/capdb info "$work/killed.capdb" --at "$i"
        kill -9 $pid || return 1
        wait $pid 2>/dev/null
    done
    python3 tests/e2e/gdb_line.py runs "$work"
}
check "the kernel does not stand for a recorder that was killed" killed 2>/dev/null

# --- a panic -------------------------------------------------------------------------------------------
gdb_session "$work/stub.sock" <<'EOF'
thread 1
set $pc = 0xff000000
continue
p $pc
monitor where
continue
info threads
EOF
says "an exception in the kernel is a stop" "continue" 'SIGABRT'
says "and shows the registers it had" 'p $pc' '0xff000000'
says "and still answers" "info threads" '"kernel"' '"rootserver"'
check "a panicked kernel does not go on, and tells gdb so" grep -q 'has panicked and does not go on' "$work/out"
halt_machine

# --- a client that asks and does not read ---------------------------------------------------------------
# QEMU's device waits for the socket, and with it the whole machine: until that client goes.
unread() {
    python3 - "$work" <<'PY'
import select, socket, sys, time
def connected(name):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f"{sys.argv[1]}/{name}.sock")
    return s
def answers(seconds):
    s, heard, end = connected("monitor"), b"", time.monotonic() + seconds
    s.sendall(b"\x15version\r")  # whatever an earlier client left in the line goes
    while b"record format" not in heard and time.monotonic() < end:
        if select.select([s], [], [], max(0, end - time.monotonic()))[0]:
            heard += s.recv(4096)
    s.close()
    return b"record format" in heard
def packet(text):
    return b"$%s#%02x" % (text, sum(text) % 256)
if not answers(60):
    sys.exit("the monitor does not answer")
client, sent = connected("stub"), 0
client.setblocking(False)
client.send(packet(b"?"))
time.sleep(0.5)
while select.select([], [client], [], 2)[1]:  # until QEMU takes nothing for two seconds
    sent += client.send(packet(b"mf0030000,7e0"))
held = not answers(1)
client.close()
if not answers(300):  # it acts on all that it was sent first
    sys.exit("the machine stands after its client has gone")
print(f"# {sent} bytes of requests; QEMU was {'held' if held else 'not held'}")
PY
}
rm -f "$work"/*.sock "$work/console"
start_lines "socket,id=u1,path=$work/monitor.sock,server=on,wait=off,logfile=$work/console" \
    "socket,id=u2,path=$work/stub.sock,server=on,wait=off"
check "the demo runs again" wait_for $deadline grep -q 'domains run' "$work/console"
check "a client that asks and does not read holds the machine only while it is there" unread
halt_machine

# --- one line only, TCP, pty ---------------------------------------------------------------------------
rm -f "$work/monitor.sock" "$work/console"
start_lines "socket,id=u1,path=$work/monitor.sock,server=on,wait=off,logfile=$work/console" "null,id=u2"
check "the demo runs with one line" wait_for $deadline grep -q 'domains run' "$work/console"
gdb_session "$work/monitor.sock" <<'EOF'
info threads
monitor version
monitor break on watermark
continue
monitor delete all
break irq_handle
continue
bt
delete
detach
EOF
says "gdb attaches over the monitor's line" "info threads" '"guest/init" \(domain guest'
says "its monitor commands work there" "monitor version" 'capscope .*debug build'
says "console text comes through gdb" "continue" 'hit Breakpoint'
check "the words of a stop come through gdb" grep -q 'stopped: condition 1' "$work/out"
check "after detaching the monitor answers on its line again" \
    python3 tests/e2e/gdb_line.py runs "$work"
line one-line
halt_machine

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_lines "null,id=u1" "socket,id=u2,host=127.0.0.1,port=$port,server=on,wait=off"
wait_for 60 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port)).close()"
answers_at() { # target: has gdb found the demo's threads there?
    gdb_session "$1" <<<"info threads"
    answer "info threads" | grep -q rootserver
}
check "gdb attaches over TCP" wait_for 60 answers_at "127.0.0.1:$port"
gdb_session "127.0.0.1:$port" <<'EOF'
break irq_handle
continue
detach
EOF
says "and breaks over TCP" "continue" 'hit Breakpoint 1'
halt_machine

start_lines "null,id=u1" "pty,id=u2"
wait_for 60 grep -q '/dev/pts' "$work/qemu.out"
pty=$(sed -n 's|.*\(/dev/pts/[0-9]*\).*|\1|p' "$work/qemu.out")
check "gdb attaches over a pty" wait_for 60 answers_at "$pty"
gdb_session "$pty" <<'EOF'
break irq_handle
continue
detach
EOF
says "and breaks over a pty" "continue" 'hit Breakpoint 1'
halt_machine

plan
exit $status
