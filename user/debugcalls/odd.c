/* What a dump must not take at its word: a CNode at the address of the untyped it was made from,
 * a directory whose pool is gone and whose ASID and page table another directory has. */
#include "user/debugcalls/odd.h"

enum {
    DEPTH = 32,
    NESTED_BITS = 4,
    POOL_BITS = 12,
    WINDOW = 0x40000000,
    OTHER_WINDOW = 0x40100000
};

static cptr_t block; /* all this comes from it */
static cptr_t next;  /* empty slot */

static cptr_t make(enum object_type type, word_t size_bits)
{
    user_check(untyped_retype(block, type, size_bits, INIT_CNODE, 0, 0, next, 1));
    return next++;
}

static void nest_at_the_same_address(void)
{
    cptr_t untyped = make(OBJECT_UNTYPED, NESTED_BITS + 4);
    cptr_t cnode = next++;
    user_check(untyped_retype(untyped, OBJECT_CNODE, NESTED_BITS, INIT_CNODE, 0, 0, cnode, 1));
    user_check(cnode_copy(cnode, 1, NESTED_BITS, INIT_CNODE, INIT_TCB, DEPTH, RIGHT_ALL));
}

static cptr_t make_directory(cptr_t pool)
{
    cptr_t directory = make(OBJECT_PAGE_DIRECTORY, 0);
    user_check(asid_pool_assign(pool, directory));
    return directory;
}

/* The second directory gets the ASID of the first, and its page table. */
static void replace_pool(void)
{
    cptr_t untyped = make(OBJECT_UNTYPED, POOL_BITS), pool = next++;
    cptr_t table = make(OBJECT_PAGE_TABLE, 0), frame = make(OBJECT_FRAME_4K, 0);
    user_check(asid_control_make_pool(INIT_ASID_CONTROL, untyped, INIT_CNODE, pool, DEPTH));
    cptr_t directory = make_directory(pool);
    user_check(page_table_map(table, directory, WINDOW, 0));
    user_check(page_map(frame, directory, WINDOW, RIGHT_ALL, 0));
    user_check(cnode_delete(INIT_CNODE, pool, DEPTH));
    user_check(asid_control_make_pool(INIT_ASID_CONTROL, untyped, INIT_CNODE, pool, DEPTH));
    directory = make_directory(pool);
    user_check(page_table_unmap(table));
    user_check(page_unmap(frame));
    user_check(page_table_map(table, directory, OTHER_WINDOW, 0));
    user_check(page_map(frame, directory, OTHER_WINDOW, RIGHT_ALL, 0));
}

void odd_make(cptr_t untyped, cptr_t slots)
{
    block = slots;
    next = slots + 1;
    user_check(untyped_retype(untyped, OBJECT_UNTYPED, ODD_BITS, INIT_CNODE, 0, 0, block, 1));
    nest_at_the_same_address();
    replace_pool();
}
