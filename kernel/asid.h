/* ASIDs: pools, their control, hardware ASIDs (ABI sheet 3.7, 4.3). */
#ifndef CAPSCOPE_KERNEL_ASID_H
#define CAPSCOPE_KERNEL_ASID_H

#include "kernel/message.h"

enum outcome asid_control_operation(struct slot *slot, struct message *m); /* label 43 */
enum outcome asid_pool_operation(struct slot *slot, struct message *m);    /* label 44 */

/* Directory with this ASID, 0: none. */
static inline kaddr_t asid_directory(word_t asid)
{
    kaddr_t pool = ks.asid_table[asid >> ASID_POOL_INDEX_BITS];
    if (pool == 0)
        return 0;
    return ((const word_t *)kptr(pool))[asid & (ASIDS_PER_POOL - 1)] & ASID_ENTRY_PD_MASK;
}
/* Hardware ASID of an ASID that has a directory; another's is taken away if need be. 1..255: 0 is
 * the kernel's directory. */
word_t asid_hardware(word_t asid);
/* Flushes what the TLB holds for this ASID, if it has a hardware one. */
void asid_flush(word_t asid);
void asid_flush_page(word_t asid, vaddr_t vaddr);
/* The directory goes: nothing finds it by its ASID any more. No-op when the ASID is not its. */
void asid_release(word_t asid, kaddr_t pd);
/* The pool goes, and all its directories lose their ASID. In constant time, since the entries die
 * with the pool's memory; a hardware ASID that one of them holds is given away when its turn comes.
 */
void asid_pool_destroy(struct cap pool);
/* For boot: the initial pool and the root task's directory as ASID 1. */
void asid_boot(kaddr_t pool, kaddr_t pd);
/* An address space that can be loaded as it is: its directory, and a hardware ASID that it has. */
struct space {
    kaddr_t directory;
    word_t hw_asid;
};
/* False: the thread has none, or it wants a hardware ASID first. The thread's slot holds a
 * directory or nothing; the latter has ASID 0, which is never handed out: its pool entry names no
 * directory. */
static inline bool asid_space_of(const struct tcb *t, struct space *space)
{
    struct cap c = t->slots[TCB_VSPACE].cap;
    kaddr_t pool = ks.asid_table[c.w[1] >> ASID_POOL_INDEX_BITS];
    if (pool == 0)
        return false;
    word_t offset = c.w[1] << (32 - ASID_POOL_INDEX_BITS) >> (32 - ASID_POOL_BITS);
    word_t entry = *(const word_t *)kptr(pool + offset);
    kaddr_t directory = c.w[0] - CAP_PAGE_DIRECTORY;
    word_t differs = entry ^ directory;
    if (differs >> PAGE_DIRECTORY_BITS != 0 || !(differs & ASID_ENTRY_HW_VALID))
        return false;
    *space = (struct space){directory, entry & ASID_ENTRY_HW_MASK};
    return true;
}
/* Loads the address space of a thread: its directory when valid, else the kernel's. */
void asid_switch_to(struct tcb *t);

#endif
