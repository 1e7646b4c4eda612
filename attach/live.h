/* The live line: a mirror of a running kernel's capabilities, and every event on the way.
 *
 *     live_open()      trace and live line on, a base snapshot
 *     live_poll()      events as they happen; whatever was lost is said, and a new base taken
 *     live_snapshot()  a snapshot of everything, at which the mirror is proved equal
 *
 * Doors to a serial monitor can do this, others give ERR_UNSUPPORTED.  The mirror (replay.h) holds
 * the slots; threads, queues and mappings come with snapshots alone. */
#ifndef CAPSCOPE_ATTACH_LIVE_H
#define CAPSCOPE_ATTACH_LIVE_H

#include "attach/attach.h"
#include "objwalk/replay.h"

struct live;

enum { LIVE_SILENCE_MS = 5000 }; /* the kernel speaks once a second at least */

struct live_listener {
    void *ctx;
    /* EVENT and GAP records, such that their numbers go on without a hole: what was lost on the
     * line comes as a GAP as well. Events older than the first base do not come. NULL: nobody
     * listens. */
    void (*record)(void *ctx, const struct record *record);
    /* One sentence, without the target's name, whenever the mirror had to be given up: what was
     * lost or differed. NULL: nobody listens. */
    void (*say)(void *ctx, const char *sentence);
};

/* How it went so far. */
struct live_counts {
    uint64_t events;  /* that came */
    uint64_t lost;    /* numbers of events that did not */
    uint32_t bases;   /* snapshots taken as base, the first one too */
    uint32_t trouble; /* of those, taken because the mirror could not be kept */
    uint32_t digests; /* comparisons with the kernel that agreed */
};

/* On failure *out is NULL and attach_error(a) says why. `a` must outlive it and may be used for
 * commands in between; a snapshot is live_snapshot(). */
enum error live_open(struct attach *a, const struct live_listener *listener, struct live **out);
/* Switches the live line off, and the trace if it was off before. */
void live_close(struct live *l);

/* Takes in what comes until something came or ms have passed, and takes a new base where needed. An
 * error means that the target cannot be reached; attach_error() says so. */
enum error live_poll(struct live *l, int ms);
/* Nobody will listen for a while: the kernel sends no events until the next call, which takes a new base
 * and says what was missed. */
void live_rest(struct live *l);
/* After such an error, of this or of live_snapshot(): tries once to reach it again
 * (attach_recover()). On success a new base is taken, and what was missed is said. */
enum error live_recover(struct live *l);

/* Everything as it is now. The events up to there come first. */
enum error live_snapshot(struct live *l, struct capstate *out);

const struct replay *live_mirror(const struct live *l);
const struct live_counts *live_counts(const struct live *l);

#endif
