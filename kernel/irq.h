/* Interrupts as objects (ABI sheet 3.5). */
#ifndef CAPSCOPE_KERNEL_IRQ_H
#define CAPSCOPE_KERNEL_IRQ_H

#include "kernel/message.h"

enum outcome irq_control_operation(struct slot *slot, struct message *m); /* labels 25, 45 */
enum outcome irq_handler_operation(struct slot *slot, struct message *m); /* labels 26..28 */
/* The last handler capability goes. PREEMPTED in the middle of what many threads wait for. */
enum outcome irq_handler_destroy(word_t irq);
void irq_init(void); /* all masked, timer reserved */
/* Entry point of the vectors: takes one pending interrupt. */
void irq_handle(void);

#endif
