/* Revocations that were seen: each put together from its events, as long as they come.
 *
 * Counts are those of facts/toll.h: steps are what the revoke itself took, capabilities all that went
 * on the way, those in CNodes and threads that ended included. */
#ifndef CAPSCOPE_INSPECTOR_TUI_REVOCATIONS_H
#define CAPSCOPE_INSPECTOR_TUI_REVOCATIONS_H

#include "facts/toll.h"
#include "inspector-tui/source.h"

enum { REVOCATIONS_KEPT = 1024 };

struct revocation {
    uint64_t first, last;      /* numbers of its first and its newest event */
    uint64_t thread;           /* TCB of who revokes */
    uint64_t root;             /* slot */
    uint64_t victim;           /* slot that its newest step takes, 0: none yet */
    uint64_t told;             /* steps done, as its newest event has them */
    struct record_event begin; /* the capability revoked is in it, unless it was lost */
    bool ended;
    bool whole; /* no event of it is missing */
    uint32_t steps, caps, preemptions;
    uint64_t bytes; /* of objects that ended */
};

struct revocations {
    struct revocation *kept; /* oldest first */
    uint32_t count;
    size_t room;
    uint64_t seen;     /* number of the last event looked at */
    uint32_t replaced; /* which events these are, see source_event_window() */
};

void revocations_fini(struct revocations *r);
/* Takes in events that came since the last call; true: something is new. */
bool revocations_follow(struct revocations *r, struct source *source);
/* The revocation that was under way at an event, or the newest one that had begun before; NULL. */
const struct revocation *revocations_at(const struct revocations *r, uint64_t seq);

#endif
