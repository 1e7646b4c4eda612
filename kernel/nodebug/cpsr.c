/* CPSR of new threads in a release kernel: imprecise aborts masked (ABI sheet 7.1). */
#include "kernel/arch.h"

const word_t arch_user_cpsr = ARCH_USER_CPSR_RELEASE;
