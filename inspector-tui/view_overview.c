/* The first screen: how the system stands, in one look, and where to go from there.
 *
 * Every row leads on: the verdict to its witnesses, the picture of memory to the memory view, a
 * domain to its row in the domains view, the last revocation to its steps. */
#include "inspector-tui/view.h"
#include "capstate/size.h"

#include "inspector-tui/memory.h"
#include "inspector-tui/words.h"

#include <stdio.h>
#include <string.h>

enum row_kind {
    KIND_VERDICT,
    KIND_BREACH,
    KIND_RAM,
    KIND_LEGEND,
    KIND_HEAD,
    KIND_DOMAIN,
    KIND_TROUBLE, /* a thread that has faulted */
    KIND_REVOKE,
    KIND_TIME,
    KIND_BLANK,
};

enum { SHOWN_BREACHES = 4, RAM_LINES = 2, SHOWN_TROUBLE = 4, BAR = 48, LAST_EVENTS = 4096 };

static void row(struct view *v, uint32_t kind, int32_t at, uint8_t flags)
{
    view_add(v, view_id(0, kind + 1, (uint64_t)(int64_t)at), 0, (uint8_t)kind, at, flags);
}

static void add_domains(const struct session *s, struct view *v)
{
    row(v, KIND_HEAD, 0, ROW_TITLE);
    for (uint32_t i = 0; i < sample_domains(s->now); i++)
        view_add(v, view_id(0, KIND_DOMAIN + 1, ref_hash(sample_domain_name(s->now, (int32_t)i))),
                 0, KIND_DOMAIN, (int32_t)i, 0);
}

/* A manager may wait for ever on purpose; a fault is told of whoever it is. */
static bool is_trouble(const struct session *s, int32_t thread)
{
    int32_t d = sample_thread_domain(s->now, thread);
    bool trusted = d >= 0 && s->now->authority.domains[d].trusted;
    return s->now->state.threads[thread].rec.fault || (s->now->stuck[thread] && !trusted);
}

static void add_trouble(const struct session *s, struct view *v)
{
    uint32_t shown = 0;
    for (uint32_t i = 0; i < s->now->state.thread_count && shown < SHOWN_TROUBLE; i++)
        if (is_trouble(s, (int32_t)i)) {
            row(v, KIND_TROUBLE, (int32_t)i, ROW_ALERT);
            shown++;
        }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    row(v, KIND_VERDICT, 0, s->now->verdict == VERDICT_BREACHED ? ROW_ALERT : 0);
    for (uint32_t i = 0; i < s->now->breach_count && i < SHOWN_BREACHES; i++)
        row(v, KIND_BREACH, (int32_t)i, ROW_ALERT);
    for (int32_t i = 0; i < RAM_LINES; i++)
        row(v, KIND_RAM, i, 0);
    row(v, KIND_LEGEND, 0, 0);
    row(v, KIND_BLANK, 0, 0);
    add_domains(s, v);
    add_trouble(s, v);
    row(v, KIND_BLANK, 1, 0);
    row(v, KIND_REVOKE, 0, 0);
    row(v, KIND_TIME, 0, 0);
    return VIEW_WHOLE;
}

/* --- lines --- */

/* The verdict's sentence begins with the word that stands there already, in colour. */
static const char *behind_the_word(const char *text)
{
    const char *colon = strstr(text, ": ");
    return colon ? colon + 2 : text;
}

static void verdict_line(const struct session *s, struct line *l)
{
    const struct sample *now = s->now;
    switch (now->verdict) {
    case VERDICT_ISOLATED:
        line_put(l, STYLE_GOOD, "ISOLATED");
        line_put(l, STYLE_NORMAL, "  %s", behind_the_word(now->verdict_text));
        break;
    case VERDICT_BREACHED:
        line_put(l, STYLE_BAD, "BREACHED %u", now->judged.breaches);
        line_put(l, STYLE_NORMAL, "  %s", behind_the_word(now->verdict_text));
        break;
    case VERDICT_UNKNOWN:
        line_put(l, STYLE_WARN, "NO VERDICT");
        line_put(l, STYLE_NORMAL, "  %s", now->verdict_text);
        break;
    }
}

static void breach_line(const struct session *s, int32_t i, struct line *l)
{
    const struct authority_breach *b = &s->now->breaches[i];
    line_put(l, STYLE_BAD, "  %s ", authority_breach_name(b->kind));
    words_domain(l, s, s->now, b->domain_a);
    line_put(l, STYLE_NORMAL, " > ");
    words_domain(l, s, s->now, b->domain_b);
    if ((uint32_t)i + 1 == SHOWN_BREACHES && s->now->breach_count > SHOWN_BREACHES)
        line_put(l, STYLE_DIM, "  and %u more (J)", s->now->breach_count - SHOWN_BREACHES);
}

static void ram_line(const struct session *s, int32_t part, struct line *l)
{
    const struct record_snapshot *snap = &s->now->state.snapshot;
    uint64_t size = (uint64_t)snap->ram_size / RAM_LINES,
             base = snap->ram_base + size * (uint64_t)part;
    char text[SIZE_TEXT], hex[24];
    if (part == 0)
        line_put(l, STYLE_NORMAL, "RAM %5s ", size_short(snap->ram_size, text));
    else
        line_put(l, STYLE_NORMAL, "          ");
    line_put(l, STYLE_DIM, "%s ", sample_hex(s->now, base, hex));
    memory_strip(s, s->now, base, size, BAR, l);
    line_put(l, STYLE_DIM, " %s", sample_hex(s->now, base + size - 1, hex));
}

static void legend_line(const struct session *s, struct line *l)
{
    line_put(l, STYLE_DIM, "          K kernel");
    for (uint32_t i = 0; i < sample_domains(s->now) && i < 6; i++) {
        char c = session_letter(s, s->now, (int32_t)i);
        line_put(l, STYLE_DIM, "  ");
        line_put(l, session_style(s, s->now, (int32_t)i), "%c/%c %s", c - 'a' + 'A', c,
                 sample_domain_name(s->now, (int32_t)i));
    }
    line_put(l, STYLE_DIM, "  (used/free)  . nobody");
}

static uint32_t domain_waiting(const struct session *s, int32_t domain, int32_t *fault)
{
    uint32_t waiting = 0;
    *fault = -1;
    for (uint32_t i = 0; i < s->now->state.thread_count; i++) {
        const struct record_thread *t = &s->now->state.threads[i].rec;
        if (t->idle || sample_thread_domain(s->now, (int32_t)i) != domain)
            continue;
        waiting += t->blocked_on != 0;
        if (t->fault)
            *fault = (int32_t)i;
    }
    return waiting;
}

static void domain_reaches(const struct session *s, int32_t domain, struct line *l)
{
    uint64_t seen = 0; /* of the first 64 domains */
    for (uint32_t i = 0; i < s->now->breach_count; i++) {
        const struct authority_breach *b = &s->now->breaches[i];
        if (b->domain_a != domain || b->domain_b < 0 || b->domain_b >= 64 ||
            (seen & 1ull << b->domain_b))
            continue;
        seen |= 1ull << b->domain_b;
        line_put(l, STYLE_BAD, "%c ", session_letter(s, s->now, b->domain_b));
    }
    if (!seen)
        line_put(l, STYLE_DIM, "-");
}

static void domain_line(const struct session *s, int32_t i, struct line *l)
{
    const struct authority_domain *d = &s->now->authority.domains[i];
    char own[SIZE_TEXT], left[SIZE_TEXT];
    int32_t fault;
    uint32_t waiting = domain_waiting(s, i, &fault);
    line_put(l, words_sign(compare_domain(s->change, i)), "%c",
             sign_char(compare_domain(s->change, i)));
    words_domain(l, s, s->now, i);
    line_put(l, STYLE_DIM, "%s", d->trusted ? " (trusted)" : "");
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", (unsigned)d->threads);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", s->now->domain_caps[i]);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", size_short(s->now->domain_own[i], own));
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", size_short(s->now->domain_free[i], left));
    line_tab(l);
    domain_reaches(s, i, l);
    line_tab(l);
    if (fault >= 0)
        words_waits(l, s->now, fault);
    else
        line_put(l, STYLE_DIM, "%u waiting", waiting);
}

static void head_line(struct line *l)
{
    static const char *const heads[] = {" domain", "thr",         "caps",         "own",
                                        "free",    "breaks into", "waits / fault"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        if (i)
            line_tab(l);
        line_put(l, STYLE_HEAD, "%s", heads[i]);
    }
}

static void revoke_line(const struct session *s, struct line *l)
{
    const struct record_revoke *r = &s->now->state.revoke;
    static struct record_event events[LAST_EVENTS];
    uint64_t first, last, lost;
    if (r->root) {
        line_put(l, STYLE_WARN, "REVOKE under way: ");
        words_slot(l, s->now, sample_slot_at(s->now, r->root));
        line_put(l, STYLE_NORMAL, ": %u gone, %u left, %u preemptions", (unsigned)r->done,
                 (unsigned)r->left, (unsigned)r->preempted);
        return;
    }
    if (!source_event_range(s->source, &first, &last, &lost)) {
        line_put(l, STYLE_DIM, "last      no events here (R: revocations, preview of any slot)");
        return;
    }
    uint64_t from = last > LAST_EVENTS ? last - LAST_EVENTS + 1 : 0;
    uint32_t n = source_events(s->source, from, events, LAST_EVENTS);
    while (n-- > 0)
        if (events[n].kind == RECORD_EVENT_REVOKE_END) {
            char hex[24];
            line_put(l, STYLE_NORMAL, "last      #%llu revoked slot 0x%s: %u capabilities gone",
                     (unsigned long long)events[n].seq, sample_hex(s->now, events[n].slot, hex),
                     (unsigned)events[n].detail);
            return;
        }
    line_put(l, STYLE_DIM, "last      no revocation in the %u newest events", LAST_EVENTS);
}

static void time_line(const struct session *s, struct line *l)
{
    enum { POINTS = 48 };
    struct moment m[POINTS];
    uint32_t total, n = source_moments(s->source, m, POINTS, &total);
    char from[16], to[16];
    if (n == 0)
        return;
    line_put(l, STYLE_NORMAL, "time      %s |", session_clock(m[0].time, from));
    for (uint32_t i = 0; i < n; i++) {
        bool here = s->at ? m[i].number == s->at : i + 1 == n;
        bool marked = s->mark && s->mark->number == m[i].number;
        line_put(l,
                 here     ? STYLE_STRONG
                 : marked ? STYLE_KEY
                          : STYLE_DIM,
                 "%c",
                 here               ? '#'
                 : marked           ? 'm'
                 : m[i].changes > 8 ? '^'
                                    : '.');
    }
    line_put(l, STYLE_NORMAL, "| %s", session_clock(m[n - 1].time, to));
    line_put(l, STYLE_DIM, "  [ ] walk, m mark, = compare");
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_VERDICT:
        verdict_line(s, l);
        break;
    case KIND_BREACH:
        breach_line(s, r->at, l);
        break;
    case KIND_RAM:
        ram_line(s, r->at, l);
        break;
    case KIND_LEGEND:
        legend_line(s, l);
        break;
    case KIND_HEAD:
        head_line(l);
        break;
    case KIND_DOMAIN:
        domain_line(s, r->at, l);
        break;
    case KIND_TROUBLE:
        line_put(l, STYLE_BAD,
                 s->now->state.threads[r->at].rec.fault ? "fault     " : "stuck     ");
        words_thread(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, "  %s ", words_thread_state(&s->now->state.threads[r->at].rec));
        words_waits(l, s->now, r->at);
        break;
    case KIND_REVOKE:
        revoke_line(s, l);
        break;
    case KIND_TIME:
        time_line(s, l);
        break;
    case KIND_BLANK:
        break;
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_VERDICT:
        return (struct ref){.kind = REF_VIEW, .extra = VIEW_VERDICT};
    case KIND_BREACH:
        return ref_to(REF_BREACH, (uint64_t)r->at);
    case KIND_RAM:
    case KIND_LEGEND:
        return (struct ref){.kind = REF_VIEW, .extra = VIEW_MEMORY};
    case KIND_DOMAIN:
        return sample_domain_ref(s->now, r->at);
    case KIND_TROUBLE:
        return sample_thread_ref(s->now, r->at);
    case KIND_REVOKE:
        return (struct ref){.kind = REF_VIEW, .extra = VIEW_REVOKE};
    case KIND_TIME:
        return (struct ref){.kind = REF_VIEW, .extra = VIEW_CHANGES};
    default:
        return (struct ref){0};
    }
}

static const struct column columns[] = {
    {"", 14, 0, 0, false}, {"", 3, 6, 1, true},   {"", 4, 8, 1, true},  {"", 5, 8, 1, true},
    {"", 5, 8, 2, true},   {"", 5, 12, 1, false}, {"", 9, 0, 3, false}, {0},
};

const struct view_ops view_overview = {columns, build, line, ref, NULL, NULL, NULL};
