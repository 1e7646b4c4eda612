/* Help: the keys of the view one is in first, then all others; made from the table of actions, so
 * that it cannot be wrong.  It scrolls, and / searches in it. */
#include "inspector-tui/keycodes.h"
#include "inspector-tui/paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_LINES = 320, HELP_WIDTH = 160, HELP_KEYS = 15, HELP_TEXT = 60, NAMES_FROM = 100 };

struct help {
    char text[HELP_LINES][HELP_WIDTH];
    uint32_t count;
};

static char *next(struct help *h)
{
    if (h->count < HELP_LINES)
        h->count++;
    return h->text[h->count - 1];
}

/* What most people come for, with the keys that lead there: "%" stands for the key of the next
 * action. */
static const struct {
    const char *what, *how;
    const char *actions[4];
} questions[] = {
    {"Who owns a frame?",
     "% and its address; % goes to a thing, % back",
     {"goto", "follow", "back"}},
    {"Where is it from?",
     "% on a capability; % goes to the one it was derived from",
     {"derivation", "close"}},
    {"What changed?",
     "% compares with a minute ago, % lists it; % marks",
     {"compare", "view-updates", "mark"}},
    {"What goes with it?",
     "% previews a revoke; % stops there, % steps, % ends it",
     {"preview", "arm", "step", "finish"}},
};

static void add_questions(struct help *h)
{
    enum { QUESTIONS = sizeof(questions) / sizeof(*questions) };
    snprintf(next(h), HELP_WIDTH, "To begin with");
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        char *out = next(h);
        int n = snprintf(out, HELP_WIDTH, "  %-20s ", questions[i].what);
        uint32_t action = 0;
        for (const char *p = questions[i].how; *p && n + KEY_NAME < HELP_WIDTH; p++)
            n += *p == '%' ? snprintf(out + n, KEY_NAME, "%s",
                                      bindings_key(questions[i].actions[action++]))
                           : snprintf(out + n, 2, "%c", *p);
    }
}

/* With the name that the configuration file knows it by, at the end of the line where it has room. */
static void help_line(struct help *h, const char *head, const char *text, const char *name)
{
    enum { MARGIN = 2, GAP = 2 };
    char *out = next(h);
    int n = snprintf(out, HELP_WIDTH, "  %s %s", head, text), names = (int)strlen(name);
    if (n >= HELP_WIDTH)
        return;
    if (COLS >= NAMES_FROM && n < MARGIN + HELP_KEYS + HELP_TEXT)
        snprintf(out + n, (size_t)(HELP_WIDTH - n), "%*s %s", MARGIN + HELP_KEYS + HELP_TEXT - n,
                 "", name);
    else if (n + GAP + names <= COLS)
        snprintf(out + n, (size_t)(HELP_WIDTH - n), "%*s%s", COLS - n - names, "", name);
}

static void add_action(struct help *h, const struct action *a)
{
    enum { KEYS = 14 };
    char keys[80], head[100];
    bindings_keys(a, keys, sizeof(keys));
    snprintf(head, sizeof(head), "%-*s", KEYS, keys);
    help_line(h, head, a->help, a->name);
}

/* Those that mean the same everywhere. */
static void add_group(struct help *h, const char *group)
{
    snprintf(next(h), HELP_WIDTH, "%s", group);
    for (uint32_t i = 0; i < action_count; i++)
        if (strcmp(actions[i].group, group) == 0 && actions[i].view < 0)
            add_action(h, &actions[i]);
}

static bool is_first_of_group(uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(actions[k].group, actions[i].group) == 0)
            return false;
    return true;
}

static const struct action *action_called(const char *name)
{
    for (uint32_t i = 0; i < action_count; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

/* What one does most in each view, besides what has a meaning only there. */
enum { MOST_USED = 6 };
static const char *const most_used[VIEWS][MOST_USED] = {
    [VIEW_OVERVIEW] = {"follow", "goto", "mark", "compare"},
    [VIEW_DOMAINS] = {"open", "follow", "reach", "compare"},
    [VIEW_THREADS] = {"chain", "pane-focus", "who", "preview", "sort"},
    [VIEW_SPACES] = {"open", "derivation", "who", "preview"},
    [VIEW_DERIVATION] = {"open", "who", "preview", "arm"},
    [VIEW_OBJECTS] = {"open", "derivation", "reach", "sort"},
    [VIEW_MEMORY] = {"goto", "open", "close", "reach"},
    [VIEW_VSPACE] = {"open", "who", "goto"},
    [VIEW_REACH] = {"reach", "open", "back"},
    [VIEW_VERDICT] = {"follow", "pane-focus", "derivation"},
    [VIEW_EVENTS] = {"follow", "event-back", "event-on", "view-revoke", "newest"},
    [VIEW_REVOKE] = {"preview", "arm", "step", "step-back", "finish", "continue"},
    [VIEW_CHANGES] = {"mark", "compare", "earlier", "later"},
    [VIEW_SQL] = {"follow", "pane-focus"},
    [VIEW_LOG] = {"command", "follow", "last"},
};

static void add_this_view(const struct app *app, struct help *h)
{
    snprintf(next(h), HELP_WIDTH, "This view: %s", view_about(app->current));
    for (uint32_t i = 0; i < action_count; i++)
        if (actions[i].view == (int)app->current)
            add_action(h, &actions[i]);
    for (uint32_t i = 0; i < MOST_USED && most_used[app->current][i]; i++)
        add_action(h, action_called(most_used[app->current][i]));
}

static void add_views(struct help *h)
{
    char head[100], keys[80];
    snprintf(next(h), HELP_WIDTH, GROUP_VIEWS);
    for (uint32_t i = 0; i < VIEWS; i++) {
        bindings_keys(action_called(view_action(i)), keys, sizeof(keys));
        snprintf(head, sizeof(head), "%-2s %-14s", keys[0] ? keys : "-", view_name(i));
        help_line(h, head, view_about(i), view_action(i));
    }
}

static void add_commands(struct help *h)
{
    const char *help, *word;
    snprintf(next(h), HELP_WIDTH, "Typed after :");
    for (uint32_t i = 0; (word = command_help(i, &help)); i++)
        if (help[0])
            snprintf(next(h), HELP_WIDTH, "  :%-13s %s", word, help);
    snprintf(next(h), HELP_WIDTH, "  %-14s %s", ":...",
             "anything else is for the target's monitor");
}

static const char *const signs[] = {
    "Signs",
    "  + born   - died   ~ moved   * changed    against the snapshot before, or the mark",
    "  + - at the edge of a row: closed, open",
    "  > before a capability: the one that a revoke takes next; before an event: shown now",
    "  memory: K kernel  C objects of domain c  c its free  & shared  . free  ! lost  _ nobody's",
    "  memory: of several things in a piece a letter tells objects before what is lost",
    "  lost: of untyped memory, handed out and in no object; a revoke gives it back",
    "  nobody's: no capability leads there, nobody can get it back; :leak lists it",
    "  reaches: letters of the domains whose objects it refers to; ! it breaks isolation of them",
    "  1m, 26s, mark over a column: more or fewer capabilities than then",
    "  waits for: a < b until b sends or signals; a > b until b receives",
    "  time: . a snapshot, or several  ^ many changes  # the one shown  m the mark",
    "  sizes: 52K, 1M are cut to whole ones; 53760B is exact",
};

static void make_whole(const struct app *app, struct help *h)
{
    add_this_view(app, h);
    add_questions(h);
    add_views(h);
    for (uint32_t i = 0; i < action_count; i++)
        if (is_first_of_group(i) && strcmp(actions[i].group, GROUP_VIEWS) != 0)
            add_group(h, actions[i].group);
    add_commands(h);
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
        snprintf(next(h), HELP_WIDTH, "%s", signs[i]);
    snprintf(next(h), HELP_WIDTH, "A number before a key repeats it: 5j, 3], 10s");
}

/* A line over as many as it needs. */
static void wrap(struct help *h, const char *text)
{
    enum { INDENT = 4 };
    size_t from = 0, length = strlen(text);
    do {
        int indent = from && COLS > 4 * INDENT ? INDENT : 0;
        size_t n = paint_row(text + from, length - from, COLS - indent);
        snprintf(next(h), HELP_WIDTH, "%*s%.*s", indent, "", (int)n, text + from);
        from += n + strspn(text + from + n, " ");
    } while (from < length);
}

static void make(const struct app *app, struct help *h)
{
    static struct help whole; /* lines that may be wider than the screen */
    whole.count = 0;
    make_whole(app, &whole);
    h->count = 0;
    for (uint32_t i = 0; i < whole.count; i++)
        wrap(h, whole.text[i]);
}

static uint32_t rows_shown(void)
{
    enum { AROUND = 3 }; /* lines: the bar, the head and the last one */
    return LINES > AROUND ? (uint32_t)(LINES - AROUND) : 0;
}

static void show_from(struct app *app, const struct help *h, long lines)
{
    long last = (long)h->count - (long)rows_shown(), to = (long)app->help_top + lines;
    to = to < last ? to : last;
    app->help_top = to < 0 ? 0 : (uint32_t)to;
}

/* What is searched for, and how far one is. */
static void draw_last_line(const struct app *app, uint32_t count, uint32_t rows)
{
    char text[120];
    uint32_t end = app->help_top + rows < count ? app->help_top + rows : count;
    if (app->waiting_key == '/' || app->help_search[0])
        snprintf(text, sizeof(text), "/%s", app->help_search);
    else
        snprintf(text, sizeof(text), "lines %u to %u of %u%s", count ? app->help_top + 1 : 0, end,
                 count, end < count ? "   Space: the next page" : "");
    paint_line(app, LINES - 1, A_NORMAL, text);
}

static void scroll_help(struct app *app, long lines)
{
    static struct help h;
    make(app, &h);
    show_from(app, &h, lines);
}

void help_draw(struct app *app)
{
    static struct help h;
    make(app, &h);
    uint32_t rows = rows_shown();
    show_from(app, &h, 0); /* the terminal may have another size */
    erase();
    paint_bar(app);
    paint_line(app, 1, paint_style(STYLE_KEY),
               "Help   j k scroll   / search   any other key goes back");
    for (uint32_t i = 0; i < rows && app->help_top + i < h.count; i++) {
        const char *text = h.text[app->help_top + i];
        bool found = app->help_search[0] && strcasestr(text, app->help_search);
        paint_line(app, (int)i + 2,
                   found            ? A_REVERSE
                   : text[0] == ' ' ? A_NORMAL
                                    : paint_style(STYLE_HEAD),
                   text);
    }
    draw_last_line(app, h.count, rows);
}

/* To the next line from this one on that holds what is searched for. */
static void search(struct app *app, uint32_t from)
{
    static struct help h;
    make(app, &h);
    for (uint32_t i = 0; i < h.count && app->help_search[0]; i++) {
        uint32_t at = (from + i) % h.count;
        if (strcasestr(h.text[at], app->help_search)) {
            app->help_found = app->help_top = at;
            show_from(app, &h, 0);
            return;
        }
    }
}

/* Typing what is searched for: each letter searches from where one was. */
static void search_key(struct app *app, int key)
{
    size_t n = strlen(app->help_search);
    if (key == '\n' || key == '\r' || key == KEY_ENTER || key == ESCAPE)
        app->waiting_key = 0;
    else if ((key == KEY_BACKSPACE || key == RUBOUT || key == CTRL('H')) && n > 0)
        app->help_search[n - 1] = 0;
    else if (key >= ' ' && key < RUBOUT && n + 1 < sizeof(app->help_search))
        app->help_search[n] = (char)key, app->help_search[n + 1] = 0;
    if (app->waiting_key)
        search(app, app->help_from);
}

bool help_key(struct app *app, int key)
{
    long page = rows_shown() > 1 ? (long)rows_shown() - 1 : 1;
    if (app->waiting_key == '/') {
        search_key(app, key);
        return true;
    }
    switch (key) {
    case 'j':
    case KEY_DOWN:
        scroll_help(app, 1);
        return true;
    case 'k':
    case KEY_UP:
        scroll_help(app, -1);
        return true;
    case KEY_NPAGE:
    case ' ':
        scroll_help(app, page);
        return true;
    case KEY_PPAGE:
        scroll_help(app, -page);
        return true;
    case 'n':
        search(app, app->help_found + 1);
        return true;
    case '/':
        app->waiting_key = '/';
        app->help_search[0] = 0;
        app->help_from = app->help_top;
        return true;
    case KEY_RESIZE:
    case KEY_MOUSE:
        return true;
    default:
        app->show_help = false;
        return true;
    }
}
