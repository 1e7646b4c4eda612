/* The verdict: the paper's four restrictions (3.2.3), cover by foreign untyped memory, what joins
 * domains besides, the promises of Retype, and what there is to doubt.
 *
 * Each object is looked at once, with the domains that hold it gathered in time linear in its
 * edges.  Where many domains meet at one object, each of them gets a breach with one partner, not
 * one with each other: a thousand domains at one endpoint are a thousand breaches. */
#include "authority/conveys.h"
#include "authority/graph.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 256 }; /* breaches get their slots all, the first ones a path too */

struct check {
    const struct authority *a;
    bool strict;
    struct authority_verdict *v;
    size_t room;
    /* the domains that were gathered last, each with the edge that speaks for it */
    int32_t *edge;     /* by domain */
    uint32_t *stamp;   /* by domain: edge is of this round */
    uint32_t *told;    /* by domain: is in a breach of this round */
    int32_t *gathered; /* domains */
    uint32_t round, gathered_count;
    /* forests of shortest ways, edge by which a node was reached, -1: a beginning or not reached */
    int32_t *reached_by; /* by control, from the threads of the node's home */
    bool *joint;         /* by island: a breach says why domains are joined there */
    bool failed;
};

static bool breach_add(void *ctx, struct authority_breach b)
{
    struct check *c = ctx;
    if (c->failed)
        return false;
    struct authority_breach *grown =
        array_room(c->v->breach, c->v->count, &c->room, sizeof(*grown));
    if (!grown) {
        c->failed = true;
        free(b.path);
        return false;
    }
    c->v->breach = grown;
    c->v->breach[c->v->count++] = b;
    return true;
}

/* --- ways as witnesses --- */

/* From a thread along control to a node, then along one more edge; *steps is malloced. */
static uint32_t way_to(struct check *c, int32_t last, struct authority_step **steps)
{
    const struct authority *a = c->a;
    uint32_t length = 1;
    for (int32_t n = a->edges[last].from; c->reached_by[n] >= 0;
         n = a->edges[c->reached_by[n]].from)
        length++;
    *steps = malloc(length * sizeof(**steps));
    if (!*steps) {
        c->failed = true;
        return 0;
    }
    uint32_t at = length - 1;
    (*steps)[at] = (struct authority_step){last, false};
    for (int32_t n = a->edges[last].from; c->reached_by[n] >= 0;
         n = a->edges[c->reached_by[n]].from)
        (*steps)[--at] = (struct authority_step){c->reached_by[n], false};
    return length;
}

/* The same spread as that which gave each node its home. */
static enum error find_ways(struct check *c)
{
    const struct authority *a = c->a;
    uint32_t *queue = malloc((a->node_count + 1) * sizeof(*queue));
    bool *seen = calloc(a->node_count + 1, sizeof(*seen));
    uint32_t count = 0;
    for (uint32_t k = 0; queue && seen && k < a->state->thread_count; k++) {
        uint32_t i = (uint32_t)a->priv->by_addr[k];
        int32_t object = a->state->threads[i].object;
        if (authority_thread_counts(a, i) && !seen[object])
            seen[queue[count++] = (uint32_t)object] = true;
    }
    for (uint32_t head = 0; queue && seen && head < count; head++)
        for (uint32_t i = a->first_edge[queue[head]]; i < a->first_edge[queue[head] + 1]; i++) {
            const struct authority_edge *e = &a->edges[i];
            if (!authority_edge_reaches(e->kind) || seen[e->to] ||
                a->home[e->to] != a->home[e->from])
                continue;
            seen[queue[count++] = (uint32_t)e->to] = true;
            c->reached_by[e->to] = (int32_t)i;
        }
    enum error e = queue && seen ? ERR_OK : ERR_NO_MEMORY;
    free(queue);
    free(seen);
    return e;
}

/* --- the domains at an object --- */

static int32_t edge_domain(const struct check *c, const struct authority_edge *e)
{
    int32_t d = c->a->home[e->from];
    return authority_domain_counts(c->a, d, c->strict) ? d : -1;
}

static bool lies_in_tcb(const struct check *c, const struct authority_edge *e)
{
    return e->slot >= 0 && c->a->state->objects[e->from].type == RECORD_CAP_TCB;
}

typedef bool (*edge_filter)(const struct check *c, const struct authority_edge *e);

static bool filter_control(const struct check *c, const struct authority_edge *e)
{
    (void)c;
    return e->kind == AUTHORITY_CONTROL || e->kind == AUTHORITY_TABLE;
}

static bool filter_command(const struct check *c, const struct authority_edge *e)
{
    (void)c;
    return e->kind == AUTHORITY_CONTROL || e->kind == AUTHORITY_REPLY_GRANT;
}

static bool filter_any(const struct check *c, const struct authority_edge *e)
{
    (void)c;
    return e->kind != AUTHORITY_COVER && e->kind != AUTHORITY_DESTROY;
}

static bool has(const struct check *c, int32_t domain)
{
    return c->stamp[domain] == c->round;
}

/* By domain the edge that best shows that it holds the object: a thread's own root first. */
static void gather(struct check *c, int32_t object, edge_filter filter)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(c->a, object, &count);
    c->round++;
    c->gathered_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &c->a->edges[edges[i]];
        int32_t d = edge_domain(c, e);
        if (d < 0 || !filter(c, e))
            continue;
        if (!has(c, d))
            c->gathered[c->gathered_count++] = d;
        else if (!lies_in_tcb(c, e) || lies_in_tcb(c, &c->a->edges[c->edge[d]]))
            continue;
        c->stamp[d] = c->round;
        c->edge[d] = (int32_t)edges[i];
    }
}

/* A breach between the domain of this edge and another. */
static void breach_by(struct check *c, enum authority_breach_kind kind, int32_t by, int32_t other,
                      int32_t object, int32_t slot_b)
{
    const struct authority_edge *e = &c->a->edges[by];
    struct authority_breach b = authority_breach_make(kind);
    int32_t island = authority_island(c->a, e->from, c->strict);
    b.domain_a = edge_domain(c, e);
    b.domain_b = other;
    b.object = object;
    b.slot_a = e->slot;
    b.slot_b = slot_b;
    if (c->v->count < PATHS_MAX)
        b.path_count = way_to(c, by, &b.path);
    if (island >= 0 && kind != AUTHORITY_BREACH_FOREIGN_COVER)
        c->joint[island] = true;
    breach_add(c, b);
}

/* --- one object held by two domains --- */

static enum authority_breach_kind sharing_kind(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_CNODE:
    case RECORD_CAP_ZOMBIE:
        return AUTHORITY_BREACH_SHARED_CNODE;
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_ASID_POOL:
    case RECORD_CAP_IO_TABLE:
    case RECORD_CAP_EPT_TABLE:
    case RECORD_CAP_EPT_ROOT:
        return AUTHORITY_BREACH_SHARED_TABLE;
    default:
        return AUTHORITY_BREACH_SHARED_CONTROL;
    }
}

/* Whose it is: a thread runs in it, it is at home there, or the first. */
static int32_t owner_among(const struct check *c, int32_t object)
{
    int32_t owner = c->gathered[0];
    for (uint32_t i = 0; i < c->gathered_count; i++)
        owner = c->gathered[i] < owner ? c->gathered[i] : owner;
    if (c->a->home[object] >= 0 && has(c, c->a->home[object]))
        owner = c->a->home[object];
    for (uint32_t i = 0; i < c->gathered_count; i++)
        if (lies_in_tcb(c, &c->a->edges[c->edge[c->gathered[i]]]) &&
            !lies_in_tcb(c, &c->a->edges[c->edge[owner]]))
            owner = c->gathered[i];
    return owner;
}

/* The domain that only borrows the object (from its CSpace) comes first, as the one at fault. */
static void sharing_breach(struct check *c, int32_t object, int32_t owner, int32_t other)
{
    const struct authority_edge *x = &c->a->edges[c->edge[owner]];
    const struct authority_edge *y = &c->a->edges[c->edge[other]];
    bool both = lies_in_tcb(c, x) && lies_in_tcb(c, y);
    bool borrows = lies_in_tcb(c, x) && !lies_in_tcb(c, y);
    enum authority_breach_kind kind =
        both ? AUTHORITY_BREACH_APPLICATION : sharing_kind(c->a->state->objects[object].type);
    if (borrows)
        breach_by(c, kind, c->edge[other], owner, object, x->slot);
    else
        breach_by(c, kind, c->edge[owner], other, object, y->slot);
}

static void check_sharing(struct check *c, int32_t object)
{
    if (!authority_type_is_exclusive(c->a->state->objects[object].type))
        return;
    gather(c, object, filter_control);
    if (c->gathered_count < 2)
        return;
    int32_t owner = owner_among(c, object);
    for (uint32_t i = 0; i < c->gathered_count; i++)
        if (c->gathered[i] != owner)
            sharing_breach(c, object, owner, c->gathered[i]);
}

/* --- threads --- */

static void check_thread(struct check *c, uint32_t thread)
{
    const struct authority *a = c->a;
    int32_t theirs = a->thread_domain[thread];
    if (!authority_thread_counts(a, thread) || theirs < 0)
        return;
    bool manager = !authority_domain_counts(a, theirs, c->strict);
    int32_t object = a->state->threads[thread].object;
    gather(c, object, filter_command);
    for (uint32_t i = 0; i < c->gathered_count; i++) {
        int32_t d = c->gathered[i];
        bool reply = a->edges[c->edge[d]].kind == AUTHORITY_REPLY_GRANT;
        if (d != theirs)
            breach_by(c,
                      manager ? AUTHORITY_BREACH_MANAGER
                      : reply ? AUTHORITY_BREACH_REPLY_CHANNEL
                              : AUTHORITY_BREACH_FOREIGN_TCB,
                      c->edge[d], theirs, object, -1);
    }
}

/* Domains that hold the CSpace root or directory of a manager's thread. */
static void check_manager_root(struct check *c, int32_t node, int32_t theirs)
{
    gather(c, node, filter_control);
    for (uint32_t i = 0; i < c->gathered_count; i++)
        breach_by(c, AUTHORITY_BREACH_MANAGER, c->edge[c->gathered[i]], theirs, node, -1);
}

static enum error check_manager_roots(struct check *c)
{
    const struct authority *a = c->a;
    bool *seen = calloc(a->node_count + 1, sizeof(*seen));
    for (uint32_t i = 0; seen && i < a->state->thread_count; i++) {
        int32_t theirs = a->thread_domain[i];
        if (!authority_thread_counts(a, i) || theirs < 0 ||
            authority_domain_counts(a, theirs, c->strict))
            continue;
        int32_t roots[] = {capstate_thread_cspace(a->state, (int32_t)i),
                           capstate_thread_vspace(a->state, (int32_t)i)};
        for (size_t k = 0; k < sizeof(roots) / sizeof(*roots); k++)
            if (roots[k] >= 0 && !seen[roots[k]]) {
                seen[roots[k]] = true;
                check_manager_root(c, roots[k], theirs);
            }
    }
    enum error e = seen ? ERR_OK : ERR_NO_MEMORY;
    free(seen);
    return e;
}

/* --- endpoints --- */

/* The first edge in one of these roles whose domain is not `but`; -1. */
static int32_t first_in_role(const struct check *c, int32_t endpoint, uint32_t roles, int32_t but)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(c->a, endpoint, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &c->a->edges[edges[i]];
        int32_t d = edge_domain(c, e);
        bool plain = e->kind == AUTHORITY_WRITE || e->kind == AUTHORITY_READ;
        if (plain && d >= 0 && d != but && (e->role & roles))
            return (int32_t)edges[i];
    }
    return -1;
}

/* Those who send (or call) and those who receive at an endpoint, and for each the first two of
 * different domains, so that everybody finds a partner that is not itself. */
struct way {
    uint32_t sender, receiver; /* roles */
    int32_t senders[2], receivers[2];
};

static int32_t second_in_role(const struct check *c, int32_t endpoint, uint32_t role, int32_t first)
{
    return first < 0 ? -1 : first_in_role(c, endpoint, role, edge_domain(c, &c->a->edges[first]));
}

static void way_find(const struct check *c, int32_t endpoint, struct way *w)
{
    w->senders[0] = first_in_role(c, endpoint, w->sender, -1);
    w->senders[1] = second_in_role(c, endpoint, w->sender, w->senders[0]);
    w->receivers[0] = first_in_role(c, endpoint, w->receiver, -1);
    w->receivers[1] = second_in_role(c, endpoint, w->receiver, w->receivers[0]);
}

static int32_t partner_of(const struct check *c, const int32_t candidates[2], int32_t domain)
{
    for (int k = 0; k < 2; k++)
        if (candidates[k] >= 0 && edge_domain(c, &c->a->edges[candidates[k]]) != domain)
            return candidates[k];
    return -1;
}

static void channel_breach(struct check *c, int32_t endpoint, int32_t sender, int32_t receiver)
{
    const struct authority_edge *x = &c->a->edges[sender];
    const struct authority_edge *y = &c->a->edges[receiver];
    c->told[edge_domain(c, x)] = c->told[edge_domain(c, y)] = c->round;
    breach_by(c, AUTHORITY_BREACH_GRANT_CHANNEL, sender, edge_domain(c, y), endpoint, y->slot);
}

static void check_way(struct check *c, int32_t endpoint, struct way w)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(c->a, endpoint, &count);
    way_find(c, endpoint, &w);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &c->a->edges[edges[i]];
        int32_t d = edge_domain(c, e);
        bool plain = e->kind == AUTHORITY_WRITE || e->kind == AUTHORITY_READ;
        if (!plain || d < 0 || c->told[d] == c->round)
            continue;
        int32_t receiver = e->role & w.sender ? partner_of(c, w.receivers, d) : -1;
        int32_t sender = e->role & w.receiver ? partner_of(c, w.senders, d) : -1;
        if (receiver >= 0)
            channel_breach(c, endpoint, (int32_t)edges[i], receiver);
        else if (sender >= 0)
            channel_breach(c, endpoint, sender, (int32_t)edges[i]);
    }
}

static void check_channel(struct check *c, int32_t endpoint)
{
    if (authority_conveys(c->a->state->objects[endpoint].type) != CONVEYS_CHANNEL)
        return;
    c->round++;
    check_way(c, endpoint, (struct way){.sender = ROLE_SEND_GRANT, .receiver = ROLE_RECEIVE});
    check_way(c, endpoint, (struct way){.sender = ROLE_CALL_REPLY, .receiver = ROLE_RECEIVE_GRANT});
}

/* --- untyped cover --- */

enum { COVER_HOLDERS = 3 }; /* of an untyped: more share it, which is a breach of its own */

struct cover {
    int32_t by;     /* edge to the untyped */
    int32_t object; /* foreign object in it */
    int32_t domain; /* whose */
    int32_t slot;   /* their capability to it; -1: they hold none */
};

struct covers {
    struct cover *cover;
    uint32_t count;
    size_t room;
    int32_t (*holder)[COVER_HOLDERS]; /* by node: edges of the first domains that hold it, -1 */
};

static void find_untyped_holders(struct check *c, struct covers *k)
{
    for (uint32_t n = 0; n < c->a->node_count; n++) {
        for (int i = 0; i < COVER_HOLDERS; i++)
            k->holder[n][i] = -1;
        if (c->a->state->objects[n].type != RECORD_CAP_UNTYPED)
            continue;
        gather(c, (int32_t)n, filter_control);
        for (uint32_t i = 0; i < c->gathered_count && i < COVER_HOLDERS; i++)
            k->holder[n][i] = c->edge[c->gathered[i]];
    }
}

static void cover_add(struct check *c, struct covers *k, struct cover cover)
{
    struct cover *grown = array_room(k->cover, k->count, &k->room, sizeof(*grown));
    c->failed |= !grown;
    if (!grown)
        return;
    k->cover = grown;
    k->cover[k->count++] = cover;
}

static bool domain_is_lower(const struct check *c, const struct covers *k, int32_t below,
                            int32_t upto, int32_t domain)
{
    for (int32_t u = below; u != upto; u = c->a->enclosing[u])
        for (int i = 0; i < COVER_HOLDERS && k->holder[u][i] >= 0; i++)
            if (edge_domain(c, &c->a->edges[k->holder[u][i]]) == domain)
                return true;
    return false;
}

/* An object that its own domain shares with the untyped's holder is the holder's too; but nobody
 * borrows what acts or holds. The nearest untyped of a domain stands for those around it. */
static void cover_object(struct check *c, struct covers *k, int32_t object, int32_t domain,
                         int32_t slot)
{
    bool entity = authority_type_is_entity(c->a->state->objects[object].type);
    int32_t below = c->a->enclosing[object];
    for (int32_t u = below; u >= 0; u = c->a->enclosing[u])
        for (int i = 0; i < COVER_HOLDERS && k->holder[u][i] >= 0; i++) {
            int32_t d = edge_domain(c, &c->a->edges[k->holder[u][i]]);
            if (d != domain && (entity || !has(c, d)) && !domain_is_lower(c, k, below, u, d))
                cover_add(c, k, (struct cover){k->holder[u][i], object, domain, slot});
        }
}

/* Whose an object is that acts or holds, though nobody but a manager has a capability to it. */
static int32_t entity_owner(const struct check *c, int32_t object)
{
    int32_t thread = capstate_thread_of(c->a->state, object);
    int32_t d = thread >= 0 ? c->a->thread_domain[thread] : c->a->home[object];
    bool counts =
        authority_domain_counts(c->a, d, c->strict) || (d >= 0 && c->a->priv->manager[object]);
    return counts ? d : -1;
}

static void check_cover(struct check *c, struct covers *k, int32_t object)
{
    uint32_t type = c->a->state->objects[object].type;
    if (c->a->enclosing[object] < 0 || type == RECORD_CAP_UNTYPED)
        return;
    gather(c, object, filter_any);
    if (authority_type_is_entity(type)) {
        int32_t d = entity_owner(c, object);
        if (d >= 0)
            cover_object(c, k, object, d, has(c, d) ? c->a->edges[c->edge[d]].slot : -1);
        return;
    }
    for (uint32_t i = 0; i < c->gathered_count; i++) {
        int32_t d = c->gathered[i];
        cover_object(c, k, object, d, c->a->edges[c->edge[d]].slot);
    }
}

/* By untyped and its holder, then whose objects, then the lowest of them. */
static int cover_compare(const void *pa, const void *pb)
{
    const struct cover *a = pa;
    const struct cover *b = pb;
    int32_t key[3][2] = {{a->by, b->by}, {a->domain, b->domain}, {a->object, b->object}};
    for (int i = 0; i < 3; i++)
        if (key[i][0] != key[i][1])
            return key[i][0] < key[i][1] ? -1 : 1;
    return 0;
}

/* One breach for each untyped, its holder and the domain whose objects it covers. */
static void cover_breaches(struct check *c, const struct covers *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        const struct cover *o = &k->cover[i];
        int32_t island = authority_island(c->a, c->a->edges[o->by].from, c->strict);
        if (island >= 0 && authority_type_is_entity(c->a->state->objects[o->object].type))
            c->joint[island] = true;
        if (i > 0 && o->by == o[-1].by && o->domain == o[-1].domain)
            continue;
        uint32_t before = c->v->count;
        breach_by(c, AUTHORITY_BREACH_FOREIGN_COVER, o->by, o->domain, c->a->edges[o->by].to,
                  o->slot);
        if (c->v->count > before)
            c->v->breach[before].object_b = o->object;
    }
}

static enum error check_covers(struct check *c)
{
    struct covers k = {0};
    k.holder = malloc((c->a->node_count + 1) * sizeof(*k.holder));
    if (!k.holder)
        return ERR_NO_MEMORY;
    find_untyped_holders(c, &k);
    for (uint32_t n = 0; n < c->a->node_count; n++)
        check_cover(c, &k, (int32_t)n);
    if (k.count)
        qsort(k.cover, k.count, sizeof(*k.cover), cover_compare);
    cover_breaches(c, &k);
    free(k.cover);
    free(k.holder);
    return ERR_OK;
}

/* --- islands --- */

/* Threads that are compared, by island, then by domain, then by address. */
struct member {
    int32_t island, domain, thread;
};

static int member_compare(const void *pa, const void *pb)
{
    const struct member *a = pa;
    const struct member *b = pb;
    int32_t key[3][2] = {{a->island, b->island}, {a->domain, b->domain}, {a->thread, b->thread}};
    for (int i = 0; i < 3; i++)
        if (key[i][0] != key[i][1])
            return key[i][0] < key[i][1] ? -1 : 1;
    return 0;
}

/* The thread's place among the addresses stands for it, so that order is that of addresses. */
static uint32_t find_members(struct check *c, struct member *members)
{
    const struct authority *a = c->a;
    uint32_t count = 0;
    for (uint32_t k = 0; k < a->state->thread_count; k++) {
        uint32_t i = (uint32_t)a->priv->by_addr[k];
        if (!authority_thread_counts(a, i))
            continue;
        if (!authority_domain_counts(a, a->thread_domain[i], c->strict)) {
            c->v->managers++;
            continue;
        }
        members[count++] =
            (struct member){authority_island(a, a->state->threads[i].object, c->strict),
                            a->thread_domain[i], (int32_t)k};
    }
    qsort(members, count, sizeof(*members), member_compare);
    c->v->threads = count;
    return count;
}

/* One way from the first thread of each island to every other node of it. */
struct tour {
    int32_t *by; /* place -> edge by which it was reached, -1 */
    uint32_t *queue;
    bool *seen, *backwards;
    uint32_t count;
};

static void tour_reach(struct tour *t, uint32_t place, uint32_t edge, bool backwards)
{
    if (t->seen[place])
        return;
    t->seen[place] = true;
    t->by[place] = (int32_t)edge;
    t->backwards[place] = backwards;
    t->queue[t->count++] = place;
}

static bool tour_takes(const struct check *c, const struct authority_edge *e)
{
    return authority_edge_gains(e->kind) && authority_edge_counts(e, c->strict);
}

static void tour_expand(const struct check *c, struct tour *t, uint32_t place)
{
    const struct authority *a = c->a;
    uint32_t node = authority_place_node(a, place);
    uint32_t count;
    const uint32_t *back = authority_edges_to(a, (int32_t)node, &count);
    for (uint32_t i = a->first_edge[node]; i < a->first_edge[node + 1]; i++) {
        const struct authority_edge *e = &a->edges[i];
        if (tour_takes(c, e) && authority_walk_from(a, e, false) == place)
            tour_reach(t, authority_walk_to(a, e, false), i, false);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[back[i]];
        if (tour_takes(c, e) && authority_walk_from(a, e, true) == place)
            tour_reach(t, authority_walk_to(a, e, true), back[i], true);
    }
}

static int32_t member_node(const struct check *c, const struct member *m)
{
    return c->a->state->threads[c->a->priv->by_addr[m->thread]].object;
}

static void tour_islands(const struct check *c, struct tour *t, const struct member *members,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || members[i].island != members[i - 1].island) {
            int32_t node = member_node(c, &members[i]);
            if (!t->seen[node]) {
                t->seen[node] = true;
                t->by[node] = -1;
                t->queue[t->count++] = (uint32_t)node;
            }
        }
    for (uint32_t head = 0; head < t->count; head++)
        tour_expand(c, t, t->queue[head]);
}

static uint32_t tour_before(const struct check *c, const struct tour *t, uint32_t place)
{
    return authority_walk_from(c->a, &c->a->edges[t->by[place]], t->backwards[place]);
}

static void tour_path(struct check *c, const struct tour *t, uint32_t node,
                      struct authority_breach *b)
{
    uint32_t length = 0;
    for (uint32_t p = node; t->by[p] >= 0; p = tour_before(c, t, p))
        length++;
    b->path = malloc((length + 1) * sizeof(*b->path));
    if (!b->path) {
        c->failed = true;
        return;
    }
    b->path_count = length;
    for (uint32_t p = node; t->by[p] >= 0; p = tour_before(c, t, p))
        b->path[--length] = (struct authority_step){t->by[p], t->backwards[p]};
}

/* Several domains in one island: what follows from the breaches there, or one if there is none. */
static void merged_breach(struct check *c, const struct tour *t, const struct member *first,
                          const struct member *second, uint32_t domains)
{
    struct authority_breach b = authority_breach_make(AUTHORITY_BREACH_MERGED);
    b.domain_a = first->domain;
    b.domain_b = second->domain;
    b.further = domains - 2;
    if (first->island >= 0 && c->joint[first->island])
        b.weight = AUTHORITY_NOTE;
    if (c->v->count < PATHS_MAX)
        tour_path(c, t, (uint32_t)member_node(c, second), &b);
    breach_add(c, b);
}

static void merged_breaches(struct check *c, const struct tour *t, const struct member *m,
                            uint32_t count)
{
    for (uint32_t i = 0, end; i < count; i = end) {
        uint32_t domains = 1;
        uint32_t second = i;
        for (end = i + 1; end < count && m[end].island == m[i].island; end++)
            if (m[end].domain != m[end - 1].domain) {
                second = domains == 1 ? end : second;
                domains++;
            }
        if (domains > 1 && m[i].island >= 0)
            merged_breach(c, t, &m[i], &m[second], domains);
    }
}

static int by_domain(const void *pa, const void *pb)
{
    const struct member *a = pa;
    const struct member *b = pb;
    if (a->domain != b->domain)
        return a->domain < b->domain ? -1 : 1;
    return (a->island > b->island) - (a->island < b->island);
}

/* Domains that are one by name only, and how many domains there are. */
static void split_domains(struct check *c, struct member *m, uint32_t count)
{
    qsort(m, count, sizeof(*m), by_domain);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i > 0 && m[i].domain == m[i - 1].domain;
        c->v->domains += !same;
        if (!same || m[i].island == m[i - 1].island || c->told[m[i].domain] == UINT32_MAX)
            continue;
        struct authority_breach b = authority_breach_make(AUTHORITY_BREACH_SPLIT);
        c->told[m[i].domain] = UINT32_MAX;
        b.domain_a = b.domain_b = m[i].domain;
        b.object = member_node(c, &m[i - 1]);
        b.object_b = member_node(c, &m[i]);
        breach_add(c, b);
    }
}

static enum error check_islands(struct check *c)
{
    size_t places = authority_walk_places(c->a) + 1;
    struct tour t = {.by = malloc(places * sizeof(*t.by)),
                     .queue = malloc(places * sizeof(*t.queue)),
                     .seen = calloc(places, sizeof(*t.seen)),
                     .backwards = calloc(places, sizeof(*t.backwards))};
    struct member *members = malloc((c->a->state->thread_count + 1) * sizeof(*members));
    enum error e = ERR_NO_MEMORY;
    if (t.by && t.queue && t.seen && t.backwards && members) {
        uint32_t count = find_members(c, members);
        tour_islands(c, &t, members, count);
        merged_breaches(c, &t, members, count);
        split_domains(c, members, count);
        e = ERR_OK;
    }
    free(t.by);
    free(t.queue);
    free(t.seen);
    free(t.backwards);
    free(members);
    return e;
}

/* --- doubts --- */

static bool slot_doubt(authority_breach_fn add, void *ctx, enum authority_breach_kind kind,
                       uint32_t slot)
{
    struct authority_breach b = authority_breach_make(kind);
    b.slot_a = (int32_t)slot;
    return add(ctx, b);
}

static bool finding_doubt(authority_breach_fn add, void *ctx, uint32_t finding)
{
    struct authority_breach b = authority_breach_make(AUTHORITY_BREACH_FINDING);
    b.finding = (int32_t)finding;
    return add(ctx, b);
}

/* `add` takes each doubt, until it says false. */
static void each_doubt(const struct capstate *s, authority_breach_fn add, void *ctx)
{
    bool more = s->end.complete || add(ctx, authority_breach_make(AUTHORITY_BREACH_INCOMPLETE));
    for (uint32_t i = 0; more && i < s->finding_count; i++)
        more = finding_doubt(add, ctx, i);
    for (uint32_t i = 0; more && i < s->slot_count; i++) {
        if (s->slots[i].rec.type == RECORD_CAP_INVALID)
            more = slot_doubt(add, ctx, AUTHORITY_BREACH_INVALID, i);
        else if (!authority_knows_type(s->slots[i].rec.type))
            more = slot_doubt(add, ctx, AUTHORITY_BREACH_STRANGE, i);
    }
}

static bool take_first(void *ctx, struct authority_breach b)
{
    *(const char **)ctx = authority_breach_sentence(b.kind);
    return false;
}

const char *authority_doubt(const struct authority *a)
{
    const char *sentence = NULL;
    each_doubt(a->state, take_first, &sentence);
    return sentence;
}

/* --- */

static enum error check_all(struct check *c)
{
    const struct authority *a = c->a;
    for (uint32_t n = 0; n < a->node_count; n++)
        check_sharing(c, (int32_t)n);
    for (uint32_t n = 0; n < a->node_count; n++)
        check_channel(c, (int32_t)n);
    for (uint32_t t = 0; t < a->state->thread_count; t++)
        check_thread(c, t);
    enum error e = check_manager_roots(c);
    if (e == ERR_OK)
        e = check_covers(c);
    if (e == ERR_OK)
        e = check_islands(c);
    if (e == ERR_OK)
        e = authority_check_retype(a, breach_add, c);
    each_doubt(a->state, breach_add, c);
    return c->failed ? ERR_NO_MEMORY : e;
}

static bool check_begin(struct check *c)
{
    size_t domains = c->a->domain_count + 1;
    size_t nodes = c->a->node_count + 1;
    c->edge = malloc(domains * sizeof(*c->edge));
    c->stamp = calloc(domains, sizeof(*c->stamp));
    c->told = calloc(domains, sizeof(*c->told));
    c->gathered = malloc(domains * sizeof(*c->gathered));
    c->reached_by = malloc(nodes * sizeof(*c->reached_by));
    c->joint = calloc(nodes, sizeof(*c->joint));
    if (!c->edge || !c->stamp || !c->told || !c->gathered || !c->reached_by || !c->joint)
        return false;
    memset(c->reached_by, 0xff, nodes * sizeof(*c->reached_by));
    return find_ways(c) == ERR_OK;
}

static void check_end(struct check *c)
{
    free(c->edge);
    free(c->stamp);
    free(c->told);
    free(c->gathered);
    free(c->reached_by);
    free(c->joint);
}

static void count_weights(struct authority_verdict *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        v->breaches += v->breach[i].weight == AUTHORITY_BREACH;
        v->doubts += v->breach[i].weight == AUTHORITY_DOUBT;
        v->notes += v->breach[i].weight == AUTHORITY_NOTE;
    }
}

enum error authority_check(const struct authority *a, bool strict, struct authority_verdict *out)
{
    struct authority_verdict v = {0};
    struct check c = {.a = a, .strict = strict, .v = &v};
    enum error e = check_begin(&c) ? check_all(&c) : ERR_NO_MEMORY;
    check_end(&c);
    if (e != ERR_OK) {
        authority_verdict_free(&v);
        return e;
    }
    count_weights(&v);
    *out = v;
    return ERR_OK;
}

void authority_verdict_free(struct authority_verdict *v)
{
    for (uint32_t i = 0; i < v->count; i++)
        free(v->breach[i].path);
    free(v->breach);
    *v = (struct authority_verdict){0};
}
