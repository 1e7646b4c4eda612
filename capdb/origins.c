/* What recorded events say about the slots they touched since the newest snapshot (facts/origins.h). */
#include "capdb/recorder.h"

#include "record/vocabulary.h"

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

static bool take_change(struct origins *o, const struct record_event *e)
{
    origins_apply(o, e);
    return true;
}

enum error origins_read(struct capdb *db, uint64_t since, uint64_t until, struct origins *out,
                        bool *known)
{
    *out = (struct origins){0};
    enum error e = each_event(db, since, until, origins_touch, out, known);
    origins_begin(out);
    if (e == ERR_OK && *known)
        e = each_event(db, since, until, take_change, out, known);
    return e;
}
