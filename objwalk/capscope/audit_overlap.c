/* Do objects overlap?  By induction over the tree: a child lies inside its parent, since that is
 * what makes it a child; so if siblings never overlap, and roots do not, then no two objects do
 * unless one derives from the other.
 *
 * Siblings are compared with the memory their elder siblings take, kept as a few ascending extents
 * for each level of the current path.  An untyped hands memory out upwards and each new child
 * stands first in the list, so siblings mostly come in descending order and melt into one extent.
 * Where the extents run out, two are joined and what lies between is marked coarse.  A hit is
 * settled by looking at the siblings themselves again, for all audits together at most
 * AUDIT_RESCAN_MAX slots: beyond that a hit in a coarse extent stays unsettled. */
#include "objwalk/capscope/audit_state.h"

static paddr_t last_byte(uint32_t object, uint32_t bits)
{
    return object + (((uint32_t)1 << bits) - 1);
}

static bool overlap(paddr_t first, paddr_t last, paddr_t other_first, paddr_t other_last)
{
    return first <= other_last && other_first <= last;
}

void audit_overlap_begin(struct audit *a)
{
    for (unsigned i = 0; i < AUDIT_LEVELS; i++)
        a->w->audit.level[i] = (struct audit_level){.count = 0};
}

/* Index of the first extent of the level that ends at or behind `first`. */
static unsigned extent_find(const struct audit_extent *extent, unsigned count, paddr_t first)
{
    unsigned i = 0;
    while (i < count && extent[i].last < first)
        i++;
    return i;
}

static void extent_remove(struct audit_extent *extent, struct audit_level *level, unsigned i)
{
    for (level->count--; i < level->count; i++)
        extent[i] = extent[i + 1];
}

static void extent_insert(struct audit_extent *extent, struct audit_level *level, unsigned i,
                          struct audit_extent new)
{
    for (unsigned j = level->count++; j > i; j--)
        extent[j] = extent[j - 1];
    extent[i] = new;
}

/* Adds [first, last], which overlaps none. Neighbours that touch melt; without room the nearest
 * below, else above, is stretched. */
static void extent_add(struct audit_extent *extent, struct audit_level *level, paddr_t first,
                       paddr_t last)
{
    unsigned i = extent_find(extent, level->count, first);
    bool below = i > 0 && extent[i - 1].last + 1 == first;
    bool above = i < level->count && last + 1 == extent[i].first;
    bool room = level->count < AUDIT_LEVEL_EXTENTS && level->start + level->count < AUDIT_EXTENTS;
    if (below && above) {
        extent[i - 1].last = extent[i].last;
        extent[i - 1].coarse |= extent[i].coarse;
        extent_remove(extent, level, i);
    } else if (below) {
        extent[i - 1].last = last;
    } else if (above) {
        extent[i].first = first;
    } else if (room) {
        extent_insert(extent, level, i, (struct audit_extent){first, last, false});
    } else if (i > 0) {
        extent[i - 1].last = last;
        extent[i - 1].coarse = true;
    } else if (level->count > 0) {
        extent[0].first = first;
        extent[0].coarse = true;
    }
}

/* Reports r against the elder sibling at `other`. */
static void report(struct audit *a, const struct record_slot *r, kaddr_t other,
                   const struct objwalk_cap *cap)
{
    bool untyped = r->type == RECORD_CAP_UNTYPED || cap->type == RECORD_CAP_UNTYPED;
    audit_report(a, untyped ? AUDIT_CHILD_OUTSIDE : AUDIT_OVERLAP, r->addr,
                 objwalk_paddr(a->w, other), r->object);
}

/* Walks again from behind the parent to the slot of r and reports the first capability to memory
 * that overlaps it: an elder sibling, since what lies below one comes after it. The way was walked
 * before, so it ends. */
static void settle(struct audit *a, const struct objwalk_cursor *c, const struct record_slot *r)
{
    struct objwalk *w = a->w;
    kaddr_t at = c->depth > 0 ? c->chain_addr[c->depth - 1] : w->roots.cdt_head;
    paddr_t first = (paddr_t)r->object, last = last_byte(first, r->bits);
    struct slot raw;
    struct objwalk_cap cap;
    if (!audit_ok(a, objwalk_read(w, at, &raw, sizeof(raw))))
        return;
    while (a->rescans > 0 && (at = w->ops->link_next(&raw)) != c->slot) {
        a->rescans--;
        if (!audit_ok(a, objwalk_read(w, at, &raw, sizeof(raw))))
            return;
        w->ops->decode(w, raw.cap, &cap);
        if (cap.bits == 0 || cap.type == RECORD_CAP_REPLY)
            continue;
        if (overlap(first, last, cap.object, last_byte(cap.object, cap.bits))) {
            report(a, r, at, &cap);
            return;
        }
    }
}

/* Starts the level of a slot's depth anew when the walk has come down to it. */
static struct audit_level *level_of(struct audit *a, uint32_t depth, bool deeper)
{
    struct audit_level *level = a->w->audit.level;
    if (deeper) {
        uint8_t start = 0;
        if (depth > 0)
            start = (uint8_t)(level[depth - 1].start + level[depth - 1].count);
        level[depth] = (struct audit_level){.start = start};
    }
    return &level[depth];
}

void audit_overlap_slot(struct audit *a, const struct objwalk_cursor *c,
                        const struct record_slot *r)
{
    struct objwalk_cap parent = {.type = RECORD_CAP_UNTYPED};
    if (c->depth >= AUDIT_LEVELS)
        return;
    if (c->depth > 0)
        a->w->ops->decode(a->w, c->chain[c->depth - 1].cap, &parent);
    /* the walk has just come down if the slot before this one is the parent */
    bool deeper = c->depth > 0 && c->chain_addr[c->depth - 1] == a->before;
    struct audit_level *level = level_of(a, c->depth, deeper);
    a->before = c->slot;
    if (r->bits == 0 || r->type == RECORD_CAP_REPLY || parent.type != RECORD_CAP_UNTYPED)
        return;
    if (level->bits == r->bits && level->type == r->type && level->object == r->object)
        return; /* one more capability to the same object */
    level->bits = (uint8_t)r->bits;
    level->type = (uint8_t)r->type;
    level->object = (paddr_t)r->object;
    struct audit_extent *extent = &a->w->audit.extent[level->start];
    paddr_t first = (paddr_t)r->object, last = last_byte(first, r->bits);
    unsigned i = extent_find(extent, level->count, first);
    if (i < level->count && extent[i].first <= last)
        settle(a, c, r);
    else
        extent_add(extent, level, first, last);
}
