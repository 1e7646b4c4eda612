/* The console: UART1, shared by what programs print, the monitor, and its frames. */
#ifndef CAPSCOPE_MONITOR_CONSOLE_H
#define CAPSCOPE_MONITOR_CONSOLE_H

#include "lib/format.h"

/* Begins a message that the user did not ask for: on a line of its own, prompt and half-typed line
 * set aside until the next key. Text then goes to console_char(). */
void console_message(void);
/* One character of text: '\n' becomes CR LF, NUL becomes "^@", so that text never holds the byte
 * that opens a frame. A format_sink. */
void console_char(void *ctx, char c);

#endif
