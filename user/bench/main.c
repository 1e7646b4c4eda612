/* The benchmark's root task: does each operation of operations.h some times, each announced to the
 * counter outside.  It prints nothing, so that it runs on the release kernel too. */
#include "user/bench/bench.h"

void user_main(const struct bootinfo *info)
{
    setup(info);
    measure_ipc();
    measure_memory();
    mark(FINISHED);
}
