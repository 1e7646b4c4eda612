/* Shortest paths by breadth-first search over edges, and information that goes in one step. */
#include "authority/graph.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_REACHED = -1, STARTED = -2 };

struct search {
    const struct authority *a;
    enum authority_path_kind kind;
    bool strict;
    const bool *to;
    int32_t *by;     /* node -> edge by which it was reached */
    bool *backwards; /* node -> that edge was walked from its end */
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

static bool walks_backward(const struct search *s, const struct authority_edge *e)
{
    switch (s->kind) {
    case AUTHORITY_PATH_ISLAND:
        return authority_edge_gains(e->kind);
    case AUTHORITY_PATH_FLOW:
        return e->kind == AUTHORITY_READ || e->kind == AUTHORITY_TABLE ||
               e->kind == AUTHORITY_CONTROL;
    default:
        return false;
    }
}

/* Managers may end a path; nobody walks through them unless strict.  A holder that no other thread
 * reaches is theirs: neither what it receives nor what it hands back goes on from there. */
static bool wall(const struct search *s, int32_t node, enum authority_edge_kind kind,
                 bool backwards)
{
    const struct authority *a = s->a;
    if (s->strict || s->to[node])
        return false;
    if (a->priv->manager[node])
        return true;
    bool by_others = backwards || kind == AUTHORITY_GRANT_RECV;
    return by_others && !a->priv->active[node] &&
           a->state->objects[node].type != RECORD_CAP_ENDPOINT;
}

static void reach(struct search *s, int32_t node, uint32_t edge, bool backwards)
{
    if (s->by[node] != NOT_REACHED || s->found >= 0)
        return;
    s->by[node] = (int32_t)edge;
    s->backwards[node] = backwards;
    s->queue[s->count++] = (uint32_t)node;
    if (s->to[node])
        s->found = node;
}

static void expand(struct search *s, uint32_t node)
{
    const struct authority *a = s->a;
    for (uint32_t i = a->first_edge[node]; i < a->first_edge[node + 1]; i++) {
        const struct authority_edge *e = &a->edges[i];
        if (walks_forward(s, e) && !wall(s, e->to, e->kind, false))
            reach(s, e->to, i, false);
    }
    for (uint32_t i = a->priv->first_reverse[node]; i < a->priv->first_reverse[node + 1]; i++) {
        const struct authority_edge *e = &a->edges[a->priv->reverse[i]];
        if (walks_backward(s, e) && !wall(s, e->from, e->kind, true))
            reach(s, e->from, a->priv->reverse[i], true);
    }
}

static void search_run(struct search *s, const bool *from)
{
    for (uint32_t n = 0; n < s->a->node_count; n++) {
        s->by[n] = from[n] ? STARTED : NOT_REACHED;
        if (from[n])
            s->queue[s->count++] = n;
        if (from[n] && s->to[n] && s->found < 0)
            s->found = (int32_t)n;
        s->strict |= from[n] && s->a->priv->manager[n]; /* it asks about the manager itself */
    }
    for (uint32_t head = 0; head < s->count && s->found < 0; head++)
        expand(s, s->queue[head]);
}

static int32_t step_origin(const struct search *s, int32_t node)
{
    const struct authority_edge *e = &s->a->edges[s->by[node]];
    return s->backwards[node] ? e->to : e->from;
}

static enum error search_path(const struct search *s, struct authority_step **steps,
                              uint32_t *count)
{
    uint32_t length = 0;
    for (int32_t n = s->found; s->by[n] >= 0; n = step_origin(s, n))
        length++;
    struct authority_step *path = malloc((length + 1) * sizeof(*path));
    if (!path)
        return ERR_NO_MEMORY;
    uint32_t at = length;
    for (int32_t n = s->found; s->by[n] >= 0; n = step_origin(s, n))
        path[--at] = (struct authority_step){s->by[n], s->backwards[n]};
    *steps = path;
    *count = length;
    return ERR_OK;
}

enum error authority_path(const struct authority *a, const bool *from, const bool *to,
                          enum authority_path_kind kind, bool strict, struct authority_step **steps,
                          uint32_t *count)
{
    size_t nodes = a->node_count + 1;
    struct search s = {.a = a, .kind = kind, .strict = strict, .to = to, .found = -1};
    s.by = malloc(nodes * sizeof(*s.by));
    s.backwards = calloc(nodes, sizeof(*s.backwards));
    s.queue = malloc(nodes * sizeof(*s.queue));
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

/* --- flows --- */

struct flows {
    struct authority_flow *flow;
    uint32_t count, capacity;
    bool failed;
};

static void flow_add(struct flows *f, struct authority_flow flow)
{
    if (f->count == f->capacity) {
        uint32_t wanted = f->capacity ? f->capacity * 2 : 32;
        struct authority_flow *grown = realloc(f->flow, wanted * sizeof(*grown));
        if (!grown) {
            f->failed = true;
            return;
        }
        f->flow = grown;
        f->capacity = wanted;
    }
    f->flow[f->count++] = flow;
}

/* The first edge into an object by which each domain writes or reads it, -1. */
static void first_users(const struct authority *a, uint32_t object, enum authority_edge_kind kind,
                        int32_t *first)
{
    memset(first, 0xff, (a->domain_count + 1) * sizeof(*first));
    for (uint32_t i = a->priv->first_reverse[object]; i < a->priv->first_reverse[object + 1]; i++) {
        uint32_t edge = a->priv->reverse[i];
        int32_t d = a->home[a->edges[edge].from];
        if (a->edges[edge].kind == kind && authority_counts(a, d, false) && first[d] < 0)
            first[d] = (int32_t)edge;
    }
}

static void object_flows(const struct authority *a, uint32_t object, int32_t *writers,
                         int32_t *readers, struct flows *f)
{
    first_users(a, object, AUTHORITY_WRITE, writers);
    first_users(a, object, AUTHORITY_READ, readers);
    for (uint32_t w = 0; w < a->domain_count; w++)
        for (uint32_t r = 0; writers[w] >= 0 && r < a->domain_count; r++)
            if (readers[r] >= 0 && r != w && !f->failed)
                flow_add(f, (struct authority_flow){(int32_t)w, (int32_t)r, (int32_t)object,
                                                    writers[w], readers[r]});
}

enum error authority_flows(const struct authority *a, struct authority_flow **out, uint32_t *count)
{
    struct flows f = {0};
    int32_t *writers = malloc((a->domain_count + 1) * sizeof(*writers));
    int32_t *readers = malloc((a->domain_count + 1) * sizeof(*readers));
    bool ready = writers && readers;
    for (uint32_t n = 0; ready && n < a->node_count; n++)
        object_flows(a, n, writers, readers, &f);
    free(writers);
    free(readers);
    if (!ready || f.failed) {
        free(f.flow);
        return ERR_NO_MEMORY;
    }
    *out = f.flow;
    *count = f.count;
    return ERR_OK;
}
