/* Events of a recording: storing and fetching them.
 *
 * An event has the number n of the first snapshot that shows it, so those with n lie between the
 * snapshots n - 1 and n.  They are rows of their own from the beginning, in the order in which they
 * came; what was lost is a row of kind 0 with the first number and how many. */
#include "capdb/recorder.h"

/* --- storing --- */

#define ONE_PLACE(mode, name) ", ?"
#define BIND(mode, name)      sqlite3_bind_int64(st, at++, (int64_t)r->name);
#define FETCH_U(name)         out->name = (uint32_t)sqlite3_column_int64(st, at++);
#define FETCH_W(name)         out->name = (uint64_t)sqlite3_column_int64(st, at++);
#define FETCH_D(name)         FETCH_W(name)
#define FETCH(mode, name)     FETCH_##mode(name)
static const char insert_sql[] =
    "INSERT INTO main.event VALUES (NULL, ?" RECORD_FIELDS_EVENT(ONE_PLACE) ")";

static enum error put_one(struct capdb *db, sqlite3_stmt *st, const struct record *record)
{
    const struct record_event gap = {
        .seq = record->gap.first,
        .kind = CAPDB_EVENT_GAP,
        .detail = record->gap.count,
    };
    const struct record_event *r = record->kind == RECORD_GAP ? &gap : &record->event;
    int at = 1;
    sqlite3_bind_int64(st, at++, (int64_t)db->count + 1);
    RECORD_FIELDS_EVENT(BIND)
    enum error e = ERR_OK;
    capdb_step(db, st, "writing events", &e);
    sqlite3_reset(st);
    return e;
}

static enum error put_all(struct capdb *db, const struct record *events, uint32_t count)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, insert_sql, &st);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        if (events[i].kind == RECORD_EVENT || events[i].kind == RECORD_GAP)
            e = put_one(db, st, &events[i]);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_put_events(struct capdb *db, const struct record *events, uint32_t count)
{
    if (count == 0)
        return ERR_OK;
    enum error e = recorder_transaction(db, "writing events");
    if (e != ERR_OK)
        return e;
    e = put_all(db, events, count);
    if (e == ERR_OK)
        e = recorder_commit(db, LEDGER_KIND_EVENTS, db->count, NULL, "writing events");
    if (e != ERR_OK)
        recorder_roll_back(db);
    return e;
}

/* --- reading --- */

void capdb_fetch_event(sqlite3_stmt *st, int at,
                       struct record_event *out){RECORD_FIELDS_EVENT(FETCH)}

int64_t capdb_event_ticks(sqlite3_stmt *st)
{
    int last = sqlite3_column_count(st) - 1;
    return sqlite3_column_type(st, last) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, last);
}

bool capdb_has_events(struct capdb *db)
{
    return capdb_int(db, "SELECT 1 FROM event LIMIT 1", 0) != 0;
}
