/* Domains, and below each its threads. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"

#include <string.h>

enum { KIND_DOMAIN = 1, KIND_THREAD };

/* Threads that a domain of this name had, and that are no more. */
static void add_dead_threads(const struct session *s, struct view *v, const char *name,
                             uint64_t parent)
{
    const struct sample *before = s->change && s->comparing ? s->change->before : NULL;
    for (uint32_t i = 0; before && i < before->state.thread_count; i++) {
        const struct record_thread *t = &before->state.threads[i].rec;
        const char *was = sample_domain_name(before, sample_thread_domain(before, (int32_t)i));
        if (!t->idle && sample_thread_at(s->now, t->addr) < 0 && strcmp(was, name) == 0)
            view_add(v, view_id(parent, KIND_THREAD, t->addr), 1, KIND_THREAD, (int32_t)i,
                     ROW_DEAD);
    }
}

static void add_threads(const struct session *s, struct view *v, int32_t domain, uint64_t parent)
{
    for (uint32_t i = 0; i < s->now->state.thread_count; i++) {
        const struct record_thread *t = &s->now->state.threads[i].rec;
        if (!t->idle && sample_thread_domain(s->now, (int32_t)i) == domain)
            view_add(v, view_id(parent, KIND_THREAD, t->addr), 1, KIND_THREAD, (int32_t)i,
                     t->fault ? ROW_ALERT : 0);
    }
    add_dead_threads(s, v, sample_domain_name(s->now, domain), parent);
}

static void add_domain(const struct session *s, struct view *v, int32_t domain)
{
    uint64_t id = view_id(0, KIND_DOMAIN, ref_hash(sample_domain_name(s->now, domain)));
    const struct row *r = view_add(v, id, 0, KIND_DOMAIN, domain, ROW_CAN_FOLD);
    if (r && (r->flags & ROW_OPEN))
        add_threads(s, v, domain, id);
}

static bool any_homeless(const struct session *s)
{
    for (uint32_t i = 0; i < s->now->state.thread_count; i++)
        if (!s->now->state.threads[i].rec.idle && sample_thread_domain(s->now, (int32_t)i) < 0)
            return true;
    return false;
}

static void add_dead(const struct session *s, struct view *v)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    for (uint32_t i = 0; before && i < sample_domains(before); i++) {
        struct ref r = sample_domain_ref(before, (int32_t)i);
        uint64_t id = view_id(0, KIND_DOMAIN, r.addr);
        if (sample_domain_of(s->now, &r) >= 0 ||
            !view_add(v, id, 0, KIND_DOMAIN, (int32_t)i, ROW_CAN_FOLD | ROW_DEAD))
            continue;
        if (view_is_open(v, id, 0))
            add_dead_threads(s, v, sample_domain_name(before, (int32_t)i), id);
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    for (uint32_t i = 0; i < sample_domains(s->now); i++)
        add_domain(s, v, (int32_t)i);
    if (any_homeless(s))
        add_domain(s, v, -1);
    add_dead(s, v);
    return VIEW_WHOLE;
}

static void domain_line(const struct session *s, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    char own[SIZE_TEXT], lost[SIZE_TEXT], left[SIZE_TEXT];
    enum sign sign = r->flags & ROW_DEAD ? SIGN_DIED
                     : r->at < 0         ? SIGN_SAME
                                         : compare_domain(s->change, r->at);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    if (r->at < 0) {
        line_put(l, STYLE_DIM, "(threads of no domain)");
        return;
    }
    const struct authority_domain *d = &of->authority.domains[r->at];
    words_domain(l, s, of, r->at);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", (unsigned)d->threads);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", of->domain_caps[r->at]);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", size_short(of->domain_memory[r->at].used, own));
    line_tab(l);
    line_put(l, of->domain_memory[r->at].lost ? STYLE_WARN : STYLE_DIM, "%s",
             of->domain_memory[r->at].lost ? size_short(of->domain_memory[r->at].lost, lost) : "-");
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", size_short(of->domain_memory[r->at].free, left));
    line_tab(l);
    words_reaches(l, s, of, r->at);
    line_tab(l);
    line_put(l, d->trusted ? STYLE_STRONG : STYLE_DIM, "%s",
             d->trusted                         ? "trusted manager"
             : d->origin != AUTHORITY_BY_ISLAND ? "named"
                                                : "island");
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    (void)v;
    if (r->kind == KIND_DOMAIN) {
        domain_line(s, r, l);
        return;
    }
    const struct sample *of = view_sample(s, r);
    enum sign sign = r->flags & ROW_DEAD ? SIGN_DIED : compare_thread(s->change, r->at);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    words_thread(l, of, r->at);
    line_put(l, STYLE_NORMAL, "  %s ", words_thread_state(&of->state.threads[r->at].rec));
    words_waits(l, of, r->at);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_THREAD)
        return sample_thread_ref(view_sample(s, r), r->at);
    return r->at < 0 ? ref_to(REF_NONE, 0) : sample_domain_ref(view_sample(s, r), r->at);
}

static uint64_t order(const struct session *s, const struct view *v, const struct row *r,
                      uint32_t column)
{
    const struct sample *of = view_sample(s, r);
    (void)v;
    if (r->at < 0 || r->kind != KIND_DOMAIN)
        return 0;
    switch (column) {
    case 1:
        return of->authority.domains[r->at].threads;
    case 2:
        return of->domain_caps[r->at];
    case 3:
        return of->domain_memory[r->at].used;
    case 4:
        return of->domain_memory[r->at].lost;
    case 5:
        return of->domain_memory[r->at].free;
    default:
        return UINT64_MAX;
    }
}

static const struct column columns[] = {
    {" domain", 18, 40, 0, false}, {"thr", 3, 6, 1, true},   {"caps", 5, 9, 0, true},
    {"used", 5, 9, 1, true},       {"lost", 5, 9, 4, true},  {"free", 5, 9, 3, true},
    {"reaches", 7, 24, 2, false},  {"kind", 8, 0, 5, false}, {0},
};

const struct view_ops view_domains = {columns, build, line, ref, NULL, order, NULL, 0};
