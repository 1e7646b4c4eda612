/* Why it was refused, why it faulted: which bits of the address went through which CNode, where it
 * ended, and which event emptied the slot where it did.
 *
 * Reads the kernel's own structures and changes nothing, ks.lookup included. At most a few
 * explanations a second, so that a program which probes for a living does not drown the line. */
#include "monitor/explain.h"

#include "kernel/message.h"
#include "monitor/command.h"
#include "monitor/console.h"
#include "monitor/door/door.h"
#include "monitor/out.h"
#include "monitor/text.h"
#include "monitor/view.h"

enum {
    BURST = 8,          /* explanations in one window */
    WINDOW_TICKS = 512, /* about a second */
    ADDRESS_BITS = 32,
    MAX_STEPS = 32, /* a CNode of radix 0 without guard takes no bits */
    LOOKUP_FAILURES = 5,
    FSR_WRITE = 1 << 11,
};

static bool refusals_off;
static word_t window_start;
static word_t spoken;
static word_t unspoken;

void explain_refusals(bool on)
{
    refusals_off = !on;
}

bool explain_refusals_are_on(void)
{
    return !refusals_off;
}

enum error command_refusals(const struct args *a)
{
    if (a->count > 0 && !args_is(a, 0, "on") && !args_is(a, 0, "off"))
        return ERR_ARGUMENT;
    if (a->count > 0)
        explain_refusals(args_is(a, 0, "on"));
    out("refusals are %s\n", !refusals_off ? "explained" : "not explained");
    return ERR_OK;
}

/* ---- speaking ---- */

static bool speak_may(void)
{
    if (ks.ticks - window_start >= WINDOW_TICKS) {
        window_start = ks.ticks;
        spoken = 0;
    }
    if (spoken >= BURST) {
        unspoken++;
        return false;
    }
    spoken++;
    return true;
}

static void speak_begin(const struct tcb *t)
{
    console_message();
    out_begin(console_char, NULL, NULL);
    if (unspoken > 0)
        out("(%u refusals and faults before this one were not explained)\n", unspoken);
    unspoken = 0;
    text_thread(kaddr_of(t), TEXT_NAME);
    out(": ");
}

static void speak_end(void)
{
    out_fresh_line();
    out_end();
}

/* ---- resolving an address, read-only (ABI sheet 1.10) ---- */

enum end { END_SLOT, END_NO_CNODE, END_GUARD, END_DEPTH, END_UNREADABLE };

struct path {
    enum end end;
    struct cap cnode; /* the last one reached */
    word_t found;     /* END_GUARD: the bits of the address that stand where the guard should */
    unsigned left;    /* bits not yet resolved there */
    word_t index;
    kaddr_t slot;   /* END_SLOT, else 0 */
    struct cap cap; /* what it holds */
};

static word_t top_bits(word_t value, unsigned left, unsigned n)
{
    if (n == 0)
        return 0;
    return (value >> (left - n)) & (n < ADDRESS_BITS ? ((word_t)1 << n) - 1 : ~(word_t)0);
}

/* One CNode's step; true to go on below p->slot. */
static bool path_step(struct path *p, cptr_t cptr)
{
    unsigned guard_size = cnode_guard_size(p->cnode), radix = cnode_radix(p->cnode);
    p->end = END_GUARD;
    p->found = top_bits(cptr, p->left, guard_size < p->left ? guard_size : p->left);
    if (guard_size > p->left || p->found != cnode_guard(p->cnode))
        return false;
    p->end = END_DEPTH;
    if (guard_size + radix > p->left)
        return false;
    p->left -= guard_size;
    p->index = top_bits(cptr, p->left, radix);
    p->left -= radix;
    p->slot = cap_object(p->cnode) + p->index * (kaddr_t)sizeof(struct slot);
    bool readable = view_read(p->slot, &p->cap, sizeof(p->cap)) == ERR_OK;
    p->end = readable ? END_SLOT : END_UNREADABLE;
    if (!readable)
        p->slot = 0;
    return readable && p->left > 0 && cap_type(p->cap) == CAP_CNODE;
}

static struct path path_resolve(struct cap root, cptr_t cptr, unsigned bits)
{
    struct path p = {.end = END_NO_CNODE, .cnode = root, .left = bits};
    if (cap_type(root) != CAP_CNODE)
        return p;
    for (int steps = 0; steps < MAX_STEPS && path_step(&p, cptr); steps++) {
        p.cnode = p.cap;
        p.slot = 0;
    }
    return p;
}

static struct path path_of_thread(const struct tcb *t, cptr_t cptr)
{
    return path_resolve(t->slots[TCB_CSPACE].cap, cptr, ADDRESS_BITS);
}

/* The last event that took the capability out of the slot; bounded by the ring. */
static const struct event *last_emptied(kaddr_t slot)
{
    for (word_t back = 0; back < DEBUG_RING_EVENTS && back < debug_trace.ring.head; back++) {
        const struct event *e = debug_ring_entry(debug_trace.ring.head - back);
        if (!e)
            continue;
        if ((e->kind == EVENT_DELETE && e->slot == slot) ||
            (e->kind == EVENT_MOVE && e->src == slot))
            return e;
    }
    return NULL;
}

static void say_history(kaddr_t slot)
{
    const struct objwalk *w = view_walk_quiet();
    const struct event *e = last_emptied(slot);
    if (e && w) {
        out("  emptied by ");
        text_event(w, e);
        out("\n");
    } else if (!debug_control.trace) {
        out("  (with `trace on` the monitor knows who emptied a slot)\n");
    }
}

static void say_slot(const struct path *p)
{
    struct objwalk *w = view_walk_quiet();
    struct record_slot r;
    out("slot 0x%08x ", paddr_from_kaddr(p->slot));
    if (cap_type(p->cap) == CAP_NULL) {
        out("is empty");
    } else if (w && objwalk_slot(w, p->slot, &r) == ERR_OK) {
        out("holds ");
        text_cap(&r);
    }
}

/* Where the address led and why it went no further; whole lines. */
static void say_path(const struct path *p)
{
    paddr_t cnode = paddr_from_kaddr(cap_object(p->cnode));
    switch (p->end) {
    case END_NO_CNODE:
        out("  there is no CNode at the root of the CSpace\n");
        break;
    case END_GUARD:
        out("  cnode 0x%08x: the guard is 0x%x (%u bits), the address has 0x%x,\n"
            "  %u bits left\n",
            cnode, cnode_guard(p->cnode), cnode_guard_size(p->cnode), p->found, p->left);
        break;
    case END_DEPTH:
        out("  cnode 0x%08x: takes %u bits, only %u are left\n", cnode,
            cnode_guard_size(p->cnode) + cnode_radix(p->cnode), p->left);
        break;
    case END_SLOT:
        out("  cnode 0x%08x[%u]: ", cnode, p->index);
        say_slot(p);
        out(p->left ? ", %u bits left over\n" : "\n", p->left);
        if (cap_type(p->cap) == CAP_NULL)
            say_history(p->slot);
        break;
    case END_UNREADABLE:
        out("  cnode 0x%08x[%u]: cannot be read\n", cnode, p->index);
        break;
    }
}

/* ---- refusals ---- */

static const char *invocation_name(word_t label)
{
    static const char *const names[] = {
#define X(value, NAME, text) [value] = text,
        INVOCATION_LIST(X)
#undef X
    };
    bool known = label < sizeof(names) / sizeof(names[0]) && names[label];
    return known ? names[label] : "invocation";
}

static const char *lookup_name(word_t type)
{
    static const char *const names[LOOKUP_FAILURES] = {
#define X(value, NAME, text) [value] = text,
        LOOKUP_FAILURE_LIST(X)
#undef X
    };
    return type < LOOKUP_FAILURES ? names[type] : "?";
}

static void refused_capability(const struct tcb *t, word_t number)
{
    if (number != 0) {
        out_piece("capability %u of the message is missing or of the wrong type", number);
        return;
    }
    struct path p = path_of_thread(t, t->regs[REG_R0]);
    out_piece("the invoked capability 0x%x cannot do this", t->regs[REG_R0]);
    out("\n");
    say_path(&p);
}

/* For the operations on CNodes the full slot is the one that words 0 and 1 name. */
static void refused_full(const struct tcb *t, word_t label)
{
    struct path invoked = path_of_thread(t, t->regs[REG_R0]);
    word_t depth = t->regs[REG_R2 + 1];
    if (label >= INV_CNODE_REVOKE && label <= INV_CNODE_SAVE_CALLER && invoked.slot != 0 &&
        depth >= 1 && depth <= ADDRESS_BITS) {
        struct path p = path_resolve(invoked.cap, t->regs[REG_R2], (unsigned)depth);
        if (p.slot != 0) {
            out_piece("slot 0x%08x is not empty (delete first)", paddr_from_kaddr(p.slot));
            return;
        }
    }
    out_piece("the slot is not empty, or the place is taken (delete first)");
}

static void refused_argument(const struct tcb *t, word_t number)
{
    if (number < MSG_REGISTERS)
        out_piece("argument %u, 0x%x, is not valid", number, t->regs[REG_R2 + number]);
    else
        out_piece("argument %u is not valid", number);
}

static void refused_lookup(void)
{
    out_piece("%s slot not found: %s", ks.refusal.arg0 ? "source" : "target",
              lookup_name(ks.lookup.type));
    switch (ks.lookup.type) {
    case LOOKUP_MISSING_CAPABILITY:
        out_piece("(%u bits left)", ks.lookup.word[0]);
        break;
    case LOOKUP_DEPTH_MISMATCH:
        out_piece("(%u bits left, the CNode takes %u)", ks.lookup.word[0], ks.lookup.word[1]);
        break;
    case LOOKUP_GUARD_MISMATCH:
        out_piece("(%u bits left, the guard is 0x%x of %u bits)", ks.lookup.word[0],
                  ks.lookup.word[1], ks.lookup.word[2]);
        break;
    default:
        break;
    }
}

static void refused_because(const struct tcb *t, word_t label, word_t tag)
{
    const struct refusal *r = &ks.refusal;
    switch (r->error) {
    case SEL4_INVALID_ARGUMENT:
        refused_argument(t, r->arg0);
        break;
    case SEL4_INVALID_CAPABILITY:
        refused_capability(t, r->arg0);
        break;
    case SEL4_ILLEGAL_OPERATION:
        out_piece("the capability or the state of its object does not allow it");
        break;
    case SEL4_RANGE_ERROR:
        out_piece("a value is not in the range %u..%u", r->arg0, r->arg1);
        break;
    case SEL4_ALIGNMENT_ERROR:
        out_piece("an address is not aligned");
        break;
    case SEL4_FAILED_LOOKUP:
        refused_lookup();
        break;
    case SEL4_TRUNCATED_MESSAGE:
        out_piece("the message is too short: %u words, %u capabilities", msginfo_length(tag),
                  msginfo_extra(tag));
        break;
    case SEL4_DELETE_FIRST:
        refused_full(t, label);
        break;
    case SEL4_REVOKE_FIRST:
        out_piece("the capability has children (revoke first)");
        break;
    case SEL4_NOT_ENOUGH_MEMORY:
        out_piece("the untyped has only %u bytes left (a revoke frees them)", r->arg0);
        break;
    default:
        out_piece("error %u", r->error);
        break;
    }
}

void debug_refusal(void)
{
    const struct tcb *t = current_thread();
    word_t tag = t->regs[REG_R0 + 1];
    if (refusals_off || !speak_may())
        return;
    speak_begin(t);
    out("%s refused:", invocation_name(msginfo_label(tag)));
    refused_because(t, msginfo_label(tag), tag);
    speak_end();
}

/* ---- faults ---- */

/* Fault status of the ARM1136 (TRM 3.4.1, table 3-63). */
static const char *fault_status(word_t fsr)
{
    switch (fsr & 0x40f) {
    case 0x1:
        return "misaligned access";
    case 0x5:
    case 0x7:
        return "nothing is mapped there";
    case 0x9:
    case 0xb:
        return "domain";
    case 0xd:
    case 0xf:
        return "not allowed by the mapping";
    default:
        return "external abort or other";
    }
}

static void say_memory_fault(const struct tcb *t)
{
    word_t detail = t->fault_word1;
    const char *access = detail >> 31 ? "fetch" : detail & FSR_WRITE ? "write" : "read";
    out("memory fault: %s at 0x%08x, pc 0x%08x:", access, t->fault_word0, t->regs[REG_FAULT_IP]);
    out_piece("%s", fault_status(detail));
    out("\n");
}

/* Why a receive from a notification capability is not allowed. */
static void say_not_waiting(const struct tcb *t, struct cap c)
{
    struct notification n;
    if (!(cap_rights(c) & RIGHT_READ)) {
        out("  this capability does not allow to wait: it has no right to read\n");
    } else if (view_read(cap_object(c), &n, sizeof(n)) != ERR_OK) {
        out("  the notification cannot be read\n");
    } else if (n.bound != 0 && n.bound != kaddr_of(t)) {
        out("  the notification is bound to ");
        text_thread(n.bound, TEXT_NAME);
        out(",\n  and only that thread may wait for it\n");
    } else {
        out("  this capability does not allow the operation\n");
    }
}

static void say_capability_fault(const struct tcb *t)
{
    struct path p = path_of_thread(t, t->fault_word0);
    out("capability fault: 0x%08x to %s,", t->fault_word0, t->fault_word1 ? "receive" : "send");
    out_piece("pc 0x%08x: %s", t->regs[REG_FAULT_IP], lookup_name(t->lookup_type));
    out("\n");
    say_path(&p);
    if (p.slot == 0 || cap_type(p.cap) == CAP_NULL)
        return;
    if (t->fault_word1 != 0 && cap_type(p.cap) == CAP_NOTIFICATION)
        say_not_waiting(t, p.cap);
    else
        out("  this capability does not allow the operation\n");
}

static void say_fault(const struct tcb *t)
{
    switch (t->fault_type) {
    case FAULT_CAP:
        say_capability_fault(t);
        break;
    case FAULT_VM:
        say_memory_fault(t);
        break;
    case FAULT_UNKNOWN_SYSCALL:
        out("unknown system call %d, pc 0x%08x\n", (int)t->fault_word0, t->regs[REG_FAULT_IP]);
        break;
    default:
        out("exception, pc 0x%08x\n", t->regs[REG_FAULT_IP]);
        break;
    }
}

/* Kept in the thread, so that it can be asked for as long as the thread is stopped. */
static void keep_unhandled(struct tcb *t)
{
    t->unhandled_type = t->fault_type;
    t->unhandled_word0 = t->fault_word0;
    t->unhandled_word1 = t->fault_word1;
}

/* A fault that a handler takes care of is how paging works and no news, but for those of
 * capabilities. One that nobody takes care of is the last that is heard of a thread, so it is told
 * however much was told before. */
void debug_fault(struct tcb *t, bool handled)
{
    if (!handled)
        keep_unhandled(t);
    if (handled && (t->fault_type != FAULT_CAP || !speak_may()))
        return;
    speak_begin(t);
    say_fault(t);
    if (!handled)
        out("  it has no fault handler (0x%x) and stays stopped\n", t->fault_handler);
    speak_end();
}
