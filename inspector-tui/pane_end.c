/* What became of a thing that is gone: when it went, by whom, and in which revocation, as far as the
 * events kept tell. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"

#include "record/names.h"

#include <inttypes.h>

enum { TURN = 256, LOOKED_THROUGH = 64 * 1024 };

static bool ends(const struct record_event *e, const struct ref *r)
{
    switch (r->kind) {
    case REF_SLOT:
        return (e->kind == RECORD_EVENT_DELETE && e->slot == r->addr) ||
               (e->kind == RECORD_EVENT_MOVE && e->src == r->addr);
    case REF_THREAD:
    case REF_OBJECT:
        return e->kind == RECORD_EVENT_DESTROY && e->object == r->addr;
    default:
        return false;
    }
}

/* The first one from event `from` on that ended it; looks at TURN numbers. */
static bool first_in(const struct session *s, uint64_t from, uint64_t upto, const struct ref *r,
                     struct record_event *found)
{
    static struct record_event e[TURN]; /* the screen's thread only */
    uint32_t n = source_events(s->source, from, e, TURN);
    for (uint32_t i = 0; i < n && e[i].seq < from + TURN && e[i].seq <= upto; i++)
        if (ends(&e[i], r)) {
            *found = e[i];
            return true;
        }
    return false;
}

/* What came later at the same place had an end of its own: it counts only which was the first behind
 * `since`, from where all events must be kept. */
static bool find_end(const struct session *s, const struct ref *r, uint64_t since,
                     struct record_event *found)
{
    uint64_t first, last, lost, upto = session_event(s);
    if (!source_event_range(s->source, &first, &last, &lost) || since + 1 < first)
        return false;
    upto = upto < last ? upto : last;
    for (uint64_t from = since + 1; from <= upto && from - since <= LOOKED_THROUGH; from += TURN)
        if (first_in(s, from, upto, r, found))
            return true;
    return false;
}

static void revocation_of(const struct session *s, const struct record_event *e, struct line *l)
{
    const struct revocation *k = revocations_at(&s->revocations, e->seq);
    char hex[24];
    if (!k || k->thread != e->thread || (k->ended && k->last < e->seq))
        return;
    line_put(l, STYLE_NORMAL, ", in the revocation ");
    line_link(l, STYLE_LINK, ref_to(REF_EVENT, k->first), "#%" PRIu64, k->first);
    line_put(l, STYLE_NORMAL, " of slot 0x%s", sample_hex(s->now, k->root, hex));
}

static void moved_to(const struct session *s, const struct record_event *e, struct line *l)
{
    char hex[24];
    line_put(l, STYLE_NORMAL, " to ");
    line_link(l, STYLE_LINK, ref_to(REF_SLOT, e->slot), "slot 0x%s",
              sample_hex(s->now, e->slot, hex));
}

void pane_end(const struct session *s, const struct ref *r, uint64_t since, struct pane *p)
{
    struct record_event e;
    char hex[24];
    if (!find_end(s, r, since, &e))
        return;
    struct line *l = pane_line(p);
    int32_t thread = sample_thread_at(s->now, e.thread);
    line_put(l, STYLE_DIED, "%s", e.kind == RECORD_EVENT_MOVE ? "moved" : "ended");
    if (e.kind == RECORD_EVENT_MOVE)
        moved_to(s, &e, l);
    line_put(l, STYLE_NORMAL, " by ");
    if (thread >= 0)
        words_thread(l, s->now, thread);
    else
        line_put(l, STYLE_NORMAL, "tcb 0x%s", sample_hex(s->now, e.thread, hex));
    line_put(l, STYLE_NORMAL, " at event ");
    line_link(l, STYLE_LINK, ref_to(REF_EVENT, e.seq), "#%" PRIu64, e.seq);
    revocation_of(s, &e, l);
}
