/* The door-independent part: picks the door, judges how the machine is by what the door says. */
#include "attach/attach.h"

#include "attach/door.h"
#include "attach/sel4.h"
#include "attach/transport.h"
#include "objwalk/walker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECOVER_ASKS = 3 }; /* on one line, before another is tried */

/* What the last close() could not put right. */
static char parting[ATTACH_ERROR_MAX];

/* After a line was lost and none came in its place. */
static bool is_gone(const struct attach *a)
{
    return !a->door;
}

static enum error unsupported(struct attach *a, const char *what)
{
    return attach_fail(a, ERR_UNSUPPORTED, "this way in cannot %s", what);
}

/* --- opening and closing --- */

/* With a kernel of mainline named (attach/sel4.h), another way of reading the same memory. */
static const struct attach_ops *sel4_ops_of(enum target_door door)
{
    return door == DOOR_GDB   ? &attach_sel4_gdb_ops
           : door == DOOR_RAM ? &attach_sel4_ram_ops
                              : &attach_sel4_refuse_ops;
}

static const struct attach_ops *ops_of(enum target_door door)
{
    if (attach_uses_kernel())
        return sel4_ops_of(door);
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

void attach_interrupt(void)
{
    transport_interrupt();
}

static void attach_destroy(struct attach *a)
{
    transport_protect(true); /* a signal may come just now */
    a->ops->close(a);
    transport_protect(false);
    memcpy(parting, a->parting, sizeof(parting));
    stream_fini(&a->stream);
    text_fini(&a->console);
    free(a->console_given);
    free(a->name);
    guard_unshare(a, sizeof(*a));
}

enum error attach_open(const char *target, struct attach **out, char *message, size_t size)
{
    const char *why = NULL;
    struct attach *a = guard_share(sizeof(*a));
    char *name = strdup(target);
    *out = NULL;
    if (!a || !name) {
        guard_unshare(a, sizeof(*a));
        free(name);
        snprintf(message, size, "%s: %s", target, error_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    a->name = name;
    a->guard.fd = -1;
    if (target_parse(target, &a->target, &why) != ERR_OK) {
        snprintf(message, size, "%s: %s", target, why);
        free(name);
        guard_unshare(a, sizeof(*a));
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

const char *attach_close(struct attach *a)
{
    parting[0] = '\0';
    if (a)
        attach_destroy(a);
    return parting;
}

const char *attach_error(const struct attach *a)
{
    return a->error;
}

const char *attach_target(const struct attach *a)
{
    return a->name;
}

/* --- the state --- */

const struct attach_state *attach_last_state(const struct attach *a)
{
    return &a->state;
}

enum error attach_state(struct attach *a, struct attach_state *out)
{
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->state(a));
    *out = a->state;
    return e;
}

/* The old line is not spoken to any more: whoever is at its end has stopped listening. */
static enum error reopen(struct attach *a)
{
    const struct attach_state then = a->state;
    a->ops->drop(a);
    a->halted = false;
    enum error e = a->ops->open(a);
    if (e != ERR_OK)
        a->ops->drop(a);
    else if (!attach_same_run(&then, &a->state))
        a->state.armed_here = a->state.ours = false;
    else
        a->state.armed_here = then.armed_here & a->state.armed;
    return attach_judge(a, e);
}

enum error attach_recover(struct attach *a)
{
    struct attach_state state;
    enum error e = ERR_CLOSED;
    if (a->door && a->state.being != ATTACH_GONE)
        e = attach_state(a, &state);
    bool patient = e == ERR_TIMEOUT && ++a->silences % RECOVER_ASKS != 0;
    if (e == ERR_OK)
        a->silences = 0;
    return e == ERR_OK || patient ? e : reopen(a);
}

void attach_keep_stops(struct attach *a, bool keep)
{
    a->keeps_stops = keep;
}

/* --- snapshots --- */

enum error attach_records(struct attach *a, attach_sink sink, void *ctx)
{
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->snapshot(a));
    return e == ERR_OK ? attach_deliver(a, sink, ctx) : e;
}

bool attach_was_at_work(const struct attach *a, const struct record_snapshot *head)
{
    return (a->target.door == DOOR_GDB || a->dead) && !head->stopped;
}

enum error attach_snapshot(struct attach *a, struct capstate *out)
{
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->snapshot(a));
    return e == ERR_OK ? attach_take_state(a, out) : e;
}

/* --- the rest --- */

enum error attach_halt(struct attach *a)
{
    if (!a->ops->halt)
        return unsupported(a, "stop the machine");
    if (a->halted && a->state.being != ATTACH_HELD) /* that one ends by itself */
        return ERR_OK;
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->halt(a));
    a->halted = e == ERR_OK;
    a->state.ours |= e == ERR_OK;
    return e;
}

enum error attach_continue(struct attach *a)
{
    if (!a->ops->go)
        return unsupported(a, "let the machine run");
    if (!a->halted)
        return ERR_OK;
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->go(a));
    a->halted = e != ERR_OK;
    return e;
}

bool attach_is_halted(const struct attach *a)
{
    return a->halted;
}

enum error attach_watch(struct attach *a, void (*hears)(void *ctx, const struct record *r),
                        void *ctx)
{
    if (is_gone(a))
        return ERR_CLOSED;
    if (!a->ops->watch)
        return unsupported(a, "tell of events by stopping at them");
    a->watch = (struct attach_watch){.ctx = ctx, .hears = hears};
    return attach_judge(a, a->ops->watch(a));
}

enum error attach_listen(struct attach *a, int ms)
{
    if (is_gone(a))
        return ERR_CLOSED;
    return a->ops->listen ? attach_judge(a, a->ops->listen(a, ms)) : unsupported(a, "listen");
}

bool attach_can_halt(const struct attach *a)
{
    return a->ops->halt;
}

bool attach_can_command(const struct attach *a)
{
    return a->ops->command && (!a->ops->can_command || (a->door && a->ops->can_command(a)));
}

/* break, step, finish, halt; names of commands can be shortened. */
static bool may_arm(const char *line)
{
    char first = line[strspn(line, " ")];
    return first && strchr("bsfh", first);
}

enum error attach_command(struct attach *a, const char *line, char **text)
{
    if (!a->ops->command)
        return unsupported(a, "run monitor commands");
    for (const char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return attach_fail(a, ERR_ARGUMENT, "a command line holds no control characters");
    if (!a->commanding)
        a->armed_before = a->state.armed;
    a->commanding |= may_arm(line);
    enum error e = is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->command(a, line, text));
    attach_note_command(a, a->armed_before);
    /* Without an answer it may be carried out yet. */
    a->commanding &= e == ERR_TIMEOUT || e == ERR_STOPPED || e == ERR_SEQUENCE;
    return e;
}

const char *attach_console(struct attach *a)
{
    if (a->ops->console && a->door)
        a->ops->console(a);
    free(a->console_given);
    a->console_given = text_take(&a->console);
    return a->console_given ? a->console_given : "";
}

enum error attach_find(struct attach *a, enum attach_goal goal, uint64_t slot,
                       struct attach_moment *out)
{
    if (!a->ops->find)
        return unsupported(a, "go back in time");
    const struct walker_window *w = &walker_capscope_window;
    uint64_t physical = slot < w->address ? slot : slot - w->address + w->physical;
    return is_gone(a) ? ERR_CLOSED : attach_judge(a, a->ops->find(a, goal, physical, out));
}
