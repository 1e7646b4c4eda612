/* For the files of past.h: what they share. */
#ifndef CAPSCOPE_CAPDB_PAST_PART_H
#define CAPSCOPE_CAPDB_PAST_PART_H

#include "capdb/past.h"
#include "capdb/store.h"

enum { TEXT = 200, WHEN = 48, DEPTH = 1 };

struct past {
    struct capdb *db;
    uint32_t n;
    const struct capstate *s;
    struct why *out;
    enum error e;
    struct capdb_run run; /* of the machine, that of n: what was before it did not lead here */
};

struct past past_begin(struct capdb *db, uint32_t n, const struct capstate *s, struct why *out);

extern const char past_doing[];

/* "7 (11:48:27Z)".  Returns buf. */
const char *past_moment(struct past *p, uint32_t n, char buf[WHEN]);
/* False once p->e is set. */
bool past_prepare(struct past *p, const char *sql, sqlite3_stmt **st);
const char *past_thread_text(const struct past *p, uint64_t tcb, const char *name, char buf[TEXT]);

/* First snapshot of the unbroken row of snapshots up to n in which the thread is as in n. */
uint32_t past_since(struct past *p, const struct record_thread *t);

/* --- who did it --- */

/* What an event tells; row 0: none. */
struct deed {
    int64_t row;
    uint32_t kind;
    uint64_t seq, thread, slot, src, detail;
    struct record_slot cap;
    char who[TEXT];
};

/* Events of this run of the machine; ?11 and ?12 are past_bind_run()'s. */
#define DEED                                                                                       \
    "SELECT e.row, e.seq, e.kind, e.thread, e.slot, e.src, e.type, e.object, "                     \
    "e.bits,"                                                                                      \
    " e.rights, e.flags, e.data, e.extra, (SELECT m.text FROM thread_row t JOIN name m ON m.id ="  \
    "  t.name WHERE t.addr = e.thread AND t.t0 <= e.n ORDER BY t.t0 DESC LIMIT 1), e.detail"       \
    " FROM (SELECT * FROM event WHERE row >= ?11 AND row < ?12) e "

void past_bind_run(const struct past *p, sqlite3_stmt *st);
/* From a row of a query DEED. */
void past_take_deed(struct past *p, sqlite3_stmt *st, struct deed *d);
/* A query DEED with up to four numbers, of which the first row counts. */
struct deed past_deed(struct past *p, const char *sql, const uint64_t v[4]);
/* What emptied a slot last, up to snapshot `by`; moves are looked for where it became empty. */
struct deed past_emptied(struct past *p, uint64_t slot, uint32_t by);
/* "event 17, tick 1234". */
enum { EVENT_TEXT = 64 };
const char *past_event_text(struct past *p, const struct deed *d, char buf[EVENT_TEXT]);
/* Who did that, and in which revoke; that nothing tells. */
void past_say_taken(struct past *p, const struct deed *d, uint32_t depth);

#endif
