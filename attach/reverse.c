/* Searching a recorded run.
 *
 * What QEMU does at a watched write, and what the steps here rely on: forward it stops before the
 * store, and stays there until the watchpoint is gone; backward it stops after the store.  It goes
 * back by loading a saved state and running forward from there, so one move costs as much as the
 * way from the state before (scripts/run-replay saves some on the way).  Watchpoints are at virtual
 * addresses; the kernel window is the same in every address space. */
#include "attach/reverse.h"

#include "attach/gdb_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WRITES_MAX = 256, /* to one slot, looked at in one search */
    LISTING_MAX = 1 << 16,
    VECTOR_FIRST = 4,   /* undefined instruction; then svc, prefetch abort, data abort */
    VECTOR_LAST = 0x18, /* interrupt */
};

struct search {
    struct gdb_client *c;
    struct walker *w;
    uint64_t slot; /* physical */
    deadline_t deadline;
    struct walker_slot before,
        after; /* what the write that the machine stands at makes of the slot */
};

bool reverse_possible(const struct gdb_client *c)
{
    return gdb_client_offers(c, "ReverseContinue+") && gdb_client_offers(c, "ReverseStep+");
}

/* --- where the recording ends --- */

struct listing {
    char text[LISTING_MAX];
    size_t used;
};

static enum error put_listing(void *ctx, const char *bytes, size_t len)
{
    struct listing *l = ctx;
    size_t n = len < sizeof(l->text) - 1 - l->used ? len : sizeof(l->text) - 1 - l->used;
    memcpy(l->text + l->used, bytes, n);
    l->used += n;
    l->text[l->used] = '\0';
    return ERR_OK;
}

static enum error ask_qemu(struct gdb_client *c, const char *command, struct listing *l,
                           deadline_t deadline)
{
    l->used = 0;
    l->text[0] = '\0';
    return gdb_client_command(c, command, put_listing, l, deadline);
}

/* The number of executed instructions at which the last saved state was taken: the last column of
 * the table.  0: none. */
static unsigned long long last_saved(const struct listing *l)
{
    unsigned long long last = 0;
    for (const char *line = l->text; line && *line;) {
        const char *end = line + strcspn(line, "\r\n");
        const char *number = end;
        while (number > line && number[-1] >= '0' && number[-1] <= '9')
            number--;
        if (number < end && number > line && number[-1] == ' ') {
            unsigned long long at = strtoull(number, NULL, 10);
            last = at > last ? at : last;
        }
        line = *end ? end + strspn(end, "\r\n") : NULL;
    }
    return last;
}

static unsigned long long current_count(const struct listing *l)
{
    const char *at = strstr(l->text, "instruction count = ");
    return at ? strtoull(at + strlen("instruction count = "), NULL, 10) : 0;
}

/* *ends: the machine stands at the end already. */
static enum error guard_end(struct gdb_client *c, bool *ends, deadline_t deadline)
{
    struct listing *l = malloc(sizeof(*l));
    char command[48];
    *ends = false;
    if (!l)
        return gdb_fail(c, ERR_NO_MEMORY, "out of memory");
    enum error e = ask_qemu(c, "info snapshots", l, deadline);
    unsigned long long end = e == ERR_OK ? last_saved(l) : 0;
    if (e == ERR_OK && end > 0)
        e = ask_qemu(c, "info replay", l, deadline);
    if (e == ERR_OK && end > 0) {
        *ends = current_count(l) >= end;
        snprintf(command, sizeof(command), "replay_break %llu", end);
        e = *ends ? ERR_OK : ask_qemu(c, command, l, deadline);
    }
    free(l);
    return e;
}

/* Once the recording has run off its end the machine inside is shut down, and QEMU dies of being
 * moved from there, in either direction. */
static enum error refuse_shut_down(struct gdb_client *c, deadline_t deadline)
{
    struct listing *l = malloc(sizeof(*l));
    if (!l)
        return gdb_fail(c, ERR_NO_MEMORY, "out of memory");
    enum error e = ask_qemu(c, "info status", l, deadline);
    bool down = e == ERR_OK && strstr(l->text, "(shutdown)");
    free(l);
    return down
               ? gdb_fail(
                     c, ERR_NOT_FOUND,
                     "the recording has ended and its machine is shut down: start the replay again "
                     "to go back in it")
               : e;
}

enum error reverse_count(struct gdb_client *c, uint64_t *instruction, deadline_t deadline)
{
    struct listing *l = malloc(sizeof(*l));
    if (!l)
        return gdb_fail(c, ERR_NO_MEMORY, "out of memory");
    enum error e = ask_qemu(c, "info replay", l, deadline);
    if (e == ERR_OK)
        *instruction = current_count(l);
    free(l);
    return e;
}

enum error reverse_guard_end(struct gdb_client *c, deadline_t deadline)
{
    bool ends = false;
    enum error e = refuse_shut_down(c, deadline);
    if (e == ERR_OK)
        e = guard_end(c, &ends, deadline);
    if (e == ERR_OK && ends)
        return gdb_fail(c, ERR_NOT_FOUND, "the recording ends here: only the way back is open");
    return e;
}

/* --- moving --- */

static enum error watch(struct search *s, bool on)
{
    char request[32];
    snprintf(request, sizeof(request), "%c2,%" PRIx64 ",4", on ? 'Z' : 'z', s->before.address);
    return gdb_client_plant(s->c, request, deadline_in(GDB_REPLY_MS));
}

static enum error watch_vectors(struct search *s, bool on)
{
    const struct processor *p = s->c->processor;
    for (uint32_t at = VECTOR_FIRST; at <= VECTOR_LAST; at += 4) {
        char request[32];
        snprintf(request, sizeof(request), "%c0,%" PRIx64 ",%x", on ? 'Z' : 'z', p->vectors + at,
                 p->code_bytes);
        enum error e = gdb_client_plant(s->c, request, deadline_in(GDB_REPLY_MS));
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static bool reply_has(const struct search *s, const char *text)
{
    return strstr((const char *)s->c->decoder.data, text);
}

static enum error read_slot(struct search *s, struct walker_slot *out)
{
    return walker_slot(s->w, s->slot, out);
}

/* Is it the write that is looked for? The kernel writes word 0 of a slot before its links; a
 * capability stands in the derivation list, what is cleared before memory becomes a CNode does
 * not. */
static bool wanted(const struct search *s, enum attach_goal goal)
{
    if (goal == ATTACH_KILLED)
        return s->before.filled && s->before.listed && !s->after.filled;
    return !s->before.filled && s->after.filled;
}

/* To the write before: the machine then stands at the store. */
static enum error write_before(struct search *s)
{
    enum error e = gdb_client_move(s->c, "bc", s->deadline);
    if (e != ERR_OK)
        return e;
    if (reply_has(s, "replaylog:begin"))
        return ERR_NOT_FOUND;
    e = read_slot(s, &s->after);
    if (e == ERR_OK)
        e = gdb_client_move(s->c, "bs", s->deadline);
    return e == ERR_OK ? read_slot(s, &s->before) : e;
}

/* To the next write: the machine then stands behind the store. */
static enum error write_after(struct search *s)
{
    bool ends;
    enum error e = guard_end(s->c, &ends, s->deadline);
    if (e != ERR_OK || ends)
        return e == ERR_OK ? ERR_NOT_FOUND : e;
    e = gdb_client_move(s->c, "c", s->deadline);
    if (e == ERR_OK && !reply_has(s, "watch:"))
        return ERR_NOT_FOUND;
    if (e == ERR_OK)
        e = read_slot(s, &s->before);
    if (e == ERR_OK)
        e = watch(s, false);
    if (e == ERR_OK)
        e = gdb_client_move(s->c, "s", s->deadline);
    if (e == ERR_OK)
        e = watch(s, true);
    return e == ERR_OK ? read_slot(s, &s->after) : e;
}

static enum error find_write(struct search *s, enum attach_goal goal, bool forward)
{
    for (unsigned i = 0; i < WRITES_MAX; i++) {
        enum error e = forward ? write_after(s) : write_before(s);
        if (e != ERR_OK || wanted(s, goal))
            return e;
    }
    return gdb_fail(s->c, ERR_BOUND,
                    "the slot was written %d times, none of them the one looked for", WRITES_MAX);
}

/* To where the kernel was entered for the operation that is under way, or, once it is over, for the
 * next one. */
static enum error go_to_entry(struct search *s, bool forward)
{
    bool ends = false;
    enum error e = watch_vectors(s, true);
    if (e == ERR_OK && forward)
        e = guard_end(s->c, &ends, s->deadline);
    if (e == ERR_OK && !ends)
        e = gdb_client_move(s->c, forward ? "c" : "bc", s->deadline);
    enum error after = watch_vectors(s, false);
    return e == ERR_OK ? after : e;
}

/* --- what is told about the moment --- */

static enum error read_thread(struct search *s, struct attach_moment *out)
{
    struct walker_request r;
    enum error e = walker_request(s->w, &r);
    if (e != ERR_OK)
        return e;
    out->thread = r.thread;
    memcpy(out->thread_name, r.name, sizeof(out->thread_name));
    out->thread_name[sizeof(out->thread_name) - 1] = '\0';
    out->syscall = r.syscall;
    out->invocation = r.invocation;
    out->user_pc = r.pc;
    return ERR_OK;
}

static enum error describe(struct search *s, enum attach_goal goal, struct attach_moment *out)
{
    const struct walker_slot *slot = goal == ATTACH_KILLED ? &s->before : &s->after;
    struct walker_moment m;
    out->type = slot->slot.type;
    out->object = slot->slot.object;
    enum error e = gdb_client_register(s->c, s->c->processor->pc, &out->pc);
    if (e == ERR_OK)
        e = walker_moment(s->w, &m);
    if (e != ERR_OK)
        return e;
    out->ticks = (uint32_t)m.ticks;
    return read_thread(s, out);
}

static enum error not_found(struct search *s, enum attach_goal goal, bool forward)
{
    const char *when = forward ? "from here to the end of the recording"
                               : "from here back to the beginning of the recording";
    return gdb_fail(s->c, ERR_NOT_FOUND, "no capability was %s slot 0x%08" PRIx64 " %s",
                    goal == ATTACH_KILLED ? "taken from" : "put into", s->slot, when);
}

static enum error search_run(struct search *s, enum attach_goal goal, struct attach_moment *found)
{
    enum error e = read_slot(s, &s->before);
    if (e == ERR_ARGUMENT)
        return gdb_fail(s->c, e, "0x%08" PRIx64 " is not the address of a slot", s->slot);
    if (e != ERR_OK)
        return gdb_fail(s->c, e, "slot 0x%08" PRIx64 " cannot be read", s->slot);
    found->forward = goal == ATTACH_KILLED && s->before.filled;
    e = watch(s, true);
    if (e != ERR_OK)
        return e;
    e = find_write(s, goal, found->forward);
    if (e == ERR_OK)
        e = describe(s, goal, found);
    enum error after = watch(s, false);
    if (e == ERR_NOT_FOUND)
        return not_found(s, goal, found->forward);
    if (e == ERR_OK)
        e = after;
    return e == ERR_OK ? go_to_entry(s, goal == ATTACH_MADE) : e;
}

enum error reverse_find(struct gdb_client *c, struct walker *w, enum attach_goal goal,
                        uint64_t slot, struct attach_moment *out, deadline_t deadline)
{
    struct search s = {.c = c, .w = w, .slot = slot, .deadline = deadline};
    struct attach_moment found = {.goal = goal, .slot = slot};
    enum error e = refuse_shut_down(c, deadline);
    if (e == ERR_OK)
        e = search_run(&s, goal, &found);
    if (e == ERR_OK)
        *out = found;
    return e;
}
