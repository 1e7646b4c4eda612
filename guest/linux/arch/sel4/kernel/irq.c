// SPDX-License-Identifier: GPL-2.0
/* Interrupts, noted by a thread of their own (kernel/head.S), and time: the i.MX31's GPT counts and compares. */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/sched_clock.h>
#include <asm/irq_regs.h>
#include <asm/sel4.h>

#define CLOCK_HZ	38999040	/* IPG clock */
#define GPT(off)	(*(volatile u32 *)(DEVICE_BASE(DEVICE_TIMER) + (off)))
#define GPT_CR		GPT(0x00)
#define GPT_PR		GPT(0x04)
#define GPT_SR		GPT(0x08)
#define GPT_IR		GPT(0x0c)
#define GPT_OCR1	GPT(0x10)
#define GPT_CNT		GPT(0x24)
#define GPT_CR_RUN	(1 << 6 | 1 << 9 | 2 | 1)	/* IPG clock, free-running, enabled */
#define GPT_OF1		1
#define TICK_AT_LEAST	400	/* counts that a comparison may take to be set */

unsigned long sel4_irqs_on, sel4_irqs_pending;

static void ack(struct irq_data *d)
{
	sel4_trap(SYS_SEL4_CALL, HANDOVER_IRQ + d->irq - 1, sel4_tag(IRQ_HANDLER_ACK, 0, 0), 0, 0, 0, 0);
}
static void nothing(struct irq_data *d) { }
static struct irq_chip chip = {
	.name = "sel4", .irq_mask = nothing, .irq_unmask = nothing, .irq_eoi = ack,
};

void __init init_IRQ(void)
{
	unsigned int i;

	for (i = 0; i < sel4_given->devices; i++)
		irq_set_chip_and_handler(i + 1, &chip, handle_fasteoi_irq);
}

/* The other thread only adds bits, and cannot be interrupted by this one. */
static unsigned long take_pending(void)
{
	unsigned long bits, fail;

	do
		asm volatile("ldrex %0, [%2]\n strex %1, %3, [%2]" : "=&r"(bits), "=&r"(fail)
			     : "r"(&sel4_irqs_pending), "r"(0) : "memory");
	while (fail);
	return bits;
}

void sel4_handle_irqs(void)
{
	struct pt_regs *old = set_irq_regs(task_pt_regs(current));
	unsigned long bits;

	WRITE_ONCE(sel4_irqs_on, 0);
	while ((bits = take_pending()) != 0) {
		unsigned int i;

		irq_enter();
		for (i = 0; bits >> i; i++)
			if (bits >> i & 1)
				generic_handle_irq(i + 1);
		irq_exit();
	}
	set_irq_regs(old);
	WRITE_ONCE(sel4_irqs_on, 1);
}

void arch_cpu_idle(void)
{
	if (!READ_ONCE(sel4_irqs_pending))
		sel4_trap(SYS_SEL4_RECV, HANDOVER_BELL, 0, 0, 0, 0, 0);
	raw_local_irq_enable();
}

unsigned long sel4_gpt_count(void)
{
	return GPT_CNT;
}
static u64 notrace sched_count(void) { return sel4_gpt_count(); }
static u64 read_gpt(struct clocksource *cs) { return sel4_gpt_count(); }
static struct clocksource gpt = {
	.name = "gpt", .rating = 200, .read = read_gpt, .mask = CLOCKSOURCE_MASK(32),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

static int gpt_next(unsigned long delta, struct clock_event_device *d)
{
	u32 from = GPT_CNT;

	GPT_OCR1 = from + delta;
	GPT_SR = GPT_OF1;
	GPT_IR = GPT_OF1;
	return GPT_CNT - from >= delta ? -ETIME : 0;
}
static int gpt_stop(struct clock_event_device *d)
{
	GPT_IR = 0;
	GPT_SR = GPT_OF1;
	return 0;
}
static struct clock_event_device gpt_events = {
	.name = "gpt", .features = CLOCK_EVT_FEAT_ONESHOT, .rating = 200,
	.set_next_event = gpt_next, .set_state_shutdown = gpt_stop, .set_state_oneshot = gpt_stop,
};

static irqreturn_t tick(int irq, void *d)
{
	static unsigned int ticks;

	GPT_SR = GPT_OF1;
	if (ticks++ % HZ == 0)
		sel4_trap(SYS_SEL4_SEND, HANDOVER_ALIVE, 0, 0, 0, 0, 0);
	gpt_events.event_handler(&gpt_events);
	return IRQ_HANDLED;
}

void __init time_init(void)
{
	GPT_CR = 0;
	GPT_PR = 0;
	GPT_CR = GPT_CR_RUN;
	sched_clock_register(sched_count, 32, CLOCK_HZ);
	clocksource_register_hz(&gpt, CLOCK_HZ);
	gpt_events.cpumask = cpumask_of(0);
	if (request_irq(IRQ_TIMER, tick, IRQF_TIMER, "tick", NULL))
		panic("no timer interrupt");
	clockevents_config_and_register(&gpt_events, CLOCK_HZ, TICK_AT_LEAST, 0x7fffffff);
}
