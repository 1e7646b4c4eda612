/* The door-independent part: picks the door, keeps the sentence of the last failure, delivers what
 * a door has read. */
#include "attach/attach.h"

#include "attach/door.h"
#include "layout/capability.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum error attach_fail(struct attach *a, enum error e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = snprintf(a->error, sizeof(a->error), "%s: ", a->name);
    if (n > 0 && (size_t)n < sizeof(a->error))
        vsnprintf(a->error + n, sizeof(a->error) - (size_t)n, fmt, args);
    va_end(args);
    return e;
}

static enum error unsupported(struct attach *a, const char *what)
{
    return attach_fail(a, ERR_UNSUPPORTED, "this way in cannot %s", what);
}

/* --- text --- */

enum error text_put(struct text *t, const char *bytes, size_t len)
{
    if (t->used + len + 1 > t->capacity) {
        size_t wanted = t->capacity ? t->capacity * 2 : 256;
        while (wanted < t->used + len + 1)
            wanted *= 2;
        char *grown = realloc(t->bytes, wanted);
        if (!grown)
            return ERR_NO_MEMORY;
        t->bytes = grown;
        t->capacity = wanted;
    }
    if (len)
        memcpy(t->bytes + t->used, bytes, len);
    t->used += len;
    t->bytes[t->used] = '\0';
    if (t->used > CONSOLE_MAX) {
        size_t cut = t->used / 2;
        memmove(t->bytes, t->bytes + cut, t->used - cut + 1);
        t->used -= cut;
    }
    return ERR_OK;
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

/* --- opening and closing --- */

static const struct attach_ops *ops_of(enum target_door door)
{
    switch (door) {
    case DOOR_MONITOR:
        return &attach_monitor_ops;
    case DOOR_GDB:
        return &attach_gdb_ops;
    case DOOR_RAM:
        return &attach_ram_ops;
    }
    return NULL;
}

static void attach_destroy(struct attach *a)
{
    a->ops->close(a);
    stream_fini(&a->stream);
    text_fini(&a->console);
    free(a->console_given);
    free(a->name);
    free(a);
}

enum error attach_open(const char *target, struct attach **out, char *message, size_t size)
{
    const char *why = NULL;
    struct attach *a = calloc(1, sizeof(*a));
    char *name = strdup(target);
    *out = NULL;
    if (!a || !name) {
        free(a);
        free(name);
        snprintf(message, size, "%s: %s", target, error_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    a->name = name;
    if (target_parse(target, &a->target, &why) != ERR_OK) {
        snprintf(message, size, "%s: %s", target, why);
        free(name);
        free(a);
        return ERR_ARGUMENT;
    }
    a->ops = ops_of(a->target.door);
    stream_init(&a->stream);
    enum error e = a->ops->open(a);
    if (e != ERR_OK) {
        snprintf(message, size, "%s", a->error);
        attach_destroy(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

void attach_close(struct attach *a)
{
    if (a)
        attach_destroy(a);
}

const char *attach_error(const struct attach *a)
{
    return a->error;
}

const char *attach_target(const struct attach *a)
{
    return a->name;
}

/* --- snapshots --- */

static enum error deliver(struct attach *a, attach_sink sink, void *ctx)
{
    enum error e = stream_deliver(&a->stream, sink, ctx);
    if (e != ERR_OK)
        return attach_fail(a, e, "the snapshot could not be taken over: %s", error_sentence(e));
    return ERR_OK;
}

enum error attach_records(struct attach *a, attach_sink sink, void *ctx)
{
    enum error e = a->ops->snapshot(a);
    return e == ERR_OK ? deliver(a, sink, ctx) : e;
}

static enum error add_to_capstate(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

enum error attach_take_state(struct attach *a, struct capstate *out)
{
    struct capstate s;
    capstate_init(&s);
    enum error e = deliver(a, add_to_capstate, &s);
    if (e == ERR_OK) {
        e = capstate_finish(&s);
        if (e != ERR_OK)
            attach_fail(a, e, "the snapshot does not hold together: %s", error_sentence(e));
    }
    if (e != ERR_OK) {
        capstate_free(&s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

enum error attach_snapshot(struct attach *a, struct capstate *out)
{
    enum error e = a->ops->snapshot(a);
    return e == ERR_OK ? attach_take_state(a, out) : e;
}

/* --- the rest --- */

enum error attach_halt(struct attach *a)
{
    if (!a->ops->halt)
        return unsupported(a, "stop the machine");
    if (a->halted)
        return ERR_OK;
    enum error e = a->ops->halt(a);
    a->halted = e == ERR_OK;
    return e;
}

enum error attach_continue(struct attach *a)
{
    if (!a->ops->go)
        return unsupported(a, "let the machine run");
    if (!a->halted)
        return ERR_OK;
    enum error e = a->ops->go(a);
    a->halted = e != ERR_OK;
    return e;
}

bool attach_is_halted(const struct attach *a)
{
    return a->halted;
}

enum error attach_command(struct attach *a, const char *line, char **text)
{
    if (!a->ops->command)
        return unsupported(a, "run monitor commands");
    for (const char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return attach_fail(a, ERR_ARGUMENT, "a command line holds no control characters");
    return a->ops->command(a, line, text);
}

const char *attach_console(struct attach *a)
{
    if (a->ops->console)
        a->ops->console(a);
    free(a->console_given);
    a->console_given = text_take(&a->console);
    return a->console_given ? a->console_given : "";
}

enum error attach_read(struct attach *a, uint32_t kaddr, void *buf, uint32_t len)
{
    if (!a->ops->read)
        return unsupported(a, "read memory");
    return a->ops->read(a, kaddr, buf, len);
}

enum error attach_find(struct attach *a, enum attach_goal goal, uint64_t slot,
                       struct attach_moment *out)
{
    if (!a->ops->find)
        return unsupported(a, "go back in time");
    kaddr_t at = slot < KERNEL_WINDOW ? kaddr_from_paddr((paddr_t)slot) : (kaddr_t)slot;
    if (slot > UINT32_MAX || at < KERNEL_WINDOW || at % sizeof(struct slot) != 0)
        return attach_fail(a, ERR_ARGUMENT, "0x%08" PRIx64 " is not the address of a slot", slot);
    return a->ops->find(a, goal, at, out);
}
