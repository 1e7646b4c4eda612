/* Rebuilding a snapshot from rows, as records fed to a capstate; and the checks of verify.
 * Whatever the file says ends in a capstate or in a sentence. */
#include "capdb/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 1024 };

/* --- rows of one snapshot --- */

static int64_t column_int(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? ROW_NULL
                                                          : sqlite3_column_int64(st, column);
}

enum error capdb_rows_at(struct capdb *db, enum row_kind kind, uint32_t n, struct rowset *out)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[kind];
    sqlite3_stmt *st;
    int used = snprintf(sql, sizeof(sql), "SELECT row");
    for (int c = 0; c < d->columns; c++)
        used += snprintf(sql + used, sizeof(sql) - (size_t)used, ", \"%s\"", d->column[c]);
    snprintf(sql + used, sizeof(sql) - (size_t)used, " FROM %s WHERE t0 <= ?1 AND t1 > ?1%s",
             d->table,
             kind == ROW_CAP ? " AND row <= (SELECT last_cap_row FROM snapshot WHERE n = ?1)" : "");
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    int code;
    *out = (struct rowset){0};
    while (e == ERR_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        struct row row = {.row = sqlite3_column_int64(st, 0)};
        for (int c = 0; c < d->columns; c++)
            row.v[c] = column_int(st, c + 1);
        e = rowset_add(out, &row) ? ERR_OK : capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    }
    if (e == ERR_OK && code != SQLITE_DONE)
        e = capdb_fail_sql(db, "reading a snapshot");
    sqlite3_finalize(st);
    if (e != ERR_OK)
        rowset_free(out);
    else
        rowset_sort(out);
    return e;
}

/* --- loading --- */

struct loading {
    struct capdb *db;
    uint32_t n;
    struct rowset sets[ROW_KINDS];
    struct capmem *caps;    /* derivation order */
    struct sort_key *ranks; /* by object: place of its first capability in derivation order */
    uint32_t rank_count;
    struct capstate *state;
};

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

static const struct row *object_by_id(const struct rowset *objects, int64_t id)
{
    uint32_t low = 0;
    uint32_t high = objects->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (objects->rows[middle].v[0] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < objects->count && objects->rows[low].v[0] == id ? &objects->rows[low] : NULL;
}

static enum error cap_from_row(struct loading *l, const struct row *row, struct capmem *out)
{
    const int64_t *v = row->v;
    const struct row *o = NULL;
    if (v[CAP_COL_object] != 0)
        o = object_by_id(&l->sets[ROW_OBJECT], v[CAP_COL_object]);
    if (!o && (v[CAP_COL_addr] == ROW_NULL || v[CAP_COL_bits] == ROW_NULL))
        return corrupt(l, "a capability refers to no object");
    *out = (struct capmem){
        .id = v[CAP_COL_id],
        .parent = v[CAP_COL_parent],
        .pos = v[CAP_COL_pos],
        .rec = {.addr = (uint32_t)v[CAP_COL_slot],
                .type = (uint32_t)v[CAP_COL_type],
                .object = (uint32_t)(v[CAP_COL_addr] == ROW_NULL ? o->v[2] : v[CAP_COL_addr]),
                .bits = (uint32_t)(v[CAP_COL_bits] == ROW_NULL ? o->v[3] : v[CAP_COL_bits]),
                .rights = (uint32_t)v[CAP_COL_rights],
                .flags = (uint32_t)v[CAP_COL_flags],
                .data = (uint32_t)v[CAP_COL_data],
                .extra = (uint32_t)v[CAP_COL_extra]},
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
        e = cap_from_row(l, &set->rows[order[i].index], &l->caps[i]);
    free(order);
    return e == ERR_OK ? find_depths(l) : e;
}

static enum error find_ranks(struct loading *l)
{
    uint32_t count = 0;
    l->ranks = malloc((l->sets[ROW_CAP].count + 1) * sizeof(*l->ranks));
    if (!l->ranks)
        return capdb_fail(l->db, ERR_NO_MEMORY, "out of memory");
    for (uint32_t i = 0; i < l->sets[ROW_CAP].count; i++)
        if (l->caps[i].rec.type != RECORD_CAP_UNTYPED)
            l->ranks[count++] = (struct sort_key){l->caps[i].rec.object, i};
    keys_sort(l->ranks, count);
    l->rank_count = count;
    return ERR_OK;
}

static uint32_t rank_of(const struct loading *l, int64_t addr)
{
    uint32_t low = 0;
    uint32_t high = l->rank_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->ranks[middle].key < addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->rank_count && l->ranks[low].key == addr ? l->ranks[low].index : UINT32_MAX;
}

static int derivation_compare(const void *pa, const void *pb, void *ctx)
{
    const struct row *a = pa;
    const struct row *b = pb;
    uint32_t ra = rank_of(ctx, a->v[0]);
    uint32_t rb = rank_of(ctx, b->v[0]);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    for (int c = 0; c < 2; c++)
        if (a->v[c] != b->v[c])
            return a->v[c] < b->v[c] ? -1 : 1;
    return 0;
}

/* Kinds whose first column is an address come in the order of the first capability to it. */
static void order_by_derivation(struct loading *l)
{
    static const enum row_kind kinds[] = {ROW_THREAD, ROW_ENDPOINT, ROW_NOTIFICATION, ROW_MAPPING};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct rowset *set = &l->sets[kinds[i]];
        if (set->count)
            qsort_r(set->rows, set->count, sizeof(*set->rows), derivation_compare, l);
    }
}

/* --- records --- */

static const struct row *running_of(const struct loading *l, int64_t addr)
{
    return object_by_id(&l->sets[ROW_RUN], addr); /* sorted by its first column, too */
}

static enum error name_of(struct loading *l, sqlite3_stmt *st, int64_t id,
                          struct record_string *out)
{
    *out = (struct record_string){0};
    if (id == 0)
        return ERR_OK;
    sqlite3_bind_int64(st, 1, id);
    if (sqlite3_step(st) != SQLITE_ROW)
        return corrupt(l, "a thread's name is missing");
    int length = sqlite3_column_bytes(st, 0);
    if (length > RECORD_STRING_MAX)
        return corrupt(l, "a thread's name is too long");
    out->length = (uint8_t)length;
    if (length)
        memcpy(out->bytes, sqlite3_column_blob(st, 0), (size_t)length);
    sqlite3_reset(st);
    return ERR_OK;
}

static enum error add_thread(struct loading *l, sqlite3_stmt *names, const struct row *row)
{
    const struct row *run = running_of(l, row->v[0]);
    if (!run)
        return corrupt(l, "a thread's state is missing");
    const int64_t *t = row->v;
    const int64_t *r = run->v;
    struct record rec = {.kind = RECORD_THREAD};
    rec.thread = (struct record_thread){
        .addr = (uint32_t)t[0],
        .priority = (uint32_t)t[3],
        .mcp = (uint32_t)t[4],
        .domain = (uint32_t)t[5],
        .idle = (uint32_t)t[6],
        .fault_handler = (uint32_t)t[7],
        .ipc_buffer = (uint32_t)t[8],
        .bound = (uint32_t)t[9],
        .state = (uint32_t)r[1],
        .time_slice = (uint32_t)r[2],
        .current = (uint32_t)r[3],
        .pc = (uint32_t)r[4],
        .sp = (uint32_t)r[5],
        .cpsr = (uint32_t)r[6],
        .blocked_on = (uint32_t)r[7],
        .blocked_badge = (uint32_t)r[8],
        .blocked_flags = (uint32_t)r[9],
        .position = (uint32_t)r[10],
        .fault = (uint32_t)r[11],
        .fault_addr = (uint32_t)r[12],
        .fault_detail = (uint32_t)r[13],
    };
    enum error e = name_of(l, names, t[1], &rec.thread.name);
    return e == ERR_OK ? add(l, &rec) : e;
}

static enum error add_threads(struct loading *l)
{
    sqlite3_stmt *names;
    enum error e = capdb_prepare(l->db, "SELECT bytes FROM name WHERE id = ?", &names);
    for (uint32_t i = 0; e == ERR_OK && i < l->sets[ROW_THREAD].count; i++)
        e = add_thread(l, names, &l->sets[ROW_THREAD].rows[i]);
    sqlite3_finalize(names);
    return e;
}

static struct record record_from_row(enum row_kind kind, const int64_t *v)
{
#define V(i) (uint32_t) v[i]
    struct record r = {0};
    switch (kind) {
    case ROW_ENDPOINT:
        r.kind = RECORD_ENDPOINT;
        r.endpoint = (struct record_endpoint){V(0), V(1), V(2)};
        break;
    case ROW_NOTIFICATION:
        r.kind = RECORD_NOTIFICATION;
        r.notification = (struct record_notification){V(0), V(1), V(2), V(3), V(4)};
        break;
    case ROW_MAPPING:
        r.kind = RECORD_MAPPING;
        r.mapping = (struct record_mapping){.dir = V(0),
                                            .vaddr = V(1),
                                            .asid = V(2),
                                            .frame = V(3),
                                            .bits = V(4),
                                            .rights = V(5),
                                            .attributes = V(6),
                                            .table = V(7)};
        break;
    case ROW_IRQ:
        r.kind = RECORD_IRQ;
        r.irq = (struct record_irq){V(0), V(1), V(2)};
        break;
    default:
        r.kind = RECORD_FINDING;
        r.finding = (struct record_finding){V(0), V(1), V(2), V(3)};
    }
#undef V
    return r;
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
    int length = sqlite3_column_bytes(st, column);
    *out = (struct record_string){0};
    if (length <= 0)
        return;
    out->length = (uint8_t)(length > RECORD_STRING_MAX ? RECORD_STRING_MAX : length);
    memcpy(out->bytes, sqlite3_column_blob(st, column), out->length);
}

/* A column of the row, -1 when the recording is from before that field. */
static int column_of(sqlite3_stmt *st, const char *prefix, const char *name)
{
    size_t length = strlen(prefix);
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        const char *column = sqlite3_column_name(st, i);
        if (column && strncmp(column, prefix, length) == 0 && strcmp(column + length, name) == 0)
            return i;
    }
    return -1;
}

/* A column that is not there reads as NULL, which is 0 and "". */
#define TAKE_U(name)     r->name = (uint32_t)sqlite3_column_int64(st, column_of(st, prefix, #name));
#define TAKE_D(name)     TAKE_U(name)
#define TAKE_S(name)     take_string(st, column_of(st, prefix, #name), &r->name);
#define TAKE(mode, name) TAKE_##mode(name)

static void take_snapshot(sqlite3_stmt *st, struct record *snapshot, struct record *end,
                          struct record *sched, struct record *revoke)
{
    const char *prefix = "";
    *snapshot = (struct record){.kind = RECORD_SNAPSHOT};
    *end = (struct record){.kind = RECORD_END};
    *sched = (struct record){.kind = RECORD_SCHED};
    *revoke = (struct record){.kind = RECORD_REVOKE};
    {
        struct record_snapshot *r = &snapshot->snapshot;
        RECORD_FIELDS_SNAPSHOT(TAKE)
    }
    {
        struct record_end *r = &end->end;
        RECORD_FIELDS_END(TAKE)
    }
    {
        struct record_sched *r = &sched->sched;
        prefix = "sched_";
        RECORD_FIELDS_SCHED(TAKE)
    }
    {
        struct record_revoke *r = &revoke->revoke;
        prefix = "revoke_";
        RECORD_FIELDS_REVOKE(TAKE)
    }
}

static enum error snapshot_records(struct capdb *db, uint32_t n, struct record out[4])
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, "SELECT * FROM snapshot WHERE n = ?", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        take_snapshot(st, &out[0], &out[1], &out[2], &out[3]);
    else if (code == SQLITE_DONE)
        e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found", n);
    else
        e = capdb_fail_sql(db, "reading a snapshot");
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

static enum error build(struct loading *l, struct record head[4])
{
    static const enum row_kind order[] = {ROW_ENDPOINT, ROW_NOTIFICATION, ROW_MAPPING, ROW_IRQ};
    bool revoke = head[3].revoke.root != 0;
    uint32_t original = head[1].end.records;
    enum error e = add(l, &head[0]);
    if (e == ERR_OK)
        e = add_slots(l);
    if (e == ERR_OK)
        e = add_threads(l);
    for (size_t i = 0; e == ERR_OK && i < sizeof(order) / sizeof(*order); i++)
        e = add_kind(l, order[i]);
    if (e == ERR_OK)
        e = add(l, &head[2]);
    if (e == ERR_OK && revoke)
        e = add(l, &head[3]);
    if (e == ERR_OK)
        e = add_kind(l, ROW_FINDING);
    head[1].end.records = records_rebuilt(l, revoke);
    if (e == ERR_OK)
        e = add(l, &head[1]);
    if (e != ERR_OK)
        return e;
    e = capstate_finish(l->state);
    if (e == ERR_NO_MEMORY)
        return capdb_fail(l->db, e, "out of memory");
    if (e != ERR_OK)
        return corrupt(l, "counts or tree do not agree");
    l->state->end.records = original;
    return ERR_OK;
}

static void loading_free(struct loading *l)
{
    for (int k = 0; k < ROW_KINDS; k++)
        rowset_free(&l->sets[k]);
    free(l->caps);
    free(l->ranks);
}

static enum error load_rows(struct loading *l)
{
    enum error e = ERR_OK;
    for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
        e = capdb_rows_at(l->db, (enum row_kind)k, l->n, &l->sets[k]);
    if (e == ERR_OK)
        e = load_caps(l);
    if (e == ERR_OK)
        e = find_ranks(l);
    if (e == ERR_OK)
        order_by_derivation(l);
    return e;
}

enum error capdb_load(struct capdb *db, uint32_t n, struct capstate *out)
{
    struct record head[4];
    struct capstate state;
    struct loading l = {.db = db, .n = n, .state = &state};
    capstate_init(&state);
    enum error e = capdb_flush(db);
    if (e == ERR_OK && (n == 0 || n > capdb_count(db)))
        e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found (it has %u)", n, db->count);
    if (e == ERR_OK)
        e = snapshot_records(db, n, head);
    if (e == ERR_OK)
        e = load_rows(&l);
    if (e == ERR_OK)
        e = build(&l, head);
    loading_free(&l);
    if (e == ERR_OK)
        *out = state;
    else
        capstate_free(&state);
    return e;
}

enum error capdb_mirror_load(struct capdb *db)
{
    struct mirror m = {0};
    struct loading l = {.db = db, .n = capdb_count(db)};
    enum error e = capdb_flush(db);
    if (e == ERR_OK && l.n > 0)
        e = load_rows(&l);
    if (e == ERR_OK && l.n > 0) {
        struct capstate state;
        e = capdb_load(db, l.n, &state);
        if (e == ERR_OK) {
            m.shape = capdb_shape(&state);
            capstate_free(&state);
        }
    }
    db->mirror = e == ERR_OK ? malloc(sizeof(m)) : NULL;
    if (!db->mirror) {
        loading_free(&l);
        return e == ERR_OK ? capdb_fail(db, ERR_NO_MEMORY, "out of memory") : e;
    }
    m.caps = l.caps;
    m.cap_count = l.sets[ROW_CAP].count;
    for (int k = 0; k < ROW_KINDS; k++) {
        rowset_sort(&l.sets[k]);
        m.sets[k] = l.sets[k];
    }
    free(l.ranks);
    *db->mirror = m;
    return ERR_OK;
}

/* --- about a snapshot --- */

static void copy_text(char *out, size_t size, sqlite3_stmt *st, int column)
{
    const unsigned char *text = sqlite3_column_text(st, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

enum error capdb_snapshot_info(struct capdb *db, uint32_t n, struct capdb_snapshot *out)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(
        db,
        "SELECT time, ticks, seq, digest0, digest1, slots, threads, mappings, added, removed,"
        " changed, complete, (SELECT value FROM meta WHERE key = 'target'), CAST(build AS TEXT)"
        " FROM snapshot WHERE n = ?",
        &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    if (sqlite3_step(st) == SQLITE_ROW) {
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
    } else {
        e = capdb_fail(db, ERR_NOT_FOUND, "snapshot %u not found", n);
    }
    sqlite3_finalize(st);
    return e;
}

uint64_t capdb_cap_id(struct capdb *db, uint32_t n, uint32_t slot_addr)
{
    sqlite3_stmt *st;
    uint64_t id = 0;
    if (capdb_flush(db) != ERR_OK ||
        capdb_prepare(db, "SELECT id FROM cap_row WHERE slot = ?1 AND t0 <= ?2 AND t1 > ?2", &st) !=
            ERR_OK)
        return 0;
    sqlite3_bind_int64(st, 1, slot_addr);
    sqlite3_bind_int64(st, 2, n);
    if (sqlite3_step(st) == SQLITE_ROW)
        id = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return id;
}

/* --- verify --- */

static bool verify_file(struct capdb *db, void (*report)(void *ctx, const char *sentence),
                        void *ctx)
{
    sqlite3_stmt *st;
    bool good = true;
    if (capdb_prepare(db, "PRAGMA integrity_check(20)", &st) != ERR_OK) {
        report(ctx, db->message);
        return false;
    }
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(st, 0);
        if (line && strcmp(line, "ok") == 0)
            continue;
        report(ctx, line ? line : "?");
        good = false;
    }
    sqlite3_finalize(st);
    return good && code == SQLITE_DONE;
}

static bool verify_snapshot(struct capdb *db, uint32_t n, char *sentence, size_t size)
{
    struct capstate state;
    char sql[64];
    if (capdb_load(db, n, &state) != ERR_OK) {
        snprintf(sentence, size, "%s", db->message);
        return false;
    }
    snprintf(sql, sizeof(sql), "SELECT sum FROM snapshot WHERE n = %u", n);
    bool same = capdb_int(db, sql, 0) == (int64_t)capdb_sum(&state);
    capstate_free(&state);
    if (!same)
        snprintf(sentence, size, "snapshot %u differs from what was recorded", n);
    return same;
}

static bool verify_events(struct capdb *db, uint32_t count,
                          void (*report)(void *ctx, const char *sentence), void *ctx)
{
    char sentence[CAPDB_MESSAGE];
    sqlite3_stmt *st;
    bool good = true;
    if (capdb_prepare(db, "SELECT DISTINCT n FROM event WHERE n > 1 AND n <= ? ORDER BY n", &st) !=
        ERR_OK) {
        report(ctx, db->message);
        return false;
    }
    sqlite3_bind_int64(st, 1, count);
    while (sqlite3_step(st) == SQLITE_ROW) {
        uint32_t n = (uint32_t)sqlite3_column_int64(st, 0);
        if (capdb_prove_events(db, n, sentence, sizeof(sentence)))
            continue;
        report(ctx, sentence);
        good = false;
    }
    sqlite3_finalize(st);
    return good;
}

enum error capdb_verify(struct capdb *db, void (*report)(void *ctx, const char *sentence),
                        void *ctx)
{
    char sentence[CAPDB_MESSAGE];
    bool good = verify_file(db, report, ctx);
    uint32_t count = capdb_count(db);
    for (uint32_t n = 1; n <= count; n++) {
        if (verify_snapshot(db, n, sentence, sizeof(sentence)))
            continue;
        report(ctx, sentence);
        good = false;
    }
    good &= verify_events(db, count, report, ctx);
    return good ? ERR_OK : capdb_fail(db, ERR_CORRUPT, "is damaged");
}
