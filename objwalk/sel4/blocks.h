/* What mainline keeps in bit fields: every capability type, the links of a slot, the state of a
 * thread, endpoints, notifications, reply stacks; as tables of built-in fields.
 *
 * From 12.0.0 on no field of a capability has moved in any release; types were added, and AArch64
 * went from four paging capabilities to two in 13.0.0.  So the tables hold one entry a type and
 * architecture, and what differs by option is put right in sel4_blocks_fill(). */
#ifndef CAPSCOPE_OBJWALK_SEL4_BLOCKS_H
#define CAPSCOPE_OBJWALK_SEL4_BLOCKS_H

#include "objwalk/sel4/bits.h"

enum sel4_arch { SEL4_AARCH32, SEL4_AARCH64, SEL4_RISCV64, SEL4_X86_64, SEL4_ARCHES };

/* X(NAME, "name of its block, without _cap where it is a capability") */
#define SEL4_CAP_LIST(X)                                                                           \
    X(NULL, "null")                                                                                \
    X(UNTYPED, "untyped")                                                                          \
    X(ENDPOINT, "endpoint")                                                                        \
    X(NOTIFICATION, "notification")                                                                \
    X(REPLY, "reply")                                                                              \
    X(CNODE, "cnode")                                                                              \
    X(THREAD, "thread")                                                                            \
    X(IRQ_CONTROL, "irq_control")                                                                  \
    X(IRQ_HANDLER, "irq_handler")                                                                  \
    X(ZOMBIE, "zombie")                                                                            \
    X(DOMAIN, "domain")                                                                            \
    X(SCHED_CONTEXT, "sched_context")                                                              \
    X(SCHED_CONTROL, "sched_control")                                                              \
    X(FRAME, "frame")                                                                              \
    X(SMALL_FRAME, "small_frame")                                                                  \
    X(PAGE_TABLE, "page_table")                                                                    \
    X(PAGE_DIRECTORY, "page_directory")                                                            \
    X(PAGE_UPPER_DIRECTORY, "page_upper_directory")                                                \
    X(PAGE_GLOBAL_DIRECTORY, "page_global_directory")                                              \
    X(VSPACE, "vspace")                                                                            \
    X(ASID_CONTROL, "asid_control")                                                                \
    X(ASID_POOL, "asid_pool")                                                                      \
    X(VCPU, "vcpu")                                                                                \
    X(SID_CONTROL, "sid_control")                                                                  \
    X(SID, "sid")                                                                                  \
    X(CB_CONTROL, "cb_control")                                                                    \
    X(CB, "cb")                                                                                    \
    X(SMC, "smc")                                                                                  \
    X(SGI_SIGNAL, "sgi_signal")                                                                    \
    X(PDPT, "pdpt")                                                                                \
    X(PML4, "pml4")                                                                                \
    X(IO_SPACE, "io_space")                                                                        \
    X(IO_PAGE_TABLE, "io_page_table")                                                              \
    X(IO_PORT, "io_port")                                                                          \
    X(IO_PORT_CONTROL, "io_port_control")                                                          \
    X(EPT_PT, "ept_pt")                                                                            \
    X(EPT_PD, "ept_pd")                                                                            \
    X(EPT_PDPT, "ept_pdpt")                                                                        \
    X(EPT_PML4, "ept_pml4")                                                                        \
    X(UNKNOWN, "unknown")

/* Blocks that are no capabilities. */
#define SEL4_OBJECT_BLOCK_LIST(X)                                                                  \
    X(MDB, "mdb_node")                                                                             \
    X(THREAD_STATE, "thread_state")                                                                \
    X(EP, "endpoint")                                                                              \
    X(NTFN, "notification")                                                                        \
    X(CALL_STACK, "call_stack")

enum sel4_block_kind {
#define X(NAME, text) SEL4_CAP_##NAME,
    SEL4_CAP_LIST(X)
#undef X
        SEL4_CAPS, /* how many */
    SEL4_BLOCK_BEFORE = SEL4_CAPS - 1,
#define X(NAME, text) SEL4_BLOCK_##NAME,
    SEL4_OBJECT_BLOCK_LIST(X)
#undef X
        SEL4_BLOCKS
};

/* What a field means. One numbering for all blocks. */
enum sel4_role {
    SEL4_END,
    /* capabilities */
    SEL4_PTR, /* object, or the tcb_t of a thread */
    SEL4_BADGE,
    SEL4_SEND,
    SEL4_RECEIVE,
    SEL4_GRANT,
    SEL4_GRANT_REPLY,
    SEL4_FREE_INDEX, /* in units of 16 bytes */
    SEL4_DEVICE,
    SEL4_SIZE_BITS,
    SEL4_MASTER,
    SEL4_RADIX,
    SEL4_GUARD_SIZE,
    SEL4_GUARD,
    SEL4_IRQ,
    SEL4_TARGET, /* of a software interrupt */
    SEL4_CORE,
    SEL4_ZOMBIE_TYPE,
    SEL4_ZOMBIE_ID,
    SEL4_ASID,
    SEL4_ASID_HIGH, /* AArch32 frames */
    SEL4_FRAME_SIZE,
    SEL4_VADDR,
    SEL4_VM_RIGHTS,
    SEL4_MAPPED,
    SEL4_MAP_TYPE, /* x86 frames: 0 none, 1 address space, 2 IOMMU, 3 EPT */
    SEL4_CB_NUMBER,
    SEL4_SID_NUMBER,
    SEL4_ASID_BASE,
    SEL4_FIRST_PORT,
    SEL4_LAST_PORT,
    SEL4_VPID,
    SEL4_IO_DOMAIN,
    SEL4_PCI,
    SEL4_LEVEL,
    SEL4_IO_SPACE,
    SEL4_CAP_ROLES, /* capabilities use the roles below this one */
    /* links of a slot: words count from the slot's beginning */
    SEL4_PREV = SEL4_CAP_ROLES,
    SEL4_NEXT,
    SEL4_REVOCABLE,
    SEL4_FIRST_BADGED,
    /* thread state, endpoint, notification, call stack */
    SEL4_STATE,
    SEL4_BLOCKING_OBJECT,
    SEL4_CAN_GRANT,
    SEL4_CAN_GRANT_REPLY,
    SEL4_IS_CALL,
    SEL4_QUEUED,
    SEL4_IN_RELEASE,
    SEL4_REPLY_OBJECT,
    SEL4_IPC_BADGE,
    SEL4_HEAD,
    SEL4_TAIL,
    SEL4_MESSAGE, /* badges collected */
    SEL4_BOUND_TCB,
    SEL4_NTFN_SC,
    SEL4_IS_HEAD,
    SEL4_STACK_PTR,
    SEL4_ROLES
};

enum { SEL4_BLOCK_FIELDS = 12, SEL4_NO_TAG = 0xffff };

struct sel4_block {
    uint16_t tag; /* type tag of a capability; SEL4_NO_TAG: this kernel has no such type */
    uint8_t fields;
    struct sel4_field field[SEL4_BLOCK_FIELDS];
};

/* What decides which fields a kernel has. */
struct sel4_options {
    enum sel4_arch arch;
    bool mcs;
    bool hyp;
    bool smp;
    bool four_tables; /* AArch64 before 13.0.0 */
};

/* Name of a block; for capabilities without "_cap". */
const char *sel4_block_name(enum sel4_block_kind kind);

/* The built-in tables of one configuration; block[kind], SEL4_BLOCKS of them. */
void sel4_blocks_fill(struct sel4_block *block, const struct sel4_options *o);

/* The field of a block with this role, NULL: it has none. */
const struct sel4_field *sel4_block_field(const struct sel4_block *b, enum sel4_role role);
/* Its value in the words of an object, 0 when the block has no such field. */
uint64_t sel4_block_value(const struct sel4_block *b, enum sel4_role role, const uint64_t *words);

/* Type tag of capability word 0. */
static inline uint32_t sel4_tag(enum sel4_arch arch, uint64_t w0)
{
    if (arch != SEL4_AARCH32)
        return (uint32_t)(w0 >> 59);
    return (w0 & 0xe) == 0xe ? (uint32_t)(w0 & 0xff) : (uint32_t)(w0 & 0xf);
}

#endif
