/* The inspector and the view `revokes` of a recording put revocations together from the same events,
 * and count the same: whatever the events are, and whichever of them are missing. */
#include "inspector-tui/revocations.h"

#include "capdb/store.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 150, LONGEST = 120, PLACES = 3, THREAD = 0x80200000, SLOT = 0x80001000 };

static struct record story[LONGEST];
static uint32_t told; /* of the story, gaps included */

/* --- the inspector's source of events --- */

uint32_t source_events(struct source *s, uint64_t from, struct record_event *out, uint32_t room)
{
    uint32_t n = 0;
    (void)s;
    for (uint32_t i = 0; i < told && n < room; i++)
        if (story[i].kind == RECORD_EVENT && story[i].event.seq >= from)
            out[n++] = story[i].event;
    return n;
}

bool source_event_range(struct source *s, uint64_t *first, uint64_t *last, uint64_t *lost)
{
    (void)s;
    *first = *last = *lost = 0;
    for (uint32_t i = 0; i < told; i++)
        if (story[i].kind == RECORD_EVENT)
            *last = story[i].event.seq;
    return *last != 0;
}

struct event_window source_event_window(struct source *s)
{
    (void)s;
    return (struct event_window){0};
}

/* --- stories --- */

static const uint32_t kinds[] = {
    RECORD_EVENT_REVOKE_BEGIN,   RECORD_EVENT_REVOKE_VICTIM,    RECORD_EVENT_REVOKE_VICTIM,
    RECORD_EVENT_DELETE,         RECORD_EVENT_DELETE,           RECORD_EVENT_DELETE,
    RECORD_EVENT_REVOKE_RESUMED, RECORD_EVENT_REVOKE_PREEMPTED, RECORD_EVENT_REVOKE_END,
};

/* No kernel tells such a story; each event of it may stand where others were lost before. */
static void make_story(unsigned seed)
{
    uint64_t seq = 1;
    srand(seed);
    told = 1 + (uint32_t)rand() % LONGEST;
    for (uint32_t i = 0; i < told; i++) {
        if (rand() % 16 == 0) {
            uint64_t lost = 1 + (uint64_t)rand() % 5;
            story[i] = (struct record){.kind = RECORD_GAP, .gap = {seq, lost}};
            seq += lost;
            continue;
        }
        uint64_t slot = SLOT + (uint64_t)(rand() % PLACES) * 16;
        uint32_t kind = kinds[(size_t)rand() % (sizeof(kinds) / sizeof(*kinds))];
        bool victim = kind == RECORD_EVENT_REVOKE_VICTIM;
        story[i] = (struct record){.kind = RECORD_EVENT};
        story[i].event = (struct record_event){
            .seq = seq++,
            .kind = kind,
            .thread = THREAD + (uint64_t)(rand() % PLACES) * 1024,
            .slot = victim ? SLOT + 0x1000 : slot,
            .src = victim ? slot : 0,
            .detail = (uint64_t)rand() % 9,
        };
    }
    while (told > 0 && story[told - 1].kind == RECORD_GAP)
        told--; /* the inspector hears of a gap by the event after it */
}

/* --- the comparison --- */

/* Of each revocation the numbers that both tell, oldest first. */
static const char view_sql[] =
    "SELECT b.seq, r.deleted, r.steps, r.preempted, coalesce(r.ends, 0),"
    " r.begins IS NOT NULL AND r.lost = 0"
    " FROM revokes r JOIN revoke_span s ON s.revoke = r.revoke JOIN event b ON b.row = s.first_row"
    " ORDER BY r.revoke";

static void compare(sqlite3_stmt *st, const struct revocation *v, unsigned seed)
{
    const int64_t inspector[] = {
        (int64_t)v->first, v->caps, v->steps, v->preemptions, v->ended ? (int64_t)v->last : 0,
        v->whole};
    static const char *const what[] = {"first event", "capabilities", "steps",
                                       "preemptions", "end",          "whole"};
    for (int c = 0; c < 6; c++)
        if (sqlite3_column_int64(st, c) != inspector[c])
            fail_msg("seed %u, revocation at event %u, %s: %d in the inspector, %d in the view",
                     seed, (unsigned)v->first, what[c], (int)inspector[c],
                     (int)sqlite3_column_int64(st, c));
}

static uint32_t try_story(struct capdb *db, unsigned seed)
{
    struct revocations r = {0};
    make_story(seed);
    assert_int_equal(capdb_exec(db, "DELETE FROM event", "clearing"), ERR_OK);
    assert_int_equal(capdb_put_events(db, story, told), ERR_OK);
    revocations_follow(&r, NULL);
    sqlite3_stmt *st;
    uint32_t n = 0;
    assert_int_equal(capdb_prepare(db, view_sql, &st), ERR_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_true(n < r.count);
        compare(st, &r.kept[n++], seed);
    }
    assert_int_equal(n, r.count);
    sqlite3_finalize(st);
    revocations_fini(&r);
    return n;
}

static void inspector_and_recording_count_the_same(void **state)
{
    uint32_t compared = 0;
    char *path = temp_path();
    struct capdb *db = create(path);
    (void)state;
    for (unsigned seed = 1; seed <= ROUNDS; seed++)
        compared += try_story(db, seed);
    assert_true(compared > ROUNDS);
    capdb_close(db);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspector_and_recording_count_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
