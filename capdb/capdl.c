/* capDL: the seL4 ecosystem's language for capability distributions (any architecture that it knows).
 *
 * Names are made of type and address, so they begin with a letter and say nothing a target chose.
 * The grammar's traps: objects in one `ut` only, page tables in one directory, a flat cdt with one
 * parent a slot, TCB parameters all or none, mapping information only on CNode capabilities.
 * What it has no word for stands in comments: names of threads, which of them is the root task.
 * Order follows from addresses alone, but for children, which stand as they were derived. */
#include "capdb/export.h"
#include "lib/array.h"

#include "capdb/capdl_arch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- objects --- */

/* Of the boards of other architectures a reader does not know what is a device. */
static bool says_device(const struct capstate *s, const struct capstate_object *o)
{
    return capdl_arch_of(s)->word_bits == 64 && (o->flags & RECORD_SLOT_DEVICE);
}

/* Members: objects that lie in this untyped and in no smaller one. Sorted objects make them a run.
 */
static void put_members(FILE *f, const struct capstate *s, uint32_t untyped)
{
    char name[CAPDL_NAME];
    const struct capstate_object *u = &s->objects[untyped];
    uint64_t end = (uint64_t)u->addr + ((uint64_t)1 << u->bits);
    uint64_t skip = 0;
    bool first = true;
    for (uint32_t i = untyped + 1; i < s->object_count && s->objects[i].addr < end; i++) {
        const struct capstate_object *o = &s->objects[i];
        if (o->bits == 0 || o->addr < skip || !capdl_is_object(o->type))
            continue;
        if (o->type == RECORD_CAP_UNTYPED)
            skip = (uint64_t)o->addr + ((uint64_t)1 << o->bits);
        fprintf(f, "%s%s", first ? says_device(s, u) ? "\n    { " : " { " : ", ",
                capdl_object_name(s, o, name));
        first = false;
    }
    fputs(first ? "" : " }", f);
}

/* Blanks at the ends of a comment are none of its text. */
static void put_thread_name(FILE *f, const char *label)
{
    size_t length = strlen(label), first = strspn(label, " "), last = length;
    while (last > first && label[last - 1] == ' ')
        last--;
    fputs("  -- ", f);
    for (size_t i = 0; i < length; i++)
        if (i < first || i >= last)
            fputs("\\x20", f);
        else
            fputc(label[i], f);
}

static void put_tcb(FILE *f, const struct capstate *s, const struct capstate_object *o)
{
    fputs(" = tcb", f);
    if (o->detail < 0)
        return;
    const struct record_thread *t = &s->threads[o->detail].rec;
    fprintf(f,
            " (addr: 0x%" PRIx64 ", ip: 0x%" PRIx64 ", sp: 0x%" PRIx64
            ", prio: %u, max_prio: %u, affinity: %u, dom: %u, "
            "fault_ep: 0x%" PRIx64 ")",
            t->ipc_buffer, t->pc, t->sp, t->priority, t->mcp, t->node, t->domain, t->fault_handler);
    if (t->name.length)
        put_thread_name(f, s->threads[o->detail].label);
}

/* A CNode smaller than a slot is one of a damaged recording. */
static uint32_t cnode_bits(const struct capstate *s, const struct capstate_object *o)
{
    uint32_t slot = record_slot_bits(&s->snapshot);
    return o->bits > slot ? o->bits - slot : 0;
}

/* Times are ticks of a timer whose rate a snapshot does not tell, and capDL's are microseconds. */
static void put_context(FILE *f, const struct capstate *s, const struct capstate_object *o)
{
    fprintf(f, " = sc (%u bits)", o->bits);
    if (o->detail < 0)
        return;
    const struct record_sched_context *c = &s->sched_contexts[o->detail];
    fprintf(f, "  -- budget %" PRIu64 ", period %" PRIu64 " ticks", c->budget, c->period);
}

/* Things that are numbers, not memory. */
static void put_numbered(FILE *f, const struct capstate *s, const struct capstate_object *o)
{
    const struct record_slot *r = &s->slots[o->first_slot].rec;
    if (o->type == RECORD_CAP_SGI_SIGNAL)
        fprintf(f, " = arm_sgi_signal (target: %" PRIu64 ", irq: %" PRIu64 ")", r->extra, r->data);
    else if (o->type == RECORD_CAP_IO_PORT)
        fprintf(f, " = io_ports (ports: [0x%" PRIx64 " .. 0x%" PRIx64 "])", r->data, r->extra);
    else
        fputs(o->type == RECORD_CAP_SMC ? " = smc" : " = irq", f);
}

static void put_memory_object(FILE *f, const struct capstate *s, uint32_t i)
{
    const struct capstate_object *o = &s->objects[i];
    switch (o->type) {
    case RECORD_CAP_UNTYPED:
        fprintf(f, " = ut (%u bits, paddr: 0x%" PRIx64 ")%s", o->bits, o->addr,
                says_device(s, o) ? "  -- device" : "");
        put_members(f, s, i);
        return;
    case RECORD_CAP_CNODE:
        fprintf(f, " = cnode (%u bits)", cnode_bits(s, o));
        return;
    case RECORD_CAP_TCB:
        put_tcb(f, s, o);
        return;
    case RECORD_CAP_FRAME:
        fputs(" = frame (", f);
        capdl_put_frame_size(f, o->bits);
        fprintf(f, ", paddr: 0x%" PRIx64 ")%s", o->addr, says_device(s, o) ? "  -- device" : "");
        return;
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
        fprintf(f, " = %s", capdl_table_word(s, o));
        return;
    case RECORD_CAP_ASID_POOL:
        fprintf(f, " = asid_pool (asid_high: 0x%" PRIx64 ")",
                s->slots[o->first_slot].rec.data >> capdl_arch_of(s)->asid_low_bits);
        return;
    case RECORD_CAP_SCHED_CONTEXT:
        put_context(f, s, o);
        return;
    default:
        put_numbered(f, s, o);
        return;
    }
}

/* An object that capDL has a word for on this architecture. */
static bool has_word(const struct capstate *s, const struct capstate_object *o)
{
    return capdl_is_object(o->type) && (!capdl_is_table(o->type) || capdl_table_word(s, o));
}

static void put_object(FILE *f, const struct capstate *s, uint32_t i)
{
    static const char *const plain[RECORD_CAP_TYPES] = {
        [RECORD_CAP_ENDPOINT] = "ep",
        [RECORD_CAP_NOTIFICATION] = "notification",
        [RECORD_CAP_REPLY_OBJECT] = "rtreply",
        [RECORD_CAP_VCPU] = "vcpu",
    };
    char name[CAPDL_NAME];
    const struct capstate_object *o = &s->objects[i];
    if (!has_word(s, o)) {
        if (o->type == RECORD_CAP_ZOMBIE)
            fprintf(f, "  -- 0x%" PRIx64 " is being deleted\n", o->addr);
        return;
    }
    fprintf(f, "  %s", capdl_object_name(s, o, name));
    if (plain[o->type])
        fprintf(f, " = %s", plain[o->type]);
    else
        put_memory_object(f, s, i);
    fputc('\n', f);
}

/* --- page tables: contents come from translations, from tables that were told of, and for tables
 * that are empty from their capabilities --- */

enum entry_source { FROM_MAPPING, FROM_TABLE, FROM_CAP };

struct entry {
    uint64_t container; /* table it stands in */
    uint32_t slot;
    enum entry_source source;
    uint64_t table; /* page table it refers to, 0: a frame */
    const struct record_mapping *mapping;
    bool claimed; /* a capability said that it is this mapping */
};

/* A root with an ASID. */
struct space {
    uint64_t asid;
    uint32_t object;
};

struct entries {
    struct entry *entry; /* by container and slot */
    struct entry **by_frame;
    uint32_t count, frames;
    struct space *space; /* by ASID, then as objects stand */
    uint32_t spaces;
};

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_table(const void *pa, const void *pb)
{
    const struct entry *a = pa;
    const struct entry *b = pb;
    int o = order(a->table, b->table);
    if (o == 0)
        o = order(a->source, b->source);
    if (o == 0)
        o = order(a->container, b->container);
    return o ? o : order(a->slot, b->slot);
}

/* Of two that claim one slot, what is translated goes before what a capability says. */
static int by_place(const void *pa, const void *pb)
{
    const struct entry *a = pa;
    const struct entry *b = pb;
    int o = order(a->container, b->container);
    if (o == 0)
        o = order(a->slot, b->slot);
    if (o == 0)
        o = order(a->source, b->source);
    return o ? o : order(a->table, b->table);
}

static int by_frame(const void *pa, const void *pb)
{
    const struct record_mapping *a = (*(struct entry *const *)pa)->mapping;
    const struct record_mapping *b = (*(struct entry *const *)pb)->mapping;
    int o = order(a->frame, b->frame);
    if (o == 0)
        o = order(a->vaddr, b->vaddr);
    return o ? o : order(a->asid, b->asid);
}

/* The translation table at an address, NULL. */
static const struct capstate_object *table_at(const struct capstate *s, uint64_t addr)
{
    int32_t object = capstate_object_at(s, addr);
    bool found = object >= 0 && capdl_is_table(s->objects[object].type);
    return found ? &s->objects[object] : NULL;
}

static bool is_frame(const struct capstate *s, uint64_t addr)
{
    int32_t object = capstate_object_at(s, addr);
    return object >= 0 && s->objects[object].type == RECORD_CAP_FRAME;
}

/* A table stands one level below the one it hangs in. */
static void table_entry(const struct capstate *s, struct entries *x, uint64_t above, uint64_t below,
                        uint64_t vaddr, enum entry_source source)
{
    const struct capstate_object *outer = table_at(s, above);
    const struct capstate_object *inner = table_at(s, below);
    if (outer && inner && inner->type == RECORD_CAP_PAGE_TABLE && capdl_table_word(s, outer) &&
        capdl_level(s, inner) + 1 == capdl_level(s, outer))
        x->entry[x->count++] =
            (struct entry){above, capdl_entry_of(s, outer, vaddr), source, below, NULL, false};
}

static int by_asid(const void *pa, const void *pb)
{
    const struct space *a = pa;
    const struct space *b = pb;
    int o = order(a->asid, b->asid);
    return o ? o : order(a->object, b->object);
}

static bool find_spaces(const struct capstate *s, struct entries *x)
{
    x->space = malloc((s->object_count + 1) * sizeof(*x->space));
    for (uint32_t i = 0; x->space && i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        uint64_t asid =
            o->type == RECORD_CAP_PAGE_DIRECTORY ? s->slots[o->first_slot].rec.extra : 0;
        if (asid)
            x->space[x->spaces++] = (struct space){asid, i};
    }
    if (x->spaces)
        qsort(x->space, x->spaces, sizeof(*x->space), by_asid);
    return x->space;
}

/* The first space whose ASID is not below. */
static uint32_t space_from(const struct entries *x, uint64_t asid)
{
    return (uint32_t)LOWER_BOUND(x->spaces, i, x->space[i].asid < asid);
}

static uint64_t directory_of_asid(const struct capstate *s, const struct entries *x, uint64_t asid)
{
    uint32_t at = space_from(x, asid);
    bool found = at < x->spaces && x->space[at].asid == asid;
    return found ? s->objects[x->space[at].object].addr : 0;
}

/* A page table sits in one directory: a directory that lost its ASID may still name a table that
 * another has now. */
static void find_tables(const struct capstate *s, struct entries *x)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].table && (i == 0 || s->mappings[i].table != s->mappings[i - 1].table))
            table_entry(s, x, s->mappings[i].dir, s->mappings[i].table, s->mappings[i].vaddr,
                        FROM_MAPPING);
    for (uint32_t i = 0; i < s->tables_told; i++)
        table_entry(s, x, s->tables[i].parent, s->tables[i].addr, s->tables[i].vaddr, FROM_TABLE);
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].rec.type == RECORD_CAP_PAGE_TABLE && s->slots[i].rec.extra)
            table_entry(s, x, directory_of_asid(s, x, s->slots[i].rec.extra),
                        s->slots[i].rec.object, s->slots[i].rec.data, FROM_CAP);
    if (x->count)
        qsort(x->entry, x->count, sizeof(*x->entry), by_table);
    for (uint32_t i = 0; i < x->count; i++)
        if (i == 0 || x->entry[i].table != x->entry[i - 1].table)
            x->entry[kept++] = x->entry[i];
    x->count = kept;
}

/* Where a table stands; a table that hangs in none is an address space of its own. */
static uint64_t table_above(const struct entries *x, uint32_t tables, uint64_t table)
{
    size_t at = LOWER_BOUND(tables, i, x->entry[i].table < table);
    return at < tables && x->entry[at].table == table ? x->entry[at].container : table;
}

static uint64_t root_of(const struct entries *x, uint32_t tables, uint64_t table)
{
    for (uint32_t i = 0; i < CAPDL_LEVELS; i++)
        table = table_above(x, tables, table);
    return table;
}

/* A second root with the same table repeats its contents. Pages hang three levels up at most. */
static void find_frames(const struct capstate *s, struct entries *x)
{
    uint32_t tables = x->count;
    uint32_t any = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE | RECORD_RIGHT_EXECUTE;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        uint64_t container = m->table ? m->table : m->dir;
        const struct capstate_object *table = table_at(s, container);
        if (!table || capdl_level(s, table) > 2 || !is_frame(s, m->frame) || !(m->rights & any) ||
            (m->table && root_of(x, tables, m->table) != m->dir))
            continue;
        x->entry[x->count++] = (struct entry){
            container, capdl_entry_of(s, table, m->vaddr), FROM_MAPPING, 0, m, false};
    }
}

static bool entries_make(const struct capstate *s, struct entries *x)
{
    size_t most = 2 * (size_t)s->mapping_count + s->tables_told + s->slot_count + 1;
    uint32_t kept = 0;
    *x = (struct entries){.entry = malloc(most * sizeof(*x->entry)),
                          .by_frame = malloc(most * sizeof(struct entry *))};
    if (!x->entry || !x->by_frame || !find_spaces(s, x))
        return false;
    find_tables(s, x);
    find_frames(s, x);
    if (x->count)
        qsort(x->entry, x->count, sizeof(*x->entry), by_place);
    for (uint32_t i = 0; i < x->count; i++)
        if (i == 0 || x->entry[i].container != x->entry[kept - 1].container ||
            x->entry[i].slot != x->entry[kept - 1].slot)
            x->entry[kept++] = x->entry[i];
    x->count = kept;
    for (uint32_t i = 0; i < x->count; i++)
        if (x->entry[i].mapping)
            x->by_frame[x->frames++] = &x->entry[i];
    if (x->frames)
        qsort(x->by_frame, x->frames, sizeof(struct entry *), by_frame);
    return true;
}

static void put_entry(FILE *f, const struct entry *e, const struct capstate *s)
{
    char name[CAPDL_NAME];
    uint64_t target = e->mapping ? e->mapping->frame : e->table;
    fprintf(f, "    0x%x: %s", e->slot,
            capdl_object_name(s, &s->objects[capstate_object_at(s, target)], name));
    if (e->mapping)
        fprintf(f, " (%s%s%s%s)", e->mapping->rights & RECORD_RIGHT_READ ? "R" : "",
                e->mapping->rights & RECORD_RIGHT_WRITE ? "W" : "",
                e->mapping->rights & RECORD_RIGHT_EXECUTE ? "X" : "",
                e->mapping->attributes & 1 ? "" : ", uncached");
    fputc('\n', f);
}

static void put_table(FILE *f, const struct capstate *s, const struct entries *x, uint32_t table)
{
    char name[CAPDL_NAME];
    uint64_t addr = s->objects[table].addr;
    size_t at = LOWER_BOUND(x->count, i, x->entry[i].container < addr);
    fprintf(f, "  %s {\n", capdl_object_name(s, &s->objects[table], name));
    for (; at < x->count && x->entry[at].container == addr; at++)
        put_entry(f, &x->entry[at], s);
    fputs("  }\n", f);
}

/* capDL can only say of the two lowest levels that a capability is mapped there. */
static bool takes_mapping(const struct capstate *s, const struct entry *e)
{
    const struct capstate_object *table = table_at(s, e->container);
    return table && capdl_level(s, table) <= 1;
}

/* The entry that this capability is mapped as, which no capability before it was; NULL. */
static const struct entry *mapped_as(const struct capstate *s, const struct entries *x,
                                     const struct record_slot *r)
{
    struct record_mapping m = {.frame = r->object, .vaddr = r->data, .asid = (uint32_t)r->extra};
    struct entry wanted = {.mapping = &m};
    struct entry *key = &wanted;
    if (r->type != RECORD_CAP_FRAME || r->extra == 0)
        return NULL;
    struct entry **found =
        x->frames ? bsearch(&key, x->by_frame, x->frames, sizeof(struct entry *), by_frame) : NULL;
    if (!found || (*found)->claimed || !takes_mapping(s, *found))
        return NULL;
    (*found)->claimed = true;
    return *found;
}

/* --- caps --- */

/* entry: as what the capability is mapped; NULL. */
static void put_parameters(FILE *f, const struct capstate *s, const struct record_slot *r,
                           const struct entry *entry)
{
    char text[CAPDL_PARAMETERS];
    char name[CAPDL_NAME];
    capdl_cap_parameters(s, r, text);
    if (!entry) {
        fputs(text, f);
        return;
    }
    int32_t table = capstate_object_at(s, entry->container);
    size_t length = strlen(text);
    if (length)
        fprintf(f, "%.*s, ", (int)length - 1, text);
    fprintf(f, "%smapping: (%s, 0x%x))", length ? "" : " (",
            capdl_object_name(s, &s->objects[table], name), entry->slot);
}

static void put_slot_name(FILE *f, const struct capstate *s, const struct capstate_slot *slot)
{
    if (s->objects[slot->holder].type == RECORD_CAP_TCB)
        fputs(capdl_tcb_slot(slot->index), f);
    else
        fprintf(f, "0x%x", slot->index);
}

static bool expressible(const struct capstate *s, const struct capstate_slot *slot)
{
    if (slot->holder < 0 || s->objects[slot->holder].type == RECORD_CAP_ZOMBIE)
        return false;
    if (s->objects[slot->holder].type == RECORD_CAP_TCB &&
        !capdl_tcb_slot_takes(slot->index, slot->rec.type))
        return false;
    if (capdl_global(slot->rec.type))
        return true;
    return slot->object >= 0 && has_word(s, &s->objects[slot->object]);
}

static void put_cap(FILE *f, const struct capstate *s, const struct entries *x,
                    const struct capstate_slot *slot)
{
    char name[CAPDL_NAME];
    const char *global = capdl_global(slot->rec.type);
    fputs("    ", f);
    put_slot_name(f, s, slot);
    if (global) {
        char text[CAPDL_PARAMETERS];
        capdl_cap_parameters(s, &slot->rec, text);
        fprintf(f, ": %s%s\n", global, text);
        return;
    }
    fprintf(f, ": %s", capdl_object_name(s, &s->objects[slot->object], name));
    bool cnode = s->objects[slot->holder].type == RECORD_CAP_CNODE;
    put_parameters(f, s, &slot->rec, cnode ? mapped_as(s, x, &slot->rec) : NULL);
    bool reply = slot->rec.type == RECORD_CAP_REPLY && !(slot->rec.flags & RECORD_SLOT_MASTER);
    fputs(reply && !(slot->rec.rights & RECORD_RIGHT_GRANT) ? "  -- no grant\n" : "\n", f);
}

static void put_bound_to(FILE *f, const struct capstate *s, const char *slot, uint64_t addr,
                         uint32_t type)
{
    char name[CAPDL_NAME];
    int32_t bound = addr ? capstate_object_at(s, addr) : -1;
    if (bound >= 0 && s->objects[bound].type == type)
        fprintf(f, "    %s: %s%s\n", slot, capdl_object_name(s, &s->objects[bound], name),
                type == RECORD_CAP_NOTIFICATION ? " (RW)" : "");
}

/* What a thread has without a slot for it: capDL gives these numbers of their own. */
static void put_bound(FILE *f, const struct capstate *s, const struct capstate_object *o)
{
    if (o->type != RECORD_CAP_TCB || o->detail < 0)
        return;
    const struct record_thread *t = &s->threads[o->detail].rec;
    put_bound_to(f, s, "sc_slot", t->sched_context, RECORD_CAP_SCHED_CONTEXT);
    put_bound_to(f, s, "bound_notification", t->bound, RECORD_CAP_NOTIFICATION);
}

static void put_holder(FILE *f, const struct capstate *s, const struct entries *x, uint32_t holder)
{
    char name[CAPDL_NAME];
    fprintf(f, "  %s {\n", capdl_object_name(s, &s->objects[holder], name));
    for (int32_t slot = capstate_slot_in(s, (int32_t)holder, 0); slot >= 0;
         slot = capstate_slot_after(s, (int32_t)holder, slot))
        if (s->slots[slot].holder == (int32_t)holder && expressible(s, &s->slots[slot]))
            put_cap(f, s, x, &s->slots[slot]);
    put_bound(f, s, &s->objects[holder]);
    fputs("  }\n", f);
}

/* A directory whose pool is gone keeps its ASID, which another may have by now; a snapshot does not
 * tell them apart, and a slot of a pool holds one. */
static void put_pool(FILE *f, const struct capstate *s, const struct entries *x, uint32_t pool)
{
    char name[CAPDL_NAME];
    uint32_t low = capdl_arch_of(s)->asid_low_bits;
    uint64_t first = s->slots[s->objects[pool].first_slot].rec.data >> low << low;
    fprintf(f, "  %s {\n", capdl_object_name(s, &s->objects[pool], name));
    for (uint32_t i = space_from(x, first); i < x->spaces && x->space[i].asid - first < 1u << low;
         i++)
        if (i == 0 || x->space[i - 1].asid != x->space[i].asid)
            fprintf(f, "    0x%" PRIx64 ": %s\n", x->space[i].asid - first,
                    capdl_object_name(s, &s->objects[x->space[i].object], name));
    fputs("  }\n", f);
}

static void put_caps(FILE *f, const struct capstate *s, const struct entries *x)
{
    for (uint32_t i = 0; i < s->object_count; i++) {
        switch (s->objects[i].type) {
        case RECORD_CAP_CNODE:
        case RECORD_CAP_TCB:
            put_holder(f, s, x, i);
            break;
        case RECORD_CAP_PAGE_DIRECTORY:
        case RECORD_CAP_PAGE_TABLE:
            put_table(f, s, x, i);
            break;
        case RECORD_CAP_ASID_POOL:
            put_pool(f, s, x, i);
            break;
        default:
            break;
        }
    }
}

/* The notification of a handler is slot 0 of its irq object. -1: this is no such slot. */
static int64_t irq_of_slot(const struct capstate *s, const struct capstate_slot *slot)
{
    if (slot->holder >= 0 || slot->rec.type != RECORD_CAP_NOTIFICATION || slot->object < 0)
        return -1;
    for (uint32_t i = 0; i < s->irq_count; i++)
        if (s->irqs[i].slot == slot->rec.addr)
            for (uint32_t n = 0; n < s->object_count && s->objects[n].addr <= s->irqs[i].irq; n++)
                if (s->objects[n].type == RECORD_CAP_IRQ_HANDLER &&
                    s->objects[n].addr == s->irqs[i].irq)
                    return s->irqs[i].irq;
    return -1;
}

static void put_irq_caps(FILE *f, const struct capstate *s)
{
    char name[CAPDL_NAME];
    for (uint32_t i = 0; i < s->irq_count; i++) {
        int32_t slot = capstate_slot_at(s, s->irqs[i].slot);
        if (slot < 0 || irq_of_slot(s, &s->slots[slot]) < 0)
            continue;
        fprintf(f, "  irq_%u {\n    0x0: %s", s->irqs[i].irq,
                capdl_object_name(s, &s->objects[s->slots[slot].object], name));
        put_parameters(f, s, &s->slots[slot].rec, NULL);
        fputs("\n  }\n", f);
    }
}

/* --- cdt --- */

static bool has_place(const struct capstate *s, const struct capstate_slot *slot)
{
    return expressible(s, slot) || irq_of_slot(s, slot) >= 0;
}

static void put_place(FILE *f, const struct capstate *s, const struct capstate_slot *slot)
{
    char name[CAPDL_NAME];
    if (slot->holder < 0) {
        fprintf(f, "(irq_%" PRId64 ", 0x0)", irq_of_slot(s, slot));
        return;
    }
    fprintf(f, "(%s, ", capdl_object_name(s, &s->objects[slot->holder], name));
    put_slot_name(f, s, slot);
    fputc(')', f);
}

/* A child that has no place stands aside for its own children. */
static void put_children(FILE *f, const struct capstate *s, int32_t parent)
{
    bool any = false;
    for (int32_t i = parent + 1; i < s->slots[parent].next;) {
        if (!has_place(s, &s->slots[i])) {
            i++;
            continue;
        }
        if (!any) {
            fputs("  ", f);
            put_place(f, s, &s->slots[parent]);
            fputs(" {", f);
        }
        any = true;
        fputs("\n    ", f);
        put_place(f, s, &s->slots[i]);
        i = s->slots[i].next;
    }
    if (any)
        fputs("\n  }\n", f);
}

/* Parents by place, interrupts last. */
static int parent_compare(const void *pa, const void *pb, void *state)
{
    const struct capstate *s = state;
    const struct capstate_slot *a = &s->slots[*(const int32_t *)pa];
    const struct capstate_slot *b = &s->slots[*(const int32_t *)pb];
    if ((a->holder < 0) != (b->holder < 0))
        return a->holder < 0 ? 1 : -1;
    return order(a->rec.addr, b->rec.addr);
}

static bool put_cdt(FILE *f, const struct capstate *s)
{
    uint32_t count = 0;
    int32_t *parent = malloc((s->slot_count + 1) * sizeof(*parent));
    if (!parent)
        return false;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].next > (int32_t)i + 1 && has_place(s, &s->slots[i]))
            parent[count++] = (int32_t)i;
    if (count)
        qsort_r(parent, count, sizeof(*parent), parent_compare, (void *)(uintptr_t)s);
    fputs("cdt {\n", f);
    for (uint32_t i = 0; i < count; i++)
        put_children(f, s, parent[i]);
    fputs("}\n", f);
    free(parent);
    return true;
}

static void put_root_thread(FILE *f, const struct capstate *s)
{
    char name[CAPDL_NAME];
    int32_t root = s->snapshot.root_thread ? capstate_object_at(s, s->snapshot.root_thread) : -1;
    if (root >= 0 && s->objects[root].type == RECORD_CAP_TCB)
        fprintf(f, "-- root_thread %s\n", capdl_object_name(s, &s->objects[root], name));
}

static void put_sections(FILE *f, const struct capstate *s, const struct entries *x)
{
    char name[CAPDL_NAME];
    fprintf(f, "arch %s\n\n", capdl_arch_of(s)->word);
    put_root_thread(f, s);
    fputs("objects {\n", f);
    for (uint32_t i = 0; i < s->object_count; i++)
        put_object(f, s, i);
    fputs("}\n\ncaps {\n", f);
    put_caps(f, s, x);
    put_irq_caps(f, s);
    fputs("}\n\nirq maps {\n", f);
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].type == RECORD_CAP_IRQ_HANDLER)
            fprintf(f, "  %" PRIu64 ": %s\n", s->objects[i].addr,
                    capdl_object_name(s, &s->objects[i], name));
    fputs("}\n\n", f);
}

enum error export_capdl(FILE *f, const struct capstate *s)
{
    struct entries x;
    bool good = entries_make(s, &x);
    if (good)
        put_sections(f, s, &x);
    good = good && put_cdt(f, s);
    free(x.entry);
    free(x.by_frame);
    free(x.space);
    return good ? ERR_OK : ERR_NO_MEMORY;
}
