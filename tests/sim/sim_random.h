/* Random operations of every kind on capability state, on the simulated kernel (sim.h).
 *
 * The root task works on a window of its CSpace; a second thread receives what the root sends it,
 * with capabilities, and answers.  Between two operations the root task is current.  What is not
 * allowed is tried too, and refused by the kernel. */
#ifndef CAPSCOPE_TESTS_SIM_RANDOM_H
#define CAPSCOPE_TESTS_SIM_RANDOM_H

#include "tests/sim/sim.h"

struct sim_random {
    cptr_t base;     /* of the window */
    cptr_t memory;   /* untyped that all objects in the window come from */
    cptr_t endpoint; /* to the server */
    struct sim_thread server;
};

/* On a freshly booted kernel. */
void sim_random_begin(struct sim_random *s);
/* One operation, chosen by rand(). Preemption as the test has set it (hostsim_preempt_every). */
void sim_random_step(struct sim_random *s);

#endif
