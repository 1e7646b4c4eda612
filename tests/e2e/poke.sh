#!/usr/bin/env bash
# A kernel whose data is broken stays debuggable: random pokes of slots, queues, roots, page
# directories, ASID pools, watermarks and the scheduler, on a machine that stands and on one that runs,
# looked at through every door (poke.py).  POKES_HALTED, POKES_RUNNING and POKE_SEED choose how many
# and which; check-all takes five hundred and more.
set -uo pipefail
source "$(dirname "$0")/lib.bash"

dump=$work/dump_records
build_tool() {
    make --no-print-directory build/host/libhost.a build/host/capdb build/arm/debug/image-demo-healthy.elf >/dev/null &&
        gcc -std=gnu11 -D_GNU_SOURCE -I. -O1 -Wall -o "$dump" tests/tools/dump_records.c \
            build/host/libhost.a -lserialport -ldw -lelf
}
check "tool and image are built from one tree" build_tool
mkdir "$work/poke"
status=0
POKE_PATIENCE=${POKE_PATIENCE:-12} python3 tests/e2e/poke.py "$work/poke" "$dump" "${POKE_SEED:-1}" \
    "${POKES_HALTED:-60}" "${POKES_RUNNING:-8}" $((tap_count + 1)) || status=1
tap_count=$(cat "$work/poke/count")
plan
exit $status
