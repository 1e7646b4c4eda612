/* BKPT instructions in memory: planted while the kernel runs, lifted while it stands.
 *
 * None of this code, and nothing that it calls, can have a breakpoint (plat/imx31/kernel.lds). */
#ifndef CAPSCOPE_GDBSTUB_PLANTED_H
#define CAPSCOPE_GDBSTUB_PLANTED_H

#include "layout/types.h"

enum { PLANTED_MAX = 256, PLANTED_ARM = 4, PLANTED_THUMB = 2 };

/* Forgets all places; none may be planted. */
void planted_clear(void);
/* Notes a place in the kernel window, in RAM, aligned to its size; false: no room. Twice is once.
 */
bool planted_add(kaddr_t at, uint32_t size);
void planted_plant(void);
void planted_lift(void);
bool planted_is_in(void);
/* Is there a place noted here? */
bool planted_at(kaddr_t at);
bool planted_is_debug_event(word_t fsr);
/* May a breakpoint stand here in the kernel's text? */
bool planted_allowed(kaddr_t at);

#endif
