/* What can be done to capability words: masking rights, setting data, deriving (ABI
 * sheet 3.3, 9.4). */
#ifndef CAPSCOPE_KERNEL_CAPABILITY_H
#define CAPSCOPE_KERNEL_CAPABILITY_H

#include "kernel/kernel.h"

/* Endpoint or notification: rights in word 1, badge above them. */
static inline bool cap_is_ipc(struct cap c)
{
    return (c.w[0] & 0xe) == CAP_ENDPOINT;
}
_Static_assert((int)CAP_ENDPOINT == 2 && (int)CAP_NOTIFICATION == 3, "one mask finds both");

/* maskRights of 3.3; frames by the table in 3.7. */
struct cap cap_mask_rights_other(struct cap c, word_t rights);
static inline struct cap cap_mask_rights(struct cap c, word_t rights)
{
    if (!cap_is_ipc(c))
        return cap_mask_rights_other(c, rights);
    c.w[1] &= rights | ~(word_t)RIGHT_ALL;
    return c;
}
static inline enum vm_rights vm_mask_rights(enum vm_rights have, word_t rights)
{
    /* Writing without reading cannot be mapped: W alone gives what no right gives. */
    enum vm_rights most = VM_KERNEL_ONLY;
    if (rights & RIGHT_READ)
        most = rights & RIGHT_WRITE ? VM_READ_WRITE : VM_READ_ONLY;
    return have < most ? have : most;
}

/* setData of 3.3: badge or guard; null when the sheet says null. */
struct cap cap_set_data(struct cap c, word_t data, bool preserve);

/* Derivation of 9.4 for Copy, Mint, transfer and TCB install of the capability in `source` with
 * words c (perhaps masked). DONE and *out (possibly null), or REFUSED. */
enum outcome cap_derive_other(struct slot *source, struct cap c, struct cap *out);
static inline enum outcome cap_derive(struct slot *source, struct cap c, struct cap *out)
{
    if (!cap_is_ipc(c))
        return cap_derive_other(source, c, out);
    *out = c;
    return DONE;
}

/* May a copy be an original (R and F set)? Table in 9.2. */
bool cap_copy_is_revocable_other(struct cap copy, struct cap source);
static inline bool cap_copy_is_revocable(struct cap copy, struct cap source)
{
    if (!cap_is_ipc(copy))
        return cap_copy_is_revocable_other(copy, source);
    return cap_badge(copy) != cap_badge(source);
}

/* Internal tag of DebugCapIdentify (section 2). */
word_t cap_identify(struct cap c);

#endif
