/* Rows of capabilities and objects: what became of those of the snapshot before.
 *
 * A row depends on its capability's record and id, on its parent's id, on the lives of its object and
 * of what holds it, and on the domain of that.  Where nothing that holds capabilities came, went or
 * changed hands, only slots that differ are looked at; else all are, in one pass. */
#include "capdb/compare.h"

#include <stdlib.h>

/* --- objects: which are the ones of before ---------------------------------------------------- */

/* An object lives on when a capability to it does, which has no other object meanwhile.  Flags stay those
 * that its life began with: the kernel changes none. */
static bool lives_on(const struct comparison *c, uint32_t object)
{
    for (int32_t slot = c->now->objects[object].first_slot; slot >= 0;
         slot = c->now->slots[slot].next_same)
        if (c->next->caps[slot].id < c->first_new)
            return true;
    return false;
}

static void begin_life(struct comparison *c, uint32_t k)
{
    c->next->objects[k] = (struct kept_object){.life = c->db->recorder->next.object++};
    c->all_open |= object_holds_slots(c->now->objects[k].type);
}

/* The same object of old, -1; *q: the first of those that can be it or one behind it.  Both lists are
 * in the same order. */
static int32_t pair_object(const struct comparison *c, uint32_t k, uint32_t *q)
{
    const struct capstate_object *o = &c->now->objects[k];
    int order = -1;
    while (*q < c->old->object_count &&
           (order = capstate_object_compare(&c->old->objects[*q], o)) < 0)
        ++*q;
    return order == 0 ? (int32_t)(*q)++ : -1;
}

static void go_on(struct comparison *c, uint32_t k, uint32_t q)
{
    c->next->objects[k] = c->before->objects[q];
    c->object_mark[q] = OBJECT_LIVES;
}

/* Those with a new capability may have no other; all the rest lives on. */
static void find_lives(struct comparison *c)
{
    uint32_t next = 0;
    for (uint32_t k = 0; k < c->now->object_count; k++) {
        int32_t q = pair_object(c, k, &next);
        c->old_object[k] = q;
        if (q < 0 || (c->suspect[k] && !lives_on(c, k)))
            begin_life(c, k);
        else
            go_on(c, k, (uint32_t)q);
    }
    for (uint32_t q = 0; q < c->old->object_count; q++)
        c->all_open |= !c->object_mark[q] && object_holds_slots(c->old->objects[q].type);
}

void shape_objects(struct comparison *c)
{
    for (uint32_t i = 0; i < c->now->slot_count; i++)
        if (c->open[i] && c->now->slots[i].object >= 0 && c->next->caps[i].id >= c->first_new)
            c->suspect[c->now->slots[i].object] = 1;
    find_lives(c);
}

/* --- capabilities ---------------------------------------------------------------------------- */

static void fill_object(const struct mirror *m, const struct capstate_slot *slot, int64_t *v)
{
    const struct capstate_object *o = slot->object < 0 ? NULL : &m->state.objects[slot->object];
    v[CAP_COL_object] = o ? m->objects[slot->object].life : 0;
    v[CAP_COL_addr] = o && o->addr == slot->rec.object ? ROW_NULL : (int64_t)slot->rec.object;
    v[CAP_COL_bits] = o && o->bits == slot->rec.bits ? ROW_NULL : (int64_t)slot->rec.bits;
}

static struct row cap_row(const struct mirror *m, uint32_t i)
{
    const struct capstate_slot *slot = &m->state.slots[i];
    const struct record_slot *r = &slot->rec;
    const struct kept_object *holder = slot->holder < 0 ? NULL : &m->objects[slot->holder];
    struct row row = {.row = m->caps[i].row};
    fill_object(m, slot, row.v);
    row.v[CAP_COL_id] = m->caps[i].id;
    row.v[CAP_COL_parent] = slot->parent < 0 ? 0 : m->caps[slot->parent].id;
    row.v[CAP_COL_pos] = m->caps[i].pos;
    row.v[CAP_COL_slot] = (int64_t)r->addr;
    row.v[CAP_COL_holder] = holder ? holder->life : 0;
    row.v[CAP_COL_domain] = holder ? holder->domain : 0;
    row.v[CAP_COL_type] = r->type;
    row.v[CAP_COL_rights] = r->rights;
    row.v[CAP_COL_flags] = r->flags;
    row.v[CAP_COL_data] = (int64_t)r->data;
    row.v[CAP_COL_extra] = (int64_t)r->extra;
    row.v[CAP_COL_index] = slot->index;
    row.v[CAP_COL_level] = r->level;
    row.v[CAP_COL_place] = r->place;
    return row;
}

/* Does the row of before go on? */
static bool judge(struct comparison *c, uint32_t i)
{
    int32_t p = c->match[i];
    struct row now = cap_row(c->next, i);
    struct row then = {0};
    if (p >= 0)
        then = cap_row(c->before, (uint32_t)p);
    bool same = p >= 0 && row_compare(&now, &then) == 0;
    c->next->caps[i].row = same ? then.row : 0;
    if (same)
        c->mark[p] |= OLD_ROW;
    else if (p >= 0)
        c->mark[p] &= (uint8_t)~OLD_ROW;
    return same;
}

/* --- into the file --------------------------------------------------------------------------- */

/* Slots whose rows begin, by the id of their capability, new ones first: the number of a capability's
 * first row is its id. out: as many as there may be. */
static uint32_t slots_that_begin(struct comparison *c, struct sort_key *out)
{
    const int64_t new = c->db->recorder->next.cap - c->first_new;
    uint32_t found = 0;
    for (uint32_t i = 0; i < c->now->slot_count; i++)
        if ((c->all_open || c->open[i]) && !judge(c, i)) {
            const int64_t id = c->next->caps[i].id;
            out[found++] = (struct sort_key){id < c->first_new ? id + new : id - c->first_new, i};
        }
    keys_sort(out, found);
    return found;
}

static uint32_t count_open(const struct comparison *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->now->slot_count; i++)
        count += c->open[i];
    return c->all_open ? c->now->slot_count : count;
}

/* Numbers them in that order. */
static struct row *rows_that_begin(struct comparison *c, uint32_t *count)
{
    struct sort_key *order = malloc((count_open(c) + (size_t)1) * sizeof(*order));
    uint32_t found = order ? slots_that_begin(c, order) : 0;
    struct row *rows = order ? malloc((found + (size_t)1) * sizeof(*rows)) : NULL;
    for (uint32_t k = 0; rows && k < found; k++) {
        c->next->caps[order[k].index].row = c->db->recorder->next.row[ROW_CAP]++;
        rows[k] = cap_row(c->next, order[k].index);
    }
    *count = found;
    free(order);
    return rows;
}

/* Of all slots of the snapshot before, whether it is compared with or not. */
static int64_t *caps_that_end(const struct comparison *c, uint32_t *count)
{
    const struct mirror *m = c->before;
    uint32_t slots = m->caps ? m->state.slot_count : 0;
    uint32_t found = 0;
    for (uint32_t p = 0; p < slots; p++)
        found += comparison_anew(c) || !(c->mark[p] & OLD_ROW);
    int64_t *ended = malloc((found + (size_t)1) * sizeof(*ended));
    *count = 0;
    for (uint32_t p = 0; ended && p < slots; p++)
        if (comparison_anew(c) || !(c->mark[p] & OLD_ROW))
            ended[(*count)++] = m->caps[p].row;
    return ended;
}

enum error shape_put_caps(struct comparison *c, uint32_t t, struct blake2b *rows)
{
    uint32_t began_count = 0;
    uint32_t ended_count = 0;
    struct row *began = rows_that_begin(c, &began_count);
    int64_t *ended = caps_that_end(c, &ended_count);
    enum error e = began && ended ? changes_put(c->db, t, ROW_CAP, ended, ended_count, began,
                                                began_count, rows)
                                  : capdb_fail(c->db, ERR_NO_MEMORY, "out of memory");
    free(ended);
    free(began);
    return e;
}

static struct row object_row(const struct capstate_object *o, const struct kept_object *k)
{
    return (struct row){.row = k->row,
                        .v = {k->life, o->type, (int64_t)o->addr, o->bits, o->flags}};
}

static int rows_by_columns(const void *a, const void *b)
{
    return row_compare(a, b);
}

/* Numbered by life. */
static enum error objects_that_begin(struct comparison *c, struct rowset *out)
{
    for (uint32_t k = 0; k < c->now->object_count; k++) {
        if (c->next->objects[k].row)
            continue;
        struct row row = object_row(&c->now->objects[k], &c->next->objects[k]);
        row.row = k;
        if (!rowset_add(out, &row))
            return capdb_fail(c->db, ERR_NO_MEMORY, "out of memory");
    }
    if (out->count)
        qsort(out->rows, out->count, sizeof(*out->rows), rows_by_columns);
    for (uint32_t i = 0; i < out->count; i++) {
        int64_t row = c->db->recorder->next.row[ROW_OBJECT]++;
        c->next->objects[out->rows[i].row].row = row;
        out->rows[i].row = row;
    }
    return ERR_OK;
}

static int64_t *objects_that_end(const struct comparison *c, uint32_t *count)
{
    const struct mirror *m = c->before;
    uint32_t objects = m->objects ? m->state.object_count : 0;
    int64_t *ended = malloc((objects + (size_t)1) * sizeof(*ended));
    *count = 0;
    for (uint32_t q = 0; ended && q < objects; q++)
        if (comparison_anew(c) || !c->object_mark[q])
            ended[(*count)++] = m->objects[q].row;
    return ended;
}

enum error shape_put_objects(struct comparison *c, uint32_t t, struct blake2b *rows)
{
    struct rowset began = {0};
    uint32_t ended_count = 0;
    int64_t *ended = objects_that_end(c, &ended_count);
    enum error e =
        ended ? objects_that_begin(c, &began) : capdb_fail(c->db, ERR_NO_MEMORY, "out of memory");
    if (e == ERR_OK)
        e = changes_put(c->db, t, ROW_OBJECT, ended, ended_count, began.rows, began.count, rows);
    free(ended);
    rowset_free(&began);
    return e;
}
