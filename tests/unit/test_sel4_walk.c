/* Recorded mainline systems, walked and compared field by field with what is known to stand in
 * them; with the members of a TCB from DWARF, and found by the idle thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/vocabulary.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct system {
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_state s;
    uint8_t *elf;
};

static void print_findings(const struct sel4_state *s)
{
    for (uint32_t i = 0; i < s->findings.count && i < 20; i++) {
        const struct sel4_finding *f = SEL4_ITEM(s->findings, struct sel4_finding, i);
        print_message("finding: rule %u addr %" PRIx64 " other %" PRIx64 " value %" PRIx64 "\n",
                      f->rule, f->addr, f->other, f->value);
    }
}

static void begin(struct system *y, const char *name, bool with_dwarf)
{
    fixture_load(&y->f, name, with_dwarf);
    fixture_attach(&y->f, &y->k, &y->elf);
    assert_int_equal(sel4_walk(&y->k, &y->s), ERR_OK);
}

static void end(struct system *y)
{
    sel4_state_fini(&y->s);
    fixture_close(&y->k, y->elf);
    fixture_free(&y->f);
}

/* --- comparing --- */

static void same(const struct system *y, const char *what, uint64_t where, uint64_t got,
                 uint64_t expected)
{
    if (got != expected)
        fail_msg("%s: %s of %" PRIx64 ": got %" PRIx64 ", expected %" PRIx64, y->f.name, what,
                 where, got, expected);
}

static const struct sel4_slot *slot_at(const struct system *y, uint64_t addr, uint32_t *index)
{
    for (uint32_t i = 0; i < y->s.slots.count; i++) {
        if (sel4_state_slot(&y->s, i)->addr == addr) {
            *index = i;
            return sel4_state_slot(&y->s, i);
        }
    }
    fail_msg("%s: slot %" PRIx64 " was not found", y->f.name, addr);
    return NULL;
}

/* Each field of the capability's block by its name; those not named must be 0. */
static void compare_fields(const struct system *y, const struct sel4_slot *s, char **field,
                           size_t n)
{
    const struct sel4_block *b = &y->k.layout.block[s->cap.kind];
    size_t named = 0;
    for (unsigned i = 0; i < b->fields; i++) {
        uint64_t expected = fixture_value(field, n, b->field[i].name, 0);
        same(y, b->field[i].name, s->addr, s->cap.value[b->field[i].role], expected);
        named += expected != 0;
    }
    for (size_t i = 0; i < n; i++)
        named -= strchr(field[i], '=') ? 1 : 0;
    same(y, "fields that no table knows", s->addr, named, 0);
}

static void compare_place(const struct system *y, const struct sel4_slot *s, char **field)
{
    static const char *const kinds[] = {"cnode", "tcb", "zombie", "irqnode"};
    if (strcmp(field[14], "mdb") == 0)
        return; /* known by its neighbours only: whoever finds its container is better */
    if (s->container < 0)
        fail_msg("%s: slot %" PRIx64 " has no container", y->f.name, s->addr);
    const struct sel4_container *c = sel4_state_container(&y->s, (uint32_t)s->container);
    uint64_t base = fixture_hex(field[15]);
    bool dying = c->kind == SEL4_IN_ZOMBIE && strcmp(field[14], "cnode") == 0;
    if (!dying && strcmp(kinds[c->kind], field[14]) != 0)
        fail_msg("%s: slot %" PRIx64 " lies in a %s", y->f.name, s->addr, kinds[c->kind]);
    same(y, "container", s->addr, c->base, base);
    same(y, "index", s->addr, (s->addr - base) >> y->k.layout.slot_bits, fixture_hex(field[16]));
}

static void compare_object(const struct system *y, const struct sel4_slot *s, char **field)
{
    struct sel4_extent x;
    bool has = sel4_cap_extent(&y->k.layout, &s->cap, &x);
    same(y, "object or not", s->addr, has, field[13][0] != '-');
    if (!has)
        return;
    same(y, "size", s->addr, x.bits, fixture_hex(field[13]));
    uint64_t object = s->cap.kind == SEL4_CAP_THREAD ? s->cap.value[SEL4_PTR] : x.base;
    same(y, "object", s->addr, object, fixture_hex(field[12]));
}

static uint64_t parent_addr(const struct system *y, const struct sel4_slot *s)
{
    return s->parent < 0 ? 0 : sel4_state_slot(&y->s, (uint32_t)s->parent)->addr;
}

static void compare_cap(const struct system *y, char **field, size_t n, uint32_t place)
{
    uint64_t addr = fixture_hex(field[1]);
    uint32_t index = 0;
    const struct sel4_slot *s = slot_at(y, addr, &index);
    if (strcmp(sel4_block_name(s->cap.kind), field[2]) != 0)
        fail_msg("%s: slot %" PRIx64 ": got %s, expected %s", y->f.name, addr,
                 sel4_block_name(s->cap.kind), field[2]);
    same(y, "tag", addr, sel4_tag(y->f.arch, s->words[0]), fixture_hex(field[3]));
    for (unsigned i = 0; i < 4; i++)
        same(y, "word", addr, s->words[i], fixture_hex(field[4 + i]));
    same(y, "revocable", addr, s->revocable, fixture_hex(field[8]));
    same(y, "first badged", addr, s->first_badged, fixture_hex(field[9]));
    same(y, "depth", addr, s->depth, fixture_hex(field[10]));
    same(y, "parent", addr, parent_addr(y, s), fixture_hex(field[11]));
    same(y, "place in order", addr, index, place);
    compare_object(y, s, field);
    compare_place(y, s, field);
    compare_fields(y, s, field, n);
}

static void compare_caps(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    uint32_t count = 0;
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "cap", field)) > 0; count++)
        compare_cap(y, field, n, count);
    same(y, "slots", 0, y->s.slots.count, count);
    assert_true(count > 300);
}

/* --- threads --- */

static const char *const member_names[SEL4_TCB_MEMBERS] = {
#define X(NAME, text, words) [SEL4_TCB_##NAME] = text,
    SEL4_TCB_LIST(X)
#undef X
};

static uint32_t state_number(const char *name)
{
    static const char *const names[] = {"Inactive",
                                        "Running",
                                        "Restart",
                                        "BlockedOnReceive",
                                        "BlockedOnSend",
                                        "BlockedOnReply",
                                        "BlockedOnNotification",
                                        "IdleThreadState"};
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    fail_msg("no such state: %s", name);
    return 0;
}

static void compare_value(const struct system *y, char **field, size_t n, uint64_t tcb,
                          const char *name, uint64_t got)
{
    uint64_t expected = fixture_value(field, n, name, UINT64_MAX);
    if (expected != UINT64_MAX)
        same(y, name, tcb, got, expected);
}

static void compare_thread(const struct system *y, char **field, size_t n)
{
    uint64_t tcb = fixture_hex(field[1]);
    const struct sel4_thread *t = NULL;
    for (uint32_t i = 0; i < y->s.threads.count; i++) {
        if (sel4_state_thread(&y->s, i)->tcb == tcb)
            t = sel4_state_thread(&y->s, i);
    }
    if (!t)
        fail_msg("%s: thread %s was not found", y->f.name, field[2]);
    if (strcmp(t->name, field[2]) != 0)
        fail_msg("%s: got name %s, expected %s", y->f.name, t->name, field[2]);
    same(y, "state", tcb, t->state, state_number(field[3]));
    for (unsigned i = 0; i < 3; i++)
        same(y, "state word", tcb, t->state_word[i], fixture_hex(field[4 + i]));
    same(y, "fault", tcb, t->fault[0], fixture_hex(field[7]));
    same(y, "fault", tcb, t->fault[1], fixture_hex(field[8]));
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++)
        compare_value(y, field, n, tcb, member_names[m], t->member[m]);
    compare_value(y, field, n, tcb, "blockingObject", t->blocking_object);
    compare_value(y, field, n, tcb, "blockingIPCBadge", t->badge);
    compare_value(y, field, n, tcb, "blockingIPCCanGrant", t->can_grant);
    compare_value(y, field, n, tcb, "blockingIPCCanGrantReply", t->can_grant_reply);
    compare_value(y, field, n, tcb, "blockingIPCIsCall", t->is_call);
    compare_value(y, field, n, tcb, "tcbQueued", t->queued);
    compare_value(y, field, n, tcb, "replyObject", t->reply_object);
}

/* The idle thread of 12.0 lies in no aligned block: the recording has it half a block too high. */
static bool is_misread(const struct system *y, char **field)
{
    return strcmp(y->f.name, "a64v12") == 0 && strcmp(field[2], "idle_thread") == 0;
}

static void compare_threads(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    uint32_t count = 0;
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "thread", field)) > 0; count++) {
        if (!is_misread(y, field))
            compare_thread(y, field, n);
    }
    same(y, "threads", 0, y->s.threads.count, count);
    assert_int_equal(count, 12);
}

/* --- objects --- */

static void compare_endpoints(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    uint32_t count = 0;
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "endpoint", field)) > 0; count++) {
        uint64_t addr = fixture_hex(field[1]);
        const struct sel4_endpoint *e = NULL;
        for (uint32_t i = 0; i < y->s.endpoints.count; i++) {
            const struct sel4_endpoint *it = SEL4_ITEM(y->s.endpoints, struct sel4_endpoint, i);
            e = it->addr == addr ? it : e;
        }
        assert_non_null(e);
        compare_value(y, field, n, addr, "state", e->state);
        compare_value(y, field, n, addr, "epQueue_head", e->head);
        compare_value(y, field, n, addr, "epQueue_tail", e->tail);
        assert_true(e->waiters > 0);
    }
    assert_int_equal(count, 3);
}

static void compare_notifications(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    uint32_t count = 0;
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "notification", field)) > 0; count++) {
        uint64_t addr = fixture_hex(field[1]);
        const struct sel4_notification *e = NULL;
        for (uint32_t i = 0; i < y->s.notifications.count; i++) {
            const struct sel4_notification *it =
                SEL4_ITEM(y->s.notifications, struct sel4_notification, i);
            e = it->addr == addr ? it : e;
        }
        assert_non_null(e);
        compare_value(y, field, n, addr, "state", e->state);
        compare_value(y, field, n, addr, "ntfnQueue_head", e->head);
        compare_value(y, field, n, addr, "ntfnQueue_tail", e->tail);
        compare_value(y, field, n, addr, "ntfnMsgIdentifier", e->message);
        compare_value(y, field, n, addr, "ntfnBoundTCB", e->bound);
        compare_value(y, field, n, addr, "ntfnSchedContext", e->sched_context);
    }
    assert_int_equal(count, 4);
}

static void compare_replies(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "reply", field)) > 0;) {
        uint64_t addr = fixture_hex(field[1]);
        const struct sel4_reply *r = NULL;
        for (uint32_t i = 0; i < y->s.replies.count; i++) {
            const struct sel4_reply *it = SEL4_ITEM(y->s.replies, struct sel4_reply, i);
            r = it->addr == addr ? it : r;
        }
        assert_non_null(r);
        compare_value(y, field, n, addr, "tcb", r->tcb);
        compare_value(y, field, n, addr, "prev", r->prev);
        compare_value(y, field, n, addr, "next", r->next);
        compare_value(y, field, n, addr, "prevhead", r->prev_is_head);
        compare_value(y, field, n, addr, "nexthead", r->next_is_head);
    }
}

static uint64_t budget(char **field, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const char *amount = strchr(field[i], ':');
        if (strncmp(field[i], "refill=", 7) == 0 && amount)
            sum += fixture_hex(amount + 1);
    }
    return sum;
}

static void compare_contexts(const struct system *y)
{
    static const char *const names[SEL4_SC_MEMBERS] = {
        "scCore",      "scTcb",       "scReply",      "scNotification", "scBadge",
        "scYieldFrom", "scRefillMax", "scRefillHead", "scRefillTail",   "scSporadic"};
    char *field[FIXTURE_FIELDS];
    size_t n = 0;
    for (size_t at = 0; (n = fixture_next(&y->f, &at, "context", field)) > 0;) {
        uint64_t addr = fixture_hex(field[1]);
        const struct sel4_sched_context *c = NULL;
        for (uint32_t i = 0; i < y->s.contexts.count; i++) {
            const struct sel4_sched_context *it =
                SEL4_ITEM(y->s.contexts, struct sel4_sched_context, i);
            c = it->addr == addr ? it : c;
        }
        assert_non_null(c);
        compare_value(y, field, n, addr, "scPeriod", c->period);
        compare_value(y, field, n, addr, "scConsumed", c->consumed);
        for (unsigned m = 0; m < SEL4_SC_MEMBERS; m++)
            compare_value(y, field, n, addr, names[m], c->member[m]);
        same(y, "budget", addr, c->budget, budget(field, n));
    }
}

/* --- address spaces --- */

static unsigned rights_of(const char *text)
{
    unsigned r = 0;
    for (; *text != '\0'; text++)
        r |= *text == 'W' ? 1u : *text == 'R' ? 2u : *text == 'X' ? 4u : 0u;
    return r;
}

static void compare_spaces(const struct system *y)
{
    char *field[FIXTURE_FIELDS];
    uint32_t asids = 0;
    uint32_t maps = 0;
    for (size_t at = 0; fixture_next(&y->f, &at, "asid", field) > 0; asids++) {
        const struct sel4_asid *a = SEL4_ITEM(y->s.asids, struct sel4_asid, asids);
        assert_true(asids < y->s.asids.count);
        same(y, "asid", asids, a->asid, fixture_hex(field[1]));
        same(y, "root", a->asid, a->root, fixture_hex(field[2]));
    }
    for (size_t at = 0; fixture_next(&y->f, &at, "mapping", field) > 0; maps++) {
        const struct sel4_mapping *m = SEL4_ITEM(y->s.mappings, struct sel4_mapping, maps);
        if (maps >= y->s.mappings.count)
            fail_msg("%s: only %u mappings", y->f.name, y->s.mappings.count);
        same(y, "asid", maps, m->asid, fixture_hex(field[1]));
        same(y, "address", maps, m->vaddr, fixture_hex(field[2]));
        same(y, "frame", m->vaddr, m->pa, fixture_hex(field[3]));
        same(y, "size", m->vaddr, m->bits, fixture_hex(field[4]));
        same(y, "entry", m->vaddr, m->raw, fixture_hex(field[6]));
        if (strcmp(field[5], "?") != 0)
            same(y, "rights", m->vaddr, m->rights, rights_of(field[5]));
    }
    same(y, "asids", 0, y->s.asids.count, asids);
    same(y, "mappings", 0, y->s.mappings.count, maps);
}

static void whole(const struct system *y)
{
    print_findings(&y->s);
    same(y, "findings", 0, y->s.findings.count, 0);
    same(y, "complete", 0, y->s.complete, true);
    same(y, "orphans", 0, y->s.orphans, 0);
}

static void each(void (*claim)(const struct system *y))
{
    struct system y;
    for (unsigned i = 0; i < FIXTURES; i++) {
        for (unsigned dwarf = 0; dwarf < 2; dwarf++) {
            begin(&y, fixture_names[i], dwarf == 1);
            claim(&y);
            end(&y);
        }
    }
}

/* --- claims --- */

#define CLAIM(name, function)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        each(function);                                                                            \
    }

CLAIM(every_capability_is_decoded_as_expected, compare_caps)
CLAIM(every_thread_is_decoded_as_expected, compare_threads)
CLAIM(endpoints_are_decoded_as_expected, compare_endpoints)
CLAIM(notifications_are_decoded_as_expected, compare_notifications)
CLAIM(replies_are_decoded_as_expected, compare_replies)
CLAIM(scheduling_contexts_are_decoded_as_expected, compare_contexts)
CLAIM(address_spaces_are_decoded_as_expected, compare_spaces)
CLAIM(a_whole_system_gives_no_findings, whole)

static void a_cnode_that_only_itself_holds_is_found(void **state)
{
    (void)state;
    struct system y;
    uint32_t index = 0;
    begin(&y, "a64", false);
    const struct sel4_slot *s = slot_at(&y, 0xffffff80420400a0, &index);
    assert_true(s->container >= 0);
    const struct sel4_container *c = sel4_state_container(&y.s, (uint32_t)s->container);
    assert_true(c->base == 0xffffff8042040000 && c->kind == SEL4_IN_CNODE && c->slots == 8);
    end(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_capability_is_decoded_as_expected),
        cmocka_unit_test(every_thread_is_decoded_as_expected),
        cmocka_unit_test(endpoints_are_decoded_as_expected),
        cmocka_unit_test(notifications_are_decoded_as_expected),
        cmocka_unit_test(replies_are_decoded_as_expected),
        cmocka_unit_test(scheduling_contexts_are_decoded_as_expected),
        cmocka_unit_test(address_spaces_are_decoded_as_expected),
        cmocka_unit_test(a_whole_system_gives_no_findings),
        cmocka_unit_test(a_cnode_that_only_itself_holds_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
