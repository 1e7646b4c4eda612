/* The short way of Call, ReplyRecv and faults (fastpath.c). */
#ifndef CAPSCOPE_KERNEL_FASTPATH_H
#define CAPSCOPE_KERNEL_FASTPATH_H

#include "kernel/kernel.h"

/* System calls of the current thread, given its r0 and r1; both end as syscall_slow() would, and
 * return the thread to run. */
struct tcb *fastpath_call(cptr_t cptr, word_t tag);
struct tcb *fastpath_reply_recv(cptr_t cptr, word_t tag);
/* A system call of somebody else's, number 0 or above: the current thread's fault. */
struct tcb *fastpath_foreign_syscall(word_t number);
/* A fault recorded in the current thread; ends as fault_send() and sched_schedule() would. */
struct tcb *fastpath_fault(struct tcb *t);

#endif
