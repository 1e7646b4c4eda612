/* Our views, made when a statement names one: most commands name none, and reading the text of all
 * takes longer than many an answer.
 *
 * Until then a name means what stands in the file, so SQLite refuses views of the file: an answer
 * comes from ours or not at all, also where they went with a transaction that failed. */
#include "capdb/store.h"

static enum error make_views(struct capdb *db, const char *schema)
{
    struct schema_statement s;
    enum error e = ERR_OK;
    while (e == ERR_OK && schema_next(&schema, &s))
        if (s.kind == SCHEMA_VIEW)
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
