/* Delete and revoke (9.1): a container goes with everything in it, at once. */
#include "model/model.h"

/* What a capability's deletion does besides taking it away. */
static void release(struct model *m, struct model_cap c, bool final)
{
    if (c.kind == MODEL_FRAME)
        model_frame_unmap(m, c);
    if (!final)
        return;
    switch (c.kind) {
    case MODEL_ENDPOINT:
        model_endpoint_cancel_all(m, c.object);
        break;
    case MODEL_NOTIFICATION:
        model_notification_cancel_all(m, c.object);
        break;
    case MODEL_PAGE_TABLE:
        model_table_unmap(m, c);
        break;
    case MODEL_PAGE_DIRECTORY:
        model_asid_release(m, c.asid, c.object);
        break;
    case MODEL_ASID_POOL:
        model_pool_destroy(m, c.object);
        break;
    case MODEL_IRQ_HANDLER:
        model_irq_handler_destroy(m, c.irq);
        break;
    default:
        break;
    }
}

/* The last capability to a CNode or a thread: everything in it goes first, from the last slot down.
 * Slots that hold a doomed capability belong to a deletion that is under way around this one. */
static void empty_container(struct model *m, struct model_slot *s)
{
    struct model_object *o = s->cap.object;
    if (o->thread) {
        model_unbind(o->thread);
        model_thread_suspend(m, o->thread);
    }
    s->cap.kind = MODEL_DOOMED;
    m->deletion_depth++;
    if (m->deletion_depth > 1)
        m->report.nested = true;
    for (unsigned i = o->slot_count; i-- > 0;)
        model_delete(m, &o->slots[i]);
    m->deletion_depth--;
}

void model_delete(struct model *m, struct model_slot *s)
{
    if (model_slot_empty(s) || s->cap.kind == MODEL_DOOMED)
        return;
    bool final = model_slot_final(m, s);
    if (final && (s->cap.kind == MODEL_CNODE || s->cap.kind == MODEL_TCB))
        empty_container(m, s);
    else
        release(m, s->cap, final);
    model_slot_clear(m, s);
}

/* The slot itself may go with one of its children. */
void model_revoke(struct model *m, struct model_slot *s)
{
    while (!model_slot_empty(s) && model_cdt_has_children(s))
        model_delete(m, s->first_child);
}
