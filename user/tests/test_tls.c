/* The TLS base: word 0 of the globals frame follows the running thread (ABI sheet 7.3). */
#include "user/tests/tests.h"

static word_t tls_word(void)
{
    return *(volatile word_t *)GLOBALS_FRAME;
}

static void set_tls(word_t value)
{
    user_set_ipc_buffer((void *)value);
}

/* Returns the word it starts with; its own buffer is needed to report. */
static word_t read_tls(word_t buffer, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    word_t seen = tls_word();
    set_tls(buffer);
    return seen;
}

static void set_by_tcb(void)
{
    for (word_t process = 0; process < 2; process++) {
        struct thread *t = thread_of_kind(process, 200);
        for (word_t i = 0; i < 3; i++) {
            must_succeed(tcb_set_tls_base(t->tcb, 0x7150000 + i));
            thread_start(t, read_tls, (word_t)t->buffer, 0, 0, 0);
            check_equal(thread_join(t), 0x7150000 + i);
        }
    }
    struct invocation v = {object_new(OBJECT_TCB, 0), INV_TCB_SET_TLS_BASE, 0, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
}

static word_t set_and_read(word_t buffer, word_t value, word_t rounds, word_t yields)
{
    word_t wrong = 0;
    set_tls(value);
    for (word_t i = 0; i < rounds; i++) {
        wrong += tls_word() != value;
        if (yields)
            user_yield();
    }
    set_tls(buffer);
    return wrong;
}

static void set_by_self(void)
{
    word_t own = tls_word();
    check_equal(set_and_read(own, 0xdeadbee0, 3, 0), 0);
    check_equal(tls_word(), own);
}

static void follows_threads(word_t rounds, word_t yields)
{
    enum { THREADS = 4 };
    struct thread *t[THREADS];
    for (word_t i = 0; i < THREADS; i++) {
        t[i] = thread_of_kind(i == 3, 100);
        thread_start(t[i], set_and_read, (word_t)t[i]->buffer, 0x1000 * (i + 1), rounds, yields);
    }
    for (word_t i = 0; i < THREADS; i++)
        check_equal(thread_join(t[i]), 0);
}

static void follows_yields(void)
{
    follows_threads(200, 1);
}

static void follows_preemption(void)
{
    follows_threads(300000, 0);
}

static word_t read_only_register(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    word_t v;
    __asm__ volatile("mrc p15, 0, %0, c13, c0, 3" : "=r"(v));
    return v;
}

/* The other thread register: set by WriteRegisters, read by the thread through CP15. */
static void read_only_word(void)
{
    struct thread *t[2];
    for (word_t i = 0; i < 2; i++) {
        t[i] = thread_new(200);
        word_t c[CONTEXT_WORDS] = {0};
        c[CONTEXT_TPIDRURW] = (word_t)t[i]->buffer;
        c[CONTEXT_TPIDRURO] = 0xabc0 + i;
        must_succeed(tcb_write_registers(t[i]->tcb, false, CONTEXT_WORDS, c));
    }
    for (word_t i = 0; i < 2; i++) {
        thread_start(t[i], read_only_register, 0, 0, 0, 0);
        check_equal(thread_join(t[i]), 0xabc0 + i);
        word_t c[CONTEXT_WORDS] = {0};
        must_succeed(tcb_read_registers(t[i]->tcb, false, CONTEXT_WORDS, c));
        check_equal(c[CONTEXT_TPIDRURO], 0xabc0 + i);
        check_equal(c[CONTEXT_TPIDRURW], (word_t)t[i]->buffer);
    }
    check_equal(read_only_register(0, 0, 0, 0), 0);
}

const struct test tls_tests[] = {
    {"TLS0001 TCB_SetTLSBase is seen by the thread it sets", set_by_tcb},
    {"TLS0002 SetTLSBase is seen at once by the caller", set_by_self},
    {"TLS0006 each thread sees its own base across yields", follows_yields},
    {"TLS0007 each thread sees its own base across preemption", follows_preemption},
    {"TLS0008 the read-only thread register is each thread's own", read_only_word},
    {0},
};
