/* compact and cut: the smaller file says the same, proves it, and nothing is half done. */
#include "capdb/recorder.h"
#include "record/vocabulary.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SNAPSHOTS = 40, SEED = 4711, FIRST = 11, LAST = 29 };

static char *path;
static char out[256];
static char message[CAPDB_MESSAGE];

static void ignore_sentence(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence;
}

static void put_event(struct capdb *db, uint32_t seq)
{
    struct record event = {.kind = RECORD_EVENT};
    event.event = (struct record_event){.seq = seq, .kind = RECORD_EVENT_COPY, .slot = 0x1000100};
    assert_int_equal(capdb_put_events(db, &event, 1), ERR_OK);
}

static void set_rules(struct capdb *db, const char *domain)
{
    struct authority_rules rules = {0};
    assert_int_equal(authority_rules_add(&rules, "d0*", domain, false), ERR_OK);
    assert_int_equal(capdb_set_rules(db, &rules), ERR_OK);
    authority_rules_free(&rules);
}

/* Rules change and events come before, in and behind the range. */
static int setup(void **state)
{
    struct changing m;
    (void)state;
    path = temp_path();
    snprintf(out, sizeof(out), "%.200s-out", path);
    struct capdb *db = create(path);
    changing_init(&m, SEED);
    for (uint32_t i = 1; i <= SNAPSHOTS; i++) {
        if (i % 8 == 5)
            set_rules(db, i % 16 == 5 ? "zero" : "nought");
        if (i % 3 == 0)
            put_event(db, i);
        record_changing(db, &m, 1);
        if (i % 6 == 0)
            assert_int_equal(capdb_flush(db), ERR_OK);
    }
    capdb_close(db);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(out);
    temp_remove(path);
    return 0;
}

static off_t size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? st.st_size : -1;
}

static void ending_of(const char *file, struct capdb_ending *ending)
{
    struct capdb *db = open_db(file);
    assert_int_equal(capdb_ending(db, ending), ERR_OK);
    capdb_close(db);
}

/* --- compact --------------------------------------------------------------------------------- */

static void test_compact_keeps_all(void **state)
{
    struct capdb_ending before;
    struct capdb_ending after;
    (void)state;
    chmod(path, 0640);
    off_t size = size_of(path);
    ending_of(path, &before);
    assert_int_equal(capdb_compact(path, message), ERR_OK);
    ending_of(path, &after);
    assert_string_equal(before.hash, after.hash);
    assert_true(after.closed);
    assert_true(size_of(path) <= size);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_recorded(db, SEED, SNAPSHOTS);
    capdb_close(db);
}

/* What freed pages there are goes away. */
static void test_compact_gives_room_back(void **state)
{
    sqlite3 *sql;
    (void)state;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql,
                                  "INSERT INTO tail SELECT 1, 0, 0, zeroblob(16), zeroblob(0)"
                                  " FROM event, event AS b, cap_row LIMIT 20000;"
                                  "DELETE FROM tail",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(sql);
    off_t size = size_of(path);
    assert_int_equal(capdb_compact(path, message), ERR_OK);
    assert_true(size_of(path) < size * 3 / 4);
}

/* A recorder that was killed left a tail and a -wal: both are in the new file, and it goes on. */
static void test_compact_after_a_kill(void **state)
{
    (void)state;
    char *copy = temp_path();
    char beside[2][256];
    struct capdb *db = resume_db(path);
    struct changing m;
    changing_init(&m, SEED + 1);
    record_changing(db, &m, 3);
    for (int i = 0; i < 2; i++) { /* as the kill leaves them: while the recorder has them open */
        size_t size;
        snprintf(beside[0], sizeof(beside[0]), "%.200s%s", path, i ? "-wal" : "");
        snprintf(beside[1], sizeof(beside[1]), "%.200s%s", copy, i ? "-wal" : "");
        char *bytes = read_file(beside[0], &size);
        write_file(beside[1], bytes, size);
        free(bytes);
    }
    capdb_close(db);
    assert_int_equal(capdb_compact(copy, message), ERR_OK);
    assert_int_equal(size_of(beside[1]), -1);
    db = open_db(copy);
    assert_int_equal(capdb_count(db), SNAPSHOTS + 3);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM main.tail", -1), 0);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(copy);
}

static void test_compact_refuses_a_recorder(void **state)
{
    (void)state;
    struct capdb *db = resume_db(path);
    assert_int_equal(capdb_compact(path, message), ERR_REFUSED);
    assert_non_null(strstr(message, "is being recorded"));
    capdb_close(db);
}

/* Damage is not made to look whole, and the file stays as it was. */
static void test_compact_refuses_damage(void **state)
{
    sqlite3 *sql;
    size_t before;
    size_t after;
    (void)state;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    sqlite3_exec(
        sql,
        "UPDATE cap_word SET rights = rights + 1 WHERE id = (SELECT word FROM cap_version WHERE row = 5)",
        NULL, NULL, NULL);
    sqlite3_close(sql);
    char *a = read_file(path, &before);
    assert_int_equal(capdb_compact(path, message), ERR_CORRUPT);
    char *b = read_file(path, &after);
    assert_int_equal(before, after);
    assert_memory_equal(a, b, before);
    free(a);
    free(b);
}

/* --- cut ------------------------------------------------------------------------------------- */

static enum error cut(uint32_t first, uint32_t last)
{
    struct capdb *db = open_db(path);
    enum error e = capdb_cut(db, first, last, out, message);
    capdb_close(db);
    return e;
}

/* The same question asked of the original, shifted to the range, and of the cut. */
static void assert_same_answer(struct capdb *a, struct capdb *b, const char *sql_a,
                               const char *sql_b)
{
    char *table_a;
    char *table_b;
    assert_int_equal(capdb_ask(a, sql_a, 1000000, &table_a), ERR_OK);
    assert_int_equal(capdb_ask(b, sql_b, 1000000, &table_b), ERR_OK);
    assert_string_equal(table_a, table_b);
    free(table_a);
    free(table_b);
}

static void assert_same_states(struct capdb *a, struct capdb *b)
{
    for (uint32_t n = FIRST; n <= LAST; n++) {
        struct capstate then;
        struct capstate now;
        assert_int_equal(capdb_load(a, n, &then), ERR_OK);
        assert_int_equal(capdb_load(b, n - FIRST + 1, &now), ERR_OK);
        state_assert_same(&then, &now);
        capstate_free(&then);
        capstate_free(&now);
    }
}

static void test_cut_says_the_same(void **state)
{
    (void)state;
    assert_int_equal(cut(FIRST, LAST), ERR_OK);
    struct capdb *a = open_db(path);
    struct capdb *b = open_db(out);
    assert_int_equal(capdb_count(b), LAST - FIRST + 1);
    assert_int_equal(capdb_verify(b, report_failure, NULL), ERR_OK);
    assert_same_states(a, b);
    assert_same_answer(a, b,
                       "SELECT n - 10 AS n, cap, parent, slot, domain, rights FROM caps"
                       " WHERE n BETWEEN 11 AND 29 ORDER BY 1, 2",
                       "SELECT n, cap, parent, slot, domain, rights FROM caps ORDER BY 1, 2");
    assert_same_answer(a, b,
                       "SELECT n - 10 AS n, seq, slot FROM events WHERE n BETWEEN 12 AND 29"
                       " ORDER BY seq",
                       "SELECT n, seq, slot FROM events ORDER BY seq");
    for (uint32_t n = FIRST; n <= LAST; n++) {
        struct authority_rules then;
        struct authority_rules now;
        assert_int_equal(capdb_get_rules(a, n, &then), ERR_OK);
        assert_int_equal(capdb_get_rules(b, n - FIRST + 1, &now), ERR_OK);
        assert_true(authority_rules_equal(&then, &now));
        authority_rules_free(&then);
        authority_rules_free(&now);
    }
    capdb_close(a);
    capdb_close(b);
    assert_true(size_of(out) < size_of(path));
}

static void test_cut_tells_its_origin(void **state)
{
    struct capdb_ending ending;
    char *table;
    (void)state;
    ending_of(path, &ending);
    assert_int_equal(cut(FIRST, LAST), ERR_OK);
    struct capdb *db = open_db(out);
    assert_int_equal(capdb_ask(db, "SELECT value FROM meta WHERE key = 'cut'", 1, &table), ERR_OK);
    assert_non_null(strstr(table, "snapshots 11 to 29 of the 40 of run.capdb"));
    assert_non_null(strstr(table, ending.hash));
    free(table);
    capdb_close(db);
}

/* Altering that is noticed as any other alteration. */
static void test_cut_origin_is_hashed(void **state)
{
    sqlite3 *sql;
    (void)state;
    assert_int_equal(cut(FIRST, LAST), ERR_OK);
    assert_int_equal(sqlite3_open(out, &sql), SQLITE_OK);
    sqlite3_exec(sql, "UPDATE meta SET value = 'everything' WHERE key = 'cut'", NULL, NULL, NULL);
    sqlite3_close(sql);
    struct capdb *db = open_db(out);
    assert_int_equal(capdb_verify_chain(db, ignore_sentence, NULL), ERR_CORRUPT);
    capdb_close(db);
}

static void test_cut_goes_on(void **state)
{
    struct changing m;
    (void)state;
    assert_int_equal(cut(FIRST, LAST), ERR_OK);
    struct capdb *db = resume_db(out);
    changing_init(&m, SEED);
    record_changing(db, &m, 5);
    capdb_close(db);
    db = open_db(out);
    assert_int_equal(capdb_count(db), LAST - FIRST + 6);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
}

static void test_cut_of_one_and_of_all(void **state)
{
    (void)state;
    const uint32_t ranges[][2] = {{1, 1}, {SNAPSHOTS, SNAPSHOTS}, {1, SNAPSHOTS}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cut(ranges[i][0], ranges[i][1]), ERR_OK);
        struct capdb *db = open_db(out);
        assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
        capdb_close(db);
        unlink(out);
    }
}

/* A sentence, and no file. */
static void test_cut_refuses(void **state)
{
    (void)state;
    assert_int_equal(cut(7, 6), ERR_REFUSED);
    assert_non_null(strstr(message, "ends before it begins"));
    assert_int_equal(cut(7, SNAPSHOTS + 1), ERR_NOT_FOUND);
    assert_int_equal(size_of(out), -1);
    write_file(out, "mine", 4);
    assert_int_equal(cut(7, 8), ERR_REFUSED);
    assert_int_equal(size_of(out), 4);
}

/* A cut has a chain of its own, so one of a forged recording would hide the forgery. */
static void test_cut_refuses_damage(void **state)
{
    sqlite3 *sql;
    (void)state;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    sqlite3_exec(
        sql,
        "UPDATE cap_word SET rights = rights + 1 WHERE id = (SELECT word FROM cap_version WHERE row = 5)",
        NULL, NULL, NULL);
    sqlite3_close(sql);
    assert_int_equal(cut(FIRST, LAST), ERR_CORRUPT);
    assert_int_equal(size_of(out), -1);
}

static void run_sql(const char *text)
{
    sqlite3 *sql;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
}

/* Nothing where 0 was hashes as before, and a cut would store another number in its place. */
static void test_cut_refuses_what_is_no_number(void **state)
{
    (void)state;
    run_sql(
        "PRAGMA writable_schema=ON;"
        "CREATE TABLE kept AS SELECT sql FROM sqlite_schema WHERE name = 'cap_word';"
        "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'cap_word';");
    run_sql("PRAGMA writable_schema=ON; UPDATE cap_word SET rights = NULL WHERE rights = 0;"
            "UPDATE sqlite_schema SET sql = (SELECT sql FROM kept) WHERE name = 'cap_word';"
            "DROP TABLE kept");
    assert_int_equal(cut(FIRST, LAST), ERR_CORRUPT);
    assert_int_equal(size_of(out), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_compact_keeps_all),
        TEST(test_compact_gives_room_back),
        TEST(test_compact_after_a_kill),
        TEST(test_compact_refuses_a_recorder),
        TEST(test_compact_refuses_damage),
        TEST(test_cut_says_the_same),
        TEST(test_cut_tells_its_origin),
        TEST(test_cut_origin_is_hashed),
        TEST(test_cut_goes_on),
        TEST(test_cut_of_one_and_of_all),
        TEST(test_cut_refuses),
        TEST(test_cut_refuses_damage),
        TEST(test_cut_refuses_what_is_no_number),
    };
    return cmocka_run_group_tests_name("capdb smaller", tests, NULL, NULL);
}
