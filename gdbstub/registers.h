/* Registers as gdb numbers them: r0..r15 are 0..15, cpsr is 25 (target.xml says so).
 *
 * A thread's are the user registers in its TCB; the kernel's are where it stood when it stopped.
 * Writing keeps what must not change: the processor mode and the interrupt masks. */
#ifndef CAPSCOPE_GDBSTUB_REGISTERS_H
#define CAPSCOPE_GDBSTUB_REGISTERS_H

#include "kernel/armv6/trap.h"

enum { REGISTERS_CORE = 16, REGISTERS_CPSR = 25, REGISTERS_IN_G = 17 };

/* Where the kernel's registers are kept during this stop. */
void registers_kernel_at(struct trap_frame *frame);

/* By number in the g packet, 0..16; `thread` must exist. */
word_t registers_get(uint32_t thread, uint32_t i);
void registers_set(uint32_t thread, uint32_t i, word_t value);

/* The idle thread was interrupted by a breakpoint: its registers go where a thread's belong. */
void registers_keep_idle(const struct trap_frame *frame);

#endif
