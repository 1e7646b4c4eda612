/* Out of WAL mode, into one plain file.
 *
 * SQLite removes RUN-wal first, and then writes into the first page that there is none. A process that
 * ends in between leaves what looks like a file that was copied without its -wal. So RUN-wal stays until
 * that page is written, with nothing in it: SQLite and we take an empty one for none. */
#include "capdb/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void keep_wal(struct capdb *db, int keep)
{
    sqlite3_file_control(db->sql, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    sqlite3_exec(db->sql,
                 keep ? "PRAGMA main.journal_size_limit=0" : "PRAGMA main.journal_size_limit=-1",
                 NULL, NULL, NULL);
}

static void remove_beside(const char *path)
{
    struct stat st;
    char *shm;
    const char *wal = sqlite3_filename_wal(path);
    if (stat(wal, &st) != 0 || st.st_size != 0)
        return;
    if (asprintf(&shm, "%s-shm", path) < 0)
        return;
    unlink(wal);
    unlink(shm);
    free(shm);
}

/* While nobody else can begin to use them. */
static void remove_empty(struct capdb *db)
{
    const char *path = sqlite3_db_filename(db->sql, "main");
    if (!path || sqlite3_exec(db->sql, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK)
        return;
    remove_beside(path);
    sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL);
}

enum error capdb_rest(struct capdb *db, int wait_ms, bool *plain)
{
    sqlite3_stmt *st;
    *plain = false;
    sqlite3_busy_timeout(db->sql, wait_ms);
    keep_wal(db, 1);
    enum error e = capdb_prepare(db, "PRAGMA main.journal_mode=DELETE", &st);
    if (e == ERR_OK) {
        bool said = capdb_step(db, st, "closing", &e);
        *plain = said && strcmp(capdb_column_text(st, 0), "delete") == 0;
        sqlite3_finalize(st);
    }
    if (*plain)
        remove_empty(db);
    keep_wal(db, 0);
    return e;
}
