/* Registers of the kernel and of threads. */
#include "gdbstub/registers.h"

#include "gdbstub/threads.h"
#include "kernel/armv6/offsets.h"
#include "kernel/tcb.h"

enum { MODE_MASK = 0x1f, CPSR_THUMB = 0x20 };
/* N Z C V Q and GE: what computing leaves behind (ARM ARM A2.5). */
#define CPSR_RESULTS 0xf80f0000u

static struct trap_frame *kernel_frame;

void registers_kernel_at(struct trap_frame *frame)
{
    kernel_frame = frame;
}

static word_t results_only(word_t old, word_t value)
{
    return (old & ~CPSR_RESULTS) | (value & CPSR_RESULTS);
}

/* A thread that does not run goes on where it restarts; the two differ by the svc it stands at. */
static bool runs(const struct tcb *t)
{
    return t->state == THREAD_RUNNING || t->state == THREAD_IDLE;
}

static word_t *kernel_register(uint32_t i)
{
    return i < REGISTERS_CORE ? &kernel_frame->r[i] : &kernel_frame->cpsr;
}

word_t registers_get(uint32_t thread, uint32_t i)
{
    if (thread == THREAD_KERNEL)
        return *kernel_register(i);
    const struct tcb *t = kptr(threads_tcb(thread));
    if (i == REG_PC && !runs(t))
        return t->regs[REG_FAULT_IP];
    return t->regs[i];
}

static void kernel_set(uint32_t i, word_t value)
{
    word_t *r = kernel_register(i);
    *r = i == REG_CPSR ? results_only(*r, value) : value;
}

void registers_set(uint32_t thread, uint32_t i, word_t value)
{
    if (thread == THREAD_KERNEL) {
        kernel_set(i, value);
        return;
    }
    struct tcb *t = kptr(threads_tcb(thread));
    bool user = (t->regs[REG_CPSR] & MODE_MASK) != MODE_SYS;
    if (i == REG_CPSR)
        value = user ? cpsr_sanitise(value) | (value & CPSR_THUMB)
                     : results_only(t->regs[REG_CPSR], value);
    t->regs[i] = value;
    if (i == REG_PC)
        t->regs[REG_FAULT_IP] = value;
}

void registers_keep_idle(const struct trap_frame *frame)
{
    struct tcb *t = &ks.idle;
    for (uint32_t i = 0; i < REGISTERS_CORE; i++)
        t->regs[i] = frame->r[i];
    t->regs[REG_CPSR] = frame->cpsr;
    t->regs[REG_FAULT_IP] = frame->r[REG_PC];
}
