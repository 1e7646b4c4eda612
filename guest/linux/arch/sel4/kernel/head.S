/* SPDX-License-Identifier: GPL-2.0 */
/* Entries of the two threads, switch between kernel stacks, first steps of a new task. */
#include <linux/init.h>
#include <linux/linkage.h>
#include <asm/thread_info.h>
	.syntax unified
	.arm
	__HEAD
/* Both threads begin here: r0 = BootInfo for the server, 0 for the one that notices interrupts. */
ENTRY(_start)
	cmp	r0, #0
	beq	notice
	ldr	sp, =init_stack + THREAD_SIZE - 8
	mov	fp, #0
	bl	sel4_start
	b	start_kernel

/*
 * Has no stack and works above the server's priority: waits for interrupts, adds their bits to those
 * that the server has not handled yet, rings the bell that ends the server's waiting.
 */
notice:
	mov	r0, #19			@ HANDOVER_EVENTS
	mvn	r7, #4			@ Recv
	svc	0
	ldr	r8, =sel4_irqs_pending
	ldr	r9, [r8]
	orr	r9, r9, r0
	str	r9, [r8]
	mov	r0, #21			@ HANDOVER_BELL
	mov	r1, #0
	mvn	r7, #2			@ Send
	svc	0
	b	notice

	.text
/* struct task_struct *__sel4_switch(prev task, prev context, next context): returns the task that ran before */
ENTRY(__sel4_switch)
	stmia	r1, {r4 - r11, sp, lr}
	ldmia	r2, {r4 - r11, sp, pc}

/* a new task's first steps: r0 = task before, r4 = function of a kernel thread or 0, r5 = its argument */
ENTRY(sel4_new_task)
	bl	schedule_tail
	cmp	r4, #0
	beq	1f
	mov	r0, r5
	blx	r4
1:	b	sel4_user_loop

/* libgcc's division by zero calls it */
ENTRY(raise)
	bx	lr
ENTRY(__aeabi_unwind_cpp_pr0)
	bx	lr
