/* What vectors.S keeps of an exception in the kernel itself. */
#ifndef CAPSCOPE_KERNEL_ARMV6_TRAP_H
#define CAPSCOPE_KERNEL_ARMV6_TRAP_H

#include "abi/types.h"

struct trap_frame {
    word_t r[16]; /* r0..r12, sp and lr of supervisor mode, pc */
    word_t cpsr;
    word_t far;
    word_t fsr;
    word_t reserved;
};
extern struct trap_frame trap_frame;

_Noreturn void trap_report(word_t kind);

#endif
