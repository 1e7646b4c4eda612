// SPDX-License-Identifier: GPL-2.0
/* What start_kernel() asks of an architecture. */
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/sel4.h>

pgd_t swapper_pg_dir[PTRS_PER_PGD] __aligned(PAGE_SIZE);
unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)] __aligned(PAGE_SIZE);
struct task_struct *sel4_current = &init_task;
static char command_line[COMMAND_LINE_SIZE];
void sel4_boot_console(void);

void __init setup_arch(char **cmdline)
{
	unsigned long zones[MAX_NR_ZONES] = { 0 };

	snprintf(boot_command_line, COMMAND_LINE_SIZE, "%s %s", CONFIG_CMDLINE, sel4_given->text);
	strscpy(command_line, boot_command_line, COMMAND_LINE_SIZE);
	*cmdline = command_line;
	setup_initial_init_mm(_text, _etext, _edata, _end);
	sel4_boot_console();
	sel4_check_initramfs();
	parse_early_param();

	memblock_add(PAGE_OFFSET, sel4_image_end - PAGE_OFFSET);
	memblock_reserve(PAGE_OFFSET, sel4_image_end - PAGE_OFFSET);
	memblock_add(sel4_lowmem, sel4_lowmem_end - sel4_lowmem);
	min_low_pfn = PFN_DOWN(PAGE_OFFSET);
	max_low_pfn = max_pfn = PFN_DOWN(sel4_lowmem_end);
	set_max_mapnr(max_low_pfn - min_low_pfn);
	high_memory = (void *)sel4_lowmem_end;
	zones[ZONE_NORMAL] = max_low_pfn;
	free_area_init(zones);
	loops_per_jiffy = 1000000;
}

void __init mem_init(void)
{
	memblock_free_all();
}

static pgprot_t protection_map[16] = {
	[VM_NONE] = PAGE_NONE,
	[VM_READ] = PAGE_READONLY,
	[VM_WRITE] = PAGE_COPY,
	[VM_WRITE | VM_READ] = PAGE_COPY,
	[VM_EXEC] = PAGE_READONLY_EXEC,
	[VM_EXEC | VM_READ] = PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE] = PAGE_COPY_EXEC,
	[VM_EXEC | VM_WRITE | VM_READ] = PAGE_COPY_EXEC,
	[VM_SHARED] = PAGE_NONE,
	[VM_SHARED | VM_READ] = PAGE_READONLY,
	[VM_SHARED | VM_WRITE] = PAGE_SHARED,
	[VM_SHARED | VM_WRITE | VM_READ] = PAGE_SHARED,
	[VM_SHARED | VM_EXEC] = PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_READ] = PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE] = PAGE_SHARED_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE | VM_READ] = PAGE_SHARED_EXEC,
};
DECLARE_VM_GET_PAGE_PROT

void __delay(unsigned long loops)
{
	while (loops--)
		barrier();
}
void __udelay(unsigned long us)
{
	unsigned long from = sel4_gpt_count();

	while (sel4_gpt_count() - from < us * 39)
		;
}
void __ndelay(unsigned long ns) { __udelay(ns / 1000 + 1); }
void __const_udelay(unsigned long x) { __udelay(x / 0x10c7 + 1); }
void calibrate_delay(void) { }
