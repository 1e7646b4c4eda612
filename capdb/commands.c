/* The table of commands.  A line of usage is both what people read and what decides which options a
 * command takes. */
#include "capdb/commands.h"

#include "capdb/nearest.h"

#include <string.h>

static const struct command commands[] = {
    {"record", 1, 1, command_record,
     "record TARGET RUN [--every SECONDS | --on-change] [--count N] [--events] [--patience SECONDS]"
     " [--domains FILE] [--same-machine] [--kernel ELF [--layout FILE]]",
     "take snapshots of a target into a recording",
     "capdb record monitor:unix:build/run/monitor.sock run.capdb --on-change"},
    {"snapshots", 0, 0, command_snapshots, "snapshots RUN [--from N --to N]", "list the snapshots",
     "capdb snapshots run.capdb --from -5m"},
    {"info", 0, 0, command_info, "info RUN [--at N]", "what was recorded, when, how big",
     "capdb info run.capdb"},
    {"threads", 0, 0, command_threads, "threads RUN [--at N]", "threads, states, domains",
     "capdb threads run.capdb --at 11:47:27"},
    {"domains", 0, 0, command_domains, "domains RUN [--at N]", "domains, islands, flows",
     "capdb domains run.capdb --at -1m"},
    {"owner", 1, 1, command_owner, "owner RUN ADDRESS [--at N]",
     "which domain owns this memory, who can reach it, where it comes from",
     "capdb owner run.capdb 0x82104000"},
    {"history", 1, 1, command_history, "history RUN ADDRESS [--from N --to N]",
     "every owner and holder over time",
     "capdb history run.capdb 0x82104000 --from 11:47 --to 11:49"},
    {"who", 1, 1, command_who, "who RUN OBJECT [--at N] [--from N --to N]",
     "all capabilities to an object, now or over time", "capdb who run.capdb ep:0x8281d400"},
    {"cdt", 0, 1, command_cdt, "cdt RUN [SLOT] [--at N]", "the derivation tree",
     "capdb cdt run.capdb slot:0x82406000"},
    {"preview", 1, 1, command_preview, "preview RUN SLOT [--at N]", "what a revoke would take",
     "capdb preview run.capdb 0x82406000"},
    {"untyped", 0, 1, command_untyped, "untyped RUN [THING] [--at N]",
     "untyped memory: used, free, lost, reclaimable; all, a domain's, or that which THING lies in",
     "capdb untyped run.capdb 0x82480000"},
    {"diff", 0, 2, command_diff, "diff RUN [A B | --from N --to N]",
     "what changed between two snapshots", "capdb diff run.capdb --from 11:47 --to 11:49"},
    {"path", 2, 2, command_path, "path RUN FROM TO [--at N] [--flow] [--strict]",
     "shortest authority path, edge by edge", "capdb path run.capdb guest critical --flow"},
    {"can", 3, 3, command_can, "can RUN SUBJECT RIGHT OBJECT [--at N] [--strict]",
     "could it ever, and by which operations", "capdb can run.capdb guest write frame:0x82117000"},
    {"who-can-reach", 1, 1, command_who_can_reach, "who-can-reach RUN THING [--at N] [--strict]",
     "threads with authority that leads to it", "capdb who-can-reach run.capdb frame:0x82117000"},
    {"what-can-it-reach", 1, 1, command_what_can_it_reach,
     "what-can-it-reach RUN THING [--at N] [--strict]", "objects to which its authority leads",
     "capdb what-can-it-reach run.capdb guest"},
    {"check", 0, 0, command_check,
     "check RUN [--at N | --all | --from N --to N] [--strict] [--explain] [--policy FILE]"
     " [--junit FILE]",
     "isolation and retype invariants, or what a policy does not allow; exit 1 on a breach",
     "capdb check run.capdb --all --json"},
    {"policy", 0, 0, command_policy, "policy RUN [--at N | --all] [--strict] [-o FILE]",
     "what may pass between domains, as a file to review and to check by",
     "capdb policy run.capdb --all -o system.policy"},
    {"revokes", 0, 1, command_revokes, "revokes RUN [REVOKE] [--from N --to N]",
     "revocations, step by step", "capdb revokes run.capdb 3"},
    {"export", 0, 0, command_export,
     "export RUN --format capdl|dot|json|csv|trace|events"
     " [--at N | --from N --to N] [--around THING] [--depth N] [--strict] [-o FILE]",
     "the state for other programs", "capdb export run.capdb --format dot | dot -Tsvg -o run.svg"},
    {"import", 1, 1, command_import, "import FILE.cdl RUN [--domains FILE]",
     "make a recording of a capDL specification, to check a design",
     "capdb import system.cdl design.capdb"},
    {"compare", 1, 1, command_compare, "compare A B",
     "what tells two systems apart, by names and by shape; exit 1 if anything does",
     "capdb compare design.capdb run.capdb"},
    {"report", 0, 0, command_report,
     "report RUN -o FILE.html [--at N] [--from N --to N] [--strict]", "one page with pictures",
     "capdb report run.capdb -o run.html"},
    {"sql", 1, 1, command_sql, "sql RUN \"SELECT …\" [--from N --to N] [--domains FILE]",
     "query the documented views", "capdb sql run.capdb \"SELECT * FROM crossings WHERE n = 4\""},
    {"live", 0, 1, command_live, "live TARGET [\"SELECT …\"]",
     "the same, asked of a running system; without a statement, of each that is typed",
     "capdb live ram:build/run/ram \"SELECT * FROM threads\""},
    {"verify", 0, 0, command_verify, "verify RUN",
     "is it what was recorded? the file, the chain of commits, every snapshot, the events",
     "capdb verify run.capdb"},
    {"why-not-running", 1, 1, command_why_not_running, "why-not-running RUN THREAD [--at N]",
     "what a thread waits for, who could end that, and why they do not",
     "capdb why-not-running run.capdb guest/init"},
    {"why-fault", 1, 1, command_why_fault, "why-fault RUN THREAD [--at N]",
     "what a faulted thread did, and what would have to be there",
     "capdb why-fault run.capdb guest/init"},
    {"why-denied", 2, 2, command_why_denied, "why-denied RUN THREAD CPTR [--at N]",
     "where a capability address leads, level by level",
     "capdb why-denied run.capdb guest/init 21"},
    {"retype", 2, 4, command_retype, "retype RUN UNTYPED TYPE [SIZE] [COUNT] [--at N]",
     "what this Retype would do now, or which rule refuses it",
     "capdb retype run.capdb untyped:0x82480000 frame 4K 4"},
    {"fit", 1, 1, command_fit, "fit RUN SIZE [--at N]", "which untyped memory could give that much",
     "capdb fit run.capdb 64K"},
    {"gdb-proxy", 1, 1, command_gdb_proxy, "gdb-proxy TARGET LISTEN [--domains FILE]",
     "a gdb server in front of a stub: every thread, and monitor cap",
     "capdb gdb-proxy gdb:tcp:localhost:1234 tcp:2345"},
    {"leak", 0, 0, command_leak, "leak RUN [--at N]",
     "memory that nobody can reach, or that only grows", "capdb leak run.capdb"},
    {"upgrade", 1, 1, command_upgrade, "upgrade RUN OUT",
     "make a recording of today's format of an older one", "capdb upgrade old.capdb new.capdb"},
    {"publish", 1, 1, command_publish, "publish RUN postgresql://… [--name NAME] [--to N]",
     "put the recording into PostgreSQL, beside others",
     "capdb publish run.capdb postgresql:///nightly --name 2026-11-29"},
    {"compact", 0, 0, command_compact, "compact RUN",
     "write the recording anew without the room that nothing uses", "capdb compact run.capdb"},
    {"cut", 1, 1, command_cut, "cut RUN OUT [--from N] [--to N]",
     "a smaller recording of some of its snapshots, to send to somebody",
     "capdb cut run.capdb part.capdb --from 11:47 --to 11:49"},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static bool names_option(const struct command *c, const char *name)
{
    char text[32];
    snprintf(text, sizeof(text), strcmp(name, "output") == 0 ? "-o FILE" : "--%s", name);
    return strstr(c->usage, text);
}

/* Is the command's name among the words? */
static bool is_one_of(const struct command *c, const char *words)
{
    size_t length = strlen(c->name);
    for (const char *at = words; (at = strstr(at, c->name)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* What every command has that interprets a snapshot. */
static bool takes_domains(const struct command *c)
{
    return !is_one_of(c, "snapshots verify upgrade compact cut publish import");
}

/* The others write in a form of their own, or tell in a sentence what they did. */
static bool takes_json(const struct command *c)
{
    return !is_one_of(c,
                      "export policy record import report upgrade publish compact cut gdb-proxy");
}

bool command_takes(const struct command *c, const char *option)
{
    return (strcmp(option, "json") == 0 && takes_json(c)) || names_option(c, option) ||
           (takes_domains(c) && (strcmp(option, "domains") == 0 || strcmp(option, "kernel") == 0 ||
                                 strcmp(option, "layout") == 0));
}

void commands_help_one(const struct command *c)
{
    printf("usage: capdb %s%s%s\n\n%s.\n\nexample:\n    %s\n", c->usage,
           takes_domains(c) && !names_option(c, "domains") ? " [--domains FILE]" : "",
           takes_json(c) ? " [--json]" : "", c->summary, c->example);
    if (names_option(c, "at") || names_option(c, "from") || names_option(c, "to"))
        puts("\nN is the number of a snapshot, a time of day or a moment (11:47:27,\n"
             "2026-11-29T11:47:27, UTC), or a time before the newest (-30s, -1m, -2h).");
}

void commands_help(FILE *f)
{
    fputs(
        "usage: capdb COMMAND RUN [OPERANDS] [--json]\n       capdb COMMAND --help\n       capdb --help | --version\n\n",
        f);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(f, "  capdb %s\n        %s\n", commands[i].usage, commands[i].summary);
    fputs("\nRUN is a recording (FILE, FILE@N or FILE@TIME) or a target: monitor:unix:PATH, "
          "monitor:tcp:HOST:PORT,\nmonitor:/dev/ttyX, gdb:… the same, ram:FILE.\n"
          "Things are named by domain, thread:NAME, tcb:0x…, frame:0x…, ep:0x…, ntfn:0x…, "
          "cnode:0x…,\nuntyped:0x…, pt:0x…, pd:0x…, pool:0x…, irq:N, slot:0x…, domain:NAME; "
          "addresses are physical\nunless they lie in the kernel's window; phys:0x… and "
          "kernel:0x… say which.\n"
          "A number without 0x that is a name, too, is refused: say domain:N, thread:N or 0x….\n"
          "Exit status: 0 yes, 1 no or breach, 2 could not tell.\n",
          f);
}

/* The usage without what a question from inside a debugger cannot have: a recording, its moments,
 * files.  A group in brackets goes as a whole. */
static void put_usage_inside(FILE *f, const struct command *c)
{
    static const char *const not_inside[] = {"--at", "--from", "FILE"};
    for (const char *at = c->usage; *at;) {
        const char *group = *at == '[' ? strchr(at, ']') : NULL;
        size_t n = group ? (size_t)(group + 1 - at) : strcspn(at, " ");
        bool skip = n == 3 && strncmp(at, "RUN", n) == 0;
        for (size_t i = 0; group && i < sizeof(not_inside) / sizeof(*not_inside); i++)
            skip |= !!memmem(at, n, not_inside[i], strlen(not_inside[i]));
        if (!skip)
            fprintf(f, " %.*s", (int)n, at);
        at += n;
        at += strspn(at, " ");
    }
}

void commands_help_inside(FILE *f, const struct command *one)
{
    fputs(one ? "usage:" : "of the machine as it stands:\n\n", f);
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = one ? one : &commands[i];
        if (!command_takes_one(c))
            continue;
        fputs(one ? " cap" : "  cap", f);
        put_usage_inside(f, c);
        fprintf(f, "%s%s%s\n",
                !one            ? "\n        "
                : takes_json(c) ? " [--json]\n\n"
                                : "\n\n",
                c->summary, one ? "." : "");
        if (one)
            return;
    }
    fputs("  cap only [0xADDRESS thread NAME | 0xADDRESS space NAME | 0xADDRESS all]\n"
          "        breakpoints that hold in one thread or address space alone\n",
          f);
}

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

enum status commands_none(const char *name, bool inside)
{
    struct nearest n = {.wanted = name};
    for (size_t i = 0; i < COMMANDS; i++)
        if (!inside || command_takes_one(&commands[i]))
            nearest_offer(&n, commands[i].name);
    return n.best ? command_complain(NULL, "no command %s; did you mean %s?", name, n.best)
                  : command_complain(NULL, "no command %s; %s lists them", name,
                                     inside ? "monitor cap" : "capdb --help");
}

bool command_takes_all(const struct command *c)
{
    return c->run == command_snapshots || c->run == command_history || c->run == command_revokes ||
           c->run == command_report || c->run == command_sql || c->run == command_live;
}

bool command_takes_one(const struct command *c)
{
    return is_one_of(
        c, "threads domains owner who cdt preview untyped path can check export sql retype "
           "fit leak why-not-running why-fault why-denied who-can-reach "
           "what-can-it-reach");
}
