/* What must agree in a whole state: queues with their threads, bindings both ways, tables with
 * frame capabilities; and whether the layout that was taken can be right at all. */
#include "objwalk/sel4/walk_parts.h"

#include <stdlib.h>

/* --- threads --- */

/* From 16.0 on, kernels with scheduling contexts have no links of their own for endpoints. */
static enum sel4_tcb_member next_of(const struct sel4_walk *w)
{
    return w->l->tcb[SEL4_TCB_EP_NEXT] != SEL4_NONE ? SEL4_TCB_EP_NEXT : SEL4_TCB_SCHED_NEXT;
}

static enum sel4_tcb_member prev_of(const struct sel4_walk *w)
{
    return w->l->tcb[SEL4_TCB_EP_PREV] != SEL4_NONE ? SEL4_TCB_EP_PREV : SEL4_TCB_SCHED_PREV;
}

static bool waits_in(const struct sel4_thread *t, uint64_t object)
{
    bool blocked = t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
                   t->state == RECORD_THREAD_BLOCKED_ON_SEND ||
                   t->state == RECORD_THREAD_BLOCKED_ON_NOTIFICATION;
    return blocked && t->blocking_object == object;
}

/* Follows the queue of an object, numbering its threads; returns how many there are. */
static uint32_t follow_queue(struct sel4_walk *w, uint64_t object, uint64_t head, uint64_t tail)
{
    uint64_t before = 0;
    uint32_t count = 0;
    for (uint64_t at = head; at != 0 && count <= w->s->threads.count;) {
        struct sel4_thread *t = sel4_find_thread(w->s, at);
        if (!t || !t->readable || t->position != 0 || t->member[prev_of(w)] != before) {
            sel4_walk_finding(w, AUDIT_QUEUE, object, sel4_walk_pa(w, at), count);
            return count;
        }
        if (!waits_in(t, object))
            sel4_walk_finding(w, AUDIT_THREAD_STATE, at, sel4_walk_pa(w, object), t->state);
        t->position = ++count;
        before = at;
        at = t->member[next_of(w)];
    }
    if (before != tail)
        sel4_walk_finding(w, AUDIT_QUEUE, object, sel4_walk_pa(w, tail), count);
    return count;
}

static void judge_endpoints(struct sel4_walk *w)
{
    for (uint32_t i = 0; i < w->s->endpoints.count; i++) {
        struct sel4_endpoint *e = SEL4_ITEM(w->s->endpoints, struct sel4_endpoint, i);
        e->waiters = follow_queue(w, e->addr, e->head, e->tail);
        if ((e->state != 0) != (e->waiters != 0) || e->state > 2)
            sel4_walk_finding(w, AUDIT_QUEUE, e->addr, 0, e->state);
    }
}

static void judge_binding(struct sel4_walk *w, const struct sel4_notification *n)
{
    if (n->bound == 0)
        return;
    const struct sel4_thread *t = sel4_find_thread(w->s, n->bound);
    if (!t || t->member[SEL4_TCB_BOUND] != n->addr)
        sel4_walk_finding(w, AUDIT_BINDING, n->addr, sel4_walk_pa(w, n->bound), 0);
}

static void judge_notifications(struct sel4_walk *w)
{
    for (uint32_t i = 0; i < w->s->notifications.count; i++) {
        struct sel4_notification *n = SEL4_ITEM(w->s->notifications, struct sel4_notification, i);
        n->waiters = follow_queue(w, n->addr, n->head, n->tail);
        if ((n->state == 1) != (n->waiters != 0) || n->state > 2)
            sel4_walk_finding(w, AUDIT_QUEUE, n->addr, 0, n->state);
        judge_binding(w, n);
    }
}

static void judge_threads(struct sel4_walk *w)
{
    unsigned states = w->l->idle_state;
    for (uint32_t i = 0; i < w->s->threads.count; i++) {
        const struct sel4_thread *t = sel4_state_thread(w->s, i);
        if (!t->readable)
            continue;
        if (t->state > states)
            sel4_walk_finding(w, AUDIT_THREAD_STATE, t->tcb, 0, t->state);
        if (waits_in(t, t->blocking_object) && t->position == 0)
            sel4_walk_finding(w, AUDIT_QUEUE, t->tcb, sel4_walk_pa(w, t->blocking_object),
                              t->state);
        if (t->queued && t->member[SEL4_TCB_PRIORITY] >= w->s->highest)
            w->s->highest = (uint32_t)t->member[SEL4_TCB_PRIORITY];
        w->s->ready += t->queued;
    }
}

/* Threads that wait until their scheduling context is refilled. */
static void judge_released(struct sel4_walk *w, uint64_t head)
{
    for (uint64_t at = head; at != 0;) {
        struct sel4_thread *t = sel4_find_thread(w->s, at);
        if (!t || !t->readable || t->released != 0 || !t->in_release) {
            sel4_walk_finding(w, AUDIT_QUEUE, at, 0, w->s->released);
            return;
        }
        t->released = ++w->s->released;
        at = t->member[SEL4_TCB_SCHED_NEXT];
    }
}

/* A reply object and the thread that waits for its answer, or to receive with it, name each other.
 */
static void judge_replies(struct sel4_walk *w)
{
    for (uint32_t i = 0; i < w->s->replies.count; i++) {
        const struct sel4_reply *r = SEL4_ITEM(w->s->replies, struct sel4_reply, i);
        struct sel4_thread *t = r->tcb == 0 ? NULL : sel4_find_thread(w->s, r->tcb);
        if (r->tcb == 0)
            continue;
        bool waits = t && (t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
                           t->state == RECORD_THREAD_BLOCKED_ON_REPLY);
        if (!waits || t->reply_object != r->addr)
            sel4_walk_finding(w, AUDIT_REPLY, r->addr, sel4_walk_pa(w, r->tcb), t ? t->state : 0);
        else
            t->waits_on = r->addr;
    }
}

void sel4_walk_judge_queues(struct sel4_walk *w)
{
    sel4_sort_threads(w->s);
    judge_endpoints(w);
    judge_notifications(w);
    judge_threads(w);
    for (unsigned n = 0; n < w->l->nodes && n < SEL4_NODES; n++)
        judge_released(w, w->s->node[n].release_head);
    judge_replies(w);
}

/* --- mappings --- */

/* A translation as tables or capabilities tell it. */
struct claim {
    uint64_t asid;
    uint64_t vaddr;
    uint64_t pa;
    uint32_t bits;
    uint32_t rights;
    uint64_t where; /* slot of the capability, table of the mapping */
};

static int by_claim(const void *a, const void *b)
{
    const struct claim *x = a;
    const struct claim *y = b;
    if (x->asid != y->asid)
        return x->asid < y->asid ? -1 : 1;
    if (x->vaddr != y->vaddr)
        return x->vaddr < y->vaddr ? -1 : 1;
    if (x->pa != y->pa)
        return x->pa < y->pa ? -1 : 1;
    return (x->bits > y->bits) - (x->bits < y->bits);
}

static int by_mapping(const void *a, const void *b)
{
    const struct sel4_mapping *x = a;
    const struct sel4_mapping *y = b;
    if (x->asid != y->asid)
        return x->asid < y->asid ? -1 : 1;
    return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static bool asid_lives(const struct sel4_walk *w, uint64_t asid)
{
    for (uint32_t i = 0; i < w->s->asids.count; i++) {
        if (SEL4_ITEM(w->s->asids, struct sel4_asid, i)->asid == asid)
            return true;
    }
    return false;
}

/* Claims that say the same become one, which allows what any of them allows. */
static void unite(struct sel4_array *claims)
{
    struct claim *c = claims->items;
    uint32_t n = 0;
    for (uint32_t i = 0; i < claims->count; i++) {
        if (n > 0 && by_claim(&c[n - 1], &c[i]) == 0)
            c[n - 1].rights |= c[i].rights;
        else
            c[n++] = c[i];
    }
    claims->count = n;
}

/* What frame capabilities of living address spaces claim. */
static void claims_of_caps(struct sel4_walk *w, struct sel4_array *out)
{
    for (uint32_t i = 0; i < w->s->slots.count; i++) {
        const struct sel4_slot *s = sel4_state_slot(w->s, i);
        struct sel4_extent x;
        if (!sel4_cap_is_frame(&s->cap) || !sel4_cap_is_mapped(w->l, &s->cap) ||
            !sel4_cap_extent(w->l, &s->cap, &x) || !asid_lives(w, sel4_cap_asid(&s->cap)))
            continue;
        struct claim c = {
            .asid = sel4_cap_asid(&s->cap),
            .vaddr = s->cap.value[SEL4_VADDR],
            .pa = sel4_walk_pa(w, x.base),
            .bits = x.bits,
            .rights = sel4_cap_frame_rights(w->l, &s->cap),
            .where = s->addr,
        };
        sel4_walk_add(w, out, &c);
    }
    if (out->count > 0)
        qsort(out->items, out->count, out->size, by_claim);
    unite(out);
}

/* The kernel lets 16 MiB and 64 KiB pages of AArch32 be claimed as they are mapped: whole. */
static void judge_mapping(struct sel4_walk *w, const struct sel4_mapping *m,
                          const struct sel4_array *claims, bool *met)
{
    struct claim key = {.asid = m->asid, .vaddr = m->vaddr, .pa = m->pa, .bits = m->bits};
    struct claim *c = claims->count == 0
                          ? NULL
                          : bsearch(&key, claims->items, claims->count, claims->size, by_claim);
    if (!c) {
        sel4_state_finding(w->s, AUDIT_MAPPING_NO_FRAME, m->pa, m->vaddr, m->asid);
        return;
    }
    met[c - (struct claim *)claims->items] = true;
    if ((m->rights & 3u & ~c->rights) != 0)
        sel4_state_finding(w->s, AUDIT_MAPPING_RIGHTS, m->pa, m->vaddr, m->asid);
}

/* A capability that says it is mapped where nothing is: its page table was taken away, which is no
 * damage, but worth knowing, since capability and processor disagree. */
static void judge_claims(struct sel4_walk *w, const struct sel4_array *claims, const bool *met)
{
    for (uint32_t i = 0; i < claims->count; i++) {
        const struct claim *c = SEL4_ITEM(*claims, struct claim, i);
        if (!met[i])
            sel4_walk_finding(w, AUDIT_ASID, c->where, c->vaddr, c->asid);
    }
}

void sel4_walk_judge_mappings(struct sel4_walk *w)
{
    struct sel4_array claims = {.size = sizeof(struct claim)};
    struct sel4_array *maps = &w->s->mappings;
    if (maps->count > 0)
        qsort(maps->items, maps->count, maps->size, by_mapping);
    claims_of_caps(w, &claims);
    bool *met = calloc((size_t)claims.count + 1, sizeof(*met));
    if (!met)
        w->full = true;
    for (uint32_t i = 0; met && i < maps->count; i++)
        judge_mapping(w, SEL4_ITEM(*maps, struct sel4_mapping, i), &claims, met);
    if (met && w->l->paging_known)
        judge_claims(w, &claims, met);
    free(met);
    free(claims.items);
}

/* --- the layout itself --- */

static uint32_t count_rule(const struct sel4_state *s, enum audit_rule rule)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->findings.count; i++)
        n += SEL4_ITEM(s->findings, struct sel4_finding, i)->rule == (uint32_t)rule;
    return n;
}

/* Damage is a few places; a wrong layout is everywhere. */
enum error sel4_walk_judge_layout(struct sel4_walk *w)
{
    uint32_t links = count_rule(w->s, AUDIT_LINK) + count_rule(w->s, AUDIT_LINK_RANGE);
    uint32_t odd = count_rule(w->s, AUDIT_CAP_INVALID);
    if (w->s->slots.count < 8)
        return w->s->slots.count == 0 ? ERR_LAYOUT : ERR_OK;
    return links > w->s->slots.count || odd > w->s->slots.count / 2 ? ERR_LAYOUT : ERR_OK;
}
