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

/* --- runs of the machine --- */

static const char run_doing[] = "looking for runs of the machine";

bool capdb_goes_on(struct capdb *db, uint32_t n, uint32_t last)
{
    static const char sql[] = "SELECT NOT EXISTS (SELECT 1 FROM source WHERE first > ?1 AND"
                              " first <= ?2) AND NOT EXISTS (SELECT 1 FROM snapshot s"
                              " LEFT JOIN snapshot p ON p.n = s.n - 1 WHERE s.n > ?1 AND s.n <= ?2"
                              " AND (p.ticks <= s.ticks AND p.seq <= s.seq) IS NOT 1)";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return false;
    sqlite3_bind_int64(st, 1, n);
    sqlite3_bind_int64(st, 2, last);
    bool goes_on = capdb_step(db, st, run_doing, &e) && sqlite3_column_int(st, 0) != 0;
    sqlite3_finalize(st);
    return goes_on;
}

/* Then its run needs no question to the view, whose text takes longer to read than most answers. */
static bool is_one_run(struct capdb *db, struct capdb_run *out)
{
    int64_t first = capdb_int(db, "SELECT min(n) FROM snapshot", 0);
    int64_t last = capdb_int(db, "SELECT max(n) FROM snapshot", 0);
    if (first < 1 || last >= UINT32_MAX || !capdb_goes_on(db, (uint32_t)first, (uint32_t)last))
        return false;
    out->first = (uint32_t)first;
    out->last = (uint32_t)last;
    return true;
}

enum error capdb_run_at(struct capdb *db, uint32_t n, struct capdb_run *out)
{
    static const char sql[] = "SELECT first, last, from_row FROM runs WHERE first >= (SELECT"
                              " coalesce(max(first), 0) FROM runs WHERE first <= ?) ORDER BY first"
                              " LIMIT 2";
    sqlite3_stmt *st;
    *out = (struct capdb_run){.first = 1, .last = n, .from_row = 1, .next_row = INT64_MAX};
    if (is_one_run(db, out))
        return ERR_OK;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, run_doing, &e)) {
        out->first = (uint32_t)sqlite3_column_int64(st, 0);
        out->last = (uint32_t)sqlite3_column_int64(st, 1);
        out->from_row = sqlite3_column_int64(st, 2);
        if (capdb_step(db, st, run_doing, &e))
            out->next_row = sqlite3_column_int64(st, 2);
    }
    sqlite3_finalize(st);
    return e;
}

enum error capdb_find_runs(struct capdb *db)
{
    static const char sql[] = "INSERT INTO temp.begun SELECT first FROM runs";
    struct capdb_run one;
    sqlite3_stmt *st;
    enum error e = capdb_exec(db,
                              "CREATE TEMP TABLE IF NOT EXISTS begun (first INTEGER PRIMARY KEY);"
                              "DELETE FROM temp.begun",
                              run_doing);
    if (e != ERR_OK)
        return e;
    if (is_one_run(db, &one))
        return capdb_execf(db, run_doing, "INSERT INTO temp.begun VALUES (%u)", one.first);
    e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    capdb_step(db, st, run_doing, &e);
    sqlite3_finalize(st);
    return e;
}
