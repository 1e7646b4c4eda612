/* What ends by itself when the line falls silent: a stop (`halt for SECONDS`), the live line
 * (`trace live on for SECONDS`), a stop that a program made through the GDB stub
 * (QCapscope.lease).  A program that asked for any may die before it takes it back. */
#ifndef CAPSCOPE_MONITOR_LEASE_H
#define CAPSCOPE_MONITOR_LEASE_H

#include "layout/types.h"

enum {
    LEASE_SECONDS_MAX = 3600,
};

struct lease {
    uint32_t seconds; /* 0: there is none */
    word_t since;     /* debug_ticks() when the line last spoke */
};
extern struct lease lease_of_stop, lease_of_live; /* of the monitor's line */
extern struct lease lease_of_gdb;                 /* of the line that gdb has */

/* What the lease is on ends when the line is silent so long. */
void lease_begin(struct lease *l, uint32_t seconds);
/* It has ended, or somebody wants it to last. */
void lease_end(struct lease *l);
bool lease_is_on(const struct lease *l);
/* Something came on the line. */
void lease_renew(struct lease *l);
/* Something came on the monitor's line, or a command of it is done: for both. */
void lease_renew_all(void);
/* Asked again and again; true once, when the lease has run out. */
bool lease_ran_out(struct lease *l);

#endif
