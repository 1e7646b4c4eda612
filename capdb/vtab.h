/* What tables that this program shows in SQL have in common (breaches.c, keys.c): they belong to a
 * recording, are read from their first row to the last, and number their rows from 0. */
#ifndef CAPSCOPE_CAPDB_VTAB_H
#define CAPSCOPE_CAPDB_VTAB_H

#include <sqlite3.h>

#include <stddef.h>
#include <stdint.h>

struct capdb;

struct vtab {
    sqlite3_vtab base;
    struct capdb *db;
};

/* Begins the cursor of each such table. */
struct vtab_cursor {
    sqlite3_vtab_cursor base;
    uint32_t at;
};

/* For xConnect and xOpen; size: of the whole cursor, which is cleared. */
int vtab_connect(sqlite3 *sql, struct capdb *db, const char *declaration, sqlite3_vtab **out);
int vtab_open(size_t size, sqlite3_vtab_cursor **out);
struct capdb *vtab_db(const sqlite3_vtab_cursor *cursor);

/* As a sqlite3_module has them. */
int vtab_disconnect(sqlite3_vtab *t);
int vtab_best_index(sqlite3_vtab *t, sqlite3_index_info *info);
int vtab_next(sqlite3_vtab_cursor *cursor);
int vtab_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out);

#endif
