/* Going back in time through a stub that can: QEMU replaying a recorded run.
 *
 * The question is always about one slot: which instruction emptied it, which one filled it.  A
 * write watchpoint on the slot's first word and reverse execution find it; afterwards the machine
 * stands at a moment where capability state is whole (see reverse_find()). */
#ifndef CAPSCOPE_ATTACH_REVERSE_H
#define CAPSCOPE_ATTACH_REVERSE_H

#include "attach/attach.h"
#include "attach/gdb_client.h"
#include "objwalk/walker.h"

/* Does the stub replay a recording? */
bool reverse_possible(const struct gdb_client *c);

/* Before the machine runs on: lets it stop where the recording ends.  QEMU that has run off the end
 * cannot go back any more.  Does nothing when the end is not known (docs/reverse.md). */
enum error reverse_guard_end(struct gdb_client *c, deadline_t deadline);

/* How many instructions of the recording have been executed where the machine stands. */
enum error reverse_count(struct gdb_client *c, uint64_t *instruction, deadline_t deadline);

/* Finds the moment and leaves the machine standing at it:
 *   KILLED  where the operation that emptied the slot is about to begin: the capability still there
 *   MADE    where the operation that filled the slot is over
 * A capability that lives is followed forward to its end, an empty slot back.  ERR_NOT_FOUND: no
 * such moment in the recording; the machine then stands at the end that was searched.  The sentence
 * of a failure is in c->trouble.  `w` is open on a view of the same stub that keeps nothing. */
enum error reverse_find(struct gdb_client *c, struct walker *w, enum attach_goal goal,
                        uint64_t slot, struct attach_moment *out, deadline_t deadline);

#endif
