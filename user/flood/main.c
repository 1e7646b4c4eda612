/* A root task that never stops printing: the debug system calls that write most, over and over, and
 * a line that looks like a prompt.  Whoever records it must get a word in edgeways. */
#include "user/lib/user.h"

enum { DEPTH = 32 };

void user_main(const struct bootinfo *info)
{
    const cptr_t last = info->empty.end - 1;
    user_print("flood: begins\n");
    for (word_t i = 0;; i++) {
        syscall_raw(SYS_DEBUG_DUMP_SCHEDULER, (struct ipc_regs){0});
        syscall_raw(SYS_DEBUG_SNAPSHOT, (struct ipc_regs){0});
        user_print("stopped> round %u\n", i);
        user_check(cnode_copy(INIT_CNODE, last, DEPTH, INIT_CNODE, INIT_TCB, DEPTH, RIGHT_ALL));
        user_check(cnode_delete(INIT_CNODE, last, DEPTH));
    }
}
