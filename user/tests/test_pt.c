/* Page tables, sections and supersections: who may map what where (ABI sheet 3.7). */
#include "user/tests/tests.h"

enum { WINDOW = 0x50000000, SIZES = 4 };
static const enum object_type type_of[SIZES] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M,
                                                OBJECT_FRAME_16M};
static const word_t bits_of[SIZES] = {12, 16, 20, 24};

static enum syscall_error map(cptr_t frame, vaddr_t vaddr)
{
    return page_map(frame, INIT_VSPACE, vaddr, READ_WRITE, VM_CACHEABLE | VM_PARITY);
}

static enum syscall_error map_pt(cptr_t table, vaddr_t vaddr)
{
    return page_table_map(table, INIT_VSPACE, vaddr, VM_CACHEABLE);
}

static volatile word_t *at(vaddr_t vaddr)
{
    return (volatile word_t *)vaddr;
}

static void alignment(void)
{
    map_table(INIT_VSPACE, WINDOW);
    for (word_t s = 0; s < SIZES; s++) {
        cptr_t frame = object_new(type_of[s], 0);
        word_t size = (word_t)1 << bits_of[s];
        check_equal(map(frame, WINDOW + size / 2), SEL4_ALIGNMENT_ERROR);
        check_equal(map(frame, WINDOW + 4), SEL4_ALIGNMENT_ERROR);
        check_equal(map(frame, 0xf0000000), SEL4_INVALID_ARGUMENT);
        check_equal(map(frame, 0xf0000000 - size + 4), SEL4_INVALID_ARGUMENT);
        check_equal(map(frame, 0xff000000), SEL4_INVALID_ARGUMENT);
        must_succeed(cap_delete(frame));
    }
}

static void sections(void)
{
    cptr_t super = object_new(OBJECT_FRAME_16M, 0), section = object_new(OBJECT_FRAME_1M, 0);
    cptr_t section2 = object_new(OBJECT_FRAME_1M, 0), table = object_new(OBJECT_PAGE_TABLE, 0);
    check_equal(map(section, WINDOW), SEL4_NO_ERROR);
    at(WINDOW)[5] = 0x5ec;
    check_equal(map(super, WINDOW), SEL4_DELETE_FIRST);
    check_equal(map_pt(table, WINDOW), SEL4_DELETE_FIRST);
    check_equal(map(section, WINDOW + SECTION), SEL4_INVALID_ARGUMENT); /* mapped elsewhere */
    check_equal(map(section, WINDOW), SEL4_NO_ERROR);
    check_equal(page_unmap(section), SEL4_NO_ERROR);
    check_equal(map(super, WINDOW), SEL4_NO_ERROR);
    at(WINDOW)[5] = 0x50be;
    at(WINDOW + 15 * SECTION)[7] = 0x50bf;
    for (word_t i = 0; i < 16; i++) {
        check_equal(map(section, WINDOW + i * SECTION), SEL4_DELETE_FIRST);
        check_equal(map_pt(table, WINDOW + i * SECTION), SEL4_DELETE_FIRST);
    }
    check_equal(map(section2, WINDOW + 16 * SECTION), SEL4_NO_ERROR);
    check_equal(page_unmap(super), SEL4_NO_ERROR);
    check_equal(map(section, WINDOW + 15 * SECTION), SEL4_NO_ERROR);
    check_equal(at(WINDOW + 15 * SECTION)[5], 0x5ec); /* memory keeps what was written */
    check_equal(page_unmap(section), SEL4_NO_ERROR);
    check_equal(map(super, WINDOW), SEL4_NO_ERROR);
    check_equal(at(WINDOW)[5], 0x50be);
    check_equal(at(WINDOW + 15 * SECTION)[7], 0x50bf);
}

static void tables(void)
{
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0), second = object_new(OBJECT_PAGE_TABLE, 0);
    cptr_t small = object_new(OBJECT_FRAME_4K, 0), large = object_new(OBJECT_FRAME_64K, 0);
    cptr_t section = object_new(OBJECT_FRAME_1M, 0);
    check_equal(map(small, WINDOW), SEL4_FAILED_LOOKUP);
    check_equal(map(large, WINDOW), SEL4_FAILED_LOOKUP);
    check_equal(map_pt(table, 0xf0000000), SEL4_INVALID_ARGUMENT);
    check_equal(map_pt(table, WINDOW + 0x34564), SEL4_NO_ERROR); /* rounded down */
    check_equal(map_pt(table, WINDOW + SECTION), SEL4_INVALID_CAPABILITY);
    check_equal(map_pt(second, WINDOW), SEL4_DELETE_FIRST);
    check_equal(map(section, WINDOW), SEL4_DELETE_FIRST);
    check_equal(map(small, WINDOW + 0x10000), SEL4_NO_ERROR);
    check_equal(map(large, WINDOW + 0x10000), SEL4_DELETE_FIRST);
    check_equal(map(large, WINDOW + 0x20000), SEL4_NO_ERROR);
    cptr_t other = object_new(OBJECT_FRAME_4K, 0);
    for (word_t i = 0; i < 16; i++)
        check_equal(map(other, WINDOW + 0x20000 + i * 4096), SEL4_DELETE_FIRST);
    check_equal(map(other, WINDOW + 0x30000), SEL4_NO_ERROR);
    at(WINDOW + 0x10000)[0] = 1;
    at(WINDOW + 0x2fffc)[0] = 2;
    check_equal(page_unmap(small), SEL4_NO_ERROR);
    check_equal(map(small, WINDOW + 0xff000), SEL4_NO_ERROR); /* the last page of the table */
    check_equal(at(WINDOW + 0xff000)[0], 1);
    check_equal(at(WINDOW + 0x2fffc)[0], 2);
}

static word_t load(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return *(volatile word_t *)address;
}

static bool faults(vaddr_t address)
{
    struct thread *t = thread_run(200, load, address, 0);
    thread_wait(t);
    return t->faulted;
}

/* Unmapping or deleting a table takes all mappings under it. */
static void table_goes(void)
{
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0), frame = object_new(OBJECT_FRAME_4K, 0);
    for (word_t delete = 0; delete < 2; delete ++) {
        must_succeed(map_pt(table, WINDOW));
        must_succeed(map(frame, WINDOW + 0x3000));
        check(!faults(WINDOW + 0x3000));
        if (delete == 0) {
            cptr_t copy = cap_copy(table, RIGHT_ALL);
            check_equal(page_table_unmap(table), SEL4_REVOKE_FIRST);
            check_equal(page_table_unmap(copy), SEL4_REVOKE_FIRST);
            must_succeed(cap_delete(copy));
            check(!faults(WINDOW + 0x3000));
        }
        check_equal(delete ? cap_delete(table) : page_table_unmap(table), SEL4_NO_ERROR);
        check(faults(WINDOW + 0x3000));
        check_equal(page_unmap(frame), SEL4_NO_ERROR);
        if (delete == 0) { /* emptied when it was unmapped */
            must_succeed(map_pt(table, WINDOW));
            check(faults(WINDOW + 0x3000));
            check_equal(page_table_unmap(table), SEL4_NO_ERROR);
            check_equal(page_table_unmap(table), SEL4_NO_ERROR);
        }
    }
    check_equal(cnode_copy(INIT_CNODE, slot_new(), DEPTH, INIT_CNODE,
                           object_new(OBJECT_PAGE_TABLE, 0), DEPTH, RIGHT_ALL),
                SEL4_ILLEGAL_OPERATION); /* not mapped: not to be copied */
}

/* A mapping of the same size is replaced silently; the displaced capability does no harm. */
static void overwriting(void)
{
    map_table(INIT_VSPACE, WINDOW);
    for (word_t s = 0; s < SIZES; s++) {
        vaddr_t v = s < 2 ? (vaddr_t)WINDOW : (vaddr_t)WINDOW + 16 * SECTION;
        cptr_t a = object_new(type_of[s], 0), b = object_new(type_of[s], 0);
        must_succeed(map(a, v));
        at(v)[1] = 0xa;
        check_equal(map(b, v), SEL4_NO_ERROR);
        check_equal(at(v)[1], 0);
        at(v)[1] = 0xb;
        check_equal(page_unmap(a), SEL4_NO_ERROR);
        check_equal(at(v)[1], 0xb);
        check_equal(map(a, v), SEL4_NO_ERROR);
        check_equal(at(v)[1], 0xa);
        check_equal(cap_delete(b), SEL4_NO_ERROR);
        check_equal(at(v)[1], 0xa);
        check_equal(cap_delete(a), SEL4_NO_ERROR);
        check(faults(v));
    }
}

/* The same addresses show one frame after another: no stale translation is left, wherever in the
 * page, in this address space and in one that is not running. */
static void reuse(void)
{
    map_table(INIT_VSPACE, WINDOW);
    for (word_t s = 0; s < SIZES; s++) {
        vaddr_t v = s < 2 ? (vaddr_t)WINDOW : (vaddr_t)WINDOW + 16 * SECTION;
        word_t last = ((word_t)1 << bits_of[s]) / 4 - 1;
        cptr_t frames[4];
        for (word_t i = 0; i < 4 && (s < 3 || i < 2); i++) {
            frames[i] = object_new(type_of[s], 0);
            must_succeed(map(frames[i], v));
            at(v)[0] = at(v)[last] = at(v)[last / 2] = 0x1000 + i;
            must_succeed(page_unmap(frames[i]));
        }
        for (word_t round = 0; round < 3; round++) {
            for (word_t i = 0; i < 4 && (s < 3 || i < 2); i++) {
                must_succeed(map(frames[i], v));
                check_equal(at(v)[0], 0x1000 + i);
                check_equal(at(v)[last], 0x1000 + i);
                check_equal(at(v)[last / 2], 0x1000 + i);
                must_succeed(page_unmap(frames[i]));
            }
        }
        for (word_t i = 0; i < 4 && (s < 3 || i < 2); i++)
            must_succeed(cap_delete(frames[i]));
    }
}

static void reuse_elsewhere(void)
{
    struct thread *t = process_new(200);
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0);
    must_succeed(page_table_map(table, t->vspace, WINDOW, VM_CACHEABLE));
    for (word_t i = 0; i < 8; i++) {
        cptr_t frame = map_new(OBJECT_FRAME_4K, AREA), copy = cap_copy(frame, RIGHT_ALL);
        at(AREA)[9] = 0x2000 + i;
        must_succeed(page_map(copy, t->vspace, WINDOW, READ_WRITE, VM_CACHEABLE));
        thread_start(t, load, WINDOW + 36, 0, 0, 0);
        check_equal(thread_join(t), 0x2000 + i);
        must_succeed(cap_delete(copy));
        must_succeed(cap_delete(frame));
    }
    thread_start(t, load, WINDOW + 36, 0, 0, 0);
    check(thread_joined_faulty(t));
}

/* A frame may be mapped in one place with one capability, in several with several. */
static void several_places(void)
{
    cptr_t frame = map_new(OBJECT_FRAME_4K, WINDOW), copy = cap_copy(frame, RIGHT_ALL);
    check_equal(map(frame, WINDOW + 4096), SEL4_INVALID_ARGUMENT);
    check_equal(map(copy, WINDOW + 4096), SEL4_NO_ERROR);
    at(WINDOW)[2] = 0x77;
    check_equal(at(WINDOW + 4096)[2], 0x77);
    cptr_t other = object_new(OBJECT_PAGE_DIRECTORY, 0);
    check_equal(page_map(frame, other, WINDOW, READ_WRITE, 0), SEL4_INVALID_CAPABILITY);
    must_succeed(asid_pool_assign(INIT_ASID_POOL, other));
    check_equal(page_map(frame, other, WINDOW, READ_WRITE, 0), SEL4_INVALID_CAPABILITY);
    must_succeed(page_unmap(frame));
    check_equal(at(WINDOW + 4096)[2], 0x77);
    cptr_t moved = slot_new(); /* a moved capability takes its mapping along */
    must_succeed(cnode_move(INIT_CNODE, moved, DEPTH, INIT_CNODE, copy, DEPTH));
    check_equal(at(WINDOW + 4096)[2], 0x77);
    must_succeed(cap_delete(moved));
    check(faults(WINDOW + 4096));
}

const struct test pt_tests[] = {
    {"PT0001 sections and supersections keep out of each other's way", sections},
    {"PT0002 no stale translation when an address is used again, all four sizes", reuse},
    {"PT0003 addresses must be aligned and below the kernel", alignment},
    {"PT0004 tables, small and large pages keep out of each other's way", tables},
    {"PT0005 a table that goes takes its mappings along", table_goes},
    {"PT0006 a mapping of the same size is replaced, the old capability harmless", overwriting},
    {"PT0007 no stale translation in another address space", reuse_elsewhere},
    {"PT0008 one capability maps in one place", several_places},
    {0},
};
