/* Threads, endpoints, notifications, scheduling contexts, reply objects, tables and mappings as
 * records, in the order in which the first capability to each stands among the slots. */
#include "objwalk/sel4/records_parts.h"

#include <stdlib.h>
#include <string.h>

/* --- finding what a capability refers to --- */

/* An item of an array whose first member is the address. */
static const void *find_object(const struct sel4_array *a, uint64_t addr)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const uint8_t *item = (const uint8_t *)a->items + (size_t)i * a->size;
        uint64_t at = 0;
        memcpy(&at, item, sizeof(at));
        if (at == addr)
            return item;
    }
    return NULL;
}

/* --- threads --- */

static uint32_t state_number(const struct sel4_layout *l, uint32_t state)
{
    if (l->idle_state == RECORD_THREAD_RUNNING_VM && state >= 7)
        return state == 7 ? RECORD_THREAD_RUNNING_VM : RECORD_THREAD_IDLE;
    return state;
}

static bool waits(const struct sel4_thread *t)
{
    return t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
           t->state == RECORD_THREAD_BLOCKED_ON_SEND ||
           t->state == RECORD_THREAD_BLOCKED_ON_NOTIFICATION;
}

/* Only what the state uses is valid: other fields keep what was in them. */
static void set_blocked(const struct sel4_emit *e, const struct sel4_thread *t,
                        struct record_thread *r)
{
    bool send = t->state == RECORD_THREAD_BLOCKED_ON_SEND;
    bool receive = t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE;
    if (waits(t))
        r->blocked_on = sel4_emit_pa(e, t->blocking_object);
    if (send)
        r->blocked_badge = t->badge;
    if (send || receive)
        r->blocked_flags = (t->can_grant ? RECORD_BLOCKED_GRANT : 0u) |
                           (send && t->can_grant_reply ? RECORD_BLOCKED_GRANT_REPLY : 0u) |
                           (send && t->is_call ? RECORD_BLOCKED_CALL : 0u);
    r->position = t->position;
    r->reply = sel4_emit_pa(e, t->waits_on);
}

/* Numbers of faults: those of kernels with scheduling contexts have the timeout before the memory
 * fault; what hypervisor mode adds follows. */
static uint32_t fault_number(const struct sel4_layout *l, uint64_t word)
{
    static const uint8_t classic[] = {RECORD_FAULT_NONE,
                                      RECORD_FAULT_CAP,
                                      RECORD_FAULT_UNKNOWN_SYSCALL,
                                      RECORD_FAULT_USER_EXCEPTION,
                                      RECORD_FAULT_DEBUG_EXCEPTION,
                                      RECORD_FAULT_VM,
                                      RECORD_FAULT_VGIC_MAINTENANCE,
                                      RECORD_FAULT_VCPU,
                                      RECORD_FAULT_VPPI};
    static const uint8_t mcs[] = {RECORD_FAULT_NONE,
                                  RECORD_FAULT_CAP,
                                  RECORD_FAULT_UNKNOWN_SYSCALL,
                                  RECORD_FAULT_USER_EXCEPTION,
                                  RECORD_FAULT_DEBUG_EXCEPTION,
                                  RECORD_FAULT_TIMEOUT,
                                  RECORD_FAULT_VM,
                                  RECORD_FAULT_VGIC_MAINTENANCE,
                                  RECORD_FAULT_VCPU,
                                  RECORD_FAULT_VPPI};
    uint64_t n = word & 0xf;
    if (l->options.mcs)
        return n < sizeof(mcs) ? mcs[n] : (uint32_t)n;
    return n < sizeof(classic) ? classic[n] : (uint32_t)n;
}

static uint64_t fault_status(const struct sel4_layout *l, uint64_t word)
{
    switch (l->options.arch) {
    case SEL4_AARCH32:
        return word >> 18 & 0x3fff;
    case SEL4_AARCH64:
        return word >> 32;
    default:
        return word >> 27 & 0x1f;
    }
}

static void set_fault(const struct sel4_layout *l, const struct sel4_thread *t,
                      struct record_thread *r)
{
    r->fault = fault_number(l, t->fault[0]);
    if (r->fault == RECORD_FAULT_VM) {
        r->fault_addr = t->fault[1];
        r->fault_detail = fault_status(l, t->fault[0]);
    } else if (r->fault == RECORD_FAULT_CAP) {
        r->fault_addr = t->fault[1];
        r->fault_detail = t->fault[0] >> (l->wide ? 63 : 31) & 1;
    }
}

/* A thread that waits starts anew where it made its call; one that runs or idles goes on. */
static void set_registers(const struct sel4_thread *t, struct record_thread *r)
{
    bool goes_on = t->idle || t->state == RECORD_THREAD_RUNNING;
    if (!t->has_registers)
        return;
    r->pc = goes_on ? t->pc : t->fault_pc;
    r->sp = t->sp;
    r->cpsr = t->psr;
}

static void set_name(const struct sel4_thread *t, struct record_string *out)
{
    out->length = (uint8_t)strlen(t->name);
    memcpy(out->bytes, t->name, (size_t)out->length + 1);
}

static void emit_thread(struct sel4_emit *e, const struct sel4_thread *t)
{
    struct record_thread *r = &sel4_emit_begin(e, RECORD_THREAD)->thread;
    const uint64_t *m = t->member;
    r->addr = sel4_emit_pa(e, sel4_tcb_base(&e->k->layout, t->tcb));
    set_name(t, &r->name);
    r->state = state_number(&e->k->layout, t->state);
    r->priority = (uint32_t)m[SEL4_TCB_PRIORITY];
    r->mcp = (uint32_t)m[SEL4_TCB_MCP];
    r->domain = (uint32_t)m[SEL4_TCB_DOMAIN];
    r->time_slice = (uint32_t)m[SEL4_TCB_TIME_SLICE];
    r->current = t->current_on >= 0;
    r->idle = t->idle;
    set_registers(t, r);
    r->fault_handler = m[SEL4_TCB_FAULT_HANDLER];
    r->ipc_buffer = m[SEL4_TCB_IPC_BUFFER];
    set_blocked(e, t, r);
    r->bound = sel4_emit_pa(e, m[SEL4_TCB_BOUND]);
    set_fault(&e->k->layout, t, r);
    r->node = (uint32_t)m[SEL4_TCB_AFFINITY];
    r->sched_context = sel4_emit_pa(e, m[SEL4_TCB_SCHED_CONTEXT]);
    r->yield_to = sel4_emit_pa(e, m[SEL4_TCB_YIELD_TO]);
    r->release = t->released;
    sel4_emit(e);
}

static void thread_once(struct sel4_emit *e, uint64_t tcb)
{
    const struct sel4_thread *t = sel4_find_thread(e->s, tcb);
    if (t && !t->idle && sel4_emit_first(e, RECORD_THREAD, t->tcb))
        emit_thread(e, t);
}

void sel4_emit_threads(struct sel4_emit *e)
{
    for (uint32_t i = 0; i < e->s->slots.count; i++) {
        const struct sel4_cap *c = &sel4_state_slot(e->s, i)->cap;
        bool reply = c->kind == SEL4_CAP_REPLY && !e->k->layout.options.mcs;
        if (c->kind == SEL4_CAP_THREAD || reply)
            thread_once(e, c->value[SEL4_PTR]);
    }
    for (uint32_t i = 0; i < e->s->threads.count; i++)
        thread_once(e, sel4_state_thread(e->s, i)->tcb);
    for (uint32_t i = 0; i < e->s->threads.count; i++) {
        if (sel4_state_thread(e->s, i)->idle)
            emit_thread(e, sel4_state_thread(e->s, i));
    }
}

/* --- endpoints and others --- */

static void emit_endpoint(struct sel4_emit *e, const struct sel4_endpoint *p)
{
    sel4_emit_begin(e, RECORD_ENDPOINT)->endpoint = (struct record_endpoint){
        .addr = sel4_emit_pa(e, p->addr), .state = p->state, .waiters = p->waiters};
    sel4_emit(e);
}

static uint64_t tcb_pa(const struct sel4_emit *e, uint64_t tcb)
{
    return tcb == 0 ? 0 : sel4_emit_pa(e, sel4_tcb_base(&e->k->layout, tcb));
}

static void emit_notification(struct sel4_emit *e, const struct sel4_notification *n)
{
    sel4_emit_begin(e, RECORD_NOTIFICATION)->notification = (struct record_notification){
        .addr = sel4_emit_pa(e, n->addr),
        .state = n->state,
        .word = n->state == RECORD_NOTIFICATION_ACTIVE ? n->message : 0,
        .bound = tcb_pa(e, n->bound),
        .waiters = n->waiters,
        .sched_context = sel4_emit_pa(e, n->sched_context),
    };
    sel4_emit(e);
}

static uint32_t refills(const struct sel4_sched_context *c)
{
    uint64_t max = c->member[SEL4_SC_REFILL_MAX];
    uint64_t head = c->member[SEL4_SC_REFILL_HEAD];
    uint64_t tail = c->member[SEL4_SC_REFILL_TAIL];
    if (max == 0 || head >= max || tail >= max)
        return 0;
    return (uint32_t)((tail + max - head) % max + 1);
}

static void emit_context(struct sel4_emit *e, const struct sel4_sched_context *c)
{
    const uint64_t *m = c->member;
    sel4_emit_begin(e, RECORD_SCHED_CONTEXT)->sched_context = (struct record_sched_context){
        .addr = sel4_emit_pa(e, c->addr),
        .bits = c->size_bits,
        .node = (uint32_t)m[SEL4_SC_CORE],
        .period = c->period,
        .budget = c->budget,
        .consumed = c->consumed,
        .thread = tcb_pa(e, m[SEL4_SC_TCB]),
        .reply = sel4_emit_pa(e, m[SEL4_SC_REPLY]),
        .notification = sel4_emit_pa(e, m[SEL4_SC_NTFN]),
        .badge = m[SEL4_SC_BADGE],
        .yield_from = tcb_pa(e, m[SEL4_SC_YIELD_FROM]),
        .refill_max = (uint32_t)m[SEL4_SC_REFILL_MAX],
        .refills = refills(c),
        .head_time = c->head_time,
        .head_amount = c->head_amount,
        .flags = m[SEL4_SC_SPORADIC] != 0,
    };
    sel4_emit(e);
}

static void emit_reply(struct sel4_emit *e, const struct sel4_reply *r)
{
    sel4_emit_begin(e, RECORD_REPLY)->reply = (struct record_reply){
        .addr = sel4_emit_pa(e, r->addr),
        .thread = tcb_pa(e, r->tcb),
        .prev = r->prev_is_head ? 0 : sel4_emit_pa(e, r->prev),
        .next = r->next_is_head ? 0 : sel4_emit_pa(e, r->next),
        .sched_context = r->next_is_head ? sel4_emit_pa(e, r->next) : 0,
    };
    sel4_emit(e);
}

/* All objects of a kind, by their first capability. */
static void each(struct sel4_emit *e, enum sel4_block_kind kind, enum record_kind record)
{
    const struct sel4_state *s = e->s;
    for (uint32_t i = 0; i < s->slots.count && e->error == ERR_OK; i++) {
        const struct sel4_cap *c = &sel4_state_slot(s, i)->cap;
        uint64_t addr = c->value[SEL4_PTR];
        const void *found = NULL;
        if (c->kind != kind || !sel4_emit_first(e, record, addr))
            continue;
        if (record == RECORD_ENDPOINT && (found = find_object(&s->endpoints, addr)))
            emit_endpoint(e, found);
        if (record == RECORD_NOTIFICATION && (found = find_object(&s->notifications, addr)))
            emit_notification(e, found);
        if (record == RECORD_SCHED_CONTEXT && (found = find_object(&s->contexts, addr)))
            emit_context(e, found);
        if (record == RECORD_REPLY && (found = find_object(&s->replies, addr)))
            emit_reply(e, found);
    }
}

void sel4_emit_objects(struct sel4_emit *e)
{
    each(e, SEL4_CAP_ENDPOINT, RECORD_ENDPOINT);
    each(e, SEL4_CAP_NOTIFICATION, RECORD_NOTIFICATION);
    each(e, SEL4_CAP_SCHED_CONTEXT, RECORD_SCHED_CONTEXT);
    if (e->k->layout.options.mcs)
        each(e, SEL4_CAP_REPLY, RECORD_REPLY);
}

/* --- address spaces --- */

static void tables_of(struct sel4_emit *e, uint64_t root)
{
    for (uint32_t i = 0; i < e->s->tables.count; i++) {
        const struct sel4_table *t = SEL4_ITEM(e->s->tables, struct sel4_table, i);
        if (t->root != root)
            continue;
        sel4_emit_begin(e, RECORD_TABLE)->table = (struct record_table){.addr = t->pa,
                                                                        .parent = t->parent,
                                                                        .level = t->level,
                                                                        .vaddr = t->vaddr,
                                                                        .bits = t->bits,
                                                                        .asid = (uint32_t)t->asid};
        sel4_emit(e);
    }
}

/* Whether memory is cached stands in AArch64's entries as a number that only a system register
 * explains; the others say it themselves. */
static uint32_t attributes(const struct sel4_layout *l, const struct sel4_mapping *m)
{
    switch (l->paging.format) {
    case SEL4_PAGING_AARCH32:
        return m->raw >> 3 & 1;
    case SEL4_PAGING_STAGE2_3:
    case SEL4_PAGING_STAGE2_4:
        return (m->raw >> 2 & 0xf) == 0xf;
    case SEL4_PAGING_X86_64:
        return (m->raw >> 4 & 1) == 0;
    default:
        return 0;
    }
}

static void mappings_of(struct sel4_emit *e, uint64_t root)
{
    for (uint32_t i = 0; i < e->s->mappings.count; i++) {
        const struct sel4_mapping *m = SEL4_ITEM(e->s->mappings, struct sel4_mapping, i);
        if (m->root != root)
            continue;
        sel4_emit_begin(e, RECORD_MAPPING)->mapping = (struct record_mapping){
            .dir = m->root,
            .asid = (uint32_t)m->asid,
            .vaddr = m->vaddr,
            .frame = m->pa,
            .bits = m->bits,
            .rights = m->rights,
            .attributes = attributes(&e->k->layout, m),
            .table = m->table == m->root ? 0 : m->table,
        };
        sel4_emit(e);
    }
}

/* Roots by their first capability; those without one after them. */
static void each_space(struct sel4_emit *e, enum record_kind kind,
                       void (*emit)(struct sel4_emit *e, uint64_t root))
{
    for (uint32_t i = 0; i < e->s->slots.count; i++) {
        const struct sel4_cap *c = &sel4_state_slot(e->s, i)->cap;
        uint64_t pa = sel4_emit_pa(e, c->value[SEL4_PTR]);
        if (sel4_cap_is_table(&e->k->layout, c) && sel4_emit_first(e, kind, pa))
            emit(e, pa);
    }
    for (uint32_t i = 0; i < e->s->asids.count; i++) {
        uint64_t pa = sel4_emit_pa(e, SEL4_ITEM(e->s->asids, struct sel4_asid, i)->root);
        if (sel4_emit_first(e, kind, pa))
            emit(e, pa);
    }
}

void sel4_emit_spaces(struct sel4_emit *e)
{
    each_space(e, RECORD_TABLE, tables_of);
    each_space(e, RECORD_MAPPING, mappings_of);
}
