/* Messages of every length, in both priority orders, within and between address spaces, by every
 * pair of calls. */
#include "user/tests/tests.h"

enum protocol { SEND_RECV, CALL_REPLYRECV, CALL_REPLY, NBSEND_RECV };
enum { BADGE = 0x1abe1, REPLY_SEED = 1000, LOW = 100, HIGH = 200 };

/* Words of the own buffer from `length` on that are not poison any more. */
static word_t touched_beyond(word_t length)
{
    const word_t *msg = user_ipc_buffer() + IPCBUF_MSG;
    word_t n = 0;
    for (word_t i = length < 4 ? 0 : length; i < MSG_MAX_LENGTH; i++)
        n += msg[i] != 0xbad00000 + i;
    return n;
}

static word_t tag_of(word_t length)
{
    return msginfo_make(0x1000 + length, 0, 0, length);
}

static word_t sender(word_t ep, word_t protocol, word_t c, word_t d)
{
    (void)c, (void)d;
    word_t errors = 0;
    for (word_t length = 0; length <= MSG_MAX_LENGTH; length++) {
        struct ipc_regs r = {ep, tag_of(length), {0}};
        message_fill(&r, length, length);
        if (protocol == SEND_RECV) {
            syscall_raw(SYS_SEND, r);
            continue;
        }
        if (protocol == NBSEND_RECV) {
            syscall_raw(SYS_NBSEND, r);
            continue;
        }
        word_t back = MSG_MAX_LENGTH - length;
        r = syscall_raw(SYS_CALL, r);
        errors += r.badge != 0;
        errors += r.tag != msginfo_make(0x2000, 0, 0, back);
        errors += message_errors(&r, back, REPLY_SEED + length);
    }
    return errors;
}

static word_t check_received(const struct ipc_regs *r, word_t length)
{
    word_t errors = r->badge != BADGE;
    errors += r->tag != tag_of(length);
    errors += message_errors(r, length, length);
    return errors + touched_beyond(length);
}

static struct ipc_regs answer(word_t ep, word_t length)
{
    struct ipc_regs r = {ep, msginfo_make(0x2000, 0, 0, MSG_MAX_LENGTH - length), {0}};
    message_fill(&r, MSG_MAX_LENGTH - length, REPLY_SEED + length);
    return r;
}

static word_t receiver(word_t ep, word_t protocol, word_t c, word_t d)
{
    (void)c, (void)d;
    word_t errors = 0;
    message_poison();
    struct ipc_regs r = ipc_recv(ep);
    for (word_t length = 0; length <= MSG_MAX_LENGTH; length++) {
        errors += check_received(&r, length);
        bool last = length == MSG_MAX_LENGTH;
        if (protocol == SEND_RECV || protocol == NBSEND_RECV) {
            message_poison();
            if (!last)
                r = ipc_recv(ep);
            continue;
        }
        message_poison();
        r = answer(ep, length);
        if (protocol == CALL_REPLYRECV && !last) {
            /* the answer's words stand where the message will: restore them for the check */
            r = syscall_raw(SYS_REPLY_RECV, r);
            word_t *msg = user_ipc_buffer() + IPCBUF_MSG;
            word_t answered = MSG_MAX_LENGTH - length;
            for (word_t i = length + 1 > 4 ? length + 1 : 4; i < answered; i++)
                msg[i] = msg[i] == message_pattern(REPLY_SEED + length, i) ? 0xbad00000 + i : 0;
            continue;
        }
        syscall_raw(SYS_REPLY, r);
        message_poison();
        if (!last)
            r = ipc_recv(ep);
    }
    return errors;
}

static void pair(enum protocol protocol, word_t sender_priority, word_t receiver_priority,
                 bool processes)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *s = thread_of_kind(processes, sender_priority);
    struct thread *r = thread_of_kind(processes, receiver_priority);
    thread_start(r, receiver, thread_give(r, ep, RIGHT_ALL, 0), protocol, 0, 0);
    thread_start(s, sender, thread_give(s, ep, RIGHT_ALL, BADGE), protocol, 0, 0);
    check_equal(thread_join(s), 0);
    check_equal(thread_join(r), 0);
}

static void both_orders(enum protocol protocol, bool processes)
{
    pair(protocol, LOW, HIGH, processes);
    pair(protocol, HIGH, LOW, processes);
    pair(protocol, HIGH, HIGH, processes);
}

static void send_local(void)
{
    both_orders(SEND_RECV, false);
}

static void call_local(void)
{
    both_orders(CALL_REPLYRECV, false);
}

static void call_reply_local(void)
{
    both_orders(CALL_REPLY, false);
}

static void send_processes(void)
{
    both_orders(SEND_RECV, true);
}

static void call_processes(void)
{
    both_orders(CALL_REPLYRECV, true);
}

static void call_reply_processes(void)
{
    both_orders(CALL_REPLY, true);
}

/* A receiver that waits gets every message; one that is not there gets none. */
static void nbsend(bool processes)
{
    pair(NBSEND_RECV, LOW, HIGH, processes);
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *s = thread_of_kind(processes, HIGH);
    thread_start(s, sender, thread_give(s, ep, RIGHT_ALL, BADGE), NBSEND_RECV, 0, 0);
    check_equal(thread_join(s), 0);
    check_equal(ipc_nbrecv(ep).badge, 0);
}

static void nbsend_local(void)
{
    nbsend(false);
}

static void nbsend_processes(void)
{
    nbsend(true);
}

/* ---- suspended in the middle of a call ---- */

static word_t caller(word_t ep, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    return ipc_call(ep, msginfo_make(7, 0, 0, 1), (const word_t[4]){value}).mr[0];
}

static void suspended_caller(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), saved = slot_new();
    struct thread *t = thread_run(HIGH, caller, ep, 33);
    check_equal(ipc_recv(ep).mr[0], 33);
    must_succeed(cnode_save_caller(INIT_CNODE, saved, DEPTH));
    check(!slot_empty(saved));
    must_succeed(tcb_suspend(t->tcb));
    check(slot_empty(saved)); /* the reply dies with the wait */
    must_succeed(tcb_resume(t->tcb));
    struct ipc_regs r = ipc_recv(ep); /* the call is made again */
    check_equal(r.mr[0], 33);
    check_equal(r.tag, msginfo_make(7, 0, 0, 1));
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){44});
    check_equal(thread_join(t), 44);
}

static void suspended_in_queue(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *t = thread_run(HIGH, caller, ep, 1);
    thread_let_run();
    must_succeed(tcb_suspend(t->tcb));
    check_equal(ipc_nbrecv(ep).mr[0], 0); /* nobody is queued */
    must_succeed(tcb_resume(t->tcb));
    check_equal(ipc_recv(ep).mr[0], 1);
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){2});
    check_equal(thread_join(t), 2);
}

/* A caller whose reply capability was deleted waits until it is resumed: then it calls again. */
static void deleted_reply(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), saved = slot_new();
    struct thread *t = thread_run(HIGH, caller, ep, 5);
    ipc_recv(ep);
    must_succeed(cnode_save_caller(INIT_CNODE, saved, DEPTH));
    must_succeed(cap_delete(saved));
    thread_let_run();
    check(!t->finished);
    must_succeed(tcb_resume(t->tcb));
    check_equal(ipc_recv(ep).mr[0], 5);
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){6});
    check_equal(thread_join(t), 6);
}

/* The next receive gives up the reply that was not made. */
static void receive_drops_reply(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    struct thread *a = thread_run(HIGH, caller, ep, 1), *b;
    check_equal(ipc_recv(ep).mr[0], 1);
    b = thread_run(HIGH, caller, ep, 2);
    check_equal(ipc_recv(ep).mr[0], 2);
    ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){20});
    check_equal(thread_join(b), 20);
    check(!a->finished);
}

/* ---- buffers ---- */

static word_t receive_tag(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return ipc_recv(ep).tag;
}

static word_t delivered_length(struct thread *receiver_thread, cptr_t ep)
{
    thread_start(receiver_thread, receive_tag, ep, 0, 0, 0);
    struct ipc_regs r = {ep, msginfo_make(0, 0, 0, 100), {0}};
    message_fill(&r, 100, 1);
    syscall_raw(SYS_SEND, r);
    return msginfo_length(thread_join(receiver_thread));
}

static void buffers(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), frame = object_new(OBJECT_FRAME_4K, 0);
    struct thread *t = thread_new(HIGH);
    check_equal(delivered_length(t, ep), 100);
    must_succeed(tcb_set_ipc_buffer(t->tcb, 0, INIT_TCB));
    check_equal(delivered_length(t, ep), 4);
    must_succeed(tcb_set_ipc_buffer(t->tcb, AREA + 0x200, frame)); /* not mapped anywhere */
    check_equal(delivered_length(t, ep), 100);
    map_table(INIT_VSPACE, AREA);
    must_succeed(page_map(frame, INIT_VSPACE, AREA, READ_WRITE, VM_CACHEABLE));
    const word_t *msg = (const word_t *)(AREA + 0x200) + IPCBUF_MSG;
    for (word_t i = 4; i < 100; i++)
        check_equal(msg[i], message_pattern(1, i));
    for (word_t i = 100; i < MSG_MAX_LENGTH; i++)
        check_equal(msg[i], 0);
    check_equal(((const word_t *)AREA)[IPCBUF_MSG + 5], 0);
    must_succeed(tcb_set_ipc_buffer(t->tcb, AREA, cap_copy(frame, RIGHT_READ)));
    check_equal(delivered_length(t, ep), 4); /* nothing can be written */
}

static word_t send_long(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    struct ipc_regs r = {ep, msginfo_make(0, 0, 0, 50), {1, 2, 3, 4}};
    syscall_raw(SYS_SEND, r);
    return 0;
}

static void read_only_buffer_sends(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0), frame = map_new(OBJECT_FRAME_4K, AREA);
    struct thread *t = thread_new(HIGH);
    for (word_t i = 4; i < 50; i++)
        ((word_t *)AREA)[IPCBUF_MSG + i] = message_pattern(8, i);
    must_succeed(tcb_set_ipc_buffer(t->tcb, AREA, cap_copy(frame, RIGHT_READ)));
    thread_start(t, send_long, ep, 0, 0, 0);
    struct ipc_regs r = ipc_recv(ep);
    check_equal(msginfo_length(r.tag), 50);
    for (word_t i = 4; i < 50; i++)
        check_equal(user_ipc_buffer()[IPCBUF_MSG + i], message_pattern(8, i));
    thread_join(t);
    must_succeed(tcb_set_ipc_buffer(t->tcb, AREA, cap_copy(frame, 0)));
    thread_start(t, send_long, ep, 0, 0, 0);
    check_equal(msginfo_length(ipc_recv(ep).tag), 4);
    thread_join(t);
}

/* Deleting an endpoint wakes all who wait at it; what they find is the empty slot. */
static void deleted_endpoint(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = cap_mint(ep, RIGHT_ALL, 1);
    struct thread *send = thread_run(HIGH, send_long, badged, 0);
    struct thread *call = thread_run(HIGH, caller, badged, 0);
    thread_let_run();
    must_succeed(cap_revoke(ep));
    must_succeed(cap_delete(ep));
    check_equal(thread_join(send), 0); /* Send to an empty slot is silent */
    check_equal(thread_join(call), 0);
    cptr_t other = object_new(OBJECT_ENDPOINT, 0);
    struct thread *wait = thread_run(HIGH, receive_tag, other, 0);
    thread_let_run();
    must_succeed(cap_delete(other));
    check(thread_joined_faulty(wait));
    check_equal(msginfo_label(wait->fault.tag), FAULT_CAP);
}

const struct test ipc_tests[] = {
    {"IPC0001 Send and Recv of every length, all priority orders", send_local},
    {"IPC0002 Call and ReplyRecv of every length, all priority orders", call_local},
    {"IPC0003 Call, Reply and Recv of every length, all priority orders", call_reply_local},
    {"IPC0004 NBSend arrives where somebody waits and is dropped elsewhere", nbsend_local},
    {"IPC0010 a caller suspended in its call calls again, the reply is dead", suspended_caller},
    {"IPC0011 a queued caller suspended leaves the queue", suspended_in_queue},
    {"IPC0012 a caller whose reply was deleted waits until resumed", deleted_reply},
    {"IPC0013 a receive gives up the pending reply", receive_drops_reply},
    {"IPC0014 without a usable buffer four words are received", buffers},
    {"IPC0015 a read-only buffer serves a sender", read_only_buffer_sends},
    {"IPC0016 deleting an endpoint wakes all who wait", deleted_endpoint},
    {"IPC1001 Send and Recv of every length between address spaces", send_processes},
    {"IPC1002 Call and ReplyRecv of every length between address spaces", call_processes},
    {"IPC1003 Call, Reply and Recv of every length between address spaces", call_reply_processes},
    {"IPC1004 NBSend between address spaces", nbsend_processes},
    {0},
};
