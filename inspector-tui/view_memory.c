/* RAM from the whole down to a page: each row is a piece with its picture, and opens into sixteen
 * smaller ones; below its page stands the address that was gone to; devices stand apart. */
#include "inspector-tui/memory.h"
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "capstate/size.h"
#include "lib/plural.h"

enum row_kind { KIND_PIECE = 1, KIND_DEVICES, KIND_DEVICE, KIND_LEGEND, KIND_ADDRESS };

enum { PAGE_BITS = 12, STEP_BITS = 4, FIRST_PIECES = 32, CELLS = 128, FEWEST_CELLS = 16 };

/* A row's `at` is its number among pieces of its size; depth d has pieces of 2^bits_at(d) bytes. */
static uint32_t bits_at(const struct session *s, uint32_t depth)
{
    uint64_t size = sample_ram(s->now).size;
    uint32_t bits = PAGE_BITS;
    while (bits < 62 && (1ull << bits) * FIRST_PIECES < size)
        bits++;
    uint32_t down = depth * STEP_BITS;
    return bits > down + PAGE_BITS ? bits - down : PAGE_BITS;
}

static uint64_t base_of(const struct session *s, const struct row *r)
{
    return sample_ram(s->now).base + ((uint64_t)(uint32_t)r->at << bits_at(s, r->depth));
}

static bool is_in(uint64_t addr, uint64_t base, uint64_t size)
{
    return addr - base < size;
}

/* The address that was gone to has a row of its own where its page does not say all about it. */
static bool needs_row(const struct session *s, uint64_t page, const struct ref *asked)
{
    bool here = asked->kind == REF_ADDRESS && asked->extra == 0 &&
                is_in(asked->addr, page, 1u << PAGE_BITS);
    return here &&
           (asked->addr != page || sample_object_filling(s->now, page, 1u << PAGE_BITS) < 0);
}

static uint64_t id_of_piece(uint32_t depth, uint64_t offset)
{
    return view_id(depth, KIND_PIECE, offset);
}

static uint64_t id_of_address(uint64_t addr)
{
    return view_id(0, KIND_ADDRESS, addr);
}

/* Does a piece hold RAM? There may be gaps between its ranges. */
static bool has_ram(const struct session *s, uint64_t base, uint64_t size)
{
    const struct capstate *c = &s->now->state;
    for (uint32_t i = 0; i < c->range_count; i++)
        if (c->ranges[i].use == RECORD_RANGE_RAM &&
            (is_in(c->ranges[i].base, base, size) ||
             is_in(base, c->ranges[i].base, c->ranges[i].size)))
            return true;
    return false;
}

static void add_pieces(const struct session *s, struct view *v, uint32_t first, uint32_t count,
                       uint32_t depth)
{
    uint32_t bits = bits_at(s, depth);
    const struct sample_ram ram = sample_ram(s->now);
    for (uint32_t i = first; i < first + count; i++) {
        uint64_t offset = (uint64_t)i << bits, base = ram.base + offset;
        if (offset >= ram.size)
            return;
        if (!has_ram(s, base, 1ull << bits))
            continue;
        struct row *r = view_add(v, id_of_piece(depth, offset), depth, KIND_PIECE, (int32_t)i,
                                 bits > PAGE_BITS ? ROW_CAN_FOLD : 0);
        if (!r)
            return;
        bool asked = v->focus.kind == REF_ADDRESS && is_in(v->focus.addr, base, 1ull << bits);
        if (v->looking && asked && bits > PAGE_BITS)
            r->flags |= ROW_OPEN; /* the row of the address can be found */
        if (r->flags & ROW_OPEN) {
            uint32_t below = 1u << (bits - bits_at(s, depth + 1));
            add_pieces(s, v, i * below, below, depth + 1);
        }
        if (bits == PAGE_BITS && needs_row(s, base, &v->focus))
            view_add(v, id_of_address(v->focus.addr), depth + 1, KIND_ADDRESS, (int32_t)i, 0);
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

static bool is_typed(const struct capstate_object *o)
{
    return o->bits > 0 && o->type != RECORD_CAP_UNTYPED;
}

/* What lies there, in words: the one thing, or of a page how many. */
static void contents(const struct session *s, uint64_t base, uint64_t size, struct line *l)
{
    int32_t object = sample_object_holding(s->now, base);
    const struct capstate_object *o = object < 0 ? NULL : &s->now->state.objects[object];
    if (sample_object_filling(s->now, base, size) >= 0) {
        if (is_typed(o))
            words_object(l, s->now, object);
        return;
    }
    if (size > 1u << PAGE_BITS)
        return;
    uint32_t n = o && is_typed(o) && o->addr < base, end = sample_object_from(s->now, base + size);
    for (uint32_t i = sample_object_from(s->now, base); i < end; i++)
        n += is_typed(&s->now->state.objects[i]);
    if (n)
        line_put(l, STYLE_DIM, "%u object%s", n, plural_s(n));
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

static struct ref ref_piece(uint64_t base, uint32_t bits)
{
    return (struct ref){.kind = REF_ADDRESS, .addr = base, .extra = bits};
}

static void address_line(const struct session *s, uint64_t addr, struct line *l)
{
    int32_t object = sample_object_holding(s->now, addr);
    line_put(l, STYLE_NORMAL, " ");
    words_address(l, s->now, addr);
    line_put(l, STYLE_NORMAL, "  ");
    words_owner(l, s, s->now, addr);
    if (object < 0)
        return;
    line_put(l, STYLE_NORMAL, "  ");
    words_object(l, s->now, object);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    char hex[24], size[SIZE_TEXT];
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
        words_owner_of_object(l, s, s->now, r->at);
        return;
    }
    if (r->kind == KIND_ADDRESS) {
        address_line(s, v->focus.addr, l);
        return;
    }
    uint64_t base = base_of(s, r), bytes = 1ull << bits_at(s, r->depth);
    enum sign sign = sign_of(s, base, bytes);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    line_link(l, STYLE_NORMAL, ref_piece(base, bits_at(s, r->depth)), "%s",
              sample_hex(s->now, base, hex));
    line_put(l, STYLE_DIM, " %5s ", size_short(bytes, size));
    memory_strip(s, s->now, base, bytes, bytes > 1u << PAGE_BITS ? cells(s, r) : 1, l);
    line_put(l, STYLE_NORMAL, " ");
    contents(s, base, bytes, l);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    switch ((enum row_kind)r->kind) {
    case KIND_PIECE:
        return ref_piece(base_of(s, r), bits_at(s, r->depth));
    case KIND_ADDRESS:
        return v->focus;
    case KIND_DEVICE:
        return sample_object_ref(s->now, r->at);
    default:
        return ref_to(REF_NONE, 0);
    }
}

static uint64_t reveal_device(const struct session *s, struct view *v, const struct ref *r)
{
    int32_t object = r->kind == REF_OBJECT ? sample_object_of(s->now, r) : -1;
    const struct capstate_object *o = object < 0 ? NULL : &s->now->state.objects[object];
    if (!o || !(o->flags & RECORD_SLOT_DEVICE))
        return 0;
    view_fold_out(v, view_id(0, KIND_DEVICES, 0), 0);
    return view_id(o->bits, KIND_DEVICE, o->addr);
}

/* An address is in the pieces around it, down to its page, and there on its own; a piece is in those
 * around it. */
static uint64_t reveal(const struct session *s, struct view *v, const struct ref *r)
{
    const struct sample_ram ram = sample_ram(s->now);
    if (r->kind == REF_OBJECT || r->kind == REF_THREAD)
        return reveal_device(s, v, r);
    if (r->kind != REF_ADDRESS || !capstate_is_ram(&s->now->state, r->addr))
        return 0;
    uint32_t end = r->extra ? r->extra : PAGE_BITS;
    uint64_t id = 0, offset = 0;
    for (uint32_t depth = 0;; depth++) {
        uint32_t bits = bits_at(s, depth);
        offset = (r->addr - ram.base) >> bits << bits;
        id = id_of_piece(depth, offset);
        if (bits <= end || bits == PAGE_BITS)
            break;
        view_fold_out(v, id, depth);
    }
    if (r->extra)
        return id;
    v->focus = *r;
    v->stale = true;
    return needs_row(s, ram.base + offset, r) ? id_of_address(r->addr) : id;
}

/* Not every page is opened, or searched. */
const struct view_ops view_memory = {
    .build = build, .line = line, .ref = ref, .reveal = reveal, .opens = 2};
