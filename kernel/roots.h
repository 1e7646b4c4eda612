/* Fills kernel_roots (layout/roots.h), by which a reader of the kernel's memory finds everything.
 */
#ifndef CAPSCOPE_KERNEL_ROOTS_H
#define CAPSCOPE_KERNEL_ROOTS_H

#include "kernel/kernel.h"

/* r: 64-aligned, in kernel data. start, end: physical range of the kernel image, end exclusive. The
 * magic is written last, so that a scan never finds a half-filled structure. */
void roots_fill(struct kernel_roots *r, paddr_t start, paddr_t end);

#endif
