// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings in seL4 page directories, made on demand from Linux's page tables, like entries of a TLB,
 * accessed and dirty bits included.  flush_tlb_*() takes back what Linux's tables no longer say: page by
 * page, or the seL4 page table as a whole when nothing is left in it, which is one invocation.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <asm/sel4.h>

/* one seL4 page table: 1 MiB */
struct shadow_table {
	struct shadow_table *next;
	unsigned long addr;
	unsigned long table;
	unsigned int used;
	u16 mapping[256];	/* 0: not mapped */
	u32 entry[256];		/* pfn, and SEL4_ENTRY_WRITE */
};
#define SEL4_AROUND	4	/* pages, the least; more of them at once made fork and exec slower: they were not used */
#define SEL4_AROUND_MOST 16	/* as many as Linux itself brings into its tables */
#define SEL4_FEW	4	/* mappings that are taken back one by one rather than with their table */

unsigned long sel4_space_of(struct mm_struct *mm)
{
	if (mm == &init_mm)
		return SEL4_OWN_SPACE;
	if (!mm->context.space) {
		sel4_counts[COUNT_SPACE]++;
		mm->context.space = sel4_space_new(&mm->context.badge);
	}
	return mm->context.space;
}

static struct shadow_table *table_find(struct mm_struct *mm, unsigned long addr)
{
	struct shadow_table **p, *t;

	addr &= ~0xfffffUL;
	for (p = &mm->context.tables; (t = *p) != NULL; p = &t->next)
		if (t->addr == addr) {
			*p = t->next;	/* to the front */
			t->next = mm->context.tables;
			mm->context.tables = t;
			return t;
		}
	return NULL;
}

static struct shadow_table *table_make(struct mm_struct *mm, unsigned long addr)
{
	struct shadow_table *t = kzalloc(sizeof(*t), GFP_ATOMIC);
	unsigned long space = sel4_space_of(mm);

	if (!t || !space)
		goto none;
	t->addr = addr & ~0xfffffUL;
	sel4_counts[COUNT_OBJECT]++;
	t->table = sel4_table_new(space, t->addr);
	if (!t->table)
		goto none;
	t->next = mm->context.tables;
	mm->context.tables = t;
	return t;
none:
	kfree(t);
	return NULL;
}

/* What is mapped in it goes with it. */
static void table_free(struct shadow_table *t)
{
	sel4_counts[COUNT_FREE]++;
	sel4_table_free(t->table);
	sel4_pages_gone(t->mapping, t->entry, t->used);
	kfree(t);
}

static void unmap_one(struct shadow_table *t, unsigned int i)
{
	sel4_counts[COUNT_UNMAP]++;
	sel4_page_unmap(t->mapping[i], t->entry[i] & SEL4_ENTRY_PFN);
	t->mapping[i] = 0;
	t->used--;
}

static bool wants_write(pte_t pte)
{
	return pte_write(pte) && pte_dirty(pte);
}

static bool usable(pte_t pte)
{
	return pte_present(pte) && pte_young(pte) && !(pte_val(pte) & _PAGE_NONE);
}

pte_t *sel4_find_pte(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	pmd_t *pmd = pmd_offset(pud_offset(p4d_offset(pgd, addr), addr), addr);

	return pmd_none(*pmd) ? NULL : pte_offset_kernel(pmd, addr);
}

static u32 entry_of(pte_t pte)
{
	return pte_pfn(pte) | (wants_write(pte) ? SEL4_ENTRY_WRITE : 0);
}

/* Another entry of the same page: the mapping is made again with its rights. */
static void protect(struct mm_struct *mm, struct shadow_table *t, unsigned int i, u32 entry)
{
	sel4_counts[COUNT_PROTECT]++;
	sel4_must(sel4_page_protect(t->mapping[i], sel4_space_of(mm), t->addr + (i << PAGE_SHIFT),
				    entry & SEL4_ENTRY_WRITE ? RIGHTS_RW : RIGHTS_R), "change a mapping");
	t->entry[i] = entry;
}

/* Makes what Linux's entry says true of page i; false: no memory for it. */
static bool bring_in(struct mm_struct *mm, struct shadow_table *t, unsigned int i, pte_t pte)
{
	u32 entry = entry_of(pte);

	if (t->mapping[i]) {
		if (t->entry[i] == entry)
			return true;
		if (!((t->entry[i] ^ entry) & SEL4_ENTRY_PFN)) {
			protect(mm, t, i, entry);
			return true;
		}
		unmap_one(t, i);
	}
	sel4_counts[COUNT_MAP]++;
	t->mapping[i] = sel4_page_map(sel4_space_of(mm), t->table, t->addr + (i << PAGE_SHIFT), pte_pfn(pte),
				      entry & SEL4_ENTRY_WRITE ? RIGHTS_RW : RIGHTS_R);
	if (!t->mapping[i])
		return false;
	t->entry[i] = entry;
	t->used++;
	return true;
}

/* The more of a table is in use, the likelier is the use of another page. */
static unsigned int around(const struct shadow_table *t)
{
	return t->used < 2 * SEL4_AROUND ? SEL4_AROUND : t->used < 4 * SEL4_AROUND ? 2 * SEL4_AROUND : SEL4_AROUND_MOST;
}

/* The neighbours of a page that is read: those in Linux's tables come in with it, their turn is near.
 * Each costs one invocation, and a fault if it stays out. */
static void bring_in_around(struct mm_struct *mm, struct shadow_table *t, pte_t *ptep, unsigned int i)
{
	unsigned int pages = around(t), from = i & ~(pages - 1);
	unsigned int n = sel4_pages_map(sel4_space_of(mm), t->table, t->addr + (from << PAGE_SHIFT), ptep - (i - from),
					t->mapping + from, t->entry + from, pages);

	t->used += n;
	sel4_counts[COUNT_MAP] += n;
}

/* Brings the page at addr in, as a processor would load its TLB: accessed, and dirty when written.
 * `missed`: the access was tried and is not possible, whatever is noted here (kernel/direct.c says how a
 * mapping can get lost). */
enum sel4_shadow sel4_shadow(struct mm_struct *mm, unsigned long addr, bool write, bool missed)
{
	pte_t *ptep = sel4_find_pte(mm, addr), pte;
	unsigned int i = addr >> PAGE_SHIFT & 255;
	struct shadow_table *t;

	if (!ptep)
		return SHADOW_REFUSED;
	pte = *ptep;
	if (!pte_present(pte) || (pte_val(pte) & _PAGE_NONE) || (write && !pte_write(pte)) || !pfn_valid(pte_pfn(pte)))
		return SHADOW_REFUSED;
	pte = pte_mkyoung(pte);
	if (write)
		pte = pte_mkdirty(pte);
	*ptep = pte;
	t = table_find(mm, addr);
	if (!t)
		t = table_make(mm, addr);
	if (missed && t && t->mapping[i] && t->entry[i] == entry_of(pte)) {
		sel4_counts[COUNT_LOST]++;
		protect(mm, t, i, t->entry[i]);
	}
	if (!t || !bring_in(mm, t, i, pte))
		return SHADOW_NO_MEMORY;
	if (!write && mm != &init_mm)
		bring_in_around(mm, t, ptep, i);
	return SHADOW_DONE;
}

void update_mmu_cache(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	struct shadow_table *t;

	if (!usable(*ptep) || !pfn_valid(pte_pfn(*ptep)))
		return;
	t = table_find(vma->vm_mm, addr);
	if (!t)
		t = table_make(vma->vm_mm, addr);
	if (t)
		bring_in(vma->vm_mm, t, addr >> PAGE_SHIFT & 255, *ptep);
}

/* Code was written there by this processor: the instruction cache learns of it. */
void sel4_unify(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	for (start &= PAGE_MASK; start < end; start += PAGE_SIZE) {
		struct shadow_table *t = table_find(mm, start);
		unsigned int i = start >> PAGE_SHIFT & 255;

		if (t && t->mapping[i])
			sel4_page_unify(t->mapping[i]);
	}
}

/* Linux's entries of a table's pages; one of Linux's tables covers four of seL4's. NULL: none. */
static pte_t *entries_of(struct mm_struct *mm, struct shadow_table *t)
{
	return sel4_find_pte(mm, t->addr);
}

static bool is_gone(struct shadow_table *t, unsigned int i, pte_t *entries)
{
	return !entries || !usable(entries[i]) || pte_pfn(entries[i]) != (t->entry[i] & SEL4_ENTRY_PFN);
}

/* Every mapping of the table lies in [from, to) and is gone, and they are more than a few. */
static bool is_empty(struct shadow_table *t, unsigned int from, unsigned int to, pte_t *entries, unsigned int few)
{
	unsigned int i, gone = 0;

	if (t->used <= few)
		return false;
	for (i = from; i < to && gone < t->used; i++)
		if (t->mapping[i]) {
			if (!is_gone(t, i, entries))
				return false;
			gone++;
		}
	return gone == t->used;
}

static void flush_pages(struct mm_struct *mm, struct shadow_table *t, unsigned int from, unsigned int to, pte_t *entries)
{
	unsigned int i;

	for (i = from; i < to && t->used; i++) {
		if (!t->mapping[i])
			continue;
		if (is_gone(t, i, entries))
			unmap_one(t, i);
		else if ((t->entry[i] & SEL4_ENTRY_WRITE) && !wants_write(entries[i]))
			bring_in(mm, t, i, entries[i]);
	}
}

/* what is mapped in [start, end) and no longer (so) in Linux's tables */
static void flush(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned int few)
{
	struct shadow_table **p = &mm->context.tables, *t;

	while ((t = *p) != NULL) {
		unsigned int from = 0, to = 256;
		pte_t *entries;

		if (t->addr < end && t->addr + (1 << 20) > start) {
			if (start > t->addr)
				from = (start - t->addr) >> PAGE_SHIFT;
			if (end < t->addr + (1 << 20))
				to = (end - t->addr + PAGE_SIZE - 1) >> PAGE_SHIFT;
			entries = entries_of(mm, t);
			if (is_empty(t, from, to, entries, few)) {
				*p = t->next;
				table_free(t);
				continue;
			}
			flush_pages(mm, t, from, to, entries);
		}
		p = &t->next;
	}
}

/* Also what a process leaves at its end: its tables are not needed again. */
void flush_tlb_mm(struct mm_struct *mm)
{
	flush(mm, 0, ~0UL, 0);
}

void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	flush(vma->vm_mm, start, end, SEL4_FEW);
}

void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr)
{
	flush(vma->vm_mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE, SEL4_FEW);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	flush(&init_mm, start, end, 256);	/* the server's own tables stay */
}

void sel4_map_kernel_range(unsigned long start, unsigned long end)
{
	for (; start < end; start += PAGE_SIZE)
		if (sel4_shadow(&init_mm, start, true, false) == SHADOW_NO_MEMORY)
			sel4_refuse("no memory for mappings of Linux's own, at ", start);
}

void destroy_context(struct mm_struct *mm)
{
	struct shadow_table *t;

	while ((t = mm->context.tables) != NULL) {
		mm->context.tables = t->next;
		table_free(t);
	}
	if (mm->context.space) {
		sel4_counts[COUNT_FREE]++;
		sel4_space_free(mm->context.space);
	}
	mm->context.space = 0;
}
