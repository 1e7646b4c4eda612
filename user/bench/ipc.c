/* System calls between threads: IPC, faults, signals, scheduling. */
#include "user/bench/bench.h"

enum { TICK_SPIN = 120000, UNMAPPED = 0x0e000000, FAULTER_PRIORITY = PRIORITY - 1 };

static const word_t zeroes[MSG_REGISTERS];
static cptr_t notification, fault_endpoint;
static volatile bool faulting;

/* ---- Call and ReplyRecv ---- */

#define LENGTHS(X) X(0) X(4) X(5) X(20) X(120)

static void mark_call(word_t length)
{
    switch (length) {
#define X(n)                                                                                       \
    case n:                                                                                        \
        mark(CALL_##n);                                                                            \
        break;
        LENGTHS(X)
#undef X
    }
}

static void mark_reply_recv(word_t length)
{
    switch (length) {
#define X(n)                                                                                       \
    case n:                                                                                        \
        mark(REPLY_RECV_##n);                                                                      \
        break;
        LENGTHS(X)
#undef X
    }
}

/* Answers with as many words as it was sent. */
static void server(void)
{
    struct ipc_regs r = ipc_recv(endpoint);
    for (;;) {
        mark_reply_recv(msginfo_length(r.tag));
        r = ipc_reply_recv(endpoint, r.tag, r.mr);
    }
}

static void measure_call(word_t length)
{
    for (word_t i = 0; i < REPEATS; i++) {
        mark_call(length);
        ipc_call(endpoint, msginfo_make(0, 0, 0, length), zeroes);
    }
}

/* ---- one-way ---- */

static void sink(void)
{
    for (;;)
        ipc_recv(endpoint);
}

static void measure_send(void)
{
    for (word_t i = 0; i < REPEATS; i++) {
        mark(SEND);
        ipc_send(endpoint, msginfo_make(0, 0, 0, 0), zeroes);
    }
}

/* ---- faults ---- */

static void faulter(void)
{
    *(volatile word_t *)UNMAPPED;
}

/* Each reply lets the load fault again. */
static void measure_fault(void)
{
    struct ipc_regs r;
    start_thread(faulter, PRIORITY, fault_endpoint);
    r = ipc_recv(fault_endpoint);
    for (word_t i = 0; i < REPEATS; i++) {
        mark(FAULT);
        mark(FAULT_REPLY);
        r = ipc_reply_recv(fault_endpoint, msginfo_make(0, 0, 0, 0), r.mr);
    }
}

/* ---- signals ---- */

static void waiter(void)
{
    for (;;)
        notification_wait(notification);
}

static void measure_signal(void)
{
    for (word_t i = 0; i < REPEATS; i++) {
        mark(SIGNAL);
        notification_signal(notification);
        notification_poll(notification);
        mark(POLL);
        notification_poll(notification);
    }
    start_thread(waiter, PRIORITY + 1, 0);
    for (word_t i = 0; i < REPEATS; i++) {
        mark(SIGNAL_WAITER);
        notification_signal(notification);
    }
}

/* ---- alone ---- */

static void spin(void)
{
    for (word_t i = 0; i < TICK_SPIN; i++)
        __asm__ volatile("");
}

static void measure_alone(void)
{
    for (word_t i = 0; i < REPEATS; i++) {
        mark(NBSEND_NULL);
        ipc_nbsend(INIT_NULL, msginfo_make(0, 0, 0, 0), zeroes);
        mark(NBRECV);
        ipc_nbrecv(endpoint);
        mark(YIELD);
        user_yield();
    }
    for (word_t i = 0; i < REPEATS; i++) {
        mark(TICK);
        spin();
    }
}

void measure_ipc(void)
{
    cptr_t call_endpoint = endpoint;
    notification = new_object(OBJECT_NOTIFICATION, 0);
    fault_endpoint = new_object(OBJECT_ENDPOINT, 0);
    measure_alone();
    start_thread(server, PRIORITY, 0);
    user_yield();
    measure_call(0);
    measure_call(4);
    measure_call(5);
    measure_call(20);
    measure_call(120);
    measure_fault();
    measure_signal();
    endpoint = new_object(OBJECT_ENDPOINT, 0);
    start_thread(sink, PRIORITY + 1, 0);
    measure_send();
    endpoint = call_endpoint;
}
