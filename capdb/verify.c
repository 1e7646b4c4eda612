/* verify: is the recording what was recorded?
 *
 *   the file      SQLite's own check of pages and indexes
 *   the chain     every row belongs to a commit, and every commit hashes to what the ledger says
 *   the states    every snapshot is rebuilt and has the sum of the one that was recorded
 *   the events    applied to each snapshot they lead to the next
 *
 * The chain is followed once, in the order of the ledger, with cursors over the versions; so are the
 * states, each from the one before. */
#include "capdb/ledger.h"
#include "capdb/ended.h"
#include "capdb/stream.h"
#include "capdb/keyframe.h"
#include "capdb/runs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SQL_BYTES = 512, FAULTS_MAX = 50 };

struct verifying {
    struct capdb *db;
    capdb_report report;
    void *ctx;
    uint32_t faults;
};

static void fault(struct verifying *v, const char *sentence)
{
    v->faults++;
    if (v->faults <= FAULTS_MAX)
        v->report(v->ctx, sentence);
}

static void fault_format(struct verifying *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void fault_format(struct verifying *v, const char *fmt, ...)
{
    char sentence[CAPDB_MESSAGE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    fault(v, sentence);
}

/* --- the file -------------------------------------------------------------------------------- */

static void verify_file(struct verifying *v)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(v->db, "PRAGMA main.integrity_check(20)", &st);
    if (e != ERR_OK) {
        fault(v, v->db->message);
        return;
    }
    while (capdb_step(v->db, st, "checking the file", &e))
        if (strcmp(capdb_column_text(st, 0), "ok") != 0)
            fault(v, capdb_column_text(st, 0));
    if (e != ERR_OK)
        fault(v, v->db->message);
    sqlite3_finalize(st);
}

/* --- the chain ------------------------------------------------------------------------------- */

/* Rows of one kind, by the snapshot at which they begin or end. */
struct cursor {
    sqlite3_stmt *st;
    bool row;
};

struct chain {
    struct verifying *v;
    struct cursor begins[ROW_KINDS], ends[ROW_KINDS];
    struct ledger_entry before;
    int64_t snapshots;
    enum error e;
};

static void cursor_step(struct chain *c, struct cursor *at)
{
    at->row = capdb_step(c->v->db, at->st, "reading what was recorded", &c->e);
}

static void cursor_open(struct chain *c, struct cursor *at, const char *sql)
{
    if (c->e == ERR_OK)
        c->e = capdb_prepare(c->v->db, sql, &at->st);
    if (c->e == ERR_OK)
        cursor_step(c, at);
}

static void open_kind(struct chain *c, int kind)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[kind];
    int n = snprintf(sql, sizeof(sql), "SELECT t0, row");
    for (int i = 0; i < d->columns; i++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\"", d->column[i]);
    const char *from = capdb_flat(c->v->db, (enum row_kind)kind);
    snprintf(sql + n, sizeof(sql) - (size_t)n, " FROM %s ORDER BY row", from);
    cursor_open(c, &c->begins[kind], sql);
    snprintf(sql, sizeof(sql), "SELECT t1, row FROM %s WHERE t1 <> %d ORDER BY t1, row", from,
             CAPDB_STILL);
    cursor_open(c, &c->ends[kind], sql);
}

static void close_kind(struct chain *c, int kind)
{
    sqlite3_finalize(c->begins[kind].st);
    sqlite3_finalize(c->ends[kind].st);
}

static void take_ends(struct chain *c, int kind, int64_t n, struct blake2b *rows)
{
    struct cursor *at = &c->ends[kind];
    for (; at->row && sqlite3_column_int64(at->st, 0) == n; cursor_step(c, at))
        ledger_add_end(rows, kind, sqlite3_column_int64(at->st, 1));
}

/* What SQLite makes a number of hashes as that number, and the number that stands for none as NULL; an answer
 * would show what is there. */
static int64_t take_cell(struct chain *c, int kind, int column, int64_t row)
{
    sqlite3_stmt *st = c->begins[kind].st;
    const int type = sqlite3_column_type(st, column + 2);
    const int64_t value = sqlite3_column_int64(st, column + 2);
    const bool may_be_null = row_may_be_null(kind, column);
    if (type == SQLITE_NULL && may_be_null)
        return ROW_NULL;
    if (type != SQLITE_INTEGER || (may_be_null && value == ROW_NULL))
        fault_format(c->v, "row %lld of %s has no number in %s", (long long)row,
                     row_descs[kind].table, row_descs[kind].column[column]);
    return value;
}

static void take_begins(struct chain *c, int kind, int64_t n, struct blake2b *rows)
{
    struct cursor *at = &c->begins[kind];
    for (; at->row && sqlite3_column_int64(at->st, 0) == n; cursor_step(c, at)) {
        struct row row = {.row = sqlite3_column_int64(at->st, 1)};
        for (int i = 0; i < row_descs[kind].columns; i++)
            row.v[i] = take_cell(c, kind, i, row.row);
        ledger_add_begin(rows, kind, &row);
    }
}

static void take_rows(struct chain *c, int64_t n, struct blake2b *rows)
{
    blake2b_begin(rows);
    for (int kind = 0; kind < ROW_KINDS; kind++) {
        take_ends(c, kind, n, rows);
        take_begins(c, kind, n, rows);
    }
}

static void entry_fault(struct chain *c, const struct ledger_entry *entry)
{
    switch (entry->kind) {
    case LEDGER_KIND_CREATED:
        fault(c->v, "the schema, the words or what is said of the recording was altered");
        break;
    case LEDGER_KIND_SNAPSHOT:
        fault_format(c->v, "snapshot %lld, or an event, name or rule before it, was altered",
                     (long long)entry->n);
        break;
    default:
        fault_format(c->v, "an event, name, rule or target behind snapshot %lld was altered",
                     (long long)entry->n);
    }
}

/* Entries are numbered from 1, the first tells of the creation, snapshots come one by one. */
static bool entry_follows(const struct chain *c, const struct ledger_entry *entry)
{
    bool snapshot = entry->kind == LEDGER_KIND_SNAPSHOT;
    return (uint64_t)entry->entry == (uint64_t)c->before.entry + 1 &&
           (entry->entry == 1) == (entry->kind == LEDGER_KIND_CREATED) &&
           (uint64_t)entry->n == (uint64_t)c->snapshots + snapshot;
}

static void judge_entry(struct chain *c, const struct ledger_entry *entry)
{
    struct blake2b rows;
    struct ledger_entry got = *entry;
    bool snapshot = entry->kind == LEDGER_KIND_SNAPSHOT;
    if (!entry_follows(c, entry))
        fault_format(c->v, "ledger entry %lld does not follow the one before",
                     (long long)entry->entry);
    if (snapshot)
        take_rows(c, entry->n, &rows);
    if (c->e == ERR_OK)
        c->e = ledger_hash(c->v->db, &c->before, &got, snapshot ? &rows : NULL);
    if (c->e == ERR_OK && memcmp(got.hash, entry->hash, sizeof(got.hash)) != 0)
        entry_fault(c, entry);
    c->snapshots = entry->n;
    c->before = *entry;
}

static void follow_ledger(struct chain *c)
{
    sqlite3_stmt *st;
    struct ledger_entry entry;
    if (c->e != ERR_OK)
        return;
    c->e = capdb_prepare(c->v->db, ledger_select, &st);
    while (capdb_step(c->v->db, st, "reading the ledger", &c->e)) {
        c->e = ledger_fetch(c->v->db, st, &entry);
        if (c->e == ERR_OK)
            judge_entry(c, &entry);
    }
    sqlite3_finalize(st);
}

/* Rows that belong to no commit. */
static void look_for_more(struct chain *c)
{
    char sql[SQL_BYTES];
    for (int kind = 0; kind < ROW_KINDS; kind++)
        if (c->begins[kind].row || c->ends[kind].row)
            fault_format(c->v, "%s has rows that belong to no snapshot", row_descs[kind].table);
    for (int i = 0; i < LEDGER_TABLES; i++) {
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.%s WHERE %s < 1 OR %s > %lld",
                 ledger_tables[i], ledger_keys[i], ledger_keys[i], (long long)c->before.mark[i]);
        if (capdb_int(c->v->db, sql, -1) != 0)
            fault_format(c->v, "%s has rows that no commit wrote", ledger_tables[i]);
    }
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.snapshot WHERE n < 1 OR n > %lld",
             (long long)c->snapshots);
    if (capdb_int(c->v->db, sql, -1) != 0)
        fault(c->v, "there are snapshots that no commit wrote");
    if (c->before.entry == 0)
        fault(c->v, "the ledger is empty");
}

static void verify_chain(struct verifying *v)
{
    struct chain c = {.v = v};
    for (int kind = 0; kind < ROW_KINDS; kind++)
        open_kind(&c, kind);
    follow_ledger(&c);
    if (c.e == ERR_OK)
        look_for_more(&c);
    else
        fault(v, v->db->message);
    for (int kind = 0; kind < ROW_KINDS; kind++)
        close_kind(&c, kind);
}

/* --- the states and the events --------------------------------------------------------------- */

struct pass {
    struct verifying *v;
    struct stream *stream;
    struct capdb_proof *proof;
    struct capstate before;
    bool has_before; /* the snapshot before could be rebuilt */
};

static void verify_sum(struct verifying *v, uint32_t n, const struct capstate *state)
{
    char sql[CAPDB_MESSAGE];
    snprintf(sql, sizeof(sql), "SELECT sum FROM main.snapshot WHERE n = %u", n);
    if (capdb_int(v->db, sql, 0) != (int64_t)capdb_sum(state, v->db->version))
        fault_format(v, "snapshot %u differs from what was recorded", n);
}

static void verify_snapshot(struct pass *p, uint32_t n, const struct capstate *state)
{
    char sentence[CAPDB_MESSAGE];
    verify_sum(p->v, n, state);
    if (p->has_before &&
        !capdb_proof_next(p->proof, n, &p->before, state, sentence, sizeof(sentence)))
        fault(p->v, sentence);
}

/* One that cannot be rebuilt is told, and proves nothing about its neighbours; the stream begins
 * anew behind it. */
static void pass_snapshot(struct pass *p, uint32_t n)
{
    struct capstate state;
    capstate_init(&state);
    enum error e = p->stream ? ERR_OK : stream_open(p->v->db, n, &p->stream);
    if (e == ERR_OK)
        e = stream_to(p->stream, n);
    if (e == ERR_OK)
        e = stream_records(p->stream, &state);
    if (e == ERR_OK) {
        verify_snapshot(p, n, &state);
    } else {
        fault(p->v, p->v->db->message);
        stream_close(p->stream);
        p->stream = NULL;
    }
    capstate_free(&p->before);
    p->before = state;
    p->has_before = e == ERR_OK;
}

static void verify_states(struct verifying *v)
{
    uint32_t count = capdb_count(v->db);
    struct pass p = {.v = v, .proof = capdb_proof_begin(v->db)};
    capstate_init(&p.before);
    if (!p.proof)
        fault(v, "out of memory");
    for (uint32_t n = 1; p.proof && n <= count && v->faults < FAULTS_MAX; n++) {
        pass_snapshot(&p, n);
        if (v->db->progress)
            v->db->progress(v->db->progress_ctx, n, count);
    }
    capstate_free(&p.before);
    stream_close(p.stream);
    capdb_proof_end(p.proof);
}

/* --- what follows from the rest --------------------------------------------------------------- */

static void tell_fault(void *ctx, const char *sentence)
{
    fault(ctx, sentence);
}

static void verify_shortcuts(struct verifying *v)
{
    if (keyframes_verify(v->db, tell_fault, v) != ERR_OK ||
        ended_verify(v->db, tell_fault, v) != ERR_OK || runs_verify(v->db, tell_fault, v) != ERR_OK)
        fault(v, v->db->message);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void verify_all(struct verifying *v)
{
    verify_file(v);
    if (v->db->version != CAPDB_USER_VERSION_1) {
        verify_chain(v);
        if (!capdb_words_are_ours(v->db))
            fault(v, "the words are not those of a recording");
    }
    verify_shortcuts(v);
    verify_states(v);
}

void capdb_tell_progress(struct capdb *db, capdb_progress progress, void *ctx)
{
    db->progress = progress;
    db->progress_ctx = ctx;
}

enum error capdb_verify(struct capdb *db, capdb_report report, void *ctx)
{
    struct verifying v = {.db = db, .report = report, .ctx = ctx};
    enum error e = capdb_flush(db);
    if (e == ERR_OK)
        e = capdb_hold(db);
    if (e != ERR_OK) {
        fault(&v, db->message);
        return e;
    }
    verify_all(&v);
    if (capdb_release(db) != ERR_OK)
        fault(&v, db->message);
    return v.faults ? capdb_fail(db, ERR_CORRUPT, "is damaged") : ERR_OK;
}

/* Format 1 has no chain. */
static void verify_sums(struct verifying *v)
{
    const uint32_t count = capdb_count(v->db);
    for (uint32_t n = 1; n <= count; n++) {
        struct capstate state;
        if (capdb_load(v->db, n, &state) == ERR_OK) {
            verify_sum(v, n, &state);
            capstate_free(&state);
        } else {
            fault(v, v->db->message);
        }
    }
}

enum error capdb_verify_chain(struct capdb *db, capdb_report report, void *ctx)
{
    struct verifying v = {.db = db, .report = report, .ctx = ctx};
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    if (db->version == CAPDB_USER_VERSION_1)
        verify_sums(&v);
    else
        verify_chain(&v);
    e = capdb_release(db);
    return v.faults ? capdb_fail(db, ERR_CORRUPT, "is damaged; capdb verify says where") : e;
}

static void take_ending(const struct ledger_entry *last, struct capdb_ending *out)
{
    for (int i = 0; i < BLAKE2B_BYTES; i++)
        snprintf(out->hash + 2 * i, 3, "%02x", last->hash[i]);
    out->closed = last->kind == LEDGER_KIND_CLOSED;
}

enum error capdb_ending(struct capdb *db, struct capdb_ending *out)
{
    struct ledger_entry last;
    *out = (struct capdb_ending){0};
    if (db->version == CAPDB_USER_VERSION_1)
        return ERR_UNSUPPORTED;
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = ledger_last(db, &last);
    if (e == ERR_OK)
        take_ending(&last, out);
    capdb_release(db);
    return e;
}
