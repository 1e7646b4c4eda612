/* Long operations are interrupted and go on: while memory with tens of thousands of capabilities is
 * revoked, timer interrupts are handled by a thread of higher priority. */
#include "user/tests/tests.h"

enum { RADIX = 15, COUNT = 1 << RADIX, MICROSECONDS = 300 };

static volatile word_t interrupts;

static word_t handle_interrupts(word_t bell, word_t handler, word_t c, word_t d)
{
    (void)c, (void)d;
    for (;;) {
        if (notification_wait(bell) == 0)
            return interrupts;
        interrupts++;
        gpt_acknowledge();
        irq_handler_ack(handler);
    }
}

static void start_handling(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    interrupts = 0;
    thread_run(255, handle_interrupts, bell, handler);
    self_priority(200);
}

/* Runs the operation with the timer going; at least `least` interrupts must come through. */
static void interrupted(enum syscall_error (*operation)(cptr_t), cptr_t cap, word_t least)
{
    gpt_periodic(MICROSECONDS);
    word_t before = interrupts;
    enum syscall_error e = operation(cap);
    word_t during = interrupts - before;
    gpt_stop();
    check_equal(e, SEL4_NO_ERROR);
    if (during < least)
        check_note("only %u interrupts came during the operation", during);
}

static cptr_t full_cnode(cptr_t cap)
{
    cptr_t cnode = object_new(OBJECT_CNODE, RADIX);
    for (word_t i = 0; i < COUNT; i++)
        must_succeed(cnode_copy(cnode, i, RADIX, INIT_CNODE, cap, DEPTH, RIGHT_ALL));
    return cnode;
}

static bool cnode_slots_empty(cptr_t cnode)
{
    cptr_t probe = object_new(OBJECT_ENDPOINT, 0);
    word_t full = 0;
    for (word_t i = 0; i < COUNT; i += 97)
        full += cnode_copy(cnode, i, RADIX, INIT_CNODE, probe, DEPTH, 0) != SEL4_NO_ERROR;
    return full == 0;
}

static void revoke_copies(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), cnode = full_cnode(ep);
    start_handling();
    interrupted(cap_revoke, ep, 5);
    check(cnode_slots_empty(cnode));
    check(!slot_empty(ep));
}

static void revoke_objects(void)
{
    cptr_t memory = object_new(OBJECT_UNTYPED, RADIX + 4);
    cptr_t cnode = object_new(OBJECT_CNODE, RADIX);
    for (word_t i = 0; i < COUNT; i += 256)
        must_succeed(untyped_retype(memory, OBJECT_ENDPOINT, 0, INIT_CNODE, cnode, DEPTH, i, 256));
    check_equal(untyped_free_bytes(memory), 0);
    start_handling();
    interrupted(cap_revoke, memory, 5);
    check(cnode_slots_empty(cnode));
    check_equal(untyped_free_bytes(memory), (word_t)1 << (RADIX + 4));
}

static void delete_cnode(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), cnode = full_cnode(ep);
    start_handling();
    interrupted(cap_delete, cnode, 5);
    check(slot_empty(cnode));
    check_equal(cap_revoke(ep), SEL4_NO_ERROR);
}

static enum syscall_error make_supersection(cptr_t memory)
{
    return untyped_retype(memory, OBJECT_FRAME_16M, 0, INIT_CNODE, 0, 0, memory + 1, 1);
}

/* Clearing sixteen megabytes of used memory. */
static void clear_memory(void)
{
    cptr_t memory = slots_new(2);
    cptr_t big = object_new(OBJECT_UNTYPED, 24);
    must_succeed(cnode_move(INIT_CNODE, memory, DEPTH, INIT_CNODE, big, DEPTH));
    start_handling();
    interrupted(make_supersection, memory, 5);
    check(!slot_empty(memory + 1));
}

/* ---- Retype ---- */

enum { THREADS_MADE = 256, PARTS = 3, ROUNDS = 4000 };

static volatile word_t parts_seen;

/* At each interrupt: are some of the threads there, and not all? */
static word_t look_at_parts(word_t bell, word_t handler, word_t first, word_t d)
{
    (void)d;
    while (notification_wait(bell) != 0) {
        gpt_stop();
        parts_seen += !slot_empty(first) && slot_empty(first + THREADS_MADE - 1);
        irq_handler_ack(handler);
    }
    return parts_seen;
}

/* Each keeps a word of its own. */
static void check_distinct(cptr_t first)
{
    word_t wrong = 0;
    for (word_t i = 0; i < THREADS_MADE; i++)
        must_succeed(tcb_write_registers(first + i, false, 1, &(word_t){0x1000 + i}));
    for (word_t i = 0; i < THREADS_MADE; i++) {
        word_t value = 0;
        must_succeed(tcb_read_registers(first + i, false, 1, &value));
        wrong += value != 0x1000 + i;
    }
    check_equal(wrong, 0);
}

/* The timer rings once a round, each time at another moment after its start. */
static void retype_threads(void)
{
    cptr_t memory = object_new(OBJECT_UNTYPED, 17), first = slots_new(THREADS_MADE);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    struct thread *t = thread_new(255);
    parts_seen = 0;
    thread_start(t, look_at_parts, bell, handler, first, 0);
    self_priority(200);
    for (word_t round = 0, before = 0; round < ROUNDS && parts_seen < PARTS; round++) {
        gpt_periodic(10 + round * 7 % 190);
        enum syscall_error e =
            untyped_retype(memory, OBJECT_TCB, 0, INIT_CNODE, 0, 0, first, THREADS_MADE);
        gpt_stop();
        must_succeed(e);
        check_equal(untyped_free_bytes(memory), 0);
        if (parts_seen != before)
            check_distinct(first);
        before = parts_seen;
        must_succeed(cap_revoke(memory));
    }
    check_equal(parts_seen, PARTS);
}

static cptr_t revoke_slot;

static word_t revoke_it(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return cap_revoke(revoke_slot);
}

/* While a thread of low priority revokes, one of high priority wakes at each interrupt and looks:
 * the revoke goes on between, and ends although its thread is moved, suspended and resumed. */
static void revoke_by_suspended_thread(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), cnode = full_cnode(ep);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    revoke_slot = ep;
    struct thread *t = thread_run(100, revoke_it, 0, 0);
    gpt_periodic(MICROSECONDS);
    word_t pauses = 0;
    for (; pauses < 10; pauses++) {
        notification_wait(bell);
        gpt_acknowledge();
        irq_handler_ack(handler);
        check_equal(tcb_suspend(t->tcb), SEL4_NO_ERROR);
        check_equal(tcb_set_priority(t->tcb, INIT_TCB, 90 + pauses), SEL4_NO_ERROR);
        check_equal(tcb_resume(t->tcb), SEL4_NO_ERROR);
    }
    gpt_stop();
    check(!t->finished);
    check_equal(thread_join(t), SEL4_NO_ERROR);
    check(cnode_slots_empty(cnode));
}

/* Two threads revoke the same capabilities, the second while the first is preempted. */
static void two_revokers(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), cnode = full_cnode(ep);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    revoke_slot = ep;
    struct thread *t = thread_run(100, revoke_it, 0, 0);
    gpt_periodic(MICROSECONDS);
    notification_wait(bell);
    gpt_stop();
    check_equal(cap_revoke(ep), SEL4_NO_ERROR);
    check(cnode_slots_empty(cnode));
    check_equal(thread_join(t), SEL4_NO_ERROR);
}

/* An object is deleted while its deletion by another thread is preempted. */
static word_t delete_it(word_t cap, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return cap_delete(cap);
}

static void delete_during_delete(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), cnode = full_cnode(ep);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    struct thread *t = thread_run(100, delete_it, cnode, 0);
    gpt_periodic(MICROSECONDS);
    notification_wait(bell);
    gpt_stop();
    /* what stands there meanwhile cannot be used, but can be deleted */
    check_equal(cnode_delete(cnode, 0, RADIX), SEL4_INVALID_CAPABILITY);
    check_equal(cnode_copy(INIT_CNODE, slot_new(), DEPTH, INIT_CNODE, cnode, DEPTH, RIGHT_ALL),
                SEL4_ILLEGAL_OPERATION);
    check_equal(cap_delete(cnode), SEL4_NO_ERROR);
    check(slot_empty(cnode));
    check_equal(thread_join(t), SEL4_NO_ERROR);
}

const struct test preempt_tests[] = {
    {"PREEMPT_REVOKE0001 revoking 32768 copies is interrupted and completed", revoke_copies},
    {"PREEMPT_REVOKE0002 revoking an untyped with 32768 objects is interrupted", revoke_objects},
    {"PREEMPT_REVOKE0003 deleting a CNode with 32768 capabilities is interrupted", delete_cnode},
    {"PREEMPT_REVOKE0004 clearing 16 MiB for Retype is interrupted", clear_memory},
    {"PREEMPT_REVOKE0005 a revoke goes on after its thread was suspended",
     revoke_by_suspended_thread},
    {"PREEMPT_REVOKE0006 a revoke completes what another began", two_revokers},
    {"PREEMPT_REVOKE0007 half-deleted CNodes cannot be used and can be deleted",
     delete_during_delete},
    {"PREEMPT_RETYPE0001 256 threads that an interrupted Retype makes are all there and distinct",
     retype_threads},
    {0},
};
