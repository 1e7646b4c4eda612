/* Each operation is a function in a table with a weight; operands are slots of the window, which
 * hold whatever came there.  An invocation is only made of a capability whose kind it belongs to:
 * of another it could be a message, and block the root task for ever. */
#include "tests/sim/sim_random.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 192,
    MEMORY_BITS = 21,
    BEHIND = 4, /* a retype may write that many slots behind the window */
    SERVER_PRIORITY = 254,
    OTHER_PRIORITIES = 100,
    PAGES_VADDR = 0x50000000,
    FIRST_IRQ = 40, /* lines that nobody else uses */
    IRQS = 4,
};

static word_t below(word_t n)
{
    return (word_t)rand() % n;
}

static cptr_t any(const struct sim_random *s)
{
    return s->base + below(WINDOW);
}

/* Some slot of the window that holds this type, or does not; any slot when none was met. */
static cptr_t search(const struct sim_random *s, enum cap_type type, bool wanted)
{
    cptr_t begin = below(WINDOW);
    const struct slot *window = sim_slot(s->base);
    for (cptr_t i = 0; i < WINDOW; i++) {
        cptr_t slot = (begin + i) % WINDOW;
        if ((cap_type(window[slot].cap) == type) == wanted)
            return s->base + slot;
    }
    return any(s);
}

static cptr_t any_of(const struct sim_random *s, enum cap_type type)
{
    return search(s, type, true);
}

/* Where a capability can go, mostly. */
static cptr_t any_empty(const struct sim_random *s)
{
    return below(8) ? search(s, CAP_NULL, true) : any(s);
}

/* Where one can come from, mostly. */
static cptr_t any_full(const struct sim_random *s)
{
    return below(8) ? search(s, CAP_NULL, false) : any(s);
}

static bool holds(cptr_t slot, enum cap_type type)
{
    return cap_type(sim_cap(slot)) == type;
}

/* --- CNodes and untyped memory --- */

static void op_retype(struct sim_random *s)
{
    static const enum object_type types[] = {
        OBJECT_UNTYPED,  OBJECT_UNTYPED,   OBJECT_TCB,        OBJECT_ENDPOINT,
        OBJECT_CNODE,    OBJECT_CNODE,     OBJECT_FRAME_4K,   OBJECT_NOTIFICATION,
        OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_PAGE_TABLE, OBJECT_PAGE_DIRECTORY};
    enum object_type type = types[below(sizeof(types) / sizeof(types[0]))];
    word_t size = type == OBJECT_UNTYPED ? 8 + below(10) : 1 + below(4);
    cptr_t from = any_of(s, CAP_UNTYPED);
    if (!holds(from, CAP_UNTYPED))
        return;
    sim_retype(from, type, size, any_empty(s), 1 + below(BEHIND));
}

static void op_copy(struct sim_random *s)
{
    sim_copy(any_empty(s), any_full(s), below(16));
}

static void op_mint(struct sim_random *s)
{
    sim_mint(any_empty(s), any_full(s), below(16), below(8));
}

static void op_copy_endpoint(struct sim_random *s)
{
    sim_mint(any_empty(s), s->endpoint, RIGHT_ALL, below(3));
}

static void op_move(struct sim_random *s)
{
    sim_move(any_empty(s), any_full(s));
}

static word_t random_guard(void)
{
    return below(256) << 8 | below(8) << 3;
}

static void op_mutate(struct sim_random *s)
{
    sim_call(INIT_CNODE, INV_CNODE_MUTATE, SIM_CAPS(INIT_CNODE),
             SIM_MRS(any_empty(s), 32, any_full(s), 32, random_guard()));
}

static void op_rotate(struct sim_random *s)
{
    cptr_t a = any_full(s), b = any_full(s), c = a;
    if (below(2))
        a = any_empty(s);
    sim_call(INIT_CNODE, INV_CNODE_ROTATE, SIM_CAPS(INIT_CNODE, INIT_CNODE),
             SIM_MRS(a, 32, below(2) * random_guard(), b, 32, below(2) * random_guard(), c, 32));
}

/* Into and out of small CNodes, so that some hold the last capability to others. */
static void op_nest(struct sim_random *s)
{
    bool in = below(3) != 0;
    cptr_t cnode = any_of(s, CAP_CNODE), other = in ? any_full(s) : any_empty(s);
    if (!holds(cnode, CAP_CNODE))
        return;
    word_t radix = cnode_radix(sim_cap(cnode)) + cnode_guard_size(sim_cap(cnode));
    word_t index = cnode_guard(sim_cap(cnode)) << cnode_radix(sim_cap(cnode)) |
                   below((word_t)1 << cnode_radix(sim_cap(cnode)));
    if (in)
        sim_call(cnode, INV_CNODE_MOVE, SIM_CAPS(INIT_CNODE), SIM_MRS(index, radix, other, 32));
    else
        sim_call(INIT_CNODE, INV_CNODE_MOVE, SIM_CAPS(cnode), SIM_MRS(other, 32, index, radix));
}

static void op_delete(struct sim_random *s)
{
    sim_delete(any_full(s));
}

static void op_revoke(struct sim_random *s)
{
    sim_revoke(any_full(s));
}

/* A block of memory for the window, out of one that lies outside; when that is used up, all that
 * came from it goes. */
static void op_refill(struct sim_random *s)
{
    if (sim_retype(s->memory, OBJECT_UNTYPED, 12 + below(6), any_empty(s), 1) ==
        SEL4_NOT_ENOUGH_MEMORY)
        sim_revoke(s->memory);
}

static void op_cancel_sends(struct sim_random *s)
{
    sim_call(INIT_CNODE, INV_CNODE_CANCEL_BADGED_SENDS, SIM_CAPS(), SIM_MRS(any(s), 32));
}

/* --- memory --- */

static cptr_t any_directory(struct sim_random *s)
{
    return below(3) ? (cptr_t)INIT_VSPACE : any_of(s, CAP_PAGE_DIRECTORY);
}

static void op_page(struct sim_random *s)
{
    cptr_t page = any_of(s, below(4) ? CAP_FRAME_4K : CAP_FRAME_64K);
    if (!cap_is_frame(sim_cap(page)))
        return;
    if (below(3) == 0)
        sim_call(page, INV_PAGE_UNMAP, SIM_CAPS(), SIM_MRS());
    else
        sim_call(page, INV_PAGE_MAP, SIM_CAPS(any_directory(s)),
                 SIM_MRS(PAGES_VADDR + (below(16) << (below(2) ? 12 : 16)), below(4), below(8)));
}

static void op_table(struct sim_random *s)
{
    cptr_t table = any_of(s, CAP_PAGE_TABLE);
    if (!holds(table, CAP_PAGE_TABLE))
        return;
    if (below(4) == 0)
        sim_call(table, INV_PAGE_TABLE_UNMAP, SIM_CAPS(), SIM_MRS());
    else
        sim_call(table, INV_PAGE_TABLE_MAP, SIM_CAPS(any_directory(s)),
                 SIM_MRS(PAGES_VADDR + (below(2) << 20), 3));
}

static void op_asid(struct sim_random *s)
{
    cptr_t pool = below(2) ? (cptr_t)INIT_ASID_POOL : any_of(s, CAP_ASID_POOL);
    if (below(4) == 0)
        sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL,
                 SIM_CAPS(any_of(s, CAP_UNTYPED), INIT_CNODE), SIM_MRS(any_empty(s), 32));
    else if (holds(pool, CAP_ASID_POOL))
        sim_call(pool, INV_ASID_POOL_ASSIGN, SIM_CAPS(any_of(s, CAP_PAGE_DIRECTORY)), SIM_MRS());
}

/* --- interrupts --- */

static void op_irq(struct sim_random *s)
{
    cptr_t handler = any_of(s, CAP_CONTROL);
    if (!cap_is_control(sim_cap(handler), CONTROL_IRQ_HANDLER))
        sim_call(INIT_IRQ_CONTROL, INV_IRQ_CONTROL_GET, SIM_CAPS(INIT_CNODE),
                 SIM_MRS(FIRST_IRQ + below(IRQS), any_empty(s), 32));
    else if (below(3))
        sim_call(handler, INV_IRQ_HANDLER_SET_NOTIFICATION, SIM_CAPS(any_of(s, CAP_NOTIFICATION)),
                 SIM_MRS());
    else
        sim_call(handler, INV_IRQ_HANDLER_CLEAR, SIM_CAPS(), SIM_MRS());
}

/* --- threads --- */

static void op_configure(struct sim_random *s)
{
    cptr_t tcb = any_of(s, CAP_TCB);
    if (!holds(tcb, CAP_TCB))
        return;
    if (below(2))
        sim_call(tcb, INV_TCB_CONFIGURE,
                 SIM_CAPS(any_of(s, CAP_CNODE), any_directory(s), any_of(s, CAP_FRAME_4K)),
                 SIM_MRS(0, 0, 0, PAGES_VADDR));
    else
        sim_call(tcb, INV_TCB_SET_SPACE, SIM_CAPS(any_of(s, CAP_CNODE), any_directory(s)),
                 SIM_MRS(below(32), random_guard(), 0));
}

static void op_thread(struct sim_random *s)
{
    cptr_t tcb = any_of(s, CAP_TCB);
    if (!holds(tcb, CAP_TCB))
        return;
    switch (below(5)) {
    case 0:
        sim_call(tcb, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
        break;
    case 1:
        sim_call(tcb, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
        break;
    case 2:
        sim_call(tcb, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(below(OTHER_PRIORITIES)));
        break;
    case 3:
        sim_call(tcb, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(any_of(s, CAP_NOTIFICATION)), SIM_MRS());
        break;
    default:
        sim_call(tcb, INV_TCB_UNBIND_NOTIFICATION, SIM_CAPS(), SIM_MRS());
    }
}

/* --- messages --- */

static void prepare_receive_slot(struct sim_random *s)
{
    word_t *buffer = sim_buffer(s->server.p);
    buffer[IPCBUF_RECEIVE_CNODE] = INIT_CNODE;
    buffer[IPCBUF_RECEIVE_INDEX] = any_empty(s);
    buffer[IPCBUF_RECEIVE_DEPTH] = 32;
}

/* The server has a caller: it answers, or puts the reply capability away and uses it there. */
static void server_answers(struct sim_random *s)
{
    cptr_t put = any(s);
    if (below(3) == 0 && holds(put, CAP_NULL)) {
        sim_call(INIT_CNODE, INV_CNODE_SAVE_CALLER, SIM_CAPS(), SIM_MRS(put, 32));
        sim_send(put, 0, SIM_CAPS(), SIM_MRS());
        return;
    }
    sim_message((word_t)SYS_REPLY_RECV, s->endpoint, 0, SIM_CAPS(), SIM_MRS());
}

/* Until the root task is current again. */
static void server_runs(struct sim_random *s)
{
    for (unsigned i = 0; current_thread() != sim_root(); i++) {
        if (i == 20 || current_thread() != s->server.p)
            fail_msg("thread %s runs, not the root task", current_thread()->name);
        if (sim_is_at_svc())
            sim_continue();
        else if (sim_root()->state == THREAD_BLOCKED_ON_REPLY)
            server_answers(s);
        else
            sim_recv(s->endpoint);
    }
}

static void op_transfer(struct sim_random *s)
{
    prepare_receive_slot(s);
    cptr_t first = any_full(s);
    if (below(2))
        sim_call(s->endpoint, 0, SIM_CAPS(first), SIM_MRS(1));
    else
        sim_send(s->endpoint, 0, SIM_CAPS(first, any_full(s)), SIM_MRS(1));
    server_runs(s);
}

/* --- the table --- */

void sim_random_step(struct sim_random *s)
{
    static const struct {
        word_t weight;
        void (*run)(struct sim_random *s);
    } ops[] = {
        {16, op_retype}, {10, op_copy},     {16, op_mint},    {4, op_copy_endpoint}, {8, op_move},
        {4, op_mutate},  {8, op_rotate},    {10, op_nest},    {36, op_delete},       {5, op_revoke},
        {5, op_refill},  {10, op_page},     {5, op_table},    {3, op_asid},          {3, op_irq},
        {4, op_thread},  {3, op_configure}, {6, op_transfer}, {1, op_cancel_sends},
    };
    word_t sum = 0;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        sum += ops[i].weight;
    word_t choice = below(sum);
    for (size_t i = 0;; i++) {
        if (choice < ops[i].weight) {
            ops[i].run(s);
            return;
        }
        choice -= ops[i].weight;
    }
}

void sim_random_begin(struct sim_random *s)
{
    s->endpoint = sim_new(OBJECT_ENDPOINT, 0);
    s->memory = sim_new(OBJECT_UNTYPED, MEMORY_BITS);
    s->server = sim_thread_new("server", SERVER_PRIORITY, 0);
    s->base = sim_free_slots(WINDOW + BEHIND);
    sim_thread_start(s->server);
    for (unsigned i = 0; i < 3; i++)
        op_refill(s);
}
