/* Where the capabilities in the slots that events touched lay before these events.  Where the events
 * are all that happened, they decide what two snapshots can only guess: whether a capability was
 * deleted and made again in its slot, or which of several alike moved.
 *
 * The events are gone through twice, in their order: origins_touch() for each, origins_begin(), then
 * origins_apply() for each. */
#ifndef CAPSCOPE_FACTS_ORIGINS_H
#define CAPSCOPE_FACTS_ORIGINS_H

#include "record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origins {
    struct origin {
        uint64_t slot;
        uint64_t
            from; /* the slot that held before what this one holds now; 0: it is new, or none */
    } * list;     /* ascending by slot */
    uint32_t count;
    size_t room;
};

/* false: no memory. */
bool origins_touch(struct origins *o, const struct record_event *e);
void origins_begin(struct origins *o);
void origins_apply(struct origins *o, const struct record_event *e);
/* The slot that held it before, 0: nothing did. One that no event touched holds what it held. */
uint64_t origins_of(const struct origins *o, uint64_t slot);
void origins_free(struct origins *o);

#endif
