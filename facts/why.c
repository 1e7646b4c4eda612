/* Lines of an answer. */
#include "facts/why.h"
#include "lib/array.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void why_init(struct why *w)
{
    *w = (struct why){0};
}

void why_free(struct why *w)
{
    free(w->lines);
    *w = (struct why){0};
}

char *why_join(const struct why *w)
{
    size_t used = 0, room = 1;
    for (uint32_t i = 0; i < w->count; i++)
        room += strlen(w->lines[i].text) + 2 * w->lines[i].depth + 1;
    char *text = malloc(room);
    if (text)
        *text = 0;
    for (uint32_t i = 0; text && i < w->count; i++)
        used += (size_t)snprintf(text + used, room - used, "%*s%s\n", (int)w->lines[i].depth * 2,
                                 "", w->lines[i].text);
    return text;
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

bool why_is_runnable(const struct record_thread *t)
{
    return t->current || t->state == RECORD_THREAD_RUNNING || t->state == RECORD_THREAD_RESTART ||
           t->state == RECORD_THREAD_RUNNING_VM;
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

const char *why_fault_words(const struct record_thread *t, char buf[WHY_NAME])
{
    bool at = t->fault == RECORD_FAULT_CAP || t->fault == RECORD_FAULT_VM;
    if (at)
        snprintf(buf, WHY_NAME, "%s at 0x%" PRIx64, fault_name(t->fault), t->fault_addr);
    else if (t->fault == RECORD_FAULT_UNKNOWN_SYSCALL && t->fault_addr)
        snprintf(buf, WHY_NAME, "%s 0x%" PRIx64, fault_name(t->fault), t->fault_addr);
    else
        snprintf(buf, WHY_NAME, "%s", fault_name(t->fault));
    return buf;
}

const char *why_name(const struct capstate *s, int32_t thread, char buf[WHY_NAME])
{
    const struct capstate_thread *t = &s->threads[thread];
    if (t->rec.idle)
        snprintf(buf, WHY_NAME, "the idle thread");
    else if (t->label[0])
        snprintf(buf, WHY_NAME, "%.180s", t->label);
    else
        snprintf(buf, WHY_NAME, "tcb 0x%0*" PRIx64, capstate_digits(s), t->rec.addr);
    return buf;
}

const char *why_name_at(const struct capstate *s, uint64_t tcb, char buf[WHY_NAME])
{
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].rec.addr == tcb)
            return why_name(s, (int32_t)i, buf);
    snprintf(buf, WHY_NAME, "tcb 0x%0*" PRIx64, capstate_digits(s), tcb);
    return buf;
}
