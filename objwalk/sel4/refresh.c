/* The next walk of a system that was walked before.
 *
 * A CNode of 4096 slots with 200 capabilities is mostly zeros, so a refresh reads the slots that
 * were filled and follows their links: whatever comes into an empty slot is linked to what it was
 * made from.  A list of capabilities never falls apart, so that it is found whole as long as one of
 * its members is where it was.  Of a list that has none left there, such as a capability without
 * neighbours that was moved, nobody knows whether it is gone: then, or where anything does not fit,
 * the state is read whole (lost). */
#include "objwalk/sel4/walk_parts.h"

#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEAST = 64, /* slots of a container that is worth it */
    GROUP = 64, /* slots read around one that is new: what is new comes together */
};

static uint64_t bytes_of(const struct sel4_walk *w, const struct sel4_container *c)
{
    return (uint64_t)c->slots << w->l->slot_bits;
}

/* --- what was there --- */

static int by_address(const void *a, const void *b, void *ctx)
{
    const struct sel4_state *s = ctx;
    uint64_t x = sel4_state_slot(s, *(const uint32_t *)a)->addr;
    uint64_t y = sel4_state_slot(s, *(const uint32_t *)b)->addr;
    return x < y ? -1 : x > y;
}

bool sel4_walk_remember(struct sel4_walk *w, const struct sel4_state *last)
{
    uint32_t n = last->slots.count;
    w->known = malloc(((size_t)n + 1) * sizeof(*w->known));
    if (!w->known)
        return false;
    for (uint32_t i = 0; i < n; i++)
        w->known[i] = i;
    qsort_r(w->known, n, sizeof(*w->known), by_address, (void *)(uintptr_t)last);
    w->last = last;
    return true;
}

/* The first known slot at or behind an address. */
static uint32_t known_from(const struct sel4_walk *w, uint64_t addr)
{
    return (uint32_t)LOWER_BOUND(w->last->slots.count, i,
                                 sel4_state_slot(w->last, w->known[i])->addr < addr);
}

static const struct sel4_slot *known(const struct sel4_walk *w, uint32_t i)
{
    return i < w->last->slots.count ? sel4_state_slot(w->last, w->known[i]) : NULL;
}

/* The last walk's container that holds an address; they stand by their bases. */
static const struct sel4_container *container_at(const struct sel4_walk *w, uint64_t addr)
{
    uint32_t behind = (uint32_t)LOWER_BOUND(
        w->last->containers.count, i, sel4_state_container(w->last, (uint32_t)i)->base <= addr);
    if (behind == 0)
        return NULL;
    const struct sel4_container *c = sel4_state_container(w->last, behind - 1);
    return addr - c->base < bytes_of(w, c) ? c : NULL;
}

/* --- a container that was read before --- */

bool sel4_walk_refreshes(const struct sel4_walk *w, const struct sel4_container *c)
{
    const struct sel4_container *before = w->last ? container_at(w, c->base) : NULL;
    bool kind = c->kind == SEL4_IN_CNODE || c->kind == SEL4_IN_IRQ_NODE;
    return before && kind && c->slots >= LEAST && before->base == c->base &&
           before->slots == c->slots && before->kind == c->kind;
}

void sel4_walk_want_known(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t bytes = t->arg << w->l->slot_bits;
    const struct sel4_slot *s;
    for (uint32_t i = known_from(w, t->addr); (s = known(w, i)) && s->addr - t->addr < bytes; i++)
        sel4_memory_want(w->m, s->addr, 4 * w->l->word);
}

void sel4_walk_read_known(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t bytes = t->arg << w->l->slot_bits;
    const struct sel4_slot *s;
    for (uint32_t i = known_from(w, t->addr); (s = known(w, i)) && s->addr - t->addr < bytes; i++) {
        uint64_t words[4];
        if (sel4_walk_words(w, s->addr, words, 4))
            sel4_walk_take_slot(w, s->addr, words);
        else
            w->lost = true;
    }
}

/* --- what may be left out --- */

/* A capability to the same thing: a frame may have been mapped, an untyped may have been used. */
static bool is_there(const struct sel4_walk *w, const struct sel4_slot *before)
{
    int64_t i = sel4_walk_slot_index(w, before->addr);
    if (i < 0)
        return false;
    const struct sel4_slot *now = sel4_state_slot(w->s, (uint32_t)i);
    return now->cap.kind == before->cap.kind &&
           now->cap.value[SEL4_PTR] == before->cap.value[SEL4_PTR];
}

/* Slots stand in the order of their lists, each of which begins without one before it. */
void sel4_walk_judge_refresh(struct sel4_walk *w)
{
    bool found = true;
    for (uint32_t i = 0; w->last && i < w->last->slots.count; i++) {
        const struct sel4_slot *s = sel4_state_slot(w->last, i);
        if (s->prev == 0) {
            w->lost = w->lost || !found;
            found = false;
        }
        found = found || is_there(w, s);
    }
    w->lost = w->lost || !found;
}

/* --- what is new in it --- */

bool sel4_walk_new_slot(struct sel4_walk *w, uint64_t slot)
{
    const struct sel4_container *c = w->last ? container_at(w, slot) : NULL;
    if (!c || sel4_map_find(&w->seen, SEL4_TASK_KNOWN, sel4_walk_pa(w, c->base)) < 0)
        return false;
    const struct sel4_slot *s = known(w, known_from(w, slot));
    if (s && s->addr == slot)
        return true;
    uint64_t size = (uint64_t)GROUP << w->l->slot_bits;
    struct sel4_task t = {.kind = SEL4_TASK_GROUP};
    t.addr = c->base + (slot - c->base) / size * size;
    uint64_t rest = c->base + bytes_of(w, c) - t.addr;
    t.arg = (rest < size ? rest : size) >> w->l->slot_bits;
    sel4_walk_once(w, &t);
    return true;
}
