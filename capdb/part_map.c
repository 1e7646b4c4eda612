/* Numbers to numbers, for part.h. */
#include "capdb/part.h"

#include <stdlib.h>

enum { SMALLEST = 64 };

static uint32_t hash_of(int64_t key, uint32_t mask)
{
    return (uint32_t)((uint64_t)key * 0x9e3779b97f4a7c15u >> 32) & mask;
}

struct part_entry *part_map_at(const struct part_map *m, int64_t key)
{
    uint32_t at = hash_of(key, m->mask);
    while (m->entry[at].used && m->entry[at].key != key)
        at = (at + 1) & m->mask;
    return &m->entry[at];
}

static bool map_grow(struct part_map *m)
{
    struct part_map new = {.mask = m->entry ? m->mask * 2 + 1 : SMALLEST - 1, .count = m->count};
    new.entry = calloc((size_t) new.mask + 1, sizeof(*new.entry));
    if (!new.entry)
        return false;
    for (uint32_t i = 0; m->entry && i <= m->mask; i++)
        if (m->entry[i].used)
            *part_map_at(&new, m->entry[i].key) = m->entry[i];
    free(m->entry);
    *m = new;
    return true;
}

struct part_entry *part_map_put(struct part_map *m, int64_t key)
{
    if ((!m->entry || m->count > m->mask / 2) && !map_grow(m))
        return NULL;
    struct part_entry *e = part_map_at(m, key);
    if (!e->used) {
        *e = (struct part_entry){.key = key, .value = PART_NONE, .used = true};
        m->count++;
    }
    return e;
}
