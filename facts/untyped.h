/* How much of untyped memory is used: the one account of it.
 *
 *      |<------- used ------->|<- free ->|
 *      |   live   |   lost    |
 *
 * Used is what no Retype can hand out: all below the watermark, as long as the memory has children.
 * Without children the kernel's next Retype begins at the start again, wherever the watermark stands,
 * and all is free.  Of what is used, live are the objects directly inside; the rest is lost: skipped
 * for alignment, or left by objects that were deleted one by one.  A revoke makes all of it free. */
#ifndef CAPSCOPE_FACTS_UNTYPED_H
#define CAPSCOPE_FACTS_UNTYPED_H

#include "authority/authority.h"

struct untyped_use {
    uint64_t size, used, live, lost, free; /* bytes */
};

/* Bytes used of an object that is untyped memory; by the capability to it that has children. */
uint64_t untyped_used(const struct capstate *s, int32_t object);

/* For each object, bytes of the objects that lie directly inside: the caller's to free. NULL: no memory. */
uint64_t *untyped_live(const struct authority *a);

/* live: from untyped_live(). */
struct untyped_use untyped_use(const struct capstate *s, int32_t object, const uint64_t *live);

#endif
