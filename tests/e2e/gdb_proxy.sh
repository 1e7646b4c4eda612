#!/usr/bin/env bash
# capdb gdb-proxy under the real gdb and LLDB, in front of QEMU's stub, which sees one processor, and of the stub in
# the kernel: threads, registers and memory, steps, breakpoints for one thread, monitor cap; noise, debuggers that die,
# a machine that dies.  After each debugger the machine must run, with nothing planted.
set -uo pipefail
source "$(dirname "$0")/lib.bash"
source tests/e2e/gdb_session.bash

kernel=$work/kernel.elf
image=$work/image.elf
demo=$work/demo.elf
capdb=build/host/capdb
cp build/arm/debug/kernel.elf "$kernel"
cp build/arm/debug/image-demo-healthy.elf "$image"
cp build/arm/user/demo-healthy.elf "$demo"
deadline=60
proxy_pid=

# The system call of critical/watchdog, which it comes back from at every tick it waits for.
svc=$(arm-none-eabi-objdump -d --disassemble=critical_watchdog "$demo" |
    awk '$3 == "svc" { sub(":", "", $1); print "0x" $1; exit }')
behind=$(printf '0x%x' $((svc + 4)))

ticks() {
    timeout 30 "$capdb" sql "ram:$work/ram" 'SELECT ticks FROM snapshots' 2>/dev/null | tail -n 1
}

beyond() { # ticks
    local now
    now=$(ticks)
    [ "${now:-0}" -gt "$1" ]
}

# Long enough for every thread of the demo to have run: at a breakpoint left behind it would stand.
runs() {
    local now
    now=$(ticks)
    wait_for 60 beyond $((now + 200))
}

start_proxy() { # TARGET LISTEN
    : >"$work/proxy.err" # what the one before said is no answer
    "$capdb" gdb-proxy "$1" "$2" 2>"$work/proxy.err" >"$work/proxy.out" &
    proxy_pid=$!
    wait_for 60 grep -q 'gdb and LLDB find' "$work/proxy.err"
}

# A check runs in a shell of its own, where no variable can be set: processes begin and end outside.
stop_proxy() {
    stopped=$proxy_pid
    stop_process proxy_pid
}

ended() { # PID
    ! kill -0 "$1" 2>/dev/null
}

contains() { # FILE PATTERN
    grep -qE -- "$2" "$1" || { cat "$1"; return 1; }
}

refuses() { # PATTERN ARGUMENTS...: a sentence, exit 2
    local pattern=$1 status
    shift
    timeout 30 "$capdb" gdb-proxy "$@" >"$work/refused" 2>&1
    status=$?
    [ $status -eq 2 ] && contains "$work/refused" "$pattern"
}

turned_away() { # SOCKET: it hangs up before anything was said
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
sys.exit(s.recv(1) != b"")' "$1"
}

line_pid=
trap 'stop_process line_pid; stop_process proxy_pid; finish' EXIT

# --- in front of QEMU's stub -------------------------------------------------------------------
boot "$image"
check "the demo runs" wait_for $deadline beyond 100
start_proxy "gdb:unix:$work/gdb.sock" "unix:$work/proxy.sock"
check "the proxy listens" grep -q "gdb and LLDB find" "$work/proxy.err"
# QEMU serves one at a time; what this one says while it waits, QEMU reads once the proxy has left.
timeout 60 "$capdb" threads "gdb:unix:$work/gdb.sock" >"$work/waiter" 2>&1 &
waiter_pid=$!
timeout 30 "$capdb" why-not-running "ram:$work/ram" driver/server >"$work/why" 2>/dev/null
gdb_session "$work/proxy.sock" <<EOF
add-symbol-file $demo
info threads
python chosen = {t.name: t for t in gdb.selected_inferior().threads()}
python chosen["driver/server"].switch()
bt
x/i \$pc
info registers pc cpsr
print \$lr == 0
python chosen["critical/watchdog"].switch()
x/2xw $svc
python chosen["processor"].switch()
x/xw 0xf0000000
monitor cap why-not-running driver/server
monitor cap who ep:0
monitor cap threads
monitor cap record x
monitor cap export --format json -o $work/stolen
monitor cap domains --domains /etc/passwd
monitor cap no-such-question
monitor cap check --junit $work/stolen
monitor cap
monitor break on revoke
break *$svc
continue
stepi
print \$pc == (void *)$behind
python print(gdb.selected_thread().name, "steps")
delete
monitor cap only $behind thread driver/timer
monitor cap only 0x1 thread nobody
monitor cap only
break *$behind
python chosen["driver/timer"].switch()
stepi
x/i \$pc - 4
python print(gdb.selected_thread().name, "is back")
EOF
says "info threads names every thread" "info threads" '"driver/server"' '"guest/init"' '"critical/watchdog"' '"idle"'
says "and says why it does not run" "info threads" '"rootserver" \(waits for a signal of notification 0x' \
    '"driver/server" \((waits to receive from endpoint|is ready|runs)'
says "a blocked thread has its own stack of calls" bt '#0 .*(syscall_raw|driver_server)' 'driver_server \(\)'
says "its code is read by its own page tables" 'x/i $pc' '=> 0x1[0-9a-f]+ <driver_server.*'
says "its registers are those the kernel saved" "info registers pc cpsr" 'pc +0x1[0-9a-f]+ ' 'cpsr +0x[0-9a-f]*[15]0 '
says "another thread's code lies at the same addresses" "x/2xw $svc" "0xef000000"
says "the kernel's memory is read wherever the processor is" 'x/xw 0xf0000000' '^0xf0000000.*:.0x'
says "monitor cap gives capdb's sentence" "monitor cap why-not-running driver/server" \
    "$(sed -n 2p "$work/why" | cut -f3 | sed 's/ 0x.*//')"
says "a wrong name is a sentence" "monitor cap who ep:0" 'capdb: .*ep:0'
says "monitor cap threads is a table" "monitor cap threads" 'driver/server +driver '
says "no command that goes to the target again" "monitor cap record x" 'usage|not from inside a debugger'
says "none that writes a file" "monitor cap export --format json -o $work/stolen" 'not from inside a debugger'
check "and none was written" test ! -e "$work/stolen"
says "none that reads one" "monitor cap domains --domains /etc/passwd" 'not from inside a debugger'
says "an unknown question is a sentence" "monitor cap no-such-question" 'no command no-such-question'
says "nor a report" "monitor cap check --junit $work/stolen" 'not from inside a debugger'
says "what it takes is listed" "monitor cap" '^  cap why-not-running THREAD$' '^  cap only '
says_not "and nothing else" "monitor cap" "cap record|FILE|--at"
says "a stub that knows no capabilities is no place to stop at them" "monitor break on revoke" \
    'this stub knows no capabilities' 'UART2'
check "no file was written" test ! -e "$work/stolen"
says "a breakpoint in a program stops with its thread" continue '"critical/watchdog" hit Breakpoint'
says "a step over a system call ends behind it" "print \$pc == (void *)$behind" '= 1'
says "in the same thread" 'python print(gdb.selected_thread().name, "steps")' 'critical/watchdog steps'
says "a filter is told" "monitor cap only" "$behind holds in thread driver/timer only"
says "a thread that does not exist is a sentence" "monitor cap only 0x1 thread nobody" 'no thread, or more than one'
says "a step of a blocked thread ends behind its system call" 'x/i $pc - 4' 'svc'
says "in that thread" 'python print(gdb.selected_thread().name, "is back")' 'driver/timer is back'
says_not "which hit no breakpoint" stepi 'hit Breakpoint'
check "it leaves the machine running, with nothing planted" runs

# Programs in a directory, by the names of threads: the demo's are one program, the guest gets another.
mkdir "$work/programs"
cp "$demo" "$work/programs/driver.elf"
cp build/arm/user/hello.elf "$work/programs/guest.elf"
echo "no program" >"$work/programs/critical.elf"
gdb_session "$work/proxy.sock" <<EOF
source scripts/capscope-symbols.py
cap symbols /nowhere
cap symbols $work/programs
python numbers = {t.name: t.num for t in gdb.selected_inferior().threads()}
python gdb.execute("thread %d" % numbers["driver/server"])
bt
python gdb.execute("thread %d" % numbers["guest/init"])
python print("loaded", sorted(o.filename.split("/")[-1] for o in gdb.objfiles()))
cap bt 3
EOF
says "a directory that is not there is a sentence" "cap symbols /nowhere" 'cap: /nowhere: No such file'
says "threads are given programs by their names" "cap symbols $work/programs" 'driver/server +driver.elf' \
    'guest/init +guest.elf' 'critical/control +-' 'rootserver +-'
says "the selected thread has its program's symbols" bt 'driver_server \(\)'
loaded='python print("loaded", sorted(o.filename.split("/")[-1] for o in gdb.objfiles()))'
says "another thread has another's" "$loaded" "'guest.elf'"
says_not "and no longer those of the one before" "$loaded" "'driver.elf'"
says "every backtrace has its own" "cap bt 3" '"driver/server".*' 'driver_server \(\)'

cat >"$work/interrupt.py" <<'EOF'
import os, signal, threading
import gdb
gdb.events.cont.connect(lambda e: threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start())
EOF
gdb_session "$work/proxy.sock" <<EOF
source $work/interrupt.py
continue
info threads
detach
EOF
says "^C stops it" continue 'received signal SIGINT'
says "and threads are there again" "info threads" '"guest/init"'
says "detach is answered" detach 'detached'
check "detach leaves it running" runs

# A debugger that is killed with a breakpoint in place, at which it stands.
mkfifo "$work/commands"
gdb-multiarch -nx -q "$kernel" <"$work/commands" >"$work/killed" 2>&1 &
gdb_pid=$!
exec 3>"$work/commands"
printf 'set breakpoint always-inserted on\ntarget remote %s\nbreak *%s\ncontinue\n' "$work/proxy.sock" "$svc" >&3
check "gdb stands at a breakpoint" wait_for $deadline grep -q 'hit Breakpoint\|Breakpoint 1, ' "$work/killed"
check "another debugger is turned away meanwhile" turned_away "$work/proxy.sock"
check "which is said" grep -q "another debugger was turned away" "$work/proxy.err"
kill -9 $gdb_pid
wait $gdb_pid 2>/dev/null
exec 3>&-
check "a gdb that dies leaves the machine running, with nothing planted" runs

# Noise on the debugger's line.
cat >"$work/noise.py" <<'EOF'
import re, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
def frame(b): return b"$" + b + b"#%02x" % (sum(b) & 255)
def until(want):
    got = b""
    while not re.search(want, got):
        more = s.recv(4096)
        if not more:
            raise SystemExit(f"closed after {got!r}, wanted {want!r}")
        got += more
    return got
s.sendall(b"rubbish\x00\xff$qC#00")
until(rb"-")
s.sendall(frame(b"qC"))
until(rb"QC[0-9a-f]+#..")
s.sendall(b"-")
until(rb"QC[0-9a-f]+#..")
for bad in (b"m", b"mzz", b"m0,ffffffff", b"M0,4:00", b"Hgzz", b"p", b"pffffffff", b"T", b"qRcmd,zz", b"qRcmd,6",
            b"qXfer:threads:read::zz", b"qXfer:threads:read::ffffffff,ffffffff", b"Z", b"Z1", b"Z0," + b"1" * 300,
            b"qThreadExtraInfo,", b"qThreadStopInfo", b"vCont;s:zz", b"", b"X0,1:\x01", b"vRun;x", b"G00", b"P0=00"):
    s.sendall(frame(bad))
    until(rb"\$[^#]*#..")
s.sendall(b"$" + b"a" * 100000 + b"#00")
until(rb"-")
s.sendall(frame(b"qC"))
until(rb"QC[0-9a-f]+#..")
EOF
check "noise and broken requests are answered" timeout $deadline python3 "$work/noise.py" "$work/proxy.sock"
check "and leave the machine running" runs

cat >"$work/script" <<END
platform select remote-gdb-server
target create $kernel
gdb-remote 127.0.0.1:PORT
thread list
breakpoint set -a $behind
continue
register read pc
thread step-inst
detach
quit
END
wait $waiter_pid
check "who waits at a stub that is in use gives up with a sentence" contains "$work/waiter" 'is another debugger attached'
stop_proxy
check "a proxy that is told to end does" ended "$stopped"
check "and leaves the machine running, whoever waited behind it" runs
port=$((20000 + $$ % 20000))
start_proxy "gdb:unix:$work/gdb.sock" "tcp:$port"
check "the proxy listens on TCP" grep -q "gdb and LLDB find" "$work/proxy.err"
sed -i "s/PORT/$port/" "$work/script"
timeout $deadline lldb-14 --no-lldbinit -b -s "$work/script" >"$work/lldb" 2>&1 </dev/null
check "LLDB lists the threads by name" contains "$work/lldb" "tid = 0x[0-9a-f]+, 0x[0-9a-f]+, name = 'driver/server'"
check "LLDB stops at a breakpoint in a program" contains "$work/lldb" 'stop reason = breakpoint 1'
check "LLDB steps" contains "$work/lldb" 'stop reason = instruction step into'
check "LLDB detaches" contains "$work/lldb" 'detached'
check "and leaves it running" runs
check "a busy place is a sentence" refuses "Address already in use|in use" "gdb:unix:$work/stub.sock" "tcp:$port"
check "no place is a sentence" refuses 'no place to listen at' "gdb:unix:$work/stub.sock" nowhere
check "a target that is no stub is a sentence" refuses 'no stub to stand in front of' "ram:$work/ram" unix:x

# --- the machine dies --------------------------------------------------------------------------
gdb-multiarch -nx -batch -ex "target remote :$port" -ex continue "$kernel" >"$work/out" 2>&1 </dev/null &
gdb_pid=$!
check "gdb waits" wait_for $deadline grep -q 'kernel/\|in ' "$work/out"
halt_machine
check "gdb ends when the machine is killed" wait_for $deadline ended $gdb_pid
check "the proxy says so and ends" wait_for $deadline ended $proxy_pid
wait "$proxy_pid"
proxy_status=$?
check "with status 2" test $proxy_status -eq 2
check "in a sentence" contains "$work/proxy.err" 'gdb:unix:.*: the stub closed the connection|the line to the stub failed'
proxy_pid=

# --- a line to the stub that loses, doubles and flips bytes -------------------------------------
rm -f "$work"/*.sock "$work/ram"
boot "$image"
check "a machine behind a bad line runs" wait_for $deadline beyond 100
timeout 200 python3 tests/tools/noisy_line.py "$work/noisy.sock" "$work/gdb.sock" --seed 5 --rate 3000 >"$work/noisy.count" 2>&1 &
line_pid=$!
wait_for $deadline test -S "$work/noisy.sock"
start_proxy "gdb:unix:$work/noisy.sock" "unix:$work/proxy.sock"
check "the proxy listens in front of it" grep -q "gdb and LLDB find" "$work/proxy.err"
gdb_session "$work/proxy.sock" <<EOF
add-symbol-file $demo
info threads
python [t.switch() for t in gdb.selected_inferior().threads() if t.name == "driver/server"]
bt
monitor cap threads
EOF
says "threads come through the noise" "info threads" '"driver/server"' '"guest/init"' '"critical/watchdog"'
says "so do stacks" bt 'driver_server \(\)'
says "and answers" "monitor cap threads" 'driver/server +driver '
check "it leaves the machine running" runs
stop_proxy
noise_was_made() { [ "$(grep -oE 'damaged [0-9]+' "$work/noisy.count" | awk '{ s += $2 } END { print s + 0 }')" -ge 10 ]; }
check "there was noise" wait_for $deadline noise_was_made
stop_process line_pid

# The line ends in the middle of an answer.
timeout 200 python3 tests/tools/noisy_line.py "$work/cut.sock" "$work/gdb.sock" --rate 0 --cut 200000 >"$work/cut.count" 2>&1 &
line_pid=$!
wait_for $deadline test -S "$work/cut.sock"
start_proxy "gdb:unix:$work/cut.sock" "unix:$work/proxy.sock"
gdb_session "$work/proxy.sock" <<EOF
info threads
x/20000xw 0xf0000000
EOF
check "a line that is cut ends the proxy" wait_for $deadline ended "$proxy_pid"
wait "$proxy_pid"
cut_status=$?
check "with status 2, too" test $cut_status -eq 2
check "and a sentence" contains "$work/proxy.err" 'gdb:unix:.*: the stub closed the connection|the line to the stub failed'
proxy_pid=
stop_process line_pid
halt_machine

# --- in front of the stub in the kernel --------------------------------------------------------
rm -f "$work"/*.sock "$work/ram"
boot "$image"
check "another machine runs" wait_for $deadline beyond 100
start_proxy "gdb:unix:$work/stub.sock" "unix:$work/proxy.sock"
check "the proxy stands in front of its stub" grep -q "gdb and LLDB find" "$work/proxy.err"
gdb_session "$work/proxy.sock" <<EOF
add-symbol-file $demo
info threads
monitor cap why-not-running driver/server
monitor break on revoke
continue
monitor step
continue 1
monitor delete 1
python [t.switch() for t in gdb.selected_inferior().threads() if t.name == "driver/server"]
bt
detach
EOF
says "its threads have reasons" "info threads" '"rootserver" \(waits for a signal' '"processor" \(in the kernel'
says "monitor cap is answered" "monitor cap why-not-running driver/server" 'driver/server '
says "a capability event is the reason of a stop" continue 'stopped: condition 1' 'guest/init revoke 0x'
says "monitor step leads through the revocation" "continue 1" 'stopped: step' 'victim 0x'
says "the stub's registers and memory pass" bt 'driver_server'
check "it runs on" runs
stop_proxy
plan
