/* What one walk of a mainline kernel found: slots in the order of their lists, threads, objects,
 * address spaces, interrupts, and what did not fit together.
 *
 * Addresses are the kernel's own, as they stand in its words; physical ones come of
 * sel4_memory_physical(). Arrays are owned by the state. */
#ifndef CAPSCOPE_OBJWALK_SEL4_STATE_H
#define CAPSCOPE_OBJWALK_SEL4_STATE_H

#include "objwalk/sel4/cap.h"

enum { SEL4_NAME_BYTES = 65, SEL4_FINDINGS_MAX = 4096 };

enum sel4_container_kind { SEL4_IN_CNODE, SEL4_IN_TCB, SEL4_IN_ZOMBIE, SEL4_IN_IRQ_NODE };

struct sel4_container {
    enum sel4_container_kind kind;
    uint64_t base; /* of its first slot */
    uint32_t slots;
};

struct sel4_thread {
    uint64_t tcb; /* tcb_t */
    char name[SEL4_NAME_BYTES];
    bool readable; /* what follows could be read */
    bool idle;
    bool has_registers;
    int current_on; /* node, -1: none */
    uint64_t state_word[3];
    uint32_t state; /* 0 to 8, the kernel's numbers */
    uint64_t blocking_object;
    bool can_grant;
    bool can_grant_reply;
    bool is_call;
    bool queued; /* in a ready queue */
    bool in_release;
    uint64_t reply_object;
    uint64_t badge;
    uint64_t fault[2];
    uint64_t member[SEL4_TCB_MEMBERS]; /* first word of each; 0 for what there is not */
    uint64_t debug_next;
    uint64_t debug_prev;
    uint64_t pc;
    uint64_t fault_pc;
    uint64_t sp;
    uint64_t psr;
    uint32_t position; /* in the queue it is blocked in, from 1 */
    uint32_t released; /* place in the release queue, from 1 */
    uint64_t waits_on; /* reply object that waits for an answer to it, 0 */
};

struct sel4_endpoint {
    uint64_t addr;
    uint32_t state;
    uint64_t head;
    uint64_t tail;
    uint32_t waiters;
    uint64_t word[2];
};

struct sel4_notification {
    uint64_t addr;
    uint32_t state;
    uint64_t head;
    uint64_t tail;
    uint64_t message;
    uint64_t bound;
    uint64_t sched_context;
    uint32_t waiters;
};

struct sel4_reply {
    uint64_t addr;
    uint64_t tcb;
    uint64_t prev;
    uint64_t next;
    bool prev_is_head;
    bool next_is_head; /* next names a scheduling context */
};

struct sel4_sched_context {
    uint64_t addr;
    unsigned size_bits;
    uint64_t period;
    uint64_t consumed;
    uint64_t member[SEL4_SC_MEMBERS];
    uint64_t head_time; /* of the refill that is used next */
    uint64_t head_amount;
    uint64_t budget; /* all refills together */
};

struct sel4_asid {
    uint64_t asid;
    uint64_t root;
};

struct sel4_mapping {
    uint64_t asid;
    uint64_t root; /* physical */
    uint64_t vaddr;
    uint64_t pa;
    uint64_t table; /* physical, that holds the entry */
    uint64_t raw;   /* the entry */
    uint8_t bits;
    uint8_t rights; /* 1 write, 2 read, 4 execute */
};

/* A translation table, physical addresses. */
struct sel4_table {
    uint64_t pa;
    uint64_t parent; /* 0: the root of an address space */
    uint64_t vaddr;
    uint64_t root;
    uint64_t asid;
    uint32_t level; /* levels below it */
    uint32_t bits;  /* log2 of what it translates */
};

struct sel4_irq {
    uint32_t irq;
    uint32_t state;
    uint64_t slot;
};

struct sel4_node {
    uint64_t current;
    uint64_t idle;
    uint64_t action; /* thread that runs next, 0 */
    uint64_t release_head;
    uint64_t context; /* current scheduling context */
};

/* rule: enum audit_rule; addresses are physical. */
struct sel4_finding {
    uint32_t rule;
    uint64_t addr;
    uint64_t other;
    uint64_t value;
};

/* A revocation under way, which the kernel's memory does not tell: whoever follows it from outside
 * does. Addresses of the kernel. */
struct sel4_revoke {
    uint64_t root;   /* slot that is revoked, 0: none */
    uint64_t victim; /* slot that is emptied now, 0: the next one below the root */
    uint32_t done;
    uint32_t preempted;
};

/* A growing array. */
struct sel4_array {
    void *items;
    uint32_t count;
    size_t room;
    uint32_t size; /* of an item */
};

struct sel4_state {
    struct sel4_array slots; /* struct sel4_slot, in list order */
    struct sel4_array containers;
    struct sel4_array threads; /* ascending by address */
    struct sel4_array endpoints;
    struct sel4_array notifications;
    struct sel4_array replies;
    struct sel4_array contexts;
    struct sel4_array asids;
    struct sel4_array pools;    /* of ASIDs: uint64_t addresses */
    struct sel4_array mappings; /* ascending by ASID and address */
    struct sel4_array tables;   /* a table behind the one it hangs in */
    struct sel4_array irqs;
    struct sel4_array findings;
    struct sel4_node node[SEL4_NODES];
    uint32_t findings_lost; /* more than were kept */
    uint32_t lists;         /* of capabilities */
    uint32_t orphans;       /* slots in no container */
    uint32_t ready;         /* threads in ready queues */
    uint32_t highest;       /* their highest priority */
    uint32_t released;      /* threads in the release queue */
    uint64_t domain;
    uint64_t root_tcb; /* block of the thread that the boot made, as its own record says; 0 */
    struct sel4_revoke revoke;
    bool complete; /* all that was found could be read */
    bool sparse;   /* parts of large CNodes were left out: see sel4_walk_options */
};

void sel4_state_init(struct sel4_state *s);
void sel4_state_fini(struct sel4_state *s);

/* Slots below one, which stand behind it; their number, and where the first is; -1: the slot is not
 * there. */
int64_t sel4_state_below(const struct sel4_state *s, uint64_t slot, uint32_t *first);

/* Appends a copy and gives where it stands; NULL: no memory. */
void *sel4_array_add(struct sel4_array *a, const void *item);

#define SEL4_ITEM(array, type, i) (&((type *)(array).items)[i])

static inline struct sel4_slot *sel4_state_slot(const struct sel4_state *s, uint32_t i)
{
    return SEL4_ITEM(s->slots, struct sel4_slot, i);
}
static inline struct sel4_container *sel4_state_container(const struct sel4_state *s, uint32_t i)
{
    return SEL4_ITEM(s->containers, struct sel4_container, i);
}
static inline struct sel4_thread *sel4_state_thread(const struct sel4_state *s, uint32_t i)
{
    return SEL4_ITEM(s->threads, struct sel4_thread, i);
}

/* Threads by address, and then one of them, or NULL. */
void sel4_sort_threads(struct sel4_state *s);
struct sel4_thread *sel4_find_thread(const struct sel4_state *s, uint64_t tcb);

/* Notes what does not fit; of very many only their number is kept. */
void sel4_state_finding(struct sel4_state *s, uint32_t rule, uint64_t addr, uint64_t other,
                        uint64_t value);

/* --- a set of addresses that leads to numbers --- */

struct sel4_map {
    struct sel4_map_entry {
        uint64_t key;
        uint32_t value;
        uint32_t kind; /* part of the key; 0: free */
    } * entry;
    uint32_t count;
    uint32_t room; /* a power of two */
};

void sel4_map_fini(struct sel4_map *m);
/* The value behind (kind, key), kind > 0; -1: none. */
int64_t sel4_map_find(const struct sel4_map *m, uint32_t kind, uint64_t key);
/* true: it is new. false: it is there already, or there is no memory (*full). */
bool sel4_map_add(struct sel4_map *m, uint32_t kind, uint64_t key, uint32_t value, bool *full);

#endif
