/* What only grows over a recording: objects of each type, and capabilities of each domain.
 *
 * A count that goes up and down is no leak as long as it comes back.  So the recording is cut into
 * parts of equal length, and the fewest in each part are compared: they must grow from part to
 * part.  All snapshots count; what is read are the moments at which rows begin and end. */
#ifndef CAPSCOPE_CAPDB_GROWTH_H
#define CAPSCOPE_CAPDB_GROWTH_H

#include "capdb/capdb.h"

enum { GROWTH_PARTS = 4, GROWTH_NAME = 160, GROWTH_LEAST = 3 }; /* snapshots below are too few */

struct growth {
    char what[GROWTH_NAME];        /* "frame objects", "capabilities of guest" */
    uint64_t first, last;          /* count in the first and last snapshot */
    uint64_t fewest[GROWTH_PARTS]; /* in each part, `parts` of them */
    uint32_t parts;
    double per_snapshot, per_minute; /* slope of the straight line that fits best */
};

/* Snapshots up to n, of its run of the machine. Calls back for each count that grows. Fewer than GROWTH_LEAST snapshots: nothing
 * grows. */
typedef void (*growth_hear)(void *ctx, const struct growth *g);
enum error growth_find(struct capdb *db, uint32_t n, growth_hear hear, void *ctx);

#endif
