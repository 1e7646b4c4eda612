/* What a capDL specification must not say though each of its words is right. */
#include "capdb/capdl_arch.h"
#include "capdb/capdl_read.h"
#include "lib/array.h"

#include "record/capdl.h"

#include <stdlib.h>
#include <string.h>

enum { TCB_SLOTS = 5, DIRECTORY_SLOTS = 4096 };

/* Of a root that AArch64's second stage translates from, at one level less, there are two pages. */
static uint64_t table_slots(const struct capdl_arch *arch, const struct capdl_object *o)
{
    bool may_be_two = arch->architecture == RECORD_ARCHITECTURE_AARCH64 && o->level == 2;
    if (arch->word_bits == 32 && o->root)
        return DIRECTORY_SLOTS;
    return (uint64_t)1 << (arch->index_bits + may_be_two);
}

uint64_t capdl_slots(const struct capdl_reader *r, const struct capdl_object *o)
{
    switch (o->type) {
    case RECORD_CAP_CNODE:
        return (uint64_t)1 << (o->bits - r->spec->arch->slot_bits);
    case RECORD_CAP_TCB:
        return TCB_SLOTS;
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_PAGE_TABLE:
        return table_slots(r->spec->arch, o);
    case RECORD_CAP_ASID_POOL:
        return (uint64_t)1 << r->spec->arch->asid_low_bits;
    case RECORD_CAP_IRQ_HANDLER:
        return 1;
    default:
        return 0;
    }
}

/* --- names --- */

static int name_compare(const void *pa, const void *pb, void *objects)
{
    const struct capdl_object *o = objects;
    int32_t a = *(const int32_t *)pa;
    int32_t b = *(const int32_t *)pb;
    int order = strcmp(o[a].name, o[b].name);
    return order ? order : (a > b) - (a < b);
}

int32_t capdl_find(const struct capdl_reader *r, const char *name)
{
    const struct capdl_object *o = r->spec->object;
    uint32_t count = r->spec->objects;
    size_t at = LOWER_BOUND(count, i, strcmp(o[r->by_name[i]].name, name) < 0);
    bool found = at < count && strcmp(o[r->by_name[at]].name, name) == 0;
    return found ? r->by_name[at] : CAPDL_NONE;
}

static enum error link_member(struct capdl_reader *r, const struct capdl_member *m)
{
    int32_t found = capdl_find(r, m->name);
    if (found == CAPDL_NONE)
        return capdl_refuse(r->words.fault, m->where, "%.60s is not declared", m->name);
    struct capdl_object *o = &r->spec->object[found];
    if (o->inside != CAPDL_NONE)
        return capdl_refuse(r->words.fault, m->where,
                            "%.60s is a member of untyped memory already: covers overlap", m->name);
    o->inside = m->untyped;
    return ERR_OK;
}

/* Untyped memory that contains itself. */
static enum error check_nesting(struct capdl_reader *r)
{
    const struct capdl_spec *s = r->spec;
    for (uint32_t i = 0; i < s->objects; i++) {
        uint32_t steps = 0;
        for (int32_t at = (int32_t)i; at != CAPDL_NONE; at = s->object[at].inside)
            if (++steps > 64)
                return capdl_refuse(r->words.fault, s->object[i].where,
                                    "%.60s lies in itself, or deeper than any memory",
                                    s->object[i].name);
    }
    return ERR_OK;
}

enum error capdl_link_objects(struct capdl_reader *r)
{
    struct capdl_spec *s = r->spec;
    enum error e = ERR_OK;
    r->by_name = malloc((s->objects + 1) * sizeof(*r->by_name));
    if (!r->by_name)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->objects; i++)
        r->by_name[i] = (int32_t)i;
    if (s->objects)
        qsort_r(r->by_name, s->objects, sizeof(*r->by_name), name_compare, s->object);
    for (uint32_t i = 1; e == ERR_OK && i < s->objects; i++) {
        const struct capdl_object *o = &s->object[r->by_name[i]];
        if (strcmp(o->name, s->object[r->by_name[i - 1]].name) == 0)
            e = capdl_refuse(r->words.fault, o->where, "%.60s is declared twice", o->name);
    }
    for (uint32_t i = 0; e == ERR_OK && i < r->members; i++)
        e = link_member(r, &r->member[i]);
    return e == ERR_OK ? check_nesting(r) : e;
}

/* --- a capability by itself --- */

/* On machines of 64 bits it is the place that makes a table a root. */
static bool may_be_root(const struct capdl_arch *arch, uint32_t type)
{
    return type == RECORD_CAP_PAGE_DIRECTORY ||
           (arch->word_bits == 64 && type == RECORD_CAP_PAGE_TABLE);
}

static bool tcb_takes(const struct capdl_arch *arch, uint32_t slot, const struct capdl_cap *c)
{
    switch (slot) {
    case RECORD_TCB_CSPACE:
        return c->type == RECORD_CAP_CNODE;
    case RECORD_TCB_VSPACE:
        return may_be_root(arch, c->type);
    case RECORD_TCB_REPLY:
        return c->type == RECORD_CAP_REPLY && c->master;
    case RECORD_TCB_CALLER:
        return c->type == RECORD_CAP_REPLY && !c->master;
    case RECORD_TCB_BUFFER:
        return c->type == RECORD_CAP_FRAME;
    case RECORD_TCB_FAULT_HANDLER:
    case RECORD_TCB_TIMEOUT_HANDLER:
        return c->type == RECORD_CAP_ENDPOINT;
    case CAPDL_TCB_BOUND:
        return c->type == RECORD_CAP_NOTIFICATION;
    case CAPDL_TCB_CONTEXT:
        return c->type == RECORD_CAP_SCHED_CONTEXT;
    default:
        return false;
    }
}

/* A table holds those of one level less, and pages but at the fourth level.  Where all have one word,
 * levels follow from the whole. */
static bool table_takes(const struct capdl_arch *arch, const struct capdl_object *holder,
                        const struct capdl_cap *c, const struct capdl_object *object)
{
    bool one_word = arch->table[0] == arch->table[arch->root_level];
    if (c->type == RECORD_CAP_FRAME)
        return holder->level <= 2;
    return c->type == RECORD_CAP_PAGE_TABLE && (one_word || object->level + 1 == holder->level);
}

static enum error check_entry(const struct capdl_reader *r, const struct capdl_cap *c)
{
    const struct capdl_object *holder = &r->spec->object[c->holder];
    const struct capdl_arch *arch = r->spec->arch;
    const struct capdl_object *object =
        c->object == CAPDL_NONE ? holder : &r->spec->object[c->object];
    const char *below = holder->level ? arch->table[holder->level - 1] : arch->table[0];
    bool tables = holder->level > 0 || arch->table[1] == arch->table[0];
    if (table_takes(arch, holder, c, object))
        return ERR_OK;
    return capdl_refuse(r->words.fault, c->where, "a %s holds %s%s%s%s", arch->table[holder->level],
                        holder->level <= 2 ? "frames" : "",
                        holder->level <= 2 && tables ? " and " : "", tables ? below : "",
                        tables ? "s" : "");
}

static const char *misplaced(const struct capdl_arch *arch, const struct capdl_object *holder,
                             const struct capdl_cap *c)
{
    switch (holder->type) {
    case RECORD_CAP_TCB:
        return tcb_takes(arch, c->slot, c) ? NULL : "this slot of a tcb holds another type";
    case RECORD_CAP_ASID_POOL:
        return may_be_root(arch, c->type) ? NULL : "an asid_pool holds roots of address spaces";
    case RECORD_CAP_IRQ_HANDLER:
        return c->type == RECORD_CAP_NOTIFICATION ? NULL : "an irq holds a notification";
    default:
        return NULL;
    }
}

static const char *wrong_parameter(const struct capdl_object *holder, const struct capdl_cap *c,
                                   uint32_t object_type)
{
    bool frame = c->type == RECORD_CAP_FRAME;
    bool channel = c->type == RECORD_CAP_ENDPOINT || c->type == RECORD_CAP_NOTIFICATION;
    bool space = frame || c->type == RECORD_CAP_PAGE_TABLE || c->type == RECORD_CAP_PAGE_DIRECTORY;
    if (c->type == RECORD_CAP_REPLY && object_type != RECORD_CAP_TCB)
        return "a reply is to a tcb";
    if (c->badge && !channel && c->type != RECORD_CAP_SMC)
        return "only endpoints and notifications have badges";
    if (c->core && c->type != RECORD_CAP_SCHED_CONTROL)
        return "only sched_control has a core";
    if ((c->guard || c->guard_size) && c->type != RECORD_CAP_CNODE)
        return "only a cnode has a guard";
    if (c->guard_size < 64 && c->guard >> c->guard_size)
        return "the guard has more bits than its size";
    if (c->rights && !frame && !channel)
        return "only endpoints, notifications and frames have rights";
    if (frame && (c->rights & RECORD_RIGHT_GRANT_REPLY))
        return "a frame has no right P";
    if (c->asid && !space)
        return "only tables and frames have an asid";
    if (c->uncached && !frame)
        return "only frames are uncached";
    if (c->mapping != CAPDL_NONE && (!frame || holder->type != RECORD_CAP_CNODE))
        return "a mapping belongs to a frame in a cnode";
    return NULL;
}

enum error capdl_check_cap(const struct capdl_reader *r, const struct capdl_cap *c)
{
    const struct capdl_object *holder = &r->spec->object[c->holder];
    uint32_t object_type =
        c->object == CAPDL_NONE ? RECORD_CAP_NULL : r->spec->object[c->object].type;
    const char *why = misplaced(r->spec->arch, holder, c);
    if (!why)
        why = wrong_parameter(holder, c, object_type);
    if (why)
        return capdl_refuse(r->words.fault, c->where, "%s", why);
    return capdl_is_table(holder->type) ? check_entry(r, c) : ERR_OK;
}

/* --- all capabilities --- */

static int cap_compare(const void *pa, const void *pb)
{
    const struct capdl_cap *a = pa;
    const struct capdl_cap *b = pb;
    if (a->holder != b->holder)
        return a->holder < b->holder ? -1 : 1;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    return (a->where.line > b->where.line) - (a->where.line < b->where.line);
}

int32_t capdl_find_cap(const struct capdl_spec *s, int32_t holder, uint32_t slot)
{
    const struct capdl_cap *c = s->cap;
    size_t at = LOWER_BOUND(s->caps, i,
                            c[i].holder < holder || (c[i].holder == holder && c[i].slot < slot));
    bool found = at < s->caps && c[at].holder == holder && c[at].slot == slot;
    return found ? (int32_t)at : CAPDL_NONE;
}

/* A table hangs in one other, a root has one ASID. */
static enum error take_entry(struct capdl_reader *r, const struct capdl_cap *c)
{
    struct capdl_object *o = &r->spec->object[c->object];
    const struct capdl_object *holder = &r->spec->object[c->holder];
    if (capdl_is_table(holder->type) && capdl_is_table(o->type)) {
        if (o->table_in != CAPDL_NONE)
            return capdl_refuse(r->words.fault, c->where, "%.60s is in a %s already", o->name,
                                r->spec->arch->table[holder->level]);
        o->table_in = c->holder;
        o->table_at = c->slot;
    }
    if (holder->type == RECORD_CAP_ASID_POOL) {
        if (o->asid)
            return capdl_refuse(r->words.fault, c->where, "%.60s has an ASID already", o->name);
        o->asid = holder->asid_high << r->spec->arch->asid_low_bits | c->slot;
    }
    o->root |= holder->type == RECORD_CAP_ASID_POOL ||
               (holder->type == RECORD_CAP_TCB && c->slot == RECORD_TCB_VSPACE);
    return ERR_OK;
}

/* --- translation tables --- */

/* CAPDL_NONE: deeper than any address space, or in itself. `depth`: how far below its top. */
static int32_t table_top(const struct capdl_spec *s, int32_t table, uint32_t *depth)
{
    *depth = 0;
    while (s->object[table].table_in != CAPDL_NONE) {
        if (++*depth >= CAPDL_LEVELS)
            return CAPDL_NONE;
        table = s->object[table].table_in;
    }
    return table;
}

int32_t capdl_table_top(const struct capdl_spec *s, int32_t table)
{
    uint32_t depth;
    return table_top(s, table, &depth);
}

static uint64_t shift_of(const struct capdl_spec *s, int32_t table)
{
    return 12 + s->arch->index_bits * s->object[table].level;
}

uint64_t capdl_entry_vaddr(const struct capdl_spec *s, int32_t table, uint64_t slot)
{
    uint64_t vaddr = slot << shift_of(s, table);
    for (; s->object[table].table_in != CAPDL_NONE; table = s->object[table].table_in)
        vaddr |= (uint64_t)s->object[table].table_at << shift_of(s, s->object[table].table_in);
    return vaddr;
}

static enum error check_table(struct capdl_reader *r, int32_t table)
{
    uint32_t depth;
    const struct capdl_object *o = &r->spec->object[table];
    if (o->root && o->table_in != CAPDL_NONE)
        return capdl_refuse(r->words.fault, o->where,
                            "%.60s is the root of an address space and in another table", o->name);
    int32_t top = table_top(r->spec, table, &depth);
    if (top == CAPDL_NONE || depth > r->spec->arch->root_level)
        return capdl_refuse(r->words.fault, o->where,
                            "%.60s: tables hang in each other deeper than any address space",
                            o->name);
    return ERR_OK;
}

/* Where all tables have one word: a root is at the top of the architecture, another top as high as
 * what hangs below it. */
static void find_levels(struct capdl_spec *s)
{
    uint32_t depth;
    for (uint32_t i = 0; i < s->objects; i++)
        if (capdl_is_table(s->object[i].type)) {
            int32_t top = table_top(s, (int32_t)i, &depth);
            uint32_t height = s->object[top].root ? s->arch->root_level : depth;
            if (s->object[top].level < height)
                s->object[top].level = height;
        }
    for (uint32_t i = 0; i < s->objects; i++)
        if (capdl_is_table(s->object[i].type)) {
            int32_t top = table_top(s, (int32_t)i, &depth);
            s->object[i].level = s->object[top].level - depth;
        }
}

/* What is a root is known now, and so which capabilities are to one. */
static enum error settle_tables(struct capdl_reader *r)
{
    struct capdl_spec *s = r->spec;
    for (uint32_t i = 0; i < s->objects; i++) {
        struct capdl_object *o = &s->object[i];
        enum error e = capdl_is_table(o->type) ? check_table(r, (int32_t)i) : ERR_OK;
        if (e != ERR_OK)
            return e;
        if (o->root)
            o->type = RECORD_CAP_PAGE_DIRECTORY;
    }
    if (s->arch->table[0] == s->arch->table[s->arch->root_level])
        find_levels(s);
    for (uint32_t i = 0; i < s->caps; i++)
        if (capdl_is_table(s->cap[i].type))
            s->cap[i].type = s->object[s->cap[i].object].type;
    return ERR_OK;
}

enum error capdl_sort_caps(struct capdl_reader *r)
{
    struct capdl_spec *s = r->spec;
    enum error e = ERR_OK;
    if (s->caps)
        qsort(s->cap, s->caps, sizeof(*s->cap), cap_compare);
    for (uint32_t i = 0; e == ERR_OK && i < s->caps; i++) {
        const struct capdl_cap *c = &s->cap[i];
        if (i > 0 && c[-1].holder == c->holder && c[-1].slot == c->slot)
            e = capdl_refuse(r->words.fault, c->where,
                             "this slot is filled twice, first in line %u", c[-1].where.line);
        else if (c->object != CAPDL_NONE)
            e = take_entry(r, c);
    }
    return e == ERR_OK ? settle_tables(r) : e;
}

/* --- interrupts --- */

enum error capdl_set_irq(struct capdl_reader *r, int32_t object, uint64_t number,
                         struct capdl_where where)
{
    struct capdl_object *o = &r->spec->object[object];
    if (o->type != RECORD_CAP_IRQ_HANDLER)
        return capdl_refuse(r->words.fault, where, "%.60s is no interrupt", o->name);
    if (o->placed)
        return capdl_refuse(r->words.fault, where, "%.60s has a number already", o->name);
    if (r->irq[number])
        return capdl_refuse(r->words.fault, where, "%llu is the number of %.60s already",
                            (unsigned long long)number, r->spec->object[r->irq[number] - 1].name);
    r->irq[number] = object + 1;
    o->addr = number;
    o->placed = true;
    return ERR_OK;
}

/* --- the whole --- */

/* A mapping that a capability claims is there, and claimed once. */
static enum error check_mapping(struct capdl_reader *r, const struct capdl_cap *c)
{
    if (c->mapping == CAPDL_NONE)
        return ERR_OK;
    int32_t entry = capdl_find_cap(r->spec, c->mapping, c->mapping_slot);
    if (entry == CAPDL_NONE || r->spec->cap[entry].object != c->object)
        return capdl_refuse(r->words.fault, c->where, "nothing maps this frame there");
    if (r->spec->cap[entry].mapped)
        return capdl_refuse(r->words.fault, c->where, "another capability is this mapping already");
    r->spec->cap[entry].mapped = true;
    return ERR_OK;
}

bool capdl_is_slot(const struct capdl_spec *s, const struct capdl_cap *c)
{
    uint32_t type = s->object[c->holder].type;
    return type == RECORD_CAP_CNODE || type == RECORD_CAP_IRQ_HANDLER ||
           (type == RECORD_CAP_TCB && c->slot < CAPDL_TCB_BOUND);
}

/* Marks: 1 on the way up from here, 2 known to end at a root. */
static enum error check_tree(struct capdl_reader *r)
{
    const struct capdl_spec *s = r->spec;
    uint8_t *mark = calloc(s->caps + 1, 1);
    enum error e = mark ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; e == ERR_OK && i < s->caps; i++) {
        int32_t at = (int32_t)i;
        for (; at != CAPDL_NONE && mark[at] == 0; at = s->cap[at].parent)
            mark[at] = 1;
        if (at != CAPDL_NONE && mark[at] == 1)
            e = capdl_refuse(r->words.fault, s->cap[at].where,
                             "in the cdt this slot descends from itself");
        for (at = (int32_t)i; at != CAPDL_NONE && mark[at] == 1; at = s->cap[at].parent)
            mark[at] = 2;
    }
    for (uint32_t i = 0; e == ERR_OK && i < s->caps; i++) {
        const struct capdl_cap *c = &s->cap[i];
        if (c->parent != CAPDL_NONE &&
            !(capdl_is_slot(s, c) && capdl_is_slot(s, &s->cap[c->parent])))
            e = capdl_refuse(r->words.fault, c->where,
                             "an entry of a table has no place in the cdt");
    }
    free(mark);
    return e;
}

static enum error check_root_thread(struct capdl_reader *r)
{
    const char *name = r->words.root_thread;
    if (!name[0])
        return ERR_OK;
    int32_t found = capdl_find(r, name);
    if (found == CAPDL_NONE || r->spec->object[found].type != RECORD_CAP_TCB)
        return capdl_refuse(r->words.fault, r->words.root_where, "%.60s is no tcb", name);
    r->spec->root_thread = found;
    return ERR_OK;
}

static enum error check_irqs(struct capdl_reader *r)
{
    for (uint32_t i = 0; i < r->spec->objects; i++) {
        const struct capdl_object *o = &r->spec->object[i];
        if (o->type == RECORD_CAP_IRQ_HANDLER && !o->placed)
            return capdl_refuse(r->words.fault, o->where, "%.60s has no number in `irq maps`",
                                o->name);
    }
    return ERR_OK;
}

enum error capdl_check_whole(struct capdl_reader *r)
{
    enum error e = check_irqs(r);
    for (uint32_t i = 0; e == ERR_OK && i < r->spec->caps; i++)
        e = check_mapping(r, &r->spec->cap[i]);
    if (e == ERR_OK)
        e = check_tree(r);
    return e == ERR_OK ? check_root_thread(r) : e;
}
