/* A moment found in a recorded run, said in one sentence. */
#include "attach/attach.h"

#include "abi/syscall.h"
#include "lib/format.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *cap_name(uint32_t type)
{
    return type < RECORD_CAP_TYPES ? record_cap_name(type) : "capability";
}

static const char *syscall_name(int32_t number)
{
    switch (number) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        SYSCALL_LIST(X)
#undef X
    default:
        return NULL;
    }
}

static const char *label_name(uint32_t label)
{
    switch (label) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        INVOCATION_LIST(X)
#undef X
    default:
        return NULL;
    }
}

/* " in Call CNode_Revoke at 0x00010a34": what the thread asks for.  Whether a label names an
 * invocation only the capability invoked could tell; on an endpoint it is the sender's own. */
static void request_text(const struct attach_moment *m, char *buf, size_t size)
{
    const char *call = syscall_name(m->syscall);
    const char *label = label_name(m->label);
    bool invokes = m->syscall == SYS_CALL || m->syscall == SYS_SEND || m->syscall == SYS_NBSEND;
    bool message = m->type == RECORD_CAP_REPLY;
    if (call)
        snprintf(buf, size, " in %s%s%s at 0x%08" PRIx64, call,
                 invokes && label && !message ? " " : "", invokes && label && !message ? label : "",
                 m->user_pc);
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
