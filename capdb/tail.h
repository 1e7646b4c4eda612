/* The tail: what was committed and is not merged into the tables yet. */
#ifndef CAPSCOPE_CAPDB_TAIL_H
#define CAPSCOPE_CAPDB_TAIL_H

#include "capdb/pack.h"
#include "capdb/store.h"

/* What snapshot t changed of one kind. ended: ascending; began: numbered without a hole. */
struct tail_changes {
    const int64_t *ended;
    uint32_t ended_count;
    const struct row *began;
    uint32_t began_count;
};
/* One row of the tail by `put`, which stands for INSERT INTO main.tail VALUES (?, ?, ?, ?, ?); none
 * where nothing changed.  scratch: memory that calls share. */
enum error tail_put(struct capdb *db, sqlite3_stmt *put, uint32_t t, int kind,
                    const struct tail_changes *changes, struct pack scratch[2]);

#endif
