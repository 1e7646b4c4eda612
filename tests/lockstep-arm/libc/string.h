/* As much of ISO C's string.h as the lockstep test uses; lib/string.c implements it. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_STRING_H
#define CAPSCOPE_LOCKSTEP_ARM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#endif
