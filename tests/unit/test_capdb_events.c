/* Events in a recording: kept in order, seen through the views, and proved to lead from snapshot to
 * snapshot; what is altered or taken away is told. The kernel is the simulated one. */
#include "tests/sim/sim_random.h"

#include "attach/between.h"
#include "attach/between_list.h"
#include "capdb/recorder.h"
#include "facts/toll.h"
#include "objwalk/capscope/walk.h"
#include "record/names.h"

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

struct told {
    uint32_t kind, slot, src, detail, thread;
};

/* The recording holds these events alone, numbered from 100; one of kind 0 is a gap of `detail`. */
static void tell(const struct told *story, uint32_t count)
{
    uint64_t seq = 100;
    assert_int_equal(capdb_exec(db, "DELETE FROM event", "clearing"), ERR_OK);
    for (uint32_t i = 0; i < count; i++, seq++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = (struct record_event){.seq = seq,
                                                .kind = story[i].kind,
                                                .thread = story[i].thread,
                                                .slot = story[i].slot,
                                                .src = story[i].src,
                                                .detail = story[i].detail};
        if (story[i].kind != 0)
            continue;
        events[i] = (struct record){.kind = RECORD_GAP, .gap = {seq, story[i].detail}};
        seq += story[i].detail - 1;
    }
    event_count = count;
    store_events();
}
#define TELL(story) tell(story, sizeof(story) / sizeof((story)[0]))

static void assert_revoke(int number, const char *holds)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT %s FROM revokes WHERE revoke = %d", holds, number);
    if (capdb_int(db, sql, -1) != 1)
        fail_msg("revocation %d: not so: %s", number, holds);
}

/* Three steps, one of which empties a CNode of two, and one interruption in which another thread
 * revokes and deletes; then one that is under way at the end. As the kernel of the debug build tells
 * it. */
static void a_revoke_is_one_row_with_its_preemptions(void **state)
{
    enum { ONE = 0x80200000, OTHER = 0x80200400 };
    static const struct told story[] = {
        {EVENT_REVOKE_BEGIN, 0x80001000, 0, 0, ONE},
        {EVENT_REVOKE_VICTIM, 0x80001010, 0x80001000, 0, ONE},
        {EVENT_DELETE, 0x80001010, 0, 0, ONE},
        {EVENT_REVOKE_VICTIM, 0x80001020, 0x80001000, 1, ONE},
        {EVENT_DELETE, 0x80002000, 0, 0, ONE},
        {EVENT_DELETE, 0x80002010, 0, 0, ONE},
        {EVENT_DELETE, 0x80001020, 0, 1, ONE},
        {EVENT_REVOKE_PREEMPTED, 0x80001000, 0, 2, ONE},
        {EVENT_REVOKE_BEGIN, 0x80005000, 0, 0, OTHER},
        {EVENT_REVOKE_END, 0x80005000, 0, 0, OTHER},
        {EVENT_DELETE, 0x80005000, 0, 0, OTHER},
        {EVENT_REVOKE_RESUMED, 0x80001000, 0, 2, ONE},
        {EVENT_REVOKE_VICTIM, 0x80001030, 0x80001000, 2, ONE},
        {EVENT_DELETE, 0x80001030, 0, 0, ONE},
        {EVENT_REVOKE_END, 0x80001000, 0, 3, ONE},
        {EVENT_REVOKE_BEGIN, 0x80001000, 0, 0, ONE},
        {EVENT_REVOKE_PREEMPTED, 0x80001000, 0, 4, ONE},
    };
    (void)state;
    TELL(story);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM revokes", 0), 3);
    assert_revoke(1, "begins = 100 AND ends = 114 AND deleted = 5 AND steps = 3 AND preempted = 1"
                     " AND lost = 0");
    assert_revoke(2, "deleted = 0 AND steps = 0 AND preempted = 0 AND slot = 0x80005000");
    assert_revoke(3, "ends IS NULL AND deleted = 0 AND steps = 4 AND preempted = 1 AND lost = 0");
}

/* What was lost hides the beginning of the first, the middle of the second, the end of the third
 * and both of the fourth. */
static void a_revoke_is_told_whatever_was_lost_of_it(void **state)
{
    enum { A = 0x80001000, B = 0x80002000, GAP = 0 };
    static const struct told story[] = {
        {GAP, 0, 0, 50, 0},
        {EVENT_REVOKE_VICTIM, A + 16, A, 40, 0},
        {EVENT_REVOKE_END, A, 0, 41, 0},
        {EVENT_REVOKE_BEGIN, A, 0, 0, 0},
        {GAP, 0, 0, 2000, 0},
        {EVENT_REVOKE_END, A, 0, 700, 0},
        {EVENT_REVOKE_BEGIN, A, 0, 0, 0},
        {EVENT_REVOKE_PREEMPTED, A, 0, 30, 0},
        {GAP, 0, 0, 60, 0},
        {EVENT_REVOKE_RESUMED, A, 0, 5, 0},
        {EVENT_REVOKE_VICTIM, A + 16, A, 6, 0},
        {GAP, 0, 0, 9, 0},
        {EVENT_REVOKE_BEGIN, B, 0, 0, 0},
        {EVENT_REVOKE_END, B, 0, 1, 0},
    };
    (void)state;
    TELL(story);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM revokes", 0), 5);
    assert_revoke(1, "begins IS NULL AND ends = 151 AND steps = 41 AND lost = 50");
    assert_revoke(2, "begins = 152 AND ends = 2153 AND steps = 700 AND lost = 2000");
    assert_revoke(3, "begins = 2154 AND ends IS NULL AND steps = 30 AND lost = 60");
    assert_revoke(4, "begins IS NULL AND ends IS NULL AND steps = 7 AND lost = 69");
    assert_revoke(5, "begins = 2227 AND ends = 2228 AND steps = 1 AND lost = 0");
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

static struct record_event all_events[SNAPSHOTS * EVENTS_MAX];
static uint32_t all_count;

static void keep_event(void *ctx, const struct record *r)
{
    (void)ctx;
    if (r->kind == RECORD_EVENT)
        all_events[all_count++] = r->event;
}

static uint32_t events_until_in(const struct record_event *list, uint32_t count, uint64_t seq)
{
    uint32_t n = 0;
    while (n < count && list[n].seq <= seq)
        n++;
    return n;
}

static uint32_t events_until(uint64_t seq)
{
    return events_until_in(all_events, all_count, seq);
}

static void count_change(void *ctx, enum capstate_change change, const struct capstate_slot *before,
                         const struct capstate_slot *after)
{
    (void)change, (void)before, (void)after;
    ++*(uint32_t *)ctx;
}

/* Each moment on the way can be gone to, and the last one is the next snapshot. */
static void walk_between(const struct capstate *from, const struct capstate *to)
{
    for (uint64_t seq = from->snapshot.seq; seq <= to->snapshot.seq; seq++) {
        struct capstate mid;
        uint32_t changes = 0;
        assert_int_equal(between_state(from, all_events, events_until(seq), &mid), ERR_OK);
        assert_int_equal(mid.snapshot.seq, seq);
        if (seq == to->snapshot.seq) {
            assert_int_equal(capstate_diff(&mid, to, count_change, &changes), ERR_OK);
            assert_int_equal(changes, 0);
            assert_int_equal(mid.slot_count, to->slot_count);
        }
        capstate_free(&mid);
    }
}

static void every_event_is_a_moment(void **state)
{
    struct capstate from, to, none;
    (void)state;
    all_count = 0;
    assert_int_equal(capdb_get_events(db, SNAPSHOTS * EVENTS_MAX, keep_event, NULL), ERR_OK);
    for (uint32_t n = 1; n < SNAPSHOTS; n++) {
        assert_int_equal(capdb_load(db, n, &from), ERR_OK);
        assert_int_equal(capdb_load(db, n + 1, &to), ERR_OK);
        walk_between(&from, &to);
        uint32_t first = events_until(from.snapshot.seq);
        /* the first event after the snapshot is missing */
        assert_int_equal(between_state(&from, all_events + first + 1,
                                       events_until(to.snapshot.seq) - first - 1, &none),
                         ERR_SEQUENCE);
        capstate_free(&from);
        capstate_free(&to);
    }
}

/* Those of some snapshots, with a limit that cuts, against all. */
static void events_around_a_snapshot_are_a_part_of_all(void **state)
{
    (void)state;
    all_count = 0;
    assert_int_equal(capdb_get_events(db, SNAPSHOTS * EVENTS_MAX, keep_event, NULL), ERR_OK);
    uint32_t total = all_count;
    struct record_event *all = malloc(total * sizeof(*all));
    assert_non_null(all);
    memcpy(all, all_events, total * sizeof(*all));
    for (uint32_t n = 1; n <= SNAPSHOTS; n++)
        for (uint32_t most = 2; most < 4 * EVENTS_MAX; most = most * 2 + 1) {
            struct capdb_event_window w = {.row = 1, .next = INT64_MAX, .n = n};
            struct capstate s;
            assert_int_equal(capdb_load(db, n, &s), ERR_OK);
            uint32_t at = events_until_in(all, total, s.snapshot.seq), first = 0;
            capstate_free(&s);
            all_count = 0;
            assert_int_equal(capdb_get_events_around(db, &w, most, keep_event, NULL), ERR_OK);
            assert_int_equal(all_count, total < most ? total : most);
            while (first < total && all[first].seq != all_events[0].seq)
                first++;
            assert_memory_equal(all + first, all_events, all_count * sizeof(*all));
            assert_int_equal(w.earlier, first > 0);
            assert_int_equal(w.later, first + all_count < total);
            /* what is shown lies within, and as much behind it as before it, if there is so much */
            assert_true(first <= at && at <= first + all_count);
            assert_true(!w.later || first + all_count - at >= most / 2);
            assert_true(!w.earlier || at - first >= most / 2);
        }
    free(all);
}

/* A snapshot that was taken in the midst of a revoke goes on with its next victim, though no event says
 * who had begun it. */
static void a_snapshot_within_a_revoke_goes_on(void **state)
{
    struct capstate from, mid, next;
    uint32_t tried = 0;
    (void)state;
    all_count = 0;
    assert_int_equal(capdb_get_events(db, SNAPSHOTS * EVENTS_MAX, keep_event, NULL), ERR_OK);
    assert_int_equal(capdb_load(db, 1, &from), ERR_OK);
    uint32_t end = events_until(from.snapshot.seq) + EVENTS_MAX;
    for (uint32_t i = events_until(from.snapshot.seq); i < end && i < all_count; i++) {
        if (all_events[i].kind != RECORD_EVENT_REVOKE_VICTIM ||
            between_state(&from, all_events, i, &mid) != ERR_OK)
            continue;
        if (mid.revoke.root == all_events[i].src) {
            tried++;
            assert_int_equal(between_state(&mid, all_events + i, 1, &next), ERR_OK);
            assert_int_equal(next.revoke.victim, all_events[i].slot);
            assert_int_equal(next.revoke.done, all_events[i].detail);
            capstate_free(&next);
        }
        capstate_free(&mid);
    }
    assert_true(tried > 1);
    capstate_free(&from);
}

/* Steps that the revoke counts at its end, by its events from the i-th on; UINT32_MAX: it has none there. */
static uint32_t steps_at_end(uint32_t i, uint64_t root)
{
    for (; i < all_count; i++)
        if (all_events[i].kind == RECORD_EVENT_REVOKE_END && all_events[i].slot == root)
            return (uint32_t)all_events[i].detail;
    return UINT32_MAX;
}

/* At every event of a revoke, also while a CNode or a thread is half emptied. */
static void steps_done_and_to_go_have_one_sum(void **state)
{
    struct capstate from, mid;
    struct toll toll;
    uint32_t tried = 0;
    (void)state;
    all_count = 0;
    assert_int_equal(capdb_get_events(db, SNAPSHOTS * EVENTS_MAX, keep_event, NULL), ERR_OK);
    assert_int_equal(capdb_load(db, 1, &from), ERR_OK);
    for (uint32_t i = events_until(from.snapshot.seq); i < all_count; i++) {
        if (between_state(&from, all_events, i + 1, &mid) != ERR_OK)
            continue;
        uint32_t all = mid.revoke.root ? steps_at_end(i, mid.revoke.root) : UINT32_MAX;
        if (all != UINT32_MAX) {
            tried++;
            int32_t root = capstate_slot_at(&mid, mid.revoke.root);
            assert_int_equal(toll_of(&mid, root, NULL, &toll), ERR_OK);
            if (toll_steps_done(&mid) + toll.steps != all)
                fail_msg("event %u (%s): %u done, %u to go, %u in all", (unsigned)all_events[i].seq,
                         event_kind_name(all_events[i].kind), toll_steps_done(&mid), toll.steps,
                         all);
        }
        capstate_free(&mid);
    }
    assert_true(tried > 1);
    capstate_free(&from);
}

/* What moves records alone (of kernels whose words no mirror holds) agrees with the mirror, of slots and
 * of what each was derived from. */
static void records_alone_lead_to_the_same(void **state)
{
    struct capstate from, to;
    uint32_t applied = 0;
    (void)state;
    all_count = 0;
    assert_int_equal(capdb_get_events(db, SNAPSHOTS * EVENTS_MAX, keep_event, NULL), ERR_OK);
    for (uint32_t n = 1; n < SNAPSHOTS; n++) {
        struct between_list list;
        assert_int_equal(capdb_load(db, n, &from), ERR_OK);
        assert_int_equal(capdb_load(db, n + 1, &to), ERR_OK);
        assert_int_equal(between_list_init(&list, &from), ERR_OK);
        uint32_t i = events_until(from.snapshot.seq), end = events_until(to.snapshot.seq);
        for (; i < end; i++, applied++)
            assert_int_equal(between_list_apply(&list, &all_events[i]), ERR_OK);
        const struct between_slot *s = list.first;
        for (i = 0; i < to.slot_count; i++, s = s->next) {
            assert_non_null(s);
            assert_int_equal(s->rec.addr, to.slots[i].rec.addr);
            assert_int_equal(s->rec.depth, to.slots[i].rec.depth);
            assert_int_equal(s->rec.object, to.slots[i].rec.object);
        }
        assert_null(s);
        between_list_free(&list);
        capstate_free(&from);
        capstate_free(&to);
    }
    assert_true(applied > 0);
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
        CASE(a_snapshot_within_a_revoke_goes_on),
        CASE(steps_done_and_to_go_have_one_sum),
        CASE(records_alone_lead_to_the_same),
        CASE(every_event_is_a_moment),
        CASE(events_around_a_snapshot_are_a_part_of_all),
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
        CASE(a_revoke_is_told_whatever_was_lost_of_it),
        CASE(other_records_are_no_events),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
