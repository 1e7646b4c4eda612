/* The first screen: how the system stands, in one look, and where to go from there.
 *
 * Every row leads on: the verdict to its witnesses, the picture of memory to the memory view, a
 * domain to its row in the domains view, the last revocation to its steps. */
#include "facts/toll.h"
#include "facts/why.h"
#include "inspector-tui/bindings.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"

#include "inspector-tui/memory.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/words.h"
#include "lib/plural.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Rows that are always there, and lines around the list with a small pane. */
enum { OTHER_ROWS = 10, AROUND = 8 };
enum { LEAST_BREACHES = 4, RAM_LINES = 2, SHOWN_TROUBLE = WHY_MARKS - 1 };
enum { RAM_WORDS = 14, TIME_WORDS = 64, BAR_LEAST = 16, BAR_MOST = 160 };

/* Cells of a picture that leaves room for the words around it. */
static uint32_t bar_cells(const struct session *s, uint32_t words)
{
    uint32_t room = s->columns > words ? s->columns - words : 0;
    return room < BAR_LEAST ? BAR_LEAST : room > BAR_MOST ? BAR_MOST : room;
}

static void row(struct view *v, uint32_t kind, int32_t at, uint8_t flags)
{
    view_add(v, view_id(0, kind + 1, (uint64_t)(int64_t)at), 0, (uint8_t)kind, at, flags);
}

/* Threads in trouble, by mark, and how many of them have a row: one at least of each mark, more of the
 * worse ones. */
struct trouble {
    uint32_t threads[WHY_MARKS], rows[WHY_MARKS];
};

static void count_trouble(const struct session *s, struct trouble *t)
{
    uint32_t left = SHOWN_TROUBLE;
    *t = (struct trouble){0};
    for (uint32_t i = 0; i < s->now->state.thread_count; i++)
        t->threads[sample_trouble(s->now, (int32_t)i)]++;
    for (uint32_t mark = WHY_MARK_NONE + 1; mark < WHY_MARKS; mark++)
        left -= t->rows[mark] = t->threads[mark] > 0;
    for (uint32_t mark = WHY_MARK_NONE + 1; mark < WHY_MARKS; mark++) {
        uint32_t more = t->threads[mark] - t->rows[mark];
        more = more < left ? more : left;
        t->rows[mark] += more;
        left -= more;
    }
}

static uint32_t rows_of_trouble(const struct session *s)
{
    struct trouble t;
    uint32_t rows = 0;
    count_trouble(s, &t);
    for (uint32_t mark = WHY_MARK_NONE + 1; mark < WHY_MARKS; mark++)
        rows += t.rows[mark];
    return rows;
}

/* As many as there is room for. */
static uint32_t shown_breaches(const struct session *s)
{
    uint32_t others = OTHER_ROWS + AROUND + sample_domains(s->now) + rows_of_trouble(s);
    uint32_t room = s->lines > others ? s->lines - others : 0;
    room = room < LEAST_BREACHES ? LEAST_BREACHES : room;
    return s->now->breach_count < room ? s->now->breach_count : room;
}

static void add_domains(const struct session *s, struct view *v)
{
    row(v, KIND_HEAD, 0, ROW_TITLE);
    for (uint32_t i = 0; i < sample_domains(s->now); i++)
        view_add(v, view_id(0, KIND_DOMAIN + 1, ref_hash(sample_domain_name(s->now, (int32_t)i))),
                 0, KIND_DOMAIN, (int32_t)i, 0);
    const struct sample *before = s->comparing && s->change ? s->change->before : NULL;
    for (uint32_t i = 0; before && i < sample_domains(before); i++) {
        struct ref r = sample_domain_ref(before, (int32_t)i);
        if (sample_domain_of(s->now, &r) < 0)
            view_add(v, view_id(0, KIND_DOMAIN + 1, r.addr), 0, KIND_DOMAIN, (int32_t)i, ROW_DEAD);
    }
}

/* Faults come first, then what lasts for ever. */
static void add_trouble(const struct session *s, struct view *v)
{
    struct trouble t;
    count_trouble(s, &t);
    for (uint32_t mark = WHY_MARK_NONE + 1; mark < WHY_MARKS; mark++)
        for (uint32_t i = 0; i < s->now->state.thread_count && t.rows[mark] > 0; i++)
            if (sample_trouble(s->now, (int32_t)i) == mark) {
                row(v, KIND_TROUBLE, (int32_t)i, ROW_ALERT);
                t.rows[mark]--;
            }
}

/* Threads with the same mark that have no row, if this one has the last row of its mark. */
static uint32_t trouble_left(const struct session *s, int32_t thread)
{
    struct trouble t;
    enum why_mark mark = sample_trouble(s->now, thread);
    uint32_t upto = 0;
    count_trouble(s, &t);
    for (uint32_t i = 0; (int32_t)i <= thread; i++)
        upto += sample_trouble(s->now, (int32_t)i) == mark;
    return upto == t.rows[mark] ? t.threads[mark] - t.rows[mark] : 0;
}

static void trouble_line(const struct session *s, int32_t thread, struct line *l)
{
    const struct record_thread *t = &s->now->state.threads[thread].rec;
    uint32_t left = trouble_left(s, thread);
    line_put(l, STYLE_BAD, "%-10s", why_mark_word(sample_trouble(s->now, thread)));
    words_thread(l, s->now, thread);
    line_put(l, STYLE_NORMAL, "  %s ", words_thread_state(t));
    words_waits(l, s->now, thread);
    if (left)
        line_put(l, STYLE_DIM, "  and %u more (%s)", left, bindings_key(view_action(VIEW_THREADS)));
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    row(v, KIND_VERDICT, 0, s->now->verdict == VERDICT_BREACHED ? ROW_ALERT : 0);
    for (uint32_t i = 0; i < shown_breaches(s); i++)
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
        line_put(l, STYLE_BAD, "BREACHED");
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
    uint32_t shown = shown_breaches(s);
    bool more = (uint32_t)i + 1 == shown && s->now->breach_count > shown;
    if (b->object >= 0 && !more) {
        line_put(l, STYLE_DIM, "  ");
        words_object(l, s->now, b->object);
    }
    if (more)
        line_put(l, STYLE_DIM, "  and %u more (%s)", s->now->breach_count - shown,
                 bindings_key(view_action(VIEW_VERDICT)));
}

static void ram_line(const struct session *s, int32_t part, struct line *l)
{
    const struct sample_ram ram = sample_ram(s->now);
    uint64_t size = ram.size / RAM_LINES, base = ram.base + size * (uint64_t)part;
    char text[SIZE_TEXT], hex[24];
    if (part == 0)
        line_put(l, STYLE_NORMAL, "RAM %5s ", size_short(ram.size, text));
    else
        line_put(l, STYLE_NORMAL, "          ");
    line_put(l, STYLE_DIM, "%s ", sample_hex(s->now, base, hex));
    memory_strip(s, s->now, base, size,
                 bar_cells(s, RAM_WORDS + 2 * (uint32_t)capstate_digits(&s->now->state)), l);
    line_put(l, STYLE_DIM, " %s", sample_hex(s->now, base + size - 1, hex));
}

static void legend_line(const struct session *s, struct line *l)
{
    line_put(l, STYLE_NORMAL, "    ");
    memory_legend(s, s->now, l);
}

/* The thread of a domain that is worth a word: faulted before stuck; -1. */
static int32_t telling_thread(const struct session *s, int32_t domain, uint32_t *waiting)
{
    int32_t found = -1;
    bool trusted = s->now->authority.domains[domain].trusted;
    *waiting = 0;
    for (uint32_t i = 0; i < s->now->state.thread_count; i++) {
        const struct record_thread *t = &s->now->state.threads[i].rec;
        if (t->idle || sample_thread_domain(s->now, (int32_t)i) != domain)
            continue;
        *waiting += t->blocked_on != 0;
        bool faulted = found >= 0 && s->now->state.threads[found].rec.fault;
        if (t->fault || (s->now->stuck[i] && !trusted && !faulted))
            found = (int32_t)i;
    }
    return found;
}

static void waits_cell(const struct session *s, int32_t domain, struct line *l)
{
    uint32_t waiting;
    int32_t thread = telling_thread(s, domain, &waiting);
    if (thread < 0) {
        line_put(l, STYLE_DIM, "%u waiting", waiting);
        return;
    }
    words_thread(l, s->now, thread);
    if (s->now->state.threads[thread].rec.fault) {
        line_put(l, STYLE_NORMAL, " ");
        words_waits(l, s->now, thread);
    } else {
        line_put(l, STYLE_BAD, " waits for ever");
    }
}

/* What the counts of capabilities are compared with: what all rows are while one compares. */
static const struct sample *counted_against(const struct session *s)
{
    return s->comparing ? s->mark : s->minute;
}

/* Capabilities more or fewer than then. */
static void change_cell(const struct session *s, int32_t domain, struct line *l)
{
    const struct sample *then = counted_against(s);
    struct ref r = sample_domain_ref(s->now, domain);
    if (!then || then == s->now) {
        line_put(l, STYLE_DIM, "-");
        return;
    }
    int32_t old = sample_domain_of(then, &r);
    long more = (long)s->now->domain_caps[domain] - (old < 0 ? 0 : (long)then->domain_caps[old]);
    if (old < 0)
        line_put(l, STYLE_BORN, "new");
    else
        line_put(l, more > 0 ? STYLE_BORN : more < 0 ? STYLE_DIED : STYLE_DIM, "%+ld", more);
}

static void size_cell(struct line *l, enum style style, uint64_t bytes)
{
    char text[SIZE_TEXT];
    line_put(l, style, "%s", bytes ? size_short(bytes, text) : "-");
}

/* A domain of the sample before that is not there any more. */
static void dead_domain_line(const struct session *s, int32_t i, struct line *l)
{
    const struct sample *before = s->change->before;
    line_put(l, STYLE_DIED, "-");
    words_domain(l, s, before, i);
    line_tab(l);
    line_put(l, STYLE_DIM, "%u", (unsigned)before->authority.domains[i].threads);
    line_tab(l);
    line_put(l, STYLE_DIM, "%u", before->domain_caps[i]);
    line_tab(l);
    line_put(l, STYLE_DIED, "gone");
}

static void domain_line(const struct session *s, int32_t i, struct line *l)
{
    const struct authority_domain *d = &s->now->authority.domains[i];
    const struct domain_memory *m = &s->now->domain_memory[i];
    enum sign sign = compare_domain(s->change, i);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    words_domain(l, s, s->now, i);
    line_put(l, STYLE_DIM, "%s", d->trusted ? " *" : "");
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", (unsigned)d->threads);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", s->now->domain_caps[i]);
    line_tab(l);
    change_cell(s, i, l);
    line_tab(l);
    size_cell(l, STYLE_NORMAL, sample_domain_own(s->now, i));
    line_tab(l);
    size_cell(l, STYLE_NORMAL, m->used);
    line_tab(l);
    size_cell(l, m->lost ? STYLE_WARN : STYLE_DIM, m->lost);
    line_tab(l);
    size_cell(l, STYLE_DIM, m->free);
    line_tab(l);
    words_reaches(l, s, s->now, i);
    line_tab(l);
    waits_cell(s, i, l);
}

/* "1m", or as much as is known: "20s". */
static void change_head(const struct session *s, char *buf, size_t size)
{
    const struct sample *then = counted_against(s);
    double span = then && then != s->now ? s->now->time - then->time : 60;
    if (s->comparing && s->mark_set)
        snprintf(buf, size, "mark");
    else if (span >= 55 && span < 120)
        snprintf(buf, size, "1m");
    else if (span < 120)
        snprintf(buf, size, "%.0fs", span);
    else
        snprintf(buf, size, span < 7200 ? "%.0fm" : "%.0fh", span < 7200 ? span / 60 : span / 3600);
}

static void head_line(const struct session *s, struct line *l)
{
    char span[16];
    const char *const heads[] = {
        " domain (* trusted)", "thr", "caps", span, "own", "used", "lost", "free", "reaches",
        "waits / fault"};
    change_head(s, span, sizeof(span));
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        if (i)
            line_tab(l);
        line_put(l, STYLE_HEAD, "%s", heads[i]);
    }
}

static void revoke_line(const struct session *s, struct line *l)
{
    const struct record_revoke *r = &s->now->state.revoke;
    const struct revocation *newest = revocations_at(&s->revocations, session_event(s));
    uint64_t first, last, lost;
    if (r->root) {
        line_put(l, STYLE_WARN, "REVOKE under way: ");
        words_slot(l, s->now, sample_slot_at(s->now, r->root));
        uint32_t done = toll_steps_done(&s->now->state);
        line_put(l, STYLE_NORMAL, ": %u step%s done, preempted %u time%s", (unsigned)done,
                 plural_s(done), (unsigned)r->preempted, plural_s(r->preempted));
        return;
    }
    line_put(l, STYLE_DIM, "last  ");
    if (newest)
        view_revocation_line(s, newest, l);
    else if (source_event_range(s->source, &first, &last, &lost))
        line_put(l, STYLE_DIM, "no revocation among the events that are kept");
    else
        line_put(l, STYLE_DIM, "no events here; %s on any capability previews its revoke",
                 bindings_key("preview"));
}

/* The whole time line in so many cells, each of one snapshot or of some in a row. */
struct cells {
    uint32_t count, total;
    double from, to;
    bool many[BAR_MOST]; /* one of its snapshots has many changes */
};

static void make_cells(const struct session *s, uint32_t most, struct cells *c)
{
    enum { MANY = 8 };
    struct moment none;
    source_moments(s->source, &none, 1, &c->total);
    struct moment *all = calloc(c->total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, c->total, &c->total) : 0;
    *c = (struct cells){.count = n < most ? n : most, .total = n};
    for (uint32_t i = 0; i < n; i++)
        c->many[(uint64_t)i * c->count / n] |= all[i].changes > MANY;
    c->from = n ? all[0].time : 0;
    c->to = n ? all[n - 1].time : 0;
    free(all);
}

/* Is the snapshot of this number, counted from 1, in a cell? */
static bool is_in_cell(const struct cells *c, uint32_t number, uint32_t cell)
{
    return number > 0 && (uint64_t)(number - 1) * c->count / c->total == cell;
}

/* The default is no mark while nothing is compared with it. */
static bool is_marked(const struct session *s)
{
    return s->mark && (s->mark_set || s->comparing);
}

static void put_cell(const struct session *s, const struct cells *c, uint32_t cell, struct line *l)
{
    bool here = is_in_cell(c, s->at ? s->at : c->total, cell);
    bool marked = is_marked(s) && is_in_cell(c, s->mark->number, cell);
    enum style style = here ? STYLE_STRONG : marked ? STYLE_KEY : STYLE_DIM;
    line_put(l, style, "%c", here ? '#' : marked ? 'm' : c->many[cell] ? '^' : '.');
}

/* Remembered, since it is painted at every key. */
static const struct cells *cells_of(const struct session *s, uint32_t most)
{
    static struct cells known; /* the screen's thread only */
    static uint32_t wanted;
    uint32_t total;
    struct moment newest;
    source_moments(s->source, &newest, 1, &total);
    if (total != known.total || most != wanted || newest.time != known.to)
        make_cells(s, most, &known);
    wanted = most;
    return &known;
}

static void time_line(const struct session *s, struct line *l)
{
    static const struct hint marked[] = {{"earlier", " "},
                                         {"later", " walk  "},
                                         {"compare", " compares with m"},
                                         {NULL, NULL}},
                             unmarked[] = {{"earlier", " "},
                                           {"later", " walk  "},
                                           {"mark", " marks  "},
                                           {"compare", " compares"},
                                           {NULL, NULL}};
    const struct cells *c = cells_of(s, bar_cells(s, TIME_WORDS));
    char from[16], to[16];
    if (c->count == 0)
        return;
    line_put(l, STYLE_DIM, "time  ");
    line_put(l, STYLE_NORMAL, "%s |", session_clock(c->from, from));
    for (uint32_t i = 0; i < c->count; i++)
        put_cell(s, c, i, l);
    line_put(l, STYLE_NORMAL, "| %s", session_clock(c->to, to));
    line_put(l, STYLE_DIM, "  ");
    bool compares = is_marked(s) && s->now && session_same_run(s->mark, s->now);
    bindings_hints(l, compares ? marked : unmarked);
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
        head_line(s, l);
        break;
    case KIND_DOMAIN:
        (r->flags & ROW_DEAD ? dead_domain_line : domain_line)(s, r->at, l);
        break;
    case KIND_TROUBLE:
        trouble_line(s, r->at, l);
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
        return sample_domain_ref(view_sample(s, r), r->at);
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

static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    struct ref to = ref(s, v, r);
    if (to.kind == REF_VIEW)
        pane_text(p, STYLE_DIM, "%s: %s", bindings_key("follow"),
                  view_about((enum view_id)to.extra));
    else if (to.kind != REF_NONE)
        pane_about(s, view_sample(s, r), &to, p);
}

static const struct column columns[] = {
    {"", 10, 26, 0, false},
    {"", 3, 5, 6, true},
    {"", 4, 8, 1, true},
    {"", 3, 6, 2, true},
    {"", 4, 6, 4, true},
    {"", 4, 6, 3, true},
    {"", 4, 6, 5, true},
    {"", 4, 6, 8, true},
    {"", 3, 24, 1, false},
    {"", 9, 0, 7, false},
    {0},
};

const struct view_ops view_overview = {columns, build, line, ref, about, NULL, NULL, 0};
