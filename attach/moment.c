/* A moment found in a recorded run, said in one sentence. */
#include "attach/attach.h"

#include "lib/format.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *cap_name(uint32_t type)
{
    return type < RECORD_CAP_TYPES ? record_cap_name(type) : "capability";
}

/* " in Call CNode_Revoke at 0x00010a34" */
static void request_text(const struct attach_moment *m, char *buf, size_t size)
{
    bool named = m->invocation && m->type != RECORD_CAP_REPLY;
    if (m->syscall)
        snprintf(buf, size, " in %s%s%s at 0x%08" PRIx64, m->syscall, named ? " " : "",
                 named ? m->invocation : "", m->user_pc);
    else
        snprintf(buf, size, " at 0x%08" PRIx64, m->user_pc);
}

char *attach_moment_text(const struct attach_moment *m, char *buf, size_t size)
{
    char name[4 * RECORD_STRING_MAX + 1], request[96];
    size_t length = strnlen(m->thread_name, sizeof(m->thread_name));
    name[format_escape(name, sizeof(name), m->thread_name, (uint32_t)length)] = '\0';
    request_text(m, request, sizeof(request));
    snprintf(buf, size,
             "tick %u: %s 0x%08" PRIx64 " %s slot 0x%08" PRIx64 " by %s%s, kernel pc 0x%08" PRIx64,
             m->ticks, cap_name(m->type), m->object,
             m->goal == ATTACH_KILLED ? "left" : "came into", m->slot,
             m->thread == 0 ? "the kernel"
             : name[0]      ? name
                            : "a nameless thread",
             m->thread == 0 ? "" : request, m->pc);
    return buf;
}
