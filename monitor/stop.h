/* Words for a stop of the kernel. */
#ifndef CAPSCOPE_MONITOR_STOP_H
#define CAPSCOPE_MONITOR_STOP_H

#include "monitor/door/door.h"

/* Writes why the kernel stands and at which event; `sentence` may be NULL. */
void stop_describe(enum debug_reason reason, const char *sentence);

#endif
