/* A snapshot without frames: see skeleton.h.
 *
 * What may be left out without a trace is a frame that is aligned to its size, while all else is
 * aligned to the largest frame: then each frame lies in another object, or around it, or apart from
 * it, never across its border.  At an address where several begin, the smallest is meant: for a
 * thread that waits that is no frame of 4 KiB or more. */
#include "capdb/skeleton.h"

#include "facts/toll.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST_BITS = 12, LARGEST_BITS = 25, MOST = 8000 };

static const char doing[] = "reading a snapshot";

static enum error no_memory(struct skeleton *k)
{
    return capdb_fail(k->db, ERR_NO_MEMORY, "out of memory");
}

/* Rows that hold in the snapshot, behind those in *out. In the condition ?2 is the type of frames,
 * ?3 and ?4 are low and high. */
static enum error take_rows(struct skeleton *k, enum row_kind kind, const char *where, int64_t low,
                            int64_t high, struct rowset *out)
{
    const int64_t values[] = {RECORD_CAP_FRAME, low, high};
    return capdb_take_held(k->db, kind, k->n, where, values, 3, doing, out);
}

/* The same where an index finds them. */
static enum error take_indexed(struct skeleton *k, enum row_kind kind, const char *where,
                               int64_t low, int64_t high, struct rowset *out)
{
    char all[320];
    sqlite3_stmt *st;
    snprintf(all, sizeof(all), "t0 <= ?1 AND t1 > ?1 AND %s", where);
    enum error e = capdb_prepare_rows(k->db, kind, all, &st);
    if (e != ERR_OK)
        return e;
    const int64_t value[] = {k->n, RECORD_CAP_FRAME, low, high};
    for (int i = 0; i < sqlite3_bind_parameter_count(st); i++)
        sqlite3_bind_int64(st, i + 1, value[i]);
    e = capdb_take_rows(k->db, st, kind, doing, out);
    sqlite3_finalize(st);
    return e;
}

/* Those of which a column is in the list, which is emptied. Behind their columns rows have when they
 * hold. */
static enum error take_listed(struct skeleton *k, enum row_kind kind, const char *column,
                              struct key_list *list, struct rowset *out)
{
    const uint32_t both[2] = {k->n, k->n};
    uint32_t first = out->count;
    if (!key_list_sort(list))
        return no_memory(k);
    enum error e =
        list->count ? capdb_rows_of_many(k->db, kind, column, list, both, doing, out) : ERR_OK;
    for (uint32_t i = first; i < out->count; i++)
        out->rows[i].v[row_descs[kind].columns] = 0;
    list->count = 0;
    return e;
}

/* --- what there is but frames ---------------------------------------------------------------- */

static enum error take_caps(struct skeleton *k)
{
    return take_rows(k, ROW_CAP, "(type <> ?2 OR addr IS NOT NULL OR bits IS NOT NULL)", 0, 0,
                     &k->l.sets[ROW_CAP]);
}

/* A frame that may not be left out comes along, and says so. */
static enum error take_objects(struct skeleton *k)
{
    struct rowset *set = &k->l.sets[ROW_OBJECT];
    enum error e = take_rows(k, ROW_OBJECT,
                             "(type <> ?2 OR bits NOT BETWEEN ?3 AND ?4"
                             " OR addr & ((1 << bits) - 1) <> 0)",
                             SMALLEST_BITS, LARGEST_BITS, set);
    for (uint32_t i = 0; e == ERR_OK && i < set->count; i++)
        if (set->rows[i].v[1] == RECORD_CAP_FRAME)
            e = ERR_UNSUPPORTED;
    return e;
}

/* Where no records tell of tables, translations do. */
static enum error take_mappings(struct skeleton *k)
{
    if (k->mapped)
        return capdb_rows_at(k->db, ROW_MAPPING, k->n, &k->l.sets[ROW_MAPPING]);
    if (k->l.sets[ROW_TABLE].count)
        return ERR_OK;
    enum error e = take_rows(k, ROW_MAPPING, "\"table\" <> 0", 0, 0, &k->l.sets[ROW_MAPPING]);
    rowset_sort(&k->l.sets[ROW_MAPPING]);
    return e;
}

/* Threads and translations stand in the order of the first capability to a thread or directory: does a
 * frame begin at the address of one, whose capability could be the first? */
static enum error check_order(struct skeleton *k)
{
    static const enum row_kind kinds[] = {ROW_THREAD, ROW_MAPPING};
    char sql[160];
    struct key_list list;
    size_t count = (size_t)k->l.sets[ROW_THREAD].count + k->l.sets[ROW_MAPPING].count;
    if (!key_list_begin(&list, count))
        return no_memory(k);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        for (uint32_t r = 0; r < k->l.sets[kinds[i]].count; r++)
            list.keys[list.count++] = k->l.sets[kinds[i]].rows[r].v[0];
    bool ready = key_list_sort(&list);
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM object_row o WHERE o.addr IN (SELECT key FROM capdb_keys)"
             " AND o.type = %d AND o.t0 <= %u AND o.t1 > %u",
             RECORD_CAP_FRAME, k->n, k->n);
    k->db->keys = &list;
    int64_t frames = ready ? capdb_int(k->db, sql, 1) : 0;
    k->db->keys = NULL;
    key_list_free(&list);
    return !ready ? no_memory(k) : frames ? ERR_UNSUPPORTED : ERR_OK;
}

enum error skeleton_begin(struct capdb *db, uint32_t n, bool mapped, struct skeleton *out)
{
    *out = (struct skeleton){.db = db, .n = n, .mapped = mapped, .l = {.db = db, .n = n}};
    enum error e = capdb_heads_at(db, n, out->heads);
    if (e == ERR_OK)
        e = take_caps(out);
    if (e == ERR_OK)
        e = take_objects(out);
    for (int kind = 0; e == ERR_OK && kind < ROW_KINDS; kind++)
        if (kind != ROW_CAP && kind != ROW_OBJECT && kind != ROW_MAPPING)
            e = capdb_rows_at(db, (enum row_kind)kind, n, &out->l.sets[kind]);
    if (e == ERR_OK)
        e = take_mappings(out);
    return e == ERR_OK ? check_order(out) : e;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* Where capabilities to frames are taken up: all to the same frames come along, and what they derive
 * from. */
struct taking_up {
    struct rowset found;
    struct key_list lives, parents;
};

static bool room_for(struct key_list *list, size_t room)
{
    key_list_free(list);
    return key_list_begin(list, room);
}

static enum error know_caps(struct skeleton *k)
{
    const struct rowset *caps = &k->l.sets[ROW_CAP];
    if (k->caps.count)
        return ERR_OK;
    for (uint32_t i = 0; i < caps->count; i++)
        if (!part_map_put(&k->caps, caps->rows[i].v[CAP_COL_id]))
            return no_memory(k);
    return ERR_OK;
}

static bool is_there(const struct skeleton *k, int64_t id)
{
    return part_map_at(&k->caps, id)->used;
}

static enum error keep(struct skeleton *k, const struct row *cap)
{
    if (is_there(k, cap->v[CAP_COL_id]))
        return ERR_OK;
    if (!part_map_put(&k->caps, cap->v[CAP_COL_id]))
        return no_memory(k);
    return rowset_add(&k->l.sets[ROW_CAP], cap) ? ERR_OK : no_memory(k);
}

/* Their frames, each once. */
static enum error list_lives(struct skeleton *k, struct taking_up *t)
{
    if (!room_for(&t->lives, t->found.count))
        return no_memory(k);
    for (uint32_t i = 0; i < t->found.count; i++) {
        int64_t life = t->found.rows[i].v[CAP_COL_object];
        uint32_t before = k->frames.count;
        if (!part_map_put(&k->frames, life))
            return no_memory(k);
        if (k->frames.count > before)
            t->lives.keys[t->lives.count++] = life;
    }
    return ERR_OK;
}

static enum error take_frames(struct skeleton *k, struct taking_up *t)
{
    enum error e = list_lives(k, t);
    uint32_t count = t->lives.count;
    if (e == ERR_OK)
        e = take_listed(k, ROW_OBJECT, "id", &t->lives, &k->l.sets[ROW_OBJECT]);
    t->lives.count = count;
    return e == ERR_OK ? take_listed(k, ROW_CAP, "object", &t->lives, &t->found) : e;
}

static enum error keep_found(struct skeleton *k, struct taking_up *t)
{
    enum error e = room_for(&t->parents, t->found.count) ? ERR_OK : no_memory(k);
    for (uint32_t i = 0; e == ERR_OK && i < t->found.count; i++)
        e = keep(k, &t->found.rows[i]);
    for (uint32_t i = 0; e == ERR_OK && i < t->found.count; i++) {
        int64_t parent = t->found.rows[i].v[CAP_COL_parent];
        if (parent != 0 && !is_there(k, parent))
            t->parents.keys[t->parents.count++] = parent;
    }
    t->found.count = 0;
    return e;
}

/* A parent that is not there ends it: then the state will not be built. */
static enum error take_up(struct skeleton *k, struct taking_up *t)
{
    enum error e = know_caps(k);
    while (e == ERR_OK && t->found.count) {
        if (t->found.count > MOST)
            return ERR_UNSUPPORTED;
        e = take_frames(k, t);
        if (e == ERR_OK)
            e = keep_found(k, t);
        if (e == ERR_OK)
            e = take_listed(k, ROW_CAP, "id", &t->parents, &t->found);
    }
    return e;
}

static void taking_up_free(struct taking_up *t)
{
    rowset_free(&t->found);
    key_list_free(&t->lives);
    key_list_free(&t->parents);
}

static enum error find_over(struct skeleton *k, uint64_t addr, struct rowset *found)
{
    struct capdb_covers covers;
    enum error e = capdb_covers_at(k->db, k->n, addr, &covers);
    for (uint32_t i = 0; e == ERR_OK && i < covers.count; i++)
        if (covers.list[i].type == RECORD_CAP_FRAME)
            e = take_rows(k, ROW_CAP, "type = ?2 AND object = ?3", covers.list[i].life, 0, found);
    return e;
}

enum error skeleton_add_at(struct skeleton *k, uint64_t addr)
{
    struct taking_up t = {0};
    enum error e = find_over(k, addr, &t.found);
    if (e == ERR_OK)
        e = take_rows(k, ROW_CAP, "type = ?2 AND slot = ?3", (int64_t)addr, 0, &t.found);
    if (e == ERR_OK)
        e = take_up(k, &t);
    taking_up_free(&t);
    return e;
}

/* --- what a revoke takes --------------------------------------------------------------------- */

static bool is_frame(const struct capstate *s, int32_t slot)
{
    return s->slots[slot].rec.type == RECORD_CAP_FRAME;
}

/* What stands between the root and what follows it, in derivation order: frames below it, and perhaps
 * some beside it.  A frame's own ancestors may be frames, back to the first that is none. */
static enum error find_below(struct skeleton *k, const struct capstate *s, int32_t root,
                             struct rowset *found)
{
    int32_t last = s->slots[root].next;
    int32_t first = root;
    while (first >= 0 && is_frame(s, first))
        first--;
    while (last < (int32_t)s->slot_count && is_frame(s, last))
        last++;
    return take_rows(k, ROW_CAP, "type = ?2 AND pos > ?3 AND pos < ?4",
                     first < 0 ? INT64_MIN : k->l.caps[first].pos,
                     last == (int32_t)s->slot_count ? INT64_MAX : k->l.caps[last].pos, found);
}

static enum error find_in(struct skeleton *k, const struct capstate_object *o, struct rowset *found)
{
    const uint64_t last = o->addr + (((uint64_t)1 << o->bits) - 1);
    return take_indexed(k, ROW_CAP, "type = ?2 AND slot BETWEEN ?3 AND ?4", (int64_t)o->addr,
                        (int64_t)last, found);
}

static enum error find_in_ended(struct skeleton *k, const struct capstate *s, const bool *gone,
                                struct rowset *found)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        bool holds = o->type == RECORD_CAP_CNODE || o->type == RECORD_CAP_TCB ||
                     o->type == RECORD_CAP_ZOMBIE;
        if (holds && toll_ends(s, gone, (int32_t)i))
            e = find_in(k, o, found);
    }
    return e;
}

enum error skeleton_add_revoked(struct skeleton *k, const struct capstate *state, int32_t root,
                                const bool *gone)
{
    struct taking_up t = {0};
    enum error e = find_below(k, state, root, &t.found);
    if (e == ERR_OK)
        e = find_in_ended(k, state, gone, &t.found);
    if (e == ERR_OK)
        e = take_up(k, &t);
    taking_up_free(&t);
    return e;
}

/* --- the state ------------------------------------------------------------------------------- */

static enum error check_borders(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        uint32_t bits = o->bits < LARGEST_BITS ? o->bits : LARGEST_BITS;
        if (o->addr & (((uint64_t)1 << bits) - 1))
            return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

enum error skeleton_state(struct skeleton *k, struct capstate *out)
{
    free(k->l.caps);
    free(k->l.ranks);
    k->l.caps = NULL;
    k->l.ranks = NULL;
    if (!rowset_order(&k->l.sets[ROW_OBJECT], row_first, NULL))
        return no_memory(k);
    capstate_init(out);
    k->l.state = out;
    enum error e = loading_build_part(&k->l, k->heads);
    out->part = true;
    out->all_mapped = k->mapped;
    if (e == ERR_OK)
        e = check_borders(out);
    if (e != ERR_OK)
        capstate_free(out);
    return e;
}

void skeleton_free(struct skeleton *k)
{
    loading_free(&k->l);
    free(k->caps.entry);
    free(k->frames.entry);
    *k = (struct skeleton){0};
}
