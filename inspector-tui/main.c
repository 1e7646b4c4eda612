/* inspector-tui: attaches to a target or opens a recording and shows its capabilities.
 *
 * Usage: inspector-tui TARGET [--record RUN.capdb] [--every SECONDS]
 *                      [--domains FILE] [--no-mouse]
 * Exit status 0 after q, 2 when the target could not be opened or vanished. */
#include "inspector-tui/app.h"

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
    "usage: inspector-tui TARGET [--record RUN.capdb] [--every SECONDS] [--domains FILE]\n"
    "                     [--no-mouse]\n"
    "\n"
    "TARGET is monitor:unix:PATH, monitor:tcp:HOST:PORT, monitor:/dev/ttyX[,BAUD],\n"
    "gdb:unix:PATH, gdb:tcp:HOST:PORT, gdb:/dev/ttyX[,BAUD], ram:FILE,\n"
    "or a recording RUN.capdb[@N].  Keys: ? inside.\n";

struct arguments {
    struct source_options source;
    bool mouse;
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
static int parse(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"record", required_argument, NULL, 'r'},  {"every", required_argument, NULL, 'e'},
        {"domains", required_argument, NULL, 'd'}, {"no-mouse", no_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    *a = (struct arguments){.source = {.interval_ms = 250}, .mouse = true};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'r':
            a->source.record = optarg;
            break;
        case 'e':
            if (parse_interval(optarg, &a->source.interval_ms))
                break;
            fprintf(stderr, "inspector-tui: --every %s: give seconds from 0.02 to 3600\n", optarg);
            return 2;
        case 'd':
            a->source.domains = optarg;
            break;
        case 'm':
            a->mouse = false;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return 2;
    }
    a->source.target = argv[optind];
    return -1;
}

static void end_screen(int signal_number)
{
    endwin();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void start_screen(bool mouse)
{
    setlocale(LC_ALL, "");
    signal(SIGTERM, end_screen);
    signal(SIGHUP, end_screen);
    initscr();
    raw();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_GREEN, -1);
        init_pair(2, COLOR_RED, -1);
    }
    if (mouse)
        mousemask(ALL_MOUSE_EVENTS, NULL);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int status = parse(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fputs("inspector-tui: needs a terminal; capdb answers without one\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    char message[512];
    struct source *source = source_open(&arguments.source, message, sizeof message);
    if (!source) {
        fprintf(stderr, "inspector-tui: %s\n", message);
        return 2;
    }
    static struct app app;
    app_init(&app, source);
    app.mouse = arguments.mouse;
    start_screen(arguments.mouse);
    status = app_run(&app);
    endwin();
    if (app.ending[0])
        fprintf(stderr, "inspector-tui: %s\n", app.ending);
    app_fini(&app);
    source_close(source);
    return status;
}
