/* facts/untyped.h: what is used of untyped memory has one meaning, whatever the watermark says. */
#include "facts/untyped.h"

#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BLOCK = 0x100000, BITS = 16, SIZE = 1 << BITS, FRAME = 0x1000, CNODE = 0x400000 };

static uint32_t slots;

/* The next slot of a CNode: a capability to what lies at addr, so deep in the tree. */
static void cap(struct capstate *s, uint32_t depth, uint32_t type, uint64_t addr, uint32_t bits,
                uint64_t data)
{
    state_slot(s, (struct record_slot){.addr = CNODE + 16 * slots++,
                                       .depth = depth,
                                       .type = type,
                                       .object = addr,
                                       .bits = bits,
                                       .rights = type == RECORD_CAP_FRAME ? 3 : 0,
                                       .flags = RECORD_SLOT_REVOCABLE,
                                       .data = data});
}

static void begin(struct capstate *s)
{
    slots = 0;
    state_begin(s);
    cap(s, 0, RECORD_CAP_CNODE, CNODE, 12, 0);
}

/* The account of the block, which is finished here. */
static struct untyped_use account(struct capstate *s)
{
    struct authority a;
    state_end(s);
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    uint64_t *live = untyped_live(&a);
    assert_non_null(live);
    int32_t slot = capstate_slot_at(s, CNODE + 16);
    struct untyped_use u = untyped_use(s, s->slots[slot].object, live);
    free(live);
    authority_free(&a);
    capstate_free(s);
    assert_int_equal(u.used + u.free, u.size);
    assert_int_equal(u.live + u.lost, u.used);
    return u;
}

static void what_lies_below_the_watermark_is_used(void **state)
{
    struct capstate s;
    (void)state;
    begin(&s);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, 3 * FRAME);
    cap(&s, 1, RECORD_CAP_FRAME, BLOCK, 12, 0);
    cap(&s, 1, RECORD_CAP_FRAME, BLOCK + 2 * FRAME, 12, 0);
    struct untyped_use u = account(&s);
    assert_int_equal(u.used, 3 * FRAME);
    assert_int_equal(u.live, 2 * FRAME);
    assert_int_equal(u.lost, FRAME);
    assert_int_equal(u.free, SIZE - 3 * FRAME);
}

static void without_children_all_is_free(void **state)
{
    struct capstate s;
    (void)state;
    begin(&s);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, 3 * FRAME);
    struct untyped_use u = account(&s);
    assert_int_equal(u.used, 0);
    assert_int_equal(u.lost, 0);
    assert_int_equal(u.free, SIZE);
}

/* The account is the memory's, not one capability's: what a copy without children says does not count. */
static void a_copy_does_not_free_it(void **state)
{
    struct capstate s;
    (void)state;
    begin(&s);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, 0);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, FRAME);
    cap(&s, 1, RECORD_CAP_FRAME, BLOCK, 12, 0);
    struct untyped_use u = account(&s);
    assert_int_equal(u.used, FRAME);
    assert_int_equal(u.live, FRAME);
}

/* As a damaged recording may have it. */
static void a_watermark_beyond_the_end_is_the_end(void **state)
{
    struct capstate s;
    (void)state;
    begin(&s);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, (uint64_t)SIZE * 4);
    cap(&s, 1, RECORD_CAP_FRAME, BLOCK, 12, 0);
    struct untyped_use u = account(&s);
    assert_int_equal(u.used, SIZE);
    assert_int_equal(u.free, 0);
    assert_int_equal(u.lost, SIZE - FRAME);
}

/* What lies in untyped memory inside is that memory's. */
static void only_what_lies_directly_inside_is_live(void **state)
{
    struct capstate s;
    (void)state;
    begin(&s);
    cap(&s, 0, RECORD_CAP_UNTYPED, BLOCK, BITS, 4 * FRAME);
    cap(&s, 1, RECORD_CAP_UNTYPED, BLOCK, 14, FRAME);
    cap(&s, 2, RECORD_CAP_FRAME, BLOCK, 12, 0);
    struct untyped_use u = account(&s);
    assert_int_equal(u.live, 4 * FRAME);
    assert_int_equal(u.lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_below_the_watermark_is_used),
        cmocka_unit_test(without_children_all_is_free),
        cmocka_unit_test(a_copy_does_not_free_it),
        cmocka_unit_test(a_watermark_beyond_the_end_is_the_end),
        cmocka_unit_test(only_what_lies_directly_inside_is_live),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
