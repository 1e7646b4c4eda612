/* Threads as programs see them: faults and their replies, the invocations of a TCB capability, who
 * runs when (ABI sheet 3.4, 3.6, 7, 8.1, 8.2). */
#include "kernel/notification.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/tcb.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_regs.h"

#include <string.h>

enum {
    TOP = 255,
    DEPTH = 32,
    FAULT_BADGE = 0x77,
    PC = 0x20040,
    USER_CPSR = 0x50,
};

static word_t tcb_call(struct sim_thread t, word_t label, struct sim_caps caps,
                       struct sim_words mrs)
{
    return sim_call(t.tcb, label, caps, mrs);
}

static cptr_t minted(cptr_t from, word_t rights, word_t badge)
{
    cptr_t slot = sim_free_slots(1);
    assert_int_equal(sim_mint(slot, from, rights, badge), SEL4_NO_ERROR);
    return slot;
}

static cptr_t copied(cptr_t from, word_t rights)
{
    cptr_t slot = sim_free_slots(1);
    assert_int_equal(sim_copy(slot, from, rights), SEL4_NO_ERROR);
    return slot;
}

static struct sim_thread running(const char *name, word_t priority, cptr_t handler)
{
    struct sim_thread t = sim_thread_new(name, priority, handler);
    sim_thread_start(t);
    return t;
}

/* A thread of the root's priority whose faults go to `*ep` with FAULT_BADGE. */
static struct sim_thread faulter_new(cptr_t *ep)
{
    *ep = sim_new(OBJECT_ENDPOINT, 0);
    return running("faulter", TOP, minted(*ep, RIGHT_ALL, FAULT_BADGE));
}

static void set_buffer(struct sim_thread t, cptr_t frame, vaddr_t vaddr)
{
    assert_int_equal(tcb_call(t, INV_TCB_SET_IPC_BUFFER, SIM_CAPS(frame), SIM_MRS(vaddr)),
                     SEL4_NO_ERROR);
}

/* ---- faults -------------------------------------------------------------------------------------
 */
static void expect_message(word_t tag, struct sim_words words)
{
    assert_int_equal(sim_root()->regs[0], FAULT_BADGE);
    assert_int_equal(sim_root()->regs[1], tag);
    for (unsigned i = 0; i < words.n; i++)
        if (sim_reply.mr[i] != words.w[i])
            fail_msg("word %u: expected 0x%08x, got 0x%08x", i, words.w[i], sim_reply.mr[i]);
}

static void reply(word_t label, struct sim_words mrs)
{
    sim_message((word_t)SYS_REPLY, 0, label, SIM_CAPS(), mrs);
}

static void a_memory_fault_tells_address_and_status(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    static const struct {
        bool prefetch;
        word_t addr;
        word_t fsr;
    } cases[] = {{false, 0xdead0000, 0x805}, {true, PC, 0x7}, {false, 0xf123456c, 0xffff000d}};
    for (unsigned i = 0; i < 3; i++) {
        sim_become(t.p);
        sim_fill_registers(t.p, 0x1000);
        t.p->regs[REG_PC] = PC;
        word_t before[REG_COUNT];
        memcpy(before, t.p->regs, sizeof(before));
        if (cases[i].prefetch)
            kernel_enter_prefetch_abort(cases[i].addr, cases[i].fsr);
        else
            kernel_enter_data_abort(cases[i].addr, cases[i].fsr);
        assert_ptr_equal(current_thread(), sim_root());
        sim_recv(ep);
        expect_message(0x5004,
                       SIM_MRS(PC, cases[i].addr, cases[i].prefetch, cases[i].fsr & 0x3fff));
        reply(9, SIM_MRS(1, 2, 3)); /* label and words are ignored */
        assert_int_equal(t.p->state, THREAD_RESTART);
        assert_int_equal(t.p->fault_type, FAULT_NONE);
        sim_expect_kept(t.p, before, SIM_R_FLOW);
        sim_become(sim_root());
        sim_yield();
        assert_int_equal(t.p->regs[REG_PC], PC);
    }
}

static void an_undefined_instruction_is_a_user_exception(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    sim_become(t.p);
    sim_fill_registers(t.p, 0x1000);
    t.p->regs[REG_PC] = PC;
    word_t sp = t.p->regs[REG_SP];
    kernel_enter_undefined();
    sim_recv(ep);
    expect_message(0x3005, SIM_MRS(PC, sp, t.p->regs[REG_CPSR], 0, 0));
    reply(0, SIM_MRS(PC + 8, 0x5000, 0xffffffff, 1, 2));
    assert_int_equal(t.p->state, THREAD_RESTART);
    assert_int_equal(t.p->regs[REG_FAULT_IP], PC + 8);
    assert_int_equal(t.p->regs[REG_SP], 0x5000);
    assert_int_equal(t.p->regs[REG_CPSR], 0xf8000000 | USER_CPSR);
}

/* svc with a number nobody knows, by a thread whose registers are filled. */
static void unknown_syscall(struct sim_thread t, word_t number)
{
    sim_become(t.p);
    sim_fill_registers(t.p, 0x2000);
    word_t regs[6];
    memcpy(regs, t.p->regs, sizeof(regs));
    sim_syscall(number, regs);
}

static void an_unknown_system_call_shows_all_registers(void **state)
{
    (void)state;
    static const word_t numbers[] = {(word_t)-100, 0, 1, (word_t)-9, (word_t)-30, 0x80000000};
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        unknown_syscall(t, numbers[i]);
        const word_t *r = t.p->regs;
        sim_become(sim_root());
        sim_recv(ep);
        expect_message(0x200d, SIM_MRS(r[0], r[1], r[2], r[3], r[4], r[5], r[6], numbers[i],
                                       HOSTSIM_SVC, r[13], r[14], r[16], numbers[i]));
        reply(0, SIM_MRS());
        assert_int_equal(t.p->state, THREAD_RESTART);
        t.p->regs[REG_R7] = (word_t)SYS_YIELD;
    }
}

static void a_reply_to_an_unknown_system_call_sets_twelve_registers(void **state)
{
    (void)state;
    static const unsigned order[] = {0,      1,      2,       3, 4, 5, 6, 7, REG_FAULT_IP,
                                     REG_SP, REG_LR, REG_CPSR};
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    for (unsigned length = 0; length <= 15; length++) {
        unknown_syscall(t, 0xc1);
        word_t before[REG_COUNT];
        memcpy(before, t.p->regs, sizeof(before));
        sim_become(sim_root());
        sim_recv(ep);
        struct sim_words m = {.n = length};
        for (unsigned i = 0; i < length; i++)
            m.w[i] = 0xf0000f00u + i;
        reply(0, m);
        word_t changed = 0;
        for (unsigned i = 0; i < 12 && i < length; i++) {
            word_t want = order[i] == REG_CPSR ? (m.w[i] & 0xf8000000) | USER_CPSR : m.w[i];
            assert_int_equal(t.p->regs[order[i]], want);
            changed |= SIM_R(order[i]);
        }
        sim_expect_kept(t.p, before, changed);
        word_t resume_at = t.p->regs[REG_FAULT_IP];
        assert_int_equal(resume_at, length < 9 ? (word_t)HOSTSIM_SVC : m.w[8]);
        sim_yield();
        assert_int_equal(t.p->regs[REG_PC], resume_at);
        t.p->regs[REG_PC] = PC;
    }
}

static void a_reply_with_a_label_stops_the_thread(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    unknown_syscall(t, 0xc1);
    sim_become(sim_root());
    sim_recv(ep);
    reply(1, SIM_MRS(0x1234));
    assert_int_equal(t.p->state, THREAD_INACTIVE);
    assert_int_equal(t.p->regs[0], 0x1234);
    assert_int_equal(t.p->fault_type, FAULT_NONE);
    sim_thread_start(t);
    sim_become(t.p);
    t.p->regs[REG_PC] = PC;
    kernel_enter_undefined();
    sim_become(sim_root());
    sim_recv(ep);
    reply(7, SIM_MRS(1, 2, 3));
    assert_int_equal(t.p->state, THREAD_INACTIVE);
    assert_int_equal(t.p->regs[REG_SP], 2);
}

static void without_buffers_four_words_of_a_fault_pass(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    struct sim_thread h = running("handler", TOP, 0);
    set_buffer(h, h.buffer, 0);
    sim_become(h.p);
    sim_recv(ep);
    unknown_syscall(t, 0xc1);
    assert_int_equal(h.p->regs[1], 0x2004);
    word_t r4 = t.p->regs[4];
    sim_become(h.p);
    reply(0, SIM_MRS(1, 2, 3, 4, 5, 6));
    assert_int_equal(t.p->regs[3], 4);
    assert_int_equal(t.p->regs[4], r4);
}

static void capability_faults_tell_how_the_lookup_failed(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    sim_become(t.p);
    sim_recv(0);
    sim_become(sim_root());
    sim_recv(ep);
    expect_message(0x1005, SIM_MRS(HOSTSIM_SVC, 0, 1, LOOKUP_MISSING_CAPABILITY, 0));
    t.p->regs[REG_R0] = 0x80000000;
    t.p->regs[REG_R7] = (word_t)SYS_SEND;
    reply(0, SIM_MRS()); /* the svc is executed again */
    sim_become(t.p);
    sim_continue();
    sim_become(sim_root());
    sim_recv(ep);
    expect_message(0x1007, SIM_MRS(HOSTSIM_SVC, 0x80000000, 0, LOOKUP_GUARD_MISMATCH, 32, 0, 20));
}

static void a_lookup_through_a_shallow_cspace_is_a_depth_mismatch(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    cptr_t outer = sim_new(OBJECT_CNODE, 4);
    cptr_t inner = minted(INIT_CNODE, RIGHT_ALL, 0); /* radix 12, no guard: 16 bits of 32 */
    /* slot 1 of the outer CNode: a path of 4 + 12 + 12 bits through the root CNode */
    assert_int_equal(sim_call(outer, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                              SIM_MRS(1, 4, inner, DEPTH, RIGHT_ALL)),
                     SEL4_NO_ERROR);
    assert_int_equal(tcb_call(t, INV_TCB_SET_SPACE, SIM_CAPS(outer, INIT_VSPACE),
                              SIM_MRS(0x10000000 | t.p->fault_handler << 4, 0, 0)),
                     SEL4_NO_ERROR);
    sim_become(t.p);
    sim_send(0x10000000 | inner << 16 | inner << 4, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(t.p->lookup_type, LOOKUP_DEPTH_MISMATCH);
    assert_int_equal(t.p->lookup_word[0], 4);
    assert_int_equal(t.p->lookup_word[1], 12);
    assert_int_equal(t.p->state, THREAD_INACTIVE); /* its handler's address fails as well */
}

static void handlers_need_write_and_a_way_to_answer(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        struct sim_thread t = running("faulter", TOP, copied(ep, rights));
        bool usable = (rights & RIGHT_WRITE) && (rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
        unsigned told = hostsim.count.faults;
        sim_become(t.p);
        kernel_enter_data_abort(4, 5);
        assert_int_equal(t.p->state, usable ? THREAD_BLOCKED_ON_SEND : THREAD_INACTIVE);
        assert_int_equal(t.p->fault_type, usable ? FAULT_VM : FAULT_NONE);
        assert_int_equal(hostsim.count.faults, told + 1);
        sim_become(sim_root());
        assert_int_equal(sim_delete(t.tcb), SEL4_NO_ERROR);
    }
    struct sim_thread none = running("faulter", TOP, 0);
    sim_become(none.p);
    kernel_enter_undefined();
    assert_int_equal(none.p->state, THREAD_INACTIVE);
}

static void a_fault_message_carries_no_capabilities_and_its_handler_gets_a_reply(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    sim_become(t.p);
    sim_buffer(t.p)[IPCBUF_CAPS] = INIT_TCB;
    t.p->regs[REG_R1] = msginfo_make(0, 0, 1, 0);
    kernel_enter_data_abort(4, 5);
    sim_recv(copied(ep, RIGHT_ALL & ~RIGHT_GRANT));
    assert_int_equal(sim_root()->regs[1], 0x5004);
    struct cap c = sim_root()->slots[TCB_CALLER].cap;
    assert_int_equal(cap_object(c), kaddr_of(t.p));
    assert_false(reply_can_grant(c));
    assert_int_equal(t.p->state, THREAD_BLOCKED_ON_REPLY);
}

/* 8.2: a queued fault that is resumed by hand goes out in place of the next message. */
static void a_stale_fault_is_sent_in_place_of_data(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    cptr_t other = sim_new(OBJECT_ENDPOINT, 0);
    sim_become(t.p);
    kernel_enter_data_abort(0xdead0000, 0x805);
    assert_int_equal(t.p->state, THREAD_BLOCKED_ON_SEND);
    assert_int_equal(tcb_call(t, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(1, 1, PC)), 0);
    sim_become(t.p);
    sim_send(other, 3, SIM_CAPS(), SIM_MRS(1, 2));
    sim_become(sim_root());
    sim_recv(other);
    assert_int_equal(sim_reply.tag, 0x5004);
    assert_int_equal(sim_reply.mr[0], HOSTSIM_SVC);
    assert_int_equal(sim_reply.mr[1], 0xdead0000);
}

static void cancelling_a_fault_that_waits_for_its_reply_clears_it(void **state)
{
    (void)state;
    cptr_t ep;
    struct sim_thread t = faulter_new(&ep);
    sim_become(t.p);
    kernel_enter_data_abort(0xdead0000, 0x805);
    sim_recv(ep);
    sim_thread_start(t);
    assert_int_equal(t.p->fault_type, FAULT_NONE);
    assert_int_equal(cap_type(sim_root()->slots[TCB_CALLER].cap), CAP_NULL);
    assert_int_equal(t.p->state, THREAD_RESTART);
}

/* ---- registers ----------------------------------------------------------------------------------
 */
static const unsigned context_order[19] = {
    REG_FAULT_IP, 13, 16, 0, 1, 8, 9, 10, 11, 12, 2, 3, 4, 5, 6, 7, 14, 18, 19};

static void registers_are_read_in_order(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    sim_fill_registers(t.p, 0x3000);
    t.p->regs[REG_FAULT_IP] = PC;
    for (word_t count = 1; count <= 19; count++) {
        sim_buffer(sim_root())[IPCBUF_MSG + count] = 0x5a5a;
        assert_int_equal(tcb_call(t, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(0, count)), 0);
        assert_int_equal(sim_reply.tag, count);
        assert_int_equal(sim_reply.badge, 0);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(sim_reply.mr[i], t.p->regs[context_order[i]]);
        if (count >= 4)
            assert_int_equal(sim_reply.mr[count], 0x5a5a);
    }
}

static void registers_are_written_in_order(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    for (word_t count = 0; count <= 21; count++) {
        sim_fill_registers(t.p, 0x3000);
        word_t before[REG_COUNT];
        memcpy(before, t.p->regs, sizeof(before));
        struct sim_words m = {.n = 2 + count, .w = {0, count}};
        for (unsigned i = 0; i < count; i++)
            m.w[2 + i] = 0x97654300u + i;
        assert_int_equal(tcb_call(t, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), m), SEL4_NO_ERROR);
        word_t changed = SIM_R(REG_PC);
        for (unsigned i = 0; i < count && i < 19; i++) {
            unsigned r = context_order[i];
            word_t want = r == REG_CPSR ? (m.w[2 + i] & 0xf8000000) | USER_CPSR : m.w[2 + i];
            assert_int_equal(t.p->regs[r], want);
            changed |= SIM_R(r);
        }
        sim_expect_kept(t.p, before, changed);
        assert_int_equal(t.p->regs[REG_PC], t.p->regs[REG_FAULT_IP]);
        assert_int_equal(t.p->state, THREAD_INACTIVE);
    }
}

static void reading_can_suspend_and_writing_can_resume(void **state)
{
    (void)state;
    struct sim_thread t = running("target", TOP, 0);
    sim_become(t.p);
    t.p->regs[REG_PC] = PC;
    hostsim_raise_irq(TIMER_IRQ);
    kernel_enter_irq();
    sim_become(sim_root());
    assert_int_equal(tcb_call(t, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(1, 1)), 0);
    assert_int_equal(t.p->state, THREAD_INACTIVE);
    assert_int_equal(tcb_call(t, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(1, 1, PC + 64)), 0);
    assert_int_equal(t.p->state, THREAD_RESTART);
    sim_yield();
    assert_int_equal(t.p->regs[REG_PC], PC + 64);
    assert_int_equal(t.p->state, THREAD_RUNNING);
}

static void register_operations_check_in_order(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    sim_call(t.tcb, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(0));
    assert_int_equal(sim_reply.tag, 0x7000);
    static const word_t counts[] = {0, 20, 0xffffffff};
    for (unsigned i = 0; i < 3; i++) {
        sim_call(INIT_TCB, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(0, counts[i]));
        assert_int_equal(sim_reply.tag, 0x4002);
        assert_int_equal(sim_reply.mr[0], 1);
        assert_int_equal(sim_reply.mr[1], 19);
    }
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(0, 1)),
                     SEL4_ILLEGAL_OPERATION);
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(0, 2, 1)),
                     SEL4_TRUNCATED_MESSAGE);
    assert_int_equal(
        sim_call(INIT_TCB, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(0, 0xffffffff)),
        SEL4_TRUNCATED_MESSAGE);
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(0, 0)),
                     SEL4_ILLEGAL_OPERATION);
    assert_int_equal(tcb_call(t, INV_TCB_COPY_REGISTERS, SIM_CAPS(), SIM_MRS(0)),
                     SEL4_TRUNCATED_MESSAGE);
    sim_call(t.tcb, INV_TCB_COPY_REGISTERS, SIM_CAPS(INIT_CNODE), SIM_MRS(0));
    assert_int_equal(sim_reply.tag, 0x2001);
    assert_int_equal(sim_reply.mr[0], 1);
    static const word_t labels[] = {0, 1, 16, 29, 0xfffff};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(tcb_call(t, labels[i], SIM_CAPS(), SIM_MRS()), SEL4_ILLEGAL_OPERATION);
}

static void registers_are_copied_by_halves(void **state)
{
    (void)state;
    struct sim_thread from = sim_thread_new("from", 10, 0);
    struct sim_thread to = sim_thread_new("to", 10, 0);
    for (word_t flags = 0; flags < 16; flags++) {
        sim_fill_registers(from.p, 0x3000);
        sim_fill_registers(to.p, 0x7000);
        from.p->regs[REG_FAULT_IP] = PC;
        from.p->regs[REG_CPSR] = 0x60000050;
        word_t before[REG_COUNT];
        memcpy(before, to.p->regs, sizeof(before));
        assert_int_equal(tcb_call(to, INV_TCB_COPY_REGISTERS, SIM_CAPS(from.tcb), SIM_MRS(flags)),
                         SEL4_NO_ERROR);
        word_t changed = flags & 4 ? SIM_R(REG_PC) : 0;
        for (unsigned i = 0; i < 19; i++) {
            if (!(flags & (i < 10 ? 4 : 8)))
                continue;
            assert_int_equal(to.p->regs[context_order[i]], from.p->regs[context_order[i]]);
            changed |= SIM_R(context_order[i]);
        }
        sim_expect_kept(to.p, before, changed);
        if (flags & 4)
            assert_int_equal(to.p->regs[REG_PC], PC);
        assert_int_equal(to.p->state, flags & 2 ? THREAD_RESTART : THREAD_INACTIVE);
        tcb_call(to, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
    }
}

static void tls_base_is_set_by_call_and_by_invocation(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    assert_int_equal(tcb_call(t, INV_TCB_SET_TLS_BASE, SIM_CAPS(), SIM_MRS()),
                     SEL4_TRUNCATED_MESSAGE);
    assert_int_equal(tcb_call(t, INV_TCB_SET_TLS_BASE, SIM_CAPS(), SIM_MRS(0x1238)), 0);
    assert_int_equal(t.p->regs[REG_TPIDRURW], 0x1238);
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_SET_TLS_BASE, SIM_CAPS(), SIM_MRS(0x40)), 0);
    assert_int_equal(sim_root()->regs[REG_TPIDRURW], 0x40);
}

/* ---- spaces and buffer --------------------------------------------------------------------------
 */
static void a_new_thread_is_as_the_sheet_says(void **state)
{
    (void)state;
    struct tcb *t = kptr(cap_object(sim_cap(sim_new(OBJECT_TCB, 0))));
    for (unsigned r = 0; r < REG_COUNT; r++)
        assert_int_equal(t->regs[r], r == REG_CPSR ? USER_CPSR : 0);
    assert_int_equal(t->state, THREAD_INACTIVE);
    assert_int_equal(t->priority | t->mcp | t->domain | t->fault_handler | t->ipc_buffer, 0);
    assert_int_equal(t->time_slice, CONFIG_TICKS_PER_SLICE);
    assert_string_equal(t->name, "child of: 'rootserver'");
    for (unsigned i = 0; i < TCB_SLOTS; i++)
        assert_int_equal(cap_type(t->slots[i].cap), CAP_NULL);
}

static void configure_installs_children_of_its_arguments(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0x1234);
    assert_int_equal(t.p->fault_handler, 0x1234);
    assert_memory_equal(&t.p->slots[TCB_CSPACE].cap, &sim_slot(INIT_CNODE)->cap,
                        sizeof(struct cap));
    assert_memory_equal(&t.p->slots[TCB_VSPACE].cap, &sim_slot(INIT_VSPACE)->cap,
                        sizeof(struct cap));
    assert_int_equal(cap_object(t.p->slots[TCB_BUFFER].cap), cap_object(sim_cap(t.buffer)));
    assert_int_equal(sim_slot(INIT_CNODE)->next & SLOT_LINK_MASK,
                     kaddr_of(&t.p->slots[TCB_CSPACE]));
    assert_int_equal(sim_revoke(t.buffer), SEL4_NO_ERROR);
    assert_int_equal(cap_type(t.p->slots[TCB_BUFFER].cap), CAP_NULL);
    assert_null(tcb_ipc_buffer(t.p, false));
    /* a guard of 8 bits with value 3 */
    cptr_t small = sim_new(OBJECT_CNODE, 4);
    assert_int_equal(tcb_call(t, INV_TCB_SET_SPACE, SIM_CAPS(small, INIT_VSPACE),
                              SIM_MRS(7, 8 << 3 | 3 << 8, 0)),
                     SEL4_NO_ERROR);
    assert_int_equal(cnode_guard(t.p->slots[TCB_CSPACE].cap), 3);
    assert_int_equal(cnode_guard_size(t.p->slots[TCB_CSPACE].cap), 8);
    assert_int_equal(t.p->fault_handler, 7);
    sim_check();
}

struct refused {
    word_t label;
    struct sim_caps caps;
    struct sim_words mrs;
    word_t tag;
};

static void configuration_refuses_in_order(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 5);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0); /* no ASID */
    cptr_t empty = sim_free_slots(2);
    cptr_t device = empty + 1;
    assert_int_equal(sim_retype(sim_bootinfo()->untyped.start, OBJECT_FRAME_4K, 0, device, 1), 0);
    const cptr_t cs = INIT_CNODE;
    const cptr_t vs = INIT_VSPACE;
    const struct refused cases[] = {
        {INV_TCB_CONFIGURE, SIM_CAPS(cs, vs, frame), SIM_MRS(0, 0, 0), 0x7000},
        {INV_TCB_CONFIGURE, SIM_CAPS(cs, vs), SIM_MRS(0, 0, 0, 0), 0x7000},
        {INV_TCB_CONFIGURE, SIM_CAPS(empty, vs, pd), SIM_MRS(0, 0, 0, 0x1001), 0x3000},
        {INV_TCB_CONFIGURE, SIM_CAPS(empty, vs, device), SIM_MRS(0, 0, 0, 0x1001), 0x3000},
        {INV_TCB_CONFIGURE, SIM_CAPS(empty, vs, frame), SIM_MRS(0, 0, 0, 0x1100), 0x5000},
        {INV_TCB_CONFIGURE, SIM_CAPS(empty, vs, frame), SIM_MRS(0, 0, 0, 0x1200), 0x3000},
        {INV_TCB_CONFIGURE, SIM_CAPS(cs, empty, empty), SIM_MRS(0, 0, 0, 0), 0x3000},
        {INV_TCB_CONFIGURE, SIM_CAPS(cs, pd, empty), SIM_MRS(0, 0, 0, 0), 0x3000},
        {INV_TCB_SET_SPACE, SIM_CAPS(cs, vs), SIM_MRS(0, 0), 0x7000},
        {INV_TCB_SET_SPACE, SIM_CAPS(cs), SIM_MRS(0, 0, 0), 0x7000},
        {INV_TCB_SET_SPACE, SIM_CAPS(empty, vs), SIM_MRS(0, 0, 0), 0x3000},
        {INV_TCB_SET_SPACE, SIM_CAPS(frame, vs), SIM_MRS(0, 0, 0), 0x3000},
        {INV_TCB_SET_SPACE, SIM_CAPS(cs, vs), SIM_MRS(0, 31 << 3, 0), 0x3000},
        {INV_TCB_SET_SPACE, SIM_CAPS(cs, cs), SIM_MRS(0, 0, 0), 0x3000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(), SIM_MRS(0), 0x7000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(frame), SIM_MRS(), 0x7000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(cs), SIM_MRS(0x1001), 0x3000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(device), SIM_MRS(0x1000), 0x3000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(frame), SIM_MRS(0x1010), 0x5000},
        {INV_TCB_SET_IPC_BUFFER, SIM_CAPS(INIT_IRQ_CONTROL), SIM_MRS(0x1000), 0x3000},
    };
    struct tcb before = *t.p;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tcb_call(t, cases[i].label, cases[i].caps, cases[i].mrs);
        if (sim_reply.tag != cases[i].tag)
            fail_msg("case %u: expected 0x%x, got 0x%x", i, cases[i].tag, sim_reply.tag);
        assert_memory_equal(&before, t.p, sizeof(before));
    }
}

static void a_root_whose_deletion_would_be_long_is_not_replaced(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 5);
    cptr_t cnode = sim_new(OBJECT_CNODE, 4);
    assert_int_equal(tcb_call(t, INV_TCB_SET_SPACE, SIM_CAPS(cnode, INIT_VSPACE), SIM_MRS(1, 0, 0)),
                     SEL4_NO_ERROR);
    assert_int_equal(sim_delete(cnode), SEL4_NO_ERROR);
    assert_int_equal(
        tcb_call(t, INV_TCB_SET_SPACE, SIM_CAPS(INIT_CNODE, INIT_VSPACE), SIM_MRS(2, 0, 0)),
        SEL4_ILLEGAL_OPERATION);
    assert_int_equal(tcb_call(t, INV_TCB_CONFIGURE, SIM_CAPS(INIT_CNODE, INIT_VSPACE, t.buffer),
                              SIM_MRS(2, 0, 0, 0)),
                     SEL4_ILLEGAL_OPERATION);
    assert_int_equal(t.p->fault_handler, 1);
}

static void a_buffer_is_removed_by_address_zero(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 5);
    assert_int_equal(tcb_call(t, INV_TCB_SET_IPC_BUFFER, SIM_CAPS(INIT_IRQ_CONTROL), SIM_MRS(0)),
                     SEL4_NO_ERROR);
    assert_int_equal(cap_type(t.p->slots[TCB_BUFFER].cap), CAP_NULL);
    assert_int_equal(t.p->ipc_buffer, 0);
}

static void the_caller_can_change_its_own_spaces(void **state)
{
    (void)state;
    unsigned loads = hostsim.count.set_vspace;
    assert_int_equal(
        sim_call(INIT_TCB, INV_TCB_SET_SPACE, SIM_CAPS(INIT_CNODE, INIT_VSPACE), SIM_MRS(3, 0, 0)),
        SEL4_NO_ERROR);
    assert_true(sim_reply.returned);
    assert_true(hostsim.count.set_vspace > loads);
    assert_int_equal(sim_root()->fault_handler, 3);
}

/* ---- priorities ---------------------------------------------------------------------------------
 */
static void priorities_are_limited_by_the_authority(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    struct sim_thread weak = sim_thread_new("authority", 1, 0);
    assert_int_equal(tcb_call(weak, INV_TCB_SET_MCPRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(50)), 0);
    static const word_t labels[] = {INV_TCB_SET_PRIORITY, INV_TCB_SET_MCPRIORITY,
                                    INV_TCB_SET_SCHED_PARAMS};
    for (unsigned i = 0; i < 3; i++) {
        tcb_call(t, labels[i], SIM_CAPS(INIT_TCB), SIM_MRS());
        assert_int_equal(sim_reply.tag, 0x7000);
        tcb_call(t, labels[i], SIM_CAPS(), SIM_MRS(1, 1));
        assert_int_equal(sim_reply.tag, 0x7000);
        tcb_call(t, labels[i], SIM_CAPS(INIT_CNODE), SIM_MRS(256, 256));
        assert_int_equal(sim_reply.tag, 0x2001);
        assert_int_equal(sim_reply.mr[0], 1);
        tcb_call(t, labels[i], SIM_CAPS(INIT_TCB), SIM_MRS(256, 0));
        assert_int_equal(sim_reply.tag, 0x4002);
        assert_int_equal(sim_reply.mr[0], 0);
        assert_int_equal(sim_reply.mr[1], 255);
        tcb_call(t, labels[i], SIM_CAPS(weak.tcb), SIM_MRS(51, 0));
        assert_int_equal(sim_reply.tag, 0x4002);
        assert_int_equal(sim_reply.mr[1], 50);
        assert_int_equal(t.p->priority, 10);
        assert_int_equal(t.p->mcp, 255);
    }
    tcb_call(t, INV_TCB_SET_SCHED_PARAMS, SIM_CAPS(weak.tcb), SIM_MRS(50, 51));
    assert_int_equal(sim_reply.tag, 0x4002);
    assert_int_equal(t.p->mcp, 255);
    assert_int_equal(tcb_call(t, INV_TCB_SET_SCHED_PARAMS, SIM_CAPS(weak.tcb), SIM_MRS(40, 41)), 0);
    assert_int_equal(t.p->mcp, 40);
    assert_int_equal(t.p->priority, 41);
}

static void the_domain_is_checked_in_order(void **state)
{
    (void)state;
    struct sim_thread t = running("target", TOP, 0);
    const struct refused cases[] = {
        {INV_TCB_SUSPEND, SIM_CAPS(t.tcb), SIM_MRS(0), 0x3000},
        {INV_DOMAIN_SET_SET, SIM_CAPS(t.tcb), SIM_MRS(), 0x7000},
        {INV_DOMAIN_SET_SET, SIM_CAPS(), SIM_MRS(1), 0x1001},
        {INV_DOMAIN_SET_SET, SIM_CAPS(), SIM_MRS(0), 0x7000},
        {INV_DOMAIN_SET_SET, SIM_CAPS(INIT_CNODE), SIM_MRS(0), 0x1001},
        {INV_DOMAIN_SET_SET, SIM_CAPS(t.tcb), SIM_MRS(0), 0},
        {INV_DOMAIN_SET_SET, SIM_CAPS(INIT_TCB), SIM_MRS(0), 0},
    };
    static const word_t argument[] = {0, 0, 0, 0, 1, 0, 0};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sim_call(INIT_DOMAIN, cases[i].label, cases[i].caps, cases[i].mrs);
        assert_true(sim_reply.returned);
        assert_int_equal(sim_reply.tag, cases[i].tag);
        if (cases[i].tag == 0x1001)
            assert_int_equal(sim_reply.mr[0], argument[i]);
        sim_check();
    }
}

static void binding_checks_in_order(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", TOP, 0);
    struct sim_thread u = running("waiter", TOP, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t busy = sim_new(OBJECT_NOTIFICATION, 0);
    sim_become(u.p);
    sim_recv(busy);
    sim_become(sim_root());
    const struct refused cases[] = {
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(), SIM_MRS(), 0x7000},
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(INIT_TCB), SIM_MRS(), 0x3000},
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(copied(n, RIGHT_WRITE)), SIM_MRS(), 0x3000},
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(busy), SIM_MRS(), 0x3000},
        {INV_TCB_UNBIND_NOTIFICATION, SIM_CAPS(), SIM_MRS(), 0x3000},
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(copied(n, RIGHT_READ)), SIM_MRS(), 0},
        {INV_TCB_BIND_NOTIFICATION, SIM_CAPS(n), SIM_MRS(), 0x3000},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tcb_call(t, cases[i].label, cases[i].caps, cases[i].mrs);
        if (sim_reply.tag != cases[i].tag)
            fail_msg("case %u: expected 0x%x, got 0x%x", i, cases[i].tag, sim_reply.tag);
    }
    assert_int_equal(tcb_call(u, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(n), SIM_MRS()),
                     SEL4_ILLEGAL_OPERATION);
    assert_int_equal(tcb_call(t, INV_TCB_UNBIND_NOTIFICATION, SIM_CAPS(), SIM_MRS()), 0);
    assert_int_equal(tcb_call(u, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(n), SIM_MRS()), 0);
}

/* ---- who runs -----------------------------------------------------------------------------------
 */
/* The root task lowers itself, so that others can be above it. */
static void root_at(word_t priority)
{
    assert_int_equal(
        sim_call(INIT_TCB, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(priority)),
        SEL4_NO_ERROR);
}

static void set_priority(struct sim_thread t, word_t priority)
{
    tcb_call(t, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(priority));
}

static void a_higher_thread_that_wakes_runs_at_once(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("higher", 150, 0);
    struct sim_thread peer = sim_thread_new("peer", 100, 0);
    root_at(100);
    sim_thread_start(peer);
    tcb_call(t, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), t.p);
    assert_false(sim_reply.returned);
    /* the preempted one stands at the head of its queue */
    assert_int_equal(ks.ready[100].head, kaddr_of(sim_root()));
    assert_int_equal(ks.ready[100].tail, kaddr_of(peer.p));
    tcb_suspend(t.p);
    sched_schedule();
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(sim_root()->regs[REG_PC], HOSTSIM_SVC + 4);
    assert_int_equal(sim_root()->regs[1], 0); /* its Call was answered */
}

static void an_equal_thread_that_wakes_goes_to_the_tail(void **state)
{
    (void)state;
    struct sim_thread a = sim_thread_new("a", TOP, 0);
    struct sim_thread b = sim_thread_new("b", TOP, 0);
    sim_thread_start(a);
    assert_true(sim_reply.returned);
    sim_thread_start(b);
    assert_true(sim_reply.returned);
    assert_int_equal(ks.ready[TOP].head, kaddr_of(a.p));
    assert_int_equal(ks.ready[TOP].tail, kaddr_of(b.p));
}

static void a_lower_thread_that_wakes_goes_to_the_head(void **state)
{
    (void)state;
    struct sim_thread a = running("a", 20, 0);
    struct sim_thread b = running("b", 20, 0);
    assert_true(sim_reply.returned);
    assert_int_equal(ks.ready[20].head, kaddr_of(b.p));
    assert_int_equal(ks.ready[20].tail, kaddr_of(a.p));
}

static void a_thread_woken_by_one_that_blocks_runs_ahead_of_its_equals(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread server = running("server", TOP, 0);
    sim_become(server.p);
    sim_recv(ep);
    struct sim_thread peer = running("peer", TOP, 0);
    sim_call(ep, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), server.p);
    assert_int_equal(ks.ready[TOP].head, kaddr_of(peer.p));
}

static void a_lower_woken_thread_runs_only_when_nobody_is_above(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t wait = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread server = running("server", 50, 0);
    struct sim_thread middle = sim_thread_new("middle", 100, 0);
    sim_recv(wait); /* the root task blocks: the server runs */
    assert_ptr_equal(current_thread(), server.p);
    sim_recv(ep);
    notification_signal(kptr(cap_object(sim_cap(wait))), 1);
    sched_schedule();
    sim_call(ep, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), server.p); /* below the root, above all that is ready */
    sim_message((word_t)SYS_REPLY_RECV, ep, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), sim_root());
    sim_thread_start(middle);
    sim_call(ep, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), middle.p);
    assert_int_equal(ks.ready[50].head, kaddr_of(server.p));
}

/* A reply and a receive that finds a queued Send wake two threads in one entry: both go to the head
 * of their queues, the later in front. */
static void two_threads_woken_at_once_go_through_a_full_choice(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread caller = running("caller", TOP, 0);
    struct sim_thread sender = running("sender", TOP, 0);
    struct sim_thread peer = running("peer", TOP, 0);
    sim_become(caller.p);
    sim_call(ep, 1, SIM_CAPS(), SIM_MRS());
    sim_become(sender.p);
    sim_send(ep, 2, SIM_CAPS(), SIM_MRS());
    sim_become(sim_root());
    sim_recv(ep);
    sim_message((word_t)SYS_REPLY_RECV, ep, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(ks.ready[TOP].head, kaddr_of(sender.p));
    assert_int_equal(sender.p->sched_next, kaddr_of(caller.p));
    assert_int_equal(ks.ready[TOP].tail, kaddr_of(peer.p));
}

static void a_woken_thread_that_stops_again_is_forgotten(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("target", TOP, 0);
    tcb_resume(t.p);
    assert_int_equal(ks.candidate, kaddr_of(t.p));
    tcb_suspend(t.p);
    sched_schedule();
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(ks.ready_top, 0);
}

static void yield_goes_to_the_tail_and_keeps_the_slice(void **state)
{
    (void)state;
    struct sim_thread a = running("a", TOP, 0);
    struct sim_thread b = running("b", TOP, 0);
    sim_tick();
    sim_tick();
    assert_int_equal(sim_root()->time_slice, CONFIG_TICKS_PER_SLICE - 2);
    sim_yield();
    assert_ptr_equal(current_thread(), a.p);
    assert_int_equal(ks.ready[TOP].tail, kaddr_of(sim_root()));
    sim_yield();
    assert_ptr_equal(current_thread(), b.p);
    sim_yield();
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(sim_root()->time_slice, CONFIG_TICKS_PER_SLICE - 2);
}

static void equal_threads_take_turns_of_five_ticks(void **state)
{
    (void)state;
    struct sim_thread a = running("a", TOP, 0);
    struct sim_thread low = running("low", TOP - 1, 0);
    struct tcb *order[] = {sim_root(), a.p};
    for (unsigned tick = 0; tick < 20; tick++) {
        assert_ptr_equal(current_thread(), order[tick / CONFIG_TICKS_PER_SLICE % 2]);
        sim_tick();
    }
    assert_int_equal(low.p->time_slice, CONFIG_TICKS_PER_SLICE);
}

static void a_thread_preempted_in_a_system_call_is_not_charged(void **state)
{
    (void)state;
    cptr_t cnode = sim_new(OBJECT_CNODE, 12);
    word_t slice = sim_root()->time_slice;
    hostsim_preempt_after(2);
    assert_int_equal(sim_delete(cnode), SEL4_NO_ERROR);
    assert_int_equal(sim_reply.restarts, 1);
    assert_int_equal(hostsim.count.timer_ack, 1);
    assert_int_equal(sim_root()->time_slice, slice);
}

static void every_priority_runs_in_strict_order(void **state)
{
    (void)state;
    cptr_t wait = sim_new(OBJECT_NOTIFICATION, 0);
    struct tcb *at[TOP];
    for (word_t p = 0; p < TOP; p++) {
        word_t priority = p * 97 % TOP; /* started in no order */
        at[priority] = running("one", priority, 0).p;
    }
    sim_recv(wait);
    for (word_t p = TOP; p-- > 0;) {
        assert_ptr_equal(current_thread(), at[p]);
        sim_recv(wait);
    }
    assert_int_equal(ks.current, kaddr_of(&ks.idle));
    sim_tick(); /* idle is not charged */
    assert_int_equal(ks.current, kaddr_of(&ks.idle));
}

static void set_priority_acts_at_once(void **state)
{
    (void)state;
    struct sim_thread a = running("a", 100, 0);
    struct sim_thread b = running("b", 100, 0);
    root_at(150);
    assert_ptr_equal(current_thread(), sim_root());
    set_priority(a, 160);
    assert_ptr_equal(current_thread(), a.p);
    sim_call(INIT_TCB, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
    sim_call(INIT_TCB, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
    set_priority(a, 90);
    assert_ptr_equal(current_thread(), sim_root());
    root_at(100); /* at the head of its new queue: it goes on */
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(ks.ready[100].head, kaddr_of(b.p));
    sim_call(INIT_TCB, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(95));
    assert_ptr_equal(current_thread(), b.p);
    assert_int_equal(sim_root()->regs[1], 0);
}

static void the_address_space_follows_the_thread(void **state)
{
    (void)state;
    cptr_t wait = sim_new(OBJECT_NOTIFICATION, 0);
    unsigned switches = hostsim.count.set_vspace;
    sim_tick();
    assert_int_equal(hostsim.count.set_vspace, switches);
    paddr_t pd = hostsim.vspace_pd;
    sim_recv(wait);
    assert_int_equal(ks.current, kaddr_of(&ks.idle));
    assert_int_equal(hostsim.count.set_vspace, switches + 1);
    assert_int_not_equal(hostsim.vspace_pd, pd);
    notification_signal(kptr(cap_object(sim_cap(wait))), 1);
    sched_schedule();
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(hostsim.vspace_pd, pd);
}

/* ---- suspend, resume, delete --------------------------------------------------------------------
 */
static void resume_executes_a_blocked_call_again(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread t = running("target", TOP, 0);
    const struct {
        word_t number;
        cptr_t cptr;
        enum thread_state state;
    } cases[] = {{(word_t)SYS_SEND, ep, THREAD_BLOCKED_ON_SEND},
                 {(word_t)SYS_CALL, ep, THREAD_BLOCKED_ON_SEND},
                 {(word_t)SYS_RECV, ep, THREAD_BLOCKED_ON_RECEIVE},
                 {(word_t)SYS_RECV, n, THREAD_BLOCKED_ON_NOTIFICATION}};
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned suspend = 0; suspend < 2; suspend++) {
            sim_become(t.p);
            sim_message(cases[i].number, cases[i].cptr, 0, SIM_CAPS(), SIM_MRS());
            assert_int_equal(t.p->state, cases[i].state);
            sim_become(sim_root());
            if (suspend) {
                tcb_call(t, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
                assert_int_equal(t.p->state, THREAD_INACTIVE);
                assert_int_equal(t.p->blocked_on, 0);
            }
            sim_thread_start(t);
            sim_yield();
            assert_ptr_equal(current_thread(), t.p);
            assert_true(sim_is_at_svc());
            t.p->regs[REG_PC] = PC;
        }
    }
    assert_int_equal(((struct endpoint *)kptr(cap_object(sim_cap(ep))))->state, ENDPOINT_IDLE);
}

static void a_thread_suspended_while_running_goes_on_where_it_was(void **state)
{
    (void)state;
    struct sim_thread t = running("target", TOP, 0);
    sim_become(t.p);
    sim_yield(); /* its last svc is over */
    assert_int_equal(t.p->regs[REG_FAULT_IP], HOSTSIM_SVC);
    tcb_call(t, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
    assert_int_equal(tcb_call(t, INV_TCB_READ_REGISTERS, SIM_CAPS(), SIM_MRS(0, 1)), 0);
    assert_int_equal(sim_reply.mr[0], HOSTSIM_SVC + 4);
    sim_thread_start(t);
    sim_yield();
    assert_int_equal(t.p->regs[REG_PC], HOSTSIM_SVC + 4);
}

static void resuming_oneself_is_harmless(void **state)
{
    (void)state;
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS()), 0);
    assert_true(sim_reply.returned);
    assert_int_equal(sim_reply.restarts, 0);
}

static void a_thread_that_suspends_itself_does_so_again_when_resumed(void **state)
{
    (void)state;
    struct sim_thread t = running("target", TOP, 0);
    for (unsigned i = 0; i < 3; i++) {
        sim_become(t.p);
        if (i == 0)
            sim_call(t.tcb, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
        else
            sim_continue();
        assert_int_equal(t.p->state, THREAD_INACTIVE);
        assert_int_equal(t.p->regs[REG_R0], t.tcb); /* no answer was written */
        sim_become(sim_root());
        sim_thread_start(t);
    }
}

static void deleting_the_running_thread_ends_it(void **state)
{
    (void)state;
    struct sim_thread t = running("target", TOP, 0);
    cptr_t slot = t.tcb;
    sim_become(t.p);
    sim_message((word_t)SYS_CALL, INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(slot, DEPTH));
    assert_false(sim_reply.returned);
    assert_ptr_equal(current_thread(), sim_root());
    assert_int_equal(cap_type(sim_cap(slot)), CAP_NULL);
}

static void deleting_a_waiting_thread_takes_it_out_of_every_queue(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread a = running("a", TOP, 0);
    struct sim_thread b = running("b", TOP, 0);
    struct sim_thread c = running("c", TOP, 0);
    sim_become(a.p);
    sim_recv(ep);
    sim_become(b.p);
    sim_recv(n);
    sim_become(sim_root());
    assert_int_equal(sim_delete(a.tcb) | sim_delete(b.tcb) | sim_delete(c.tcb), 0);
    const struct endpoint *e = kptr(cap_object(sim_cap(ep)));
    const struct notification *nn = kptr(cap_object(sim_cap(n)));
    assert_int_equal(e->state | e->head | e->tail, 0);
    assert_int_equal(nn->head_state | nn->tail, 0);
    assert_int_equal(ks.ready_top, 0);
}

static void a_dead_callers_reply_is_gone(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t = running("caller", TOP, 0);
    sim_become(t.p);
    sim_call(ep, 0, SIM_CAPS(), SIM_MRS());
    sim_become(sim_root());
    sim_recv(ep);
    assert_int_equal(sim_delete(t.tcb), SEL4_NO_ERROR);
    assert_int_equal(cap_type(sim_root()->slots[TCB_CALLER].cap), CAP_NULL);
    sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(), SIM_MRS());
    assert_true(sim_reply.returned);
}

/* ---- events -------------------------------------------------------------------------------------
 */
struct seen {
    unsigned count[EVENT_KINDS];
    kaddr_t object[EVENT_KINDS];
    word_t detail[EVENT_KINDS];
};

static void note_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                       struct cap cap, kaddr_t object, word_t detail)
{
    (void)slot;
    (void)src;
    (void)cap;
    struct seen *seen = ctx;
    seen->count[kind]++;
    seen->object[kind] = object;
    seen->detail[kind] = detail;
}

static void expect_event(struct seen *seen, enum event_kind kind, struct sim_thread t,
                         word_t detail)
{
    if (seen->count[kind] != 1 || seen->object[kind] != kaddr_of(t.p) ||
        seen->detail[kind] != detail)
        fail_msg("event %u: seen %u times, object %08x, detail 0x%x", kind, seen->count[kind],
                 seen->object[kind], seen->detail[kind]);
    memset(seen, 0, sizeof(*seen));
}

static void thread_operations_are_reported(void **state)
{
    (void)state;
    static struct seen seen;
    struct sim_thread t = sim_thread_new("target", 10, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    memset(&seen, 0, sizeof(seen));
    hostsim.hooks.event = note_event;
    hostsim.hooks.ctx = &seen;
    sim_thread_start(t);
    expect_event(&seen, EVENT_THREAD_RESUME, t, 0);
    tcb_call(t, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS());
    expect_event(&seen, EVENT_THREAD_SUSPEND, t, THREAD_RESTART);
    tcb_call(t, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(77));
    expect_event(&seen, EVENT_THREAD_PRIORITY, t, 77 | 255 << 8);
    tcb_call(t, INV_TCB_SET_SPACE, SIM_CAPS(INIT_CNODE, INIT_VSPACE), SIM_MRS(9, 0, 0));
    expect_event(&seen, EVENT_THREAD_CONFIGURE, t, 9);
    tcb_call(t, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(n), SIM_MRS());
    expect_event(&seen, EVENT_BIND, t, cap_object(sim_cap(n)));
    tcb_call(t, INV_TCB_UNBIND_NOTIFICATION, SIM_CAPS(), SIM_MRS());
    expect_event(&seen, EVENT_BIND, t, 0);
    set_priority(t, TOP);
    sim_thread_start(t);
    sim_become(t.p);
    memset(&seen, 0, sizeof(seen));
    kernel_enter_undefined();
    expect_event(&seen, EVENT_FAULT, t, FAULT_USER_EXCEPTION);
    hostsim.hooks.event = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_memory_fault_tells_address_and_status),
        TEST(an_undefined_instruction_is_a_user_exception),
        TEST(an_unknown_system_call_shows_all_registers),
        TEST(a_reply_to_an_unknown_system_call_sets_twelve_registers),
        TEST(a_reply_with_a_label_stops_the_thread),
        TEST(without_buffers_four_words_of_a_fault_pass),
        TEST(capability_faults_tell_how_the_lookup_failed),
        TEST(a_lookup_through_a_shallow_cspace_is_a_depth_mismatch),
        TEST(handlers_need_write_and_a_way_to_answer),
        TEST(a_fault_message_carries_no_capabilities_and_its_handler_gets_a_reply),
        TEST(a_stale_fault_is_sent_in_place_of_data),
        TEST(cancelling_a_fault_that_waits_for_its_reply_clears_it),
        TEST(registers_are_read_in_order),
        TEST(registers_are_written_in_order),
        TEST(reading_can_suspend_and_writing_can_resume),
        TEST(register_operations_check_in_order),
        TEST(registers_are_copied_by_halves),
        TEST(tls_base_is_set_by_call_and_by_invocation),
        TEST(a_new_thread_is_as_the_sheet_says),
        TEST(configure_installs_children_of_its_arguments),
        TEST(configuration_refuses_in_order),
        TEST(a_root_whose_deletion_would_be_long_is_not_replaced),
        TEST(a_buffer_is_removed_by_address_zero),
        TEST(the_caller_can_change_its_own_spaces),
        TEST(priorities_are_limited_by_the_authority),
        TEST(the_domain_is_checked_in_order),
        TEST(binding_checks_in_order),
        TEST(a_higher_thread_that_wakes_runs_at_once),
        TEST(an_equal_thread_that_wakes_goes_to_the_tail),
        TEST(a_lower_thread_that_wakes_goes_to_the_head),
        TEST(a_thread_woken_by_one_that_blocks_runs_ahead_of_its_equals),
        TEST(a_lower_woken_thread_runs_only_when_nobody_is_above),
        TEST(two_threads_woken_at_once_go_through_a_full_choice),
        TEST(a_woken_thread_that_stops_again_is_forgotten),
        TEST(yield_goes_to_the_tail_and_keeps_the_slice),
        TEST(equal_threads_take_turns_of_five_ticks),
        TEST(a_thread_preempted_in_a_system_call_is_not_charged),
        TEST(every_priority_runs_in_strict_order),
        TEST(set_priority_acts_at_once),
        TEST(the_address_space_follows_the_thread),
        TEST(resume_executes_a_blocked_call_again),
        TEST(a_thread_suspended_while_running_goes_on_where_it_was),
        TEST(resuming_oneself_is_harmless),
        TEST(a_thread_that_suspends_itself_does_so_again_when_resumed),
        TEST(deleting_the_running_thread_ends_it),
        TEST(deleting_a_waiting_thread_takes_it_out_of_every_queue),
        TEST(a_dead_callers_reply_is_gone),
        TEST(thread_operations_are_reported),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
