/* Every question about every thread and every slot of every recorded mainline system, of random
 * systems, and of both with nonsense in their threads: each is answered in lines that can be shown,
 * and under the sanitizers.  And the sentences that threads of the recorded systems must get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "facts/leak.h"
#include "facts/retype.h"
#include "facts/waiting.h"
#include "facts/why.h"
#include "objwalk/sel4/records.h"
#include "tests/unit/random_system.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_ROUNDS = 60, NONSENSE_ROUNDS = 6, DEEPEST = 90 };

/* --- systems --- */

static enum error take(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

static void load(const char *name, struct capstate *c)
{
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_state s;
    uint8_t *elf;
    fixture_load(&f, name, true);
    fixture_attach(&f, &k, &elf);
    memset(&s, 0, sizeof(s));
    assert_int_equal(sel4_walk(&k, &s), ERR_OK);
    capstate_init(c);
    assert_int_equal(sel4_records(&k, &s, true, take, c), ERR_OK);
    assert_int_equal(capstate_finish(c), ERR_OK);
    sel4_state_fini(&s);
    fixture_close(&k, elf);
    fixture_free(&f);
}

/* --- every question --- */

static void check_lines(const struct why *w, const char *question)
{
    if (w->count == 0 || w->status == WHY_NO_MEMORY)
        fail_msg("%s: no answer", question);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct why_line *l = &w->lines[i];
        bool first = l->depth == 0 || i > 0;
        if (!first || l->depth > DEEPEST || l->text[0] == '\0' || strstr(l->text, "(null)"))
            fail_msg("%s: line %u of depth %u: '%s'", question, i, l->depth, l->text);
        for (const char *c = l->text; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                fail_msg("%s: unprintable: '%s'", question, l->text);
    }
}

static void ask_access(const struct authority *a, int32_t thread)
{
    static const uint64_t places[] = {0,      1,          15,         0x40000000, 0xfffffff0,
                                      0xffff, 0x80000001, 0xdeadbeef, UINT64_MAX, 1ull << 63};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        struct why w;
        why_init(&w);
        why_denied(a, thread, places[i], &w);
        check_lines(&w, "why-denied");
        why_free(&w);
        why_init(&w);
        why_virtual(a->state, thread, places[i], 0, &w);
        check_lines(&w, "a virtual address");
        why_free(&w);
    }
}

static void ask_threads(const struct authority *a)
{
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        struct why w;
        why_init(&w);
        why_not_running(a->state, (int32_t)i, &w);
        check_lines(&w, "why-not-running");
        why_free(&w);
        why_init(&w);
        why_fault(a->state, (int32_t)i, &w);
        check_lines(&w, "why-fault");
        why_free(&w);
        ask_access(a, (int32_t)i);
    }
}

static void ask_slot(const struct capstate *s, int32_t slot)
{
    static const uint32_t sizes[] = {0, 4, 12, 16, 21, 31, 47, 63, 64, UINT32_MAX};
    static const uint64_t counts[] = {0, 1, 256, 257, UINT64_MAX};
    struct retype_plan p;
    for (uint32_t type = 0; type <= RECORD_CAP_TYPES; type++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
            for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++)
                if (retype_plan(s, slot, type, sizes[i], counts[k], &p) == ERR_OK) {
                    assert_true(p.rule < RETYPE_RULES);
                    assert_true(p.rule != RETYPE_ALLOWED || p.left <= p.free);
                    assert_non_null(retype_rule_sentence(p.rule));
                }
}

static void ask_all(const struct capstate *s)
{
    struct authority a;
    struct leak *leaks;
    uint32_t count;
    bool *stuck = calloc(s->thread_count + 1, sizeof(*stuck));
    assert_int_equal(authority_build(s, &(struct authority_rules){0}, &a), ERR_OK);
    ask_threads(&a);
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (i < 200 || s->slots[i].rec.type == RECORD_CAP_UNTYPED)
            ask_slot(s, (int32_t)i);
    assert_int_equal(why_stuck(s, stuck), ERR_OK);
    assert_int_equal(leak_find(&a, &leaks, &count), ERR_OK);
    free(leaks);
    free(stuck);
    authority_free(&a);
}

/* What somebody's broken kernel might say of a thread. */
static void spoil(struct capstate *s)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct record_thread *t = &s->threads[i].rec;
        const struct record_thread *other = &s->threads[random_pick(s->thread_count)].rec;
        t->state = random_pick(12);
        t->fault = random_pick(12);
        t->fault_addr = (uint64_t)random_pick(UINT32_MAX) << random_pick(33);
        t->fault_handler = random_pick(2) ? t->fault_addr : random_pick(64);
        t->fault_detail = random_pick(UINT32_MAX);
        t->current = random_pick(4) == 0;
        t->release = random_pick(3);
        t->priority = random_pick(300);
        t->node = random_pick(3);
        t->position = random_pick(4);
        t->blocked_on = s->object_count ? s->objects[random_pick(s->object_count)].addr : 0;
        t->sched_context = random_pick(2) ? other->sched_context : random_pick(UINT32_MAX);
        t->reply = random_pick(2) ? other->addr : t->blocked_on;
        t->bound = random_pick(2) ? t->blocked_on : 0;
        t->pc = random_pick(2) ? 0 : t->fault_addr;
    }
}

static void recorded_systems_are_explained_whole(void **state)
{
    (void)state;
    random_seed = 14;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct capstate c;
        load(fixture_names[i], &c);
        ask_all(&c);
        for (unsigned k = 0; k < NONSENSE_ROUNDS; k++) {
            spoil(&c);
            ask_all(&c);
        }
        capstate_free(&c);
    }
}

static void random_systems_are_explained_whole(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < RANDOM_ROUNDS; round++) {
        struct capstate s;
        random_seed = round + 1;
        random_system(&s, round, round % 2);
        ask_all(&s);
        spoil(&s);
        ask_all(&s);
        capstate_free(&s);
    }
}

/* --- what must be said --- */

/* The systems were recorded with the same program: threads of these names, each in its state. */
static const struct {
    const char *thread, *says;
} wanted[] = {
    {"waiter", "waits to receive from endpoint"},
    {"sender", "waits to send through endpoint"},
    {"sender", ", place 2 in the queue"},
    {"caller", "waits to send through endpoint"},
    {"notif", "waits for a signal of notification"},
    {"notif", "rootserver can end that; it is running now"},
    {"client", "client waits for an answer"},
    {"client", "server can end that"},
    {"faulter",
     "faulter has faulted (memory fault at 0x123000) and waits to send through endpoint"},
    {"faulter", "it wanted to write at the address 0x123000"},
    {"faulter", "nothing is mapped at 0x123000: "},
    {"faulter", "to write there it needs a frame mapped at 0x123000"},
    {"faulter", "its fault handler is endpoint"},
    {"spin", "spin is ready at priority 100, but rootserver, which runs, stands above it"},
    {"spin", "rootserver has priority 255"},
    {"bound", "an interrupt can end that"},
    {"rootserver", "rootserver runs"},
    {"suspended", "suspended was never started"},
    {"idle_thread", "the idle thread runs when nobody else can"},
};

static bool says(const struct capstate *c, int32_t thread, const char *needle)
{
    struct why w;
    bool said = false;
    why_init(&w);
    why_not_running(c, thread, &w);
    why_fault(c, thread, &w);
    for (uint32_t i = 0; i < w.count; i++)
        said |= !!strstr(w.lines[i].text, needle);
    for (uint32_t i = 0; i < w.count && !said; i++)
        print_message("# %s\n", w.lines[i].text);
    why_free(&w);
    return said;
}

static void threads_of_recorded_systems_get_their_sentences(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FIXTURES; f++) {
        struct capstate c;
        if (strstr(fixture_names[f], "zombie"))
            continue; /* the same threads, some of them going */
        load(fixture_names[f], &c);
        /* The program lies low in memory there, so that its table covers the address. */
        bool low = strcmp(fixture_names[f], "rv64") == 0;
        int32_t faulter = capstate_thread_named(&c, "faulter");
        assert_true(faulter >= 0);
        assert_true(says(&c, faulter,
                         low ? "the page table is there, its entry is empty"
                             : "a page table is missing, too"));
        for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
            int32_t thread = capstate_thread_named(&c, wanted[i].thread);
            if (thread < 0 || !says(&c, thread, wanted[i].says))
                fail_msg("%s: %s: '%s' is not said", fixture_names[f], wanted[i].thread,
                         wanted[i].says);
        }
        capstate_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_systems_are_explained_whole),
        cmocka_unit_test(random_systems_are_explained_whole),
        cmocka_unit_test(threads_of_recorded_systems_get_their_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
