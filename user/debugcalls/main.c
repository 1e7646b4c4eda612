/* Exercises what the debug kernel offers programs and says about them: debug system calls, refused
 * invocations, capability faults; then makes and revokes capabilities for ever, for whoever
 * steps through a revoke or follows the live line.  The end-to-end test of the monitor runs it. */
#include "user/debugcalls/odd.h"
#include "user/lib/user.h"

enum {
    DEPTH = 32,
    BLOCK_BITS = 14, /* untyped in which everything here is made */
    CHILDREN = 5,    /* made and revoked in each round */
    STACK_WORDS = 256,
    BAD_CPTR = 0x12345000, /* no guard of the root CNode fits */
};

static cptr_t block; /* slot of the untyped that rounds use */
static cptr_t tcb;   /* of the thread that faults */
static cptr_t first; /* of CHILDREN slots */
static word_t stack[STACK_WORDS] __attribute__((aligned(8)));

static cptr_t find_untyped(const struct bootinfo *info)
{
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++)
        if (!info->untyped_list[i].is_device && info->untyped_list[i].size_bits > ODD_BITS)
            return info->untyped.start + i;
    user_fail("debugcalls: no untyped of %u bits", ODD_BITS + 1);
}

static void prepare(const struct bootinfo *info)
{
    cptr_t untyped = find_untyped(info);
    block = info->empty.start;
    tcb = block + 1;
    first = block + 2;
    cptr_t odd = first + CHILDREN;
    user_check(untyped_retype(untyped, OBJECT_UNTYPED, BLOCK_BITS, INIT_CNODE, 0, 0, block, 1));
    user_check(untyped_retype(untyped, OBJECT_TCB, 0, INIT_CNODE, 0, 0, tcb, 1));
    odd_make(untyped, odd);
}

static void identify(void)
{
    user_print("debugcalls: null %u tcb %u cnode %u vspace %u\n", debug_cap_identify(INIT_NULL),
               debug_cap_identify(INIT_TCB), debug_cap_identify(INIT_CNODE),
               debug_cap_identify(INIT_VSPACE));
}

static void be_refused(void)
{
    cnode_copy(INIT_CNODE, INIT_TCB, DEPTH, INIT_CNODE, INIT_VSPACE, DEPTH, RIGHT_ALL);
    cnode_copy(INIT_CNODE, first, DEPTH, INIT_CNODE, first + 1, DEPTH, RIGHT_ALL);
    untyped_retype(block, OBJECT_FRAME_1M, 0, INIT_CNODE, 0, 0, first, 1);
    tcb_suspend(first);
}

static void fault(void)
{
    ipc_recv(BAD_CPTR);
}

static void start_faulting_thread(void)
{
    static const word_t args[4] = {0, 0, 0, 0};
    debug_name_thread(tcb, "debug/faulty\x1b[31m");
    user_check(tcb_configure(tcb, 0, INIT_CNODE, 0, INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(tcb, INIT_TCB, 255));
    user_check(tcb_start(tcb, true, (vaddr_t)fault, (vaddr_t)&stack[STACK_WORDS], args));
    user_yield();
}

static void one_round(void)
{
    user_check(untyped_retype(block, OBJECT_NOTIFICATION, 0, INIT_CNODE, 0, 0, first, CHILDREN));
    user_check(cnode_revoke(INIT_CNODE, block, DEPTH));
}

void user_main(const struct bootinfo *info)
{
    prepare(info);
    debug_name_thread(INIT_TCB, "debug/calls");
    user_print("debugcalls: nul[%c]\n", '\0');
    identify();
    be_refused();
    start_faulting_thread();
    syscall_raw(SYS_DEBUG_DUMP_SCHEDULER, (struct ipc_regs){0});
    syscall_raw(SYS_DEBUG_SNAPSHOT, (struct ipc_regs){0});
    user_print("debugcalls: half a line");
    syscall_raw(SYS_DEBUG_HALT, (struct ipc_regs){0});
    user_print("\ndebugcalls: rounds\n");
    for (;;)
        one_round();
}
