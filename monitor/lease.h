/* What ends by itself when the line falls silent: a stop (`halt for SECONDS`), the live line
 * (`trace live on for SECONDS`).  A program that asked for either may die before it takes it back.
 */
#ifndef CAPSCOPE_MONITOR_LEASE_H
#define CAPSCOPE_MONITOR_LEASE_H

#include "layout/types.h"

enum { LEASE_SECONDS_MAX = 3600 };

struct lease {
    uint32_t seconds; /* 0: there is none */
    word_t since;
    uint32_t rounds; /* questions in this second */
    uint32_t passed; /* seconds since the line last spoke */
};
extern struct lease lease_of_stop, lease_of_live;

/* What the lease is on ends when the line is silent so long. */
void lease_begin(struct lease *l, uint32_t seconds);
/* It has ended, or somebody wants it to last. */
void lease_end(struct lease *l);
bool lease_is_on(const struct lease *l);
/* Something came on the line, or a command of it is done: for both. */
void lease_renew_all(void);
/* Asked again and again, `a_second` times in a second should the clock stand still; true once, when
 * the lease has run out. */
bool lease_ran_out(struct lease *l, uint32_t a_second);

#endif
