// SPDX-License-Identifier: GPL-2.0
/* Signal frames as ARM Linux lays them out. */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <asm/sel4.h>
#include <asm/ucontext.h>

struct sigframe {
	struct ucontext uc;
	unsigned long code[4];
};
struct rt_sigframe {
	struct siginfo info;
	struct sigframe sig;
};

static int fill_context(struct ucontext __user *uc, struct pt_regs *regs, sigset_t *set)
{
	struct sigcontext __user *sc = &uc->uc_mcontext;
	int err;

	BUILD_BUG_ON(offsetof(struct sigcontext, fault_address) - offsetof(struct sigcontext, arm_r0) != 17 * 4);
	err = __copy_to_user(&sc->arm_r0, regs->uregs, 17 * 4);
	err |= __put_user(0, &sc->trap_no);
	err |= __put_user(0, &sc->error_code);
	err |= __put_user(set->sig[0], &sc->oldmask);
	err |= __put_user(current->thread.fault_address, &sc->fault_address);
	err |= __copy_to_user(&uc->uc_sigmask, set, sizeof(*set));
	err |= __put_user(0, &uc->uc_regspace[0]);
	return err;
}

/* For handlers without SA_RESTORER: mov r7, #number; svc 0, in the frame itself. */
static unsigned long return_code(struct sigframe __user *frame, bool info)
{
	unsigned long at = (unsigned long)frame->code;

	if (__put_user(0xe3a07000 | (info ? __NR_rt_sigreturn : __NR_sigreturn), &frame->code[0]) ||
	    __put_user(0xef000000, &frame->code[1]))
		return 0;
	sel4_shadow(current->mm, at, true, false);
	sel4_unify(current->mm, at, at + 8);
	return at;
}

static int setup_frame(struct ksignal *ksig, struct pt_regs *regs, sigset_t *set)
{
	bool info = ksig->ka.sa.sa_flags & SA_SIGINFO;
	unsigned long sp = sigsp(regs->ARM_sp, ksig);
	struct rt_sigframe __user *rt = NULL;
	struct sigframe __user *frame;
	int err;

	if (info) {
		rt = (void __user *)((sp - sizeof(*rt)) & ~7UL);
		frame = &rt->sig;
		sp = (unsigned long)rt;
	} else {
		frame = (void __user *)((sp - sizeof(*frame)) & ~7UL);
		sp = (unsigned long)frame;
	}
	if (!access_ok((void __user *)sp, sizeof(*rt)))
		return -EFAULT;
	err = info ? copy_siginfo_to_user(&rt->info, &ksig->info) : 0;
	err |= __put_user(info ? 0 : 0x5ac3c35a, &frame->uc.uc_flags);
	err |= __put_user(NULL, &frame->uc.uc_link);
	err |= __save_altstack(&frame->uc.uc_stack, regs->ARM_sp);
	err |= fill_context(&frame->uc, regs, set);
	if (err)
		return -EFAULT;
	regs->ARM_r0 = ksig->sig;
	if (info) {
		regs->ARM_r1 = (unsigned long)&rt->info;
		regs->ARM_r2 = (unsigned long)&frame->uc;
	}
	regs->ARM_sp = sp;
	regs->ARM_lr = ksig->ka.sa.sa_flags & SA_RESTORER ? (unsigned long)ksig->ka.sa.sa_restorer : return_code(frame, info);
	regs->ARM_pc = (unsigned long)ksig->ka.sa.sa_handler;
	return 0;
}

long sel4_sigreturn(struct pt_regs *regs, bool rt)
{
	struct sigframe __user *frame;
	unsigned long cpsr = regs->ARM_cpsr;
	sigset_t set;

	current->restart_block.fn = do_no_restart_syscall;
	if (regs->ARM_sp & 7)
		goto bad;
	frame = rt ? &((struct rt_sigframe __user *)regs->ARM_sp)->sig : (void __user *)regs->ARM_sp;
	if (copy_from_user(&set, &frame->uc.uc_sigmask, sizeof(set)) ||
	    copy_from_user(regs->uregs, &frame->uc.uc_mcontext.arm_r0, 17 * 4))
		goto bad;
	regs->ARM_cpsr = (regs->ARM_cpsr & 0xf8000000) | (cpsr & 0x07ffffff);
	set_current_blocked(&set);
	if (rt && restore_altstack(&frame->uc.uc_stack))
		goto bad;
	return 0;
bad:
	force_sig(SIGSEGV);
	return 0;
}

/* True: the system call goes on as restart_syscall(), whose number the caller's r7 need not know. */
bool sel4_do_signals(struct pt_regs *regs, bool in_syscall)
{
	struct ksignal ksig;
	unsigned long result = regs->ARM_r0;
	bool caught = get_signal(&ksig), restart = false;

	if (in_syscall && (result == -ERESTARTNOHAND || result == -ERESTARTSYS || result == -ERESTARTNOINTR ||
			   result == -ERESTART_RESTARTBLOCK)) {
		restart = !caught || result == -ERESTARTNOINTR ||
			  (result == -ERESTARTSYS && (ksig.ka.sa.sa_flags & SA_RESTART));
		if (restart) {
			regs->ARM_r0 = regs->ARM_ORIG_r0;
			if (result == -ERESTART_RESTARTBLOCK) {
				restore_saved_sigmask();
				return true;
			}
			regs->ARM_pc -= 4;
		} else {
			regs->ARM_r0 = -EINTR;
		}
	}
	if (caught)
		signal_setup_done(setup_frame(&ksig, regs, sigmask_to_save()), &ksig, 0);
	else
		restore_saved_sigmask();
	return false;
}
