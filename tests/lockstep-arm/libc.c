/* The functions of the C library that the lockstep test uses, for a machine without one. */
#include "tests/lockstep-arm/program.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the heap: blocks of sizes four to a power of two, free ones in a list for each size --- */

enum { SMALLEST_BITS = 4, CLASSES = 4 * (32 - SMALLEST_BITS) };

struct block {
    uint32_t class;
    uint32_t unused; /* keeps what follows at a multiple of 8 */
};

struct free_block {
    struct block block;
    struct free_block *next;
};

extern uint8_t heap_limit[]; /* lockstep.lds */
static struct free_block *free_blocks[CLASSES];
static uint8_t *heap_top = heap_start;

uint8_t *heap_end(void)
{
    return heap_top;
}

static size_t class_bytes(unsigned class)
{
    return (size_t)(4 + class % 4) << (class / 4 + SMALLEST_BITS - 2);
}

/* The smallest whose blocks hold so many bytes; CLASSES: none does. */
static unsigned class_of(size_t bytes)
{
    unsigned class = 0;
    while (class < CLASSES && class_bytes(class) < bytes)
        class += 4;
    while (class != 0 && class_bytes(class - 1) >= bytes)
        class --;
    return class;
}

void *malloc(size_t bytes)
{
    unsigned class = class_of(bytes + sizeof(struct block));
    if (class >= CLASSES)
        return NULL;
    struct free_block *f = free_blocks[class];
    if (f) {
        free_blocks[class] = f->next;
        return &f->block + 1;
    }
    size_t whole = (class_bytes(class) + 7) & ~(size_t)7;
    if (whole > (size_t)(heap_limit - heap_top))
        return NULL;
    struct block *b = (struct block *)(void *)heap_top;
    heap_top += whole;
    b->class = class;
    return b + 1;
}

void *calloc(size_t n, size_t bytes)
{
    void *p = malloc(n * bytes);
    return p ? memset(p, 0, n * bytes) : NULL;
}

void free(void *p)
{
    if (!p)
        return;
    struct free_block *f = (struct free_block *)(void *)((struct block *)p - 1);
    f->next = free_blocks[f->block.class];
    free_blocks[f->block.class] = f;
}

void *realloc(void *p, size_t bytes)
{
    size_t had = p ? class_bytes(((struct block *)p - 1)->class) - sizeof(struct block) : 0;
    if (p && had >= bytes)
        return p;
    void *larger = malloc(bytes);
    if (larger && p) {
        memcpy(larger, p, had);
        free(p);
    }
    return larger;
}

/* --- order --- */

static void exchange(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

/* Shell's sort. */
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    char *at = base;
    size_t gap = 1;
    while (gap < n / 3)
        gap = 3 * gap + 1;
    for (; gap != 0; gap /= 3)
        for (size_t i = gap; i < n; i++)
            for (size_t j = i; j >= gap && compare(at + (j - gap) * size, at + j * size) > 0;
                 j -= gap)
                exchange(at + (j - gap) * size, at + j * size, size);
}

void *bsearch(const void *key, const void *base, size_t n, size_t size,
              int (*compare)(const void *, const void *))
{
    const char *at = base;
    while (n != 0) {
        const char *middle = at + n / 2 * size;
        int order = compare(key, middle);
        if (order == 0)
            return (void *)(uintptr_t)middle;
        if (order > 0) {
            at = middle + size;
            n--;
        }
        n /= 2;
    }
    return NULL;
}

/* --- numbers and text --- */

unsigned long long strtoull(const char *s, char **end, int base)
{
    unsigned long long value = 0;
    (void)end;
    if (s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    for (; *s != 0; s++)
        value = value * (base == 16 ? 16 : 10) +
                (unsigned)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
    return value;
}

struct text {
    char *to;
    size_t room;
    size_t length;
};

static void text_put(struct text *t, char c)
{
    if (t->length + 1 < t->room)
        t->to[t->length] = c;
    t->length++;
}

struct conversion {
    bool left;
    char pad;
    int width;
    int precision;
    unsigned longs;
};

static const char *conversion_read(const char *f, struct conversion *c, va_list *arguments)
{
    *c = (struct conversion){.pad = ' ', .precision = -1};
    for (; *f == '-' || *f == '0'; f++) {
        c->left |= *f == '-';
        c->pad = *f == '0' ? '0' : c->pad;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        c->width = c->width * 10 + (*f - '0');
    if (*f == '.') {
        c->precision = 0;
        if (*++f == '*') {
            c->precision = va_arg(*arguments, int);
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            c->precision = c->precision * 10 + (*f - '0');
    }
    for (; *f == 'l'; f++)
        c->longs++;
    return f;
}

static void text_put_padded(struct text *t, const struct conversion *c, const char *s, size_t n)
{
    int blanks = c->width - (int)n;
    for (; !c->left && blanks > 0; blanks--)
        text_put(t, c->pad);
    for (size_t i = 0; i < n; i++)
        text_put(t, s[i]);
    for (; blanks > 0; blanks--)
        text_put(t, ' ');
}

static void text_put_number(struct text *t, const struct conversion *c, unsigned long long value,
                            unsigned base, bool minus)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    do
        *--at = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    if (minus)
        *--at = '-';
    text_put_padded(t, c, at, (size_t)(digits + sizeof(digits) - at));
}

static void text_convert(struct text *t, char kind, const struct conversion *c, va_list *arguments)
{
    if (kind == 's') {
        const char *s = va_arg(*arguments, const char *);
        size_t n = 0;
        while ((c->precision < 0 || n < (size_t)c->precision) && s[n] != 0)
            n++;
        text_put_padded(t, c, s, n);
    } else if (kind == 'd') {
        int value = va_arg(*arguments, int);
        text_put_number(t, c, value < 0 ? 0ull - (unsigned long long)value : (unsigned)value, 10,
                        value < 0);
    } else if (kind == 'u' || kind == 'x') {
        unsigned long long value = c->longs == 2 ? va_arg(*arguments, unsigned long long)
                                                 : va_arg(*arguments, unsigned long);
        text_put_number(t, c, value, kind == 'u' ? 10 : 16, false);
    } else {
        text_put(t, kind == 'c' ? (char)va_arg(*arguments, int) : kind);
    }
}

int vsnprintf(char *to, size_t size, const char *format, va_list arguments)
{
    struct text t = {to, size, 0};
    va_list rest;
    va_copy(rest, arguments);
    for (const char *f = format; *f != 0; f++) {
        struct conversion c;
        if (*f != '%') {
            text_put(&t, *f);
            continue;
        }
        f = conversion_read(f + 1, &c, &rest);
        text_convert(&t, *f, &c, &rest);
    }
    va_end(rest);
    if (size != 0)
        to[t.length < size ? t.length : size - 1] = 0;
    return (int)t.length;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return n;
}

/* --- streams --- */

enum { SYS_WRITE0 = 4 };

struct stream {
    bool for_errors;
};
static const struct stream streams[] = {{false}, {true}};
FILE *const stdout = &streams[0];
FILE *const stderr = &streams[1];
bool stderr_is_silent;

int vfprintf(FILE *stream, const char *format, va_list arguments)
{
    char line[1024];
    int n = vsnprintf(line, sizeof(line), format, arguments);
    if (!(stream->for_errors && stderr_is_silent))
        semihosting(SYS_WRITE0, line);
    return n;
}

int fprintf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vfprintf(stream, format, arguments);
    va_end(arguments);
    return n;
}

int fputc(int c, FILE *stream)
{
    fprintf(stream, "%c", c);
    return c;
}

int fflush(FILE *stream)
{
    (void)stream;
    return 0;
}

void fail_msg(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    trial_failed();
}
