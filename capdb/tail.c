/* Changes that are committed and not merged: packing them, merging them, and showing them to a
 * reader, who writes nothing, as if they were.
 *
 * A merge takes one kind after the other: all rows that began, in their order and with the snapshot
 * at which they ended again if they did, then the ends of rows that are in the table already.  So
 * what came and went between two merges is written once. */
#include "capdb/tail.h"
#include "capdb/ended.h"
#include "capdb/version.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS_BYTES = 512, SQL_BYTES = 1024, ROWS_MAX = 1 << 27 };

/* --- packing --------------------------------------------------------------------------------- */

void tail_pack_rows(struct pack *p, const int64_t *ended, uint32_t count)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        pack_number(p, (uint64_t)ended[i] - (uint64_t)before);
        before = ended[i];
    }
}

static void pack_began(struct pack *p, int kind, const struct row *rows, uint32_t count)
{
    static const struct row nothing;
    const struct row *before = &nothing;
    for (uint32_t i = 0; i < count; before = &rows[i++])
        for (int c = 0; c < row_descs[kind].columns; c++)
            pack_difference(p, before->v[c], rows[i].v[c]);
}

void tail_bind(sqlite3_stmt *st, int at, const struct pack *p)
{
    if (p->used)
        sqlite3_bind_blob64(st, at, p->bytes, p->used, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(st, at, 0);
}

enum error tail_put(struct capdb *db, sqlite3_stmt *put, uint32_t t, int kind,
                    const struct tail_changes *c, struct pack scratch[2])
{
    enum error e = ERR_OK;
    if (c->ended_count == 0 && c->began_count == 0)
        return ERR_OK;
    scratch[0].used = scratch[1].used = 0;
    tail_pack_rows(&scratch[0], c->ended, c->ended_count);
    pack_began(&scratch[1], kind, c->began, c->began_count);
    if (scratch[0].failed || scratch[1].failed)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    sqlite3_bind_int64(put, 1, t);
    sqlite3_bind_int(put, 2, kind);
    sqlite3_bind_int64(put, 3, c->began_count ? c->began[0].row : 0);
    tail_bind(put, 4, &scratch[0]);
    tail_bind(put, 5, &scratch[1]);
    capdb_step(db, put, "writing a snapshot", &e);
    sqlite3_reset(put);
    return e;
}

/* --- unpacking ------------------------------------------------------------------------------- */

/* Each change of one kind, in the order in which it was committed; ends have no columns. */
typedef enum error (*change_fn)(void *ctx, int64_t t, const struct row *row);

struct walk {
    struct capdb *db;
    int kind;
    change_fn ends, begins; /* NULL: not of interest */
    void *ctx;
};

struct unpack tail_unpack(sqlite3_stmt *st, int column)
{
    const uint8_t *bytes = sqlite3_column_blob(st, column);
    int length = sqlite3_column_bytes(st, column);
    return (struct unpack){.at = bytes, .end = bytes ? bytes + length : NULL};
}

static enum error damaged(struct capdb *db)
{
    return capdb_fail(db, ERR_CORRUPT, "is damaged: its tail makes no sense");
}

static enum error walk_ends(const struct walk *w, int64_t t, struct unpack u)
{
    struct row row = {0};
    enum error e = ERR_OK;
    while (e == ERR_OK && u.at < u.end) {
        row.row = (int64_t)((uint64_t)row.row + unpack_number(&u));
        e = u.failed ? damaged(w->db) : w->ends(w->ctx, t, &row);
    }
    return e;
}

static enum error walk_begins(const struct walk *w, int64_t t, int64_t first, struct unpack u)
{
    struct row row = {.row = first};
    enum error e = ERR_OK;
    for (; e == ERR_OK && u.at < u.end; row.row = (int64_t)((uint64_t)row.row + 1)) {
        for (int c = 0; c < row_descs[w->kind].columns; c++)
            row.v[c] = unpack_difference(&u, row.v[c]);
        e = u.failed ? damaged(w->db) : w->begins(w->ctx, t, &row);
    }
    return e;
}

static enum error walk_tail(const struct walk *w)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        w->db, "SELECT t, first, ended, began FROM main.tail WHERE kind = ? ORDER BY rowid", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int(st, 1, w->kind);
    while (capdb_step(w->db, st, "reading the tail", &e)) {
        int64_t t = sqlite3_column_int64(st, 0);
        if (w->ends)
            e = walk_ends(w, t, tail_unpack(st, 2));
        if (e == ERR_OK && w->begins)
            e = walk_begins(w, t, sqlite3_column_int64(st, 1), tail_unpack(st, 3));
    }
    sqlite3_finalize(st);
    return e;
}

/* --- merging --------------------------------------------------------------------------------- */

struct ending {
    int64_t row, t;
    bool written; /* with the row itself */
};

struct merging {
    struct capdb *db;
    int kind;
    sqlite3_stmt *insert, *end;
    struct version_writer *writer; /* in place of insert, NULL */
    struct ending *ends;           /* ascending by row once they are all there */
    uint32_t count;
    size_t room;
};

static int ending_compare(const void *pa, const void *pb)
{
    const struct ending *a = pa;
    const struct ending *b = pb;
    return (a->row > b->row) - (a->row < b->row);
}

static enum error collect_end(void *ctx, int64_t t, const struct row *row)
{
    struct merging *m = ctx;
    struct ending *grown =
        m->count < ROWS_MAX ? array_room(m->ends, m->count, &m->room, sizeof(*grown)) : NULL;
    if (!grown)
        return capdb_fail(m->db, ERR_NO_MEMORY, "out of memory");
    m->ends = grown;
    m->ends[m->count++] = (struct ending){row->row, t, false};
    return ERR_OK;
}

static struct ending *end_of(const struct merging *m, int64_t row)
{
    struct ending key = {.row = row};
    return m->count ? bsearch(&key, m->ends, m->count, sizeof(key), ending_compare) : NULL;
}

static enum error step_and_reset(struct capdb *db, sqlite3_stmt *st)
{
    enum error e = ERR_OK;
    capdb_step(db, st, "merging", &e);
    sqlite3_reset(st);
    return e;
}

static void bind_column(sqlite3_stmt *st, int at, int kind, int column, int64_t v)
{
    if (v == ROW_NULL && row_may_be_null(kind, column))
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_int64(st, at, v);
}

static enum error insert_row(void *ctx, int64_t t, const struct row *row)
{
    struct merging *m = ctx;
    struct ending *end = end_of(m, row->row);
    const int64_t t1 = end ? end->t : CAPDB_STILL;
    if (end)
        end->written = true;
    if (m->writer)
        return version_put(m->writer, row, t, t1);
    sqlite3_bind_int64(m->insert, 1, row->row);
    sqlite3_bind_int64(m->insert, 2, t);
    sqlite3_bind_int64(m->insert, 3, t1);
    for (int c = 0; c < row_descs[m->kind].columns; c++)
        bind_column(m->insert, c + 4, m->kind, c, row->v[c]);
    return step_and_reset(m->db, m->insert);
}

static enum error write_ends(struct merging *m)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < m->count; i++) {
        if (m->ends[i].written)
            continue;
        sqlite3_bind_int64(m->end, 1, m->ends[i].t);
        sqlite3_bind_int64(m->end, 2, m->ends[i].row);
        e = step_and_reset(m->db, m->end);
    }
    return e;
}

static enum error prepare_insert(struct merging *m)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[m->kind];
    int n = snprintf(sql, sizeof(sql), "INSERT INTO main.%s VALUES (?, ?, ?", d->table);
    for (int c = 0; c < d->columns; c++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", ?");
    snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
    return capdb_prepare(m->db, sql, &m->insert);
}

static enum error prepare_merge(struct merging *m, struct version_writer *writer)
{
    char sql[SQL_BYTES];
    const bool split = capdb_is_split(m->db) && (m->kind == ROW_CAP || m->kind == ROW_OBJECT);
    m->writer = split ? writer : NULL;
    enum error e = split ? version_begin(writer, m->db, (enum row_kind)m->kind) : prepare_insert(m);
    if (e != ERR_OK)
        return e;
    snprintf(sql, sizeof(sql), "UPDATE main.%s SET t1 = ? WHERE row = ?",
             capdb_base(m->db, (enum row_kind)m->kind));
    return capdb_prepare(m->db, sql, &m->end);
}

static enum error merge_rows(struct merging *m)
{
    const struct walk ends = {m->db, m->kind, collect_end, NULL, m};
    const struct walk begins = {m->db, m->kind, NULL, insert_row, m};
    enum error e = walk_tail(&ends);
    if (m->count)
        qsort(m->ends, m->count, sizeof(*m->ends), ending_compare);
    if (e == ERR_OK)
        e = walk_tail(&begins);
    return e == ERR_OK ? write_ends(m) : e;
}

static enum error merge_kind(struct capdb *db, int kind)
{
    struct version_writer writer;
    struct merging m = {.db = db, .kind = kind};
    enum error e = prepare_merge(&m, &writer);
    if (e == ERR_OK)
        e = merge_rows(&m);
    if (m.writer)
        version_end(m.writer);
    sqlite3_finalize(m.insert);
    sqlite3_finalize(m.end);
    free(m.ends);
    return e;
}

enum error capdb_merge(struct capdb *db)
{
    capdb_forget_owner(db);
    enum error e = capdb_exec(db, "BEGIN IMMEDIATE", "merging");
    if (e != ERR_OK)
        return e;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = merge_kind(db, kind);
    if (e == ERR_OK && capdb_is_split(db))
        e = ended_put(db);
    if (e == ERR_OK)
        e = capdb_exec(db, "DELETE FROM main.tail; COMMIT", "merging");
    if (e != ERR_OK)
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* --- showing --------------------------------------------------------------------------------- */

static int columns_there(const struct capdb *db, const struct row_desc *d)
{
    return db->version == CAPDB_USER_VERSION_1 ? d->first_columns : d->columns;
}

/* ", v0, v1..." for the columns of a kind; a file of format 1 has fewer, the others are 0. */
static const char *tail_columns(const struct capdb *db, const struct row_desc *d,
                                char buf[COLUMNS_BYTES])
{
    int there = columns_there(db, d);
    int n = 0;
    for (int c = 0; c < d->columns; c++)
        n += snprintf(buf + n, COLUMNS_BYTES - (size_t)n, c < there ? ", v%d" : ", 0", c);
    return buf;
}

static const char *table_columns(const struct capdb *db, const struct row_desc *d, const char *of,
                                 char buf[COLUMNS_BYTES])
{
    int there = of[0] ? columns_there(db, d) : d->columns;
    int n = 0;
    for (int c = 0; c < d->columns; c++)
        if (c < there)
            n += snprintf(buf + n, COLUMNS_BYTES - (size_t)n, ", %s\"%s\"", of, d->column[c]);
        else
            n += snprintf(buf + n, COLUMNS_BYTES - (size_t)n, ", 0");
    return buf;
}

/* What shows the rows of a kind that are merged: its table, or one of our views beside the one of that
 * name, which shows the tail, too. */
static const char *merged_rows(const struct capdb *db, int kind, bool flat)
{
    return !capdb_is_split(db) || (kind != ROW_CAP && kind != ROW_OBJECT) ? NULL
           : kind == ROW_OBJECT                                           ? "merged_object"
           : flat                                                         ? "merged_flat"
                                                                          : "merged_cap";
}

static const char drop_tail[] = "DROP TABLE temp.tail_end; DROP TABLE temp.tail_begin";
static const char drop_merged[] =
    "DROP VIEW temp.cap_flat; DROP VIEW temp.cap_of; DROP VIEW temp.merged_cap;"
    "DROP VIEW temp.merged_flat; DROP VIEW temp.merged_object";

static enum error drop_overlay(struct capdb *db)
{
    enum error e = ERR_OK;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = capdb_execf(db, "reading the tail", "DROP VIEW temp.%s", row_descs[kind].table);
    if (e == ERR_OK && capdb_is_split(db))
        e = capdb_exec(db, drop_merged, "reading the tail");
    if (e == ERR_OK)
        e = capdb_exec(db, drop_tail, "reading the tail");
    db->overlaid = false;
    return e == ERR_OK ? capdb_show_rows(db) : e;
}

/* Ours of those views make room for what shows the tail. */
static enum error show_merged(struct capdb *db)
{
    if (!capdb_is_split(db))
        return ERR_OK;
    enum error e =
        capdb_exec(db,
                   "DROP VIEW temp.cap_row; DROP VIEW temp.cap_flat; DROP VIEW temp.cap_of;"
                   "DROP VIEW temp.object_row",
                   "reading the tail");
    if (e == ERR_OK)
        e = capdb_show_as(db, "cap_row", "merged_cap");
    if (e == ERR_OK)
        e = capdb_show_as(db, "cap_flat", "merged_flat");
    return e == ERR_OK ? capdb_show_as(db, "object_row", "merged_object") : e;
}

/* A table that the file does not have. */
static enum error empty_kind(struct capdb *db, const struct row_desc *d)
{
    char names[COLUMNS_BYTES];
    char zeros[COLUMNS_BYTES];
    return capdb_execf(db, "opening",
                       "CREATE TEMP VIEW %s (row, t0, t1%s) AS SELECT 0, 0, 0%s WHERE 0", d->table,
                       table_columns(db, d, "", names), tail_columns(db, d, zeros));
}

/* Rows of the table, of which some end in the tail, and rows that begin there. */
static void both_arms(const struct capdb *db, int kind, bool flat, const char *keys,
                      char sql[TAIL_FROM_BYTES])
{
    char own[COLUMNS_BYTES];
    char new[COLUMNS_BYTES];
    const struct row_desc *d = &row_descs[kind];
    const char *merged = merged_rows(db, kind, flat);
    snprintf(sql, TAIL_FROM_BYTES,
             "SELECT r.row, r.t0, coalesce(e.t, r.t1) AS t1%s FROM %s%s.%s r%s"
             " LEFT JOIN temp.tail_end e ON e.kind = %d AND e.row = r.row UNION ALL"
             " SELECT b.row, b.t, coalesce(e.t, %d)%s FROM temp.tail_begin b"
             " LEFT JOIN temp.tail_end e ON e.kind = %d AND e.row = b.row WHERE b.kind = %d",
             table_columns(db, d, "r.", own), keys[0] ? "capdb_keys k CROSS JOIN " : "",
             merged ? "temp" : "main", merged ? merged : d->table, keys, kind, CAPDB_STILL,
             tail_columns(db, d, new), kind, kind);
}

static enum error overlay_kind(struct capdb *db, int kind)
{
    char arms[TAIL_FROM_BYTES];
    char names[COLUMNS_BYTES];
    const struct row_desc *d = &row_descs[kind];
    if (columns_there(db, d) == 0)
        return empty_kind(db, d);
    both_arms(db, kind, false, "", arms);
    return capdb_execf(db, "reading the tail", "CREATE TEMP VIEW %s (row, t0, t1%s) AS %s",
                       d->table, table_columns(db, d, "", names), arms);
}

static enum error overlay_flat(struct capdb *db)
{
    char arms[TAIL_FROM_BYTES];
    char names[COLUMNS_BYTES];
    if (!capdb_is_split(db))
        return ERR_OK;
    both_arms(db, ROW_CAP, true, "", arms);
    return capdb_execf(db, "reading the tail",
                       "CREATE TEMP VIEW cap_of AS SELECT * FROM cap_row;"
                       "CREATE TEMP VIEW cap_flat (row, t0, t1%s) AS %s",
                       table_columns(db, &row_descs[ROW_CAP], "", names), arms);
}

void tail_from_listed(const struct capdb *db, int kind, char sql[TAIL_FROM_BYTES + 2])
{
    static const char on[] = " ON r.row = k.key";
    if (!db->overlaid) {
        snprintf(sql, TAIL_FROM_BYTES, "capdb_keys k CROSS JOIN %s r%s",
                 capdb_flat(db, (enum row_kind)kind), on);
        return;
    }
    char arms[TAIL_FROM_BYTES];
    both_arms(db, kind, true, on, arms);
    snprintf(sql, TAIL_FROM_BYTES + 2, "(%s)", arms);
}

static const char make_tables[] =
    "CREATE TEMP TABLE tail_end (kind INTEGER, row INTEGER, t INTEGER,"
    " PRIMARY KEY (kind, row)) WITHOUT ROWID;"
    "CREATE TEMP TABLE tail_begin (t, kind, op, row, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10,"
    " v11, v12, v13, v14, v15, v16, v17)";

/* Formats 1 and 2 have one row a change. */
static const char copy_old_tail[] =
    "INSERT OR REPLACE INTO temp.tail_end SELECT kind, row, t FROM main.tail WHERE op = 0;"
    "INSERT INTO temp.tail_begin SELECT * FROM main.tail WHERE op = 1 ORDER BY kind, row";
static const char copy_tail_1[] =
    "INSERT OR REPLACE INTO temp.tail_end SELECT kind, row, t FROM main.tail WHERE op = 0;"
    "INSERT INTO temp.tail_begin (t, kind, op, row, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10,"
    " v11, v12, v13) SELECT * FROM main.tail WHERE op = 1 ORDER BY kind, row";

static enum error show_end(void *ctx, int64_t t, const struct row *row)
{
    struct merging *m = ctx;
    sqlite3_bind_int(m->end, 1, m->kind);
    sqlite3_bind_int64(m->end, 2, row->row);
    sqlite3_bind_int64(m->end, 3, t);
    return step_and_reset(m->db, m->end);
}

static enum error show_begin(void *ctx, int64_t t, const struct row *row)
{
    struct merging *m = ctx;
    sqlite3_bind_int64(m->insert, 1, t);
    sqlite3_bind_int(m->insert, 2, m->kind);
    sqlite3_bind_int64(m->insert, 3, row->row);
    for (int c = 0; c < row_descs[m->kind].columns; c++)
        bind_column(m->insert, c + 4, m->kind, c, row->v[c]);
    return step_and_reset(m->db, m->insert);
}

static enum error copy_packed_tail(struct capdb *db)
{
    struct merging m = {.db = db};
    enum error e =
        capdb_prepare(db, "INSERT OR REPLACE INTO temp.tail_end VALUES (?, ?, ?)", &m.end);
    if (e == ERR_OK)
        e = capdb_prepare(db,
                          "INSERT INTO temp.tail_begin VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                          " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          &m.insert);
    for (; e == ERR_OK && m.kind < ROW_KINDS; m.kind++) {
        const struct walk w = {db, m.kind, show_end, show_begin, &m};
        e = walk_tail(&w);
    }
    sqlite3_finalize(m.end);
    sqlite3_finalize(m.insert);
    return e;
}

static enum error copy_tail(struct capdb *db)
{
    enum error e = capdb_exec(db, make_tables, "reading the tail");
    if (e == ERR_OK && db->version >= CAPDB_USER_VERSION_3)
        e = copy_packed_tail(db);
    else if (e == ERR_OK)
        e = capdb_exec(db, db->version == CAPDB_USER_VERSION_1 ? copy_tail_1 : copy_old_tail,
                       "reading the tail");
    return e == ERR_OK ? capdb_exec(db, "CREATE INDEX temp.tail_begin_kind ON tail_begin (kind)",
                                    "reading the tail")
                       : e;
}

enum error capdb_overlay(struct capdb *db)
{
    capdb_forget_owner(db);
    enum error e = db->overlaid ? drop_overlay(db) : ERR_OK;
    if (e == ERR_OK)
        db->message[0] = '\0';
    bool needed = e == ERR_OK && (capdb_int(db, "SELECT 1 FROM main.tail LIMIT 1", 0) != 0 ||
                                  db->version == CAPDB_USER_VERSION_1);
    if (e == ERR_OK && db->message[0])
        e = ERR_FORMAT;
    if (e != ERR_OK || !needed)
        return e;
    e = copy_tail(db);
    if (e == ERR_OK)
        e = show_merged(db);
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = overlay_kind(db, kind);
    if (e == ERR_OK)
        e = overlay_flat(db);
    db->overlaid = e == ERR_OK;
    return e;
}
