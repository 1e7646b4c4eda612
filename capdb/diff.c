/* What happened to capabilities between two snapshots, from the versions that began or ended in
 * between: nothing else is read.
 *
 *     ends      versions that held in the earlier one and ended by the later: an index has them
 *     begins    versions that began since and still hold: rows ascend with time, so they stand
 *               together
 *
 * Sorted by the number of the capability the two are one list: a capability in both changed, in one
 * it went or came. */
#include "capdb/store.h"
#include "lib/array.h"

#include <stdlib.h>

struct versions {
    struct capdb_version *list;
    uint32_t count;
    size_t room;
};

struct diffing {
    struct capdb *db;
    uint32_t early, late;
    int64_t early_row, late_row; /* the last rows of cap_row then */
    struct versions ends, begins;
    struct capdb_change *changes;
    uint32_t count;
    sqlite3_stmt *parent, *life;
};

#define COLUMNS "id, parent, slot, type, object, rights, flags, data, extra"
static const char ends_sql[] = "SELECT " COLUMNS " FROM cap_row WHERE t1 > ?1 AND t1 <= ?2"
                               " AND t1 < 2147483647 AND t0 <= ?1";
static const char begins_sql[] =
    "SELECT " COLUMNS " FROM cap_row WHERE row > ?1 AND row <= ?2 AND t1 > ?3";
/* Versions of one capability do not overlap and ascend with their rows, so the newest that is not
 * behind the last row of a snapshot is the one that holds there, if any does. */
static const char parent_sql[] = "SELECT " COLUMNS ", t1 FROM cap_row WHERE id = ?1 AND row <= ?2"
                                 " ORDER BY row DESC LIMIT 1";
static const char life_sql[] = "SELECT min(t0) FROM object_row WHERE id = ?";
enum { COLUMN_T1 = 9 };

static struct capdb_version take_version(sqlite3_stmt *st)
{
    return (struct capdb_version){.id = sqlite3_column_int64(st, 0),
                                  .parent = sqlite3_column_int64(st, 1),
                                  .slot = (uint64_t)sqlite3_column_int64(st, 2),
                                  .type = (uint32_t)sqlite3_column_int64(st, 3),
                                  .object = sqlite3_column_int64(st, 4),
                                  .rights = (uint32_t)sqlite3_column_int64(st, 5),
                                  .flags = (uint32_t)sqlite3_column_int64(st, 6),
                                  .data = (uint64_t)sqlite3_column_int64(st, 7),
                                  .extra = (uint64_t)sqlite3_column_int64(st, 8)};
}

static bool put_version(struct versions *to, const struct capdb_version *v)
{
    struct capdb_version *grown = array_room(to->list, to->count, &to->room, sizeof(*grown));
    if (!grown)
        return false;
    to->list = grown;
    to->list[to->count++] = *v;
    return true;
}

static enum error read_versions(struct diffing *d, const char *sql, const int64_t *values,
                                int count, struct versions *out)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(d->db, sql, &st);
    for (int i = 0; e == ERR_OK && i < count; i++)
        sqlite3_bind_int64(st, i + 1, values[i]);
    while (capdb_step(d->db, st, "comparing", &e)) {
        struct capdb_version v = take_version(st);
        if (!put_version(out, &v))
            e = capdb_fail(d->db, ERR_NO_MEMORY, "out of memory");
    }
    sqlite3_finalize(st);
    return e;
}

static int64_t last_row(struct diffing *d, uint32_t n, enum error *e)
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

static enum error read_all(struct diffing *d)
{
    enum error e = ERR_OK;
    d->early_row = last_row(d, d->early, &e);
    d->late_row = last_row(d, d->late, &e);
    if (e == ERR_OK)
        e = read_versions(d, ends_sql, (const int64_t[]){d->early, d->late}, 2, &d->ends);
    if (e == ERR_OK)
        e = read_versions(d, begins_sql, (const int64_t[]){d->early_row, d->late_row, d->late}, 3,
                          &d->begins);
    return e;
}

/* --- one list -------------------------------------------------------------------------------- */

static bool sort_by_id(struct versions *v)
{
    struct sort_key *keys = malloc((v->count + 1) * sizeof(*keys));
    struct capdb_version *sorted = malloc((v->count + 1) * sizeof(*sorted));
    if (keys && sorted) {
        for (uint32_t i = 0; i < v->count; i++)
            keys[i] = (struct sort_key){v->list[i].id, i};
        keys_sort(keys, v->count);
        for (uint32_t i = 0; i < v->count; i++)
            sorted[i] = v->list[keys[i].index];
        free(v->list);
        v->list = sorted;
        free(keys);
        return true;
    }
    free(keys);
    free(sorted);
    return false;
}

static void merge(struct diffing *d)
{
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < d->ends.count || k < d->begins.count) {
        struct capdb_change *c = &d->changes[d->count++];
        const struct capdb_version *e = i < d->ends.count ? &d->ends.list[i] : NULL;
        const struct capdb_version *l = k < d->begins.count ? &d->begins.list[k] : NULL;
        c->before = e && (!l || e->id <= l->id) ? e : NULL;
        c->after = l && (!e || l->id <= e->id) ? l : NULL;
        i += c->before ? 1 : 0;
        k += c->after ? 1 : 0;
    }
}

static bool make_list(struct diffing *d)
{
    if (!sort_by_id(&d->ends) || !sort_by_id(&d->begins))
        return false;
    d->changes = calloc((size_t)d->ends.count + d->begins.count + 1, sizeof(*d->changes));
    if (d->changes)
        merge(d);
    return d->changes;
}

/* --- what is known of those that came -------------------------------------------------------- */

static enum error find_parent(struct diffing *d, struct capdb_change *c)
{
    enum error e = ERR_OK;
    if (!d->parent)
        e = capdb_prepare(d->db, parent_sql, &d->parent);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(d->parent, 1, c->after->parent);
    sqlite3_bind_int64(d->parent, 2, d->late_row);
    if (capdb_step(d->db, d->parent, "comparing", &e) &&
        sqlite3_column_int64(d->parent, COLUMN_T1) > d->late) {
        c->has_parent = true;
        c->parent = take_version(d->parent);
    }
    sqlite3_reset(d->parent);
    return e;
}

static enum error find_life(struct diffing *d, struct capdb_change *c)
{
    enum error e = ERR_OK;
    if (!d->life)
        e = capdb_prepare(d->db, life_sql, &d->life);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(d->life, 1, c->after->object);
    if (capdb_step(d->db, d->life, "comparing", &e))
        c->new_object = sqlite3_column_int64(d->life, 0) > d->early;
    sqlite3_reset(d->life);
    return e;
}

static enum error complete(struct diffing *d, struct capdb_change *c)
{
    if (c->before || !c->after || c->after->parent == 0)
        return ERR_OK;
    enum error e = find_parent(d, c);
    if (e == ERR_OK && c->has_parent && c->parent.type == RECORD_CAP_UNTYPED)
        e = find_life(d, c);
    return e;
}

/* --- telling --------------------------------------------------------------------------------- */

static uint64_t slot_of(const struct capdb_change *c)
{
    return c->after ? c->after->slot : c->before->slot;
}

/* What went before the rest, each by slot. */
static int by_slot(const void *pa, const void *pb)
{
    const struct capdb_change *a = pa;
    const struct capdb_change *b = pb;
    if (!a->after != !b->after)
        return a->after ? 1 : -1;
    return (slot_of(a) > slot_of(b)) - (slot_of(a) < slot_of(b));
}

static enum error tell(struct diffing *d, capdb_change_fn fn, void *ctx)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < d->count; i++)
        e = complete(d, &d->changes[i]);
    if (e == ERR_OK && d->count)
        qsort(d->changes, d->count, sizeof(*d->changes), by_slot);
    for (uint32_t i = 0; e == ERR_OK && i < d->count; i++)
        e = fn(ctx, &d->changes[i]);
    return e;
}

enum error capdb_diff(struct capdb *db, uint32_t a, uint32_t b, capdb_change_fn fn, void *ctx)
{
    struct diffing d = {.db = db, .early = a < b ? a : b, .late = a < b ? b : a};
    enum error e = read_all(&d);
    if (e == ERR_OK && !make_list(&d))
        e = capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    if (e == ERR_OK)
        e = tell(&d, fn, ctx);
    sqlite3_finalize(d.parent);
    sqlite3_finalize(d.life);
    free(d.ends.list);
    free(d.begins.list);
    free(d.changes);
    return e;
}
