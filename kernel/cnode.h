/* CNodes: lookup of capability addresses and the operations on slots (ABI sheet 1.10, 3.3). */
#ifndef CAPSCOPE_KERNEL_CNODE_H
#define CAPSCOPE_KERNEL_CNODE_H

#include "kernel/message.h"

/* Resolves n bits of cptr from root. DONE: *slot, and *bits_left unresolved bits (a leaf or an
 * empty slot met early). REFUSED: ks.lookup says why. */
enum outcome cnode_resolve(struct cap root, cptr_t cptr, unsigned n, struct slot **slot,
                           unsigned *bits_left);
/* The common lookup: the root resolves all 32 bits in one step. False: it does not, or refuses;
 * then cnode_resolve() says what is so. */
static inline bool cnode_lookup_direct(struct cap root, cptr_t cptr, struct slot **slot)
{
    unsigned radix = cnode_radix(root);
    word_t guard = cptr >> radix;

    if (cap_type(root) != CAP_CNODE || radix + cnode_guard_size(root) != 32 ||
        guard != cnode_guard(root))
        return false;
    *slot = (struct slot *)kptr(root.w[0] - CAP_CNODE) + (cptr - (guard << radix));
    return true;
}
/* Thread-relative lookup, 32 bits, unresolved bits ignored. REFUSED: ks.lookup. */
enum outcome cnode_lookup_far(const struct tcb *thread, cptr_t cptr, struct slot **slot);
static inline enum outcome cnode_lookup(const struct tcb *thread, cptr_t cptr, struct slot **slot)
{
    if (cnode_lookup_direct(thread->slots[TCB_CSPACE].cap, cptr, slot))
        return DONE;
    return cnode_lookup_far(thread, cptr, slot);
}
/* Exact lookup for CNode operations (index, depth); refusals are complete (FailedLookup with the
 * source flag, RangeError for the depth). */
enum outcome cnode_lookup_target_far(struct cap root, cptr_t index, word_t depth, bool source,
                                     struct slot **slot);
static inline enum outcome cnode_lookup_target(struct cap root, cptr_t index, word_t depth,
                                               bool source, struct slot **slot)
{
    if (depth == 32 && cnode_lookup_direct(root, index, slot))
        return DONE;
    return cnode_lookup_target_far(root, index, depth, source, slot);
}
/* Where a transferred capability may go (1.7): NULL if there is none. */
struct slot *cnode_receive_slot(struct tcb *receiver, const word_t *buffer);

enum outcome cnode_operation(struct slot *slot, struct message *m); /* labels 16..24 */

#endif
