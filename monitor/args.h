/* The words of a command line and what they mean. Lines come from people and programs outside:
 * nothing here asserts. */
#ifndef CAPSCOPE_MONITOR_ARGS_H
#define CAPSCOPE_MONITOR_ARGS_H

#include "objwalk/capscope/walk.h"

enum { ARGS_MAX = 12, ARGS_LINE = 160 };

struct args {
    uint32_t count; /* the command's name not counted */
    const char *name;
    const char *word[ARGS_MAX];
    char text[ARGS_LINE];
};

/* Splits at blanks; a word may stand in "quotes". ERR_BOUND: too long or too many words. */
enum error args_parse(struct args *a, const char *line);
bool args_is(const struct args *a, uint32_t i, const char *word); /* false beyond the end */
bool args_equal(const char *a, const char *b);

/* Each prints a sentence and gives ERR_ARGUMENT when the word is none of what it should be; `i`
 * beyond the last word gives ERR_ARGUMENT without words. */
/* Decimal, or hexadecimal with 0x. */
enum error args_number(const struct args *a, uint32_t i, uint32_t *out);
/* A hexadecimal address, 0x not needed: physical unless the kernel's window has RAM there; a prefix
 * such as "slot:" is allowed. Gives its place in the kernel window. */
enum error args_address(const struct args *a, uint32_t i, kaddr_t *out);
/* A thread by name or address. Makes the places anew. */
enum error args_thread(struct objwalk *w, const struct args *a, uint32_t i, kaddr_t *out);

#endif
