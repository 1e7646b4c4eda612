/* The handle that writes: what it remembers of the newest snapshot, the numbers it gives, the end
 * of the ledger, its statements. */
#ifndef CAPSCOPE_CAPDB_RECORDER_H
#define CAPSCOPE_CAPDB_RECORDER_H

#include "capdb/ledger.h"
#include "capdb/pack.h"
#include "capdb/store.h"
#include "facts/origins.h"

/* What the file has of a capability besides its record, its parent, its object and its holder. */
struct kept_cap {
    int64_t id, pos, row;
};

struct kept_object {
    int64_t life, row;
    int64_t domain; /* whose CSpace it hangs in, if it holds capabilities; 0: nobody's */
};

/* Memory that is used again from snapshot to snapshot, so that the system need not give it anew. */
struct room {
    void *at;
    size_t size;
};
/* At least so many bytes, whatever was in them; NULL when there is no memory. */
void *room_take(struct room *room, size_t bytes);
void room_free(struct room *room);

/* The newest snapshot, as the next one is compared with it: its state, and by slot, object and
 * element of the other kinds what is in the file. */
struct mirror {
    struct capstate state;
    struct kept_cap *caps;
    struct kept_object *objects;
    int64_t *rows[ROW_KINDS];       /* of elements (elements.h) */
    int64_t *names, *domains;       /* of threads */
    bool domains_known;             /* those of objects and threads are those of its state */
    bool by_islands;                /* some thread's domain is called after its island */
    uint64_t slot_sum, element_sum; /* sum.h */
    struct room cap_room, object_room;
};
void mirror_free(struct mirror *m);
enum error mirror_load(struct capdb *db, struct mirror *out);
/* Room for what is kept of m->state. */
bool mirror_allocate(struct mirror *m);
/* What it takes in memory, in bytes. */
uint64_t mirror_size(const struct mirror *m);

/* Numbers for what is new. */
struct numbers {
    int64_t row[ROW_KINDS];
    int64_t cap, object;
};

enum { RECORDER_SCRATCH = 8 };

struct recorder {
    bool wal;       /* the file is in WAL mode */
    bool restarted; /* another machine, or another run of it, since the snapshot before */
    uint32_t boot;  /* SNAPSHOT's, of the last run that is known; 0: none is */
    bool boot_told; /* the newest row of source says it */
    bool stored;    /* something, by this handle */
    char *target,
        *machine;       /* what the next row of source says, stored before anything else; NULL: none
                               is to be */
    bool rules_changed; /* since the snapshot before: every domain is looked up anew */
    struct mirror mirror;
    struct numbers next;
    struct ledger_entry ledger; /* the last */
    struct authority_rules rules;
    int64_t keyframe[ROW_KINDS + 2];       /* the highest row at the last one of each list */
    uint32_t unmerged;                     /* snapshots in the tail */
    uint32_t analysed;                     /* snapshots whose domains were worked out anew */
    double merged_at, merge_took;          /* seconds */
    struct pack packs[2];                  /* of tail_put(), kept */
    struct room cap_room, object_room;     /* of the next mirror */
    struct room scratch[RECORDER_SCRATCH]; /* of struct comparison */
    sqlite3_stmt *put_tail, *put_snapshot, *put_name, *get_name, *put_domain, *get_domain;
};

/* Inside the transaction that creates the file. */
enum error recorder_create(struct capdb *db, const struct capdb_source *source);
/* ERR_REFUSED: it was recorded from another machine. */
enum error recorder_resume(struct capdb *db, const struct capdb_source *source);
/* Before a snapshot of the run `boot`: is it another run than that of the snapshot before? What is new
 * about it is stored. */
enum error recorder_follow_boot(struct capdb *db, uint32_t boot);
/* From the next snapshot on, as another recording has it. */
enum error recorder_put_source(struct capdb *db, const char *target, const char *machine);
/* Ready to write? The first call of a handle switches the file to WAL mode. */
enum error recorder_begin(struct capdb *db);
/* place.c: ERR_CLOSED when the file is no longer what is recorded into. */
enum error place_check(struct capdb *db);
/* What it looks like after we wrote. */
void place_note(struct capdb *db);
/* Merges, and says in the ledger that nothing follows. */
void recorder_finish(struct capdb *db);
void recorder_free(struct capdb *db);

/* One transaction: BEGIN; ...; recorder_commit() with what it was, or recorder_roll_back(). rows:
 * what a snapshot ended and began, else NULL. */
enum error recorder_transaction(struct capdb *db, const char *doing);
enum error recorder_commit(struct capdb *db, enum ledger_kind kind, uint32_t n,
                           struct blake2b *rows, const char *doing);
void recorder_roll_back(struct capdb *db);

/* append.c: the id of what `get` finds, or of what `put` then inserts; both bound. */
enum error recorder_intern(struct capdb *db, sqlite3_stmt *get, sqlite3_stmt *put, int64_t *id);

/* origins.c: what events say about slots they touched, for origins_of().
 * From the events stored behind the newest snapshot; *known: they tell all that happened since. */
enum error origins_read(struct capdb *db, uint64_t since, uint64_t until, struct origins *out,
                        bool *known);

#endif
