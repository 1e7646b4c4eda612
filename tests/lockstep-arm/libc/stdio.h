/* As much of ISO C's stdio.h as the lockstep test uses; lines go to QEMU's semihosting console. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_STDIO_H
#define CAPSCOPE_LOCKSTEP_ARM_STDIO_H

#include <stdarg.h>
#include <stddef.h>

typedef const struct stream FILE;
extern FILE *const stdout;
extern FILE *const stderr;

/* Flags '-' and '0', width, precision of %s; d u x s c %, with l and ll. */
int vsnprintf(char *to, size_t size, const char *format, va_list arguments);
int snprintf(char *to, size_t size, const char *format, ...);
int fprintf(FILE *stream, const char *format, ...);
int vfprintf(FILE *stream, const char *format, va_list arguments);
int fputc(int c, FILE *stream);
int fflush(FILE *stream);

#endif
