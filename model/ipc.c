/* Messages from thread to thread: words and capabilities (1.3 to 1.7). */
#include "model/model.h"

word_t model_message_put(struct model *m, struct model_thread *t, word_t i, word_t value)
{
    paddr_t buffer = model_buffer(t, true);
    if (i < MSG_REGISTERS) {
        t->r[2 + i] = value;
        return i + 1;
    }
    if (buffer == 0)
        return MSG_REGISTERS;
    model_memory(m, buffer)[IPCBUF_MSG + i] = value;
    return i + 1;
}

static word_t transfer_words(struct model *m, struct model_thread *from, struct model_thread *to)
{
    word_t length = msginfo_length(from->r[1]);
    paddr_t source = model_buffer(from, false);
    paddr_t target = model_buffer(to, true);
    for (word_t i = 0; i < length && i < MSG_REGISTERS; i++)
        to->r[2 + i] = from->r[2 + i];
    if (length <= MSG_REGISTERS)
        return length;
    if (source == 0 || target == 0)
        return MSG_REGISTERS;
    for (word_t i = MSG_REGISTERS; i < length; i++)
        model_memory(m, target)[IPCBUF_MSG + i] = model_memory(m, source)[IPCBUF_MSG + i];
    return length;
}

/* Puts a copy of the capability into the receiver's slot. */
static bool transfer_one(struct model *m, struct model_slot *source, struct model_thread *to)
{
    struct model_cap c;
    struct model_slot *slot = model_receive_slot(m, to);
    if (!slot || model_cap_derive(m, source, source->cap, &c) != MODEL_DONE || c.kind == MODEL_NULL)
        return false;
    model_slot_copy(m, slot, source, c);
    return true;
}

/* Returns the fields extraCaps and capsUnwrapped. */
static word_t transfer_caps(struct model *m, struct model_thread *from,
                            const struct model_object *ep, struct model_thread *to)
{
    word_t count = msginfo_extra(from->r[1]);
    paddr_t source = model_buffer(from, false);
    paddr_t target = model_buffer(to, true);
    struct model_slot *extra[MSG_MAX_EXTRA_CAPS];
    word_t unwrapped = 0;
    word_t i;
    if (source == 0 || target == 0)
        return 0;
    for (i = 0; i < count; i++)
        if (!model_lookup_thread(m, from, model_memory(m, source)[IPCBUF_CAPS + i], &extra[i]))
            return 0;
    for (i = 0; i < count; i++) {
        struct model_cap c = extra[i]->cap;
        if (c.kind == MODEL_ENDPOINT && c.object == ep) {
            model_memory(m, target)[IPCBUF_CAPS + i] = c.badge;
            unwrapped |= (word_t)1 << i;
        } else if (!transfer_one(m, extra[i], to)) {
            break;
        }
    }
    return msginfo_make(0, unwrapped, i, 0);
}

void model_transfer(struct model *m, struct model_thread *from, const struct model_object *ep,
                    word_t badge, bool grant, struct model_thread *to)
{
    word_t tag;
    if (from->fault.type != FAULT_NONE) {
        tag = model_fault_message(m, from, to);
    } else {
        tag = msginfo_make(msginfo_label(from->r[1]), 0, 0, transfer_words(m, from, to));
        if (grant)
            tag |= transfer_caps(m, from, ep, to);
    }
    to->r[0] = badge;
    to->r[1] = tag;
}
