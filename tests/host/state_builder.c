/* Building and comparing capstates for tests. */
#include "tests/host/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void state_add(struct capstate *s, const struct record *r)
{
    assert_int_equal(capstate_add(s, r), ERR_OK);
}

void state_begin(struct capstate *s)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    capstate_init(s);
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = 1,
                                          .ticks = 7,
                                          .stopped = 1,
                                          .phys_offset = 0x70000000,
                                          .ram_base = 0x80000000,
                                          .ram_size = 0x8000000,
                                          .kernel_start = 0x80000000,
                                          .kernel_end = 0x80040000,
                                          .board = {3, "kzm"},
                                          .build = {4, "test"}};
    state_add(s, &r);
}

void state_slot(struct capstate *s, struct record_slot slot)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot = slot;
    state_add(s, &r);
}

void state_thread(struct capstate *s, uint32_t addr, const char *name)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = addr;
    r.thread.name.length = (uint8_t)strlen(name);
    memcpy(r.thread.name.bytes, name, r.thread.name.length);
    state_add(s, &r);
}

void state_mapping(struct capstate *s, struct record_mapping mapping)
{
    struct record r = {.kind = RECORD_MAPPING};
    r.mapping = mapping;
    state_add(s, &r);
}

void state_finding(struct capstate *s, struct record_finding finding)
{
    struct record r = {.kind = RECORD_FINDING};
    r.finding = finding;
    state_add(s, &r);
}

void state_end(struct capstate *s)
{
    struct record r = {.kind = RECORD_SCHED};
    r.sched.root_thread = s->sched.root_thread; /* where a test has put it */
    state_add(s, &r);
    r.kind = RECORD_END;
    r.end = (struct record_end){
        .complete = 1,
        .slots = s->slot_count,
        .threads = s->thread_count,
        .mappings = s->mapping_count,
        .records = 3 + s->slot_count + s->thread_count + s->endpoint_count + s->notification_count +
                   s->mapping_count + s->irq_count + s->finding_count,
    };
    state_add(s, &r);
    assert_int_equal(capstate_finish(s), ERR_OK);
}

/* Records hold no padding but in THREAD, which all who make one zero first. */
static int compare_bytes(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(size_t *)size);
}

static void assert_same_set(const void *a, const void *b, uint32_t count, size_t size)
{
    if (count == 0)
        return;
    void *x = malloc(count * size);
    void *y = malloc(count * size);
    assert_non_null(x);
    assert_non_null(y);
    memcpy(x, a, count * size);
    memcpy(y, b, count * size);
    qsort_r(x, count, size, compare_bytes, &size);
    qsort_r(y, count, size, compare_bytes, &size);
    assert_memory_equal(x, y, count * size);
    free(x);
    free(y);
}

static struct record_thread *threads_of(const struct capstate *s)
{
    struct record_thread *threads = calloc(s->thread_count + 1, sizeof(*threads));
    assert_non_null(threads);
    for (uint32_t i = 0; i < s->thread_count; i++)
        threads[i] = s->threads[i].rec;
    return threads;
}

void state_assert_same(const struct capstate *a, const struct capstate *b)
{
    assert_memory_equal(&a->snapshot, &b->snapshot, sizeof(a->snapshot));
    assert_memory_equal(&a->end, &b->end, sizeof(a->end));
    assert_memory_equal(&a->sched, &b->sched, sizeof(a->sched));
    assert_memory_equal(&a->revoke, &b->revoke, sizeof(a->revoke));
    assert_int_equal(a->slot_count, b->slot_count);
    for (uint32_t i = 0; i < a->slot_count; i++)
        assert_memory_equal(&a->slots[i].rec, &b->slots[i].rec, sizeof(a->slots[i].rec));
    assert_int_equal(a->thread_count, b->thread_count);
    struct record_thread *x = threads_of(a);
    struct record_thread *y = threads_of(b);
    assert_same_set(x, y, a->thread_count, sizeof(*x));
    free(x);
    free(y);
    assert_int_equal(a->endpoint_count, b->endpoint_count);
    assert_same_set(a->endpoints, b->endpoints, a->endpoint_count, sizeof(*a->endpoints));
    assert_int_equal(a->notification_count, b->notification_count);
    assert_same_set(a->notifications, b->notifications, a->notification_count,
                    sizeof(*a->notifications));
    assert_int_equal(a->mapping_count, b->mapping_count);
    assert_same_set(a->mappings, b->mappings, a->mapping_count, sizeof(*a->mappings));
    assert_int_equal(a->irq_count, b->irq_count);
    assert_same_set(a->irqs, b->irqs, a->irq_count, sizeof(*a->irqs));
    assert_int_equal(a->finding_count, b->finding_count);
    assert_same_set(a->findings, b->findings, a->finding_count, sizeof(*a->findings));
}
