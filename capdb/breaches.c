/* `breaches` in SQL: a virtual table over what `check --all` finds, worked out when it is asked for.
 * One row a breach, doubt or note, with the first and the last snapshot in which it holds. */
#include "capdb/spans.h"
#include "capdb/store.h"
#include "capdb/vtab.h"

#include <stdlib.h>
#include <string.h>

const char capdb_breaches_declaration[] =
    "CREATE TABLE breaches (first, last, breach, domain_a, domain_b, meaning, object, witness_a,"
    " witness_b, path, weight)";

enum { TEXT_COLUMN = 3, MEANING_COLUMN = 5, WEIGHT_COLUMN = 10 };

struct breach_cursor {
    struct vtab_cursor cursor;
    struct spans spans;
};

static int connect_table(sqlite3 *sql, void *db, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    return vtab_connect(sql, db, capdb_breaches_declaration, out);
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    (void)t;
    return vtab_open(sizeof(struct breach_cursor), out);
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct breach_cursor *c = (struct breach_cursor *)base;
    spans_free(&c->spans);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *name, int argc,
                  sqlite3_value **argv)
{
    struct breach_cursor *c = (struct breach_cursor *)base;
    struct capdb *db = vtab_db(base);
    struct options o = {.every = -1, .patience = -1, .run = db->path, .whole = true, .quiet = true};
    struct view v = {.options = &o, .db = db, .second = true};
    uint32_t first = (uint32_t)capdb_int(db, "SELECT min(n) FROM snapshot", 0); /* of the range */
    uint32_t last = (uint32_t)capdb_int(db, "SELECT max(n) FROM snapshot", 0);
    (void)number;
    (void)name;
    (void)argc;
    (void)argv;
    spans_free(&c->spans);
    c->cursor.at = 0;
    enum status s = last ? dbview_load(&o, &v, first) : STATUS_YES;
    if (s == STATUS_YES && last)
        s = spans_over(&o, &v, first, last, &c->spans, NULL, NULL);
    dbview_close(&v);
    if (s == STATUS_YES)
        return SQLITE_OK;
    base->pVtab->zErrMsg = sqlite3_mprintf("breaches: %s", capdb_error(db));
    return SQLITE_ERROR;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct breach_cursor *c = (const struct breach_cursor *)base;
    return c->cursor.at >= c->spans.count;
}

/* Columns 3, 4 and from 6 on are texts in the order of enum span_text. */
static const char *text_of(const struct span *s, int column)
{
    return s->text[column - TEXT_COLUMN - (column > MEANING_COLUMN)];
}

static int column_value(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    static const char *const weights[] = {"breach", "doubt", "note"};
    const struct breach_cursor *c = (const struct breach_cursor *)base;
    const struct span *s = &c->spans.list[c->cursor.at];
    const char *text = column == 2                ? s->name
                       : column == MEANING_COLUMN ? s->meaning
                       : column == WEIGHT_COLUMN  ? weights[s->weight]
                       : column >= TEXT_COLUMN    ? text_of(s, column)
                                                  : NULL;
    if (column < 2)
        sqlite3_result_int64(out, column == 0 ? s->first : s->last);
    else if (text && strcmp(text, "-") != 0)
        sqlite3_result_text(out, text, -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
}

enum error capdb_add_breaches(struct capdb *db)
{
    static const sqlite3_module module = {
        .xConnect = connect_table,
        .xBestIndex = vtab_best_index,
        .xDisconnect = vtab_disconnect,
        .xOpen = open_cursor,
        .xClose = close_cursor,
        .xFilter = filter,
        .xNext = vtab_next,
        .xEof = at_end,
        .xColumn = column_value,
        .xRowid = vtab_rowid,
    };
    if (sqlite3_create_module(db->sql, "breaches", &module, db) != SQLITE_OK)
        return capdb_fail_sql(db, "opening");
    return ERR_OK;
}
