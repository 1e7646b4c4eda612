/* A snapshot without frames: see skeleton.h.
 *
 * What may be left out without a trace is a frame that is aligned to its size, while all else is
 * aligned to the largest frame: then each frame lies in another object, or around it, or apart from
 * it, never across its border.  At an address where several begin, the smallest is meant: for a
 * thread that waits that is no frame of 4 KiB or more. */
#include "capdb/skeleton.h"

#include "capdb/keyframe.h"
#include "facts/toll.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8000, SQL_BYTES = 320 };
enum { OBJECT_ID, OBJECT_TYPE, OBJECT_ADDR };
enum { MAPPING_DIR = 0, MAPPING_FRAME = 3, MAPPING_RIGHTS = 5, MAPPING_TABLE = 7, MAPPING_TOLD };
enum { IRQ_SLOT = 2 };

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
    return capdb_take_sparse(k->db, ROW_CAP, k->n, doing, &k->l.sets[ROW_CAP]);
}

/* Those that do not begin at a multiple of their size have an index of their own. */
static enum error check_frames_lie_well(struct skeleton *k)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM object_row WHERE bits BETWEEN 1 AND 62"
             " AND addr & ((1 << bits) - 1) <> 0 AND type = %d AND t0 <= %u AND t1 > %u",
             RECORD_CAP_FRAME, k->n, k->n);
    return capdb_int(k->db, sql, 1) ? ERR_UNSUPPORTED : ERR_OK;
}

/* A frame of an odd size comes along, and says so. */
static enum error take_objects(struct skeleton *k)
{
    struct rowset *set = &k->l.sets[ROW_OBJECT];
    enum error e = capdb_take_sparse(k->db, ROW_OBJECT, k->n, doing, set);
    for (uint32_t i = 0; e == ERR_OK && i < set->count; i++)
        if (set->rows[i].v[OBJECT_TYPE] == RECORD_CAP_FRAME)
            e = ERR_UNSUPPORTED;
    return e == ERR_OK ? check_frames_lie_well(k) : e;
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
    return k->caps.entry && part_map_at(&k->caps, id)->used;
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

/* Behind the lives that are listed. */
static enum error list_more(struct skeleton *k, struct taking_up *t, const struct rowset *frames)
{
    struct key_list all;
    if (!key_list_begin(&all, (size_t)t->lives.count + frames->count))
        return no_memory(k);
    memcpy(all.keys, t->lives.keys, t->lives.count * sizeof(*all.keys));
    all.count = t->lives.count;
    key_list_free(&t->lives);
    t->lives = all;
    for (uint32_t i = 0; i < frames->count; i++) {
        const struct row *o = &frames->rows[i];
        uint32_t before = k->frames.count;
        if (o->v[OBJECT_TYPE] != RECORD_CAP_FRAME)
            continue;
        if (!part_map_put(&k->frames, o->v[OBJECT_ID]))
            return no_memory(k);
        if (k->frames.count == before)
            continue;
        if (!rowset_add(&k->l.sets[ROW_OBJECT], o))
            return no_memory(k);
        t->lives.keys[t->lives.count++] = o->v[OBJECT_ID];
    }
    return ERR_OK;
}

/* A translation leads to the largest of the frames that begin at its address, and frames of one place
 * and size are one object: those at one address stay together. */
static enum error take_beside(struct skeleton *k, struct taking_up *t, uint32_t first)
{
    const struct rowset *objects = &k->l.sets[ROW_OBJECT];
    struct rowset beside = {0};
    struct key_list at;
    if (!key_list_begin(&at, objects->count - first))
        return no_memory(k);
    for (uint32_t i = first; i < objects->count; i++)
        at.keys[at.count++] = objects->rows[i].v[OBJECT_ADDR];
    enum error e = take_listed(k, ROW_OBJECT, "addr", &at, &beside);
    if (e == ERR_OK)
        e = list_more(k, t, &beside);
    key_list_free(&at);
    rowset_free(&beside);
    return e;
}

static enum error take_frames(struct skeleton *k, struct taking_up *t)
{
    enum error e = list_lives(k, t);
    uint32_t count = t->lives.count;
    uint32_t first = k->l.sets[ROW_OBJECT].count;
    if (e == ERR_OK)
        e = take_listed(k, ROW_OBJECT, "id", &t->lives, &k->l.sets[ROW_OBJECT]);
    t->lives.count = count;
    if (e == ERR_OK && k->edges)
        e = take_beside(k, t, first);
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
    if (e == ERR_OK && covers.count == CAPDB_COVERS)
        e = ERR_UNSUPPORTED; /* there may be more */
    for (uint32_t i = 0; e == ERR_OK && i < covers.count; i++)
        if (covers.list[i].type == RECORD_CAP_FRAME)
            e = take_indexed(k, ROW_CAP, "type = ?2 AND object = ?3", covers.list[i].life, 0,
                             found);
    return e;
}

enum error skeleton_add_at(struct skeleton *k, uint64_t addr)
{
    struct taking_up t = {0};
    enum error e = find_over(k, addr, &t.found);
    if (e == ERR_OK)
        e = take_indexed(k, ROW_CAP, "type = ?2 AND slot = ?3", (int64_t)addr, 0, &t.found);
    if (e == ERR_OK)
        e = take_up(k, &t);
    taking_up_free(&t);
    return e;
}

/* --- who gets at what ------------------------------------------------------------------------- */

static bool holds_slots(uint32_t type)
{
    return type == RECORD_CAP_CNODE || type == RECORD_CAP_TCB || type == RECORD_CAP_ZOMBIE;
}

/* Rows of frames in the memory of objects: capabilities by their slots, frames by their addresses. */
struct between {
    enum row_kind kind;
    const char *where;
    bool (*takes)(const struct capstate *s, const bool *mark, uint32_t object);
};

static bool is_marked_holder(const struct capstate *s, const bool *mark, uint32_t object)
{
    return mark[object] && holds_slots(s->objects[object].type);
}

/* Of untyped memory within other the outer one. */
static bool is_marked_memory(const struct capstate *s, const bool *mark, uint32_t object)
{
    return mark[object] && s->objects[object].type == RECORD_CAP_UNTYPED;
}

static const struct between slots_between = {
    ROW_CAP, "t0 <= ?1 AND t1 > ?1 AND type = ?2 AND slot BETWEEN ?3 AND ?4", is_marked_holder};
static const struct between frames_between = {
    ROW_OBJECT, "t0 <= ?1 AND t1 > ?1 AND type = ?2 AND addr BETWEEN ?3 AND ?4", is_marked_memory};

/* How many, as far as that is of interest. */
static enum error prepare_count(struct skeleton *k, const struct between *b, sqlite3_stmt **out)
{
    char sql[SQL_BYTES];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d)",
             row_descs[b->kind].table, b->where, MOST + 1);
    return capdb_prepare(k->db, sql, out);
}

static void bind_range(const struct skeleton *k, sqlite3_stmt *st, int64_t low, int64_t high)
{
    const int64_t value[] = {k->n, RECORD_CAP_FRAME, low, high};
    for (int i = 0; i < 4; i++)
        sqlite3_bind_int64(st, i + 1, value[i]);
}

static enum error take_range(struct skeleton *k, const struct between *b, sqlite3_stmt *count,
                             sqlite3_stmt *take, const struct capstate_object *o,
                             struct rowset *out)
{
    enum error e = ERR_OK;
    int64_t low = (int64_t)o->addr;
    int64_t high = (int64_t)(o->addr + (((uint64_t)1 << (o->bits & 63)) - 1));
    if (o->bits > 63 || low > high)
        return ERR_UNSUPPORTED;
    bind_range(k, count, low, high);
    int64_t found = capdb_step(k->db, count, doing, &e) ? sqlite3_column_int64(count, 0) : 0;
    sqlite3_reset(count);
    if (e != ERR_OK || found == 0)
        return e;
    if (found + out->count > MOST)
        return ERR_UNSUPPORTED;
    bind_range(k, take, low, high);
    return capdb_take_rows(k->db, take, b->kind, doing, out);
}

/* Memory within memory that was looked through is not looked through again. */
static enum error take_between(struct skeleton *k, const struct between *b,
                               const struct capstate *s, const bool *mark, struct rowset *out)
{
    sqlite3_stmt *count = NULL;
    sqlite3_stmt *take = NULL;
    uint64_t done = 0; /* up to, not including */
    enum error e = prepare_count(k, b, &count);
    if (e == ERR_OK)
        e = capdb_prepare_rows(k->db, b->kind, b->where, &take);
    for (uint32_t i = 0; e == ERR_OK && i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        if (!b->takes(s, mark, i) || o->bits == 0 || (o->addr < done && b->kind == ROW_OBJECT))
            continue;
        e = take_range(k, b, count, take, o, out);
        done = o->addr + ((uint64_t)1 << (o->bits & 63));
    }
    sqlite3_finalize(count);
    sqlite3_finalize(take);
    return e;
}

/* All capabilities to frames among the objects. */
static enum error take_caps_to(struct skeleton *k, const struct rowset *objects,
                               struct rowset *found)
{
    struct key_list lives;
    if (objects->count > MOST)
        return ERR_UNSUPPORTED;
    if (!key_list_begin(&lives, objects->count))
        return no_memory(k);
    for (uint32_t i = 0; i < objects->count; i++)
        if (objects->rows[i].v[OBJECT_TYPE] == RECORD_CAP_FRAME)
            lives.keys[lives.count++] = objects->rows[i].v[OBJECT_ID];
    enum error e = take_listed(k, ROW_CAP, "object", &lives, found);
    key_list_free(&lives);
    return e;
}

static bool list_has(const struct key_list *list, int64_t key)
{
    size_t at = LOWER_BOUND(list->count, i, list->keys[i] < key);
    return at < list->count && list->keys[at] == key;
}

/* What the tables that begin at these addresses map. */
static enum error take_mapped(struct skeleton *k, const struct key_list *tables,
                              struct rowset *objects)
{
    const struct rowset *mappings = &k->l.sets[ROW_MAPPING];
    struct key_list frames;
    if (!key_list_begin(&frames, mappings->count))
        return no_memory(k);
    for (uint32_t i = 0; i < mappings->count; i++) {
        const int64_t *v = mappings->rows[i].v;
        if (list_has(tables, v[MAPPING_TABLE]) || list_has(tables, v[MAPPING_DIR]))
            frames.keys[frames.count++] = v[MAPPING_FRAME];
    }
    enum error e = key_list_sort(&frames) ? ERR_OK : no_memory(k);
    if (e == ERR_OK && frames.count > MOST)
        e = ERR_UNSUPPORTED;
    if (e == ERR_OK)
        e = take_listed(k, ROW_OBJECT, "addr", &frames, objects);
    key_list_free(&frames);
    return e;
}

static enum error find_mapped(struct skeleton *k, const struct capstate *s, const bool *mark,
                              struct rowset *found)
{
    struct rowset objects = {0};
    struct key_list tables;
    if (k->l.sets[ROW_MAPPING].count == 0)
        return ERR_OK;
    if (!key_list_begin(&tables, s->object_count))
        return no_memory(k);
    for (uint32_t i = 0; i < s->object_count; i++)
        if (mark[i])
            tables.keys[tables.count++] = (int64_t)s->objects[i].addr;
    enum error e = key_list_sort(&tables) ? ERR_OK : no_memory(k);
    if (e == ERR_OK)
        e = take_mapped(k, &tables, &objects);
    if (e == ERR_OK)
        e = take_caps_to(k, &objects, found);
    key_list_free(&tables);
    rowset_free(&objects);
    return e;
}

enum error skeleton_add_held(struct skeleton *k, const struct capstate *state, const bool *mark)
{
    struct taking_up t = {0};
    enum error e = take_between(k, &slots_between, state, mark, &t.found);
    if (e == ERR_OK)
        e = find_mapped(k, state, mark, &t.found);
    if (e == ERR_OK)
        e = take_up(k, &t);
    taking_up_free(&t);
    return e;
}

enum error skeleton_add_inside(struct skeleton *k, const struct capstate *state, const bool *mark)
{
    struct rowset objects = {0};
    struct taking_up t = {0};
    enum error e = take_between(k, &frames_between, state, mark, &objects);
    if (e == ERR_OK)
        e = take_caps_to(k, &objects, &t.found);
    if (e == ERR_OK)
        e = take_up(k, &t);
    rowset_free(&objects);
    taking_up_free(&t);
    return e;
}

/* A frame that says by itself where it is might be one with others that do not. */
static enum error check_frames(const struct skeleton *k)
{
    const struct rowset *caps = &k->l.sets[ROW_CAP];
    for (uint32_t i = 0; i < caps->count; i++)
        if (caps->rows[i].v[CAP_COL_type] == RECORD_CAP_FRAME)
            return ERR_UNSUPPORTED;
    return ERR_OK;
}

/* What an interrupt signals is in its slot, whatever that is. */
static enum error add_signalled(struct skeleton *k)
{
    const struct rowset *irqs = &k->l.sets[ROW_IRQ];
    struct taking_up t = {0};
    struct key_list slots;
    uint32_t kept = 0;
    if (!key_list_begin(&slots, irqs->count))
        return no_memory(k);
    for (uint32_t i = 0; i < irqs->count; i++)
        if (irqs->rows[i].v[IRQ_SLOT])
            slots.keys[slots.count++] = irqs->rows[i].v[IRQ_SLOT];
    enum error e = take_listed(k, ROW_CAP, "slot", &slots, &t.found);
    for (uint32_t i = 0; i < t.found.count; i++)
        if (t.found.rows[i].v[CAP_COL_type] == RECORD_CAP_FRAME)
            t.found.rows[kept++] = t.found.rows[i];
    t.found.count = kept;
    if (e == ERR_OK)
        e = take_up(k, &t);
    key_list_free(&slots);
    taking_up_free(&t);
    return e;
}

/* With those that are left out: each begins at a multiple of its size, which is more than the number of its
 * bits. */
static enum error take_bases(struct skeleton *k)
{
    sqlite3_stmt *st;
    size_t room = 0;
    enum error e = capdb_prepare(
        k->db, "SELECT addr | bits FROM object_row WHERE type = ?2 AND t0 <= ?1 AND t1 > ?1", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, k->n);
    sqlite3_bind_int64(st, 2, RECORD_CAP_FRAME);
    while (e == ERR_OK && capdb_step(k->db, st, doing, &e)) {
        int64_t *grown = array_room(k->bases.keys, k->bases.count, &room, sizeof(*grown));
        if (!grown) {
            e = no_memory(k);
            break;
        }
        k->bases.keys = grown;
        grown[k->bases.count++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return e == ERR_OK && !key_list_sort(&k->bases) ? no_memory(k) : e;
}

enum error skeleton_begin_edges(struct capdb *db, uint32_t n, struct skeleton *out)
{
    struct rowset *mappings = &out->l.sets[ROW_MAPPING];
    enum error e = skeleton_begin(db, n, true, out);
    out->edges = true;
    if (e == ERR_OK)
        e = check_frames(out);
    if (e == ERR_OK && mappings->count)
        e = take_bases(out);
    for (uint32_t i = 0; e == ERR_OK && i < mappings->count; i++)
        mappings->rows[i].v[MAPPING_TOLD] = mappings->rows[i].v[MAPPING_RIGHTS];
    return e == ERR_OK ? add_signalled(out) : e;
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
        if (holds_slots(o->type) && toll_ends(s, gone, (int32_t)i))
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
        uint32_t bits = o->bits < FRAME_BITS_MAX ? o->bits : FRAME_BITS_MAX;
        if (o->addr & (((uint64_t)1 << bits) - 1))
            return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static bool waits(const struct record_thread *t)
{
    return t->blocked_on && (t->state == RECORD_THREAD_BLOCKED_ON_SEND ||
                             t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
                             t->state == RECORD_THREAD_BLOCKED_ON_NOTIFICATION);
}

/* Who waits does so at the smallest thing that begins there: is that smaller than a frame? */
static enum error check_waiting(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        int32_t at = waits(t) ? capstate_object_at(s, t->blocked_on) : -1;
        if (waits(t) && (at < 0 || s->objects[at].type == RECORD_CAP_UNTYPED ||
                         s->objects[at].bits >= FRAME_BITS_MIN))
            return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

/* Does a frame begin at the address? Does one hold it? */
static bool is_base(const struct skeleton *k, int64_t addr)
{
    for (int bits = FRAME_BITS_MIN; bits <= FRAME_BITS_MAX; bits++)
        if (list_has(&k->bases, addr | bits) && (addr & ((1 << bits) - 1)) == 0)
            return true;
    return false;
}

static bool lies_in_frame(const struct skeleton *k, int64_t addr)
{
    for (int bits = FRAME_BITS_MIN; bits <= FRAME_BITS_MAX; bits++)
        if (list_has(&k->bases, (int64_t)((uint64_t)addr >> bits << bits) | bits))
            return true;
    return false;
}

/* Without its frame a translation would seem to lead to what lies around that: it allows nothing then.
 * To what no capability refers it leads as in the whole. */
static enum error settle_mappings(struct skeleton *k)
{
    const struct rowset *objects = &k->l.sets[ROW_OBJECT];
    struct rowset *mappings = &k->l.sets[ROW_MAPPING];
    struct key_list here;
    if (!key_list_begin(&here, objects->count))
        return no_memory(k);
    for (uint32_t i = 0; i < objects->count; i++)
        if (objects->rows[i].v[OBJECT_TYPE] == RECORD_CAP_FRAME)
            here.keys[here.count++] = objects->rows[i].v[OBJECT_ADDR];
    enum error e = key_list_sort(&here) ? ERR_OK : no_memory(k);
    for (uint32_t i = 0; e == ERR_OK && i < mappings->count; i++) {
        int64_t *v = mappings->rows[i].v;
        bool left_out = !list_has(&here, v[MAPPING_FRAME]);
        if (left_out && !is_base(k, v[MAPPING_FRAME])) {
            left_out = false;
            e = lies_in_frame(k, v[MAPPING_FRAME]) ? ERR_UNSUPPORTED : ERR_OK;
        }
        v[MAPPING_RIGHTS] = left_out ? 0 : v[MAPPING_TOLD];
    }
    key_list_free(&here);
    return e;
}

enum error skeleton_state(struct skeleton *k, struct capstate *out)
{
    if (k->edges && k->l.sets[ROW_MAPPING].count) {
        enum error e = settle_mappings(k);
        if (e != ERR_OK)
            return e;
    }
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
    if (e == ERR_OK && k->edges)
        e = check_waiting(out);
    if (e != ERR_OK)
        capstate_free(out);
    return e;
}

void skeleton_free(struct skeleton *k)
{
    loading_free(&k->l);
    free(k->caps.entry);
    free(k->frames.entry);
    key_list_free(&k->bases);
    *k = (struct skeleton){0};
}
