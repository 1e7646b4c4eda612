/* Endpoints: synchronous IPC (ABI sheet 8.3). */
#ifndef CAPSCOPE_KERNEL_ENDPOINT_H
#define CAPSCOPE_KERNEL_ENDPOINT_H

#include "kernel/kernel.h"

/* The first receiver leaves the queue. */
static inline struct tcb *endpoint_take_receiver(struct endpoint *ep)
{
    struct tcb *t = kptr(ep->head);
    kaddr_t next = t->queue_next;
    t->queue_next = 0;
    t->blocked_on = 0;
    ep->head = next;
    if (next != 0) {
        ((struct tcb *)kptr(next))->queue_prev = 0;
    } else {
        ep->tail = 0;
        ep->state = ENDPOINT_IDLE;
    }
    return t;
}
/* The current or a faulting thread sends. blocking: Send, Call; call: wants a reply. */
void endpoint_send(struct tcb *sender, struct endpoint *ep, bool blocking, bool call, word_t badge,
                   bool can_grant, bool can_grant_reply);
void endpoint_receive(struct tcb *receiver, struct cap cap, bool blocking);
void endpoint_cancel(struct tcb *t); /* out of its endpoint's queue; becomes inactive */
/* Last capability is going: every queued thread restarts. PREEMPTED: the queue is partly emptied
 * and consistent; the capability must stay in its slot and the deletion be executed again. */
enum outcome endpoint_cancel_all(struct endpoint *ep);
/* Senders queued with this badge restart. PREEMPTED: part of the queue has been looked at, and
 * executing it again goes on behind that part. */
enum outcome endpoint_cancel_badged(struct endpoint *ep, word_t badge);
/* Delivers a reply to the thread of a reply capability in `slot`, which is consumed. */
void reply_deliver(struct tcb *sender, struct tcb *caller, struct slot *slot, bool grant);
/* Gives receiver's caller slot a reply capability to `caller`, who waits for it. */
void reply_setup(struct tcb *caller, struct tcb *receiver, bool can_grant);

#endif
