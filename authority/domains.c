/* What threads that are no managers reach, and the home of each object: the domain nearest to it by
 * control.
 *
 * A manager does nothing by itself, but what others control of it is theirs.  So the spread that
 * decides what counts goes wherever control leads, into a manager too; only for saying whose an
 * object is are a manager's own TCB, CSpace root and directory walls, so that what it holds stays
 * named after it. */
#include "authority/graph.h"

#include <stdlib.h>
#include <string.h>

enum { THREAD_NODES = 3 };

/* A thread's TCB, CSpace root and page directory; -1 where there is none. */
static void thread_nodes(const struct authority *a, uint32_t thread, int32_t node[THREAD_NODES])
{
    node[0] = a->state->threads[thread].object;
    node[1] = capstate_thread_cspace(a->state, (int32_t)thread);
    node[2] = capstate_thread_vspace(a->state, (int32_t)thread);
}

static bool thread_is_managers(const struct authority *a, uint32_t thread)
{
    int32_t d = a->thread_domain[thread];
    return d >= 0 && a->domains[d].trusted;
}

/* A CSpace root or directory that a domain's thread runs in is that domain's too. */
static void mark_managers(struct authority *a)
{
    for (int pass = 1; pass >= 0; pass--)
        for (uint32_t i = 0; i < a->state->thread_count; i++) {
            int32_t node[THREAD_NODES];
            if (!authority_thread_counts(a, i) || thread_is_managers(a, i) != (pass == 1))
                continue;
            thread_nodes(a, i, node);
            for (int k = 0; k < THREAD_NODES; k++)
                if (node[k] >= 0)
                    a->priv->manager[node[k]] = pass == 1;
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

/* Puts the threads that are managers, or that are not, into the queue with their value; ascending
 * by address, so that of two domains equally near the same one wins in every sample. */
static uint32_t seed_threads(const struct authority *a, bool managers, int32_t *value,
                             uint32_t *queue, bool by_domain)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < a->state->thread_count; k++) {
        uint32_t i = (uint32_t)a->priv->by_addr[k];
        int32_t object = a->state->threads[i].object;
        if (!authority_thread_counts(a, i) || thread_is_managers(a, i) != managers ||
            (by_domain && a->thread_domain[i] < 0) || value[object] >= 0)
            continue;
        value[object] = by_domain ? a->thread_domain[i] : 0;
        queue[count++] = (uint32_t)object;
    }
    return count;
}

enum error authority_find_active(struct authority *a)
{
    int32_t *value = malloc((a->node_count + 1) * sizeof(*value));
    uint32_t *queue = malloc((a->node_count + 1) * sizeof(*queue));
    if (value && queue) {
        memset(value, 0xff, (a->node_count + 1) * sizeof(*value));
        mark_managers(a);
        spread(a, value, queue, seed_threads(a, false, value, queue, false), false);
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
