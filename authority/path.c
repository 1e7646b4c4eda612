/* Shortest paths by breadth-first search over edges, and information that goes in one step. */
#include "authority/graph.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_REACHED = -1, STARTED = -2 };

struct search {
    const struct authority *a;
    enum authority_path_kind kind;
    bool strict;
    const bool *to;
    int32_t *by;     /* place -> edge by which it was reached */
    bool *backwards; /* place -> that edge was walked from its end */
    uint32_t *queue;
    uint32_t count;
    int32_t found;
};

/* Forwards along an edge: gains always; reading and writing only as the last step, since data is no
 * authority, unless it is information that is followed. */
static bool walks_forward(const struct search *s, const struct authority_edge *e)
{
    switch (s->kind) {
    case AUTHORITY_PATH_AUTHORITY:
        return authority_edge_gains(e->kind) || (e->kind != AUTHORITY_DESTROY && s->to[e->to]);
    case AUTHORITY_PATH_DESTROY:
        return authority_edge_gains(e->kind) || e->kind == AUTHORITY_DESTROY || s->to[e->to];
    case AUTHORITY_PATH_ISLAND:
        return authority_edge_gains(e->kind);
    case AUTHORITY_PATH_FLOW:
        return authority_edge_gains(e->kind) || e->kind == AUTHORITY_WRITE;
    }
    return false;
}

/* Within an island everything goes both ways, information too. */
static bool walks_backward(const struct search *s, const struct authority_edge *e)
{
    switch (s->kind) {
    case AUTHORITY_PATH_ISLAND:
        return authority_edge_gains(e->kind);
    case AUTHORITY_PATH_FLOW:
        return authority_edge_gains(e->kind) || e->kind == AUTHORITY_READ;
    default:
        return false;
    }
}

static void reach(struct search *s, uint32_t place, uint32_t edge, bool backwards)
{
    if (s->by[place] != NOT_REACHED || s->found >= 0)
        return;
    s->by[place] = (int32_t)edge;
    s->backwards[place] = backwards;
    s->queue[s->count++] = place;
    if (place < s->a->node_count && s->to[place])
        s->found = (int32_t)place;
}

static void expand(struct search *s, uint32_t place)
{
    const struct authority *a = s->a;
    uint32_t node = authority_place_node(a, place);
    uint32_t count;
    const uint32_t *back = authority_edges_to(a, (int32_t)node, &count);
    for (uint32_t i = a->first_edge[node]; i < a->first_edge[node + 1]; i++) {
        const struct authority_edge *e = &a->edges[i];
        if (authority_walk_from(a, e, false) == place && authority_edge_counts(e, s->strict) &&
            walks_forward(s, e))
            reach(s, authority_walk_to(a, e, false), i, false);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[back[i]];
        if (authority_walk_from(a, e, true) == place && authority_edge_counts(e, s->strict) &&
            walks_backward(s, e))
            reach(s, authority_walk_to(a, e, true), back[i], true);
    }
}

static void search_run(struct search *s, const bool *from)
{
    for (uint32_t p = 0; p < authority_walk_places(s->a); p++)
        s->by[p] = NOT_REACHED;
    for (uint32_t n = 0; n < s->a->node_count; n++) {
        if (!from[n])
            continue;
        s->by[n] = STARTED;
        s->queue[s->count++] = n;
        if (s->to[n] && s->found < 0)
            s->found = (int32_t)n;
    }
    for (uint32_t head = 0; head < s->count && s->found < 0; head++)
        expand(s, s->queue[head]);
}

static uint32_t step_origin(const struct search *s, uint32_t place)
{
    return authority_walk_from(s->a, &s->a->edges[s->by[place]], s->backwards[place]);
}

static enum error search_path(const struct search *s, struct authority_step **steps,
                              uint32_t *count)
{
    uint32_t length = 0;
    for (uint32_t p = (uint32_t)s->found; s->by[p] >= 0; p = step_origin(s, p))
        length++;
    struct authority_step *path = malloc((length + 1) * sizeof(*path));
    if (!path)
        return ERR_NO_MEMORY;
    uint32_t at = length;
    for (uint32_t p = (uint32_t)s->found; s->by[p] >= 0; p = step_origin(s, p))
        path[--at] = (struct authority_step){s->by[p], s->backwards[p]};
    *steps = path;
    *count = length;
    return ERR_OK;
}

enum error authority_path(const struct authority *a, const bool *from, const bool *to,
                          enum authority_path_kind kind, bool strict, struct authority_step **steps,
                          uint32_t *count)
{
    size_t places = authority_walk_places(a) + 1;
    struct search s = {.a = a, .kind = kind, .strict = strict, .to = to, .found = -1};
    s.by = malloc(places * sizeof(*s.by));
    s.backwards = calloc(places, sizeof(*s.backwards));
    s.queue = malloc(places * sizeof(*s.queue));
    enum error e = ERR_NO_MEMORY;
    if (s.by && s.backwards && s.queue) {
        search_run(&s, from);
        e = s.found < 0 ? ERR_NOT_FOUND : search_path(&s, steps, count);
    }
    free(s.by);
    free(s.backwards);
    free(s.queue);
    return e;
}

/* --- information in one step --- */

struct uses {
    struct authority_use *use;
    uint32_t count;
    size_t room;
    int32_t *at; /* by domain: index of its use of the object at hand, if it has one */
};

static bool uses_reserve(struct uses *u)
{
    struct authority_use *grown = array_room(u->use, u->count, &u->room, sizeof(*grown));
    if (grown)
        u->use = grown;
    return grown;
}

static bool use_is_there(const struct uses *u, int32_t domain, int32_t object)
{
    int32_t at = u->at[domain];
    return at >= 0 && (uint32_t)at < u->count && u->use[at].domain == domain &&
           u->use[at].object == object;
}

/* The first edge of a domain in each direction speaks for it. */
static bool use_add(struct uses *u, const struct authority *a, uint32_t edge)
{
    const struct authority_edge *e = &a->edges[edge];
    int32_t d = a->home[e->from];
    if (!use_is_there(u, d, e->to)) {
        if (!uses_reserve(u))
            return false;
        u->at[d] = (int32_t)u->count;
        u->use[u->count++] = (struct authority_use){e->to, d, -1, -1};
    }
    struct authority_use *use = &u->use[u->at[d]];
    int32_t *which = e->kind == AUTHORITY_WRITE ? &use->writer : &use->reader;
    if (*which < 0)
        *which = (int32_t)edge;
    return true;
}

/* Somebody writes what somebody else reads. */
static bool information_goes(const struct authority_use *use, uint32_t count)
{
    uint32_t writers = 0;
    uint32_t readers = 0;
    uint32_t both = 0;
    for (uint32_t i = 0; i < count; i++) {
        writers += use[i].writer >= 0;
        readers += use[i].reader >= 0;
        both += use[i].writer >= 0 && use[i].reader >= 0;
    }
    return writers && readers && !(writers == 1 && readers == 1 && both == 1);
}

static bool object_uses(const struct authority *a, int32_t object, struct uses *u)
{
    uint32_t first = u->count;
    uint32_t count;
    const uint32_t *edges = authority_edges_to(a, object, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[edges[i]];
        bool carries = e->kind == AUTHORITY_WRITE || e->kind == AUTHORITY_READ;
        if (carries && authority_domain_counts(a, a->home[e->from], false) &&
            !use_add(u, a, edges[i]))
            return false;
    }
    if (u->count > first && !information_goes(u->use + first, u->count - first))
        u->count = first;
    return true;
}

enum error authority_uses(const struct authority *a, struct authority_use **out, uint32_t *count)
{
    struct uses u = {.at = malloc((a->domain_count + 1) * sizeof(*u.at))};
    bool ok = u.at;
    if (ok)
        memset(u.at, 0xff, (a->domain_count + 1) * sizeof(*u.at));
    for (uint32_t n = 0; ok && n < a->node_count; n++)
        ok = object_uses(a, (int32_t)n, &u);
    free(u.at);
    if (!ok) {
        free(u.use);
        return ERR_NO_MEMORY;
    }
    *out = u.use;
    *count = u.count;
    return ERR_OK;
}

static bool domain_writes(const struct authority_use *use, uint32_t count, int32_t domain)
{
    for (uint32_t i = 0; i < count; i++)
        if (use[i].domain == domain && use[i].writer >= 0)
            return true;
    return false;
}

void authority_flow_targets(const struct authority_use *uses, uint32_t count, int32_t domain,
                            bool *to)
{
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && uses[end].object == uses[i].object; end++)
            ;
        if (!domain_writes(uses + i, end - i, domain))
            continue;
        for (uint32_t k = i; k < end; k++)
            if (uses[k].reader >= 0 && uses[k].domain != domain)
                to[uses[k].domain] = true;
    }
}
