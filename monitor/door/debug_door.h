/* What kernel files see of the debugger in the debug build (kernel/debug.h has the contract).
 *
 * The two hooks that stand on hot paths cost a load, a test and a branch while nothing is armed:
 * debug_event() looks at two neighbouring words of debug_control, which a debugger outside writes
 * too, and debug_digest_*() at one word. Everything else is out of line. */
#ifndef CAPSCOPE_DEBUG_DOOR_H
#define CAPSCOPE_DEBUG_DOOR_H

#include "abi/events.h"
#include "kernel/kernel.h"

extern struct debug_control debug_control;
extern word_t debug_digest_kept; /* 1: the running digest covers all slots */

/* monitor/door/door.c */
void door_event(enum event_kind kind, struct slot *slot, struct slot *src, kaddr_t object,
                word_t detail, struct cap cap);
void door_digest_out(const struct slot *s);
void door_digest_in(const struct slot *s);
void debug_roots(struct kernel_roots *r);
void debug_boot(void);
void debug_tick(void);
bool debug_irq(word_t irq);
void debug_thread_created(struct tcb *t);

/* gdbstub/ */
struct trap_frame;
bool debug_breakpoint(vaddr_t pc, word_t fsr);
const struct trap_frame *debug_trap(word_t kind);

/* monitor/ */
void debug_refusal(void);
void debug_fault(struct tcb *t);
bool debug_syscall(word_t number);
void debug_console(char c);
_Noreturn void debug_panic(const char *file, int line, const char *what);

static inline void debug_event(enum event_kind kind, struct slot *slot, struct slot *src,
                               struct cap cap, kaddr_t object, word_t detail)
{
    if (__builtin_expect((debug_control.trace | debug_control.armed) != 0, 0))
        door_event(kind, slot, src, object, detail, cap);
}

enum { DEBUG_WATCHED_IPC_IS_SLOW = 1 };

static inline bool debug_watches(void)
{
    return __builtin_expect((debug_control.trace | debug_control.armed) != 0, 0);
}

/* An object that is watched takes some 230 instructions, and the watermark's event as many; a
 * thread's name up to 480. */
static inline word_t debug_retype_objects(enum object_type type, word_t most)
{
    if (debug_watches())
        return type == OBJECT_TCB ? 1 : 2;
    return type == OBJECT_TCB ? 2 : most;
}

static inline void debug_digest_out(struct slot *s)
{
    if (__builtin_expect(debug_digest_kept != 0, 0))
        door_digest_out(s);
}

static inline void debug_digest_in(struct slot *s)
{
    if (__builtin_expect(debug_digest_kept != 0, 0))
        door_digest_in(s);
}

#endif
