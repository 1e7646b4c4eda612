/* Help: the keys of the view one is in first, then all others; made from the table of actions, so
 * that it cannot be wrong.  It scrolls, and / searches in it. */
#include "inspector-tui/app.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_LINES = 256, HELP_WIDTH = 160 };

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

/* "F5 :" for the keys of an action. */
static void keys_of(const struct app *app, const struct action *a, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < app->key_count && n + 1 < size; i++) {
        char name[16];
        if (app->keys[i].action == a && keys_name(app->keys[i].key, name)[0])
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", name);
    }
}

/* The name that the configuration file knows it by, where there is room. */
static void help_line(char *out, const char *keys, const struct action *a)
{
    enum { KEYS = 14, TEXT = 60, NAMES_FROM = 100 };
    snprintf(out, HELP_WIDTH, "  %-*s %-*s %s", KEYS, keys, TEXT, a->help,
             COLS >= NAMES_FROM ? a->name : "");
}

static void add_group(const struct app *app, struct help *h, const char *group, int view)
{
    bool head = false;
    for (uint32_t i = 0; i < action_count; i++) {
        const struct action *a = &actions[i];
        char keys[80];
        if (strcmp(a->group, group) != 0 || (view >= 0) != (a->view >= 0) ||
            (view >= 0 && a->view != view))
            continue;
        if (!head)
            snprintf(next(h), HELP_WIDTH, "%s", group);
        head = true;
        keys_of(app, a, keys, sizeof(keys));
        help_line(next(h), keys, a);
    }
}

static void make(const struct app *app, struct help *h)
{
    h->count = 0;
    snprintf(next(h), HELP_WIDTH, "This view: %s", view_about(app->current));
    for (uint32_t i = 0; i < action_count; i++)
        if (actions[i].view == (int)app->current) {
            char keys[80];
            keys_of(app, &actions[i], keys, sizeof(keys));
            help_line(next(h), keys, &actions[i]);
        }
    for (uint32_t i = 0; i < action_count; i++) {
        bool first = true;
        for (uint32_t k = 0; k < i; k++)
            first &= strcmp(actions[k].group, actions[i].group) != 0;
        if (first)
            add_group(app, h, actions[i].group, -1);
    }
    snprintf(next(h), HELP_WIDTH, "Views");
    for (uint32_t i = 0; i < VIEWS; i++)
        snprintf(next(h), HELP_WIDTH, "  %-14c %s: %s", view_key(i), view_name(i), view_about(i));
    snprintf(next(h), HELP_WIDTH, "Signs");
    snprintf(next(h), HELP_WIDTH,
             "  + born   - died   ~ moved   * changed    against the snapshot "
             "before, or the mark");
    snprintf(next(h), HELP_WIDTH,
             "  + - before a row: closed, open    > the capability a revoke "
             "takes next");
    snprintf(next(h), HELP_WIDTH, "A number before a key repeats it: 5j, 3], 10s");
}

void help_draw(struct app *app)
{
    static struct help h;
    make(app, &h);
    uint32_t rows = LINES > 2 ? (uint32_t)LINES - 2 : 0;
    if (app->help_top + rows > h.count)
        app->help_top = h.count > rows ? h.count - rows : 0;
    erase();
    attrset(A_REVERSE);
    mvprintw(0, 0, "%-*.*s", COLS, COLS, " Help   j k scroll   / search   any other key goes back");
    for (uint32_t i = 0; i < rows && app->help_top + i < h.count; i++) {
        const char *text = h.text[app->help_top + i];
        bool found = app->help_search[0] && strcasestr(text, app->help_search);
        attrset((int)(found            ? A_REVERSE
                      : text[0] == ' ' ? A_NORMAL
                                       : palette_attributes(STYLE_HEAD)));
        mvaddnstr((int)i + 1, 0, text, (int)text_fit(text, strlen(text), (uint32_t)COLS));
    }
    attrset(A_NORMAL);
    mvprintw(LINES - 1, 0, "/%s", app->help_search);
}

static void search(struct app *app)
{
    static struct help h;
    make(app, &h);
    for (uint32_t i = 1; i <= h.count && app->help_search[0]; i++) {
        uint32_t at = (app->help_top + i) % h.count;
        if (strcasestr(h.text[at], app->help_search)) {
            app->help_top = at;
            return;
        }
    }
}

bool help_key(struct app *app, int key)
{
    size_t n = strlen(app->help_search);
    if (app->waiting_key == '/') { /* typing what is searched for */
        if (key == '\n' || key == '\r' || key == KEY_ENTER || key == 27)
            app->waiting_key = 0;
        else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && n > 0)
            app->help_search[n - 1] = 0;
        else if (key >= ' ' && key < 127 && n + 1 < sizeof(app->help_search))
            app->help_search[n] = (char)key, app->help_search[n + 1] = 0;
        search(app);
        return true;
    }
    switch (key) {
    case 'j':
    case KEY_DOWN:
        app->help_top++;
        return true;
    case 'k':
    case KEY_UP:
        app->help_top -= app->help_top > 0;
        return true;
    case KEY_NPAGE:
    case ' ':
        app->help_top += LINES > 4 ? (uint32_t)LINES - 4 : 1;
        return true;
    case KEY_PPAGE:
        app->help_top -= app->help_top > (uint32_t)LINES ? (uint32_t)LINES : app->help_top;
        return true;
    case 'n':
        search(app);
        return true;
    case '/':
        app->waiting_key = '/';
        app->help_search[0] = 0;
        return true;
    case KEY_RESIZE:
    case KEY_MOUSE:
        return true;
    default:
        app->show_help = false;
        return true;
    }
}
