/* A thread that begins a long revoke which takes, first of all, the thread itself: the timer interrupts
 * it, and nobody goes on with it. Whoever waits for its end in the debugger must not wait for ever. The
 * end-to-end test of the monitor runs it. */
#include "user/lib/user.h"

enum {
    DEPTH = 32,
    RADIX = 13,
    BATCH = 256,
    ENDPOINTS = 1 << RADIX,
    BLOCK_BITS = 18, /* they take half of it */
    STACK_WORDS = 256,
    TOP = 255,
};

static cptr_t node, block, worker;
static word_t stack[STACK_WORDS] __attribute__((aligned(8)));

static void revoke(void)
{
    cnode_revoke(INIT_CNODE, block, DEPTH);
    for (;;)
        user_yield();
}

/* What was made last goes first. */
static void start_worker(void)
{
    static const word_t args[4];
    user_check(untyped_retype(block, OBJECT_TCB, 0, INIT_CNODE, 0, 0, worker, 1));
    debug_name_thread(worker, "givesup/worker");
    user_check(tcb_configure(worker, 0, INIT_CNODE, 0, INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(worker, INIT_TCB, TOP));
    user_check(tcb_start(worker, true, (vaddr_t)revoke, (vaddr_t)&stack[STACK_WORDS], args));
}

void user_main(const struct bootinfo *info)
{
    cptr_t untyped = user_largest_untyped(info);
    node = info->empty.start;
    block = node + 1;
    worker = node + 2;
    user_check(untyped_retype(untyped, OBJECT_CNODE, RADIX, INIT_CNODE, 0, 0, node, 1));
    user_check(untyped_retype(untyped, OBJECT_UNTYPED, BLOCK_BITS, INIT_CNODE, 0, 0, block, 1));
    debug_name_thread(INIT_TCB, "givesup/root");
    user_print("givesup: ready\n");
    for (;;) {
        for (word_t i = 0; i < ENDPOINTS; i += BATCH)
            user_check(
                untyped_retype(block, OBJECT_ENDPOINT, 0, INIT_CNODE, node, DEPTH, i, BATCH));
        start_worker();
        user_yield();
        user_check(cnode_revoke(INIT_CNODE, block, DEPTH)); /* the rest */
    }
}
