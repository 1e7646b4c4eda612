#!/usr/bin/env bash
# scripts/capscope-gdb.py in the real gdb: what `cap` says through QEMU's stub and through the stub in
# the kernel is what capdb says of the same memory.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

kernel=build/arm/debug/kernel.elf
deadline=120

# session TARGET: commands from stdin, each answer into $work/answer.N, N from 1; `same ...` asks capdb
# the same of the machine's memory while it stands, into $work/wanted.N.
session() {
    rm -f "$work"/answer.* "$work"/wanted.*
    {
        printf 'set pagination off\nset confirm off\ntarget remote %s\n' "$1"
        printf 'source scripts/capscope-gdb.py\npython\nimport gdb, subprocess\nnumber = 0\ndef ask(c):\n'
        printf '    global number\n    number += 1\n'
        printf '    try: text = gdb.execute(c, to_string=True)\n    except gdb.error as e: text = str(e)\n'
        printf '    open("%s/answer.%%d" %% number, "w").write(text)\n' "$work"
        printf 'def same(*words):\n'
        printf '    ran = subprocess.run(("build/host/capdb",) + words, capture_output=True, text=True)\n'
        printf '    open("%s/wanted.%%d" %% number, "w").write(ran.stdout)\n' "$work"
        cat
        printf 'end\ndetach\n'
    } >"$work/script"
    timeout $deadline gdb-multiarch -nx -batch -x "$work/script" $kernel >"$work/out" 2>&1 </dev/null
}

same_answer() { # number
    [ -s "$work/wanted.$1" ] && diff "$work/wanted.$1" "$work/answer.$1" || { tail -n 5 "$work/out"; return 1; }
}

answer_has() { # number pattern
    grep -qE -- "$2" "$work/answer.$1" || { head -5 "$work/answer.$1"; tail -n 5 "$work/out"; return 1; }
}

questions() { # how it is reached
    session "$2" <<EOF
ram = "ram:$work/ram"
ask("cap threads"); same("threads", ram)
ask("cap cdt"); same("cdt", ram)
ask("cap untyped"); same("untyped", ram)
ask("cap owner 0x82400000"); same("owner", ram, "0x82400000")
ask("cap who thread:driver/server"); same("who", ram, "thread:driver/server")
ask("cap sql 'SELECT count(*) FROM caps'")
ask("cap check")
ask("p \$_exitcode")
slot = int(gdb.parse_and_eval("(unsigned)ks.cdt_head.next & ~15"))
gdb.set_convenience_variable("first", slot)
ask("cap cdt \$first"); same("cdt", ram, hex(slot))
ask("cap who")
ask("cap who 0xnothing")
ask("cap nonsense")
ask("cap save $work/saved.capdb")
ask("help cap who")
EOF
    check "$1: cap threads says what capdb says" same_answer 1
    check "$1: cap cdt gives the same derivation tree" same_answer 2
    check "$1: cap untyped gives the same memory" same_answer 3
    check "$1: cap owner names the same owner" same_answer 4
    check "$1: cap who finds the same holders" same_answer 5
    check "$1: cap sql answers a query" answer_has 6 '[0-9]{3,}'
    check "$1: cap check finds the healthy demo healthy" answer_has 8 '= 0'
    check "$1: an operand may be an expression" same_answer 9
    check "$1: a missing operand shows the usage" answer_has 10 'usage: cap who OBJECT'
    check "$1: what is no address is an error" answer_has 11 '0xnothing'
    check "$1: an unknown command is an error" answer_has 12 'nonsense'
    check "$1: cap save leaves a recording" build/host/capdb threads "$work/saved.capdb"
    check "$1: help tells what a command does" answer_has 14 'All capabilities to an object'
    rm -f "$work/saved.capdb"
}

boot build/arm/debug/image-demo-healthy.elf
running() {
    build/host/capdb threads "ram:$work/ram" 2>/dev/null | grep -q driver/server
}
check "the demo runs" wait_for 60 running
questions "QEMU's stub" "$work/gdb.sock"
questions "the stub in the kernel" "$work/stub.sock"

CAPDB=/nonexistent/capdb session "$work/gdb.sock" <<<'ask("cap threads")'
check "a capdb that is not there is named" answer_has 1 '/nonexistent/capdb: No such file'
session /nonexistent/socket <<<'ask("cap threads")'
cat >"$work/script" <<EOF
source scripts/capscope-gdb.py
cap threads
source scripts/capscope-reverse.py
source scripts/capscope-gdb.py
help cap
EOF
gdb-multiarch -nx -batch -x "$work/script" >"$work/answer.1" 2>&1 </dev/null
check "without a machine it says so" answer_has 1 'gdb is not attached to a machine'
sed -i '/^cap threads/d' "$work/script"
gdb-multiarch -nx -batch -x "$work/script" >"$work/answer.2" 2>&1 </dev/null
check "it stands beside the commands that go back in a replay" answer_has 2 'cap killed'
check "and they beside it" answer_has 2 'cap who'

plan
