/* The packed form of snapshots (objwalk/capscope/packed.c, objwalk/capscope/host/unpack.c):
 * unpacked it is, byte for byte, what a walk gives, in whatever state the kernel is; a list that is
 * not sound comes in the plain form; bytes that are no packed snapshot are refused. */
#include "tests/sim/sim_random.h"

#include "objwalk/replay.h"
#include "attach/stream.h"
#include "objwalk/capscope/walk.h"
#include "objwalk/capscope/slot_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memview view;
static struct objwalk walk;
static struct stream plain, packed;
static uint32_t slots_records, idle_left_out, rows;

static int setup(void **state)
{
    sim_setup(state);
    srand(5);
    view = sim_memview();
    assert_int_equal(objwalk_open(&walk, &view, hostsim_roots()), ERR_OK);
    stream_init(&plain);
    stream_init(&packed);
    return 0;
}

static int teardown(void **state)
{
    stream_fini(&plain);
    stream_fini(&packed);
    return sim_teardown(state);
}

/* --- both forms --- */

static uint8_t *room(void *ctx)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    (void)ctx;
    memset(bytes, 0xaa, sizeof(bytes));
    return bytes;
}

static enum error count_kinds(void *ctx, const struct record *r)
{
    uint32_t *kinds = ctx;
    kinds[r->kind]++;
    return ERR_OK;
}

static void take_both(void)
{
    uint32_t before[RECORD_KINDS] = {0}, after[RECORD_KINDS] = {0};
    stream_clear(&plain);
    stream_clear(&packed);
    assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_AUDITED, stream_record, &plain), ERR_OK);
    assert_int_equal(objwalk_snapshot_packed(&walk, SNAPSHOT_AUDITED, stream_record, room, &packed),
                     ERR_OK);
    assert_int_equal(stream_deliver(&plain, count_kinds, before), ERR_OK);
    assert_int_equal(stream_deliver(&packed, count_kinds, after), ERR_OK);
    slots_records = after[RECORD_SLOTS];
    rows = after[RECORD_MAPPINGS];
    idle_left_out = before[RECORD_ENDPOINT] + before[RECORD_NOTIFICATION] - after[RECORD_ENDPOINT] -
                    after[RECORD_NOTIFICATION];
}

static void assert_same_when_unpacked(void)
{
    take_both();
    assert_true(slots_records > 0);
    assert_true(packed.used < plain.used);
    assert_int_equal(stream_unpack(&packed), ERR_OK);
    assert_int_equal(packed.used, plain.used);
    assert_memory_equal(packed.bytes, plain.bytes, plain.used);
    assert_int_equal(stream_check(&packed), ERR_OK);
}

static void a_booted_kernel_is_the_same_in_both_forms(void **state)
{
    (void)state;
    assert_same_when_unpacked();
}

static void random_states_are_the_same_in_both_forms(void **state)
{
    (void)state;
    struct sim_random random;
    uint32_t left_out = 0;
    sim_random_begin(&random);
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 50; i++)
            sim_random_step(&random);
        assert_same_when_unpacked();
        left_out += idle_left_out;
    }
    assert_true(left_out > 100);
}

/* Idle objects before, between and behind those that are not, of both kinds. */
static void idle_objects_are_put_back_in_their_places(void **state)
{
    (void)state;
    enum { OBJECTS = 6 };
    cptr_t ep[OBJECTS], ntfn[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        ep[i] = sim_new(OBJECT_ENDPOINT, 0);
        ntfn[i] = sim_new(OBJECT_NOTIFICATION, 0);
        sim_mint(sim_free_slots(1), ep[i], i, i);
    }
    for (unsigned busy = 0; busy < 1u << OBJECTS; busy++) {
        for (unsigned i = 0; i < OBJECTS; i++) {
            struct endpoint *e = kptr(cap_object(sim_slot(ep[i])->cap));
            struct notification *n = kptr(cap_object(sim_slot(ntfn[i])->cap));
            e->state = busy >> i & 1 ? ENDPOINT_SENDING : ENDPOINT_IDLE;
            n->head_state = busy >> (OBJECTS - 1 - i) & 1 ? NOTIFICATION_ACTIVE : NOTIFICATION_IDLE;
            n->word = i;
        }
        assert_same_when_unpacked();
    }
}

static void map(cptr_t frame, vaddr_t vaddr, word_t rights, word_t attributes)
{
    assert_int_equal(
        sim_call(frame, INV_PAGE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(vaddr, rights, attributes)),
        SEL4_NO_ERROR);
}

/* A row ends where a page is missing, elsewhere in memory, of other rights, attributes or size, or
 * in the next table. */
static void pages_that_follow_each_other_are_one_record(void **state)
{
    (void)state;
    enum { PAGES = 40, FIRST = 236, AT = 0x50000000 };
    const cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0), other = sim_new(OBJECT_PAGE_TABLE, 0);
    assert_int_equal(sim_call(table, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(AT, 3)),
                     SEL4_NO_ERROR);
    assert_int_equal(
        sim_call(other, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(AT + (1 << 20), 3)),
        SEL4_NO_ERROR);
    take_both();
    const uint32_t before = rows;
    const cptr_t frames = sim_new_many(OBJECT_FRAME_4K, 0, PAGES);
    for (word_t i = 0; i < PAGES; i++) /* from the middle of one table on into the other */
        map(frames + i, AT + ((FIRST + i) << 12), 3, VM_CACHEABLE);
    assert_same_when_unpacked();
    assert_int_equal(rows, before + 2);
    map(frames + 3, AT + ((FIRST + 3) << 12), RIGHT_READ, VM_CACHEABLE);
    assert_same_when_unpacked();
    assert_int_equal(rows, before + 4);
    map(frames + 7, AT + ((FIRST + 7) << 12), 3, VM_CACHEABLE | VM_EXECUTE_NEVER);
    assert_same_when_unpacked();
    assert_int_equal(rows, before + 6);
    assert_int_equal(sim_call(frames + 10, INV_PAGE_UNMAP, SIM_CAPS(), SIM_MRS()), SEL4_NO_ERROR);
    assert_same_when_unpacked();
    assert_int_equal(rows, before + 7);
    const cptr_t large = sim_new_many(OBJECT_FRAME_64K, 0, 2);
    map(large, AT + 0x10000, 3, VM_CACHEABLE);
    map(large + 1, AT + 0x20000, 3, VM_CACHEABLE);
    const cptr_t sections = sim_new_many(OBJECT_FRAME_1M, 0, 3);
    for (word_t i = 0; i < 3; i++)
        map(sections + i, 0x60000000 + (i << 20), 3, VM_CACHEABLE);
    assert_same_when_unpacked();
    assert_int_equal(rows, before + 9);
}

static void rows_that_no_table_holds_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits, more;
        enum error want;
    } cases[] = {{12, 4095, ERR_OK},  {12, 4096, ERR_FORMAT}, {12, UINT32_MAX, ERR_FORMAT},
                 {32, 1, ERR_FORMAT}, {63, 0, ERR_OK},        {UINT32_MAX, 0, ERR_OK}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct record r = {.kind = RECORD_SNAPSHOT};
        r.snapshot.format = RECORD_FORMAT_PACKED;
        r.snapshot.kernel = 1;
        r.snapshot.layout = LAYOUT_HASH;
        stream_clear(&packed);
        assert_int_equal(stream_record(&packed, &r), ERR_OK);
        r = (struct record){.kind = RECORD_MAPPINGS};
        r.mappings.bits = cases[i].bits;
        r.mappings.more = cases[i].more;
        assert_int_equal(stream_record(&packed, &r), ERR_OK);
        assert_int_equal(stream_unpack(&packed), cases[i].want);
    }
}

/* --- a kernel of before --- */

static enum error prove(void *ctx, const struct record *r)
{
    return replay_record(ctx, r);
}

/* What a kernel sent before there were rows: a page a record. */
static enum error without_rows(void *ctx, const struct record *r)
{
    struct record out = *r;
    if (r->kind == RECORD_SNAPSHOT)
        out.snapshot.format = RECORD_FORMAT_PACKED_SLOTS;
    if (r->kind != RECORD_MAPPINGS)
        return stream_record(ctx, &out);
    const struct record_mappings *row = &r->mappings;
    for (uint32_t i = 0; i <= row->more; i++) {
        out = (struct record){.kind = RECORD_MAPPING};
        out.mapping = (struct record_mapping){.dir = row->dir,
                                              .asid = row->asid,
                                              .vaddr = row->vaddr + (i << row->bits),
                                              .frame = row->frame + (i << row->bits),
                                              .bits = row->bits,
                                              .rights = row->rights,
                                              .attributes = row->attributes,
                                              .table = row->table};
        enum error e = stream_record(ctx, &out);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static void a_packed_form_without_rows_is_still_read(void **state)
{
    (void)state;
    struct stream older;
    stream_init(&older);
    take_both();
    assert_true(rows > 0);
    assert_int_equal(stream_deliver(&packed, without_rows, &older), ERR_OK);
    assert_int_equal(stream_unpack(&older), ERR_OK);
    assert_int_equal(older.used, plain.used);
    assert_memory_equal(older.bytes, plain.bytes, plain.used);
    stream_fini(&older);
}

/* The first packed format, as a kernel sent it, becomes a snapshot whose digest proves it. */
static void the_first_packed_format_is_still_read(void **state)
{
    (void)state;
    uint8_t bytes[8192];
    FILE *f = fopen("tests/fixtures/snapshot-2.records", "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_in_range(n, 1000, sizeof(bytes) - 1);
    stream_clear(&packed);
    assert_int_equal(stream_bytes(&packed, bytes, n), ERR_OK);
    assert_int_equal(stream_unpack(&packed), ERR_OK);
    assert_int_equal(stream_check(&packed), ERR_OK);
    struct replay mirror;
    replay_init(&mirror);
    assert_int_equal(stream_deliver(&packed, prove, &mirror), ERR_OK);
    assert_int_equal(mirror.state, REPLAY_SOUND);
    assert_int_equal(mirror.count, packed.end.slots);
    replay_free(&mirror);
}

/* --- what cannot be packed --- */

static void assert_plain(void)
{
    take_both();
    assert_int_equal(slots_records, 0);
    assert_int_equal(packed.used, plain.used);
    assert_memory_equal(packed.bytes, plain.bytes, plain.used);
    assert_int_equal(stream_unpack(&packed), ERR_OK);
    assert_memory_equal(packed.bytes, plain.bytes, plain.used);
}

/* Each word of a slot in the middle of the list set to nonsense, and set back. */
static void a_list_that_is_not_sound_comes_in_the_plain_form(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0), tcb = sim_new(OBJECT_TCB, 0);
    cptr_t ntfn = sim_new(OBJECT_NOTIFICATION, 0), cnode = sim_new(OBJECT_CNODE, 4);
    const struct {
        cptr_t slot;
        unsigned word;
        word_t value;
    } bad[] = {
        {ep, 3, 0},
        {ep, 3, 0x12345670},
        {ep, 3, kaddr_of(sim_slot(ep))},
        {ep, 2, kaddr_of(sim_slot(ep))},
        {ep, 0, 0},
        {ep, 0, CAP_ENDPOINT | 0x10},
        {ep, 0, CAP_ENDPOINT | (KERNEL_WINDOW + hostsim_ram_size)},
        {ep, 0, CAP_FRAME_4K | (KERNEL_WINDOW + hostsim_ram_size) | VM_READ_WRITE << 4},
        {ep, 0, CAP_FRAME_64K | (KERNEL_WINDOW + hostsim_ram_size) | VM_READ_WRITE << 4},
        {tcb, 0, cap_object(sim_slot(tcb)->cap) + 16 + CAP_TCB},
        {tcb, 1, 1},
        {ntfn, 1, 0xf},
        {cnode, 1, 0x3c00},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        word_t *word = (word_t *)sim_slot(bad[i].slot) + bad[i].word, saved = *word;
        *word = bad[i].value;
        assert_plain();
        *word = saved;
        assert_same_when_unpacked();
    }
}

static void a_view_without_a_window_gives_the_plain_form(void **state)
{
    (void)state;
    view.window = NULL;
    assert_plain();
}

/* --- bytes from a line --- */

static void damaged_bytes_are_refused_or_make_another_snapshot(void **state)
{
    (void)state;
    struct stream damaged;
    unsigned refused = 0;
    stream_init(&damaged);
    take_both();
    for (int round = 0; round < 3000; round++) {
        stream_clear(&damaged);
        size_t used = rand() % 8 == 0 ? (size_t)rand() % packed.used : packed.used;
        assert_int_equal(stream_bytes(&damaged, packed.bytes, used), ERR_OK);
        for (int flips = rand() % 4; flips > 0 && used > 0; flips--)
            damaged.bytes[(size_t)rand() % used] ^= (uint8_t)(1 << rand() % 8);
        enum error e = stream_unpack(&damaged);
        if (e == ERR_OK)
            e = stream_check(&damaged);
        refused += e != ERR_OK;
    }
    assert_true(refused > 1000);
    stream_fini(&damaged);
}

static void slots_of_another_layout_are_refused(void **state)
{
    (void)state;
    struct record r = {.kind = RECORD_SNAPSHOT};
    r.snapshot.format = RECORD_FORMAT_PACKED;
    r.snapshot.kernel = 1;
    r.snapshot.layout = LAYOUT_HASH ^ 1;
    assert_int_equal(stream_record(&packed, &r), ERR_OK);
    assert_int_equal(stream_unpack(&packed), ERR_LAYOUT);
    stream_clear(&packed);
    r.snapshot.kernel = 99;
    assert_int_equal(stream_record(&packed, &r), ERR_OK);
    assert_int_equal(stream_unpack(&packed), ERR_UNSUPPORTED);
}

/* --- one slot --- */

static void slots_are_the_documented_bytes(void **state)
{
    (void)state;
    struct slot_base base = {0}, back = {0};
    uint8_t bytes[64], *at = bytes;
    const struct slot endpoint = {{{0xf0100012, 0xf}}, 0, CDT_REVOCABLE};
    const struct slot badged = {{{0xf0100012, 0x7f}}, 0, CDT_FIRST_BADGED};
    const struct slot next = {{{0xf0100022, 0}}, 0, 0};
    const struct slot after = {{{0xf0100032, 0}}, 0, 0};
    at = slot_pack(&base, 0x20, endpoint.cap, endpoint.next, at);
    at = slot_pack(&base, 0x30, badged.cap, badged.next, at);
    at = slot_pack(&base, 0x10, next.cap, next.next, at);
    at = slot_pack(&base, 0x20, after.cap, after.next, at);
    /* zigzag of 2; of 0x2f010001 (rotated); of 15; then of 0x70; of -2, of 0x10 rotated */
    static const uint8_t want[] = {0xa5, 4,    0x82, 0x80, 0x88, 0xf0, 0x05, 30,
                                   0x82, 0xe0, 0x01, 0x64, 3,    2,    0x10};
    assert_int_equal(at - bytes, sizeof(want));
    assert_memory_equal(bytes, want, sizeof(want));
    word_t flags;
    assert_int_equal(slot_unpack(&back, bytes, sizeof(want), &flags), 8);
    assert_int_equal(flags, CDT_REVOCABLE);
    assert_int_equal(back.addr, 0x20);
    assert_int_equal(back.w0, 0xf0100012);
    assert_int_equal(back.w1, 0xf);
}

static void random_slots_come_back(void **state)
{
    (void)state;
    struct slot_base base = {0}, back = {0};
    for (int i = 0; i < 100000; i++) {
        struct slot s = {{{base.w0, base.w1}}, 0, (word_t)rand() % 4};
        kaddr_t addr = base.addr + 16;
        uint8_t bytes[SLOT_PACKED_MAX];
        word_t flags;
        if (rand() % 2)
            addr = (word_t)rand() * 2654435761u & SLOT_LINK_MASK;
        if (rand() % 2)
            s.cap.w[0] += rand() % 2 ? base.step : (word_t)rand() * 2654435761u;
        if (rand() % 2)
            s.cap.w[1] = rand() % 2 ? 0 : (word_t)rand() * 2654435761u;
        uint32_t n = (uint32_t)(slot_pack(&base, addr, s.cap, s.next, bytes) - bytes);
        assert_true(n <= SLOT_PACKED_MAX);
        for (uint32_t cut = 0; cut < n; cut++) {
            struct slot_base other = back;
            assert_int_equal(slot_unpack(&other, bytes, cut, &flags), 0);
        }
        assert_int_equal(slot_unpack(&back, bytes, n, &flags), n);
        assert_int_equal(flags, s.next);
        assert_memory_equal(&back, &base, sizeof(base));
        assert_int_equal(back.addr, addr);
        assert_int_equal(back.w0, s.cap.w[0]);
        assert_int_equal(back.w1, s.cap.w[1]);
    }
}

#define packing(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        packing(a_booted_kernel_is_the_same_in_both_forms),
        packing(random_states_are_the_same_in_both_forms),
        packing(idle_objects_are_put_back_in_their_places),
        packing(pages_that_follow_each_other_are_one_record),
        packing(rows_that_no_table_holds_are_refused),
        packing(a_packed_form_without_rows_is_still_read),
        packing(the_first_packed_format_is_still_read),
        packing(a_list_that_is_not_sound_comes_in_the_plain_form),
        packing(a_view_without_a_window_gives_the_plain_form),
        packing(damaged_bytes_are_refused_or_make_another_snapshot),
        packing(slots_of_another_layout_are_refused),
        cmocka_unit_test(slots_are_the_documented_bytes),
        cmocka_unit_test(random_slots_come_back),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
