/* Appending a snapshot: turn it into rows, compare with the rows of the snapshot before, write one
 * tail row a difference, commit.  The mirror of the newest snapshot changes only after the commit,
 * so a failed append leaves everything as it was. */
#include "capdb/store.h"

#include <stdlib.h>
#include <string.h>

enum { MERGE_EVERY = 100 };
static const double merge_seconds = 1.0;

void mirror_free(struct mirror *m)
{
    for (int k = 0; k < ROW_KINDS; k++)
        rowset_free(&m->sets[k]);
    free(m->caps);
    *m = (struct mirror){0};
}

/* --- interned texts --- */

static enum error intern(struct capdb *db, sqlite3_stmt *get, sqlite3_stmt *put, int64_t *id)
{
    int code = sqlite3_step(get);
    if (code == SQLITE_ROW)
        *id = sqlite3_column_int64(get, 0);
    sqlite3_reset(get);
    if (code == SQLITE_ROW)
        return ERR_OK;
    code = sqlite3_step(put);
    sqlite3_reset(put);
    if (code != SQLITE_DONE)
        return capdb_fail_sql(db, "storing a name");
    *id = sqlite3_last_insert_rowid(db->sql);
    return ERR_OK;
}

static enum error intern_name(struct capdb *db, const struct capstate_thread *t, int64_t *id)
{
    if (t->rec.name.length == 0) {
        *id = 0;
        return ERR_OK;
    }
    sqlite3_bind_blob(db->get_name, 1, t->rec.name.bytes, t->rec.name.length, SQLITE_STATIC);
    sqlite3_bind_blob(db->put_name, 1, t->rec.name.bytes, t->rec.name.length, SQLITE_STATIC);
    sqlite3_bind_text(db->put_name, 2, t->label, -1, SQLITE_STATIC);
    return intern(db, db->get_name, db->put_name, id);
}

static enum error intern_domain(struct capdb *db, const struct authority_domain *d, int64_t *id)
{
    sqlite3_bind_text(db->get_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(db->put_domain, 1, d->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(db->put_domain, 2, d->trusted);
    return intern(db, db->get_domain, db->put_domain, id);
}

/* --- capabilities, objects, threads: what depends on the shape --- */

struct shaping {
    struct capdb *db;
    const struct capstate *state;
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
    uint32_t low = 0;
    uint32_t high = old->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (by_addr[middle].key < (int64_t)o->addr)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < old->count && by_addr[low].key == (int64_t)o->addr; low++) {
        const int64_t *v = old->rows[by_addr[low].index].v;
        if (v[1] == (int64_t)o->type && v[3] == (int64_t)o->bits)
            return v[0];
    }
    return 0;
}

static struct row object_row(const struct capstate_object *o, int64_t life)
{
    return (struct row){.v = {life, o->type, o->addr, o->bits, o->flags}};
}

static enum error shape_objects(struct shaping *s)
{
    const struct rowset *old = &s->db->mirror->sets[ROW_OBJECT];
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
        s->life[i] = life ? life : s->db->next_object++;
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
    row.v[CAP_COL_slot] = r->addr;
    row.v[CAP_COL_holder] = slot->holder < 0 ? 0 : s->life[slot->holder];
    row.v[CAP_COL_domain] = domain < 0 ? 0 : s->domain_id[domain];
    row.v[CAP_COL_type] = r->type;
    row.v[CAP_COL_object] = o ? s->life[slot->object] : 0;
    row.v[CAP_COL_addr] = o && o->addr == r->object ? ROW_NULL : (int64_t)r->object;
    row.v[CAP_COL_bits] = o && o->bits == r->bits ? ROW_NULL : (int64_t)r->bits;
    row.v[CAP_COL_rights] = r->rights;
    row.v[CAP_COL_flags] = r->flags;
    row.v[CAP_COL_data] = r->data;
    row.v[CAP_COL_extra] = r->extra;
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

static enum error shape_threads(struct shaping *s)
{
    for (uint32_t i = 0; i < s->state->thread_count; i++) {
        const struct record_thread *t = &s->state->threads[i].rec;
        int32_t domain = s->authority.thread_domain[i];
        int64_t name = 0;
        enum error e = intern_name(s->db, &s->state->threads[i], &name);
        if (e != ERR_OK)
            return e;
        struct row row = {.v = {t->addr, name, domain < 0 ? 0 : s->domain_id[domain], t->priority,
                                t->mcp, t->domain, t->idle, t->fault_handler, t->ipc_buffer,
                                t->bound}};
        if (!rowset_add(&s->next->sets[ROW_THREAD], &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum error shape_all(struct shaping *s, struct identity_stats *stats)
{
    const struct mirror *before = s->db->mirror;
    s->first_new = s->db->next_cap;
    enum error e = identity_assign(before->caps, before->cap_count, s->state, &s->db->next_cap,
                                   s->next->caps, stats);
    if (e == ERR_OK)
        e = shape_domains(s);
    if (e == ERR_OK)
        e = shape_objects(s);
    if (e == ERR_OK)
        e = shape_caps(s);
    return e == ERR_OK ? shape_threads(s) : e;
}

static enum error shape(struct capdb *db, const struct capstate *state, struct mirror *next,
                        struct identity_stats *stats)
{
    struct shaping s = {.db = db, .state = state, .next = next};
    enum error e = authority_build(state, &db->rules, &s.authority);
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
            out, &(struct row){.v = {t->addr, t->state, t->time_slice, t->current, t->pc, t->sp,
                                     t->cpsr, t->blocked_on, t->blocked_badge, t->blocked_flags,
                                     t->position, t->fault, t->fault_addr, t->fault_detail}});
    }
    return ok;
}

static bool rows_queues(const struct capstate *s, struct mirror *m)
{
    bool ok = true;
    for (uint32_t i = 0; i < s->endpoint_count && ok; i++) {
        const struct record_endpoint *e = &s->endpoints[i];
        ok =
            rowset_add(&m->sets[ROW_ENDPOINT], &(struct row){.v = {e->addr, e->state, e->waiters}});
    }
    for (uint32_t i = 0; i < s->notification_count && ok; i++) {
        const struct record_notification *n = &s->notifications[i];
        ok = rowset_add(&m->sets[ROW_NOTIFICATION],
                        &(struct row){.v = {n->addr, n->state, n->word, n->bound, n->waiters}});
    }
    return ok;
}

static bool rows_rest(const struct capstate *s, struct mirror *m)
{
    bool ok = true;
    for (uint32_t i = 0; i < s->mapping_count && ok; i++) {
        const struct record_mapping *p = &s->mappings[i];
        ok = rowset_add(&m->sets[ROW_MAPPING],
                        &(struct row){.v = {p->dir, p->vaddr, p->asid, p->frame, p->bits, p->rights,
                                            p->attributes, p->table}});
    }
    for (uint32_t i = 0; i < s->irq_count && ok; i++)
        ok = rowset_add(&m->sets[ROW_IRQ],
                        &(struct row){.v = {s->irqs[i].irq, s->irqs[i].state, s->irqs[i].slot}});
    for (uint32_t i = 0; i < s->finding_count && ok; i++) {
        const struct record_finding *f = &s->findings[i];
        ok = rowset_add(&m->sets[ROW_FINDING],
                        &(struct row){.v = {f->rule, f->addr, f->other, f->value}});
    }
    return ok;
}

/* --- writing --- */

static enum error put_tail(struct capdb *db, uint32_t t, int kind, bool opens,
                           const struct row *row)
{
    sqlite3_stmt *st = db->put_tail;
    sqlite3_bind_int64(st, 1, t);
    sqlite3_bind_int(st, 2, kind);
    sqlite3_bind_int(st, 3, opens);
    sqlite3_bind_int64(st, 4, row->row);
    for (int c = 0; c < ROW_MAX_COLUMNS; c++)
        if (!opens || c >= row_descs[kind].columns || row->v[c] == ROW_NULL)
            sqlite3_bind_null(st, 5 + c);
        else
            sqlite3_bind_int64(st, 5 + c, row->v[c]);
    int code = sqlite3_step(st);
    sqlite3_reset(st);
    return code == SQLITE_DONE ? ERR_OK : capdb_fail_sql(db, "writing a snapshot");
}

/* Both sorted: what only the old has ends, what only the new has begins. */
static enum error put_changes(struct capdb *db, uint32_t t, int kind, const struct rowset *old,
                              struct rowset *new)
{
    uint32_t i = 0;
    uint32_t k = 0;
    enum error e = ERR_OK;
    while (e == ERR_OK && (i < old->count || k < new->count)) {
        int order = i == old->count   ? 1
                    : k == new->count ? -1
                                      : row_compare(&old->rows[i], &new->rows[k]);
        if (order == 0) {
            new->rows[k++].row = old->rows[i++].row;
        } else if (order < 0) {
            e = put_tail(db, t, kind, false, &old->rows[i++]);
        } else {
            new->rows[k].row = db->next_row[kind]++;
            e = put_tail(db, t, kind, true, &new->rows[k++]);
        }
    }
    return e;
}

static void bind_u32(sqlite3_stmt *st, int *at, uint32_t v)
{
    sqlite3_bind_int64(st, (*at)++, v);
}

static void bind_string(sqlite3_stmt *st, int *at, const struct record_string *s)
{
    sqlite3_bind_blob(st, (*at)++, s->bytes, s->length, SQLITE_STATIC);
}

#define BIND_U(name)     bind_u32(st, &at, r->name);
#define BIND_D(name)     bind_u32(st, &at, r->name);
#define BIND_S(name)     bind_string(st, &at, &r->name);
#define BIND(mode, name) BIND_##mode(name)

/* Columns in the order of the schema. */
static enum error put_snapshot(struct capdb *db, const struct capstate *s, uint32_t n, double time,
                               const struct identity_stats *stats)
{
    sqlite3_stmt *st = db->put_snapshot;
    int at = 1;
    bind_u32(st, &at, n);
    sqlite3_bind_double(st, at++, time);
    sqlite3_bind_int64(st, at++, (int64_t)capdb_sum(s));
    bind_u32(st, &at, stats->added);
    bind_u32(st, &at, stats->removed);
    bind_u32(st, &at, stats->changed);
    sqlite3_bind_int64(st, at++, db->next_row[ROW_CAP] - 1);
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
    int code = sqlite3_step(st);
    sqlite3_reset(st);
    return code == SQLITE_DONE ? ERR_OK : capdb_fail_sql(db, "writing a snapshot");
}

#define ONE_PLACE(mode, name)  ", ?"
#define ONE_NAME(mode, name)   ", \"" #name "\""
#define ONE_SCHED(mode, name)  ", sched_" #name
#define ONE_REVOKE(mode, name) ", revoke_" #name

static enum error prepare_all(struct capdb *db)
{
    static const struct {
        size_t where;
        const char *sql;
    } all[] = {
        {offsetof(struct capdb, put_tail), "INSERT INTO tail VALUES "
                                           "(?,?,?,?, ?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
        {offsetof(struct capdb, put_snapshot),
         "INSERT INTO snapshot (n, time, sum, added, removed, changed, "
         "last_cap_row" RECORD_FIELDS_SNAPSHOT(ONE_NAME) RECORD_FIELDS_END(ONE_NAME)
             RECORD_FIELDS_SCHED(ONE_SCHED) RECORD_FIELDS_REVOKE(
                 ONE_REVOKE) ") VALUES (?, ?, ?, ?, ?, ?, ?" RECORD_FIELDS_SNAPSHOT(ONE_PLACE)
                 RECORD_FIELDS_END(ONE_PLACE) RECORD_FIELDS_SCHED(ONE_PLACE)
                     RECORD_FIELDS_REVOKE(ONE_PLACE) ")"},
        {offsetof(struct capdb, put_name), "INSERT INTO name VALUES (NULL, ?, ?)"},
        {offsetof(struct capdb, get_name), "SELECT id FROM name WHERE bytes = ?"},
        {offsetof(struct capdb, put_domain), "INSERT INTO domain VALUES (NULL, ?, ?)"},
        {offsetof(struct capdb, get_domain), "SELECT id FROM domain WHERE name = ?"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        sqlite3_stmt **st = (sqlite3_stmt **)(void *)((char *)db + all[i].where);
        if (!*st && sqlite3_prepare_v3(db->sql, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, st,
                                       NULL) != SQLITE_OK)
            return capdb_fail_sql(db, "writing");
    }
    return ERR_OK;
}

enum error capdb_become_recorder(struct capdb *db)
{
    if (db->mirror && db->put_tail)
        return ERR_OK;
    if (!db->writable)
        return capdb_fail(db, ERR_IO, "cannot be written");
    if (!db->memory) {
        enum error e = capdb_exec(db, "PRAGMA journal_mode=WAL", "starting to record");
        if (e != ERR_OK)
            return e;
    }
    enum error e = db->mirror ? ERR_OK : capdb_mirror_load(db);
    if (e != ERR_OK)
        return e;
    capdb_resume_numbers(db);
    e = capdb_add_late_columns(db);
    return e == ERR_OK ? prepare_all(db) : e;
}

static enum error write_snapshot(struct capdb *db, const struct capstate *state, double time,
                                 struct mirror *next, bool same_shape)
{
    struct identity_stats stats = {0};
    uint32_t n = db->count + 1;
    enum error e = same_shape ? ERR_OK : shape(db, state, next, &stats);
    if (e != ERR_OK)
        return e;
    if (!rows_running(state, &next->sets[ROW_RUN]) || !rows_queues(state, next) ||
        !rows_rest(state, next))
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++) {
        bool shaped = kind == ROW_CAP || kind == ROW_OBJECT;
        if (same_shape && shaped)
            continue;
        rowset_sort(&next->sets[kind]);
        e = put_changes(db, n, kind, &db->mirror->sets[kind], &next->sets[kind]);
    }
    return e == ERR_OK ? put_snapshot(db, state, n, time, &stats) : e;
}

/* Threads depend on more than the shape (priorities), but their names and domains do not change
 * with it: the rows of before serve, with the plain fields taken anew. */
static enum error threads_again(struct capdb *db, const struct capstate *s, struct rowset *out)
{
    const struct rowset *old = &db->mirror->sets[ROW_THREAD];
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        uint32_t low = 0;
        uint32_t high = old->count;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (old->rows[middle].v[0] < (int64_t)t->addr)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == old->count || old->rows[low].v[0] != (int64_t)t->addr)
            return ERR_CORRUPT;
        struct row row = {.v = {t->addr, old->rows[low].v[1], old->rows[low].v[2], t->priority,
                                t->mcp, t->domain, t->idle, t->fault_handler, t->ipc_buffer,
                                t->bound}};
        if (!rowset_add(out, &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* After the commit the new rows are the mirror; unshaped ones stay. */
static void adopt(struct capdb *db, struct mirror *next, bool same_shape)
{
    struct mirror *m = db->mirror;
    if (same_shape) {
        next->sets[ROW_CAP] = m->sets[ROW_CAP];
        next->sets[ROW_OBJECT] = m->sets[ROW_OBJECT];
        m->sets[ROW_CAP] = m->sets[ROW_OBJECT] = (struct rowset){0};
        next->caps = m->caps;
        next->cap_count = m->cap_count;
        m->caps = NULL;
    }
    mirror_free(m);
    *m = *next;
    db->count++;
    db->unmerged++;
}

enum error capdb_append(struct capdb *db, const struct capstate *state, double time, uint32_t *n)
{
    struct mirror next = {.shape = capdb_shape(state)};
    int64_t rows[ROW_KINDS];
    enum error e = capdb_become_recorder(db);
    if (e != ERR_OK)
        return e;
    memcpy(rows, db->next_row, sizeof(rows));
    int64_t next_cap = db->next_cap;
    int64_t next_object = db->next_object;
    bool same_shape = db->count > 0 && next.shape == db->mirror->shape && !db->reshape;
    if (same_shape && threads_again(db, state, &next.sets[ROW_THREAD]) != ERR_OK) {
        rowset_free(&next.sets[ROW_THREAD]);
        same_shape = false;
    }
    e = capdb_exec(db, "BEGIN IMMEDIATE", "writing a snapshot");
    if (e == ERR_OK)
        e = write_snapshot(db, state, time, &next, same_shape);
    if (e == ERR_OK)
        e = capdb_exec(db, "COMMIT", "writing a snapshot");
    if (e != ERR_OK) {
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
        memcpy(db->next_row, rows, sizeof(rows));
        db->next_cap = next_cap;
        db->next_object = next_object;
        mirror_free(&next);
        return e;
    }
    adopt(db, &next, same_shape);
    db->reshape = false;
    *n = db->count;
    if (db->unmerged >= MERGE_EVERY || capdb_now() - db->merged_at >= merge_seconds)
        capdb_merge(db); /* it is committed; a merge that fails is tried again */
    return ERR_OK;
}
