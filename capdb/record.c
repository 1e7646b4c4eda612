/* `capdb record`: snapshots of a target into a recording, by the clock or when something changed.
 * Ctrl-C ends it after the snapshot at hand; a target that goes away ends it too, with what was
 * complete.
 *
 * Through a serial monitor the live line is followed: every event goes into the recording, and a
 * change is one that an event tells of. Through other doors a change shows when the next snapshot
 * differs. */
#include "capdb/command.h"

#include "attach/attach.h"
#include "attach/live.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHANGE_POLL_MS = 100, LIVE_POLL_MS = 200, SECOND_MS = 1000 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: sleeping ends */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static double wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_seconds(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    if (seconds > 0)
        nanosleep(&t, NULL);
}

struct recorder {
    struct options *o;
    struct attach *attach;
    struct capdb *db;
    const char *path;
    uint32_t taken;
    uint32_t last[4]; /* digest, slots and threads of the snapshot before */
    bool progress;
    /* the live line */
    struct live *live; /* NULL: none */
    struct record *events;
    uint32_t event_count, event_room;
    bool out_of_memory;
    bool dirty; /* events since the last snapshot changed something */
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
    struct recorder *rec = ctx;
    if (rec->event_count == rec->event_room) {
        uint32_t room = rec->event_room ? rec->event_room * 2 : 256;
        struct record *grown = realloc(rec->events, room * sizeof(*grown));
        rec->out_of_memory |= grown == NULL;
        if (!grown)
            return;
        rec->events = grown;
        rec->event_room = room;
    }
    rec->events[rec->event_count++] = *r;
    rec->dirty |= tells_of_change(r);
}

static void say_trouble(void *ctx, const char *sentence)
{
    struct recorder *r = ctx;
    if (r->progress)
        fputc('\n', stderr);
    command_complain(attach_target(r->attach), "%s", sentence);
}

/* Stores what has come. Complains when it cannot. */
static bool store_events(struct recorder *r)
{
    if (r->out_of_memory)
        return command_complain(NULL, "out of memory"), false;
    if (capdb_put_events(r->db, r->events, r->event_count) != ERR_OK)
        return command_complain(r->path, "%s", capdb_error(r->db)), false;
    r->events_taken += r->event_count;
    r->event_count = 0;
    return true;
}

/* Where a recording is taken up again, nobody knows what happened since. */
static void mark_pause(struct recorder *r)
{
    struct record gap = {.kind = RECORD_GAP};
    gap.gap.first = live_mirror(r->live)->seq;
    if (capdb_count(r->db) > 0)
        take_event(r, &gap);
}

/* Whoever has no live line is recorded by snapshots alone. */
static enum status follow_live(struct recorder *r)
{
    const struct live_listener listener = {r, take_event, say_trouble};
    enum error e = live_open(r->attach, &listener, &r->live);
    if (e == ERR_OK)
        mark_pause(r);
    if (e == ERR_OK || e == ERR_UNSUPPORTED)
        return STATUS_YES;
    return command_complain(NULL, "%s", attach_error(r->attach));
}

/* --- snapshots --- */

static void show_progress(struct recorder *r, const struct capstate *s, uint32_t n)
{
    if (r->progress)
        fprintf(stderr, "\r%s: snapshot %u, %u capabilities, %u threads\033[K", r->path, n,
                s->slot_count, s->thread_count);
}

static bool changed(struct recorder *r, const struct capstate *s)
{
    uint32_t now[4] = {s->end.digest0, s->end.digest1, s->slot_count, s->thread_count};
    bool differs = r->taken == 0 || memcmp(now, r->last, sizeof(now)) != 0;
    memcpy(r->last, now, sizeof(now));
    return differs;
}

static enum status line_lost(struct recorder *r, bool *done)
{
    if (interrupted)
        return STATUS_YES;
    *done = true;
    return command_complain(NULL, "%s%s", attach_error(r->attach),
                            r->taken ? "; what was recorded is kept" : "");
}

/* Takes one; *done when the recording is over. */
static enum status record_one(struct recorder *r, bool *done)
{
    struct capstate state;
    uint32_t n;
    bool wanted = !r->o->on_change || r->dirty;
    enum error e = r->live ? live_snapshot(r->live, &state) : attach_snapshot(r->attach, &state);
    if (e != ERR_OK)
        return line_lost(r, done);
    if (!store_events(r)) {
        capstate_free(&state);
        *done = true;
        return STATUS_UNKNOWN;
    }
    r->dirty = false;
    if (changed(r, &state) || wanted) {
        e = capdb_append(r->db, &state, wall_clock(), &n);
        if (e == ERR_OK) {
            r->taken++;
            show_progress(r, &state, n);
        }
    } else {
        e = capdb_flush(r->db);
    }
    capstate_free(&state);
    if (e != ERR_OK) {
        *done = true;
        return command_complain(r->path, "%s", capdb_error(r->db));
    }
    *done = r->o->count && r->taken >= r->o->count;
    return STATUS_YES;
}

/* Waits until `next`: with a live line for events, which are stored as they come; by sleeping
 * without. When only changes are recorded, until
 * then and until something has changed. */
static enum status wait_until(struct recorder *r, double next, bool *done)
{
    if (!r->live) {
        sleep_seconds(next - wall_clock());
        return STATUS_YES;
    }
    for (;;) {
        double left = (next - wall_clock()) * SECOND_MS;
        bool idle = r->o->on_change && !r->dirty;
        if (interrupted || (left <= 0 && !idle))
            return STATUS_YES;
        int ms = idle || left > LIVE_POLL_MS ? LIVE_POLL_MS : (int)left + 1;
        if (live_poll(r->live, ms) != ERR_OK)
            return line_lost(r, done);
        if (!store_events(r)) {
            *done = true;
            return STATUS_UNKNOWN;
        }
    }
}

static enum status record_all(struct recorder *r)
{
    double pause = r->o->on_change ? CHANGE_POLL_MS / 1000.0 : r->o->every < 0 ? 1 : r->o->every;
    double next = wall_clock();
    bool done = false;
    enum status s = STATUS_YES;
    while (!interrupted && !done) {
        s = record_one(r, &done);
        next += pause;
        double now = wall_clock();
        next = next < now ? now : next;
        if (!done && !interrupted)
            s = wait_until(r, next, &done);
    }
    if (r->progress)
        fputc('\n', stderr);
    return s;
}

/* Without --domains a recording keeps the rules it has. */
static enum status set_rules(struct recorder *r, const struct authority_rules *rules)
{
    bool replaced;
    if (!r->o->domains)
        return STATUS_YES;
    if (capdb_set_rules(r->db, rules, &replaced) != ERR_OK)
        return command_complain(r->path, "%s", capdb_error(r->db));
    if (replaced)
        fprintf(stderr, "%s: from snapshot %u on the domain rules are those of %s\n", r->path,
                capdb_count(r->db) + 1, r->o->domains);
    return STATUS_YES;
}

static enum status open_recording(struct recorder *r)
{
    char message[CAPDB_MESSAGE];
    struct authority_rules rules = {0};
    enum error e;
    if (rules_read(r->o->domains, &rules) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (access(r->path, F_OK) == 0)
        e = capdb_open(r->path, &r->db, message);
    else
        e = capdb_create(r->path, attach_target(r->attach), &r->db, message);
    enum status s = e == ERR_OK ? set_rules(r, &rules) : command_complain(r->path, "%s", message);
    authority_rules_free(&rules);
    return s;
}

enum status command_record(struct options *o)
{
    char message[CAPDB_MESSAGE];
    struct recorder r = {.o = o, .path = o->operand[0], .progress = isatty(STDERR_FILENO)};
    if (!target_is_live(o->run))
        return command_complain(o->run, "is no target to record (monitor:…, gdb:…, ram:…)");
    catch_signals();
    if (attach_open(o->run, &r.attach, message, sizeof(message)) != ERR_OK)
        return command_complain(NULL, "%s", message);
    enum status s = open_recording(&r);
    if (s == STATUS_YES)
        s = follow_live(&r);
    if (s == STATUS_YES)
        s = record_all(&r);
    live_close(r.live);
    free(r.events);
    capdb_close(r.db);
    attach_close(r.attach);
    if (s == STATUS_YES)
        fprintf(stderr, "%s: %u snapshots recorded, %llu events\n", r.path, r.taken,
                (unsigned long long)r.events_taken);
    return s;
}
