/* Islands by union-find, and the home of each object: the domain nearest to it by control.
 *
 * Managers hold the ancestors of everything; leaving them out means that their threads, CSpace
 * roots and directories are walls, and that only what other threads reach counts. */
#include "authority/graph.h"

#include <stdlib.h>
#include <string.h>

/* --- what threads that are no managers reach --- */

static void mark_managers(struct authority *a)
{
    const struct capstate *s = a->state;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t d = a->thread_domain[i];
        if (d < 0 || !a->domains[d].trusted)
            continue;
        int32_t nodes[] = {s->threads[i].object, capstate_thread_cspace(s, (int32_t)i),
                           capstate_thread_vspace(s, (int32_t)i)};
        for (size_t k = 0; k < sizeof(nodes) / sizeof(*nodes); k++)
            if (nodes[k] >= 0)
                a->priv->manager[nodes[k]] = true;
    }
    /* A CSpace root or directory that a domain's thread runs in is that domain's too. */
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t d = a->thread_domain[i];
        if (s->threads[i].object < 0 || s->threads[i].rec.idle || (d >= 0 && a->domains[d].trusted))
            continue;
        int32_t nodes[] = {capstate_thread_cspace(s, (int32_t)i),
                           capstate_thread_vspace(s, (int32_t)i)};
        for (size_t k = 0; k < sizeof(nodes) / sizeof(*nodes); k++)
            if (nodes[k] >= 0)
                a->priv->manager[nodes[k]] = false;
    }
}

/* Breadth first along what a holder reaches by itself. queue holds `count` starting nodes whose
 * value is set; value -1 means not yet reached; walls are not entered. */
static void spread(const struct authority *a, int32_t *value, uint32_t *queue, uint32_t count,
                   bool walls)
{
    for (uint32_t head = 0; head < count; head++) {
        uint32_t node = queue[head];
        for (uint32_t i = a->first_edge[node]; i < a->first_edge[node + 1]; i++) {
            const struct authority_edge *e = &a->edges[i];
            if (!authority_edge_reaches(e->kind) || value[e->to] >= 0 ||
                (walls && a->priv->manager[e->to]))
                continue;
            value[e->to] = value[node];
            queue[count++] = (uint32_t)e->to;
        }
    }
}

/* Puts the threads that count as managers or not into the queue with their value. */
static uint32_t seed_threads(const struct authority *a, bool managers, int32_t *value,
                             uint32_t *queue, bool by_domain)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        const struct capstate_thread *t = &a->state->threads[i];
        int32_t d = a->thread_domain[i];
        bool manager = d >= 0 && a->domains[d].trusted;
        if (t->object < 0 || t->rec.idle || manager != managers || (by_domain && d < 0) ||
            value[t->object] >= 0)
            continue;
        value[t->object] = by_domain ? d : 0;
        queue[count++] = (uint32_t)t->object;
    }
    return count;
}

static enum error find_active(struct authority *a)
{
    int32_t *value = malloc((a->node_count + 1) * sizeof(*value));
    uint32_t *queue = malloc((a->node_count + 1) * sizeof(*queue));
    if (value && queue) {
        memset(value, 0xff, (a->node_count + 1) * sizeof(*value));
        mark_managers(a);
        spread(a, value, queue, seed_threads(a, false, value, queue, false), true);
        for (uint32_t n = 0; n < a->node_count; n++)
            a->priv->active[n] = value[n] >= 0;
    }
    enum error e = value && queue ? ERR_OK : ERR_NO_MEMORY;
    free(value);
    free(queue);
    return e;
}

enum error authority_find_homes(struct authority *a)
{
    uint32_t *queue = malloc((a->node_count + 1) * sizeof(*queue));
    if (!queue)
        return ERR_NO_MEMORY;
    memset(a->home, 0xff, (a->node_count + 1) * sizeof(*a->home));
    spread(a, a->home, queue, seed_threads(a, false, a->home, queue, true), true);
    spread(a, a->home, queue, seed_threads(a, true, a->home, queue, true), false);
    free(queue);
    return ERR_OK;
}

/* --- islands --- */

static uint32_t find_root(uint32_t *up, uint32_t n)
{
    while (up[n] != n) {
        up[n] = up[up[n]];
        n = up[n];
    }
    return n;
}

static void unite(uint32_t *up, int32_t x, int32_t y)
{
    uint32_t a = find_root(up, (uint32_t)x);
    uint32_t b = find_root(up, (uint32_t)y);
    if (a < b)
        up[b] = a;
    else
        up[a] = b;
}

/* Roles that active holders play at an endpoint. */
static uint32_t active_roles(const struct authority *a, uint32_t endpoint)
{
    uint32_t roles = 0;
    const struct authority_private *p = a->priv;
    for (uint32_t i = p->first_reverse[endpoint]; i < p->first_reverse[endpoint + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        if (p->active[e->from])
            roles |= authority_edge_role(a, e);
    }
    return roles;
}

/* Joins those active holders of one endpoint between whom capabilities can pass. */
static void unite_channel(const struct authority *a, uint32_t *up, uint32_t endpoint)
{
    const struct authority_private *p = a->priv;
    uint32_t here = active_roles(a, endpoint);
    uint32_t joined = 0;
    if ((here & ROLE_SEND_GRANT) && (here & ROLE_RECEIVE))
        joined |= ROLE_SEND_GRANT | ROLE_RECEIVE;
    if ((here & ROLE_CALL_REPLY) && (here & ROLE_RECEIVE_GRANT))
        joined |= ROLE_CALL_REPLY | ROLE_RECEIVE_GRANT;
    for (uint32_t i = p->first_reverse[endpoint]; i < p->first_reverse[endpoint + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        if (p->active[e->from] && (authority_edge_role(a, e) & joined))
            unite(up, e->from, (int32_t)endpoint);
    }
}

static bool edge_joins(const struct authority *a, const struct authority_edge *e, bool strict)
{
    if (!authority_edge_gains(e->kind))
        return false;
    if (strict)
        return true;
    bool channel = e->kind == AUTHORITY_GRANT || e->kind == AUTHORITY_GRANT_RECV;
    return !channel && a->priv->active[e->from] && a->priv->active[e->to];
}

static uint32_t number_islands(const struct authority *a, uint32_t *up, bool strict, int32_t *out)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < a->node_count; n++) {
        uint32_t root = find_root(up, n);
        bool counts = strict || a->priv->active[n] || root != n;
        if (!counts && a->state->objects[n].type == RECORD_CAP_ENDPOINT)
            counts = active_roles(a, n) != 0;
        if (root == n)
            out[n] = counts ? (int32_t)count++ : -1;
        else
            out[n] = out[root];
    }
    return count;
}

static enum error islands(const struct authority *a, bool strict, int32_t *out, uint32_t *count)
{
    uint32_t *up = malloc((a->node_count + 1) * sizeof(*up));
    if (!up)
        return ERR_NO_MEMORY;
    for (uint32_t n = 0; n < a->node_count; n++)
        up[n] = n;
    for (uint32_t i = 0; i < a->edge_count; i++)
        if (edge_joins(a, &a->edges[i], strict))
            unite(up, a->edges[i].from, a->edges[i].to);
    for (uint32_t n = 0; !strict && n < a->node_count; n++)
        if (a->state->objects[n].type == RECORD_CAP_ENDPOINT)
            unite_channel(a, up, n);
    *count = number_islands(a, up, strict, out);
    free(up);
    return ERR_OK;
}

enum error authority_find_islands(struct authority *a)
{
    enum error e = find_active(a);
    if (e == ERR_OK)
        e = islands(a, false, a->island, &a->island_count);
    if (e == ERR_OK)
        e = islands(a, true, a->island_strict, &a->island_strict_count);
    return e;
}
