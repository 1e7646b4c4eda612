/* Delete, revoke, destroy (paper 3.2.2; ABI sheet 9.1, 9.2). Preemptible, restartable.
 *
 * Destroy happens when the last capability to an object goes: the object is deactivated and every
 * in-kernel reference to it is taken out. CNodes and TCBs become zombies first, whose slots are
 * emptied one by one, so that their memory holds no capability when it is used again. */
#ifndef CAPSCOPE_KERNEL_DELETE_H
#define CAPSCOPE_KERNEL_DELETE_H

#include "kernel/kernel.h"

/* Deletes the capability in the slot. DONE or PREEMPTED. */
enum outcome slot_delete(struct slot *s);
/* Deletes everything derived from it; the slot itself stays. DONE or PREEMPTED. */
enum outcome slot_revoke(struct slot *s);
/* Deletes a capability whose deletion is short and cannot be preempted: reply, frame, page
 * directory. Not for CNode, TCB, zombie, endpoint, notification or handler capabilities that may be
 * final. */
void slot_delete_now(struct slot *s);
/* Would deleting this slot be a long operation (final CNode, TCB, or a zombie)? Rule D of 3.4. */
bool slot_deletion_is_long(const struct slot *s);

#endif
