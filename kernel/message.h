/* What an invocation was given: label, words and extra capabilities of the current thread. */
#ifndef CAPSCOPE_KERNEL_MESSAGE_H
#define CAPSCOPE_KERNEL_MESSAGE_H

#include "kernel/kernel.h"

struct message {
    word_t label;
    word_t length;                          /* cut to 4 when the caller has no usable IPC buffer */
    const word_t *mr;                       /* words 0 to 3, in the caller's registers */
    const word_t *buffer;                   /* caller's IPC buffer, NULL: none */
    struct slot *extra[MSG_MAX_EXTRA_CAPS]; /* NULL from the first missing one on */
    bool call;                              /* the operation was a Call: an answer is wanted */
    bool answered; /* set by an operation that wrote its own answer into the registers */
};

/* Word i of the message, 0 beyond the buffer; the caller has checked length. */
static inline word_t message_word(const struct message *m, word_t i)
{
    if (i < MSG_REGISTERS)
        return m->mr[i];
    return m->buffer ? m->buffer[IPCBUF_MSG + i] : 0;
}

#endif
