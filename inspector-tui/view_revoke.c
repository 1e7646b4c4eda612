/* A revocation, before, while and after it runs.
 *
 * One account of counts everywhere: the kernel's own while a revoke is under way (done, left,
 * preempted), the recorded events afterwards, and the subtree of the chosen slot before. */
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

#include "record/names.h"

#include <inttypes.h>

enum row_kind { KIND_STATE = 1, KIND_HINT, KIND_VICTIM, KIND_STEP, KIND_TITLE };

enum { MOST_VICTIMS = 100000, STEPS = 8192 };

static int32_t root_of(const struct session *s)
{
    const struct record_revoke *r = &s->now->state.revoke;
    uint64_t root = r->root ? r->root : s->revoke_slot;
    return root ? sample_slot_at(s->now, root) : -1;
}

static void add_victims(const struct session *s, struct view *v, int32_t root)
{
    const struct capstate *c = &s->now->state;
    view_add(v, view_id(0, KIND_TITLE, 0), 0, KIND_TITLE, 0, ROW_TITLE);
    for (int32_t i = root + 1; i < c->slots[root].next && i - root <= MOST_VICTIMS; i++)
        if (!view_add(v, view_id(1, KIND_VICTIM, c->slots[i].rec.addr),
                      (uint32_t)(c->slots[i].rec.depth - c->slots[root].rec.depth), KIND_VICTIM, i,
                      0))
            return;
}

static bool is_step(uint64_t kind)
{
    return kind >= RECORD_EVENT_REVOKE_BEGIN && kind <= RECORD_EVENT_REVOKE_END;
}

static void add_steps(const struct session *s, struct view *v)
{
    static struct record_event events[STEPS];
    uint64_t first, last, lost;
    if (!source_event_range(s->source, &first, &last, &lost))
        return;
    uint32_t n = source_events(s->source, last > STEPS ? last - STEPS + 1 : 0, events, STEPS);
    view_add(v, view_id(0, KIND_TITLE, 1), 0, KIND_TITLE, 1, ROW_TITLE);
    for (uint32_t i = 0; i < n; i++)
        if (is_step(events[i].kind) &&
            !view_add(v, events[i].seq, events[i].kind == RECORD_EVENT_REVOKE_BEGIN ? 0 : 1,
                      KIND_STEP, 0, 0))
            return;
}

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    int32_t root = root_of(s);
    view_add(v, view_id(0, KIND_STATE, 0), 0, KIND_STATE, root, 0);
    view_add(v, view_id(0, KIND_HINT, 0), 0, KIND_HINT, 0, 0);
    if (root >= 0)
        add_victims(s, v, root);
    add_steps(s, v);
    return VIEW_WHOLE;
}

static void state_line(const struct session *s, int32_t root, struct line *l)
{
    const struct record_revoke *r = &s->now->state.revoke;
    char hex[24];
    if (r->root) {
        line_put(l, STYLE_WARN, "UNDER WAY");
        line_put(l, STYLE_NORMAL, "  slot 0x%s: %u gone, %u left, preempted %u times",
                 sample_hex(s->now, r->root, hex), (unsigned)r->done, (unsigned)r->left,
                 (unsigned)r->preempted);
    } else if (root >= 0) {
        line_put(l, STYLE_STRONG, "PREVIEW");
        line_put(l, STYLE_NORMAL, "  a revoke of ");
        words_slot(l, s->now, root);
        line_put(l, STYLE_NORMAL, " takes %d capabilities",
                 s->now->state.slots[root].next - root - 1);
    } else if (s->revoke_slot) {
        line_put(l, STYLE_DIED, "slot 0x%s is empty now", sample_hex(s->now, s->revoke_slot, hex));
    } else {
        line_put(l, STYLE_DIM, "no revocation; p on a capability previews its revoke");
    }
}

static void step_line(const struct session *s, uint64_t seq, struct line *l)
{
    struct record_event e;
    char hex[24], from[24];
    if (source_events(s->source, seq, &e, 1) != 1 || e.seq != seq) {
        line_put(l, STYLE_DIM, "#%" PRIu64 "  (no longer kept)", seq);
        return;
    }
    line_put(l, STYLE_DIM, "#%" PRIu64 "  ", seq);
    bool victim = e.kind == RECORD_EVENT_REVOKE_VICTIM;
    line_put(l, victim ? STYLE_DIED : STYLE_STRONG, "%-10s", event_kind_name((uint32_t)e.kind));
    line_link(l, STYLE_LINK, ref_to(REF_SLOT, e.slot), " slot 0x%s",
              sample_hex(s->now, e.slot, hex));
    if (victim)
        line_put(l, STYLE_DIM, "  of 0x%s", sample_hex(s->now, e.src, from));
    line_put(l, STYLE_NORMAL, "  %u gone", (unsigned)e.detail);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    bool victim;
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_STATE:
        state_line(s, r->at, l);
        break;
    case KIND_HINT:
        line_put(l, STYLE_KEY, "b");
        line_put(l, STYLE_DIM, " stop at it  ");
        line_put(l, STYLE_KEY, "s");
        line_put(l, STYLE_DIM, " one capability  ");
        line_put(l, STYLE_KEY, "f");
        line_put(l, STYLE_DIM, " to its end  ");
        line_put(l, STYLE_KEY, "c");
        line_put(l, STYLE_DIM, " let the machine run  %s", s->revoke_said);
        break;
    case KIND_TITLE:
        line_put(l, STYLE_HEAD, r->at == 0 ? "what goes" : "what happened");
        break;
    case KIND_VICTIM:
        victim = s->now->state.slots[r->at].rec.addr == s->now->state.revoke.victim;
        line_put(l, victim ? STYLE_BAD : STYLE_NORMAL, victim ? ">" : " ");
        words_slot(l, s->now, r->at);
        line_put(l, STYLE_NORMAL, "  in ");
        words_place(l, s->now, r->at);
        break;
    case KIND_STEP:
        step_line(s, r->id, l);
        break;
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    struct record_event e;
    (void)v;
    if (r->kind == KIND_VICTIM || (r->kind == KIND_STATE && r->at >= 0))
        return sample_slot_ref(s->now, r->at);
    if (r->kind == KIND_STEP && source_events(s->source, r->id, &e, 1) == 1 && e.seq == r->id)
        return ref_to(REF_SLOT, e.slot);
    return (struct ref){0};
}

static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    if (r->kind == KIND_STATE && r->at >= 0)
        pane_preview(s, s->now, r->at, p);
    struct ref to = ref(s, v, r);
    if (to.kind != REF_NONE)
        pane_about(s, s->now, &to, p);
}

const struct view_ops view_revoke = {NULL, build, line, ref, about, NULL, NULL};
