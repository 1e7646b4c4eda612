/* Rows that parts of two neighbouring snapshots share, by a few queries for all of them.
 *
 *     capabilities -> their objects; their holders
 *     holders      -> capabilities to them -> CNodes and directories lie in threads, which use them */
#include "capdb/part.h"

#include <stdlib.h>

struct list {
    int64_t *keys;
    uint32_t count;
};

struct knowing {
    struct capdb *db;
    const uint32_t *n;
    struct part_known *known;
};

static const char doing[] = "reading two snapshots";

static enum error no_memory(struct capdb *db)
{
    return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
}

/* Once each, those that are known already left out; 0 is no object. */
static enum error list_new(struct capdb *db, struct list *list, struct part_map *known, int64_t key)
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
                              const struct list *list, struct rowset *out)
{
    sqlite3_stmt *st;
    char *text = capdb_list(list->keys, list->count);
    enum error e = text ? capdb_prepare_rows_of_many(k->db, kind, column, &st) : no_memory(k->db);
    if (e == ERR_OK) {
        sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
        sqlite3_bind_int64(st, 2, k->n[0]);
        sqlite3_bind_int64(st, 3, k->n[1]);
        e = capdb_take_rows_of_many(k->db, st, kind, doing, out);
        sqlite3_finalize(st);
    }
    free(text);
    return e;
}

/* Rows from `first` on, which stand together by their key: the map learns where. */
static void place(struct part_map *map, const struct rowset *rows, uint32_t first, int column)
{
    for (uint32_t i = first; i < rows->count; i++)
        if (i == first || rows->rows[i].v[column] != rows->rows[i - 1].v[column])
            part_map_at(map, rows->rows[i].v[column])->value = i;
}

static enum error know_objects(struct knowing *k, const struct list *list)
{
    uint32_t first = k->known->objects.count;
    enum error e = read_listed(k, ROW_OBJECT, "id", list, &k->known->objects);
    if (e == ERR_OK && list->count)
        place(&k->known->object, &k->known->objects, first, 0);
    return e;
}

static enum error know_caps_of(struct knowing *k, const struct list *list)
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
    struct list objects = {malloc((caps->count + (size_t)1) * sizeof(int64_t)), 0};
    struct list users = {malloc((caps->count + (size_t)1) * sizeof(int64_t)), 0};
    enum error e = objects.keys && users.keys ? ERR_OK : no_memory(k->db);
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
    free(objects.keys);
    free(users.keys);
    return e;
}

static enum error know_all(struct knowing *k, const struct row *const *caps, uint32_t count)
{
    struct list objects = {malloc((2 * (size_t)count + 1) * sizeof(int64_t)), 0};
    struct list holders = {malloc((count + (size_t)1) * sizeof(int64_t)), 0};
    enum error e = objects.keys && holders.keys ? ERR_OK : no_memory(k->db);
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
    free(objects.keys);
    free(holders.keys);
    return e;
}

enum error part_know(struct capdb *db, const uint32_t n[2], const struct row *const *caps,
                     uint32_t count, struct part_known *out)
{
    struct knowing k = {db, n, out};
    *out = (struct part_known){0};
    return db->overlaid ? ERR_OK : know_all(&k, caps, count);
}

static bool holds(int64_t span, uint32_t n)
{
    return span >> 32 <= n && (span & UINT32_MAX) > n;
}

static enum error add_rows(const struct rowset *rows, const struct part_map *map, int column,
                           int64_t key, uint32_t n, int span, struct rowset *out)
{
    uint32_t i = part_map_at(map, key)->value;
    for (; i < rows->count && rows->rows[i].v[column] == key; i++) {
        struct row row = rows->rows[i];
        bool held = holds(row.v[span], n);
        row.v[span] = 0;
        if (held && !rowset_add(out, &row))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
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
    free(k->caps_of.entry);
    free(k->object.entry);
}
