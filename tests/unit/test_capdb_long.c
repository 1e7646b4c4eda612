/* Recordings that are killed, long or large, against a reference that is made again from its seed.
 * How many kills, snapshots and capabilities the environment says: few for `make test`, many for
 * `make check-all`.  Sanitizers would make the long and the large one take hours: that size is for
 * build/host/record_long, which is this program without them. */
#include "capdb/recorder.h"
#include "record/vocabulary.h"
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

static uint32_t told(const char *name, uint32_t usual)
{
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : usual;
}

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static uint32_t told_of_size(const char *name, uint32_t usual)
{
    return SANITIZED ? usual : told(name, usual);
}

/* --- kills ----------------------------------------------------------------------------------- */

/* What the recorder says of itself before it is killed. */
struct report {
    uint32_t n;    /* snapshots that were said to be committed */
    uint32_t what; /* MERGING: a merge has begun; else it has not, or is over */
};
enum { RECORDED, MERGING };

static void tell(int to, uint32_t n, uint32_t what)
{
    struct report r = {n, what};
    if (write(to, &r, sizeof(r)) != sizeof(r))
        _exit(1);
}

/* The model stands where the file does: steps that were committed are made again. */
static void model_at(struct changing *m, uint32_t seed, uint32_t n)
{
    changing_init(m, seed);
    for (uint32_t i = 0; i < n; i++)
        changing_step(m);
}

static struct capdb *begin(const char *path)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    enum error e = access(path, F_OK) == 0
                       ? capdb_resume(path, &(struct capdb_source){.target = "test"}, &db, message)
                       : capdb_create(path, "test", &db, message);
    if (e == ERR_OK)
        return db;
    fprintf(stderr, "# %s\n", message);
    _exit(1);
}

static void record_until_killed(const char *path, uint32_t seed, int to)
{
    struct changing m;
    struct changing dice = {.seed = seed * 31 + (uint32_t)getpid()};
    struct capdb *db = begin(path);
    uint32_t n = capdb_count(db);
    model_at(&m, seed, n);
    for (;;) {
        struct capstate s;
        changing_step(&m);
        changing_state(&m, &s);
        if (capdb_append_taking(db, &s, 1, &n) != ERR_OK)
            _exit(1);
        tell(to, n, RECORDED);
        if (pick(&dice, 4) == 0) {
            tell(to, n, MERGING);
            if (capdb_flush(db) != ERR_OK)
                _exit(1);
            tell(to, n, RECORDED);
        }
    }
}

/* Kills it at any moment, not only when it has just said something. The last report. */
static struct report kill_one(const char *path, uint32_t seed, struct changing *dice)
{
    int ends[2];
    struct report r = {0};
    struct report last = {0};
    uint32_t goal = 1 + pick(dice, 60);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        record_until_killed(path, seed, ends[1]);
    }
    close(ends[1]);
    for (uint32_t heard = 0; heard < goal && read(ends[0], &r, sizeof(r)) == sizeof(r); heard++)
        last = r;
    usleep(pick(dice, 3000));
    kill(child, SIGKILL);
    while (read(ends[0], &r, sizeof(r)) == sizeof(r))
        last = r;
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_true(last.n > 0);
    return last;
}

static void assert_nothing_is_lost(const char *path, uint32_t seed, uint32_t reported)
{
    struct capdb *db = open_db(path);
    assert_true(capdb_count(db) >= reported);
    assert_recorded(db, seed, capdb_count(db));
    if (capdb_verify(db, report_failure, NULL) != ERR_OK)
        fail_msg("%s", capdb_error(db));
    capdb_close(db);
}

/* A copy of the file as the kill left it, for what is done to it afterwards. */
static void copy_file(const char *from, const char *to, const char *tail)
{
    char a[256];
    char b[256];
    size_t size;
    snprintf(a, sizeof(a), "%s%s", from, tail);
    snprintf(b, sizeof(b), "%s%s", to, tail);
    if (access(a, F_OK) != 0)
        return;
    char *bytes = read_file(a, &size);
    write_file(b, bytes, size);
    free(bytes);
}

static void assert_cut_is_right(const char *path, uint32_t seed)
{
    char out[256];
    char message[CAPDB_MESSAGE];
    snprintf(out, sizeof(out), "%s-cut", path);
    struct capdb *db = open_db(path);
    uint32_t count = capdb_count(db);
    uint32_t first = 1 + count / 3;
    assert_int_equal(capdb_cut(db, first, count, out, message), ERR_OK);
    capdb_close(db);
    db = open_db(out);
    struct changing m;
    model_at(&m, seed, first - 1);
    for (uint32_t n = 1; n <= count - first + 1; n++) {
        struct capstate expected;
        struct capstate got;
        changing_step(&m);
        changing_state(&m, &expected);
        assert_int_equal(capdb_load(db, n, &got), ERR_OK);
        state_assert_same(&expected, &got);
        capstate_free(&expected);
        capstate_free(&got);
    }
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    unlink(out);
    strcat(out, "-lock");
    unlink(out);
}

static void assert_smaller_files_are_right(const char *path, uint32_t seed, uint32_t reported)
{
    char message[CAPDB_MESSAGE];
    char *copy = temp_path();
    copy_file(path, copy, "");
    copy_file(path, copy, "-wal");
    assert_cut_is_right(copy, seed);
    if (capdb_compact(copy, message) != ERR_OK)
        fail_msg("%s", message);
    assert_nothing_is_lost(copy, seed, reported);
    temp_remove(copy);
}

/* One recording is killed a few times over, and continued from what is there. */
static void kills_lose_nothing(void **state)
{
    enum { SEEDS = 1000, ROUNDS = 5 };
    uint32_t kills = told("RECORDING_KILLS", 10);
    uint32_t in_merges = 0;
    struct changing dice = {.seed = 77};
    (void)state;
    for (uint32_t done = 0; done < kills;) {
        uint32_t seed = 1 + pick(&dice, SEEDS);
        char *path = temp_path();
        uint32_t reported = 0;
        for (uint32_t round = 0; round < ROUNDS && done < kills; round++, done++) {
            struct report r = kill_one(path, seed, &dice);
            assert_true(r.n >= reported);
            reported = r.n;
            in_merges += r.what == MERGING;
            assert_nothing_is_lost(path, seed, reported);
        }
        assert_smaller_files_are_right(path, seed, reported);
        temp_remove(path);
    }
    printf("# %u kills, %u inside a merge\n", kills, in_merges);
    assert_true(kills < 100 || in_merges > 0);
}

/* --- a long one ------------------------------------------------------------------------------ */

/* What the recorder keeps, and what SQLite does. */
static uint64_t memory_of(const struct capdb *db)
{
    return capdb_recorder_memory(db) + (uint64_t)sqlite3_memory_used();
}

static void assert_snapshot(struct capdb *db, const struct changing *m, uint32_t n)
{
    struct capstate expected;
    struct capstate got;
    changing_state(m, &expected);
    if (capdb_load(db, n, &got) != ERR_OK)
        fail_msg("%s", capdb_error(db));
    state_assert_same(&expected, &got);
    capstate_free(&expected);
    capstate_free(&got);
}

static void append_step(struct capdb *db, struct changing *m, double time)
{
    struct capstate s;
    uint32_t n;
    changing_step(m);
    changing_state(m, &s);
    if (capdb_append_taking(db, &s, time, &n) != ERR_OK)
        fail_msg("%s", capdb_error(db));
}

/* A snapshot a second, 604,800 of them in a week: memory does not grow with them, and any of them
 * comes back. */
static void a_week_is_recorded(void **state)
{
    enum { SEED = 5, LOOKS = 12, WARM = 1000, CACHE_MIB = 40 };
    uint32_t snapshots = told_of_size("RECORDING_SNAPSHOTS", 3600);
    uint64_t warm = 0;
    struct changing m;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, SEED);
    for (uint32_t i = 0; i < snapshots; i++) {
        append_step(db, &m, 1700000000.0 + i);
        warm = i == WARM ? memory_of(db) : warm;
    }
    uint64_t end = memory_of(db);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_count(db), snapshots);
    changing_init(&m, SEED);
    for (uint32_t n = 1; n <= snapshots; n++) {
        changing_step(&m);
        if (n % (snapshots / LOOKS) == 1)
            assert_snapshot(db, &m, n);
    }
    assert_int_equal(capdb_verify_chain(db, report_failure, NULL), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    printf("# %u snapshots, %ld MiB, memory %llu KiB, %llu at the end\n", snapshots,
           (long)(st.st_size >> 20), (unsigned long long)(warm >> 10),
           (unsigned long long)(end >> 10));
    assert_true(end < warm + (CACHE_MIB << 20)); /* SQLite's cache fills, and no more */
    capdb_close(db);
    temp_remove(path);
}

/* --- a large one ----------------------------------------------------------------------------- */

enum { LARGE_ROUNDS = 4, LARGE_CHANGES = 100 };

static uint64_t large_rights(uint32_t i, uint32_t round)
{
    return (i * 2654435761u >> 8) % LARGE_CHANGES == round ? RECORD_RIGHT_READ
                                                           : RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
}

/* One CNode that holds everything; in each round other capabilities have fewer rights. */
static void large_state(struct capstate *s, uint32_t caps, uint32_t round)
{
    const uint64_t cnode = (uint64_t)1 << 40;
    const uint64_t memory = (uint64_t)1 << 44;
    state_begin(s);
    state_slot(s, (struct record_slot){.addr = cnode + 16,
                                       .type = RECORD_CAP_CNODE,
                                       .object = cnode,
                                       .bits = 30,
                                       .flags = RECORD_SLOT_REVOCABLE});
    for (uint32_t i = 1; i < caps; i++)
        state_slot(s, (struct record_slot){.addr = cnode + ((uint64_t)i + 1) * 16,
                                           .type = RECORD_CAP_FRAME,
                                           .object = memory + ((uint64_t)i << 12),
                                           .bits = 12,
                                           .rights = (uint32_t)large_rights(i, round)});
    state_end(s);
}

static void many_capabilities_are_recorded(void **state)
{
    uint32_t caps = told_of_size("RECORDING_CAPS", 20000);
    struct capstate s;
    struct capstate got;
    uint32_t n;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t round = 0; round < LARGE_ROUNDS; round++) {
        large_state(&s, caps, round);
        if (capdb_append_taking(db, &s, 1, &n) != ERR_OK)
            fail_msg("%s", capdb_error(db));
    }
    printf("# %u capabilities, the recorder keeps %llu MiB\n", caps,
           (unsigned long long)(capdb_recorder_memory(db) >> 20));
    assert_true(capdb_recorder_memory(db) < (uint64_t)caps * 320 + (1 << 20));
    capdb_close(db);
    db = open_db(path);
    for (uint32_t round = 0; round < LARGE_ROUNDS; round++) {
        large_state(&s, caps, round);
        assert_int_equal(capdb_load(db, round + 1, &got), ERR_OK);
        state_assert_same(&s, &got);
        capstate_free(&s);
        capstate_free(&got);
    }
    if (capdb_verify(db, report_failure, NULL) != ERR_OK)
        fail_msg("%s", capdb_error(db));
    capdb_close(db);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_lose_nothing),
        cmocka_unit_test(a_week_is_recorded),
        cmocka_unit_test(many_capabilities_are_recorded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
