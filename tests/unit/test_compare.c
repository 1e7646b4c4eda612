/* Two systems compared: one that lies elsewhere does not differ, and each planted difference is the
 * one that is told. */
#include "facts/comparison.h"

#include "tests/unit/random_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 300 };

/* --- a small system that can lie anywhere ---------------------------------------------------- */

struct system {
    uint64_t at; /* where it lies */
    struct record_slot slot[24];
    uint32_t slots;
    struct record_thread thread[2];
    struct record_mapping mapping[2];
    uint32_t mappings;
};

enum {
    CNODE = 0x1000,
    TCB = 0x2000,
    EP = 0x3000,
    NTFN = 0x3010,
    PD = 0x4000,
    PT = 0x8000,
    FRAME = 0x9000,
    UNNAMED = 0xa000,
    SIZE = 0x100000
};

static void put(struct system *y, uint64_t addr, uint32_t depth, uint32_t type, uint64_t object,
                uint32_t bits, uint32_t rights, uint64_t data)
{
    y->slot[y->slots++] = (struct record_slot){.addr = y->at + addr,
                                               .depth = depth,
                                               .type = type,
                                               .object = y->at + object,
                                               .bits = bits,
                                               .rights = rights,
                                               .data = data};
}

static struct system make(uint64_t at)
{
    struct system y = {.at = at};
    put(&y, TCB, 0, RECORD_CAP_CNODE, CNODE, 12, 0, 0);
    put(&y, TCB + 16, 0, RECORD_CAP_PAGE_DIRECTORY, PD, 14, 0, 0);
    put(&y, CNODE + 16, 0, RECORD_CAP_TCB, TCB, 9, 0, 0);
    put(&y, CNODE + 32, 0, RECORD_CAP_ENDPOINT, EP, 4, 3, 0);
    put(&y, CNODE + 48, 1, RECORD_CAP_ENDPOINT, EP, 4, 1, 7);
    put(&y, CNODE + 64, 0, RECORD_CAP_NOTIFICATION, NTFN, 4, 3, 0);
    put(&y, CNODE + 80, 0, RECORD_CAP_FRAME, FRAME, 12, 3, 0x5000);
    put(&y, CNODE + 96, 0, RECORD_CAP_TCB, UNNAMED, 9, 0, 0);
    put(&y, CNODE + 112, 0, RECORD_CAP_PAGE_TABLE, PT, 10, 0, 0);
    put(&y, CNODE + 128, 0, RECORD_CAP_FRAME, FRAME + 0x10000, 12, 3, 0);
    y.thread[0] = (struct record_thread){
        .addr = at + TCB, .priority = 5, .mcp = 9, .bound = at + NTFN, .name = {7, "guest/x"}};
    y.thread[1] = (struct record_thread){.addr = at + UNNAMED, .priority = 3};
    y.mapping[y.mappings++] = (struct record_mapping){.dir = at + PD,
                                                      .asid = 1,
                                                      .vaddr = 0x5000,
                                                      .frame = at + FRAME,
                                                      .bits = 12,
                                                      .rights = 3,
                                                      .attributes = 1,
                                                      .table = at + PT};
    return y;
}

static void state_of(const struct system *y, struct capstate *s)
{
    state_begin(s);
    for (uint32_t i = 0; i < y->slots; i++)
        state_slot(s, y->slot[i]);
    for (uint32_t i = 0; i < 2; i++) {
        struct record r = {.kind = RECORD_THREAD};
        r.thread = y->thread[i];
        state_add(s, &r);
    }
    for (uint32_t i = 0; i < y->mappings; i++)
        state_mapping(s, y->mapping[i]);
    state_end(s);
}

static struct comparison compare(const struct system *x, const struct system *y)
{
    struct capstate a;
    struct capstate b;
    struct comparison c;
    state_of(x, &a);
    state_of(y, &b);
    assert_int_equal(comparison_make(&a, &b, &c), ERR_OK);
    capstate_free(&a);
    capstate_free(&b);
    return c;
}

static void where_a_system_lies_makes_no_difference(void **state)
{
    (void)state;
    struct system x = make(0x80100000);
    struct system y = make(0x80300000);
    struct comparison c = compare(&x, &y);
    assert_int_equal(c.count, 0);
    assert_int_equal(c.pairs, 9);
    comparison_free(&c);
}

/* Registers, states and watermarks change by running. */
static void what_runs_makes_no_difference(void **state)
{
    (void)state;
    struct system x = make(0x80100000);
    struct system y = make(0x80300000);
    y.thread[0].pc = 0x1234;
    y.thread[0].state = RECORD_THREAD_RUNNING;
    struct comparison c = compare(&x, &y);
    assert_int_equal(c.count, 0);
    comparison_free(&c);
}

/* --- planted differences --------------------------------------------------------------------- */

static void other_rights(struct system *y)
{
    y->slot[3].rights = 2;
}
static void other_badge(struct system *y)
{
    y->slot[4].data = 8;
}
static void other_guard(struct system *y)
{
    y->slot[0].extra = 20;
}
static void other_parent(struct system *y)
{
    y->slot[4].depth = 0;
}
static void other_priority(struct system *y)
{
    y->thread[0].priority = 6;
}
static void other_unnamed(struct system *y)
{
    y->thread[1].mcp = 1;
}
static void unbound(struct system *y)
{
    y->thread[0].bound = 0;
}
static void uncached(struct system *y)
{
    y->mapping[0].attributes = 0;
}
static void other_frame(struct system *y)
{
    y->mapping[0].frame = y->at + FRAME + 0x10000;
}
static void other_type(struct system *y)
{
    y->slot[5].type = RECORD_CAP_ENDPOINT;
    y->thread[0].bound = 0;
}
static void no_slot(struct system *y)
{
    y->slot[4] = y->slot[--y->slots];
}
static void more(struct system *y)
{
    put(y, CNODE + 160, 0, RECORD_CAP_ENDPOINT, EP + 0x40, 4, 3, 0);
}
static void elsewhere(struct system *y)
{
    y->mapping[0].vaddr = 0x6000;
}
static void another_endpoint(struct system *y)
{
    y->slot[4].object = y->at + NTFN + 0x40;
    y->slot[4].depth = 0;
}

static const struct {
    const char *what;
    void (*change)(struct system *);
    enum comparison_kind kind;
    uint32_t count;
} planted[] = {
    {"rights", other_rights, COMPARISON_SLOT, 1},
    {"badge", other_badge, COMPARISON_SLOT, 1},
    {"guard", other_guard, COMPARISON_SLOT, 1},
    {"parent", other_parent, COMPARISON_PARENT, 1},
    {"priority", other_priority, COMPARISON_THREAD, 1},
    {"a thread without a name", other_unnamed, COMPARISON_THREAD, 1},
    {"binding", unbound, COMPARISON_THREAD, 1},
    {"attributes", uncached, COMPARISON_MAPPING, 1},
    {"another frame is mapped", other_frame, COMPARISON_MAPPING, 1},
    {"mapped elsewhere", elsewhere, COMPARISON_MAPPING, 2},
    {"a slot less", no_slot, COMPARISON_SLOT, 1},
    {"an object more", more, COMPARISON_OBJECT, 1},
    {"another type", other_type, COMPARISON_OBJECT, 2},
    {"another endpoint", another_endpoint, COMPARISON_TARGET, 1},
};

static uint32_t told(const struct comparison *c, enum comparison_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        count += c->difference[i].kind == kind;
    return count;
}

static void each_planted_difference_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(planted) / sizeof(*planted); i++) {
        struct system x = make(0x80100000);
        struct system y = make(0x80300000);
        planted[i].change(&y);
        struct comparison c = compare(&x, &y);
        struct comparison d = compare(&y, &x);
        if (told(&c, planted[i].kind) != planted[i].count || c.count != d.count || c.count == 0)
            fail_msg("%s: expected %u, got %u of %u and %u", planted[i].what, planted[i].count,
                     told(&c, planted[i].kind), c.count, d.count);
        comparison_free(&c);
        comparison_free(&d);
    }
}

/* A system is no other than itself, in whatever order it is listed. */
static void nothing_differs_from_itself(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct capstate s;
        struct capstate other;
        struct comparison c;
        random_system(&s, round, 0);
        random_system(&other, round, round + 5);
        assert_int_equal(comparison_make(&s, &other, &c), ERR_OK);
        if (c.count != 0)
            fail_msg("seed %u: %u differences, the first %s", round, c.count,
                     comparison_sentence(c.difference[0].kind));
        assert_int_equal(c.pairs, s.object_count);
        comparison_free(&c);
        capstate_free(&s);
        capstate_free(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_system_lies_makes_no_difference),
        cmocka_unit_test(what_runs_makes_no_difference),
        cmocka_unit_test(each_planted_difference_is_told),
        cmocka_unit_test(nothing_differs_from_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
