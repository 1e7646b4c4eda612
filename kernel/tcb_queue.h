/* FIFO of threads that wait for an endpoint or a notification, linked through queue_next and
 * queue_prev. The object keeps head and tail; the thread keeps the object in blocked_on. */
#ifndef CAPSCOPE_KERNEL_TCB_QUEUE_H
#define CAPSCOPE_KERNEL_TCB_QUEUE_H

#include "kernel/kernel.h"

static inline void tcb_queue_append(kaddr_t *head, kaddr_t *tail, struct tcb *t)
{
    kaddr_t self = kaddr_of(t);
    t->queue_prev = *tail;
    t->queue_next = 0;
    if (*tail != 0)
        ((struct tcb *)kptr(*tail))->queue_next = self;
    else
        *head = self;
    *tail = self;
}

static inline void tcb_queue_remove(kaddr_t *head, kaddr_t *tail, struct tcb *t)
{
    if (t->queue_prev != 0)
        ((struct tcb *)kptr(t->queue_prev))->queue_next = t->queue_next;
    else
        *head = t->queue_next;
    if (t->queue_next != 0)
        ((struct tcb *)kptr(t->queue_next))->queue_prev = t->queue_prev;
    else
        *tail = t->queue_prev;
    t->queue_next = 0;
    t->queue_prev = 0;
}

#endif
