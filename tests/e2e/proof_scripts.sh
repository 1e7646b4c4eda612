#!/usr/bin/env bash
# scripts/prove, prove-code and prove-tie fail, and say of what, when something is wrong: a prover is
# missing, a lemma is admitted or an axiom stands behind a theorem, a premise is idle, a goal does not
# hold, an annotation is code.  Each is planted in a copy of what the scripts read.
#
# What takes a prover is tried with WITH_PROOF, as make check-all has it.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

# A tree with what the scripts read, in $work/NAME.
tree_at() { # NAME
    local tree=$work/$1
    rm -rf "$tree"
    mkdir -p "$tree/model" "$tree/authority" "$tree/tests"
    cp -r scripts abi layout lib kernel "$tree/"
    cp -r model/proof model/code "$tree/model/"
    cp -r tests/tie "$tree/tests/"
    cp authority/explain.c "$tree/authority/"
}
# Runs COMMAND; it must fail, and what it says must match WANTED.
fails_with() { # WANTED COMMAND...
    local wanted=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        tail -n 20 "$work/said"
        echo "it succeeded"
        return 1
    fi
    grep -qE "$wanted" "$work/said" || { tail -n 20 "$work/said"; return 1; }
}
has() { command -v "$1" >/dev/null; }

# --- a prover that is missing ---

# Programs that every script needs, and of the provers only those named.
path_with() { # PROVER...
    local tool
    rm -rf "$work/bin"
    mkdir "$work/bin"
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$work/bin/python3"
    for tool in bash env dirname nproc date seq awk sed grep mkdir cat rm cp "$@"; do
        ln -s "$(command -v "$tool" || echo /bin/true)" "$work/bin/$tool"
    done
}
misses() { # SCRIPT PROVER PROVER-THERE...
    local script=$1 prover=$2
    shift 2
    path_with "$@"
    fails_with "^$script: $prover is missing: .*(make|package)" env PATH="$work/bin" "scripts/$script"
}
check "prove names coqc when it is missing" misses prove coqc
check "prove names coqchk when it is missing" misses prove coqchk coqc
check "prove-code names frama-c when it is missing" misses prove-code frama-c why3 z3 cvc4
check "prove-code names z3 when it is missing" misses prove-code z3 frama-c why3 cvc4
check "prove-code names cvc4 when it is missing" misses prove-code cvc4 frama-c why3 z3
check "prove-tie names coqc when it is missing" misses prove-tie coqc ocamlfind
check "prove-tie names ocamlfind when it is missing" misses prove-tie ocamlfind coqc

# --- the contracts ---

in_tree() { # NAME COMMAND...
    (cd "$work/$1" && shift && "$@")
}
overlay() { # NAME
    mkdir -p "$work/over"
    in_tree "$1" python3 model/code/overlay.py . "$work/over" model/code/cdt.acsl
}
annotation_that_is_code() {
    tree_at code
    printf '@@ kernel/cdt.c : void cdt_init(void)\nint planted;\n' >>"$work/code/model/code/cdt.acsl"
    fails_with 'kernel/cdt.c: an annotation is code' overlay code
}
line_that_moved() {
    tree_at moved
    sed -i 's/^static inline void move(struct slot \*to/static inline void moved(struct slot *to/' \
        "$work/moved/kernel/cdt.c"
    fails_with 'kernel/cdt.c: 0 lines are: static inline void move' overlay moved
}
check "an annotation that is code is refused" annotation_that_is_code
check "a line that moved under its annotation is refused" line_that_moved

bit_axiom_that_errs() {
    tree_at bits
    sed -i 's|(x >> 5) == x / 32;|(x >> 5) == x / 64;|' "$work/bits/model/code/bits.acsl"
    fails_with 'shr_5: sat' in_tree bits python3 model/code/bits.py model/code/bits.acsl
}
fact_that_errs() {
    tree_at facts
    sed -i 's|ensures (x & a) == x % pow2(n) |ensures (x \& a) == x % pow2(n) + 1 |' "$work/facts/model/code/cnode.acsl"
    fails_with 'pow2_index: sat' in_tree facts python3 model/code/bits.py model/code/cnode.acsl
}
goal_that_fails() { # SED-SCRIPT FILE FUNCTION
    tree_at goal
    sed -i "$1" "$work/goal/model/code/$2"
    cmp -s "model/code/$2" "$work/goal/model/code/$2" && return 1
    fails_with '^# lost: ' in_tree goal env PROVE_EFFORTS="1 2" scripts/prove-code "$3" &&
        grep -q "^not ok .* $3: " "$work/said"
}
code_that_errs() {
    tree_at fault
    sed -i 's|return (c.w\[1\] >> 6) << 4;|return (c.w[1] >> 5) << 4;|' "$work/fault/layout/capability.h"
    cmp -s layout/capability.h "$work/fault/layout/capability.h" && return 1
    fails_with '^# lost: untyped_watermark' in_tree fault env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
contract_that_is_gone() {
    tree_at gone
    sed -i 's/^goals words untyped_watermark .*/goals words untyped_watermark 9/' "$work/gone/model/code/expected"
    fails_with 'goals instead of 9' in_tree gone env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
contract_that_nobody_proves() {
    tree_at unproved
    printf '@@ kernel/cdt.c : bool cdt_follows_as_child(const struct slot *s, const struct slot *next)\n/*@ assigns \\nothing; */\n' \
        >>"$work/unproved/model/code/cdt.acsl"
    fails_with 'neither proved nor named as assumed: cdt_follows_as_child' \
        in_tree unproved env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
axiom_that_nobody_checks() {
    tree_at axioms
    sed -i 's|^  axiom sentinel: |  axiom planted: \\false;\n&|' "$work/axioms/model/code/machine/machine.h"
    fails_with 'neither checked nor named as assumed: planted' \
        in_tree axioms env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
loop_without_variant() {
    tree_at endless
    sed -i 's|loop assigns i; loop variant n - i; |loop assigns i; |' "$work/endless/model/code/untyped.acsl"
    fails_with 'a loop without a variant: kernel/untyped.c: slots_empty' \
        in_tree endless env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
decoder_that_nobody_proves() {
    tree_at decoder
    printf '\nstatic enum outcome decode_planted(void)\n{\n    return refuse_illegal();\n}\n' >>"$work/decoder/kernel/irq.c"
    fails_with 'it refuses, and what that leaves alone is not proved: kernel/irq.c: decode_planted' \
        in_tree decoder env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
function_that_nobody_speaks_of() {
    tree_at outside
    sed -i '/^assumed cdt_insert_copy /d' "$work/outside/model/code/expected"
    fails_with 'nothing is said, neither named as assumed: cdt_insert_copy' \
        in_tree outside env PROVE_EFFORTS="1 2" scripts/prove-code untyped_watermark
}
name_that_is_none() { fails_with 'no function is called so' scripts/prove-code no_such_function; }
if has z3; then
    check "an axiom about bits that errs is named" bit_axiom_that_errs
    check "a fact about powers of two that errs at one place is named" fact_that_errs
fi
if [ -n "${WITH_PROOF:-}" ]; then
    check "a goal that no prover proves in time is named" \
        goal_that_fails '/cap_badge/,/ensures/s|c.w\[1\] / 16|c.w[1] / 8|' capability.acsl cap_badge
    check "code that errs loses a goal" code_that_errs
    check "a goal that is no more there is missed" contract_that_is_gone
    check "a contract that is neither proved nor listed is named" contract_that_nobody_proves
    check "an axiom that is neither checked nor listed is named" axiom_that_nobody_checks
    check "a loop without a variant is named" loop_without_variant
    check "a decoder whose refusals nobody proves is named" decoder_that_nobody_proves
    check "a function of another file of which nothing is said is named" function_that_nobody_speaks_of
    check "a function that is none is refused" name_that_is_none
fi

# --- the theorems ---

# No mutant is wanted, so that a run takes seconds.
admitted() {
    tree_at admitted
    sed -i '0,/^Qed\.$/s//Admitted./' "$work/admitted/model/proof/Kernel.v"
    fails_with 'not ok .* nothing is admitted' in_tree admitted scripts/prove no_mutant
}
# The proof of a theorem becomes a use of something that is only declared.
axiom() {
    tree_at axiom
    awk '/^Theorem kernel_runs_are_runs/ { print "Axiom planted : forall P : Prop, P."; found = 1 }
        found && /^Proof\./ { print "Proof. intros. apply planted. Qed."; found = 0; skip = 1 }
        !skip { print }
        /Qed\.$/ { skip = 0 }' model/proof/Kernel.v >"$work/axiom/model/proof/Kernel.v"
    fails_with '^not ok .* kernel_runs_are_runs: .*no axiom' in_tree axiom scripts/prove no_mutant &&
        grep -q '^not ok .* kernel_keeps_isolation: ' "$work/said"
}
proof_that_breaks() {
    tree_at breaks
    sed -i '0,/(retype_is_by_a_subject : /s/(retype_is_by_a_subject : .*)/(retype_is_by_a_subject : True)/' \
        "$work/breaks/model/proof/Isolation.v"
    fails_with 'not ok 1 - Coq accepts Isolation.v' in_tree breaks scripts/prove no_mutant
}
if [ -n "${WITH_PROOF:-}" ]; then
    check "a theorem whose proof breaks is named" proof_that_breaks
    check "an admitted lemma is found" admitted
    check "a theorem that rests on an axiom is named" axiom
fi
plan
