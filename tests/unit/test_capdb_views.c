/* The views of a recording: crossings are what owners and capabilities say, and SQLite's work for
 * them grows with what there is, which the steps of its machine tell without a clock. */
#include "capdb/store.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DOMAINS = 2, SLOT = 16, SHARED = 0x40000000, ROOT_THREAD = 0x70000000 };
enum { SLOT_UNTYPED = 1, SLOT_COPY, SLOT_CNODE, SLOT_FRAME, SLOT_SHARED, SLOT_FOREIGN, SLOT_FREE };
enum { FEW = 25, MANY = 200, GROWTH = MANY / FEW };

/* --- two domains whose threads share a CNode ---------------------------------------------------- */

static uint64_t base(uint32_t d)
{
    return 0x80000000u + ((uint64_t)d << 24);
}

static uint64_t cnode(uint32_t d)
{
    return base(d) + 0x400000;
}

static uint64_t thread(uint32_t d, uint32_t t)
{
    return base(d) + 0x800000 + ((uint64_t)t << 9);
}

static void put(struct capstate *s, uint64_t addr, uint32_t depth, uint32_t type, uint64_t object,
                uint32_t bits)
{
    state_slot(s, (struct record_slot){.addr = addr,
                                       .depth = depth,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = 3,
                                       .flags = RECORD_SLOT_REVOCABLE});
}

static uint64_t slot(uint32_t d, uint32_t index)
{
    return cnode(d) + (uint64_t)index * SLOT;
}

/* The second holds a frame and a thread of the first, and may answer another; an endpoint is nobody's,
 * and both have it. */
static void put_domain(struct capstate *s, uint32_t d, uint32_t threads, bool copied)
{
    put(s, slot(d, SLOT_UNTYPED), 0, RECORD_CAP_UNTYPED, base(d), 24);
    if (copied)
        put(s, slot(d, SLOT_COPY), 1, RECORD_CAP_UNTYPED, base(d), 24);
    put(s, slot(d, SLOT_CNODE), 1, RECORD_CAP_CNODE, cnode(d), 20);
    for (uint32_t t = 0; t < threads; t++)
        put(s, thread(d, t), 2, RECORD_CAP_CNODE, cnode(d), 20);
    for (uint32_t t = 0; t < threads; t++)
        put(s, slot(d, SLOT_FREE + t), 1, RECORD_CAP_TCB, thread(d, t), 9);
    if (d == 0) {
        put(s, slot(1, SLOT_FOREIGN), 2, RECORD_CAP_TCB, thread(0, threads - 1), 9);
        put(s, thread(1, 0) + 3 * SLOT, 3, RECORD_CAP_REPLY, thread(0, threads - 1), 0);
    }
    put(s, slot(d, SLOT_FRAME), 1, RECORD_CAP_FRAME, base(d), 12);
    if (d == 0)
        put(s, slot(1, SLOT_FREE + threads), 2, RECORD_CAP_FRAME, base(0), 12);
}

static void shared_state(struct capstate *s, uint32_t threads, bool copied)
{
    state_begin(s);
    s->snapshot.root_thread = ROOT_THREAD;
    for (uint32_t d = 0; d < DOMAINS; d++)
        put_domain(s, d, threads, copied);
    put(s, slot(0, SLOT_SHARED), 0, RECORD_CAP_ENDPOINT, SHARED, 4);
    put(s, slot(1, SLOT_SHARED), 1, RECORD_CAP_ENDPOINT, SHARED, 4);
    for (uint32_t d = 0; d < DOMAINS; d++)
        for (uint32_t t = 0; t < threads; t++) {
            char name[32];
            snprintf(name, sizeof(name), "%s/%u", d ? "guest" : "driver", t);
            state_thread(s, (uint32_t)thread(d, t), name);
        }
    state_end(s);
}

/* One event of each thread leads to the second snapshot. */
static void put_events(struct capdb *db, uint32_t threads)
{
    uint32_t count = DOMAINS * threads;
    struct record *events = calloc(count, sizeof(*events));
    assert_non_null(events);
    for (uint32_t i = 0; i < count; i++) {
        events[i].kind = RECORD_EVENT;
        events[i].event = (struct record_event){.seq = i + 1,
                                                .kind = RECORD_EVENT_THREAD_PRIORITY,
                                                .thread = thread(i % DOMAINS, i / DOMAINS)};
    }
    assert_int_equal(capdb_put_events(db, events, count), ERR_OK);
    free(events);
}

/* copied: there is a second capability to untyped memory. */
static struct capdb *record_shared(char *path, uint32_t threads, bool copied)
{
    struct capdb *db = create(path);
    for (uint32_t n = 1; n <= 2; n++) {
        struct capstate s;
        uint32_t number;
        if (n > 1)
            put_events(db, threads);
        shared_state(&s, threads, copied);
        assert_int_equal(capdb_append(db, &s, n, &number), ERR_OK);
        capstate_free(&s);
    }
    capdb_close(db);
    return open_db(path);
}

/* --- answers ------------------------------------------------------------------------------------ */

/* As documented, one capability after the other. */
#define CROSSINGS                                                                                  \
    "SELECT c.n, c.cap, c.slot, c.domain, o.domain AS owner, c.type, c.object, o.bits, c.rights"   \
    " FROM caps c JOIN owners o ON o.n = c.n AND o.life = c.life WHERE c.domain IS NOT NULL"       \
    " AND o.domain IS NOT c.domain AND (o.domain IS NOT NULL OR o.holders > 1)"
#define VIEW "SELECT n, cap, slot, domain, owner, type, object, bits, rights FROM crossings"

static void crossings_are_what_owners_say(void **state)
{
    (void)state;
    char *path = temp_path();
    struct capdb *db = record_shared(path, 3, true);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM crossings WHERE n = 2", -1), 5);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM (" CROSSINGS " EXCEPT " VIEW ")", -1), 0);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM (" VIEW " EXCEPT " CROSSINGS ")", -1), 0);
    assert_int_equal(capdb_int(db,
                               "SELECT count(*) FROM crossings WHERE domain = 'guest' AND"
                               " owner = 'driver' AND type IN ('frame', 'tcb') AND n = 2",
                               -1),
                     2);
    assert_int_equal(capdb_int(db,
                               "SELECT count(*) FROM crossings WHERE domain = 'guest' AND"
                               " owner = 'driver' AND type = 'reply' AND n = 2",
                               -1),
                     1);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM crossings WHERE owner IS NULL", -1), 4);
    capdb_close(db);
    temp_remove(path);
}

/* --- work --------------------------------------------------------------------------------------- */

static int steps(struct capdb *db, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(capdb_prepare(db, sql, &st), ERR_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        ;
    int count = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0);
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    return count;
}

/* Half as much again is for the depth of trees. */
static void views_work_as_much_as_there_is(void **state)
{
    static const char *const questions[] = {
        "SELECT * FROM owners WHERE n = 2",
        "SELECT * FROM crossings WHERE n = 2",
        "SELECT * FROM memory_by_domain WHERE n = 2",
        "SELECT * FROM owners_over_time",
        "SELECT * FROM crossings_over_time",
        "SELECT * FROM memory_over_time",
        "SELECT * FROM derivations WHERE n = 2",
        "SELECT * FROM caps WHERE n = 2",
        "SELECT * FROM cap_history",
        "SELECT * FROM threads WHERE n = 2",
        "SELECT * FROM domains WHERE n = 2",
        "SELECT * FROM objects WHERE n = 2",
        "SELECT * FROM events",
    };
    (void)state;
    char *few = temp_path();
    char *many = temp_path();
    struct capdb *small = record_shared(few, FEW, false);
    struct capdb *large = record_shared(many, MANY, false);
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        int a = steps(small, questions[i]);
        int b = steps(large, questions[i]);
        if (b > a * GROWTH * 3 / 2)
            fail_msg("%s: %d steps for %d threads, %d for %d", questions[i], a, FEW, b, MANY);
    }
    capdb_close(small);
    capdb_close(large);
    temp_remove(few);
    temp_remove(many);
}

/* Its parent is to the same memory, which leads nowhere. */
static void a_copy_of_untyped_memory_is_no_way_up(void **state)
{
    static const char sql[] = "SELECT * FROM owners WHERE n = 2";
    (void)state;
    char *plain = temp_path();
    char *copied = temp_path();
    struct capdb *without = record_shared(plain, FEW, false);
    struct capdb *with = record_shared(copied, FEW, true);
    int a = steps(without, sql);
    int b = steps(with, sql);
    if (b > a * 2)
        fail_msg("%d steps without a copy, %d with one", a, b);
    capdb_close(without);
    capdb_close(with);
    temp_remove(plain);
    temp_remove(copied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossings_are_what_owners_say),
        cmocka_unit_test(views_work_as_much_as_there_is),
        cmocka_unit_test(a_copy_of_untyped_memory_is_no_way_up),
    };
    return cmocka_run_group_tests_name("capdb views", tests, NULL, NULL);
}
