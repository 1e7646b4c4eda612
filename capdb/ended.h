/* Which versions of capabilities ended between two snapshots: lists that merges leave, since an index on t1
 * would take a tenth of a recording (docs/database.md, Keyframes). */
#ifndef CAPSCOPE_CAPDB_ENDED_H
#define CAPSCOPE_CAPDB_ENDED_H

#include "capdb/store.h"

/* Since format 5: rows of cap_version, and of the tail, up to number `last` that ended behind snapshot
 * `early` and up to `late`, ascending.  key_list_free() is due, whatever comes. ERR_CORRUPT. */
enum error ended_between(struct capdb *db, uint32_t early, uint32_t late, int64_t last,
                         struct key_list *out);
/* The recorder, inside a merge: the lists of the tail. */
enum error ended_put(struct capdb *db);
/* A file that was written row by row, inside its transaction: the lists that merges would have left. */
enum error ended_make(struct capdb *db);
/* Do they say what the table says, and does it refer to all places and words?  A sentence where not. Anything but ERR_OK: that could not be
 * found out. */
enum error ended_verify(struct capdb *db, capdb_report report, void *ctx);

#endif
