/* Notifications bound to a thread (ABI sheet 3.4, 8.4). */
#include "user/tests/tests.h"

enum { BELL_BADGE = 0xb1, SENDER_BADGE = 0x5e };

static cptr_t bell, bell_badged, endpoint, endpoint_badged;

static void make(void)
{
    bell = object_new(OBJECT_NOTIFICATION, 0);
    endpoint = object_new(OBJECT_ENDPOINT, 0);
    bell_badged = cap_mint(bell, RIGHT_ALL, BELL_BADGE);
    endpoint_badged = cap_mint(endpoint, RIGHT_ALL, SENDER_BADGE);
}

/* Receives `count` times and returns the badges as bytes, the first in the lowest. */
static word_t receiver(word_t cap, word_t count, word_t c, word_t d)
{
    (void)c, (void)d;
    word_t badges = 0;
    for (word_t i = 0; i < count; i++)
        badges |= ipc_recv(cap).badge << (8 * i);
    return badges;
}

static struct thread *bound_receiver(word_t priority, cptr_t cap, word_t count)
{
    struct thread *t = thread_new(priority);
    must_succeed(tcb_bind_notification(t->tcb, bell));
    thread_start(t, receiver, cap, count, 0, 0);
    return t;
}

/* A receiver that runs first hears signals and messages in the order they come. */
static void both_arrive(void)
{
    make();
    struct thread *t = bound_receiver(200, endpoint, 3);
    self_priority(100);
    notification_signal(bell_badged);
    ipc_send(endpoint_badged, 0, (const word_t[4]){0});
    notification_signal(bell_badged);
    check_equal(thread_join(t), BELL_BADGE | SENDER_BADGE << 8 | BELL_BADGE << 16);
}

static word_t sender(word_t cap, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    ipc_send(cap, 0, (const word_t[4]){0});
    return 0;
}

/* A receiver that runs last finds the signal before the message that was queued earlier. */
static void signal_first(void)
{
    make();
    struct thread *s = thread_run(200, sender, endpoint_badged, 0);
    struct thread *t = bound_receiver(50, endpoint, 2);
    self_priority(150);
    self_priority(TOP);
    notification_signal(bell_badged);
    check_equal(thread_join(t), BELL_BADGE | SENDER_BADGE << 8);
    thread_join(s);
}

static void wait_on_own(void)
{
    make();
    struct thread *t = bound_receiver(200, bell, 2);
    self_priority(100);
    notification_signal(bell_badged);
    notification_signal(bell_badged);
    check_equal(thread_join(t), BELL_BADGE | BELL_BADGE << 8);
}

static void others_may_not_wait(void)
{
    make();
    must_succeed(tcb_bind_notification(thread_self()->tcb, bell));
    struct thread *t = thread_run(200, receiver, bell, 1);
    check(thread_joined_faulty(t));
    check_equal(msginfo_label(t->fault.tag), FAULT_CAP);
    check_equal(t->fault.mr[3], LOOKUP_MISSING_CAPABILITY);
    must_succeed(tcb_unbind_notification(thread_self()->tcb));
}

static void rules(void)
{
    make();
    cptr_t tcb = object_new(OBJECT_TCB, 0), other = object_new(OBJECT_TCB, 0);
    check_equal(tcb_unbind_notification(tcb), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_bind_notification(tcb, endpoint), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_bind_notification(tcb, cap_copy(bell, RIGHT_WRITE)), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_bind_notification(tcb, bell), SEL4_NO_ERROR);
    check_equal(tcb_bind_notification(tcb, bell), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_bind_notification(other, bell), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_unbind_notification(tcb), SEL4_NO_ERROR);
    check_equal(tcb_bind_notification(other, bell), SEL4_NO_ERROR);
    check_equal(cap_delete(other), SEL4_NO_ERROR);
    check_equal(tcb_bind_notification(tcb, bell), SEL4_NO_ERROR);
    must_succeed(cap_revoke(bell)); /* all capabilities go, the object with them */
    must_succeed(cap_delete(bell));
    cptr_t fresh = object_new(OBJECT_NOTIFICATION, 0);
    check_equal(tcb_bind_notification(tcb, fresh), SEL4_NO_ERROR);
}

static void waiters_prevent(void)
{
    make();
    cptr_t tcb = object_new(OBJECT_TCB, 0);
    struct thread *t = thread_run(200, receiver, bell, 1);
    self_priority(100);
    check_equal(tcb_bind_notification(tcb, bell), SEL4_ILLEGAL_OPERATION);
    notification_signal(bell_badged);
    check_equal(thread_join(t), BELL_BADGE);
    check_equal(tcb_bind_notification(tcb, bell), SEL4_NO_ERROR);
}

static word_t caller(word_t cap, word_t own_endpoint, word_t c, word_t d)
{
    (void)c, (void)d;
    word_t badge = ipc_call(cap, 0, (const word_t[4]){0}).badge;
    return badge | ipc_recv(own_endpoint).badge << 8;
}

/* In a call the signal waits until the next receive. */
static void call_is_not_interrupted(void)
{
    make();
    cptr_t service = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_new(200);
    must_succeed(tcb_bind_notification(t->tcb, bell));
    thread_start(t, caller, service, endpoint, 0, 0);
    ipc_recv(service);
    notification_signal(bell_badged);
    self_priority(100);
    check(!t->finished);
    ipc_reply(0, (const word_t[4]){0});
    check_equal(thread_join(t), BELL_BADGE << 8);
}

/* ReplyRecv answers the caller and finds the signal that came meanwhile. */
static void reply_receive(void)
{
    for (word_t length = 0; length <= 9; length += 3) {
        make();
        cptr_t tcb = thread_self()->tcb;
        must_succeed(tcb_bind_notification(tcb, bell));
        struct thread *t = thread_run(200, caller, endpoint, endpoint);
        ipc_recv(endpoint);
        notification_signal(bell_badged);
        struct ipc_regs r =
            ipc_reply_recv(endpoint, msginfo_make(0, 0, 0, length), (const word_t[4]){0});
        check_equal(r.badge, BELL_BADGE);
        ipc_send(endpoint_badged, 0, (const word_t[4]){0});
        check_equal(thread_join(t), SENDER_BADGE << 8);
        must_succeed(tcb_unbind_notification(tcb));
    }
}

const struct test bind_tests[] = {
    {"BIND0001 a bound receiver gets signals and messages in order", both_arrive},
    {"BIND0002 a pending signal comes before a queued sender", signal_first},
    {"BIND0003 a thread may wait on its own bound notification", wait_on_own},
    {"BIND0004 nobody else may wait on it", others_may_not_wait},
    {"BIND0005 binding is one to one, needs Read, and ends with either object", rules},
    {"BIND0006 a notification with waiters cannot be bound", waiters_prevent},
    {"BIND0007 a signal does not end a call", call_is_not_interrupted},
    {"BIND0008 ReplyRecv answers and finds the pending signal", reply_receive},
    {0},
};
