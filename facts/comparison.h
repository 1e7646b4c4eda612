/* What tells two systems apart: a design and what booted, or two builds.
 *
 * Addresses say nothing, since each system lies elsewhere. Objects are paired by names: the root
 * task, threads called alike, interrupts by number, devices by address; from there by shape: what
 * lies in the same slot of paired objects, then what is the only one of its kind in both. What the
 * systems do by running is not compared: registers, states, watermarks, replies that are due. */
#ifndef CAPSCOPE_FACTS_COMPARISON_H
#define CAPSCOPE_FACTS_COMPARISON_H

#include "capstate/capstate.h"

enum comparison_kind {
    COMPARISON_OBJECT,  /* only one has it; a, b: objects */
    COMPARISON_SLOT,    /* a capability only one has, or another one; a, b: slots */
    COMPARISON_TARGET,  /* the same but for the object it refers to; slots */
    COMPARISON_PARENT,  /* derived from another; slots */
    COMPARISON_THREAD,  /* priorities, domain, fault handler, buffer or binding; threads */
    COMPARISON_MAPPING, /* a translation only one has, or another one; mappings */
};

/* -1: the other has it alone. */
struct comparison_difference {
    enum comparison_kind kind;
    int32_t a, b;
};

struct comparison {
    struct comparison_difference
        *difference; /* by kind, then as `a` lists them, those of `b` last */
    uint32_t count;
    size_t room;
    uint32_t pairs;  /* of objects */
    int32_t *pair_a; /* by object of a: its object of b, -1 */
    int32_t *pair_b;
};

/* ERR_NO_MEMORY. */
enum error comparison_make(const struct capstate *a, const struct capstate *b,
                           struct comparison *out);
void comparison_free(struct comparison *c);
const char *comparison_sentence(enum comparison_kind kind);

#endif
