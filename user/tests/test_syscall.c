/* System calls keep every register the ABI does not give away (ABI sheet 1.2), the stack pointer
 * and the flags. */
#include "user/tests/tests.h"

enum { FLAGS = 0xa0000000, FLAGS_MASK = 0xf8000000 }; /* N and C */

static struct registers pattern(enum syscall_number number, word_t r0, word_t r1)
{
    struct registers r = {.lr = 0x10ca1001, .cpsr = FLAGS};
    for (word_t i = 0; i < 13; i++)
        r.r[i] = 0x51510000 + i * 0x111;
    r.r[0] = r0;
    r.r[1] = r1;
    r.r[7] = (word_t)number;
    return r;
}

/* Which registers differ: bit n for rn, 13 sp, 14 lr, 15 flags. */
static word_t changed(const struct registers *a, const struct registers *b)
{
    word_t mask = 0;
    for (word_t i = 0; i < 13; i++)
        mask |= (word_t)(a->r[i] != b->r[i]) << i;
    mask |= (word_t)(b->sp != b->sp_before) << 13;
    mask |= (word_t)(a->lr != b->lr) << 14;
    return mask | (word_t)(((a->cpsr ^ b->cpsr) & FLAGS_MASK) != 0) << 15;
}

static word_t changed_by(enum syscall_number number, word_t r0, word_t r1)
{
    struct registers before = pattern(number, r0, r1), after = before;
    registers_svc(&after);
    return changed(&before, &after);
}

static void yield(void)
{
    check_equal(changed_by(SYS_YIELD, 0x1234, 0x5678), 0);
}

static void sends(void)
{
    check_equal(changed_by(SYS_SEND, INIT_CNODE, 0), 0);
    check_equal(changed_by(SYS_NBSEND, INIT_CNODE, 0), 0);
    check_equal(changed_by(SYS_SEND, INIT_CNODE, 4), 0);
    check_equal(changed_by(SYS_NBSEND, INIT_CNODE, 4), 0);
    cptr_t idle = object_new(OBJECT_ENDPOINT, 0);
    check_equal(changed_by(SYS_NBSEND, idle, 4), 0);
}

static void reply(void)
{
    check_equal(changed_by(SYS_REPLY, 0, 0), 0);
    check_equal(changed_by(SYS_REPLY, 77, 4), 0);
}

static void signal(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    check_equal(changed_by(SYS_SEND, bell, 0), 0);
    check_equal(changed_by(SYS_NBSEND, bell, 0), 0);
    check_equal(changed_by(SYS_SEND, INIT_CNODE, 0), 0);
}

static void call(void)
{
    /* the error's reply writes r0 and r1; r0 was not 0 before */
    check_equal(changed_by(SYS_CALL, INIT_CNODE, 0), 3);
    check_equal(changed_by(SYS_CALL, INIT_CNODE, 4), 3);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    check_equal(changed_by(SYS_CALL, bell, 3), 3);
}

static word_t sender(word_t ep, word_t length, word_t unused, word_t calls)
{
    (void)unused;
    const word_t mr[4] = {0xa0, 0xa1, 0xa2, 0xa3};
    word_t tag = msginfo_make(0x33, 0, 0, length);
    if (calls)
        ipc_call(ep, tag, mr);
    else
        ipc_send(ep, tag, mr);
    return 0;
}

/* A receive of `length` words may change r0, r1 and r2 to r(1+length). */
static void receive_length(enum syscall_number number, word_t length)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_new(200);
    thread_start(t, sender, cap_mint(ep, RIGHT_ALL, 0x99), length, 0, 0);
    self_priority(100);
    self_priority(TOP); /* the sender has blocked meanwhile */
    struct registers before = pattern(number, ep, 0x7777), after = before;
    registers_svc(&after);
    check_equal(changed(&before, &after), ((word_t)1 << (2 + length)) - 1);
    check_equal(after.r[0], 0x99);
    check_equal(after.r[1], msginfo_make(0x33, 0, 0, length));
    for (word_t i = 0; i < length; i++)
        check_equal(after.r[2 + i], 0xa0 + i);
    thread_join(t);
}

static void receives(void)
{
    for (word_t length = 0; length <= 4; length++) {
        receive_length(SYS_RECV, length);
        receive_length(SYS_NBRECV, length);
    }
}

static void reply_receive(void)
{
    for (word_t length = 0; length <= 4; length++)
        receive_length(SYS_REPLY_RECV, length);
}

static void poll(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    check_equal(changed_by(SYS_NBRECV, ep, 0), 1);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    check_equal(changed_by(SYS_NBRECV, bell, 0), 1);
}

static void wait(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t badged = cap_mint(bell, RIGHT_ALL, 0x44);
    notification_signal(badged);
    struct registers before = pattern(SYS_RECV, bell, 0x3456), after = before;
    registers_svc(&after);
    check_equal(changed(&before, &after), 1);
    check_equal(after.r[0], 0x44);
}

static word_t waiter(word_t bell, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    struct registers before = pattern(SYS_RECV, bell, 0x3456), after = before;
    registers_svc(&after);
    return changed(&before, &after) | after.r[0] << 16;
}

static void blocked_wait(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    struct thread *t = thread_run(200, waiter, bell, 0);
    self_priority(100);
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x55));
    check_equal(thread_join(t), 0x550001);
}

static word_t unknown(word_t number, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return changed_by((enum syscall_number)number, '\n', 2);
}

static void debug_put(void)
{
    struct thread *t = thread_run(200, unknown, (word_t)SYS_DEBUG_PUT_CHAR, 0);
    if (console_is_debug())
        check_equal(thread_join(t), 0);
    else if (check(thread_joined_faulty(t)))
        check_equal(msginfo_label(t->fault.tag), FAULT_UNKNOWN_SYSCALL);
}

static void tls_base(void)
{
    word_t base = (word_t)user_ipc_buffer();
    check_equal(changed_by(SYS_SET_TLS_BASE, base, 0x1111), 0);
}

static void unknown_numbers(void)
{
    static const word_t numbers[] = {0,           1,           0xc1,        (word_t)-15,
                                     (word_t)-16, (word_t)-17, (word_t)-22, (word_t)-28,
                                     (word_t)-30, 0x7fffffff,  0x80000000};
    for (word_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct thread *t = thread_run(200, unknown, numbers[i], 0);
        if (check(thread_joined_faulty(t)))
            check_equal(msginfo_label(t->fault.tag), FAULT_UNKNOWN_SYSCALL);
    }
}

/* ABI sheet 2 */
static void identify_all(void)
{
    static const uint8_t initial[] = {0, 0x0c, 0x0a, 9, 0x0e, 0x0b, 5, 0, 0, 1, 1, 0x3e, 0, 0};
    for (cptr_t slot = 0; slot < sizeof(initial); slot++)
        check_equal(debug_cap_identify(slot), initial[slot]);
    static const uint8_t type[OBJECT_TYPES] = {2, 0x0c, 4, 6, 0x0a, 1, 3, 3, 3, 7, 9};
    for (word_t i = 0; i < OBJECT_TYPES; i++)
        check_equal(debug_cap_identify(object_new((enum object_type)i, 4)), type[i]);
    cptr_t handler = slot_new();
    must_succeed(irq_control_get(INIT_IRQ_CONTROL, 40, INIT_CNODE, handler, DEPTH));
    check_equal(debug_cap_identify(handler), 0x1e);
    check_equal(debug_cap_identify(0x80000000), 0); /* not to be found */
    check_equal(changed_by(SYS_DEBUG_CAP_IDENTIFY, handler, 7), 1);
}

static void debug_calls(void)
{
    static const enum syscall_number numbers[] = {SYS_DEBUG_PUT_CHAR, SYS_DEBUG_HALT,
                                                  SYS_DEBUG_CAP_IDENTIFY, SYS_DEBUG_SNAPSHOT,
                                                  SYS_DEBUG_DUMP_SCHEDULER};
    for (word_t i = 0; !console_is_debug() && i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct thread *t = thread_run(200, unknown, (word_t)numbers[i], 0);
        if (check(thread_joined_faulty(t)))
            check_equal(msginfo_label(t->fault.tag), FAULT_UNKNOWN_SYSCALL);
    }
    if (console_is_debug())
        identify_all();
}

const struct test syscall_tests[] = {
    {"SYSCALL0000 Yield keeps every register", yield},
    {"SYSCALL0001 Send and NBSend keep every register, refused or not", sends},
    {"SYSCALL0003 Reply without a caller keeps every register", reply},
    {"SYSCALL0004 Signal keeps every register", signal},
    {"SYSCALL0005 Call changes only r0 and r1 for an empty answer", call},
    {"SYSCALL0006 DebugPutChar keeps every register, or is unknown to a release kernel", debug_put},
    {"SYSCALL0010 Recv and NBRecv change r0, r1 and the words received only", receives},
    {"SYSCALL0011 ReplyRecv changes r0, r1 and the words received only", reply_receive},
    {"SYSCALL0012 NBRecv of nothing changes r0 only", poll},
    {"SYSCALL0013 Wait changes r0 only", wait},
    {"SYSCALL0014 Wait that blocked changes r0 only", blocked_wait},
    {"SYSCALL0015 SetTLSBase keeps every register", tls_base},
    {"SYSCALL0016 numbers without a call are unknown system calls", unknown_numbers},
    {"SYSCALL0017 a release kernel has no debug calls, a debug kernel has", debug_calls},
    {0},
};
