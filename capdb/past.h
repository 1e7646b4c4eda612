/* What a recording adds to an answer about one of its snapshots: since when it is so, what was there
 * before, when it went and who took it.  Lines go behind those of facts/why.h.
 *
 * The past is as fine as the recording: snapshots tell between which two something happened, events
 * who did it.  Where the recording does not tell, a line says that. */
#ifndef CAPSCOPE_CAPDB_PAST_H
#define CAPSCOPE_CAPDB_PAST_H

#include "capdb/capdb.h"
#include "facts/why.h"

/* For each, s is snapshot n of db and thread an index in it; an error has its sentence in
 * capdb_error(). */

/* How long the thread has been as it is, and who ran meanwhile when it only waits its turn. */
enum error capdb_past_running(struct capdb *db, uint32_t n, const struct capstate *s,
                              int32_t thread, struct why *out);

/* Since when a faulted thread stands, and what was where its look-up ended. */
enum error capdb_past_fault(struct capdb *db, uint32_t n, const struct capstate *s, int32_t thread,
                            struct why *out);

/* What was in the slot that a capability address leads to, or where the way to it broke off. */
enum error capdb_past_address(struct capdb *db, uint32_t n, const struct capstate *s,
                              int32_t thread, uint64_t cptr, struct why *out);

/* A thread of that name, or with its TCB at addr (0: by name), that is not in snapshot n: when it was
 * there, as the end of "NAME ..."; false: never. */
bool capdb_past_thread(struct capdb *db, uint32_t n, const char *name, uint64_t addr, char *buf,
                       size_t size);

#endif
