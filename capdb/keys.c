/* `capdb_keys` in SQL: a list of numbers of this program as a table with the column key.
 *
 * A join with it asks for many rows in one query, in the order of the list, without the numbers
 * being written out as text and read again.  Without a list it is empty. */
#include "capdb/store.h"
#include "capdb/vtab.h"

struct key_cursor {
    struct vtab_cursor cursor;
    const struct key_list *list;
};

static int connect_table(sqlite3 *sql, void *db, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message)
{
    (void)argc, (void)argv, (void)message;
    return vtab_connect(sql, db, "CREATE TABLE capdb_keys (key INTEGER)", out);
}

static int open_cursor(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    (void)t;
    return vtab_open(sizeof(struct key_cursor), out);
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
    const struct key_list *list = vtab_db(base)->keys;
    (void)number, (void)name, (void)argc, (void)argv;
    c->list = list ? list : &nothing;
    c->cursor.at = 0;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct key_cursor *c = (const struct key_cursor *)base;
    return c->cursor.at >= c->list->count;
}

static int column_value(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    const struct key_cursor *c = (const struct key_cursor *)base;
    (void)column;
    sqlite3_result_int64(out, c->list->keys[c->cursor.at]);
    return SQLITE_OK;
}

enum error capdb_add_keys(struct capdb *db)
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
    int code = sqlite3_create_module(db->sql, "capdb_keys", &module, db);
    return code == SQLITE_OK ? ERR_OK : ERR_NO_MEMORY;
}
