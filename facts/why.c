/* Lines of an answer. */
#include "facts/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void why_init(struct why *w)
{
    *w = (struct why){0};
}

void why_free(struct why *w)
{
    free(w->lines);
    *w = (struct why){0};
}

void why_say(struct why *w, uint32_t depth, enum why_about about, uint64_t addr, const char *fmt,
             ...)
{
    va_list args;
    if (w->count == w->room) {
        uint32_t room = w->room ? w->room * 2 : 16;
        void *grown = realloc(w->lines, room * sizeof(*w->lines));
        if (!grown) {
            w->status = WHY_NO_MEMORY;
            return;
        }
        w->lines = grown;
        w->room = room;
    }
    struct why_line *l = &w->lines[w->count++];
    *l = (struct why_line){.depth = depth, .about = about, .addr = addr};
    va_start(args, fmt);
    vsnprintf(l->text, sizeof(l->text), fmt, args);
    va_end(args);
}
