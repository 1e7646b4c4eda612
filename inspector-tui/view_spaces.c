/* CSpaces as threads see them: each CNode that is a root, its slots in order, gaps as one row, the
 * guard of every CNode capability; a slot with a CNode opens into that CNode. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

#include "record/names.h"

#include <inttypes.h>

enum row_kind { KIND_THREAD = 1, KIND_CNODE, KIND_SLOT, KIND_INTERNAL, KIND_GAP, KIND_GONE };

enum { MAX_NESTING = 12 }; /* CNodes may contain themselves; deeper is not followed */

struct nest {
    int32_t cnode[MAX_NESTING];
    uint32_t next[MAX_NESTING]; /* index of the slot to come */
    uint64_t id[MAX_NESTING];
    uint32_t depth;
};

static bool nest_contains(const struct nest *n, int32_t cnode)
{
    for (uint32_t i = 0; i < n->depth; i++)
        if (n->cnode[i] == cnode)
            return true;
    return false;
}

static const struct row *add_slot(const struct session *s, struct view *v, int32_t slot,
                                  uint64_t parent, uint32_t depth, uint32_t kind, bool cnode)
{
    uint64_t id = view_id(parent, kind, s->now->state.slots[slot].rec.addr);
    return view_add(v, id, depth, (uint8_t)kind, slot, cnode ? ROW_CAN_FOLD : 0);
}

/* Empty slots before `to`, as one row. */
static void add_gap(struct view *v, const struct nest *n, uint32_t level, uint32_t to,
                    uint32_t depth)
{
    if (to > n->next[level])
        view_add(v, view_id(n->id[level], KIND_GAP, n->next[level]), depth + level, KIND_GAP,
                 (int32_t)(to - n->next[level]), 0);
}

/* A capability that lay in a slot which is empty now. */
static void add_dead(const struct session *s, struct view *v, const struct dead *d, uint64_t parent,
                     uint32_t depth)
{
    uint64_t addr = s->change->before->state.slots[d->slot].rec.addr;
    view_add(v, view_id(parent, KIND_GONE, addr), depth, KIND_GONE, d->slot, ROW_DEAD);
}

/* The next dead one of an object from an index on. NULL: none. */
static const struct dead *dead_in(const struct session *s, int32_t object, uint32_t index)
{
    const struct compare *c = s->change;
    const struct dead *d = NULL;
    for (uint32_t i = dead_from(c, DEAD_BY_HOLDER, object);
         s->comparing && (d = dead_at(c, DEAD_BY_HOLDER, i)) && d->at[DEAD_BY_HOLDER] == object;
         i++)
        if (c->before->state.slots[d->slot].index >= index)
            return d;
    return NULL;
}

/* Those of a CNode before slot `to`, with the empty slots before each. */
static void add_dead_before(const struct session *s, struct view *v, struct nest *n, uint32_t level,
                            uint32_t to, uint32_t depth)
{
    const struct dead *d;
    while ((d = dead_in(s, n->cnode[level], n->next[level]))) {
        uint32_t index = (uint32_t)s->change->before->state.slots[d->slot].index;
        if (index >= to)
            return;
        add_gap(v, n, level, index, depth);
        add_dead(s, v, d, n->id[level], depth + level);
        n->next[level] = index + 1;
    }
}

static uint32_t slots_of(const struct sample *of, int32_t cnode)
{
    uint32_t bits = of->state.objects[cnode].bits;
    uint32_t slot = record_slot_bits(&of->state.snapshot);
    return bits >= slot && bits < slot + 32 ? 1u << (bits - slot) : 1;
}

static bool opens(const struct session *s, const struct nest *n, int32_t slot)
{
    const struct capstate_slot *c = &s->now->state.slots[slot];
    return c->rec.type == RECORD_CAP_CNODE && c->object >= 0 && n->depth < MAX_NESTING &&
           !nest_contains(n, c->object);
}

/* Slots of a CNode by index; open CNodes inside it in place, by a stack of (cnode, next index). */
static void add_cnode(const struct session *s, struct view *v, int32_t cnode, uint64_t id,
                      uint32_t depth)
{
    struct nest n = {.cnode = {cnode}, .id = {id}, .depth = 1};
    while (n.depth > 0) {
        uint32_t level = n.depth - 1;
        int32_t slot = capstate_slot_in(&s->now->state, n.cnode[level], n.next[level]);
        if (slot < 0) {
            add_dead_before(s, v, &n, level, slots_of(s->now, n.cnode[level]), depth);
            add_gap(v, &n, level, slots_of(s->now, n.cnode[level]), depth);
            n.depth--;
            continue;
        }
        uint32_t index = (uint32_t)s->now->state.slots[slot].index;
        add_dead_before(s, v, &n, level, index, depth);
        add_gap(v, &n, level, index, depth);
        /* in a damaged recording a slot may belong to an object inside: go on behind it anyway */
        n.next[level] = (index > n.next[level] ? index : n.next[level]) + 1;
        const struct row *r =
            add_slot(s, v, slot, n.id[level], depth + level, KIND_SLOT, opens(s, &n, slot));
        if (r && (r->flags & ROW_OPEN)) {
            n.cnode[n.depth] = s->now->state.slots[slot].object;
            n.next[n.depth] = 0;
            n.id[n.depth++] = r->id;
        }
    }
}

static void add_thread_slots(const struct session *s, struct view *v, int32_t thread, uint64_t id)
{
    const struct capstate *c = &s->now->state;
    int32_t object = c->threads[thread].object;
    for (int32_t slot = object < 0 ? -1 : capstate_slot_in(c, object, 0); slot >= 0;
         slot = capstate_slot_after(c, object, slot))
        if (c->slots[slot].rec.type != RECORD_CAP_CNODE)
            add_slot(s, v, slot, id, 1, KIND_INTERNAL, false);
    const struct dead *d;
    for (uint32_t next = 0; object >= 0 && (d = dead_in(s, object, next));
         next = (uint32_t)s->change->before->state.slots[d->slot].index + 1)
        add_dead(s, v, d, id, 1);
}

/* Those whose CNode or thread is gone, too. */
static void add_homeless(const struct session *s, struct view *v)
{
    const struct dead *d;
    for (uint32_t i = 0;
         s->comparing && (d = dead_at(s->change, DEAD_BY_HOLDER, i)) && d->at[DEAD_BY_HOLDER] < 0;
         i++)
        add_dead(s, v, d, 0, 0);
}

static void add_thread(const struct session *s, struct view *v, int32_t thread)
{
    const struct record_thread *t = &s->now->state.threads[thread].rec;
    uint64_t id = view_id(0, KIND_THREAD, t->addr);
    const struct row *r = view_add(v, id, 0, KIND_THREAD, thread, ROW_CAN_FOLD);
    if (!r || !(r->flags & ROW_OPEN))
        return;
    add_thread_slots(s, v, thread, id);
    int32_t cnode = capstate_thread_cspace(&s->now->state, thread);
    if (cnode < 0)
        return;
    uint64_t cnode_id = view_id(id, KIND_CNODE, s->now->state.objects[cnode].addr);
    r = view_add(v, cnode_id, 1, KIND_CNODE, thread, ROW_CAN_FOLD);
    if (r && (r->flags & ROW_OPEN))
        add_cnode(s, v, cnode, cnode_id, 2);
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    for (uint32_t i = from; i < s->now->state.thread_count; i++) {
        if (view_is_full(v))
            return i;
        if (!s->now->state.threads[i].rec.idle)
            add_thread(s, v, (int32_t)i);
    }
    add_homeless(s, v);
    return VIEW_WHOLE;
}

static void root_line(const struct session *s, int32_t thread, struct line *l)
{
    const struct capstate *c = &s->now->state;
    int32_t cnode = capstate_thread_cspace(c, thread), object = c->threads[thread].object;
    int32_t slot = object < 0 ? -1 : capstate_slot_in(c, object, 0);
    line_put(l, STYLE_NORMAL, "root  ");
    if (slot >= 0 && c->slots[slot].index == 0)
        words_slot(l, s->now, slot); /* tells the guard, too */
    else
        words_object(l, s->now, cnode);
}

/* How many died in what a closed row hides. */
static void died_below(const struct session *s, int32_t object, struct line *l)
{
    uint32_t n =
        s->comparing && object >= 0 ? dead_count(s->change, DEAD_BY_HOLDER, object, object + 1) : 0;
    line_remark(l);
    if (n)
        line_put(l, STYLE_DIED, "  [%u died]", n);
}

/* A capability that is not in its slot any more; where that slot is told by the row above, or not. */
static void dead_line(const struct session *s, const struct row *r, struct line *l)
{
    const struct sample *before = s->change->before;
    if (r->depth > 0)
        line_put(l, STYLE_DIM, "%-6" PRIu64 " ", (uint64_t)before->state.slots[r->at].index);
    words_slot(l, before, r->at);
    line_put(l, STYLE_NORMAL, r->depth > 0 ? "  died" : "  was in ");
    if (r->depth == 0)
        words_place(l, before, r->at);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct capstate *c = &s->now->state;
    enum sign sign = SIGN_SAME;
    (void)v;
    if (r->kind == KIND_SLOT || r->kind == KIND_INTERNAL)
        sign = compare_slot(s->change, r->at);
    else if (r->kind == KIND_GONE)
        sign = SIGN_DIED;
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    switch ((enum row_kind)r->kind) {
    case KIND_THREAD:
        words_thread(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, "  ");
        words_domain(l, s, s->now, sample_thread_domain(s->now, r->at));
        died_below(s, capstate_thread_cspace(c, r->at), l);
        died_below(s, c->threads[r->at].object, l);
        break;
    case KIND_CNODE:
        root_line(s, r->at, l);
        died_below(s, capstate_thread_cspace(c, r->at), l);
        break;
    case KIND_SLOT:
        line_put(l, STYLE_DIM, "%-6" PRIu64 " ", (uint64_t)c->slots[r->at].index);
        words_slot(l, s->now, r->at);
        break;
    case KIND_INTERNAL:
        line_put(l, STYLE_DIM, "%-6s ", record_tcb_slot_name((uint32_t)c->slots[r->at].index));
        words_slot(l, s->now, r->at);
        break;
    case KIND_GONE:
        dead_line(s, r, l);
        break;
    case KIND_GAP:
        line_put(l, STYLE_DIM, "       %d empty", r->at);
        break;
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_THREAD:
        return sample_thread_ref(s->now, r->at);
    case KIND_CNODE:
        return sample_object_ref(s->now, capstate_thread_cspace(&s->now->state, r->at));
    case KIND_SLOT:
    case KIND_INTERNAL:
        return sample_slot_ref(s->now, r->at);
    case KIND_GONE:
        return sample_slot_ref(view_sample(s, r), r->at);
    default:
        return (struct ref){0};
    }
}

const struct view_ops view_spaces = {NULL, build, line, ref, NULL, NULL, NULL, 0};
