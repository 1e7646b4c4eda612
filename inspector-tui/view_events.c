/* Every change to capability state, as it happened, the newest last. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/words.h"
#include "inspector-tui/view.h"

#include "record/names.h"

#include <inttypes.h>

enum { KIND_EVENT = 1, KIND_NONE, KIND_EARLIER, KIND_LATER };

/* A row's id is the event's number; its text comes from the ring when it is drawn, so an event that
 * was pushed out meanwhile says so. */
static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    uint64_t first, last, lost;
    if (!source_event_range(s->source, &first, &last, &lost)) {
        view_add(v, view_id(0, KIND_NONE, 0), 0, KIND_NONE, 0, 0);
        return VIEW_WHOLE;
    }
    struct event_window w = source_event_window(s->source);
    if (w.earlier)
        view_add(v, view_id(0, KIND_EARLIER, 0), 0, KIND_EARLIER, 0, 0);
    for (uint64_t seq = first; seq <= last; seq++)
        if (!view_add(v, seq, 0, KIND_EVENT, (int32_t)(seq - first), 0))
            return VIEW_WHOLE;
    if (w.later)
        view_add(v, view_id(0, KIND_LATER, 0), 0, KIND_LATER, 0, 0);
    return VIEW_WHOLE;
}

static void event_line(const struct session *s, const struct record_event *e, struct line *l)
{
    const struct record_slot cap = record_slot_of_event(e);
    char text[256], hex[24];
    bool here = session_event(s) == e->seq;
    line_put(l, here ? STYLE_STRONG : STYLE_DIM, "%s%" PRIu64, here ? ">" : "", (uint64_t)e->seq);
    line_tab(l);
    int32_t thread = sample_thread_at(s->now, e->thread);
    if (thread >= 0)
        words_thread(l, s->now, thread);
    else
        line_put(l, STYLE_DIM, e->thread ? "tcb 0x%s (gone)" : "kernel",
                 sample_hex(s->now, e->thread, hex));
    line_tab(l);
    bool loss = e->kind == RECORD_EVENT_DELETE || e->kind == RECORD_EVENT_REVOKE_VICTIM;
    line_put(l, loss ? STYLE_DIED : STYLE_STRONG, "%s", event_kind_name((uint32_t)e->kind));
    line_tab(l);
    if (e->slot)
        line_link(l, STYLE_LINK, ref_to(REF_SLOT, e->slot), "0x%s",
                  sample_hex(s->now, e->slot, hex));
    line_tab(l);
    if (e->type)
        line_put(l, STYLE_NORMAL, "%s",
                 capstate_cap_text(&s->now->state, &cap, text, sizeof(text)));
    if (e->src) {
        line_put(l, STYLE_DIM, "  from ");
        line_link(l, STYLE_LINK, ref_to(REF_SLOT, e->src), "0x%s", sample_hex(s->now, e->src, hex));
    }
}

static bool event_of(const struct session *s, const struct row *r, struct record_event *e)
{
    return source_events(s->source, r->id, e, 1) == 1 && e->seq == r->id;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    struct record_event e;
    (void)v;
    if (r->kind == KIND_NONE)
        line_put(l, STYLE_DIM,
                 "no events: only a serial monitor's live line and recordings "
                 "with events tell them");
    else if (r->kind != KIND_EVENT)
        line_put(l, STYLE_DIM,
                 "the recording has %s ones: %s leads to the snapshots that show them",
                 r->kind == KIND_EARLIER ? "earlier" : "later",
                 bindings_key(r->kind == KIND_EARLIER ? "earlier" : "later"));
    else if (event_of(s, r, &e))
        event_line(s, &e, l);
    else
        line_put(l, STYLE_DIM, "%" PRIu64 "  (no longer kept, or lost on the line)", r->id);
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    struct record_event e;
    (void)v;
    if (r->kind != KIND_EVENT || !event_of(s, r, &e))
        return (struct ref){0};
    return ref_to(REF_EVENT, e.seq);
}

static uint64_t reveal(const struct session *s, struct view *v, const struct ref *r)
{
    uint64_t first, last, lost;
    (void)v;
    bool there = r->kind == REF_EVENT && source_event_range(s->source, &first, &last, &lost) &&
                 r->addr >= first && r->addr <= last;
    return there ? r->addr : 0;
}

static const struct column columns[] = {
    {"event", 6, 12, 1, true},
    {"thread", 12, 28, 2, false},
    {"what", 8, 12, 0, false},
    {"slot", 10, 18, 0, false},
    {"capability", 20, 0, 3 | COLUMN_STAYS, false},
    {0},
};

const struct view_ops view_events = {columns, build, line, ref, NULL, NULL, reveal, 0};
