/* The model's time: which snapshot or event of the time line is shown, which one is remembered, and
 * what a minute ago looked like. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/session_private.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTE = 60 };

/* --- time --- */

bool session_is_back(const struct session *s)
{
    return s->at != 0 && (source_is_live(s->source) || s->target.kind != TARGET_RECORDING);
}

bool session_is_older(const struct session *s)
{
    bool stands = s->target.kind == TARGET_STOPPED || s->target.kind == TARGET_HELD;
    return stands && s->now && s->at == 0 && !s->now->event &&
           (s->now->target.kind != s->target.kind ||
            strcmp(s->now->target.where, s->target.where) != 0);
}

/* Events are kept of one run of the machine. */
bool session_has_events(const struct session *s)
{
    return source_event_window(s->source).run == s->now->run;
}

const struct revocation *session_ended(const struct session *s)
{
    if (!s->stepped || !s->now || !session_is_past(s) || s->now->state.revoke.root ||
        !session_has_events(s))
        return NULL;
    uint64_t seq = session_event(s);
    const struct revocation *k = revocations_at(&s->revocations, seq);
    return k && k->ended && k->last == seq ? k : NULL;
}

bool session_keeps_stops(const struct session *s)
{
    return s->now && s->now->state.snapshot.kernel == RECORD_KERNEL_CAPSCOPE;
}

unsigned session_stops(uint32_t set)
{
    return (unsigned)__builtin_popcount(set);
}

bool session_is_past(const struct session *s)
{
    bool goes_back = s->event_wanted != 0; /* keys may come before it is there */
    return goes_back || s->at != 0 || s->target.kind == TARGET_RECORDING ||
           s->target.kind == TARGET_IMAGE;
}

void session_grown(struct session *s)
{
    uint32_t total;
    struct moment last;
    source_moments(s->source, &last, 1, &total);
    if (s->later_due && total > s->at) {
        session_say(s, false, "%s", "");
        session_seek(s, s->at + 1);
    } else if (s->newest_due && total > s->at) {
        session_seek(s, total);
    }
    s->newest_due = s->later_due = false;
}

/* A recording, if there is one, has it still. */
static void say_dropped(struct session *s, uint32_t number)
{
    uint32_t total, recorded = 0;
    struct moment none;
    source_moments(s->source, &none, 1, &total);
    struct moment *all = calloc(total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, total, &total) : 0;
    if (number <= n)
        recorded = all[number - 1].recorded;
    free(all);
    session_say(s, true, "snapshot %u is not in memory any more%s", recorded ? recorded : number,
                recorded ? "; the recording has it" : "");
}

void session_seek_shown(struct session *s, uint32_t shown)
{
    char why[SESSION_MESSAGE];
    if (!source_is_live(s->source)) { /* somebody may have recorded more */
        session_seek(s, shown);
        return;
    }
    uint32_t point = source_point(s->source, shown, why, sizeof(why));
    if (!point) {
        session_say(s, true, "%s", why);
        return;
    }
    session_seek(s, point);
    if (s->at == 0)
        session_say(s, false, "this is the newest snapshot");
    else if (s->now && s->now->number == point && sample_number(s->now) != shown)
        session_say(s, false, "snapshot %u has what snapshot %u has: nothing changed between them",
                    shown, sample_number(s->now));
}

void session_seek(struct session *s, uint32_t number)
{
    uint32_t total;
    struct moment last;
    s->wanted = 0;
    s->event_wanted = 0;
    s->newest_due = s->later_due = false;
    source_moments(s->source, &last, 1, &total);
    bool live = source_is_live(s->source);
    if (number == 0 || (live && number >= total)) {
        s->at = live ? 0 : total;
        if (live && s->latest)
            session_show(s, s->latest, NULL);
        if (live)
            return;
        number = total;
        s->newest_due = true;
        source_ask(s->source, &(const struct ask){.kind = ASK_SAMPLE});
    }
    struct sample *kept = source_sample(s->source, number);
    if (kept) {
        s->at = number;
        session_show(s, kept, NULL);
        sample_drop(kept);
        if (!live)
            source_ask(s->source, &(const struct ask){.kind = ASK_AROUND, .number = number});
        return;
    }
    if (live) {
        say_dropped(s, number);
        return;
    }
    const struct ask ask = {.kind = ASK_SEEK, .number = number};
    s->wanted = number;
    source_ask(s->source, &ask);
}

static uint32_t shown_number(const struct session *s, uint32_t total)
{
    return s->at ? s->at : total;
}

/* From the newest snapshot on: to one that somebody has recorded meanwhile, if there is one. */
static void seek_recorded(struct session *s)
{
    session_say(s, false, "this is the newest snapshot");
    if (source_is_live(s->source))
        return;
    s->later_due = true;
    source_ask(s->source, &(const struct ask){.kind = ASK_SAMPLE});
}

void session_seek_by(struct session *s, long snapshots)
{
    uint32_t total;
    struct moment last;
    source_moments(s->source, &last, 1, &total);
    /* from between two snapshots the one before is the first on the way back */
    long half = s->now && s->now->event && snapshots < 0 ? 1 : 0;
    long to = (long)(s->wanted ? s->wanted : shown_number(s, total)) + snapshots + half;
    if (to < 1 && shown_number(s, total) <= 1)
        session_say(s, false, "this is the first snapshot");
    else if (to > (long)total && shown_number(s, total) >= total)
        seek_recorded(s);
    else
        session_seek(s, to < 1 ? 1 : to > (long)total ? total : (uint32_t)to);
}

/* Number of the last point of the time line that `past` does not hold for, else of the first; run: only
 * points of this run of the machine, NULL: of all. */
static uint32_t last_before(struct session *s, bool (*past)(const struct moment *, double),
                            double x, const uint32_t *run)
{
    uint32_t total, found = 0;
    struct moment none;
    source_moments(s->source, &none, 1, &total);
    struct moment *all = calloc(total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, total, &total) : 0;
    for (uint32_t i = 0; i < n; i++)
        if ((!run || all[i].run == *run) && (!found || !past(&all[i], x)))
            found = all[i].number;
    free(all);
    return found ? found : 1;
}

static bool later(const struct moment *m, double time)
{
    return m->time > time;
}

static bool further(const struct moment *m, double seq)
{
    return (double)m->seq > seq;
}

void session_reach(const struct session *s, double *first, double *last)
{
    uint32_t total;
    struct moment none;
    *first = *last = s->now ? s->now->time : 0;
    source_moments(s->source, &none, 1, &total);
    struct moment *all = calloc(total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, total, &total) : 0;
    for (uint32_t i = 0; i < n; i++) {
        *first = all[i].time < *first ? all[i].time : *first;
        *last = all[i].time > *last ? all[i].time : *last;
    }
    free(all);
}

void session_seek_time(struct session *s, double time)
{
    char clock[16];
    uint32_t total;
    struct moment newest;
    uint32_t n = last_before(s, later, time, NULL);
    bool end = source_moments(s->source, &newest, 1, &total) == 1 && newest.time < time;
    struct sample *at = n == 1 ? source_sample(s->source, 1) : NULL;
    if (end)
        session_say(s, false, "the newest snapshot is of %s", session_clock(newest.time, clock));
    else if (at && at->time > time)
        session_say(s, false, "the first snapshot is of %s", session_clock(at->time, clock));
    sample_drop(at);
    session_seek(s, n);
}

uint64_t session_event(const struct session *s)
{
    return s->now ? s->now->state.snapshot.seq : 0;
}

bool session_not_there(struct session *s, const struct answer *a)
{
    bool wanted = a->kind == ASK_EVENT && a->addr == s->event_wanted;
    if (wanted)
        s->event_wanted = 0;
    if (wanted && s->event_way) { /* events are missing on the way: over them */
        session_seek_by(s, s->event_way);
        session_say(s, false,
                    "not all events between two snapshots are recorded here: by snapshot");
        return true;
    }
    if (a->kind == ASK_SEEK)
        s->wanted = 0;
    return false;
}

uint64_t session_event_ahead(const struct session *s)
{
    return s->event_wanted ? s->event_wanted : session_event(s);
}

/* The newest of a system that runs is shown as it runs on. */
static bool is_shown_live(const struct session *s, uint32_t n)
{
    uint32_t total;
    struct moment last;
    source_moments(s->source, &last, 1, &total);
    return source_is_live(s->source) && n >= total;
}

/* stays: also where the newest snapshot is as it was behind that event. */
static void to_event(struct session *s, uint64_t seq, bool stays)
{
    uint64_t first, last, lost;
    uint32_t run = source_event_window(s->source).run;
    s->event_way = 0;
    uint32_t n = last_before(s, further, (double)seq, &run);
    struct sample *kept = source_sample(s->source, n);
    bool whole = kept && kept->state.snapshot.seq == seq && !(stays && is_shown_live(s, n));
    sample_drop(kept);
    if (whole) { /* that event ends a snapshot: all of it is told */
        session_seek(s, n);
    } else if (!source_event_range(s->source, &first, &last, &lost) || seq < first || seq > last) {
        session_say(s, true, "event %llu is not kept here: %s", (unsigned long long)seq,
                    last ? "too long ago, or not there yet" : "there are none");
    } else {
        const struct ask ask = {.kind = ASK_EVENT, .addr = seq};
        s->wanted = 0;
        s->newest_due = false;
        if (source_ask(s->source, &ask))
            s->event_wanted = seq;
    }
}

void session_to_event(struct session *s, uint64_t seq)
{
    to_event(s, seq, false);
}

/* Without events to go by: to the next snapshot that shows others. */
static void seek_numbers(struct session *s, long events)
{
    double seq = (double)session_event(s) + (double)events;
    uint32_t n = last_before(s, further, events > 0 ? seq - 1 : seq, NULL);
    session_seek(s, events > 0 ? n + 1 : n);
}

static bool is_newest_run(const struct session *s)
{
    uint32_t total;
    struct moment newest;
    return source_moments(s->source, &newest, 1, &total) != 1 || newest.run == s->now->run;
}

void session_seek_event(struct session *s, long events)
{
    uint64_t first, last, lost, here = session_event_ahead(s);
    struct event_window w = source_event_window(s->source);
    if (!s->now)
        return;
    if (!session_has_events(s)) {
        session_say(s, false, "no events are kept of this run of the machine: by snapshots");
        session_seek_by(s, events);
    } else if (!source_event_range(s->source, &first, &last, &lost)) {
        session_say(s, false, "no events are kept here: by snapshots");
        seek_numbers(s, events);
    } else if ((events < 0 && w.earlier && here < first + (uint64_t)-events) ||
               (events > 0 && w.later && here + (uint64_t)events > last)) {
        session_seek_by(s, events > 0 ? 1 : -1); /* there the others are read */
    } else if (events < 0 && here < (uint64_t)-events) {
        session_say(s, false, "this is before the first event");
    } else if (events > 0 && here + (uint64_t)events > last && !is_newest_run(s)) {
        session_say(s, false, "behind this event the machine was restarted: %s goes on",
                    bindings_key("later"));
    } else if (events > 0 && here + (uint64_t)events > last) {
        session_seek(s, 0);
    } else {
        session_to_event(s, here + (uint64_t)events);
        s->event_way = events > 0 ? 1 : -1;
    }
}

/* A victim that was half emptied when the revoke was preempted is announced again, and is the same step. */
static bool is_announced_again(const struct session *s, const struct record_event *victim)
{
    struct record_event e;
    for (uint64_t at = victim->seq; --at > 0;) {
        if (source_events(s->source, at, &e, 1) != 1 || e.seq != at)
            return false;
        if (e.thread != victim->thread)
            continue;
        if (e.kind == RECORD_EVENT_REVOKE_BEGIN || e.kind == RECORD_EVENT_REVOKE_END)
            return false;
        if (e.kind == RECORD_EVENT_REVOKE_VICTIM)
            return e.slot == victim->slot && e.detail == victim->detail;
    }
    return false;
}

/* Is this event a place to stand at while one steps: before a victim goes, or the end? */
static bool is_stop(const struct session *s, const struct record_event *e)
{
    return e->kind == RECORD_EVENT_REVOKE_END ||
           (e->kind == RECORD_EVENT_REVOKE_VICTIM && !is_announced_again(s, e));
}

/* The last event that the first snapshot of the run of these events shows: to those before it no moment
 * leads. */
static uint64_t first_event_shown(const struct session *s)
{
    uint32_t total;
    struct moment none;
    source_moments(s->source, &none, 1, &total);
    struct moment *all = calloc(total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, total, &total) : 0;
    uint32_t first = 0, run = source_event_window(s->source).run;
    while (first + 1 < n && all[first].run != run)
        first++;
    uint64_t seq = n ? all[first].seq : 0;
    free(all);
    return seq;
}

void session_seek_step(struct session *s, uint64_t from, long steps)
{
    struct record_event e;
    uint64_t first, last, lost, at = from, found = 0, shown = first_event_shown(s);
    long left = steps < 0 ? -steps : steps;
    if (!s->now || !session_has_events(s) || !source_event_range(s->source, &first, &last, &lost)) {
        session_say(s, true, "no events are kept here: there are no steps to go by");
        return;
    }
    while (left > 0 && (steps > 0 ? ++at <= last : --at >= first && at > 0)) {
        bool there = source_events(s->source, at, &e, 1) == 1 && e.seq == at;
        if (!there || at < shown || !is_stop(s, &e))
            continue;
        bool end = e.kind == RECORD_EVENT_REVOKE_END;
        if (end && steps < 0 && found)
            break; /* of the revoke before */
        found = at;
        left = end && steps > 0 ? 0 : left - 1;
    }
    if (found)
        to_event(s, found, steps < 0);
    else
        session_say(s, false,
                    steps > 0 ? "no later step of a revoke is kept"
                              : "no earlier step of a revoke is kept");
}

/* --- a minute ago --- */

/* The default mark was asked for before it was read. */
static void take_due_mark(struct session *s)
{
    if (!s->mark_due)
        return;
    s->mark_due = false;
    session_hold(&s->mark, s->minute);
    if (s->comparing)
        session_compare_anew(s);
}

void session_find_minute(struct session *s)
{
    uint32_t n = last_before(s, later, s->now->time - MINUTE, &s->now->run);
    if (s->minute && !session_same_run(s->minute, s->now))
        session_hold(&s->minute, NULL);
    if (s->minute && s->minute->number == n)
        return;
    if (s->minute && s->minute->number >= s->now->number) /* of the moment that was shown before */
        session_hold(&s->minute, NULL);
    struct sample *kept = source_sample(s->source, n);
    if (kept) {
        session_hold(&s->minute, kept);
        s->generation++;
        sample_drop(kept);
        take_due_mark(s);
    } else if (s->minute_asked != n && s->now->state.slot_count <= LOADED_UNASKED) {
        const struct ask ask = {.kind = ASK_LOAD, .number = n};
        s->minute_asked = n;
        source_ask(s->source, &ask);
    }
}

/* What a minute ago looked like, if nobody set a mark: the default to compare with. */
static void default_mark(struct session *s)
{
    struct sample *kept =
        source_sample(s->source, last_before(s, later, s->now->time - MINUTE, &s->now->run));
    session_hold(&s->mark, NULL);
    s->mark_set = false;
    if (kept && kept != s->now)
        session_hold(&s->mark, kept);
    else if (s->minute && s->minute != s->now)
        session_hold(&s->mark, s->minute);
    else if (s->before && session_same_run(s->before, s->now))
        session_hold(&s->mark, s->before);
    s->mark_due = !kept && !s->minute && s->minute_asked;
    sample_drop(kept);
}

void session_set_mark(struct session *s)
{
    char clock[16];
    if (!s->now)
        return;
    session_hold(&s->mark, s->now);
    s->mark_set = true;
    s->mark_due = false;
    session_say(s, false, "marked %s; %s compares with it", session_clock(s->now->time, clock),
                bindings_key("compare"));
    if (s->comparing)
        session_compare_anew(s);
}

void session_compare(struct session *s)
{
    char clock[16];
    if (!s->now)
        return;
    bool was = s->comparing, lost = !was && s->mark && !session_same_run(s->mark, s->now);
    if (!was && (!s->mark_set || lost))
        default_mark(s);
    s->comparing = !was && s->mark;
    s->tell_change = s->comparing;
    s->mark_lost = lost;
    if (was)
        session_say(s, false, "compared with the snapshot before again");
    else if (!s->mark)
        session_say(s, lost, "%sthere is nothing earlier to compare with",
                    lost ? "the mark is of another run of the machine, and " : "");
    else
        session_say(s, lost, "%scomparing with %s ...",
                    lost ? "the mark was of another run of the machine: " : "",
                    session_clock(s->mark->time, clock));
    session_compare_anew(s);
}
