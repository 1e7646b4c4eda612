/* Lines of an answer. */
#include "facts/why.h"
#include "lib/array.h"

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
    struct why_line *grown = array_room(w->lines, w->count, &w->room, sizeof(*grown));
    if (!grown) {
        w->status = WHY_NO_MEMORY;
        return;
    }
    w->lines = grown;
    struct why_line *l = &w->lines[w->count++];
    *l = (struct why_line){.depth = depth, .about = about, .addr = addr};
    va_start(args, fmt);
    vsnprintf(l->text, sizeof(l->text), fmt, args);
    va_end(args);
}

const char *why_doing(const struct record_thread *t)
{
    if (t->current)
        return "running";
    if (t->idle)
        return "idle";
    switch (t->state) {
    case RECORD_THREAD_INACTIVE:
        return "suspended";
    case RECORD_THREAD_BLOCKED_ON_RECEIVE:
        return "waiting to receive";
    case RECORD_THREAD_BLOCKED_ON_SEND:
        return "waiting to send";
    case RECORD_THREAD_BLOCKED_ON_REPLY:
        return "waiting for an answer";
    case RECORD_THREAD_BLOCKED_ON_NOTIFICATION:
        return "waiting for a signal";
    default:
        return "ready";
    }
}
