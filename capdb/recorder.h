/* The handle that writes: what it remembers of the newest snapshot, the numbers it gives, the end
 * of the ledger, its statements. */
#ifndef CAPSCOPE_CAPDB_RECORDER_H
#define CAPSCOPE_CAPDB_RECORDER_H

#include "capdb/ledger.h"
#include "capdb/pack.h"
#include "capdb/store.h"

/* The newest snapshot, as the next one is compared with it. */
struct mirror {
    struct rowset sets[ROW_KINDS];
    struct capmem *caps; /* derivation order */
    uint32_t cap_count;
    uint64_t shape;                  /* capdb_shape() */
    struct record_snapshot snapshot; /* of which kernel, and when in its time */
};
void mirror_free(struct mirror *m);
enum error mirror_load(struct capdb *db, struct mirror *out);

/* Numbers for what is new. */
struct numbers {
    int64_t row[ROW_KINDS];
    int64_t cap, object;
};

struct recorder {
    bool wal;           /* the file is in WAL mode */
    bool rules_changed; /* since the snapshot before: every domain is looked up anew */
    struct mirror mirror;
    struct numbers next;
    struct ledger_entry ledger; /* the last */
    struct authority_rules rules;
    uint32_t unmerged; /* snapshots in the tail */
    double merged_at;
    struct pack packs[2]; /* of tail_put(), kept */
    sqlite3_stmt *put_tail, *put_snapshot, *put_name, *get_name, *put_domain, *get_domain;
};

/* Inside the transaction that creates the file. */
enum error recorder_create(struct capdb *db, const struct capdb_source *source);
/* ERR_REFUSED: it was recorded from another machine. */
enum error recorder_resume(struct capdb *db, const struct capdb_source *source);
/* Ready to write? The first call of a handle switches the file to WAL mode. */
enum error recorder_begin(struct capdb *db);
/* Merges, and says in the ledger that nothing follows. */
void recorder_finish(struct capdb *db);
void recorder_free(struct capdb *db);

/* One transaction: BEGIN; ...; recorder_commit() with what it was, or recorder_roll_back(). rows:
 * what a snapshot ended and began, else NULL. */
enum error recorder_transaction(struct capdb *db, const char *doing);
enum error recorder_commit(struct capdb *db, enum ledger_kind kind, uint32_t n,
                           struct blake2b *rows, const char *doing);
void recorder_roll_back(struct capdb *db);

/* identity.c: gives each slot of `state` its stable id and position. out: array of slot_count, with
 * rec, id, parent, pos filled. before may be empty. origins: where recorded events say that the
 * capability in a slot came from, NULL: they say nothing. ERR_NO_MEMORY. */
struct identity_stats {
    uint32_t added, removed, changed;
};
struct origins;
enum error identity_assign(const struct capmem *before, uint32_t before_count,
                           const struct capstate *state, const struct origins *origins,
                           int64_t *next_id, struct capmem *out, struct identity_stats *stats);

/* origins.c: what events say about slots they touched. */
struct origins {
    struct origin {
        uint64_t slot;
        uint64_t from; /* the slot in the snapshot before; 0: the capability is new */
    } * list;          /* ascending by slot */
    uint32_t count;
    size_t room;
};
/* From the events stored behind the newest snapshot; *known: they tell all that happened since. */
enum error origins_read(struct capdb *db, uint64_t since, uint64_t until, struct origins *out,
                        bool *known);
/* The slot that held it in the snapshot before, 0: nothing did. */
uint64_t origins_of(const struct origins *o, uint64_t slot);
void origins_free(struct origins *o);

#endif
