/* Where the capabilities in slots that events touched lay before. */
#include "facts/origins.h"

#include "lib/array.h"
#include "record/vocabulary.h"

#include <stdlib.h>

static int origin_compare(const void *pa, const void *pb)
{
    const struct origin *a = pa;
    const struct origin *b = pb;
    return (a->slot > b->slot) - (a->slot < b->slot);
}

static bool touch(struct origins *o, uint64_t slot)
{
    if (slot == 0)
        return true;
    struct origin *grown = array_room(o->list, o->count, &o->room, sizeof(*grown));
    if (!grown)
        return false;
    o->list = grown;
    o->list[o->count++] = (struct origin){slot, slot};
    return true;
}

bool origins_touch(struct origins *o, const struct record_event *e)
{
    return touch(o, e->slot) && touch(o, e->src);
}

static struct origin *find(const struct origins *o, uint64_t slot)
{
    struct origin key = {.slot = slot};
    return o->count ? bsearch(&key, o->list, o->count, sizeof(key), origin_compare) : NULL;
}

/* Each slot once. */
void origins_begin(struct origins *o)
{
    uint32_t kept = 0;
    if (o->count)
        qsort(o->list, o->count, sizeof(*o->list), origin_compare);
    for (uint32_t i = 0; i < o->count; i++)
        if (kept == 0 || o->list[kept - 1].slot != o->list[i].slot)
            o->list[kept++] = o->list[i];
    o->count = kept;
}

void origins_apply(struct origins *o, const struct record_event *e)
{
    struct origin *slot = find(o, e->slot);
    struct origin *src = find(o, e->src);
    uint64_t from = slot ? slot->from : 0;
    if (!slot)
        return;
    if (e->kind >= RECORD_EVENT_BOOT && e->kind <= RECORD_EVENT_HANDLER) {
        slot->from = 0;
    } else if (e->kind == RECORD_EVENT_DELETE) {
        slot->from = 0;
    } else if ((e->kind == RECORD_EVENT_MOVE || e->kind == RECORD_EVENT_SWAP) && src) {
        slot->from = src->from;
        src->from = e->kind == RECORD_EVENT_SWAP ? from : 0;
    }
}

uint64_t origins_of(const struct origins *o, uint64_t slot)
{
    const struct origin *found = find(o, slot);
    return found ? found->from : slot;
}

void origins_free(struct origins *o)
{
    free(o->list);
    *o = (struct origins){0};
}
