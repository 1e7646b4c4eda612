/* The account of untyped memory, from one snapshot. */
#include "facts/untyped.h"

#include <stdlib.h>

static uint64_t size_of(const struct capstate_object *o)
{
    return o->bits < 64 ? (uint64_t)1 << o->bits : UINT64_MAX;
}

uint64_t untyped_used(const struct capstate *s, int32_t object)
{
    const struct capstate_object *o = &s->objects[object];
    uint64_t most = 0, size = size_of(o);
    for (int32_t i = o->first_slot; i >= 0; i = s->slots[i].next_same)
        if (s->slots[i].next > i + 1 && s->slots[i].rec.data > most)
            most = s->slots[i].rec.data;
    return most < size ? most : size;
}

uint64_t *untyped_live(const struct authority *a)
{
    const struct capstate *s = a->state;
    uint64_t *live = calloc((size_t)s->object_count + 1, sizeof(*live));
    for (uint32_t i = 0; live && i < s->object_count; i++)
        if (a->enclosing[i] >= 0)
            live[a->enclosing[i]] += size_of(&s->objects[i]);
    return live;
}

struct untyped_use untyped_use(const struct capstate *s, int32_t object, const uint64_t *live)
{
    struct untyped_use u = {.size = size_of(&s->objects[object]), .used = untyped_used(s, object)};
    u.live = live[object] < u.used ? live[object] : u.used;
    u.lost = u.used - u.live;
    u.free = u.size - u.used;
    return u;
}
