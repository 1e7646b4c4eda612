/* The debug door of the host build: every call goes to the hooks of hostsim.h, and the digest of
 * all slots is kept in simulated memory, so that tests can compare it with one that was walked. */
#ifndef CAPSCOPE_DEBUG_DOOR_H
#define CAPSCOPE_DEBUG_DOOR_H

#include "kernel/kernel.h"

void debug_event(enum event_kind kind, struct slot *slot, struct slot *src, struct cap cap,
                 kaddr_t object, word_t detail);
void debug_change(uint64_t change, enum event_kind kind, struct slot *slot, struct slot *src,
                  struct cap cap, kaddr_t object, word_t detail);
void debug_refusal(void);
void debug_fault(struct tcb *t, bool handled);
void debug_thread_created(struct tcb *t);
bool debug_syscall(word_t number);
void debug_console(char c);
void debug_roots(struct kernel_roots *r);
void debug_boot(void);
void debug_tick(void);
bool debug_irq(word_t irq);

/* The hooks look at events and not at the threads around them, so the fast path is tested too. */
enum { DEBUG_WATCHED_IPC_IS_SLOW = 0 };

/* Nobody watches when the test says so: then the kernel takes the ways it takes on the board
 * without a debugger, and digest and events are not kept. */
extern bool hostsim_unwatched;
static inline bool debug_watches(void)
{
    return !hostsim_unwatched;
}

/* As on the board without a debugger, or few, so that a Retype is preempted often. */
static inline word_t debug_retype_objects(enum object_type type, word_t most)
{
    (void)type;
    return hostsim_unwatched || most < 3 ? most : 3;
}

static inline void debug_resumed(struct tcb *t)
{
    (void)t;
}

static inline void debug_switch(struct tcb *t, kaddr_t directory)
{
    (void)t;
    (void)directory;
}

static inline bool debug_breakpoint(vaddr_t pc, word_t fsr)
{
    (void)pc;
    (void)fsr;
    return false;
}
_Noreturn void debug_panic(const char *file, int line, const char *what);

#endif
