/* `capdb_keys` in SQL: a list of numbers of this program as a table with the column key.
 *
 * A join with it asks for many rows in one query, in the order of the list, without the numbers
 * being written out as text and read again.  Without a list it is empty. */
#include "capdb/store.h"

struct key_table {
    sqlite3_vtab base;
    const struct capdb *db;
};

struct key_cursor {
    sqlite3_vtab_cursor base;
    const struct key_list *list;
    uint32_t at;
};

static int connect_table(sqlite3 *sql, void *db, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    struct key_table *t = sqlite3_malloc(sizeof(*t));
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct key_table){.db = db};
    *out = &t->base;
    return sqlite3_declare_vtab(sql, "CREATE TABLE capdb_keys (key INTEGER)");
}

static int disconnect_table(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedCost = 1000;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    (void)t;
    struct key_cursor *c = sqlite3_malloc(sizeof(*c));
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct key_cursor){.at = 0};
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *name, int argc,
                  sqlite3_value **argv)
{
    static const struct key_list nothing;
    struct key_cursor *c = (struct key_cursor *)base;
    const struct key_list *list = ((struct key_table *)base->pVtab)->db->keys;
    (void)number;
    (void)name;
    (void)argc;
    (void)argv;
    c->list = list ? list : &nothing;
    c->at = 0;
    return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
    ((struct key_cursor *)base)->at++;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct key_cursor *c = (const struct key_cursor *)base;
    return c->at >= c->list->count;
}

static int column_value(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    const struct key_cursor *c = (const struct key_cursor *)base;
    (void)column;
    sqlite3_result_int64(out, c->list->keys[c->at]);
    return SQLITE_OK;
}

static int row_number(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct key_cursor *)base)->at + 1;
    return SQLITE_OK;
}

enum error capdb_add_keys(struct capdb *db)
{
    static const sqlite3_module module = {
        .xConnect = connect_table,
        .xBestIndex = best_index,
        .xDisconnect = disconnect_table,
        .xOpen = open_cursor,
        .xClose = close_cursor,
        .xFilter = filter,
        .xNext = next_row,
        .xEof = at_end,
        .xColumn = column_value,
        .xRowid = row_number,
    };
    int code = sqlite3_create_module(db->sql, "capdb_keys", &module, db);
    return code == SQLITE_OK ? ERR_OK : ERR_NO_MEMORY;
}
