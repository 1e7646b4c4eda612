/* Decodes capabilities; what memory they refer to. */
#include "objwalk/sel4/cap.h"

#include <string.h>

static enum sel4_block_kind kind_of(const struct sel4_layout *l, uint64_t w0)
{
    uint32_t tag = sel4_tag(l->options.arch, w0);
    for (unsigned k = 0; k < SEL4_CAP_UNKNOWN; k++) {
        if (l->block[k].tag == tag)
            return (enum sel4_block_kind)k;
    }
    return SEL4_CAP_UNKNOWN;
}

void sel4_cap_decode(const struct sel4_layout *l, const uint64_t words[2], struct sel4_cap *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = kind_of(l, words[0]);
    const struct sel4_block *b = &l->block[out->kind];
    for (unsigned i = 0; i < b->fields; i++) {
        const struct sel4_field *f = &b->field[i];
        if (f->role < SEL4_CAP_ROLES && f->word < 2)
            out->value[f->role] = sel4_field_value(f, words[f->word]);
    }
}

void sel4_slot_decode(const struct sel4_layout *l, uint64_t addr, const uint64_t words[4],
                      struct sel4_slot *out)
{
    const struct sel4_block *mdb = &l->block[SEL4_BLOCK_MDB];
    *out = (struct sel4_slot){.addr = addr, .parent = -1, .container = -1};
    memcpy(out->words, words, sizeof(out->words));
    out->prev = sel4_block_value(mdb, SEL4_PREV, words);
    out->next = sel4_block_value(mdb, SEL4_NEXT, words);
    out->revocable = sel4_block_value(mdb, SEL4_REVOCABLE, words) != 0;
    out->first_badged = sel4_block_value(mdb, SEL4_FIRST_BADGED, words) != 0;
    sel4_cap_decode(l, words, &out->cap);
}

/* --- memory --- */

/* Until 13.0 the idle thread stands in the middle of no aligned block. */
uint64_t sel4_tcb_base(const struct sel4_layout *l, uint64_t tcb)
{
    uint64_t idle = l->symbol[SEL4_SYM_IDLE_TCB].addr;
    if (tcb - idle < l->symbol[SEL4_SYM_IDLE_TCB].size)
        return idle + ((tcb - idle) >> l->tcb_bits << l->tcb_bits);
    return tcb & ~sel4_mask(l->tcb_bits);
}

static unsigned frame_bits(const struct sel4_layout *l, const struct sel4_cap *c)
{
    static const uint8_t wide[4] = {12, 21, 30, 39};
    static const uint8_t narrow[4] = {12, 16, 20, 24};
    if (c->kind == SEL4_CAP_SMALL_FRAME)
        return 12;
    uint64_t size = c->value[SEL4_FRAME_SIZE] & 3;
    return l->options.arch == SEL4_AARCH32 ? narrow[size] : wide[size];
}

static unsigned notification_bits(const struct sel4_layout *l)
{
    return (l->wide ? 5u : 4u) + (l->options.mcs ? 1 : 0);
}

static unsigned table_bits(const struct sel4_layout *l, const struct sel4_cap *c)
{
    if (l->options.arch == SEL4_AARCH32)
        return c->kind == SEL4_CAP_PAGE_DIRECTORY ? 14 : 10;
    return sel4_cap_is_vspace(l, c) && l->paging.format == SEL4_PAGING_STAGE2_3 ? 13 : 12;
}

static unsigned zombie_mask_bits(const struct sel4_layout *l, const struct sel4_cap *c)
{
    uint64_t type = c->value[SEL4_ZOMBIE_TYPE];
    bool tcb = type == (l->wide ? 64u : 32u);
    return (tcb ? 4 : (unsigned)(type & 63)) + 1;
}

static struct sel4_extent zombie_extent(const struct sel4_layout *l, const struct sel4_cap *c)
{
    uint64_t type = c->value[SEL4_ZOMBIE_TYPE];
    bool tcb = type == (l->wide ? 64u : 32u);
    return (struct sel4_extent){
        .base = c->value[SEL4_ZOMBIE_ID] & ~sel4_mask(zombie_mask_bits(l, c)),
        .bits = tcb ? l->tcb_bits : (unsigned)(type & 63) + l->slot_bits,
    };
}

static unsigned object_bits(const struct sel4_layout *l, const struct sel4_cap *c)
{
    switch (c->kind) {
    case SEL4_CAP_UNTYPED:
    case SEL4_CAP_SCHED_CONTEXT:
        return (unsigned)c->value[SEL4_SIZE_BITS];
    case SEL4_CAP_ENDPOINT:
        return 4;
    case SEL4_CAP_NOTIFICATION:
        return notification_bits(l);
    case SEL4_CAP_REPLY:
        return l->options.mcs ? (l->wide ? 5 : 4) : 0;
    case SEL4_CAP_CNODE:
        return (unsigned)c->value[SEL4_RADIX] + l->slot_bits;
    case SEL4_CAP_FRAME:
    case SEL4_CAP_SMALL_FRAME:
        return frame_bits(l, c);
    case SEL4_CAP_ASID_POOL:
        return 12;
    case SEL4_CAP_VCPU:
        return l->options.arch == SEL4_X86_64 ? 14 : 12;
    default:
        return sel4_cap_is_table(l, c) ? table_bits(l, c) : 0;
    }
}

bool sel4_cap_extent(const struct sel4_layout *l, const struct sel4_cap *c, struct sel4_extent *out)
{
    if (c->kind == SEL4_CAP_ZOMBIE) {
        *out = zombie_extent(l, c);
        return true;
    }
    if (c->kind == SEL4_CAP_THREAD) {
        *out =
            (struct sel4_extent){.base = sel4_tcb_base(l, c->value[SEL4_PTR]), .bits = l->tcb_bits};
        return true;
    }
    unsigned bits = object_bits(l, c);
    *out = (struct sel4_extent){.base = c->value[SEL4_PTR], .bits = bits};
    return bits != 0;
}

uint32_t sel4_zombie_slots(const struct sel4_layout *l, const struct sel4_cap *c, uint64_t *first)
{
    uint64_t mask = sel4_mask(zombie_mask_bits(l, c));
    uint64_t left = c->value[SEL4_ZOMBIE_ID] & mask;
    *first = c->value[SEL4_ZOMBIE_ID] & ~mask;
    return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

/* --- kinds --- */

bool sel4_cap_is_frame(const struct sel4_cap *c)
{
    return c->kind == SEL4_CAP_FRAME || c->kind == SEL4_CAP_SMALL_FRAME;
}

bool sel4_cap_is_vspace(const struct sel4_layout *l, const struct sel4_cap *c)
{
    if (l->options.arch == SEL4_AARCH32)
        return c->kind == SEL4_CAP_PAGE_DIRECTORY;
    return c->kind == SEL4_CAP_VSPACE || c->kind == SEL4_CAP_PAGE_GLOBAL_DIRECTORY ||
           c->kind == SEL4_CAP_PML4 || c->kind == SEL4_CAP_EPT_PML4;
}

bool sel4_cap_is_table(const struct sel4_layout *l, const struct sel4_cap *c)
{
    switch (c->kind) {
    case SEL4_CAP_PAGE_TABLE:
    case SEL4_CAP_PAGE_DIRECTORY:
    case SEL4_CAP_PAGE_UPPER_DIRECTORY:
    case SEL4_CAP_PDPT:
    case SEL4_CAP_IO_PAGE_TABLE:
    case SEL4_CAP_EPT_PT:
    case SEL4_CAP_EPT_PD:
    case SEL4_CAP_EPT_PDPT:
        return true;
    default:
        return sel4_cap_is_vspace(l, c);
    }
}

uint64_t sel4_cap_asid(const struct sel4_cap *c)
{
    return c->value[SEL4_ASID_HIGH] << 10 | c->value[SEL4_ASID];
}

bool sel4_cap_is_mapped(const struct sel4_layout *l, const struct sel4_cap *c)
{
    if (!sel4_cap_is_frame(c))
        return c->value[SEL4_MAPPED] != 0;
    return l->options.arch == SEL4_X86_64 ? c->value[SEL4_MAP_TYPE] != 0 : sel4_cap_asid(c) != 0;
}

unsigned sel4_cap_frame_rights(const struct sel4_layout *l, const struct sel4_cap *c)
{
    static const uint8_t aarch64[4] = {0, 3, 0, 2};
    static const uint8_t others[4] = {0, 0, 2, 3};
    uint64_t r = c->value[SEL4_VM_RIGHTS] & 3;
    return l->options.arch == SEL4_AARCH64 ? aarch64[r] : others[r];
}
