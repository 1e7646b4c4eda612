/* Text that grows as it comes. */
#ifndef CAPSCOPE_ATTACH_TEXT_H
#define CAPSCOPE_ATTACH_TEXT_H

#include "lib/errors.h"

#include <stddef.h>

enum {
    TEXT_MAX = 1 << 26,    /* longer than any answer of a machine that the tools can hold */
    CONSOLE_MAX = 1 << 20, /* what is kept of the console of programs */
};

struct text {
    char *bytes; /* NUL-terminated, NULL while nothing came */
    size_t used;
    size_t room;
};

/* All of it or nothing: ERR_NO_MEMORY, ERR_BOUND beyond TEXT_MAX. */
enum error text_put(struct text *t, const char *bytes, size_t len);
/* One byte more; of more than `max` the oldest half goes. Without memory the byte is lost. */
void text_scroll(struct text *t, char byte, size_t max);
char *text_take(struct text *t); /* NUL-terminated, caller frees; NULL: no memory */
void text_fini(struct text *t);

#endif
