/* A buffer that doubles. */
#include "attach/text.h"
#include "lib/array.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *t, size_t more)
{
    char *grown = array_room(t->bytes, t->used + more, &t->room, 1);
    if (grown)
        t->bytes = grown;
    return grown;
}

enum error text_put(struct text *t, const char *bytes, size_t len)
{
    if (len > TEXT_MAX - t->used)
        return ERR_BOUND;
    if (!reserve(t, len))
        return ERR_NO_MEMORY;
    if (len)
        memcpy(t->bytes + t->used, bytes, len);
    t->used += len;
    t->bytes[t->used] = '\0';
    return ERR_OK;
}

void text_scroll(struct text *t, char byte, size_t max)
{
    if (text_put(t, &byte, 1) != ERR_OK || t->used <= max)
        return;
    size_t cut = t->used / 2;
    memmove(t->bytes, t->bytes + cut, t->used - cut + 1);
    t->used -= cut;
}

char *text_take(struct text *t)
{
    if (!t->bytes && text_put(t, "", 0) != ERR_OK)
        return NULL;
    char *bytes = t->bytes;
    *t = (struct text){0};
    return bytes;
}

void text_fini(struct text *t)
{
    free(t->bytes);
    *t = (struct text){0};
}
