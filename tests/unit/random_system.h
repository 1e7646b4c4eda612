/* Random systems of several domains, in both styles of root task: one that keeps the original of
 * every capability, and one that moved them all away. */
#ifndef CAPSCOPE_TESTS_HOST_RANDOM_SYSTEM_H
#define CAPSCOPE_TESTS_HOST_RANDOM_SYSTEM_H

#include "tests/unit/state_builder.h"

enum { RANDOM_DOMAINS = 4, RANDOM_SLOTS_MAX = 160 };
#define RANDOM_ROOT_TCB 0x80100000u

extern uint32_t random_seed;
uint32_t random_pick(uint32_t n); /* below n */

/* order: 0 as made; else the slots come in another order. */
void random_system(struct capstate *s, uint32_t round, uint32_t order);

#endif
