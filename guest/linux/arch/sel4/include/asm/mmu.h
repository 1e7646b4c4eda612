/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SEL4_MMU_H
#define _ASM_SEL4_MMU_H
struct shadow_table;
typedef struct {
	unsigned long space;		/* its seL4 page directory, 0: none yet */
	unsigned long badge;		/* of messages from threads in there */
	struct shadow_table *tables;	/* what is mapped there */
} mm_context_t;
#endif
