/* What Retype and the derivation tree promise (paper 3.2.1), looked at in one snapshot: children
 * lie inside their parents, objects do not overlap, what lies in untyped memory derives from it and
 * lies below its watermark, and a child is no more than its parent gives. */
#include "authority/graph.h"

#include <stdlib.h>

struct retype {
    const struct authority *a;
    const struct capstate *s;
    authority_breach_fn add;
    void *ctx;
    int32_t
        *untyped_above;  /* by slot: the nearest capability above it to other, untyped memory, -1 */
    uint64_t *watermark; /* by node, for untyped memory: the highest of its capabilities */
    bool *told;          /* by node: its watermark is wrong, and a breach says so */
};

struct authority_breach authority_breach_make(enum authority_breach_kind kind)
{
    static const enum authority_weight weights[] = {
#define X(NAME, name, sentence, weight) [AUTHORITY_BREACH_##NAME] = AUTHORITY_##weight,
        AUTHORITY_BREACH_LIST(X)
#undef X
    };
    return (struct authority_breach){.kind = kind,
                                     .weight = weights[kind],
                                     .domain_a = -1,
                                     .domain_b = -1,
                                     .object = -1,
                                     .object_b = -1,
                                     .slot_a = -1,
                                     .slot_b = -1,
                                     .finding = -1};
}

static bool breach(const struct retype *r, enum authority_breach_kind kind, int32_t object,
                   int32_t object_b, int32_t slot_a, int32_t slot_b)
{
    struct authority_breach b = authority_breach_make(kind);
    b.object = object;
    b.object_b = object_b;
    b.slot_a = slot_a;
    b.slot_b = slot_b;
    return r->add(r->ctx, b);
}

static uint64_t object_end(const struct capstate_object *o)
{
    return (uint64_t)o->addr + ((uint64_t)1 << o->bits);
}

static bool inside(const struct capstate_object *inner, const struct capstate_object *outer)
{
    return inner->addr >= outer->addr && object_end(inner) <= object_end(outer);
}

/* --- parents --- */

/* What a control makes, besides copies of itself. */
static bool control_makes(uint32_t control, uint32_t type)
{
    switch (control) {
    case RECORD_CAP_IRQ_CONTROL:
        return type == RECORD_CAP_IRQ_HANDLER || type == RECORD_CAP_SGI_SIGNAL;
    case RECORD_CAP_IO_PORT_CONTROL:
        return type == RECORD_CAP_IO_PORT;
    case RECORD_CAP_SID_CONTROL:
        return type == RECORD_CAP_SID;
    case RECORD_CAP_CB_CONTROL:
        return type == RECORD_CAP_CB;
    default:
        return false;
    }
}

/* May a capability like `child` hang below one like `parent`? */
static bool parent_gives(const struct capstate *s, const struct capstate_slot *parent,
                         const struct capstate_slot *child)
{
    if (control_makes(parent->rec.type, child->rec.type))
        return true;
    switch (parent->rec.type) {
    case RECORD_CAP_SMC:
        return child->object == parent->object &&
               (parent->rec.data == 0 || parent->rec.data == child->rec.data);
    case RECORD_CAP_FRAME:
        return child->rec.type == RECORD_CAP_FRAME &&
               inside(&s->objects[child->object], &s->objects[parent->object]);
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        return child->object == parent->object &&
               (parent->rec.data == 0 || parent->rec.data == child->rec.data);
    default:
        return child->object == parent->object;
    }
}

static bool check_parent(const struct retype *r, uint32_t index)
{
    const struct capstate *s = r->s;
    const struct capstate_slot *slot = &s->slots[index];
    if (slot->parent < 0 || (slot->rec.flags & RECORD_SLOT_DEEP) || slot->object < 0)
        return true;
    const struct capstate_slot *parent = &s->slots[slot->parent];
    if (parent->object < 0)
        return true;
    bool untyped = parent->rec.type == RECORD_CAP_UNTYPED;
    bool within = s->objects[slot->object].bits != 0 &&
                  inside(&s->objects[slot->object], &s->objects[parent->object]);
    if (untyped ? within : parent_gives(s, parent, slot))
        return true;
    return breach(r, untyped ? AUTHORITY_BREACH_CHILD_OUTSIDE : AUTHORITY_BREACH_TREE, slot->object,
                  parent->object, (int32_t)index, slot->parent);
}

/* --- overlap --- */

/* Two objects that overlap: the later begins before the end of one that is neither it nor untyped
 * memory that holds it whole. `last` is the typed object that reaches furthest so far. */
static bool check_overlap(const struct retype *r)
{
    const struct capstate *s = r->s;
    int32_t last = -1;
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        if (o->bits == 0)
            continue;
        if (last >= 0 && o->addr < object_end(&s->objects[last]))
            ok = breach(r, AUTHORITY_BREACH_OVERLAP, (int32_t)i, last, o->first_slot,
                        s->objects[last].first_slot);
        bool typed = o->type != RECORD_CAP_UNTYPED;
        if (typed && (last < 0 || object_end(o) > object_end(&s->objects[last])))
            last = (int32_t)i;
    }
    return ok;
}

/* --- descent --- */

/* Parents stand before their children, so one pass finds what is above each. */
static void find_above(const struct retype *r)
{
    const struct capstate *s = r->s;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct capstate_slot *slot = &s->slots[i];
        const struct capstate_slot *parent = slot->parent < 0 ? NULL : &s->slots[slot->parent];
        bool copy = parent && parent->object == slot->object;
        r->untyped_above[i] = !parent ? -1
                              : parent->rec.type == RECORD_CAP_UNTYPED && !copy
                                  ? slot->parent
                                  : r->untyped_above[slot->parent];
        if (slot->rec.type == RECORD_CAP_UNTYPED && slot->object >= 0 &&
            slot->rec.data > r->watermark[slot->object])
            r->watermark[slot->object] = slot->rec.data;
    }
}

/* Sizes shrink from level to level, so that a longer chain is none. */
enum { UNTYPED_LEVELS = 64 };

static bool descends_from(const struct retype *r, int32_t slot, int32_t untyped)
{
    for (int level = 0; slot >= 0 && level < UNTYPED_LEVELS; level++) {
        slot = r->untyped_above[slot];
        if (slot >= 0 && r->s->slots[slot].object == untyped)
            return true;
    }
    return false;
}

static bool check_descent(const struct retype *r, uint32_t object)
{
    const struct capstate_object *o = &r->s->objects[object];
    int32_t untyped = r->a->enclosing[object];
    bool descends = false;
    bool ok = true;
    if (untyped < 0)
        return true;
    const struct capstate_object *u = &r->s->objects[untyped];
    for (int32_t slot = o->first_slot; slot >= 0; slot = r->s->slots[slot].next_same)
        descends = descends || descends_from(r, slot, untyped);
    if (!descends)
        ok = breach(r, AUTHORITY_BREACH_ORPHAN, (int32_t)object, untyped, o->first_slot,
                    u->first_slot);
    if (!ok || r->told[untyped] || object_end(o) <= (uint64_t)u->addr + r->watermark[untyped])
        return ok;
    r->told[untyped] = true;
    return breach(r, AUTHORITY_BREACH_WATERMARK, (int32_t)object, untyped, o->first_slot,
                  u->first_slot);
}

enum error authority_check_retype(const struct authority *a, authority_breach_fn add, void *ctx)
{
    struct retype r = {.a = a, .s = a->state, .add = add, .ctx = ctx};
    r.untyped_above = malloc((a->state->slot_count + 1) * sizeof(*r.untyped_above));
    r.watermark = calloc(a->node_count + 1, sizeof(*r.watermark));
    r.told = calloc(a->node_count + 1, sizeof(*r.told));
    bool ok = r.untyped_above && r.watermark && r.told;
    if (ok)
        find_above(&r);
    for (uint32_t i = 0; ok && i < a->state->slot_count; i++)
        ok = check_parent(&r, i);
    if (ok)
        ok = check_overlap(&r);
    for (uint32_t n = 0; ok && n < a->node_count; n++)
        ok = check_descent(&r, n);
    free(r.untyped_above);
    free(r.watermark);
    free(r.told);
    return ok ? ERR_OK : ERR_NO_MEMORY;
}
