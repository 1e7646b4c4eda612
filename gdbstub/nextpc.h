/* Where an instruction leads: the board has no single step, so a step is a breakpoint at the next
 * address, which follows from registers, flags and memory as they are now.
 *
 * ARM and Thumb instructions of ARMv6 (ARM ARM A4 and A7). Pure: no kernel, no line. */
#ifndef CAPSCOPE_GDBSTUB_NEXTPC_H
#define CAPSCOPE_GDBSTUB_NEXTPC_H

#include "abi/types.h"

struct nextpc_state {
    word_t r[16]; /* r[15]: the instruction's own address */
    word_t cpsr;
    /* All `len` bytes, or false. */
    bool (*read)(void *ctx, uint32_t addr, void *buf, uint32_t len);
    void *ctx;
};

struct nextpc {
    uint32_t pc;
    bool thumb;
};

enum nextpc_result {
    NEXTPC_OK,
    NEXTPC_UNREADABLE, /* the instruction, or a word that it would load */
    NEXTPC_RETURNS,    /* it leaves an exception: where to is in registers that are not seen here */
};

/* *out is written on NEXTPC_OK only. A system call counts as an instruction that goes on behind
 * itself. */
enum nextpc_result nextpc_of(const struct nextpc_state *s, struct nextpc *out);

#endif
