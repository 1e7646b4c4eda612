/* Faults and their replies (ABI sheet 7.5, 7.6). */
#ifndef CAPSCOPE_KERNEL_FAULT_H
#define CAPSCOPE_KERNEL_FAULT_H

#include "kernel/kernel.h"

/* The thread's fault_* fields are set: send them to its handler, or make it inactive. */
void fault_send(struct tcb *t);
/* Raises a capability fault of the current thread from ks.lookup. */
void fault_capability(cptr_t cptr, bool receive);
/* Entry points of the vectors; the current thread's registers are saved. */
void fault_vm(vaddr_t addr, word_t fsr, bool prefetch);
void fault_user_exception(void);
void fault_unknown_syscall(word_t number);
/* Writes the fault message of `t` into receiver's message registers; returns the tag. */
word_t fault_message(struct tcb *t, struct tcb *receiver);
/* Applies a reply to a fault; true if the thread goes on. */
bool fault_reply(struct tcb *sender, struct tcb *faulter);

#endif
