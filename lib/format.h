/* Freestanding text formatting into a bounded buffer or a character sink. */
#ifndef CAPSCOPE_LIB_FORMAT_H
#define CAPSCOPE_LIB_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stdarg.h>

typedef void (*format_sink)(void *ctx, char c);

/* %s %c %d %u %x %p-less subset: flags '-' and '0', width, precision for %s, l and h ignored.
 * %x prints lower case without prefix. Unknown conversions print themselves. */
void format_to(format_sink sink, void *ctx, const char *fmt, ...);
void format_vto(format_sink sink, void *ctx, const char *fmt, va_list args);
/* As snprintf: always NUL-terminated when size > 0, returns the untruncated length. */
uint32_t format_string(char *buf, uint32_t size, const char *fmt, ...);

/* Writes the printable form of `len` hostile bytes: ASCII 0x20..0x7e but backslash stand for
 * themselves, everything else becomes \xNN. Returns the untruncated length. */
uint32_t format_escape(char *buf, uint32_t size, const char *bytes, uint32_t len);

#endif
