/* Notifications (8.4). */
#include "model/model.h"

static void deliver(struct model *m, struct model_thread *t, word_t badge)
{
    t->r[0] = badge;
    model_set_state(m, t, MODEL_RUNNING);
    model_woken(m, t);
}

static void leave(struct model_thread *t)
{
    model_queue_remove(&t->waits->queue, t);
    t->waits = NULL;
}

void model_signal(struct model *m, struct model_object *n, word_t badge)
{
    if (n->queue.count != 0) {
        struct model_thread *t = n->queue.thread[0];
        leave(t);
        deliver(m, t, badge);
    } else if (n->active) {
        n->word |= badge;
    } else if (n->bound && n->bound->state == MODEL_RECEIVING) {
        model_endpoint_cancel(m, n->bound);
        deliver(m, n->bound, badge);
    } else {
        n->active = true;
        n->word = badge;
    }
}

void model_wait(struct model *m, struct model_thread *t, struct model_object *n, bool blocking)
{
    if (n->active) {
        t->r[0] = n->word;
        n->active = false;
    } else if (blocking) {
        t->waits = n;
        model_queue_back(&n->queue, t);
        model_set_state(m, t, MODEL_WAITING);
    } else {
        t->r[0] = 0;
    }
}

/* The word of an active notification that is bound to the thread is delivered first. */
bool model_take_bound(struct model_thread *t)
{
    if (!t->bound || !t->bound->active)
        return false;
    t->r[0] = t->bound->word;
    t->bound->active = false;
    return true;
}

void model_notification_cancel(struct model *m, struct model_thread *t)
{
    leave(t);
    model_set_state(m, t, MODEL_INACTIVE);
}

void model_notification_cancel_all(struct model *m, struct model_object *n)
{
    if (n->bound)
        model_unbind(n->bound);
    while (n->queue.count != 0)
        model_restart(m, n->queue.thread[0]);
}

void model_unbind(struct model_thread *t)
{
    if (!t->bound)
        return;
    t->bound->bound = NULL;
    t->bound = NULL;
}
