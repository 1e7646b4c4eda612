/* Time as programs see it: a timer driven at user level, against the watchdog's independent clock.
 */
#include "user/tests/tests.h"

static void monotonic(void)
{
    word_t start = gpt_now(), last = start;
    for (word_t i = 0; i < 1000; i++) {
        word_t now = gpt_now();
        check(now - start >= last - start);
        last = now;
    }
    check(last != start);
    gpt_stop();
}

/* Twenty periods of a millisecond take twenty milliseconds of the other clock, or more on a host
 * that stalls the machine. */
static void periodic(void)
{
    enum { PERIODS = 20, CLOCK_HZ = 32768 };
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    word_t start = watchdog_left();
    gpt_periodic(1000);
    for (word_t i = 0; i < PERIODS; i++) {
        check_equal(notification_wait(bell), 1);
        gpt_acknowledge();
        irq_handler_ack(handler);
    }
    gpt_stop();
    word_t elapsed_us = (start - watchdog_left()) * 1000 / (CLOCK_HZ / 1000);
    if (elapsed_us < 19000 || elapsed_us > 200000)
        check_note("20 periods of 1 ms took %u us", elapsed_us);
}

static volatile bool stop;
static volatile word_t spins;

static word_t spin(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    while (!stop)
        spins++;
    return 0;
}

/* An interrupt wakes its driver out of a computing thread of lower priority, every time. */
static void driver_preempts(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    stop = false;
    spins = 0;
    struct thread *t = thread_run(100, spin, 0, 0);
    gpt_periodic(1000);
    word_t seen = 0, progress = 0;
    for (word_t i = 0; i < 30; i++) {
        check_equal(notification_wait(bell), 1);
        gpt_acknowledge();
        irq_handler_ack(handler);
        progress += spins != seen;
        seen = spins;
    }
    gpt_stop();
    check(progress > 15);
    stop = true;
    thread_join(t);
}

const struct test timer_tests[] = {
    {"TIMER0001 time goes forward", monotonic},
    {"TIMER0002 a periodic timer keeps its period", periodic},
    {"TIMER0003 a driver wakes out of a computing thread at every interrupt", driver_preempts},
    {0},
};
