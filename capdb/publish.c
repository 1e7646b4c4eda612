/* publish: recordings side by side in PostgreSQL.
 *
 * Snapshots go there in batches, each one transaction that also notes how many are there: whatever
 * interrupts it, the next publish goes on where the last batch ended, and one that has nothing to
 * add changes nothing.  Tables and columns are those of schema.sql behind a column `recording`. */
#include "capdb/command.h"
#include "capdb/ledger.h"
#include "capdb/pq.h"
#include "capdb/schema.h"
#include "lib/array.h"
#include "lib/utf8.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 4096, BATCH = 100, SEND_BYTES = 1 << 16, HASH_BYTES = 2 * BLAKE2B_BYTES + 1 };

struct publishing {
    struct options *o;
    struct capdb *db;
    struct pg_conn *pg;
    char name[128]; /* of the recording */
    uint32_t done, upto;
    char *line; /* of COPY, with room for one row */
    size_t used, room;
    enum status s;
};

/* Tables besides the versions, with the key, and what of them belongs to snapshots ?1 < n <= ?2. */
struct shared_table {
    const char *table, *key, *part;
};
static const struct shared_table shared_tables[] = {
    {"snapshot", "n", "n > ?1 AND n <= ?2"},
    {"event", "row", "n > ?1 AND n <= ?2"},
    {"word", "kind, value", "?1 = 0 OR ?2 = 0"},
    {"source", "id", "first > ?1 AND first <= ?2"},
    {"rule_set", "id", "first > ?1 AND first <= ?2"},
    {"domain_rule", "id", "rule_set IN (SELECT id FROM rule_set WHERE first > ?1 AND first <= ?2)"},
    {"name", "id", NULL},
    {"domain", "id", NULL},
};
enum { SHARED = sizeof(shared_tables) / sizeof(*shared_tables) };

/* --- the server ------------------------------------------------------------------------------ */

static void fail(struct publishing *p, const char *what)
{
    if (p->s != STATUS_YES)
        return;
    const char *said = pq.PQerrorMessage(p->pg); /* one line or more, each ended */
    p->s = command_complain(p->o->run, "publish: %s: %.*s", what, (int)strcspn(said, "\n"), said);
}

static void fail_here(struct publishing *p)
{
    if (p->s == STATUS_YES)
        p->s = command_complain(p->o->run, "%s", capdb_error(p->db));
}

static void pg_run(struct publishing *p, const char *sql)
{
    if (p->s != STATUS_YES)
        return;
    struct pg_result *r = pq.PQexec(p->pg, sql);
    int code = pq.PQresultStatus(r);
    if (code != PQ_COMMAND_OK && code != PQ_TUPLES_OK)
        fail(p, "the database refuses");
    pq.PQclear(r);
}

static struct pg_result *pg_ask(struct publishing *p, const char *sql, const char *const *values,
                                int count)
{
    if (p->s != STATUS_YES)
        return NULL;
    struct pg_result *r = pq.PQexecParams(p->pg, sql, count, NULL, values, NULL, NULL, 0);
    int code = pq.PQresultStatus(r);
    if (code == PQ_COMMAND_OK || code == PQ_TUPLES_OK)
        return r;
    fail(p, "the database refuses");
    pq.PQclear(r);
    return NULL;
}

/* --- tables ---------------------------------------------------------------------------------- */

static const char *pg_type(const char *type)
{
    return strcmp(type, "TEXT") == 0   ? "text"
           : strcmp(type, "BLOB") == 0 ? "bytea"
           : strcmp(type, "REAL") == 0 ? "double precision"
                                       : "bigint";
}

static void make_table(struct publishing *p, const char *table, const char *key)
{
    char sql[SQL_BYTES];
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        p->db, "SELECT name, type FROM pragma_table_info(?, 'main') ORDER BY cid", &st);
    int n = snprintf(sql, sizeof(sql), "CREATE TABLE IF NOT EXISTS %s (recording text", table);
    if (e == ERR_OK)
        sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
    while (capdb_step(p->db, st, "reading the schema", &e))
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\" %s", capdb_column_text(st, 0),
                      pg_type(capdb_column_text(st, 1)));
    sqlite3_finalize(st);
    snprintf(sql + n, sizeof(sql) - (size_t)n, ", PRIMARY KEY (recording, %s))", key);
    if (e != ERR_OK)
        fail_here(p);
    pg_run(p, sql);
}

/* All columns of versions are numbers. */
static void make_versions(struct publishing *p, const struct row_desc *d)
{
    char sql[SQL_BYTES];
    int n = snprintf(sql, sizeof(sql),
                     "CREATE TABLE IF NOT EXISTS %s (recording text, row bigint, t0 bigint,"
                     " t1 bigint",
                     d->table);
    for (int c = 0; c < d->columns; c++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\" bigint", d->column[c]);
    snprintf(sql + n, sizeof(sql) - (size_t)n, ", PRIMARY KEY (recording, row))");
    pg_run(p, sql);
}

static const char views_mark[] = "-- views\n";

static void make_tables(struct publishing *p)
{
    const char *views = strstr(capdb_publish_sql, views_mark);
    char *head = strndup(capdb_publish_sql, (size_t)(views - capdb_publish_sql));
    if (!head)
        p->s = command_complain(p->o->run, "out of memory");
    else
        pg_run(p, head);
    free(head);
    pg_run(p, "BEGIN; SELECT pg_advisory_xact_lock(1129333840)"); /* two that make them at once */
    for (int i = 0; i < SHARED; i++)
        make_table(p, shared_tables[i].table, shared_tables[i].key);
    for (int kind = 0; kind < ROW_KINDS; kind++)
        make_versions(p, &row_descs[kind]);
    pg_run(p, "CREATE INDEX IF NOT EXISTS cap_row_object ON cap_row (recording, object);"
              "CREATE INDEX IF NOT EXISTS cap_row_id ON cap_row (recording, id);"
              "CREATE INDEX IF NOT EXISTS object_row_id ON object_row (recording, id);"
              "CREATE INDEX IF NOT EXISTS run_row_addr ON run_row (recording, addr);"
              "CREATE INDEX IF NOT EXISTS event_slot ON event (recording, slot)");
    pg_run(p, views);
    pg_run(p, "COMMIT");
}

/* --- COPY ------------------------------------------------------------------------------------ */

static void put(struct publishing *p, const char *bytes, size_t length)
{
    char *grown = array_room(p->line, p->used + length, &p->room, 1);
    if (!grown) {
        if (p->s == STATUS_YES)
            p->s = command_complain(p->o->run, "out of memory");
        return;
    }
    p->line = grown;
    memcpy(p->line + p->used, bytes, length);
    p->used += length;
}

/* As COPY's text format has it; PostgreSQL's text has no NUL. */
static void put_text(struct publishing *p, const unsigned char *text, int length)
{
    for (int i = 0; i < length; i++) {
        char c = (char)text[i];
        if (c == '\\' || c == '\t' || c == '\n' || c == '\r')
            put(p, c == '\\' ? "\\\\" : c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\r", 2);
        else if (c)
            put(p, &c, 1);
    }
}

static void put_blob(struct publishing *p, const unsigned char *bytes, int length)
{
    char hex[3];
    put(p, "\\\\x", 3);
    for (int i = 0; i < length; i++) {
        snprintf(hex, sizeof(hex), "%02x", bytes[i]);
        put(p, hex, 2);
    }
}

static void put_cell(struct publishing *p, sqlite3_stmt *st, int c)
{
    int type = sqlite3_column_type(st, c);
    put(p, "\t", 1);
    if (type == SQLITE_NULL)
        put(p, "\\N", 2);
    else if (type == SQLITE_BLOB)
        put_blob(p, sqlite3_column_blob(st, c), sqlite3_column_bytes(st, c));
    else
        put_text(p, sqlite3_column_text(st, c), sqlite3_column_bytes(st, c));
}

static void send_lines(struct publishing *p, size_t from)
{
    if (p->s == STATUS_YES && p->used > from && pq.PQputCopyData(p->pg, p->line, (int)p->used) != 1)
        fail(p, "sending");
    if (p->used > from)
        p->used = 0;
}

static void put_row(struct publishing *p, sqlite3_stmt *st)
{
    put_text(p, (const unsigned char *)p->name, (int)strlen(p->name));
    for (int c = 0; c < sqlite3_column_count(st); c++)
        put_cell(p, st, c);
    put(p, "\n", 1);
    send_lines(p, SEND_BYTES);
}

static void end_copy(struct publishing *p)
{
    send_lines(p, 0);
    if (pq.PQputCopyEnd(p->pg, p->s == STATUS_YES ? NULL : "given up") != 1)
        fail(p, "sending");
    for (struct pg_result *r; (r = pq.PQgetResult(p->pg)); pq.PQclear(r))
        if (pq.PQresultStatus(r) != PQ_COMMAND_OK)
            fail(p, "the database refuses");
}

/* The rows of a query with the parameters ?1 and ?2 into a table that begins with `recording`. */
static void copy_query(struct publishing *p, const char *query, const char *table, int64_t first,
                       int64_t second)
{
    char sql[SQL_BYTES];
    sqlite3_stmt *st;
    enum error e = ERR_OK;
    if (p->s != STATUS_YES)
        return;
    if (capdb_prepare(p->db, query, &st) != ERR_OK) {
        fail_here(p);
        return;
    }
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, second);
    snprintf(sql, sizeof(sql), "COPY %s FROM STDIN", table);
    struct pg_result *r = pq.PQexec(p->pg, sql);
    if (pq.PQresultStatus(r) != PQ_COPY_IN)
        fail(p, "the database refuses");
    else {
        while (p->s == STATUS_YES && capdb_step(p->db, st, "reading the recording", &e))
            put_row(p, st);
        if (e != ERR_OK)
            fail_here(p);
        end_copy(p);
    }
    pq.PQclear(r);
    sqlite3_finalize(st);
}

/* --- a batch --------------------------------------------------------------------------------- */

static int64_t published_key(struct publishing *p, const char *table)
{
    char sql[SQL_BYTES];
    const char *values[] = {p->name};
    snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0) FROM %s WHERE recording = $1", table);
    struct pg_result *r = pg_ask(p, sql, values, 1);
    int64_t key = r ? strtoll(pq.PQgetvalue(r, 0, 0), NULL, 10) : 0;
    pq.PQclear(r);
    return key;
}

static void batch_shared(struct publishing *p, const struct shared_table *t)
{
    char sql[SQL_BYTES];
    if (t->part) {
        snprintf(sql, sizeof(sql), "SELECT * FROM main.%s WHERE %s", t->table, t->part);
        copy_query(p, sql, t->table, p->done, p->upto);
    } else {
        snprintf(sql, sizeof(sql), "SELECT * FROM main.%s WHERE id > ?1 AND ?2 = ?2", t->table);
        copy_query(p, sql, t->table, published_key(p, t->table), 0);
    }
}

/* What began in the batch, as it stands at its end; what ended of that before. */
static void batch_versions(struct publishing *p, enum row_kind kind)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[kind];
    const char *flat = capdb_flat(p->db, kind);
    int n = snprintf(sql, sizeof(sql), "SELECT row, t0, iif(t1 > ?2, %d, t1)", CAPDB_STILL);
    for (int c = 0; c < d->columns; c++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\"", d->column[c]);
    snprintf(sql + n, sizeof(sql) - (size_t)n, " FROM %s WHERE t0 > ?1 AND t0 <= ?2", flat);
    copy_query(p, sql, d->table, p->done, p->upto);
    if (p->done == 0)
        return;
    pg_run(p, "TRUNCATE ended");
    snprintf(sql, sizeof(sql),
             "SELECT row, t1 FROM %s WHERE t1 > ?1 AND t1 <= ?2 AND t1 < %d AND t0 <= ?1", flat,
             CAPDB_STILL);
    copy_query(p, sql, "ended", p->done, p->upto);
    snprintf(sql, sizeof(sql),
             "UPDATE %s v SET t1 = e.t1 FROM ended e WHERE v.recording = e.recording"
             " AND v.row = e.row",
             d->table);
    pg_run(p, sql);
}

/* Of the commit of snapshot n, which stands for all up to it; "" when there is none. */
static void hash_at(struct publishing *p, uint32_t n, char hex[HASH_BYTES])
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        p->db, "SELECT lower(hex(hash)) FROM main.ledger WHERE kind = 'snapshot' AND n = ?", &st);
    hex[0] = '\0';
    if (e == ERR_OK)
        sqlite3_bind_int64(st, 1, n);
    if (e == ERR_OK && capdb_step(p->db, st, "reading the ledger", &e))
        snprintf(hex, HASH_BYTES, "%s", capdb_column_text(st, 0));
    sqlite3_finalize(st);
    if (e != ERR_OK)
        fail_here(p);
}

static void publish_batch(struct publishing *p)
{
    char upto[16];
    char hash[HASH_BYTES];
    const char *values[] = {p->name, upto, hash};
    hash_at(p, p->upto, hash);
    snprintf(upto, sizeof(upto), "%u", p->upto);
    for (int i = 0; i < SHARED; i++)
        batch_shared(p, &shared_tables[i]);
    for (int kind = 0; kind < ROW_KINDS; kind++)
        batch_versions(p, (enum row_kind)kind);
    pq.PQclear(pg_ask(p,
                      "UPDATE recording SET snapshots = $2::bigint, hash = $3 WHERE recording = $1",
                      values, 3));
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Inside a transaction: holds the recording's row, and tells how far it is.  What is there has to
 * be the beginning of this recording: the chain had the same hash then. */
static void claim(struct publishing *p)
{
    char hash[HASH_BYTES];
    const char *values[] = {p->name};
    pq.PQclear(
        pg_ask(p, "INSERT INTO recording VALUES ($1, '', 0) ON CONFLICT DO NOTHING", values, 1));
    struct pg_result *r = pg_ask(
        p, "SELECT snapshots, hash FROM recording WHERE recording = $1 FOR UPDATE", values, 1);
    if (!r)
        return;
    p->done = (uint32_t)strtoul(pq.PQgetvalue(r, 0, 0), NULL, 10);
    hash_at(p, p->done, hash);
    if (p->s == STATUS_YES && strcmp(pq.PQgetvalue(r, 0, 1), hash) != 0)
        p->s = command_complain(p->o->run,
                                "publish: another recording, or more of this one, is there as %s;"
                                " --name gives it another name",
                                p->name);
    pq.PQclear(r);
}

static bool publish_next(struct publishing *p, uint32_t count)
{
    pg_run(p, "BEGIN");
    claim(p);
    bool more = p->s == STATUS_YES && p->done < count;
    p->upto = p->done + BATCH < count ? p->done + BATCH : count;
    if (more)
        publish_batch(p);
    pg_run(p, "COMMIT");
    progress_show(NULL, p->upto, count);
    return more && p->s == STATUS_YES;
}

/* A name that is cut off would be another recording's, and one that shows nothing nobody finds. */
static bool is_name(const char *text, size_t length)
{
    size_t at = 0;
    for (uint32_t n; at < length && (n = utf8_printable(text + at, (uint32_t)(length - at)));)
        at += n;
    return length && at == length;
}

/* FILE without folder and .capdb, unless --name says otherwise. */
static enum status name_it(struct publishing *p)
{
    char *path = strdup(p->o->run);
    if (!path)
        return command_complain(p->o->run, "out of memory");
    const char *base = p->o->name ? p->o->name : basename(path);
    size_t length = strlen(base);
    if (!p->o->name && length > 6 && strcmp(base + length - 6, ".capdb") == 0)
        length -= 6;
    bool good = length < sizeof(p->name) && is_name(base, length);
    if (good)
        snprintf(p->name, sizeof(p->name), "%.*s", (int)length, base);
    else
        command_complain(p->o->run,
                         "publish: %.*s is no name: 1 to %zu bytes of UTF-8 without control "
                         "characters%s",
                         (int)length, base, sizeof(p->name) - 1,
                         p->o->name ? "" : "; --name gives one");
    free(path);
    return good ? STATUS_YES : STATUS_UNKNOWN;
}

/* What is published of them is all that there is: no reason to fail, but to say so. */
static void tell_incomplete(struct view *v, uint32_t last)
{
    uint32_t first, count = dbview_incomplete(v, last, &first);
    if (count)
        fprintf(stderr,
                "capdb: %u of them %s incomplete, from %u on: what could not be read is in no "
                "answer (snapshots.complete)\n",
                count, count == 1 ? "is" : "are", first);
}

static void publish_all(struct publishing *p, struct view *v)
{
    uint32_t count = capdb_count(p->db);
    if (p->o->to && p->o->to < count)
        count = p->o->to;
    pg_run(p, "SET client_min_messages = warning"); /* that something is there already is none */
    make_tables(p);
    pg_run(p, "CREATE TEMPORARY TABLE ended (recording text, row bigint, t1 bigint)");
    while (publish_next(p, count))
        ;
    uint32_t there = p->done > count ? p->done : count;
    if (p->s != STATUS_YES)
        return;
    tell_incomplete(v, count);
    printf("%u snapshot%s there as %s\n", there, there == 1 ? " is" : "s are", p->name);
}

enum status command_publish(struct options *o)
{
    struct publishing p = {.o = o};
    struct view v;
    if (target_is_live(o->run))
        return command_complain(o->run, "is a running system, not a recording");
    const char *missing = pq_load();
    if (missing)
        return command_complain(NULL, "publish: %s", missing);
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    p.db = v.db;
    p.s = name_it(&p);
    if (p.s == STATUS_YES && v.db->version == CAPDB_USER_VERSION_1)
        p.s = command_complain(o->run, "has format %d; capdb upgrade makes one of today's of it",
                               v.db->version);
    if (p.s == STATUS_YES) {
        p.pg = pq.PQconnectdb(o->operand[0]);
        if (pq.PQstatus(p.pg) == PQ_CONNECTION_OK)
            publish_all(&p, &v);
        else
            fail(&p, "no connection");
        pq.PQfinish(p.pg);
    }
    free(p.line);
    dbview_close(&v);
    return p.s;
}
