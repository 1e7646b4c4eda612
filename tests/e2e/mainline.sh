#!/usr/bin/env bash
# Recorded mainline systems behind a stub, through the programs as they are used: recording, every
# question with its answer, exports, and what goes wrong, in a sentence each.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=build/host/capdb
server=
proxy=

# --- helpers ---------------------------------------------------------------------------------------

# serve NAME [WORD...]: a stub; its target in $target, its files in $work/NAME
serve() {
    local name=$1
    stop_process server
    mkdir -p "$work/$name"
    rm -f "$work/$name/target"
    build/host/serve_sel4 "$name" "$work/$name" "${@:2}" >"$work/$name/target" 2>"$work/$name/log" &
    server=$!
    wait_for 60 test -s "$work/$name/target" && target=$(<"$work/$name/target")
}
finish_all() {
    stop_process proxy
    stop_process server
    finish
}
trap finish_all EXIT

record() { timeout 60 $capdb record "$target" "$run" --kernel "$work/$name/kernel.elf" --count 2 --every 0.05; }
ask() { $capdb "$1" "$run" "${@:2}"; }
says() { # text command...
    local text=$1 output
    shift
    output=$("$@" 2>&1)
    grep -qE -- "$text" <<<"$output" || { printf '%s\nwanted: %s\n' "${output:0:2000}" "$text"; return 1; }
}
complains() { # text command...: exit 2, and one line that has the text
    local text=$1
    shift
    "$@" >"$work/out" 2>"$work/complaint"
    local got=$?
    [ $got = 2 ] && [ "$(wc -l <"$work/complaint")" = 1 ] && grep -qE -- "$text" "$work/complaint" && return
    echo "exit $got, wanted: $text"
    cat "$work/complaint"
    return 1
}
# A fact of the recorded system: the field of its first line that begins so
fact() { awk -v what="$1" -v key="$2" -v field="$3" '$1 == what && $2 == key { print $field; exit }' "tests/fixtures/mainline/$name.txt"; }

# --- what is asked ---------------------------------------------------------------------------------

states() { # every thread in the state in which it was recorded
    local wrong
    wrong=$(ask threads | awk -F'\t' '
        { state[$2] = $4 }
        END {
            split("waiter receive sender send caller send notif wait server wait client reply faulter send spin restart bound receive suspended inactive", want, " ")
            for (i = 1; i in want; i += 2)
                if (state[want[i]] != want[i + 1]) print want[i], state[want[i]]
        }')
    [ -z "$wrong" ] || { echo "$wrong"; return 1; }
}
no_doubts() {
    ask check --all >"$work/check" 2>&1
    [ $? = 1 ] && ! grep -qE $'\t(doubt|tree|overlap|child-outside)' "$work/check" && grep -q "rootserver (1 thread)" "$work/check" || { cat "$work/check"; return 1; }
}
root_is_manager() { ask domains | grep -q $'^rootserver\tmanager'; }
island_is_named() { ask domains | grep -qE $'^waiter\t-.*its island'; }
unused_is_free() { # boot untypeds look full and are not
    [ "$(ask untyped | awk -F'\t' 'NR > 1 && $6 == 0 && $7 == 0 && $9 == $5' | wc -l)" -gt 20 ]
}
mapped_frame() { printf '0x%x' $((16#$(awk '$1 == "mapping" && $3 == "20000000" { print $4; exit }' "tests/fixtures/mainline/$name.txt"))); }
frame_is_owned() { says "owner.*waiter" ask owner "frame:$(mapped_frame)" && says "mapped at 0x20000000" ask owner "frame:$(mapped_frame)"; }
frame_is_reached() { says "write" ask can waiter write "frame:$(mapped_frame)"; }
tables_hang_together() { # each but a root in another
    [ "$(ask sql "SELECT count(*) FROM tables t WHERE n = 2 AND (asid = 0) <> EXISTS (SELECT 1 FROM tables o WHERE o.n = 2 AND o.addr = t.parent)" | tail -n 1)" = 0 ] &&
        [ "$(ask sql "SELECT count(*) FROM tables WHERE n = 2 AND asid = 0" | tail -n 1)" -gt 1 ]
}
fault_is_told() { says "0x123000" ask why-fault faulter && says "its fault handler is endpoint" ask why-fault faulter; }
waits_are_told() { says "waits for an answer" ask why-not-running client && says "waits for a signal" ask why-not-running server; }
parents_agree() { # depth, parent and slot of each capability as it was recorded
    python3 - "$capdb" "$run" "tests/fixtures/mainline/$name.txt" <<'PYTHON'
import subprocess, sys
capdb, run, fixture = sys.argv[1:]
lines = [line.split() for line in open(fixture)]
offset = int(next(f[1] for f in lines if f[0] == "offset"), 16)
segments = [[int(x, 16) for x in f[1:4]] for f in lines if f[0] == "segment"]
wide = 1 << (64 if next(f[1] for f in lines if f[0] == "arch") != "aarch32" else 32)
def physical(va):
    for at, pa, size in segments:
        if 0 <= va - at < size:
            return va - at + pa
    return (va - offset) % wide
want = {physical(int(f[1], 16)): (int(f[10], 16), physical(int(f[11], 16)) if int(f[11], 16) else None)
        for f in lines if f[0] == "cap"}
out = subprocess.run([capdb, "cdt", run], capture_output=True, text=True).stdout.splitlines()[1:]
got = {int(r[2], 16): (int(r[1]), None if r[3] in ("-", "") else int(r[3], 16)) for r in (line.split("\t") for line in out)}
wrong = [hex(slot) for slot in want if got.get(slot) != want[slot]]
sys.exit(f"{len(want)} recorded, {len(got)} told, wrong: {wrong[:5]}" if wrong or len(want) != len(got) else 0)
PYTHON
}
preview_agrees() { # a revoke takes what stands below
    local slot below
    slot=$(ask cdt | awk -F'\t' 'NR > 1 && $2 > d && !s { s = p } NR > 1 { d = $2; p = $3 } END { print s }')
    below=$(($(ask cdt "slot:$slot" | wc -l) - 2))
    test "$(ask preview "slot:$slot" | grep '^capability' | grep -vc 'with what it lies in$')" = "$below" || return 1
    says "revoke takes [0-9]+ capabilit(y|ies) in [0-9]+ step" ask preview "slot:$slot"
}
preview_is_whole() { # of each untyped memory that has children
    local at sum
    while read -r at; do
        ask preview "untyped:$at" >"$work/preview" || return 1
        sum=$(sed -n 's/.*revoke takes \([0-9]*\) capabilit.*/\1/p' "$work/preview")
        [ "$sum" = "$(grep -c "^capability" "$work/preview")" ] || { echo "$at: $sum"; cat "$work/preview"; return 1; }
    done < <(ask untyped | awk -F'\t' 'NR > 1 && $7 > 0 { print $1 }')
    [ "${sum:-0}" -gt 1 ]
}
untyped_is_owned() { # itself, whatever lies at its beginning; and by no kernel, wherever the kernel is
    local at seen=0
    while read -r at; do
        seen=$((seen + 1))
        says "^owner"$'\t'".*untyped $(printf '0x0*%x ' "$((at))")" ask owner "untyped:$at" || return 1
        ! ask owner "$at" | grep -F '(kernel)' || return 1
    done < <(ask untyped | awk -F'\t' 'NR > 1 { print $1 }')
    [ "$seen" -gt 1 ]
}
exports() {
    for format in dot json csv trace capdl; do
        [ "$(ask export --format $format | wc -c)" -gt 150 ] || { echo "$format"; return 1; }
    done
    ask export --format json | python3 -m json.tool >/dev/null && ask report -o "$work/report.html" && [ -s "$work/report.html" ]
}
is_capdl() { # the words of this architecture; and what capDL's own tool says, where there is one
    ask export --format capdl >"$work/spec.cdl"
    [ "$(head -n 1 "$work/spec.cdl")" = "arch $1" ] && grep -qE " = $2\$" "$work/spec.cdl" || { head -n 30 "$work/spec.cdl"; return 1; }
    ! command -v parse-capDL >/dev/null || parse-capDL -t "$work/spec.out" "$work/spec.cdl"
}
comes_back() { # a design of this kernel is read as it was written
    ask export --format capdl >"$work/spec.cdl" && "$capdb" import "$work/spec.cdl" "$work/design.capdb" &&
        "$capdb" export "$work/design.capdb" --format capdl >"$work/again.cdl" && diff "$work/spec.cdl" "$work/again.cdl" | head -n 20 >"$work/differs" || return 1
    # arm11 is read as the board of this kernel; who controls the ports of x86 cannot be said
    [ "$1" = arm11 ] || ! "$capdb" compare "$work/design.capdb" "$run" | tail -n +2 | grep -v 'ioportcontrol\|of waiter cnode\[7\]' | grep . ||
        { echo "that is what differs between design and system"; return 1; }
    rm -f "$work/design.capdb"
    [ ! -s "$work/differs" ] || { cat "$work/differs"; return 1; }
}
time_is_told() { says "0x[0-9a-f]+" ask sql "SELECT printf('0x%x', addr) FROM sched_contexts WHERE n = 2 AND budget > 0 LIMIT 1"; }

questions() { # NAME ARCH ROOT
    name=$1 run=$work/$1.capdb
    serve "$name"
    check "$name is recorded" record
    stop_process server
    check "$name: the recording verifies" ask verify
    check "$name: two snapshots of one state do not differ" test "$(ask diff 1 2 | wc -l)" = 1
    check "$name: threads are in their states" states
    check "$name: the tree is the one that was recorded" parents_agree
    check "$name: the root task is the manager" root_is_manager
    check "$name: an island is called after its first thread" island_is_named
    check "$name: nothing is doubted, and what its parent gives is no breach" no_doubts
    check "$name: boot untypeds are free" unused_is_free
    check "$name: a frame has its owner and its mapping" frame_is_owned
    check "$name: who could gain it" frame_is_reached
    check "$name: page tables hang in each other" tables_hang_together
    check "$name: a fault and its handler" fault_is_told
    check "$name: who waits for what" waits_are_told
    check "$name: a preview counts what stands below" preview_agrees
    check "$name: and lists all that it counts" preview_is_whole
    check "$name: untyped memory is owned as itself, and not by the kernel" untyped_is_owned
    check "$name: exports and report" exports
    check "$name: capDL of arch $2" is_capdl "$2" "$3"
    check "$name: which comes back as it was written" comes_back "$2"
}

questions a64 aarch64 pgd
questions a64mcs aarch64 pgd
check "a64mcs: scheduling contexts" time_is_told
questions a64v12 aarch64 pgd
questions a32 arm11 pd
questions rv64 riscv pt
questions x64 x86_64 pml4

# --- gdb's view of them: a stub that describes no processor, behind the proxy ----------------------

proxy_answers() { # [WORD]: gdb's output of a session through the proxy, in $work/NAME/gdb
    local socket=$work/$name/proxy.sock
    serve "$name" "$@" || return 1
    $capdb gdb-proxy "$target" "unix:$socket" --kernel "$work/$name/kernel.elf" 2>"$work/$name/proxy" &
    proxy=$!
    wait_for 60 listens "$socket"
    timeout 60 gdb-multiarch -nx -batch -ex 'set pagination off' -ex 'set width 0' -ex "target remote $socket" \
        -ex 'info threads' -ex 'monitor cap' -ex 'monitor cap why-not-running waiter' -ex 'monitor cap threads --at 3' \
        -ex 'monitor cap thread' -ex 'monitor break on delete' -ex 'monitor break' -ex detach \
        "$work/$name/kernel.elf" >"$work/$name/gdb" 2>&1 </dev/null
    stop_process proxy
    stop_process server
    grep -q 'detached' "$work/$name/gdb" || { cat "$work/$name/gdb"; return 1; }
}
gdb_says() { grep -qE -- "$1" "$work/$name/gdb" || { head -c 3000 "$work/$name/gdb"; return 1; }; }
gdb_knows_threads() {
    gdb_says '"processor" \(in user mode: rootserver\)' && gdb_says '^\* .*"rootserver" \(runs\)' &&
        gdb_says '"client" \(waits for an answer\)' && gdb_says '"faulter" \(has faulted \(memory fault at 0x123000\)'
}
gdb_knows_threads_from_inside() {
    gdb_says '"processor" \(in the kernel, on behalf of rootserver\)' && gdb_says '"rootserver" \(runs\)' &&
        gdb_says '"client" \(waits for an answer\)' && gdb_says '"faulter" \(has faulted \(memory fault at 0x123000\)'
}
only_its_own() { gdb_says '^  cap why-not-running THREAD$' && gdb_says '^  cap only ' && ! grep -qE 'cap record|--at|FILE' "$work/$name/gdb"; }
for name in a64 a32 rv64 x64; do
    check "$name: gdb speaks to it through the proxy" proxy_answers
    check "$name: gdb lists its threads and why they wait" gdb_knows_threads
    check "$name: monitor cap lists what it takes, and that alone" only_its_own
    check "$name: a question has capdb's answer" gdb_says ' waiter waits to receive from endpoint 0x'
    check "$name: no other moment, no other file" gdb_says 'threads: not from inside a debugger'
    check "$name: a wrong word has the right one" gdb_says 'no command thread; did you mean threads'
    check "$name: a stop at a capability event is armed" gdb_says '^ *1: on delete, 0 hits'
done

for name in a64 a32; do
    check "$name: gdb speaks to it through the proxy in front of a stub with OpenOCD's habits" proxy_answers openocd
    check "$name: it lists its threads, stopped in the kernel" gdb_knows_threads_from_inside
    check "$name: so is a stop at a capability event" gdb_says '^ *1: on delete, 0 hits'
done

# LLDB knows no ABI of RISC-V: what its registers mean comes from the proxy.
lldb_lists_frames() {
    local socket=127.0.0.1:$((20000 + $$ % 20000))
    serve rv64 openocd || return 1
    $capdb gdb-proxy "$target" "tcp:${socket#*:}" --kernel "$work/rv64/kernel.elf" 2>"$work/rv64/proxy" &
    proxy=$!
    wait_for 60 grep -q 'gdb and LLDB find' "$work/rv64/proxy"
    printf '%s\n' 'platform select remote-gdb-server' "target create $work/rv64/kernel.elf" "gdb-remote $socket" \
        'thread list' 'thread select 3' 'register read pc sp' detach quit >"$work/rv64/script"
    timeout 60 lldb-14 --no-lldbinit -b -s "$work/rv64/script" >"$work/rv64/lldb" 2>&1 </dev/null
    stop_process proxy
    stop_process server
    grep -qE "thread #[0-9]+: tid = 0x[0-9a-f]+, 0x[0-9a-f]+.*, name = 'client'" "$work/rv64/lldb" &&
        grep -qE '^ *pc = 0x[0-9a-f]{16}' "$work/rv64/lldb" || { cat "$work/rv64/proxy" "$work/rv64/lldb"; return 1; }
}
check "rv64: LLDB has frames and registers of its threads" lldb_lists_frames

# --- what goes wrong -------------------------------------------------------------------------------

attempt() { timeout 60 $capdb record "$target" "$work/none.capdb" --kernel "$1" --count 1 --patience 0 "${@:2}"; }
name=a64
serve a64
elf=$work/a64/kernel.elf
printf 'block null_cap {\n  padding\n' >"$work/bad.pbf"
check "no such kernel.elf" complains "kernel $work/none.elf: .*No such file" attempt "$work/none.elf"
check "a file that is no ELF" complains "kernel README.md: not an ELF file" attempt README.md
check "a stripped kernel.elf" complains "stripped.elf: .*symbol" attempt "$work/a64/stripped.elf"
check "the kernel.elf of another build of the same architecture" complains "another kernel runs|has not booted" attempt "$work/a64v12/kernel.elf"
check "the kernel.elf of another architecture" complains "kernel\.elf|registers are not those" attempt "$work/x64/kernel.elf"
check "a description that is none" complains "line 3 of the layout|layout" attempt "$elf" --layout "$work/bad.pbf"
check "no such description" complains "layout $work/none.pbf: No such file" attempt "$elf" --layout "$work/none.pbf"
check "--kernel with the serial monitor" complains "goes with gdb: and ram: targets" timeout 60 $capdb record "monitor:unix:$work/none" "$work/none.capdb" --kernel "$elf"
check "after all that the stub still serves" timeout 60 $capdb record "$target" "$work/after.capdb" --kernel "$elf" --count 1
serve a64 other
check "other code in memory" complains "another kernel runs: code differs" attempt "$elf"
serve a64 paused
run=$work/paused.capdb
check "a machine that was paused is recorded, and said not to run" says "the machine does not run, and is left so" record
check "events that did not come were looked for" says "2 snapshots recorded, 0 events: no capability was made, copied, moved or deleted" \
    timeout 60 $capdb record "$target" "$work/quiet.capdb" --kernel "$elf" --count 2 --every 0.05 --events
serve a64 busy
check "a question to a kernel that is never at rest says so" says "at work when it was read" $capdb threads "$target" --kernel "$elf"
check "and a recording of it, with the number" says "at work when 2 of these snapshots were taken" \
    timeout 60 $capdb record "$target" "$work/busy.capdb" --kernel "$elf" --count 2 --every 0.05
tmux_socket=$work/tmux
. tests/e2e/terminal.bash
TERM=xterm-256color tm -f /dev/null new-session -d -s t -x 110 -y 30 "build/host/inspector-tui $target --kernel $elf"
check "the inspector says so, too" shows_soon 'READ AT WORK: may be half changed'
tm kill-server
screen_on_failure=
serve a64 narrow
check "a target of another architecture" complains "another architecture" attempt "$elf"
serve a64 unbooted
check "a machine that has not booted" complains "has not booted yet" attempt "$elf"
serve a64 virtual
serve a64 openocd
check "and one with OpenOCD's habits" timeout 60 $capdb record "$target" "$work/openocd.capdb" --kernel "$elf" --count 1
check "which says what it is, and is not what the kernel.elf is for" complains \
    "of another architecture: i386:x86-64, and the target is aarch64" attempt "$work/x64/kernel.elf"
serve a64 virtual
check "a stub without physical mode is read from inside" timeout 60 $capdb record "$target" "$work/virtual.capdb" --kernel "$elf" --count 1
for n in 2 5 30 90; do
    serve a64 dies=$n
    rm -f "$work/none.capdb"
    check "a line that dies at answer $n" complains "closed the connection|line to the stub|gone" attempt "$elf"
done
check "no recording came of any of it" test ! -s "$work/none.capdb" -o -z "$($capdb snapshots "$work/none.capdb" 2>/dev/null | tail -n +2)"
plan
