/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts reach Linux where it allows them again: a second seL4 thread notes that there are some
 * (kernel/head.S), and the end of each stretch without interrupts looks at that note, at the cost of
 * one load.
 */
#ifndef _ASM_SEL4_IRQFLAGS_H
#define _ASM_SEL4_IRQFLAGS_H
extern unsigned long sel4_irqs_on;
extern unsigned long sel4_irqs_pending;	/* badge bits */
void sel4_handle_irqs(void);		/* all that are pending */
#define ARCH_IRQ_DISABLED	0
#define ARCH_IRQ_ENABLED	1
static inline unsigned long arch_local_save_flags(void)
{
	return READ_ONCE(sel4_irqs_on);
}
static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	barrier();
	WRITE_ONCE(sel4_irqs_on, flags);
	barrier();
	if (__builtin_expect(READ_ONCE(sel4_irqs_pending) != 0, 0) && flags)
		sel4_handle_irqs();
}
#include <asm-generic/irqflags.h>
#endif
