/* Answers from the indexes against the same from rebuilt snapshots. */
#include "capdb/store.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SNAPSHOTS = 30, SEED = 99 };

static char *path;

static int setup(void **state)
{
    struct changing m;
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, SEED);
    record_changing(db, &m, SNAPSHOTS);
    capdb_close(db);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(path);
    return 0;
}

/* --- owner ----------------------------------------------------------------------------------- */

static void assert_owner(struct capdb *db, const struct authority *a, uint32_t n, uint64_t addr)
{
    struct authority_owner want;
    struct capdb_owner got;
    authority_owner_of(a, addr, &want);
    assert_int_equal(capdb_owner_at(db, n, addr, &got), ERR_OK);
    assert_int_equal(got.found, want.object >= 0);
    if (want.object < 0)
        return;
    assert_int_equal(got.object, a->state->objects[want.object].addr);
    assert_int_equal(got.type, a->state->objects[want.object].type);
    assert_string_equal(got.domain, want.domain < 0 ? "" : a->domains[want.domain].name);
    assert_int_equal(got.by_untyped, want.by_untyped);
    assert_int_equal(got.shared, want.shared);
}

static void test_owner_is_that_of_the_analysis(void **state)
{
    const struct authority_rules rules = {0};
    (void)state;
    struct capdb *db = open_db(path);
    for (uint32_t n = 1; n <= SNAPSHOTS; n++) {
        struct capstate s;
        struct authority a;
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        assert_int_equal(authority_build(&s, &rules, &a), ERR_OK);
        for (uint32_t i = 0; i < s.object_count; i++) {
            assert_owner(db, &a, n, s.objects[i].addr);
            assert_owner(db, &a, n, s.objects[i].addr + 5);
            if (s.objects[i].bits && s.objects[i].bits < 32)
                assert_owner(db, &a, n, s.objects[i].addr + (1u << s.objects[i].bits));
        }
        authority_free(&a);
        capstate_free(&s);
    }
    capdb_close(db);
}

/* Device memory as boards have it: 512 MiB from 256 MiB on. */
static void test_owner_of_memory_at_an_odd_place(void **state)
{
    struct capstate s;
    struct capdb_owner owner;
    uint32_t n;
    (void)state;
    char *odd = temp_path();
    struct capdb *db = create(odd);
    state_begin(&s);
    state_slot(&s, (struct record_slot){.addr = CNODE_BASE + 16,
                                        .type = RECORD_CAP_CNODE,
                                        .object = CNODE_BASE,
                                        .bits = CNODE_BITS});
    state_slot(&s, (struct record_slot){.addr = CNODE_BASE + 32,
                                        .type = RECORD_CAP_UNTYPED,
                                        .object = 0x10000000,
                                        .bits = 29});
    state_end(&s);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capstate_free(&s);
    capdb_close(db);
    db = open_db(odd);
    assert_int_equal(capdb_owner_at(db, 1, 0x2fffffff, &owner), ERR_OK);
    assert_true(owner.found);
    assert_int_equal(owner.object, 0x10000000);
    assert_int_equal(capdb_owner_at(db, 1, 0x30000000, &owner), ERR_OK);
    assert_false(owner.found);
    capdb_close(db);
    temp_remove(odd);
}

/* A resource server's client: all capabilities to its page are a manager's, and it has it mapped. */
static void test_owner_of_memory_that_is_only_mapped(void **state)
{
    enum { ROOT = 0x80800000, CLIENT = 0x80801000, DIR = 0x80804000, PAGE = 0x80900000 };
    struct capstate s;
    struct authority a;
    struct capdb_owner owner;
    uint32_t n;
    (void)state;
    char *file = temp_path();
    struct capdb *db = create(file);
    const struct record_slot slots[] = {
        {.addr = CNODE_BASE + 16, .type = RECORD_CAP_TCB, .object = ROOT, .bits = 9},
        {.addr = CNODE_BASE + 32, .type = RECORD_CAP_TCB, .object = CLIENT, .bits = 9},
        {.addr = CNODE_BASE + 48,
         .type = RECORD_CAP_CNODE,
         .object = CNODE_BASE,
         .bits = CNODE_BITS},
        {.addr = ROOT,
         .depth = 1,
         .type = RECORD_CAP_CNODE,
         .object = CNODE_BASE,
         .bits = CNODE_BITS},
        {.addr = CNODE_BASE + 64, .type = RECORD_CAP_UNTYPED, .object = PAGE, .bits = 16},
        {.addr = CNODE_BASE + 80, .depth = 1, .type = RECORD_CAP_FRAME, .object = PAGE, .bits = 12},
        {.addr = CNODE_BASE + 96, .type = RECORD_CAP_PAGE_DIRECTORY, .object = DIR, .bits = 14},
        {.addr = CLIENT + 16,
         .depth = 1,
         .type = RECORD_CAP_PAGE_DIRECTORY,
         .object = DIR,
         .bits = 14},
    };
    for (uint32_t mapped = 0; mapped < 2; mapped++) {
        state_begin(&s);
        s.snapshot.root_thread = ROOT;
        for (uint32_t i = 0; i < sizeof(slots) / sizeof(*slots); i++)
            state_slot(&s, slots[i]);
        state_thread(&s, ROOT, "rootserver");
        state_thread(&s, CLIENT, "guest/app");
        if (mapped)
            state_mapping(&s, (struct record_mapping){DIR, 1, 0x10000, PAGE, 12, 3, 1, 0});
        state_end(&s);
        assert_int_equal(capdb_append(db, &s, 1 + mapped, &n), ERR_OK);
        capstate_free(&s);
    }
    capdb_close(db);
    db = open_db(file);
    for (n = 1; n <= 2; n++) {
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        assert_owner(db, &a, n, PAGE + 5);
        assert_int_equal(capdb_owner_at(db, n, PAGE, &owner), ERR_OK);
        assert_string_equal(owner.domain, n == 2 ? "guest" : "rootserver");
        authority_free(&a);
        capstate_free(&s);
    }
    capdb_close(db);
    temp_remove(file);
}

/* --- diff ------------------------------------------------------------------------------------ */

static int64_t number_at(struct capdb *db, uint32_t n, int64_t id, const char *column)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT %s FROM cap_row WHERE id = %lld AND t0 <= %u AND t1 > %u",
             column, (long long)id, n, n);
    return capdb_int(db, sql, -1);
}

struct telling {
    struct capdb *db;
    uint32_t n[2], rows;
};

static bool is_new_object(struct capdb *db, int64_t life, uint32_t early)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT min(t0) FROM object_row WHERE id = %lld", (long long)life);
    return capdb_int(db, sql, 0) > early;
}

/* Each change tells both snapshots as they are; what none tells is the same in both. */
static enum error assert_change(void *ctx, const struct capdb_change *c)
{
    struct telling *t = ctx;
    const struct row *in[2] = {c->before, c->after};
    const struct row *parent = c->parent;
    int64_t id = (c->after ? c->after : c->before)->v[CAP_COL_id];
    t->rows++;
    for (int side = 0; side < 2; side++)
        assert_int_equal(in[side] ? in[side]->v[CAP_COL_slot] : -1,
                         number_at(t->db, t->n[side], id, "slot"));
    if (parent)
        assert_int_equal(parent->v[CAP_COL_id], c->after->v[CAP_COL_parent]);
    if (parent)
        assert_int_equal(parent->row,
                         number_at(t->db, t->n[1], c->after->v[CAP_COL_parent], "row"));
    else if (c->after && !c->before && c->after->v[CAP_COL_parent])
        assert_int_equal(-1, number_at(t->db, t->n[1], c->after->v[CAP_COL_parent], "type"));
    if (parent && parent->v[CAP_COL_type] == RECORD_CAP_UNTYPED)
        assert_int_equal(c->new_object, is_new_object(t->db, c->after->v[CAP_COL_object], t->n[0]));
    else
        assert_false(c->new_object);
    return ERR_OK;
}

static void assert_diff(struct capdb *db, uint32_t a, uint32_t b)
{
    char sql[320];
    struct telling t = {.db = db, .n = {a, b}};
    assert_int_equal(capdb_diff(db, a, b, assert_change, &t), ERR_OK);
    snprintf(sql, sizeof(sql),
             "SELECT (SELECT count(DISTINCT id) FROM (SELECT id, row FROM cap_row WHERE t0 <= %u"
             " AND t1 > %u EXCEPT SELECT id, row FROM cap_row WHERE t0 <= %u AND t1 > %u)) +"
             " (SELECT count(*) FROM (SELECT id FROM cap_row WHERE t0 <= %u AND t1 > %u EXCEPT"
             " SELECT id FROM cap_row WHERE t0 <= %u AND t1 > %u))",
             a, a, b, b, b, b, a, a);
    assert_int_equal(t.rows, capdb_int(db, sql, -1));
}

static void test_diff_tells_every_change(void **state)
{
    (void)state;
    struct capdb *db = open_db(path);
    for (uint32_t a = 1; a <= SNAPSHOTS; a += 3)
        for (uint32_t b = a; b <= SNAPSHOTS; b += 4)
            assert_diff(db, a, b);
    capdb_close(db);
}

/* Its capabilities keep the numbers that they have in the original. */
static void test_diff_of_a_cut_tells_every_change(void **state)
{
    enum { FIRST = 9 };
    char message[CAPDB_MESSAGE];
    char *out = temp_path();
    (void)state;
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_cut(db, FIRST, SNAPSHOTS, out, message), ERR_OK);
    capdb_close(db);
    db = open_db(out);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM cap_row WHERE id <> row AND t0 = 1", -1),
                     0);
    assert_true(capdb_int(db, "SELECT count(*) FROM cap_row WHERE id <> row", 0) > 0);
    assert_true(capdb_int(db, "SELECT max(id) > count(*) FROM cap_row", 0) == 1);
    for (uint32_t a = 1; a <= SNAPSHOTS - FIRST; a += 2)
        for (uint32_t b = a + 1; b <= SNAPSHOTS - FIRST + 1; b += 3)
            assert_diff(db, a, b);
    capdb_close(db);
    temp_remove(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_is_that_of_the_analysis),
        cmocka_unit_test(test_owner_of_memory_at_an_odd_place),
        cmocka_unit_test(test_owner_of_memory_that_is_only_mapped),
        cmocka_unit_test(test_diff_tells_every_change),
        cmocka_unit_test(test_diff_of_a_cut_tells_every_change),
    };
    return cmocka_run_group_tests_name("capdb indexes", tests, setup, teardown);
}
