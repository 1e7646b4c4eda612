/* IPC as programs see it: messages of every length, rights, capability transfer, replies,
 * notifications, and what happens to waiting threads when an object goes (ABI sheet 1, 8.3, 8.4).
 */
#include "kernel/endpoint.h"
#include "kernel/notification.h"
#include "kernel/sched.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_regs.h"

#include <string.h>

enum {
    TOP = 255,
    FILLER = 0x5a5a5a5a, /* what a receiver has in registers and buffer before a message */
    ANY = 32,            /* depth of root CNode slots */
};

static word_t message_value(unsigned i)
{
    return 0xc0de0000u + i * 7;
}

static struct sim_words message_of(unsigned length)
{
    struct sim_words m = {.n = length};
    for (unsigned i = 0; i < length; i++)
        m.w[i] = message_value(i);
    return m;
}

static struct sim_thread runner(const char *name)
{
    struct sim_thread t = sim_thread_new(name, TOP, 0);
    sim_thread_start(t);
    return t;
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

static void fill_buffer(struct tcb *t)
{
    for (unsigned i = 0; i < 128; i++)
        sim_buffer(t)[i] = FILLER;
}

static void fill_receiver(struct tcb *t)
{
    for (unsigned r = 0; r < 6; r++)
        t->regs[r] = FILLER;
    fill_buffer(t);
}

static void expect_words(struct tcb *t, unsigned length)
{
    const word_t *buffer = sim_buffer(t);
    for (unsigned i = 0; i < MSG_MAX_LENGTH; i++) {
        word_t got = i < 4 ? t->regs[REG_R2 + i] : buffer[IPCBUF_MSG + i];
        word_t want = i < length ? message_value(i) : (word_t)FILLER;
        if (got != want)
            fail_msg("length %u, word %u: expected 0x%08x, got 0x%08x", length, i, want, got);
    }
    assert_int_equal(buffer[IPCBUF_TAG], FILLER);
    for (unsigned i = 121; i < 128; i++)
        assert_int_equal(buffer[i], FILLER);
}

static void receive_with_filler(struct sim_thread t, cptr_t ep)
{
    sim_become(t.p);
    fill_receiver(t.p);
    sim_recv(ep);
}

/* ---- words --------------------------------------------------------------------------------------
 */
static void every_length_reaches_a_waiting_receiver(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t sender = minted(ep, RIGHT_ALL, 0x77);
    struct sim_thread r = runner("receiver");
    for (unsigned length = 0; length <= MSG_MAX_LENGTH; length++) {
        receive_with_filler(r, ep);
        assert_int_equal(r.p->state, THREAD_BLOCKED_ON_RECEIVE);
        sim_become(sim_root());
        sim_send(sender, 0xabcde, SIM_CAPS(), message_of(length));
        assert_int_equal(r.p->regs[0], 0x77);
        assert_int_equal(r.p->regs[1], msginfo_make(0xabcde, 0, 0, length));
        expect_words(r.p, length);
    }
}

static void every_length_is_taken_from_a_queued_sender(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread s = runner("sender");
    for (unsigned length = 0; length <= MSG_MAX_LENGTH; length++) {
        sim_become(s.p);
        sim_send(ep, 3, SIM_CAPS(), message_of(length));
        assert_int_equal(s.p->state, THREAD_BLOCKED_ON_SEND);
        sim_become(sim_root());
        fill_receiver(sim_root());
        sim_recv(ep);
        assert_true(sim_reply.returned);
        assert_int_equal(sim_reply.tag, msginfo_make(3, 0, 0, length));
        expect_words(sim_root(), length);
        assert_int_equal(s.p->state, THREAD_RUNNING);
    }
}

static void every_length_goes_there_and_back_in_a_call(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread server = runner("server");
    sim_become(server.p);
    sim_recv(ep);
    for (unsigned length = 0; length <= MSG_MAX_LENGTH; length++) {
        sim_become(sim_root());
        sim_call(ep, 1, SIM_CAPS(), message_of(length));
        assert_ptr_equal(current_thread(), server.p);
        assert_int_equal(sim_root()->state, THREAD_BLOCKED_ON_REPLY);
        assert_int_equal(msginfo_length(server.p->regs[1]), length);
        fill_receiver(sim_root());
        sim_message((word_t)SYS_REPLY_RECV, ep, 9, SIM_CAPS(), message_of(length));
        assert_ptr_equal(current_thread(), sim_root());
        assert_int_equal(sim_root()->regs[0], 0);
        assert_int_equal(sim_root()->regs[1], msginfo_make(9, 0, 0, length));
        expect_words(sim_root(), length);
        assert_int_equal(server.p->state, THREAD_BLOCKED_ON_RECEIVE);
    }
}

static void a_length_above_120_is_120(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread r = runner("receiver");
    receive_with_filler(r, ep);
    sim_become(sim_root());
    struct sim_words m = message_of(MSG_MAX_LENGTH);
    memcpy(sim_buffer(sim_root()) + IPCBUF_MSG, m.w, sizeof(m.w));
    word_t regs[6] = {ep, msginfo_make(0, 0, 0, 127), m.w[0], m.w[1], m.w[2], m.w[3]};
    sim_syscall((word_t)SYS_SEND, regs);
    assert_int_equal(r.p->regs[1], 120);
    expect_words(r.p, 120);
}

/* Gives the thread another buffer, or (vaddr 0) none. */
static void set_buffer(struct sim_thread t, cptr_t frame, vaddr_t vaddr)
{
    sim_become(sim_root());
    assert_int_equal(sim_call(t.tcb, INV_TCB_SET_IPC_BUFFER, SIM_CAPS(frame), SIM_MRS(vaddr)),
                     SEL4_NO_ERROR);
}

static word_t length_delivered(struct sim_thread from, struct sim_thread to, cptr_t ep,
                               unsigned length)
{
    sim_become(to.p);
    sim_recv(ep);
    sim_become(from.p);
    sim_send(ep, 0, SIM_CAPS(), message_of(length));
    assert_int_equal(to.p->state, THREAD_RUNNING);
    return msginfo_length(to.p->regs[1]);
}

static void without_a_buffer_on_either_side_four_words_pass(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread a = runner("a");
    struct sim_thread b = runner("b");
    assert_int_equal(length_delivered(a, b, ep, 120), 120);
    set_buffer(b, b.buffer, 0);
    assert_int_equal(length_delivered(a, b, ep, 120), 4);
    assert_int_equal(length_delivered(a, b, ep, 3), 3);
    assert_int_equal(length_delivered(b, a, ep, 120), 4);
    assert_int_equal(length_delivered(b, a, ep, 0), 0);
}

static void a_read_only_buffer_serves_for_sending_only(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread a = runner("a");
    struct sim_thread b = runner("b");
    set_buffer(a, copied(a.buffer, RIGHT_READ), 0x40000000);
    assert_int_equal(length_delivered(a, b, ep, 50), 50);
    assert_int_equal(length_delivered(b, a, ep, 50), 4);
    set_buffer(a, copied(a.buffer, 0), 0x40000000);
    assert_int_equal(length_delivered(a, b, ep, 50), 4);
}

static void a_buffer_lies_at_its_offset_in_a_larger_frame(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t frame = sim_new(OBJECT_FRAME_64K, 0);
    struct sim_thread b = runner("b");
    set_buffer(b, frame, 0x7654fe00);
    sim_become(b.p);
    sim_recv(ep);
    sim_become(sim_root());
    sim_send(ep, 0, SIM_CAPS(), message_of(9));
    const word_t *base = kptr(cap_object(sim_cap(frame)));
    assert_int_equal(base[0xfe00 / 4 + IPCBUF_MSG + 8], message_value(8));
    assert_int_equal(base[0xfe00 / 4 + IPCBUF_MSG + 9], 0);
}

/* ---- rights -------------------------------------------------------------------------------------
 */
static void send_needs_write_and_call_needs_a_way_back(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread server = runner("server");
    struct sim_thread client = runner("client");
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        cptr_t c = copied(ep, rights);
        sim_become(server.p);
        sim_recv(ep);
        sim_become(client.p);
        sim_call(c, 5, SIM_CAPS(), SIM_MRS(1));
        if (!(rights & RIGHT_WRITE)) {
            assert_int_equal(sim_reply.tag, msginfo_make(SEL4_INVALID_CAPABILITY, 0, 0, 1));
            assert_int_equal(sim_reply.mr[0], 0);
            assert_int_equal(server.p->state, THREAD_BLOCKED_ON_RECEIVE);
            sim_send(ep, 0, SIM_CAPS(), SIM_MRS());
        } else if (rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)) {
            assert_int_equal(client.p->state, THREAD_BLOCKED_ON_REPLY);
            assert_int_equal(cap_type(server.p->slots[TCB_CALLER].cap), CAP_REPLY);
            sim_become(server.p);
            sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(), SIM_MRS());
        } else {
            assert_int_equal(client.p->state, THREAD_INACTIVE);
            assert_int_equal(cap_type(server.p->slots[TCB_CALLER].cap), CAP_NULL);
            sim_become(server.p);
            assert_int_equal(server.p->regs[1], msginfo_make(5, 0, 0, 1));
            sim_become(sim_root());
            sim_thread_start(client);
        }
        sim_check();
        sim_become(sim_root());
    }
}

static void a_queued_call_keeps_the_rights_it_had(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t weak = copied(ep, RIGHT_WRITE);
    struct sim_thread client = runner("client");
    sim_become(client.p);
    sim_call(weak, 5, SIM_CAPS(), SIM_MRS());
    assert_int_equal(client.p->state, THREAD_BLOCKED_ON_SEND);
    sim_become(sim_root());
    sim_recv(ep);
    assert_int_equal(sim_reply.label, 5);
    assert_int_equal(client.p->state, THREAD_INACTIVE);
    assert_int_equal(cap_type(sim_root()->slots[TCB_CALLER].cap), CAP_NULL);
}

static void receive_needs_read(void **state)
{
    (void)state;
    cptr_t faults = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t deaf = copied(ep, RIGHT_ALL & ~RIGHT_READ);
    struct sim_thread t = sim_thread_new("deaf", TOP, faults);
    sim_thread_start(t);
    static const word_t receives[] = {(word_t)SYS_RECV, (word_t)SYS_NBRECV};
    for (unsigned i = 0; i < 2; i++) {
        sim_become(t.p);
        sim_message(receives[i], deaf, 0, SIM_CAPS(), SIM_MRS());
        assert_int_equal(t.p->fault_type, FAULT_CAP);
        sim_become(sim_root());
        sim_recv(faults);
        assert_int_equal(sim_reply.tag, msginfo_make(FAULT_CAP, 0, 0, 5));
        assert_int_equal(sim_reply.mr[0], HOSTSIM_SVC);
        assert_int_equal(sim_reply.mr[1], deaf);
        assert_int_equal(sim_reply.mr[2], 1);
        assert_int_equal(sim_reply.mr[3], LOOKUP_MISSING_CAPABILITY);
        assert_int_equal(sim_reply.mr[4], 0);
        t.p->regs[REG_R0] = ep; /* as a handler would, before it lets the thread go on */
        sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(), SIM_MRS());
        assert_int_equal(t.p->state, THREAD_RESTART);
        t.p->regs[REG_R7] = (word_t)SYS_YIELD;
    }
}

/* ---- capability transfer ------------------------------------------------------------------------
 */
static void receive_into(struct tcb *t, cptr_t slot)
{
    word_t *b = sim_buffer(t);
    b[IPCBUF_RECEIVE_CNODE] = INIT_CNODE;
    b[IPCBUF_RECEIVE_INDEX] = slot;
    b[IPCBUF_RECEIVE_DEPTH] = ANY;
}

/* The example of 1.7, with the golden vector of 12.1. */
static void capabilities_are_unwrapped_and_transferred(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = minted(ep, RIGHT_ALL, 0x77);
    cptr_t same = minted(ep, RIGHT_ALL, 0x123);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t dest = sim_free_slots(1);
    struct sim_thread r = runner("receiver");
    sim_become(r.p);
    fill_receiver(r.p);
    receive_into(r.p, dest);
    sim_recv(ep);
    sim_become(sim_root());
    struct sim_words m = message_of(120);
    memcpy(sim_buffer(sim_root()) + IPCBUF_MSG, m.w, sizeof(m.w));
    word_t *caps = sim_buffer(sim_root()) + IPCBUF_CAPS;
    caps[0] = same;
    caps[1] = ntfn;
    caps[2] = INIT_TCB;
    word_t regs[6] = {badged, msginfo_make(0x77, 7, 3, 127), m.w[0], m.w[1], m.w[2], m.w[3]};
    sim_syscall((word_t)SYS_CALL, regs);
    const word_t want[6] = {0x77, 0x77378, m.w[0], m.w[1], m.w[2], m.w[3]};
    sim_expect_r0_r5(r.p, want);
    assert_int_equal(sim_buffer(r.p)[IPCBUF_CAPS], 0x123);
    assert_int_equal(sim_buffer(r.p)[IPCBUF_CAPS + 1], FILLER);
    assert_int_equal(sim_buffer(r.p)[IPCBUF_CAPS + 2], FILLER);
    assert_memory_equal(&sim_slot(dest)->cap, &sim_slot(ntfn)->cap, sizeof(struct cap));
    assert_true(ks.current != 0 && sim_slot(ntfn)->next % 16 == 3);
    assert_int_equal(sim_slot(ntfn)->next & SLOT_LINK_MASK, kaddr_of(sim_slot(dest)));
    sim_check();
}

/* extraCaps that arrive when one capability is sent through `cap`. */
static word_t caps_delivered(struct sim_thread r, cptr_t ep, cptr_t cap, cptr_t sent, cptr_t dest)
{
    sim_become(r.p);
    receive_into(r.p, dest);
    sim_recv(ep);
    sim_become(sim_root());
    sim_send(cap, 0, SIM_CAPS(sent), SIM_MRS());
    return msginfo_extra(r.p->regs[1]);
}

static void capabilities_pass_only_with_grant(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread r = runner("receiver");
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        if (!(rights & RIGHT_WRITE))
            continue;
        cptr_t dest = sim_free_slots(1);
        cptr_t cap = copied(ep, rights);
        word_t want = rights & RIGHT_GRANT ? 1 : 0;
        assert_int_equal(caps_delivered(r, ep, cap, ntfn, dest), want);
        assert_int_equal(cap_type(sim_cap(dest)), want ? CAP_NOTIFICATION : CAP_NULL);
        /* a capability to the same endpoint is not even unwrapped */
        assert_int_equal(caps_delivered(r, ep, cap, ep, dest), want);
    }
}

static void a_transfer_needs_an_empty_slot_and_a_derivable_capability(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t dest = sim_free_slots(2);
    struct sim_thread r = runner("receiver");
    assert_int_equal(caps_delivered(r, ep, ep, INIT_IRQ_CONTROL, dest), 0); /* derives to null */
    assert_int_equal(caps_delivered(r, ep, ep, dest + 1, dest), 0);         /* an empty slot */
    assert_int_equal(cap_type(sim_cap(dest)), CAP_NULL);
    assert_int_equal(caps_delivered(r, ep, ep, ntfn, dest), 1);
    assert_int_equal(caps_delivered(r, ep, ep, ntfn, dest), 0); /* occupied */
    assert_int_equal(caps_delivered(r, ep, ep, ntfn, 0x80000000), 0);
    set_buffer(r, r.buffer, 0);
    sim_become(r.p);
    sim_recv(ep);
    sim_become(sim_root());
    sim_send(ep, 0, SIM_CAPS(ntfn), SIM_MRS(1, 2));
    assert_int_equal(r.p->regs[1], 2); /* no buffer: no capabilities */
}

static void one_slot_takes_one_capability(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t a = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t b = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t same = minted(ep, RIGHT_ALL, 0x42);
    struct sim_thread r = runner("receiver");
    cptr_t dest = sim_free_slots(1);
    sim_become(r.p);
    receive_into(r.p, dest);
    sim_recv(ep);
    sim_become(sim_root());
    sim_send(ep, 0, SIM_CAPS(a, same, b), SIM_MRS());
    assert_int_equal(r.p->regs[1], msginfo_make(0, 2, 2, 0));
    assert_int_equal(sim_buffer(r.p)[IPCBUF_CAPS + 1], 0x42);
    assert_int_equal(cap_object(sim_cap(dest)), cap_object(sim_cap(a)));
}

static void an_unresolvable_extra_capability_faults_before_anything_is_sent(void **state)
{
    (void)state;
    cptr_t faults = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t mute = copied(ep, RIGHT_WRITE);
    struct sim_thread t = sim_thread_new("sender", TOP, faults);
    struct sim_thread r = runner("receiver");
    sim_thread_start(t);
    sim_become(r.p);
    sim_recv(ep);
    sim_become(t.p);
    sim_message((word_t)SYS_NBSEND, mute, 0, SIM_CAPS(ep, 0x80000000), SIM_MRS());
    assert_true(sim_reply.returned);
    assert_int_equal(r.p->state, THREAD_BLOCKED_ON_RECEIVE);
    sim_send(mute, 0, SIM_CAPS(ep, 0x80000000), SIM_MRS());
    assert_int_equal(r.p->state, THREAD_BLOCKED_ON_RECEIVE);
    assert_int_equal(t.p->fault_type, FAULT_CAP);
    sim_become(sim_root());
    sim_recv(faults);
    assert_int_equal(sim_reply.mr[1], 0x80000000);
    assert_int_equal(sim_reply.mr[2], 0);
}

/* ---- replies ------------------------------------------------------------------------------------
 */
static void call_by(struct sim_thread client, cptr_t ep)
{
    sim_become(client.p);
    sim_call(ep, 1, SIM_CAPS(), SIM_MRS());
}

static void a_reply_transfers_by_the_servers_grant(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread client = runner("client");
    for (unsigned with = 0; with < 2; with++) {
        cptr_t server = copied(ep, with ? RIGHT_ALL : RIGHT_ALL & ~RIGHT_GRANT);
        cptr_t dest = sim_free_slots(1);
        receive_into(client.p, dest);
        call_by(client, copied(ep, with ? RIGHT_WRITE | RIGHT_GRANT_REPLY : RIGHT_ALL));
        sim_become(sim_root());
        sim_recv(server);
        assert_int_equal(reply_can_grant(sim_root()->slots[TCB_CALLER].cap), with);
        sim_message((word_t)SYS_REPLY, 0, 2, SIM_CAPS(ntfn), SIM_MRS());
        assert_int_equal(client.p->regs[1], msginfo_make(2, 0, with, 0));
        assert_int_equal(cap_type(sim_cap(dest)), with ? CAP_NOTIFICATION : CAP_NULL);
        sim_check();
    }
}

static void the_servers_grant_counts_when_it_waited_first(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread server = runner("server");
    for (unsigned with = 0; with < 2; with++) {
        sim_become(server.p);
        sim_recv(copied(ep, with ? RIGHT_ALL : RIGHT_ALL & ~RIGHT_GRANT));
        sim_become(sim_root());
        sim_call(copied(ep, with ? RIGHT_WRITE | RIGHT_GRANT_REPLY : RIGHT_ALL), 0, SIM_CAPS(),
                 SIM_MRS());
        assert_ptr_equal(current_thread(), server.p);
        assert_int_equal(reply_can_grant(server.p->slots[TCB_CALLER].cap), with);
        sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(), SIM_MRS());
    }
}

static void a_reply_never_unwraps(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t dest = sim_free_slots(1);
    struct sim_thread client = runner("client");
    receive_into(client.p, dest);
    call_by(client, ep);
    sim_become(sim_root());
    sim_recv(ep);
    sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(ep), SIM_MRS());
    assert_int_equal(client.p->regs[1], msginfo_make(0, 0, 1, 0));
    assert_int_equal(cap_type(sim_cap(dest)), CAP_ENDPOINT);
}

static cptr_t saved_caller(void)
{
    cptr_t slot = sim_free_slots(1);
    assert_int_equal(sim_call(INIT_CNODE, INV_CNODE_SAVE_CALLER, SIM_CAPS(), SIM_MRS(slot, ANY)),
                     SEL4_NO_ERROR);
    return slot;
}

static void a_saved_reply_serves_once_by_send_nbsend_or_call(void **state)
{
    (void)state;
    static const word_t ways[] = {(word_t)SYS_SEND, (word_t)SYS_NBSEND, (word_t)SYS_CALL};
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread client = runner("client");
    for (unsigned i = 0; i < 3; i++) {
        call_by(client, ep);
        sim_become(sim_root());
        sim_recv(ep);
        cptr_t slot = saved_caller();
        sim_message((word_t)SYS_REPLY, 0, 8, SIM_CAPS(), SIM_MRS());
        assert_int_equal(client.p->state, THREAD_BLOCKED_ON_REPLY); /* nothing was pending */
        assert_int_equal(sim_copy(sim_free_slots(1), slot, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
        cptr_t moved = sim_free_slots(1);
        assert_int_equal(sim_move(moved, slot), SEL4_NO_ERROR);
        sim_message(ways[i], moved, 7, SIM_CAPS(), message_of(6));
        assert_int_equal(client.p->regs[1], msginfo_make(7, 0, 0, 6));
        assert_int_equal(client.p->regs[0], 0);
        assert_int_equal(client.p->state, THREAD_RUNNING);
        assert_int_equal(cap_type(sim_cap(moved)), CAP_NULL);
        if (ways[i] == (word_t)SYS_CALL)
            assert_int_equal(sim_reply.tag, 0);
        sim_check();
    }
}

static void a_receive_drops_the_pending_reply_but_a_wait_keeps_it(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t other = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread client = runner("client");
    call_by(client, ep);
    sim_become(sim_root());
    sim_recv(ep);
    sim_message((word_t)SYS_NBRECV, ntfn, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(cap_type(sim_root()->slots[TCB_CALLER].cap), CAP_REPLY);
    sim_message((word_t)SYS_NBRECV, other, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(cap_type(sim_root()->slots[TCB_CALLER].cap), CAP_NULL);
    assert_int_equal(client.p->state, THREAD_BLOCKED_ON_REPLY);
    sim_thread_start(client); /* hangs until resumed: the call is made again */
    sim_become(client.p);
    assert_true(sim_is_at_svc());
    sim_continue();
    assert_int_equal(client.p->state, THREAD_BLOCKED_ON_SEND);
}

static void suspending_a_caller_takes_its_reply_wherever_it_is(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread client = runner("client");
    call_by(client, ep);
    sim_become(sim_root());
    sim_recv(ep);
    cptr_t slot = saved_caller();
    assert_int_equal(cap_type(sim_cap(slot)), CAP_REPLY);
    assert_int_equal(sim_call(client.tcb, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS()), 0);
    assert_int_equal(cap_type(sim_cap(slot)), CAP_NULL);
    assert_int_equal(client.p->state, THREAD_INACTIVE);
    assert_int_equal(client.p->regs[REG_FAULT_IP], HOSTSIM_SVC);
}

static void reply_recv_answers_and_waits_in_one(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread a = runner("a");
    struct sim_thread b = runner("b");
    call_by(a, ep);
    call_by(b, ep);
    sim_become(sim_root());
    sim_recv(ep);
    sim_message((word_t)SYS_REPLY_RECV, ep, 4, SIM_CAPS(), SIM_MRS(1, 2, 3));
    assert_int_equal(a.p->regs[1], msginfo_make(4, 0, 0, 3));
    assert_int_equal(a.p->state, THREAD_RUNNING);
    assert_int_equal(b.p->state, THREAD_BLOCKED_ON_REPLY);
    assert_true(sim_reply.returned);
    assert_int_equal(sim_reply.label, 1);
}

/* ---- queues -------------------------------------------------------------------------------------
 */
static void senders_are_served_in_order_whatever_their_priority(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = runner("sender");
        sim_become(t[i].p);
        sim_send(ep, i, SIM_CAPS(), SIM_MRS());
        sim_become(sim_root());
        sim_call(t[i].tcb, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(10 + 10 * i));
    }
    sim_call(t[1].tcb, INV_TCB_SUSPEND, SIM_CAPS(), SIM_MRS()); /* out of the middle */
    static const word_t order[] = {0, 2, 3};
    for (unsigned i = 0; i < 3; i++) {
        sim_recv(ep);
        assert_int_equal(sim_reply.label, order[i]);
    }
    const struct endpoint *e = kptr(cap_object(sim_cap(ep)));
    assert_int_equal(e->state, ENDPOINT_IDLE);
    assert_int_equal(e->head | e->tail, 0);
}

static void receivers_are_served_in_order(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t[3];
    for (unsigned i = 0; i < 3; i++) {
        t[i] = runner("receiver");
        sim_become(t[i].p);
        sim_recv(ep);
        sim_become(sim_root());
    }
    for (unsigned i = 0; i < 3; i++) {
        sim_send(ep, 0, SIM_CAPS(), SIM_MRS());
        for (unsigned j = 0; j < 3; j++)
            assert_int_equal(t[j].p->state, j <= i ? THREAD_RUNNING : THREAD_BLOCKED_ON_RECEIVE);
    }
}

static void nbsend_to_nobody_is_dropped(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    sim_message((word_t)SYS_NBSEND, ep, 3, SIM_CAPS(), SIM_MRS(1));
    assert_true(sim_reply.returned);
    sim_message((word_t)SYS_NBRECV, ep, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(sim_reply.badge, 0);
    struct sim_thread r = runner("receiver");
    sim_become(r.p);
    sim_recv(ep);
    sim_become(sim_root());
    sim_message((word_t)SYS_NBSEND, ep, 3, SIM_CAPS(), SIM_MRS(1));
    assert_int_equal(r.p->regs[1], msginfo_make(3, 0, 0, 1));
}

/* ---- notifications ------------------------------------------------------------------------------
 */
static void signals_accumulate_until_taken(void **state)
{
    (void)state;
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    sim_send(minted(n, RIGHT_ALL, 0x41), 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(sim_call(minted(n, RIGHT_ALL, 0x02), 9, SIM_CAPS(), SIM_MRS(1, 2)), 0);
    assert_int_equal(sim_reply.tag, 0);
    assert_int_equal(sim_recv(n), 0x43);
    assert_int_equal(sim_reply.tag, 0); /* r1 is as it was */
    sim_message((word_t)SYS_NBRECV, n, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(sim_reply.badge, 0);
    sim_message((word_t)SYS_NBSEND, n, 0, SIM_CAPS(), SIM_MRS()); /* badge 0 activates as well */
    assert_int_equal(((struct notification *)kptr(cap_object(sim_cap(n))))->head_state,
                     NOTIFICATION_ACTIVE);
    sim_recv(n);
    assert_true(sim_reply.returned);
}

static void a_signal_wakes_the_first_waiter(void **state)
{
    (void)state;
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t badged = minted(n, RIGHT_WRITE, 0x9);
    struct sim_thread a = runner("a");
    struct sim_thread b = runner("b");
    sim_become(a.p);
    sim_recv(n);
    sim_become(b.p);
    sim_recv(n);
    assert_int_equal(b.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
    sim_become(sim_root());
    sim_send(badged, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(a.p->state, THREAD_RUNNING);
    assert_int_equal(a.p->regs[0], 0x9);
    assert_int_equal(b.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
    assert_int_equal(sim_call(badged, 0, SIM_CAPS(), SIM_MRS()), SEL4_NO_ERROR);
    assert_int_equal(b.p->state, THREAD_RUNNING);
    assert_int_equal(sim_call(copied(n, RIGHT_READ), 0, SIM_CAPS(), SIM_MRS()),
                     SEL4_INVALID_CAPABILITY);
}

static cptr_t bound_to(struct sim_thread t)
{
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    assert_int_equal(sim_call(t.tcb, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(n), SIM_MRS()), 0);
    return n;
}

static void a_bound_thread_gets_signals_where_it_waits_for_messages(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t = runner("bound");
    cptr_t n = bound_to(t);
    cptr_t badged = minted(n, RIGHT_ALL, 0x43);
    receive_with_filler(t, ep);
    word_t before[REG_COUNT];
    memcpy(before, t.p->regs, sizeof(before));
    sim_become(sim_root());
    sim_send(badged, 0, SIM_CAPS(), SIM_MRS(1, 2, 3));
    assert_int_equal(t.p->state, THREAD_RUNNING);
    assert_int_equal(t.p->regs[0], 0x43);
    sim_expect_kept(t.p, before, SIM_R(0));
    assert_int_equal(((struct endpoint *)kptr(cap_object(sim_cap(ep))))->state, ENDPOINT_IDLE);
}

static void a_pending_bound_signal_comes_before_a_queued_message(void **state)
{
    (void)state;
    static const word_t receives[] = {(word_t)SYS_RECV, (word_t)SYS_NBRECV};
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t = runner("bound");
    struct sim_thread s = runner("sender");
    cptr_t badged = minted(bound_to(t), RIGHT_ALL, 0x43);
    sim_become(s.p);
    sim_send(ep, 6, SIM_CAPS(), SIM_MRS());
    sim_become(sim_root());
    for (unsigned i = 0; i < 2; i++) {
        sim_become(sim_root());
        sim_send(badged, 0, SIM_CAPS(), SIM_MRS());
        sim_become(t.p);
        sim_svc_keeps(receives[i], ep, FILLER, SIM_R(0));
        assert_int_equal(t.p->regs[0], 0x43);
        assert_int_equal(s.p->state, THREAD_BLOCKED_ON_SEND);
    }
    assert_int_equal(sim_recv(ep), 0);
    assert_int_equal(sim_reply.label, 6);
}

static void a_bound_notification_is_its_threads_alone(void **state)
{
    (void)state;
    cptr_t faults = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t = runner("bound");
    struct sim_thread other = sim_thread_new("other", TOP, faults);
    sim_thread_start(other);
    cptr_t n = bound_to(t);
    sim_become(t.p);
    sim_recv(n);
    assert_int_equal(t.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
    sim_become(other.p);
    sim_recv(n);
    assert_int_equal(other.p->fault_type, FAULT_CAP);
    assert_int_equal(other.p->fault_word1, 1);
    sim_become(sim_root());
    sim_send(n, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(t.p->state, THREAD_RUNNING);
}

static void a_signal_to_a_bound_caller_accumulates(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread t = runner("bound");
    cptr_t n = minted(bound_to(t), RIGHT_ALL, 5);
    call_by(t, ep);
    sim_become(sim_root());
    sim_send(n, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(t.p->state, THREAD_BLOCKED_ON_SEND);
    sim_recv(ep);
    sim_send(n, 0, SIM_CAPS(), SIM_MRS());
    assert_int_equal(t.p->state, THREAD_BLOCKED_ON_REPLY);
    sim_message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(), SIM_MRS());
    sim_become(t.p);
    assert_int_equal(sim_recv(ep), 5);
}

/* ---- objects that go ----------------------------------------------------------------------------
 */
static void deleting_an_endpoint_restarts_its_senders(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread sender = runner("sender");
    struct sim_thread caller = runner("caller");
    sim_become(sender.p);
    sim_send(ep, 1, SIM_CAPS(), SIM_MRS());
    call_by(caller, ep);
    sim_become(sim_root());
    assert_int_equal(sim_delete(ep), SEL4_NO_ERROR);
    assert_int_equal(sender.p->state, THREAD_RESTART);
    sim_become(sender.p);
    assert_true(sim_is_at_svc());
    sim_continue();
    assert_true(sim_reply.returned); /* a Send to an empty slot is silent */
    sim_become(caller.p);
    if (sim_is_at_svc())
        sim_continue();
    assert_int_equal(caller.p->regs[1], msginfo_make(SEL4_INVALID_CAPABILITY, 0, 0, 1));
    assert_int_equal(caller.p->regs[2], 0);
}

static void deleting_an_object_restarts_its_receivers_into_a_fault(void **state)
{
    (void)state;
    static const enum object_type types[] = {OBJECT_ENDPOINT, OBJECT_NOTIFICATION};
    cptr_t faults = sim_new(OBJECT_ENDPOINT, 0);
    for (unsigned i = 0; i < 2; i++) {
        cptr_t object = sim_new(types[i], 0);
        struct sim_thread t = sim_thread_new("receiver", TOP, faults);
        sim_thread_start(t);
        sim_become(t.p);
        sim_recv(object);
        sim_become(sim_root());
        assert_int_equal(sim_delete(object), SEL4_NO_ERROR);
        assert_int_equal(t.p->state, THREAD_RESTART);
        sim_become(t.p);
        sim_continue();
        assert_int_equal(t.p->fault_type, FAULT_CAP);
        sim_become(sim_root());
        sim_recv(faults);
        assert_int_equal(sim_reply.mr[1], object);
    }
}

static void deleting_a_notification_unbinds_it(void **state)
{
    (void)state;
    struct sim_thread t = runner("bound");
    cptr_t n = bound_to(t);
    assert_int_equal(sim_delete(n), SEL4_NO_ERROR);
    assert_int_equal(t.p->bound_notification, 0);
    n = bound_to(t);
    struct notification *object = kptr(cap_object(sim_cap(n)));
    assert_int_equal(sim_delete(t.tcb), SEL4_NO_ERROR);
    assert_int_equal(object->bound, 0);
}

enum { CROWD = 60 };

/* Threads that queue as senders on `ep`: every third with badge 5, the others with badge 6. */
static void crowd_sends(struct sim_thread *crowd, cptr_t ep)
{
    cptr_t badge[3] = {minted(ep, RIGHT_ALL, 5), minted(ep, RIGHT_ALL, 6),
                       minted(ep, RIGHT_ALL, 6)};
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = sim_thread_new("crowd", TOP - 1, 0);
        sim_thread_start(crowd[i]);
    }
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    sim_recv(ntfn); /* the root task makes room */
    for (unsigned i = 0; i < CROWD; i++) {
        sim_become(crowd[i].p);
        sim_send(badge[i % 3], i, SIM_CAPS(), SIM_MRS());
        assert_int_equal(crowd[i].p->state, THREAD_BLOCKED_ON_SEND);
    }
    assert_int_equal(ks.current, kaddr_of(&ks.idle));
    notification_signal(kptr(cap_object(sim_cap(ntfn))), 1); /* as a device would */
    sched_schedule();
    assert_ptr_equal(current_thread(), sim_root());
}

static void cancel_badged(cptr_t slot)
{
    assert_int_equal(
        sim_call(INIT_CNODE, INV_CNODE_CANCEL_BADGED_SENDS, SIM_CAPS(), SIM_MRS(slot, ANY)),
        SEL4_NO_ERROR);
    assert_true(sim_reply.returned);
}

static void expect_badge_cancelled(struct sim_thread *crowd, cptr_t ep)
{
    const struct endpoint *e = kptr(cap_object(sim_cap(ep)));
    kaddr_t at = e->head;
    for (unsigned i = 0; i < CROWD; i++) {
        if (i % 3 == 0) {
            assert_int_equal(crowd[i].p->state, THREAD_RESTART);
            continue;
        }
        assert_int_equal(crowd[i].p->state, THREAD_BLOCKED_ON_SEND);
        assert_int_equal(at, kaddr_of(crowd[i].p));
        at = crowd[i].p->queue_next;
    }
    assert_int_equal(at, 0);
    assert_int_equal(e->scan, 0);
}

static void cancelling_a_badge_leaves_the_others_in_order(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    crowd_sends(crowd, ep);
    cancel_badged(minted(ep, RIGHT_ALL, 5));
    expect_badge_cancelled(crowd, ep);
}

/* With an interrupt at every look the cancellation still ends, and looks at nobody twice. */
static void cancelling_a_badge_goes_on_where_it_was_preempted(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    crowd_sends(crowd, ep);
    cptr_t five = minted(ep, RIGHT_ALL, 5);
    hostsim_preempt_every(1);
    cancel_badged(five);
    hostsim_preempt_every(0);
    assert_in_range(sim_reply.restarts, CROWD / PREEMPT_UNITS - 1, CROWD / PREEMPT_UNITS + 1);
    expect_badge_cancelled(crowd, ep);
}

/* The sender at which a preempted cancellation stands leaves the queue. */
static void a_preempted_cancellation_survives_changes_of_the_queue(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    crowd_sends(crowd, ep);
    struct endpoint *e = kptr(cap_object(sim_cap(ep)));
    enum outcome outcome;
    unsigned steps = 0;
    hostsim_raise_irq(TIMER_IRQ);
    hostsim.irq_enabled |= 1ull << TIMER_IRQ;
    while ((outcome = endpoint_cancel_badged(e, 5)) == PREEMPTED) {
        struct tcb *at = kptr(e->scan);
        assert_int_equal(at->scan_badge, 5);
        endpoint_cancel(at);
        steps++;
    }
    hostsim_lower_irq(TIMER_IRQ);
    assert_int_equal(outcome, DONE);
    assert_in_range(steps, 5, CROWD / PREEMPT_UNITS + 1);
    for (unsigned i = 0; i < CROWD; i++)
        assert_false(crowd[i].p->state == THREAD_BLOCKED_ON_SEND && crowd[i].p->blocked_badge == 5);
    /* another badge does not take over a place: it begins at the head */
    hostsim_raise_irq(TIMER_IRQ);
    e->scan = e->tail;
    ((struct tcb *)kptr(e->tail))->scan_badge = 5;
    while (endpoint_cancel_badged(e, 6) == PREEMPTED)
        ;
    hostsim_lower_irq(TIMER_IRQ);
    assert_int_equal(e->state, ENDPOINT_IDLE);
    sched_schedule();
}

static void deleting_a_crowded_endpoint_is_preemptible(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    crowd_sends(crowd, ep);
    assert_int_equal(sim_revoke(ep), SEL4_NO_ERROR);
    hostsim_preempt_every(1);
    assert_int_equal(sim_delete(ep), SEL4_NO_ERROR);
    hostsim_preempt_every(0);
    assert_true(sim_reply.restarts >= CROWD / PREEMPT_UNITS - 1);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(crowd[i].p->state, THREAD_RESTART);
    assert_int_equal(cap_type(sim_cap(ep)), CAP_NULL);
}

/* ---- registers and golden vectors ---------------------------------------------------------------
 */
static void silent_calls_keep_every_register(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t empty = sim_free_slots(1);
    sim_svc_keeps((word_t)SYS_YIELD, FILLER, FILLER, 0);
    sim_svc_keeps((word_t)SYS_REPLY, FILLER, FILLER & ~0x180u, 0);
    sim_svc_keeps((word_t)SYS_SEND, n, 0, 0);
    sim_svc_keeps((word_t)SYS_NBSEND, n, 0, 0);
    sim_svc_keeps((word_t)SYS_SEND, empty, 4, 0);
    sim_svc_keeps((word_t)SYS_NBSEND, 0x12345678, 4, 0);
    sim_svc_keeps((word_t)SYS_NBSEND, ep, 4, 0);
    sim_svc_keeps((word_t)SYS_SEND, INIT_CNODE, 0, 0);
    sim_svc_keeps((word_t)SYS_NBSEND, INIT_CNODE, 0x7001, 0);
    sim_svc_keeps((word_t)SYS_SET_TLS_BASE, 0x1000, FILLER, SIM_R(REG_TPIDRURW));
    assert_int_equal(sim_root()->regs[REG_TPIDRURW], 0x1000);
}

static void answers_change_what_they_say_and_nothing_else(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t n = sim_new(OBJECT_NOTIFICATION, 0);
    sim_svc_keeps((word_t)SYS_CALL, n, FILLER & ~0x180u, SIM_R(0) | SIM_R(1));
    assert_int_equal(sim_root()->regs[0] | sim_root()->regs[1], 0);
    sim_svc_keeps((word_t)SYS_CALL, INIT_CNODE, 0, SIM_R(0) | SIM_R(1));
    assert_int_equal(sim_root()->regs[1], 0x3000);
    sim_svc_keeps((word_t)SYS_CALL, 0, 0x5000, SIM_R(0) | SIM_R(1) | SIM_R(2));
    assert_int_equal(sim_root()->regs[1], 0x2001);
    sim_svc_keeps((word_t)SYS_NBRECV, ep, FILLER, SIM_R(0));
    assert_int_equal(sim_root()->regs[0], 0);
    sim_svc_keeps((word_t)SYS_NBRECV, n, FILLER, SIM_R(0));
    sim_send(n, 0, SIM_CAPS(), SIM_MRS());
    sim_svc_keeps((word_t)SYS_RECV, n, FILLER, SIM_R(0));
}

static void a_received_message_changes_badge_tag_and_its_words(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    struct sim_thread s = runner("sender");
    for (unsigned length = 0; length <= 5; length++) {
        sim_become(s.p);
        sim_send(ep, 0, SIM_CAPS(), message_of(length));
        sim_become(sim_root());
        word_t words = (1u << (length < 4 ? length : 4)) - 1;
        sim_svc_keeps((word_t)SYS_RECV, ep, 0, SIM_R(0) | SIM_R(1) | words << REG_R2);
    }
}

struct golden {
    word_t number;
    word_t in[6];
    word_t out[6];
    word_t msg4;
};

#define X0   0xaaaa0000u
#define X1   0xbbbb0000u
#define X2   0xcccc0000u
#define X3   0xdddd0000u
#define CALL ((word_t)SYS_CALL)

/* 12.1, those that need nothing but the root task's initial slots. */
static const struct golden golden[] = {
    {CALL, {0, 0x1fe00, X0, X1, X2, X3}, {0, 0x2001, 0, X1, X2, X3}, 0},
    {CALL, {2, 0, X0, X1, X2, X3}, {0, 0x3000, X0, X1, X2, X3}, 0},
    {CALL, {2, 0x10001, X0, X1, X2, X3}, {0, 0x7000, X0, X1, X2, X3}, 0},
    {CALL, {2, 0x11002, 1, 33, X2, X3}, {0, 0x4002, 1, 32, X2, X3}, 0},
    {CALL, {2, 0x11002, 1, 12, X2, X3}, {0, 0x6005, 0, 4, 12, 0}, 20},
    {CALL, {2, 0x11002, 1, 31, X2, X3}, {0, 0x6004, 0, 3, 31, 32}, 0},
    {(word_t)SYS_SEND, {0, 0x1fe00, X0, X1, X2, X3}, {0, 0x1fe00, X0, X1, X2, X3}, 0},
    {(word_t)SYS_NBSEND, {0x12345678, 4, X0, X1, X2, X3}, {0x12345678, 4, X0, X1, X2, X3}, 0},
};

static void golden_vectors_come_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        sim_buffer(sim_root())[IPCBUF_MSG + 4] = 0;
        sim_syscall(golden[i].number, golden[i].in);
        sim_expect_r0_r5(sim_root(), golden[i].out);
        assert_int_equal(sim_buffer(sim_root())[IPCBUF_MSG + 4], golden[i].msg4);
    }
}

static struct sim_thread running_below(void)
{
    sim_become(sim_root());
    return sim_thread_new("below", TOP - 1, 0);
}

/* Without a buffer the fifth word of the answer has no place: four arrive. */
static void an_answer_without_a_buffer_has_four_words(void **state)
{
    (void)state;
    struct sim_thread t = runner("bare");
    set_buffer(t, t.buffer, 0);
    sim_become(t.p);
    static const word_t in[6] = {2, 0x11002, 1, 12, 9, 9};
    static const word_t out[6] = {0, 0x6004, 0, 4, 12, 0};
    sim_syscall(CALL, in);
    sim_expect_r0_r5(t.p, out);
    /* its own message is cut to four words: two values where three are announced */
    struct sim_thread other = running_below();
    static const word_t label = (word_t)INV_TCB_WRITE_REGISTERS << MSGINFO_LABEL_SHIFT;
    word_t write[6] = {other.tcb, label | 5, 0, 3, 0x1000, 0x2000};
    sim_become(t.p);
    sim_syscall(CALL, write);
    assert_int_equal(t.p->regs[1], 0x7000);
    assert_int_equal(other.p->regs[REG_SP], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_length_reaches_a_waiting_receiver),
        TEST(every_length_is_taken_from_a_queued_sender),
        TEST(every_length_goes_there_and_back_in_a_call),
        TEST(a_length_above_120_is_120),
        TEST(without_a_buffer_on_either_side_four_words_pass),
        TEST(a_read_only_buffer_serves_for_sending_only),
        TEST(a_buffer_lies_at_its_offset_in_a_larger_frame),
        TEST(send_needs_write_and_call_needs_a_way_back),
        TEST(a_queued_call_keeps_the_rights_it_had),
        TEST(receive_needs_read),
        TEST(capabilities_are_unwrapped_and_transferred),
        TEST(capabilities_pass_only_with_grant),
        TEST(a_transfer_needs_an_empty_slot_and_a_derivable_capability),
        TEST(one_slot_takes_one_capability),
        TEST(an_unresolvable_extra_capability_faults_before_anything_is_sent),
        TEST(a_reply_transfers_by_the_servers_grant),
        TEST(the_servers_grant_counts_when_it_waited_first),
        TEST(a_reply_never_unwraps),
        TEST(a_saved_reply_serves_once_by_send_nbsend_or_call),
        TEST(a_receive_drops_the_pending_reply_but_a_wait_keeps_it),
        TEST(suspending_a_caller_takes_its_reply_wherever_it_is),
        TEST(reply_recv_answers_and_waits_in_one),
        TEST(senders_are_served_in_order_whatever_their_priority),
        TEST(receivers_are_served_in_order),
        TEST(nbsend_to_nobody_is_dropped),
        TEST(signals_accumulate_until_taken),
        TEST(a_signal_wakes_the_first_waiter),
        TEST(a_bound_thread_gets_signals_where_it_waits_for_messages),
        TEST(a_pending_bound_signal_comes_before_a_queued_message),
        TEST(a_bound_notification_is_its_threads_alone),
        TEST(a_signal_to_a_bound_caller_accumulates),
        TEST(deleting_an_endpoint_restarts_its_senders),
        TEST(deleting_an_object_restarts_its_receivers_into_a_fault),
        TEST(deleting_a_notification_unbinds_it),
        TEST(cancelling_a_badge_leaves_the_others_in_order),
        TEST(cancelling_a_badge_goes_on_where_it_was_preempted),
        TEST(a_preempted_cancellation_survives_changes_of_the_queue),
        TEST(deleting_a_crowded_endpoint_is_preemptible),
        TEST(silent_calls_keep_every_register),
        TEST(answers_change_what_they_say_and_nothing_else),
        TEST(a_received_message_changes_badge_tag_and_its_words),
        TEST(golden_vectors_come_out),
        TEST(an_answer_without_a_buffer_has_four_words),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
