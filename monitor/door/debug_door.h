/* What kernel files see of the debugger in the debug build (kernel/debug.h has the contract).
 *
 * While nothing is armed a hook costs a load, a test and a branch: debug_watches() and
 * debug_event() look at two neighbouring words of debug_control, which a debugger outside writes
 * too. While the trace is on and nothing else, a change of slots is told in place: the digest grows
 * and the ring gets its entry. Everything else is out of line. */
#ifndef CAPSCOPE_DEBUG_DOOR_H
#define CAPSCOPE_DEBUG_DOOR_H

#include "layout/events.h"
#include "kernel/board.h"
#include "kernel/kernel.h"

extern struct debug_control debug_control;

/* What an event on the short way touches. */
enum { DEBUG_RING_BITS = 14, DEBUG_RING_EVENTS = 1 << DEBUG_RING_BITS }; /* 640 KiB */
extern struct debug_trace {
    union {
        struct running_digest digest; /* of all slots; while not kept, of nothing */
        uint64_t sum;                 /* the same */
    };
    word_t unwatched; /* 1: events may have passed unseen since the last one in the ring */
    struct event_ring ring;
} debug_trace;
extern struct event debug_ring_entries[DEBUG_RING_EVENTS];

/* monitor/door/door.c */
void door_event(enum event_kind kind, struct slot *slot, struct slot *src, kaddr_t object,
                word_t detail, struct cap cap);
void door_told(struct event *e);
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
void debug_fault(struct tcb *t, bool handled);
bool debug_syscall(word_t number);
void debug_console(char c);
_Noreturn void debug_panic(const char *file, int line, const char *what);

enum { DEBUG_WATCHED_IPC_IS_SLOW = 1 };

static inline void debug_resumed(struct tcb *t)
{
    t->unhandled_type = FAULT_NONE;
}

/* monitor/door/rescue.c */
/* Of each directory's kernel part the first, the last, and the last where users have helpers. */
enum { KERNEL_FIRST, KERNEL_LAST, KERNEL_LAST_HELPERS, KERNEL_ENTRIES };
extern word_t debug_kernel_entries[KERNEL_ENTRIES];
void debug_switch_refused(const struct tcb *t, kaddr_t directory);

/* Text and data of the kernel hang on the first entry, stack and vectors on the last: without them
 * the next exception would be the last one. What is no thread may mask interrupts or have a mode in
 * which no exception finds back. */
static inline void debug_switch(struct tcb *t, kaddr_t directory)
{
    enum { INTERRUPTS_MASKED = 0x80, USER_MODE = 0x10 };
    const word_t *entry = kptr(directory);
    word_t last = entry[PDE_COUNT - 1];
    word_t differs = (entry[USER_TOP >> 20] ^ debug_kernel_entries[KERNEL_FIRST]) |
                     ((t->regs[REG_CPSR] ^ USER_MODE) & (INTERRUPTS_MASKED | 0x1f));
    if (last != debug_kernel_entries[KERNEL_LAST])
        differs |= last ^ debug_kernel_entries[KERNEL_LAST_HELPERS];
    if (__builtin_expect(differs != 0, 0))
        debug_switch_refused(t, directory);
}

static inline bool debug_watches(void)
{
    return __builtin_expect((debug_control.trace | debug_control.armed) != 0, 0);
}

/* An object that is watched takes some 80 instructions, and the watermark's event as many; a
 * thread's name up to 480. */
static inline word_t debug_retype_objects(enum object_type type, word_t most)
{
    if (debug_watches())
        return type == OBJECT_TCB ? 1 : 8;
    return type == OBJECT_TCB ? 2 : most;
}

static inline void debug_event(enum event_kind kind, struct slot *slot, struct slot *src,
                               struct cap cap, kaddr_t object, word_t detail)
{
    if (debug_watches())
        door_event(kind, slot, src, object, detail, cap);
}

/* The place of the next event in the ring, whose number is *seq. The index is the low bits of the
 * number; shifted to the top they come down as multiples of 8 and 32, which makes 40. */
static inline struct event *debug_ring_take(word_t *seq)
{
    _Static_assert(sizeof(struct event) == 8 + 32, "two shifts make the size of an entry");
    word_t n = ++debug_trace.ring.head;
    word_t top = n << (32 - DEBUG_RING_BITS);
    uintptr_t at = (uintptr_t)debug_ring_entries + (top >> (32 - DEBUG_RING_BITS - 3)) +
                   (top >> (32 - DEBUG_RING_BITS - 5));
    *seq = n;
    return (struct event *)at;
}

/* Ticks above, clock below, in one instruction. */
static inline word_t debug_time(void)
{
    word_t clock = *(const volatile word_t *)BOARD_CLOCK_REGISTER;
    word_t time;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(time) : "r"(clock), "r"(ks.ticks));
    return time;
}

/* The ten words of an event in one store. */
static inline struct event *debug_ring_append(enum event_kind kind, const struct slot *slot,
                                              const struct slot *src, struct cap cap,
                                              kaddr_t object, word_t detail)
{
    word_t n;
    struct event *e = debug_ring_take(&n);
    register word_t r0 __asm__("r0") = n;
    register word_t r1 __asm__("r1") = debug_time();
    register word_t r2 __asm__("r2") = ks.current;
    register word_t r3 __asm__("r3") = kind;
    register word_t r4 __asm__("r4") = kaddr_of(slot);
    register word_t r5 __asm__("r5") = kaddr_of(src);
    register word_t r6 __asm__("r6") = cap.w[0];
    register word_t r7 __asm__("r7") = cap.w[1];
    register word_t r8 __asm__("r8") = object;
    register word_t r9 __asm__("r9") = detail;
    __asm__("stm %1, {%2, %3, %4, %5, %6, %7, %8, %9, %10, %11}"
            : "=m"(*e)
            : "r"(e), "r"(r0), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7),
              "r"(r8), "r"(r9));
    return e;
}

static inline void debug_change(uint64_t change, enum event_kind kind, struct slot *slot,
                                struct slot *src, struct cap cap, kaddr_t object, word_t detail)
{
    debug_trace.sum += change;
    struct event *e = debug_ring_append(kind, slot, src, cap, object, detail);
    if (__builtin_expect((debug_trace.unwatched | debug_control.armed) != 0, 0))
        door_told(e);
}

#endif
