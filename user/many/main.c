/* A root task with some 4,300 capabilities, as a system of middle size has, for measuring what it
 * costs to look at them: objects from Retype, a copy of each endpoint and frame, a badged
 * capability of each endpoint.  It then stops in the debugger, and told to go on it copies and
 * deletes a capability some times under the marks of user/bench, for measuring what tracing that
 * costs. */
#include "user/bench/bench.h"

enum {
    RADIX = 12, /* slots of each of the two CNodes */
    BATCH = 256,
    TABLES = 64, /* page tables */
    BATCHES = 3, /* of endpoints, and of frames */
    OBJECTS = BATCH * BATCHES,
    ROUNDS = 512, /* of copy and delete */
};

static cptr_t originals, copies, loose;

static void make_batches(cptr_t untyped, enum object_type type, word_t first, word_t batches)
{
    for (word_t i = 0; i < batches; i++)
        user_check(untyped_retype(untyped, type, 0, INIT_CNODE, originals, DEPTH, first + i * BATCH,
                                  BATCH));
}

static void copy_to(word_t to, word_t from)
{
    user_check(cnode_copy(copies, to, RADIX, originals, from, RADIX, RIGHT_ALL));
}

static void make_copies(void)
{
    for (word_t i = 0; i < OBJECTS; i++) {
        copy_to(i, i);
        copy_to(OBJECTS + i, OBJECTS + i);
        user_check(
            cnode_mint(copies, 2 * OBJECTS + i, RADIX, originals, i, RADIX, RIGHT_ALL, i + 1));
    }
}

static void make(const struct bootinfo *info)
{
    cptr_t untyped = user_largest_untyped(info);
    originals = info->empty.start;
    copies = originals + 1;
    loose = originals + 2;
    user_check(untyped_retype(untyped, OBJECT_CNODE, RADIX, INIT_CNODE, 0, 0, originals, 1));
    user_check(untyped_retype(untyped, OBJECT_CNODE, RADIX, INIT_CNODE, 0, 0, copies, 1));
    make_batches(untyped, OBJECT_ENDPOINT, 0, BATCHES);
    make_batches(untyped, OBJECT_FRAME_4K, OBJECTS, BATCHES);
    make_batches(untyped, OBJECT_NOTIFICATION, 2 * OBJECTS, 1);
    user_check(untyped_retype(untyped, OBJECT_PAGE_TABLE, 0, INIT_CNODE, originals, DEPTH,
                              2 * OBJECTS + BATCH, TABLES));
    make_copies();
}

static void copy_and_delete(void)
{
    for (word_t i = 0; i < ROUNDS; i++) {
        mark(COPY);
        user_check(cnode_copy(INIT_CNODE, loose, DEPTH, originals, 0, RADIX, RIGHT_ALL));
        mark(DELETE);
        user_check(cnode_delete(INIT_CNODE, loose, DEPTH));
    }
}

void user_main(const struct bootinfo *info)
{
    make(info);
    debug_name_thread(INIT_TCB, "many");
    user_print("many: ready\n");
    syscall_raw(SYS_DEBUG_HALT, (struct ipc_regs){0});
    copy_and_delete();
    user_print("many: done\n");
    tcb_suspend(INIT_TCB);
}
