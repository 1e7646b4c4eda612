/* Mainline behind objwalk/walker.h: a kernel that was attached to (kernel.h), asked by hosts.
 *
 * The port is the kernel's own; walker.view is not used.  There is no list to go through, so that
 * iterations tell of the state that the last walker_snapshot() read, which the first one of them
 * takes if there was none; single slots are read when they are asked for. */
#ifndef CAPSCOPE_OBJWALK_SEL4_WALKER_H
#define CAPSCOPE_OBJWALK_SEL4_WALKER_H

#include "objwalk/sel4/kernel.h"
#include "objwalk/sel4/state.h"
#include "objwalk/walker.h"

/* The kernel must outlive the walker; what its memory kept is forgotten at each snapshot.  NULL: no
 * memory. */
struct walker *sel4_walker_open(struct sel4_kernel *k);

/* What the last snapshot read, for those who stop the kernel (attach/); empty before it. */
const struct sel4_state *sel4_walker_state(const struct walker *w);
bool sel4_walker_has_walked(const struct walker *w);
/* A revocation under way, as whoever follows it from outside knows it: the next snapshot tells it. */
void sel4_walker_set_revoke(struct walker *w, const struct sel4_revoke *r);

#endif
