/* Stopping and stepping a mainline kernel from outside, against a stub that comes by the kernel's
 * functions: arguments by each ABI, a revoke followed to its end, nothing left planted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/sel4.h"
#include "tests/unit/sel4_stub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HITS = 16 };

struct scene {
    struct fixture f;
    struct sel4_stub stub;
    struct stub_hit hit[HITS];
    unsigned hits;
    char elf[64];
    struct attach *a;
    struct record_slot root, child[2]; /* a capability that others derive from */
};

static uint64_t va(const struct scene *s, uint64_t physical)
{
    return physical + s->f.offset;
}

/* The first capability in memory of the window with two below it. */
static void find_root(struct scene *s)
{
    struct capstate c;
    assert_int_equal(attach_snapshot(s->a, &c), ERR_OK);
    assert_int_equal(c.revoke.root, 0);
    for (uint32_t i = 0; i + 2 < c.slot_count; i++) {
        const struct record_slot *r = &c.slots[i].rec, *x = &c.slots[i + 1].rec;
        const struct record_slot *y = &c.slots[i + 2].rec;
        if (x->depth != r->depth + 1 || y->depth <= r->depth || r->type != RECORD_CAP_ENDPOINT)
            continue;
        s->root = *r;
        s->child[0] = *x;
        s->child[1] = *y;
        break;
    }
    capstate_free(&c);
    assert_true(s->root.addr != 0);
}

static void begin_at(struct scene *s, const char *name, bool openocd)
{
    size_t len = 0;
    char message[512];
    memset(s, 0, sizeof(*s));
    fixture_load(&s->f, name, false);
    s->f.zeros = true;
    uint8_t *elf = maker_make(&s->f.maker, &len);
    (void)snprintf(s->elf, sizeof(s->elf), "/tmp/capscope-stop-%d", (int)getpid());
    FILE *file = fopen(s->elf, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(elf, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    free(elf);
    attach_use_kernel(s->elf, NULL);
    s->stub = (struct sel4_stub){.f = &s->f, .physical_mode = !openocd, .openocd = openocd};
    stub_begin(&s->stub);
    if (attach_open(s->stub.target, &s->a, message, sizeof(message)) != ERR_OK)
        fail_msg("%s: %s", name, message);
    find_root(s);
}

static void begin(struct scene *s, const char *name)
{
    begin_at(s, name, false);
}

static void end(struct scene *s)
{
    attach_close(s->a);
    stub_end(&s->stub); /* which has read all that was said to it, however slow it is */
    assert_int_equal(s->stub.planted, 0);
    assert_int_equal(s->stub.stuck, 0);
    assert_true(s->stub.running);
    attach_use_kernel(NULL, NULL);
    (void)unlink(s->elf);
    fixture_free(&s->f);
}

/* What comes by: a call; link 0: a place that a call returns to. */
static struct stub_hit *calls(struct scene *s, const char *function)
{
    assert_true(s->hits < HITS);
    stub_settle(&s->stub); /* which may still be about to run by nothing */
    struct stub_hit *h = &s->hit[s->hits++];
    *h = (struct stub_hit){.pc = fixture_symbol(&s->f, function),
                           .link = fixture_symbol(&s->f, "handleSyscall") + 16};
    s->stub.hit_count = s->hits;
    s->stub.hits = s->hit;
    return h;
}

static void returns(struct scene *s, uint64_t result)
{
    struct stub_hit *h = calls(s, "handleSyscall");
    *h = (struct stub_hit){.pc = h->link, .result = result};
}

static void says(struct scene *s, const char *line, const char *expected)
{
    char *text = NULL;
    if (attach_command(s->a, line, &text) != ERR_OK)
        fail_msg("%s: %s: %s", s->f.name, line, attach_error(s->a));
    if (!strstr(text, expected))
        fail_msg("%s: %s: \"%s\", expected \"%s\"", s->f.name, line, text, expected);
    free(text);
}

static void stands(struct scene *s, const char *expected)
{
    struct attach_state state;
    deadline_t deadline = deadline_in(ATTACH_DEADLINE_MS);
    do
        assert_int_equal(attach_state(s->a, &state), ERR_OK);
    while (state.being == ATTACH_RUNS && deadline_left(deadline) > 0);
    assert_int_equal(state.being, ATTACH_STANDS);
    if (!strstr(state.sentence, expected))
        fail_msg("%s: \"%s\", expected \"%s\"", s->f.name, state.sentence, expected);
}

static const char *const names[] = {"a64", "a64mcs", "a64v12", "a32", "rv64", "x64"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static void a_revoke_is_followed_by_capabilities(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * NAMES; i++) { /* behind a stub as QEMU's, then as OpenOCD's */
        struct scene s;
        struct capstate c;
        char line[96];
        begin_at(&s, names[i % NAMES], i >= NAMES);
        calls(&s, "cteRevoke")->word[0] = va(&s, s.child[0].addr); /* another slot */
        calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
        returns(&s, 1);                                            /* preempted */
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr); /* somebody else's */
        calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[1].addr);
        returns(&s, 0);
        (void)snprintf(line, sizeof(line), "break on revoke slot 0x%" PRIx64, s.root.addr);
        says(&s, line, "1: on revoke slot 0x");
        stands(&s, "condition 1: #2 revoke 0x");
        assert_int_equal(attach_last_state(s.a)->slot, s.root.addr);
        assert_int_equal(attach_last_state(s.a)->armed_here, 1);
        says(&s, "step", "stopped: step: #3 victim 0x");
        assert_int_equal(attach_snapshot(s.a, &c), ERR_OK);
        assert_int_equal(c.revoke.root, s.root.addr);
        assert_int_equal(c.revoke.victim, s.child[0].addr);
        assert_int_equal(c.revoke.done, 0);
        assert_true(c.revoke.left >= 2);
        assert_int_equal(c.snapshot.stopped, 1);
        capstate_free(&c);
        says(&s, "step", "preempted 1 times");
        assert_int_equal(attach_last_state(s.a)->slot, s.child[1].addr);
        says(&s, "finish", "stopped: finished: #");
        says(&s, "where", "done 2, left 0, preempted 1 times");
        says(&s, "break", "1: on revoke slot");
        says(&s, "delete 1", "");
        assert_int_equal(s.stub.planted, 0);
        says(&s, "break", "no conditions");
        says(&s, "continue", "running");
        end(&s);
    }
}

static void a_number_of_steps_ends_with_the_revoke(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "a64");
    calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
    returns(&s, 0);
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[1].addr); /* somebody else's, later */
    says(&s, "break on revoke", "1: on revoke");
    stands(&s, "revoke");
    says(&s, "step 9", " revoked 0x");
    end(&s);
}

/* Arguments in registers and, where these run out, on the stack. */
static void arguments_are_found_by_each_abi(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        struct scene s;
        begin(&s, names[i]);
        struct stub_hit *h = calls(&s, "cteSwap");
        h->word[2] = va(&s, s.child[0].addr);
        h->word[5] = va(&s, s.child[1].addr);
        h = calls(&s, "cteInsert");
        uint64_t source = va(&s, s.root.addr);
        h->word[0] = fixture_word(&s.f, source);
        h->word[1] = fixture_word(&s.f, source + s.f.word);
        h->word[2] = source;
        h->word[3] = va(&s, s.child[1].addr);
        h = calls(&s, "createNewObjects");
        h->word[1] = source;
        h->word[2] = va(&s, s.child[0].addr) - 2 * 4 * s.f.word;
        h->word[3] = 2;
        h->word[4] = 3;
        h->word[5] = va(&s, s.root.object);
        says(&s, "break on swap", "1: on swap");
        stands(&s, "#1 swap");
        assert_int_equal(attach_last_state(s.a)->slot, s.child[1].addr);
        says(&s, "step", "#2 insert");
        assert_int_equal(attach_last_state(s.a)->slot, s.child[1].addr);
        says(&s, "where", "endpoint 0x");
        says(&s, "step", "#3 retype");
        if (strcmp(names[i], "a64v12") != 0)
            assert_int_equal(attach_last_state(s.a)->slot, s.child[0].addr);
        end(&s);
    }
}

/* What a watch heard. */
struct heard {
    struct record_event event[HITS];
    unsigned events, gaps, snapshots;
};

static void hear(void *ctx, const struct record *r)
{
    struct heard *h = ctx;
    h->gaps += r->kind == RECORD_GAP;
    h->snapshots += r->kind == RECORD_END;
    if (r->kind == RECORD_EVENT && h->events < HITS)
        h->event[h->events++] = r->event;
}

static void is_event(const struct scene *s, const struct heard *h, unsigned i,
                     enum record_event_kind kind, uint64_t slot, uint64_t src)
{
    const struct record_event *e = &h->event[i];
    if (i >= h->events || e->seq != i + 1 || e->kind != (uint32_t)kind || e->slot != slot ||
        e->src != src)
        fail_msg("%s: event %u of %u is kind %u of 0x%" PRIx64 " from 0x%" PRIx64, s->f.name, i,
                 h->events, e->kind, e->slot, e->src);
}

/* The kernel's operations in the order in which they happen; the machine stays at none. */
static void a_watch_hears_of_everything(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        struct scene s;
        struct heard heard = {0};
        struct capstate c;
        begin(&s, names[i]);
        uint64_t root = va(&s, s.root.addr);
        struct stub_hit *h = calls(&s, "cteInsert");
        h->word[0] = fixture_word(&s.f, root);
        h->word[1] = fixture_word(&s.f, root + s.f.word);
        h->word[2] = root;
        h->word[3] = va(&s, s.child[1].addr);
        calls(&s, "emptySlot")->word[0] = s.f.offset + 0x7ff00000; /* an empty slot */
        calls(&s, "cteRevoke")->word[0] = root;
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
        returns(&s, 0);
        h = calls(&s, "cteMove");
        h->word[2] = va(&s, s.child[0].addr);
        h->word[3] = va(&s, s.child[1].addr);
        assert_int_equal(attach_watch(s.a, hear, &heard), ERR_OK);
        for (unsigned n = 0; n < 200 && heard.events < 6; n++)
            assert_int_equal(attach_listen(s.a, 50), ERR_OK);
        assert_int_equal(attach_snapshot(s.a, &c), ERR_OK);
        capstate_free(&c);
        bool tcb = strcmp(names[i], "a64mcs") == 0; /* child[1] is a slot of a thread there */
        is_event(&s, &heard, 0, tcb ? RECORD_EVENT_INSTALL : RECORD_EVENT_COPY, s.child[1].addr,
                 s.root.addr);
        assert_int_equal(heard.event[0].object, s.root.object);
        is_event(&s, &heard, 1, RECORD_EVENT_REVOKE_BEGIN, s.root.addr, 0);
        is_event(&s, &heard, 2, RECORD_EVENT_REVOKE_VICTIM, s.child[0].addr, s.root.addr);
        is_event(&s, &heard, 3, RECORD_EVENT_DELETE, s.child[0].addr, s.root.addr);
        is_event(&s, &heard, 4, RECORD_EVENT_REVOKE_END, s.root.addr, 0);
        assert_int_equal(heard.event[4].detail, 1);
        is_event(&s, &heard, 5, RECORD_EVENT_MOVE, s.child[1].addr, s.child[0].addr);
        assert_int_equal(heard.events, 6);
        assert_int_equal(heard.snapshots, 1);
        assert_int_equal(heard.gaps, 0);
        assert_int_equal(attach_watch(s.a, NULL, NULL), ERR_OK);
        assert_int_equal(s.stub.planted, 0);
        end(&s);
    }
}

/* The new capabilities, which are not there yet when the kernel makes them. */
static void a_retype_is_told_with_what_it_made(void **state)
{
    struct scene s;
    struct heard heard = {0};
    (void)state;
    begin(&s, "a64");
    struct stub_hit *h = calls(&s, "createNewObjects");
    h->word[1] = va(&s, s.root.addr);
    h->word[2] = va(&s, s.child[0].addr);
    h->word[4] = 1;
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
    assert_int_equal(attach_watch(s.a, hear, &heard), ERR_OK);
    for (unsigned n = 0; n < 200 && heard.events < 2; n++)
        assert_int_equal(attach_listen(s.a, 50), ERR_OK);
    is_event(&s, &heard, 0, RECORD_EVENT_RETYPE, s.child[0].addr, s.root.addr);
    assert_int_equal(heard.event[0].type, s.child[0].type);
    assert_int_equal(heard.event[0].object, s.child[0].object);
    is_event(&s, &heard, 1, RECORD_EVENT_DELETE, s.child[0].addr, 0);
    end(&s);
}

static void filters_let_pass_what_does_not_fit(void **state)
{
    (void)state;
    struct scene s;
    char line[96];
    begin(&s, "a64");
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
    calls(&s, "emptySlot")->word[0] = s.stub.f->offset + 0x7ff00000; /* an empty slot */
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[1].addr);
    (void)snprintf(line, sizeof(line), "break on delete slot 0x%" PRIx64, s.child[1].addr);
    says(&s, line, "the fastpath writes and clears reply capabilities");
    stands(&s, "condition 1: #2 delete");
    says(&s, "break", "1 hit");
    says(&s, "break on mint", "is no operation that is seen");
    says(&s, "break on delete slot nowhere", "is none of slot A");
    says(&s, "finish", "no revoke is under way");
    end(&s);
}

/* Leaving in the middle of everything, and by a signal: the machine runs, nothing stands. */
static void leaving_takes_everything_away(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct scene s;
        begin(&s, "a64");
        s.stub.refuses_hardware = i == 2; /* software breakpoints then */
        calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
        says(&s, "break on any", "1: on any");
        assert_true(s.stub.planted >= 6);
        stands(&s, "revoke");
        says(&s, "step", "victim");
        if (i == 1)
            attach_interrupt(); /* as SIGTERM and SIGHUP do */
        end(&s);
    }
}

/* Of a breakpoint that the stub has taken away the answer may be lost: it is no reason to give up a line
 * that nothing stands there any more, and it can be placed again. */
static void what_does_not_stand_any_more_is_gone(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "a64");
    calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
    calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
    says(&s, "break on revoke", "1: on revoke");
    stands(&s, "#1 revoke");
    memset(s.stub.stands, 0, sizeof(s.stub.stands));
    s.stub.planted = 0;
    says(&s, "delete all", "");
    says(&s, "break on revoke", "1: on revoke");
    assert_int_equal(attach_continue(s.a), ERR_OK);
    stands(&s, "revoke");
    end(&s);
}

/* What stopped the machine is taken back while it stands there; then somebody steps. */
static void a_condition_may_go_while_it_stands(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "a64");
    calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[1].addr);
    says(&s, "break on victim", "1: on victim");
    stands(&s, "#2 victim");
    says(&s, "delete all", "");
    assert_int_equal(s.stub.planted, 0);
    struct capstate c;
    assert_int_equal(attach_snapshot(s.a, &c), ERR_OK);
    assert_int_equal(c.snapshot.stopped, 1);
    capstate_free(&c);
    says(&s, "step", "#3 victim");
    assert_int_equal(s.stub.stuck, 0);
    says(&s, "where", "done 1, left");
    end(&s);
}

/* The line dies inside a revoke, wherever it does: over the next one nothing is left, and the
 * machine runs. */
static void a_line_that_dies_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n += 4) {
        struct scene s;
        char *text = NULL;
        begin(&s, "a64");
        calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
        says(&s, "break on revoke", "1: on revoke");
        stands(&s, "#1 revoke");
        s.stub.close_after = s.stub.answers + n;
        enum error e = attach_command(s.a, "step", &text);
        s.stub.close_after = 0;
        if (e == ERR_OK)
            free(text);
        else
            assert_true(strlen(attach_error(s.a)) > strlen(s.stub.target));
        for (unsigned i = 0; e != ERR_OK && i < 4; i++)
            e = attach_recover(s.a);
        assert_int_equal(e, ERR_OK);
        end(&s);
    }
}

/* The same of who does not come back, as a command that ends with the sentence: end() sees that. */
static void who_ends_with_a_dead_line_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n += 4) {
        struct scene s;
        char *text = NULL;
        begin(&s, "a64");
        calls(&s, "cteRevoke")->word[0] = va(&s, s.root.addr);
        calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
        says(&s, "break on revoke", "1: on revoke");
        stands(&s, "#1 revoke");
        s.stub.close_after = s.stub.answers + n;
        if (attach_command(s.a, "step", &text) == ERR_OK)
            free(text);
        s.stub.close_after = 0;
        end(&s);
    }
}

/* Interrupts that come in place of a step: each call is told once. */
static void a_step_may_be_interrupted(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "rv64");
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[0].addr);
    calls(&s, "emptySlot")->word[0] = va(&s, s.child[1].addr);
    calls(&s, "emptySlot")->word[0] = va(&s, s.root.addr);
    says(&s, "break on delete", "1: on delete");
    stands(&s, "#1 delete");
    s.stub.idle_steps = 2;
    says(&s, "step", "#2 delete");
    assert_int_equal(attach_last_state(s.a)->slot, s.child[1].addr);
    s.stub.interrupted = 1;
    says(&s, "step", "#3 delete");
    assert_int_equal(attach_last_state(s.a)->slot, s.root.addr);
    end(&s);
}

static void a_stub_that_plants_nothing_is_told(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "a64");
    s.stub.refuses_breakpoints = true;
    says(&s, "break on delete", "the stub refuses");
    says(&s, "break", "no conditions");
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoke_is_followed_by_capabilities),
        cmocka_unit_test(arguments_are_found_by_each_abi),
        cmocka_unit_test(a_watch_hears_of_everything),
        cmocka_unit_test(a_retype_is_told_with_what_it_made),
        cmocka_unit_test(filters_let_pass_what_does_not_fit),
        cmocka_unit_test(leaving_takes_everything_away),
        cmocka_unit_test(what_does_not_stand_any_more_is_gone),
        cmocka_unit_test(a_condition_may_go_while_it_stands),
        cmocka_unit_test(a_line_that_dies_leaves_nothing),
        cmocka_unit_test(who_ends_with_a_dead_line_leaves_nothing),
        cmocka_unit_test(a_number_of_steps_ends_with_the_revoke),
        cmocka_unit_test(a_step_may_be_interrupted),
        cmocka_unit_test(a_stub_that_plants_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
