/* Why a capability address or a virtual address does not lead where it should. */
#include "facts/why.h"

#include "facts/resolve.h"
#include "facts/waiting.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 200 };

/* --- capability addresses --- */

static void say_level(const struct capstate *s, const struct resolve_level *l, uint32_t depth,
                      struct why *out)
{
    char cnode[NAME];
    capstate_object_text(s, l->cnode, cnode, sizeof(cnode));
    if (l->guard_bits && l->guard_found != l->guard)
        why_say(out, depth, WHY_ABOUT_SLOT, s->slots[l->cnode_slot].rec.addr,
                "%s wants the guard 0x%" PRIx64 " (%u bit%s), the address has 0x%" PRIx64
                " there: GuardMismatch, %u bit%s left",
                cnode, l->guard, l->guard_bits, plural_s(l->guard_bits), l->guard_found,
                l->bits_left, plural_s(l->bits_left));
    else if (l->guard_bits + l->radix > l->bits_left)
        why_say(out, depth, WHY_ABOUT_SLOT, s->slots[l->cnode_slot].rec.addr,
                "%s takes %u bit%s (guard %u, index %u), but %u %s left: DepthMismatch", cnode,
                l->guard_bits + l->radix, plural_s(l->guard_bits + l->radix), l->guard_bits,
                l->radix, l->bits_left, l->bits_left == 1 ? "is" : "are");
    else
        why_say(out, depth, WHY_ABOUT_SLOT, l->slot_addr,
                "%s: guard of %u bit%s fits, index %" PRIu64 " (%u bit%s)", cnode, l->guard_bits,
                plural_s(l->guard_bits), l->index, l->radix, plural_s(l->radix));
}

static bool needs_write(uint32_t type)
{
    return type == RECORD_CAP_ENDPOINT || type == RECORD_CAP_NOTIFICATION;
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
    else if (capstate_is_stale(s, c))
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr,
                "%s: stale, another mapping took its place or its address space is gone", text);
    else
        why_say(out, depth, WHY_ABOUT_SLOT, c->addr, "%s: it can be invoked", text);
}

static void say_empty(const struct capstate *s, uint64_t slot, uint32_t depth, struct why *out)
{
    why_say(out, depth, WHY_ABOUT_SLOT, slot, "the slot 0x%0*" PRIx64 " is empty",
            capstate_digits(s), slot);
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
        say_empty(s, last->slot_addr, depth + r->levels, out);
    if (r->bits_left)
        why_say(
            out, depth + r->levels, WHY_ABOUT_NOTHING, 0,
            "%u bit%s left over: an invocation ignores %s, a CNode operation gets DepthMismatch",
            r->bits_left, r->bits_left == 1 ? " is" : "s are", r->bits_left == 1 ? "it" : "them");
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
    return capstate_is_stale(s, c) ? "the frame capability is stale: its mapping is gone"
                                   : "it leads to a capability that can be invoked";
}

/* Whose object it is, when it is another domain's. */
static void say_stranger(const struct authority *a, int32_t thread, const struct resolve *r,
                         struct why *out)
{
    int32_t slot = r->end == RESOLVE_SLOT && r->levels ? r->level[r->levels - 1].slot : -1;
    int32_t own = a->thread_domain[thread];
    struct authority_owner owner;
    if (slot < 0 || a->state->slots[slot].object < 0 || own < 0)
        return;
    const struct capstate_object *o = &a->state->objects[a->state->slots[slot].object];
    if (o->bits == 0)
        return;
    authority_owner_of(a, o->addr, &owner);
    if (owner.shared)
        why_say(out, r->levels + 2, WHY_ABOUT_MEMORY, o->addr,
                "its object is not of %s alone: several domains hold it", a->domains[own].name);
    else if (owner.by_untyped && owner.domain >= 0 && owner.domain != own)
        why_say(out, r->levels + 2, WHY_ABOUT_MEMORY, o->addr,
                "its object is not of %s: it belongs to %s, who can take it away",
                a->domains[own].name, a->domains[owner.domain].name);
}

void why_denied(const struct authority *a, int32_t thread, uint64_t cptr, struct why *out)
{
    const struct capstate *s = a->state;
    struct resolve r;
    resolve_cptr(s, thread, cptr, 0, &r);
    why_say(out, 0, WHY_ABOUT_THREAD, s->threads[thread].rec.addr, "0x%" PRIx64 " in %s: %s", cptr,
            s->threads[thread].label[0] ? s->threads[thread].label : "this thread", outcome(s, &r));
    say_resolution(s, &r, 1, out);
    say_stranger(a, thread, &r, out);
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

/* Everybody whose address space leads to this byte, but for the mapping `m` itself. */
static void say_other_spaces(const struct capstate *s, const struct record_mapping *m,
                             uint64_t addr, uint32_t depth, struct why *out)
{
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *o = &s->mappings[i];
        if (o == m || o->bits > 63 || (addr - o->frame) >> o->bits != 0)
            continue;
        for (uint32_t t = 0; t < s->thread_count; t++) {
            int32_t dir = capstate_thread_vspace(s, (int32_t)t);
            if (dir >= 0 && s->objects[dir].addr == o->dir)
                why_say(out, depth, WHY_ABOUT_THREAD, s->threads[t].rec.addr,
                        "%s maps that frame, too, at 0x%" PRIx64, s->threads[t].label, o->vaddr);
        }
    }
}

/* A page table without an entry is in no mapping; its capability says where it hangs. */
static bool has_empty_table(const struct capstate *s, int32_t dir, uint64_t vaddr)
{
    enum { ARMV6_TABLE_BITS = 20 };
    for (int32_t d = s->objects[dir].first_slot; d >= 0; d = s->slots[d].next_same)
        for (uint32_t i = 0; i < s->slot_count; i++) {
            const struct record_slot *c = &s->slots[i].rec;
            if (c->type == RECORD_CAP_PAGE_TABLE && c->extra && c->extra == s->slots[d].rec.extra &&
                (vaddr - c->data) >> ARMV6_TABLE_BITS == 0)
                return true;
        }
    return false;
}

/* Log2 of what the root of an address space translates; 0: not told. */
static uint32_t root_bits(const struct capstate *s, uint64_t dir)
{
    for (uint32_t i = 0; i < s->table_count; i++)
        if (s->tables[i].addr == dir && s->tables[i].parent == 0)
            return s->tables[i].bits;
    return 0;
}

/* Addresses at which no user can have anything: the kernel's, and those that no table reaches. */
static bool is_beyond_users(const struct capstate *s, uint64_t dir, uint64_t vaddr)
{
    uint32_t bits = root_bits(s, dir);
    switch (s->snapshot.architecture) {
    case RECORD_ARCHITECTURE_AARCH64:
        return bits && bits < 64 && vaddr >> bits;
    case RECORD_ARCHITECTURE_RISCV64: /* the upper half is the kernel's */
    case RECORD_ARCHITECTURE_X86_64:
        return bits && bits < 64 && vaddr >> (bits - 1);
    default:
        return s->snapshot.phys_offset && vaddr >= s->snapshot.ram_base + s->snapshot.phys_offset;
    }
}

static void say_unmapped(const struct capstate *s, int32_t dir, uint64_t vaddr, uint32_t depth,
                         struct why *out)
{
    const struct record_table *t = deepest_table(s, s->objects[dir].addr, vaddr);
    if (is_beyond_users(s, s->objects[dir].addr, vaddr)) {
        why_say(out, depth, WHY_ABOUT_NOTHING, 0,
                "0x%" PRIx64 " is no address of users: nothing can be mapped there for them",
                vaddr);
        return;
    }
    bool ends_here = (t && t->level == 0) || (s->snapshot.kernel == RECORD_KERNEL_CAPSCOPE &&
                                              has_empty_table(s, dir, vaddr));
    if (ends_here)
        why_say(out, depth, WHY_ABOUT_MEMORY, s->objects[dir].addr,
                "nothing is mapped at 0x%" PRIx64 ": the page table is there, its entry is empty",
                vaddr);
    else if (t && t->parent)
        why_say(out, depth, WHY_ABOUT_MEMORY, t->addr,
                "nothing is mapped at 0x%" PRIx64 ": the look-up ends at the table 0x%0*" PRIx64
                " of level %u, below which a page table is missing, too",
                vaddr, capstate_digits(s), t->addr, t->level);
    else
        why_say(out, depth, WHY_ABOUT_MEMORY, s->objects[dir].addr,
                "nothing is mapped at 0x%" PRIx64 ": the look-up ends at the root of the address "
                "space, a page table is missing, too",
                vaddr);
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
        say_unmapped(s, dir, vaddr, depth, out);
        return;
    }
    uint64_t addr = m->frame + (vaddr - m->vaddr);
    int32_t object = capstate_object_holding(s, addr);
    if (object >= 0)
        capstate_object_text(s, object, text, sizeof(text));
    bool device =
        object >= 0 ? s->objects[object].flags & RECORD_SLOT_DEVICE : !capstate_is_ram(s, addr);
    char access[4];
    why_say(out, depth, WHY_ABOUT_MEMORY, addr,
            "0x%" PRIx64 " is 0x%0*" PRIx64 " (%s%s), mapped %s", vaddr, capstate_digits(s), addr,
            device && !strstr(text, "device") ? "device, " : "", text,
            record_access_text(m->rights, access));
    say_other_spaces(s, m, addr, depth + 1, out);
}

/* --- its handler --- */

static void say_handler(const struct capstate *s, int32_t thread, struct why *out)
{
    bool timeout = s->threads[thread].rec.fault == RECORD_FAULT_TIMEOUT;
    const char *what = timeout ? "timeout" : "fault";
    int32_t slot, endpoint = timeout ? waiting_timeout_handler(s, thread, &slot)
                                     : waiting_handler(s, thread, &slot);
    char text[NAME];
    if (endpoint >= 0)
        why_say(out, 1, WHY_ABOUT_SLOT, s->slots[slot].rec.addr, "its %s handler is %s", what,
                capstate_object_text(s, endpoint, text, sizeof(text)));
    else if (slot >= 0)
        why_say(out, 1, WHY_ABOUT_SLOT, s->slots[slot].rec.addr,
                "its %s handler is %s, which takes no messages", what,
                capstate_slot_text(s, slot, text, sizeof(text)));
    else
        why_say(out, 1, WHY_ABOUT_NOTHING, 0, "it has no %s handler", what);
}

/* --- what it wanted of memory --- */

/* Bits of a right, as in mappings; 0: the fault's status does not tell. */
static uint32_t wanted_of(const struct capstate *s, const struct record_thread *t)
{
    enum { FSR_WRITE = 1u << 11, ESR_WRITE = 1u << 6, ESR_CLASS = 26, PREFETCH = 31 };
    uint64_t d = t->fault_detail;
    bool executes = t->fault_addr == t->pc, writes = false;
    switch (s->snapshot.architecture) {
    case RECORD_ARCHITECTURE_AARCH64:
        executes |= (d >> ESR_CLASS & ~1u) == 0x20; /* instruction abort */
        writes = d & ESR_WRITE;
        break;
    case RECORD_ARCHITECTURE_RISCV64:
        executes |= d == 1 || d == 12;
        writes = d == 7 || d == 15;
        break;
    case RECORD_ARCHITECTURE_X86_64:
        executes |= d >> 4 & 1;
        writes = d >> 1 & 1;
        break;
    default:
        executes |= s->snapshot.kernel == RECORD_KERNEL_CAPSCOPE && d >> PREFETCH & 1;
        writes = d & FSR_WRITE;
    }
    if (executes)
        return RECORD_RIGHT_EXECUTE;
    return writes ? RECORD_RIGHT_WRITE : RECORD_RIGHT_READ;
}

static const char *wanting(uint32_t right)
{
    if (right == RECORD_RIGHT_EXECUTE)
        return "execute";
    return right == RECORD_RIGHT_WRITE ? "write" : "read";
}

/* What would have to be there for it not to fault. */
static void say_missing(const struct capstate *s, int32_t thread, uint32_t wanted, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    int32_t dir = capstate_thread_vspace(s, thread);
    const struct record_mapping *m =
        dir < 0 ? NULL : mapping_of(s, s->objects[dir].addr, t->fault_addr);
    char access[4];
    if (dir < 0)
        return;
    if (!m && is_beyond_users(s, s->objects[dir].addr, t->fault_addr))
        return;
    if (!m)
        why_say(out, 2, WHY_ABOUT_NOTHING, 0,
                "to %s there it needs a frame mapped at 0x%" PRIx64 " with that right",
                wanting(wanted), t->fault_addr & ~(uint64_t)0xfff);
    else if (!(m->rights & wanted))
        why_say(out, 2, WHY_ABOUT_MEMORY, m->frame,
                "the mapping is there, but does not allow to %s: it is %s", wanting(wanted),
                record_access_text(m->rights, access));
    else
        why_say(out, 2, WHY_ABOUT_MEMORY, m->frame,
                "the mapping allows to %s now: resumed, the thread would go on", wanting(wanted));
}

static void say_memory_fault(const struct capstate *s, int32_t thread, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    uint32_t wanted = wanted_of(s, t);
    why_say(out, 1, WHY_ABOUT_NOTHING, 0, "it wanted to %s at the address 0x%" PRIx64,
            wanting(wanted), t->fault_addr);
    why_virtual(s, thread, t->fault_addr, 2, out);
    say_missing(s, thread, wanted, out);
}

/* --- faults --- */

/* What receiving from the place meets; "": it works, so that resumed, the thread would go on. */
static const char *refusal_to_receive(const struct capstate *s, int32_t thread, int32_t slot)
{
    const struct record_slot *c = &s->slots[slot].rec;
    if (c->type != RECORD_CAP_ENDPOINT && c->type != RECORD_CAP_NOTIFICATION)
        return "nothing can be received from that: a capability fault";
    if (!(c->rights & RECORD_RIGHT_READ))
        return "the capability lacks the right to read: a capability fault";
    for (uint32_t i = 0; c->type == RECORD_CAP_NOTIFICATION && i < s->thread_count; i++)
        if ((int32_t)i != thread && s->threads[i].rec.bound == c->object)
            return "the notification is bound to another thread: a capability fault";
    return "";
}

static const char *outcome_to_receive(const struct capstate *s, int32_t thread,
                                      const struct resolve *r)
{
    if (r->end != RESOLVE_SLOT || r->levels == 0)
        return outcome(s, r);
    int32_t slot = r->level[r->levels - 1].slot;
    if (slot < 0)
        return "it leads to an empty slot: a capability fault";
    const char *refusal = refusal_to_receive(s, thread, slot);
    return *refusal ? refusal : "it can be received from: resumed, the thread would go on";
}

static void say_place_to_receive(const struct capstate *s, const struct resolve *r, struct why *out)
{
    char text[NAME];
    for (uint32_t i = 0; i < r->levels; i++)
        say_level(s, &r->level[i], 2 + i, out);
    const struct resolve_level *last = r->levels ? &r->level[r->levels - 1] : NULL;
    if (r->end == RESOLVE_SLOT && last && last->slot >= 0)
        why_say(out, 2 + r->levels, WHY_ABOUT_SLOT, last->slot_addr, "there is %s",
                capstate_slot_text(s, last->slot, text, sizeof(text)));
    else if (r->end == RESOLVE_SLOT && last)
        say_empty(s, last->slot_addr, 2 + r->levels, out);
}

static void say_receive_fault(const struct capstate *s, int32_t thread, const struct resolve *r,
                              struct why *out)
{
    const char *now = outcome_to_receive(s, thread, r);
    why_say(out, 1, WHY_ABOUT_NOTHING, 0,
            "it looked for the capability address 0x%" PRIx64 " to receive; now %s",
            s->threads[thread].rec.fault_addr, now);
    say_place_to_receive(s, r, out);
    if (strstr(now, "fault"))
        why_say(out, 2, WHY_ABOUT_NOTHING, 0,
                "an endpoint with the right to read, or a notification, would have to be there to "
                "receive from");
}

static void say_capability_fault(const struct capstate *s, int32_t thread, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    struct resolve r;
    resolve_cptr(s, thread, t->fault_addr, 0, &r);
    if (t->fault_detail) {
        say_receive_fault(s, thread, &r, out);
        return;
    }
    why_say(out, 1, WHY_ABOUT_NOTHING, 0,
            "it looked for the capability address 0x%" PRIx64 " to invoke; now %s", t->fault_addr,
            outcome(s, &r));
    say_resolution(s, &r, 2, out);
    if (r.end != RESOLVE_SLOT || r.levels == 0 || r.level[r.levels - 1].slot < 0)
        why_say(out, 2, WHY_ABOUT_NOTHING, 0,
                "a capability that can be invoked would have to be there");
}

/* Faults that are about no address: what it did is at its pc. */
static void say_other_fault(const struct capstate *s, int32_t thread, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    switch (t->fault) {
    case RECORD_FAULT_UNKNOWN_SYSCALL:
        why_say(out, 1, WHY_ABOUT_NOTHING, 0,
                "it made a system call that this kernel does not have");
        break;
    case RECORD_FAULT_USER_EXCEPTION:
        why_say(
            out, 1, WHY_ABOUT_NOTHING, 0,
            "the processor refused the instruction at its pc: undefined, or not allowed to users");
        break;
    case RECORD_FAULT_TIMEOUT:
        why_say(out, 1, WHY_ABOUT_NOTHING, 0,
                "it used up the budget of its scheduling context before the next period");
        break;
    default:
        break;
    }
}

/* --- faults that a kernel does not keep --- */

bool why_may_have_faulted(const struct capstate *s, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    int32_t slot;
    return s->snapshot.kernel == RECORD_KERNEL_SEL4 && t->state == RECORD_THREAD_INACTIVE &&
           !t->fault && (t->pc || t->sp) && waiting_handler(s, thread, &slot) < 0;
}

void why_unkept_fault(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    uint64_t pc = s->threads[thread].rec.pc;
    int32_t dir = capstate_thread_vspace(s, thread);
    const struct record_mapping *m = dir < 0 ? NULL : mapping_of(s, s->objects[dir].addr, pc);
    why_say(out, depth, WHY_ABOUT_NOTHING, 0,
            "this kernel keeps nothing of a fault without handler; a debug kernel prints it on its "
            "console");
    if (m && m->rights & RECORD_RIGHT_EXECUTE) {
        why_say(out, depth, WHY_ABOUT_NOTHING, 0, "it would go on at 0x%" PRIx64, pc);
        return;
    }
    why_say(out, depth, WHY_ABOUT_NOTHING, 0,
            "its pc 0x%" PRIx64 " is nothing that it could execute: it faulted there", pc);
    why_virtual(s, thread, pc, depth + 1, out);
}

void why_fault(const struct capstate *s, int32_t thread, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const char *who = s->threads[thread].label[0] ? s->threads[thread].label : "the thread";
    char words[WHY_NAME];
    if (why_may_have_faulted(s, thread)) {
        why_say(out, 0, WHY_ABOUT_THREAD, t->addr,
                "%s may have faulted: it is stopped, and has no handler that could be told", who);
        why_unkept_fault(s, thread, 1, out);
        say_handler(s, thread, out);
        return;
    }
    if (!t->fault) {
        why_say(out, 0, WHY_ABOUT_THREAD, t->addr, "%s has not faulted: it is %s", who,
                why_doing(t));
        return;
    }
    why_say(out, 0, WHY_ABOUT_THREAD, t->addr, "%s: %s, pc 0x%" PRIx64, who,
            why_fault_words(t, words), t->pc);
    if (t->fault == RECORD_FAULT_CAP)
        say_capability_fault(s, thread, out);
    else if (t->fault == RECORD_FAULT_VM)
        say_memory_fault(s, thread, out);
    else
        say_other_fault(s, thread, out);
    say_handler(s, thread, out);
}
