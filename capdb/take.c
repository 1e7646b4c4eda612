/* Rows of a kind from a query, all in one step of it.
 *
 * SQLite hands a row out cell by cell, each through a call that looks whether the statement is well;
 * an aggregate of ours gets all cells of a row in one call and puts them into a rowset, and the query
 * comes back once, at its end.  It gets them from the last to the first: then SQLite finds where all
 * of them lie at the first, in one go.
 *
 * Of capabilities, places and words are left out first, and asked for afterwards, each once and in the
 * order in which they lie: most are those of many versions. */
#include "capdb/keyframe.h"
#include "capdb/short.h"
#include "capdb/tail.h"

#include <stdio.h>
#include <string.h>

enum { SQL_BYTES = 1280, FROM_BYTES = 96, HELD_BYTES = TAIL_FROM_BYTES + SQL_BYTES };

/* Where the rows of the query under way go. */
struct taking {
    enum row_kind kind;
    int columns;      /* of them */
    bool all_numbers; /* none may be NULL */
    struct rowset *out;
    enum error error;
};

/* Of a cell behind the number of its row. */
static bool take_other(const struct taking *t, sqlite3_value *cell, int column, int64_t *out)
{
    *out = ROW_NULL;
    return sqlite3_value_type(cell) == SQLITE_NULL && !t->all_numbers &&
           row_may_be_null((int)t->kind, column);
}

static enum error take_row(const struct taking *t, int count, sqlite3_value **cells)
{
    struct row row = {0};
    bool numbers =
        count == t->columns + 1 && sqlite3_value_type(cells[count - 1]) == SQLITE_INTEGER;
    if (!numbers)
        return ERR_CORRUPT;
    row.row = sqlite3_value_int64(cells[--count]);
    for (int c = 0; numbers && c < count; c++) {
        sqlite3_value *cell = cells[count - 1 - c];
        if (sqlite3_value_type(cell) == SQLITE_INTEGER)
            row.v[c] = sqlite3_value_int64(cell);
        else
            numbers = take_other(t, cell, c, &row.v[c]);
    }
    if (!numbers)
        return ERR_CORRUPT;
    return rowset_add(t->out, &row) ? ERR_OK : ERR_NO_MEMORY;
}

/* Whoever calls it without asking for rows, in a query of their own, gets an error. */
static void step(sqlite3_context *ctx, int count, sqlite3_value **cells)
{
    const struct capdb *db = sqlite3_user_data(ctx);
    struct taking *t = db->taking;
    if (t && t->error == ERR_OK)
        t->error = take_row(t, count, cells);
    if (!t || t->error != ERR_OK)
        sqlite3_result_error(ctx, "capdb_take() takes rows of a recording", -1);
}

static void end(sqlite3_context *ctx)
{
    sqlite3_result_null(ctx);
}

enum error capdb_add_taking(struct capdb *db)
{
    int code = sqlite3_create_function(db->sql, "capdb_take", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                       db, NULL, step, end);
    return code == SQLITE_OK ? ERR_OK : ERR_NO_MEMORY;
}

static enum error prepare_from(struct capdb *db, enum row_kind kind, const char *from,
                               const char *where, sqlite3_stmt **out)
{
    char sql[HELD_BYTES];
    const struct row_desc *d = &row_descs[kind];
    int used = snprintf(sql, sizeof(sql), "SELECT capdb_take(");
    for (int c = d->columns - 1; c >= 0; c--)
        used += snprintf(sql + used, sizeof(sql) - (size_t)used, "\"%s\", ", d->column[c]);
    snprintf(sql + used, sizeof(sql) - (size_t)used, "row) FROM %s WHERE %s", from, where);
    return capdb_prepare(db, sql, out);
}

enum error capdb_prepare_rows(struct capdb *db, enum row_kind kind, const char *where,
                              sqlite3_stmt **out)
{
    return prepare_from(db, kind, row_descs[kind].table, where, out);
}

static enum error take(struct capdb *db, sqlite3_stmt *st, const char *doing, struct taking taking)
{
    enum error e = ERR_OK;
    db->taking = &taking;
    capdb_step(db, st, doing, &e);
    db->taking = NULL;
    sqlite3_reset(st);
    if (taking.error == ERR_NO_MEMORY)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    if (taking.error != ERR_OK)
        return capdb_fail(db, ERR_CORRUPT, "is damaged: a cell of %s is no number",
                          row_descs[taking.kind].table);
    return e;
}

enum error capdb_take_rows(struct capdb *db, sqlite3_stmt *st, enum row_kind kind,
                           const char *doing, struct rowset *out)
{
    return take(db, st, doing,
                (struct taking){.kind = kind, .columns = row_descs[kind].columns, .out = out});
}

/* --- versions without their places and words --------------------------------------------------- */

/* Is what is asked of the numbers and times of versions asked of cap_short?  It shows no tail. */
static bool is_short(const struct capdb *db, enum row_kind kind)
{
    return kind == ROW_CAP && capdb_is_split(db) && !db->overlaid;
}

/* from: what shows rows of cap_short, as prepare_from() has it. */
static enum error prepare_short(struct capdb *db, const char *from, const char *where,
                                sqlite3_stmt **out)
{
    char sql[HELD_BYTES];
    int used = snprintf(sql, sizeof(sql), "SELECT capdb_take(");
    for (int c = SHORT_COLUMNS - 1; c >= 0; c--)
        used += snprintf(sql + used, sizeof(sql) - (size_t)used, "%s, ", short_columns[c]);
    snprintf(sql + used, sizeof(sql) - (size_t)used, "row) FROM %s WHERE %s", from, where);
    return capdb_prepare(db, sql, out);
}

static enum error take_short(struct capdb *db, sqlite3_stmt *st, const char *doing,
                             struct rowset *out)
{
    const uint32_t first = out->count;
    const struct key_list *keys = db->keys;
    enum error e = take(db, st, doing,
                        (struct taking){.columns = SHORT_COLUMNS, .all_numbers = true, .out = out});
    if (e == ERR_OK && out->count > first)
        e = short_fill(db, out, first);
    db->keys = keys;
    return e;
}

static enum error prepare_plain(struct capdb *db, enum row_kind kind, const char *from,
                                const char *where, sqlite3_stmt **out)
{
    return is_short(db, kind) ? prepare_short(db, from, where, out)
                              : prepare_from(db, kind, from, where, out);
}

static enum error take_plain(struct capdb *db, sqlite3_stmt *st, enum row_kind kind,
                             const char *doing, struct rowset *out)
{
    return is_short(db, kind) ? take_short(db, st, doing, out)
                              : capdb_take_rows(db, st, kind, doing, out);
}

enum error capdb_take_plain(struct capdb *db, enum row_kind kind, const char *where,
                            const int64_t *values, int count, const char *doing, struct rowset *out)
{
    sqlite3_stmt *st;
    const char *from = is_short(db, kind) ? "cap_short" : capdb_flat(db, kind);
    enum error e = prepare_plain(db, kind, from, where, &st);
    if (e != ERR_OK)
        return e;
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(st, i + 1, values[i]);
    e = take_plain(db, st, kind, doing, out);
    sqlite3_finalize(st);
    return e;
}

/* --- of a list ----------------------------------------------------------------------------------- */

static void from_listed(const struct capdb *db, enum row_kind kind, char sql[TAIL_FROM_BYTES + 2])
{
    if (is_short(db, kind))
        snprintf(sql, TAIL_FROM_BYTES, "capdb_keys k CROSS JOIN cap_short r ON r.row = k.key");
    else
        tail_from_listed(db, (int)kind, sql);
}

enum error capdb_take_numbered(struct capdb *db, enum row_kind kind, const struct key_list *numbers,
                               const char *where, const int64_t *values, int count,
                               const char *doing, struct rowset *out)
{
    char from[TAIL_FROM_BYTES + 2];
    sqlite3_stmt *st;
    from_listed(db, kind, from);
    enum error e = prepare_plain(db, kind, from, where, &st);
    if (e != ERR_OK)
        return e;
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(st, i + 1, values[i]);
    db->keys = numbers;
    e = take_plain(db, st, kind, doing, out);
    db->keys = NULL;
    sqlite3_finalize(st);
    return e;
}

/* The rows that may hold are asked for one by one, or all up to the last of them. */
static enum error prepare_held(struct capdb *db, enum row_kind kind, const struct held *held,
                               const char *where, sqlite3_stmt **out)
{
    char from[TAIL_FROM_BYTES + 2];
    char all[SQL_BYTES];
    const bool plain = !where && is_short(db, kind);
    if (held->listed && plain)
        from_listed(db, kind, from);
    else if (held->listed)
        tail_from_listed(db, (int)kind, from);
    else
        snprintf(from, sizeof(from), "%s", plain ? "cap_short" : capdb_flat(db, kind));
    int used = snprintf(all, sizeof(all), "t0 <= ?1 AND t1 > ?1%s%s", where ? " AND " : "",
                        where ? where : "");
    if (!held->listed && held->last != INT64_MAX)
        snprintf(all + used, sizeof(all) - (size_t)used, " AND row <= %lld", (long long)held->last);
    return plain ? prepare_short(db, from, all, out) : prepare_from(db, kind, from, all, out);
}

static enum error take_held(struct capdb *db, enum row_kind kind, bool sparse, uint32_t n,
                            const char *where, const int64_t *values, int count, const char *doing,
                            struct rowset *out)
{
    struct held held;
    sqlite3_stmt *st;
    enum error e = held_rows(db, kind, sparse, n, &held);
    if (e != ERR_OK)
        return e;
    db->keys = held.listed ? &held.rows : NULL;
    e = prepare_held(db, kind, &held, where, &st);
    if (e == ERR_OK) {
        sqlite3_bind_int64(st, 1, n);
        for (int i = 0; i < count && i + 2 <= sqlite3_bind_parameter_count(st); i++)
            sqlite3_bind_int64(st, i + 2, values[i]);
        e = where ? capdb_take_rows(db, st, kind, doing, out)
                  : take_plain(db, st, kind, doing, out);
        sqlite3_finalize(st);
    }
    db->keys = NULL;
    held_free(&held);
    return e;
}

enum error capdb_take_held(struct capdb *db, enum row_kind kind, uint32_t n, const char *where,
                           const int64_t *values, int count, const char *doing, struct rowset *out)
{
    return take_held(db, kind, false, n, where, values, count, doing, out);
}

enum error capdb_take_sparse(struct capdb *db, enum row_kind kind, uint32_t n, const char *doing,
                             struct rowset *out)
{
    static const char caps[] = "(type <> ?2 OR addr IS NOT NULL OR bits IS NOT NULL)";
    static const char objects[] = "(type <> ?2 OR bits NOT BETWEEN ?3 AND ?4)";
    static const int64_t values[] = {RECORD_CAP_FRAME, FRAME_BITS_MIN, FRAME_BITS_MAX};
    return take_held(db, kind, true, n, kind == ROW_CAP ? caps : objects, values, 3, doing, out);
}

/* From a table r, of what holds in one of two snapshots. */
static enum error take_both(struct capdb *db, enum row_kind kind, const char *from,
                            const uint32_t n[2], const char *doing, struct rowset *out)
{
    char sql[SQL_BYTES];
    sqlite3_stmt *st;
    const struct row_desc *d = &row_descs[kind];
    int used = snprintf(sql, sizeof(sql), "SELECT capdb_take(r.t0 << 32 | r.t1");
    for (int c = d->columns - 1; c >= 0; c--)
        used += snprintf(sql + used, sizeof(sql) - (size_t)used, ", r.\"%s\"", d->column[c]);
    snprintf(sql + used, sizeof(sql) - (size_t)used,
             ", r.row) FROM %s"
             " WHERE r.t0 <= ?1 AND r.t1 > ?1 OR r.t0 <= ?2 AND r.t1 > ?2",
             from);
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n[0]);
    sqlite3_bind_int64(st, 2, n[1]);
    e = take(db, st, doing,
             (struct taking){.kind = kind, .columns = row_descs[kind].columns + 1, .out = out});
    sqlite3_finalize(st);
    return e;
}

enum error capdb_rows_of_many(struct capdb *db, enum row_kind kind, const char *column,
                              const struct key_list *keys, const uint32_t n[2], const char *doing,
                              struct rowset *out)
{
    char from[FROM_BYTES];
    snprintf(from, sizeof(from), "capdb_keys k CROSS JOIN %s r ON r.\"%s\" = k.key",
             strcmp(column, "row") == 0 ? capdb_flat(db, kind) : row_descs[kind].table, column);
    db->keys = keys;
    enum error e = take_both(db, kind, from, n, doing, out);
    db->keys = NULL;
    return e;
}

enum error capdb_rows_of_both(struct capdb *db, enum row_kind kind, const uint32_t n[2],
                              const char *doing, struct rowset *out)
{
    char from[FROM_BYTES];
    snprintf(from, sizeof(from), "%s r", capdb_flat(db, kind));
    return take_both(db, kind, from, n, doing, out);
}
