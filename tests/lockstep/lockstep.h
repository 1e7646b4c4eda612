/* Kernel and model in lockstep: a random walk of system calls on both, states compared after each.
 *
 * A run is many episodes.  Each begins with both sides as booted and makes actions, chosen by the
 * generator from the model's state, until its share is done or nobody can run any more.
 * Every action is recorded before it is carried out, so that a difference, a failed check, a panic
 * or a sanitizer's report in an episode leaves the sequence that led to it, which is then shrunk by
 * leaving actions out.
 *
 * Preemption: the timer's line is made to rise at chosen looks of the kernel at its interrupts.
 * The model knows no half-done operation; a preempted one is compared when it is through, and the
 * invariants are checked at the point of preemption.  Where preemption may rightly change the
 * outcome (somebody of higher priority gets to run in the middle, or the caller takes away what its
 * own arguments were found by) the kernel's state is put aside, the operation runs with preemption
 * under the checks of invariants alone, and then again without, from the state put aside. */
#ifndef CAPSCOPE_TESTS_LOCKSTEP_H
#define CAPSCOPE_TESTS_LOCKSTEP_H

#include <stdint.h>
#include <stdio.h>

#include "model/model.h"

enum lockstep_kind {
    ACTION_SYSCALL = 0,
    ACTION_CONTINUE, /* the svc the thread stands at, again */
    ACTION_TICK,
    ACTION_IRQ,
    ACTION_UNDEFINED,
    ACTION_DATA_ABORT,
    ACTION_PREFETCH_ABORT,
};

enum {
    LOCKSTEP_BUFFER_WORDS = 20, /* message words 4 to 23 */
    LOCKSTEP_SVC_PLACES = 16,
    LOCKSTEP_RAM = 1 << 20,
    LOCKSTEP_GUARDIAN_BUFFER = 0x50000000,
};

struct lockstep_action {
    uint8_t kind;
    uint8_t work;       /* what the kernel's count of work stands at */
    uint8_t preempt;    /* the n-th look finds an interrupt; 0: none does */
    uint8_t again;      /* and so does every n-th after that */
    uint8_t svc;        /* which of the places of an svc */
    uint8_t has_buffer; /* words for the IPC buffer follow */
    word_t irq;
    word_t r[8];
    word_t message[LOCKSTEP_BUFFER_WORDS];
    word_t caps[3];
    word_t receive[3];
};

/* Counts of what happened, so that a run can show that it went everywhere. */
struct lockstep_stats {
    uint64_t actions;
    uint64_t episodes;
    uint64_t preemptions;
    uint64_t interleaved; /* preempted operations of which only invariants were checked */
    uint64_t nested;      /* deletions of a CNode or thread within another */
    uint64_t unordered;   /* operations that may wake threads in any order */
    uint64_t transfers;   /* capabilities through IPC */
    uint64_t replies;
    uint64_t faults;
    uint64_t restarts;
    uint64_t full_checks;
    uint64_t state;   /* with --states: all states that were seen, chained */
    uint32_t deepest; /* in the derivation tree */
    uint32_t most_slots;
    uint64_t label[64][12]; /* by invocation and error */
};

struct lockstep_options {
    uint64_t seed;
    uint64_t actions;     /* all episodes together */
    unsigned episode;     /* actions in one */
    unsigned audit_every; /* actions between two checks of all invariants; 0: never */
    bool preempt_all;     /* each long operation at each of its preemption points in turn */
    bool quiet;
    bool trace;   /* every action, on standard error */
    bool release; /* the kernel as its release build is: never watched, that build's CPSR */
    bool
        states; /* a line for each episode that tells all its states from others (lockstep_state) */
};

/* Returns 0, or 1 when kernel and model differ: then the seed and a shrunk sequence are on `out`.
 */
int lockstep_run(const struct lockstep_options *o, struct lockstep_stats *stats, FILE *out);
void lockstep_stats_print(const struct lockstep_stats *s, FILE *out);

/* --- lockstep_exhaustive.c: every state of a small scope. 0, 1 when kernel and rules differ, 2
 * when it cannot be told --- */
int lockstep_exhaustive(unsigned slot_count, bool rename, bool keep, FILE *out);

/* --- lockstep_compare.c --- */
struct model *lockstep_model_of_boot(void);
/* NULL, or a sentence about the first difference. loose: threads may have been woken in any order.
 */
const char *lockstep_compare(struct model *m, bool loose);
/* Memory, page tables, empty slots. */
const char *lockstep_compare_memory(struct model *m);
/* The kernel's memory as it is, word for word, and the processor, chained to the states before:
 * slots with their links, threads, queues, interrupts; with `memory` also frames, page tables and
 * ASID pools.  Two builds of the kernel that went through the same states have the same. */
uint64_t lockstep_state(const struct model *m, uint64_t before, bool memory);
/* NULL, or the audit's first finding. */
const char *lockstep_audit(void);
uint32_t lockstep_deepest(void);
uint32_t lockstep_slots(void);

/* --- lockstep_trial.c: what is tried out leaves nothing behind --- */
/* Zeroed memory in which trials leave what shall stay; NULL: none. */
void *lockstep_keep(size_t bytes);
/* Runs the function, then everything but such memory is as it was before. True when it returned
 * true; false also when it panicked, crashed, failed a check of cmocka's, or ran too long. */
bool lockstep_trial(bool (*run)(const void *arg), const void *arg, unsigned seconds, bool silent);

/* --- lockstep_generate.c --- */
struct lockstep_random {
    uint64_t state;
};
word_t lockstep_below(struct lockstep_random *r, word_t n); /* n not 0 */
void lockstep_generate(struct model *m, struct lockstep_random *r, struct lockstep_action *out);
bool lockstep_at_svc(const struct model_thread *t);
void lockstep_action_print(const struct lockstep_action *a, FILE *out);

#endif
