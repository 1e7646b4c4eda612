/* Recordings: many snapshots in one SQLite file, each reconstructible as a capstate.
 *
 * Only what changed is stored: rows live from snapshot t0 up to, not including, t1.  A snapshot
 * that capdb_append() returned for survives Ctrl-C and kill -9; a full disk keeps what was
 * complete.  One process records into a file, any number read it; readers write nothing, not into
 * the file and not beside it.  docs/database.md describes tables and views.
 * Handles are not shared between threads. */
#ifndef CAPSCOPE_CAPDB_CAPDB_H
#define CAPSCOPE_CAPDB_CAPDB_H

#include "authority/authority.h"
#include "capstate/capstate.h"

struct capdb;

enum { CAPDB_MESSAGE = 512 };

/* --- opening ---------------------------------------------------------------------------------- */

/* Where snapshots come from. */
struct capdb_source {
    const char *target;  /* as attach_target() */
    const char *machine; /* tells this run of a machine from all others; NULL: unknown */
    bool same_machine;   /* the user says that another target is the same machine */
    const char *cut;     /* of a new recording: what it was cut from, a sentence; NULL: nothing */
};

/* Makes a new recording; ERR_REFUSED when the file exists or somebody records into it. ":memory:"
 * keeps it in memory. On failure *out is NULL and one sentence, without the path, is in message
 * (CAPDB_MESSAGE). */
enum error capdb_create(const char *path, const char *target, struct capdb **out, char *message);
enum error capdb_create_from(const char *path, const struct capdb_source *source,
                             struct capdb **out, char *message);

/* The same of a recording that is made in one go: until capdb_end_new() it has another name, and
 * whatever interrupts this leaves nothing under `path` (outfile.h). With e not ERR_OK the end
 * removes it; what comes back is e, or ERR_IO with a sentence. The end may be called after a
 * failure of the beginning. */
struct partial;
struct capdb_new {
    struct capdb *db;
    struct partial *partial;
};
enum error capdb_begin_new(const char *path, const struct capdb_source *source,
                           struct capdb_new *out, char *message);
enum error capdb_end_new(struct capdb_new *new, enum error e, char *message);

/* Opens a recording to append to it; the source is stored with the first thing that is. ERR_REFUSED:
 * somebody records into it, or it is of another machine; the sentence names the first. Otherwise as
 * capdb_open(). */
enum error capdb_resume(const char *path, const struct capdb_source *source, struct capdb **out,
                        char *message);

/* The target could not be reached for a while, and can again: another process may answer there now,
 * and then nothing of before lives on; it is stored as capdb_resume() stores it. ERR_NO_MEMORY, or as
 * reading fails. */
enum error capdb_reached_again(struct capdb *db, const struct capdb_source *source);

/* Opens a recording to read it.  What a killed recorder left is seen; a recorder may go on
 * meanwhile. Where another recording takes the name of the file, each further question gives ERR_FORMAT,
 * and its sentence says that it is to be opened anew. ERR_FORMAT for a foreign or damaged file, ERR_VERSION for a newer schema,
 * ERR_NOT_FOUND, ERR_IO.
 */
enum error capdb_open(const char *path, struct capdb **out, char *message);

/* Has another recording taken the name of the file, as far as questions have seen? */
bool capdb_is_replaced(const struct capdb *db);

/* What every answer from this file has to be taken with, one sentence; NULL: nothing. */
const char *capdb_warning(const struct capdb *db);

/* Of a recorder: is what it recorded in the file of that name? ERR_CLOSED: somebody removed, moved, cut
 * off or replaced it; ERR_CORRUPT: wrote into it. Each write asks this as well. */
enum error capdb_is_in_place(struct capdb *db);

/* A recorder: merges what is pending and makes one plain file of it. */
void capdb_close(struct capdb *db);
/* The same of one that was refused: of a recording that it made, and that has no snapshot, nothing
 * stays. */
void capdb_abandon(struct capdb *db);

/* The sentence of the last failed call on this handle. */
const char *capdb_error(const struct capdb *db);

/* --- recording -------------------------------------------------------------------------------- */

/* The rules for domains from the next snapshot on, in place of those before. */
enum error capdb_set_rules(struct capdb *db, const struct authority_rules *rules);

/* ERR_REFUSED: capdb_append() will refuse this snapshot, which is of another kernel. For who has something
 * else to store before it: rules, events. Nothing is stored. */
enum error capdb_fits(struct capdb *db, const struct capstate *state);

/* Appends one snapshot, taken `time` seconds after 1970; *n is its number, from 1.  On return it is
 * committed.  On failure nothing of it was kept, the others were: ERR_IO (disk full, too);
 * ERR_TIMEOUT: another program holds a lock, so try again later; ERR_REFUSED: another kernel. */
enum error capdb_append(struct capdb *db, const struct capstate *state, double time, uint32_t *n);
/* The same, and takes the state over: on success *state is empty, and nothing was copied. */
enum error capdb_append_taking(struct capdb *db, struct capstate *state, double time, uint32_t *n);
/* What the recorder keeps of the newest snapshot, in bytes; twice as much while one is appended. */
uint64_t capdb_recorder_memory(const struct capdb *db);

/* Stores EVENT and GAP records, in the order in which they happened; others are passed over. They
 * belong before the snapshot that is appended next. On return they are committed. Fails as
 * capdb_append(). */
enum error capdb_put_events(struct capdb *db, const struct record *events, uint32_t count);

/* Merges what was appended into the tables; append does so every two seconds (less often where
 * that would take more than a tenth of the time) or hundred snapshots. */
enum error capdb_flush(struct capdb *db);
/* The same if it is time for it; whether it can be done does not matter, for it is tried again. */
void capdb_merge_when_due(struct capdb *db);

/* --- reading ---------------------------------------------------------------------------------- */

/* Between these all questions are answered from one state of the file. They nest. release gives
 * ERR_TORN when somebody changed the file and nothing kept them from it: answers may be wrong. */
enum error capdb_hold(struct capdb *db);
enum error capdb_release(struct capdb *db);

/* Snapshots 1..count. A recorder in another process may add to them. */
uint32_t capdb_count(struct capdb *db);

/* The rules in force for snapshot n, 0: for the newest. The caller frees them. */
enum error capdb_get_rules(struct capdb *db, uint32_t n, struct authority_rules *out);

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
uint64_t capdb_cap_id(struct capdb *db, uint32_t n, uint64_t slot_addr);

/* Who owns the memory at addr in snapshot n, as authority_owner_of() has it under the rules that
 * were in force then; from the indexes, without rebuilding the snapshot. */
enum { CAPDB_DOMAIN = 128 };
struct capdb_owner {
    bool found; /* an object lies there */
    uint64_t object;
    uint32_t type, bits;
    char domain[CAPDB_DOMAIN]; /* "": nobody */
    bool by_untyped;           /* the rule that decided */
    bool covered;              /* untyped memory is there: it is not the kernel's */
    bool shared;               /* several hold it; domain is one of them */
};
enum error capdb_owner_at(struct capdb *db, uint32_t n, uint64_t addr, struct capdb_owner *out);

/* The answer to one SELECT over the documented views: a line with the names of the columns, then
 * one a row, at most `most`; cells divided by tabs, escaped. The caller frees *table. ERR_FORMAT:
 * not one SELECT, the sentence says why. */
enum error capdb_ask(struct capdb *db, const char *sql, uint32_t most, char **table);
/* The same, where `:n` stands for the number of a snapshot. */
enum error capdb_ask_at(struct capdb *db, const char *sql, uint32_t n, uint32_t most, char **table);

/* Questions on this handle are given up, with ERR_TIMEOUT, after so many seconds, and as soon as
 * somebody does not want them any more: wanted() is called now and then meanwhile; NULL: they are. */
void capdb_give_up_after(struct capdb *db, uint32_t seconds, bool (*wanted)(void *ctx), void *ctx);

/* The newest `most` EVENT and GAP records, in the order in which they happened. */
typedef void (*capdb_hear_event)(void *ctx, const struct record *r);
enum error capdb_get_events(struct capdb *db, uint32_t most, capdb_hear_event hear, void *ctx);

/* Of those in the rows of event from `row` up to, not including, `next` (the view runs has the first row of
 * each run of the machine; INT64_MAX: to the end), the `most` around the last one that snapshot n shows:
 * half of them later, unless there are fewer on one side. */
struct capdb_event_window {
    int64_t row, next;
    uint32_t n;
    bool earlier, later; /* out: there are more */
};
enum error capdb_get_events_around(struct capdb *db, struct capdb_event_window *w, uint32_t most,
                                   capdb_hear_event hear, void *ctx);

/* Follows the chain of commits, rebuilds every snapshot and compares with the sums taken when it
 * was recorded, applies recorded events to each snapshot and compares with the next.  Calls
 * `report` once a fault with a sentence, up to a limit. ERR_CORRUPT if there was one. */
typedef void (*capdb_report)(void *ctx, const char *sentence);
enum error capdb_verify(struct capdb *db, capdb_report report, void *ctx);
/* From now on verify of this handle tells how far it is, of how much. */
typedef void (*capdb_progress)(void *ctx, uint32_t done, uint32_t of);
void capdb_tell_progress(struct capdb *db, capdb_progress progress, void *ctx);
/* Only the chain of commits: every row belongs to one and hashes to what the ledger says. Format 1 has
 * none, so of that the sums of the snapshots. */
enum error capdb_verify_chain(struct capdb *db, capdb_report report, void *ctx);

/* --- smaller files ---------------------------------------------------------------------------- */

/* Writes the recording anew without the room that nothing uses, checks the chain of the copy and
 * puts it in place of the old at once: whatever ends this in the middle leaves the old.
 * ERR_REFUSED: somebody records into it. ERR_CORRUPT: it is damaged. On failure one sentence is in
 * message. */
enum error capdb_compact(const char *path, char *message);

/* A new recording `out` of snapshots first..last, numbered from 1 on, and of the events between
 * them; capabilities and objects keep their ids.  What it was cut from is in its meta. ERR_CORRUPT:
 * the chain of `db` is broken; a cut would hide that. On failure nothing is left of it. */
enum error capdb_cut(struct capdb *db, uint32_t first, uint32_t last, const char *out,
                     char *message);

/* How it ends. hash: of the last commit, which stands for all before it. closed: by a recorder that
 * was not killed. ERR_UNSUPPORTED for format 1. */
struct capdb_ending {
    char hash[65];
    bool closed;
};
enum error capdb_ending(struct capdb *db, struct capdb_ending *out);

#endif
