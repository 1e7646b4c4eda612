/* Sums over a snapshot: capdb_sum() (store.h) by its terms, for who keeps it up to date. */
#ifndef CAPSCOPE_CAPDB_SUM_H
#define CAPSCOPE_CAPDB_SUM_H

#include "capdb/store.h"

/* In format 3: sum_of_heads() and the terms of all slots and of all elements of the other kinds. */
uint64_t sum_of_heads(const struct capstate *s);
uint64_t sum_of_slots(const struct capstate *s);
uint64_t sum_of_elements(const struct capstate *s);
uint64_t sum_of_slot(const struct capstate *s, uint32_t i);
uint64_t sum_of_element(const struct capstate *s, enum row_kind kind, uint32_t i);

#endif
