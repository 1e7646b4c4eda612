/* One snapshot in memory: slots in derivation order, objects, threads, mappings, with indexes.
 *
 * Built from a stream of records (record/record.h) and then read-only; every host tool (authority,
 * capdb, inspector) works on this and on nothing else.  Addresses are physical.  Arrays are owned
 * by the capstate and live until capstate_free(). Indices are int32_t, -1 for none. */
#ifndef CAPSCOPE_CAPSTATE_CAPSTATE_H
#define CAPSCOPE_CAPSTATE_CAPSTATE_H

#include "lib/errors.h"
#include "record/record.h"

struct capstate_slot {
    struct record_slot rec;
    int32_t parent;    /* index of the parent slot in the derivation tree */
    int32_t next;      /* index of the first slot after this one's subtree (pre-order);
                          slot_count when the subtree reaches the end */
    int32_t object;    /* index in objects of what the capability refers to */
    int32_t holder;    /* index in objects of the CNode or TCB this slot lies in; -1: kernel slot */
    uint32_t index;    /* of this slot inside its holder */
    int32_t next_same; /* next slot with a capability to the same object */
};

/* An object lives as long as a capability to it exists; reply capabilities refer to their TCB. */
struct capstate_object {
    uint32_t type; /* enum record_cap: UNTYPED, ENDPOINT, NOTIFICATION, CNODE, TCB, ZOMBIE, FRAME,
                      PAGE_TABLE, PAGE_DIRECTORY, ASID_POOL, IRQ_HANDLER (addr = irq) ... or a type
                      that this program does not know */
    uint64_t addr; /* of what is not in memory: its number, or numbers, with bits 0 */
    uint32_t bits;
    uint32_t level;     /* of a translation table */
    uint32_t flags;     /* RECORD_SLOT_DEVICE */
    int32_t first_slot; /* first in derivation order; go on by next_same */
    int32_t detail;     /* index in threads, endpoints, notifications, sched_contexts or replies,
                           by type */
    uint32_t caps;      /* how many slots refer to it */
};

struct capstate_thread {
    struct record_thread rec;
    int32_t object;
    char label[RECORD_STRING_MAX * 4 + 1]; /* name, as it is shown (lib/utf8.h) */
};

struct capstate {
    struct record_snapshot snapshot;
    struct record_end end;
    struct record_sched sched;       /* of the first processor */
    struct record_revoke revoke;     /* root 0: none */
    struct capstate_slot *slots;     /* derivation order */
    struct capstate_object *objects; /* ascending by (addr, -bits) */
    struct capstate_thread *threads;
    struct record_endpoint *endpoints;
    struct record_notification *notifications;
    struct record_sched_context *sched_contexts;
    struct record_reply *replies;
    struct record_table *tables; /* as records told them; where none did, as mappings show them */
    struct record_mapping *mappings;
    struct record_irq *irqs;
    struct record_sched *scheds; /* of each processor */
    struct record_range *ranges; /* memory: that of SNAPSHOT first */
    struct record_finding *findings;
    uint32_t slot_count, object_count, thread_count, endpoint_count, notification_count,
        sched_context_count, reply_count, table_count, mapping_count, irq_count, sched_count,
        range_count, finding_count;
    uint32_t tables_told; /* of table_count, how many came as records */
    /* Some of a snapshot: what is not here may be there.  Of mappings all over one address are here
     * where `mapped_known`, and all to frames whose capabilities were asked for where `all_mapped`. */
    bool part, mapped_known, all_mapped;
    uint64_t mapped;
    struct capstate_index *index; /* private */
};

/* Building: begin, add every record of a snapshot in order, finish.  A SNAPSHOT record begins anew:
 * what was added before it is dropped. add gives ERR_FORMAT for records outside SNAPSHOT..END and
 * values that cannot be (FINDING may follow END: an audit), ERR_VERSION for another record format.
 * finish checks the counts in END (ERR_TRUNCATED when they differ or END is missing) and makes the
 * indexes; ERR_FORMAT when depths are no pre-order. Any error leaves a state that capstate_free()
 * accepts and that is good for nothing else. */
void capstate_init(struct capstate *s);
enum error capstate_add(struct capstate *s, const struct record *r);
enum error capstate_finish(struct capstate *s);
void capstate_free(struct capstate *s);
/* All of a finished state once more. ERR_NO_MEMORY: to is empty. */
enum error capstate_copy(const struct capstate *from, struct capstate *to);

/* Look-ups, -1 when there is none; O(log n). */
int32_t capstate_slot_at(const struct capstate *s, uint64_t addr);
/* The occupied slot of a CNode or TCB with the smallest index not below `from`; slots of a TCB are
 * numbered by what they are for (enum record_tcb_slot). */
int32_t capstate_slot_in(const struct capstate *s, int32_t object, uint32_t from);
/* The next occupied slot behind `slot` that lies in the object's memory. Going on so ends, whatever
 * sizes a damaged recording claims; a slot may belong to an object inside (see its holder). */
int32_t capstate_slot_after(const struct capstate *s, int32_t object, int32_t slot);
/* Order of objects: address ascending, size descending, type ascending. */
int capstate_object_compare(const struct capstate_object *a, const struct capstate_object *b);
/* The object that begins at addr; among several (untyped and its first child) the smallest that is
 * not an untyped, else the smallest. */
int32_t capstate_object_at(const struct capstate *s, uint64_t addr);
/* The smallest of this type that begins at addr, or is the interrupt of that number; -1. */
int32_t capstate_object_typed(const struct capstate *s, uint64_t addr, uint32_t type);
/* The smallest object whose memory holds addr; untypeds only when nothing typed does. */
int32_t capstate_object_holding(const struct capstate *s, uint64_t addr);
int32_t capstate_thread_of(const struct capstate *s, int32_t object);
int32_t capstate_thread_named(const struct capstate *s, const char *name);
/* The CNode object that is the CSpace root of a thread, -1. vspace: its page directory. */
int32_t capstate_thread_cspace(const struct capstate *s, int32_t thread);
int32_t capstate_thread_vspace(const struct capstate *s, int32_t thread);

/* The root of an address space to which a translation table belongs, going up from table to table;
 * 0: it hangs in none. */
uint64_t capstate_table_root(const struct capstate *s, uint64_t table);

/* Does a frame capability say that it is mapped where the tables show something else, or nothing?
 * Another mapping took its place, or its address space went.  An incomplete snapshot, or a part without
 * the frame's mappings, cannot tell, and none is called so. */
bool capstate_is_stale(const struct capstate *s, const struct record_slot *cap);

/* Is an address in memory that the kernel keeps for itself? In RAM? */
bool capstate_is_kernel(const struct capstate *s, uint64_t addr);
bool capstate_is_ram(const struct capstate *s, uint64_t addr);

/* Addresses for people have at least so many hex digits: 8 for a kernel with words of 32 bits, 12
 * for one with 64.  printf("0x%0*" PRIx64, capstate_digits(s), addr). */
int capstate_digits(const struct capstate *s);

/* One line for people: "frame 0x80123000 4K rw at 0x00010000 asid 1 (stale)", "endpoint 0x80200010 badge 7 wg". Returns buf. */
char *capstate_slot_text(const struct capstate *s, int32_t slot, char *buf, size_t size);
/* The same for a capability that need not be there, as an event names it. */
char *capstate_cap_text(const struct capstate *s, const struct record_slot *cap, char *buf,
                        size_t size);
char *capstate_object_text(const struct capstate *s, int32_t object, char *buf, size_t size);
/* Where a slot lies: "guest/init cnode[14]", "tcb critical/init cspace", "irq 29". */
char *capstate_place_text(const struct capstate *s, int32_t slot, char *buf, size_t size);

/* Difference of two snapshots, by slot address: calls back once a change, ascending by the address
 * of `after` (of `before` where a capability was removed).
 *   ADDED     before is NULL                     REMOVED  after is NULL
 *   REPLACED  the slot holds a capability to another object
 *   RIGHTS    the same object, other rights
 *   MOVED     an equal capability left one slot and appeared in another
 *   UPDATED   the same object and rights; another badge, guard, mapping, watermark or flag
 * Depth alone is no change. ERR_NO_MEMORY: nothing was called back. */
enum capstate_change {
    CHANGE_ADDED,
    CHANGE_REMOVED,
    CHANGE_REPLACED,
    CHANGE_RIGHTS,
    CHANGE_MOVED,
    CHANGE_UPDATED,
};
typedef void (*capstate_diff_fn)(void *ctx, enum capstate_change change,
                                 const struct capstate_slot *before,
                                 const struct capstate_slot *after);
enum error capstate_diff(const struct capstate *a, const struct capstate *b, capstate_diff_fn fn,
                         void *ctx);

#endif
