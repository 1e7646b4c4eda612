/* What can be done to capability words without touching a slot: masking rights, setting badge or
 * guard, deriving (ABI sheet 3.3, 3.7, 9.2, 9.4).
 *
 * Every function here only ever narrows: rights shrink, a badge is set once, a derived capability
 * refers to the object of its source. */
#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/refusal.h"

enum {
    /* seL4_CNode_CapData (4.3) */
    DATA_GUARD_SIZE_SHIFT = 3,
    DATA_GUARD_SIZE_MASK = 0x1f,
    DATA_GUARD_SHIFT = 8,
    CPTR_BITS = 32,
};

struct cap cap_mask_rights_other(struct cap c, word_t rights)
{
    switch (cap_type(c)) {
    case CAP_REPLY:
        return reply_make(cap_object(c), reply_is_master(c),
                          reply_can_grant(c) && (rights & RIGHT_GRANT));
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        return frame_with_rights(c, vm_mask_rights(frame_rights(c), rights));
    default:
        return c;
    }
}

static struct cap cnode_with_guard(struct cap c, word_t data)
{
    unsigned size = (data >> DATA_GUARD_SIZE_SHIFT) & DATA_GUARD_SIZE_MASK;
    word_t guard = (data >> DATA_GUARD_SHIFT) & ((1u << CNODE_GUARD_BITS) - 1);

    if (size + cnode_radix(c) > CPTR_BITS)
        return cap_null();
    return cnode_make(cap_object(c), cnode_radix(c), size, guard & ((1u << size) - 1));
}

struct cap cap_set_data(struct cap c, word_t data, bool preserve)
{
    switch (cap_type(c)) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        if (preserve || cap_badge(c) != 0)
            return cap_null();
        return ipc_cap_make(cap_type(c), cap_object(c), data & BADGE_MASK, cap_rights(c));
    case CAP_CNODE:
        return cnode_with_guard(c, data);
    default:
        return c;
    }
}

enum outcome cap_derive_other(struct slot *source, struct cap c, struct cap *out)
{
    struct cap derived = c;

    switch (cap_type(c)) {
    case CAP_UNTYPED:
        if (cdt_has_children(source))
            return refuse_revoke_first();
        break;
    case CAP_REPLY:
    case CAP_ZOMBIE:
        derived = cap_null();
        break;
    case CAP_CONTROL:
        if (control_which(c) == CONTROL_IRQ)
            derived = cap_null();
        break;
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        derived = frame_with_mapping(c, 0, 0);
        break;
    case CAP_PAGE_TABLE:
    case CAP_PAGE_DIRECTORY:
        if (paging_asid(c) == 0)
            return refuse_illegal();
        break;
    default:
        break;
    }
    *out = derived;
    return DONE;
}

bool cap_copy_is_revocable_other(struct cap copy, struct cap source)
{
    switch (cap_type(copy)) {
    case CAP_UNTYPED:
        return true;
    case CAP_CONTROL:
        return control_which(copy) == CONTROL_IRQ_HANDLER && control_which(source) == CONTROL_IRQ;
    default:
        return false;
    }
}

word_t cap_identify(struct cap c)
{
    static const uint8_t control_tag[4] = {
        [CONTROL_IRQ] = 0x0e,
        [CONTROL_IRQ_HANDLER] = 0x1e,
        [CONTROL_ASID] = 0x0b,
        [CONTROL_DOMAIN] = 0x3e,
    };
    static const uint8_t tag[16] = {
        [CAP_NULL] = 0x00,       [CAP_UNTYPED] = 0x02,        [CAP_ENDPOINT] = 0x04,
        [CAP_NOTIFICATION] = 6,  [CAP_REPLY] = 0x08,          [CAP_CNODE] = 0x0a,
        [CAP_TCB] = 0x0c,        [CAP_ZOMBIE] = 0x2e,         [CAP_FRAME_4K] = 0x01,
        [CAP_FRAME_64K] = 0x03,  [CAP_FRAME_1M] = 0x03,       [CAP_FRAME_16M] = 0x03,
        [CAP_PAGE_TABLE] = 0x07, [CAP_PAGE_DIRECTORY] = 0x09, [CAP_ASID_POOL] = 0x05,
    };

    if (cap_type(c) == CAP_CONTROL)
        return control_tag[control_which(c)];
    return tag[cap_type(c)];
}
