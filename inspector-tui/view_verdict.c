/* The verdict: is the system isolated (paper 3.2.3), and if not, every breach with its witnesses.
 */
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

enum { KIND_VERDICT = 1, KIND_BREACH };

static uint64_t id_of(const struct sample *of, const struct authority_breach *b)
{
    uint64_t object = b->object >= 0 ? of->state.objects[b->object].addr : 0;
    uint64_t slot = b->slot_a >= 0 ? of->state.slots[b->slot_a].rec.addr : 0;
    return view_id(slot ^ (uint64_t)(uint32_t)b->domain_b << 40,
                   KIND_BREACH + (uint32_t)b->kind * 4, object);
}

/* Is the same breach in a sample? Of very many none is compared. */
static bool is_in(const struct sample *of, uint64_t id)
{
    enum { COMPARED = 1000 };
    bool found = of->breach_count > COMPARED;
    for (uint32_t i = 0; i < of->breach_count && !found; i++)
        found = id_of(of, &of->breaches[i]) == id;
    return found;
}

static void add_dead(const struct session *s, struct view *v)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    for (uint32_t i = 0; before && i < before->breach_count; i++)
        if (!is_in(s->now, id_of(before, &before->breaches[i])))
            view_add(v, id_of(before, &before->breaches[i]), 0, KIND_BREACH, (int32_t)i, ROW_DEAD);
}

static enum sign sign_of(const struct session *s, const struct row *r)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    return before && !is_in(before, id_of(s->now, &s->now->breaches[r->at])) ? SIGN_BORN
                                                                             : SIGN_SAME;
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    view_add(v, view_id(0, KIND_VERDICT, 0), 0, KIND_VERDICT, 0,
             s->now->verdict == VERDICT_BREACHED ? ROW_ALERT : 0);
    for (uint32_t i = 0; i < s->now->breach_count; i++) {
        const struct authority_breach *b = &s->now->breaches[i];
        if (!view_add(v, id_of(s->now, b), 0, KIND_BREACH, (int32_t)i,
                      b->weight == AUTHORITY_NOTE ? 0 : ROW_ALERT))
            return VIEW_WHOLE;
    }
    add_dead(s, v);
    return VIEW_WHOLE;
}

static enum style weight_style(const struct authority_breach *b)
{
    return b->weight == AUTHORITY_BREACH  ? STYLE_BAD
           : b->weight == AUTHORITY_DOUBT ? STYLE_WARN
                                          : STYLE_DIM;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    static const enum style style[] = {STYLE_WARN, STYLE_GOOD, STYLE_BAD};
    (void)v;
    if (r->kind == KIND_VERDICT) { /* the sentence begins with the word, but where there is none */
        line_put(l, style[s->now->verdict], "%s",
                 s->now->verdict == VERDICT_UNKNOWN ? "NO VERDICT  " : "");
        line_put(l, style[s->now->verdict], "%s", s->now->verdict_text);
        return;
    }
    const struct sample *of = view_sample(s, r);
    const struct authority_breach *b = &of->breaches[r->at];
    enum sign sign = sign_of(s, r);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    line_put(l, weight_style(b), "%s", authority_breach_name(b->kind));
    line_tab(l);
    words_domain(l, s, of, b->domain_a);
    line_tab(l);
    words_domain(l, s, of, b->domain_b);
    line_tab(l);
    if (b->object >= 0) { /* first, since the sentence is whole in the pane */
        words_object(l, of, b->object);
        line_put(l, STYLE_NORMAL, ": ");
    }
    line_put(l, STYLE_NORMAL, "%s", authority_breach_sentence(b->kind));
}

static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    (void)v;
    if (r->kind == KIND_VERDICT) {
        pane_text(p, STYLE_NORMAL,
                  "The restrictions of the paper (3.2.3), untyped memory that covers another "
                  "domain's objects, and the invariants of retype and of the derivation tree.");
        return;
    }
    const struct ref breach = ref_to(REF_BREACH, (uint64_t)r->at);
    pane_about(s, view_sample(s, r), &breach, p);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_VERDICT)
        return (struct ref){0};
    const struct sample *of = view_sample(s, r);
    const struct authority_breach *b = &of->breaches[r->at];
    int32_t slot = b->slot_a >= 0 ? b->slot_a : b->slot_b;
    return slot >= 0 ? sample_slot_ref(of, slot) : sample_object_ref(of, b->object);
}

static const struct column columns[] = {
    {" breach", 15, 17, 0, false},
    {"of", 8, 20, 0, false},
    {"against", 8, 20, 0, false},
    {"what", 20, 0, 1, false},
    {0},
};

const struct view_ops view_verdict = {columns, build, line, ref, about, NULL, NULL, 0};
