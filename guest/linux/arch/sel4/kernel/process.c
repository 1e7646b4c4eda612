// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/sel4.h>
#include <asm/switch_to.h>

struct task_struct *__sel4_switch(struct task_struct *prev, struct sel4_context *from, struct sel4_context *to);
void sel4_new_task(void);

struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next)
{
	sel4_stop_user(prev);
	sel4_name_user(prev);
	sel4_current = next;
	return __sel4_switch(prev, &prev->thread.ctx, &next->thread.ctx);
}

int arch_dup_task_struct(struct task_struct *dst, struct task_struct *src)
{
	*dst = *src;
	dst->thread.tcb = 0;
	dst->thread.space = 0;
	dst->thread.state = USER_NONE;
	return 0;
}

int copy_thread(struct task_struct *p, const struct kernel_clone_args *args)
{
	struct pt_regs *regs = task_pt_regs(p);

	memset(&p->thread.ctx, 0, sizeof(p->thread.ctx));
	p->thread.write = WRITE_ALL;
	p->thread.in_syscall = false;
	p->thread.regs_known = true;
	if (args->fn) {
		memset(regs, 0, sizeof(*regs));
		p->thread.ctx.r4_r11[0] = (unsigned long)args->fn;
		p->thread.ctx.r4_r11[1] = (unsigned long)args->fn_arg;
	} else {
		sel4_read_user_registers();
		*regs = *current_pt_regs();
		regs->ARM_r0 = 0;
		if (args->stack)
			regs->ARM_sp = args->stack;
		if (args->flags & CLONE_SETTLS)
			p->thread.tls = args->tls;
	}
	p->thread.ctx.sp = (unsigned long)regs;
	p->thread.ctx.lr = (unsigned long)sel4_new_task;
	return 0;
}

void start_thread(struct pt_regs *regs, unsigned long pc, unsigned long sp)
{
	memset(regs, 0, sizeof(*regs));
	regs->ARM_pc = pc;
	regs->ARM_sp = sp;
	regs->ARM_cpsr = USR_MODE;
	current->thread.write = WRITE_ALL;
	current->thread.regs_known = true;
	current->thread.in_syscall = false;
}

void flush_thread(void)
{
	current->thread.tls = 0;
}

void arch_release_task_struct(struct task_struct *t)
{
	sel4_free_tcb(t);
}

void exit_thread(struct task_struct *t)
{
	sel4_stop_user(t);
}

void show_regs(struct pt_regs *regs)
{
	int i;

	show_regs_print_info(KERN_DEFAULT);
	for (i = 0; i < 16; i++)
		pr_cont("%sr%d %08lx", i % 4 ? " " : "\n", i, regs->uregs[i]);
	pr_cont("\n");
}

void show_stack(struct task_struct *task, unsigned long *sp, const char *level)
{
	unsigned long here, end;
	int n = 0;

	if (!task)
		task = current;
	if (!sp)
		sp = task == current ? &here : (unsigned long *)task->thread.ctx.sp;
	end = (unsigned long)task_stack_page(task) + THREAD_SIZE;
	for (; (unsigned long)sp < end && n < 24; sp++)
		if (__kernel_text_address(*sp)) {
			printk("%s %pS\n", level, (void *)*sp);
			n++;
		}
}

void ptrace_disable(struct task_struct *t) { }
long arch_ptrace(struct task_struct *t, long request, unsigned long addr, unsigned long data)
{
	return ptrace_request(t, request, addr, data);
}
const struct user_regset_view *task_user_regset_view(struct task_struct *t)
{
	return NULL;
}

/* --- system calls --- */

asmlinkage long sys_arm_fadvise64_64(int fd, int advice, loff_t offset, loff_t len)
{
	return ksys_fadvise64_64(fd, offset, len, advice);
}
asmlinkage long sys_mmap2(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
			  unsigned long fd, unsigned long pgoff)
{
	return ksys_mmap_pgoff(addr, len, prot, flags, fd, pgoff);
}
/* EABI user code pads struct statfs64 */
asmlinkage long sys_statfs64_wrapper(const char __user *path, size_t size, struct statfs64 __user *buf)
{
	return sys_statfs64(path, size == 88 ? 84 : size, buf);
}
asmlinkage long sys_fstatfs64_wrapper(unsigned int fd, size_t size, struct statfs64 __user *buf)
{
	return sys_fstatfs64(fd, size == 88 ? 84 : size, buf);
}

typedef long (*syscall_fn)(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);
extern const syscall_fn sel4_syscall_table[NR_syscalls];

/* Numbers of ARM's own, and those that look at all registers. False: it is none of these. */
static noinline bool own_syscall(struct pt_regs *regs, unsigned long nr)
{
	struct thread_struct *th = &current->thread;

	switch (nr) {
	case __ARM_NR_set_tls:
		th->tls = regs->ARM_r0;
		sel4_counts[COUNT_OTHER]++;
		sel4_must(sel4_thread_tls(th->tcb, th->tls), "set a thread pointer");
		regs->ARM_r0 = 0;
		return true;
	case __ARM_NR_get_tls:
		regs->ARM_r0 = th->tls;
		return true;
	case __ARM_NR_cacheflush:
		sel4_unify(current->mm, regs->ARM_r0, regs->ARM_r1);
		regs->ARM_r0 = 0;
		return true;
	case __NR_sigreturn:
	case __NR_rt_sigreturn:
		sel4_read_user_registers();
		th->in_syscall = false;	/* the interrupted code's result stays as it was */
		sel4_sigreturn(regs, nr == __NR_rt_sigreturn);
		return true;
	}
	return false;
}

void sel4_do_syscall(struct pt_regs *regs, unsigned long nr)
{
	if (unlikely(nr >= NR_syscalls || !sel4_syscall_table[nr] || nr == __NR_sigreturn || nr == __NR_rt_sigreturn)) {
		if (!own_syscall(regs, nr))
			regs->ARM_r0 = -ENOSYS;
		return;
	}
	regs->ARM_r0 = sel4_syscall_table[nr](regs->ARM_r0, regs->ARM_r1, regs->ARM_r2, regs->ARM_r3, regs->ARM_r4,
					      regs->ARM_r5);
}
