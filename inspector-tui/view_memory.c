/* RAM from the whole down to a page: each row is a piece with its picture, and opens into sixteen
 * smaller ones; devices stand apart. */
#include "inspector-tui/memory.h"
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"

enum row_kind { KIND_PIECE = 1, KIND_DEVICES, KIND_DEVICE, KIND_LEGEND };

enum { PAGE_BITS = 12, STEP_BITS = 4, FIRST_PIECES = 32, CELLS = 128, FEWEST_CELLS = 16 };

/* A row's `at` is its number among pieces of its size; depth d has pieces of 2^bits_at(d) bytes. */
static uint32_t bits_at(const struct session *s, uint32_t depth)
{
    uint64_t size = s->now->state.snapshot.ram_size;
    uint32_t bits = PAGE_BITS;
    while (bits < 62 && (1ull << bits) * FIRST_PIECES < size)
        bits++;
    uint32_t down = depth * STEP_BITS;
    return bits > down + PAGE_BITS ? bits - down : PAGE_BITS;
}

static uint64_t base_of(const struct session *s, const struct row *r)
{
    return s->now->state.snapshot.ram_base + ((uint64_t)(uint32_t)r->at << bits_at(s, r->depth));
}

static void add_pieces(const struct session *s, struct view *v, uint32_t first, uint32_t count,
                       uint32_t depth)
{
    uint32_t bits = bits_at(s, depth);
    for (uint32_t i = first; i < first + count; i++) {
        uint64_t offset = (uint64_t)i << bits;
        if (offset >= s->now->state.snapshot.ram_size)
            return;
        const struct row *r = view_add(v, view_id(depth, KIND_PIECE, offset), depth, KIND_PIECE,
                                       (int32_t)i, bits > PAGE_BITS ? ROW_CAN_FOLD : 0);
        if (!r)
            return;
        if (r->flags & ROW_OPEN && v->open_by_default && depth >= 2)
            continue; /* a search does not look at every page */
        if (r->flags & ROW_OPEN) {
            uint32_t below = 1u << (bits - bits_at(s, depth + 1));
            add_pieces(s, v, i * below, below, depth + 1);
        }
    }
}

static void add_devices(const struct session *s, struct view *v)
{
    const struct row *r =
        view_add(v, view_id(0, KIND_DEVICES, 0), 0, KIND_DEVICES, 0, ROW_CAN_FOLD);
    if (!r || !(r->flags & ROW_OPEN))
        return;
    for (uint32_t i = 0; i < s->now->state.object_count; i++) {
        const struct capstate_object *o = &s->now->state.objects[i];
        if (o->flags & RECORD_SLOT_DEVICE)
            view_add(v, view_id(o->bits, KIND_DEVICE, o->addr), 1, KIND_DEVICE, (int32_t)i, 0);
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    view_add(v, view_id(0, KIND_LEGEND, 0), 0, KIND_LEGEND, 0, ROW_TITLE | ROW_STAYS);
    add_pieces(s, v, 0, FIRST_PIECES, 0);
    add_devices(s, v);
    return VIEW_WHOLE;
}

/* What lies there, in words, where it is one thing. */
static void one_thing(const struct session *s, uint64_t base, uint64_t size, struct line *l)
{
    int32_t object = sample_object_holding(s->now, base);
    if (object < 0)
        return;
    const struct capstate_object *o = &s->now->state.objects[object];
    bool whole = o->bits < 63 && base - o->addr + size <= 1ull << o->bits;
    if (whole && o->type != RECORD_CAP_UNTYPED)
        words_object(l, s->now, object);
}

/* Did a capability to something in this piece come, go or change? */
static enum sign sign_of(const struct session *s, uint64_t base, uint64_t size)
{
    enum { COMPARED = 20000 };
    const struct compare *c = s->change;
    if (!c || !c->before || c->count > COMPARED)
        return SIGN_SAME;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct change *k = &c->changes[i];
        const struct capstate *of = k->after >= 0 ? &s->now->state : &c->before->state;
        uint64_t object = of->slots[k->after >= 0 ? k->after : k->before].rec.object;
        if (object >= base && object - base < size)
            return SIGN_CHANGED;
    }
    return SIGN_SAME;
}

/* The picture takes what the words before it leave, so that its end is on the screen. */
static uint32_t cells(const struct session *s, const struct row *r)
{
    uint32_t words = 11u + (uint32_t)capstate_digits(&s->now->state) + 2u * r->depth;
    uint32_t room = s->columns > words ? s->columns - words : 0;
    return room < FEWEST_CELLS ? FEWEST_CELLS : room > CELLS ? CELLS : room;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    char hex[24], size[SIZE_TEXT];
    (void)v;
    if (r->kind == KIND_LEGEND) {
        line_put(l, STYLE_NORMAL, " ");
        memory_legend(s, s->now, l);
        return;
    }
    if (r->kind == KIND_DEVICES) {
        line_put(l, STYLE_HEAD, "devices");
        return;
    }
    if (r->kind == KIND_DEVICE) {
        words_object(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, "  ");
        words_owner(l, s, s->now, s->now->state.objects[r->at].addr);
        return;
    }
    uint64_t base = base_of(s, r), bytes = 1ull << bits_at(s, r->depth);
    enum sign sign = sign_of(s, base, bytes);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    line_link(l, STYLE_NORMAL, ref_to(REF_ADDRESS, base), "%s", sample_hex(s->now, base, hex));
    line_put(l, STYLE_DIM, " %5s ", size_short(bytes, size));
    memory_strip(s, s->now, base, bytes, bytes > 1u << PAGE_BITS ? cells(s, r) : 1, l);
    line_put(l, STYLE_NORMAL, " ");
    one_thing(s, base, bytes, l);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    if (r->kind == KIND_PIECE)
        return ref_to(REF_ADDRESS, base_of(s, r));
    return r->kind == KIND_DEVICE ? sample_object_ref(s->now, r->at) : ref_to(REF_NONE, 0);
}

const struct view_ops view_memory = {NULL, build, line, ref, NULL, NULL, NULL};
