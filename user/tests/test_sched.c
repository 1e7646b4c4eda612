/* Scheduling: strict priorities, round robin among equals, who runs when somebody is woken (ABI
 * sheet 8.1, 8.2). */
#include "user/tests/tests.h"

enum { LOG_MAX = 512 };
static volatile word_t log_word[LOG_MAX], logged;

static void note(word_t value)
{
    if (logged < LOG_MAX)
        log_word[logged++] = value;
}

static word_t note_once(word_t value, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    note(value);
    return 0;
}

static void resume_self(void)
{
    check_equal(tcb_resume(thread_self()->tcb), SEL4_NO_ERROR);
}

/* ---- suspend and resume ---- */

static volatile word_t counter;
static volatile bool stop;

static word_t count(word_t yields, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    while (!stop) {
        counter++;
        if (yields)
            user_yield();
    }
    return 0;
}

static void suspend_resume(void)
{
    static const word_t priorities[] = {TOP, 200, 100};
    for (word_t i = 0; i < 3; i++) {
        stop = false;
        counter = 0;
        self_priority(priorities[i]);
        struct thread *t = thread_run(priorities[i], count, 1, 0);
        word_t seen = 0;
        for (word_t round = 0; round < 5; round++) {
            user_yield();
            check(counter > seen);
            check_equal(tcb_suspend(t->tcb), SEL4_NO_ERROR);
            seen = counter;
            user_yield();
            user_yield();
            check_equal(counter, seen);
            check_equal(tcb_suspend(t->tcb), SEL4_NO_ERROR); /* twice is once */
            check_equal(tcb_resume(t->tcb), SEL4_NO_ERROR);
        }
        stop = true;
        thread_join(t);
    }
    self_priority(TOP);
}

/* A thread that suspends itself and is resumed makes the call again (ABI sheet 8.2). */
static word_t suspend_self(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    counter++;
    tcb_suspend(thread_self()->tcb);
    counter++;
    return 0;
}

static void self_suspended(void)
{
    counter = 0;
    struct thread *t = thread_run(200, suspend_self, 0, 0);
    thread_let_run();
    check_equal(counter, 1);
    for (word_t i = 0; i < 3; i++) {
        must_succeed(tcb_resume(t->tcb));
        thread_let_run();
        check_equal(counter, 1);
    }
    word_t c[CONTEXT_WORDS];
    must_succeed(tcb_read_registers(t->tcb, false, CONTEXT_WORDS, c));
    c[CONTEXT_PC] += 4; /* past the svc */
    must_succeed(tcb_write_registers(t->tcb, true, CONTEXT_WORDS, c));
    thread_join(t);
    check_equal(counter, 2);
}

/* ---- priorities ---- */

static void every_priority(void)
{
    enum { THREADS = TOP };
    struct thread *t[THREADS];
    logged = 0;
    for (word_t i = 0; i < THREADS; i++) {
        word_t priority = i * 101 % THREADS;
        t[i] = thread_run(priority, note_once, priority, 0);
    }
    check_equal(logged, 0);
    self_priority(0);
    for (word_t i = 0; i < THREADS; i++)
        thread_join(t[i]);
    self_priority(TOP);
    check_equal(logged, THREADS);
    for (word_t i = 0; i < THREADS; i++)
        check_equal(log_word[i], THREADS - 1 - i);
}

static void raised_thread_runs_at_once(void)
{
    counter = 0;
    stop = false;
    logged = 0;
    self_priority(100);
    struct thread *t = thread_run(99, note_once, 1, 0);
    check_equal(logged, 0);
    must_succeed(tcb_set_priority(t->tcb, INIT_TCB, 100)); /* equal: not at once */
    check_equal(logged, 0);
    must_succeed(tcb_set_priority(t->tcb, INIT_TCB, 101));
    check_equal(logged, 1);
    thread_join(t);
    self_priority(TOP);
}

static void lowered_self_yields(void)
{
    logged = 0;
    self_priority(100);
    struct thread *t = thread_run(98, note_once, 1, 0);
    self_priority(99);
    check_equal(logged, 0);
    self_priority(98); /* the caller stays at the head of its new queue */
    check_equal(logged, 0);
    self_priority(97);
    check_equal(logged, 1);
    thread_join(t);
    self_priority(TOP);
}

static void lowered_other(void)
{
    logged = 0;
    struct thread *a = thread_run(150, note_once, 1, 0), *b = thread_run(140, note_once, 2, 0);
    must_succeed(tcb_set_priority(a->tcb, INIT_TCB, 130));
    thread_join(a);
    thread_join(b);
    check_equal(log_word[0], 2);
    check_equal(log_word[1], 1);
}

static void priority_limits(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), limited = object_new(OBJECT_TCB, 0);
    must_succeed(tcb_set_mcpriority(limited, INIT_TCB, 100));
    check_equal(tcb_set_priority(tcb, limited, 100), SEL4_NO_ERROR);
    struct invocation v = {tcb, INV_TCB_SET_PRIORITY, 1, {101}, 1, {limited}, 0, 0};
    check_equal(user_invoke(&v), SEL4_RANGE_ERROR);
    check_equal(v.mr[0], 0);
    check_equal(v.mr[1], 100);
    check_equal(tcb_set_mcpriority(tcb, limited, 101), SEL4_RANGE_ERROR);
    check_equal(tcb_set_sched_params(tcb, limited, 100, 101), SEL4_RANGE_ERROR);
    check_equal(tcb_set_sched_params(tcb, limited, 101, 100), SEL4_RANGE_ERROR);
    check_equal(tcb_set_sched_params(tcb, limited, 100, 100), SEL4_NO_ERROR);
    check_equal(tcb_set_priority(tcb, INIT_CNODE, 1), SEL4_INVALID_CAPABILITY);
    check_equal(tcb_set_priority(limited, tcb, 101), SEL4_RANGE_ERROR);
    must_succeed(tcb_set_mcpriority(limited, INIT_TCB, 0)); /* what was given before stays */
    check_equal(tcb_set_priority(tcb, tcb, 100), SEL4_NO_ERROR);
}

/* ---- wake-up order ---- */

static word_t send_value(word_t ep, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    ipc_send(ep, msginfo_make(0, 0, 0, 1), (const word_t[4]){value});
    note(value);
    return 0;
}

/* Senders are served in the order they came, whatever their priority. */
static void senders_are_first_come(void)
{
    static const word_t priorities[] = {100, 250, 10, 180, 180, 60};
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t[6];
    for (word_t i = 0; i < 6; i++) {
        t[i] = thread_run(priorities[i], send_value, ep, i);
        self_priority(5);
        self_priority(TOP);
    }
    logged = 0;
    for (word_t i = 0; i < 6; i++)
        check_equal(ipc_recv(ep).mr[0], i);
    for (word_t i = 0; i < 6; i++)
        thread_join(t[i]);
    static const word_t ran[] = {1, 4, 3, 0, 5, 2};
    check_equal(logged, 6);
    check_equal(log_word[0], ran[0]);
    check_equal(log_word[3], ran[3]);
    check_equal(log_word[4], ran[4]);
    check_equal(log_word[5], ran[5]);
}

static word_t wait_and_note(word_t bell, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    notification_wait(bell);
    note(value);
    return 0;
}

/* Waiters are woken in the order they came; those of higher priority run at once, equal and lower
 * ones when the waker blocks. */
static void wakers(void)
{
    static const word_t priorities[] = {90, 101, 100, 101};
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    struct thread *t[4];
    for (word_t i = 0; i < 4; i++) {
        t[i] = thread_run(priorities[i], wait_and_note, bell, i);
        self_priority(5);
        self_priority(TOP);
    }
    logged = 0;
    self_priority(100);
    notification_signal(bell);
    check_equal(logged, 0); /* lower */
    notification_signal(bell);
    check_equal(logged, 1); /* higher */
    notification_signal(bell);
    check_equal(logged, 1); /* equal */
    notification_signal(bell);
    check_equal(logged, 2);
    user_yield();
    check_equal(logged, 3);
    self_priority(80);
    check_equal(logged, 4);
    static const word_t ran[] = {1, 3, 2, 0};
    for (word_t i = 0; i < 4; i++) {
        thread_join(t[i]);
        check_equal(log_word[i], ran[i]);
    }
    self_priority(TOP);
}

/* When the waker itself blocks, whom it woke goes before threads of the same priority. */
static word_t echo(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    ipc_recv(ep);
    note(1);
    ipc_reply(0, (const word_t[4]){0});
    return 0;
}

static void called_thread_runs(word_t length)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *server = thread_run(100, echo, ep, 0);
    thread_let_run();
    struct thread *other[3];
    for (word_t i = 0; i < 3; i++)
        other[i] = thread_run(100, note_once, 10 + i, 0);
    self_priority(100);
    logged = 0;
    ipc_call(ep, msginfo_make(0, 0, 0, length), (const word_t[4]){0});
    check_equal(log_word[0], 1);
    thread_join(server);
    for (word_t i = 0; i < 3; i++)
        thread_join(other[i]);
    check_equal(logged, 4);
    self_priority(TOP);
}

static void called_thread_runs_short(void)
{
    called_thread_runs(0);
}

static void called_thread_runs_long(void)
{
    called_thread_runs(9);
}

/* A ready thread between caller and server goes before a server that is lower than the caller. */
static void call_to_lower(void)
{
    for (word_t length = 0; length <= 9; length += 3) {
        cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
        struct thread *server = thread_run(100, echo, ep, 0);
        thread_let_run();
        struct thread *middle = thread_run(150, note_once, 2, 0);
        self_priority(200);
        logged = 0;
        ipc_call(ep, msginfo_make(0, 0, 0, length), (const word_t[4]){0});
        self_priority(TOP);
        check_equal(logged, 2);
        check_equal(log_word[0], 2);
        check_equal(log_word[1], 1);
        thread_join(server);
        thread_join(middle);
    }
}

static word_t call_and_send(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    ipc_call(ep, 0, (const word_t[4]){0});
    note(1);
    ipc_send(ep, 0, (const word_t[4]){0});
    return 0;
}

/* The same when a server answers a lower caller and waits. */
static void reply_to_lower(void)
{
    for (word_t length = 0; length <= 9; length += 3) {
        cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
        struct thread *caller = thread_run(100, call_and_send, ep, 0);
        ipc_recv(ep);
        struct thread *middle = thread_run(150, note_once, 2, 0);
        self_priority(200);
        logged = 0;
        ipc_reply_recv(ep, msginfo_make(0, 0, 0, length), (const word_t[4]){0});
        self_priority(TOP);
        check_equal(logged, 2);
        check_equal(log_word[0], 2);
        check_equal(log_word[1], 1);
        thread_join(caller);
        thread_join(middle);
    }
}

/* ---- time ---- */

enum { SPINNERS = 4, ROUNDS = 8, SPIN_PRIORITY = 120 };
static volatile word_t last_spinner;
static volatile word_t switch_time[LOG_MAX];

static word_t spin(word_t me, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    while (!stop) {
        if (last_spinner != me) {
            last_spinner = me;
            switch_time[logged < LOG_MAX ? logged : 0] = gpt_now();
            note(me);
        }
    }
    return 0;
}

/* Does the log from `from` on hold each spinner once, in the order of the queue? */
static bool one_round(word_t from, word_t first)
{
    for (word_t i = 0; i < SPINNERS; i++)
        if (log_word[from + i] != (first + i) % SPINNERS)
            return false;
    return true;
}

/* A yielding thread comes back when each of its equals has run for one slice. */
static void yield_lets_all_run(void)
{
    struct thread *t[SPINNERS];
    stop = false;
    logged = 0;
    last_spinner = SPINNERS;
    self_priority(SPIN_PRIORITY);
    for (word_t i = 0; i < SPINNERS; i++)
        t[i] = thread_run(SPIN_PRIORITY, spin, i, 0);
    word_t good = 0;
    for (word_t round = 0; round < ROUNDS; round++) {
        word_t from = logged;
        user_yield();
        good += logged == from + SPINNERS && one_round(from, log_word[0]);
    }
    self_priority(TOP);
    stop = true;
    for (word_t i = 0; i < SPINNERS; i++)
        thread_join(t[i]);
    /* on a host that stalls the machine a slice may pass without an instruction */
    if (good < ROUNDS - 2)
        check_note("only %u of %u yields let every equal run once", good, ROUNDS);
}

/* Five ticks of 64/32768 s each. */
static void slices(void)
{
    enum { SWITCHES = 24, SLICE_US = 9766, SLACK_US = 500 };
    stop = false;
    logged = 0;
    last_spinner = 2;
    struct thread *a = thread_run(SPIN_PRIORITY, spin, 0, 0);
    struct thread *b = thread_run(SPIN_PRIORITY, spin, 1, 0);
    self_priority(SPIN_PRIORITY);
    while (logged < SWITCHES)
        user_yield();
    self_priority(TOP);
    stop = true;
    thread_join(a);
    thread_join(b);
    word_t good = 0;
    for (word_t i = 2; i + 1 < SWITCHES; i++) {
        check(log_word[i] != log_word[i - 1]);
        word_t us = switch_time[i + 1] - switch_time[i];
        good += us > SLICE_US - SLACK_US && us < SLICE_US + SLACK_US;
    }
    /* on a host that stalls the machine ticks get lost, and many slices are longer */
    word_t mean_us = (switch_time[SWITCHES - 1] - switch_time[2]) / (SWITCHES - 3);
    if (good < 4 || mean_us < SLICE_US - SLACK_US)
        check_note("a slice takes %u us, wanted %u", mean_us, SLICE_US);
}

/* A thread of lower priority never runs while one of higher priority can. */
static void lower_waits(void)
{
    stop = false;
    counter = 0;
    logged = 0;
    struct thread *low = thread_run(100, note_once, 1, 0), *high = thread_run(101, count, 0, 0);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(bell);
    gpt_periodic(10000);
    for (word_t i = 0; i < 10; i++) { /* a hundred milliseconds */
        notification_wait(bell);
        gpt_acknowledge();
        irq_handler_ack(handler);
    }
    gpt_stop();
    check(counter > 0);
    check_equal(logged, 0);
    stop = true;
    thread_join(high);
    thread_join(low);
    check_equal(logged, 1);
}

/* Deleting the running thread's last capability ends it; others run on. */
static word_t delete_self(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    counter = 1;
    cap_delete(thread_self()->tcb);
    counter = 2;
    return 0;
}

static void deleted_self(void)
{
    struct thread *t = thread_run(200, delete_self, 0, 0);
    thread_let_run();
    check_equal(counter, 1);
    /* an interrupt may have left the deletion to whoever deletes next */
    check_equal(cap_delete(t->tcb), SEL4_NO_ERROR);
    check(slot_empty(t->tcb));
    thread_let_run();
    check_equal(counter, 1);
}

const struct test sched_tests[] = {
    {"SCHED0000 a lower thread waits while a higher one runs, timer or not", lower_waits},
    {"SCHED0002 Resume on oneself is harmless", resume_self},
    {"SCHED0003 suspended threads stand still, at any priority", suspend_resume},
    {"SCHED0004 254 threads of as many priorities run in strict order", every_priority},
    {"SCHED0005 raising another thread's priority counts at once", raised_thread_runs_at_once},
    {"SCHED0006 senders are served first come, first served", senders_are_first_come},
    {"SCHED0007 who is woken by a signal runs by priority", wakers},
    {"SCHED0008 a called thread runs before its equals", called_thread_runs_short},
    {"SCHED0012 so does one called with a long message", called_thread_runs_long},
    {"SCHED0009 a thread that suspends itself stays suspended until moved on", self_suspended},
    {"SCHED0010 priorities are limited by the authority's MCP", priority_limits},
    {"SCHED0011 a thread that deletes itself stops", deleted_self},
    {"SCHED0013 a ready thread runs before a called server that is lower", call_to_lower},
    {"SCHED0014 a ready thread runs before an answered caller that is lower", reply_to_lower},
    {"SCHED0020 lowering the own priority counts at once", lowered_self_yields},
    {"SCHED0021 Yield lets each equal thread run one slice in turn", yield_lets_all_run},
    {"SCHED0022 two spinners alternate every five ticks", slices},
    {"SCHED0023 lowering a ready thread's priority reorders it", lowered_other},
    {0},
};
