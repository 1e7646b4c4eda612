/* `capdb record`: snapshots of a target into a recording, by the clock or when something changed.
 * Ctrl-C ends it after the snapshot at hand; a target that goes away ends it too, with what was
 * complete. */
#include "capdb/command.h"

#include "attach/attach.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHANGE_POLL_MS = 100 };

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
};

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

/* Takes one; *done when the recording is over. */
static enum status record_one(struct recorder *r, bool *done)
{
    struct capstate state;
    uint32_t n;
    enum error e = attach_snapshot(r->attach, &state);
    if (e != ERR_OK) {
        if (interrupted)
            return STATUS_YES;
        *done = true;
        return command_complain(NULL, "%s%s", attach_error(r->attach),
                                r->taken ? "; what was recorded is kept" : "");
    }
    if (!r->o->on_change || changed(r, &state)) {
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
            sleep_seconds(next - now);
    }
    if (r->progress)
        fputc('\n', stderr);
    return s;
}

static enum status open_recording(struct recorder *r)
{
    char message[CAPDB_MESSAGE];
    struct authority_rules rules = {0};
    uint32_t line;
    if (r->o->domains && authority_rules_read(r->o->domains, &rules, &line) != ERR_OK)
        return command_complain(r->o->domains,
                                "cannot be read as `PATTERN DOMAIN [trusted]` lines");
    enum error e;
    if (access(r->path, F_OK) == 0)
        e = capdb_open(r->path, &r->db, message);
    else
        e = capdb_create(r->path, attach_target(r->attach), &r->db, message);
    if (e != ERR_OK)
        command_complain(r->path, "%s", message);
    if (e == ERR_OK && rules.count && capdb_set_rules(r->db, &rules) != ERR_OK) {
        command_complain(r->path, "%s", capdb_error(r->db));
        e = ERR_IO;
    }
    authority_rules_free(&rules);
    return e == ERR_OK ? STATUS_YES : STATUS_UNKNOWN;
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
        s = record_all(&r);
    capdb_close(r.db);
    attach_close(r.attach);
    if (s == STATUS_YES)
        fprintf(stderr, "%s: %u snapshots recorded\n", r.path, r.taken);
    return s;
}
