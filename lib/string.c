/* Memory and string functions for builds without a C library, with the meaning of ISO C.
 *
 * Copies and fills go by words, eight at a time, when source and destination share their alignment:
 * the compiler copies a block by load and store multiple.  Unaligned access is never made.  The
 * pragma keeps gcc from recognising the loops below and calling the very functions they implement.
 */
#include <stddef.h>
#include <stdint.h>

#pragma GCC optimize("no-tree-loop-distribute-patterns")

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

typedef uint32_t __attribute__((may_alias)) word;
struct __attribute__((may_alias)) block {
    word w[8];
};

enum { WORD = sizeof(word), BLOCK = sizeof(struct block) };

static size_t misalignment(const void *p)
{
    return (uintptr_t)p % WORD;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (misalignment(t) == misalignment(f)) {
        for (; n > 0 && misalignment(t) != 0; n--)
            *t++ = *f++;
        for (; n >= BLOCK; n -= BLOCK, t += BLOCK, f += BLOCK)
            *(struct block *)(void *)t = *(const struct block *)(const void *)f;
        for (; n >= WORD; n -= WORD, t += WORD, f += WORD)
            *(word *)(void *)t = *(const word *)(const void *)f;
    }
    for (; n > 0; n--)
        *t++ = *f++;
    return to;
}

/* From the first byte up: for a destination that overlaps the source from below. */
static void copy_up(uint8_t *to, const uint8_t *from, size_t n)
{
    if (misalignment(to) == misalignment(from)) {
        for (; n > 0 && misalignment(to) != 0; n--)
            *to++ = *from++;
        for (; n >= WORD; n -= WORD, to += WORD, from += WORD)
            *(word *)(void *)to = *(const word *)(const void *)from;
    }
    for (; n > 0; n--)
        *to++ = *from++;
}

/* From the last byte down: for a destination that overlaps the source from above. */
static void copy_down(uint8_t *to, const uint8_t *from, size_t n)
{
    if (misalignment(to) == misalignment(from)) {
        for (; n > 0 && misalignment(to + n) != 0; n--)
            to[n - 1] = from[n - 1];
        for (; n >= WORD; n -= WORD)
            *(word *)(void *)(to + n - WORD) = *(const word *)(const void *)(from + n - WORD);
    }
    for (; n > 0; n--)
        to[n - 1] = from[n - 1];
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to < (uintptr_t)from)
        copy_up(to, from, n);
    else
        copy_down(to, from, n);
    return to;
}

void *memset(void *to, int c, size_t n)
{
    uint8_t *t = to;
    uint8_t byte = (uint8_t)c;
    for (; n > 0 && misalignment(t) != 0; n--)
        *t++ = byte;
    word fill = (word)byte * 0x01010101u;
    for (; n >= BLOCK; n -= BLOCK, t += BLOCK) {
        word *w = (word *)(void *)t;
        w[0] = fill, w[1] = fill, w[2] = fill, w[3] = fill;
        w[4] = fill, w[5] = fill, w[6] = fill, w[7] = fill;
    }
    for (; n >= WORD; n -= WORD, t += WORD)
        *(word *)(void *)t = fill;
    for (; n > 0; n--)
        *t++ = byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n > 0; n--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != '\0')
        n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b)
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        if (*a == '\0')
            return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    while (*a == *b && *a != '\0')
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}
