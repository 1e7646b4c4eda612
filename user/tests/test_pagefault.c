/* Faults: what the handler is told, and how the thread goes on (ABI sheet 7.5, 7.6). */
#include "user/tests/tests.h"

enum { BADGE = 0x77, HOLE = AREA + 0x456c, VALUE = 0x600df00d };
enum access { READ, WRITE, EXECUTE, ACCESSES };

static const word_t kernel_address = 0xf123456c, bx_lr = 0xe12fff1e;
static struct registers regs; /* of the faulting thread */
static volatile word_t good_word;

static void (*const instruction[])(struct registers *) = {registers_load, registers_store,
                                                          registers_call};

static word_t run(word_t access, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    instruction[access](&regs);
    return regs.r[0];
}

/* A thread that makes the access at `address`, with the test as its handler on `ep`. */
static struct thread *faulting(enum access access, word_t address, bool process, word_t badge,
                               cptr_t ep)
{
    struct thread *t = thread_of_kind(process, 200);
    thread_set_handler(t, thread_give(t, ep, RIGHT_ALL, badge));
    regs = (struct registers){.r = {address, VALUE}};
    thread_start(t, run, access, 0, 0, 0);
    return t;
}

static bool check_message(const struct ipc_regs *r, enum access access, word_t address,
                          word_t badge)
{
    word_t ip = access == READ    ? (word_t)registers_load_at
                : access == WRITE ? (word_t)registers_store_at
                                  : address;
    bool kernel = address == kernel_address;
    word_t status = (kernel ? 0xd : 0x5) | (access == WRITE ? 0x800 : 0);
    bool ok = check_equal(r->badge, badge);
    ok &= check_equal(r->tag, msginfo_make(FAULT_VM, 0, 0, 4));
    ok &= check_equal(r->mr[0], ip);
    ok &= check_equal(r->mr[1], address);
    ok &= check_equal(r->mr[2], access == EXECUTE);
    return ok & check_equal(r->mr[3], status);
}

/* Rewrites the context so that the access succeeds, and resumes. */
static void resume_rewritten(struct thread *t, enum access access, bool reply)
{
    word_t c[CONTEXT_WORDS];
    must_succeed(tcb_read_registers(t->tcb, false, CONTEXT_WORDS, c));
    if (access == EXECUTE)
        c[CONTEXT_PC] = c[CONTEXT_R14];
    else
        c[CONTEXT_R0] = (word_t)&good_word;
    must_succeed(tcb_write_registers(t->tcb, !reply, CONTEXT_WORDS, c));
    if (reply)
        ipc_reply(0, (const word_t[4]){0});
}

static void check_result(struct thread *t, enum access access, cptr_t done)
{
    thread_set_handler(t, done);
    word_t result = thread_join(t);
    if (access == READ)
        check_equal(result, VALUE + 1);
    if (access == WRITE)
        check_equal(good_word, VALUE);
}

/* In the kernel's window: the handler rewrites the context. */
static void kernel_window(bool process, word_t badge)
{
    for (word_t access = READ; access < ACCESSES; access++) {
        for (word_t reply = 0; reply < 2; reply++) {
            cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
            good_word = VALUE + 1;
            struct thread *t = faulting(access, kernel_address, process, badge, ep);
            struct ipc_regs r = ipc_recv(ep);
            check_message(&r, access, kernel_address, badge);
            resume_rewritten(t, access, reply);
            check_result(t, access, t->done);
            if (access == EXECUTE)
                check_equal(regs.sp, regs.sp_before);
        }
    }
}

static void kernel_window_local(void)
{
    kernel_window(false, BADGE);
    kernel_window(false, 0);
}

static void kernel_window_process(void)
{
    kernel_window(true, BADGE);
    kernel_window(true, 0);
}

/* In a hole: the handler maps what is missing and replies. */
static void hole(bool process, word_t badge)
{
    for (word_t access = READ; access < ACCESSES; access++) {
        cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
        struct thread *t = faulting(access, HOLE, process, badge, ep);
        struct ipc_regs r = ipc_recv(ep);
        check_message(&r, access, HOLE, badge);
        cptr_t own = map_new(OBJECT_FRAME_4K, AREA + SECTION);
        volatile word_t *page = (volatile word_t *)(AREA + SECTION);
        page[(HOLE & 0xfff) / 4] = access == EXECUTE ? bx_lr : VALUE + 1;
        check_equal(cache_operation(own, INV_PAGE_UNIFY_INSTRUCTION, 0, 4096), SEL4_NO_ERROR);
        cptr_t theirs = cap_copy(own, RIGHT_ALL), table = object_new(OBJECT_PAGE_TABLE, 0);
        must_succeed(page_table_map(table, t->vspace, HOLE, VM_CACHEABLE));
        must_succeed(page_map(theirs, t->vspace, HOLE & ~0xfffu, READ_WRITE, VM_CACHEABLE));
        ipc_reply(0, (const word_t[4]){0});
        good_word = VALUE;
        check_result(t, access, t->done);
        if (access == WRITE)
            check_equal(page[(HOLE & 0xfff) / 4], VALUE);
        must_succeed(cap_delete(theirs));
        must_succeed(cap_delete(table));
        must_succeed(cap_delete(own));
    }
}

static void hole_local(void)
{
    hole(false, BADGE);
    hole(false, 0);
}

static void hole_process(void)
{
    hole(true, BADGE);
    hole(true, 0);
}

/* ---- unknown system calls and undefined instructions ---- */

static word_t run_svc_c1(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    registers_svc_c1(&regs);
    return 0;
}

static word_t run_undefined(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    registers_undefined(&regs);
    return 0;
}

static struct thread *faulting_at(thread_function f, bool process, cptr_t ep)
{
    struct thread *t = thread_of_kind(process, 200);
    thread_set_handler(t, thread_give(t, ep, RIGHT_ALL, BADGE));
    regs = (struct registers){.lr = 0x10ca10, .cpsr = 0x60000000};
    for (word_t i = 0; i < 13; i++)
        regs.r[i] = 0x4000 + i;
    regs.r[7] = 0xc1;
    thread_start(t, f, 0, 0, 0, 0);
    return t;
}

static word_t user_cpsr(word_t flags)
{
    return flags | (console_is_debug() ? 0x50 : 0x150);
}

static void check_unknown_message(const struct ipc_regs *r)
{
    const word_t *msg = user_ipc_buffer() + IPCBUF_MSG;
    check_equal(r->tag, msginfo_make(FAULT_UNKNOWN_SYSCALL, 0, 0, 13));
    for (word_t i = 0; i < 8; i++)
        check_equal(i < 4 ? r->mr[i] : msg[i], i == 7 ? 0xc1 : 0x4000 + i);
    check_equal(msg[8], (word_t)registers_svc_c1_at);
    check_equal(msg[9], regs.sp_before);
    check_equal(msg[10], 0x10ca10);
    check_equal(msg[11], user_cpsr(0x60000000));
    check_equal(msg[12], 0xc1);
}

/* The reply gives r0..r7, the place to go on at, lr and flags; r8.. stay. */
static void unknown_syscall(bool process)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = faulting_at(run_svc_c1, process, ep);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(r.badge, BADGE);
    check_unknown_message(&r);
    word_t *msg = user_ipc_buffer() + IPCBUF_MSG;
    for (word_t i = 4; i < 8; i++)
        msg[i] = 0x9000 + i;
    msg[8] = (word_t)registers_svc_c1_at + 4;
    msg[10] = 0x1badb002;
    msg[11] = 0x9fffffff; /* only the flags count */
    ipc_reply(msginfo_make(0, 0, 0, 12), (const word_t[4]){0x9000, 0x9001, 0x9002, 0x9003});
    thread_set_handler(t, t->done);
    thread_join(t);
    for (word_t i = 0; i < 13; i++)
        check_equal(regs.r[i], (i < 8 ? 0x9000 : 0x4000) + i);
    check_equal(regs.lr, 0x1badb002);
    check_equal(regs.cpsr & 0xf80f03ff, user_cpsr(0x98000000));
    check_equal(regs.sp, regs.sp_before);
}

static void unknown_local(void)
{
    unknown_syscall(false);
}

static void unknown_process(void)
{
    unknown_syscall(true);
}

/* Too short a reply does not move the thread on: it makes the call again. */
static void unknown_short_reply(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = faulting_at(run_svc_c1, false, ep);
    ipc_recv(ep);
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){0x1111});
    struct ipc_regs r = ipc_recv(ep);
    check_equal(msginfo_label(r.tag), FAULT_UNKNOWN_SYSCALL);
    check_equal(r.mr[0], 0x1111);
    check_equal(r.mr[1], 0x4001);
    check(!t->finished);
}

/* A label in the reply stops the thread; Resume makes it try again. */
static void label_stops(thread_function f, word_t label)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = faulting_at(f, false, ep);
    ipc_recv(ep);
    ipc_reply(msginfo_make(1, 0, 0, 0), (const word_t[4]){0});
    thread_let_run();
    check_equal(ipc_nbrecv(ep).badge, 0);
    check_equal(tcb_resume(t->tcb), SEL4_NO_ERROR);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(r.badge, BADGE);
    check_equal(msginfo_label(r.tag), label);
}

static void labels_stop(void)
{
    label_stops(run_svc_c1, FAULT_UNKNOWN_SYSCALL);
    label_stops(run_undefined, FAULT_USER_EXCEPTION);
}

/* The reply moves pc, sp and flags; the stack's words are there at the new place, too. */
static void undefined_instruction(void)
{
    enum { WORDS = 16, DOWN = 128 };
    for (word_t process = 0; process < 2; process++) {
        cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
        struct thread *t = faulting_at(run_undefined, process, ep);
        struct ipc_regs r = ipc_recv(ep);
        check_equal(r.badge, BADGE);
        check_equal(r.tag, msginfo_make(FAULT_USER_EXCEPTION, 0, 0, 5));
        check_equal(r.mr[0], (word_t)registers_undefined_at);
        check_equal(r.mr[1], regs.sp_before);
        check_equal(r.mr[2], user_cpsr(0x60000000));
        check_equal(r.mr[3], 0);
        check_equal(user_ipc_buffer()[IPCBUF_MSG + 4], 0);
        const word_t *from = (const word_t *)r.mr[1];
        word_t *to = (word_t *)(r.mr[1] - DOWN);
        for (word_t i = 0; i < WORDS; i++)
            to[i] = from[i];
        ipc_reply(msginfo_make(0, 0, 0, 3),
                  (const word_t[4]){r.mr[0] + 4, r.mr[1] - DOWN, 0x80000000});
        thread_set_handler(t, t->done);
        thread_join(t);
        check_equal(regs.sp, regs.sp_before - DOWN);
        check_equal(regs.cpsr & 0xf0000000, 0x80000000);
        for (word_t i = 0; i < 13; i++)
            check_equal(regs.r[i], i == 7 ? 0xc1 : 0x4000 + i);
    }
}

/* ---- handlers that cannot be reached ---- */

static void unfit_handler(word_t rights)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_new(200);
    thread_set_handler(t, thread_give(t, ep, rights, BADGE));
    regs = (struct registers){.r = {kernel_address}};
    thread_start(t, run, READ, 0, 0, 0);
    thread_let_run();
    bool fit = rights & RIGHT_WRITE && rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY);
    check_equal(ipc_nbrecv(ep).badge, fit ? BADGE : 0);
    check(!t->finished);
}

static void handler_rights(void)
{
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++)
        unfit_handler(rights);
}

/* A handler that is no endpoint stops the thread; given one and resumed, it faults again. */
static void no_handler(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    static const cptr_t bad[] = {INIT_NULL, INIT_TCB, 0x80000000};
    for (word_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct thread *t = thread_new(200);
        thread_set_handler(t, bad[i]);
        regs = (struct registers){.r = {kernel_address}};
        thread_start(t, run, READ, 0, 0, 0);
        thread_let_run();
        check(!t->finished);
        thread_set_handler(t, ep);
        must_succeed(tcb_resume(t->tcb));
        struct ipc_regs r = ipc_recv(ep);
        check_message(&r, READ, kernel_address, 0);
    }
}

static word_t wait_on(word_t cptr, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return notification_wait(cptr);
}

/* The handler of a capability fault puts the capability there and replies: the call is made again.
 */
static void capability_fault_repaired(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t slot = slot_new();
    struct thread *t = thread_new(200);
    thread_set_handler(t, thread_give(t, ep, RIGHT_ALL, BADGE));
    thread_start(t, wait_on, slot, 0, 0, 0);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(r.tag, msginfo_make(FAULT_CAP, 0, 0, 5));
    check_equal(r.mr[1], slot);
    check_equal(r.mr[2], 1);
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x91));
    must_succeed(cnode_move(INIT_CNODE, slot, DEPTH, INIT_CNODE, bell, DEPTH));
    ipc_reply(msginfo_make(9, 0, 0, 0), (const word_t[4]){0}); /* labels do not matter here */
    thread_set_handler(t, t->done);
    check_equal(thread_join(t), 0x91);
}

static word_t send_words(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    ipc_send(ep, msginfo_make(0x42, 0, 0, 2), (const word_t[4]){1, 2});
    return 3;
}

/* A fault that nobody has received yet stays with its thread: started elsewhere by hand, the
 * thread's next message is that fault (ABI sheet 7.6). */
static void stale_fault(void)
{
    cptr_t handler = object_new(OBJECT_ENDPOINT, 0), ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_new(200);
    thread_set_handler(t, handler);
    regs = (struct registers){.r = {kernel_address}};
    thread_start(t, run, READ, 0, 0, 0);
    thread_let_run(); /* queued at the handler */
    thread_start(t, send_words, ep, 0, 0, 0);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(msginfo_label(r.tag), FAULT_VM);
    check_equal(r.mr[1], kernel_address);
    check_equal(ipc_nbrecv(handler).badge, 0);
}

/* ReplyRecv answers a fault as Reply does: few words repeat the call, a label stops the thread. */
static void reply_receive(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = faulting_at(run_svc_c1, false, ep);
    ipc_recv(ep);
    struct ipc_regs r =
        ipc_reply_recv(ep, msginfo_make(0, 0, 0, 2), (const word_t[4]){0x2222, 0x3333});
    check_equal(r.badge, BADGE);
    check_equal(r.tag, msginfo_make(FAULT_UNKNOWN_SYSCALL, 0, 0, 13));
    check_equal(r.mr[0], 0x2222);
    check_equal(r.mr[1], 0x3333);
    check_equal(r.mr[2], 0x4002);
    struct thread *other = thread_run(100, send_words, ep, 0);
    r = ipc_reply_recv(ep, msginfo_make(1, 0, 0, 0), (const word_t[4]){0});
    check_equal(msginfo_label(r.tag), 0x42); /* the other thread's: the faulter has stopped */
    thread_join(other);
    check(!t->finished);
    check_equal(ipc_nbrecv(ep).badge, 0);
}

const struct test pagefault_tests[] = {
    {"PAGEFAULT0001 in the kernel's window: exact message, rewritten and resumed",
     kernel_window_local},
    {"PAGEFAULT0002 in a hole: the page is mapped and a reply goes on", hole_local},
    {"PAGEFAULT0004 unknown system call: 13 words out, 12 words back", unknown_local},
    {"PAGEFAULT0005 undefined instruction: pc, sp and flags from the reply", undefined_instruction},
    {"PAGEFAULT0006 a short reply repeats an unknown system call", unknown_short_reply},
    {"PAGEFAULT0007 a reply with a label stops the thread until Resume", labels_stop},
    {"PAGEFAULT0008 a handler needs Write and Grant or GrantReply", handler_rights},
    {"PAGEFAULT0009 without a handler the thread stops and may be resumed", no_handler},
    {"PAGEFAULT0010 a capability fault is repaired and the call made again",
     capability_fault_repaired},
    {"PAGEFAULT0011 a fault that was not received is the thread's next message", stale_fault},
    {"PAGEFAULT0012 ReplyRecv answers a fault as Reply does", reply_receive},
    {"PAGEFAULT1001 in the kernel's window, from another address space", kernel_window_process},
    {"PAGEFAULT1002 in a hole, from another address space", hole_process},
    {"PAGEFAULT1004 unknown system call, from another address space", unknown_process},
    {0},
};
