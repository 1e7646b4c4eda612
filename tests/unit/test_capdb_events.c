/* Events in a recording: kept in order, seen through the views, and proved to lead from snapshot to
 * snapshot; what is altered or taken away is told. The kernel is the simulated one. */
#include "tests/sim/sim_random.h"

#include "capdb/recorder.h"
#include "objwalk/capscope/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOTS = 6, STEPS = 60, EVENTS_MAX = 4000 };

static struct objwalk walk;
static struct memview view;
static struct capdb *db;
static struct sim_random random_ops;
static struct record events[EVENTS_MAX];
static uint32_t event_count;
static unsigned faults;
static char fault[CAPDB_MESSAGE];

/* --- recording the simulated kernel --- */

static void on_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                     struct cap cap, kaddr_t object, word_t detail)
{
    (void)ctx;
    struct event_ring ring;
    assert_int_equal(memview_read(&view, walk.roots.event_ring, &ring, sizeof(ring)), ERR_OK);
    struct event e = {.seq = ring.head,
                      .kind = kind,
                      .thread = ks.current,
                      .slot = kaddr_of(slot),
                      .src = kaddr_of(src),
                      .cap = {cap.w[0], cap.w[1]},
                      .object = object,
                      .detail = detail};
    assert_true(event_count < EVENTS_MAX);
    events[event_count].kind = RECORD_EVENT;
    objwalk_event(&walk, &e, &events[event_count++].event);
}

static enum error add_record(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

/* --- a kernel of the layout before, which had another digest --- */

enum { LAYOUT_BEFORE = 0x20261123 };
static uint32_t layout; /* of the snapshots that are recorded, 0: this kernel's */

static struct record_end with_digest_before(struct record_end end)
{
    end.digest0 = end.digest1 = 0;
    for (kaddr_t at = ks.cdt_head.next & SLOT_LINK_MASK; at != kaddr_of(&ks.cdt_head);) {
        const struct slot *s = kptr(at);
        uint32_t a = (at ^ s->cap.w[0]) * 0x9e3779b1u;
        uint32_t b = (s->cap.w[1] + (s->next & 0xfffffff3u)) * 0x85ebca6bu;
        a ^= a >> 15;
        b ^= b >> 13;
        end.digest0 += (a + b) * 0xc2b2ae35u;
        end.digest1 += (a ^ b ^ at) * 0x27d4eb2fu;
        at = s->next & SLOT_LINK_MASK;
    }
    return end;
}

static enum error add_record_before(void *ctx, const struct record *r)
{
    struct record old = *r;
    if (r->kind == RECORD_SNAPSHOT)
        old.snapshot.layout = layout;
    if (r->kind == RECORD_END)
        old.end = with_digest_before(r->end);
    return capstate_add(ctx, &old);
}

static void append_snapshot(void)
{
    struct capstate s;
    uint32_t n;
    capstate_init(&s);
    assert_int_equal(
        objwalk_snapshot(&walk, SNAPSHOT_STOPPED, layout ? add_record_before : add_record, &s),
        ERR_OK);
    assert_int_equal(capstate_finish(&s), ERR_OK);
    assert_int_equal(capdb_append(db, &s, 1000.0, &n), ERR_OK);
    capstate_free(&s);
}

static void store_events(void)
{
    assert_int_equal(capdb_put_events(db, events, event_count), ERR_OK);
    event_count = 0;
}

static int setup(void **state)
{
    char message[CAPDB_MESSAGE];
    kaddr_t roots;
    (void)state;
    memset(&hostsim, 0, sizeof(hostsim));
    sim_boot();
    view = sim_memview();
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &roots), ERR_OK);
    assert_int_equal(objwalk_open(&walk, &view, roots), ERR_OK);
    assert_int_equal(capdb_create(":memory:", "sim", &db, message), ERR_OK);
    srand(11);
    sim_random_begin(&random_ops);
    hostsim.hooks.event = on_event;
    event_count = 0;
    append_snapshot();
    for (unsigned i = 1; i < SNAPSHOTS; i++) {
        for (unsigned k = 0; k < STEPS; k++)
            sim_random_step(&random_ops);
        store_events();
        append_snapshot();
    }
    return 0;
}

static int setup_before(void **state)
{
    layout = LAYOUT_BEFORE;
    return setup(state);
}

/* The former digest under this kernel's layout number. */
static int setup_mixed_up(void **state)
{
    layout = LAYOUT_HASH;
    return setup(state);
}

static int setup_unknown(void **state)
{
    layout = LAYOUT_BEFORE - 1;
    return setup(state);
}

static int teardown(void **state)
{
    (void)state;
    hostsim.hooks.event = NULL;
    capdb_close(db);
    sim_end();
    layout = 0;
    return 0;
}

static void note_fault(void *ctx, const char *sentence)
{
    (void)ctx;
    faults++;
    snprintf(fault, sizeof(fault), "%s", sentence);
}

static enum error verify(void)
{
    faults = 0;
    fault[0] = '\0';
    return capdb_verify(db, note_fault, NULL);
}

/* What the events themselves say of the way to snapshot n, whatever the ledger finds. */
static bool proved(uint32_t n)
{
    struct capstate from;
    struct capstate to;
    struct capdb_proof *proof = capdb_proof_begin(db);
    fault[0] = '\0';
    assert_non_null(proof);
    assert_int_equal(capdb_load(db, n - 1, &from), ERR_OK);
    assert_int_equal(capdb_load(db, n, &to), ERR_OK);
    bool good = capdb_proof_next(proof, n, &from, &to, fault, sizeof(fault));
    capdb_proof_end(proof);
    capstate_free(&from);
    capstate_free(&to);
    return good;
}

static void change(const char *sql)
{
    assert_int_equal(capdb_exec(db, sql, "tampering"), ERR_OK);
    assert_int_equal(sqlite3_changes(db->sql), 1);
}

/* --- tests --- */

static void events_lead_from_snapshot_to_snapshot(void **state)
{
    (void)state;
    assert_true(capdb_has_events(db));
    if (verify() != ERR_OK)
        fail_msg("%s", fault);
}

static void every_event_is_seen_in_order(void **state)
{
    (void)state;
    assert_int_equal(capdb_int(db,
                               "SELECT count(*) FROM (SELECT seq - lag(seq) OVER (ORDER BY row) AS"
                               " step FROM event) WHERE step <> 1",
                               -1),
                     0);
    assert_int_equal(capdb_int(db, "SELECT min(n) = 2 AND max(n) = 6 FROM events", 0), 1);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM events WHERE event IS NULL", -1), 0);
    assert_int_equal(
        capdb_int(db, "SELECT count(*) > 50 FROM events WHERE thread = 'rootserver'", -1), 1);
}

static void a_missing_event_is_told(void **state)
{
    (void)state;
    change("DELETE FROM event WHERE row = (SELECT row FROM event WHERE n = 3 ORDER BY row"
           " LIMIT 1 OFFSET 5)");
    assert_false(proved(3));
    assert_non_null(strstr(fault, "are missing before event"));
    assert_int_equal(verify(), ERR_CORRUPT);
    assert_int_equal(faults, 2);
}

static void missing_events_at_the_end_are_told(void **state)
{
    (void)state;
    change("DELETE FROM event WHERE row = (SELECT max(row) FROM event WHERE n = 4)");
    assert_false(proved(4));
    assert_string_equal(fault, "the events do not lead from snapshot 3 to snapshot 4");
    assert_int_equal(verify(), ERR_CORRUPT);
}

static void an_altered_event_is_told(void **state)
{
    (void)state;
    change("UPDATE event SET object = object + 16 WHERE row ="
           " (SELECT min(row) FROM event WHERE n = 5 AND kind = 11)");
    assert_false(proved(5));
    assert_non_null(strstr(fault, "does not fit snapshot 4 and the events after it"));
    assert_int_equal(verify(), ERR_CORRUPT);
}

static void a_digest_of_another_formula_is_told(void **state)
{
    (void)state;
    assert_int_equal(verify(), ERR_CORRUPT);
    assert_non_null(strstr(fault, "does not agree with its digest"));
}

static void events_of_an_unknown_layout_prove_nothing(void **state)
{
    (void)state;
    change("UPDATE event SET object = object + 16 WHERE row ="
           " (SELECT min(row) FROM event WHERE n = 5 AND kind = 11)");
    assert_true(proved(5));
}

static void a_told_gap_is_no_fault_and_proves_nothing(void **state)
{
    (void)state;
    events[0] = (struct record){.kind = RECORD_GAP, .gap = {1, 1}};
    event_count = 1;
    store_events();
    sim_random_step(&random_ops);
    append_snapshot();
    assert_int_equal(verify(), ERR_OK);
    assert_int_equal(capdb_int(db, "SELECT sum(lost) FROM events", 0), 1);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM events WHERE event = 'gap'", 0), 1);
}

/* Five victims, one interruption, as the kernel of the debug build tells it. */
static void a_revoke_is_one_row_with_its_preemptions(void **state)
{
    static const struct {
        uint32_t kind, slot, src, detail;
    } story[] = {
        {EVENT_REVOKE_BEGIN, 0x80001000, 0, 0},
        {EVENT_REVOKE_VICTIM, 0x80001010, 0x80001000, 0},
        {EVENT_REVOKE_VICTIM, 0x80001020, 0x80001000, 1},
        {EVENT_REVOKE_PREEMPTED, 0x80001000, 0, 2},
        {EVENT_REVOKE_BEGIN, 0x80005000, 0, 0},
        {EVENT_REVOKE_END, 0x80005000, 0, 0},
        {EVENT_REVOKE_RESUMED, 0x80001000, 0, 2},
        {EVENT_REVOKE_VICTIM, 0x80001030, 0x80001000, 2},
        {EVENT_REVOKE_END, 0x80001000, 0, 3},
        {EVENT_REVOKE_BEGIN, 0x80001000, 0, 0},
        {EVENT_REVOKE_PREEMPTED, 0x80001000, 0, 4},
    };
    enum { COUNT = sizeof(story) / sizeof(story[0]) };
    (void)state;
    assert_int_equal(capdb_exec(db, "DELETE FROM event", "clearing"), ERR_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = (struct record_event){.seq = 100 + i,
                                                .kind = story[i].kind,
                                                .slot = story[i].slot,
                                                .src = story[i].src,
                                                .detail = story[i].detail};
    }
    event_count = COUNT;
    store_events();
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM revokes", 0), 3);
    assert_int_equal(capdb_int(db,
                               "SELECT begins = 100 AND ends = 108 AND deleted = 3 AND"
                               " preempted = 1 FROM revokes WHERE revoke = 1",
                               0),
                     1);
    assert_int_equal(capdb_int(db,
                               "SELECT deleted = 0 AND preempted = 0 AND slot = 0x80005000"
                               " FROM revokes WHERE revoke = 2",
                               0),
                     1);
    assert_int_equal(capdb_int(db,
                               "SELECT ends IS NULL AND deleted = 4 AND preempted = 1"
                               " FROM revokes WHERE revoke = 3",
                               0),
                     1);
}

static void other_records_are_no_events(void **state)
{
    (void)state;
    int64_t before = capdb_int(db, "SELECT count(*) FROM event", -1);
    events[0] = (struct record){.kind = RECORD_TEXT};
    events[1] = (struct record){.kind = RECORD_DIGEST};
    assert_int_equal(capdb_put_events(db, events, 2), ERR_OK);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM event", -1), before);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_BEFORE(name)                                                                          \
    {                                                                                              \
#name "_in_the_layout_before", name, setup_before, teardown, NULL                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_lead_from_snapshot_to_snapshot),
        CASE(every_event_is_seen_in_order),
        CASE(a_missing_event_is_told),
        CASE(missing_events_at_the_end_are_told),
        CASE(an_altered_event_is_told),
        CASE_BEFORE(events_lead_from_snapshot_to_snapshot),
        CASE_BEFORE(missing_events_at_the_end_are_told),
        CASE_BEFORE(an_altered_event_is_told),
        cmocka_unit_test_setup_teardown(a_digest_of_another_formula_is_told, setup_mixed_up,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_of_an_unknown_layout_prove_nothing, setup_unknown,
                                        teardown),
        CASE(a_told_gap_is_no_fault_and_proves_nothing),
        CASE(a_revoke_is_one_row_with_its_preemptions),
        CASE(other_records_are_no_events),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
