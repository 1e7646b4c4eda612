/* What a program and the monitor say to each other in frames: commands with a number each, answers
 * that name it, and the state of the machine.  docs/wire-format.md has every byte.
 *
 *   host                                  kernel
 *   COMMAND id, line         ->
 *                            <-           ANSWER id                  it begins
 *                            <-           SNAPSHOT frames            if that is what was asked for
 *                            <-           ANSWER id, records ...
 *                            <-           STATE
 *                            <-           ANSWER id, END             it is done
 *   CANCEL id                ->                                      it need not be
 *
 * The kernel sends a STATE by itself whenever it stops or goes on while a program is at the other
 * end. An answer that comes late names a command that nobody waits for any more, and is dropped. */
#ifndef CAPSCOPE_WIRE_MACHINE_H
#define CAPSCOPE_WIRE_MACHINE_H

#include "wire/frame.h"

enum {
    MACHINE_ID_BYTES = 4,
    MACHINE_LINE_MAX = 120, /* characters of a command */
    MACHINE_STATE_BYTES = 24,
    MACHINE_SENTENCE_MAX = 480,
};

enum machine_flags {
    MACHINE_STOPPED = 1,
    MACHINE_PANICKED = 2, /* it will not go on */
    MACHINE_LEASED = 4,   /* the stop ends when the line is silent */
    MACHINE_TRACE = 8,
    MACHINE_LIVE = 16,
};

/* Why it stands. The numbers are the wire's own. */
enum machine_reason {
    MACHINE_RUNS = 0,
    MACHINE_CONDITION = 1,
    MACHINE_STEP = 2,
    MACHINE_FINISH = 3,
    MACHINE_HALT = 4,
    MACHINE_PROGRAM = 5,
    MACHINE_PANIC = 6,
    MACHINE_BREAKPOINT = 7,
};

/* Addresses are physical. */
struct machine_state {
    uint32_t flags;     /* bits of enum machine_flags */
    uint32_t reason;    /* enum machine_reason */
    uint32_t condition; /* number of the condition that matched, from 1; 0: none */
    uint32_t armed;     /* bit n - 1: condition n is armed */
    uint32_t lease;     /* seconds, with MACHINE_LEASED */
    uint32_t events;    /* number of the last event so far */
    uint32_t thread;    /* current TCB */
    uint32_t event;     /* number of the event at which it stands, 0: none */
    uint32_t slot;      /* that event's */
};

/* Writes MACHINE_STATE_BYTES; behind them the payload of a STATE is a sentence. */
void machine_state_put(const struct machine_state *s, uint8_t *payload);
/* False: too short, or of a later version. */
bool machine_state_get(const uint8_t *payload, uint32_t len, struct machine_state *out);

#endif
