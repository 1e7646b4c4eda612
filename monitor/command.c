/* The table of commands, and the dispatch of a line to one of them. */
#include "monitor/command.h"

#include "monitor/door/door.h"
#include "monitor/monitor.h"
#include "monitor/out.h"
#include "monitor/view.h"

static enum error command_help(const struct args *a);
static enum error command_version(const struct args *a);

/* clang-format off */
static const struct command commands[] = {
    {"help", "[COMMAND]", "this list, or one command's usage", 1, WHEN_ANY, command_help},
    {"threads", "", "every thread: state, priority, what it waits for", 0, WHEN_ANY, command_threads},
    {"objects", "[TYPE]", "every object and how many capabilities refer to it", 1, WHEN_ANY, command_objects},
    {"cnode", "ADDRESS|THREAD", "the occupied slots of a CNode", 1, WHEN_ANY, command_cnode},
    {"slot", "ADDRESS", "one slot: capability, place, parent, children, history", 1, WHEN_ANY, command_slot},
    {"cdt", "[SLOT]", "the derivation tree, or what hangs below one slot", 1, WHEN_ANY, command_cdt},
    {"untyped", "[ADDRESS|all]", "each untyped: live, free, lost, what a revoke gives back", 1, WHEN_ANY, command_untyped},
    {"frame", "ADDRESS", "a frame's owner, capabilities and mappings", 1, WHEN_ANY, command_frame},
    {"who", "ADDRESS|THREAD", "all holders of capabilities to an object", 1, WHEN_ANY, command_who},
    {"vspace", "THREAD|ADDRESS", "the translations of an address space", 1, WHEN_ANY, command_vspace},
    {"irqs", "", "interrupts in use and whom they signal", 0, WHEN_ANY, command_irqs},
    {"sched", "", "current thread and the runnable ones by priority", 0, WHEN_ANY, command_sched},
    {"audit", "", "checks the invariants of all capability state", 0, WHEN_ANY, command_audit},
    {"snapshot", "[wire [audit]|capdl]", "counts of everything; all of it in frames; as capDL", 2, WHEN_ANY, command_snapshot},
    {"trace", "[on|off|last [N]|wire|live on [for SECONDS]|live off]", "the journal of capability events", 4, WHEN_ANY, command_trace},
    {"break", "[on OP [slot A] [object A] [range A-B] [thread T]]", "stop at events; alone: list", ARGS_MAX, WHEN_ANY, command_break},
    {"delete", "N|all", "remove conditions of `break`", 1, WHEN_ANY, command_delete},
    {"step", "[N]", "one event; in a revoke one capability", 1, WHEN_STOPPED, command_step},
    {"finish", "", "to the end of the revoke or delete under way", 0, WHEN_STOPPED, command_finish},
    {"where", "", "where the kernel stands; the revoke under way", 0, WHEN_ANY, command_where},
    {"continue", "", "let the kernel run", 0, WHEN_STOPPED, command_continue},
    {"halt", "[for SECONDS]", "stop the kernel here; or until this line is silent so long", 2, WHEN_RUNNING | WHEN_STOPPED, command_halt},
    {"mem", "ADDRESS [BYTES]", "memory, up to 4096 bytes", 2, WHEN_ANY, command_mem},
    {"refusals", "[on|off]", "explain refused system calls on the console", 1, WHEN_ANY, command_refusals},
    {"version", "", "build, board, layout", 0, WHEN_ANY, command_version},
};
/* clang-format on */
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static bool on_serial;

bool command_on_serial(void)
{
    return on_serial;
}

static void print_usage(const struct command *c)
{
    out("usage: %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
}

/* The command of that name, or the only one that begins so. */
static const struct command *command_find(const char *name, bool *ambiguous)
{
    const struct command *found = NULL;
    *ambiguous = false;
    for (uint32_t i = 0; i < COMMANDS; i++) {
        const char *p = commands[i].name, *q = name;
        while (*q != '\0' && *p == *q) {
            p++;
            q++;
        }
        if (*q != '\0')
            continue;
        if (*p == '\0')
            return &commands[i];
        *ambiguous = found;
        found = &commands[i];
    }
    return *ambiguous ? NULL : found;
}

static const struct command *command_find_or_say(const char *name)
{
    bool ambiguous;
    const struct command *c = command_find(name, &ambiguous);
    if (!c && ambiguous)
        out("'%s' could be several commands; see `help`\n", name);
    else if (!c)
        out("there is no command '%s'; see `help`\n", name);
    return c;
}

static enum error command_help(const struct args *a)
{
    if (a->count == 0) {
        for (uint32_t i = 0; i < COMMANDS; i++)
            out("%-9s %s\n", commands[i].name, commands[i].help);
        out("Addresses are hexadecimal and physical, or in the kernel window. ^C ends output.\n"
            "A command may be shortened. A line that begins with @ is answered in frames.\n");
        return ERR_OK;
    }
    const struct command *c = command_find_or_say(a->word[0]);
    if (!c)
        return ERR_NOT_FOUND;
    print_usage(c);
    out("%s\n", c->help);
    return ERR_OK;
}

static enum error command_version(const struct args *a)
{
    (void)a;
    struct objwalk *w = view_walk();
    if (!w)
        return ERR_NO_ROOTS;
    out("capscope %s, debug build, board %s\n", w->roots.build, w->roots.board);
    out("layout 0x%08x, roots version %u, record format %u\n", w->roots.layout, w->roots.version,
        RECORD_FORMAT);
    out("kernel 0x%08x-0x%08x, RAM 0x%08x, %u MiB\n", w->roots.kernel_start,
        w->roots.kernel_end - 1, w->roots.ram_base, w->roots.ram_size >> 20);
    return ERR_OK;
}

static unsigned when_now(void)
{
    if (debug_has_panicked())
        return WHEN_PANICKED;
    return debug_is_stopped() ? WHEN_STOPPED : WHEN_RUNNING;
}

static enum error say_not_now(const struct command *c)
{
    if (debug_has_panicked())
        out("%s: not after a panic of the kernel\n", c->name);
    else
        out("%s: only while the kernel is stopped; type halt first\n", c->name);
    return ERR_REFUSED;
}

static enum error dispatch(const struct args *a)
{
    if (!a->name)
        return ERR_OK;
    const struct command *c = command_find_or_say(a->name);
    if (!c)
        return ERR_NOT_FOUND;
    if (!(c->when & when_now()))
        return say_not_now(c);
    enum error e = a->count > c->most ? ERR_ARGUMENT : c->run(a);
    if (e == ERR_ARGUMENT)
        print_usage(c);
    return e;
}

enum error monitor_execute_serial(const char *line, format_sink sink, void *ctx,
                                  bool (*interrupted)(void))
{
    static struct args a;
    on_serial = interrupted;
    out_begin(sink, ctx, interrupted);
    enum error e = args_parse(&a, line);
    if (e == ERR_OK)
        e = dispatch(&a);
    else
        out("the line has too many characters or words\n");
    out_fresh_line();
    out_end();
    return e;
}

enum error monitor_execute(const char *line, format_sink sink, void *ctx)
{
    return monitor_execute_serial(line, sink, ctx, NULL);
}
