/* Capstates written by hand: a list of slots in derivation order, threads, translations. */
#ifndef CAPSCOPE_TESTS_HOST_STATE_BUILDER_H
#define CAPSCOPE_TESTS_HOST_STATE_BUILDER_H

#include "capstate/capstate.h"

void state_begin(struct capstate *s);
void state_slot(struct capstate *s, struct record_slot slot);
void state_thread(struct capstate *s, uint32_t addr, const char *name);
void state_mapping(struct capstate *s, struct record_mapping mapping);
void state_finding(struct capstate *s, struct record_finding finding);
void state_add(struct capstate *s, const struct record *r);
/* Counts, END, indexes; the test fails when the state is refused. */
void state_end(struct capstate *s);

/* Equal in every record; slots in order, the others as sets. The test fails at the first
 * difference. */
void state_assert_same(const struct capstate *a, const struct capstate *b);

#endif
