/* Threads (ABI sheet 3.4, 7, 8.2). */
#ifndef CAPSCOPE_KERNEL_TCB_H
#define CAPSCOPE_KERNEL_TCB_H

#include "kernel/arch.h"
#include "kernel/debug.h"
#include "kernel/message.h"

enum outcome tcb_operation(struct slot *slot, struct message *m);    /* labels 2..15 */
enum outcome domain_operation(struct slot *slot, struct message *m); /* label 29 */

/* A cleared TCB becomes a new thread (7.1). */
static inline void tcb_init(struct tcb *t)
{
    t->regs[REG_CPSR] = arch_user_cpsr;
    t->time_slice = CONFIG_TICKS_PER_SLICE;
    t->domain = ks.domain;
    debug_thread_created(t);
}
static inline struct slot *tcb_slot(struct tcb *t, enum tcb_slot i)
{
    return &t->slots[i];
}
void tcb_suspend(struct tcb *t); /* 8.2 */
void tcb_resume(struct tcb *t);
void tcb_set_priority(struct tcb *t, word_t priority);
static inline bool tcb_is_runnable(const struct tcb *t)
{
    return t->state == THREAD_RUNNING || t->state == THREAD_RESTART;
}
/* The only way a thread's state changes, but for the current one's Running and Restart: when the
 * current thread stops and nobody woke up before, another is chosen at kernel exit. */
static inline void tcb_set_state(struct tcb *t, enum thread_state state)
{
    t->state = state;
    if (ks.candidate == 0 && kaddr_of(t) == ks.current && !tcb_is_runnable(t))
        ks.reschedule = 1;
}
/* Makes sure the reply master exists (before a thread first runs). */
void tcb_setup_reply_master(struct tcb *t);
/* Takes the thread out of whatever queue it waits in and drops its pending reply (cancel IPC). */
void tcb_cancel_ipc(struct tcb *t);
/* Last capability is gone: unbind, suspend, leave no reference behind; its slots follow as zombie.
 */
void tcb_destroy(struct tcb *t);
/* IPC buffer as sender (readable) or receiver (writable), NULL when not usable (1.4). The slot
 * holds no device frame: TCB_Configure lets none in. */
_Static_assert((VM_READ_WRITE & ~1) == VM_READ_ONLY && CAP_FRAME_4K == 8, "rights as a mask");
static inline word_t *tcb_ipc_buffer(struct tcb *t, bool writable)
{
    struct cap c = t->slots[TCB_BUFFER].cap;
    /* A frame, and read-write; a reader does not mind the low bit of the rights. */
    const word_t least = CAP_FRAME_4K | (word_t)(writable ? VM_READ_WRITE : VM_READ_ONLY) << 4;
    if ((c.w[0] & (0xc | least)) != least)
        return NULL;
    word_t offset_mask = ((word_t)1 << frame_bits_of_type(cap_type(c))) - 1;
    return kptr((c.w[0] & 0xfffff000u) + (t->ipc_buffer & offset_mask));
}
word_t cpsr_sanitise(word_t value);          /* 7.2 */
extern const uint8_t tcb_register_order[19]; /* 7.2: index of Read/WriteRegisters -> enum reg */

#endif
