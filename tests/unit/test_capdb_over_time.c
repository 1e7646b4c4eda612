/* What views say of times against what they say of each snapshot, of systems in which memory changes
 * hands at random: several domains and a manager, untyped memory in untyped memory, capabilities that
 * are derived, copied, moved and deleted, and a restart in the middle. */
#include "capdb/store.h"
#include "tests/unit/recordings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DOMAINS = 4, MANAGER = DOMAINS - 1, SLOT = 16, SLOTS = 200, CAPS = 160, ROOTS = 2 };
enum { SNAPSHOTS = 40, RESTART = 25, CHANGES = 9, LEAST_UNTYPED = 15, FRAME = 12, SEEDS = 6 };

struct hands {
    struct changing dice;
    struct record_slot caps[CAPS]; /* derivation order */
    uint32_t count, fixed;         /* those in front stay */
};

static uint64_t cnode(uint32_t d)
{
    return 0x90000000u + ((uint64_t)d << 20);
}

static uint64_t thread(uint32_t d)
{
    return 0xa0000000u + ((uint64_t)d << 12);
}

static void put(struct hands *h, uint64_t addr, uint32_t type, uint64_t object, uint32_t bits)
{
    h->caps[h->count++] = (struct record_slot){.addr = addr,
                                               .type = type,
                                               .object = object,
                                               .bits = bits,
                                               .rights = 3,
                                               .flags = RECORD_SLOT_REVOCABLE};
}

static void begin(struct hands *h, uint32_t seed)
{
    *h = (struct hands){.dice = {.seed = seed}};
    for (uint32_t d = 0; d < DOMAINS; d++) {
        put(h, thread(d), RECORD_CAP_CNODE, cnode(d), 12);
        put(h, cnode(d) + SLOT, RECORD_CAP_TCB, thread(d), 9);
    }
    h->fixed = h->count;
    for (uint32_t i = 0; i < ROOTS; i++)
        put(h, cnode(MANAGER) + (2 + i) * SLOT, RECORD_CAP_UNTYPED, 0x80000000u + (i << 24), 24);
}

/* --- changes ------------------------------------------------------------------------------------ */

static uint64_t free_slot(struct hands *h)
{
    for (;;) {
        uint64_t addr =
            cnode(pick(&h->dice, DOMAINS)) + (uint64_t)SLOT * (8 + pick(&h->dice, SLOTS));
        uint32_t i = 0;
        while (i < h->count && h->caps[i].addr != addr)
            i++;
        if (i == h->count)
            return addr;
    }
}

/* A part of untyped memory, or a copy. */
static void derive(struct hands *h, uint32_t i)
{
    struct record_slot child = h->caps[i];
    if (h->count == CAPS)
        return;
    if (child.type == RECORD_CAP_UNTYPED && pick(&h->dice, 8)) {
        bool untyped = child.bits > LEAST_UNTYPED && pick(&h->dice, 3) == 0;
        child.type = untyped ? RECORD_CAP_UNTYPED : RECORD_CAP_FRAME;
        child.bits = untyped ? child.bits - 3 : FRAME;
        child.object += (uint64_t)pick(&h->dice, 1u << (h->caps[i].bits - child.bits))
                        << child.bits;
        child.data = 0;
    }
    child.depth++;
    child.addr = free_slot(h);
    memmove(&h->caps[i + 2], &h->caps[i + 1], (h->count - i - 1) * sizeof(child));
    h->caps[i + 1] = child;
    h->count++;
}

/* What is derived from it moves up. */
static void delete (struct hands *h, uint32_t i)
{
    for (uint32_t k = i + 1; k < h->count && h->caps[k].depth > h->caps[i].depth; k++)
        h->caps[k].depth--;
    memmove(&h->caps[i], &h->caps[i + 1], (h->count - i - 1) * sizeof(*h->caps));
    h->count--;
}

static void change(struct hands *h)
{
    uint32_t i = h->fixed + pick(&h->dice, h->count - h->fixed);
    switch (pick(&h->dice, 8)) {
    case 0:
        if (h->count > h->fixed + ROOTS)
            delete (h, i);
        break;
    case 1:
        h->caps[i].addr = free_slot(h);
        break;
    case 2:
        h->caps[i].rights &= pick(&h->dice, 4);
        break;
    case 3:
        if (h->caps[i].type == RECORD_CAP_UNTYPED)
            h->caps[i].data = pick(&h->dice, 1000);
        break;
    default:
        derive(h, i);
    }
}

static void state_of(const struct hands *h, uint32_t ticks, struct capstate *s)
{
    state_begin(s);
    s->snapshot.root_thread = thread(MANAGER);
    s->snapshot.ticks = ticks;
    for (uint32_t i = 0; i < h->count; i++)
        state_slot(s, h->caps[i]);
    for (uint32_t d = 0; d < DOMAINS; d++) {
        char name[16];
        snprintf(name, sizeof(name), d == MANAGER ? "rootserver" : "%c/t", 'a' + (int)d);
        state_thread(s, (uint32_t)thread(d), name);
    }
    state_end(s);
}

static void append(struct capdb *db, const struct hands *h, uint32_t ticks)
{
    struct capstate s;
    uint32_t n;
    state_of(h, ticks, &s);
    assert_int_equal(capdb_append(db, &s, ticks, &n), ERR_OK);
    capstate_free(&s);
}

static struct capdb *record_hands(char *path, uint32_t seed)
{
    struct hands h;
    struct capdb *db = create(path);
    begin(&h, seed);
    for (uint32_t n = 1; n <= SNAPSHOTS; n++) {
        for (uint32_t i = n == 1 ? 0 : pick(&h.dice, CHANGES); i > 0; i--)
            change(&h);
        append(db, &h, n < RESTART ? n : n - RESTART + 1);
    }
    capdb_close(db);
    return open_db(path);
}

/* --- answers ------------------------------------------------------------------------------------ */

/* Rows of `a` that are not in `b`, or the other way round. */
static void assert_same(struct capdb *db, const char *a, const char *b, int least)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM (%s)", a);
    int64_t rows = capdb_int(db, sql, -1);
    if (rows < least)
        fail_msg("%s: %lld rows", a, (long long)rows);
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM (%s)", b);
    assert_int_equal(capdb_int(db, sql, -1), rows);
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM (%s EXCEPT %s)", a, b);
    if (capdb_int(db, sql, -1) != 0)
        fail_msg("%s differs", a);
}

#define AT(columns, view)                                                                          \
    "SELECT s.n, " columns " FROM snapshot s JOIN " view                                           \
    " v ON v.first <= s.n AND (v.last IS NULL OR v.last >= s.n)"
#define OWNER    "object, type, bits, life, domain, rule, holders"
#define MEMORY   "domain, objects, bytes, frames, frame_bytes"
#define CROSSING "cap, slot, domain, owner, type, object, bits, rights"

/* A row ends where something of it changes: the next one of the same differs. */
#define TOUCHING(view, same)                                                                       \
    "SELECT count(*) FROM " view " a JOIN " view " b ON b.first = a.last + 1 AND " same

static void times_say_what_snapshots_say(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        char *path = temp_path();
        struct capdb *db = record_hands(path, seed);
        assert_same(db, "SELECT n, " OWNER " FROM owners", AT(OWNER, "owners_over_time"), 300);
        assert_same(db, "SELECT n, " MEMORY " FROM memory_by_domain",
                    AT(MEMORY, "memory_over_time"), 30);
        assert_same(db, "SELECT n, " CROSSING " FROM crossings",
                    AT(CROSSING, "crossings_over_time"), 30);
        assert_int_equal(
            capdb_int(db,
                      TOUCHING("owners_over_time", "b.life = a.life AND b.domain IS a.domain AND"
                                                   " b.rule IS a.rule AND b.holders = a.holders"),
                      -1),
            0);
        assert_int_equal(
            capdb_int(db,
                      TOUCHING("crossings_over_time",
                               "b.cap = a.cap AND b.slot = a.slot AND b.domain = a.domain AND"
                               " b.owner IS a.owner AND b.rights = a.rights AND b.type = a.type"),
                      -1),
            0);
        assert_true(capdb_int(db, "SELECT count(DISTINCT rule) FROM owners_over_time", 0) == 2);
        assert_true(capdb_int(db, "SELECT max(holders) FROM owners_over_time", 0) > 1);
        capdb_close(db);
        temp_remove(path);
    }
}

/* Nothing reaches from one run of the machine into the next, also where the numbers are the same. */
static void rows_end_with_the_run(void **state)
{
    struct hands h;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    begin(&h, 1);
    h.caps[h.count - 1].addr = cnode(0) + 8 * SLOT; /* a's */
    put(&h, cnode(1) + 8 * SLOT, RECORD_CAP_FRAME, h.caps[h.count - 1].object, FRAME);
    h.caps[h.count - 1].depth = 1; /* b's, of a's memory */
    append(db, &h, 1);
    append(db, &h, 2);
    append(db, &h, 1);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM runs", -1), 2);
    assert_int_equal(
        capdb_int(db, "SELECT count(*) FROM memory_over_time WHERE domain = 'a' AND first = 1", -1),
        1);
    assert_int_equal(
        capdb_int(db, "SELECT count(*) FROM memory_over_time WHERE domain = 'a' AND first = 3", -1),
        1);
    assert_int_equal(
        capdb_int(db,
                  "SELECT group_concat(first || '-' || coalesce(last, '')) = '1-2,3-'"
                  " FROM (SELECT * FROM crossings_over_time WHERE owner = 'a' ORDER BY first)",
                  -1),
        1);
    capdb_close(db);
    temp_remove(path);
}

/* The kernel changes none; whatever a damaged one says, a capability is one row. */
static void an_object_that_goes_on_with_other_flags_is_one(void **state)
{
    struct hands h;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    begin(&h, 1);
    append(db, &h, 1);
    h.caps[h.count - 1].flags |= RECORD_SLOT_DEVICE;
    append(db, &h, 2);
    h.caps[h.count - 1].data = 5;
    append(db, &h, 3);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(capdb_int(db, "SELECT count(*) FROM caps WHERE n = 3", -1), h.count);
    assert_int_equal(capdb_int(db,
                               "SELECT (SELECT count(*) FROM cap_lives) = (SELECT count(*) FROM"
                               " cap_row)",
                               -1),
                     1);
    assert_same(db, "SELECT n, " OWNER " FROM owners", AT(OWNER, "owners_over_time"), 30);
    capdb_close(db);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_say_what_snapshots_say),
        cmocka_unit_test(rows_end_with_the_run),
        cmocka_unit_test(an_object_that_goes_on_with_other_flags_is_one),
    };
    return cmocka_run_group_tests_name("capdb over time", tests, NULL, NULL);
}
