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
    source_put_console(f->source, "[inspector] live line: ");
    source_put_console(f->source, sentence);
    source_put_console(f->source, "\n");
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
    capdb_close(s->db);
    s->db = NULL;
}

static void record(struct source *s, const struct capstate *state, double now)
{
    uint32_t n = 0;
    if (!s->db)
        return;
    struct follow *f = s->follow;
    enum error e = f && f->count ? capdb_put_events(s->db, f->events, f->count) : ERR_OK;
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

static void say_how_it_stands(struct source *s)
{
    const struct attach_state *state = attach_last_state(s->attach);
    bool by_us = state->being == ATTACH_STANDS && state->ours;
    char where[sizeof(state->sentence) + 40];
    if (state->being == ATTACH_REPLAYS)
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

/* The line is dead: leave it, and try anew at the next sample. */
static void lose_target(struct source *s, enum error e)
{
    char why[200];
    snprintf(why, sizeof(why), "%s", short_error(s));
    if (e != ERR_CLOSED && e != ERR_IO) {
        source_say_state(s, TARGET_UNREACHABLE, why);
        return;
    }
    end_follow(s);
    const char *left = attach_close(s->attach);
    source_put_console(s, left[0] ? "[inspector] " : "");
    source_put_console(s, left);
    source_put_console(s, left[0] ? "\n" : "");
    s->attach = NULL;
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
    s->run += s->machine[0] && machine[0] && strcmp(machine, s->machine) != 0;
    if (machine[0])
        memcpy(s->machine, machine, sizeof(machine));
}

static bool reach(struct source *s, char *message, size_t size)
{
    if (s->attach)
        return true;
    if (attach_open(s->options.target, &s->attach, message, size) != ERR_OK) {
        s->attach = NULL;
        return false;
    }
    note_machine(s);
    say_abilities(s);
    s->follows_next = true;
    if (s->db)
        reached_again(s);
    return true;
}

static void sample(struct source *s)
{
    char message[300];
    struct capstate state;
    if (!reach(s, message, sizeof(message)))
        return;
    follow(s);
    enum error e =
        s->follow ? live_snapshot(s->follow->live, &state) : attach_snapshot(s->attach, &state);
    if (e != ERR_OK) {
        lose_target(s, e);
        return;
    }
    double now = clock_wall();
    record(s, &state, now);
    source_put_console(s, attach_console(s->attach));
    say_how_it_stands(s);
    struct sample *made = sample_make(&state, &s->rules);
    if (!made)
        return;
    made->time = now;
    made->run = s->run;
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

static void serve_command(struct source *s, const struct asked *q)
{
    char *text = NULL;
    enum error e = attach_command(s->attach, q->ask.text, &text);
    if (e != ERR_OK || !text) {
        free(text);
        text = strdup(e == ERR_OK ? "" : short_error(s));
    }
    source_answered(s, q, e == ERR_OK, text);
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

/* Over one moment: a recording in memory with one snapshot, as `capdb live` has it. On failure the
 * sentence in `why`. */
static enum error ask_moment(struct source *s, const struct capstate *state, double time,
                             const char *sql, char **table, char *why)
{
    struct capdb *db = NULL;
    uint32_t n;
    enum error e = capdb_create(":memory:", s->options.target, &db, why);
    if (e == ERR_OK && s->rules.count)
        e = capdb_set_rules(db, &s->rules);
    if (e == ERR_OK)
        e = capdb_append(db, state, time, &n);
    if (e == ERR_OK)
        e = capdb_flush(db);
    if (e == ERR_OK) {
        capdb_give_up_after(db, SQL_SECONDS, source_is_wanted, s);
        e = capdb_ask(db, sql, SQL_ROWS, table);
    }
    if (db && e != ERR_OK)
        snprintf(why, CAPDB_MESSAGE, "%s", capdb_error(db));
    if (db)
        capdb_close(db);
    return e;
}

/* The same over a moment that was seen. */
static enum error ask_seen(struct source *s, uint32_t number, const char *sql, char **table,
                           char *why)
{
    struct sample *seen = source_sample(s, number);
    if (!seen) {
        snprintf(why, CAPDB_MESSAGE, "snapshot %u is not in memory any more", number);
        return ERR_NOT_FOUND;
    }
    enum error e = ask_moment(s, &seen->state, seen->time, sql, table, why);
    sample_drop(seen);
    return e;
}

/* Over what the machine is now. */
static enum error ask_now(struct source *s, const char *sql, char **table, char *why)
{
    struct capstate state;
    enum error e =
        s->follow ? live_snapshot(s->follow->live, &state) : attach_snapshot(s->attach, &state);
    if (e != ERR_OK) {
        snprintf(why, CAPDB_MESSAGE, "%s", short_error(s));
        return e;
    }
    e = ask_moment(s, &state, clock_wall(), sql, table, why);
    capstate_free(&state);
    return e;
}

static void serve_sql(struct source *s, const struct asked *q)
{
    char why[CAPDB_MESSAGE] = "", *table = NULL, *before = NULL;
    enum error e = q->ask.number ? ask_seen(s, q->ask.number, q->ask.text, &table, why)
                                 : ask_now(s, q->ask.text, &table, why);
    if (e == ERR_OK && q->ask.addr) {
        e = ask_seen(s, (uint32_t)q->ask.addr, q->ask.text, &before, why);
        if (e == ERR_OK)
            table = source_compare_tables(before, table);
    }
    if (e == ERR_OK && table) {
        source_answered(s, q, true, table);
        return;
    }
    free(table);
    source_answered_text(s, q, false, why[0] ? why : error_sentence(ERR_NO_MEMORY));
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
    } else if (!reach(s, message, sizeof(message))) {
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
    if (e == ERR_OK && s->rules.count)
        e = capdb_set_rules(s->db, &s->rules);
    if (e != ERR_OK)
        snprintf(message, size, "%s: %s", s->record_path, s->db ? capdb_error(s->db) : why);
    return e == ERR_OK;
}

static bool begin(struct source *s, char *message, size_t size)
{
    if (s->options.rules)
        s->rules = *s->options.rules;
    return reach(s, message, size) && begin_recording(s, message, size);
}

static void end(struct source *s)
{
    if (s->db && s->follow && s->follow->count)
        capdb_put_events(s->db, s->follow->events, s->follow->count);
    if (s->attach)
        end_follow(s);
    if (s->db)
        capdb_close(s->db);
    if (s->attach) {
        attach_keep_stops(s->attach, s->keep_stops);
        const char *left = attach_close(s->attach);
        if (left[0])
            fprintf(stderr, "inspector-tui: %s\n", left);
    }
}

const struct source_ops source_live_ops = {begin, end, sample, serve, listen_line};
