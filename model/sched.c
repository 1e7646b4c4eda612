/* Who runs next (8.1). */
#include "model/model.h"

#include <stddef.h>

bool model_runnable(const struct model_thread *t)
{
    return t && (t->state == MODEL_RUNNING || t->state == MODEL_RESTART);
}

/* When the thread that runs stops and nobody has been woken, another is chosen. */
void model_set_state(struct model *m, struct model_thread *t, enum model_state state)
{
    t->state = state;
    if (t == m->current && !model_runnable(t) && !m->candidate)
        m->choose = true;
}

static void note_higher(struct model *m, const struct model_thread *t)
{
    if (t != m->current && t->priority > m->caller_priority)
        m->report.woke_higher = true;
}

void model_ready_front(struct model *m, struct model_thread *t)
{
    note_higher(m, t);
    if (t->ready)
        return;
    t->ready = true;
    model_queue_front(&m->ready[t->priority], t);
}

void model_ready_back(struct model *m, struct model_thread *t)
{
    if (t->ready)
        return;
    t->ready = true;
    model_queue_back(&m->ready[t->priority], t);
}

static void leave_queue(struct model *m, struct model_thread *t)
{
    if (!t->ready)
        return;
    t->ready = false;
    model_queue_remove(&m->ready[t->priority], t);
}

void model_ready_remove(struct model *m, struct model_thread *t)
{
    leave_queue(m, t);
    if (m->candidate == t) {
        m->candidate = NULL;
        m->choose = true;
    }
}

void model_choose_anew(struct model *m)
{
    if (m->candidate)
        model_ready_front(m, m->candidate);
    m->candidate = NULL;
    m->choose = true;
}

/* The wake-up rule. */
void model_woken(struct model *m, struct model_thread *t)
{
    note_higher(m, t);
    if (t->domain != m->domain) {
        model_ready_front(m, t);
    } else if (m->candidate || m->choose) {
        model_choose_anew(m);
        model_ready_front(m, t);
    } else {
        m->candidate = t;
    }
}

void model_yield(struct model *m)
{
    model_ready_back(m, m->current);
    model_choose_anew(m);
}

void model_tick(struct model *m)
{
    struct model_thread *t = m->current;
    if (!t || t->state != MODEL_RUNNING)
        return;
    t->slice--;
    if (t->slice != 0)
        return;
    t->slice = CONFIG_TICKS_PER_SLICE;
    model_ready_back(m, t);
    model_choose_anew(m);
}

/* The first of the best ready threads; NULL: nobody is ready. */
static struct model_thread *best_ready(const struct model *m)
{
    for (unsigned p = CONFIG_PRIORITIES; p-- > 0;)
        if (m->ready[p].count != 0)
            return m->ready[p].thread[0];
    return NULL;
}

/* Happens when another thread runs, when the running thread's spaces are set and when a directory
 * loses its ASID; a capability that merely goes leaves the processor where it is. */
void model_space_follow(struct model *m)
{
    m->space = NULL;
    if (!m->current)
        return;
    struct model_cap c = m->current->slots[MODEL_TCB_VSPACE].cap;
    if (c.kind == MODEL_PAGE_DIRECTORY && c.asid != 0 && model_directory_of(m, c.asid) == c.object)
        m->space = c.object;
}

static void run(struct model *m, struct model_thread *t)
{
    if (t)
        leave_queue(m, t);
    if (t == m->current)
        return;
    m->current = t;
    model_space_follow(m);
}

static void decide_candidate(struct model *m)
{
    struct model_thread *t = m->candidate;
    const struct model_thread *best = best_ready(m);
    m->candidate = NULL;
    if (model_runnable(m->current)) {
        if (t->priority > m->current->priority) {
            model_ready_front(m, m->current);
            run(m, t);
        } else if (t->priority == m->current->priority) {
            model_ready_back(m, t);
        } else {
            model_ready_front(m, t);
        }
    } else if (!best || t->priority >= best->priority) {
        run(m, t);
    } else {
        model_ready_front(m, t);
        run(m, best_ready(m));
    }
}

void model_schedule(struct model *m)
{
    if (m->candidate) {
        decide_candidate(m);
    } else if (m->choose) {
        m->choose = false;
        if (model_runnable(m->current))
            model_ready_front(m, m->current);
        run(m, best_ready(m));
    }
    if (m->current && m->current->state == MODEL_RESTART) {
        m->current->pc = m->current->restart;
        m->current->state = MODEL_RUNNING;
    }
}
