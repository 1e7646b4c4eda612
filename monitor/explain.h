/* Sentences about what programs ran into: refused invocations, faults. */
#ifndef CAPSCOPE_MONITOR_EXPLAIN_H
#define CAPSCOPE_MONITOR_EXPLAIN_H

#include <stdbool.h>

/* Refused invocations are explained on the console; on at boot. Faults always are. */
void explain_refusals(bool on);
bool explain_refusals_are_on(void);

#endif
