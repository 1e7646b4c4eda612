/* What one kernel's layout must answer; objwalk/capscope/objects.c answers for this kernel.
 *
 * Everything above speaks of slots (four words), capabilities, threads and queues, and of the page
 * tables of ARMv6, which are the processor's and not a kernel's. Private to objwalk/. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_LAYOUT_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_LAYOUT_H

#include "objwalk/capscope/audit.h"
#include "objwalk/capscope/walk.h"

/* What the walker follows of a thread; kernel addresses, 0: none. */
struct objwalk_tcb {
    uint32_t state; /* enum thread_state */
    uint32_t priority;
    uint32_t queued; /* 1 while in a ready queue */
    kaddr_t ready_next;
    kaddr_t ready_prev;
    kaddr_t blocked_on;
    kaddr_t queue_next;
    kaddr_t queue_prev;
    kaddr_t bound;
};

/* An endpoint or a notification; state as enum endpoint_state or enum notification_state. */
struct objwalk_queue {
    uint32_t state;
    kaddr_t head;
    kaddr_t tail;
    uint32_t word;
    kaddr_t bound;
};

enum { OBJWALK_READY_WORDS = 8 }; /* of ready bits: 256 priorities at most */

struct objwalk_ops {
    uint32_t kernel;     /* as in the SNAPSHOT record */
    uint32_t tcb_bits;   /* log2 of the size of a TCB */
    uint32_t tcb_slots;  /* at its beginning */
    uint32_t irqs;       /* interrupt lines, each with a slot of the kernel's */
    uint32_t priorities; /* ready queues */

    /* Slots and capabilities, from their words alone. */
    kaddr_t (*link_next)(const struct slot *s);
    kaddr_t (*link_prev)(const struct slot *s);
    uint32_t (*link_flags)(const struct slot *s); /* RECORD_SLOT_REVOCABLE, _FIRST_BADGED */
    bool (*is_parent)(const struct slot *a, const struct slot *b); /* cdt_is_parent() */
    void (*digest)(struct digest *d, kaddr_t addr, const struct slot *s);
    void (*decode)(const struct objwalk *w, struct cap cap, struct objwalk_cap *out);
    enum error (*encode)(const struct objwalk *w, const struct objwalk_cap *cap, struct cap *out);

    /* Objects. ERR_CORRUPT: no such object can lie there. */
    enum error (*tcb)(struct objwalk *w, kaddr_t addr, struct objwalk_tcb *out);
    enum error (*thread)(struct objwalk *w, kaddr_t addr, struct record_thread *out); /* no place */
    enum error (*endpoint)(struct objwalk *w, kaddr_t addr, struct objwalk_queue *out);
    enum error (*notification)(struct objwalk *w, kaddr_t addr, struct objwalk_queue *out);

    /* The kernel's own data. */
    enum error (*ready_queue)(struct objwalk *w, uint32_t priority, kaddr_t *head, kaddr_t *tail);
    /* Bit i of words: is the ready queue of priority i said to have threads? Also checks what the
     * kernel keeps above that; false in *agree when the two disagree. */
    enum error (*ready_bits)(struct objwalk *w, word_t *words, bool *agree);
    enum error (*current)(struct objwalk *w, kaddr_t *tcb);
    enum error (*progress)(struct objwalk *w, uint32_t *seq, uint32_t *ticks);
    enum error (*root_thread)(struct objwalk *w, paddr_t *tcb); /* that the kernel started */
    enum error (*irq)(struct objwalk *w, uint32_t irq, uint32_t *state, kaddr_t *slot);
    enum error (*revoke)(struct objwalk *w, struct record_revoke *out, kaddr_t *root);
    /* Standing inside an operation, so that invariants between operations need not hold. */
    enum error (*is_mid_operation)(struct objwalk *w, bool *mid);
    /* ERR_NOT_FOUND when the kernel keeps no digest. */
    enum error (*running_digest)(struct objwalk *w, struct digest *out);
    enum error (*asid_pool)(struct objwalk *w, uint32_t index, kaddr_t *pool); /* 0: none */
    enum error (*asid_entry)(struct objwalk *w, kaddr_t pool, uint32_t i, kaddr_t *pd); /* 0 */
};

extern const struct objwalk_ops objwalk_capscope;

/* --- helpers for all of objwalk/ (objwalk.c) --- */

static inline paddr_t objwalk_paddr(const struct objwalk *w, kaddr_t a)
{
    return a - w->roots.phys_offset;
}

/* Of a reference, where 0 stands for none. */
static inline paddr_t objwalk_reference(const struct objwalk *w, kaddr_t a)
{
    return a == 0 ? 0 : objwalk_paddr(w, a);
}

static inline kaddr_t objwalk_kaddr(const struct objwalk *w, paddr_t p)
{
    return p + w->roots.phys_offset;
}

/* Do `len` bytes at a lie in the RAM that the kernel window maps? */
static inline bool objwalk_in_ram(const struct objwalk *w, kaddr_t a, uint32_t len)
{
    uint32_t offset = objwalk_paddr(w, a) - w->roots.ram_base;
    return offset < w->roots.ram_size && len <= w->roots.ram_size - offset;
}

/* Does a block of memory reach where RAM may answer again? bits: log2 of its size. */
static inline bool objwalk_is_alias(const struct objwalk *w, paddr_t object, uint32_t bits)
{
    paddr_t last = object + (((uint32_t)1 << (bits & 31)) - 1);
    return w->roots.alias_start < w->roots.alias_end && object < w->roots.alias_end &&
           last >= w->roots.alias_start;
}

/* The RAM that an alias shows. */
static inline paddr_t objwalk_alias_of(const struct objwalk *w, paddr_t p)
{
    paddr_t from = p > w->roots.alias_start ? p - w->roots.alias_start : 0;
    return w->roots.ram_base + (w->roots.ram_size != 0 ? from % w->roots.ram_size : 0);
}

/* Notes where and how; returns e. */
static inline enum error objwalk_fail(struct objwalk *w, enum error e, enum audit_rule rule,
                                      kaddr_t addr)
{
    w->trouble = addr;
    w->trouble_rule = rule;
    return e;
}

/* Reads, noting an unreadable address. */
enum error objwalk_read(struct objwalk *w, kaddr_t addr, void *buf, uint32_t len);
/* The same for an object that must be aligned to 1 << bits and lie in RAM, else ERR_CORRUPT. */
enum error objwalk_read_object(struct objwalk *w, kaddr_t addr, unsigned bits, void *buf,
                               uint32_t len);

/* Steps along the list without depth; results as objwalk_cdt_next. */
enum error objwalk_list_next(struct objwalk *w, struct objwalk_cursor *c);
/* Lets a cursor stand at a slot whose words are read anew, without ancestors. */
enum error objwalk_list_at(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot);

/* How many threads a queue can hold at most. */
static inline uint32_t objwalk_max_threads(const struct objwalk *w)
{
    return w->roots.ram_size >> w->ops->tcb_bits;
}

/* Waiters of the queue that begins at head: follows it while it is consistent. false, with the
 * number so far, when it is not (w->trouble: the thread); `e` is not ERR_OK when a read failed. */
bool objwalk_queue_length(struct objwalk *w, const struct objwalk_queue *q, uint32_t *waiters,
                          enum error *e);
/* Place of a blocked thread in the queue it waits in, from 1; 0 when it waits in none. false, with
 * place 0, when the queue is inconsistent. */
bool objwalk_queue_position(struct objwalk *w, kaddr_t tcb, uint32_t *position, enum error *e);
/* Is a thread in this state in the queue of an endpoint or notification? */
static inline bool objwalk_state_is_queued(uint32_t state)
{
    return state == THREAD_BLOCKED_ON_RECEIVE || state == THREAD_BLOCKED_ON_SEND ||
           state == THREAD_BLOCKED_ON_NOTIFICATION;
}

#endif
