/* From the loader to the root task (ABI sheet 5 and 6). */
#ifndef CAPSCOPE_KERNEL_BOOT_H
#define CAPSCOPE_KERNEL_BOOT_H

#include "kernel/kernel.h"

/* What the loader passes (6.3): physical range of the user image, physical - virtual offset, entry,
 * and the device tree, 0: none. */
struct boot_info {
    paddr_t user_start;
    paddr_t user_end; /* exclusive, page-aligned */
    word_t pv_offset;
    vaddr_t entry;
    paddr_t dtb;
    word_t dtb_size;
};

/* Builds the root task: objects at the top of RAM, capabilities, BootInfo, untypeds in the order of
 * sheet 5.6; leaves it as current thread, ready to run. Refuses (panics with a sentence) what
 * cannot be booted. kernel_end: first physical byte behind the kernel image. */
void boot_root_task(const struct boot_info *info, paddr_t kernel_end);

/* From a cleared struct kernel to the first thread: scheduler, derivation list, interrupts, root
 * task, debugger, first choice. On return current_thread() is the root task with its registers in
 * its TCB. The board is up and the kernel's page directory is filled before it is called. */
void kernel_init(const struct boot_info *info, paddr_t kernel_end);

#endif
