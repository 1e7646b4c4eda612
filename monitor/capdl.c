/* The state as a capDL specification: objects, capabilities, interrupts, derivation.
 *
 * Every capability is found through the derivation list, every slot through the CNode or TCB it
 * lies in (places.h), so nested CNodes and the root task are there, and nothing is marked or
 * changed on the way. What capDL has no word for stands in comments: zombies, thread names.
 *
 * Names carry the physical address, so they are the same in every dump. Capabilities to one object
 * stand together in the list, so an object is named at the first; a copy of an untyped stands below
 * an untyped of the same block and is no object of its own. */
#include "monitor/capdl.h"

#include "record/capdl.h"
#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/text.h"
#include "monitor/view.h"

enum {
    SLOT_SIZE = sizeof(struct slot),
    ASID_LOW_BITS = ASID_POOL_INDEX_BITS,
    NOTHING_OPEN = 0xffffffff,
};

/* ---- names ---- */

static void name(const struct record_slot *r)
{
    char text[CAPDL_NAME];
    out("%s", capdl_name(text, r->type, r->type == RECORD_CAP_IRQ_HANDLER ? r->data : r->object,
                         r->bits));
}

static bool same(const struct record_slot *a, const struct record_slot *b)
{
    return a->type == b->type && a->object == b->object && a->bits == b->bits &&
           (a->type != RECORD_CAP_IRQ_HANDLER || a->data == b->data);
}

/* Does the cursor stand on the first capability to its object? `last`: the record before it that
 * passed, updated here. */
static bool is_first(struct objwalk *w, const struct objwalk_cursor *c, const struct record_slot *r,
                     struct record_slot *last)
{
    struct record_slot parent;
    if (!capdl_is_object(r->type) || same(r, last))
        return false;
    *last = *r;
    if (r->type != RECORD_CAP_UNTYPED || c->depth == 0 || c->depth > OBJWALK_MAX_DEPTH)
        return true;
    return objwalk_slot(w, c->chain_addr[c->depth - 1], &parent) != ERR_OK || !same(&parent, r);
}

/* ---- objects ---- */

static void members(struct objwalk *w, const struct record_slot *untyped)
{
    struct record_slot r, last = *untyped;
    uint32_t hidden = NOTHING_OPEN; /* depth of a nested untyped: what is below it is its own */
    bool any = false;
    view_inner = view_cursor;
    uint32_t depth = view_inner.depth;
    out(" {");
    while (objwalk_cdt_next(w, &view_inner, &r) == ERR_OK && view_inner.depth > depth) {
        if (view_inner.depth > hidden)
            continue;
        hidden = NOTHING_OPEN;
        if (r.type == RECORD_CAP_UNTYPED && same(&r, untyped))
            continue;
        if (r.type == RECORD_CAP_UNTYPED)
            hidden = view_inner.depth;
        if (r.type == RECORD_CAP_IRQ_HANDLER || !is_first(w, &view_inner, &r, &last))
            continue;
        out(any ? ",\n      " : "\n      ");
        name(&r);
        any = true;
        if (out_stopped())
            break;
    }
    out(" }");
}

static void tcb_object(struct objwalk *w, const struct record_slot *r)
{
    static struct record_thread t;
    out("tcb");
    if (objwalk_thread(w, kaddr_from_paddr(r->object), &t) != ERR_OK)
        return;
    out(" (addr: 0x%x, ip: 0x%x, sp: 0x%x, prio: %u,\n      max_prio: %u, affinity: 0, dom: %u",
        t.ipc_buffer, t.pc, t.sp, t.priority, t.mcp, t.domain);
    if (t.fault_handler != 0)
        out(", fault_ep: 0x%x", t.fault_handler);
    out(")");
    if (t.name.length != 0) {
        out("  -- ");
        out_escaped(t.name.bytes, t.name.length, TEXT_NAME);
    }
}

static void object(struct objwalk *w, const struct record_slot *r)
{
    out("  ");
    name(r);
    out(" = ");
    switch (r->type) {
    case RECORD_CAP_UNTYPED:
        out("ut (%u bits, paddr: 0x%08x)", r->bits, r->object);
        members(w, r);
        break;
    case RECORD_CAP_ENDPOINT:
        out("ep");
        break;
    case RECORD_CAP_NOTIFICATION:
        out("notification");
        break;
    case RECORD_CAP_CNODE:
        out("cnode (%u bits)", r->bits - SLOT_BITS);
        break;
    case RECORD_CAP_TCB:
        tcb_object(w, r);
        break;
    case RECORD_CAP_FRAME:
        out("frame (%s, paddr: 0x%08x)", capdl_frame_size(r->bits), r->object);
        break;
    case RECORD_CAP_PAGE_TABLE:
        out("pt");
        break;
    case RECORD_CAP_PAGE_DIRECTORY:
        out("pd");
        break;
    case RECORD_CAP_ASID_POOL:
        out("asid_pool (asid_high: 0x%x)", r->data >> ASID_LOW_BITS);
        break;
    default:
        out("irq");
        break;
    }
    out("\n");
}

static enum error objects(struct objwalk *w)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    enum error e;
    out("objects {\n");
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped())
        if (is_first(w, &view_cursor, &r, &last))
            object(w, &r);
    out("}\n");
    return e;
}

/* ---- capabilities ---- */

/* "cn_80101000 (guard: 0x0, guard_size: 28)" */
static void cap(const struct record_slot *r)
{
    char parameters[CAPDL_PARAMETERS];
    if (capdl_global(r->type)) {
        out("%s", capdl_global(r->type));
        return;
    }
    name(r);
    out("%s", capdl_parameters(parameters, r));
}

/* What a translation says of its frame. */
static void frame_cap(const struct record_mapping *m)
{
    cap(&(struct record_slot){
        .type = RECORD_CAP_FRAME, .object = m->frame, .rights = m->rights & 3});
}

static bool is_sayable(const struct record_slot *r)
{
    return capdl_is_object(r->type) || r->type == RECORD_CAP_REPLY || capdl_global(r->type);
}

static void cnode_caps(struct objwalk *w, const struct place *p)
{
    uint32_t slots = (uint32_t)1 << (p->bits - SLOT_BITS);
    out("  cn_%08x {\n", paddr_from_kaddr(p->base));
    for (uint32_t i = 0; i < slots && !out_stopped(); i++) {
        struct record_slot r;
        if (objwalk_slot(w, p->base + i * SLOT_SIZE, &r) != ERR_OK || r.type == RECORD_CAP_NULL)
            continue;
        if (!is_sayable(&r)) {
            out("    -- 0x%x: being deleted or not valid\n", i);
            continue;
        }
        out("    0x%x: ", i);
        cap(&r);
        out("\n");
    }
    out("  }\n");
}

static void tcb_caps(struct objwalk *w, const struct place *p)
{
    static struct record_thread t;
    out("  tcb_%08x {\n", paddr_from_kaddr(p->base));
    for (uint32_t i = 0; i < TCB_SLOTS; i++) {
        struct record_slot r;
        if (objwalk_slot(w, p->base + i * SLOT_SIZE, &r) != ERR_OK || r.type == RECORD_CAP_NULL ||
            !is_sayable(&r))
            continue;
        out("    %s: ", capdl_tcb_slot(i));
        cap(&r);
        out("\n");
    }
    if (objwalk_thread(w, p->base, &t) == ERR_OK && t.bound != 0)
        out("    bound_notification: ntf_%08x (RW)\n", t.bound);
    out("  }\n");
}

static void holders(struct objwalk *w)
{
    for (uint32_t i = 0; i < places_count() && !out_stopped(); i++) {
        const struct place *p = places_at(i);
        if (p->dying || p->base == w->roots.idle_thread)
            continue;
        if (p->kind == PLACE_CNODE)
            cnode_caps(w, p);
        else
            tcb_caps(w, p);
    }
}

/* ---- translations ----
 *
 * What is written comes from pools and tables: a capability keeps the ASID of a pool that is gone,
 * and another directory may have it now. */

/* Does the pool name this directory for the ASID its capability says? */
static bool is_assigned(struct objwalk *w, const struct record_slot *directory)
{
    kaddr_t named;
    return directory->extra != 0 && objwalk_directory(w, directory->extra, &named) == ERR_OK &&
           named == kaddr_from_paddr(directory->object);
}

static bool is_in_directory(struct objwalk *w, kaddr_t dir, const struct record_slot *table)
{
    paddr_t found;
    return objwalk_table(w, dir, table->data, &found) == ERR_OK && found == table->object;
}

static void directory_tables(struct objwalk *w, kaddr_t dir, uint32_t asid)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    objwalk_cdt_begin(w, &view_inner);
    while (objwalk_cdt_next(w, &view_inner, &r) == ERR_OK) {
        if (r.type != RECORD_CAP_PAGE_TABLE || r.extra != asid || same(&r, &last) ||
            !is_in_directory(w, dir, &r))
            continue;
        last = r;
        out("    0x%x: pt_%08x\n", r.data >> 20, r.object);
    }
}

static void directory_sections(struct objwalk *w, kaddr_t dir, uint32_t asid)
{
    static struct objwalk_mapping_cursor c;
    struct record_mapping m;
    objwalk_mapping_begin(&c, dir, asid);
    while (objwalk_mapping_next(w, &c, &m) == ERR_OK && !out_stopped()) {
        if (m.table != 0)
            continue;
        out("    0x%x: ", m.vaddr >> 20);
        frame_cap(&m);
        out("\n");
    }
}

/* Translations come in ascending order, so those of one table stand together. */
static void table_frames(struct objwalk *w, kaddr_t dir, uint32_t asid)
{
    static struct objwalk_mapping_cursor c;
    struct record_mapping m;
    paddr_t open = 0;
    objwalk_mapping_begin(&c, dir, asid);
    while (objwalk_mapping_next(w, &c, &m) == ERR_OK && !out_stopped()) {
        if (m.table == 0)
            continue;
        if (m.table != open) {
            out(open ? "  }\n  pt_%08x {\n" : "  pt_%08x {\n", m.table);
            open = m.table;
        }
        out("    0x%x: ", m.vaddr >> 12 & (PTE_COUNT - 1));
        frame_cap(&m);
        out("\n");
    }
    if (open != 0)
        out("  }\n");
}

static void space(struct objwalk *w, const struct record_slot *directory)
{
    kaddr_t dir = kaddr_from_paddr(directory->object);
    bool assigned = is_assigned(w, directory);
    out("  pd_%08x {\n", directory->object);
    if (assigned) {
        directory_tables(w, dir, directory->extra);
        directory_sections(w, dir, directory->extra);
    }
    out("  }\n");
    if (assigned)
        table_frames(w, dir, directory->extra);
}

static void spaces(struct objwalk *w)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    objwalk_cdt_begin(w, &view_cursor);
    while (objwalk_cdt_next(w, &view_cursor, &r) == ERR_OK && !out_stopped()) {
        if (r.type != RECORD_CAP_PAGE_DIRECTORY || same(&r, &last))
            continue;
        last = r;
        space(w, &r);
    }
}

static void pool_directories(struct objwalk *w, uint32_t first_asid)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    objwalk_cdt_begin(w, &view_inner);
    while (objwalk_cdt_next(w, &view_inner, &r) == ERR_OK) {
        if (r.type != RECORD_CAP_PAGE_DIRECTORY || same(&r, &last) ||
            r.extra >> ASID_LOW_BITS != first_asid >> ASID_LOW_BITS || !is_assigned(w, &r))
            continue;
        last = r;
        out("    0x%x: pd_%08x\n", r.extra & (ASIDS_PER_POOL - 1), r.object);
    }
}

static void irq_cap(struct objwalk *w, uint32_t irq)
{
    struct record_slot n;
    if (objwalk_slot(w, w->roots.irq_slots + irq * SLOT_SIZE, &n) != ERR_OK ||
        n.type != RECORD_CAP_NOTIFICATION)
        return;
    out("  irq_%u {\n    0x0: ", irq);
    cap(&n);
    out("\n  }\n");
}

/* ASID pools and interrupts; with maps only: the list that names each interrupt's object. */
static void pools_and_irqs(struct objwalk *w, bool maps)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    objwalk_cdt_begin(w, &view_cursor);
    while (objwalk_cdt_next(w, &view_cursor, &r) == ERR_OK && !out_stopped()) {
        if (!is_first(w, &view_cursor, &r, &last))
            continue;
        if (r.type == RECORD_CAP_IRQ_HANDLER && maps)
            out("  %u: irq_%u\n", r.data, r.data);
        else if (r.type == RECORD_CAP_IRQ_HANDLER)
            irq_cap(w, r.data);
        if (r.type != RECORD_CAP_ASID_POOL || maps)
            continue;
        out("  ap_%08x {\n", r.object);
        pool_directories(w, r.data);
        out("  }\n");
    }
}

/* ---- derivation ---- */

/* "(cn_80101000, 0x4)" if the slot lies in a CNode. */
static bool slot_name(kaddr_t slot)
{
    uint32_t index;
    const struct place *p = places_find(slot, &index);
    if (!p || p->kind != PLACE_CNODE || p->dying)
        return false;
    out("(cn_%08x, 0x%x)", paddr_from_kaddr(p->base), index);
    return true;
}

static bool is_nameable(kaddr_t slot)
{
    uint32_t index;
    const struct place *p = places_find(slot, &index);
    return p && p->kind == PLACE_CNODE && !p->dying;
}

/* The nearest slots below view_cursor's that lie in CNodes: a slot of a TCB between stands aside
 * for its own children. */
static void children(struct objwalk *w)
{
    struct record_slot r;
    uint32_t named = NOTHING_OPEN; /* depth of a child named already: what is below it is its own */
    bool any = false;
    view_inner = view_cursor;
    uint32_t depth = view_inner.depth;
    while (objwalk_cdt_next(w, &view_inner, &r) == ERR_OK && view_inner.depth > depth &&
           !out_stopped()) {
        if (view_inner.depth > named)
            continue;
        named = NOTHING_OPEN;
        if (!is_nameable(view_inner.slot))
            continue;
        if (!any) {
            out("  ");
            slot_name(view_cursor.slot);
            out(" {");
        }
        out("\n    ");
        slot_name(view_inner.slot);
        any = true;
        named = view_inner.depth;
    }
    if (any)
        out(" }\n");
}

static enum error derivation(struct objwalk *w)
{
    struct record_slot r;
    enum error e;
    out("cdt {\n");
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped())
        if (is_nameable(view_cursor.slot))
            children(w);
    out("}\n");
    return e;
}

enum error capdl_print(void)
{
    struct objwalk *w = view_walk();
    if (!w)
        return ERR_NO_ROOTS;
    places_collect(w);
    out("arch arm11\n\n");
    enum error e = objects(w);
    out("\ncaps {\n");
    holders(w);
    spaces(w);
    pools_and_irqs(w, false);
    out("}\n\nirq maps {\n");
    pools_and_irqs(w, true);
    out("}\n\n");
    derivation(w);
    if (out_stopped())
        return ERR_STOPPED;
    if (e != ERR_NOT_FOUND || places_left_out() != 0) {
        out("-- INCOMPLETE: the derivation list is broken, or there are too many CNodes\n");
        return ERR_CORRUPT;
    }
    return ERR_OK;
}
