/* Kernel objects by address: what lies where, who owns it, who holds it. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"

#include "record/names.h"

enum { KIND_OBJECT = 1, KIND_HOLDER };
enum { DEAD_AT_ONCE = 20000 }; /* objects of the other sample looked at in one piece */

static void add_holders(const struct session *s, struct view *v, int32_t object, uint64_t parent)
{
    const struct capstate *c = &s->now->state;
    for (int32_t i = c->objects[object].first_slot; i >= 0; i = c->slots[i].next_same)
        if (!view_add(v, view_id(parent, KIND_HOLDER, c->slots[i].rec.addr), 1, KIND_HOLDER, i, 0))
            return;
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

/* Objects that are no more; `from` counts on behind those that are. */
static uint32_t add_dead(const struct session *s, struct view *v, uint32_t from)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    uint32_t now = s->now->state.object_count, i = from > now ? from - now : 0;
    for (uint32_t n = 0; before && i < before->state.object_count; i++, n++) {
        const struct capstate_object *o = &before->state.objects[i];
        if (n == DEAD_AT_ONCE || view_is_full(v))
            return now + i;
        if (!exists(s->now, o))
            view_add(v, id_of(o), 0, KIND_OBJECT, (int32_t)i, ROW_DEAD);
    }
    return VIEW_WHOLE;
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    for (uint32_t i = from; i < s->now->state.object_count; i++) {
        const struct capstate_object *o = &s->now->state.objects[i];
        uint64_t id = id_of(o);
        if (view_is_full(v))
            return i;
        const struct row *r =
            view_add(v, id, 0, KIND_OBJECT, (int32_t)i, o->first_slot >= 0 ? ROW_CAN_FOLD : 0);
        if (r && (r->flags & ROW_OPEN))
            add_holders(s, v, (int32_t)i, id);
    }
    return s->comparing ? add_dead(s, v, from) : VIEW_WHOLE;
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

static enum sign sign_of(const struct session *s, const struct row *r,
                         const struct capstate_object *o)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    return before && !exists(before, o) ? SIGN_BORN : SIGN_SAME;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct capstate *c = &of->state;
    char hex[24], size[SIZE_TEXT];
    (void)v;
    if (r->kind == KIND_HOLDER) {
        enum sign sign = compare_slot(s->change, r->at);
        line_put(l, words_sign(sign), "%c", sign_char(sign));
        words_place(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, ": ");
        words_slot(l, s->now, r->at);
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
    words_owner(l, s, of, o->addr);
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
        return sample_slot_ref(s->now, r->at);
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

const struct view_ops view_objects = {columns, build, line, ref, NULL, order, reveal};
