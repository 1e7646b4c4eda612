/* Time on kernels with scheduling contexts (MCS): what a thread lacks to run.  Its scheduling
 * context is its own, or goes from caller to server with each call and back with the answer. */
#ifndef CAPSCOPE_FACTS_WHY_TIME_H
#define CAPSCOPE_FACTS_WHY_TIME_H

#include "facts/why.h"

enum why_time {
    WHY_TIME_ENOUGH, /* or the kernel has no scheduling contexts */
    WHY_TIME_NO_CONTEXT,
    WHY_TIME_ELSEWHERE, /* its scheduling context runs another thread */
    WHY_TIME_NO_BUDGET, /* its scheduling context was never configured */
    WHY_TIME_USED_UP,   /* it is in the release queue */
};

enum why_time why_time(const struct capstate *s, int32_t thread);

/* It comes back by itself: enough, or only used up. */
bool why_time_comes(enum why_time time);

/* What a runnable thread lacks, in lines from `depth` on; false: nothing. */
bool why_say_time(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out);

/* What a suspended one would lack when it is resumed, in one line or none. */
void why_say_time_later(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out);

/* To whom a thread that waits for an answer has lent its scheduling context, in one line or none. */
void why_say_lent(const struct capstate *s, int32_t thread, uint32_t depth, struct why *out);

#endif
