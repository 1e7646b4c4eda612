/* The object walker: reads kernel objects through a memory view and emits records.
 *
 * Freestanding, no recursion, no allocation, no dereference of target memory; runs in the kernel's
 * debugger and on the host alike.  Every loop over target data has a bound, so garbage ends in an
 * error or a finding, never in a hang.  What is known of one kernel's layout sits behind
 * struct objwalk_ops; nothing above this header may know which kernel is read.
 *
 * Order, fields and addresses of records: record/record.h. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_WALK_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_WALK_H

#include "record/record.h"
#include "layout/roots.h"
#include "objwalk/capscope/audit.h"
#include "objwalk/memview.h"

enum {
    OBJWALK_MAX_DEPTH = 64,      /* of the derivation tree; deeper slots carry RECORD_SLOT_DEEP */
    OBJWALK_MAX_SLOTS = 1 << 23, /* bound of the list walk: 128 MiB / 16 */
    OBJWALK_BLOCK_WORDS = 64,    /* tables are read in pieces of 256 bytes */
};

/* Iteration over the derivation list, pre-order, without a sink: start at the sentinel. */
struct objwalk_cursor {
    kaddr_t slot; /* where it stands; 0 before the first step */
    struct slot raw;
    uint32_t depth;
    uint32_t count; /* slots so far */
    bool bad_link;  /* raw's previous link does not name the slot the walk came from */
    /* private */
    uint32_t mismatches;
    kaddr_t mismatch;                     /* the last slot with a bad link */
    struct slot chain[OBJWALK_MAX_DEPTH]; /* slots that may have children and have this one below */
    kaddr_t chain_addr[OBJWALK_MAX_DEPTH];
};

/* Iteration over the user translations of a page directory, ascending. */
/* The entries of a table last looked at. */
struct objwalk_piece {
    kaddr_t at;          /* 0: none */
    const word_t *entry; /* here, or where they lie themselves */
    word_t copy[OBJWALK_BLOCK_WORDS];
};

struct objwalk_mapping_cursor {
    kaddr_t dir;
    uint32_t asid;
    uint32_t first;  /* index in the directory */
    uint32_t second; /* index in the table */
    bool direct;     /* read through the view's window, where they lie; false after begin */
    struct objwalk_piece pde, pte; /* private */
};

struct objwalk {
    const struct memview *view;
    const struct objwalk_ops *ops;
    kaddr_t roots_addr;
    struct kernel_roots roots;
    kaddr_t trouble;       /* address at which the last error was seen */
    uint32_t trouble_rule; /* and the rule of objwalk/capscope/audit.h that it breaks */

    /* Work space of a walk, so that the kernel's stack need not hold it: 6 KiB. One walk at a time
     * uses one struct objwalk; `record` is what a sink sees and is gone with its return. */
    struct objwalk_cursor cursor;
    struct objwalk_mapping_cursor mapping;
    struct record record;
    struct audit_space audit;
};

/* A capability decoded: what a SLOT record says without its place. */
struct objwalk_cap {
    uint32_t type; /* enum record_cap */
    paddr_t object;
    uint32_t bits;
    uint32_t rights;
    uint32_t flags; /* RECORD_SLOT_DEVICE, _MASTER, _TCB_ZOMBIE */
    uint32_t data;
    uint32_t extra;
};

typedef record_sink objwalk_sink;

/* Looks for kernel_roots in [paddr base, base + ROOTS_SCAN_BYTES) by its magic. Errors: ERR_READ,
 * ERR_NO_ROOTS. `*found` is the kernel-window address. */
enum error objwalk_find_roots(const struct memview *view, paddr_t base, kaddr_t *found);
/* The same on page boundaries only, in short reads, for a view that need not keep what it read. */
enum error objwalk_probe_roots(const struct memview *view, paddr_t base, kaddr_t *found);

/* Reads and checks kernel_roots at `roots_addr`. ERR_NO_ROOTS, ERR_VERSION, ERR_LAYOUT (w->roots
 * then holds what was found, for the message), ERR_CORRUPT (somebody wrote to it), ERR_READ. The
 * view must outlive `w`. */
enum error objwalk_open(struct objwalk *w, const struct memview *view, kaddr_t roots_addr);

/* How a snapshot is taken: the machine stands still; what an audit finds stands in front of END,
 * each finding once, at most SNAPSHOT_FINDINGS of them. Only of a machine that stands still does an
 * audit say anything. */
enum snapshot_how { SNAPSHOT_MOVING, SNAPSHOT_STOPPED, SNAPSHOT_AUDITED };
enum { SNAPSHOT_FINDINGS = 200 };

/* The whole state as records, SNAPSHOT to END. What cannot be read (ERR_READ) or makes no sense
 * does not stop it: what could be read is emitted, FINDING records name the trouble and END says
 * complete = 0. Returns an error only if the sink failed, or the view with anything but ERR_READ.
 */
enum error objwalk_snapshot(struct objwalk *w, enum snapshot_how how, objwalk_sink sink, void *ctx);

/* The same in the packed form that travels on a line (objwalk/capscope/packed.c): much cheaper for
 * the kernel that is read. Falls back on objwalk_snapshot() when the view has no window on RAM or
 * the list is not sound. `room` gives RECORD_BYTES_MAX bytes in which the next SLOTS record is put
 * together; the sink gets that record with its bytes there. */
typedef uint8_t *(*objwalk_room)(void *ctx);
enum error objwalk_snapshot_packed(struct objwalk *w, enum snapshot_how how, objwalk_sink sink,
                                   objwalk_room room, void *ctx);

/* Single things. ERR_READ; ERR_CORRUPT if the address cannot be such an object. */
enum error objwalk_slot(struct objwalk *w, kaddr_t slot, struct record_slot *out); /* depth = 0 */
enum error objwalk_thread(struct objwalk *w, kaddr_t tcb, struct record_thread *out);
enum error objwalk_endpoint(struct objwalk *w, kaddr_t addr, struct record_endpoint *out);
enum error objwalk_notification(struct objwalk *w, kaddr_t addr, struct record_notification *out);

/* Steps to the next slot and fills `out`. ERR_OK; ERR_NOT_FOUND at the end; ERR_CORRUPT or
 * ERR_READ when the list breaks (w->trouble tells where, w->trouble_rule how). A previous link that
 * disagrees sets c->bad_link and does not end the walk; a loop is found and does. */
void objwalk_cdt_begin(struct objwalk *w, struct objwalk_cursor *c);
enum error objwalk_cdt_next(struct objwalk *w, struct objwalk_cursor *c, struct record_slot *out);

/* ERR_OK; ERR_NOT_FOUND at the end; ERR_READ or ERR_CORRUPT for a piece of the directory or a table
 * that cannot be read: the walk may go on behind it with the next call. */
void objwalk_mapping_begin(struct objwalk_mapping_cursor *c, kaddr_t dir, uint32_t asid);
enum error objwalk_mapping_next(struct objwalk *w, struct objwalk_mapping_cursor *c,
                                struct record_mapping *out);

/* The translation of one user address in a directory. ERR_NOT_FOUND: none. */
enum error objwalk_translate(struct objwalk *w, kaddr_t dir, vaddr_t vaddr,
                             struct record_mapping *out);

/* The directory that the pools name for an ASID (a capability may say otherwise: it keeps an ASID
 * whose pool is gone), and the page table that stands behind an address in a directory.
 * ERR_NOT_FOUND: none. */
enum error objwalk_directory(struct objwalk *w, uint32_t asid, kaddr_t *dir);
enum error objwalk_table(struct objwalk *w, kaddr_t dir, vaddr_t vaddr, paddr_t *table);

/* Does a frame or page table capability say that it is mapped where the tables have something else,
 * or nothing? A mapping that was overwritten, or whose directory went, leaves such. */
bool objwalk_is_stale(struct objwalk *w, const struct record_slot *slot);

/* Decodes two capability words of this kernel; the inverse fails with ERR_FORMAT for what cannot be
 * expressed. decode(encode(x)) = x. */
void objwalk_decode(const struct objwalk *w, struct cap cap, struct objwalk_cap *out);
enum error objwalk_encode(const struct objwalk *w, const struct objwalk_cap *cap, struct cap *out);

/* Turns a ring entry into a record. */
void objwalk_event(const struct objwalk *w, const struct event *event, struct record_event *out);

/* Digest of all slots by walking (layout/roots.h); `*slots` counts them. */
enum error objwalk_digest(struct objwalk *w, struct digest *out, uint32_t *slots);

/* Cross-checks list, CNodes, page tables, watermarks and queues; each breach is a FINDING record.
 * Tolerates garbage. Rules are in audit.h; what each check proves is said in audit.c. Where the
 * kernel stands inside an operation, only rules that hold at every event are checked. Returns as
 * objwalk_snapshot. */
enum error objwalk_audit(struct objwalk *w, objwalk_sink sink, void *ctx, uint32_t *findings);

#endif
