/* Every state of a small scope: the kernel's derivation list and untyped code against explicit
 * parents (tests/lockstep/lockstep_exhaustive.c), and planted faults that so few slots are enough to
 * show.
 *
 * With LOCKSTEP_ACTIONS set, as `make check-all` does, larger scopes too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/program.h"

static int search(const char *program, const char *slots, const char *option, const char *other)
{
    const char *arguments[] = {program, "--exhaustive", slots, option, other, NULL};
    return program_run(arguments);
}

static void six_slots_and_eight_granules_agree_in_every_state(void **state)
{
    (void)state;
    assert_int_equal(search("../host/lockstep", "6", "--rename", "--keep"), 0);
}

static void four_slots_agree_whichever_slot_is_used(void **state)
{
    (void)state;
    assert_int_equal(search("../host/lockstep", "4", "--keep", NULL), 0);
}

static void three_slots_agree_under_sanitizers(void **state)
{
    (void)state;
    assert_int_equal(search("lockstep", "3", NULL, NULL), 0);
}

static void five_slots_agree_when_the_block_may_go(void **state)
{
    (void)state;
    assert_int_equal(search("../host/lockstep", "5", "--rename", NULL), 0);
    assert_int_equal(search("../host/lockstep", "4", NULL, NULL), 0);
}

static void faults_show_in_five_slots(void **state)
{
    static const char *const mutants[] = {"no_tag_bit",           "no_child_test",
                                          "badge_begins_nothing", "retype_through_copied_untyped",
                                          "badge_mark_forgotten", "untyped_copies_are_siblings",
                                          "move_forgets_original"};
    (void)state;
    for (unsigned i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        char program[128];
        snprintf(program, sizeof(program), "../mutants/%s/lockstep", mutants[i]);
        if (search(program, "5", "--rename", "--keep") != 1)
            fail_msg("%s is not found", mutants[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_slots_and_eight_granules_agree_in_every_state),
        cmocka_unit_test(four_slots_agree_whichever_slot_is_used),
        cmocka_unit_test(three_slots_agree_under_sanitizers),
        cmocka_unit_test(faults_show_in_five_slots),
    };
    const struct CMUnitTest more[] = {
        cmocka_unit_test(five_slots_agree_when_the_block_may_go),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (getenv("LOCKSTEP_ACTIONS"))
        failed += cmocka_run_group_tests(more, NULL, NULL);
    return failed;
}
