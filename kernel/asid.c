/* ASIDs: which page directory an ASID stands for, and which hardware ASID stands for it in the TLB
 * (ABI sheet 3.7, 4.3; ARM1136 TRM 3.3.21).
 *
 *   asid   16        10 9            0          pool entry
 *          +-----------+-------------+          31          14 13   9  8     7        0
 *          | pool      | entry       |          +-------------+------+-----+-----------+
 *          +-----------+-------------+          | directory   | hint | hw? | hw ASID   |
 *                |            |                 +-------------+------+-----+-----------+
 *        ks.asid_table   in the pool
 *
 * A directory is valid for its ASID only while the pool entry names that very directory: when the
 * directory or the pool goes, capabilities keep the number, and using it finds nothing.
 *
 * Hint: the spare bits of a pool's first two entries count how many entries from the first on are
 * known to be in use, so that the search for a free one need not begin anew when it is preempted.
 *
 * Hardware ASIDs are handed out in turn, 1 to 255; the one that had the next keeps its directory
 * and gets another when it runs again.  Invariant: the entry that says h is its own is that of the
 * ASID ks.hw_asid_owner[h]; that ASID may have no such entry any more, since its pool went, and
 * then the TLB holds nothing for h. */
#include "kernel/asid.h"

#include "kernel/arch.h"
#include "kernel/cdt.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/refusal.h"
#include "kernel/untyped.h"
#include "kernel/vspace.h"

enum {
    HW_ASIDS = 256,
    HW_ASID_FIRST = 1, /* 0 is the kernel's directory */
    HINT_SHIFT = 9,
    HINT_BITS = 5, /* in each of the first two entries */
    HINT_MASK = (1 << HINT_BITS) - 1,
    ENTRIES_A_LOOK = 32, /* one unit of work: some six instructions each */
};

/* --- entries --- */

static word_t *entry_of(word_t asid)
{
    kaddr_t pool = ks.asid_table[asid >> ASID_POOL_INDEX_BITS];
    if (pool == 0)
        return NULL;
    return (word_t *)kptr(pool) + (asid & (ASIDS_PER_POOL - 1));
}

/* Changes all of an entry but its share of the hint. */
static void entry_set(word_t *entry, word_t value)
{
    word_t hint = (word_t)HINT_MASK << HINT_SHIFT;
    *entry = (*entry & hint) | (value & ~hint);
}

static word_t hint_get(const word_t *pool)
{
    return (pool[0] >> HINT_SHIFT & HINT_MASK) | (pool[1] >> HINT_SHIFT & HINT_MASK) << HINT_BITS;
}

static void hint_set(word_t *pool, word_t used)
{
    for (unsigned i = 0; i < 2; i++) {
        word_t share = used >> (i * HINT_BITS) & HINT_MASK;
        pool[i] = (pool[i] & ~((word_t)HINT_MASK << HINT_SHIFT)) | share << HINT_SHIFT;
    }
}

/* --- hardware ASIDs --- */

static bool entry_has_hardware(const word_t *entry)
{
    return (*entry & ASID_ENTRY_HW_VALID) != 0;
}

static word_t entry_hardware(const word_t *entry)
{
    return *entry & ASID_ENTRY_HW_MASK;
}

static void hardware_take_away(word_t hw)
{
    if (ks.hw_asid_owner[hw] == 0)
        return;
    word_t *entry = entry_of(ks.hw_asid_owner[hw]);
    ks.hw_asid_owner[hw] = 0;
    if (entry && entry_has_hardware(entry) && entry_hardware(entry) == hw)
        *entry &= ~(word_t)(ASID_ENTRY_HW_VALID | ASID_ENTRY_HW_MASK);
    arch_tlb_flush_asid(hw);
}

static word_t hardware_next(void)
{
    word_t hw = ks.hw_asid_next;
    if (hw < HW_ASID_FIRST || hw >= HW_ASIDS)
        hw = HW_ASID_FIRST;
    ks.hw_asid_next = hw + 1;
    return hw;
}

word_t asid_hardware(word_t asid)
{
    word_t *entry = entry_of(asid);
    if (entry_has_hardware(entry))
        return entry_hardware(entry);
    word_t hw = hardware_next();
    hardware_take_away(hw);
    ks.hw_asid_owner[hw] = asid;
    *entry |= ASID_ENTRY_HW_VALID | hw;
    return hw;
}

void asid_flush(word_t asid)
{
    const word_t *entry = entry_of(asid);
    if (entry && entry_has_hardware(entry))
        arch_tlb_flush_asid(entry_hardware(entry));
}

void asid_flush_page(word_t asid, vaddr_t vaddr)
{
    const word_t *entry = entry_of(asid);
    if (entry && entry_has_hardware(entry))
        arch_tlb_flush_page(vaddr, entry_hardware(entry));
}

/* --- address spaces --- */

static void use_directory(struct tcb *t, kaddr_t pd, word_t hw_asid)
{
    debug_switch(t, pd);
    arch_set_vspace(paddr_from_kaddr(pd), hw_asid);
}

void asid_switch_to(struct tcb *t)
{
    struct cap c = t->slots[TCB_VSPACE].cap;
    struct space space;
    if (asid_space_of(t, &space))
        use_directory(t, space.directory, space.hw_asid);
    else if (cap_type(c) == CAP_PAGE_DIRECTORY && paging_asid(c) != 0 &&
             asid_directory(paging_asid(c)) == cap_object(c))
        use_directory(t, cap_object(c), asid_hardware(paging_asid(c)));
    else
        use_directory(t, arch_kernel_pd(), 0);
}

/* The current thread leaves a directory that is going before its memory is used again. */
static void current_leaves(void)
{
    asid_switch_to(current_thread());
}

void asid_release(word_t asid, kaddr_t pd)
{
    word_t *entry = entry_of(asid);
    if (!entry || (*entry & ASID_ENTRY_PD_MASK) != pd)
        return;
    if (entry_has_hardware(entry))
        hardware_take_away(entry_hardware(entry));
    entry_set(entry, 0);
    word_t *pool = kptr(ks.asid_table[asid >> ASID_POOL_INDEX_BITS]);
    word_t index = asid & (ASIDS_PER_POOL - 1);
    if (index < hint_get(pool))
        hint_set(pool, index);
    current_leaves();
}

void asid_pool_destroy(struct cap pool)
{
    word_t index = asid_pool_base(pool) >> ASID_POOL_INDEX_BITS;
    if (ks.asid_table[index] != cap_object_of(pool, CAP_ASID_POOL))
        return;
    ks.asid_table[index] = 0;
    current_leaves();
    arch_tlb_flush_all();
}

void asid_boot(kaddr_t pool, kaddr_t pd)
{
    ks.asid_table[0] = pool;
    ks.hw_asid_next = HW_ASID_FIRST;
    arch_clean_table(pd, (word_t)1 << PAGE_DIRECTORY_BITS);
    entry_set((word_t *)kptr(pool) + 1, pd);
}

/* --- ASIDControl_MakePool --- */

struct make_pool {
    struct slot *untyped;
    struct slot *dest;
    word_t index;
};

static bool free_pool(word_t *index)
{
    for (word_t i = 0; i < ASID_POOLS; i++) {
        if (ks.asid_table[i] == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static enum outcome decode_make_pool(struct message *m, struct make_pool *p)
{
    if (m->length < 2 || !m->extra[1])
        return refuse_truncated();
    if (!free_pool(&p->index))
        return refuse_delete_first();
    p->untyped = m->extra[0];
    struct cap u = p->untyped->cap;
    if (cap_type(u) != CAP_UNTYPED || untyped_bits(u) != ASID_POOL_BITS || untyped_is_device(u))
        return refuse_capability(1);
    if (cdt_has_children(p->untyped))
        return refuse_revoke_first();
    enum outcome outcome = cnode_lookup_target(m->extra[1]->cap, message_word(m, 0),
                                               message_word(m, 1), false, &p->dest);
    if (outcome != DONE)
        return outcome;
    if (cap_type(p->dest->cap) != CAP_NULL)
        return refuse_delete_first();
    return DONE;
}

static void invoke_make_pool(const struct make_pool *p)
{
    kaddr_t pool = cap_object(p->untyped->cap);
    arch_clear(pool, (word_t)1 << ASID_POOL_BITS);
    untyped_fill(p->untyped);
    cdt_insert(p->dest, p->untyped, asid_pool_make(pool, p->index), 0, EVENT_HANDLER);
    ks.asid_table[p->index] = pool;
}

enum outcome asid_control_operation(struct slot *slot, struct message *m)
{
    struct make_pool p;
    (void)slot;
    if (m->label != INV_ASID_CONTROL_MAKE_POOL)
        return refuse_illegal();
    enum outcome outcome = decode_make_pool(m, &p);
    if (outcome == DONE)
        invoke_make_pool(&p);
    return outcome;
}

/* --- ASIDPool_Assign --- */

/* First free entry that is not ASID 0. DONE, REFUSED or PREEMPTED with the hint moved up. */
static enum outcome free_entry(word_t *pool, word_t base, word_t *index)
{
    word_t i = hint_get(pool);
    if (base + i == 0)
        i = 1;
    for (; i < ASIDS_PER_POOL; i++) {
        if ((pool[i] & ASID_ENTRY_PD_MASK) == 0) {
            *index = i;
            return DONE;
        }
        if ((i + 1) % ENTRIES_A_LOOK != 0 || i + 1 == ASIDS_PER_POOL)
            continue;
        hint_set(pool, i + 1);
        if (preempt_point(1))
            return PREEMPTED;
    }
    return refuse_delete_first();
}

/* The one word is this kernel's own (kernel-api.md); in the original the call has none. */
static bool wants_helpers(const struct message *m)
{
    return m->length == 1 && message_word(m, 0) == ASSIGN_WITH_USER_HELPERS;
}

enum outcome asid_pool_operation(struct slot *slot, struct message *m)
{
    word_t base = asid_pool_base(slot->cap);
    word_t index = 0;
    if (m->label != INV_ASID_POOL_ASSIGN)
        return refuse_illegal();
    if (!m->extra[0])
        return refuse_truncated();
    struct cap pd = m->extra[0]->cap;
    if (cap_type(pd) != CAP_PAGE_DIRECTORY || paging_asid(pd) != 0)
        return refuse_capability(1);
    kaddr_t pool = ks.asid_table[base >> ASID_POOL_INDEX_BITS];
    if (pool == 0) {
        lookup_failed(LOOKUP_INVALID_ROOT, 0, 0, 0);
        return refuse_lookup(false);
    }
    if (pool != cap_object(slot->cap))
        return refuse_capability(0);
    enum outcome outcome = free_entry(kptr(pool), base, &index);
    if (outcome != DONE)
        return outcome;
    page_directory_init(cap_object(pd), wants_helpers(m));
    entry_set((word_t *)kptr(pool) + index, cap_object(pd));
    cdt_update(m->extra[0], page_directory_make(cap_object(pd), base | index), EVENT_ASSIGN,
               cap_object(pd), base | index);
    return DONE;
}
