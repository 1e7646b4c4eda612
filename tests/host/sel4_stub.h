/* A GDB stub of tests that serves a recorded mainline system as QEMU 7.2 would: memory of the
 * kernel refused in user mode, a physical mode that outlives connections, packets of 2 KiB. */
#ifndef CAPSCOPE_TESTS_SEL4_STUB_H
#define CAPSCOPE_TESTS_SEL4_STUB_H

#include "tests/host/sel4_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

struct sel4_stub {
    struct fixture *f;
    bool physical_mode;   /* offers it, as QEMU does */
    bool narrow;          /* registers of half the size: another architecture */
    unsigned close_after; /* answers; 0: never */
    unsigned busy_stops;  /* the first so many stops are inside the kernel */
    uint64_t busy_pc;
    bool refuses_breakpoints;
    char target[160]; /* what to attach to */
    /* what happened */
    atomic_uint answers;
    atomic_uint reads;
    atomic_uint planted; /* breakpoints that stand now */
    atomic_uint plants;  /* that were placed in all */
    atomic_bool physical;
    atomic_bool running;
    /* private */
    uint64_t pc;
    uint64_t breakpoint;
    unsigned stops;
    int listener;
    char path[100];
    pthread_t thread;
};

/* Serves clients one after the other until stub_end(). Fields above target are the caller's. */
void stub_begin(struct sel4_stub *s);
void stub_end(struct sel4_stub *s);

#endif
