/* A state in which capabilities say what no longer holds (odd.c). */
#ifndef CAPSCOPE_DEBUGCALLS_ODD_H
#define CAPSCOPE_DEBUGCALLS_ODD_H

#include "user/lib/user.h"

enum { ODD_BITS = 17, ODD_SLOTS = 16 };

/* Out of `untyped`, which has 2^ODD_BITS bytes left, into ODD_SLOTS empty slots from `slots` on. */
void odd_make(cptr_t untyped, cptr_t slots);

#endif
