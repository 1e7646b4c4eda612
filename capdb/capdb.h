/* Recordings: many snapshots in one SQLite file, each reconstructible as a capstate.
 *
 * Only what changed is stored: rows live from snapshot t0 up to, not including, t1.  A snapshot
 * that capdb_append() returned for survives Ctrl-C and kill -9; a full disk keeps what was
 * complete.  docs/database.md describes tables and views; `capdb sql` offers the views.
 * Handles are not shared between threads. */
#ifndef CAPSCOPE_CAPDB_CAPDB_H
#define CAPSCOPE_CAPDB_CAPDB_H

#include "authority/authority.h"
#include "capstate/capstate.h"

struct capdb;

enum { CAPDB_MESSAGE = 512 };

/* Makes a new recording; ERR_REFUSED when the file exists. ":memory:" keeps it in memory.
 * On failure *out is NULL and one sentence, without the path, is in message (CAPDB_MESSAGE). */
enum error capdb_create(const char *path, const char *target, struct capdb **out, char *message);

/* Opens an existing recording, to read and to append.  Replays what a killed recorder left; a file
 * that cannot be written is opened for reading only.  ERR_FORMAT for a foreign or damaged file,
 * ERR_VERSION for a newer schema, ERR_NOT_FOUND, ERR_IO. */
enum error capdb_open(const char *path, struct capdb **out, char *message);

/* Merges what is pending and publishes the file out of WAL mode. */
void capdb_close(struct capdb *db);

/* The sentence of the last failed call on this handle. */
const char *capdb_error(const struct capdb *db);

/* Domain rules that the recording carries, a set at a time: the given one holds from the snapshot
 * that is appended next; *replaced tells whether another held before.  The same set again changes
 * nothing. */
enum error capdb_set_rules(struct capdb *db, const struct authority_rules *rules, bool *replaced);
/* Those that hold for snapshot n; 0: for the next one. The caller frees *out. */
enum error capdb_get_rules(struct capdb *db, uint32_t n, struct authority_rules *out);

/* Appends one snapshot, taken `time` seconds after 1970; *n is its number, from 1.  On return it is
 * committed.  ERR_IO (disk full, too): nothing of this snapshot was kept, the others were. */
enum error capdb_append(struct capdb *db, const struct capstate *state, double time, uint32_t *n);

/* Stores EVENT and GAP records, in the order in which they happened; others are passed over. They
 * belong before the snapshot that is appended next. On return they are committed. */
enum error capdb_put_events(struct capdb *db, const struct record *events, uint32_t count);

/* Makes everything appended visible to other readers; append does so about once a second. */
enum error capdb_flush(struct capdb *db);

/* Snapshots 1..count. A recorder in another process may add to them. */
uint32_t capdb_count(struct capdb *db);

/* Rebuilds snapshot n. The caller frees *out with capstate_free(). ERR_NOT_FOUND, ERR_CORRUPT. */
enum error capdb_load(struct capdb *db, uint32_t n, struct capstate *out);

struct capdb_snapshot {
    uint32_t n;
    double time;
    uint32_t ticks, seq;
    uint32_t digest[2];
    uint32_t slots, threads, mappings;
    uint32_t added, removed, changed; /* capabilities, against the snapshot before */
    bool complete;
    char target[128];
    char build[64];
};
enum error capdb_snapshot_info(struct capdb *db, uint32_t n, struct capdb_snapshot *out);

/* The number that lives through moves and rights changes; 0 when nothing is in the slot then. */
uint64_t capdb_cap_id(struct capdb *db, uint32_t n, uint32_t slot_addr);

/* Recomputes every snapshot and compares with the sums taken when it was recorded; applies recorded
 * events to each snapshot and compares with the next. Calls `report`
 * once a fault with a sentence. ERR_CORRUPT if there was one. */
enum error capdb_verify(struct capdb *db, void (*report)(void *ctx, const char *sentence),
                        void *ctx);

#endif
