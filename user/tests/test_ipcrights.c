/* Rights of endpoint capabilities, all sixteen combinations, and the transfer of capabilities
 * (ABI sheet 1.7, 8.3). */
#include "user/tests/tests.h"

enum { BADGE = 0x1b, LABEL = 0x99 };

static word_t send_once(word_t ep, word_t extra, word_t c, word_t d)
{
    (void)c, (void)d;
    user_ipc_buffer()[IPCBUF_CAPS] = extra;
    ipc_send(ep, msginfo_make(LABEL, 0, extra ? 1 : 0, 1), (const word_t[4]){5});
    return 1;
}

static word_t call_once(word_t ep, word_t extra, word_t to, word_t length)
{
    receive_slot(INIT_CNODE, to, DEPTH);
    user_ipc_buffer()[IPCBUF_CAPS] = extra;
    struct ipc_regs r =
        ipc_call(ep, msginfo_make(LABEL, 0, extra ? 1 : 0, length), (const word_t[4]){5});
    return r.tag;
}

static word_t recv_once(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return ipc_recv(ep).badge;
}

/* Without Write a Send is dropped silently, and a Call answered with a refusal. */
static void write_right(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        cptr_t cap = cap_mint(ep, rights, BADGE);
        struct thread *t = thread_run(200, send_once, cap, 0);
        thread_let_run();
        bool may = rights & RIGHT_WRITE;
        check_equal(t->finished, false);
        check_equal(ipc_nbrecv(ep).badge, may ? BADGE : 0);
        check_equal(thread_join(t), 1);
        if (!may) {
            t = thread_run(200, call_once, cap, 0);
            check_equal(thread_join(t), msginfo_make(SEL4_INVALID_CAPABILITY, 0, 0, 1));
        }
    }
}

/* Without Read a receive is a capability fault. */
static void read_right(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = cap_mint(ep, RIGHT_ALL, BADGE);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        struct thread *t = thread_run(200, recv_once, cap_copy(ep, rights), 0);
        if (rights & RIGHT_READ) {
            thread_let_run();
            ipc_nbsend(badged, 0, (const word_t[4]){0});
            check_equal(thread_join(t), BADGE);
        } else if (check(thread_joined_faulty(t))) {
            check_equal(t->fault.tag, msginfo_make(FAULT_CAP, 0, 0, 5));
            check_equal(t->fault.mr[2], 1);
            check_equal(t->fault.mr[3], LOOKUP_MISSING_CAPABILITY);
        }
    }
}

/* A capability travels with Grant only. */
static void grant_right(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        if (!(rights & RIGHT_WRITE))
            continue;
        cptr_t to = slot_new();
        struct thread *t = thread_run(200, send_once, cap_mint(ep, rights, BADGE), bell);
        receive_slot(INIT_CNODE, to, DEPTH);
        struct ipc_regs r = ipc_recv(ep);
        bool may = rights & RIGHT_GRANT;
        check_equal(r.tag, msginfo_make(LABEL, 0, may, 1));
        check_equal(slot_empty(to), !may);
        thread_join(t);
    }
}

/* A Call needs Grant or GrantReply to be answered; else the message arrives and the caller stops.
 * Short messages and long ones may take different ways through a kernel. */
static void call_rights(word_t length)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        if (!(rights & RIGHT_WRITE))
            continue;
        for (word_t waiting = 0; waiting < 2; waiting++) {
            cptr_t reply = slot_new();
            struct thread *t = thread_new(waiting ? 100 : 200);
            thread_start(t, call_once, cap_mint(ep, rights, BADGE), 0, 0, length);
            if (!waiting)
                thread_let_run(); /* the call is queued before the receive */
            struct ipc_regs r = ipc_recv(ep);
            check_equal(r.badge, BADGE);
            check_equal(r.mr[0], 5);
            must_succeed(cnode_save_caller(INIT_CNODE, reply, DEPTH));
            bool may = rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY);
            check_equal(slot_empty(reply), !may);
            if (may) {
                ipc_send(reply, msginfo_make(3, 0, 0, 0), (const word_t[4]){0});
                check_equal(thread_join(t), msginfo_make(3, 0, 0, 0));
                continue;
            }
            thread_let_run();
            check(!t->finished);
            must_succeed(tcb_resume(t->tcb)); /* it was inactive, and calls again */
            check_equal(ipc_recv(ep).badge, BADGE);
        }
    }
}

static void call_rights_short(void)
{
    call_rights(1);
}

static void call_rights_long(void)
{
    call_rights(6);
}

/* Whether a reply may carry a capability is decided by the server's own capability. */
static void reply_grant(word_t length)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    for (word_t caller_rights = RIGHT_WRITE; caller_rights <= RIGHT_ALL; caller_rights++) {
        if (!(caller_rights & RIGHT_WRITE) || !(caller_rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)))
            continue;
        for (word_t grant = 0; grant < 2; grant++) {
            cptr_t server = cap_copy(ep, RIGHT_READ | (grant ? RIGHT_GRANT : 0));
            cptr_t to = slot_new();
            struct thread *t = thread_new(200);
            thread_start(t, call_once, cap_mint(ep, caller_rights, BADGE), 0, to, length);
            ipc_recv(server);
            user_ipc_buffer()[IPCBUF_CAPS] = bell;
            ipc_reply(msginfo_make(LABEL, 0, 1, 0), (const word_t[4]){0});
            check_equal(thread_join(t), msginfo_make(LABEL, 0, grant, 0));
            check_equal(slot_empty(to), !grant);
        }
    }
}

static void reply_grant_short(void)
{
    reply_grant(1);
}

static void reply_grant_long(void)
{
    reply_grant(6);
}

/* ---- transfer of three capabilities ---- */

struct parcel {
    word_t tag;
    word_t badges[MSG_MAX_EXTRA_CAPS];
};
static struct parcel got;

static word_t open_parcel(word_t ep, word_t root, word_t index, word_t depth)
{
    word_t *buffer = user_ipc_buffer();
    receive_slot(root, index, depth);
    for (word_t i = 0; i < MSG_MAX_EXTRA_CAPS; i++)
        buffer[IPCBUF_CAPS + i] = 0xeeee0000 + i;
    got.tag = ipc_recv(ep).tag;
    for (word_t i = 0; i < MSG_MAX_EXTRA_CAPS; i++)
        got.badges[i] = buffer[IPCBUF_CAPS + i];
    return 0;
}

/* Sends `caps` to a receiver with that receive slot; what it saw is in `got`. */
static void send_parcel(cptr_t ep, cptr_t root, word_t index, word_t depth, const cptr_t caps[3])
{
    struct thread *t = thread_new(200);
    thread_start(t, open_parcel, ep, root, index, depth);
    thread_let_run();
    for (word_t i = 0; i < 3; i++)
        user_ipc_buffer()[IPCBUF_CAPS + i] = caps[i];
    ipc_send(ep, msginfo_make(1, 7, 3, 0), (const word_t[4]){0});
    thread_join(t);
}

static void check_parcel(word_t unwrapped, word_t count, word_t b0, word_t b1, word_t b2)
{
    check_equal(got.tag, msginfo_make(1, unwrapped, count, 0));
    const word_t wanted[3] = {b0, b1, b2};
    for (word_t i = 0; i < 3; i++)
        check_equal(got.badges[i], wanted[i] ? wanted[i] : 0xeeee0000 + i);
}

static void unwrapping(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t to = slots_new(8), tcb = object_new(OBJECT_TCB, 0);
    cptr_t one = cap_mint(ep, RIGHT_ALL, 1), two = cap_mint(ep, 0, 2);
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){one, two, one});
    check_parcel(7, 3, 1, 2, 1);
    check(slot_empty(to));
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){one, bell, two});
    check_parcel(5, 3, 1, 0, 2);
    check(!slot_empty(to));
    send_parcel(ep, INIT_CNODE, to + 1, DEPTH, (const cptr_t[]){bell, tcb, two});
    check_parcel(0, 1, 0, 0, 0); /* one slot, one capability */
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){bell, tcb, two});
    check_parcel(0, 0, 0, 0, 0); /* the slot is full */
    send_parcel(ep, INIT_TCB, to + 2, DEPTH, (const cptr_t[]){two, bell, tcb});
    check_parcel(1, 1, 2, 0, 0); /* no CNode: unwrapping needs no slot */
    send_parcel(ep, INIT_CNODE, to + 2, 31, (const cptr_t[]){bell, tcb, two});
    check_parcel(0, 0, 0, 0, 0);
    check(slot_empty(to + 2));
}

/* What may not be copied stops the transfer. */
static void underivable(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), to = slot_new();
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0), bell = object_new(OBJECT_NOTIFICATION, 0);
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){INIT_IRQ_CONTROL, bell, bell});
    check_parcel(0, 0, 0, 0, 0);
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){table, bell, bell});
    check_parcel(0, 0, 0, 0, 0);
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){INIT_NULL, bell, bell});
    check_parcel(0, 0, 0, 0, 0);
    check(slot_empty(to));
}

/* A received frame capability is not mapped, a received endpoint keeps rights and badge. */
static void received_caps(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), to = slots_new(2);
    cptr_t frame = map_new(OBJECT_FRAME_4K, AREA), other = object_new(OBJECT_ENDPOINT, 0);
    send_parcel(ep, INIT_CNODE, to, DEPTH, (const cptr_t[]){frame, 0, 0});
    check_parcel(0, 1, 0, 0, 0);
    check_equal(page_map(to, INIT_VSPACE, AREA + 4096, READ_WRITE, VM_CACHEABLE), SEL4_NO_ERROR);
    ((volatile word_t *)AREA)[3] = 0x1234;
    check_equal(((volatile word_t *)(AREA + 4096))[3], 0x1234);
    cptr_t badged = cap_mint(other, RIGHT_WRITE, 0x5a);
    send_parcel(ep, INIT_CNODE, to + 1, DEPTH, (const cptr_t[]){badged, 0, 0});
    struct thread *t = thread_run(200, recv_once, other, 0);
    thread_let_run();
    ipc_send(to + 1, 0, (const word_t[4]){0});
    check_equal(thread_join(t), 0x5a);
    t = thread_run(200, recv_once, to + 1, 0);
    check(thread_joined_faulty(t));
}

static word_t fault_on_extra(word_t ep, word_t number, word_t c, word_t d)
{
    (void)c, (void)d;
    user_ipc_buffer()[IPCBUF_CAPS] = 0x80000000;
    struct ipc_regs r = {ep, msginfo_make(0, 0, 1, 0), {0}};
    syscall_raw((enum syscall_number)number, r);
    return 0;
}

/* An extra capability that cannot be found is a fault before anything is sent. */
static void unresolvable_extra(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    static const enum syscall_number numbers[] = {SYS_SEND, SYS_CALL};
    for (word_t i = 0; i < 2; i++) {
        struct thread *t = thread_run(200, fault_on_extra, ep, (word_t)numbers[i]);
        if (check(thread_joined_faulty(t))) {
            check_equal(msginfo_label(t->fault.tag), FAULT_CAP);
            check_equal(t->fault.mr[1], 0x80000000);
            check_equal(t->fault.mr[2], 0);
        }
    }
    struct thread *t = thread_run(200, fault_on_extra, ep, (word_t)SYS_NBSEND);
    check_equal(thread_join(t), 0);
    check_equal(ipc_nbrecv(ep).badge, 0);
}

/* Notifications know Write and Read. */
static void notification_rights(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    for (word_t rights = 0; rights <= RIGHT_ALL; rights++) {
        notification_signal(cap_mint(bell, rights, 1));
        check_equal(notification_poll(bell), rights & RIGHT_WRITE ? 1 : 0);
        struct thread *t = thread_run(200, recv_once, cap_copy(bell, rights), 0);
        if (rights & RIGHT_READ) {
            thread_let_run();
            notification_signal(cap_mint(bell, RIGHT_WRITE, 6));
            check_equal(thread_join(t), 6);
        } else {
            check(thread_joined_faulty(t));
        }
    }
}

const struct test ipcrights_tests[] = {
    {"IPCRIGHTS0001 sending needs Write", write_right},
    {"IPCRIGHTS0002 receiving needs Read", read_right},
    {"IPCRIGHTS0003 capabilities travel with Grant only", grant_right},
    {"IPCRIGHTS0004 a Call is answered with Grant or GrantReply only", call_rights_short},
    {"IPCRIGHTS0005 a reply's capability needs the server's Grant", reply_grant_short},
    {"IPCRIGHTS0006 capabilities to the same endpoint are unwrapped, one other is received",
     unwrapping},
    {"IPCRIGHTS0007 a capability that cannot be copied stops the transfer", underivable},
    {"IPCRIGHTS0008 received capabilities: frames unmapped, badge and rights kept", received_caps},
    {"IPCRIGHTS0009 an unresolvable extra capability faults before sending", unresolvable_extra},
    {"IPCRIGHTS0010 notifications obey Write and Read", notification_rights},
    {"IPCRIGHTS0011 a Call longer than the registers needs Grant or GrantReply, too",
     call_rights_long},
    {"IPCRIGHTS0012 so does the capability in the reply to it", reply_grant_long},
    {0},
};
