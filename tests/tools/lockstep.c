/* Kernel and model in lockstep, as a program (tests/lockstep/lockstep.h).
 *
 *     lockstep [--seed N] [--actions N] [--episode N] [--audit N] [--preempt-all] [--quiet]
 *              [--trace] [--stats] [--release] [--states]
 *     lockstep --exhaustive SLOTS [--rename] [--keep]
 *
 * Exit 0: no difference; 1: a difference, with seed and shrunk sequence on standard output; 2:
 * could not tell. */
#include "tests/lockstep/lockstep.h"

#include <stdlib.h>
#include <string.h>

static bool number_option(int argc, char **argv, int *i, const char *name, uint64_t *out)
{
    if (strcmp(argv[*i], name) != 0)
        return false;
    if (*i + 1 >= argc) {
        fprintf(stderr, "lockstep: %s wants a number\n", name);
        exit(2);
    }
    *out = strtoull(argv[++*i], NULL, 0);
    return true;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    uint64_t actions = 100000;
    uint64_t episode = 4000;
    uint64_t audit = 512;
    struct lockstep_options o = {0};
    struct lockstep_stats stats;
    uint64_t exhaustive = 0;
    bool rename = false;
    bool keep = false;
    bool print = false;
    for (int i = 1; i < argc; i++) {
        if (number_option(argc, argv, &i, "--seed", &seed) ||
            number_option(argc, argv, &i, "--actions", &actions) ||
            number_option(argc, argv, &i, "--episode", &episode) ||
            number_option(argc, argv, &i, "--audit", &audit) ||
            number_option(argc, argv, &i, "--exhaustive", &exhaustive))
            continue;
        if (strcmp(argv[i], "--preempt-all") == 0) {
            o.preempt_all = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            o.quiet = true;
        } else if (strcmp(argv[i], "--rename") == 0) {
            rename = true;
        } else if (strcmp(argv[i], "--keep") == 0) {
            keep = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            o.trace = true;
        } else if (strcmp(argv[i], "--release") == 0) {
            o.release = true;
        } else if (strcmp(argv[i], "--states") == 0) {
            o.states = true;
        } else if (strcmp(argv[i], "--stats") == 0) {
            print = true;
        } else {
            fprintf(stderr, "lockstep: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (exhaustive != 0)
        return lockstep_exhaustive((unsigned)exhaustive, rename, keep, stdout);
    o.seed = seed;
    o.actions = actions;
    o.episode = (unsigned)episode;
    o.audit_every = (unsigned)audit;
    int result = lockstep_run(&o, &stats, stdout);
    if (print)
        lockstep_stats_print(&stats, stdout);
    return result;
}
