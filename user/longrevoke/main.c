/* A root task that revokes again and again what fills the debug kernel's ring twice: copies of one
 * capability.  Whoever records it must fall behind, and still hear where each revoke begins and ends. */
#include "user/lib/user.h"

enum {
    DEPTH = 32,
    RADIX = 14,
    COPIES = (1 << RADIX) - 1, /* each is a victim and a deletion: two events */
};

void user_main(const struct bootinfo *info)
{
    cptr_t untyped = user_largest_untyped(info);
    cptr_t node = info->empty.start;
    cptr_t original = node + 1;
    user_check(untyped_retype(untyped, OBJECT_CNODE, RADIX, INIT_CNODE, 0, 0, node, 1));
    user_check(untyped_retype(untyped, OBJECT_ENDPOINT, 0, INIT_CNODE, 0, 0, original, 1));
    user_print("longrevoke: %u copies each time\n", (word_t)COPIES);
    for (;;) {
        for (word_t i = 0; i < COPIES; i++)
            user_check(cnode_copy(node, i, RADIX, INIT_CNODE, original, DEPTH, RIGHT_ALL));
        user_check(cnode_revoke(INIT_CNODE, original, DEPTH));
    }
}
