/* Recordings: what is appended comes back, byte for byte, also after kill -9 and with a full disk;
 * capabilities keep their number through moves, changes and the death of a parent; foreign and
 * damaged files are refused in words. */
#include "capdb/capdb.h"

#include "capdb/compare.h"
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

/* --- round trips ------------------------------------------------------------------------------ */

static void every_snapshot_comes_back_as_it_was(void **state)
{
    enum { COUNT = 250, ROUNDS = 3 };
    (void)state;
    for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
        struct changing m;
        char *path = temp_path();
        struct capdb *db = create(path);
        changing_init(&m, seed);
        record_changing(db, &m, COUNT);
        assert_int_equal(capdb_count(db), COUNT);
        assert_recorded(db, seed, COUNT);
        capdb_close(db);
        db = open_db(path);
        assert_int_equal(capdb_count(db), COUNT);
        assert_recorded(db, seed, COUNT);
        assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
        capdb_close(db);
        temp_remove(path);
    }
}

static void a_recording_can_be_continued(void **state)
{
    struct changing m;
    char *path = temp_path();
    (void)state;
    changing_init(&m, 5);
    for (uint32_t part = 0; part < 4; part++) {
        struct capdb *db = part ? resume_db(path) : create(path);
        record_changing(db, &m, 20);
        capdb_close(db);
    }
    struct capdb *db = open_db(path);
    assert_recorded(db, 5, 80);
    capdb_close(db);
    temp_remove(path);
}

static void a_closed_recording_needs_no_write_permission(void **state)
{
    struct changing m;
    char *path = temp_path();
    char wal[96];
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 6);
    record_changing(db, &m, 10);
    capdb_close(db);
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_not_equal(access(wal, F_OK), 0);
    chmod(path, 0444);
    db = open_db(path);
    assert_recorded(db, 6, 10);
    capdb_close(db);
    temp_remove(path);
}

static void a_reader_sees_what_a_live_recorder_flushed(void **state)
{
    struct changing m;
    char *path = temp_path();
    (void)state;
    struct capdb *recorder = create(path);
    changing_init(&m, 8);
    record_changing(recorder, &m, 30);
    assert_int_equal(capdb_flush(recorder), ERR_OK);
    struct capdb *reader = open_db(path);
    assert_recorded(reader, 8, 30);
    record_changing(recorder, &m, 30);
    assert_int_equal(capdb_flush(recorder), ERR_OK);
    assert_recorded(reader, 8, 60);
    capdb_close(reader);
    record_changing(recorder, &m, 5);
    capdb_close(recorder);
    reader = open_db(path);
    assert_recorded(reader, 8, 65);
    capdb_close(reader);
    temp_remove(path);
}

/* --- identity --------------------------------------------------------------------------------- */

static void two_states(const struct changing *a, const struct changing *b, struct capdb **db)
{
    struct capstate s;
    uint32_t n;
    *db = create(":memory:");
    changing_state(a, &s);
    assert_int_equal(capdb_append(*db, &s, 1, &n), ERR_OK);
    capstate_free(&s);
    changing_state(b, &s);
    assert_int_equal(capdb_append(*db, &s, 2, &n), ERR_OK);
    capstate_free(&s);
}

/* cnode, untyped, endpoint, its copy, the copy's copy */
static void small_system(struct changing *m)
{
    changing_init(m, 1);
    m->slots[2] = (struct record_slot){.addr = CNODE_BASE + 0x40,
                                       .depth = 1,
                                       .type = RECORD_CAP_ENDPOINT,
                                       .object = 0x82001000,
                                       .bits = 4,
                                       .rights = 15,
                                       .flags = RECORD_SLOT_REVOCABLE};
    m->slots[3] = m->slots[2];
    m->slots[3].addr = CNODE_BASE + 0x50;
    m->slots[3].depth = 2;
    m->slots[3].rights = 3;
    m->slots[4] = m->slots[3];
    m->slots[4].addr = CNODE_BASE + 0x60;
    m->slots[4].depth = 3;
    m->slots[4].rights = 1;
    m->count = 5;
}

static void a_moved_capability_keeps_its_number(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    (void)state;
    small_system(&a);
    b = a;
    b.slots[3].addr = CNODE_BASE + 0x100;
    two_states(&a, &b, &db);
    uint64_t id = capdb_cap_id(db, 1, CNODE_BASE + 0x50);
    assert_true(id != 0);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x100), id);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x50), 0);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    capdb_close(db);
}

static void fewer_rights_are_the_same_capability(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    struct capdb_snapshot info;
    (void)state;
    small_system(&a);
    b = a;
    b.slots[3].rights = 1;
    two_states(&a, &b, &db);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x50),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x50));
    assert_int_equal(capdb_snapshot_info(db, 2, &info), ERR_OK);
    assert_int_equal(info.added, 0);
    assert_int_equal(info.removed, 0);
    assert_int_equal(info.changed, 1);
    capdb_close(db);
}

static void more_rights_are_another_capability(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    struct capdb_snapshot info;
    (void)state;
    small_system(&a);
    b = a;
    b.slots[4].rights = 3;
    two_states(&a, &b, &db);
    assert_int_not_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                         capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    assert_int_equal(capdb_snapshot_info(db, 2, &info), ERR_OK);
    assert_int_equal(info.added, 1);
    assert_int_equal(info.removed, 1);
    capdb_close(db);
}

static void another_badge_is_another_capability(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    (void)state;
    small_system(&a);
    b = a;
    b.slots[4].data = 7;
    two_states(&a, &b, &db);
    assert_int_not_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                         capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    capdb_close(db);
}

/* Two states of one system with events between them, from number 1 on. */
static struct capdb *with_events(const struct changing *a, const struct changing *b,
                                 const struct record_event *told, uint32_t count, uint64_t seq)
{
    struct record events[4];
    struct capstate s;
    uint32_t n;
    struct capdb *db = create(":memory:");
    changing_state(a, &s);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capstate_free(&s);
    for (uint32_t i = 0; i < count; i++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = told[i];
        events[i].event.seq = i + 1;
    }
    assert_int_equal(capdb_put_events(db, events, count), ERR_OK);
    changing_state(b, &s);
    s.snapshot.seq = seq;
    assert_int_equal(capdb_append(db, &s, 2, &n), ERR_OK);
    capstate_free(&s);
    return db;
}

static void events_tell_one_that_was_made_again_from_one_that_stayed(void **state)
{
    static const struct record_event again[] = {
        {.kind = RECORD_EVENT_DELETE, .slot = CNODE_BASE + 0x60},
        {.kind = RECORD_EVENT_COPY, .slot = CNODE_BASE + 0x60, .src = CNODE_BASE + 0x50}};
    struct changing a;
    (void)state;
    small_system(&a);
    struct changing b = a;
    for (int i = 0; i < 2; i++) { /* with nothing else changed, and with something */
        struct capdb *db = with_events(&a, &b, again, 2, 2);
        assert_int_not_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                             capdb_cap_id(db, 1, CNODE_BASE + 0x60));
        assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x50),
                         capdb_cap_id(db, 1, CNODE_BASE + 0x50));
        capdb_close(db);
        b.slots[2].flags = 0;
    }
}

static void events_with_a_hole_decide_nothing(void **state)
{
    static const struct record_event again[] = {
        {.kind = RECORD_EVENT_DELETE, .slot = CNODE_BASE + 0x60},
        {.kind = RECORD_EVENT_COPY, .slot = CNODE_BASE + 0x60, .src = CNODE_BASE + 0x50}};
    struct changing a;
    (void)state;
    small_system(&a);
    struct changing b = a;
    b.slots[2].flags = 0;
    struct capdb *db = with_events(&a, &b, again, 2, 5);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    capdb_close(db);
}

/* Two alike change places: snapshots see nothing, events do. */
static void events_tell_which_of_two_alike_is_which(void **state)
{
    static const struct record_event swap[] = {
        {.kind = RECORD_EVENT_SWAP, .slot = CNODE_BASE + 0x50, .src = CNODE_BASE + 0x60}};
    struct changing a;
    (void)state;
    small_system(&a);
    a.slots[4] = a.slots[3];
    a.slots[4].addr = CNODE_BASE + 0x60;
    struct changing b = a;
    b.slots[2].flags = 0;
    struct capdb *db = with_events(&a, &b, swap, 1, 1);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x50),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x50));
    capdb_close(db);
}

/* Ticks that go back: nothing of the run before is left. */
static void a_machine_started_anew_has_other_capabilities(void **state)
{
    struct changing a;
    struct capstate s;
    uint32_t n;
    (void)state;
    small_system(&a);
    struct capdb *db = create(":memory:");
    for (uint64_t ticks = 10; ticks > 0; ticks -= 5) {
        changing_state(&a, &s);
        s.snapshot.ticks = ticks;
        assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
        capstate_free(&s);
    }
    assert_int_not_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x50),
                         capdb_cap_id(db, 1, CNODE_BASE + 0x50));
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
}

static void children_of_a_deleted_parent_stay_who_they_are(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    struct capdb_snapshot info;
    (void)state;
    small_system(&a);
    b = a;
    changing_delete(&b, 3);
    two_states(&a, &b, &db);
    assert_int_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                     capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    assert_int_equal(capdb_snapshot_info(db, 2, &info), ERR_OK);
    assert_int_equal(info.removed, 1);
    assert_int_equal(info.added, 0);
    capdb_close(db);
}

static void another_object_in_the_slot_is_another_capability(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    (void)state;
    small_system(&a);
    b = a;
    b.slots[4].object = 0x82003000;
    b.slots[4].depth = 1;
    two_states(&a, &b, &db);
    assert_int_not_equal(capdb_cap_id(db, 2, CNODE_BASE + 0x60),
                         capdb_cap_id(db, 1, CNODE_BASE + 0x60));
    capdb_close(db);
}

static void two_alike_that_moved_are_not_guessed(void **state)
{
    struct changing a;
    struct changing b;
    struct capdb *db;
    (void)state;
    small_system(&a);
    a.slots[4] = a.slots[3];
    a.slots[4].addr = CNODE_BASE + 0x60;
    b = a;
    b.slots[3].addr = CNODE_BASE + 0x200;
    b.slots[4].addr = CNODE_BASE + 0x210;
    two_states(&a, &b, &db);
    uint64_t first = capdb_cap_id(db, 1, CNODE_BASE + 0x50);
    uint64_t second = capdb_cap_id(db, 1, CNODE_BASE + 0x60);
    uint64_t now = capdb_cap_id(db, 2, CNODE_BASE + 0x200);
    assert_true(now != first && now != second);
    capdb_close(db);
}

static void an_object_made_again_at_its_address_is_another_life(void **state)
{
    struct changing a;
    struct changing without;
    struct capdb *db = create(":memory:");
    struct capstate s;
    uint32_t n;
    (void)state;
    small_system(&a);
    without = a;
    without.count = 2;
    const struct changing *sequence[] = {&a, &without, &a};
    for (size_t i = 0; i < 3; i++) {
        changing_state(sequence[i], &s);
        assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
        capstate_free(&s);
    }
    assert_int_equal(capdb_flush(db), ERR_OK);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM object_row WHERE addr = 0x82001000", 0),
                     2);
    capdb_close(db);
}

/* Positions one apart: an insertion between them must spread them and keep order and numbers. */
static void a_full_gap_is_spread_anew(void **state)
{
    struct changing a;
    struct changing b;
    struct recorder r = {.next.cap = 100};
    struct capdb db = {.recorder = &r};
    struct mirror before = {0};
    struct mirror after = {0};
    struct comparison c;
    (void)state;
    small_system(&a);
    changing_state(&a, &before.state);
    assert_true(mirror_allocate(&before));
    for (uint32_t i = 0; i < a.count; i++)
        before.caps[i] = (struct kept_cap){.id = i + 1, .pos = i + 1};
    b = a;
    changing_derive(&b, 2);
    changing_state(&b, &after.state);
    assert_true(mirror_allocate(&after));
    assert_int_equal(comparison_begin(&c, &db, &before, &after, false), ERR_OK);
    assert_int_equal(identity_assign(&c, NULL, &r.next.cap), ERR_OK);
    assert_int_equal(c.stats.added, 1);
    assert_int_equal(c.stats.removed, 0);
    for (uint32_t i = 0; i < after.state.slot_count; i++) {
        int32_t p = c.match[i];
        assert_true(i == 0 || after.caps[i].pos > after.caps[i - 1].pos);
        assert_true(c.open[i] || before.caps[p].pos == after.caps[i].pos);
    }
    for (int i = 0; i < RECORDER_SCRATCH; i++)
        room_free(&r.scratch[i]);
    mirror_free(&before);
    mirror_free(&after);
}

/* As many endpoints as fit, siblings. */
static void wide_system(struct changing *m, uint32_t count)
{
    small_system(m);
    for (uint32_t i = 3; i < count; i++) {
        m->slots[i] = m->slots[2];
        m->slots[i].addr = CNODE_BASE + 0x40 + (i - 2) * 0x10;
        m->slots[i].object = m->slots[2].object + i * 0x10;
    }
    m->count = count;
}

static void append_state(struct capdb *db, const struct changing *m)
{
    struct capstate s;
    uint32_t n;
    changing_state(m, &s);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capstate_free(&s);
}

static int64_t rows_since(struct capdb *db, int64_t before)
{
    assert_int_equal(capdb_flush(db), ERR_OK);
    return capdb_int(db, "SELECT count(*) FROM cap_row", 0) - before;
}

/* One copy is copied again and again: each copy has less space than the one before, and only its
 * neighbours make room. */
static void copies_of_one_capability_leave_the_others_alone(void **state)
{
    enum { WIDE = 100, COPIES = 20 };
    struct changing m;
    struct capdb *db = create(":memory:");
    (void)state;
    wide_system(&m, WIDE);
    append_state(db, &m);
    int64_t rows = rows_since(db, 0);
    for (uint32_t i = 0; i < COPIES; i++) {
        const uint32_t source = i ? 51 : 50; /* a copy, which lies close to its successor */
        struct record_slot copy = m.slots[source];
        copy.addr = CNODE_BASE + 0x800 + i * 0x10;
        copy.depth++;
        memmove(&m.slots[source + 2], &m.slots[source + 1], (m.count - source - 1) * sizeof(copy));
        m.slots[source + 1] = copy;
        m.count++;
        append_state(db, &m);
    }
    assert_in_range(rows_since(db, rows), COPIES, 3 * COPIES);
    capdb_close(db);
}

/* Its position is another; all others have theirs. */
static void what_moves_in_the_list_moves_alone(void **state)
{
    enum { WIDE = 100 };
    struct changing m;
    struct capdb *db = create(":memory:");
    (void)state;
    wide_system(&m, WIDE);
    append_state(db, &m);
    int64_t rows = rows_since(db, 0);
    struct record_slot first = m.slots[10];
    m.slots[10] = m.slots[60];
    m.slots[60] = first;
    append_state(db, &m);
    assert_int_equal(rows_since(db, rows), 2);
    capdb_close(db);
}

/* --- what goes wrong -------------------------------------------------------------------------- */

static void assert_refused(const char *path, enum error expected, const char *word)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    enum error e = capdb_open(path, &db, message);
    if (e != expected || db)
        fail_msg("expected error %d, got %d (%s)", expected, e, message);
    if (!strstr(message, word))
        fail_msg("expected \"%s\" in: %s", word, message);
}

static void foreign_files_are_refused_in_words(void **state)
{
    char *path = temp_path();
    char text[9000];
    sqlite3 *sql;
    (void)state;
    assert_refused(path, ERR_NOT_FOUND, "No such file");
    write_file(path, "", 0);
    assert_refused(path, ERR_FORMAT, "is empty");
    memset(text, 'x', sizeof(text));
    write_file(path, text, sizeof(text));
    assert_refused(path, ERR_FORMAT, "not a capdb recording");
    write_file(path, "short", 5);
    assert_refused(path, ERR_FORMAT, "not a capdb recording");
    unlink(path);
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    assert_refused(path, ERR_FORMAT, "not a capdb recording");
    unlink(path);
    struct capdb *db = create(path);
    capdb_exec(db, "PRAGMA user_version=99", "test");
    capdb_close(db);
    assert_refused(path, ERR_VERSION, "newer capdb");
    *strrchr(path, '/') = '\0';
    assert_refused(path, ERR_FORMAT, "not a regular file");
    path[strlen(path)] = '/';
    temp_remove(path);
}

static void an_existing_file_is_not_overwritten(void **state)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    char *path = temp_path();
    (void)state;
    write_file(path, "precious", 8);
    assert_int_equal(capdb_create(path, "test", &db, message), ERR_REFUSED);
    assert_null(db);
    temp_remove(path);
}

/* Cut anywhere or overwritten anywhere, a recording gives a sentence or a right answer, never a
 * crash and never another state. */
static void damaged_recordings_never_lie(void **state)
{
    enum { TRIES = 60 };
    struct changing m;
    char *path = temp_path();
    char message[CAPDB_MESSAGE];
    (void)state;
    struct capdb *db = create(path);
    changing_init(&m, 11);
    record_changing(db, &m, 20);
    capdb_close(db);
    FILE *f = fopen(path, "r");
    static char good[1 << 20];
    size_t size = fread(good, 1, sizeof(good), f);
    fclose(f);
    char *bad = malloc(size);
    for (uint32_t i = 0; i < TRIES; i++) {
        size_t keep = i % 2 ? size : pick(&m, (uint32_t)size);
        memcpy(bad, good, size);
        if (i % 2)
            memset(bad + 100 + pick(&m, (uint32_t)size - 200), (int)pick(&m, 256), 64);
        write_file(path, bad, keep);
        if (capdb_open(path, &db, message) != ERR_OK) {
            assert_true(message[0] != '\0');
            continue;
        }
        bool verified = capdb_verify(db, report_failure, NULL) == ERR_OK;
        if (verified && capdb_count(db) == 20)
            assert_recorded(db, 11, 20);
        capdb_close(db);
    }
    free(bad);
    temp_remove(path);
}

/* Records until there is no room for more than two pages. Returns how many snapshots there are then. */
static uint32_t fill(struct capdb *db)
{
    struct changing m;
    struct capstate s;
    uint32_t n;
    uint32_t taken = 10;
    enum error e;
    char sql[64];
    changing_init(&m, 12);
    record_changing(db, &m, taken);
    int64_t pages = capdb_int(db, "PRAGMA page_count", 0);
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld", (long long)pages + 2);
    capdb_exec(db, sql, "test");
    do {
        changing_step(&m);
        changing_state(&m, &s);
        e = capdb_append(db, &s, 1, &n);
        capstate_free(&s);
        taken += e == ERR_OK;
    } while (e == ERR_OK && taken < 5000);
    assert_int_equal(e, ERR_IO);
    assert_non_null(strstr(capdb_error(db), "disk is full"));
    return taken;
}

static void a_full_disk_keeps_complete_snapshots(void **state)
{
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    uint32_t taken = fill(db);
    assert_non_null(strstr(capdb_error(db), "complete snapshots are kept"));
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_count(db), taken);
    assert_recorded(db, 12, taken);
    capdb_close(db);
    temp_remove(path);
}

static void what_is_made_in_one_go_keeps_nothing_on_a_full_disk(void **state)
{
    char message[CAPDB_MESSAGE];
    struct capdb_new new;
    char *path = temp_path();
    (void)state;
    assert_int_equal(capdb_begin_new(path, &(struct capdb_source){.target = "test"}, &new, message),
                     ERR_OK);
    fill(new.db);
    assert_null(strstr(capdb_error(new.db), "kept"));
    capdb_end_new(&new, ERR_IO, message);
    assert_int_not_equal(access(path, F_OK), 0);
    temp_remove(path);
}

static void child_records_until_killed(const char *path, uint32_t seed, int report)
{
    struct changing m;
    struct capdb *db;
    char message[CAPDB_MESSAGE];
    changing_init(&m, seed);
    if (capdb_create(path, "test", &db, message) != ERR_OK)
        _exit(1);
    for (;;) {
        struct capstate s;
        uint32_t n;
        changing_step(&m);
        changing_state(&m, &s);
        if (capdb_append(db, &s, 1, &n) != ERR_OK || write(report, &n, sizeof(n)) != sizeof(n))
            _exit(1);
        capstate_free(&s);
    }
}

static void kill_nine_loses_no_completed_snapshot(void **state)
{
    enum { KILLS = 6 };
    struct changing dice = {.seed = 99};
    (void)state;
    for (uint32_t round = 1; round <= KILLS; round++) {
        int ends[2];
        uint32_t n = 0;
        uint32_t reported = 0;
        char *path = temp_path();
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            child_records_until_killed(path, round, ends[1]);
        close(ends[1]);
        uint32_t goal = 20 + pick(&dice, 280); /* merges happen every 100 */
        while (reported < goal && read(ends[0], &n, sizeof(n)) == sizeof(n))
            reported = n;
        kill(child, SIGKILL);
        while (read(ends[0], &n, sizeof(n)) == sizeof(n))
            reported = n;
        close(ends[0]);
        waitpid(child, NULL, 0);
        assert_true(reported >= goal);
        struct capdb *db = open_db(path);
        assert_true(capdb_count(db) >= reported);
        assert_recorded(db, round, capdb_count(db));
        assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
        capdb_close(db);
        temp_remove(path);
    }
}

static void rules_travel_with_the_recording(void **state)
{
    struct authority_rules rules = {0};
    struct authority_rules back = {0};
    char *path = temp_path();
    (void)state;
    struct capdb *db = create(path);
    assert_int_equal(authority_rules_add(&rules, "d*/x", "all", false), ERR_OK);
    assert_int_equal(authority_rules_add(&rules, "root*", "boss", true), ERR_OK);
    assert_int_equal(capdb_set_rules(db, &rules), ERR_OK);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_get_rules(db, 0, &back), ERR_OK);
    assert_int_equal(back.count, 2);
    assert_string_equal(back.rules[0].pattern, "d*/x");
    assert_true(back.rules[1].trusted);
    capdb_close(db);
    authority_rules_free(&rules);
    authority_rules_free(&back);
    temp_remove(path);
}

/* Every view answers, and the views' own numbers agree with the snapshot's. */
static void views_agree_with_snapshots(void **state)
{
    static const char *const checks[] = {
        "SELECT count(*) FROM snapshots s WHERE caps <> (SELECT count(*) FROM caps c WHERE c.n = "
        "s.n)",
        "SELECT count(*) FROM snapshots s WHERE threads <> (SELECT count(*) FROM threads t WHERE "
        "t.n = s.n)",
        "SELECT count(*) FROM snapshots s WHERE mappings <> (SELECT count(*) FROM mappings m WHERE "
        "m.n = s.n)",
        "SELECT count(*) FROM caps WHERE type IS NULL OR object IS NULL",
        "SELECT count(*) FROM (SELECT * FROM objects, domains, endpoints, notifications, irqs, "
        "findings, cap_lives, object_lives LIMIT 0)",
    };
    struct changing m;
    (void)state;
    struct capdb *db = create(":memory:");
    changing_init(&m, 14);
    record_changing(db, &m, 60);
    assert_int_equal(capdb_flush(db), ERR_OK);
    for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
        assert_int_equal(capdb_int(db, checks[i], -1), 0);
    capdb_close(db);
}

/* --- words of 64 bits --- */

#define HIGH_BADGE 0xfedcba9876543210u
#define TOP_BADGE  0x8000000000000000u /* what SQLite takes for its smallest number */
#define HIGH_BASE  0xffffff8000000000u

static struct record wide_snapshot(void)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = RECORD_KERNEL_SEL4,
                                          .phys_offset = HIGH_BASE,
                                          .ram_base = 0x40000000,
                                          .ram_size = 0x200000000,
                                          .board = {4, "virt"},
                                          .word_bits = 64,
                                          .slot_bits = 5,
                                          .architecture = RECORD_ARCHITECTURE_AARCH64,
                                          .options = RECORD_OPTION_MCS,
                                          .nodes = 2};
    return r;
}

static void wide_objects(struct capstate *s)
{
    struct record r = {.kind = RECORD_SCHED_CONTEXT};
    r.sched_context = (struct record_sched_context){.addr = 0x42008000,
                                                    .bits = 7,
                                                    .period = 0x123456789abcdef0,
                                                    .budget = UINT64_MAX,
                                                    .thread = 0x42009000,
                                                    .badge = TOP_BADGE,
                                                    .refill_max = 2,
                                                    .flags = 1};
    state_add(s, &r);
    r = (struct record){.kind = RECORD_REPLY, .reply = {.addr = 0x4200a000, .thread = 0x42009000}};
    state_add(s, &r);
    for (uint32_t level = 4; level-- > 0;) {
        uint64_t above = level == 3 ? 0 : 0x42010000 + 0x1000 * (level + 1);
        r = (struct record){.kind = RECORD_TABLE};
        r.table = (struct record_table){.addr = 0x42010000 + 0x1000 * level,
                                        .parent = above,
                                        .level = level,
                                        .bits = 21 + 9 * level};
        state_add(s, &r);
    }
    state_mapping(s, (struct record_mapping){.dir = 0x42013000,
                                             .vaddr = HIGH_BASE,
                                             .frame = 0x42020000,
                                             .bits = 12,
                                             .rights = 3,
                                             .table = 0x42010000});
}

/* A system of another kernel: 64 bits, four levels of tables, two processors, more memory. */
static void wide_state(struct capstate *s, uint64_t badge)
{
    struct record r = wide_snapshot();
    capstate_init(s);
    state_add(s, &r);
    r = (struct record){.kind = RECORD_RANGE};
    r.range = (struct record_range){RECORD_RANGE_RAM, 0x880000000, 0x80000000, HIGH_BASE};
    state_add(s, &r);
    state_slot(s,
               (struct record_slot){
                   .addr = 0x40000020, .type = RECORD_CAP_CNODE, .object = 0x40000000, .bits = 17});
    state_slot(s, (struct record_slot){.addr = 0x40000040,
                                       .type = RECORD_CAP_ENDPOINT,
                                       .object = 0x42000000,
                                       .bits = 4,
                                       .rights = 3,
                                       .data = badge});
    state_slot(s, (struct record_slot){.addr = 0x40000060,
                                       .type = RECORD_CAP_UNTYPED,
                                       .object = HIGH_BASE,
                                       .bits = 39,
                                       .flags = RECORD_SLOT_DEVICE});
    state_slot(s, (struct record_slot){.addr = 0x40000080,
                                       .type = RECORD_CAP_PAGE_TABLE,
                                       .object = 0x42011000,
                                       .bits = 12,
                                       .level = 1});
    state_slot(
        s, (struct record_slot){.addr = 0x400000a0, .type = 99, .object = 0x42030000, .bits = 5});
    state_slot(s, (struct record_slot){.addr = 0x400000c0,
                                       .type = RECORD_CAP_SCHED_CONTEXT,
                                       .object = 0x42008000,
                                       .bits = 7,
                                       .place = 7});
    wide_objects(s);
    r = (struct record){.kind = RECORD_SCHED, .sched = {.current = 0x42009000}};
    state_add(s, &r);
    r.sched = (struct record_sched){.node = 1, .idle = HIGH_BASE, .domain_time = HIGH_BADGE};
    state_add(s, &r);
    r = (struct record){.kind = RECORD_END};
    r.end = (struct record_end){.complete = 1, .slots = 6, .mappings = 1, .records = 18};
    state_add(s, &r);
    assert_int_equal(capstate_finish(s), ERR_OK);
}

/* Snapshots, one made of each value, are the same when they are read. */
static void assert_come_back(void (*make)(struct capstate *s, uint64_t of), const uint64_t *of,
                             uint32_t count)
{
    char *path = temp_path();
    struct capdb *db = create(path);
    struct capstate s, back;
    uint32_t n;
    for (uint32_t i = 0; i < count; i++) {
        make(&s, of[i]);
        assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
        capstate_free(&s);
    }
    capdb_close(db);
    db = open_db(path);
    for (uint32_t i = 0; i < count; i++) {
        make(&s, of[i]);
        assert_int_equal(capdb_load(db, i + 1, &back), ERR_OK);
        state_assert_same(&s, &back);
        capstate_free(&s);
        capstate_free(&back);
    }
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(path);
}

static void systems_of_64_bits_come_back(void **state)
{
    static const uint64_t badges[] = {1, HIGH_BADGE, TOP_BADGE, UINT64_MAX, INT64_MAX};
    (void)state;
    assert_come_back(wide_state, badges, sizeof(badges) / sizeof(*badges));
}

/* Addresses are NULL where they are the object's, and this number stands for that. */
static void top_state(struct capstate *s, uint64_t type)
{
    struct record r = wide_snapshot();
    capstate_init(s);
    state_add(s, &r);
    for (uint32_t i = 0; i < 2; i++)
        state_slot(s, (struct record_slot){.addr = 0x40000020 + i * 0x20,
                                           .type = (uint32_t)type,
                                           .object = TOP_BADGE,
                                           .bits = 4});
    state_end(s);
}

static void an_object_at_2_63_comes_back(void **state)
{
    static const uint64_t types[] = {RECORD_CAP_ENDPOINT, RECORD_CAP_FRAME, 77};
    (void)state;
    assert_come_back(top_state, types, sizeof(types) / sizeof(*types));
}

static void assert_text(struct capdb *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *st;
    assert_int_equal(capdb_prepare(db, sql, &st), ERR_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), wanted);
    sqlite3_finalize(st);
}

static void words_above_2_63_compare_and_print_as_what_they_are(void **state)
{
    (void)state;
    struct capdb *db = create(":memory:");
    struct capstate s;
    uint32_t n;
    char text[200];
    wide_state(&s, TOP_BADGE);
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    assert_int_equal(capdb_flush(db), ERR_OK);
    assert_string_equal(capstate_slot_text(&s, 1, text, sizeof(text)),
                        "endpoint 0x000042000000 badge 9223372036854775808 rw");
    assert_string_equal(capstate_slot_text(&s, 2, text, sizeof(text)),
                        "untyped 0xffffff8000000000 512G used 0B device");
    assert_string_equal(capstate_slot_text(&s, 3, text, sizeof(text)),
                        "pagetable 0x000042011000 level 1");
    assert_string_equal(capstate_slot_text(&s, 4, text, sizeof(text)), "? 0x000042030000");
    assert_text(db, "SELECT word(data) FROM caps WHERE type = 'endpoint'", "9223372036854775808");
    assert_text(db, "SELECT printf('%x', object) FROM caps WHERE type = 'untyped'",
                "ffffff8000000000");
    assert_text(db, "SELECT count(*) FROM cap_row WHERE data IS NULL", "0");
    assert_text(db, "SELECT count(*) FROM caps WHERE below(0x7fffffffffffffff, data)", "1");
    assert_text(db, "SELECT count(*) FROM caps WHERE below(data, 0x8000000000000001)", "6");
    assert_text(db, "SELECT type FROM caps WHERE covers(object, bits, 0xffffffc000000000)",
                "untyped");
    assert_text(
        db,
        "SELECT covers(0, 64, data) || covers(0, 63, -1) || covers(0, 65, 1) FROM caps WHERE type = 'endpoint'",
        "100");
    assert_text(db, "SELECT word(budget) FROM sched_contexts", "18446744073709551615");
    assert_text(db, "SELECT group_concat(\"index\") FROM caps", "1,2,3,4,5,6");
    assert_true(capstate_table_root(&s, 0x42010000) == 0x42013000);
    assert_int_equal(capstate_object_holding(&s, HIGH_BASE + 5), s.slots[2].object);
    assert_true(capstate_is_ram(&s, 0x890000000));
    assert_false(capstate_is_ram(&s, 0x870000000));
    assert_int_equal(capstate_slot_in(&s, s.slots[0].object, 2), 1);
    capstate_free(&s);
    capdb_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_snapshot_comes_back_as_it_was),
        cmocka_unit_test(a_recording_can_be_continued),
        cmocka_unit_test(a_closed_recording_needs_no_write_permission),
        cmocka_unit_test(a_reader_sees_what_a_live_recorder_flushed),
        cmocka_unit_test(a_moved_capability_keeps_its_number),
        cmocka_unit_test(fewer_rights_are_the_same_capability),
        cmocka_unit_test(more_rights_are_another_capability),
        cmocka_unit_test(another_badge_is_another_capability),
        cmocka_unit_test(events_tell_one_that_was_made_again_from_one_that_stayed),
        cmocka_unit_test(events_with_a_hole_decide_nothing),
        cmocka_unit_test(events_tell_which_of_two_alike_is_which),
        cmocka_unit_test(a_machine_started_anew_has_other_capabilities),
        cmocka_unit_test(children_of_a_deleted_parent_stay_who_they_are),
        cmocka_unit_test(another_object_in_the_slot_is_another_capability),
        cmocka_unit_test(two_alike_that_moved_are_not_guessed),
        cmocka_unit_test(an_object_made_again_at_its_address_is_another_life),
        cmocka_unit_test(a_full_gap_is_spread_anew),
        cmocka_unit_test(copies_of_one_capability_leave_the_others_alone),
        cmocka_unit_test(what_moves_in_the_list_moves_alone),
        cmocka_unit_test(foreign_files_are_refused_in_words),
        cmocka_unit_test(an_existing_file_is_not_overwritten),
        cmocka_unit_test(damaged_recordings_never_lie),
        cmocka_unit_test(a_full_disk_keeps_complete_snapshots),
        cmocka_unit_test(what_is_made_in_one_go_keeps_nothing_on_a_full_disk),
        cmocka_unit_test(kill_nine_loses_no_completed_snapshot),
        cmocka_unit_test(rules_travel_with_the_recording),
        cmocka_unit_test(views_agree_with_snapshots),
        cmocka_unit_test(systems_of_64_bits_come_back),
        cmocka_unit_test(an_object_at_2_63_comes_back),
        cmocka_unit_test(words_above_2_63_compare_and_print_as_what_they_are),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
