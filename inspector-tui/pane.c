/* The pane: what there is to say about a slot, an object, a thread, a domain, an address. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "lib/array.h"
#include "capstate/size.h"

#include "facts/why.h"
#include "inspector-tui/preview.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_HOLDERS = 200, SHOWN_ANCESTORS = 64, SHOWN_MAPPINGS = 200 };

struct line *pane_line(struct pane *p)
{
    struct line *grown = array_room(p->lines, p->count, &p->room, sizeof(*grown));
    if (grown)
        p->lines = grown;
    else if (p->count > 0)
        p->count--;
    else
        abort(); /* not even one line: nothing can be shown */
    line_clear(&p->lines[p->count]);
    return &p->lines[p->count++];
}

void pane_text(struct pane *p, enum style style, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    line_put(pane_line(p), style, "%s", text);
}

void pane_clear(struct pane *p)
{
    p->count = 0;
}

void pane_fini(struct pane *p)
{
    free(p->lines);
    *p = (struct pane){0};
}

bool pane_link(const struct pane *p, uint32_t n, struct ref *out, uint32_t *line, uint32_t *span)
{
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; k < p->lines[i].spans; k++) {
            if (p->lines[i].span[k].ref.kind == REF_NONE)
                continue;
            if (n-- == 0) {
                *out = p->lines[i].span[k].ref;
                *line = i;
                *span = k;
                return true;
            }
        }
    return false;
}

/* --- slots --- */

static void slot_ancestors(const struct sample *of, int32_t slot, struct pane *p)
{
    int shown = 0;
    for (int32_t a = of->state.slots[slot].parent; a >= 0 && shown < SHOWN_ANCESTORS;
         a = of->state.slots[a].parent, shown++) {
        struct line *l = pane_line(p);
        line_put(l, STYLE_NORMAL, shown ? "        from  " : "derived from  ");
        words_slot(l, of, a);
        line_put(l, STYLE_NORMAL, "  in ");
        words_place(l, of, a);
    }
    if (shown == 0)
        pane_text(p, STYLE_DIM, "an original: derived from nothing");
}

void pane_preview(const struct session *s, const struct sample *of, int32_t slot, struct pane *p)
{
    char text[TOLL_TEXT];
    if (of->state.slots[slot].next == slot + 1) {
        pane_text(p, STYLE_DIM, "a revoke here takes nothing: nothing is derived from it");
        return;
    }
    const struct preview *t = preview_of(s, of, slot);
    if (t)
        pane_text(p, STYLE_NORMAL, "a revoke here takes %s", toll_text(&t->toll, text));
}

void pane_slot(const struct session *s, const struct sample *of, int32_t slot, struct pane *p)
{
    const struct capstate_slot *c = &of->state.slots[slot];
    char hex[24];
    struct line *l = pane_line(p);
    words_slot(l, of, slot);
    line_put(l, STYLE_NORMAL, "  in ");
    words_place(l, of, slot);
    line_put(l, STYLE_DIM, "  slot 0x%s  depth %u  %s%s", sample_hex(of, c->rec.addr, hex),
             (unsigned)c->rec.depth, c->rec.flags & RECORD_SLOT_REVOCABLE ? "original" : "copy",
             c->rec.flags & RECORD_SLOT_FIRST_BADGED && c->rec.data ? ", first of its badge" : "");
    slot_ancestors(of, slot, p);
    pane_preview(s, of, slot, p);
}

/* --- objects --- */

static void object_mappings(const struct session *s, const struct sample *of,
                            const struct capstate_object *o, struct pane *p)
{
    uint32_t shown = 0;
    for (uint32_t i = 0; i < of->state.mapping_count; i++) {
        const struct record_mapping *m = &of->state.mappings[i];
        char rights[4], hex[24];
        if (m->frame < o->addr || (o->bits < 63 && m->frame - o->addr >= 1ull << o->bits))
            continue;
        if (shown++ >= SHOWN_MAPPINGS)
            continue;
        struct line *l = pane_line(p);
        bool several = false;
        line_put(l, STYLE_NORMAL, "mapped ");
        const struct ref to = {.kind = REF_VIRTUAL, .addr = m->vaddr, .of = m->dir};
        line_link(l, STYLE_LINK, to, "%s at 0x%s", record_access_text(m->rights, rights),
                  sample_hex(of, m->vaddr, hex));
        line_put(l, STYLE_NORMAL, " in ");
        line_link(l, STYLE_LINK, ref_to(REF_SPACE, m->dir), "space 0x%s",
                  sample_hex(of, m->dir, hex));
        for (uint32_t t = 0; t < of->state.thread_count; t++) {
            int32_t dir = capstate_thread_vspace(&of->state, (int32_t)t);
            if (dir < 0 || of->state.objects[dir].addr != m->dir)
                continue;
            line_put(l, STYLE_NORMAL, several ? ", " : " of ");
            several = true;
            words_thread(l, of, (int32_t)t);
        }
    }
    (void)s;
    if (shown > SHOWN_MAPPINGS)
        pane_text(p, STYLE_DIM, "and %u more mapping%s", shown - SHOWN_MAPPINGS,
                  plural_s(shown - SHOWN_MAPPINGS));
}

static void object_holders(const struct session *s, const struct sample *of,
                           const struct capstate_object *o, struct pane *p)
{
    uint32_t shown = 0;
    for (int32_t i = o->first_slot; i >= 0; i = of->state.slots[i].next_same) {
        if (shown++ >= SHOWN_HOLDERS)
            continue;
        struct line *l = pane_line(p);
        line_put(l, STYLE_NORMAL, "held by ");
        words_domain(l, s, of, sample_slot_domain(of, i));
        line_put(l, STYLE_NORMAL, " in ");
        words_place(l, of, i);
        line_put(l, STYLE_NORMAL, ": ");
        words_slot(l, of, i);
    }
    if (shown > SHOWN_HOLDERS)
        pane_text(p, STYLE_DIM, "and %u more capabilit%s", shown - SHOWN_HOLDERS,
                  plural_y(shown - SHOWN_HOLDERS));
}

static void object_queue(const struct sample *of, const struct capstate_object *o, struct pane *p)
{
    if (o->type != RECORD_CAP_ENDPOINT && o->type != RECORD_CAP_NOTIFICATION)
        return;
    for (uint32_t t = 0; t < of->state.thread_count; t++)
        if (of->state.threads[t].rec.blocked_on == o->addr) {
            struct line *l = pane_line(p);
            line_put(l, STYLE_NORMAL, "%u. ", (unsigned)of->state.threads[t].rec.position);
            words_thread(l, of, (int32_t)t);
            line_put(l, STYLE_NORMAL, " %s", words_thread_state(&of->state.threads[t].rec));
        }
}

static void about_object(const struct session *s, const struct sample *of, int32_t object,
                         struct pane *p)
{
    const struct capstate_object *o = &of->state.objects[object];
    struct authority_owner owner;
    sample_owner_of_object(of, object, &owner);
    struct line *l = pane_line(p);
    words_object(l, of, object);
    line_put(l, STYLE_NORMAL, "  owner ");
    words_owner_of_object(l, s, of, object);
    if (owner.by_untyped)
        line_put(l, STYLE_DIM, "  (holds the untyped over it)");
    line_put(l, STYLE_NORMAL, "  %u capabilit%s", (unsigned)o->caps, plural_y(o->caps));
    if (owner.untyped >= 0 && owner.untyped != object) {
        l = pane_line(p);
        line_put(l, STYLE_NORMAL, "made from ");
        words_object(l, of, owner.untyped);
    }
    object_queue(of, o, p);
    object_holders(s, of, o, p);
    if (o->type == RECORD_CAP_FRAME || o->type == RECORD_CAP_UNTYPED)
        object_mappings(s, of, o, p);
}

/* --- threads --- */

static void thread_registers(const struct sample *of, const struct record_thread *t, struct pane *p)
{
    char pc[24], sp[24], buffer[24];
    pane_text(p, STYLE_NORMAL, "pc 0x%s  sp 0x%s  cpsr 0x%08" PRIx64 "  ipc buffer 0x%s",
              sample_hex(of, t->pc, pc), sample_hex(of, t->sp, sp), (uint64_t)t->cpsr,
              sample_hex(of, t->ipc_buffer, buffer));
}

static void thread_roots(const struct sample *of, int32_t thread, struct pane *p)
{
    struct line *l = pane_line(p);
    line_put(l, STYLE_NORMAL, "cspace ");
    words_object(l, of, capstate_thread_cspace(&of->state, thread));
    line_put(l, STYLE_NORMAL, "  vspace ");
    int32_t dir = capstate_thread_vspace(&of->state, thread);
    if (dir < 0) {
        line_put(l, STYLE_DIM, "none");
        return;
    }
    char hex[24];
    line_link(l, STYLE_LINK, ref_to(REF_SPACE, of->state.objects[dir].addr), "space 0x%s",
              sample_hex(of, of->state.objects[dir].addr, hex));
}

/* Behind them, of a thread in trouble, what was before. */
static void thread_past(const struct session *s, const struct sample *of, int32_t thread,
                        struct pane *p)
{
    const char *text = s->past.text;
    if (s->past.thread != of->state.threads[thread].rec.addr || s->past.number != of->number)
        return;
    while (text && *text) {
        size_t n = strcspn(text, "\n");
        pane_text(p, STYLE_NORMAL, "     %.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* The same sentences as `capdb why-not-running` and `capdb why-fault`. */
static void thread_reasons(const struct sample *of, int32_t thread, struct pane *p)
{
    struct why w;
    why_init(&w);
    why_not_running_in(&of->state, &of->waiting, thread, &w);
    if (of->state.threads[thread].rec.fault)
        why_fault(&of->state, thread, &w);
    for (uint32_t i = 0; i < w.count; i++) {
        const struct why_line *why = &w.lines[i];
        struct line *l = pane_line(p);
        struct ref to = {0};
        if (why->about == WHY_ABOUT_THREAD)
            to = ref_to(REF_THREAD, why->addr);
        else if (why->about == WHY_ABOUT_SLOT)
            to = ref_to(REF_SLOT, why->addr);
        else if (why->about == WHY_ABOUT_MEMORY)
            to = ref_to(REF_ADDRESS, why->addr);
        line_put(l, STYLE_DIM, "%s%*s", i == 0 ? "why  " : "     ", (int)why->depth * 2, "");
        line_link(l, of->stuck[thread] ? STYLE_BAD : STYLE_NORMAL, to, "%s", why->text);
    }
    why_free(&w);
}

static void about_thread(const struct session *s, const struct sample *of, int32_t thread,
                         struct pane *p)
{
    const struct record_thread *t = &of->state.threads[thread].rec;
    char hex[24];
    struct line *l = pane_line(p);
    words_thread(l, of, thread);
    line_put(l, STYLE_NORMAL, "  domain ");
    words_domain(l, s, of, sample_thread_domain(of, thread));
    line_put(l, STYLE_DIM, "  tcb 0x%s", sample_hex(of, t->addr, hex));
    l = pane_line(p);
    line_put(l, t->fault ? STYLE_BAD : STYLE_NORMAL, "%s", words_thread_state(t));
    line_put(l, STYLE_NORMAL, "  ");
    words_waits(l, of, thread);
    line_put(l, STYLE_DIM, "  priority %u, maximum %u, slice %u", (unsigned)t->priority,
             (unsigned)t->mcp, (unsigned)t->time_slice);
    thread_reasons(of, thread, p);
    thread_past(s, of, thread, p);
    thread_registers(of, t, p);
    pane_text(p, STYLE_NORMAL, "fault handler 0x%" PRIx64, (uint64_t)t->fault_handler);
    if (t->bound) {
        l = pane_line(p);
        line_put(l, STYLE_NORMAL, "bound to ");
        words_object(l, of, sample_object_at(of, t->bound));
    }
    thread_roots(of, thread, p);
    if (of->state.threads[thread].object >= 0)
        object_holders(s, of, &of->state.objects[of->state.threads[thread].object], p);
}

/* --- domains, addresses --- */

static void about_domain(const struct session *s, const struct sample *of, int32_t domain,
                         struct pane *p)
{
    char own[SIZE_TEXT], lost[SIZE_TEXT], left[SIZE_TEXT];
    const struct domain_memory *m = &of->domain_memory[domain];
    const struct authority_domain *d = &of->authority.domains[domain];
    struct line *l = pane_line(p);
    words_domain(l, s, of, domain);
    line_put(l, STYLE_NORMAL, "  %u thread%s, %u capabilit%s, %s in objects, %s lost, %s free",
             (unsigned)d->threads, plural_s(d->threads), of->domain_caps[domain],
             plural_y(of->domain_caps[domain]), size_short(m->used, own), size_short(m->lost, lost),
             size_short(m->free, left));
    if (d->trusted)
        line_put(l, STYLE_STRONG, "  trusted: left out of the verdict");
    for (uint32_t t = 0; t < of->state.thread_count; t++)
        if (sample_thread_domain(of, (int32_t)t) == domain && !of->state.threads[t].rec.idle) {
            l = pane_line(p);
            line_put(l, STYLE_NORMAL, "thread ");
            words_thread(l, of, (int32_t)t);
            line_put(l, STYLE_NORMAL, "  %s ", words_thread_state(&of->state.threads[t].rec));
            words_waits(l, of, (int32_t)t);
        }
    for (uint32_t i = 0; i < of->breach_count; i++) {
        const struct authority_breach *b = &of->breaches[i];
        if (b->domain_a != domain && b->domain_b != domain)
            continue;
        l = pane_line(p);
        const struct ref to = {.kind = REF_BREACH, .addr = i};
        line_link(l, STYLE_BAD, to, "breach: %s", authority_breach_sentence(b->kind));
    }
}

static void about_address(const struct session *s, const struct sample *of, uint64_t addr,
                          struct pane *p)
{
    char hex[24];
    struct line *l = pane_line(p);
    line_put(l, STYLE_STRONG, "0x%s", sample_hex(of, addr, hex));
    line_put(l, STYLE_NORMAL, "  owner ");
    words_owner(l, s, of, addr);
    int32_t object = sample_object_holding(of, addr);
    if (object < 0) {
        if (!capstate_is_kernel(&of->state, addr))
            pane_text(p, STYLE_DIM, "no capability refers to memory at this address");
        return;
    }
    l = pane_line(p);
    line_put(l, STYLE_NORMAL, "inside ");
    words_object(l, of, object);
    const struct capstate_object *o = &of->state.objects[object];
    if (addr != o->addr)
        line_put(l, STYLE_NORMAL, " at offset 0x%" PRIx64, addr - o->addr);
    struct authority_owner owner;
    sample_owner(of, addr, &owner);
    if (sample_is_lost(of, &owner, addr))
        pane_text(p, STYLE_WARN,
                  "handed out, and in no object: a revoke of the untyped gives it back");
    about_object(s, of, object, p);
}

static void object_line(const struct session *s, const struct sample *of, int32_t object,
                        struct pane *p)
{
    struct line *l = pane_line(p);
    words_object(l, of, object);
    line_put(l, STYLE_NORMAL, "  owner ");
    words_owner_of_object(l, s, of, object);
}

/* Of a piece of memory with several things in it no one thing is told, but all. */
static void about_piece(const struct session *s, const struct sample *of, uint64_t base,
                        uint64_t size, struct pane *p)
{
    enum { SHOWN = 300 };
    char from[24], last[24], text[SIZE_TEXT];
    struct authority_owner at_base, at_end;
    int32_t around = sample_object_holding(of, base);
    uint32_t shown = 0, i = sample_object_from(of, base), end = sample_object_from(of, base + size);
    struct line *l = pane_line(p);
    line_put(l, STYLE_STRONG, "0x%s to 0x%s", sample_hex(of, base, from),
             sample_hex(of, base + (size - 1), last));
    line_put(l, STYLE_NORMAL, "  %s, several things in it; ", size_short(size, text));
    line_put(l, STYLE_DIM, "%s ADDRESS asks for one", bindings_key("goto"));
    sample_owner(of, base, &at_base);
    sample_owner(of, base + (size - 1), &at_end);
    if (at_base.kernel || at_end.kernel)
        pane_text(p, STYLE_STRONG, "K kernel");
    if (around >= 0 && of->state.objects[around].addr < base)
        object_line(s, of, around, p);
    for (; i < end && shown < SHOWN; i++) {
        if (of->state.objects[i].bits == 0)
            continue;
        object_line(s, of, (int32_t)i, p);
        shown++;
    }
    if (i < end)
        pane_text(p, STYLE_DIM, "and %u more object%s", end - i, plural_s(end - i));
}

static void about_memory(const struct session *s, const struct sample *of, const struct ref *r,
                         struct pane *p)
{
    uint64_t size = r->extra ? 1ull << r->extra : 1;
    bool nothing = sample_object_holding(of, r->addr) < 0 &&
                   sample_object_from(of, r->addr) == sample_object_from(of, r->addr + size);
    if (r->extra && !nothing && sample_object_there(of, r) < 0)
        about_piece(s, of, r->addr, size, p);
    else
        about_address(s, of, r->addr, p);
}

static void about_space(const struct session *s, const struct sample *of, uint64_t dir,
                        struct pane *p)
{
    const struct ref as_address = ref_to(REF_ADDRESS, dir);
    uint32_t pages = 0;
    for (uint32_t i = 0; i < of->state.mapping_count; i++)
        pages += of->state.mappings[i].dir == dir;
    pane_text(p, STYLE_NORMAL, "%u translation%s", pages, plural_s(pages));
    pane_about(s, of, &as_address, p);
}

static void about_virtual(const struct session *s, const struct sample *of, const struct ref *r,
                          struct pane *p)
{
    for (uint32_t i = 0; i < of->state.mapping_count; i++) {
        const struct record_mapping *m = &of->state.mappings[i];
        if (m->dir != r->of || r->addr < m->vaddr ||
            (m->bits < 63 && r->addr - m->vaddr >= 1ull << m->bits))
            continue;
        char hex[24], rights[4], size[SIZE_TEXT];
        pane_text(p, STYLE_NORMAL, "virtual 0x%s, a page of %s, %s%s", sample_hex(of, r->addr, hex),
                  size_short(1ull << m->bits, size), record_access_text(m->rights, rights),
                  m->attributes & 1 ? ", cached" : ", uncached");
        about_address(s, of, m->frame + (r->addr - m->vaddr), p);
        return;
    }
    pane_text(p, STYLE_DIM, "nothing is mapped there");
}

/* The capability that an event was about, as it was then. */
static void about_event_cap(const struct sample *of, const struct record_event *e, struct pane *p)
{
    const struct record_slot cap = record_slot_of_event(e);
    char text[256], hex[24];
    if (e->type)
        pane_text(p, STYLE_NORMAL, "of %s in slot 0x%s",
                  capstate_cap_text(&of->state, &cap, text, sizeof(text)),
                  sample_hex(of, e->slot, hex));
}

static void about_event(const struct session *s, const struct sample *of, uint64_t seq,
                        struct pane *p)
{
    struct record_event e;
    char hex[24], clock[16];
    if (source_events(s->source, seq, &e, 1) != 1 || e.seq != seq) {
        pane_text(p, STYLE_DIM, "event %" PRIu64 " is not kept any more", seq);
        return;
    }
    struct line *l = pane_line(p);
    line_put(l, STYLE_STRONG, "event %" PRIu64 " %s", seq, event_kind_name((uint32_t)e.kind));
    if (e.thread) {
        int32_t thread = sample_thread_at(of, e.thread);
        line_put(l, STYLE_NORMAL, " by ");
        if (thread >= 0)
            words_thread(l, of, thread);
        else
            line_put(l, STYLE_NORMAL, "tcb 0x%s", sample_hex(of, e.thread, hex));
    }
    line_put(l, STYLE_DIM, "   %s: the state right after it", bindings_key("follow"));
    about_event_cap(of, &e, p);
    int32_t slot = e.slot ? sample_slot_at(of, e.slot) : -1;
    if (slot >= 0) {
        pane_text(p, STYLE_HEAD, "that slot at %s, which is shown%s",
                  session_clock(of->time, clock),
                  session_event(s) == seq ? "" : ", not at the event");
        pane_slot(s, of, slot, p);
    } else if (e.slot)
        pane_text(p, STYLE_DIM, "slot 0x%s is empty in what is shown", sample_hex(of, e.slot, hex));
}

static void witness(const struct sample *of, const char *what, int32_t slot, struct pane *p)
{
    if (slot < 0)
        return;
    struct line *l = pane_line(p);
    line_put(l, STYLE_NORMAL, "%s ", what);
    words_place(l, of, slot);
    line_put(l, STYLE_NORMAL, ": ");
    words_slot(l, of, slot);
}

static void path_step(const struct sample *of, const struct authority_step *step, struct pane *p)
{
    const struct authority_edge *e = &of->authority.edges[step->edge];
    struct line *l = pane_line(p);
    line_put(l, STYLE_DIM, step->backwards ? "  <- " : "  -> ");
    words_object(l, of, e->from);
    line_put(l, STYLE_NORMAL, " %s ", authority_edge_sentence(e->kind));
    words_object(l, of, e->to);
    if (e->slot >= 0) {
        line_put(l, STYLE_DIM, "  by ");
        words_place(l, of, e->slot);
    }
}

static void about_breach(const struct sample *of, uint64_t number, struct pane *p)
{
    if (number >= of->breach_count)
        return;
    const struct authority_breach *b = &of->breaches[number];
    struct line *l = pane_line(p);
    line_put(l, STYLE_BAD, "%s", authority_breach_sentence(b->kind));
    if (b->further)
        pane_text(p, STYLE_NORMAL, "More domains are concerned in the same way.");
    witness(of, "witness", b->slot_a, p);
    witness(of, "witness", b->slot_b, p);
    for (uint32_t i = 0; i < b->path_count; i++)
        path_step(of, &b->path[i], p);
}

static void gone(struct pane *p, const struct session *s, const struct sample *of)
{
    char clock[16];
    pane_text(p, STYLE_DIED, "not there at %s", session_clock(of->time, clock));
    (void)s;
}

void pane_about(const struct session *s, const struct sample *of, const struct ref *r,
                struct pane *p)
{
    int32_t at;
    if (!sample_has(of, r)) {
        gone(p, s, of);
        return;
    }
    switch (r->kind) {
    case REF_SLOT:
    case REF_REVOKE:
        at = sample_slot_at(of, r->addr);
        pane_slot(s, of, at, p);
        if (of->state.slots[at].object >= 0)
            about_object(s, of, of->state.slots[at].object, p);
        break;
    case REF_OBJECT:
        about_object(s, of, sample_object_of(of, r), p);
        break;
    case REF_THREAD:
        about_thread(s, of, sample_thread_at(of, r->addr), p);
        break;
    case REF_DOMAIN:
        about_domain(s, of, sample_domain_of(of, r), p);
        break;
    case REF_ADDRESS:
        about_memory(s, of, r, p);
        break;
    case REF_SPACE:
        about_space(s, of, r->addr, p);
        break;
    case REF_VIRTUAL:
        about_virtual(s, of, r, p);
        break;
    case REF_BREACH:
        about_breach(of, r->addr, p);
        break;
    case REF_EVENT:
        about_event(s, of, r->addr, p);
        break;
    default:
        break;
    }
}
