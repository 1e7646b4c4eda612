/* System-call entry: dispatch by number, then by capability type (ABI sheet 1.11, 2). */
#ifndef CAPSCOPE_KERNEL_SYSCALL_H
#define CAPSCOPE_KERNEL_SYSCALL_H

#include "kernel/kernel.h"

/* Entry points of the vectors, called with the current thread's registers saved in its TCB; on
 * return the thread to run is current_thread() with its registers in its TCB. */
void kernel_enter_syscall(word_t number);
void kernel_enter_irq(void);
void kernel_enter_undefined(void);
void kernel_enter_data_abort(vaddr_t addr, word_t fsr);
void kernel_enter_prefetch_abort(vaddr_t addr, word_t fsr);

#endif
