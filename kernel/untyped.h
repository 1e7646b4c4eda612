/* Untyped memory and retype (paper 3.1, 3.2.1; ABI sheet 3.2, 9.3).
 *
 * Invariants: children lie wholly inside the parent; children are disjoint; memory is cleared
 * before it is handed out, only what is handed out, in preemptible pieces. */
#ifndef CAPSCOPE_KERNEL_UNTYPED_H
#define CAPSCOPE_KERNEL_UNTYPED_H

#include "kernel/message.h"

enum outcome untyped_operation(struct slot *slot, struct message *m); /* label 1 */

/* Bytes a Retype of this slot could hand out now: the whole block without children, else what lies
 * above the watermark. */
word_t untyped_free_bytes(const struct slot *slot);
/* Marks it full, after a copy or MakePool. */
void untyped_fill(struct slot *slot);

#endif
