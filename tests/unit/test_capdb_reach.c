/* Questions about who gets at what, answered from a snapshot without most of its frames: the answer is
 * that of the whole snapshot, byte for byte, for every recording there is, recorded systems of mainline,
 * random systems full of frames, and systems in which a frame stands where it may not be left out. */
#include "capdb/skeleton.h"
#include "objwalk/sel4/records.h"
#include "tests/unit/asking.h"
#include "tests/unit/random_system.h"
#include "tests/unit/recordings.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NAME_BYTES = 96, NAMES = 20 };

static char *path;
static const char *domains; /* a file of rules, NULL */

/* --- questions -------------------------------------------------------------------------------- */

struct question {
    command_fn command;
    const char *right;
    bool strict, json, flow;
};

static const struct question questions[] = {
    {.command = command_path},
    {.command = command_path, .strict = true},
    {.command = command_path, .flow = true},
    {.command = command_can, .right = "read"},
    {.command = command_can, .right = "read", .strict = true, .json = true},
    {.command = command_can, .right = "write", .json = true},
    {.command = command_can, .right = "write", .strict = true},
    {.command = command_can, .right = "grant"},
    {.command = command_can, .right = "grant", .strict = true},
    {.command = command_can, .right = "control"},
    {.command = command_can, .right = "control", .strict = true, .json = true},
};
enum { QUESTIONS = sizeof(questions) / sizeof(*questions) };

static const command_fn reaches[] = {command_who_can_reach, command_what_can_it_reach};

static void assert_same(const struct question *q, const char *from, const char *to, const char *at)
{
    char *operands[3];
    int count = 0;
    operands[count++] = (char *)(uintptr_t)from;
    if (q->right)
        operands[count++] = (char *)(uintptr_t)q->right;
    if (to)
        operands[count++] = (char *)(uintptr_t)to;
    output_default = q->json ? OUTPUT_JSON : OUTPUT_AUTO;
    assert_same_as_whole((struct options){.every = -1,
                                          .run = path,
                                          .operand = operands,
                                          .operands = count,
                                          .at_text = at,
                                          .domains = domains,
                                          .flow = q->flow,
                                          .strict = q->strict},
                         q->command);
    output_default = OUTPUT_AUTO;
}

struct names {
    char text[NAMES][NAME_BYTES];
    uint32_t count;
};

/* One of the two questions about each name, and of those about pairs every `step`th; others for another
 * `turn`. */
static void ask_about(const struct names *names, uint32_t turn, uint32_t step, const char *at)
{
    uint32_t asked = turn;
    for (uint32_t i = 0; i < names->count; i++) {
        const struct question q = {
            .command = reaches[(i + turn) % 2], .strict = i / 2 % 3 == 0, .json = i % 7 == 0};
        assert_same(&q, names->text[i], NULL, at);
        for (uint32_t k = 0; k < names->count * QUESTIONS; k++)
            if (asked++ % step == 0)
                assert_same(&questions[k % QUESTIONS], names->text[i], names->text[k / QUESTIONS],
                            at);
    }
}

/* --- names of a snapshot ---------------------------------------------------------------------- */

static void add_name(struct names *names, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void add_name(struct names *names, const char *fmt, ...)
{
    va_list args;
    char text[NAME_BYTES];
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->text[i], text) == 0)
            return;
    if (names->count < NAMES)
        strcpy(names->text[names->count++], text);
}

static bool is_shared(const struct capstate *s, uint32_t object)
{
    int32_t first = s->objects[object].first_slot;
    for (int32_t i = first; i >= 0; i = s->slots[i].next_same)
        if (s->slots[i].holder != s->slots[first].holder)
            return true;
    return false;
}

/* From `first` on the next object of this type, that several hold or not; -1. */
static int32_t next_object(const struct capstate *s, uint32_t first, uint32_t type, bool shared)
{
    for (uint32_t i = 0; i < s->object_count; i++) {
        uint32_t at = (first + i) % s->object_count;
        if (s->objects[at].type == type && s->objects[at].bits != 0 && is_shared(s, at) == shared)
            return (int32_t)at;
    }
    return -1;
}

static void name_object(const struct capstate *s, struct names *names, int32_t object, uint32_t how)
{
    static const struct {
        uint32_t type;
        const char *text;
    } types[] = {{RECORD_CAP_FRAME, "frame"},
                 {RECORD_CAP_UNTYPED, "untyped"},
                 {RECORD_CAP_CNODE, "cnode"},
                 {RECORD_CAP_TCB, "tcb"},
                 {RECORD_CAP_ENDPOINT, "endpoint"}};
    if (object < 0)
        return;
    const struct capstate_object *o = &s->objects[object];
    if (how % 3 == 0)
        add_name(names, "slot:0x%" PRIx64, s->slots[o->first_slot].rec.addr);
    else if (how % 3 == 1)
        add_name(names, "0x%" PRIx64, o->addr + 8);
    else
        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
            if (types[i].type == o->type)
                add_name(names, "%s:0x%" PRIx64, types[i].text, o->addr);
}

/* Threads, domains, and of each type an object; other ones for another `turn`. */
static void name_things(const struct capstate *s, struct names *names, uint32_t turn)
{
    static const uint32_t types[] = {RECORD_CAP_FRAME,      RECORD_CAP_FRAME,
                                     RECORD_CAP_UNTYPED,    RECORD_CAP_CNODE,
                                     RECORD_CAP_PAGE_TABLE, RECORD_CAP_PAGE_DIRECTORY,
                                     RECORD_CAP_ENDPOINT,   RECORD_CAP_NOTIFICATION};
    struct authority a;
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    for (uint32_t i = 0; i < 4 && i < a.domain_count; i++)
        add_name(names, "domain:%s", a.domains[(turn + i) % a.domain_count].name);
    for (uint32_t i = 0; i < 2 && i < s->thread_count; i++)
        add_name(names, "tcb:0x%" PRIx64,
                 (uint64_t)s->threads[(turn + i) % s->thread_count].rec.addr);
    for (uint32_t i = 0; s->object_count && i < sizeof(types) / sizeof(*types); i++)
        for (int shared = 0; shared < 2; shared++)
            name_object(s, names, next_object(s, turn * 37 + i * 11, types[i], shared), turn + i);
    authority_free(&a);
}

static uint32_t parts; /* snapshots whose questions were answered without all frames */

static void count_part(struct capdb *db, uint32_t n)
{
    struct skeleton k;
    struct capstate s;
    enum error e = skeleton_begin_edges(db, n, &k);
    if (e == ERR_OK)
        e = skeleton_state(&k, &s);
    if (e == ERR_OK)
        capstate_free(&s);
    skeleton_free(&k);
    parts += e == ERR_OK;
}

static void assert_snapshot_is_same(struct capdb *db, uint32_t n, uint32_t turn, uint32_t step)
{
    struct capstate s;
    struct names names = {0};
    char at[16];
    snprintf(at, sizeof(at), "%u", n);
    assert_int_equal(capdb_load(db, n, &s), ERR_OK);
    name_things(&s, &names, turn);
    count_part(db, n);
    capstate_free(&s);
    ask_about(&names, turn, step, at);
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
    parts = 0;
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        path = temp_path();
        unpack_recording(kept[i], path);
        struct capdb *db = open_db(path);
        for (uint32_t n = 1; n <= capdb_count(db); n += 9)
            assert_snapshot_is_same(db, n, n, 211);
        capdb_close(db);
        temp_remove(path);
    }
    assert_true(parts > 8);
}

/* --- systems ---------------------------------------------------------------------------------- */

static struct capdb *record(const struct capstate *s)
{
    uint32_t n;
    path = temp_path();
    struct capdb *db = create(path);
    assert_int_equal(capdb_append(db, s, 1, &n), ERR_OK);
    capdb_close(db);
    return open_db(path);
}

static void forget(struct capdb *db)
{
    capdb_close(db);
    temp_remove(path);
}

static void assert_system_is_same(const struct capstate *s, uint32_t turn, uint32_t step)
{
    struct capdb *db = record(s);
    assert_snapshot_is_same(db, 1, turn, step);
    forget(db);
}

static enum error take(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

static void every_mainline_system_answers_as_the_whole(void **state)
{
    (void)state;
    parts = 0;
    for (uint32_t i = 0; i < FIXTURES; i++) {
        struct fixture f;
        struct sel4_kernel k;
        struct sel4_state walked;
        struct capstate s;
        uint8_t *elf;
        fixture_load(&f, fixture_names[i], true);
        fixture_attach(&f, &k, &elf);
        assert_int_equal(sel4_walk(&k, &walked), ERR_OK);
        capstate_init(&s);
        assert_int_equal(sel4_records(&k, &walked, true, take, &s), ERR_OK);
        assert_int_equal(capstate_finish(&s), ERR_OK);
        assert_system_is_same(&s, i, 97);
        capstate_free(&s);
        sel4_state_fini(&walked);
        fixture_close(&k, elf);
        fixture_free(&f);
    }
    assert_true(parts > 0);
}

static void every_random_system_answers_as_the_whole(void **state)
{
    (void)state;
    parts = 0;
    for (uint32_t round = 0; round < 16; round++) {
        struct capstate s;
        random_system(&s, round, 0);
        assert_system_is_same(&s, round, 89);
        capstate_free(&s);
    }
    assert_true(parts > 10);
}

static void every_changing_system_answers_as_the_whole(void **state)
{
    enum { SNAPSHOTS = 30 };
    struct changing m;
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, 11);
    record_changing(db, &m, SNAPSHOTS);
    capdb_close(db);
    db = open_db(path);
    for (uint32_t n = 1; n <= SNAPSHOTS; n += 3)
        assert_snapshot_is_same(db, n, n, 127);
    forget(db);
}

/* --- systems full of frames ------------------------------------------------------------------- */

enum {
    ROOT_TCB = 0x80100000,
    ROOT_HOLD = 0x80110000,
    MEMORY = 0x82000000,
    EACH = 0x400000, /* a domain's memory */
    AT_TCB = 0,
    AT_HOLD = 0x1000,
    AT_DIR = 0x4000,
    AT_TABLE = 0x8000,
    AT_ENDPOINT = 0x9000,
    AT_FRAMES = 0x100000,
    DOMAINS = 3,
    STRANGE = 250, /* a type of capabilities that there is not */
    IRQ = 40,
    IRQ_AT = 0x80030000
};
enum { FRAME = MEMORY + AT_FRAMES, APART = 0x88000000 };

static uint32_t memory_of(uint32_t d)
{
    return MEMORY + d * EACH;
}

static uint32_t hold_of(uint32_t d)
{
    return d == DOMAINS ? ROOT_HOLD : memory_of(d) + AT_HOLD;
}

struct framed {
    struct capstate *s;
    uint32_t used[DOMAINS + 1]; /* slots of each CNode, the root task's last */
};

static void put_at(struct framed *f, uint32_t addr, uint32_t depth, uint32_t type, uint32_t object,
                   uint32_t bits, uint32_t rights)
{
    state_slot(f->s, (struct record_slot){.addr = addr,
                                          .depth = depth,
                                          .type = type,
                                          .object = object,
                                          .bits = bits,
                                          .rights = rights});
}

static void put(struct framed *f, uint32_t holder, uint32_t depth, uint32_t type, uint32_t object,
                uint32_t bits, uint32_t rights)
{
    put_at(f, hold_of(holder) + 16 * ++f->used[holder], depth, type, object, bits, rights);
}

/* The root task; each domain's memory, thread, CNode, tables, all in its own CNode. */
static void framed_begin(struct framed *f, struct capstate *s)
{
    *f = (struct framed){.s = s};
    state_begin(s);
    s->snapshot.root_thread = ROOT_TCB;
    put(f, DOMAINS, 0, RECORD_CAP_TCB, ROOT_TCB, 9, 0);
    put_at(f, ROOT_TCB, 0, RECORD_CAP_CNODE, ROOT_HOLD, 12, 0);
    for (uint32_t d = 0; d < DOMAINS; d++) {
        uint32_t at = memory_of(d);
        put(f, d, 0, RECORD_CAP_UNTYPED, at, 22, 0);
        put(f, d, 1, RECORD_CAP_TCB, at + AT_TCB, 9, 0);
        put(f, d, 1, RECORD_CAP_CNODE, at + AT_HOLD, 12, 0);
        put_at(f, at + AT_TCB, 2, RECORD_CAP_CNODE, at + AT_HOLD, 12, 0);
        put(f, d, 1, RECORD_CAP_PAGE_DIRECTORY, at + AT_DIR, 14, 0);
        put_at(f, at + AT_TCB + 16, 2, RECORD_CAP_PAGE_DIRECTORY, at + AT_DIR, 14, 0);
        put(f, d, 1, RECORD_CAP_PAGE_TABLE, at + AT_TABLE, 10, 0);
        put(f, d, 1, RECORD_CAP_ENDPOINT, at + AT_ENDPOINT, 4, 3);
    }
}

static void put_mapping(struct framed *f, uint32_t d, uint32_t vaddr, uint32_t frame,
                        uint32_t rights, bool section)
{
    state_mapping(f->s, (struct record_mapping){.dir = memory_of(d) + AT_DIR,
                                                .vaddr = vaddr,
                                                .asid = d + 1,
                                                .frame = frame,
                                                .bits = 12,
                                                .rights = rights,
                                                .table = section ? 0 : memory_of(d) + AT_TABLE});
}

static void put_irq(struct framed *f, uint32_t type, uint32_t object)
{
    struct record r = {.kind = RECORD_IRQ, .irq = {.irq = IRQ, .state = 1, .slot = IRQ_AT}};
    put_at(f, IRQ_AT, 0, type, object, type == RECORD_CAP_FRAME ? 12 : 4, 2);
    state_add(f->s, &r);
    state_slot(f->s, (struct record_slot){.addr = hold_of(0) + 16 * ++f->used[0],
                                          .type = RECORD_CAP_IRQ_HANDLER,
                                          .object = IRQ,
                                          .data = IRQ});
}

static void framed_end(struct framed *f, uint32_t waits, uint64_t at)
{
    static const char *const names[] = {"a/t", "b/t", "c/t"};
    for (uint32_t d = 0; d < DOMAINS; d++) {
        struct record r = {.kind = RECORD_THREAD};
        r.thread.addr = memory_of(d) + AT_TCB;
        r.thread.name.length = 3;
        memcpy(r.thread.name.bytes, names[d], 3);
        if (d == waits) {
            r.thread.state = RECORD_THREAD_BLOCKED_ON_SEND;
            r.thread.blocked_on = at;
        }
        state_add(f->s, &r);
    }
    state_thread(f->s, ROOT_TCB, "rootserver");
    state_end(f->s);
}

/* At few places, so that they share them. */
static uint32_t some_frame(uint32_t *bits)
{
    *bits = random_pick(12) ? 12 : 16 + 4 * random_pick(2);
    uint32_t at = memory_of(random_pick(DOMAINS)) + AT_FRAMES + random_pick(48) * 0x10000;
    return at >> *bits << *bits;
}

static void framed_system(struct capstate *s, uint32_t round)
{
    struct framed f;
    uint32_t bits;
    uint32_t at = 0;
    random_seed = round * 104729 + 3;
    framed_begin(&f, s);
    for (uint32_t i = random_pick(60); i > 0; i--) {
        at = some_frame(&bits);
        uint32_t holder = random_pick(DOMAINS + 1);
        put(&f, holder, 0, RECORD_CAP_FRAME, at, bits, random_pick(4));
        for (uint32_t copies = random_pick(3); copies > 0; copies--)
            put(&f, random_pick(4) ? holder : random_pick(DOMAINS + 1), 1, RECORD_CAP_FRAME, at,
                bits, random_pick(4));
    }
    if (random_pick(3) == 0)
        put(&f, random_pick(DOMAINS + 1), 0, RECORD_CAP_UNTYPED, memory_of(random_pick(DOMAINS)),
            random_pick(2) ? 22 : 21, 0);
    if (random_pick(3) == 0)
        put(&f, random_pick(DOMAINS), 0, RECORD_CAP_CNODE, hold_of(random_pick(DOMAINS + 1)), 12,
            0);
    if (random_pick(4) == 0)
        put_irq(&f, random_pick(2) ? RECORD_CAP_FRAME : RECORD_CAP_NOTIFICATION, at);
    for (uint32_t d = 0; d < DOMAINS; d++)
        for (uint32_t i = random_pick(12); i > 0; i--) {
            uint32_t frame = some_frame(&bits);
            put_mapping(&f, d, 0x10000 * (16 - i), frame, random_pick(4), random_pick(4) == 0);
        }
    if (random_pick(4) == 0)
        put(&f, random_pick(DOMAINS), 0, random_pick(2) ? RECORD_CAP_INVALID : STRANGE, FRAME, 0,
            0);
    if (random_pick(4) == 0)
        state_finding(s, (struct record_finding){.rule = 1, .addr = MEMORY});
    framed_end(&f, random_pick(8), random_pick(8) ? memory_of(0) + AT_ENDPOINT : at);
    s->end.complete = random_pick(4) != 0;
}

/* Now and then with rules, by which one domain is trusted. */
static void systems_full_of_frames_answer_as_the_whole(void **state)
{
    static const char rules[] = "a/* boss trusted\nb/* other\n";
    char *file = temp_path();
    (void)state;
    write_file(file, rules, strlen(rules));
    parts = 0;
    for (uint32_t round = 0; round < 20; round++) {
        struct capstate s;
        framed_system(&s, round);
        domains = round % 4 == 1 ? file : NULL;
        assert_system_is_same(&s, round, 89);
        capstate_free(&s);
    }
    assert_true(parts > 5);
    domains = NULL;
    temp_remove(file);
}

/* --- frames that matter ----------------------------------------------------------------------- */

static uint64_t nobody_waits(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, FRAME, 12, 3);
    put_mapping(f, 0, 0x10000, FRAME, 3, false);
    return 0;
}

/* What no capability refers to is still mapped: an edge to the memory around it. */
static uint64_t mapped_without_a_frame(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, FRAME, 12, 3);
    put_mapping(f, 0, 0x10000, FRAME, 3, false);
    put_mapping(f, 1, 0x10000, memory_of(0) + 0x380000, 1, false);
    return 0;
}

static uint64_t mapped_in_the_middle(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, FRAME, 20, 3);
    put_mapping(f, 1, 0x10000, FRAME + 0x5000, 3, false);
    return 0;
}

/* Of two at one address the larger one is mapped, whoever holds the smaller one. */
static uint64_t two_at_one_address(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, FRAME, 20, 3);
    put(f, 1, 0, RECORD_CAP_FRAME, FRAME, 12, 3);
    put_mapping(f, 1, 0x10000, FRAME, 3, false);
    return 0;
}

/* The smaller one is reached without the larger one, which somebody else maps. */
static uint64_t two_apart(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, APART, 20, 3);
    put(f, 2, 0, RECORD_CAP_FRAME, APART, 12, 3);
    put_mapping(f, 1, 0x10000, APART, 3, false);
    return 0;
}

/* The first translation of a table tells that the table is there; its frame is left out. */
static uint64_t first_of_a_table(struct framed *f)
{
    put(f, 2, 0, RECORD_CAP_FRAME, FRAME, 12, 3);
    put(f, 2, 0, RECORD_CAP_FRAME, FRAME + 0x1000, 12, 3);
    put_mapping(f, 1, 0x10000, FRAME, 3, false);
    put_mapping(f, 1, 0x11000, FRAME + 0x1000, 3, false);
    return 0;
}

static uint64_t waits_at_a_frame(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_UNTYPED, FRAME, 20, 0);
    put(f, 0, 1, RECORD_CAP_FRAME, FRAME, 12, 3);
    return FRAME;
}

static uint64_t waits_at_nothing(struct framed *f)
{
    put(f, 0, 0, RECORD_CAP_FRAME, FRAME, 12, 3);
    return FRAME + 0x800;
}

static uint64_t signals_a_frame(struct framed *f)
{
    put(f, 1, 0, RECORD_CAP_FRAME, FRAME, 12, 1);
    put_irq(f, RECORD_CAP_FRAME, FRAME);
    return 0;
}

/* More places where islands meet than an answer tells. */
static uint64_t many_are_shared(struct framed *f)
{
    for (uint32_t i = 0; i < 40; i++) {
        put(f, i % 3, 0, RECORD_CAP_FRAME, FRAME + i * 0x1000, 12, i % 4);
        put(f, (i + 1) % 3, 1, RECORD_CAP_FRAME, FRAME + i * 0x1000, 12, 1);
    }
    return 0;
}

/* In no domain's memory: nobody's, one's, several's, and the root task's. */
static uint64_t without_untyped_memory(struct framed *f)
{
    put(f, 1, 0, RECORD_CAP_FRAME, APART, 12, 3);
    put(f, 0, 0, RECORD_CAP_FRAME, APART + 0x1000, 12, 3);
    put(f, 1, 1, RECORD_CAP_FRAME, APART + 0x1000, 12, 3);
    put(f, DOMAINS, 0, RECORD_CAP_FRAME, APART + 0x2000, 12, 3);
    put(f, DOMAINS, 0, RECORD_CAP_FRAME, APART + 0x3000, 12, 3);
    put_mapping(f, 1, 0x10000, APART + 0x3000, 1, false);
    put_mapping(f, 2, 0x10000, APART + 0x2000, 2, true);
    return 0;
}

static const struct {
    uint64_t (*make)(struct framed *f); /* where the third thread waits */
    enum error state;
} special[] = {
    {nobody_waits, ERR_OK},
    {mapped_without_a_frame, ERR_OK},
    {mapped_in_the_middle, ERR_UNSUPPORTED},
    {two_at_one_address, ERR_OK},
    {two_apart, ERR_OK},
    {first_of_a_table, ERR_OK},
    {waits_at_a_frame, ERR_UNSUPPORTED},
    {waits_at_nothing, ERR_UNSUPPORTED},
    {signals_a_frame, ERR_OK},
    {many_are_shared, ERR_OK},
    {without_untyped_memory, ERR_OK},
};

static void name_special(struct names *names)
{
    static const char *const texts[] = {"a",
                                        "b",
                                        "c",
                                        "rootserver",
                                        "thread:a/t",
                                        "tcb:0x82400000",
                                        "0x82100000",
                                        "0x82101000",
                                        "frame:0x82100000",
                                        "untyped:0x82000000",
                                        "untyped:0x82400000",
                                        "0x82105000",
                                        "0x82380000",
                                        "0x88000000",
                                        "0x88001000",
                                        "0x88002000",
                                        "0x88003000",
                                        "irq:40",
                                        "nobody",
                                        "frame:0x1000"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        add_name(names, "%s", texts[i]);
}

static enum error edges_of(struct capdb *db)
{
    struct skeleton k;
    struct capstate s = {0};
    enum error e = skeleton_begin_edges(db, 1, &k);
    if (e == ERR_OK)
        e = skeleton_state(&k, &s);
    if (e == ERR_OK)
        capstate_free(&s);
    skeleton_free(&k);
    return e;
}

static void a_frame_that_matters_is_not_left_out(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
        struct capstate s;
        struct framed f;
        struct names names = {0};
        framed_begin(&f, &s);
        uint64_t at = special[i].make(&f);
        framed_end(&f, at ? 2 : DOMAINS, at);
        struct capdb *db = record(&s);
        assert_int_equal(edges_of(db), special[i].state);
        name_special(&names);
        ask_about(&names, 0, 71, "1");
        ask_about(&names, 1, 71, "1");
        forget(db);
        capstate_free(&s);
    }
}

/* --- how much is read ------------------------------------------------------------------------- */

/* Of many frames in two domains, of which one is shared: how many capabilities a question needs. */
static void few_frames_are_read(void **state)
{
    enum { MANY = 200, NOT_FRAMES = 2 + DOMAINS * 8 };
    struct capstate s;
    struct framed f;
    struct view v;
    struct options o = {.every = -1, .patience = -1};
    bool again;
    bool held[64] = {false};
    const char *const names[] = {"a/t", "frame:0x82100000", NULL};
    (void)state;
    framed_begin(&f, &s);
    for (uint32_t i = 0; i < MANY; i++)
        put(&f, i % 2, 0, RECORD_CAP_FRAME, FRAME + i * 0x1000, 12, 3);
    put(&f, 2, 1, RECORD_CAP_FRAME, FRAME + (MANY - 1) * 0x1000, 12, 3);
    framed_end(&f, DOMAINS, 0);
    struct capdb *db = record(&s);
    o.run = path;
    assert_int_equal(dbview_open_edges(&o, &v, names), STATUS_YES);
    assert_true(v.state.part);
    assert_int_equal(v.state.slot_count, NOT_FRAMES + 1);
    held[capstate_object_typed(&v.state, hold_of(2), RECORD_CAP_CNODE)] = true;
    assert_int_equal(dbview_add_frames(&o, &v, held, NULL, &again), STATUS_YES);
    assert_true(again && v.state.part);
    assert_int_equal(v.state.slot_count, NOT_FRAMES + 3); /* and both capabilities to the other's */
    dbview_close(&v);
    capstate_free(&s);
    forget(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kept_recording_answers_as_the_whole),
        cmocka_unit_test(every_mainline_system_answers_as_the_whole),
        cmocka_unit_test(every_random_system_answers_as_the_whole),
        cmocka_unit_test(every_changing_system_answers_as_the_whole),
        cmocka_unit_test(systems_full_of_frames_answer_as_the_whole),
        cmocka_unit_test(a_frame_that_matters_is_not_left_out),
        cmocka_unit_test(few_frames_are_read),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
