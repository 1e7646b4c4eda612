/* Memory that is a mapped file, which somebody may cut off: reading what is gone raises SIGBUS, which
 * ends a program without a word.  Guarded memory reads as zeros there instead, and says so, and its
 * owner looks before it believes what it has read. */
#ifndef CAPSCOPE_LIB_HOST_GUARD_H
#define CAPSCOPE_LIB_HOST_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* *cut becomes true when a byte of the memory is asked for that the file has no more.  False: there is
 * no room for more, and such a byte ends the program as it does without a guard. Any thread. */
bool guard_add(const void *at, size_t bytes, volatile bool *cut);
/* Before it is unmapped. What was never added is no error. */
void guard_remove(const void *at);

#endif
