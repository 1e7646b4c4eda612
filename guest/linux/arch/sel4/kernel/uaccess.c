// SPDX-License-Identifier: GPL-2.0
/* Access to user memory by way of Linux's page tables: page by page through the linear map. */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <asm/sel4.h>

/* the address in the linear map, NULL: not accessible */
static void *page_in(unsigned long addr, bool write)
{
	struct mm_struct *mm = current->mm;
	int tries;

	if (!mm)
		return NULL;
	for (tries = 0; tries < 8; tries++) {
		pte_t *ptep = sel4_find_pte(mm, addr);

		if (ptep) {
			pte_t pte = *ptep;

			if (pte_present(pte) && !(pte_val(pte) & _PAGE_NONE) &&
			    (!write || (pte_write(pte) && pte_dirty(pte))) && pfn_valid(pte_pfn(pte)))
				return pfn_to_kaddr(pte_pfn(pte)) + (addr & ~PAGE_MASK);
		}
		if (sel4_fault_in(addr, write, false, false))
			return NULL;
	}
	return NULL;
}

#define FOR_PIECES(user, n, write, piece, mem, body)					\
	while (n) {									\
		unsigned long piece = min_t(unsigned long, n, PAGE_SIZE - ((user) & ~PAGE_MASK)); \
		char *mem = page_in((user), (write));					\
		if (!mem)								\
			break;								\
		body;									\
		(user) += piece;							\
		n -= piece;								\
	}

unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long u = (unsigned long)from;

	FOR_PIECES(u, n, false, piece, mem, { memcpy(to, mem, piece); to += piece; });
	return n;
}
EXPORT_SYMBOL(raw_copy_from_user);

unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	unsigned long u = (unsigned long)to;

	FOR_PIECES(u, n, true, piece, mem, { memcpy(mem, from, piece); from += piece; });
	return n;
}
EXPORT_SYMBOL(raw_copy_to_user);

unsigned long __clear_user(void __user *to, unsigned long n)
{
	unsigned long u = (unsigned long)to;

	FOR_PIECES(u, n, true, piece, mem, memset(mem, 0, piece));
	return n;
}
EXPORT_SYMBOL(__clear_user);

long strncpy_from_user(char *to, const char __user *from, long count)
{
	unsigned long u = (unsigned long)from, n = count;
	long done = 0;

	if (count <= 0)
		return 0;
	if (!access_ok(from, 1))
		return -EFAULT;
	FOR_PIECES(u, n, false, piece, mem, {
		unsigned long len = strnlen(mem, piece);

		memcpy(to + done, mem, len);
		done += len;
		if (len < piece) {
			to[done] = 0;
			return done;
		}
	});
	return n ? -EFAULT : done;
}
EXPORT_SYMBOL(strncpy_from_user);

long strnlen_user(const char __user *s, long count)
{
	unsigned long u = (unsigned long)s, n = count;
	long done = 0;

	if (count <= 0 || !access_ok(s, 1))
		return 0;
	FOR_PIECES(u, n, false, piece, mem, {
		unsigned long len = strnlen(mem, piece);

		done += len;
		if (len < piece)
			return done + 1;
	});
	return n ? 0 : count + 1;
}
EXPORT_SYMBOL(strnlen_user);
