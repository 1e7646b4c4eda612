/* The derivation tree: every capability below the one it was derived from. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

enum { KIND_CAP = 1, KIND_GONE };

static void add_dead(const struct session *s, struct view *v)
{
    const struct compare *c = s->change;
    for (uint32_t i = 0; c && c->before && i < c->count; i++)
        if (c->changes[i].kind == CHANGE_REMOVED)
            view_add(v,
                     view_id(0, KIND_GONE, c->before->state.slots[c->changes[i].before].rec.addr),
                     0, KIND_GONE, c->changes[i].before, ROW_DEAD);
}

static void build(const struct session *s, struct view *v)
{
    const struct capstate *c = &s->now->state;
    for (int32_t i = 0; i < (int32_t)c->slot_count;) {
        const struct capstate_slot *slot = &c->slots[i];
        bool parent = slot->next > i + 1;
        const struct row *r =
            view_add(v, view_id(0, KIND_CAP + (uint32_t)slot->rec.type * 4, slot->rec.addr),
                     (uint32_t)slot->rec.depth, KIND_CAP, i, parent ? ROW_CAN_FOLD : 0);
        if (!r)
            return;
        i = parent && !(r->flags & ROW_OPEN) ? slot->next : i + 1;
    }
    if (s->comparing)
        add_dead(s, v);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct capstate_slot *slot = &of->state.slots[r->at];
    const struct record_revoke *revoke = &s->now->state.revoke;
    enum sign sign = r->flags & ROW_DEAD ? SIGN_DIED : compare_slot(s->change, r->at);
    bool victim = revoke->root && slot->rec.addr == revoke->victim;
    (void)v;
    line_put(l, victim ? STYLE_BAD : words_sign(sign), "%c", victim ? '>' : sign_char(sign));
    words_slot(l, of, r->at);
    line_put(l, STYLE_NORMAL, "  in ");
    words_place(l, of, r->at);
    if (slot->next > r->at + 1)
        line_put(l, STYLE_DIM, "  [%d below]", slot->next - r->at - 1);
    if (victim)
        line_put(l, STYLE_BAD, "  goes next");
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    return sample_slot_ref(view_sample(s, r), r->at);
}

const struct view_ops view_derivation = {NULL, build, line, ref, NULL, NULL};
