// clang-format off
/* What the files of capdb/ share about an open recording.  From the bottom up:
 *
 *     schema rows pack blake2b lock readfile    know nothing of a handle
 *     sql views                                 statements and sentences, the views they name
 *     words, vocabulary, rules                  small things
 *     tail, take, short, keys                   what is not merged yet; rows in one step, of a list
 *     keyframe, ended                           rows that hold in a snapshot, that ended in between
 *     version                                   rows of capabilities and objects, written
 *     file                                      creating, opening, closing
 *     load                                      a snapshot from rows
 *     elements, sum                             rows and sums of a snapshot
 *     ledger                                    the chain of commits
 *     recorder, mirror                          the handle that writes, what it remembers
 *     compare identity domains shape kinds      a snapshot beside the one before (compare.h)
 *     events, append                            what is written
 *     prove, verify                             whether it is still there */
// clang-format on
#ifndef CAPSCOPE_CAPDB_STORE_H
#define CAPSCOPE_CAPDB_STORE_H

#include "capdb/capdb.h"
#include "capdb/readfile.h"
#include "capdb/rows.h"
#include "capdb/schema.h"

#include <sqlite3.h>

struct recorder;
struct short_names;
struct taking;

/* The file that is recorded into: somebody may take it away from under its name. */
struct place {
    int fd; /* holds the lock on the file itself, -1 */
    off_t size;
    struct timespec modified;
    ino_t beside[2]; /* its -wal and -shm, 0: not known */
    off_t beside_size[2];
    bool touched; /* somebody else wrote into it, or cut its -wal off */
};

/* The -shm as SQLite has it mapped: shm.c. */
enum { SHM_REGIONS = 64 }; /* each tells of 4,096 pages of the -wal: it is merged long before */
struct shm {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *below;
    const void *region[SHM_REGIONS];
    volatile bool cut; /* and what was read of it since may be wrong */
};

struct capdb {
    sqlite3 *sql;
    struct shm shm;
    char *path;
    bool memory;   /* ":memory:" */
    bool writable; /* this handle records, and holds the lock */
    bool made;     /* it made the file */
    bool unwanted; /* nothing is to stay of that */
    bool in_one;   /* a part of what it is to become is not kept either */
    int lock;      /* descriptor, -1 */
    struct place place;
    int version;    /* user_version */
    bool keyframes; /* it has them, and run_begin: keyframe.h, runs.c */
    uint32_t count;
    struct recorder *recorder;   /* once something is written */
    struct taking *taking;       /* take.c's, while a query hands rows over; NULL */
    const struct key_list *keys; /* what capdb_keys (key) shows in SQL: keys.c; NULL: nothing */
    /* a reader */
    bool live;                   /* reads beside a recorder, with SQLite's locks */
    int holds;                   /* capdb_hold() without capdb_release() */
    int64_t seen;                /* data_version when the tail was last looked at, -1: never */
    bool overlaid;               /* temporary views show the tail merged */
    struct readfile_stamp stamp; /* of what is open */
    int64_t known;               /* the last entry of its ledger when it was opened, 0: none */
    uint8_t known_hash[32];
    bool replaced;             /* what has its name now is no continuation of that */
    bool torn;                 /* it changed since */
    struct short_names *names; /* short.c's: places and words that were looked up, NULL */
    sqlite3_stmt *owner_objects, *owner_holders, *owner_mappers; /* owner.c's, kept */
    struct owner_odd {
        uint64_t addr;
        int bits;
    } * owner_odd; /* where objects lie that do not begin at a multiple of their size */
    size_t owner_odd_count, owner_odd_room;
    uint32_t give_up_after;    /* seconds that a question may take, 0: any */
    double give_up_at;         /* of the question under way */
    bool (*wanted)(void *ctx); /* NULL: it is */
    void *wanted_ctx;
    capdb_progress progress; /* NULL: nobody wants to know */
    void *progress_ctx;
    char warning[CAPDB_MESSAGE];
    char message[CAPDB_MESSAGE];
};

/* --- shm.c ------------------------------------------------------------------------------------ */

/* Behind sqlite3_open_v2(). */
void shm_guard(struct capdb *db);
/* ERR_CLOSED: its -shm was cut off. What was written before is whole. */
enum error shm_check(struct capdb *db);

/* --- sql.c ------------------------------------------------------------------------------------ */

/* Puts the sentence into db->message; returns e. */
enum error capdb_fail(struct capdb *db, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same from SQLite's own error, after what we were doing. ERR_TIMEOUT: another program holds a
 * lock, later it may succeed. */
enum error capdb_fail_sql(struct capdb *db, const char *doing);
enum error capdb_exec(struct capdb *db, const char *sql, const char *doing);
/* capdb_exec() of a format. */
enum error capdb_execf(struct capdb *db, const char *doing, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One statement with texts for its places. */
enum error capdb_exec_texts(struct capdb *db, const char *doing, const char *sql,
                            const char *const *texts, int count);
/* Views that it names are made first where they lack. */
enum error capdb_prepare(struct capdb *db, const char *sql, sqlite3_stmt **out);
/* One step: true while there is a row; *e tells how it ended. */
bool capdb_step(struct capdb *db, sqlite3_stmt *st, const char *doing, enum error *e);
/* Around somebody else's SQL, from its preparation to its end.  It may name our views and, behind
 * them, others of the file, and is given up as capdb_give_up_after() said. */
enum error capdb_question_begins(struct capdb *db);
void capdb_question_ends(struct capdb *db);
/* First column of the first row of a query without parameters; `missing` when there is none. */
int64_t capdb_int(struct capdb *db, const char *sql, int64_t missing);
/* Never NULL. */
const char *capdb_column_text(sqlite3_stmt *st, int column);
double capdb_now(void);

/* --- views.c ---------------------------------------------------------------------------------- */

/* Our views, as temporary ones of this connection, above whatever the file has. */
enum error capdb_make_views(struct capdb *db);
/* The same for a recording that is read, unless they are there. */
enum error capdb_need_views(struct capdb *db);
/* In place of those: each row that is of the snapshots first to last, also in part, told as if all were
 * asked about. Of the table of snapshots only these are left. */
enum error capdb_limit_views(struct capdb *db, uint32_t first, uint32_t last);
/* May statements name views that stand in the file that is read? */
void capdb_allow_views(struct capdb *db, bool allowed);

/* Since format 5 capabilities and objects lie in tables of which cap_row and object_row are views. */
static inline bool capdb_is_split(const struct capdb *db)
{
    return db->version >= CAPDB_USER_VERSION;
}
/* The table with the versions of a kind; and what shows them by their numbers, or all of them, where
 * cap_row is for those who come by something else. */
const char *capdb_base(const struct capdb *db, enum row_kind kind);
const char *capdb_flat(const struct capdb *db, enum row_kind kind);
/* Ours of the three views that show rows, whose names statements take for tables: none else is asked. */
enum error capdb_show_rows(struct capdb *db);
/* A view of the schema as a temporary one with that name. */
enum error capdb_show_as(struct capdb *db, const char *view, const char *name);

/* --- vocabulary.c, words.c, tail.c, file.c ---------------------------------------------------- */

/* Names of enumerations, so that views can say them. */
enum error capdb_fill_words(struct capdb *db);
/* Does the table hold exactly those? */
bool capdb_words_are_ours(struct capdb *db);

/* SQL functions for words, which SQLite keeps as signed numbers:
 *     word(x)              in decimal, without a sign
 *     below(a, b)          a < b
 *     covers(addr, bits, x) does the memory of 2^bits bytes at addr hold x?
 * Returns SQLite's code. */
int capdb_add_functions(sqlite3 *sql);

/* Moves the tail into the tables; a transaction of its own. */
enum error capdb_merge(struct capdb *db);
/* For a reader: temporary views in place of the tables, which show the tail as if it were merged.
 */
enum error capdb_overlay(struct capdb *db);

/* Holds the lock and may write, without a recorder. On failure a sentence is in message. */
enum error capdb_open_to_rewrite(const char *path, struct capdb **out, char *message);

/* breaches.c: a virtual table of this connection. */
enum error capdb_add_breaches(struct capdb *db);
extern const char capdb_breaches_declaration[];

/* --- keys.c ----------------------------------------------------------------------------------- */

/* The table capdb_keys of this connection, which shows db->keys: a list to join with. */
enum error capdb_add_keys(struct capdb *db);

/* --- take.c ----------------------------------------------------------------------------------- */

/* The function of this connection that takes them. ERR_NO_MEMORY. */
enum error capdb_add_taking(struct capdb *db);
/* The rows of a kind that fulfil a condition, with their numbers. */
enum error capdb_prepare_rows(struct capdb *db, enum row_kind kind, const char *where,
                              sqlite3_stmt **out);
/* All of them, behind those in *out; the statement is reset. ERR_CORRUPT: a cell holds something
 * else than a number. */
enum error capdb_take_rows(struct capdb *db, sqlite3_stmt *st, enum row_kind kind,
                           const char *doing, struct rowset *out);
/* Those of which number and times, row, t0 and t1, fulfil a condition, whose ?1 and so on are values, behind
 * those in *out; without an index on anything else. */
enum error capdb_take_plain(struct capdb *db, enum row_kind kind, const char *where,
                            const int64_t *values, int count, const char *doing,
                            struct rowset *out);
/* The same of those with numbers of a list; of the tail, those
 * that fulfil it, listed or not.  Behind those in *out. */
enum error capdb_take_numbered(struct capdb *db, enum row_kind kind, const struct key_list *numbers,
                               const char *where, const int64_t *values, int count,
                               const char *doing, struct rowset *out);
/* Of the rows that hold in snapshot n those that fulfil a condition, NULL: all; values are for its ?2, ?3
 * and so on.  Behind those in *out, in the order of their numbers but for what the tail has. */
enum error capdb_take_held(struct capdb *db, enum row_kind kind, uint32_t n, const char *where,
                           const int64_t *values, int count, const char *doing, struct rowset *out);
/* Of capabilities or objects that hold in snapshot n those that are in sparse lists (keyframe.h). */
enum error capdb_take_sparse(struct capdb *db, enum row_kind kind, uint32_t n, const char *doing,
                             struct rowset *out);
/* The same of the rows of which a column (or "row") is one of a list and that hold in one of two
 * snapshots, in the order of the list.  Behind its columns each row has t0 << 32 | t1. */
enum error capdb_rows_of_many(struct capdb *db, enum row_kind kind, const char *column,
                              const struct key_list *keys, const uint32_t n[2], const char *doing,
                              struct rowset *out);
/* The same of all rows of a kind. */
enum error capdb_rows_of_both(struct capdb *db, enum row_kind kind, const uint32_t n[2],
                              const char *doing, struct rowset *out);

/* --- load.c, events.c, prove.c ---------------------------------------------------------------- */

/* A capability as identity.c compares it. */
struct capmem {
    struct record_slot rec;
    int64_t id, parent, pos;
};

/* A snapshot as rows, and what follows from them. */
struct loading {
    struct capdb *db;
    uint32_t n;
    struct rowset sets[ROW_KINDS];
    struct capmem *caps;    /* derivation order */
    struct sort_key *ranks; /* by object: place of its first capability in derivation order */
    uint32_t rank_count;
    struct capstate *state;
    bool records_only; /* the state is not finished: no objects, no indexes */
};
enum error loading_rows(struct loading *l);
void loading_free(struct loading *l);

/* The records SNAPSHOT, END, SCHED and REVOKE of snapshot n. ERR_NOT_FOUND. */
enum { LOADING_HEADS = 4 };
enum error capdb_heads_at(struct capdb *db, uint32_t n, struct record out[LOADING_HEADS]);
/* A capability from its row; sets[ROW_OBJECT] is sorted and has its object, unless the row has
 * address and size. */
enum error loading_cap(struct loading *l, const struct row *row, struct capmem *out);
/* The state, of sets that are sorted and of caps in derivation order. */
enum error loading_build(struct loading *l, struct record heads[LOADING_HEADS]);
/* A state of those rows that are in the sets, and of no others. Counts in END stay those of the
 * whole. */
enum error loading_build_part(struct loading *l, const struct record heads[LOADING_HEADS]);
/* Columns from 1 on, behind row; false for a cell that holds something else than a number. */
bool capdb_fetch_row(sqlite3_stmt *st, int kind, struct row *out);

/* Reads the rows that hold in snapshot n, sorted. */
enum error capdb_rows_at(struct capdb *db, enum row_kind kind, uint32_t n, struct rowset *out);

/* A row of kind 0: `detail` events from number `seq` on are lost. */
enum { CAPDB_EVENT_GAP = 0 };
/* From the columns of table event, beginning with column `at`, that of seq. */
void capdb_fetch_event(sqlite3_stmt *st, int at, struct record_event *out);
/* The last column of a row of event_timed, the tick of snapshots at which it was; < 0: not known. */
int64_t capdb_event_ticks(sqlite3_stmt *st);
bool capdb_has_events(struct capdb *db);
/* The run of the machine of which snapshot n is: its snapshots, and its events from one row of event
 * up to, not including, another. Nothing lives longer. */
struct capdb_run {
    uint32_t first, last;
    int64_t from_row, next_row;
};
enum error capdb_run_at(struct capdb *db, uint32_t n, struct capdb_run *out);
/* Does none begin behind snapshot n, up to `last`?  Quick where clocks went forward and no door was
 * opened meanwhile; false: perhaps one does, and capdb_run_at() knows. */
bool capdb_goes_on(struct capdb *db, uint32_t n, uint32_t last);
/* Fills temp.begun (first): the first snapshot of each run. */
enum error capdb_find_runs(struct capdb *db);
/* prove.c: do recorded events lead from each snapshot to the next?  A proof goes through a recording
 * once; states need not be finished. */
struct capdb_proof;
struct capdb_proof *capdb_proof_begin(struct capdb *db); /* NULL: no memory */
/* From snapshot n - 1 to n; false: a sentence says what not. Without events there is nothing to
 * prove. */
bool capdb_proof_next(struct capdb_proof *p, uint32_t n, const struct capstate *from,
                      const struct capstate *to, char *sentence, size_t size);
void capdb_proof_end(struct capdb_proof *p);

/* owner.c: before the connection is closed, and when the file has changed. */
void capdb_forget_owner(struct capdb *db);
/* Objects over an address in snapshot n, smallest first, an untyped behind what it holds. */
enum { CAPDB_COVERS = 256 };
struct capdb_covers {
    struct capdb_cover {
        int64_t life;
        uint64_t addr;
        uint32_t type, bits;
    } list[CAPDB_COVERS];
    uint32_t count;
};
enum error capdb_covers_at(struct capdb *db, uint32_t n, uint64_t addr, struct capdb_covers *out);
/* Fills temp.base (addr, low, high): whatever lies over the address, at any time, begins at one of
 * these and has from low to high bits.  And temp.covered (bits, t0, t1, covered): from t0 up to t1,
 * does something smaller than untyped memory of so many bits lie there?  For each size that untyped
 * memory over the address has, one row follows the other from 0 on. */
enum error capdb_find_bases(struct capdb *db, uint64_t addr);

/* diff.c: what happened to capabilities from one snapshot to a later one, once a capability, those
 * that went first, by slot. Pointers hold during the call; what fn returns ends it unless ERR_OK. */
struct capdb_change {
    const struct row *before, *after; /* of cap_row; NULL: it is not there */
    /* of those that came */
    const struct row *parent; /* in the later snapshot; NULL: it has none, or none that is there */
    bool new_object;          /* retyped since */
};
typedef enum error (*capdb_change_fn)(void *ctx, const struct capdb_change *c);
/* Whichever of a and b is the earlier. */
enum error capdb_diff(struct capdb *db, uint32_t a, uint32_t b, capdb_change_fn fn, void *ctx);
/* The same, to be told more than once. */
struct capdb_difference;
enum error capdb_difference_of(struct capdb *db, uint32_t a, uint32_t b,
                               struct capdb_difference **out);
enum error capdb_difference_tell(const struct capdb_difference *d, capdb_change_fn fn, void *ctx);
void capdb_difference_free(struct capdb_difference *d);

/* rest.c: of a file that is written: one plain file again, whatever ends this in the middle. *plain: it
 * is; else somebody reads it, and it stays in WAL mode, complete. Waits for others so long. */
enum error capdb_rest(struct capdb *db, int wait_ms, bool *plain);

/* upgrade.c: what a recording that says the same begins with. */
struct capdb_beginning {
    struct capdb_source source; /* its texts are these */
    char *text[3];
};
enum error capdb_beginning(struct capdb *db, struct capdb_beginning *out);
void capdb_beginning_free(struct capdb_beginning *b); /* also after a failure */
/* upgrade.c: the whole recording once more, as if `rules` had been in force from the beginning;
 * NULL: with its own. */
enum error capdb_tell_anew(struct capdb *from, struct capdb *to,
                           const struct authority_rules *rules);

/* sum.c: over all records, as a file of that user_version has it; the order of kinds other than slots
 * does not matter. */
uint64_t capdb_sum(const struct capstate *state, int version);
/* Of what does not change by running alone: capabilities, translations, interrupts, and of threads
 * what somebody configured. */
uint64_t capdb_change_sum(const struct capstate *state);

#endif
