/* The demo system: a root resource manager that builds isolation domains from a table (paper,
 * section 4) and then keeps nothing that joins them.
 *
 * Every domain gets one untyped of its own.  The objects it starts with (CSpace, address space,
 * threads, a private copy of the program) are retyped from that untyped, and at the end the untyped
 * itself moves into the domain, which from then on manages its memory alone.
 *
 *   slot   in each domain's CSpace (radix 10, guard 22 zeros: capability address = slot)
 *    1     TCB of its first thread          8   interrupt handler (driver)
 *    2     its CNode                        9   device frame (driver)
 *    3     its page directory              10.. notifications it may signal (driver)
 *    4     its untyped memory              12.. TCBs of further threads
 *    5     its ASID pool                   20   what a leaky table plants
 *    6     its tick notification           32.. IPC buffer, stack and image frames, page table
 *    7     the driver's endpoint          512.. free */
#ifndef CAPSCOPE_USER_DEMO_DEMO_H
#define CAPSCOPE_USER_DEMO_DEMO_H

#include "user/lib/user.h"

enum domain_slot {
    SLOT_TCB = 1,
    SLOT_CNODE = 2,
    SLOT_VSPACE = 3,
    SLOT_UNTYPED = 4,
    SLOT_ASID_POOL = 5,
    SLOT_TICK = 6,
    SLOT_SERVICE = 7,
    SLOT_IRQ = 8,
    SLOT_DEVICE = 9,
    SLOT_SIGNAL = 10,
    SLOT_THREADS = 12,
    SLOT_PLANTED = 20,
    SLOT_FRAMES = 32,
    SLOT_FREE = 512,
    DOMAIN_CNODE_RADIX = 10,
    DOMAIN_GUARD_DATA = (32 - DOMAIN_CNODE_RADIX) << 3, /* ABI sheet 4.3 */
};

enum demo_layout {
    THREAD_AREA = 0x80000, /* IPC buffer page, then the stack, for each thread */
    THREAD_AREA_SIZE = 0x4000,
    THREAD_STACK_PAGES = 2,
    DEVICE_VADDR = 0xf0000,
    SCRATCH_VADDR = 0x800000, /* root: where it fills other domains' frames */
    MAX_THREADS = 3,
    DEMO_DOMAINS = 3,
    MAX_PLANTS = 4,
};

typedef void (*thread_program)(void);

struct thread_desc {
    const char *name; /* domain/thread */
    thread_program program;
    word_t priority;
};

enum domain_role { ROLE_CLIENT, ROLE_DRIVER };

struct domain_desc {
    const char *name;
    enum domain_role role;
    word_t untyped_bits;
    struct thread_desc threads[MAX_THREADS];
};

/* Faults a leaky table plants: each breaks one of the paper's restrictions (3.2.3). */
enum plant_kind {
    PLANT_NONE,
    PLANT_SHARED_CNODE,   /* a CNode that both hold */
    PLANT_GRANT_ENDPOINT, /* an endpoint: `from` may grant, `to` receives */
    PLANT_TCB,            /* `to` holds a capability to a thread of `from` */
    PLANT_UNTYPED,        /* an object of `to` lies in an untyped of `from` */
};

struct plant_desc {
    enum plant_kind kind;
    word_t from; /* index in demo_domains */
    word_t to;
};

/* domains.c */
extern const struct domain_desc demo_domains[DEMO_DOMAINS];

/* table_NAME.c: what makes one demo differ from another. */
struct demo_table {
    const char *name;
    word_t plants;
    struct plant_desc plant[MAX_PLANTS];
};
extern const struct demo_table demo_table;

/* A domain under construction, addresses in the root's CSpace. */
struct domain {
    const struct domain_desc *desc;
    cptr_t untyped, cnode, vspace, table, asid_pool, tick;
    cptr_t tcb[MAX_THREADS];
    word_t threads;
    cptr_t frames; /* first of frame_count consecutive slots */
    word_t frame_count;
};

/* root.c: slots of the root's CSpace are handed out once, in order. */
cptr_t root_slots(word_t count);
cptr_t root_retype(cptr_t untyped, word_t type, word_t size_bits, word_t count);

/* domain.c */
void domain_build(struct domain *d, const struct domain_desc *desc, cptr_t untyped);
void domain_give(struct domain *d, word_t slot, cptr_t cap); /* moves */
void domain_give_badged(struct domain *d, word_t slot, cptr_t cap, word_t rights, word_t badge);
void domain_close(struct domain *d); /* hands everything over and starts the threads */

/* plant.c */
void plant_fault(const struct plant_desc *plant, struct domain *domains);

/* The programs, in critical.c, guest.c and driver.c: each thread starts in one, with its IPC buffer
 * set, in its domain's own address space and CSpace. */
void critical_control(void);
void critical_watchdog(void);
void guest_init(void);
void guest_worker(void);
void driver_timer(void);
void driver_server(void);

/* Protocol of the driver's endpoint: MR0 is the request. */
enum driver_request { DRIVER_READ = 1, DRIVER_SLEEP = 2 };
enum driver_badge { BADGE_TICK = 0x100 };

#endif
