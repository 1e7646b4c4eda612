/* A revocation, before, while and after it runs.
 *
 *   before      the preview of the chosen slot
 *   while       what the kernel says of its progress, what is still to go
 *   afterwards  the revocations that events told of, the newest first, each with its steps; Enter on
 *               a step shows the moment before that capability went
 *
 * Two counts have their names everywhere (facts/toll.h): steps are what the revoke itself takes,
 * capabilities all that go, those in CNodes and threads that end by it included. */
#include "capstate/size.h"
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/preview.h"
#include "inspector-tui/view.h"

#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum row_kind {
    KIND_STATE = 1,
    KIND_COUNTS,
    KIND_HINT,
    KIND_VICTIM, /* derived from the root */
    KIND_INSIDE, /* lies in what ends */
    KIND_REVOCATION,
    KIND_STEP,
    KIND_TITLE,
    KIND_COUNTS_REST,
};

enum { COUNTS_TEXT = TOLL_TEXT + 20, MARGIN = 2 };

enum title { TITLE_GOES, TITLE_INSIDE, TITLE_SEEN };

/* The revocation that is under way in what is shown, or ends with it; root 0: there is none. */
struct account {
    uint64_t root;
    uint32_t done, preempted;
};

static struct account account_of(const struct session *s)
{
    const struct record_revoke *r = &s->now->state.revoke;
    const struct revocation *k = session_ended(s);
    if (k)
        return (struct account){k->root, k->steps, k->preemptions};
    if (!r->root)
        return (struct account){0};
    return (struct account){r->root, toll_steps_done(&s->now->state), (uint32_t)r->preempted};
}

/* A preview that was asked for stands where another revocation is under way, too. */
static bool is_preview(const struct session *s, const struct account *a)
{
    return !a->root || (s->preview_asked && s->revoke_slot && s->revoke_slot != a->root);
}

static int32_t root_of(const struct session *s)
{
    struct account a = account_of(s);
    uint64_t root = is_preview(s, &a) ? s->revoke_slot : a.root;
    return root ? sample_slot_at(s->now, root) : -1;
}

/* --- rows --- */

static void row(struct view *v, uint32_t kind, int32_t at, uint8_t flags)
{
    uint64_t part = kind == KIND_TITLE ? (uint64_t)at : 0; /* of the others there is one each */
    view_add(v, view_id(0, kind, part), 0, (uint8_t)kind, at, flags);
}

static enum style counts_text(const struct session *s, int32_t root, char *buf, size_t size)
{
    char text[TOLL_TEXT];
    const struct preview *p = preview_of(s, s->now, root);
    struct account a = account_of(s);
    bool under_way = !is_preview(s, &a);
    if (!p)
        snprintf(buf, size, "out of memory: not counted");
    else if (p->toll.caps == 0)
        snprintf(buf, size, "%s", under_way ? "nothing is left to go" : "it takes nothing");
    else
        snprintf(buf, size, "%s %s", under_way ? "still to go:" : "takes",
                 toll_text(&p->toll, text));
    return p ? STYLE_NORMAL : STYLE_BAD;
}

/* Bytes of the counts that go into the first of their rows: all, or up to a comma. */
static size_t counts_break(const struct session *s, const char *text)
{
    size_t length = strlen(text), fits = text_fit(text, length, s->columns - MARGIN), n = fits;
    if (s->columns <= MARGIN || fits == length)
        return length;
    while (n > 0 && !(strchr(",;", text[n - 1]) && text[n] == ' '))
        n--;
    return n ? n : length;
}

static bool counts_need_two(const struct session *s, int32_t root)
{
    char text[COUNTS_TEXT];
    counts_text(s, root, text, sizeof(text));
    return counts_break(s, text) < strlen(text);
}

static void add_head(const struct session *s, struct view *v, int32_t root)
{
    row(v, KIND_STATE, root, ROW_STAYS);
    if (root >= 0)
        row(v, KIND_COUNTS, root, ROW_STAYS);
    if (root >= 0 && counts_need_two(s, root))
        row(v, KIND_COUNTS_REST, root, ROW_STAYS);
    row(v, KIND_HINT, 0, ROW_STAYS);
    if (root >= 0 && s->now->state.slots[root].next > root + 1)
        row(v, KIND_TITLE, TITLE_GOES, ROW_TITLE);
}

/* Slots outside the subtree that go because what they lie in ends. */
static void add_inside(const struct session *s, struct view *v, int32_t root)
{
    const struct capstate *c = &s->now->state;
    const struct preview *p = preview_of(s, s->now, root);
    bool any = false;
    for (int32_t i = 0; p && i < (int32_t)c->slot_count; i++) {
        if (!p->gone[i] || (i > root && i < c->slots[root].next))
            continue;
        if (!any)
            row(v, KIND_TITLE, TITLE_INSIDE, ROW_TITLE);
        any = true;
        view_add(v, view_id(1, KIND_INSIDE, c->slots[i].rec.addr), 1, KIND_INSIDE, i, 0);
    }
}

static bool is_step(const struct revocation *k, const struct record_event *e)
{
    return e->thread == k->thread && e->kind >= RECORD_EVENT_REVOKE_BEGIN &&
           e->kind <= RECORD_EVENT_REVOKE_END;
}

static void add_steps(const struct session *s, struct view *v, const struct revocation *k)
{
    enum { TURN = 512 };
    static struct record_event events[TURN];
    uint64_t from = k->first;
    for (uint32_t n = TURN; n == TURN && from <= k->last;) {
        n = source_events(s->source, from, events, TURN);
        for (uint32_t i = 0; i < n && events[i].seq <= k->last; i++)
            if (is_step(k, &events[i]))
                view_add(v, events[i].seq, 1, KIND_STEP, 0, 0);
        from = n ? events[n - 1].seq + 1 : from;
    }
}

static void add_revocations(const struct session *s, struct view *v)
{
    const struct revocations *r = &s->revocations;
    if (r->count)
        row(v, KIND_TITLE, TITLE_SEEN, ROW_TITLE);
    for (uint32_t i = r->count; i-- > 0;) {
        uint64_t id = view_id(0, KIND_REVOCATION, r->kept[i].first);
        const struct row *added = view_add(v, id, 0, KIND_REVOCATION, (int32_t)i, ROW_CAN_FOLD);
        if (added && (added->flags & ROW_OPEN))
            add_steps(s, v, &r->kept[i]);
    }
}

/* `from`: 0, or the slot to go on with. */
static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    const struct capstate *c = &s->now->state;
    int32_t root = root_of(s), i = from ? (int32_t)from : root + 1;
    if (from == 0)
        add_head(s, v, root);
    for (; root >= 0 && i < c->slots[root].next; i++) {
        if (view_is_full(v))
            return (uint32_t)i;
        view_add(v, view_id(1, KIND_VICTIM, c->slots[i].rec.addr),
                 (uint32_t)(c->slots[i].rec.depth - c->slots[root].rec.depth), KIND_VICTIM, i, 0);
    }
    if (root >= 0)
        add_inside(s, v, root);
    add_revocations(s, v);
    return VIEW_WHOLE;
}

/* --- lines --- */

static void account_line(const struct session *s, const struct account *a, int32_t root,
                         struct line *l)
{
    char hex[24];
    const struct preview *p = root >= 0 ? preview_of(s, s->now, root) : NULL;
    bool over = p && p->toll.caps == 0; /* it has not returned yet */
    line_put(l, STYLE_WARN, over || session_ended(s) ? "AT ITS END" : "UNDER WAY");
    line_put(l, STYLE_NORMAL, "  slot 0x%s: %u step%s done, %u preempted",
             sample_hex(s->now, a->root, hex), a->done, plural_s(a->done), a->preempted);
    uint64_t next = s->now->state.revoke.victim;
    int32_t victim = next ? sample_slot_at(s->now, next) : -1;
    if (victim >= 0) {
        line_put(l, STYLE_BAD, "  next ");
        words_slot(l, s->now, victim);
    }
}

static void state_line(const struct session *s, int32_t root, struct line *l)
{
    struct account a = account_of(s);
    char hex[24];
    if (!is_preview(s, &a)) {
        account_line(s, &a, root, l);
    } else if (root >= 0) {
        line_put(l, STYLE_STRONG, "PREVIEW");
        if (a.root)
            line_put(l, STYLE_WARN, " (%s: slot 0x%s %s)", bindings_key(view_action(VIEW_REVOKE)),
                     sample_hex(s->now, a.root, hex),
                     session_ended(s) ? "is at its end" : "is under way");
        line_put(l, STYLE_NORMAL, "  a revoke of ");
        words_slot(l, s->now, root);
    } else if (s->revoke_slot) {
        line_put(l, STYLE_DIED, "slot 0x%s is empty now", sample_hex(s->now, s->revoke_slot, hex));
    } else {
        line_put(l, STYLE_DIM, "no revocation; %s on a capability previews its revoke",
                 bindings_key("preview"));
    }
}

static void counts_line(const struct session *s, int32_t root, bool rest, struct line *l)
{
    char text[COUNTS_TEXT];
    enum style style = counts_text(s, root, text, sizeof(text));
    size_t n = counts_break(s, text);
    if (rest)
        line_put(l, style, "   %s", text + n);
    else
        line_put(l, style, "%.*s", (int)n, text);
}

/* Only what can be done with this target. */
static void hint_line(const struct session *s, struct line *l)
{
    static const struct hint live[] = {{"arm", " stop at it  "},
                                       {"step", " step  "},
                                       {"finish", " to its end  "},
                                       {"continue", " let the machine run"},
                                       {NULL, NULL}},
                             past[] = {{"step", " step  "},
                                       {"step-back", " back  "},
                                       {"finish", " to its end  "},
                                       {"event-back", " "},
                                       {"event-on", " by event  "},
                                       {"newest", " newest"},
                                       {NULL, NULL}},
                             halt[] = {{"halt", " stops the machine or lets it go on;  "},
                                       {"arm", " "},
                                       {"step", " "},
                                       {"finish", " need a monitor line or the kernel's stub"},
                                       {NULL, NULL}},
                             replay[] = {{"killed", " on to where the one under the cursor ends  "},
                                         {"made", " back to where it was made"},
                                         {NULL, NULL}},
                             none[] = {{"earlier", " "},
                                       {"later", " by snapshot; nothing can be stopped here"},
                                       {NULL, NULL}};
    uint64_t first, last, lost;
    bool events = source_event_range(s->source, &first, &last, &lost);
    bindings_hints(l, session_is_past(s)                ? events ? past : none
                      : s->target.kind == TARGET_REPLAY ? replay
                      : source_can_command(s->source)   ? live
                      : source_can_halt(s->source)      ? halt
                                                        : none);
}

static void victim_line(const struct session *s, const struct row *r, struct line *l)
{
    uint64_t victim = s->now->state.revoke.victim;
    bool next = victim && s->now->state.slots[r->at].rec.addr == victim;
    line_put(l, next ? STYLE_BAD : STYLE_NORMAL, next ? ">" : " ");
    words_slot(l, s->now, r->at);
    line_put(l, STYLE_NORMAL, "  in ");
    words_place(l, s->now, r->at);
    line_remark(l);
    if (next)
        line_put(l, STYLE_BAD, "  goes next");
}

static void cap_of_event(const struct session *s, const struct record_event *e, char *buf,
                         size_t size)
{
    const struct record_slot cap = {.type = e->type,
                                    .object = e->object,
                                    .bits = e->bits,
                                    .rights = e->rights,
                                    .flags = e->flags,
                                    .data = e->data,
                                    .extra = e->extra};
    capstate_cap_text(&s->now->state, &cap, buf, size);
}

static void step_line(const struct session *s, uint64_t seq, struct line *l)
{
    struct record_event e;
    char hex[24], text[256];
    if (source_events(s->source, seq, &e, 1) != 1 || e.seq != seq) {
        line_put(l, STYLE_DIM, "#%" PRIu64 "  (no longer kept)", seq);
        return;
    }
    bool here = session_event(s) == seq;
    line_put(l, here ? STYLE_BAD : STYLE_DIM, "%c#%" PRIu64 " ", here ? '>' : ' ', seq);
    bool victim = e.kind == RECORD_EVENT_REVOKE_VICTIM;
    line_put(l, victim ? STYLE_DIED : STYLE_STRONG, "%-9s", event_kind_name((uint32_t)e.kind));
    if (victim) {
        cap_of_event(s, &e, text, sizeof(text));
        line_put(l, STYLE_NORMAL, " step %u: ", (unsigned)e.detail + 1);
        line_link(l, STYLE_LINK, ref_to(REF_SLOT, e.slot), "%s in slot 0x%s", text,
                  sample_hex(s->now, e.slot, hex));
    } else if (e.kind != RECORD_EVENT_REVOKE_BEGIN) {
        line_put(l, STYLE_NORMAL, " %u step%s", (unsigned)e.detail, plural_s(e.detail));
    }
}

void view_revocation_line(const struct session *s, const struct revocation *k, struct line *l)
{
    char hex[24], size[SIZE_TEXT];
    int32_t thread = sample_thread_at(s->now, k->thread);
    line_put(l, STYLE_DIM, "#%" PRIu64 " ", k->first);
    if (thread >= 0)
        words_thread(l, s->now, thread);
    else
        line_put(l, STYLE_NORMAL, "tcb 0x%s", sample_hex(s->now, k->thread, hex));
    line_put(l, STYLE_NORMAL, k->ended ? " revoked " : " revokes ");
    bool known = k->begin.type != RECORD_CAP_NULL;
    line_link(l, STYLE_LINK, ref_to(REF_SLOT, k->root), "%s%s", known ? "" : "slot ",
              sample_hex(s->now, known ? k->begin.object : k->root, hex));
    line_put(l, k->ended ? STYLE_NORMAL : STYLE_WARN, ": %s%u cap%s, %u step%s, %s, %u preempted",
             k->whole ? "" : "at least ", k->caps, plural_s(k->caps), k->steps, plural_s(k->steps),
             size_short(k->bytes, size), k->preemptions);
}

static void title_line(const struct session *s, enum title title, struct line *l)
{
    uint64_t first, last, lost;
    static const char *const words[] = {
        [TITLE_GOES] = "what goes, in the order in which it goes",
        [TITLE_INSIDE] = "and with it, without a step of its own: what lies in what ends",
        [TITLE_SEEN] = "revocations seen, the newest first",
    };
    line_put(l, STYLE_HEAD, "%s", words[title]);
    struct event_window w = source_event_window(s->source);
    if (title == TITLE_SEEN && (w.earlier || w.later) &&
        source_event_range(s->source, &first, &last, &lost))
        line_put(l, STYLE_DIM, ", of events %" PRIu64 " to %" PRIu64, first, last);
    if (title == TITLE_SEEN)
        line_put(l, STYLE_DIM, "; %s on a step goes to that moment", bindings_key("follow"));
}

/* Did it begin behind the moment that is shown? */
static bool is_later(const struct session *s, const struct row *r)
{
    return session_is_past(s) && (uint32_t)r->at < s->revocations.count &&
           s->revocations.kept[r->at].first > session_event(s);
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_STATE:
        state_line(s, r->at, l);
        break;
    case KIND_COUNTS:
    case KIND_COUNTS_REST:
        counts_line(s, r->at, r->kind == KIND_COUNTS_REST, l);
        break;
    case KIND_HINT:
        hint_line(s, l);
        break;
    case KIND_TITLE:
        title_line(s, (enum title)r->at, l);
        break;
    case KIND_VICTIM:
    case KIND_INSIDE:
        victim_line(s, r, l);
        break;
    case KIND_REVOCATION:
        if (is_later(s, r))
            line_put(l, STYLE_DIM, "later  ");
        if ((uint32_t)r->at < s->revocations.count)
            view_revocation_line(s, &s->revocations.kept[r->at], l);
        break;
    case KIND_STEP:
        step_line(s, r->id, l);
        break;
    }
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    (void)v;
    switch ((enum row_kind)r->kind) {
    case KIND_VICTIM:
    case KIND_INSIDE:
        return sample_slot_ref(s->now, r->at);
    case KIND_STATE:
    case KIND_COUNTS:
    case KIND_COUNTS_REST:
        return sample_slot_ref(s->now, r->at);
    case KIND_STEP:
        return ref_to(REF_EVENT, r->id);
    case KIND_REVOCATION:
        if ((uint32_t)r->at < s->revocations.count)
            return ref_to(REF_EVENT, s->revocations.kept[r->at].first);
        return (struct ref){0};
    default:
        return (struct ref){0};
    }
}

/* Where a row leads to nothing, what can be done here. */
static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    struct ref to = ref(s, v, r);
    if (to.kind != REF_NONE) {
        pane_about(s, s->now, &to, p);
        return;
    }
    if (r->kind == KIND_TITLE && r->at == TITLE_SEEN)
        pane_text(
            p, STYLE_DIM,
            "Each row is a revocation that events told of: capabilities that went, steps that the "
            "revoke itself took, bytes, and how often it was preempted. %s opens it into its steps.",
            bindings_key("follow"));
    else
        pane_text(
            p, STYLE_DIM,
            "%s on a capability, in any view, shows here what its revoke would take. Steps are "
            "the capabilities that the revoke itself takes; capabilities are all that go, those "
            "in CNodes and threads that end with it included.",
            bindings_key("preview"));
}

const struct view_ops view_revoke = {NULL, build, line, ref, about, NULL, NULL, 0};
