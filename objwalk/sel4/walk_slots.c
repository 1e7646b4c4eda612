/* Slots: in CNodes, TCBs, zombies, the interrupts' node, and those that only a neighbour names. */
#include "objwalk/sel4/walk_parts.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_AT_ONCE = 16,
    WANT_BYTES = 1 << 16,
    FIRST_SLOTS = 4096, /* of a large container: only if they can be read, the rest is asked for */
    KIND_SLOT = 1,      /* in walk.slots */
};

static uint32_t slot_bytes(const struct sel4_walk *w)
{
    return 1u << w->l->slot_bits;
}

static uint64_t align(const struct sel4_walk *w)
{
    return slot_bytes(w) - 1;
}

/* --- containers --- */

/* vaddr of such a task: the slots that come behind those it reads. */
static void slots_task(struct sel4_walk *w, uint64_t first, uint64_t slots)
{
    uint64_t now = slots < FIRST_SLOTS ? slots : FIRST_SLOTS;
    struct sel4_task t = {.kind = SEL4_TASK_SLOTS, .addr = first, .arg = now, .vaddr = slots - now};
    sel4_walk_task(w, &t);
}

void sel4_walk_container(struct sel4_walk *w, enum sel4_container_kind kind, uint64_t base,
                         uint64_t slots)
{
    struct sel4_container c = {.kind = kind, .base = base, .slots = (uint32_t)slots};
    if (base == 0 || (base & align(w)) != 0 || slots == 0) {
        if (slots != 0)
            sel4_walk_finding(w, AUDIT_CAP_INVALID, base, 0, kind);
        return;
    }
    if (slots > SEL4_MAX_SLOTS || w->read_slots > SEL4_MAX_SLOTS - slots) {
        w->capped++;
        return;
    }
    if (!sel4_map_add(&w->seen, SEL4_TASK_SLOTS, sel4_walk_pa(w, base), c.slots, &w->full))
        return;
    w->read_slots += c.slots;
    sel4_walk_add(w, &w->s->containers, &c);
    if (sel4_walk_refreshes(w, &c)) {
        struct sel4_task known = {.kind = SEL4_TASK_KNOWN, .addr = base, .arg = slots};
        sel4_walk_once(w, &known);
    } else {
        slots_task(w, base, slots);
    }
}

void sel4_walk_want_slots(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t bytes = t->arg << w->l->slot_bits;
    for (uint64_t at = 0; at < bytes; at += WANT_BYTES) {
        uint64_t len = bytes - at < WANT_BYTES ? bytes - at : WANT_BYTES;
        sel4_memory_want(w->m, t->addr + at, (uint32_t)len);
    }
}

/* --- what a capability leads to --- */

static void follow_cnode(struct sel4_walk *w, const struct sel4_slot *s)
{
    uint64_t radix = s->cap.value[SEL4_RADIX];
    uint64_t base = s->cap.value[SEL4_PTR];
    if (radix > SEL4_MAX_RADIX || (base & sel4_mask((unsigned)radix + w->l->slot_bits)) != 0)
        sel4_walk_finding(w, AUDIT_CAP_INVALID, s->addr, s->words[0], s->words[1]);
    else
        sel4_walk_container(w, SEL4_IN_CNODE, base, (uint64_t)1 << radix);
}

static void follow_zombie(struct sel4_walk *w, const struct sel4_slot *s)
{
    uint64_t first = 0;
    uint32_t left = sel4_zombie_slots(w->l, &s->cap, &first);
    if (left > (uint32_t)1 << SEL4_MAX_RADIX)
        sel4_walk_finding(w, AUDIT_CAP_INVALID, s->addr, s->words[0], s->words[1]);
    else
        sel4_walk_container(w, SEL4_IN_ZOMBIE, first, left);
}

static void follow_object(struct sel4_walk *w, enum sel4_task_kind kind, uint64_t addr,
                          uint64_t arg)
{
    struct sel4_task t = {.kind = kind, .addr = addr, .arg = arg};
    if (addr != 0 && (addr & 3) == 0 && w->seen.count < SEL4_MAX_OBJECTS)
        sel4_walk_once(w, &t);
}

static void follow_reply(struct sel4_walk *w, const struct sel4_slot *s)
{
    if (w->l->options.mcs)
        follow_object(w, SEL4_TASK_REPLY, s->cap.value[SEL4_PTR], 0);
    else
        sel4_walk_thread(w, s->cap.value[SEL4_PTR]);
}

static void follow(struct sel4_walk *w, const struct sel4_slot *s)
{
    switch (s->cap.kind) {
    case SEL4_CAP_CNODE:
        follow_cnode(w, s);
        return;
    case SEL4_CAP_ZOMBIE:
        follow_zombie(w, s);
        return;
    case SEL4_CAP_THREAD:
        sel4_walk_thread(w, s->cap.value[SEL4_PTR]);
        return;
    case SEL4_CAP_REPLY:
        follow_reply(w, s);
        return;
    case SEL4_CAP_ENDPOINT:
        follow_object(w, SEL4_TASK_ENDPOINT, s->cap.value[SEL4_PTR], 0);
        return;
    case SEL4_CAP_NOTIFICATION:
        follow_object(w, SEL4_TASK_NOTIFICATION, s->cap.value[SEL4_PTR], 0);
        return;
    case SEL4_CAP_SCHED_CONTEXT:
        follow_object(w, SEL4_TASK_CONTEXT, s->cap.value[SEL4_PTR], s->cap.value[SEL4_SIZE_BITS]);
        return;
    default:
        return;
    }
}

/* --- slots --- */

int64_t sel4_walk_slot_index(const struct sel4_walk *w, uint64_t addr)
{
    return sel4_map_find(&w->slots, KIND_SLOT, sel4_walk_pa(w, addr));
}

void sel4_walk_neighbour(struct sel4_walk *w, uint64_t slot)
{
    struct sel4_task t = {.kind = SEL4_TASK_SLOT, .addr = slot};
    if (slot == 0)
        return;
    if ((slot & align(w)) != 0)
        sel4_walk_finding(w, AUDIT_LINK_RANGE, slot, 0, 0);
    else if (sel4_walk_slot_index(w, slot) < 0 && !sel4_walk_new_slot(w, slot))
        sel4_walk_once(w, &t);
}

static bool is_null(const struct sel4_slot *s)
{
    return s->cap.kind == SEL4_CAP_NULL;
}

static void take_unknown(struct sel4_walk *w, const struct sel4_slot *s)
{
    if (sel4_layout_reconsider(&w->k->layout, sel4_tag(w->l->options.arch, s->words[0])))
        w->again = true;
    sel4_walk_finding(w, AUDIT_CAP_INVALID, s->addr, s->words[0], s->words[1]);
}

/* An empty slot is all zeros, but for flags that the boot leaves in some; one that is linked and
 * says it is empty is torn or damaged. */
void sel4_walk_take_slot(struct sel4_walk *w, uint64_t addr, const uint64_t words[4])
{
    struct sel4_slot s;
    if ((words[0] | words[1] | words[2] | words[3]) == 0)
        return;
    sel4_slot_decode(w->l, addr, words, &s);
    if (is_null(&s)) {
        if ((s.prev | s.next) != 0)
            sel4_walk_finding(w, AUDIT_LIST_NULL, addr, s.prev, s.next);
        return;
    }
    if (!sel4_map_add(&w->slots, KIND_SLOT, sel4_walk_pa(w, addr), w->s->slots.count, &w->full))
        return;
    sel4_walk_add(w, &w->s->slots, &s);
    if (s.cap.kind == SEL4_CAP_UNKNOWN)
        take_unknown(w, &s);
    follow(w, &s);
    sel4_walk_neighbour(w, s.prev);
    sel4_walk_neighbour(w, s.next);
}

void sel4_walk_read_slots(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t words[SLOTS_AT_ONCE * 4];
    for (uint64_t i = 0; i < t->arg; i += SLOTS_AT_ONCE) {
        uint32_t n = t->arg - i < SLOTS_AT_ONCE ? (uint32_t)(t->arg - i) : SLOTS_AT_ONCE;
        uint64_t at = t->addr + (i << w->l->slot_bits);
        if (!sel4_walk_words(w, at, words, n * 4))
            return; /* one finding a container is enough */
        for (uint32_t k = 0; k < n; k++)
            sel4_walk_take_slot(w, at + ((uint64_t)k << w->l->slot_bits), words + (size_t)k * 4);
    }
    struct sel4_task rest = {
        .kind = SEL4_TASK_SLOTS, .addr = t->addr + (t->arg << w->l->slot_bits), .arg = t->vaddr};
    if (t->vaddr > 0)
        sel4_walk_task(w, &rest);
}

void sel4_walk_read_slot(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t words[4];
    if (sel4_walk_slot_index(w, t->addr) < 0 && sel4_walk_words(w, t->addr, words, 4))
        sel4_walk_take_slot(w, t->addr, words);
}

/* --- where they lie --- */

static int by_base(const void *a, const void *b)
{
    const struct sel4_container *x = a;
    const struct sel4_container *y = b;
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    return x->slots > y->slots ? -1 : x->slots < y->slots;
}

/* The last container that begins at or before the address, if it holds it. */
static int32_t container_of(const struct sel4_walk *w, uint64_t addr)
{
    const struct sel4_state *s = w->s;
    uint32_t above = (uint32_t)LOWER_BOUND(s->containers.count, i,
                                           sel4_state_container(s, (uint32_t)i)->base <= addr);
    if (above == 0)
        return -1;
    const struct sel4_container *c = sel4_state_container(s, above - 1);
    return (addr - c->base) >> w->l->slot_bits < c->slots ? (int32_t)(above - 1) : -1;
}

void sel4_walk_place_slots(struct sel4_walk *w)
{
    struct sel4_state *s = w->s;
    if (s->containers.count > 0)
        qsort(s->containers.items, s->containers.count, s->containers.size, by_base);
    for (uint32_t i = 0; i < s->slots.count; i++) {
        struct sel4_slot *slot = sel4_state_slot(s, i);
        slot->container = container_of(w, slot->addr);
        s->orphans += slot->container < 0;
    }
}
