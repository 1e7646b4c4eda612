/* Drawing: tabs, column heads, the list, the detail pane, the status line.
 *
 *   0        tabs and the target
 *   1        column heads
 *   2..      the list
 *            rule and detail pane (a third of the screen)
 *   last     message, prompt or state */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_LINES = 2, MIN_DETAIL_SCREEN = 16 };

static uint32_t detail_height(const struct app *app)
{
    return app->show_detail && LINES >= MIN_DETAIL_SCREEN ? (uint32_t)LINES / 3 : 0;
}

uint32_t screen_list_height(const struct app *app)
{
    int height = LINES - HEAD_LINES - 1 - (int)detail_height(app);
    return height > 0 ? (uint32_t)height : 0;
}

/* One line, cut or padded to the width. */
static void line(int y, attr_t attributes, const char *text)
{
    attrset((int)attributes);
    mvprintw(y, 0, "%-*.*s", COLS, COLS, text);
    attrset(A_NORMAL);
}

static void draw_tabs(const struct app *app)
{
    line(0, A_REVERSE, "");
    move(0, 0);
    for (uint32_t i = 0; i < VIEWS; i++) {
        attrset((int)(i == app->current ? A_BOLD : A_REVERSE));
        printw(" %u %s ", i + 1, app->views[i].ops->name);
    }
    attrset((int)A_REVERSE);
    int left = COLS - getcurx(stdscr) - 2;
    const char *name = source_name(app->source);
    int n = (int)strlen(name);
    if (left > 12 || n <= left)
        mvprintw(0, COLS - 1 - (n < left ? n : left), "%.*s", left,
                 n > left ? name + n - left : name);
    attrset(A_NORMAL);
}

static void draw_row(struct app *app, struct view *v, uint32_t i, int y)
{
    const struct row *r = &v->rows[i];
    char text[512], whole[700];
    v->ops->text(app, r, text, sizeof text);
    char fold = r->flags & ROW_CAN_FOLD ? (r->flags & ROW_OPEN ? '-' : '+') : ' ';
    bool victim = r->slot >= 0 && app->state.revoke.root &&
                  app->state.slots[r->slot].rec.addr == app->state.revoke.victim;
    char mark = victim ? '>' : r->flags & ROW_ALERT ? '!' : r->flags & ROW_CHANGED ? '*' : ' ';
    uint32_t indent = r->depth * 2 < 60 ? r->depth * 2 : 60;
    snprintf(whole, sizeof whole, "%c%*s%c %s", mark, (int)indent, "", fold, text);
    attr_t attributes = i == v->cursor ? A_REVERSE : A_NORMAL;
    if (r->flags & ROW_DIM)
        attributes |= A_DIM;
    if (r->flags & ROW_ALERT)
        attributes |= A_BOLD | (has_colors() ? (attr_t)COLOR_PAIR(2) : 0);
    else if (r->flags & ROW_CHANGED)
        attributes |= A_BOLD | (has_colors() ? (attr_t)COLOR_PAIR(1) : 0);
    line(y, attributes, whole);
}

static void draw_list(struct app *app, struct view *v, uint32_t height)
{
    view_go(v, v->cursor, height);
    for (uint32_t n = 0; n < height; n++) {
        int y = HEAD_LINES + (int)n;
        if (v->top + n < v->count)
            draw_row(app, v, v->top + n, y);
        else
            line(y, A_NORMAL,
                 n == 0 ? (app->have_state ? "  (nothing here)"
                                           : "  waiting for the first snapshot ...")
                        : "");
    }
}

static void draw_detail(struct app *app, struct view *v, uint32_t height)
{
    if (height == 0)
        return;
    int y = LINES - 1 - (int)height;
    mvhline(y, 0, ACS_HLINE, COLS);
    app->detail_count = 0;
    const struct row *r = view_current(v);
    if (r && v->ops->detail)
        v->ops->detail(app, r);
    else if (r && app->have_authority)
        detail_row(app, r);
    for (uint32_t i = 0; i + 1 < height; i++)
        line(y + 1 + (int)i, A_NORMAL, i < app->detail_count ? app->detail[i] : "");
}

static void draw_status(struct app *app, const struct view *v)
{
    char text[600];
    if (app->prompt) {
        snprintf(text, sizeof text, "%c%s", app->prompt, app->input);
        line(LINES - 1, A_BOLD, text);
        move(LINES - 1, (int)strlen(text) < COLS ? (int)strlen(text) : COLS - 1);
        return;
    }
    uint32_t count, at = source_position(app->source, &count);
    const char *state = !source_is_live(app->source)    ? "recording"
                        : source_is_halted(app->source) ? "STOPPED"
                        : app->paused                   ? "paused"
                                                        : "live";
    char revoke[96] = "";
    const struct record_revoke *under_way = &app->state.revoke;
    if (under_way->root)
        snprintf(revoke, sizeof revoke, "REVOKE 0x%08" PRIx64 ": %u gone, %u left  ",
                 under_way->root, under_way->done, under_way->left);
    snprintf(text, sizeof text, " %s  snapshot %u/%u  %u caps  row %u/%u  %s%s", state, at, count,
             app->state.slot_count, v->count ? v->cursor + 1 : 0, v->count, revoke,
             app->message[0] ? app->message : "?: help");
    line(LINES - 1, A_REVERSE, text);
}

static void draw_help(const struct app *app)
{
    erase();
    line(0, A_REVERSE, " Keys (j k scroll, any other key goes back)");
    for (int y = 1; y < LINES; y++) {
        const char *text = NULL;
        uint32_t i = 0;
        while (i < app->help_top + (uint32_t)y - 1 && help_lines[i])
            i++;
        text = help_lines[i];
        if (!text)
            break;
        line(y, text[0] == ' ' ? A_NORMAL : A_BOLD, text);
    }
}

void screen_draw(struct app *app)
{
    struct view *v = &app->views[app->current];
    curs_set(app->prompt != 0);
    if (app->show_help) {
        draw_help(app);
    } else if (LINES < 4 || COLS < 20) {
        erase();
        mvprintw(0, 0, "too small");
    } else {
        draw_tabs(app);
        line(1, A_BOLD, v->ops->title ? v->ops->title : "");
        if (v->ops->title)
            mvprintw(1, 0, "   %-.*s", COLS - 3, v->ops->title);
        draw_list(app, v, screen_list_height(app));
        draw_detail(app, v, detail_height(app));
        draw_status(app, v);
    }
    refresh();
}
