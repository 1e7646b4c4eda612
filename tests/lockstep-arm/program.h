/* What the parts of the ARM program know of each other. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_PROGRAM_H
#define CAPSCOPE_LOCKSTEP_ARM_PROGRAM_H

#include "layout/types.h"

/* --- entry.S --- */
int semihosting(int operation, const void *argument);

/* --- program.c --- */
/* Ends the trial that runs, or the program when none does. */
_Noreturn void trial_failed(void);

/* --- libc.c --- */
extern uint8_t heap_start[]; /* lockstep.lds */
uint8_t *heap_end(void);     /* what lies behind was never used */
extern bool stderr_is_silent;

#endif
