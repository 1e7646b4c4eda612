/* Who waits for whom, and who can never go on.
 *
 * A blocked thread is woken by somebody who holds the right to: a receiver or sender at its
 * endpoint, whoever holds the reply to it, whoever signals its notification (a thread or an
 * interrupt).  A thread can go on if it is ready, or if one of its wakers can: the smallest such
 * set, by going round until nothing is added.  What is left waits for something that can never
 * come, or for each other. */
#ifndef CAPSCOPE_FACTS_WAITING_H
#define CAPSCOPE_FACTS_WAITING_H

#include "capstate/capstate.h"

struct waiting {
    int32_t *wakers; /* threads, those of thread i from first[i] to first[i + 1] */
    uint32_t *first;
    bool *outside; /* an interrupt, or the kernel's clock, can wake it */
    bool *can_go_on;
    uint32_t count; /* of wakers */
};

/* ERR_NO_MEMORY. Time and memory: linear in threads, slots, and wakers. */
enum error waiting_build(const struct capstate *s, struct waiting *out);
void waiting_free(struct waiting *w);

/* The thread that holds the reply to this one: in its caller slot, its CSpace, or as reply object;
 * -1: nobody, so no answer can come.  *slot: the capability, -1. */
int32_t waiting_replier(const struct capstate *s, int32_t thread, int32_t *slot);

/* The endpoint that a faulted thread's handler address stands for; -1 and why not in *slot: the
 * slot found (-1: empty or none). */
int32_t waiting_handler(const struct capstate *s, int32_t thread, int32_t *slot);
int32_t waiting_timeout_handler(const struct capstate *s, int32_t thread, int32_t *slot);

#endif
