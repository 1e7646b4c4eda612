/* Endpoints, notifications, reply objects, scheduling contexts. */
#include "objwalk/sel4/walk_parts.h"

enum {
    SC_TICKS = 16,     /* bytes of period and consumed time */
    REFILL_BYTES = 16, /* time and amount */
    REFILLS_MAX = 256,
};

static uint32_t notification_words(const struct sel4_walk *w)
{
    return w->l->options.mcs ? 5 : 4;
}

static uint32_t context_bytes(const struct sel4_task *t)
{
    return t->arg < 7 || t->arg > 12 ? 128 : 1u << t->arg;
}

void sel4_walk_want_object(struct sel4_walk *w, const struct sel4_task *t)
{
    uint32_t bytes = 0;
    if (t->kind == SEL4_TASK_ENDPOINT)
        bytes = 2 * w->l->word;
    else if (t->kind == SEL4_TASK_NOTIFICATION)
        bytes = notification_words(w) * w->l->word;
    else if (t->kind == SEL4_TASK_REPLY)
        bytes = 3 * w->l->word;
    else if (t->kind == SEL4_TASK_CONTEXT)
        bytes = context_bytes(t);
    sel4_memory_want(w->m, t->addr, bytes);
}

static void read_endpoint(struct sel4_walk *w, uint64_t addr)
{
    const struct sel4_block *b = &w->l->block[SEL4_BLOCK_EP];
    struct sel4_endpoint ep = {.addr = addr};
    if (!sel4_walk_words(w, addr, ep.word, 2))
        return;
    ep.state = (uint32_t)sel4_block_value(b, SEL4_STATE, ep.word);
    ep.head = sel4_block_value(b, SEL4_HEAD, ep.word);
    ep.tail = sel4_block_value(b, SEL4_TAIL, ep.word);
    sel4_walk_thread(w, ep.head);
    sel4_walk_thread(w, ep.tail);
    sel4_walk_add(w, &w->s->endpoints, &ep);
}

static void read_notification(struct sel4_walk *w, uint64_t addr)
{
    const struct sel4_block *b = &w->l->block[SEL4_BLOCK_NTFN];
    uint64_t word[8] = {0};
    if (!sel4_walk_words(w, addr, word, notification_words(w)))
        return;
    struct sel4_notification n = {
        .addr = addr,
        .state = (uint32_t)sel4_block_value(b, SEL4_STATE, word),
        .head = sel4_block_value(b, SEL4_HEAD, word),
        .tail = sel4_block_value(b, SEL4_TAIL, word),
        .message = sel4_block_value(b, SEL4_MESSAGE, word),
        .bound = sel4_block_value(b, SEL4_BOUND_TCB, word),
        .sched_context = sel4_block_value(b, SEL4_NTFN_SC, word),
    };
    sel4_walk_thread(w, n.head);
    sel4_walk_thread(w, n.tail);
    sel4_walk_thread(w, n.bound);
    sel4_walk_add(w, &w->s->notifications, &n);
}

static void read_reply(struct sel4_walk *w, uint64_t addr)
{
    const struct sel4_block *b = &w->l->block[SEL4_BLOCK_CALL_STACK];
    uint64_t word[3];
    if (!sel4_walk_words(w, addr, word, 3))
        return;
    struct sel4_reply r = {
        .addr = addr,
        .tcb = word[0],
        .prev = sel4_block_value(b, SEL4_STACK_PTR, &word[1]),
        .next = sel4_block_value(b, SEL4_STACK_PTR, &word[2]),
        .prev_is_head = sel4_block_value(b, SEL4_IS_HEAD, &word[1]) != 0,
        .next_is_head = sel4_block_value(b, SEL4_IS_HEAD, &word[2]) != 0,
    };
    sel4_walk_thread(w, r.tcb);
    sel4_walk_add(w, &w->s->replies, &r);
}

/* --- scheduling contexts --- */

static uint64_t ticks(const uint8_t *p)
{
    return sel4_word(p, 8);
}

/* Refills stand in a ring from head to tail; there is at least one in a configured context. */
static void read_refills(struct sel4_walk *w, struct sel4_sched_context *c)
{
    uint64_t max = c->member[SEL4_SC_REFILL_MAX];
    uint64_t at = c->member[SEL4_SC_REFILL_HEAD];
    uint64_t tail = c->member[SEL4_SC_REFILL_TAIL];
    if (max == 0)
        return;
    if (max > REFILLS_MAX || at >= max || tail >= max) {
        sel4_walk_finding(w, AUDIT_QUEUE, c->addr, max, at);
        return;
    }
    for (uint64_t i = 0; i < max; i++, at = (at + 1) % max) {
        uint8_t refill[REFILL_BYTES];
        if (sel4_memory_read(w->m, c->addr + w->l->sc_refills + at * REFILL_BYTES, refill,
                             sizeof(refill)) != ERR_OK)
            return;
        if (i == 0) {
            c->head_time = ticks(refill);
            c->head_amount = ticks(refill + 8);
        }
        c->budget += ticks(refill + 8);
        if (at == tail)
            return;
    }
}

static void read_context(struct sel4_walk *w, const struct sel4_task *t)
{
    uint8_t tick[SC_TICKS];
    uint32_t members = (w->l->sc_refills - SC_TICKS) / w->l->word;
    struct sel4_sched_context c = {.addr = t->addr, .size_bits = (unsigned)t->arg};
    members = members < SEL4_SC_MEMBERS ? members : SEL4_SC_MEMBERS;
    if (!sel4_walk_words(w, t->addr + SC_TICKS, c.member, members) ||
        sel4_memory_read(w->m, t->addr, tick, sizeof(tick)) != ERR_OK)
        return;
    c.period = ticks(tick);
    c.consumed = ticks(tick + 8);
    read_refills(w, &c);
    sel4_walk_thread(w, c.member[SEL4_SC_TCB]);
    sel4_walk_thread(w, c.member[SEL4_SC_YIELD_FROM]);
    sel4_walk_add(w, &w->s->contexts, &c);
}

void sel4_walk_read_object(struct sel4_walk *w, const struct sel4_task *t)
{
    if (t->kind == SEL4_TASK_ENDPOINT)
        read_endpoint(w, t->addr);
    else if (t->kind == SEL4_TASK_NOTIFICATION)
        read_notification(w, t->addr);
    else if (t->kind == SEL4_TASK_REPLY)
        read_reply(w, t->addr);
    else if (t->kind == SEL4_TASK_CONTEXT)
        read_context(w, t);
}
