/* What vectors.S keeps of an exception in the kernel itself. */
#ifndef CAPSCOPE_KERNEL_ARMV6_TRAP_H
#define CAPSCOPE_KERNEL_ARMV6_TRAP_H

#include "layout/types.h"

struct trap_frame {
    word_t r[16]; /* r0..r12, pc; sp and lr of supervisor mode, or of the idle thread */
    word_t cpsr;
    word_t far; /* fault address and status of the last data abort */
    word_t dfsr;
    word_t ifsr; /* fault status of the last prefetch abort */
};
extern struct trap_frame trap_frame;

_Noreturn void trap_report(word_t kind);
/* Goes on where the registers say, in supervisor mode; the idle thread goes on from its TCB, where
 * its registers belong. Debug builds only (monitor/door/context.S). */
_Noreturn void trap_resume(const struct trap_frame *frame);

#endif
