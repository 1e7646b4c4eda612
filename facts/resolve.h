/* Looking up a capability address, as the kernel does (ABI sheet 1.10).
 *
 *   cptr  |  guard  |  index  |  rest -> the CNode found there, or ignored behind a leaf  |
 *
 * A level eats guard_bits and radix bits of what is left. */
#ifndef CAPSCOPE_FACTS_RESOLVE_H
#define CAPSCOPE_FACTS_RESOLVE_H

#include "capstate/capstate.h"

enum { RESOLVE_LEVELS = 64 }; /* each level eats a bit at least */

enum resolve_end {
    RESOLVE_SLOT,    /* the last level's slot; it may be empty, and bits may be left over */
    RESOLVE_NO_ROOT, /* the thread has no CSpace root, or it is no CNode: InvalidRoot */
    RESOLVE_GUARD_MISMATCH,
    RESOLVE_DEPTH_MISMATCH, /* a level needs more bits than are left */
};

struct resolve_level {
    int32_t cnode_slot;          /* the capability to the CNode */
    int32_t cnode;               /* object */
    uint64_t guard, guard_found; /* wanted by the capability, found in the address */
    uint32_t guard_bits, radix;
    uint32_t bits_left; /* before this level */
    uint64_t index;     /* of the slot in the CNode */
    uint64_t slot_addr;
    int32_t slot; /* occupied slot there, -1: empty */
};

struct resolve {
    enum resolve_end end;
    struct resolve_level level[RESOLVE_LEVELS];
    uint32_t levels;
    uint32_t bits_left; /* behind the last level */
};

/* bits: how many bits of cptr count, 0: the kernel's word. */
void resolve_cptr(const struct capstate *s, int32_t thread, uint64_t cptr, uint32_t bits,
                  struct resolve *out);

#endif
