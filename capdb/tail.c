/* Changes that are committed and not merged: merging them, and showing them to a reader, who writes
 * nothing, as if they were. */
#include "capdb/store.h"

#include <stdio.h>

enum { COLUMNS_BYTES = 512 };

static int columns_there(const struct capdb *db, const struct row_desc *d)
{
    return db->version == CAPDB_USER_VERSION ? d->columns : d->first_columns;
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

/* --- merging --- */

static enum error merge_kind(struct capdb *db, int kind)
{
    char columns[COLUMNS_BYTES];
    const struct row_desc *d = &row_descs[kind];
    enum error e = capdb_execf(db, "merging",
                               "INSERT INTO main.%s SELECT row, t, %d%s FROM main.tail"
                               " WHERE kind = %d AND op = 1 ORDER BY row",
                               d->table, CAPDB_STILL, tail_columns(db, d, columns), kind);
    if (e != ERR_OK)
        return e;
    return capdb_execf(db, "merging",
                       "UPDATE main.%s SET t1 = c.t FROM (SELECT row, t FROM main.tail"
                       " WHERE kind = %d AND op = 0 ORDER BY row) AS c WHERE %s.row = c.row",
                       d->table, kind, d->table);
}

enum error capdb_merge(struct capdb *db)
{
    capdb_forget_owner(db);
    enum error e = capdb_exec(db, "BEGIN IMMEDIATE", "merging");
    if (e != ERR_OK)
        return e;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = merge_kind(db, kind);
    if (e == ERR_OK)
        e = capdb_exec(db, "DELETE FROM main.tail; COMMIT", "merging");
    if (e != ERR_OK)
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* --- showing --- */

static enum error drop_overlay(struct capdb *db)
{
    enum error e = ERR_OK;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = capdb_execf(db, "reading the tail", "DROP VIEW temp.%s", row_descs[kind].table);
    if (e == ERR_OK)
        e = capdb_exec(db, "DROP TABLE temp.tail_end; DROP TABLE temp.tail_begin",
                       "reading the tail");
    db->overlaid = false;
    return e;
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
static enum error overlay_kind(struct capdb *db, int kind)
{
    char own[COLUMNS_BYTES];
    char new[COLUMNS_BYTES];
    char names[COLUMNS_BYTES];
    const struct row_desc *d = &row_descs[kind];
    if (columns_there(db, d) == 0)
        return empty_kind(db, d);
    return capdb_execf(
        db, "reading the tail",
        "CREATE TEMP VIEW %s (row, t0, t1%s) AS"
        " SELECT r.row, r.t0, coalesce(e.t, r.t1)%s FROM main.%s r"
        " LEFT JOIN temp.tail_end e ON e.kind = %d AND e.row = r.row UNION ALL"
        " SELECT b.row, b.t, coalesce(e.t, %d)%s FROM temp.tail_begin b"
        " LEFT JOIN temp.tail_end e ON e.kind = %d AND e.row = b.row WHERE b.kind = %d",
        d->table, table_columns(db, d, "", names), table_columns(db, d, "r.", own), d->table, kind,
        CAPDB_STILL, tail_columns(db, d, new), kind, kind);
}

static const char copy_tail[] =
    "CREATE TEMP TABLE tail_end (kind INTEGER, row INTEGER, t INTEGER,"
    " PRIMARY KEY (kind, row)) WITHOUT ROWID;"
    "INSERT OR REPLACE INTO temp.tail_end SELECT kind, row, t FROM main.tail WHERE op = 0;"
    "CREATE TEMP TABLE tail_begin AS SELECT * FROM main.tail WHERE op = 1 ORDER BY kind, row;"
    "CREATE INDEX temp.tail_begin_kind ON tail_begin (kind)";

enum error capdb_overlay(struct capdb *db)
{
    capdb_forget_owner(db);
    enum error e = db->overlaid ? drop_overlay(db) : ERR_OK;
    if (e == ERR_OK)
        db->message[0] = '\0';
    bool needed = e == ERR_OK && (capdb_int(db, "SELECT 1 FROM main.tail LIMIT 1", 0) != 0 ||
                                  db->version != CAPDB_USER_VERSION);
    if (e == ERR_OK && db->message[0])
        e = ERR_FORMAT;
    if (e != ERR_OK || !needed)
        return e;
    e = capdb_exec(db, copy_tail, "reading the tail");
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = overlay_kind(db, kind);
    db->overlaid = e == ERR_OK;
    return e;
}
