/* Resolution of capability addresses (ABI sheet 1.10) in CSpaces that tests build. */
#include "user/tests/tests.h"

enum { LEVELS = 32, UNSEEN = 0x0ff };

/* 32 CNodes of one bit each: slot 1 of each leads on, the last holds `leaf`. */
static cptr_t ladder(cptr_t leaf, word_t full_levels)
{
    cptr_t first = objects_new(OBJECT_CNODE, 1, LEVELS);
    for (word_t i = 0; i + 1 < full_levels; i++)
        must_succeed(cnode_copy(first + i, 1, 1, INIT_CNODE, first + i + 1, DEPTH, RIGHT_ALL));
    if (full_levels == LEVELS)
        must_succeed(cnode_copy(first + LEVELS - 1, 1, 1, INIT_CNODE, leaf, DEPTH, RIGHT_ALL));
    return first;
}

/* In the CSpace `root` there is no way to report, so the test waits for the state of memory. */
static volatile word_t seen_tag;

static word_t call_and_note(word_t cptr, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    seen_tag = ipc_call(cptr, 0, (const word_t[4]){0}).tag;
    while (seen_tag != UNSEEN)
        user_yield();
    return 0;
}

/* What a thread in the CSpace `root` gets from a call to `cptr`.  It has the caller's priority and
 * yields when it is done. */
static word_t tag_in_space(cptr_t root, word_t cptr)
{
    struct thread *t = thread_new(TOP);
    must_succeed(tcb_set_space(t->tcb, 0, root, 0, INIT_VSPACE));
    seen_tag = UNSEEN;
    thread_start(t, call_and_note, cptr, 0, 0, 0);
    for (word_t i = 0; i < 10 && seen_tag == UNSEEN; i++)
        user_yield();
    must_succeed(tcb_suspend(t->tcb));
    return seen_tag;
}

static void nested(void)
{
    cptr_t root = ladder(object_new(OBJECT_CNODE, 4), LEVELS);
    check_equal(tag_in_space(root, 0xffffffff), 0x3000); /* a CNode answers label 0 */
}

/* An empty slot met with bits left is an invalid capability, no fault. */
static void empty_slot_early(void)
{
    for (word_t levels = 1; levels < LEVELS; levels += 10)
        check_equal(tag_in_space(ladder(0, levels), 0xffffffff), 0x2001);
}

/* A leaf met early is used whatever the remaining bits say. */
static void leaf_early(void)
{
    cptr_t root = object_new(OBJECT_CNODE, 4);
    must_succeed(cnode_copy(root, 0xa, 4, INIT_CNODE, object_new(OBJECT_TCB, 0), DEPTH, RIGHT_ALL));
    check_equal(tag_in_space(root, 0xa0000000), 0x3000);
    check_equal(tag_in_space(root, 0xa0123456), 0x3000);
}

/* An operation on CNodes insists on all bits: the leaf leaves some over. */
static void depth_in_operations(void)
{
    cptr_t top = object_new(OBJECT_CNODE, 4), inner = object_new(OBJECT_CNODE, 4);
    must_succeed(cnode_copy(top, 1, 4, INIT_CNODE, inner, DEPTH, RIGHT_ALL));
    must_succeed(cnode_copy(inner, 2, 4, INIT_CNODE, INIT_TCB, DEPTH, RIGHT_ALL));
    struct invocation v = {top, INV_CNODE_DELETE, 2, {0x12345, 20}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_FAILED_LOOKUP);
    check_equal(v.mr[0], 0);
    check_equal(v.mr[1], LOOKUP_DEPTH_MISMATCH);
    check_equal(v.mr[2], 12);
    check_equal(v.mr[3], 0);
    check_equal(cnode_delete(top, 0x12, 8), SEL4_NO_ERROR);
    check_equal(cnode_delete(top, 0x32, 8), SEL4_FAILED_LOOKUP); /* empty, four bits left */
    check_equal(cnode_delete(top, 3, 4), SEL4_NO_ERROR);
    check_equal(cnode_delete(top, 1, 3), SEL4_FAILED_LOOKUP);
}

static void guards(void)
{
    cptr_t cnode = object_new(OBJECT_CNODE, 4);
    cptr_t guarded = cap_mint(cnode, RIGHT_ALL, 18 << 3 | 0x2aaaa << 8);
    must_succeed(cnode_copy(cnode, 6, 4, INIT_CNODE, INIT_TCB, DEPTH, RIGHT_ALL));
    check_equal(cnode_move(guarded, 0x2aaaa << 4 | 6, 22, INIT_CNODE, slot_new(), DEPTH),
                SEL4_DELETE_FIRST);
    struct invocation v = {guarded, INV_CNODE_DELETE, 2, {0x2aaab << 4 | 6, 22}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_FAILED_LOOKUP);
    check_equal(msginfo_length(v.tag), 5);
    check_equal(v.mr[1], LOOKUP_GUARD_MISMATCH);
    check_equal(v.mr[2], 22);
    check_equal(v.mr[3], 0x2aaaa);
    check_equal(v.mr[4], 18);
    v = (struct invocation){guarded, INV_CNODE_DELETE, 2, {0x2aaaa << 3, 21}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_FAILED_LOOKUP);
    check_equal(v.mr[1], LOOKUP_DEPTH_MISMATCH);
    check_equal(v.mr[2], 21);
    check_equal(v.mr[3], 22);
}

/* The CSpace of a thread that waits is replaced: its next capability address means the new one. */
static word_t wait_twice(word_t cptr, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    word_t first = notification_wait(cptr);
    return first | notification_wait(cptr) << 8;
}

static void replaced_while_waiting(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0), other = object_new(OBJECT_NOTIFICATION, 0);
    struct thread *t = process_new(200);
    cptr_t first = thread_copy(t, bell);
    cptr_t space = object_new(OBJECT_CNODE, PROCESS_RADIX);
    must_succeed(cnode_copy(space, first, PROCESS_RADIX, INIT_CNODE, other, DEPTH, RIGHT_ALL));
    must_succeed(
        cnode_copy(space, t->done, PROCESS_RADIX, INIT_CNODE, t->fault_cap, DEPTH, RIGHT_ALL));
    thread_start(t, wait_twice, first, 0, 0, 0);
    self_priority(100);
    check_equal(tcb_set_space(t->tcb, t->done, space, (32 - PROCESS_RADIX) << 3, t->vspace),
                SEL4_NO_ERROR);
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x11)); /* it still waits on the old one */
    notification_signal(cap_mint(other, RIGHT_ALL, 0x22));
    check_equal(thread_join(t), 0x2211);
}

const struct test cspace_tests[] = {
    {"CSPACE0001 an address resolves through 32 CNodes of one bit", nested},
    {"CSPACE0002 an empty slot met early is an invalid capability", empty_slot_early},
    {"CSPACE0003 a capability met early is used", leaf_early},
    {"CSPACE0004 operations on CNodes need every bit resolved", depth_in_operations},
    {"CSPACE0005 guards must match and their mismatch is told", guards},
    {"CSPACE0006 SetSpace on a waiting thread counts from its next call", replaced_while_waiting},
    {0},
};
