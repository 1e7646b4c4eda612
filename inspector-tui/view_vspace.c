/* Address spaces: each top table with the threads that run in it, and below it what it maps. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"
#include "record/names.h"
#include "capstate/size.h"

enum { KIND_SPACE = 1, KIND_PAGE };
enum { COMPARED = 20000 }; /* translations; of more none is compared */

/* Mappings of one space stand together. */
static uint32_t end_of_space(const struct capstate *c, uint32_t from)
{
    uint32_t i = from;
    while (i < c->mapping_count && c->mappings[i].dir == c->mappings[from].dir)
        i++;
    return i;
}

/* The translation of the same address in another sample, NULL. */
static const struct record_mapping *same_in(const struct capstate *c,
                                            const struct record_mapping *m)
{
    for (uint32_t i = 0; i < c->mapping_count; i++)
        if (c->mappings[i].vaddr == m->vaddr && c->mappings[i].dir == m->dir)
            return &c->mappings[i];
    return NULL;
}

static const struct sample *compared(const struct session *s)
{
    const struct sample *before = s->change ? s->change->before : NULL;
    bool small = before && before->state.mapping_count <= COMPARED &&
                 s->now->state.mapping_count <= COMPARED;
    return small ? before : NULL;
}

static enum sign sign_of(const struct session *s, const struct row *r)
{
    const struct sample *before = compared(s);
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    if (!before)
        return SIGN_SAME;
    const struct record_mapping *m = &s->now->state.mappings[r->at];
    const struct record_mapping *old = same_in(&before->state, m);
    return !old                                                 ? SIGN_BORN
           : old->frame != m->frame || old->rights != m->rights ? SIGN_CHANGED
                                                                : SIGN_SAME;
}

static void add_dead(const struct session *s, struct view *v)
{
    const struct sample *before = s->comparing ? compared(s) : NULL;
    for (uint32_t i = 0; before && i < before->state.mapping_count; i++) {
        const struct record_mapping *m = &before->state.mappings[i];
        if (!same_in(&s->now->state, m))
            view_add(v, view_id(m->dir, KIND_PAGE, m->vaddr), 1, KIND_PAGE, (int32_t)i, ROW_DEAD);
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct capstate *c = &s->now->state;
    for (uint32_t i = from, end; i < c->mapping_count; i = end) {
        end = end_of_space(c, i);
        if (view_is_full(v))
            return i;
        uint64_t id = view_id(0, KIND_SPACE, c->mappings[i].dir);
        const struct row *r = view_add(v, id, 0, KIND_SPACE, (int32_t)i, ROW_CAN_FOLD);
        bool open = r && (r->flags & ROW_OPEN);
        for (uint32_t k = i; open && k < end; k++)
            view_add(v, view_id(id, KIND_PAGE, c->mappings[k].vaddr), 1, KIND_PAGE, (int32_t)k, 0);
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
            view_fold_out(v, space);
            return view_id(space, KIND_PAGE, m->vaddr);
        }
    }
    return 0;
}

static void space_line(const struct session *s, int32_t first, struct line *l)
{
    const struct capstate *c = &s->now->state;
    const struct record_mapping *m = &c->mappings[first];
    char hex[24];
    line_link(l, STYLE_LINK, ref_to(REF_SPACE, m->dir), "space 0x%s",
              sample_hex(s->now, m->dir, hex));
    line_put(l, STYLE_DIM, "  asid %u  %u translations ", (unsigned)m->asid,
             end_of_space(c, (uint32_t)first) - (uint32_t)first);
    for (uint32_t t = 0; t < c->thread_count; t++) {
        int32_t dir = capstate_thread_vspace(c, (int32_t)t);
        if (dir < 0 || c->objects[dir].addr != m->dir)
            continue;
        line_put(l, STYLE_NORMAL, " ");
        words_thread(l, s->now, (int32_t)t);
    }
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct sample *of = view_sample(s, r);
    const struct record_mapping *m = &of->state.mappings[r->at];
    char hex[24], rights[4], size[SIZE_TEXT];
    (void)v;
    if (r->kind == KIND_SPACE) {
        space_line(s, r->at, l);
        return;
    }
    enum sign sign = sign_of(s, r);
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    const struct ref here = {.kind = REF_VIRTUAL, .addr = m->vaddr, .of = m->dir};
    line_link(l, STYLE_NORMAL, here, "0x%s", sample_hex(s->now, m->vaddr, hex));
    line_put(l, STYLE_DIM, " %5s %-3s%s > ", size_short(1ull << (m->bits & 63), size),
             record_access_text((uint32_t)m->rights, rights), m->attributes & 1 ? " " : "u");
    words_address(l, s->now, m->frame);
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

const struct view_ops view_vspace = {NULL, build, line, ref, NULL, NULL, reveal};
