/* Notifications: badge accumulators with waiters and a bound thread (ABI sheet 8.4). */
#ifndef CAPSCOPE_KERNEL_NOTIFICATION_H
#define CAPSCOPE_KERNEL_NOTIFICATION_H

#include "kernel/kernel.h"

void notification_signal(struct notification *n, word_t badge);
void notification_receive(struct tcb *t, struct cap cap, bool blocking);
void notification_cancel(struct tcb *t); /* out of the queue; becomes inactive */
/* Last capability is going: unbinds, and every waiter restarts. PREEMPTED as endpoint_cancel_all.
 */
enum outcome notification_cancel_all(struct notification *n);
void notification_bind(struct tcb *t, struct notification *n);
void notification_unbind(struct tcb *t); /* no-op when not bound */
/* If the thread's bound notification is active: consumes it, delivers its word, true. */
bool notification_take_bound(struct tcb *t);
static inline enum notification_state notification_state(const struct notification *n)
{
    return (enum notification_state)(n->head_state & NOTIFICATION_STATE_MASK);
}

#endif
