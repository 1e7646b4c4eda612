/* A live target is owned by one thread, which alone talks to it and to the recording; the screen
 * asks it for work through a mutex and takes finished states away.  A recording is read directly.
 */
#include "inspector-tui/source.h"

#include "attach/attach.h"
#include "capdb/capdb.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PATIENCE = 3, COMMAND_DEADLINE_S = 10, CONSOLE_MAX = 1 << 16 };

enum request { REQUEST_NONE, REQUEST_COMMAND, REQUEST_HALT, REQUEST_CONTINUE, REQUEST_FIND };

struct source {
    bool live;
    char name[256];
    uint32_t interval_ms;
    struct attach *attach; /* worker's, once it runs */
    struct capdb *db;      /* worker's when live, the caller's otherwise */
    char record_path[256];

    pthread_t worker;
    bool worker_runs;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* for the worker */
    pthread_cond_t done; /* for the caller */
    bool quit, poke, paused, halted;
    enum request request;
    char command[256];
    char *answer;
    enum error answer_error;
    bool answered;
    bool searching; /* a search was asked for and is not over */
    bool found;     /* it is over, and the screen was not told */
    enum attach_goal goal;
    uint64_t slot;
    char find_text[512];

    struct capstate fresh;
    bool have_fresh;
    enum error status;
    char message[256];
    char *console;
    size_t console_len;
    uint32_t position, count;
    bool own_rules; /* --domains: whatever the recording says */
    struct authority_rules rules;
};

/* --- worker ---------------------------------------------------------------------------------- */

static void note_error(struct source *s, enum error e, const char *sentence)
{
    s->status = e;
    snprintf(s->message, sizeof s->message, "%s", sentence);
}

static void keep_console(struct source *s, const char *text)
{
    size_t n = strlen(text);
    if (n == 0)
        return;
    if (n > CONSOLE_MAX) {
        text += n - CONSOLE_MAX;
        n = CONSOLE_MAX;
    }
    char *bigger = realloc(s->console, s->console_len + n + 1);
    if (!bigger)
        return;
    s->console = bigger;
    memcpy(bigger + s->console_len, text, n + 1);
    s->console_len += n;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Takes one sample, records it, hands it over. Called without the lock. */
static void sample(struct source *s, int *failures)
{
    struct capstate state;
    enum error e = attach_snapshot(s->attach, &state);
    uint32_t n = 0;
    char recording[256] = "";
    if (!e && s->db && capdb_append(s->db, &state, now_seconds(), &n))
        snprintf(recording, sizeof recording, "recording stopped: %.200s", capdb_error(s->db));
    const char *console = attach_console(s->attach);
    pthread_mutex_lock(&s->lock);
    keep_console(s, console ? console : "");
    if (e) {
        ++*failures;
        if (e == ERR_CLOSED || e == ERR_IO || *failures >= PATIENCE)
            note_error(s, e, attach_error(s->attach));
        else
            snprintf(s->message, sizeof s->message, "%s (trying again)", attach_error(s->attach));
    } else {
        *failures = 0;
        if (s->have_fresh)
            capstate_free(&s->fresh);
        s->fresh = state;
        s->have_fresh = true;
        s->position = s->count = n ? n : s->count + 1;
        snprintf(s->message, sizeof s->message, "%s", recording);
    }
    pthread_mutex_unlock(&s->lock);
    if (recording[0]) {
        capdb_close(s->db);
        s->db = NULL;
    }
}

/* A search through a recorded run: nobody waits for it. Called without the lock. */
static void serve_find(struct source *s)
{
    struct attach_moment moment;
    char text[sizeof s->find_text];
    enum error e = attach_find(s->attach, s->goal, s->slot, &moment);
    size_t name =
        strlen(attach_target(s->attach)); /* stands before the sentence and on the screen */
    const char *why = attach_error(s->attach);
    if (e && strncmp(why, attach_target(s->attach), name) == 0 && why[name] == ':')
        why += name + strspn(why + name, ": ");
    if (e)
        snprintf(text, sizeof text, "%s", why);
    else
        attach_moment_text(&moment, text, sizeof text);
    pthread_mutex_lock(&s->lock);
    memcpy(s->find_text, text, sizeof text);
    s->searching = false;
    s->found = true;
    s->request = REQUEST_NONE;
    s->halted = attach_is_halted(s->attach);
    s->poke = true;
    pthread_mutex_unlock(&s->lock);
}

/* Does what the screen asked for. Called without the lock; request stays until it is done. */
static void serve(struct source *s)
{
    enum error e = ERR_OK;
    char *text = NULL;
    switch (s->request) {
    case REQUEST_COMMAND:
        e = attach_command(s->attach, s->command, &text);
        break;
    case REQUEST_HALT:
        e = attach_halt(s->attach);
        break;
    case REQUEST_CONTINUE:
        e = attach_continue(s->attach);
        break;
    case REQUEST_FIND:
        serve_find(s);
        return;
    case REQUEST_NONE:
        return;
    }
    if (e && !text)
        text = strdup(attach_error(s->attach));
    pthread_mutex_lock(&s->lock);
    s->answer = text;
    s->answer_error = e;
    s->answered = true;
    s->request = REQUEST_NONE;
    s->halted = attach_is_halted(s->attach);
    s->poke = true;
    pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
}

static struct timespec deadline_in(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Waits until there is something to do; false: quit. *due: a sample is. */
static bool wait_for_work(struct source *s, bool *due)
{
    struct timespec until = deadline_in(s->interval_ms);
    pthread_mutex_lock(&s->lock);
    int timeout = 0;
    while (!s->quit && s->request == REQUEST_NONE && !s->poke && !timeout)
        timeout = pthread_cond_timedwait(&s->wake, &s->lock, &until);
    *due = s->poke || (timeout && !s->paused);
    s->poke = false;
    bool go_on = !s->quit && s->status == ERR_OK;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *worker_main(void *arg)
{
    struct source *s = arg;
    int failures = 0;
    bool due = true;
    do {
        serve(s);
        if (due)
            sample(s, &failures);
    } while (wait_for_work(s, &due));
    pthread_mutex_lock(&s->lock);
    s->answered = true; /* nobody waits for a worker that is gone */
    pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A target begins with a door's name and a colon; anything else is a recording. */
static bool is_live_target(const char *target)
{
    return strncmp(target, "monitor:", 8) == 0 || strncmp(target, "gdb:", 4) == 0 ||
           strncmp(target, "ram:", 4) == 0;
}

static bool open_recording(struct source *s, const char *target, char *message, size_t size)
{
    char path[256], why[CAPDB_MESSAGE];
    snprintf(path, sizeof path, "%s", target);
    uint32_t wanted = 0;
    char *at = strrchr(path, '@');
    if (at && at[1] && strspn(at + 1, "0123456789") == strlen(at + 1)) {
        wanted = (uint32_t)strtoul(at + 1, NULL, 10);
        *at = 0;
    }
    if (capdb_open(path, &s->db, why)) {
        snprintf(message, size, "%s: %s", path, why);
        return false;
    }
    s->count = capdb_count(s->db);
    if (s->count == 0) {
        snprintf(message, size, "%s: the recording holds no snapshot", path);
        return false;
    }
    if (!source_seek(s, wanted ? wanted : s->count)) {
        snprintf(message, size, "%s: %s", path, s->message);
        return false;
    }
    return true;
}

static bool open_live(struct source *s, const struct source_options *o, char *message, size_t size)
{
    char why[CAPDB_MESSAGE];
    if (attach_open(o->target, &s->attach, message, size))
        return false;
    if (o->record && capdb_create(o->record, o->target, &s->db, why)) {
        snprintf(message, size, "%s: %s", o->record, why);
        return false;
    }
    if (s->db && capdb_set_rules(s->db, &s->rules)) {
        snprintf(message, size, "%s: %s", o->record, capdb_error(s->db));
        return false;
    }
    if (pthread_create(&s->worker, NULL, worker_main, s)) {
        snprintf(message, size, "no thread could be started");
        return false;
    }
    s->worker_runs = true;
    return true;
}

static bool read_rules(struct source *s, const char *path, char *message, size_t size)
{
    struct authority_rules_fault fault;
    if (!path)
        return true;
    s->own_rules = true;
    enum error e = authority_rules_read(path, &s->rules, &fault);
    if (e == ERR_FORMAT)
        snprintf(message, size, "%s: line %u, column %u: %s", path, fault.line, fault.column,
                 fault.sentence);
    else if (e != ERR_OK)
        snprintf(message, size, "%s: cannot be read", path);
    return e == ERR_OK;
}

struct source *source_open(const struct source_options *options, char *message, size_t size)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(message, size, "out of memory");
        return NULL;
    }
    s->live = is_live_target(options->target);
    s->interval_ms = options->interval_ms;
    snprintf(s->name, sizeof s->name, "%s", options->target);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_cond_init(&s->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool ok = read_rules(s, options->domains, message, size) &&
              (s->live ? open_live(s, options, message, size)
                       : open_recording(s, options->target, message, size));
    if (!ok) {
        source_close(s);
        return NULL;
    }
    return s;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    if (s->worker_runs) {
        pthread_mutex_lock(&s->lock);
        s->quit = true;
        pthread_cond_broadcast(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->worker, NULL);
    }
    if (s->db)
        capdb_close(s->db);
    if (s->attach)
        attach_close(s->attach);
    if (s->have_fresh)
        capstate_free(&s->fresh);
    authority_rules_free(&s->rules);
    free(s->answer);
    free(s->console);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->done);
    free(s);
}

/* --- asked by the screen ------------------------------------------------------------------------
 */

bool source_is_live(const struct source *s)
{
    return s->live;
}

const char *source_name(const struct source *s)
{
    return s->name;
}

bool source_take(struct source *s, struct capstate *state)
{
    pthread_mutex_lock(&s->lock);
    bool fresh = s->have_fresh;
    if (fresh) {
        capstate_free(state);
        *state = s->fresh;
        s->have_fresh = false;
    }
    pthread_mutex_unlock(&s->lock);
    return fresh;
}

const struct authority_rules *source_rules(const struct source *s)
{
    return &s->rules;
}

void source_poke(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    s->poke = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void source_pause(struct source *s, bool paused)
{
    pthread_mutex_lock(&s->lock);
    s->paused = paused;
    pthread_mutex_unlock(&s->lock);
}

enum error source_status(struct source *s, char *message, size_t size)
{
    pthread_mutex_lock(&s->lock);
    enum error e = s->status;
    snprintf(message, size, "%s", s->message);
    pthread_mutex_unlock(&s->lock);
    return e;
}

uint32_t source_position(struct source *s, uint32_t *count)
{
    pthread_mutex_lock(&s->lock);
    uint32_t position = s->position;
    *count = s->count;
    pthread_mutex_unlock(&s->lock);
    return position;
}

bool source_seek(struct source *s, uint32_t number)
{
    if (s->live)
        return false;
    struct capstate state;
    struct authority_rules rules = {0};
    enum error e = capdb_load(s->db, number, &state);
    if (e == ERR_OK && !s->own_rules && (e = capdb_get_rules(s->db, number, &rules)))
        capstate_free(&state);
    if (e) {
        snprintf(s->message, sizeof s->message, "%.250s", capdb_error(s->db));
        return false;
    }
    if (!s->own_rules) {
        authority_rules_free(&s->rules);
        s->rules = rules;
    }
    if (s->have_fresh)
        capstate_free(&s->fresh);
    s->fresh = state;
    s->have_fresh = true;
    s->position = number;
    s->count = capdb_count(s->db);
    return true;
}

/* Hands a request to the worker and waits for it, with a deadline. */
static enum error ask(struct source *s, enum request request, const char *line, char **text)
{
    struct timespec until = deadline_in(COMMAND_DEADLINE_S * 1000);
    pthread_mutex_lock(&s->lock);
    if (s->searching) {
        pthread_mutex_unlock(&s->lock);
        *text = strdup("a search through the recording is under way");
        return ERR_REFUSED;
    }
    snprintf(s->command, sizeof s->command, "%s", line);
    s->answered = false;
    s->request = request;
    pthread_cond_broadcast(&s->wake);
    int timeout = 0;
    while (!s->answered && !timeout && s->status == ERR_OK)
        timeout = pthread_cond_timedwait(&s->done, &s->lock, &until);
    enum error e = s->answered ? s->answer_error : ERR_TIMEOUT;
    *text = s->answer;
    s->answer = NULL;
    pthread_mutex_unlock(&s->lock);
    return e;
}

bool source_command(struct source *s, const char *line, char **text)
{
    if (!s->live) {
        *text = strdup("a recording has no monitor");
        return false;
    }
    enum error e = ask(s, REQUEST_COMMAND, line, text);
    if (!*text)
        *text = strdup(e == ERR_TIMEOUT ? "no answer before the deadline" : "");
    return e == ERR_OK;
}

bool source_halt(struct source *s, bool halt, char *message, size_t size)
{
    char *text = NULL;
    if (!s->live) {
        snprintf(message, size, "a recording stands still already");
        return false;
    }
    enum error e = ask(s, halt ? REQUEST_HALT : REQUEST_CONTINUE, "", &text);
    snprintf(message, size, "%s",
             text   ? text
             : halt ? "the machine is stopped"
                    : "the machine runs");
    free(text);
    return e == ERR_OK;
}

bool source_find(struct source *s, enum attach_goal goal, uint64_t slot, char *message, size_t size)
{
    if (!s->live) {
        snprintf(message, size,
                 "snapshots do not tell what happened between them: this needs a "
                 "replay (make run-record)");
        return false;
    }
    pthread_mutex_lock(&s->lock);
    bool free = !s->searching && s->request == REQUEST_NONE;
    if (free) {
        s->goal = goal;
        s->slot = slot;
        s->searching = true;
        s->request = REQUEST_FIND;
        pthread_cond_broadcast(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    snprintf(message, size,
             free ? "searching the recording for slot 0x%08" PRIx64 " ..."
                  : "slot 0x%08" PRIx64 ": a search is under way already",
             slot);
    return free;
}

bool source_found(struct source *s, char *text, size_t size, uint64_t *slot)
{
    pthread_mutex_lock(&s->lock);
    bool found = s->found;
    s->found = false;
    if (found) {
        snprintf(text, size, "%s", s->find_text);
        *slot = s->slot;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

bool source_is_halted(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool halted = s->halted;
    pthread_mutex_unlock(&s->lock);
    return halted;
}

char *source_console(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    char *text = s->console ? s->console : strdup("");
    s->console = NULL;
    s->console_len = 0;
    pthread_mutex_unlock(&s->lock);
    return text;
}
