/* The ways into the kernel, and what goes back (1.1, 1.2, 1.8, 1.9, 1.11, 2). */
#include "model/model.h"

/* --- refusals --- */

enum model_outcome model_refuse(struct model *m, enum syscall_error error)
{
    m->error = (word_t)error;
    m->answer_length = 0;
    return MODEL_REFUSED;
}

enum model_outcome model_refuse_with(struct model *m, enum syscall_error error, word_t word)
{
    model_refuse(m, error);
    m->answer[0] = word;
    m->answer_length = 1;
    return MODEL_REFUSED;
}

enum model_outcome model_refuse_range(struct model *m, word_t min, word_t max)
{
    model_refuse_with(m, SEL4_RANGE_ERROR, min);
    m->answer[1] = max;
    m->answer_length = 2;
    return MODEL_REFUSED;
}

enum model_outcome model_refuse_lookup(struct model *m, bool source,
                                       const struct model_lookup *failed)
{
    static const word_t words[] = {
        [LOOKUP_INVALID_ROOT] = 0,
        [LOOKUP_MISSING_CAPABILITY] = 1,
        [LOOKUP_DEPTH_MISMATCH] = 2,
        [LOOKUP_GUARD_MISMATCH] = 3,
    };
    model_refuse_with(m, SEL4_FAILED_LOOKUP, source);
    m->answer[1] = failed->failure;
    for (word_t i = 0; i < words[failed->failure]; i++)
        m->answer[2 + i] = failed->word[i];
    m->answer_length = 2 + words[failed->failure];
    return MODEL_REFUSED;
}

enum model_outcome model_refuse_missing(struct model *m, bool source, word_t bits_left)
{
    struct model_lookup l = {.failure = LOOKUP_MISSING_CAPABILITY, .word = {bits_left}};
    return model_refuse_lookup(m, source, &l);
}

/* --- invocations --- */

static enum model_outcome invoke(struct model *m, struct model_slot *s, struct model_message *g)
{
    switch (s->cap.kind) {
    case MODEL_UNTYPED:
        return model_untyped_operation(m, s, g);
    case MODEL_NOTIFICATION:
        if (!(s->cap.rights & RIGHT_WRITE))
            return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
        model_signal(m, s->cap.object, s->cap.badge);
        return MODEL_DONE;
    case MODEL_REPLY:
        model_reply(m, m->current, s);
        return MODEL_DONE;
    case MODEL_CNODE:
        return model_cnode_operation(m, s, g);
    case MODEL_TCB:
        return model_tcb_operation(m, s, g);
    case MODEL_FRAME:
        return model_frame_operation(m, s, g);
    case MODEL_PAGE_TABLE:
        return model_table_operation(m, s, g);
    case MODEL_PAGE_DIRECTORY:
        return model_directory_operation(m, s, g);
    case MODEL_ASID_POOL:
        return model_asid_pool_operation(m, s, g);
    case MODEL_IRQ_CONTROL:
        return model_irq_control_operation(m, s, g);
    case MODEL_IRQ_HANDLER:
        return model_irq_handler_operation(m, s, g);
    case MODEL_ASID_CONTROL:
        return model_asid_control_operation(m, s, g);
    case MODEL_DOMAIN:
        return model_domain_operation(m, s, g);
    default: /* null; an endpoint without the right to send */
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
    }
}

static void answer(struct model *m, struct model_thread *t, enum model_outcome outcome)
{
    word_t length = 0;
    word_t label = SEL4_NO_ERROR;
    if (outcome == MODEL_REFUSED) {
        label = m->error;
        for (word_t i = 0; i < m->answer_length; i++)
            length = model_message_put(m, t, i, m->answer[i]);
    }
    t->r[0] = 0;
    t->r[1] = msginfo_make(label, 0, 0, length);
}

/* The words of the message and its extra capabilities; MODEL_FAULTED: one cannot be resolved. */
static enum model_outcome fetch(struct model *m, struct model_thread *t, bool call,
                                struct model_message *g)
{
    const word_t *buffer = model_memory(m, model_buffer(t, false));
    if (model_buffer(t, false) == 0)
        buffer = NULL;
    *g = (struct model_message){
        .label = msginfo_label(t->r[1]), .length = msginfo_length(t->r[1]), .call = call};
    for (unsigned i = 0; i < MSG_MAX_LENGTH; i++)
        g->word[i] = i < MSG_REGISTERS ? t->r[2 + i] : buffer ? buffer[IPCBUF_MSG + i] : 0;
    if (!buffer) {
        if (g->length > MSG_REGISTERS)
            g->length = MSG_REGISTERS;
        return MODEL_DONE;
    }
    for (unsigned i = 0; i < msginfo_extra(t->r[1]); i++) {
        m->fault_cptr = buffer[IPCBUF_CAPS + i];
        if (!model_lookup_thread(m, t, m->fault_cptr, &g->extra[i]))
            return MODEL_FAULTED;
    }
    return MODEL_DONE;
}

/* While an object is at work the thread counts as about to begin its system call anew; when nothing
 * stopped it, it goes on behind it. */
static void invoke_and_answer(struct model *m, struct model_thread *t, struct model_slot *s,
                              struct model_message *g)
{
    t->state = MODEL_RESTART;
    enum model_outcome outcome = invoke(m, s, g);
    if (t->state != MODEL_RESTART)
        return;
    t->state = MODEL_RUNNING;
    if (g->call && !g->answered)
        answer(m, t, outcome);
}

static enum model_outcome send_phase(struct model *m, bool blocking, bool call)
{
    struct model_thread *t = m->current;
    struct model_slot *s;
    struct model_message g;
    m->fault_cptr = t->r[0];
    if (!model_lookup_thread(m, t, t->r[0], &s))
        return MODEL_FAULTED;
    struct model_cap c = s->cap;
    if (fetch(m, t, call, &g) != MODEL_DONE)
        return MODEL_FAULTED;
    if (c.kind == MODEL_ENDPOINT && (c.rights & RIGHT_WRITE))
        model_endpoint_send(m, t, c, blocking, call);
    else
        invoke_and_answer(m, t, s, &g);
    return MODEL_DONE;
}

static void send(struct model *m, bool blocking, bool call)
{
    if (send_phase(m, blocking, call) == MODEL_FAULTED && blocking)
        model_fault_capability(m, m->fault_cptr, false);
}

static void receive(struct model *m, bool blocking)
{
    struct model_thread *t = m->current;
    struct model_slot *s;
    if (!model_lookup_thread(m, t, t->r[0], &s)) {
        model_fault_capability(m, t->r[0], true);
        return;
    }
    struct model_cap c = s->cap;
    bool readable = (c.rights & RIGHT_READ) != 0;
    if (c.kind == MODEL_ENDPOINT && readable) {
        model_endpoint_receive(m, t, c, blocking);
    } else if (c.kind == MODEL_NOTIFICATION && readable &&
               (!c.object->bound || c.object->bound == t)) {
        model_wait(m, t, c.object, blocking);
    } else {
        m->lookup = (struct model_lookup){.failure = LOOKUP_MISSING_CAPABILITY};
        model_fault_capability(m, t->r[0], true);
    }
}

static void reply(struct model *m)
{
    struct model_slot *caller = &m->current->slots[MODEL_TCB_CALLER];
    if (caller->cap.kind == MODEL_REPLY)
        model_reply(m, m->current, caller);
}

/* --- entries --- */

void model_syscall(struct model *m, word_t number)
{
    struct model_thread *t = m->current;
    model_begin(m);
    t->restart = t->pc - MODEL_SVC_BYTES;
    switch ((int32_t)number) {
    case SYS_CALL:
        send(m, true, true);
        break;
    case SYS_SEND:
        send(m, true, false);
        break;
    case SYS_NBSEND:
        send(m, false, false);
        break;
    case SYS_RECV:
        receive(m, true);
        break;
    case SYS_NBRECV:
        receive(m, false);
        break;
    case SYS_REPLY:
        reply(m);
        break;
    case SYS_REPLY_RECV:
        reply(m);
        receive(m, true);
        break;
    case SYS_YIELD:
        model_yield(m);
        break;
    case SYS_SET_TLS_BASE:
        t->tls = t->r[0];
        break;
    default:
        model_fault_raise(m, (struct model_fault){.type = FAULT_UNKNOWN_SYSCALL, .word = {number}});
        break;
    }
    m->report.caller_stopped = !model_runnable(t);
    model_schedule(m);
    model_end(m);
}

static void stopped_between_instructions(struct model *m)
{
    model_begin(m);
    if (m->current)
        m->current->restart = m->current->pc;
}

void model_interrupt(struct model *m, word_t irq)
{
    stopped_between_instructions(m);
    if (irq == TIMER_IRQ) {
        model_tick(m);
    } else if (irq < MODEL_IRQS) {
        struct model_cap c = m->irq_table->slots[irq].cap;
        if (m->irq_active[irq] && c.kind == MODEL_NOTIFICATION && (c.rights & RIGHT_WRITE))
            model_signal(m, c.object, c.badge);
        m->irq_open[irq] = false;
    }
    model_schedule(m);
    model_end(m);
}

void model_undefined(struct model *m)
{
    stopped_between_instructions(m);
    model_fault_raise(m, (struct model_fault){.type = FAULT_USER_EXCEPTION});
    model_schedule(m);
    model_end(m);
}

void model_abort(struct model *m, vaddr_t addr, word_t fsr, bool prefetch)
{
    stopped_between_instructions(m);
    model_fault_raise(
        m, (struct model_fault){.type = FAULT_VM, .word = {addr, fsr}, .prefetch = prefetch});
    model_schedule(m);
    model_end(m);
}
