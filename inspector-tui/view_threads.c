/* Threads: who runs, who waits for whom, who has faulted. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

enum { KIND_THREAD = 1 };

/* Those that are no more, from one of the sample before on up to the next that still lives. */
static void add_dead(const struct session *s, struct view *v, uint32_t from)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    for (uint32_t i = from; before && i < before->state.thread_count; i++) {
        uint64_t addr = before->state.threads[i].rec.addr;
        if (sample_thread_at(s->now, addr) >= 0)
            return;
        view_add(v, view_id(0, KIND_THREAD, addr), 0, KIND_THREAD, (int32_t)i, ROW_DEAD);
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    (void)from;
    add_dead(s, v, 0);
    for (uint32_t i = 0; i < s->now->state.thread_count; i++) {
        const struct record_thread *t = &s->now->state.threads[i].rec;
        view_add(v, view_id(0, KIND_THREAD, t->addr), 0, KIND_THREAD, (int32_t)i,
                 t->fault ? ROW_ALERT : 0);
        int32_t was = before ? sample_thread_at(before, t->addr) : -1;
        if (was >= 0)
            add_dead(s, v, (uint32_t)was + 1);
    }
    return VIEW_WHOLE;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct record_thread *t = &of->state.threads[r->at].rec;
    enum sign sign = r->flags & ROW_DEAD ? SIGN_DIED : compare_thread(s->change, r->at);
    char hex[24];
    (void)v;
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    words_thread(l, of, r->at);
    line_tab(l);
    words_domain(l, s, of, sample_thread_domain(of, r->at));
    line_tab(l);
    line_put(l,
             t->fault || of->stuck[r->at] ? STYLE_BAD
             : t->current                 ? STYLE_GOOD
                                          : STYLE_NORMAL,
             "%s", words_thread_state(t));
    line_tab(l);
    words_waits(l, of, r->at);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", (unsigned)t->priority);
    line_tab(l);
    line_put(l, STYLE_DIM, "%s", sample_hex(of, t->addr, hex));
    line_tab(l);
    line_put(l, STYLE_DIM, "%s", sample_hex(of, t->pc, hex));
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    return sample_thread_ref(view_sample(s, r), r->at);
}

static uint64_t order(const struct session *s, const struct view *v, const struct row *r,
                      uint32_t column)
{
    const struct record_thread *t = &view_sample(s, r)->state.threads[r->at].rec;
    (void)v;
    return column == 4 ? t->priority : column == 5 ? t->addr : column == 6 ? t->pc : UINT64_MAX;
}

static const struct column columns[] = {
    {" thread", 16, 32, 0, false}, {"domain", 8, 20, 2, false},
    {"state", 8, 10, 0, false},    {"waits for", 12, 40, 1 | COLUMN_GROWS, false},
    {"prio", 4, 5, 3, true},       {"tcb", 8, 16, 4, false},
    {"pc", 8, 16, 5, false},       {0},
};

const struct view_ops view_threads = {columns, build, line, ref, NULL, order, NULL, 0};
