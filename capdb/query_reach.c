/* who-can-reach, what-can-it-reach: all that authority leads to, with how many steps and by what the last
 * one is taken (facts/reach.h). */
#include "capdb/command.h"

#include "facts/reach.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct question {
    struct view *v;
    struct output *out;
    struct reach reach;
    uint32_t rows;
};

typedef enum error (*reach_search)(const struct authority *a, const bool *mark, bool strict,
                                   struct reach *out);
typedef void (*reach_rows)(struct question *q);

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

static enum error search_from(struct question *q, const struct options *o, const struct thing *t,
                              reach_search search)
{
    uint32_t nodes = q->v->authority.node_count;
    bool *mark = output_alloc(NULL, nodes + 1);
    memset(mark, 0, nodes + 1);
    thing_mark(q->v, t, mark);
    enum error e = search(&q->v->authority, mark, o->strict, &q->reach);
    free(mark);
    return e;
}

static enum status answer(struct options *o, struct question *q, const char *whose, reach_rows rows)
{
    const char *const columns[] = {whose, "object", "#steps", "by", "last step", NULL};
    q->out = output_begin(stdout, output_default, columns);
    rows(q);
    dbview_doubt(o, q->v);
    reach_free(&q->reach);
    if (!output_end(q->out))
        return command_complain(o->run, "output could not be written");
    return q->rows ? STATUS_YES : STATUS_NO;
}

static enum status ask(struct options *o, reach_search search, const char *whose, reach_rows rows)
{
    struct view v;
    struct thing thing;
    struct question q = {.v = &v};
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = STATUS_UNKNOWN;
    if (thing_find(o, &v, o->operand[0], &thing))
        s = search_from(&q, o, &thing, search) == ERR_OK
                ? answer(o, &q, whose, rows)
                : command_complain(o->run, "%s", error_sentence(ERR_NO_MEMORY));
    dbview_close(&v);
    return s;
}

enum status command_who_can_reach(struct options *o)
{
    return ask(o, reach_towards, "domain", threads_that_reach);
}

enum status command_what_can_it_reach(struct options *o)
{
    return ask(o, reach_from, "owner", objects_reached);
}
