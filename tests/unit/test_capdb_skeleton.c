/* A snapshot without frames: what is answered from it is what the whole snapshot answers, for every
 * recording there is and for systems in which a frame stands where it may not be left out. */
#include "capdb/skeleton.h"
#include "tests/unit/asking.h"
#include "tests/unit/random_system.h"
#include "tests/unit/recordings.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *path;

static void assert_same(command_fn command, const char *name, const char *at)
{
    char *operands[] = {(char *)(uintptr_t)name};
    assert_same_as_whole(
        (struct options){
            .every = -1, .run = path, .operand = operands, .operands = 1, .at_text = at},
        command);
}

/* --- every capability of a snapshot ----------------------------------------------------------- */

/* By its slot, its object and an address in that. */
static void assert_same_about(const struct capstate *s, uint32_t slot, const char *at)
{
    char name[64];
    const struct record_slot *r = &s->slots[slot].rec;
    snprintf(name, sizeof(name), "slot:0x%" PRIx64, r->addr);
    assert_same(command_preview, name, at);
    snprintf(name, sizeof(name), "0x%" PRIx64, slot % 2 ? r->object + 0x128 : r->addr);
    assert_same(command_preview, name, at);
    snprintf(name, sizeof(name), "frame:0x%" PRIx64, r->object);
    if (r->type == RECORD_CAP_FRAME)
        assert_same(command_preview, name, at);
}

/* From `first` on every `step`th. */
static void assert_snapshot_is_same(struct capdb *db, uint32_t n, uint32_t first, uint32_t step)
{
    struct capstate s;
    char at[16];
    snprintf(at, sizeof(at), "%u", n);
    assert_int_equal(capdb_load(db, n, &s), ERR_OK);
    assert_same(command_threads, NULL, at);
    for (uint32_t i = first; i < s.slot_count; i += step)
        assert_same_about(&s, i, at);
    capstate_free(&s);
}

/* --- recordings that were kept ---------------------------------------------------------------- */

static const char *const kept[] = {
    "demo-leaky",         "recording-4", "recording-4-killed", "format1",
    "format1-killed",     "recording-1", "recording-1-killed", "recording-2",
    "recording-2-killed", "why-a64",     "why-a64mcs",
};

static void every_kept_recording_answers_as_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        path = temp_path();
        unpack_recording(kept[i], path);
        struct capdb *db = open_db(path);
        for (uint32_t n = 1; n <= capdb_count(db); n++)
            assert_snapshot_is_same(db, n, n * 13 % 151, 151);
        assert_same(command_preview, "nobody", NULL);
        assert_same(command_preview, "thread:guest/init", NULL);
        assert_same(command_preview, "why", NULL);
        capdb_close(db);
        temp_remove(path);
    }
}

/* --- random systems --------------------------------------------------------------------------- */

static void record(const struct capstate *s)
{
    uint32_t n;
    path = temp_path();
    struct capdb *db = create(path);
    assert_int_equal(capdb_append(db, s, 1, &n), ERR_OK);
    capdb_close(db);
}

static void every_random_system_answers_as_the_whole(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 16; round++) {
        struct capstate s;
        random_system(&s, round, 0);
        record(&s);
        struct capdb *db = open_db(path);
        assert_snapshot_is_same(db, 1, round % 5, 5);
        capdb_close(db);
        capstate_free(&s);
        temp_remove(path);
    }
}

/* --- frames that matter ----------------------------------------------------------------------- */

enum {
    ROOT = 0x80010000,
    HOLD = 0x80100000,
    TCB = 0x80200000,
    MEMORY = 0x80400000,
    OTHER = 0x1000
};

static void put(struct capstate *s, uint64_t addr, uint32_t depth, uint32_t type, uint64_t object,
                uint32_t bits)
{
    struct record_slot slot = {
        .addr = addr, .depth = depth, .type = type, .object = object, .bits = bits};
    slot.rights = type == RECORD_CAP_FRAME ? RECORD_RIGHT_READ | RECORD_RIGHT_WRITE : 0;
    state_slot(s, slot);
}

/* A CNode, a thread in it and memory: of the second all that, 4 KiB or 1 MiB behind the first. */
static void put_thread(struct capstate *s, uint32_t i)
{
    const uint64_t hold = HOLD + i * OTHER;
    const uint64_t tcb = TCB + i * OTHER;
    put(s, tcb, 0, RECORD_CAP_CNODE, hold, 12);
    put(s, hold, 0, RECORD_CAP_TCB, tcb, 9);
}

static void put_nothing(struct capstate *s)
{
    (void)s;
}

/* Of the second thread, before all capabilities to it: it is the first then. */
static void put_at_thread(struct capstate *s)
{
    put(s, HOLD + 0x20, 0, RECORD_CAP_FRAME, TCB + OTHER, 12);
}

/* Behind it, slots of the second CNode are in none. */
static void put_across(struct capstate *s)
{
    put(s, HOLD + 0x20, 0, RECORD_CAP_FRAME, HOLD + OTHER + 0x8, 12);
}

static void put_huge(struct capstate *s)
{
    put(s, HOLD + 0x20, 0, RECORD_CAP_FRAME, 0x80000000, 28);
}

static void put_crooked(struct capstate *s)
{
    put(s, HOLD + 0x20, 0, RECORD_CAP_UNTYPED, MEMORY + 0x800, 16);
    put(s, HOLD + 0x30, 1, RECORD_CAP_FRAME, MEMORY + 0x10000, 12);
}

static void put_child(struct capstate *s)
{
    put(s, HOLD + 0x20, 0, RECORD_CAP_FRAME, MEMORY, 12);
    put(s, HOLD + 0x30, 1, RECORD_CAP_ENDPOINT, MEMORY, 4);
}

static const struct {
    void (*before)(struct capstate *s); /* all other capabilities */
    enum error state;
} odd[] = {
    {put_nothing, ERR_OK},       {put_at_thread, ERR_UNSUPPORTED}, {put_across, ERR_UNSUPPORTED},
    {put_huge, ERR_UNSUPPORTED}, {put_crooked, ERR_UNSUPPORTED},   {put_child, ERR_CORRUPT},
};

/* Memory of the first thread, in which are a CNode and, in the CNode, frames of the second's memory:
 * one that is mapped, one that others hold too. */
static void put_rest(struct capstate *s)
{
    const uint64_t cnode = MEMORY + 0x4000;
    struct record_slot mapped = {.addr = cnode + 0x10,
                                 .depth = 1,
                                 .type = RECORD_CAP_FRAME,
                                 .object = MEMORY + 0x100000,
                                 .bits = 12,
                                 .rights = RECORD_RIGHT_READ,
                                 .data = 0x10000,
                                 .extra = 7};
    put(s, HOLD + 0x100, 0, RECORD_CAP_UNTYPED, MEMORY, 20);
    put(s, HOLD + 0x110, 1, RECORD_CAP_CNODE, cnode, 12);
    put(s, HOLD + 0x120, 1, RECORD_CAP_FRAME, MEMORY + 0x8000, 12);
    put(s, HOLD + 0x130, 2, RECORD_CAP_FRAME, MEMORY + 0x8000, 12);
    put(s, HOLD + 0x140, 1, RECORD_CAP_PAGE_DIRECTORY, MEMORY + 0xc000, 14);
    put(s, HOLD + OTHER + 0x100, 0, RECORD_CAP_UNTYPED, MEMORY + 0x100000, 20);
    state_slot(s, mapped);
    put(s, HOLD + OTHER + 0x110, 1, RECORD_CAP_FRAME, MEMORY + 0x101000, 12);
    put(s, cnode + 0x20, 1, RECORD_CAP_FRAME, MEMORY + 0x101000, 12);
    put(s, HOLD + OTHER + 0x120, 0, RECORD_CAP_FRAME, MEMORY + 0x300000, 12);
    put(s, cnode + 0x30, 1, RECORD_CAP_FRAME, MEMORY + 0x300000, 12);
}

static void make_odd(struct capstate *s, uint32_t kind)
{
    state_begin(s);
    s->snapshot.root_thread = ROOT;
    odd[kind].before(s);
    put_thread(s, 0);
    put_thread(s, 1);
    put_rest(s);
    state_thread(s, TCB, "a/t");
    state_thread(s, TCB + OTHER, "b/t");
    state_mapping(s, (struct record_mapping){.dir = MEMORY + 0xc000,
                                             .vaddr = 0x10000,
                                             .asid = 7,
                                             .frame = MEMORY + 0x100000,
                                             .bits = 12,
                                             .rights = RECORD_RIGHT_READ});
    state_end(s);
}

static enum error skeleton_of(struct capdb *db, uint32_t *slots)
{
    struct skeleton k;
    struct capstate s = {0};
    enum error e = skeleton_begin(db, 1, true, &k);
    if (e == ERR_OK)
        e = skeleton_state(&k, &s);
    *slots = s.slot_count;
    if (e == ERR_OK)
        capstate_free(&s);
    skeleton_free(&k);
    return e;
}

static void a_frame_that_matters_is_not_left_out(void **state)
{
    enum { NOT_FRAMES = 8 };
    (void)state;
    for (uint32_t kind = 0; kind < sizeof(odd) / sizeof(*odd); kind++) {
        struct capstate s;
        uint32_t slots;
        make_odd(&s, kind);
        record(&s);
        struct capdb *db = open_db(path);
        assert_int_equal(skeleton_of(db, &slots), odd[kind].state);
        if (odd[kind].state == ERR_OK)
            assert_int_equal(slots, NOT_FRAMES);
        assert_snapshot_is_same(db, 1, 0, 1);
        capdb_close(db);
        capstate_free(&s);
        temp_remove(path);
    }
}

/* Then nothing is left of the capabilities when frames are left out. */
static void a_system_of_frames_alone_answers(void **state)
{
    struct capstate s;
    (void)state;
    state_begin(&s);
    put(&s, ROOT, 0, RECORD_CAP_FRAME, MEMORY, 12);
    put(&s, ROOT + 16, 0, RECORD_CAP_FRAME, MEMORY + OTHER, 12);
    state_thread(&s, TCB, "guest/init");
    state_end(&s);
    record(&s);
    assert_same(command_preview, "frame:0x80400000", NULL);
    assert_same(command_preview, "slot:0x80010010", NULL);
    assert_same(command_who_can_reach, "frame:0x80401000", NULL);
    assert_same(command_threads, NULL, NULL);
    capstate_free(&s);
    temp_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kept_recording_answers_as_the_whole),
        cmocka_unit_test(every_random_system_answers_as_the_whole),
        cmocka_unit_test(a_frame_that_matters_is_not_left_out),
        cmocka_unit_test(a_system_of_frames_alone_answers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
