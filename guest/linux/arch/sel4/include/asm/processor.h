/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_SEL4_PROCESSOR_H
#define _ASM_SEL4_PROCESSOR_H
#include <asm/ptrace.h>
#include <asm/page.h>

#define TASK_SIZE		0xbf000000UL
#define TASK_UNMAPPED_BASE	0x40000000UL
#define STACK_TOP		TASK_SIZE
#define STACK_TOP_MAX		TASK_SIZE

#ifndef __ASSEMBLY__
struct sel4_context {
	unsigned long r4_r11[8], sp, lr;
};

/* the seL4 thread that executes a task's user code, see kernel/user.c */
enum sel4_user_state { USER_NONE, USER_STOPPED, USER_RUNS, USER_IN_FAULT };
enum sel4_user_write { WRITE_NOTHING, WRITE_RESULT, WRITE_ALL };
struct thread_struct {
	struct sel4_context ctx;	/* where the kernel part continues */
	unsigned long tcb;		/* its seL4 thread, 0: none yet */
	unsigned long space;		/* page directory it was given last */
	unsigned long badge;		/* of its messages there */
	enum sel4_user_state state;
	enum sel4_user_write write;	/* what user entry has to hand over */
	bool in_syscall;		/* stopped by a system call (else: by a page fault) */
	bool regs_known;		/* pt_regs hold all registers */
	unsigned long tls;
	unsigned long fault_address;
};
#define INIT_THREAD { }
#define task_pt_regs(p)	((struct pt_regs *)(THREAD_SIZE - 8 + (unsigned long)task_stack_page(p)) - 1)
#define KSTK_EIP(tsk)	(task_pt_regs(tsk)->ARM_pc)
#define KSTK_ESP(tsk)	(task_pt_regs(tsk)->ARM_sp)
void start_thread(struct pt_regs *regs, unsigned long pc, unsigned long sp);
struct task_struct;
static inline unsigned long __get_wchan(struct task_struct *p) { return 0; }
extern unsigned long sel4_irqs_on, sel4_irqs_pending;
void sel4_handle_irqs(void);
/* who waits for an interrupt without leaving the kernel sees it here */
static inline void cpu_relax(void)
{
	if (READ_ONCE(sel4_irqs_pending) && READ_ONCE(sel4_irqs_on))
		sel4_handle_irqs();
	barrier();
}
#endif
#endif
