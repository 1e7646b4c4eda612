/* Styled lines, and how wide text is on a terminal. */
#include "inspector-tui/line.h"

#include "lib/utf8.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

void line_clear(struct line *l)
{
    l->text[0] = 0;
    l->length = l->spans = l->columns = l->lasting = 0;
}

bool text_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Bytes of the character at text; 1 for a byte that begins none. *cells: how wide it is. */
static size_t character(const char *text, size_t length, uint32_t *cells)
{
    wchar_t wide;
    mbstate_t state = {0};
    *cells = 1;
    if ((signed char)*text >= 0)
        return 1;
    if (!text_is_utf8()) {
        uint32_t bytes = utf8_character(text, (uint32_t)length);
        return bytes ? bytes : 1;
    }
    size_t n = mbrtowc(&wide, text, length, &state);
    if (n == 0 || n > length)
        return 1;
    int width = wcwidth(wide);
    *cells = width < 0 ? 1 : (uint32_t)width;
    return n;
}

uint32_t text_width(const char *text, size_t length)
{
    uint32_t width = 0, cells;
    for (size_t i = 0; i < length; width += cells)
        i += character(text + i, length - i, &cells);
    return width;
}

size_t text_fit(const char *text, size_t length, uint32_t cells)
{
    size_t i = 0;
    for (uint32_t width; i < length; cells -= width) {
        size_t n = character(text + i, length - i, &width);
        if (width > cells)
            break;
        i += n;
    }
    return i;
}

size_t text_plain(const char *text, size_t length, char *plain, size_t size)
{
    size_t n = 0;
    uint32_t cells;
    for (size_t i = 0; i < length && n < size; i += character(text + i, length - i, &cells))
        plain[n++] = (signed char)text[i] >= 0 ? text[i] : '?';
    return n;
}

/* Bytes that end a UTF-8 text at or before n without cutting a character. */
static size_t whole(const char *text, size_t n)
{
    while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void put(struct line *l, enum style style, struct ref ref, const char *fmt, va_list args)
{
    size_t room = sizeof(l->text) - l->length;
    int wanted = vsnprintf(l->text + l->length, room, fmt, args);
    if (wanted <= 0)
        return;
    size_t n = (size_t)wanted < room ? (size_t)wanted : room - 1;
    if (n < (size_t)wanted)
        n = whole(l->text + l->length, n);
    l->text[l->length + n] = 0;
    if (l->spans < LINE_SPANS)
        l->span[l->spans++] = (struct span){l->length, (uint8_t)style, ref};
    l->length = (uint16_t)(l->length + n);
}

void line_put(struct line *l, enum style style, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put(l, style, (struct ref){0}, fmt, args);
    va_end(args);
}

void line_link(struct line *l, enum style style, struct ref ref, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put(l, style, ref, fmt, args);
    va_end(args);
}

void line_remark(struct line *l)
{
    if (!l->lasting)
        l->lasting = l->length;
}

void line_tab(struct line *l)
{
    if (l->columns < LINE_COLUMNS)
        l->column[l->columns++] = l->length;
}
