/* The capabilities of a snapshot of any kernel, in the order of derivation, and what events do to them.
 *
 * A mirror (objwalk/replay.h) holds this kernel's words and proves each event; of another kernel's
 * capabilities only their records are known.  So events are taken as they are told here: one that does
 * not fit is passed over, and what no event tells stays as the snapshot has it.
 *
 * An event costs a search by address, in a tree, and what hangs below a capability that goes. */
#ifndef CAPSCOPE_ATTACH_BETWEEN_LIST_H
#define CAPSCOPE_ATTACH_BETWEEN_LIST_H

#include "capstate/capstate.h"

/* Each stands behind what it was derived from, deeper by one. */
struct between_slot {
    struct record_slot rec;
    struct between_slot *next, *prev;
};

struct between_list {
    struct between_slot *first, *last;
    void *by_addr; /* the same, for tsearch() */
};

/* ERR_NO_MEMORY: nothing is held. */
enum error between_list_init(struct between_list *l, const struct capstate *base);
void between_list_free(struct between_list *l);
enum error between_list_apply(struct between_list *l, const struct record_event *e);

#endif
