/* A part of a snapshot, from the indexes: as much of it as one question is about.
 *
 * part_begin(), part_add_...() for each thing that is asked about, part_finish(), part_free().
 * In the state that comes out stand the capabilities wanted, their ancestors and holders, all
 * threads by name and domain, and the mappings wanted; nothing else, and not what threads do. */
#ifndef CAPSCOPE_CAPDB_PART_H
#define CAPSCOPE_CAPDB_PART_H

#include "capdb/store.h"

enum part_query {
    PART_CAPS_TO,
    PART_CAPS_IN,
    PART_CAP,
    PART_OBJECT,
    PART_OBJECTS_AT,
    PART_MAPPINGS,
    PART_QUERIES,
};

/* Numbers to numbers: open addressing, at most half full. */
struct part_map {
    struct part_entry {
        int64_t key;
        uint32_t value;
        uint8_t level;
        bool used;
    } * entry;
    uint32_t mask, count;
};
enum { PART_NONE = UINT32_MAX };
/* Where the key is, or where it belongs; the map is not empty. */
struct part_entry *part_map_at(const struct part_map *m, int64_t key);
/* The entry of the key, a new one with the value PART_NONE; NULL: no memory. */
struct part_entry *part_map_put(struct part_map *m, int64_t key);

/* Rows of two snapshots, read at once, which parts of both take instead of asking one by one:
 * capabilities by their object, objects, and all threads, interrupts and stretches of memory. */
struct part_known {
    struct rowset caps, objects; /* behind their columns t0 << 32 | t1 */
    struct rowset whole[ROW_KINDS];
    struct part_map caps_of,
        object; /* by object: index of its first row, PART_NONE where none is */
};
/* What words about these capabilities need in the snapshots: their objects, their holders, and who
 * uses those. Where the recording is not read through its indexes, nothing is read. */
enum error part_know(struct capdb *db, const uint32_t n[2], const struct row *const *caps,
                     uint32_t count, struct part_known *out);
/* Adds the rows of a query that hold in snapshot n; *known: are they known? */
enum error part_known_rows(const struct part_known *k, enum part_query q, int64_t key, uint32_t n,
                           struct rowset *out, bool *known);
/* All rows of such a kind in snapshot n, sorted. */
enum error part_known_whole(const struct part_known *k, struct capdb *db, enum row_kind kind,
                            uint32_t n, struct rowset *out);
void part_known_free(struct part_known *k);

struct part {
    struct capdb *db;
    uint32_t n;
    const struct part_known *known; /* NULL: nothing */
    bool chains;                    /* ancestors of what is wanted are wanted too */
    bool flat;       /* no ancestors: who has what from whom is not asked, each stands as a root */
    bool all_mapped; /* of each frame that is wanted all translations are there */
    bool mapped_known;
    uint64_t mapped; /* the last address of which all translations are there */
    struct record heads[LOADING_HEADS];
    struct loading l;
    sqlite3_stmt *query[PART_QUERIES];
    struct rowset found_caps, found_objects; /* of one question, for the next one */
    struct part_map caps;                    /* by row: index, why it is there */
    struct part_map objects;                 /* by life: index */
    struct part_map held; /* by life: all capabilities to it are there, and why */
    struct part_map ids;  /* by capability: why it is there */
    struct part_map domain_of;
    struct authority_domain *domains;
    uint32_t domain_count;
    struct part_task {
        uint32_t index;
        uint8_t level;
    } * queue;
    uint32_t queued;
    size_t queue_room;
};

enum error part_begin(struct capdb *db, uint32_t n, bool chains, struct part *p);
/* A flat part, which takes what is known. */
enum error part_begin_known(struct capdb *db, uint32_t n, const struct part_known *known,
                            struct part *p);
enum error part_add_object(struct part *p, int64_t life); /* all capabilities to it */
enum error part_add_cap(struct part *p, int64_t id);      /* the capability alone */
/* The same, of which the row is known that holds in this snapshot. */
enum error part_add_row(struct part *p, const struct row *row);
enum error part_add_slot(struct part *p, uint64_t addr);     /* and all about its object */
enum error part_add_address(struct part *p, uint64_t addr);  /* objects over it */
enum error part_add_number(struct part *p, uint64_t number); /* objects without memory */
enum error part_add_mappings(struct part *p, uint64_t addr); /* translations to it, once */
enum error part_add_memory(struct part *p, uint64_t addr);   /* both */
/* What is in the slot and all that descends from it, with the translations that frames among them
 * have. ERR_UNSUPPORTED, ERR_BOUND: load the whole. */
enum error part_add_tree(struct part *p, uint64_t slot);

/* Of a row of threads; NULL: none. */
const struct authority_domain *part_domain(const struct part *p, const struct row *thread);

/* ERR_UNSUPPORTED: the part does not tell whose everything is that it has; load the whole. The
 * caller frees both. */
enum error part_finish(struct part *p, struct capstate *state, struct authority *authority);
void part_free(struct part *p);

#endif
