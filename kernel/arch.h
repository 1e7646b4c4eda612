/* What the kernel core asks of the processor; kernel/armv6/ implements it, plat/hostsim/ simulates.
 */
#ifndef CAPSCOPE_KERNEL_ARCH_H
#define CAPSCOPE_KERNEL_ARCH_H

#include "kernel/kernel.h"

enum { ARCH_USER_CPSR_DEBUG = 0x50, ARCH_USER_CPSR_RELEASE = 0x150 };
extern const word_t arch_user_cpsr; /* CPSR of a new thread (ABI sheet 7.1) */

/* The kernel's own page directory: threads without one run on it, and a new directory copies its
 * entries 0xf00..0xfff (window, hole, devices, globals frame, vectors). Hardware ASID 0 is its. */
kaddr_t arch_kernel_pd(void);
/* The last of these entries for a space whose users may execute the user helpers (kernel-api.md).
 */
word_t arch_helpers_entry(void);
/* The page that users see read-only at GLOBALS_FRAME, by its address in the kernel window. */
kaddr_t arch_globals_frame(void);

/* Address space: physical address of the directory and hardware ASID (ARM1136 TRM 3.3). */
void arch_set_vspace(paddr_t pd, word_t hw_asid);
void arch_tlb_flush_all(void);
void arch_tlb_flush_asid(word_t hw_asid);
void arch_tlb_flush_page(vaddr_t vaddr, word_t hw_asid);
/* A translation table entry or entries were written: make them visible to the walker. */
void arch_clean_table(kaddr_t entry, word_t bytes);
/* Cache maintenance on a range of kernel addresses; `vaddr` is the user's address of the same
 * range. */
enum arch_cache_op { CACHE_CLEAN, CACHE_INVALIDATE, CACHE_CLEAN_INVALIDATE, CACHE_UNIFY };
void arch_cache(enum arch_cache_op op, kaddr_t start, word_t bytes, vaddr_t vaddr);
/* Clears memory and takes it out of the data cache. from, bytes: multiples of 16. */
void arch_clear(kaddr_t from, word_t bytes);

#endif
