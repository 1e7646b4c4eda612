/* The model: what is shown, what it is compared with, and what was said.  No screen in it.
 *
 *   latest    the newest sample of the target
 *   now       the one on the screen: latest, or one of the time line one went back to
 *   before    what `now` is compared with: the sample shown before it, or the mark
 *
 * Views and the pane read it; keys change it through the functions here. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SESSION_H
#define CAPSCOPE_INSPECTOR_TUI_SESSION_H

#include "inspector-tui/compare.h"
#include "inspector-tui/line.h"
#include "inspector-tui/revocations.h"
#include "inspector-tui/source.h"

enum { SESSION_MESSAGE = 400, SESSION_DOMAINS = 256 };

/* The letter and the hue of a domain, the same as long as the session lasts. */
struct domain_mark {
    uint64_t hash;
    char letter;
    uint8_t hue; /* 0 .. STYLE_DOMAINS - 1 */
};

struct session {
    struct source *source;
    struct target_state target;
    struct sample *latest, *now, *before, *mark;
    struct sample *minute; /* what it looked like a minute before `now`, or at the first */
    uint64_t findings;     /* sum of those in the log */
    uint32_t before_asked;
    uint32_t minute_asked; /* snapshot that was asked for to be that */
    bool mark_due;         /* the mark becomes that as soon as it has come */
    bool mark_set;         /* by hand; else it is what was a minute before, or the first */
    bool recording_told;   /* that it stopped */
    uint32_t run_told;     /* of a running target: the newest run of the machine */
    struct revocations revocations;
    bool comparing;        /* with the mark; else with the sample shown before */
    bool mark_lost;        /* it was of another run of the machine: the default took its place */
    bool tell_change;      /* the comparison under way was asked for: its sum is said */
    uint32_t at;           /* snapshot of the time line one went back to, 0: the newest */
    uint32_t wanted;       /* snapshot that was asked for and is not here yet */
    uint64_t event_wanted; /* event that was asked for and is not here yet, 0: none */
    int event_way;         /* by one more event (1) or one less (-1), 0: to that one */
    bool newest_due;       /* whether somebody has recorded more was asked, to go there ... */
    bool later_due;        /* ... or one snapshot on */
    bool paused;
    bool layout_told;
    uint64_t generation_of_events; /* grows whenever revocations have another count */
    uint64_t generation;           /* grows whenever `now` or `change` is another */
    struct compare *change;
    struct domain_mark domains[SESSION_DOMAINS];
    uint32_t domain_count;

    uint32_t columns, lines;       /* of the screen: pictures fill it */
    char message[SESSION_MESSAGE]; /* of the last key or answer */
    bool message_bad;
    bool message_of_machine; /* it is true as long as the target stands as it does */
    char *log; /* what programs printed, answers of the monitor, messages; lines, escaped */
    size_t log_length;
    uint64_t log_generation;

    /* the last question in SQL */
    char question[256];
    uint32_t asked_at, asked_against; /* snapshots it was asked of, 0: the newest, none */
    char *table;                      /* its answer: lines of cells with tabs, escaped */
    bool table_compared;              /* each line begins with its sign */

    /* what the recording adds to why a thread in trouble stands */
    struct {
        uint64_t thread;
        uint32_t number; /* of the snapshot */
        char *text;      /* lines, NULL: the answer is not there yet */
    } past;

    /* the revocation that is looked at */
    uint64_t revoke_slot; /* whose preview is shown, 0: none */
    bool preview_asked;   /* also where another revocation is under way */
    bool stepped;         /* through a revocation: that it ends is told, then */
    bool follow_victim;   /* the cursor goes to the next victim as soon as it is another than ... */
    uint64_t victim_was;  /* ... this slot */
    char revoke_said[SESSION_MESSAGE];
};

void session_init(struct session *s, struct source *source);
void session_fini(struct session *s);

/* Takes whatever the source has; true when something on the screen may be another. */
bool session_take(struct session *s);

/* An answer that nobody but the caller understands is handed on; see app.c. */
typedef void (*session_hear)(void *ctx, const struct answer *a);
void session_answers(struct session *s, session_hear hear, void *ctx);

void session_say(struct session *s, bool bad, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Says of the target what holds until it stands, or runs, in another way. */
void session_say_of_machine(struct session *s, bool bad, const char *text);
/* On a line of its own, also when a program has printed half of one; "\n" ends it.  Hostile bytes are
 * escaped here.  What a running target leads to has its time before it. */
void session_log(struct session *s, const char *text);

/* --- time --- */
void session_seek(struct session *s, uint32_t number); /* 0: the newest */
/* The snapshot that has this number, from 1 on, for the user (sample_number()). */
void session_seek_shown(struct session *s, uint32_t shown);
void session_seek_by(struct session *s, long snapshots);
/* The answer to whether a recording has grown is there. */
void session_grown(struct session *s);
void session_seek_time(struct session *s, double time);
/* The earliest and the latest time of the time line; a clock may have been put back. */
void session_reach(const struct session *s, double *first, double *last);
/* The moment so many events further on; by snapshots where no events are kept. */
void session_seek_event(struct session *s, long events);
/* The moment right after an event. */
void session_to_event(struct session *s, uint64_t seq);
/* A moment that was asked for cannot be shown; true: another one is gone to in its place, which is said. */
bool session_not_there(struct session *s, const struct answer *a);
/* The event that what is shown is the state after, 0: no events are numbered. */
uint64_t session_event(const struct session *s);
/* The same where one goes: keys that come faster than moments are made each go one on. */
uint64_t session_event_ahead(const struct session *s);
/* Remembers what is shown; compares with it from now on, or stops to. */
void session_set_mark(struct session *s);
void session_compare(struct session *s);
bool session_is_back(const struct session *s);
/* The revocation that was stepped through and ends with what is shown, NULL: none, or it is not past. */
const struct revocation *session_ended(const struct session *s);
/* Is what is shown as the newest older than the stop at which the machine stands? */
bool session_is_older(const struct session *s);
/* Is it the same run of the machine, so that what is in both may be the same thing? */
bool session_same_run(const struct sample *a, const struct sample *b);
/* Is what is shown past, so that steps go through events and not through the machine? */
bool session_is_past(const struct session *s);
/* Are the events that are kept of the run of the machine that is shown? */
bool session_has_events(const struct session *s);
/* To the next step of a revoke among the events kept, or the one before. */
void session_seek_step(struct session *s, uint64_t from, long steps);

/* Asks in SQL, of what is shown, against what it is compared with; asks the last question again where
 * either is another by now. */
void session_ask(struct session *s, const char *question);
void session_ask_again(struct session *s);
/* Gives up a question that is under way; false: none is. */
bool session_give_up(struct session *s);

/* How many capabilities were made anew since the moment that is compared with, in slots that hold one in
 * both: with those that are born they are all that `capdb diff` lists as made, with those that died all
 * that it lists as deleted. false: no events tell. */
bool session_remade(const struct session *s, uint32_t *out);

/* Can stops stay armed when the inspector leaves? Only where the kernel itself knows them. */
bool session_keeps_stops(const struct session *s);
/* How many stops there are in a set of them, a bit each. */
unsigned session_stops(uint32_t set);

/* --- domains --- */
const struct domain_mark *session_mark_of(const struct session *s, const char *name);
/* Letter and style of a domain of a sample; '-' and dim for none. */
char session_letter(const struct session *s, const struct sample *of, int32_t domain);
enum style session_style(const struct session *s, const struct sample *of, int32_t domain);

/* "11:48:27" and "2026-11-29 11:48:27"; return buf. */
char *session_clock(double time, char buf[16]);
char *session_date(double time, char buf[32]);

#endif
