/* Where the text of the command that runs goes: one bounded-width writer over a character sink.
 *
 * Only one command runs at a time, so there is one output. Lines end in '\n'; the sink turns that
 * into what its line wants. Text is cut off, and loops are asked to end, once the reader has had
 * enough (^C). */
#ifndef CAPSCOPE_MONITOR_OUT_H
#define CAPSCOPE_MONITOR_OUT_H

#include "lib/format.h"

enum { OUT_COLUMNS = 80 };

/* poll: asked now and then whether the reader wants an end; NULL: never. Nothing of a command may
 * be written before out_begin(); begin and end do not nest. */
void out_begin(format_sink sink, void *ctx, bool (*poll)(void));
void out_end(void);
bool out_is_open(void); /* between the two */

void out(const char *fmt, ...);
/* A piece of a list: after a space where the line has room for it, else on a new, indented line.
 * What is written between begin and end is one piece; pieces do not nest. */
void out_piece_begin(void);
void out_piece_end(void);
void out_piece(const char *fmt, ...);
/* Ends the line if one is begun. */
void out_fresh_line(void);
/* Hostile bytes, escaped, at most `max` characters of the result. */
void out_escaped(const char *bytes, uint32_t len, uint32_t max);
/* Has the reader had enough? Long loops ask once a turn. */
bool out_stopped(void);

#endif
