/* What a revocation takes, foretold from one snapshot: the one account of it.
 *
 * The kernel takes the capabilities derived from the root one after the other; each is a step of the
 * revoke.  With the last capability to a CNode or a thread goes what lies in it, without a step of
 * its own, and so on: whoever counts what is gone counts more than the kernel's steps.  Both have
 * their names here, and everywhere: steps, and capabilities.  A CNode or thread that is half emptied
 * (a zombie) is still the step that it was: steps done and steps to go have one sum all the while.
 *
 * The replies of a kernel keep nothing alive; an object that is nobody's any more goes. */
#ifndef CAPSCOPE_FACTS_TOLL_H
#define CAPSCOPE_FACTS_TOLL_H

#include "capstate/capstate.h"

struct toll {
    uint32_t steps; /* capabilities that the revoke itself takes */
    uint32_t caps;  /* all that go, those in CNodes and threads that end included */
    uint32_t objects, threads, cnodes;
    uint32_t mappings; /* capabilities to frames that are mapped */
    uint32_t homeless; /* threads that stay, and lose their CSpace or address space */
    uint64_t bytes;    /* of the objects; untyped memory is not counted */
};

/* gone: NULL, or an array of slot_count that is set for each slot: is it emptied? Takes as
 * long as there is to take. ERR_NO_MEMORY. */
enum error toll_of(const struct capstate *s, int32_t root, bool *gone, struct toll *out);

/* Does an object end with the slots that are emptied? It does when all capabilities to it go. */
bool toll_ends(const struct capstate *s, const bool *gone, int32_t object);

/* Steps that the revoke under way has done. One whose capability is gone counts, though the kernel counts
 * it only with the next. */
uint32_t toll_steps_done(const struct capstate *s);

enum { TOLL_TEXT = 240 };
/* "31 capabilities in 21 steps, 1 thread, 1 CNode, 17 mappings, 52K of objects". Returns buf. */
char *toll_text(const struct toll *t, char buf[TOLL_TEXT]);

#endif
