/* The kernel's side of the debug door: what it tells, and nothing it asks.
 *
 * The debug build compiles with monitor/door/debug_door.h, which appends to the trace, keeps the
 * digest and stops; release with kernel/nodebug/debug_door.h, which is empty, so the compiler drops
 * every call with its operands. Host tests bring their own. The include path selects the file. */
#ifndef CAPSCOPE_KERNEL_DEBUG_H
#define CAPSCOPE_KERNEL_DEBUG_H

#include "layout/events.h"
#include "kernel/kernel.h"

/* debug_door.h defines, each as a static inline or a function:
 *
 *   void debug_event(enum event_kind kind, struct slot *slot, struct slot *src, struct cap cap,
 *                    kaddr_t object, word_t detail);
 *        Every change to capability state, see layout/events.h for the operands.
 *   bool debug_watches(void);                true while somebody looks at events or the digest;
 *        while not, changes to slots need not be told
 *   DEBUG_WATCHED_IPC_IS_SLOW                1: then the IPC fast path, which tells events from
 *        the middle of its work, is not taken
 *   word_t debug_retype_objects(enum object_type type, word_t most);
 *        how many objects, of at most so many, a Retype makes between two looks at the interrupts:
 *        fewer when the door does much for each, but not 0
 *   void debug_change(uint64_t change, enum event_kind kind, struct slot *slot, struct slot *src,
 *                     struct cap cap, kaddr_t object, word_t detail);
 *        The same where slots changed, and with them the digest (layout/roots.h): `change` is
 *        what it grew by. Not a revoke's kinds; called only while debug_watches().
 *   void debug_refusal(void);                ks.refusal was set for the current thread
 *   void debug_fault(struct tcb *t, bool handled);
 *        a fault is about to be sent to its handler, or, without one, to stop the thread
 *   void debug_resumed(struct tcb *t);       a thread that was stopped goes on
 *   void debug_switch(struct tcb *t, kaddr_t directory);
 *        this thread is about to run, on this page directory
 *   void debug_thread_created(struct tcb *t); a new TCB (tcb_init): the door names it
 *        "child of: '<name of the current thread>'" (ABI sheet 7.1)
 *   bool debug_syscall(word_t number);       a debug system call (-9..-14): true if handled
 *   void debug_console(char c);              a program's character
 *   void debug_roots(struct kernel_roots *r);    fills the debug_ fields, event ring and digest
 *   void debug_boot(void);                   all is set up; the root task is about to run
 *   void debug_tick(void);                   timer tick: live line, halt requests
 *   bool debug_irq(word_t irq);              true if the debugger owns it and has handled it
 *   bool debug_breakpoint(vaddr_t pc, word_t fsr);
 *        the current thread's fetch aborted: true if it was the debugger's own breakpoint, and the
 *        thread goes on where its registers say
 *   const struct trap_frame *debug_trap(word_t kind);
 *        an exception in the kernel itself, trap_frame holds its registers (armv6/trap.h): if it
 *        was the debugger's own breakpoint the registers to go on with, else NULL
 *   _Noreturn void debug_panic(const char *file, int line, const char *what); */
#include "debug_door.h"

#endif
