/* Rows of what a snapshot holds besides capabilities and objects. */
#include "capdb/elements.h"

#include <string.h>

#define ELEMENTS(array, from, to)                                                                  \
    (struct elements)                                                                              \
    {                                                                                              \
        (const char *)s->array, sizeof(*s->array), sizeof(*s->array), from, s->to                  \
    }

static struct elements threads_of(const struct capstate *s)
{
    return (struct elements){(const char *)s->threads, sizeof(*s->threads), sizeof(s->threads->rec),
                             0, s->thread_count};
}
_Static_assert(offsetof(struct capstate_thread, rec) == 0, "its record comes first");

struct elements elements_of(const struct capstate *s, enum row_kind kind)
{
    switch (kind) {
    case ROW_THREAD:
    case ROW_RUN:
        return threads_of(s);
    case ROW_ENDPOINT:
        return ELEMENTS(endpoints, 0, endpoint_count);
    case ROW_NOTIFICATION:
        return ELEMENTS(notifications, 0, notification_count);
    case ROW_MAPPING:
        return ELEMENTS(mappings, 0, mapping_count);
    case ROW_IRQ:
        return ELEMENTS(irqs, 0, irq_count);
    case ROW_FINDING:
        return ELEMENTS(findings, 0, finding_count);
    case ROW_SCHED_CONTEXT:
        return ELEMENTS(sched_contexts, 0, sched_context_count);
    case ROW_REPLY:
        return ELEMENTS(replies, 0, reply_count);
    case ROW_TABLE:
        return ELEMENTS(tables, 0, tables_told);
    case ROW_SCHED:
        return ELEMENTS(scheds, 1, sched_count);
    case ROW_RANGE:
        return ELEMENTS(ranges, 1, range_count);
    default:
        return (struct elements){0};
    }
}

bool elements_same(const struct elements *a, uint32_t i, const struct elements *b, uint32_t k)
{
    return memcmp(a->base + i * a->stride, b->base + k * b->stride, a->size) == 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

static struct row thread_row(const struct record_thread *t, int64_t name, int64_t domain)
{
    return (struct row){.v = {(int64_t)t->addr, name, domain, t->priority, t->mcp, t->domain,
                              t->idle, (int64_t)t->fault_handler, (int64_t)t->ipc_buffer,
                              (int64_t)t->bound, t->node}};
}

static struct row run_row(const struct record_thread *t)
{
    return (struct row){
        .v = {(int64_t)t->addr, t->state, t->time_slice, t->current, (int64_t)t->pc, (int64_t)t->sp,
              (int64_t)t->cpsr, (int64_t)t->blocked_on, (int64_t)t->blocked_badge, t->blocked_flags,
              t->position, t->fault, (int64_t)t->fault_addr, (int64_t)t->fault_detail,
              (int64_t)t->sched_context, (int64_t)t->reply, (int64_t)t->yield_to, t->release}};
}

/* Rows whose columns are the fields of their record. */
#define FIELD_VALUE(name) (int64_t) r->name,
#define ROW_OF(NAME, name, array)                                                                  \
    case ROW_##NAME: {                                                                             \
        const struct record_##name *r = &s->array[i];                                              \
        return (struct row){.v = {ROW_##NAME##_COLUMNS(FIELD_VALUE)}};                             \
    }

struct row element_row(const struct capstate *s, enum row_kind kind, uint32_t i, int64_t name,
                       int64_t domain)
{
    switch (kind) {
        ROW_OF(ENDPOINT, endpoint, endpoints)
        ROW_OF(NOTIFICATION, notification, notifications)
        ROW_OF(MAPPING, mapping, mappings)
        ROW_OF(IRQ, irq, irqs)
        ROW_OF(FINDING, finding, findings)
        ROW_OF(SCHED_CONTEXT, sched_context, sched_contexts)
        ROW_OF(REPLY, reply, replies)
        ROW_OF(TABLE, table, tables)
        ROW_OF(SCHED, sched, scheds)
        ROW_OF(RANGE, range, ranges)
    case ROW_THREAD:
        return thread_row(&s->threads[i].rec, name, domain);
    case ROW_RUN:
        return run_row(&s->threads[i].rec);
    default:
        return (struct row){0};
    }
}
