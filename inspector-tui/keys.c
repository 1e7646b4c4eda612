/* What each key does. */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <ctype.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct view *current(struct app *app)
{
    return &app->views[app->current];
}

static void show(struct app *app, uint32_t view)
{
    app->current = view;
    view_go(current(app), current(app)->cursor, screen_list_height(app));
}

static void search(struct app *app, int direction)
{
    if (!app->search[0])
        app_say(app, "nothing to search for: type / and a text");
    else if (!view_search(app, current(app), app->search, direction, screen_list_height(app)))
        app_say(app, "\"%s\" is not in this view; closed rows are not searched (E opens all)",
                app->search);
}

static void command(struct app *app, const char *line)
{
    char *text = NULL, head[INPUT_MAX + 4];
    bool ok = source_command(app->source, line, &text);
    snprintf(head, sizeof head, "> %s\n", line);
    app_console(app, head);
    app_console(app, text ? text : "");
    if (text && *text && text[strlen(text) - 1] != '\n')
        app_console(app, "\n");
    free(text);
    if (!ok)
        app_say(app, "the monitor did not run that");
    show(app, VIEW_CONSOLE);
    view_go(current(app), current(app)->count, screen_list_height(app));
}

/* --- the line typed after / or :
 * ------------------------------------------------------------------- */

static void finish_input(struct app *app)
{
    char prompt = app->prompt;
    app->prompt = 0;
    if (prompt == '/') {
        if (app->input[0])
            snprintf(app->search, sizeof app->search, "%s", app->input);
        search(app, 1);
    } else if (app->input[0] && !moment_command(app, app->input)) {
        command(app, app->input);
    }
}

static void input_key(struct app *app, int key)
{
    size_t n = strlen(app->input);
    if (key == 27 || key == 3) {
        app->prompt = 0;
    } else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
        finish_input(app);
    } else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
        if (n == 0)
            app->prompt = 0;
        else
            app->input[n - 1] = 0;
    } else if (key == 21) {
        app->input[0] = 0;
    } else if (key >= 32 && key < 127 && n + 1 < sizeof app->input) {
        app->input[n] = (char)key;
        app->input[n + 1] = 0;
    }
}

static void start_input(struct app *app, char prompt)
{
    app->prompt = prompt;
    app->input[0] = 0;
}

/* --- jumps ---------------------------------------------------------------------------------------
 */

void app_show_slot(struct app *app, int32_t slot)
{
    struct view *v = &app->views[VIEW_TREE];
    const struct capstate *s = &app->state;
    int32_t chain[64] = {0};
    uint32_t n = 0;
    for (int32_t p = slot; p >= 0 && n < 64; p = s->slots[p].parent)
        chain[n++] = p;
    show(app, VIEW_TREE);
    while (n-- > 0)
        for (uint32_t i = 0; i < v->count; i++)
            if (v->rows[i].slot == chain[n]) {
                view_go(v, i, screen_list_height(app));
                if (n > 0 && !(v->rows[i].flags & ROW_OPEN))
                    view_open(app, v, true);
                break;
            }
}

static void jump_to_object(struct app *app, int32_t object)
{
    struct view *v = &app->views[VIEW_OBJECTS];
    show(app, VIEW_OBJECTS);
    for (uint32_t i = 0; i < v->count; i++)
        if (v->rows[i].object == object && v->rows[i].slot < 0) {
            view_go(v, i, screen_list_height(app));
            if (!(v->rows[i].flags & ROW_OPEN))
                view_open(app, v, true);
            return;
        }
    app_say(app, "device untypeds are not listed here");
}

static void jump(struct app *app, int key)
{
    const struct row *r = view_current(current(app));
    if (r && key == 'd' && r->slot >= 0)
        app_show_slot(app, r->slot);
    else if (r && key == 'w' && r->object >= 0)
        jump_to_object(app, r->object);
    else
        app_say(app, "there is no capability under the cursor");
}

/* --- the rest
 * ------------------------------------------------------------------------------------- */

static void seek(struct app *app, int direction)
{
    uint32_t count, at = source_position(app->source, &count);
    if (source_is_live(app->source))
        app_say(app, "a running target has only now; open its recording to go back");
    else if ((direction < 0 && at <= 1) || (direction > 0 && at >= count))
        app_say(app, "snapshot %u of %u is the %s", at, count, direction < 0 ? "first" : "last");
    else if (!source_seek(app->source, direction < 0 ? at - 1 : at + 1))
        app_say(app, "this snapshot cannot be read");
}

static void pause_key(struct app *app)
{
    app->paused = !app->paused;
    source_pause(app->source, app->paused);
    app_say(app, app->paused ? "paused: the machine runs on, the screen stands" : "live again");
}

static void halt_key(struct app *app)
{
    char why[200];
    source_halt(app->source, !source_is_halted(app->source), why, sizeof why);
    app_say(app, "%s", why);
}

/* --- stepping: the monitor does it, the answer's first line is the message
 * ------------------------- */

static void monitor_say(struct app *app, const char *line)
{
    char *text = NULL;
    source_command(app->source, line, &text);
    if (text)
        app_say(app, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
}

static void break_key(struct app *app)
{
    const struct row *r = view_current(current(app));
    char line[64];
    if (!r || r->slot < 0) {
        app_say(app, "there is no capability under the cursor");
        return;
    }
    snprintf(line, sizeof line, "break on revoke slot 0x%08" PRIx64,
             app->state.slots[r->slot].rec.addr);
    monitor_say(app, line);
}

static void step_key(struct app *app, const char *line)
{
    app->follow_revoke = true;
    monitor_say(app, line);
    source_poke(app->source);
}

static void mouse_key(struct app *app)
{
    MEVENT e;
    uint32_t height = screen_list_height(app);
    struct view *v = current(app);
    if (getmouse(&e) != OK)
        return;
    if (e.bstate & BUTTON4_PRESSED)
        view_move(v, -3, height);
    else if (e.bstate & BUTTON5_PRESSED)
        view_move(v, 3, height);
    else if (e.y >= 2 && (uint32_t)(e.y - 2) < height && v->top + (uint32_t)(e.y - 2) < v->count)
        view_go(v, v->top + (uint32_t)(e.y - 2), height);
}

static void toggle_mouse(struct app *app)
{
    app->mouse = !app->mouse;
    mousemask(app->mouse ? ALL_MOUSE_EVENTS : 0, NULL);
    app_say(app, app->mouse ? "mouse on" : "mouse off: the terminal can copy");
}

static bool move_key(struct app *app, int key)
{
    struct view *v = current(app);
    uint32_t height = screen_list_height(app);
    long page = height > 1 ? (long)height - 1 : 1;
    switch (key) {
    case 'j':
    case KEY_DOWN:
        view_move(v, 1, height);
        return true;
    case 'k':
    case KEY_UP:
        view_move(v, -1, height);
        return true;
    case KEY_NPAGE:
    case 6:
        view_move(v, page, height);
        return true;
    case KEY_PPAGE:
    case 2:
        view_move(v, -page, height);
        return true;
    case 'g':
    case KEY_HOME:
        view_go(v, 0, height);
        return true;
    case 'G':
    case KEY_END:
        view_go(v, v->count, height);
        return true;
    default:
        return false;
    }
}

static bool fold_key(struct app *app, int key)
{
    struct view *v = current(app);
    const struct row *r = view_current(v);
    switch (key) {
    case 'l':
    case KEY_RIGHT:
        view_open(app, v, true);
        return true;
    case '\n':
    case '\r':
    case KEY_ENTER:
        view_open(app, v, !(r && (r->flags & ROW_OPEN)));
        return true;
    case 'h':
    case KEY_LEFT:
        view_open(app, v, false);
        return true;
    case 'E':
    case 'C':
        view_open_all(app, v, key == 'E');
        view_go(v, v->cursor, screen_list_height(app));
        return true;
    default:
        return false;
    }
}

static void help_key(struct app *app, int key)
{
    uint32_t lines = 0;
    while (help_lines[lines])
        lines++;
    if ((key == 'j' || key == KEY_DOWN || key == KEY_NPAGE) && app->help_top + 1 < lines)
        app->help_top++;
    else if ((key == 'k' || key == KEY_UP || key == KEY_PPAGE) && app->help_top > 0)
        app->help_top--;
    else if (key != KEY_RESIZE)
        app->show_help = false;
}

static void other_key(struct app *app, int key)
{
    switch (key) {
    case 'q':
        app->running = false;
        break;
    case '\t':
        show(app, (app->current + 1) % VIEWS);
        break;
    case '?':
        app->show_help = true;
        app->help_top = 0;
        break;
    case '/':
    case ':':
        start_input(app, (char)key);
        break;
    case 'n':
    case 'N':
        search(app, key == 'n' ? 1 : -1);
        break;
    case 'd':
    case 'w':
        jump(app, key);
        break;
    case '[':
    case ']':
        seek(app, key == '[' ? -1 : 1);
        break;
    case ' ':
        pause_key(app);
        break;
    case 'K':
    case 'M':
        moment_key(app, key);
        break;
    case 'r':
        source_poke(app->source);
        break;
    case 's':
        halt_key(app);
        break;
    case 'b':
        break_key(app);
        break;
    case 'S':
        step_key(app, "step");
        break;
    case 'F':
        step_key(app, "finish");
        break;
    case 'c':
        step_key(app, "continue");
        break;
    case 'v':
        app->show_detail = !app->show_detail;
        break;
    case 'm':
        toggle_mouse(app);
        break;
    case 12:
        clearok(curscr, TRUE);
        break;
    case KEY_MOUSE:
        mouse_key(app);
        break;
    default:
        break;
    }
}

void app_key(struct app *app, int key)
{
    if (app->show_help)
        help_key(app, key);
    else if (app->prompt)
        input_key(app, key);
    else if (key >= '1' && key < '1' + VIEWS)
        show(app, (uint32_t)(key - '1'));
    else if (key == KEY_RESIZE)
        view_go(current(app), current(app)->cursor, screen_list_height(app));
    else if (!move_key(app, key) && !fold_key(app, key))
        other_key(app, key);
}
