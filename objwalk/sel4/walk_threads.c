/* Threads: a TCB is a block with its slots and name in the lower half; pointers to threads name the
 * upper half, where the saved registers and the scheduler's members stand. */
#include "objwalk/sel4/walk_parts.h"

#include <string.h>

enum { REGISTERS = 5 };

static const struct sel4_layout *layout(const struct sel4_walk *w)
{
    return w->l;
}

/* Of an unaligned idle thread the kernel itself masks the pointer, wherever that leads. */
static uint64_t debug_place(const struct sel4_walk *w, uint64_t tcb)
{
    return (tcb & ~sel4_mask(w->l->tcb_bits)) + ((uint64_t)layout(w)->tcb_slots << w->l->slot_bits);
}

static uint32_t name_bytes(const struct sel4_walk *w)
{
    uint32_t there =
        (1u << (w->l->tcb_bits - 1)) - (w->l->tcb_slots << w->l->slot_bits) - 2 * w->l->word;
    return there < SEL4_NAME_BYTES - 1 ? there : SEL4_NAME_BYTES - 1;
}

static bool is_idle(const struct sel4_walk *w, uint64_t tcb)
{
    return tcb - w->l->symbol[SEL4_SYM_IDLE_TCB].addr < w->l->symbol[SEL4_SYM_IDLE_TCB].size;
}

/* tcb_t: an address in the middle of its block. */
static bool is_tcb(const struct sel4_walk *w, uint64_t tcb)
{
    uint64_t half = (uint64_t)1 << (w->l->tcb_bits - 1);
    return is_idle(w, tcb) ? (tcb & sel4_mask(w->l->slot_bits)) == 0
                           : (tcb & sel4_mask(w->l->tcb_bits)) == half;
}

void sel4_walk_thread(struct sel4_walk *w, uint64_t tcb)
{
    struct sel4_task t = {.kind = SEL4_TASK_THREAD, .addr = tcb};
    if (tcb == 0)
        return;
    if (!is_tcb(w, tcb)) {
        sel4_walk_finding(w, AUDIT_QUEUE, tcb, 0, 0);
        return;
    }
    if (w->s->threads.count + w->next.count >= SEL4_MAX_OBJECTS)
        w->capped++;
    else
        sel4_walk_once(w, &t);
}

/* --- what is read of it --- */

static uint32_t first_register(const struct sel4_layout *l)
{
    uint32_t a = l->pc < l->fault_pc ? l->pc : l->fault_pc;
    uint32_t b = l->sp < l->psr ? l->sp : l->psr;
    return a < b ? a : b;
}

static uint32_t last_register(const struct sel4_layout *l)
{
    uint32_t a = l->pc > l->fault_pc ? l->pc : l->fault_pc;
    uint32_t b = l->sp > l->psr ? l->sp : l->psr;
    return (a > b ? a : b) + l->word;
}

static uint32_t members_end(const struct sel4_layout *l)
{
    uint32_t end = 0;
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
        if (l->tcb[m] != SEL4_NONE && l->tcb[m] + l->word > end)
            end = l->tcb[m] + l->word;
    }
    return end;
}

void sel4_walk_want_thread(struct sel4_walk *w, uint64_t tcb)
{
    const struct sel4_layout *l = w->l;
    sel4_memory_want(w->m, sel4_tcb_base(l, tcb), l->tcb_slots << l->slot_bits);
    if (l->debug)
        sel4_memory_want(w->m, debug_place(w, tcb), 2 * l->word + name_bytes(w));
    sel4_memory_want(w->m, tcb + first_register(l), last_register(l) - first_register(l));
    sel4_memory_want(w->m, tcb + l->tcb[SEL4_TCB_STATE], members_end(l) - l->tcb[SEL4_TCB_STATE]);
}

/* --- decoding --- */

static void take_state(const struct sel4_layout *l, struct sel4_thread *t)
{
    const struct sel4_block *b = &l->block[SEL4_BLOCK_THREAD_STATE];
    const uint64_t *w = t->state_word;
    t->state = (uint32_t)sel4_block_value(b, SEL4_STATE, w);
    t->blocking_object = sel4_block_value(b, SEL4_BLOCKING_OBJECT, w);
    t->can_grant = sel4_block_value(b, SEL4_CAN_GRANT, w) != 0;
    t->can_grant_reply = sel4_block_value(b, SEL4_CAN_GRANT_REPLY, w) != 0;
    t->is_call = sel4_block_value(b, SEL4_IS_CALL, w) != 0;
    t->queued = sel4_block_value(b, SEL4_QUEUED, w) != 0;
    t->in_release = sel4_block_value(b, SEL4_IN_RELEASE, w) != 0;
    t->reply_object = sel4_block_value(b, SEL4_REPLY_OBJECT, w);
    t->badge = sel4_block_value(b, SEL4_IPC_BADGE, w);
}

static bool take_members(struct sel4_walk *w, struct sel4_thread *t)
{
    const struct sel4_layout *l = w->l;
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
        if (l->tcb[m] != SEL4_NONE && !sel4_walk_words(w, t->tcb + l->tcb[m], &t->member[m], 1))
            return false;
    }
    return sel4_walk_words(w, t->tcb + l->tcb[SEL4_TCB_STATE], t->state_word, 3) &&
           sel4_walk_words(w, t->tcb + l->tcb[SEL4_TCB_FAULT], t->fault, 2);
}

/* A target may refuse to show them: then they are not known, which is no finding. */
static void take_registers(struct sel4_walk *w, struct sel4_thread *t)
{
    const uint16_t place[REGISTERS] = {w->l->pc, w->l->fault_pc, w->l->sp, w->l->psr};
    uint64_t *const value[REGISTERS] = {&t->pc, &t->fault_pc, &t->sp, &t->psr};
    t->has_registers = true;
    for (unsigned i = 0; i < REGISTERS - 1; i++) {
        if (sel4_memory_words(w->m, t->tcb + place[i], value[i], 1) != ERR_OK) {
            t->has_registers = false;
            return;
        }
    }
}

static void take_name(struct sel4_walk *w, struct sel4_thread *t)
{
    uint64_t link[2];
    uint64_t at = debug_place(w, t->tcb);
    if (!w->l->debug || !sel4_walk_words(w, at, link, 2))
        return;
    if (sel4_memory_read(w->m, at + 2 * w->l->word, t->name, name_bytes(w)) != ERR_OK)
        memset(t->name, 0, sizeof(t->name));
    t->name[SEL4_NAME_BYTES - 1] = '\0';
    memset(t->name + strlen(t->name), 0, sizeof(t->name) - strlen(t->name));
    t->debug_next = link[0];
    t->debug_prev = link[1];
}

static void follow_links(struct sel4_walk *w, const struct sel4_thread *t)
{
    sel4_walk_thread(w, t->member[SEL4_TCB_SCHED_NEXT]);
    sel4_walk_thread(w, t->member[SEL4_TCB_SCHED_PREV]);
    sel4_walk_thread(w, t->member[SEL4_TCB_EP_NEXT]);
    sel4_walk_thread(w, t->member[SEL4_TCB_EP_PREV]);
    if (!w->l->idle_unaligned || !t->idle) {
        sel4_walk_thread(w, t->debug_next);
        sel4_walk_thread(w, t->debug_prev);
    }
}

static int current_on(const struct sel4_walk *w, uint64_t tcb)
{
    for (unsigned n = 0; n < w->l->nodes && n < SEL4_NODES; n++) {
        if (w->s->node[n].current == tcb)
            return (int)n;
    }
    return -1;
}

void sel4_walk_read_thread(struct sel4_walk *w, uint64_t tcb)
{
    struct sel4_thread t = {.tcb = tcb, .idle = is_idle(w, tcb), .current_on = current_on(w, tcb)};
    t.readable = take_members(w, &t);
    if (t.readable) {
        take_state(w->l, &t);
        take_registers(w, &t);
        take_name(w, &t);
        follow_links(w, &t);
    }
    sel4_walk_add(w, &w->s->threads, &t);
    sel4_walk_container(w, SEL4_IN_TCB, sel4_tcb_base(w->l, tcb), w->l->tcb_slots);
}
