/* The model of the inspector: what was said, the marks of domains, the samples that are shown. */
#include "inspector-tui/session_private.h"

#include "attach/clock.h"
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

enum { LOG_KEEP = 1 << 18, COMPARED_AT_ONCE = 20000 /* slots; more: the worker */ };

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
    free(s->past.text);
}

/* --- words --- */

void session_say(struct session *s, bool bad, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->message, sizeof(s->message), fmt, args);
    va_end(args);
    s->message_bad = bad;
    s->message_of_machine = false;
    if (s->message[0]) {
        session_log(s, s->message);
        session_log(s, "\n");
    }
}

void session_say_of_machine(struct session *s, bool bad, const char *text)
{
    session_say(s, bad, "%s", text);
    s->message_of_machine = true;
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

static bool log_begins_line(const struct session *s)
{
    return s->log_length == 0 || s->log[s->log_length - 1] == '\n';
}

static void put_log(struct session *s, const char *text)
{
    size_t n = strlen(text);
    char clock[16];
    bool begins = log_begins_line(s);
    char *bigger = realloc(s->log, s->log_length + n * 4 + sizeof(clock) + 2);
    if (!bigger)
        return;
    s->log = bigger;
    char *to = bigger + s->log_length;
    if (begins && *text && source_is_live(s->source))
        to += sprintf(to, "%s ", session_clock(clock_wall(), clock));
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

void session_log(struct session *s, const char *text)
{
    if (*text && *text != '\n' && !log_begins_line(s))
        put_log(s, "\n");
    put_log(s, text);
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

void session_hold(struct sample **place, struct sample *with)
{
    struct sample *old = *place;
    *place = sample_hold(with);
    sample_drop(old);
}

/* The sum of a comparison that somebody asked for. */
static void tell_change(struct session *s)
{
    char clock[16], anew[32] = "";
    uint32_t remade;
    s->tell_change = false;
    if (!s->mark)
        return;
    if (session_remade(s, &remade) && remade)
        snprintf(anew, sizeof(anew), ", %u remade", remade);
    session_say(s, s->mark_lost, "%scompared with %s: %u born, %u died, %u moved, %u changed%s",
                s->mark_lost ? "the mark was of another run of the machine: " : "",
                session_clock(s->mark->time, clock), s->change->counts[SIGN_BORN],
                s->change->counts[SIGN_DIED], s->change->counts[SIGN_MOVED],
                s->change->counts[SIGN_CHANGED], anew);
}

/* Nothing lives on through a restart: what is of another run of the machine is compared with nothing. */
static struct sample *compared_with(const struct session *s)
{
    struct sample *with = s->comparing ? s->mark : s->before;
    return with && s->now && session_same_run(with, s->now) ? with : NULL;
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

void session_compare_anew(struct session *s)
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
    session_hold(&s->before, kept);
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
        session_compare_anew(s);
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

bool session_same_run(const struct sample *a, const struct sample *b)
{
    return a->run == b->run;
}

static void say_restarted(struct session *s)
{
    session_say(s, true, "the machine was restarted: nothing of before lives on");
}

/* What is compared with it lived in another run of the machine. */
static void tell_restart(struct session *s, const struct sample *sample)
{
    if (!s->now || session_same_run(s->now, sample))
        return;
    s->comparing = s->comparing && session_same_run(s->mark, sample);
    if (sample->run > s->now->run && sample->run != s->run_told)
        say_restarted(s);
    else if (sample->run < s->now->run)
        session_say(s, false, "this is before the machine was restarted");
}

void session_show(struct session *s, struct sample *sample, struct compare *change)
{
    bool same = s->now && s->now->sum == sample->sum;
    if (s->now == sample) {
        compare_free(change);
        return;
    }
    learn_domains(s, sample);
    log_findings(s, sample);
    tell_restart(s, sample);
    if (!same && !follows_time_line(s, sample)) /* the same rows again change nothing */
        session_hold(&s->before, s->now);
    session_hold(&s->now, sample);
    if (follows_time_line(s, sample))
        find_before(s);
    if (change && change->before == compared_with(s)) {
        take_change(s, change);
        return;
    }
    compare_free(change);
    if (same && s->change && !s->change->failed && s->change->before == compared_with(s)) {
        compare_move_on(s->change, sample);
        s->generation++;
    } else {
        session_compare_anew(s);
    }
}

/* A moment that was asked for, and one went elsewhere meanwhile. */
static bool is_unwanted(const struct session *s, const struct sample *sample)
{
    if (sample->event)
        return sample->event != s->event_wanted;
    return !source_is_live(s->source) && s->now && sample->number != s->wanted;
}

static void take_sample(struct session *s, struct sample *sample, struct compare *change)
{
    bool file = !source_is_live(s->source), moment = file || sample->event;
    if (!file && !sample->event && s->latest &&
        sample->run > s->latest->run) { /* also who looks back */
        say_restarted(s);
        s->run_told = sample->run;
    }
    if (!sample->event)
        session_hold(&s->latest, sample);
    if (is_unwanted(s, sample) || (!moment && s->at != 0)) {
        compare_free(change);
        sample_drop(sample);
        return;
    }
    if (moment)
        s->at = sample->number;
    s->wanted = 0;
    s->event_wanted = 0;
    session_show(s, sample, change);
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

/* A recording that stops is told with the reason, once. */
static void tell_recording(struct session *s)
{
    char text[SESSION_MESSAGE];
    source_recording(s->source, text, sizeof(text));
    const char *why = strchr(text, ':');
    bool stopped = why && strncmp(text, "REC STOPPED", strlen("REC STOPPED")) == 0;
    if (stopped && !s->recording_told)
        session_say(s, true, "nothing is recorded any more%s", why);
    s->recording_told = stopped;
}

bool session_take(struct session *s)
{
    struct target_state state;
    source_state(s->source, &state);
    bool news = memcmp(&state, &s->target, sizeof(state)) != 0;
    bool lost = state.kind == TARGET_UNREACHABLE || state.kind == TARGET_GONE;
    bool moved = state.kind != s->target.kind || strcmp(state.where, s->target.where) != 0;
    if (moved && s->message_of_machine)
        session_say(s, false, "%s", "");
    if (lost && state.kind != s->target.kind) {
        char text[SESSION_MESSAGE];
        snprintf(text, sizeof(text), "%s; the last state stays, and it is tried again",
                 state.where);
        session_say_of_machine(s, true, text);
    }
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
        session_find_minute(s);
    char *text = source_console(s->source);
    if (text)
        put_log(s, text);
    news |= sample || text;
    free(text);
    tell_recording(s);
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

/* --- questions in SQL --- */

static uint32_t asked_against(const struct session *s)
{
    return s->comparing && s->mark ? s->mark->number : 0;
}

/* A recording's question is always about one snapshot; that of a running machine, unless one looks
 * back, about what it is now. */
static uint32_t asked_at(const struct session *s)
{
    return source_is_live(s->source) ? s->at : s->now ? s->now->number : 0;
}

void session_ask(struct session *s, const char *question)
{
    struct ask ask = {.kind = ASK_SQL, .number = asked_at(s), .addr = asked_against(s)};
    snprintf(ask.text, sizeof(ask.text), "%s", question);
    snprintf(s->question, sizeof(s->question), "%s", question);
    s->asked_at = ask.number;
    s->asked_against = (uint32_t)ask.addr;
    source_ask(s->source, &ask);
}

void session_ask_again(struct session *s)
{
    char question[sizeof(s->question)];
    if (!s->question[0] || (s->asked_at == asked_at(s) && s->asked_against == asked_against(s)))
        return;
    memcpy(question, s->question, sizeof(question));
    session_ask(s, question);
}

/* It is not asked again of other moments, and what the one before it had for an answer is not its. */
bool session_give_up(struct session *s)
{
    if (!source_give_up(s->source))
        return false;
    s->question[0] = 0;
    free(s->table);
    s->table = NULL;
    session_say(s, false, "the question is given up");
    return true;
}
