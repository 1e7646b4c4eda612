/* A small ring of events, in ascending order of their numbers: see kept.h. */
#include "monitor/door/kept.h"

#include <stdbool.h>
#include <stddef.h>

enum { KEPT_EVENTS = 128 }; /* 64 revokes */

static struct {
    struct event begin; /* of the revoke under way; kind 0: it is not known */
    bool interrupted;   /* it was: `begin` is kept */
    struct event entry[KEPT_EVENTS];
    word_t count; /* ever kept; the next one's place is its low bits */
} kept;

static void keep(const struct event *e)
{
    kept.entry[kept.count++ % KEPT_EVENTS] = *e;
}

static void note_interruption(kaddr_t root)
{
    if (kept.interrupted || kept.begin.kind == 0 || kept.begin.slot != root)
        return;
    keep(&kept.begin);
    kept.interrupted = true;
}

static void note_end(const struct event *e)
{
    if (kept.interrupted && kept.begin.slot == e->slot)
        keep(e);
    kept.begin.kind = 0;
    kept.interrupted = false;
}

void kept_note(const struct event *e)
{
    switch (e->kind) {
    case EVENT_REVOKE_BEGIN:
        kept.begin = *e;
        kept.interrupted = false;
        return;
    case EVENT_REVOKE_PREEMPTED:
        note_interruption(e->slot);
        return;
    case EVENT_REVOKE_END:
        note_end(e);
        return;
    default:
        return;
    }
}

const struct event *kept_from(word_t seq)
{
    word_t first = kept.count < KEPT_EVENTS ? 0 : kept.count - KEPT_EVENTS;
    for (word_t i = first; i != kept.count; i++) {
        const struct event *e = &kept.entry[i % KEPT_EVENTS];
        if (e->seq >= seq)
            return e;
    }
    return NULL;
}
