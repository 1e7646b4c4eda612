/* Capability addresses and the operations on slots (1.10, 3.3). */
#include "model/model.h"

enum { ADDRESS_BITS = 32 };

static bool failed(struct model_lookup *l, enum lookup_failure type, word_t a, word_t b, word_t c)
{
    *l = (struct model_lookup){.failure = type, .word = {a, b, c}};
    return false;
}

static void path_add(struct model *m, struct model_slot *s)
{
    if (m->path_length < MODEL_PATH)
        m->path[m->path_length++] = s;
}

/* The bits of an address from `left` down to `left - count`. */
static word_t address_bits(cptr_t cptr, unsigned left, unsigned count)
{
    return (word_t)(((uint64_t)cptr >> (left - count)) & (((uint64_t)1 << count) - 1));
}

bool model_resolve(struct model *m, struct model_cap root, cptr_t cptr, unsigned bits,
                   struct model_lookup *out)
{
    struct model_cap node = root;
    unsigned left = bits;
    if (node.kind != MODEL_CNODE)
        return failed(out, LOOKUP_INVALID_ROOT, 0, 0, 0);
    for (;;) {
        unsigned guard_size = (unsigned)node.guard_size;
        unsigned radix = node.object->bits - 4;
        if (guard_size > left || address_bits(cptr, left, guard_size) != node.guard)
            return failed(out, LOOKUP_GUARD_MISMATCH, left, node.guard, guard_size);
        if (guard_size + radix > left)
            return failed(out, LOOKUP_DEPTH_MISMATCH, left, guard_size + radix, 0);
        struct model_slot *s = &node.object->slots[address_bits(cptr, left - guard_size, radix)];
        left -= guard_size + radix;
        if (left == 0 || s->cap.kind != MODEL_CNODE) {
            *out = (struct model_lookup){.slot = s, .left = left};
            return true;
        }
        path_add(m, s);
        node = s->cap;
    }
}

/* Bits that are left over do not matter to a thread. */
bool model_lookup_thread(struct model *m, struct model_thread *t, cptr_t cptr,
                         struct model_slot **out)
{
    struct model_lookup l;
    path_add(m, &t->slots[MODEL_TCB_CSPACE]);
    if (!model_resolve(m, t->slots[MODEL_TCB_CSPACE].cap, cptr, ADDRESS_BITS, &l)) {
        m->lookup = l;
        return false;
    }
    path_add(m, l.slot);
    *out = l.slot;
    return true;
}

static bool resolve_all(struct model *m, struct model_cap root, cptr_t index, word_t depth,
                        struct model_lookup *l)
{
    if (!model_resolve(m, root, index, (unsigned)depth, l))
        return false;
    if (l->left != 0)
        return failed(l, LOOKUP_DEPTH_MISMATCH, l->left, 0, 0);
    return true;
}

enum model_outcome model_lookup_target(struct model *m, struct model_cap root, cptr_t index,
                                       word_t depth, bool source, struct model_slot **out)
{
    struct model_lookup l;
    if (root.kind != MODEL_CNODE) {
        failed(&l, LOOKUP_INVALID_ROOT, 0, 0, 0);
        return model_refuse_lookup(m, source, &l);
    }
    if (depth < 1 || depth > ADDRESS_BITS)
        return model_refuse_range(m, 1, ADDRESS_BITS);
    if (!resolve_all(m, root, index, depth, &l))
        return model_refuse_lookup(m, source, &l);
    *out = l.slot;
    return MODEL_DONE;
}

/* The receiver's one receive slot, NULL when it names none that is empty (1.7). */
struct model_slot *model_receive_slot(struct model *m, struct model_thread *t)
{
    paddr_t buffer = model_buffer(t, true);
    const word_t *words = model_memory(m, buffer);
    word_t depth = words[IPCBUF_RECEIVE_DEPTH];
    struct model_slot *root;
    struct model_lookup l;
    if (!model_lookup_thread(m, t, words[IPCBUF_RECEIVE_CNODE], &root))
        return NULL;
    if (depth < 1 || depth > ADDRESS_BITS)
        return NULL;
    if (!resolve_all(m, root->cap, words[IPCBUF_RECEIVE_INDEX], depth, &l))
        return NULL;
    return model_slot_empty(l.slot) ? l.slot : NULL;
}

/* Checks A of 3.3. */
static enum model_outcome find_source(struct model *m, const struct model_slot *target,
                                      const struct model_message *g, struct model_slot **source)
{
    if (g->length < 4 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (!model_slot_empty(target))
        return model_refuse(m, SEL4_DELETE_FIRST);
    enum model_outcome o =
        model_lookup_target(m, g->extra[0]->cap, g->word[2], g->word[3], true, source);
    if (o != MODEL_DONE)
        return o;
    if (model_slot_empty(*source))
        return model_refuse_missing(m, true, g->word[3]);
    return MODEL_DONE;
}

static enum model_outcome copy_or_mint(struct model *m, struct model_slot *target,
                                       const struct model_message *g, bool mint)
{
    struct model_slot *source;
    enum model_outcome o = find_source(m, target, g, &source);
    if (o != MODEL_DONE)
        return o;
    if (g->length < (mint ? 6u : 5u))
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    struct model_cap c = model_cap_mask(source->cap, g->word[4]);
    if (mint)
        c = model_cap_data(c, g->word[5], false);
    o = model_cap_derive(m, source, c, &c);
    if (o != MODEL_DONE)
        return o;
    if (c.kind == MODEL_NULL)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    model_slot_copy(m, target, source, c);
    return MODEL_DONE;
}

static enum model_outcome move_or_mutate(struct model *m, struct model_slot *target,
                                         const struct model_message *g, bool mutate)
{
    struct model_slot *source;
    enum model_outcome o = find_source(m, target, g, &source);
    if (o != MODEL_DONE)
        return o;
    struct model_cap c = source->cap;
    if (mutate) {
        if (g->length < 5)
            return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
        c = model_cap_data(c, g->word[4], true);
        if (c.kind == MODEL_NULL)
            return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    }
    model_slot_move(m, target, source, c);
    return MODEL_DONE;
}

struct rotation {
    struct model_slot *pivot;
    struct model_slot *source;
    struct model_cap pivot_cap;
    struct model_cap source_cap;
};

/* Checks B of 3.3. */
static enum model_outcome rotate_check(struct model *m, const struct model_slot *target,
                                       const struct model_message *g, struct rotation *r)
{
    if (g->length < 8 || !g->extra[0] || !g->extra[1])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (model_lookup_target(m, g->extra[1]->cap, g->word[6], g->word[7], true, &r->source) ||
        model_lookup_target(m, g->extra[0]->cap, g->word[3], g->word[4], true, &r->pivot))
        return MODEL_REFUSED;
    if (r->pivot == r->source || r->pivot == target)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (r->source != target && !model_slot_empty(target))
        return model_refuse(m, SEL4_DELETE_FIRST);
    if (model_slot_empty(r->source))
        return model_refuse_missing(m, true, g->word[7]);
    if (model_slot_empty(r->pivot))
        return model_refuse_missing(m, false, g->word[4]);
    r->source_cap = model_cap_data(r->source->cap, g->word[5], true);
    r->pivot_cap = model_cap_data(r->pivot->cap, g->word[2], true);
    if (r->source_cap.kind == MODEL_NULL || r->pivot_cap.kind == MODEL_NULL)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    return MODEL_DONE;
}

static enum model_outcome rotate(struct model *m, struct model_slot *target,
                                 const struct model_message *g)
{
    struct rotation r;
    if (rotate_check(m, target, g, &r) != MODEL_DONE)
        return MODEL_REFUSED;
    if (r.source == target) {
        model_slot_swap(m, target, r.pivot_cap, r.pivot, r.source_cap);
        return MODEL_DONE;
    }
    model_slot_move(m, target, r.pivot, r.pivot_cap);
    model_slot_move(m, r.pivot, r.source, r.source_cap);
    return MODEL_DONE;
}

static enum model_outcome save_caller(struct model *m, struct model_slot *target)
{
    struct model_slot *caller = &m->current->slots[MODEL_TCB_CALLER];
    if (!model_slot_empty(target))
        return model_refuse(m, SEL4_DELETE_FIRST);
    if (!model_slot_empty(caller))
        model_slot_move(m, target, caller, caller->cap);
    return MODEL_DONE;
}

static enum model_outcome cancel_badged(struct model *m, struct model_slot *target)
{
    struct model_cap c = target->cap;
    if (c.kind != MODEL_ENDPOINT || c.rights != RIGHT_ALL)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (c.badge != 0)
        model_endpoint_cancel_badged(m, c.object, c.badge);
    return MODEL_DONE;
}

enum model_outcome model_cnode_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g)
{
    struct model_slot *target;
    if (g->label < INV_CNODE_REVOKE || g->label > INV_CNODE_SAVE_CALLER)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (g->length < 2)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (model_lookup_target(m, s->cap, g->word[0], g->word[1], false, &target) != MODEL_DONE)
        return MODEL_REFUSED;
    switch (g->label) {
    case INV_CNODE_REVOKE:
        model_revoke(m, target);
        return MODEL_DONE;
    case INV_CNODE_DELETE:
        model_delete(m, target);
        return MODEL_DONE;
    case INV_CNODE_COPY:
    case INV_CNODE_MINT:
        return copy_or_mint(m, target, g, g->label == INV_CNODE_MINT);
    case INV_CNODE_MOVE:
    case INV_CNODE_MUTATE:
        return move_or_mutate(m, target, g, g->label == INV_CNODE_MUTATE);
    case INV_CNODE_ROTATE:
        return rotate(m, target, g);
    case INV_CNODE_SAVE_CALLER:
        return save_caller(m, target);
    default:
        return cancel_badged(m, target);
    }
}
