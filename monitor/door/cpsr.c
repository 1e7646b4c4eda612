/* The CPSR of a new thread in a kernel with debugging: asynchronous aborts are not masked (ABI
 * sheet 7.1). */
#include "kernel/arch.h"

const word_t arch_user_cpsr = ARCH_USER_CPSR_DEBUG;
