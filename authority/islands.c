/* Islands: the classes of "one can gain from the other", by union-find over the edges that gain. */
#include "authority/graph.h"

#include <stdlib.h>

static uint32_t find_root(uint32_t *up, uint32_t n)
{
    while (up[n] != n) {
        up[n] = up[up[n]];
        n = up[n];
    }
    return n;
}

/* The lower number stays the root, so that islands are numbered by their lowest object, and a
 * channel, whose number is above all objects', is never one. */
static void unite(uint32_t *up, uint32_t x, uint32_t y)
{
    uint32_t a = find_root(up, x);
    uint32_t b = find_root(up, y);
    if (a < b)
        up[b] = a;
    else
        up[a] = b;
}

/* Islands of one node that no thread reaches get no number, unless nobody is left out. */
static uint32_t number_islands(const struct authority *a, uint32_t *up, bool strict, int32_t *out)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < a->node_count; n++)
        out[n] = -1;
    for (uint32_t n = 0; n < a->node_count; n++)
        if (strict || a->priv->active[n] || find_root(up, n) != n)
            out[find_root(up, n)] = 0;
    for (uint32_t n = 0; n < a->node_count; n++) {
        uint32_t root = find_root(up, n);
        if (root == n && out[n] >= 0)
            out[n] = (int32_t)count++;
        else if (root != n)
            out[n] = out[root];
    }
    return count;
}

static enum error islands(const struct authority *a, bool strict, int32_t *out, uint32_t *count)
{
    uint32_t *up = malloc((authority_places(a) + 1) * sizeof(*up));
    if (!up)
        return ERR_NO_MEMORY;
    for (uint32_t p = 0; p < authority_places(a); p++)
        up[p] = p;
    for (uint32_t i = 0; i < a->edge_count; i++) {
        const struct authority_edge *e = &a->edges[i];
        if (authority_edge_gains(e->kind) && authority_edge_counts(e, strict))
            unite(up, authority_place_from(a, e), authority_place_to(a, e));
    }
    *count = number_islands(a, up, strict, out);
    free(up);
    return ERR_OK;
}

enum error authority_find_islands(struct authority *a)
{
    enum error e = islands(a, false, a->island, &a->island_count);
    if (e == ERR_OK)
        e = islands(a, true, a->island_strict, &a->island_strict_count);
    return e;
}
