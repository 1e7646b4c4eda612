/* Faults and their replies (ABI sheet 7.5, 7.6). */
#ifndef CAPSCOPE_KERNEL_FAULT_H
#define CAPSCOPE_KERNEL_FAULT_H

#include "kernel/kernel.h"

/* The thread's fault_* fields are set: send them to its handler, or make it inactive. */
void fault_send(struct tcb *t);
/* Raises a capability fault of the current thread from ks.lookup. */
void fault_capability(cptr_t cptr, bool receive);
/* Records a fault of the current thread, which is returned; fault_send() comes next. */
struct tcb *fault_vm_record(vaddr_t addr, word_t fsr, bool prefetch);
struct tcb *fault_unknown_syscall_record(word_t number);
/* Undefined instruction, recorded and sent. */
void fault_user_exception(void);
/* Can faults be sent through this capability? The sender waits for a reply, so the server must get
 * the right to answer. */
static inline bool fault_handler_is_usable(struct cap c)
{
    return cap_type(c) == CAP_ENDPOINT && (cap_rights(c) & RIGHT_WRITE) &&
           (cap_rights(c) & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
}
/* Writes the fault message of `t` into receiver's message registers; returns the tag. */
word_t fault_message(struct tcb *t, struct tcb *receiver);
/* Applies a reply to a fault; true if the thread goes on. */
bool fault_reply(struct tcb *sender, struct tcb *faulter);

#endif
