/* What differs from the snapshot before, or from the mark: born, died, moved, changed; and what was made
 * anew just as it was. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

enum { KIND_TITLE = 1, KIND_CHANGE, KIND_REMADE };

/* Behind the changes. */
static uint32_t build_remade(const struct session *s, struct view *v, uint32_t from)
{
    uint32_t remade;
    const struct compare *c = s->change;
    if (!session_remade(s, &remade))
        return VIEW_WHOLE;
    for (uint32_t i = from > c->count ? from - c->count : 0; i < c->remade_listed; i++) {
        int32_t slot = c->remade_slots[i];
        uint64_t addr = s->now->state.slots[slot].rec.addr;
        view_add(v, view_id(0, KIND_REMADE, addr), 0, KIND_REMADE, slot, 0);
        if (view_is_full(v))
            return c->count + i + 1;
    }
    return VIEW_WHOLE;
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct compare *c = s->change;
    if (from == 0)
        view_add(v, view_id(0, KIND_TITLE, 0), 0, KIND_TITLE, 0, ROW_TITLE);
    for (uint32_t i = from; c && c->before && i < c->count; i++) {
        const struct change *k = &c->changes[i];
        uint64_t addr = k->after >= 0 ? s->now->state.slots[k->after].rec.addr
                                      : c->before->state.slots[k->before].rec.addr;
        view_add(v, view_id((uint64_t)k->kind, KIND_CHANGE, addr), 0, KIND_CHANGE, (int32_t)i, 0);
        if (view_is_full(v))
            return i + 1;
    }
    return build_remade(s, v, from);
}

static const struct {
    const char *word;
    enum sign sign;
} kinds[] = {
    [CHANGE_ADDED] = {"born", SIGN_BORN},           [CHANGE_REMOVED] = {"died", SIGN_DIED},
    [CHANGE_REPLACED] = {"replaced", SIGN_CHANGED}, [CHANGE_RIGHTS] = {"rights", SIGN_CHANGED},
    [CHANGE_MOVED] = {"moved", SIGN_MOVED},         [CHANGE_UPDATED] = {"updated", SIGN_CHANGED},
};

/* Is what is shown earlier than what it is compared with? */
static bool is_backward(const struct session *s)
{
    return s->change->before->time > s->now->time ||
           s->change->before->state.snapshot.seq > session_event(s);
}

static void title_line(const struct session *s, struct line *l)
{
    const struct compare *c = s->change;
    char now[16], then[16];
    bool backward = c && c->before && is_backward(s);
    uint32_t remade;
    if (!c || !c->before) {
        line_put(l, STYLE_DIM, "nothing earlier to compare with yet");
        return;
    }
    line_put(l, STYLE_HEAD, "%s against %s%s%s: ", session_clock(s->now->time, now),
             backward ? "the later " : "", session_clock(c->before->time, then),
             s->comparing && s->mark_set ? " (mark)" : "");
    line_put(l, STYLE_BORN, "%u %s ", c->counts[SIGN_BORN], backward ? "died later" : "born");
    line_put(l, STYLE_DIED, "%u %s ", c->counts[SIGN_DIED], backward ? "not yet born" : "died");
    line_put(l, STYLE_MOVED, "%u moved ", c->counts[SIGN_MOVED]);
    line_put(l, STYLE_CHANGED, "%u changed", c->counts[SIGN_CHANGED]);
    if (session_remade(s, &remade) && remade)
        line_put(l, STYLE_CHANGED, " %u remade", remade);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    (void)v;
    if (r->kind == KIND_TITLE) {
        title_line(s, l);
        return;
    }
    if (r->kind == KIND_REMADE) {
        line_put(l, STYLE_CHANGED, "%c %-9s", sign_char(SIGN_CHANGED), "remade");
        words_slot(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, "  in ");
        words_place(l, s->now, r->at);
        return;
    }
    const struct change *k = &s->change->changes[r->at];
    const struct sample *of = k->after >= 0 ? s->now : s->change->before;
    int32_t slot = k->after >= 0 ? k->after : k->before;
    enum sign sign = kinds[k->kind].sign;
    bool backward = is_backward(s);
    const char *word = backward && sign == SIGN_BORN   ? "dies"
                       : backward && sign == SIGN_DIED ? "not yet"
                                                       : kinds[k->kind].word;
    line_put(l, words_sign(sign), "%c %-9s", sign_char(sign), word);
    words_slot(l, of, slot);
    line_put(l, STYLE_NORMAL, "  in ");
    words_place(l, of, slot);
    if (k->kind == CHANGE_MOVED) {
        line_put(l, STYLE_DIM, backward ? "  later in " : "  was in ");
        words_place(l, s->change->before, k->before);
    } else if (k->kind == CHANGE_REPLACED || k->kind == CHANGE_RIGHTS ||
               k->kind == CHANGE_UPDATED) {
        line_put(l, STYLE_DIM, backward ? "  later " : "  was ");
        words_slot(l, s->change->before, k->before);
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_TITLE)
        return (struct ref){0};
    if (r->kind == KIND_REMADE)
        return sample_slot_ref(s->now, r->at);
    const struct change *k = &s->change->changes[r->at];
    return k->after >= 0 ? sample_slot_ref(s->now, k->after)
                         : sample_slot_ref(s->change->before, k->before);
}

static void about_remade(const struct session *s, const struct compare *c, struct pane *p)
{
    uint32_t remade;
    bool told = session_remade(s, &remade);
    if (c->count == 0 && !remade)
        pane_text(p, STYLE_NORMAL, "no capability differs between these two moments");
    else if (c->count == 0)
        pane_text(p, STYLE_NORMAL, "all are as they were, and %u of them %s not the same", remade,
                  remade == 1 ? "is" : "are");
    if (remade)
        pane_text(
            p, STYLE_DIM,
            "remade: deleted and made anew in the same slot; those that are just as they were are "
            "the last rows, %s tells how it went",
            bindings_key(view_action(VIEW_EVENTS)));
    else if (!told)
        pane_text(
            p, STYLE_DIM,
            "one that was deleted and made anew just the same, in the same slot, is no change "
            "here: no events tell of it");
}

static void about_title(const struct session *s, struct pane *p)
{
    static const struct hint comparing[] = {{"compare",
                                             " compares with the snapshot before again  "},
                                            {"mark", " marks this moment anew"},
                                            {NULL, NULL}},
                             stepping[] = {{"compare",
                                            " compares with the mark, or with a minute ago  "},
                                           {"mark", " marks this moment"},
                                           {NULL, NULL}},
                             moving[] = {{"earlier", " "},
                                         {"later", " go a snapshot back and on  "},
                                         {"event-back", " "},
                                         {"event-on", " an event"},
                                         {NULL, NULL}};
    const struct compare *c = s->change;
    if (c && c->before)
        about_remade(s, c, p);
    bindings_hints(pane_line(p), s->comparing ? comparing : stepping);
    bindings_hints(pane_line(p), moving);
}

static void about_one_remade(const struct session *s, int32_t slot, struct pane *p)
{
    struct ref r = sample_slot_ref(s->now, slot);
    pane_text(p, STYLE_HEAD, "deleted and made anew, just as it was");
    pane_end(s, &r, s->change->before->state.snapshot.seq, p);
    pane_slot(s, s->now, slot, p);
}

static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    (void)v;
    if (r->kind == KIND_TITLE) {
        about_title(s, p);
        return;
    }
    if (r->kind == KIND_REMADE) {
        about_one_remade(s, r->at, p);
        return;
    }
    const struct change *k = &s->change->changes[r->at];
    if (k->before >= 0) {
        pane_text(p, STYLE_HEAD, is_backward(s) ? "later" : "before");
        pane_slot(s, s->change->before, k->before, p);
    }
    if (k->after >= 0) {
        pane_text(p, STYLE_HEAD, is_backward(s) ? "what is shown" : "after");
        pane_slot(s, s->now, k->after, p);
    }
}

const struct view_ops view_changes = {NULL, build, line, ref, about, NULL, NULL, 0};
