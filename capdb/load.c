/* Rebuilding a snapshot from rows, as records fed to a capstate.  Whatever the file says ends in a
 * capstate or in a sentence. */
#include "capdb/store.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD_TRIES = 5 };

/* --- rows of one snapshot --- */

bool capdb_fetch_row(sqlite3_stmt *st, int kind, struct row *out)
{
    *out = (struct row){.row = sqlite3_column_int64(st, 0)};
    for (int c = 0; c < row_descs[kind].columns; c++) {
        sqlite3_value *cell = sqlite3_column_value(st, c + 1);
        int type = sqlite3_value_type(cell);
        bool null = type == SQLITE_NULL && row_may_be_null(kind, c);
        out->v[c] = null ? ROW_NULL : sqlite3_value_int64(cell);
        if (type != SQLITE_INTEGER && !null)
            return false;
    }
    return true;
}

enum error capdb_rows_at(struct capdb *db, enum row_kind kind, uint32_t n, struct rowset *out)
{
    *out = (struct rowset){0};
    enum error e = capdb_take_held(db, kind, n, NULL, NULL, 0, "reading a snapshot", out);
    if (e != ERR_OK)
        rowset_free(out);
    else
        rowset_sort(out);
    return e;
}

/* --- loading --- */

static enum error corrupt(struct loading *l, const char *what)
{
    return capdb_fail(l->db, ERR_CORRUPT, "snapshot %u is damaged: %s", l->n, what);
}

static enum error add(struct loading *l, const struct record *r)
{
    enum error e = capstate_add(l->state, r);
    if (e == ERR_NO_MEMORY)
        return capdb_fail(l->db, e, "out of memory");
    return e == ERR_OK ? e : corrupt(l, "a record makes no sense");
}

enum error loading_cap(struct loading *l, const struct row *row, struct capmem *out)
{
    const int64_t *v = row->v;
    const bool named = v[CAP_COL_addr] != ROW_NULL && v[CAP_COL_bits] != ROW_NULL;
    const struct row *o = NULL;
    if (v[CAP_COL_object] != 0 && !named)
        o = rowset_find(&l->sets[ROW_OBJECT], v[CAP_COL_object]);
    if (!o && v[CAP_COL_bits] == ROW_NULL)
        return corrupt(l, "a capability refers to no object");
    /* without an object to name, the number that stands for none is the address itself */
    *out = (struct capmem){
        .id = v[CAP_COL_id],
        .parent = v[CAP_COL_parent],
        .pos = v[CAP_COL_pos],
        .rec = {.addr = (uint64_t)v[CAP_COL_slot],
                .type = (uint32_t)v[CAP_COL_type],
                .object = (uint64_t)(o && v[CAP_COL_addr] == ROW_NULL ? o->v[2] : v[CAP_COL_addr]),
                .bits = (uint32_t)(v[CAP_COL_bits] == ROW_NULL ? o->v[3] : v[CAP_COL_bits]),
                .rights = (uint32_t)v[CAP_COL_rights],
                .flags = (uint32_t)v[CAP_COL_flags],
                .data = (uint64_t)v[CAP_COL_data],
                .extra = (uint64_t)v[CAP_COL_extra],
                .level = (uint32_t)v[CAP_COL_level],
                .place = (uint32_t)v[CAP_COL_place]},
    };
    return ERR_OK;
}

/* The list is the pre-order of the tree, so the open ancestors form a stack. */
static enum error find_depths(struct loading *l)
{
    uint32_t count = l->sets[ROW_CAP].count;
    int64_t *stack = malloc((count + 1) * sizeof(*stack));
    uint32_t depth = 0;
    enum error e = stack ? ERR_OK : capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        while (depth > 0 && stack[depth - 1] != l->caps[i].parent)
            depth--;
        if (depth == 0 && l->caps[i].parent != 0)
            e = corrupt(l, "a capability's parent does not stand before it");
        l->caps[i].rec.depth = depth;
        if (e == ERR_OK)
            stack[depth++] = l->caps[i].id;
    }
    free(stack);
    return e;
}

/* Into derivation order, which their positions give. */
static enum error load_caps(struct loading *l)
{
    const struct rowset *set = &l->sets[ROW_CAP];
    struct sort_key *order = malloc((set->count + 1) * sizeof(*order));
    l->caps = malloc((set->count + 1) * sizeof(*l->caps));
    enum error e = order && l->caps ? ERR_OK : capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; e == ERR_OK && i < set->count; i++)
        order[i] = (struct sort_key){set->rows[i].v[CAP_COL_pos], i};
    if (e == ERR_OK)
        keys_sort(order, set->count);
    for (uint32_t i = 0; e == ERR_OK && i < set->count; i++)
        e = loading_cap(l, &set->rows[order[i].index], &l->caps[i]);
    free(order);
    return e;
}

static enum error find_ranks(struct loading *l)
{
    uint32_t count = 0;
    l->ranks = malloc((l->sets[ROW_CAP].count + 1) * sizeof(*l->ranks));
    if (!l->ranks)
        return capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < l->sets[ROW_CAP].count; i++)
        if (l->caps[i].rec.type != RECORD_CAP_UNTYPED)
            l->ranks[count++] = (struct sort_key){(int64_t)l->caps[i].rec.object, i};
    keys_sort(l->ranks, count);
    l->rank_count = count;
    return ERR_OK;
}

static uint32_t rank_of(const struct loading *l, int64_t addr)
{
    uint32_t at = keys_lower_bound(l->ranks, l->rank_count, addr);
    return at < l->rank_count && l->ranks[at].key == addr ? l->ranks[at].index : UINT32_MAX;
}

static int64_t derivation_key(const void *ctx, const struct row *row)
{
    return rank_of(ctx, row->v[0]);
}

/* Kinds whose first column is an address come in the order of the first capability to it. */
static enum error order_by_derivation(struct loading *l)
{
    static const enum row_kind kinds[] = {ROW_THREAD,        ROW_ENDPOINT, ROW_NOTIFICATION,
                                          ROW_SCHED_CONTEXT, ROW_REPLY,    ROW_MAPPING};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!rowset_order(&l->sets[kinds[i]], derivation_key, l))
            return capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    return ERR_OK;
}

/* --- records --- */

static const struct row *running_of(const struct loading *l, int64_t addr)
{
    return rowset_find(&l->sets[ROW_RUN], addr); /* sorted by its first column, too */
}

/* Names of threads by their numbers, ascending. */
struct thread_names {
    int64_t *ids;
    struct record_string *names;
    uint32_t count;
};

static enum error take_name(struct loading *l, sqlite3_stmt *st, struct thread_names *out)
{
    struct record_string *name = &out->names[out->count];
    int length = sqlite3_column_bytes(st, 1);
    if (length > RECORD_STRING_MAX)
        return corrupt(l, "a thread's name is too long");
    *name = (struct record_string){.length = (uint8_t)length};
    if (length)
        memcpy(name->bytes, sqlite3_column_blob(st, 1), (size_t)length);
    out->ids[out->count++] = sqlite3_column_int64(st, 0);
    return ERR_OK;
}

static enum error read_names(struct loading *l, const struct key_list *wanted,
                             struct thread_names *out)
{
    static const char sql[] =
        "SELECT m.id, m.bytes FROM capdb_keys k CROSS JOIN name m ON m.id = k.key";
    sqlite3_stmt *st;
    enum error e = capdb_prepare(l->db, sql, &st);
    if (e != ERR_OK)
        return e;
    l->db->keys = wanted;
    while (e == ERR_OK && capdb_step(l->db, st, "reading names", &e))
        e = take_name(l, st, out);
    l->db->keys = NULL;
    sqlite3_finalize(st);
    return e;
}

/* The caller frees both lists. */
static enum error names_of_threads(struct loading *l, struct thread_names *out)
{
    const struct rowset *threads = &l->sets[ROW_THREAD];
    struct key_list wanted = {0};
    out->ids = malloc((threads->count + (size_t)1) * sizeof(*out->ids));
    out->names = malloc((threads->count + (size_t)1) * sizeof(*out->names));
    bool ready = out->ids && out->names && key_list_begin(&wanted, threads->count);
    for (uint32_t i = 0; ready && i < threads->count; i++)
        wanted.keys[wanted.count++] = threads->rows[i].v[1];
    if (ready)
        ready = key_list_sort(&wanted);
    enum error e =
        ready ? read_names(l, &wanted, out) : capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    key_list_free(&wanted);
    return e;
}

static enum error name_of(struct loading *l, const struct thread_names *names, int64_t id,
                          struct record_string *out)
{
    *out = (struct record_string){0};
    if (id == 0)
        return ERR_OK;
    size_t at = LOWER_BOUND(names->count, i, names->ids[i] < id);
    if (at == names->count || names->ids[at] != id)
        return corrupt(l, "a thread's name is missing");
    *out = names->names[at];
    return ERR_OK;
}

static enum error add_thread(struct loading *l, const struct thread_names *names,
                             const struct row *row)
{
    const struct row *run = running_of(l, row->v[0]);
    if (!run)
        return corrupt(l, "a thread's state is missing");
    const int64_t *t = row->v;
    const int64_t *r = run->v;
    struct record rec = {.kind = RECORD_THREAD};
    rec.thread = (struct record_thread){
        .addr = (uint64_t)t[0],
        .priority = (uint32_t)t[3],
        .mcp = (uint32_t)t[4],
        .domain = (uint32_t)t[5],
        .idle = (uint32_t)t[6],
        .fault_handler = (uint64_t)t[7],
        .ipc_buffer = (uint64_t)t[8],
        .bound = (uint64_t)t[9],
        .node = (uint32_t)t[10],
        .state = (uint32_t)r[1],
        .time_slice = (uint32_t)r[2],
        .current = (uint32_t)r[3],
        .pc = (uint64_t)r[4],
        .sp = (uint64_t)r[5],
        .cpsr = (uint64_t)r[6],
        .blocked_on = (uint64_t)r[7],
        .blocked_badge = (uint64_t)r[8],
        .blocked_flags = (uint32_t)r[9],
        .position = (uint32_t)r[10],
        .fault = (uint32_t)r[11],
        .fault_addr = (uint64_t)r[12],
        .fault_detail = (uint64_t)r[13],
        .sched_context = (uint64_t)r[14],
        .reply = (uint64_t)r[15],
        .yield_to = (uint64_t)r[16],
        .release = (uint32_t)r[17],
    };
    enum error e = name_of(l, names, t[1], &rec.thread.name);
    return e == ERR_OK ? add(l, &rec) : e;
}

static enum error add_threads(struct loading *l)
{
    struct thread_names names = {0};
    enum error e = names_of_threads(l, &names);
    for (uint32_t i = 0; e == ERR_OK && i < l->sets[ROW_THREAD].count; i++)
        e = add_thread(l, &names, &l->sets[ROW_THREAD].rows[i]);
    free(names.ids);
    free(names.names);
    return e;
}

/* Fields of a record from the columns of the same names. */
#define FIELD_OF(name) r->name = (__typeof__(r->name))*v++;
#define FIELDS_OF(NAME, name)                                                                      \
    case ROW_##NAME: {                                                                             \
        struct record_##name *r = &out.name;                                                       \
        out.kind = RECORD_##NAME;                                                                  \
        ROW_##NAME##_COLUMNS(FIELD_OF) break;                                                      \
    }

static struct record record_from_row(enum row_kind kind, const int64_t *v)
{
    struct record out = {0};
    switch (kind) {
        FIELDS_OF(ENDPOINT, endpoint)
        FIELDS_OF(NOTIFICATION, notification)
        FIELDS_OF(MAPPING, mapping)
        FIELDS_OF(IRQ, irq)
        FIELDS_OF(FINDING, finding)
        FIELDS_OF(SCHED_CONTEXT, sched_context)
        FIELDS_OF(REPLY, reply)
        FIELDS_OF(TABLE, table)
        FIELDS_OF(SCHED, sched)
        FIELDS_OF(RANGE, range)
    default: /* kinds that are put together from several rows */
        break;
    }
    return out;
}

static enum error add_kind(struct loading *l, enum row_kind kind)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < l->sets[kind].count; i++) {
        struct record r = record_from_row(kind, l->sets[kind].rows[i].v);
        e = add(l, &r);
    }
    return e;
}

static enum error add_slots(struct loading *l)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < l->sets[ROW_CAP].count; i++) {
        struct record r = {.kind = RECORD_SLOT};
        r.slot = l->caps[i].rec;
        e = add(l, &r);
    }
    return e;
}

/* --- the snapshot's own row --- */

static void take_string(sqlite3_stmt *st, int column, struct record_string *out)
{
    int length = column < 0 ? 0 : sqlite3_column_bytes(st, column);
    *out = (struct record_string){0};
    if (length <= 0)
        return;
    out->length = (uint8_t)(length > RECORD_STRING_MAX ? RECORD_STRING_MAX : length);
    memcpy(out->bytes, sqlite3_column_blob(st, column), out->length);
}

/* By name: a file of an older capdb lacks what was added since, which reads as 0. */
static int column_called(sqlite3_stmt *st, const char *prefix, const char *name)
{
    const size_t length = strlen(prefix);
    for (int c = 0; c < sqlite3_column_count(st); c++) {
        const char *called = sqlite3_column_name(st, c);
        if (called && strncmp(called, prefix, length) == 0 && strcmp(called + length, name) == 0)
            return c;
    }
    return -1;
}

static uint64_t take_word(sqlite3_stmt *st, const char *prefix, const char *name)
{
    int column = column_called(st, prefix, name);
    return column < 0 ? 0 : (uint64_t)sqlite3_column_int64(st, column);
}

#define TAKE_U(name)     r->name = (uint32_t)take_word(st, prefix, #name);
#define TAKE_W(name)     r->name = take_word(st, prefix, #name);
#define TAKE_D(name)     TAKE_W(name)
#define TAKE_T(name)     /* not kept */
#define TAKE_S(name)     take_string(st, column_called(st, prefix, #name), &r->name);
#define TAKE(mode, name) TAKE_##mode(name)

#define DEFINE_TAKE(NAME, name_of)                                                                 \
    static void take_##name_of(sqlite3_stmt *st, const char *prefix, struct record *out)           \
    {                                                                                              \
        *out = (struct record){.kind = RECORD_##NAME};                                             \
        struct record_##name_of *r = &out->name_of;                                                \
        RECORD_FIELDS_##NAME(TAKE)                                                                 \
    }
DEFINE_TAKE(SNAPSHOT, snapshot)
DEFINE_TAKE(END, end)
DEFINE_TAKE(SCHED, sched)
DEFINE_TAKE(REVOKE, revoke)

static void take_heads(sqlite3_stmt *st, struct record out[LOADING_HEADS])
{
    take_snapshot(st, "", &out[0]);
    take_end(st, "", &out[1]);
    take_sched(st, "sched_", &out[2]);
    take_revoke(st, "revoke_", &out[3]);
}

enum error capdb_heads_at(struct capdb *db, uint32_t n, struct record out[LOADING_HEADS])
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "SELECT * FROM snapshot WHERE n = ?", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(db, st, "reading a snapshot", &e))
        take_heads(st, out);
    else if (e == ERR_OK)
        e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found", n);
    sqlite3_finalize(st);
    return e;
}

/* The recorder's count of records includes kinds that a capstate does not keep; the rebuilt stream
 * has to agree with itself, the original number is put back afterwards. */
static uint32_t records_rebuilt(const struct loading *l, bool revoke)
{
    uint32_t count = 2 + 1 + revoke; /* snapshot, end, sched */
    for (int k = 0; k < ROW_KINDS; k++)
        if (k != ROW_OBJECT && k != ROW_RUN)
            count += l->sets[k].count;
    return count;
}

static enum error build(struct loading *l, struct record head[LOADING_HEADS])
{
    static const enum row_kind order[] = {ROW_ENDPOINT, ROW_NOTIFICATION, ROW_SCHED_CONTEXT,
                                          ROW_REPLY,    ROW_TABLE,        ROW_MAPPING,
                                          ROW_IRQ};
    bool revoke = head[3].revoke.root != 0;
    uint32_t original = head[1].end.records;
    enum error e = add(l, &head[0]);
    if (e == ERR_OK)
        e = add_kind(l, ROW_RANGE);
    if (e == ERR_OK)
        e = add_slots(l);
    if (e == ERR_OK)
        e = add_threads(l);
    for (size_t i = 0; e == ERR_OK && i < sizeof(order) / sizeof(*order); i++)
        e = add_kind(l, order[i]);
    if (e == ERR_OK)
        e = add(l, &head[2]);
    if (e == ERR_OK)
        e = add_kind(l, ROW_SCHED);
    if (e == ERR_OK && revoke)
        e = add(l, &head[3]);
    if (e == ERR_OK)
        e = add_kind(l, ROW_FINDING);
    head[1].end.records = records_rebuilt(l, revoke);
    if (e == ERR_OK)
        e = add(l, &head[1]);
    if (e != ERR_OK)
        return e;
    if (l->records_only)
        l->state->tables_told = l->state->table_count;
    else
        e = capstate_finish(l->state);
    if (e == ERR_NO_MEMORY)
        return capdb_fail(l->db, e, "out of memory");
    if (e != ERR_OK)
        return corrupt(l, "counts or tree do not agree");
    l->state->end.records = original;
    return ERR_OK;
}

void loading_free(struct loading *l)
{
    for (int k = 0; k < ROW_KINDS; k++)
        rowset_free(&l->sets[k]);
    free(l->caps);
    free(l->ranks);
}

static enum error arrange(struct loading *l)
{
    enum error e = find_depths(l);
    if (e == ERR_OK)
        e = find_ranks(l);
    return e == ERR_OK ? order_by_derivation(l) : e;
}

enum error loading_rows(struct loading *l)
{
    enum error e = ERR_OK;
    for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
        e = capdb_rows_at(l->db, (enum row_kind)k, l->n, &l->sets[k]);
    if (e == ERR_OK)
        e = load_caps(l);
    return e == ERR_OK ? arrange(l) : e;
}

enum error loading_build(struct loading *l, struct record heads[LOADING_HEADS])
{
    enum error e = arrange(l);
    return e == ERR_OK ? build(l, heads) : e;
}

enum error loading_build_part(struct loading *l, const struct record heads[LOADING_HEADS])
{
    struct record head[LOADING_HEADS];
    memcpy(head, heads, sizeof(head));
    head[1].end.slots = l->sets[ROW_CAP].count;
    head[1].end.threads = l->sets[ROW_THREAD].count;
    head[1].end.mappings = l->sets[ROW_MAPPING].count;
    enum error e = load_caps(l);
    if (e == ERR_OK)
        e = loading_build(l, head);
    l->state->end = heads[1].end;
    return e;
}

/* A keyframe that lacks capabilities is no recording of fewer: where another number came than the walker
 * counted, they are counted in the table. */
static enum error check_count(struct loading *l, const struct record *end)
{
    char sql[96];
    const uint32_t count = l->sets[ROW_CAP].count;
    if (!l->db->keyframes || count == end->end.slots)
        return ERR_OK;
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE t0 <= %u AND t1 > %u",
             capdb_flat(l->db, ROW_CAP), l->n, l->n);
    return capdb_int(l->db, sql, -1) == (int64_t)count
               ? ERR_OK
               : corrupt(l, "its keyframe lacks capabilities");
}

static enum error load_once(struct capdb *db, uint32_t n, struct capstate *state)
{
    struct record head[LOADING_HEADS];
    struct loading l = {.db = db, .n = n, .state = state};
    enum error e = capdb_flush(db);
    if (e == ERR_OK && (n == 0 || n > capdb_count(db)))
        e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found (it has %u)", n, db->count);
    if (e == ERR_OK)
        e = capdb_heads_at(db, n, head);
    if (e == ERR_OK)
        e = loading_rows(&l);
    if (e == ERR_OK)
        e = check_count(&l, &head[1]);
    if (e == ERR_OK)
        e = build(&l, head);
    loading_free(&l);
    return e;
}

/* Somebody may write into a file that no recorder holds: then it is read again. */
enum error capdb_load(struct capdb *db, uint32_t n, struct capstate *out)
{
    enum error e = ERR_TORN;
    for (int tries = 0; e == ERR_TORN && tries < LOAD_TRIES; tries++) {
        struct capstate state;
        e = capdb_hold(db);
        if (e != ERR_OK)
            return e;
        capstate_init(&state);
        e = load_once(db, n, &state);
        enum error torn = capdb_release(db);
        e = torn != ERR_OK ? torn : e;
        if (e == ERR_OK)
            *out = state;
        else
            capstate_free(&state);
    }
    return e;
}

/* --- about a snapshot --- */

static void copy_text(char *out, size_t size, sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static const char info_sql[] =
    "SELECT time, ticks, seq, digest0, digest1, slots, threads, mappings, added, removed,"
    " changed, complete, (SELECT target FROM source WHERE first <= ?1 ORDER BY id DESC LIMIT 1),"
    " CAST(build AS TEXT) FROM snapshot WHERE n = ?1";

static void take_info(sqlite3_stmt *st, uint32_t n, struct capdb_snapshot *out)
{
    uint32_t v[11];
    for (int c = 0; c < 11; c++)
        v[c] = (uint32_t)sqlite3_column_int64(st, c + 1);
    *out = (struct capdb_snapshot){.n = n,
                                   .time = sqlite3_column_double(st, 0),
                                   .ticks = v[0],
                                   .seq = v[1],
                                   .digest = {v[2], v[3]},
                                   .slots = v[4],
                                   .threads = v[5],
                                   .mappings = v[6],
                                   .added = v[7],
                                   .removed = v[8],
                                   .changed = v[9],
                                   .complete = v[10] != 0};
    copy_text(out->target, sizeof(out->target), st, 12);
    copy_text(out->build, sizeof(out->build), st, 13);
}

enum error capdb_snapshot_info(struct capdb *db, uint32_t n, struct capdb_snapshot *out)
{
    sqlite3_stmt *st;
    enum error e = capdb_hold(db);
    if (e != ERR_OK)
        return e;
    e = capdb_prepare(db, info_sql, &st);
    if (e == ERR_OK) {
        sqlite3_bind_int64(st, 1, n);
        if (capdb_step(db, st, "reading a snapshot", &e))
            take_info(st, n, out);
        else if (e == ERR_OK)
            e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found", n);
        sqlite3_finalize(st);
    }
    capdb_release(db);
    return e;
}

static const char cap_id_sql[] = "SELECT id FROM cap_row WHERE slot = ?1 AND t0 <= ?2 AND t1 > ?2";

uint64_t capdb_cap_id(struct capdb *db, uint32_t n, uint64_t slot_addr)
{
    sqlite3_stmt *st;
    uint64_t id = 0;
    if (capdb_flush(db) != ERR_OK || capdb_hold(db) != ERR_OK)
        return 0;
    enum error e = capdb_prepare(db, cap_id_sql, &st);
    if (e == ERR_OK) {
        sqlite3_bind_int64(st, 1, (int64_t)slot_addr);
        sqlite3_bind_int64(st, 2, n);
        if (capdb_step(db, st, "reading a snapshot", &e))
            id = (uint64_t)sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
    }
    capdb_release(db);
    return id;
}
