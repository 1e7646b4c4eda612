/* What the recorder remembers of the newest snapshot, taken from the file when it is continued. */
#include "capdb/elements.h"
#include "capdb/recorder.h"
#include "capdb/sum.h"

#include <stdlib.h>
#include <string.h>

void *room_take(struct room *room, size_t bytes)
{
    if (bytes > room->size) {
        size_t size = bytes + bytes / 8;
        room_free(room);
        room->at = malloc(size);
        room->size = room->at ? size : 0;
    }
    return room->at;
}

void room_free(struct room *room)
{
    free(room->at);
    *room = (struct room){0};
}

void mirror_free(struct mirror *m)
{
    capstate_free(&m->state);
    room_free(&m->cap_room);
    room_free(&m->object_room);
    for (int k = 0; k < ROW_KINDS; k++)
        free(m->rows[k]);
    free(m->names);
    free(m->domains);
    *m = (struct mirror){0};
}

bool mirror_allocate(struct mirror *m)
{
    const struct capstate *s = &m->state;
    bool all = true;
    m->caps = room_take(&m->cap_room, (s->slot_count + (size_t)1) * sizeof(*m->caps));
    m->objects = room_take(&m->object_room, (s->object_count + (size_t)1) * sizeof(*m->objects));
    m->names = calloc(s->thread_count + (size_t)1, sizeof(*m->names));
    m->domains = calloc(s->thread_count + (size_t)1, sizeof(*m->domains));
    for (int k = 0; k < ROW_KINDS; k++) {
        size_t count = elements_of(s, (enum row_kind)k).count;
        if (k != ROW_CAP && k != ROW_OBJECT)
            m->rows[k] = calloc(count + 1, sizeof(*m->rows[k]));
        all &= m->rows[k] || k == ROW_CAP || k == ROW_OBJECT;
    }
    return all && m->caps && m->objects && m->names && m->domains;
}

static uint64_t state_size(const struct capstate *s)
{
    uint64_t size = s->slot_count * (sizeof(*s->slots) + 2 * sizeof(uint64_t)) +
                    s->object_count * (sizeof(*s->objects) + 2 * sizeof(int32_t)) +
                    s->thread_count * (sizeof(*s->threads) + 3 * sizeof(uint64_t));
    for (int k = ROW_RUN + 1; k < ROW_KINDS; k++) {
        struct elements e = elements_of(s, (enum row_kind)k);
        size += e.count * e.stride;
    }
    return size;
}

uint64_t mirror_size(const struct mirror *m)
{
    uint64_t size = state_size(&m->state) + m->state.slot_count * sizeof(*m->caps) +
                    m->state.object_count * sizeof(*m->objects) +
                    2 * m->state.thread_count * sizeof(int64_t);
    for (int k = ROW_THREAD; k < ROW_KINDS; k++)
        size += elements_of(&m->state, (enum row_kind)k).count * sizeof(int64_t);
    return size;
}

/* --- from the file --------------------------------------------------------------------------- */

/* set: in derivation order, as below. */
static bool take_caps(struct mirror *m, const struct rowset *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->rows[i].v[CAP_COL_slot] != (int64_t)m->state.slots[i].rec.addr)
            return false;
        const int64_t *v = set->rows[i].v;
        m->caps[i] = (struct kept_cap){v[CAP_COL_id], v[CAP_COL_pos], set->rows[i].row};
    }
    return true;
}

/* Each object is that of its first capability, whose row knows its life; the domain of what holds
 * capabilities stands with each of them.  caps: in the order of the state's slots. */
static bool take_objects(struct mirror *m, const struct rowset *caps, const struct rowset *objects)
{
    for (uint32_t k = 0; k < m->state.object_count; k++) {
        int32_t slot = m->state.objects[k].first_slot;
        const struct row *row =
            slot < 0 ? NULL : rowset_find(objects, caps->rows[slot].v[CAP_COL_object]);
        if (!row)
            return false;
        m->objects[k] = (struct kept_object){.life = row->v[0], .row = row->row};
    }
    for (uint32_t i = 0; i < m->state.slot_count; i++)
        if (m->state.slots[i].holder >= 0)
            m->objects[m->state.slots[i].holder].domain = caps->rows[i].v[CAP_COL_domain];
    return true;
}

static bool take_runs(struct mirror *m, const struct rowset *set)
{
    for (uint32_t i = 0; i < m->state.thread_count; i++) {
        const struct row *row = rowset_find(set, (int64_t)m->state.threads[i].rec.addr);
        if (!row)
            return false;
        m->rows[ROW_RUN][i] = row->row;
    }
    return true;
}

/* The elements of the state were made of these rows, in this order. */
static bool take_elements(struct mirror *m, int kind, const struct rowset *set)
{
    struct elements e = elements_of(&m->state, (enum row_kind)kind);
    if (set->count != (e.count > e.first ? e.count - e.first : 0))
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        m->rows[kind][e.first + i] = set->rows[i].row;
    return true;
}

static void take_threads(struct mirror *m, const struct rowset *set)
{
    for (uint32_t i = 0; i < m->state.thread_count; i++) {
        m->names[i] = set->rows[i].v[1];
        m->domains[i] = set->rows[i].v[2];
    }
}

static enum error take_all(struct capdb *db, struct loading *l, struct mirror *m)
{
    bool good = l->sets[ROW_CAP].count == m->state.slot_count;
    if (!mirror_allocate(m) || !rowset_order(&l->sets[ROW_CAP], row_position, NULL))
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    good = good && take_caps(m, &l->sets[ROW_CAP]) &&
           take_objects(m, &l->sets[ROW_CAP], &l->sets[ROW_OBJECT]) &&
           take_runs(m, &l->sets[ROW_RUN]);
    for (int kind = 0; good && kind < ROW_KINDS; kind++)
        good = kind == ROW_CAP || kind == ROW_OBJECT || kind == ROW_RUN ||
               take_elements(m, kind, &l->sets[kind]);
    if (!good)
        return capdb_fail(db, ERR_CORRUPT, "is damaged: its last snapshot makes no sense");
    take_threads(m, &l->sets[ROW_THREAD]);
    m->slot_sum = sum_of_slots(&m->state);
    m->element_sum = sum_of_elements(&m->state);
    return ERR_OK;
}

enum error mirror_load(struct capdb *db, struct mirror *out)
{
    struct loading l = {.db = db, .n = db->count};
    *out = (struct mirror){0};
    if (db->count == 0)
        return ERR_OK;
    enum error e = capdb_load(db, db->count, &out->state);
    if (e == ERR_OK)
        e = loading_rows(&l);
    if (e == ERR_OK)
        e = take_all(db, &l, out);
    loading_free(&l);
    if (e != ERR_OK)
        mirror_free(out);
    return e;
}
