/* Page directories, page tables, frames, ASIDs (ABI sheet 3.7, 9.1, 12.1), by system calls on the
 * simulated machine; descriptors are compared with words computed by hand from the ARM ARM. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/asid.h"

enum {
    V = 0x20000000,         /* a free address, aligned for every size */
    DEFAULT_ATTRIBUTES = 3, /* cacheable, parity */
    ALL = 3,                /* read and write */
    POOL_BITS = 12,
};

/* ---- helpers ------------------------------------------------------------------------------------
 */
#define expect(call, error, ...) expect_at(__LINE__, call, error, SIM_MRS(__VA_ARGS__))

/* The answer has this label, and exactly these words. */
static void expect_at(int line, word_t got, word_t error, struct sim_words words)
{
    if (got != error || sim_reply.length != words.n || sim_reply.badge != 0)
        fail_msg("line %d: tag %05x badge %u, expected error %u with %u words", line, sim_reply.tag,
                 sim_reply.badge, error, words.n);
    for (unsigned i = 0; i < words.n; i++)
        if (sim_reply.mr[i] != words.w[i])
            fail_msg("line %d: word %u is %x, expected %x", line, i, sim_reply.mr[i], words.w[i]);
}

#define ok(call) expect(call, SEL4_NO_ERROR)

static word_t assign(cptr_t pool, cptr_t pd)
{
    return sim_call(pool, INV_ASID_POOL_ASSIGN, SIM_CAPS(pd), SIM_MRS());
}

static word_t map(cptr_t frame, cptr_t pd, vaddr_t vaddr, word_t rights, word_t attributes)
{
    return sim_call(frame, INV_PAGE_MAP, SIM_CAPS(pd), SIM_MRS(vaddr, rights, attributes));
}

static word_t map_table(cptr_t table, cptr_t pd, vaddr_t vaddr, word_t attributes)
{
    return sim_call(table, INV_PAGE_TABLE_MAP, SIM_CAPS(pd), SIM_MRS(vaddr, attributes));
}

static word_t simple(cptr_t cap, word_t label)
{
    return sim_call(cap, label, SIM_CAPS(), SIM_MRS());
}

static word_t range(cptr_t cap, word_t label, word_t start, word_t end)
{
    return sim_call(cap, label, SIM_CAPS(), SIM_MRS(start, end));
}

/* A directory with an ASID of the initial pool. */
static cptr_t new_space(void)
{
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(INIT_ASID_POOL, pd));
    return pd;
}

static cptr_t new_table_at(cptr_t pd, vaddr_t vaddr)
{
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    ok(map_table(table, pd, vaddr, DEFAULT_ATTRIBUTES));
    return table;
}

static cptr_t new_pool(void)
{
    cptr_t memory = sim_new(OBJECT_UNTYPED, POOL_BITS);
    cptr_t pool = sim_free_slots(1);
    ok(sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL, SIM_CAPS(memory, INIT_CNODE),
                SIM_MRS(pool, 32)));
    return pool;
}

static kaddr_t object(cptr_t slot)
{
    return cap_object(sim_cap(slot));
}

static paddr_t physical(cptr_t slot)
{
    return object(slot) - 0x70000000u;
}

/* Entry `i` of the directory or table that a capability refers to. */
static word_t entry(cptr_t table, word_t i)
{
    return ((const word_t *)kptr(object(table)))[i];
}

static word_t pde(cptr_t pd, vaddr_t vaddr)
{
    return entry(pd, vaddr >> 20);
}

static word_t pte(cptr_t table, vaddr_t vaddr)
{
    return entry(table, vaddr >> 12 & 0xff);
}

static word_t asid_of(cptr_t pd)
{
    return paging_asid(sim_cap(pd));
}

static void is_filled_with(cptr_t table, word_t first, word_t count, word_t value)
{
    for (word_t i = first; i < first + count; i++)
        if (entry(table, i) != value)
            fail_msg("entry %u is %08x, expected %08x", i, entry(table, i), value);
}

/* A directory whose pool was deleted: it keeps the number, and nothing finds it. */
static cptr_t stale_space(void)
{
    cptr_t pool = new_pool();
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(pool, pd));
    ok(sim_delete(pool));
    return pd;
}

/* One whose number another directory has meanwhile. */
static cptr_t usurped_space(void)
{
    cptr_t pd = stale_space();
    cptr_t other = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(new_pool(), other));
    assert_int_equal(asid_of(pd), asid_of(other));
    return pd;
}

/* ---- Page_Map: checks ---------------------------------------------------------------------------
 */
static void unknown_labels_are_refused_before_anything(void **state)
{
    (void)state;
    cptr_t caps[] = {sim_new(OBJECT_FRAME_4K, 0),
                     sim_new(OBJECT_FRAME_16M, 0),
                     sim_new(OBJECT_PAGE_TABLE, 0),
                     new_space(),
                     INIT_ASID_CONTROL,
                     INIT_ASID_POOL};
    for (unsigned i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        expect(simple(caps[i], 0), SEL4_ILLEGAL_OPERATION);
        expect(simple(caps[i], 46), SEL4_ILLEGAL_OPERATION);
        expect(simple(caps[i], INV_UNTYPED_RETYPE), SEL4_ILLEGAL_OPERATION);
    }
    expect(simple(caps[0], INV_PAGE_TABLE_MAP), SEL4_ILLEGAL_OPERATION);
    expect(simple(caps[0], INV_ASID_CONTROL_MAKE_POOL), SEL4_ILLEGAL_OPERATION);
    expect(simple(caps[2], INV_PAGE_MAP), SEL4_ILLEGAL_OPERATION);
    expect(simple(caps[3], INV_PD_CLEAN_DATA - 1), SEL4_ILLEGAL_OPERATION);
    expect(simple(caps[3], INV_PD_UNIFY_INSTRUCTION + 1), SEL4_ILLEGAL_OPERATION);
}

/* Each call breaks the rule it names and every later one. */
static void page_map_checks_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t mapped = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t bare = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    cptr_t space = new_space();
    cptr_t other = new_space();
    cptr_t stale = stale_space();
    new_table_at(space, V);
    ok(map(mapped, space, V, ALL, DEFAULT_ATTRIBUTES));

    expect(sim_call(frame, INV_PAGE_MAP, SIM_CAPS(INIT_TCB), SIM_MRS(0xf0000001, 3)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(frame, INV_PAGE_MAP, SIM_CAPS(), SIM_MRS(V, 3, 3)), SEL4_TRUNCATED_MESSAGE);
    expect(map(mapped, INIT_TCB, V + 1, 3, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map(mapped, bare, V + 1, 3, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map(mapped, other, V + 1, 3, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map(mapped, space, V + 1, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    expect(map(frame, stale, 0xf0000001, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    expect(map(frame, space, 0xeffff001, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    expect(map(frame, stale, V + 1, 3, 3), SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
    expect(map(frame, space, V + 0x100001, 3, 3), SEL4_ALIGNMENT_ERROR);
    expect(map(frame, space, V + 0x100000, 3, 3), SEL4_FAILED_LOOKUP, 0, LOOKUP_MISSING_CAPABILITY,
           20);
    assert_int_equal(frame_asid(sim_cap(frame)), 0);
    ok(map(frame, space, V + 0xff000, ALL, 3));
}

static void a_directory_whose_number_went_to_another_is_refused(void **state)
{
    (void)state;
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t pd = usurped_space();
    expect(map(frame, pd, V + 1, 3, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map_table(table, pd, V, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(range(pd, INV_PD_CLEAN_DATA, V, V + 4), SEL4_INVALID_CAPABILITY, 0);
    expect(assign(INIT_ASID_POOL, pd), SEL4_INVALID_CAPABILITY, 1);
}

static void a_range_that_ends_at_user_top_is_just_too_long(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t section = sim_new(OBJECT_FRAME_1M, 0);
    expect(map(section, space, 0xf0000000u - 0x100000u, 3, 3), SEL4_NO_ERROR);
    ok(simple(section, INV_PAGE_UNMAP));
    expect(map(section, space, 0xf0000000u - 0xfffffu, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    /* The sum wraps, and only alignment is left to object. */
    expect(map(section, space, 0xffffffffu, 3, 3), SEL4_ALIGNMENT_ERROR);
}

/* ---- descriptors --------------------------------------------------------------------------------
 */
struct descriptor_case {
    enum object_type type;
    word_t rights;
    word_t attributes;
    word_t bits; /* of the descriptor below the frame's address */
    unsigned count;
};

static const struct descriptor_case descriptor_cases[] = {
    /* small: nG 0x800, AP 0x30/0x20/0x10, C 8, B 4, small 2, XN 1 */
    {OBJECT_FRAME_4K, 3, 3, 0x83e, 1},
    {OBJECT_FRAME_4K, 3, 7, 0x83f, 1},
    {OBJECT_FRAME_4K, 2, 3, 0x82e, 1},
    {OBJECT_FRAME_4K, 1, 3, 0x81e, 1},
    {OBJECT_FRAME_4K, 0, 3, 0x81e, 1},
    {OBJECT_FRAME_4K, 15, 0, 0x832, 1},
    {OBJECT_FRAME_4K, 3, 0xfffffff8, 0x832, 1},
    /* large: XN 0x8000, large 1 */
    {OBJECT_FRAME_64K, 3, 3, 0x83d, 16},
    {OBJECT_FRAME_64K, 2, 4, 0x8821, 16},
    {OBJECT_FRAME_64K, 1, 1, 0x81d, 16},
    /* section: nG 0x20000, AP 0xc00/0x800/0x400, P 0x200, XN 0x10, section 2 */
    {OBJECT_FRAME_1M, 3, 3, 0x20e0e, 1},
    {OBJECT_FRAME_1M, 3, 1, 0x20c0e, 1},
    {OBJECT_FRAME_1M, 2, 4, 0x20812, 1},
    {OBJECT_FRAME_1M, 0, 0, 0x20402, 1},
    /* supersection: 0x40000 */
    {OBJECT_FRAME_16M, 3, 3, 0x60e0e, 16},
    {OBJECT_FRAME_16M, 2, 6, 0x60a12, 16},
};

static void descriptors_are_those_of_the_architecture(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    for (unsigned i = 0; i < sizeof(descriptor_cases) / sizeof(descriptor_cases[0]); i++) {
        const struct descriptor_case *c = &descriptor_cases[i];
        bool small = c->type == OBJECT_FRAME_4K || c->type == OBJECT_FRAME_64K;
        vaddr_t vaddr = small ? V : V + 0x1000000;
        cptr_t frame = sim_new(c->type, 0);
        ok(map(frame, space, vaddr, c->rights, c->attributes));
        is_filled_with(small ? table : space, small ? 0 : vaddr >> 20, c->count,
                       physical(frame) | c->bits);
        assert_int_equal(entry(small ? table : space, (small ? 0 : vaddr >> 20) + c->count), 0);
        ok(simple(frame, INV_PAGE_UNMAP));
        is_filled_with(small ? table : space, small ? 0 : vaddr >> 20, c->count, 0);
        ok(sim_delete(frame));
    }
}

static void a_read_only_capability_maps_read_only(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t read = sim_free_slots(2);
    ok(sim_copy(read, frame, RIGHT_READ));
    ok(sim_copy(read + 1, frame, RIGHT_WRITE));
    ok(map(read, space, V, 15, 3));
    assert_int_equal(pte(table, V), physical(frame) | 0x82e);
    ok(map(read + 1, space, V + 0x1000, 15, 3));
    assert_int_equal(pte(table, V + 0x1000), physical(frame) | 0x81e);
}

static void an_assigned_directory_has_the_kernels_mappings_and_no_others(void **state)
{
    (void)state;
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    assert_int_equal(sim_call(INIT_ASID_POOL, INV_ASID_POOL_ASSIGN, SIM_CAPS(pd), SIM_MRS()),
                     SEL4_NO_ERROR);
    const word_t *kernel = kptr(arch_kernel_pd());
    is_filled_with(pd, 0, 0xf00, 0);
    for (word_t i = 0xf00; i < 0x1000; i++)
        assert_int_equal(entry(pd, i), kernel[i]);
    assert_int_not_equal(entry(pd, 0xf00), 0);
}

/* ---- mapping again and over ---------------------------------------------------------------------
 */
static void mapping_again_at_the_same_place_changes_rights(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    ok(map(frame, space, V, 3, 3));
    ok(map(frame, space, V, 2, 7));
    assert_int_equal(pte(table, V), physical(frame) | 0x82f);
    ok(map(frame, space, V, 3, 3));
    assert_int_equal(pte(table, V), physical(frame) | 0x83e);
    assert_int_equal(frame_vaddr(sim_cap(frame)), V);
    assert_int_equal(frame_asid(sim_cap(frame)), asid_of(space));
}

static void a_mapping_of_the_same_size_is_overwritten_silently(void **state)
{
    (void)state;
    static const enum object_type types[] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M,
                                             OBJECT_FRAME_16M};
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    for (unsigned i = 0; i < 4; i++) {
        vaddr_t vaddr = i < 2 ? V : V + 0x1000000;
        cptr_t old = sim_new(types[i], 0);
        cptr_t gone = sim_new(types[i], 0);
        cptr_t new = sim_new(types[i], 0);
        ok(map(old, space, vaddr, 3, 3));
        ok(map(gone, space, vaddr, 3, 3));
        ok(map(new, space, vaddr, 3, 3));
        word_t held = i < 2 ? pte(table, vaddr) : pde(space, vaddr);
        assert_int_equal(held & ~0xfffffu, physical(new) & ~0xfffffu);
        assert_int_equal(frame_asid(sim_cap(old)), asid_of(space));
        /* The displaced capabilities go without disturbing the newcomer. */
        ok(simple(old, INV_PAGE_UNMAP));
        ok(sim_delete(gone));
        assert_int_equal(i < 2 ? pte(table, vaddr) : pde(space, vaddr), held);
        assert_int_equal(frame_asid(sim_cap(old)), 0);
        ok(simple(new, INV_PAGE_UNMAP));
        assert_int_equal(i < 2 ? pte(table, vaddr) : pde(space, vaddr), 0);
    }
}

static void sizes_do_not_mix(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t small = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t small2 = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t large = sim_new(OBJECT_FRAME_64K, 0);
    cptr_t section = sim_new(OBJECT_FRAME_1M, 0);
    cptr_t super = sim_new(OBJECT_FRAME_16M, 0);

    ok(map(large, space, V, 3, 3));
    expect(map(small, space, V + 0xf000, 3, 3), SEL4_DELETE_FIRST);
    ok(simple(large, INV_PAGE_UNMAP));
    ok(map(small, space, V + 0xf000, 3, 7)); /* XN makes the type bits 11 */
    expect(map(large, space, V, 3, 3), SEL4_DELETE_FIRST);
    ok(map(small2, space, V + 0xf000, 3, 3));
    expect(map(section, space, V, 3, 3), SEL4_DELETE_FIRST);
    expect(map(super, space, V, 3, 3), SEL4_DELETE_FIRST);
    assert_int_equal(pde(space, V) & 3, 1);

    ok(map(section, space, V + 0x1f00000, 3, 3));
    expect(map(super, space, V + 0x1000000, 3, 3), SEL4_DELETE_FIRST);
    expect(map_table(sim_new(OBJECT_PAGE_TABLE, 0), space, V + 0x1f00000, 3), SEL4_DELETE_FIRST);
    ok(simple(section, INV_PAGE_UNMAP));
    ok(map(super, space, V + 0x1000000, 3, 3));
    expect(map(section, space, V + 0x1f00000, 3, 3), SEL4_DELETE_FIRST);
    expect(map(small2, space, V + 0x1f00000, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    assert_int_equal(pte(table, V + 0xf000), physical(small2) | 0x83e);
}

static void a_small_page_inside_a_section_has_no_table(void **state)
{
    (void)state;
    cptr_t space = new_space();
    ok(map(sim_new(OBJECT_FRAME_1M, 0), space, V, 3, 3));
    expect(map(sim_new(OBJECT_FRAME_4K, 0), space, V, 3, 3), SEL4_FAILED_LOOKUP, 0,
           LOOKUP_MISSING_CAPABILITY, 20);
}

/* ---- unmapping and deleting ---------------------------------------------------------------------
 */
static void unmap_always_succeeds(void **state)
{
    (void)state;
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    ok(simple(frame, INV_PAGE_UNMAP));
    ok(map(frame, space, V, 3, 3));
    ok(sim_delete(table));
    ok(simple(frame, INV_PAGE_UNMAP));
    assert_int_equal(frame_asid(sim_cap(frame)), 0);
    ok(map(frame, INIT_VSPACE, sim_bootinfo()->ipc_buffer + 0x5000, 3, 3));
    ok(simple(frame, INV_PAGE_UNMAP));
}

static void deleting_a_frame_capability_removes_its_own_mapping_only(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t copy = sim_free_slots(2);
    cptr_t moved = copy + 1;
    ok(map(frame, space, V, 3, 3));
    ok(sim_copy(copy, frame, RIGHT_ALL));
    assert_int_equal(frame_asid(sim_cap(copy)), 0);
    ok(map(copy, space, V + 0x1000, 3, 3));
    ok(sim_move(moved, frame));
    assert_int_equal(frame_vaddr(sim_cap(moved)), V);
    ok(sim_delete(moved));
    assert_int_equal(pte(table, V), 0);
    assert_int_equal(pte(table, V + 0x1000), physical(copy) | 0x83e);
    ok(sim_delete(copy));
    assert_int_equal(pte(table, V + 0x1000), 0);
}

static void revoking_memory_leaves_no_mapping_to_it(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t memory = sim_new(OBJECT_UNTYPED, 17);
    cptr_t frames = sim_free_slots(8);
    ok(sim_retype(memory, OBJECT_FRAME_4K, 0, frames, 8));
    for (unsigned i = 0; i < 8; i++)
        ok(map(frames + i, space, V + i * 0x1000, 3, 3));
    ok(sim_revoke(memory));
    is_filled_with(table, 0, 256, 0);
}

static void get_address_answers_as_programs_know_it(void **state)
{
    (void)state;
    static const enum object_type types[] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M,
                                             OBJECT_FRAME_16M};
    for (unsigned i = 0; i < 4; i++) {
        cptr_t frame = sim_new(types[i], 0);
        word_t *r = sim_root()->regs;
        r[REG_R2 + 1] = 0x33;
        ok(simple(frame, INV_PAGE_GET_ADDRESS));
        assert_int_equal(sim_reply.tag, 0);
        assert_int_equal(sim_reply.mr[0], physical(frame));
        assert_int_equal(sim_reply.mr[1], 0x33);
        sim_send(frame, INV_PAGE_GET_ADDRESS, SIM_CAPS(), SIM_MRS());
        assert_int_equal(sim_reply.regs[REG_R0], frame);
        assert_int_equal(sim_reply.tag, 1);
        assert_int_equal(sim_reply.mr[0], physical(frame));
        assert_int_equal(sim_reply.mr[1], 0x33);
    }
}

/* ---- page tables --------------------------------------------------------------------------------
 */
static void page_table_map_checks_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t bare = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    cptr_t space = new_space();
    cptr_t stale = stale_space();
    cptr_t mapped = new_table_at(space, V);

    expect(sim_call(mapped, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_TCB), SIM_MRS(0xf0000000)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(mapped, INV_PAGE_TABLE_MAP, SIM_CAPS(), SIM_MRS(V, 3)), SEL4_TRUNCATED_MESSAGE);
    expect(map_table(mapped, INIT_TCB, 0xf0000000, 3), SEL4_INVALID_CAPABILITY, 0);
    expect(map_table(table, INIT_TCB, 0xf0000000, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map_table(table, bare, 0xf0000000, 3), SEL4_INVALID_CAPABILITY, 1);
    expect(map_table(table, stale, 0xf0000000, 3), SEL4_INVALID_ARGUMENT, 0);
    expect(map_table(table, stale, V, 3), SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
    expect(map_table(table, space, V + 0xfffff, 3), SEL4_DELETE_FIRST);
    ok(map_table(table, space, V + 0x1fffff, 3));
}

static void page_table_map_rounds_down_and_keeps_parity(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t tables = sim_new_many(OBJECT_PAGE_TABLE, 0, 2);
    ok(map_table(tables, space, V + 0x12345, 3));
    ok(map_table(tables + 1, space, 0xefffffff, 5));
    assert_int_equal(pde(space, V), physical(tables) | 0x201);
    assert_int_equal(pde(space, 0xeff00000), physical(tables + 1) | 0x001);
    assert_int_equal(page_table_vaddr(sim_cap(tables)), V);
    assert_int_equal(paging_asid(sim_cap(tables)), asid_of(space));
}

static void page_table_unmap_zeroes_the_table(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t copy = sim_free_slots(1);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    ok(map(frame, space, V + 0x5000, 3, 3));
    ok(sim_copy(copy, table, RIGHT_ALL));
    expect(simple(table, INV_PAGE_TABLE_UNMAP), SEL4_REVOKE_FIRST);
    expect(simple(copy, INV_PAGE_TABLE_UNMAP), SEL4_REVOKE_FIRST);
    assert_int_not_equal(pte(table, V + 0x5000), 0);
    ok(sim_delete(copy));
    ok(simple(table, INV_PAGE_TABLE_UNMAP));
    assert_int_equal(pde(space, V), 0);
    is_filled_with(table, 0, 256, 0);
    assert_int_equal(paging_asid(sim_cap(table)), 0);
    assert_int_equal(frame_asid(sim_cap(frame)), asid_of(space));
    ok(simple(table, INV_PAGE_TABLE_UNMAP));
    ok(map_table(table, space, V, 3));
    expect(map(frame, space, V, 3, 3), SEL4_INVALID_ARGUMENT, 0);
    ok(map(frame, space, V + 0x5000, 3, 3));
}

static void deleting_the_last_page_table_capability_unmaps_it(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t table = new_table_at(space, V);
    cptr_t copy = sim_free_slots(1);
    ok(sim_copy(copy, table, RIGHT_ALL));
    ok(sim_delete(table));
    assert_int_equal(pde(space, V) & 3, 1);
    ok(sim_delete(copy));
    assert_int_equal(pde(space, V), 0);
}

static void an_unmapped_page_table_cannot_be_copied(void **state)
{
    (void)state;
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    expect(sim_copy(sim_free_slots(1), table, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
    expect(sim_copy(sim_free_slots(1), pd, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
}

/* ---- cache operations ---------------------------------------------------------------------------
 */
static void page_cache_operations_check_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t frame = sim_new(OBJECT_FRAME_64K, 0);
    cptr_t lost = sim_new(OBJECT_FRAME_1M, 0);
    cptr_t space = new_space();
    new_table_at(space, V);
    cptr_t pool = new_pool();
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(pool, pd));
    ok(map(lost, pd, V, 3, 3));
    ok(sim_delete(pool));
    for (word_t op = 0; op < 4; op++) {
        word_t label = INV_PAGE_CLEAN_DATA + op;
        unsigned before = hostsim.count.cache[op];
        expect(sim_call(frame, label, SIM_CAPS(), SIM_MRS(0)), SEL4_TRUNCATED_MESSAGE);
        expect(range(frame, label, 5, 5), SEL4_ILLEGAL_OPERATION);
        expect(range(lost, label, 5, 5), SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
        ok(map(frame, space, V, 3, 3));
        expect(range(frame, label, 0x20000, 0x20000), SEL4_INVALID_ARGUMENT, 1);
        expect(range(frame, label, 0x10000, 0x10001), SEL4_INVALID_ARGUMENT, 0);
        expect(range(frame, label, 0, 0x10001), SEL4_INVALID_ARGUMENT, 0);
        assert_int_equal(hostsim.count.cache[op], before);
        ok(range(frame, label, 0x20, 0x10000));
        assert_int_equal(hostsim.count.cache[op], before + 1);
        assert_int_equal(hostsim.last_cache.start, object(frame) + 0x20);
        assert_int_equal(hostsim.last_cache.bytes, 0xffe0);
        assert_int_equal(hostsim.last_cache.vaddr, V + 0x20);
        ok(simple(frame, INV_PAGE_UNMAP));
    }
}

static void directory_cache_operations_check_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t bare = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    cptr_t stale = stale_space();
    cptr_t space = new_space();
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t section = sim_new(OBJECT_FRAME_1M, 0);
    new_table_at(space, V);
    ok(map(frame, space, V + 0x3000, 3, 3));
    ok(map(section, space, V + 0x100000, 3, 3));
    for (word_t op = 0; op < 4; op++) {
        word_t label = INV_PD_CLEAN_DATA + op;
        unsigned before = hostsim.count.cache[op];
        expect(sim_call(bare, label, SIM_CAPS(), SIM_MRS(V)), SEL4_TRUNCATED_MESSAGE);
        expect(range(bare, label, 0xf0000000, 0xf0000000), SEL4_INVALID_ARGUMENT, 1);
        expect(range(bare, label, 0xf0000000, 0xf0000001), SEL4_ILLEGAL_OPERATION);
        expect(range(bare, label, 0xefffffff, 0xf0000001), SEL4_ILLEGAL_OPERATION);
        expect(range(bare, label, V, V + 1), SEL4_INVALID_CAPABILITY, 0);
        expect(range(stale, label, V, V + 1), SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
        ok(range(space, label, V, V + 0x100000)); /* start is not mapped: nothing happens */
        expect(range(space, label, V + 0x3004, V + 0x4001), SEL4_RANGE_ERROR, V + 0x3004,
               V + 0x3fff);
        expect(range(space, label, V + 0x100010, V + 0x200001), SEL4_RANGE_ERROR, V + 0x100010,
               V + 0x1fffff);
        assert_int_equal(hostsim.count.cache[op], before);
        ok(range(space, label, V + 0x3004, V + 0x4000));
        assert_int_equal(hostsim.last_cache.op, op);
        assert_int_equal(hostsim.last_cache.start, object(frame) + 4);
        assert_int_equal(hostsim.last_cache.bytes, 0xffc);
        ok(range(space, label, V + 0x180000, V + 0x200000));
        assert_int_equal(hostsim.last_cache.start, object(section) + 0x80000);
        assert_int_equal(hostsim.count.cache[op], before + 2);
    }
}

static void memory_leaves_the_cache_before_it_is_mapped_past_it(void **state)
{
    (void)state;
    cptr_t space = new_space();
    cptr_t frame = sim_new(OBJECT_FRAME_1M, 0);
    unsigned before = hostsim.count.cache[CACHE_CLEAN_INVALIDATE];
    ok(map(frame, space, V, 3, 3));
    assert_int_equal(hostsim.count.cache[CACHE_CLEAN_INVALIDATE], before);
    ok(map(frame, space, V, 3, 2));
    assert_int_equal(hostsim.count.cache[CACHE_CLEAN_INVALIDATE], before + 1);
    assert_int_equal(hostsim.last_cache.start, object(frame));
    assert_int_equal(hostsim.last_cache.bytes, 0x100000);
}

/* ---- TLB ----------------------------------------------------------------------------------------
 */
static void the_tlb_is_flushed_when_a_live_entry_changes(void **state)
{
    (void)state;
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    cptr_t section = sim_new(OBJECT_FRAME_1M, 0);
    word_t hw = asid_hardware(1);
    ok(map_table(table, INIT_VSPACE, V, 3));
    hostsim.count = (struct hostsim_counters){0};
    ok(map(frame, INIT_VSPACE, V + 0x7000, 3, 3));
    ok(map(section, INIT_VSPACE, V + 0x100000, 3, 3));
    assert_int_equal(hostsim.count.tlb_flush_page + hostsim.count.tlb_flush_asid, 0);
    ok(map(frame, INIT_VSPACE, V + 0x7000, 2, 3));
    assert_int_equal(hostsim.count.tlb_flush_page, 1);
    assert_int_equal(hostsim.last_flushed_page, V + 0x7000);
    assert_int_equal(hostsim.last_flushed_asid, hw);
    ok(simple(frame, INV_PAGE_UNMAP));
    assert_int_equal(hostsim.count.tlb_flush_page, 2);
    ok(simple(section, INV_PAGE_UNMAP));
    assert_int_equal(hostsim.count.tlb_flush_asid, 1);
    ok(simple(table, INV_PAGE_TABLE_UNMAP));
    assert_int_equal(hostsim.count.tlb_flush_asid, 2);
    assert_int_equal(hostsim.last_flushed_asid, hw);
}

/* ---- ASIDs --------------------------------------------------------------------------------------
 */
static void make_pool_checks_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t memory = sim_new(OBJECT_UNTYPED, POOL_BITS);
    cptr_t big = sim_new(OBJECT_UNTYPED, POOL_BITS + 1);
    cptr_t used = sim_new(OBJECT_UNTYPED, POOL_BITS);
    cptr_t dest = sim_free_slots(2);
    word_t label = INV_ASID_CONTROL_MAKE_POOL;
    ok(sim_retype(used, OBJECT_ENDPOINT, 0, dest + 1, 1));

    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory, INIT_CNODE), SIM_MRS(dest)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory), SIM_MRS(dest, 32)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(INIT_TCB, INIT_TCB), SIM_MRS(dest, 33)),
           SEL4_INVALID_CAPABILITY, 1);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(big, INIT_TCB), SIM_MRS(dest, 33)),
           SEL4_INVALID_CAPABILITY, 1);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(used, INIT_TCB), SIM_MRS(dest, 33)),
           SEL4_REVOKE_FIRST);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory, INIT_TCB), SIM_MRS(dest, 33)),
           SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory, INIT_CNODE), SIM_MRS(dest, 33)),
           SEL4_RANGE_ERROR, 1, 32);
    expect(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory, INIT_CNODE), SIM_MRS(dest + 1, 32)),
           SEL4_DELETE_FIRST);
    ok(sim_call(INIT_ASID_CONTROL, label, SIM_CAPS(memory, INIT_CNODE), SIM_MRS(dest, 32)));
}

static void a_device_untyped_makes_no_pool(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++)
        if (bi->untyped_list[i].is_device && bi->untyped_list[i].size_bits == POOL_BITS) {
            expect(sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL,
                            SIM_CAPS(bi->untyped.start + i, INIT_CNODE),
                            SIM_MRS(sim_free_slots(1), 32)),
                   SEL4_INVALID_CAPABILITY, 1);
            return;
        }
    fail_msg("no device untyped of 4 KiB");
}

static void a_pool_is_cleared_and_takes_the_whole_untyped(void **state)
{
    (void)state;
    cptr_t memory = sim_new(OBJECT_UNTYPED, POOL_BITS);
    cptr_t pool = sim_free_slots(2);
    memset(kptr(object(memory)), 0xa5, 1 << POOL_BITS);
    ok(sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL, SIM_CAPS(memory, INIT_CNODE),
                SIM_MRS(pool, 32)));
    is_filled_with(pool, 0, 1024, 0);
    assert_int_equal(sim_slot(memory)->next & SLOT_LINK_MASK, kaddr_of(sim_slot(pool)));
    assert_int_equal(sim_slot(pool)->next & 3, 0);
    expect(sim_retype(memory, OBJECT_ENDPOINT, 0, pool + 1, 1), SEL4_NOT_ENOUGH_MEMORY, 0);
    ok(sim_revoke(memory));
    assert_int_equal(cap_type(sim_cap(pool)), CAP_NULL);
    ok(sim_retype(memory, OBJECT_ENDPOINT, 0, pool + 1, 1));
}

static void there_are_128_pools(void **state)
{
    (void)state;
    cptr_t last = 0;
    for (unsigned i = 1; i < 128; i++) {
        last = new_pool();
        assert_int_equal(asid_pool_base(sim_cap(last)), i << 10);
    }
    cptr_t memory = sim_new(OBJECT_UNTYPED, POOL_BITS);
    cptr_t dest = sim_free_slots(1);
    /* Before even the untyped is looked at. */
    expect(sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL, SIM_CAPS(INIT_TCB, INIT_CNODE),
                    SIM_MRS(dest, 32)),
           SEL4_DELETE_FIRST);
    ok(sim_delete(last));
    ok(sim_call(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL, SIM_CAPS(memory, INIT_CNODE),
                SIM_MRS(dest, 32)));
    assert_int_equal(asid_pool_base(sim_cap(dest)), 127u << 10);
}

static void assign_checks_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t pool = new_pool();
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    expect(sim_call(pool, INV_ASID_POOL_ASSIGN, SIM_CAPS(), SIM_MRS()), SEL4_TRUNCATED_MESSAGE);
    expect(assign(pool, INIT_TCB), SEL4_INVALID_CAPABILITY, 1);
    expect(assign(pool, INIT_VSPACE), SEL4_INVALID_CAPABILITY, 1);
    /* Pools go only with their last capability, so what follows cannot be reached by calls. */
    ks.asid_table[1] = 0;
    expect(assign(pool, pd), SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
    ks.asid_table[1] = object(INIT_ASID_POOL);
    expect(assign(pool, pd), SEL4_INVALID_CAPABILITY, 0);
    ks.asid_table[1] = object(pool);
    ok(assign(pool, pd));
    assert_int_equal(asid_of(pd), 1u << 10);
    expect(assign(pool, pd), SEL4_INVALID_CAPABILITY, 1);
}

static void asid_zero_is_never_handed_out(void **state)
{
    (void)state;
    cptr_t first = new_space();
    cptr_t second = new_space();
    assert_int_equal(asid_of(INIT_VSPACE), 1);
    assert_int_equal(asid_of(first), 2);
    assert_int_equal(asid_of(second), 3);
    ok(sim_delete(first));
    assert_int_equal(asid_directory(2), 0);
    assert_int_equal(asid_of(new_space()), 2);
    assert_int_equal(asid_of(new_space()), 4);
}

/* Directories of 1024 entries of a pool, while interrupts come at every look. */
static void a_pool_has_1024_entries_and_is_searched_preemptibly(void **state)
{
    (void)state;
    cptr_t pool = new_pool();
    cptr_t pds = sim_free_slots(1025);
    for (unsigned i = 0; i < 1024; i += 128)
        ok(sim_retype(sim_untyped(), OBJECT_PAGE_DIRECTORY, 0, pds + i, 128));
    ok(sim_retype(sim_untyped(), OBJECT_PAGE_DIRECTORY, 0, pds + 1024, 1));
    for (unsigned i = 0; i < 1024; i++) {
        ok(assign(pool, pds + i));
        assert_int_equal(asid_of(pds + i), 1u << 10 | i);
    }
    expect(assign(pool, pds + 1024), SEL4_DELETE_FIRST);
    cptr_t late = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(sim_delete(pds + 1023));
    ok(sim_delete(pds + 3));
    hostsim_preempt_every(1);
    ok(assign(pool, pds + 1024));
    assert_int_equal(asid_of(pds + 1024), 1u << 10 | 3);
    ok(assign(pool, late));
    assert_true(sim_reply.restarts > 0);
    assert_int_equal(asid_of(late), 1u << 10 | 1023);
    hostsim_preempt_every(0);
    assert_int_equal(asid_directory(1u << 10), object(pds));
}

static void a_directory_without_its_pool_stays_assigned_and_useless(void **state)
{
    (void)state;
    cptr_t pd = stale_space();
    assert_int_not_equal(asid_of(pd), 0);
    expect(assign(INIT_ASID_POOL, pd), SEL4_INVALID_CAPABILITY, 1);
    expect(map_table(sim_new(OBJECT_PAGE_TABLE, 0), pd, V, 3), SEL4_FAILED_LOOKUP, 0,
           LOOKUP_INVALID_ROOT);
    expect(sim_copy(sim_free_slots(1), pd, RIGHT_ALL), SEL4_NO_ERROR);
    ok(sim_delete(pd));
}

static void deleting_a_usurped_directory_leaves_the_usurper(void **state)
{
    (void)state;
    cptr_t pd = usurped_space();
    kaddr_t other = asid_directory(asid_of(pd));
    word_t asid = asid_of(pd);
    assert_int_not_equal(other, object(pd));
    ok(sim_delete(pd));
    assert_int_equal(asid_directory(asid), other);
}

static void a_thread_leaves_an_address_space_that_goes(void **state)
{
    (void)state;
    paddr_t kernel = arch_kernel_pd() - 0x70000000u;
    cptr_t pd = new_space();
    cptr_t pool = new_pool();
    cptr_t pooled = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    struct sim_thread t = sim_thread_new("user", 255, 0);
    ok(assign(pool, pooled));
    sim_thread_start(t);
    assert_int_equal(hostsim.vspace_pd, physical(INIT_VSPACE));
    ok(sim_call(t.tcb, INV_TCB_SET_SPACE, SIM_CAPS(INIT_CNODE, pd), SIM_MRS(0, 0, 0)));
    sim_become(t.p);
    assert_int_equal(hostsim.vspace_pd, physical(pd));
    assert_int_equal(hostsim.vspace_asid, asid_hardware(asid_of(pd)));
    /* The copy in the TCB keeps the directory alive, revoking the original does not. */
    ok(sim_delete(pd));
    assert_int_equal(hostsim.vspace_pd, cap_object(t.p->slots[TCB_VSPACE].cap) - 0x70000000u);
    assert_int_not_equal(hostsim.vspace_pd, kernel);
    ok(sim_call(t.tcb, INV_TCB_SET_SPACE, SIM_CAPS(INIT_CNODE, pooled), SIM_MRS(0, 0, 0)));
    assert_int_equal(hostsim.vspace_pd, physical(pooled));
    word_t hw = hostsim.vspace_asid;
    assert_int_equal(ks.hw_asid_owner[hw], asid_of(pooled));
    ok(sim_delete(pool));
    assert_int_equal(hostsim.vspace_pd, kernel);
    assert_int_equal(hostsim.vspace_asid, 0);
    assert_int_equal(hostsim.count.tlb_flush_all, 1);
}

/* 255 further turns give it to others, and leave alone what a new pool has for the same ASID. */
static void a_gone_pools_hardware_asids_come_back(void **state)
{
    (void)state;
    cptr_t first = new_pool();
    cptr_t old = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(first, old));
    word_t asid = asid_of(old);
    word_t hw = asid_hardware(asid);
    ok(sim_delete(first));
    cptr_t second = new_pool();
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    ok(assign(second, pd));
    assert_int_equal(asid_of(pd), asid);
    word_t now = asid_hardware(asid);
    assert_int_not_equal(now, hw);
    unsigned flushes = hostsim.count.tlb_flush_asid;
    cptr_t others = sim_new_many(OBJECT_PAGE_DIRECTORY, 0, 254);
    for (unsigned i = 0; i < 254; i++) {
        ok(assign(second, others + i));
        if (asid_hardware(asid_of(others + i)) == hw)
            break;
    }
    assert_int_equal(ks.hw_asid_owner[hw] >> 10, asid >> 10);
    assert_int_not_equal(ks.hw_asid_owner[hw], asid);
    assert_true(hostsim.count.tlb_flush_asid > flushes);
    assert_int_equal(asid_hardware(asid), now);
}

static void revoking_the_directory_of_the_running_thread_is_survived(void **state)
{
    (void)state;
    paddr_t kernel = arch_kernel_pd() - 0x70000000u;
    ok(sim_revoke(INIT_VSPACE));
    assert_int_equal(cap_type(sim_root()->slots[TCB_VSPACE].cap), CAP_NULL);
    ok(sim_delete(INIT_VSPACE));
    assert_int_equal(hostsim.vspace_pd, kernel);
    assert_int_equal(asid_directory(1), 0);
}

/* 300 address spaces share 255 hardware ASIDs: each has its own while it lasts. */
static void hardware_asids_are_taken_in_turn(void **state)
{
    (void)state;
    enum { SPACES = 300 };
    cptr_t pds = sim_new_many(OBJECT_PAGE_DIRECTORY, 0, 150);
    sim_new_many(OBJECT_PAGE_DIRECTORY, 0, 150);
    unsigned held = 0;
    hostsim.count = (struct hostsim_counters){0};
    for (unsigned i = 0; i < SPACES; i++) {
        ok(assign(INIT_ASID_POOL, pds + i));
        word_t hw = asid_hardware(asid_of(pds + i));
        assert_in_range(hw, 1, 255);
        assert_int_equal(asid_hardware(asid_of(pds + i)), hw);
    }
    assert_int_equal(hostsim.count.tlb_flush_asid, SPACES + 1 - 255);
    assert_int_equal(asid_directory(asid_of(pds)), object(pds));
    const word_t *pool = kptr(object(INIT_ASID_POOL));
    for (unsigned i = 0; i < 1024; i++) {
        if (!(pool[i] & ASID_ENTRY_HW_VALID))
            continue;
        assert_int_equal(ks.hw_asid_owner[pool[i] & 0xff], i);
        held++;
    }
    assert_int_equal(held, 255);
    word_t hw = asid_hardware(asid_of(pds + SPACES - 1));
    unsigned flushes = hostsim.count.tlb_flush_asid;
    ok(sim_delete(pds + SPACES - 1));
    assert_int_equal(ks.hw_asid_owner[hw], 0);
    assert_true(hostsim.count.tlb_flush_asid > flushes);
}

/* ---- events -------------------------------------------------------------------------------------
 */
struct seen {
    unsigned count;
    enum event_kind kind[8];
    kaddr_t slot[8];
    kaddr_t object[8];
    word_t detail[8];
};

static void see(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                struct cap cap, kaddr_t object_, word_t detail)
{
    struct seen *s = ctx;
    (void)src;
    assert_true(!slot || kind == EVENT_DELETE || slot->cap.w[0] == cap.w[0]);
    if (s->count < 8) {
        s->kind[s->count] = kind;
        s->slot[s->count] = kaddr_of(slot);
        s->object[s->count] = object_;
        s->detail[s->count] = detail;
    }
    s->count++;
}

static void mapping_and_assigning_are_told_to_the_debugger(void **state)
{
    (void)state;
    struct seen s = {0};
    cptr_t pd = sim_new(OBJECT_PAGE_DIRECTORY, 0);
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0);
    cptr_t frame = sim_new(OBJECT_FRAME_4K, 0);
    hostsim.hooks.event = see;
    hostsim.hooks.ctx = &s;
    ok(assign(INIT_ASID_POOL, pd));
    ok(map_table(table, pd, V + 5, 3));
    ok(map(frame, pd, V + 0x1000, 3, 3));
    ok(simple(frame, INV_PAGE_UNMAP));
    ok(simple(table, INV_PAGE_TABLE_UNMAP));
    ok(simple(frame, INV_PAGE_UNMAP));
    hostsim.hooks.event = NULL;
    static const enum event_kind kinds[] = {EVENT_ASSIGN, EVENT_MAP, EVENT_MAP, EVENT_UNMAP,
                                            EVENT_UNMAP};
    const cptr_t slots[] = {pd, table, frame, frame, table};
    const word_t details[] = {2, V, V + 0x1000, V + 0x1000, V};
    assert_int_equal(s.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(s.kind[i], kinds[i]);
        assert_int_equal(s.slot[i], kaddr_of(sim_slot(slots[i])));
        assert_int_equal(s.object[i], object(pd));
        assert_int_equal(s.detail[i], details[i]);
    }
}

/* ---- the design rule ----------------------------------------------------------------------------
 */
enum { RULE_SPACES = 2, RULE_TABLES = 4, RULE_FRAMES = 12, RULE_STEPS = 4000 };

static cptr_t rule_spaces, rule_tables, rule_frames;
static cptr_t rule_memory; /* an untyped of its own for each frame, so that it comes back */

/* Does some capability to a frame of 2^bits at `base` exist that is believed mapped at vaddr? */
static bool frame_capability_for(word_t asid, vaddr_t vaddr, paddr_t base, unsigned bits)
{
    for (unsigned i = 0; i < RULE_FRAMES; i++) {
        struct cap c = sim_cap(rule_frames + i);
        if (cap_is_frame(c) && cap_object_bits(c) == bits && frame_asid(c) == asid &&
            frame_vaddr(c) == vaddr && cap_object(c) - 0x70000000u == base)
            return true;
    }
    return false;
}

static cptr_t table_capability_for(word_t asid, vaddr_t vaddr, paddr_t base)
{
    for (unsigned i = 0; i < RULE_TABLES; i++) {
        struct cap c = sim_cap(rule_tables + i);
        if (cap_type(c) == CAP_PAGE_TABLE && paging_asid(c) == asid &&
            page_table_vaddr(c) == vaddr && cap_object(c) - 0x70000000u == base)
            return rule_tables + i;
    }
    return 0;
}

static void rule_holds_in_table(word_t asid, cptr_t table, vaddr_t at)
{
    for (word_t i = 0; i < 256; i++) {
        word_t e = entry(table, i);
        unsigned bits = (e & 2) ? 12 : 16;
        word_t mask = ~((1u << bits) - 1);
        if (e != 0 && !frame_capability_for(asid, (at + i * 0x1000u) & mask, e & mask, bits))
            fail_msg("entry %08x at %08x refers to no frame capability", e, at + i * 0x1000u);
    }
}

static void rule_holds(cptr_t space)
{
    word_t asid = asid_of(space);
    for (word_t i = 0; i < 0xf00; i++) {
        word_t e = entry(space, i);
        vaddr_t at = i << 20;
        if (e == 0)
            continue;
        if ((e & 3) == 1) {
            cptr_t table = table_capability_for(asid, at, e & ~0x3ffu);
            if (table == 0)
                fail_msg("entry %08x at %08x refers to no page table capability", e, at);
            rule_holds_in_table(asid, table, at);
            continue;
        }
        unsigned bits = (e & 1u << 18) ? 24 : 20;
        word_t mask = ~((1u << bits) - 1);
        if (!frame_capability_for(asid, at & mask, e & mask, bits))
            fail_msg("entry %08x at %08x refers to no frame capability", e, at);
    }
}

static void rule_step(void)
{
    static const enum object_type types[] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M};
    cptr_t frame = rule_frames + (cptr_t)(rand() % RULE_FRAMES);
    cptr_t table = rule_tables + (cptr_t)(rand() % RULE_TABLES);
    cptr_t space = rule_spaces + (cptr_t)(rand() % RULE_SPACES);
    vaddr_t section = V + (vaddr_t)(rand() % 3) * 0x100000u;
    vaddr_t page = section + (vaddr_t)(rand() % 3) * 0x10000u * (rand() % 2 ? 1 : 0);
    switch (rand() % 8) {
    case 0:
        sim_delete(frame);
        sim_retype(rule_memory + (frame - rule_frames), types[rand() % 3], 0, frame, 1);
        break;
    case 1:
        if (cap_type(sim_cap(frame)) == CAP_NULL)
            sim_copy(frame, rule_frames + (cptr_t)(rand() % RULE_FRAMES), RIGHT_ALL);
        else
            sim_delete(frame);
        break;
    case 2:
        map_table(table, space, section, 3);
        break;
    case 3:
        if (rand() % 3 == 0)
            simple(table, INV_PAGE_TABLE_UNMAP);
        break;
    case 4:
        simple(frame, INV_PAGE_UNMAP);
        break;
    case 5:
        if (rand() % 4 == 0) {
            sim_delete(table);
            sim_retype(sim_untyped(), OBJECT_PAGE_TABLE, 0, table, 1);
        }
        break;
    default:
        map(frame, space, page, (word_t)(rand() % 4), (word_t)(rand() % 8));
        break;
    }
}

/* A mapping refers to a frame whose capability believes in it: no sequence of operations leaves one
 * behind. */
static void every_mapping_refers_to_a_frame_capability(void **state)
{
    (void)state;
    srand(1);
    rule_spaces = sim_new_many(OBJECT_PAGE_DIRECTORY, 0, RULE_SPACES);
    rule_tables = sim_new_many(OBJECT_PAGE_TABLE, 0, RULE_TABLES);
    rule_frames = sim_free_slots(RULE_FRAMES);
    rule_memory = sim_new_many(OBJECT_UNTYPED, 20, RULE_FRAMES);
    for (unsigned i = 0; i < RULE_SPACES; i++)
        ok(assign(INIT_ASID_POOL, rule_spaces + i));
    unsigned mapped = 0;
    for (unsigned i = 0; i < RULE_STEPS; i++) {
        rule_step();
        for (unsigned s = 0; s < RULE_SPACES; s++)
            rule_holds(rule_spaces + s);
        for (unsigned f = 0; f < RULE_FRAMES; f++)
            mapped +=
                cap_is_frame(sim_cap(rule_frames + f)) && frame_asid(sim_cap(rule_frames + f)) != 0;
    }
    assert_true(mapped > RULE_STEPS); /* the walk was worth something */
}

#define T(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(unknown_labels_are_refused_before_anything),
        T(page_map_checks_in_the_order_of_the_sheet),
        T(a_directory_whose_number_went_to_another_is_refused),
        T(a_range_that_ends_at_user_top_is_just_too_long),
        T(descriptors_are_those_of_the_architecture),
        T(a_read_only_capability_maps_read_only),
        T(an_assigned_directory_has_the_kernels_mappings_and_no_others),
        T(mapping_again_at_the_same_place_changes_rights),
        T(a_mapping_of_the_same_size_is_overwritten_silently),
        T(sizes_do_not_mix),
        T(a_small_page_inside_a_section_has_no_table),
        T(unmap_always_succeeds),
        T(deleting_a_frame_capability_removes_its_own_mapping_only),
        T(revoking_memory_leaves_no_mapping_to_it),
        T(get_address_answers_as_programs_know_it),
        T(page_table_map_checks_in_the_order_of_the_sheet),
        T(page_table_map_rounds_down_and_keeps_parity),
        T(page_table_unmap_zeroes_the_table),
        T(deleting_the_last_page_table_capability_unmaps_it),
        T(an_unmapped_page_table_cannot_be_copied),
        T(page_cache_operations_check_in_the_order_of_the_sheet),
        T(directory_cache_operations_check_in_the_order_of_the_sheet),
        T(memory_leaves_the_cache_before_it_is_mapped_past_it),
        T(the_tlb_is_flushed_when_a_live_entry_changes),
        T(make_pool_checks_in_the_order_of_the_sheet),
        T(a_device_untyped_makes_no_pool),
        T(a_pool_is_cleared_and_takes_the_whole_untyped),
        T(there_are_128_pools),
        T(assign_checks_in_the_order_of_the_sheet),
        T(asid_zero_is_never_handed_out),
        T(a_pool_has_1024_entries_and_is_searched_preemptibly),
        T(a_directory_without_its_pool_stays_assigned_and_useless),
        T(deleting_a_usurped_directory_leaves_the_usurper),
        T(a_thread_leaves_an_address_space_that_goes),
        T(a_gone_pools_hardware_asids_come_back),
        T(revoking_the_directory_of_the_running_thread_is_survived),
        T(hardware_asids_are_taken_in_turn),
        T(mapping_and_assigning_are_told_to_the_debugger),
        T(every_mapping_refers_to_a_frame_capability),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
