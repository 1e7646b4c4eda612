/* Which capabilities were made anew between the two moments that are compared: in slots that hold
 * one in both, and that show no difference where the new one is as the old one was. */
#include "inspector-tui/session.h"

#include "facts/origins.h"

#include <stdlib.h>

enum { TURN = 256 };

typedef bool (*take_event)(struct origins *o, const struct record_event *e);

static bool apply(struct origins *o, const struct record_event *e)
{
    origins_apply(o, e);
    return true;
}

/* Events since + 1 to until, one by one; false: they are not all kept, or there is no memory. */
static bool each_event(const struct session *s, uint64_t since, uint64_t until, take_event take,
                       struct origins *o)
{
    static struct record_event e[TURN]; /* the screen's thread only */
    while (since < until) {
        uint32_t n = source_events(s->source, since + 1, e, TURN);
        for (uint32_t i = 0; i < n && since < until; i++, since++)
            if (e[i].seq != since + 1 || !take(o, &e[i]))
                return false;
        if (n == 0)
            return false;
    }
    return true;
}

static bool is_new(const struct origins *o, const struct capstate *c, int32_t slot)
{
    return origins_of(o, c->slots[slot].rec.addr) == 0;
}

/* Those that are new in the later moment, without those that are told as born. */
static uint32_t count(const struct compare *c, const struct origins *o, bool forward)
{
    const struct capstate *later = forward ? &c->after->state : &c->before->state;
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->count; i++)
        n += o->list[i].from == 0 && capstate_slot_at(later, o->list[i].slot) >= 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct change *k = &c->changes[i];
        int32_t slot = forward ? k->after : k->before;
        n -= k->kind == (forward ? CHANGE_ADDED : CHANGE_REMOVED) && is_new(o, later, slot);
    }
    return n;
}

/* Those of them that no change tells of. false: no memory. */
static bool list(struct compare *c, const struct origins *o)
{
    free(c->remade_slots);
    c->remade_slots = calloc(o->count + 1ull, sizeof(*c->remade_slots));
    for (uint32_t i = 0; c->remade_slots && i < o->count; i++) {
        uint64_t addr = o->list[i].slot;
        int32_t slot = o->list[i].from ? -1 : capstate_slot_at(&c->after->state, addr);
        if (slot >= 0 && c->sign[slot] == SIGN_SAME &&
            capstate_slot_at(&c->before->state, addr) >= 0)
            c->remade_slots[c->remade_listed++] = slot;
    }
    return c->remade_slots;
}

static enum remade find(const struct session *s, struct compare *c)
{
    struct origins o = {0};
    uint64_t then = c->before->state.snapshot.seq, now = c->after->state.snapshot.seq;
    bool forward = then <= now;
    uint64_t since = forward ? then : now, until = forward ? now : then;
    bool told =
        until != 0 && session_has_events(s) && each_event(s, since, until, origins_touch, &o);
    if (told) {
        origins_begin(&o);
        told = each_event(s, since, until, apply, &o);
    }
    c->remade_listed = 0;
    c->remade_count = told ? count(c, &o, forward) : 0;
    told = told && list(c, &o);
    origins_free(&o);
    return told ? REMADE_KNOWN : REMADE_UNKNOWN;
}

bool session_remade(const struct session *s, uint32_t *out)
{
    struct compare *c = s->change;
    *out = 0;
    if (!c || !c->before || c->failed)
        return false;
    if (c->remade == REMADE_UNASKED)
        c->remade = find(s, c);
    *out = c->remade_count;
    return c->remade == REMADE_KNOWN;
}
