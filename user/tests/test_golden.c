/* Register-exact answers: r0..r5 and the first words of the IPC buffer after a system call, as the
 * ABI sheet's section 12.1 records them of seL4 12.0.0. */
#include "user/tests/tests.h"

enum { ANY = 0x7e57ed, UNTOUCHED = 0xabc00000 };

/* A call: r0..r5 and capabilities in; r0..r5 and msg[4] wanted.  X(n) marks what must not change.
 */
#undef X
#define X(n) (UNTOUCHED + (n))
struct golden {
    const char *what;
    enum syscall_number number;
    word_t in[6];
    word_t extra; /* capability 0 */
    word_t extra2;
    word_t msg4, msg5; /* in */
    word_t out[6];
    word_t out_msg4; /* X(4): as before the call, if msg4 was 0 */
};

static void try_golden(const struct golden *g)
{
    word_t *buffer = user_ipc_buffer();
    struct registers r = {.cpsr = 0};
    for (word_t i = 0; i < 6; i++)
        r.r[i] = g->in[i];
    r.r[7] = (word_t)g->number;
    buffer[IPCBUF_MSG + 4] = g->msg4 ? g->msg4 : X(4);
    buffer[IPCBUF_MSG + 5] = g->msg5;
    buffer[IPCBUF_CAPS] = g->extra;
    buffer[IPCBUF_CAPS + 1] = g->extra2;
    registers_svc(&r);
    for (word_t i = 0; i < 6; i++)
        if (g->out[i] != ANY && r.r[i] != g->out[i])
            check_note("%s: r%u is 0x%x, wanted 0x%x", g->what, i, r.r[i], g->out[i]);
    if (g->out_msg4 && buffer[IPCBUF_MSG + 4] != g->out_msg4)
        check_note("%s: msg[4] is 0x%x, wanted 0x%x", g->what, buffer[IPCBUF_MSG + 4], g->out_msg4);
}

#define TAG(label, caps, length) (((label) << 12) | ((caps) << 7) | (length))

static void capability_calls(void)
{
    cptr_t empty = slot_new();
    const struct golden cases[] = {
        {"Call slot 0",
         SYS_CALL,
         {0, TAG(5, 0, 0), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x2001, 0, X(3), X(4), X(5)},
         X(4)},
        {"Send slot 0",
         SYS_SEND,
         {0, TAG(5, 0, 2), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, TAG(5, 0, 2), X(2), X(3), X(4), X(5)},
         X(4)},
        {"NBSend unresolvable",
         SYS_NBSEND,
         {0x12345678, X(1), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0x12345678, X(1), X(2), X(3), X(4), X(5)},
         X(4)},
        {"Call CNode label 0",
         SYS_CALL,
         {2, 0, X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x3000, X(2), X(3), X(4), X(5)},
         X(4)},
        {"Call CNode label 16 length 1",
         SYS_CALL,
         {2, TAG(16, 0, 1), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x7000, X(2), X(3), X(4), X(5)},
         X(4)},
        {"Delete depth 33",
         SYS_CALL,
         {2, TAG(INV_CNODE_DELETE, 0, 2), 1, 33, X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x4002, 1, 32, X(4), X(5)},
         X(4)},
        {"Delete depth 12",
         SYS_CALL,
         {2, TAG(INV_CNODE_DELETE, 0, 2), 1, 12, X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x6005, 0, 4, 12, 0},
         20},
        {"Delete depth 31",
         SYS_CALL,
         {2, TAG(INV_CNODE_DELETE, 0, 2), 1, 31, X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0x6004, 0, 3, 31, 32},
         X(4)},
        {"Copy from an empty slot",
         SYS_CALL,
         {2, TAG(INV_CNODE_COPY, 1, 5), empty, 32, empty, 32},
         2,
         0,
         15,
         0,
         {0, 0x6003, 1, 2, 32, 32},
         15},
    };
    for (word_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        try_golden(&cases[i]);
}

static void retype_calls(void)
{
    cptr_t ut = object_new(OBJECT_UNTYPED, 20), to = slot_new();
    const struct golden cases[] = {
        {"Retype type 11",
         SYS_CALL,
         {ut, TAG(1, 1, 6), 11, 12, 0, 0},
         2,
         0,
         to,
         1,
         {0, 0x1001, 0, 12, 0, 0},
         0},
        {"Retype untyped size 30",
         SYS_CALL,
         {ut, TAG(1, 1, 6), OBJECT_UNTYPED, 30, 0, 0},
         2,
         0,
         to,
         1,
         {0, 0x4002, 0, 29, 0, 0},
         0},
        {"Retype 257 objects",
         SYS_CALL,
         {ut, TAG(1, 1, 6), OBJECT_ENDPOINT, 0, 0, 0},
         2,
         0,
         to,
         257,
         {0, 0x4002, 1, 256, 0, 0},
         0},
        {"Retype truncated",
         SYS_CALL,
         {ut, TAG(1, 1, 5), OBJECT_ENDPOINT, 0, 0, 0},
         2,
         0,
         to,
         1,
         {0, 0x7000, OBJECT_ENDPOINT, 0, 0, 0},
         0},
        {"Retype without a root",
         SYS_CALL,
         {ut, TAG(1, 0, 6), OBJECT_ENDPOINT, 0, 0, 0},
         2,
         0,
         to,
         1,
         {0, 0x7000, OBJECT_ENDPOINT, 0, 0, 0},
         0},
    };
    for (word_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        try_golden(&cases[i]);
}

static void memory_calls(void)
{
    cptr_t frame = object_new(OBJECT_FRAME_4K, 0);
    paddr_t at = page_get_address(frame);
    check_equal(at & 0xfff, 0);
    cptr_t pool_memory = object_new(OBJECT_UNTYPED, 12), pool = slot_new();
    must_succeed(asid_control_make_pool(INIT_ASID_CONTROL, pool_memory, INIT_CNODE, pool, DEPTH));
    cptr_t orphan = object_new(OBJECT_PAGE_DIRECTORY, 0);
    must_succeed(asid_pool_assign(pool, orphan));
    must_succeed(cap_delete(pool));
    const struct golden cases[] = {
        {"Page_Map without a table",
         SYS_CALL,
         {frame, TAG(INV_PAGE_MAP, 1, 3), AREA, 3, 3, X(5)},
         INIT_VSPACE,
         0,
         0,
         0,
         {0, 0x6003, 0, 2, 20, X(5)},
         X(4)},
        {"Page_Map into a directory whose pool is gone",
         SYS_CALL,
         {frame, TAG(INV_PAGE_MAP, 1, 3), AREA, 3, 3, X(5)},
         orphan,
         0,
         0,
         0,
         {0, 0x6002, 0, 1, 3, X(5)},
         X(4)},
        {"GetAddress by Call",
         SYS_CALL,
         {frame, TAG(INV_PAGE_GET_ADDRESS, 0, 0), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0, at, X(3), X(4), X(5)},
         X(4)},
        {"GetAddress by Send",
         SYS_SEND,
         {frame, TAG(INV_PAGE_GET_ADDRESS, 0, 0), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {frame, 1, at, X(3), X(4), X(5)},
         X(4)},
    };
    for (word_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        try_golden(&cases[i]);
}

static void other_calls(void)
{
    cptr_t tcb = object_new(OBJECT_TCB, 0), to = slot_new(), ep = object_new(OBJECT_ENDPOINT, 0);
    const struct golden cases[] = {
        {"IRQControl_Get 28",
         SYS_CALL,
         {INIT_IRQ_CONTROL, TAG(INV_IRQ_CONTROL_GET, 1, 3), 28, to, 32, X(5)},
         2,
         0,
         0,
         0,
         {0, 0x9000, 28, to, 32, X(5)},
         X(4)},
        {"IRQControl_Get 64",
         SYS_CALL,
         {INIT_IRQ_CONTROL, TAG(INV_IRQ_CONTROL_GET, 1, 3), 64, to, 32, X(5)},
         2,
         0,
         0,
         0,
         {0, 0x4002, 0, 63, 32, X(5)},
         X(4)},
        {"SetPriority 256",
         SYS_CALL,
         {tcb, TAG(INV_TCB_SET_PRIORITY, 1, 1), 256, X(3), X(4), X(5)},
         INIT_TCB,
         0,
         0,
         0,
         {0, 0x4002, 0, 255, X(4), X(5)},
         X(4)},
        {"NBRecv on an idle endpoint",
         SYS_NBRECV,
         {ep, X(1), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, X(1), X(2), X(3), X(4), X(5)},
         X(4)},
        {"Reply without a caller",
         SYS_REPLY,
         {X(0), X(1), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {X(0), X(1), X(2), X(3), X(4), X(5)},
         X(4)},
        {"Yield",
         SYS_YIELD,
         {X(0), X(1), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {X(0), X(1), X(2), X(3), X(4), X(5)},
         X(4)},
        {"DomainSet 1",
         SYS_CALL,
         {INIT_DOMAIN, TAG(INV_DOMAIN_SET_SET, 1, 1), 1, X(3), X(4), X(5)},
         tcb,
         0,
         0,
         0,
         {0, 0x1001, 0, X(3), X(4), X(5)},
         X(4)},
        {"GetTrigger",
         SYS_CALL,
         {INIT_IRQ_CONTROL, TAG(INV_IRQ_CONTROL_GET_TRIGGER, 1, 4), 40, 0, to, 32},
         2,
         0,
         0,
         0,
         {0, 0x3000, 40, 0, to, 32},
         X(4)},
        {"Resume by Call",
         SYS_CALL,
         {INIT_TCB, TAG(INV_TCB_RESUME, 0, 0), X(2), X(3), X(4), X(5)},
         0,
         0,
         0,
         0,
         {0, 0, X(2), X(3), X(4), X(5)},
         X(4)},
    };
    for (word_t i = 0; i < sizeof(cases) / sizeof(*cases) - 1; i++)
        try_golden(&cases[i]);
    struct golden own = cases[sizeof(cases) / sizeof(*cases) - 1];
    own.in[0] = thread_self()->tcb; /* resuming a running thread changes nothing */
    try_golden(&own);
}

static void bound_receive(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0), ep = object_new(OBJECT_ENDPOINT, 0);
    cptr_t tcb = thread_self()->tcb;
    must_succeed(tcb_bind_notification(tcb, bell));
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x41));
    notification_signal(cap_mint(bell, RIGHT_ALL, 0x42));
    try_golden(&(struct golden){"Recv with a bound word pending",
                                SYS_RECV,
                                {ep, X(1), X(2), X(3), X(4), X(5)},
                                0,
                                0,
                                0,
                                0,
                                {0x43, X(1), X(2), X(3), X(4), X(5)},
                                X(4)});
    check_equal(tcb_unbind_notification(tcb), SEL4_NO_ERROR);
}

/* ---- faults, received with badge 0x77 ---- */

static word_t run_registers(word_t regs, word_t instruction, word_t c, word_t d)
{
    (void)c, (void)d;
    ((void (*)(struct registers *))instruction)((struct registers *)regs);
    return 0;
}

/* Runs `instruction` with these registers in a thread whose handler is badged 0x77; the message is
 * left in *r and the own IPC buffer. */
static struct thread *fault(struct registers *regs, void (*instruction)(struct registers *),
                            struct ipc_regs *r)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_new(200);
    must_succeed(tcb_set_space(t->tcb, cap_mint(ep, RIGHT_ALL, 0x77), INIT_CNODE, 0, INIT_VSPACE));
    thread_start(t, run_registers, (word_t)regs, (word_t)instruction, 0, 0);
    message_poison();
    *r = ipc_recv(ep);
    return t;
}

static void check_fault(const struct ipc_regs *r, word_t tag, const word_t *words)
{
    const word_t *msg = user_ipc_buffer() + IPCBUF_MSG;
    check_equal(r->badge, 0x77);
    check_equal(r->tag, tag);
    for (word_t i = 0; i < (tag & MSGINFO_LENGTH_MASK); i++) {
        word_t got = i < MSG_REGISTERS ? r->mr[i] : msg[i];
        if (got != words[i])
            check_note("tag 0x%x word %u is 0x%x, wanted 0x%x", tag, i, got, words[i]);
    }
}

static word_t at(const char *label)
{
    return (word_t)label;
}

static void capability_faults(void)
{
    struct ipc_regs r;
    struct registers regs = {.r = {[7] = (word_t)SYS_RECV}};
    fault(&regs, registers_svc, &r);
    check_fault(&r, 0x1005, (const word_t[]){at(registers_svc_at), 0, 1, 2, 0});
    regs = (struct registers){.r = {0x80000000, [7] = (word_t)SYS_SEND}};
    fault(&regs, registers_svc, &r);
    check_fault(&r, 0x1007, (const word_t[]){at(registers_svc_at), 0x80000000, 0, 4, 32, 0, 20});
    regs.r[7] = (word_t)SYS_NBRECV;
    fault(&regs, registers_svc, &r);
    check_fault(&r, 0x1007, (const word_t[]){at(registers_svc_at), 0x80000000, 1, 4, 32, 0, 20});
}

static void unknown_syscall(void)
{
    struct ipc_regs r;
    struct registers regs = {.lr = 0x1ed, .cpsr = 0x50000000};
    word_t words[13];
    for (word_t i = 0; i < 8; i++)
        words[i] = regs.r[i] = 0x700 + i;
    words[7] = words[12] = regs.r[7] = 0xffffff9c;
    fault(&regs, registers_svc, &r);
    words[8] = at(registers_svc_at);
    words[9] = regs.sp_before;
    words[10] = regs.lr;
    words[11] = (console_is_debug() ? 0x50 : 0x150) | regs.cpsr;
    check_fault(&r, 0x200d, words);
}

static void undefined_instruction(void)
{
    struct ipc_regs r;
    struct registers regs = {.cpsr = 0xa0000000};
    fault(&regs, registers_undefined, &r);
    word_t cpsr = (console_is_debug() ? 0x50 : 0x150) | regs.cpsr;
    check_fault(&r, 0x3005,
                (const word_t[]){at(registers_undefined_at), regs.sp_before, cpsr, 0, 0});
}

static void memory_faults(void)
{
    static const struct {
        word_t address, status;
        bool store;
    } cases[] = {
        {0xdead0000, 0x805, true}, {0xdead0000, 0x5, false},
        {0xf123456c, 0xd, false},  {0xf123456c, 0x80d, true},
        {0xffffc000, 0x80f, true}, {0x00020000 + SECTION * 4, 0x5, false},
        {0x0f0ff000, 0x7, false},  {0x0f0ff000, 0x807, true},
        {0xffff0000, 0xf, false},
    };
    for (word_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ipc_regs r;
        struct registers regs = {.r = {cases[i].address}};
        void (*run)(struct registers *) = cases[i].store ? registers_store : registers_load;
        word_t ip = at(cases[i].store ? registers_store_at : registers_load_at);
        fault(&regs, run, &r);
        check_fault(&r, 0x5004, (const word_t[]){ip, cases[i].address, 0, cases[i].status});
    }
}

static void faulter_without_buffer(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct registers regs = {.r = {[7] = 0x123}};
    struct thread *t = thread_new(200);
    must_succeed(tcb_set_space(t->tcb, cap_mint(ep, RIGHT_ALL, 0x77), INIT_CNODE, 0, INIT_VSPACE));
    must_succeed(tcb_set_ipc_buffer(t->tcb, 0, INIT_TCB));
    thread_start(t, run_registers, (word_t)&regs, (word_t)registers_svc, 0, 0);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(r.tag, 0x200d); /* the faulter's lack of a buffer takes nothing away */
}

static word_t receiver_program(word_t ep, word_t root, word_t index, word_t regs)
{
    receive_slot(root, index, DEPTH);
    struct registers *r = (struct registers *)regs;
    r->r[0] = ep;
    r->r[7] = (word_t)SYS_RECV;
    registers_svc(r);
    const word_t *buffer = user_ipc_buffer();
    return buffer[IPCBUF_CAPS];
}

static void transfer(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), to = slot_new();
    cptr_t badged = cap_mint(ep, RIGHT_ALL, 0x77), bell = object_new(OBJECT_NOTIFICATION, 0);
    struct registers regs = {.cpsr = 0};
    struct thread *t = thread_new(200);
    thread_start(t, receiver_program, ep, INIT_CNODE, to, (word_t)&regs);
    self_priority(100); /* the receiver waits */
    self_priority(TOP);
    word_t *buffer = user_ipc_buffer();
    buffer[IPCBUF_CAPS] = badged;
    buffer[IPCBUF_CAPS + 1] = bell;
    buffer[IPCBUF_CAPS + 2] = INIT_TCB;
    ipc_send(badged, TAG(0x77, 3, 127), (const word_t[4]){1, 2, 3, 4});
    check_equal(thread_join(t), 0x77);
    check_equal(regs.r[0], 0x77);
    check_equal(regs.r[1], 0x77378);
    for (word_t i = 0; i < 4; i++)
        check_equal(regs.r[2 + i], i + 1);
    notification_signal(to); /* it is the notification that came */
    check(!slot_empty(to));
    check_equal(syscall_raw(SYS_NBRECV, (struct ipc_regs){.badge = bell, .tag = 5}).tag, 5);
}

const struct test golden_tests[] = {
    {"GOLDEN0001 answers to calls on CNodes and empty slots", capability_calls},
    {"GOLDEN0002 refusals of Retype", retype_calls},
    {"GOLDEN0003 answers to Page_Map and GetAddress", memory_calls},
    {"GOLDEN0004 answers of IRQ control, TCB, domain and idle endpoints", other_calls},
    {"GOLDEN0005 a bound notification's word arrives in r0 alone", bound_receive},
    {"GOLDEN0006 capability faults", capability_faults},
    {"GOLDEN0007 unknown system call", unknown_syscall},
    {"GOLDEN0008 undefined instruction", undefined_instruction},
    {"GOLDEN0009 memory faults: address, instruction and status", memory_faults},
    {"GOLDEN0010 a faulter without an IPC buffer sends all of its fault", faulter_without_buffer},
    {"GOLDEN0011 a message of 127 words and three capabilities", transfer},
    {0},
};
