/* Register patterns (sim_regs.h). */
#include "tests/sim/sim_regs.h"

#include <string.h>

enum { SIM_CPSR = 0xa0000050 };

void sim_fill_registers(struct tcb *t, word_t seed)
{
    for (word_t r = 0; r < REG_COUNT; r++)
        if (r != REG_PC && r != REG_FAULT_IP && r != REG_CPSR)
            t->regs[r] = seed + 0x01010101u * (r + 1);
    t->regs[REG_CPSR] = (word_t)SIM_CPSR;
}

void sim_expect_kept(const struct tcb *t, const word_t before[REG_COUNT], word_t may_change)
{
    for (word_t r = 0; r < REG_COUNT; r++)
        if (!(may_change & SIM_R(r)) && t->regs[r] != before[r])
            fail_msg("register %u was 0x%08x and is 0x%08x", r, before[r], t->regs[r]);
}

void sim_svc_keeps(word_t number, word_t r0, word_t r1, word_t may_change)
{
    struct tcb *t = current_thread();
    word_t before[REG_COUNT];
    sim_fill_registers(t, number * 0x11u);
    t->regs[REG_R0] = r0;
    t->regs[REG_R1] = r1;
    t->regs[REG_R7] = number;
    memcpy(before, t->regs, sizeof(before));
    sim_syscall(number, before);
    sim_expect_kept(t, before, may_change | SIM_R_FLOW);
}

void sim_expect_r0_r5(const struct tcb *t, const word_t expected[6])
{
    for (unsigned r = 0; r < 6; r++)
        if (t->regs[r] != expected[r])
            fail_msg("r%u: expected 0x%08x, got 0x%08x (all: %x %x %x %x %x %x)", r, expected[r],
                     t->regs[r], t->regs[0], t->regs[1], t->regs[2], t->regs[3], t->regs[4],
                     t->regs[5]);
}
