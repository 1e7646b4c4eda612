/* Our views, made when a statement names one: most commands name none, and reading the text of all
 * takes longer than many an answer.
 *
 * Until then a name means what stands in the file, so SQLite refuses views of the file: an answer
 * comes from ours or not at all, also where they went with a transaction that failed. */
#include "capdb/store.h"

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
    static const char same[] = "CREATE TEMP VIEW IF NOT EXISTS cap_flat AS SELECT * FROM cap_row;"
                               "CREATE TEMP VIEW IF NOT EXISTS cap_of AS SELECT * FROM cap_row";
    enum error e = capdb_is_split(db) ? ERR_OK : capdb_exec(db, same, "opening");
    if (e == ERR_OK && db->version == CAPDB_USER_VERSION_1) /* its own come first */
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

enum error capdb_show_rows(struct capdb *db)
{
    static const char *const views[] = {"cap_row", "cap_of", "cap_flat", "object_row"};
    enum error e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && capdb_is_split(db) && i < sizeof(views) / sizeof(*views); i++)
        e = capdb_show_as(db, views[i], views[i]);
    return e;
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
