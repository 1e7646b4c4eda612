/* Addresses as this kernel keeps them.
 *
 * Kernel objects hold 32-bit words only, on every build of the kernel, so that a layout read from
 * a RAM image by a 64-bit host is the layout the kernel wrote.  The typedefs say what a word means;
 * nothing converts between them silently but addition and subtraction of KERNEL_PHYS_OFFSET. */
#ifndef CAPSCOPE_LAYOUT_TYPES_H
#define CAPSCOPE_LAYOUT_TYPES_H

#include "abi/types.h"

/* Address in the kernel window: physical + KERNEL_PHYS_OFFSET, mod 2^32. */
typedef uint32_t kaddr_t;

/*  physical                      kernel window (kaddr_t)
 *  0x80000000 +--------------+   0xf0000000 +--------------+
 *             | kernel image |              |              |
 *             | root task    |              |  all of RAM  |
 *             | free RAM     |              |              |
 *  0x88000000 +--------------+   0xf8000000 +--------------+
 *
 *  The mapping is a bijection mod 2^32, so device memory has a kaddr_t too, though nothing is
 *  mapped there; capabilities hold kaddr_t for every object, and comparisons need no case
 *  distinction. */
#define KERNEL_WINDOW      0xf0000000u
#define KERNEL_PHYS_BASE   0x80000000u
#define KERNEL_PHYS_OFFSET (KERNEL_WINDOW - KERNEL_PHYS_BASE) /* 0x70000000 */

static inline kaddr_t kaddr_from_paddr(paddr_t p)
{
    return p + KERNEL_PHYS_OFFSET;
}

static inline paddr_t paddr_from_kaddr(kaddr_t k)
{
    return k - KERNEL_PHYS_OFFSET;
}

#endif
