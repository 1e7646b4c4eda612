/* The debug door from the debugger's side: the monitor and the stub in the kernel stand on it.
 *
 *            hooks of kernel/debug.h
 *                     |
 *   trace ring  <-  door.c  ->  debug_stop(): the world stands still
 *                     |              |
 *              struct debug_port: monitor (UART1), stub (UART2)
 *
 * A port is data with a well-known name; door.c asks whichever are linked in. All callbacks run
 * with interrupts off, on the kernel stack, never inside each other but for stop and resume. */
#ifndef CAPSCOPE_MONITOR_DOOR_DOOR_H
#define CAPSCOPE_MONITOR_DOOR_DOOR_H

#include "kernel/armv6/trap.h"
#include "kernel/debug.h"

enum debug_reason {
    STOP_CONDITION, /* an event matched; debug_control.stop_condition tells which condition */
    STOP_STEP,
    STOP_FINISH,
    STOP_HALT,       /* somebody asked */
    STOP_PROGRAM,    /* a program's debug system call */
    STOP_PANIC,      /* the kernel's own bug: nothing goes on from here */
    STOP_BREAKPOINT, /* the stub's own business: a breakpoint or step of user code */
};

struct debug_port {
    unsigned line; /* serial line whose bytes are this port's */
    void (*init)(void);
    /* A byte came. May call debug_request_halt(), debug_resume() and change debug_control. */
    void (*input)(uint8_t byte);
    /* Called at each tick and over and over while stopped: bounded background work. */
    void (*idle)(void);
    void (*stopped)(enum debug_reason reason, const char *sentence);
    void (*resumed)(void);
    /* An exception of the debugger's own ended one of the callbacks above half-way: `what` tells
     * which. Puts in order what it left and says so. */
    void (*failed)(const char *what);
    /* The stub's only: bytes and text of the monitor's line while that is lent. */
    void (*guest_input)(uint8_t byte);
    void (*guest_text)(char c);
};
/* Either may be absent from a build. */
extern const struct debug_port monitor_port __attribute__((weak));
extern const struct debug_port gdbstub_port __attribute__((weak));

extern kaddr_t debug_roots_at; /* struct kernel_roots, 0 until it is filled */

/* Stops the kernel here: tells the ports, executes debug_control.break_address once, and serves the
 * ports until one resumes or an outside debugger writes debug_control.release. Returns then; after
 * STOP_PANIC never. `sentence` may be NULL. */
void debug_stop(enum debug_reason reason, const char *sentence);
bool debug_is_stopped(void);
bool debug_has_panicked(void);
enum debug_reason debug_stop_reason(void); /* of the present stop */
const char *debug_stop_sentence(void);     /* NULL: there is none */

/* Calls work(); false if an exception of its own ended it (rescue.S). */
bool door_try(void (*work)(void));
/* From an exception: does a door_try() wait for it? Then it is given up. */
bool door_is_trying(void);
_Noreturn void door_give_up(const char *what);
/* Calls serve() on an empty stack; nothing goes back from there. */
_Noreturn void door_anew(void (*serve)(void));

/* The kernel's own registers at the present stop, as debug_stop() goes on with them. */
extern struct trap_frame debug_context;

/* Is it the debugger's code that executes: callbacks of ports, the output of a command? Breakpoints
 * that it meets there are not for anybody to stop at. */
bool debug_is_busy(void);

/* From a port's callback: stop as soon as the callback is over; leave the present stop, if it is
 * one that can be left; take back that wish. */
void debug_request_halt(void);
void debug_resume(void);
void debug_stay(void);
/* One of the two has been asked for and not yet happened: a port leaves further input for later. */
bool debug_will_change(void);

/* The monitor lends its line to the stub, for a gdb that has no other, until the stub gives it
 * back. Meanwhile the monitor passes on what comes and what is printed. */
bool debug_line_lend(void); /* false: no stub is linked in */
void debug_line_return(void);
bool debug_line_is_lent(void);

/* Trace on or off; on makes the digest anew by walking. Brings a change of debug_control that was
 * made behind the door's back into effect as well. */
void debug_set_trace(bool on);
void debug_control_changed(void);

/* Does this kind of event end a step, given the revoke under way? */
bool debug_counts_as_step(enum event_kind kind);

/* Ticks of the kernel's timer, also while the kernel stands; then some may be missed that pass
 * unasked where a program drives the timer of board_clock(). The kernel's own no program can touch. */
enum { DEBUG_TICKS_A_SECOND = 500 };
word_t debug_ticks(void);

/* The ring entry with this sequence number, or NULL when it was overwritten or never written. */
const struct event *debug_ring_entry(word_t seq);

#endif
