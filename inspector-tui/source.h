/* Where samples come from: a running target or a recording, in a thread of its own.
 *
 * The screen never waits: it asks (source_ask() gives a number), and hears later (source_answer()).
 * Everything that takes time happens in the worker: reading the target, loading a snapshot of a
 * recording, the analysis, searches through a replay, SQL.  source_fd() becomes readable when there
 * is something to take; nobody needs to poll.
 *
 * A target that goes away is not the end: its last sample stays, the state says so, and the worker
 * tries to reach it again by itself. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SOURCE_H
#define CAPSCOPE_INSPECTOR_TUI_SOURCE_H

#include "attach/attach.h"
#include "inspector-tui/compare.h"

struct source;

struct source_options {
    const char *target;                  /* attach target, or a recording FILE[@N] */
    const char *record;                  /* recording to write, NULL: none */
    const struct authority_rules *rules; /* of --domains; NULL: those of the recording, or none */
    uint32_t interval_ms;                /* between two samples of a live target */
};

/* On failure NULL and the sentence in `message`.  A live target must be there at the start; one that is,
 * and does not answer for a moment, is waited for by the worker, and source_trouble() tells when it cannot
 * be opened. */
struct source *source_open(const struct source_options *options, char *message, size_t size);
/* Finishes the recording; the target is left as it was found.  Of a question that does not end it is
 * left to the end of the process. */
void source_close(struct source *s);

bool source_trouble(struct source *s, char *message, size_t size);
bool source_is_live(const struct source *s);
const char *source_name(const struct source *s);
int source_fd(const struct source *s);
void source_drain(struct source *s); /* takes what made the fd readable */

/* The newest sample if it was not taken yet, held for the caller; NULL: none. *change: what differs
 * from the sample delivered before it, the caller's; NULL: not known. */
struct sample *source_take(struct source *s, struct compare **change);
/* Large samples are compared by the worker: one request at a time, the newest counts. The answer is
 * the caller's; NULL: not there yet. */
void source_ask_compare(struct source *s, struct sample *before, struct sample *after);
struct compare *source_compared(struct source *s);
void source_state(struct source *s, struct target_state *out);
/* source_close() takes away the stops that were armed through it, unless they are to stay. */
void source_keep_stops(struct source *s);
/* The program is going to be stopped: the worker leaves the target alone, whose line nobody would read,
 * until it is told to go on. Waits for that, but not long. */
void source_rest(struct source *s, bool rest);
void source_pause(struct source *s, bool paused); /* no samples but those asked for */

/* Can the target be stopped, and does it run commands of a monitor? A recording can neither. */
bool source_can_halt(struct source *s);
bool source_can_command(struct source *s);

/* --- asking --- */
enum ask_kind {
    ASK_SAMPLE, /* now */
    ASK_SEEK,   /* number: snapshot of the time line */
    ASK_LOAD,   /* the same, without showing it */
    ASK_AROUND, /* the events around snapshot `number` of a recording, which is in memory */
    ASK_EVENT,  /* addr: the moment right after this event */
    ASK_HALT,
    ASK_GO,
    ASK_COMMAND, /* text: a line for the monitor */
    ASK_ARM,     /* addr: stop when this slot is revoked; where a stop is armed at it, no more */
    ASK_DISARM,  /* takes away the stops that were armed through this source */
    ASK_FIND,    /* number: enum attach_goal; addr: the slot; on a replay */
    ASK_SQL, /* text, in which :n is snapshot `number`; over the recording, or that moment of a live
                    target; compared with the answer of snapshot `addr`, unless that is 0 */
    ASK_WHY, /* addr: a TCB, number: snapshot; what capdb why-... says, of a recording */
    ASK_PAST, /* the same, only what the past adds */
};

struct ask {
    enum ask_kind kind;
    uint32_t number;
    uint64_t addr;
    char text[256];
};

struct answer {
    uint32_t id;
    enum ask_kind kind;
    bool ok;
    uint64_t addr; /* of the question */
    char *text;    /* the caller frees; "" if there is nothing to say */
};

/* 0: the queue is full, or the source ends. */
uint32_t source_ask(struct source *s, const struct ask *ask);
bool source_answer(struct source *s, struct answer *out);
/* Questions that have no answer yet. */
uint32_t source_waiting(struct source *s);
/* Is a question in SQL under way? */
bool source_is_asked(struct source *s);
/* Gives it up: there comes no answer. false: none is. */
bool source_give_up(struct source *s);
/* For how many seconds the target has been waited for, 0 while it is not. */
double source_silence(struct source *s);

/* --- what was seen --- */

/* One point of the time line. */
struct moment {
    uint32_t number;
    double time;
    uint64_t seq;      /* last event number */
    uint32_t run;      /* of the machine: points of one run share it */
    uint32_t recorded; /* number of its first snapshot in the recording that is written, 0: none */
    uint32_t changes;  /* capabilities that differ from the point before */
};

/* Points in order, up to `room` of the newest; returns how many, *total how many there are. */
uint32_t source_moments(struct source *s, struct moment *out, uint32_t room, uint32_t *total);
/* A sample that is still in memory, held for the caller; NULL: ask for it with ASK_SEEK. */
struct sample *source_sample(struct source *s, uint32_t number);
/* The numbers of a time line that is recorded are those of its recording: what the user types and sees.
 * Point of the time line that snapshot `shown` is at, 0: `why` says why there is none. */
uint32_t source_point(struct source *s, uint32_t shown, char *why, size_t size);

/* Events, oldest first, with the number `from` on; at most `room`. */
uint32_t source_events(struct source *s, uint64_t from, struct record_event *out, uint32_t room);
/* Numbers of the first and last event that is kept, how many were lost, false: there are none. */
bool source_event_range(struct source *s, uint64_t *first, uint64_t *last, uint64_t *lost);
/* Which events these are: of a running target the newest, of a recording those around what is shown. */
struct event_window {
    uint32_t run;        /* of the machine */
    uint32_t replaced;   /* counts how often others took the place of all */
    bool earlier, later; /* the recording has more of this run */
};
struct event_window source_event_window(struct source *s);

/* What the recording holds and whether it goes on: "REC 83", "" without one. Of one that does not, why
 * behind a colon: "REC STOPPED: the disk is full". */
void source_recording(struct source *s, char *text, size_t size);

/* What programs printed since the last call, NULL if nothing. Caller frees. */
char *source_console(struct source *s);

#endif
