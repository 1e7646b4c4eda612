/* Who can reach a thing, and what it can reach.
 *
 * Of an object: first the domains that reach it, with all their threads that do; then hop by hop, each
 * hop with the capability that gives it.  These lists open step by step, so that one walks the
 * authority graph; what a row can reach again above itself is not opened twice.  Of a domain: the
 * threads that reach it, and the objects it reaches, in how many steps. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

#include "facts/reach.h"
#include "lib/plural.h"

#include <stdlib.h>

enum row_kind {
    KIND_TITLE = 1,
    KIND_FROM,
    KIND_TO,
    KIND_DOMAINS, /* that reach the thing */
    KIND_THREAD,  /* one of theirs; at: its object */
    KIND_OBJECT,  /* that a domain reaches */
};

enum side { SIDE_FROM, SIDE_TO, SIDES };

/* SEARCHED: edges; so many are gone through while a key waits. */
enum { DEEPEST = 8, MOST_ROWS = 20000, COMPARED = 200000, SEARCHED = 1000000, NAMED = 32 };

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

/* Whoever could revoke a capability reaches nothing by that: a preview tells what goes. */
static bool reaches(const struct authority_edge *e)
{
    return e->kind != AUTHORITY_DESTROY;
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
        if (reaches(&a->edges[e]) && !is_hop_in(w->s->now, before, &a->edges[e]))
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
        if (reaches(e))
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

/* --- all at once --- */

static int32_t domain_of(const struct session *s, const struct view *v)
{
    return v->focus.kind == REF_DOMAIN ? sample_domain_of(s->now, &v->focus) : -1;
}

static bool mark_focus(const struct session *s, const struct view *v, bool *mark)
{
    int32_t node = node_of(s->now, &v->focus), domain = domain_of(s, v);
    if (node >= 0)
        mark[node] = true;
    return node >= 0 || (domain >= 0 && authority_mark_domain(&s->now->authority, domain, mark));
}

static bool search(const struct session *s, const struct view *v, enum side side, struct reach *out)
{
    const struct authority *a = &s->now->authority;
    if (!s->now->have_authority || a->edge_count > SEARCHED)
        return false;
    bool *mark = calloc(a->node_count + 1, sizeof(*mark));
    bool found = mark && mark_focus(s, v, mark) &&
                 (side == SIDE_FROM ? reach_towards : reach_from)(a, mark, false, out) == ERR_OK;
    free(mark);
    return found;
}

/* Of what is shown; rows are painted from it. NULL: not known. */
static const struct reach *reach_of(const struct session *s, const struct view *v, enum side side)
{
    static struct {
        struct reach reach;
        uint64_t generation;
        const struct sample *sample;
        struct ref focus;
        bool tried, found;
    } known[SIDES]; /* the screen's thread only */
    bool same = known[side].tried && known[side].generation == s->generation &&
                known[side].sample == s->now && ref_equal(&known[side].focus, &v->focus);
    if (!same) {
        if (known[side].found)
            reach_free(&known[side].reach);
        known[side].found = search(s, v, side, &known[side].reach);
        known[side].tried = true;
        known[side].generation = s->generation;
        known[side].sample = s->now;
        known[side].focus = v->focus;
    }
    return known[side].found ? &known[side].reach : NULL;
}

/* The thread's object, where it reaches the thing; -1: it does not. */
static int32_t reaching(const struct session *s, const struct reach *r, uint32_t thread)
{
    int32_t node = s->now->state.threads[thread].object;
    return node >= 0 && r->steps[node] > 0 ? node : -1;
}

static void add_threads(const struct session *s, struct view *v, uint32_t depth, uint64_t parent)
{
    const struct reach *reach = reach_of(s, v, SIDE_FROM);
    for (uint32_t i = 0; reach && i < s->now->state.thread_count; i++)
        if (reaching(s, reach, i) >= 0)
            view_add(v, view_id(parent, KIND_THREAD, s->now->state.threads[i].rec.addr), depth,
                     KIND_THREAD, (int32_t)i, 0);
}

static void add_objects(const struct session *s, struct view *v, uint64_t parent)
{
    const struct reach *reach = reach_of(s, v, SIDE_TO);
    const struct authority *a = &s->now->authority;
    for (uint32_t i = 0; reach && i < a->node_count && v->count < MOST_ROWS; i++) {
        const struct capstate_object *o = &s->now->state.objects[i];
        if (reach->steps[i] > 0)
            view_add(v, view_id(parent, (uint32_t)o->type * 64 + (uint32_t)o->bits, o->addr), 1,
                     KIND_OBJECT, (int32_t)i, 0);
    }
}

static void add_domains(const struct session *s, struct view *v, uint64_t parent)
{
    uint64_t id = view_id(parent, KIND_DOMAINS, 0);
    const struct row *r = view_add(v, id, 1, KIND_DOMAINS, 0, ROW_CAN_FOLD);
    if (r && r->flags & ROW_OPEN)
        add_threads(s, v, 2, id);
}

static void add_side(const struct session *s, struct view *v, enum side side, uint64_t id)
{
    int32_t node = node_of(s->now, &v->focus);
    struct walk w = {.s = s, .v = v, .path = {node}, .towards = side == SIDE_FROM};
    if (side == SIDE_FROM && node >= 0)
        add_domains(s, v, id);
    if (node >= 0)
        add_hops(&w, node, 0, id);
    else if (side == SIDE_FROM)
        add_threads(s, v, 1, id);
    else
        add_objects(s, v, id);
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    bool any = node_of(s->now, &v->focus) >= 0 || domain_of(s, v) >= 0;
    for (int32_t side = 0; side < SIDES; side++) {
        uint64_t id = view_id(0, KIND_TITLE, (uint64_t)side);
        const struct row *r = view_add(v, id, 0, KIND_TITLE, side, any ? ROW_CAN_FOLD : 0);
        if (!r || !any)
            return VIEW_WHOLE;
        if (r->flags & ROW_OPEN)
            add_side(s, v, (enum side)side, id);
    }
    return VIEW_WHOLE;
}

/* --- lines --- */

/* ": c critical, d driver", each domain once, in the order of its first thread. */
static void domains_line(const struct session *s, const struct view *v, struct line *l)
{
    const struct reach *reach = reach_of(s, v, SIDE_FROM);
    int32_t named[NAMED];
    uint32_t n = 0, more = 0;
    if (!reach) {
        line_put(l, STYLE_DIM, ": too much authority to follow here, capdb who-can-reach does");
        return;
    }
    for (uint32_t i = 0; i < s->now->state.thread_count; i++) {
        int32_t domain = sample_thread_domain(s->now, (int32_t)i);
        uint32_t k = 0;
        if (reaching(s, reach, i) < 0)
            continue;
        while (k < n && named[k] != domain)
            k++;
        more += k == n && n == NAMED;
        if (k < n || n == NAMED)
            continue;
        line_put(l, STYLE_NORMAL, n ? ", " : ": ");
        words_domain(l, s, s->now, domain);
        named[n++] = domain;
    }
    if (more)
        line_put(l, STYLE_DIM, " and others");
    line_put(l, STYLE_DIM, "%s%s", n ? "" : ": none", reach->strict ? "" : "  (managers left out)");
}

static enum sign sign_of(const struct session *s, const struct row *r)
{
    const struct sample *before = compared(s);
    if (r->flags & ROW_DEAD)
        return SIGN_DIED;
    return before && !is_hop_in(before, s->now, &s->now->authority.edges[r->at]) ? SIGN_BORN
                                                                                 : SIGN_SAME;
}

static void title_line(const struct session *s, const struct view *v, enum side side,
                       struct line *l)
{
    int32_t node = node_of(s->now, &v->focus), domain = domain_of(s, v);
    if (node < 0 && domain < 0) {
        line_put(l, STYLE_DIM, "%s on any row asks who can reach it and what it can reach",
                 bindings_key("reach"));
        return;
    }
    line_put(l, STYLE_HEAD, side == SIDE_FROM ? "who can reach " : "what can be reached from ");
    if (node >= 0) {
        words_object(l, s->now, node);
        return;
    }
    line_put(l, STYLE_HEAD, "the threads of ");
    words_domain(l, s, s->now, domain);
    if (side == SIDE_FROM)
        domains_line(s, v, l);
    else if (!reach_of(s, v, side))
        line_put(l, STYLE_DIM, ": too much authority to follow here, capdb does");
}

static void last_step(const struct session *s, const struct authority_edge *e, struct line *l)
{
    words_object(l, s->now, e->from);
    line_put(l, STYLE_DIM, " %s ", authority_edge_sentence(e->kind));
    words_object(l, s->now, e->to);
    if (e->slot >= 0) {
        line_put(l, STYLE_DIM, "  by ");
        words_place(l, s->now, e->slot);
    }
}

/* A thread that reaches the thing, or an object that is reached. */
static void reach_line(const struct session *s, const struct view *v, const struct row *r,
                       struct line *l)
{
    bool thread = r->kind == KIND_THREAD;
    const struct reach *reach = reach_of(s, v, thread ? SIDE_FROM : SIDE_TO);
    int32_t node = thread ? s->now->state.threads[r->at].object : r->at;
    if (!reach || node < 0 || reach->edge[node] < 0)
        return;
    int32_t domain = thread ? sample_thread_domain(s->now, r->at) : s->now->authority.home[node];
    line_put(l, STYLE_NORMAL, " ");
    words_domain(l, s, s->now, domain);
    line_put(l, STYLE_NORMAL, "  ");
    words_object(l, s->now, node);
    line_put(l, STYLE_DIM, "  %d step%s  ", reach->steps[node],
             plural_s((uint64_t)reach->steps[node]));
    last_step(s, &s->now->authority.edges[reach->edge[node]], l);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    if (r->kind == KIND_TITLE) {
        title_line(s, v, (enum side)r->at, l);
        return;
    }
    if (r->kind == KIND_DOMAINS) {
        line_put(l, STYLE_NORMAL, " domains that reach it");
        domains_line(s, v, l);
        return;
    }
    if (r->kind == KIND_THREAD || r->kind == KIND_OBJECT) {
        reach_line(s, v, r, l);
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
    if (r->kind == KIND_TITLE || r->kind == KIND_DOMAINS)
        return v->focus;
    if (r->kind == KIND_THREAD)
        return sample_thread_ref(s->now, r->at);
    if (r->kind == KIND_OBJECT)
        return sample_object_ref(s->now, r->at);
    const struct sample *of = view_sample(s, r);
    const struct authority_edge *e = &of->authority.edges[r->at];
    return sample_object_ref(of, r->kind == KIND_FROM ? e->from : e->to);
}

/* A line may be cut: what it says is told whole. */
static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    struct ref to = ref(s, v, r);
    if (r->kind == KIND_THREAD || r->kind == KIND_OBJECT)
        reach_line(s, v, r, pane_line(p));
    if (to.kind != REF_NONE)
        pane_about(s, view_sample(s, r), &to, p);
}

const struct view_ops view_reach = {
    .build = build, .line = line, .ref = ref, .pane = about, .opens = 2};
