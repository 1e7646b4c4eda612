/* Moving a message from thread to thread: words, badge, tag, capabilities (ABI sheet 1.3 to 1.7).
 *
 * Words 0 to 3 travel in registers, the rest from IPC buffer to IPC buffer. A short message without
 * capabilities touches no buffer at all. */
#include "kernel/ipc.h"
#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/cnode.h"
#include "kernel/fault.h"
#include "kernel/tcb.h"

/* Four words are copied at a time: one load and one store of several registers. */
struct quad {
    word_t w[4];
};

/* Copies words MSG_REGISTERS up to length. */
static void copy_words(const word_t *from, word_t *to, word_t length)
{
    word_t left = length - MSG_REGISTERS;
    from += IPCBUF_MSG + MSG_REGISTERS;
    to += IPCBUF_MSG + MSG_REGISTERS;
    for (; left >= 4; left -= 4, from += 4, to += 4)
        *(struct quad *)to = *(const struct quad *)from;
    while (left-- > 0)
        *to++ = *from++;
}

/* Looks up the capabilities the sender names; false when one of them cannot be resolved. */
static bool lookup_extra(struct tcb *sender, const word_t *buffer, word_t count,
                         struct slot **extra)
{
    for (word_t i = 0; i < count; i++)
        if (cnode_lookup(sender, buffer[IPCBUF_CAPS + i], &extra[i]) != DONE)
            return false;
    return true;
}

/* Puts a copy of the capability in `source` into the receiver's slot; false when there is no slot,
 * it is not empty, or the capability cannot be derived. */
static bool transfer_one(struct slot *source, struct tcb *receiver, const word_t *buffer)
{
    struct cap derived;
    struct slot *to = cnode_receive_slot(receiver, buffer);
    if (!to || cap_derive(source, source->cap, &derived) != DONE || cap_type(derived) == CAP_NULL)
        return false;
    cdt_insert_copy(to, source, derived, EVENT_TRANSFER);
    return true;
}

/* 1.7, receiving side. The one receive slot is not empty any more after a transfer. Returns the
 * extraCaps and capsUnwrapped fields of the tag, in place. */
static word_t transfer_caps(struct slot **extra, word_t count, kaddr_t ep, struct tcb *receiver,
                            word_t *buffer)
{
    word_t unwrapped = 0;
    word_t i;
    for (i = 0; i < count; i++) {
        struct cap c = extra[i]->cap;
        if (cap_type(c) == CAP_ENDPOINT && ep != 0 && cap_object(c) == ep) {
            buffer[IPCBUF_CAPS + i] = cap_badge(c);
            unwrapped |= (word_t)1 << i;
        } else if (!transfer_one(extra[i], receiver, buffer)) {
            break;
        }
    }
    return msginfo_make(0, unwrapped, i, 0);
}

/* The message does not fit the registers alone. Returns the fields of the tag but the label. */
static word_t transfer_by_buffer(struct tcb *sender, kaddr_t ep, bool grant, struct tcb *receiver)
{
    word_t tag = sender->regs[REG_R1];
    word_t length = msginfo_length(tag);
    word_t count = grant ? msginfo_extra(tag) : 0;
    const word_t *from = tcb_ipc_buffer(sender, false);
    word_t *to = tcb_ipc_buffer(receiver, true);
    struct slot *extra[MSG_MAX_EXTRA_CAPS];
    if (!from || !to)
        return length > MSG_REGISTERS ? (word_t)MSG_REGISTERS : length;
    if (length > MSG_REGISTERS)
        copy_words(from, to, length);
    if (count > 0 && lookup_extra(sender, from, count, extra))
        length |= transfer_caps(extra, count, ep, receiver, to);
    return length;
}

static word_t transfer_message(struct tcb *sender, kaddr_t ep, bool grant, struct tcb *receiver)
{
    word_t tag = sender->regs[REG_R1];
    word_t length = msginfo_length(tag);
    word_t in_registers = length < MSG_REGISTERS ? length : (word_t)MSG_REGISTERS;
    for (word_t i = 0; i < in_registers; i++)
        receiver->regs[REG_R2 + i] = sender->regs[REG_R2 + i];
    if (length > MSG_REGISTERS || msginfo_extra(tag) != 0)
        length = transfer_by_buffer(sender, ep, grant, receiver);
    return msginfo_make(msginfo_label(tag), 0, 0, length);
}

void ipc_transfer(struct tcb *sender, kaddr_t ep, word_t badge, bool grant, struct tcb *receiver)
{
    word_t tag = sender->fault_type != FAULT_NONE ? fault_message(sender, receiver)
                                                  : transfer_message(sender, ep, grant, receiver);
    receiver->regs[REG_R0] = badge;
    receiver->regs[REG_R1] = tag;
}

word_t ipc_set_word(struct tcb *t, word_t *buffer, word_t i, word_t value)
{
    if (i < MSG_REGISTERS) {
        t->regs[REG_R2 + i] = value;
        return i + 1;
    }
    if (!buffer)
        return MSG_REGISTERS;
    buffer[IPCBUF_MSG + i] = value;
    return i + 1;
}
