/* What was made anew in its slot between two moments that look alike is counted from the events in
 * between, in either direction; where one of these is missing, nothing is said. */
#include "inspector-tui/session.h"

#include "record/vocabulary.h"
#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CNODE = 0x80001000, EP = 0x80003000, SLOTS = 4, THEN = 100, EVENTS = 9 };

/* Slot 1 is deleted and made anew, slot 2 moves to slot 9 and back, slot 3 is deleted, slot 4 stays, slot
 * 5 comes, goes, and comes again. */
static const struct record_event story[EVENTS] = {
    {.seq = THEN + 1, .kind = RECORD_EVENT_DELETE, .slot = CNODE + 16},
    {.seq = THEN + 2, .kind = RECORD_EVENT_MOVE, .slot = CNODE + 9 * 16, .src = CNODE + 32},
    {.seq = THEN + 3, .kind = RECORD_EVENT_RETYPE, .slot = CNODE + 16},
    {.seq = THEN + 4, .kind = RECORD_EVENT_MOVE, .slot = CNODE + 32, .src = CNODE + 9 * 16},
    {.seq = THEN + 5, .kind = RECORD_EVENT_DELETE, .slot = CNODE + 48},
    {.seq = THEN + 6, .kind = RECORD_EVENT_COPY, .slot = CNODE + 80, .src = CNODE + 64},
    {.seq = THEN + 7, .kind = RECORD_EVENT_DELETE, .slot = CNODE + 80},
    {.seq = THEN + 8, .kind = RECORD_EVENT_COPY, .slot = CNODE + 80, .src = CNODE + 64},
    {.seq = THEN + 9, .kind = RECORD_EVENT_THREAD_RESUME},
};
static uint64_t missing; /* an event that is not kept */

uint32_t source_events(struct source *s, uint64_t from, struct record_event *out, uint32_t room)
{
    uint32_t n = 0;
    (void)s;
    for (uint32_t i = 0; i < EVENTS && n < room; i++)
        if (story[i].seq >= from && story[i].seq != missing)
            out[n++] = story[i];
    return n;
}

bool session_has_events(const struct session *s)
{
    (void)s;
    return true;
}

static void put(struct capstate *s, uint32_t index)
{
    state_slot(s, (struct record_slot){.addr = CNODE + index * 16,
                                       .type = RECORD_CAP_ENDPOINT,
                                       .object = EP + index * 16,
                                       .bits = 4,
                                       .rights = 3});
}

struct fixture {
    struct sample then, now;
    struct compare change;
    struct change changes[2];
    uint8_t sign[SLOTS + 2];
    struct session session;
};

static void make(struct fixture *f, bool forward)
{
    *f = (struct fixture){0};
    struct sample *before = forward ? &f->then : &f->now, *after = forward ? &f->now : &f->then;
    state_begin(&f->then.state);
    state_begin(&f->now.state);
    for (uint32_t i = 1; i <= SLOTS; i++)
        put(&f->then.state, i);
    for (uint32_t i = 1; i <= SLOTS + 1; i++)
        if (i != 3)
            put(&f->now.state, i);
    state_end(&f->then.state);
    state_end(&f->now.state);
    f->then.state.snapshot.seq = THEN;
    f->now.state.snapshot.seq = THEN + EVENTS;
    int32_t third = capstate_slot_at(&f->then.state, CNODE + 48);
    int32_t fifth = capstate_slot_at(&f->now.state, CNODE + 80);
    f->changes[0] = forward ? (struct change){CHANGE_REMOVED, third, -1}
                            : (struct change){CHANGE_ADDED, -1, third};
    f->changes[1] = forward ? (struct change){CHANGE_ADDED, -1, fifth}
                            : (struct change){CHANGE_REMOVED, fifth, -1};
    f->change =
        (struct compare){.before = before, .after = after, .changes = f->changes, .count = 2};
    f->change.sign = f->sign;
    f->sign[forward ? fifth : third] = SIGN_BORN;
    f->session.change = &f->change;
}

static void end(struct fixture *f)
{
    free(f->change.remade_slots);
    capstate_free(&f->then.state);
    capstate_free(&f->now.state);
}

static void what_was_made_anew_is_counted(void **state)
{
    (void)state;
    missing = 0;
    for (int forward = 0; forward < 2; forward++) {
        struct fixture f;
        uint32_t n = 77;
        make(&f, forward);
        assert_true(session_remade(&f.session, &n));
        assert_int_equal(n, 1);
        /* and listed, since no change tells of it */
        assert_int_equal(f.change.remade_listed, 1);
        uint64_t slot = f.change.after->state.slots[f.change.remade_slots[0]].rec.addr;
        assert_true(slot != CNODE + 48 && slot != CNODE + 80);
        end(&f);
    }
}

static void without_all_events_nothing_is_said(void **state)
{
    (void)state;
    for (missing = THEN + 1; missing <= THEN + EVENTS; missing++) {
        struct fixture f;
        uint32_t n = 77;
        make(&f, true);
        assert_false(session_remade(&f.session, &n));
        assert_int_equal(n, 0);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_anew_is_counted),
        cmocka_unit_test(without_all_events_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
