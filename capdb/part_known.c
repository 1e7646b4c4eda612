/* Rows that parts of two neighbouring snapshots share, by a few queries for all of them.
 *
 *     capabilities -> their objects; their holders
 *     holders      -> capabilities to them -> CNodes and directories lie in threads, which use them */
#include "capdb/part.h"

#include <stdlib.h>

struct knowing {
    struct capdb *db;
    const uint32_t *n;
    struct part_known *known;
    const char *object_key; /* the column that finds an object by its number */
};

static const char doing[] = "reading two snapshots";

static enum error no_memory(struct capdb *db)
{
    return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
}

/* Once each, those that are known already left out; 0 is no object. */
static enum error list_new(struct capdb *db, struct key_list *list, struct part_map *known,
                           int64_t key)
{
    uint32_t before = known->count;
    if (key == 0)
        return ERR_OK;
    if (!part_map_put(known, key))
        return no_memory(db);
    if (known->count > before)
        list->keys[list->count++] = key;
    return ERR_OK;
}

static enum error read_listed(struct knowing *k, enum row_kind kind, const char *column,
                              struct key_list *list, struct rowset *out)
{
    if (!key_list_sort(list)) /* pages are met in their order */
        return no_memory(k->db);
    return list->count ? capdb_rows_of_many(k->db, kind, column, list, k->n, doing, out) : ERR_OK;
}

/* Rows from `first` on, which stand together by their key: the map learns where. */
static void place(struct part_map *map, const struct rowset *rows, uint32_t first, int column)
{
    for (uint32_t i = first; i < rows->count; i++)
        if (i == first || rows->rows[i].v[column] != rows->rows[i - 1].v[column])
            part_map_at(map, rows->rows[i].v[column])->value = i;
}

static enum error know_objects(struct knowing *k, struct key_list *list)
{
    uint32_t first = k->known->objects.count;
    enum error e = read_listed(k, ROW_OBJECT, k->object_key, list, &k->known->objects);
    if (e == ERR_OK && list->count)
        place(&k->known->object, &k->known->objects, first, 0);
    return e;
}

static enum error know_caps_of(struct knowing *k, struct key_list *list)
{
    uint32_t first = k->known->caps.count;
    enum error e = read_listed(k, ROW_CAP, "object", list, &k->known->caps);
    if (e == ERR_OK && list->count)
        place(&k->known->caps_of, &k->known->caps, first, CAP_COL_object);
    return e;
}

/* Of the capabilities to holders: the threads in which CNodes and directories lie. */
static enum error know_users(struct knowing *k)
{
    const struct rowset *caps = &k->known->caps;
    struct key_list objects;
    struct key_list users;
    bool ready = key_list_begin(&objects, caps->count) & key_list_begin(&users, caps->count);
    enum error e = ready ? ERR_OK : no_memory(k->db);
    for (uint32_t i = 0; e == ERR_OK && i < caps->count; i++) {
        const int64_t *v = caps->rows[i].v;
        if (v[CAP_COL_type] != RECORD_CAP_CNODE && v[CAP_COL_type] != RECORD_CAP_PAGE_DIRECTORY)
            continue;
        e = list_new(k->db, &objects, &k->known->object, v[CAP_COL_holder]);
        if (e == ERR_OK)
            e = list_new(k->db, &users, &k->known->caps_of, v[CAP_COL_holder]);
    }
    if (e == ERR_OK)
        e = know_objects(k, &objects);
    if (e == ERR_OK)
        e = know_caps_of(k, &users);
    key_list_free(&objects);
    key_list_free(&users);
    return e;
}

static enum error know_all(struct knowing *k, const struct row *const *caps, uint32_t count)
{
    struct key_list objects;
    struct key_list holders;
    bool ready = key_list_begin(&objects, 2 * (size_t)count) & key_list_begin(&holders, count);
    enum error e = ready ? ERR_OK : no_memory(k->db);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        e = list_new(k->db, &objects, &k->known->object, caps[i]->v[CAP_COL_object]);
        if (e == ERR_OK)
            e = list_new(k->db, &objects, &k->known->object, caps[i]->v[CAP_COL_holder]);
        if (e == ERR_OK)
            e = list_new(k->db, &holders, &k->known->caps_of, caps[i]->v[CAP_COL_holder]);
    }
    if (e == ERR_OK)
        e = know_objects(k, &objects);
    if (e == ERR_OK)
        e = know_caps_of(k, &holders);
    if (e == ERR_OK)
        e = know_users(k);
    key_list_free(&objects);
    key_list_free(&holders);
    return e;
}

/* Tables that no index leads through, which takes as long for two snapshots as for one. */
static enum error know_whole(struct knowing *k)
{
    static const enum row_kind kinds[] = {ROW_THREAD, ROW_IRQ, ROW_RANGE};
    enum error e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct rowset *set = &k->known->whole[kinds[i]];
        e = capdb_rows_of_both(k->db, kinds[i], k->n, doing, set);
        rowset_sort(set);
    }
    return e;
}

enum error part_know(struct capdb *db, const uint32_t n[2], const struct row *const *caps,
                     uint32_t count, struct part_known *out)
{
    struct knowing k = {db, n, out, "id"};
    *out = (struct part_known){0};
    enum error e = know_whole(&k);
    if (e != ERR_OK || db->overlaid)
        return e;
    /* where no life has two rows, rows are numbered as lives are, and no index is needed */
    if (capdb_int(db, "SELECT max(row) = (SELECT max(id) FROM object_row) FROM object_row", 0))
        k.object_key = "row";
    return know_all(&k, caps, count);
}

static bool holds(int64_t span, uint32_t n)
{
    return span >> 32 <= n && (span & UINT32_MAX) > n;
}

/* The row, if it holds in snapshot n. */
static enum error add_held(const struct row *found, uint32_t n, int span, struct rowset *out)
{
    struct row row = *found;
    if (!holds(row.v[span], n))
        return ERR_OK;
    row.v[span] = 0;
    return rowset_add(out, &row) ? ERR_OK : ERR_NO_MEMORY;
}

static enum error add_rows(const struct rowset *rows, const struct part_map *map, int column,
                           int64_t key, uint32_t n, int span, struct rowset *out)
{
    uint32_t i = part_map_at(map, key)->value;
    enum error e = ERR_OK;
    for (; e == ERR_OK && i < rows->count && rows->rows[i].v[column] == key; i++)
        e = add_held(&rows->rows[i], n, span, out);
    return e;
}

enum error part_known_whole(const struct part_known *k, struct capdb *db, enum row_kind kind,
                            uint32_t n, struct rowset *out)
{
    const struct rowset *set = &k->whole[kind];
    enum error e = rowset_reserve(out, set->count) ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; e == ERR_OK && i < set->count; i++)
        e = add_held(&set->rows[i], n, row_descs[kind].columns, out);
    return e == ERR_OK ? e : no_memory(db);
}

enum error part_known_rows(const struct part_known *k, enum part_query q, int64_t key, uint32_t n,
                           struct rowset *out, bool *known)
{
    bool of_caps = q == PART_CAPS_TO;
    const struct part_map *map = of_caps ? &k->caps_of : &k->object;
    *known = (of_caps || q == PART_OBJECT) && map->entry && part_map_at(map, key)->used;
    if (!*known)
        return ERR_OK;
    return of_caps ? add_rows(&k->caps, map, CAP_COL_object, key, n, CAP_COL_COUNT, out)
                   : add_rows(&k->objects, map, 0, key, n, row_descs[ROW_OBJECT].columns, out);
}

void part_known_free(struct part_known *k)
{
    rowset_free(&k->caps);
    rowset_free(&k->objects);
    for (int i = 0; i < ROW_KINDS; i++)
        rowset_free(&k->whole[i]);
    free(k->caps_of.entry);
    free(k->object.entry);
}
