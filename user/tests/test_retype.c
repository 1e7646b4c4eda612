/* Untyped memory: what Retype refuses, where objects go, and that nothing is lost or taken silently
 * (ABI sheet 3.2, 9.3). */
#include "user/tests/tests.h"

static enum syscall_error retype(cptr_t untyped, word_t type, word_t size, cptr_t to, word_t count)
{
    return untyped_retype(untyped, type, size, INIT_CNODE, 0, 0, to, count);
}

/* The refusal of a Retype, with the words that come with it. */
static struct invocation refusal(cptr_t untyped, word_t type, word_t size, cptr_t node,
                                 word_t offset, word_t count)
{
    struct invocation v = {untyped, INV_UNTYPED_RETYPE, 6, {type, size, node, DEPTH, offset, count},
                           1,       {INIT_CNODE},       0, 0};
    user_invoke(&v);
    return v;
}

static void check_refusal(struct invocation v, enum syscall_error e, word_t mr0, word_t mr1)
{
    check_equal(msginfo_label(v.tag), e);
    check_equal(v.mr[0], mr0);
    if (msginfo_length(v.tag) > 1)
        check_equal(v.mr[1], mr1);
}

static void windows(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 20), node = object_new(OBJECT_CNODE, 4);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 16, 1), SEL4_RANGE_ERROR, 0, 15);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 0xffffffff, 1), SEL4_RANGE_ERROR, 0, 15);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 0, 0), SEL4_RANGE_ERROR, 1, 256);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 0, 257), SEL4_RANGE_ERROR, 1, 256);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 0, 17), SEL4_RANGE_ERROR, 1, 16);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 9, 8), SEL4_RANGE_ERROR, 1, 7);
    check_refusal(refusal(ut, OBJECT_TCB, 0, node, 15, 0xffffffff), SEL4_RANGE_ERROR, 1, 256);
    check_equal(msginfo_label(refusal(ut, OBJECT_TCB, 0, node, 9, 7).tag), SEL4_NO_ERROR);
    check_equal(msginfo_label(refusal(ut, OBJECT_TCB, 0, node, 0, 10).tag), SEL4_DELETE_FIRST);
    check_equal(msginfo_label(refusal(ut, OBJECT_TCB, 0, node, 0, 9).tag), SEL4_NO_ERROR);
    check_equal(msginfo_label(refusal(ut, OBJECT_TCB, 0, node, 15, 1).tag), SEL4_DELETE_FIRST);
}

static void sizes(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 20), node = object_new(OBJECT_CNODE, 4);
    check_refusal(refusal(ut, OBJECT_TYPES, 12, node, 0, 1), SEL4_INVALID_ARGUMENT, 0, 0);
    check_refusal(refusal(ut, 0xfffe, 12, node, 0, 1), SEL4_INVALID_ARGUMENT, 0, 0);
    check_refusal(refusal(ut, OBJECT_CNODE, 0, node, 0, 1), SEL4_INVALID_ARGUMENT, 1, 0);
    check_refusal(refusal(ut, OBJECT_UNTYPED, 3, node, 0, 1), SEL4_INVALID_ARGUMENT, 1, 0);
    check_refusal(refusal(ut, OBJECT_UNTYPED, 30, node, 0, 1), SEL4_RANGE_ERROR, 0, 29);
    check_refusal(refusal(ut, OBJECT_CNODE, 26, node, 0, 1), SEL4_RANGE_ERROR, 0, 29);
    check_refusal(refusal(ut, OBJECT_TCB, 32, node, 0, 1), SEL4_RANGE_ERROR, 0, 29);
    check_refusal(refusal(ut, OBJECT_TCB, 0, ut, 0, 1), SEL4_FAILED_LOOKUP, 0,
                  LOOKUP_MISSING_CAPABILITY);
    check_refusal(refusal(ut, OBJECT_UNTYPED, 21, node, 0, 1), SEL4_NOT_ENOUGH_MEMORY, SECTION, 0);
    check_equal(msginfo_label(refusal(ut, OBJECT_TCB, 31, node, 0, 1).tag), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(ut), SECTION - 512);
}

static void all_types(void)
{
    static const struct {
        enum object_type type;
        word_t size, bits;
    } types[] = {
        {OBJECT_UNTYPED, 4, 4},        {OBJECT_UNTYPED, 20, 20},    {OBJECT_TCB, 0, 9},
        {OBJECT_ENDPOINT, 0, 4},       {OBJECT_NOTIFICATION, 0, 4}, {OBJECT_CNODE, 1, 5},
        {OBJECT_CNODE, 14, 18},        {OBJECT_FRAME_4K, 0, 12},    {OBJECT_FRAME_64K, 0, 16},
        {OBJECT_FRAME_1M, 0, 20},      {OBJECT_FRAME_16M, 0, 24},   {OBJECT_PAGE_TABLE, 0, 10},
        {OBJECT_PAGE_DIRECTORY, 0, 14}};
    cptr_t ut = object_new(OBJECT_UNTYPED, 24), to = slot_new();
    for (word_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        check_equal(retype(ut, types[i].type, types[i].size, to, 1), SEL4_NO_ERROR);
        check_equal(untyped_free_bytes(ut), ((word_t)1 << 24) - ((word_t)1 << types[i].bits));
        check_equal(retype(ut, types[i].type, types[i].size, to, 1), SEL4_DELETE_FIRST);
        must_succeed(cap_delete(to));
        check_equal(untyped_free_bytes(ut), (word_t)1 << 24);
    }
}

/* One by one until it is full; then all are deleted and it can be used again, whole. */
static void incremental(void)
{
    enum { COUNT = 64 };
    cptr_t ut = object_new(OBJECT_UNTYPED, 18), to = slots_new(COUNT), whole = slot_new();
    for (word_t round = 0; round < 2; round++) {
        for (word_t i = 0; i < COUNT; i++) {
            check_equal(untyped_free_bytes(ut), (COUNT - i) * 4096);
            check_equal(retype(ut, OBJECT_FRAME_4K, 0, to + i, 1), SEL4_NO_ERROR);
            if (i > 0)
                check_equal(page_get_address(to + i), page_get_address(to) + i * 4096);
        }
        check_equal(retype(ut, OBJECT_ENDPOINT, 0, whole, 1), SEL4_NOT_ENOUGH_MEMORY);
        for (word_t i = 1; i < COUNT; i++)
            must_succeed(cap_delete(to + i));
        check_equal(untyped_free_bytes(ut), 0); /* one child holds it all */
        must_succeed(cap_delete(to));
        check_equal(retype(ut, OBJECT_UNTYPED, 18, whole, 1), SEL4_NO_ERROR);
        must_succeed(cap_delete(whole));
    }
}

static void alignment(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 16), to = slots_new(4);
    check_equal(retype(ut, OBJECT_ENDPOINT, 0, to, 1), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(ut), 65536 - 16);
    check_equal(retype(ut, OBJECT_FRAME_4K, 0, to + 1, 1), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(ut), 65536 - 8192);
    check_equal(retype(ut, OBJECT_ENDPOINT, 0, to + 2, 1), SEL4_NO_ERROR);
    check_equal(retype(ut, OBJECT_PAGE_DIRECTORY, 0, to + 3, 1), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(ut), 65536 - 32768);
    check_equal(page_get_address(to + 1) & 0xffff, 4096);
}

static void nesting(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 20), child = slot_new(), grandchild = slot_new();
    cptr_t leaf = slot_new(), copy = slot_new();
    must_succeed(retype(ut, OBJECT_UNTYPED, 16, child, 1));
    must_succeed(retype(child, OBJECT_UNTYPED, 12, grandchild, 1));
    must_succeed(retype(grandchild, OBJECT_TCB, 0, leaf, 1));
    must_succeed(cap_delete(child)); /* its children are now the parent's */
    check_equal(tcb_suspend(leaf), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(ut), SECTION - 65536);
    check_equal(cnode_copy(INIT_CNODE, copy, DEPTH, INIT_CNODE, grandchild, DEPTH, RIGHT_ALL),
                SEL4_REVOKE_FIRST);
    must_succeed(cap_revoke(ut));
    check(slot_empty(grandchild) && slot_empty(leaf) && !slot_empty(ut));
    check_equal(untyped_free_bytes(ut), SECTION);
}

/* A copy of an untyped takes its memory: the source is full until the copy is gone. */
static void copies(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 16), copy = cap_copy(ut, RIGHT_ALL), to = slots_new(2);
    check_equal(untyped_free_bytes(ut), 0);
    check_equal(untyped_free_bytes(copy), 65536);
    check_equal(retype(copy, OBJECT_FRAME_64K, 0, to, 1), SEL4_NO_ERROR);
    check_equal(retype(ut, OBJECT_ENDPOINT, 0, to + 1, 1), SEL4_NOT_ENOUGH_MEMORY);
    must_succeed(cap_delete(copy));
    check_equal(untyped_free_bytes(ut), 0);
    must_succeed(cap_revoke(ut));
    check(slot_empty(to));
    check_equal(untyped_free_bytes(ut), 65536);
}

static void device_memory(void)
{
    cptr_t ut = device_untyped(0x50000000), to = slots_new(3);
    static const enum object_type refused[] = {OBJECT_TCB,          OBJECT_ENDPOINT,
                                               OBJECT_NOTIFICATION, OBJECT_CNODE,
                                               OBJECT_PAGE_TABLE,   OBJECT_PAGE_DIRECTORY};
    for (word_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        check_refusal(refusal(ut, refused[i], 4, INIT_CNODE, to, 1), SEL4_INVALID_ARGUMENT, 1, 0);
    check_equal(retype(ut, OBJECT_UNTYPED, 16, to, 1), SEL4_NO_ERROR);
    check_equal(retype(to, OBJECT_TCB, 0, to + 1, 1), SEL4_INVALID_ARGUMENT);
    check_equal(retype(to, OBJECT_FRAME_4K, 0, to + 1, 1), SEL4_NO_ERROR);
    check_equal(page_get_address(to + 1), 0x50000000);
    check_equal(retype(ut, OBJECT_FRAME_1M, 0, to + 2, 1), SEL4_NO_ERROR);
    check_equal(page_get_address(to + 2), 0x50100000);
}

/* ---- no implicit allocation ---- */

static word_t echo(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return ipc_recv(ep).mr[0];
}

/* Everything that a kernel might be tempted to allocate for: mappings, IPC, badges, faults. */
static void use_everything(cptr_t ep, cptr_t frame, struct thread *t)
{
    thread_start(t, echo, ep, 0, 0, 0);
    ipc_send(ep, msginfo_make(0, 0, 0, 1), (const word_t[4]){9});
    check_equal(thread_join(t), 9);
    for (word_t i = 0; i < 64; i++)
        must_succeed(page_map(frame, INIT_VSPACE, AREA + (i % 2) * 4096, READ_WRITE, VM_CACHEABLE)),
            must_succeed(page_unmap(frame));
    cptr_t badged = slot_new(), handler = slot_new();
    must_succeed(cnode_mint(INIT_CNODE, badged, DEPTH, INIT_CNODE, ep, DEPTH, RIGHT_ALL, 1));
    must_succeed(irq_control_get(INIT_IRQ_CONTROL, 40, INIT_CNODE, handler, DEPTH));
    must_succeed(cap_delete(badged));
    must_succeed(cap_delete(handler));
    thread_start(t, echo, 0, 0, 0, 0);
    check(thread_joined_faulty(t));
}

static void nothing_is_taken(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), frame = object_new(OBJECT_FRAME_4K, 0);
    struct thread *t = thread_new(200);
    map_table(INIT_VSPACE, AREA);
    word_t before = ram_free_bytes();
    for (word_t i = 0; i < 20; i++)
        use_everything(ep, frame, t);
    check_equal(ram_free_bytes(), before);
}

static void cycles_lose_nothing(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 16), to = slots_new(256);
    word_t before = ram_free_bytes();
    for (word_t round = 0; round < 50; round++) {
        check_equal(untyped_free_bytes(ut), 65536);
        must_succeed(retype(ut, OBJECT_TCB, 0, to, 1 + round % 64));
        must_succeed(retype(ut, OBJECT_CNODE, 4, to + 64, 32));
        must_succeed(retype(ut, OBJECT_NOTIFICATION, 0, to + 128, 128));
        must_succeed(cap_revoke(ut));
    }
    check_equal(ram_free_bytes(), before);
}

/* The label of an interrupted Retype's rest, made up by a program: it gets what a smaller request gets,
 * and no more than 256 objects together with those that it says are made. */
static void forged_rests(void)
{
    enum { SLOTS = 9, ALL = 1 << SLOTS };
    cptr_t ut = object_new(OBJECT_UNTYPED, 16), node = object_new(OBJECT_CNODE, SLOTS);
    for (word_t made = 0; made < 300; made++)
        for (word_t count = made + 1; count < ALL; count += 85) {
            struct invocation v = {ut, INV_UNTYPED_RETYPE | (1 + made) << RETYPE_REST_SHIFT,
                                   6,  {OBJECT_ENDPOINT, 0, node, DEPTH, 0 - made, count},
                                   1,  {INIT_CNODE},
                                   0,  0};
            bool rest = made < RETYPE_MAX_OBJECTS, few = count <= RETYPE_MAX_OBJECTS;
            user_invoke(&v);
            check_equal(msginfo_label(v.tag), !rest ? SEL4_ILLEGAL_OPERATION
                                              : few ? SEL4_NO_ERROR
                                                    : SEL4_RANGE_ERROR);
            check_equal(untyped_free_bytes(ut), 65536 - (rest && few ? 16 * (count - made) : 0));
            must_succeed(cap_revoke(ut));
        }
}

const struct test retype_tests[] = {
    {"RETYPE0000 every kind of object takes its size and comes back", all_types},
    {"RETYPE0001 slot windows and their limits are exact", windows},
    {"RETYPE0002 objects one by one until full, deleted, and again", incremental},
    {"RETYPE0003 types and sizes out of range are refused with their limits", sizes},
    {"RETYPE0004 objects are aligned and contiguous", alignment},
    {"RETYPE0005 revoking an untyped reaches what its children made", nesting},
    {"RETYPE0006 a copy of an untyped has the memory, its source none", copies},
    {"RETYPE0007 device memory becomes frames and untypeds only", device_memory},
    {"RETYPE0008 no call takes memory that was not given to it", nothing_is_taken},
    {"RETYPE0009 create and revoke in cycles lose nothing", cycles_lose_nothing},
    {"RETYPE0010 a forged label of a rest gets no more than a smaller request", forged_rests},
    {0},
};
