/* who-can-reach, what-can-it-reach: all that authority leads to, with how many steps and by what the last
 * one is taken (facts/reach.h). */
#include "capdb/frames.h"
#include "facts/reach.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct question {
    struct view *v;
    struct output *out;
    struct thing thing;
    struct reach reach;
    uint32_t rows;
};

/* One of the two questions. */
struct direction {
    enum error (*search)(const struct authority *a, const bool *mark, bool strict,
                         struct reach *out);
    const char *whose;
    void (*put_rows)(struct question *q);
    bool to_frames; /* those that are reached are told */
};

/* whose: the domain of a thread, or the owner of an object. */
static void put_row(struct question *q, int32_t node, const char *whose)
{
    char text[TEXT_BYTES];
    const struct authority *a = &q->v->authority;
    int32_t edge = q->reach.edge[node];
    output_text(q->out, whose);
    output_text(q->out, capstate_object_text(&q->v->state, node, text, sizeof(text)));
    output_int(q->out, q->reach.steps[node]);
    output_text(q->out, authority_edge_name(a->edges[edge].kind));
    output_text(q->out, authority_edge_text(a, edge, text, sizeof(text)));
    output_row(q->out);
    q->rows++;
}

static void threads_that_reach(struct question *q)
{
    for (uint32_t i = 0; i < q->v->state.thread_count; i++) {
        int32_t node = q->v->state.threads[i].object;
        if (node >= 0 && q->reach.steps[node] > 0)
            put_row(q, node, domain_name(q->v, q->v->authority.thread_domain[i]));
    }
}

static void objects_reached(struct question *q)
{
    struct authority_owner w;
    for (uint32_t i = 0; i < q->v->authority.node_count; i++) {
        if (q->reach.steps[i] <= 0)
            continue;
        authority_owner_of_object(&q->v->authority, (int32_t)i, &w);
        put_row(q, (int32_t)i, owner_name(q->v, &w));
    }
}

static bool *new_marks(const struct question *q)
{
    uint32_t nodes = q->v->authority.node_count;
    bool *mark = output_alloc(NULL, nodes + (size_t)1);
    memset(mark, 0, nodes + (size_t)1);
    thing_mark(q->v, &q->thing, mark);
    return mark;
}

/* The thing is found once more where objects have other numbers now. */
static enum status load_reached(struct question *q, struct options *o)
{
    bool again;
    bool *mark = new_marks(q);
    enum status s = frames_reached(o, q->v, mark, &again);
    free(mark);
    if (s == STATUS_YES && again && !thing_find(o, q->v, o->operand[0], &q->thing))
        s = STATUS_UNKNOWN;
    return s;
}

static enum status search(struct question *q, struct options *o, const struct direction *d)
{
    bool *mark = new_marks(q);
    enum error e = d->search(&q->v->authority, mark, o->strict, &q->reach);
    free(mark);
    return e == ERR_OK ? STATUS_YES : command_complain(o->run, "%s", error_sentence(ERR_NO_MEMORY));
}

static enum status answer(struct options *o, struct question *q, const struct direction *d)
{
    const char *const columns[] = {d->whose, "object", "#steps", "by", "last step", NULL};
    q->out = output_begin(stdout, output_default, columns);
    d->put_rows(q);
    dbview_doubt(o, q->v);
    reach_free(&q->reach);
    if (!output_end(q->out))
        return command_unwritten(o);
    return q->rows ? STATUS_YES : STATUS_NO;
}

static enum status ask(struct options *o, const struct direction *d)
{
    struct view v;
    struct question q = {.v = &v};
    const char *const names[] = {o->operand[0], NULL};
    if (dbview_open_edges(o, &v, names) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = thing_find(o, &v, o->operand[0], &q.thing) ? STATUS_YES : STATUS_UNKNOWN;
    if (s == STATUS_YES && d->to_frames)
        s = load_reached(&q, o);
    if (s == STATUS_YES)
        s = search(&q, o, d);
    if (s == STATUS_YES)
        s = answer(o, &q, d);
    dbview_close(&v);
    return s;
}

enum status command_who_can_reach(struct options *o)
{
    return ask(o, &(struct direction){reach_towards, "domain", threads_that_reach, false});
}

enum status command_what_can_it_reach(struct options *o)
{
    return ask(o, &(struct direction){reach_from, "owner", objects_reached, true});
}
