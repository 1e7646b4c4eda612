/* Statements, and sentences from SQLite's errors. */
#include "capdb/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GIVE_UP_STEPS = 100000 }; /* of SQLite's machine, between two looks: some milliseconds */

enum error capdb_fail(struct capdb *db, enum error e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->message, sizeof(db->message), fmt, args);
    va_end(args);
    return e;
}

static bool disk_is_full(struct capdb *db, int code)
{
    return code == SQLITE_FULL || (code == SQLITE_IOERR && sqlite3_system_errno(db->sql) == ENOSPC);
}

enum error capdb_fail_sql(struct capdb *db, const char *doing)
{
    int code = sqlite3_errcode(db->sql) & 0xff;
    int why = sqlite3_system_errno(db->sql); /* 0: SQLite forgot */
    const char *said = sqlite3_errmsg(db->sql);
    if (disk_is_full(db, code))
        return capdb_fail(db, ERR_IO, "the disk is full (%s)%s", doing,
                          db->in_one || db->count == 0 ? "" : "; complete snapshots are kept");
    switch (code) {
    case SQLITE_NOTADB:
        return capdb_fail(db, ERR_FORMAT, "is not a capdb recording");
    case SQLITE_CORRUPT:
        return capdb_fail(db, ERR_FORMAT, "is damaged (%s): %s", doing, said);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return capdb_fail(db, ERR_TIMEOUT, "another program holds a lock on it (%s)", doing);
    case SQLITE_INTERRUPT:
        return capdb_fail(db, ERR_TIMEOUT, "given up: a question may take %u seconds here",
                          db->give_up_after);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return capdb_fail(db, ERR_IO, "%s: %s (no permission?)", doing, said);
    case SQLITE_NOMEM:
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory (%s)", doing);
    case SQLITE_IOERR:
        return capdb_fail(db, ERR_IO, "%s: %s%s%s", doing, said, why ? "; " : "",
                          why ? strerror(why) : "");
    default:
        return capdb_fail(db, ERR_IO, "%s: %s", doing, said);
    }
}

enum error capdb_exec(struct capdb *db, const char *sql, const char *doing)
{
    if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, doing);
    return ERR_OK;
}

enum error capdb_execf(struct capdb *db, const char *doing, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *sql = sqlite3_vmprintf(fmt, args);
    va_end(args);
    if (!sql)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory (%s)", doing);
    enum error e = capdb_exec(db, sql, doing);
    sqlite3_free(sql);
    return e;
}

enum error capdb_exec_texts(struct capdb *db, const char *doing, const char *sql,
                            const char *const *texts, int count)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    for (int i = 0; i < count; i++)
        sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_STATIC);
    capdb_step(db, st, doing, &e);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_prepare(struct capdb *db, const char *sql, sqlite3_stmt **out)
{
    int code = sqlite3_prepare_v2(db->sql, sql, -1, out, NULL);
    if (code == SQLITE_ERROR && capdb_need_views(db) == ERR_OK) /* it may name one */
        code = sqlite3_prepare_v2(db->sql, sql, -1, out, NULL);
    return code == SQLITE_OK ? ERR_OK : capdb_fail_sql(db, "reading the recording");
}

bool capdb_step(struct capdb *db, sqlite3_stmt *st, const char *doing, enum error *e)
{
    if (*e != ERR_OK)
        return false;
    int code = sqlite3_step(st);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        *e = capdb_fail_sql(db, doing);
    return code == SQLITE_ROW;
}

int64_t capdb_int(struct capdb *db, const char *sql, int64_t missing)
{
    sqlite3_stmt *st;
    int64_t value = missing;
    if (capdb_prepare(db, sql, &st) != ERR_OK)
        return missing;
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(st, 0);
    else if (code != SQLITE_ROW && code != SQLITE_DONE)
        capdb_fail_sql(db, "reading the recording");
    sqlite3_finalize(st);
    return value;
}

const char *capdb_column_text(sqlite3_stmt *st, int column)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    return text ? text : "";
}

void capdb_give_up_after(struct capdb *db, uint32_t seconds, bool (*wanted)(void *ctx), void *ctx)
{
    db->give_up_after = seconds;
    db->wanted = wanted;
    db->wanted_ctx = ctx;
}

static int is_given_up(void *ctx)
{
    struct capdb *db = ctx;
    return capdb_now() > db->give_up_at || (db->wanted && !db->wanted(db->wanted_ctx));
}

enum error capdb_question_begins(struct capdb *db)
{
    enum error e = capdb_need_views(db);
    if (e != ERR_OK)
        return e;
    capdb_allow_views(db, true);
    db->give_up_at = capdb_now() + db->give_up_after;
    if (db->give_up_after)
        sqlite3_progress_handler(db->sql, GIVE_UP_STEPS, is_given_up, db);
    return ERR_OK;
}

void capdb_question_ends(struct capdb *db)
{
    sqlite3_progress_handler(db->sql, 0, NULL, NULL);
    capdb_allow_views(db, false);
}

double capdb_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

const char *capdb_error(const struct capdb *db)
{
    return db->message;
}
