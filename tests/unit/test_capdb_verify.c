/* verify against damage: bits that flip anywhere in the file, and alterations by hand that SQLite
 * itself finds nothing wrong with.  Each is found, or every answer is as it was. */
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
#include <unistd.h>

#include <cmocka.h>

enum { SNAPSHOTS = 12, SEED = 77, FLIPS = 200 };

static char *path;
static char *good; /* the bytes of the recording */
static size_t size;
static uint64_t answers; /* of the recording */

static void ignore_fault(void *ctx, const char *sentence)
{
    (void)sentence;
    ++*(uint32_t *)ctx;
}

static void put_some_events(struct capdb *db, uint32_t first)
{
    struct record events[4];
    for (uint32_t i = 0; i < 3; i++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = (struct record_event){
            .seq = first + i, .kind = RECORD_EVENT_COPY, .slot = 0x1000100 + 16 * i, .object = 7};
    }
    events[3] = (struct record){.kind = RECORD_GAP, .gap = {first + 3, 2}};
    assert_int_equal(capdb_put_events(db, events, 4), ERR_OK);
}

/* Everything that a recording can hold. */
static int setup_recording(void **state)
{
    struct changing m;
    struct authority_rules rules = {0};
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, SEED);
    record_changing(db, &m, 3);
    assert_int_equal(authority_rules_add(&rules, "d0*", "zero", false), ERR_OK);
    assert_int_equal(capdb_set_rules(db, &rules), ERR_OK);
    authority_rules_free(&rules);
    for (uint32_t i = 3; i < SNAPSHOTS; i++) {
        put_some_events(db, i * 100);
        record_changing(db, &m, 1);
    }
    capdb_close(db);
    good = read_file(path, &size);
    return 0;
}

static int drop_recording(void **state)
{
    (void)state;
    free(good);
    temp_remove(path);
    return 0;
}

/* --- all answers ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        h = (h ^ at[i]) * 0x100000001b3u;
    return (h ^ n) * 0x100000001b3u;
}

static uint64_t answer_of(struct capdb *db, const char *sql)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    uint64_t h = 0xcbf29ce484222325u;
    while (capdb_step(db, st, "asking", &e))
        for (int c = 0; c < sqlite3_column_count(st); c++)
            h = mix(h, capdb_column_text(st, c), strlen(capdb_column_text(st, c)));
    sqlite3_finalize(st);
    assert_int_equal(e, ERR_OK);
    return h;
}

static const char *const questions[] = {
    "SELECT * FROM snapshots ORDER BY n",
    "SELECT * FROM caps ORDER BY n, pos",
    "SELECT * FROM objects ORDER BY n, life",
    "SELECT * FROM threads ORDER BY n, addr",
    "SELECT * FROM domains ORDER BY n, domain",
    "SELECT * FROM endpoints ORDER BY n, addr",
    "SELECT * FROM notifications ORDER BY n, addr",
    "SELECT * FROM mappings ORDER BY n, dir, vaddr",
    "SELECT * FROM irqs ORDER BY n, irq",
    "SELECT * FROM findings ORDER BY n, rule, addr, other, value",
    "SELECT * FROM events ORDER BY n, seq",
    "SELECT * FROM revokes ORDER BY revoke",
    "SELECT * FROM word ORDER BY kind, value",
    "SELECT * FROM domain_rule ORDER BY id",
    "SELECT * FROM rule_set ORDER BY id",
    "SELECT * FROM source ORDER BY id",
    "SELECT * FROM meta ORDER BY key",
};

static uint64_t all_answers(struct capdb *db)
{
    uint64_t h = capdb_count(db);
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
        h = h * 31 + answer_of(db, questions[i]);
    for (uint32_t n = 1; n <= capdb_count(db); n++) {
        struct capstate s;
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        h = h * 31 + capdb_sum(&s, CAPDB_USER_VERSION);
        capstate_free(&s);
    }
    return h;
}

static void the_whole_recording_is_good(void **state)
{
    (void)state;
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    answers = all_answers(db);
    assert_int_equal(all_answers(db), answers);
    capdb_close(db);
}

/* --- bits ------------------------------------------------------------------------------------ */

/* Is the damage told, by opening the file or by verify? Else every answer is as it was. */
static bool found_or_harmless(bool *harmless)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    uint32_t faults = 0;
    *harmless = false;
    if (capdb_open(path, &db, message) != ERR_OK)
        return message[0] != '\0';
    bool told = capdb_verify(db, ignore_fault, &faults) != ERR_OK || capdb_warning(db);
    if (!told)
        *harmless = all_answers(db) == answers;
    capdb_close(db);
    return told || *harmless;
}

/* VERIFY_FLIPS says how many; with it, both ends of each column are changed. */
static uint32_t flips(void)
{
    const char *text = getenv("VERIFY_FLIPS");
    return text ? (uint32_t)strtoul(text, NULL, 10) : (uint32_t)FLIPS;
}

static void flipped_bits_are_found_or_change_no_answer(void **state)
{
    struct changing dice = {.seed = 4711};
    uint32_t harmless = 0;
    (void)state;
    for (uint32_t i = 0; i < flips(); i++) {
        size_t at = (size_t)pick(&dice, (uint32_t)size);
        bool was_harmless;
        while (i % 2 && good[at] == 0) /* every other one where something stands */
            at = (size_t)pick(&dice, (uint32_t)size);
        good[at] ^= (char)(1 << i % 8);
        write_file(path, good, size);
        if (!found_or_harmless(&was_harmless))
            fail_msg("bit %u of byte %zu changes an answer and nobody says so", i % 8, at);
        good[at] ^= (char)(1 << i % 8);
        harmless += was_harmless;
    }
    write_file(path, good, size);
    fprintf(stderr, "# of %u flipped bits %u were found, %u changed no answer\n", flips(),
            flips() - harmless, harmless);
    assert_true(harmless < flips() * 3 / 4); /* most of a small file is empty */
}

/* --- hands ----------------------------------------------------------------------------------- */

static const char *const alterations[] = {
    /* domains and rules */
    "UPDATE domain SET name = 'trusted' WHERE id = 1",
    "UPDATE domain SET trusted = 1 - trusted WHERE id = 1",
    "UPDATE domain_rule SET pattern = 'd1*'",
    "UPDATE domain_rule SET trusted = 1",
    "UPDATE rule_set SET first = 1",
    "DELETE FROM domain_rule",
    "INSERT INTO rule_set VALUES (NULL, 1)",
    "INSERT INTO domain VALUES (NULL, 'new', 0)",
    /* identities and positions */
    "UPDATE cap_version SET life = -1 WHERE row = 5",
    "UPDATE cap_version SET life = 1 WHERE row = (SELECT max(row) FROM cap_version WHERE life < 0)",
    "UPDATE cap_version SET life = life + 1 WHERE row = 3",
    "UPDATE cap_version SET parent = 1 WHERE row = 5",
    "UPDATE cap_version SET pos = pos + 1 WHERE row = 4",
    "UPDATE cap_word SET domain = domain + 1 WHERE id = (SELECT word FROM cap_version WHERE row = 4)",
    "UPDATE cap_version SET word = word + 1 WHERE row = 1",
    "UPDATE cap_version SET data = data + 1 WHERE row = 4",
    "DELETE FROM cap_word WHERE id = 1",
    "INSERT INTO cap_word SELECT NULL, domain, type, rights, flags, extra, addr, bits FROM cap_word WHERE id = 1",
    "INSERT INTO cap_place VALUES (NULL, 16, 0, 0, 0, 0)",
    "DELETE FROM cap_place WHERE id = 2",
    "UPDATE cap_place SET slot = slot + 16 WHERE id = 2",
    "UPDATE cap_ended SET n = n + 1000 WHERE n = (SELECT max(n) FROM cap_ended)",
    "DELETE FROM cap_ended WHERE n = (SELECT min(n) FROM cap_ended)",
    "UPDATE cap_ended SET rows = CAST(x'01' || rows AS BLOB) WHERE n = (SELECT max(n) FROM cap_ended)",
    "UPDATE cap_place SET holder = 0 WHERE id = (SELECT place FROM cap_version WHERE row = 4)",
    "UPDATE cap_word SET rights = 15 WHERE id = (SELECT min(id) FROM cap_word WHERE rights = 3)",
    "UPDATE cap_version SET t0 = t0 + 1 WHERE row = 6",
    "UPDATE cap_version SET t1 = 2147483647 WHERE row = (SELECT min(row) FROM cap_version WHERE"
    " t1 < 2147483647)",
    "UPDATE cap_version SET t1 = 2147483646 WHERE row = (SELECT max(row) FROM cap_version WHERE"
    " t1 = 2147483647)",
    "UPDATE cap_version SET row = row + 100000 WHERE row = (SELECT max(row) FROM cap_row)",
    "DELETE FROM cap_version WHERE row = (SELECT max(row) FROM cap_row)",
    "CREATE TEMP TABLE more AS SELECT * FROM cap_version WHERE row = 5;"
    "UPDATE more SET row = row + 100000, pos = pos + 1, place = place + 1;"
    "INSERT INTO cap_version SELECT * FROM more",
    "UPDATE object_version SET row = row + 1000 WHERE row = (SELECT max(row) FROM object_version)",
    "UPDATE object_version SET type = type | 4 << 32 WHERE row = 2",
    /* the other versions */
    "UPDATE thread_row SET priority = priority + 1 WHERE row = 1",
    "UPDATE thread_row SET domain = domain + 1 WHERE row = 1",
    "UPDATE run_row SET pc = pc + 4 WHERE row = 1",
    "UPDATE endpoint_row SET waiters = waiters + 1 WHERE row = 1",
    "UPDATE notification_row SET word = word + 1 WHERE row = 1",
    "UPDATE mapping_row SET rights = 2 WHERE row = 1",
    "UPDATE irq_row SET slot = slot + 1 WHERE row = 1",
    "UPDATE finding_row SET rule = rule + 1 WHERE row = 1",
    "INSERT INTO tail SELECT 9, 0, 0, CAST(char(min(row)) AS BLOB), x'' FROM cap_row"
    " WHERE t1 > 12 AND row < 128",
    /* events and what stands between them */
    "UPDATE event SET detail = detail + 1 WHERE row = 2",
    "UPDATE event SET n = n + 1 WHERE row = 3",
    "UPDATE event SET kind = 3 WHERE kind = 0 AND row = (SELECT min(row) FROM event WHERE kind = "
    "0)",
    "UPDATE event SET detail = 0 WHERE row = (SELECT min(row) FROM event WHERE kind = 0)",
    "DELETE FROM event WHERE row = (SELECT min(row) FROM event WHERE kind = 0)",
    "DELETE FROM event WHERE row = (SELECT max(row) FROM event)",
    "INSERT INTO event SELECT row + 1000, n, seq + 50, time, kind, thread, slot, src, type, object,"
    " bits, rights, flags, data, extra, object2, detail FROM event WHERE row = 1",
    /* names and words */
    "UPDATE name SET text = 'guest/init' WHERE id = 1",
    "UPDATE name SET bytes = x'6162' WHERE id = 1",
    "UPDATE word SET text = 'frame' WHERE kind = 'cap' AND text = 'untyped'",
    "DELETE FROM word WHERE kind = 'event' AND text = 'gap'",
    "INSERT INTO word VALUES ('cap', 99, 'frame')",
    /* snapshots and what is said of them */
    "UPDATE snapshot SET time = time - 86400 WHERE n = 4",
    "UPDATE snapshot SET complete = 1 - complete WHERE n = 4",
    "UPDATE snapshot SET added = added + 1 WHERE n = 4",
    "UPDATE snapshot SET digest0 = digest0 + 1 WHERE n = 4",
    "UPDATE snapshot SET sum = sum + 1 WHERE n = 4",
    "UPDATE snapshot SET build = x'00' WHERE n = 4",
    "UPDATE snapshot SET ram_size = ram_size * 2 WHERE n = 4",
    "DELETE FROM snapshot WHERE n = (SELECT max(n) FROM snapshot)",
    "CREATE TEMP TABLE more AS SELECT * FROM snapshot ORDER BY n DESC LIMIT 1;"
    "UPDATE more SET n = n + 1; INSERT INTO snapshot SELECT * FROM more",
    "UPDATE meta SET value = 'monitor:unix:/elsewhere' WHERE key = 'target'",
    "UPDATE source SET target = 'elsewhere'",
    "UPDATE source SET machine = 'another'",
    /* schema and views */
    "DROP VIEW caps",
    "DROP VIEW findings; CREATE VIEW findings AS SELECT 1 AS n, 1 AS rule, 1 AS addr, 1 AS other,"
    " 1 AS value WHERE 0",
    "DROP INDEX cap_by_place",
    "CREATE INDEX mine ON cap_version (pos)",
    "CREATE TRIGGER t AFTER INSERT ON snapshot BEGIN DELETE FROM event; END",
    "DROP TABLE finding_row; CREATE VIEW finding_row AS SELECT 1 AS row, 1 AS t0, 2 AS t1, 1 AS "
    "rule,"
    " 1 AS addr, 1 AS other, 1 AS value",
    "ALTER TABLE irq_row ADD COLUMN more INTEGER",
    /* the ledger itself */
    "UPDATE ledger SET hash = zeroblob(32) WHERE entry = 3",
    "UPDATE ledger SET kind = 'events' WHERE entry = 2",
    "UPDATE ledger SET n = n + 1 WHERE entry = 2",
    "UPDATE ledger SET event = event + 1 WHERE entry = (SELECT max(entry) FROM ledger)",
    "UPDATE cap_word SET addr = -9223372036854775807 - 1 WHERE addr IS NULL",
    "UPDATE cap_word SET bits = -9223372036854775807 - 1 WHERE bits IS NULL",
    /* the highest number there is */
    "UPDATE ledger SET n = 9223372036854775807 WHERE entry = 1",
    "UPDATE cap_word SET id = 9223372036854775807 WHERE id = (SELECT max(id) FROM cap_word)",
    "UPDATE cap_place SET id = 9223372036854775807 WHERE id = (SELECT max(id) FROM cap_place)",
    "INSERT INTO tail VALUES (9, 0, 9223372036854775807, x'', zeroblob(34))",
    "DELETE FROM ledger WHERE entry = 3",
    "DELETE FROM ledger",
    "DELETE FROM ledger WHERE n = (SELECT max(n) FROM ledger)",
};

static void alter(const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    write_file(path, good, size);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
    size_t now;
    char *bytes = read_file(path, &now);
    if (now == size && memcmp(bytes, good, size) == 0)
        fail_msg("%s: alters nothing", sql);
    free(bytes);
}

static void alterations_by_hand_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(alterations) / sizeof(*alterations); i++) {
        char message[CAPDB_MESSAGE];
        struct capdb *db;
        uint32_t faults = 0;
        alter(alterations[i]);
        if (capdb_open(path, &db, message) != ERR_OK)
            continue; /* said already */
        if (capdb_verify(db, ignore_fault, &faults) == ERR_OK)
            fail_msg("not found: %s", alterations[i]);
        capdb_close(db);
    }
    write_file(path, good, size);
}

/* --- every column there is ------------------------------------------------------------------- */

struct sweep {
    uint32_t found, harmless, refused;
};

/* The first or the last cell of a column gets another value. false: the table has no row, or the
 * schema keeps it from being so. */
static bool change_cell(const char *table, const char *column, const char *which)
{
    sqlite3 *db;
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "UPDATE \"%s\" SET \"%s\" = CASE typeof(\"%s\") WHEN 'integer' THEN \"%s\" + 1"
             " WHEN 'real' THEN \"%s\" + 1 WHEN 'text' THEN \"%s\" || 'x'"
             " WHEN 'blob' THEN \"%s\" || x'01' ELSE 1 END"
             " WHERE rowid = (SELECT %s(rowid) FROM \"%s\")",
             table, column, column, column, column, column, column, which, table);
    write_file(path, good, size);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    bool done = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK && sqlite3_changes(db) == 1;
    sqlite3_close(db);
    return done;
}

static void sweep_column(struct sweep *s, const char *table, const char *column)
{
    static const char *const ends[] = {"min", "max"};
    for (int i = 0; i < (getenv("VERIFY_FLIPS") ? 2 : 1); i++) {
        bool harmless = false;
        if (!change_cell(table, column, ends[i]))
            s->refused++;
        else if (!found_or_harmless(&harmless))
            fail_msg("another value in %s.%s changes an answer and nobody says so", table, column);
        else if (harmless)
            s->harmless++;
        else
            s->found++;
    }
}

/* Whatever the schema becomes: a column that no hash covers shows here. */
static void another_value_in_any_column_is_found_or_changes_no_answer(void **state)
{
    struct sweep s = {0};
    sqlite3 *db;
    sqlite3_stmt *st;
    char *copy = temp_path();
    (void)state;
    write_file(copy, good, size);
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT t.name, c.name FROM sqlite_schema t,"
                                        " pragma_table_info(t.name) c WHERE t.type = 'table' AND"
                                        " t.name NOT LIKE 'sqlite_%'",
                                        -1, &st, NULL),
                     SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        sweep_column(&s, (const char *)sqlite3_column_text(st, 0),
                     (const char *)sqlite3_column_text(st, 1));
    sqlite3_finalize(st);
    sqlite3_close(db);
    temp_remove(copy);
    write_file(path, good, size);
    fprintf(stderr, "# of %u changed cells %u were found, %u changed no answer; %u refused\n",
            s.found + s.harmless, s.found, s.harmless, s.refused);
    assert_true(s.found > 100 && s.harmless < s.found);
}

/* Views of the file are for other programs: what capdb answers does not come from them. */
static void answers_do_not_come_from_the_views_of_the_file(void **state)
{
    (void)state;
    alter("DROP VIEW snapshots; CREATE VIEW snapshots AS SELECT 99 AS n; DROP VIEW revokes;"
          " UPDATE snapshot SET n = n");
    struct capdb *db = open_db(path);
    assert_int_equal(all_answers(db), answers);
    capdb_close(db);
    write_file(path, good, size);
}

/* A question of somebody else, and statements of ours. */
static void assert_answers(struct capdb *db)
{
    char *table;
    assert_int_equal(capdb_ask(db, "SELECT max(n) FROM snapshots", 1, &table), ERR_OK);
    assert_int_equal(atoi(strchr(table, '\n') + 1), capdb_count(db));
    free(table);
    assert_int_equal(all_answers(db), answers);
}

static void nor_from_tables_that_are_called_as_views(void **state)
{
    (void)state;
    alter("DROP VIEW snapshots; CREATE TABLE snapshots AS SELECT 99 AS n; DROP VIEW revokes;"
          " CREATE TABLE revokes AS SELECT 99 AS revoke");
    struct capdb *db = open_db(path);
    assert_int_equal(all_answers(db), answers);
    assert_answers(db);
    capdb_close(db);
    write_file(path, good, size);
}

/* cap_row, cap_of, cap_flat, cap_short and object_row stand for tables. */
enum { ROW_VIEWS = 5 };

static int64_t views_made(struct capdb *db)
{
    return capdb_int(db, "SELECT count(*) FROM temp.sqlite_schema WHERE type = 'view'", -1);
}

/* A transaction that is undone undoes them, and leaves nothing of the file in their places. */
static void views_are_made_when_one_is_named_and_made_again(void **state)
{
    struct capstate s;
    (void)state;
    alter("DROP VIEW snapshots; CREATE VIEW snapshots AS SELECT 99 AS n; DROP VIEW revokes");
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_load(db, 1, &s), ERR_OK);
    capstate_free(&s);
    assert_int_equal(views_made(db), ROW_VIEWS);
    assert_int_equal(capdb_hold(db), ERR_OK);
    assert_answers(db);
    assert_true(views_made(db) > 20);
    assert_int_equal(sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(views_made(db), ROW_VIEWS);
    assert_int_equal(all_answers(db), answers);
    assert_int_equal(capdb_release(db), ERR_OK);
    assert_int_equal(capdb_hold(db), ERR_OK);
    assert_answers(db);
    assert_int_equal(sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_answers(db);
    assert_int_equal(capdb_release(db), ERR_OK);
    capdb_close(db);
    write_file(path, good, size);
}

/* Who keeps views of their own in the file may ask for them; no statement of ours reads one. */
static void views_of_others_are_for_their_questions(void **state)
{
    char *table;
    sqlite3_stmt *st;
    (void)state;
    alter("CREATE VIEW mine AS SELECT count(*) AS number FROM snapshot");
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_ask(db, "SELECT number FROM mine", 1, &table), ERR_OK);
    assert_int_equal(atoi(strchr(table, '\n') + 1), capdb_count(db));
    free(table);
    assert_int_not_equal(capdb_prepare(db, "SELECT number FROM mine", &st), ERR_OK);
    assert_non_null(strstr(capdb_error(db), "mine"));
    assert_int_not_equal(capdb_ask(db, "SELECT number FROM nobodys", 1, &table), ERR_OK);
    assert_int_not_equal(capdb_prepare(db, "SELECT number FROM mine", &st), ERR_OK);
    capdb_close(db);
    write_file(path, good, size);
}

/* Not even what asks whether views are there. */
static void where_no_statement_can_be_prepared_that_is_said(void **state)
{
    sqlite3_stmt *st;
    (void)state;
    struct capdb *db = open_db(path);
    int depth = sqlite3_limit(db->sql, SQLITE_LIMIT_EXPR_DEPTH, 1);
    assert_int_not_equal(capdb_prepare(db, "SELECT n FROM snapshots WHERE n = 1", &st), ERR_OK);
    assert_non_null(strstr(capdb_error(db), "xpression"));
    sqlite3_limit(db->sql, SQLITE_LIMIT_EXPR_DEPTH, depth);
    assert_answers(db);
    capdb_close(db);
}

/* Nothing in a cell that has to hold something, though the schema says that it does. */
static void a_cell_without_its_value_is_damage(void **state)
{
    static const char hollow[] =
        "PRAGMA writable_schema=ON;"
        "CREATE TABLE kept AS SELECT sql FROM sqlite_schema WHERE name = 'domain_rule';"
        "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'domain_rule';";
    static const char refill[] =
        "PRAGMA writable_schema=ON; UPDATE domain_rule SET pattern = NULL, domain = NULL;"
        "UPDATE sqlite_schema SET sql = (SELECT sql FROM kept) WHERE name = 'domain_rule';"
        "DROP TABLE kept";
    struct authority_rules rules;
    (void)state;
    alter(hollow);
    sqlite3 *sql;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, refill, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_get_rules(db, 0, &rules), ERR_CORRUPT);
    assert_non_null(strstr(capdb_error(db), "domain rule is no text"));
    capdb_close(db);
    write_file(path, good, size);
}

static void a_recorder_without_numbers_does_not_go_on(void **state)
{
    char message[CAPDB_MESSAGE];
    const struct capdb_source source = {.target = "test"};
    struct capdb *db;
    (void)state;
    alter(
        "UPDATE irq_row SET row = 9223372036854775807 WHERE row = (SELECT max(row) FROM irq_row)");
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_CORRUPT);
    assert_non_null(strstr(message, "no number is left in irq_row"));
    write_file(path, good, size);
}

static void the_end_is_told(void **state)
{
    struct capdb_ending ending;
    char closed[65];
    (void)state;
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_ending(db, &ending), ERR_OK);
    assert_true(ending.closed);
    memcpy(closed, ending.hash, sizeof(closed));
    capdb_close(db);
    /* cut off clean, so that the rest verifies: the hash is another, and nobody closed it */
    alter("DELETE FROM ledger WHERE kind = 'closed'");
    db = open_db(path);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_int_equal(capdb_ending(db, &ending), ERR_OK);
    assert_false(ending.closed);
    assert_string_not_equal(ending.hash, closed);
    capdb_close(db);
    write_file(path, good, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_recording_is_good),
        cmocka_unit_test(flipped_bits_are_found_or_change_no_answer),
        cmocka_unit_test(alterations_by_hand_are_found),
        cmocka_unit_test(another_value_in_any_column_is_found_or_changes_no_answer),
        cmocka_unit_test(answers_do_not_come_from_the_views_of_the_file),
        cmocka_unit_test(nor_from_tables_that_are_called_as_views),
        cmocka_unit_test(views_are_made_when_one_is_named_and_made_again),
        cmocka_unit_test(views_of_others_are_for_their_questions),
        cmocka_unit_test(where_no_statement_can_be_prepared_that_is_said),
        cmocka_unit_test(a_cell_without_its_value_is_damage),
        cmocka_unit_test(a_recorder_without_numbers_does_not_go_on),
        cmocka_unit_test(the_end_is_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup_recording, drop_recording);
}
