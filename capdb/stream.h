/* Snapshots one after the other: each from the one before and the rows that ended and began, so that
 * a recording is read once however many of its snapshots are looked at.
 *
 * The recording must be held (capdb_hold) as long as a stream is open. */
#ifndef CAPSCOPE_CAPDB_STREAM_H
#define CAPSCOPE_CAPDB_STREAM_H

#include "capdb/store.h"

struct stream;

/* Stands before snapshot `first`. */
enum error stream_open(struct capdb *db, uint32_t first, struct stream **out);
void stream_close(struct stream *s);

/* Goes on to snapshot n, which is not before the one where it stands. */
enum error stream_to(struct stream *s, uint32_t n);
uint32_t stream_at(const struct stream *s); /* the snapshot where it stands, 0: before the first */
/* Rows that ended or began with the last stream_to(), of one kind. */
uint32_t stream_changes(const struct stream *s, enum row_kind kind);

/* A number that differs when threads wait for something else, or otherwise. */
uint64_t stream_waiting(const struct stream *s);

/* The snapshot where it stands, as capdb_load() has it. The caller frees *out with
 * capstate_free(). */
enum error stream_state(struct stream *s, struct capstate *out);
/* The same, not finished: its records, in their order, and nothing that is derived from them. */
enum error stream_records(struct stream *s, struct capstate *out);

#endif
