/* Appending a snapshot: compare it with the one before, pack what differs into the tail, commit.  The
 * mirror of the newest snapshot changes only after the commit, so a failed append leaves everything
 * as it was. */
#include "capdb/compare.h"
#include "capdb/elements.h"
#include "capdb/sum.h"
#include "capdb/runs.h"

#include <stdlib.h>
#include <string.h>

enum { MERGE_EVERY = 100, MERGE_SHARE = 10 };
static const double merge_seconds = 2.0;

struct appending {
    struct capdb *db;
    double time;
    bool anew; /* the machine was started anew: nothing lives on */
    struct mirror next;
    struct comparison c;
};

/* --- interned texts --- */

enum error recorder_intern(struct capdb *db, sqlite3_stmt *get, sqlite3_stmt *put, int64_t *id)
{
    enum error e = ERR_OK;
    bool known = capdb_step(db, get, "storing a name", &e);
    if (known)
        *id = sqlite3_column_int64(get, 0);
    sqlite3_reset(get);
    if (known || e != ERR_OK)
        return e;
    capdb_step(db, put, "storing a name", &e);
    sqlite3_reset(put);
    *id = sqlite3_last_insert_rowid(db->sql);
    return e;
}

static enum error intern_name(struct capdb *db, const struct capstate_thread *t, int64_t *id)
{
    struct recorder *r = db->recorder;
    if (t->rec.name.length == 0) {
        *id = 0;
        return ERR_OK;
    }
    sqlite3_bind_blob(r->get_name, 1, t->rec.name.bytes, t->rec.name.length, SQLITE_STATIC);
    sqlite3_bind_blob(r->put_name, 1, t->rec.name.bytes, t->rec.name.length, SQLITE_STATIC);
    sqlite3_bind_text(r->put_name, 2, t->label, -1, SQLITE_STATIC);
    return recorder_intern(db, r->get_name, r->put_name, id);
}

static bool same_string(const struct record_string *a, const struct record_string *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Threads mostly stand where they stood, with the names that they had. */
static enum error find_names(struct appending *a)
{
    const struct mirror *before = &a->db->recorder->mirror;
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < a->next.state.thread_count; i++) {
        const struct capstate_thread *t = &a->next.state.threads[i];
        if (i < before->state.thread_count &&
            same_string(&before->state.threads[i].rec.name, &t->rec.name))
            a->next.names[i] = before->names[i];
        else
            e = intern_name(a->db, t, &a->next.names[i]);
    }
    return e;
}

/* --- writing --- */

static int row_id_compare(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa;
    int64_t b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

/* What ended, ascending, and what began, as the numbers were given. */
static void hash_changes(struct blake2b *rows, int kind, const struct tail_changes *c)
{
    for (uint32_t i = 0; i < c->ended_count; i++)
        ledger_add_end(rows, kind, c->ended[i]);
    for (uint32_t i = 0; i < c->began_count; i++)
        ledger_add_begin(rows, kind, &c->began[i]);
}

enum error changes_put(struct capdb *db, uint32_t t, int kind, int64_t *ended, uint32_t ended_count,
                       const struct row *began, uint32_t began_count, struct blake2b *rows)
{
    const struct tail_changes changes = {ended, ended_count, began, began_count};
    struct recorder *r = db->recorder;
    if (ended_count)
        qsort(ended, ended_count, sizeof(*ended), row_id_compare);
    hash_changes(rows, kind, &changes);
    return tail_put(db, r->put_tail, t, kind, &changes, r->packs);
}

static void bind_number(sqlite3_stmt *st, int *at, uint64_t v)
{
    sqlite3_bind_int64(st, (*at)++, (int64_t)v);
}

static void bind_string(sqlite3_stmt *st, int *at, const struct record_string *s)
{
    if (s->length)
        sqlite3_bind_blob(st, (*at)++, s->bytes, s->length, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(st, (*at)++, 0);
}

#define BIND_U(name)     bind_number(st, &at, r->name);
#define BIND_W(name)     bind_number(st, &at, r->name);
#define BIND_D(name)     bind_number(st, &at, r->name);
#define BIND_T(name)     /* not kept */
#define BIND_S(name)     bind_string(st, &at, &r->name);
#define BIND(mode, name) BIND_##mode(name)

/* Columns in the order of the schema. */
static enum error put_snapshot(struct appending *a, uint32_t n)
{
    struct capdb *db = a->db;
    const struct capstate *s = &a->next.state;
    const struct identity_stats *stats = &a->c.stats;
    sqlite3_stmt *st = db->recorder->put_snapshot;
    int at = 1;
    bind_number(st, &at, n);
    sqlite3_bind_double(st, at++, a->time);
    sqlite3_bind_int64(st, at++,
                       (int64_t)(sum_of_heads(s) + a->next.slot_sum + a->next.element_sum));
    bind_number(st, &at, stats->added);
    bind_number(st, &at, stats->removed);
    bind_number(st, &at, stats->changed);
    sqlite3_bind_int64(st, at++, db->recorder->next.row[ROW_CAP] - 1);
    {
        const struct record_snapshot *r = &s->snapshot;
        RECORD_FIELDS_SNAPSHOT(BIND)
    }
    {
        const struct record_end *r = &s->end;
        RECORD_FIELDS_END(BIND)
    }
    {
        const struct record_sched *r = &s->sched;
        RECORD_FIELDS_SCHED(BIND)
    }
    {
        const struct record_revoke *r = &s->revoke;
        RECORD_FIELDS_REVOKE(BIND)
    }
    enum error e = ERR_OK;
    capdb_step(db, st, "writing a snapshot", &e);
    sqlite3_reset(st);
    return e;
}

/* --- a snapshot ------------------------------------------------------------------------------ */

/* A recording is of one machine. Which door or which run of it does not matter. */
static enum error check_kernel(struct appending *a)
{
    const struct record_snapshot *old = &a->db->recorder->mirror.state.snapshot;
    const struct record_snapshot *new = &a->next.state.snapshot;
    if (a->db->count == 0)
        return ERR_OK;
    if (old->kernel == new->kernel && old->layout == new->layout &&
        old->ram_base == new->ram_base &&
        old->ram_size == new->ram_size &&same_string(&old->board, &new->board) &&
        same_string(&old->build, &new->build))
        return ERR_OK;
    return capdb_fail(a->db, ERR_REFUSED,
                      "is of the kernel %.*s on %.*s; this machine runs %.*s on %.*s",
                      old->build.length, old->build.bytes, old->board.length, old->board.bytes,
                      new->build.length, new->build.bytes, new->board.length, new->board.bytes);
}

enum error capdb_fits(struct capdb *db, const struct capstate *state)
{
    struct appending a = {.db = db, .next = {.state = *state}};
    enum error e = recorder_begin(db);
    return e == ERR_OK ? check_kernel(&a) : e;
}

static bool started_anew(const struct appending *a)
{
    const struct record_snapshot *old = &a->db->recorder->mirror.state.snapshot;
    return a->db->count > 0 &&
           (a->db->recorder->restarted || a->next.state.snapshot.ticks < old->ticks ||
            a->next.state.snapshot.seq < old->seq);
}

/* Events behind the newest snapshot, where they tell everything. */
static enum error assign_identity(struct appending *a)
{
    struct origins origins = {0};
    bool known = false;
    enum error e = ERR_OK;
    if (a->c.old->slot_count)
        e = origins_read(a->db, a->c.old->snapshot.seq, a->next.state.snapshot.seq, &origins,
                         &known);
    if (e == ERR_OK &&
        identity_assign(&a->c, known ? &origins : NULL, &a->db->recorder->next.cap) != ERR_OK)
        e = capdb_fail(a->db, ERR_NO_MEMORY, "out of memory");
    origins_free(&origins);
    return e;
}

static enum error shape(struct appending *a)
{
    enum error e = assign_identity(a);
    if (e != ERR_OK)
        return e;
    shape_objects(&a->c);
    e = domains_find(&a->c);
    if (e == ERR_OK)
        e = find_names(a);
    if (a->anew)
        a->c.stats.removed = a->db->recorder->mirror.state.slot_count;
    return e;
}

static enum error put_rows(struct appending *a, uint32_t n, struct blake2b *rows)
{
    enum error e = shape_put_caps(&a->c, n, rows);
    if (e == ERR_OK)
        e = shape_put_objects(&a->c, n, rows);
    a->next.element_sum = a->db->recorder->mirror.element_sum;
    for (int kind = ROW_OBJECT + 1; e == ERR_OK && kind < ROW_KINDS; kind++)
        e = kinds_put(&a->c, n, (enum row_kind)kind, rows);
    if (comparison_anew(&a->c)) /* terms of what is alike may be others */
        a->next.element_sum = sum_of_elements(a->c.now);
    return e;
}
_Static_assert((int)ROW_CAP == 0 && (int)ROW_OBJECT == 1, "as put_rows() takes them");

static enum error write_snapshot(struct appending *a, struct blake2b *rows)
{
    uint32_t n = a->db->count + 1;
    blake2b_begin(rows);
    if (capdb_is_split(a->db)) {
        struct numbers *next = &a->db->recorder->next;
        next->cap = next->row[ROW_CAP];
        next->object = next->row[ROW_OBJECT];
    }
    enum error e = comparison_begin(&a->c, a->db, &a->db->recorder->mirror, &a->next, a->anew);
    if (e == ERR_OK)
        e = shape(a);
    if (e == ERR_OK)
        e = put_rows(a, n, rows);
    if (e == ERR_OK)
        e = put_snapshot(a, n);
    if (e == ERR_OK)
        e = runs_put(a->db, n, &a->db->recorder->mirror.state.snapshot, &a->next.state.snapshot);
    return e;
}

static enum error commit_snapshot(struct appending *a)
{
    struct blake2b rows;
    struct numbers before = a->db->recorder->next;
    enum error e = recorder_transaction(a->db, "writing a snapshot");
    if (e != ERR_OK)
        return e;
    e = write_snapshot(a, &rows);
    if (e == ERR_OK)
        e = recorder_commit(a->db, LEDGER_KIND_SNAPSHOT, a->db->count + 1, &rows,
                            "writing a snapshot");
    if (e != ERR_OK) {
        recorder_roll_back(a->db);
        a->db->recorder->next = before;
    }
    return e;
}

/* After the commit the new snapshot is the one that the next is compared with. */
static void adopt(struct appending *a)
{
    struct recorder *r = a->db->recorder;
    r->cap_room = r->mirror.cap_room;
    r->object_room = r->mirror.object_room;
    r->mirror.cap_room = r->mirror.object_room = (struct room){0};
    mirror_free(&r->mirror);
    r->mirror = a->next;
    r->rules_changed = r->restarted = false;
    r->unmerged++;
    a->db->count++;
}

static void lend_rooms(struct appending *a)
{
    struct recorder *r = a->db->recorder;
    a->next.cap_room = r->cap_room;
    a->next.object_room = r->object_room;
    r->cap_room = r->object_room = (struct room){0};
}

static void take_rooms_back(struct appending *a)
{
    struct recorder *r = a->db->recorder;
    r->cap_room = a->next.cap_room;
    r->object_room = a->next.object_room;
    a->next.cap_room = a->next.object_room = (struct room){0};
}

static enum error append(struct appending *a)
{
    enum error e = recorder_begin(a->db);
    if (e == ERR_OK)
        e = check_kernel(a);
    if (e != ERR_OK)
        return e;
    e = recorder_follow_boot(a->db, a->next.state.snapshot.boot);
    if (e != ERR_OK)
        return e;
    a->anew = started_anew(a);
    lend_rooms(a);
    if (mirror_allocate(&a->next))
        e = commit_snapshot(a);
    else
        e = capdb_fail(a->db, ERR_NO_MEMORY, "out of memory");
    if (e == ERR_OK)
        adopt(a);
    else
        take_rooms_back(a);
    return e;
}

/* Merges take at most one part in MERGE_SHARE of the time, but for those of many snapshots. */
void capdb_merge_when_due(struct capdb *db)
{
    struct recorder *r = db->recorder;
    double pause = MERGE_SHARE * r->merge_took;
    pause = pause < merge_seconds ? merge_seconds : pause;
    if (r->unmerged >= MERGE_EVERY || capdb_now() - r->merged_at >= pause)
        capdb_flush(db); /* it is committed; a merge that fails is tried again */
}

enum error capdb_append_taking(struct capdb *db, struct capstate *state, double time, uint32_t *n)
{
    struct appending a = {.db = db, .time = time, .next = {.state = *state}};
    enum error e = append(&a);
    if (e != ERR_OK) {
        a.next.state = (struct capstate){0}; /* it is the caller's still */
        mirror_free(&a.next);
        return e;
    }
    capstate_init(state);
    *n = db->count;
    capdb_merge_when_due(db);
    return ERR_OK;
}

enum error capdb_append(struct capdb *db, const struct capstate *state, double time, uint32_t *n)
{
    struct capstate copy;
    if (capstate_copy(state, &copy) != ERR_OK)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    enum error e = capdb_append_taking(db, &copy, time, n);
    capstate_free(&copy);
    return e;
}

uint64_t capdb_recorder_memory(const struct capdb *db)
{
    return db->recorder ? mirror_size(&db->recorder->mirror) : 0;
}
