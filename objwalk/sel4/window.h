/* Where the kernel sees physical memory, found from its own page table. */
#ifndef CAPSCOPE_OBJWALK_SEL4_WINDOW_H
#define CAPSCOPE_OBJWALK_SEL4_WINDOW_H

#include "objwalk/sel4/kernel.h"

/* Translates an address by the kernel's page table. ERR_NOT_FOUND: it is not mapped. */
enum error sel4_window_translate(struct sel4_kernel *k, uint64_t va, uint64_t *pa);
/* Sets the offset of the kernel's window. A sentence in `why` on failure. */
enum error sel4_window_find(struct sel4_kernel *k, char *why);

#endif
