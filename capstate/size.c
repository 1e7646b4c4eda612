/* Amounts of memory in words and back. */
#include "capstate/size.h"

#include "lib/digits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char units[] = "BKMGTPE";

char *size_exact(uint64_t bytes, char buf[SIZE_TEXT])
{
    uint32_t unit = 0;
    for (; bytes && bytes % 1024 == 0 && units[unit + 1]; unit++)
        bytes /= 1024;
    char digits[DIGITS_BYTES];
    char *end = stpcpy(buf, digits_before(digits + sizeof(digits) - 1, bytes, 10, 1));
    *end++ = units[unit];
    *end = '\0';
    return buf;
}

char *size_short(uint64_t bytes, char buf[SIZE_TEXT])
{
    uint32_t unit = 0;
    uint64_t whole = bytes, rest = 0;
    for (; whole >= 1024 && units[unit + 1]; unit++) {
        rest = whole % 1024;
        whole /= 1024;
    }
    if (rest && whole < 10)
        snprintf(buf, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 "%c", whole, rest * 10 / 1024, units[unit]);
    else
        snprintf(buf, SIZE_TEXT, "%" PRIu64 "%c", whole, units[unit]);
    return buf;
}

bool size_read(const char *text, uint64_t *bytes)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *bytes = strtoull(text, &end, text[1] == 'x' ? 16 : 10);
    const char *unit = *end ? strchr(units, *end) : units;
    uint32_t shift = unit ? 10 * (uint32_t)(unit - units) : 64;
    if (errno || !unit || (*end && end[1]) || *bytes > UINT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

bool size_read_bits(const char *text, uint32_t *bits)
{
    uint64_t bytes;
    char *end;
    if (*text == '^') {
        unsigned long value = strtoul(text + 1, &end, 10);
        *bits = (uint32_t)value;
        return end > text + 1 && *end == '\0' && value < 64;
    }
    if (!size_read(text, &bytes) || bytes == 0 || bytes & (bytes - 1))
        return false;
    *bits = (uint32_t)__builtin_ctzll(bytes);
    return true;
}
