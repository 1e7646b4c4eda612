/* The ram door: a file that holds the machine's RAM, mapped.
 *
 * Either the bare image of memory from the beginning of RAM on (QEMU's memory-backend-file, a
 * `pmemsave`) or an ELF core with program headers.  A bare image may be the memory of a machine
 * that runs, so a snapshot counts only when two walks in a row see the same capabilities. */
#include "attach/door.h"

#include "attach/image.h"
#include "attach/processor.h"
#include "attach/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RAM_TRIES = 64, STILL_MS = 1000, STILL_PAUSE_MS = 10 };

struct ram_door {
    struct image image;
    uint64_t ticks;  /* as last read, */
    int64_t changed; /* and when they had changed */
    struct memview view;
    struct walker *walk;
};

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static enum error view_read(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    const struct ram_door *d = ctx;
    uint64_t at;
    bool there = walker_window_physical(&walker_capscope_window, addr, len, &at);
    return there && image_read(&d->image, at, buf, len) ? ERR_OK : ERR_READ;
}

/* A core written by gdb has only virtual addresses, which for the kernel are those of its window.  What
 * lies where a kernel of 32 bits has no addresses is none of its memory. */
static void place_by_virtual(struct image_segment *s)
{
    if (!walker_window_physical(&walker_capscope_window, s->virtual, 1, &s->base))
        s->size = 0;
}

/* QEMU's dumps give physical addresses.  A bare image begins where RAM does. */
static void place_segments(struct image *m)
{
    if (!m->core)
        m->segment[0].base = walker_capscope_window.physical;
    else if (!m->physical)
        for (uint32_t i = 0; i < m->segments; i++)
            place_by_virtual(&m->segment[i]);
}

static enum error ram_open(struct attach *a)
{
    struct ram_door *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->view = (struct memview){.read = view_read, .ctx = d};
    enum error e = image_open(a, &d->image);
    if (e != ERR_OK)
        return e;
    a->dead = d->image.core;
    place_segments(&d->image);
    d->changed = clock_now_ms();
    return walk_open(a, &d->view, NULL, &d->walk);
}

static void ram_close(struct attach *a)
{
    struct ram_door *d = a->door;
    if (!d)
        return;
    walker_close(d->walk);
    image_close(&d->image);
    free(d);
    a->door = NULL;
}

/* --- the state --- */

/* The memory may be another run's by now, or another kernel's, whose roots lie elsewhere.  What cannot be
 * read is left to the walk; into what cannot be opened somebody may have written in one boot. */
static enum error follow_boot(struct attach *a)
{
    bool anew;
    struct ram_door *d = a->door;
    enum error e = walk_open(a, &d->view, &d->view, &d->walk);
    return walk_begins(e) && walker_follow(d->walk, &anew) != ERR_OK ? e : ERR_OK;
}

/* Nobody tells when the machine behind an image ends: its clock stands still then. */
static bool clock_moves(struct ram_door *d)
{
    uint64_t ticks = 0;
    if (walk_ticks(d->walk, &ticks) && ticks != d->ticks) {
        d->ticks = ticks;
        d->changed = clock_now_ms();
    }
    return clock_now_ms() - d->changed < STILL_MS;
}

static void note_state(struct attach *a)
{
    struct ram_door *d = a->door;
    const char *trouble = image_trouble(&d->image, a->target.path);
    follow_boot(a);
    walk_note_state(a, d->walk, false, "");
    if (trouble && (a->state.being != ATTACH_RUNS || d->image.cut || !clock_moves(d)))
        attach_note(a, ATTACH_GONE, trouble);
    else if (a->state.being != ATTACH_RUNS)
        return;
    else if (d->image.core)
        attach_note(a, ATTACH_GONE, "a core: its machine is not running");
    else if (!clock_moves(d))
        attach_note(a, ATTACH_GONE,
                    "this memory does not change: its machine has ended, or was "
                    "stopped from outside");
}

/* Waits for the clock, so that the answer holds for now. */
static enum error ram_state(struct attach *a)
{
    struct ram_door *d = a->door;
    d->changed = 0;
    clock_moves(d); /* what changed before counts for nothing */
    d->changed = 0;
    for (int waited = 0; waited < STILL_MS && !d->image.core && !clock_moves(d);
         waited += STILL_PAUSE_MS)
        pause_ms(STILL_PAUSE_MS);
    note_state(a);
    return ERR_OK;
}

/* --- snapshots --- */

/* Of a core whose notes tell no registers nothing else is known. */
static bool is_at_rest(const struct ram_door *d)
{
    const struct processor *arm = processor_of("");
    if (walk_is_whole(d->walk))
        return true;
    for (uint32_t i = 0; i < d->image.processors; i++) {
        const struct image_processor *p = &d->image.processor[i];
        if (!processor_is_user(arm, p->mode) && (p->mode & arm->mode_mask) != PROCESSOR_MODE_IDLE &&
            !processor_is_at_vector(arm, p->pc))
            return false;
    }
    return true;
}

/* A core is dead; of a bare image only the kernel can tell whether it stands still. */
static enum error prepare(struct attach *a, unsigned attempt, bool *stopped)
{
    struct ram_door *d = a->door;
    deadline_t deadline = deadline_in(d->image.core ? 0 : WALK_PATIENCE_MS);
    enum error e = follow_boot(a);
    (void)attempt;
    while (e != ERR_OK && deadline_left(deadline) > 0) {
        pause_ms(WALK_PAUSE_MS);
        e = follow_boot(a);
    }
    if (e != ERR_OK)
        return e;
    *stopped = walk_in_debugger(d->walk) || (d->image.core && is_at_rest(d));
    return ERR_OK;
}

static enum error ram_snapshot(struct attach *a)
{
    struct ram_door *d = a->door;
    enum error e = walk_settled(a, &d->walk, prepare, !d->image.core, RAM_TRIES);
    note_state(a);
    return e;
}

const struct attach_ops attach_ram_ops = {
    .open = ram_open,
    .close = ram_close,
    .drop = ram_close,
    .state = ram_state,
    .snapshot = ram_snapshot,
};
