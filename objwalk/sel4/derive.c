/* The rule by which neighbours in a list are parent and child.
 *
 * a is the parent of b, which comes behind it, if a is revocable, b refers to the same region, and,
 * where a carries a badge, b carries the same one and did not begin it.  Addresses compare as the
 * kernel compares them: unsigned, whole words, ends inclusive. */
#include "objwalk/sel4/cap.h"

static uint64_t word_mask(const struct sel4_layout *l)
{
    return l->wide ? ~(uint64_t)0 : 0xffffffffu;
}

static uint64_t end_of(const struct sel4_layout *l, struct sel4_extent e)
{
    return (e.base + sel4_mask(e.bits)) & word_mask(l);
}

static bool inside(const struct sel4_layout *l, struct sel4_extent a, struct sel4_extent b)
{
    uint64_t end = end_of(l, b);
    return b.base >= a.base && end <= end_of(l, a) && b.base <= end;
}

static bool in_untyped(const struct sel4_layout *l, const struct sel4_cap *a,
                       const struct sel4_cap *b)
{
    struct sel4_extent x;
    struct sel4_extent y;
    return sel4_cap_extent(l, a, &x) && sel4_cap_extent(l, b, &y) && inside(l, x, y);
}

static bool in_frame(const struct sel4_layout *l, const struct sel4_cap *a,
                     const struct sel4_cap *b)
{
    return sel4_cap_is_frame(b) && in_untyped(l, a, b);
}

static bool same(const struct sel4_cap *a, const struct sel4_cap *b, enum sel4_role r)
{
    return a->value[r] == b->value[r];
}

static bool same_region(const struct sel4_layout *l, const struct sel4_cap *a,
                        const struct sel4_cap *b)
{
    enum sel4_block_kind k = b->kind;
    switch (a->kind) {
    case SEL4_CAP_UNTYPED:
        return in_untyped(l, a, b);
    case SEL4_CAP_FRAME:
    case SEL4_CAP_SMALL_FRAME:
        return in_frame(l, a, b);
    case SEL4_CAP_NULL:
    case SEL4_CAP_ZOMBIE:
    case SEL4_CAP_UNKNOWN:
        return false;
    case SEL4_CAP_IRQ_CONTROL:
        return k == a->kind || k == SEL4_CAP_IRQ_HANDLER || k == SEL4_CAP_SGI_SIGNAL;
    case SEL4_CAP_IO_PORT_CONTROL:
        return k == a->kind || k == SEL4_CAP_IO_PORT;
    case SEL4_CAP_SID_CONTROL:
        return k == a->kind || k == SEL4_CAP_SID;
    case SEL4_CAP_CB_CONTROL:
        return k == a->kind || k == SEL4_CAP_CB;
    case SEL4_CAP_DOMAIN:
    case SEL4_CAP_SCHED_CONTROL:
    case SEL4_CAP_ASID_CONTROL:
    case SEL4_CAP_SMC:
        return k == a->kind;
    case SEL4_CAP_CNODE:
        return k == a->kind && same(a, b, SEL4_PTR) && same(a, b, SEL4_RADIX);
    case SEL4_CAP_SCHED_CONTEXT:
        return k == a->kind && same(a, b, SEL4_PTR) && same(a, b, SEL4_SIZE_BITS);
    case SEL4_CAP_IRQ_HANDLER:
        return k == a->kind && same(a, b, SEL4_IRQ);
    case SEL4_CAP_SGI_SIGNAL:
        return k == a->kind && same(a, b, SEL4_IRQ) && same(a, b, SEL4_TARGET);
    case SEL4_CAP_IO_PORT:
        return k == a->kind && same(a, b, SEL4_FIRST_PORT) && same(a, b, SEL4_LAST_PORT);
    case SEL4_CAP_SID:
        return k == a->kind && same(a, b, SEL4_SID_NUMBER);
    case SEL4_CAP_CB:
        return k == a->kind && same(a, b, SEL4_CB_NUMBER);
    case SEL4_CAP_IO_SPACE:
        return k == a->kind && same(a, b, SEL4_PCI);
    default: /* all others are an object of one size at an address */
        return k == a->kind && same(a, b, SEL4_PTR);
    }
}

bool sel4_is_parent(const struct sel4_layout *l, const struct sel4_slot *a,
                    const struct sel4_slot *b)
{
    if (!a->revocable || !same_region(l, &a->cap, &b->cap))
        return false;
    switch (a->cap.kind) {
    case SEL4_CAP_ENDPOINT:
    case SEL4_CAP_NOTIFICATION:
    case SEL4_CAP_SMC:
        return a->cap.value[SEL4_BADGE] == 0 ||
               (same(&a->cap, &b->cap, SEL4_BADGE) && !b->first_badged);
    case SEL4_CAP_SGI_SIGNAL:
        return !b->first_badged;
    default:
        return true;
    }
}
