/* Events of a mainline kernel: see sel4_events.h. */
#include "attach/sel4_events.h"

#include "record/vocabulary.h"

#include <string.h>

enum { MADE_MOST = 1 << 16 }; /* slots of one retype that are looked at */

#define HAS(v, NAME) (((v)->kinds & 1u << SEL4_EVENT_##NAME) != 0)

static uint64_t physical(const struct sel4_stops *s, uint64_t va)
{
    return va == 0 ? 0 : sel4_memory_physical(&s->side->kernel.memory, va);
}

/* --- records --- */

static void set_cap(const struct sel4_stops *s, const struct sel4_slot *about,
                    struct record_event *r)
{
    struct record_slot cap;
    sel4_record_cap(&s->side->kernel, about, false, true, &cap);
    r->type = cap.type;
    r->object = cap.object;
    r->bits = cap.bits;
    r->rights = cap.rights;
    r->flags = cap.flags;
    r->data = cap.data;
    r->extra = cap.extra;
}

/* Numbers go on by one; time counts this program's milliseconds, since the kernel tells none. */
static void tell(struct sel4_events *v, const struct sel4_stops *s, const struct attach_watch *w,
                 const struct sel4_event *event, enum record_event_kind kind)
{
    struct record record = {.kind = RECORD_EVENT};
    struct record_event *r = &record.event;
    r->seq = ++v->seq;
    r->time = (uint64_t)(clock_now_ms() - v->began_ms) << 16;
    r->kind = kind;
    r->thread = physical(s, event->thread);
    r->slot = physical(s, event->slot);
    r->src = physical(s, event->src);
    set_cap(s, &event->about, r);
    if (kind >= RECORD_EVENT_REVOKE_BEGIN && kind <= RECORD_EVENT_REVOKE_END)
        r->detail = v->revoke.done;
    w->hears(w->ctx, &record);
}

void sel4_events_gap(struct sel4_events *v, const struct attach_watch *w)
{
    struct record gap = {.kind = RECORD_GAP};
    v->pending.kinds = v->made.kinds = 0;
    gap.gap.first = v->seq + 1;
    w->hears(w->ctx, &gap);
}

/* --- which kind of insertion --- */

static enum sel4_container_kind container_of(const struct sel4_stops *s, uint64_t slot)
{
    const struct sel4_state *last = sel4_side_state(s->side);
    uint32_t bits = s->side->kernel.layout.slot_bits;
    for (uint32_t i = 0; i < last->containers.count; i++) {
        const struct sel4_container *c = sel4_state_container(last, i);
        if (slot - c->base < (uint64_t)c->slots << bits)
            return c->kind;
    }
    return SEL4_IN_CNODE;
}

static bool read_slot(const struct sel4_stops *s, uint64_t slot, struct sel4_slot *out)
{
    uint64_t words[4];
    if (slot == 0 || sel4_memory_words(&s->side->kernel.memory, slot, words, 4) != ERR_OK)
        return false;
    sel4_slot_decode(&s->side->kernel.layout, slot, words, out);
    return true;
}

static enum record_event_kind insert_kind(const struct sel4_stops *s, const struct sel4_event *v)
{
    struct sel4_slot src;
    enum sel4_container_kind where = container_of(s, v->slot);
    if (v->about.cap.kind == SEL4_CAP_REPLY && !s->side->kernel.layout.options.mcs)
        return RECORD_EVENT_REPLY;
    if (where == SEL4_IN_TCB || where == SEL4_IN_IRQ_NODE)
        return RECORD_EVENT_INSTALL;
    if (!read_slot(s, v->src, &src))
        return RECORD_EVENT_COPY;
    if (src.cap.kind != v->about.cap.kind)
        return RECORD_EVENT_HANDLER;
    return src.cap.value[SEL4_BADGE] != v->about.cap.value[SEL4_BADGE] ||
                   src.cap.value[SEL4_GUARD] != v->about.cap.value[SEL4_GUARD]
               ? RECORD_EVENT_MINT
               : RECORD_EVENT_COPY;
}

/* --- a stop --- */

/* Each new slot, as it is now. Before 12.1 the kernel's call does not tell which they are. */
static void tell_made(struct sel4_events *v, const struct sel4_stops *s,
                      const struct attach_watch *w)
{
    struct sel4_event one = v->made;
    uint64_t step = (uint64_t)1 << s->side->kernel.layout.slot_bits;
    v->made.kinds = 0;
    sel4_memory_forget(&s->side->kernel.memory);
    if (one.slot == 0)
        tell(v, s, w, &one, RECORD_EVENT_RETYPE);
    for (uint32_t i = 0; one.slot != 0 && one.slot <= v->made.last && i < MADE_MOST; i++) {
        if (read_slot(s, one.slot, &one.about))
            tell(v, s, w, &one, RECORD_EVENT_RETYPE);
        one.slot += step;
    }
}

void sel4_events_stop(struct sel4_events *v, const struct sel4_stops *s,
                      const struct attach_watch *w)
{
    if (v->made.kinds != 0)
        tell_made(v, s, w);
    v->pending = s->event;
    v->revoke = s->side->revoke;
    if (HAS(&s->event, REVOKED))
        v->revoke = s->over;
}

/* --- and its event --- */

static void tell_pending(struct sel4_events *v, const struct sel4_stops *s,
                         const struct attach_watch *w)
{
    static const struct {
        enum sel4_event_kind kind;
        enum record_event_kind record;
    } plain[] = {
        {SEL4_EVENT_MOVE, RECORD_EVENT_MOVE},
        {SEL4_EVENT_SWAP, RECORD_EVENT_SWAP},
        {SEL4_EVENT_REVOKE, RECORD_EVENT_REVOKE_BEGIN},
        {SEL4_EVENT_VICTIM, RECORD_EVENT_REVOKE_VICTIM},
        {SEL4_EVENT_DELETE, RECORD_EVENT_DELETE},
        {SEL4_EVENT_PREEMPTED, RECORD_EVENT_REVOKE_PREEMPTED},
        {SEL4_EVENT_RESUMED, RECORD_EVENT_REVOKE_RESUMED},
        {SEL4_EVENT_REVOKED, RECORD_EVENT_REVOKE_END},
    };
    if (HAS(&v->pending, INSERT))
        tell(v, s, w, &v->pending, insert_kind(s, &v->pending));
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if ((v->pending.kinds >> plain[i].kind & 1) != 0)
            tell(v, s, w, &v->pending, plain[i].record);
}

void sel4_events_go(struct sel4_events *v, const struct sel4_stops *s, const struct attach_watch *w)
{
    if (HAS(&v->pending, RETYPE))
        v->made = v->pending;
    else if (v->pending.kinds != 0)
        tell_pending(v, s, w);
    v->pending.kinds = 0;
}
