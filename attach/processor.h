/* What differs by processor for whoever debugs a machine through a GDB stub: registers and their
 * numbers in target.xml, where a stop finds the kernel at rest, breakpoints.
 *
 * A stub that does not say what it is counts as an ARM of 32 bits: the one in this kernel and every
 * stub without target.xml is. */
#ifndef CAPSCOPE_ATTACH_PROCESSOR_H
#define CAPSCOPE_ATTACH_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A register as `p` gives it; no bytes: the stub has none. */
struct processor_register {
    uint32_t number;
    uint32_t bytes;
};

struct processor {
    const char *architecture; /* in target.xml */
    struct processor_register pc;
    struct processor_register mode; /* tells user mode: */
    uint64_t mode_mask, mode_user;  /* (mode & mask) == user */
    /* Where exceptions enter the kernel, which has done nothing yet; end 0: not known. */
    uint64_t vectors, vectors_end;
    uint32_t code_bytes; /* the length that Z0 wants */
    uint32_t trap_bytes; /* of the instruction that calls the kernel */
    /* Calls by the C ABI, at a function's first instruction: words of arguments in registers, the
     * others on the stack behind `stack_gap` words; where it returns to, and with what. */
    struct {
        uint8_t words;
        uint8_t word[8];
        uint8_t sp;
        bool linked;  /* the return address is in a register, else it is on the stack */
        uint8_t link; /* that register */
        uint8_t result;
        uint8_t stack_gap;
    } call;
    /* `g` of stubs without `p`: its length, and where `mode` lies in it; the second with the
     * floating point registers that gdb once expected. 0: none. Of the first mode_at holds for
     * answers of any other length, too. */
    struct {
        uint32_t length, mode_at;
    } all[2];
};

/* By the text of target.xml, or of its beginning; never NULL. */
const struct processor *processor_of(const char *target_xml);

/* By its name in target.xml, for those who know it from elsewhere; NULL: none. */
const struct processor *processor_named(const char *architecture);

/* An ARM's system mode (ARM ARM, A2.2): in capscope's kernel its idle thread alone. */
enum { PROCESSOR_MODE_IDLE = 0x1f };

bool processor_is_user(const struct processor *p, uint64_t mode);
bool processor_is_at_vector(const struct processor *p, uint64_t pc);

#endif
