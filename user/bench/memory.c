/* Invocations on memory and capabilities: mapping, Retype, CNode operations, revoke. */
#include "user/bench/bench.h"

enum { MAP_VADDR = 0x0d000000, TABLE_VADDR = 0x0d100000, LARGE_RADIX = 12, HALF_MANY = 64 };

/* Empties `work`; what was made of it goes. */
static void clean(void)
{
    user_check(cnode_revoke(INIT_CNODE, work, DEPTH));
}

static enum syscall_error make(enum object_type type, word_t size_bits, word_t count)
{
    return untyped_retype(work, type, size_bits, INIT_CNODE, scratch, DEPTH, 0, count);
}

/* ---- mapping ---- */

static void measure_map(void)
{
    cptr_t table = new_object(OBJECT_PAGE_TABLE, 0);
    cptr_t frame = new_object(OBJECT_FRAME_4K, 0);
    const word_t rights = RIGHT_READ | RIGHT_WRITE;
    user_check(
        page_table_map(new_object(OBJECT_PAGE_TABLE, 0), INIT_VSPACE, MAP_VADDR, VM_CACHEABLE));
    for (word_t i = 0; i < REPEATS; i++) {
        mark(PAGE_MAP);
        user_check(page_map(frame, INIT_VSPACE, MAP_VADDR, rights, VM_CACHEABLE));
        mark(PAGE_UNMAP);
        user_check(page_unmap(frame));
        mark(TABLE_MAP);
        user_check(page_table_map(table, INIT_VSPACE, TABLE_VADDR, VM_CACHEABLE));
        user_check(page_table_unmap(table));
    }
}

/* ---- Retype ---- */

#define measure_make(NAME, type, size_bits, count)                                                 \
    do {                                                                                           \
        for (word_t i = 0; i < REPEATS; i++) {                                                     \
            mark(NAME);                                                                            \
            user_check(make(type, size_bits, count));                                              \
            mark(DONE);                                                                            \
            clean();                                                                               \
        }                                                                                          \
    } while (0)

static void measure_retype(void)
{
    measure_make(RETYPE_1, OBJECT_ENDPOINT, 0, 1);
    measure_make(RETYPE_16, OBJECT_ENDPOINT, 0, 16);
    measure_make(RETYPE_256, OBJECT_ENDPOINT, 0, MANY);
    measure_make(RETYPE_FRAME, OBJECT_FRAME_4K, 0, 1);
    measure_make(RETYPE_TCB, OBJECT_TCB, 0, 1);
    measure_make(RETYPE_CNODE, OBJECT_CNODE, LARGE_RADIX, 1);
    measure_make(RETYPE_DIRECTORY, OBJECT_PAGE_DIRECTORY, 0, 1);
}

/* ---- CNode operations ---- */

static void measure_slots(void)
{
    cptr_t a = free_slot, b = free_slot + 1;
    for (word_t i = 0; i < REPEATS; i++) {
        mark(COPY);
        user_check(cnode_copy(INIT_CNODE, a, DEPTH, INIT_CNODE, endpoint, DEPTH, RIGHT_ALL));
        mark(MOVE);
        user_check(cnode_move(INIT_CNODE, b, DEPTH, INIT_CNODE, a, DEPTH));
        mark(DELETE);
        user_check(cnode_delete(INIT_CNODE, b, DEPTH));
        mark(MINT);
        user_check(cnode_mint(INIT_CNODE, a, DEPTH, INIT_CNODE, endpoint, DEPTH, RIGHT_ALL, 77));
        user_check(cnode_delete(INIT_CNODE, a, DEPTH));
    }
}

static void measure_cnode_delete(void)
{
    for (word_t i = 0; i < REPEATS; i++) {
        user_check(untyped_retype(work, OBJECT_CNODE, LARGE_RADIX, INIT_CNODE, 0, 0, free_slot, 1));
        mark(DELETE_CNODE);
        user_check(cnode_delete(INIT_CNODE, free_slot, DEPTH));
        mark(DONE);
    }
}

/* ---- revoke ---- */

static void copy_many(cptr_t cap)
{
    for (word_t i = 0; i < MANY; i++)
        user_check(cnode_copy(scratch, i, SCRATCH_RADIX, INIT_CNODE, cap, DEPTH, RIGHT_ALL));
}

static void measure_revoke_copies(void)
{
    cptr_t cap = new_object(OBJECT_ENDPOINT, 0);
    for (word_t i = 0; i < REPEATS; i++) {
        copy_many(cap);
        mark(REVOKE_COPIES);
        user_check(cnode_revoke(INIT_CNODE, cap, DEPTH));
        mark(DONE);
        mark(REVOKE_NONE);
        user_check(cnode_revoke(INIT_CNODE, cap, DEPTH));
    }
}

#define measure_revoke(NAME, type, count)                                                          \
    do {                                                                                           \
        for (word_t i = 0; i < REPEATS; i++) {                                                     \
            user_check(make(type, 0, count));                                                      \
            mark(NAME);                                                                            \
            clean();                                                                               \
            mark(DONE);                                                                            \
        }                                                                                          \
    } while (0)

void measure_memory(void)
{
    measure_map();
    measure_retype();
    measure_slots();
    measure_cnode_delete();
    measure_revoke_copies();
    measure_revoke(REVOKE_ENDPOINTS, OBJECT_ENDPOINT, MANY);
    measure_revoke(REVOKE_FRAMES, OBJECT_FRAME_4K, HALF_MANY);
    measure_revoke(REVOKE_TCBS, OBJECT_TCB, HALF_MANY);
}
