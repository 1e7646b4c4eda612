/* Address spaces: each top table with the threads that run in it, and below it what it maps. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "record/names.h"
#include "capstate/size.h"
#include "lib/array.h"
#include "lib/plural.h"

enum { KIND_SPACE = 1, KIND_PAGE };
enum { COMPARED = 20000 }; /* translations; of more none is compared */

/* The mappings of one space, which stand together. */
struct space {
    uint32_t from, end;
};

static struct space space_at(const struct capstate *c, uint32_t from)
{
    uint32_t i = from;
    while (i < c->mapping_count && c->mappings[i].dir == c->mappings[from].dir)
        i++;
    return (struct space){from, i};
}

/* The space of this top table, empty where there is none. */
static struct space space_of(const struct capstate *c, uint64_t dir)
{
    for (uint32_t i = 0; i < c->mapping_count; i++)
        if (c->mappings[i].dir == dir)
            return space_at(c, i);
    return (struct space){0, 0};
}

static const struct sample *compared(const struct session *s)
{
    const struct sample *before = s->change && !s->change->failed ? s->change->before : NULL;
    bool small = before && before->state.mapping_count <= COMPARED &&
                 s->now->state.mapping_count <= COMPARED;
    return small ? before : NULL;
}

static bool is_same(const struct record_mapping *a, const struct record_mapping *b)
{
    return a->frame == b->frame && a->rights == b->rights && a->bits == b->bits;
}

/* The translation of an address in a space, NULL. Addresses of a space ascend. */
static const struct record_mapping *find(const struct capstate *c, struct space in, uint64_t vaddr)
{
    size_t i = in.from + LOWER_BOUND(in.end - in.from, k, c->mappings[in.from + k].vaddr < vaddr);
    return i < in.end && c->mappings[i].vaddr == vaddr ? &c->mappings[i] : NULL;
}

struct counts {
    uint32_t born, died, changed;
};

/* How a space differs from the one before. */
static struct counts count(const struct capstate *now, struct space a,
                           const struct capstate *before, struct space b)
{
    struct counts n = {0};
    uint32_t both = 0;
    for (uint32_t i = a.from; i < a.end; i++) {
        const struct record_mapping *old = find(before, b, now->mappings[i].vaddr);
        n.born += !old;
        both += !!old;
        n.changed += old && !is_same(old, &now->mappings[i]);
    }
    n.died = b.end - b.from - both;
    return n;
}

static enum sign sign_of_page(const struct session *s, const struct row *r)
{
    const struct sample *before = compared(s);
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    if (!before)
        return SIGN_SAME;
    const struct record_mapping *m = &s->now->state.mappings[r->at];
    const struct record_mapping *old =
        find(&before->state, space_of(&before->state, m->dir), m->vaddr);
    return !old ? SIGN_BORN : is_same(old, m) ? SIGN_SAME : SIGN_CHANGED;
}

/* --- rows --- */

static void add_dead_page(struct view *v, uint64_t space, const struct capstate *before, uint32_t i)
{
    view_add(v, view_id(space, KIND_PAGE, before->mappings[i].vaddr), 1, KIND_PAGE, (int32_t)i,
             ROW_DEAD);
}

/* Pages by address; among them, while comparing, those that are no more. */
static void add_pages(const struct session *s, struct view *v, uint64_t id, struct space a)
{
    const struct capstate *c = &s->now->state;
    const struct sample *before = s->comparing ? compared(s) : NULL;
    const struct capstate *old = before ? &before->state : NULL;
    struct space b = old ? space_of(old, c->mappings[a.from].dir) : (struct space){0, 0};
    for (uint32_t i = a.from; i < a.end; i++) {
        for (; b.from < b.end && old->mappings[b.from].vaddr <= c->mappings[i].vaddr; b.from++)
            if (old->mappings[b.from].vaddr < c->mappings[i].vaddr)
                add_dead_page(v, id, old, b.from);
        view_add(v, view_id(id, KIND_PAGE, c->mappings[i].vaddr), 1, KIND_PAGE, (int32_t)i, 0);
    }
    for (; b.from < b.end; b.from++)
        add_dead_page(v, id, old, b.from);
}

/* Spaces that are no more. */
static void add_dead(const struct session *s, struct view *v)
{
    const struct sample *before = s->comparing ? compared(s) : NULL;
    const struct capstate *old = before ? &before->state : NULL;
    for (struct space b = {0, 0}; old && b.from < old->mapping_count; b.from = b.end) {
        b = space_at(old, b.from);
        uint64_t dir = old->mappings[b.from].dir, id = view_id(0, KIND_SPACE, dir);
        if (space_of(&s->now->state, dir).end)
            continue;
        const struct row *r =
            view_add(v, id, 0, KIND_SPACE, (int32_t)b.from, ROW_CAN_FOLD | ROW_DEAD);
        for (uint32_t i = b.from; r && view_is_open(v, id, 0) && i < b.end; i++)
            add_dead_page(v, id, old, i);
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct capstate *c = &s->now->state;
    for (struct space a = {from, from}; a.from < c->mapping_count; a.from = a.end) {
        if (view_is_full(v))
            return a.from;
        a = space_at(c, a.from);
        uint64_t id = view_id(0, KIND_SPACE, c->mappings[a.from].dir);
        if (!view_add(v, id, 0, KIND_SPACE, (int32_t)a.from, ROW_CAN_FOLD))
            return VIEW_WHOLE;
        if (view_is_open(v, id, 0))
            add_pages(s, v, id, a);
    }
    add_dead(s, v);
    return VIEW_WHOLE;
}

static uint64_t reveal(const struct session *s, struct view *v, const struct ref *r)
{
    const struct capstate *c = &s->now->state;
    uint64_t dir = r->kind == REF_SPACE ? r->addr : r->of;
    uint64_t space = view_id(0, KIND_SPACE, dir);
    if (r->kind != REF_SPACE && r->kind != REF_VIRTUAL)
        return 0;
    for (uint32_t i = 0; i < c->mapping_count; i++) {
        const struct record_mapping *m = &c->mappings[i];
        if (m->dir == dir && r->kind == REF_SPACE)
            return space;
        if (m->dir == dir && m->vaddr == r->addr) {
            view_fold_out(v, space, 0);
            return view_id(space, KIND_PAGE, m->vaddr);
        }
    }
    return 0;
}

/* What became of a space: its sign, and how many of its pages differ. */
static struct counts change_of_space(const struct session *s, const struct row *r, enum sign *sign)
{
    const struct sample *before = compared(s);
    struct counts n = {0};
    *sign = r->flags & ROW_DEAD ? SIGN_DIED : SIGN_SAME;
    if (!before || r->flags & ROW_DEAD)
        return n;
    const struct capstate *c = &s->now->state;
    struct space b = space_of(&before->state, c->mappings[r->at].dir);
    n = count(c, space_at(c, (uint32_t)r->at), &before->state, b);
    *sign = b.end == 0 ? SIGN_BORN : n.born + n.died + n.changed ? SIGN_CHANGED : SIGN_SAME;
    return n;
}

static void put_counts(struct line *l, enum sign sign, struct counts n)
{
    if (sign != SIGN_CHANGED)
        return;
    line_put(l, STYLE_DIM, " (");
    if (n.born)
        line_put(l, STYLE_BORN, "+%u", n.born);
    if (n.died)
        line_put(l, STYLE_DIED, "-%u", n.died);
    if (n.changed)
        line_put(l, STYLE_CHANGED, "*%u", n.changed);
    line_put(l, STYLE_DIM, ")");
}

static void space_line(const struct session *s, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct capstate *c = &of->state;
    const struct record_mapping *m = &c->mappings[r->at];
    struct space all = space_at(c, (uint32_t)r->at);
    enum sign sign;
    struct counts n = change_of_space(s, r, &sign);
    char hex[24];
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    line_link(l, STYLE_LINK, ref_to(REF_SPACE, m->dir), "space 0x%s", sample_hex(of, m->dir, hex));
    line_put(l, STYLE_DIM, "  asid %u  %u translation%s", (unsigned)m->asid, all.end - all.from,
             plural_s(all.end - all.from));
    put_counts(l, sign, n);
    line_put(l, STYLE_DIM, " ");
    for (uint32_t t = 0; t < c->thread_count; t++) {
        int32_t dir = capstate_thread_vspace(c, (int32_t)t);
        if (dir < 0 || c->objects[dir].addr != m->dir)
            continue;
        line_put(l, STYLE_NORMAL, " ");
        words_thread(l, of, (int32_t)t);
    }
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct record_mapping *m = &of->state.mappings[r->at];
    char hex[24], rights[4], size[SIZE_TEXT];
    (void)v;
    if (r->kind == KIND_SPACE) {
        space_line(s, r, l);
        return;
    }
    enum sign sign = sign_of_page(s, r);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    const struct ref here = {.kind = REF_VIRTUAL, .addr = m->vaddr, .of = m->dir};
    line_link(l, STYLE_NORMAL, here, "0x%s", sample_hex(of, m->vaddr, hex));
    line_put(l, STYLE_DIM, " %5s %-3s%s > ", size_short(1ull << (m->bits & 63), size),
             record_access_text((uint32_t)m->rights, rights), m->attributes & 1 ? " " : "u");
    words_address(l, of, m->frame);
    line_put(l, STYLE_NORMAL, "  ");
    words_owner(l, s, of, m->frame);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    const struct record_mapping *m = &view_sample(s, r)->state.mappings[r->at];
    (void)v;
    if (r->kind == KIND_SPACE)
        return ref_to(REF_SPACE, m->dir);
    return (struct ref){.kind = REF_VIRTUAL, .addr = m->vaddr, .of = m->dir};
}

const struct view_ops view_vspace = {NULL, build, line, ref, NULL, NULL, reveal, 0};
