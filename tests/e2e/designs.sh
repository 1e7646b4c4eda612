#!/usr/bin/env bash
# capDL designs, judged before they run: what only page tables refer to is judged as what CNodes hold, and
# a name that two threads have is refused by every question.  No target.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

capdb=$PWD/build/host/capdb
cd "$work" || exit 1

says() { # STATUS SENTENCE COMMAND...
    local status=$1 wanted=$2
    shift 2
    "$@" >said 2>&1
    local is=$?
    [ $is = "$status" ] && grep -qE -- "$wanted" said || { echo "exit $is"; head -5 said; return 1; }
}
silent() { ! grep -qE -- "$1" said; }

# --- two components that share a page, which one of them only reads -----------------------------------

design() { # NAME CAPS-OF-ca
    cat >"$1.cdl" <<CAPDL
arch arm11
objects {
  ca = cnode (2 bits)  cb = cnode (2 bits)  a = tcb -- a/init
  b = tcb -- b/init
  pa = pd  pb = pd  ta = pt  tb = pt  idle = ep  shared = frame (4k, paddr: 0x80200000)
}
caps {
  a { cspace: ca (guard: 0, guard_size: 30) vspace: pa }
  b { cspace: cb (guard: 0, guard_size: 30) vspace: pb }
  ca { $2 }
  pa { 1: ta } pb { 1: tb } ta { 0: shared (RW) } tb { 0: shared (R) }
}
CAPDL
}
design mapped ""
design held "0: a 1: idle 2: shared (RW)"
check "what no capability refers to is named" says 0 "6 objects that no capability refers to are kept.*: a, b, ta, tb, idle, shared$" $capdb import mapped.cdl mapped.capdb
check "and only that" says 0 "3 objects .*: b, ta, tb$" $capdb import held.cdl held.capdb
for run in mapped held; do
    check "$run: one can read it" says 0 "read" $capdb can $run.capdb b read 0x80200000
    check "$run: and not write it" says 1 "b can never gain write over 0x80200000" $capdb can $run.capdb b write 0x80200000
    check "$run: information flows" says 0 "<-read" $capdb path $run.capdb a b --flow
    check "$run: a policy tells it" says 0 "^allow a write b 4K frame$" $capdb policy $run.capdb
    check "$run: and which domains" says 0 "^a	.*	b	" $capdb domains $run.capdb
    check "$run: it is reached" says 0 "frame 0x80200000" $capdb what-can-it-reach $run.capdb b
    check "$run: from both sides" says 0 "b/init" $capdb who-can-reach $run.capdb frame:0x80200000
    check "$run: both own it" says 0 "^owner	\(shared\)" $capdb owner $run.capdb 0x80200000
    check "$run: with their mappings" grep -q "^mapping	b" said
    check "$run: it is not lost" says 1 "^lost	0x80201000" $capdb leak $run.capdb
    check "$run: nor is what holds it" silent "^lost	0x(8010[0-7]|80200000)"
    check "$run: an export has it" says 0 "fr_80200000 = frame" $capdb export $run.capdb --format capdl
    $capdb export $run.capdb --format capdl >$run-1.cdl
    $capdb import $run-1.cdl $run-2.capdb 2>/dev/null
    check "$run: and comes back to the same" cmp $run-1.cdl <($capdb export $run-2.capdb --format capdl)
    check "$run: over what is a domain's own" says 0 "a could gain write over something of b's" $capdb can $run.capdb a write b
    check "$run: or not" says 1 "b can never gain write over anything of a's" $capdb can $run.capdb b write a
    check "$run: which does not differ" says 0 "" $capdb compare $run.capdb $run-2.capdb
done
$capdb policy held.capdb | sed '/^allow/d' >tight
check "a policy without it is not kept" says 1 "a.*b" $capdb check mapped.capdb --policy tight

# --- names ----------------------------------------------------------------------------------------------

cat >twins.cdl <<'CAPDL'
arch arm11
objects { cn = cnode (4 bits)  one = tcb -- guest/init
  two = tcb -- guest/init
  three = tcb -- thread:guest/init
  four = tcb -- alone/init
}
caps { one { cspace: cn (guard: 0, guard_size: 28) } four { cspace: cn (guard: 0, guard_size: 28) } }
CAPDL
$capdb import twins.cdl twins.capdb 2>/dev/null || exit 1
both='guest/init fits 2 threads: guest/init \(tcb:0x[0-9a-f]+\), guest/init \(tcb:0x[0-9a-f]+\)$'
for question in "owner NAME" "history NAME" "who NAME" "who NAME --from 1" "cdt NAME" "preview NAME" "untyped NAME" \
    "path NAME alone/init" "path alone/init NAME" "can NAME read alone/init" "can alone/init read NAME" \
    "who-can-reach NAME" "what-can-it-reach NAME" "export --format dot --around NAME" "retype NAME tcb" \
    "why-not-running NAME" "why-fault NAME" "why-denied NAME 0"; do
    command=${question%% *}
    read -ra operands <<<"${question#* }"
    check "$question refuses a name of two" says 2 "$both" $capdb "$command" twins.capdb "${operands[@]//NAME/guest/init}"
done
check "a part of several names lists as many as it counts" says 2 \
    "guest fits 3 threads: guest/init [^,]*, guest/init [^,]*, thread:guest/init [^,]*$" $capdb why-not-running twins.capdb guest
tcb=$($capdb sql twins.capdb "SELECT printf('tcb:0x%x', addr) FROM threads WHERE name = 'guest/init' LIMIT 1" | tail -1)
check "an address names one of them" says 0 "no domain holds it or maps it" $capdb owner twins.capdb "$tcb"
check "in every snapshot" says 0 "^1	now	owner	-	.*no domain holds it or maps it" $capdb history twins.capdb "$tcb"

sed -e 's/guest\/init/33/' -e 's/alone\/init/27\/alone/' -e '/two = /d' twins.cdl >numbers.cdl
$capdb import numbers.cdl numbers.capdb 2>/dev/null || exit 1
for question in "owner NAME" "history NAME" "who NAME" "cdt NAME" "preview NAME" "untyped NAME" "path NAME 27/alone" \
    "path 27/alone NAME" "can NAME read 27/alone" "can 27/alone read NAME" "who-can-reach NAME" \
    "what-can-it-reach NAME" "export --format dot --around NAME"; do
    command=${question%% *}
    read -ra operands <<<"${question#* }"
    check "$question refuses a number that is a name" says 2 "33 is an address and the name of a thread: 0x21 or thread:33$" \
        $capdb "$command" numbers.capdb "${operands[@]//NAME/33}"
done
check "a thread that is called so is found where only threads are asked for" says 0 "^0	.*33 " $capdb why-not-running numbers.capdb 33
check "and by its kind" says 0 "holds" $capdb who numbers.capdb thread:33
check "a domain is named by its kind, too" says 2 "27 is an address and the name of a domain: 0x1b or domain:27$" \
    $capdb what-can-it-reach numbers.capdb 27
check "a number that is no name is an address" says 1 "no capability refers to memory at 0x22" $capdb owner numbers.capdb 34

# --- the owner of what is reached is whom `owner` names --------------------------------------------------

owners_agree() {
    local n=0 owner object
    while IFS=$'\t' read -r owner object _; do
        says 0 "^owner	$(sed 's/[()]/\\&/g' <<<"$owner")	" $capdb owner "$1" "$object" || { echo "$object: not $owner"; return 1; }
        n=$((n + 1))
    done < <($capdb what-can-it-reach "$1" "$2" | sed -n 's/\tpagedir /\tpd /; s/^\([^\t]*\)\t\(cnode\|tcb\|frame\|pd\|untyped\) \(0x[0-9a-f]*\).*/\1\t\2:\3/p')
    [ $n -ge "$3" ] || { echo "only $n"; return 1; }
}
gzip -dc "$OLDPWD/tests/fixtures/demo-leaky.capdb.gz" >leaky.capdb
check "what a design's component reaches is owned as owner says" owners_agree mapped.capdb b 3
check "and what a running one's does" owners_agree leaky.capdb guest 20
plan
