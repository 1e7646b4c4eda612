/* The user helpers: code at the end of the vectors' page, for address spaces that ask for it when
 * they get their ASID, and for nobody else (docs/kernel-api.md). */
#include "user/tests/tests.h"

enum {
    HELPER_CMPXCHG64 = 0xffff0f60,
    HELPER_BARRIER = 0xffff0fa0,
    HELPER_CMPXCHG = 0xffff0fc0,
    HELPER_GET_TLS = 0xffff0fe0,
    HELPER_VERSION = 0xffff0ffc,
};

static struct thread *process_with_helpers(void)
{
    process_helpers = true;
    struct thread *t = process_new(200);
    process_helpers = false;
    return t;
}

static word_t call_get_tls(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return ((word_t(*)(void))HELPER_GET_TLS)();
}

/* Bit 0: it stored; bit 1: the carry flag says so too; bit 2: the place holds what it should. */
static word_t call_cmpxchg(word_t old, word_t there, word_t new, word_t d)
{
    volatile word_t place = there;
    register word_t r0 __asm__("r0") = old;
    register word_t r1 __asm__("r1") = new;
    register volatile word_t *r2 __asm__("r2") = &place;
    register word_t carry __asm__("r4") = 0;
    (void)d;
    __asm__ volatile("mov lr, pc\n bx %4\n adc %0, %0, #0"
                     : "+r"(carry), "+r"(r0), "+r"(r1), "+r"(r2)
                     : "r"(HELPER_CMPXCHG)
                     : "r3", "ip", "lr", "cc", "memory");
    return (word_t)(r0 == 0) | carry << 1 | (word_t)(place == (old == there ? new : there)) << 2;
}

static word_t call_cmpxchg64(word_t old, word_t there, word_t new, word_t d)
{
    volatile uint64_t place = (uint64_t)there << 32 | 7;
    const uint64_t from = (uint64_t)old << 32 | 7, to = (uint64_t) new << 32 | 9;
    word_t (*helper)(const uint64_t *, const uint64_t *, volatile uint64_t *) =
        (word_t(*)(const uint64_t *, const uint64_t *, volatile uint64_t *))HELPER_CMPXCHG64;
    (void)d;
    word_t r0 = helper(&from, &to, &place);
    return (word_t)(r0 == 0) | (word_t)(place == (old == there ? to : ((uint64_t)there << 32 | 7)))
                                   << 2;
}

static word_t call_barrier(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    ((void (*)(void))HELPER_BARRIER)();
    return *(volatile word_t *)HELPER_VERSION;
}

static word_t result(struct thread *t, thread_function f, word_t a, word_t b, word_t c)
{
    thread_start(t, f, a, b, c, 0);
    return thread_join(t);
}

static void helpers_work(void)
{
    struct thread *t = process_with_helpers();
    check_equal(result(t, call_get_tls, 0, 0, 0), (word_t)t->buffer);
    check_equal(result(t, call_cmpxchg, 5, 5, 6), 7);
    check_equal(result(t, call_cmpxchg, 5, 4, 6), 4);
    check_equal(result(t, call_cmpxchg64, 5, 5, 6), 5);
    check_equal(result(t, call_cmpxchg64, 5, 4, 6), 4);
    check_equal(result(t, call_barrier, 0, 0, 0), 5);
}

static word_t load(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return *(volatile word_t *)address;
}

static word_t store(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    *(volatile word_t *)address = 0;
    return 0;
}

static void faults(struct thread *t, thread_function f, word_t address)
{
    thread_start(t, f, address, 0, 0, 0);
    check(thread_joined_faulty(t));
    check_equal(msginfo_label(t->fault.tag), FAULT_VM);
    check_equal(t->fault.mr[1], address);
}

/* One space sees them, the next does not, in turn: no translation of one serves the other. */
static void only_who_asked(void)
{
    struct thread *with = process_with_helpers(), *without = process_new(200);
    for (word_t i = 0; i < 3; i++) {
        check_equal(result(with, call_barrier, 0, 0, 0), 5);
        faults(without, load, HELPER_VERSION);
        faults(without, call_get_tls, HELPER_GET_TLS);
    }
    faults(with, store, HELPER_VERSION);
}

static enum syscall_error assign(word_t words, word_t word, cptr_t pd)
{
    user_ipc_buffer()[IPCBUF_CAPS] = pd;
    struct ipc_regs r = ipc_call(INIT_ASID_POOL, msginfo_make(INV_ASID_POOL_ASSIGN, 0, 1, words),
                                 (const word_t[4]){word, word, word, word});
    return (enum syscall_error)msginfo_label(r.tag);
}

/* What else the message holds is nothing to the call, as ever. */
static void other_words_are_ignored(void)
{
    must_succeed(assign(0, ASSIGN_WITH_USER_HELPERS, object_new(OBJECT_PAGE_DIRECTORY, 0)));
    must_succeed(assign(4, ASSIGN_WITH_USER_HELPERS, object_new(OBJECT_PAGE_DIRECTORY, 0)));
    must_succeed(assign(1, 1, object_new(OBJECT_PAGE_DIRECTORY, 0)));
}

const struct test helpers_tests[] = {
    {"HELPERS0001 user helpers do what ARM Linux says of them", helpers_work},
    {"HELPERS0002 only a space that asked sees them, and only to read", only_who_asked},
    {"HELPERS0003 other words of ASIDPool_Assign are ignored", other_words_are_ignored},
    {0},
};
