/* The nine operations on CNodes, on TCB and endpoint capabilities (ABI sheet 3.3). */
#include "user/tests/tests.h"

static enum syscall_error copy(cptr_t to, cptr_t from)
{
    return cnode_copy(INIT_CNODE, to, DEPTH, INIT_CNODE, from, DEPTH, RIGHT_ALL);
}

static enum syscall_error mint(cptr_t to, cptr_t from, word_t data)
{
    return cnode_mint(INIT_CNODE, to, DEPTH, INIT_CNODE, from, DEPTH, RIGHT_ALL, data);
}

static enum syscall_error move(cptr_t to, cptr_t from)
{
    return cnode_move(INIT_CNODE, to, DEPTH, INIT_CNODE, from, DEPTH);
}

static enum syscall_error mutate(cptr_t to, cptr_t from, word_t data)
{
    return cnode_mutate(INIT_CNODE, to, DEPTH, INIT_CNODE, from, DEPTH, data);
}

static enum syscall_error rotate(cptr_t to, cptr_t pivot, cptr_t from)
{
    return cnode_rotate(INIT_CNODE, &(struct rotation){to, DEPTH, 0, INIT_CNODE, pivot, DEPTH, 0,
                                                       INIT_CNODE, from, DEPTH});
}

static void copying(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), to = slot_new(), empty = slot_new();
    check_equal(copy(to, tcb), SEL4_NO_ERROR);
    check(!slot_empty(tcb));
    check(!slot_empty(to));
    check_equal(tcb_suspend(to), SEL4_NO_ERROR);
    check_equal(copy(to, tcb), SEL4_DELETE_FIRST);
    check_equal(copy(tcb, tcb), SEL4_DELETE_FIRST);
    check_equal(copy(slot_new(), empty), SEL4_FAILED_LOOKUP);
    check_equal(copy(empty, empty), SEL4_FAILED_LOOKUP);
    check_equal(copy(to, empty), SEL4_DELETE_FIRST); /* the destination is looked at first */
}

static void copy_into_other_cnode(void)
{
    cptr_t cnode = object_new(OBJECT_CNODE, 4), tcb = object_new(OBJECT_TCB, 0);
    for (word_t i = 0; i < 16; i++)
        check_equal(cnode_copy(cnode, i, 4, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_NO_ERROR);
    check_equal(cnode_copy(cnode, 15, 4, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_DELETE_FIRST);
    check_equal(cnode_copy(cnode, 16, 4, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_DELETE_FIRST);
    check_equal(cnode_copy(cnode, 0, 5, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_FAILED_LOOKUP);
    check_equal(cnode_copy(cnode, 0, 0, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_RANGE_ERROR);
    check_equal(cnode_copy(tcb, 0, 4, INIT_CNODE, tcb, DEPTH, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
    check_equal(cnode_copy(INIT_CNODE, slot_new(), DEPTH, tcb, 0, 4, RIGHT_ALL),
                SEL4_FAILED_LOOKUP);
}

static void deleting(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), to = slot_new();
    check_equal(copy(to, tcb), SEL4_NO_ERROR);
    check_equal(cap_delete(tcb), SEL4_NO_ERROR);
    check(slot_empty(tcb));
    check(!slot_empty(to));
    check_equal(tcb_suspend(to), SEL4_NO_ERROR); /* the object lives on in the copy */
    check_equal(cap_delete(to), SEL4_NO_ERROR);
    check(slot_empty(to));
    check_equal(cap_delete(to), SEL4_NO_ERROR); /* an empty slot as well */
}

static void minting(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), to = slot_new(), empty = slot_new();
    check_equal(mint(to, ep, 5), SEL4_NO_ERROR);
    check(!slot_empty(to));
    check_equal(mint(to, ep, 5), SEL4_DELETE_FIRST);
    check_equal(mint(empty, to, 6), SEL4_ILLEGAL_OPERATION); /* a badge stays */
    check_equal(mint(empty, to, 0), SEL4_ILLEGAL_OPERATION);
    check_equal(mint(empty, slot_new(), 0), SEL4_FAILED_LOOKUP);
    cptr_t cnode = object_new(OBJECT_CNODE, 4);
    check_equal(mint(empty, cnode, 29 << 3), SEL4_ILLEGAL_OPERATION); /* 29 + 4 bits */
    check_equal(mint(empty, cnode, 28 << 3), SEL4_NO_ERROR);
    check_equal(mint(slot_new(), INIT_IRQ_CONTROL, 0), SEL4_ILLEGAL_OPERATION);
    check_equal(copy(slot_new(), INIT_IRQ_CONTROL), SEL4_ILLEGAL_OPERATION);
}

static word_t receive(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return ipc_recv(ep).badge;
}

static void badges_have_28_bits(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = cap_mint(ep, RIGHT_ALL, 0xffffffff);
    struct thread *t = thread_run(200, receive, ep, 0);
    ipc_send(badged, 0, (const word_t[4]){0});
    check_equal(thread_join(t), 0x0fffffff);
}

static void moving(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), to = slot_new(), empty = slot_new();
    check_equal(move(to, tcb), SEL4_NO_ERROR);
    check(slot_empty(tcb));
    check(!slot_empty(to));
    check_equal(tcb_suspend(to), SEL4_NO_ERROR);
    check_equal(move(to, to), SEL4_DELETE_FIRST);
    check_equal(move(empty, tcb), SEL4_FAILED_LOOKUP);
    check_equal(move(tcb, tcb), SEL4_FAILED_LOOKUP);
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), badged = cap_mint(ep, RIGHT_ALL, 3);
    check_equal(move(empty, badged), SEL4_NO_ERROR);
    struct thread *t = thread_run(200, receive, ep, 0);
    ipc_send(empty, 0, (const word_t[4]){0});
    check_equal(thread_join(t), 3);
}

static void mutating(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), to = slot_new(), empty = slot_new();
    check_equal(mutate(to, tcb, 9), SEL4_NO_ERROR);
    check(slot_empty(tcb));
    check_equal(tcb_suspend(to), SEL4_NO_ERROR);
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    check_equal(mutate(empty, ep, 0), SEL4_ILLEGAL_OPERATION);
    check(!slot_empty(ep));
    cptr_t cnode = object_new(OBJECT_CNODE, 4);
    must_succeed(cnode_copy(cnode, 3, 4, INIT_CNODE, to, DEPTH, RIGHT_ALL));
    check_equal(mutate(empty, cnode, 4 << 3 | 0xa << 8), SEL4_NO_ERROR);
    check(slot_empty(cnode));
    check_equal(cnode_delete(empty, 0x53, 8), SEL4_FAILED_LOOKUP); /* not the guard */
    check_equal(cnode_delete(empty, 0xa3, 8), SEL4_NO_ERROR);
    check_equal(mutate(to, empty, 0), SEL4_DELETE_FIRST);
}

static void rotating(void)
{
    cptr_t a = object_new(OBJECT_TCB, 0), b = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t to = slot_new(), tcb = object_new(OBJECT_TCB, 0);
    check_equal(rotate(to, a, tcb), SEL4_NO_ERROR); /* a to `to`, tcb to a's slot */
    check(slot_empty(tcb));
    check(!slot_empty(a));
    check(!slot_empty(to));
    check_equal(rotate(to, a, a), SEL4_ILLEGAL_OPERATION);
    check_equal(rotate(to, to, a), SEL4_ILLEGAL_OPERATION);
    check_equal(rotate(to, slot_new(), a), SEL4_DELETE_FIRST);
    check_equal(rotate(slot_new(), a, slot_new()), SEL4_FAILED_LOOKUP);
    check_equal(rotate(slot_new(), slot_new(), a), SEL4_FAILED_LOOKUP);
    check_equal(rotate(slot_new(), b, a), SEL4_ILLEGAL_OPERATION); /* notifications stay */
    check_equal(rotate(slot_new(), a, b), SEL4_ILLEGAL_OPERATION);
}

/* With source and destination the same slot, the two capabilities change places. */
static void swapping(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), cnode = object_new(OBJECT_CNODE, 4);
    check_equal(rotate(tcb, cnode, tcb), SEL4_NO_ERROR);
    check_equal(tcb_suspend(cnode), SEL4_NO_ERROR);
    check_equal(cnode_delete(tcb, 0, 4), SEL4_NO_ERROR);
}

static word_t call(word_t ep, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    return ipc_call(ep, msginfo_make(0, 0, 0, 1), (const word_t[4]){value}).mr[0];
}

static void save_caller(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), reply = slot_new();
    struct thread *t = thread_run(200, call, ep, 5);
    check_equal(ipc_recv(ep).mr[0], 5);
    check_equal(cnode_save_caller(INIT_CNODE, ep, DEPTH), SEL4_DELETE_FIRST);
    check_equal(cnode_save_caller(INIT_CNODE, reply, DEPTH), SEL4_NO_ERROR);
    check(!slot_empty(reply));
    check_equal(copy(slot_new(), reply), SEL4_ILLEGAL_OPERATION);
    cptr_t moved = slot_new();
    check_equal(move(moved, reply), SEL4_NO_ERROR);
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){1}); /* no caller any more */
    check_equal(cnode_save_caller(INIT_CNODE, reply, DEPTH), SEL4_NO_ERROR);
    check(slot_empty(reply)); /* nobody else called */
    ipc_send(moved, msginfo_make(0, 0, 0, 1), (const word_t[4]){77});
    check_equal(thread_join(t), 77);
    check(slot_empty(moved)); /* one reply only */
}

static void revoking(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    cptr_t copy_of = cap_copy(ep, RIGHT_ALL), badged = cap_mint(ep, RIGHT_ALL, 1);
    cptr_t same = cap_mint(ep, RIGHT_ALL, 1), below = cap_copy(badged, RIGHT_ALL);
    check_equal(cap_revoke(copy_of), SEL4_NO_ERROR); /* a copy has no children */
    check(!slot_empty(badged) && !slot_empty(same) && !slot_empty(below));
    check_equal(cap_revoke(badged), SEL4_NO_ERROR);
    check(!slot_empty(badged) && !slot_empty(same));
    check(slot_empty(below));
    check_equal(cap_revoke(ep), SEL4_NO_ERROR);
    check(!slot_empty(ep));
    check(slot_empty(copy_of) && slot_empty(badged) && slot_empty(same));
    check_equal(cap_revoke(copy_of), SEL4_NO_ERROR); /* an empty slot */
}

static void cancel_badged(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), tcb = object_new(OBJECT_TCB, 0);
    cptr_t badged = cap_mint(ep, RIGHT_ALL, 1);
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, ep, DEPTH), SEL4_NO_ERROR);
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, badged, DEPTH), SEL4_NO_ERROR);
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, tcb, DEPTH), SEL4_ILLEGAL_OPERATION);
    for (word_t rights = 0; rights < RIGHT_ALL; rights++)
        check_equal(cnode_cancel_badged_sends(INIT_CNODE, cap_copy(badged, rights), DEPTH),
                    SEL4_ILLEGAL_OPERATION);
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, slot_new(), DEPTH), SEL4_ILLEGAL_OPERATION);
}

/* A CNode that holds its own last capability goes, with all it held. */
static void cyclic(void)
{
    cptr_t cnode = object_new(OBJECT_CNODE, 8), tcb = object_new(OBJECT_TCB, 0);
    for (word_t i = 0; i < 250; i += 7)
        must_succeed(cnode_copy(cnode, i, 8, INIT_CNODE, tcb, DEPTH, RIGHT_ALL));
    must_succeed(cnode_copy(cnode, 252, 8, INIT_CNODE, cnode, DEPTH, RIGHT_ALL));
    must_succeed(cnode_copy(cnode, 251, 8, INIT_CNODE, cnode, DEPTH, RIGHT_ALL));
    check_equal(cnode_delete(INIT_CNODE, cnode, DEPTH), SEL4_NO_ERROR);
    check(slot_empty(cnode));
    cptr_t outer = object_new(OBJECT_CNODE, 4), inner = object_new(OBJECT_CNODE, 4);
    must_succeed(cnode_move(inner, 1, 4, INIT_CNODE, outer, DEPTH));
    must_succeed(cnode_copy(inner, 2, 4, INIT_CNODE, inner, DEPTH, RIGHT_ALL));
    check_equal(cap_delete(inner), SEL4_NO_ERROR);
    check(slot_empty(inner));
}

const struct test cnodeop_tests[] = {
    {"CNODEOP0001 Copy makes a second capability and refuses full and empty slots", copying},
    {"CNODEOP0002 Copy reaches every slot of another CNode and none beyond", copy_into_other_cnode},
    {"CNODEOP0003 Delete empties one slot and leaves the copies", deleting},
    {"CNODEOP0004 Mint sets badges and guards once", minting},
    {"CNODEOP0005 badges keep 28 bits", badges_have_28_bits},
    {"CNODEOP0006 Move leaves the source empty and keeps the badge", moving},
    {"CNODEOP0007 Mutate sets a guard and refuses endpoints", mutating},
    {"CNODEOP0008 Rotate moves two capabilities and refuses what stands in the way", rotating},
    {"CNODEOP0009 Rotate onto the source swaps", swapping},
    {"CNODEOP0010 SaveCaller keeps a reply for later, once", save_caller},
    {"CNODEOP0011 Revoke takes what was derived and nothing else", revoking},
    {"CNODEOP0012 CancelBadgedSends needs an endpoint with all rights", cancel_badged},
    {"CNODEOP0013 a CNode that holds itself can be deleted", cyclic},
    {0},
};
