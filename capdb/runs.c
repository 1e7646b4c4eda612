/* Runs of the machine: which one a snapshot is of.
 *
 * The view `runs` (schema.sql) finds out where runs begin by looking at all snapshots; the recorder
 * writes down each beginning as it comes, by the same rule. */
#include "capdb/runs.h"

#include "capdb/recorder.h"

/* --- where they begin ------------------------------------------------------------------------- */

bool capdb_source_restarts(struct capdb *db, uint32_t n)
{
    static const char sql[] =
        "WITH at AS (SELECT id, first, target, instr(machine || ' run ', 'run ') AS run, machine"
        " FROM source),"
        " part AS (SELECT id, first, target, trim(substr(machine, 1, run - 1)) AS behind,"
        " substr(machine, run) AS run FROM at)"
        " SELECT count(*) FROM part now WHERE now.first = ? AND (EXISTS (SELECT 1 FROM part before"
        " WHERE before.id = now.id - 1 AND before.target = now.target"
        " AND before.behind <> now.behind AND before.behind <> '' AND now.behind <> '')"
        " OR now.run <> '' AND now.run <> (SELECT run FROM part before WHERE before.id < now.id"
        " AND run <> '' ORDER BY id DESC LIMIT 1))";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return false;
    sqlite3_bind_int64(st, 1, n);
    bool restarts = capdb_step(db, st, "looking for runs of the machine", &e) &&
                    sqlite3_column_int64(st, 0) > 0;
    sqlite3_finalize(st);
    return restarts;
}

enum error runs_put(struct capdb *db, uint32_t n, const struct record_snapshot *before,
                    const struct record_snapshot *now)
{
    bool goes_on = n > 1 && now->ticks >= before->ticks && now->seq >= before->seq;
    if (!db->keyframes || (goes_on && !capdb_source_restarts(db, n)))
        return ERR_OK;
    return capdb_execf(db, "writing a snapshot", "INSERT INTO main.run_begin VALUES (%u)", n);
}

enum error runs_make(struct capdb *db)
{
    enum error e = capdb_make_views(db);
    return e == ERR_OK ? capdb_exec(db, "INSERT INTO main.run_begin SELECT first FROM temp.runs",
                                    "writing runs of the machine")
                       : e;
}

enum error runs_verify(struct capdb *db, capdb_report report, void *ctx)
{
    static const char sql[] =
        "SELECT count(*) FROM (SELECT * FROM (SELECT n FROM main.run_begin EXCEPT SELECT first FROM"
        " runs) UNION ALL SELECT * FROM (SELECT first FROM runs EXCEPT SELECT n FROM"
        " main.run_begin))";
    db->message[0] = '\0';
    int64_t differ = db->keyframes ? capdb_int(db, sql, 0) : 0;
    if (db->message[0])
        return ERR_FORMAT;
    if (differ)
        report(ctx, "the table run_begin differs from where runs of the machine begin");
    return ERR_OK;
}

/* --- of a snapshot ---------------------------------------------------------------------------- */

static const char doing[] = "looking for runs of the machine";

static bool has_beginnings(struct capdb *db)
{
    return db->keyframes && capdb_int(db, "SELECT 1 FROM main.run_begin LIMIT 1", 0) != 0;
}

bool capdb_goes_on(struct capdb *db, uint32_t n, uint32_t last)
{
    static const char written[] =
        "SELECT NOT EXISTS (SELECT 1 FROM main.run_begin WHERE n > ?1 AND n <= ?2)";
    static const char sql[] = "SELECT NOT EXISTS (SELECT 1 FROM source WHERE first > ?1 AND"
                              " first <= ?2) AND NOT EXISTS (SELECT 1 FROM snapshot s"
                              " LEFT JOIN snapshot p ON p.n = s.n - 1 WHERE s.n > ?1 AND s.n <= ?2"
                              " AND (p.ticks <= s.ticks AND p.seq <= s.seq) IS NOT 1)";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, has_beginnings(db) ? written : sql, &st);
    if (e != ERR_OK)
        return false;
    sqlite3_bind_int64(st, 1, n);
    sqlite3_bind_int64(st, 2, last);
    bool goes_on = capdb_step(db, st, doing, &e) && sqlite3_column_int(st, 0) != 0;
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

/* As the view says. */
static enum error from_view(struct capdb *db, uint32_t n, struct capdb_run *out)
{
    static const char sql[] = "SELECT first, last, from_row FROM runs WHERE first >= (SELECT"
                              " coalesce(max(first), 0) FROM runs WHERE first <= ?) ORDER BY first"
                              " LIMIT 2";
    sqlite3_stmt *st;
    if (is_one_run(db, out))
        return ERR_OK;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, doing, &e)) {
        out->first = (uint32_t)sqlite3_column_int64(st, 0);
        out->last = (uint32_t)sqlite3_column_int64(st, 1);
        out->from_row = sqlite3_column_int64(st, 2);
        if (capdb_step(db, st, doing, &e))
            out->next_row = sqlite3_column_int64(st, 2);
    }
    sqlite3_finalize(st);
    return e;
}

/* The first event of the run that begins with snapshot n, by the rule of the view. */
static int64_t first_event(struct capdb *db, int64_t n, enum error *e)
{
    static const char sql[] =
        "SELECT coalesce("
        " (SELECT max(x.row) FROM (SELECT e.row, e.n, e.seq,"
        "   lag(e.seq, 1, p.seq) OVER (ORDER BY e.row) AS before"
        "   FROM event e JOIN snapshot p ON p.n = ?1 - 1 WHERE e.n IN (?1 - 1, ?1)"
        "   AND e.kind NOT IN (SELECT w.value FROM word w WHERE w.kind = 'event' AND w.text = 'gap'))"
        "  x WHERE x.n = ?1 AND x.seq <= x.before),"
        " (SELECT max(e.row) + 1 FROM event e"
        "   WHERE e.n = (SELECT max(l.n) FROM event l WHERE l.n <= ?1)"
        "   AND EXISTS (SELECT 1 FROM snapshot p WHERE p.n = ?1 - 1)), 1)";
    sqlite3_stmt *st;
    int64_t row = 1;
    if (*e == ERR_OK)
        *e = capdb_prepare(db, sql, &st);
    if (*e != ERR_OK)
        return row;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, doing, e))
        row = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return row;
}

/* Those that were written down: *found tells whether the snapshot is in one. */
static enum error from_table(struct capdb *db, uint32_t n, struct capdb_run *out, bool *found)
{
    static const char sql[] = "SELECT (SELECT max(n) FROM main.run_begin WHERE n <= ?1),"
                              " (SELECT min(n) FROM main.run_begin WHERE n > ?1),"
                              " (SELECT max(n) FROM main.snapshot)";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    *found = capdb_step(db, st, doing, &e) && sqlite3_column_type(st, 0) == SQLITE_INTEGER;
    bool ends = *found && sqlite3_column_type(st, 1) == SQLITE_INTEGER;
    int64_t first = *found ? sqlite3_column_int64(st, 0) : 0;
    int64_t next = ends ? sqlite3_column_int64(st, 1) : 0;
    int64_t last = ends ? next - 1 : *found ? sqlite3_column_int64(st, 2) : 0;
    sqlite3_finalize(st);
    if (e != ERR_OK || !*found)
        return e;
    out->first = (uint32_t)first;
    out->last = (uint32_t)last;
    out->from_row = first_event(db, first, &e);
    if (ends)
        out->next_row = first_event(db, next, &e);
    return e;
}

enum error capdb_run_at(struct capdb *db, uint32_t n, struct capdb_run *out)
{
    bool found = false;
    *out = (struct capdb_run){.first = 1, .last = n, .from_row = 1, .next_row = INT64_MAX};
    enum error e = db->keyframes ? from_table(db, n, out, &found) : ERR_OK;
    return e == ERR_OK && !found ? from_view(db, n, out) : e;
}

enum error capdb_find_runs(struct capdb *db)
{
    static const char sql[] = "INSERT INTO temp.begun SELECT first FROM runs";
    struct capdb_run one;
    sqlite3_stmt *st;
    enum error e = capdb_exec(db,
                              "CREATE TEMP TABLE IF NOT EXISTS begun (first INTEGER PRIMARY KEY);"
                              "DELETE FROM temp.begun",
                              doing);
    if (e != ERR_OK)
        return e;
    if (has_beginnings(db))
        return capdb_exec(db, "INSERT INTO temp.begun SELECT n FROM main.run_begin", doing);
    if (is_one_run(db, &one))
        return capdb_execf(db, doing, "INSERT INTO temp.begun VALUES (%u)", one.first);
    e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    capdb_step(db, st, doing, &e);
    sqlite3_finalize(st);
    return e;
}
