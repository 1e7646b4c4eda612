/* Threads: their life and the invocations of their capabilities (3.4, 3.6, 7.1, 7.2, 8.2). */
#include "model/model.h"

#include <stdlib.h>

enum { FRAME_WORDS = 10, BUFFER_BYTES = 512 };

void model_thread_init(struct model *m, struct model_object *tcb)
{
    struct model_thread *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    tcb->thread = t;
    t->object = tcb;
    t->slots = tcb->slots;
    t->cpsr = m->user_cpsr;
    t->slice = CONFIG_TICKS_PER_SLICE;
    t->domain = m->domain;
}

void model_thread_reply_master(struct model *m, struct model_thread *t)
{
    struct model_slot *s = &t->slots[MODEL_TCB_REPLY];
    if (!model_slot_empty(s))
        return;
    model_slot_fill(
        m, s,
        (struct model_cap){
            .kind = MODEL_REPLY, .object = t->object, .rights = RIGHT_GRANT, .master = true},
        true);
    model_cdt_root(m, s);
}

/* The reply capability hangs below the thread's master, wherever it was moved to. */
static void drop_reply(struct model *m, struct model_thread *t)
{
    struct model_slot *reply = t->slots[MODEL_TCB_REPLY].first_child;
    t->fault.type = FAULT_NONE;
    if (reply)
        model_delete(m, reply);
}

void model_thread_cancel(struct model *m, struct model_thread *t)
{
    switch (t->state) {
    case MODEL_SENDING:
    case MODEL_RECEIVING:
        model_endpoint_cancel(m, t);
        break;
    case MODEL_WAITING:
        model_notification_cancel(m, t);
        break;
    case MODEL_AWAITS_REPLY:
        drop_reply(m, t);
        break;
    default:
        break;
    }
}

void model_thread_suspend(struct model *m, struct model_thread *t)
{
    bool was_running = t->state == MODEL_RUNNING;
    model_thread_cancel(m, t);
    if (was_running)
        t->restart = t->pc;
    model_set_state(m, t, MODEL_INACTIVE);
    model_ready_remove(m, t);
}

void model_thread_resume(struct model *m, struct model_thread *t)
{
    if (model_runnable(t))
        return;
    model_thread_cancel(m, t);
    model_thread_reply_master(m, t);
    model_set_state(m, t, MODEL_RESTART);
    model_woken(m, t);
}

word_t model_sanitise(const struct model *m, word_t cpsr)
{
    return (cpsr & 0xf8000000u) | m->user_cpsr;
}

paddr_t model_buffer(const struct model_thread *t, bool writable)
{
    struct model_cap c = t->slots[MODEL_TCB_BUFFER].cap;
    if (c.kind != MODEL_FRAME || c.object->device)
        return 0;
    if (c.rights != MODEL_VM_READ_WRITE && (writable || c.rights != MODEL_VM_READ_ONLY))
        return 0;
    return c.object->paddr + t->buffer % ((word_t)1 << c.object->bits);
}

/* --- registers --- */

word_t *model_context_word(struct model_thread *t, unsigned i)
{
    switch (i) {
    case 0:
        return &t->restart;
    case 1:
        return &t->r[MODEL_SP];
    case 2:
        return &t->cpsr;
    case 3:
    case 4:
        return &t->r[i - 3];
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        return &t->r[i + 3];
    case 16:
        return &t->r[MODEL_LR];
    case 17:
        return &t->tls;
    case 18:
        return &t->tls_read_only;
    default: /* 10 to 15 */
        return &t->r[i - 8];
    }
}

static enum model_outcome read_registers(struct model *m, struct model_thread *t,
                                         struct model_message *g)
{
    if (g->length < 2)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (g->word[1] < 1 || g->word[1] > MODEL_CONTEXT_WORDS)
        return model_refuse_range(m, 1, MODEL_CONTEXT_WORDS);
    if (t == m->current)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (g->word[0] & 1)
        model_thread_suspend(m, t);
    if (!g->call)
        return MODEL_DONE;
    word_t length = 0;
    for (unsigned i = 0; i < g->word[1]; i++)
        length = model_message_put(m, m->current, i, *model_context_word(t, i));
    m->current->r[0] = 0;
    m->current->r[1] = msginfo_make(0, 0, 0, length);
    g->answered = true;
    return MODEL_DONE;
}

static enum model_outcome write_registers(struct model *m, struct model_thread *t,
                                          struct model_message *g)
{
    if (g->length < 2 || g->length - 2 < g->word[1])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (t == m->current)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    for (unsigned i = 0; i < g->word[1] && i < MODEL_CONTEXT_WORDS; i++)
        *model_context_word(t, i) = g->word[i + 2];
    if (g->word[1] > 2)
        t->cpsr = model_sanitise(m, t->cpsr);
    t->pc = t->restart;
    if (g->word[0] & 1)
        model_thread_resume(m, t);
    return MODEL_DONE;
}

static enum model_outcome copy_registers(struct model *m, struct model_thread *t,
                                         struct model_message *g)
{
    if (g->length < 1 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (g->extra[0]->cap.kind != MODEL_TCB)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    struct model_thread *from = g->extra[0]->cap.object->thread;
    word_t flags = g->word[0];
    if (flags & 1)
        model_thread_suspend(m, from);
    if (flags & 2)
        model_thread_resume(m, t);
    for (unsigned i = 0; i < MODEL_CONTEXT_WORDS; i++)
        if (flags & (i < FRAME_WORDS ? 4u : 8u))
            *model_context_word(t, i) = *model_context_word(from, i);
    if (flags & 4)
        t->pc = t->restart;
    return MODEL_DONE;
}

/* --- spaces and buffer --- */

struct settings {
    cptr_t handler;
    vaddr_t buffer;
    struct model_cap cspace;
    struct model_cap vspace;
    struct model_cap frame;
};

/* Checks C of 3.4. */
static enum model_outcome check_buffer(struct model *m, vaddr_t vaddr, struct model_slot *source,
                                       struct settings *out)
{
    out->buffer = vaddr;
    out->frame = (struct model_cap){0};
    if (vaddr == 0)
        return MODEL_DONE;
    if (model_cap_derive(m, source, source->cap, &out->frame) != MODEL_DONE)
        return MODEL_REFUSED;
    if (out->frame.kind != MODEL_FRAME || out->frame.object->device)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (vaddr % BUFFER_BYTES != 0)
        return model_refuse(m, SEL4_ALIGNMENT_ERROR);
    return MODEL_DONE;
}

static bool deletion_is_long(const struct model *m, const struct model_slot *s)
{
    return model_slot_final(m, s) && (s->cap.kind == MODEL_CNODE || s->cap.kind == MODEL_TCB);
}

/* Checks D of 3.4. */
static enum model_outcome check_spaces(struct model *m, struct model_thread *t,
                                       const struct model_message *g, struct settings *out)
{
    if (deletion_is_long(m, &t->slots[MODEL_TCB_CSPACE]) ||
        deletion_is_long(m, &t->slots[MODEL_TCB_VSPACE]))
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    struct model_cap c = g->extra[0]->cap;
    if (g->word[1] != 0)
        c = model_cap_data(c, g->word[1], false);
    if (model_cap_derive(m, g->extra[0], c, &out->cspace) != MODEL_DONE)
        return MODEL_REFUSED;
    if (out->cspace.kind != MODEL_CNODE)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (model_cap_derive(m, g->extra[1], g->extra[1]->cap, &out->vspace) != MODEL_DONE)
        return MODEL_REFUSED;
    if (out->vspace.kind != MODEL_PAGE_DIRECTORY)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    out->handler = g->word[0];
    return MODEL_DONE;
}

static void install(struct model *m, struct model_slot *to, struct model_slot *source,
                    struct model_cap c)
{
    model_delete(m, to);
    if (c.kind != MODEL_NULL)
        model_slot_copy(m, to, source, c);
}

static void set_spaces(struct model *m, struct model_thread *t, const struct model_message *g,
                       const struct settings *s)
{
    t->handler = s->handler;
    install(m, &t->slots[MODEL_TCB_CSPACE], g->extra[0], s->cspace);
    install(m, &t->slots[MODEL_TCB_VSPACE], g->extra[1], s->vspace);
    if (t == m->current)
        model_space_follow(m);
}

static void set_buffer(struct model *m, struct model_thread *t, struct model_slot *source,
                       const struct settings *s)
{
    t->buffer = s->buffer;
    install(m, &t->slots[MODEL_TCB_BUFFER], source, s->frame);
}

static enum model_outcome configure(struct model *m, struct model_thread *t,
                                    struct model_message *g)
{
    struct settings s;
    if (g->length < 4 || !g->extra[0] || !g->extra[1] || !g->extra[2])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (check_buffer(m, g->word[3], g->extra[2], &s) || check_spaces(m, t, g, &s))
        return MODEL_REFUSED;
    set_spaces(m, t, g, &s);
    set_buffer(m, t, g->extra[2], &s);
    return MODEL_DONE;
}

static enum model_outcome set_ipc_buffer(struct model *m, struct model_thread *t,
                                         struct model_message *g)
{
    struct settings s;
    if (g->length < 1 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (check_buffer(m, g->word[0], g->extra[0], &s))
        return MODEL_REFUSED;
    set_buffer(m, t, g->extra[0], &s);
    return MODEL_DONE;
}

static enum model_outcome set_space(struct model *m, struct model_thread *t,
                                    struct model_message *g)
{
    struct settings s;
    if (g->length < 3 || !g->extra[0] || !g->extra[1])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (check_spaces(m, t, g, &s))
        return MODEL_REFUSED;
    set_spaces(m, t, g, &s);
    return MODEL_DONE;
}

/* --- priorities --- */

static enum model_outcome authority(struct model *m, const struct model_message *g, word_t words,
                                    word_t *mcp)
{
    if (g->length < words || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (g->extra[0]->cap.kind != MODEL_TCB)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    *mcp = g->extra[0]->cap.object->thread->mcp;
    for (word_t i = 0; i < words; i++)
        if (g->word[i] > *mcp)
            return model_refuse_range(m, 0, *mcp);
    return MODEL_DONE;
}

static void set_priority(struct model *m, struct model_thread *t, word_t priority)
{
    model_ready_remove(m, t);
    t->priority = priority;
    if (t == m->current)
        model_choose_anew(m);
    else if (model_runnable(t))
        model_woken(m, t);
}

static enum model_outcome set_sched(struct model *m, struct model_thread *t,
                                    struct model_message *g)
{
    word_t mcp;
    bool both = g->label == INV_TCB_SET_SCHED_PARAMS;
    if (authority(m, g, both ? 2 : 1, &mcp) != MODEL_DONE)
        return MODEL_REFUSED;
    if (both || g->label == INV_TCB_SET_MCPRIORITY)
        t->mcp = g->word[0];
    if (both || g->label == INV_TCB_SET_PRIORITY)
        set_priority(m, t, g->word[both ? 1 : 0]);
    return MODEL_DONE;
}

/* --- notification --- */

static enum model_outcome bind(struct model *m, struct model_thread *t, struct model_message *g)
{
    if (!g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    struct model_cap c = g->extra[0]->cap;
    if (t->bound || c.kind != MODEL_NOTIFICATION || !(c.rights & RIGHT_READ) ||
        c.object->queue.count != 0 || c.object->bound)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    t->bound = c.object;
    c.object->bound = t;
    return MODEL_DONE;
}

static enum model_outcome unbind(struct model *m, struct model_thread *t)
{
    if (!t->bound)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    model_unbind(t);
    return MODEL_DONE;
}

static enum model_outcome set_tls(struct model *m, struct model_thread *t,
                                  const struct model_message *g)
{
    if (g->length < 1)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    t->tls = g->word[0];
    return MODEL_DONE;
}

enum model_outcome model_tcb_operation(struct model *m, struct model_slot *s,
                                       struct model_message *g)
{
    struct model_thread *t = s->cap.object->thread;
    switch (g->label) {
    case INV_TCB_READ_REGISTERS:
        return read_registers(m, t, g);
    case INV_TCB_WRITE_REGISTERS:
        return write_registers(m, t, g);
    case INV_TCB_COPY_REGISTERS:
        return copy_registers(m, t, g);
    case INV_TCB_CONFIGURE:
        return configure(m, t, g);
    case INV_TCB_SET_PRIORITY:
    case INV_TCB_SET_MCPRIORITY:
    case INV_TCB_SET_SCHED_PARAMS:
        return set_sched(m, t, g);
    case INV_TCB_SET_IPC_BUFFER:
        return set_ipc_buffer(m, t, g);
    case INV_TCB_SET_SPACE:
        return set_space(m, t, g);
    case INV_TCB_SUSPEND:
        model_thread_suspend(m, t);
        return MODEL_DONE;
    case INV_TCB_RESUME:
        model_thread_resume(m, t);
        return MODEL_DONE;
    case INV_TCB_BIND_NOTIFICATION:
        return bind(m, t, g);
    case INV_TCB_UNBIND_NOTIFICATION:
        return unbind(m, t);
    case INV_TCB_SET_TLS_BASE:
        return set_tls(m, t, g);
    default:
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    }
}

enum model_outcome model_domain_operation(struct model *m, struct model_slot *s,
                                          struct model_message *g)
{
    (void)s;
    if (g->label != INV_DOMAIN_SET_SET)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (g->length < 1)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (g->word[0] >= CONFIG_DOMAINS)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
    if (!g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (g->extra[0]->cap.kind != MODEL_TCB)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    struct model_thread *t = g->extra[0]->cap.object->thread;
    model_ready_remove(m, t);
    t->domain = g->word[0];
    if (model_runnable(t))
        model_ready_front(m, t);
    if (t == m->current)
        model_choose_anew(m);
    return MODEL_DONE;
}
