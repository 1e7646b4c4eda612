// SPDX-License-Identifier: GPL-2.0
/*
 * Before Linux: sel4_start() runs with nothing but the image, BootInfo and what was handed over.
 * Also the ways out, and the choice between the two variants.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <asm/sel4.h>

unsigned long *sel4_ipc_buffer;
const struct handover *sel4_given;
unsigned long sel4_lowmem, sel4_lowmem_end, sel4_image_end;
unsigned long sel4_counts[COUNT_KINDS];
bool sel4_served, sel4_names;

/* --- ways out --- */

static void put_text(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			sel4_console_put('\r');
		sel4_console_put(*s);
	}
}

static void put_number(unsigned long v)
{
	char text[12], *p = text + sizeof(text);

	*--p = 0;
	do {
		*--p = '0' + v % 10;
		v /= 10;
	} while (v);
	put_text(p);
}

void __noreturn sel4_power_off(unsigned long status)
{
	for (;;)	/* the manager does not answer */
		sel4_trap(SYS_SEL4_CALL, HANDOVER_MANAGER, sel4_tag(MANAGER_POWER_OFF, 0, 1), status, 0, 0, 0);
}

void __noreturn sel4_refuse(const char *sentence, unsigned long number)
{
	put_text("\nsel4: ");
	put_text(sentence);
	put_number(number);
	put_text("\n");
	sel4_power_off(1);
}

static const char *result_text(int error)
{
#define X(number, NAME, text) [number] = text,
	static const char *const texts[] = { RESOURCE_RESULT_LIST(X) };
#undef X
	return sel4_served && error < ARRAY_SIZE(texts) ? texts[error] : "an error of the kernel's";
}

void sel4_must(int error, const char *what)
{
	if (!error)
		return;
	put_text("\nsel4: ");
	put_text(what);
	put_text(": ");
	put_text(result_text(error));
	put_text(", number ");
	put_number(error);
	put_text("\n");
	sel4_power_off(1);
}

/* --- start --- */

/* On a kernel without names the call would be a fault: the CPSR of its threads tells which it is. */
static bool __init kernel_has_names(void)
{
	unsigned long cpsr;

	asm volatile("mrs %0, cpsr" : "=r"(cpsr));
	return !(cpsr & 0x100);
}

asmlinkage void __init sel4_start(const struct boot_info *bi)
{
	sel4_ipc_buffer = (unsigned long *)bi->ipc_buffer;
	sel4_given = (const struct handover *)((const char *)bi + PAGE_SIZE);
	sel4_image_end = bi->ipc_buffer;
	sel4_lowmem = ALIGN(sel4_image_end + 3 * PAGE_SIZE, 1 << 20);
	sel4_served = sel4_given->mediated;
	sel4_names = kernel_has_names();
	if (sel4_served)
		served_start(bi);
	else
		direct_start(bi);
}

/* --- the two variants --- */

#define EITHER(type, name, args, params)	\
	type sel4_##name args { return sel4_served ? served_##name params : direct_##name params; }
EITHER(unsigned long, space_new, (unsigned long *badge), (badge))
EITHER(void, space_free, (unsigned long space), (space))
EITHER(unsigned long, table_new, (unsigned long space, unsigned long addr), (space, addr))
EITHER(void, table_free, (unsigned long table), (table))
EITHER(unsigned long, page_map, (unsigned long space, unsigned long table, unsigned long addr, unsigned long pfn,
				 unsigned long rights), (space, table, addr, pfn, rights))
EITHER(unsigned int, pages_map, (unsigned long space, unsigned long table, unsigned long addr, const pte_t *ptes,
				 u16 *mapping, u32 *entry, unsigned int count),
       (space, table, addr, ptes, mapping, entry, count))
EITHER(void, page_unmap, (unsigned long mapping, unsigned long pfn), (mapping, pfn))
EITHER(void, pages_gone, (u16 *mapping, const u32 *entry, unsigned int count), (mapping, entry, count))
EITHER(int, page_protect, (unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights),
       (mapping, space, addr, rights))
EITHER(void, page_unify, (unsigned long mapping), (mapping))
EITHER(unsigned long, thread_new, (void), ())
EITHER(void, thread_free, (unsigned long thread), (thread))
EITHER(int, thread_space, (unsigned long thread, unsigned long space), (thread, space))
EITHER(int, thread_write, (unsigned long thread, unsigned long count, const unsigned long *regs), (thread, count, regs))
EITHER(int, thread_read, (unsigned long thread, unsigned long count, unsigned long *regs), (thread, count, regs))
EITHER(int, thread_suspend, (unsigned long thread), (thread))
EITHER(int, thread_resume, (unsigned long thread), (thread))
EITHER(int, thread_tls, (unsigned long thread, unsigned long base), (thread, base))

void sel4_thread_name(unsigned long thread, const char *name, int number)
{
	char text[40];

	snprintf(text, sizeof(text), "%s-%d", name, number);
	if (sel4_served)
		served_thread_name(thread, text);
	else
		direct_thread_name(thread, text);
}
