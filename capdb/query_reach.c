/* who-can-reach, what-can-it-reach: all that authority leads to, in one search from one end, with
 * how many steps and by what the last one is taken.  A path gains, step by step; its last edge may
 * be any, as in `path`. */
#include "capdb/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct reach {
    struct options *o;
    struct view *v;
    struct output *out;
    bool strict;
    int32_t *steps; /* by node, -1: not reached */
    int32_t *edge; /* by node: backwards, the last of the path; forwards, the one that reached it */
    int32_t *queue;
    uint32_t head, tail;
    uint32_t rows;
};

static void add(struct reach *r, int32_t node, int32_t steps, int32_t edge, bool goes_on)
{
    if (r->steps[node] >= 0)
        return;
    r->steps[node] = steps;
    r->edge[node] = edge;
    if (goes_on)
        r->queue[r->tail++] = node;
}

static bool counts(const struct reach *r, const struct authority_edge *e)
{
    return e->kind != AUTHORITY_DESTROY && authority_edge_counts(e, r->strict);
}

static void step_back(struct reach *r, int32_t node)
{
    const struct authority *a = &r->v->authority;
    uint32_t count;
    const uint32_t *edges = authority_edges_to(a, node, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[edges[i]];
        bool last = r->steps[node] == 0;
        if (counts(r, e) && (last || authority_edge_gains(e->kind)))
            add(r, e->from, r->steps[node] + 1, last ? (int32_t)edges[i] : r->edge[node], true);
    }
}

/* A gaining edge reaches on; another ends there. Gaining ones come first, so that what both reach
 * is gone through. */
static void step_on(struct reach *r, int32_t node, bool gains)
{
    const struct authority *a = &r->v->authority;
    for (uint32_t i = a->first_edge[node]; i < a->first_edge[node + 1]; i++) {
        const struct authority_edge *e = &a->edges[i];
        if (counts(r, e) && authority_edge_gains(e->kind) == gains)
            add(r, e->to, r->steps[node] + 1, (int32_t)i, gains);
    }
}

static void *new_array(uint32_t count)
{
    size_t size = (count + 1) * sizeof(int32_t);
    void *array = output_alloc(NULL, size);
    memset(array, 0xff, size);
    return array;
}

static void begin(struct reach *r, const struct thing *t)
{
    uint32_t nodes = r->v->authority.node_count;
    bool *mark = output_alloc(NULL, nodes + 1);
    memset(mark, 0, nodes + 1);
    thing_mark(r->v, t, mark);
    r->strict = r->o->strict || authority_asks_about_manager(&r->v->authority, mark);
    r->steps = new_array(nodes);
    r->edge = new_array(nodes);
    r->queue = new_array(nodes);
    for (uint32_t i = 0; i < nodes; i++)
        if (mark[i])
            add(r, (int32_t)i, 0, -1, true);
    free(mark);
}

static void put_row(struct reach *r, int32_t node, int32_t home)
{
    char text[TEXT_BYTES];
    const struct authority *a = &r->v->authority;
    output_text(r->out, domain_name(r->v, home));
    output_text(r->out, capstate_object_text(&r->v->state, node, text, sizeof(text)));
    output_int(r->out, r->steps[node]);
    output_text(r->out, authority_edge_name(a->edges[r->edge[node]].kind));
    output_text(r->out, authority_edge_text(a, r->edge[node], text, sizeof(text)));
    output_row(r->out);
    r->rows++;
}

static void threads_that_reach(struct reach *r)
{
    for (; r->head < r->tail; r->head++)
        step_back(r, r->queue[r->head]);
    for (uint32_t i = 0; i < r->v->state.thread_count; i++) {
        int32_t node = r->v->state.threads[i].object;
        if (node >= 0 && r->steps[node] > 0)
            put_row(r, node, r->v->authority.thread_domain[i]);
    }
}

static void objects_reached(struct reach *r)
{
    uint32_t nodes = r->v->authority.node_count;
    for (; r->head < r->tail; r->head++)
        step_on(r, r->queue[r->head], true);
    for (uint32_t i = 0; i < r->tail; i++)
        step_on(r, r->queue[i], false);
    for (uint32_t i = 0; i < nodes; i++)
        if (r->steps[i] > 0)
            put_row(r, (int32_t)i, r->v->authority.home[i]);
}

static enum status reach(struct options *o, void (*search)(struct reach *))
{
    static const char *const columns[] = {"domain", "object", "#steps", "by", "last step", NULL};
    struct view v;
    struct thing thing;
    struct reach r = {.o = o, .v = &v};
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = STATUS_UNKNOWN;
    if (thing_find(o, &v, o->operand[0], &thing)) {
        begin(&r, &thing);
        r.out = output_begin(stdout, output_default, columns);
        search(&r);
        dbview_doubt(o, &v);
        s = r.rows ? STATUS_YES : STATUS_NO;
        if (!output_end(r.out))
            s = command_complain(o->run, "output could not be written");
        free(r.steps);
        free(r.edge);
        free(r.queue);
    }
    dbview_close(&v);
    return s;
}

enum status command_who_can_reach(struct options *o)
{
    return reach(o, threads_that_reach);
}

enum status command_what_can_it_reach(struct options *o)
{
    return reach(o, objects_reached);
}
