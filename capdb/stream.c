/* Every row is read once, when it begins, and put on the list of those that end with it.  What holds
 * stands in arrays in the order in which a snapshot is built, which steps merge what began into and
 * take what ended out of; capabilities are kept as the records they become. */
#include "capdb/stream.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 768, NONE = -1 };

/* A version that holds, or did: then its place is used again. */
struct version {
    int64_t t1;
    int32_t next; /* in the list of those that end together, or of free places */
    bool ended;
    struct row row;
};

struct lane {
    sqlite3_stmt *st; /* ascending by row; NULL: at the end */
    bool there;       /* st stands on a row that has not begun */
    struct version *version;
    int32_t count, free;
    size_t room;
    int32_t *ends;          /* by snapshot: the first version that ends there */
    struct sort_key *order; /* of those that hold: key, place */
    uint32_t held;
    size_t order_room;
    struct sort_key *began; /* in this step */
    uint32_t began_count;
    size_t began_room;
    uint32_t changes;
};

struct stream {
    struct capdb *db;
    uint32_t first, n, last;
    struct lane lane[ROW_KINDS];
};

static enum error no_memory(struct stream *s)
{
    return capdb_fail(s->db, ERR_NO_MEMORY, "out of memory");
}

/* --- opening --------------------------------------------------------------------------------- */

static enum error step(struct stream *s, struct lane *l)
{
    enum error e = ERR_OK;
    l->there = capdb_step(s->db, l->st, "reading a snapshot", &e);
    return e;
}

static enum error open_lane(struct stream *s, int kind)
{
    char sql[SQL_BYTES];
    const struct row_desc *d = &row_descs[kind];
    struct lane *l = &s->lane[kind];
    int n = snprintf(sql, sizeof(sql), "SELECT row");
    for (int c = 0; c < d->columns; c++)
        n += snprintf(sql + n, sizeof(sql) - (size_t)n, ", \"%s\"", d->column[c]);
    snprintf(sql + n, sizeof(sql) - (size_t)n, ", t0, t1 FROM %s WHERE t1 > %u ORDER BY row",
             capdb_flat(s->db, (enum row_kind)kind), s->first);
    l->free = NONE;
    l->ends = malloc(((size_t)s->last + 2) * sizeof(*l->ends));
    if (!l->ends)
        return no_memory(s);
    for (uint32_t i = 0; i < s->last + 2; i++)
        l->ends[i] = NONE;
    enum error e = capdb_prepare(s->db, sql, &l->st);
    return e == ERR_OK ? step(s, l) : e;
}

enum error stream_open(struct capdb *db, uint32_t first, struct stream **out)
{
    enum error e = capdb_flush(db);
    struct stream *s = calloc(1, sizeof(*s));
    *out = s;
    if (!s)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    *s = (struct stream){.db = db, .first = first, .last = capdb_count(db)};
    /* what is kept by snapshot has room for all: a file cannot claim more than it has */
    if (e == ERR_OK && capdb_int(db, "SELECT count(*) FROM main.snapshot", 0) != s->last)
        e = capdb_fail(db, ERR_CORRUPT, "is damaged: its snapshots are not numbered one by one");
    for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
        e = open_lane(s, k);
    if (e != ERR_OK) {
        stream_close(s);
        *out = NULL;
    }
    return e;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    for (int k = 0; k < ROW_KINDS; k++) {
        struct lane *l = &s->lane[k];
        sqlite3_finalize(l->st);
        free(l->version);
        free(l->ends);
        free(l->order);
        free(l->began);
    }
    free(s);
}

uint32_t stream_at(const struct stream *s)
{
    return s->n;
}

uint32_t stream_changes(const struct stream *s, enum row_kind kind)
{
    return s->lane[kind].changes;
}

/* Address, state, what it waits for and with what, its scheduling context and reply. */
uint64_t stream_waiting(const struct stream *s)
{
    static const int columns[] = {0, 1, 7, 8, 9, 14, 15};
    const struct lane *l = &s->lane[ROW_RUN];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < l->held; i++) {
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t c = 0; c < sizeof(columns) / sizeof(*columns); c++)
            h = (h ^ (uint64_t)l->version[l->order[i].index].row.v[columns[c]]) * 0x100000001b3u;
        sum += h ^ h >> 29;
    }
    return sum;
}

/* --- a step ---------------------------------------------------------------------------------- */

static int32_t take_place(struct lane *l)
{
    int32_t at = l->free;
    if (at != NONE) {
        l->free = l->version[at].next;
        return at;
    }
    struct version *grown = array_room(l->version, (size_t)l->count, &l->room, sizeof(*grown));
    if (!grown)
        return NONE;
    l->version = grown;
    return l->count++;
}

static bool room_for(struct sort_key **keys, size_t *room, uint32_t wanted)
{
    struct sort_key *grown = array_room(*keys, wanted, room, sizeof(*grown));
    if (grown)
        *keys = grown;
    return grown;
}

/* What orders versions of a kind: capabilities by derivation, others by what they are about. */
static int64_t key_of(int kind, const struct row *row)
{
    return row->v[kind == ROW_CAP ? CAP_COL_pos : 0];
}

static enum error begin_row(struct stream *s, int kind)
{
    struct lane *l = &s->lane[kind];
    const int columns = row_descs[kind].columns;
    int64_t t1 = sqlite3_column_int64(l->st, columns + 2);
    int32_t at = take_place(l);
    if (at == NONE || !room_for(&l->began, &l->began_room, l->began_count + 1))
        return no_memory(s);
    struct version *v = &l->version[at];
    *v = (struct version){.t1 = t1, .next = NONE};
    if (!capdb_fetch_row(l->st, kind, &v->row))
        return capdb_fail(s->db, ERR_CORRUPT, "snapshot %u is damaged: a cell of %s is no number",
                          s->n, row_descs[kind].table);
    if (t1 > s->n && t1 <= s->last) {
        v->next = l->ends[t1];
        l->ends[t1] = at;
    }
    l->began[l->began_count++] = (struct sort_key){key_of(kind, &v->row), (uint32_t)at};
    l->changes++;
    return ERR_OK;
}

/* Rows with t1 not above t0 never hold. */
static enum error take_begins(struct stream *s, int kind)
{
    struct lane *l = &s->lane[kind];
    enum error e = ERR_OK;
    const int t0 = row_descs[kind].columns + 1;
    while (e == ERR_OK && l->there && sqlite3_column_int64(l->st, t0) <= s->n) {
        if (sqlite3_column_int64(l->st, t0 + 1) > s->n)
            e = begin_row(s, kind);
        if (e == ERR_OK)
            e = step(s, l);
    }
    return e;
}

/* In place; the order of what stays stays. Places are free from the next step on. */
static void drop_ended(struct lane *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->held; i++)
        if (!l->version[l->order[i].index].ended)
            l->order[kept++] = l->order[i];
    l->held = kept;
}

static void free_ended(struct lane *l, int32_t first)
{
    for (int32_t at = first; at != NONE;) {
        int32_t next = l->version[at].next;
        l->version[at].next = l->free;
        l->free = at;
        at = next;
    }
}

static void take_ends(struct stream *s, struct lane *l)
{
    int32_t first = l->ends[s->n];
    for (int32_t at = first; at != NONE; at = l->version[at].next) {
        l->version[at].ended = true;
        l->changes++;
    }
    if (first == NONE)
        return;
    drop_ended(l);
    free_ended(l, first);
    l->ends[s->n] = NONE;
}

/* From the end on, since what holds already stands where the result will. */
static bool merge_began(struct lane *l)
{
    if (l->began_count == 0)
        return true;
    if (!room_for(&l->order, &l->order_room, l->held + l->began_count))
        return false;
    keys_sort(l->began, l->began_count);
    uint32_t to = l->held + l->began_count;
    uint32_t old = l->held;
    for (uint32_t new = l->began_count; new > 0;) {
        bool from_old = old > 0 && l->order[old - 1].key > l->began[new - 1].key;
        l->order[--to] = from_old ? l->order[--old] : l->began[--new];
    }
    l->held += l->began_count;
    l->began_count = 0;
    return true;
}

/* Address and size of what a capability refers to, from its object: neither changes in one life. */
static void name_object(const struct stream *s, struct row *cap)
{
    const struct lane *objects = &s->lane[ROW_OBJECT];
    int64_t life = cap->v[CAP_COL_object];
    uint32_t at = keys_lower_bound(objects->order, objects->held, life);
    if (life == 0 || at == objects->held || objects->order[at].key != life)
        return;
    const int64_t *v = objects->version[objects->order[at].index].row.v;
    if (cap->v[CAP_COL_addr] == ROW_NULL)
        cap->v[CAP_COL_addr] = v[2];
    if (cap->v[CAP_COL_bits] == ROW_NULL)
        cap->v[CAP_COL_bits] = v[3];
}

static enum error advance(struct stream *s, int kind)
{
    struct lane *l = &s->lane[kind];
    take_ends(s, l);
    enum error e = take_begins(s, kind);
    for (uint32_t i = 0; kind == ROW_CAP && i < l->began_count; i++)
        name_object(s, &l->version[l->began[i].index].row);
    if (e == ERR_OK && !merge_began(l))
        e = no_memory(s);
    return e;
}

enum error stream_to(struct stream *s, uint32_t n)
{
    enum error e =
        n >= s->n && n >= s->first && n <= s->last
            ? ERR_OK
            : capdb_fail(s->db, ERR_NOT_FOUND, "snapshot %u not found (it has %u)", n, s->last);
    for (int k = 0; k < ROW_KINDS; k++)
        s->lane[k].changes = 0;
    while (e == ERR_OK && s->n < n) {
        s->n = s->n < s->first ? s->first : s->n + 1;
        e = advance(s, ROW_OBJECT); /* which capabilities are named after */
        for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
            if (k != ROW_OBJECT)
                e = advance(s, k);
    }
    return e;
}

/* --- a state --------------------------------------------------------------------------------- */

static enum error copy_rows(struct stream *s, int kind, struct rowset *to)
{
    const struct lane *l = &s->lane[kind];
    if (!rowset_reserve(to, l->held))
        return no_memory(s);
    for (uint32_t i = 0; i < l->held; i++)
        if (!rowset_add(to, &l->version[l->order[i].index].row))
            return no_memory(s);
    rowset_sort(to);
    return ERR_OK;
}

static enum error copy_caps(struct stream *s, struct loading *l)
{
    const struct lane *caps = &s->lane[ROW_CAP];
    l->caps = malloc(((size_t)caps->held + 1) * sizeof(*l->caps));
    if (!l->caps)
        return no_memory(s);
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < caps->held; i++)
        e = loading_cap(l, &caps->version[caps->order[i].index].row, &l->caps[i]);
    l->sets[ROW_CAP].count = caps->held; /* they stand in caps alone */
    return e;
}

static enum error build(struct stream *s, struct loading *l)
{
    struct record heads[LOADING_HEADS];
    enum error e = capdb_heads_at(s->db, s->n, heads);
    for (int k = 0; e == ERR_OK && k < ROW_KINDS; k++)
        if (k != ROW_CAP && k != ROW_OBJECT)
            e = copy_rows(s, k, &l->sets[k]);
    if (e == ERR_OK)
        e = copy_caps(s, l);
    return e == ERR_OK ? loading_build(l, heads) : e;
}

static enum error make_state(struct stream *s, bool records_only, struct capstate *out)
{
    struct capstate state;
    struct loading l = {.db = s->db, .n = s->n, .state = &state, .records_only = records_only};
    capstate_init(&state);
    enum error e = build(s, &l);
    loading_free(&l);
    if (e == ERR_OK)
        *out = state;
    else
        capstate_free(&state);
    return e;
}

enum error stream_state(struct stream *s, struct capstate *out)
{
    return make_state(s, false, out);
}

enum error stream_records(struct stream *s, struct capstate *out)
{
    return make_state(s, true, out);
}
