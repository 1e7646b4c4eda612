/* Follows the live line.  The mirror is trusted as long as event numbers go on by one, every event
 * fits, and every digest agrees; the first doubt is said, and the next thing that is done is to
 * take a new base.
 *
 *              base whole and its digest agrees
 *      lost  ------------------------------------>  sound
 *       ^                                             |
 *       +--- gap, frame lost, misfit, digest, silence +
 *
 * Numbers are kept apart from the mirror: `last` is the last event the listener knows to have
 * happened, so that even what is lost while there is no mirror is told with its size. */
#include "attach/live.h"

#include "attach/door.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_TRIES = 8, BASE_TRIES = 3, SENTENCE = 200 };

struct live {
    struct attach *a;
    struct attach_live hears; /* what the door calls */
    struct live_listener listener;
    struct replay mirror;
    struct live_counts counts;
    bool begun; /* there was a base: numbers count */
    bool lost;
    bool sized;           /* the reason goes on from how many events it cost */
    uint64_t lost_before; /* numbers that were lost before the trouble at hand */
    bool trace_was_on;
    char why[SENTENCE];
    uint64_t last;
    uint32_t boot; /* of the run of the machine that the numbers belong to, 0: not known */
    int64_t heard; /* when the kernel spoke last */
};

/* --- trouble --- */

__attribute__((format(printf, 2, 3))) static void lose(struct live *l, const char *fmt, ...)
{
    va_list args;
    if (l->lost)
        return; /* the first reason is the cause of the others */
    l->lost = true;
    l->lost_before = l->counts.lost;
    va_start(args, fmt);
    vsnprintf(l->why, sizeof(l->why), fmt, args);
    va_end(args);
}

static void say(const struct live *l, const char *sentence)
{
    if (l->listener.say)
        l->listener.say(l->listener.ctx, sentence);
}

static void lose_mirror(struct live *l, enum error e, const struct record *r)
{
    const struct replay *m = &l->mirror;
    switch (e) {
    case ERR_SEQUENCE:
        lose(l, "events are lost, from number %" PRIu64 " on", m->trouble);
        if (r->kind != RECORD_DIGEST) /* these are counted already, and there may come more */
            l->lost_before -= m->lost;
        l->sized = true;
        break;
    case ERR_CHECKSUM:
        lose(l, "after event %" PRIu64 " the mirror's digest is not the kernel's", m->seq);
        break;
    case ERR_CORRUPT:
        lose(l, "event %" PRIu64 " (%s) does not fit the mirror at slot 0x%08" PRIx64, r->event.seq,
             event_kind_name(r->event.kind), m->trouble);
        break;
    default:
        lose(l, "after event %" PRIu64 ": %s", m->seq, error_sentence(e));
    }
}

/* --- what comes --- */

static void tell(struct live *l, const struct record *r)
{
    if (l->listener.record)
        l->listener.record(l->listener.ctx, r);
}

/* Everything up to and including number `seq` has happened; what was not told is lost. */
static void advance(struct live *l, uint64_t seq, bool told)
{
    struct record gap = {.kind = RECORD_GAP};
    uint64_t missing = seq - l->last - (told ? 1 : 0);
    gap.gap.first = l->last + 1;
    gap.gap.count = missing;
    l->last = seq;
    if (missing == 0)
        return;
    l->counts.lost += missing;
    tell(l, &gap);
}

static void take_event(struct live *l, const struct record *r)
{
    advance(l, r->event.seq, true);
    l->counts.events++;
    tell(l, r);
}

static void hear_record(void *ctx, const struct record *r)
{
    struct live *l = ctx;
    l->heard = clock_now_ms();
    if (!l->begun)
        return;
    if (r->kind == RECORD_EVENT)
        take_event(l, r);
    if (r->kind == RECORD_GAP)
        advance(l, r->gap.first + r->gap.count - 1, false);
    if (l->lost)
        return;
    enum error e = replay_record(&l->mirror, r);
    if (e != ERR_OK)
        lose_mirror(l, e, r);
    else if (r->kind == RECORD_DIGEST)
        l->counts.digests++;
}

static void hear_loss(void *ctx, enum error why)
{
    struct live *l = ctx;
    if (l->begun && why == ERR_TIMEOUT)
        lose(l, "the target gave no answer after event %" PRIu64, l->last);
    else if (l->begun)
        lose(l, "a frame was lost or damaged on the line after event %" PRIu64, l->last);
}

/* --- bases --- */

struct base {
    struct record_snapshot snapshot;
    struct record_end end;
};

static enum error note_ends(void *ctx, const struct record *r)
{
    struct base *b = ctx;
    if (r->kind == RECORD_SNAPSHOT)
        b->snapshot = r->snapshot;
    if (r->kind == RECORD_END)
        b->end = r->end;
    return ERR_OK;
}

static enum error mirror_record(void *ctx, const struct record *r)
{
    struct live *l = ctx;
    return replay_record(&l->mirror, r);
}

/* Numbers that go back are of another run of the machine, also where the kernel does not number its
 * runs. */
static bool is_of_another_run(const struct live *l, const struct record_snapshot *s, uint64_t last)
{
    return (int64_t)(s->seq - last) < 0 || (l->boot && s->boot && s->boot != l->boot);
}

/* The events came first, so a sound mirror is now what the snapshot shows. */
static void compare_with_base(struct live *l, const struct base *b)
{
    uint32_t d[2];
    if (l->lost || !l->begun || is_of_another_run(l, &b->snapshot, l->mirror.seq))
        return; /* take_numbers() says so */
    if (b->snapshot.seq != l->mirror.seq) {
        lose(l, "events are lost, from number %" PRIu64 " on", l->mirror.seq + 1);
        l->sized = true;
        return;
    }
    replay_digest(&l->mirror, d);
    if (d[0] != b->end.digest0 || d[1] != b->end.digest1)
        lose(l, "the snapshot at event %" PRIu64 " differs from the mirror", b->snapshot.seq);
    else
        l->counts.digests++;
}

/* How many events the machine had before it went is known to nobody.  Of all that may have been
 * noticed of it this is the cause. */
static void restarted(struct live *l, uint64_t seq)
{
    const struct record gap = {.kind = RECORD_GAP, .gap = {.first = l->last + 1}};
    l->lost = l->sized = false;
    lose(l, "the machine was restarted after event %" PRIu64 ", and is at its event %" PRIu64,
         l->last, seq);
    tell(l, &gap);
}

static void take_numbers(struct live *l, const struct record_snapshot *s)
{
    if (l->begun && is_of_another_run(l, s, l->last))
        restarted(l, s->seq);
    else if (l->begun)
        advance(l, s->seq, false);
    l->last = s->seq;
    l->boot = s->boot;
    l->begun = true;
}

static void say_loss(struct live *l)
{
    char sentence[SENTENCE + 100];
    uint64_t missed = l->counts.lost - l->lost_before;
    if (!l->lost)
        return;
    l->counts.trouble++;
    if (l->sized)
        snprintf(sentence, sizeof(sentence), "%" PRIu64 " %s; a new base was taken", missed,
                 l->why);
    else if (missed)
        snprintf(sentence, sizeof(sentence), "%s; %" PRIu64 " event%s missed; a new base was taken",
                 l->why, missed, missed == 1 ? " was" : "s were");
    else
        snprintf(sentence, sizeof(sentence), "%s; a new base was taken", l->why);
    say(l, sentence);
    l->lost = l->sized = false;
}

/* Once. A base that does not hold together is the line's fault or the kernel's. */
static enum error base_once(struct live *l)
{
    struct base b = {0};
    enum error e = l->a->door ? l->a->ops->live(l->a, &l->hears) : ERR_CLOSED;
    if (e != ERR_OK)
        return attach_judge(l->a, e);
    e = stream_deliver(&l->a->stream, note_ends, &b);
    if (e != ERR_OK)
        return attach_fail(l->a, e, "the base snapshot: %s", error_sentence(e));
    compare_with_base(l, &b);
    take_numbers(l, &b.snapshot);
    e = stream_deliver(&l->a->stream, mirror_record, l);
    if (e != ERR_OK)
        return attach_fail(l->a, e, "the base snapshot cannot be mirrored: %s", error_sentence(e));
    l->heard = clock_now_ms();
    l->counts.bases++;
    say_loss(l);
    return ERR_OK;
}

static enum error take_base(struct live *l)
{
    enum error e = ERR_OK;
    for (unsigned i = 0; i < BASE_TRIES; i++) {
        e = base_once(l);
        if (e != ERR_CHECKSUM && e != ERR_CORRUPT && e != ERR_TRUNCATED)
            break;
    }
    return e;
}

/* --- for others --- */

/* Repeats a `trace` command, on a noisy line, until its answer comes through. Caller frees *text.
 */
static enum error ask_trace(struct live *l, const char *line, char **text)
{
    enum error e = ERR_SEQUENCE;
    for (unsigned i = 0; i < COMMAND_TRIES; i++) {
        *text = NULL;
        e = attach_command(l->a, line, text);
        if (e == ERR_OK && strstr(*text, "trace is"))
            return ERR_OK;
        if (e != ERR_OK && e != ERR_SEQUENCE && e != ERR_TIMEOUT)
            return e;
        if (i + 1 < COMMAND_TRIES || e != ERR_OK)
            free(*text);
    }
    return e;
}

static enum error remember_trace(struct live *l)
{
    char *text = NULL;
    enum error e = ask_trace(l, "trace", &text);
    if (e != ERR_OK)
        return e;
    l->trace_was_on = strstr(text, "trace is on");
    free(text);
    return ERR_OK;
}

enum error live_open(struct attach *a, const struct live_listener *listener, struct live **out)
{
    *out = NULL;
    if (!a->ops->live)
        return attach_fail(a, ERR_UNSUPPORTED, "this way in has no live line");
    struct live *l = calloc(1, sizeof(*l));
    if (!l)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    l->a = a;
    l->hears = (struct attach_live){.ctx = l, .record = hear_record, .lost = hear_loss};
    l->listener = *listener;
    replay_init(&l->mirror);
    enum error e = remember_trace(l);
    if (e == ERR_OK)
        e = take_base(l);
    if (e != ERR_OK) {
        live_close(l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

/* To whom cannot be reached nothing is said: the line in the kernel ends by itself. */
static bool is_reachable(const struct live *l)
{
    enum attach_being being = attach_last_state(l->a)->being;
    return l->a->door && being != ATTACH_GONE && being != ATTACH_UNREACHABLE;
}

void live_close(struct live *l)
{
    char *text = NULL;
    if (!l)
        return;
    l->begun = false; /* what still comes is nobody's */
    if (is_reachable(l) && l->a->ops->live(l->a, NULL) == ERR_OK && !l->trace_was_on &&
        ask_trace(l, "trace off", &text) == ERR_OK)
        free(text);
    replay_free(&l->mirror);
    free(l);
}

void live_rest(struct live *l)
{
    if (is_reachable(l))
        (void)l->a->ops->live(l->a, NULL);
    lose(l, "nobody listened after event %" PRIu64, l->last);
}

enum error live_poll(struct live *l, int ms)
{
    if (!l->a->door)
        return ERR_CLOSED;
    enum error e = l->lost ? ERR_OK : l->a->ops->listen(l->a, ms);
    if (e != ERR_OK)
        return attach_judge(l->a, e);
    if (clock_now_ms() - l->heard > LIVE_SILENCE_MS)
        lose(l, "the live line was silent for %d s after event %" PRIu64, LIVE_SILENCE_MS / 1000,
             l->last);
    return l->lost ? take_base(l) : ERR_OK;
}

enum error live_recover(struct live *l)
{
    int64_t silent_ms = clock_now_ms() - l->heard;
    enum error e = attach_recover(l->a);
    if (e != ERR_OK)
        return e;
    lose(l, "the target was not to be reached for %lld s after event %" PRIu64,
         (long long)(silent_ms + 500) / 1000, l->last);
    return take_base(l);
}

enum error live_snapshot(struct live *l, struct capstate *out)
{
    enum error e = take_base(l);
    return e == ERR_OK ? attach_take_state(l->a, out) : e;
}

const struct replay *live_mirror(const struct live *l)
{
    return &l->mirror;
}

const struct live_counts *live_counts(const struct live *l)
{
    return &l->counts;
}
