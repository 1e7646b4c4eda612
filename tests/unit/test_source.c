/* The inspector's source on recordings that grow: of which run of the machine the events are that are
 * kept, and which number a snapshot has on the time line. */
#include "inspector-tui/source.h"
#include "record/vocabulary.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TCB = 0x80100000, SLOT = 0x80000000, MOMENTS = 16, PATIENCE_MS = 60000 };

static char *path;
static struct capdb *db;
static struct source *source;
static uint64_t seq;
static uint32_t kernel;

/* Another boot is another run of the machine. */
static void snapshot(uint32_t boot, uint64_t ticks)
{
    struct capstate s;
    uint32_t n;
    state_begin(&s);
    state_slot(
        &s, (struct record_slot){.addr = SLOT, .type = RECORD_CAP_TCB, .object = TCB, .bits = 9});
    state_end(&s);
    s.snapshot.boot = boot;
    s.snapshot.kernel = kernel;
    s.snapshot.ticks = ticks;
    s.snapshot.seq = kernel == RECORD_KERNEL_CAPSCOPE ? seq : 0;
    assert_int_equal(capdb_append(db, &s, 1000 + (double)ticks, &n), ERR_OK);
    capstate_free(&s);
}

static void events(uint32_t count)
{
    while (count--) {
        struct record r = {.kind = RECORD_EVENT};
        r.event = (struct record_event){
            .seq = ++seq, .kind = RECORD_EVENT_THREAD_CONFIGURE, .thread = TCB, .object2 = TCB};
        assert_int_equal(capdb_put_events(db, &r, 1), ERR_OK);
    }
}

static void records(void)
{
    db = path ? resume_db(path) : create(path = temp_path());
}

static void stops_recording(void)
{
    capdb_close(db);
    db = NULL;
}

static void ask(enum ask_kind kind, uint32_t number)
{
    struct answer a = {0};
    uint32_t id = source_ask(source, &(const struct ask){.kind = kind, .number = number});
    assert_int_not_equal(id, 0);
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        if (source_answer(source, &a) && a.id == id)
            break;
        free(a.text);
        a = (struct answer){0};
        usleep(1000);
    }
    assert_int_equal(a.id, id);
    assert_true(a.ok);
    free(a.text);
}

static void inspects(void)
{
    char message[CAPDB_MESSAGE];
    const struct source_options options = {.target = path, .interval_ms = 1000};
    source = source_open(&options, message, sizeof(message));
    if (!source)
        print_error("%s\n", message);
    assert_non_null(source);
    ask(ASK_SAMPLE, 0);
}

/* "number:run:last event ..." of all points. */
static void assert_moments(const char *wanted)
{
    struct moment m[MOMENTS];
    char text[MOMENTS * 16] = "";
    uint32_t total, count = source_moments(source, m, MOMENTS, &total);
    for (uint32_t i = 0, at = 0; i < count; i++)
        at += (uint32_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u:%u", i ? " " : "",
                                 m[i].number, m[i].run, (uint32_t)m[i].seq);
    assert_string_equal(text, wanted);
}

/* first and last of those that are kept, 0 and 0: there are none. */
static void assert_kept(uint64_t first, uint64_t last)
{
    uint64_t is_first, is_last, lost;
    source_event_range(source, &is_first, &is_last, &lost);
    assert_int_equal(is_first, first);
    assert_int_equal(is_last, last);
}

static int set_up(void **state)
{
    (void)state;
    seq = 0;
    kernel = RECORD_KERNEL_CAPSCOPE;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    source_close(source);
    capdb_close(db);
    temp_remove(path);
    source = NULL;
    db = NULL;
    path = NULL;
    return 0;
}

/* Two snapshots of a run with events, of which some come after the last one; then one of another. */
static void record_two_runs(void)
{
    records();
    events(5);
    snapshot(1, 100);
    events(5);
    snapshot(1, 200);
    events(3);
    seq = 0;
    snapshot(2, 10);
}

static void a_run_without_events_has_none_of_the_run_before(void **state)
{
    (void)state;
    record_two_runs();
    stops_recording();
    inspects();
    assert_kept(0, 0);
    assert_moments("1:0:5 2:0:10 3:1:0");
    records();
    snapshot(2, 20);
    stops_recording();
    ask(ASK_SAMPLE, 0);
    assert_kept(0, 0);
    assert_moments("1:0:5 2:0:10 3:1:0 4:1:0");
    ask(ASK_SEEK, 2);
    assert_kept(1, 13); /* what it did after its last snapshot, too */
    ask(ASK_SEEK, 4);
    assert_kept(0, 0);
}

static void the_first_events_of_a_run_are_kept_when_they_come(void **state)
{
    (void)state;
    record_two_runs();
    stops_recording();
    inspects();
    records();
    events(4);
    snapshot(2, 20);
    events(2);
    snapshot(2, 30);
    stops_recording();
    ask(ASK_SAMPLE, 0);
    assert_kept(1, 6);
    assert_moments("1:0:5 2:0:10 3:1:0 4:1:4 5:1:6");
}

static void a_kernel_without_numbers_goes_on_when_its_recording_grows(void **state)
{
    (void)state;
    kernel = RECORD_KERNEL_SEL4;
    records();
    events(5);
    snapshot(1, 100);
    snapshot(1, 200);
    stops_recording();
    inspects();
    assert_moments("1:0:5 2:0:5");
    records();
    events(2);
    snapshot(1, 300);
    seq = 0;
    snapshot(2, 10);
    events(1);
    snapshot(2, 20);
    stops_recording();
    ask(ASK_SAMPLE, 0);
    assert_moments("1:0:5 2:0:5 3:0:7 4:1:0 5:1:1");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_without_events_has_none_of_the_run_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_events_of_a_run_are_kept_when_they_come, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kernel_without_numbers_goes_on_when_its_recording_grows,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
