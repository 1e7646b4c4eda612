/* Appending a snapshot: turn it into rows, compare with the rows of the snapshot before, write one
 * tail row a difference, commit.  The mirror of the newest snapshot changes only after the commit,
 * so a failed append leaves everything as it was. */
#include "capdb/recorder.h"
#include "capdb/tail.h"

#include <stdlib.h>
#include <string.h>

enum { MERGE_EVERY = 100 };
static const double merge_seconds = 1.0;

/* --- interned texts --- */

static enum error intern(struct capdb *db, sqlite3_stmt *get, sqlite3_stmt *put, int64_t *id)
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
    return intern(db, r->get_name, r->put_name, id);
}

static enum error intern_domain(struct capdb *db, const struct authority_domain *d, int64_t *id)
{
    struct recorder *r = db->recorder;
    sqlite3_bind_text(r->get_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(r->get_domain, 2, d->trusted);
    sqlite3_bind_text(r->put_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(r->put_domain, 2, d->trusted);
    return intern(db, r->get_domain, r->put_domain, id);
}

/* --- capabilities, objects, threads: what depends on the shape --- */

struct shaping {
    struct capdb *db;
    const struct capstate *state;
    const struct mirror *before;
    struct mirror *next;
    struct authority authority;
    int64_t *domain_id; /* of the database, by domain of the analysis */
    int64_t *life;      /* by object */
    int64_t first_new;  /* ids from here on are new */
};

/* An object lives on when a capability to it does. */
static bool object_lives_on(const struct shaping *s, uint32_t object)
{
    for (int32_t slot = s->state->objects[object].first_slot; slot >= 0;
         slot = s->state->slots[slot].next_same)
        if (s->next->caps[slot].id < s->first_new)
            return true;
    return false;
}

/* Lives of before, by address; several can begin at one: an untyped and its first child. */
static int64_t life_before(const struct rowset *old, const struct sort_key *by_addr,
                           const struct capstate_object *o)
{
    uint32_t low = keys_lower_bound(by_addr, old->count, (int64_t)o->addr);
    for (; low < old->count && by_addr[low].key == (int64_t)o->addr; low++) {
        const int64_t *v = old->rows[by_addr[low].index].v;
        if (v[1] == (int64_t)o->type && v[3] == (int64_t)o->bits)
            return v[0];
    }
    return 0;
}

static struct row object_row(const struct capstate_object *o, int64_t life)
{
    return (struct row){.v = {life, o->type, (int64_t)o->addr, o->bits, o->flags}};
}

static enum error shape_objects(struct shaping *s)
{
    const struct rowset *old = &s->before->sets[ROW_OBJECT];
    struct rowset *new = &s->next->sets[ROW_OBJECT];
    struct sort_key *by_addr = malloc((old->count + 1) * sizeof(*by_addr));
    if (!by_addr || !rowset_reserve(new, s->state->object_count)) {
        free(by_addr);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < old->count; i++)
        by_addr[i] = (struct sort_key){old->rows[i].v[2], i};
    keys_sort(by_addr, old->count);
    for (uint32_t i = 0; i < s->state->object_count; i++) {
        int64_t life = 0;
        if (object_lives_on(s, i))
            life = life_before(old, by_addr, &s->state->objects[i]);
        s->life[i] = life ? life : s->db->recorder->next.object++;
        struct row row = object_row(&s->state->objects[i], s->life[i]);
        rowset_add(new, &row);
    }
    free(by_addr);
    return ERR_OK;
}

static struct row cap_row(const struct shaping *s, uint32_t i)
{
    const struct capstate_slot *slot = &s->state->slots[i];
    const struct record_slot *r = &slot->rec;
    const struct capmem *c = &s->next->caps[i];
    int32_t domain = authority_slot_domain(&s->authority, (int32_t)i);
    const struct capstate_object *o = slot->object < 0 ? NULL : &s->state->objects[slot->object];
    struct row row = {0};
    row.v[CAP_COL_id] = c->id;
    row.v[CAP_COL_parent] = c->parent;
    row.v[CAP_COL_pos] = c->pos;
    row.v[CAP_COL_slot] = (int64_t)r->addr;
    row.v[CAP_COL_holder] = slot->holder < 0 ? 0 : s->life[slot->holder];
    row.v[CAP_COL_domain] = domain < 0 ? 0 : s->domain_id[domain];
    row.v[CAP_COL_type] = r->type;
    row.v[CAP_COL_object] = o ? s->life[slot->object] : 0;
    row.v[CAP_COL_addr] = o && o->addr == r->object ? ROW_NULL : (int64_t)r->object;
    row.v[CAP_COL_bits] = o && o->bits == r->bits ? ROW_NULL : (int64_t)r->bits;
    row.v[CAP_COL_rights] = r->rights;
    row.v[CAP_COL_flags] = r->flags;
    row.v[CAP_COL_data] = (int64_t)r->data;
    row.v[CAP_COL_extra] = (int64_t)r->extra;
    row.v[CAP_COL_index] = slot->index;
    row.v[CAP_COL_level] = r->level;
    row.v[CAP_COL_place] = r->place;
    return row;
}

static enum error shape_caps(struct shaping *s)
{
    if (!rowset_reserve(&s->next->sets[ROW_CAP], s->state->slot_count))
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->state->slot_count; i++) {
        struct row row = cap_row(s, i);
        if (!rowset_add(&s->next->sets[ROW_CAP], &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum error shape_domains(struct shaping *s)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < s->authority.domain_count; i++)
        e = intern_domain(s->db, &s->authority.domains[i], &s->domain_id[i]);
    return e;
}

static struct row thread_row(const struct record_thread *t, int64_t name, int64_t domain)
{
    return (struct row){.v = {(int64_t)t->addr, name, domain, t->priority, t->mcp, t->domain,
                              t->idle, (int64_t)t->fault_handler, (int64_t)t->ipc_buffer,
                              (int64_t)t->bound, t->node}};
}

static enum error shape_threads(struct shaping *s)
{
    for (uint32_t i = 0; i < s->state->thread_count; i++) {
        const struct record_thread *t = &s->state->threads[i].rec;
        int32_t domain = s->authority.thread_domain[i];
        int64_t name = 0;
        enum error e = intern_name(s->db, &s->state->threads[i], &name);
        if (e != ERR_OK)
            return e;
        struct row row = thread_row(t, name, domain < 0 ? 0 : s->domain_id[domain]);
        if (!rowset_add(&s->next->sets[ROW_THREAD], &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* Events behind the newest snapshot, where they tell everything. */
static enum error assign_identity(struct shaping *s, struct identity_stats *stats)
{
    struct origins origins = {0};
    bool known = false;
    enum error e = ERR_OK;
    if (s->before->cap_count)
        e = origins_read(s->db, s->before->snapshot.seq, s->state->snapshot.seq, &origins, &known);
    if (e == ERR_OK)
        e = identity_assign(s->before->caps, s->before->cap_count, s->state,
                            known ? &origins : NULL, &s->db->recorder->next.cap, s->next->caps,
                            stats);
    origins_free(&origins);
    return e;
}

static enum error shape_all(struct shaping *s, struct identity_stats *stats)
{
    s->first_new = s->db->recorder->next.cap;
    enum error e = assign_identity(s, stats);
    if (e == ERR_OK)
        e = shape_domains(s);
    if (e == ERR_OK)
        e = shape_objects(s);
    if (e == ERR_OK)
        e = shape_caps(s);
    return e == ERR_OK ? shape_threads(s) : e;
}

/* before: the snapshot before, or none, when the machine was started anew since. */
static enum error shape(struct capdb *db, const struct capstate *state, const struct mirror *before,
                        struct mirror *next, struct identity_stats *stats)
{
    struct shaping s = {.db = db, .state = state, .before = before, .next = next};
    enum error e = authority_build(state, &db->recorder->rules, &s.authority);
    if (e != ERR_OK)
        return capdb_fail(db, e, "out of memory");
    next->caps = calloc(state->slot_count + 1, sizeof(*next->caps));
    next->cap_count = state->slot_count;
    s.domain_id = calloc(s.authority.domain_count + 1, sizeof(*s.domain_id));
    s.life = calloc(state->object_count + 1, sizeof(*s.life));
    if (next->caps && s.domain_id && s.life)
        e = shape_all(&s, stats);
    else
        e = ERR_NO_MEMORY;
    free(s.domain_id);
    free(s.life);
    authority_free(&s.authority);
    return e == ERR_NO_MEMORY ? capdb_fail(db, e, "out of memory") : e;
}

/* --- the other kinds --- */

static bool rows_running(const struct capstate *s, struct rowset *out)
{
    bool ok = true;
    for (uint32_t i = 0; i < s->thread_count && ok; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        ok = rowset_add(
            out,
            &(struct row){.v = {(int64_t)t->addr, t->state, t->time_slice, t->current,
                                (int64_t)t->pc, (int64_t)t->sp, (int64_t)t->cpsr,
                                (int64_t)t->blocked_on, (int64_t)t->blocked_badge, t->blocked_flags,
                                t->position, t->fault, (int64_t)t->fault_addr,
                                (int64_t)t->fault_detail, (int64_t)t->sched_context,
                                (int64_t)t->reply, (int64_t)t->yield_to, t->release}});
    }
    return ok;
}

static bool rows_queues(const struct capstate *s, struct mirror *m)
{
    bool ok = true;
    for (uint32_t i = 0; i < s->endpoint_count && ok; i++) {
        const struct record_endpoint *e = &s->endpoints[i];
        ok = rowset_add(&m->sets[ROW_ENDPOINT],
                        &(struct row){.v = {(int64_t)e->addr, e->state, e->waiters}});
    }
    for (uint32_t i = 0; i < s->notification_count && ok; i++) {
        const struct record_notification *n = &s->notifications[i];
        ok = rowset_add(
            &m->sets[ROW_NOTIFICATION],
            &(struct row){.v = {(int64_t)n->addr, n->state, (int64_t)n->word, (int64_t)n->bound,
                                n->waiters, (int64_t)n->sched_context}});
    }
    return ok;
}

static bool rows_rest(const struct capstate *s, struct mirror *m)
{
    bool ok = true;
    for (uint32_t i = 0; i < s->mapping_count && ok; i++) {
        const struct record_mapping *p = &s->mappings[i];
        ok = rowset_add(
            &m->sets[ROW_MAPPING],
            &(struct row){.v = {(int64_t)p->dir, (int64_t)p->vaddr, p->asid, (int64_t)p->frame,
                                p->bits, p->rights, p->attributes, (int64_t)p->table}});
    }
    for (uint32_t i = 0; i < s->irq_count && ok; i++)
        ok = rowset_add(&m->sets[ROW_IRQ], &(struct row){.v = {s->irqs[i].irq, s->irqs[i].state,
                                                               (int64_t)s->irqs[i].slot}});
    for (uint32_t i = 0; i < s->finding_count && ok; i++) {
        const struct record_finding *f = &s->findings[i];
        ok = rowset_add(
            &m->sets[ROW_FINDING],
            &(struct row){.v = {f->rule, (int64_t)f->addr, (int64_t)f->other, (int64_t)f->value}});
    }
    return ok;
}

/* Rows whose columns are the fields of their record. */
#define FIELD_VALUE(name) (int64_t) r->name,
#define DEFINE_ROWS(NAME, name, array, count, first)                                               \
    static bool rows_##name(const struct capstate *s, struct rowset *out)                          \
    {                                                                                              \
        bool ok = true;                                                                            \
        for (uint32_t i = first; i < s->count && ok; i++) {                                        \
            const struct record_##name *r = &s->array[i];                                          \
            ok = rowset_add(out, &(struct row){.v = {ROW_##NAME##_COLUMNS(FIELD_VALUE)}});         \
        }                                                                                          \
        return ok;                                                                                 \
    }
DEFINE_ROWS(SCHED_CONTEXT, sched_context, sched_contexts, sched_context_count, 0)
DEFINE_ROWS(REPLY, reply, replies, reply_count, 0)
DEFINE_ROWS(TABLE, table, tables, tables_told, 0)
DEFINE_ROWS(SCHED, sched, scheds, sched_count, 1)
DEFINE_ROWS(RANGE, range, ranges, range_count, 1)

static bool rows_more(const struct capstate *s, struct mirror *m)
{
    return rows_sched_context(s, &m->sets[ROW_SCHED_CONTEXT]) &&
           rows_reply(s, &m->sets[ROW_REPLY]) && rows_table(s, &m->sets[ROW_TABLE]) &&
           rows_sched(s, &m->sets[ROW_SCHED]) && rows_range(s, &m->sets[ROW_RANGE]);
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

static enum error put_lists(struct capdb *db, uint32_t t, int kind, int64_t *ended,
                            uint32_t ended_count, const struct row *began, uint32_t began_count,
                            struct blake2b *rows)
{
    const struct tail_changes changes = {ended, ended_count, began, began_count};
    struct recorder *r = db->recorder;
    if (ended_count)
        qsort(ended, ended_count, sizeof(*ended), row_id_compare);
    hash_changes(rows, kind, &changes);
    return tail_put(db, r->put_tail, t, kind, &changes, r->packs);
}

/* Both sorted: what only the old has ends, what only the new has begins. */
static enum error put_changes(struct capdb *db, uint32_t t, int kind, const struct rowset *old,
                              struct rowset *new, struct blake2b *rows)
{
    uint32_t i = 0;
    uint32_t k = 0;
    uint32_t ended_count = 0;
    uint32_t began_count = 0;
    int64_t *ended = malloc((old->count + 1) * sizeof(*ended));
    struct row *began = malloc((new->count + 1) * sizeof(*began));
    enum error e = ended && began ? ERR_OK : capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    while (e == ERR_OK && (i < old->count || k < new->count)) {
        int order = i == old->count   ? 1
                    : k == new->count ? -1
                                      : row_compare(&old->rows[i], &new->rows[k]);
        if (order == 0) {
            new->rows[k++].row = old->rows[i++].row;
        } else if (order < 0) {
            ended[ended_count++] = old->rows[i++].row;
        } else {
            new->rows[k].row = db->recorder->next.row[kind]++;
            began[began_count++] = new->rows[k++];
        }
    }
    if (e == ERR_OK)
        e = put_lists(db, t, kind, ended, ended_count, began, began_count, rows);
    free(ended);
    free(began);
    return e;
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
#define BIND_S(name)     bind_string(st, &at, &r->name);
#define BIND(mode, name) BIND_##mode(name)

/* Columns in the order of the schema. */
static enum error put_snapshot(struct capdb *db, const struct capstate *s, uint32_t n, double time,
                               const struct identity_stats *stats)
{
    sqlite3_stmt *st = db->recorder->put_snapshot;
    int at = 1;
    bind_number(st, &at, n);
    sqlite3_bind_double(st, at++, time);
    sqlite3_bind_int64(st, at++, (int64_t)capdb_sum(s));
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

struct appending {
    struct capdb *db;
    const struct capstate *state;
    double time;
    bool anew;       /* the machine was started anew: nothing lives on */
    bool same_shape; /* rows of capabilities and objects are those of before */
    struct mirror next;
};

static bool same_string(const struct record_string *a, const struct record_string *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* A recording is of one machine. Which door or which run of it does not matter. */
static enum error check_kernel(struct appending *a)
{
    const struct record_snapshot *old = &a->db->recorder->mirror.snapshot;
    const struct record_snapshot *new = &a->state->snapshot;
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

static bool started_anew(const struct appending *a)
{
    const struct record_snapshot *old = &a->db->recorder->mirror.snapshot;
    return a->db->count > 0 &&
           (a->state->snapshot.ticks < old->ticks || a->state->snapshot.seq < old->seq);
}

static enum error make_rows(struct appending *a, struct identity_stats *stats)
{
    static const struct mirror nothing;
    const struct capstate *s = a->state;
    enum error e = ERR_OK;
    if (!a->same_shape)
        e = shape(a->db, s, a->anew ? &nothing : &a->db->recorder->mirror, &a->next, stats);
    if (e == ERR_OK && (!rows_running(s, &a->next.sets[ROW_RUN]) || !rows_queues(s, &a->next) ||
                        !rows_rest(s, &a->next) || !rows_more(s, &a->next)))
        e = capdb_fail(a->db, ERR_NO_MEMORY, "out of memory");
    return e;
}

static enum error write_snapshot(struct appending *a, struct blake2b *rows)
{
    struct identity_stats stats = {0};
    uint32_t n = a->db->count + 1;
    enum error e = make_rows(a, &stats);
    blake2b_begin(rows);
    if (a->anew)
        stats.removed = a->db->recorder->mirror.cap_count;
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++) {
        if (a->same_shape && (kind == ROW_CAP || kind == ROW_OBJECT))
            continue;
        rowset_sort(&a->next.sets[kind]);
        e = put_changes(a->db, n, kind, &a->db->recorder->mirror.sets[kind], &a->next.sets[kind],
                        rows);
    }
    return e == ERR_OK ? put_snapshot(a->db, a->state, n, a->time, &stats) : e;
}

/* Threads depend on more than the shape (priorities), but their names and domains do not change
 * with it: the rows of before serve, with the plain fields taken anew. */
static enum error threads_again(struct appending *a)
{
    const struct rowset *old = &a->db->recorder->mirror.sets[ROW_THREAD];
    struct rowset *out = &a->next.sets[ROW_THREAD];
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        const struct record_thread *t = &a->state->threads[i].rec;
        const struct row *before = rowset_find(old, (int64_t)t->addr);
        if (!before)
            return ERR_CORRUPT;
        struct row row = thread_row(t, before->v[1], before->v[2]);
        if (!rowset_add(out, &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* Events may tell that a capability is another one though it looks the same. */
static bool events_wait(struct capdb *db)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "SELECT 1 FROM main.event WHERE n = ? LIMIT 1", &st);
    if (e != ERR_OK)
        return true;
    sqlite3_bind_int64(st, 1, (int64_t)db->count + 1);
    bool any = capdb_step(db, st, "reading events", &e);
    sqlite3_finalize(st);
    return any || e != ERR_OK;
}

/* Is nothing to be worked out anew of capabilities, objects and domains? */
static void judge_shape(struct appending *a)
{
    struct recorder *r = a->db->recorder;
    a->anew = started_anew(a);
    a->next.shape = capdb_shape(a->state);
    a->next.snapshot = a->state->snapshot;
    a->same_shape = a->db->count > 0 && !a->anew && !r->rules_changed &&
                    a->next.shape == r->mirror.shape && !events_wait(a->db);
    if (a->same_shape && threads_again(a) != ERR_OK) {
        rowset_free(&a->next.sets[ROW_THREAD]);
        a->same_shape = false;
    }
}

/* After the commit the new rows are the mirror; unshaped ones stay. */
static void adopt(struct appending *a)
{
    struct mirror *m = &a->db->recorder->mirror;
    if (a->same_shape) {
        a->next.sets[ROW_CAP] = m->sets[ROW_CAP];
        a->next.sets[ROW_OBJECT] = m->sets[ROW_OBJECT];
        m->sets[ROW_CAP] = m->sets[ROW_OBJECT] = (struct rowset){0};
        a->next.caps = m->caps;
        a->next.cap_count = m->cap_count;
        m->caps = NULL;
    }
    mirror_free(m);
    *m = a->next;
    a->db->count++;
    a->db->recorder->unmerged++;
    a->db->recorder->rules_changed = false;
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

enum error capdb_append(struct capdb *db, const struct capstate *state, double time, uint32_t *n)
{
    struct appending a = {.db = db, .state = state, .time = time};
    enum error e = recorder_begin(db);
    if (e == ERR_OK)
        e = check_kernel(&a);
    if (e != ERR_OK)
        return e;
    judge_shape(&a);
    e = commit_snapshot(&a);
    if (e != ERR_OK) {
        mirror_free(&a.next);
        return e;
    }
    adopt(&a);
    *n = db->count;
    struct recorder *r = db->recorder;
    if (r->unmerged >= MERGE_EVERY || capdb_now() - r->merged_at >= merge_seconds)
        capdb_flush(db); /* it is committed; a merge that fails is tried again */
    return ERR_OK;
}
