/* Of the events of a recording those around the moment that is shown: of one run of the machine, as many as
 * are kept of a running one. */
#include "inspector-tui/source_private.h"

#include <stdlib.h>

/* Events from behind the one of this number on. */
struct newer {
    struct source *s;
    uint64_t after;
    bool reached;
};

static void take_newer(void *ctx, const struct record *r)
{
    struct newer *n = ctx;
    if (n->reached && r->kind == RECORD_EVENT)
        source_put_event(n->s, &r->event);
    else if (n->reached)
        source_lose_events(n->s, r->gap.count);
    n->reached = n->reached || (r->kind == RECORD_EVENT && r->event.seq == n->after);
}

/* Where recorders follow one another on a kernel that numbers no events, theirs begin anew within a run. */
static void take_event(void *ctx, const struct record *r)
{
    struct events_kept *k = ctx;
    bool anew = r->kind == RECORD_EVENT && k->count && r->event.seq <= k->events[k->count - 1].seq;
    if (anew)
        k->count = 0;
    if (r->kind != RECORD_EVENT)
        k->lost += r->gap.count;
    else if (k->count < EVENTS_KEPT)
        k->events[k->count++] = r->event;
}

/* In place of those that are kept: those around the last one that snapshot n shows. */
static void take_window(struct source *s, uint32_t n)
{
    uint32_t runs = source_runs_by(s, n);
    struct capdb_event_window w = {.row = runs ? s->runs[runs - 1].row : 1,
                                   .next = runs < s->run_count ? s->runs[runs].row : INT64_MAX,
                                   .n = n};
    struct events_kept k = {.run = s->points[n - 1].moment.run};
    k.events = malloc(EVENTS_KEPT * sizeof(*k.events));
    if (!k.events)
        return;
    capdb_get_events_around(s->db, &w, EVENTS_KEPT, take_event, &k);
    k.earlier = w.earlier;
    k.later = w.later;
    source_replace_events(s, &k);
}

/* Are those around event `seq` of snapshot n there, with some on both sides to walk to? */
static bool has_around(struct source *s, uint32_t n, uint64_t seq)
{
    enum { MARGIN = EVENTS_KEPT / 8 };
    uint64_t first, last, lost;
    struct event_window w = source_event_window(s);
    if (!w.replaced || w.run != s->points[n - 1].moment.run)
        return false;
    if (!source_event_range(s, &first, &last, &lost))
        return true; /* this run has none */
    return (!w.earlier || seq >= first + MARGIN) && (!w.later || seq + MARGIN <= last);
}

void source_events_around(struct source *s, uint32_t n, uint64_t seq)
{
    if (!has_around(s, n, seq))
        take_window(s, n);
}

void source_take_events(struct source *s)
{
    struct newer n = {.s = s};
    uint64_t first, lost;
    struct event_window w = source_event_window(s);
    if (!w.replaced || w.later || w.run != s->points[s->point_count - 1].moment.run)
        return;
    if (source_event_range(s, &first, &n.after, &lost))
        capdb_get_events(s->db, EVENTS_KEPT, take_newer, &n);
    if (!n.reached) /* this run had none, or all that are kept are newer */
        take_window(s, s->point_count);
}
