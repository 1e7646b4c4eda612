/* `capdb record`: snapshots of a target into a recording, by the clock or when something changed.
 * Ctrl-C ends it after the snapshot at hand, at once if the target has not answered yet, or if it is
 * the second; a target that cannot be reached any more is waited for, and ends it when patience
 * does, with what was complete.
 *
 * Through a serial monitor the live line is followed: every event goes into the recording, and a
 * change is one that an event tells of. Through other doors a change shows when the next snapshot
 * differs. */
#include "capdb/command.h"
#include "lib/array.h"
#include "capdb/lock.h"

#include "capdb/machine.h"
#include "capdb/store.h"

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/live.h"
#include "lib/plural.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CHANGE_POLL_MS = 100,
    LIVE_POLL_MS = 200,
    SECOND_MS = 1000,
    RECOVER_PAUSE_MS = 500, /* between two tries to reach a target */
    REACH_S = 60,           /* before one that cannot be reached is given up */
    WAITING_MAX = 32,
    PATIENCE_S = 120, /* at the end, for who holds a lock */
    MACHINE_BYTES = 256,
};

static volatile sig_atomic_t interrupted; /* how often */
static volatile sig_atomic_t reached;     /* the target has answered */

static void on_signal(int number)
{
    (void)number;
    interrupted = interrupted + 1;
    if (!reached || interrupted > 1)
        attach_interrupt();
}

/* For pauses and deadlines: somebody may set the clock of the wall while we record. */
static double seconds_now(void)
{
    return (double)clock_now_ms() / SECOND_MS;
}

static void sleep_seconds(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    if (seconds > 0)
        nanosleep(&t, NULL);
}

/* Taken, and not yet in the file: another program holds a lock on it. */
struct waiting {
    struct capstate state;
    double time;
    uint32_t events; /* that came before it, of those that wait */
};

struct session {
    struct options *o;
    struct attach *attach;
    struct capdb *db;
    const char *path;
    struct authority_rules rules; /* of --domains, read before anything is made */
    uint32_t taken, stored;
    uint32_t unsettled; /* of taken: read while the kernel was at work */
    uint64_t last;      /* sum of the snapshot before, of what counts as a change */
    bool have_last;
    uint32_t boot;  /* of the snapshot before, 0: not known */
    uint64_t ticks; /* and its clock */
    bool progress;
    struct waiting waiting[WAITING_MAX];
    uint32_t waiting_count;
    bool blocked;  /* said that it waits */
    bool standing; /* the machine, as was said */
    /* the live line */
    struct live *live;     /* NULL: none */
    bool watching;         /* events come by stopping at them */
    struct record *events; /* that wait */
    uint32_t event_count;
    size_t event_room;
    bool out_of_memory;
    const char *failed;       /* why nothing more is stored; said at the end, with what is lost */
    uint32_t before_snapshot; /* of those that wait, with a watch */
    bool dirty;               /* events since the last snapshot changed something */
    uint64_t events_taken;
};

/* --- events --- */

/* The steps of a revoke announce changes and are none; a fault changes no capability. */
static bool tells_of_change(const struct record *r)
{
    if (r->kind != RECORD_EVENT)
        return true;
    uint32_t kind = r->event.kind;
    return (kind < RECORD_EVENT_REVOKE_BEGIN || kind > RECORD_EVENT_REVOKE_END) &&
           kind != RECORD_EVENT_FAULT;
}

static void take_event(void *ctx, const struct record *r)
{
    struct session *rec = ctx;
    if (r->kind == RECORD_END) { /* what follows happened after the snapshot */
        rec->before_snapshot = rec->event_count;
        rec->dirty = false;
        return;
    }
    struct record *grown =
        array_room(rec->events, rec->event_count, &rec->event_room, sizeof(*grown));
    rec->out_of_memory |= !grown;
    if (!grown)
        return;
    rec->events = grown;
    rec->events[rec->event_count++] = *r;
    rec->dirty |= tells_of_change(r);
}

static void say_trouble(void *ctx, const char *sentence)
{
    struct session *r = ctx;
    if (r->progress)
        fputc('\n', stderr);
    command_complain(attach_target(r->attach), "%s", sentence);
}

/* The last failure without the target's name. */
static const char *sentence_of(const struct session *r)
{
    const char *sentence = attach_error(r->attach);
    size_t n = strlen(attach_target(r->attach));
    bool named = strncmp(sentence, attach_target(r->attach), n) == 0 && sentence[n] == ':';
    return named ? sentence + n + 2 : sentence;
}

/* --- into the file --- */

static void drop_events(struct session *r, uint32_t count)
{
    r->event_count -= count;
    memmove(r->events, r->events + count, r->event_count * sizeof(*r->events));
    for (uint32_t i = 0; i < r->waiting_count; i++)
        r->waiting[i].events -= r->waiting[i].events < count ? r->waiting[i].events : count;
    r->events_taken += count;
}

static enum error store_events(struct session *r, uint32_t count)
{
    enum error e = count ? capdb_put_events(r->db, r->events, count) : ERR_OK;
    if (e == ERR_OK && count)
        drop_events(r, count);
    return e;
}

static void show_progress(struct session *r, uint32_t slots, uint32_t threads, uint32_t n)
{
    if (r->progress)
        fprintf(stderr, "\r%s: snapshot %u, %u capabilit%s, %u thread%s\033[K", r->path, n, slots,
                plural_y(slots), threads, plural_s(threads));
}

/* Other rules than those of before hold from the next snapshot on. */
static enum error set_rules(struct session *r)
{
    struct authority_rules before = {0};
    uint32_t count = capdb_count(r->db);
    if (!r->o->domains)
        return ERR_OK;
    enum error e = capdb_get_rules(r->db, 0, &before);
    if (e == ERR_OK)
        e = capdb_set_rules(r->db, &r->rules);
    if (e == ERR_OK && count && !authority_rules_equal(&r->rules, &before))
        fprintf(stderr, "%s: from snapshot %u on the domain rules are those of %s\n", r->path,
                count + 1, r->o->domains);
    authority_rules_free(&before);
    return e;
}

static enum error store_first(struct session *r)
{
    struct waiting *w = &r->waiting[0];
    uint32_t n = 0;
    uint32_t slots = w->state.slot_count;
    uint32_t threads = w->state.thread_count;
    enum error e = r->stored ? ERR_OK : capdb_fits(r->db, &w->state);
    if (e == ERR_OK && !r->stored)
        e = set_rules(r);
    if (e == ERR_OK)
        e = store_events(r, w->events);
    if (e == ERR_OK)
        e = capdb_append_taking(r->db, &w->state, w->time, &n);
    if (e != ERR_OK)
        return e;
    show_progress(r, slots, threads, n);
    r->waiting_count--;
    r->stored++;
    memmove(r->waiting, r->waiting + 1, r->waiting_count * sizeof(*r->waiting));
    return ERR_OK;
}

static void say_blocked(struct session *r)
{
    if (!r->blocked)
        command_complain(r->path, "%s; what is recorded is kept in memory meanwhile",
                         capdb_error(r->db));
    r->blocked = true;
}

/* Everything that waits, as far as it gets; false when the recording cannot go on. */
static bool store(struct session *r)
{
    enum error e = ERR_OK;
    if (r->out_of_memory)
        r->failed = "out of memory";
    while (!r->failed && e == ERR_OK && r->waiting_count)
        e = store_first(r);
    if (!r->failed && e == ERR_OK)
        e = store_events(r, r->event_count);
    if (e == ERR_TIMEOUT)
        say_blocked(r);
    else if (e != ERR_OK)
        r->failed = capdb_error(r->db);
    if (e == ERR_OK)
        r->blocked = false;
    return !r->failed;
}

/* At the end whoever holds the lock is waited for; a second Ctrl-C gives up. */
static bool store_the_rest(struct session *r)
{
    deadline_t end = deadline_in(PATIENCE_S * SECOND_MS);
    int before = interrupted;
    while (!r->failed && (r->waiting_count || r->event_count) && interrupted == before &&
           deadline_left(end) > 0) {
        if (store(r) && r->blocked)
            sleep_seconds(LIVE_POLL_MS / 1000.0);
    }
    if (!r->waiting_count && !r->event_count)
        return true;
    command_complain(r->path, "%s; %u snapshot%s and %u event%s could not be stored",
                     r->failed ? r->failed : capdb_error(r->db), r->waiting_count,
                     plural_s(r->waiting_count), r->event_count, plural_s(r->event_count));
    return false;
}

/* Where a recording is taken up again, nobody knows what happened since. */
static void mark_pause(struct session *r)
{
    struct record gap = {.kind = RECORD_GAP};
    gap.gap.first = live_mirror(r->live)->seq;
    if (capdb_count(r->db) > 0)
        take_event(r, &gap);
}

/* Where nobody tells of events, the machine is stopped at each, if the door can. */
static enum status watch(struct session *r)
{
    const struct record gap = {.kind = RECORD_GAP};
    if (attach_watch(r->attach, take_event, r) != ERR_OK)
        return command_complain(NULL, "%s", attach_error(r->attach));
    r->watching = true;
    if (capdb_count(r->db) > 0)
        take_event(r, &gap);
    return STATUS_YES;
}

/* Whoever has no live line is recorded by snapshots alone. */
static enum status follow_live(struct session *r)
{
    const struct live_listener listener = {r, take_event, say_trouble};
    enum error e = live_open(r->attach, &listener, &r->live);
    if (e == ERR_OK)
        mark_pause(r);
    if (e == ERR_OK || (e == ERR_UNSUPPORTED && !r->o->events))
        return STATUS_YES;
    if (e == ERR_UNSUPPORTED)
        return watch(r);
    return command_complain(NULL, "%s", attach_error(r->attach));
}

/* --- snapshots --- */

/* Does it differ from the one before in more than what running alone changes? */
static bool changed(struct session *r, const struct capstate *s)
{
    uint64_t now = capdb_change_sum(s);
    bool differs = !r->have_last || now != r->last;
    r->last = now;
    r->have_last = true;
    return differs;
}

/* Through the same door, but is it the same machine? Storing that can wait where somebody locks. */
static void reached_again(struct session *r)
{
    char machine[MACHINE_BYTES];
    const char *target = attach_target(r->attach);
    const struct capdb_source source = {
        .target = target, .machine = machine_behind(target, machine, sizeof(machine))};
    if (capdb_reached_again(r->db, &source) != ERR_OK)
        command_complain(r->path, "%s", capdb_error(r->db));
}

/* Goes on as soon as the target can be reached again; events that were missed are said by the live
 * line.  *done: it was given up, or somebody wants an end. */
static enum status line_lost(struct session *r, bool *done)
{
    double since = seconds_now();
    double patience = r->o->patience < 0 ? REACH_S : r->o->patience;
    enum error e = ERR_CLOSED;
    if (interrupted)
        return STATUS_YES;
    if (patience > 0)
        say_trouble(r, sentence_of(r));
    while (e != ERR_OK && !interrupted && seconds_now() - since < patience) {
        sleep_seconds(RECOVER_PAUSE_MS / 1000.0);
        e = r->live ? live_recover(r->live) : attach_recover(r->attach);
    }
    if (e == ERR_OK) {
        char text[80];
        snprintf(text, sizeof(text), "it can be reached again, after %.0f s",
                 seconds_now() - since);
        say_trouble(r, text);
        reached_again(r);
        return STATUS_YES;
    }
    *done = true;
    return interrupted ? STATUS_YES
                       : command_complain(NULL, "%s%s", attach_error(r->attach),
                                          r->taken ? "; what was recorded is kept" : "");
}

/* Through doors that read memory another run of the machine comes without a word, and maybe out of
 * another process. */
static void note_run(struct session *r, const struct record_snapshot *s)
{
    bool other = (r->boot && s->boot && s->boot != r->boot) || s->ticks < r->ticks;
    if (other && !r->waiting_count)
        reached_again(r);
    r->boot = s->boot;
    r->ticks = s->ticks;
}

static void queue(struct session *r, struct capstate *state)
{
    r->waiting[r->waiting_count++] =
        (struct waiting){.state = *state,
                         .time = clock_wall(),
                         .events = r->watching ? r->before_snapshot : r->event_count};
    r->taken++;
}

/* Takes one; *done when the recording is over. */
/* Snapshots of a machine that stands are all alike; whoever left it so is asked to look. */
static void say_standing(struct session *r)
{
    const struct attach_state *a = attach_last_state(r->attach);
    bool stands = a->being == ATTACH_STANDS;
    if (stands && !r->standing)
        fprintf(stderr, "%s: the machine does not run, and is left so: %s\n", r->o->run,
                a->sentence);
    r->standing = stands;
}

static enum status record_one(struct session *r, bool *done)
{
    struct capstate state;
    bool wanted = !r->o->on_change || r->dirty;
    if (r->waiting_count == WAITING_MAX)
        return *done = !store(r), *done ? STATUS_UNKNOWN : STATUS_YES;
    enum error e = r->live ? live_snapshot(r->live, &state) : attach_snapshot(r->attach, &state);
    if (e != ERR_OK)
        return line_lost(r, done);
    say_standing(r);
    note_run(r, &state.snapshot);
    r->dirty = r->dirty && r->watching;
    bool differs = r->o->on_change && changed(r, &state);
    if (differs || wanted) {
        r->unsettled += attach_was_at_work(r->attach, &state.snapshot);
        queue(r, &state);
    } else
        capstate_free(&state);
    *done = !store(r);
    if (*done)
        return STATUS_UNKNOWN;
    if (!r->waiting_count)
        capdb_merge_when_due(r->db);
    *done = r->o->count && r->taken >= r->o->count;
    return STATUS_YES;
}

/* Waits until `next`: with a live line for events, which are stored as they come; by sleeping
 * without. When only changes are recorded, until
 * then and until something has changed. */
static enum status wait_until(struct session *r, double next, bool *done)
{
    if (!r->live && !r->watching) {
        sleep_seconds(next - seconds_now());
        return STATUS_YES;
    }
    for (;;) {
        double left = (next - seconds_now()) * SECOND_MS;
        bool idle = r->o->on_change && !r->dirty;
        if (interrupted || (left <= 0 && !idle))
            return STATUS_YES;
        int ms = idle || left > LIVE_POLL_MS ? LIVE_POLL_MS : (int)left + 1;
        if ((r->live ? live_poll(r->live, ms) : attach_listen(r->attach, ms)) != ERR_OK)
            return line_lost(r, done);
        if (!store(r)) {
            *done = true;
            return STATUS_UNKNOWN;
        }
    }
}

static enum status record_all(struct session *r)
{
    double pause = r->o->on_change ? CHANGE_POLL_MS / 1000.0 : r->o->every < 0 ? 1 : r->o->every;
    double next = seconds_now();
    bool done = false;
    enum status s = STATUS_YES;
    while (!interrupted && !done) {
        s = record_one(r, &done);
        next += pause;
        double now = seconds_now();
        next = next < now ? now : next;
        if (!done && !interrupted)
            s = wait_until(r, next, &done);
    }
    if (r->progress)
        fputc('\n', stderr);
    return s;
}

/* --- the whole of it --- */

/* What the next snapshot is compared with. */
static enum status take_last(struct session *r)
{
    struct capstate state;
    uint32_t count = capdb_count(r->db);
    if (count == 0 || !r->o->on_change)
        return STATUS_YES;
    if (capdb_load(r->db, count, &state) != ERR_OK)
        return command_complain(r->path, "%s", capdb_error(r->db));
    changed(r, &state);
    capstate_free(&state);
    return STATUS_YES;
}

static enum status open_recording(struct session *r)
{
    char message[CAPDB_MESSAGE];
    char machine[MACHINE_BYTES];
    const char *target = attach_target(r->attach);
    const struct capdb_source source = {.target = target,
                                        .machine = machine_behind(target, machine, sizeof(machine)),
                                        .same_machine = r->o->same_machine};
    bool exists = access(r->path, F_OK) == 0;
    enum error e = exists ? capdb_resume(r->path, &source, &r->db, message)
                          : capdb_create_from(r->path, &source, &r->db, message);
    if (e != ERR_OK)
        return command_complain(r->path, "%s", message);
    return take_last(r);
}

static enum status judge_place(struct session *r, enum status s)
{
    if (!r->db || r->failed || capdb_is_in_place(r->db) == ERR_OK)
        return s;
    return command_complain(r->path, "%s; of the %u snapshot%s recorded now some may be lost",
                            capdb_error(r->db), r->stored, plural_s(r->stored));
}

static void close_session(struct session *r, enum status s)
{
    live_close(r->live);
    for (uint32_t i = 0; i < r->waiting_count; i++)
        capstate_free(&r->waiting[i].state);
    free(r->events);
    authority_rules_free(&r->rules);
    if (s != STATUS_YES && !r->stored)
        capdb_abandon(r->db);
    else
        capdb_close(r->db);
    command_leave(r->attach);
}

/* Whoever asked for events and got none wants to know whether they were looked for. */
static void say_end(const struct session *r)
{
    bool quiet = r->watching && r->events_taken == 0;
    fprintf(stderr, "%s: %u snapshot%s recorded, %llu event%s%s\n", r->path, r->stored,
            plural_s(r->stored), (unsigned long long)r->events_taken, plural_s(r->events_taken),
            quiet ? ": no capability was made, copied, moved or deleted meanwhile" : "");
    if (r->unsettled)
        fprintf(stderr,
                "%s: the kernel was at work when %u of these snapshots %s taken%s: what it was "
                "changing may be half changed\n",
                r->path, r->unsettled, r->unsettled == 1 ? "was" : "were",
                strncmp(r->o->run, "gdb:", 4) == 0 ? ", and did not leave off" : "");
}

enum status command_record(struct options *o)
{
    char message[CAPDB_MESSAGE], holder[LOCK_HOLDER];
    struct session r = {.o = o, .path = o->operand[0], .progress = isatty(STDERR_FILENO)};
    if (!target_is_live(o->run))
        return command_complain(o->run, "is no target to record (monitor:…, gdb:…, ram:…)");
    if (lock_is_held(r.path, holder)) /* told before a line that the first recorder has */
        return command_complain(r.path, "is being recorded by %s", holder);
    if (rules_read(o->domains, &r.rules) != STATUS_YES)
        return STATUS_UNKNOWN;
    command_catch_signals(on_signal);
    if (attach_open(o->run, &r.attach, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    reached = true;
    command_tell_layout();
    enum status s = open_recording(&r);
    if (s == STATUS_YES)
        s = follow_live(&r);
    if (s == STATUS_YES)
        s = record_all(&r);
    if (r.db && !store_the_rest(&r))
        s = STATUS_UNKNOWN;
    s = judge_place(&r, s);
    close_session(&r, s);
    if (s == STATUS_YES)
        say_end(&r);
    return s;
}
