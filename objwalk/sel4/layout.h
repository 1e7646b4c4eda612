/* How one mainline kernel keeps its objects: where each fact comes from, and what is not known.
 *
 *   symbols and their sizes of kernel.elf    required: configuration, addresses, object sizes
 *   DWARF                                    offsets in structures, where the kernel has it
 *   the idle thread                          without DWARF: its state stands where every thread's
 *                                            does, and the members behind it have one order
 *   built-in tables                          bit fields of capabilities and objects (blocks.h)
 *   structures.bf.pbf                        wins over these, when the user gives it */
#ifndef CAPSCOPE_OBJWALK_SEL4_LAYOUT_H
#define CAPSCOPE_OBJWALK_SEL4_LAYOUT_H

#include "objwalk/sel4/blocks.h"
#include "objwalk/sel4/description.h"
#include "objwalk/sel4/dwarf.h"
#include "objwalk/sel4/image.h"
#include "objwalk/sel4/memory.h"
#include "objwalk/sel4/paging.h"

/* Members of a TCB behind its saved registers, in the order in which they stand.
 * X(NAME, "its name in DWARF", words) */
#define SEL4_TCB_LIST(X)                                                                           \
    X(STATE, "tcbState", 3)                                                                        \
    X(FLAGS, "tcbFlags", 1)                                                                        \
    X(BOUND, "tcbBoundNotification", 1)                                                            \
    X(FAULT, "tcbFault", 2)                                                                        \
    X(LOOKUP, "tcbLookupFailure", 2)                                                               \
    X(DOMAIN, "tcbDomain", 1)                                                                      \
    X(MCP, "tcbMCP", 1)                                                                            \
    X(PRIORITY, "tcbPriority", 1)                                                                  \
    X(TIME_SLICE, "tcbTimeSlice", 1)                                                               \
    X(FAULT_HANDLER, "tcbFaultHandler", 1)                                                         \
    X(SCHED_CONTEXT, "tcbSchedContext", 1)                                                         \
    X(YIELD_TO, "tcbYieldTo", 1)                                                                   \
    X(IPC_BUFFER, "tcbIPCBuffer", 1)                                                               \
    X(AFFINITY, "tcbAffinity", 1)                                                                  \
    X(SCHED_NEXT, "tcbSchedNext", 1)                                                               \
    X(SCHED_PREV, "tcbSchedPrev", 1)                                                               \
    X(EP_NEXT, "tcbEPNext", 1)                                                                     \
    X(EP_PREV, "tcbEPPrev", 1)

enum sel4_tcb_member {
#define X(NAME, text, words) SEL4_TCB_##NAME,
    SEL4_TCB_LIST(X)
#undef X
        SEL4_TCB_MEMBERS
};

/* Symbols of the kernel's data. X(NAME, "symbol") */
#define SEL4_SYMBOL_LIST(X)                                                                        \
    X(CUR_THREAD, "ksCurThread")                                                                   \
    X(IDLE_THREAD, "ksIdleThread")                                                                 \
    X(SCHEDULER_ACTION, "ksSchedulerAction")                                                       \
    X(READY_QUEUES, "ksReadyQueues")                                                               \
    X(RELEASE_QUEUE, "ksReleaseQueue")                                                             \
    X(RELEASE_HEAD, "ksReleaseHead")                                                               \
    X(CUR_SC, "ksCurSC")                                                                           \
    X(CUR_DOMAIN, "ksCurDomain")                                                                   \
    X(DEBUG_TCBS, "ksDebugTCBs")                                                                   \
    X(IRQ_NODE, "intStateIRQNode")                                                                 \
    X(IRQ_TABLE, "intStateIRQTable")                                                               \
    X(ASID_TABLE, "asid table")                                                                    \
    X(ROOTSERVER, "rootserver")                                                                    \
    X(IDLE_TCB, "ksIdleThreadTCB")                                                                 \
    X(IDLE_SC, "ksIdleThreadSC")                                                                   \
    X(KERNEL_TABLE, "kernel page table")                                                           \
    X(SMP, "ksSMP")

enum sel4_symbol_name {
#define X(NAME, text) SEL4_SYM_##NAME,
    SEL4_SYMBOL_LIST(X)
#undef X
        SEL4_SYMBOLS
};

/* Releases that can be told apart. */
enum sel4_release {
    SEL4_12_0,
    SEL4_12_1,
    SEL4_13_0,
    SEL4_14_0,
    SEL4_15_0,
    SEL4_16_0,
    SEL4_AFTER_16_0,
};

enum {
    SEL4_NODES = 16,
    SEL4_NONE = 0xffff, /* an offset that this kernel does not have */
    SEL4_PRIORITIES = 256,
    SEL4_NOTES = 32,
    SEL4_NOTE = 320,
};

/* Words of a scheduling context behind its two ticks of 64 bits. */
enum sel4_sc_member {
    SEL4_SC_CORE,
    SEL4_SC_TCB,
    SEL4_SC_REPLY,
    SEL4_SC_NTFN,
    SEL4_SC_BADGE,
    SEL4_SC_YIELD_FROM,
    SEL4_SC_REFILL_MAX,
    SEL4_SC_REFILL_HEAD,
    SEL4_SC_REFILL_TAIL,
    SEL4_SC_SPORADIC,
    SEL4_SC_MEMBERS
};

/* Of a node's data, where there are several nodes. The idle thread's pointer is known by its value;
 * the others stand around it. */
enum sel4_node_member {
    SEL4_NODE_CURRENT,
    SEL4_NODE_ACTION,
    SEL4_NODE_READY,   /* ready queues */
    SEL4_NODE_RELEASE, /* release queue */
    SEL4_NODE_CONTEXT, /* current scheduling context */
    SEL4_NODE_DEBUG,   /* list of all its threads */
    SEL4_NODE_MEMBERS
};
/* The idle thread's own place: what is not there, or not known. */
enum { SEL4_NODE_NONE = 0, SEL4_NODE_BYTES = 1 << 21 };

struct sel4_layout {
    struct sel4_options options;
    bool debug;                 /* threads have names and stand in a list of all */
    bool wide;                  /* words of 64 bits */
    enum sel4_release earliest; /* the release is one of these */
    enum sel4_release latest;
    unsigned word; /* bytes */
    unsigned slot_bits;
    unsigned tcb_bits;
    unsigned tcb_slots;
    unsigned asid_low_bits; /* of an ASID: index in its pool */
    unsigned nodes;
    unsigned domains;
    unsigned irqs;
    unsigned idle_state;            /* number of the state of the idle thread */
    bool idle_unaligned;            /* the idle TCB need not be aligned to its size */
    uint16_t tcb[SEL4_TCB_MEMBERS]; /* offsets from a tcb_t pointer; SEL4_NONE */
    uint16_t pc;                    /* offset of the saved program counter, and others */
    uint16_t fault_pc;
    uint16_t sp;
    uint16_t psr;
    uint16_t saved_bytes; /* of saved registers that are read */
    bool offsets_known;
    uint16_t sc_refills;                     /* offset of the refills */
    uint32_t smp_stride;                     /* bytes of a node's data */
    int32_t node[SEL4_NODE_MEMBERS];         /* in a node's data, from its idle thread's pointer */
    struct sel4_symbol symbol[SEL4_SYMBOLS]; /* size 0: not there */
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_paging paging; /* of user space */
    struct sel4_paging kernel_paging;
    bool paging_known;
    uint64_t idle_function; /* address of idle_thread, 0 */
    /* what should be told once: where facts came from, what differs */
    unsigned notes;
    char note[SEL4_NOTES][SEL4_NOTE];
};

/* From the file alone. ERR_UNSUPPORTED and ERR_LAYOUT with a sentence in `why` (SEL4_WHY bytes).
 * `description` (NULL: none) is the text of structures.bf.pbf. Offsets of TCBs may still be
 * unknown: sel4_layout_calibrate(). */
enum error sel4_layout_open(struct sel4_layout *l, const struct sel4_image *m,
                            const char *description, size_t description_bytes, char *why);

/* Finds the offsets in a TCB by the idle thread, for kernels without DWARF. ERR_READ; ERR_CORRUPT
 * when no such place is found: then a kernel has another layout, or has not booted. */
enum error sel4_layout_calibrate(struct sel4_layout *l, struct sel4_memory *memory, char *why);

/* A capability type was met that the tables do not know. Is it one of the paging capabilities that
 * AArch64 had before 13.0.0, and could this be such a kernel? Then the tables are put right, and
 * what was read has to be read again. */
bool sel4_layout_reconsider(struct sel4_layout *l, uint32_t tag);

/* Adds a note, with printf's format. */
void sel4_layout_note(struct sel4_layout *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "12.0", "after 16.0" */
const char *sel4_release_text(enum sel4_release r);
/* Name of an architecture. */
const char *sel4_arch_text(enum sel4_arch a);

static inline bool sel4_has(const struct sel4_layout *l, enum sel4_symbol_name s)
{
    return l->symbol[s].size != 0;
}

static inline bool sel4_has_cap(const struct sel4_layout *l, enum sel4_block_kind kind)
{
    return l->block[kind].tag != SEL4_NO_TAG;
}

#endif
