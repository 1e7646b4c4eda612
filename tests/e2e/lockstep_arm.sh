#!/usr/bin/env bash
# The lockstep test's seeds on the release kernel's ARM objects in QEMU (docs/model.md): kernel and
# model agree after each action, every state is bit for bit what the host's build of the kernel had,
# and planted faults are found.  LOCKSTEP_ACTIONS and LOCKSTEP_SEED as in test_model_lockstep, of
# which this is a share; LOCKSTEP_ARM_MUTANTS names the planted faults that are built.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

seed=${LOCKSTEP_SEED:-1}
actions=$((${LOCKSTEP_ACTIONS:-400000} / 20))
preempted_actions=$((actions / 20))
mutants=${LOCKSTEP_ARM_MUTANTS:-cnode_dies_filled preempted_revoke_is_done arm/clear_forgets_its_end arm/space_stays}
seconds=$((${TEST_TIMEOUT:-300} * 9 / 10)) # for all, so that what hangs is told with its seed

# on_arm FOLDER OPTIONS...: the program there; its output in $work/arm
on_arm() {
    local image=build/arm/$1/image.elf status=0
    shift
    timeout -k 5 $((seconds > SECONDS ? seconds - SECONDS : 1)) \
        tests/lockstep-arm/run "$image" "$@" >"$work/arm" 2>"$work/arm.err" || status=$?
    cat "$work/arm" "$work/arm.err" >"$work/both"
    [ $status = 124 ] && echo "still running at the deadline: $*" >>"$work/both"
    return $status
}

agrees() {
    on_arm lockstep "$@" && return
    grep -v '^# episode' "$work/both"
    echo "to see it again: tests/lockstep-arm/run build/arm/lockstep/image.elf $*"
    return 1
}

# The last arguments of agrees() on the host: a line for each episode, and the counts.
same_as_host() {
    build/host/lockstep "$@" --release >"$work/host" || return
    [ "$(grep -c '^# episode' "$work/host")" -gt 0 ] || return
    diff "$work/host" "$work/arm" && return
    echo "seed $seed: the first episode that differs is told action by action by --trace"
    return 1
}

compare() { # CLAIM OPTIONS...
    local claim=$1
    shift
    check "kernel and model agree $claim" agrees "$@"
    check "each state is the host's, bit for bit, $claim" same_as_host "$@"
}

found() { # mutant
    local status=0
    on_arm "mutants/$1" --seed 1 --actions 500000 --quiet || status=$?
    [ $status = 1 ] && grep -E '^# (seed 1, episode [0-9]+, action [0-9]+|after boot): ' "$work/both" && return
    cat "$work/both"
    return 1
}

# To a few actions of the hundreds that found it, the last of them the revoke.
shrunk() {
    local n
    on_arm mutants/preempted_revoke_is_done --seed 1 --actions 500000
    n=$(sed -n 's/^# shrunk to \([0-9]*\) actions:$/\1/p' "$work/both")
    [ "${n:-99}" -le 20 ] && grep -A "$n" '^# shrunk to' "$work/both" | tail -n 1 | grep -q CNode_Revoke && return
    cat "$work/both"
    return 1
}

compare "over $actions actions" --seed "$seed" --actions "$actions" --states --stats
compare "with preemption at any point, over $preempted_actions actions" \
    --seed "$seed" --actions "$preempted_actions" --states --stats --preempt-all
for mutant in $mutants; do
    check "planted in the objects, ${mutant#arm/} is found" found "$mutant"
done
check "what finds it is shrunk" shrunk
plan
