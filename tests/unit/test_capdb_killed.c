/* A recorder, and compact, are killed before each of their writes, one after the other: what was complete is
 * there, nobody says that anything may be missing, and the next one goes on. */
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { SNAPSHOTS = 4, MORE = 2, SEED = 19, WRITES_MAX = 2000, AGAIN_EVERY = 3 };

static char *path;
static char wal[256];
static char message[CAPDB_MESSAGE];

/* What stood there before each try; file[1]: -wal, of size 0: none. */
static struct kept {
    char *bytes;
    size_t size;
} file[2];

/* --- the end ----------------------------------------------------------------------------------- */

static long writes_left;

static void count(void)
{
    if (writes_left-- == 0)
        raise(SIGKILL);
}

static ssize_t counted_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    count();
    return pwrite(fd, bytes, size, at);
}

static int counted_ftruncate(int fd, off_t size)
{
    count();
    return ftruncate(fd, size);
}

static int counted_unlink(const char *name)
{
    count();
    return unlink(name);
}

/* Of this process, from now on. */
static void end_before_write(long number)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    writes_left = number;
    vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)counted_pwrite);
    vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)counted_pwrite);
    vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)counted_ftruncate);
    vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)counted_unlink);
}

/* In a process of its own. False: it was killed. */
static bool try(int (*work)(void), long writes)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        end_before_write(writes);
        _exit(work());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return WIFEXITED(status);
}

/* --- what is tried ------------------------------------------------------------------------------ */

static int append(struct capdb *db, uint32_t skip, uint32_t count)
{
    struct changing m;
    changing_init(&m, SEED);
    for (uint32_t i = 0; i < skip; i++)
        changing_step(&m);
    for (uint32_t i = 0; i < count; i++) {
        struct capstate s;
        uint32_t n;
        changing_step(&m);
        changing_state(&m, &s);
        enum error e = capdb_append(db, &s, 1, &n);
        capstate_free(&s);
        if (e != ERR_OK)
            return 1;
    }
    return 0;
}

static int record_more(void)
{
    struct capdb *db;
    const struct capdb_source source = {.target = "test"};
    if (capdb_resume(path, &source, &db, message) != ERR_OK)
        return 1;
    int failed = append(db, SNAPSHOTS, MORE);
    capdb_close(db);
    return failed;
}

static int compact(void)
{
    return capdb_compact(path, message) != ERR_OK;
}

static int leave_unclosed(void)
{
    struct capdb *db;
    if (capdb_create(path, "test", &db, message) != ERR_OK)
        return 1;
    return append(db, 0, SNAPSHOTS); /* the process ends here */
}

/* --- what is there ------------------------------------------------------------------------------- */

static void keep(void)
{
    file[0].bytes = read_file(path, &file[0].size);
    if (access(wal, F_OK) == 0)
        file[1].bytes = read_file(wal, &file[1].size);
}

static void put_back(void)
{
    static const char *const tails[] = {"-wal",  "-shm",     "-journal",
                                        "-lock", "-compact", "-compact-journal"};
    char name[256];
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        snprintf(name, sizeof(name), "%.200s%s", path, tails[i]);
        unlink(name);
    }
    write_file(path, file[0].bytes, file[0].size);
    if (file[1].size)
        write_file(wal, file[1].bytes, file[1].size);
}

static void assert_whole(uint32_t least, uint32_t most)
{
    struct capdb *db = open_db(path);
    if (capdb_warning(db))
        fail_msg("%s", capdb_warning(db));
    assert_in_range(capdb_count(db), least, most);
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    assert_recorded(db, SEED, capdb_count(db));
    capdb_close(db);
}

static void assert_nothing_beside(void)
{
    assert_int_equal(access(wal, F_OK), -1);
}

/* Killed before the first write, the second, ... until it comes to its end. */
static void kill_everywhere(int (*work)(void), uint32_t most)
{
    for (long writes = 0; writes < WRITES_MAX; writes++) {
        put_back();
        bool ended = try(work, writes);
        assert_whole(ended ? most : SNAPSHOTS, most);
        if (ended) {
            fprintf(stderr, "# killed before each of %ld writes\n", writes);
            assert_nothing_beside();
            return;
        }
        if (writes % AGAIN_EVERY)
            continue;
        assert_true(try(compact, WRITES_MAX));
        assert_whole(SNAPSHOTS, most);
        assert_nothing_beside();
    }
    fail_msg("it makes more than %d writes", WRITES_MAX);
}

static int setup(void **state)
{
    (void)state;
    path = temp_path();
    snprintf(wal, sizeof(wal), "%.200s-wal", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    put_back();
    for (int i = 0; i < 2; i++)
        free(file[i].bytes);
    memset(file, 0, sizeof(file));
    temp_remove(path);
    return 0;
}

static void a_recorder_that_goes_on_may_be_killed_anywhere(void **state)
{
    (void)state;
    struct capdb *db = create(path);
    assert_int_equal(append(db, 0, SNAPSHOTS), 0);
    capdb_close(db);
    keep();
    kill_everywhere(record_more, SNAPSHOTS + MORE);
}

static void compact_of_what_was_not_closed_may_be_killed_anywhere(void **state)
{
    (void)state;
    assert_true(try(leave_unclosed, WRITES_MAX));
    keep();
    assert_true(file[1].size > 0);
    kill_everywhere(compact, SNAPSHOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_recorder_that_goes_on_may_be_killed_anywhere, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(compact_of_what_was_not_closed_may_be_killed_anywhere,
                                        setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
