/* Recordings of formats 3, 4 and today's, continued as they are: what is added is there, what was there stays,
 * and every question about what changed has the answer that two snapshots give. */
#include "capdb/store.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    int version;
} files[] = {{"why-a64", CAPDB_USER_VERSION_3},
             {"why-a64mcs", CAPDB_USER_VERSION_3},
             {"recording-4", CAPDB_USER_VERSION_4},
             {"recording-4-killed", CAPDB_USER_VERSION_4}};
enum { FILES = sizeof(files) / sizeof(*files), MORE = 5 };

/* Without its last slots, but those that lead to others. */
static void smaller_state(const struct capstate *from, uint32_t less, struct capstate *out)
{
    struct record r = {.kind = RECORD_SLOT};
    uint32_t left = less;
    state_begin(out);
    out->snapshot = from->snapshot;
    out->snapshot.ticks += less + 1;
    for (uint32_t i = 0; i < from->slot_count; i++) {
        const struct record_slot *s = &from->slots[i].rec;
        const bool leaf = i + 1 == from->slot_count || from->slots[i + 1].rec.depth <= s->depth;
        if (leaf && left && s->type == RECORD_CAP_FRAME) {
            left--;
            continue;
        }
        r.slot = *s;
        state_add(out, &r);
    }
    state_end(out);
    out->snapshot.seq = from->snapshot.seq;
    out->end.digest0 = out->end.digest1 = 0;
}

static uint32_t continue_it(const char *path)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    struct capstate last;
    const struct capdb_source again = {.target = "elsewhere", .same_machine = true};
    uint32_t n = 0;
    struct capdb *reader = open_db(path);
    const uint32_t count = capdb_count(reader);
    assert_int_equal(capdb_load(reader, count, &last), ERR_OK);
    capdb_close(reader);
    if (capdb_resume(path, &again, &db, message) != ERR_OK)
        fail_msg("%s", message);
    const struct record gap = {.kind = RECORD_GAP, .gap = {last.snapshot.seq + 1, 0}};
    assert_int_equal(capdb_put_events(db, &gap, 1), ERR_OK);
    for (uint32_t less = 1; less <= MORE; less++) {
        struct capstate s;
        smaller_state(&last, less % 3 * 4, &s);
        s.snapshot.ticks = last.snapshot.ticks + less;
        if (capdb_append(db, &s, 2e9 + less, &n) != ERR_OK)
            fail_msg("%s", capdb_error(db));
        capstate_free(&s);
    }
    capdb_close(db);
    capstate_free(&last);
    assert_int_equal(n, count + MORE);
    return n;
}

struct counts {
    uint32_t went, came, other;
};

static enum error count_change(void *ctx, const struct capdb_change *c)
{
    struct counts *k = ctx;
    ++*(c->before && c->after ? &k->other : c->before ? &k->went : &k->came);
    return ERR_OK;
}

/* By numbers of capabilities, one snapshot beside the other. */
static int64_t only_in(struct capdb *db, uint32_t a, uint32_t b)
{
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM (SELECT cap FROM caps WHERE n = %u EXCEPT"
             " SELECT cap FROM caps WHERE n = %u)",
             a, b);
    return capdb_int(db, sql, -1);
}

static void assert_continued(const char *path, int version, uint32_t count)
{
    struct capdb *db = open_db(path);
    assert_int_equal(db->version, version);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    for (uint32_t n = 1; n < count; n++) {
        struct counts k = {0};
        assert_int_equal(capdb_diff(db, n, n + 1, count_change, &k), ERR_OK);
        assert_int_equal(k.went, only_in(db, n, n + 1));
        assert_int_equal(k.came, only_in(db, n + 1, n));
    }
    capdb_close(db);
}

static void each_goes_on_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        char *path = temp_path();
        unpack_recording(files[i].name, path);
        assert_continued(path, files[i].version, continue_it(path));
        temp_remove(path);
    }
}

/* Made of each of them by upgrade, which tells all anew. */
static void so_does_what_is_made_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        char *old = temp_path();
        char *path = temp_path();
        unpack_recording(files[i].name, old);
        struct capdb *from = open_db(old);
        struct capdb *to = create(path);
        assert_int_equal(capdb_tell_anew(from, to, NULL), ERR_OK);
        capdb_close(to);
        capdb_close(from);
        assert_continued(path, CAPDB_USER_VERSION, continue_it(path));
        temp_remove(old);
        temp_remove(path);
    }
}

/* A damaged target may tell any type: it is recorded as it was told. */
static void odd_types_are_recorded_as_they_are(void **state)
{
    static const uint32_t types[] = {RECORD_CAP_UNTYPED, 200, 255, 256, 300, 65536, 0x7fffffff};
    const uint32_t count = sizeof(types) / sizeof(*types);
    struct capstate s;
    uint32_t n;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    state_begin(&s);
    for (uint32_t i = 0; i < count; i++)
        state_slot(&s, (struct record_slot){.addr = CNODE_BASE + 16 * (i + 1),
                                            .type = types[i],
                                            .object = 0x82000000 + (i << 20),
                                            .bits = 12,
                                            .flags = i % 2 ? RECORD_SLOT_DEVICE : 0});
    state_end(&s);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    for (uint32_t i = 0; i < s.object_count; i++) {
        char sql[160];
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM object_row WHERE addr = %lld AND type = %u AND flags = %u",
                 (long long)s.objects[i].addr, s.objects[i].type, s.objects[i].flags);
        assert_int_equal(capdb_int(db, sql, -1), 1);
    }
    assert_int_equal(s.object_count, count);
    capstate_free(&s);
    capdb_close(db);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_on_as_it_is),
        cmocka_unit_test(so_does_what_is_made_of_it),
        cmocka_unit_test(odd_types_are_recorded_as_they_are),
    };
    return cmocka_run_group_tests_name("capdb formats", tests, NULL, NULL);
}
