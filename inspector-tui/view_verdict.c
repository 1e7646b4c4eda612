/* The verdict: is the system isolated (paper 3.2.3), and if not, every breach with its witnesses.
 */
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

enum { KIND_VERDICT = 1, KIND_BREACH };

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    view_add(v, view_id(0, KIND_VERDICT, 0), 0, KIND_VERDICT, 0,
             s->now->verdict == VERDICT_BREACHED ? ROW_ALERT : 0);
    for (uint32_t i = 0; i < s->now->breach_count; i++) {
        const struct authority_breach *b = &s->now->breaches[i];
        uint64_t object = b->object >= 0 ? s->now->state.objects[b->object].addr : 0;
        uint64_t slot = b->slot_a >= 0 ? s->now->state.slots[b->slot_a].rec.addr : 0;
        uint64_t id = view_id(slot ^ (uint64_t)(uint32_t)b->domain_b << 40,
                              KIND_BREACH + (uint32_t)b->kind * 4, object);
        if (!view_add(v, id, 0, KIND_BREACH, (int32_t)i,
                      b->weight == AUTHORITY_NOTE ? 0 : ROW_ALERT))
            return VIEW_WHOLE;
    }
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
    static const char *const word[] = {"NO VERDICT", "ISOLATED", "BREACHED"};
    static const enum style style[] = {STYLE_WARN, STYLE_GOOD, STYLE_BAD};
    (void)v;
    if (r->kind == KIND_VERDICT) {
        line_put(l, style[s->now->verdict], "%s", word[s->now->verdict]);
        line_tab(l);
        line_tab(l);
        line_tab(l);
        line_put(l, STYLE_NORMAL, "%s", s->now->verdict_text);
        return;
    }
    const struct authority_breach *b = &s->now->breaches[r->at];
    line_put(l, weight_style(b), "%s", authority_breach_name(b->kind));
    line_tab(l);
    words_domain(l, s, s->now, b->domain_a);
    line_tab(l);
    words_domain(l, s, s->now, b->domain_b);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", authority_breach_sentence(b->kind));
    if (b->object >= 0) {
        line_put(l, STYLE_NORMAL, ": ");
        words_object(l, s->now, b->object);
    }
}

static void witness(const struct session *s, const char *what, int32_t slot, struct pane *p)
{
    if (slot < 0)
        return;
    struct line *l = pane_line(p);
    line_put(l, STYLE_NORMAL, "%s ", what);
    words_place(l, s->now, slot);
    line_put(l, STYLE_NORMAL, ": ");
    words_slot(l, s->now, slot);
}

static void path_step(const struct session *s, const struct authority_step *step, struct pane *p)
{
    const struct authority_edge *e = &s->now->authority.edges[step->edge];
    struct line *l = pane_line(p);
    line_put(l, STYLE_DIM, step->backwards ? "  <- " : "  -> ");
    words_object(l, s->now, e->from);
    line_put(l, STYLE_NORMAL, " %s ", authority_edge_sentence(e->kind));
    words_object(l, s->now, e->to);
    if (e->slot >= 0) {
        line_put(l, STYLE_DIM, "  by ");
        words_place(l, s->now, e->slot);
    }
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
    const struct authority_breach *b = &s->now->breaches[r->at];
    struct line *l = pane_line(p);
    line_put(l, STYLE_BAD, "%s", authority_breach_sentence(b->kind));
    if (b->further)
        pane_text(p, STYLE_NORMAL, "More domains are concerned in the same way.");
    witness(s, "witness", b->slot_a, p);
    witness(s, "witness", b->slot_b, p);
    for (uint32_t i = 0; i < b->path_count; i++)
        path_step(s, &b->path[i], p);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_VERDICT)
        return (struct ref){0};
    const struct authority_breach *b = &s->now->breaches[r->at];
    int32_t slot = b->slot_a >= 0 ? b->slot_a : b->slot_b;
    return slot >= 0 ? sample_slot_ref(s->now, slot) : sample_object_ref(s->now, b->object);
}

static const struct column columns[] = {
    {"breach", 14, 16, 0, false},
    {"of", 8, 20, 0, false},
    {"against", 8, 20, 0, false},
    {"what", 20, 0, 1, false},
    {0},
};

const struct view_ops view_verdict = {columns, build, line, ref, about, NULL, NULL};
