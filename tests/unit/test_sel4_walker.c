/* Mainline behind the interface of walkers: iterations tell what the snapshot tells, and single
 * questions answer as it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capstate/capstate.h"
#include "objwalk/sel4/walker.h"
#include "tests/unit/sel4_fixture.h"

#include <string.h>

struct system {
    struct fixture f;
    struct sel4_kernel k;
    struct walker *w;
    struct capstate c;
    uint8_t *elf;
};

static enum error take(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

static void begin(struct system *y, const char *name)
{
    fixture_load(&y->f, name, true);
    fixture_attach(&y->f, &y->k, &y->elf);
    y->w = sel4_walker_open(&y->k);
    assert_non_null(y->w);
    capstate_init(&y->c);
    assert_int_equal(walker_snapshot(y->w, true, take, &y->c), ERR_OK);
    assert_int_equal(capstate_finish(&y->c), ERR_OK);
}

static void end(struct system *y)
{
    walker_close(y->w);
    capstate_free(&y->c);
    fixture_close(&y->k, y->elf);
    fixture_free(&y->f);
}

static uint32_t count(struct system *y, enum record_kind kind, uint64_t root)
{
    struct record r;
    uint32_t n = 0;
    assert_int_equal(walker_begin(y->w, kind, root), ERR_OK);
    enum error e = walker_next(y->w, &r);
    for (; e == ERR_OK; e = walker_next(y->w, &r)) {
        assert_int_equal(r.kind, kind);
        assert_true(kind != RECORD_MAPPING || r.mapping.dir == root);
        n++;
    }
    assert_int_equal(e, ERR_NOT_FOUND);
    return n;
}

static void iterations_tell_what_the_snapshot_tells(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        uint32_t mappings = 0;
        uint32_t tables = 0;
        begin(&y, fixture_names[i]);
        assert_int_equal(count(&y, RECORD_SLOT, 0), y.c.slot_count);
        assert_int_equal(count(&y, RECORD_THREAD, 0), y.c.thread_count);
        assert_int_equal(count(&y, RECORD_ENDPOINT, 0), y.c.endpoint_count);
        assert_int_equal(count(&y, RECORD_NOTIFICATION, 0), y.c.notification_count);
        assert_int_equal(count(&y, RECORD_SCHED_CONTEXT, 0), y.c.sched_context_count);
        assert_int_equal(count(&y, RECORD_REPLY, 0), y.c.reply_count);
        for (uint32_t t = 0; t < y.c.tables_told; t++) {
            if (y.c.tables[t].parent != 0)
                continue;
            mappings += count(&y, RECORD_MAPPING, y.c.tables[t].addr);
            tables += count(&y, RECORD_TABLE, y.c.tables[t].addr);
        }
        assert_int_equal(mappings, y.c.mapping_count);
        assert_int_equal(tables, y.c.tables_told);
        end(&y);
    }
}

static void single_questions_agree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        struct record r;
        struct record_snapshot s;
        begin(&y, fixture_names[i]);
        assert_int_equal(walker_describe(y.w, &s), ERR_OK);
        assert_true(s.phys_offset == y.c.snapshot.phys_offset && s.kernel == RECORD_KERNEL_SEL4);
        for (uint32_t n = 0; n < y.c.slot_count; n++) {
            const struct capstate_slot *slot = &y.c.slots[n];
            struct walker_slot now;
            bool yes = false;
            assert_int_equal(walker_slot(y.w, slot->rec.addr, &now), ERR_OK);
            assert_true(now.filled && now.slot.object == slot->rec.object);
            if (slot->parent < 0)
                continue;
            assert_int_equal(
                walker_is_parent(y.w, y.c.slots[slot->parent].rec.addr, slot->rec.addr, &yes),
                ERR_OK);
            assert_true(yes);
        }
        for (uint32_t n = 0; n < y.c.mapping_count; n++) {
            const struct record_mapping *m = &y.c.mappings[n];
            struct record_mapping got;
            assert_int_equal(walker_translate(y.w, m->dir, m->vaddr + 8, &got), ERR_OK);
            assert_true(got.frame == m->frame);
            assert_int_equal(walker_translate(y.w, m->dir + 1, m->vaddr, &got), ERR_NOT_FOUND);
        }
        assert_int_equal(walker_at(y.w, RECORD_THREAD, y.c.threads[0].rec.addr, &r), ERR_OK);
        assert_int_equal(r.thread.state, y.c.threads[0].rec.state);
        assert_int_equal(walker_at(y.w, RECORD_THREAD, 1, &r), ERR_NOT_FOUND);
        assert_int_equal(walker_slot(y.w, y.c.slots[0].rec.addr + 1, &(struct walker_slot){0}),
                         ERR_ARGUMENT);
        end(&y);
    }
}

/* The machine that was read stood in its root task, or in the kernel for it. */
static void moments_and_stops_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        struct walker_moment m;
        struct walker_stop stop;
        struct walker_request request;
        uint32_t stops = 0;
        begin(&y, fixture_names[i]);
        assert_int_equal(walker_moment(y.w, &m), ERR_OK);
        assert_true(m.thread == y.c.sched.current && !m.idle && !m.debugger);
        while (walker_stop(y.w, stops, &stop) == ERR_OK) {
            assert_true(stop.whole && stop.address == fixture_symbol(&y.f, stop.name));
            stops++;
        }
        assert_int_equal(stops, 6);
        assert_int_equal(walker_request(y.w, &request), ERR_UNSUPPORTED);
        end(&y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterations_tell_what_the_snapshot_tells),
        cmocka_unit_test(single_questions_agree),
        cmocka_unit_test(moments_and_stops_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
