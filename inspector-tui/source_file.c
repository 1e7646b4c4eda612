/* A recording: its snapshots are the time line; what was loaded last stays in memory. */
#include "inspector-tui/source_private.h"
#include "capdb/past.h"
#include "lib/array.h"
#include "lib/host/clock_text.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Snapshots of a kernel that numbers no events: each has the number of the last event of its run that it
 * shows. Those from `from` on. */
static void number_moments(struct source *s, uint32_t from)
{
    static const char sql[] = "SELECT n, max(row), seq FROM event WHERE n > :n AND kind <> 0"
                              " GROUP BY n ORDER BY n";
    char *table = NULL;
    uint64_t seq = 0;
    int64_t row = 0;
    uint32_t i = from, n = 0;
    if (capdb_ask_at(s->db, sql, from, UINT32_MAX, &table) != ERR_OK)
        return;
    const char *line = strchr(table, '\n');
    pthread_mutex_lock(&s->lock);
    for (; i < s->point_count; i++) {
        struct moment *m = &s->points[i].moment;
        uint32_t runs = source_runs_by(s, m->number);
        while (n < m->number && line &&
               sscanf(line, "\n%" SCNu32 "\t%" SCNd64 "\t%" SCNu64, &n, &row, &seq) == 3)
            line = strchr(line + 1, '\n');
        if (m->seq)
            continue;
        if (n == m->number && (!runs || row >= s->runs[runs - 1].row))
            m->seq = seq;
        else if (i && s->points[i - 1].moment.run == m->run)
            m->seq = s->points[i - 1].moment.seq;
    }
    pthread_mutex_unlock(&s->lock);
    free(table);
}

uint32_t source_runs_by(const struct source *s, uint32_t n)
{
    return (uint32_t)LOWER_BOUND(s->run_count, i, s->runs[i].first <= n);
}

/* What is not known of them stays as it was. */
static void read_runs(struct source *s)
{
    char *table = NULL;
    struct recorded_run run;
    if (capdb_ask(s->db, "SELECT first, from_row FROM runs ORDER BY first", UINT32_MAX, &table) !=
        ERR_OK)
        return;
    s->run_count = 0;
    for (const char *line = strchr(table, '\n'); line; line = strchr(line + 1, '\n')) {
        struct recorded_run *grown =
            array_room(s->runs, s->run_count, &s->run_room, sizeof(*grown));
        if (!grown || sscanf(line, "\n%" SCNu32 "\t%" SCNd64, &run.first, &run.row) != 2)
            break;
        s->runs = grown;
        s->runs[s->run_count++] = run;
    }
    free(table);
}

/* The kernel's clock, too, begins anew. */
static uint32_t run_of(const struct source *s, const struct capdb_snapshot *info)
{
    uint32_t runs = source_runs_by(s, info->n);
    if (s->point_count == 0)
        return 0;
    bool told = runs && s->runs[runs - 1].first == info->n;
    bool back = info->ticks < s->ticks_read || info->seq < s->seq_read;
    return s->points[s->point_count - 1].moment.run + (told || back);
}

/* The time line grows when somebody else records into the file. */
static void read_moments(struct source *s)
{
    uint32_t count = capdb_count(s->db), before = s->point_count;
    struct capdb_snapshot info;
    if (count > before)
        read_runs(s);
    pthread_mutex_lock(&s->lock);
    struct point *grown = array_room(s->points, count, &s->point_room, sizeof(*grown));
    if (grown)
        s->points = grown;
    else
        count = s->point_count;
    while (s->point_count < count && capdb_snapshot_info(s->db, s->point_count + 1, &info) == 0) {
        uint32_t run = run_of(s, &info);
        s->ticks_read = info.ticks;
        s->seq_read = info.seq;
        s->points[s->point_count++] =
            (struct point){.moment = {.number = info.n,
                                      .time = info.time,
                                      .seq = info.seq,
                                      .run = run,
                                      .changes = info.added + info.removed + info.changed}};
    }
    bool grew = s->point_count > before;
    pthread_mutex_unlock(&s->lock);
    if (grew && s->seq_read == 0)
        number_moments(s, before);
}

static void keep(struct source *s, struct sample *made)
{
    pthread_mutex_lock(&s->lock);
    struct point *p = &s->points[made->number - 1];
    if (!p->sample) {
        p->sample = sample_hold(made);
        s->history_bytes += made->bytes;
    }
    for (uint32_t i = 0; i < s->point_count && s->history_bytes > HISTORY_BYTES; i++) {
        struct point *old = &s->points[i];
        if (!old->sample || old->sample == made)
            continue;
        s->history_bytes -= old->sample->bytes;
        sample_drop(old->sample);
        old->sample = NULL;
    }
    pthread_mutex_unlock(&s->lock);
}

/* The recording's own rules, those that held when this snapshot was taken. */
static bool take_rules(struct source *s, uint32_t n, char *why, size_t size)
{
    struct authority_rules rules;
    char sentence[CAPDB_MESSAGE];
    if (capdb_get_rules(s->db, n, &rules) != ERR_OK) {
        snprintf(why, size, "%.250s", source_db_error(s->db, sentence));
        return false;
    }
    authority_rules_free(&s->rules);
    s->rules = rules;
    return true;
}

/* NULL with a sentence in `why`. */
static struct sample *load(struct source *s, uint32_t n, char *why, size_t size)
{
    struct capstate state;
    char sentence[CAPDB_MESSAGE];
    struct sample *made = n ? source_sample(s, n) : NULL;
    if (made)
        return made;
    if (n == 0 || n > s->point_count) {
        snprintf(why, size, "the recording has snapshots 1 to %u", s->point_count);
        return NULL;
    }
    if (capdb_load(s->db, n, &state) != ERR_OK) {
        snprintf(why, size, "%.250s", source_db_error(s->db, sentence));
        return NULL;
    }
    if (!s->options.rules && !take_rules(s, n, why, size)) {
        capstate_free(&state);
        return NULL;
    }
    state.snapshot.seq = s->points[n - 1].moment.seq;
    made = sample_make(&state, &s->rules);
    if (!made) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    made->number = n;
    made->time = s->points[n - 1].moment.time;
    made->run = s->points[n - 1].moment.run;
    keep(s, made);
    return made;
}

/* Before the first snapshot is there, how much there is to read is all there is to say. */
static void say_loading(struct source *s, uint32_t n)
{
    struct capdb_snapshot info;
    char where[120];
    if (!s->first || capdb_snapshot_info(s->db, n, &info) != ERR_OK)
        return;
    snprintf(where, sizeof(where), "reading snapshot %u of %u: %u capabilit%s", n, s->point_count,
             info.slots, plural_y(info.slots));
    source_say_state(s, TARGET_OPENING, where);
}

static bool seek(struct source *s, uint32_t n, char *why, size_t size)
{
    char where[64];
    say_loading(s, n);
    struct sample *made = load(s, n, why, size);
    if (!made)
        return false;
    source_events_around(s, n, s->points[n - 1].moment.seq);
    snprintf(where, sizeof(where), "snapshot %u of %u", n, s->point_count);
    source_say_state(s, TARGET_RECORDING, where);
    source_show(s, made, NULL);
    return true;
}

static void show_first(struct source *s)
{
    char why[300];
    if (!seek(s, s->first, why, sizeof(why)))
        source_say_state(s, TARGET_UNREACHABLE, why);
    s->first = 0;
    source_connect(s); /* while the file has its name */
}

static void say_length(struct source *s, bool grows)
{
    source_say_recording(s, "%u snapshot%s%s", s->point_count, plural_s(s->point_count),
                         grows ? ", growing" : "");
}

bool source_file_is_same(const struct source *s)
{
    struct stat now;
    return stat(s->file, &now) == 0 && now.st_dev == s->opened_file.st_dev &&
           now.st_ino == s->opened_file.st_ino;
}

/* What capdb says begins without a subject where the name of the file is to stand before it. */
static bool wants_subject(const char *text)
{
    static const char *const verbs[] = {"is ", "has ", "was ", "cannot "};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (strncmp(text, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

const char *source_db_error(const struct capdb *db, char sentence[CAPDB_MESSAGE])
{
    if (capdb_is_replaced(db))
        return "the file was replaced by another recording: only what was read is there still; leave, and"
               " open it anew";
    if (!wants_subject(capdb_error(db)))
        return capdb_error(db);
    snprintf(sentence, CAPDB_MESSAGE, "the recording %.*s", CAPDB_MESSAGE - 15, capdb_error(db));
    return sentence;
}

/* What is open stays readable when its name goes to another file, or to none. */
static void look_for_file(struct source *s)
{
    if (s->replaced || source_file_is_same(s))
        return;
    bool there = access(s->file, F_OK) == 0;
    s->replaced = true;
    source_say_recording(s, "%u snapshot%s, file %s", s->point_count, plural_s(s->point_count),
                         there ? "REPLACED" : "REMOVED");
    source_put_message(s, there
                              ? "another file has the name of this recording by now: what is shown "
                                "is the one that was opened; leave, and open it anew to see the "
                                "other"
                              : "the file of this recording was removed: what is shown is the one "
                                "that was opened");
}

/* Somebody may have recorded more: the time line grows, the shown moment stays. */
static void take_growth(struct source *s)
{
    uint32_t before = s->point_count;
    read_moments(s);
    look_for_file(s);
    if (s->point_count == before)
        return;
    source_take_events(s);
    say_length(s, true);
}

/* Somebody who records writes into the file, or into its log beside it, which comes and goes. */
static void watch_file(struct source *s)
{
    char log[sizeof(s->file) + 8];
    snprintf(log, sizeof(log), "%s-wal", s->file);
    if (s->watch < 0)
        s->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->watch < 0)
        return; /* then it is noticed with the next question */
    inotify_add_watch(s->watch, s->file, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
    inotify_add_watch(s->watch, log, IN_MODIFY);
}

static bool changed(struct source *s)
{
    char events[4096];
    bool any = false;
    while (read(s->watch, events, sizeof(events)) > 0)
        any = true;
    if (!s->replaced)
        watch_file(s);
    take_growth(s);
    source_wake_screen(s);
    return any;
}

static void sample(struct source *s)
{
    read_moments(s);
    say_length(s, false);
    if (s->first)
        show_first(s);
    source_wake_screen(s);
}

static bool is_newest_here(void *source)
{
    struct source *s = source;
    const struct asked here = {.id = s->asked_here};
    pthread_mutex_lock(&s->lock);
    bool wanted = !s->quit && source_is_newest(s, &here);
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

/* Of a file that has lost its name nobody else can be asked than who has it open: where the connection for
 * questions is at another one, this one, for which other questions then wait. */
static void ask_here(struct source *s, const struct asked *q)
{
    char sentence[CAPDB_MESSAGE];
    char *table = NULL, *before = NULL;
    s->asked_here = q->id;
    capdb_give_up_after(s->db, SQL_SECONDS, is_newest_here, s);
    enum error e = capdb_ask_at(s->db, q->ask.text, q->ask.number, SQL_ROWS, &table);
    if (e == ERR_OK && q->ask.addr) {
        e = capdb_ask_at(s->db, q->ask.text, (uint32_t)q->ask.addr, SQL_ROWS, &before);
        if (e == ERR_OK)
            table = source_compare_tables(before, table);
    }
    capdb_give_up_after(s->db, SQL_SECONDS, source_is_wanted, s);
    if (e == ERR_OK && table) {
        source_answered(s, q, true, table);
        return;
    }
    free(table);
    source_answered_text(s, q, false,
                         e == ERR_OK ? error_sentence(ERR_NO_MEMORY)
                                     : source_db_error(s->db, sentence));
}

/* The snapshot that an event came after is in memory then, if it can be. */
static void load_before(struct source *s, uint64_t seq)
{
    char why[300];
    uint32_t n = 0, run = source_event_window(s).run;
    for (uint32_t i = 0; i < s->point_count; i++)
        if (s->points[i].moment.seq <= seq && s->points[i].moment.run == run)
            n = s->points[i].moment.number;
    sample_drop(load(s, n, why, sizeof(why)));
    if (n)
        source_events_around(s, n, seq);
}

/* The lines of `capdb why-not-running`, and of `capdb why-fault` where it has faulted; past: only those
 * that the snapshot itself does not tell. */
static enum error why(struct source *s, const struct sample *of, int32_t thread, bool past,
                      struct why *w)
{
    const struct capstate *state = &of->state;
    if (!past)
        why_not_running(state, thread, w);
    enum error e = capdb_past_running(s->db, of->number, state, thread, w);
    if (e != ERR_OK || !state->threads[thread].rec.fault)
        return e;
    if (!past)
        why_fault(state, thread, w);
    return capdb_past_fault(s->db, of->number, state, thread, w);
}

static void serve_why(struct source *s, const struct asked *q)
{
    char message[300] = "that thread is not in this snapshot", sentence[CAPDB_MESSAGE];
    struct why w;
    struct sample *of = load(s, q->ask.number, message, sizeof(message));
    int32_t thread = of ? sample_thread_at(of, q->ask.addr) : -1;
    why_init(&w);
    enum error e = thread < 0 ? ERR_OK : why(s, of, thread, q->ask.kind == ASK_PAST, &w);
    char *text = thread >= 0 && e == ERR_OK ? why_join(&w) : NULL;
    if (text)
        source_answered(s, q, true, text);
    else
        source_answered_text(s, q, false, e == ERR_OK ? message : source_db_error(s->db, sentence));
    why_free(&w);
    if (of)
        sample_drop(of);
}

static void serve(struct source *s, const struct asked *q)
{
    char why[300] = "";
    take_growth(s);
    switch (q->ask.kind) {
    case ASK_SEEK:
        if (seek(s, q->ask.number, why, sizeof(why)))
            source_answered_text(s, q, true, "");
        else
            source_answered_text(s, q, false, why);
        break;
    case ASK_AROUND:
        if (q->ask.number && q->ask.number <= s->point_count)
            source_events_around(s, q->ask.number, s->points[q->ask.number - 1].moment.seq);
        source_answered_text(s, q, true, "");
        break;
    case ASK_LOAD:
        sample_drop(load(s, q->ask.number, why, sizeof(why)));
        source_answered_text(s, q, true, "");
        break;
    case ASK_EVENT:
        load_before(s, q->ask.addr);
        source_serve_event(s, q);
        break;
    case ASK_SAMPLE:
        source_answered_text(s, q, true, "");
        break;
    case ASK_SQL:
        if (s->replaced && !source_has_connection(s))
            ask_here(s, q);
        else
            source_ask_recording(s, q);
        break;
    case ASK_WHY:
    case ASK_PAST:
        serve_why(s, q);
        break;
    case ASK_FIND:
        source_answered_text(s, q, false,
                             "snapshots do not tell what happened between them: this needs a "
                             "replay (make run-record)");
        break;
    case ASK_COMMAND:
        source_answered_text(s, q, false, "a recording has no monitor");
        break;
    default:
        source_answered_text(s, q, false, "a recording stands still");
        break;
    }
}

/* As `at` in the inspector: by this computer's clock, the newest snapshot by the end of that moment. */
static uint32_t snapshot_of_time(const struct source *s, const char *text)
{
    struct clock_frame frame = {.near = s->points[s->point_count - 1].moment.time};
    struct clock_moment at;
    double ago;
    uint32_t n = s->point_count;
    frame.first = frame.last = frame.near;
    for (uint32_t i = 0; i < s->point_count; i++) {
        frame.first = fmin(frame.first, s->points[i].moment.time);
        frame.last = fmax(frame.last, s->points[i].moment.time);
    }
    if (clock_text_ago(text, &ago))
        at = (struct clock_moment){frame.near - ago, 0};
    else if (!clock_text_read(text, &frame, &at) || at.time > frame.last)
        return 0;
    while (n > 0 && s->points[n - 1].moment.time > at.time + fmax(at.length - 1e-6, 0))
        n--;
    return n;
}

/* What FILE@MOMENT names; without it the newest. */
static bool find_first(struct source *s, const char *wanted, char why[static CAPDB_MESSAGE])
{
    const bool number = wanted && wanted[0] && strspn(wanted, "0123456789") == strlen(wanted);
    const unsigned long n = number ? strtoul(wanted, NULL, 10) : 0; /* ULONG_MAX: none has that */
    s->first = !wanted                         ? s->point_count
               : number && n <= s->point_count ? (uint32_t)n
               : number                        ? 0
                                               : snapshot_of_time(s, wanted);
    if (s->first)
        return true;
    if (number)
        snprintf(why, CAPDB_MESSAGE, "the recording has snapshots 1 to %u", s->point_count);
    else
        snprintf(why, CAPDB_MESSAGE,
                 "@%s is neither one of the snapshots 1 to %u nor a time within the recording",
                 wanted, s->point_count);
    return false;
}

static bool begin(struct source *s, char *message, size_t size)
{
    char path[SOURCE_NAME], why[CAPDB_MESSAGE];
    snprintf(path, sizeof(path), "%s", s->options.target);
    const char *wanted = clock_text_of_file(path);
    if (s->record_path[0]) {
        snprintf(message, size, "%s: a recording cannot be recorded", path);
        return false;
    }
    if (capdb_open(path, &s->db, why) != ERR_OK) {
        snprintf(message, size, "%s: %s", path, why);
        return false;
    }
    capdb_give_up_after(s->db, SQL_SECONDS, source_is_wanted, s);
    snprintf(s->file, sizeof(s->file), "%s", path);
    if (stat(path, &s->opened_file) != 0)
        s->replaced = true; /* as far as one can tell */
    watch_file(s);
    if (s->options.rules)
        s->rules = *s->options.rules;
    read_moments(s);
    if (s->point_count == 0) {
        snprintf(message, size, "%s: the recording holds no snapshot", path);
        return false;
    }
    if (!find_first(s, wanted, why)) {
        snprintf(message, size, "%s: %s", path, why);
        return false;
    }
    if (capdb_warning(s->db))
        source_put_message(s, capdb_warning(s->db));
    return true;
}

static void end(struct source *s)
{
    if (s->db)
        capdb_close(s->db);
    if (s->watch >= 0)
        close(s->watch);
    if (!s->options.rules)
        authority_rules_free(&s->rules);
    free(s->runs);
}

const struct source_ops source_file_ops = {
    .begin = begin, .end = end, .sample = sample, .serve = serve, .changed = changed};
