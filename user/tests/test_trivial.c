/* The harness itself: a test runs, memory is handed out zeroed and comes back, and a helper's
 * failure is seen. */
#include "user/tests/tests.h"

static word_t add(word_t a, word_t b, word_t c, word_t d)
{
    return a + b + c + d;
}

static void memory(void)
{
    cptr_t frame = map_new(OBJECT_FRAME_4K, AREA);
    volatile word_t *page = (volatile word_t *)AREA;
    word_t sum = 0;
    for (word_t i = 0; i < 1024; i++)
        sum |= page[i];
    check_equal(sum, 0);
    page[1023] = 7;
    check_equal(page[1023], 7);
    check_equal(page_unmap(frame), SEL4_NO_ERROR);
    check_equal(cap_delete(frame), SEL4_NO_ERROR);
    check(slot_empty(frame));
}

static void threads_and_processes(void)
{
    for (word_t process = 0; process < 2; process++) {
        struct thread *t = thread_of_kind(process, 200);
        thread_start(t, add, 1, 2, 3, 4);
        check_equal(thread_join(t), 10);
        thread_start(t, add, 10, 20, 30, 40);
        check_equal(thread_join(t), 100);
    }
}

static word_t fault(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return *(volatile word_t *)address;
}

static void fault_is_reported(void)
{
    struct thread *t = thread_run(200, fault, 0xdead0000, 0);
    check(thread_joined_faulty(t));
    check_equal(t->fault.mr[1], 0xdead0000);
}

const struct test trivial_tests[] = {
    {"TRIVIAL0001 frames can be made, mapped, written, unmapped and deleted", memory},
    {"TRIVIAL0002 threads and processes run and report", threads_and_processes},
    {"TRIVIAL0003 a helper's fault is reported to the test", fault_is_reported},
    {0},
};
