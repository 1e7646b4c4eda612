/* Scheduling domains; this configuration has one (ABI sheet 3.6). */
#include "user/tests/tests.h"

static void in_range(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0);
    check_equal(domain_set(INIT_DOMAIN, CONFIG_DOMAINS - 1, tcb), SEL4_NO_ERROR);
    check_equal(domain_set(INIT_DOMAIN, 0, thread_self()->tcb), SEL4_NO_ERROR);
}

static void out_of_range(void)
{
    static const word_t domains[] = {CONFIG_DOMAINS, 16, 255, 256, 0xffffffff};
    cptr_t tcb = object_new(OBJECT_TCB, 0);
    for (word_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
        struct invocation v = {INIT_DOMAIN, INV_DOMAIN_SET_SET, 1, {domains[i]}, 1, {tcb}, 0, 0};
        check_equal(user_invoke(&v), SEL4_INVALID_ARGUMENT);
        check_equal(v.mr[0], 0);
    }
}

static void wrong_caps(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), tcb = object_new(OBJECT_TCB, 0);
    struct invocation v = {INIT_DOMAIN, INV_DOMAIN_SET_SET, 1, {0}, 1, {ep}, 0, 0};
    check_equal(user_invoke(&v), SEL4_INVALID_ARGUMENT);
    check_equal(v.mr[0], 1);
    check_equal(domain_set(tcb, 0, tcb), SEL4_ILLEGAL_OPERATION);
    check_equal(domain_set(INIT_CNODE, 0, tcb), SEL4_ILLEGAL_OPERATION);
    v = (struct invocation){INIT_DOMAIN, INV_DOMAIN_SET_SET, 0, {0}, 1, {tcb}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    v = (struct invocation){INIT_DOMAIN, INV_DOMAIN_SET_SET, 1, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    check_equal(domain_set(cap_copy(INIT_DOMAIN, 0), 0, tcb), SEL4_NO_ERROR);
}

static word_t twice(word_t a, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return 2 * a;
}

/* A thread that was set to its domain while it waits, runs on. */
static void thread_runs_on(void)
{
    struct thread *t = thread_new(200);
    check_equal(domain_set(INIT_DOMAIN, 0, t->tcb), SEL4_NO_ERROR);
    thread_start(t, twice, 21, 0, 0, 0);
    check_equal(domain_set(INIT_DOMAIN, 0, t->tcb), SEL4_NO_ERROR);
    check_equal(thread_join(t), 42);
}

const struct test domains_tests[] = {
    {"DOMAINS0001 a thread can be set to the last domain", in_range},
    {"DOMAINS0002 a domain out of range is an invalid argument", out_of_range},
    {"DOMAINS0003 wrong capabilities are refused", wrong_caps},
    {"DOMAINS0004 a ready thread set to its own domain runs on", thread_runs_on},
    {0},
};
