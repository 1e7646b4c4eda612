/* A snapshot beside the one before, slot by slot: what the files that append one share.
 *
 *     compare    which slot is which, and which differ
 *     identity   which capability is which: ids and positions
 *     domains    whose CSpaces they are, worked out anew only when that can have changed
 *     shape      rows of capabilities and objects
 *     append     the other kinds, the transaction */
#ifndef CAPSCOPE_CAPDB_COMPARE_H
#define CAPSCOPE_CAPDB_COMPARE_H

#include "capdb/recorder.h"
#include "capdb/tail.h"

struct identity_stats {
    uint32_t added, removed, changed;
};

/* Of slots of before. */
enum {
    OLD_SEEN = 1,    /* some slot of now has its address */
    OLD_STABLE = 2,  /* that one has the same record behind the same neighbour */
    OLD_MATCHED = 4, /* some capability of now may be it */
    OLD_KEPT = 8,    /* is it: the id lives on */
    OLD_ROW = 16,    /* its row goes on holding */
};

/* Of objects of before. */
enum { OBJECT_LIVES = 1 };

struct comparison {
    struct capdb *db;
    const struct capstate *old, *now; /* old: of none when nothing lives on */
    const struct mirror *before;      /* what is kept of old */
    struct mirror *next;              /* what will be kept of now */
    int32_t *match;      /* by slot of now: the slot of old at its address, then the one that
                                         held the same capability; -1 */
    int32_t *parent;     /* by slot of now */
    int32_t *old_parent; /* by slot of now: the parent of the slot of old at its address */
    uint8_t *open;       /* by slot of now: its row has to be looked at */
    uint8_t *mark;       /* by slot of old: OLD_... */
    bool all_open;
    int32_t *old_object;  /* by object of now: the same one of old, -1 */
    uint8_t *object_mark; /* by object of old: OBJECT_LIVES, 0: its life is over */
    uint8_t *suspect;     /* by object of now: it has a new capability */
    int64_t first_new;    /* ids from here on are new */
    bool leads;           /* a capability that leads to others came, went or is another */
    bool channels;        /* the same of anything but memory and signals */
    struct identity_stats stats;
};

/* Its arrays are the recorder's scratch memory. */
enum error comparison_begin(struct comparison *c, struct capdb *db, const struct mirror *before,
                            struct mirror *next, bool anew);
static inline bool comparison_anew(const struct comparison *c)
{
    return c->old != &c->before->state;
}

/* Can slots lie in an object of this type? */
static inline bool object_holds_slots(uint32_t type)
{
    return type == RECORD_CAP_CNODE || type == RECORD_CAP_TCB || type == RECORD_CAP_ZOMBIE;
}

/* identity.c: ids, parents and positions of all slots; opens those for which they changed. origins:
 * where recorded events say that the capability in a slot came from, NULL: they say nothing.
 * ERR_NO_MEMORY. */
struct origins;
enum error identity_assign(struct comparison *c, const struct origins *origins, int64_t *next_id);

/* domains.c: of objects and threads of now. */
enum error domains_find(struct comparison *c);

/* shape.c: what became of objects, then what of rows. */
void shape_objects(struct comparison *c);
enum error shape_put_caps(struct comparison *c, uint32_t t, struct blake2b *rows);
enum error shape_put_objects(struct comparison *c, uint32_t t, struct blake2b *rows);

/* kinds.c: rows of everything else. */
enum error kinds_put(struct comparison *c, uint32_t t, enum row_kind kind, struct blake2b *rows);

/* append.c: into ledger and tail; sorts `ended`. */
enum error changes_put(struct capdb *db, uint32_t t, int kind, int64_t *ended, uint32_t ended_count,
                       const struct row *began, uint32_t began_count, struct blake2b *rows);

#endif
