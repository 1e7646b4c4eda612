/* Capabilities as SLOT records say them. */
#include "objwalk/sel4/records_parts.h"

#include "objwalk/sel4/bits.h"

#include <string.h>

enum { KIND_PA = 1 };

/* --- which tables are roots, and how far down they stand --- */

/* A table in the slot of a thread that names its address space is a root too, mapped or not. */
static bool names_space(const struct sel4_emit *e, const struct sel4_slot *s)
{
    if (s->container < 0)
        return false;
    const struct sel4_container *c = sel4_state_container(e->s, (uint32_t)s->container);
    return c->kind == SEL4_IN_TCB && s->addr == c->base + ((uint64_t)1 << e->k->layout.slot_bits);
}

bool sel4_emit_prepare(struct sel4_emit *e)
{
    bool full = false;
    for (uint32_t i = 0; i < e->s->asids.count; i++) {
        const struct sel4_asid *a = SEL4_ITEM(e->s->asids, struct sel4_asid, i);
        (void)sel4_map_add(&e->roots, KIND_PA, sel4_emit_pa(e, a->root), 0, &full);
    }
    for (uint32_t i = 0; i < e->s->slots.count; i++) {
        const struct sel4_slot *s = sel4_state_slot(e->s, i);
        if (sel4_cap_is_table(&e->k->layout, &s->cap) && names_space(e, s))
            (void)sel4_map_add(&e->roots, KIND_PA, sel4_emit_pa(e, s->cap.value[SEL4_PTR]), 0,
                               &full);
    }
    for (uint32_t i = 0; i < e->s->tables.count; i++) {
        const struct sel4_table *t = SEL4_ITEM(e->s->tables, struct sel4_table, i);
        (void)sel4_map_add(&e->levels, KIND_PA, t->pa, t->level, &full);
    }
    return !full;
}

static bool is_root(const struct sel4_emit *e, const struct sel4_cap *c)
{
    if (!sel4_cap_is_table(&e->k->layout, c) || c->kind == SEL4_CAP_IO_PAGE_TABLE)
        return false;
    return sel4_cap_is_vspace(&e->k->layout, c) ||
           sel4_map_find(&e->roots, KIND_PA, sel4_emit_pa(e, c->value[SEL4_PTR])) >= 0;
}

/* Of a table that hangs nowhere only its type may tell. */
static uint32_t level_of(const struct sel4_emit *e, const struct sel4_cap *c)
{
    int64_t level = sel4_map_find(&e->levels, KIND_PA, sel4_emit_pa(e, c->value[SEL4_PTR]));
    if (level >= 0)
        return (uint32_t)level;
    switch (c->kind) {
    case SEL4_CAP_PAGE_DIRECTORY:
    case SEL4_CAP_EPT_PD:
        return 1;
    case SEL4_CAP_PAGE_UPPER_DIRECTORY:
    case SEL4_CAP_PDPT:
    case SEL4_CAP_EPT_PDPT:
        return 2;
    default:
        return 0;
    }
}

/* --- one capability --- */

static const uint8_t types[SEL4_CAPS] = {
    [SEL4_CAP_NULL] = RECORD_CAP_NULL,
    [SEL4_CAP_UNTYPED] = RECORD_CAP_UNTYPED,
    [SEL4_CAP_ENDPOINT] = RECORD_CAP_ENDPOINT,
    [SEL4_CAP_NOTIFICATION] = RECORD_CAP_NOTIFICATION,
    [SEL4_CAP_REPLY] = RECORD_CAP_REPLY,
    [SEL4_CAP_CNODE] = RECORD_CAP_CNODE,
    [SEL4_CAP_THREAD] = RECORD_CAP_TCB,
    [SEL4_CAP_IRQ_CONTROL] = RECORD_CAP_IRQ_CONTROL,
    [SEL4_CAP_IRQ_HANDLER] = RECORD_CAP_IRQ_HANDLER,
    [SEL4_CAP_ZOMBIE] = RECORD_CAP_ZOMBIE,
    [SEL4_CAP_DOMAIN] = RECORD_CAP_DOMAIN,
    [SEL4_CAP_SCHED_CONTEXT] = RECORD_CAP_SCHED_CONTEXT,
    [SEL4_CAP_SCHED_CONTROL] = RECORD_CAP_SCHED_CONTROL,
    [SEL4_CAP_FRAME] = RECORD_CAP_FRAME,
    [SEL4_CAP_SMALL_FRAME] = RECORD_CAP_FRAME,
    [SEL4_CAP_PAGE_TABLE] = RECORD_CAP_PAGE_TABLE,
    [SEL4_CAP_PAGE_DIRECTORY] = RECORD_CAP_PAGE_TABLE,
    [SEL4_CAP_PAGE_UPPER_DIRECTORY] = RECORD_CAP_PAGE_TABLE,
    [SEL4_CAP_PAGE_GLOBAL_DIRECTORY] = RECORD_CAP_PAGE_DIRECTORY,
    [SEL4_CAP_VSPACE] = RECORD_CAP_PAGE_DIRECTORY,
    [SEL4_CAP_ASID_CONTROL] = RECORD_CAP_ASID_CONTROL,
    [SEL4_CAP_ASID_POOL] = RECORD_CAP_ASID_POOL,
    [SEL4_CAP_VCPU] = RECORD_CAP_VCPU,
    [SEL4_CAP_SID_CONTROL] = RECORD_CAP_SID_CONTROL,
    [SEL4_CAP_SID] = RECORD_CAP_SID,
    [SEL4_CAP_CB_CONTROL] = RECORD_CAP_CB_CONTROL,
    [SEL4_CAP_CB] = RECORD_CAP_CB,
    [SEL4_CAP_SMC] = RECORD_CAP_SMC,
    [SEL4_CAP_SGI_SIGNAL] = RECORD_CAP_SGI_SIGNAL,
    [SEL4_CAP_PDPT] = RECORD_CAP_PAGE_TABLE,
    [SEL4_CAP_PML4] = RECORD_CAP_PAGE_DIRECTORY,
    [SEL4_CAP_IO_SPACE] = RECORD_CAP_IO_SPACE,
    [SEL4_CAP_IO_PAGE_TABLE] = RECORD_CAP_IO_TABLE,
    [SEL4_CAP_IO_PORT] = RECORD_CAP_IO_PORT,
    [SEL4_CAP_IO_PORT_CONTROL] = RECORD_CAP_IO_PORT_CONTROL,
    [SEL4_CAP_EPT_PT] = RECORD_CAP_EPT_TABLE,
    [SEL4_CAP_EPT_PD] = RECORD_CAP_EPT_TABLE,
    [SEL4_CAP_EPT_PDPT] = RECORD_CAP_EPT_TABLE,
    [SEL4_CAP_EPT_PML4] = RECORD_CAP_EPT_ROOT,
    [SEL4_CAP_UNKNOWN] = RECORD_CAP_INVALID,
};

static uint32_t ipc_rights(const struct sel4_cap *c)
{
    return (c->value[SEL4_SEND] ? RECORD_RIGHT_WRITE : 0u) |
           (c->value[SEL4_RECEIVE] ? RECORD_RIGHT_READ : 0u) |
           (c->value[SEL4_GRANT] ? RECORD_RIGHT_GRANT : 0u) |
           (c->value[SEL4_GRANT_REPLY] ? RECORD_RIGHT_GRANT_REPLY : 0u);
}

static uint32_t rights_of(const struct sel4_layout *l, const struct sel4_cap *c)
{
    switch (c->kind) {
    case SEL4_CAP_ENDPOINT:
    case SEL4_CAP_NOTIFICATION:
        return ipc_rights(c);
    case SEL4_CAP_REPLY:
        return RECORD_RIGHT_WRITE | (c->value[SEL4_GRANT] ? RECORD_RIGHT_GRANT : 0u);
    case SEL4_CAP_SGI_SIGNAL:
        return RECORD_RIGHT_WRITE;
    case SEL4_CAP_IO_PORT:
        return RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    default:
        return sel4_cap_is_frame(c) ? sel4_cap_frame_rights(l, c) : 0;
    }
}

static void set_mapped(const struct sel4_layout *l, const struct sel4_cap *c,
                       struct record_slot *out)
{
    if (!sel4_cap_is_mapped(l, c))
        return;
    out->data = out->type == RECORD_CAP_PAGE_DIRECTORY ? 0 : c->value[SEL4_VADDR];
    out->extra = sel4_cap_asid(c);
}

static void set_cnode(const struct sel4_cap *c, struct record_slot *out)
{
    unsigned size = (unsigned)c->value[SEL4_GUARD_SIZE];
    out->data = c->value[SEL4_GUARD] & sel4_mask(size);
    out->extra = size;
}

/* What an untyped has handed out counts only while something derives from it: the next retype of
 * one without children begins anew, and boot untypeds are born as if they were full. */
static void set_untyped(const struct sel4_cap *c, bool used, struct record_slot *out)
{
    out->data = used ? c->value[SEL4_FREE_INDEX] * 16 : 0;
}

static void set_data(const struct sel4_kernel *k, const struct sel4_slot *s, bool used,
                     struct record_slot *out)
{
    const struct sel4_cap *c = &s->cap;
    uint64_t first = 0;
    switch (c->kind) {
    case SEL4_CAP_UNTYPED:
        set_untyped(c, used, out);
        return;
    case SEL4_CAP_ENDPOINT:
    case SEL4_CAP_NOTIFICATION:
    case SEL4_CAP_SMC:
        out->data = c->value[SEL4_BADGE];
        return;
    case SEL4_CAP_CNODE:
        set_cnode(c, out);
        return;
    case SEL4_CAP_ZOMBIE:
        out->data = sel4_zombie_slots(&k->layout, c, &first);
        return;
    case SEL4_CAP_ASID_POOL:
        out->data = c->value[SEL4_ASID_BASE];
        return;
    case SEL4_CAP_IRQ_HANDLER:
    case SEL4_CAP_SGI_SIGNAL:
        out->data = c->value[SEL4_IRQ];
        out->extra = c->value[SEL4_TARGET];
        return;
    case SEL4_CAP_SCHED_CONTROL:
        out->data = c->value[SEL4_CORE];
        return;
    case SEL4_CAP_IO_PORT:
        out->data = c->value[SEL4_FIRST_PORT];
        out->extra = c->value[SEL4_LAST_PORT];
        return;
    case SEL4_CAP_IO_SPACE:
        out->data = c->value[SEL4_IO_DOMAIN];
        out->extra = c->value[SEL4_PCI];
        return;
    case SEL4_CAP_SID:
        out->data = c->value[SEL4_SID_NUMBER];
        return;
    case SEL4_CAP_CB:
        out->data = c->value[SEL4_CB_NUMBER];
        out->extra = c->value[SEL4_SID_NUMBER];
        return;
    case SEL4_CAP_UNKNOWN:
        out->data = s->words[0];
        out->extra = s->words[1];
        return;
    default:
        if (sel4_cap_is_frame(c) || sel4_cap_is_table(&k->layout, c))
            set_mapped(&k->layout, c, out);
        return;
    }
}

/* A classic reply capability refers to the caller's TCB, though it is no capability to its memory.
 */
static void set_object(const struct sel4_kernel *k, const struct sel4_cap *c,
                       struct record_slot *out)
{
    struct sel4_extent x;
    if (sel4_cap_extent(&k->layout, c, &x)) {
        out->object = sel4_memory_physical(&k->memory, x.base);
        out->bits = x.bits;
    } else if (c->kind == SEL4_CAP_REPLY && c->value[SEL4_PTR] != 0) {
        out->object =
            sel4_memory_physical(&k->memory, sel4_tcb_base(&k->layout, c->value[SEL4_PTR]));
        out->bits = k->layout.tcb_bits;
    }
}

static uint32_t flags_of(const struct sel4_layout *l, const struct sel4_slot *s)
{
    const struct sel4_cap *c = &s->cap;
    bool tcb_zombie =
        c->kind == SEL4_CAP_ZOMBIE && c->value[SEL4_ZOMBIE_TYPE] == (l->wide ? 64u : 32u);
    return (s->revocable ? RECORD_SLOT_REVOCABLE : 0u) |
           (s->first_badged ? RECORD_SLOT_FIRST_BADGED : 0u) |
           (c->value[SEL4_DEVICE] ? RECORD_SLOT_DEVICE : 0u) |
           (c->value[SEL4_MASTER] ? RECORD_SLOT_MASTER : 0u) |
           (tcb_zombie ? RECORD_SLOT_TCB_ZOMBIE : 0u);
}

void sel4_record_cap(const struct sel4_kernel *k, const struct sel4_slot *slot, bool root,
                     bool used, struct record_slot *out)
{
    memset(out, 0, sizeof(*out));
    out->addr = sel4_memory_physical(&k->memory, slot->addr);
    out->type = types[slot->cap.kind];
    if (slot->cap.kind == SEL4_CAP_REPLY && k->layout.options.mcs)
        out->type = RECORD_CAP_REPLY_OBJECT;
    if (root && out->type == RECORD_CAP_PAGE_TABLE)
        out->type = RECORD_CAP_PAGE_DIRECTORY;
    out->rights = rights_of(&k->layout, &slot->cap);
    out->flags = flags_of(&k->layout, slot);
    set_object(k, &slot->cap, out);
    set_data(k, slot, used, out);
}

/* --- places --- */

static uint32_t tcb_place(const struct sel4_layout *l, uint64_t index)
{
    static const uint8_t classic[6] = {RECORD_TCB_CSPACE, RECORD_TCB_VSPACE, RECORD_TCB_REPLY,
                                       RECORD_TCB_CALLER, RECORD_TCB_BUFFER, RECORD_TCB_EPT_ROOT};
    static const uint8_t mcs[6] = {RECORD_TCB_CSPACE,          RECORD_TCB_VSPACE,
                                   RECORD_TCB_BUFFER,          RECORD_TCB_FAULT_HANDLER,
                                   RECORD_TCB_TIMEOUT_HANDLER, RECORD_TCB_EPT_ROOT};
    if (index >= 6)
        return 0;
    return 1u + (l->options.mcs ? mcs[index] : classic[index]);
}

static uint32_t place_of(const struct sel4_emit *e, const struct sel4_slot *s)
{
    if (s->container < 0)
        return 0;
    const struct sel4_container *c = sel4_state_container(e->s, (uint32_t)s->container);
    uint64_t index = (s->addr - c->base) >> e->k->layout.slot_bits;
    return c->kind == SEL4_IN_TCB ? tcb_place(&e->k->layout, index) : (uint32_t)index + 1;
}

void sel4_emit_slots(struct sel4_emit *e)
{
    for (uint32_t i = 0; i < e->s->slots.count; i++) {
        const struct sel4_slot *s = sel4_state_slot(e->s, i);
        bool used = i + 1 < e->s->slots.count && sel4_state_slot(e->s, i + 1)->depth > s->depth;
        struct record_slot *r = &sel4_emit_begin(e, RECORD_SLOT)->slot;
        sel4_record_cap(e->k, s, is_root(e, &s->cap), used, r);
        r->depth = s->depth;
        r->place = place_of(e, s);
        if (r->type == RECORD_CAP_PAGE_TABLE || r->type == RECORD_CAP_EPT_TABLE)
            r->level = level_of(e, &s->cap);
        sel4_emit(e);
    }
}
