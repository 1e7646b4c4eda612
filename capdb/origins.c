/* What recorded events say about the slots they touched: where the capability that lies there now
 * lay in the snapshot before.  Where they tell all that happened they decide what snapshots can
 * only guess: a capability deleted and made again in its slot, one that moved among others alike.
 */
#include "capdb/recorder.h"
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

static struct origin *find(const struct origins *o, uint64_t slot)
{
    struct origin key = {.slot = slot};
    return o->count ? bsearch(&key, o->list, o->count, sizeof(key), origin_compare) : NULL;
}

static void sort_once(struct origins *o)
{
    uint32_t kept = 0;
    if (o->count)
        qsort(o->list, o->count, sizeof(*o->list), origin_compare);
    for (uint32_t i = 0; i < o->count; i++)
        if (kept == 0 || o->list[kept - 1].slot != o->list[i].slot)
            o->list[kept++] = o->list[i];
    o->count = kept;
}

static void apply(struct origins *o, const struct record_event *e)
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

/* Calls back for each event; false ends it. Do they go on from `since` to `until` without a hole?
 */
static enum error each_event(struct capdb *db, uint64_t since, uint64_t until,
                             bool (*take)(struct origins *o, const struct record_event *e),
                             struct origins *o, bool *whole)
{
    sqlite3_stmt *st;
    struct record_event event;
    uint64_t last = since;
    enum error e = capdb_prepare(db, "SELECT * FROM main.event WHERE n = ? ORDER BY row", &st);
    if (e != ERR_OK)
        return e;
    *whole = true;
    sqlite3_bind_int64(st, 1, (int64_t)db->count + 1);
    while (*whole && capdb_step(db, st, "reading events", &e)) {
        capdb_fetch_event(st, 2, &event);
        *whole = event.kind != CAPDB_EVENT_GAP && event.seq == last + 1;
        last = event.seq;
        if (*whole && !take(o, &event))
            e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    }
    sqlite3_finalize(st);
    *whole &= last == until && last != since;
    return e;
}

static bool take_slots(struct origins *o, const struct record_event *e)
{
    return touch(o, e->slot) && touch(o, e->src);
}

static bool take_change(struct origins *o, const struct record_event *e)
{
    apply(o, e);
    return true;
}

enum error origins_read(struct capdb *db, uint64_t since, uint64_t until, struct origins *out,
                        bool *known)
{
    *out = (struct origins){0};
    enum error e = each_event(db, since, until, take_slots, out, known);
    sort_once(out);
    if (e == ERR_OK && *known)
        e = each_event(db, since, until, take_change, out, known);
    return e;
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
