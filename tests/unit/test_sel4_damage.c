/* Damaged memory of recorded mainline systems: a walk ends, with findings where something does not
 * fit, whatever stands in memory; and a few damages by hand that must be named for what they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/vocabulary.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DAMAGED = 1000, /* SEL4_DAMAGES: how many else */ READ_LIMIT = 64 << 20 };

static uint64_t seed = 20240917;

static uint32_t pick(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

struct target {
    struct fixture f;
    struct sel4_kernel k;
    uint8_t *elf;
    struct fixture_page *page; /* as it was recorded */
};

static void begin(struct target *t, const char *name)
{
    fixture_load(&t->f, name, false);
    fixture_attach(&t->f, &t->k, &t->elf);
    t->page = malloc(t->f.pages * sizeof(*t->page));
    assert_non_null(t->page);
    memcpy(t->page, t->f.page, t->f.pages * sizeof(*t->page));
}

static void restore(struct target *t)
{
    memcpy(t->f.page, t->page, t->f.pages * sizeof(*t->page));
}

static void end(struct target *t)
{
    fixture_close(&t->k, t->elf);
    fixture_free(&t->f);
    free(t->page);
}

/* Bytes that are not 0 hold something: most damage goes there. */
static void damage_byte(struct target *t)
{
    for (unsigned tries = 0; tries < 4000; tries++) {
        struct fixture_page *p = &t->f.page[pick((uint32_t)t->f.pages)];
        uint32_t at = pick(FIXTURE_PAGE);
        if (!p->known[at] || (p->bytes[at] == 0 && pick(200) != 0))
            continue;
        uint32_t flipped = p->bytes[at] ^ 1u << pick(8);
        p->bytes[at] = (uint8_t)(pick(2) ? pick(256) : flipped);
        return;
    }
}

static void damage(struct target *t)
{
    uint32_t places = 1 + pick(pick(4) == 0 ? 300 : 6);
    for (uint32_t i = 0; i < places; i++)
        damage_byte(t);
    if (pick(8) == 0) { /* a page that cannot be read */
        struct fixture_page *p = &t->f.page[pick((uint32_t)t->f.pages)];
        memset(p->known, 0, sizeof(p->known));
    }
}

/* What every state promises, whatever was read. */
static void check_state(const struct sel4_state *s)
{
    for (uint32_t i = 0; i < s->slots.count; i++) {
        const struct sel4_slot *x = sel4_state_slot(s, i);
        assert_true(x->parent < (int32_t)i);
        assert_int_equal(x->depth,
                         x->parent < 0 ? 0 : sel4_state_slot(s, (uint32_t)x->parent)->depth + 1);
        assert_true(x->container < (int32_t)s->containers.count);
        assert_int_not_equal(x->cap.kind, SEL4_CAP_NULL);
    }
    for (uint32_t i = 0; i < s->threads.count; i++)
        assert_true(strlen(sel4_state_thread(s, i)->name) < SEL4_NAME_BYTES);
}

/* true: something was noticed. */
static bool walk_damaged(struct target *t)
{
    struct sel4_state s;
    t->k.memory.bytes = 0;
    sel4_memory_forget(&t->k.memory);
    enum error e = sel4_walk(&t->k, &s);
    assert_true(e == ERR_OK || e == ERR_LAYOUT);
    assert_true(t->k.memory.bytes < READ_LIMIT);
    check_state(&s);
    bool noticed = e != ERR_OK || s.findings.count > 0;
    sel4_state_fini(&s);
    return noticed;
}

/* The same as a refresh of what was whole. */
static void refresh_damaged(struct target *t, const struct sel4_state *whole)
{
    struct sel4_state s;
    sel4_memory_forget(&t->k.memory);
    enum error e = sel4_walk_again(&t->k, whole, &s);
    assert_true(e == ERR_OK || e == ERR_LAYOUT);
    check_state(&s);
    sel4_state_fini(&s);
}

static unsigned damages(void)
{
    const char *wanted = getenv("SEL4_DAMAGES");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : DAMAGED;
}

static void a_thousand_damaged_systems_end_in_findings(void **state)
{
    (void)state;
    unsigned noticed = 0;
    unsigned wanted = damages();
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct target t;
        struct sel4_state whole;
        begin(&t, fixture_names[i]);
        sel4_memory_forget(&t.k.memory);
        assert_int_equal(sel4_walk(&t.k, &whole), ERR_OK);
        for (unsigned n = 0; n < wanted / FIXTURES; n++) {
            damage(&t);
            noticed += walk_damaged(&t);
            refresh_damaged(&t, &whole);
            restore(&t);
        }
        assert_false(walk_damaged(&t)); /* undamaged again: the judge itself is sound */
        sel4_state_fini(&whole);
        end(&t);
    }
    print_message("%u of %u damages were noticed\n", noticed, wanted);
    assert_true(noticed > wanted / 2);
}

/* --- by hand --- */

static bool has_finding(const struct sel4_state *s, enum audit_rule rule, uint64_t addr)
{
    for (uint32_t i = 0; i < s->findings.count; i++) {
        const struct sel4_finding *f = SEL4_ITEM(s->findings, struct sel4_finding, i);
        if (f->rule == (uint32_t)rule && (addr == 0 || f->addr == addr))
            return true;
    }
    return false;
}

static void expect(struct target *t, enum audit_rule rule, uint64_t addr)
{
    struct sel4_state s;
    sel4_memory_forget(&t->k.memory);
    assert_int_equal(sel4_walk(&t->k, &s), ERR_OK);
    if (!has_finding(&s, rule, addr == 0 ? 0 : fixture_pa(&t->f, addr)))
        fail_msg("no finding of rule %d at %" PRIx64, rule, addr);
    sel4_state_fini(&s);
    restore(t);
}

enum { EP_SLOT = 0x1c80 };
#define CNODE 0xffffff807ffc0000u

static void damages_are_named(void **state)
{
    (void)state;
    struct target t;
    uint64_t ep = CNODE + EP_SLOT;
    begin(&t, "a64");

    fixture_put_word(&t.f, ep + 16, 0xffffff8042609840u); /* a previous slot that is another one */
    expect(&t, AUDIT_LINK, ep);
    fixture_put_word(&t.f, ep + 16, 0xffffff807ffc0d41u); /* misaligned */
    expect(&t, AUDIT_LINK_RANGE, 0xffffff807ffc0d41u);
    fixture_put_word(&t.f, ep, 0xf800000000000000u); /* a type that does not exist */
    expect(&t, AUDIT_CAP_INVALID, ep);
    fixture_put_word(&t.f, ep, 0); /* emptied, still linked */
    expect(&t, AUDIT_LIST_NULL, ep);
    fixture_put_word(&t.f, 0xffffff8042607400u + 824, 0xff8042000013u); /* waits elsewhere */
    expect(&t, AUDIT_THREAD_STATE, 0xffffff8042607400u);
    fixture_put_word(&t.f, 0xffffff8042607400u + 960, 0); /* its queue ends before its tail */
    expect(&t, AUDIT_QUEUE, 0xffffff8042000000u);
    fixture_put_word(&t.f, 0xffffff8042000080u + 24, 0); /* bound one way only */
    fixture_put_word(&t.f, 0xffffff8042000080u + 24, 0xff8042607400u);
    expect(&t, AUDIT_BINDING, 0xffffff8042000080u);
    end(&t);
}

/* A circle of two slots that nothing else leads to has no head. */
static void a_circle_is_a_finding(void **state)
{
    (void)state;
    struct target t;
    uint64_t a = CNODE + 0x20; /* the root task's own TCB: a list of one */
    begin(&t, "a64");
    fixture_put_word(&t.f, a + 16, a);
    fixture_put_word(&t.f, a + 24, (a & 0xffffffffffffu) | 3);
    expect(&t, AUDIT_LINK_LOOP, a);
    end(&t);
}

/* Mappings: an entry that no capability claims, one that allows more, one that is gone. */
static void tables_and_capabilities_are_compared(void **state)
{
    (void)state;
    struct target t;
    struct sel4_state s;
    begin(&t, "a64");
    sel4_memory_forget(&t.k.memory);
    assert_int_equal(sel4_walk(&t.k, &s), ERR_OK);
    const struct sel4_mapping *m = NULL;
    for (uint32_t i = 0; i < s.mappings.count; i++) {
        const struct sel4_mapping *it = SEL4_ITEM(s.mappings, struct sel4_mapping, i);
        m = it->vaddr == 0x10100000 ? it : m; /* its capability is for reading */
    }
    assert_non_null(m);
    uint64_t entry = m->table + (m->vaddr >> 12 & 0x1ff) * 8;
    uint64_t window = entry + t.f.offset;
    uint64_t raw = m->raw;
    uint64_t pa = m->pa;
    sel4_state_fini(&s);

    fixture_put_word(&t.f, window, raw + 0x1000000);
    expect(&t, AUDIT_MAPPING_NO_FRAME, pa + 0x1000000 + t.f.offset);
    fixture_put_word(&t.f, window, (raw & ~(uint64_t)0x80));
    expect(&t, AUDIT_MAPPING_RIGHTS, pa + t.f.offset);
    fixture_put_word(&t.f, window, 0);
    expect(&t, AUDIT_ASID, 0);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_damaged_systems_end_in_findings),
        cmocka_unit_test(damages_are_named),
        cmocka_unit_test(a_circle_is_a_finding),
        cmocka_unit_test(tables_and_capabilities_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
