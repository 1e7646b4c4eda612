/* What a program may rely on about its registers (ABI sheet 1.2): fill all of them with a pattern,
 * let a system call happen, see which ones changed. */
#ifndef CAPSCOPE_TESTS_SIM_REGS_H
#define CAPSCOPE_TESTS_SIM_REGS_H

#include "tests/sim/sim.h"

#define SIM_R(n) (1u << (n))
/* Registers that the program's own instructions change: pc, and where the svc was. */
#define SIM_R_FLOW (SIM_R(REG_PC) | SIM_R(REG_FAULT_IP))

/* A different value in each register but pc; CPSR is user mode with N and C set. */
void sim_fill_registers(struct tcb *t, word_t seed);
/* Fails when a register outside the set `may_change` differs from `before`. */
void sim_expect_kept(const struct tcb *t, const word_t before[REG_COUNT], word_t may_change);

/* Executes `svc` in the current thread with r0, r1 and r7 as given and patterns elsewhere, and
 * checks that nothing outside `may_change` is changed in that thread. MR0..MR3 keep their
 * pattern. */
void sim_svc_keeps(word_t number, word_t r0, word_t r1, word_t may_change);
/* r0..r5 of the thread, for comparing with the golden vectors of 12.1. */
void sim_expect_r0_r5(const struct tcb *t, const word_t expected[6]);

#endif
