/* Faults and the answers to them (7.5, 7.6). */
#include "model/model.h"

enum { FSR = 0x3fff };

static bool handles_faults(struct model_cap c)
{
    return c.kind == MODEL_ENDPOINT && (c.rights & RIGHT_WRITE) &&
           (c.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
}

/* Of the current thread. Without a handler it stops. */
void model_fault_raise(struct model *m, struct model_fault fault)
{
    struct model_thread *t = m->current;
    struct model_slot *handler;
    t->fault = fault;
    if (model_lookup_thread(m, t, t->handler, &handler) && handles_faults(handler->cap)) {
        model_endpoint_send(m, t, handler->cap, true, true);
        return;
    }
    t->fault.type = FAULT_NONE;
    model_set_state(m, t, MODEL_INACTIVE);
}

/* m->lookup says which lookup failed. */
void model_fault_capability(struct model *m, cptr_t cptr, bool receive)
{
    struct model_fault f = {
        .type = FAULT_CAP, .word = {cptr, receive}, .lookup_type = m->lookup.failure};
    for (unsigned i = 0; i < 3; i++)
        f.lookup_word[i] = m->lookup.word[i];
    model_fault_raise(m, f);
}

/* Registers of a message for the two faults that a handler can repair. */
static unsigned shown_registers(struct model_thread *t, word_t *shown[12])
{
    unsigned n = 0;
    if (t->fault.type == FAULT_UNKNOWN_SYSCALL)
        for (unsigned i = 0; i < 8; i++)
            shown[n++] = &t->r[i];
    shown[n++] = &t->restart;
    shown[n++] = &t->r[MODEL_SP];
    if (t->fault.type == FAULT_UNKNOWN_SYSCALL)
        shown[n++] = &t->r[MODEL_LR];
    shown[n++] = &t->cpsr;
    return n;
}

static unsigned message_words(struct model_thread *t, word_t words[15])
{
    word_t *shown[12];
    unsigned n = 0;
    switch (t->fault.type) {
    case FAULT_CAP:
        words[n++] = t->restart;
        words[n++] = t->fault.word[0];
        words[n++] = t->fault.word[1];
        words[n++] = t->fault.lookup_type;
        for (unsigned i = 0; i + 1 < t->fault.lookup_type; i++)
            words[n++] = t->fault.lookup_word[i];
        return n;
    case FAULT_VM:
        words[n++] = t->restart;
        words[n++] = t->fault.word[0];
        words[n++] = t->fault.prefetch;
        words[n++] = t->fault.word[1] & FSR;
        return n;
    default:
        for (unsigned count = shown_registers(t, shown); n < count; n++)
            words[n] = *shown[n];
        if (t->fault.type == FAULT_UNKNOWN_SYSCALL) {
            words[n++] = t->fault.word[0];
        } else {
            words[n++] = 0;
            words[n++] = 0;
        }
        return n;
    }
}

word_t model_fault_message(struct model *m, struct model_thread *from, struct model_thread *to)
{
    word_t words[15];
    word_t length = 0;
    unsigned n = message_words(from, words);
    for (unsigned i = 0; i < n; i++)
        length = model_message_put(m, to, i, words[i]);
    return msginfo_make(from->fault.type, 0, 0, length);
}

/* Writes the answer's words into the registers that were shown; false: the faulter stops. */
bool model_fault_reply(struct model *m, struct model_thread *from, struct model_thread *faulter)
{
    word_t *shown[12];
    if (faulter->fault.type != FAULT_UNKNOWN_SYSCALL && faulter->fault.type != FAULT_USER_EXCEPTION)
        return true;
    word_t length = msginfo_length(from->r[1]);
    paddr_t buffer = model_buffer(from, false);
    unsigned count = shown_registers(faulter, shown);
    for (unsigned i = 0; i < count && i < length; i++) {
        if (i >= MSG_REGISTERS && buffer == 0)
            break;
        word_t value = i < MSG_REGISTERS ? from->r[2 + i] : model_memory(m, buffer)[IPCBUF_MSG + i];
        *shown[i] = shown[i] == &faulter->cpsr ? model_sanitise(m, value) : value;
    }
    return msginfo_label(from->r[1]) == 0;
}
