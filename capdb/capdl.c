/* capDL: the seL4 ecosystem's language for capability distributions (arch arm11).
 *
 * Names are made of type and address, so they begin with a letter and say nothing a target chose.
 * The grammar's traps: objects in one `ut` only, page tables in one directory, a flat cdt with one
 * parent a slot, TCB parameters all or none, mapping information only on CNode capabilities. */
#include "capdb/export.h"

#include "record/capdl.h"

#include <inttypes.h>

static const char *name_of(const struct capstate_object *o, char buf[CAPDL_NAME])
{
    return capdl_name(buf, o->type, o->addr, o->bits);
}

/* --- objects --- */

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
        fprintf(f, "%s%s", first ? " { " : ", ", name_of(o, name));
        first = false;
    }
    fputs(first ? "" : " }", f);
}

static void put_tcb(FILE *f, const struct capstate *s, const struct capstate_object *o)
{
    fputs(" = tcb", f);
    if (o->detail < 0)
        return;
    const struct record_thread *t = &s->threads[o->detail].rec;
    fprintf(f,
            " (addr: 0x%" PRIx64 ", ip: 0x%" PRIx64 ", sp: 0x%" PRIx64
            ", prio: %u, max_prio: %u, affinity: 0, dom: %u, "
            "fault_ep: 0x%" PRIx64 ")",
            t->ipc_buffer, t->pc, t->sp, t->priority, t->mcp, t->domain, t->fault_handler);
}

/* A CNode smaller than a slot is one of a damaged recording. */
static uint32_t cnode_bits(const struct capstate *s, const struct capstate_object *o)
{
    uint32_t slot = record_slot_bits(&s->snapshot);
    return o->bits > slot ? o->bits - slot : 0;
}

static void put_object(FILE *f, const struct capstate *s, uint32_t i)
{
    char name[CAPDL_NAME];
    const struct capstate_object *o = &s->objects[i];
    if (!capdl_is_object(o->type)) {
        if (o->type == RECORD_CAP_ZOMBIE)
            fprintf(f, "  -- 0x%" PRIx64 " is being deleted\n", o->addr);
        return;
    }
    fprintf(f, "  %s", name_of(o, name));
    switch (o->type) {
    case RECORD_CAP_UNTYPED:
        fprintf(f, " = ut (%u bits, paddr: 0x%" PRIx64 ")", o->bits, o->addr);
        put_members(f, s, i);
        break;
    case RECORD_CAP_ENDPOINT:
        fputs(" = ep", f);
        break;
    case RECORD_CAP_NOTIFICATION:
        fputs(" = notification", f);
        break;
    case RECORD_CAP_CNODE:
        fprintf(f, " = cnode (%u bits)", cnode_bits(s, o));
        break;
    case RECORD_CAP_TCB:
        put_tcb(f, s, o);
        break;
    case RECORD_CAP_FRAME:
        fprintf(f, " = frame (%s, paddr: 0x%" PRIx64 ")", capdl_frame_size(o->bits), o->addr);
        break;
    case RECORD_CAP_PAGE_TABLE:
        fputs(" = pt", f);
        break;
    case RECORD_CAP_PAGE_DIRECTORY:
        fputs(" = pd", f);
        break;
    case RECORD_CAP_ASID_POOL:
        fprintf(f, " = asid_pool (asid_high: 0x%" PRIx64 ")",
                s->slots[o->first_slot].rec.data >> CAPDL_ASID_LOW_BITS);
        break;
    default:
        fputs(" = irq", f);
    }
    fputc('\n', f);
}

/* --- caps --- */

static void put_parameters(FILE *f, const struct record_slot *r)
{
    char text[CAPDL_PARAMETERS];
    fputs(capdl_parameters(text, r), f);
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
    if (capdl_global(slot->rec.type))
        return true;
    return slot->object >= 0 && capdl_is_object(s->objects[slot->object].type);
}

static void put_cap(FILE *f, const struct capstate *s, const struct capstate_slot *slot)
{
    char name[CAPDL_NAME];
    const char *global = capdl_global(slot->rec.type);
    fputs("    ", f);
    put_slot_name(f, s, slot);
    if (global) {
        fprintf(f, ": %s\n", global);
        return;
    }
    fprintf(f, ": %s", name_of(&s->objects[slot->object], name));
    put_parameters(f, &slot->rec);
    fputc('\n', f);
}

static void put_holder(FILE *f, const struct capstate *s, uint32_t holder)
{
    char name[CAPDL_NAME];
    fprintf(f, "  %s {\n", name_of(&s->objects[holder], name));
    for (int32_t slot = capstate_slot_in(s, (int32_t)holder, 0); slot >= 0;
         slot = capstate_slot_after(s, (int32_t)holder, slot))
        if (s->slots[slot].holder == (int32_t)holder && expressible(s, &s->slots[slot]))
            put_cap(f, s, &s->slots[slot]);
    const struct capstate_object *o = &s->objects[holder];
    if (o->type == RECORD_CAP_TCB && o->detail >= 0 && s->threads[o->detail].rec.bound) {
        int32_t bound = capstate_object_at(s, s->threads[o->detail].rec.bound);
        if (bound >= 0 && s->objects[bound].type == RECORD_CAP_NOTIFICATION)
            fprintf(f, "    bound_notification: %s (RW)\n", name_of(&s->objects[bound], name));
    }
    fputs("  }\n", f);
}

/* --- page tables: contents come from translations --- */

/* Is this the first translation of its table that is written? A directory that lost its ASID may
 * still name a table that another has now, and a table is in one directory. */
static bool is_table_here(const struct capstate *s, uint32_t mapping)
{
    const struct record_mapping *m = &s->mappings[mapping];
    for (uint32_t i = 0; i < mapping; i++)
        if (s->mappings[i].table == m->table)
            return s->mappings[i].dir == m->dir && s->mappings[i].vaddr >> 20 == m->vaddr >> 20;
    return true;
}

static void put_mapping(FILE *f, const struct capstate *s, const struct record_mapping *m,
                        uint32_t index)
{
    char name[CAPDL_NAME];
    int32_t frame = capstate_object_at(s, m->frame);
    if (frame < 0 || s->objects[frame].type != RECORD_CAP_FRAME ||
        !(m->rights & (RECORD_RIGHT_READ | RECORD_RIGHT_WRITE | 4)))
        return;
    fprintf(f, "    0x%x: %s (%s%s%s%s)\n", index, name_of(&s->objects[frame], name),
            m->rights & RECORD_RIGHT_READ ? "R" : "", m->rights & RECORD_RIGHT_WRITE ? "W" : "",
            m->rights & 4 ? "X" : "", m->attributes & 1 ? "" : ", uncached");
}

static void put_directory(FILE *f, const struct capstate *s, uint32_t dir)
{
    char name[CAPDL_NAME];
    uint64_t last_table = 0;
    fprintf(f, "  %s {\n", name_of(&s->objects[dir], name));
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->dir != s->objects[dir].addr)
            continue;
        if (m->table == 0) {
            put_mapping(f, s, m, (uint32_t)(m->vaddr >> 20));
        } else if (m->table != last_table) {
            int32_t table = capstate_object_at(s, m->table);
            if (table >= 0 && s->objects[table].type == RECORD_CAP_PAGE_TABLE &&
                is_table_here(s, i))
                fprintf(f, "    0x%" PRIx64 ": %s\n", m->vaddr >> 20,
                        name_of(&s->objects[table], name));
            last_table = m->table;
        }
    }
    fputs("  }\n", f);
}

static void put_table(FILE *f, const struct capstate *s, uint32_t table)
{
    char name[CAPDL_NAME];
    uint64_t dir = 0;
    fprintf(f, "  %s {\n", name_of(&s->objects[table], name));
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->table != s->objects[table].addr || (dir && m->dir != dir))
            continue; /* a second directory with this table repeats its contents */
        dir = m->dir;
        put_mapping(f, s, m, (uint32_t)(m->vaddr >> 12) & (CAPDL_TABLE_ENTRIES - 1));
    }
    fputs("  }\n", f);
}

/* A directory whose pool is gone keeps its ASID, which another may have by now; a snapshot does not
 * tell them apart, and a slot of a pool holds one. */
static bool has_asid_before(const struct capstate *s, uint32_t directory, uint64_t asid)
{
    for (uint32_t i = 0; i < directory; i++)
        if (s->objects[i].type == RECORD_CAP_PAGE_DIRECTORY &&
            s->slots[s->objects[i].first_slot].rec.extra == asid)
            return true;
    return false;
}

static void put_pool(FILE *f, const struct capstate *s, uint32_t pool)
{
    char name[CAPDL_NAME];
    uint64_t high = s->slots[s->objects[pool].first_slot].rec.data >> CAPDL_ASID_LOW_BITS;
    fprintf(f, "  %s {\n", name_of(&s->objects[pool], name));
    for (uint32_t i = 0; i < s->object_count; i++) {
        if (s->objects[i].type != RECORD_CAP_PAGE_DIRECTORY)
            continue;
        uint64_t asid = s->slots[s->objects[i].first_slot].rec.extra;
        if (asid && asid >> CAPDL_ASID_LOW_BITS == high && !has_asid_before(s, i, asid))
            fprintf(f, "    0x%" PRIx64 ": %s\n", asid & ((1u << CAPDL_ASID_LOW_BITS) - 1),
                    name_of(&s->objects[i], name));
    }
    fputs("  }\n", f);
}

static void put_caps(FILE *f, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->object_count; i++) {
        switch (s->objects[i].type) {
        case RECORD_CAP_CNODE:
        case RECORD_CAP_TCB:
            put_holder(f, s, i);
            break;
        case RECORD_CAP_PAGE_DIRECTORY:
            put_directory(f, s, i);
            break;
        case RECORD_CAP_PAGE_TABLE:
            put_table(f, s, i);
            break;
        case RECORD_CAP_ASID_POOL:
            put_pool(f, s, i);
            break;
        default:
            break;
        }
    }
}

/* The notification of a handler is slot 0 of its irq object. */
static void put_irq_caps(FILE *f, const struct capstate *s)
{
    char name[CAPDL_NAME];
    for (uint32_t i = 0; i < s->irq_count; i++) {
        int32_t slot = capstate_slot_at(s, s->irqs[i].slot);
        bool handler = false;
        for (uint32_t n = 0; n < s->object_count; n++)
            handler |= s->objects[n].type == RECORD_CAP_IRQ_HANDLER &&
                       s->objects[n].addr == s->irqs[i].irq;
        if (!handler || slot < 0 || s->slots[slot].rec.type != RECORD_CAP_NOTIFICATION)
            continue;
        fprintf(f, "  irq_%u {\n    0x0: %s", s->irqs[i].irq,
                name_of(&s->objects[s->slots[slot].object], name));
        put_parameters(f, &s->slots[slot].rec);
        fputs("\n  }\n", f);
    }
}

/* --- cdt --- */

static void put_place(FILE *f, const struct capstate *s, const struct capstate_slot *slot)
{
    char name[CAPDL_NAME];
    fprintf(f, "(%s, ", name_of(&s->objects[slot->holder], name));
    put_slot_name(f, s, slot);
    fputc(')', f);
}

static void put_children(FILE *f, const struct capstate *s, int32_t parent)
{
    bool any = false;
    for (int32_t i = parent + 1; i < s->slots[parent].next; i = s->slots[i].next) {
        if (!expressible(s, &s->slots[i]))
            continue;
        if (!any) {
            fputs("  ", f);
            put_place(f, s, &s->slots[parent]);
            fputs(" {", f);
        }
        any = true;
        fputs("\n    ", f);
        put_place(f, s, &s->slots[i]);
    }
    if (any)
        fputs("\n  }\n", f);
}

void export_capdl(FILE *f, const struct capstate *s)
{
    fputs("arch arm11\n\nobjects {\n", f);
    for (uint32_t i = 0; i < s->object_count; i++)
        put_object(f, s, i);
    fputs("}\n\ncaps {\n", f);
    put_caps(f, s);
    put_irq_caps(f, s);
    fputs("}\n\nirq maps {\n", f);
    char name[CAPDL_NAME];
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].type == RECORD_CAP_IRQ_HANDLER)
            fprintf(f, "  %" PRIu64 ": %s\n", s->objects[i].addr, name_of(&s->objects[i], name));
    fputs("}\n\ncdt {\n", f);
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (expressible(s, &s->slots[i]))
            put_children(f, s, (int32_t)i);
    fputs("}\n", f);
}
