/* Commands about threads, scheduling and interrupts. */
#include "monitor/command.h"
#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/text.h"
#include "monitor/view.h"
#include "record/names.h"

/* The fault a thread waits for an answer to, or could not report. */
static void thread_fault(const struct record_thread *t)
{
    static const char *const names[] = {
#define X(value, NAME, text) [value] = text,
        FAULT_LIST(X)
#undef X
    };
    if (t->fault == FAULT_NONE)
        return;
    bool known = t->fault < sizeof(names) / sizeof(names[0]) && names[t->fault];
    out_piece("%s 0x%x", known ? names[t->fault] : "fault", t->fault_addr);
    if (t->state == THREAD_INACTIVE)
        out_piece("without a handler");
}

static void thread_line(const struct record_thread *t)
{
    out("0x%08x %c%-9s %3u 0x%08x ", t->addr, t->current ? '*' : ' ', thread_state_name(t->state),
        t->priority, t->pc);
    text_thread(kaddr_from_paddr(t->addr), TEXT_NAME);
    if (t->blocked_on != 0)
        out_piece("on 0x%08x #%u", t->blocked_on, t->position);
    if (t->blocked_on != 0 && t->blocked_badge != 0)
        out_piece("badge %u", t->blocked_badge);
    if (t->bound != 0)
        out_piece("bound to 0x%08x", t->bound);
    thread_fault(t);
    out("\n");
}

enum error command_threads(const struct args *a)
{
    static struct record_thread t;
    struct objwalk *w = view_walk();
    (void)a;
    if (!w)
        return ERR_NO_ROOTS;
    if (!places_collect(w))
        out("(the derivation list is broken; what could be found:)\n");
    out("tcb         state    prio pc         name\n");
    for (uint32_t i = 0; i < places_count() && !out_stopped(); i++) {
        if (places_at(i)->kind != PLACE_TCB)
            continue;
        if (objwalk_thread(w, places_at(i)->base, &t) == ERR_OK)
            thread_line(&t);
        else
            out("0x%08x cannot be read as a thread\n", paddr_from_kaddr(places_at(i)->base));
    }
    return ERR_OK;
}

static bool is_ready(const struct record_thread *t)
{
    return !t->idle && (t->state == THREAD_RUNNING || t->state == THREAD_RESTART);
}

/* The highest priority below `limit` that has a runnable thread, -1 for none. */
static int32_t next_priority(struct objwalk *w, int32_t limit)
{
    static struct record_thread t;
    int32_t best = -1;
    for (uint32_t i = 0; i < places_count(); i++) {
        if (places_at(i)->kind != PLACE_TCB || objwalk_thread(w, places_at(i)->base, &t) != ERR_OK)
            continue;
        if (is_ready(&t) && (int32_t)t.priority < limit && (int32_t)t.priority > best)
            best = (int32_t)t.priority;
    }
    return best;
}

static void priority_line(struct objwalk *w, int32_t priority)
{
    static struct record_thread t;
    out("%3u:", (uint32_t)priority);
    for (uint32_t i = 0; i < places_count() && !out_stopped(); i++) {
        if (places_at(i)->kind != PLACE_TCB || objwalk_thread(w, places_at(i)->base, &t) != ERR_OK)
            continue;
        if (!is_ready(&t) || (int32_t)t.priority != priority)
            continue;
        out_piece("0x%08x ", t.addr);
        out_escaped(t.name.bytes, t.name.length, TEXT_NAME);
        out(" (%u ticks left)", t.time_slice);
    }
    out("\n");
}

enum error command_sched(const struct args *a)
{
    struct objwalk *w = view_walk();
    kaddr_t current;
    (void)a;
    if (!w)
        return ERR_NO_ROOTS;
    places_collect(w);
    if (view_read(w->roots.current, &current, sizeof(current)) != ERR_OK)
        return ERR_READ;
    out("current: 0x%08x ", paddr_from_kaddr(current));
    text_thread(current, TEXT_NAME);
    out("\nrunnable, by priority:\n");
    int32_t priority = CONFIG_PRIORITIES;
    while ((priority = next_priority(w, priority)) >= 0 && !out_stopped())
        priority_line(w, priority);
    return ERR_OK;
}

static void irq_line(struct objwalk *w, uint32_t irq, uint32_t state)
{
    static const char *const names[] = {"inactive", "signal", "timer"};
    struct record_slot s;
    kaddr_t slot = w->roots.irq_slots + irq * (uint32_t)sizeof(struct slot);
    out("irq %2u %-8s", irq, state < 3 ? names[state] : "?");
    if (objwalk_slot(w, slot, &s) == ERR_OK && s.type != RECORD_CAP_NULL) {
        out(" to ");
        text_cap(&s);
    }
    out("\n");
}

enum error command_irqs(const struct args *a)
{
    uint8_t state[IRQ_COUNT];
    struct objwalk *w = view_walk();
    (void)a;
    if (!w)
        return ERR_NO_ROOTS;
    if (view_read(w->roots.irq_state, state, sizeof(state)) != ERR_OK)
        return ERR_READ;
    for (uint32_t irq = 0; irq < IRQ_COUNT && !out_stopped(); irq++)
        if (state[irq] != IRQ_INACTIVE)
            irq_line(w, irq, state[irq]);
    return ERR_OK;
}
