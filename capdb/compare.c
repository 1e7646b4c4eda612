/* Which slots differ from the snapshot before, in one pass over both.
 *
 * Both lists are in derivation order, and mostly the same: as long as addresses agree neighbours are
 * compared with neighbours, and only where they do not is a slot looked up in the other list. */
#include "capdb/compare.h"

#include "capdb/sum.h"

#include "authority/conveys.h"

#include <stdlib.h>
#include <string.h>

static const struct capstate nothing;

static bool allocate(struct comparison *c)
{
    struct room *room = c->db->recorder->scratch;
    size_t now = c->now->slot_count + (size_t)1;
    size_t old = c->old->slot_count + (size_t)1;
    size_t objects = c->now->object_count + (size_t)1;
    size_t old_objects = c->old->object_count + (size_t)1;
    c->match = room_take(&room[0], now * sizeof(*c->match));
    c->parent = room_take(&room[1], now * sizeof(*c->parent));
    c->open = room_take(&room[2], now);
    c->mark = room_take(&room[3], old);
    c->old_object = room_take(&room[4], objects * sizeof(*c->old_object));
    c->object_mark = room_take(&room[5], old_objects);
    c->suspect = room_take(&room[6], objects);
    if (!c->match || !c->parent || !c->open || !c->mark || !c->old_object || !c->object_mark ||
        !c->suspect)
        return false;
    memset(c->open, 0, now);
    memset(c->mark, 0, old);
    memset(c->object_mark, 0, old_objects);
    memset(c->suspect, 0, objects);
    return true;
}

/* --- one slot and another -------------------------------------------------------------------- */

static bool same_fields(const struct record_slot *a, const struct record_slot *b)
{
    return a->addr == b->addr && a->depth == b->depth && a->type == b->type &&
           a->object == b->object && a->bits == b->bits && a->rights == b->rights &&
           a->flags == b->flags && a->data == b->data && a->extra == b->extra &&
           a->level == b->level && a->place == b->place;
}

/* Byte for byte first: what lies between fields seldom differs. */
static bool same_record(const struct record_slot *a, const struct record_slot *b)
{
    return memcmp(a, b, sizeof(*a)) == 0 || same_fields(a, b);
}

/* Can domains and islands depend on a capability in one way, and not in the other? */
static bool conveys_same(const struct record_slot *a, const struct record_slot *b)
{
    return a->type == b->type && a->object == b->object && a->bits == b->bits &&
           a->rights == b->rights && a->flags == b->flags && a->data == b->data &&
           a->extra == b->extra;
}

static void note_conveyed(struct comparison *c, const struct record_slot *r)
{
    enum authority_conveys conveys = authority_conveys(r->type);
    c->leads |= authority_leads_on(r->type);
    c->channels |= conveys != CONVEYS_NOTHING && conveys != CONVEYS_FLOW;
}

/* A watermark that moved conveys nothing new. */
static bool only_watermark(const struct record_slot *a, const struct record_slot *b)
{
    struct record_slot c = *a;
    c.data = b->data;
    return a->type == RECORD_CAP_UNTYPED && conveys_same(&c, b);
}

static void note_change(struct comparison *c, const struct record_slot *old,
                        const struct record_slot *now)
{
    if (old && (conveys_same(old, now) || only_watermark(old, now)))
        return;
    note_conveyed(c, now);
    if (old)
        note_conveyed(c, old);
}

/* --- all of them ----------------------------------------------------------------------------- */

/* The slot of old at this address that no other slot of now stands for; next: behind the last. */
static int32_t place_of(const struct comparison *c, uint64_t addr, uint32_t next)
{
    if (next < c->old->slot_count && c->old->slots[next].rec.addr == addr)
        return c->mark[next] & OLD_SEEN ? -1 : (int32_t)next;
    int32_t p = c->old->slot_count ? capstate_slot_at(c->old, addr) : -1;
    return p >= 0 && c->mark[p] & OLD_SEEN ? -1 : p;
}

static void compare_slot(struct comparison *c, uint32_t i, bool same_neighbour)
{
    const struct record_slot *r = &c->now->slots[i].rec;
    int32_t p = c->match[i];
    const struct record_slot *old = p < 0 ? NULL : &c->old->slots[p].rec;
    if (old && same_record(old, r)) {
        c->mark[p] |= same_neighbour ? OLD_SEEN | OLD_STABLE : OLD_SEEN;
        if (!same_neighbour)
            c->next->slot_sum += sum_of_slot(c->now, i);
        return;
    }
    if (old)
        c->mark[p] |= OLD_SEEN;
    c->open[i] = 1;
    c->next->slot_sum += sum_of_slot(c->now, i);
    note_change(c, old, r);
}

static void compare_slots(struct comparison *c)
{
    uint32_t next = 0;
    int32_t before = -1;
    c->next->slot_sum = c->old->slot_count ? c->before->slot_sum : 0;
    for (uint32_t i = 0; i < c->now->slot_count; i++) {
        int32_t p = place_of(c, c->now->slots[i].rec.addr, next);
        c->match[i] = p;
        c->parent[i] = c->now->slots[i].parent;
        compare_slot(c, i, p == before + 1 && (i == 0 || before >= 0));
        next = p >= (int32_t)next ? (uint32_t)p + 1 : next;
        before = p;
    }
}

/* What is not as it was leaves the sum; what is gone altogether may have conveyed something. */
static void leave_sum(struct comparison *c)
{
    for (uint32_t p = 0; p < c->old->slot_count; p++) {
        if (c->mark[p] & OLD_STABLE)
            continue;
        c->next->slot_sum -= sum_of_slot(c->old, p);
        if (!(c->mark[p] & OLD_SEEN))
            note_conveyed(c, &c->old->slots[p].rec);
    }
}

/* The terms of all slots are others when the format or the width of slots is. */
static bool comparable(const struct capstate *a, const struct capstate *b)
{
    return record_slot_bits(&a->snapshot) == record_slot_bits(&b->snapshot) &&
           a->snapshot.format == b->snapshot.format;
}

enum error comparison_begin(struct comparison *c, struct capdb *db, const struct mirror *before,
                            struct mirror *next, bool anew)
{
    anew |= !before->caps || !comparable(&before->state, &next->state);
    *c = (struct comparison){.db = db,
                             .old = anew ? &nothing : &before->state,
                             .now = &next->state,
                             .before = before,
                             .next = next,
                             .first_new = db->recorder->next.cap};
    if (!allocate(c))
        return capdb_fail(db, ERR_NO_MEMORY, "out of memory");
    compare_slots(c);
    leave_sum(c);
    return ERR_OK;
}
