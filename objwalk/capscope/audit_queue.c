/* Threads and the queues they stand in: endpoints, notifications, ready queues, bindings.
 *
 * Each queue is followed from its head; every thread in it must link back, know the queue and be in
 * a state that fits.  Each thread that should be in a queue must be linked by its neighbours there.
 * Together: queue and thread agree, but for a ring of threads that no head reaches. */
#include "objwalk/capscope/audit_state.h"

static bool is_runnable(uint32_t state)
{
    return state == THREAD_RUNNING || state == THREAD_RESTART;
}

static void report_thread(struct audit *a, enum audit_rule rule, kaddr_t tcb, kaddr_t other,
                          uint32_t state)
{
    audit_report(a, rule, objwalk_paddr(a->w, tcb), objwalk_reference(a->w, other), state);
}

/* --- threads --- */

/* Reads a neighbour in a queue; a link to where no thread can be is the queue's fault. */
static bool read_neighbour(struct audit *a, kaddr_t at, kaddr_t tcb, struct objwalk_tcb *out)
{
    enum error e = a->w->ops->tcb(a->w, at, out);
    if (e != ERR_CORRUPT)
        return audit_ok(a, e);
    report_thread(a, AUDIT_QUEUE, tcb, at, 0);
    return false;
}

/* Is the thread linked by its neighbours, or by head and tail, in the queue of what blocks it? */
static void check_blocked(struct audit *a, kaddr_t tcb, const struct objwalk_tcb *t)
{
    const struct objwalk_ops *ops = a->w->ops;
    struct objwalk_queue q;
    struct objwalk_tcb n;
    bool waits = t->state == THREAD_BLOCKED_ON_NOTIFICATION;
    uint32_t fits = waits                                ? (uint32_t)NOTIFICATION_WAITING
                    : t->state == THREAD_BLOCKED_ON_SEND ? (uint32_t)ENDPOINT_SENDING
                                                         : (uint32_t)ENDPOINT_RECEIVING;
    enum error e =
        waits ? ops->notification(a->w, t->blocked_on, &q) : ops->endpoint(a->w, t->blocked_on, &q);
    if (e == ERR_CORRUPT) {
        report_thread(a, AUDIT_THREAD_STATE, tcb, t->blocked_on, t->state);
        return;
    }
    if (!audit_ok(a, e))
        return;
    kaddr_t before = q.head, after = q.tail;
    if (t->queue_prev != 0) {
        if (!read_neighbour(a, t->queue_prev, tcb, &n))
            return;
        before = n.queue_next;
    }
    if (t->queue_next != 0) {
        if (!read_neighbour(a, t->queue_next, tcb, &n))
            return;
        after = n.queue_prev;
    }
    if (before != tcb || after != tcb || q.state != fits)
        report_thread(a, AUDIT_THREAD_STATE, tcb, t->blocked_on, t->state);
}

/* The same for ready queues. */
static void check_queued(struct audit *a, kaddr_t tcb, const struct objwalk_tcb *t)
{
    kaddr_t before, after;
    struct objwalk_tcb n;
    if (!is_runnable(t->state) || t->priority >= a->w->ops->priorities) {
        report_thread(a, AUDIT_THREAD_STATE, tcb, 0, t->state);
        return;
    }
    if (!audit_ok(a, a->w->ops->ready_queue(a->w, t->priority, &before, &after)))
        return;
    if (t->ready_prev != 0) {
        if (!read_neighbour(a, t->ready_prev, tcb, &n))
            return;
        before = n.ready_next;
    }
    if (t->ready_next != 0) {
        if (!read_neighbour(a, t->ready_next, tcb, &n))
            return;
        after = n.ready_prev;
    }
    if (before != tcb || after != tcb)
        report_thread(a, AUDIT_THREAD_STATE, tcb, 0, t->state);
}

/* Between operations a runnable thread is current or in a ready queue. */
static void check_lost(struct audit *a, kaddr_t tcb, const struct objwalk_tcb *t)
{
    kaddr_t current;
    if (a->mid || !is_runnable(t->state))
        return;
    if (audit_ok(a, a->w->ops->current(a->w, &current)) && current != tcb)
        report_thread(a, AUDIT_THREAD_STATE, tcb, 0, t->state);
}

static void check_binding(struct audit *a, kaddr_t tcb, kaddr_t bound)
{
    struct objwalk_queue n;
    if (bound == 0)
        return;
    enum error e = a->w->ops->notification(a->w, bound, &n);
    if (e == ERR_CORRUPT || (audit_ok(a, e) && n.bound != tcb))
        report_thread(a, AUDIT_BINDING, tcb, bound, 0);
}

void audit_thread(struct audit *a, kaddr_t tcb)
{
    struct objwalk_tcb t;
    if (!audit_ok(a, a->w->ops->tcb(a->w, tcb, &t)))
        return;
    bool idle = tcb == a->w->roots.idle_thread;
    if (t.state > THREAD_IDLE || (t.state == THREAD_IDLE) != idle || t.queued > 1)
        report_thread(a, AUDIT_THREAD_STATE, tcb, 0, t.state);
    else if (objwalk_state_is_queued(t.state))
        check_blocked(a, tcb, &t);
    a->queued += t.queued == 1;
    if (t.queued == 1)
        check_queued(a, tcb, &t);
    else
        check_lost(a, tcb, &t);
    check_binding(a, tcb, t.bound);
}

/* --- endpoints and notifications --- */

/* Follows a queue; each thread in it must be in a state that `fits`, know the object and link
 * back. */
static void check_queue(struct audit *a, kaddr_t object, const struct objwalk_queue *q,
                        uint32_t fits)
{
    struct objwalk_tcb t;
    kaddr_t before = 0;
    uint32_t left = objwalk_max_threads(a->w);
    for (kaddr_t at = q->head; at != 0; before = at, at = t.queue_next) {
        enum error e = a->w->ops->tcb(a->w, at, &t);
        bool fine = e == ERR_OK && t.state == fits && t.blocked_on == object &&
                    t.queue_prev == before && left-- > 0;
        if (!fine) {
            if (e == ERR_OK || e == ERR_CORRUPT)
                report_thread(a, AUDIT_QUEUE, object, at, e == ERR_OK ? t.state : 0);
            else
                audit_ok(a, e);
            return;
        }
    }
    if (before != q->tail)
        report_thread(a, AUDIT_QUEUE, object, q->tail, 0);
}

void audit_endpoint(struct audit *a, kaddr_t addr)
{
    struct objwalk_queue q;
    if (!audit_ok(a, a->w->ops->endpoint(a->w, addr, &q)))
        return;
    if (q.state > ENDPOINT_RECEIVING || (q.state == ENDPOINT_IDLE) != (q.head == 0))
        report_thread(a, AUDIT_QUEUE, addr, q.head, q.state);
    else
        check_queue(a, addr, &q,
                    q.state == ENDPOINT_SENDING ? THREAD_BLOCKED_ON_SEND
                                                : THREAD_BLOCKED_ON_RECEIVE);
}

void audit_notification(struct audit *a, kaddr_t addr)
{
    struct objwalk_queue q;
    struct objwalk_tcb t;
    if (!audit_ok(a, a->w->ops->notification(a->w, addr, &q)))
        return;
    if (q.state > NOTIFICATION_ACTIVE || (q.state == NOTIFICATION_WAITING) != (q.head != 0))
        report_thread(a, AUDIT_QUEUE, addr, q.head, q.state);
    else
        check_queue(a, addr, &q, THREAD_BLOCKED_ON_NOTIFICATION);
    if (q.bound == 0)
        return;
    enum error e = a->w->ops->tcb(a->w, q.bound, &t);
    if (e == ERR_CORRUPT || (audit_ok(a, e) && t.bound != addr))
        report_thread(a, AUDIT_BINDING, addr, q.bound, 0);
}

/* --- ready queues --- */

/* Of what the scheduler is about to run some capability must say that it is a thread. A list that
 * breaks off names none behind the break. */
static void claim_thread(struct audit *a, kaddr_t tcb)
{
    if (tcb == 0 || tcb == a->w->roots.idle_thread || a->mid || !a->list_ends)
        return;
    audit_claim_put(a, &(struct audit_claim){.kind = CLAIM_THREAD,
                                             .object = objwalk_paddr(a->w, tcb),
                                             .bits = a->w->ops->tcb_bits});
}

static void claim_current(struct audit *a)
{
    kaddr_t current;
    if (!audit_ok(a, a->w->ops->current(a->w, &current)))
        return;
    if (current == 0)
        audit_report(a, AUDIT_CURRENT, 0, 0, 0);
    claim_thread(a, current);
}

/* The bits choose the queue, so a bit too many runs nobody and one too few lets a thread starve. */
static void check_ready_bit(struct audit *a, uint32_t priority, bool said, kaddr_t head)
{
    if (!a->mid && said != (head != 0))
        audit_report(a, AUDIT_READY_BITS, objwalk_reference(a->w, head), said, priority);
}

static void check_ready_queue(struct audit *a, uint32_t priority, bool said)
{
    struct objwalk_tcb t;
    kaddr_t at, tail, before = 0;
    uint32_t left = objwalk_max_threads(a->w);
    if (!audit_ok(a, a->w->ops->ready_queue(a->w, priority, &at, &tail)))
        return;
    check_ready_bit(a, priority, said, at);
    claim_thread(a, at);
    for (; at != 0; a->queued--, before = at, at = t.ready_next) {
        enum error e = a->w->ops->tcb(a->w, at, &t);
        bool fine = e == ERR_OK && t.queued == 1 && t.priority == priority &&
                    t.ready_prev == before && left-- > 0;
        if (!fine) {
            if (e == ERR_OK || e == ERR_CORRUPT)
                report_thread(a, AUDIT_QUEUE, at, before, priority);
            else
                audit_ok(a, e);
            return;
        }
    }
    if (before != tail)
        report_thread(a, AUDIT_QUEUE, tail, before, priority);
}

/* Each thread that says it is queued is (check_queued); were there more in the queues than that,
 * some of them are no threads. */
static void check_queued_count(struct audit *a, uint32_t findings)
{
    if (!a->mid && a->list_ends && a->findings == findings && a->queued != 0)
        audit_report(a, AUDIT_QUEUE, 0, 0, a->queued);
}

void audit_ready_queues(struct audit *a)
{
    word_t said[OBJWALK_READY_WORDS] = {0};
    bool agree = true;
    uint32_t findings = a->findings;
    a->batched = 0;
    if (!audit_ok(a, a->w->ops->ready_bits(a->w, said, &agree)))
        return;
    if (!agree && !a->mid)
        audit_report(a, AUDIT_READY_BITS, objwalk_paddr(a->w, a->w->roots.ready_bits), 0, 0);
    for (uint32_t i = 0; i < a->w->ops->priorities && a->error == ERR_OK; i++)
        check_ready_queue(a, i, said[i / 32] >> (i % 32) & 1);
    claim_current(a);
    audit_claims_end(a);
    check_queued_count(a, findings);
}
