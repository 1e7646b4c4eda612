/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SEL4_IRQ_H
#define _ASM_SEL4_IRQ_H
#define NR_IRQS		8	/* numbers of the handover's devices, from 1 */
#define IRQ_TIMER	1
#define IRQ_CONSOLE	2
#include <asm-generic/irq.h>
#endif
