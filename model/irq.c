/* Interrupts as objects (3.5). */
#include "model/model.h"

static enum model_outcome irq_get(struct model *m, struct model_slot *control,
                                  const struct model_message *g)
{
    struct model_slot *to;
    if (g->length < 3 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    word_t irq = g->word[0];
    if (irq >= MODEL_IRQS)
        return model_refuse_range(m, 0, MODEL_IRQS - 1);
    if (m->irq_active[irq])
        return model_refuse(m, SEL4_REVOKE_FIRST);
    if (model_lookup_target(m, g->extra[0]->cap, g->word[1], g->word[2], false, &to) != MODEL_DONE)
        return MODEL_REFUSED;
    if (!model_slot_empty(to))
        return model_refuse(m, SEL4_DELETE_FIRST);
    m->irq_active[irq] = true;
    m->irq_open[irq] = true;
    model_slot_fill(m, to, (struct model_cap){.kind = MODEL_IRQ_HANDLER, .irq = irq}, true);
    if (control->original)
        model_cdt_child(control, to);
    else
        model_cdt_after(control, to);
    return MODEL_DONE;
}

enum model_outcome model_irq_control_operation(struct model *m, struct model_slot *s,
                                               struct model_message *g)
{
    if (g->label == INV_IRQ_CONTROL_GET)
        return irq_get(m, s, g);
    if (g->label == INV_IRQ_CONTROL_GET_TRIGGER && (g->length < 4 || !g->extra[0]))
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    return model_refuse(m, SEL4_ILLEGAL_OPERATION);
}

static enum model_outcome set_notification(struct model *m, struct model_slot *s,
                                           const struct model_message *g)
{
    if (!g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    struct model_cap n = g->extra[0]->cap;
    if (n.kind != MODEL_NOTIFICATION || !(n.rights & RIGHT_WRITE))
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
    struct model_slot *to = &m->irq_table->slots[s->cap.irq];
    model_delete(m, to);
    model_slot_copy(m, to, g->extra[0], n);
    return MODEL_DONE;
}

enum model_outcome model_irq_handler_operation(struct model *m, struct model_slot *s,
                                               struct model_message *g)
{
    switch (g->label) {
    case INV_IRQ_HANDLER_ACK:
        m->irq_open[s->cap.irq] = true;
        return MODEL_DONE;
    case INV_IRQ_HANDLER_SET_NOTIFICATION:
        return set_notification(m, s, g);
    case INV_IRQ_HANDLER_CLEAR:
        model_delete(m, &m->irq_table->slots[s->cap.irq]);
        return MODEL_DONE;
    default:
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    }
}

void model_irq_handler_destroy(struct model *m, word_t irq)
{
    m->irq_active[irq] = false;
    m->irq_open[irq] = false;
    model_delete(m, &m->irq_table->slots[irq]);
}
