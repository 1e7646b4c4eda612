/* Calls that do not wait. */
#include "user/tests/tests.h"

static word_t send_badged(word_t ep, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    ipc_send(ep, msginfo_make(0, 0, 0, 1), (const word_t[4]){value});
    return 0;
}

static void empty(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    for (word_t i = 0; i < 3; i++) {
        check_equal(ipc_nbrecv(ep).badge, 0);
        check_equal(notification_poll(bell), 0);
    }
}

static void pending(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    struct thread *t = thread_run(200, send_badged, cap_mint(ep, RIGHT_ALL, 0x31), 8);
    check_equal(ipc_nbrecv(ep).badge, 0); /* it has not run yet */
    thread_let_run();
    struct ipc_regs r = ipc_nbrecv(ep);
    check_equal(r.badge, 0x31);
    check_equal(r.mr[0], 8);
    check_equal(ipc_nbrecv(ep).badge, 0);
    thread_join(t);
    notification_signal(cap_mint(bell, RIGHT_ALL, 1));
    notification_signal(cap_mint(bell, RIGHT_ALL, 4));
    check_equal(notification_poll(bell), 5); /* badges add up */
    check_equal(notification_poll(bell), 0);
}

static void bound(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    must_succeed(tcb_bind_notification(thread_self()->tcb, bell));
    check_equal(ipc_nbrecv(ep).badge, 0);
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x12));
    check_equal(ipc_nbrecv(ep).badge, 0x12);
    check_equal(ipc_nbrecv(ep).badge, 0);
    must_succeed(tcb_unbind_notification(thread_self()->tcb));
}

/* A thread of lower priority runs as soon as the own priority sinks below. */
static void lowering(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_run(150, send_badged, cap_mint(ep, RIGHT_ALL, 2), 1);
    self_priority(151);
    check_equal(ipc_nbrecv(ep).badge, 0);
    self_priority(149);
    check_equal(ipc_nbrecv(ep).badge, 2);
    self_priority(TOP);
    thread_join(t);
}

/* An unresolvable address faults even where nothing waits. */
static word_t poll(word_t cptr, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return notification_poll(cptr);
}

static void faults(void)
{
    static const cptr_t bad[] = {INIT_NULL, INIT_TCB, 0x80000000};
    for (word_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct thread *t = thread_run(200, poll, bad[i], 0);
        if (check(thread_joined_faulty(t)))
            check_equal(msginfo_label(t->fault.tag), FAULT_CAP);
    }
}

const struct test nbwait_tests[] = {
    {"NBWAIT0001 polling what is empty gives badge 0", empty},
    {"NBWAIT0002 polling takes what is pending, once", pending},
    {"NBWAIT0003 polling an endpoint finds the bound notification", bound},
    {"NBWAIT0004 lowering the own priority lets another thread run at once", lowering},
    {"NBWAIT0005 polling a bad capability faults", faults},
    {0},
};
