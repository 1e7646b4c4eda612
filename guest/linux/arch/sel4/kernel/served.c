// SPDX-License-Identifier: GPL-2.0
/*
 * The mediated variant: the server holds no memory and no kernel object, it asks the resource server
 * for each and has it use them (asm/sel4-resource.h).  Numbers are the resource server's handles.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/sel4.h>

#define GROUPS	(SEL4_RAM_MOST >> (PAGE_SHIFT + 8))	/* of 256 frames */

static unsigned long image_handle, group[GROUPS];

static __always_inline struct sel4_regs ask(int what, unsigned long words, unsigned long w0, unsigned long w1,
					    unsigned long w2, unsigned long w3)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	return sel4_trap(SYS_SEL4_CALL, HANDOVER_RESOURCES, sel4_tag(what, 0, words), w0, w1, w2, w3);
}

static __always_inline unsigned long handle_of(struct sel4_regs r)
{
	return sel4_label(r.tag) ? 0 : r.mr[0];
}

static int do_ask(int what, unsigned long words, unsigned long w0, unsigned long w1, unsigned long w2)
{
	return sel4_label(ask(what, words, w0, w1, w2, 0).tag);
}

static unsigned long frame_handle(unsigned long pfn)
{
	unsigned long addr = pfn << PAGE_SHIFT, i;

	if (addr < sel4_lowmem)
		return image_handle + ((addr - PAGE_OFFSET) >> PAGE_SHIFT);
	i = (addr - sel4_lowmem) >> PAGE_SHIFT;
	return group[i >> 8] + (i & 255);
}

static inline unsigned long space_handle(unsigned long space)
{
	return space == SEL4_OWN_SPACE ? RESOURCE_OWN_SPACE : space;
}

unsigned long served_page_map(unsigned long space, unsigned long table, unsigned long addr, unsigned long pfn,
			      unsigned long rights)
{
	struct sel4_regs r = ask(RESOURCE_MAP, 3, frame_handle(pfn), table << 16 | rights, addr, 0);

	if (sel4_label(r.tag) != RESOURCE_QUOTA && sel4_label(r.tag) != RESOURCE_MEMORY)
		sel4_must(sel4_label(r.tag), "map a page");
	return handle_of(r);
}

unsigned int served_pages_map(unsigned long space, unsigned long table, unsigned long addr, const pte_t *ptes,
			      u16 *mapping, u32 *entry, unsigned int count)
{
	unsigned int i, n = 0;

	for (i = 0; i < count; i++, addr += PAGE_SIZE)
		if (!mapping[i] && pte_can_be_read(ptes[i])) {
			entry[i] = pte_pfn(ptes[i]);
			mapping[i] = served_page_map(space, table, addr, entry[i], RIGHTS_R);
			n += mapping[i] != 0;
		}
	return n;
}

void served_page_unmap(unsigned long mapping, unsigned long pfn)
{
	sel4_must(do_ask(RESOURCE_UNMAP, 1, mapping, 0, 0), "unmap a page");
}

void served_pages_gone(u16 *mapping, const u32 *entry, unsigned int count)
{
	/* the resource server knows what was in a table that it frees */
}

int served_page_protect(unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights)
{
	return do_ask(RESOURCE_PROTECT, 2, mapping, rights, 0);
}

void served_page_unify(unsigned long mapping)
{
	sel4_must(do_ask(RESOURCE_UNIFY, 3, mapping, 0, PAGE_SIZE), "unify caches");
}

unsigned long served_space_new(unsigned long *badge)
{
	struct sel4_regs r = ask(RESOURCE_OBJECT, 3, RESOURCE_DIRECTORY, 0, 0, 0);

	*badge = r.mr[1];
	return handle_of(r);
}

void served_space_free(unsigned long space)
{
	sel4_must(do_ask(RESOURCE_FREE, 1, space, 0, 0), "free a directory");
}

unsigned long served_table_new(unsigned long space, unsigned long addr)
{
	return handle_of(ask(RESOURCE_OBJECT, 3, RESOURCE_TABLE, space_handle(space), addr, 0));
}

void served_table_free(unsigned long table)
{
	sel4_must(do_ask(RESOURCE_FREE, 1, table, 0, 0), "free a table");
}

unsigned long served_thread_new(void)
{
	return handle_of(ask(RESOURCE_OBJECT, 3, RESOURCE_THREAD, 0, 0, 0));
}

void served_thread_free(unsigned long thread)
{
	sel4_must(do_ask(RESOURCE_FREE, 1, thread, 0, 0), "free a thread");
}

int served_thread_space(unsigned long thread, unsigned long space)
{
	return do_ask(RESOURCE_THREAD_SPACE, 2, thread, space, 0);
}

int served_thread_write(unsigned long thread, unsigned long count, const unsigned long *regs)
{
	if (count > 2)
		memcpy(&sel4_msg(4), regs + 2, (count - 2) * sizeof(long));
	return sel4_label(ask(RESOURCE_THREAD_WRITE, 2 + count, thread, 1 << 8 | count, regs[0], regs[1]).tag);
}

int served_thread_read(unsigned long thread, unsigned long count, unsigned long *regs)
{
	struct sel4_regs r = ask(RESOURCE_THREAD_READ, 2, thread, 1 << 8 | count, 0, 0);

	memcpy(regs, r.mr, sizeof(r.mr));
	memcpy(regs + 4, &sel4_msg(4), (count - 4) * sizeof(long));
	return sel4_label(r.tag);
}

int served_thread_suspend(unsigned long thread)
{
	return do_ask(RESOURCE_THREAD_SUSPEND, 1, thread, 0, 0);
}

int served_thread_resume(unsigned long thread)
{
	return do_ask(RESOURCE_THREAD_RESUME, 1, thread, 0, 0);
}

int served_thread_tls(unsigned long thread, unsigned long base)
{
	return do_ask(RESOURCE_THREAD_TLS, 2, thread, base, 0);
}

void served_thread_name(unsigned long thread, const char *text)
{
	unsigned long w[10] = { thread };

	strscpy((char *)(w + 1), text, sizeof(w) - sizeof(*w));
	memcpy(&sel4_msg(4), w + 4, 6 * sizeof(long));
	ask(RESOURCE_THREAD_NAME, 10, w[0], w[1], w[2], w[3]);
}

void served_show(struct seq_file *m)
{
	struct sel4_regs r = ask(RESOURCE_INFO, 0, 0, 0, 0, 0);

	seq_printf(m, "variant mediated\nleft %lu\nframes %lu\n", r.mr[1], r.mr[2]);
}

/* --- start --- */

static void __init map_own(unsigned long table, unsigned long frame, unsigned long addr)
{
	struct sel4_regs r = ask(RESOURCE_MAP, 3, frame, table << 16 | RIGHTS_RW, addr, 0);

	sel4_must(sel4_label(r.tag), "map Linux's memory");
}

/* A group of frames behind what there is, with its table; false: no more to be had. */
static bool __init take_group(unsigned long g)
{
	unsigned long start = sel4_lowmem + (g << 20), table = served_table_new(SEL4_OWN_SPACE, start), i;

	if (!table)
		return false;
	group[g] = handle_of(ask(RESOURCE_FRAMES, 1, 256, 0, 0, 0));
	for (i = 0; group[g] && i < 256; i++)
		map_own(table, group[g] + i, start + (i << PAGE_SHIFT));
	return group[g] != 0;
}

void __init served_start(const struct boot_info *bi)
{
	struct sel4_regs r = ask(RESOURCE_INFO, 0, 0, 0, 0, 0);
	unsigned long want, g;

	sel4_must(sel4_label(r.tag), "ask the resource server what there is");
	image_handle = r.mr[3];
	/* a quarter is for page tables, directories and threads */
	want = min(r.mr[1] - r.mr[1] / 4, SEL4_RAM_MOST) >> 20;
	for (g = 0; g < want; g++)
		if (!take_group(g))
			break;
	if (g << 20 < SEL4_RAM_LEAST)
		sel4_refuse("too little memory for Linux, MiB to be had: ", g);
	sel4_lowmem_end = sel4_lowmem + (g << 20);
}
