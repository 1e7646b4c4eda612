/* Our views, made when a statement names one: most commands name none, and reading the text of all
 * takes longer than many an answer.
 *
 * Until then a name means what stands in the file, so SQLite refuses views of the file: an answer
 * comes from ours or not at all, also where they went with a transaction that failed. */
#include "capdb/store.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error make_views(struct capdb *db, const char *schema)
{
    struct schema_statement s;
    enum error e = ERR_OK;
    while (e == ERR_OK && schema_next(&schema, &s))
        if (s.kind == SCHEMA_VIEW && !schema_is_rows(s.name))
            e = capdb_execf(db, "opening", "CREATE TEMP VIEW IF NOT EXISTS%.*s",
                            (int)(s.length - s.body), s.text + s.body);
    return e;
}

enum error capdb_make_views(struct capdb *db)
{
    enum error e = ERR_OK;
    if (db->version == CAPDB_USER_VERSION_1) /* its own come first */
        e = make_views(db, capdb_schema_1_sql);
    return e == ERR_OK ? make_views(db, capdb_schema_sql) : e;
}

enum error capdb_show_as(struct capdb *db, const char *view, const char *name)
{
    struct schema_statement s;
    const char *schema = capdb_schema_sql;
    while (schema_next(&schema, &s))
        if (s.kind == SCHEMA_VIEW && strcmp(s.name, view) == 0) {
            const char *as = s.text + s.body + strspn(s.text + s.body, " ") + strlen(view);
            return capdb_execf(db, "opening", "CREATE TEMP VIEW %s%.*s", name,
                               (int)(s.length - (size_t)(as - s.text)), as);
        }
    return capdb_fail(db, ERR_NOT_FOUND, "no view %s", view);
}

/* Versions with numbers in place of their places and words: take.c. */
static const char short_view[] =
    "CREATE TEMP VIEW IF NOT EXISTS cap_short AS SELECT c.row, c.t0, c.t1,"
    " iif(c.life < 0, -c.life, c.row) AS id, coalesce(c.parent, f.parent) AS parent,"
    " coalesce(c.pos, f.pos) AS pos, iif(c.life < 0, f.life, c.life) AS object, c.data,"
    " c.place AS place_id, c.word AS word_id FROM main.cap_version c"
    " LEFT JOIN main.cap_version f ON f.row = iif(c.life < 0, -c.life, NULL)";

enum error capdb_show_rows(struct capdb *db)
{
    static const char *const views[] = {"cap_row", "cap_of", "cap_flat", "object_row"};
    static const char same[] = "CREATE TEMP VIEW cap_flat AS SELECT * FROM cap_row;"
                               "CREATE TEMP VIEW cap_of AS SELECT * FROM cap_row";
    enum error e = capdb_is_split(db) ? ERR_OK : capdb_exec(db, same, "opening");
    for (size_t i = 0; e == ERR_OK && capdb_is_split(db) && i < sizeof(views) / sizeof(*views); i++)
        e = capdb_show_as(db, views[i], views[i]);
    return e == ERR_OK && capdb_is_split(db) ? capdb_exec(db, short_view, "opening") : e;
}

const char *capdb_base(const struct capdb *db, enum row_kind kind)
{
    return !capdb_is_split(db)  ? row_descs[kind].table
           : kind == ROW_CAP    ? "cap_version"
           : kind == ROW_OBJECT ? "object_version"
                                : row_descs[kind].table;
}

const char *capdb_flat(const struct capdb *db, enum row_kind kind)
{
    return capdb_is_split(db) && kind == ROW_CAP ? "cap_flat" : row_descs[kind].table;
}

/* The last of the text is there: then all are.  capdb_prepare() asks here, so this does without. */
static bool has_views(struct capdb *db)
{
    static const char sql[] = "SELECT 1 FROM temp.sqlite_schema WHERE name = 'revokes'";
    sqlite3_stmt *st;
    bool there = sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL) == SQLITE_OK &&
                 sqlite3_step(st) == SQLITE_ROW;
    sqlite3_finalize(st);
    return there;
}

enum error capdb_need_views(struct capdb *db)
{
    if (db->writable || has_views(db))
        return ERR_OK;
    return capdb_make_views(db);
}

void capdb_allow_views(struct capdb *db, bool allowed)
{
    if (!db->writable)
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, (int)allowed, NULL);
}

/* --- of some snapshots ----------------------------------------------------------------------- */

/* Which run of the machine an event is of, what a capability was before and the like follow from what
 * lies around a range. So each view is made over everything first, under a name of its own, and what
 * is asked is a part of that. */
#define WHOLE "whole_"

static const char *const schemas[] = {capdb_schema_1_sql, capdb_schema_sql};

static size_t first_schema(const struct capdb *db)
{
    return db->version == CAPDB_USER_VERSION_1 ? 0 : 1;
}

static bool is_view(const struct capdb *db, const char *word, size_t length)
{
    for (size_t i = first_schema(db); i < 2; i++) {
        struct schema_statement s;
        for (const char *at = schemas[i]; schema_next(&at, &s);)
            if (s.kind == SCHEMA_VIEW && !schema_is_rows(s.name) && strlen(s.name) == length &&
                strncmp(s.name, word, length) == 0)
                return true;
    }
    return false;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncmp(text, word, length) == 0;
}

/* What stands behind FROM and JOIN becomes the whole of it. */
static void put_whole(FILE *f, const struct capdb *db, const char *at, const char *end)
{
    bool source = false;
    while (at < end) {
        size_t length = 0;
        while (at + length < end && (isalnum((unsigned char)at[length]) || at[length] == '_'))
            length++;
        if (length == 0) {
            fputc(*at++, f);
            continue;
        }
        if (source && is_word(at, length, "snapshot"))
            fputs("main.", f);
        else if (source && is_view(db, at, length))
            fputs(WHOLE, f);
        fwrite(at, 1, length, f);
        source = is_word(at, length, "FROM") || is_word(at, length, "JOIN");
        at += length;
    }
}

static enum error make_whole(struct capdb *db, const struct schema_statement *s)
{
    char *text = NULL;
    size_t size;
    const char *name = strstr(s->text + s->body, s->name);
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    fprintf(f, "CREATE TEMP VIEW IF NOT EXISTS " WHOLE "%s", s->name);
    put_whole(f, db, name + strlen(s->name), s->text + s->length);
    bool written = fclose(f) == 0;
    enum error e =
        written ? capdb_exec(db, text, "opening") : capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    free(text);
    return e;
}

static bool has_column(sqlite3_stmt *st, const char *name)
{
    for (int c = 0; c < sqlite3_column_count(st); c++)
        if (strcmp(sqlite3_column_name(st, c), name) == 0)
            return true;
    return false;
}

/* A row is of one snapshot, of a time, or of events. */
static void put_condition(sqlite3_stmt *whole, uint32_t first, uint32_t last, char *buf,
                          size_t size)
{
    buf[0] = '\0';
    if (has_column(whole, "n"))
        snprintf(buf, size, " WHERE n BETWEEN %u AND %u", first, last);
    else if (has_column(whole, "first") && has_column(whole, "last"))
        snprintf(buf, size, " WHERE first <= %u AND coalesce(last >= %u, 1)", last, first);
    else if (has_column(whole, "first_row"))
        snprintf(buf, size,
                 " WHERE (SELECT n FROM main.event WHERE row = first_row) <= %u AND"
                 " coalesce((SELECT n FROM main.event WHERE row = last_row) >= %u, 1)",
                 last, first);
}

static enum error make_part(struct capdb *db, const char *name, uint32_t first, uint32_t last)
{
    char sql[96], condition[256];
    sqlite3_stmt *st;
    snprintf(sql, sizeof(sql), "SELECT * FROM temp." WHOLE "%s", name);
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    put_condition(st, first, last, condition, sizeof(condition));
    sqlite3_finalize(st);
    return capdb_execf(db, "opening",
                       "CREATE TEMP VIEW IF NOT EXISTS %s AS SELECT * FROM " WHOLE "%s%s", name,
                       name, condition);
}

static enum error each_view(struct capdb *db, bool whole, uint32_t first, uint32_t last)
{
    enum error e = ERR_OK;
    for (size_t i = first_schema(db); i < 2; i++) {
        struct schema_statement s;
        for (const char *at = schemas[i]; e == ERR_OK && schema_next(&at, &s);)
            if (s.kind == SCHEMA_VIEW && !schema_is_rows(s.name))
                e = whole ? make_whole(db, &s) : make_part(db, s.name, first, last);
    }
    return e;
}

enum error capdb_limit_views(struct capdb *db, uint32_t first, uint32_t last)
{
    enum error e = each_view(db, true, first, last);
    if (e == ERR_OK)
        e = each_view(db, false, first, last);
    return e == ERR_OK ? capdb_execf(db, "opening",
                                     "CREATE TEMP VIEW snapshot AS SELECT * FROM main.snapshot"
                                     " WHERE n BETWEEN %u AND %u",
                                     first, last)
                       : e;
}
