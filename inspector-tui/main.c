/* inspector-tui: attaches to a target or opens a recording and shows its capabilities.
 *
 * Usage: inspector-tui TARGET [options], see below.  Exit status 0 after q, 2 when the target could
 * not be opened or the terminal cannot be used, 128 and the signal's number after a signal. */
#include "attach/sel4.h"
#include "inspector-tui/app.h"
#include "lib/host/standard.h"
#include "lib/host/version.h"

#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: inspector-tui TARGET [--record RUN.capdb] [--every SECONDS]\n"
    "                     [--domains FILE] [--config FILE] [--view NAME]\n"
    "                     [--no-mouse] [--no-color] [--ascii]\n"
    "                     [--kernel ELF [--layout FILE]]\n"
    "       inspector-tui --help | --version\n"
    "\n"
    "TARGET is monitor:unix:PATH, monitor:tcp:HOST:PORT, monitor:/dev/ttyX[,BAUD],\n"
    "gdb:unix:PATH, gdb:tcp:HOST:PORT, gdb:/dev/ttyX[,BAUD], ram:FILE,\n"
    "or a recording RUN.capdb[@MOMENT].  With --kernel, gdb: and ram: lead to a mainline\n"
    "seL4, of which this is the kernel.elf; --layout names structures.bf.pbf of its\n"
    "build.  Keys: ? inside.\n";

struct arguments {
    struct source_options source;
    struct authority_rules rules;
    const char *domains, *config, *view, *kernel, *layout;
    bool no_mouse, no_color, ascii;
};

static bool parse_interval(const char *text, uint32_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !isfinite(seconds) || seconds < 0.02 || seconds > 3600)
        return false;
    *ms = (uint32_t)(seconds * 1000);
    return true;
}

/* Exit status, or -1 to go on. */
static int take_option(struct arguments *a, int c)
{
    switch (c) {
    case 'r':
        a->source.record = optarg;
        return -1;
    case 'd':
        a->domains = optarg;
        return -1;
    case 'c':
        a->config = optarg;
        return -1;
    case 'v':
        a->view = optarg;
        return -1;
    case 'm':
        a->no_mouse = true;
        return -1;
    case 'n':
        a->no_color = true;
        return -1;
    case 'a':
        a->ascii = true;
        return -1;
    case 'k':
        a->kernel = optarg;
        return -1;
    case 'l':
        a->layout = optarg;
        return -1;
    case 'e':
        if (parse_interval(optarg, &a->source.interval_ms))
            return -1;
        fprintf(stderr, "inspector-tui: --every %s: give seconds from 0.02 to 3600\n", optarg);
        return 2;
    case 'h':
        fputs(usage, stdout);
        return 0;
    case 'V':
        printf("inspector-tui %s\n", host_version);
        return 0;
    default:
        fputs(usage, stderr);
        return 2;
    }
}

static int parse(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"record", required_argument, NULL, 'r'},
        {"every", required_argument, NULL, 'e'},
        {"domains", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},
        {"view", required_argument, NULL, 'v'},
        {"no-mouse", no_argument, NULL, 'm'},
        {"no-color", no_argument, NULL, 'n'},
        {"ascii", no_argument, NULL, 'a'},
        {"kernel", required_argument, NULL, 'k'},
        {"layout", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    *a = (struct arguments){.source = {.interval_ms = 250}};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        int status = take_option(a, c);
        if (status >= 0)
            return status;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return 2;
    }
    a->source.target = argv[optind];
    attach_use_kernel(a->kernel, a->layout);
    return -1;
}

static bool read_domains(struct arguments *a)
{
    struct authority_rules_fault fault;
    if (!a->domains)
        return true;
    enum error e = authority_rules_read(a->domains, &a->rules, &fault);
    if (e == ERR_FORMAT)
        fprintf(stderr, "inspector-tui: %s: line %u, column %u: %s\n", a->domains, fault.line,
                fault.column, fault.sentence);
    else if (e != ERR_OK)
        fprintf(stderr, "inspector-tui: %s: %s\n", a->domains,
                e == ERR_IO ? fault.sentence : error_sentence(e));
    if (e != ERR_OK)
        return false;
    a->source.rules = &a->rules;
    return true;
}

static bool read_config(struct app *app, const struct arguments *a)
{
    char path[512] = "", message[700];
    const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
    if (a->config)
        snprintf(path, sizeof(path), "%s", a->config);
    else if (xdg && *xdg)
        snprintf(path, sizeof(path), "%s/capscope/inspector.conf", xdg);
    else if (home && *home)
        snprintf(path, sizeof(path), "%s/.config/capscope/inspector.conf", home);
    bool good = !path[0] || config_read(app, path, message, sizeof(message));
    if (good && a->config && access(path, R_OK) != 0)
        good = false;
    if (!good)
        fprintf(stderr, "inspector-tui: %s\n", message);
    return good;
}

static bool first_view(struct app *app, const char *name)
{
    for (uint32_t i = 0; name && i < VIEWS; i++)
        if (strncasecmp(view_name(i), name, strlen(name)) == 0) {
            app->current = (enum view_id)i;
            return true;
        }
    if (name)
        fprintf(stderr, "inspector-tui: --view %s: no view is called that\n", name);
    return !name;
}

static bool terminal_can_draw(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fputs("inspector-tui: needs a terminal; capdb answers without one\n", stderr);
        return false;
    }
    if (!term || !*term || strcmp(term, "dumb") == 0 || strcmp(term, "unknown") == 0) {
        fprintf(stderr,
                "inspector-tui: the terminal '%s' cannot place a cursor; set TERM, or use "
                "capdb, which answers without one\n",
                term ? term : "");
        return false;
    }
    return true;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = app_interrupt}; /* no SA_RESTART: poll ends */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool start_screen(struct app *app, bool no_color)
{
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        fprintf(stderr, "inspector-tui: the terminal '%s' is not known here\n", getenv("TERM"));
        return false;
    }
    set_term(screen);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    palette_init(no_color);
    if (app->mouse)
        mousemask(ALL_MOUSE_EVENTS, NULL);
    return true;
}

static int show(const struct arguments *a, struct source *source)
{
    static struct app app;
    app_init(&app, source);
    palette_set_background("auto");
    app.ascii = !text_is_utf8();
    int status = 2;
    if (read_config(&app, a) && first_view(&app, a->view)) {
        app.mouse &= !a->no_mouse;
        app.ascii |= a->ascii;
        if (start_screen(&app, a->no_color)) {
            char trouble[700];
            status = app_run(&app);
            endwin();
            if (source_trouble(source, trouble, sizeof(trouble)))
                fprintf(stderr, "inspector-tui: %s\n", trouble);
        }
    }
    app_fini(&app);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    char message[700];
    standard_reserve();
    setlocale(LC_ALL, "");
    int status = parse(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!terminal_can_draw() || !read_domains(&arguments))
        return 2;
    catch_signals();
    struct source *source = source_open(&arguments.source, message, sizeof(message));
    if (!source) {
        fprintf(stderr, "inspector-tui: %s\n", message);
        return 2;
    }
    status = show(&arguments, source);
    source_close(source);
    authority_rules_free(&arguments.rules);
    return status;
}
