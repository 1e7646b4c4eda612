/* One step of one thread: a breakpoint of the stub's own at the place where its instruction leads.
 *
 *   vCont;s      to the next instruction
 *   vCont;rA,B   on and on while the thread stands in [A, B)
 *
 * The machine goes on as a whole meanwhile.  A step that leaves the kernel ends at the first
 * instruction of the thread that goes on; a call into code that can have no breakpoint is stepped
 * over. */
#ifndef CAPSCOPE_GDBSTUB_STEP_H
#define CAPSCOPE_GDBSTUB_STEP_H

#include "layout/types.h"

/* Only while the kernel stands; [start, end) empty: one instruction.  False: nothing can be planted
 * where the thread would go next. */
bool step_begin(uint32_t thread, uint32_t start, uint32_t end);
/* The kernel stands, for whatever reason, or the session is over. */
void step_end(void);
bool step_is_on(void);

/* Notes the place of the step among those that are to be planted; false: no room. */
bool step_plant(void);
/* Where the stepping thread stands: a breakpoint there is not for it to meet. 0: nowhere. */
uint32_t step_from(void);

enum step_event {
    STEP_NOT_OURS, /* no place of a step */
    STEP_OVER,     /* the step has come to its end here */
    STEP_GOES_ON,  /* plant again, it is not over */
};
/* `thread` has met the planted instruction at `at`, which to it is `pc`; its registers can be read.
 */
enum step_event step_met(uint32_t thread, kaddr_t at, uint32_t pc);

/* Is another thread on its way past the place? It may have been kept from it, so at the next tick
 * the place is planted again. */
bool step_goes_round(void);
void step_goes_straight(void);

#endif
