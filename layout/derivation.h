/* Parenthood from tag bits and address comparison (paper 3.2.2; ABI sheet 9.1, 9.2).
 *
 * The list stores no depth.  Whether an adjacent pair is parent and child follows from the two
 * tag bits and from what the capabilities refer to.  Kernel and object walker read the same rule
 * here; the executable model, which keeps explicit parent pointers, is the judge of both. */
#ifndef CAPSCOPE_LAYOUT_DERIVATION_H
#define CAPSCOPE_LAYOUT_DERIVATION_H

#include "layout/capability.h"

/* Is c a capability to an object that lies in memory which an untyped capability can cover? */
static inline bool cap_is_physical(struct cap c)
{
    return cap_type(c) != CAP_NULL && cap_type(c) != CAP_REPLY && cap_type(c) != CAP_CONTROL;
}

/* Last byte of the object of c; both ends are inclusive so that a block at the top does not wrap.
 */
static inline kaddr_t cap_object_last(struct cap c)
{
    return cap_object(c) + (((word_t)1 << cap_object_bits(c)) - 1);
}

/* Does what b refers to lie within what a refers to (ABI sheet 9.2, sameRegion)? */
static inline bool cap_same_region(struct cap a, struct cap b)
{
    switch (cap_type(a)) {
    case CAP_UNTYPED:
        return cap_is_physical(b) && cap_object(a) <= cap_object(b) &&
               cap_object_last(b) <= cap_object_last(a);
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        return cap_is_frame(b) && cap_object(a) <= cap_object(b) &&
               cap_object_last(b) <= cap_object_last(a);
    case CAP_CNODE:
        return cap_type(b) == CAP_CNODE && cap_object(a) == cap_object(b) &&
               cnode_radix(a) == cnode_radix(b);
    case CAP_CONTROL:
        if (cap_type(b) != CAP_CONTROL)
            return false;
        if (control_which(a) == CONTROL_IRQ)
            return control_which(b) == CONTROL_IRQ || control_which(b) == CONTROL_IRQ_HANDLER;
        if (control_which(a) == CONTROL_IRQ_HANDLER)
            return control_which(b) == CONTROL_IRQ_HANDLER && control_irq(a) == control_irq(b);
        return control_which(a) == control_which(b);
    case CAP_NULL:
    case CAP_ZOMBIE:
        return false;
    default: /* endpoint, notification, reply, tcb, page table, page directory, asid pool */
        break;
    }
    return cap_type(a) == cap_type(b) && cap_object(a) == cap_object(b);
}

/* Do a and b refer to the very same object, so that neither is its last capability while the
 * other exists?  Untyped capabilities are always last; control and handler of an interrupt differ;
 * frames must agree in base, size and device flag (ABI sheet 9.1). */
static inline bool cap_same_object(struct cap a, struct cap b)
{
    if (cap_type(a) == CAP_UNTYPED)
        return false;
    if (cap_is_control(a, CONTROL_IRQ) && cap_is_control(b, CONTROL_IRQ_HANDLER))
        return false;
    if (cap_is_frame(a) && cap_is_frame(b))
        return cap_type(a) == cap_type(b) && cap_object(a) == cap_object(b) &&
               frame_is_device(a) == frame_is_device(b);
    return cap_same_region(a, b);
}

/* Is b, which stands after a in the list, below a in the tree?  For b directly after a this is
 * "b is a child of a"; for a later b it is meaningful when everything between is below a too. */
static inline bool cdt_is_parent(const struct slot *a, const struct slot *b)
{
    if (!(a->next & CDT_REVOCABLE) || !cap_same_region(a->cap, b->cap))
        return false;
    if (cap_type(a->cap) == CAP_ENDPOINT || cap_type(a->cap) == CAP_NOTIFICATION) {
        if (cap_badge(a->cap) == 0)
            return true;
        return cap_badge(a->cap) == cap_badge(b->cap) && !(b->next & CDT_FIRST_BADGED);
    }
    return true;
}

#endif
