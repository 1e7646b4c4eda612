/* Endpoints and replies (8.3). */
#include "model/model.h"

static void enqueue(struct model *m, struct model_thread *t, struct model_object *ep, bool receiver)
{
    ep->receivers = receiver;
    t->waits = ep;
    model_queue_back(&ep->queue, t);
    model_set_state(m, t, receiver ? MODEL_RECEIVING : MODEL_SENDING);
}

static void dequeue(struct model_thread *t)
{
    model_queue_remove(&t->waits->queue, t);
    t->waits = NULL;
}

/* A Call was delivered: the caller waits for the reply, or, when the server got no right to answer,
 * stops for good. */
static void call_delivered(struct model *m, struct model_thread *caller,
                           struct model_thread *server, bool may_reply, bool grant)
{
    if (!may_reply) {
        model_set_state(m, caller, MODEL_INACTIVE);
        return;
    }
    model_set_state(m, caller, MODEL_AWAITS_REPLY);
    struct model_slot *s = &server->slots[MODEL_TCB_CALLER];
    model_slot_fill(m, s,
                    (struct model_cap){.kind = MODEL_REPLY,
                                       .object = caller->object,
                                       .rights = grant ? RIGHT_GRANT : 0},
                    false);
    model_cdt_child(&caller->slots[MODEL_TCB_REPLY], s);
}

void model_endpoint_send(struct model *m, struct model_thread *t, struct model_cap c, bool blocking,
                         bool call)
{
    struct model_object *ep = c.object;
    bool grant = (c.rights & RIGHT_GRANT) != 0;
    bool grant_reply = (c.rights & RIGHT_GRANT_REPLY) != 0;
    if (ep->queue.count == 0 || !ep->receivers) {
        if (!blocking)
            return;
        t->send_badge = c.badge;
        t->send_grant = grant;
        t->send_grant_reply = grant_reply;
        t->send_call = call;
        enqueue(m, t, ep, false);
        return;
    }
    struct model_thread *to = ep->queue.thread[0];
    dequeue(to);
    model_transfer(m, t, ep, c.badge, grant, to);
    model_set_state(m, to, MODEL_RUNNING);
    model_woken(m, to);
    if (call)
        call_delivered(m, t, to, grant || grant_reply, to->receive_grant);
}

void model_endpoint_receive(struct model *m, struct model_thread *t, struct model_cap c,
                            bool blocking)
{
    struct model_object *ep = c.object;
    bool grant = (c.rights & RIGHT_GRANT) != 0;
    model_delete(m, &t->slots[MODEL_TCB_CALLER]);
    if (model_take_bound(t))
        return;
    if (ep->queue.count == 0 || ep->receivers) {
        if (!blocking) {
            t->r[0] = 0;
            return;
        }
        t->receive_grant = grant;
        enqueue(m, t, ep, true);
        return;
    }
    struct model_thread *from = ep->queue.thread[0];
    dequeue(from);
    model_transfer(m, from, ep, from->send_badge, from->send_grant, t);
    if (from->send_call) {
        call_delivered(m, from, t, from->send_grant || from->send_grant_reply, grant);
    } else {
        model_set_state(m, from, MODEL_RUNNING);
        model_woken(m, from);
    }
}

void model_endpoint_cancel(struct model *m, struct model_thread *t)
{
    dequeue(t);
    model_set_state(m, t, MODEL_INACTIVE);
}

/* What it waited for is gone: its system call begins anew. */
void model_restart(struct model *m, struct model_thread *t)
{
    dequeue(t);
    model_set_state(m, t, MODEL_RESTART);
    model_ready_front(m, t);
    model_choose_anew(m);
    m->report.restarted++;
}

void model_endpoint_cancel_all(struct model *m, struct model_object *ep)
{
    while (ep->queue.count != 0)
        model_restart(m, ep->queue.thread[0]);
}

void model_endpoint_cancel_badged(struct model *m, struct model_object *ep, word_t badge)
{
    for (unsigned i = 0; !ep->receivers && i < ep->queue.count;) {
        struct model_thread *t = ep->queue.thread[i];
        if (t->send_badge == badge)
            model_restart(m, t);
        else
            i++;
    }
}

static void reply_to_fault(struct model *m, struct model_thread *t, struct model_thread *caller)
{
    bool goes_on = model_fault_reply(m, t, caller);
    caller->fault.type = FAULT_NONE;
    if (!goes_on) {
        model_set_state(m, caller, MODEL_INACTIVE);
        return;
    }
    model_set_state(m, caller, MODEL_RESTART);
    model_woken(m, caller);
}

void model_reply(struct model *m, struct model_thread *t, struct model_slot *reply)
{
    struct model_thread *caller = reply->cap.object->thread;
    bool grant = (reply->cap.rights & RIGHT_GRANT) != 0;
    if (caller->fault.type != FAULT_NONE) {
        model_delete(m, reply);
        reply_to_fault(m, t, caller);
        return;
    }
    model_transfer(m, t, NULL, 0, grant, caller);
    model_delete(m, reply);
    model_set_state(m, caller, MODEL_RUNNING);
    model_woken(m, caller);
}
