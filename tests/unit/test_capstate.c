/* A snapshot in memory: the tree from depths, objects from capabilities, holders from addresses,
 * look-ups, wording, differences; and what it refuses. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layout/capability.h"
#include "layout/objects.h"
#include "capstate/capstate.h"
#include "capstate/size.h"
#include "facts/toll.h"
#include "capstate/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- feeding --- */

struct feed {
    struct capstate s;
    struct record_end end;
};

static void feed_put(struct feed *f, const struct record *r)
{
    f->end.records++;
    f->end.slots += r->kind == RECORD_SLOT;
    f->end.threads += r->kind == RECORD_THREAD;
    f->end.mappings += r->kind == RECORD_MAPPING;
    assert_int_equal(capstate_add(&f->s, r), ERR_OK);
}

static void feed_begin(struct feed *f)
{
    *f = (struct feed){.end = {.complete = 1}};
    capstate_init(&f->s);
    feed_put(f, &(struct record){.kind = RECORD_SNAPSHOT,
                                 .snapshot = {.format = RECORD_FORMAT, .kernel = 1}});
}

static void feed_slot(struct feed *f, struct record_slot slot)
{
    feed_put(f, &(struct record){.kind = RECORD_SLOT, .slot = slot});
}

static void feed_thread(struct feed *f, uint32_t addr, const char *name)
{
    struct record r = {.kind = RECORD_THREAD, .thread = {.addr = addr}};
    r.thread.name.length = (uint8_t)strlen(name);
    memcpy(r.thread.name.bytes, name, strlen(name) + 1);
    feed_put(f, &r);
}

static enum error feed_finish(struct feed *f)
{
    struct record r = {.kind = RECORD_END, .end = f->end};
    r.end.records++;
    enum error e = capstate_add(&f->s, &r);
    return e == ERR_OK ? capstate_finish(&f->s) : e;
}

/* --- a small system --- */

enum {
    BASE = 0x80100000, /* untyped, 1M */
    ROOT_CNODE = BASE, /* 16 slots */
    GUEST_CNODE = BASE + 0x100,
    ROOT_TCB = BASE + 0x400,
    GUEST_TCB = BASE + 0x600,
    EP = BASE + 0x800,
    NTFN = BASE + 0x810,
    FRAME = BASE + 0x2000,
    PD = BASE + 0x4000,
    IRQ_SLOTS = 0x80008000,
};

#define CNODE_SLOT(cnode, n) ((cnode) + (n)*16u)

/* In derivation order: what hangs below the untyped stands after it, one deeper. */
static const struct record_slot small_system[] = {
    {.addr = CNODE_SLOT(ROOT_CNODE, 1),
     .type = RECORD_CAP_UNTYPED,
     .object = BASE,
     .bits = 20,
     .data = 0x9000,
     .flags = RECORD_SLOT_REVOCABLE},
    {.addr = CNODE_SLOT(ROOT_CNODE, 2),
     .depth = 1,
     .type = RECORD_CAP_CNODE,
     .object = ROOT_CNODE,
     .bits = 8,
     .extra = 28},
    {.addr = ROOT_TCB + 0,
     .depth = 1,
     .type = RECORD_CAP_CNODE,
     .object = ROOT_CNODE,
     .bits = 8,
     .extra = 28},
    {.addr = CNODE_SLOT(ROOT_CNODE, 3),
     .depth = 1,
     .type = RECORD_CAP_CNODE,
     .object = GUEST_CNODE,
     .bits = 8,
     .data = 5,
     .extra = 20},
    {.addr = GUEST_TCB + 0,
     .depth = 1,
     .type = RECORD_CAP_CNODE,
     .object = GUEST_CNODE,
     .bits = 8,
     .data = 5,
     .extra = 20},
    {.addr = CNODE_SLOT(ROOT_CNODE, 4),
     .depth = 1,
     .type = RECORD_CAP_TCB,
     .object = ROOT_TCB,
     .bits = 9},
    {.addr = CNODE_SLOT(ROOT_CNODE, 5),
     .depth = 1,
     .type = RECORD_CAP_TCB,
     .object = GUEST_TCB,
     .bits = 9},
    {.addr = CNODE_SLOT(ROOT_CNODE, 6),
     .depth = 1,
     .type = RECORD_CAP_ENDPOINT,
     .object = EP,
     .bits = 4,
     .rights = 15,
     .flags = RECORD_SLOT_REVOCABLE},
    {.addr = CNODE_SLOT(GUEST_CNODE, 14),
     .depth = 2,
     .type = RECORD_CAP_ENDPOINT,
     .object = EP,
     .bits = 4,
     .rights = RIGHT_WRITE | RIGHT_GRANT,
     .data = 7},
    {.addr = CNODE_SLOT(ROOT_CNODE, 7),
     .depth = 1,
     .type = RECORD_CAP_FRAME,
     .object = FRAME,
     .bits = 12,
     .rights = 3,
     .flags = RECORD_SLOT_REVOCABLE},
    {.addr = CNODE_SLOT(GUEST_CNODE, 1),
     .depth = 2,
     .type = RECORD_CAP_FRAME,
     .object = FRAME,
     .bits = 12,
     .rights = 2,
     .data = 0x10000,
     .extra = 5},
    {.addr = CNODE_SLOT(ROOT_CNODE, 8),
     .depth = 1,
     .type = RECORD_CAP_PAGE_DIRECTORY,
     .object = PD,
     .bits = 14,
     .extra = 5},
    {.addr = GUEST_TCB + 16,
     .depth = 1,
     .type = RECORD_CAP_PAGE_DIRECTORY,
     .object = PD,
     .bits = 14,
     .extra = 5},
    {.addr = CNODE_SLOT(ROOT_CNODE, 9),
     .depth = 1,
     .type = RECORD_CAP_NOTIFICATION,
     .object = NTFN,
     .bits = 4,
     .rights = 3},
    {.addr = IRQ_SLOTS + 29 * 16,
     .depth = 1,
     .type = RECORD_CAP_NOTIFICATION,
     .object = NTFN,
     .bits = 4,
     .rights = 3,
     .data = 1},
    {.addr = GUEST_TCB + 32,
     .type = RECORD_CAP_REPLY,
     .object = GUEST_TCB,
     .flags = RECORD_SLOT_MASTER},
    {.addr = ROOT_TCB + 48, .depth = 1, .type = RECORD_CAP_REPLY, .object = GUEST_TCB},
    {.addr = CNODE_SLOT(ROOT_CNODE, 10), .type = RECORD_CAP_IRQ_CONTROL},
    {.addr = CNODE_SLOT(ROOT_CNODE, 11), .depth = 1, .type = RECORD_CAP_IRQ_HANDLER, .data = 29},
    {.addr = CNODE_SLOT(ROOT_CNODE, 12),
     .type = RECORD_CAP_UNTYPED,
     .object = 0x43f00000,
     .bits = 20,
     .flags = RECORD_SLOT_DEVICE},
};
enum { SMALL_SLOTS = sizeof(small_system) / sizeof(*small_system) };

static void feed_small(struct feed *f)
{
    feed_begin(f);
    for (unsigned i = 0; i < SMALL_SLOTS; i++)
        feed_slot(f, small_system[i]);
    feed_thread(f, ROOT_TCB, "root");
    feed_thread(f, GUEST_TCB, "guest/in\x1bit");
    feed_thread(f, 0x80009000, "idle");
    feed_put(f, &(struct record){.kind = RECORD_ENDPOINT, .endpoint = {.addr = EP}});
    feed_put(f, &(struct record){.kind = RECORD_NOTIFICATION, .notification = {.addr = NTFN}});
    feed_put(f,
             &(struct record){
                 .kind = RECORD_MAPPING,
                 .mapping = {.dir = PD, .asid = 5, .vaddr = 0x10000, .frame = FRAME, .bits = 12}});
    feed_put(f,
             &(struct record){.kind = RECORD_IRQ, .irq = {.irq = 29, .slot = IRQ_SLOTS + 29 * 16}});
}

static int setup(void **state)
{
    struct feed *f = malloc(sizeof(*f));
    feed_small(f);
    assert_int_equal(feed_finish(f), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct feed *f = *state;
    capstate_free(&f->s);
    free(f);
    return 0;
}

static const struct capstate *state_of(void **state)
{
    return &((struct feed *)*state)->s;
}

static int32_t slot_at(const struct capstate *s, uint32_t addr)
{
    int32_t slot = capstate_slot_at(s, addr);
    assert_true(slot >= 0);
    return slot;
}

/* --- the tree --- */

static void parents_follow_from_depths(void **state)
{
    const struct capstate *s = state_of(state);
    assert_int_equal(s->slots[0].parent, -1);
    assert_int_equal(s->slots[6].parent, 0);
    assert_int_equal(s->slots[8].parent, 7);
    assert_int_equal(s->slots[10].parent, 9);
    assert_int_equal(s->slots[14].parent, 0);
    assert_int_equal(s->slots[15].parent, -1);
    assert_int_equal(s->slots[18].parent, 17);
}

static void next_is_the_end_of_the_subtree(void **state)
{
    const struct capstate *s = state_of(state);
    assert_int_equal(s->slots[0].next, 15);
    assert_int_equal(s->slots[7].next, 9);
    assert_int_equal(s->slots[8].next, 9);
    assert_int_equal(s->slots[17].next, 19);
    assert_int_equal(s->slots[19].next, SMALL_SLOTS);
}

static void a_depth_that_skips_a_level_is_refused(void **state)
{
    (void)state;
    struct feed f;
    feed_begin(&f);
    feed_slot(&f, (struct record_slot){.addr = 16, .type = RECORD_CAP_DOMAIN});
    feed_slot(&f, (struct record_slot){.addr = 32, .type = RECORD_CAP_DOMAIN, .depth = 2});
    assert_int_equal(feed_finish(&f), ERR_FORMAT);
    capstate_free(&f.s);
}

/* --- objects --- */

static void capabilities_to_one_object_are_chained_in_order(void **state)
{
    const struct capstate *s = state_of(state);
    int32_t ep = capstate_object_at(s, EP);
    assert_int_equal(s->objects[ep].caps, 2);
    assert_int_equal(s->objects[ep].first_slot, 7);
    assert_int_equal(s->slots[7].next_same, 8);
    assert_int_equal(s->slots[8].next_same, -1);
    assert_int_equal(s->objects[ep].detail, 0);
}

static void objects_are_unique_and_sorted(void **state)
{
    const struct capstate *s = state_of(state);
    for (uint32_t i = 1; i < s->object_count; i++)
        assert_true(capstate_object_compare(&s->objects[i - 1], &s->objects[i]) < 0);
    /* untyped, 2 cnodes, 2 tcbs, ep, ntfn, frame, pd, irq control, irq handler, device untyped */
    assert_int_equal(s->object_count, 12);
}

static void reply_capabilities_refer_to_their_thread(void **state)
{
    const struct capstate *s = state_of(state);
    int32_t tcb = capstate_object_at(s, GUEST_TCB);
    assert_int_equal(s->objects[tcb].type, RECORD_CAP_TCB);
    assert_int_equal(s->slots[slot_at(s, ROOT_TCB + 48)].object, tcb);
    assert_int_equal(s->objects[tcb].caps, 3);
    assert_int_equal(capstate_thread_of(s, tcb), 1);
}

static void a_reply_to_a_dying_thread_refers_to_its_zombie(void **state)
{
    (void)state;
    struct feed f;
    feed_begin(&f);
    feed_slot(&f, (struct record_slot){.addr = 0x1000,
                                       .type = RECORD_CAP_ZOMBIE,
                                       .object = GUEST_TCB,
                                       .bits = 9,
                                       .data = 3,
                                       .flags = RECORD_SLOT_TCB_ZOMBIE});
    feed_slot(&f, (struct record_slot){.addr = GUEST_TCB + 32,
                                       .type = RECORD_CAP_REPLY,
                                       .object = GUEST_TCB,
                                       .flags = RECORD_SLOT_MASTER});
    assert_int_equal(feed_finish(&f), ERR_OK);
    assert_int_equal(f.s.object_count, 1);
    assert_int_equal(f.s.slots[1].object, f.s.slots[0].object);
    assert_int_equal(f.s.slots[1].holder, f.s.slots[0].object);
    char buf[100];
    assert_string_equal(capstate_slot_text(&f.s, 0, buf, sizeof(buf)),
                        "zombie tcb 0x80100600 3 slots left");
    f.s.slots[0].rec.data = 1;
    assert_string_equal(capstate_slot_text(&f.s, 0, buf, sizeof(buf)),
                        "zombie tcb 0x80100600 1 slot left");
    assert_string_equal(capstate_place_text(&f.s, 1, buf, sizeof(buf)), "zombie 0x80100600 reply");
    capstate_free(&f.s);
}

/* What is left in a CNode that is half emptied goes with it, in the step that the CNode is. */
static void a_dying_cnode_is_one_step_with_what_it_holds(void **state)
{
    enum { CNODE = 0x80110000 };
    (void)state;
    struct feed f;
    struct toll toll;
    feed_begin(&f);
    feed_slot(&f, (struct record_slot){
                      .addr = 0x1000, .type = RECORD_CAP_UNTYPED, .object = CNODE, .bits = 16});
    feed_slot(&f, (struct record_slot){.addr = 0x1010,
                                       .depth = 1,
                                       .type = RECORD_CAP_ZOMBIE,
                                       .object = CNODE,
                                       .bits = 8,
                                       .data = 9});
    for (uint32_t i = 0; i < 3; i++)
        feed_slot(&f, (struct record_slot){.addr = CNODE + 16 * i,
                                           .depth = 1,
                                           .type = RECORD_CAP_ENDPOINT,
                                           .object = CNODE + 0x1000,
                                           .bits = 4});
    feed_slot(&f, (struct record_slot){.addr = 0x1020,
                                       .depth = 1,
                                       .type = RECORD_CAP_ENDPOINT,
                                       .object = CNODE + 0x1000,
                                       .bits = 4});
    assert_int_equal(feed_finish(&f), ERR_OK);
    assert_int_equal(toll_of(&f.s, 0, NULL, &toll), ERR_OK);
    assert_int_equal(toll.steps, 2);
    assert_int_equal(toll.caps, 5);
    capstate_free(&f.s);
}

static void object_at_prefers_the_child_to_its_untyped(void **state)
{
    const struct capstate *s = state_of(state);
    int32_t o = capstate_object_at(s, BASE);
    assert_int_equal(s->objects[o].type, RECORD_CAP_CNODE);
    assert_int_equal(capstate_object_at(s, BASE + 4), -1);
    o = capstate_object_at(s, 0x43f00000);
    assert_int_equal(s->objects[o].type, RECORD_CAP_UNTYPED);
    assert_int_equal(capstate_object_at(s, 29), -1); /* an interrupt is no address */
}

static void object_holding_finds_the_innermost(void **state)
{
    const struct capstate *s = state_of(state);
    assert_int_equal(capstate_object_holding(s, FRAME + 0xfff), capstate_object_at(s, FRAME));
    assert_int_equal(capstate_object_holding(s, GUEST_CNODE + 20),
                     capstate_object_at(s, GUEST_CNODE));
    int32_t o = capstate_object_holding(s, BASE + 0xf0000);
    assert_int_equal(s->objects[o].type, RECORD_CAP_UNTYPED);
    assert_int_equal(capstate_object_holding(s, BASE - 1), -1);
    assert_int_equal(capstate_object_holding(s, BASE + 0x100000), -1);
    assert_int_equal(capstate_object_holding(s, 29), -1);
}

static void memory_at_the_top_does_not_wrap(void **state)
{
    (void)state;
    struct feed f;
    feed_begin(&f);
    feed_slot(&f,
              (struct record_slot){
                  .addr = 0x1000, .type = RECORD_CAP_UNTYPED, .object = 0xfff00000, .bits = 20});
    feed_slot(&f, (struct record_slot){.addr = 0x1010,
                                       .depth = 1,
                                       .type = RECORD_CAP_FRAME,
                                       .object = 0xfffff000,
                                       .bits = 12});
    feed_slot(&f, (struct record_slot){
                      .addr = 0x1020, .type = RECORD_CAP_UNTYPED, .object = 0, .bits = 32});
    assert_int_equal(feed_finish(&f), ERR_OK);
    int32_t o = capstate_object_holding(&f.s, 0xffffffff);
    assert_int_equal(f.s.objects[o].type, RECORD_CAP_FRAME);
    o = capstate_object_holding(&f.s, 5);
    assert_int_equal(f.s.objects[o].bits, 32);
    capstate_free(&f.s);
}

/* --- holders, threads --- */

static void holders_follow_from_addresses(void **state)
{
    const struct capstate *s = state_of(state);
    const struct capstate_slot *slot = &s->slots[8];
    assert_int_equal(slot->holder, capstate_object_at(s, GUEST_CNODE));
    assert_int_equal(slot->index, 14);
    slot = &s->slots[12];
    assert_int_equal(slot->holder, capstate_object_at(s, GUEST_TCB));
    assert_int_equal(slot->index, TCB_VSPACE);
    assert_int_equal(s->slots[14].holder, -1);
}

static void threads_know_their_spaces(void **state)
{
    const struct capstate *s = state_of(state);
    assert_int_equal(capstate_thread_cspace(s, 1), capstate_object_at(s, GUEST_CNODE));
    assert_int_equal(capstate_thread_vspace(s, 1), capstate_object_at(s, PD));
    assert_int_equal(capstate_thread_vspace(s, 0), -1);
    assert_int_equal(capstate_thread_cspace(s, 2), -1);
    assert_int_equal(capstate_thread_cspace(s, 99), -1);
    assert_int_equal(s->threads[2].object, -1); /* nobody holds the idle thread */
}

static void threads_are_found_by_their_escaped_name(void **state)
{
    const struct capstate *s = state_of(state);
    assert_int_equal(capstate_thread_named(s, "root"), 0);
    assert_int_equal(capstate_thread_named(s, "guest/in\\x1bit"), 1);
    assert_int_equal(capstate_thread_named(s, "idle"), 2);
    assert_int_equal(capstate_thread_named(s, "guest"), -1);
    assert_int_equal(capstate_thread_named(s, "zzz"), -1);
}

/* --- text --- */

static void every_capability_has_a_line(void **state)
{
    static const char *const expected[SMALL_SLOTS] = {
        "untyped 0x80100000 1M used 36K",
        "cnode 0x80100000 16 slots guard 0x0/28",
        "cnode 0x80100000 16 slots guard 0x0/28",
        "cnode 0x80100100 16 slots guard 0x5/20",
        "cnode 0x80100100 16 slots guard 0x5/20",
        "tcb 0x80100400 root",
        "tcb 0x80100600 guest/in\\x1bit",
        "endpoint 0x80100800 rwgp",
        "endpoint 0x80100800 badge 7 wg",
        "frame 0x80102000 4K rw",
        "frame 0x80102000 4K r at 0x00010000 asid 5",
        "pagedir 0x80104000 asid 5",
        "pagedir 0x80104000 asid 5",
        "notification 0x80100810 rw",
        "notification 0x80100810 badge 1 rw",
        "reply master of guest/in\\x1bit",
        "reply to guest/in\\x1bit",
        "irqcontrol",
        "irqhandler 29",
        "untyped 0x43f00000 1M used 0B device",
    };
    const struct capstate *s = state_of(state);
    char buf[256];
    for (int32_t i = 0; i < SMALL_SLOTS; i++)
        assert_string_equal(capstate_slot_text(s, i, buf, sizeof(buf)), expected[i]);
    assert_string_equal(capstate_slot_text(s, -1, buf, sizeof(buf)), "none");
}

static void every_place_has_a_line(void **state)
{
    static const struct {
        uint32_t addr;
        const char *text;
    } expected[] = {
        {CNODE_SLOT(ROOT_CNODE, 1), "root cnode[1]"},
        {CNODE_SLOT(GUEST_CNODE, 14), "guest/in\\x1bit cnode[14]"},
        {GUEST_TCB, "tcb guest/in\\x1bit cspace"},
        {GUEST_TCB + 16, "tcb guest/in\\x1bit vspace"},
        {ROOT_TCB + 48, "tcb root caller"},
        {IRQ_SLOTS + 29 * 16, "irq 29"},
    };
    const struct capstate *s = state_of(state);
    char buf[256];
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_string_equal(capstate_place_text(s, slot_at(s, expected[i].addr), buf, sizeof(buf)),
                            expected[i].text);
}

static void objects_have_a_line(void **state)
{
    const struct capstate *s = state_of(state);
    char buf[256];
    int32_t o = capstate_object_at(s, GUEST_TCB);
    assert_string_equal(capstate_object_text(s, o, buf, sizeof(buf)),
                        "tcb 0x80100600 guest/in\\x1bit");
    o = s->slots[18].object;
    assert_string_equal(capstate_object_text(s, o, buf, sizeof(buf)), "irqhandler 29");
    o = capstate_object_at(s, FRAME);
    assert_string_equal(capstate_object_text(s, o, buf, sizeof(buf)), "frame 0x80102000 4K");
}

static void text_is_cut_at_the_buffer(void **state)
{
    const struct capstate *s = state_of(state);
    char buf[16];
    memset(buf, 'x', sizeof(buf));
    capstate_slot_text(s, 1, buf, 10);
    assert_string_equal(buf, "cnode 0x8");
    assert_int_equal(buf[10], 'x');
}

static void assert_cut(const char *cut, size_t size, const char *whole)
{
    assert_int_equal(cut[size], 'x');
    assert_int_equal(strlen(cut), strlen(whole) < size ? strlen(whole) : size - 1);
    assert_memory_equal(cut, whole, strlen(cut));
}

/* Wherever in a line that is. */
static void text_of_any_size_is_the_beginning_of_the_whole(void **state)
{
    const struct capstate *s = state_of(state);
    char whole[100];
    char cut[100];
    for (int32_t i = 0; i < (int32_t)s->slot_count; i++)
        for (size_t size = 1; size < sizeof(cut); size++) {
            memset(cut, 'x', sizeof(cut));
            capstate_slot_text(s, i, cut, size);
            assert_cut(cut, size, capstate_slot_text(s, i, whole, sizeof(whole)));
            memset(cut, 'x', sizeof(cut));
            capstate_place_text(s, i, cut, size);
            assert_cut(cut, size, capstate_place_text(s, i, whole, sizeof(whole)));
        }
}

/* --- refusals --- */

static void counts_must_agree(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct feed f;
        feed_small(&f);
        f.end.slots += kind == 0;
        f.end.threads += kind == 1;
        f.end.mappings -= kind == 2;
        f.end.records -= kind == 3;
        assert_int_equal(feed_finish(&f), ERR_TRUNCATED);
        capstate_free(&f.s);
    }
}

static void a_snapshot_without_end_is_truncated(void **state)
{
    (void)state;
    struct capstate s;
    capstate_init(&s);
    assert_int_equal(capstate_finish(&s), ERR_TRUNCATED);
    capstate_free(&s);
    struct feed f;
    feed_small(&f);
    assert_int_equal(capstate_finish(&f.s), ERR_TRUNCATED);
    capstate_free(&f.s);
}

static void records_outside_a_snapshot_are_refused(void **state)
{
    (void)state;
    struct record slot = {.kind = RECORD_SLOT};
    struct record finding = {.kind = RECORD_FINDING};
    struct capstate s;
    capstate_init(&s);
    assert_int_equal(capstate_add(&s, &slot), ERR_FORMAT);
    capstate_free(&s);
    struct feed f;
    feed_small(&f);
    assert_int_equal(feed_finish(&f), ERR_OK);
    assert_int_equal(capstate_add(&f.s, &slot), ERR_FORMAT);
    assert_int_equal(capstate_add(&f.s, &finding), ERR_OK);
    assert_int_equal(f.s.finding_count, 1);
    capstate_free(&f.s);
}

static void another_format_is_refused(void **state)
{
    (void)state;
    struct capstate s;
    capstate_init(&s);
    struct record r = {.kind = RECORD_SNAPSHOT, .snapshot = {.format = RECORD_FORMAT + 1}};
    assert_int_equal(capstate_add(&s, &r), ERR_VERSION);
    capstate_free(&s);
}

/* How many ASIDs a pool has follows from it, for one. */
static void words_of_odd_sizes_are_refused(void **state)
{
    static const uint32_t odd[] = {1, 4, 7, 8, 16, 31, 33, 63, 65, UINT32_MAX};
    static const uint32_t good[] = {0, 32, 64};
    struct record r = {.kind = RECORD_SNAPSHOT};
    struct capstate s;
    (void)state;
    r.snapshot.format = RECORD_FORMAT;
    capstate_init(&s);
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        r.snapshot.word_bits = odd[i];
        assert_int_equal(capstate_add(&s, &r), ERR_FORMAT);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        r.snapshot.word_bits = good[i];
        assert_int_equal(capstate_add(&s, &r), ERR_OK);
    }
    capstate_free(&s);
}

static void impossible_slots_are_refused(void **state)
{
    (void)state;
    struct feed f;
    feed_begin(&f);
    struct record r = {.kind = RECORD_SLOT, .slot = {.bits = 64}};
    assert_int_equal(capstate_add(&f.s, &r), ERR_FORMAT);
    capstate_free(&f.s);
}

static void a_second_snapshot_record_begins_anew(void **state)
{
    (void)state;
    struct feed f;
    feed_small(&f);
    f.end = (struct record_end){.complete = 1};
    feed_put(&f, &(struct record){.kind = RECORD_SNAPSHOT, .snapshot = {.format = RECORD_FORMAT}});
    assert_int_equal(feed_finish(&f), ERR_OK);
    assert_int_equal(f.s.slot_count, 0);
    assert_int_equal(f.s.thread_count, 0);
    assert_int_equal(capstate_slot_at(&f.s, ROOT_TCB), -1);
    assert_int_equal(capstate_object_holding(&f.s, ROOT_TCB), -1);
    assert_int_equal(capstate_thread_named(&f.s, "root"), -1);
    capstate_free(&f.s);
}

/* Objects that overlap in every way: look-ups must stay in range and end. */
static void overlapping_objects_do_no_harm(void **state)
{
    (void)state;
    struct feed f;
    feed_begin(&f);
    srand(7);
    for (uint32_t i = 0; i < 5000; i++) {
        struct record_slot slot = {.addr = (uint32_t)rand() % 0x8000 & ~15u,
                                   .type = (uint32_t)rand() % RECORD_CAP_TYPES,
                                   .object = (uint32_t)rand() % 0x8000,
                                   .bits = (uint32_t)rand() % 16,
                                   .data = (uint32_t)rand() % 64};
        feed_slot(&f, slot);
    }
    feed_thread(&f, 0x100, "a");
    feed_thread(&f, 0x100, "a");
    assert_int_equal(feed_finish(&f), ERR_OK);
    char buf[300];
    for (uint32_t addr = 0; addr < 0x9000; addr += 7) {
        int32_t o = capstate_object_holding(&f.s, addr);
        assert_true(o < (int32_t)f.s.object_count);
        assert_true(o < 0 || capstate_object_covers(&f.s.objects[o], addr));
    }
    for (int32_t i = 0; i < (int32_t)f.s.slot_count; i++) {
        capstate_slot_text(&f.s, i, buf, sizeof(buf));
        capstate_place_text(&f.s, i, buf, sizeof(buf));
    }
    capstate_free(&f.s);
}

/* --- memory --- */

static int allocations_left;

static void *failing_realloc(void *old, size_t size)
{
    return allocations_left-- > 0 ? realloc(old, size) : NULL;
}

static enum error build_with(int allocations, struct capstate *s)
{
    allocations_left = allocations;
    struct record r = {.kind = RECORD_SNAPSHOT, .snapshot = {.format = RECORD_FORMAT}};
    enum error e = capstate_add(s, &r);
    for (unsigned i = 0; e == ERR_OK && i < SMALL_SLOTS; i++) {
        r = (struct record){.kind = RECORD_SLOT, .slot = small_system[i]};
        e = capstate_add(s, &r);
    }
    r = (struct record){.kind = RECORD_THREAD, .thread = {.addr = ROOT_TCB}};
    if (e == ERR_OK)
        e = capstate_add(s, &r);
    r = (struct record){.kind = RECORD_IRQ};
    if (e == ERR_OK)
        e = capstate_add(s, &r);
    r = (struct record){.kind = RECORD_END,
                        .end = {.slots = SMALL_SLOTS, .threads = 1, .records = SMALL_SLOTS + 4}};
    if (e == ERR_OK)
        e = capstate_add(s, &r);
    return e == ERR_OK ? capstate_finish(s) : e;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    int allocations = 0;
    enum error e = ERR_NO_MEMORY;
    capstate_realloc = failing_realloc;
    for (; e != ERR_OK; allocations++) {
        struct capstate s;
        capstate_init(&s);
        e = build_with(allocations, &s);
        assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
        capstate_free(&s);
        assert_true(allocations < 100);
    }
    capstate_realloc = realloc;
    assert_true(allocations > 9);
}

/* --- differences --- */

struct seen {
    char text[1000];
};

static void see(void *ctx, enum capstate_change change, const struct capstate_slot *before,
                const struct capstate_slot *after)
{
    static const char *const names[] = {"added",  "removed", "replaced",
                                        "rights", "moved",   "updated"};
    struct seen *seen = ctx;
    size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof(seen->text) - n, "%s %" PRIx64 " %" PRIx64 "\n", names[change],
             before ? before->rec.addr : 0, after ? after->rec.addr : 0);
}

static void diff_tells_each_kind_of_change_once(void **state)
{
    const struct capstate *a = state_of(state);
    struct feed f;
    feed_begin(&f);
    for (unsigned i = 0; i < SMALL_SLOTS; i++) {
        struct record_slot slot = small_system[i];
        if (i == 0)
            slot.data += 0x1000; /* watermark */
        if (i == 8)
            slot.addr = CNODE_SLOT(GUEST_CNODE, 2); /* moved */
        if (i == 9)
            slot.rights = 2;
        if (i == 18)
            slot.data = 30; /* another interrupt */
        if (i != 13)        /* removed */
            feed_slot(&f, slot);
    }
    feed_slot(&f,
              (struct record_slot){.addr = CNODE_SLOT(ROOT_CNODE, 13), .type = RECORD_CAP_DOMAIN});
    assert_int_equal(feed_finish(&f), ERR_OK);
    struct seen seen = {""};
    assert_int_equal(capstate_diff(a, &f.s, see, &seen), ERR_OK);
    assert_string_equal(seen.text, "updated 80100010 80100010\n"
                                   "rights 80100070 80100070\n"
                                   "removed 80100090 0\n"
                                   "replaced 801000b0 801000b0\n"
                                   "added 0 801000d0\n"
                                   "moved 801001e0 80100120\n");
    seen = (struct seen){""};
    assert_int_equal(capstate_diff(a, a, see, &seen), ERR_OK);
    assert_string_equal(seen.text, "");
    capstate_free(&f.s);
}

static void diff_without_memory_says_so(void **state)
{
    const struct capstate *a = state_of(state);
    struct seen seen = {""};
    capstate_realloc = failing_realloc;
    for (int n = 0; n < 3; n++) {
        allocations_left = n;
        assert_int_equal(capstate_diff(a, a, see, &seen), ERR_NO_MEMORY);
    }
    capstate_realloc = realloc;
    assert_string_equal(seen.text, "");
}

/* --- size --- */

static void two_hundred_thousand_slots_build_in_seconds(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct feed f;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    feed_begin(&f);
    feed_slot(
        &f, (struct record_slot){
                .addr = 0x80000010, .type = RECORD_CAP_UNTYPED, .object = 0x80000000, .bits = 27});
    feed_slot(&f, (struct record_slot){.addr = 0x80000020,
                                       .depth = 1,
                                       .type = RECORD_CAP_CNODE,
                                       .object = 0x80000000,
                                       .bits = 22});
    for (uint32_t i = 2; i < MANY; i++) /* a copy of a copy: as deep as it gets */
        feed_slot(&f, (struct record_slot){.addr = 0x80000010 + i * 16,
                                           .depth = i,
                                           .type = RECORD_CAP_FRAME,
                                           .object = 0x81000000 + (i % 1000) * 4096,
                                           .bits = 12});
    assert_int_equal(feed_finish(&f), ERR_OK);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(f.s.slots[MANY - 1].parent, MANY - 2);
    assert_int_equal(f.s.slots[MANY - 1].holder, f.s.slots[1].object);
    assert_int_equal(f.s.object_count, 1002);
    assert_true(end.tv_sec - begin.tv_sec < 10);
    capstate_free(&f.s);
}

static void an_amount_reads_as_it_is_written(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *exact, *brief;
    } cases[] = {
        {0, "0B", "0B"},
        {12, "12B", "12B"},
        {1023, "1023B", "1023B"},
        {1024, "1K", "1K"},
        {1536, "1536B", "1.5K"},
        {1025 * 1024, "1025K", "1.0M"},
        {53 * 1024 + 1, "54273B", "53K"},
        {1ull << 31, "2G", "2G"},
        {UINT64_MAX, "18446744073709551615B", "15E"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[SIZE_TEXT];
        uint64_t back = 1;
        assert_string_equal(size_exact(cases[i].bytes, text), cases[i].exact);
        assert_true(size_read(text, &back));
        assert_int_equal(back, cases[i].bytes);
        assert_string_equal(size_short(cases[i].bytes, text), cases[i].brief);
    }
}

static void what_is_no_amount_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "K", "-1", " 4K", "4k", "4KK", "4Kx", "4X", "0x", "16E", "18446744073709551616"};
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(size_read(wrong[i], &bytes));
    assert_true(size_read("0x10K", &bytes));
    assert_int_equal(bytes, 16384);
}

/* --- places of frames --- */

static struct record_slot frame_at(uint32_t slot, uint32_t frame, uint32_t asid, uint32_t vaddr)
{
    return (struct record_slot){.addr = slot,
                                .type = RECORD_CAP_FRAME,
                                .object = frame,
                                .bits = 12,
                                .rights = RECORD_RIGHT_READ,
                                .extra = asid,
                                .data = vaddr};
}

static void feed_page(struct feed *f, uint32_t asid, uint32_t vaddr, uint32_t frame)
{
    feed_put(f, &(struct record){.kind = RECORD_MAPPING,
                                 .mapping = {.dir = 0x80100000 + asid * 0x4000,
                                             .asid = asid,
                                             .vaddr = vaddr,
                                             .frame = frame,
                                             .bits = 12}});
}

/* Slots 0 to 5: at its place; overwritten there; in a space that is gone; in another space than the
 * one that shows it; never mapped; at its place in a space whose translations stand out of order. */
static void feed_places(struct feed *f, uint32_t complete)
{
    feed_begin(f);
    f->end.complete = complete;
    feed_slot(f, frame_at(0x1000, 0x80010000, 1, 0x10000));
    feed_slot(f, frame_at(0x1010, 0x80020000, 1, 0x20000));
    feed_slot(f, frame_at(0x1020, 0x80030000, 9, 0x10000));
    feed_slot(f, frame_at(0x1030, 0x80040000, 1, 0x40000));
    feed_slot(f, frame_at(0x1040, 0x80050000, 0, 0));
    feed_slot(f, frame_at(0x1050, 0x80060000, 3, 0x10000));
    feed_page(f, 1, 0x10000, 0x80010000);
    feed_page(f, 1, 0x20000, 0x80021000);
    feed_page(f, 2, 0x40000, 0x80040000);
    feed_page(f, 3, 0x30000, 0x80061000);
    feed_page(f, 3, 0x10000, 0x80060000);
    assert_int_equal(feed_finish(f), ERR_OK);
}

static void a_frame_whose_place_another_took_is_shown_as_stale(void **state)
{
    static const bool stale[] = {false, true, true, true, false, false};
    struct feed f;
    char text[100];
    (void)state;
    feed_places(&f, 1);
    for (int32_t i = 0; i < 6; i++) {
        assert_int_equal(capstate_is_stale(&f.s, &f.s.slots[i].rec), stale[i]);
        capstate_slot_text(&f.s, i, text, sizeof(text));
        assert_int_equal(!!strstr(text, " (stale)"), stale[i]);
    }
    capstate_free(&f.s);
}

static void an_incomplete_snapshot_calls_no_frame_stale(void **state)
{
    struct feed f;
    (void)state;
    feed_places(&f, 0);
    for (int32_t i = 0; i < 6; i++)
        assert_false(capstate_is_stale(&f.s, &f.s.slots[i].rec));
    capstate_free(&f.s);
}

int main(void)
{
#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_whose_place_another_took_is_shown_as_stale),
        cmocka_unit_test(an_incomplete_snapshot_calls_no_frame_stale),
        cmocka_unit_test(an_amount_reads_as_it_is_written),
        cmocka_unit_test(what_is_no_amount_is_refused),
        WITH_STATE(parents_follow_from_depths),
        WITH_STATE(next_is_the_end_of_the_subtree),
        cmocka_unit_test(a_depth_that_skips_a_level_is_refused),
        WITH_STATE(capabilities_to_one_object_are_chained_in_order),
        WITH_STATE(objects_are_unique_and_sorted),
        WITH_STATE(reply_capabilities_refer_to_their_thread),
        cmocka_unit_test(a_reply_to_a_dying_thread_refers_to_its_zombie),
        cmocka_unit_test(a_dying_cnode_is_one_step_with_what_it_holds),
        WITH_STATE(object_at_prefers_the_child_to_its_untyped),
        WITH_STATE(object_holding_finds_the_innermost),
        cmocka_unit_test(memory_at_the_top_does_not_wrap),
        WITH_STATE(holders_follow_from_addresses),
        WITH_STATE(threads_know_their_spaces),
        WITH_STATE(threads_are_found_by_their_escaped_name),
        WITH_STATE(every_capability_has_a_line),
        WITH_STATE(every_place_has_a_line),
        WITH_STATE(objects_have_a_line),
        WITH_STATE(text_is_cut_at_the_buffer),
        WITH_STATE(text_of_any_size_is_the_beginning_of_the_whole),
        cmocka_unit_test(counts_must_agree),
        cmocka_unit_test(a_snapshot_without_end_is_truncated),
        cmocka_unit_test(records_outside_a_snapshot_are_refused),
        cmocka_unit_test(another_format_is_refused),
        cmocka_unit_test(words_of_odd_sizes_are_refused),
        cmocka_unit_test(impossible_slots_are_refused),
        cmocka_unit_test(a_second_snapshot_record_begins_anew),
        cmocka_unit_test(overlapping_objects_do_no_harm),
        cmocka_unit_test(every_failing_allocation_is_reported),
        WITH_STATE(diff_tells_each_kind_of_change_once),
        WITH_STATE(diff_without_memory_says_so),
        cmocka_unit_test(two_hundred_thousand_slots_build_in_seconds),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
