/* A line editor for plain terminals: bytes in, echo out, lines as they are finished.
 *
 * CR, LF or both end a line; backspace, ^U, ^C, ^L, and ^P ^N or the arrow keys for the lines
 * before. Works with programs too: ^U first, then the line. */
#ifndef CAPSCOPE_MONITOR_EDITOR_H
#define CAPSCOPE_MONITOR_EDITOR_H

#include "lib/format.h"

enum { EDITOR_LINE = 120, EDITOR_HISTORY = 4 };

struct editor {
    char line[EDITOR_LINE + 1]; /* NUL-terminated */
    uint32_t used;
    bool overflow;  /* more came than fits: the line is refused when it ends */
    bool after_cr;  /* an LF now belongs to the CR before it */
    uint8_t escape; /* state of an escape sequence */
    char history[EDITOR_HISTORY][EDITOR_LINE + 1];
    uint32_t kept;    /* lines ever put into history */
    uint32_t recall;  /* how many lines back the user stands, 0: the new line */
    format_sink echo; /* '\n' where a line ends */
    void *ctx;
};

enum editor_result {
    EDITOR_MORE,
    EDITOR_DONE,     /* `line` is finished; editor_clear() after use */
    EDITOR_TOO_LONG, /* the line was longer than EDITOR_LINE and is gone */
    EDITOR_CANCEL,   /* ^C: the line is gone */
    EDITOR_REDRAW,   /* the prompt and line should be shown again */
};

void editor_init(struct editor *e, format_sink echo, void *ctx);
enum editor_result editor_put(struct editor *e, uint8_t byte);
/* Does the byte only belong to the line end before it? Then it is no beginning of anything. */
bool editor_is_second_byte(const struct editor *e, uint8_t byte);
void editor_clear(struct editor *e);

#endif
