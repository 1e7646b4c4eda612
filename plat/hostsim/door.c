/* The debug door of the host build (debug_door.h): keeps the digest and the event ring in simulated
 * memory, where the object walker finds them, and calls the hooks. */
#include "plat/hostsim/hostsim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At HOSTSIM_DEBUG_OFFSET. */
struct door_data {
    struct running_digest digest;
    word_t generation; /* lives of TCBs so far */
    struct event_ring ring;
    struct debug_control control;
};
_Static_assert(HOSTSIM_DEBUG_OFFSET + sizeof(struct door_data) <= HOSTSIM_RING_OFFSET,
               "the door's data have their place");
_Static_assert(HOSTSIM_RING_OFFSET + HOSTSIM_RING_CAPACITY * sizeof(struct event) <=
                   HOSTSIM_KERNEL_BYTES,
               "the door's data have their place");

bool hostsim_unwatched;

static struct door_data *door_data(void)
{
    return kptr(KERNEL_WINDOW + HOSTSIM_DEBUG_OFFSET);
}

struct digest *hostsim_digest(void)
{
    return &door_data()->digest.sum;
}

void debug_roots(struct kernel_roots *r)
{
    struct door_data *d = door_data();
    d->ring.base = KERNEL_WINDOW + HOSTSIM_RING_OFFSET;
    d->ring.capacity = HOSTSIM_RING_CAPACITY;
    d->control.trace = 1;
    d->digest.kept = 1;
    r->debug_control = kaddr_of(&d->control);
    r->event_ring = kaddr_of(&d->ring);
    r->digest = kaddr_of(&d->digest);
    r->debug = 1;
}

static void ring_append(enum event_kind kind, struct slot *slot, struct slot *src, struct cap cap,
                        kaddr_t object, word_t detail)
{
    struct event_ring *ring = &door_data()->ring;
    if (ring->capacity == 0)
        return;
    struct event *e = (struct event *)kptr(ring->base) + (++ring->head & (ring->capacity - 1));
    *e = (struct event){
        .seq = ring->head,
        .time = ks.ticks << 16 | (board_clock() & 0xffff),
        .thread = ks.current == kaddr_of(&ks.idle) ? 0 : ks.current,
        .kind = (word_t)kind,
        .slot = kaddr_of(slot),
        .src = kaddr_of(src),
        .cap = {cap.w[0], cap.w[1]},
        .object = object,
        .detail = detail,
    };
}

void debug_event(enum event_kind kind, struct slot *slot, struct slot *src, struct cap cap,
                 kaddr_t object, word_t detail)
{
    hostsim.count.events++;
    ring_append(kind, slot, src, cap, object, detail);
    if (hostsim.hooks.event)
        hostsim.hooks.event(hostsim.hooks.ctx, kind, slot, src, cap, object, detail);
}

void debug_change(uint64_t change, enum event_kind kind, struct slot *slot, struct slot *src,
                  struct cap cap, kaddr_t object, word_t detail)
{
    digest_change(hostsim_digest(), change);
    debug_event(kind, slot, src, cap, object, detail);
}

void debug_refusal(void)
{
    hostsim.count.refusals++;
    if (hostsim.hooks.refusal)
        hostsim.hooks.refusal(hostsim.hooks.ctx);
}

void debug_fault(struct tcb *t, bool handled)
{
    (void)handled;
    hostsim.count.faults++;
    if (hostsim.hooks.fault)
        hostsim.hooks.fault(hostsim.hooks.ctx, t);
}

/* The number of this life tells a TCB from the one that lay at the same address before. */
void debug_thread_created(struct tcb *t)
{
    t->generation = ++door_data()->generation;
    strcpy(t->name, "child of: '");
    size_t room = TCB_NAME_SIZE - strlen(t->name) - 2;
    strncat(t->name, current_thread()->name, room);
    strcat(t->name, "'");
}

bool debug_syscall(word_t number)
{
    return hostsim.hooks.syscall && hostsim.hooks.syscall(hostsim.hooks.ctx, number);
}

void debug_console(char c)
{
    if (hostsim.hooks.console)
        hostsim.hooks.console(hostsim.hooks.ctx, c);
}

void debug_boot(void)
{
    if (hostsim.hooks.boot)
        hostsim.hooks.boot(hostsim.hooks.ctx);
}

void debug_tick(void)
{
    if (hostsim.hooks.tick)
        hostsim.hooks.tick(hostsim.hooks.ctx);
}

bool debug_irq(word_t irq)
{
    return hostsim.hooks.irq && hostsim.hooks.irq(hostsim.hooks.ctx, irq);
}

static jmp_buf *panic_jump;

void hostsim_panic_to(jmp_buf *where)
{
    panic_jump = where;
}

void debug_panic(const char *file, int line, const char *what)
{
    snprintf(hostsim.panic_text, sizeof(hostsim.panic_text), "%s:%d: %s", file, line, what);
    if (panic_jump)
        longjmp(*panic_jump, 1);
    fprintf(stderr, "hostsim: kernel panic: %s\n", hostsim.panic_text);
    abort();
}
