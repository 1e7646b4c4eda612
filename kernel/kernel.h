/* The kernel's state and the words every kernel file uses.
 *
 * Reading order: kernel.h, capability.h, cdt.h, cnode.h, untyped.h, delete.h, then tcb.h, sched.h,
 * endpoint.h, notification.h, ipc.h, fault.h, vspace.h, asid.h, irq.h, and syscall.h which ties
 * them.
 *
 * Conventions
 *  - Objects refer to each other by kaddr_t; kptr() and kaddr_of() (machine.h, one for ARM, one for
 *    the host simulation) are the only casts.
 *  - Each object file has decode_ functions, which check everything and change nothing, and invoke_
 *    functions, which change and cannot fail.
 *  - No recursion, no allocation; a loop over what users built is bounded or has a preemption
 * point.
 *  - Every change to a slot is reported to debug.h, after it happened (a revoke's victim: before).
 */
#ifndef CAPSCOPE_KERNEL_KERNEL_H
#define CAPSCOPE_KERNEL_KERNEL_H

#include "layout/capability.h"
#include "layout/derivation.h"
#include "layout/objects.h"
#include "layout/roots.h"
#include "abi/syscall.h"

/* How an operation ended. */
enum outcome {
    DONE = 0,
    REFUSED,   /* ks.refusal says why; goes to the caller of a Call */
    FAULTED,   /* ks.fault_* describe a capability fault of the current thread */
    PREEMPTED, /* an interrupt is pending: the thread stays at its svc and executes it again */
};

/* Why an invocation was refused (ABI sheet 1.8); set by the refuse_ functions (refusal.h). */
struct refusal {
    word_t error; /* enum syscall_error */
    word_t arg0;  /* argument or capability number, range minimum, bytes left, source flag */
    word_t arg1;  /* range maximum */
};

/* A failed lookup (ABI sheet 1.9), set by cnode_lookup functions. */
struct lookup_fault {
    word_t type; /* enum lookup_failure */
    word_t word[3];
};

/* All of the kernel's data, so that the host build can have it in simulated memory, many times.
 * What every entry uses comes first, so that it is reached with short offsets. */
struct kernel {
    kaddr_t asid_table[ASID_POOLS];
    struct tcb idle; /* 512-aligned, as the whole is */
    struct slot cdt_head;
    kaddr_t current;   /* running thread */
    kaddr_t candidate; /* woken thread to consider at kernel exit (ABI sheet 8.1), 0: none */
    word_t reschedule; /* 1: choose anew at kernel exit */
    word_t ready_top;  /* bit i: ready_bits[i] is not 0 */
    word_t ready_bits[CONFIG_PRIORITIES / 32];
    word_t ticks;
    word_t domain;
    word_t work_units; /* since the last look at interrupts */
    struct refusal refusal;
    struct lookup_fault lookup;
    word_t fault_cptr;    /* of the capability fault being raised */
    word_t fault_receive; /* 1: in the receive phase */
    word_t hw_asid_next;
    uint8_t irq_state[IRQ_COUNT];
    struct slot irq_slots[IRQ_COUNT] __attribute__((aligned(1 << SLOT_BITS)));
    struct ready_queue ready[CONFIG_PRIORITIES];
    word_t hw_asid_owner[256]; /* ASID that has it or had it when its pool went, 0: none */
    kaddr_t root_thread;       /* the TCB made at boot; said for whoever reads, never used */
};

_Static_assert(offsetof(struct kernel, idle) % (1 << TCB_BITS) == 0, "a thread's alignment");

#include "machine.h"

static inline struct tcb *current_thread(void)
{
    return kptr(ks.current);
}

/* Our own bug: stops in the debugger (debug build) or halts. Never for what a user can cause. */
_Noreturn void kernel_panic(const char *file, int line, const char *what);
#define kernel_assert(e) ((e) ? (void)0 : kernel_panic(__FILE__, __LINE__, #e))

/* Freestanding memory helpers with the usual meaning; sizes in bytes. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

/* Looked at in every long operation, at least every 2,000 instructions: true when an interrupt is
 * pending, and the operation must save its progress and return PREEMPTED. `work` counts units;
 * a look happens whenever PREEMPT_UNITS have been collected. */
enum { PREEMPT_UNITS = 8 };
bool preempt_point(word_t work);

#endif
