/* Where runs of the machine begin (docs/database.md, runs): what the recorder writes down of them. */
#ifndef CAPSCOPE_CAPDB_RUNS_H
#define CAPSCOPE_CAPDB_RUNS_H

#include "capdb/store.h"

/* Did another run of the machine begin with snapshot n, by what is known of the door: another process
 * behind the same one, or another number of the kernel's? */
bool capdb_source_restarts(struct capdb *db, uint32_t n);

/* The recorder, in the transaction of snapshot n. before: of the snapshot before it, if there is one. */
enum error runs_put(struct capdb *db, uint32_t n, const struct record_snapshot *before,
                    const struct record_snapshot *now);
/* All of them, into a table that has none; inside a transaction. */
enum error runs_make(struct capdb *db);
/* A sentence where the table says something else than the view. Anything but ERR_OK: that could not be
 * found out. */
enum error runs_verify(struct capdb *db, capdb_report report, void *ctx);

#endif
