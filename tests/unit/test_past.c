/* What a recording adds to an answer: who was in a slot, since when a thread stands, what only
 * grows.  Growth is held against counting every snapshot anew. */
#include "capdb/growth.h"
#include "capdb/past.h"
#include "record/names.h"
#include "tests/unit/recordings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a thread, its CSpace, and a slot that comes and goes --- */

enum {
    TCB = 0x80100000,
    CNODE = 0x80200000,
    ENDPOINT = 0x80300000,
    SLOT = 3,
    OTHER = 4,
    RADIX = 4,
};

struct moment {
    uint32_t slot; /* of the CNode where the endpoint is, 0: nowhere */
    uint32_t state, fault;
    bool runs;
    uint32_t endpoints; /* more of them */
    bool alone;         /* thread b is not there */
};

static void put_slot(struct capstate *s, uint32_t addr, uint32_t type, uint32_t object,
                     uint32_t bits)
{
    state_slot(s, (struct record_slot){.addr = addr,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = 15,
                                       .flags = RECORD_SLOT_REVOCABLE});
}

static void put_thread(struct capstate *s, uint32_t addr, const char *name, uint32_t state,
                       uint32_t fault, bool runs)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread = (struct record_thread){.addr = addr,
                                      .state = state,
                                      .fault = fault,
                                      .fault_addr = SLOT,
                                      .fault_detail = 1,
                                      .priority = runs ? 20 : 10,
                                      .current = runs,
                                      .pc = 0x1000};
    r.thread.name.length = (uint8_t)strlen(name);
    memcpy(r.thread.name.bytes, name, strlen(name));
    state_add(s, &r);
}

static void build(struct capstate *s, const struct moment *m)
{
    state_begin(s);
    put_slot(s, 0x80000000, RECORD_CAP_TCB, TCB, 9);
    state_slot(s, (struct record_slot){.addr = TCB,
                                       .type = RECORD_CAP_CNODE,
                                       .object = CNODE,
                                       .bits = RADIX + 4,
                                       .extra = 32 - RADIX,
                                       .flags = RECORD_SLOT_REVOCABLE});
    if (m->slot)
        put_slot(s, CNODE + 16 * m->slot, RECORD_CAP_ENDPOINT, ENDPOINT, 4);
    for (uint32_t i = 0; i < m->endpoints; i++)
        put_slot(s, 0x80001000 + 16 * i, RECORD_CAP_NOTIFICATION, 0x80400000 + 16 * i, 4);
    put_thread(s, TCB, "a", m->state, m->fault, m->runs);
    if (!m->alone)
        put_thread(s, TCB + 0x1000, "b", RECORD_THREAD_RUNNING, 0, !m->runs);
    state_end(s);
}

static struct capdb *record(const struct moment *moments, uint32_t count)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    assert_int_equal(capdb_create(":memory:", "test", &db, message), ERR_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct capstate s;
        uint32_t n;
        build(&s, &moments[i]);
        assert_int_equal(capdb_append(db, &s, 1000.0 + 6 * i, &n), ERR_OK);
        capstate_free(&s);
    }
    assert_int_equal(capdb_flush(db), ERR_OK);
    return db;
}

typedef enum error (*question)(struct capdb *db, uint32_t n, const struct capstate *s,
                               int32_t thread, struct why *out);

static void ask(struct capdb *db, uint32_t n, question q, struct why *out)
{
    struct capstate s;
    assert_int_equal(capdb_load(db, n, &s), ERR_OK);
    int32_t thread = capstate_thread_named(&s, "a");
    assert_true(thread >= 0);
    why_init(out);
    assert_int_equal(q(db, n, &s, thread, out), ERR_OK);
    capstate_free(&s);
}

static void must_say(struct capdb *db, uint32_t n, question q, const char *const *wanted)
{
    struct why w;
    ask(db, n, q, &w);
    for (; *wanted; wanted++) {
        bool said = false;
        for (uint32_t i = 0; i < w.count; i++)
            said |= !!strstr(w.lines[i].text, *wanted);
        for (uint32_t i = 0; i < w.count && !said; i++)
            print_message("# %s\n", w.lines[i].text);
        if (!said)
            fail_msg("'%s' is not said", *wanted);
    }
    why_free(&w);
}

enum { RUN = RECORD_THREAD_RUNNING, OFF = RECORD_THREAD_INACTIVE, FAULT = RECORD_FAULT_CAP };

static void a_slot_that_was_emptied_is_told(void **state)
{
    const struct moment m[] = {{SLOT, RUN, 0, true, 0, false},
                               {SLOT, RUN, 0, true, 0, false},
                               {0, RUN, 0, true, 0, false},
                               {0, OFF, FAULT, false, 0, false}};
    struct capdb *db = record(m, 4);
    (void)state;
    must_say(db, 4, capdb_past_fault,
             (const char *[]){"it faulted before snapshot 4 (00:16:58Z)",
                              "until snapshot 2 (00:16:46Z) it held endpoint 0x80300000",
                              "the recording has no events", NULL});
    capdb_close(db);
}

static void a_capability_that_went_elsewhere_is_found_there(void **state)
{
    const struct moment m[] = {{SLOT, RUN, 0, true, 0, false},
                               {OTHER, OFF, FAULT, false, 0, false}};
    struct capdb *db = record(m, 2);
    (void)state;
    must_say(db, 2, capdb_past_fault,
             (const char *[]){"until snapshot 1", "that capability is in the slot 0x80200040 now",
                              NULL});
    capdb_close(db);
}

static void what_came_after_the_fault_is_told(void **state)
{
    const struct moment m[] = {{0, OFF, FAULT, false, 0, false},
                               {0, OFF, FAULT, false, 0, false},
                               {SLOT, OFF, FAULT, false, 0, false}};
    struct capdb *db = record(m, 3);
    (void)state;
    must_say(db, 3, capdb_past_fault,
             (const char *[]){"it had faulted when the recording began",
                              "what is in it came with snapshot 3", NULL});
    must_say(db, 2, capdb_past_fault,
             (const char *[]){"it is empty in all 2 snapshots up to this one", NULL});
    must_say(db, 1, capdb_past_fault, (const char *[]){"no snapshot before this one", NULL});
    capdb_close(db);
}

static void a_thread_that_waits_its_turn_is_told_who_ran(void **state)
{
    const struct moment m[] = {{0, RUN, 0, true, 0, false},
                               {0, RUN, 0, false, 0, false},
                               {0, RUN, 0, false, 0, false},
                               {0, RUN, 0, false, 0, false}};
    struct capdb *db = record(m, 4);
    (void)state;
    must_say(db, 4, capdb_past_running,
             (const char *[]){"every snapshot since 2 (00:16:46Z) shows it so: 12.0 s",
                              "b ran in 3 of these 3 snapshots", NULL});
    must_say(db, 2, capdb_past_running,
             (const char *[]){"snapshot 2 (00:16:46Z) is the first that shows it so",
                              "in snapshot 1 (00:16:40Z) it was running", NULL});
    capdb_close(db);
}

static void a_thread_that_died_is_told(void **state)
{
    const struct moment m[] = {{.alone = true}, {.runs = true}, {.runs = true}, {.alone = true}};
    struct capdb *db = record(m, 4);
    char text[200];
    (void)state;
    assert_true(capdb_past_thread(db, 4, "b", 0, text, sizeof(text)));
    assert_string_equal(text, "was there until snapshot 3 (00:16:52Z): it is gone in snapshot 4");
    assert_true(capdb_past_thread(db, 1, "", TCB + 0x1000, text, sizeof(text)));
    assert_string_equal(text,
                        "comes with snapshot 2 (00:16:46Z): it is not there yet in snapshot 1");
    assert_false(capdb_past_thread(db, 4, "c", 0, text, sizeof(text)));
    assert_false(capdb_past_thread(db, 4, "a", 0, text, sizeof(text)));
    capdb_close(db);
}

/* --- what grows --- */

struct heard {
    struct growth g[32];
    uint32_t count;
};

static void hear(void *ctx, const struct growth *g)
{
    struct heard *h = ctx;
    assert_true(h->count < 32);
    h->g[h->count++] = *g;
}

static const struct growth *find(const struct heard *h, const char *what)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (strcmp(h->g[i].what, what) == 0)
            return &h->g[i];
    return NULL;
}

enum { LONG = 200 };

/* Up and down by ten; the fewest rise by one in ten snapshots if it leaks. */
static void fill(struct moment *m, bool leaks)
{
    for (uint32_t i = 0; i < LONG; i++)
        m[i] = (struct moment){SLOT, RUN, 0, true, 5 + i % 10 + (leaks ? i / 10 : 0), false};
}

static void what_comes_back_does_not_grow(void **state)
{
    static struct moment m[LONG];
    struct heard h = {.count = 0};
    (void)state;
    fill(m, false);
    struct capdb *db = record(m, LONG);
    assert_int_equal(growth_find(db, LONG, hear, &h), ERR_OK);
    assert_int_equal(h.count, 0);
    capdb_close(db);
}

static void the_fewest_that_rise_are_a_leak_with_its_slope(void **state)
{
    static struct moment m[LONG];
    struct heard h = {.count = 0};
    (void)state;
    fill(m, true);
    struct capdb *db = record(m, LONG);
    assert_int_equal(growth_find(db, LONG, hear, &h), ERR_OK);
    const struct growth *g = find(&h, "notification objects");
    assert_non_null(g);
    assert_int_equal(g->first, 5);
    assert_int_equal(g->last, m[LONG - 1].endpoints);
    for (uint32_t p = 0; p < GROWTH_PARTS; p++)
        assert_int_equal(g->fewest[p], 5 + 5 * p);
    assert_true(fabs(g->per_snapshot - 0.1) < 0.01);
    assert_true(fabs(g->per_minute - 1.0) < 0.1); /* six seconds apart */
    capdb_close(db);
}

/* --- against counting every snapshot --- */

enum { CHANGING = 60, TYPES = RECORD_CAP_TYPES };

static void count_objects(struct capdb *db, uint64_t counts[TYPES][CHANGING])
{
    for (uint32_t n = 1; n <= CHANGING; n++) {
        struct capstate s;
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        for (uint32_t i = 0; i < s.object_count; i++)
            counts[s.objects[i].type][n - 1]++;
        capstate_free(&s);
    }
}

static double line_through(const uint64_t *y)
{
    double x1 = 0, y1 = 0, xy = 0, xx = 0, n = CHANGING;
    for (uint32_t i = 0; i < CHANGING; i++) {
        x1 += i + 1;
        y1 += (double)y[i];
        xy += (double)y[i] * (i + 1);
        xx += (double)(i + 1) * (i + 1);
    }
    return (n * xy - x1 * y1) / (n * xx - x1 * x1);
}

static bool rises(const uint64_t *y, uint64_t fewest[GROWTH_PARTS])
{
    memset(fewest, 0xff, GROWTH_PARTS * sizeof(*fewest));
    for (uint32_t i = 0; i < CHANGING; i++)
        if (y[i] < fewest[i * GROWTH_PARTS / CHANGING])
            fewest[i * GROWTH_PARTS / CHANGING] = y[i];
    bool up = y[CHANGING - 1] > y[0];
    for (uint32_t p = 1; p < GROWTH_PARTS; p++)
        up &= fewest[p] > fewest[p - 1];
    return up;
}

static uint32_t compare_types(struct capdb *db, const struct heard *h)
{
    static uint64_t counts[TYPES][CHANGING];
    uint64_t fewest[GROWTH_PARTS];
    uint32_t grown = 0;
    memset(counts, 0, sizeof(counts));
    count_objects(db, counts);
    for (uint32_t t = 1; t < TYPES; t++) {
        char what[GROWTH_NAME];
        snprintf(what, sizeof(what), "%s objects", record_cap_name(t));
        const struct growth *g = find(h, what);
        assert_int_equal(!!g, rises(counts[t], fewest));
        if (!g)
            continue;
        grown++;
        assert_true(fabs(g->per_snapshot - line_through(counts[t])) < 1e-6);
        assert_memory_equal(g->fewest, fewest, sizeof(fewest));
    }
    return grown;
}

static void growth_is_that_of_every_snapshot_counted(void **state)
{
    uint32_t grown = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= 30; seed++) {
        struct changing m;
        struct heard h = {.count = 0};
        char message[CAPDB_MESSAGE];
        struct capdb *db;
        assert_int_equal(capdb_create(":memory:", "test", &db, message), ERR_OK);
        changing_init(&m, seed);
        record_changing(db, &m, CHANGING);
        assert_int_equal(capdb_flush(db), ERR_OK);
        assert_int_equal(growth_find(db, CHANGING, hear, &h), ERR_OK);
        grown += compare_types(db, &h);
        capdb_close(db);
    }
    assert_true(grown > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_was_emptied_is_told),
        cmocka_unit_test(a_capability_that_went_elsewhere_is_found_there),
        cmocka_unit_test(what_came_after_the_fault_is_told),
        cmocka_unit_test(a_thread_that_waits_its_turn_is_told_who_ran),
        cmocka_unit_test(a_thread_that_died_is_told),
        cmocka_unit_test(what_comes_back_does_not_grow),
        cmocka_unit_test(the_fewest_that_rise_are_a_leak_with_its_slope),
        cmocka_unit_test(growth_is_that_of_every_snapshot_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
