/* The monitor door: commands to the monitor of a debug kernel over its serial console.
 *
 * Frames lost or damaged on the way show as a gap in their numbers or as silence; the command is
 * then cancelled, and the snapshot asked for again.  On a line so noisy that no try comes through
 * whole, the machine is stopped and the snapshot gathered from the good frames of many. */
#include "attach/monitor_line.h"

#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNNING_TRIES = 2, /* before the machine is stopped for a snapshot */
    GATHER_TRIES = 100,
    STATE_TRIES = 20, /* to stop it, to let it go on */
    HELD_TRIES = 5,   /* a snapshot during which the machine stands */
    CHANGE_MS = 2000, /* from an answer to the state that it announces */
    RENEW_MS = 2000,  /* the live line ends when it hears nothing from us for longer */
    CONDITIONS = 16,  /* there can be, by the state that a machine tells */
    LIVE_SECONDS = 10,
    LIVE_SECONDS_SLOW = 60, /* on a line over which one snapshot takes long */
    LEAVE_TRIES = 3,
    GUARD_MS = 600000,      /* for a machine that does not answer */
    GUARD_REACH_MS = 60000, /* for one to which no line can be opened */
    GUARD_PAUSE_MS = 100,
    GUARD_ASKS_MS = 5000,
};

/* Should this program die meanwhile, the machine goes on by itself. */
static const char HOLD[] = "halt for 5";
static const char LET_GO[] = "continue";

static enum error run_or_fail(struct attach *a, const char *line)
{
    enum error e = monitor_run(a, line, ATTACH_DEADLINE_MS);
    if (e == ERR_SEQUENCE)
        return attach_fail(a, e, "%s: frames of the answer were lost on the line", line);
    if (e == ERR_BOUND)
        return attach_fail(a, e, "%s: the answer is longer than %d MiB", line, TEXT_MAX >> 20);
    return e == ERR_OK ? e : monitor_line_failed(a, e);
}

/* --- opening and closing --- */

static void monitor_drop(struct attach *a)
{
    struct monitor_door *d = a->door;
    if (!d)
        return;
    transport_close(&d->line);
    text_fini(&d->reply);
    text_fini(&d->held);
    free(d);
    a->door = NULL;
}

static enum error make_door(struct attach *a)
{
    struct monitor_door *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->line.fd = -1;
    frame_decoder_init(&d->frames);
    d->id = (uint32_t)clock_now_ms(); /* another program's answers may still be on their way */
    return ERR_OK;
}

static enum error open_line(struct attach *a, int64_t patience_ms)
{
    char why[128];
    struct monitor_door *d = a->door;
    enum error e = transport_open(&d->line, &a->target, deadline_in(patience_ms), why, sizeof(why));
    return e == ERR_OK ? e : attach_fail(a, e, "%s", why);
}

/* Stops that were armed through this door would stop the machine with nobody there to see it. */
static enum error disarm(struct attach *a, uint32_t armed)
{
    char line[32];
    enum error e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && i < CONDITIONS; i++) {
        snprintf(line, sizeof(line), "delete %u", i + 1);
        if (armed >> i & 1)
            e = monitor_run(a, line, MONITOR_PROGRESS_MS);
    }
    return e;
}

/* It stands at one of the conditions `armed`, or went on from one step by step: nobody else waits for it
 * there. */
static bool stands_for_us(const struct attach *a, uint32_t armed)
{
    const struct attach_state *s = &a->state;
    bool at_ours =
        s->condition > 0 && s->condition <= CONDITIONS && armed >> (s->condition - 1) & 1;
    bool stepped = s->reason == ATTACH_AT_STEP || s->reason == ATTACH_AT_FINISH;
    return s->being == ATTACH_STANDS && (at_ours || (stepped && armed));
}

/* Is anything left at the machine that is to go with us? */
static bool leaves_behind(const struct attach *a)
{
    return a->state.ours || a->halting || a->commanding || attach_armed_by_us(a);
}

/* The answer comes before what it announces: the machine itself says when it is so. */
static enum error await(struct attach *a, bool halted)
{
    deadline_t deadline = deadline_in(CHANGE_MS);
    while (a->halted != halted) {
        enum error e = monitor_hear(a, deadline);
        if (e != ERR_OK)
            return e;
        if (deadline_left(deadline) == 0)
            break;
    }
    if (a->halted != halted) /* the word for it may have been lost */
        (void)monitor_run(a, "version", MONITOR_SYNC_MS);
    if (a->halted == halted)
        return ERR_OK;
    return attach_fail(a, ERR_TIMEOUT, "the machine answered and did not %s",
                       halted ? "stop" : "go on");
}

/* ERR_OK: it runs without stops of ours, or stands for somebody else, and has said so. */
static enum error let_go(struct attach *a, int64_t patience_ms)
{
    enum error e = monitor_run(a, "version", patience_ms);
    if (e != ERR_OK)
        return e;
    if (a->commanding)
        attach_note_command(a, a->armed_before);
    a->commanding = false;
    uint32_t armed = attach_armed_by_us(a);
    bool stood = stands_for_us(a, armed);
    e = disarm(a, armed);
    if (e == ERR_OK && a->halted && (a->state.ours || stood || stands_for_us(a, armed))) {
        e = monitor_run(a, LET_GO, MONITOR_PROGRESS_MS);
        if (e == ERR_OK)
            e = await(a, false);
    }
    return e == ERR_OK && leaves_behind(a) ? ERR_SEQUENCE : e;
}

/* --- the guard --- */

/* Whoever took the stop over meanwhile has made the kernel go on, if only by a step. */
static void inherit(struct attach *a, const struct attach *left)
{
    struct attach_state *now = &a->state;
    const struct attach_state *then = &left->state;
    uint32_t armed = attach_armed_by_us(left);
    bool same_run = attach_same_run(then, now);
    bool stood = then->ours || stands_for_us(left, armed);
    bool same_stop = now->reason == then->reason && now->events == then->events;
    bool halted = left->halting && now->reason == ATTACH_AT_HALT;
    uint32_t perhaps = left->commanding ? ~left->armed_before : 0;
    now->ours = same_run && now->being == ATTACH_STANDS && ((stood && same_stop) || halted);
    now->armed_here =
        same_run && !left->keeps_stops ? now->armed & (then->armed_here | perhaps) : 0;
}

/* ERR_OK: it is done.  Of a line that others have, and of a target that stands still itself, nothing is
 * heard for a while. */
static enum error put_right(struct attach *a, const struct attach *left, deadline_t deadline)
{
    enum error e = open_line(a, GUARD_PAUSE_MS);
    int64_t patience = MONITOR_SYNC_MS;
    if (e != ERR_OK)
        return e;
    do {
        e = monitor_run(a, "version", patience);
        patience *= patience < GUARD_ASKS_MS ? 2 : 1;
    } while ((e == ERR_TIMEOUT || e == ERR_SEQUENCE) && deadline_left(deadline) > 0);
    if (e == ERR_OK)
        inherit(a, left);
    return e == ERR_OK && leaves_behind(a) ? let_go(a, MONITOR_PROGRESS_MS) : e;
}

/* The line to the machine that we had is closed, or nobody reads it any more. */
static void after_our_end(void *ctx)
{
    const struct attach *left = ctx;
    const deadline_t deadline = deadline_in(GUARD_MS), reached = deadline_in(GUARD_REACH_MS);
    struct attach a = {.name = left->name, .target = left->target};
    enum error e = leaves_behind(left) ? ERR_IO : ERR_OK;
    transport_protect(true);
    while (e != ERR_OK && deadline_left(e == ERR_IO ? reached : deadline) > 0) {
        nanosleep(&(struct timespec){.tv_nsec = GUARD_PAUSE_MS * 1000000L}, NULL);
        e = make_door(&a);
        if (e == ERR_OK)
            e = put_right(&a, left, deadline);
        monitor_drop(&a);
    }
}

static const char *what_is_left(const struct attach *a)
{
    uint32_t armed = attach_armed_by_us(a);
    bool stands = a->state.ours || a->halting || stands_for_us(a, armed);
    return stands && armed ? "it stands because of us, and a stop of ours is armed"
           : stands        ? "it stands because of us"
                           : "a stop of ours is armed";
}

static void hand_over(struct attach *a)
{
    const char *what = what_is_left(a);
    bool guarded = guard_take_over(&a->guard);
    snprintf(a->parting, sizeof(a->parting), "%s: gave no answer when we left: %s; %s", a->name,
             what,
             guarded ? "a process that stays behind waits for its answer and lets it go"
                     : "`delete` and `continue` on its monitor undo that");
}

static void monitor_close(struct attach *a)
{
    const struct monitor_door *d = a->door;
    bool silent = a->state.being == ATTACH_GONE || a->state.being == ATTACH_UNREACHABLE;
    if (leaves_behind(a)) {
        enum error e = ERR_CLOSED;
        bool open = d && d->line.fd >= 0 && a->state.being != ATTACH_GONE;
        for (unsigned i = 0; open && i < LEAVE_TRIES && (i == 0 || e == ERR_SEQUENCE); i++)
            e = let_go(a, silent ? MONITOR_SYNC_MS : MONITOR_PROGRESS_MS);
        if (e != ERR_OK)
            hand_over(a);
    }
    guard_dismiss(&a->guard);
    monitor_drop(a);
}

/* The machine may still boot. */
static enum error synchronise(struct attach *a)
{
    deadline_t deadline = deadline_in(ATTACH_DEADLINE_MS);
    enum error e;
    do
        e = monitor_run(a, "version", MONITOR_SYNC_MS);
    while ((e == ERR_TIMEOUT || e == ERR_SEQUENCE) && deadline_left(deadline) > 0);
    return e == ERR_OK ? e : monitor_line_failed(a, e);
}

static enum error monitor_open(struct attach *a)
{
    enum error e = make_door(a);
    if (e == ERR_OK)
        e = open_line(a, ATTACH_DEADLINE_MS);
    if (e == ERR_OK)
        e = synchronise(a);
    if (e == ERR_OK && a->guard.fd < 0)
        guard_post(&a->guard, after_our_end, a);
    return e;
}

/* --- operations --- */

static enum error snapshot_once(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    enum error e = monitor_run(a, line, ATTACH_DEADLINE_MS);
    if (e != ERR_OK)
        return e;
    if (!d->succeeded && d->reply.used)
        return attach_fail(a, ERR_REFUSED, "the monitor refused: %.*s",
                           (int)strcspn(d->reply.bytes, "\n"), d->reply.bytes);
    if (!d->stream_done)
        return ERR_SEQUENCE;
    e = stream_unpack(&a->stream);
    if (e == ERR_OK)
        e = stream_check(&a->stream);
    return e == ERR_FORMAT || e == ERR_TRUNCATED ? ERR_SEQUENCE : e;
}

static uint32_t frames_seen(const struct monitor_door *d)
{
    return d->frames.good_frames + d->frames.bad_frames;
}

/* A line on which nothing at all comes is not noisy but dead.  A live one beats once a second, also
 * where it breaks off inside of an answer. */
static bool is_silent(const struct monitor_door *d, uint32_t seen)
{
    return seen == frames_seen(d) || (d->hears && clock_now_ms() - d->heard >= MONITOR_PROGRESS_MS);
}

/* `line`: a command that is answered by a snapshot.  A line that is silent is not asked again. */
static enum error snapshot_by(struct attach *a, const char *line, unsigned tries)
{
    struct monitor_door *d = a->door;
    enum error e = ERR_OK;
    bool noisy = false, silent = false;
    for (unsigned i = 0; i < tries && !silent; i++) {
        uint32_t seen = frames_seen(d);
        a->error[0] = '\0';
        e = snapshot_once(a, line);
        if (e != ERR_SEQUENCE && e != ERR_TIMEOUT && e != ERR_REFUSED)
            break; /* a refusal may be that of a line that noise has changed */
        silent = e == ERR_TIMEOUT && is_silent(d, seen);
        noisy = noisy || (e != ERR_REFUSED && !silent);
        monitor_events_lost(d, silent ? ERR_TIMEOUT : ERR_SEQUENCE);
        /* Cut short what may still come. */
        if (monitor_cancel(a) != ERR_OK || monitor_drain(a, MONITOR_QUIET_MS) != ERR_OK)
            return ERR_CLOSED;
    }
    if (noisy && !(silent && d->hears) && (e == ERR_REFUSED || e == ERR_TIMEOUT))
        e = ERR_SEQUENCE;
    if (e == ERR_SEQUENCE)
        return attach_fail(a, e, "no undamaged snapshot in %u tries", tries);
    return e == ERR_OK || a->error[0] ? e : monitor_line_failed(a, e);
}

static bool answer_says(const struct monitor_door *d, const char *words)
{
    return d->reply.bytes && strstr(d->reply.bytes, words);
}

/* After some tries without success: a line on which nothing came at all is not noisy but dead, and
 * there may be another to the same machine. */
static enum error no_success(struct attach *a, bool silent, const char *what)
{
    return silent ? monitor_line_failed(a, ERR_TIMEOUT)
                  : attach_fail(a, ERR_SEQUENCE, "the line is too noisy%s", what);
}

/* Repeats a command that stops or lets go on until the answer comes through that it is so. */
static enum error insist(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    uint32_t seen = frames_seen(d);
    for (unsigned i = 0; i < STATE_TRIES; i++) {
        enum error e = monitor_run(a, line, MONITOR_SYNC_MS);
        bool runs = line == LET_GO && answer_says(d, "only while");
        if (e == ERR_OK && (d->succeeded || runs))
            return ERR_OK;
        if (e == ERR_CLOSED || e == ERR_IO)
            return monitor_line_failed(a, e);
        if (monitor_cancel(a) != ERR_OK || monitor_drain(a, MONITOR_QUIET_MS) != ERR_OK)
            return ERR_CLOSED;
    }
    return no_success(a, seen == frames_seen(d),
                      line == HOLD ? " to stop the machine" : " to let the machine go on");
}

/* Has the machine stood all the time since it was stopped for us? */
static enum error still_held(struct attach *a)
{
    enum error e = insist(a, HOLD);
    if (e == ERR_OK && !answer_says(a->door, "still stopped"))
        return attach_fail(a, ERR_TORN, "the machine went on while its snapshot was gathered");
    return e;
}

static enum error gather_all(struct attach *a, const char *line, struct gather *g)
{
    uint32_t seen = frames_seen(a->door);
    unsigned silent = 0; /* tries in a row */
    for (unsigned i = 0; i < GATHER_TRIES && silent < STATE_TRIES && !gather_is_complete(g); i++) {
        enum error e = monitor_run(a, line, MONITOR_SYNC_MS);
        silent = seen == frames_seen(a->door) ? silent + 1 : 0;
        seen = frames_seen(a->door);
        if (e == ERR_CLOSED || e == ERR_IO)
            return monitor_line_failed(a, e);
        if (e == ERR_NO_MEMORY)
            return attach_fail(a, e, "%s", error_sentence(e));
        if (e != ERR_OK &&
            (monitor_cancel(a) != ERR_OK || monitor_drain(a, MONITOR_QUIET_MS) != ERR_OK))
            return ERR_CLOSED;
    }
    if (gather_is_complete(g))
        return ERR_OK;
    return no_success(a, silent == STATE_TRIES,
                      ": not all frames of a snapshot came, as often as it was asked for");
}

/* Answers to other commands use the same stream: so it is filled when all is done. */
static enum error gathered_stream(struct attach *a, const struct gather *g)
{
    enum error e = gather_deliver(g, &a->stream);
    if (e == ERR_OK)
        e = stream_unpack(&a->stream);
    if (e == ERR_OK)
        e = stream_check(&a->stream);
    return e == ERR_OK ? e : attach_fail(a, e, "%s", error_sentence(e));
}

/* Events go on where the gathered snapshot ends; they wait until it has been taken. */
static void events_begin(struct monitor_door *d, const struct gather *g)
{
    d->stream_next = (uint16_t)g->total;
    d->events_broken = d->held_lost = false;
    d->holding = true;
    record_codec_init(&d->events);
    text_fini(&d->held);
}

/* The first error counts. */
static enum error snapshot_standing(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    struct gather g;
    char kept[ATTACH_ERROR_MAX];
    bool stood = a->halted;
    enum error e = stood ? ERR_OK : insist(a, HOLD);
    if (e != ERR_OK)
        return e;
    bool ours = !stood && !answer_says(d, "already stopped"); /* by somebody else */
    gather_init(&g);
    d->gather = &g;
    e = gather_all(a, line, &g);
    d->gather = NULL;
    if (e == ERR_OK && ours)
        e = still_held(a);
    if (e == ERR_OK)
        events_begin(d, &g);
    memcpy(kept, a->error, sizeof(kept));
    enum error after = ours && e != ERR_CLOSED && e != ERR_IO ? insist(a, LET_GO) : ERR_OK;
    if (ours && after == ERR_OK)
        (void)await(a, false); /* over a noisy line it may not come through */
    d->holding = false;
    if (e != ERR_OK)
        memcpy(a->error, kept, sizeof(kept));
    else
        e = after == ERR_OK ? gathered_stream(a, &g) : after;
    gather_clear(&g);
    return e;
}

/* `line` is answered by a snapshot.  The machine may go on meanwhile: the halt is a lease, which lapses
 * when commands are lost, and noise can make a word of it of anything.  Then all begins again. */
static enum error snapshot_through_noise(struct attach *a, const char *line)
{
    enum error e = snapshot_by(a, line, RUNNING_TRIES);
    if (e != ERR_SEQUENCE)
        return e;
    e = ERR_TORN;
    for (unsigned i = 0; i < HELD_TRIES && e == ERR_TORN; i++)
        e = snapshot_standing(a, line);
    return e;
}

static enum error monitor_snapshot(struct attach *a)
{
    return snapshot_through_noise(a, "snapshot wire audit");
}

static enum error refused(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    const char *text = d->reply.bytes ? d->reply.bytes : "";
    return attach_fail(a, ERR_REFUSED, "%s: %.*s", line, (int)strcspn(text, "\n"), text);
}

static enum error monitor_halt(struct attach *a)
{
    struct monitor_door *d = a->door;
    a->halting = true;
    enum error e = run_or_fail(a, "halt");
    if (e == ERR_OK && !d->succeeded)
        e = refused(a, "halt");
    if (e == ERR_OK) {
        e = await(a, true);
        a->halting = e != ERR_OK;
    }
    a->state.ours |= e == ERR_OK;
    return e;
}

static enum error monitor_go(struct attach *a)
{
    struct monitor_door *d = a->door;
    enum error e = run_or_fail(a, LET_GO);
    bool runs = e == ERR_OK && answer_says(d, "only while"); /* somebody else let it */
    if (e == ERR_OK && !d->succeeded && !runs)
        e = refused(a, LET_GO);
    if (e == ERR_OK)
        e = await(a, false);
    return e;
}

/* Every answer brings the state; with nothing to ask, `version` does. */
static enum error monitor_state(struct attach *a)
{
    struct monitor_door *d = a->door;
    d->told = false;
    enum error e = run_or_fail(a, "version");
    return e == ERR_OK && !d->told ? attach_fail(a, ERR_FORMAT, "the monitor tells no state") : e;
}

/* A command that fails has said why in its text. */
static enum error monitor_command(struct attach *a, const char *line, char **text)
{
    struct monitor_door *d = a->door;
    if (strlen(line) > MACHINE_LINE_MAX)
        return attach_fail(a, ERR_ARGUMENT, "a command line is at most %d characters long",
                           MACHINE_LINE_MAX);
    enum error e = run_or_fail(a, line);
    if (e != ERR_OK)
        return e;
    char *taken = text_take(&d->reply);
    if (!taken)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    *text = taken;
    return ERR_OK;
}

static void monitor_console(struct attach *a)
{
    (void)monitor_drain(a, 0);
}

/* --- the live line --- */

static enum error monitor_live(struct attach *a, const struct attach_live *hears)
{
    struct monitor_door *d = a->door;
    char line[40];
    int seconds = a->target.line == LINE_SERIAL ? (int)LIVE_SECONDS_SLOW : (int)LIVE_SECONDS;
    d->hears = hears;
    snprintf(line, sizeof(line), "trace live on for %d", seconds);
    if (hears)
        return snapshot_through_noise(a, line);
    enum error e = ERR_SEQUENCE;
    for (unsigned i = 0; i < STATE_TRIES && (e == ERR_SEQUENCE || e == ERR_TIMEOUT); i++) {
        e = monitor_run(a, "trace live off", MONITOR_SYNC_MS);
        e = e == ERR_OK && !d->succeeded ? ERR_SEQUENCE : e;
    }
    return e == ERR_OK ? e : monitor_line_failed(a, e);
}

static enum error monitor_listen(struct attach *a, int ms)
{
    struct monitor_door *d = a->door;
    if (clock_now_ms() - d->spoken >= RENEW_MS) {
        enum error e = monitor_renew(a);
        if (e != ERR_OK)
            return e;
    }
    return monitor_hear(a, deadline_in(ms < RENEW_MS ? ms : (int)RENEW_MS));
}

/* --- memory --- */

const struct attach_ops attach_monitor_ops = {
    .open = monitor_open,
    .close = monitor_close,
    .drop = monitor_drop,
    .state = monitor_state,
    .snapshot = monitor_snapshot,
    .halt = monitor_halt,
    .go = monitor_go,
    .command = monitor_command,
    .console = monitor_console,
    .live = monitor_live,
    .listen = monitor_listen,
};
