/* The demo system: a root resource manager that builds isolation domains from a table (paper,
 * section 4) and then keeps nothing that joins them.
 *
 * Every domain gets one untyped of its own.  The objects it starts with (CSpace, address space,
 * threads, a private copy of the program) are retyped from that untyped, and at the end the untyped
 * itself moves into the domain, which from then on manages its memory alone.  What no domain got the
 * root keeps, in untypeds that cover none of them.
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

#include "user/lib/handover.h"
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

/* The root, once everything runs: below critical and the driver, so that building a program anew
 * keeps neither waiting; above every hosted program. */
enum { ROOT_PRIORITY = 150 };

enum demo_layout {
    THREAD_AREA = 0x80000, /* IPC buffer page, then the stack, for each thread */
    THREAD_AREA_SIZE = 0x4000,
    THREAD_STACK_PAGES = 2,
    DEVICE_VADDR = 0xf0000,
    SCRATCH_VADDR = 0x800000,  /* root: where it fills other domains' frames */
    HANDOVER_VADDR = 0x810000, /* root: where it writes what it hands over */
    MAX_THREADS = 3,
    MAX_DOMAINS = 5,
    DEMO_DOMAINS = 3,
    MAX_PLANTS = 4,
    MAX_HOSTED_MEMORY = 4,
};

typedef void (*thread_program)(void);

struct thread_desc {
    const char *name; /* domain/thread */
    thread_program program;
    word_t priority;
};

/* A program of its own, an ELF file in the root's image, for a domain that is started as a root
 * task would be, with a BootInfo (user/lib/handover.h).  Its first untyped holds what it starts
 * with; with a resource server, the others are that server's to manage for it. */
struct hosted_desc {
    const uint8_t *elf, *elf_end;
    word_t memory_bits[MAX_HOSTED_MEMORY]; /* of its untypeds; 0: no more */
    word_t cnode_radix;
    word_t priority;
    word_t thread_priority; /* the most that threads it makes may have */
    word_t devices;
    struct handover_device device[HANDOVER_DEVICES];
    word_t resources; /* index of its resource server's domain; 0: none, it manages alone */
    bool serves;      /* it is one */
    bool watched;     /* gives signs of life; without them it is started again */
    bool interrupted; /* has a second thread for interrupts (handover.h) */
    const char *text; /* handed over: a command line */
};

/* ROLE_CLIENT, ROLE_DRIVER: threads of this image.  ROLE_HOSTED: a program of its own. */
enum domain_role { ROLE_CLIENT, ROLE_DRIVER, ROLE_HOSTED };

struct domain_desc {
    const char *name;
    enum domain_role role;
    word_t untyped_bits;
    struct thread_desc threads[MAX_THREADS];
    const struct hosted_desc *hosted;
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

/* The domains that every table has beside its guest. */
#define DOMAIN_CRITICAL                                                                            \
    {                                                                                              \
        .name = "critical", .role = ROLE_CLIENT, .untyped_bits = 20, .threads = {                  \
            {"critical/control", critical_control, 200},                                           \
            {"critical/watchdog", critical_watchdog, 201}                                          \
        }                                                                                          \
    }
#define DOMAIN_DRIVER                                                                              \
    {                                                                                              \
        .name = "driver", .role = ROLE_DRIVER, .untyped_bits = 20, .threads = {                    \
            {"driver/timer", driver_timer, 220},                                                   \
            {"driver/server", driver_server, 210}                                                  \
        }                                                                                          \
    }
/* A program that begins with the thread of that name. */
#define DOMAIN_HOSTED(NAME, THREAD, DESC)                                                          \
    {                                                                                              \
        .name = NAME, .role = ROLE_HOSTED, .threads = {{.name = THREAD}}, .hosted = DESC           \
    }

/* domains.c */
extern const struct domain_desc demo_domains[DEMO_DOMAINS];

/* table_NAME.c: what makes one demo differ from another.  Resource servers stand before their
 * clients. */
struct demo_table {
    const char *name;
    word_t plants;
    struct plant_desc plant[MAX_PLANTS];
    word_t domains; /* 0: demo_domains */
    const struct domain_desc *domain;
    bool power_off;    /* the machine ends when a hosted program asks to be off */
    bool loses_memory; /* the root keeps none of what is left over, and nobody gets it back */
};
extern const struct demo_table demo_table;

/* A hosted program.  What the root keeps of it is the power to take its memory back and begin
 * again: holder and page; of a resource server also what tells it of its clients and gives them
 * access: its shelf, events and service.  The rest are places in the root's CSpace while it is built. */
struct hosted {
    word_t index;
    word_t memories;
    cptr_t holder[MAX_HOSTED_MEMORY]; /* untypeds above those it gets */
    cptr_t page[HANDOVER_DEVICES];    /* untypeds of its devices' pages */
    cptr_t kept; /* first of the slots that keep, of a resource server, what enum kept_slot says */
    cptr_t memory[MAX_HOSTED_MEMORY];
    cptr_t device[HANDOVER_DEVICES], irq[HANDOVER_DEVICES];
    cptr_t table, buffer, bootinfo, chunk;
    cptr_t faults, events, bell, service, shelf;
    word_t tables, pages;
    vaddr_t start, end, entry; /* of its image; behind it IPC buffer, BootInfo, chunk */
    word_t quiet;              /* ticks since its last sign of life */
    word_t starts;
    bool runs; /* it was built and not ended since */
};

enum kept_slot { KEPT_SHELF, KEPT_EVENTS, KEPT_SERVICE, KEPT_SLOTS };

/* A domain under construction, addresses in the root's CSpace. */
struct domain {
    const struct domain_desc *desc;
    struct hosted hosted;
    cptr_t untyped, cnode, vspace, table, asid_pool, tick;
    cptr_t tcb[MAX_THREADS];
    word_t threads;
    cptr_t frames; /* first of frame_count consecutive slots */
    word_t frame_count;
};

/* root.c: slots of the root's CSpace are handed out once, in order. */
cptr_t root_slots(word_t count);
cptr_t root_retype(cptr_t untyped, word_t type, word_t size_bits, word_t count);
/* From here on the slots after `mark` are handed out anew; returns where they begin now. */
cptr_t root_slots_mark(void);
void root_slots_reset(cptr_t mark);
/* An untyped of that size from memory that nobody has yet. */
cptr_t root_memory(word_t bits);
/* The untyped of a device's page. */
cptr_t root_device(paddr_t paddr);

/* domain.c */
void domain_build(struct domain *d, const struct domain_desc *desc, cptr_t untyped);
void domain_give(struct domain *d, word_t slot, cptr_t cap); /* moves */
void domain_give_badged(struct domain *d, word_t slot, cptr_t cap, word_t rights, word_t badge);
void domain_close(struct domain *d); /* hands everything over and starts the threads */

/* Where a resource server finds what is its clients', on its shelf. */
enum client_slot {
    CLIENT_SLOTS_EACH = (1 << HANDOVER_SHELF_RADIX) / HANDOVER_CLIENTS,
    CLIENT_VSPACE = 0,
    CLIENT_FAULTS,
    CLIENT_TCB, /* two */
    CLIENT_CNODE = CLIENT_TCB + 2,
    CLIENT_ASID_POOL,
    CLIENT_MEMORY,
    CLIENT_FRAMES = 16,
};

/* hosted.c: programs of their own */
void hosted_reserve(struct domain *d, word_t index); /* once: memory and devices */
/* The pages of its image go at once to where they belong. False: it was said what is too small for
 * it, or its resource server does not run, and nothing was made. */
bool hosted_build(struct domain *d, struct domain *domains);
/* Hands over; resource servers after their clients when both begin. It runs when the root waits. */
void hosted_close(struct domain *d, struct domain *domains, word_t count);
/* Takes everything back. A resource server that goes on without this client is told. */
void hosted_end(struct domain *d, struct domain *domains);
void *hosted_window(cptr_t frame);
void hosted_window_close(cptr_t frame);
/* Moves a capability of the root's into the program's CSpace. */
void hosted_give(const struct domain *d, word_t slot, cptr_t cap);

/* hand_over.c: what a hosted program is told, written into its BootInfo and the page behind it */
void hand_over(const struct domain *d, const struct domain *domains, word_t count);

/* supervise.c: the root's work once everything runs */
void supervise_start(cptr_t memory);
cptr_t supervise_endpoint(void);
cptr_t supervise_bell(void); /* 0: there is nothing to supervise */
_Noreturn void supervise(struct domain *domains, word_t count);

/* console.c: the root's own sentences in the release kernel, which has no console */
void console_open(void);

/* power.c */
void power_prepare(void);
void power_off_machine(word_t status);

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

/* Bits of the root's bell; its endpoint's badges are below. */
enum root_badge { BADGE_ALIVE_FIRST = 0x1000, BADGE_ALIVE = 0x1f000 };

#endif
