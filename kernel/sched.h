/* Scheduling: strict priorities, round robin, the wake-up rule (ABI sheet 8.1). */
#ifndef CAPSCOPE_KERNEL_SCHED_H
#define CAPSCOPE_KERNEL_SCHED_H

#include "kernel/kernel.h"

void sched_init(void);                     /* empty queues, idle thread current */
void sched_enqueue(struct tcb *t);         /* head of its queue; no-op when queued */
void sched_append(struct tcb *t);          /* tail */
void sched_dequeue(struct tcb *t);         /* no-op when not queued */
void sched_possible_switch(struct tcb *t); /* t became runnable: the wake-up rule */
void sched_reschedule_required(void);
void sched_rotate(void); /* Yield: the current thread to the tail of its queue */
void sched_tick(void);   /* one timer tick: charges the running thread */
/* Highest priority of a ready thread; there is one. */
static inline word_t sched_ready_highest(void)
{
    word_t group = 31 - (word_t)__builtin_clz((unsigned)ks.ready_top);
    return group * 32 + 31 - (word_t)__builtin_clz((unsigned)ks.ready_bits[group]);
}
/* Would a thread of this priority run now, if the current one stopped? */
static inline bool sched_is_highest(word_t priority)
{
    return ks.ready_top == 0 || priority >= sched_ready_highest();
}
/* At kernel exit: applies the rule, switches to the chosen thread and returns it; it is then in
 * state Running with REG_PC the place to go on. */
struct tcb *sched_choose(void);
static inline struct tcb *sched_schedule(void)
{
    struct tcb *t = current_thread();
    if ((ks.candidate | ks.reschedule) == 0 && t->state == THREAD_RUNNING)
        return t;
    return sched_choose();
}

#endif
