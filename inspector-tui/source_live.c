/* A running target: samples by the clock, events of its live line, the recording, and reaching it
 * again when it went away. */
#include "inspector-tui/source_private.h"
#include "lib/array.h"

#include "attach/clock.h"
#include "attach/live.h"
#include "attach/sel4.h"
#include "capdb/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELD_MS = 1000 };

/* The live line, and the events that wait for the recording. */
struct follow {
    struct source *source;
    struct live *live;
    struct record *events;
    uint32_t count;
    size_t room;
};

/* --- events --- */

static void keep_for_recording(struct follow *f, const struct record *r)
{
    if (!f->source->db)
        return;
    struct record *grown = array_room(f->events, f->count, &f->room, sizeof(*grown));
    if (!grown)
        return;
    f->events = grown;
    f->events[f->count++] = *r;
}

static void take_event(void *ctx, const struct record *r)
{
    struct follow *f = ctx;
    keep_for_recording(f, r);
    if (r->kind == RECORD_EVENT)
        source_put_event(f->source, &r->event);
    else if (r->kind == RECORD_GAP)
        source_lose_events(f->source, r->gap.count);
}

static void hear_trouble(void *ctx, const char *sentence)
{
    struct follow *f = ctx;
    char line[512];
    snprintf(line, sizeof(line), "[inspector] live line: %s", sentence);
    source_put_message(f->source, line);
}

static void end_follow(struct source *s)
{
    if (!s->follow)
        return;
    live_close(s->follow->live);
    free(s->follow->events);
    free(s->follow);
    s->follow = NULL;
}

/* Events of the run before lead to no moment of this one, whatever their numbers. */
static void begin_run(struct source *s)
{
    s->run++;
    s->boot = 0;
    s->ticks = 0;
    s->moved = s->moving = s->stands_for_us = false;
    source_forget_events(s);
}

/* A target without a live line is sampled only. */
static void begin_follow(struct source *s)
{
    struct follow *f = calloc(1, sizeof(*f));
    if (!f)
        return;
    f->source = s;
    const struct live_listener listener = {f, take_event, hear_trouble};
    if (live_open(s->attach, &listener, &f->live) != ERR_OK) {
        free(f);
        return;
    }
    s->follow = f;
}

/* The base of a live line is a whole snapshot: it is read with the first sample, when the screen stands
 * already. */
static void follow(struct source *s)
{
    if (s->follows_next)
        begin_follow(s);
    s->follows_next = false;
}

/* --- the recording --- */

static void stop_recording(struct source *s)
{
    source_say_recording(s, "REC STOPPED: %.120s", capdb_error(s->db));
    if (s->recorded)
        capdb_close(s->db);
    else
        capdb_abandon(s->db);
    s->db = NULL;
}

static void record(struct source *s, const struct capstate *state, double now)
{
    uint32_t n = 0;
    if (!s->db)
        return;
    struct follow *f = s->follow;
    enum error e = s->recorded ? ERR_OK : capdb_fits(s->db, state);
    if (e == ERR_OK && s->rules.count)
        e = capdb_set_rules(s->db, &s->rules);
    if (e == ERR_OK && f && f->count)
        e = capdb_put_events(s->db, f->events, f->count);
    if (f && e != ERR_TIMEOUT)
        f->count = 0;
    if (e == ERR_OK)
        e = capdb_append(s->db, state, now, &n);
    if (e == ERR_TIMEOUT) /* events are kept; this sample is not recorded, the next may be */
        source_say_recording(s, "REC WAITS: %.120s", capdb_error(s->db));
    else if (e != ERR_OK)
        stop_recording(s);
    else
        source_say_recording(s, "REC %u", n);
    pthread_mutex_lock(&s->lock);
    s->recorded = n ? n : s->recorded;
    pthread_mutex_unlock(&s->lock);
}

/* --- the state of the target, as it says --- */

static enum target_kind kind_of(const struct source *s, const struct attach_state *state)
{
    bool image = strncmp(s->name, "ram:", 4) == 0;
    switch (state->being) {
    case ATTACH_RUNS:
        return TARGET_RUNNING;
    case ATTACH_STANDS:
        return state->ours ? TARGET_HELD : TARGET_STOPPED;
    case ATTACH_HELD: /* for a moment, by another program that looks: it runs */
        return clock_now_ms() - state->since_ms < HELD_MS ? TARGET_RUNNING : TARGET_HELD;
    case ATTACH_REPLAYS:
        return TARGET_REPLAY;
    case ATTACH_GONE: /* the memory of a machine that does not run is still worth a look */
        return image ? TARGET_IMAGE : TARGET_GONE;
    default:
        return TARGET_UNREACHABLE;
    }
}

/* At a condition that was armed here, also when it was taken away since, or where a command of ours
 * led: as long as it stands there. */
static void note_stop(struct source *s, const struct attach_state *state)
{
    uint32_t n = state->condition;
    bool at_ours = n > 0 && n <= 32 && state->armed_here >> (n - 1) & 1;
    bool led = s->moved && (state->reason == ATTACH_AT_STEP || state->reason == ATTACH_AT_FINISH ||
                            state->reason == ATTACH_AT_HALT);
    if (state->being == ATTACH_RUNS) {
        s->moved = s->moving; /* a step may take long */
        s->stands_for_us = false;
    } else if (state->being == ATTACH_STANDS) {
        s->moving = false;
        s->stands_for_us |= at_ours || led || state->ours;
    }
}

static void say_armed(struct source *s, const struct attach_state *state)
{
    pthread_mutex_lock(&s->lock);
    bool same = s->state.armed == state->armed && s->state.armed_here == state->armed_here;
    s->state.armed = state->armed;
    s->state.armed_here = state->armed_here;
    pthread_mutex_unlock(&s->lock);
    if (!same)
        source_wake_screen(s);
}

static void say_how_it_stands(struct source *s)
{
    const struct attach_state *state = attach_last_state(s->attach);
    note_stop(s, state);
    say_armed(s, state);
    bool by_us = state->being == ATTACH_STANDS && state->ours;
    char where[sizeof(state->sentence) + 40];
    if (s->unsettled && state->being != ATTACH_REPLAYS)
        snprintf(where, sizeof(where), "READ AT WORK: may be half changed%s%s",
                 state->sentence[0] ? "; " : "", state->sentence);
    else if (state->being == ATTACH_REPLAYS)
        snprintf(where, sizeof(where), "at instruction %" PRIu64 "%s%s", state->instruction,
                 state->sentence[0] ? ", " : "", state->sentence);
    else
        snprintf(where, sizeof(where), "%s%s",
                 by_us ? state->sentence[0] ? "by you: " : "by you" : "",
                 state->being == ATTACH_RUNS ? "" : state->sentence);
    source_say_state(s, kind_of(s, state), where);
}

/* Sentences of the door begin with the target's name, which is on the screen already. */
static const char *short_error(const struct source *s)
{
    const char *why = attach_error(s->attach);
    size_t name = strlen(attach_target(s->attach));
    if (strncmp(why, attach_target(s->attach), name) == 0 && why[name] == ':')
        why += name + strspn(why + name, ": ");
    return why;
}

/* The line is dead: it is tried anew with the next sample.  What was armed through it is remembered,
 * should the same machine be at the end of the new one. */
static void lose_target(struct source *s, enum error e)
{
    char why[200];
    snprintf(why, sizeof(why), "%s", short_error(s));
    if (e != ERR_CLOSED && e != ERR_IO) {
        source_say_state(s, TARGET_UNREACHABLE, why);
        return;
    }
    s->lost = true;
    source_say_state(s, TARGET_GONE, why);
}

static void say_abilities(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    s->can_halt = attach_can_halt(s->attach);
    s->can_command = attach_can_command(s->attach);
    pthread_mutex_unlock(&s->lock);
}

/* What could not be stored the next sample will tell. */
static void reached_again(struct source *s)
{
    char machine[MACHINE_BYTES];
    const struct capdb_source from = {
        .target = s->options.target,
        .machine = machine_behind(s->options.target, machine, sizeof(machine)),
    };
    capdb_reached_again(s->db, &from);
}

/* Kernels that begin with cleared memory may give two runs of the machine one number. */
static void note_machine(struct source *s)
{
    char machine[MACHINE_BYTES];
    machine_behind(s->options.target, machine, sizeof(machine));
    if (s->machine[0] && machine[0] && strcmp(machine, s->machine) != 0)
        begin_run(s);
    if (machine[0])
        memcpy(s->machine, machine, sizeof(machine));
}

/* Another run of the machine may come over the same line.  A replay goes back in time by itself. */
static void note_run(struct source *s, const struct record_snapshot *now)
{
    bool replays = attach_last_state(s->attach)->being == ATTACH_REPLAYS;
    bool other =
        (s->boot && now->boot && now->boot != s->boot) || (now->ticks < s->ticks && !replays);
    if (other) {
        begin_run(s);
        machine_behind(s->options.target, s->machine, sizeof(s->machine));
        if (s->db)
            reached_again(s);
    }
    s->boot = now->boot ? now->boot : s->boot;
    s->ticks = now->ticks;
}

/* Over a new line. What was missed meanwhile the live line says. */
static enum error recover(struct source *s, char *message, size_t size)
{
    enum error e = s->follow ? live_recover(s->follow->live) : attach_recover(s->attach);
    if (e != ERR_OK)
        snprintf(message, size, "%s", attach_error(s->attach));
    s->lost = e != ERR_OK;
    return e;
}

static enum error reach(struct source *s, char *message, size_t size)
{
    bool again = s->attach;
    if (again && !s->lost)
        return ERR_OK;
    enum error e = again ? recover(s, message, size)
                         : attach_open(s->options.target, &s->attach, message, size);
    if (e != ERR_OK)
        return e;
    note_machine(s);
    say_abilities(s);
    s->follows_next = !s->follow;
    if (s->db)
        reached_again(s);
    return ERR_OK;
}

static void sample(struct source *s)
{
    char message[300];
    struct capstate state;
    if (reach(s, message, sizeof(message)) != ERR_OK)
        return;
    follow(s);
    enum error e =
        s->follow ? live_snapshot(s->follow->live, &state) : attach_snapshot(s->attach, &state);
    if (e != ERR_OK) {
        lose_target(s, e);
        return;
    }
    double now = clock_wall();
    source_heard(s);
    note_run(s, &state.snapshot);
    s->unsettled = attach_was_at_work(s->attach, &state.snapshot);
    record(s, &state, now);
    source_put_console(s, attach_console(s->attach));
    say_how_it_stands(s);
    struct sample *made = sample_make(&state, &s->rules);
    if (!made)
        return;
    made->time = now;
    made->run = s->run;
    made->recorded = s->recorded;
    source_deliver(s, made);
}

/* --- questions --- */

static void serve_stop(struct source *s, const struct asked *q)
{
    bool halt = q->ask.kind == ASK_HALT;
    enum error e = halt ? attach_halt(s->attach) : attach_continue(s->attach);
    if (e == ERR_OK)
        say_how_it_stands(s);
    source_answered_text(s, q, e == ERR_OK,
                         e != ERR_OK ? short_error(s)
                         : halt      ? "the machine is stopped"
                                     : "the machine runs");
}

/* The answer's text, which the caller frees; NULL: no memory. */
static enum error command(struct source *s, const char *line, char **text)
{
    static const char *const moves[] = {"step", "finish", "halt"};
    bool stood = attach_last_state(s->attach)->being == ATTACH_STANDS;
    enum error e = attach_command(s->attach, line, text);
    bool moved = false;
    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++)
        moved |= e == ERR_OK && strncmp(line, moves[i], strlen(moves[i])) == 0;
    s->moved |= moved;
    s->moving |= moved && (stood || strncmp(line, "halt", strlen("halt")) == 0);
    if (e != ERR_OK || !*text) {
        free(*text);
        *text = strdup(e == ERR_OK ? "" : short_error(s));
    }
    return e;
}

static void serve_command(struct source *s, const struct asked *q)
{
    char *text = NULL;
    enum error e = command(s, q->ask.text, &text);
    source_answered(s, q, e == ERR_OK, text);
}

/* Number of the condition that stops at a revoke of this slot, in what `break` lists; 0: none. */
static unsigned condition_at(const char *list, uint64_t slot)
{
    for (const char *line = list; line && *line; line = strchr(line, '\n')) {
        unsigned n;
        uint64_t at;
        int end = 0;
        line += *line == '\n';
        if (sscanf(line, "%u: on revoke slot 0x%" SCNx64 "%n", &n, &at, &end) == 2 && at == slot &&
            line[end] == ',')
            return n;
    }
    return 0;
}

/* What the target has armed, it knows itself. */
static void serve_arm(struct source *s, const struct asked *q)
{
    char line[64], *list = NULL, *text = NULL;
    enum error e = command(s, "break", &list);
    unsigned n = e == ERR_OK && list ? condition_at(list, q->ask.addr) : 0;
    if (n)
        snprintf(line, sizeof(line), "delete %u", n);
    else
        snprintf(line, sizeof(line), "break on revoke slot 0x%" PRIx64, q->ask.addr);
    if (e == ERR_OK)
        e = command(s, line, &text);
    if (e == ERR_OK && n && text && !text[0]) {
        free(text);
        if (asprintf(&text, "it stops no more when slot 0x%" PRIx64 " is revoked", q->ask.addr) < 0)
            text = NULL;
    }
    source_answered(s, q, e == ERR_OK, text ? text : list);
    if (text)
        free(list);
}

static void serve_disarm(struct source *s, const struct asked *q)
{
    char line[32], *text = NULL;
    uint32_t here = attach_last_state(s->attach)->armed_here;
    enum error e = ERR_OK;
    for (unsigned i = 0; i < 32 && e == ERR_OK; i++) {
        snprintf(line, sizeof(line), "delete %u", i + 1);
        if (!(here >> i & 1))
            continue;
        free(text);
        text = NULL;
        e = command(s, line, &text);
    }
    if (e == ERR_OK)
        source_answered_text(s, q, true, "what was armed here is taken away");
    else
        source_answered_text(s, q, false, text);
    free(text);
}

static void serve_find(struct source *s, const struct asked *q)
{
    struct attach_moment moment;
    char text[512];
    enum error e =
        attach_find(s->attach, (enum attach_goal)q->ask.number, (uint32_t)q->ask.addr, &moment);
    if (e == ERR_OK)
        attach_moment_text(&moment, text, sizeof(text));
    source_answered_text(s, q, e == ERR_OK, e == ERR_OK ? text : short_error(s));
}

/* A copy of a moment that was seen. On failure the sentence in `why`. */
static enum error take_seen(struct source *s, uint32_t number, struct capstate *state, double *time,
                            char *why, size_t size)
{
    struct sample *seen = source_sample(s, number);
    enum error e = seen ? capstate_copy(&seen->state, state) : ERR_NOT_FOUND;
    if (seen)
        *time = seen->time;
    sample_drop(seen);
    if (e != ERR_OK)
        snprintf(why, size, "%s",
                 seen ? error_sentence(e) : "this snapshot is not in memory any more");
    return e;
}

/* What the machine is now. */
static enum error take_now(struct source *s, struct capstate *state, char *why, size_t size)
{
    enum error e =
        s->follow ? live_snapshot(s->follow->live, state) : attach_snapshot(s->attach, state);
    if (e != ERR_OK)
        snprintf(why, size, "%s", short_error(s));
    return e;
}

static void serve_sql(struct source *s, const struct asked *q)
{
    char why[CAPDB_MESSAGE] = "";
    struct capstate state;
    double time = clock_wall();
    struct sample *before = q->ask.addr ? source_sample(s, (uint32_t)q->ask.addr) : NULL;
    enum error e = q->ask.number ? take_seen(s, q->ask.number, &state, &time, why, sizeof(why))
                                 : take_now(s, &state, why, sizeof(why));
    if (e == ERR_OK && q->ask.addr && !before) {
        capstate_free(&state);
        snprintf(why, sizeof(why), "the snapshot to compare with is not in memory any more");
        e = ERR_NOT_FOUND;
    }
    if (e == ERR_OK) {
        source_ask_moment(s, q, &state, time, before);
        return;
    }
    sample_drop(before);
    source_answered_text(s, q, false, why);
}

static void serve_reachable(struct source *s, const struct asked *q)
{
    switch (q->ask.kind) {
    case ASK_HALT:
    case ASK_GO:
        serve_stop(s, q);
        break;
    case ASK_COMMAND:
        serve_command(s, q);
        break;
    case ASK_ARM:
        serve_arm(s, q);
        break;
    case ASK_DISARM:
        serve_disarm(s, q);
        break;
    case ASK_FIND:
        serve_find(s, q);
        break;
    case ASK_SQL:
        serve_sql(s, q);
        return;
    default:
        source_answered_text(s, q, false, "a running target has only what was seen of it");
        break;
    }
    sample(s);
}

static void serve(struct source *s, const struct asked *q)
{
    char message[300];
    if (q->ask.kind == ASK_EVENT) {
        source_serve_event(s, q);
    } else if (q->ask.kind == ASK_LOAD) { /* what is not in memory is nowhere */
        source_answered_text(s, q, true, "");
    } else if (q->ask.kind == ASK_SAMPLE) {
        sample(s);
        source_answered_text(s, q, true, "");
    } else if (q->ask.kind == ASK_SQL && q->ask.number) {
        serve_sql(s, q);
    } else if (reach(s, message, sizeof(message)) != ERR_OK) {
        source_answered_text(s, q, false, message);
    } else {
        serve_reachable(s, q);
    }
}

static void listen_line(struct source *s, int ms)
{
    if (live_poll(s->follow->live, ms) != ERR_OK) {
        lose_target(s, ERR_CLOSED);
        return;
    }
    source_put_console(s, attach_console(s->attach));
}

static void rest(struct source *s)
{
    if (s->follow && !s->lost)
        live_rest(s->follow->live);
}

/* --- opening --- */

static bool begin_recording(struct source *s, char *message, size_t size)
{
    char why[CAPDB_MESSAGE], machine[MACHINE_BYTES];
    const struct capdb_source from = {
        .target = s->options.target,
        .machine = machine_behind(s->options.target, machine, sizeof(machine)),
    };
    if (!s->record_path[0])
        return true;
    enum error e = access(s->record_path, F_OK) == 0
                       ? capdb_resume(s->record_path, &from, &s->db, why)
                       : capdb_create_from(s->record_path, &from, &s->db, why);
    if (e != ERR_OK)
        snprintf(message, size, "%s: %s", s->record_path, why);
    return e == ERR_OK;
}

static bool begin(struct source *s, char *message, size_t size)
{
    (void)message, (void)size;
    if (s->options.rules)
        s->rules = *s->options.rules;
    return true;
}

static enum opening open_target(struct source *s, char *message, size_t size)
{
    enum error e = reach(s, message, size);
    if (e == ERR_TIMEOUT)
        return OPENING_AGAIN;
    return e == ERR_OK && begin_recording(s, message, size) ? OPENING_DONE : OPENING_FAILED;
}

/* A machine that stands at a stop of ours is not left there: nobody else knows of it. */
static void let_go(struct source *s)
{
    const struct attach_state *state = attach_last_state(s->attach);
    if (!s->lost && !s->keep_stops && s->stands_for_us && state->being == ATTACH_STANDS)
        attach_continue(s->attach);
}

static void end(struct source *s)
{
    if (s->db && s->recorded && s->follow && s->follow->count)
        capdb_put_events(s->db, s->follow->events, s->follow->count);
    if (s->attach)
        end_follow(s);
    if (s->db)
        capdb_close(s->db);
    if (s->attach) {
        attach_keep_stops(s->attach, s->keep_stops);
        let_go(s);
        const char *left = attach_close(s->attach);
        if (left[0])
            fprintf(stderr, "inspector-tui: %s\n", left);
    }
}

const struct source_ops source_live_ops = {.begin = begin,
                                           .open = open_target,
                                           .end = end,
                                           .sample = sample,
                                           .serve = serve,
                                           .listen = listen_line,
                                           .rest = rest};
