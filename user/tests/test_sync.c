/* Notifications and exclusive stores as the building blocks of synchronisation. */
#include "user/tests/tests.h"

enum { WORKERS = 6, TURNS = 200 };

static cptr_t lock_bell, full_bell, empty_bell;
static volatile word_t inside, worst, total;

static void lock(void)
{
    notification_wait(lock_bell);
}

static void unlock(void)
{
    notification_signal(lock_bell);
}

/* A notification that holds one signal is a lock. */
static word_t enter_often(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    for (word_t i = 0; i < TURNS; i++) {
        lock();
        if (++inside > worst)
            worst = inside;
        word_t seen = total;
        user_yield();
        total = seen + 1;
        inside--;
        unlock();
    }
    return 0;
}

static void locking(bool equal)
{
    struct thread *t[WORKERS];
    inside = worst = total = 0;
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    lock_bell = cap_mint(bell, RIGHT_ALL, 1);
    unlock();
    for (word_t i = 0; i < WORKERS; i++)
        t[i] = thread_run(equal ? 100 : 100 + i, enter_often, 0, 0);
    for (word_t i = 0; i < WORKERS; i++)
        thread_join(t[i]);
    check_equal(total, WORKERS * TURNS);
    check_equal(worst, 1);
}

static void lock_equal(void)
{
    locking(true);
}

static void lock_priorities(void)
{
    locking(false);
}

/* ---- a bounded buffer of one word ---- */

static volatile word_t slot_word;

static word_t produce(word_t count, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    for (word_t i = 1; i <= count; i++) {
        notification_wait(empty_bell);
        slot_word = i;
        notification_signal(full_bell);
    }
    return count;
}

static word_t consume(word_t count, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    word_t wrong = 0;
    for (word_t i = 1; i <= count; i++) {
        notification_wait(full_bell);
        wrong += slot_word != i;
        notification_signal(empty_bell);
    }
    return wrong;
}

static void bounded_buffer(void)
{
    static const word_t priorities[][2] = {{100, 100}, {100, 101}, {101, 100}};
    for (word_t i = 0; i < 3; i++) {
        cptr_t a = object_new(OBJECT_NOTIFICATION, 0), b = object_new(OBJECT_NOTIFICATION, 0);
        full_bell = cap_mint(a, RIGHT_ALL, 1);
        empty_bell = cap_mint(b, RIGHT_ALL, 1);
        notification_signal(empty_bell);
        struct thread *p = thread_run(priorities[i][0], produce, TURNS, 0);
        struct thread *c = thread_run(priorities[i][1], consume, TURNS, 0);
        check_equal(thread_join(c), 0);
        check_equal(thread_join(p), TURNS);
    }
}

/* Each waiter is woken by one signal; waiters that stand in line take turns. */
static word_t wait_turns(word_t bell, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    for (word_t i = 0; i < TURNS; i++) {
        notification_wait(bell);
        total++;
    }
    return 0;
}

static void broadcast(void)
{
    struct thread *t[WORKERS];
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    total = 0;
    for (word_t i = 0; i < WORKERS; i++)
        t[i] = thread_run(100, wait_turns, bell, 0);
    thread_let_run();
    for (word_t i = 0; i < TURNS; i++) {
        for (word_t w = 0; w < WORKERS; w++)
            notification_signal(bell);
        check_equal(total, i * WORKERS); /* the waiters are lower */
        thread_let_run();
        check_equal(total, (i + 1) * WORKERS);
    }
    for (word_t i = 0; i < WORKERS; i++)
        thread_join(t[i]);
}

/* ---- exclusive stores under preemption ---- */

static volatile word_t exclusive_sum;

static word_t add_often(word_t count, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    for (word_t i = 0; i < count; i++)
        exclusive_add(&exclusive_sum, 1);
    return 0;
}

static void exclusive_adds(void)
{
    enum { ADDS = 100000, ADDERS = 4 };
    struct thread *t[ADDERS];
    exclusive_sum = 0;
    for (word_t i = 0; i < ADDERS; i++)
        t[i] = thread_run(100, add_often, ADDS, 0);
    for (word_t i = 0; i < ADDERS; i++)
        thread_join(t[i]);
    check_equal(exclusive_sum, ADDERS * ADDS);
}

const struct test sync_tests[] = {
    {"SYNC001 a notification is a lock for equal threads", lock_equal},
    {"SYNC002 a notification is a lock for threads of different priorities", lock_priorities},
    {"SYNC003 two notifications make a buffer of one word", bounded_buffer},
    {"SYNC004 each signal wakes one waiter", broadcast},
    {"SYNC005 exclusive adds of preempted threads lose nothing", exclusive_adds},
    {0},
};
