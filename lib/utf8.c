/* Decoding and judging UTF-8: overlong forms, surrogates and what lies above U+10FFFF are no
 * characters. */
#include "lib/utf8.h"

#include <stdbool.h>

static uint32_t sequence_length(uint8_t first)
{
    return first < 0x80                     ? 1
           : first >= 0xc2 && first <= 0xdf ? 2
           : (first & 0xf0) == 0xe0         ? 3
           : first >= 0xf0 && first <= 0xf4 ? 4
                                            : 0;
}

static uint32_t decode(const char *bytes, uint32_t length, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = length ? (uint8_t)bytes[0] : 0xff;
    uint32_t n = sequence_length(first);
    if (n == 0 || n > length)
        return 0;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);
    for (uint32_t i = 1; i < n; i++) {
        if (((uint8_t)bytes[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((uint8_t)bytes[i] & 0x3f);
    }
    *character = c;
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c < least[n] || surrogate || c > 0x10ffff ? 0 : n;
}

/* Controls; separators of lines; marks that join, hide or turn what stands around them. */
static bool hidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x61c, 0x61c},
                  {0x180e, 0x180e}, {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
                  {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
                  {0xfffe, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}};
    for (uint32_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

uint32_t utf8_printable(const char *bytes, uint32_t length)
{
    uint32_t c = 0;
    uint32_t n = decode(bytes, length, &c);
    return n && !hidden(c) ? n : 0;
}

uint32_t utf8_character(const char *bytes, uint32_t length)
{
    uint32_t c = 0;
    return decode(bytes, length, &c);
}

/* All of `n` bytes or none, once one did not fit. */
struct bounded {
    char *buf;
    uint32_t size, used, length;
    bool full;
};

static void put(struct bounded *b, const char *bytes, uint32_t n)
{
    b->full |= b->used + n + 1 > b->size;
    for (uint32_t i = 0; i < n && !b->full; i++)
        b->buf[b->used++] = bytes[i];
    b->length += n;
}

uint32_t utf8_escape(char *buf, uint32_t size, const char *bytes, uint32_t length)
{
    static const char digits[] = "0123456789abcdef";
    struct bounded b = {.buf = buf, .size = size};
    for (uint32_t i = 0; i < length;) {
        uint32_t n = bytes[i] == '\\' ? 0 : utf8_printable(bytes + i, length - i);
        uint8_t c = (uint8_t)bytes[i];
        char hex[] = {'\\', 'x', digits[c >> 4], digits[c & 0xf]};
        if (n)
            put(&b, bytes + i, n);
        else
            put(&b, hex, sizeof(hex));
        i += n ? n : 1;
    }
    if (size)
        buf[b.used] = '\0';
    return b.length;
}
