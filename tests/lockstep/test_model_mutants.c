/* A kernel with a planted fault is told from the model: one test for each script in tests/mutants.
 *
 * The kernel as it is passes the same sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#include "tests/sim/program.h"

enum { MUTANTS_MAX = 64, NAME_MAX_BYTES = 128 };

static char names[MUTANTS_MAX][NAME_MAX_BYTES];
static char titles[MUTANTS_MAX][NAME_MAX_BYTES];

static int run(const char *program)
{
    const char *arguments[] = {program, "--seed", "1", "--actions", "500000", "--quiet", NULL};
    return program_run(arguments);
}

static void the_kernel_as_it_is_passes(void **state)
{
    (void)state;
    assert_int_equal(run("../host/lockstep"), 0);
}

static void mutant_is_found(void **state)
{
    char program[NAME_MAX_BYTES + 32];
    snprintf(program, sizeof(program), "../mutants/%s/lockstep", (const char *)*state);
    assert_int_equal(run(program), 1);
}

/* The scripts lie in the tree that build/ lies in. */
static unsigned list_mutants(void)
{
    char pattern[4096];
    glob_t found;
    unsigned n = 0;
    snprintf(pattern, sizeof(pattern), "%s/../../tests/mutants/*.sed", program_folder());
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (; n < found.gl_pathc && n < MUTANTS_MAX; n++) {
        const char *base = strrchr(found.gl_pathv[n], '/') + 1;
        snprintf(names[n], sizeof(names[n]), "%.*s", (int)(strlen(base) - strlen(".sed")), base);
        snprintf(titles[n], sizeof(titles[n]), "%.100s_is_found", names[n]);
    }
    globfree(&found);
    return n;
}

static void mutants_are_planted(void **state)
{
    (void)state;
    assert_true(names[3][0] != 0);
}

int main(void)
{
    struct CMUnitTest tests[MUTANTS_MAX + 2];
    unsigned n = list_mutants();
    memset(tests, 0, sizeof(tests));
    tests[0] = (struct CMUnitTest)cmocka_unit_test(the_kernel_as_it_is_passes);
    tests[1] = (struct CMUnitTest)cmocka_unit_test(mutants_are_planted);
    for (unsigned i = 0; i < n; i++) {
        tests[i + 2].name = titles[i];
        tests[i + 2].test_func = mutant_is_found;
        tests[i + 2].initial_state = names[i];
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests("tests", tests, n + 2, NULL, NULL);
}
