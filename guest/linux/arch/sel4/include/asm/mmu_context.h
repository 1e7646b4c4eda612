/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SEL4_MMU_CONTEXT_H
#define _ASM_SEL4_MMU_CONTEXT_H
#include <linux/mm_types.h>
#include <asm-generic/mm_hooks.h>
static inline int init_new_context(struct task_struct *tsk, struct mm_struct *mm)
{
	mm->context.space = 0;
	mm->context.badge = 0;
	mm->context.tables = NULL;
	return 0;
}
#define init_new_context init_new_context
void destroy_context(struct mm_struct *mm);
#define destroy_context destroy_context
/* Before a task leaves its address space: its thread does not, whatever it told Linux (kernel/user.c). */
void sel4_halt_user(struct task_struct *t);
static inline void deactivate_mm(struct task_struct *t, struct mm_struct *mm)
{
	sel4_halt_user(t);
}
#define deactivate_mm deactivate_mm
/* nothing to switch: a thread runs in the directory its TCB was given */
static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next, struct task_struct *tsk)
{
}
#include <asm-generic/mmu_context.h>
#endif
