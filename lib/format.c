/* Text formatting for the monitor and for whoever has no C library.
 *
 * Numbers are 32-bit: on ARM unsigned int and unsigned long are, on a 64-bit host callers pass
 * uint32_t, which is unsigned int there.  An `l` takes an unsigned long, so that %lx with an
 * uint32_t is right on ARM and %lx with an unsigned long is right everywhere; bits above 32 are
 * printed too. */
#include "lib/format.h"

enum { FORMAT_DIGITS = 24, FORMAT_WIDTH_MAX = 4096 };

struct output {
    format_sink sink;
    void *ctx;
};

struct spec {
    bool left;
    bool zero;
    bool is_long;
    uint32_t width;
    uint32_t precision; /* UINT32_MAX: none given */
};

static void put_repeated(struct output *o, char c, uint32_t n)
{
    for (; n > 0; n--)
        o->sink(o->ctx, c);
}

static void put_bytes(struct output *o, const char *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        o->sink(o->ctx, s[i]);
}

static void put_padded(struct output *o, const struct spec *spec, const char *s, uint32_t n)
{
    uint32_t pad = spec->width > n ? spec->width - n : 0;
    if (!spec->left)
        put_repeated(o, ' ', pad);
    put_bytes(o, s, n);
    if (spec->left)
        put_repeated(o, ' ', pad);
}

/* Zeroes stand between the sign and the digits. */
static void put_number(struct output *o, const struct spec *spec, unsigned long v, unsigned base,
                       bool negative)
{
    char digits[FORMAT_DIGITS];
    uint32_t at = FORMAT_DIGITS;
    do {
        digits[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    uint32_t n = FORMAT_DIGITS - at;
    if (spec->zero && !spec->left) {
        uint32_t used = n + negative;
        if (negative)
            put_repeated(o, '-', 1);
        put_repeated(o, '0', spec->width > used ? spec->width - used : 0);
        put_bytes(o, &digits[at], n);
        return;
    }
    if (negative)
        digits[--at] = '-';
    put_padded(o, spec, &digits[at], FORMAT_DIGITS - at);
}

static void put_string(struct output *o, const struct spec *spec, const char *s)
{
    if (!s)
        s = "(null)";
    uint32_t n = 0;
    while (n < spec->precision && s[n] != '\0')
        n++;
    put_padded(o, spec, s, n);
}

static const char *parse_number(const char *p, uint32_t *out)
{
    uint32_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (v < FORMAT_WIDTH_MAX)
            v = v * 10 + (uint32_t)(*p - '0');
    *out = v < FORMAT_WIDTH_MAX ? v : (uint32_t)FORMAT_WIDTH_MAX;
    return p;
}

/* Parses what stands between '%' and the conversion letter. */
static const char *parse_spec(const char *p, struct spec *spec)
{
    *spec = (struct spec){.precision = UINT32_MAX};
    for (; *p == '-' || *p == '0'; p++) {
        spec->left |= *p == '-';
        spec->zero |= *p == '0';
    }
    p = parse_number(p, &spec->width);
    if (*p == '.')
        p = parse_number(p + 1, &spec->precision);
    for (; *p == 'l' || *p == 'h'; p++)
        spec->is_long |= *p == 'l';
    return p;
}

void format_vto(format_sink sink, void *ctx, const char *fmt, va_list args)
{
    struct output o = {sink, ctx};
    for (const char *p = fmt; *p != '\0'; p++) {
        if (*p != '%') {
            sink(ctx, *p);
            continue;
        }
        const char *start = p;
        struct spec spec;
        p = parse_spec(p + 1, &spec);
        switch (*p) {
        case 's':
            put_string(&o, &spec, va_arg(args, const char *));
            break;
        case 'c': {
            char c = (char)va_arg(args, int);
            put_padded(&o, &spec, &c, 1);
            break;
        }
        case 'd': {
            long v = spec.is_long ? va_arg(args, long) : (long)va_arg(args, int);
            put_number(&o, &spec, v < 0 ? 0 - (unsigned long)v : (unsigned long)v, 10, v < 0);
            break;
        }
        case 'u':
        case 'x': {
            unsigned long v = spec.is_long ? va_arg(args, unsigned long)
                                           : (unsigned long)va_arg(args, unsigned int);
            put_number(&o, &spec, v, *p == 'u' ? 10 : 16, false);
            break;
        }
        case '%':
            sink(ctx, '%');
            break;
        case '\0':
            put_bytes(&o, start, (uint32_t)(p - start));
            return;
        default:
            put_bytes(&o, start, (uint32_t)(p - start) + 1);
        }
    }
}

void format_to(format_sink sink, void *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(sink, ctx, fmt, args);
    va_end(args);
}

struct bounded {
    char *buf;
    uint32_t size;
    uint32_t length; /* that all would have */
};

static void bounded_put(void *ctx, char c)
{
    struct bounded *b = ctx;
    if (b->length + 1 < b->size)
        b->buf[b->length] = c;
    b->length++;
}

static uint32_t bounded_end(struct bounded *b)
{
    if (b->size > 0)
        b->buf[b->length < b->size ? b->length : b->size - 1] = '\0';
    return b->length;
}

uint32_t format_string(char *buf, uint32_t size, const char *fmt, ...)
{
    struct bounded b = {buf, size, 0};
    va_list args;
    va_start(args, fmt);
    format_vto(bounded_put, &b, fmt, args);
    va_end(args);
    return bounded_end(&b);
}

uint32_t format_escape(char *buf, uint32_t size, const char *bytes, uint32_t len)
{
    static const char digits[] = "0123456789abcdef";
    struct bounded b = {buf, size, 0};
    for (uint32_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)bytes[i];
        if (c >= 0x20 && c <= 0x7e && c != '\\') {
            bounded_put(&b, (char)c);
            continue;
        }
        bounded_put(&b, '\\');
        bounded_put(&b, 'x');
        bounded_put(&b, digits[c >> 4]);
        bounded_put(&b, digits[c & 0xf]);
    }
    return bounded_end(&b);
}
