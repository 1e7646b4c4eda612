/* Recordings of several runs of a machine, with a clock whose low 16 bits events tell: when events were,
 * and that no answer about the past reaches over a restart. */
#include "capdb/command.h"
#include "capdb/export.h"
#include "capdb/part.h"
#include "capdb/past.h"
#include "capdb/spans.h"
#include "capdb/store.h"
#include "record/names.h"
#include "record/vocabulary.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TCB = 0x80100000, ENDPOINT = 0x80300000, TICK_US = 1000 };

static struct capdb *db;
static uint32_t seq;
static double now;
static uint32_t kernel = RECORD_KERNEL_CAPSCOPE;

static void put_thread(struct capstate *s, bool current)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread = (struct record_thread){.addr = TCB,
                                      .state = current ? RECORD_THREAD_RUNNING
                                                       : RECORD_THREAD_BLOCKED_ON_RECEIVE,
                                      .current = current,
                                      .blocked_on = current ? 0 : ENDPOINT};
    r.thread.name = (struct record_string){.length = 1, .bytes = "a"};
    state_add(s, &r);
}

/* A sender's capability is there or not. */
static void snapshot(uint32_t boot, uint64_t ticks, bool current, bool sender)
{
    struct capstate s;
    uint32_t n;
    state_begin(&s);
    state_slot(&s, (struct record_slot){
                       .addr = 0x80000000, .type = RECORD_CAP_TCB, .object = TCB, .bits = 9});
    if (sender)
        state_slot(&s, (struct record_slot){.addr = 0x80000010,
                                            .type = RECORD_CAP_ENDPOINT,
                                            .object = ENDPOINT,
                                            .rights = 15,
                                            .bits = 4});
    put_thread(&s, current);
    state_mapping(&s, (struct record_mapping){0x80200000, 1, 0x10000, 0x80500000, 12, 3, 1, 0});
    state_end(&s);
    s.snapshot.boot = boot;
    s.snapshot.kernel = kernel;
    s.snapshot.ticks = ticks;
    s.snapshot.seq = seq;
    assert_int_equal(capdb_append(db, &s, now, &n), ERR_OK);
    capstate_free(&s);
}

static void event(uint64_t tick, uint32_t kind)
{
    struct record r = {.kind = RECORD_EVENT};
    r.event = (struct record_event){
        .seq = ++seq,
        .time = kernel == RECORD_KERNEL_CAPSCOPE ? (tick << 16 | seq) & UINT32_MAX : tick << 16,
        .kind = kind,
        .thread = TCB,
        .object2 = TCB,
        .slot = 0x80000010,
        .type = RECORD_CAP_ENDPOINT,
        .object = ENDPOINT};
    assert_int_equal(capdb_put_events(db, &r, 1), ERR_OK);
}

static void at(double seconds)
{
    now = 1000 + seconds;
}

/* Events told as E, those of which the tick cannot be known as U. */
static void record_wraps(void)
{
    seq = 0;
    at(0.01);
    snapshot(0x11, 10, true, true);
    event(20000, RECORD_EVENT_THREAD_CONFIGURE);
    event(65535, RECORD_EVENT_THREAD_CONFIGURE);
    at(65.54);
    snapshot(0x11, 65540, true, true);
    event(65540, RECORD_EVENT_THREAD_CONFIGURE);
    event(131000, RECORD_EVENT_REVOKE_BEGIN);
    at(131.075);
    snapshot(0x11, 131075, true, true); /* 65535 later: still one time for each 16 bits */
    event(131500, RECORD_EVENT_REVOKE_END);
    event(196000, RECORD_EVENT_THREAD_CONFIGURE);
    at(197);
    snapshot(0x11, 197000, true, true);
    event(200000, RECORD_EVENT_THREAD_CONFIGURE); /* not known: 265536 would be told alike */
    at(300);
    snapshot(0x11, 300000, true, true);
    event(300100, RECORD_EVENT_REVOKE_BEGIN); /* not known: no snapshot shows it */
    seq = 0;
    event(7, RECORD_EVENT_THREAD_CONFIGURE); /* of the next run */
    at(310);
    snapshot(0x22, 9000, false, false);
    event(9500, RECORD_EVENT_FAULT);
    at(400);
    snapshot(0x22, 99000, false, false); /* more than 65536 later: the fault may have been later */
    event(100000, RECORD_EVENT_THREAD_CONFIGURE);
    at(402);
    snapshot(0x22, 101000, false, false);
    event(101001, RECORD_EVENT_DELETE); /* not known: behind the last */
}

static int set_up(void **state)
{
    char message[CAPDB_MESSAGE];
    (void)state;
    assert_int_equal(capdb_create(":memory:", "test", &db, message), ERR_OK);
    record_wraps();
    assert_int_equal(capdb_flush(db), ERR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    capdb_close(db);
    return 0;
}

/* --- when events were --- */

static const char told[] =
    "seq\tticks\n1\t20000\n2\t65535\n3\t65540\n4\t131000\n5\t131500\n6\t196000\n"
    "7\t-\n8\t-\n1\t7\n2\t-\n3\t100000\n4\t-";

static void events_have_the_clock_of_snapshots(void **state)
{
    char *table = NULL;
    (void)state;
    assert_int_equal(capdb_ask(db, "SELECT seq, ticks FROM events", 100, &table), ERR_OK);
    assert_string_equal(table, told);
    free(table);
    assert_int_equal(capdb_ask(db, "SELECT run, first, last FROM runs", 100, &table), ERR_OK);
    assert_string_equal(table, "run\tfirst\tlast\n1\t1\t5\n2\t6\t8");
    free(table);
}

static char *trace(void)
{
    char *text = NULL;
    size_t size;
    struct options o = {.run = "test"};
    struct view v = {.db = db};
    FILE *f = open_memstream(&text, &size);
    assert_int_equal(export_perfetto(f, &o, &v), STATUS_YES);
    fclose(f);
    return text;
}

/* Of the event `number` in the trace, the nth of that number; < 0: it is said not to be known. */
static double trace_time(const char *text, uint32_t number, unsigned nth)
{
    char wanted[40];
    snprintf(wanted, sizeof(wanted), "\"event\":%u,", number);
    const char *found = strstr(text, wanted);
    while (found && nth--)
        found = strstr(found + 1, wanted);
    assert_non_null(found);
    const char *line = found;
    while (line > text && line[-1] != '\n')
        line--;
    const char *unknown = strstr(found, "\"time\":\"not known\"");
    if (unknown && unknown < strchrnul(found, '\n'))
        return -1;
    return strtod(strstr(line, "\"ts\":") + 5, NULL);
}

static void assert_near(double value, double wanted)
{
    if (value < wanted - TICK_US || value > wanted + 2 * TICK_US)
        fail_msg("%f is not about %f", value, wanted);
}

static void the_trace_goes_on_through_wraps_and_restarts(void **state)
{
    (void)state;
    char *text = trace();
    double tick = strtod(strstr(text, "microseconds a tick\":\"") + 22, NULL);
    assert_true(tick > 999 && tick < 1001); /* not the time between runs */
    assert_near(trace_time(text, 1, 0), 20000 * tick);
    assert_near(trace_time(text, 2, 0), 65535 * tick);
    assert_near(trace_time(text, 6, 0), 196000 * tick);
    assert_true(trace_time(text, 7, 0) < 0);
    assert_near(trace_time(text, 1, 1), (300000 + 1 + 7) * tick);
    assert_true(trace_time(text, 2, 1) < 0);
    assert_near(trace_time(text, 3, 1), (300000 + 1 + 100000) * tick);
    assert_true(trace_time(text, 4, 0) < 0);
    assert_non_null(strstr(text, "\"dur\":500")); /* the revoke, in thousandths of a second */
    assert_non_null(strstr(text, "\"finished\":false,\"length\":\"not known\""));
    assert_non_null(strstr(text, "\"events whose time is not known\":\"4\""));
    free(text);
}

/* Of a kernel that tells no time events have the recorder's clock, which each recorder begins anew. */
static void a_recorder_that_goes_on_stands_behind_the_one_before(void **state)
{
    struct capdb *before = db;
    char message[CAPDB_MESSAGE];
    (void)state;
    seq = 0;
    assert_int_equal(capdb_create(":memory:", "test", &db, message), ERR_OK);
    kernel = RECORD_KERNEL_SEL4;
    snapshot(0, 0, true, true);
    event(5000, RECORD_EVENT_THREAD_CONFIGURE);
    snapshot(0, 0, true, true);
    event(10, RECORD_EVENT_THREAD_CONFIGURE);
    event(200000, RECORD_EVENT_THREAD_CONFIGURE);
    snapshot(0, 0, true, false);
    kernel = RECORD_KERNEL_CAPSCOPE;
    char *text = trace();
    assert_near(trace_time(text, 1, 0), 5000000);
    assert_near(trace_time(text, 2, 0), 5001000);
    assert_near(trace_time(text, 3, 0), 5001000 + 199990000);
    free(text);
    capdb_close(db);
    db = before;
}

/* --- what the past tells --- */

typedef enum error (*question)(struct capdb *of, uint32_t n, const struct capstate *s,
                               int32_t thread, struct why *out);

/* wanted: what is said, or with ! before it what is not. */
static void must_say(uint32_t n, question q, const char *const *wanted)
{
    struct capstate s;
    struct why w;
    assert_int_equal(capdb_load(db, n, &s), ERR_OK);
    why_init(&w);
    assert_int_equal(q(db, n, &s, capstate_thread_named(&s, "a"), &w), ERR_OK);
    char *text = why_join(&w);
    for (; *wanted; wanted++) {
        bool not = **wanted == '!';
        if (!!strstr(text, *wanted + not ) == not )
            fail_msg("'%s' fails: %s", *wanted, text);
    }
    free(text);
    why_free(&w);
    capstate_free(&s);
}

static void the_past_is_told_by_the_clock_of_snapshots(void **state)
{
    (void)state;
    must_say(2, capdb_past_running,
             (const char *[]){"(event 2, tick 65535)", "every snapshot since 1", NULL});
    must_say(4, capdb_past_running,
             (const char *[]){"(event 6, tick 196000)", ": 197.0 s, 196990 ticks", NULL});
    must_say(5, capdb_past_running, (const char *[]){"(event 7, tick unknown)", NULL});
}

static void the_past_ends_where_the_run_began(void **state)
{
    (void)state;
    must_say(6, capdb_past_running,
             (const char *[]){"snapshot 6 (00:21:50Z) is the first that shows it so",
                              "(event 1, tick 7)", "!event 8", "!the last one that could",
                              "!until snapshot", "!in snapshot 5", NULL});
    must_say(8, capdb_past_running,
             (const char *[]){"every snapshot since 6 (00:21:50Z), the first of this run of the "
                              "machine, shows it so: 92.0 s, 92000 ticks",
                              "(event 3, tick 100000)", "!the last one that could",
                              "!until snapshot", "!event 7", NULL});
    must_say(6, capdb_past_fault, (const char *[]){"!its last fault", NULL});
}

static void a_revoke_ends_with_its_run(void **state)
{
    char *table = NULL;
    (void)state;
    assert_int_equal(capdb_ask(db, "SELECT revoke, first, last, deleted FROM revokes", 100, &table),
                     ERR_OK);
    assert_string_equal(table, "revoke\tfirst\tlast\tdeleted\n1\t3\t4\t0\n2\t6\t-\t0");
    free(table);
}

static void spans_end_with_their_run(void **state)
{
    struct options o = {.run = "test"};
    struct view v = {.db = db};
    struct spans spans = {0};
    struct capdb_run run = {0};
    uint32_t begun = 0;
    (void)state;
    for (uint32_t n = 1; n <= capdb_count(db); n++) {
        assert_int_equal(spans_enter(&spans, &o, &v, n, &run), STATUS_YES);
        begun = begun << 1 | spans_note(&spans, n, "outside", "allow a write b");
    }
    assert_int_equal(begun, 0x84); /* with snapshots 1 and 6 */
    spans_free(&spans);
}

/* --- as they are written down ------------------------------------------------------------------ */

static void assert_as_the_view_says(struct capdb *of)
{
    const bool has = of->keyframes;
    for (uint32_t n = 1; n <= capdb_count(of) + 1; n++) {
        struct capdb_run written;
        struct capdb_run found;
        assert_int_equal(capdb_run_at(of, n, &written), ERR_OK);
        of->keyframes = false;
        assert_int_equal(capdb_run_at(of, n, &found), ERR_OK);
        of->keyframes = has;
        assert_int_equal(written.first, found.first);
        assert_int_equal(written.last, found.last);
        assert_int_equal(written.from_row, found.from_row);
        assert_int_equal(written.next_row, found.next_row);
    }
}

/* Told by the clock, by the number of the boot, by both, by the events alone; with events before the
 * first snapshot of a run and without. */
static void runs_are_written_down_as_they_begin(void **state)
{
    char message[CAPDB_MESSAGE];
    struct capdb *before = db;
    (void)state;
    assert_true(db->keyframes);
    assert_as_the_view_says(db);
    assert_int_equal(capdb_create(":memory:", "test", &db, message), ERR_OK);
    seq = 0;
    snapshot(0, 10, true, true);
    assert_as_the_view_says(db);
    snapshot(0, 5, true, true); /* its clock */
    snapshot(0x11, 50, true, true);
    event(60, RECORD_EVENT_COPY);
    event(70, RECORD_EVENT_COPY);
    snapshot(0x22, 100, true, true); /* its boot */
    seq = 1;
    snapshot(0x22, 200, true, true); /* its events */
    event(210, RECORD_EVENT_COPY);
    seq = 0;
    event(5, RECORD_EVENT_COPY);
    snapshot(0x33, 20, true, true);
    event(25, RECORD_EVENT_COPY);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM run_begin", 0), 5);
    assert_as_the_view_says(db);
    capdb_close(db);
    db = before;
}

/* --- where a run begins --- */

static void a_run_goes_on_up_to_its_last_snapshot(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= capdb_count(db); n++)
        for (uint32_t last = n; last <= capdb_count(db); last++)
            assert_int_equal(capdb_goes_on(db, n, last), n > 5 || last <= 5);
}

/* Once, however often that is asked. */
static void beginnings_of_runs_are_listed(void **state)
{
    (void)state;
    assert_int_equal(capdb_find_runs(db), ERR_OK);
    assert_int_equal(capdb_find_runs(db), ERR_OK);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM temp.begun", -1), 2);
    assert_int_equal(capdb_int(db, "SELECT sum(first) FROM temp.begun", -1), 1 + 6);
}

static int64_t of_run(struct capdb *of, const char *column)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "SELECT %s FROM runs", column);
    return capdb_int(of, sql, -1);
}

#define VIEWS_MADE "SELECT count(*) FROM temp.sqlite_schema WHERE type = 'view'"

/* What the view says, without it. */
static void one_run_needs_no_view(void **state)
{
    struct changing m;
    struct capdb_run run;
    char *path = temp_path();
    (void)state;
    changing_init(&m, 7);
    struct capdb *one = create(path);
    record_changing(one, &m, 6);
    capdb_close(one);
    one = open_db(path);
    assert_int_equal(capdb_run_at(one, 3, &run), ERR_OK);
    assert_int_equal(capdb_find_runs(one), ERR_OK);
    assert_int_equal(capdb_int(one, VIEWS_MADE, -1), 5); /* of rows */
    assert_int_equal(capdb_int(one, "SELECT first FROM temp.begun", -1), run.first);
    assert_int_equal(of_run(one, "first"), run.first);
    assert_int_equal(of_run(one, "last"), run.last);
    assert_int_equal(of_run(one, "from_row"), run.from_row);
    assert_true(run.next_row == INT64_MAX);
    capdb_close(one);
    temp_remove(path);
}

/* --- snapshots by number --- */

static int note_times(void *read, int action, const char *table, const char *column,
                      const char *schema, const char *by)
{
    (void)schema, (void)by;
    if (action == SQLITE_READ && strcmp(table, "snapshot") == 0 && strcmp(column, "time") == 0)
        *(bool *)read = true;
    return SQLITE_OK;
}

/* There may be hundreds of thousands. */
static void a_number_needs_no_times_of_snapshots(void **state)
{
    struct options o = {.run = "test"};
    struct view v = {.db = db};
    bool read = false;
    uint32_t n = 0;
    (void)state;
    sqlite3_set_authorizer(db->sql, note_times, &read);
    assert_int_equal(moment_resolve(&o, &v, "", "3", false, &n), STATUS_YES);
    assert_int_equal(n, 3);
    assert_int_equal(moments_ascend(&o, &v, "5", "2"), STATUS_YES);
    assert_false(read);
    assert_int_equal(moment_resolve(&o, &v, "", "-0s", false, &n), STATUS_YES);
    assert_int_equal(n, capdb_count(db));
    assert_true(read);
    sqlite3_set_authorizer(db->sql, NULL, NULL);
}

/* --- two snapshots at once --- */

static int note_rows(void *read, int action, const char *table, const char *column,
                     const char *schema, const char *by)
{
    (void)column, (void)schema, (void)by;
    if (action == SQLITE_READ && strstr(table, "_row"))
        *(bool *)read = true;
    return SQLITE_OK;
}

/* Such tables are gone through from end to end. */
static void what_no_index_finds_is_read_once_for_two_snapshots(void **state)
{
    const uint32_t n[2] = {2, 3};
    struct part_known known;
    struct part p;
    bool read = false;
    (void)state;
    assert_int_equal(part_know(db, n, NULL, 0, &known), ERR_OK);
    sqlite3_set_authorizer(db->sql, note_rows, &read);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(part_begin_known(db, n[i], &known, &p), ERR_OK);
        assert_int_equal(p.l.sets[ROW_THREAD].count, 1);
        part_free(&p);
    }
    assert_false(read);
    assert_int_equal(part_begin(db, 2, false, &p), ERR_OK);
    assert_true(read);
    part_free(&p);
    sqlite3_set_authorizer(db->sql, NULL, NULL);
    part_known_free(&known);
}

/* What is told anew, for an upgrade or under other rules, comes through the same doors: here the kernel's
 * number alone says that a run began. */
static void what_is_told_anew_has_the_same_runs(void **state)
{
    static const char *const questions[] = {
        "SELECT id, first, target, machine FROM source ORDER BY id",
        "SELECT run, first, last, from_row FROM runs",
        "SELECT value FROM meta WHERE key = 'cut'",
    };
    const struct capdb_source source = {
        .target = "door", .machine = "process 1", .cut = "snapshots 1 to 2 of another"};
    const struct capdb_source other = {.target = "door", .machine = "process 2"};
    char message[CAPDB_MESSAGE];
    struct capdb *kept = db, *anew;
    struct capdb_beginning beginning;
    (void)state;
    assert_int_equal(capdb_create_from(":memory:", &source, &db, message), ERR_OK);
    seq = 5;
    at(1);
    snapshot(0x11, 10, true, true);
    at(2);
    snapshot(0x22, 20, true, true);
    assert_int_equal(capdb_reached_again(db, &other), ERR_OK);
    at(3);
    snapshot(0, 30, true, true);
    assert_int_equal(capdb_flush(db), ERR_OK);
    assert_int_equal(capdb_beginning(db, &beginning), ERR_OK);
    assert_int_equal(capdb_create_from(":memory:", &beginning.source, &anew, message), ERR_OK);
    capdb_beginning_free(&beginning);
    assert_int_equal(capdb_tell_anew(db, anew, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        char *before = NULL, *after = NULL;
        assert_int_equal(capdb_ask(db, questions[i], 100, &before), ERR_OK);
        assert_int_equal(capdb_ask(anew, questions[i], 100, &after), ERR_OK);
        assert_string_equal(before, after);
        free(before);
        free(after);
    }
    assert_int_equal(capdb_int(anew, "SELECT count(*) FROM runs", 0), 3);
    capdb_close(anew);
    capdb_close(db);
    db = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_the_clock_of_snapshots),
        cmocka_unit_test(the_trace_goes_on_through_wraps_and_restarts),
        cmocka_unit_test(a_recorder_that_goes_on_stands_behind_the_one_before),
        cmocka_unit_test(the_past_is_told_by_the_clock_of_snapshots),
        cmocka_unit_test(the_past_ends_where_the_run_began),
        cmocka_unit_test(a_revoke_ends_with_its_run),
        cmocka_unit_test(spans_end_with_their_run),
        cmocka_unit_test(runs_are_written_down_as_they_begin),
        cmocka_unit_test(what_is_told_anew_has_the_same_runs),
        cmocka_unit_test(a_run_goes_on_up_to_its_last_snapshot),
        cmocka_unit_test(beginnings_of_runs_are_listed),
        cmocka_unit_test(one_run_needs_no_view),
        cmocka_unit_test(a_number_needs_no_times_of_snapshots),
        cmocka_unit_test(what_no_index_finds_is_read_once_for_two_snapshots),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
