/* Kernel entry: dispatch by number, then by capability type (ABI sheet 1.11, 2). */
#ifndef CAPSCOPE_KERNEL_SYSCALL_H
#define CAPSCOPE_KERNEL_SYSCALL_H

#include "kernel/kernel.h"

/* Entry points of the vectors, called with the current thread's registers saved in its TCB. They
 * return the thread to run, which is current_thread(), with its registers in its TCB. */
struct tcb *kernel_enter_syscall(word_t number);
struct tcb *kernel_enter_irq(void);
struct tcb *kernel_enter_undefined(void);
struct tcb *kernel_enter_data_abort(vaddr_t addr, word_t fsr);
struct tcb *kernel_enter_prefetch_abort(vaddr_t addr, word_t fsr);

/* Call on the capability that r0 was found to name. */
struct tcb *syscall_call(struct slot *slot);
/* Any system call, the long way, after REG_FAULT_IP was set to the svc. */
struct tcb *syscall_slow(word_t number);

#endif
