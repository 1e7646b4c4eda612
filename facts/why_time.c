/* What a thread lacks to run where time is held in scheduling contexts. */
#include "facts/why_time.h"

#include "lib/plural.h"

#include <inttypes.h>
#include <stdio.h>

static const struct record_sched_context *context_at(const struct capstate *s, uint64_t addr)
{
    for (uint32_t i = 0; addr && i < s->sched_context_count; i++)
        if (s->sched_contexts[i].addr == addr)
            return &s->sched_contexts[i];
    return NULL;
}

enum why_time why_time(const struct capstate *s, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const struct record_sched_context *sc = context_at(s, t->sched_context);
    if (!(s->snapshot.options & RECORD_OPTION_MCS) || t->idle)
        return WHY_TIME_ENOUGH;
    if (!t->sched_context)
        return WHY_TIME_NO_CONTEXT;
    if (sc && sc->thread && sc->thread != t->addr)
        return WHY_TIME_ELSEWHERE;
    if (sc && sc->refill_max == 0)
        return WHY_TIME_NO_BUDGET;
    return t->release ? WHY_TIME_USED_UP : WHY_TIME_ENOUGH;
}

bool why_time_comes(enum why_time time)
{
    return time == WHY_TIME_ENOUGH || time == WHY_TIME_USED_UP;
}

/* A thread that got a message goes on as running; one that was resumed begins its system call
 * again. */
static void say_no_context(const struct capstate *s, int32_t thread, uint32_t depth,
                           struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    char who[WHY_NAME];
    why_say(out, depth, WHY_ABOUT_THREAD, t->addr,
            "%s is runnable but has no scheduling context: it stays so for ever, unless somebody "
            "binds one to it",
            why_name(s, thread, who));
    if (t->state == RECORD_THREAD_RESTART)
        why_say(out, depth + 1, WHY_ABOUT_NOTHING, 0, "it was resumed without one");
    else
        why_say(out, depth + 1, WHY_ABOUT_NOTHING, 0,
                "a client that sent to a passive server instead of calling it gave it none, or its "
                "own was taken from it");
}

static void say_elsewhere(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const struct record_sched_context *sc = context_at(s, t->sched_context);
    char who[WHY_NAME], owner[WHY_NAME];
    why_say(out, depth, WHY_ABOUT_THREAD, sc->thread,
            "%s cannot run: its scheduling context 0x%0*" PRIx64 " is bound to %s",
            why_name(s, thread, who), capstate_digits(s), sc->addr,
            why_name_at(s, sc->thread, owner));
}

/* The kernel's clock is not in a snapshot.  The budget of the thread that runs began not long ago.
 */
static uint64_t about_now(const struct capstate *s, const struct record_thread *t)
{
    for (uint32_t i = 0; i < s->sched_count; i++) {
        const struct record_sched_context *sc = context_at(s, s->scheds[i].sched_context);
        if (s->scheds[i].node == t->node && sc && sc->thread == s->scheds[i].current)
            return sc->head_time;
    }
    return 0;
}

static void say_used_up(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const struct record_sched_context *sc = context_at(s, t->sched_context);
    char who[WHY_NAME], wait[64] = "";
    uint64_t now = about_now(s, t), until = sc ? sc->head_time : 0;
    if (now && now < until)
        snprintf(wait, sizeof(wait), ", about %" PRIu64 " tick%s from now", until - now,
                 plural_s(until - now));
    why_say(out, depth, WHY_ABOUT_THREAD, t->addr,
            "%s has used up its budget of %" PRIu64 " tick%s: it waits in the release queue, place "
            "%u, until tick %" PRIu64 "%s",
            why_name(s, thread, who), sc ? sc->budget : 0, plural_s(sc ? sc->budget : 0),
            t->release, until, wait);
}

static void say_no_budget(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    char who[WHY_NAME];
    why_say(out, depth, WHY_ABOUT_THREAD, t->addr,
            "%s is runnable, but its scheduling context 0x%0*" PRIx64 " was never given a budget: "
            "it stays so until somebody configures it",
            why_name(s, thread, who), capstate_digits(s), t->sched_context);
}

bool why_say_time(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    switch (why_time(s, thread)) {
    case WHY_TIME_NO_CONTEXT:
        say_no_context(s, thread, depth, out);
        return true;
    case WHY_TIME_ELSEWHERE:
        say_elsewhere(s, thread, depth, out);
        return true;
    case WHY_TIME_NO_BUDGET:
        say_no_budget(s, thread, depth, out);
        return true;
    case WHY_TIME_USED_UP:
        say_used_up(s, thread, depth, out);
        return true;
    case WHY_TIME_ENOUGH:
        break;
    }
    return false;
}

void why_say_time_later(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    enum why_time time = why_time(s, thread);
    if (time == WHY_TIME_NO_CONTEXT)
        why_say(out, depth, WHY_ABOUT_NOTHING, 0,
                "it has no scheduling context either: resumed, it would not run");
    else if (time == WHY_TIME_NO_BUDGET)
        why_say(
            out, depth, WHY_ABOUT_NOTHING, 0,
            "its scheduling context was never given a budget either: resumed, it would not run");
}

/* Reply objects over which one scheduling context went on form a chain; the last call's has it. */
void why_say_lent(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out)
{
    const struct record_thread *t = &s->threads[thread].rec;
    const struct record_sched_context *sc = NULL;
    char who[WHY_NAME];
    uint64_t reply = 0;
    if (t->sched_context || !(s->snapshot.options & RECORD_OPTION_MCS))
        return;
    for (uint32_t i = 0; i < s->reply_count; i++)
        if (s->replies[i].thread == t->addr)
            reply = s->replies[i].addr;
    for (uint32_t left = s->reply_count; reply && !sc && left > 0; left--) {
        uint64_t at = reply;
        reply = 0;
        for (uint32_t i = 0; i < s->reply_count; i++)
            if (s->replies[i].addr == at) {
                sc = context_at(s, s->replies[i].sched_context);
                reply = s->replies[i].next;
            }
    }
    if (sc && sc->thread)
        why_say(out, depth, WHY_ABOUT_THREAD, sc->thread,
                "its scheduling context 0x%0*" PRIx64 " went with the call: %s has it now",
                capstate_digits(s), sc->addr, why_name_at(s, sc->thread, who));
}
