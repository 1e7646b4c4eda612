/* How kernel objects lie in memory: TCB, endpoint, notification, ASID pool, page tables.
 *
 * Every field is a 32-bit word or smaller and every reference is a kernel-window address (0: none),
 * on the host build too.  The kernel writes these, objwalk reads them, nobody else knows them.
 * A change here changes the layout hash (roots.h) and with it what old tools refuse to read. */
#ifndef CAPSCOPE_LAYOUT_OBJECTS_H
#define CAPSCOPE_LAYOUT_OBJECTS_H

#include "layout/capability.h"

/* Saved user registers, in the order the vectors store them. */
enum reg {
    REG_R0 = 0,
    REG_R1 = 1,
    REG_R2 = 2, /* R2..R5 are message registers 0..3 */
    REG_R7 = 7, /* system call number */
    REG_SP = 13,
    REG_LR = 14,
    REG_PC = 15, /* where the thread goes on */
    REG_CPSR = 16,
    REG_FAULT_IP = 17, /* where it restarts: the svc or the faulting instruction */
    REG_TPIDRURW = 18,
    REG_TPIDRURO = 19,
    REG_COUNT = 20,
};

/* Capability slots inside a TCB (ABI sheet 7.1): not addressable by users, but they count as
 * capabilities and stand in the derivation list. */
enum tcb_slot {
    TCB_CSPACE = 0,
    TCB_VSPACE = 1,
    TCB_REPLY = 2,  /* reply master */
    TCB_CALLER = 3, /* pending reply capability */
    TCB_BUFFER = 4, /* IPC buffer frame */
    TCB_SLOTS = 5,
};

enum thread_state {
    THREAD_INACTIVE = 0,
    THREAD_RUNNING = 1,
    THREAD_RESTART = 2,
    THREAD_BLOCKED_ON_RECEIVE = 3,
    THREAD_BLOCKED_ON_SEND = 4,
    THREAD_BLOCKED_ON_REPLY = 5,
    THREAD_BLOCKED_ON_NOTIFICATION = 6,
    THREAD_IDLE = 7,
};

/* Flags of a blocked thread, taken from the capability at the time of the send or receive. */
enum ipc_flags {
    IPC_CAN_GRANT = 1,
    IPC_CAN_GRANT_REPLY = 2,
    IPC_IS_CALL = 4,
};

enum { TCB_NAME_SIZE = 168 }; /* 167 characters and NUL (ABI sheet, section 2) */

/*  0x000 +-------------------+
 *        | 5 slots           |
 *  0x050 +-------------------+
 *        | registers         |  20 words; the vectors store here
 *  0x0a0 +-------------------+
 *        | scheduling, IPC,  |
 *        | fault             |
 *  0x158 +-------------------+
 *        | debug name        |
 *  0x200 +-------------------+ */
struct tcb {
    struct slot slots[TCB_SLOTS];
    word_t regs[REG_COUNT];

    /* scheduling */
    word_t state;    /* enum thread_state */
    word_t priority; /* 0..255 */
    word_t mcp;      /* highest priority this thread's TCB capability may hand out */
    word_t domain;
    word_t time_slice;  /* ticks left */
    word_t queued;      /* 1 while in a ready queue */
    kaddr_t sched_next; /* ready queue of its priority */
    kaddr_t sched_prev;

    /* IPC */
    kaddr_t blocked_on;   /* endpoint or notification whose queue it is in */
    word_t blocked_badge; /* sender: badge of its capability */
    word_t blocked_flags; /* enum ipc_flags */
    kaddr_t queue_next;   /* endpoint or notification queue */
    kaddr_t queue_prev;
    kaddr_t bound_notification;
    vaddr_t ipc_buffer; /* user address; with TCB_BUFFER gives the physical place */
    cptr_t fault_handler;

    /* fault: type and words as ABI sheet 7.5; valid while fault_type is not 0 */
    word_t fault_type;  /* enum fault_type */
    word_t fault_word0; /* CapFault: cptr; VMFault: address; UnknownSyscall: number */
    word_t fault_word1; /* CapFault: 1 in receive phase; VMFault: FSR | prefetch << 31 */
    word_t lookup_type; /* CapFault: enum lookup_failure and its words (ABI sheet 1.9) */
    word_t lookup_word[3];

    word_t generation; /* debug builds: number of this life, for journals; 0 otherwise */
    word_t scan_badge; /* of the CancelBadgedSends that endpoint.scan holds here */

    /* debug builds: the fault that stopped the thread for want of a handler, until it is resumed;
     * type and words as above, 0: none */
    word_t unhandled_type;
    word_t unhandled_word0;
    word_t unhandled_word1;
    word_t reserved[18];
    char name[TCB_NAME_SIZE];
};
_Static_assert(sizeof(struct tcb) == 1u << TCB_BITS, "TCB is 512 bytes (ABI sheet 4.1)");
_Static_assert(offsetof(struct tcb, regs) == 0x50, "vectors rely on it");
_Static_assert(offsetof(struct tcb, state) == 0xa0, "documented offset");
_Static_assert(offsetof(struct tcb, name) == 0x158, "documented offset");

/* Endpoint, 16 bytes: a FIFO of blocked threads. */
enum endpoint_state { ENDPOINT_IDLE = 0, ENDPOINT_SENDING = 1, ENDPOINT_RECEIVING = 2 };

struct endpoint {
    kaddr_t head;
    kaddr_t tail;
    word_t state;
    kaddr_t scan; /* preempted CancelBadgedSends: queued sender to go on with, 0: none */
};
_Static_assert(sizeof(struct endpoint) == 16, "ABI sheet 4.1");

/* Notification, 16 bytes: badge accumulator, waiters, bound thread. TCBs are 512-aligned, so the
 * state lies in the low bits of `head`. */
enum notification_state {
    NOTIFICATION_IDLE = 0,
    NOTIFICATION_WAITING = 1,
    NOTIFICATION_ACTIVE = 2,
    NOTIFICATION_STATE_MASK = 3,
};

struct notification {
    word_t head_state; /* first waiter | state */
    kaddr_t tail;
    word_t word; /* OR of badges while active */
    kaddr_t bound;
};
_Static_assert(sizeof(struct notification) == 16, "ABI sheet 4.1");

/* ASID pool: 1024 words, each a page directory's address | hardware ASID [7:0] | valid [8]
 * (directories are 16K aligned); bits 13:9 are the kernel's own (asid.c). ASID = pool index << 10 |
 * index in pool; 0 is never handed out. */
enum {
    ASID_ENTRY_HW_MASK = 0xff,
    ASID_ENTRY_HW_VALID = 0x100,
    ASIDS_PER_POOL = 1 << ASID_POOL_INDEX_BITS,
};
#define ASID_ENTRY_PD_MASK 0xffffc000u

/* Interrupts: 64 lines; state and the slot that holds the handler's notification capability. */
enum irq_state { IRQ_INACTIVE = 0, IRQ_SIGNAL = 1, IRQ_TIMER = 2 };
enum { IRQ_COUNT = 64 };

/* Short descriptors (ARM ARM B4.7, XP=1). Page directory: 4096 words, page table: 256 words.
 *
 *   first level   [1:0] 01 page table (base [31:10])   10 section, or supersection if bit 18
 *   second level  [1:0] 01 large page, 16 copies       1x small page, bit 0 is XN
 *   AP [1:0] and APX: see the table in vspace.c */
enum {
    PDE_TYPE_MASK = 3,
    PDE_PAGE_TABLE = 1,
    PDE_SECTION = 2,
    PDE_SUPERSECTION_BIT = 1 << 18,
    PTE_TYPE_MASK = 3,
    PTE_LARGE = 1,
    PTE_SMALL = 2,
    PTE_SMALL_XN = 1,
    PTE_LARGE_XN = 1 << 15,
    PDE_SECTION_XN = 1 << 4,
    PTE_AP_SHIFT = 4,
    PTE_APX = 1 << 9,
    PDE_AP_SHIFT = 10,
    PDE_APX = 1 << 15,
    PTE_C = 1 << 3,
    PTE_B = 1 << 2,
    PDE_COUNT = 4096,
    PTE_COUNT = 256,
};

#endif
