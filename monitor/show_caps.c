/* Commands about capabilities: objects, CNodes, slots, the derivation tree, holders. */
#include "monitor/command.h"
#include "monitor/door/door.h"
#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/text.h"
#include "monitor/view.h"
#include "record/names.h"

enum { INDENT_MAX = 16, SLOT_SIZE = sizeof(struct slot), CHILDREN_SHOWN = 32 };

static void slot_line(const struct objwalk *w, const struct record_slot *r, kaddr_t slot)
{
    out("0x%08x ", r->addr);
    text_cap(r);
    text_place_piece(w, slot);
    out("\n");
}

/* ---- objects ---- */

static bool type_by_name(const char *name, uint32_t *type)
{
    for (uint32_t t = 1; t < RECORD_CAP_TYPES; t++)
        if (args_equal(record_cap_name(t), name)) {
            *type = t;
            return true;
        }
    return false;
}

static void object_line(const struct record_slot *first, uint32_t caps)
{
    char size[TEXT_SIZE];
    out("0x%08x %-12s %6s %4u cap%s", first->object, record_cap_name(first->type),
        first->bits ? text_size(1u << (first->bits & 31), size) : "-", caps, caps == 1 ? "" : "s");
    if (first->type == RECORD_CAP_TCB) {
        out(" ");
        text_thread(kaddr_from_paddr(first->object), TEXT_NAME);
    }
    if (first->type == RECORD_CAP_IRQ_HANDLER)
        out(" irq %u", first->data);
    if (first->flags & RECORD_SLOT_DEVICE)
        out(" device");
    out("\n");
}

/* Capabilities to one object stand together; of an untyped each capability is listed. */
static bool same_object(const struct record_slot *a, const struct record_slot *b)
{
    return a->type == b->type && a->object == b->object && a->bits == b->bits &&
           a->type != RECORD_CAP_UNTYPED &&
           (a->type != RECORD_CAP_IRQ_HANDLER || a->data == b->data);
}

enum error command_objects(const struct args *a)
{
    struct objwalk *w = view_walk();
    uint32_t type = 0, caps = 0;
    if (!w)
        return ERR_NO_ROOTS;
    if (a->count > 0 && !type_by_name(a->word[0], &type)) {
        out("'%s' is no type of object\n", a->word[0]);
        return ERR_ARGUMENT;
    }
    struct record_slot first = {.type = RECORD_CAP_NULL}, r;
    enum error e;
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped()) {
        if (same_object(&first, &r)) {
            caps++;
            continue;
        }
        if (caps > 0 && (type == 0 || first.type == type))
            object_line(&first, caps);
        first = r;
        caps = 1;
    }
    if (caps > 0 && (type == 0 || first.type == type))
        object_line(&first, caps);
    view_complain(w, e);
    return ERR_OK;
}

/* ---- cnode ---- */

static enum error cnode_of_thread(struct objwalk *w, kaddr_t tcb, kaddr_t *base, uint32_t *bits)
{
    struct record_slot root;
    enum error e = objwalk_slot(w, tcb + TCB_CSPACE * SLOT_SIZE, &root);
    if (e != ERR_OK || root.type != RECORD_CAP_CNODE) {
        out("the thread has no CNode at the root of its CSpace\n");
        return ERR_NOT_FOUND;
    }
    *base = kaddr_from_paddr(root.object);
    *bits = root.bits;
    return ERR_OK;
}

static enum error cnode_at(struct objwalk *w, const struct args *a, kaddr_t *base, uint32_t *bits)
{
    kaddr_t address;
    places_collect(w);
    kaddr_t tcb = a->count > 0 ? places_thread_named(a->word[0]) : 0;
    if (tcb != 0)
        return cnode_of_thread(w, tcb, base, bits);
    enum error e = args_address(a, 0, &address);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < places_count(); i++) {
        const struct place *p = places_at(i);
        if (p->base != address)
            continue;
        if (p->kind == PLACE_TCB)
            return cnode_of_thread(w, address, base, bits);
        *base = address;
        *bits = p->bits;
        return ERR_OK;
    }
    out("there is no CNode at 0x%08x\n", paddr_from_kaddr(address));
    return ERR_NOT_FOUND;
}

enum error command_cnode(const struct args *a)
{
    struct objwalk *w = view_walk();
    kaddr_t base;
    uint32_t bits, used = 0;
    if (!w)
        return ERR_NO_ROOTS;
    enum error e = cnode_at(w, a, &base, &bits);
    if (e != ERR_OK)
        return e;
    uint32_t slots = (uint32_t)1 << (bits - SLOT_BITS);
    out("cnode 0x%08x, %u slots\n", paddr_from_kaddr(base), slots);
    for (uint32_t i = 0; i < slots && !out_stopped(); i++) {
        struct record_slot r;
        e = objwalk_slot(w, base + i * SLOT_SIZE, &r);
        if (e != ERR_OK) {
            out("%5u %s\n", i, error_sentence(e));
            return e;
        }
        if (r.type == RECORD_CAP_NULL)
            continue;
        out("%5u 0x%08x ", i, r.addr);
        text_cap(&r);
        out("\n");
        used++;
    }
    out("%u in use\n", used);
    return ERR_OK;
}

/* ---- slot ---- */

/* Moves view_cursor to the slot; ERR_NOT_FOUND if it is not in the list. */
static enum error cursor_to(struct objwalk *w, kaddr_t slot, struct record_slot *r)
{
    enum error e;
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, r)) == ERR_OK) {
        if (view_cursor.slot == slot)
            return ERR_OK;
        if (out_stopped())
            return ERR_STOPPED;
    }
    return e;
}

static void slot_parent(struct objwalk *w)
{
    struct record_slot r;
    uint32_t depth = view_cursor.depth;
    out("depth %u\n", depth);
    if (depth == 0 || depth > OBJWALK_MAX_DEPTH)
        return;
    kaddr_t parent = view_cursor.chain_addr[depth - 1];
    if (objwalk_slot(w, parent, &r) != ERR_OK)
        return;
    out("parent   ");
    slot_line(w, &r, parent);
}

static void slot_children(struct objwalk *w)
{
    uint32_t depth = view_cursor.depth, children = 0, below = 0;
    struct record_slot r;
    while (objwalk_cdt_next(w, &view_cursor, &r) == ERR_OK && view_cursor.depth > depth &&
           !out_stopped()) {
        below++;
        if (view_cursor.depth != depth + 1)
            continue;
        if (children++ < CHILDREN_SHOWN) {
            out("child    ");
            slot_line(w, &r, view_cursor.slot);
        }
    }
    if (children > CHILDREN_SHOWN)
        out("and %u children more\n", children - CHILDREN_SHOWN);
    out("%u child%s, %u below in all\n", children, children == 1 ? "" : "ren", below);
}

/* Events in the ring that touched the slot, oldest first. */
static void slot_history(struct objwalk *w, kaddr_t slot)
{
    for (word_t back = DEBUG_RING_EVENTS; back > 0 && !out_stopped(); back--) {
        if (back > debug_trace.ring.head)
            continue;
        const struct event *e = debug_ring_entry(debug_trace.ring.head - back + 1);
        if (!e || (e->slot != slot && e->src != slot))
            continue;
        text_event(w, e);
        out("\n");
    }
}

enum error command_slot(const struct args *a)
{
    struct objwalk *w = view_walk();
    struct record_slot r;
    kaddr_t slot;
    if (!w)
        return ERR_NO_ROOTS;
    enum error e = args_address(a, 0, &slot);
    if (e != ERR_OK)
        return e;
    slot &= SLOT_LINK_MASK;
    if (!view_is_ram(slot)) {
        out("there is no memory at 0x%08x\n", paddr_from_kaddr(slot));
        return ERR_READ;
    }
    places_collect(w);
    e = objwalk_slot(w, slot, &r);
    if (e != ERR_OK) {
        out("0x%08x: %s\n", paddr_from_kaddr(slot), error_sentence(e));
        return e;
    }
    slot_line(w, &r, slot);
    if (r.type != RECORD_CAP_NULL) {
        e = cursor_to(w, slot, &r);
        if (e == ERR_OK) {
            slot_parent(w);
            slot_children(w);
        } else if (e == ERR_NOT_FOUND) {
            out("not in the derivation list\n");
        } else {
            view_complain(w, e);
        }
    }
    slot_history(w, slot);
    return ERR_OK;
}

/* ---- cdt ---- */

static void cdt_line(const struct record_slot *r, uint32_t depth)
{
    uint32_t indent = 2 * depth;
    if (indent > INDENT_MAX) {
        out("(%u) ", depth);
        indent = INDENT_MAX - 5;
    }
    for (uint32_t i = 0; i < indent; i++)
        out(" ");
    out("0x%08x ", r->addr);
    text_cap(r);
    out("\n");
}

enum error command_cdt(const struct args *a)
{
    struct objwalk *w = view_walk();
    struct record_slot r;
    kaddr_t slot = 0;
    if (!w)
        return ERR_NO_ROOTS;
    enum error e = a->count > 0 ? args_address(a, 0, &slot) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (slot != 0) {
        e = cursor_to(w, slot & SLOT_LINK_MASK, &r);
    } else {
        objwalk_cdt_begin(w, &view_cursor);
        e = objwalk_cdt_next(w, &view_cursor, &r);
    }
    if (e == ERR_NOT_FOUND)
        out("no capability stands in this slot\n");
    uint32_t base = view_cursor.depth;
    while (e == ERR_OK && !out_stopped()) {
        cdt_line(&r, view_cursor.depth - base);
        e = objwalk_cdt_next(w, &view_cursor, &r);
        if (e == ERR_OK && slot != 0 && view_cursor.depth <= base)
            break;
    }
    view_complain(w, e);
    return ERR_OK;
}

/* ---- who ---- */

static bool covers(const struct record_slot *r, paddr_t address)
{
    if (r->bits == 0)
        return r->object == address && r->object != 0;
    return address - r->object < (uint32_t)1 << (r->bits & 31);
}

enum error command_who(const struct args *a)
{
    struct objwalk *w = view_walk();
    kaddr_t address;
    if (!w)
        return ERR_NO_ROOTS;
    places_collect(w);
    address = a->count > 0 ? places_thread_named(a->word[0]) : 0;
    enum error e = address != 0 ? ERR_OK : args_address(a, 0, &address);
    if (e != ERR_OK)
        return e;
    struct record_slot r;
    uint32_t holders = 0;
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped()) {
        if (!covers(&r, paddr_from_kaddr(address)))
            continue;
        slot_line(w, &r, view_cursor.slot);
        holders += r.type != RECORD_CAP_UNTYPED;
    }
    view_complain(w, e);
    out("%u capabilit%s to what lies at 0x%08x, untyped memory around it not counted\n", holders,
        holders == 1 ? "y" : "ies", paddr_from_kaddr(address));
    return ERR_OK;
}
