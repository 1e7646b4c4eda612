/* What a capDL specification must not say though each of its words is right. */
#include "capdb/capdl_read.h"
#include "lib/array.h"

#include "record/capdl.h"

#include <stdlib.h>
#include <string.h>

enum { TCB_SLOTS = 5, POOL_SLOTS = 1 << CAPDL_ASID_LOW_BITS, DIRECTORY_SLOTS = 4096 };

uint64_t capdl_slots(const struct capdl_object *o)
{
    switch (o->type) {
    case RECORD_CAP_CNODE:
        return (uint64_t)1 << (o->bits - 4);
    case RECORD_CAP_TCB:
        return TCB_SLOTS;
    case RECORD_CAP_PAGE_DIRECTORY:
        return DIRECTORY_SLOTS;
    case RECORD_CAP_PAGE_TABLE:
        return CAPDL_TABLE_ENTRIES;
    case RECORD_CAP_ASID_POOL:
        return POOL_SLOTS;
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

static bool tcb_takes(uint32_t slot, const struct capdl_cap *c)
{
    switch (slot) {
    case RECORD_TCB_CSPACE:
        return c->type == RECORD_CAP_CNODE;
    case RECORD_TCB_VSPACE:
        return c->type == RECORD_CAP_PAGE_DIRECTORY;
    case RECORD_TCB_REPLY:
        return c->type == RECORD_CAP_REPLY && c->master;
    case RECORD_TCB_CALLER:
        return c->type == RECORD_CAP_REPLY && !c->master;
    case RECORD_TCB_BUFFER:
        return c->type == RECORD_CAP_FRAME;
    case RECORD_TCB_FAULT_HANDLER:
        return c->type == RECORD_CAP_ENDPOINT;
    case CAPDL_TCB_BOUND:
        return c->type == RECORD_CAP_NOTIFICATION;
    default:
        return false;
    }
}

static const char *misplaced(const struct capdl_object *holder, const struct capdl_cap *c)
{
    switch (holder->type) {
    case RECORD_CAP_TCB:
        return tcb_takes(c->slot, c) ? NULL : "this slot of a tcb holds another type";
    case RECORD_CAP_PAGE_DIRECTORY:
        return c->type == RECORD_CAP_FRAME || c->type == RECORD_CAP_PAGE_TABLE
                   ? NULL
                   : "a pd holds frames and pts";
    case RECORD_CAP_PAGE_TABLE:
        return c->type == RECORD_CAP_FRAME ? NULL : "a pt holds frames";
    case RECORD_CAP_ASID_POOL:
        return c->type == RECORD_CAP_PAGE_DIRECTORY ? NULL : "an asid_pool holds pds";
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
    if (c->badge && !channel)
        return "only endpoints and notifications have badges";
    if ((c->guard || c->guard_size) && c->type != RECORD_CAP_CNODE)
        return "only a cnode has a guard";
    if (c->guard_size < 32 && c->guard >> c->guard_size)
        return "the guard has more bits than its size";
    if (c->rights && !frame && !channel)
        return "only endpoints, notifications and frames have rights";
    if (frame && (c->rights & RECORD_RIGHT_GRANT_REPLY))
        return "a frame has no right P";
    if (c->asid && !space)
        return "only pds, pts and frames have an asid";
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
    const char *why = misplaced(holder, c);
    if (!why)
        why = wrong_parameter(holder, c, object_type);
    return why ? capdl_refuse(r->words.fault, c->where, "%s", why) : ERR_OK;
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

/* A page table hangs in one directory, a directory has one ASID. */
static enum error take_entry(struct capdl_reader *r, const struct capdl_cap *c)
{
    struct capdl_object *o = &r->spec->object[c->object];
    const struct capdl_object *holder = &r->spec->object[c->holder];
    if (holder->type == RECORD_CAP_PAGE_DIRECTORY && c->type == RECORD_CAP_PAGE_TABLE) {
        if (o->table_in != CAPDL_NONE)
            return capdl_refuse(r->words.fault, c->where, "%.60s is in a pd already", o->name);
        o->table_in = c->holder;
        o->table_at = c->slot;
    }
    if (holder->type == RECORD_CAP_ASID_POOL) {
        if (o->asid)
            return capdl_refuse(r->words.fault, c->where, "%.60s has an ASID already", o->name);
        o->asid = holder->asid_high << CAPDL_ASID_LOW_BITS | c->slot;
    }
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
    return e;
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
    for (uint32_t i = 0; i < r->spec->objects; i++) {
        const struct capdl_object *other = &r->spec->object[i];
        if (other->type == RECORD_CAP_IRQ_HANDLER && other->placed && other->addr == number)
            return capdl_refuse(r->words.fault, where, "%llu is the number of %.60s already",
                                (unsigned long long)number, other->name);
    }
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

static bool is_slot(const struct capdl_spec *s, const struct capdl_cap *c)
{
    uint32_t type = s->object[c->holder].type;
    return type == RECORD_CAP_CNODE || type == RECORD_CAP_IRQ_HANDLER ||
           (type == RECORD_CAP_TCB && c->slot != CAPDL_TCB_BOUND);
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
        if (c->parent != CAPDL_NONE && !(is_slot(s, c) && is_slot(s, &s->cap[c->parent])))
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
