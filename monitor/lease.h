/* A stop that ends by itself: `halt for SECONDS`.  A machine that stops the kernel in order to look
 * may die before it says `continue`; its stop lasts only while its line is not silent for so long.
 */
#ifndef CAPSCOPE_MONITOR_LEASE_H
#define CAPSCOPE_MONITOR_LEASE_H

#include "layout/types.h"

enum { LEASE_SECONDS_MAX = 3600 };

/* The stop that is to come, or the leased one that lasts, ends when the line is silent so long. */
void lease_begin(uint32_t seconds);
/* The stop has ended, or somebody wants it to last. */
void lease_end(void);
bool lease_is_on(void);
/* Something came on the line, or a command of it is done. */
void lease_renew(void);
/* Asked over and over while the kernel stands: true once, when the lease has run out. */
bool lease_ran_out(void);

#endif
