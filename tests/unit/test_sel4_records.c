/* A walked mainline system as records: a whole snapshot that the host's tools take, with the values
 * that the record format promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capstate/capstate.h"
#include "objwalk/sel4/records.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct system {
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_state s;
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
    assert_int_equal(sel4_walk(&y->k, &y->s), ERR_OK);
    capstate_init(&y->c);
    assert_int_equal(sel4_records(&y->k, &y->s, true, take, &y->c), ERR_OK);
    assert_int_equal(capstate_finish(&y->c), ERR_OK);
}

static void end(struct system *y)
{
    capstate_free(&y->c);
    sel4_state_fini(&y->s);
    fixture_close(&y->k, y->elf);
    fixture_free(&y->f);
}

static const struct capstate_slot *slot(const struct system *y, uint64_t va)
{
    int32_t i = capstate_slot_at(&y->c, fixture_pa(&y->f, va));
    if (i < 0)
        fail_msg("%s: no slot at %" PRIx64, y->f.name, va);
    return &y->c.slots[i];
}

static void snapshots_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        begin(&y, fixture_names[i]);
        assert_int_equal(y.c.snapshot.kernel, RECORD_KERNEL_SEL4);
        assert_int_equal(y.c.end.complete, 1);
        assert_int_equal(y.c.finding_count, 0);
        assert_int_equal(y.c.slot_count, y.s.slots.count);
        assert_int_equal(y.c.thread_count, 12);
        assert_int_equal(y.c.mapping_count, y.s.mappings.count);
        assert_int_equal(y.c.snapshot.word_bits, y.f.word * 8);
        assert_int_equal(y.c.threads[11].rec.idle, 1);
        assert_true(y.c.snapshot.ram_size >= 64 << 20);
        for (uint32_t r = 1; r < y.c.range_count; r++)
            assert_true(y.c.ranges[r].size <= y.c.snapshot.ram_size);
        for (uint32_t t = 0; t < y.c.thread_count; t++)
            assert_int_equal(y.c.threads[t].rec.idle, t == 11);
        end(&y);
    }
}

/* Depth, parents and places as the recording has them, in physical addresses. */
static void trees_and_places_survive(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        char *field[FIXTURE_FIELDS];
        begin(&y, fixture_names[i]);
        for (size_t at = 0; fixture_next(&y.f, &at, "cap", field) > 0;) {
            const struct capstate_slot *s = slot(&y, fixture_hex(field[1]));
            uint64_t parent = fixture_hex(field[11]);
            assert_int_equal(s->rec.depth, fixture_hex(field[10]));
            if (parent == 0)
                assert_int_equal(s->parent, -1);
            else
                assert_true(y.c.slots[s->parent].rec.addr == fixture_pa(&y.f, parent));
            if (strcmp(field[14], "cnode") == 0)
                assert_int_equal(s->rec.place, fixture_hex(field[16]) + 1);
            if (field[13][0] != '-')
                assert_int_equal(s->rec.bits, fixture_hex(field[13]));
        }
        end(&y);
    }
}

/* Every thread finds its CSpace and address space, whatever the architecture calls them. */
static void threads_find_their_spaces(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        begin(&y, fixture_names[i]);
        int32_t root = capstate_thread_named(&y.c, "rootserver");
        assert_true(root >= 0);
        assert_true(capstate_thread_cspace(&y.c, root) >= 0);
        int32_t space = capstate_thread_vspace(&y.c, root);
        if (space < 0)
            fail_msg("%s: the root task has no address space", y.f.name);
        assert_true(y.c.objects[space].type == RECORD_CAP_PAGE_DIRECTORY);
        uint64_t dir = y.c.mappings[0].dir;
        assert_true(y.c.objects[space].addr == dir || y.c.mapping_count > 36);
        end(&y);
    }
}

/* The root task is told by its object; every table but a root hangs in another, one level up. */
static void roots_and_tables_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct system y;
        begin(&y, fixture_names[i]);
        int32_t root = capstate_thread_named(&y.c, "rootserver");
        if (y.c.snapshot.root_thread != y.c.threads[root].rec.addr)
            fail_msg("%s: root %" PRIx64 ", not %" PRIx64, y.f.name, y.c.snapshot.root_thread,
                     y.c.threads[root].rec.addr);
        assert_true(y.c.tables_told > 0);
        for (uint32_t t = 0; t < y.c.tables_told; t++) {
            const struct record_table *r = &y.c.tables[t];
            assert_int_equal(r->parent == 0, r->asid != 0);
            assert_true(capstate_table_root(&y.c, r->addr) != 0);
            for (uint32_t p = 0; r->parent != 0 && p < y.c.tables_told; p++)
                assert_true(y.c.tables[p].addr != r->parent || y.c.tables[p].level == r->level + 1);
        }
        end(&y);
    }
}

/* A record of the boot's in memory that somebody owns names nobody. */
static void a_root_task_in_untyped_memory_is_not_trusted(void **state)
{
    (void)state;
    struct system y;
    begin(&y, "a64");
    uint64_t other = fixture_pa(&y.f, 0xffffff8042607000u);
    capstate_free(&y.c);
    capstate_init(&y.c);
    y.s.root_tcb = 0xffffff8042607000u;
    assert_int_equal(sel4_records(&y.k, &y.s, true, take, &y.c), ERR_OK);
    assert_int_equal(capstate_finish(&y.c), ERR_OK);
    assert_true(capstate_object_at(&y.c, other) >= 0);
    assert_true(y.c.snapshot.root_thread == 0);
    end(&y);
}

static const struct record_thread *thread(const struct system *y, const char *name)
{
    int32_t t = capstate_thread_named(&y->c, name);
    assert_true(t >= 0);
    return &y->c.threads[t].rec;
}

static void values_are_the_format_s_own(void **state)
{
    (void)state;
    struct system y;
    begin(&y, "a64");
    const struct record_slot *r = &slot(&y, 0xffffff807ffc1c80u)->rec;
    assert_int_equal(r->type, RECORD_CAP_ENDPOINT);
    assert_int_equal(r->rights, RECORD_RIGHT_WRITE | RECORD_RIGHT_GRANT | RECORD_RIGHT_GRANT_REPLY);
    assert_true(r->data == 0xf00 && r->object == 0x42000030);
    r = &slot(&y, 0xffffff807ffc1520u)->rec;
    assert_true(r->type == RECORD_CAP_CNODE && r->data == 5 && r->extra == 3 && r->bits == 9);
    r = &slot(&y, 0xffffff807ffc1e40u)->rec; /* has children: its watermark counts */
    assert_true(r->type == RECORD_CAP_UNTYPED && r->bits == 16);
    r = &slot(&y, 0xffffff807ffc03e0u)->rec; /* looks full, is unused */
    assert_true(r->data == 0 && r->flags == (RECORD_SLOT_REVOCABLE | RECORD_SLOT_FIRST_BADGED |
                                             RECORD_SLOT_DEVICE));
    r = &slot(&y, 0xffffff8042607040u)->rec;
    assert_true(r->type == RECORD_CAP_REPLY && (r->flags & RECORD_SLOT_MASTER) != 0);
    assert_true(r->object == 0x42607000 && r->bits == 11 && r->place == 1 + RECORD_TCB_REPLY);
    const struct record_thread *t = thread(&y, "faulter");
    assert_int_equal(t->fault, RECORD_FAULT_VM);
    assert_true(t->fault_addr == 0x123000 && t->fault_detail == 0x92000046);
    assert_true(t->blocked_on == 0x42000030 && t->blocked_badge == 0xf00 && t->position == 1);
    t = thread(&y, "server"); /* keeps a stale grant of an earlier receive */
    assert_true(t->state == RECORD_THREAD_BLOCKED_ON_NOTIFICATION && t->blocked_flags == 0);
    end(&y);

    begin(&y, "a64mcs");
    assert_int_equal(thread(&y, "faulter")->fault, RECORD_FAULT_VM);
    r = &slot(&y, 0xffffff807ffc1d80u)->rec;
    assert_true(r->type == RECORD_CAP_REPLY_OBJECT && r->object == 0x426070a0 && r->bits == 5);
    assert_int_equal(y.c.sched_context_count, 12);
    assert_int_equal(y.c.reply_count, 6);
    assert_true(thread(&y, "waiter")->reply == 0x42607000);
    end(&y);

    begin(&y, "rv64"); /* one type for tables of all levels: what an ASID names is a root */
    assert_int_equal(slot(&y, 0xffffffc13ffc0060u)->rec.type, RECORD_CAP_PAGE_DIRECTORY);
    end(&y);

    begin(&y, "x64");
    r = &slot(&y, 0xffffff801ffa20e0u)->rec;
    assert_true(r->type == RECORD_CAP_IO_PORT && r->data == 0x3f8 && r->extra == 0x3ff);
    r = &slot(&y, 0xffffff801ffa2060u)->rec;
    assert_true(r->type == RECORD_CAP_PAGE_TABLE && r->level == 2);
    end(&y);

    begin(&y, "a32-zombie");
    r = &slot(&y, 0xdffe0f30u)->rec;
    assert_true(r->type == RECORD_CAP_ZOMBIE && r->object == 0x50810000 && r->data == 0x32);
    end(&y);
}

/* The same state twice gives the same records; another one another digest. */
static void digests_tell_states_apart(void **state)
{
    (void)state;
    struct system y;
    struct capstate again;
    struct sel4_state s;
    begin(&y, "a64");
    uint64_t slot_va = 0xffffff807ffc1c80u;
    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn == 1)
            fixture_put_word(&y.f, slot_va + 8, 0xf01);
        sel4_memory_forget(&y.k.memory);
        assert_int_equal(sel4_walk(&y.k, &s), ERR_OK);
        capstate_init(&again);
        assert_int_equal(sel4_records(&y.k, &s, true, take, &again), ERR_OK);
        bool same = again.end.digest0 == y.c.end.digest0 && again.end.digest1 == y.c.end.digest1;
        assert_int_equal(same, turn == 0);
        capstate_free(&again);
        sel4_state_fini(&s);
    }
    end(&y);
}

static enum error refuse(void *ctx, const struct record *r)
{
    unsigned *left = ctx;
    (void)r;
    return (*left)-- == 0 ? ERR_IO : ERR_OK;
}

static void a_sink_that_fails_ends_it(void **state)
{
    (void)state;
    struct system y;
    begin(&y, "a32");
    for (unsigned n = 0; n < 600; n += 37) {
        unsigned left = n;
        enum error e = sel4_records(&y.k, &y.s, true, refuse, &left);
        assert_int_equal(e, n < y.c.end.records ? ERR_IO : ERR_OK);
    }
    end(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_are_whole),
        cmocka_unit_test(trees_and_places_survive),
        cmocka_unit_test(roots_and_tables_are_told),
        cmocka_unit_test(a_root_task_in_untyped_memory_is_not_trusted),
        cmocka_unit_test(threads_find_their_spaces),
        cmocka_unit_test(values_are_the_format_s_own),
        cmocka_unit_test(digests_tell_states_apart),
        cmocka_unit_test(a_sink_that_fails_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
