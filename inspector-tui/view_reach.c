/* Who can reach a thing, and what it can reach: hop by hop, each hop with the capability that gives
 * it.  Both lists open step by step, so that one walks the authority graph; what a row can reach
 * again above itself is not opened twice. */
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

enum row_kind { KIND_TITLE = 1, KIND_FROM, KIND_TO };

enum { DEEPEST = 8, MOST_ROWS = 20000 };

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

static void add_hops(struct walk *w, int32_t node, uint32_t depth, uint64_t parent);

static void add_hop(struct walk *w, int32_t edge, int32_t node, uint32_t depth, uint64_t parent)
{
    uint8_t kind = w->towards ? KIND_FROM : KIND_TO;
    const struct capstate_object *o = &w->s->now->state.objects[node];
    uint64_t id = view_id(parent ^ (uint64_t)w->s->now->authority.edges[edge].kind, kind + 8u,
                          o->addr * 64 + o->bits);
    bool more = depth + 1 < DEEPEST && !on_path(w, node, depth);
    const struct row *r = view_add(w->v, id, depth + 1, kind, edge, more ? ROW_CAN_FOLD : 0);
    if (!r || !(r->flags & ROW_OPEN) || (w->v->open_by_default && depth >= 1))
        return;
    w->path[depth + 1] = node;
    add_hops(w, node, depth + 1, id);
}

static void add_hops(struct walk *w, int32_t node, uint32_t depth, uint64_t parent)
{
    const struct authority *a = &w->s->now->authority;
    if (!w->towards) {
        for (uint32_t e = a->first_edge[node]; e < a->first_edge[node + 1]; e++)
            if (w->v->count < MOST_ROWS)
                add_hop(w, (int32_t)e, a->edges[e].to, depth, parent);
        return;
    }
    for (uint32_t e = 0; e < a->edge_count; e++)
        if (a->edges[e].to == node && w->v->count < MOST_ROWS)
            add_hop(w, (int32_t)e, a->edges[e].from, depth, parent);
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

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const struct authority *a = &s->now->authority;
    if (r->kind == KIND_TITLE) {
        int32_t node = node_of(s->now, &v->focus);
        if (node < 0) {
            line_put(l, STYLE_DIM, "X on any row asks who can reach it and what it can reach");
            return;
        }
        line_put(l, STYLE_HEAD, r->at == 0 ? "who can reach " : "what can be reached from ");
        words_object(l, s->now, node);
        return;
    }
    const struct authority_edge *e = &a->edges[r->at];
    bool from = r->kind == KIND_FROM;
    words_object(l, s->now, from ? e->from : e->to);
    line_put(l, STYLE_DIM, from ? " %s it" : " (%s)",
             from ? authority_edge_sentence(e->kind) : authority_edge_name(e->kind));
    if (e->slot >= 0) {
        line_put(l, STYLE_DIM, "  by ");
        words_place(l, s->now, e->slot);
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    if (r->kind == KIND_TITLE)
        return v->focus;
    const struct authority_edge *e = &s->now->authority.edges[r->at];
    return sample_object_ref(s->now, r->kind == KIND_FROM ? e->from : e->to);
}

const struct view_ops view_reach = {NULL, build, line, ref, NULL, NULL, NULL};
