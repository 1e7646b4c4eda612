/* `capdb`: the command line.  One table of commands; options may stand anywhere. */
#include "capdb/command.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct command commands[] = {
    {"record", 1, 1, command_record,
     "record TARGET RUN [--every SECONDS | --on-change] [--count N] [--patience SECONDS]"
     " [--domains FILE] [--same-machine]",
     "take snapshots of a target into a recording"},
    {"snapshots", 0, 0, command_snapshots, "snapshots RUN", "list the snapshots"},
    {"info", 0, 0, command_info, "info RUN", "what was recorded, when, how big"},
    {"threads", 0, 0, command_threads, "threads RUN [--at N]", "threads, states, domains"},
    {"domains", 0, 0, command_domains, "domains RUN [--at N]", "domains, islands, flows"},
    {"owner", 1, 1, command_owner, "owner RUN ADDRESS [--at N]",
     "which domain owns this memory, who can reach it, where it comes from"},
    {"history", 1, 1, command_history, "history RUN ADDRESS", "every owner and holder over time"},
    {"who", 1, 1, command_who, "who RUN OBJECT [--at N]", "all capabilities to an object"},
    {"cdt", 0, 1, command_cdt, "cdt RUN [SLOT] [--at N]", "the derivation tree"},
    {"preview", 1, 1, command_preview, "preview RUN SLOT [--at N]", "what a revoke would take"},
    {"untyped", 0, 0, command_untyped, "untyped RUN [--at N]",
     "untyped memory: used, free, lost, reclaimable"},
    {"diff", 2, 2, command_diff, "diff RUN A B", "what changed between two snapshots"},
    {"path", 2, 2, command_path, "path RUN FROM TO [--at N] [--flow] [--strict]",
     "shortest authority path, edge by edge"},
    {"can", 3, 3, command_can, "can RUN SUBJECT RIGHT OBJECT [--at N] [--strict]",
     "could it ever, and by which operations"},
    {"check", 0, 0, command_check, "check RUN [--at N | --all] [--strict] [--explain]",
     "isolation and retype invariants; exit 1 on a breach"},
    {"revokes", 0, 1, command_revokes, "revokes RUN [REVOKE]", "revocations, step by step"},
    {"export", 0, 0, command_export,
     "export RUN --format capdl|dot|json|csv|trace|events [--at N]"
     " [--around THING] [--depth N] [-o FILE]",
     "the state for other programs"},
    {"report", 0, 0, command_report, "report RUN -o FILE.html", "one page with pictures"},
    {"sql", 1, 1, command_sql, "sql RUN \"SELECT …\"", "query the documented views"},
    {"live", 1, 1, command_live, "live TARGET \"SELECT …\"", "the same, asked of a running system"},
    {"verify", 0, 0, command_verify, "verify RUN",
     "is it what was recorded? the file, the chain of commits, every snapshot, the events"},
    {"why-not-running", 1, 1, command_why_not_running, "why-not-running RUN THREAD [--at N]",
     "what a thread waits for, who could end that, and why they do not"},
    {"why-fault", 1, 1, command_why_fault, "why-fault RUN THREAD [--at N]",
     "what a faulted thread did, and what would have to be there"},
    {"why-denied", 2, 2, command_why_denied, "why-denied RUN THREAD CPTR [--at N]",
     "where a capability address leads, level by level"},
    {"retype", 2, 4, command_retype, "retype RUN UNTYPED TYPE [SIZE] [COUNT] [--at N]",
     "what this Retype would do now, or which rule refuses it"},
    {"fit", 1, 1, command_fit, "fit RUN SIZE [--at N]",
     "which untyped memory could give that much"},
    {"leak", 0, 0, command_leak, "leak RUN [--at N]",
     "memory that nobody can reach, or that only grows"},
    {"upgrade", 1, 1, command_upgrade, "upgrade RUN OUT",
     "make a recording of today's format of an older one"},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static void print_help(FILE *f)
{
    fputs("usage: capdb COMMAND RUN [OPERANDS] [--json]\n\n", f);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(f, "  capdb %s\n        %s\n", commands[i].usage, commands[i].summary);
    fputs("\nRUN is a recording (FILE or FILE@N) or a target: monitor:unix:PATH, "
          "monitor:tcp:HOST:PORT,\nmonitor:/dev/ttyX, gdb:… the same, ram:FILE.\n"
          "Things are named by domain, thread:NAME, tcb:0x…, frame:0x…, ep:0x…, ntfn:0x…, "
          "cnode:0x…,\nuntyped:0x…, pt:0x…, pd:0x…, pool:0x…, irq:N, slot:0x…, domain:NAME; "
          "addresses are physical\nunless they lie in the kernel's window; phys:0x… and "
          "kernel:0x… say which.\n"
          "Exit status: 0 yes, 1 no or breach, 2 could not tell.\n",
          f);
}

enum option_code {
    OPT_AT = 256,
    OPT_ALL,
    OPT_EVERY,
    OPT_PATIENCE,
    OPT_ON_CHANGE,
    OPT_COUNT,
    OPT_DOMAINS,
    OPT_FORMAT,
    OPT_JSON,
    OPT_STRICT,
    OPT_EXPLAIN,
    OPT_FLOW,
    OPT_SAME_MACHINE,
    OPT_AROUND,
    OPT_DEPTH
};

static const struct option long_options[] = {
    {"at", required_argument, NULL, OPT_AT},
    {"all", no_argument, NULL, OPT_ALL},
    {"every", required_argument, NULL, OPT_EVERY},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {"on-change", no_argument, NULL, OPT_ON_CHANGE},
    {"count", required_argument, NULL, OPT_COUNT},
    {"domains", required_argument, NULL, OPT_DOMAINS},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"json", no_argument, NULL, OPT_JSON},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"flow", no_argument, NULL, OPT_FLOW},
    {"same-machine", no_argument, NULL, OPT_SAME_MACHINE},
    {"around", required_argument, NULL, OPT_AROUND},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *name, const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 ||
        value >= UINT32_MAX) {
        command_complain(NULL, "--%s %s: not a positive number", name, text);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool parse_seconds(const char *name, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(*out) && *out >= 0 && *out < 1e9)
        return true;
    command_complain(NULL, "--%s %s: not a number of seconds", name, text);
    return false;
}

static bool take_option(struct options *o, int code)
{
    switch (code) {
    case OPT_AT:
        return parse_number("at", optarg, &o->at);
    case OPT_COUNT:
        return parse_number("count", optarg, &o->count);
    case OPT_EVERY:
        return parse_seconds("every", optarg, &o->every);
    case OPT_PATIENCE:
        return parse_seconds("patience", optarg, &o->patience);
    case OPT_ALL:
        o->all = true;
        return true;
    case OPT_ON_CHANGE:
        o->on_change = true;
        return true;
    case OPT_DOMAINS:
        o->domains = optarg;
        return true;
    case OPT_FORMAT:
        o->format = optarg;
        return true;
    case OPT_JSON:
        output_default = OUTPUT_JSON;
        return true;
    case OPT_STRICT:
        o->strict = true;
        return true;
    case OPT_EXPLAIN:
        o->explain = true;
        return true;
    case OPT_SAME_MACHINE:
        o->same_machine = true;
        return true;
    case OPT_AROUND:
        o->around = optarg;
        return true;
    case OPT_DEPTH:
        return parse_number("depth", optarg, &o->depth);
    case OPT_FLOW:
        o->flow = true;
        return true;
    case 'o':
        o->output = optarg;
        return true;
    default:
        return false;
    }
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* And not from one snapshot, so that each incomplete one is in what they say. */
static bool answers_from_all(const struct command *c)
{
    return c->run == command_history || c->run == command_revokes || c->run == command_report ||
           c->run == command_sql || c->run == command_live;
}

int main(int argc, char **argv)
{
    struct options o = {.every = -1, .patience = -1};
    int code;
    signal(SIGPIPE, SIG_DFL);
    while ((code = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1) {
        if (code == 'h')
            return print_help(stdout), STATUS_YES;
        if (!take_option(&o, code))
            return STATUS_UNKNOWN;
    }
    if (optind >= argc)
        return print_help(stderr), STATUS_UNKNOWN;
    const struct command *c = find_command(argv[optind]);
    if (!c)
        return command_complain(NULL, "no command %s; capdb --help lists them", argv[optind]);
    o.operands = argc - optind - 2;
    if (o.operands < c->min || o.operands > c->max)
        return command_complain(NULL, "usage: capdb %s", c->usage);
    o.run = argv[optind + 1];
    o.operand = argv + optind + 2;
    if (o.on_change && o.every >= 0)
        return command_complain(NULL, "--every and --on-change exclude each other");
    o.whole = answers_from_all(c);
    enum status s = c->run(&o);
    return (int)(o.doubt ? STATUS_UNKNOWN : s); /* a sentence has said why */
}
