// SPDX-License-Identifier: GPL-2.0
/*
 * Ways out, and /proc/sel4: what the port has asked for so far, by kind.
 *
 * Root may write a line there: `status N` is told to the manager when the system goes off; `wild` and
 * `loop` break the server, for those who want to see what becomes of the rest of the system.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/panic_notifier.h>
#include <linux/proc_fs.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <asm/sel4.h>

#define STATUS_PANIC	134

static unsigned long exit_status;
void (*pm_power_off)(void);

void machine_restart(char *cmd)
{
	for (;;)	/* the manager does not answer */
		sel4_trap(SYS_SEL4_CALL, HANDOVER_MANAGER, sel4_tag(MANAGER_RESTART, 0, 0), 0, 0, 0, 0);
}
void machine_halt(void) { sel4_power_off(exit_status); }
void machine_power_off(void) { sel4_power_off(exit_status); }

static int off_by_panic(struct notifier_block *nb, unsigned long event, void *text)
{
	pr_emerg("sel4: off after a panic: %s\n", (char *)text);
	sel4_power_off(STATUS_PANIC);
}
static struct notifier_block panic_block = { .notifier_call = off_by_panic };

static const char *const count_names[COUNT_KINDS] = {
	[COUNT_MAP] = "map", [COUNT_UNMAP] = "unmap", [COUNT_PROTECT] = "protect", [COUNT_OBJECT] = "object",
	[COUNT_FREE] = "free", [COUNT_SPACE] = "space", [COUNT_REGISTERS] = "registers", [COUNT_OTHER] = "other",
	[COUNT_INVOCATIONS] = "invocations", [COUNT_FAULTS] = "faults", [COUNT_SYSCALLS] = "syscalls",
	[COUNT_HELPERS] = "helpers", [COUNT_LOST] = "lost",
};

static int show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < COUNT_KINDS; i++)
		seq_printf(m, "%s %lu\n", count_names[i], sel4_counts[i]);
	if (sel4_served)
		served_show(m);
	else
		direct_show(m);
	seq_printf(m, "starts %u\n", sel4_given->starts);
	return 0;
}

static int open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static ssize_t write(struct file *file, const char __user *buf, size_t n, loff_t *pos)
{
	char line[32] = "";

	if (copy_from_user(line, buf, min(n, sizeof(line) - 1)))
		return -EFAULT;
	if (sscanf(line, "status %lu", &exit_status) == 1)
		return n;
	if (strstarts(line, "wild"))
		*(volatile int *)0xdead0000 = 1;
	if (strstarts(line, "loop")) {
		local_irq_disable();
		for (;;)
			barrier();
	}
	return -EINVAL;
}

static const struct proc_ops ops = {
	.proc_open = open, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = single_release,
	.proc_write = write,
};

static int __init proc_start(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	proc_create("sel4", 0600, NULL, &ops);
	return 0;
}
core_initcall(proc_start);

/* --- /proc/cpuinfo --- */

static int show_cpu(struct seq_file *m, void *v)
{
	seq_puts(m, "Processor\t: ARM1136 below seL4\n");
	return 0;
}
static void *start(struct seq_file *m, loff_t *pos) { return *pos ? NULL : (void *)1; }
static void *next(struct seq_file *m, void *v, loff_t *pos) { ++*pos; return NULL; }
static void stop(struct seq_file *m, void *v) { }
const struct seq_operations cpuinfo_op = { .start = start, .next = next, .stop = stop, .show = show_cpu };
