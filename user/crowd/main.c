/* A root task with some 100,000 capabilities that goes on working with them: for measuring whether a
 * debugger that follows it stays smooth.
 *
 * A CNode of 2^17 slots is filled with endpoints, copies of each, and badged ones; then one endpoint is
 * copied and deleted, again and again, with some work in between. */
#include "user/lib/user.h"

enum {
    DEPTH = 32,
    RADIX = 17,
    BATCH = 256,
    ORIGINALS = 128 * BATCH, /* endpoints; each has a copy and a badged capability */
    COPIES = ORIGINALS,
    BADGED = ORIGINALS,
    PAUSE = 1000000, /* rounds of nothing between two changes */
};

static cptr_t crowd; /* the CNode */

static void make(const struct bootinfo *info)
{
    cptr_t untyped = user_largest_untyped(info);
    crowd = info->empty.start;
    user_check(untyped_retype(untyped, OBJECT_CNODE, RADIX, INIT_CNODE, 0, 0, crowd, 1));
    for (word_t first = 0; first < ORIGINALS; first += BATCH)
        user_check(
            untyped_retype(untyped, OBJECT_ENDPOINT, 0, INIT_CNODE, crowd, DEPTH, first, BATCH));
    for (word_t i = 0; i < ORIGINALS; i++) {
        user_check(
            cnode_copy(crowd, ORIGINALS + i, RADIX, crowd, i, RADIX, RIGHT_READ | RIGHT_WRITE));
        user_check(
            cnode_mint(crowd, ORIGINALS + COPIES + i, RADIX, crowd, i, RADIX, RIGHT_ALL, i + 1));
    }
}

static void work_on(void)
{
    for (word_t i = 0;; i = (i + 1) % ORIGINALS) {
        const word_t loose = ORIGINALS + COPIES + BADGED;
        user_check(cnode_copy(crowd, loose, RADIX, crowd, i, RADIX, RIGHT_ALL));
        for (volatile word_t k = 0; k < PAUSE; k++)
            ;
        user_check(cnode_delete(crowd, loose, RADIX));
    }
}

void user_main(const struct bootinfo *info)
{
    debug_name_thread(INIT_TCB, "crowd");
    make(info);
    user_print("crowd: ready\n");
    work_on();
}
