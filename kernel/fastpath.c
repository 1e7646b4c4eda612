/* The short way of Call and ReplyRecv: a message in registers, from a thread straight to one that
 * waits for it (ABI sheet 8.3); and of a fault and its answer, between a thread and the server that
 * it lives on (7.5, 7.6).
 *
 * Each function first checks everything that makes the case simple, changing nothing; any doubt
 * goes the long way (syscall.c), which decides all over again.  What follows the checks leaves
 * every word of the kernel's memory as the long way would: same queues, same places in the
 * derivation list, same events.  tests/sim/test_kernel_fastpath.c compares the two.
 *
 * Relies on what holds at each kernel entry: no candidate and no reschedule is noted, no ready
 * thread is above the current one, and a thread that waits in an endpoint's queue or for a reply is
 * in no ready queue, has no pending caller (receiving) and its queue_prev is 0 at the head. */
#include "kernel/fastpath.h"
#include "kernel/arch.h"
#include "kernel/asid.h"
#include "kernel/cdt_link.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/endpoint.h"
#include "kernel/fault.h"
#include "kernel/notification.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/tcb.h"

#define unlikely(e) __builtin_expect((e) != 0, 0)

static inline void switch_to(struct tcb *t, struct space space)
{
    t->state = THREAD_RUNNING;
    ks.current = kaddr_of(t);
    debug_switch(t, space.directory);
    arch_set_vspace(paddr_from_kaddr(space.directory), space.hw_asid);
}

/* At most four words and no capabilities: the message is in registers alone. */
static inline bool tag_is_short(word_t tag)
{
    const unsigned above = 32 - MSGINFO_UNWRAPPED_SHIFT; /* bits that do not matter */
    return tag << above <= (word_t)MSG_REGISTERS << above;
}

/* All message registers at once. */
struct quad {
    word_t w[MSG_REGISTERS];
};

static inline void message_move(const struct tcb *from, struct tcb *to, word_t badge, word_t tag)
{
    word_t length = tag & MSGINFO_LENGTH_MASK;
    to->regs[REG_R0] = badge;
    to->regs[REG_R1] = tag & ~(7u << MSGINFO_UNWRAPPED_SHIFT);
    if (length == 0)
        return;
    if (length == MSG_REGISTERS)
        *(struct quad *)&to->regs[REG_R2] = *(const struct quad *)&from->regs[REG_R2];
    else
        for (word_t i = 0; i < length; i++)
            to->regs[REG_R2 + i] = from->regs[REG_R2 + i];
}

/* Would `to` run as soon as `from` stops? CONFIG_DOMAINS is 1, so they share their domain. */
static inline bool runs_next(const struct tcb *from, const struct tcb *to)
{
    return to->priority >= from->priority || sched_is_highest(to->priority);
}

/* --- Call --- */

static inline void reply_cap_insert(struct tcb *caller, struct tcb *server, bool told)
{
    struct slot *master = &caller->slots[TCB_REPLY];
    struct slot *slot = &server->slots[TCB_CALLER];
    struct cap c = reply_make(kaddr_of(caller), false, server->blocked_flags & IPC_CAN_GRANT);
    cdt_link(slot, master, master, c, 0, EVENT_REPLY, told);
}

struct tcb *fastpath_call(cptr_t cptr, word_t tag)
{
    struct tcb *t = current_thread();
    struct slot *slot;
    if (unlikely(!cnode_lookup_direct(t->slots[TCB_CSPACE].cap, cptr, &slot)))
        return syscall_slow((word_t)SYS_CALL);
    struct cap c = slot->cap;
    if (cap_type(c) != CAP_ENDPOINT)
        return syscall_call(slot);
    bool told = debug_watches();
    if (unlikely(!tag_is_short(tag) || t->fault_type != FAULT_NONE ||
                 (told && DEBUG_WATCHED_IPC_IS_SLOW) || !(cap_rights(c) & RIGHT_WRITE) ||
                 !(cap_rights(c) & (RIGHT_GRANT | RIGHT_GRANT_REPLY))))
        return syscall_call(slot);
    struct endpoint *ep = kptr(c.w[0] - CAP_ENDPOINT);
    if (unlikely(ep->state != ENDPOINT_RECEIVING))
        return syscall_call(slot);
    struct tcb *server = kptr(ep->head);
    struct space space;
    if (unlikely(!asid_space_of(server, &space) || !runs_next(t, server)))
        return syscall_call(slot);

    endpoint_take_receiver(ep);
    message_move(t, server, cap_badge(c), tag);
    t->state = THREAD_BLOCKED_ON_REPLY;
    reply_cap_insert(t, server, told);
    switch_to(server, space);
    return server;
}

/* --- faults --- */

struct tcb *fastpath_fault(struct tcb *t)
{
    struct slot *slot;
    struct space space;
    bool told = debug_watches();
    if (unlikely(!cnode_lookup_direct(t->slots[TCB_CSPACE].cap, t->fault_handler, &slot) ||
                 (told && DEBUG_WATCHED_IPC_IS_SLOW)))
        goto slow;
    struct cap c = slot->cap;
    if (unlikely(!fault_handler_is_usable(c)))
        goto slow;
    struct endpoint *ep = kptr(c.w[0] - CAP_ENDPOINT);
    if (unlikely(ep->state != ENDPOINT_RECEIVING))
        goto slow;
    struct tcb *server = kptr(ep->head);
    if (unlikely(!asid_space_of(server, &space) || !runs_next(t, server)))
        goto slow;

    if (told)
        debug_event(EVENT_FAULT, NULL, slot, cap_null(), kaddr_of(t), t->fault_type);
    debug_fault(t, true);
    endpoint_take_receiver(ep);
    server->regs[REG_R0] = cap_badge(c);
    server->regs[REG_R1] = fault_message(t, server);
    t->state = THREAD_BLOCKED_ON_REPLY;
    reply_cap_insert(t, server, told);
    switch_to(server, space);
    return server;

slow:
    fault_send(t);
    return sched_schedule();
}

struct tcb *fastpath_foreign_syscall(word_t number)
{
    return fastpath_fault(fault_unknown_syscall_record(number));
}

/* The answer to a fault lets its thread go on, and its words are in place: what is left is to send
 * it where it says. */
static __attribute__((noinline)) void fault_answered(struct tcb *server, struct tcb *t)
{
    fault_reply(server, t);
    t->fault_type = FAULT_NONE;
    t->regs[REG_PC] = t->regs[REG_FAULT_IP];
}

/* --- ReplyRecv --- */

static inline bool has_signal(const struct tcb *t)
{
    return t->bound_notification != 0 &&
           notification_state(kptr(t->bound_notification)) == NOTIFICATION_ACTIVE;
}

static inline void receiver_append(struct endpoint *ep, struct tcb *t, word_t rights)
{
    kaddr_t last = ep->tail;
    kaddr_t self = kaddr_of(t);
    t->state = THREAD_BLOCKED_ON_RECEIVE;
    t->blocked_flags = rights & RIGHT_GRANT ? IPC_CAN_GRANT : 0;
    t->blocked_on = kaddr_of(ep);
    t->queue_prev = last;
    t->queue_next = 0;
    ep->tail = self;
    if (last != 0) {
        ((struct tcb *)kptr(last))->queue_next = self;
        return;
    }
    ep->head = self;
    ep->state = ENDPOINT_RECEIVING;
}

struct tcb *fastpath_reply_recv(cptr_t cptr, word_t tag)
{
    struct tcb *t = current_thread();
    bool told = debug_watches();
    struct slot *reply = &t->slots[TCB_CALLER];
    if (unlikely(cap_type(reply->cap) != CAP_REPLY || t->fault_type != FAULT_NONE ||
                 (told && DEBUG_WATCHED_IPC_IS_SLOW)))
        return syscall_slow((word_t)SYS_REPLY_RECV);
    struct tcb *caller = kptr(reply->cap.w[0] - CAP_REPLY);
    struct slot *slot;
    bool fault = caller->fault_type != FAULT_NONE;
    if (unlikely(!(fault ? msginfo_label(tag) == 0 : tag_is_short(tag)) ||
                 !cnode_lookup_direct(t->slots[TCB_CSPACE].cap, cptr, &slot)))
        return syscall_slow((word_t)SYS_REPLY_RECV);
    struct cap c = slot->cap;
    if (unlikely(cap_type(c) != CAP_ENDPOINT || !(cap_rights(c) & RIGHT_READ)))
        return syscall_slow((word_t)SYS_REPLY_RECV);
    struct endpoint *ep = kptr(c.w[0] - CAP_ENDPOINT);
    struct space space;
    if (unlikely(ep->state == ENDPOINT_SENDING || has_signal(t) || !asid_space_of(caller, &space) ||
                 !runs_next(t, caller)))
        return syscall_slow((word_t)SYS_REPLY_RECV);

    if (fault)
        fault_answered(t, caller);
    else
        message_move(t, caller, 0, tag);
    /* It stands behind its master, which is of the same object: it is not the last. */
    cdt_unlink(reply, false, told);
    receiver_append(ep, t, cap_rights(c));
    switch_to(caller, space);
    return caller;
}
