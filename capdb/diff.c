/* What happened to capabilities between two snapshots, from the versions that began or ended in
 * between: nothing else is read.
 *
 *     ends      versions that held in the earlier one and ended by the later: lists have them, or an
 *               index
 *     begins    versions that began since and still hold: rows ascend with time, so they stand
 *               together
 *
 * Sorted by the number of the capability the two are one list: a capability in both changed, in one
 * it went or came. */
#include "capdb/ended.h"
#include "capdb/store.h"

#include <stdlib.h>

struct capdb_difference {
    struct capdb *db;
    uint32_t early, late;
    int64_t early_row, late_row; /* the last rows of cap_row then */
    struct rowset ends, begins, parents;
    struct capdb_change *changes;
    uint32_t count;
    sqlite3_stmt *parent, *life;
    int64_t old_life,
        new_life; /* the last that is known to have begun by `early`, the first since */
};

/* Before format 5.  The index tells the row, too: versions that began since are not read.  The plus keeps
 * SQLite from going through the rows by their numbers. */
static const char ends_sql[] = "t1 > ?1 AND t1 <= ?2 AND t1 < 2147483647 AND +row <= ?3";
static const char begins_sql[] = "row > ?1 AND row <= ?2 AND t1 > ?3";
/* Versions of one capability do not overlap and ascend with their rows, so the newest that is not
 * behind the last row of a snapshot is the one that holds there, if any does. */
static const char parent_sql[] =
    "row = (SELECT max(row) FROM cap_row WHERE id = ?1 AND row <= ?2) AND t1 > ?3";
static const char first_sql[] = "SELECT last_cap_row FROM snapshot ORDER BY n LIMIT 1";
static const char life_sql[] = "SELECT min(t0) FROM object_row WHERE id = ?";

static enum error no_memory(struct capdb_difference *d)
{
    return capdb_fail(d->db, ERR_NO_MEMORY, "out of memory");
}

/* --- rows ------------------------------------------------------------------------------------ */

static enum error read_rows(struct capdb_difference *d, const char *where, const int64_t values[3],
                            struct rowset *out)
{
    return capdb_take_plain(d->db, ROW_CAP, where, values, 3, "comparing", out);
}

/* In the order of their numbers, so each page is read once. */
static enum error read_listed(struct capdb_difference *d)
{
    static const char where[] = "t0 <= ?1 AND t1 > ?1 AND t1 <= ?2";
    struct key_list rows;
    const int64_t values[] = {d->early, d->late};
    enum error e = ended_between(d->db, d->early, d->late, d->early_row, &rows);
    if (e == ERR_OK && rows.count)
        e = capdb_take_numbered(d->db, ROW_CAP, &rows, where, values, 2, "comparing", &d->ends);
    key_list_free(&rows);
    return e;
}

static int64_t last_row(struct capdb_difference *d, uint32_t n, enum error *e)
{
    sqlite3_stmt *st;
    int64_t row = 0;
    if (*e == ERR_OK)
        *e = capdb_prepare(d->db, "SELECT last_cap_row FROM snapshot WHERE n = ?", &st);
    if (*e != ERR_OK)
        return 0;
    sqlite3_bind_int64(st, 1, n);
    if (capdb_step(d->db, st, "comparing", e))
        row = sqlite3_column_int64(st, 0);
    else if (*e == ERR_OK)
        *e = capdb_fail(d->db, ERR_NOT_FOUND, "snapshot %u not found", n);
    sqlite3_finalize(st);
    return row;
}

static enum error read_all(struct capdb_difference *d)
{
    enum error e = ERR_OK;
    d->early_row = last_row(d, d->early, &e);
    d->late_row = last_row(d, d->late, &e);
    const int64_t ended[] = {d->early, d->late, d->early_row};
    if (e == ERR_OK)
        e = capdb_is_split(d->db) ? read_listed(d) : read_rows(d, ends_sql, ended, &d->ends);
    if (e == ERR_OK)
        e = read_rows(d, begins_sql, (const int64_t[]){d->early_row, d->late_row, d->late},
                      &d->begins);
    return e;
}

/* --- one list -------------------------------------------------------------------------------- */

static struct sort_key *sort_by_id(const struct rowset *set)
{
    struct sort_key *keys = malloc((set->count + (size_t)1) * sizeof(*keys));
    for (uint32_t i = 0; keys && i < set->count; i++)
        keys[i] = (struct sort_key){set->rows[i].v[CAP_COL_id], i};
    if (keys)
        keys_sort(keys, set->count);
    return keys;
}

static void merge(struct capdb_difference *d, const struct sort_key *ends,
                  const struct sort_key *begins)
{
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < d->ends.count || k < d->begins.count) {
        struct capdb_change *c = &d->changes[d->count++];
        const struct sort_key *e = i < d->ends.count ? &ends[i] : NULL;
        const struct sort_key *b = k < d->begins.count ? &begins[k] : NULL;
        c->before = e && (!b || e->key <= b->key) ? &d->ends.rows[e->index] : NULL;
        c->after = b && (!e || b->key <= e->key) ? &d->begins.rows[b->index] : NULL;
        i += c->before ? 1 : 0;
        k += c->after ? 1 : 0;
    }
}

static enum error make_list(struct capdb_difference *d)
{
    struct sort_key *ends = sort_by_id(&d->ends);
    struct sort_key *begins = sort_by_id(&d->begins);
    d->changes = calloc((size_t)d->ends.count + d->begins.count + 1, sizeof(*d->changes));
    bool ready = ends && begins && d->changes;
    if (ready)
        merge(d, ends, begins);
    free(ends);
    free(begins);
    return ready ? ERR_OK : no_memory(d);
}

/* --- what is known of those that came -------------------------------------------------------- */

/* *out: its version in the later snapshot, NULL: it is not there. */
static enum error find_parent(struct capdb_difference *d, int64_t id, const struct row **out)
{
    enum error e = d->parent ? ERR_OK : capdb_prepare_rows(d->db, ROW_CAP, parent_sql, &d->parent);
    if (e != ERR_OK)
        return e;
    uint32_t before = d->parents.count;
    sqlite3_bind_int64(d->parent, 1, id);
    sqlite3_bind_int64(d->parent, 2, d->late_row);
    sqlite3_bind_int64(d->parent, 3, d->late);
    e = capdb_take_rows(d->db, d->parent, ROW_CAP, "comparing", &d->parents);
    *out = d->parents.count > before ? &d->parents.rows[before] : NULL;
    return e;
}

static enum error ask_life(struct capdb_difference *d, int64_t life)
{
    enum error e = d->life ? ERR_OK : capdb_prepare(d->db, life_sql, &d->life);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(d->life, 1, life);
    bool new =
        capdb_step(d->db, d->life, "comparing", &e) && sqlite3_column_int64(d->life, 0) > d->early;
    sqlite3_reset(d->life);
    *(new ? &d->new_life : &d->old_life) = life;
    return e;
}

/* Lives are numbered as they begin: what one that is known tells of those before or behind it needs
 * no question. */
static enum error find_life(struct capdb_difference *d, struct capdb_change *c)
{
    int64_t life = c->after->v[CAP_COL_object];
    bool unknown = life > d->old_life && life < d->new_life;
    enum error e = unknown ? ask_life(d, life) : ERR_OK;
    c->new_object = life >= d->new_life;
    return e;
}

static bool came(const struct capdb_change *c)
{
    return !c->before && c->after->v[CAP_COL_parent] != 0;
}

/* Of those that came, by their parents. */
static struct sort_key *sort_by_parent(const struct capdb_difference *d, uint32_t *count)
{
    struct sort_key *keys = malloc((d->count + (size_t)1) * sizeof(*keys));
    *count = 0;
    for (uint32_t i = 0; keys && i < d->count; i++)
        if (came(&d->changes[i]))
            keys[(*count)++] = (struct sort_key){d->changes[i].after->v[CAP_COL_parent], i};
    if (keys)
        keys_sort(keys, *count);
    return keys;
}

/* Capabilities have the numbers of their first rows, before format 5 those of the first snapshot alone: what
 * has not changed since needs no index.  Before, rows that are not of these capabilities come along. */
static enum error read_unchanged(struct capdb_difference *d, const struct sort_key *keys,
                                 uint32_t count, struct rowset *out)
{
    static const char where[] = "t0 <= ?1 AND t1 > ?1";
    struct key_list rows;
    const int64_t late = d->late;
    int64_t last = d->db->overlaid         ? 0
                   : capdb_is_split(d->db) ? INT64_MAX
                                           : capdb_int(d->db, first_sql, 0);
    if (!key_list_begin(&rows, count))
        return no_memory(d);
    for (uint32_t i = 0; i < count && keys[i].key <= last; i++)
        if (rows.count == 0 || rows.keys[rows.count - 1] != keys[i].key)
            rows.keys[rows.count++] = keys[i].key;
    enum error e =
        rows.count ? capdb_take_numbered(d->db, ROW_CAP, &rows, where, &late, 1, "comparing", out)
                   : ERR_OK;
    key_list_free(&rows);
    return e;
}

/* A parent is looked up once for all its children. */
static enum error complete(struct capdb_difference *d, const struct sort_key *keys, uint32_t count)
{
    enum error e = rowset_reserve(&d->parents, 2 * count) ? ERR_OK : no_memory(d); /* none moves */
    const struct row *parent = NULL;
    uint32_t unchanged = 0;
    if (e == ERR_OK)
        e = read_unchanged(d, keys, count, &d->parents);
    const uint32_t known = d->parents.count;
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        struct capdb_change *c = &d->changes[keys[i].index];
        while (unchanged < known && d->parents.rows[unchanged].row < keys[i].key)
            unchanged++;
        const struct row *row = unchanged < known ? &d->parents.rows[unchanged] : NULL;
        if (row && row->row == keys[i].key && row->v[CAP_COL_id] == keys[i].key)
            parent = row;
        else if (i == 0 || keys[i - 1].key != keys[i].key)
            e = find_parent(d, keys[i].key, &parent);
        c->parent = parent;
        if (e == ERR_OK && parent && parent->v[CAP_COL_type] == RECORD_CAP_UNTYPED)
            e = find_life(d, c);
    }
    return e;
}

static enum error complete_all(struct capdb_difference *d)
{
    uint32_t count;
    struct sort_key *keys = sort_by_parent(d, &count);
    enum error e = keys ? complete(d, keys, count) : no_memory(d);
    free(keys);
    return e;
}

/* --- telling --------------------------------------------------------------------------------- */

/* Those that went, or those that did not, by slot. */
static uint32_t sort_by_slot(const struct capdb_difference *d, bool went, struct sort_key *keys)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        const struct capdb_change *c = &d->changes[i];
        if (!c->after == went)
            keys[count++] = (struct sort_key){(went ? c->before : c->after)->v[CAP_COL_slot], i};
    }
    keys_sort(keys, count);
    return count;
}

/* What went before the rest, each by slot. */
static enum error arrange(struct capdb_difference *d)
{
    struct sort_key *keys = malloc((d->count + (size_t)1) * sizeof(*keys));
    struct capdb_change *sorted = calloc(d->count + (size_t)1, sizeof(*sorted));
    enum error e = keys && sorted ? ERR_OK : no_memory(d);
    if (e == ERR_OK) {
        struct capdb_change *by_id = d->changes;
        (void)sort_by_slot(d, false, keys + sort_by_slot(d, true, keys));
        for (uint32_t i = 0; i < d->count; i++)
            sorted[i] = by_id[keys[i].index];
        d->changes = sorted;
        sorted = by_id;
    }
    free(keys);
    free(sorted);
    return e;
}

enum error capdb_difference_of(struct capdb *db, uint32_t a, uint32_t b,
                               struct capdb_difference **out)
{
    struct capdb_difference *d = malloc(sizeof(*d));
    *out = NULL;
    if (!d)
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    *d = (struct capdb_difference){
        .db = db, .early = a < b ? a : b, .late = a < b ? b : a, .new_life = INT64_MAX};
    enum error e = read_all(d);
    if (e == ERR_OK)
        e = make_list(d);
    if (e == ERR_OK)
        e = complete_all(d);
    if (e == ERR_OK)
        e = arrange(d);
    if (e == ERR_OK)
        *out = d;
    else
        capdb_difference_free(d);
    return e;
}

enum error capdb_difference_tell(const struct capdb_difference *d, capdb_change_fn fn, void *ctx)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < d->count; i++)
        e = fn(ctx, &d->changes[i]);
    return e;
}

void capdb_difference_free(struct capdb_difference *d)
{
    if (!d)
        return;
    sqlite3_finalize(d->parent);
    sqlite3_finalize(d->life);
    rowset_free(&d->ends);
    rowset_free(&d->begins);
    rowset_free(&d->parents);
    free(d->changes);
    free(d);
}

enum error capdb_diff(struct capdb *db, uint32_t a, uint32_t b, capdb_change_fn fn, void *ctx)
{
    struct capdb_difference *d;
    enum error e = capdb_difference_of(db, a, b, &d);
    if (e == ERR_OK)
        e = capdb_difference_tell(d, fn, ctx);
    capdb_difference_free(d);
    return e;
}
