/* Could a subject ever have a right over an object?
 *
 * Islands answer: whatever is held in an island can get to everybody in it, and nothing gets out.
 * So the answer is yes exactly if a capability that gives the right is held in one of the subject's
 * islands; the witness is the shortest way there.  A no is explained by the border of those
 * islands: who holds the right instead, and where the two meet without anything passing. */
#include "authority/conveys.h"
#include "authority/graph.h"

#include <stdlib.h>
#include <string.h>

enum { CUT_KINDS = 4, CUTS_EACH = 24 }; /* an explanation is read by people */

struct question {
    const struct authority *a;
    enum authority_right right;
    const bool *object;
    bool strict;
    bool *mine; /* by island: the subject's */
    bool *goal; /* by node: where the right is held in those islands */
};

/* Rights over memory come with control of what lies there, and with untyped memory above it. */
bool authority_edge_gives(const struct authority *a, const struct authority_edge *e,
                          enum authority_right right)
{
    bool control = authority_edge_reaches(e->kind);
    switch (right) {
    case AUTHORITY_RIGHT_READ:
        return e->kind == AUTHORITY_READ || control;
    case AUTHORITY_RIGHT_WRITE:
        return e->kind == AUTHORITY_WRITE || control;
    case AUTHORITY_RIGHT_GRANT:
        return e->kind == AUTHORITY_COVER ||
               (e->kind == AUTHORITY_WRITE && e->slot >= 0 &&
                (a->state->slots[e->slot].rec.rights & RECORD_RIGHT_GRANT));
    case AUTHORITY_RIGHT_CONTROL:
        return control;
    }
    return false;
}

static int32_t island_of(const struct question *q, int32_t node)
{
    return authority_island(q->a, node, q->strict);
}

static bool in_mine(const struct question *q, int32_t node)
{
    int32_t island = island_of(q, node);
    return island >= 0 && q->mine[island];
}

static bool edge_answers(const struct question *q, const struct authority_edge *e)
{
    return q->object[e->to] && authority_edge_gives(q->a, e, q->right);
}

/* Control of what acts or holds is the island itself, whoever holds a capability to it. */
static bool node_answers(const struct question *q, int32_t node)
{
    return q->right == AUTHORITY_RIGHT_CONTROL && q->object[node] &&
           authority_type_is_entity(q->a->state->objects[node].type);
}

static bool mark_goals(const struct question *q)
{
    bool any = false;
    for (uint32_t i = 0; i < q->a->edge_count; i++) {
        const struct authority_edge *e = &q->a->edges[i];
        if (authority_edge_counts(e, q->strict) && edge_answers(q, e) && in_mine(q, e->from))
            any = q->goal[e->from] = true;
    }
    for (uint32_t n = 0; n < q->a->node_count; n++)
        if (node_answers(q, (int32_t)n) && in_mine(q, (int32_t)n))
            any = q->goal[n] = true;
    return any;
}

/* --- yes --- */

static int32_t path_end(const struct question *q, const bool *subject,
                        const struct authority_answer *answer)
{
    if (answer->step_count > 0) {
        const struct authority_step *last = &answer->steps[answer->step_count - 1];
        return last->backwards ? q->a->edges[last->edge].from : q->a->edges[last->edge].to;
    }
    for (uint32_t n = 0; n < q->a->node_count; n++)
        if (subject[n] && q->goal[n])
            return (int32_t)n;
    return -1;
}

static int32_t giving_edge(const struct question *q, int32_t holder)
{
    for (uint32_t i = q->a->first_edge[holder]; i < q->a->first_edge[holder + 1]; i++)
        if (authority_edge_counts(&q->a->edges[i], q->strict) && edge_answers(q, &q->a->edges[i]))
            return (int32_t)i;
    return -1;
}

static enum error explain_yes(const struct question *q, const bool *subject,
                              struct authority_answer *out)
{
    enum error e = authority_path(q->a, subject, q->goal, AUTHORITY_PATH_ISLAND, q->strict,
                                  &out->steps, &out->step_count);
    if (e != ERR_OK)
        return e;
    out->yes = true;
    out->giving = giving_edge(q, path_end(q, subject, out));
    return ERR_OK;
}

/* --- no --- */

static bool cut_add(struct authority_answer *out, enum authority_cut_kind kind, int32_t edge,
                    int32_t inner)
{
    uint32_t same = 0;
    if (!out->cut)
        out->cut = calloc(CUT_KINDS * CUTS_EACH, sizeof(*out->cut));
    if (!out->cut)
        return false;
    for (uint32_t i = 0; i < out->cut_count; i++)
        same += out->cut[i].kind == kind;
    if (same < CUTS_EACH)
        out->cut[out->cut_count++] = (struct authority_cut){kind, edge, inner};
    return true;
}

/* Who holds the right instead. */
static bool cut_holders(const struct question *q, struct authority_answer *out)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < q->a->edge_count; i++) {
        const struct authority_edge *e = &q->a->edges[i];
        if (edge_answers(q, e))
            ok = cut_add(out,
                         authority_edge_counts(e, q->strict) ? AUTHORITY_CUT_HELD
                                                             : AUTHORITY_CUT_MANAGER,
                         (int32_t)i, -1);
    }
    return ok;
}

static bool is_flow(const struct authority_edge *e)
{
    return e->kind == AUTHORITY_READ || e->kind == AUTHORITY_WRITE || e->kind == AUTHORITY_HOLD;
}

/* Where the islands meet others at one object: one pair of edges an object. */
static bool cut_at_object(const struct question *q, int32_t node, struct authority_answer *out)
{
    int32_t inner = -1;
    int32_t outer = -1;
    uint32_t count;
    const uint32_t *edges = authority_edges_to(q->a, node, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &q->a->edges[edges[i]];
        if (!authority_edge_counts(e, q->strict) || !is_flow(e))
            continue;
        int32_t *which = in_mine(q, e->from) ? &inner : &outer;
        *which = *which < 0 ? (int32_t)edges[i] : *which;
    }
    return inner < 0 || outer < 0 || cut_add(out, AUTHORITY_CUT_BORDER, outer, inner);
}

/* Capabilities of managers to what is inside: what the strict reading would count. */
static bool cut_left_out(const struct question *q, struct authority_answer *out)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < q->a->edge_count; i++) {
        const struct authority_edge *e = &q->a->edges[i];
        if (authority_edge_reaches(e->kind) && !authority_edge_counts(e, q->strict) &&
            in_mine(q, e->to))
            ok = cut_add(out, AUTHORITY_CUT_LEFT_OUT, (int32_t)i, -1);
    }
    return ok;
}

static enum error explain_no(const struct question *q, struct authority_answer *out)
{
    bool ok = cut_holders(q, out);
    for (uint32_t n = 0; ok && n < q->a->node_count; n++)
        ok = cut_at_object(q, (int32_t)n, out);
    if (ok)
        ok = cut_left_out(q, out);
    return ok ? ERR_OK : ERR_NO_MEMORY;
}

/* --- */

static enum error answer(struct question *q, const bool *subject, struct authority_answer *out)
{
    for (uint32_t n = 0; n < q->a->node_count; n++)
        if (subject[n] && island_of(q, (int32_t)n) >= 0)
            q->mine[island_of(q, (int32_t)n)] = true;
    return mark_goals(q) ? explain_yes(q, subject, out) : explain_no(q, out);
}

enum error authority_can(const struct authority *a, const bool *subject, enum authority_right right,
                         const bool *object, bool strict, struct authority_answer *out)
{
    struct question q = {.a = a, .right = right, .object = object, .strict = strict};
    enum error e = ERR_NO_MEMORY;
    q.strict |= authority_asks_about_manager(a, subject);
    q.mine = calloc(a->node_count + 1, sizeof(*q.mine));
    q.goal = calloc(a->node_count + 1, sizeof(*q.goal));
    *out = (struct authority_answer){.strict = q.strict, .giving = -1};
    if (q.mine && q.goal)
        e = answer(&q, subject, out);
    free(q.mine);
    free(q.goal);
    if (e != ERR_OK)
        authority_answer_free(out);
    return e;
}

void authority_answer_free(struct authority_answer *answer)
{
    free(answer->steps);
    free(answer->cut);
    *answer = (struct authority_answer){.giving = -1};
}
