/* The letters of a picture of memory: memory that several domains hold is nobody's own. */
#include "inspector-tui/memory.h"
#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    MEMORY = 0x82000000,
    STEP = 0x100000, /* from a domain's memory to the next one's */
    AT_CNODE = 0x1000,
    AT_OWN = 0x2000,
    SHARED = 0x70000000,
    SHARED_UNTYPED = 0x70100000,
    LONE = 0x70200000,
    ROOT = 0x60000000,
    PAGE = 12
};

static uint64_t base(int domain)
{
    return MEMORY + (uint64_t)domain * STEP;
}

static void cap(struct capstate *s, uint64_t slot, uint32_t depth, uint32_t type, uint64_t object,
                uint32_t bits)
{
    state_slot(s, (struct record_slot){.addr = slot,
                                       .depth = depth,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = 3,
                                       .flags = RECORD_SLOT_REVOCABLE});
}

/* Two domains with a thread, a CNode and a frame each, from no untyped memory that they have; and what
 * one or both of them hold. */
static struct sample *two_domains(void)
{
    struct capstate s;
    uint64_t root = ROOT;
    state_begin(&s);
    for (int d = 0; d < 2; d++) {
        cap(&s, root += 16, 0, RECORD_CAP_TCB, base(d), 9);
        cap(&s, root += 16, 0, RECORD_CAP_CNODE, base(d) + AT_CNODE, 8);
        cap(&s, base(d), 1, RECORD_CAP_CNODE, base(d) + AT_CNODE, 8);
        cap(&s, base(d) + AT_CNODE, 0, RECORD_CAP_FRAME, base(d) + AT_OWN, PAGE);
    }
    cap(&s, base(0) + AT_CNODE + 16, 0, RECORD_CAP_FRAME, SHARED, PAGE);
    cap(&s, base(1) + AT_CNODE + 16, 1, RECORD_CAP_FRAME, SHARED, PAGE);
    cap(&s, base(0) + AT_CNODE + 32, 0, RECORD_CAP_UNTYPED, SHARED_UNTYPED, PAGE);
    cap(&s, base(1) + AT_CNODE + 32, 1, RECORD_CAP_UNTYPED, SHARED_UNTYPED, PAGE);
    cap(&s, base(1) + AT_CNODE + 48, 0, RECORD_CAP_UNTYPED, LONE, PAGE);
    state_thread(&s, (uint32_t)base(0), "ants/a");
    state_thread(&s, (uint32_t)base(1), "bees/b");
    state_end(&s);
    struct sample *made = sample_make(&s, NULL);
    assert_non_null(made);
    return made;
}

static void mark(struct session *s, const char *name, char letter)
{
    s->domains[s->domain_count++] = (struct domain_mark){.hash = ref_hash(name), .letter = letter};
}

static void what_several_hold_has_a_sign_of_its_own(void **state)
{
    static struct session s;
    struct line l = {.length = 0};
    struct sample *of = two_domains();
    (void)state;
    mark(&s, "ants", 'a');
    mark(&s, "bees", 'b');
    assert_int_equal(memory_at(&s, of, base(0) + AT_OWN).letter, 'A');
    assert_int_equal(memory_at(&s, of, base(1) + AT_OWN).letter, 'B');
    assert_int_equal(memory_at(&s, of, LONE).letter, 'b');
    assert_int_equal(memory_at(&s, of, SHARED).letter, '&');
    assert_int_equal(memory_at(&s, of, SHARED_UNTYPED).letter, '&');
    memory_strip(&s, of, SHARED, 1 << PAGE, 4, &l);
    memory_legend(&s, of, &l);
    assert_non_null(strstr(l.text, "&&&&"));
    assert_non_null(strstr(l.text, "& shared"));
    sample_drop(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_several_hold_has_a_sign_of_its_own),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
