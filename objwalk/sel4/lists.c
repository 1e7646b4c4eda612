/* The derivation lists: one for each connected group of slots, without a sentinel.
 *
 * A list begins at a slot without a previous one.  Read forwards it is the pre-order of its trees:
 * a slot's depth is the number of slots before it that are still its ancestors.  Lists stand in
 * the order of their heads' addresses, so that the same state always gives the same order. */
#include "objwalk/sel4/walk_parts.h"

#include <stdlib.h>
#include <string.h>

enum { KIND_SLOT = 1 };

struct ordering {
    struct sel4_walk *w;
    struct sel4_slot *from;
    uint32_t count;
    bool *done;
    uint32_t *heads;
    uint32_t head_count;
    struct sel4_slot *to;
    uint32_t placed;
    uint32_t *stack; /* ancestors of the slot to be placed next, by place */
};

static int64_t index_at(const struct sel4_walk *w, uint64_t addr)
{
    return addr == 0 ? -1 : sel4_map_find(&w->slots, KIND_SLOT, sel4_walk_pa(w, addr));
}

static bool same_place(const struct sel4_walk *w, uint64_t a, uint64_t b)
{
    return (a == 0) == (b == 0) && sel4_walk_pa(w, a) == sel4_walk_pa(w, b);
}

/* Does its previous slot lead here? If it should and does not, a list is broken. */
static bool is_head(struct ordering *o, const struct sel4_slot *s)
{
    if (s->prev == 0)
        return true;
    int64_t p = index_at(o->w, s->prev);
    if (p >= 0 && same_place(o->w, o->from[p].next, s->addr))
        return false;
    sel4_walk_finding(o->w, AUDIT_LINK, s->addr, sel4_walk_pa(o->w, s->prev), 0);
    return true;
}

static const struct ordering *sorting; /* qsort has no context */

static int by_address(const void *a, const void *b)
{
    uint64_t x = sorting->from[*(const uint32_t *)a].addr;
    uint64_t y = sorting->from[*(const uint32_t *)b].addr;
    return x < y ? -1 : x > y;
}

static void find_heads(struct ordering *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (is_head(o, &o->from[i]))
            o->heads[o->head_count++] = i;
    }
    sorting = o;
    qsort(o->heads, o->head_count, sizeof(*o->heads), by_address);
}

/* Puts a slot behind all that were put before it. */
static uint32_t put(struct ordering *o, uint32_t i, uint32_t depth)
{
    struct sel4_slot *s = &o->to[o->placed];
    *s = o->from[i];
    while (depth > 0 && !sel4_is_parent(o->w->l, &o->to[o->stack[depth - 1]], s))
        depth--;
    s->depth = depth;
    s->parent = depth == 0 ? -1 : (int32_t)o->stack[depth - 1];
    o->stack[depth] = o->placed++;
    o->done[i] = true;
    return depth + 1;
}

/* The slot behind one, -1: the list ends here, as it should or because it is broken. */
static int64_t behind(struct ordering *o, uint32_t i)
{
    const struct sel4_slot *s = &o->from[i];
    int64_t n = index_at(o->w, s->next);
    if (s->next == 0)
        return -1;
    if (n < 0 || !same_place(o->w, o->from[n].prev, s->addr)) {
        sel4_walk_finding(o->w, AUDIT_LINK, s->addr, sel4_walk_pa(o->w, s->next), 1);
        return -1;
    }
    if (o->done[n]) {
        sel4_walk_finding(o->w, AUDIT_LINK_LOOP, s->addr, sel4_walk_pa(o->w, s->next), 0);
        return -1;
    }
    return n;
}

static void put_list(struct ordering *o, uint32_t head)
{
    uint32_t depth = 0;
    o->w->s->lists++;
    for (int64_t i = head; i >= 0; i = behind(o, (uint32_t)i))
        depth = put(o, (uint32_t)i, depth);
}

/* What has no head runs in a circle. */
static void put_circles(struct ordering *o)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        if (!o->done[i])
            o->heads[left++] = i;
    }
    qsort(o->heads, left, sizeof(*o->heads), by_address);
    for (uint32_t i = 0; i < left; i++) {
        if (!o->done[o->heads[i]])
            put_list(o, o->heads[i]);
    }
}

static bool allocate(struct ordering *o)
{
    size_t n = o->count;
    o->done = calloc(n, sizeof(*o->done));
    o->heads = calloc(n, sizeof(*o->heads));
    o->stack = calloc(n + 1, sizeof(*o->stack));
    o->to = calloc(n, sizeof(*o->to));
    return o->done && o->heads && o->stack && o->to;
}

void sel4_walk_order(struct sel4_walk *w)
{
    struct ordering o = {.w = w, .from = w->s->slots.items, .count = w->s->slots.count};
    if (o.count == 0)
        return;
    if (!allocate(&o)) {
        w->full = true;
        free(o.to);
    } else {
        find_heads(&o);
        for (uint32_t i = 0; i < o.head_count; i++)
            put_list(&o, o.heads[i]);
        put_circles(&o);
        free(w->s->slots.items);
        w->s->slots.items = o.to;
        w->s->slots.room = o.count;
    }
    free(o.done);
    free(o.heads);
    free(o.stack);
}
