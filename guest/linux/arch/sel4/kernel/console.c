// SPDX-License-Identifier: GPL-2.0
/* The board's 16550 as an hvc terminal, usable before Linux runs. */
#include <linux/console.h>
#include <linux/init.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <asm/irq.h>
#include <asm/sel4.h>
#include "../../../drivers/tty/hvc/hvc_console.h"

#define REG(n)	(*(volatile u8 *)(DEVICE_BASE(DEVICE_CONSOLE) + 0x50 + (n)))
#define DATA	REG(0)
#define IER	REG(1)
#define FCR	REG(2)
#define LCR	REG(3)
#define MCR	REG(4)
#define LSR	REG(5)
#define LSR_DATA	0x01
#define LSR_EMPTY	0x20

static void uart_enable(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	LCR = 3;	/* 8 bits */
	FCR = 7;	/* queues, cleared */
	MCR = 8;	/* interrupts go out */
}

void sel4_console_put(char c)
{
	uart_enable();
	while (!(LSR & LSR_EMPTY))
		;
	DATA = (u8)c;
}

static int put_chars(u32 term, const char *buf, int count)
{
	int i;

	for (i = 0; i < count; i++)
		sel4_console_put(buf[i]);
	return count;
}

static int get_chars(u32 term, char *buf, int count)
{
	int n = 0;

	while (n < count && (LSR & LSR_DATA))
		buf[n++] = (char)DATA;
	return n;
}

static int start_irq(struct hvc_struct *hp, int irq)
{
	IER = 1;	/* data received */
	return notifier_add_irq(hp, irq);
}

static const struct hv_ops ops = {
	.get_chars = get_chars,
	.put_chars = put_chars,
	.notifier_add = start_irq,
	.notifier_del = notifier_del_irq,
	.notifier_hangup = notifier_hangup_irq,
};

static int __init uart_start(void)
{
	return PTR_ERR_OR_ZERO(hvc_alloc(0, IRQ_CONSOLE, &ops, 256));
}
device_initcall(uart_start);

static int __init uart_console(void)
{
	hvc_instantiate(0, 0, &ops);
	return 0;
}
console_initcall(uart_console);

static void boot_write(struct console *con, const char *s, unsigned n)
{
	for (; n; n--, s++) {
		if (*s == '\n')
			sel4_console_put('\r');
		sel4_console_put(*s);
	}
}

static struct console boot_console = {
	.name = "sel4", .write = boot_write, .flags = CON_PRINTBUFFER | CON_BOOT | CON_ANYTIME, .index = -1,
};

void __init sel4_boot_console(void)
{
	register_console(&boot_console);
}
