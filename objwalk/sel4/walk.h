/* The walk over a mainline kernel: from its roots to every slot, thread and table.
 *
 * There is no list of all slots and no sentinel.  The walk goes on from what it knows: threads of
 * the scheduler and of the debug list, the interrupts' slots, what the boot told, then every
 * capability to a CNode, thread or zombie, every neighbour in a derivation list, every address
 * space.  It goes in waves, so that a line is asked once for all that a wave needs.
 *
 * Everything read is an allegation: loops have bounds, sizes are checked, and what does not fit
 * becomes a finding. */
#ifndef CAPSCOPE_OBJWALK_SEL4_WALK_H
#define CAPSCOPE_OBJWALK_SEL4_WALK_H

#include "objwalk/sel4/kernel.h"
#include "objwalk/sel4/state.h"

enum {
    SEL4_MAX_RADIX = 20,        /* of a CNode that is read */
    SEL4_MAX_SLOTS = 1 << 21,   /* looked at in one walk */
    SEL4_MAX_OBJECTS = 1 << 20, /* of a kind */
    SEL4_MAX_TABLES = 1 << 16,
    SEL4_MAX_MAPPINGS = 1 << 21,
    SEL4_WAVES = 4096,
};

/* Reads the whole state. The target must stand still, and k->memory must hold nothing from before
 * it did (sel4_memory_forget()). ERR_OK with findings for what does not fit; ERR_LAYOUT when so
 * little fits that another layout must be the reason; else errors of the port, ERR_NO_MEMORY. The
 * caller frees `out` in every case. */
enum error sel4_walk(struct sel4_kernel *k, struct sel4_state *out);

/* The same after a walk, where most is as it was: reads the slots of large CNodes that were filled,
 * and what is linked to them; everything, where that might not be all. Most of it is asked for in a
 * single batch. What nobody but chance would do, such as writing into an empty slot past the
 * kernel, only sel4_walk() sees. */
enum error sel4_walk_again(struct sel4_kernel *k, const struct sel4_state *last,
                           struct sel4_state *out);

#endif
