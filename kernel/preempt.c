/* The preemption point of long operations.
 *
 * Work is counted in units of at most 250 instructions, so that a look at the interrupt controller,
 * which is a slow device read, happens at least every 2,000 instructions and not more often. */
#include "kernel/board.h"
#include "kernel/kernel.h"

bool preempt_point(word_t work)
{
    ks.work_units += work;
    if (ks.work_units < PREEMPT_UNITS)
        return false;
    ks.work_units = 0;
    return board_irq_pending() != BOARD_NO_IRQ;
}
