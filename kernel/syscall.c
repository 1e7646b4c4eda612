/* Kernel entries: the eight system calls, SetTLSBase, faults, interrupts (ABI sheet 1.1, 1.11, 2).
 *
 * Every entry ends in sched_schedule(), after which the current thread is the one to run. */
#include "kernel/syscall.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/delete.h"
#include "kernel/endpoint.h"
#include "kernel/fault.h"
#include "kernel/fastpath.h"
#include "kernel/invocation.h"
#include "kernel/irq.h"
#include "kernel/notification.h"
#include "kernel/refusal.h"
#include "kernel/sched.h"
#include "kernel/tcb.h"

enum { SVC_BYTES = 4 };

/* ks.lookup says what failed. */
static enum outcome capability_faulted(cptr_t cptr, bool receive)
{
    ks.fault_cptr = cptr;
    ks.fault_receive = receive;
    return FAULTED;
}

/* Resolves the extra capabilities the caller's tag announces (1.7, sending side). */
static inline enum outcome resolve_extra(struct tcb *t, word_t count, const word_t *buffer,
                                         struct slot **extra)
{
    for (word_t i = 0; i < count; i++) {
        cptr_t cptr = buffer[IPCBUF_CAPS + i];
        if (cnode_lookup(t, cptr, &extra[i]) != DONE)
            return capability_faulted(cptr, false);
    }
    return DONE;
}

static inline enum outcome message_fetch(struct tcb *t, bool call, struct message *m)
{
    word_t tag = t->regs[REG_R1];
    const word_t *buffer = tcb_ipc_buffer(t, false);
    m->label = msginfo_label(tag);
    m->length = msginfo_length(tag);
    m->mr = &t->regs[REG_R2];
    m->buffer = buffer;
    for (unsigned i = 0; i < MSG_MAX_EXTRA_CAPS; i++)
        m->extra[i] = NULL;
    m->call = call;
    m->answered = false;
    if (buffer)
        return resolve_extra(t, msginfo_extra(tag), buffer, m->extra);
    if (m->length > MSG_REGISTERS)
        m->length = MSG_REGISTERS;
    return DONE;
}

/* Extra capabilities must resolve before the message goes anywhere, even where they will not be
 * transferred. */
static enum outcome endpoint_operation(struct tcb *t, struct cap c, bool blocking, bool call)
{
    word_t count = msginfo_extra(t->regs[REG_R1]);
    if (count != 0) {
        struct slot *extra[MSG_MAX_EXTRA_CAPS];
        const word_t *buffer = tcb_ipc_buffer(t, false);
        if (buffer && resolve_extra(t, count, buffer, extra) != DONE)
            return FAULTED;
    }
    endpoint_send(t, kptr(cap_object(c)), blocking, call, cap_badge(c), cap_rights(c) & RIGHT_GRANT,
                  cap_rights(c) & RIGHT_GRANT_REPLY);
    return DONE;
}

/* The thread is in state Restart while an object is at work, so that a preempted operation is
 * simply executed again, and goes on after the svc if nothing stopped it meanwhile. */
static inline enum outcome object_operation(struct tcb *t, struct slot *slot, bool call)
{
    struct message m;
    if (message_fetch(t, call, &m) != DONE)
        return FAULTED;
    t->state = THREAD_RESTART;
    enum outcome outcome = invocation_perform(slot, &m);
    if (outcome == PREEMPTED)
        return PREEMPTED;
    if (t->state != THREAD_RESTART)
        return DONE;
    t->state = THREAD_RUNNING;
    if (!call)
        return DONE;
    if (outcome == REFUSED)
        invocation_answer_refused(t);
    else if (!m.answered)
        invocation_answer_done(t);
    return DONE;
}

static inline enum outcome send_to(struct tcb *t, struct slot *slot, bool blocking, bool call)
{
    struct cap c = slot->cap;
    if (cap_type(c) == CAP_ENDPOINT && (cap_rights(c) & RIGHT_WRITE))
        return endpoint_operation(t, c, blocking, call);
    return object_operation(t, slot, call);
}

static inline void send_ends(enum outcome outcome, bool blocking)
{
    if (outcome == DONE)
        return;
    if (outcome == PREEMPTED)
        irq_handle();
    else if (outcome == FAULTED && blocking)
        fault_capability(ks.fault_cptr, false);
}

static void send(bool blocking, bool call)
{
    struct tcb *t = current_thread();
    struct slot *slot;
    cptr_t cptr = t->regs[REG_R0];
    enum outcome outcome = cnode_lookup(t, cptr, &slot) == DONE ? send_to(t, slot, blocking, call)
                                                                : capability_faulted(cptr, false);
    send_ends(outcome, blocking);
}

struct tcb *syscall_call(struct slot *slot)
{
    send_ends(send_to(current_thread(), slot, true, true), true);
    return sched_schedule();
}

static void reply(struct tcb *t)
{
    struct slot *slot = tcb_slot(t, TCB_CALLER);
    struct cap c = slot->cap;
    if (cap_type(c) == CAP_REPLY)
        reply_deliver(t, kptr(cap_object(c)), slot, reply_can_grant(c));
}

/* May this thread wait on the notification? One bound to another thread is that thread's alone. */
static bool may_wait(const struct tcb *t, struct cap c)
{
    const struct notification *n = kptr(cap_object(c));
    return n->bound == 0 || n->bound == kaddr_of(t);
}

static enum outcome receive_phase(struct tcb *t, bool blocking)
{
    struct slot *slot;
    cptr_t cptr = t->regs[REG_R0];
    if (cnode_lookup(t, cptr, &slot) != DONE)
        return capability_faulted(cptr, true);
    struct cap c = slot->cap;
    if (cap_type(c) == CAP_ENDPOINT && (cap_rights(c) & RIGHT_READ)) {
        if (cap_type(tcb_slot(t, TCB_CALLER)->cap) != CAP_NULL)
            slot_delete_now(tcb_slot(t, TCB_CALLER));
        endpoint_receive(t, c, blocking);
        return DONE;
    }
    if (cap_type(c) == CAP_NOTIFICATION && (cap_rights(c) & RIGHT_READ) && may_wait(t, c)) {
        notification_receive(t, c, blocking);
        return DONE;
    }
    lookup_failed(LOOKUP_MISSING_CAPABILITY, 0, 0, 0);
    return capability_faulted(cptr, true);
}

static void receive(bool blocking)
{
    if (receive_phase(current_thread(), blocking) == FAULTED)
        fault_capability(ks.fault_cptr, true);
}

static void other_syscall(struct tcb *t, word_t number)
{
    if (number == (word_t)SYS_SET_TLS_BASE)
        t->regs[REG_TPIDRURW] = t->regs[REG_R0];
    else if (!debug_syscall(number))
        fault_send(fault_unknown_syscall_record(number));
}

struct tcb *syscall_slow(word_t number)
{
    struct tcb *t = current_thread();
    switch ((int32_t)number) {
    case SYS_CALL:
        send(true, true);
        break;
    case SYS_REPLY_RECV:
        reply(t);
        receive(true);
        break;
    case SYS_SEND:
        send(true, false);
        break;
    case SYS_NBSEND:
        send(false, false);
        break;
    case SYS_RECV:
        receive(true);
        break;
    case SYS_REPLY:
        reply(t);
        break;
    case SYS_YIELD:
        sched_rotate();
        break;
    case SYS_NBRECV:
        receive(false);
        break;
    default:
        other_syscall(t, number);
        break;
    }
    return sched_schedule();
}

/* The vectors of ARM do the same by themselves. */
struct tcb *kernel_enter_syscall(word_t number)
{
    struct tcb *t = current_thread();
    t->regs[REG_FAULT_IP] = t->regs[REG_PC] - SVC_BYTES;
    switch ((int32_t)number) {
    case SYS_CALL:
        return fastpath_call(t->regs[REG_R0], t->regs[REG_R1]);
    case SYS_REPLY_RECV:
        return fastpath_reply_recv(t->regs[REG_R0], t->regs[REG_R1]);
    default:
        return (int32_t)number >= 0 ? fastpath_foreign_syscall(number) : syscall_slow(number);
    }
}

/* The interrupted instruction is where the thread goes on and where it would restart. */
static inline void entered_between_instructions(void)
{
    struct tcb *t = current_thread();
    t->regs[REG_FAULT_IP] = t->regs[REG_PC];
}

struct tcb *kernel_enter_irq(void)
{
    entered_between_instructions();
    irq_handle();
    return sched_schedule();
}

struct tcb *kernel_enter_undefined(void)
{
    entered_between_instructions();
    fault_user_exception();
    return sched_schedule();
}

struct tcb *kernel_enter_data_abort(vaddr_t addr, word_t fsr)
{
    entered_between_instructions();
    return fastpath_fault(fault_vm_record(addr, fsr, false));
}

struct tcb *kernel_enter_prefetch_abort(vaddr_t addr, word_t fsr)
{
    entered_between_instructions();
    if (debug_breakpoint(addr, fsr))
        return sched_schedule();
    return fastpath_fault(fault_vm_record(addr, fsr, true));
}
