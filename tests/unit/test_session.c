/* The inspector's model, over a source that is made up: where steps through the past end, and whether what
 * is shown is older than the stop at which the machine stands. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the source: two revokes, one snapshot before them --- */

enum { ROOT = 0x1000, VICTIM = 0x2000 };

static const uint32_t story[] = {
    RECORD_EVENT_REVOKE_BEGIN,  RECORD_EVENT_REVOKE_VICTIM, RECORD_EVENT_REVOKE_VICTIM,
    RECORD_EVENT_REVOKE_VICTIM, RECORD_EVENT_REVOKE_END,    RECORD_EVENT_REVOKE_BEGIN,
    RECORD_EVENT_REVOKE_VICTIM, RECORD_EVENT_REVOKE_VICTIM, RECORD_EVENT_REVOKE_END,
};
enum { EVENTS = sizeof(story) / sizeof(*story) };
static uint64_t event_asked;
static bool live;

uint32_t source_events(struct source *s, uint64_t from, struct record_event *out, uint32_t room)
{
    uint32_t n = 0;
    (void)s;
    for (uint64_t seq = from ? from : 1; seq <= EVENTS && n < room; seq++)
        out[n++] = (struct record_event){.seq = seq,
                                         .kind = story[seq - 1],
                                         .slot = VICTIM + seq * 16,
                                         .src = ROOT,
                                         .detail = seq};
    return n;
}

bool source_event_range(struct source *s, uint64_t *first, uint64_t *last, uint64_t *lost)
{
    (void)s;
    *first = 1;
    *last = EVENTS;
    *lost = 0;
    return true;
}

struct event_window source_event_window(struct source *s)
{
    (void)s;
    return (struct event_window){0};
}

uint32_t source_moments(struct source *s, struct moment *out, uint32_t room, uint32_t *total)
{
    (void)s;
    *total = 1;
    if (room > 0)
        *out = (struct moment){.number = 1};
    return room > 0;
}

uint32_t source_ask(struct source *s, const struct ask *ask)
{
    (void)s;
    event_asked = ask->kind == ASK_EVENT ? ask->addr : event_asked;
    return 1;
}

bool source_is_live(const struct source *s)
{
    (void)s;
    return live;
}

static struct sample *newest;

struct sample *source_sample(struct source *s, uint32_t number)
{
    (void)s, (void)number;
    return newest ? sample_hold(newest) : NULL;
}

struct sample *source_take(struct source *s, struct compare **change)
{
    (void)s;
    *change = NULL;
    return NULL;
}

void source_ask_compare(struct source *s, struct sample *before, struct sample *after)
{
    (void)s, (void)before, (void)after;
}

struct compare *source_compared(struct source *s)
{
    (void)s;
    return NULL;
}

static const char *console; /* what a program has printed */

char *source_console(struct source *s)
{
    (void)s;
    char *text = console ? strdup(console) : NULL;
    console = NULL;
    return text;
}

bool source_answer(struct source *s, struct answer *out)
{
    (void)s, (void)out;
    return false;
}

bool source_give_up(struct source *s)
{
    (void)s;
    return false;
}

uint32_t source_point(struct source *s, uint32_t shown, char *why, size_t size)
{
    (void)s, (void)why, (void)size;
    return shown;
}

void source_recording(struct source *s, char *text, size_t size)
{
    (void)s, (void)size;
    *text = 0;
}

void source_state(struct source *s, struct target_state *out)
{
    (void)s;
    *out = (struct target_state){0};
}

/* The real one knows all keys, and with them the screen. */
const char *bindings_key(const char *action)
{
    return action;
}

/* --- claims --- */

static uint64_t steps(struct session *s, uint64_t from, long count)
{
    event_asked = 0;
    session_seek_step(s, from, count);
    return event_asked;
}

static void steps_through_the_past_end_with_their_revoke(void **state)
{
    struct sample now = {.number = 1};
    struct session s;
    (void)state;
    session_init(&s, NULL);
    s.now = &now;
    assert_int_equal(steps(&s, 2, 1), 3);
    assert_int_equal(steps(&s, 2, 3), 5);
    assert_int_equal(steps(&s, 2, 4), 5); /* and not the first of the next */
    assert_int_equal(steps(&s, 2, 99), 5);
    assert_int_equal(steps(&s, 5, 2), 8);
    assert_int_equal(steps(&s, 9, -1), 8);
    assert_int_equal(steps(&s, 9, -2), 7);
    assert_int_equal(steps(&s, 9, -99), 7);
    assert_int_equal(steps(&s, 7, -1), 5); /* of the one before, where one begins */
    assert_int_equal(steps(&s, 4, -99), 2);
}

/* While the machine runs on, the newest snapshot is no place to look back from: the event is. */
static void a_step_back_to_the_newest_snapshot_stays_there(void **state)
{
    struct sample now = {.number = 1};
    struct sample ends = {.number = 1, .holders = 1, .state.snapshot.seq = 9};
    struct session s;
    (void)state;
    session_init(&s, NULL);
    s.now = &now;
    newest = &ends;
    live = true;
    assert_int_equal(steps(&s, EVENTS + 1, -1), 9);
    assert_true(session_is_past(&s));
    live = false;
    newest = NULL;
}

static struct session standing(struct sample *now, enum target_kind kind, const char *where)
{
    struct session s;
    session_init(&s, NULL);
    s.now = now;
    s.target.kind = kind;
    strcpy(s.target.where, where);
    return s;
}

static void what_was_read_before_a_stop_is_older(void **state)
{
    struct sample now = {.number = 1, .target = {.kind = TARGET_RUNNING}};
    (void)state;
    live = true;
    struct session runs = standing(&now, TARGET_RUNNING, ""),
                   held = standing(&now, TARGET_HELD, "by you");
    assert_false(session_is_older(&runs));
    assert_true(session_is_older(&held));
    now.target = held.target;
    assert_false(session_is_older(&held));
    struct session stepped = standing(&now, TARGET_STOPPED, "step #17");
    assert_true(session_is_older(&stepped));
    now.target = stepped.target;
    assert_false(session_is_older(&stepped));
    struct session further = standing(&now, TARGET_STOPPED, "step #18");
    assert_true(session_is_older(&further));
    further.at = 1; /* who looks back sees what is older anyway */
    assert_false(session_is_older(&further));
    live = false;
}

static void a_message_has_a_line_of_its_own(void **state)
{
    struct session s;
    (void)state;
    session_init(&s, NULL);
    console = "login";
    session_take(&s);
    console = ": ";
    session_take(&s);
    assert_string_equal(s.log, "login: ");
    session_say(&s, false, "the machine is stopped");
    session_log(&s, "an answer\n");
    console = "half\n";
    session_take(&s);
    assert_string_equal(s.log, "login: \nthe machine is stopped\nan answer\nhalf\n");
    session_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_through_the_past_end_with_their_revoke),
        cmocka_unit_test(a_step_back_to_the_newest_snapshot_stays_there),
        cmocka_unit_test(what_was_read_before_a_stop_is_older),
        cmocka_unit_test(a_message_has_a_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
