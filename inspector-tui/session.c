/* The model of the inspector. */
#include "inspector-tui/session.h"

#include "attach/sel4.h"
#include "lib/format.h"
#include "record/names.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of systems with more slots no snapshot is read without being asked for. */
enum { LOADED_UNASKED = 200000 };
enum { LOG_KEEP = 1 << 18, MINUTE = 60, COMPARED_AT_ONCE = 20000 /* slots; more: the worker */ };

void session_init(struct session *s, struct source *source)
{
    *s = (struct session){.source = source};
}

void session_fini(struct session *s)
{
    compare_free(s->change);
    sample_drop(s->latest);
    sample_drop(s->now);
    sample_drop(s->before);
    sample_drop(s->mark);
    sample_drop(s->minute);
    revocations_fini(&s->revocations);
    free(s->log);
    free(s->table);
}

/* --- words --- */

void session_say(struct session *s, bool bad, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->message, sizeof(s->message), fmt, args);
    va_end(args);
    s->message_bad = bad;
    if (s->message[0]) {
        session_log(s, s->message);
        session_log(s, "\n");
    }
}

/* Whole lines are cut from the front. */
static void trim_log(struct session *s)
{
    if (s->log_length <= LOG_KEEP)
        return;
    char *cut = strchr(s->log + s->log_length - LOG_KEEP, '\n');
    cut = cut ? cut + 1 : s->log + s->log_length;
    s->log_length = strlen(cut);
    memmove(s->log, cut, s->log_length + 1);
}

void session_log(struct session *s, const char *text)
{
    size_t n = strlen(text);
    char *bigger = realloc(s->log, s->log_length + n * 4 + 2);
    if (!bigger)
        return;
    s->log = bigger;
    char *to = bigger + s->log_length;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r')
            continue;
        if (text[i] == '\n')
            *to++ = '\n';
        else if ((uint8_t)text[i] >= 0x80) /* messages of ours are UTF-8; names come escaped */
            *to++ = text[i];
        else
            to += format_escape(to, 5, text + i, 1);
    }
    *to = 0;
    s->log_length = (size_t)(to - bigger);
    s->log_generation++;
    trim_log(s);
}

char *session_clock(double time, char buf[16])
{
    time_t seconds = (time_t)time;
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(buf, 16, "%H:%M:%S", &tm);
    return buf;
}

char *session_date(double time, char buf[32])
{
    time_t seconds = (time_t)time;
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return buf;
}

/* --- domains --- */

const struct domain_mark *session_mark_of(const struct session *s, const char *name)
{
    uint64_t hash = ref_hash(name);
    for (uint32_t i = 0; i < s->domain_count; i++)
        if (s->domains[i].hash == hash)
            return &s->domains[i];
    return NULL;
}

static bool letter_is_free(const struct session *s, char letter)
{
    for (uint32_t i = 0; i < s->domain_count; i++)
        if (s->domains[i].letter == letter)
            return false;
    return !strchr("kr", letter); /* K is the kernel, R the root task */
}

/* The first letter of the name that is free, else any; '?' when the alphabet is used up. */
static char pick_letter(const struct session *s, const char *name)
{
    for (const char *p = name; *p; p++)
        if (isalpha((unsigned char)*p) && letter_is_free(s, (char)tolower((unsigned char)*p)))
            return (char)tolower((unsigned char)*p);
    for (char c = 'a'; c <= 'z'; c++)
        if (letter_is_free(s, c))
            return c;
    return '?';
}

static void learn_domains(struct session *s, const struct sample *sample)
{
    for (uint32_t i = 0; i < sample_domains(sample) && s->domain_count < SESSION_DOMAINS; i++) {
        const char *name = sample_domain_name(sample, (int32_t)i);
        if (session_mark_of(s, name))
            continue;
        bool trusted = sample->authority.domains[i].trusted;
        struct domain_mark m = {
            .hash = ref_hash(name),
            .letter = trusted && !strchr(name, '/') && letter_is_free(s, 'R') ? 'r' : 0,
            .hue = (uint8_t)(s->domain_count % STYLE_DOMAINS),
        };
        if (!m.letter)
            m.letter = pick_letter(s, name);
        s->domains[s->domain_count++] = m;
    }
}

char session_letter(const struct session *s, const struct sample *of, int32_t domain)
{
    const struct domain_mark *m =
        domain < 0 ? NULL : session_mark_of(s, sample_domain_name(of, domain));
    return m ? m->letter : '-';
}

enum style session_style(const struct session *s, const struct sample *of, int32_t domain)
{
    const struct domain_mark *m =
        domain < 0 ? NULL : session_mark_of(s, sample_domain_name(of, domain));
    return m ? (enum style)(STYLE_DOMAIN + m->hue) : STYLE_DIM;
}

/* --- what is shown --- */

static void replace(struct sample **place, struct sample *with)
{
    struct sample *old = *place;
    *place = sample_hold(with);
    sample_drop(old);
}

/* The sum of a comparison that somebody asked for. */
static void tell_change(struct session *s)
{
    char clock[16];
    s->tell_change = false;
    if (!s->mark)
        return;
    session_say(s, false, "compared with %s: %u born, %u died, %u moved, %u changed",
                session_clock(s->mark->time, clock), s->change->counts[SIGN_BORN],
                s->change->counts[SIGN_DIED], s->change->counts[SIGN_MOVED],
                s->change->counts[SIGN_CHANGED]);
}

static struct sample *compared_with(const struct session *s)
{
    return s->comparing ? s->mark : s->before;
}

static void take_change(struct session *s, struct compare *change)
{
    compare_free(s->change);
    s->change = change;
    s->generation++;
    if (!change || change->failed)
        session_say(s, true, "out of memory: changes are not shown");
    else if (s->tell_change)
        tell_change(s);
}

static void compare_anew(struct session *s)
{
    struct sample *before = compared_with(s);
    if (!s->now)
        return;
    if (!before || s->now->state.slot_count <= COMPARED_AT_ONCE || before->sum == s->now->sum) {
        take_change(s, compare_make(before, s->now));
        return;
    }
    compare_free(s->change);
    s->change = NULL;
    s->generation++;
    source_ask_compare(s->source, before, s->now);
}

/* What is past is compared with what stands before it on the time line, not with what one looked at
 * before. */
static bool follows_time_line(const struct session *s, const struct sample *shown)
{
    return s->at != 0 || shown->event || !source_is_live(s->source);
}

/* The snapshot before the one that is shown; asks the worker for it once. */
static void find_before(struct session *s)
{
    uint32_t n = s->now->event ? s->now->number : s->now->number - 1;
    if (s->before && s->before->number == n && !s->before->event)
        return;
    struct sample *kept = source_sample(s->source, n);
    replace(&s->before, kept);
    sample_drop(kept);
    if (kept || n == 0 || s->before_asked == n || s->now->state.slot_count > LOADED_UNASKED)
        return;
    const struct ask ask = {.kind = ASK_LOAD, .number = n};
    s->before_asked = n;
    source_ask(s->source, &ask);
}

/* It may have come meanwhile. */
static void look_for_before(struct session *s)
{
    struct sample *had = s->before;
    if (!s->now || !follows_time_line(s, s->now) || had)
        return;
    find_before(s);
    if (s->before && !s->comparing)
        compare_anew(s);
}

/* What the kernel's own data says against itself goes into the log, once a finding. */
static void log_findings(struct session *s, const struct sample *sample)
{
    char text[200], hex[24];
    uint64_t sum = sample->state.finding_count;
    for (uint32_t i = 0; i < sample->state.finding_count; i++)
        sum = sum * 31 + sample->state.findings[i].addr + sample->state.findings[i].rule;
    bool known = sum == s->findings;
    s->findings = sum;
    for (uint32_t i = 0; i < sample->state.finding_count && !known; i++) {
        const struct record_finding *f = &sample->state.findings[i];
        snprintf(text, sizeof(text), "finding at 0x%s: %.150s\n", sample_hex(sample, f->addr, hex),
                 audit_rule_sentence((uint32_t)f->rule));
        session_log(s, text);
    }
}

/* Shows a sample; change: what is known of how it differs from the one before, taken over. */
static void show(struct session *s, struct sample *sample, struct compare *change)
{
    bool same = s->now && s->now->sum == sample->sum;
    if (s->now == sample) {
        compare_free(change);
        return;
    }
    learn_domains(s, sample);
    log_findings(s, sample);
    if (!same && !follows_time_line(s, sample)) /* the same rows again change nothing */
        replace(&s->before, s->now);
    replace(&s->now, sample);
    if (follows_time_line(s, sample))
        find_before(s);
    if (change && change->before == compared_with(s)) {
        take_change(s, change);
        return;
    }
    compare_free(change);
    if (same && s->change && !s->change->failed) {
        compare_move_on(s->change, sample);
        s->generation++;
    } else {
        compare_anew(s);
    }
}

static void take_sample(struct session *s, struct sample *sample, struct compare *change)
{
    bool file = !source_is_live(s->source);
    if (!sample->event)
        replace(&s->latest, sample);
    if (file && s->mark_wanted && sample->number == s->wanted) {
        s->mark_wanted = false;
        s->wanted = 0;
        replace(&s->mark, sample);
        compare_free(change);
        compare_anew(s);
    } else if (file || s->at == 0 || sample->event) {
        if (file || sample->event)
            s->at = sample->number;
        show(s, sample, change);
    } else {
        compare_free(change);
    }
    sample_drop(sample);
}

/* What the worker has compared, if it is still what is asked for. */
static bool take_compared(struct session *s)
{
    struct compare *made = source_compared(s->source);
    if (!made)
        return false;
    if (made->after == s->now && made->before == compared_with(s))
        take_change(s, made);
    else
        compare_free(made);
    return true;
}

/* Where the layout of a mainline kernel came from, and where a description differs from the built-in
 * tables: into the log, once the kernel has been read. */
static void tell_layout(struct session *s)
{
    const char *note;
    for (unsigned i = 0; !s->layout_told && (note = attach_kernel_note(i)); i++) {
        session_log(s, note);
        session_log(s, "\n");
    }
    s->layout_told = true;
}

static void find_minute(struct session *s);

bool session_take(struct session *s)
{
    struct target_state state;
    source_state(s->source, &state);
    bool news = memcmp(&state, &s->target, sizeof(state)) != 0;
    bool lost = state.kind == TARGET_UNREACHABLE || state.kind == TARGET_GONE;
    if (lost && state.kind != s->target.kind)
        session_say(s, true, "%s; the last state stays, and it is tried again", state.where);
    s->target = state;
    struct compare *change;
    struct sample *sample = source_take(s->source, &change);
    if (sample) {
        take_sample(s, sample, change);
        tell_layout(s);
    }
    news |= take_compared(s);
    if (revocations_follow(&s->revocations, s->source))
        s->generation_of_events++;
    look_for_before(s);
    if (s->now)
        find_minute(s);
    char *text = source_console(s->source);
    if (text)
        session_log(s, text);
    news |= sample || text;
    free(text);
    return news;
}

void session_answers(struct session *s, session_hear hear, void *ctx)
{
    struct answer a;
    while (source_answer(s->source, &a)) {
        hear(ctx, &a);
        free(a.text);
    }
}

/* --- time --- */

bool session_is_back(const struct session *s)
{
    return s->at != 0 && (source_is_live(s->source) || s->target.kind != TARGET_RECORDING);
}

bool session_keeps_stops(const struct session *s)
{
    return s->now && s->now->state.snapshot.kernel == RECORD_KERNEL_CAPSCOPE;
}

bool session_is_past(const struct session *s)
{
    return s->at != 0 || s->target.kind == TARGET_RECORDING || s->target.kind == TARGET_IMAGE;
}

void session_seek(struct session *s, uint32_t number)
{
    uint32_t total;
    struct moment last;
    source_moments(s->source, &last, 1, &total);
    bool live = source_is_live(s->source);
    if (number == 0 || (live && number >= total)) {
        s->at = live ? 0 : total;
        if (live && s->latest)
            show(s, s->latest, NULL);
        else
            number = total;
        if (live)
            return;
    }
    struct sample *kept = source_sample(s->source, number);
    if (kept) {
        s->at = number;
        show(s, kept, NULL);
        sample_drop(kept);
        return;
    }
    if (live) {
        session_say(s, true, "snapshot %u is not in memory any more; its recording has it", number);
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
        session_say(s, false, "this is the newest snapshot");
    else
        session_seek(s, to < 1 ? 1 : to > (long)total ? total : (uint32_t)to);
}

/* Number of the last point of the time line that `past` does not hold for. */
static uint32_t last_before(struct session *s, bool (*past)(const struct moment *, double),
                            double x)
{
    uint32_t total, found = 1;
    struct moment none;
    source_moments(s->source, &none, 1, &total);
    struct moment *all = calloc(total + 1, sizeof(*all));
    uint32_t n = all ? source_moments(s->source, all, total, &total) : 0;
    for (uint32_t i = 0; i < n; i++)
        if (!past(&all[i], x))
            found = all[i].number;
    free(all);
    return found;
}

static bool later(const struct moment *m, double time)
{
    return m->time > time;
}

static bool further(const struct moment *m, double seq)
{
    return (double)m->seq > seq;
}

void session_seek_time(struct session *s, double time)
{
    session_seek(s, last_before(s, later, time));
}

uint64_t session_event(const struct session *s)
{
    return s->now ? s->now->state.snapshot.seq : 0;
}

void session_to_event(struct session *s, uint64_t seq)
{
    uint64_t first, last, lost;
    uint32_t total;
    struct moment newest;
    uint32_t n = last_before(s, further, (double)seq);
    source_moments(s->source, &newest, 1, &total);
    struct sample *kept = source_sample(s->source, n);
    bool whole = kept && kept->state.snapshot.seq == seq;
    sample_drop(kept);
    if (whole) { /* that event ends a snapshot: all of it is told */
        session_seek(s, n);
    } else if (!source_event_range(s->source, &first, &last, &lost) || seq < first || seq > last) {
        session_say(s, true, "event %llu is not kept here: %s", (unsigned long long)seq,
                    last ? "too long ago, or not there yet" : "there are none");
    } else {
        const struct ask ask = {.kind = ASK_EVENT, .addr = seq};
        source_ask(s->source, &ask);
    }
}

/* Without events to go by: to the next snapshot that shows others. */
static void seek_numbers(struct session *s, long events)
{
    double seq = (double)session_event(s) + (double)events;
    uint32_t n = last_before(s, further, events > 0 ? seq - 1 : seq);
    session_seek(s, events > 0 ? n + 1 : n);
}

void session_seek_event(struct session *s, long events)
{
    uint64_t first, last, lost, here = session_event(s);
    if (!s->now)
        return;
    if (!source_event_range(s->source, &first, &last, &lost)) {
        session_say(s, false, "no events are kept here: by snapshots");
        seek_numbers(s, events);
    } else if (events < 0 && here < (uint64_t)-events) {
        session_say(s, false, "this is before the first event");
    } else if (events > 0 && here + (uint64_t)events > last) {
        session_seek(s, 0);
    } else {
        session_to_event(s, here + (uint64_t)events);
    }
}

/* Is this event a place to stand at while one steps: before a victim goes, or the end? */
static bool is_stop(const struct record_event *e)
{
    return e->kind == RECORD_EVENT_REVOKE_VICTIM || e->kind == RECORD_EVENT_REVOKE_END;
}

void session_seek_step(struct session *s, uint64_t from, long steps)
{
    struct record_event e;
    uint64_t first, last, lost, at = from, found = 0;
    long left = steps < 0 ? -steps : steps;
    if (!source_event_range(s->source, &first, &last, &lost)) {
        session_say(s, true, "no events are kept here: there are no steps to go by");
        return;
    }
    while (left > 0 && (steps > 0 ? ++at <= last : --at >= first && at > 0)) {
        bool there = source_events(s->source, at, &e, 1) == 1 && e.seq == at;
        if (!there || !is_stop(&e))
            continue;
        found = at;
        left--;
    }
    if (found)
        session_to_event(s, found);
    else
        session_say(s, false,
                    steps > 0 ? "no later step of a revoke is kept"
                              : "no earlier step of a revoke is kept");
}

/* --- a minute ago --- */

/* What `now` is compared with in the overview. Asks the worker for it once. */
static void find_minute(struct session *s)
{
    uint32_t n = last_before(s, later, s->now->time - MINUTE);
    if (s->minute && s->minute->number == n)
        return;
    struct sample *kept = source_sample(s->source, n);
    if (kept) {
        replace(&s->minute, kept);
        s->generation++;
        sample_drop(kept);
    } else if (s->minute_asked != n && s->now->state.slot_count <= LOADED_UNASKED) {
        const struct ask ask = {.kind = ASK_LOAD, .number = n};
        s->minute_asked = n;
        source_ask(s->source, &ask);
    }
}

/* What a minute ago looked like, if nobody set a mark: the default to compare with. */
static void default_mark(struct session *s)
{
    struct sample *kept = source_sample(s->source, last_before(s, later, s->now->time - MINUTE));
    if (kept && kept != s->now)
        replace(&s->mark, kept);
    else if (s->minute && s->minute != s->now)
        replace(&s->mark, s->minute);
    else if (s->before)
        replace(&s->mark, s->before);
    sample_drop(kept);
}

void session_set_mark(struct session *s)
{
    char clock[16];
    if (!s->now)
        return;
    replace(&s->mark, s->now);
    session_say(s, false, "marked %s; = compares with it", session_clock(s->now->time, clock));
    if (s->comparing)
        compare_anew(s);
}

void session_compare(struct session *s)
{
    char clock[16];
    if (!s->now)
        return;
    if (!s->comparing && !s->mark)
        default_mark(s);
    s->comparing = !s->comparing && s->mark;
    s->tell_change = s->comparing;
    if (!s->comparing)
        session_say(s, false,
                    s->mark ? "compared with the snapshot before again"
                            : "there is nothing earlier to compare with");
    else
        session_say(s, false, "comparing with %s ...", session_clock(s->mark->time, clock));
    compare_anew(s);
}
