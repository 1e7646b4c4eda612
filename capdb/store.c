/* The file: creating, opening, checking that it is ours, merging the tail, publishing at the end.
 *
 * While it is written the database is in WAL mode, so a reader never waits and a killed recorder
 * loses nothing that was committed; on closing it goes back to a plain file that a user without
 * write permission can open. */
#include "capdb/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 5000, SQL_BYTES = 2048, CACHE_KIB = 32768 };

#define COLUMN_NAME(name) #name,
#define X(NAME, table_name)                                                                        \
    [ROW_##NAME] = {                                                                               \
        .table = #table_name,                                                                      \
        .columns =                                                                                 \
            (int)(sizeof((const char *[]){ROW_##NAME##_COLUMNS(COLUMN_NAME)}) / sizeof(char *)),   \
        .column = {ROW_##NAME##_COLUMNS(COLUMN_NAME)},                                             \
    },
const struct row_desc row_descs[ROW_KINDS] = {ROW_KIND_LIST(X)};
#undef X

/* --- errors and statements --- */

enum error capdb_fail(struct capdb *db, enum error e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->message, sizeof(db->message), fmt, args);
    va_end(args);
    return e;
}

enum error capdb_fail_sql(struct capdb *db, const char *doing)
{
    int code = sqlite3_errcode(db->sql) & 0xff;
    switch (code) {
    case SQLITE_NOTADB:
        return capdb_fail(db, ERR_FORMAT, "is not a capdb recording");
    case SQLITE_CORRUPT:
        return capdb_fail(db, ERR_FORMAT, "is damaged (%s): %s", doing, sqlite3_errmsg(db->sql));
    case SQLITE_FULL:
        return capdb_fail(db, ERR_IO, "the disk is full (%s); complete snapshots are kept", doing);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return capdb_fail(db, ERR_IO, "%s: %s (no permission to write?)", doing,
                          sqlite3_errmsg(db->sql));
    case SQLITE_NOMEM:
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory (%s)", doing);
    case SQLITE_IOERR:
        if (sqlite3_system_errno(db->sql) == ENOSPC)
            return capdb_fail(db, ERR_IO, "the disk is full (%s); complete snapshots are kept",
                              doing);
        return capdb_fail(db, ERR_IO, "%s: %s (%s)", doing, sqlite3_errmsg(db->sql),
                          strerror(sqlite3_system_errno(db->sql)));
    default:
        return capdb_fail(db, ERR_IO, "%s: %s", doing, sqlite3_errmsg(db->sql));
    }
}

enum error capdb_exec(struct capdb *db, const char *sql, const char *doing)
{
    if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, doing);
    return ERR_OK;
}

enum error capdb_prepare(struct capdb *db, const char *sql, sqlite3_stmt **out)
{
    if (sqlite3_prepare_v2(db->sql, sql, -1, out, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, "reading the recording");
    return ERR_OK;
}

int64_t capdb_int(struct capdb *db, const char *sql, int64_t missing)
{
    sqlite3_stmt *st;
    int64_t value = missing;
    if (capdb_prepare(db, sql, &st) != ERR_OK)
        return missing;
    if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return value;
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

/* --- opening --- */

static enum error set_pragmas(struct capdb *db)
{
    char sql[160];
    snprintf(sql, sizeof(sql),
             "PRAGMA synchronous=NORMAL; PRAGMA secure_delete=OFF; PRAGMA cache_size=-%d;"
             "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;",
             CACHE_KIB);
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    return capdb_exec(db, sql, "opening");
}

static void db_free(struct capdb *db)
{
    sqlite3_stmt *all[] = {db->put_tail, db->put_snapshot, db->put_name,
                           db->get_name, db->put_domain,   db->get_domain};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        sqlite3_finalize(all[i]);
    if (db->mirror) {
        mirror_free(db->mirror);
        free(db->mirror);
    }
    authority_rules_free(&db->rules);
    sqlite3_close(db->sql);
    free(db->path);
    free(db);
}

/* Hands the sentence out and gives up. */
static enum error open_failed(struct capdb *db, enum error e, char *message)
{
    snprintf(message, CAPDB_MESSAGE, "%s", db ? db->message : "out of memory");
    if (db)
        db_free(db);
    return e;
}

static struct capdb *db_new(const char *path)
{
    struct capdb *db = calloc(1, sizeof(*db));
    if (!db)
        return NULL;
    db->path = strdup(path);
    db->memory = strcmp(path, ":memory:") == 0;
    db->next_cap = db->next_object = 1;
    db->reshape = true;
    for (int k = 0; k < ROW_KINDS; k++)
        db->next_row[k] = 1;
    if (!db->path) {
        free(db);
        return NULL;
    }
    return db;
}

static enum error put_words(struct capdb *db, sqlite3_stmt *st, const char *kind, int value,
                            const char *text)
{
    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 2, value);
    sqlite3_bind_text(st, 3, text, -1, SQLITE_STATIC);
    return sqlite3_step(st) == SQLITE_DONE ? ERR_OK : capdb_fail_sql(db, "creating");
}

/* Names of enumerations, so that views can say them. */
static enum error fill_words(struct capdb *db)
{
    static const struct {
        const char *kind;
        int value;
        const char *text;
    } words[] = {
#define X(value, NAME, text) {"cap", value, text},
        RECORD_CAP_LIST(X)
#undef X
#define X(value, NAME, text) {"thread", value, text},
            RECORD_THREAD_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"fault", value, text},
                RECORD_FAULT_LIST(X)
#undef X
#define X(value, NAME, text, detail) {"event", value, text},
                    RECORD_EVENT_LIST(X)
#undef X
                        {"event", CAPDB_EVENT_GAP, "gap"},
#define X(value, NAME, text) {"endpoint", value, text},
        RECORD_ENDPOINT_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"notification", value, text},
            RECORD_NOTIFICATION_STATE_LIST(X)
#undef X
#define X(value, NAME, text) {"irq", value, text},
                RECORD_IRQ_STATE_LIST(X)
#undef X
    };
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "INSERT INTO word VALUES (?, ?, ?)", &st);
    for (size_t i = 0; e == ERR_OK && i < sizeof(words) / sizeof(*words); i++)
        e = put_words(db, st, words[i].kind, words[i].value, words[i].text);
    sqlite3_finalize(st);
    return e;
}

static enum error put_target(struct capdb *db, const char *target)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        db, "INSERT INTO meta VALUES ('target', ?), ('created', datetime('now'))", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_text(st, 1, target, -1, SQLITE_STATIC);
    if (sqlite3_step(st) != SQLITE_DONE)
        e = capdb_fail_sql(db, "creating");
    sqlite3_finalize(st);
    return e;
}

static enum error create_schema(struct capdb *db, const char *target)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "BEGIN; PRAGMA application_id=%d; PRAGMA user_version=%d;",
             CAPDB_APPLICATION_ID, CAPDB_USER_VERSION);
    enum error e = capdb_exec(db, sql, "creating");
    if (e == ERR_OK)
        e = capdb_exec(db, capdb_schema, "creating");
    if (e == ERR_OK)
        e = capdb_exec(db, capdb_event_table, "creating");
    if (e == ERR_OK)
        e = capdb_exec(db, capdb_event_views, "creating");
    if (e == ERR_OK)
        e = fill_words(db);
    if (e == ERR_OK)
        e = put_target(db, target);
    if (e == ERR_OK)
        e = capdb_exec(db, "COMMIT", "creating");
    return e;
}

enum error capdb_create(const char *path, const char *target, struct capdb **out, char *message)
{
    struct stat st;
    struct capdb *db = db_new(path);
    *out = NULL;
    if (!db)
        return open_failed(db, ERR_NO_MEMORY, message);
    db->writable = true;
    if (!db->memory && stat(path, &st) == 0)
        return open_failed(db, capdb_fail(db, ERR_REFUSED, "exists already"), message);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK)
        return open_failed(db, capdb_fail_sql(db, "creating"), message);
    enum error e = set_pragmas(db);
    if (e == ERR_OK)
        e = create_schema(db, target);
    if (e != ERR_OK) {
        if (!db->memory)
            unlink(path);
        return open_failed(db, e, message);
    }
    *out = db;
    return ERR_OK;
}

static enum error check_identity(struct capdb *db)
{
    db->message[0] = '\0';
    int64_t id = capdb_int(db, "PRAGMA application_id", -1);
    if (id < 0)
        return db->message[0] ? ERR_FORMAT : capdb_fail(db, ERR_FORMAT, "cannot be read");
    if (id != CAPDB_APPLICATION_ID)
        return capdb_fail(db, ERR_FORMAT, "is not a capdb recording");
    int64_t version = capdb_int(db, "PRAGMA user_version", -1);
    if (version != CAPDB_USER_VERSION)
        return capdb_fail(db, ERR_VERSION,
                          "has format %lld, this program understands %d; use a newer capdb",
                          (long long)version, CAPDB_USER_VERSION);
    return ERR_OK;
}

static enum error open_file(struct capdb *db)
{
    struct stat st;
    if (stat(db->path, &st) != 0)
        return capdb_fail(db, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return capdb_fail(db, ERR_FORMAT, "is not a regular file");
    if (st.st_size == 0)
        return capdb_fail(db, ERR_FORMAT, "is empty");
    db->writable = access(db->path, W_OK) == 0;
    int flags = db->writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, "opening");
    return ERR_OK;
}

/* Numbers go on where the file ends. */
void capdb_resume_numbers(struct capdb *db)
{
    char sql[96];
    for (int k = 0; k < ROW_KINDS; k++) {
        snprintf(sql, sizeof(sql), "SELECT max(row) FROM %s", row_descs[k].table);
        db->next_row[k] = capdb_int(db, sql, 0) + 1;
    }
    db->next_cap = capdb_int(db, "SELECT max(id) FROM cap_row", 0) + 1;
    db->next_object = capdb_int(db, "SELECT max(id) FROM object_row", 0) + 1;
}

enum error capdb_open(const char *path, struct capdb **out, char *message)
{
    struct capdb *db = db_new(path);
    *out = NULL;
    if (!db)
        return open_failed(db, ERR_NO_MEMORY, message);
    enum error e = open_file(db);
    if (e == ERR_OK)
        e = set_pragmas(db);
    if (e == ERR_OK)
        e = check_identity(db);
    if (e == ERR_OK && db->writable && capdb_int(db, "SELECT count(*) FROM tail", 0) > 0)
        e = capdb_merge(db);
    if (e == ERR_OK)
        e = capdb_get_rules(db, 0, &db->rules);
    if (e != ERR_OK)
        return open_failed(db, e, message);
    capdb_count(db);
    *out = db;
    return ERR_OK;
}

void capdb_close(struct capdb *db)
{
    if (!db)
        return;
    if (db->writable && !db->memory) {
        capdb_flush(db);
        sqlite3_busy_timeout(db->sql, 0); /* somebody else reads: then they publish it */
        sqlite3_stmt *st;
        if (capdb_prepare(db, "PRAGMA journal_mode=DELETE", &st) == ERR_OK) {
            sqlite3_step(st);
            sqlite3_finalize(st);
        }
    }
    db_free(db);
}

uint32_t capdb_count(struct capdb *db)
{
    if (db->writable && db->mirror)
        return db->count; /* we are the recorder */
    int64_t count = capdb_int(db, "SELECT max(n) FROM snapshot", 0);
    int64_t pending = capdb_int(db, "SELECT min(t) FROM tail", count + 1);
    if (pending <= count && db->writable && capdb_merge(db) == ERR_OK)
        pending = count + 1;
    db->count = (uint32_t)(pending <= count ? pending - 1 : count);
    return db->count;
}

/* --- columns that older recordings lack --- */

static bool has_column(struct capdb *db, const char *table, const char *column)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
             table, column);
    return capdb_int(db, sql, 0) > 0;
}

enum error capdb_add_late_columns(struct capdb *db)
{
    enum error e = ERR_OK;
    if (!has_column(db, "snapshot", "sched_root_thread"))
        e = capdb_exec(db, "ALTER TABLE snapshot ADD COLUMN sched_root_thread INTEGER",
                       "continuing");
    if (e == ERR_OK && !has_column(db, "domain_rule", "since"))
        e = capdb_exec(db, "ALTER TABLE domain_rule ADD COLUMN since INTEGER NOT NULL DEFAULT 1",
                       "continuing");
    return e;
}

/* --- rules --- */

static enum error put_rule(struct capdb *db, sqlite3_stmt *st, const struct authority_rule *r,
                           uint32_t since)
{
    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, r->pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, r->domain, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 3, r->trusted);
    sqlite3_bind_int64(st, 4, since);
    return sqlite3_step(st) == SQLITE_DONE ? ERR_OK
                                           : capdb_fail_sql(db, "storing the domain rules");
}

static enum error put_rules(struct capdb *db, const struct authority_rules *rules, uint32_t since)
{
    static char nothing[] = "";
    static const struct authority_rule none = {nothing, nothing, false};
    char sql[64];
    sqlite3_stmt *st;
    snprintf(sql, sizeof(sql), "DELETE FROM domain_rule WHERE since = %u", since);
    enum error e = capdb_exec(db, sql, "storing the domain rules");
    if (e == ERR_OK)
        e = capdb_prepare(db,
                          "INSERT INTO domain_rule (pattern, domain, trusted, since)"
                          " VALUES (?, ?, ?, ?)",
                          &st);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; e == ERR_OK && i < rules->count; i++)
        e = put_rule(db, st, &rules->rules[i], since);
    if (e == ERR_OK && rules->count == 0)
        e = put_rule(db, st, &none, since);
    sqlite3_finalize(st);
    return e;
}

enum error capdb_set_rules(struct capdb *db, const struct authority_rules *rules, bool *replaced)
{
    struct authority_rules copy = {0};
    uint32_t since = capdb_count(db) + 1;
    *replaced = since > 1 && !authority_rules_equal(rules, &db->rules);
    if (authority_rules_equal(rules, &db->rules))
        return ERR_OK;
    enum error e = capdb_add_late_columns(db);
    if (e == ERR_OK)
        e = capdb_exec(db, "SAVEPOINT rules", "storing the domain rules");
    if (e != ERR_OK)
        return e;
    e = put_rules(db, rules, since);
    if (e == ERR_OK && authority_rules_copy(rules, &copy) != ERR_OK)
        e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    if (e != ERR_OK)
        sqlite3_exec(db->sql, "ROLLBACK TO rules", NULL, NULL, NULL);
    sqlite3_exec(db->sql, "RELEASE rules", NULL, NULL, NULL);
    if (e != ERR_OK)
        return e;
    authority_rules_free(&db->rules);
    db->rules = copy;
    db->reshape = true;
    return ERR_OK;
}

static enum error take_rule(struct capdb *db, sqlite3_stmt *st, struct authority_rules *out)
{
    const char *pattern = (const char *)sqlite3_column_text(st, 0);
    const char *domain = (const char *)sqlite3_column_text(st, 1);
    if (!pattern || !domain)
        return capdb_fail(db, ERR_CORRUPT, "a domain rule has no pattern or no domain");
    if (!*pattern)
        return ERR_OK;
    return authority_rules_add(out, pattern, domain, sqlite3_column_int(st, 2) != 0);
}

enum error capdb_get_rules(struct capdb *db, uint32_t n, struct authority_rules *out)
{
    sqlite3_stmt *st;
    struct authority_rules rules = {0};
    bool versions = has_column(db, "domain_rule", "since");
    enum error e = capdb_prepare(
        db,
        versions ? "SELECT pattern, domain, trusted FROM domain_rule WHERE since ="
                   " (SELECT max(since) FROM domain_rule WHERE since <= ?) ORDER BY ord"
                 : "SELECT pattern, domain, trusted FROM domain_rule ORDER BY ord",
        &st);
    if (e != ERR_OK)
        return e;
    if (versions)
        sqlite3_bind_int64(st, 1, n ? n : INT64_MAX);
    int code;
    while (e == ERR_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
        e = take_rule(db, st, &rules);
    if (e == ERR_OK && code != SQLITE_DONE)
        e = capdb_fail_sql(db, "reading the domain rules");
    sqlite3_finalize(st);
    if (e == ERR_OK)
        *out = rules;
    else
        authority_rules_free(&rules);
    return e;
}

/* --- merging --- */

static enum error merge_kind(struct capdb *db, int kind)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[kind];
    int n = snprintf(sql, sizeof(sql), "INSERT INTO %s SELECT row, t, %d", d->table, CAPDB_STILL);
    for (int c = 0; c < d->columns; c++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", v%d", c);
    snprintf(sql + n, sizeof(sql) - (size_t)n, " FROM tail WHERE kind = %d AND op = 1 ORDER BY row",
             kind);
    enum error e = capdb_exec(db, sql, "merging");
    if (e != ERR_OK)
        return e;
    snprintf(sql, sizeof(sql),
             "UPDATE %s SET t1 = c.t FROM (SELECT row, t FROM tail WHERE kind = %d AND op = 0"
             " ORDER BY row) AS c WHERE %s.row = c.row",
             d->table, kind, d->table);
    return capdb_exec(db, sql, "merging");
}

enum error capdb_merge(struct capdb *db)
{
    enum error e = capdb_exec(db, "BEGIN IMMEDIATE", "merging");
    if (e != ERR_OK)
        return e;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = merge_kind(db, kind);
    if (e == ERR_OK)
        e = capdb_exec(db, "DELETE FROM tail; COMMIT", "merging");
    if (e != ERR_OK) {
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
        return e;
    }
    db->unmerged = 0;
    db->merged_at = capdb_now();
    return ERR_OK;
}

enum error capdb_flush(struct capdb *db)
{
    return db->unmerged ? capdb_merge(db) : ERR_OK;
}
