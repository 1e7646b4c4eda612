/* The kernel does what the model says, over random sequences of system calls.
 *
 * The work is done by the program tests/tools/lockstep.c, which is built twice: without sanitizers
 * for the bulk, with them for a smaller share.  LOCKSTEP_ACTIONS and LOCKSTEP_SEED change how many
 * and which sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/program.h"

enum { DEFAULT_ACTIONS = 400000, SANITIZED_PART = 16, PREEMPTED_PART = 16 };

static unsigned long actions(void)
{
    const char *s = getenv("LOCKSTEP_ACTIONS");
    return s ? strtoul(s, NULL, 0) : (unsigned long)DEFAULT_ACTIONS;
}

static const char *seed(void)
{
    const char *s = getenv("LOCKSTEP_SEED");
    return s ? s : "1";
}

static void expect_agreement(const char *program, unsigned long count, const char *option)
{
    char number[32];
    snprintf(number, sizeof(number), "%lu", count);
    const char *arguments[] = {program, "--seed", seed(), "--actions", number, option, NULL};
    assert_int_equal(program_run(arguments), 0);
}

static void kernel_and_model_agree(void **state)
{
    (void)state;
    expect_agreement("../host/lockstep", actions(), NULL);
}

static void kernel_and_model_agree_under_sanitizers(void **state)
{
    (void)state;
    expect_agreement("lockstep", actions() / SANITIZED_PART, NULL);
}

static void preemption_at_any_point_changes_no_outcome(void **state)
{
    (void)state;
    expect_agreement("../host/lockstep", actions() / PREEMPTED_PART, "--preempt-all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_and_model_agree),
        cmocka_unit_test(kernel_and_model_agree_under_sanitizers),
        cmocka_unit_test(preemption_at_any_point_changes_no_outcome),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
