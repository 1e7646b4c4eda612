/* Why a thread does not run, why it faulted, why it is denied: a table of planted situations and
 * the sentence that must come, on states written by hand; the words of a 64-bit kernel with
 * scheduling contexts among them. */
#include "facts/leak.h"
#include "facts/retype.h"
#include "facts/why.h"
#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    THREADS = 3,
    TCB = 0x80100000,
    CNODE = 0x80200000,
    EP = 0x80300000,
    NTFN = 0x80300100,
    UNTYPED = 0x80400000,
    SC = 0x80500000,
    OBJECTS = 0x80600000,
    RADIX = 8,
};

/* Threads a, b, c, each with a CNode of 256 slots as its CSpace; thread i holds what its mask
 * says. */
struct world {
    uint32_t state[THREADS];
    uint32_t ep_rights[THREADS];   /* to the endpoint, in slot 1; 0: none */
    uint32_t ntfn_rights[THREADS]; /* to the notification, in slot 2 */
    bool blocked_on_ntfn[THREADS]; /* else on the endpoint */
    int32_t reply_to[THREADS];     /* 1 + thread to which it holds the reply, 0: none */
    uint32_t priority[THREADS];
    uint32_t domain[THREADS];
    uint32_t fault[THREADS];
    uint64_t fault_addr[THREADS];
    uint64_t handler[THREADS];
    uint64_t context[THREADS];
    uint32_t release[THREADS];
    uint32_t position; /* of thread a in its queue, 0: 1 */
    int32_t current;   /* thread, -1: idle */
    bool mcs, irq_signals, never_started;
    bool lent;         /* the scheduling contexts are bound to thread b */
    bool no_budget;    /* the scheduling contexts were never configured */
    bool resumed;      /* what runs begins its system call again */
    uint64_t lent_to;  /* 1 + thread that has the first context over the reply object of thread a */
    uint32_t kernel;   /* 0: this project's */
    bool receives;     /* thread a's capability fault came from receiving */
    uint32_t bound_to; /* 1 + thread to which the notification is bound */
    bool tcb_in_3;     /* slot 3 of thread a's CSpace leads to thread a */
};

static uint32_t addr_of(uint32_t base, uint32_t i, uint32_t size)
{
    return base + i * size;
}

static void slot(struct capstate *s, uint32_t addr, uint32_t type, uint32_t object, uint32_t bits,
                 uint32_t rights)
{
    state_slot(s, (struct record_slot){.addr = addr,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = rights,
                                       .flags = RECORD_SLOT_REVOCABLE});
}

static void put_thread_slots(struct capstate *s, const struct world *w, uint32_t i)
{
    uint32_t tcb = addr_of(TCB, i, 0x1000), cnode = addr_of(CNODE, i, 0x1000);
    slot(s, 0x80000000 + i * 0x40, RECORD_CAP_TCB, tcb, 9, 0);
    state_slot(s, (struct record_slot){.addr = tcb,
                                       .type = RECORD_CAP_CNODE,
                                       .object = cnode,
                                       .bits = RADIX + 4,
                                       .extra = 32 - RADIX,
                                       .flags = RECORD_SLOT_REVOCABLE});
    if (w->ep_rights[i])
        slot(s, cnode + 16, RECORD_CAP_ENDPOINT, EP, 4, w->ep_rights[i]);
    if (w->ntfn_rights[i])
        slot(s, cnode + 32, RECORD_CAP_NOTIFICATION, NTFN, 4, w->ntfn_rights[i]);
    if (i == 0 && w->tcb_in_3)
        slot(s, cnode + 48, RECORD_CAP_TCB, tcb, 9, 0);
    if (w->reply_to[i])
        state_slot(
            s, (struct record_slot){.addr = tcb + 16 * RECORD_TCB_CALLER,
                                    .type = RECORD_CAP_REPLY,
                                    .object = addr_of(TCB, (uint32_t)w->reply_to[i] - 1, 0x1000),
                                    .bits = 9});
}

static void put_thread(struct capstate *s, const struct world *w, uint32_t i)
{
    struct record r = {.kind = RECORD_THREAD};
    static const char names[] = "abc";
    bool queued = w->state[i] == RECORD_THREAD_BLOCKED_ON_SEND ||
                  w->state[i] == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
                  w->state[i] == RECORD_THREAD_BLOCKED_ON_NOTIFICATION;
    r.thread = (struct record_thread){
        .addr = addr_of(TCB, i, 0x1000),
        .name = {.length = 1, .bytes = {names[i]}},
        .state = w->resumed && w->state[i] == RECORD_THREAD_RUNNING ? RECORD_THREAD_RESTART
                                                                    : w->state[i],
        .priority = w->priority[i],
        .domain = w->domain[i],
        .current = w->current == (int32_t)i,
        .pc = w->never_started ? 0 : 0x10000,
        .sp = w->never_started ? 0 : 0x20000,
        .blocked_on = !queued                 ? 0
                      : w->blocked_on_ntfn[i] ? NTFN
                                              : EP,
        .position = !queued             ? 0
                    : i || !w->position ? i + 1
                                        : w->position,
        .fault = w->fault[i],
        .fault_addr = w->fault_addr[i],
        .fault_detail = i == 0 && w->receives,
        .fault_handler = w->handler[i],
        .bound = w->bound_to == i + 1 ? NTFN : 0,
        .sched_context = w->context[i],
        .release = w->release[i],
    };
    state_add(s, &r);
}

static void put_idle(struct capstate *s, const struct world *w)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread = (struct record_thread){.addr = 0x80010000,
                                      .state = RECORD_THREAD_IDLE,
                                      .idle = 1,
                                      .current = w->current < 0,
                                      .name = {.length = 0}};
    state_add(s, &r);
}

static void put_contexts(struct capstate *s, const struct world *w)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        struct record r = {.kind = RECORD_SCHED_CONTEXT};
        if (!w->context[i])
            continue;
        r.sched_context =
            (struct record_sched_context){.addr = w->context[i],
                                          .bits = 8,
                                          .budget = 500,
                                          .head_time = 12345 - (w->current == (int32_t)i) * 1000,
                                          .refill_max = w->no_budget ? 0 : 2,
                                          .thread = addr_of(TCB, w->lent ? 1 : i, 0x1000)};
        state_add(s, &r);
    }
}

/* Thread a called through a chain of two replies, and the last of them has the context. */
static void put_lent(struct capstate *s, const struct world *w)
{
    struct record r = {.kind = RECORD_SCHED_CONTEXT};
    r.sched_context =
        (struct record_sched_context){.addr = SC + 0x800,
                                      .bits = 8,
                                      .refill_max = 2,
                                      .reply = OBJECTS + 0x20,
                                      .thread = addr_of(TCB, (uint32_t)w->lent_to - 1, 0x1000)};
    state_add(s, &r);
    r = (struct record){.kind = RECORD_REPLY};
    r.reply = (struct record_reply){.addr = OBJECTS, .thread = TCB, .next = OBJECTS + 0x20};
    state_add(s, &r);
    r.reply =
        (struct record_reply){.addr = OBJECTS + 0x20, .prev = OBJECTS, .sched_context = SC + 0x800};
    state_add(s, &r);
}

static void build(struct capstate *s, const struct world *w)
{
    state_begin(s);
    if (w->mcs)
        s->snapshot.options |= RECORD_OPTION_MCS;
    if (w->kernel)
        s->snapshot.kernel = w->kernel;
    for (uint32_t i = 0; i < THREADS; i++)
        put_thread_slots(s, w, i);
    if (w->irq_signals)
        slot(s, 0x80001000, RECORD_CAP_NOTIFICATION, NTFN, 4, RECORD_RIGHT_WRITE);
    for (uint32_t i = 0; i < THREADS; i++)
        put_thread(s, w, i);
    put_idle(s, w);
    put_contexts(s, w);
    if (w->lent_to)
        put_lent(s, w);
    struct record r = {.kind = RECORD_SCHED};
    r.sched.current = w->current < 0 ? 0x80010000 : addr_of(TCB, (uint32_t)w->current, 0x1000);
    r.sched.sched_context = w->current < 0 ? 0 : w->context[w->current];
    state_add(s, &r);
    state_end(s);
}

/* --- the table --- */

enum {
    RUN = RECORD_THREAD_RUNNING,
    OFF = RECORD_THREAD_INACTIVE,
    SEND = RECORD_THREAD_BLOCKED_ON_SEND,
    RECV = RECORD_THREAD_BLOCKED_ON_RECEIVE,
    WAIT = RECORD_THREAD_BLOCKED_ON_NOTIFICATION,
    REPLY = RECORD_THREAD_BLOCKED_ON_REPLY
};
enum { W = RECORD_RIGHT_WRITE, R = RECORD_RIGHT_READ };

struct row {
    const char *claim;
    struct world world;  /* the question is about thread a */
    const char *says[4]; /* each must stand in some line */
    const char *never;   /* must stand in none */
    bool stuck;
};

static const struct row rows[] = {
    {"it runs", {.state = {RUN, OFF, OFF}, .current = 0}, {"a runs"}, "deadlock", false},
    {"nothing stands above it",
     {.state = {RUN, OFF, OFF}, .current = -1},
     {"nothing stands above"},
     "deadlock",
     false},
    {"the guest of a virtual machine runs as any",
     {.state = {RECORD_THREAD_RUNNING_VM, RUN, OFF}, .priority = {10, 20}, .current = 1},
     {"a is ready at priority 10", "b, which runs, stands above it"},
     "none that is known",
     false},
    {"a higher priority",
     {.state = {RUN, RUN, OFF}, .priority = {10, 20}, .current = 1},
     {"a is ready at priority 10", "b, which runs, stands above it", "b has priority 20"},
     "turns",
     false},
    {"the highest of several",
     {.state = {RUN, RUN, RUN}, .priority = {1, 2, 3}, .current = -1},
     {"c stands above it"},
     "b stands",
     false},
    {"equals take turns",
     {.state = {RUN, RUN, OFF}, .priority = {5, 5}, .current = 1},
     {"takes turns with b"},
     "above",
     false},
    {"lower ones do not matter",
     {.state = {RUN, RUN, OFF}, .priority = {9, 1}, .current = -1},
     {"nothing stands above"},
     "b stands",
     false},
    {"another scheduling domain runs",
     {.state = {RUN, RUN, OFF}, .domain = {1, 0}, .priority = {9, 1}, .current = 1},
     {"domain 1 does not run now: domain 0 does"},
     "above",
     false},
    {"suspended", {.state = {OFF, RUN, OFF}, .current = 1}, {"a is suspended"}, "started", false},
    {"never started",
     {.state = {OFF, OFF, OFF}, .current = -1, .never_started = true},
     {"a was never started"},
     "suspended",
     false},
    {"it sends, and somebody could receive",
     {.state = {SEND, RUN, OFF}, .ep_rights = {W, R, 0}, .current = 1},
     {"a waits to send through endpoint", "b can end that; it is running"},
     "for ever",
     false},
    {"it sends, and nobody could receive",
     {.state = {SEND, RUN, OFF}, .ep_rights = {W, W, 0}, .current = 1},
     {"nobody else holds the right to receive"},
     "can end",
     true},
    {"it receives, and somebody could send",
     {.state = {RECV, RUN, OFF}, .ep_rights = {R, W, 0}, .current = 1},
     {"a waits to receive from endpoint", "b can end that"},
     "for ever",
     false},
    {"it receives, and nobody could send",
     {.state = {RECV, RUN, OFF}, .ep_rights = {R, R, 0}, .current = 1},
     {"nobody else holds the right to send"},
     "can end",
     true},
    {"its own right does not help",
     {.state = {RECV, OFF, OFF}, .ep_rights = {R | W, 0, 0}, .current = -1},
     {"nobody else holds the right to send"},
     NULL,
     true},
    {"two receive from each other",
     {.state = {RECV, RECV, OFF}, .ep_rights = {R | W, R | W, 0}, .current = -1},
     {"deadlock: a waits for b waits for a"},
     "can end",
     true},
    {"three in a circle",
     {.state = {SEND, WAIT, REPLY},
      .blocked_on_ntfn = {false, true, false},
      .ep_rights = {W, R, 0},
      .ntfn_rights = {0, R, W},
      .reply_to = {3, 0, 0},
      .current = -1},
     {"deadlock: a waits for b waits for c waits for a"},
     "can end",
     true},
    {"no circle while one can go on",
     {.state = {RECV, RECV, RUN}, .ep_rights = {R | W, R | W, W}, .current = 2},
     {"c can end that"},
     "deadlock",
     false},
    {"who could end it has stopped",
     {.state = {RECV, OFF, OFF}, .ep_rights = {R, W, 0}, .current = -1},
     {"b is suspended"},
     "can end",
     true},
    {"it waits for a signal",
     {.state = {WAIT, RUN, OFF}, .blocked_on_ntfn = {true}, .ntfn_rights = {R, W, 0}, .current = 1},
     {"a waits for a signal of notification", "b can end"},
     "for ever",
     false},
    {"nobody can signal it",
     {.state = {WAIT, RUN, OFF}, .blocked_on_ntfn = {true}, .ntfn_rights = {R, R, 0}, .current = 1},
     {"nobody else holds the right to signal it"},
     "can",
     true},
    {"an interrupt signals it",
     {.state = {WAIT, OFF, OFF},
      .blocked_on_ntfn = {true},
      .ntfn_rights = {R, 0, 0},
      .irq_signals = true,
      .current = -1},
     {"an interrupt can end that"},
     "for ever",
     false},
    {"it waits for an answer",
     {.state = {REPLY, RUN, OFF}, .reply_to = {0, 1, 0}, .current = 1},
     {"a waits for an answer", "b can end that"},
     "gone",
     false},
    {"the reply is gone",
     {.state = {REPLY, RUN, OFF}, .current = 1},
     {"the reply capability is gone: no answer can come"},
     "can end",
     true},
    {"the server itself waits for its client",
     {.state = {REPLY, RECV, OFF}, .reply_to = {0, 1, 0}, .ep_rights = {W, R, 0}, .current = -1},
     {"deadlock: a waits for b waits for a"},
     "can end",
     true},
    {"a chain to one who runs",
     {.state = {REPLY, RECV, RUN}, .reply_to = {0, 1, 0}, .ep_rights = {0, R, W}, .current = 2},
     {"b can end that; it is waiting to receive"},
     "deadlock",
     false},
    {"faulted, nobody handles it",
     {.state = {OFF, RUN, OFF}, .fault = {RECORD_FAULT_VM}, .fault_addr = {0x1234}, .current = 1},
     {"a has faulted (memory fault at 0x1234)", "it has no fault handler"},
     "suspended",
     true},
    {"faulted, its handler is no endpoint",
     {.state = {OFF, RUN, OFF}, .fault = {RECORD_FAULT_CAP}, .handler = {5}, .current = 1},
     {"its fault handler 0x5 is no endpoint"},
     "it has no fault handler",
     true},
    {"mainline keeps nothing of a fault without handler",
     {.state = {OFF, RUN, OFF}, .current = 1, .kernel = RECORD_KERNEL_SEL4},
     {"a is stopped: it was suspended, or it faulted and had no handler", "it has no fault handler",
      "this kernel keeps nothing of a fault without handler",
      "its pc 0x10000 is nothing that it could execute: it faulted there"},
     "has to resume",
     false},
    {"mainline, with a handler: it was suspended",
     {.state = {OFF, RUN, OFF},
      .current = 1,
      .handler = {1},
      .ep_rights = {W, 0, 0},
      .kernel = RECORD_KERNEL_SEL4},
     {"a is suspended: somebody has to resume it"},
     "fault",
     false},
    {"another scheduling domain has the time, and nobody in it can run",
     {.state = {RUN, OFF, OFF}, .domain = {1}, .current = -1},
     {"domain 1 does not run now: domain 0 does"},
     "next",
     false},
    {"a place in the queue",
     {.state = {SEND, OFF, OFF}, .ep_rights = {W, R, 0}, .position = 3, .current = -1},
     {"a waits to send through endpoint", ", place 3 in the queue", "b is suspended"},
     NULL,
     true},
    {"faulted, its handler has not answered",
     {.state = {REPLY, RUN, OFF}, .fault = {RECORD_FAULT_VM}, .reply_to = {0, 1, 0}, .current = 1},
     {"a has faulted", "waits for an answer", "b can end that"},
     "gone",
     true},
    {"MCS: no scheduling context",
     {.state = {RUN, OFF, OFF}, .mcs = true, .current = -1},
     {"a is runnable but has no scheduling context: it stays so for ever",
      "sent to a passive server instead of calling it gave it none"},
     "nothing stands above",
     true},
    {"MCS: resumed without a scheduling context",
     {.state = {RUN, OFF, OFF}, .mcs = true, .resumed = true, .current = -1},
     {"a is runnable but has no scheduling context", "it was resumed without one"},
     "passive",
     true},
    {"MCS: a scheduling context that was never configured",
     {.state = {RUN, OFF, OFF}, .mcs = true, .context = {SC}, .no_budget = true, .current = -1},
     {"its scheduling context 0x80500000 was never given a budget"},
     "nothing stands above",
     true},
    {"MCS: who has no time does not stand above",
     {.state = {RUN, RUN, OFF},
      .mcs = true,
      .priority = {5, 9},
      .context = {SC, SC + 0x100},
      .release = {0, 1},
      .current = -1},
     {"nothing stands above it"},
     "b stands",
     false},
    {"MCS: its scheduling context went with the call",
     {.state = {REPLY, RUN, RUN}, .mcs = true, .lent_to = 3, .reply_to = {0, 1, 0}, .current = 1},
     {"a waits for an answer",
      "its scheduling context 0x80500800 went with the call: c has it now"},
     "gone",
     false},
    {"MCS: budget used up",
     {.state = {RUN, OFF, OFF}, .mcs = true, .context = {SC}, .release = {2}, .current = -1},
     {"used up its budget of 500 ticks", "place 2, until tick 12345"},
     "from now",
     false},
    {"MCS: how long until then, while another runs",
     {.state = {RUN, RUN, OFF},
      .mcs = true,
      .context = {SC, SC + 0x100},
      .release = {1},
      .current = 1},
     {"until tick 12345, about 1000 ticks from now"},
     "nothing stands above",
     false},
    {"MCS: it used up its budget and told its timeout handler",
     {.state = {SEND, RUN, OFF},
      .mcs = true,
      .context = {SC, SC + 0x100},
      .fault = {RECORD_FAULT_TIMEOUT},
      .ep_rights = {W, R},
      .current = 1},
     {"a has used up its budget, has told its timeout handler so, and waits to send through"},
     "at 0x0",
     true},
    {"MCS: its scheduling context is bound elsewhere",
     {.state = {RUN, OFF, OFF}, .mcs = true, .context = {SC}, .lent = true, .current = -1},
     {"a cannot run: its scheduling context 0x80500000 is bound to b"},
     "nothing stands above",
     true},
    {"MCS: a fault whose handler has not received it yet",
     {.state = {SEND, RUN, OFF},
      .mcs = true,
      .context = {SC, SC + 0x100},
      .fault = {RECORD_FAULT_VM},
      .fault_addr = {0x1234},
      .ep_rights = {W, R},
      .current = 1},
     {"a has faulted (memory fault at 0x1234) and waits to send through endpoint",
      "b can end that; it is running now"},
     "for ever",
     true},
    {"MCS: with time it is as any",
     {.state = {RUN, OFF, OFF}, .mcs = true, .context = {SC}, .current = -1},
     {"nothing stands above it"},
     "budget",
     false},
    {"MCS: a suspended one that has no time either",
     {.state = {OFF, OFF, OFF}, .mcs = true, .current = -1},
     {"a is suspended", "it has no scheduling context either: resumed, it would not run"},
     "runnable",
     false},
};

static bool says(const struct why *w, const char *needle)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (strstr(w->lines[i].text, needle))
            return true;
    return false;
}

static void show(const struct why *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        print_message("# %*s%s\n", (int)w->lines[i].depth * 2, "", w->lines[i].text);
}

static void check_row(const struct row *row)
{
    struct capstate s;
    struct why w;
    bool stuck[THREADS + 1];
    build(&s, &row->world);
    why_init(&w);
    why_not_running(&s, 0, &w);
    for (size_t i = 0; i < 4 && row->says[i]; i++)
        if (!says(&w, row->says[i])) {
            show(&w);
            fail_msg("%s: '%s' is not said", row->claim, row->says[i]);
        }
    if (row->never && says(&w, row->never)) {
        show(&w);
        fail_msg("%s: '%s' is said", row->claim, row->never);
    }
    assert_int_equal(why_stuck(&s, stuck), ERR_OK);
    if (stuck[0] != row->stuck)
        fail_msg("%s: stuck %d", row->claim, stuck[0]);
    why_free(&w);
    capstate_free(&s);
}

static void each_reason_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_row(&rows[i]);
}

/* --- faults and denials --- */

struct access {
    const char *claim;
    struct world world;
    uint64_t cptr; /* of why_denied; 0: why_fault */
    const char *says[3];
};

static const struct access accesses[] = {
    {"a capability that can be invoked",
     {.ep_rights = {W}, .current = -1},
     1,
     {"leads to a capability that can be invoked", "index 1 (8 bits)"}},
    {"an empty slot", {.current = -1}, 7, {"leads to an empty slot", "is empty"}},
    {"a guard that does not fit",
     {.current = -1},
     0x80000001,
     {"GuardMismatch", "wants the guard 0x0 (24 bits)"}},
    {"without the right to write",
     {.ep_rights = {R}, .current = -1},
     1,
     {"lacks the right to write", "receiving works"}},
    {"a notification can be signalled", {.ntfn_rights = {W}, .current = -1}, 2, {"can be invoked"}},
    {"no fault", {.state = {RUN}, .current = 0}, 0, {"a has not faulted: it is running"}},
    {"a capability fault",
     {.fault = {RECORD_FAULT_CAP}, .fault_addr = {0x80000009}, .current = -1},
     0,
     {"capability fault at 0x80000009", "GuardMismatch", "it has no fault handler"}},
    {"a capability fault whose cause is mended",
     {.fault = {RECORD_FAULT_CAP}, .fault_addr = {1}, .ep_rights = {W}, .current = -1},
     0,
     {"now it leads to a capability that can be invoked"}},
    {"an empty slot to receive from",
     {.fault = {RECORD_FAULT_CAP}, .fault_addr = {9}, .receives = true, .current = -1},
     0,
     {"to receive; now it leads to an empty slot: a capability fault", "would have to be there"}},
    {"an endpoint without the right to read to receive from",
     {.fault = {RECORD_FAULT_CAP},
      .fault_addr = {1},
      .ep_rights = {W},
      .receives = true,
      .current = -1},
     0,
     {"now the capability lacks the right to read", "there is endpoint", "would have to be there"}},
    {"a notification that is bound to another thread",
     {.fault = {RECORD_FAULT_CAP},
      .fault_addr = {2},
      .ntfn_rights = {R},
      .receives = true,
      .bound_to = 2,
      .current = -1},
     0,
     {"now the notification is bound to another thread"}},
    {"what nothing can be received from",
     {.fault = {RECORD_FAULT_CAP},
      .fault_addr = {3},
      .receives = true,
      .tcb_in_3 = true,
      .current = -1},
     0,
     {"now nothing can be received from that", "there is tcb 0x80100000 a",
      "would have to be there"}},
    {"an endpoint that can be received from now",
     {.fault = {RECORD_FAULT_CAP},
      .fault_addr = {1},
      .ep_rights = {R},
      .receives = true,
      .current = -1},
     0,
     {"now it can be received from: resumed, the thread would go on"}},
    {"an unknown system call",
     {.fault = {RECORD_FAULT_UNKNOWN_SYSCALL}, .fault_addr = {0x77}, .current = -1},
     0,
     {"a: unknown system call 0x77, pc 0x10000",
      "made a system call that this kernel does not have"}},
    {"a user exception",
     {.fault = {RECORD_FAULT_USER_EXCEPTION}, .current = -1},
     0,
     {"a: user exception, pc 0x10000", "the processor refused the instruction"}},
    {"a budget that was used up",
     {.fault = {RECORD_FAULT_TIMEOUT}, .mcs = true, .current = -1},
     0,
     {"a: timeout, pc 0x10000", "it used up the budget", "it has no timeout handler"}},
    {"mainline may have seen a fault",
     {.state = {OFF}, .kernel = RECORD_KERNEL_SEL4, .current = -1},
     0,
     {"a may have faulted: it is stopped", "keeps nothing of a fault without handler"}},
    {"a memory fault without an address space",
     {.fault = {RECORD_FAULT_VM}, .fault_addr = {0x1000}, .current = -1},
     0,
     {"it wanted to read at the address 0x1000", "has no address space"}},
    {"a handler that is there",
     {.fault = {RECORD_FAULT_VM}, .handler = {1}, .ep_rights = {W}, .current = -1},
     0,
     {"its fault handler is endpoint"}},
    {"a handler that takes no messages",
     {.fault = {RECORD_FAULT_VM}, .handler = {2}, .ntfn_rights = {W}, .current = -1},
     0,
     {"which takes no messages"}},
};

static void denied(const struct capstate *s, uint64_t cptr, struct why *w)
{
    struct authority a;
    assert_int_equal(authority_build(s, &(struct authority_rules){0}, &a), ERR_OK);
    why_denied(&a, 0, cptr, w);
    authority_free(&a);
}

static void each_denial_is_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
        const struct access *a = &accesses[i];
        struct capstate s;
        struct why w;
        build(&s, &a->world);
        why_init(&w);
        if (a->cptr)
            denied(&s, a->cptr, &w);
        else
            why_fault(&s, 0, &w);
        for (size_t k = 0; k < 3 && a->says[k]; k++)
            if (!says(&w, a->says[k])) {
                show(&w);
                fail_msg("%s: '%s' is not said", a->claim, a->says[k]);
            }
        why_free(&w);
        capstate_free(&s);
    }
}

/* --- the end of the address space (rust-sel4#319) --- */

static void a_retype_at_the_end_of_the_address_space_does_not_wrap(void **state)
{
    struct capstate s;
    struct retype_plan p;
    (void)state;
    state_begin(&s);
    s.snapshot.word_bits = 64;
    state_slot(&s, (struct record_slot){.addr = 0x80000000,
                                        .type = RECORD_CAP_UNTYPED,
                                        .object = UINT64_MAX - 0xffff,
                                        .bits = 16,
                                        .flags = RECORD_SLOT_REVOCABLE});
    state_end(&s);
    assert_int_equal(retype_plan(&s, 0, RECORD_CAP_FRAME, 12, 16, &p), ERR_OK);
    assert_int_equal(p.rule, RETYPE_ALLOWED);
    assert_true(p.start == UINT64_MAX - 0xffff);
    assert_int_equal(p.left, 0);
    assert_int_equal(retype_plan(&s, 0, RECORD_CAP_FRAME, 12, 17, &p), ERR_OK);
    assert_int_equal(p.rule, RETYPE_NO_MEMORY);
    assert_int_equal(p.fits_after_revoke, 16);
    capstate_free(&s);
}

static void what_is_not_known_of_a_kernel_is_not_made_up(void **state)
{
    struct capstate s;
    struct retype_plan p;
    (void)state;
    state_begin(&s);
    s.snapshot.kernel = RECORD_KERNEL_SEL4;
    state_slot(&s, (struct record_slot){.addr = 0x80000000,
                                        .type = RECORD_CAP_UNTYPED,
                                        .object = 0x80400000,
                                        .bits = 20,
                                        .flags = RECORD_SLOT_REVOCABLE});
    state_end(&s);
    assert_int_equal(retype_plan(&s, 0, RECORD_CAP_TCB, 0, 1, &p), ERR_UNSUPPORTED);
    capstate_free(&s);
}

/* --- memory that is lost --- */

/* RAM from the kernel's end on is one untyped but for a page behind it, and what is behind that. */
static void leaky(struct capstate *s, bool complete)
{
    state_begin(s);
    s->snapshot.ram_size = 0x200000;
    s->ranges[0].size = 0x200000;
    slot(s, 0x80000000, RECORD_CAP_UNTYPED, 0x80040000, 18, 0);
    slot(s, 0x80000010, RECORD_CAP_ENDPOINT, 0x80040000, 4, 15);
    slot(s, 0x80000020, RECORD_CAP_UNTYPED, 0x80081000, 12, 0);
    slot(s, 0x80000030, RECORD_CAP_UNTYPED, 0x80100000, 20, 0);
    state_end(s);
    s->end.complete = complete;
}

static void ram_under_no_capability_is_listed(void **state)
{
    struct capstate s;
    struct authority a;
    struct leak *leaks;
    uint32_t count;
    (void)state;
    for (int complete = 0; complete < 2; complete++) {
        uint32_t lost = 0;
        leaky(&s, complete);
        assert_int_equal(authority_build(&s, &(struct authority_rules){0}, &a), ERR_OK);
        assert_int_equal(leak_find(&a, &leaks, &count), ERR_OK);
        for (uint32_t i = 0; i < count; i++) {
            if (leaks[i].kind != LEAK_NO_CAPABILITY)
                continue;
            assert_int_equal(leaks[i].addr, lost ? 0x80080000 : 0x80082000);
            assert_int_equal(leaks[i].bytes, lost ? 0x1000 : 0x7e000);
            lost++;
        }
        assert_int_equal(lost, complete ? 2 : 0);
        free(leaks);
        authority_free(&a);
        capstate_free(&s);
    }
}

/* RAM up to the last byte of the address space: no sum wraps. */
static void ram_at_the_end_of_the_address_space_is_looked_at(void **state)
{
    struct capstate s;
    struct authority a;
    struct leak *leaks;
    uint32_t count;
    (void)state;
    state_begin(&s);
    s.snapshot.word_bits = 64;
    s.ranges[0].base = UINT64_MAX - 0x1fff;
    s.ranges[0].size = 0x2000;
    slot(&s, 0x80000000, RECORD_CAP_UNTYPED, 0x80040000, 12, 0);
    state_slot(&s, (struct record_slot){.addr = 0x80000010,
                                        .type = RECORD_CAP_UNTYPED,
                                        .object = UINT64_MAX - 0xfff,
                                        .bits = 12});
    state_end(&s);
    assert_int_equal(authority_build(&s, &(struct authority_rules){0}, &a), ERR_OK);
    assert_int_equal(leak_find(&a, &leaks, &count), ERR_OK);
    for (uint32_t i = 0; i < count; i++)
        if (leaks[i].kind == LEAK_NO_CAPABILITY) {
            assert_true(leaks[i].addr == UINT64_MAX - 0x1fff);
            assert_true(leaks[i].bytes == 0x1000);
        }
    assert_int_equal(count, 3); /* and both untypeds, in CNodes that nobody uses */
    free(leaks);
    authority_free(&a);
    capstate_free(&s);
}

/* What people call the types: a reply capability is never made, so the word is the object's. */
static void types_of_retype_have_names(void **state)
{
    char names[RETYPE_NAMES_MAX];
    (void)state;
    assert_int_equal(retype_type_named("reply"), RECORD_CAP_REPLY_OBJECT);
    assert_int_equal(retype_type_named("teapot"), -1);
    retype_type_names(names, sizeof(names));
    for (char *name = strtok(names, ", "); name; name = strtok(NULL, ", "))
        assert_true(retype_type_named(name) > 0);
    assert_non_null(strstr(retype_type_names(names, sizeof(names)), "replyobject, vcpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_is_said),
        cmocka_unit_test(each_denial_is_explained),
        cmocka_unit_test(types_of_retype_have_names),
        cmocka_unit_test(a_retype_at_the_end_of_the_address_space_does_not_wrap),
        cmocka_unit_test(what_is_not_known_of_a_kernel_is_not_made_up),
        cmocka_unit_test(ram_under_no_capability_is_listed),
        cmocka_unit_test(ram_at_the_end_of_the_address_space_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
