/* The derivation tree: every capability below the one it was derived from. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

enum { KIND_CAP = 1, KIND_GONE };

static uint64_t id_of(const struct capstate *c, int32_t slot)
{
    const struct record_slot *r = &c->slots[slot].rec;
    return view_id(0, KIND_CAP + (uint32_t)r->type * 4, r->addr);
}

/* Those of the sample before that stood below this slot, as deep as they stood; all without one that
 * lives above them: -1. */
static void add_dead(const struct session *s, struct view *v, int32_t slot)
{
    const struct compare *c = s->change;
    const struct dead *d;
    for (uint32_t i = dead_from(c, DEAD_BY_PARENT, slot);
         s->comparing && (d = dead_at(c, DEAD_BY_PARENT, i)) && d->at[DEAD_BY_PARENT] == slot;
         i++) {
        const struct record_slot *was = &c->before->state.slots[d->slot].rec;
        view_add(v, view_id(0, KIND_GONE, was->addr), (uint32_t)was->depth, KIND_GONE, d->slot,
                 ROW_DEAD);
    }
}

static bool has_dead(const struct session *s, int32_t slot)
{
    return s->comparing && dead_count(s->change, DEAD_BY_PARENT, slot, slot + 1) > 0;
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct capstate *c = &s->now->state;
    int32_t i = (int32_t)from;
    while (i < (int32_t)c->slot_count && !view_is_full(v)) {
        const struct capstate_slot *slot = &c->slots[i];
        bool parent = slot->next > i + 1 || has_dead(s, i);
        const struct row *r = view_add(v, id_of(c, i), (uint32_t)slot->rec.depth, KIND_CAP, i,
                                       parent ? ROW_CAN_FOLD : 0);
        bool open = r && (r->flags & ROW_OPEN);
        if (open)
            add_dead(s, v, i);
        i = parent && !open ? slot->next : i + 1;
    }
    if (i < (int32_t)c->slot_count)
        return (uint32_t)i;
    add_dead(s, v, -1);
    return VIEW_WHOLE;
}

static uint64_t reveal(const struct session *s, struct view *v, const struct ref *r)
{
    const struct capstate *c = &s->now->state;
    int32_t slot = r->kind == REF_SLOT ? sample_slot_at(s->now, r->addr) : -1;
    if (slot < 0)
        return 0;
    for (int32_t a = c->slots[slot].parent; a >= 0; a = c->slots[a].parent)
        view_fold_out(v, id_of(c, a), (uint32_t)c->slots[a].rec.depth);
    return id_of(c, slot);
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
    uint32_t died = s->comparing && !(r->flags & ROW_DEAD)
                        ? dead_count(s->change, DEAD_BY_PARENT, r->at, slot->next)
                        : 0;
    if (died) /* what is behind it may be cut */
        line_put(l, STYLE_DIED, "  [%u died]", died);
    line_put(l, STYLE_NORMAL, "  in ");
    words_place(l, of, r->at);
    line_remark(l);
    if (slot->next > r->at + 1 && !(r->flags & ROW_DEAD))
        line_put(l, STYLE_DIM, "  [%d below]", slot->next - r->at - 1);
    if (victim)
        line_put(l, STYLE_BAD, "  goes next");
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    return sample_slot_ref(view_sample(s, r), r->at);
}

const struct view_ops view_derivation = {NULL, build, line, ref, NULL, NULL, reveal, 0};
