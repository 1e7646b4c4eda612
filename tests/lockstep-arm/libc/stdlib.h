/* As much of ISO C's stdlib.h as the lockstep test uses. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_STDLIB_H
#define CAPSCOPE_LOCKSTEP_ARM_STDLIB_H

#include <stddef.h>

void *malloc(size_t bytes);
void *calloc(size_t n, size_t bytes);
void *realloc(void *p, size_t bytes);
void free(void *p);
_Noreturn void exit(int status);
_Noreturn void abort(void);
unsigned long long strtoull(const char *s, char **end, int base);
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *base, size_t n, size_t size,
              int (*compare)(const void *, const void *));

#endif
