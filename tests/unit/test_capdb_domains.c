/* The recorder works domains out anew only when something changed that they can depend on.  What it
 * wrote is held against the analysis of each snapshot, over systems whose threads, names, CNodes,
 * endpoints and memory change at random. */
#include "capdb/recorder.h"
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

enum { PARTIES = 5, PARTY_SLOTS = 20, SLOTS_MAX = 100, SYSTEMS = 30, STEPS = 60 };

#define TCBS   0x90000000u
#define CNODES 0xa0000000u
#define MEMORY 0xb0000000u

struct system {
    struct changing dice;
    struct record_slot slots[SLOTS_MAX];
    uint32_t count;
    const char *names[PARTIES];
    uint32_t waits[PARTIES]; /* on endpoint, 0: on none */
    bool named;              /* every thread has a name that says its domain */
};

static uint32_t tcb_of(uint32_t party)
{
    return TCBS + (party << 10);
}

static uint32_t cnode_of(uint32_t party)
{
    return CNODES + (party << 12);
}

/* Mostly in somebody's CNode, sometimes where a thread has its root. */
static uint32_t some_place(struct system *s)
{
    uint32_t party = pick(&s->dice, PARTIES);
    return pick(&s->dice, 5) ? cnode_of(party) + 16 * (1 + pick(&s->dice, PARTY_SLOTS))
                             : tcb_of(party);
}

static bool taken(const struct system *s, uint32_t addr)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->slots[i].addr == addr)
            return true;
    return false;
}

static void some_object(struct system *s, struct record_slot *r)
{
    uint32_t party = pick(&s->dice, PARTIES);
    switch (pick(&s->dice, 6)) {
    case 0:
        r->type = RECORD_CAP_TCB, r->object = tcb_of(party), r->bits = 9;
        break;
    case 1:
        r->type = RECORD_CAP_CNODE, r->object = cnode_of(party), r->bits = 12;
        break;
    case 2:
        r->type = RECORD_CAP_UNTYPED, r->bits = 12 + pick(&s->dice, 3);
        r->object = CNODES & ~((1u << r->bits) - 1);
        break;
    case 3:
        r->type = RECORD_CAP_ENDPOINT, r->object = MEMORY + 16 * pick(&s->dice, 4), r->bits = 4;
        break;
    case 4:
        r->type = RECORD_CAP_REPLY, r->object = tcb_of(party), r->bits = 9;
        break;
    default:
        r->type = RECORD_CAP_FRAME, r->object = MEMORY + 0x1000 * (1 + pick(&s->dice, 9));
        r->bits = 12;
    }
    r->rights = pick(&s->dice, 16);
}

static void add_slot(struct system *s)
{
    struct record_slot r = {.addr = some_place(s), .flags = RECORD_SLOT_REVOCABLE};
    some_object(s, &r);
    if (s->count == SLOTS_MAX || taken(s, (uint32_t)r.addr))
        return;
    if (r.addr < CNODES) { /* a root */
        r.type = RECORD_CAP_CNODE;
        r.object = cnode_of(pick(&s->dice, PARTIES));
        r.bits = 12;
    }
    s->slots[s->count++] = r;
}

static void drop_slot(struct system *s)
{
    uint32_t i = pick(&s->dice, s->count);
    memmove(&s->slots[i], &s->slots[i + 1], (s->count - i - 1) * sizeof(s->slots[0]));
    s->count--;
}

static void rename_one(struct system *s)
{
    static const char *const names[] = {"a/x", "b/x", "c/x", "a/y", "", "plain"};
    s->names[pick(&s->dice, PARTIES)] = names[pick(&s->dice, s->named ? 4 : 6)];
}

static void step(struct system *s)
{
    uint32_t i = pick(&s->dice, s->count);
    switch (pick(&s->dice, 12)) {
    case 0:
    case 1:
    case 2:
        add_slot(s);
        break;
    case 3:
    case 4:
        if (s->count > 4)
            drop_slot(s);
        break;
    case 5:
        rename_one(s);
        break;
    case 6:
        s->waits[pick(&s->dice, PARTIES)] = pick(&s->dice, 5);
        break;
    case 7:
        if (s->slots[i].type == RECORD_CAP_FRAME)
            s->slots[i].object = MEMORY + 0x1000 * (1 + pick(&s->dice, 9));
        break;
    case 8:
        s->slots[i].data += s->slots[i].type == RECORD_CAP_UNTYPED ? 16 : 0;
        break;
    default:
        s->slots[i].rights = pick(&s->dice, 16);
    }
}

static void system_init(struct system *s, uint32_t seed)
{
    *s = (struct system){.dice.seed = seed, .named = seed % 2};
    for (uint32_t p = 0; p < PARTIES; p++) {
        s->names[p] = p % 2 ? "a/x" : "b/x";
        s->slots[s->count++] = (struct record_slot){.addr = cnode_of(p) + 16 * PARTY_SLOTS + 16,
                                                    .type = RECORD_CAP_TCB,
                                                    .object = tcb_of(p),
                                                    .bits = 9,
                                                    .flags = RECORD_SLOT_REVOCABLE};
        s->slots[s->count++] = (struct record_slot){.addr = tcb_of(p),
                                                    .type = RECORD_CAP_CNODE,
                                                    .object = cnode_of(p),
                                                    .bits = 12,
                                                    .flags = RECORD_SLOT_REVOCABLE};
    }
}

static void system_state(const struct system *s, struct capstate *state)
{
    state_begin(state);
    for (uint32_t i = 0; i < s->count; i++)
        state_slot(state, s->slots[i]);
    for (uint32_t p = 0; p < PARTIES; p++) {
        struct record r = {.kind = RECORD_THREAD};
        r.thread.addr = tcb_of(p);
        r.thread.name.length = (uint8_t)sprintf(r.thread.name.bytes, "%s", s->names[p]);
        if (s->waits[p]) {
            r.thread.state =
                s->waits[p] % 2 ? RECORD_THREAD_BLOCKED_ON_SEND : RECORD_THREAD_BLOCKED_ON_RECEIVE;
            r.thread.blocked_on = MEMORY + 16 * (s->waits[p] - 1);
            r.thread.blocked_flags = RECORD_BLOCKED_GRANT;
        }
        state_add(state, &r);
    }
    state_end(state);
}

/* --- what was written, and what should be ----------------------------------------------------- */

static const char *domain_name(const struct authority *a, int32_t d)
{
    return d < 0 ? "" : a->domains[d].name;
}

static void assert_domain(struct capdb *db, const char *sql, uint64_t addr, const char *expected)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(db, sql, &st);
    assert_int_equal(e, ERR_OK);
    sqlite3_bind_int64(st, 1, (int64_t)addr);
    sqlite3_bind_int64(st, 2, capdb_count(db));
    assert_true(capdb_step(db, st, "test", &e));
    if (strcmp(capdb_column_text(st, 0), expected) != 0)
        fail_msg("snapshot %u, 0x%llx: expected domain \"%s\", got \"%s\"", capdb_count(db),
                 (unsigned long long)addr, expected, capdb_column_text(st, 0));
    sqlite3_finalize(st);
}

static void assert_domains(struct capdb *db, const struct capstate *s)
{
    static const char caps[] = "SELECT d.name FROM cap_row c LEFT JOIN domain d ON d.id = c.domain"
                               " WHERE c.slot = ?1 AND c.t0 <= ?2 AND c.t1 > ?2";
    static const char threads[] =
        "SELECT d.name FROM thread_row t LEFT JOIN domain d ON d.id = t.domain"
        " WHERE t.addr = ?1 AND t.t0 <= ?2 AND t.t1 > ?2";
    struct authority a;
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    for (uint32_t i = 0; i < s->slot_count; i++)
        assert_domain(db, caps, s->slots[i].rec.addr,
                      domain_name(&a, authority_slot_domain(&a, (int32_t)i)));
    for (uint32_t i = 0; i < s->thread_count; i++)
        assert_domain(db, threads, s->threads[i].rec.addr, domain_name(&a, a.thread_domain[i]));
    authority_free(&a);
}

static void record_system(uint32_t seed, uint32_t *analysed)
{
    struct system s;
    struct capdb *db = create(":memory:");
    system_init(&s, seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        struct capstate state;
        uint32_t n;
        system_state(&s, &state);
        if (capdb_append(db, &state, i, &n) != ERR_OK)
            fail_msg("%s", capdb_error(db));
        assert_int_equal(capdb_flush(db), ERR_OK);
        assert_domains(db, &state);
        capstate_free(&state);
        step(&s);
    }
    *analysed += db->recorder->analysed;
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
}

static void domains_are_those_of_the_analysis(void **state)
{
    uint32_t analysed = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= SYSTEMS; seed++)
        record_system(seed, &analysed);
    printf("# worked out anew in %u of %u snapshots\n", analysed, SYSTEMS * STEPS);
    assert_true(analysed > SYSTEMS && analysed < SYSTEMS * STEPS * 3 / 4);
}

/* A recorder that goes on where another ended knows no domains yet. */
static void a_recorder_that_goes_on_works_them_out(void **state)
{
    struct system s;
    struct capstate now;
    uint32_t n;
    (void)state;
    char *path = temp_path();
    struct capdb *db = create(path);
    system_init(&s, 7);
    for (uint32_t round = 0; round < 8; round++) {
        system_state(&s, &now);
        if (capdb_append(db, &now, round, &n) != ERR_OK)
            fail_msg("%s", capdb_error(db));
        assert_int_equal(capdb_flush(db), ERR_OK);
        assert_domains(db, &now);
        capstate_free(&now);
        capdb_close(db);
        db = resume_db(path);
        step(&s);
    }
    assert_int_equal(capdb_verify(db, report_failure, NULL), ERR_OK);
    capdb_close(db);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_those_of_the_analysis),
        cmocka_unit_test(a_recorder_that_goes_on_works_them_out),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
