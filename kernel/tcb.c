/* Threads: life, state, and the invocations of a TCB capability (ABI sheet 3.4, 3.6, 7, 8.2).
 *
 * While a thread is in an invocation its state is Restart, so that REG_FAULT_IP, the svc, is where
 * it would go on if it were suspended or preempted there. */
#include "kernel/tcb.h"
#include "kernel/arch.h"
#include "kernel/asid.h"
#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/debug.h"
#include "kernel/delete.h"
#include "kernel/endpoint.h"
#include "kernel/ipc.h"
#include "kernel/notification.h"
#include "kernel/refusal.h"
#include "kernel/sched.h"

enum { TCB_REGISTERS = 19, TCB_FRAME_REGISTERS = 10 };
enum { CPSR_USER_MASK_SHIFT = 27 }; /* N, Z, C, V, Q */

const uint8_t tcb_register_order[TCB_REGISTERS] = {
    REG_FAULT_IP, REG_SP,       REG_CPSR,     0, 1, 8, 9, 10, 11, 12, 2, 3, 4, 5, 6, 7,
    REG_LR,       REG_TPIDRURW, REG_TPIDRURO,
};

word_t cpsr_sanitise(word_t value)
{
    return ((value >> CPSR_USER_MASK_SHIFT) << CPSR_USER_MASK_SHIFT) | arch_user_cpsr;
}

void tcb_setup_reply_master(struct tcb *t)
{
    struct slot *slot = tcb_slot(t, TCB_REPLY);
    if (cap_type(slot->cap) == CAP_NULL)
        cdt_insert(slot, NULL, reply_make(kaddr_of(t), true, true),
                   CDT_REVOCABLE | CDT_FIRST_BADGED, EVENT_INSTALL);
}

/* The one reply capability to a waiting thread stands directly after the thread's reply master,
 * wherever it was moved to; a server may have deleted it. */
static void drop_reply(struct tcb *t)
{
    struct slot *reply = cdt_next(tcb_slot(t, TCB_REPLY));
    t->fault_type = FAULT_NONE;
    if (cap_type(reply->cap) == CAP_REPLY && cap_object(reply->cap) == kaddr_of(t))
        slot_delete_now(reply);
}

void tcb_cancel_ipc(struct tcb *t)
{
    switch (t->state) {
    case THREAD_BLOCKED_ON_SEND:
    case THREAD_BLOCKED_ON_RECEIVE:
        endpoint_cancel(t);
        break;
    case THREAD_BLOCKED_ON_NOTIFICATION:
        notification_cancel(t);
        break;
    case THREAD_BLOCKED_ON_REPLY:
        drop_reply(t);
        break;
    default:
        break;
    }
}

void tcb_suspend(struct tcb *t)
{
    word_t old = t->state;
    tcb_cancel_ipc(t);
    if (old == THREAD_RUNNING)
        t->regs[REG_FAULT_IP] = t->regs[REG_PC];
    tcb_set_state(t, THREAD_INACTIVE);
    sched_dequeue(t);
    debug_event(EVENT_THREAD_SUSPEND, NULL, NULL, cap_null(), kaddr_of(t), old);
}

void tcb_resume(struct tcb *t)
{
    if (tcb_is_runnable(t) || t->state == THREAD_IDLE)
        return;
    debug_resumed(t);
    tcb_cancel_ipc(t);
    tcb_setup_reply_master(t);
    tcb_set_state(t, THREAD_RESTART);
    sched_possible_switch(t);
    debug_event(EVENT_THREAD_RESUME, NULL, NULL, cap_null(), kaddr_of(t), 0);
}

static void report_priority(struct tcb *t)
{
    debug_event(EVENT_THREAD_PRIORITY, NULL, NULL, cap_null(), kaddr_of(t),
                t->priority | t->mcp << 8);
}

void tcb_set_priority(struct tcb *t, word_t priority)
{
    sched_dequeue(t);
    t->priority = priority;
    if (kaddr_of(t) == ks.current)
        sched_reschedule_required();
    else if (tcb_is_runnable(t))
        sched_possible_switch(t);
    report_priority(t);
}

static void set_mcp(struct tcb *t, word_t mcp)
{
    t->mcp = mcp;
    report_priority(t);
}

void tcb_destroy(struct tcb *t)
{
    notification_unbind(t);
    tcb_suspend(t);
}

/* --- registers ------------------------------------------------------------------------------ */

static bool is_caller(const struct tcb *t)
{
    return kaddr_of(t) == ks.current;
}

static void reply_registers(const struct tcb *t, word_t count)
{
    struct tcb *caller = current_thread();
    word_t *buffer = tcb_ipc_buffer(caller, true);
    word_t length = 0;
    for (word_t i = 0; i < count; i++)
        length = ipc_set_word(caller, buffer, i, t->regs[tcb_register_order[i]]);
    caller->regs[REG_R0] = 0;
    caller->regs[REG_R1] = msginfo_make(0, 0, 0, length);
}

static enum outcome decode_read_registers(struct tcb *t, struct message *m)
{
    enum { SUSPEND_SOURCE = 1 };
    if (m->length < 2)
        return refuse_truncated();
    word_t count = message_word(m, 1);
    if (count < 1 || count > TCB_REGISTERS)
        return refuse_range(1, TCB_REGISTERS);
    if (is_caller(t))
        return refuse_illegal();
    if (message_word(m, 0) & SUSPEND_SOURCE)
        tcb_suspend(t);
    if (m->call) {
        reply_registers(t, count);
        m->answered = true;
    }
    return DONE;
}

/* After the restart address was written: the thread goes on there in whatever state it is. */
static void restart_address_written(struct tcb *t)
{
    t->regs[REG_PC] = t->regs[REG_FAULT_IP];
}

static void invoke_write_registers(struct tcb *t, const struct message *m, word_t count)
{
    for (word_t i = 0; i < count; i++) {
        enum reg r = (enum reg)tcb_register_order[i];
        word_t value = message_word(m, i + 2);
        t->regs[r] = r == REG_CPSR ? cpsr_sanitise(value) : value;
    }
    restart_address_written(t);
}

static enum outcome decode_write_registers(struct tcb *t, struct message *m)
{
    enum { RESUME_TARGET = 1 };
    if (m->length < 2 || m->length - 2 < message_word(m, 1))
        return refuse_truncated();
    if (is_caller(t))
        return refuse_illegal();
    word_t count = message_word(m, 1);
    invoke_write_registers(t, m, count < TCB_REGISTERS ? count : (word_t)TCB_REGISTERS);
    if (message_word(m, 0) & RESUME_TARGET)
        tcb_resume(t);
    return DONE;
}

static void copy_registers(struct tcb *to, const struct tcb *from, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        to->regs[tcb_register_order[i]] = from->regs[tcb_register_order[i]];
}

static void invoke_copy_registers(struct tcb *to, struct tcb *from, word_t flags)
{
    enum { SUSPEND_SOURCE = 1, RESUME_TARGET = 2, TRANSFER_FRAME = 4, TRANSFER_INTEGER = 8 };
    if (flags & SUSPEND_SOURCE)
        tcb_suspend(from);
    if (flags & RESUME_TARGET)
        tcb_resume(to);
    if (flags & TRANSFER_FRAME) {
        copy_registers(to, from, 0, TCB_FRAME_REGISTERS);
        restart_address_written(to);
    }
    if (flags & TRANSFER_INTEGER)
        copy_registers(to, from, TCB_FRAME_REGISTERS, TCB_REGISTERS);
}

static enum outcome decode_copy_registers(struct tcb *t, struct message *m)
{
    if (m->length < 1 || !m->extra[0])
        return refuse_truncated();
    struct cap source = m->extra[0]->cap;
    if (cap_type(source) != CAP_TCB)
        return refuse_capability(1);
    invoke_copy_registers(t, kptr(cap_object(source)), message_word(m, 0));
    return DONE;
}

/* --- spaces and IPC buffer -------------------------------------------------------------------- */

/* What TCB_Configure and its parts install: derived capabilities and the slots they come from. */
struct install {
    struct cap cap;
    struct slot *source;
};

struct spaces {
    struct install cspace;
    struct install vspace;
    cptr_t fault_handler;
};

struct buffer {
    struct install frame;
    vaddr_t vaddr; /* 0: no buffer */
};

/* Checks C of 3.4. */
static enum outcome decode_buffer(vaddr_t vaddr, struct slot *source, struct buffer *out)
{
    struct cap frame = cap_null();
    if (vaddr != 0) {
        if (cap_derive(source, source->cap, &frame) != DONE)
            return REFUSED;
        if (!cap_is_frame(frame) || frame_is_device(frame))
            return refuse_illegal();
        if (vaddr % (1u << IPC_BUFFER_BITS) != 0)
            return refuse_alignment();
    }
    *out = (struct buffer){{frame, source}, vaddr};
    return DONE;
}

static enum outcome decode_cspace(struct slot *source, word_t data, struct install *out)
{
    struct cap c = source->cap;
    if (data != 0)
        c = cap_set_data(c, data, false);
    if (cap_derive(source, c, &c) != DONE)
        return REFUSED;
    if (cap_type(c) != CAP_CNODE)
        return refuse_illegal();
    *out = (struct install){c, source};
    return DONE;
}

/* A directory without ASID cannot be derived (9.4). */
static enum outcome decode_vspace(struct slot *source, struct install *out)
{
    struct cap c;
    if (cap_derive(source, source->cap, &c) != DONE)
        return REFUSED;
    if (cap_type(c) != CAP_PAGE_DIRECTORY)
        return refuse_illegal();
    *out = (struct install){c, source};
    return DONE;
}

/* Checks D of 3.4. Refusing to replace a root whose deletion would be long keeps the whole
 * operation short. */
static enum outcome decode_spaces(struct tcb *t, const struct message *m, struct spaces *out)
{
    if (slot_deletion_is_long(tcb_slot(t, TCB_CSPACE)) ||
        slot_deletion_is_long(tcb_slot(t, TCB_VSPACE)))
        return refuse_illegal();
    if (decode_cspace(m->extra[0], message_word(m, 1), &out->cspace) != DONE ||
        decode_vspace(m->extra[1], &out->vspace) != DONE)
        return REFUSED;
    out->fault_handler = message_word(m, 0);
    return DONE;
}

/* Replaces what a TCB slot holds. The old capability's deletion is short, so it cannot have touched
 * the source. */
static void install(struct slot *slot, const struct install *what)
{
    if (cap_type(slot->cap) != CAP_NULL)
        slot_delete_now(slot);
    if (cap_type(what->cap) != CAP_NULL)
        cdt_insert_copy(slot, what->source, what->cap, EVENT_INSTALL);
}

static void invoke_set_spaces(struct tcb *t, const struct spaces *s)
{
    t->fault_handler = s->fault_handler;
    install(tcb_slot(t, TCB_CSPACE), &s->cspace);
    install(tcb_slot(t, TCB_VSPACE), &s->vspace);
    if (is_caller(t))
        asid_switch_to(t);
}

static void invoke_set_buffer(struct tcb *t, const struct buffer *b)
{
    t->ipc_buffer = b->vaddr;
    install(tcb_slot(t, TCB_BUFFER), &b->frame);
}

static void report_configure(struct tcb *t)
{
    debug_event(EVENT_THREAD_CONFIGURE, NULL, NULL, cap_null(), kaddr_of(t), t->fault_handler);
}

static enum outcome decode_configure(struct tcb *t, struct message *m)
{
    struct buffer buffer;
    struct spaces spaces;
    if (m->length < 4 || !m->extra[0] || !m->extra[1] || !m->extra[2])
        return refuse_truncated();
    if (decode_buffer(message_word(m, 3), m->extra[2], &buffer) != DONE ||
        decode_spaces(t, m, &spaces) != DONE)
        return REFUSED;
    invoke_set_spaces(t, &spaces);
    invoke_set_buffer(t, &buffer);
    report_configure(t);
    return DONE;
}

static enum outcome decode_set_ipc_buffer(struct tcb *t, struct message *m)
{
    struct buffer buffer;
    if (m->length < 1 || !m->extra[0])
        return refuse_truncated();
    if (decode_buffer(message_word(m, 0), m->extra[0], &buffer) != DONE)
        return REFUSED;
    invoke_set_buffer(t, &buffer);
    report_configure(t);
    return DONE;
}

static enum outcome decode_set_space(struct tcb *t, struct message *m)
{
    struct spaces spaces;
    if (m->length < 3 || !m->extra[0] || !m->extra[1])
        return refuse_truncated();
    if (decode_spaces(t, m, &spaces) != DONE)
        return REFUSED;
    invoke_set_spaces(t, &spaces);
    report_configure(t);
    return DONE;
}

/* --- priorities ------------------------------------------------------------------------------- */

/* The authority that extra capability 0 gives to hand out priorities. */
static enum outcome decode_authority(const struct message *m, word_t words, struct tcb **authority)
{
    if (m->length < words || !m->extra[0])
        return refuse_truncated();
    if (cap_type(m->extra[0]->cap) != CAP_TCB)
        return refuse_capability(1);
    *authority = kptr(cap_object(m->extra[0]->cap));
    return DONE;
}

static enum outcome decode_set_priority(struct tcb *t, struct message *m)
{
    struct tcb *authority = NULL;
    if (decode_authority(m, 1, &authority) != DONE)
        return REFUSED;
    if (message_word(m, 0) > authority->mcp)
        return refuse_range(0, authority->mcp);
    tcb_set_priority(t, message_word(m, 0));
    return DONE;
}

static enum outcome decode_set_mcp(struct tcb *t, struct message *m)
{
    struct tcb *authority = NULL;
    if (decode_authority(m, 1, &authority) != DONE)
        return REFUSED;
    if (message_word(m, 0) > authority->mcp)
        return refuse_range(0, authority->mcp);
    set_mcp(t, message_word(m, 0));
    return DONE;
}

static enum outcome decode_set_sched_params(struct tcb *t, struct message *m)
{
    struct tcb *authority = NULL;
    if (decode_authority(m, 2, &authority) != DONE)
        return REFUSED;
    if (message_word(m, 0) > authority->mcp || message_word(m, 1) > authority->mcp)
        return refuse_range(0, authority->mcp);
    set_mcp(t, message_word(m, 0));
    tcb_set_priority(t, message_word(m, 1));
    return DONE;
}

/* --- the rest --------------------------------------------------------------------------------- */

static enum outcome decode_suspend(struct tcb *t, struct message *m)
{
    (void)m;
    tcb_suspend(t);
    return DONE;
}

static enum outcome decode_resume(struct tcb *t, struct message *m)
{
    (void)m;
    tcb_resume(t);
    return DONE;
}

static enum outcome decode_bind_notification(struct tcb *t, struct message *m)
{
    if (!m->extra[0])
        return refuse_truncated();
    struct cap c = m->extra[0]->cap;
    if (t->bound_notification != 0 || cap_type(c) != CAP_NOTIFICATION ||
        !(cap_rights(c) & RIGHT_READ))
        return refuse_illegal();
    struct notification *n = kptr(cap_object(c));
    if (notification_state(n) == NOTIFICATION_WAITING || n->bound != 0)
        return refuse_illegal();
    notification_bind(t, n);
    return DONE;
}

static enum outcome decode_unbind_notification(struct tcb *t, struct message *m)
{
    (void)m;
    if (t->bound_notification == 0)
        return refuse_illegal();
    notification_unbind(t);
    return DONE;
}

static enum outcome decode_set_tls_base(struct tcb *t, struct message *m)
{
    if (m->length < 1)
        return refuse_truncated();
    t->regs[REG_TPIDRURW] = message_word(m, 0);
    return DONE;
}

typedef enum outcome (*tcb_decoder)(struct tcb *t, struct message *m);

static const tcb_decoder decoders[] = {
    [INV_TCB_READ_REGISTERS] = decode_read_registers,
    [INV_TCB_WRITE_REGISTERS] = decode_write_registers,
    [INV_TCB_COPY_REGISTERS] = decode_copy_registers,
    [INV_TCB_CONFIGURE] = decode_configure,
    [INV_TCB_SET_PRIORITY] = decode_set_priority,
    [INV_TCB_SET_MCPRIORITY] = decode_set_mcp,
    [INV_TCB_SET_SCHED_PARAMS] = decode_set_sched_params,
    [INV_TCB_SET_IPC_BUFFER] = decode_set_ipc_buffer,
    [INV_TCB_SET_SPACE] = decode_set_space,
    [INV_TCB_SUSPEND] = decode_suspend,
    [INV_TCB_RESUME] = decode_resume,
    [INV_TCB_BIND_NOTIFICATION] = decode_bind_notification,
    [INV_TCB_UNBIND_NOTIFICATION] = decode_unbind_notification,
    [INV_TCB_SET_TLS_BASE] = decode_set_tls_base,
};

enum outcome tcb_operation(struct slot *slot, struct message *m)
{
    if (m->label < INV_TCB_READ_REGISTERS || m->label > INV_TCB_SET_TLS_BASE)
        return refuse_illegal();
    return decoders[m->label](kptr(cap_object(slot->cap)), m);
}

static void invoke_set_domain(struct tcb *t, word_t domain)
{
    sched_dequeue(t);
    t->domain = domain;
    if (tcb_is_runnable(t))
        sched_enqueue(t);
    if (is_caller(t))
        sched_reschedule_required();
}

enum outcome domain_operation(struct slot *slot, struct message *m)
{
    (void)slot;
    if (m->label != INV_DOMAIN_SET_SET)
        return refuse_illegal();
    if (m->length < 1)
        return refuse_truncated();
    if (message_word(m, 0) >= CONFIG_DOMAINS)
        return refuse_argument(0);
    if (!m->extra[0])
        return refuse_truncated();
    if (cap_type(m->extra[0]->cap) != CAP_TCB)
        return refuse_argument(1);
    invoke_set_domain(kptr(cap_object(m->extra[0]->cap)), message_word(m, 0));
    return DONE;
}
