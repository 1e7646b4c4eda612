/* Runs all tests and prints the results as TAP. */
#include "user/tests/tests.h"

enum { WATCHDOG_SECONDS = 30 };

static const struct test *const files[] = {
#define X(name) name##_tests,
    TEST_FILES(X)
#undef X
};

static cptr_t supervisor; /* endpoint where runners report */

static word_t run(word_t test, word_t unused_b, word_t unused_c, word_t unused_d)
{
    (void)unused_b, (void)unused_c, (void)unused_d;
    ((const struct test *)test)->run();
    return 0;
}

static void supervise(const struct test *test)
{
    threads_open();
    struct thread *runner = runner_new(supervisor);
    watchdog_start(WATCHDOG_SECONDS);
    thread_start(runner, run, (word_t)test, 0, 0, 0);
    struct ipc_regs r = ipc_recv(supervisor);
    if (r.badge == WATCHDOG_BADGE) {
        word_t regs[CONTEXT_WORDS] = {0};
        tcb_read_registers(runner->tcb, true, CONTEXT_WORDS, regs);
        check_note("still running after %u s, at 0x%x called from 0x%x", WATCHDOG_SECONDS,
                   regs[CONTEXT_PC], regs[CONTEXT_R14]);
    } else if (msginfo_label(r.tag) != DONE_LABEL) {
        check_note("the test faulted: badge 0x%x tag 0x%x, 0x%x 0x%x 0x%x 0x%x", r.badge, r.tag,
                   r.mr[0], r.mr[1], r.mr[2], r.mr[3]);
    }
    watchdog_acknowledge();
    tcb_suspend(runner->tcb);
    gpt_stop();
    objects_release();
}

static void print_result(word_t number, const struct test *test)
{
    console_print("%sok %u - %s\n", check_failed() ? "not " : "", number, test->name);
    bool start = true;
    for (const char *p = check_text(); *p; p++) {
        console_print(start ? "# %c" : "%c", *p);
        start = *p == '\n';
    }
    if (check_failed())
        console_print("\n");
}

static word_t count_tests(void)
{
    word_t n = 0;
    for (word_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        for (const struct test *t = files[i]; t->name; t++)
            n++;
    return n;
}

void user_main(const struct bootinfo *info)
{
    objects_init(info);
    console_init();
    supervisor = object_new(OBJECT_ENDPOINT, 0);
    timer_init();
    objects_keep();
    console_pick();
    objects_release();
    console_print("1..%u\n", count_tests());
    word_t number = 0;
    for (word_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        for (const struct test *t = files[i]; t->name; t++) {
            check_reset();
            supervise(t);
            print_result(++number, t);
        }
    }
    console_print("# tests: done\n");
}
