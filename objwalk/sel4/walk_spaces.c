/* Address spaces: ASID table, pools, translation tables.
 *
 * The tables are the processor's; physical addresses stand in them.  In hypervisor mode AArch64
 * translates user addresses by stage 2, with three or four levels; the file does not say which, so
 * frame capabilities that name an ASID and an address decide. */
#include "objwalk/sel4/walk_parts.h"

#include <stdlib.h>

enum {
    ENTRIES_AT_ONCE = 64,
    VOTERS = 16,
    EPT_ROOT = 2, /* kind of an ASID's entry on x86-64 */
};

/* --- pools --- */

static uint64_t sign_extend_48(uint64_t v)
{
    return v >> 47 & 1 ? v | ~sel4_mask(48) : v & sel4_mask(48);
}

/* From 13.0 on AArch64 keeps a tag and, for stage 2, a VMID beside the root's address. */
static uint64_t root_of(const struct sel4_layout *l, uint64_t entry)
{
    switch (l->options.arch) {
    case SEL4_AARCH64:
        entry &= 0xfffffffff000u;
        return l->options.hyp ? entry : sign_extend_48(entry);
    case SEL4_X86_64:
        return (entry & 3) == EPT_ROOT ? 0 : sign_extend_48(entry >> 16);
    default:
        return entry;
    }
}

static void begin_space(struct sel4_walk *w, uint32_t space)
{
    const struct sel4_asid *a = SEL4_ITEM(w->s->asids, struct sel4_asid, space);
    struct sel4_task t = {.kind = SEL4_TASK_TABLE, .addr = sel4_walk_pa(w, a->root), .arg = space};
    sel4_walk_task(w, &t);
}

static void take_asid(struct sel4_walk *w, uint64_t asid, uint64_t entry)
{
    struct sel4_asid a = {.asid = asid, .root = root_of(w->l, entry)};
    if (a.root == 0)
        return;
    if ((a.root & sel4_mask(12)) != 0) {
        sel4_walk_finding(w, AUDIT_ASID, a.root, 0, asid);
        return;
    }
    sel4_walk_add(w, &w->s->asids, &a);
    if (w->started)
        begin_space(w, w->s->asids.count - 1);
}

void sel4_walk_read_pool(struct sel4_walk *w, const struct sel4_task *t)
{
    uint64_t entry[ENTRIES_AT_ONCE];
    sel4_walk_add(w, &w->s->pools, &t->addr);
    for (uint64_t i = 0; i < (uint64_t)1 << w->l->asid_low_bits; i += ENTRIES_AT_ONCE) {
        if (!sel4_walk_words(w, t->addr + i * w->l->word, entry, ENTRIES_AT_ONCE))
            return;
        for (unsigned k = 0; k < ENTRIES_AT_ONCE; k++) {
            if (entry[k] != 0)
                take_asid(w, t->arg + i + k, entry[k]);
        }
    }
}

/* --- tables --- */

static uint32_t table_bytes(const struct sel4_walk *w, const struct sel4_task *t)
{
    const struct sel4_paging *p = &w->l->paging;
    return sel4_paging_entries(p, t->level) * p->entry_bytes;
}

void sel4_walk_want_table(struct sel4_walk *w, const struct sel4_task *t)
{
    sel4_memory_want_physical(w->m, t->addr, table_bytes(w, t));
}

static void go_down(struct sel4_walk *w, const struct sel4_task *t, uint64_t vaddr, uint64_t pa)
{
    struct sel4_task below = {.kind = SEL4_TASK_TABLE,
                              .addr = pa,
                              .arg = t->arg,
                              .vaddr = vaddr,
                              .level = t->level + 1,
                              .parent = t->addr};
    if (w->tables++ >= SEL4_MAX_TABLES)
        w->capped++;
    else
        sel4_walk_task(w, &below);
}

/* Of a page that takes several entries the first one stands for all. */
static void take_page(struct sel4_walk *w, const struct sel4_task *t, uint64_t vaddr, uint64_t raw,
                      const struct sel4_entry *e)
{
    const struct sel4_asid *a = SEL4_ITEM(w->s->asids, struct sel4_asid, t->arg);
    struct sel4_mapping m = {
        .asid = a->asid,
        .root = sel4_walk_pa(w, a->root),
        .vaddr = vaddr,
        .pa = e->pa,
        .table = t->addr,
        .raw = raw,
        .bits = e->bits,
        .rights = e->rights,
    };
    if (!e->repeats || (vaddr & sel4_mask(e->bits)) == 0)
        sel4_walk_add(w, &w->s->mappings, &m);
}

static void take_entry(struct sel4_walk *w, const struct sel4_task *t, uint32_t index, uint64_t raw)
{
    const struct sel4_paging *p = &w->l->paging;
    struct sel4_entry e;
    uint64_t vaddr = t->vaddr + ((uint64_t)index << p->shift[t->level]);
    sel4_paging_decode(p, t->level, raw, &e);
    if (e.kind == SEL4_ENTRY_TABLE && t->level + 1u < p->levels)
        go_down(w, t, vaddr, e.pa);
    else if (e.kind == SEL4_ENTRY_LEAF)
        take_page(w, t, vaddr, raw, &e);
}

static void note_table(struct sel4_walk *w, const struct sel4_task *t)
{
    const struct sel4_paging *p = &w->l->paging;
    const struct sel4_asid *a = SEL4_ITEM(w->s->asids, struct sel4_asid, t->arg);
    struct sel4_table table = {
        .pa = t->addr,
        .parent = t->parent,
        .vaddr = t->vaddr,
        .root = sel4_walk_pa(w, a->root),
        .asid = t->level == 0 ? a->asid : 0,
        .level = p->levels - 1u - t->level,
        .bits = (uint32_t)p->shift[t->level] + p->index_bits[t->level],
    };
    sel4_walk_add(w, &w->s->tables, &table);
}

void sel4_walk_read_table(struct sel4_walk *w, const struct sel4_task *t)
{
    const struct sel4_paging *p = &w->l->paging;
    note_table(w, t);
    uint32_t entries = sel4_paging_entries(p, t->level);
    uint8_t bytes[ENTRIES_AT_ONCE * 8];
    for (uint32_t i = 0; i < entries; i += ENTRIES_AT_ONCE) {
        uint32_t n = entries - i < ENTRIES_AT_ONCE ? entries - i : ENTRIES_AT_ONCE;
        uint64_t at = t->addr + (uint64_t)i * p->entry_bytes;
        if (sel4_memory_read_physical(w->m, at, bytes, n * p->entry_bytes) != ERR_OK) {
            sel4_state_finding(w->s, AUDIT_UNREADABLE, at, 0, 0);
            w->s->complete = false;
            return;
        }
        for (uint32_t k = 0; k < n; k++) {
            uint64_t raw = sel4_word(bytes + (size_t)k * p->entry_bytes, p->entry_bytes);
            if (raw != 0)
                take_entry(w, t, i + k, raw);
        }
    }
}

/* --- stage 2: three levels or four? --- */

static uint64_t root_for(const struct sel4_walk *w, uint64_t asid)
{
    for (uint32_t i = 0; i < w->s->asids.count; i++) {
        const struct sel4_asid *a = SEL4_ITEM(w->s->asids, struct sel4_asid, i);
        if (a->asid == asid)
            return sel4_walk_pa(w, a->root);
    }
    return 0;
}

static bool translates(struct sel4_walk *w, const struct sel4_paging *p, uint64_t table,
                       uint64_t vaddr, uint64_t pa)
{
    for (unsigned level = 0; level < p->levels; level++) {
        uint8_t bytes[8];
        struct sel4_entry e;
        uint64_t at = table + (uint64_t)sel4_paging_index(p, level, vaddr) * p->entry_bytes;
        if (sel4_memory_read_physical(w->m, at, bytes, p->entry_bytes) != ERR_OK)
            return false;
        sel4_paging_decode(p, level, sel4_word(bytes, p->entry_bytes), &e);
        if (e.kind == SEL4_ENTRY_LEAF)
            return e.pa == pa;
        if (e.kind == SEL4_ENTRY_NONE)
            return false;
        table = e.pa;
    }
    return false;
}

static unsigned votes(struct sel4_walk *w, enum sel4_paging_format format)
{
    struct sel4_paging p;
    unsigned asked = 0;
    unsigned yes = 0;
    sel4_paging_init(&p, format, 0);
    for (uint32_t i = 0; i < w->s->slots.count && asked < VOTERS; i++) {
        const struct sel4_slot *s = sel4_state_slot(w->s, i);
        if (!sel4_cap_is_frame(&s->cap) || !sel4_cap_is_mapped(w->l, &s->cap))
            continue;
        uint64_t root = root_for(w, sel4_cap_asid(&s->cap));
        if (root == 0)
            continue;
        asked++;
        yes += translates(w, &p, root, s->cap.value[SEL4_VADDR],
                          sel4_walk_pa(w, s->cap.value[SEL4_PTR]));
    }
    return yes;
}

void sel4_walk_start_spaces(struct sel4_walk *w)
{
    struct sel4_layout *l = &w->k->layout;
    unsigned three = votes(w, SEL4_PAGING_STAGE2_3);
    unsigned four = votes(w, SEL4_PAGING_STAGE2_4);
    w->started = true;
    if (three == four) {
        if (w->s->asids.count > 0)
            sel4_state_finding(w->s, AUDIT_ASID, 0, three, four);
        return;
    }
    sel4_paging_init(&l->paging, three > four ? SEL4_PAGING_STAGE2_3 : SEL4_PAGING_STAGE2_4, 0);
    l->paging_known = true;
    for (uint32_t i = 0; i < w->s->asids.count; i++)
        begin_space(w, i);
}
