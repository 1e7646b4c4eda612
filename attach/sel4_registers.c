/* Saved registers of a mainline kernel: an array of words in the TCB, in an order of its own.
 *
 * The orders are those that the DWARF of debug kernels gives the registers' names; they are the
 * same in all releases and in kernels without DWARF. */
#include "attach/sel4_registers.h"

enum { SAVED = 36, GENERAL = 32, NOT = 0xff };

/* By GDB's number; the program counter is the kernel's business. */
static const struct {
    uint8_t count; /* of general registers */
    uint8_t pc;    /* GDB's number */
    uint8_t pc_word, status_word;
    uint8_t word[GENERAL];
} orders[SEL4_ARCHES] = {
    [SEL4_AARCH32] = {15, 15, 15, 16, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}},
    [SEL4_AARCH64] = {32, 32, 32, 33, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31}},
    /* x0 is nowhere, and 0; ra sp gp tp t0-t2 s0 s1 a0-a7 s2-s11 t3-t6 */
    [SEL4_RISCV64] = {32, 32, 34, NOT, {NOT, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                        10,  11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                        21,  22, 23, 24, 25, 26, 27, 28, 29, 30}},
    /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 */
    [SEL4_X86_64] = {16, 16, 14, NOT, {2, 3, 19, 8, 1, 0, 4, 16, 10, 11, 9, 18, 5, 6, 7, 12}},
};

static uint64_t tcb_pointer(const struct sel4_kernel *k, uint64_t physical)
{
    return physical + k->memory.offset + ((uint64_t)1 << (k->layout.tcb_bits - 1));
}

static void put(struct walker_registers *out, uint32_t number, uint64_t value)
{
    out->value[number] = value;
    out->known |= (uint64_t)1 << number;
}

enum error sel4_registers(struct sel4_side *s, const struct record_thread *t,
                          struct walker_registers *out)
{
    const struct sel4_layout *l = &s->kernel.layout;
    enum sel4_arch arch = l->options.arch;
    uint64_t words[SAVED];
    uint64_t first = tcb_pointer(&s->kernel, t->addr) + l->pc - orders[arch].pc_word * l->word;
    *out = (struct walker_registers){0};
    enum error e = sel4_memory_words(&s->kernel.memory, first, words, SAVED);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < orders[arch].count; i++)
        put(out, i, orders[arch].word[i] == NOT ? 0 : words[orders[arch].word[i]]);
    put(out, orders[arch].pc, t->pc);
    out->count = orders[arch].pc + 2u;
    if (orders[arch].status_word != NOT)
        put(out, out->count - 1, words[orders[arch].status_word]);
    return ERR_OK;
}
