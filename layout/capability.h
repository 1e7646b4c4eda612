/* The four words of a capability slot, bit by bit.
 *
 * Paper 3.2.2: the derivation tree lives inside the capabilities, which costs two words each.
 *
 *   word 0, 1   the capability (below)
 *   word 2      previous slot in derivation order [31:4] | progress, high 4 bits [3:0]
 *   word 3      next slot in derivation order     [31:4] | progress, low 2 bits [3:2]
 *                                                        | FIRST_BADGED [1] | REVOCABLE [0]
 *
 * Slots are 16-byte aligned, so the links leave four bits each.  The list is global: it begins and
 * ends at a sentinel slot (kernel_roots.cdt_head) that holds the null capability.  A derived
 * capability stands directly after its source; read forwards the list is the pre-order of the
 * tree, read backwards the post-order of its mirror image.  `progress` is used by an untyped
 * capability alone, see untyped.c.
 *
 * Word 0 is always  object address | flags | type [3:0];  word 1 depends on the type:
 *
 *   type             word 0                                  word 1
 *   0  null          0                                       0
 *   1  untyped       addr[31:4]                              watermark[31:6] (16-byte units) | device[5] | bits[4:0]
 *   2  endpoint      addr[31:4]                              badge[31:4] | rights[3:0]
 *   3  notification  addr[31:4]                              badge[31:4] | rights[3:0] (write, read)
 *   4  reply         TCB addr[31:9]                          grant[1] | master[0]
 *   5  cnode         addr[31:5]                              guard[31:14] | guard size[9:5] | radix[4:0]
 *   6  tcb           addr[31:9]                              0
 *   7  zombie        addr[31:4] of the first slot            slots left[31:6] | tcb[5] | radix[4:0]
 *   8  frame 4K      addr[31:12] | asid hi[11:7]             vaddr[31:12] | asid lo[11:0]
 *   9  frame 64K       | device[6] | vm rights[5:4]            mapped iff the ASID is not 0
 *  10  frame 1M        (all four the same)
 *  11  frame 16M
 *  12  page table    addr[31:10]                             vaddr[31:20] | asid[16:0], mapped iff the ASID is not 0
 *  13  page dir      addr[31:14]                             asid[16:0], assigned iff not 0
 *  14  asid pool     addr[31:12]                             pool index[16:10]
 *  15  control       which[5:4]: 0 irq control, 1 irq handler, 2 asid control, 3 domain
 *                                                            irq handler: irq[7:0]
 *
 * Addresses are kernel-window addresses (types.h). */
#ifndef CAPSCOPE_LAYOUT_CAPABILITY_H
#define CAPSCOPE_LAYOUT_CAPABILITY_H

#include "abi/syscall.h"
#include "layout/types.h"

struct cap {
    word_t w[2];
};

struct slot {
    struct cap cap;
    word_t prev;
    word_t next;
};
_Static_assert(sizeof(struct slot) == 16, "a slot is four words (paper 3.2.2)");

enum {
    SLOT_BITS = 4,
    SLOT_LINK_MASK_INV = 0xf,
    CDT_REVOCABLE = 1,    /* an original: what it covers hangs below it */
    CDT_FIRST_BADGED = 2, /* begins a badge of its own: no child of an equally badged neighbour */
};
#define SLOT_LINK_MASK 0xfffffff0u

/* X(value, NAME, "name as users see it") */
#define CAP_TYPE_LIST(X)                                                                           \
    X(0, NULL, "null")                                                                             \
    X(1, UNTYPED, "untyped")                                                                       \
    X(2, ENDPOINT, "endpoint")                                                                     \
    X(3, NOTIFICATION, "notification")                                                             \
    X(4, REPLY, "reply")                                                                           \
    X(5, CNODE, "cnode")                                                                           \
    X(6, TCB, "tcb")                                                                               \
    X(7, ZOMBIE, "zombie")                                                                         \
    X(8, FRAME_4K, "frame")                                                                        \
    X(9, FRAME_64K, "frame64k")                                                                    \
    X(10, FRAME_1M, "frame1m")                                                                     \
    X(11, FRAME_16M, "frame16m")                                                                   \
    X(12, PAGE_TABLE, "pagetable")                                                                 \
    X(13, PAGE_DIRECTORY, "pagedir")                                                               \
    X(14, ASID_POOL, "asidpool")                                                                   \
    X(15, CONTROL, "control")

enum cap_type {
#define X(value, NAME, text) CAP_##NAME = value,
    CAP_TYPE_LIST(X)
#undef X
};

enum cap_control { CONTROL_IRQ = 0, CONTROL_IRQ_HANDLER = 1, CONTROL_ASID = 2, CONTROL_DOMAIN = 3 };

enum vm_rights { VM_NO_ACCESS = 0, VM_KERNEL_ONLY = 1, VM_READ_ONLY = 2, VM_READ_WRITE = 3 };

enum {
    UNTYPED_MIN_BITS = 4,
    UNTYPED_MAX_BITS = 29,
    TCB_BITS = 9,
    ENDPOINT_BITS = 4,
    NOTIFICATION_BITS = 4,
    PAGE_TABLE_BITS = 10,
    PAGE_DIRECTORY_BITS = 14,
    ASID_POOL_BITS = 12,
    ASID_POOL_INDEX_BITS = 10,
    ASID_POOLS = 128,
    CNODE_GUARD_BITS = 18,
    BADGE_BITS = 28,
};
#define BADGE_MASK 0x0fffffffu

static inline enum cap_type cap_type(struct cap c)
{
    return (enum cap_type)(c.w[0] & 0xf);
}

static inline bool cap_is_frame(struct cap c)
{
    return (c.w[0] & 0xc) == 8;
}

/* log2 of a frame's size in bytes; only for frame types. */
static inline unsigned frame_bits_of_type(enum cap_type t)
{
    return 12u + 4u * ((unsigned)t - CAP_FRAME_4K);
}

/* Address of the object, aligned as its type demands; 0 for null and control. */
static inline kaddr_t cap_object(struct cap c)
{
    switch (cap_type(c)) {
    case CAP_NULL:
    case CAP_CONTROL:
        return 0;
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        return c.w[0] & 0xfffff000u;
    default:
        return c.w[0] & 0xfffffff0u;
    }
}

/* The same where the type is known: all other bits of word 0 are the address. */
static inline kaddr_t cap_object_of(struct cap c, enum cap_type type)
{
    return c.w[0] - (word_t)type;
}

static inline struct cap cap_null(void)
{
    return (struct cap){{0, 0}};
}

static inline struct cap cap_make(enum cap_type type, kaddr_t object, word_t w1)
{
    return (struct cap){{object | (word_t)type, w1}};
}

/* --- untyped --- */
static inline unsigned untyped_bits(struct cap c)
{
    return c.w[1] & 0x1f;
}

static inline bool untyped_is_device(struct cap c)
{
    return (c.w[1] >> 5) & 1;
}

/* Watermark in bytes from the base; equals the block size when full. */
static inline word_t untyped_watermark(struct cap c)
{
    return (c.w[1] >> 6) << 4;
}

static inline struct cap untyped_with_watermark(struct cap c, word_t bytes)
{
    c.w[1] = (c.w[1] & 0x3f) | ((bytes >> 4) << 6);
    return c;
}

static inline struct cap untyped_make(kaddr_t base, unsigned bits, bool device, word_t watermark)
{
    return cap_make(CAP_UNTYPED, base, ((watermark >> 4) << 6) | ((word_t)device << 5) | bits);
}

/* --- endpoint, notification --- */
static inline word_t cap_badge(struct cap c)
{
    return c.w[1] >> 4;
}

static inline word_t cap_rights(struct cap c)
{
    return c.w[1] & 0xf;
}

static inline struct cap ipc_cap_make(enum cap_type type, kaddr_t object, word_t badge,
                                      word_t rights)
{
    return cap_make(type, object, (badge << 4) | rights);
}

/* --- reply --- */
static inline bool reply_is_master(struct cap c)
{
    return c.w[1] & 1;
}

static inline bool reply_can_grant(struct cap c)
{
    return (c.w[1] >> 1) & 1;
}

static inline struct cap reply_make(kaddr_t tcb, bool master, bool grant)
{
    return cap_make(CAP_REPLY, tcb, ((word_t)grant << 1) | (word_t)master);
}

/* --- cnode --- */
static inline unsigned cnode_radix(struct cap c)
{
    return c.w[1] & 0x1f;
}

static inline unsigned cnode_guard_size(struct cap c)
{
    return (c.w[1] >> 5) & 0x1f;
}

static inline word_t cnode_guard(struct cap c)
{
    return c.w[1] >> 14;
}

static inline struct cap cnode_make(kaddr_t base, unsigned radix, unsigned guard_size, word_t guard)
{
    return cap_make(CAP_CNODE, base, (guard << 14) | ((word_t)guard_size << 5) | radix);
}

/* --- zombie: a CNode or TCB whose slots are being emptied, from the last down; slots from `left`
 * on are empty, except that the last may hold a waiting zombie (kernel/delete.c) --- */
static inline word_t zombie_left(struct cap c)
{
    return c.w[1] >> 6;
}

static inline bool zombie_is_tcb(struct cap c)
{
    return (c.w[1] >> 5) & 1;
}

static inline unsigned zombie_radix(struct cap c)
{
    return c.w[1] & 0x1f;
}

static inline struct cap zombie_make(kaddr_t slots, bool tcb, unsigned radix, word_t left)
{
    return cap_make(CAP_ZOMBIE, slots, (left << 6) | ((word_t)tcb << 5) | radix);
}

/* --- frame --- */
static inline word_t frame_asid(struct cap c)
{
    return ((c.w[0] & 0xf80) << 5) | (c.w[1] & 0xfff);
}

static inline vaddr_t frame_vaddr(struct cap c)
{
    return c.w[1] & 0xfffff000u;
}

static inline kaddr_t frame_base(struct cap c)
{
    return c.w[0] & 0xfffff000u;
}

static inline bool frame_is_device(struct cap c)
{
    return (c.w[0] >> 6) & 1;
}

static inline enum vm_rights frame_rights(struct cap c)
{
    return (enum vm_rights)((c.w[0] >> 4) & 3);
}

static inline struct cap frame_with_mapping(struct cap c, word_t asid, vaddr_t vaddr)
{
    c.w[0] = (c.w[0] & ~0xf80u) | ((asid >> 5) & 0xf80);
    c.w[1] = (vaddr & 0xfffff000u) | (asid & 0xfff);
    return c;
}

static inline struct cap frame_with_rights(struct cap c, enum vm_rights rights)
{
    c.w[0] = (c.w[0] & ~0x30u) | ((word_t)rights << 4);
    return c;
}

static inline struct cap frame_make(enum cap_type type, kaddr_t base, enum vm_rights rights,
                                    bool device)
{
    return cap_make(type, base | ((word_t)device << 6) | ((word_t)rights << 4), 0);
}

/* --- page table, page directory, ASID pool --- */
static inline word_t paging_asid(struct cap c)
{
    return c.w[1] & 0x1ffff;
}

static inline vaddr_t page_table_vaddr(struct cap c)
{
    return c.w[1] & 0xfff00000u;
}

static inline struct cap page_table_make(kaddr_t base, word_t asid, vaddr_t vaddr)
{
    return cap_make(CAP_PAGE_TABLE, base, (vaddr & 0xfff00000u) | asid);
}

static inline struct cap page_directory_make(kaddr_t base, word_t asid)
{
    return cap_make(CAP_PAGE_DIRECTORY, base, asid);
}

static inline word_t asid_pool_base(struct cap c)
{
    return c.w[1] & 0x1fc00;
}

static inline struct cap asid_pool_make(kaddr_t base, word_t index)
{
    return cap_make(CAP_ASID_POOL, base, index << ASID_POOL_INDEX_BITS);
}

/* --- control --- */
static inline enum cap_control control_which(struct cap c)
{
    return (enum cap_control)((c.w[0] >> 4) & 3);
}

static inline word_t control_irq(struct cap c)
{
    return c.w[1] & 0xff;
}

static inline struct cap control_make(enum cap_control which, word_t irq)
{
    return cap_make(CAP_CONTROL, (word_t)which << 4, irq);
}

static inline bool cap_is_control(struct cap c, enum cap_control which)
{
    return cap_type(c) == CAP_CONTROL && control_which(c) == which;
}

/* log2 of the object's size in bytes; 0 for capabilities to no memory. */
static inline unsigned cap_object_bits(struct cap c)
{
    switch (cap_type(c)) {
    case CAP_UNTYPED:
        return untyped_bits(c);
    case CAP_ENDPOINT:
        return ENDPOINT_BITS;
    case CAP_NOTIFICATION:
        return NOTIFICATION_BITS;
    case CAP_CNODE:
        return cnode_radix(c) + SLOT_BITS;
    case CAP_TCB:
        return TCB_BITS;
    case CAP_ZOMBIE:
        return zombie_is_tcb(c) ? (unsigned)TCB_BITS : zombie_radix(c) + SLOT_BITS;
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        return frame_bits_of_type(cap_type(c));
    case CAP_PAGE_TABLE:
        return PAGE_TABLE_BITS;
    case CAP_PAGE_DIRECTORY:
        return PAGE_DIRECTORY_BITS;
    case CAP_ASID_POOL:
        return ASID_POOL_BITS;
    case CAP_NULL:
    case CAP_REPLY:
    case CAP_CONTROL:
        break;
    }
    return 0;
}

#endif
