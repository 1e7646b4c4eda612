/* What can be done to capability words: masking rights, setting data, deriving (ABI
 * sheet 3.3, 9.4). */
#ifndef CAPSCOPE_KERNEL_CAPABILITY_H
#define CAPSCOPE_KERNEL_CAPABILITY_H

#include "kernel/kernel.h"

/* maskRights of 3.3; frames by the table in 3.7. */
struct cap cap_mask_rights(struct cap c, word_t rights);
enum vm_rights vm_mask_rights(enum vm_rights have, word_t rights);

/* setData of 3.3: badge or guard; null when the sheet says null. */
struct cap cap_set_data(struct cap c, word_t data, bool preserve);

/* Derivation of 9.4 for Copy, Mint, transfer and TCB install of the capability in `source` with
 * words c (perhaps masked). DONE and *out (possibly null), or REFUSED. */
enum outcome cap_derive(struct slot *source, struct cap c, struct cap *out);

/* May a copy be an original (R and F set)? Table in 9.2. */
bool cap_copy_is_revocable(struct cap copy, struct cap source);

/* Internal tag of DebugCapIdentify (section 2). */
word_t cap_identify(struct cap c);

#endif
