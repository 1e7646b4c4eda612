/* Threads that cannot go on, each for one reason: who waits for whom. */
#include "user/why/why.h"

enum {
    HANDLER = 1, /* slots of a thread's CSpace */
    THING = 2,
    OTHER = 3,
    MIDDLE = 100,
    LOW = 10,
    RAW_NOWHERE = 0x433060,
    READ = RIGHT_READ,
    WRITE = RIGHT_WRITE,
};

static const word_t nothing[4];

/* --- what they do --- */

static void receive(void)
{
    ipc_recv(THING);
}

static void receive_once(void)
{
    ipc_recv(THING);
    for (;;)
        user_yield();
}

static void receive_for_ever(void)
{
    for (;;)
        ipc_recv(THING);
}

static void send(void)
{
    ipc_send(THING, 0, nothing);
}

static void call(void)
{
    ipc_call(THING, 0, nothing);
}

static void receive_other(void)
{
    ipc_recv(OTHER);
}

static void spin(void)
{
    for (;;)
        continue;
}

static void write_nowhere(void)
{
    *(volatile word_t *)RAW_NOWHERE = 1;
}

static void execute_nowhere(void)
{
    ((void (*)(void))RAW_NOWHERE)();
}

static void do_nonsense(void)
{
    __asm__ volatile(".word 0xe7f000f0");
}

/* --- one thread and one thing that nobody else has --- */

static void alone(const char *name, enum object_type type, word_t rights, void (*body)(void))
{
    struct why_thread t = why_thread(name, MIDDLE, 0);
    cptr_t thing = why_new(type, 0);
    why_hand(&t, THING, thing, rights);
    why_let_go(thing);
    why_let_go(t.cnode);
    why_start(&t, body);
}

/* Each waits for the other to send; nobody else can. */
static void make_circle(void)
{
    struct why_thread a = why_thread("why/circle-a", MIDDLE, 0);
    struct why_thread b = why_thread("why/circle-b", MIDDLE, 0);
    cptr_t to_a = why_new(OBJECT_ENDPOINT, 0), to_b = why_new(OBJECT_ENDPOINT, 0);
    why_hand(&a, THING, to_a, READ);
    why_hand(&a, OTHER, to_b, WRITE);
    why_hand(&b, THING, to_b, READ);
    why_hand(&b, OTHER, to_a, WRITE);
    why_let_go(to_a);
    why_let_go(to_b);
    why_let_go(a.cnode);
    why_let_go(b.cnode);
    why_start(&a, receive);
    why_start(&b, receive);
}

/* A server that receives again, and so gives up the reply, before it has answered. */
static void make_broken_promise(void)
{
    struct why_thread server = why_thread("why/forgetful", MIDDLE, 0);
    struct why_thread client = why_thread("why/no-reply", MIDDLE, 0);
    cptr_t ep = why_new(OBJECT_ENDPOINT, 0);
    why_hand(&server, THING, ep, READ);
    why_hand(&client, THING, ep, RIGHT_ALL);
    why_let_go(ep);
    why_start(&server, receive_for_ever);
    why_start(&client, call);
}

/* Its handler takes the fault and is then stopped. */
static void make_unanswered(void)
{
    struct why_thread lazy = why_thread("why/lazy", MIDDLE, 0);
    struct why_thread t = why_thread("why/unanswered", MIDDLE, HANDLER);
    cptr_t ep = why_new(OBJECT_ENDPOINT, 0);
    why_hand(&lazy, THING, ep, READ);
    why_hand(&t, HANDLER, ep, RIGHT_ALL);
    why_start(&lazy, receive_once);
    why_start(&t, write_nowhere);
    user_check(tcb_suspend(lazy.tcb));
}

static void make_bad_handler(void)
{
    struct why_thread t = why_thread("why/bad-handler", MIDDLE, HANDLER);
    why_hand(&t, HANDLER, why_new(OBJECT_NOTIFICATION, 0), RIGHT_ALL);
    why_start(&t, do_nonsense);
}

static void make_stopped(void)
{
    struct why_thread t = why_thread("why/suspended", MIDDLE, 0);
    (void)why_thread("why/unborn", MIDDLE, 0);
    why_start(&t, spin);
    user_check(tcb_suspend(t.tcb));
}

static void make_unserved(void)
{
    struct why_thread high = why_thread("why/high", LOW + 1, 0);
    struct why_thread low = why_thread("why/low", LOW, 0);
    why_start(&high, spin);
    why_start(&low, spin);
}

/* A name that fits two. */
static void make_twins(void)
{
    (void)why_thread("why/twin", MIDDLE, 0);
    (void)why_thread("why/twin", MIDDLE, 0);
}

/* A CNode that only it itself holds, with the only capability to a page. */
static void make_unreachable(void)
{
    cptr_t island = why_new(OBJECT_CNODE, WHY_RADIX), page = why_new(OBJECT_FRAME_4K, 0);
    user_check(cnode_move(island, 1, WHY_RADIX, INIT_CNODE, page, WHY_DEPTH));
    user_check(cnode_copy(island, 2, WHY_RADIX, INIT_CNODE, island, WHY_DEPTH, RIGHT_ALL));
    why_let_go(island);
}

/* The root task takes turns with them, so that each comes to where it stays. */
void why_situations(const struct bootinfo *info)
{
    user_check(tcb_set_priority(INIT_TCB, INIT_TCB, MIDDLE));
    alone("why/nobody-sends", OBJECT_ENDPOINT, READ, receive);
    alone("why/nobody-receives", OBJECT_ENDPOINT, WRITE, send);
    alone("why/nobody-signals", OBJECT_NOTIFICATION, READ, receive);
    alone("why/empty-slot", OBJECT_ENDPOINT, READ, receive_other);
    alone("why/writes-nowhere", OBJECT_ENDPOINT, READ, write_nowhere);
    alone("why/executes-nowhere", OBJECT_ENDPOINT, READ, execute_nowhere);
    make_circle();
    make_broken_promise();
    make_unanswered();
    make_bad_handler();
    make_stopped();
    make_unserved();
    make_twins();
    make_unreachable();
    why_faults(info);
    why_losses();
}
