/* Notifications: badges accumulate in one word until somebody takes them; a thread may be bound, so
 * that its endpoint receives see the word too (ABI sheet 8.4).
 *
 *          wait                signal, no waiter
 *   WAITING <------- IDLE ---------------------> ACTIVE
 *
 * Invariants: waiters exist exactly in WAITING; the word counts only in ACTIVE; n->bound and
 * t->bound_notification name each other. */
#include "kernel/notification.h"
#include "kernel/debug.h"
#include "kernel/endpoint.h"
#include "kernel/sched.h"
#include "kernel/tcb.h"
#include "kernel/tcb_queue.h"

static kaddr_t first_waiter(const struct notification *n)
{
    return n->head_state & ~(word_t)NOTIFICATION_STATE_MASK;
}

static void set_state(struct notification *n, enum notification_state state)
{
    n->head_state = first_waiter(n) | (word_t)state;
}

static void waiter_append(struct notification *n, struct tcb *t)
{
    kaddr_t head = first_waiter(n);
    tcb_queue_append(&head, &n->tail, t);
    n->head_state = head | (word_t)NOTIFICATION_WAITING;
    t->blocked_on = kaddr_of(n);
}

static void waiter_remove(struct notification *n, struct tcb *t)
{
    kaddr_t head = first_waiter(n);
    tcb_queue_remove(&head, &n->tail, t);
    n->head_state = head | (word_t)(head == 0 ? NOTIFICATION_IDLE : NOTIFICATION_WAITING);
    t->blocked_on = 0;
}

static void deliver(struct tcb *t, word_t badge)
{
    t->regs[REG_R0] = badge;
    tcb_set_state(t, THREAD_RUNNING);
    sched_possible_switch(t);
}

/* The bound thread gets the signal in place of the message it waits for. */
static bool deliver_bound(struct notification *n, word_t badge)
{
    struct tcb *t = kptr(n->bound);
    if (!t || t->state != THREAD_BLOCKED_ON_RECEIVE)
        return false;
    endpoint_cancel(t);
    deliver(t, badge);
    return true;
}

void notification_signal(struct notification *n, word_t badge)
{
    switch (notification_state(n)) {
    case NOTIFICATION_WAITING: {
        struct tcb *t = kptr(first_waiter(n));
        waiter_remove(n, t);
        deliver(t, badge);
        break;
    }
    case NOTIFICATION_ACTIVE:
        n->word |= badge;
        break;
    default:
        if (!deliver_bound(n, badge)) {
            n->word = badge;
            set_state(n, NOTIFICATION_ACTIVE);
        }
        break;
    }
}

void notification_receive(struct tcb *t, struct cap cap, bool blocking)
{
    struct notification *n = kptr(cap_object(cap));
    if (notification_state(n) == NOTIFICATION_ACTIVE) {
        t->regs[REG_R0] = n->word;
        set_state(n, NOTIFICATION_IDLE);
    } else if (blocking) {
        waiter_append(n, t);
        tcb_set_state(t, THREAD_BLOCKED_ON_NOTIFICATION);
    } else {
        t->regs[REG_R0] = 0;
    }
}

bool notification_take_bound(struct tcb *t)
{
    struct notification *n = kptr(t->bound_notification);
    if (!n || notification_state(n) != NOTIFICATION_ACTIVE)
        return false;
    t->regs[REG_R0] = n->word;
    set_state(n, NOTIFICATION_IDLE);
    return true;
}

void notification_cancel(struct tcb *t)
{
    waiter_remove(kptr(t->blocked_on), t);
    tcb_set_state(t, THREAD_INACTIVE);
}

/* As in endpoint_cancel_all, a restarted thread that waits again goes to the tail. */
enum outcome notification_cancel_all(struct notification *n)
{
    if (n->bound != 0)
        notification_unbind(kptr(n->bound));
    while (first_waiter(n) != 0) {
        struct tcb *t = kptr(first_waiter(n));
        waiter_remove(n, t);
        tcb_set_state(t, THREAD_RESTART);
        sched_enqueue(t);
        sched_reschedule_required();
        if (first_waiter(n) != 0 && preempt_point(1))
            return PREEMPTED;
    }
    return DONE;
}

void notification_bind(struct tcb *t, struct notification *n)
{
    t->bound_notification = kaddr_of(n);
    n->bound = kaddr_of(t);
    debug_event(EVENT_BIND, NULL, NULL, cap_null(), kaddr_of(t), kaddr_of(n));
}

void notification_unbind(struct tcb *t)
{
    struct notification *n = kptr(t->bound_notification);
    if (!n)
        return;
    n->bound = 0;
    t->bound_notification = 0;
    debug_event(EVENT_BIND, NULL, NULL, cap_null(), kaddr_of(t), 0);
}
