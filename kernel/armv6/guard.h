/* Loads and stores that may fail: how the debugger looks at memory that may not be there.
 *
 * An abort makes the function return false instead of stopping the kernel; what was copied before
 * it stays copied. Word accesses are used when address and length allow it, so that device
 * registers can be looked at. Addresses in the kernel window beyond RAM are refused: QEMU and the
 * board repeat RAM there. Works in supervisor mode only. */
#ifndef CAPSCOPE_KERNEL_ARMV6_GUARD_H
#define CAPSCOPE_KERNEL_ARMV6_GUARD_H

#include "layout/types.h"

bool arch_guarded_read(kaddr_t addr, void *buf, uint32_t len);
bool arch_guarded_write(kaddr_t addr, const void *buf, uint32_t len);

#endif
