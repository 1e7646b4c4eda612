/* Inside of the source: what the worker and its two kinds of target share. Private to source*.c. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SOURCE_PRIVATE_H
#define CAPSCOPE_INSPECTOR_TUI_SOURCE_PRIVATE_H

#include "capdb/capdb.h"
#include "inspector-tui/source.h"

#include <pthread.h>
#include <sys/stat.h>

enum {
    ANSWERS = 64,
    ASKS = 64,
    SQL_ROWS = 5000,
    SQL_SECONDS = 30,
    EVENTS_KEPT = 1 << 16,
    SOURCE_NAME = 512,
    MACHINE_BYTES = 256
};
/* What the history of a live target may take of memory. */
#define HISTORY_BYTES ((size_t)256 << 20)

struct asked {
    uint32_t id;
    struct ask ask;
};

/* A sample of the time line; NULL where it was dropped to keep within memory. */
struct point {
    struct moment moment;
    struct sample *sample;
};

/* A run of the machine in a recording: its first snapshot, and its first row of event. */
struct recorded_run {
    uint32_t first;
    int64_t row;
};

struct source;

enum opening { OPENING_DONE, OPENING_AGAIN, OPENING_FAILED };

/* A kind of target. All are called by the worker, without the lock. */
struct source_ops {
    bool (*begin)(struct source *s, char *message, size_t size); /* by the opener */
    /* What may take long, first of all; NULL: nothing does. AGAIN: it does not answer yet. */
    enum opening (*open)(struct source *s, char *message, size_t size);
    void (*end)(struct source *s);
    void (*sample)(struct source *s);
    void (*serve)(struct source *s, const struct asked *q);
    /* Waits up to ms for something of its own while there is nothing to do; NULL: only sleeps. */
    void (*listen)(struct source *s, int ms);
    /* Looks at what is watched; false: it has not changed since the last look. NULL: nothing is watched. */
    bool (*changed)(struct source *s);
    void (*rest)(struct source *s); /* nobody will read its line for a while; NULL: it has none */
};

struct source {
    const struct source_ops *ops;
    bool live;
    char name[SOURCE_NAME];
    struct source_options options;
    char record_path[SOURCE_NAME];

    /* the worker's alone */
    struct attach *attach;
    struct capdb *db;
    struct follow *follow; /* events of a live line, NULL: none */
    bool follows_next; /* the target was reached anew: its live line begins with the next sample */
    char machine[MACHINE_BYTES]; /* behind the line, "": not known */
    uint32_t run;                /* grows when another machine is behind it, or it was restarted */
    uint32_t boot;               /* what the kernel calls its run, 0: not known */
    uint64_t ticks;              /* of the last sample */
    bool lost;                   /* the line: `attach` is there, and to be reached again */
    bool unsettled;     /* the kernel was at work when a stub read it, and did not leave off */
    bool moved;         /* the machine was told to step, or to stop, through this source ... */
    bool moving;        /* ... and was not seen to stand since */
    bool stands_for_us; /* it stands at a stop of ours, and nobody else waits for it there */
    struct authority_rules rules;
    uint32_t first;          /* snapshot of a recording to show first, 0: it is shown */
    char file[SOURCE_NAME];  /* a recording that is read, ... */
    struct stat opened_file; /* ... as it was when it was opened */
    bool replaced;
    int watch;           /* inotify: whether somebody records into it; -1: none */
    bool stirred;        /* somebody does, and it is looked at ... */
    int64_t look_at;     /* ... then, by the clock of deadlines */
    uint32_t asked_here; /* the question in SQL that the worker itself serves */
    uint32_t ticks_read,
        seq_read;              /* as the kernel tells them, of the last snapshot of a recording */
    struct recorded_run *runs; /* of a recording */
    uint32_t run_count;
    size_t run_room;
    bool keep_stops; /* at the end, what was armed through it stays; set before the worker ends */

    pthread_t worker;
    bool worker_runs;
    int fd;      /* eventfd: something can be taken */
    int kick[2]; /* pipe: the worker is asked for something */

    pthread_mutex_t lock;
    pthread_cond_t question_over, rest_changed, opening_over;
    /* under the lock */
    bool quit, paused, due;
    bool opened;
    char trouble[700];          /* why it cannot be opened */
    bool rest, rests;           /* the worker is to leave the target alone; it does */
    bool can_halt, can_command; /* the target, when it was last reached */
    double busy_since;          /* the worker waits for the target since then, 0: it does not */
    struct asked asks[ASKS];
    uint32_t ask_first, ask_count, ask_serving, ask_last_id;
    uint32_t questions;  /* in SQL: how many are asked */
    uint32_t question;   /* the newest that waits for its answer, 0: none */
    struct capdb *spare; /* a connection to the recording, for the next of them; NULL: none */
    struct answer answers[ANSWERS];
    uint32_t answer_first, answer_count;
    struct sample *fresh;
    struct compare *fresh_change;          /* against the sample before */
    struct sample *ask_before, *ask_after; /* to be compared; after NULL: nothing */
    struct compare *compared;
    struct target_state state;
    struct point *points;
    uint32_t point_count;
    size_t point_room;
    size_t history_bytes;
    struct record_event *events; /* ring */
    uint32_t event_first, event_count;
    uint64_t events_lost;
    uint32_t events_window;            /* counts how often all of them were replaced */
    uint32_t events_run;               /* of a recording: which run of the machine they are of */
    bool events_earlier, events_later; /* of that run the recording has more */
    char recording[160];
    uint32_t recorded; /* the newest snapshot of the recording that is written, 0: none is */
    char *console;
    size_t console_len;
    bool console_half; /* what was put there last did not end its line */
};

/* --- for the kinds of target (source.c); they take the lock themselves --- */

void source_answered(struct source *s, const struct asked *q, bool ok, char *text);
/* The same of a question that the worker does not serve any more (source_served()). Of one in SQL that is
 * not the newest any more there is no answer. */
void source_put_answer(struct source *s, const struct asked *q, bool ok, char *text);
void source_served(struct source *s);
void source_answered_text(struct source *s, const struct asked *q, bool ok, const char *text);
/* A new state; `where` may be NULL. `since` stays while the kind stays. */
void source_say_state(struct source *s, enum target_kind kind, const char *where);
/* Takes over the sample: shows it, and puts it on the time line when it differs from the last. */
void source_deliver(struct source *s, struct sample *sample);
/* Without the time line; takes over the comparison, which may be NULL. */
void source_show(struct source *s, struct sample *sample, struct compare *change);
void source_put_event(struct source *s, const struct record_event *e);
void source_lose_events(struct source *s, uint64_t count);
/* All at once by others, `room` of them at most EVENTS_KEPT; takes over the array, which has that room. */
struct events_kept {
    struct record_event *events;
    uint32_t count, run;
    uint64_t lost;
    bool earlier, later;
};
void source_replace_events(struct source *s, struct events_kept *by);
/* In place of those that are kept, where these are not around event `seq` of snapshot n of the recording;
 * without events the rest is as good. (source_window.c) */
void source_events_around(struct source *s, uint32_t n, uint64_t seq);
/* Those that were recorded meanwhile, where they follow on those that are kept. */
void source_take_events(struct source *s);
void source_forget_events(struct source *s); /* they were of another run of the machine */
void source_say_recording(struct source *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void source_put_console(struct source *s, const char *text); /* as it came: half lines, too */
void source_put_message(struct source *s, const char *text); /* of ours: a line of its own */
void source_wake_screen(struct source *s);
void source_heard(struct source *s); /* what still takes time is not the target's */
/* Of a source: does anybody still wait for it? A question that takes long asks. */
bool source_is_wanted(void *source);

/* Two answers to one question as one: each line begins with ' ', '+' (only in the second) or '-' (only
 * in the first); the first line names the columns. Frees both; NULL: no memory. (source_sql.c) */
char *source_compare_tables(char *before, char *after);

/* Asks in SQL of one moment, and is done; the answer comes later. Takes over the state and `before`,
 * which may be NULL. (source_question.c) */
void source_ask_moment(struct source *s, const struct asked *q, struct capstate *state, double time,
                       struct sample *before);
/* The same of the recording, and of the snapshots that the question names. */
void source_ask_recording(struct source *s, const struct asked *q);
/* Keeps a connection for the next question, while the file has its name; is there one? */
void source_connect(struct source *s);
bool source_has_connection(struct source *s);
/* Is this question in SQL still the newest, and not given up? Under the lock. */
bool source_is_newest(const struct source *s, const struct asked *q);
/* Is the file of the recording still the one that was opened? (source_file.c) */
bool source_file_is_same(const struct source *s);
/* A sentence of why it did not answer; where another has its name, what to do. */
const char *source_db_error(const struct capdb *db, char sentence[CAPDB_MESSAGE]);
/* How many runs of the machine had begun by snapshot n. */
uint32_t source_runs_by(const struct source *s, uint32_t n);
/* Waits a while for those that are asked to give up; false: one does not. */
bool source_questions_end(struct source *s);

/* The answer to ASK_EVENT (source_event.c). */
void source_serve_event(struct source *s, const struct asked *q);

extern const struct source_ops source_live_ops, source_file_ops;

#endif
