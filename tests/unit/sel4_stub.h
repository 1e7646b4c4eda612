/* A GDB stub of tests that serves a recorded mainline system as QEMU 7.2 would: memory of the
 * kernel refused in user mode, a physical mode that outlives connections, packets of 2 KiB. */
#ifndef CAPSCOPE_TESTS_SEL4_STUB_H
#define CAPSCOPE_TESTS_SEL4_STUB_H

#include "tests/unit/sel4_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

/* The machine comes by a function, or stands where one returns to. */
struct stub_hit {
    uint64_t pc;
    uint64_t word[8]; /* of its arguments */
    uint64_t link;
    uint64_t result;
};

enum { STUB_BREAKPOINTS = 16 };

struct sel4_stub {
    struct fixture *f;
    bool physical_mode; /* offers it, as QEMU does */
    bool
        openocd; /* has the habits of OpenOCD 0.12: describes itself in small pieces, prints between `c`
                   * and a stop, answers every command of a monitor with text and OK, "E0E" */
    bool narrow;          /* registers of half the size: another architecture */
    unsigned close_after; /* answers; 0: never */
    bool paused;          /* was paused before anybody came */
    bool comes_back;      /* and the lines after that are whole */
    unsigned kill_after;  /* answers: ends the client `kills` without a warning; 0: never */
    atomic_int kills;
    unsigned busy_stops; /* the first so many stops are inside the kernel */
    uint64_t busy_pc;
    bool saves;       /* has QEMU's monitor, which writes memory into files */
    bool saves_other; /* and they are of another machine */
    bool refuses_breakpoints;
    bool refuses_hardware; /* those of kind 1 */
    unsigned idle_steps;   /* the first so many steps do not move it */
    unsigned interrupted;  /* the next so many end in a handler, which returns to where it was */
    const struct stub_hit *hits; /* what comes by while the machine runs, in this order */
    unsigned hit_count;
    char target[160]; /* what to attach to */
    /* what happened */
    atomic_uint answers;
    atomic_uint reads;
    atomic_uint saved;   /* files that were written */
    char saved_to[256];  /* the last of them */
    atomic_uint trips;   /* times it had nothing to do and was asked something */
    atomic_uint planted; /* breakpoints that stand now */
    atomic_uint plants;  /* that were placed in all */
    atomic_uint stuck;   /* times it was let go while a breakpoint stood where it stood */
    atomic_uint hits_at; /* so many came by */
    atomic_bool physical;
    atomic_bool running;
    /* private */
    uint64_t pc;
    uint64_t breakpoint; /* the last one */
    uint64_t stands[STUB_BREAKPOINTS];
    const struct stub_hit *hit; /* at which it stands */
    unsigned stops;
    int listener;
    char path[100];
    pthread_t thread;
    pthread_mutex_t at_work; /* from the acknowledgement of a packet until its answer is written */
};

/* Serves clients one after the other until stub_end(). Fields above target are the caller's. */
void stub_begin(struct sel4_stub *s);
void stub_end(struct sel4_stub *s);

/* Waits until what it has acknowledged is done: a client need not wait for that after `c`. */
void stub_settle(struct sel4_stub *s);

#endif
