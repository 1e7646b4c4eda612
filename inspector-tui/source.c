/* The worker of a source, its queue of questions, and what was seen so far.
 *
 *   screen                         worker
 *     ask ------> asks ----------> serve
 *     answer <--- answers <------- source_answered
 *     take <----- fresh, points <- source_deliver      fd: something is there
 */
#include "inspector-tui/source_private.h"

#include "attach/clock.h"
#include "lib/array.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { CONSOLE_MAX = 1 << 16, LISTEN_MS = 100, HOUR_MS = 3600000 };

/* --- what the worker hands over --- */

void source_wake_screen(struct source *s)
{
    uint64_t one = 1;
    ssize_t n = write(s->fd, &one, sizeof(one));
    (void)n; /* full: it is readable already */
}

bool source_is_wanted(void *source)
{
    struct source *s = source;
    pthread_mutex_lock(&s->lock);
    bool wanted = !s->quit;
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

void source_served(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    s->ask_serving = 0;
    pthread_mutex_unlock(&s->lock);
}

void source_answered(struct source *s, const struct asked *q, bool ok, char *text)
{
    source_served(s);
    source_put_answer(s, q, ok, text);
}

bool source_is_newest(const struct source *s, const struct asked *q)
{
    return s->question == q->id;
}

void source_put_answer(struct source *s, const struct asked *q, bool ok, char *text)
{
    bool sql = q->ask.kind == ASK_SQL;
    pthread_mutex_lock(&s->lock);
    if (sql && !source_is_newest(s, q)) {
        pthread_mutex_unlock(&s->lock);
        free(text);
        return;
    }
    s->question = sql ? 0 : s->question;
    if (s->answer_count == ANSWERS) { /* nobody takes them: the oldest goes */
        free(s->answers[s->answer_first].text);
        s->answer_first = (s->answer_first + 1) % ANSWERS;
        s->answer_count--;
    }
    s->answers[(s->answer_first + s->answer_count++) % ANSWERS] = (struct answer){
        .id = q->id, .kind = q->ask.kind, .ok = ok, .addr = q->ask.addr, .text = text};
    pthread_mutex_unlock(&s->lock);
    source_wake_screen(s);
}

void source_answered_text(struct source *s, const struct asked *q, bool ok, const char *text)
{
    source_answered(s, q, ok, strdup(text ? text : ""));
}

void source_say_state(struct source *s, enum target_kind kind, const char *where)
{
    pthread_mutex_lock(&s->lock);
    bool same = s->state.kind == kind && strcmp(s->state.where, where ? where : "") == 0;
    if (s->state.kind != kind)
        s->state.since = clock_wall();
    s->state.kind = kind;
    snprintf(s->state.where, sizeof(s->state.where), "%s", where ? where : "");
    pthread_mutex_unlock(&s->lock);
    if (!same)
        source_wake_screen(s);
}

void source_show(struct source *s, struct sample *sample, struct compare *change)
{
    pthread_mutex_lock(&s->lock);
    sample->target = s->state;
    sample_drop(s->fresh);
    compare_free(s->fresh_change);
    s->fresh = sample;
    s->fresh_change = change;
    pthread_mutex_unlock(&s->lock);
    source_wake_screen(s);
}

/* Old samples go first, but never the newest two. */
static void keep_within_memory(struct source *s)
{
    for (uint32_t i = 0; i + 2 < s->point_count && s->history_bytes > HISTORY_BYTES; i++) {
        if (!s->points[i].sample)
            continue;
        s->history_bytes -= s->points[i].sample->bytes;
        sample_drop(s->points[i].sample);
        s->points[i].sample = NULL;
    }
}

static struct point *new_point(struct source *s)
{
    struct point *grown = array_room(s->points, s->point_count, &s->point_room, sizeof(*grown));
    if (!grown)
        return NULL;
    s->points = grown;
    return &s->points[s->point_count++];
}

/* The newest point, held; only the worker adds points, so it stays the newest. */
static struct sample *newest(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    struct sample *last = sample_hold(s->point_count ? s->points[s->point_count - 1].sample : NULL);
    pthread_mutex_unlock(&s->lock);
    return last;
}

void source_deliver(struct source *s, struct sample *sample)
{
    struct sample *last = newest(s);
    bool moved = !last || last->sum != sample->sum;
    struct compare *change = last && moved ? compare_make(last, sample) : NULL;
    uint32_t changes = change ? change->count : 0;
    sample_drop(last);
    pthread_mutex_lock(&s->lock);
    struct point *p = moved ? new_point(s) : NULL; /* where nothing moved the line does not grow */
    if (p) {
        p->moment = (struct moment){.number = s->point_count,
                                    .time = sample->time,
                                    .seq = sample->state.snapshot.seq,
                                    .run = sample->run,
                                    .recorded = sample->recorded,
                                    .changes = changes};
        p->sample = sample_hold(sample);
        s->history_bytes += sample->bytes;
        keep_within_memory(s);
    }
    sample->number = s->point_count;
    pthread_mutex_unlock(&s->lock);
    source_show(s, sample, change);
}

static uint64_t newest_event(const struct source *s)
{
    return s->events[(s->event_first + s->event_count - 1) % EVENTS_KEPT].seq;
}

void source_put_event(struct source *s, const struct record_event *e)
{
    pthread_mutex_lock(&s->lock);
    if (!s->events)
        s->events = malloc(EVENTS_KEPT * sizeof(*s->events));
    if (s->events) {
        if (s->event_count && e->seq <= newest_event(s)) /* another machine, or it began anew */
            s->event_first = s->event_count = 0;
        if (s->event_count == EVENTS_KEPT) {
            s->event_first = (s->event_first + 1) % EVENTS_KEPT;
            s->event_count--;
            s->events_earlier = !s->live; /* the recording has it still */
        }
        s->events[(s->event_first + s->event_count++) % EVENTS_KEPT] = *e;
    }
    pthread_mutex_unlock(&s->lock);
}

void source_replace_events(struct source *s, struct events_kept *by)
{
    pthread_mutex_lock(&s->lock);
    struct record_event *old = s->events;
    s->events = by->events;
    s->event_first = 0;
    s->event_count = by->count;
    s->events_lost = by->lost;
    s->events_run = by->run;
    s->events_earlier = by->earlier;
    s->events_later = by->later;
    s->events_window++;
    pthread_mutex_unlock(&s->lock);
    free(old);
}

void source_forget_events(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    s->event_first = s->event_count = 0;
    pthread_mutex_unlock(&s->lock);
}

void source_lose_events(struct source *s, uint64_t count)
{
    pthread_mutex_lock(&s->lock);
    s->events_lost += count;
    pthread_mutex_unlock(&s->lock);
}

void source_say_recording(struct source *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&s->lock);
    vsnprintf(s->recording, sizeof(s->recording), fmt, args);
    pthread_mutex_unlock(&s->lock);
    va_end(args);
}

void source_put_console(struct source *s, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    if (n == 0)
        return;
    if (n > CONSOLE_MAX) {
        text += n - CONSOLE_MAX;
        n = CONSOLE_MAX;
    }
    pthread_mutex_lock(&s->lock);
    char *bigger = realloc(s->console, s->console_len + n + 1);
    if (bigger) {
        memcpy(bigger + s->console_len, text, n + 1);
        s->console = bigger;
        s->console_len += n;
        s->console_half = text[n - 1] != '\n';
    }
    pthread_mutex_unlock(&s->lock);
    source_wake_screen(s);
}

void source_put_message(struct source *s, const char *text)
{
    if (s->console_half)
        source_put_console(s, "\n");
    source_put_console(s, text);
    source_put_console(s, "\n");
}

/* --- the worker --- */

static bool next_question(struct source *s, struct asked *q)
{
    pthread_mutex_lock(&s->lock);
    bool any = s->ask_count > 0 && !s->quit;
    if (any) {
        *q = s->asks[s->ask_first];
        s->ask_first = (s->ask_first + 1) % ASKS;
        s->ask_count--;
        s->ask_serving = 1;
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

/* What changes often is looked at once a second, the last time a second after the last change: whoever
 * made that may not have been done with it. */
static void look_at_changes(struct source *s)
{
    enum { LOOK_MS = 1000 };
    if (!s->stirred || clock_now_ms() < s->look_at)
        return;
    s->look_at = clock_now_ms() + LOOK_MS;
    s->stirred = s->ops->changed(s);
}

/* Nothing to do until `until`: sleeps, or listens to the line in short turns. */
static void idle(struct source *s, int64_t until)
{
    struct pollfd p[2] = {{.fd = s->kick[0], .events = POLLIN},
                          {.fd = s->stirred ? -1 : s->watch, .events = POLLIN}};
    until = s->stirred && s->look_at < until ? s->look_at : until;
    int64_t left = until - clock_now_ms();
    int ms = left < 0 ? 0 : left > HOUR_MS ? HOUR_MS : (int)left;
    char junk[64];
    if (!s->ops->listen || !s->follow || s->lost)
        poll(p, 2, ms);
    else if (poll(p, 1, 0) <= 0)
        s->ops->listen(s, ms < LISTEN_MS ? ms : LISTEN_MS);
    while (read(s->kick[0], junk, sizeof(junk)) > 0)
        ;
    s->stirred |= (p[1].revents & POLLIN) != 0;
    look_at_changes(s);
}

/* false: quit. *due: a sample is, by the clock or because it was asked for. */
static bool what_next(struct source *s, bool *due, int64_t next)
{
    pthread_mutex_lock(&s->lock);
    *due = s->due || (s->live && !s->paused && clock_now_ms() >= next);
    s->due = false;
    bool go_on = !s->quit;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void compare_what_was_asked(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    struct sample *before = s->ask_before, *after = s->ask_after;
    s->ask_before = s->ask_after = NULL;
    pthread_mutex_unlock(&s->lock);
    if (!after)
        return;
    struct compare *made = compare_make(before, after);
    sample_drop(before);
    sample_drop(after);
    pthread_mutex_lock(&s->lock);
    struct compare *old = s->compared;
    s->compared = made;
    pthread_mutex_unlock(&s->lock);
    compare_free(old);
    source_wake_screen(s);
}

static void set_busy(struct source *s, bool busy)
{
    pthread_mutex_lock(&s->lock);
    s->busy_since = busy ? clock_wall() : 0;
    pthread_mutex_unlock(&s->lock);
}

void source_heard(struct source *s)
{
    set_busy(s, false);
}

static void rest_when_told(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool rest = s->rest && !s->quit;
    pthread_mutex_unlock(&s->lock);
    if (!rest)
        return;
    if (s->ops->rest)
        s->ops->rest(s);
    pthread_mutex_lock(&s->lock);
    s->rests = true;
    pthread_cond_broadcast(&s->rest_changed);
    while (s->rest && !s->quit)
        pthread_cond_wait(&s->rest_changed, &s->lock);
    s->rests = false;
    pthread_mutex_unlock(&s->lock);
}

static void end_opening(struct source *s, const char *trouble)
{
    pthread_mutex_lock(&s->lock);
    s->opened = !trouble;
    snprintf(s->trouble, sizeof(s->trouble), "%s", trouble ? trouble : "");
    pthread_cond_broadcast(&s->opening_over);
    pthread_mutex_unlock(&s->lock);
    source_wake_screen(s);
}

/* Until it answers; false: it never will, or nobody waits any more. */
static bool open_target(struct source *s)
{
    char message[sizeof(s->trouble)] = "";
    enum opening how = OPENING_AGAIN;
    while (how == OPENING_AGAIN && source_is_wanted(s)) {
        how = s->ops->open ? s->ops->open(s, message, sizeof(message)) : OPENING_DONE;
        if (how == OPENING_AGAIN)
            source_say_state(s, TARGET_OPENING,
                             "it gives no answer, as when another program has its line; "
                             "it is tried again");
    }
    if (how != OPENING_AGAIN)
        end_opening(s, how == OPENING_DONE ? NULL : message);
    return how == OPENING_DONE;
}

static void *worker_main(void *arg)
{
    struct source *s = arg;
    int64_t next = 0;
    bool due;
    if (!open_target(s))
        return NULL;
    while (what_next(s, &due, next)) {
        struct asked q;
        rest_when_told(s);
        set_busy(s, true);
        if (due) {
            s->ops->sample(s);
            next = clock_now_ms() + s->options.interval_ms;
        }
        bool asked = next_question(s, &q);
        if (asked)
            s->ops->serve(s, &q);
        set_busy(s, false);
        compare_what_was_asked(s);
        if (!asked && !due)
            idle(s, s->live && !s->paused ? next : clock_now_ms() + HOUR_MS);
    }
    return NULL;
}

/* --- opening and closing --- */

/* A target begins with a door's name and a colon; anything else is a recording. */
static bool is_live_target(const char *target)
{
    return strncmp(target, "monitor:", 8) == 0 || strncmp(target, "gdb:", 4) == 0 ||
           strncmp(target, "ram:", 4) == 0;
}

static bool start(struct source *s, char *message, size_t size)
{
    if (!s->ops->begin(s, message, size))
        return false;
    if (pthread_create(&s->worker, NULL, worker_main, s)) {
        snprintf(message, size, "no thread could be started");
        return false;
    }
    s->worker_runs = true;
    return true;
}

/* What is wrong at once is told before there is a screen. */
static bool opens(struct source *s, char *message, size_t size)
{
    enum { OPEN_MS = 500 };
    struct timespec until;
    int trouble = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec + OPEN_MS * 1000000l) / 1000000000l;
    until.tv_nsec = (until.tv_nsec + OPEN_MS * 1000000l) % 1000000000l;
    pthread_mutex_lock(&s->lock);
    while (!s->opened && !s->trouble[0] && !trouble)
        trouble = pthread_cond_timedwait(&s->opening_over, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
    return !source_trouble(s, message, size);
}

bool source_trouble(struct source *s, char *message, size_t size)
{
    pthread_mutex_lock(&s->lock);
    bool failed = s->trouble[0];
    if (failed)
        snprintf(message, size, "%s", s->trouble);
    pthread_mutex_unlock(&s->lock);
    return failed;
}

struct source *source_open(const struct source_options *options, char *message, size_t size)
{
    struct source *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(message, size, "out of memory");
        return NULL;
    }
    s->options = *options;
    s->live = is_live_target(options->target);
    s->ops = s->live ? &source_live_ops : &source_file_ops;
    s->due = true;
    s->watch = -1;
    snprintf(s->name, sizeof(s->name), "%s", options->target);
    snprintf(s->record_path, sizeof(s->record_path), "%s", options->record ? options->record : "");
    s->state.since = clock_wall();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->question_over, NULL);
    pthread_cond_init(&s->rest_changed, NULL);
    pthread_cond_init(&s->opening_over, NULL);
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->fd < 0 || pipe2(s->kick, O_NONBLOCK | O_CLOEXEC) || !start(s, message, size) ||
        !opens(s, message, size)) {
        source_close(s);
        return NULL;
    }
    return s;
}

static void kick(struct source *s)
{
    ssize_t n = write(s->kick[1], "", 1);
    (void)n; /* full: it is awake already */
}

static void forget(struct source *s)
{
    for (uint32_t i = 0; i < s->point_count; i++)
        sample_drop(s->points[i].sample);
    for (uint32_t i = 0; i < s->answer_count; i++)
        free(s->answers[(s->answer_first + i) % ANSWERS].text);
    sample_drop(s->fresh);
    compare_free(s->fresh_change);
    sample_drop(s->ask_before);
    sample_drop(s->ask_after);
    compare_free(s->compared);
    free(s->points);
    free(s->events);
    free(s->console);
}

/* One step of a question to a recording may take for ever. Nothing is lost there. */
static bool has_ended(struct source *s)
{
    enum { END_SECONDS = 3 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS;
    int trouble =
        s->live ? pthread_join(s->worker, NULL) : pthread_timedjoin_np(s->worker, NULL, &until);
    return trouble == 0;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    if (s->worker_runs) {
        pthread_mutex_lock(&s->lock);
        s->quit = true;
        bool opened = s->opened;
        pthread_mutex_unlock(&s->lock);
        if (!opened)
            attach_interrupt(); /* it may wait for an answer */
        kick(s);
        if (!has_ended(s))
            return; /* the process ends, and with it what is in its way */
    }
    s->ops->end(s);
    if (!source_questions_end(s))
        return;
    forget(s);
    if (s->fd > 0)
        close(s->fd);
    if (s->kick[1] > 0) {
        close(s->kick[0]);
        close(s->kick[1]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- asked by the screen --- */

bool source_is_live(const struct source *s)
{
    return s->live;
}

const char *source_name(const struct source *s)
{
    return s->name;
}

int source_fd(const struct source *s)
{
    return s->fd;
}

void source_drain(struct source *s)
{
    uint64_t count;
    ssize_t n = read(s->fd, &count, sizeof(count));
    (void)n;
}

struct sample *source_take(struct source *s, struct compare **change)
{
    pthread_mutex_lock(&s->lock);
    struct sample *fresh = s->fresh;
    *change = s->fresh_change;
    s->fresh = NULL;
    s->fresh_change = NULL;
    pthread_mutex_unlock(&s->lock);
    return fresh;
}

void source_ask_compare(struct source *s, struct sample *before, struct sample *after)
{
    pthread_mutex_lock(&s->lock);
    struct sample *old_before = s->ask_before, *old_after = s->ask_after;
    s->ask_before = sample_hold(before);
    s->ask_after = sample_hold(after);
    pthread_mutex_unlock(&s->lock);
    sample_drop(old_before);
    sample_drop(old_after);
    kick(s);
}

struct compare *source_compared(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    struct compare *made = s->compared;
    s->compared = NULL;
    pthread_mutex_unlock(&s->lock);
    return made;
}

void source_state(struct source *s, struct target_state *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->state;
    pthread_mutex_unlock(&s->lock);
}

bool source_can_halt(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool can = s->can_halt;
    pthread_mutex_unlock(&s->lock);
    return can;
}

bool source_can_command(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool can = s->can_command;
    pthread_mutex_unlock(&s->lock);
    return can;
}

void source_keep_stops(struct source *s)
{
    s->keep_stops = true;
}

void source_rest(struct source *s, bool rest)
{
    enum { REST_SECONDS = 2 };
    struct timespec until;
    int trouble = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += REST_SECONDS;
    pthread_mutex_lock(&s->lock);
    s->rest = rest;
    pthread_cond_broadcast(&s->rest_changed);
    kick(s);
    while (rest && !s->rests && !trouble)
        trouble = pthread_cond_timedwait(&s->rest_changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

void source_pause(struct source *s, bool paused)
{
    pthread_mutex_lock(&s->lock);
    s->paused = paused;
    s->due |= !paused;
    pthread_mutex_unlock(&s->lock);
    kick(s);
}

uint32_t source_ask(struct source *s, const struct ask *ask)
{
    uint32_t id = 0;
    pthread_mutex_lock(&s->lock);
    if (!s->quit && s->ask_count < ASKS) {
        id = ++s->ask_last_id;
        s->question = ask->kind == ASK_SQL ? id : s->question;
        s->asks[(s->ask_first + s->ask_count++) % ASKS] = (struct asked){id, *ask};
    }
    pthread_mutex_unlock(&s->lock);
    kick(s);
    return id;
}

bool source_answer(struct source *s, struct answer *out)
{
    pthread_mutex_lock(&s->lock);
    bool any = s->answer_count > 0;
    if (any) {
        *out = s->answers[s->answer_first];
        s->answer_first = (s->answer_first + 1) % ANSWERS;
        s->answer_count--;
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

double source_silence(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    double since = s->busy_since;
    pthread_mutex_unlock(&s->lock);
    return since > 0 ? clock_wall() - since : 0;
}

uint32_t source_waiting(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    uint32_t n = s->ask_count + s->ask_serving;
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool source_is_asked(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool asked = s->question != 0;
    pthread_mutex_unlock(&s->lock);
    return asked;
}

bool source_give_up(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool asked = s->question != 0;
    s->question = 0;
    pthread_mutex_unlock(&s->lock);
    return asked;
}

uint32_t source_moments(struct source *s, struct moment *out, uint32_t room, uint32_t *total)
{
    pthread_mutex_lock(&s->lock);
    uint32_t n = s->point_count < room ? s->point_count : room;
    for (uint32_t i = 0; i < n; i++)
        out[i] = s->points[s->point_count - n + i].moment;
    *total = s->point_count;
    pthread_mutex_unlock(&s->lock);
    return n;
}

struct sample *source_sample(struct source *s, uint32_t number)
{
    struct sample *found = NULL;
    pthread_mutex_lock(&s->lock);
    if (number > 0 && number <= s->point_count)
        found = sample_hold(s->points[number - 1].sample);
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* Of a recording that is written: the last point that has this number or one before, as long as the
 * recording has it. */
static uint32_t recorded_point(const struct source *s, uint32_t shown, uint32_t last)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < s->point_count && shown <= last; i++)
        if (s->points[i].moment.recorded && s->points[i].moment.recorded <= shown)
            found = i + 1;
    return found;
}

uint32_t source_point(struct source *s, uint32_t shown, char *why, size_t size)
{
    pthread_mutex_lock(&s->lock);
    uint32_t last = s->recorded ? s->recorded : s->point_count, first = 1;
    for (uint32_t i = 0; s->recorded && i < s->point_count; i++)
        if (s->points[i].moment.recorded) {
            first = s->points[i].moment.recorded;
            break;
        }
    uint32_t found = s->recorded               ? recorded_point(s, shown, last)
                     : shown <= s->point_count ? shown
                                               : 0;
    pthread_mutex_unlock(&s->lock);
    if (!found)
        snprintf(why, size,
                 "there is no snapshot %" PRIu32 " here: they go from %" PRIu32 " to %" PRIu32,
                 shown, first, last);
    return found;
}

struct event_window source_event_window(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    uint32_t newest = s->point_count ? s->points[s->point_count - 1].moment.run : 0;
    struct event_window w = {.run = s->live ? newest : s->events_run,
                             .replaced = s->events_window,
                             .earlier = s->events_earlier,
                             .later = s->events_later};
    pthread_mutex_unlock(&s->lock);
    return w;
}

/* Numbers only grow, so the place is found by halving. */
static uint32_t event_place(const struct source *s, uint64_t from)
{
    return (uint32_t)LOWER_BOUND(s->event_count, i,
                                 s->events[(s->event_first + i) % EVENTS_KEPT].seq < from);
}

uint32_t source_events(struct source *s, uint64_t from, struct record_event *out, uint32_t room)
{
    uint32_t n = 0;
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = event_place(s, from); i < s->event_count && n < room; i++)
        out[n++] = s->events[(s->event_first + i) % EVENTS_KEPT];
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool source_event_range(struct source *s, uint64_t *first, uint64_t *last, uint64_t *lost)
{
    pthread_mutex_lock(&s->lock);
    bool any = s->event_count > 0;
    *first = any ? s->events[s->event_first].seq : 0;
    *last = any ? newest_event(s) : 0;
    *lost = s->events_lost;
    pthread_mutex_unlock(&s->lock);
    return any;
}

void source_recording(struct source *s, char *text, size_t size)
{
    pthread_mutex_lock(&s->lock);
    snprintf(text, size, "%s", s->recording);
    pthread_mutex_unlock(&s->lock);
}

char *source_console(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    char *text = s->console;
    s->console = NULL;
    s->console_len = 0;
    pthread_mutex_unlock(&s->lock);
    return text;
}
