/* What a mainline kernel does, as EVENT records: told by the door that stops it at each (sel4_gdb.c).
 *
 * A stop comes before its event has happened, so that it is told as the machine is let go; the new
 * capabilities of a retype, which do not exist before, at the stop after it, where they still are as
 * they were made: whatever changes them stops the machine first. */
#ifndef CAPSCOPE_ATTACH_SEL4_EVENTS_H
#define CAPSCOPE_ATTACH_SEL4_EVENTS_H

#include "attach/door.h"
#include "attach/sel4_stop.h"

struct sel4_events {
    struct sel4_event pending; /* kinds 0: none; happens as the machine goes on */
    struct sel4_event made;    /* a retype that was let go */
    struct sel4_revoke revoke; /* that pending is of */
    uint64_t seq;              /* of the last one that was told */
    int64_t began_ms;
};

/* The machine stands: tells of what a retype made, and takes the event of this stop. */
void sel4_events_stop(struct sel4_events *v, const struct sel4_stops *s,
                      const struct attach_watch *w);
/* It goes on. */
void sel4_events_go(struct sel4_events *v, const struct sel4_stops *s,
                    const struct attach_watch *w);
/* Nobody knows what happened meanwhile. */
void sel4_events_gap(struct sel4_events *v, const struct attach_watch *w);

#endif
