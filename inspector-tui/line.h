/* A line of styled text with links in it, divided into columns.
 *
 * Views and the pane write lines; the screen lays the columns out, measures them (UTF-8, by the
 * width of each character) and paints. Text must be printable: names from a target are escaped
 * before they come here. */
#ifndef CAPSCOPE_INSPECTOR_TUI_LINE_H
#define CAPSCOPE_INSPECTOR_TUI_LINE_H

#include "inspector-tui/ref.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINE_BYTES = 1024, LINE_SPANS = 160, LINE_COLUMNS = 16 };

enum style {
    STYLE_NORMAL,
    STYLE_DIM,
    STYLE_STRONG,
    STYLE_HEAD,
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_BORN,
    STYLE_DIED,
    STYLE_MOVED,
    STYLE_CHANGED,
    STYLE_LINK,
    STYLE_KEY,
    STYLE_DOMAIN, /* the first of STYLE_DOMAINS hues */
    STYLE_DOMAINS = 12,
    STYLES = STYLE_DOMAIN + STYLE_DOMAINS,
    STYLE_BLOCK = 128, /* a flag: the style as a background */
};

struct span {
    uint16_t from; /* byte in the text; it ends where the next one begins */
    uint8_t style;
    struct ref ref; /* REF_NONE: no link */
};

struct line {
    char text[LINE_BYTES];
    uint16_t length;
    uint16_t spans;
    uint16_t lasting; /* bytes without the remark at its end, 0: it has none */
    uint16_t columns; /* breaks; column i ends at byte column[i], the last one at the end */
    uint16_t column[LINE_COLUMNS];
    struct span span[LINE_SPANS];
};

void line_clear(struct line *l);
/* Appends; what does not fit is left out, never in the middle of a character. */
void line_put(struct line *l, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void line_link(struct line *l, enum style style, struct ref ref, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What follows is true of this moment only: it is not part of what a thing is called. */
void line_remark(struct line *l);
/* Ends a column: what follows belongs to the next one. */
void line_tab(struct line *l);

/* Can the locale show more than ASCII?  Elsewhere a '?' stands for every other character. */
bool text_is_utf8(void);
/* Cells that `length` bytes take on the screen, and the bytes that fit into `cells`. */
uint32_t text_width(const char *text, size_t length);
size_t text_fit(const char *text, size_t length, uint32_t cells);
/* What is shown of a text where only ASCII is: returns its bytes, each a cell. */
size_t text_plain(const char *text, size_t length, char *plain, size_t size);

#endif
