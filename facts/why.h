/* Why: the questions people bring to a debugger, answered from one snapshot.
 *
 * Each answer is a chain of lines: the first is the answer in one sentence, those below say why,
 * the deeper the further back.  The same lines stand in capdb and in the inspector.  A line may
 * speak of one thing, by its address, so that a screen can link it.  Text is printable: names from
 * a target come escaped.
 *
 * Every answer has a status: WHY_CLEAR, or WHY_UNKNOWN where the snapshot does not tell (its lines
 * then say what is missing). */
#ifndef CAPSCOPE_FACTS_WHY_H
#define CAPSCOPE_FACTS_WHY_H

#include "authority/authority.h"
#include "capstate/capstate.h"
#include "facts/waiting.h"

enum { WHY_TEXT = 400, WHY_NAME = 200 };

enum why_status {
    WHY_CLEAR,
    WHY_UNKNOWN,
    WHY_NO_MEMORY,
};

enum why_about { WHY_ABOUT_NOTHING, WHY_ABOUT_THREAD, WHY_ABOUT_SLOT, WHY_ABOUT_MEMORY };

struct why_line {
    uint32_t depth;
    enum why_about about;
    uint64_t addr; /* of the TCB, the slot, or physical */
    char text[WHY_TEXT];
};

struct why {
    enum why_status status;
    struct why_line *lines;
    uint32_t count;
    size_t room;
};

void why_init(struct why *w);
void why_free(struct why *w);

/* For the files of facts/: appends a line (printf). */
void why_say(struct why *w, uint32_t depth, enum why_about about, uint64_t addr, const char *fmt,
             ...) __attribute__((format(printf, 5, 6)));

/* The lines as one text, deeper ones further to the right; the caller frees. NULL: no memory. */
char *why_join(const struct why *w);

/* Does it run, or would it if it were chosen? */
bool why_is_runnable(const struct record_thread *t);

/* What a thread does, as the end of "it is ...". */
const char *why_doing(const struct record_thread *t);

/* What its fault is: "memory fault at 0x1234".  Returns buf. */
const char *why_fault_words(const struct record_thread *t, char buf[WHY_NAME]);

/* Mainline keeps nothing of a fault that no handler could be told of: such a thread is stopped like
 * a suspended one.  What there is to tell of its fault then. */
bool why_may_have_faulted(const struct capstate *s, int32_t thread);
void why_unkept_fault(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out);

/* What a thread is called; of one that is only known by the address of its TCB.  Return buf. */
const char *why_name(const struct capstate *s, int32_t thread, char buf[WHY_NAME]);
const char *why_name_at(const struct capstate *s, uint64_t tcb, char buf[WHY_NAME]);

/* --- the questions; thread and slot are indexes of the capstate ------------------------------- */

/* Why a thread does not run (or that it does): what it waits for, who could end that, and why they
 * do not; a circle is named a deadlock.  Includes MCS: no scheduling context, budget used up,
 * waiting in the release queue. */
void why_not_running(const struct capstate *s, int32_t thread, struct why *out);

/* The same for who asks often: with what waiting_build() found in this snapshot. */
void why_not_running_in(const struct capstate *s, const struct waiting *w, int32_t thread,
                        struct why *out);
bool why_is_stuck(const struct capstate *s, const struct waiting *w, int32_t thread);

/* What a first screen marks a thread with, the worst first: X(NAME, "word").  FAULT; STUCK: it waits for
 * what can never come, or nothing will ever let it run; NO_TIME: its budget is used up; STOPPED: it
 * was suspended, or never started. */
#define WHY_MARK_LIST(X)                                                                           \
    X(NONE, "")                                                                                    \
    X(FAULT, "fault")                                                                              \
    X(STUCK, "stuck")                                                                              \
    X(NO_TIME, "no time")                                                                          \
    X(STOPPED, "stopped")

enum why_mark {
#define X(NAME, word) WHY_MARK_##NAME,
    WHY_MARK_LIST(X)
#undef X
        WHY_MARKS
};
enum why_mark why_mark(const struct capstate *s, const struct waiting *w, int32_t thread);
const char *why_mark_word(enum why_mark mark);

/* In which threads something is wrong that they cannot get out of by themselves: faulted, or
 * waiting for what can never come.  stuck: array of thread_count. ERR_NO_MEMORY. */
enum error why_stuck(const struct capstate *s, bool *stuck);

/* What a faulted thread was doing, what was looked up and where the look-up ended, what would have
 * to be there. */
void why_fault(const struct capstate *s, int32_t thread, struct why *out);

/* What an invocation of a capability address would meet: the look-up level by level, whether what
 * is there can be invoked, and whose it is. thread: of a->state. */
void why_denied(const struct authority *a, int32_t thread, uint64_t cptr, struct why *out);

/* What a translation of a virtual address meets. */
void why_virtual(const struct capstate *s, int32_t thread, uint64_t vaddr, uint32_t depth,
                 struct why *out);

#endif
