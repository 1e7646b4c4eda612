/* Looking up a capability address in a thread's CSpace. */
#include "facts/resolve.h"

/* The slot of a TCB that holds its CSpace root. */
static int32_t root_slot(const struct capstate *s, int32_t thread)
{
    int32_t object = s->threads[thread].object;
    int32_t slot = object < 0 ? -1 : capstate_slot_in(s, object, RECORD_TCB_CSPACE);
    return slot >= 0 && s->slots[slot].index == RECORD_TCB_CSPACE ? slot : -1;
}

static uint64_t bits_of(uint64_t value, uint32_t from, uint32_t count)
{
    if (count == 0 || from >= 64)
        return 0;
    uint64_t moved = value >> from;
    return count >= 64 ? moved : moved & ((1ull << count) - 1);
}

static bool is_cnode(const struct capstate *s, int32_t slot)
{
    return slot >= 0 && s->slots[slot].rec.type == RECORD_CAP_CNODE && s->slots[slot].object >= 0;
}

/* One level; false: the look-up ends here. */
static bool step(const struct capstate *s, int32_t slot, uint64_t cptr, struct resolve *r)
{
    const struct record_slot *cap = &s->slots[slot].rec;
    struct resolve_level *l = &r->level[r->levels++];
    uint32_t slot_bits = record_slot_bits(&s->snapshot);
    *l = (struct resolve_level){
        .cnode_slot = slot,
        .cnode = s->slots[slot].object,
        .guard = cap->data,
        .guard_bits = (uint32_t)cap->extra,
        .radix = cap->bits > slot_bits ? cap->bits - slot_bits : 0,
        .bits_left = r->bits_left,
        .slot = -1,
    };
    if (l->guard_bits > r->bits_left) {
        l->guard_found = bits_of(cptr, 0, r->bits_left);
        r->end = RESOLVE_GUARD_MISMATCH;
        return false;
    }
    l->guard_found = bits_of(cptr, r->bits_left - l->guard_bits, l->guard_bits);
    if (l->guard_found != l->guard) {
        r->end = RESOLVE_GUARD_MISMATCH;
        return false;
    }
    if (l->guard_bits + l->radix > r->bits_left || l->guard_bits + l->radix == 0) {
        r->end = RESOLVE_DEPTH_MISMATCH;
        return false;
    }
    r->bits_left -= l->guard_bits + l->radix;
    l->index = bits_of(cptr, r->bits_left, l->radix);
    l->slot_addr = cap->object + (l->index << slot_bits);
    l->slot = capstate_slot_at(s, l->slot_addr);
    r->end = RESOLVE_SLOT;
    return r->bits_left > 0 && is_cnode(s, l->slot) && r->levels < RESOLVE_LEVELS;
}

void resolve_cptr(const struct capstate *s, int32_t thread, uint64_t cptr, uint32_t bits,
                  struct resolve *out)
{
    int32_t slot = root_slot(s, thread);
    out->levels = 0;
    out->bits_left = bits ? bits : record_word_bits(&s->snapshot);
    out->end = RESOLVE_NO_ROOT;
    while (is_cnode(s, slot) && step(s, slot, cptr, out))
        slot = out->level[out->levels - 1].slot;
}
