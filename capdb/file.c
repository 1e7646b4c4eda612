/* The file: creating and opening it, checking that it is ours, closing.
 *
 * A recorder holds the lock and writes in WAL mode, so no reader waits for it and being killed
 * loses nothing that was committed; closing makes a plain file of it again.  A reader writes
 * nothing. Beside a recorder it reads through SQLite's own locks; any other file it reads as it
 * lies there (readfile.h), whatever locks, leftovers or permissions surround it. */
#include "capdb/store.h"

#include "capdb/lock.h"
#include "capdb/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 250, PUBLISH_MS = 2000, CACHE_KIB = 32768, HEADER_WAL = 19, WAL_PAGES = 4000 };
/* A handle is one thread's. */
enum { OPEN_ALONE = SQLITE_OPEN_NOMUTEX };

/* --- the handle ------------------------------------------------------------------------------ */

static struct capdb *db_new(const char *path)
{
    struct capdb *db = calloc(1, sizeof(*db));
    if (!db)
        return NULL;
    db->memory = strcmp(path, ":memory:") == 0;
    db->path = db->memory ? NULL : realpath(path, NULL); /* of one file, however it is called */
    if (!db->path)
        db->path = strdup(path);
    db->version = CAPDB_USER_VERSION;
    db->lock = db->place.fd = -1;
    db->seen = -1;
    if (!db->path) {
        free(db);
        return NULL;
    }
    return db;
}

static void db_free(struct capdb *db)
{
    recorder_free(db);
    capdb_forget_owner(db);
    sqlite3_close(db->sql);
    if (db->unwanted)
        unlink(db->path);
    if (db->place.fd >= 0)
        close(db->place.fd);
    lock_release(db->path, db->lock);
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

static enum error set_pragmas(struct capdb *db)
{
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    if (capdb_add_functions(db->sql) != SQLITE_OK || capdb_add_taking(db) != ERR_OK ||
        capdb_add_keys(db) != ERR_OK)
        return capdb_fail_sql(db, "opening");
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return capdb_execf(db, "opening",
                       "PRAGMA synchronous=NORMAL; PRAGMA secure_delete=OFF;"
                       "PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY;"
                       "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                       "PRAGMA wal_autocheckpoint=%d",
                       CACHE_KIB, WAL_PAGES);
}

/* --- is it ours? ----------------------------------------------------------------------------- */

static enum error check_identity(struct capdb *db)
{
    db->message[0] = '\0';
    int64_t id = capdb_int(db, "PRAGMA application_id", -1);
    if (id < 0)
        return db->message[0] ? ERR_FORMAT : capdb_fail(db, ERR_FORMAT, "cannot be read");
    if (id != CAPDB_APPLICATION_ID)
        return capdb_fail(db, ERR_FORMAT, "is not a capdb recording");
    db->version = (int)capdb_int(db, "PRAGMA user_version", -1);
    if (db->version < CAPDB_USER_VERSION_1 || db->version > CAPDB_USER_VERSION)
        return capdb_fail(db, ERR_VERSION,
                          "has format %d, this program understands %d; use a newer capdb",
                          db->version, CAPDB_USER_VERSION);
    return ERR_OK;
}

static const char *schema_of(const struct capdb *db)
{
    return db->version == CAPDB_USER_VERSION_1   ? capdb_schema_1_sql
           : db->version == CAPDB_USER_VERSION_2 ? capdb_schema_2_sql
           : db->version < CAPDB_USER_VERSION    ? capdb_schema_4_sql
                                                 : capdb_schema_sql;
}

static enum error check_statement(struct capdb *db, sqlite3_stmt *st,
                                  const struct schema_statement *s)
{
    enum error e = ERR_OK;
    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, s->kind == SCHEMA_TABLE ? "table" : "index", -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, s->name, -1, SQLITE_TRANSIENT);
    bool there = capdb_step(db, st, "opening", &e);
    const char *sql = there ? capdb_column_text(st, 0) : "";
    if (e == ERR_OK && !schema_same(sql, strlen(sql), s->text, s->length))
        e = capdb_fail(db, ERR_FORMAT, "is damaged: its %s %s is not that of a recording",
                       s->kind == SCHEMA_TABLE ? "table" : "index", s->name);
    return e;
}

/* Nothing is read from a table that is a view, or has other columns.  *tables: how many there are by
 * the schema. */
static enum error check_schema(struct capdb *db, int64_t *tables)
{
    sqlite3_stmt *st;
    struct schema_statement s;
    const char *at = schema_of(db);
    enum error e =
        capdb_prepare(db, "SELECT sql FROM main.sqlite_schema WHERE type = ? AND name = ?", &st);
    *tables = 0;
    db->keyframes = db->version >= CAPDB_USER_VERSION_4;
    while (e == ERR_OK && schema_next(&at, &s)) {
        bool lacks = !db->keyframes && s.kind == SCHEMA_TABLE && schema_may_lack(s.name);
        if (e == ERR_OK && s.kind != SCHEMA_VIEW && !lacks)
            e = check_statement(db, st, &s);
        *tables += s.kind == SCHEMA_TABLE && !lacks;
    }
    sqlite3_finalize(st);
    return e == ERR_OK ? capdb_show_rows(db) : e;
}

/* --- creating -------------------------------------------------------------------------------- */

static enum error put_meta(struct capdb *db, const struct capdb_source *source)
{
    static const char sql[] = "INSERT INTO meta VALUES ('target', ?), ('created', datetime('now'))";
    static const char cut[] = "INSERT INTO meta VALUES ('cut', ?)";
    enum error e = capdb_exec_texts(db, "creating", sql, &source->target, 1);
    return e == ERR_OK && source->cut ? capdb_exec_texts(db, "creating", cut, &source->cut, 1) : e;
}

static enum error create_schema(struct capdb *db, const struct capdb_source *source)
{
    enum error e =
        capdb_execf(db, "creating", "BEGIN; PRAGMA application_id=%d; PRAGMA user_version=%d;",
                    CAPDB_APPLICATION_ID, CAPDB_USER_VERSION);
    if (e == ERR_OK)
        e = capdb_exec(db, capdb_schema_sql, "creating");
    if (e == ERR_OK)
        e = capdb_show_rows(db);
    db->keyframes = e == ERR_OK;
    if (e == ERR_OK)
        e = capdb_fill_words(db);
    if (e == ERR_OK)
        e = put_meta(db, source);
    if (e == ERR_OK)
        e = recorder_create(db, source);
    return e == ERR_OK ? capdb_exec(db, "COMMIT", "creating") : e;
}

/* The first recorder is named to all who come after it. */
static enum error take_lock(struct capdb *db, const char *does, const char *target)
{
    char who[LOCK_HOLDER];
    char holder[LOCK_HOLDER];
    char when[32];
    time_t now = time(NULL);
    struct tm tm;
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    snprintf(who, sizeof(who), "process %ld, which %s %.160s since %s", (long)getpid(), does,
             target, when);
    enum error e = db->memory ? ERR_OK : lock_take(db->path, who, &db->lock, holder);
    if (e == ERR_REFUSED)
        return capdb_fail(db, e, "is being recorded by %s", holder);
    if (e != ERR_OK)
        return capdb_fail(db, e, "cannot be locked beside it (%s)", strerror(errno));
    return ERR_OK;
}

/* Whoever does not come by its name, or removed the lock's file, is told too. */
static enum error take_itself(struct capdb *db)
{
    enum error e = db->memory ? ERR_OK : lock_take_itself(db->path, &db->place.fd);
    if (e == ERR_REFUSED)
        return capdb_fail(db, e, "is being recorded by %s", lock_nameless);
    if (e != ERR_OK)
        return capdb_fail(db, e, "cannot be locked (%s)", strerror(errno));
    return ERR_OK;
}

static enum error open_new(struct capdb *db, const struct capdb_source *source)
{
    struct stat st;
    char holder[LOCK_HOLDER];
    if (!db->memory && stat(db->path, &st) == 0)
        return lock_is_held(db->path, holder)
                   ? capdb_fail(db, ERR_REFUSED, "is being recorded by %s", holder)
                   : capdb_fail(db, ERR_REFUSED, "exists already");
    enum error e = take_lock(db, "records", source->target);
    if (e != ERR_OK)
        return e;
    if (!db->memory && stat(db->path, &st) == 0) /* somebody was quicker, and is done */
        return capdb_fail(db, ERR_REFUSED, "exists already");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | OPEN_ALONE;
    if (sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, "creating");
    shm_guard(db);
    db->writable = true;
    e = set_pragmas(db);
    if (e == ERR_OK)
        e = create_schema(db, source);
    if (e == ERR_OK)
        e = take_itself(db);
    db->made = !db->memory;
    db->unwanted = e != ERR_OK && db->made;
    return e;
}

enum error capdb_create_from(const char *path, const struct capdb_source *source,
                             struct capdb **out, char *message)
{
    struct capdb *db = db_new(path);
    *out = NULL;
    enum error e = db ? open_new(db, source) : ERR_NO_MEMORY;
    if (e != ERR_OK)
        return open_failed(db, e, message);
    *out = db;
    return ERR_OK;
}

enum error capdb_create(const char *path, const char *target, struct capdb **out, char *message)
{
    return capdb_create_from(path, &(struct capdb_source){.target = target}, out, message);
}

/* --- continuing ------------------------------------------------------------------------------ */

static enum error check_there(struct capdb *db)
{
    struct stat st;
    if (stat(db->path, &st) != 0)
        return capdb_fail(db, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return capdb_fail(db, ERR_FORMAT, "is not a regular file");
    return ERR_OK;
}

/* Whoever makes one has it locked before anything is in it. */
static enum error check_content(struct capdb *db)
{
    char holder[LOCK_HOLDER];
    struct stat st;
    if (stat(db->path, &st) == 0 && st.st_size == 0)
        return db->lock < 0 && lock_is_held(db->path, holder)
                   ? capdb_fail(db, ERR_FORMAT, "holds nothing yet: it is being recorded by %s",
                                holder)
                   : capdb_fail(db, ERR_FORMAT, "is empty");
    if (readfile_is_cut(db->path))
        return capdb_fail(db, ERR_TRUNCATED, "is cut off: pages at its end are missing");
    return ERR_OK;
}

/* SQLite would take the pages of whatever -wal lies there. */
static enum error check_wal(struct capdb *db)
{
    struct readfile_stamp stamp;
    unsigned char in_wal_mode = 0;
    int fd = open(db->path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && pread(fd, &in_wal_mode, 1, HEADER_WAL) == 1;
    if (fd >= 0)
        close(fd);
    readfile_stamp(db->path, &stamp);
    if (!read)
        return capdb_fail(db, ERR_FORMAT, "is not a capdb recording");
    if (readfile_lacks_wal(db->path))
        return capdb_fail(db, ERR_FORMAT, "lacks its -wal file and is not continued");
    if (in_wal_mode != 2 && stamp.file[1].there && stamp.file[1].size > 0)
        return capdb_fail(db, ERR_FORMAT, "has a -wal file beside it that is not its own");
    return ERR_OK;
}

static enum error check_writable(struct capdb *db)
{
    if (db->version < CAPDB_USER_VERSION_3)
        return capdb_fail(db, ERR_VERSION,
                          "has format %d, which is read only; capdb upgrade makes a new file of it",
                          db->version);
    if (capdb_int(db, "SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger'", 0) > 0)
        return capdb_fail(db, ERR_FORMAT, "has triggers, which no recording has");
    return ERR_OK;
}

static enum error open_to_write(struct capdb *db, const char *does, const char *target)
{
    int64_t tables;
    enum error e = check_there(db);
    if (e == ERR_OK && access(db->path, W_OK) != 0)
        e = capdb_fail(db, ERR_IO, "cannot be written");
    if (e == ERR_OK)
        e = take_lock(db, does, target);
    if (e == ERR_OK)
        e = take_itself(db);
    if (e == ERR_OK)
        e = check_content(db);
    if (e == ERR_OK)
        e = check_wal(db);
    if (e != ERR_OK)
        return e;
    int flags = SQLITE_OPEN_READWRITE | OPEN_ALONE;
    if (sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
        return capdb_fail_sql(db, "opening");
    shm_guard(db);
    db->writable = true;
    e = set_pragmas(db);
    if (e == ERR_OK)
        e = check_identity(db);
    if (e == ERR_OK)
        e = check_schema(db, &tables);
    return e == ERR_OK ? check_writable(db) : e;
}

static enum error open_existing(struct capdb *db, const struct capdb_source *source)
{
    enum error e = open_to_write(db, "records", source->target);
    return e == ERR_OK ? recorder_resume(db, source) : e;
}

enum error capdb_open_to_rewrite(const char *path, struct capdb **out, char *message)
{
    struct capdb *db = db_new(path);
    *out = NULL;
    enum error e = db ? open_to_write(db, "compacts", "it") : ERR_NO_MEMORY;
    if (e != ERR_OK)
        return open_failed(db, e, message);
    *out = db;
    return ERR_OK;
}

enum error capdb_resume(const char *path, const struct capdb_source *source, struct capdb **out,
                        char *message)
{
    struct capdb *db = db_new(path);
    *out = NULL;
    enum error e = db ? open_existing(db, source) : ERR_NO_MEMORY;
    if (e != ERR_OK)
        return open_failed(db, e, message);
    *out = db;
    return ERR_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

/* An absolute or relative path as it stands in a URI. */
static char *uri_of(const char *path, const char *query)
{
    size_t size = strlen(path) * 3 + strlen(query) + sizeof("file:");
    char *out = malloc(size);
    if (!out)
        return NULL;
    char *at = stpcpy(out, "file:");
    for (; *path; path++) {
        bool plain = !strchr("%?#", *path);
        at += sprintf(at, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    strcpy(at, query);
    return out;
}

/* One thread has a handle at a time: SQLite needs no locks of its own. */
enum { READING = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | OPEN_ALONE };

static const char tables_sql[] = "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table'";

static enum error open_uri(struct capdb *db, const char *query)
{
    char *uri = uri_of(db->path, query);
    if (!uri)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    capdb_forget_owner(db);
    sqlite3_close(db->sql);
    db->sql = NULL;
    db->seen = -1;
    db->overlaid = false;
    int code = sqlite3_open_v2(uri, &db->sql, READING, NULL);
    free(uri);
    if (code != SQLITE_OK)
        return capdb_fail_sql(db, "opening");
    shm_guard(db);
    capdb_allow_views(db, false);
    int64_t tables;
    enum error e = set_pragmas(db);
    if (e == ERR_OK)
        e = check_identity(db);
    if (e == ERR_OK)
        e = check_schema(db, &tables);
    if (e == ERR_OK && tables != capdb_int(db, tables_sql, 0)) /* others may be called as views */
        e = capdb_make_views(db);
    return e == ERR_OK ? shm_check(db) : e;
}

/* Beside a recorder: SQLite keeps it from overwriting what we read. */
static enum error open_live(struct capdb *db)
{
    db->live = true;
    return open_uri(db, "?mode=ro&readonly_shm=1");
}

static enum error open_at_rest(struct capdb *db)
{
    db->live = false;
    db->torn = false;
    readfile_stamp(db->path, &db->stamp);
    db->warning[0] = '\0';
    if (readfile_lacks_wal(db->path))
        snprintf(db->warning, sizeof(db->warning),
                 "its -wal file is missing: if it was copied without it while it was recorded, what"
                 " was recorded last is not in it");
    enum error e = open_uri(db, "?mode=ro&immutable=1&vfs=" READFILE_VFS);
    return e == ERR_OK ? capdb_overlay(db) : e;
}

static enum error open_reader(struct capdb *db)
{
    enum error e = check_there(db);
    if (e == ERR_OK)
        e = check_content(db);
    if (e == ERR_OK)
        e = readfile_register();
    if (e == ERR_OK && access(db->path, R_OK) != 0)
        e = capdb_fail(db, ERR_IO, "%s", strerror(errno));
    if (e != ERR_OK)
        return e;
    /* where the recorder's -shm cannot be read, what it has committed still can */
    if (lock_is_held(db->path, NULL) && open_live(db) == ERR_OK)
        return ERR_OK;
    return open_at_rest(db);
}

/* What is opened again under the same name has to go on where the one before ended: a compacted file
 * does, another recording does not. */
static enum error check_continues(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e = ERR_OK;
    if (db->known == 0)
        return ERR_OK;
    if (capdb_prepare(db, "SELECT hash FROM main.ledger WHERE entry = ?", &st) != ERR_OK)
        return ERR_FORMAT;
    sqlite3_bind_int64(st, 1, db->known);
    bool same = capdb_step(db, st, "reading the ledger", &e) &&
                sqlite3_column_bytes(st, 0) == (int)sizeof(db->known_hash) &&
                memcmp(sqlite3_column_blob(st, 0), db->known_hash, sizeof(db->known_hash)) == 0;
    sqlite3_finalize(st);
    db->replaced = e == ERR_OK && !same;
    return e;
}

static void note_end(struct capdb *db)
{
    struct ledger_entry last;
    if (db->version == CAPDB_USER_VERSION_1 || ledger_last(db, &last) != ERR_OK)
        return;
    db->known = last.entry;
    memcpy(db->known_hash, last.hash, sizeof(db->known_hash));
}
_Static_assert(sizeof(((struct capdb *)0)->known_hash) == BLAKE2B_BYTES, "a hash of the ledger");

/* What is open then is the other, from which nothing is answered, whatever becomes of it. */
static enum error check_replaced(struct capdb *db)
{
    return db->replaced
               ? capdb_fail(db, ERR_FORMAT,
                            "is another recording now than the one that was opened; open it"
                            " anew")
               : ERR_OK;
}

static enum error open_again(struct capdb *db)
{
    enum error e = open_reader(db);
    if (e == ERR_OK)
        e = check_continues(db);
    if (e == ERR_OK)
        e = check_replaced(db);
    if (e == ERR_OK)
        note_end(db);
    return e;
}

enum error capdb_open(const char *path, struct capdb **out, char *message)
{
    struct capdb *db = db_new(path);
    *out = NULL;
    enum error e = db ? open_reader(db) : ERR_NO_MEMORY;
    if (e != ERR_OK)
        return open_failed(db, e, message);
    note_end(db);
    capdb_count(db);
    *out = db;
    return ERR_OK;
}

bool capdb_is_replaced(const struct capdb *db)
{
    return db->replaced;
}

const char *capdb_warning(const struct capdb *db)
{
    return db->warning[0] ? db->warning : NULL;
}

/* --- one state for several questions --------------------------------------------------------- */

static enum error hold_live(struct capdb *db)
{
    enum error e = capdb_exec(db, "BEGIN", "reading");
    int64_t version = e == ERR_OK ? capdb_int(db, "PRAGMA main.data_version", -1) : -1;
    if (e == ERR_OK && (version == -1 || version != db->seen))
        e = capdb_overlay(db);
    db->seen = version;
    if (e != ERR_OK)
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* Of a file that was removed what is open stays as it was. */
static bool changed_since(const struct capdb *db)
{
    struct readfile_stamp now;
    if (access(db->path, F_OK) != 0 && errno == ENOENT)
        return false;
    readfile_stamp(db->path, &now);
    return !readfile_stamp_same(&now, &db->stamp);
}

enum error capdb_hold(struct capdb *db)
{
    enum error e = check_replaced(db);
    if (e == ERR_OK && db->holds == 0 && !db->writable) {
        if (db->live && !db->shm.cut)
            e = hold_live(db);
        else if (db->live || changed_since(db))
            e = open_again(db);
        if (e == ERR_OK && db->live && sqlite3_get_autocommit(db->sql))
            e = hold_live(db);        /* a recorder has begun meanwhile */
        if (e == ERR_OK && !db->live) /* else each statement is a transaction, which takes time */
            e = capdb_exec(db, "BEGIN", "reading");
    }
    db->holds += e == ERR_OK;
    return e;
}

enum error capdb_release(struct capdb *db)
{
    if (db->holds == 0 || --db->holds > 0 || db->writable)
        return ERR_OK;
    /* one that failed may have ended it */
    bool held = db->live || !sqlite3_get_autocommit(db->sql);
    enum error e = held ? capdb_exec(db, "COMMIT", "reading") : ERR_OK;
    db->torn = db->live ? db->shm.cut : changed_since(db);
    if (e != ERR_OK && !db->torn)
        return e;
    return db->torn ? capdb_fail(db, ERR_TORN, "was changed while it was read; ask again") : ERR_OK;
}

uint32_t capdb_count(struct capdb *db)
{
    if (db->writable)
        return db->count;
    if (capdb_hold(db) != ERR_OK)
        return 0;
    int64_t count = capdb_int(db, "SELECT max(n) FROM main.snapshot", 0);
    db->count = count > 0 && count < UINT32_MAX ? (uint32_t)count : 0;
    capdb_release(db);
    return db->count;
}

/* --- closing --------------------------------------------------------------------------------- */

void capdb_close(struct capdb *db)
{
    if (!db)
        return;
    if (db->writable && !db->memory && db->sql) {
        bool plain; /* else somebody reads it just now: it stays in WAL mode, complete */
        recorder_finish(db);
        capdb_rest(db, PUBLISH_MS, &plain);
    }
    db_free(db);
}

void capdb_abandon(struct capdb *db)
{
    if (db && db->made && db->count == 0 && place_check(db) == ERR_OK)
        db->unwanted = true;
    capdb_close(db);
}
