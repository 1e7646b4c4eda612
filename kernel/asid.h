/* ASIDs: pools, their control, hardware ASIDs (ABI sheet 3.7, 4.3). */
#ifndef CAPSCOPE_KERNEL_ASID_H
#define CAPSCOPE_KERNEL_ASID_H

#include "kernel/message.h"

enum outcome asid_control_operation(struct slot *slot, struct message *m); /* label 43 */
enum outcome asid_pool_operation(struct slot *slot, struct message *m);    /* label 44 */

/* Directory with this ASID, 0: none. */
kaddr_t asid_directory(word_t asid);
/* Hardware ASID of an ASID that has a directory; another's is taken away if need be. 1..255: 0 is
 * the kernel's directory. */
word_t asid_hardware(word_t asid);
/* Flushes what the TLB holds for this ASID, if it has a hardware one. */
void asid_flush(word_t asid);
void asid_flush_page(word_t asid, vaddr_t vaddr);
/* The directory goes: nothing finds it by its ASID any more. No-op when the ASID is not its. */
void asid_release(word_t asid, kaddr_t pd);
/* The pool goes, and all its directories lose their ASID. In constant time, since the entries die
 * with the pool's memory; only the hardware ASIDs that they hold are taken back. */
void asid_pool_destroy(struct cap pool);
/* For boot: the initial pool and the root task's directory as ASID 1. */
void asid_boot(kaddr_t pool, kaddr_t pd);
/* Loads the address space of a thread: its directory when valid, else the kernel's. */
void asid_switch_to(struct tcb *t);

#endif
