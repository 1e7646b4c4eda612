/* Tables of this program in SQL: what they have in common. */
#include "capdb/vtab.h"

#include <string.h>

int vtab_connect(sqlite3 *sql, struct capdb *db, const char *declaration, sqlite3_vtab **out)
{
    struct vtab *t = sqlite3_malloc(sizeof(*t));
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct vtab){.db = db};
    *out = &t->base;
    return sqlite3_declare_vtab(sql, declaration);
}

int vtab_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

/* There is one way: all of it, in its order. */
int vtab_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedCost = 1e9;
    return SQLITE_OK;
}

int vtab_open(size_t size, sqlite3_vtab_cursor **out)
{
    *out = sqlite3_malloc64(size);
    if (!*out)
        return SQLITE_NOMEM;
    memset(*out, 0, size);
    return SQLITE_OK;
}

struct capdb *vtab_db(const sqlite3_vtab_cursor *cursor)
{
    return ((const struct vtab *)cursor->pVtab)->db;
}

int vtab_next(sqlite3_vtab_cursor *cursor)
{
    ((struct vtab_cursor *)cursor)->at++;
    return SQLITE_OK;
}

int vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct vtab_cursor *)cursor)->at + 1;
    return SQLITE_OK;
}
