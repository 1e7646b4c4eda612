/* CNodes: lookup of capability addresses and the operations on slots (ABI sheet 1.10, 3.3).
 *
 * Each operation checks everything before it changes anything; the change itself is one or two
 * calls into cdt.h or delete.h and cannot fail.
 *
 * Relies on every CNode having a radix of at least 1 (Retype refuses 0), so that each step of a
 * lookup resolves at least one bit and 32 steps bound it. */
#include "kernel/cnode.h"
#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/delete.h"
#include "kernel/endpoint.h"
#include "kernel/refusal.h"

enum { CPTR_BITS = 32 };

static enum outcome lookup_refused(enum lookup_failure type, word_t a, word_t b, word_t c)
{
    lookup_failed(type, a, b, c);
    return REFUSED;
}

enum outcome cnode_resolve(struct cap root, cptr_t cptr, unsigned n, struct slot **slot,
                           unsigned *bits_left)
{
    unsigned left = n;
    struct slot *s;

    if (cap_type(root) != CAP_CNODE)
        return lookup_refused(LOOKUP_INVALID_ROOT, 0, 0, 0);
    do {
        unsigned radix = cnode_radix(root);
        unsigned guard_size = cnode_guard_size(root);
        word_t guard_mask = ((word_t)1 << guard_size) - 1;

        /* A shift by 32 happens for an empty guard alone, whose mask is 0. */
        if (guard_size > left ||
            ((cptr >> ((left - guard_size) & 31)) & guard_mask) != cnode_guard(root))
            return lookup_refused(LOOKUP_GUARD_MISMATCH, left, cnode_guard(root), guard_size);
        if (radix + guard_size > left)
            return lookup_refused(LOOKUP_DEPTH_MISMATCH, left, radix + guard_size, 0);
        left -= radix + guard_size;
        s = kptr(cap_object(root));
        s += (cptr >> left) & (((word_t)1 << radix) - 1);
        root = s->cap;
    } while (left != 0 && cap_type(root) == CAP_CNODE);

    *slot = s;
    *bits_left = left;
    return DONE;
}

enum outcome cnode_lookup_far(const struct tcb *thread, cptr_t cptr, struct slot **slot)
{
    unsigned left;

    return cnode_resolve(thread->slots[TCB_CSPACE].cap, cptr, CPTR_BITS, slot, &left);
}

/* Resolves exactly `depth` bits, which the caller has found to be 1 to 32. */
static enum outcome resolve_exactly(struct cap root, cptr_t index, word_t depth, struct slot **slot)
{
    struct slot *s;
    unsigned left;
    enum outcome outcome = cnode_resolve(root, index, (unsigned)depth, &s, &left);

    if (outcome != DONE)
        return outcome;
    if (left != 0)
        return lookup_refused(LOOKUP_DEPTH_MISMATCH, left, 0, 0);
    *slot = s;
    return DONE;
}

enum outcome cnode_lookup_target_far(struct cap root, cptr_t index, word_t depth, bool source,
                                     struct slot **slot)
{
    if (cap_type(root) != CAP_CNODE) {
        lookup_failed(LOOKUP_INVALID_ROOT, 0, 0, 0);
        return refuse_lookup(source);
    }
    if (depth < 1 || depth > CPTR_BITS)
        return refuse_range(1, CPTR_BITS);
    if (resolve_exactly(root, index, depth, slot) != DONE)
        return refuse_lookup(source);
    return DONE;
}

struct slot *cnode_receive_slot(struct tcb *receiver, const word_t *buffer)
{
    word_t depth = buffer[IPCBUF_RECEIVE_DEPTH];
    struct slot *root;
    struct slot *s;

    if (cnode_lookup(receiver, buffer[IPCBUF_RECEIVE_CNODE], &root) != DONE)
        return NULL;
    if (depth < 1 || depth > CPTR_BITS)
        return NULL;
    if (resolve_exactly(root->cap, buffer[IPCBUF_RECEIVE_INDEX], depth, &s) != DONE)
        return NULL;
    return slot_is_empty(s) ? s : NULL;
}

static enum outcome refuse_missing(bool source, word_t bits_left)
{
    lookup_failed(LOOKUP_MISSING_CAPABILITY, bits_left, 0, 0);
    return refuse_lookup(source);
}

/* The checks that Copy, Mint, Move and Mutate share (3.3 A). */
static enum outcome decode_source(struct slot *target, const struct message *m,
                                  struct slot **source)
{
    word_t depth = message_word(m, 3);
    enum outcome outcome;

    if (m->length < 4 || !m->extra[0])
        return refuse_truncated();
    if (!slot_is_empty(target))
        return refuse_delete_first();
    outcome = cnode_lookup_target(m->extra[0]->cap, message_word(m, 2), depth, true, source);
    if (outcome != DONE)
        return outcome;
    if (slot_is_empty(*source))
        return refuse_missing(true, depth);
    return DONE;
}

/* Copy and Mint: a capability derived from the source, with fewer rights or (Mint) new data. */
static enum outcome cnode_copy(struct slot *target, const struct message *m)
{
    bool mint = m->label == INV_CNODE_MINT;
    struct slot *source;
    struct cap c;
    enum outcome outcome = decode_source(target, m, &source);

    if (outcome != DONE)
        return outcome;
    if (m->length < (mint ? 6u : 5u))
        return refuse_truncated();
    c = cap_mask_rights(source->cap, message_word(m, 4));
    if (mint)
        c = cap_set_data(c, message_word(m, 5), false);
    outcome = cap_derive(source, c, &c);
    if (outcome != DONE)
        return outcome;
    if (cap_type(c) == CAP_NULL)
        return refuse_illegal();
    cdt_insert_copy(target, source, c, mint ? EVENT_MINT : EVENT_COPY);
    return DONE;
}

static enum outcome cnode_move(struct slot *target, const struct message *m)
{
    struct slot *source;
    struct cap c;
    enum outcome outcome = decode_source(target, m, &source);

    if (outcome != DONE)
        return outcome;
    c = source->cap;
    if (m->label == INV_CNODE_MUTATE) {
        if (m->length < 5)
            return refuse_truncated();
        c = cap_set_data(c, message_word(m, 4), true);
        if (cap_type(c) == CAP_NULL)
            return refuse_illegal();
    }
    cdt_move(target, source, c);
    return DONE;
}

static void invoke_rotate(struct slot *target, struct slot *pivot, struct cap pivot_cap,
                          struct slot *source, struct cap source_cap)
{
    if (source == target) {
        cdt_swap(source, pivot_cap, pivot, source_cap);
        return;
    }
    cdt_move(target, pivot, pivot_cap);
    cdt_move(pivot, source, source_cap);
}

/* Words: 0, 1 target; 2 data for the pivot's capability; 3, 4 pivot; 5 data for the source's; 6, 7
 * source.  Extra capabilities: pivot root, source root (3.3 B). */
static enum outcome cnode_rotate(struct slot *target, const struct message *m)
{
    word_t pivot_depth = message_word(m, 4);
    word_t source_depth = message_word(m, 7);
    struct slot *pivot;
    struct slot *source;
    struct cap pivot_cap;
    struct cap source_cap;
    enum outcome outcome;

    if (m->length < 8 || !m->extra[0] || !m->extra[1])
        return refuse_truncated();
    outcome =
        cnode_lookup_target(m->extra[1]->cap, message_word(m, 6), source_depth, true, &source);
    if (outcome != DONE)
        return outcome;
    outcome = cnode_lookup_target(m->extra[0]->cap, message_word(m, 3), pivot_depth, true, &pivot);
    if (outcome != DONE)
        return outcome;
    if (pivot == source || pivot == target)
        return refuse_illegal();
    if (source != target && !slot_is_empty(target))
        return refuse_delete_first();
    if (slot_is_empty(source))
        return refuse_missing(true, source_depth);
    if (slot_is_empty(pivot))
        return refuse_missing(false, pivot_depth);
    source_cap = cap_set_data(source->cap, message_word(m, 5), true);
    pivot_cap = cap_set_data(pivot->cap, message_word(m, 2), true);
    if (cap_type(source_cap) == CAP_NULL || cap_type(pivot_cap) == CAP_NULL)
        return refuse_illegal();
    invoke_rotate(target, pivot, pivot_cap, source, source_cap);
    return DONE;
}

static enum outcome cnode_save_caller(struct slot *target)
{
    struct slot *caller = &current_thread()->slots[TCB_CALLER];

    if (!slot_is_empty(target))
        return refuse_delete_first();
    if (!slot_is_empty(caller))
        cdt_move(target, caller, caller->cap);
    return DONE;
}

static enum outcome cnode_cancel_badged(struct slot *target)
{
    struct cap c = target->cap;

    if (cap_type(c) != CAP_ENDPOINT || cap_rights(c) != RIGHT_ALL)
        return refuse_illegal();
    if (cap_badge(c) == 0)
        return DONE;
    return endpoint_cancel_badged(kptr(cap_object(c)), cap_badge(c));
}

enum outcome cnode_operation(struct slot *slot, struct message *m)
{
    struct slot *target;
    enum outcome outcome;

    if (m->label < INV_CNODE_REVOKE || m->label > INV_CNODE_SAVE_CALLER)
        return refuse_illegal();
    if (m->length < 2)
        return refuse_truncated();
    outcome =
        cnode_lookup_target(slot->cap, message_word(m, 0), message_word(m, 1), false, &target);
    if (outcome != DONE)
        return outcome;

    switch (m->label) {
    case INV_CNODE_REVOKE:
        return slot_revoke(target);
    case INV_CNODE_DELETE:
        return slot_delete(target);
    case INV_CNODE_COPY:
    case INV_CNODE_MINT:
        return cnode_copy(target, m);
    case INV_CNODE_MOVE:
    case INV_CNODE_MUTATE:
        return cnode_move(target, m);
    case INV_CNODE_ROTATE:
        return cnode_rotate(target, m);
    case INV_CNODE_SAVE_CALLER:
        return cnode_save_caller(target);
    default:
        return cnode_cancel_badged(target);
    }
}
