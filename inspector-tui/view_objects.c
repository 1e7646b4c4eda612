/* Kernel objects by address: what lies where, who owns it, who holds it. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"

#include "lib/array.h"
#include "record/names.h"

enum { KIND_OBJECT = 1, KIND_HOLDER };

static void add_holders(const struct session *s, struct view *v, int32_t object, uint64_t parent)
{
    const struct capstate *c = &s->now->state;
    const struct dead *d;
    for (int32_t i = c->objects[object].first_slot; i >= 0; i = c->slots[i].next_same)
        if (!view_add(v, view_id(parent, KIND_HOLDER, c->slots[i].rec.addr), 1, KIND_HOLDER, i, 0))
            return;
    for (uint32_t i = dead_from(s->change, DEAD_BY_OBJECT, object);
         s->comparing && (d = dead_at(s->change, DEAD_BY_OBJECT, i)) &&
         d->at[DEAD_BY_OBJECT] == object;
         i++) {
        uint64_t addr = s->change->before->state.slots[d->slot].rec.addr;
        view_add(v, view_id(parent, KIND_HOLDER, addr ^ 1), 1, KIND_HOLDER, d->slot, ROW_DEAD);
    }
}

static uint64_t id_of(const struct capstate_object *o)
{
    return view_id(o->bits, KIND_OBJECT + o->type * 4, o->addr);
}

static bool exists(const struct sample *in, const struct capstate_object *o)
{
    const struct ref r = ref_object(o->addr, o->type, o->bits);
    return sample_object_of(in, &r) >= 0;
}

/* By address, of two at one the larger first: the order of objects. */
static bool stands_before(const struct capstate_object *a, const struct capstate_object *b)
{
    return a->addr < b->addr || (a->addr == b->addr && a->bits > b->bits);
}

/* Objects that are no more, up to one of the sample shown; NULL: all that are left.  Returns where it
 * goes on. */
static uint32_t add_dead(const struct session *s, struct view *v, uint32_t at,
                         const struct capstate_object *until)
{
    const struct capstate *before = &s->change->before->state;
    for (; at < before->object_count && (!until || stands_before(&before->objects[at], until));
         at++)
        if (!exists(s->now, &before->objects[at]))
            view_add(v, id_of(&before->objects[at]), 0, KIND_OBJECT, (int32_t)at, ROW_DEAD);
    return at;
}

/* The first of the sample before that does not stand before the object with this number. */
static uint32_t begin_dead(const struct session *s, uint32_t from)
{
    const struct capstate *before = &s->change->before->state, *c = &s->now->state;
    if (from == 0)
        return 0;
    const struct capstate_object *last = &c->objects[from - 1];
    return (uint32_t)LOWER_BOUND(before->object_count, i, stands_before(&before->objects[i], last));
}

static void add_object(const struct session *s, struct view *v, uint32_t i)
{
    const struct capstate_object *o = &s->now->state.objects[i];
    uint64_t id = id_of(o);
    const struct row *r =
        view_add(v, id, 0, KIND_OBJECT, (int32_t)i, o->first_slot >= 0 ? ROW_CAN_FOLD : 0);
    if (r && (r->flags & ROW_OPEN))
        add_holders(s, v, (int32_t)i, id);
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct capstate *c = &s->now->state;
    bool compared = s->comparing && s->change && s->change->before;
    uint32_t dead = compared ? begin_dead(s, from) : 0;
    for (uint32_t i = from; i < c->object_count; i++) {
        if (view_is_full(v))
            return i;
        if (compared)
            dead = add_dead(s, v, dead, &c->objects[i]);
        add_object(s, v, i);
    }
    if (compared)
        add_dead(s, v, dead, NULL);
    return VIEW_WHOLE;
}

static uint64_t reveal(const struct session *s, struct view *v, const struct ref *r)
{
    int32_t object = -1;
    (void)v;
    if (r->kind == REF_OBJECT)
        object = sample_object_of(s->now, r);
    else if (r->kind == REF_THREAD)
        object = sample_object_at(s->now, r->addr);
    return object < 0 ? 0 : id_of(&s->now->state.objects[object]);
}

/* Born, or held by more or fewer than before. */
static enum sign sign_of(const struct session *s, const struct row *r,
                         const struct capstate_object *o)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    if (!before || s->change->failed)
        return SIGN_SAME;
    const struct ref same = ref_object(o->addr, o->type, o->bits);
    int32_t was = sample_object_of(before, &same);
    return was < 0                                      ? SIGN_BORN
           : before->state.objects[was].caps != o->caps ? SIGN_CHANGED
                                                        : SIGN_SAME;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct capstate *c = &of->state;
    char hex[24], size[SIZE_TEXT];
    (void)v;
    if (r->kind == KIND_HOLDER) {
        enum sign sign = r->flags & ROW_DEAD ? SIGN_DIED : compare_slot(s->change, r->at);
        line_put(l, words_sign(sign), "%c", sign_char(sign));
        words_place(l, of, r->at);
        line_put(l, STYLE_NORMAL, ": ");
        words_slot(l, of, r->at);
        return;
    }
    const struct capstate_object *o = &c->objects[r->at];
    enum sign sign = sign_of(s, r, o);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    line_put(l, STYLE_NORMAL, "%s", sample_hex(of, o->addr, hex));
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s%s", record_cap_name(o->type),
             o->flags & RECORD_SLOT_DEVICE ? " (device)" : "");
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%s", o->bits ? size_short(1ull << (o->bits & 63), size) : "");
    line_tab(l);
    words_owner_of_object(l, s, of, r->at);
    line_tab(l);
    line_put(l, STYLE_NORMAL, "%u", (unsigned)o->caps);
    line_tab(l);
    int32_t thread = o->type == RECORD_CAP_TCB ? sample_thread_at(of, o->addr) : -1;
    if (thread >= 0)
        words_thread(l, of, thread);
    else if (o->first_slot >= 0)
        words_place(l, of, o->first_slot);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_HOLDER)
        return sample_slot_ref(view_sample(s, r), r->at);
    const struct capstate_object *o = &view_sample(s, r)->state.objects[r->at];
    return ref_object(o->addr, o->type, o->bits);
}

static uint64_t order(const struct session *s, const struct view *v, const struct row *r,
                      uint32_t column)
{
    (void)v;
    if (r->kind != KIND_OBJECT)
        return 0;
    const struct capstate_object *o = &view_sample(s, r)->state.objects[r->at];
    return column == 0 ? o->addr : column == 2 ? o->bits : column == 4 ? o->caps : UINT64_MAX;
}

static const struct column columns[] = {
    {" address", 9, 17, 0, false},
    {"type", 10, 18, 0, false},
    {"size", 5, 7, 2, true},
    {"owner", 10, 24, 0, false},
    {"caps", 4, 7, 1, true},
    {"first held in", 12, 0, 3, false},
    {0},
};

const struct view_ops view_objects = {columns, build, line, ref, NULL, order, reveal, 0};
