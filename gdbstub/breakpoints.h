/* Breakpoints as gdb sets them (Z0): an address and the size of an instruction.
 *
 * gdb knows one memory for all threads, so a breakpoint at a user address holds in every address
 * space in which that address is mapped when the kernel goes on; gdb can narrow it to a thread
 * (`break *ADDR thread N`). */
#ifndef CAPSCOPE_GDBSTUB_BREAKPOINTS_H
#define CAPSCOPE_GDBSTUB_BREAKPOINTS_H

#include "layout/types.h"

enum { BREAKPOINTS_MAX = 64 };

enum breakpoints_result {
    BREAKPOINTS_OK,
    BREAKPOINTS_NOWHERE, /* not mapped, not code, not aligned */
    BREAKPOINTS_REFUSED, /* the stub itself depends on this code */
    BREAKPOINTS_FULL,
};

/* Only while the kernel stands. Setting one twice is setting it once. */
enum breakpoints_result breakpoints_set(uint32_t addr, uint32_t size);
void breakpoints_unset(uint32_t addr);
void breakpoints_unset_all(void);
bool breakpoints_at(uint32_t addr); /* is one set here? */

/* The kernel goes on: every breakpoint into every place it holds, and the step that is under way. A
 * thread that steps does not meet the breakpoint at which it stands. Some places may find no room:
 * how many. */
uint32_t breakpoints_plant(void);

#endif
