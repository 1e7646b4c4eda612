// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings in seL4 page directories, made on demand from Linux's page tables, like entries of a TLB,
 * accessed and dirty bits included.  flush_tlb_*() takes back what Linux's tables no longer say.
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
	u32 entry[256];		/* pfn, and MAPPED_WRITE */
};
#define MAPPED_WRITE	(1u << 31)
#define MAPPED_PFN	(MAPPED_WRITE - 1)
#define SEL4_AROUND	4	/* pages: more of them made fork and exec slower, the pages were not used */

unsigned long sel4_space_of(struct mm_struct *mm)
{
	if (mm == &init_mm)
		return SEL4_OWN_SPACE;
	if (!mm->context.space) {
		sel4_counts[COUNT_SPACE]++;
		mm->context.space = sel4_space_new();
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

static void table_free(struct shadow_table *t)
{
	sel4_counts[COUNT_FREE]++;
	sel4_table_free(t->table);
	kfree(t);
}

static void unmap_one(struct shadow_table *t, unsigned int i)
{
	sel4_counts[COUNT_UNMAP]++;
	sel4_page_unmap(t->mapping[i], t->entry[i] & MAPPED_PFN);
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

/* Makes what Linux's entry says true of page i; false: no memory for it. */
static bool bring_in(struct mm_struct *mm, struct shadow_table *t, unsigned int i, pte_t pte)
{
	unsigned long addr = t->addr + (i << PAGE_SHIFT);
	bool write = wants_write(pte);
	u32 entry = pte_pfn(pte) | (write ? MAPPED_WRITE : 0);

	if (t->mapping[i]) {
		if (t->entry[i] == entry)
			return true;
		if ((t->entry[i] ^ entry) & MAPPED_PFN) {
			unmap_one(t, i);
		} else {
			sel4_counts[COUNT_PROTECT]++;
			sel4_must(sel4_page_protect(t->mapping[i], sel4_space_of(mm), addr, write ? RIGHTS_RW : RIGHTS_R),
				  "change a mapping");
			t->entry[i] = entry;
			return true;
		}
	}
	sel4_counts[COUNT_MAP]++;
	t->mapping[i] = sel4_page_map(sel4_space_of(mm), addr, pte_pfn(pte), write ? RIGHTS_RW : RIGHTS_R);
	if (!t->mapping[i])
		return false;
	t->entry[i] = entry;
	t->used++;
	return true;
}

/* The neighbours of a page that is read: those in Linux's tables come in with it, their turn is near.
 * Each costs one invocation, and a fault if it stays out. */
static void bring_in_around(struct mm_struct *mm, struct shadow_table *t, pte_t *ptep, unsigned int i)
{
	unsigned int from = i & ~(SEL4_AROUND - 1), k;

	ptep -= i - from;
	for (k = from; k < from + SEL4_AROUND; k++, ptep++) {
		pte_t pte = *ptep;

		if (t->mapping[k] || !pte_present(pte) || (pte_val(pte) & _PAGE_NONE) || !pfn_valid(pte_pfn(pte)))
			continue;
		bring_in(mm, t, k, pte_wrprotect(pte));
	}
}

/* Brings the page at addr in, as a processor would load its TLB: accessed, and dirty when written.
 * False: Linux's tables do not allow the access (yet). */
bool sel4_shadow(struct mm_struct *mm, unsigned long addr, bool write)
{
	pte_t *ptep = sel4_find_pte(mm, addr), pte;
	unsigned int i = addr >> PAGE_SHIFT & 255;
	struct shadow_table *t;

	if (!ptep)
		return false;
	pte = *ptep;
	if (!pte_present(pte) || (pte_val(pte) & _PAGE_NONE) || (write && !pte_write(pte)) || !pfn_valid(pte_pfn(pte)))
		return false;
	pte = pte_mkyoung(pte);
	if (write)
		pte = pte_mkdirty(pte);
	*ptep = pte;
	t = table_find(mm, addr);
	if (!t)
		t = table_make(mm, addr);
	if (!t || !bring_in(mm, t, i, pte))
		return false;
	if (!write && mm != &init_mm)
		bring_in_around(mm, t, ptep, i);
	return true;
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

/* what is mapped in [start, end) and no longer (so) in Linux's tables */
static void flush(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct shadow_table *t;

	for (t = mm->context.tables; t; t = t->next) {
		unsigned int from = 0, to = 256, i;

		if (t->addr >= end || t->addr + (1 << 20) <= start)
			continue;
		if (start > t->addr)
			from = (start - t->addr) >> PAGE_SHIFT;
		if (end < t->addr + (1 << 20))
			to = (end - t->addr + PAGE_SIZE - 1) >> PAGE_SHIFT;
		for (i = from; i < to && t->used; i++) {
			pte_t *ptep;
			unsigned long addr = t->addr + (i << PAGE_SHIFT);

			if (!t->mapping[i])
				continue;
			ptep = sel4_find_pte(mm, addr);
			if (!ptep || !usable(*ptep) || pte_pfn(*ptep) != (t->entry[i] & MAPPED_PFN))
				unmap_one(t, i);
			else if ((t->entry[i] & MAPPED_WRITE) && !wants_write(*ptep))
				bring_in(mm, t, i, *ptep);
		}
	}
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush(mm, 0, ~0UL);
}

void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	flush(vma->vm_mm, start, end);
}

void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr)
{
	flush(vma->vm_mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	flush(&init_mm, start, end);
}

void sel4_map_kernel_range(unsigned long start, unsigned long end)
{
	for (; start < end; start += PAGE_SIZE)
		sel4_shadow(&init_mm, start, true);
}

void destroy_context(struct mm_struct *mm)
{
	struct shadow_table *t;

	while ((t = mm->context.tables) != NULL) {
		unsigned int i;

		mm->context.tables = t->next;
		for (i = 0; i < 256 && t->used; i++)
			if (t->mapping[i])
				unmap_one(t, i);
		table_free(t);
	}
	if (mm->context.space) {
		sel4_counts[COUNT_FREE]++;
		sel4_space_free(mm->context.space);
	}
	mm->context.space = 0;
}
