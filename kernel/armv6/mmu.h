/* The kernel's own address space (ABI sheet 6.5) with the pages in which it sees devices.
 *
 *   0xf0000000  window: physical 0x80000000 upwards, supersections then sections, kernel only
 *   0xff000000  hole
 *   0xff100000  window, sections
 *   0xfff00000  devices, one 4 KiB page each (kernel/board.h); stack, globals frame, vectors
 * (offsets.h)
 *
 * All of it is copied into every page directory, and global but for the vectors' page, which some
 * address spaces see otherwise: with the user helpers (helpers.S) readable and executable. */
#ifndef CAPSCOPE_KERNEL_ARMV6_MMU_H
#define CAPSCOPE_KERNEL_ARMV6_MMU_H

#include "kernel/kernel.h"

/* Fills the kernel's page directory and its page table. Runs on the loader's mapping of the kernel
 * window, before head.S switches to them. */
void mmu_init(void);

#endif
