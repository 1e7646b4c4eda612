/* Endpoints: a FIFO of senders or of receivers, never both, and the reply capabilities that Call
 * leaves behind (ABI sheet 8.3).
 *
 *            send, nobody waits            receive, nobody waits
 *   SENDING <------------------- IDLE -----------------------> RECEIVING
 *           ------------------->      <-----------------------
 *            last sender taken             last receiver served
 *
 * Invariants: the queue is empty exactly in IDLE; `scan` is 0 or a sender in the queue, all in
 * front of which have another badge than its scan_badge. */
#include "kernel/endpoint.h"
#include "kernel/cdt.h"
#include "kernel/delete.h"
#include "kernel/ipc.h"
#include "kernel/fault.h"
#include "kernel/notification.h"
#include "kernel/sched.h"
#include "kernel/tcb.h"
#include "kernel/tcb_queue.h"

static void queue_append(struct endpoint *ep, struct tcb *t, enum endpoint_state state)
{
    ep->state = state;
    t->blocked_on = kaddr_of(ep);
    tcb_queue_append(&ep->head, &ep->tail, t);
}

/* A preempted scan stood at t, which leaves: it goes on with the next sender, if any. */
static void scan_pass_on(struct endpoint *ep, const struct tcb *t)
{
    ep->scan = t->queue_next;
    if (ep->scan != 0)
        ((struct tcb *)kptr(ep->scan))->scan_badge = t->scan_badge;
}

static void queue_remove(struct endpoint *ep, struct tcb *t)
{
    if (ep->scan == kaddr_of(t))
        scan_pass_on(ep, t);
    tcb_queue_remove(&ep->head, &ep->tail, t);
    t->blocked_on = 0;
    if (ep->head == 0)
        ep->state = ENDPOINT_IDLE;
}

/* A Call was delivered: the caller waits for the reply, or stops for good when its capability gave
 * the server no right to answer. */
static void call_delivered(struct tcb *caller, struct tcb *server, bool may_reply, bool can_grant)
{
    if (may_reply)
        reply_setup(caller, server, can_grant);
    else
        tcb_set_state(caller, THREAD_INACTIVE);
}

static void send_block(struct tcb *sender, struct endpoint *ep, word_t badge, word_t flags)
{
    sender->blocked_badge = badge;
    sender->blocked_flags = flags;
    queue_append(ep, sender, ENDPOINT_SENDING);
    tcb_set_state(sender, THREAD_BLOCKED_ON_SEND);
}

void endpoint_send(struct tcb *sender, struct endpoint *ep, bool blocking, bool call, word_t badge,
                   bool can_grant, bool can_grant_reply)
{
    if (ep->state != ENDPOINT_RECEIVING) {
        if (blocking)
            send_block(sender, ep, badge,
                       (can_grant ? (word_t)IPC_CAN_GRANT : 0) |
                           (can_grant_reply ? (word_t)IPC_CAN_GRANT_REPLY : 0) |
                           (call ? (word_t)IPC_IS_CALL : 0));
        return;
    }
    struct tcb *receiver = endpoint_take_receiver(ep);
    ipc_transfer(sender, kaddr_of(ep), badge, can_grant, receiver);
    tcb_set_state(receiver, THREAD_RUNNING);
    sched_possible_switch(receiver);
    if (call)
        call_delivered(sender, receiver, can_grant || can_grant_reply,
                       receiver->blocked_flags & IPC_CAN_GRANT);
}

static void receive_block(struct tcb *receiver, struct endpoint *ep, bool can_grant)
{
    receiver->blocked_flags = can_grant ? IPC_CAN_GRANT : 0;
    queue_append(ep, receiver, ENDPOINT_RECEIVING);
    tcb_set_state(receiver, THREAD_BLOCKED_ON_RECEIVE);
}

void endpoint_receive(struct tcb *receiver, struct cap cap, bool blocking)
{
    struct endpoint *ep = kptr(cap_object(cap));
    bool can_grant = cap_rights(cap) & RIGHT_GRANT;
    if (notification_take_bound(receiver))
        return;
    if (ep->state != ENDPOINT_SENDING) {
        if (blocking)
            receive_block(receiver, ep, can_grant);
        else
            receiver->regs[REG_R0] = 0;
        return;
    }
    struct tcb *sender = kptr(ep->head);
    word_t flags = sender->blocked_flags;
    queue_remove(ep, sender);
    ipc_transfer(sender, kaddr_of(ep), sender->blocked_badge, flags & IPC_CAN_GRANT, receiver);
    if (flags & IPC_IS_CALL) {
        call_delivered(sender, receiver, flags & (IPC_CAN_GRANT | IPC_CAN_GRANT_REPLY), can_grant);
        return;
    }
    tcb_set_state(sender, THREAD_RUNNING);
    sched_possible_switch(sender);
}

void endpoint_cancel(struct tcb *t)
{
    queue_remove(kptr(t->blocked_on), t);
    tcb_set_state(t, THREAD_INACTIVE);
}

static void queue_restart(struct endpoint *ep, struct tcb *t)
{
    queue_remove(ep, t);
    tcb_set_state(t, THREAD_RESTART);
    sched_enqueue(t);
}

/* A thread that restarts while the capability still stands may queue again, at the tail. Only one
 * of higher priority than the deleting thread gets that far, and such a thread can keep it from
 * running anyway. */
enum outcome endpoint_cancel_all(struct endpoint *ep)
{
    while (ep->head != 0) {
        queue_restart(ep, kptr(ep->head));
        sched_reschedule_required();
        if (ep->head != 0 && preempt_point(1))
            return PREEMPTED;
    }
    return DONE;
}

/* Where to begin: at the place a preempted scan for this badge reached, else at the head. Later
 * senders queue at the tail, so everything in front of that place still has another badge. */
static struct tcb *scan_begin(const struct endpoint *ep, word_t badge)
{
    struct tcb *t = kptr(ep->scan);
    return t && t->scan_badge == badge ? t : kptr(ep->head);
}

enum outcome endpoint_cancel_badged(struct endpoint *ep, word_t badge)
{
    if (ep->state != ENDPOINT_SENDING)
        return DONE;
    struct tcb *t = scan_begin(ep, badge);
    ep->scan = 0;
    while (t) {
        struct tcb *next = kptr(t->queue_next);
        if (t->blocked_badge == badge) {
            queue_restart(ep, t);
            sched_reschedule_required();
        }
        t = next;
        if (t && preempt_point(1)) {
            ep->scan = kaddr_of(t);
            t->scan_badge = badge;
            return PREEMPTED;
        }
    }
    return DONE;
}

void reply_setup(struct tcb *caller, struct tcb *receiver, bool can_grant)
{
    tcb_set_state(caller, THREAD_BLOCKED_ON_REPLY);
    cdt_insert(tcb_slot(receiver, TCB_CALLER), tcb_slot(caller, TCB_REPLY),
               reply_make(kaddr_of(caller), false, can_grant), 0, EVENT_REPLY);
}

static void reply_to_fault(struct tcb *sender, struct tcb *caller)
{
    bool goes_on = fault_reply(sender, caller);
    caller->fault_type = FAULT_NONE;
    if (!goes_on) {
        tcb_set_state(caller, THREAD_INACTIVE);
        return;
    }
    tcb_set_state(caller, THREAD_RESTART);
    sched_possible_switch(caller);
}

void reply_deliver(struct tcb *sender, struct tcb *caller, struct slot *slot, bool grant)
{
    kernel_assert(caller->state == THREAD_BLOCKED_ON_REPLY);
    if (caller->fault_type != FAULT_NONE) {
        slot_delete_now(slot);
        reply_to_fault(sender, caller);
        return;
    }
    ipc_transfer(sender, 0, 0, grant, caller);
    slot_delete_now(slot);
    tcb_set_state(caller, THREAD_RUNNING);
    sched_possible_switch(caller);
}
