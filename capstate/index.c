/* Look-ups in a finished capstate.  Everything is a binary search in an array sorted by
 * capstate_finish().  Objects sorted by address and descending size stand in pre-order of their
 * nesting, so "who holds this address" is a search and a few steps outwards: nested blocks differ
 * in size or type, hence at most 64 sizes times the number of types. */
#include "capstate/index.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { RADIX_BITS = 11, RADIX_SIZE = 1 << RADIX_BITS, RADIX_WORTH = 4096 };

static int key_compare(const void *pa, const void *pb)
{
    const struct capstate_key *a = pa;
    const struct capstate_key *b = pb;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value);
}

static bool keys_are_sorted(const struct capstate_key *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (key_compare(&keys[i - 1], &keys[i]) > 0)
            return false;
    return true;
}

/* One digit; keeps the order of equal ones. */
static void radix_pass(const struct capstate_key *from, struct capstate_key *to, uint32_t count,
                       unsigned shift)
{
    uint32_t start[RADIX_SIZE] = {0};
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        start[from[i].key >> shift & (RADIX_SIZE - 1)]++;
    for (uint32_t d = 0; d < RADIX_SIZE; d++) {
        uint32_t here = start[d];
        start[d] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++)
        to[start[from[i].key >> shift & (RADIX_SIZE - 1)]++] = from[i];
}

/* Of keys whose values ascend; false when there is no memory. */
static bool radix_sort(struct capstate_key *keys, uint32_t count)
{
    uint64_t all = 0;
    struct capstate_key *other = capstate_array(count, sizeof(*other));
    struct capstate_key *from = keys;
    struct capstate_key *to = other;
    for (uint32_t i = 0; i < count; i++)
        all |= keys[i].key;
    for (unsigned shift = 0; other && shift < 64 && all >> shift; shift += RADIX_BITS) {
        if ((all >> shift & (RADIX_SIZE - 1)) == 0)
            continue;
        radix_pass(from, to, count, shift);
        struct capstate_key *swap = from;
        from = to;
        to = swap;
    }
    if (other && from != keys)
        memcpy(keys, from, count * sizeof(*keys));
    free(other);
    return other;
}

static bool values_ascend(const struct capstate_key *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (keys[i - 1].value >= keys[i].value)
            return false;
    return true;
}

void capstate_keys_sort(struct capstate_key *keys, uint32_t count)
{
    if (keys_are_sorted(keys, count))
        return;
    if (count < RADIX_WORTH || !values_ascend(keys, count) || !radix_sort(keys, count))
        qsort(keys, count, sizeof(*keys), key_compare);
}

int32_t capstate_keys_find(const struct capstate_key *keys, uint32_t count, uint64_t key)
{
    size_t at = LOWER_BOUND(count, i, keys[i].key < key);
    return at < count && keys[at].key == key ? keys[at].value : -1;
}

int capstate_object_compare(const struct capstate_object *a, const struct capstate_object *b)
{
    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->bits != b->bits)
        return a->bits > b->bits ? -1 : 1;
    return (a->type > b->type) - (a->type < b->type);
}

bool capstate_object_covers(const struct capstate_object *o, uint64_t addr)
{
    return o->bits != 0 && addr >= o->addr && (addr - o->addr) >> o->bits == 0;
}

int32_t capstate_object_exact(const struct capstate *s, uint64_t addr, uint32_t bits, uint32_t type)
{
    struct capstate_object wanted = {.addr = addr, .bits = bits, .type = type};
    size_t at =
        LOWER_BOUND(s->object_count, i, capstate_object_compare(&s->objects[i], &wanted) < 0);
    bool found = at < s->object_count && capstate_object_compare(&s->objects[at], &wanted) == 0;
    return found ? (int32_t)at : -1;
}

/* The last object whose address is not above addr, -1. */
static int32_t object_last_below(const struct capstate *s, uint64_t addr)
{
    return (int32_t)LOWER_BOUND(s->object_count, i, s->objects[i].addr <= addr) - 1;
}

int32_t capstate_object_typed(const struct capstate *s, uint64_t addr, uint32_t type)
{
    for (int32_t i = object_last_below(s, addr); i >= 0 && s->objects[i].addr == addr; i--)
        if (s->objects[i].type == type)
            return i;
    return -1;
}

int32_t capstate_slot_at(const struct capstate *s, uint64_t addr)
{
    return capstate_keys_find(s->index->slots, s->slot_count, addr);
}

/* The occupied slot with the smallest address from `first` on that lies in the object. */
static int32_t first_slot_from(const struct capstate *s, const struct capstate_object *o,
                               uint64_t first)
{
    uint64_t last = o->addr + (((uint64_t)1 << o->bits) - 1);
    size_t at = LOWER_BOUND(s->slot_count, i, s->index->slots[i].key < first);
    if (at == s->slot_count || s->index->slots[at].key > last)
        return -1;
    return s->index->slots[at].value;
}

/* Of a thread's slots the record may say what each is for, in whatever order they lie. */
static int32_t thread_slot_in(const struct capstate *s, int32_t object, uint32_t from)
{
    int32_t best = -1;
    int32_t i = first_slot_from(s, &s->objects[object], s->objects[object].addr);
    for (uint32_t n = 0; i >= 0 && n < RECORD_TCB_SLOTS; n++) {
        uint32_t index = s->slots[i].index;
        if (s->slots[i].holder == object && index >= from &&
            (best < 0 || index < s->slots[best].index))
            best = i;
        i = capstate_slot_after(s, object, i);
    }
    return best;
}

int32_t capstate_slot_in(const struct capstate *s, int32_t object, uint32_t from)
{
    if (object < 0)
        return -1;
    const struct capstate_object *o = &s->objects[object];
    if (o->type == RECORD_CAP_TCB)
        return thread_slot_in(s, object, from);
    return first_slot_from(s, o, o->addr + ((uint64_t)from << record_slot_bits(&s->snapshot)));
}

int32_t capstate_slot_after(const struct capstate *s, int32_t object, int32_t slot)
{
    uint64_t addr = s->slots[slot].rec.addr;
    return addr == UINT64_MAX ? -1 : first_slot_from(s, &s->objects[object], addr + 1);
}

int32_t capstate_object_at(const struct capstate *s, uint64_t addr)
{
    int32_t fallback = -1;
    for (int32_t i = object_last_below(s, addr); i >= 0 && s->objects[i].addr == addr; i--) {
        if (s->objects[i].bits == 0)
            continue;
        if (s->objects[i].type != RECORD_CAP_UNTYPED)
            return i;
        if (fallback < 0)
            fallback = i;
    }
    return fallback;
}

int32_t capstate_object_holding(const struct capstate *s, uint64_t addr)
{
    int32_t fallback = -1;
    for (int32_t i = object_last_below(s, addr); i >= 0; i = s->index->enclosing[i]) {
        if (!capstate_object_covers(&s->objects[i], addr))
            continue;
        if (s->objects[i].type != RECORD_CAP_UNTYPED)
            return i;
        if (fallback < 0)
            fallback = i;
    }
    return fallback;
}

int32_t capstate_slot_holder(const struct capstate *s, uint64_t addr)
{
    for (int32_t i = object_last_below(s, addr); i >= 0; i = s->index->enclosing[i]) {
        const struct capstate_object *o = &s->objects[i];
        bool holds_slots = o->type == RECORD_CAP_CNODE || o->type == RECORD_CAP_TCB ||
                           o->type == RECORD_CAP_ZOMBIE;
        if (holds_slots && capstate_object_covers(o, addr))
            return i;
    }
    return -1;
}

int32_t capstate_thread_of(const struct capstate *s, int32_t object)
{
    if (object < 0 || (uint32_t)object >= s->object_count)
        return -1;
    const struct capstate_object *o = &s->objects[object];
    bool thread = o->type == RECORD_CAP_TCB ||
                  (o->type == RECORD_CAP_ZOMBIE && (o->flags & RECORD_SLOT_TCB_ZOMBIE));
    return thread ? o->detail : -1;
}

int32_t capstate_thread_named(const struct capstate *s, const char *name)
{
    const int32_t *labels = s->index->labels;
    size_t at = LOWER_BOUND(s->thread_count, i, strcmp(s->threads[labels[i]].label, name) < 0);
    bool found = at < s->thread_count && strcmp(s->threads[labels[at]].label, name) == 0;
    return found ? labels[at] : -1;
}

/* The object of a thread's slot if it is of the expected type. */
static int32_t thread_slot_object(const struct capstate *s, int32_t thread, uint32_t slot,
                                  uint32_t type)
{
    if (thread < 0 || (uint32_t)thread >= s->thread_count)
        return -1;
    int32_t at = capstate_slot_at(s, s->threads[thread].rec.addr +
                                         ((uint64_t)slot << record_slot_bits(&s->snapshot)));
    if (at < 0 || s->slots[at].rec.type != type)
        return -1;
    return s->slots[at].object;
}

int32_t capstate_thread_cspace(const struct capstate *s, int32_t thread)
{
    return thread_slot_object(s, thread, RECORD_TCB_CSPACE, RECORD_CAP_CNODE);
}

int32_t capstate_thread_vspace(const struct capstate *s, int32_t thread)
{
    return thread_slot_object(s, thread, RECORD_TCB_VSPACE, RECORD_CAP_PAGE_DIRECTORY);
}

/* --- memory and tables --- */

uint64_t capstate_table_root(const struct capstate *s, uint64_t table)
{
    for (uint32_t steps = 0; steps <= s->table_count; steps++) {
        int32_t i = capstate_keys_find(s->index->tables, s->table_count, table);
        if (i < 0)
            break;
        if (s->tables[i].parent == 0)
            return table;
        table = s->tables[i].parent;
    }
    return 0;
}

static bool is_in(uint64_t addr, uint64_t base, uint64_t size)
{
    return addr - base < size;
}

bool capstate_is_kernel(const struct capstate *s, uint64_t addr)
{
    const struct record_snapshot *r = &s->snapshot;
    if (is_in(addr, r->kernel_start, r->kernel_end - r->kernel_start))
        return true;
    for (uint32_t i = 0; i < s->range_count; i++)
        if (s->ranges[i].use == RECORD_RANGE_KERNEL &&
            is_in(addr, s->ranges[i].base, s->ranges[i].size))
            return true;
    return false;
}

bool capstate_is_ram(const struct capstate *s, uint64_t addr)
{
    for (uint32_t i = 0; i < s->range_count; i++)
        if (s->ranges[i].use == RECORD_RANGE_RAM &&
            is_in(addr, s->ranges[i].base, s->ranges[i].size))
            return true;
    return false;
}
