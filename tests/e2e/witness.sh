#!/usr/bin/env bash
# Every yes of `capdb can` carried out on the real kernel: the steps of its witness made as system
# calls by the threads that it names, on the leaky demo and on random distributions of
# user/witness, and what came of them read back from the machine's memory.
#
# WITNESS_SEEDS says how many distributions (2), WITNESS_DEMO=all asks the demo everything.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

demo=(build/arm/debug/image-demo-leaky.elf build/arm/user/demo-leaky.elf)
random=(build/arm/debug/image-witness.elf build/arm/user/witness.elf)
questions=("guest control critical" "critical write driver" "driver control guest")
[ "${WITNESS_DEMO:-}" != all ] || questions=()

report() { # what is measured is shown, passed or not
    python3 tests/e2e/witness.py "$@" >"$work/report" 2>&1
    local status=$?
    grep '^# ' "$work/report" >&3
    [ $status = 0 ] || cat "$work/report"
    return $status
}
exec 3>&1

check "what the leaky demo's domains could gain of each other, they gain" \
    report demo "$work" "${demo[@]}" "${questions[@]}"
check "so do those of random distributions, with capabilities that wait for an answer" \
    report seeds "$work" "${random[@]}" "${WITNESS_FIRST:-10}" "${WITNESS_SEEDS:-2}" 12
plan
