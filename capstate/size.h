/* Amounts of memory as people write them: 4K, 512K, 1M, 2G; K is 1,024. */
#ifndef CAPSCOPE_CAPSTATE_SIZE_H
#define CAPSCOPE_CAPSTATE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

enum { SIZE_TEXT = 24 };

/* Exactly: the largest unit of which it is a whole number, ("4K", "1025K", "100B").
 * Returns buf. */
char *size_exact(uint64_t bytes, char buf[SIZE_TEXT]);
/* In four characters or five, rounded down ("1.5K", "53K", "2G", "12B"), for columns.  Returns buf. */
char *size_short(uint64_t bytes, char buf[SIZE_TEXT]);
/* Reads a number, decimal or 0x…, and at most one unit behind it.  False for anything else and for
 * what has no 64 bits. */
bool size_read(const char *text, uint64_t *bytes);
/* log2 of a power of two, written like that, or as ^BITS, as a Retype has it. */
bool size_read_bits(const char *text, uint32_t *bits);

#endif
