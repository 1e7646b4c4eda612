/* A mirror of the derivation list that follows a kernel by its events alone, for kernels that tell
 * theirs (objwalk/capscope/).
 *
 * Takes the records of a base snapshot, then EVENT records, each applied to an ordered list of
 * slots.  After every event the mirror is exactly the kernel's list: same slots,
 * words, flags, order; replay_digest() proves it in one comparison with END or DIGEST.  An event
 * that cannot happen in the state at hand, a number that is missing, a digest that differs end the
 * mirror: from then on it refuses everything but a new base. */
#ifndef CAPSCOPE_OBJWALK_REPLAY_H
#define CAPSCOPE_OBJWALK_REPLAY_H

#include "lib/errors.h"
#include "record/record.h"

enum replay_state {
    REPLAY_EMPTY,   /* no base yet */
    REPLAY_LOADING, /* a base is coming in */
    REPLAY_SOUND,
    REPLAY_LOST, /* events are missing, or the mirror was proved wrong */
};

struct replay {
    enum replay_state state;
    uint64_t seq;   /* last event contained */
    uint32_t count; /* slots */
    /* About the last error, for the sentence: */
    uint64_t trouble;         /* slot (physical), or the first number that is missing */
    uint64_t lost;            /* ERR_SEQUENCE: how many, 0: unknown */
    struct replay_list *list; /* private */
};

void replay_init(struct replay *r);
void replay_free(struct replay *r);

/* One record of any kind, in the order in which they come:
 *   SNAPSHOT      begins a new base: what was there is dropped
 *   SLOT          in derivation order
 *   END           closes the base: ERR_TRUNCATED if slots are missing, ERR_CORRUPT if the kernel
 *                 says that its list is broken, ERR_CHECKSUM if its digest differs
 *   EVENT         ERR_SEQUENCE if it is not the next one; ERR_CORRUPT if it does not fit the state
 *   GAP           ERR_SEQUENCE
 *   DIGEST        ERR_SEQUENCE if it counts other events, ERR_CHECKSUM if it differs
 *   others        say nothing about the list
 * Events while there is no sound mirror are ERR_TORN. ERR_NO_MEMORY leaves it lost, too; from
 * SNAPSHOT: ERR_VERSION, ERR_LAYOUT, ERR_UNSUPPORTED. */
enum error replay_record(struct replay *r, const struct record *record);

/* Computed over the whole list: what END and DIGEST hold. */
void replay_digest(const struct replay *r, uint32_t digest[2]);

/* The slots in derivation order, with depths, as a snapshot would give them. */
enum { REPLAY_MAX_DEPTH = 64 };
struct replay_cursor {
    uint32_t node;
    uint32_t depth;
    uint32_t chain[REPLAY_MAX_DEPTH]; /* nodes that may have children and have this one below */
};
void replay_begin(struct replay_cursor *c);
bool replay_next(const struct replay *r, struct replay_cursor *c, struct record_slot *out);

#endif
