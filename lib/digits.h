/* The digits of a number, where thousands of lines have some each and a format is read too often. */
#ifndef CAPSCOPE_LIB_DIGITS_H
#define CAPSCOPE_LIB_DIGITS_H

#include <stdint.h>

enum {
    DIGITS_BYTES = 32
}; /* room for any number in base 10 or 16, with a sign or 0x and its NUL */

/* Before the end of a text, whose last byte becomes NUL; at least so many, zeros before them.
 * Returns where they begin. */
static inline char *digits_before(char *last, uint64_t value, uint32_t base, int least)
{
    char *at = last;
    *at = '\0';
    for (; value || least > 0; value /= base, least--)
        *--at = "0123456789abcdef"[value % base];
    return at;
}

#endif
