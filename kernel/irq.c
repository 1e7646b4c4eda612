/* Interrupts as objects (ABI sheet 3.5).
 *
 *               Get                      interrupt
 *   inactive ----------> signal, open ------------> signal, masked
 *      ^                  |        ^                  |         |
 *      |   last handler   |        +------ Ack -------+         |
 *      +------------------+-------------------------------------+
 *
 * A line whose handler names no notification is masked all the same when it rises, so that it does
 * not rise for ever.  The timer's line belongs to the kernel; a debugger may take lines for itself
 * before anybody else sees them.
 *
 * The notification capability of a handler stands in ks.irq_slots, a capability like any other. */
#include "kernel/irq.h"

#include "kernel/board.h"
#include "kernel/cdt.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/delete.h"
#include "kernel/notification.h"
#include "kernel/refusal.h"
#include "kernel/sched.h"

void irq_init(void)
{
    for (word_t irq = 0; irq < IRQ_COUNT; irq++) {
        ks.irq_state[irq] = IRQ_INACTIVE;
        board_irq_mask(irq);
    }
    ks.irq_state[TIMER_IRQ] = IRQ_TIMER;
    board_irq_unmask(TIMER_IRQ);
}

/* --- interrupts --- */

static void irq_signal(word_t irq)
{
    struct cap c = ks.irq_slots[irq].cap;
    if (ks.irq_state[irq] == IRQ_SIGNAL && cap_type(c) == CAP_NOTIFICATION &&
        (cap_rights(c) & RIGHT_WRITE))
        notification_signal(kptr(cap_object(c)), cap_badge(c));
    board_irq_mask(irq);
}

void irq_handle(void)
{
    word_t irq = board_irq_pending();
    if (irq == TIMER_IRQ) {
        ks.ticks++;
        board_timer_ack();
        sched_tick();
        debug_tick();
        return;
    }
    if (irq >= IRQ_COUNT || debug_irq(irq))
        return;
    irq_signal(irq);
}

/* --- the control capability --- */

static enum outcome decode_get(struct message *m, struct slot **dest)
{
    if (m->length < 3 || !m->extra[0])
        return refuse_truncated();
    word_t irq = message_word(m, 0);
    if (irq >= IRQ_COUNT)
        return refuse_range(0, IRQ_COUNT - 1);
    if (ks.irq_state[irq] != IRQ_INACTIVE)
        return refuse_revoke_first();
    enum outcome outcome =
        cnode_lookup_target(m->extra[0]->cap, message_word(m, 1), message_word(m, 2), false, dest);
    if (outcome != DONE)
        return outcome;
    if (cap_type((*dest)->cap) != CAP_NULL)
        return refuse_delete_first();
    return DONE;
}

static void invoke_get(struct slot *control, struct slot *dest, word_t irq)
{
    ks.irq_state[irq] = IRQ_SIGNAL;
    cdt_insert(dest, control, control_make(CONTROL_IRQ_HANDLER, irq),
               CDT_REVOCABLE | CDT_FIRST_BADGED, EVENT_HANDLER);
    board_irq_unmask(irq);
}

/* Lines of this board have no trigger to choose. */
static enum outcome get_trigger(const struct message *m)
{
    if (m->length < 4 || !m->extra[0])
        return refuse_truncated();
    return refuse_illegal();
}

enum outcome irq_control_operation(struct slot *slot, struct message *m)
{
    struct slot *dest;
    switch (m->label) {
    case INV_IRQ_CONTROL_GET:
        if (decode_get(m, &dest) != DONE)
            return REFUSED;
        invoke_get(slot, dest, message_word(m, 0));
        return DONE;
    case INV_IRQ_CONTROL_GET_TRIGGER:
        return get_trigger(m);
    default:
        return refuse_illegal();
    }
}

/* --- handlers --- */

/* PREEMPTED when it is the last capability and many threads wait: it stays, and whoever drops it
 * does so again. */
static enum outcome notification_drop(word_t irq)
{
    return slot_delete(&ks.irq_slots[irq]);
}

static enum outcome invoke_set_notification(struct slot *handler, struct slot *source)
{
    word_t irq = control_irq(handler->cap);
    if (notification_drop(irq) != DONE)
        return PREEMPTED;
    cdt_insert_copy(&ks.irq_slots[irq], source, source->cap, EVENT_INSTALL);
    debug_event(EVENT_IRQ_SET, handler, source, handler->cap, cap_object(source->cap), irq);
    return DONE;
}

static enum outcome set_notification(struct slot *handler, struct message *m)
{
    if (!m->extra[0])
        return refuse_truncated();
    struct cap c = m->extra[0]->cap;
    if (cap_type(c) != CAP_NOTIFICATION || !(cap_rights(c) & RIGHT_WRITE))
        return refuse_capability(0);
    return invoke_set_notification(handler, m->extra[0]);
}

static enum outcome invoke_clear(struct slot *handler)
{
    word_t irq = control_irq(handler->cap);
    if (notification_drop(irq) != DONE)
        return PREEMPTED;
    debug_event(EVENT_IRQ_SET, handler, NULL, handler->cap, 0, irq);
    return DONE;
}

enum outcome irq_handler_operation(struct slot *slot, struct message *m)
{
    switch (m->label) {
    case INV_IRQ_HANDLER_ACK:
        board_irq_unmask(control_irq(slot->cap));
        return DONE;
    case INV_IRQ_HANDLER_SET_NOTIFICATION:
        return set_notification(slot, m);
    case INV_IRQ_HANDLER_CLEAR:
        return invoke_clear(slot);
    default:
        return refuse_illegal();
    }
}

enum outcome irq_handler_destroy(word_t irq)
{
    board_irq_mask(irq);
    if (notification_drop(irq) != DONE)
        return PREEMPTED;
    ks.irq_state[irq] = IRQ_INACTIVE;
    return DONE;
}
