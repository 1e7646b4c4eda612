/* Where what died stood, see dead.h. */
#include "inspector-tui/compare.h"
#include "lib/array.h"

#include <stdlib.h>

/* What became of the slots of the sample before. */
struct fates {
    const struct compare *c;
    uint8_t *gone;  /* by slot: its capability is not the same any more */
    int32_t *moved; /* by slot: where it is now, 0: where it was; else slot + 1 */
};

static int32_t now_at(const struct fates *f, int32_t slot)
{
    if (f->gone[slot])
        return -1;
    if (f->moved[slot])
        return f->moved[slot] - 1;
    return sample_slot_at(f->c->after, f->c->before->state.slots[slot].rec.addr);
}

static int32_t living_parent(const struct fates *f, int32_t slot)
{
    int32_t found = -1, a = slot;
    while (found < 0 && (a = f->c->before->state.slots[a].parent) >= 0)
        found = now_at(f, a);
    return found;
}

/* An object of the sample before in the one after. */
static int32_t object_now(const struct compare *c, int32_t object)
{
    if (object < 0)
        return -1;
    const struct capstate_object *o = &c->before->state.objects[object];
    const struct ref r = ref_object(o->addr, o->type, o->bits);
    return sample_object_of(c->after, &r);
}

static void learn_fates(struct fates *f)
{
    for (uint32_t i = 0; i < f->c->count; i++) {
        const struct change *k = &f->c->changes[i];
        if (k->kind == CHANGE_REMOVED || k->kind == CHANGE_REPLACED)
            f->gone[k->before] = 1;
        if (k->kind == CHANGE_MOVED)
            f->moved[k->before] = k->after + 1;
    }
}

static void list_dead(const struct fates *f, struct dead_list *d)
{
    const struct capstate *before = &f->c->before->state;
    for (uint32_t i = 0; i < f->c->count; i++) {
        int32_t slot = f->c->changes[i].before;
        if (f->c->changes[i].kind == CHANGE_REMOVED)
            d->dead[d->count++] = (struct dead){
                .slot = slot,
                .at = {[DEAD_BY_PARENT] = living_parent(f, slot),
                       [DEAD_BY_HOLDER] = object_now(f->c, before->slots[slot].holder),
                       [DEAD_BY_OBJECT] = object_now(f->c, before->slots[slot].object)},
            };
    }
}

/* --- the three orders --- */

struct sorting {
    const struct compare *c;
    enum dead_by by;
};

static uint32_t rank_of(const struct sorting *s, const struct dead *d)
{
    return s->by == DEAD_BY_HOLDER ? s->c->before->state.slots[d->slot].index : (uint32_t)d->slot;
}

static int earlier(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    const struct dead *x = &s->c->dead.dead[*(const uint32_t *)a];
    const struct dead *y = &s->c->dead.dead[*(const uint32_t *)b];
    if (x->at[s->by] != y->at[s->by])
        return x->at[s->by] < y->at[s->by] ? -1 : 1;
    uint32_t p = rank_of(s, x), q = rank_of(s, y);
    return p < q ? -1 : p > q;
}

static bool sort(struct compare *c, enum dead_by by)
{
    struct sorting s = {c, by};
    uint32_t *order = malloc((c->dead.count + 1) * sizeof(*order));
    c->dead.order[by] = order;
    for (uint32_t i = 0; order && i < c->dead.count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, c->dead.count, sizeof(*order), earlier, &s);
    return order;
}

bool dead_find(struct compare *c)
{
    uint32_t slots = c->before->state.slot_count;
    struct fates f = {.c = c,
                      .gone = calloc(slots + 1, sizeof(*f.gone)),
                      .moved = calloc(slots + 1, sizeof(*f.moved))};
    c->dead.dead = calloc(c->counts[SIGN_DIED] + 1, sizeof(*c->dead.dead));
    bool good = f.gone && f.moved && c->dead.dead;
    if (good) {
        learn_fates(&f);
        list_dead(&f, &c->dead);
    }
    free(f.gone);
    free(f.moved);
    for (enum dead_by by = 0; by < DEAD_ORDERS && good; by++)
        good = sort(c, by);
    return good;
}

void dead_free(struct dead_list *d)
{
    for (enum dead_by by = 0; by < DEAD_ORDERS; by++)
        free(d->order[by]);
    free(d->dead);
}

uint32_t dead_from(const struct compare *c, enum dead_by by, int32_t at)
{
    if (!c || !c->dead.order[by])
        return 0;
    const struct dead_list *d = &c->dead;
    return (uint32_t)LOWER_BOUND(d->count, i, d->dead[d->order[by][i]].at[by] < at);
}

const struct dead *dead_at(const struct compare *c, enum dead_by by, uint32_t place)
{
    return c && c->dead.order[by] && place < c->dead.count ? &c->dead.dead[c->dead.order[by][place]]
                                                           : NULL;
}

uint32_t dead_count(const struct compare *c, enum dead_by by, int32_t at, int32_t end)
{
    return dead_from(c, by, end) - dead_from(c, by, at);
}
