/* Where what died stood: each capability that is in the sample before and not in the one after, with
 * the thing of the sample after that it belongs to, so that a view shows it there.
 *
 *   DEAD_BY_PARENT   below the nearest ancestor that still lives, in the order of derivation
 *   DEAD_BY_HOLDER   in the CNode or thread whose slot it was, by that slot's index
 *   DEAD_BY_OBJECT   among those that hold the object it led to */
#ifndef CAPSCOPE_INSPECTOR_TUI_DEAD_H
#define CAPSCOPE_INSPECTOR_TUI_DEAD_H

#include <stdbool.h>
#include <stdint.h>

struct compare;

enum dead_by { DEAD_BY_PARENT, DEAD_BY_HOLDER, DEAD_BY_OBJECT, DEAD_ORDERS };

struct dead {
    int32_t slot; /* of the sample before */
    int32_t
        at[DEAD_ORDERS]; /* slot, object and object of the sample after; -1: that is gone, too */
};

struct dead_list {
    struct dead *dead;
    uint32_t count;
    uint32_t *order[DEAD_ORDERS]; /* places in `dead`, those with -1 first */
};

/* Fills c->dead from c->changes; false: no memory. */
bool dead_find(struct compare *c);
void dead_free(struct dead_list *d);

/* Place of the first that belongs to thing `at` or to one behind it. c may be NULL. */
uint32_t dead_from(const struct compare *c, enum dead_by by, int32_t at);
/* The one at a place; NULL: there are no more. */
const struct dead *dead_at(const struct compare *c, enum dead_by by, uint32_t place);
/* How many belong to things from `at` up to, but without, `end`. */
uint32_t dead_count(const struct compare *c, enum dead_by by, int32_t at, int32_t end);

#endif
