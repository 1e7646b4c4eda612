/* Page directories, page tables, frames (ABI sheet 3.7; ARM ARM B4.7 with XP=1).
 *
 * Design rule (paper 3.2.1): a mapping that users can reach refers to a frame object and nothing
 * else.  Entries of page directories and tables are written here alone: from a frame capability,
 * from a page table capability, or copied from the kernel's own directory.
 *
 * First level, at directory + 4 * (vaddr >> 20):
 *      31            20 19 18 17 16 15  14 12 11 10  9  8      5  4  3  2  1 0
 *     +----------------+--+--+--+--+---+-----+-----+--+---------+--+--+--+---+
 *     | section        | 0| 0|nG| S|APX| TEX |  AP | P| domain 0|XN| C| B|1 0|
 *     | supersection   | 0| 1|  and so on: 16 equal entries                  |
 *     | page table [31:10]                         | P| domain 0| 0        0 1|
 *     +----------------------------------------------------------------------+
 * Second level, at table + 4 * (vaddr >> 12 & 255):
 *      31            16 15  14 12 11 10  9   8    6  5  4  3  2  1 0
 *     +----------------+---+-----+--+--+---+-------+-----+--+--+----+
 *     | large page     |XN | TEX |nG| S|APX|   0   |  AP | C| B|0 1 |  16 equal entries
 *     | small page [31:12]       |nG| S|APX|  TEX  |  AP | C| B|1 XN|
 *     +-------------------------------------------------------------+
 *
 *     APX AP   kernel  user                  C B TEX   memory
 *      0  01   RW      none   KernelOnly     1 1  0    normal, write-back
 *      0  10   RW      read   ReadOnly       0 0  0    strongly ordered
 *      0  11   RW      RW     ReadWrite
 *
 * A mapping belongs to the capability that made it for as long as the entry still names its frame
 * at its address; the entry is the truth, the capability only knows where to look. */
#include "kernel/vspace.h"

#include "kernel/arch.h"
#include "kernel/asid.h"
#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/refusal.h"

enum {
    SECTION_BITS = 20,
    PAGE_BITS = 12,
    LARGE_ENTRIES = 16, /* equal entries of a large page or a supersection */
    KERNEL_PDE_FIRST = 0xf00,
    PDE_PARITY = 1 << 9,
    PDE_NOT_GLOBAL = 1 << 17,
    PTE_NOT_GLOBAL = 1 << 11,
    AP_KERNEL = 1,
    AP_USER_READ = 2,
    AP_USER_WRITE = 3,
    LOOKUP_BITS_LEFT = 20, /* what the sheet tells of a missing page table */
};
#define PDE_TABLE_MASK 0xfffffc00u

/* --- entries --- */

static inline word_t frame_bytes(struct cap frame)
{
    return (word_t)1 << frame_bits_of_type(cap_type(frame));
}

/* What the entries of a mapping look like, by the frame's size. */
struct kind {
    word_t count;
    word_t mask; /* entry & mask == value: it is a mapping of this size */
    word_t value;
    word_t base_mask; /* bits of the entry that are the frame's address */
};

static const struct kind kinds[] = {
    {1, PTE_SMALL, PTE_SMALL, 0xfffff000u},
    {LARGE_ENTRIES, PTE_TYPE_MASK, PTE_LARGE, 0xffff0000u},
    {1, PDE_TYPE_MASK | PDE_SUPERSECTION_BIT, PDE_SECTION, 0xfff00000u},
    {LARGE_ENTRIES, PDE_TYPE_MASK | PDE_SUPERSECTION_BIT, PDE_SECTION | PDE_SUPERSECTION_BIT,
     0xff000000u},
};

/* The entries that a mapping of some size at some address takes up. */
struct place {
    word_t *entry; /* NULL: no page table there */
    const struct kind *kind;
};

static word_t *directory_entry(kaddr_t pd, vaddr_t vaddr)
{
    return (word_t *)kptr(pd) + (vaddr >> SECTION_BITS);
}

/* NULL: no page table there. */
static word_t *table_entry(kaddr_t pd, vaddr_t vaddr)
{
    word_t pde = *directory_entry(pd, vaddr);
    if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
        return NULL;
    word_t *table = kptr(kaddr_from_paddr(pde & PDE_TABLE_MASK));
    return table + (vaddr >> PAGE_BITS & (PTE_COUNT - 1));
}

static inline struct place place_of(kaddr_t pd, enum cap_type type, vaddr_t vaddr)
{
    bool small = type == CAP_FRAME_4K || type == CAP_FRAME_64K;
    return (struct place){small ? table_entry(pd, vaddr) : directory_entry(pd, vaddr),
                          &kinds[type - CAP_FRAME_4K]};
}

/* Is each entry free or already of this size? Bits 1:0 of a free entry are 0, those of a page table
 * in a directory 01. */
static inline bool place_is_open(struct place p)
{
    for (word_t i = 0; i < p.kind->count; i++) {
        word_t e = p.entry[i];
        if ((e & PTE_TYPE_MASK) != 0 && (e & p.kind->mask) != p.kind->value)
            return false;
    }
    return true;
}

static inline bool place_holds(struct place p, paddr_t frame)
{
    word_t e = *p.entry;
    return (e & p.kind->mask) == p.kind->value && (e & p.kind->base_mask) == frame;
}

/* Writes all entries; true if the TLB may hold what was there. */
static inline bool place_write(struct place p, word_t value)
{
    bool held = (*p.entry & PTE_TYPE_MASK) != 0;
    for (word_t i = 0; i < p.kind->count; i++)
        p.entry[i] = value;
    arch_clean_table(kaddr_of(p.entry), p.kind->count * (word_t)sizeof(word_t));
    return held;
}

static void place_flush(struct place p, word_t asid, vaddr_t vaddr)
{
    if (p.kind == kinds)
        asid_flush_page(asid, vaddr);
    else
        asid_flush(asid);
}

static word_t access_bits(enum vm_rights rights)
{
    return rights == VM_READ_WRITE  ? (word_t)AP_USER_WRITE
           : rights == VM_READ_ONLY ? (word_t)AP_USER_READ
                                    : (word_t)AP_KERNEL;
}

/* Descriptor of a frame, equal in all entries it takes. */
static word_t frame_descriptor(enum cap_type type, paddr_t frame, enum vm_rights rights,
                               word_t attributes)
{
    bool never = (attributes & VM_EXECUTE_NEVER) != 0;
    word_t d = frame | (attributes & VM_CACHEABLE ? (word_t)(PTE_C | PTE_B) : 0);
    if (type == CAP_FRAME_4K || type == CAP_FRAME_64K) {
        d |= PTE_NOT_GLOBAL | access_bits(rights) << PTE_AP_SHIFT;
        if (type == CAP_FRAME_4K)
            return d | PTE_SMALL | (never ? (word_t)PTE_SMALL_XN : 0);
        return d | PTE_LARGE | (never ? (word_t)PTE_LARGE_XN : 0);
    }
    d |= PDE_SECTION | PDE_NOT_GLOBAL | access_bits(rights) << PDE_AP_SHIFT;
    d |= (attributes & VM_PARITY ? (word_t)PDE_PARITY : 0);
    d |= (never ? (word_t)PDE_SECTION_XN : 0);
    return type == CAP_FRAME_16M ? d | PDE_SUPERSECTION_BIT : d;
}

/* --- what invocations name --- */

static bool is_assigned_directory(struct cap c)
{
    return cap_type(c) == CAP_PAGE_DIRECTORY && paging_asid(c) != 0;
}

/* The ASID must have a directory. */
static enum outcome refuse_without_directory(word_t asid)
{
    if (asid_directory(asid) != 0)
        return DONE;
    lookup_failed(LOOKUP_INVALID_ROOT, 0, 0, 0);
    return refuse_lookup(false);
}

static enum outcome refuse_directory(struct cap dir, word_t number)
{
    if (refuse_without_directory(paging_asid(dir)) != DONE)
        return REFUSED;
    return refuse_capability(number);
}

/* A directory capability must still be the one its ASID stands for. `number`: its place among the
 * capabilities of the invocation. */
static inline enum outcome directory_check(struct cap dir, word_t number)
{
    if (asid_directory(paging_asid(dir)) == cap_object_of(dir, CAP_PAGE_DIRECTORY))
        return DONE;
    return refuse_directory(dir, number);
}

/* --- Page_Map, Page_Unmap --- */

struct frame_map {
    kaddr_t pd;
    word_t asid;
    vaddr_t vaddr;
    word_t rights;
    word_t attributes;
    struct place place;
};

/* Where the capability may be mapped: where it is, or anywhere below USER_TOP. */
static enum outcome decode_frame_vaddr(struct cap frame, const struct frame_map *f)
{
    if (frame_asid(frame) != 0) {
        if (frame_asid(frame) != f->asid)
            return refuse_capability(1);
        if (frame_vaddr(frame) != f->vaddr)
            return refuse_argument(0);
        return DONE;
    }
    word_t size = frame_bytes(frame);
    if (f->vaddr + (size - 1) >= USER_TOP)
        return refuse_argument(0);
    return DONE;
}

static enum outcome decode_frame_place(struct cap frame, struct frame_map *f)
{
    word_t size = frame_bytes(frame);
    if (f->vaddr & (size - 1))
        return refuse_alignment();
    f->place = place_of(f->pd, cap_type(frame), f->vaddr);
    if (!f->place.entry) {
        lookup_failed(LOOKUP_MISSING_CAPABILITY, LOOKUP_BITS_LEFT, 0, 0);
        return refuse_lookup(false);
    }
    if (!place_is_open(f->place))
        return refuse_delete_first();
    return DONE;
}

static enum outcome decode_frame_map(struct cap frame, struct message *m, struct frame_map *f)
{
    if (m->length < 3 || !m->extra[0])
        return refuse_truncated();
    struct cap dir = m->extra[0]->cap;
    if (!is_assigned_directory(dir))
        return refuse_capability(1);
    f->pd = cap_object_of(dir, CAP_PAGE_DIRECTORY);
    f->asid = paging_asid(dir);
    f->vaddr = message_word(m, 0);
    f->rights = message_word(m, 1);
    f->attributes = message_word(m, 2);
    if (decode_frame_vaddr(frame, f) != DONE || directory_check(dir, 1) != DONE)
        return REFUSED;
    return decode_frame_place(frame, f);
}

/* What was written through the cache, zeroes of a new frame above all, must be in memory before
 * users look past the cache. */
static void frame_leaves_cache(struct cap frame, vaddr_t vaddr)
{
    if (!frame_is_device(frame))
        arch_cache(CACHE_CLEAN_INVALIDATE, frame_base(frame), frame_bytes(frame), vaddr);
}

static void invoke_frame_map(struct slot *slot, const struct frame_map *f)
{
    struct cap frame = slot->cap;
    enum vm_rights rights = vm_mask_rights(frame_rights(frame), f->rights);
    word_t descriptor = frame_descriptor(cap_type(frame), paddr_from_kaddr(frame_base(frame)),
                                         rights, f->attributes);
    if (!(f->attributes & VM_CACHEABLE))
        frame_leaves_cache(frame, f->vaddr);
    if (place_write(f->place, descriptor))
        place_flush(f->place, f->asid, f->vaddr);
    cdt_update(slot, frame_with_mapping(frame, f->asid, f->vaddr), EVENT_MAP, f->pd, f->vaddr);
}

void frame_unmap(struct cap frame)
{
    kaddr_t pd = asid_directory(frame_asid(frame));
    if (pd == 0)
        return;
    struct place p = place_of(pd, cap_type(frame), frame_vaddr(frame));
    if (!p.entry || !place_holds(p, paddr_from_kaddr(frame_base(frame))))
        return;
    place_write(p, 0);
    place_flush(p, frame_asid(frame), frame_vaddr(frame));
}

static void invoke_frame_unmap(struct slot *slot)
{
    struct cap frame = slot->cap;
    if (frame_asid(frame) == 0)
        return;
    frame_unmap(frame);
    cdt_update(slot, frame_with_mapping(frame, 0, 0), EVENT_UNMAP,
               asid_directory(frame_asid(frame)), frame_vaddr(frame));
}

/* --- other operations on frames --- */

static enum outcome frame_cache_operation(struct cap frame, struct message *m)
{
    word_t size = frame_bytes(frame);
    word_t start = message_word(m, 0);
    word_t end = message_word(m, 1);
    if (m->length < 2)
        return refuse_truncated();
    if (frame_asid(frame) == 0)
        return refuse_illegal();
    if (refuse_without_directory(frame_asid(frame)) != DONE)
        return REFUSED;
    if (end <= start)
        return refuse_argument(1);
    if (start >= size || end > size)
        return refuse_argument(0);
    arch_cache((enum arch_cache_op)(m->label - INV_PAGE_CLEAN_DATA), frame_base(frame) + start,
               end - start, frame_vaddr(frame) + start);
    return DONE;
}

/* The answer to Call tells no length, and Send gets an answer, since programs know it so. */
static enum outcome frame_get_address(struct cap frame, const struct message *m)
{
    struct tcb *t = current_thread();
    t->regs[REG_R2] = paddr_from_kaddr(frame_base(frame));
    if (!m->call)
        t->regs[REG_R1] = msginfo_make(SEL4_NO_ERROR, 0, 0, 1);
    return DONE;
}

enum outcome frame_operation(struct slot *slot, struct message *m)
{
    struct frame_map f;
    switch (m->label) {
    case INV_PAGE_MAP:
        if (decode_frame_map(slot->cap, m, &f) != DONE)
            return REFUSED;
        invoke_frame_map(slot, &f);
        return DONE;
    case INV_PAGE_UNMAP:
        invoke_frame_unmap(slot);
        return DONE;
    case INV_PAGE_CLEAN_DATA:
    case INV_PAGE_INVALIDATE_DATA:
    case INV_PAGE_CLEAN_INVALIDATE_DATA:
    case INV_PAGE_UNIFY_INSTRUCTION:
        return frame_cache_operation(slot->cap, m);
    case INV_PAGE_GET_ADDRESS:
        return frame_get_address(slot->cap, m);
    default:
        return refuse_illegal();
    }
}

/* --- page tables --- */

struct table_map {
    kaddr_t pd;
    word_t asid;
    vaddr_t vaddr;
    word_t descriptor;
};

static enum outcome decode_table_map(struct cap table, struct message *m, struct table_map *t)
{
    if (m->length < 2 || !m->extra[0])
        return refuse_truncated();
    if (paging_asid(table) != 0)
        return refuse_capability(0);
    struct cap dir = m->extra[0]->cap;
    if (!is_assigned_directory(dir))
        return refuse_capability(1);
    t->pd = cap_object_of(dir, CAP_PAGE_DIRECTORY);
    t->asid = paging_asid(dir);
    t->vaddr = message_word(m, 0) & ~(((vaddr_t)1 << SECTION_BITS) - 1);
    if (message_word(m, 0) >= USER_TOP)
        return refuse_argument(0);
    if (directory_check(dir, 1) != DONE)
        return REFUSED;
    if ((*directory_entry(t->pd, t->vaddr) & PDE_TYPE_MASK) != 0)
        return refuse_delete_first();
    t->descriptor = paddr_from_kaddr(cap_object_of(table, CAP_PAGE_TABLE)) | PDE_PAGE_TABLE;
    if (message_word(m, 1) & VM_PARITY)
        t->descriptor |= PDE_PARITY;
    return DONE;
}

static void directory_write(kaddr_t pd, vaddr_t vaddr, word_t value)
{
    word_t *entry = directory_entry(pd, vaddr);
    *entry = value;
    arch_clean_table(kaddr_of(entry), sizeof(*entry));
}

static void invoke_table_map(struct slot *slot, const struct table_map *t)
{
    kaddr_t table = cap_object(slot->cap);
    arch_clean_table(table, (word_t)1 << PAGE_TABLE_BITS);
    directory_write(t->pd, t->vaddr, t->descriptor);
    cdt_update(slot, page_table_make(table, t->asid, t->vaddr), EVENT_MAP, t->pd, t->vaddr);
}

void page_table_unmap(struct cap table)
{
    word_t asid = paging_asid(table);
    kaddr_t pd = asid_directory(asid);
    if (pd == 0)
        return;
    vaddr_t vaddr = page_table_vaddr(table);
    word_t entry = *directory_entry(pd, vaddr);
    if ((entry & PDE_TYPE_MASK) != PDE_PAGE_TABLE ||
        (entry & PDE_TABLE_MASK) != paddr_from_kaddr(cap_object_of(table, CAP_PAGE_TABLE)))
        return;
    directory_write(pd, vaddr, 0);
    asid_flush(asid);
}

/* A table that is mapped again elsewhere must bring no mappings along. */
static void invoke_table_unmap(struct slot *slot)
{
    struct cap table = slot->cap;
    word_t asid = paging_asid(table);
    if (asid == 0)
        return;
    page_table_unmap(table);
    arch_clear(cap_object_of(table, CAP_PAGE_TABLE), (word_t)1 << PAGE_TABLE_BITS);
    cdt_update(slot, page_table_make(cap_object_of(table, CAP_PAGE_TABLE), 0, 0), EVENT_UNMAP,
               asid_directory(asid), page_table_vaddr(table));
}

enum outcome page_table_operation(struct slot *slot, struct message *m)
{
    struct table_map t;
    switch (m->label) {
    case INV_PAGE_TABLE_UNMAP:
        if (!cdt_is_final(slot))
            return refuse_revoke_first();
        invoke_table_unmap(slot);
        return DONE;
    case INV_PAGE_TABLE_MAP:
        if (decode_table_map(slot->cap, m, &t) != DONE)
            return REFUSED;
        invoke_table_map(slot, &t);
        return DONE;
    default:
        return refuse_illegal();
    }
}

/* --- page directories --- */

/* The frame that vaddr is mapped to. False: none. */
static bool translate(kaddr_t pd, vaddr_t vaddr, paddr_t *frame, unsigned *bits)
{
    static const enum cap_type types[] = {CAP_FRAME_4K, CAP_FRAME_64K, CAP_FRAME_1M, CAP_FRAME_16M};
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct place p = place_of(pd, types[i], vaddr);
        if (!p.entry || (*p.entry & p.kind->mask) != p.kind->value)
            continue;
        *frame = *p.entry & p.kind->base_mask;
        *bits = frame_bits_of_type(types[i]);
        return true;
    }
    return false;
}

/* A range must not leave the page or section it begins in. */
static enum outcome directory_cache(kaddr_t pd, enum arch_cache_op op, vaddr_t start, vaddr_t end)
{
    paddr_t frame;
    unsigned bits;
    if (!translate(pd, start, &frame, &bits))
        return DONE;
    vaddr_t inside = ((vaddr_t)1 << bits) - 1;
    if ((start & ~inside) != ((end - 1) & ~inside))
        return refuse_range(start, start | inside);
    arch_cache(op, kaddr_from_paddr(frame + (start & inside)), end - start, start);
    return DONE;
}

enum outcome page_directory_operation(struct slot *slot, struct message *m)
{
    struct cap dir = slot->cap;
    if (m->label < INV_PD_CLEAN_DATA || m->label > INV_PD_UNIFY_INSTRUCTION)
        return refuse_illegal();
    if (m->length < 2)
        return refuse_truncated();
    vaddr_t start = message_word(m, 0);
    vaddr_t end = message_word(m, 1);
    if (end <= start)
        return refuse_argument(1);
    if (start >= USER_TOP || end > USER_TOP)
        return refuse_illegal();
    if (paging_asid(dir) == 0)
        return refuse_capability(0);
    if (directory_check(dir, 0) != DONE)
        return REFUSED;
    return directory_cache(cap_object_of(dir, CAP_PAGE_DIRECTORY),
                           (enum arch_cache_op)(m->label - INV_PD_CLEAN_DATA), start, end);
}

/* The user's part was cleared, past the cache, when the directory was made. */
void page_directory_init(kaddr_t pd, bool helpers)
{
    const word_t *kernel = kptr(arch_kernel_pd());
    word_t *first = (word_t *)kptr(pd) + KERNEL_PDE_FIRST;
    word_t bytes = (PDE_COUNT - KERNEL_PDE_FIRST) * (word_t)sizeof(word_t);
    memcpy(first, kernel + KERNEL_PDE_FIRST, bytes);
    if (helpers)
        ((word_t *)kptr(pd))[PDE_COUNT - 1] = arch_helpers_entry();
    arch_clean_table(kaddr_of(first), bytes);
}

void page_directory_destroy(struct cap dir)
{
    if (paging_asid(dir) != 0)
        asid_release(paging_asid(dir), cap_object_of(dir, CAP_PAGE_DIRECTORY));
}

/* --- boot --- */

void vspace_boot_map_table(kaddr_t pd, kaddr_t table, vaddr_t vaddr)
{
    arch_clean_table(table, (word_t)1 << PAGE_TABLE_BITS);
    directory_write(pd, vaddr, paddr_from_kaddr(table) | PDE_PAGE_TABLE | PDE_PARITY);
}

void vspace_boot_map_frame(kaddr_t pd, paddr_t frame, vaddr_t vaddr, enum vm_rights rights,
                           word_t attributes)
{
    struct place p = place_of(pd, CAP_FRAME_4K, vaddr);
    kernel_assert(p.entry);
    place_write(p, frame_descriptor(CAP_FRAME_4K, frame, rights, attributes));
}
