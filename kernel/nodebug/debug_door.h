/* The empty debug door of the release kernel: nothing is told, nothing is compiled in. */
#ifndef CAPSCOPE_DEBUG_DOOR_H
#define CAPSCOPE_DEBUG_DOOR_H

static inline void debug_event(enum event_kind kind, struct slot *slot, struct slot *src,
                               struct cap cap, kaddr_t object, word_t detail)
{
    (void)kind;
    (void)slot;
    (void)src;
    (void)cap;
    (void)object;
    (void)detail;
}

enum { DEBUG_WATCHED_IPC_IS_SLOW = 0 };

static inline bool debug_watches(void)
{
    return false;
}

static inline word_t debug_retype_objects(enum object_type type, word_t most)
{
    (void)type;
    return most;
}

static inline void debug_change(uint64_t change, enum event_kind kind, struct slot *slot,
                                struct slot *src, struct cap cap, kaddr_t object, word_t detail)
{
    (void)change;
    (void)kind;
    (void)slot;
    (void)src;
    (void)cap;
    (void)object;
    (void)detail;
}

static inline void debug_refusal(void)
{
}

static inline void debug_fault(struct tcb *t, bool handled)
{
    (void)t;
    (void)handled;
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

static inline void debug_thread_created(struct tcb *t)
{
    (void)t;
}

static inline bool debug_syscall(word_t number)
{
    (void)number;
    return false;
}

static inline void debug_roots(struct kernel_roots *r)
{
    (void)r;
}

static inline void debug_boot(void)
{
}

static inline void debug_tick(void)
{
}

static inline bool debug_irq(word_t irq)
{
    (void)irq;
    return false;
}

static inline bool debug_breakpoint(vaddr_t pc, word_t fsr)
{
    (void)pc;
    (void)fsr;
    return false;
}

static inline const struct trap_frame *debug_trap(word_t kind)
{
    (void)kind;
    return NULL;
}

_Noreturn static inline void debug_panic(const char *file, int line, const char *what)
{
    (void)file;
    (void)line;
    (void)what;
    for (;;)
        ;
}

#endif
