/* Revocations by their events. */
#include "inspector-tui/revocations.h"

#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { TURN = 1024 };

void revocations_fini(struct revocations *r)
{
    free(r->kept);
    *r = (struct revocations){0};
}

static struct revocation *add(struct revocations *r)
{
    if (r->count == REVOCATIONS_KEPT) {
        memmove(r->kept, r->kept + 1, (r->count - 1) * sizeof(*r->kept));
        r->count--;
    }
    void *grown = array_room(r->kept, r->count, &r->room, sizeof(*r->kept));
    if (!grown)
        return NULL;
    r->kept = grown;
    return &r->kept[r->count++];
}

/* The one that this thread's events belong to. A thread revokes one capability at a time; others
 * may revoke while it is preempted. */
static struct revocation *under_way(struct revocations *r, uint64_t thread)
{
    for (uint32_t i = r->count; i-- > 0;)
        if (r->kept[i].thread == thread)
            return r->kept[i].ended ? NULL : &r->kept[i];
    return NULL;
}

static struct revocation *begin(struct revocations *r, const struct record_event *e)
{
    struct revocation *made = add(r);
    if (made)
        *made = (struct revocation){.first = e->seq,
                                    .last = e->seq,
                                    .thread = e->thread,
                                    .root = e->slot,
                                    .told = e->detail,
                                    .begin = *e,
                                    .whole = true};
    return made;
}

/* The revoke that a step names; 0: the event is of another kind. */
static uint64_t root_of(const struct record_event *e)
{
    switch (e->kind) {
    case RECORD_EVENT_REVOKE_VICTIM:
        return e->src;
    case RECORD_EVENT_REVOKE_PREEMPTED:
    case RECORD_EVENT_REVOKE_RESUMED:
    case RECORD_EVENT_REVOKE_END:
        return e->slot;
    default:
        return 0;
    }
}

/* The one that a step is of.  Where its beginning was lost, it begins with the step: there is none of
 * this thread and root under way, or more of that was done already. */
static struct revocation *of_step(struct revocations *r, const struct record_event *e,
                                  uint64_t root)
{
    uint32_t i = r->count;
    while (i > 0 && (r->kept[i - 1].thread != e->thread || r->kept[i - 1].root != root))
        i--;
    if (i > 0 && !r->kept[i - 1].ended && e->detail >= r->kept[i - 1].told)
        return &r->kept[i - 1];
    struct record_event unheard = {.seq = e->seq, .thread = e->thread, .slot = root};
    struct revocation *made = begin(r, &unheard);
    if (made)
        made->whole = false;
    return made;
}

static void take_steps(struct revocation *v, uint64_t steps)
{
    if (steps > v->steps)
        v->steps = (uint32_t)steps;
}

/* The view `revokes` of a recording counts the same. */
static void take(struct revocation *v, const struct record_event *e)
{
    v->last = e->seq;
    if (root_of(e))
        v->told = e->detail;
    switch (e->kind) {
    case RECORD_EVENT_REVOKE_VICTIM:
        v->victim = e->slot;
        take_steps(v, e->detail + 1);
        break;
    case RECORD_EVENT_DELETE:
        v->caps++;
        break;
    case RECORD_EVENT_DESTROY:
        if (e->bits && e->bits < 63 && e->type != RECORD_CAP_UNTYPED)
            v->bytes += (uint64_t)1 << e->bits;
        break;
    case RECORD_EVENT_REVOKE_PREEMPTED:
        v->preemptions++;
        take_steps(v, e->detail);
        break;
    case RECORD_EVENT_REVOKE_RESUMED:
        take_steps(v, e->detail);
        break;
    case RECORD_EVENT_REVOKE_END:
        v->steps = (uint32_t)e->detail;
        v->victim = 0;
        v->ended = true;
        break;
    default:
        break;
    }
}

/* Events are missing: what was under way has other counts than those seen. */
static void miss(struct revocations *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        r->kept[i].whole &= r->kept[i].ended;
}

static bool follow_event(struct revocations *r, const struct record_event *e)
{
    if (r->seen && e->seq != r->seen + 1)
        miss(r);
    r->seen = e->seq;
    if (e->kind == RECORD_EVENT_REVOKE_BEGIN) {
        begin(r, e);
        return true;
    }
    uint64_t root = root_of(e);
    struct revocation *v = root ? of_step(r, e, root) : under_way(r, e->thread);
    if (!v)
        return false;
    take(v, e);
    return true;
}

bool revocations_follow(struct revocations *r, struct source *source)
{
    static struct record_event events[TURN];
    uint64_t first, last, lost;
    uint32_t replaced = source_event_window(source).replaced;
    bool news = replaced != r->replaced, any = source_event_range(source, &first, &last, &lost);
    if (news || (any && last < r->seen)) {
        revocations_fini(
            r); /* numbers began anew: another machine, or others around another moment */
        news = true;
    }
    r->replaced = replaced;
    for (uint32_t n = TURN; n == TURN;) {
        n = source_events(source, r->seen ? r->seen + 1 : 0, events, TURN);
        for (uint32_t i = 0; i < n; i++)
            news |= follow_event(r, &events[i]);
    }
    return news;
}

const struct revocation *revocations_at(const struct revocations *r, uint64_t seq)
{
    for (uint32_t i = r->count; i-- > 0;)
        if (r->kept[i].first <= seq)
            return &r->kept[i];
    return NULL;
}
