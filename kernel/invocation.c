/* The table of invocations by type of capability, and the answers to them (ABI sheet 1.8, 1.9,
 * 1.11). */
#include "kernel/invocation.h"
#include "kernel/asid.h"
#include "kernel/cnode.h"
#include "kernel/endpoint.h"
#include "kernel/ipc.h"
#include "kernel/irq.h"
#include "kernel/notification.h"
#include "kernel/refusal.h"
#include "kernel/tcb.h"
#include "kernel/untyped.h"
#include "kernel/vspace.h"

static enum outcome no_operation(struct slot *slot, struct message *m)
{
    (void)slot;
    (void)m;
    return refuse_capability(0);
}

static enum outcome notification_operation(struct slot *slot, struct message *m)
{
    (void)m;
    struct cap c = slot->cap;
    if (!(cap_rights(c) & RIGHT_WRITE))
        return refuse_capability(0);
    notification_signal(kptr(cap_object(c)), cap_badge(c));
    return DONE;
}

/* Reply masters never leave their TCB, so the capability is one to a waiting caller. */
static enum outcome reply_operation(struct slot *slot, struct message *m)
{
    (void)m;
    struct cap c = slot->cap;
    reply_deliver(current_thread(), kptr(cap_object(c)), slot, reply_can_grant(c));
    return DONE;
}

static const invocation_operation control_operations[] = {
    [CONTROL_IRQ] = irq_control_operation,
    [CONTROL_IRQ_HANDLER] = irq_handler_operation,
    [CONTROL_ASID] = asid_control_operation,
    [CONTROL_DOMAIN] = domain_operation,
};

static enum outcome control_operation(struct slot *slot, struct message *m)
{
    return control_operations[control_which(slot->cap)](slot, m);
}

const invocation_operation invocation_by_type[16] = {
    [CAP_NULL] = no_operation,
    [CAP_UNTYPED] = untyped_operation,
    [CAP_ENDPOINT] = no_operation, /* one without the right to send; others never come here */
    [CAP_NOTIFICATION] = notification_operation,
    [CAP_REPLY] = reply_operation,
    [CAP_CNODE] = cnode_operation,
    [CAP_TCB] = tcb_operation,
    [CAP_ZOMBIE] = no_operation,
    [CAP_FRAME_4K] = frame_operation,
    [CAP_FRAME_64K] = frame_operation,
    [CAP_FRAME_1M] = frame_operation,
    [CAP_FRAME_16M] = frame_operation,
    [CAP_PAGE_TABLE] = page_table_operation,
    [CAP_PAGE_DIRECTORY] = page_directory_operation,
    [CAP_ASID_POOL] = asid_pool_operation,
    [CAP_CONTROL] = control_operation,
};

/* Words of a failed lookup, from message word 1 on; returns the length. */
static word_t answer_lookup(struct tcb *t)
{
    word_t *buffer = tcb_ipc_buffer(t, true);
    word_t type = ks.lookup.type;
    word_t length;
    t->regs[REG_R2] = ks.refusal.arg0;
    length = ipc_set_word(t, buffer, 1, type);
    for (word_t i = 0; i + LOOKUP_INVALID_ROOT < type && i < 3; i++)
        length = ipc_set_word(t, buffer, i + 2, ks.lookup.word[i]);
    return length;
}

static word_t answer_words(struct tcb *t)
{
    switch (ks.refusal.error) {
    case SEL4_INVALID_ARGUMENT:
    case SEL4_INVALID_CAPABILITY:
    case SEL4_NOT_ENOUGH_MEMORY:
        t->regs[REG_R2] = ks.refusal.arg0;
        return 1;
    case SEL4_RANGE_ERROR:
        t->regs[REG_R2] = ks.refusal.arg0;
        t->regs[REG_R2 + 1] = ks.refusal.arg1;
        return 2;
    case SEL4_FAILED_LOOKUP:
        return answer_lookup(t);
    default:
        return 0;
    }
}

void invocation_answer_refused(struct tcb *t)
{
    word_t length = answer_words(t);
    t->regs[REG_R0] = 0;
    t->regs[REG_R1] = msginfo_make(ks.refusal.error, 0, 0, length);
}
