/* Every kept input of every fuzzer (tests/fuzz/corpus, a folder each) still passes, under the
 * sanitizers. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/sim/program.h"

enum { FUZZERS_MAX = 64, FUZZERS_MIN = 10 };

static void kept_inputs_pass(void **state)
{
    char program[300];
    char folder[4600];
    const char *name = *state;
    snprintf(program, sizeof(program), "fuzz_%s", name);
    snprintf(folder, sizeof(folder), "%s/../../tests/fuzz/corpus/%s", program_folder(), name);
    const char *arguments[] = {program, folder, NULL};
    assert_int_equal(program_run(arguments), 0);
}

static int is_name(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(void)
{
    static struct CMUnitTest tests[FUZZERS_MAX];
    static char claims[FUZZERS_MAX][300];
    char corpus[4200];
    struct dirent **entry;
    snprintf(corpus, sizeof(corpus), "%s/../../tests/fuzz/corpus", program_folder());
    int count = scandir(corpus, &entry, is_name, alphasort);
    if (count < FUZZERS_MIN || count > FUZZERS_MAX) {
        fprintf(stderr, "%s: %d folders\n", corpus, count);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        snprintf(claims[i], sizeof(claims[i]), "kept_inputs_of_%s_pass", entry[i]->d_name);
        tests[i] = (struct CMUnitTest){claims[i], kept_inputs_pass, NULL, NULL, entry[i]->d_name};
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = _cmocka_run_group_tests("corpora", tests, (size_t)count, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
    return failed;
}
