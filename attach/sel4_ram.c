/* A mainline kernel in a file: an ELF core with physical addresses (QEMU's dump-guest-memory), or
 * a bare image of RAM, which begins where the kernel's code says that it does. */
#include "attach/image.h"
#include "attach/sel4.h"
#include "attach/sel4_door.h"

#include <stdlib.h>
#include <string.h>

enum { RAM_TRIES = 16, PIECE = 1 << 20 };

struct sel4_ram {
    struct sel4_side side;
    struct sel4_port port;
    struct image image;
};

static enum error read_spans(void *ctx, struct sel4_span *spans, size_t count)
{
    const struct sel4_ram *d = ctx;
    for (size_t i = 0; i < count; i++) {
        bool there = image_read(&d->image, spans[i].addr, spans[i].buf, spans[i].len);
        spans[i].error = there ? ERR_OK : ERR_READ;
    }
    return ERR_OK;
}

/* A bare image begins at the beginning of RAM: the kernel's own address, rounded down to a power of
 * two that boards like. The first that has the kernel's code where it should be is taken. */
static enum error find_base(struct attach *a, struct sel4_ram *d)
{
    static const unsigned rounding[] = {30, 31, 29, 28, 27, 26, 25, 24, 20, 12};
    enum error e = ERR_NO_ROOTS;
    uint64_t low = ~(uint64_t)0;
    for (uint32_t i = 0; i < d->side.kernel.image.segments; i++) {
        uint64_t pa = d->side.kernel.image.segment[i].pa;
        low = pa < low ? pa : low;
    }
    for (size_t i = 0; i < sizeof(rounding) / sizeof(rounding[0]); i++) {
        d->image.segment[0].base = low >> rounding[i] << rounding[i];
        e = sel4_side_attach(a, &d->side, &d->port);
        if (e != ERR_REFUSED && e != ERR_READ && e != ERR_NO_ROOTS)
            return e;
    }
    return e;
}

static enum error sel4_ram_open(struct attach *a)
{
    struct sel4_ram *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->port = (struct sel4_port){.read = read_spans, .ctx = d, .piece = PIECE, .physical = true};
    enum error e = sel4_side_open(a, &d->side);
    if (e != ERR_OK)
        return e;
    e = image_open(a, &d->image);
    if (e != ERR_OK)
        return e;
    a->dead = d->image.core;
    return d->image.core ? sel4_side_attach(a, &d->side, &d->port) : find_base(a, d);
}

/* Of a core whose notes tell no registers nothing else is known. */
static bool all_at_rest(const struct sel4_ram *d)
{
    bool rest = true;
    for (uint32_t i = 0; i < d->image.processors; i++) {
        const uint64_t pc = d->image.processor[i].pc;
        rest &=
            sel4_kernel_is_quiet(&d->side.kernel, pc) || sel4_kernel_leaves(&d->side.kernel, pc);
    }
    return rest;
}

static void sel4_ram_close(struct attach *a)
{
    struct sel4_ram *d = a->door;
    if (!d)
        return;
    image_close(&d->image);
    sel4_side_close(&d->side);
    free(d);
    a->door = NULL;
}

/* A core is dead, and whole if no processor was at work in the kernel. The memory of a machine that runs may be torn: two walks must agree then.  It may be
 * another run's by now, which is beginning, or another kernel's. */
static enum error prepare(struct attach *a, unsigned attempt, bool *quiet)
{
    struct sel4_ram *d = a->door;
    (void)attempt;
    *quiet = d->image.core && all_at_rest(d);
    return d->image.core ? ERR_OK : sel4_side_attach(a, &d->side, &d->port);
}

static enum error sel4_ram_snapshot(struct attach *a)
{
    struct sel4_ram *d = a->door;
    return sel4_side_snapshot(a, &d->side, prepare, RAM_TRIES);
}

static enum error sel4_ram_state(struct attach *a)
{
    const struct sel4_ram *d = a->door;
    if (!d)
        return attach_fail(a, ERR_CLOSED, "%s", error_sentence(ERR_CLOSED));
    attach_note(a, d->image.core ? ATTACH_GONE : ATTACH_RUNS,
                d->image.core ? "a core: it does not change" : NULL);
    return ERR_OK;
}

const struct attach_ops attach_sel4_ram_ops = {
    .open = sel4_ram_open,
    .close = sel4_ram_close,
    .drop = sel4_ram_close,
    .state = sel4_ram_state,
    .snapshot = sel4_ram_snapshot,
};
