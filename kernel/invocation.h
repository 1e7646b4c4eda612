/* Invoking a capability that names a kernel object other than an endpoint (ABI sheet 1.11). */
#ifndef CAPSCOPE_KERNEL_INVOCATION_H
#define CAPSCOPE_KERNEL_INVOCATION_H

#include "kernel/message.h"

typedef enum outcome (*invocation_operation)(struct slot *slot, struct message *m);
extern const invocation_operation invocation_by_type[16];
/* Performs what the message asks of the capability in `slot`; the current thread is in state
 * Restart meanwhile. DONE, REFUSED or PREEMPTED. */
static inline enum outcome invocation_perform(struct slot *slot, struct message *m)
{
    return invocation_by_type[cap_type(slot->cap)](slot, m);
}
/* Writes the answer to a Call into the registers (and buffer) of the current thread: 1.2, 1.8. */
static inline void invocation_answer_done(struct tcb *t)
{
    t->regs[REG_R0] = 0;
    t->regs[REG_R1] = msginfo_make(SEL4_NO_ERROR, 0, 0, 0);
}
void invocation_answer_refused(struct tcb *t);

#endif
