/* Why a capability address or a virtual address does not lead where it should. */
#include "facts/why.h"

#include "facts/resolve.h"
#include "facts/waiting.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME = 200 };

/* --- capability addresses --- */

static void say_level(const struct capstate *s, const struct resolve_level *l, uint32_t depth,
                      struct why *out)
{
    char cnode[NAME];
    capstate_object_text(s, l->cnode, cnode, sizeof(cnode));
    if (l->guard_bits && l->guard_found != l->guard)
        why_say(out, depth, WHY_ABOUT_SLOT, s->slots[l->cnode_slot].rec.addr,
                "%s wants the guard 0x%" PRIx64 " (%u bits), the address has 0x%" PRIx64
                " there: GuardMismatch, %u bits left",
                cnode, l->guard, l->guard_bits, l->guard_found, l->bits_left);
    else if (l->guard_bits + l->radix > l->bits_left)
        why_say(out, depth, WHY_ABOUT_SLOT, s->slots[l->cnode_slot].rec.addr,
                "%s takes %u bits (guard %u, index %u), but %u are left: DepthMismatch", cnode,
                l->guard_bits + l->radix, l->guard_bits, l->radix, l->bits_left);
    else
        why_say(out, depth, WHY_ABOUT_SLOT, l->slot_addr,
                "%s: guard of %u bits fits, index %" PRIu64 " (%u bits)", cnode, l->guard_bits,
                l->index, l->radix);
}

static bool needs_write(uint32_t type)
{
    return type == RECORD_CAP_ENDPOINT || type == RECORD_CAP_NOTIFICATION;
}

/* A mapped frame or table whose place another one took, or whose address space is gone. */
static bool is_stale(const struct capstate *s, const struct record_slot *c)
{
    if (c->type != RECORD_CAP_FRAME || c->extra == 0)
        return false;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].frame == c->object && s->mappings[i].vaddr == c->data &&
            s->mappings[i].asid == c->extra)
            return false;
    return true;
}

static void say_capability(const struct capstate *s, int32_t slot, uint32_t depth, struct why *out)
{
    const struct record_slot *c = &s->slots[slot].rec;
    char text[NAME];
    capstate_slot_text(s, slot, text, sizeof(text));
    if (c->type == RECORD_CAP_INVALID)
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr, "%s: its words make no sense", text);
    else if (c->type == RECORD_CAP_ZOMBIE)
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr,
                "%s: its object is being deleted, an invocation gets InvalidCapability", text);
    else if (needs_write(c->type) && !(c->rights & RECORD_RIGHT_WRITE))
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr,
                "%s: without the right to write, sending gets InvalidCapability%s", text,
                c->rights & RECORD_RIGHT_READ ? "; receiving works" : "");
    else if (is_stale(s, c))
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr,
                "%s: stale, another mapping took its place or its address space is gone", text);
    else
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr, "%s: it can be invoked", text);
}

static void say_resolution(const struct capstate *s, const struct resolve *r, uint32_t depth,
                           struct why *out)
{
    for (uint32_t i = 0; i < r->levels; i++)
        say_level(s, &r->level[i], depth + i, out);
    if (r->end != RESOLVE_SLOT)
        return;
    const struct resolve_level *last = &r->level[r->levels - 1];
    if (last->slot >= 0)
        say_capability(s, last->slot, depth + r->levels, out);
    else
        why_say(out, depth + r->levels, WHY_ABOUT_SLOT, last->slot_addr,
                "the slot 0x%0*" PRIx64 " is empty", capstate_digits(s), last->slot_addr);
    if (r->bits_left)
        why_say(out, depth + r->levels, WHY_ABOUT_NOTHING, 0,
                "%u bits are left over: an invocation ignores them, a CNode operation gets "
                "DepthMismatch",
                r->bits_left);
}

static const char *outcome(const struct capstate *s, const struct resolve *r)
{
    const struct resolve_level *last = r->levels ? &r->level[r->levels - 1] : NULL;
    switch (r->end) {
    case RESOLVE_NO_ROOT:
        return "the thread has no CSpace root: InvalidRoot, a capability fault";
    case RESOLVE_GUARD_MISMATCH:
        return "a guard does not fit: GuardMismatch, a capability fault";
    case RESOLVE_DEPTH_MISMATCH:
        return "the address has too few bits: DepthMismatch, a capability fault";
    case RESOLVE_SLOT:
        break;
    }
    if (last->slot < 0)
        return "it leads to an empty slot: an invocation gets InvalidCapability";
    const struct record_slot *c = &s->slots[last->slot].rec;
    if (c->type == RECORD_CAP_ZOMBIE || c->type == RECORD_CAP_INVALID)
        return "what it leads to cannot be invoked: InvalidCapability";
    if (needs_write(c->type) && !(c->rights & RECORD_RIGHT_WRITE))
        return "the capability lacks the right to write: sending gets InvalidCapability";
    return is_stale(s, c) ? "the frame capability is stale: its mapping is gone"
                          : "it leads to a capability that can be invoked";
}

void why_denied(const struct capstate *s, int32_t thread, uint64_t cptr, struct why *out)
{
    struct resolve r;
    resolve_cptr(s, thread, cptr, 0, &r);
    why_say(out, 0, WHY_ABOUT_THREAD, s->threads[thread].rec.addr, "0x%" PRIx64 " in %s: %s", cptr,
            s->threads[thread].label[0] ? s->threads[thread].label : "this thread", outcome(s, &r));
    say_resolution(s, &r, 1, out);
}

/* --- virtual addresses --- */

static const struct record_mapping *mapping_of(const struct capstate *s, uint64_t dir,
                                               uint64_t vaddr)
{
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->dir == dir && m->bits < 64 && (vaddr - m->vaddr) >> m->bits == 0)
            return m;
    }
    return NULL;
}

/* The table that reaches furthest down towards an address. */
static const struct record_table *deepest_table(const struct capstate *s, uint64_t dir,
                                                uint64_t vaddr)
{
    const struct record_table *best = NULL;
    for (uint32_t i = 0; i < s->table_count; i++) {
        const struct record_table *t = &s->tables[i];
        if (capstate_table_root(s, t->addr) != dir || t->bits >= 64 ||
            (vaddr - t->vaddr) >> t->bits != 0)
            continue;
        if (!best || t->level < best->level)
            best = t;
    }
    return best;
}

static void say_other_spaces(const struct capstate *s, const struct record_mapping *m,
                             uint32_t depth, struct why *out)
{
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *o = &s->mappings[i];
        if (o == m || o->frame != m->frame)
            continue;
        for (uint32_t t = 0; t < s->thread_count; t++) {
            int32_t dir = capstate_thread_vspace(s, (int32_t)t);
            if (dir >= 0 && s->objects[dir].addr == o->dir)
                why_say(out, depth, WHY_ABOUT_THREAD, s->threads[t].rec.addr,
                        "%s maps that frame, too, at 0x%" PRIx64, s->threads[t].label, o->vaddr);
        }
    }
}

void why_virtual(const struct capstate *s, int32_t thread, uint64_t vaddr, uint32_t depth,
                 struct why *out)
{
    int32_t dir = capstate_thread_vspace(s, thread);
    char text[NAME] = "memory to which no capability leads";
    if (dir < 0) {
        why_say(out, depth, WHY_ABOUT_NOTHING, 0, "the thread has no address space");
        return;
    }
    const struct record_mapping *m = mapping_of(s, s->objects[dir].addr, vaddr);
    if (!m) {
        const struct record_table *t = deepest_table(s, s->objects[dir].addr, vaddr);
        why_say(out, depth, WHY_ABOUT_MEMORY, s->objects[dir].addr,
                "nothing is mapped at 0x%" PRIx64 ": %s", vaddr,
                !t || t->level > 0 ? "a page table is missing, too"
                                   : "the page table is there, its entry is empty");
        return;
    }
    uint64_t addr = m->frame + (vaddr - m->vaddr);
    int32_t object = capstate_object_holding(s, addr);
    if (object >= 0)
        capstate_object_text(s, object, text, sizeof(text));
    char access[4];
    why_say(out, depth, WHY_ABOUT_MEMORY, addr, "0x%" PRIx64 " is 0x%0*" PRIx64 " (%s), mapped %s",
            vaddr, capstate_digits(s), addr, text, record_access_text(m->rights, access));
    say_other_spaces(s, m, depth + 1, out);
}

/* --- faults --- */

static void say_handler(const struct capstate *s, int32_t thread, struct why *out)
{
    int32_t slot, endpoint = waiting_handler(s, thread, &slot);
    char text[NAME];
    if (endpoint >= 0)
        why_say(out, 1, WHY_ABOUT_SLOT, s->slots[slot].rec.addr, "its fault handler is %s",
                capstate_object_text(s, endpoint, text, sizeof(text)));
    else if (slot >= 0)
        why_say(out, 1, WHY_ABOUT_SLOT, s->slots[slot].rec.addr,
                "its fault handler is %s, which takes no messages",
                capstate_slot_text(s, slot, text, sizeof(text)));
    else
        why_say(out, 1, WHY_ABOUT_NOTHING, 0, "it has no fault handler");
}

void why_fault(const struct capstate *s, int32_t thread, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const char *who = s->threads[thread].label[0] ? s->threads[thread].label : "the thread";
    struct resolve r;
    if (!t->fault) {
        why_say(out, 0, WHY_ABOUT_THREAD, t->addr, "%s has not faulted: it is %s", who,
                t->current ? "running" : thread_state_name(t->state));
        return;
    }
    why_say(out, 0, WHY_ABOUT_THREAD, t->addr, "%s: %s at 0x%" PRIx64 ", pc 0x%" PRIx64, who,
            fault_name(t->fault), t->fault_addr, t->pc);
    if (t->fault == RECORD_FAULT_CAP) {
        resolve_cptr(s, thread, t->fault_addr, 0, &r);
        why_say(out, 1, WHY_ABOUT_NOTHING, 0,
                "it looked for the capability address 0x%" PRIx64 " to %s; now %s", t->fault_addr,
                t->fault_detail ? "receive" : "invoke", outcome(s, &r));
        say_resolution(s, &r, 2, out);
    } else if (t->fault == RECORD_FAULT_VM) {
        why_say(out, 1, WHY_ABOUT_NOTHING, 0, "it touched the address 0x%" PRIx64, t->fault_addr);
        why_virtual(s, thread, t->fault_addr, 2, out);
    }
    say_handler(s, thread, out);
}
