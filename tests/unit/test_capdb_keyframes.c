/* Keyframes: one snapshot of a long recording is read without its whole history, and is the same one,
 * also beside a recorder, from a file of before, from a cut and after damage. */
#include "capdb/keyframe.h"
#include "capdb/recorder.h"
#include "capdb/runs.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* So many that several kinds have several, and the rest makes no new one of capabilities. */
enum { SEED = 9, SNAPSHOTS = 2400, LATER = 40, LOOKS = 30 };

static char *path;
static char *good; /* the bytes of the recording */
static size_t size;

static void merge_at(struct capdb *db, uint32_t i)
{
    if (i % 50 == 0)
        assert_int_equal(capdb_flush(db), ERR_OK);
}

static void record_to(struct capdb *db, struct changing *m, uint32_t count)
{
    for (uint32_t i = capdb_count(db); i < count; i++) {
        record_changing(db, m, 1);
        merge_at(db, i);
    }
}

static int setup_recording(void **state)
{
    struct changing m;
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, SEED);
    record_to(db, &m, SNAPSHOTS);
    capdb_close(db);
    good = read_file(path, &size);
    return 0;
}

static int teardown_recording(void **state)
{
    (void)state;
    free(good);
    temp_remove(path);
    return 0;
}

static int put_back(void **state)
{
    (void)state;
    write_file(path, good, size);
    return 0;
}

static void alter(const char *sql)
{
    sqlite3 *raw;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    if (sqlite3_exec(raw, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(raw);
}

/* Some of the snapshots up to `count`, and the last. */
static void assert_some_recorded(struct capdb *db, uint32_t count)
{
    struct changing m;
    changing_init(&m, SEED);
    for (uint32_t n = 1; n <= count; n++) {
        struct capstate expected;
        struct capstate got;
        changing_step(&m);
        if (n % (count / LOOKS) != 0 && n != count)
            continue;
        changing_state(&m, &expected);
        if (capdb_load(db, n, &got) != ERR_OK)
            fail_msg("snapshot %u: %s", n, capdb_error(db));
        state_assert_same(&expected, &got);
        capstate_free(&expected);
        capstate_free(&got);
    }
}

static void assert_good(uint32_t count)
{
    struct capdb *db = open_db(path);
    assert_some_recorded(db, count);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
}

static int64_t keyframes_of(struct capdb *db, enum row_kind kind)
{
    char sql[80];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM keyframe WHERE kind = %d", (int)kind);
    return capdb_int(db, sql, -1);
}

/* --- the rows that are looked at ---------------------------------------------------------------- */

static void a_snapshot_is_found_among_few_rows(void **state)
{
    (void)state;
    assert_good(SNAPSHOTS);
    struct capdb *db = open_db(path);
    assert_true(keyframes_of(db, ROW_CAP) >= 2);
    assert_true(keyframes_of(db, ROW_MAPPING) >= 1);
    int64_t all = capdb_int(db, "SELECT count(*) FROM cap_row", 0);
    uint32_t listed = 0;
    for (uint32_t n = 1; n <= SNAPSHOTS; n += 10) {
        struct held held;
        assert_int_equal(held_rows(db, ROW_CAP, false, n, &held), ERR_OK);
        listed += held.listed;
        /* those of the keyframe, and what began since */
        if (held.listed)
            assert_in_range(held.rows.count, 1, MODEL_SLOTS + 1000 + 1000);
        assert_true(held.last <= all);
        held_free(&held);
    }
    assert_true(listed > SNAPSHOTS / 10 / 8);
    capdb_close(db);
}

/* The rows are the same without: neither one too many nor one too few, of any kind. */
static void rows_are_those_of_the_whole_table(void **state)
{
    (void)state;
    struct capdb *with = open_db(path);
    struct capdb *without = open_db(path);
    without->keyframes = false;
    for (uint32_t n = 7; n <= SNAPSHOTS; n += 97)
        for (int kind = 0; kind < ROW_KINDS; kind++) {
            struct rowset a;
            struct rowset b;
            assert_int_equal(capdb_rows_at(with, (enum row_kind)kind, n, &a), ERR_OK);
            assert_int_equal(capdb_rows_at(without, (enum row_kind)kind, n, &b), ERR_OK);
            assert_int_equal(a.count, b.count);
            for (uint32_t i = 0; i < a.count; i++)
                assert_int_equal(a.rows[i].row, b.rows[i].row);
            rowset_free(&a);
            rowset_free(&b);
        }
    capdb_close(with);
    capdb_close(without);
}

/* --- other files -------------------------------------------------------------------------------- */

static void continue_to(uint32_t count)
{
    struct changing m;
    struct capdb *db = resume_db(path);
    changing_init(&m, SEED);
    for (uint32_t i = 0; i < capdb_count(db); i++)
        changing_step(&m);
    record_to(db, &m, count);
    capdb_close(db);
}

/* Its schema is part of what was recorded, and stays. */
static void a_file_of_before_is_read_and_continued(void **state)
{
    struct capstate s;
    uint32_t n;
    const struct capdb_source source = {.target = "test", .same_machine = true};
    char message[CAPDB_MESSAGE];
    char *old = temp_path();
    struct capdb *db;
    (void)state;
    unpack_recording("why-a64", old);
    if (capdb_resume(old, &source, &db, message) != ERR_OK)
        fail_msg("%s", message);
    assert_false(db->keyframes);
    assert_int_equal(capdb_load(db, 1, &s), ERR_OK);
    assert_int_equal(capdb_append_taking(db, &s, 1, &n), ERR_OK);
    capdb_close(db);
    db = open_db(old);
    assert_false(db->keyframes);
    assert_int_equal(capdb_count(db), n);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(old);
}

static void a_file_that_is_continued_goes_on_with_its_own(void **state)
{
    (void)state;
    struct capdb *db = open_db(path);
    int64_t before = keyframes_of(db, ROW_CAP);
    capdb_close(db);
    continue_to(SNAPSHOTS + LATER);
    assert_good(SNAPSHOTS + LATER);
    db = open_db(path);
    assert_in_range(keyframes_of(db, ROW_CAP), before, before + 1);
    capdb_close(db);
}

/* What is not merged yet lies over them. */
static void beside_a_recorder_it_is_the_same(void **state)
{
    struct changing m;
    (void)state;
    struct capdb *db = resume_db(path);
    changing_init(&m, SEED);
    for (uint32_t i = 0; i < SNAPSHOTS; i++)
        changing_step(&m);
    record_changing(db, &m, LATER);
    assert_true(capdb_int(db, "SELECT count(*) FROM tail", 0) > 0);
    struct capdb *reader = open_db(path);
    assert_some_recorded(reader, SNAPSHOTS + LATER);
    capdb_close(reader);
    capdb_close(db);
}

static void a_cut_has_its_own(void **state)
{
    enum { FIRST = 100 };
    char message[CAPDB_MESSAGE];
    char *out = temp_path();
    (void)state;
    struct capdb *db = open_db(path);
    if (capdb_cut(db, FIRST, SNAPSHOTS, out, message) != ERR_OK)
        fail_msg("%s", message);
    struct capdb *cut = open_db(out);
    assert_true(keyframes_of(cut, ROW_CAP) >= 1);
    assert_int_equal(capdb_verify(cut, report_failure, NULL), ERR_OK);
    for (uint32_t n = FIRST; n <= SNAPSHOTS; n += 400) {
        struct capstate a;
        struct capstate b;
        assert_int_equal(capdb_load(db, n, &a), ERR_OK);
        assert_int_equal(capdb_load(cut, n - FIRST + 1, &b), ERR_OK);
        assert_int_equal(a.slot_count, b.slot_count);
        capstate_free(&a);
        capstate_free(&b);
    }
    capdb_close(cut);
    capdb_close(db);
    temp_remove(out);
}

/* --- damage ------------------------------------------------------------------------------------- */

static void count_fault(void *ctx, const char *sentence)
{
    (void)sentence;
    ++*(uint32_t *)ctx;
}

static void assert_found(const char *sql)
{
    uint32_t faults = 0;
    alter(sql);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_verify(db, count_fault, &faults), ERR_CORRUPT);
    if (faults == 0)
        fail_msg("not found: %s", sql);
    capdb_close(db);
    put_back(NULL);
}

/* One that has a keyframe and is read by it. */
static uint32_t a_listed_snapshot(void)
{
    struct held held;
    struct capdb *db = open_db(path);
    uint32_t n = (uint32_t)capdb_int(db, "SELECT max(n) FROM keyframe WHERE kind = 0", 0);
    assert_int_equal(held_rows(db, ROW_CAP, false, n, &held), ERR_OK);
    assert_true(held.listed);
    held_free(&held);
    capdb_close(db);
    return n;
}

/* Of a row that is missing a snapshot says that it is damaged. */
static void a_keyframe_that_lies_is_found(void **state)
{
    struct capstate s;
    (void)state;
    assert_found("UPDATE keyframe SET last = last + 1 WHERE kind = 0 AND n = (SELECT max(n) FROM"
                 " keyframe WHERE kind = 0)");
    assert_found("UPDATE keyframe SET n = n + 5 WHERE kind = 0 AND n = (SELECT max(n) FROM keyframe"
                 " WHERE kind = 0)");
    assert_found("UPDATE keyframe SET rows = substr(rows, 1, length(rows) - 2) WHERE kind = 0");
    assert_found("INSERT INTO run_begin VALUES (7)");
    assert_found("INSERT INTO keyframe VALUES (2, 1000000000, 1, x'01')");
    assert_found("INSERT INTO keyframe VALUES (77, 3, 1, x'01')");
    assert_found("DELETE FROM run_begin");
    assert_found("UPDATE mapping_row SET row = -9223372036854775807 - 1 WHERE row ="
                 " (SELECT row FROM mapping_row, (SELECT min(n) AS n FROM keyframe WHERE kind = 6)"
                 " WHERE t0 <= n AND t1 > n LIMIT 1)");
    const uint32_t n = a_listed_snapshot();
    alter("UPDATE keyframe SET rows = substr(rows, 1, length(rows) / 2) WHERE kind = 0");
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_load(db, n, &s), ERR_CORRUPT);
    capdb_close(db);
}

/* What is written next follows from the last snapshot: no recorder believes a keyframe. */
static void a_recorder_reads_the_tables_alone(void **state)
{
    struct rowset rows;
    (void)state;
    alter("UPDATE keyframe SET rows = substr(rows, 1, length(rows) / 2)");
    alter("UPDATE keyframe SET last = (SELECT max(row) FROM mapping_row) WHERE kind = 6");
    continue_to(SNAPSHOTS + LATER);
    alter("DELETE FROM keyframe");
    assert_good(SNAPSHOTS + LATER);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_rows_at(db, ROW_MAPPING, SNAPSHOTS + LATER, &rows), ERR_OK);
    rowset_free(&rows);
    capdb_close(db);
}

/* And it goes on from nothing else than what was recorded. */
static void a_recorder_refuses_another_last_snapshot(void **state)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    (void)state;
    alter("UPDATE cap_word SET rights = rights + 1 WHERE id = (SELECT word FROM cap_version WHERE"
          " t1 = 2147483647 ORDER BY row DESC LIMIT 1)");
    assert_int_equal(capdb_resume(path, &(struct capdb_source){.target = "test"}, &db, message),
                     ERR_CORRUPT);
    assert_non_null(strstr(message, "is not what was recorded"));
}

/* Rows with numbers that no file of this size can have. */
static void numbers_of_rows_take_no_memory(void **state)
{
    struct rowset rows;
    (void)state;
    alter("UPDATE mapping_row SET row = 1 << 61 WHERE row = (SELECT max(row) FROM mapping_row);"
          "DELETE FROM keyframe WHERE kind = 6;"
          "INSERT INTO keyframe VALUES (6, 2, (1 << 61) - (1 << 40), x'')");
    struct capdb *db = open_db(path);
    struct held held;
    assert_int_equal(held_rows(db, ROW_MAPPING, false, SNAPSHOTS, &held), ERR_OK);
    assert_false(held.listed);
    held_free(&held);
    assert_int_equal(capdb_rows_at(db, ROW_MAPPING, SNAPSHOTS, &rows), ERR_OK);
    rowset_free(&rows);
    capdb_close(db);
}

static void what_is_no_keyframe_is_refused(void **state)
{
    static const char *const altered[] = {
        "UPDATE keyframe SET rows = x'ffffffffffffffffffffff'",
        "UPDATE keyframe SET rows = x'0000'",
        "UPDATE keyframe SET rows = x'ffffffffffffffff7f01'",
        "UPDATE keyframe SET last = -1",
        "UPDATE keyframe SET last = 9223372036854775807",
    };
    const uint32_t n = a_listed_snapshot();
    (void)state;
    for (size_t i = 0; i < sizeof(altered) / sizeof(*altered); i++) {
        struct rowset rows;
        alter(altered[i]);
        struct capdb *db = open_db(path);
        enum error e = capdb_rows_at(db, ROW_CAP, n, &rows);
        if (e == ERR_OK)
            rowset_free(&rows);
        else
            assert_non_null(strstr(capdb_error(db), "keyframes make no sense"));
        assert_true(e == ERR_CORRUPT || strstr(altered[i], "9223372036854775807"));
        capdb_close(db);
        put_back(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_is_found_among_few_rows),
        cmocka_unit_test(rows_are_those_of_the_whole_table),
        cmocka_unit_test_teardown(a_file_of_before_is_read_and_continued, put_back),
        cmocka_unit_test_teardown(a_file_that_is_continued_goes_on_with_its_own, put_back),
        cmocka_unit_test_teardown(beside_a_recorder_it_is_the_same, put_back),
        cmocka_unit_test(a_cut_has_its_own),
        cmocka_unit_test_teardown(a_keyframe_that_lies_is_found, put_back),
        cmocka_unit_test_teardown(what_is_no_keyframe_is_refused, put_back),
        cmocka_unit_test_teardown(a_recorder_reads_the_tables_alone, put_back),
        cmocka_unit_test_teardown(a_recorder_refuses_another_last_snapshot, put_back),
        cmocka_unit_test_teardown(numbers_of_rows_take_no_memory, put_back),
    };
    return cmocka_run_group_tests(tests, setup_recording, teardown_recording);
}
