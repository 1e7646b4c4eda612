/* Breadth first, so that the steps are the fewest. */
#include "facts/reach.h"

#include <stdlib.h>
#include <string.h>

struct search {
    const struct authority *a;
    struct reach *r;
    int32_t *queue;
    uint32_t head, tail;
};

static void add(struct search *s, int32_t node, int32_t steps, int32_t edge, bool goes_on)
{
    if (s->r->steps[node] >= 0)
        return;
    s->r->steps[node] = steps;
    s->r->edge[node] = edge;
    if (goes_on)
        s->queue[s->tail++] = node;
}

static bool counts(const struct search *s, const struct authority_edge *e)
{
    return e->kind != AUTHORITY_DESTROY && authority_edge_counts(e, s->r->strict);
}

static void step_back(struct search *s, int32_t node)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(s->a, node, &count);
    const struct reach *r = s->r;
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &s->a->edges[edges[i]];
        bool last = r->steps[node] == 0;
        if (counts(s, e) && (last || authority_edge_gains(e->kind)))
            add(s, e->from, r->steps[node] + 1, last ? (int32_t)edges[i] : r->edge[node], true);
    }
}

/* A gaining edge reaches on; another ends there. Gaining ones come first, so that what both reach
 * is gone through. */
static void step_on(struct search *s, int32_t node, bool gains)
{
    for (uint32_t i = s->a->first_edge[node]; i < s->a->first_edge[node + 1]; i++) {
        const struct authority_edge *e = &s->a->edges[i];
        if (counts(s, e) && authority_edge_gains(e->kind) == gains)
            add(s, e->to, s->r->steps[node] + 1, (int32_t)i, gains);
    }
}

static int32_t *new_array(uint32_t count)
{
    size_t size = (count + (size_t)1) * sizeof(int32_t);
    int32_t *array = malloc(size);
    if (array)
        memset(array, 0xff, size);
    return array;
}

static enum error begin(struct search *s, const struct authority *a, const bool *mark, bool strict,
                        struct reach *r)
{
    *s = (struct search){.a = a, .r = r, .queue = new_array(a->node_count)};
    *r = (struct reach){.strict = strict || authority_asks_about_manager(a, mark),
                        .steps = new_array(a->node_count),
                        .edge = new_array(a->node_count)};
    if (!s->queue || !r->steps || !r->edge) {
        free(s->queue);
        reach_free(r);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < a->node_count; i++)
        if (mark[i])
            add(s, (int32_t)i, 0, -1, true);
    return ERR_OK;
}

enum error reach_towards(const struct authority *a, const bool *mark, bool strict,
                         struct reach *out)
{
    struct search s;
    enum error e = begin(&s, a, mark, strict, out);
    if (e != ERR_OK)
        return e;
    for (; s.head < s.tail; s.head++)
        step_back(&s, s.queue[s.head]);
    free(s.queue);
    return ERR_OK;
}

enum error reach_from(const struct authority *a, const bool *mark, bool strict, struct reach *out)
{
    struct search s;
    enum error e = begin(&s, a, mark, strict, out);
    if (e != ERR_OK)
        return e;
    for (; s.head < s.tail; s.head++)
        step_on(&s, s.queue[s.head], true);
    for (uint32_t i = 0; i < s.tail; i++)
        step_on(&s, s.queue[i], false);
    free(s.queue);
    return ERR_OK;
}

void reach_free(struct reach *r)
{
    free(r->steps);
    free(r->edge);
    *r = (struct reach){0};
}
