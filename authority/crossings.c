/* What passes between domains, pair by pair: see policy.h.
 *
 * The rules are those of the verdict (check.c), told for every pair instead of one partner for each
 * domain: each breach between domains has a crossing, and so has each flow that is no breach. Facts
 * are gathered object by object, then sorted and added up.  What is the same authority in another
 * moment is one crossing: a reply that is due counts as the call it answers. */
#include "authority/conveys.h"
#include "authority/graph.h"
#include "authority/policy.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

/* One object over which `from` has authority that concerns `to`. */
struct fact {
    int32_t from, to;
    enum policy_verb verb;
    uint32_t type;
    int32_t object; /* -1: adds nothing to what others amount to */
    int32_t edge_a, edge_b;
    uint64_t amount;
};

/* What a domain can do at the object that is looked at; the edges are the first that show it. */
struct can {
    int32_t domain;
    uint32_t roles;
    int32_t writes, reads, controls, commands, answers, replies, any;
};

enum { COVER_HOLDERS = 3 }; /* of one untyped: more share it, which is a crossing of its own */

struct gathering {
    const struct authority *a;
    bool strict;
    struct fact *fact;
    size_t count, room;
    struct can *can; /* at the object of this round */
    uint32_t cans;
    uint32_t *place; /* by domain: its index in can, if stamp is of this round */
    uint32_t *stamp;
    uint32_t round;
    int32_t (*holder)[COVER_HOLDERS]; /* by node: edges by which domains hold this untyped, -1 */
    bool failed;
};

static void fact_add(struct gathering *g, struct fact f)
{
    if (g->failed || f.from < 0 || f.to < 0 || f.from == f.to)
        return;
    struct fact *grown = array_room(g->fact, g->count, &g->room, sizeof(*grown));
    g->failed |= !grown;
    if (!grown)
        return;
    g->fact = grown;
    g->fact[g->count++] = f;
}

static bool counts(const struct gathering *g, int32_t domain)
{
    return authority_domain_counts(g->a, domain, g->strict);
}

static uint64_t amount_of(const struct capstate_object *o)
{
    return o->type == RECORD_CAP_FRAME ? (uint64_t)1 << (o->bits & 63) : 1;
}

static void object_fact(struct gathering *g, enum policy_verb verb, const struct can *from,
                        int32_t to, int32_t object, int32_t edge_a, int32_t edge_b)
{
    const struct capstate_object *o = &g->a->state->objects[object];
    fact_add(g,
             (struct fact){from->domain, to, verb, o->type, object, edge_a, edge_b, amount_of(o)});
}

/* --- the domains at an object --- */

static struct can *can_of(struct gathering *g, int32_t domain)
{
    if (g->stamp[domain] != g->round) {
        g->stamp[domain] = g->round;
        g->place[domain] = g->cans;
        g->can[g->cans++] = (struct can){domain, 0, -1, -1, -1, -1, -1, -1, -1};
    }
    return &g->can[g->place[domain]];
}

static void note(int32_t *first, int32_t edge)
{
    if (*first < 0)
        *first = edge;
}

static void take_edge(struct gathering *g, struct can *c, int32_t edge)
{
    const struct authority_edge *e = &g->a->edges[edge];
    bool reply = e->slot >= 0 && g->a->state->slots[e->slot].rec.type == RECORD_CAP_REPLY;
    if (e->kind == AUTHORITY_WRITE && reply)
        note(&c->answers, edge);
    else if (e->kind == AUTHORITY_WRITE)
        note(&c->writes, edge);
    if (e->kind == AUTHORITY_READ)
        note(&c->reads, edge);
    if (e->kind == AUTHORITY_CONTROL || e->kind == AUTHORITY_TABLE)
        note(&c->controls, edge);
    if (e->kind == AUTHORITY_CONTROL)
        note(&c->commands, edge);
    if (e->kind == AUTHORITY_REPLY_GRANT)
        note(&c->replies, edge);
    if (e->kind == AUTHORITY_WRITE || e->kind == AUTHORITY_READ)
        c->roles |= e->role;
    note(&c->any, edge);
}

static void look_at(struct gathering *g, int32_t object)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(g->a, object, &count);
    g->round++;
    g->cans = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &g->a->edges[edges[i]];
        int32_t d = g->a->home[e->from];
        if (counts(g, d) && e->kind != AUTHORITY_COVER && e->kind != AUTHORITY_DESTROY)
            take_edge(g, can_of(g, d), (int32_t)edges[i]);
    }
}

static bool is_here(const struct gathering *g, int32_t domain)
{
    return g->stamp[domain] == g->round;
}

/* --- flow, and capabilities through endpoints --- */

static void channel_pair(struct gathering *g, int32_t object, const struct can *from,
                         const struct can *to)
{
    bool message = (from->roles & ROLE_SEND_GRANT) && (to->roles & ROLE_RECEIVE);
    bool answer = (from->roles & ROLE_CALL_REPLY) && (to->roles & ROLE_RECEIVE_GRANT);
    enum policy_verb verb = from->roles & ROLE_CALL_REPLY ? POLICY_CALL : POLICY_SEND;
    if (from->writes >= 0 && to->reads >= 0)
        object_fact(g, verb, from, to->domain, object, from->writes, to->reads);
    if (message)
        object_fact(g, POLICY_GRANT, from, to->domain, object, from->writes, to->reads);
    if (answer)
        object_fact(g, POLICY_GRANT, to, from->domain, object, to->reads, from->writes);
}

static void pair(struct gathering *g, int32_t object, const struct can *from, const struct can *to)
{
    uint32_t type = g->a->state->objects[object].type;
    if (authority_conveys(type) == CONVEYS_CHANNEL)
        channel_pair(g, object, from, to);
    else if (from->writes >= 0 && to->reads >= 0)
        object_fact(g, type == RECORD_CAP_NOTIFICATION ? POLICY_SIGNAL : POLICY_WRITE, from,
                    to->domain, object, from->writes, to->reads);
}

/* Everything between two domains needs one that writes. */
static void flow_facts(struct gathering *g, int32_t object)
{
    for (uint32_t i = 0; i < g->cans; i++)
        for (uint32_t k = 0; g->can[i].writes >= 0 && k < g->cans; k++)
            if (i != k)
                pair(g, object, &g->can[i], &g->can[k]);
}

/* --- control --- */

/* Of those who hold the same, the one at home there, else the lowest name, stands for the others.
 */
static uint32_t owner_among(const struct gathering *g, int32_t object)
{
    int32_t home = g->a->home[object];
    uint32_t owner = UINT32_MAX;
    if (home >= 0 && is_here(g, home) && g->can[g->place[home]].controls >= 0)
        return g->place[home];
    for (uint32_t i = 0; i < g->cans; i++)
        if (g->can[i].controls >= 0 &&
            (owner == UINT32_MAX || strcmp(g->a->domains[g->can[i].domain].name,
                                           g->a->domains[g->can[owner].domain].name) < 0))
            owner = i;
    return owner;
}

static void share_facts(struct gathering *g, int32_t object)
{
    if (!authority_type_is_exclusive(g->a->state->objects[object].type))
        return;
    uint32_t owner = owner_among(g, object);
    for (uint32_t i = 0; i < g->cans; i++)
        if (i != owner && g->can[i].controls >= 0)
            object_fact(g, POLICY_SHARE, &g->can[i], g->can[owner].domain, object,
                        g->can[i].controls, g->can[owner].controls);
}

/* A reply that is due: the endpoint it came through is not told, so it adds to no amount. */
static void reply_fact(struct gathering *g, enum policy_verb verb, int32_t from, int32_t to,
                       int32_t edge)
{
    bool caller_counts = verb == POLICY_GRANT || counts(g, from);
    if (caller_counts)
        fact_add(g, (struct fact){from, to, verb, RECORD_CAP_ENDPOINT, -1, edge, -1, 0});
}

static void thread_facts(struct gathering *g, int32_t object)
{
    int32_t thread = capstate_thread_of(g->a->state, object);
    int32_t theirs = thread >= 0 ? g->a->thread_domain[thread] : -1;
    if (thread < 0 || theirs < 0 || !authority_thread_counts(g->a, (uint32_t)thread))
        return;
    for (uint32_t i = 0; i < g->cans; i++) {
        const struct can *c = &g->can[i];
        if (c->commands >= 0)
            object_fact(g, POLICY_CONTROL, c, theirs, object, c->commands, -1);
        if (c->replies >= 0)
            reply_fact(g, POLICY_GRANT, c->domain, theirs, c->replies);
        if (c->answers >= 0)
            reply_fact(g, POLICY_CALL, theirs, c->domain, c->answers);
    }
}

/* Domains that hold the CSpace root or directory of a manager's thread. */
static void manager_root(struct gathering *g, int32_t node, int32_t theirs)
{
    if (node < 0)
        return;
    look_at(g, node);
    for (uint32_t i = 0; i < g->cans; i++)
        if (g->can[i].controls >= 0)
            object_fact(g, POLICY_CONTROL, &g->can[i], theirs, node, g->can[i].controls, -1);
}

static void manager_roots(struct gathering *g)
{
    const struct authority *a = g->a;
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        int32_t theirs = a->thread_domain[i];
        if (!authority_thread_counts(a, i) || theirs < 0 || counts(g, theirs))
            continue;
        manager_root(g, capstate_thread_cspace(a->state, (int32_t)i), theirs);
        manager_root(g, capstate_thread_vspace(a->state, (int32_t)i), theirs);
    }
}

/* --- cover --- */

static void find_untyped_holders(struct gathering *g)
{
    for (uint32_t n = 0; n < g->a->node_count; n++) {
        uint32_t kept = 0;
        for (int i = 0; i < COVER_HOLDERS; i++)
            g->holder[n][i] = -1;
        if (g->a->state->objects[n].type != RECORD_CAP_UNTYPED)
            continue;
        look_at(g, (int32_t)n);
        for (uint32_t i = 0; i < g->cans && kept < COVER_HOLDERS; i++)
            if (g->can[i].controls >= 0)
                g->holder[n][kept++] = g->can[i].controls;
    }
}

static bool holds_lower(const struct gathering *g, int32_t below, int32_t upto, int32_t domain)
{
    for (int32_t u = below; u != upto; u = g->a->enclosing[u])
        for (int i = 0; i < COVER_HOLDERS && g->holder[u][i] >= 0; i++)
            if (g->a->home[g->a->edges[g->holder[u][i]].from] == domain)
                return true;
    return false;
}

/* An object that its domain shares with the untyped's holder is the holder's too; but nobody
 * borrows what acts or holds. The nearest untyped of a domain stands for those around it. */
static void covered(struct gathering *g, int32_t object, int32_t domain, int32_t edge)
{
    bool entity = authority_type_is_entity(g->a->state->objects[object].type);
    int32_t below = g->a->enclosing[object];
    for (int32_t u = below; u >= 0; u = g->a->enclosing[u])
        for (int i = 0; i < COVER_HOLDERS && g->holder[u][i] >= 0; i++) {
            int32_t by = g->holder[u][i];
            struct can holder = {.domain = g->a->home[g->a->edges[by].from]};
            if (holder.domain != domain && (entity || !is_here(g, holder.domain)) &&
                !holds_lower(g, below, u, holder.domain))
                object_fact(g, POLICY_COVER, &holder, domain, u, by, edge);
        }
}

/* Whose an object is that acts or holds, though nobody but a manager has a capability to it. */
static int32_t entity_owner(const struct gathering *g, int32_t object)
{
    int32_t thread = capstate_thread_of(g->a->state, object);
    int32_t d = thread >= 0 ? g->a->thread_domain[thread] : g->a->home[object];
    return counts(g, d) || (d >= 0 && g->a->priv->manager[object]) ? d : -1;
}

static void cover_facts(struct gathering *g, int32_t object)
{
    uint32_t type = g->a->state->objects[object].type;
    if (g->a->enclosing[object] < 0 || type == RECORD_CAP_UNTYPED)
        return;
    if (authority_type_is_entity(type)) {
        int32_t d = entity_owner(g, object);
        if (d >= 0)
            covered(g, object, d, is_here(g, d) ? g->can[g->place[d]].any : -1);
        return;
    }
    for (uint32_t i = 0; i < g->cans; i++)
        covered(g, object, g->can[i].domain, g->can[i].any);
}

/* --- what only the island shows --- */

static enum error join_facts(struct gathering *g)
{
    struct authority_verdict v;
    enum error e = authority_check(g->a, g->strict, &v);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < v.count; i++) {
        const struct authority_breach *b = &v.breach[i];
        if (b->kind == AUTHORITY_BREACH_MERGED && b->weight == AUTHORITY_BREACH)
            fact_add(g, (struct fact){b->domain_b, b->domain_a, POLICY_JOIN, RECORD_CAP_NULL, -1,
                                      b->path_count ? b->path[0].edge : -1, -1, b->further + 1});
    }
    authority_verdict_free(&v);
    return ERR_OK;
}

/* --- adding up --- */

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Objects are in order of their addresses; -1 comes last. */
static int fact_compare(const void *pa, const void *pb, void *context)
{
    const struct authority *a = context;
    const struct fact *x = pa;
    const struct fact *y = pb;
    int o = strcmp(a->domains[x->from].name, a->domains[y->from].name);
    if (o == 0)
        o = order(x->verb, y->verb);
    if (o == 0)
        o = strcmp(a->domains[x->to].name, a->domains[y->to].name);
    if (o == 0)
        o = order(x->type, y->type);
    if (o == 0)
        o = order((uint32_t)x->object, (uint32_t)y->object);
    return o ? o : order((uint32_t)x->edge_a, (uint32_t)y->edge_a);
}

static bool same_crossing(const struct fact *a, const struct fact *b)
{
    return a->from == b->from && a->to == b->to && a->verb == b->verb && a->type == b->type;
}

static void add_up(const struct gathering *g, struct policy_crossings *out)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct fact *f = &g->fact[i];
        bool same = i > 0 && same_crossing(f, f - 1);
        if (same && f->object == f[-1].object)
            continue; /* by another way */
        if (!same)
            out->crossing[out->count++] = (struct policy_crossing){g->a->domains[f->from].name,
                                                                   g->a->domains[f->to].name,
                                                                   f->verb,
                                                                   f->type,
                                                                   0,
                                                                   f->object,
                                                                   f->edge_a,
                                                                   f->edge_b};
        out->crossing[out->count - 1].amount += f->amount;
    }
    for (uint32_t i = 0; i < out->count; i++)
        if (out->crossing[i].amount == 0)
            out->crossing[i].amount = 1;
}

static enum error settle(struct gathering *g, struct policy_crossings *out)
{
    out->crossing = calloc(g->count + 1, sizeof(*out->crossing));
    if (!out->crossing)
        return ERR_NO_MEMORY;
    if (g->count)
        qsort_r(g->fact, g->count, sizeof(*g->fact), fact_compare, (void *)(uintptr_t)g->a);
    add_up(g, out);
    return ERR_OK;
}

static enum error gather_all(struct gathering *g)
{
    find_untyped_holders(g);
    for (uint32_t n = 0; n < g->a->node_count; n++) {
        look_at(g, (int32_t)n);
        flow_facts(g, (int32_t)n);
        share_facts(g, (int32_t)n);
        if (g->a->state->objects[n].type == RECORD_CAP_TCB)
            thread_facts(g, (int32_t)n);
        cover_facts(g, (int32_t)n);
    }
    manager_roots(g);
    enum error e = join_facts(g);
    return g->failed ? ERR_NO_MEMORY : e;
}

enum error policy_crossings(const struct authority *a, bool strict, struct policy_crossings *out)
{
    size_t domains = a->domain_count + 1;
    struct gathering g = {.a = a, .strict = strict};
    *out = (struct policy_crossings){0};
    g.can = malloc(domains * sizeof(*g.can));
    g.place = calloc(domains, sizeof(*g.place));
    g.stamp = calloc(domains, sizeof(*g.stamp));
    g.holder = malloc((a->node_count + 1) * sizeof(*g.holder));
    enum error e = g.can && g.place && g.stamp && g.holder ? gather_all(&g) : ERR_NO_MEMORY;
    if (e == ERR_OK)
        e = settle(&g, out);
    free(g.can);
    free(g.place);
    free(g.stamp);
    free(g.holder);
    free(g.fact);
    return e;
}

void policy_crossings_free(struct policy_crossings *c)
{
    free(c->crossing);
    *c = (struct policy_crossings){0};
}
