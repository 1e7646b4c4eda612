/* Steps through one revocation of a running mainline seL4, and checks what must hold of it: each
 * step one capability, which is there at its stop and gone at the next; snapshots tell the revoke
 * and have no findings; afterwards nothing stands planted and the machine runs.
 *
 * Usage: step_sel4 TARGET KERNEL [SECONDS].  Exit 0: all held; 1: something did not, in a sentence;
 * 2: it could not be tried, since nothing was revoked in that time or the target failed. */
#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/sel4.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 200, SECONDS = 20, POLLS = 40 };

static _Noreturn void give_up(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct attach *target;

/* Leaves the machine running, whatever the verdict. */
static void give_up(int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    attach_close(target);
    exit(status);
}

static struct attach *open_target(const char *name)
{
    char message[512];
    struct attach *a = NULL;
    if (attach_open(name, &a, message, sizeof(message)) != ERR_OK)
        give_up(2, "%s", message);
    return a;
}

static void say(const char *line)
{
    char *text = NULL;
    if (attach_command(target, line, &text) != ERR_OK)
        give_up(2, "%s: %s", line, attach_error(target));
    free(text);
}

/* Waits until the machine stands; false: it does not, before the deadline. */
static bool wait_for_stop(int64_t until_ms)
{
    struct attach_state state = {.being = ATTACH_RUNS};
    while (state.being != ATTACH_STANDS && clock_now_ms() < until_ms)
        if (attach_state(target, &state) != ERR_OK)
            give_up(2, "%s", attach_error(target));
    return state.being == ATTACH_STANDS;
}

static const struct record_slot *slot_of(const struct capstate *c, uint64_t addr)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].rec.addr == addr)
            return &c->slots[i].rec;
    return NULL;
}

/* One stop inside the revoke: what goes now is there, what went before is not. */
static uint64_t check_stop(uint64_t before, uint32_t done)
{
    struct capstate c;
    if (attach_snapshot(target, &c) != ERR_OK)
        give_up(2, "%s", attach_error(target));
    uint64_t victim = c.revoke.victim;
    bool there = slot_of(&c, victim), gone = before == 0 || !slot_of(&c, before);
    bool fits = c.revoke.done == done && c.snapshot.stopped && c.finding_count == 0;
    capstate_free(&c);
    if (!there || !gone || !fits)
        give_up(1, "step %u: victim 0x%" PRIx64 " %s, the one before %s, done and findings %s",
                done, victim, there ? "is there" : "is missing",
                gone ? "is gone" : "is still there", fits ? "fit" : "do not fit");
    return victim;
}

/* To the end of the revoke; how many went. */
static uint32_t step_through(int64_t until_ms)
{
    uint64_t before = 0;
    for (uint32_t done = 0; done < STEPS; done++) {
        say("step");
        if (!wait_for_stop(until_ms))
            give_up(1, "step %u: the revoke did not go on", done);
        if (strstr(attach_last_state(target)->sentence, " revoked "))
            return done;
        before = check_stop(before, done);
    }
    say("finish");
    return STEPS;
}

/* Leaves and comes again: whoever left something planted finds the machine standing at it. */
static void check_left(const char *name)
{
    struct attach_state state;
    attach_close(target);
    target = open_target(name);
    for (unsigned i = 0; i < POLLS; i++) {
        struct capstate c;
        if (attach_snapshot(target, &c) != ERR_OK)
            give_up(1, "afterwards: %s", attach_error(target));
        capstate_free(&c);
        if (attach_state(target, &state) != ERR_OK || state.being != ATTACH_RUNS)
            give_up(1, "afterwards the machine does not run: %s", state.sentence);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fputs("usage: step_sel4 TARGET KERNEL [SECONDS]\n", stderr);
        return 2;
    }
    int64_t patience = (argc > 3 ? strtol(argv[3], NULL, 10) : SECONDS) * 1000;
    attach_use_kernel(argv[2], NULL);
    target = open_target(argv[1]);
    say("break on victim"); /* a revoke that takes something */
    if (!wait_for_stop(clock_now_ms() + patience))
        give_up(2, "nothing was revoked in %" PRIi64 " s", patience / 1000);
    say("delete all");
    say("break on revoke"); /* the next one, from its beginning */
    say("continue");
    if (!wait_for_stop(clock_now_ms() + patience))
        give_up(2, "nothing was revoked in %" PRIi64 " s", patience / 1000);
    uint32_t gone = step_through(clock_now_ms() + 10 * patience);
    check_left(argv[1]);
    attach_close(target);
    (void)printf("%u capabilities, one a step\n", gone);
    return 0;
}
