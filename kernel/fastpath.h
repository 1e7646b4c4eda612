/* The short way of Call and ReplyRecv (fastpath.c). */
#ifndef CAPSCOPE_KERNEL_FASTPATH_H
#define CAPSCOPE_KERNEL_FASTPATH_H

#include "kernel/kernel.h"

/* System calls of the current thread, given its r0 and r1; both end as syscall_slow() would, and
 * return the thread to run. */
struct tcb *fastpath_call(cptr_t cptr, word_t tag);
struct tcb *fastpath_reply_recv(cptr_t cptr, word_t tag);

#endif
