/* Moving a message: words, badge, capabilities (ABI sheet 1.4 to 1.7). */
#ifndef CAPSCOPE_KERNEL_IPC_H
#define CAPSCOPE_KERNEL_IPC_H

#include "kernel/kernel.h"

/* Copies sender's message, or its fault, to receiver. ep: the endpoint it goes through, 0 for a
 * reply; grant: may capabilities be transferred. */
void ipc_transfer(struct tcb *sender, kaddr_t ep, word_t badge, bool grant, struct tcb *receiver);
/* Sets message word i of a thread, in register or buffer; returns the length reached (4 when there
 * is no buffer). */
word_t ipc_set_word(struct tcb *t, word_t *buffer, word_t i, word_t value);

#endif
