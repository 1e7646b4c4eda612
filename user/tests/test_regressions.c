/* What kernels have got wrong: registers of new threads, the exclusive monitor, registers across
 * preemption, exceptions that are not faults of memory. */
#include "user/tests/tests.h"

static word_t user_cpsr(word_t flags)
{
    return flags | (console_is_debug() ? 0x50 : 0x150);
}

static void fill_context(word_t *c, const struct thread *t)
{
    for (word_t i = 0; i < CONTEXT_WORDS; i++)
        c[i] = 0x99000000 + i * 0x10101;
    c[CONTEXT_PC] = (word_t)registers_dump;
    c[CONTEXT_SP] = t->stack_top;
    c[CONTEXT_CPSR] = 0xffffffff; /* only the flags may count: no other mode, no Thumb */
    c[CONTEXT_TPIDRURW] = (word_t)t->buffer;
}

static void write_registers(void)
{
    static const uint8_t context_of[] = {
        CONTEXT_R0, CONTEXT_R1, CONTEXT_R2, CONTEXT_R3,  CONTEXT_R4,  CONTEXT_R5,  CONTEXT_R6,
        CONTEXT_R7, CONTEXT_R8, CONTEXT_R9, CONTEXT_R10, CONTEXT_R11, CONTEXT_R12, CONTEXT_R14};
    word_t c[CONTEXT_WORDS], back[CONTEXT_WORDS] = {0};
    struct thread *t = thread_new(200);
    fill_context(c, t);
    must_succeed(tcb_write_registers(t->tcb, false, CONTEXT_WORDS, c));
    must_succeed(tcb_read_registers(t->tcb, false, CONTEXT_WORDS, back));
    for (word_t i = 0; i < CONTEXT_WORDS; i++)
        check_equal(back[i], i == CONTEXT_CPSR ? user_cpsr(0xf8000000) : c[i]);
    must_succeed(tcb_resume(t->tcb));
    thread_join(t);
    for (word_t i = 0; i < sizeof(context_of); i++)
        if (registers_dumped[i] != c[context_of[i]])
            check_note("r%u is 0x%x, wanted 0x%x", i == 13 ? 14 : i, registers_dumped[i],
                       c[context_of[i]]);
    check_equal(registers_dumped[14] & 0xf80f03ff, user_cpsr(0xf8000000));
    check_equal(registers_dumped[15], t->stack_top);
}

/* Fewer registers than all leave the others alone. */
static void partial_registers(void)
{
    word_t c[CONTEXT_WORDS], back[CONTEXT_WORDS] = {0}, zero[CONTEXT_WORDS] = {0};
    struct thread *t = thread_new(200);
    fill_context(c, t);
    must_succeed(tcb_write_registers(t->tcb, false, CONTEXT_WORDS, c));
    must_succeed(tcb_write_registers(t->tcb, false, 10, zero));
    must_succeed(tcb_read_registers(t->tcb, false, CONTEXT_WORDS, back));
    for (word_t i = 0; i < CONTEXT_WORDS; i++)
        check_equal(back[i], i == CONTEXT_CPSR ? user_cpsr(0) : i < 10 ? 0 : c[i]);
    check_equal(tcb_read_registers(t->tcb, false, 0, back), SEL4_RANGE_ERROR);
    check_equal(tcb_read_registers(t->tcb, false, 20, back), SEL4_RANGE_ERROR);
    cptr_t own = thread_self()->tcb;
    check_equal(tcb_read_registers(own, false, 19, back), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_write_registers(own, false, 19, c), SEL4_ILLEGAL_OPERATION);
    struct invocation v = {t->tcb, INV_TCB_WRITE_REGISTERS, 5, {0, 4}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
}

static void copy_registers(void)
{
    enum { SUSPEND = 1, RESUME = 2, FRAME = 4, INTEGER = 8 };
    word_t c[CONTEXT_WORDS], back[CONTEXT_WORDS] = {0};
    struct thread *a = thread_new(200), *b = thread_new(200);
    fill_context(c, a);
    c[CONTEXT_TPIDRURW] = (word_t)b->buffer;
    must_succeed(tcb_write_registers(a->tcb, false, CONTEXT_WORDS, c));
    must_succeed(tcb_copy_registers(b->tcb, a->tcb, INTEGER));
    must_succeed(tcb_read_registers(b->tcb, false, CONTEXT_WORDS, back));
    for (word_t i = 0; i < CONTEXT_WORDS; i++)
        if (i != CONTEXT_CPSR)
            check_equal(back[i], i < 10 ? 0 : c[i]);
    must_succeed(tcb_copy_registers(b->tcb, a->tcb, FRAME | RESUME));
    thread_join(b);
    check_equal(registers_dumped[12], c[CONTEXT_R12]);
    check_equal(registers_dumped[6], c[CONTEXT_R6]);
    struct invocation v = {a->tcb, INV_TCB_COPY_REGISTERS, 1, {0}, 1, {INIT_CNODE}, 0, 0};
    check_equal(user_invoke(&v), SEL4_INVALID_CAPABILITY);
    check_equal(v.mr[0], 1);
}

/* ---- exclusive monitor ---- */

static volatile word_t shared_word, other_word;
static volatile bool stop;

static word_t yield_forever(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    while (!stop)
        user_yield();
    return 0;
}

static void exclusive_monitor(void)
{
    stop = false;
    struct thread *t = thread_run(TOP, yield_forever, 0, 0);
    for (word_t i = 0; i < 10; i++)
        check_equal(exclusive_across_yield(&shared_word), 1);
    stop = true;
    thread_join(t);
    check_equal(exclusive_add(&shared_word, 4), 4); /* undisturbed, it is stored */
}

/* ---- preemption ---- */

enum { COMPUTERS = 4, ROUNDS = 200000 };

/* Keeps a dozen words alive in registers for several time slices. */
static word_t compute(word_t seed, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    word_t v[10];
    for (word_t i = 0; i < 10; i++)
        v[i] = seed * (i + 3);
    for (word_t n = 0; n < ROUNDS; n++) {
        v[n % 2] += v[2] ^ n;
        v[2] = v[3] * 3 + v[4];
        v[3] ^= v[5] + (v[6] << 7 | v[6] >> 25);
        v[4] += v[7];
        v[5] = v[8] - v[9];
        v[6] += v[0];
        v[7] ^= v[1];
        v[8] += v[2] ^ v[3];
        v[9] += n;
    }
    word_t sum = 0;
    for (word_t i = 0; i < 10; i++)
        sum = sum * 31 + v[i];
    return sum;
}

static void preempted_computations(void)
{
    struct thread *t[COMPUTERS];
    word_t wanted[COMPUTERS];
    for (word_t i = 0; i < COMPUTERS; i++)
        wanted[i] = compute(i + 1, 0, 0, 0);
    for (word_t i = 0; i < COMPUTERS; i++)
        t[i] = thread_run(100, compute, i + 1, 0);
    for (word_t i = 0; i < COMPUTERS; i++)
        check_equal(thread_join(t[i]), wanted[i]);
}

/* ---- other exceptions ---- */

static word_t vfp(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    __asm__ volatile(".word 0xee000a10"); /* fmsr s0, r0 */
    return 0;
}

static word_t breakpoint(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    __asm__ volatile(".word 0xe1200070"); /* bkpt */
    return 0;
}

static word_t misaligned(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    word_t x, y;
    __asm__ volatile("ldm %2, {r4, r5}\n\tmov %0, r4\n\tmov %1, r5"
                     : "=r"(x), "=r"(y)
                     : "r"(address)
                     : "r4", "r5");
    return x + y;
}

static word_t privileged(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    word_t v;
    __asm__ volatile("mrc p15, 0, %0, c2, c0, 0" : "=r"(v)); /* TTBR0 */
    return v;
}

static struct thread *faulted(thread_function f, word_t argument, word_t label)
{
    struct thread *t = thread_run(200, f, argument, 0);
    if (check(thread_joined_faulty(t)))
        check_equal(msginfo_label(t->fault.tag), label);
    return t;
}

static void exceptions(void)
{
    faulted(vfp, 0, FAULT_USER_EXCEPTION);
    faulted(privileged, 0, FAULT_USER_EXCEPTION);
    struct thread *t = faulted(breakpoint, 0, FAULT_VM);
    check_equal(t->fault.mr[2], 1);
    check_equal(t->fault.mr[3], 2);
    check_equal(t->fault.mr[0], t->fault.mr[1]);
    t = faulted(misaligned, (word_t)&shared_word + 2, FAULT_VM);
    check_equal(t->fault.mr[1], (word_t)&shared_word + 2);
    check_equal(t->fault.mr[2], 0);
    check_equal(t->fault.mr[3], 1);
}

/* Words may be loaded and stored at any address. */
static void unaligned_words(void)
{
    static volatile uint8_t bytes[16];
    for (word_t i = 0; i < 12; i++)
        bytes[i] = (uint8_t)i;
    for (word_t i = 0; i < 8; i++) {
        word_t v;
        __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(&bytes[i]) : "memory");
        check_equal(v, 0x03020100 + i * 0x01010101);
    }
}

static void system_mode_is_out_of_reach(void)
{
    word_t cpsr;
    __asm__ volatile("msr cpsr_c, %1\n\tmrs %0, cpsr" : "=r"(cpsr) : "r"(0xdf));
    check_equal(cpsr & 0xff, 0x50);
}

const struct test regressions_tests[] = {
    {"REGRESSIONS0001 WriteRegisters sets every register and only the flags of CPSR",
     write_registers},
    {"REGRESSIONS0002 a switch of threads clears the exclusive monitor", exclusive_monitor},
    {"REGRESSIONS0003 fewer registers leave the others alone, limits are told", partial_registers},
    {"REGRESSIONS0004 CopyRegisters copies each half and resumes", copy_registers},
    {"REGRESSIONS0005 what is not the user's is an exception or a fault", exceptions},
    {"REGRESSIONS0006 words may be loaded at any address", unaligned_words},
    {"REGRESSIONS0007 user code cannot leave its mode or mask interrupts",
     system_mode_is_out_of_reach},
    {"FPU0001 registers of four computing threads survive preemption", preempted_computations},
    {0},
};
