/* Why a thread does not run. */
#include "facts/why.h"

#include "facts/waiting.h"
#include "facts/why_time.h"
#include "lib/plural.h"
#include "lib/texts.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 24, SHOWN_WAKERS = 6, NAME = WHY_NAME };

struct chain {
    const struct capstate *s;
    struct waiting w;
    struct why *out;
    int32_t path[DEEPEST + 1];
};

static void say(struct chain *c, uint32_t depth, int32_t thread, const char *text)
{
    why_say(c->out, depth, WHY_ABOUT_THREAD, c->s->threads[thread].rec.addr, "%s", text);
}

/* --- ready, but not chosen --- */

static const struct record_sched *scheduler_of(const struct capstate *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->sched_count; i++)
        if (s->scheds[i].node == node)
            return &s->scheds[i];
    return &s->sched;
}

static int32_t best_above(const struct capstate *s, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    int32_t best = -1;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *o = &s->threads[i].rec;
        if ((int32_t)i == thread || o->idle || !why_is_runnable(o) || o->node != t->node ||
            o->domain != t->domain || o->priority < t->priority ||
            (!o->current && why_time(s, (int32_t)i) != WHY_TIME_ENOUGH))
            continue;
        if (best < 0 || o->current > s->threads[best].rec.current ||
            (o->current == s->threads[best].rec.current &&
             o->priority > s->threads[best].rec.priority))
            best = (int32_t)i;
    }
    return best;
}

/* All processors run the same one; the first tells it also when none of its threads can run. */
static uint32_t running_domain(const struct capstate *s, const struct record_sched *sched)
{
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].rec.addr == sched->current && !s->threads[i].rec.idle)
            return s->threads[i].rec.domain;
    return s->sched.domain;
}

static void ready(struct chain *c, int32_t thread, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[thread].rec;
    const struct record_sched *sched = scheduler_of(c->s, t->node);
    char who[NAME], other[NAME];
    if (t->current) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "%s runs", why_name(c->s, thread, who));
        return;
    }
    if (why_say_time(c->s, thread, depth, c->out))
        return;
    if (t->domain != running_domain(c->s, sched)) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s is ready, but its scheduling domain %u does not run now: domain %u does",
                why_name(c->s, thread, who), t->domain, running_domain(c->s, sched));
        return;
    }
    int32_t above = best_above(c->s, thread);
    if (above < 0) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s is ready and nothing stands above it: it runs next",
                why_name(c->s, thread, who));
        return;
    }
    bool equal = c->s->threads[above].rec.priority == t->priority;
    why_say(c->out, depth, WHY_ABOUT_THREAD, c->s->threads[above].rec.addr,
            equal ? "%s is ready at priority %u and takes turns with %s%s"
                  : "%s is ready at priority %u, but %s%s stands above it",
            why_name(c->s, thread, who), t->priority, why_name(c->s, above, other),
            c->s->threads[above].rec.current ? ", which runs," : "");
    if (!equal)
        why_say(c->out, depth + 1, WHY_ABOUT_THREAD, c->s->threads[above].rec.addr,
                "%s has priority %u", other, c->s->threads[above].rec.priority);
}

/* --- blocked --- */

static void explain(struct chain *c, int32_t thread, uint32_t depth);

static int32_t on_path(const struct chain *c, int32_t thread, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++)
        if (c->path[i] == thread)
            return (int32_t)i;
    return -1;
}

/* The circle, from where it closes: A waits for B waits for A. */
static void say_circle(struct chain *c, int32_t from, uint32_t depth)
{
    char text[WHY_TEXT], who[NAME];
    size_t n = (size_t)snprintf(text, sizeof(text), "deadlock: ");
    for (uint32_t i = (uint32_t)from; i < depth && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%.60s waits for ",
                              why_name(c->s, c->path[i], who));
    if (n < sizeof(text))
        snprintf(text + n, sizeof(text) - n, "%.60s", why_name(c->s, c->path[from], who));
    say(c, depth, c->path[from], text);
}

static void say_waker(struct chain *c, int32_t waker, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[waker].rec;
    bool late = why_is_runnable(t) && why_time(c->s, waker) == WHY_TIME_USED_UP;
    char who[NAME];
    why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "%s can end that; it is %s now",
            why_name(c->s, waker, who), late ? "waiting for its next budget" : why_doing(t));
}

/* Those who can go on themselves, the nearest to it first: *left is how many are named yet. */
static void say_wakers(struct chain *c, int32_t thread, bool soon, uint32_t depth, uint32_t *left)
{
    for (uint32_t k = c->w.first[thread]; k < c->w.first[thread + 1] && *left; k++) {
        int32_t waker = c->w.wakers[k];
        if (!c->w.can_go_on[waker] || why_is_runnable(&c->s->threads[waker].rec) != soon)
            continue;
        say_waker(c, waker, depth);
        --*left;
    }
}

/* None of them can go on: why not, each. */
static void explain_each_waker(struct chain *c, int32_t thread, uint32_t depth)
{
    uint32_t first = c->w.first[thread], end = c->w.first[thread + 1];
    for (uint32_t k = first; k < end && k - first < SHOWN_WAKERS; k++) {
        int32_t circle = on_path(c, c->w.wakers[k], depth);
        if (circle >= 0)
            say_circle(c, circle, depth);
        else if (depth < DEEPEST)
            explain(c, c->w.wakers[k], depth);
    }
    if (end - first > SHOWN_WAKERS)
        why_say(c->out, depth, WHY_ABOUT_NOTHING, 0, "and %u more thread%s could",
                end - first - SHOWN_WAKERS, plural_s(end - first - SHOWN_WAKERS));
}

static uint32_t count_able(const struct chain *c, int32_t thread)
{
    uint32_t able = 0;
    for (uint32_t k = c->w.first[thread]; k < c->w.first[thread + 1]; k++)
        able += c->w.can_go_on[c->w.wakers[k]];
    return able;
}

/* Those who could wake it. When none of them can go on, each is explained, else they are named. */
static void explain_wakers(struct chain *c, int32_t thread, uint32_t depth)
{
    uint32_t able = count_able(c, thread);
    uint32_t left = SHOWN_WAKERS;
    if (c->w.outside[thread])
        why_say(c->out, depth + 1, WHY_ABOUT_NOTHING, 0, "an interrupt can end that");
    if (!c->w.can_go_on[thread]) {
        explain_each_waker(c, thread, depth + 1);
        return;
    }
    say_wakers(c, thread, true, depth + 1, &left);
    say_wakers(c, thread, false, depth + 1, &left);
    if (able > SHOWN_WAKERS)
        why_say(c->out, depth + 1, WHY_ABOUT_NOTHING, 0, "and %u more thread%s could",
                able - SHOWN_WAKERS, plural_s(able - SHOWN_WAKERS));
}

static bool nobody(const struct chain *c, int32_t thread)
{
    return c->w.first[thread] == c->w.first[thread + 1] && !c->w.outside[thread];
}

static void place(const struct capstate *s, uint64_t addr, char *buf, size_t size)
{
    int32_t object = capstate_object_at(s, addr);
    if (object >= 0)
        capstate_object_text(s, object, buf, size);
    else
        snprintf(buf, size, "0x%0*" PRIx64 ", to which no capability is left", capstate_digits(s),
                 addr);
}

/* What a thread waits about when its message is a fault's; empty without one. */
static void fault_words(const struct record_thread *t, char buf[NAME])
{
    char fault[WHY_NAME];
    buf[0] = '\0';
    if (t->fault == RECORD_FAULT_TIMEOUT)
        snprintf(buf, NAME, "has used up its budget, has told its timeout handler so, and ");
    else if (t->fault)
        snprintf(buf, NAME, "has faulted (%.150s) and ", why_fault_words(t, fault));
}

static void blocked(struct chain *c, int32_t thread, uint32_t depth)
{
    static const struct {
        uint32_t state;
        const char *waits, *never;
    } words[] = {
        {RECORD_THREAD_BLOCKED_ON_SEND, "waits to send through",
         "nobody else holds the right to receive "
         "there: it waits for ever"},
        {RECORD_THREAD_BLOCKED_ON_RECEIVE, "waits to receive from",
         "nobody else holds the right to send "
         "there: it waits for ever"},
        {RECORD_THREAD_BLOCKED_ON_NOTIFICATION, "waits for a signal of",
         "nobody else holds the right to signal it: it waits for ever"},
    };
    const struct record_thread *t = &c->s->threads[thread].rec;
    char who[NAME], on[NAME], queue[64] = "", fault[NAME] = "";
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (words[i].state != t->state)
            continue;
        place(c->s, t->blocked_on, on, sizeof(on));
        if (t->position > 1)
            snprintf(queue, sizeof(queue), ", place %u in the queue", t->position);
        fault_words(t, fault);
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "%s %s%s %s%s",
                why_name(c->s, thread, who), fault, words[i].waits, on, queue);
        if (nobody(c, thread))
            why_say(c->out, depth + 1, WHY_ABOUT_MEMORY, t->blocked_on, "%s", words[i].never);
        else
            explain_wakers(c, thread, depth);
    }
}

static void replied(struct chain *c, int32_t thread, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[thread].rec;
    char who[NAME], fault[NAME] = "";
    fault_words(t, fault);
    why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "%s %swaits for an answer",
            why_name(c->s, thread, who), fault);
    why_say_lent(c->s, thread, depth + 1, c->out);
    if (nobody(c, thread))
        why_say(c->out, depth + 1, WHY_ABOUT_THREAD, t->addr,
                "the reply capability is gone: no answer can come");
    else
        explain_wakers(c, thread, depth);
}

static void no_handler(struct chain *c, int32_t thread, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[thread].rec;
    int32_t slot;
    if (waiting_handler(c->s, thread, &slot) >= 0)
        return;
    if (t->fault_handler)
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "its fault handler 0x%" PRIx64 " is no endpoint", t->fault_handler);
    else
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "it has no fault handler");
}

static void inactive(struct chain *c, int32_t thread, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[thread].rec;
    char who[NAME], fault[NAME];
    why_name(c->s, thread, who);
    if (t->fault) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s has faulted (%s), and nobody handles it", who, why_fault_words(t, fault));
        no_handler(c, thread, depth + 1);
    } else if (t->pc == 0 && t->sp == 0) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s was never started: its registers are as a new thread has them", who);
    } else if (why_may_have_faulted(c->s, thread)) {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s is stopped: it was suspended, or it faulted and had no handler", who);
        no_handler(c, thread, depth + 1);
        why_unkept_fault(c->s, thread, depth + 1, c->out);
    } else {
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr,
                "%s is suspended: somebody has to resume it", who);
    }
    why_say_time_later(c->s, thread, depth + 1, c->out);
}

static void explain(struct chain *c, int32_t thread, uint32_t depth)
{
    const struct record_thread *t = &c->s->threads[thread].rec;
    char who[NAME];
    c->path[depth] = thread;
    if (t->idle)
        why_say(c->out, depth, WHY_ABOUT_THREAD, t->addr, "%s runs when nobody else can",
                why_name(c->s, thread, who));
    else if (why_is_runnable(t))
        ready(c, thread, depth);
    else if (t->state == RECORD_THREAD_BLOCKED_ON_REPLY)
        replied(c, thread, depth);
    else if (t->state == RECORD_THREAD_INACTIVE)
        inactive(c, thread, depth);
    else
        blocked(c, thread, depth);
}

void why_not_running_in(const struct capstate *s, const struct waiting *w, int32_t thread,
                        struct why *out)
{
    struct chain c = {.s = s, .w = *w, .out = out};
    uint32_t before = out->count;
    explain(&c, thread, 0);
    if (out->count == before) {
        out->status = WHY_UNKNOWN;
        why_say(out, 0, WHY_ABOUT_THREAD, s->threads[thread].rec.addr,
                "its state (%u) is none that is known here", s->threads[thread].rec.state);
    }
}

void why_not_running(const struct capstate *s, int32_t thread, struct why *out)
{
    struct waiting w;
    if (waiting_build(s, &w) == ERR_OK)
        why_not_running_in(s, &w, thread, out);
    else
        out->status = WHY_NO_MEMORY;
    waiting_free(&w);
}

bool why_is_stuck(const struct capstate *s, const struct waiting *w, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    bool blocked = t->state != RECORD_THREAD_INACTIVE;
    return t->fault != 0 || (blocked && !w->can_go_on[thread]);
}

TEXTS_OF(why_mark_word, enum why_mark, WHY_MARK_LIST, TEXTS_SECOND, "?")

enum why_mark why_mark(const struct capstate *s, const struct waiting *w, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    if (t->fault)
        return WHY_MARK_FAULT;
    if (why_is_stuck(s, w, thread))
        return WHY_MARK_STUCK;
    if (why_is_runnable(t) && why_time(s, thread) == WHY_TIME_USED_UP)
        return WHY_MARK_NO_TIME;
    return t->state == RECORD_THREAD_INACTIVE && !t->idle ? WHY_MARK_STOPPED : WHY_MARK_NONE;
}

enum error why_stuck(const struct capstate *s, bool *stuck)
{
    struct waiting w;
    enum error e = waiting_build(s, &w);
    for (uint32_t i = 0; e == ERR_OK && i < s->thread_count; i++)
        stuck[i] = why_is_stuck(s, &w, (int32_t)i);
    waiting_free(&w);
    return e;
}
