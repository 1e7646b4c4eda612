#!/usr/bin/env bash
# Random keys and resizes on the inspector under ASan and UBSan: on a recording, and on a machine that
# runs and is killed meanwhile. MONKEY_KEYS a seed, MONKEY_SEEDS; make check-all sets more.
. "$(dirname "$0")/lib.bash"
export LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=$work/config
inspector=build/asan/inspector-tui
keys=${MONKEY_KEYS:-1500}

# presses SEED COMMAND...: what a sanitizer says is shown, and fails it.  ending: a process that is killed
# in the midst of the keys
ending=
presses() {
    local seed=$1
    shift
    timeout $((280 + keys / 20)) tests/tools/monkey.py --seed "$seed" --keys "$keys" ${ending:+--end $ending} -- \
        bash -c 'exec "$@" 2>"$0"' "$work/err" "$@" || { cat "$work/err"; return 1; }
    ! grep -E 'ERROR|runtime error' "$work/err"
}

gunzip -c tests/fixtures/recording-1.capdb.gz >"$work/run.capdb"
for seed in ${MONKEY_SEEDS:-1 2}; do
    check "a recording survives $keys keys, seed $seed" presses "$seed" $inspector "$work/run.capdb"
done
boot build/arm/debug/image-demo-leaky.elf
is_up() { timeout 20 build/host/capdb live "gdb:unix:$work/gdb.sock" "SELECT 1" >/dev/null 2>&1; }
wait_for 60 is_up || echo "# the machine does not come up"
check "so does a running machine" presses 3 $inspector "gdb:unix:$work/gdb.sock"
keys=$((keys * 4))
ending=$qemu_pid
check "and one that is killed meanwhile" presses 4 $inspector "gdb:unix:$work/gdb.sock"
check "which was killed in time" eval '! kill -0 "$qemu_pid" 2>/dev/null'
qemu_pid=
plan
