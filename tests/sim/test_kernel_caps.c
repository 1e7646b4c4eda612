/* Capabilities, derivation tree, CNodes, untyped memory, delete and revoke, driven through system
 * calls on the simulated machine (ABI sheet 3.2, 3.3, 9; golden vectors of 12.1). */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/capability.h"
#include "kernel/cdt.h"
#include "kernel/cnode.h"
#include "kernel/delete.h"
#include "kernel/syscall.h"
#include "kernel/untyped.h"

enum { ORIGINAL = CDT_REVOCABLE | CDT_FIRST_BADGED, POISON = 0xa5 };

/* ---- helpers ------------------------------------------------------------------------------------
 */
static word_t flags_of(cptr_t slot)
{
    return sim_slot(slot)->next & ORIGINAL;
}

static bool is_empty(cptr_t slot)
{
    return cap_type(sim_cap(slot)) == CAP_NULL;
}

#define expect_order(...)                                                                          \
    expect_order_of((const cptr_t[]){__VA_ARGS__},                                                 \
                    sizeof((const cptr_t[]){__VA_ARGS__}) / sizeof(cptr_t))

/* The slots stand next to each other in the derivation list, in this order. */
static void expect_order_of(const cptr_t *slots, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        struct slot *next = cdt_next(sim_slot(slots[i]));
        if (next != sim_slot(slots[i + 1]))
            fail_msg("slot %u is followed by %08x, expected slot %u (%08x)", (unsigned)slots[i],
                     kaddr_of(next), (unsigned)slots[i + 1], kaddr_of(sim_slot(slots[i + 1])));
    }
}

/* The answer of the last call: error and its words. */
static void expect_answer(const char *what, word_t error, struct sim_words words)
{
    if (sim_reply.tag != msginfo_make(error, 0, 0, words.n))
        fail_msg("%s: tag %05x, expected %05x", what, sim_reply.tag,
                 msginfo_make(error, 0, 0, words.n));
    for (unsigned i = 0; i < words.n; i++)
        if (sim_reply.mr[i] != words.w[i])
            fail_msg("%s: word %u is %u, expected %u", what, i, sim_reply.mr[i], words.w[i]);
}

static void ok(word_t error)
{
    if (error != SEL4_NO_ERROR)
        fail_msg("error %u, words %u %u %u", error, sim_reply.mr[0], sim_reply.mr[1],
                 sim_reply.mr[2]);
}

static cptr_t copy_of(cptr_t source)
{
    cptr_t to = sim_free_slots(1);
    ok(sim_copy(to, source, RIGHT_ALL));
    return to;
}

static cptr_t mint_of(cptr_t source, word_t data)
{
    cptr_t to = sim_free_slots(1);
    ok(sim_mint(to, source, RIGHT_ALL, data));
    return to;
}

/* An untyped of its own, so that tests know what lies in it. */
static cptr_t small_untyped(unsigned bits)
{
    return sim_new(OBJECT_UNTYPED, bits);
}

static cptr_t retype_one(cptr_t untyped, enum object_type type, word_t size_bits)
{
    cptr_t to = sim_free_slots(1);
    ok(sim_retype(untyped, type, size_bits, to, 1));
    return to;
}

/* Copies or moves the capability in a root slot into slot `index` of a small CNode. */
static void copy_into(cptr_t cnode, word_t index, cptr_t source)
{
    ok(sim_call(cnode, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                SIM_MRS(index, cnode_radix(sim_cap(cnode)), source, 32, RIGHT_ALL)));
}

static void move_into(cptr_t cnode, word_t index, cptr_t source)
{
    ok(sim_call(cnode, INV_CNODE_MOVE, SIM_CAPS(INIT_CNODE),
                SIM_MRS(index, cnode_radix(sim_cap(cnode)), source, 32)));
}

static struct slot *slot_in(kaddr_t cnode, word_t index)
{
    return (struct slot *)kptr(cnode) + index;
}

/* Executes a Call once; true if it was preempted and waits at its svc. Whatever the caller does
 * next abandons it. */
static bool call_once(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs)
{
    struct tcb *t = current_thread();
    word_t *buffer = sim_buffer(t);
    word_t *r = t->regs;

    r[REG_R0] = cptr;
    r[REG_R1] = msginfo_make(label, 0, caps.n, mrs.n);
    r[REG_R7] = (word_t)SYS_CALL;
    for (unsigned i = 0; i < mrs.n; i++)
        *(i < MSG_REGISTERS ? &r[REG_R2 + i] : &buffer[IPCBUF_MSG + i]) = mrs.w[i];
    memcpy(&buffer[IPCBUF_CAPS], caps.c, sizeof(caps.c));
    r[REG_FAULT_IP] = HOSTSIM_SVC;
    r[REG_PC] = HOSTSIM_SVC + 4;
    kernel_enter_syscall(r[REG_R7]);
    sim_take_irqs();
    return r[REG_PC] == HOSTSIM_SVC;
}

/* ---- capability words ---------------------------------------------------------------------------
 */
static void masking_follows_the_table(void **state)
{
    static const struct {
        enum vm_rights have;
        word_t mask;
        enum vm_rights want;
    } table[] = {
        {VM_READ_WRITE, 3, VM_READ_WRITE},    {VM_READ_WRITE, 2, VM_READ_ONLY},
        {VM_READ_WRITE, 1, VM_KERNEL_ONLY},   {VM_READ_WRITE, 0, VM_KERNEL_ONLY},
        {VM_READ_ONLY, 3, VM_READ_ONLY},      {VM_READ_ONLY, 2, VM_READ_ONLY},
        {VM_READ_ONLY, 1, VM_KERNEL_ONLY},    {VM_READ_ONLY, 0, VM_KERNEL_ONLY},
        {VM_KERNEL_ONLY, 3, VM_KERNEL_ONLY},  {VM_KERNEL_ONLY, 2, VM_KERNEL_ONLY},
        {VM_KERNEL_ONLY, 15, VM_KERNEL_ONLY},
    };
    struct cap ep = ipc_cap_make(CAP_ENDPOINT, 0xf0100000u, 7, RIGHT_ALL);
    struct cap reply = reply_make(0xf0100000u, false, true);
    struct cap tcb = cap_make(CAP_TCB, 0xf0100000u, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct cap frame = frame_make(CAP_FRAME_64K, 0xf0100000u, table[i].have, true);
        assert_int_equal(frame_rights(cap_mask_rights(frame, table[i].mask)), table[i].want);
        assert_true(frame_is_device(cap_mask_rights(frame, table[i].mask)));
    }
    for (word_t rights = 0; rights < 32; rights++) {
        assert_int_equal(cap_rights(cap_mask_rights(ep, rights)), rights & 15);
        assert_int_equal(cap_badge(cap_mask_rights(ep, rights)), 7);
        assert_int_equal(reply_can_grant(cap_mask_rights(reply, rights)), (rights >> 2) & 1);
    }
    assert_memory_equal(cap_mask_rights(tcb, 0).w, tcb.w, sizeof(tcb.w));
}

static void data_is_a_badge_once_or_a_guard(void **state)
{
    struct cap ep = ipc_cap_make(CAP_ENDPOINT, 0xf0100000u, 0, RIGHT_READ);
    struct cap badged = cap_set_data(ep, 0xf2345678u, false);
    struct cap cnode = cnode_make(0xf0100000u, 5, 0, 0);
    struct cap guarded = cap_set_data(cnode, (0x3ffffu << 8) | (7u << 3) | 7u | 0xfc000000u, false);
    struct cap frame = frame_make(CAP_FRAME_4K, 0xf0100000u, VM_READ_WRITE, false);

    (void)state;
    assert_int_equal(cap_badge(badged), 0x02345678u);
    assert_int_equal(cap_rights(badged), RIGHT_READ);
    assert_int_equal(cap_type(cap_set_data(badged, 0, false)), CAP_NULL);
    assert_int_equal(cap_type(cap_set_data(ep, 0, true)), CAP_NULL);
    assert_int_equal(cnode_guard_size(guarded), 7);
    assert_int_equal(cnode_guard(guarded), 0x7f);
    assert_int_equal(cnode_radix(guarded), 5);
    assert_int_equal(cnode_guard_size(cap_set_data(cnode, 27u << 3, true)), 27);
    assert_int_equal(cap_type(cap_set_data(cnode, 28u << 3, true)), CAP_NULL);
    assert_int_equal(cnode_guard_size(cap_set_data(guarded, 0, false)), 0);
    assert_memory_equal(cap_set_data(frame, 5, true).w, frame.w, sizeof(frame.w));
}

static void identify_gives_the_numbers_of_section_2(void **state)
{
    (void)state;
    assert_int_equal(cap_identify(cap_null()), 0);
    assert_int_equal(cap_identify(sim_cap(INIT_TCB)), 0x0c);
    assert_int_equal(cap_identify(sim_cap(INIT_CNODE)), 0x0a);
    assert_int_equal(cap_identify(sim_cap(INIT_VSPACE)), 9);
    assert_int_equal(cap_identify(sim_cap(INIT_IRQ_CONTROL)), 0x0e);
    assert_int_equal(cap_identify(sim_cap(INIT_ASID_CONTROL)), 0x0b);
    assert_int_equal(cap_identify(sim_cap(INIT_ASID_POOL)), 5);
    assert_int_equal(cap_identify(sim_cap(INIT_BOOTINFO)), 1);
    assert_int_equal(cap_identify(sim_cap(INIT_DOMAIN)), 0x3e);
    assert_int_equal(cap_identify(control_make(CONTROL_IRQ_HANDLER, 3)), 0x1e);
    assert_int_equal(cap_identify(zombie_make(0xf0100000u, true, 0, 5)), 0x2e);
    assert_int_equal(cap_identify(frame_make(CAP_FRAME_1M, 0xf0100000u, VM_READ_WRITE, 0)), 3);
}

/* ---- derivation tree ----------------------------------------------------------------------------
 */
static void copies_stand_directly_after_their_source(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t first = copy_of(ep);
    cptr_t second = copy_of(ep);
    cptr_t grandchild = copy_of(first);

    (void)state;
    expect_order(ep, second, first, grandchild);
}

static void retype_puts_the_last_object_first(void **state)
{
    cptr_t u = small_untyped(12);
    cptr_t to = sim_free_slots(4);

    (void)state;
    ok(sim_retype(u, OBJECT_NOTIFICATION, 0, to, 4));
    expect_order(u, to + 3, to + 2, to + 1, to);
    for (word_t i = 0; i < 4; i++) {
        assert_int_equal(flags_of(to + i), ORIGINAL);
        assert_int_equal(cap_object(sim_cap(to + i)), cap_object(sim_cap(u)) + 16 * i);
        assert_int_equal(cap_rights(sim_cap(to + i)), RIGHT_READ | RIGHT_WRITE);
    }
}

static void copy_flags_follow_the_table(void **state)
{
    const struct {
        cptr_t source;
        bool mint;
        word_t flags;
    } table[] = {
        {sim_new(OBJECT_ENDPOINT, 0), false, 0},
        {sim_new(OBJECT_ENDPOINT, 0), true, ORIGINAL},
        {sim_new(OBJECT_NOTIFICATION, 0), false, 0},
        {sim_new(OBJECT_NOTIFICATION, 0), true, ORIGINAL},
        {mint_of(sim_new(OBJECT_ENDPOINT, 0), 5), false, 0},
        {small_untyped(8), false, ORIGINAL},
        {small_untyped(8), true, ORIGINAL},
        {sim_new(OBJECT_CNODE, 2), true, 0},
        {sim_new(OBJECT_TCB, 0), false, 0},
        {sim_new(OBJECT_FRAME_4K, 0), false, 0},
        {INIT_VSPACE, false, 0},
        {INIT_ASID_POOL, false, 0},
        {INIT_ASID_CONTROL, false, 0},
        {INIT_DOMAIN, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cptr_t copy = table[i].mint ? mint_of(table[i].source, 9) : copy_of(table[i].source);
        if (flags_of(copy) != table[i].flags)
            fail_msg("row %zu: flags %u, expected %u", i, flags_of(copy), table[i].flags);
        expect_order(table[i].source, copy);
        assert_true(cdt_is_parent(sim_slot(table[i].source), sim_slot(copy)));
    }
}

static void minting_with_data_zero_is_a_copy(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);

    (void)state;
    assert_int_equal(flags_of(mint_of(ep, 0)), 0);
    assert_int_equal(flags_of(mint_of(ep, 0xf0000000u)), 0);
}

static void revoke_removes_grandchildren(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = mint_of(ep, 3);
    cptr_t copy = copy_of(badged);
    cptr_t deep = copy_of(copy);
    cptr_t other = sim_new(OBJECT_ENDPOINT, 0);

    (void)state;
    ok(sim_revoke(ep));
    assert_true(is_empty(badged) && is_empty(copy) && is_empty(deep));
    assert_false(is_empty(ep) || is_empty(other));
}

static void revoking_a_badge_spares_equal_badges(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t sibling = mint_of(ep, 3);
    cptr_t badged = mint_of(ep, 3);
    cptr_t own = copy_of(badged);
    cptr_t deep = copy_of(own);

    (void)state;
    expect_order(ep, badged, own, deep, sibling);
    ok(sim_revoke(badged));
    assert_true(is_empty(own) && is_empty(deep));
    assert_false(is_empty(sibling) || is_empty(badged));
}

static void revoking_a_copy_does_nothing(void **state)
{
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t copy = copy_of(frame);
    cptr_t deep = copy_of(copy);

    (void)state;
    ok(sim_revoke(copy));
    assert_false(is_empty(deep));
    ok(sim_revoke(sim_free_slots(1)));
    ok(sim_revoke(frame));
    assert_true(is_empty(copy) && is_empty(deep));
}

static void removal_hands_first_badged_to_the_next(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t low = mint_of(ep, 3);
    cptr_t high = mint_of(ep, 3);
    cptr_t copy = copy_of(high);

    (void)state;
    expect_order(ep, high, copy, low);
    ok(sim_delete(high));
    assert_int_equal(flags_of(copy), CDT_FIRST_BADGED);
    ok(sim_revoke(low));
    assert_false(is_empty(copy));
}

static void move_keeps_place_and_flags(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t low = mint_of(ep, 3);
    cptr_t high = mint_of(ep, 4);
    cptr_t to = sim_free_slots(1);

    (void)state;
    ok(sim_move(to, high));
    assert_true(is_empty(high));
    assert_int_equal(sim_slot(high)->next | sim_slot(high)->prev, 0);
    expect_order(ep, to, low);
    assert_int_equal(flags_of(to), ORIGINAL);
}

static void untyped_copies_cannot_both_be_used(void **state)
{
    cptr_t u = small_untyped(10);
    cptr_t copy = copy_of(u);
    cptr_t to = sim_free_slots(1);

    (void)state;
    assert_int_equal(sim_retype(u, OBJECT_ENDPOINT, 0, to, 1), SEL4_NOT_ENOUGH_MEMORY);
    expect_answer("source", SEL4_NOT_ENOUGH_MEMORY, SIM_MRS(0));
    assert_int_equal(sim_copy(to, u, RIGHT_ALL), SEL4_REVOKE_FIRST);
    retype_one(copy, OBJECT_ENDPOINT, 0);
    assert_int_equal(sim_copy(to, copy, RIGHT_ALL), SEL4_REVOKE_FIRST);
    ok(sim_revoke(copy));
    ok(sim_delete(copy));
    assert_int_equal(untyped_free_bytes(sim_slot(u)), 1024);
    ok(sim_retype(u, OBJECT_TCB, 0, sim_free_slots(2), 2));
}

/* Three frames next to each other: swapping neighbours, either way round, and strangers. */
static void rotate_swaps_neighbours_and_strangers(void **state)
{
    for (unsigned pair = 0; pair < 6; pair++) {
        static const unsigned pairs[6][2] = {{0, 1}, {1, 0}, {1, 2}, {0, 2}, {2, 0}, {2, 1}};
        cptr_t u = small_untyped(14);
        cptr_t to = sim_free_slots(3);
        cptr_t order[3] = {to + 2, to + 1, to};
        cptr_t a = to + pairs[pair][0];
        cptr_t b = to + pairs[pair][1];
        struct cap cap_a;
        struct cap cap_b;

        ok(sim_retype(u, OBJECT_FRAME_4K, 0, to, 3));
        cap_a = sim_cap(a);
        cap_b = sim_cap(b);
        ok(sim_call(INIT_CNODE, INV_CNODE_ROTATE, SIM_CAPS(INIT_CNODE, INIT_CNODE),
                    SIM_MRS(a, 32, 0, b, 32, 0, a, 32)));
        assert_memory_equal(sim_cap(a).w, cap_b.w, sizeof(cap_b.w));
        assert_memory_equal(sim_cap(b).w, cap_a.w, sizeof(cap_a.w));
        for (unsigned i = 0; i < 3; i++)
            order[i] = order[i] == a ? b : order[i] == b ? a : order[i];
        expect_order(u, order[0], order[1], order[2]);
        sim_check();
    }
    (void)state;
}

static void rotate_moves_two_capabilities_with_new_guards(void **state)
{
    cptr_t src = sim_new(OBJECT_CNODE, 2);
    cptr_t pivot = sim_new(OBJECT_CNODE, 3);
    cptr_t dest = sim_free_slots(1);
    kaddr_t src_object = cap_object(sim_cap(src));

    (void)state;
    ok(sim_call(INIT_CNODE, INV_CNODE_ROTATE, SIM_CAPS(INIT_CNODE, INIT_CNODE),
                SIM_MRS(dest, 32, 4u << 3 | 5u << 8, pivot, 32, 6u << 3 | 9u << 8, src, 32)));
    assert_int_equal(cnode_radix(sim_cap(dest)), 3);
    assert_int_equal(cnode_guard_size(sim_cap(dest)), 4);
    assert_int_equal(cnode_guard(sim_cap(dest)), 5);
    assert_int_equal(cap_object(sim_cap(pivot)), src_object);
    assert_int_equal(cnode_guard_size(sim_cap(pivot)), 6);
    assert_int_equal(cnode_guard(sim_cap(pivot)), 9);
    assert_true(is_empty(src));
}

/* ---- CNode operations: every error, in order ----------------------------------------------------
 */
struct refusal_case {
    const char *what;
    cptr_t cptr;
    word_t label;
    struct sim_caps caps;
    struct sim_words mrs;
    word_t error;
    struct sim_words words;
};

static void expect_refusals(const struct refusal_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct digest before = *hostsim_digest();
        sim_call(cases[i].cptr, cases[i].label, cases[i].caps, cases[i].mrs);
        expect_answer(cases[i].what, cases[i].error, cases[i].words);
        if (memcmp(&before, hostsim_digest(), sizeof(before)) != 0)
            fail_msg("%s: refused, and changed something", cases[i].what);
    }
}
#define EXPECT_REFUSALS(cases) expect_refusals(cases, sizeof(cases) / sizeof(cases)[0])

#define ROOT SIM_CAPS(INIT_CNODE)

static void cnode_lookups_are_refused_as_the_vectors_say(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t small = sim_new(OBJECT_CNODE, 2);
    const struct refusal_case cases[] = {
        {"label 0", INIT_CNODE, 0, SIM_CAPS(), SIM_MRS(1, 32), SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"label 25", INIT_CNODE, 25, SIM_CAPS(), SIM_MRS(), SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"length 1", INIT_CNODE, 16, SIM_CAPS(), SIM_MRS(1), SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"depth 33", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(1, 33), SEL4_RANGE_ERROR, SIM_MRS(1, 32)},
        {"depth 0", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(1, 0), SEL4_RANGE_ERROR, SIM_MRS(1, 32)},
        {"depth 12", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(1, 12), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_GUARD_MISMATCH, 12, 0, 20)},
        {"guard", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(0x80000001u, 32), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_GUARD_MISMATCH, 32, 0, 20)},
        {"depth 31", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(1, 31), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_DEPTH_MISMATCH, 31, 32)},
        {"leaf", small, 17, SIM_CAPS(), SIM_MRS(4, 4), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_DEPTH_MISMATCH, 2, 0)},
        {"empty on the way", small, 17, SIM_CAPS(), SIM_MRS(0, 5), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_DEPTH_MISMATCH, 3, 0)},
    };

    (void)state;
    copy_into(small, 1, ep);
    EXPECT_REFUSALS(cases);
}

static void copy_and_move_check_in_order(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t badged = mint_of(ep, 4);
    cptr_t cnode = sim_new(OBJECT_CNODE, 2);
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    cptr_t to = sim_free_slots(2);
    cptr_t none = to + 1;
    const struct refusal_case cases[] = {
        {"3 words", INIT_CNODE, 19, ROOT, SIM_MRS(ep, 32, ep), SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"no root", INIT_CNODE, 21, SIM_CAPS(), SIM_MRS(ep, 32, ep, 32), SEL4_TRUNCATED_MESSAGE,
         SIM_MRS()},
        {"target full", INIT_CNODE, 19, SIM_CAPS(ep), SIM_MRS(ep, 32, none, 99), SEL4_DELETE_FIRST,
         SIM_MRS()},
        {"root no CNode", INIT_CNODE, 19, SIM_CAPS(ep), SIM_MRS(to, 32, none, 99),
         SEL4_FAILED_LOOKUP, SIM_MRS(1, LOOKUP_INVALID_ROOT)},
        {"source depth", INIT_CNODE, 22, ROOT, SIM_MRS(to, 32, none, 99), SEL4_RANGE_ERROR,
         SIM_MRS(1, 32)},
        {"source lookup", INIT_CNODE, 20, ROOT, SIM_MRS(to, 32, none, 31), SEL4_FAILED_LOOKUP,
         SIM_MRS(1, LOOKUP_DEPTH_MISMATCH, 31, 32)},
        {"source empty", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, none, 32, 15), SEL4_FAILED_LOOKUP,
         SIM_MRS(1, LOOKUP_MISSING_CAPABILITY, 32)},
        {"move empty", INIT_CNODE, 21, ROOT, SIM_MRS(to, 32, none, 32), SEL4_FAILED_LOOKUP,
         SIM_MRS(1, LOOKUP_MISSING_CAPABILITY, 32)},
        {"copy 4 words", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, sim_untyped(), 32),
         SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"mint 5 words", INIT_CNODE, 20, ROOT, SIM_MRS(to, 32, sim_untyped(), 32, 15),
         SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"mutate 4 words", INIT_CNODE, 22, ROOT, SIM_MRS(to, 32, ep, 32), SEL4_TRUNCATED_MESSAGE,
         SIM_MRS()},
        {"copy used untyped", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, sim_untyped(), 32, 15),
         SEL4_REVOKE_FIRST, SIM_MRS()},
        {"copy irq control", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, INIT_IRQ_CONTROL, 32, 15),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"copy unmapped table", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, table, 32, 15),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"copy unassigned directory", INIT_CNODE, 19, ROOT, SIM_MRS(to, 32, pd, 32, 15),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"mint badged", INIT_CNODE, 20, ROOT, SIM_MRS(to, 32, badged, 32, 15, 0),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"mint long guard", INIT_CNODE, 20, ROOT, SIM_MRS(to, 32, cnode, 32, 15, 31u << 3),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"mutate endpoint", INIT_CNODE, 22, ROOT, SIM_MRS(to, 32, ep, 32, 0),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
    };

    (void)state;
    EXPECT_REFUSALS(cases);
    ok(sim_move(to, table));
    ok(sim_move(none, INIT_IRQ_CONTROL));
}

static void rotate_checks_in_order(void **state)
{
    cptr_t frame = sim_new_many(OBJECT_FRAME_4K, 0, 3);
    cptr_t a = frame;
    cptr_t b = frame + 1;
    cptr_t c = frame + 2;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t none = sim_free_slots(2);
    cptr_t to = none + 1;
    const struct sim_caps roots = SIM_CAPS(INIT_CNODE, INIT_CNODE);
    const struct refusal_case cases[] = {
        {"7 words", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, a, 32, 0, b), SEL4_TRUNCATED_MESSAGE,
         SIM_MRS()},
        {"one root", INIT_CNODE, 23, ROOT, SIM_MRS(to, 32, 0, a, 32, 0, b, 32),
         SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"source before pivot", INIT_CNODE, 23, SIM_CAPS(ep, ep),
         SIM_MRS(to, 32, 0, a, 99, 0, b, 99), SEL4_FAILED_LOOKUP, SIM_MRS(1, LOOKUP_INVALID_ROOT)},
        {"source depth", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, a, 31, 0, b, 99),
         SEL4_RANGE_ERROR, SIM_MRS(1, 32)},
        {"pivot lookup", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, a, 31, 0, b, 32),
         SEL4_FAILED_LOOKUP, SIM_MRS(1, LOOKUP_DEPTH_MISMATCH, 31, 32)},
        {"pivot is source", INIT_CNODE, 23, roots, SIM_MRS(c, 32, 0, a, 32, 0, a, 32),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"pivot is target", INIT_CNODE, 23, roots, SIM_MRS(a, 32, 0, a, 32, 0, b, 32),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"target full", INIT_CNODE, 23, roots, SIM_MRS(c, 32, 0, none, 32, 0, to, 32),
         SEL4_DELETE_FIRST, SIM_MRS()},
        {"source empty", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, a, 32, 0, none, 32),
         SEL4_FAILED_LOOKUP, SIM_MRS(1, LOOKUP_MISSING_CAPABILITY, 32)},
        {"pivot empty", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, none, 32, 0, a, 32),
         SEL4_FAILED_LOOKUP, SIM_MRS(0, LOOKUP_MISSING_CAPABILITY, 32)},
        {"source data", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, a, 32, 0, ep, 32),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"pivot data", INIT_CNODE, 23, roots, SIM_MRS(to, 32, 0, ep, 32, 0, a, 32),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
    };

    (void)state;
    EXPECT_REFUSALS(cases);
}

static void the_other_operations_check_their_slot(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t weak = sim_free_slots(2);
    cptr_t none = weak + 1;
    const struct refusal_case cases[] = {
        {"save into full", INIT_CNODE, 24, SIM_CAPS(), SIM_MRS(ep, 32), SEL4_DELETE_FIRST,
         SIM_MRS()},
        {"save nothing", INIT_CNODE, 24, SIM_CAPS(), SIM_MRS(none, 32), SEL4_NO_ERROR, SIM_MRS()},
        {"cancel on empty", INIT_CNODE, 18, SIM_CAPS(), SIM_MRS(none, 32), SEL4_ILLEGAL_OPERATION,
         SIM_MRS()},
        {"cancel with fewer rights", INIT_CNODE, 18, SIM_CAPS(), SIM_MRS(weak, 32),
         SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"cancel badge 0", INIT_CNODE, 18, SIM_CAPS(), SIM_MRS(ep, 32), SEL4_NO_ERROR, SIM_MRS()},
        {"delete nothing", INIT_CNODE, 17, SIM_CAPS(), SIM_MRS(none, 32), SEL4_NO_ERROR, SIM_MRS()},
    };

    (void)state;
    ok(sim_copy(weak, ep, RIGHT_ALL & ~RIGHT_GRANT_REPLY));
    EXPECT_REFUSALS(cases);
}

/* ---- untyped and retype -------------------------------------------------------------------------
 */
static void retype_checks_in_order(void **state)
{
    cptr_t u = small_untyped(12);
    cptr_t node = sim_new(OBJECT_CNODE, 3);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t device = sim_bootinfo()->untyped.start;
    cptr_t to = sim_free_slots(4);
    const struct sim_caps in = SIM_CAPS(node);
    const struct refusal_case cases[] = {
        {"label", u, 2, in, SIM_MRS(), SEL4_ILLEGAL_OPERATION, SIM_MRS()},
        {"5 words", u, 1, in, SIM_MRS(11, 0, 0, 0, 0), SEL4_TRUNCATED_MESSAGE, SIM_MRS()},
        {"no root", u, 1, SIM_CAPS(), SIM_MRS(11, 0, 0, 0, 0, 1), SEL4_TRUNCATED_MESSAGE,
         SIM_MRS()},
        {"type 11", u, 1, in, SIM_MRS(11, 32, 0, 99, 99, 0), SEL4_INVALID_ARGUMENT, SIM_MRS(0)},
        {"size 32", u, 1, in, SIM_MRS(OBJECT_TCB, 32, 0, 99, 99, 0), SEL4_RANGE_ERROR,
         SIM_MRS(0, 29)},
        {"untyped 30", u, 1, in, SIM_MRS(OBJECT_UNTYPED, 30, 0, 99, 99, 0), SEL4_RANGE_ERROR,
         SIM_MRS(0, 29)},
        {"cnode 26", u, 1, in, SIM_MRS(OBJECT_CNODE, 26, 0, 99, 99, 0), SEL4_RANGE_ERROR,
         SIM_MRS(0, 29)},
        {"cnode 0", u, 1, in, SIM_MRS(OBJECT_CNODE, 0, 0, 99, 99, 0), SEL4_INVALID_ARGUMENT,
         SIM_MRS(1)},
        {"untyped 3", u, 1, in, SIM_MRS(OBJECT_UNTYPED, 3, 0, 99, 99, 0), SEL4_INVALID_ARGUMENT,
         SIM_MRS(1)},
        {"depth 33", u, 1, in, SIM_MRS(2, 0, 0, 33, 99, 0), SEL4_RANGE_ERROR, SIM_MRS(1, 32)},
        {"node lookup", u, 1, in, SIM_MRS(2, 0, 0, 2, 99, 0), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_DEPTH_MISMATCH, 2, 3)},
        {"root no CNode", u, 1, SIM_CAPS(ep), SIM_MRS(2, 0, 0, 2, 99, 0), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_INVALID_ROOT)},
        {"node no CNode", u, 1, SIM_CAPS(ep), SIM_MRS(2, 0, 0, 0, 99, 0), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_MISSING_CAPABILITY, 0)},
        {"node found no CNode", u, 1, ROOT, SIM_MRS(2, 0, ep, 32, 99, 0), SEL4_FAILED_LOOKUP,
         SIM_MRS(0, LOOKUP_MISSING_CAPABILITY, 32)},
        {"offset", u, 1, in, SIM_MRS(2, 0, 0, 0, 8, 0), SEL4_RANGE_ERROR, SIM_MRS(0, 7)},
        {"no objects", u, 1, in, SIM_MRS(2, 0, 0, 0, 5, 0), SEL4_RANGE_ERROR, SIM_MRS(1, 256)},
        {"257 objects", u, 1, in, SIM_MRS(2, 0, 0, 0, 5, 257), SEL4_RANGE_ERROR, SIM_MRS(1, 256)},
        {"too many for the node", u, 1, in, SIM_MRS(2, 0, 0, 0, 5, 4), SEL4_RANGE_ERROR,
         SIM_MRS(1, 3)},
        {"slot full", u, 1, in, SIM_MRS(OBJECT_FRAME_1M, 0, 0, 0, 0, 6), SEL4_DELETE_FIRST,
         SIM_MRS()},
        {"last slot full", u, 1, in, SIM_MRS(OBJECT_FRAME_1M, 0, 0, 0, 3, 3), SEL4_DELETE_FIRST,
         SIM_MRS()},
        {"memory", u, 1, in, SIM_MRS(OBJECT_TCB, 0, 0, 0, 0, 5), SEL4_NOT_ENOUGH_MEMORY,
         SIM_MRS(2048)},
        {"memory after alignment", u, 1, in, SIM_MRS(OBJECT_FRAME_4K, 0, 0, 0, 0, 1),
         SEL4_NOT_ENOUGH_MEMORY, SIM_MRS(2048)},
        {"device memory first", device, 1, in, SIM_MRS(OBJECT_CNODE, 25, 0, 0, 0, 1),
         SEL4_NOT_ENOUGH_MEMORY, SIM_MRS(1u << 28)},
        {"device endpoint", device, 1, in, SIM_MRS(OBJECT_ENDPOINT, 0, 0, 0, 0, 1),
         SEL4_INVALID_ARGUMENT, SIM_MRS(1)},
    };

    (void)state;
    assert_int_equal(untyped_bits(sim_cap(device)), 28);
    copy_into(node, 5, ep);
    ok(sim_retype(u, OBJECT_TCB, 0, to, 4));
    ok(sim_delete(to));
    EXPECT_REFUSALS(cases);
}

static void watermark_advances_and_aligns(void **state)
{
    cptr_t u = small_untyped(14);
    kaddr_t base = cap_object(sim_cap(u));
    cptr_t ep = retype_one(u, OBJECT_ENDPOINT, 0);
    cptr_t frame = retype_one(u, OBJECT_FRAME_4K, 0);
    cptr_t tcb = retype_one(u, OBJECT_TCB, 0);
    cptr_t child = retype_one(u, OBJECT_UNTYPED, 10);

    (void)state;
    assert_int_equal(cap_object(sim_cap(ep)), base);
    assert_int_equal(cap_object(sim_cap(frame)), base + 4096);
    assert_int_equal(cap_object(sim_cap(tcb)), base + 8192);
    assert_int_equal(cap_object(sim_cap(child)), base + 9216);
    assert_int_equal(untyped_watermark(sim_cap(child)), 0);
    assert_int_equal(untyped_free_bytes(sim_slot(u)), 16384 - 10240);
    ok(sim_delete(child));
    assert_int_equal(untyped_free_bytes(sim_slot(u)), 16384 - 10240);
    ok(sim_revoke(u));
    assert_int_equal(untyped_free_bytes(sim_slot(u)), 16384);
    assert_int_equal(cap_object(sim_cap(retype_one(u, OBJECT_FRAME_4K, 0))), base);
}

static void device_memory_is_never_touched(void **state)
{
    unsigned cleared = hostsim.count.clear;
    cptr_t device = sim_bootinfo()->untyped.start;
    cptr_t frame = retype_one(device, OBJECT_FRAME_4K, 0);
    cptr_t child = retype_one(device, OBJECT_UNTYPED, 12);

    (void)state;
    assert_true(frame_is_device(sim_cap(frame)));
    assert_true(untyped_is_device(sim_cap(child)));
    assert_true(frame_is_device(sim_cap(retype_one(child, OBJECT_FRAME_4K, 0))));
    assert_int_equal(hostsim.count.clear, cleared);
}

static void expect_bytes(kaddr_t from, word_t bytes, uint8_t value)
{
    const uint8_t *p = kptr(from);
    for (word_t i = 0; i < bytes; i++)
        if (p[i] != value)
            fail_msg("byte %08x is %02x, expected %02x", from + i, p[i], value);
}

/* An untyped without children whose memory is full of what its last user left there. */
static cptr_t used_untyped(unsigned bits)
{
    cptr_t u = small_untyped(bits);
    cptr_t to = sim_free_slots(1u << (bits - 12));
    ok(sim_retype(u, OBJECT_FRAME_4K, 0, to, 1u << (bits - 12)));
    memset(kptr(cap_object(sim_cap(u))), POISON, 1u << bits);
    ok(sim_revoke(u));
    return u;
}

static void reused_memory_is_cleared_as_it_is_handed_out(void **state)
{
    cptr_t u = used_untyped(15);
    kaddr_t base = cap_object(sim_cap(u));

    (void)state;
    retype_one(u, OBJECT_ENDPOINT, 0);
    expect_bytes(base, 16, 0);
    expect_bytes(base + 16, 4096, POISON);
    retype_one(u, OBJECT_CNODE, 4);
    expect_bytes(base + 256, 256, 0);
    retype_one(u, OBJECT_FRAME_4K, 0);
    expect_bytes(base + 4096, 4096, 0);
    expect_bytes(base + 8192, 4096, POISON);
    retype_one(retype_one(u, OBJECT_UNTYPED, 13), OBJECT_FRAME_4K, 0);
    expect_bytes(base + 8192, 4096, 0);
    expect_bytes(base + 12288, 4096, POISON);
}

static void interrupted_clearing_goes_on_where_it_stopped(void **state)
{
    cptr_t u = used_untyped(16);
    cptr_t to = sim_free_slots(1);
    unsigned pieces = hostsim.count.clear;

    (void)state;
    hostsim_preempt_every(1);
    ok(sim_retype(u, OBJECT_FRAME_64K, 0, to, 1));
    hostsim_preempt_every(0);
    pieces = hostsim.count.clear - pieces;
    assert_int_equal(pieces, 16);
    assert_int_equal(sim_reply.restarts, pieces - 1);
    expect_bytes(cap_object(sim_cap(to)), 1u << 16, 0);
}

static void interrupted_retype_changes_no_slot(void **state)
{
    cptr_t u = used_untyped(16);
    cptr_t to = sim_free_slots(2);
    struct cap before = sim_cap(u);

    (void)state;
    ok(sim_retype(u, OBJECT_UNTYPED, 4, to, 1));
    before = sim_cap(u);
    hostsim_preempt_after(2);
    assert_true(call_once(u, INV_UNTYPED_RETYPE, ROOT, SIM_MRS(OBJECT_CNODE, 10, 0, 0, to + 1, 1)));
    assert_true(is_empty(to + 1));
    assert_memory_equal(sim_cap(u).w, before.w, sizeof(before.w));
    sim_check();
    sim_continue();
    assert_int_equal(sim_reply.label, SEL4_NO_ERROR);
    expect_bytes(cap_object(sim_cap(to + 1)), 1u << 14, 0);
}

/* An interrupted retype of big objects skips an alignment gap; small ones then come from it. */
static void memory_in_an_alignment_gap_is_cleared_after_an_abandoned_retype(void **state)
{
    cptr_t u = used_untyped(16);
    kaddr_t base = cap_object(sim_cap(u));
    cptr_t to = sim_free_slots(4);

    (void)state;
    retype_one(u, OBJECT_ENDPOINT, 0);
    hostsim_preempt_after(3);
    assert_true(call_once(u, INV_UNTYPED_RETYPE, ROOT, SIM_MRS(OBJECT_FRAME_4K, 0, 0, 0, to, 4)));
    for (unsigned i = 0; i < 8; i++)
        retype_one(u, OBJECT_TCB, 0);
    for (kaddr_t a = base + 512; a < base + 9 * 512; a += 512)
        expect_bytes(a, TCB_SLOTS * 16, 0);
    expect_bytes(base + 16, 16, 0);
}

/* Clearing began above a child; the child goes; its memory is handed out again. */
static void memory_below_an_abandoned_clear_is_cleared_too(void **state)
{
    cptr_t u = used_untyped(16);
    kaddr_t base = cap_object(sim_cap(u));
    cptr_t child = retype_one(u, OBJECT_FRAME_4K, 0);
    cptr_t to = sim_free_slots(8);

    (void)state;
    memset(kptr(base), POISON, 4096);
    hostsim_preempt_after(4);
    assert_true(call_once(u, INV_UNTYPED_RETYPE, ROOT, SIM_MRS(OBJECT_CNODE, 11, 0, 0, to, 1)));
    ok(sim_delete(child));
    ok(sim_retype(u, OBJECT_FRAME_4K, 0, to, 2));
    expect_bytes(base, 8192, 0);
}

/* Clearing was abandoned; the memory is used through a copy of the capability, then directly. */
static void a_copy_makes_the_source_forget_its_progress(void **state)
{
    cptr_t u = used_untyped(16);
    kaddr_t base = cap_object(sim_cap(u));
    cptr_t to = sim_free_slots(8);
    cptr_t copy;

    (void)state;
    hostsim_preempt_after(6);
    assert_true(call_once(u, INV_UNTYPED_RETYPE, ROOT, SIM_MRS(OBJECT_CNODE, 11, 0, 0, to, 1)));
    copy = copy_of(u);
    retype_one(copy, OBJECT_FRAME_64K, 0);
    memset(kptr(base), POISON, 1u << 16);
    ok(sim_revoke(u));
    ok(sim_retype(u, OBJECT_FRAME_4K, 0, to, 8));
    expect_bytes(base, 8 * 4096, 0);
}

/* Every attempt ends after one piece; a piece is far less than a sixty-fourth of the block. */
static void clearing_gets_on_however_often_it_is_interrupted(void **state)
{
    cptr_t u = used_untyped(20);
    cptr_t to = sim_free_slots(1);
    unsigned attempts = 1;

    (void)state;
    hostsim_preempt_every(1);
    while (attempts < 1000 &&
           call_once(u, INV_UNTYPED_RETYPE, ROOT, SIM_MRS(OBJECT_FRAME_1M, 0, 0, 0, to, 1)))
        attempts++;
    hostsim_preempt_after(0);
    assert_int_not_equal(attempts, 1);
    assert_int_not_equal(attempts, 1000);
    expect_bytes(cap_object(sim_cap(to)), 1u << 20, 0);
}

static void retype_makes_256_of_every_small_object(void **state)
{
    static const enum object_type types[] = {OBJECT_TCB,   OBJECT_ENDPOINT,   OBJECT_NOTIFICATION,
                                             OBJECT_CNODE, OBJECT_PAGE_TABLE, OBJECT_UNTYPED};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        cptr_t to = sim_new_many(types[i], 5, 256);
        assert_int_not_equal(cap_type(sim_cap(to + 255)), CAP_NULL);
    }
    sim_check();
}

static void directories_get_the_kernels_mappings_with_their_asid(void **state)
{
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    const word_t *kernel = kptr(arch_kernel_pd());
    const word_t *p = kptr(cap_object(sim_cap(pd)));

    (void)state;
    expect_bytes(cap_object(sim_cap(pd)), 1u << PAGE_DIRECTORY_BITS, 0);
    ok(sim_call(INIT_ASID_POOL, INV_ASID_POOL_ASSIGN, SIM_CAPS(pd), SIM_MRS()));
    expect_bytes(cap_object(sim_cap(pd)), 0xf00 * 4, 0);
    assert_memory_equal(p + 0xf00, kernel + 0xf00, 0xf0 * 4);
}

/* ---- delete -------------------------------------------------------------------------------------
 */
static void deleting_the_last_capability_empties_a_cnode(void **state)
{
    cptr_t outer = sim_new(OBJECT_CNODE, 4);
    cptr_t inner = sim_new(OBJECT_CNODE, 2);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t copy = copy_of(outer);
    unsigned before = sim_slot_count();

    (void)state;
    copy_into(outer, 3, ep);
    copy_into(outer, 15, ep);
    copy_into(inner, 0, ep);
    copy_into(inner, 3, ep);
    move_into(outer, 9, inner);
    ok(sim_delete(copy));
    assert_int_equal(sim_slot_count(), before + 4 - 1);
    ok(sim_delete(outer));
    assert_int_equal(sim_slot_count(), before - 3);
    assert_false(is_empty(ep));
}

static void a_deleted_thread_takes_its_cspace_along(void **state)
{
    cptr_t cnode = sim_new(OBJECT_CNODE, 3);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t tcb = sim_new(OBJECT_TCB, 0);
    unsigned before = sim_slot_count();

    (void)state;
    copy_into(cnode, 5, ep);
    ok(sim_call(tcb, INV_TCB_SET_SPACE, SIM_CAPS(cnode, INIT_VSPACE), SIM_MRS(0, 0, 0)));
    ok(sim_delete(cnode));
    assert_int_equal(cap_type(slot_in(cap_object(sim_cap(tcb)), TCB_CSPACE)->cap), CAP_CNODE);
    ok(sim_delete(tcb));
    assert_int_equal(sim_slot_count(), before - 2);
    assert_false(is_empty(ep));
}

static void an_emptied_cnode_of_4096_slots_is_gone(void **state)
{
    cptr_t cnode = sim_new(OBJECT_CNODE, 12);
    unsigned looks = hostsim.count.irq_looks;

    (void)state;
    ok(sim_delete(cnode));
    assert_true(is_empty(cnode));
    assert_true(hostsim.count.irq_looks - looks >= 4096 / 64 / 2 - 1);
}

static void an_interrupted_delete_leaves_a_zombie_that_does_nothing(void **state)
{
    cptr_t cnode = sim_new(OBJECT_CNODE, 10);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t to = sim_free_slots(1);

    (void)state;
    copy_into(cnode, 3, ep);
    hostsim_preempt_after(1);
    assert_true(call_once(INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(cnode, 32)));
    assert_int_equal(cap_identify(sim_cap(cnode)), 0x2e);
    sim_check();
    assert_int_equal(sim_call(cnode, INV_CNODE_REVOKE, SIM_CAPS(), SIM_MRS(3, 10)),
                     SEL4_INVALID_CAPABILITY);
    assert_int_equal(sim_copy(to, cnode, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
    ok(sim_move(to, cnode));
    ok(sim_delete(to));
    assert_true(is_empty(to));
}

/* A CNode whose only capability lies in itself is found by revoking its memory. */
static void a_cnode_that_holds_itself_goes_with_its_memory(void **state)
{
    for (word_t index = 0; index < 4; index++) {
        cptr_t u = small_untyped(12);
        cptr_t cnode = retype_one(u, OBJECT_CNODE, 2);
        cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);

        for (word_t i = 0; i < 4; i++)
            if (i != index)
                copy_into(cnode, i, ep);
        move_into(cnode, index, cnode);
        hostsim_preempt_every(index & 1);
        ok(sim_revoke(u));
        hostsim_preempt_every(0);
        assert_false(cdt_has_children(sim_slot(u)));
        assert_int_equal(untyped_free_bytes(sim_slot(u)), 4096);
        sim_check();
    }
    (void)state;
}

/* Revoking an untyped whose own slot lies in a CNode made from it: suicide, but a clean one. */
static void revoking_an_untyped_inside_its_own_object_ends(void **state)
{
    cptr_t parent = small_untyped(13);
    cptr_t u = retype_one(parent, OBJECT_UNTYPED, 12);
    cptr_t cnode = retype_one(u, OBJECT_CNODE, 2);
    cptr_t handle = copy_of(cnode);

    (void)state;
    move_into(cnode, 3, u);
    sim_call(handle, INV_CNODE_REVOKE, SIM_CAPS(), SIM_MRS(3, 2));
    sim_check();
    ok(sim_revoke(parent));
    assert_false(cdt_has_children(sim_slot(parent)));
}

/* Scenarios that are run again and again, interrupted at a later look each time. */
static void nested_scenario(cptr_t *victim)
{
    cptr_t u = small_untyped(13);
    cptr_t a = retype_one(u, OBJECT_CNODE, 3);
    cptr_t b = retype_one(u, OBJECT_CNODE, 2);
    cptr_t c = retype_one(u, OBJECT_CNODE, 2);
    cptr_t t = retype_one(u, OBJECT_TCB, 0);
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);

    for (word_t i = 0; i < 8; i += 2)
        copy_into(a, i, ep);
    copy_into(b, 3, ep);
    copy_into(b, 0, ep);
    copy_into(c, 3, ep);
    copy_into(c, 2, ep);
    ok(sim_call(t, INV_TCB_SET_SPACE, SIM_CAPS(c, INIT_VSPACE), SIM_MRS(0, 0, 0)));
    ok(sim_delete(c));
    move_into(b, 2, t);
    move_into(a, 5, b);
    *victim = a;
}

static void run_interrupted(word_t label, cptr_t slot, unsigned look)
{
    hostsim_preempt_after(look);
    if (call_once(INIT_CNODE, label, SIM_CAPS(), SIM_MRS(slot, 32))) {
        sim_check();
        sim_continue();
    }
}

/* Runs `label` on what `scenario` makes, uninterrupted, then interrupted at each of its looks: the
 * slots must be the same in the end. */
static void expect_same_end(void (*scenario)(cptr_t *), word_t label)
{
    struct digest want = {{0, 0}};
    unsigned looks = 1;

    for (unsigned look = 0; look <= looks; look++) {
        cptr_t slot;
        sim_boot();
        scenario(&slot);
        unsigned before = hostsim.count.irq_looks;
        ks.work_units = PREEMPT_UNITS - 1;
        run_interrupted(label, slot, look);
        hostsim_preempt_after(0);
        sim_check();
        if (look == 0) {
            want = *hostsim_digest();
            looks = hostsim.count.irq_looks - before;
            assert_true(looks > 2);
        }
        assert_memory_equal(hostsim_digest(), &want, sizeof(want));
    }
}

static void a_delete_ends_the_same_wherever_it_is_interrupted(void **state)
{
    (void)state;
    expect_same_end(nested_scenario, INV_CNODE_DELETE);
}

static void revoke_scenario(cptr_t *victim)
{
    cptr_t inner;
    cptr_t u = sim_new(OBJECT_UNTYPED, 16);
    cptr_t c = retype_one(u, OBJECT_CNODE, 3);
    cptr_t d = retype_one(u, OBJECT_CNODE, 2);
    cptr_t ep = retype_one(u, OBJECT_ENDPOINT, 0);

    for (unsigned i = 0; i < 20; i++)
        mint_of(ep, i % 3);
    copy_into(c, 7, ep);
    copy_into(d, 1, ep);
    copy_into(d, 0, c);
    move_into(c, 3, d);
    inner = retype_one(u, OBJECT_UNTYPED, 10);
    move_into(c, 2, retype_one(inner, OBJECT_TCB, 0));
    ok(sim_delete(c));
    *victim = u;
}

static void a_revoke_ends_the_same_wherever_it_is_interrupted(void **state)
{
    (void)state;
    expect_same_end(revoke_scenario, INV_CNODE_REVOKE);
}

/* ---- nested CNodes against reference counts -----------------------------------------------------
 */
enum { NODES = 7, ROOTS = NODES, MAX_RADIX = 3 };

/* The rule in its plainest form: an object lives while a capability to it exists outside dead
 * objects' slots; slots of dead objects are empty. */
struct graph {
    unsigned radix[NODES];
    int holds[NODES][1 << MAX_RADIX]; /* node index or -1 */
    bool root[NODES];                 /* the root CNode has a capability to it */
    bool dead[NODES];
    kaddr_t at[NODES];
    cptr_t slot[NODES];
    cptr_t untyped;
};

static unsigned graph_references(const struct graph *g, int node)
{
    unsigned n = g->root[node];
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < 1u << g->radix[i]; j++)
            n += g->holds[i][j] == node;
    return n;
}

/* Objects without references die, until nothing changes. */
static void graph_settle(struct graph *g)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int n = 0; n < NODES; n++) {
            if (g->dead[n] || graph_references(g, n) != 0)
                continue;
            g->dead[n] = changed = true;
            memset(g->holds[n], 0xff, sizeof(g->holds[n]));
        }
    }
}

static void graph_make(struct graph *g, unsigned density)
{
    memset(g, 0, sizeof(*g));
    memset(g->holds, 0xff, sizeof(g->holds));
    g->untyped = small_untyped(12);
    for (unsigned n = 0; n < NODES; n++) {
        g->radix[n] = 1 + (unsigned)rand() % MAX_RADIX;
        g->slot[n] = retype_one(g->untyped, OBJECT_CNODE, g->radix[n]);
        g->at[n] = cap_object(sim_cap(g->slot[n]));
        g->root[n] = true;
    }
    for (unsigned n = 0; n < NODES; n++)
        for (unsigned i = 0; i < 1u << g->radix[n]; i++) {
            if ((unsigned)rand() % 8 >= density)
                continue;
            g->holds[n][i] = rand() % NODES;
            copy_into(g->slot[n], i, g->slot[g->holds[n][i]]);
        }
}

static void graph_compare(const struct graph *g)
{
    for (unsigned n = 0; n < NODES; n++)
        for (unsigned i = 0; i < 1u << g->radix[n]; i++) {
            struct cap c = slot_in(g->at[n], i)->cap;
            int holds = g->holds[n][i];
            if (holds < 0 ? cap_type(c) != CAP_NULL
                          : cap_type(c) != CAP_CNODE || cap_object(c) != g->at[holds])
                fail_msg("node %u slot %u holds %08x %08x, expected node %d", n, i, c.w[0], c.w[1],
                         holds);
        }
}

static void nested_cnodes_die_as_reference_counts_say(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 400; seed++) {
        struct graph g;
        srand(seed);
        sim_boot();
        graph_make(&g, 1 + seed % 8);
        for (unsigned n = 0; n < NODES; n++) {
            hostsim_preempt_every(seed % 3);
            ok(sim_delete(g.slot[n]));
            hostsim_preempt_every(0);
            g.root[n] = false;
            graph_settle(&g);
            graph_compare(&g);
            sim_check();
        }
        hostsim_preempt_every(seed % 3);
        ok(sim_revoke(g.untyped));
        hostsim_preempt_every(0);
        assert_false(cdt_has_children(sim_slot(g.untyped)));
        sim_check();
    }
}

/* Deletes that are given up half-way, others in between, in any order: nothing is lost, and the
 * memory comes back. */
static void abandoned_deletes_leave_nothing_behind(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 400; seed++) {
        struct graph g;
        srand(seed);
        sim_boot();
        graph_make(&g, 2 + seed % 6);
        for (unsigned step = 0; step < 30; step++) {
            cptr_t slot = rand() % 6 ? g.slot[rand() % NODES] : g.untyped;
            word_t label = slot == g.untyped ? INV_CNODE_REVOKE : INV_CNODE_DELETE;
            hostsim_preempt_after(1 + (unsigned)rand() % 4);
            call_once(INIT_CNODE, label, SIM_CAPS(), SIM_MRS(slot, 32));
            hostsim_preempt_after(0);
            sim_check();
        }
        ok(sim_revoke(g.untyped));
        assert_false(cdt_has_children(sim_slot(g.untyped)));
        sim_check();
    }
}

/* ---- events -------------------------------------------------------------------------------------
 */
enum { MIRROR_MAX = 8192 };

/* The list as it follows from the events alone (layout/events.h). */
struct mirror {
    unsigned n;
    struct {
        kaddr_t slot;
        struct cap cap;
        word_t flags;
    } at[MIRROR_MAX];
    enum event_kind last[8]; /* kinds of the last events, newest first */
};
static struct mirror mirror;

static unsigned mirror_find(kaddr_t slot)
{
    for (unsigned i = 0; i < mirror.n; i++)
        if (mirror.at[i].slot == slot)
            return i;
    fail_msg("an event names slot %08x, which holds nothing", slot);
    return 0;
}

static void mirror_insert(unsigned i, kaddr_t slot, struct cap c, word_t flags)
{
    assert_true(mirror.n < MIRROR_MAX);
    memmove(&mirror.at[i + 1], &mirror.at[i], (mirror.n - i) * sizeof(mirror.at[0]));
    mirror.n++;
    mirror.at[i].slot = slot;
    mirror.at[i].cap = c;
    mirror.at[i].flags = flags;
}

static void mirror_delete(unsigned i)
{
    word_t badged = mirror.at[i].flags & CDT_FIRST_BADGED;
    mirror.n--;
    memmove(&mirror.at[i], &mirror.at[i + 1], (mirror.n - i) * sizeof(mirror.at[0]));
    if (i < mirror.n)
        mirror.at[i].flags |= badged;
}

static void mirror_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                         struct cap cap, kaddr_t object, word_t detail)
{
    kaddr_t a = kaddr_of(slot);
    kaddr_t b = kaddr_of(src);
    (void)ctx;
    (void)object;
    memmove(mirror.last + 1, mirror.last, sizeof(mirror.last) - sizeof(mirror.last[0]));
    mirror.last[0] = kind;
    switch (kind) {
    case EVENT_BOOT:
    case EVENT_RETYPE:
    case EVENT_COPY:
    case EVENT_MINT:
    case EVENT_TRANSFER:
    case EVENT_INSTALL:
    case EVENT_REPLY:
    case EVENT_HANDLER:
        mirror_insert(b ? mirror_find(b) + 1 : mirror.n, a, cap, detail);
        break;
    case EVENT_MOVE:
        mirror.at[mirror_find(b)].cap = cap;
        mirror.at[mirror_find(b)].slot = a;
        break;
    case EVENT_SWAP: {
        unsigned i = mirror_find(a);
        unsigned j = mirror_find(b);
        mirror.at[i].cap.w[1] = detail;
        mirror.at[j].cap = cap;
        mirror.at[i].slot = b;
        mirror.at[j].slot = a;
        break;
    }
    case EVENT_DELETE:
        mirror_delete(mirror_find(a));
        break;
    case EVENT_WATERMARK:
    case EVENT_MAP:
    case EVENT_UNMAP:
    case EVENT_ASSIGN:
    case EVENT_ZOMBIE:
        mirror.at[mirror_find(a)].cap = cap;
        break;
    case EVENT_REVOKE_VICTIM:
        assert_true(cdt_is_parent(src, slot));
        break;
    default:
        break;
    }
}

static void mirror_compare(void)
{
    const struct slot *s = cdt_next(&ks.cdt_head);
    for (unsigned i = 0; i < mirror.n; i++, s = cdt_next(s)) {
        if (kaddr_of(s) != mirror.at[i].slot || s->cap.w[0] != mirror.at[i].cap.w[0] ||
            s->cap.w[1] != mirror.at[i].cap.w[1] || (s->next & ORIGINAL) != mirror.at[i].flags)
            fail_msg("entry %u: slot %08x %08x %08x flags %u, by events %08x %08x %08x flags %u", i,
                     kaddr_of(s), s->cap.w[0], s->cap.w[1], s->next & ORIGINAL, mirror.at[i].slot,
                     mirror.at[i].cap.w[0], mirror.at[i].cap.w[1], mirror.at[i].flags);
    }
    assert_ptr_equal(s, &ks.cdt_head);
}

enum { WALK_SLOTS = 40 };

static void walk_step(cptr_t base)
{
    cptr_t a = base + (cptr_t)rand() % WALK_SLOTS;
    cptr_t b = base + (cptr_t)rand() % WALK_SLOTS;
    cptr_t c = base + (cptr_t)rand() % WALK_SLOTS;
    const word_t data = ((word_t)rand() & 0xff00) | ((word_t)rand() % 8) << 3;

    switch (rand() % 12) {
    case 0:
        sim_delete(a);
        break;
    case 1:
        sim_revoke(a);
        break;
    case 2:
        sim_move(a, b);
        break;
    case 3:
        sim_call(INIT_CNODE, INV_CNODE_MUTATE, SIM_CAPS(INIT_CNODE), SIM_MRS(a, 32, b, 32, data));
        break;
    case 4:
        sim_call(INIT_CNODE, INV_CNODE_ROTATE, SIM_CAPS(INIT_CNODE, INIT_CNODE),
                 SIM_MRS(a, 32, data, b, 32, 0, rand() % 2 ? a : c, 32));
        break;
    case 5:
    case 6:
        sim_mint(a, b, (word_t)rand(), (word_t)rand() % 3);
        break;
    case 7:
        if (cap_type(sim_cap(a)) == CAP_CNODE)
            sim_call(a, INV_CNODE_MOVE, SIM_CAPS(INIT_CNODE),
                     SIM_MRS((word_t)rand() % 4, 2, b, 32));
        break;
    case 8:
    case 9: {
        static const enum object_type types[] = {OBJECT_UNTYPED, OBJECT_TCB,      OBJECT_ENDPOINT,
                                                 OBJECT_CNODE,   OBJECT_FRAME_4K, OBJECT_UNTYPED};
        enum object_type type = types[rand() % 6];
        if (cap_type(sim_cap(a)) == CAP_UNTYPED)
            sim_retype(a, type, type == OBJECT_CNODE ? 2 : 9 + (word_t)rand() % 5, b,
                       1 + (word_t)rand() % 3);
        break;
    }
    default:
        sim_copy(a, b, RIGHT_ALL);
        break;
    }
}

/* Random operations: what the events say is what is there, and every invariant holds. */
static void the_list_follows_from_the_events(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 12; seed++) {
        cptr_t base;
        srand(seed);
        memset(&mirror, 0, sizeof(mirror));
        hostsim.hooks.event = mirror_event;
        sim_boot();
        base = sim_free_slots(WALK_SLOTS + 3);
        ok(sim_retype(sim_untyped(), OBJECT_UNTYPED, 15, base, 3));
        hostsim_preempt_every(seed % 4);
        for (unsigned step = 0; step < 1500; step++) {
            walk_step(base);
            mirror_compare();
            if (step % 50 == 0)
                sim_check();
        }
        hostsim_preempt_every(0);
        hostsim.hooks.event = NULL;
    }
}

static void a_revoke_tells_each_victim_before_it_goes(void **state)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    static const enum event_kind want[] = {EVENT_REVOKE_END,    EVENT_DELETE,
                                           EVENT_REVOKE_VICTIM, EVENT_DELETE,
                                           EVENT_REVOKE_VICTIM, EVENT_REVOKE_BEGIN};
    (void)state;
    memset(&mirror, 0, sizeof(mirror));
    hostsim.hooks.event = mirror_event;
    sim_boot();
    ep = sim_new(OBJECT_ENDPOINT, 0);
    mint_of(ep, 1);
    copy_of(ep);
    ok(sim_revoke(ep));
    for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_int_equal(mirror.last[i], want[i]);
    hostsim.hooks.event = NULL;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masking_follows_the_table),
        cmocka_unit_test(data_is_a_badge_once_or_a_guard),
        CASE(identify_gives_the_numbers_of_section_2),
        CASE(copies_stand_directly_after_their_source),
        CASE(retype_puts_the_last_object_first),
        CASE(copy_flags_follow_the_table),
        CASE(minting_with_data_zero_is_a_copy),
        CASE(revoke_removes_grandchildren),
        CASE(revoking_a_badge_spares_equal_badges),
        CASE(revoking_a_copy_does_nothing),
        CASE(removal_hands_first_badged_to_the_next),
        CASE(move_keeps_place_and_flags),
        CASE(untyped_copies_cannot_both_be_used),
        CASE(rotate_swaps_neighbours_and_strangers),
        CASE(rotate_moves_two_capabilities_with_new_guards),
        CASE(cnode_lookups_are_refused_as_the_vectors_say),
        CASE(copy_and_move_check_in_order),
        CASE(rotate_checks_in_order),
        CASE(the_other_operations_check_their_slot),
        CASE(retype_checks_in_order),
        CASE(watermark_advances_and_aligns),
        CASE(device_memory_is_never_touched),
        CASE(reused_memory_is_cleared_as_it_is_handed_out),
        CASE(interrupted_clearing_goes_on_where_it_stopped),
        CASE(interrupted_retype_changes_no_slot),
        CASE(memory_in_an_alignment_gap_is_cleared_after_an_abandoned_retype),
        CASE(memory_below_an_abandoned_clear_is_cleared_too),
        CASE(a_copy_makes_the_source_forget_its_progress),
        CASE(clearing_gets_on_however_often_it_is_interrupted),
        CASE(retype_makes_256_of_every_small_object),
        CASE(directories_get_the_kernels_mappings_with_their_asid),
        CASE(deleting_the_last_capability_empties_a_cnode),
        CASE(a_deleted_thread_takes_its_cspace_along),
        CASE(an_emptied_cnode_of_4096_slots_is_gone),
        CASE(an_interrupted_delete_leaves_a_zombie_that_does_nothing),
        CASE(a_cnode_that_holds_itself_goes_with_its_memory),
        CASE(revoking_an_untyped_inside_its_own_object_ends),
        CASE(a_delete_ends_the_same_wherever_it_is_interrupted),
        CASE(a_revoke_ends_the_same_wherever_it_is_interrupted),
        CASE(nested_cnodes_die_as_reference_counts_say),
        CASE(abandoned_deletes_leave_nothing_behind),
        CASE(the_list_follows_from_the_events),
        CASE(a_revoke_tells_each_victim_before_it_goes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
