/* What the doors to a mainline kernel share. Private to attach/sel4*.c. */
#ifndef CAPSCOPE_ATTACH_SEL4_DOOR_H
#define CAPSCOPE_ATTACH_SEL4_DOOR_H

#include "attach/door.h"
#include "objwalk/sel4/kernel.h"
#include "objwalk/sel4/records.h"
#include "objwalk/sel4/walker.h"

/* A kernel and what was last read of it. */
struct sel4_side {
    struct sel4_kernel kernel;
    struct walker *walker;     /* over it */
    struct sel4_revoke revoke; /* what the door knows of one under way */
    bool open;
};

/* Of the last snapshot. */
static inline const struct sel4_state *sel4_side_state(const struct sel4_side *s)
{
    return sel4_walker_state(s->walker);
}

/* Opens the files that attach_use_kernel() named. Fails with a sentence that names the file. */
enum error sel4_side_open(struct attach *a, struct sel4_side *s);
void sel4_side_close(struct sel4_side *s);
/* Finds the kernel in memory. ERR_NO_ROOTS while it has not booted. */
enum error sel4_side_attach(struct attach *a, struct sel4_side *s, const struct sel4_port *port);

/* Walks until a walk is whole: complete, without findings, or like the walk before it. `prepare`
 * stops the machine before each and says whether it stands at a quiet place. The result is in
 * a->stream. ERR_TORN after `tries` walks. */
typedef enum error (*sel4_prepare)(struct attach *a, unsigned attempt, bool *quiet);
enum error sel4_side_snapshot(struct attach *a, struct sel4_side *s, sel4_prepare prepare,
                              unsigned tries);

#endif
