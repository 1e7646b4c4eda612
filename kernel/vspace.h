/* Page directories, page tables, frames (ABI sheet 3.7; ARM ARM B4). */
#ifndef CAPSCOPE_KERNEL_VSPACE_H
#define CAPSCOPE_KERNEL_VSPACE_H

#include "kernel/message.h"

enum outcome frame_operation(struct slot *slot, struct message *m);          /* labels 36..42 */
enum outcome page_table_operation(struct slot *slot, struct message *m);     /* 34, 35 */
enum outcome page_directory_operation(struct slot *slot, struct message *m); /* 30..33 */

/* A directory gets the kernel's mappings, when it gets its ASID: without one nothing walks it, and
 * Retype of many directories stays short. helpers: users may execute the user helpers. */
void page_directory_init(kaddr_t pd, bool helpers);

/* Destroy and unmap, for delete.c. */
void frame_unmap(struct cap frame);      /* removes this capability's own mapping, if it stands */
void page_table_unmap(struct cap table); /* from its directory, if mapped */
void page_directory_destroy(struct cap dir); /* ASID released, TLB flushed */

/* For boot: maps without checks. attributes: enum vm_attributes. */
void vspace_boot_map_table(kaddr_t pd, kaddr_t table, vaddr_t vaddr);
void vspace_boot_map_frame(kaddr_t pd, paddr_t frame, vaddr_t vaddr, enum vm_rights rights,
                           word_t attributes);

#endif
