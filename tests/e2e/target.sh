#!/usr/bin/env bash
# Runs the on-target tests (user/tests/) on the debug and the release kernel and hands on their TAP,
# numbered through and with the kernel's name before each claim.  QEMU counts instructions instead
# of time, so that a run does not depend on how busy the host is.  A test that never reports counts
# as failed, and so does a plan that never comes.  Arguments: kernels to run.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

deadline=${TARGET_TIMEOUT:-130}
failed=0

start_machine() { # image
    : >"$work/console"
    qemu-system-arm -M kzm -m 128M -display none -monitor none -no-reboot \
        -icount shift=5,sleep=off -serial "file:$work/console" -serial null -kernel "$1" \
        </dev/null 2>"$work/qemu.log" &
    qemu_pid=$!
}

finished() {
    grep -aq '^# tests: done' "$work/console"
}

# Results on the console, renumbered; everything else a kernel prints is left out.
hand_on() { # kernel
    local line
    while IFS= read -r line; do
        case $line in
        "ok "*" - "*)
            tap_count=$((tap_count + 1))
            reported=$((reported + 1))
            echo "ok $tap_count - $1: ${line#* - }" ;;
        "not ok "*" - "*)
            tap_count=$((tap_count + 1))
            reported=$((reported + 1))
            failed=1
            echo "not ok $tap_count - $1: ${line#* - }" ;;
        "# tests: done") ;;
        "# "*) echo "$line" ;;
        esac
    done < <(tr -d '\r' <"$work/console")
}

run_kernel() { # kernel
    local reported=0 planned
    start_machine "build/arm/$1/image-tests.elf"
    wait_for "$deadline" finished
    halt_machine
    planned=$(tr -d '\r' <"$work/console" | sed -n 's/^1\.\.\([0-9]*\)$/\1/p' | head -n 1)
    hand_on "$1"
    check "$1: all ${planned:-?} tests reported" [ "$reported" = "${planned:-none}" ]
    if [ "$reported" != "${planned:-none}" ]; then
        failed=1
        tail -n 12 "$work/console" "$work/qemu.log" | tr -d '\r' | sed 's/^/# | /'
    fi
}

for kernel in ${*:-debug release}; do
    run_kernel "$kernel"
done
plan
exit $failed
