// SPDX-License-Identifier: GPL-2.0
/*
 * User code: each task with one has a seL4 thread, and only the current task's can run.
 *
 * A task that goes to user mode ends up in sel4_user_loop() on its kernel stack: it lets its thread
 * go on and receives on the fault endpoint.  What comes is that thread's next fault (a system call
 * is one) or an interrupt's notification.
 */
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/perf_event.h>
#include <linux/resume_user_mode.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <asm/unistd.h>
#include <asm/sel4.h>

/* whose reply capability the server holds */
static struct task_struct *reply_owner;

/* seL4's order of registers: pc sp cpsr r0 r1 r8-r12 r2-r7 r14 */
static const u8 order[17] = { 15, 13, 16, 0, 1, 8, 9, 10, 11, 12, 2, 3, 4, 5, 6, 7, 14 };

/* After this pt_regs hold everything, and will be handed over as a whole. */
void sel4_read_user_registers(void)
{
	struct thread_struct *th = &current->thread;
	struct pt_regs *regs = task_pt_regs(current), kept;
	unsigned long values[17];
	unsigned int i;

	if (th->regs_known || th->state == USER_NONE)
		return;
	kept = *regs;
	sel4_counts[COUNT_REGISTERS]++;
	sel4_must(sel4_thread_read(th->tcb, 17, values), "read registers");
	for (i = 0; i < 17; i++)
		regs->uregs[order[i]] = values[i];
	if (reply_owner == current)
		reply_owner = NULL;
	th->state = USER_STOPPED;
	if (th->in_syscall) {	/* what the system call set stays */
		regs->ARM_pc = kept.ARM_pc;
		regs->ARM_r0 = kept.ARM_r0;
	}
	regs->ARM_ORIG_r0 = kept.ARM_ORIG_r0;
	th->regs_known = true;
	th->write = WRITE_ALL;
}

static int write_registers(struct task_struct *t, unsigned int count)
{
	struct pt_regs *regs = task_pt_regs(t);
	unsigned long values[18];
	unsigned int i;

	for (i = 0; i < 17; i++)
		values[i] = regs->uregs[order[i]];
	values[17] = t->thread.tls;
	sel4_counts[COUNT_REGISTERS]++;
	return sel4_thread_write(t->thread.tcb, count, values);
}

/* seL4 objects or mappings have ended, though Linux's own memory has not: a process is chosen and killed, as
 * then, and what failed is tried again. */
static noinline void out_of_objects(void)
{
	struct oom_control oc = { .gfp_mask = GFP_KERNEL };

	pr_err_ratelimited("sel4: no memory for objects of %s[%d]\n", current->comm, current->pid);
	if (mutex_trylock(&oom_lock)) {
		out_of_memory(&oc);
		mutex_unlock(&oom_lock);
	}
	schedule_timeout_killable(1);
}

/* The first time, and when the task got another address space.  False: no memory for it now. */
static noinline bool prepare_thread(struct task_struct *t, unsigned long space)
{
	struct thread_struct *th = &t->thread;

	if (!th->tcb) {
		sel4_counts[COUNT_OBJECT]++;
		th->tcb = sel4_thread_new();
		th->space = SEL4_OWN_SPACE;	/* none that it could be given */
		th->state = USER_STOPPED;
		th->write = WRITE_ALL;
		if (th->tcb)
			sel4_name_user(t);
	}
	if (!th->tcb || !space)
		return false;
	sel4_counts[COUNT_OTHER]++;
	sel4_must(sel4_thread_space(th->tcb, space), "give a thread its space");
	th->space = space;
	th->badge = t->mm->context.badge;
	return true;
}

/* On a kernel with names a thread is called as its process calls itself; what was said last is kept,
 * since this is asked at each switch. */
void sel4_name_user(struct task_struct *t)
{
	static struct { unsigned long tcb; pid_t pid; char comm[TASK_COMM_LEN]; } said[256];
	typeof(*said) *s = &said[t->thread.tcb % ARRAY_SIZE(said)];

	if (!sel4_names || !t->thread.tcb)
		return;
	if (s->tcb == t->thread.tcb && s->pid == t->pid && !memcmp(s->comm, t->comm, TASK_COMM_LEN))
		return;
	s->tcb = t->thread.tcb;
	s->pid = t->pid;
	memcpy(s->comm, t->comm, TASK_COMM_LEN);
	sel4_thread_name(s->tcb, t->comm, t->pid);
}

void sel4_stop_user(struct task_struct *t)
{
	struct thread_struct *th = &t->thread;

	if (th->state == USER_RUNS) {
		sel4_counts[COUNT_OTHER]++;
		sel4_must(sel4_thread_suspend(th->tcb), "suspend");
		th->state = USER_STOPPED;
	}
}

/* Also one whose fault is being handled: a system call may be a message that it sent, and then it goes on. */
void sel4_halt_user(struct task_struct *t)
{
	struct thread_struct *th = &t->thread;

	if (th->state == USER_IN_FAULT) {
		th->state = USER_RUNS;
		if (reply_owner == t)
			reply_owner = NULL;
	}
	sel4_stop_user(t);
	th->space = SEL4_OWN_SPACE;	/* what it is in now may soon be another's */
}

void sel4_free_tcb(struct task_struct *t)
{
	struct thread_struct *th = &t->thread;

	sel4_halt_user(t);
	if (th->tcb) {
		sel4_counts[COUNT_FREE]++;
		sel4_thread_free(th->tcb);
	}
	th->tcb = 0;
	th->state = USER_NONE;
}

/* The long way to user mode: registers are written, the thread is resumed. */
static noinline void start_user(struct pt_regs *regs)
{
	struct thread_struct *th = &current->thread;

	if (th->state == USER_RUNS && th->write != WRITE_NOTHING)
		sel4_stop_user(current);
	if (th->write == WRITE_ALL) {
		sel4_must(write_registers(current, 18), "write registers");
	} else if (th->write == WRITE_RESULT) {
		sel4_must(write_registers(current, 4), "write a result");
	} else if (th->state != USER_RUNS) {
		sel4_counts[COUNT_OTHER]++;
		sel4_must(sel4_thread_resume(th->tcb), "resume");
	}
	th->state = USER_RUNS;
	th->write = WRITE_NOTHING;
	reply_owner = NULL;	/* receiving drops a reply capability that is still held */
}

/* Lets the current task's thread go on; returns with the next message. */
static __always_inline struct sel4_regs run_user(struct pt_regs *regs)
{
	struct thread_struct *th = &current->thread;
	struct sel4_regs m;

	th->regs_known = false;
	if (likely(reply_owner == current && th->state == USER_IN_FAULT && th->write != WRITE_ALL)) {
		reply_owner = NULL;
		th->state = USER_RUNS;
		th->write = WRITE_NOTHING;
		if (th->in_syscall) {
			sel4_msg(4) = regs->ARM_r4;
			sel4_msg(5) = regs->ARM_r5;
			sel4_msg(6) = regs->ARM_r6;
			sel4_msg(7) = regs->ARM_r7;
			sel4_msg(8) = regs->ARM_pc;
			m = sel4_trap(SYS_SEL4_REPLY_RECV, HANDOVER_FAULTS, sel4_tag(0, 0, 9), regs->ARM_r0, regs->ARM_r1,
				      regs->ARM_r2, regs->ARM_r3);
		} else {
			m = sel4_trap(SYS_SEL4_REPLY_RECV, HANDOVER_FAULTS, 0, 0, 0, 0, 0);
		}
	} else {
		start_user(regs);
		m = sel4_trap(SYS_SEL4_RECV, HANDOVER_FAULTS, 0, 0, 0, 0, 0);
	}
	return m;
}

static int show_faults = 1;

/* --- faults --- */

/* 0: the page can be accessed now */
int sel4_fault_in(unsigned long addr, bool write, bool exec, bool user)
{
	struct mm_struct *mm = current->mm;
	struct pt_regs *regs = task_pt_regs(current);
	struct vm_area_struct *vma;
	unsigned int flags = FAULT_FLAG_DEFAULT | (user ? FAULT_FLAG_USER : 0) | (write ? FAULT_FLAG_WRITE : 0) |
			     (exec ? FAULT_FLAG_INSTRUCTION : 0);
	unsigned long need = write ? VM_WRITE : exec ? VM_EXEC : VM_READ | VM_EXEC | VM_WRITE;
	vm_fault_t fault;
	int sig = SIGSEGV, code = SEGV_MAPERR;

	if (!mm || faulthandler_disabled() || addr >= TASK_SIZE)
		goto bad;
retry:
	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start > addr) {
		if (!(vma->vm_flags & VM_GROWSDOWN)) {
			vma = NULL;
		} else {
			mmap_read_unlock(mm);
			vma = lock_mm_and_find_vma(mm, addr, NULL);
			if (!vma)
				goto bad;
		}
	}
	if (!vma) {
		mmap_read_unlock(mm);
		goto bad;
	}
	if (!(vma->vm_flags & need)) {
		mmap_read_unlock(mm);
		code = SEGV_ACCERR;
		goto bad;
	}
	fault = handle_mm_fault(vma, addr, flags, NULL);
	if (fault_signal_pending(fault, regs))
		return -EINTR;
	if (fault & VM_FAULT_COMPLETED)
		return 0;
	if (fault & VM_FAULT_RETRY) {
		flags |= FAULT_FLAG_TRIED;
		goto retry;
	}
	mmap_read_unlock(mm);
	if (!(fault & VM_FAULT_ERROR))
		return 0;
	if (fault & VM_FAULT_OOM) {
		if (user)
			pagefault_out_of_memory();
		return user ? 0 : -ENOMEM;
	}
	if (fault & VM_FAULT_SIGBUS) {
		sig = SIGBUS;
		code = BUS_ADRERR;
	}
bad:
	if (user) {
		current->thread.fault_address = addr;
		if (show_faults)
			pr_info("%s[%d]: fault at %08lx, pc %08lx%s\n", current->comm, current->pid, addr, regs->ARM_pc,
				write ? ", write" : "");
		force_sig_fault(sig, code, (void __user *)addr);
	}
	return -EFAULT;
}

/* The helpers that ARM Linux keeps at the end of its vector page (Documentation/arm/kernel_user_helpers.rst):
 * on capscope user code executes them there.  On a kernel that lets nobody go there calls arrive as
 * faults and are done here. */
static bool helper(struct pt_regs *regs, unsigned long pc)
{
	u32 old;
	u64 old64, want;

	if (pc < 0xffff0f60)
		return false;
	sel4_counts[COUNT_HELPERS]++;
	sel4_read_user_registers();
	switch (pc) {
	case 0xffff0fe0:	/* get_tls */
		regs->ARM_r0 = current->thread.tls;
		break;
	case 0xffff0fc0:	/* cmpxchg(old, new, p) */
		if (get_user(old, (u32 __user *)regs->ARM_r2))
			return false;
		if (old == regs->ARM_r0) {
			if (put_user((u32)regs->ARM_r1, (u32 __user *)regs->ARM_r2))
				return false;
			regs->ARM_r0 = 0;
			regs->ARM_cpsr |= PSR_C_BIT;
		} else {
			regs->ARM_r0 = 1;
			regs->ARM_cpsr &= ~PSR_C_BIT;
		}
		break;
	case 0xffff0fa0:	/* barrier */
		break;
	case 0xffff0f60:	/* cmpxchg64(&old, &new, p) */
		if (copy_from_user(&want, (void __user *)regs->ARM_r0, 8) ||
		    copy_from_user(&old64, (void __user *)regs->ARM_r2, 8))
			return false;
		if (old64 == want) {
			if (copy_from_user(&want, (void __user *)regs->ARM_r1, 8) ||
			    copy_to_user((void __user *)regs->ARM_r2, &want, 8))
				return false;
			regs->ARM_r0 = 0;
			regs->ARM_cpsr |= PSR_C_BIT;
		} else {
			regs->ARM_r0 = 1;
			regs->ARM_cpsr &= ~PSR_C_BIT;
		}
		break;
	default:
		return false;
	}
	regs->ARM_pc = regs->ARM_lr;
	return true;
}

/* a load of the helpers' version word */
static bool version_word(struct pt_regs *regs, unsigned long addr)
{
	u32 insn;

	if (addr != 0xffff0ffc)
		return false;
	sel4_read_user_registers();
	if (get_user(insn, (u32 __user *)regs->ARM_pc) || (insn & 0x0e500000) != 0x04100000)
		return false;
	regs->uregs[insn >> 12 & 15] = 5;
	regs->ARM_pc += 4;
	return true;
}

static void vm_fault(struct pt_regs *regs, unsigned long addr, bool exec, unsigned long fsr)
{
	bool write = !exec && (fsr & 1 << 11);
	enum sel4_shadow result = SHADOW_REFUSED;

	sel4_counts[COUNT_FAULTS]++;
	if (exec && helper(regs, addr))
		return;
	if (!exec && version_word(regs, addr))
		return;
	if (addr < TASK_SIZE)
		result = sel4_shadow(current->mm, addr, write, true);
	if (result == SHADOW_REFUSED && sel4_fault_in(addr, write, exec, true) == 0)
		result = sel4_shadow(current->mm, addr, write, false);
	if (unlikely(result == SHADOW_NO_MEMORY))
		out_of_objects();
}

/* an undefined instruction, or the thread tried a system call of seL4's */
static void other_fault(struct pt_regs *regs, unsigned long kind)
{
	if (show_faults)
		pr_info("%s[%d]: fault %lu at pc %08lx\n", current->comm, current->pid, kind, regs->ARM_pc);
	force_sig_fault(SIGILL, ILL_ILLOPC, (void __user *)regs->ARM_pc);
}

static __always_inline void user_fault(struct pt_regs *regs, const struct sel4_regs *m)
{
	struct thread_struct *th = &current->thread;

	if (likely(sel4_label(m->tag) == FAULT_SYSCALL)) {
		regs->ARM_r0 = regs->ARM_ORIG_r0 = m->mr[0];
		regs->ARM_r1 = m->mr[1];
		regs->ARM_r2 = m->mr[2];
		regs->ARM_r3 = m->mr[3];
		regs->ARM_r4 = sel4_msg(4);
		regs->ARM_r5 = sel4_msg(5);
		regs->ARM_r6 = sel4_msg(6);
		regs->ARM_r7 = sel4_msg(7);
		regs->ARM_pc = sel4_msg(8) + 4;
		regs->ARM_sp = sel4_msg(9);
		regs->ARM_lr = sel4_msg(10);
		regs->ARM_cpsr = sel4_msg(11);
		th->in_syscall = true;
		th->write = WRITE_RESULT;
		sel4_counts[COUNT_SYSCALLS]++;
		local_irq_enable();
		sel4_do_syscall(regs, regs->ARM_r7);
		return;
	}
	th->in_syscall = false;
	regs->ARM_pc = m->mr[0];
	local_irq_enable();
	if (sel4_label(m->tag) == FAULT_VM)
		vm_fault(regs, m->mr[1], m->mr[2], m->mr[3]);
	else
		other_fault(regs, sel4_label(m->tag));
}

static noinline void work_before_user(struct pt_regs *regs)
{
	unsigned long flags;

	while ((flags = READ_ONCE(current_thread_info()->flags)) & _TIF_WORK_MASK) {
		local_irq_enable();
		if (flags & _TIF_NEED_RESCHED)
			schedule();
		if (flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL)) {
			sel4_read_user_registers();
			if (sel4_do_signals(regs, current->thread.in_syscall))
				sel4_do_syscall(regs, __NR_restart_syscall);
			else
				current->thread.in_syscall = false;
		}
		if (flags & _TIF_NOTIFY_RESUME)
			resume_user_mode_work(regs);
		local_irq_disable();
	}
}

/* A thread that was not let go on has sent something: it has used the kernel below as if that were a
 * fault, and runs beside Linux's back.  Its process ends. */
static noinline void stop_stranger(unsigned long badge)
{
	struct task_struct *p, *t;

	rcu_read_lock();
	for_each_process_thread(p, t)
		if (t->mm && t->mm->context.badge == badge) {
			pr_err_ratelimited("sel4: %s[%d] sends what is not its turn, it is killed\n", t->comm, t->pid);
			sel4_halt_user(t);
			send_sig(SIGKILL, t, 1);
		}
	rcu_read_unlock();
}

void __noreturn sel4_user_loop(void)
{
	struct pt_regs *regs = task_pt_regs(current);
	struct thread_struct *th = &current->thread;

	for (;;) {
		struct sel4_regs m;
		unsigned long space;

		local_irq_disable();
		if (unlikely(READ_ONCE(current_thread_info()->flags) & _TIF_WORK_MASK))
			work_before_user(regs);
		space = sel4_space_of(current->mm);
		if (unlikely(th->space != space || !th->tcb) && !prepare_thread(current, space)) {
			local_irq_enable();
			out_of_objects();
			continue;
		}
		if (unlikely(READ_ONCE(sel4_irqs_pending))) {
			local_irq_enable();
			continue;
		}
		m = run_user(regs);
		if (unlikely(m.badge != th->badge)) {	/* mostly the bell: there are interrupts */
			th->in_syscall = false;
			local_irq_enable();
			if (m.badge != HANDOVER_BADGE_BELL)
				stop_stranger(m.badge);
			continue;
		}
		th->state = USER_IN_FAULT;
		reply_owner = current;
		user_fault(regs, &m);
	}
}
