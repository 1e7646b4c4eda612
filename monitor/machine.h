/* The program at the other end of the serial line: its commands, which come in frames
 * (wire/machine.h), and what it is told of stops.
 *
 * While a program is there the monitor shows no prompt, echoes nothing and says no sentence of its
 * own, so text on the line is what programs print.  A person who types brings all that back. */
#ifndef CAPSCOPE_MONITOR_MACHINE_H
#define CAPSCOPE_MONITOR_MACHINE_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stdint.h>

void machine_init(void);
/* A byte of the line: true if it belongs to a frame; a command that it completes waits for
 * machine_serve(). */
bool machine_hear(uint8_t byte);
/* Executes the commands that wait, until one is to change whether the kernel stands. `interrupted`
 * is asked now and then whether the reader has had enough. */
void machine_serve(bool (*interrupted)(void));
/* Is the command that runs one that its program no longer waits for? True once. */
bool machine_cancelled(void);

/* Closes the answer under way, a program's with the state in it. */
void machine_ends(enum error result);

bool machine_is_there(void);
void machine_leaves(void); /* somebody types */
/* The kernel stands, or goes on: a STATE. */
void machine_tell_state(void);

#endif
