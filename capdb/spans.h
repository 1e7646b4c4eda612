/* Breaches over time: from which snapshot to which each holds, with what showed it first; and
 * islands of threads that became one.
 *
 * A breach goes on as long as one of the same kind, between the same domains, over the same object
 * is there, in one run of the machine; the slots that show it may change. */
#ifndef CAPSCOPE_CAPDB_SPANS_H
#define CAPSCOPE_CAPDB_SPANS_H

#include "capdb/command.h"

enum span_text {
    SPAN_DOMAIN_A,
    SPAN_DOMAIN_B,
    SPAN_OBJECT,
    SPAN_WITNESS_A,
    SPAN_WITNESS_B,
    SPAN_PATH,
    SPAN_TEXTS,
};

struct span {
    uint32_t first, last; /* snapshots */
    enum authority_weight weight;
    enum authority_breach_kind kind; /* AUTHORITY_BREACH_KINDS: islands that merged */
    const char *name, *meaning;
    char *text[SPAN_TEXTS];
};

struct spans {
    struct span *list; /* in the order in which they began */
    uint32_t count, room;
    uint32_t *table; /* by what makes a span: its newest, + 1 */
    uint32_t mask;
    uint32_t *now; /* those of the snapshot added last */
    uint32_t now_count, now_room;
    uint32_t run_first;          /* where the run of the machine began: nothing goes on over that */
    struct span_thread *threads; /* of the snapshot added last, by address: its island */
    uint32_t thread_count;
};

/* The view's snapshot, with its verdict; ascending. */
void spans_add(struct spans *s, const struct view *v, const struct authority_verdict *verdict,
               bool strict);
/* What is no breach that isolation knows: an interval by its name and what it is about. True: it begins
 * with snapshot n, ascending. */
bool spans_note(struct spans *s, uint32_t n, const char *name, const char *about);
/* Before anything of snapshot n: does a run of the machine begin there? *run: that of the snapshot
 * before, {0}: none. */
struct capdb_run;
enum status spans_enter(struct spans *s, struct options *o, struct view *v, uint32_t n,
                        struct capdb_run *run);
/* Snapshot n, in which all is as in the one before. */
void spans_go_on(struct spans *s, uint32_t n);
void spans_free(struct spans *s);

/* Evaluates snapshots first..last, each once; the view stands on the last one that was looked at.
 * told: after each, NULL: nothing. */
typedef void (*spans_told)(void *ctx, const struct authority_verdict *verdict, uint32_t n);
enum status spans_over(struct options *o, struct view *v, uint32_t first, uint32_t last,
                       struct spans *s, spans_told told, void *ctx);

#endif
