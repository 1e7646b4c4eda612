/* Scheduling: 256 ready queues found in constant time, and the wake-up rule (ABI sheet 8.1).
 *
 * Invariants between kernel entries: the current thread is in no ready queue; every other runnable
 * thread is in the queue of its priority and none of these is above the current thread. Within an
 * entry at most one of ks.candidate (one thread woke up) and ks.reschedule (choose anew) is set. */
#include "kernel/sched.h"
#include "kernel/asid.h"
#include "kernel/tcb.h"

static struct ready_queue *queue_of(const struct tcb *t)
{
    return &ks.ready[t->priority];
}

static void ready_mark(word_t priority)
{
    ks.ready_bits[priority / 32] |= (word_t)1 << (priority % 32);
    ks.ready_top |= (word_t)1 << (priority / 32);
}

static void ready_unmark(word_t priority)
{
    ks.ready_bits[priority / 32] &= ~((word_t)1 << (priority % 32));
    if (ks.ready_bits[priority / 32] == 0)
        ks.ready_top &= ~((word_t)1 << (priority / 32));
}

void sched_init(void)
{
    for (word_t i = 0; i < CONFIG_PRIORITIES; i++)
        ks.ready[i] = (struct ready_queue){0, 0};
    for (word_t i = 0; i < CONFIG_PRIORITIES / 32; i++)
        ks.ready_bits[i] = 0;
    ks.ready_top = 0;
    ks.candidate = 0;
    ks.reschedule = 0;
    ks.idle.state = THREAD_IDLE;
    ks.current = kaddr_of(&ks.idle);
}

void sched_enqueue(struct tcb *t)
{
    if (t->queued)
        return;
    struct ready_queue *q = queue_of(t);
    kaddr_t self = kaddr_of(t);
    t->queued = 1;
    t->sched_prev = 0;
    t->sched_next = q->head;
    if (q->head != 0) {
        ((struct tcb *)kptr(q->head))->sched_prev = self;
    } else {
        q->tail = self;
        ready_mark(t->priority);
    }
    q->head = self;
}

void sched_append(struct tcb *t)
{
    if (t->queued)
        return;
    struct ready_queue *q = queue_of(t);
    kaddr_t self = kaddr_of(t);
    t->queued = 1;
    t->sched_next = 0;
    t->sched_prev = q->tail;
    if (q->tail != 0) {
        ((struct tcb *)kptr(q->tail))->sched_next = self;
    } else {
        q->head = self;
        ready_mark(t->priority);
    }
    q->tail = self;
}

static void ready_remove(struct tcb *t)
{
    struct ready_queue *q = queue_of(t);
    if (t->sched_prev != 0)
        ((struct tcb *)kptr(t->sched_prev))->sched_next = t->sched_next;
    else
        q->head = t->sched_next;
    if (t->sched_next != 0)
        ((struct tcb *)kptr(t->sched_next))->sched_prev = t->sched_prev;
    else
        q->tail = t->sched_prev;
    if (q->head == 0)
        ready_unmark(t->priority);
    t->queued = 0;
    t->sched_next = 0;
    t->sched_prev = 0;
}

void sched_dequeue(struct tcb *t)
{
    if (t->queued)
        ready_remove(t);
    if (ks.candidate == kaddr_of(t)) {
        ks.candidate = 0;
        ks.reschedule = 1;
    }
}

void sched_reschedule_required(void)
{
    if (ks.candidate != 0) {
        sched_enqueue(kptr(ks.candidate));
        ks.candidate = 0;
    }
    ks.reschedule = 1;
}

void sched_possible_switch(struct tcb *t)
{
    if (t->domain != ks.domain) {
        sched_enqueue(t);
        return;
    }
    if (ks.candidate == 0 && !ks.reschedule) {
        ks.candidate = kaddr_of(t);
        return;
    }
    sched_reschedule_required();
    sched_enqueue(t);
}

void sched_rotate(void)
{
    sched_append(current_thread());
    sched_reschedule_required();
}

void sched_tick(void)
{
    struct tcb *t = current_thread();
    if (t->state != THREAD_RUNNING)
        return;
    if (t->time_slice > 1) {
        t->time_slice--;
        return;
    }
    t->time_slice = CONFIG_TICKS_PER_SLICE;
    sched_append(t);
    sched_reschedule_required();
}

static void switch_to(struct tcb *t)
{
    if (t->queued)
        ready_remove(t);
    if (kaddr_of(t) == ks.current)
        return;
    ks.current = kaddr_of(t);
    asid_switch_to(t);
}

static void choose_anew(void)
{
    if (ks.ready_top == 0)
        switch_to(&ks.idle);
    else
        switch_to(kptr(ks.ready[sched_ready_highest()].head));
}

/* The current thread can go on: only a higher candidate takes its place. No ready thread is above
 * it, so it needs no choice. */
static void consider_against_runnable(struct tcb *candidate, struct tcb *current)
{
    if (candidate->priority > current->priority) {
        sched_enqueue(current);
        switch_to(candidate);
    } else if (candidate->priority == current->priority) {
        sched_append(candidate);
    } else {
        sched_enqueue(candidate);
    }
}

/* The current thread blocked or stopped. A candidate of at least its priority is not below anybody
 * ready either, and runs at once, ahead of those queued at its priority; a lower one does so only
 * when nobody ready is above it. */
static void consider_after_blocked(struct tcb *candidate)
{
    if (sched_is_highest(candidate->priority)) {
        switch_to(candidate);
        return;
    }
    sched_enqueue(candidate);
    choose_anew();
}

static void reschedule(void)
{
    struct tcb *current = current_thread();
    ks.reschedule = 0;
    if (tcb_is_runnable(current))
        sched_enqueue(current);
    choose_anew();
}

static void consider_candidate(void)
{
    struct tcb *current = current_thread();
    struct tcb *candidate = kptr(ks.candidate);
    ks.candidate = 0;
    if (tcb_is_runnable(current))
        consider_against_runnable(candidate, current);
    else
        consider_after_blocked(candidate);
}

struct tcb *sched_choose(void)
{
    if (ks.candidate != 0)
        consider_candidate();
    else if (ks.reschedule)
        reschedule();
    struct tcb *t = current_thread();
    if (t->state == THREAD_RESTART) {
        t->regs[REG_PC] = t->regs[REG_FAULT_IP];
        t->state = THREAD_RUNNING;
    }
    return t;
}
