/* `capdb`: from a command line to a command. */
#include "attach/sel4.h"
#include "capdb/command.h"
#include "capdb/commands.h"
#include "capdb/options.h"
#include "lib/host/heap.h"
#include "lib/host/standard.h"
#include "lib/host/version.h"

#include <getopt.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status refuse_strangers(const struct command *c, const struct options_given *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (!command_takes(c, g->name[i]))
            return command_complain(NULL, "%s takes no %s%s; capdb %s --help tells what it takes",
                                    c->name, strcmp(g->name[i], "output") == 0 ? "-" : "--",
                                    strcmp(g->name[i], "output") == 0 ? "o" : g->name[i], c->name);
    return STATUS_YES;
}

static enum status exclude(const struct command *c, const struct options *o)
{
    if (o->on_change && o->every >= 0)
        return command_complain(NULL, "--every and --on-change exclude each other");
    if (o->at_text && (o->from_text || o->to_text) && c->run != command_report)
        return command_complain(NULL, "--at and --from or --to exclude each other");
    if (o->all && (o->at_text || o->from_text || o->to_text))
        return command_complain(NULL, "--all and --at, --from or --to exclude each other");
    if (o->layout && !o->kernel)
        return command_complain(NULL, "--layout goes with --kernel");
    if (o->explain && (o->all || o->from_text || o->to_text))
        return command_complain(NULL, "--explain explains the verdict on one snapshot: --at N");
    if (o->policy && o->explain)
        return command_complain(NULL, "--explain is about isolation, not about a policy");
    if (o->around && o->format && strcmp(o->format, "dot") != 0)
        return command_complain(NULL, "--around is for pictures: --format dot");
    if (o->depth && !o->around)
        return command_complain(NULL, "--depth means nothing without --around");
    return STATUS_YES;
}

static enum status tell_help(const struct options *o, const struct command *c, bool wanted)
{
    if (o->given)
        commands_help_inside(stdout, c && command_takes_one(c) ? c : NULL);
    else if (c)
        commands_help_one(c);
    else
        commands_help(wanted ? stdout : stderr);
    return wanted ? STATUS_YES : STATUS_UNKNOWN;
}

/* --- files that are read and files that are made ---------------------------------------------- */

static enum status spare(const char *out, const char *read)
{
    if (!out || !read || !outfile_spoils(out, read))
        return STATUS_YES;
    return command_complain(out,
                            "is a file that this command reads (%s), or one beside it; "
                            "nothing is written",
                            read);
}

static enum status spare_inputs(const struct options *o, const char *out)
{
    char *run = run_file(o->run);
    const char *const read[] = {run, o->domains, o->policy, o->kernel, o->layout};
    enum status s = run ? STATUS_YES : command_complain(NULL, "out of memory");
    for (size_t i = 0; s == STATUS_YES && i < sizeof(read) / sizeof(*read); i++)
        s = spare(out, read[i]);
    free(run);
    return s;
}

static bool makes_a_recording(const struct command *c)
{
    return c->run == command_record || c->run == command_cut || c->run == command_import ||
           c->run == command_upgrade;
}

static enum status spare_what_is_read(const struct command *c, const struct options *o)
{
    if (spare_inputs(o, o->output) != STATUS_YES || spare_inputs(o, o->junit) != STATUS_YES)
        return STATUS_UNKNOWN;
    return makes_a_recording(c) ? spare_inputs(o, o->operand[0]) : STATUS_YES;
}

/* A question from inside a debugger is about the machine as it stands; it reads and writes no file. */
static bool asks_beyond(const struct options *o)
{
    return o->kernel || o->layout || o->output || o->policy || o->junit || o->at_text ||
           o->from_text || o->to_text || o->all;
}

static enum status run_command(const struct command *c, struct options *o,
                               const struct options_given *g)
{
    if (refuse_strangers(c, g) != STATUS_YES || exclude(c, o) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (o->given && (asks_beyond(o) || options_were_given(g, "domains") || !command_takes_one(c)))
        return command_complain(NULL, "%s: not from inside a debugger, or not with these options",
                                c->name);
    if (o->operands < c->min || o->operands > c->max)
        return o->given ? tell_help(o, c, false)
                        : command_complain(NULL, "usage: capdb %s", c->usage);
    if (o->kernel && o->run && !target_is_live(o->run))
        return command_complain(o->run, "--kernel is for targets; a recording knows its kernel");
    if (!o->given && spare_what_is_read(c, o) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!o->given)
        attach_use_kernel(o->kernel, o->layout);
    if (!o->given && !makes_a_recording(c))
        heap_in_large_pages();
    o->whole = command_takes_all(c);
    o->one = command_takes(c, "at") || c->run == command_compare;
    enum status s = c->run(o);
    return o->doubt ? STATUS_UNKNOWN : s; /* a sentence has said why */
}

static enum status run_line(int argc, char **argv, struct options *o)
{
    struct options_given given;
    if (!options_read(argc, argv, o, &given))
        return STATUS_UNKNOWN;
    if (optind >= argc)
        return tell_help(o, NULL, given.help);
    const bool about = strcmp(argv[optind], "help") == 0; /* as git has it */
    if (about && optind + 1 == argc)
        return tell_help(o, NULL, true);
    const struct command *c = commands_find(argv[optind + about]);
    if (about && c)
        return tell_help(o, c, true);
    if (!c)
        return commands_none(argv[optind + about], o->given);
    if (given.help)
        return tell_help(o, c, true);
    o->operands = argc - optind - 2;
    o->run = argv[optind + 1];
    o->operand = argv + optind + 2;
    return run_command(c, o, &given);
}

enum status command_answer(int argc, char **argv, const struct capstate *given, const char *domains)
{
    struct options o = {.every = -1, .patience = -1, .given = given, .domains = domains};
    return run_line(argc, argv, &o);
}

int main(int argc, char **argv)
{
    struct options o = {.every = -1, .patience = -1};
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* counting takes a lock, and nobody asks */
    standard_reserve();
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("capdb %s\n", host_version) > 0 ? STATUS_YES : STATUS_UNKNOWN;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, with a sentence */
    return (int)run_line(argc, argv, &o);
}
