/* The walker's interface (objwalk/walker.h) over the simulated kernel: what it iterates over and
 * what it says of single things is what a snapshot says; parents are those of the tree. */
#include "tests/sim/sim.h"

#include "capstate/capstate.h"
#include "layout/roots.h"
#include "objwalk/walker.h"
#include "record/same.h"

#include <stdlib.h>
#include <string.h>

static struct memview view;
static struct walker *walker;
static struct capstate whole;

static enum error take(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

/* Threads, endpoints, derivations, and two tables of which one is empty. */
static void make_state(void)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0), copies = sim_free_slots(5);
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0), empty = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(sim_mint(copies + i, ep, i, i), 0);
    sim_call(table, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50000000, 3));
    sim_call(empty, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x60000000, 3));
    sim_call(frame, INV_PAGE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50001000, 3, 3));
    sim_new(OBJECT_NOTIFICATION, 0);
    for (unsigned i = 0; i < 4; i++)
        sim_thread_new(i % 2 ? "worker" : "", 10 + i, copies);
}

static int setup(void **state)
{
    char message[WALKER_MESSAGE];
    sim_setup(state);
    make_state();
    view = sim_memview();
    if (walker_open_capscope(&view, NULL, &walker, message) != ERR_OK)
        fail_msg("%s", message);
    capstate_init(&whole);
    assert_int_equal(walker_snapshot(walker, true, take, &whole), ERR_OK);
    assert_int_equal(capstate_finish(&whole), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    capstate_free(&whole);
    walker_close(walker);
    return sim_teardown(state);
}

static void it_describes_the_kernel_as_a_snapshot_does(void **state)
{
    (void)state;
    struct record_snapshot said;
    assert_int_equal(walker_describe(walker, &said), ERR_OK);
    said.stopped = whole.snapshot.stopped;
    assert_true(record_same_snapshot(&said, &whole.snapshot));
    assert_int_equal(record_word_bits(&said), 32);
    assert_true(walker_kernel_address(&said, 0x80000000) == KERNEL_WINDOW);
    assert_true(walker_physical(&said, 0x10000000) == 0xa0000000); /* mod 2^32 */
}

static void slots_come_in_derivation_order(void **state)
{
    (void)state;
    struct record r;
    uint32_t n = 0;
    assert_int_equal(walker_begin(walker, RECORD_SLOT, 0), ERR_OK);
    for (; walker_next(walker, &r) == ERR_OK; n++) {
        struct record one;
        assert_true(n < whole.slot_count);
        assert_true(record_same_slot(&r.slot, &whole.slots[n].rec));
        assert_int_equal(walker_at(walker, RECORD_SLOT, r.slot.addr, &one), ERR_OK);
        one.slot.depth = r.slot.depth;
        assert_true(record_same_slot(&one.slot, &r.slot));
    }
    assert_int_equal(n, whole.slot_count);
    assert_int_equal(walker_next(walker, &r), ERR_NOT_FOUND);
}

#define ITERATES(NAME, name, array, count, member)                                                 \
    static void name##s_come_as_in_a_snapshot(void **state)                                        \
    {                                                                                              \
        (void)state;                                                                               \
        struct record r, one;                                                                      \
        uint32_t n = 0;                                                                            \
        assert_int_equal(walker_begin(walker, RECORD_##NAME, 0), ERR_OK);                          \
        for (; walker_next(walker, &r) == ERR_OK; n++) {                                           \
            assert_true(n < whole.count);                                                          \
            assert_true(record_same_##name(&r.name, &whole.array[n] member));                      \
            assert_int_equal(walker_at(walker, RECORD_##NAME, r.name.addr, &one), ERR_OK);         \
            assert_true(record_same_##name(&one.name, &r.name));                                   \
        }                                                                                          \
        assert_true(n > 0);                                                                        \
        assert_int_equal(n, whole.count);                                                          \
    }
ITERATES(THREAD, thread, threads, thread_count, .rec)
ITERATES(ENDPOINT, endpoint, endpoints, endpoint_count, )
ITERATES(NOTIFICATION, notification, notifications, notification_count, )

static uint64_t some_root(void)
{
    assert_true(whole.mapping_count > 0);
    return whole.mappings[0].dir;
}

static void translations_come_as_in_a_snapshot(void **state)
{
    (void)state;
    struct record r;
    uint32_t n = 0;
    assert_int_equal(walker_begin(walker, RECORD_MAPPING, some_root()), ERR_OK);
    for (; walker_next(walker, &r) == ERR_OK; n++) {
        struct record_mapping one = {.asid = r.mapping.asid};
        assert_true(record_same_mapping(&r.mapping, &whole.mappings[n]));
        assert_int_equal(walker_translate(walker, some_root(), r.mapping.vaddr + 7, &one), ERR_OK);
        assert_true(one.frame == r.mapping.frame && one.bits == r.mapping.bits);
    }
    assert_true(n > 0 && n <= whole.mapping_count);
    struct record_mapping none;
    assert_int_equal(walker_translate(walker, some_root(), 0x60000000, &none), ERR_NOT_FOUND);
    assert_int_equal(walker_translate(walker, some_root(), 0xf0000000, &none), ERR_NOT_FOUND);
}

/* Those that a snapshot shows by their mappings, and the empty one, which it does not. */
static void tables_come_with_the_empty_ones(void **state)
{
    (void)state;
    struct record r;
    uint32_t roots = 0, filled = 0, empty = 0;
    assert_int_equal(walker_begin(walker, RECORD_TABLE, some_root()), ERR_OK);
    while (walker_next(walker, &r) == ERR_OK) {
        bool known = capstate_table_root(&whole, r.table.addr) == some_root();
        roots += r.table.parent == 0;
        filled += known && r.table.parent != 0;
        empty += !known;
        assert_true(r.table.parent == 0 || r.table.parent == some_root());
        if (!known)
            assert_int_equal(r.table.vaddr, 0x60000000);
    }
    assert_int_equal(roots, 1);
    assert_int_equal(empty, 1);
    assert_true(filled >= 1);
}

static void parents_are_those_of_the_tree(void **state)
{
    (void)state;
    uint32_t children = 0;
    for (uint32_t i = 1; i < whole.slot_count; i++) {
        const struct capstate_slot *s = &whole.slots[i];
        bool yes = false;
        assert_int_equal(walker_is_parent(walker, whole.slots[i - 1].rec.addr, s->rec.addr, &yes),
                         ERR_OK);
        assert_int_equal(yes, s->parent == (int32_t)i - 1);
        children += yes;
    }
    assert_true(children > 3);
}

static void a_slot_tells_whether_it_is_filled(void **state)
{
    (void)state;
    struct walker_slot s;
    assert_int_equal(walker_slot(walker, whole.slots[3].rec.addr, &s), ERR_OK);
    assert_true(s.filled && s.listed);
    assert_int_equal(s.slot.type, whole.slots[3].rec.type);
    assert_true(s.address == whole.slots[3].rec.addr + whole.snapshot.phys_offset);
    assert_int_equal(walker_slot(walker, whole.slots[3].rec.addr + 4, &s), ERR_ARGUMENT);
    assert_int_equal(walker_slot(walker, 0x1000, &s), ERR_ARGUMENT);
    assert_int_equal(walker_slot(walker, whole.slots[3].rec.addr | 1ull << 32, &s), ERR_ARGUMENT);
}

static void the_moment_is_what_the_kernel_says(void **state)
{
    (void)state;
    struct walker_moment m;
    struct walker_request r;
    assert_int_equal(walker_moment(walker, &m), ERR_OK);
    assert_true(m.thread == whole.sched.current);
    assert_int_equal(m.ticks, whole.snapshot.ticks);
    assert_int_equal(walker_request(walker, &r), ERR_OK);
    assert_true(r.thread == whole.sched.current);
    assert_true(walker_agrees(walker, &whole.end));
}

static void what_this_kernel_has_not_is_said(void **state)
{
    (void)state;
    struct record r;
    assert_int_equal(walker_begin(walker, RECORD_SCHED_CONTEXT, 0), ERR_UNSUPPORTED);
    assert_int_equal(walker_at(walker, RECORD_REPLY, some_root(), &r), ERR_UNSUPPORTED);
    assert_int_equal(walker_begin(walker, RECORD_MAPPING, 0x12345000), ERR_NOT_FOUND);
}

static enum error nothing_there(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    (void)ctx;
    (void)addr;
    memset(buf, 0, len);
    return ERR_OK;
}

static void memory_without_a_kernel_is_refused_in_words(void **state)
{
    (void)state;
    const struct memview empty = {.read = nothing_there};
    char message[WALKER_MESSAGE] = "";
    struct walker *none;
    assert_int_equal(walker_open_capscope(&empty, NULL, &none, message), ERR_NO_ROOTS);
    assert_null(none);
    assert_string_equal(message, error_sentence(ERR_NO_ROOTS));
}

/* --- another boot --- */

static struct kernel_roots *roots(void)
{
    return kptr(hostsim_roots());
}

static void publish(uint32_t boot)
{
    roots()->boot = boot;
    roots()->check -= roots_sum(roots());
}

static enum error followed(bool *anew, uint32_t *boot)
{
    struct record_snapshot said;
    enum error e = walker_follow(walker, anew);
    assert_int_equal(walker_describe(walker, &said), ERR_OK);
    *boot = said.boot;
    return e;
}

static void another_boot_is_taken_up(void **state)
{
    (void)state;
    uint32_t boot;
    bool anew;
    for (uint32_t now = 7; now < 9; now++) {
        publish(now);
        assert_int_equal(followed(&anew, &boot), ERR_OK);
        assert_true(anew);
        assert_int_equal(boot, now);
        assert_int_equal(followed(&anew, &boot), ERR_OK);
        assert_false(anew);
    }
}

/* As roots_fill() leaves them step by step: cleared, in the middle, all but the sum. */
static void a_kernel_that_begins_is_not_taken_up(void **state)
{
    (void)state;
    uint32_t boot;
    bool anew;
    publish(7);
    assert_int_equal(followed(&anew, &boot), ERR_OK);
    const struct kernel_roots was = *roots();
    memset(roots(), 0, sizeof(was));
    assert_int_equal(followed(&anew, &boot), ERR_NO_ROOTS);
    assert_int_equal(boot, 7);
    memcpy(roots(), &was, sizeof(was));
    roots()->magic[0] = roots()->boot = roots()->check = 0;
    assert_int_equal(followed(&anew, &boot), ERR_NO_ROOTS);
    roots()->magic[0] = was.magic[0];
    assert_int_equal(followed(&anew, &boot), ERR_CORRUPT);
    roots()->boot = 8;
    assert_int_equal(followed(&anew, &boot), ERR_CORRUPT);
    assert_int_equal(boot, 7);
    publish(8);
    assert_int_equal(followed(&anew, &boot), ERR_OK);
    assert_true(anew);
    assert_int_equal(boot, 8);
}

/* Of a release kernel, too, whose boots have no number. */
static void roots_that_somebody_wrote_to_are_of_the_same_boot(void **state)
{
    (void)state;
    uint32_t boot;
    bool anew;
    for (uint32_t now = 0; now < 2; now++) {
        publish(now);
        assert_int_equal(followed(&anew, &boot), ERR_OK);
        kaddr_t was = roots()->cdt_head;
        roots()->cdt_head += 4;
        assert_int_equal(followed(&anew, &boot), ERR_OK);
        assert_false(anew);
        assert_int_equal(boot, now);
        roots()->cdt_head = was;
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_describes_the_kernel_as_a_snapshot_does),
        CASE(slots_come_in_derivation_order),
        CASE(threads_come_as_in_a_snapshot),
        CASE(endpoints_come_as_in_a_snapshot),
        CASE(notifications_come_as_in_a_snapshot),
        CASE(translations_come_as_in_a_snapshot),
        CASE(tables_come_with_the_empty_ones),
        CASE(parents_are_those_of_the_tree),
        CASE(a_slot_tells_whether_it_is_filled),
        CASE(the_moment_is_what_the_kernel_says),
        CASE(what_this_kernel_has_not_is_said),
        CASE(memory_without_a_kernel_is_refused_in_words),
        CASE(another_boot_is_taken_up),
        CASE(a_kernel_that_begins_is_not_taken_up),
        CASE(roots_that_somebody_wrote_to_are_of_the_same_boot),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
