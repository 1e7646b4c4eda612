/* Arrays, findings and the address map of a walk. */
#include "objwalk/sel4/state.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

void sel4_state_init(struct sel4_state *s)
{
    memset(s, 0, sizeof(*s));
    s->slots.size = sizeof(struct sel4_slot);
    s->containers.size = sizeof(struct sel4_container);
    s->threads.size = sizeof(struct sel4_thread);
    s->endpoints.size = sizeof(struct sel4_endpoint);
    s->notifications.size = sizeof(struct sel4_notification);
    s->replies.size = sizeof(struct sel4_reply);
    s->contexts.size = sizeof(struct sel4_sched_context);
    s->asids.size = sizeof(struct sel4_asid);
    s->pools.size = sizeof(uint64_t);
    s->mappings.size = sizeof(struct sel4_mapping);
    s->tables.size = sizeof(struct sel4_table);
    s->irqs.size = sizeof(struct sel4_irq);
    s->findings.size = sizeof(struct sel4_finding);
    s->complete = true;
}

void sel4_state_fini(struct sel4_state *s)
{
    free(s->slots.items);
    free(s->containers.items);
    free(s->threads.items);
    free(s->endpoints.items);
    free(s->notifications.items);
    free(s->replies.items);
    free(s->contexts.items);
    free(s->asids.items);
    free(s->pools.items);
    free(s->mappings.items);
    free(s->tables.items);
    free(s->irqs.items);
    free(s->findings.items);
    sel4_state_init(s);
}

void *sel4_array_add(struct sel4_array *a, const void *item)
{
    void *more = a->count < UINT32_MAX ? array_room(a->items, a->count, &a->room, a->size) : NULL;
    if (!more)
        return NULL;
    a->items = more;
    uint8_t *to = (uint8_t *)more + (size_t)a->count++ * a->size;
    memcpy(to, item, a->size);
    return to;
}

void sel4_state_finding(struct sel4_state *s, uint32_t rule, uint64_t addr, uint64_t other,
                        uint64_t value)
{
    struct sel4_finding f = {.rule = rule, .addr = addr, .other = other, .value = value};
    if (s->findings.count >= SEL4_FINDINGS_MAX || !sel4_array_add(&s->findings, &f))
        s->findings_lost++;
}

/* --- threads --- */

static int by_tcb(const void *a, const void *b)
{
    const struct sel4_thread *x = a;
    const struct sel4_thread *y = b;
    return x->tcb < y->tcb ? -1 : x->tcb > y->tcb;
}

void sel4_sort_threads(struct sel4_state *s)
{
    if (s->threads.count)
        qsort(s->threads.items, s->threads.count, s->threads.size, by_tcb);
}

struct sel4_thread *sel4_find_thread(const struct sel4_state *s, uint64_t tcb)
{
    struct sel4_thread key = {.tcb = tcb};
    const struct sel4_array *a = &s->threads;
    return a->count == 0 ? NULL : bsearch(&key, a->items, a->count, a->size, by_tcb);
}

/* --- map --- */

void sel4_map_fini(struct sel4_map *m)
{
    free(m->entry);
    *m = (struct sel4_map){0};
}

static uint32_t place(const struct sel4_map *m, uint32_t kind, uint64_t key)
{
    uint64_t h = (key ^ (uint64_t)kind << 56) * 0x9e3779b97f4a7c15u;
    uint32_t i = (uint32_t)(h >> 32) & (m->room - 1);
    while (m->entry[i].kind != 0 && (m->entry[i].kind != kind || m->entry[i].key != key))
        i = (i + 1) & (m->room - 1);
    return i;
}

int64_t sel4_map_find(const struct sel4_map *m, uint32_t kind, uint64_t key)
{
    if (m->room == 0)
        return -1;
    const struct sel4_map_entry *e = &m->entry[place(m, kind, key)];
    return e->kind == 0 ? -1 : (int64_t)e->value;
}

static bool grow(struct sel4_map *m)
{
    if (m->room > m->count * 2)
        return true;
    struct sel4_map bigger = {.count = m->count, .room = m->room == 0 ? 256 : m->room * 2};
    bigger.entry = calloc(bigger.room, sizeof(*bigger.entry));
    if (!bigger.entry)
        return false;
    for (uint32_t i = 0; i < m->room; i++) {
        if (m->entry[i].kind != 0)
            bigger.entry[place(&bigger, m->entry[i].kind, m->entry[i].key)] = m->entry[i];
    }
    free(m->entry);
    *m = bigger;
    return true;
}

bool sel4_map_add(struct sel4_map *m, uint32_t kind, uint64_t key, uint32_t value, bool *full)
{
    if (!grow(m)) {
        *full = true;
        return false;
    }
    struct sel4_map_entry *e = &m->entry[place(m, kind, key)];
    if (e->kind != 0)
        return false;
    *e = (struct sel4_map_entry){.key = key, .value = value, .kind = kind};
    m->count++;
    return true;
}

int64_t sel4_state_below(const struct sel4_state *s, uint64_t slot, uint32_t *first)
{
    uint32_t i = 0;
    while (i < s->slots.count && sel4_state_slot(s, i)->addr != slot)
        i++;
    if (i == s->slots.count)
        return -1;
    *first = i + 1;
    while (i + 1 < s->slots.count &&
           sel4_state_slot(s, i + 1)->depth > sel4_state_slot(s, *first - 1)->depth)
        i++;
    return (int64_t)i + 1 - *first;
}
