/* Wording with links. */
#include "inspector-tui/words.h"

#include "record/names.h"
#include "record/vocabulary.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 256 };

void words_slot(struct line *l, const struct sample *s, int32_t slot)
{
    char text[TEXT];
    if (slot < 0) {
        line_put(l, STYLE_DIM, "nothing");
        return;
    }
    int32_t object = s->state.slots[slot].object;
    struct ref to = object >= 0 ? sample_object_ref(s, object) : sample_slot_ref(s, slot);
    line_link(l, STYLE_LINK, to, "%s", capstate_slot_text(&s->state, slot, text, sizeof(text)));
}

void words_place(struct line *l, const struct sample *s, int32_t slot)
{
    char text[TEXT];
    if (slot < 0)
        line_put(l, STYLE_DIM, "nowhere");
    else
        line_link(l, STYLE_LINK, sample_slot_ref(s, slot), "%s",
                  capstate_place_text(&s->state, slot, text, sizeof(text)));
}

void words_object(struct line *l, const struct sample *s, int32_t object)
{
    char text[TEXT];
    if (object < 0)
        line_put(l, STYLE_DIM, "nothing");
    else
        line_link(l, STYLE_LINK, sample_object_ref(s, object), "%s",
                  capstate_object_text(&s->state, object, text, sizeof(text)));
}

void words_thread(struct line *l, const struct sample *s, int32_t thread)
{
    char hex[24];
    if (thread < 0) {
        line_put(l, STYLE_DIM, "no thread");
        return;
    }
    const struct capstate_thread *t = &s->state.threads[thread];
    if (t->rec.idle)
        line_link(l, STYLE_LINK, sample_thread_ref(s, thread), "(idle)");
    else if (t->label[0])
        line_link(l, STYLE_LINK, sample_thread_ref(s, thread), "%s", t->label);
    else
        line_link(l, STYLE_LINK, sample_thread_ref(s, thread), "tcb 0x%s",
                  sample_hex(s, t->rec.addr, hex));
}

void words_domain(struct line *l, const struct session *session, const struct sample *s,
                  int32_t domain)
{
    if (domain < 0)
        line_put(l, STYLE_DIM, "-");
    else
        line_link(l, session_style(session, s, domain), sample_domain_ref(s, domain), "%c %s",
                  session_letter(session, s, domain), sample_domain_name(s, domain));
}

static void owner_words(struct line *l, const struct session *session, const struct sample *s,
                        const struct authority_owner *owner)
{
    if (owner->kernel)
        line_put(l, STYLE_STRONG, "K kernel");
    else if (owner->domain < 0 || owner->shared)
        line_put(l, STYLE_DIM, "%s", owner->shared ? "shared" : "nobody");
    else
        words_domain(l, session, s, owner->domain);
}

void words_owner(struct line *l, const struct session *session, const struct sample *s,
                 uint64_t addr)
{
    struct authority_owner owner;
    sample_owner(s, addr, &owner);
    owner_words(l, session, s, &owner);
}

void words_owner_of_object(struct line *l, const struct session *session, const struct sample *s,
                           int32_t object)
{
    struct authority_owner owner;
    sample_owner_of_object(s, object, &owner);
    owner_words(l, session, s, &owner);
}

void words_address(struct line *l, const struct sample *s, uint64_t addr)
{
    char hex[24];
    line_link(l, STYLE_LINK, ref_to(REF_ADDRESS, addr), "0x%s", sample_hex(s, addr, hex));
}

struct ref words_first_ref(const struct sample *s, const char *text, size_t length)
{
    for (size_t i = 0; i + 2 < length; i++) {
        uint64_t addr = 0;
        size_t digits = 0;
        if (text[i] != '0' || text[i + 1] != 'x')
            continue;
        for (i += 2; i < length && isxdigit((unsigned char)text[i]); i++, digits++)
            addr = addr << 4 | (uint64_t)(isdigit((unsigned char)text[i])
                                              ? text[i] - '0'
                                              : tolower((unsigned char)text[i]) - 'a' + 10);
        struct ref r = sample_ref_at(s, addr);
        bool there = r.kind != REF_ADDRESS || capstate_is_ram(&s->state, addr) ||
                     sample_object_holding(s, addr) >= 0;
        if (digits > 0 && digits <= 16 && there)
            return r;
    }
    return ref_to(REF_NONE, 0);
}

/* --- threads --- */

const char *words_thread_state(const struct record_thread *t)
{
    return thread_shown_name((uint32_t)t->state, t->current);
}

const char *words_fault(const struct record_thread *t, char *buf, size_t size)
{
    snprintf(buf, size, "%s at 0x%" PRIx64, fault_name((uint32_t)t->fault),
             (uint64_t)t->fault_addr);
    return buf;
}

/* One that could wake it: of another domain, since those are what one looks for, else any. */
static int32_t waker_of(const struct sample *s, int32_t thread)
{
    const struct waiting *w = &s->waiting;
    int32_t own = sample_thread_domain(s, thread);
    for (uint32_t i = w->first[thread]; i < w->first[thread + 1]; i++)
        if (sample_thread_domain(s, w->wakers[i]) != own)
            return w->wakers[i];
    return w->first[thread] < w->first[thread + 1] ? w->wakers[w->first[thread]] : -1;
}

int32_t words_partner(const struct sample *s, int32_t thread)
{
    int32_t slot;
    if (s->state.threads[thread].rec.state == RECORD_THREAD_BLOCKED_ON_REPLY)
        return waiting_replier(&s->state, thread, &slot);
    return waker_of(s, thread);
}

void words_waits(struct line *l, const struct sample *s, int32_t thread)
{
    const struct record_thread *t = &s->state.threads[thread].rec;
    char text[TEXT];
    int32_t partner = words_partner(s, thread);
    if (t->fault) {
        line_put(l, STYLE_BAD, "%s", words_fault(t, text, sizeof(text)));
        return;
    }
    if (t->state == RECORD_THREAD_BLOCKED_ON_REPLY) {
        line_put(l, STYLE_NORMAL, partner < 0 ? "for an answer" : "for the reply of ");
        if (partner >= 0)
            words_thread(l, s, partner);
        return;
    }
    if (!t->blocked_on)
        return;
    words_object(l, s, sample_object_at(s, t->blocked_on));
    if (t->position > 1)
        line_put(l, STYLE_DIM, ", place %u in the queue", (unsigned)t->position);
    if (partner >= 0) {
        line_put(l, STYLE_NORMAL, t->state == RECORD_THREAD_BLOCKED_ON_SEND ? " > " : " < ");
        words_thread(l, s, partner);
    }
}

/* Domains that it breaks the isolation of, a bit each. */
static uint64_t broken_by(const struct sample *s, int32_t domain)
{
    uint64_t broken = 0;
    for (uint32_t i = 0; i < s->breach_count; i++) {
        const struct authority_breach *b = &s->breaches[i];
        if (b->domain_a == domain && b->domain_b >= 0 && b->domain_b < SAMPLE_REACHES &&
            b->weight == AUTHORITY_BREACH)
            broken |= 1ull << b->domain_b;
    }
    return broken;
}

void words_reaches(struct line *l, const struct session *session, const struct sample *s,
                   int32_t domain)
{
    uint64_t broken = broken_by(s, domain), reached = s->domain_reaches[domain] | broken;
    for (int32_t d = 0; d < SAMPLE_REACHES && d < (int32_t)sample_domains(s); d++) {
        bool breach = broken >> d & 1;
        if (reached >> d & 1)
            line_link(l, breach ? STYLE_BAD : session_style(session, s, d), sample_domain_ref(s, d),
                      "%c%c", session_letter(session, s, d), breach ? '!' : ' ');
    }
    if (!reached)
        line_put(l, STYLE_DIM, "-");
}

enum style words_sign(enum sign sign)
{
    static const enum style styles[] = {
        [SIGN_SAME] = STYLE_NORMAL,     [SIGN_BORN] = STYLE_BORN, [SIGN_MOVED] = STYLE_MOVED,
        [SIGN_CHANGED] = STYLE_CHANGED, [SIGN_DIED] = STYLE_DIED,
    };
    return styles[sign];
}

/* A thing in memory by its address; what is not in memory has none. */
static void address_text(const struct sample *s, const struct ref *r, char *buf, size_t size)
{
    char hex[24];
    bool number = r->kind == REF_OBJECT && (r->extra & 255) == 0;
    snprintf(buf, size, "%s", number ? "" : sample_hex(s, r->addr, hex));
}

static void thread_text(const struct sample *s, const struct ref *r, char *buf, size_t size)
{
    int32_t thread = sample_thread_at(s, r->addr);
    if (thread >= 0 && s->state.threads[thread].label[0])
        snprintf(buf, size, "%s", s->state.threads[thread].label);
    else
        address_text(s, r, buf, size);
}

char *ref_text(const struct session *session, const struct ref *r, char *buf, size_t size)
{
    const struct sample *s = session->now;
    int32_t domain = s && r->kind == REF_DOMAIN ? sample_domain_of(s, r) : -1;
    buf[0] = 0;
    if (!s)
        return buf;
    if (r->kind == REF_THREAD)
        thread_text(s, r, buf, size);
    else if (domain >= 0)
        snprintf(buf, size, "%s", sample_domain_name(s, domain));
    else if (r->kind == REF_EVENT)
        snprintf(buf, size, "#%" PRIu64, r->addr);
    else if (r->kind == REF_SLOT || r->kind == REF_OBJECT || r->kind == REF_ADDRESS ||
             r->kind == REF_SPACE || r->kind == REF_VIRTUAL || r->kind == REF_REVOKE)
        address_text(s, r, buf, size);
    return buf;
}
