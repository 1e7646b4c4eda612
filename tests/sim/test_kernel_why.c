/* What facts/ says a Retype and a look-up would do is what the kernel does: thousands of random
 * requests, each foretold from a snapshot and then made, on the kernel's own code over simulated
 * memory. */
#include "tests/sim/sim.h"

#include "capstate/capstate.h"
#include "facts/resolve.h"
#include "facts/retype.h"
#include "facts/toll.h"
#include "kernel/cnode.h"
#include "objwalk/capscope/walk.h"
#include "record/record.h"

#include <stdlib.h>
#include <string.h>

enum {
    REQUESTS = 3000,
    LOOK_UPS = 3000,
    CLEAN_EVERY = 60, /* requests until all is revoked, so that there is memory again */
    REVOKES = 400,
    THINGS = 40, /* made before each of them */
};

static uint32_t dice_state = 12345;

static uint32_t dice(uint32_t sides)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(dice_state >> 4) * sides >> 28);
}

static enum error add_record(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

static void read_state(struct capstate *s)
{
    static struct objwalk w;
    struct memview view = sim_memview();
    capstate_init(s);
    assert_int_equal(objwalk_open(&w, &view, hostsim_roots()), ERR_OK);
    assert_int_equal(objwalk_snapshot(&w, SNAPSHOT_STOPPED, add_record, s), ERR_OK);
    assert_int_equal(capstate_finish(s), ERR_OK);
}

static int32_t slot_index(const struct capstate *s, cptr_t slot)
{
    int32_t i = capstate_slot_at(s, paddr_from_kaddr(kaddr_of(sim_slot(slot))));
    assert_true(i >= 0);
    return i;
}

/* --- retype --- */

struct kind {
    enum object_type type;
    uint32_t record;    /* enum record_cap */
    uint32_t size_bits; /* for facts/, where the kernel's type says the size */
};

static const struct kind kinds[] = {
    {OBJECT_UNTYPED, RECORD_CAP_UNTYPED, 0},
    {OBJECT_TCB, RECORD_CAP_TCB, 0},
    {OBJECT_ENDPOINT, RECORD_CAP_ENDPOINT, 0},
    {OBJECT_NOTIFICATION, RECORD_CAP_NOTIFICATION, 0},
    {OBJECT_CNODE, RECORD_CAP_CNODE, 0},
    {OBJECT_FRAME_4K, RECORD_CAP_FRAME, 12},
    {OBJECT_FRAME_64K, RECORD_CAP_FRAME, 16},
    {OBJECT_FRAME_1M, RECORD_CAP_FRAME, 20},
    {OBJECT_PAGE_TABLE, RECORD_CAP_PAGE_TABLE, 0},
    {OBJECT_PAGE_DIRECTORY, RECORD_CAP_PAGE_DIRECTORY, 0},
};

static word_t answer_of(enum retype_rule rule)
{
    static const word_t answers[RETYPE_RULES] = {
        [RETYPE_ALLOWED] = SEL4_NO_ERROR,
        [RETYPE_NOT_UNTYPED] = SEL4_ILLEGAL_OPERATION,
        [RETYPE_NOT_INVOKED] = SEL4_INVALID_CAPABILITY,
        [RETYPE_NO_SUCH_TYPE] = SEL4_INVALID_ARGUMENT,
        [RETYPE_SIZE_RANGE] = SEL4_RANGE_ERROR,
        [RETYPE_SIZE_MISSING] = SEL4_INVALID_ARGUMENT,
        [RETYPE_COUNT_RANGE] = SEL4_RANGE_ERROR,
        [RETYPE_NO_MEMORY] = SEL4_NOT_ENOUGH_MEMORY,
        [RETYPE_DEVICE] = SEL4_INVALID_ARGUMENT,
    };
    return answers[rule];
}

/* What is asked: an untyped of RAM, some below it, one of a device, the last one below the end
 * of the address space, and two that are none. */
enum { ASKED = 8 };
struct pool {
    cptr_t untyped[ASKED];
};

/* The first one, or the last one by its address. */
static cptr_t device_untyped(bool last)
{
    const struct bootinfo *b = sim_bootinfo();
    cptr_t found = 0;
    for (word_t i = b->untyped.start; i < b->untyped.end; i++) {
        struct cap c = sim_cap(i);
        if (untyped_is_device(c) && cap_object_bits(c) >= 16 &&
            (!found || (last && cap_object(c) > cap_object(sim_cap(found)))))
            found = i;
    }
    assert_int_not_equal(found, 0);
    return found;
}

static void fill_pool(struct pool *p, cptr_t parent)
{
    p->untyped[0] = parent;
    p->untyped[1] = sim_free_slots(3);
    for (word_t i = 0; i < 3; i++) {
        p->untyped[1 + i] = p->untyped[1] + i;
        assert_int_equal(sim_retype(parent, OBJECT_UNTYPED, 14 + 3 * i, p->untyped[1] + i, 1),
                         SEL4_NO_ERROR);
    }
    p->untyped[4] = device_untyped(false);
    p->untyped[7] = device_untyped(true);
    p->untyped[5] = sim_new(OBJECT_TCB, 0);
    p->untyped[6] = sim_free_slots(1);
    sim_copy(p->untyped[6], sim_new(OBJECT_ENDPOINT, 0), RIGHT_READ);
}

static void check_place(cptr_t first, const struct retype_plan *p)
{
    assert_int_equal(paddr_from_kaddr(cap_object(sim_cap(first))), (paddr_t)p->start);
}

/* One request: foretold, made, compared. Returns whether objects were made. */
static bool one_request(const struct pool *pool)
{
    const struct kind *k = &kinds[dice(sizeof(kinds) / sizeof(*kinds))];
    cptr_t untyped = pool->untyped[dice(ASKED)];
    word_t size_bits = dice(8) == 0 ? dice(40) : dice(20), count = 1 + dice(4);
    struct capstate s;
    struct retype_plan plan;
    if (dice(16) == 0)
        count = dice(300);
    if (k->record == RECORD_CAP_FRAME) /* the kernel's type says it; a senseless argument is one */
        size_bits = dice(20);
    read_state(&s);
    uint32_t told = k->record == RECORD_CAP_FRAME ? k->size_bits : (uint32_t)size_bits;
    assert_int_equal(retype_plan(&s, slot_index(&s, untyped), k->record, told, count, &plan),
                     ERR_OK);
    capstate_free(&s);
    cptr_t dest = sim_free_slots((unsigned)(count ? count : 1));
    word_t answer = sim_retype(untyped, k->type, size_bits, dest, count);
    if (answer != answer_of(plan.rule))
        fail_msg("type %u size %lu count %lu of untyped %lu: foretold %s, the kernel says %lu",
                 k->record, (unsigned long)size_bits, (unsigned long)count, (unsigned long)untyped,
                 retype_rule_answer(plan.rule), (unsigned long)answer);
    if (answer == SEL4_NO_ERROR)
        check_place(dest, &plan);
    return answer == SEL4_NO_ERROR;
}

static void a_retype_is_foretold(void **state)
{
    uint32_t made = 0, refused = 0;
    (void)state;
    for (uint32_t round = 0; round < REQUESTS / CLEAN_EVERY; round++) {
        struct pool pool;
        sim_boot();
        cptr_t parent = sim_new(OBJECT_UNTYPED, 22);
        fill_pool(&pool, parent);
        for (uint32_t i = 0; i < CLEAN_EVERY; i++) {
            bool done = one_request(&pool);
            made += done;
            refused += !done;
            if (dice(12) == 0)
                assert_int_equal(sim_revoke(pool.untyped[1 + dice(3)]), SEL4_NO_ERROR);
        }
        sim_end();
    }
    assert_in_range(made, REQUESTS / 10, REQUESTS);
    assert_in_range(refused, REQUESTS / 10, REQUESTS);
}

/* --- look-ups --- */

/* A CSpace of several levels with guards: root CNode, CNodes in it, loops included. */
static cptr_t build_cspace(void)
{
    cptr_t root = sim_new(OBJECT_CNODE, 2 + dice(4)), below[4];
    for (unsigned i = 0; i < 4; i++)
        below[i] = sim_new(OBJECT_CNODE, 1 + dice(5));
    cptr_t all[5] = {root, below[0], below[1], below[2], below[3]};
    cptr_t leaf = sim_new(OBJECT_ENDPOINT, 0);
    for (unsigned i = 0; i < 24; i++) {
        cptr_t into = all[dice(5)];
        word_t radix = cap_object_bits(sim_cap(into)) - SLOT_BITS;
        word_t guard_size = dice(6), guard = dice(1u << guard_size);
        word_t data = guard_size << 3 | guard << 8;
        cptr_t src = dice(3) ? all[dice(5)] : leaf;
        sim_call(into, INV_CNODE_MINT, SIM_CAPS(INIT_CNODE),
                 SIM_MRS(dice(1u << radix), radix, src, 32, 15, src == leaf ? 1 + dice(9) : data));
    }
    return root;
}

/* Sending tells a fault (look-up failed) from an error (the slot is empty): a notification or an
 * endpoint that nobody waits at would block, so the call does not wait. */
static enum resolve_end kernel_says(word_t cptr, bool *empty)
{
    struct slot *slot = NULL;
    *empty = false;
    if (cnode_lookup(kptr(ks.current), cptr, &slot) != DONE) {
        switch (ks.lookup.type) {
        case LOOKUP_INVALID_ROOT:
            return RESOLVE_NO_ROOT;
        case LOOKUP_GUARD_MISMATCH:
            return RESOLVE_GUARD_MISMATCH;
        default:
            return RESOLVE_DEPTH_MISMATCH;
        }
    }
    *empty = cap_type(slot->cap) == CAP_NULL;
    return RESOLVE_SLOT;
}

static void a_look_up_is_foretold(void **state)
{
    uint32_t found = 0, failed = 0;
    (void)state;
    for (uint32_t round = 0; round < 30; round++) {
        struct capstate s;
        struct resolve r;
        sim_boot();
        cptr_t root = build_cspace();
        struct sim_thread t = sim_thread_new("subject", 255, 0);
        word_t data = dice(4) << 3;
        assert_int_equal(
            sim_call(t.tcb, INV_TCB_SET_SPACE, SIM_CAPS(root, INIT_VSPACE), SIM_MRS(0, data, 0)),
            SEL4_NO_ERROR);
        read_state(&s);
        int32_t thread = -1;
        for (uint32_t i = 0; i < s.thread_count; i++)
            if (s.threads[i].rec.addr == paddr_from_kaddr(kaddr_of(t.p)))
                thread = (int32_t)i;
        kaddr_t was = ks.current;
        ks.current = kaddr_of(t.p);
        for (uint32_t i = 0; i < LOOK_UPS / 30; i++) {
            word_t cptr = dice(3) ? dice(1u << 20) << dice(13) : dice_state;
            bool empty;
            enum resolve_end end = kernel_says(cptr, &empty);
            resolve_cptr(&s, thread, cptr, 0, &r);
            if (r.end != end || (end == RESOLVE_SLOT && empty != (r.level[r.levels - 1].slot < 0)))
                fail_msg("cptr 0x%x: foretold %d, the kernel says %d", cptr, r.end, end);
            found += end == RESOLVE_SLOT;
            failed += end != RESOLVE_SLOT;
        }
        ks.current = was;
        capstate_free(&s);
        sim_end();
    }
    assert_in_range(found, LOOK_UPS / 20, LOOK_UPS);
    assert_in_range(failed, LOOK_UPS / 20, LOOK_UPS);
}

/* --- revokes --- */

static uint32_t steps_seen, preemptions_seen;

static void count_step(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                       struct cap cap, word_t object2, word_t detail)
{
    (void)ctx, (void)slot, (void)src, (void)cap, (void)object2, (void)detail;
    steps_seen += kind == EVENT_REVOKE_VICTIM;
    preemptions_seen += kind == EVENT_REVOKE_PREEMPTED;
}

/* CNodes and threads with capabilities in them, to things inside the untyped and outside. */
static void fill_things(cptr_t untyped, cptr_t outside, cptr_t *things)
{
    static const enum object_type types[] = {OBJECT_ENDPOINT, OBJECT_NOTIFICATION, OBJECT_CNODE,
                                             OBJECT_TCB,      OBJECT_FRAME_4K,     OBJECT_UNTYPED};
    for (uint32_t i = 0; i < THINGS; i++) {
        enum object_type type = types[dice(6)];
        things[i] = sim_free_slots(1);
        if (sim_retype(untyped, type, type == OBJECT_CNODE ? 4 : 13, things[i], 1) != SEL4_NO_ERROR)
            things[i] = outside;
    }
    for (uint32_t i = 0; i < 3 * THINGS; i++) {
        cptr_t from = dice(6) ? things[dice(THINGS)] : outside, to = things[dice(THINGS)];
        if (cap_type(sim_cap(to)) == CAP_CNODE)
            sim_call(to, INV_CNODE_MINT, SIM_CAPS(INIT_CNODE),
                     SIM_MRS(dice(16), 4, from, 32, 15, 0));
        else if (cap_type(sim_cap(to)) == CAP_TCB && cap_type(sim_cap(from)) == CAP_CNODE)
            sim_call(to, INV_TCB_SET_SPACE, SIM_CAPS(from, INIT_VSPACE), SIM_MRS(0, 0, 0));
        else
            sim_copy(sim_free_slots(1), from, 15);
    }
}

/* Every slot that was foretold to go is empty, and no other. */
static void compare_gone(const struct capstate *before, const bool *gone, int32_t root)
{
    struct capstate after;
    read_state(&after);
    for (uint32_t i = 0; i < before->slot_count; i++) {
        bool there = capstate_slot_at(&after, before->slots[i].rec.addr) >= 0;
        if (there == gone[i])
            fail_msg("revoke of slot %d: slot 0x%llx was foretold to %s", root,
                     (unsigned long long)before->slots[i].rec.addr, gone[i] ? "go" : "stay");
    }
    capstate_free(&after);
}

static uint32_t one_revoke(cptr_t slot)
{
    struct capstate before;
    struct toll toll;
    read_state(&before);
    int32_t root = slot_index(&before, slot);
    bool *gone = calloc(before.slot_count, sizeof(*gone));
    assert_int_equal(toll_of(&before, root, gone, &toll), ERR_OK);
    steps_seen = 0;
    hostsim.hooks.event = count_step;
    assert_int_equal(sim_revoke(slot), SEL4_NO_ERROR);
    hostsim.hooks.event = NULL;
    compare_gone(&before, gone, root);
    assert_int_equal(toll.steps, steps_seen);
    free(gone);
    capstate_free(&before);
    return toll.caps > toll.steps;
}

static void a_revoke_is_foretold(void **state)
{
    uint32_t more_than_steps = 0;
    (void)state;
    for (uint32_t round = 0; round < REVOKES / 2; round++) {
        cptr_t things[THINGS];
        sim_boot();
        cptr_t untyped = sim_new(OBJECT_UNTYPED, 21);
        fill_things(untyped, sim_new(OBJECT_ENDPOINT, 0), things);
        one_revoke(things[dice(THINGS)]);
        more_than_steps += one_revoke(untyped);
        sim_end();
    }
    assert_in_range(more_than_steps, REVOKES / 8, REVOKES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoke_is_foretold),
        cmocka_unit_test(a_retype_is_foretold),
        cmocka_unit_test(a_look_up_is_foretold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
