/* Invoking a capability that names a kernel object other than an endpoint (ABI sheet 1.11). */
#ifndef CAPSCOPE_KERNEL_INVOCATION_H
#define CAPSCOPE_KERNEL_INVOCATION_H

#include "kernel/message.h"

/* Performs what the message asks of the capability in `slot`; the current thread is in state
 * Restart meanwhile. DONE, REFUSED or PREEMPTED. */
enum outcome invocation_perform(struct slot *slot, struct message *m);
/* Writes the answer to a Call into the registers (and buffer) of the current thread: 1.2, 1.8. */
void invocation_answer_done(struct tcb *t);
void invocation_answer_refused(struct tcb *t);

#endif
