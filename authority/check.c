/* The verdict: the paper's four restrictions (3.2.3), cover by foreign untyped memory, and the two
 * invariants of retype, each breach with the slots that show it and a path that leads there. */
#include "authority/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 256 }; /* a search each: the first breaches get a path, all get their slots */

struct check {
    const struct authority *a;
    bool strict;
    struct authority_breach *breach;
    uint32_t count, capacity;
    int32_t *first; /* by domain: first edge of the object at hand */
    bool failed;
};

static struct authority_breach breach_make(enum authority_breach_kind kind)
{
    return (struct authority_breach){.kind = kind,
                                     .domain_a = -1,
                                     .domain_b = -1,
                                     .object = -1,
                                     .object_b = -1,
                                     .slot_a = -1,
                                     .slot_b = -1,
                                     .finding = -1};
}

static void breach_add(struct check *c, struct authority_breach b)
{
    if (c->failed)
        return;
    if (c->count == c->capacity) {
        uint32_t wanted = c->capacity ? c->capacity * 2 : 16;
        struct authority_breach *grown = realloc(c->breach, wanted * sizeof(*grown));
        if (!grown) {
            c->failed = true;
            return;
        }
        c->breach = grown;
        c->capacity = wanted;
    }
    c->breach[c->count++] = b;
}

/* The same kind, domains and object twice says nothing new. */
static bool breach_known(const struct check *c, enum authority_breach_kind kind, int32_t a,
                         int32_t b, int32_t object)
{
    for (uint32_t i = c->count; i-- > 0;) {
        const struct authority_breach *k = &c->breach[i];
        if (k->kind == kind && k->domain_a == a && k->domain_b == b && k->object == object)
            return true;
    }
    return false;
}

static int32_t edge_domain(const struct check *c, const struct authority_edge *e)
{
    int32_t d = c->a->home[e->from];
    return authority_counts(c->a, d, c->strict) ? d : -1;
}

/* --- one object held by two domains --- */

static bool lies_in_tcb(const struct check *c, const struct authority_edge *e)
{
    return e->slot >= 0 && c->a->state->objects[e->from].type == RECORD_CAP_TCB;
}

/* By domain, the edge that best shows that it holds the object: a thread's own root first. */
static void first_holders(struct check *c, uint32_t object)
{
    const struct authority *a = c->a;
    memset(c->first, 0xff, (a->domain_count + 1) * sizeof(*c->first));
    for (uint32_t i = a->priv->first_reverse[object]; i < a->priv->first_reverse[object + 1]; i++) {
        uint32_t edge = a->priv->reverse[i];
        const struct authority_edge *e = &a->edges[edge];
        int32_t d = edge_domain(c, e);
        if (d < 0 || (e->kind != AUTHORITY_CONTROL && e->kind != AUTHORITY_TABLE))
            continue;
        if (c->first[d] < 0 || (lies_in_tcb(c, e) && !lies_in_tcb(c, &a->edges[c->first[d]])))
            c->first[d] = (int32_t)edge;
    }
}

static enum authority_breach_kind sharing_kind(const struct check *c, uint32_t type,
                                               const struct authority_edge *x,
                                               const struct authority_edge *y)
{
    if (lies_in_tcb(c, x) && lies_in_tcb(c, y))
        return AUTHORITY_BREACH_APPLICATION;
    switch (type) {
    case RECORD_CAP_CNODE:
    case RECORD_CAP_ZOMBIE:
        return AUTHORITY_BREACH_SHARED_CNODE;
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_ASID_POOL:
        return AUTHORITY_BREACH_SHARED_TABLE;
    default:
        return AUTHORITY_BREACH_SHARED_CONTROL;
    }
}

/* The domain that only borrows the object (from its CSpace) comes first, as the one at fault. */
static void sharing_breach(struct check *c, uint32_t object, int32_t da, int32_t db)
{
    const struct authority *a = c->a;
    const struct authority_edge *x = &a->edges[c->first[da]];
    const struct authority_edge *y = &a->edges[c->first[db]];
    struct authority_breach b = breach_make(sharing_kind(c, a->state->objects[object].type, x, y));
    bool swap = lies_in_tcb(c, x) && !lies_in_tcb(c, y);
    b.domain_a = swap ? db : da;
    b.domain_b = swap ? da : db;
    b.slot_a = swap ? y->slot : x->slot;
    b.slot_b = swap ? x->slot : y->slot;
    b.object = (int32_t)object;
    breach_add(c, b);
}

static bool type_is_shared_checked(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_CNODE:
    case RECORD_CAP_ZOMBIE:
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_ASID_POOL:
    case RECORD_CAP_IRQ_CONTROL:
    case RECORD_CAP_IRQ_HANDLER:
    case RECORD_CAP_ASID_CONTROL:
    case RECORD_CAP_DOMAIN:
        return true;
    default:
        return false;
    }
}

static void check_sharing(struct check *c, uint32_t object)
{
    if (!type_is_shared_checked(c->a->state->objects[object].type))
        return;
    first_holders(c, object);
    int32_t owner = -1;
    for (uint32_t d = 0; d < c->a->domain_count; d++) {
        if (c->first[d] < 0)
            continue;
        if (owner >= 0)
            sharing_breach(c, object, owner, (int32_t)d);
        else
            owner = (int32_t)d;
    }
}

/* --- threads --- */

static void check_thread(struct check *c, uint32_t thread)
{
    const struct authority *a = c->a;
    int32_t object = a->state->threads[thread].object;
    int32_t theirs = a->thread_domain[thread];
    if (object < 0 || theirs < 0)
        return;
    bool manager = !authority_counts(a, theirs, c->strict);
    const struct authority_private *p = a->priv;
    for (uint32_t i = p->first_reverse[object]; i < p->first_reverse[object + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        int32_t d = edge_domain(c, e);
        bool reply = e->kind == AUTHORITY_REPLY_GRANT;
        if (d < 0 || d == theirs || (e->kind != AUTHORITY_CONTROL && (!reply || manager)))
            continue;
        struct authority_breach b = breach_make(manager ? AUTHORITY_BREACH_MANAGER
                                                : reply ? AUTHORITY_BREACH_REPLY_CHANNEL
                                                        : AUTHORITY_BREACH_FOREIGN_TCB);
        b.domain_a = d;
        b.domain_b = theirs;
        b.object = object;
        b.slot_a = e->slot;
        breach_add(c, b);
    }
}

/* A domain that holds the CSpace root or directory of a manager's thread. */
static void check_manager_roots(struct check *c, uint32_t thread)
{
    const struct authority *a = c->a;
    int32_t theirs = a->thread_domain[thread];
    if (theirs < 0 || authority_counts(a, theirs, c->strict))
        return;
    int32_t roots[] = {capstate_thread_cspace(a->state, (int32_t)thread),
                       capstate_thread_vspace(a->state, (int32_t)thread)};
    for (size_t k = 0; k < sizeof(roots) / sizeof(*roots); k++) {
        if (roots[k] < 0)
            continue;
        first_holders(c, (uint32_t)roots[k]);
        for (uint32_t d = 0; d < a->domain_count; d++) {
            if (c->first[d] < 0)
                continue;
            struct authority_breach b = breach_make(AUTHORITY_BREACH_MANAGER);
            b.domain_a = (int32_t)d;
            b.domain_b = theirs;
            b.object = roots[k];
            b.slot_a = a->edges[c->first[d]].slot;
            breach_add(c, b);
        }
    }
}

/* --- endpoints --- */

static void channel_pair(struct check *c, uint32_t endpoint, const struct authority_edge *x,
                         const struct authority_edge *y)
{
    int32_t dx = edge_domain(c, x);
    int32_t dy = edge_domain(c, y);
    uint32_t rx = authority_edge_role(c->a, x);
    uint32_t ry = authority_edge_role(c->a, y);
    bool passes = ((rx & ROLE_SEND_GRANT) && (ry & ROLE_RECEIVE)) ||
                  ((rx & ROLE_CALL_REPLY) && (ry & ROLE_RECEIVE_GRANT));
    if (dx < 0 || dy < 0 || dx == dy || !passes)
        return;
    if (breach_known(c, AUTHORITY_BREACH_GRANT_CHANNEL, dx, dy, (int32_t)endpoint))
        return;
    struct authority_breach b = breach_make(AUTHORITY_BREACH_GRANT_CHANNEL);
    b.domain_a = dx;
    b.domain_b = dy;
    b.object = (int32_t)endpoint;
    b.slot_a = x->slot;
    b.slot_b = y->slot;
    breach_add(c, b);
}

/* All pairs of domains, not of slots: the first edge of each domain in each role speaks for it. */
static void check_channel(struct check *c, uint32_t endpoint)
{
    const struct authority *a = c->a;
    const struct authority_private *p = a->priv;
    if (a->state->objects[endpoint].type != RECORD_CAP_ENDPOINT)
        return;
    for (uint32_t role = ROLE_SEND_GRANT; role <= ROLE_CALL_REPLY; role <<= 1) {
        memset(c->first, 0xff, (a->domain_count + 1) * sizeof(*c->first));
        for (uint32_t i = p->first_reverse[endpoint]; i < p->first_reverse[endpoint + 1]; i++) {
            const struct authority_edge *e = &a->edges[p->reverse[i]];
            int32_t d = edge_domain(c, e);
            if (d >= 0 && c->first[d] < 0 && (authority_edge_role(a, e) & role))
                c->first[d] = (int32_t)p->reverse[i];
        }
        for (uint32_t i = p->first_reverse[endpoint]; i < p->first_reverse[endpoint + 1]; i++)
            for (uint32_t d = 0; d < a->domain_count; d++)
                if (c->first[d] >= 0)
                    channel_pair(c, endpoint, &a->edges[c->first[d]], &a->edges[p->reverse[i]]);
    }
}

/* --- untyped cover --- */

static void cover_breach(struct check *c, int32_t untyped, const struct authority_edge *by,
                         uint32_t object, const struct authority_edge *held)
{
    int32_t da = edge_domain(c, by);
    int32_t db = edge_domain(c, held);
    if (da < 0 || da == db || by->kind != AUTHORITY_CONTROL ||
        authority_domain_holds(c->a, da, (int32_t)object) ||
        breach_known(c, AUTHORITY_BREACH_FOREIGN_COVER, da, db, untyped))
        return;
    struct authority_breach b = breach_make(AUTHORITY_BREACH_FOREIGN_COVER);
    b.domain_a = da;
    b.domain_b = db;
    b.object = untyped;
    b.object_b = (int32_t)object;
    b.slot_a = by->slot;
    b.slot_b = held->slot;
    breach_add(c, b);
}

static void cover_over(struct check *c, uint32_t object, const struct authority_edge *held)
{
    const struct authority *a = c->a;
    const struct authority_private *p = a->priv;
    for (int32_t u = a->enclosing[object]; u >= 0; u = a->enclosing[u])
        for (uint32_t i = p->first_reverse[u]; i < p->first_reverse[u + 1]; i++)
            cover_breach(c, u, &a->edges[p->reverse[i]], object, held);
}

static void check_cover(struct check *c, uint32_t object)
{
    const struct authority *a = c->a;
    const struct authority_private *p = a->priv;
    if (a->enclosing[object] < 0)
        return;
    memset(c->first, 0xff, (a->domain_count + 1) * sizeof(*c->first));
    for (uint32_t i = p->first_reverse[object]; i < p->first_reverse[object + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        int32_t d = edge_domain(c, e);
        if (d >= 0 && c->first[d] < 0 && e->kind != AUTHORITY_COVER && e->kind != AUTHORITY_DESTROY)
            c->first[d] = (int32_t)p->reverse[i];
    }
    int32_t thread = capstate_thread_of(a->state, (int32_t)object);
    for (uint32_t d = 0; d < a->domain_count; d++)
        if (c->first[d] >= 0 && (thread < 0 || a->thread_domain[thread] == (int32_t)d))
            cover_over(c, object, &a->edges[c->first[d]]);
}

/* --- retype and derivation --- */

static uint64_t object_end(const struct capstate_object *o)
{
    return (uint64_t)o->addr + ((uint64_t)1 << o->bits);
}

static bool inside(const struct capstate_object *inner, const struct capstate_object *outer)
{
    return inner->addr >= outer->addr && object_end(inner) <= object_end(outer);
}

static void structure_breach(struct check *c, enum authority_breach_kind kind, int32_t object,
                             int32_t object_b, int32_t slot_a, int32_t slot_b)
{
    struct authority_breach b = breach_make(kind);
    b.object = object;
    b.object_b = object_b;
    b.slot_a = slot_a;
    b.slot_b = slot_b;
    breach_add(c, b);
}

/* May a capability like `child` hang below one like `parent`? */
static bool parent_gives(const struct capstate *s, const struct capstate_slot *parent,
                         const struct capstate_slot *child)
{
    switch (parent->rec.type) {
    case RECORD_CAP_IRQ_CONTROL:
        return child->rec.type == RECORD_CAP_IRQ_CONTROL ||
               child->rec.type == RECORD_CAP_IRQ_HANDLER;
    case RECORD_CAP_FRAME:
        return child->rec.type == RECORD_CAP_FRAME &&
               inside(&s->objects[child->object], &s->objects[parent->object]);
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        return child->object == parent->object &&
               (parent->rec.data == 0 || parent->rec.data == child->rec.data);
    default:
        return child->object == parent->object;
    }
}

static void check_parent(struct check *c, uint32_t index)
{
    const struct capstate *s = c->a->state;
    const struct capstate_slot *slot = &s->slots[index];
    if (slot->parent < 0 || (slot->rec.flags & RECORD_SLOT_DEEP) || slot->object < 0)
        return;
    const struct capstate_slot *parent = &s->slots[slot->parent];
    if (parent->object < 0)
        return;
    if (parent->rec.type == RECORD_CAP_UNTYPED) {
        if (s->objects[slot->object].bits == 0 ||
            !inside(&s->objects[slot->object], &s->objects[parent->object]))
            structure_breach(c, AUTHORITY_BREACH_CHILD_OUTSIDE, slot->object, parent->object,
                             (int32_t)index, slot->parent);
    } else if (!parent_gives(s, parent, slot)) {
        structure_breach(c, AUTHORITY_BREACH_TREE, slot->object, parent->object, (int32_t)index,
                         slot->parent);
    }
}

/* Two objects that overlap: the later begins before the end of one that is neither it nor untyped
 * memory that holds it whole. `last` is the typed object that reaches furthest so far. */
static void check_overlap(struct check *c)
{
    const struct capstate *s = c->a->state;
    int32_t last = -1;
    for (uint32_t i = 0; i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        if (o->bits == 0)
            continue;
        if (last >= 0 && o->addr < object_end(&s->objects[last]))
            structure_breach(c, AUTHORITY_BREACH_OVERLAP, (int32_t)i, last, o->first_slot,
                             s->objects[last].first_slot);
        bool typed = o->type != RECORD_CAP_UNTYPED;
        if (typed && (last < 0 || object_end(o) > object_end(&s->objects[last])))
            last = (int32_t)i;
    }
}

/* The ancestor of a slot that is a capability to this untyped; -1. Depth bounds the walk. */
static int32_t ancestor_to(const struct capstate *s, int32_t slot, int32_t untyped)
{
    for (int32_t at = s->slots[slot].parent; at >= 0; at = s->slots[at].parent)
        if (s->slots[at].object == untyped)
            return at;
    return -1;
}

static void check_descent(struct check *c, uint32_t object)
{
    const struct capstate *s = c->a->state;
    int32_t untyped = c->a->enclosing[object];
    if (untyped < 0)
        return;
    bool descends = false;
    for (int32_t slot = s->objects[object].first_slot; slot >= 0; slot = s->slots[slot].next_same)
        descends |= ancestor_to(s, slot, untyped) >= 0;
    if (!descends)
        structure_breach(c, AUTHORITY_BREACH_ORPHAN, (int32_t)object, untyped,
                         s->objects[object].first_slot, s->objects[untyped].first_slot);
    uint64_t mark = 0;
    for (int32_t slot = s->objects[untyped].first_slot; slot >= 0; slot = s->slots[slot].next_same)
        mark = s->slots[slot].rec.data > mark ? s->slots[slot].rec.data : mark;
    if (object_end(&s->objects[object]) > s->objects[untyped].addr + mark)
        structure_breach(c, AUTHORITY_BREACH_WATERMARK, (int32_t)object, untyped,
                         s->objects[object].first_slot, s->objects[untyped].first_slot);
}

static void check_findings(struct check *c)
{
    for (uint32_t i = 0; i < c->a->state->finding_count; i++) {
        struct authority_breach b = breach_make(AUTHORITY_BREACH_FINDING);
        b.finding = (int32_t)i;
        breach_add(c, b);
    }
}

/* --- islands --- */

static void check_islands(struct check *c)
{
    const struct authority *a = c->a;
    const struct capstate *s = a->state;
    const int32_t *island = c->strict ? a->island_strict : a->island;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t di = a->thread_domain[i];
        if (s->threads[i].object < 0 || !authority_counts(a, di, c->strict))
            continue;
        for (uint32_t k = 0; k < i; k++) {
            int32_t dk = a->thread_domain[k];
            if (s->threads[k].object < 0 || !authority_counts(a, dk, c->strict) || dk == di ||
                island[s->threads[k].object] != island[s->threads[i].object] ||
                breach_known(c, AUTHORITY_BREACH_MERGED, dk, di, -1) ||
                breach_known(c, AUTHORITY_BREACH_MERGED, di, dk, -1))
                continue;
            struct authority_breach b = breach_make(AUTHORITY_BREACH_MERGED);
            b.domain_a = dk;
            b.domain_b = di;
            breach_add(c, b);
        }
    }
}

/* --- paths as witnesses --- */

static enum error breach_path(const struct check *c, struct authority_breach *b)
{
    if (b->domain_a < 0 || (b->object < 0 && b->kind != AUTHORITY_BREACH_MERGED))
        return ERR_OK;
    bool *from = calloc(c->a->node_count + 1, sizeof(*from));
    bool *to = calloc(c->a->node_count + 1, sizeof(*to));
    enum error e = ERR_NO_MEMORY;
    if (from && to) {
        authority_mark_domain(c->a, b->domain_a, from);
        bool merged = b->kind == AUTHORITY_BREACH_MERGED;
        if (merged)
            authority_mark_domain(c->a, b->domain_b, to);
        else
            to[b->object] = true;
        e = authority_path(c->a, from, to,
                           merged ? AUTHORITY_PATH_ISLAND : AUTHORITY_PATH_AUTHORITY, c->strict,
                           &b->path, &b->path_count);
    }
    free(from);
    free(to);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void check_all(struct check *c)
{
    const struct authority *a = c->a;
    for (uint32_t n = 0; n < a->node_count; n++)
        check_sharing(c, n);
    for (uint32_t n = 0; n < a->node_count; n++)
        check_channel(c, n);
    for (uint32_t t = 0; t < a->state->thread_count; t++) {
        check_thread(c, t);
        check_manager_roots(c, t);
    }
    for (uint32_t n = 0; n < a->node_count; n++)
        check_cover(c, n);
    check_islands(c);
    for (uint32_t i = 0; i < a->state->slot_count; i++)
        check_parent(c, i);
    check_overlap(c);
    for (uint32_t n = 0; n < a->node_count; n++)
        check_descent(c, n);
    check_findings(c);
}

enum error authority_check(const struct authority *a, bool strict, struct authority_breach **out,
                           uint32_t *count)
{
    struct check c = {.a = a, .strict = strict};
    c.first = malloc((a->domain_count + 1) * sizeof(*c.first));
    if (!c.first)
        return ERR_NO_MEMORY;
    check_all(&c);
    free(c.first);
    enum error e = c.failed ? ERR_NO_MEMORY : ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < c.count && i < PATHS_MAX; i++)
        e = breach_path(&c, &c.breach[i]);
    if (e != ERR_OK) {
        authority_breaches_free(c.breach, c.count);
        return e;
    }
    *out = c.breach;
    *count = c.count;
    return ERR_OK;
}

void authority_breaches_free(struct authority_breach *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(b[i].path);
    free(b);
}

/* --- words --- */

char *authority_edge_text(const struct authority *a, int32_t edge, char *buf, size_t size)
{
    char from[256];
    char to[256];
    char by[512] = "";
    char place[256];
    const struct authority_edge *e = &a->edges[edge];
    capstate_object_text(a->state, e->from, from, sizeof(from));
    capstate_object_text(a->state, e->to, to, sizeof(to));
    if (e->slot >= 0)
        snprintf(by, sizeof(by), " [slot 0x%" PRIx64 ": %s]", a->state->slots[e->slot].rec.addr,
                 capstate_place_text(a->state, e->slot, place, sizeof(place)));
    else if (e->mapping >= 0)
        snprintf(by, sizeof(by), " [mapped at 0x%" PRIx64 "]",
                 a->state->mappings[e->mapping].vaddr);
    else if (e->thread >= 0)
        snprintf(by, sizeof(by), " [by its state]");
    snprintf(buf, size, "%s %s %s%s", from, authority_edge_sentence(e->kind), to, by);
    return buf;
}
