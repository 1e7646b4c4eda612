/* A recording as a file among other programs: one recorder, readers that change nothing, locks and
 * leftovers of others, copies that are not whole, the format of before. */
#include "capdb/lock.h"
#include "capdb/recorder.h"
#include "tests/sim/program.h"
#include "tests/unit/recordings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char message[CAPDB_MESSAGE];

static enum error try_resume(const char *path, const char *target, bool same_machine)
{
    struct capdb *db;
    const struct capdb_source source = {.target = target, .same_machine = same_machine};
    enum error e = capdb_resume(path, &source, &db, message);
    capdb_close(db);
    return e;
}

static void assert_says(const char *word)
{
    if (!strstr(message, word))
        fail_msg("wanted \"%s\" in: %s", word, message);
}

static void record_some(const char *path, uint32_t seed, uint32_t count)
{
    struct changing m;
    struct capdb *db = create(path);
    changing_init(&m, seed);
    record_changing(db, &m, count);
    capdb_close(db);
}

/* --- one recorder ---------------------------------------------------------------------------- */

static void a_second_recorder_is_refused_and_told_of_the_first(void **state)
{
    struct changing m;
    char *path = temp_path();
    char pid[64];
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 1);
    record_changing(db, &m, 5);
    assert_int_equal(try_resume(path, "test", false), ERR_REFUSED);
    assert_says("is being recorded by process");
    snprintf(pid, sizeof(pid), "process %ld, which records test", (long)getpid());
    assert_says(pid);
    record_changing(db, &m, 5);
    capdb_close(db);
    assert_int_equal(try_resume(path, "test", false), ERR_OK);
    db = open_db(path);
    assert_recorded(db, 1, 10);
    capdb_close(db);
    temp_remove(path);
}

static void a_recorder_in_another_process_is_told_of_too(void **state)
{
    int ends[2];
    char byte;
    char *path = temp_path();
    (void)state;
    record_some(path, 2, 3);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct capdb *db = resume_db(path);
        byte = (char)capdb_count(db);
        if (write(ends[1], &byte, 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(try_resume(path, "test", false), ERR_REFUSED);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(try_resume(path, "test", false), ERR_OK); /* the lock ended with it */
    close(ends[0]);
    close(ends[1]);
    temp_remove(path);
}

/* What is recorded from elsewhere is known once there is a snapshot of it. */
static void record_from(const char *path, const struct capdb_source *source)
{
    struct changing m;
    struct capdb *db;
    assert_int_equal(capdb_resume(path, source, &db, message), ERR_OK);
    changing_init(&m, 3);
    record_changing(db, &m, 1);
    capdb_close(db);
}

static void another_machine_is_refused_and_told_of_the_first(void **state)
{
    char *path = temp_path();
    (void)state;
    record_some(path, 3, 3);
    assert_int_equal(try_resume(path, "gdb:tcp:elsewhere:1234", false), ERR_REFUSED);
    assert_says("was recorded from test");
    assert_says("gdb:tcp:elsewhere:1234");
    record_from(path,
                &(struct capdb_source){.target = "gdb:tcp:elsewhere:1234", .same_machine = true});
    assert_int_equal(try_resume(path, "test", false), ERR_REFUSED); /* the door is the other now */
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(path);
}

static void the_same_process_behind_another_door_is_the_same_machine(void **state)
{
    char *path = temp_path();
    struct capdb_source source = {.target = "monitor:unix:/one", .machine = "process 7"};
    struct capdb *db;
    (void)state;
    assert_int_equal(capdb_create_from(path, &source, &db, message), ERR_OK);
    capdb_close(db);
    source.target = "gdb:unix:/two";
    record_from(path, &source);
    source = (struct capdb_source){.target = "gdb:unix:/three", .machine = "process 8"};
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_REFUSED);
    assert_says("/two");
    temp_remove(path);
}

/* Neither its ticks nor its events tell: it has run longer than the one before. */
static void nothing_lives_on_when_another_process_answers(void **state)
{
    static const char all_new[] = "SELECT sum(added = slots) FROM snapshot";
    struct changing m;
    struct capdb *db;
    char *path = temp_path();
    struct capdb_source source = {.target = "gdb:unix:/one", .machine = "process 7"};
    (void)state;
    changing_init(&m, 12);
    assert_int_equal(capdb_create_from(path, &source, &db, message), ERR_OK);
    record_changing(db, &m, 2);
    assert_int_equal(capdb_reached_again(db, &source), ERR_OK); /* it was the line alone */
    record_changing(db, &m, 1);
    assert_int_equal(capdb_int(db, all_new, 0), 1);
    source.machine = "process 8";
    assert_int_equal(capdb_reached_again(db, &source), ERR_OK);
    record_changing(db, &m, 2);
    assert_int_equal(capdb_int(db, all_new, 0), 2);
    capdb_close(db);
    source.machine = "process 9";
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_OK);
    record_changing(db, &m, 2);
    assert_int_equal(capdb_int(db, all_new, 0), 3);
    capdb_close(db);
    db = open_db(path);
    assert_recorded(db, 12, 7);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(path);
}

static void record_run(struct capdb *db, struct changing *m, uint32_t boot)
{
    struct capstate s;
    uint32_t n;
    changing_step(m);
    changing_state(m, &s);
    s.snapshot.boot = boot;
    s.snapshot.ticks = s.snapshot.seq = 100 * (capdb_count(db) + 1ull);
    assert_int_equal(capdb_append(db, &s, 1000, &n), ERR_OK);
    capstate_free(&s);
}

static const char runs_begin[] =
    "SELECT total(n << 8 * (SELECT count(*) FROM snapshot a WHERE a.n < s.n AND a.added = a.slots))"
    " FROM snapshot s WHERE added = slots"; /* numbers of those snapshots, a byte each */

/* The same process at the same door; its kernel says which boot this is. */
static void nothing_lives_on_through_a_reset(void **state)
{
    struct changing m;
    struct capdb *db, *copy;
    char *path = temp_path();
    const struct capdb_source source = {.target = "gdb:unix:/one", .machine = "process 7"};
    const struct capdb_source door = {.target = "monitor:unix:/two", .machine = "process 7"};
    (void)state;
    changing_init(&m, 13);
    assert_int_equal(capdb_create_from(path, &source, &db, message), ERR_OK);
    record_run(db, &m, 0x1111);
    record_run(db, &m, 0x1111);
    record_run(db, &m, 0x2222);
    capdb_close(db);
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_OK);
    record_run(db, &m, 0x2222);
    capdb_close(db);
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_OK);
    record_run(db, &m, 0x3333);
    capdb_close(db);
    assert_int_equal(capdb_resume(path, &door, &db, message), ERR_OK);
    record_run(db, &m, 0x3333);
    record_run(db, &m, 0); /* who does not know tells nothing */
    assert_int_equal(capdb_int(db, runs_begin, 0), 0x050301);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_int_equal(capdb_create(":memory:", "a copy", &copy, message), ERR_OK);
    assert_int_equal(capdb_tell_anew(db, copy, NULL), ERR_OK);
    assert_int_equal(capdb_int(copy, runs_begin, 0), 0x050301);
    capdb_close(copy);
    capdb_close(db);
    temp_remove(path);
}

static void a_reset_behind_a_door_without_a_process_is_seen(void **state)
{
    struct changing m;
    struct capdb *db;
    char *path = temp_path();
    const struct capdb_source source = {.target = "gdb:tcp:localhost:1", .machine = ""};
    (void)state;
    changing_init(&m, 14);
    assert_int_equal(capdb_create_from(path, &source, &db, message), ERR_OK);
    record_run(db, &m, 0x1111);
    capdb_close(db);
    assert_int_equal(capdb_resume(path, &source, &db, message), ERR_OK);
    record_run(db, &m, 0x1111);
    record_run(db, &m, 0x2222);
    assert_int_equal(capdb_int(db, runs_begin, 0), 0x0301);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM source WHERE machine = 'run 00002222'", 0),
                     1);
    capdb_close(db);
    temp_remove(path);
}

static void another_kernel_is_refused(void **state)
{
    struct changing m;
    struct capstate s;
    uint32_t n;
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 4);
    record_changing(db, &m, 3);
    changing_state(&m, &s);
    s.snapshot.build.bytes[0] = 'T';
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_REFUSED);
    assert_non_null(strstr(capdb_error(db), "is of the kernel test on kzm"));
    capstate_free(&s);
    record_changing(db, &m, 1);
    assert_int_equal(capdb_count(db), 4);
    capdb_close(db);
    temp_remove(path);
}

static const char all_rows[] =
    "SELECT (SELECT count(*) FROM main.source) || ' ' || (SELECT count(*) FROM main.rule_set) || ' ' ||"
    " (SELECT count(*) FROM main.event) || ' ' || (SELECT max(hash) FROM main.ledger"
    " WHERE entry = (SELECT max(entry) FROM main.ledger))";

static char *ends_with(const char *path)
{
    char *table = NULL;
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_ask(db, all_rows, 10, &table), ERR_OK);
    capdb_close(db);
    return table;
}

static void a_refused_recorder_leaves_nothing(void **state)
{
    struct changing m;
    struct capstate s;
    struct capdb *db;
    uint32_t n;
    char *path = temp_path();
    const struct capdb_source other = {
        .target = "another door", .machine = "process 9", .same_machine = true};
    (void)state;
    changing_init(&m, 4);
    record_some(path, 4, 3);
    char *before = ends_with(path);
    changing_state(&m, &s);
    s.snapshot.build.bytes[0] = 'T';
    s.snapshot.boot = 7;
    assert_int_equal(capdb_resume(path, &other, &db, message), ERR_OK);
    assert_int_equal(
        capdb_reached_again(db, &(struct capdb_source){"a door", "process 10", true, NULL}),
        ERR_OK);
    assert_int_equal(capdb_fits(db, &s), ERR_REFUSED);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_REFUSED);
    capdb_abandon(db);
    char *after = ends_with(path);
    assert_string_equal(before, after);
    free(after);

    /* one that is not has the source as it was last */
    assert_int_equal(capdb_resume(path, &other, &db, message), ERR_OK);
    assert_int_equal(
        capdb_reached_again(db, &(struct capdb_source){"a door", "process 10", true, NULL}),
        ERR_OK);
    s.snapshot.build.bytes[0] = 't';
    assert_int_equal(capdb_fits(db, &s), ERR_OK);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    assert_int_equal(capdb_int(db,
                               "SELECT count(*) FROM source WHERE first = 4 AND target = 'a door'"
                               " AND machine = 'process 10'",
                               0),
                     1);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    capstate_free(&s);
    free(before);
    temp_remove(path);
}

static void of_a_new_recording_that_is_refused_nothing_stays(void **state)
{
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    capdb_abandon(db);
    assert_int_equal(access(path, F_OK), -1);
    record_some(path, 4, 1);
    db = resume_db(path);
    capdb_abandon(db);
    db = open_db(path);
    assert_recorded(db, 4, 1);
    capdb_close(db);
    temp_remove(path);
}

/* --- one file, whatever it is called ---------------------------------------------------------- */

static char *beside(const char *path, const char *tail)
{
    char *out;
    assert_true(asprintf(&out, "%s%s", path, tail) > 0);
    return out;
}

static void a_link_is_the_recording_that_it_leads_to(void **state)
{
    struct changing m;
    char *path = temp_path();
    char *name = beside(path, "-link");
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 5);
    record_changing(db, &m, 5);
    assert_int_equal(symlink(path, name), 0);
    assert_int_equal(try_resume(name, "test", false), ERR_REFUSED);
    assert_says("which records test");
    struct capdb *reader = open_db(name);
    assert_null(capdb_warning(reader));
    assert_recorded(reader, 5, 5);
    capdb_close(reader);
    capdb_close(db);
    assert_int_equal(try_resume(name, "test", false), ERR_OK);
    unlink(name);
    free(name);
    temp_remove(path);
}

/* It is locked before there is anything in it. */
static void one_that_is_being_begun_is_told(void **state)
{
    char holder[LOCK_HOLDER];
    char *path = temp_path();
    struct capdb *db;
    int lock;
    (void)state;
    assert_int_equal(lock_take(path, "process 7, which records it", &lock, holder), ERR_OK);
    assert_int_equal(try_resume(path, "test", false), ERR_NOT_FOUND);
    write_file(path, "", 0);
    assert_int_equal(try_resume(path, "test", false), ERR_REFUSED);
    assert_says("is being recorded by process 7, which records it");
    assert_int_equal(capdb_create(path, "test", &db, message), ERR_REFUSED);
    assert_says("is being recorded by process 7, which records it");
    assert_int_equal(capdb_open(path, &db, message), ERR_FORMAT);
    assert_says("holds nothing yet: it is being recorded by process 7, which records it");
    lock_release(path, lock);
    assert_int_equal(try_resume(path, "test", false), ERR_FORMAT);
    assert_says("is empty");
    temp_remove(path);
}

static void a_second_name_of_the_file_lets_nobody_in(void **state)
{
    char *path = temp_path();
    char *name = beside(path, "-hard");
    (void)state;
    record_some(path, 6, 5);
    assert_int_equal(link(path, name), 0);
    struct capdb *db = resume_db(path);
    assert_int_equal(try_resume(name, "test", false), ERR_REFUSED);
    assert_says("by another name");
    capdb_close(db);
    assert_int_equal(try_resume(name, "test", false), ERR_OK);
    unlink(name);
    free(name);
    temp_remove(path);
}

static void a_removed_lock_lets_nobody_in(void **state)
{
    struct changing m;
    char *path = temp_path();
    char *lock = beside(path, "-lock");
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 7);
    record_changing(db, &m, 3);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(try_resume(path, "test", false), ERR_REFUSED);
    assert_says("whose -lock was removed");
    record_changing(db, &m, 2);
    capdb_close(db);
    db = open_db(path);
    assert_recorded(db, 7, 5);
    capdb_close(db);
    free(lock);
    temp_remove(path);
}

/* A reader that stays open, as the inspector does. */
static void another_recording_of_the_same_name_is_told(void **state)
{
    char *path = temp_path();
    char *other = beside(path, "-other");
    struct capstate s;
    (void)state;
    record_some(path, 13, 5);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_compact(path, message), ERR_OK);
    assert_recorded(db, 13, 5);
    struct changing m;
    struct capdb *more = resume_db(path);
    changing_init(&m, 14);
    record_changing(more, &m, 3);
    capdb_close(more);
    assert_int_equal(capdb_count(db), 8);
    record_some(other, 15, 20);
    assert_int_equal(rename(other, path), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(capdb_load(db, 3, &s), ERR_FORMAT);
        snprintf(message, sizeof(message), "%s", capdb_error(db));
        assert_says("another recording");
        assert_int_equal(capdb_count(db), 0);
    }
    capdb_close(db);
    db = open_db(path);
    assert_recorded(db, 15, 20);
    capdb_close(db);
    free(other);
    temp_remove(path);
}

static void keep_nothing(void *ctx, const struct record *r)
{
    (void)ctx, (void)r;
}

/* Each question says so, and none is answered from the other. */
static void assert_replaced(struct capdb *db)
{
    struct capstate s;
    struct capdb_snapshot info;
    struct capdb_owner owner;
    struct authority_rules rules;
    char *table;
    for (int i = 0; i < 6; i++) {
        enum error e = i == 0   ? capdb_load(db, 3, &s)
                       : i == 1 ? capdb_snapshot_info(db, 1, &info)
                       : i == 2 ? capdb_ask(db, "SELECT count(*) FROM snapshots", 10, &table)
                       : i == 3 ? capdb_get_rules(db, 0, &rules)
                       : i == 4 ? capdb_owner_at(db, 1, CNODE_BASE, &owner)
                                : capdb_get_events(db, 10, keep_nothing, NULL);
        snprintf(message, sizeof(message), "question %d: %d: %s", i, e, capdb_error(db));
        assert_says("is another recording now than the one that was opened");
        assert_says("open it anew");
        assert_int_equal(e, ERR_FORMAT);
        assert_int_equal(capdb_count(db), 0);
    }
}

/* The other is at rest when it is first looked at, or it is recorded. */
static void another_recording_of_the_same_name_keeps_being_told(void **state)
{
    (void)state;
    for (int recorded = 0; recorded < 2; recorded++) {
        char *path = temp_path();
        char *other = beside(path, "-other");
        struct capdb *more = NULL;
        record_some(path, 13, 5);
        struct capdb *db = open_db(path);
        record_some(other, 15, 20);
        assert_int_equal(rename(other, path), 0);
        if (recorded)
            more = resume_db(path);
        assert_replaced(db);
        if (!recorded)
            more = resume_db(path);
        struct changing m;
        changing_init(&m, 16);
        record_changing(more, &m, 2);
        assert_replaced(db);
        capdb_close(more);
        assert_replaced(db);
        assert_int_equal(unlink(path), 0);
        assert_replaced(db);
        capdb_close(db);
        free(other);
        temp_remove(path);
    }
}

/* --- a file that is taken away ---------------------------------------------------------------- */

static void rename_it(const char *path)
{
    char *other = beside(path, "-moved");
    assert_int_equal(rename(path, other), 0);
    free(other);
}

static void replace_it(const char *path)
{
    char *other = beside(path, "-other");
    write_file(other, "", 0);
    assert_int_equal(rename(other, path), 0);
    free(other);
}

static void remove_it(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void cut_it(const char *path)
{
    assert_int_equal(truncate(path, 8192), 0);
}

static void remove_wal(const char *path)
{
    char *wal = beside(path, "-wal");
    remove_it(wal);
    free(wal);
}

static void remove_shm(const char *path)
{
    char *shm = beside(path, "-shm");
    remove_it(shm);
    free(shm);
}

static void cut_shm_to(const char *path, off_t bytes)
{
    char *shm = beside(path, "-shm");
    assert_int_equal(truncate(shm, bytes), 0);
    free(shm);
}

static void cut_shm(const char *path)
{
    cut_shm_to(path, 0);
}

static void cut_half_of_shm(const char *path)
{
    cut_shm_to(path, 8192);
}

static void a_recorder_says_that_its_file_was_taken_away(void **state)
{
    static const struct {
        void (*take)(const char *path);
        const char *says;
        bool whole; /* what was recorded before is in the file of that name */
    } cases[] = {{rename_it, "moved", false},     {replace_it, "replaced", false},
                 {remove_it, "removed", false},   {cut_it, "cut off", false},
                 {remove_wal, "its -wal", true},  {remove_shm, "its -shm", true},
                 {cut_shm, "its -shm cut", true}, {cut_half_of_shm, "its -shm cut", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct changing m;
        struct capstate s;
        uint32_t n;
        char *path = temp_path();
        struct capdb *db = create(path);
        changing_init(&m, 8);
        record_changing(db, &m, 5);
        assert_int_equal(capdb_is_in_place(db), ERR_OK);
        cases[i].take(path);
        assert_int_equal(capdb_is_in_place(db), ERR_CLOSED);
        changing_state(&m, &s);
        assert_int_equal(capdb_append(db, &s, 1, &n), ERR_CLOSED);
        snprintf(message, sizeof(message), "%s", capdb_error(db));
        assert_says(cases[i].says);
        capstate_free(&s);
        capdb_close(db);
        if (cases[i].whole) {
            db = open_db(path);
            assert_recorded(db, 8, 5);
            capdb_close(db);
        }
        char *moved = beside(path, "-moved");
        unlink(moved);
        free(moved);
        temp_remove(path);
    }
}

static void a_recorder_says_that_somebody_wrote_over_its_file(void **state)
{
    struct changing m;
    char *path = temp_path();
    size_t size;
    (void)state;
    record_some(path, 9, 5);
    char *bytes = read_file(path, &size);
    struct capdb *db = resume_db(path);
    changing_init(&m, 10);
    record_changing(db, &m, 3);
    memset(bytes + 4096, 0x55, size - 4096);
    write_file(path, bytes, size);
    assert_int_equal(capdb_is_in_place(db), ERR_CORRUPT);
    capdb_close(db);
    free(bytes);
    temp_remove(path);
}

/* As a database browser does. */
static void a_merge_by_another_program_is_no_damage(void **state)
{
    struct changing m;
    sqlite3 *other;
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 11);
    record_changing(db, &m, 5);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(capdb_is_in_place(db), ERR_OK);
    record_changing(db, &m, 5);
    assert_int_equal(capdb_is_in_place(db), ERR_OK);
    capdb_close(db);
    db = open_db(path);
    assert_recorded(db, 11, 10);
    capdb_close(db);
    temp_remove(path);
}

/* --- readers change nothing ------------------------------------------------------------------ */

static const char *const tails[] = {"", "-wal", "-shm", "-journal", "-lock"};
enum { TAILS = sizeof(tails) / sizeof(*tails) };

struct folder {
    struct {
        bool there;
        struct stat st;
        char *bytes;
    } file[TAILS];
};

static void folder_take(const char *path, struct folder *f)
{
    memset(f, 0, sizeof(*f));
    for (int i = 0; i < TAILS; i++) {
        char name[128];
        size_t size;
        snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        f->file[i].there = stat(name, &f->file[i].st) == 0;
        if (f->file[i].there)
            f->file[i].bytes = read_file(name, &size);
    }
}

static void folder_assert_same(const struct folder *a, const struct folder *b)
{
    for (int i = 0; i < TAILS; i++) {
        assert_int_equal(a->file[i].there, b->file[i].there);
        if (!a->file[i].there)
            continue;
        assert_int_equal(a->file[i].st.st_size, b->file[i].st.st_size);
        if (a->file[i].st.st_mtim.tv_nsec != b->file[i].st.st_mtim.tv_nsec)
            fail_msg("RUN%s was written to", tails[i]);
        assert_memory_equal(a->file[i].bytes, b->file[i].bytes, (size_t)a->file[i].st.st_size);
    }
}

static void folder_free(struct folder *f)
{
    for (int i = 0; i < TAILS; i++)
        free(f->file[i].bytes);
}

static void child_records(const char *path, uint32_t seed, uint32_t count, int ready)
{
    struct changing m;
    struct capdb *db;
    char why[CAPDB_MESSAGE];
    char byte = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    changing_init(&m, seed);
    if (capdb_create(path, "test", &db, why) != ERR_OK)
        _exit(1);
    record_changing(db, &m, count);
    if (write(ready, &byte, 1) != 1)
        _exit(1);
    pause();
}

/* A recorder that has recorded `count` snapshots and lives on. */
static pid_t start_recorder(const char *path, uint32_t seed, uint32_t count)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        child_records(path, seed, count, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return child;
}

static void end_recorder(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void read_everything(const char *path, uint32_t seed, uint32_t count)
{
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_count(db), count);
    assert_recorded(db, seed, count);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
}

static void what_a_killed_recorder_left_is_read_and_not_touched(void **state)
{
    struct folder before;
    struct folder after;
    char *path = temp_path();
    (void)state;
    end_recorder(start_recorder(path, 5, 130)); /* a hundred are merged, thirty are in the tail */
    folder_take(path, &before);
    assert_true(before.file[1].there);
    read_everything(path, 5, 130);
    folder_take(path, &after);
    folder_assert_same(&before, &after);
    folder_free(&before);
    folder_free(&after);
    temp_remove(path);
}

static void beside_a_recorder_all_is_seen_and_nothing_touched(void **state)
{
    struct folder before;
    struct folder after;
    char *path = temp_path();
    (void)state;
    pid_t recorder = start_recorder(path, 6, 130);
    folder_take(path, &before);
    read_everything(path, 6, 130);
    folder_take(path, &after);
    folder_assert_same(&before, &after);
    end_recorder(recorder);
    folder_free(&before);
    folder_free(&after);
    temp_remove(path);
}

/* A question that it was asked meanwhile may have to be asked again. */
static void a_reader_goes_on_when_shm_is_cut_off(void **state)
{
    static const off_t left[] = {0, 8192};
    (void)state;
    for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
        char *path = temp_path();
        struct capstate s;
        pid_t recorder = start_recorder(path, 13, 40);
        struct capdb *db = open_db(path);
        assert_recorded(db, 13, 40);
        cut_shm_to(path, left[i]);
        enum error e = capdb_load(db, 40, &s);
        for (int tries = 0; e != ERR_OK && tries < 3; tries++)
            e = capdb_load(db, 40, &s);
        assert_int_equal(e, ERR_OK);
        capstate_free(&s);
        assert_recorded(db, 13, 40);
        capdb_close(db);
        end_recorder(recorder);
        read_everything(path, 13, 40);
        temp_remove(path);
    }
}

static void remove_beside(const char *path, const char *tail)
{
    char name[128];
    snprintf(name, sizeof(name), "%s%s", path, tail);
    assert_int_equal(unlink(name), 0);
}

static void a_copy_needs_no_shm(void **state)
{
    char *path = temp_path();
    (void)state;
    end_recorder(start_recorder(path, 7, 20));
    remove_beside(path, "-shm");
    read_everything(path, 7, 20);
    temp_remove(path);
}

static void a_copy_without_its_wal_says_so(void **state)
{
    char *path = temp_path();
    (void)state;
    end_recorder(start_recorder(path, 8, 120));
    remove_beside(path, "-wal");
    struct capdb *db;
    if (capdb_open(path, &db, message) == ERR_OK) {
        assert_non_null(capdb_warning(db));
        assert_non_null(strstr(capdb_warning(db), "-wal file is missing"));
        capdb_close(db);
    }
    assert_int_equal(try_resume(path, "test", false), ERR_FORMAT);
    assert_says("lacks its -wal file");
    temp_remove(path);
}

static void a_whole_file_warns_of_nothing(void **state)
{
    char *path = temp_path();
    (void)state;
    record_some(path, 9, 5);
    struct capdb *db = open_db(path);
    assert_null(capdb_warning(db));
    capdb_close(db);
    temp_remove(path);
}

/* Pages of another database, with checksums that hold. */
static void a_wal_of_somebody_else_is_no_part_of_it(void **state)
{
    char *path = temp_path();
    char *other = temp_path();
    char name[128];
    size_t size;
    (void)state;
    record_some(path, 10, 20);
    end_recorder(start_recorder(other, 11, 20));
    snprintf(name, sizeof(name), "%s-wal", other);
    char *bytes = read_file(name, &size);
    snprintf(name, sizeof(name), "%s-wal", path);
    write_file(name, bytes, size);
    free(bytes);
    read_everything(path, 10, 20);
    assert_int_equal(try_resume(path, "test", false), ERR_FORMAT);
    assert_says("not its own");
    remove_beside(path, "-wal");
    read_everything(path, 10, 20);
    temp_remove(path);
    temp_remove(other);
}

/* --- locks of others ------------------------------------------------------------------------- */

static sqlite3 *browse(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return db;
}

static void a_browser_that_writes_stops_no_reader(void **state)
{
    char *path = temp_path();
    (void)state;
    record_some(path, 12, 60);
    sqlite3 *browser = browse(path, "BEGIN EXCLUSIVE; UPDATE word SET text = 'x'");
    read_everything(path, 12, 60);
    /* more than its cache holds: pages of its transaction are in the file */
    assert_int_equal(sqlite3_exec(browser,
                                  "PRAGMA cache_size=1;"
                                  "UPDATE cap_word SET rights = rights + 16;"
                                  "UPDATE run_row SET pc = pc + 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    read_everything(path, 12, 60);
    sqlite3_close(browser); /* rolls back */
    read_everything(path, 12, 60);
    temp_remove(path);
}

static void a_browser_that_writes_loses_no_snapshot(void **state)
{
    struct changing m;
    struct capstate s;
    uint32_t n;
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 13);
    record_changing(db, &m, 10);
    sqlite3 *browser = browse(path, "BEGIN IMMEDIATE; UPDATE word SET text = text");
    struct capdb *reader = open_db(path);
    assert_recorded(reader, 13, 10);
    capdb_close(reader);
    changing_step(&m);
    changing_state(&m, &s);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_TIMEOUT);
    assert_non_null(strstr(capdb_error(db), "another program holds a lock"));
    sqlite3_close(browser);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    assert_int_equal(n, 11);
    capstate_free(&s);
    record_changing(db, &m, 10);
    capdb_close(db);
    read_everything(path, 13, 21);
    temp_remove(path);
}

static void a_file_that_changed_while_it_was_read_is_told(void **state)
{
    char *path = temp_path();
    (void)state;
    record_some(path, 14, 5);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_hold(db), ERR_OK);
    sqlite3_close(browse(path, "UPDATE snapshot SET time = 1"));
    assert_int_equal(capdb_release(db), ERR_TORN);
    assert_int_equal(capdb_hold(db), ERR_OK); /* and the next look is at the file as it is */
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM snapshot WHERE time = 1", 0), 5);
    assert_int_equal(capdb_release(db), ERR_OK);
    capdb_close(db);
    temp_remove(path);
}

/* --- format 1 -------------------------------------------------------------------------------- */

/* Unpacks a recording that is kept packed in tests/fixtures. */
static void unpack(const char *name, const char *path, const char *tail)
{
    char command[600];
    snprintf(command, sizeof(command), "gzip -dc %s/../../tests/fixtures/%s%s.gz >%s%s",
             program_folder(), name, tail, path, tail);
    assert_int_equal(system(command), 0);
}

static void a_recording_of_format_1_is_read(void **state)
{
    struct capstate s;
    char *path = temp_path();
    (void)state;
    unpack("format1.capdb", path, "");
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_count(db), 5);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_int_equal(capdb_load(db, 2, &s), ERR_OK);
    assert_int_equal(s.slot_count, 272);
    capstate_free(&s);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM caps WHERE n = 5", 0), 254);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM revokes", 0), 3);
    capdb_close(db);
    assert_int_equal(try_resume(path, "test", false), ERR_VERSION);
    assert_says("capdb upgrade");
    temp_remove(path);
}

static void what_a_killed_recorder_of_format_1_left_is_read(void **state)
{
    struct folder before;
    struct folder after;
    char *path = temp_path();
    (void)state;
    unpack("format1-killed.capdb", path, "");
    unpack("format1-killed.capdb", path, "-wal");
    folder_take(path, &before);
    struct capdb *db = open_db(path);
    assert_int_equal(capdb_count(db), 11);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM caps WHERE n = 11", 0), 268);
    capdb_close(db);
    folder_take(path, &after);
    folder_assert_same(&before, &after);
    folder_free(&before);
    folder_free(&after);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_recorder_is_refused_and_told_of_the_first),
        cmocka_unit_test(a_recorder_in_another_process_is_told_of_too),
        cmocka_unit_test(a_link_is_the_recording_that_it_leads_to),
        cmocka_unit_test(one_that_is_being_begun_is_told),
        cmocka_unit_test(a_second_name_of_the_file_lets_nobody_in),
        cmocka_unit_test(a_removed_lock_lets_nobody_in),
        cmocka_unit_test(another_recording_of_the_same_name_is_told),
        cmocka_unit_test(another_recording_of_the_same_name_keeps_being_told),
        cmocka_unit_test(a_recorder_says_that_its_file_was_taken_away),
        cmocka_unit_test(a_recorder_says_that_somebody_wrote_over_its_file),
        cmocka_unit_test(a_merge_by_another_program_is_no_damage),
        cmocka_unit_test(another_machine_is_refused_and_told_of_the_first),
        cmocka_unit_test(the_same_process_behind_another_door_is_the_same_machine),
        cmocka_unit_test(nothing_lives_on_when_another_process_answers),
        cmocka_unit_test(nothing_lives_on_through_a_reset),
        cmocka_unit_test(a_reset_behind_a_door_without_a_process_is_seen),
        cmocka_unit_test(a_refused_recorder_leaves_nothing),
        cmocka_unit_test(of_a_new_recording_that_is_refused_nothing_stays),
        cmocka_unit_test(another_kernel_is_refused),
        cmocka_unit_test(what_a_killed_recorder_left_is_read_and_not_touched),
        cmocka_unit_test(beside_a_recorder_all_is_seen_and_nothing_touched),
        cmocka_unit_test(a_reader_goes_on_when_shm_is_cut_off),
        cmocka_unit_test(a_copy_needs_no_shm),
        cmocka_unit_test(a_copy_without_its_wal_says_so),
        cmocka_unit_test(a_whole_file_warns_of_nothing),
        cmocka_unit_test(a_wal_of_somebody_else_is_no_part_of_it),
        cmocka_unit_test(a_browser_that_writes_stops_no_reader),
        cmocka_unit_test(a_browser_that_writes_loses_no_snapshot),
        cmocka_unit_test(a_file_that_changed_while_it_was_read_is_told),
        cmocka_unit_test(a_recording_of_format_1_is_read),
        cmocka_unit_test(what_a_killed_recorder_of_format_1_left_is_read),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
