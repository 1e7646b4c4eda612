/* Who can reach a thing, and what it can reach: hop by hop, each hop with the capability that gives
 * it.  Both lists open step by step, so that one walks the authority graph; what a row can reach
 * again above itself is not opened twice. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

enum row_kind { KIND_TITLE = 1, KIND_FROM, KIND_TO };

enum { DEEPEST = 8, MOST_ROWS = 20000, COMPARED = 200000 };

struct walk {
    const struct session *s;
    struct view *v;
    int32_t path[DEEPEST + 1];
    bool towards; /* against the edges: who can reach */
};

static bool on_path(const struct walk *w, int32_t node, uint32_t depth)
{
    for (uint32_t i = 0; i <= depth; i++)
        if (w->path[i] == node)
            return true;
    return false;
}

/* --- what it is compared with --- */

static const struct sample *compared(const struct session *s)
{
    const struct sample *before = s->change && !s->change->failed ? s->change->before : NULL;
    bool both = before && before->have_authority && s->now->have_authority;
    return both && before->authority.edge_count <= COMPARED ? before : NULL;
}

static int32_t node_in(const struct sample *in, const struct sample *of, int32_t node)
{
    const struct capstate_object *o = &of->state.objects[node];
    const struct ref r = ref_object(o->addr, o->type, o->bits);
    return sample_object_of(in, &r);
}

static uint64_t slot_address(const struct sample *of, const struct authority_edge *e)
{
    return e->slot < 0 ? 0 : of->state.slots[e->slot].rec.addr;
}

/* Is this hop of `of` one of `in`, too: of the same kind, by a capability in the same slot? */
static bool is_hop_in(const struct sample *in, const struct sample *of,
                      const struct authority_edge *e)
{
    int32_t from = node_in(in, of, e->from), to = node_in(in, of, e->to);
    const struct authority *a = &in->authority;
    if (from < 0 || to < 0)
        return false;
    for (uint32_t i = a->first_edge[from]; i < a->first_edge[from + 1]; i++)
        if (a->edges[i].to == to && a->edges[i].kind == e->kind &&
            slot_address(in, &a->edges[i]) == slot_address(of, e))
            return true;
    return false;
}

/* --- rows --- */

static void add_hops(struct walk *w, int32_t node, uint32_t depth, uint64_t parent);

static uint64_t id_of(const struct walk *w, const struct sample *of, int32_t edge, uint64_t parent)
{
    const struct authority_edge *e = &of->authority.edges[edge];
    const struct capstate_object *o = &of->state.objects[w->towards ? e->from : e->to];
    uint8_t kind = w->towards ? KIND_FROM : KIND_TO;
    return view_id(parent ^ (uint64_t)e->kind, kind + 8u, o->addr * 64 + o->bits);
}

static void add_hop(struct walk *w, int32_t edge, int32_t node, uint32_t depth, uint64_t parent)
{
    uint8_t kind = w->towards ? KIND_FROM : KIND_TO;
    uint64_t id = id_of(w, w->s->now, edge, parent);
    bool more = depth + 1 < DEEPEST && !on_path(w, node, depth);
    const struct row *r = view_add(w->v, id, depth + 1, kind, edge, more ? ROW_CAN_FOLD : 0);
    if (!r || !(r->flags & ROW_OPEN))
        return;
    w->path[depth + 1] = node;
    add_hops(w, node, depth + 1, id);
}

/* The edges of a node in the direction that one walks: some in a row, or some named one by one. */
struct hops {
    uint32_t first, count;
    const uint32_t *named; /* NULL: in a row */
};

static struct hops hops_of(const struct walk *w, const struct authority *a, int32_t node)
{
    struct hops h = {.first = a->first_edge[node]};
    h.count = a->first_edge[node + 1] - h.first;
    if (w->towards)
        h.named = authority_edges_to(a, node, &h.count);
    return h;
}

static int32_t hop(const struct hops *h, uint32_t i)
{
    return (int32_t)(h->named ? h->named[i] : h->first + i);
}

/* Hops of this node that are no more. */
static void add_dead_hops(struct walk *w, int32_t node, uint32_t depth, uint64_t parent)
{
    const struct sample *before = w->s->comparing ? compared(w->s) : NULL;
    int32_t was = before ? node_in(before, w->s->now, node) : -1;
    if (was < 0)
        return;
    const struct authority *a = &before->authority;
    struct hops h = hops_of(w, a, was);
    for (uint32_t i = 0; i < h.count && w->v->count < MOST_ROWS; i++) {
        int32_t e = hop(&h, i);
        if (!is_hop_in(w->s->now, before, &a->edges[e]))
            view_add(w->v, id_of(w, before, e, parent), depth + 1, w->towards ? KIND_FROM : KIND_TO,
                     e, ROW_DEAD);
    }
}

static void add_hops(struct walk *w, int32_t node, uint32_t depth, uint64_t parent)
{
    const struct authority *a = &w->s->now->authority;
    struct hops h = hops_of(w, a, node);
    for (uint32_t i = 0; i < h.count && w->v->count < MOST_ROWS; i++) {
        const struct authority_edge *e = &a->edges[hop(&h, i)];
        add_hop(w, hop(&h, i), w->towards ? e->from : e->to, depth, parent);
    }
    add_dead_hops(w, node, depth, parent);
}

/* The node a reference stands for; an address: the object it lies in. */
static int32_t node_of(const struct sample *of, const struct ref *r)
{
    int32_t at;
    switch (r->kind) {
    case REF_OBJECT:
        return sample_object_of(of, r);
    case REF_THREAD:
        at = sample_thread_at(of, r->addr);
        return at < 0 ? -1 : of->state.threads[at].object;
    case REF_SLOT:
        at = sample_slot_at(of, r->addr);
        return at < 0 ? -1 : of->state.slots[at].object;
    case REF_ADDRESS:
        return sample_object_there(of, r);
    case REF_SPACE:
        return sample_object_holding(of, r->addr);
    default:
        return -1;
    }
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    int32_t node = node_of(s->now, &v->focus);
    for (int32_t side = 0; side < 2; side++) {
        uint64_t id = view_id(0, KIND_TITLE, (uint64_t)side);
        const struct row *r = view_add(v, id, 0, KIND_TITLE, side, node >= 0 ? ROW_CAN_FOLD : 0);
        if (!r || node < 0)
            return VIEW_WHOLE;
        if (r->flags & ROW_OPEN) {
            struct walk w = {.s = s, .v = v, .path = {node}, .towards = side == 0};
            add_hops(&w, node, 0, id);
        }
    }
    return VIEW_WHOLE;
}

static enum sign sign_of(const struct session *s, const struct row *r)
{
    const struct sample *before = compared(s);
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    return before && !is_hop_in(before, s->now, &s->now->authority.edges[r->at]) ? SIGN_BORN
                                                                                 : SIGN_SAME;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    if (r->kind == KIND_TITLE) {
        int32_t node = node_of(s->now, &v->focus);
        if (node < 0) {
            line_put(l, STYLE_DIM, "%s on any row asks who can reach it and what it can reach",
                     bindings_key("reach"));
            return;
        }
        line_put(l, STYLE_HEAD, r->at == 0 ? "who can reach " : "what can be reached from ");
        words_object(l, s->now, node);
        return;
    }
    const struct sample *of = view_sample(s, r);
    const struct authority_edge *e = &of->authority.edges[r->at];
    enum sign sign = sign_of(s, r);
    bool from = r->kind == KIND_FROM;
    line_put(l, words_sign(sign), "%c", sign_char(sign));
    words_object(l, of, from ? e->from : e->to);
    line_put(l, STYLE_DIM, from ? " %s it" : " (%s)",
             from ? authority_edge_sentence(e->kind) : authority_edge_name(e->kind));
    if (e->slot >= 0) {
        line_put(l, STYLE_DIM, "  by ");
        words_place(l, of, e->slot);
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    if (r->kind == KIND_TITLE)
        return v->focus;
    const struct sample *of = view_sample(s, r);
    const struct authority_edge *e = &of->authority.edges[r->at];
    return sample_object_ref(of, r->kind == KIND_FROM ? e->from : e->to);
}

const struct view_ops view_reach = {.build = build, .line = line, .ref = ref, .opens = 2};
