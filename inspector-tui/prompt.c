/* The line one types: cursor, history, completion. */
#include "inspector-tui/app.h"
#include "inspector-tui/keycodes.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void prompt_open(struct app *app, enum prompt prompt, const char *text)
{
    app->offers[0] = 0;
    app->prompt = prompt;
    snprintf(app->input, sizeof(app->input), "%s", text);
    app->input_cursor = (uint32_t)strlen(app->input);
    app->input_at = app->input_count;
}

/* The line of this prompt next to `at`, in the direction of `step`: its place, or that behind all; -1: there
 * is none. */
static long typed(const struct app *app, enum prompt prompt, long at, int step)
{
    do
        at += step;
    while (at >= 0 && at < (long)app->input_count && app->input_of[at] != prompt);
    return at > (long)app->input_count ? -1 : at;
}

static void keep_input(struct app *app, enum prompt prompt)
{
    long last = typed(app, prompt, (long)app->input_count, -1);
    if (!app->input[0] || (last >= 0 && strcmp(app->inputs[last], app->input) == 0))
        return;
    if (app->input_count == INPUTS_KEPT) {
        free(app->inputs[0]);
        memmove(app->inputs, app->inputs + 1, (INPUTS_KEPT - 1) * sizeof(*app->inputs));
        memmove(app->input_of, app->input_of + 1, (INPUTS_KEPT - 1) * sizeof(*app->input_of));
        app->input_count--;
    }
    char *copy = strdup(app->input);
    if (!copy)
        return;
    app->input_of[app->input_count] = prompt;
    app->inputs[app->input_count++] = copy;
}

static void start_search(struct app *app)
{
    if (app->input[0])
        snprintf(app->search, sizeof(app->search), "%s", app->input);
    app->searching = app->search[0] != 0;
    app->search_direction = 1;
    app->search_done = 0;
}

static void ask_sql(struct app *app)
{
    session_ask(&app->session, app->input);
    app_go(app, VIEW_SQL);
}

static void accept(struct app *app)
{
    enum prompt prompt = app->prompt;
    app->prompt = PROMPT_NONE;
    keep_input(app, prompt);
    switch (prompt) {
    case PROMPT_SEARCH:
        start_search(app);
        break;
    case PROMPT_FILTER:
        view_filter(&app->session, app_view(app), app->input);
        break;
    case PROMPT_COMMAND:
        command_run(app, app->input);
        break;
    case PROMPT_SQL:
        if (app->input[0])
            ask_sql(app);
        break;
    default:
        break;
    }
}

/* --- editing; the cursor stands between whole characters --- */

static uint32_t before(const char *text, uint32_t at)
{
    while (at > 0 && ((uint8_t)text[--at] & 0xc0) == 0x80)
        ;
    return at;
}

static uint32_t after(const char *text, uint32_t at)
{
    if (text[at])
        at++;
    while (((uint8_t)text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static void cut(struct app *app, uint32_t from, uint32_t to)
{
    memmove(app->input + from, app->input + to, strlen(app->input + to) + 1);
    app->input_cursor = from;
}

static void insert(struct app *app, int byte)
{
    size_t n = strlen(app->input);
    if (n + 1 >= sizeof(app->input))
        return;
    memmove(app->input + app->input_cursor + 1, app->input + app->input_cursor,
            n - app->input_cursor + 1);
    app->input[app->input_cursor++] = (char)byte;
}

static void cut_word(struct app *app)
{
    uint32_t to = app->input_cursor, from = to;
    while (from > 0 && app->input[from - 1] == ' ')
        from--;
    while (from > 0 && app->input[from - 1] != ' ')
        from--;
    cut(app, from, to);
}

/* The word that a key has typed stays, as long as there is something behind it. */
static void cut_line(struct app *app)
{
    static const char typed[] = "goto ";
    uint32_t n = (uint32_t)strlen(typed);
    bool kept = app->prompt == PROMPT_COMMAND && app->input_cursor > n &&
                strncmp(app->input, typed, n) == 0;
    cut(app, kept ? n : 0, app->input_cursor);
}

static void recall(struct app *app, int step)
{
    long at = typed(app, app->prompt, (long)app->input_at, step);
    if (at < 0)
        return;
    app->input_at = (uint32_t)at;
    snprintf(app->input, sizeof(app->input), "%s",
             app->input_at < app->input_count ? app->inputs[app->input_at] : "");
    app->input_cursor = (uint32_t)strlen(app->input);
}

/* The last word of a completion, beside the line one types. */
static void offer(struct app *app, const char *completion)
{
    size_t n = strlen(app->offers), end = strlen(completion);
    while (end > 0 && completion[end - 1] == ' ')
        end--;
    size_t from = end;
    while (from > 0 && completion[from - 1] != ' ')
        from--;
    snprintf(app->offers + n, sizeof(app->offers) - n, "%s%.*s", n ? "  " : "", (int)(end - from),
             completion + from);
}

static void complete(struct app *app)
{
    char first[INPUT_MAX], next[INPUT_MAX];
    if (app->prompt != PROMPT_COMMAND ||
        !command_complete(app, app->input, 0, first, sizeof(first)))
        return;
    size_t common = strlen(first);
    for (uint32_t n = 1; command_complete(app, app->input, n, next, sizeof(next)); n++) {
        size_t same = 0;
        while (same < common && next[same] == first[same])
            same++;
        common = same;
        if (n == 1)
            offer(app, first);
        offer(app, next);
    }
    first[common] = 0;
    if (common > strlen(app->input)) {
        snprintf(app->input, sizeof(app->input), "%s", first);
        app->input_cursor = (uint32_t)strlen(app->input);
    }
}

static bool edit(struct app *app, int key)
{
    switch (key) {
    case KEY_LEFT:
        app->input_cursor = before(app->input, app->input_cursor);
        return true;
    case KEY_RIGHT:
        app->input_cursor = after(app->input, app->input_cursor);
        return true;
    case KEY_HOME:
    case CTRL('A'):
        app->input_cursor = 0;
        return true;
    case KEY_END:
    case CTRL('E'):
        app->input_cursor = (uint32_t)strlen(app->input);
        return true;
    case KEY_DC:
        cut(app, app->input_cursor, after(app->input, app->input_cursor));
        return true;
    case CTRL('U'):
        cut_line(app);
        return true;
    case CTRL('K'):
        app->input[app->input_cursor] = 0;
        return true;
    case CTRL('W'):
        cut_word(app);
        return true;
    case KEY_UP:
        recall(app, -1);
        return true;
    case KEY_DOWN:
        recall(app, 1);
        return true;
    case '\t':
        complete(app);
        return true;
    default:
        return false;
    }
}

static void leave_key(struct app *app, int key)
{
    app->prompt = PROMPT_NONE;
    bool keep = key == 'k' && session_keeps_stops(&app->session);
    if (keep)
        source_keep_stops(app->session.source);
    if (key == 'r' || keep)
        app->running = false;
}

void prompt_key(struct app *app, int key)
{
    if (key == KEY_RESIZE || key == KEY_MOUSE)
        return;
    app->offers[0] = 0;
    if (app->prompt == PROMPT_LEAVE)
        leave_key(app, key);
    else if (key == ESCAPE || key == CTRL('C'))
        app->prompt = PROMPT_NONE;
    else if (key == '\n' || key == '\r' || key == KEY_ENTER)
        accept(app);
    else if (key == KEY_BACKSPACE || key == RUBOUT || key == CTRL('H')) {
        if (!app->input[0])
            app->prompt = PROMPT_NONE;
        else
            cut(app, before(app->input, app->input_cursor), app->input_cursor);
    } else if (!edit(app, key) && key >= ' ' && key <= 255)
        insert(app, key);
}
