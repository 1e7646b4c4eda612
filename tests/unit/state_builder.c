/* Building and comparing capstates for tests. */
#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/codec.h"

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
    if (s->sched_count == 0)
        state_add(s, &r);
    r.kind = RECORD_END;
    r.end = (struct record_end){
        .complete = 1,
        .slots = s->slot_count,
        .threads = s->thread_count,
        .mappings = s->mapping_count,
        .records = 2 + s->sched_count + s->slot_count + s->thread_count + s->endpoint_count +
                   s->notification_count + s->sched_context_count + s->reply_count +
                   s->tables_told + s->mapping_count + s->irq_count + s->finding_count,
    };
    state_add(s, &r);
    assert_int_equal(capstate_finish(s), ERR_OK);
}

/* Records are compared as they travel: encoded, each for itself, so that what lies between the
 * fields of a structure does not count. */
struct encoded {
    uint8_t bytes[RECORD_MAX_BYTES];
};

static struct encoded encode(const struct record *r)
{
    struct record_codec codec;
    struct encoded out = {{0}};
    record_codec_init(&codec);
    record_encode(&codec, r, out.bytes);
    return out;
}

static int compare_encoded(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct encoded));
}

/* All records of one kind; in sets the order does not matter. */
#define DEFINE_ENCODED(NAME, name, array, count)                                                   \
    static struct encoded *encoded_##array(const struct capstate *s, bool sort)                    \
    {                                                                                              \
        struct encoded *all = calloc(s->count + 1, sizeof(*all));                                  \
        assert_non_null(all);                                                                      \
        for (uint32_t i = 0; i < s->count; i++) {                                                  \
            struct record r = {.kind = RECORD_##NAME};                                             \
            r.name = s->array[i] REC_##NAME;                                                       \
            all[i] = encode(&r);                                                                   \
        }                                                                                          \
        if (sort && s->count != 0)                                                                 \
            qsort(all, s->count, sizeof(*all), compare_encoded);                                   \
        return all;                                                                                \
    }                                                                                              \
    static void assert_same_##array(const struct capstate *a, const struct capstate *b, bool sort) \
    {                                                                                              \
        struct encoded *x = encoded_##array(a, sort), *y = encoded_##array(b, sort);               \
        assert_int_equal(a->count, b->count);                                                      \
        for (uint32_t i = 0; i < a->count; i++)                                                    \
            assert_memory_equal(&x[i], &y[i], sizeof(*x));                                         \
        free(x);                                                                                   \
        free(y);                                                                                   \
    }
#define REC_SLOT   .rec
#define REC_THREAD .rec
#define REC_ENDPOINT
#define REC_NOTIFICATION
#define REC_SCHED_CONTEXT
#define REC_REPLY
#define REC_TABLE
#define REC_MAPPING
#define REC_IRQ
#define REC_SCHED
#define REC_RANGE
#define REC_FINDING
#define EVERY_KIND(X)                                                                              \
    X(SLOT, slot, slots, slot_count)                                                               \
    X(THREAD, thread, threads, thread_count)                                                       \
    X(ENDPOINT, endpoint, endpoints, endpoint_count)                                               \
    X(NOTIFICATION, notification, notifications, notification_count)                               \
    X(SCHED_CONTEXT, sched_context, sched_contexts, sched_context_count)                           \
    X(REPLY, reply, replies, reply_count)                                                          \
    X(TABLE, table, tables, table_count)                                                           \
    X(MAPPING, mapping, mappings, mapping_count)                                                   \
    X(IRQ, irq, irqs, irq_count)                                                                   \
    X(SCHED, sched, scheds, sched_count)                                                           \
    X(RANGE, range, ranges, range_count)                                                           \
    X(FINDING, finding, findings, finding_count)
EVERY_KIND(DEFINE_ENCODED)

static void assert_same_record(const struct record *a, const struct record *b)
{
    struct encoded x = encode(a), y = encode(b);
    assert_memory_equal(&x, &y, sizeof(x));
}

void state_assert_same(const struct capstate *a, const struct capstate *b)
{
    struct record x = {.kind = RECORD_SNAPSHOT, .snapshot = a->snapshot};
    struct record y = {.kind = RECORD_SNAPSHOT, .snapshot = b->snapshot};
    assert_same_record(&x, &y);
    x = (struct record){.kind = RECORD_END, .end = a->end};
    y = (struct record){.kind = RECORD_END, .end = b->end};
    assert_same_record(&x, &y);
    x = (struct record){.kind = RECORD_REVOKE, .revoke = a->revoke};
    y = (struct record){.kind = RECORD_REVOKE, .revoke = b->revoke};
    assert_same_record(&x, &y);
#define SAME(NAME, name, array, count) assert_same_##array(a, b, RECORD_##NAME != RECORD_SLOT);
    EVERY_KIND(SAME)
#undef SAME
}
