/* Drawing.
 *
 *   0        the target: name, how it stands, events, recording, clock
 *   1        tabs
 *   2        column heads, where the view has columns
 *   ..       the list
 *            rule with the trail, and the pane (a third of the screen)
 *            message, prompt or place: one line, more for a long message
 *   last     what the function keys do (from 20 lines on) */
#include "inspector-tui/paint.h"
#include "inspector-tui/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_LINES = 3,
    MIN_COLUMNS = 10,
    PANE_FROM_LINES = 14,
    MARK_CELLS = 2, /* fold sign and a blank */
    GAP = 2,
    STEPS = 16, /* of the trail, at most on the screen */
    STEP_TEXT = 100,
    ROWS = 512, /* of the list, at most on the screen */
};

/* --- the list --- */

struct layout {
    uint32_t columns;
    int x[LINE_COLUMNS], width[LINE_COLUMNS]; /* width 0: not shown */
};

static bool grows(const struct column *c)
{
    return !c->max || c->priority & COLUMN_GROWS;
}

static int wanted_width(const struct column *c, int widest)
{
    int w = (int)text_width(c->title, strlen(c->title));
    w = w > widest ? w : widest;
    w = w < c->min ? c->min : w;
    return !grows(c) && w > c->max ? c->max : w;
}

/* The column that goes next where there is no room for all; -1: none may. */
static int least_important(const struct column *c, const struct layout *l)
{
    int found = -1;
    for (uint32_t i = 0; i < l->columns; i++) {
        bool least = c[i].priority & COLUMN_STAYS && l->width[i] <= c[i].min;
        int priority = c[i].priority & COLUMN_PRIORITY;
        if (l->width[i] && priority && !least &&
            (found < 0 || priority > (c[found].priority & COLUMN_PRIORITY)))
            found = (int)i;
    }
    return found;
}

/* Takes back what some have beyond their due, then leaves out the columns that matter least until the
 * rest fits; the last flexible one takes what is
 * left. */
static void lay_out(const struct view *v, const int *widest, struct layout *out)
{
    const struct column *c = v->ops->columns;
    int total = MARK_CELLS, flexible = -1;
    out->columns = 0;
    for (uint32_t i = 0; i < LINE_COLUMNS && c[i].title; i++) {
        out->width[i] = wanted_width(&c[i], widest[i]);
        total += out->width[i] + GAP;
        out->columns++;
    }
    for (uint32_t i = 0; i < out->columns; i++) {
        int over = total - COLS - GAP, spare = out->width[i] - c[i].max;
        if (c[i].priority & COLUMN_GROWS && over > 0 && spare > 0) {
            out->width[i] -= over < spare ? over : spare;
            total -= over < spare ? over : spare;
        }
    }
    while (total > COLS + GAP) {
        int worst = least_important(c, out), over = total - COLS - GAP;
        if (worst < 0)
            break;
        if (c[worst].priority & COLUMN_STAYS && out->width[worst] - over < c[worst].min)
            over = out->width[worst] - c[worst].min;
        bool shrink = grows(&c[worst]) && out->width[worst] - over >= c[worst].min;
        total -= shrink ? over : out->width[worst] + GAP;
        out->width[worst] -= shrink ? over : out->width[worst];
    }
    int last = -1;
    for (uint32_t i = 0; i < out->columns; i++) {
        last = out->width[i] ? (int)i : last;
        flexible = out->width[i] && grows(&c[i]) ? (int)i : flexible;
    }
    int room = COLS + (flexible == last ? GAP : 0);
    if (flexible >= 0 && total < room)
        out->width[flexible] += room - total;
    for (uint32_t i = 0, x = MARK_CELLS; i < out->columns; i++) {
        out->x[i] = (int)x;
        x += out->width[i] ? (uint32_t)(out->width[i] + GAP) : 0;
    }
}

static void measure(const struct line *l, int *widest)
{
    size_t from = 0;
    for (uint32_t c = 0; c <= l->columns && c < LINE_COLUMNS; c++) {
        size_t to = c < l->columns ? l->column[c] : l->length;
        int w = (int)text_width(l->text + from, to - from);
        widest[c] = w > widest[c] ? w : widest[c];
        from = to;
    }
}

static void draw_columns(struct app *app, const struct view *v, const struct layout *lay,
                         const struct line *l, int y, int indent, attr_t extra)
{
    size_t from = 0;
    for (uint32_t c = 0; c < lay->columns; c++) {
        size_t to = c < l->columns ? l->column[c] : c == l->columns ? l->length : from;
        int width = lay->width[c] - (c == 0 ? indent : 0), x = lay->x[c] + (c == 0 ? indent : 0);
        int text = (int)text_width(l->text + from, to - from);
        if (l->columns == 0) /* a line without columns may use them all */
            width = COLS - x;
        if (width > 0 && v->ops->columns[c].right && text < width)
            x += width - text, width = text;
        if (width > 0 && lay->width[c])
            paint_spans(app, y, x, width, l, from, to, extra);
        from = to;
    }
}

static void draw_row(struct app *app, struct view *v, const struct row *r, const struct line *l,
                     const struct layout *lay, int y)
{
    bool here = (uint32_t)(r - v->rows) == v->cursor;
    attr_t extra = here ? A_REVERSE : A_NORMAL;
    char fold = r->flags & ROW_CAN_FOLD ? (r->flags & ROW_OPEN ? '-' : '+') : ' ';
    int indent = r->depth * 2 < COLS / 3 ? r->depth * 2 : COLS / 3;
    if (here && app->in_pane)
        extra = A_BOLD;
    paint_blanks(y, 0, COLS, extra);
    attrset((int)extra);
    mvaddch(y, indent < COLS ? indent : 0, (chtype)(unsigned char)fold);
    if (v->ops->columns)
        draw_columns(app, v, lay, l, y, indent, extra);
    else
        paint_spans(app, y, indent + MARK_CELLS, COLS - indent - MARK_CELLS, l, 0, l->length,
                    extra);
    paint_remember(
        app, (struct hit){
                 .y = (int16_t)y, .to = (int16_t)COLS, .row = (int32_t)(r - v->rows), .tab = -1});
}

static void draw_heads(const struct app *app, const struct view *v, const struct layout *lay, int y)
{
    paint_blanks(y, 0, COLS, A_NORMAL);
    for (uint32_t c = 0; c < lay->columns; c++) {
        const struct column *k = &v->ops->columns[c];
        char text[64];
        const char *order = (int32_t)c != v->sort ? "" : v->descending ? " v" : " ^";
        if (!lay->width[c])
            continue;
        int room = lay->width[c] - (int)strlen(order); /* the sign of the order is not cut away */
        snprintf(text, sizeof(text), "%.*s%s", *order && room >= 0 ? room : (int)sizeof(text),
                 k->title, order);
        int w = (int)text_width(text, strlen(text)), x = lay->x[c];
        if (k->right && w < lay->width[c])
            x += lay->width[c] - w;
        paint_text(app, y, x, lay->width[c], paint_style(STYLE_HEAD), text, strlen(text));
    }
}

static void ghost_line(const struct view *v, struct line *l)
{
    char clock[16];
    if (v->id == VIEW_CHANGES) {
        line_put(l, STYLE_DIM, " no difference any more: %s", view_ghost_text(v));
        return;
    }
    line_put(l, STYLE_DIED, "-gone before %s: %s", session_clock(v->ghost_time, clock),
             view_ghost_text(v));
}

static void make_line(struct app *app, struct view *v, uint32_t i, struct line *l)
{
    line_clear(l);
    if (v->ghost && i == v->cursor)
        ghost_line(v, l);
    else
        v->ops->line(&app->session, v, &v->rows[i], l);
}

static void draw_empty(const struct app *app, const struct view *v, int y)
{
    char text[120];
    if (v->filter[0] && app->session.now)
        snprintf(text, sizeof(text), "  no row holds that; %s and an empty line show all again",
                 bindings_key("filter"));
    else
        snprintf(text, sizeof(text), "  %s",
                 app->session.now ? "nothing here" : "waiting for the first snapshot ...");
    paint_line(app, y, paint_style(STYLE_DIM), text);
}

static void keep_ghost_text(struct app *app, struct view *v)
{
    const struct row *r = view_current(v);
    if (!r || v->ghost || !app->session.now || r->flags & ROW_TITLE)
        return;
    view_lasting_text(&app->session, v, r, v->ghost_text, sizeof(v->ghost_text));
    v->ghost_ref = view_ref(&app->session, v, r);
    v->ghost_snapshot = app->session.now->number;
    v->ghost_shown = sample_number(app->session.now);
    v->ghost_seq = session_event(&app->session);
    v->ghost_event = app->session.now->event;
}

/* A list of one line has its row there. */
static bool has_heads(const struct view *v, int height)
{
    return height > 1 && v->ops->columns && v->ops->columns[0].title[0];
}

/* The cursor is among the rows that there is room for. */
static void place_list(struct app *app, struct view *v, int height)
{
    int rows = height - (has_heads(v, height) ? 1 : 0);
    app->list_height = (uint32_t)(rows < 0 ? 0 : rows > ROWS ? ROWS : rows);
    view_fix(v, app->list_height);
    view_go(v, v->cursor, app->list_height);
    keep_ghost_text(app, v);
}

/* Those that rows have, and those there is room for. */
static void count_columns(struct app *app, const struct line *lines, uint32_t rows,
                          const struct layout *lay)
{
    app->columns = app->columns_shown = 0;
    for (uint32_t i = 0; i < rows; i++)
        if (lines[i].columns && lines[i].columns + 1u > app->columns)
            app->columns = lines[i].columns + 1u;
    for (uint32_t c = 0; c < lay->columns && c < app->columns; c++)
        app->columns_shown += lay->width[c] > 0;
}

static void draw_list(struct app *app, struct view *v, int top, int height)
{
    static struct line lines[ROWS];
    struct layout lay = {0};
    int widest[LINE_COLUMNS] = {0};
    bool heads = has_heads(v, height);
    int rows = (int)app->list_height;
    uint32_t shown = v->count - v->top < (uint32_t)rows ? v->count - v->top : (uint32_t)rows;
    for (uint32_t i = 0; i < shown; i++) {
        make_line(app, v, view_row_on(v, i), &lines[i]);
        if (lines[i].columns)
            measure(&lines[i], widest);
    }
    if (v->ops->columns)
        lay_out(v, widest, &lay);
    count_columns(app, lines, shown, &lay);
    if (heads)
        draw_heads(app, v, &lay, top);
    for (int i = 0; i < rows; i++) {
        int y = top + (heads ? 1 : 0) + i;
        if ((uint32_t)i < shown)
            draw_row(app, v, &v->rows[view_row_on(v, (uint32_t)i)], &lines[i], &lay, y);
        else if (i == 0)
            draw_empty(app, v, y);
        else
            paint_blanks(y, 0, COLS, A_NORMAL);
    }
}

/* --- the pane --- */

/* Where one was, as "Threads guest/init"; the same place twice in a row is told once. */
static uint32_t trail_steps(const struct app *app, char steps[][STEP_TEXT])
{
    uint32_t n = 0;
    for (uint32_t i = app->trail_length > STEPS ? app->trail_length - STEPS : 0;
         i < app->trail_length; i++) {
        const struct place *p = &app->trail[i];
        char thing[80];
        ref_text(&app->session, &p->ref, thing, sizeof(thing));
        snprintf(steps[n], STEP_TEXT, "%s%s%s", view_name(p->view), thing[0] ? " " : "", thing);
        if (n == 0 || strcmp(steps[n - 1], steps[n]) != 0)
            n++;
    }
    return n;
}

/* The last steps of the trail, as many as there is room for. */
static void draw_trail(const struct app *app, int y, int room)
{
    static const char step[] = " > ";
    char steps[STEPS][STEP_TEXT];
    const char *here = view_name(app->current);
    uint32_t n = trail_steps(app, steps), first = n;
    int width = (int)strlen(here), x = 2;
    while (first > 0) {
        int more = (int)(text_width(steps[first - 1], strlen(steps[first - 1])) + strlen(step));
        if (x + width + more + 2 > room)
            break;
        width += more;
        first--;
    }
    if (first > 0)
        x += paint_text(app, y, x, room - x, paint_style(STYLE_DIM), paint_cut_sign(app),
                        strlen(paint_cut_sign(app)));
    for (; first < n; first++) {
        x += paint_text(app, y, x, room - x, paint_style(STYLE_DIM), steps[first],
                        strlen(steps[first]));
        x += paint_text(app, y, x, room - x, paint_style(STYLE_DIM), step, strlen(step));
    }
    paint_text(app, y, x, room - x, paint_style(app->in_pane ? STYLE_STRONG : STYLE_DIM), here,
               strlen(here));
}

/* The line above the pane: where one was, and how much of the pane is not on the screen. */
static void draw_rule(const struct app *app, int y, uint32_t hidden)
{
    char more[48] = "";
    attrset((int)paint_style(STYLE_DIM));
    for (int x = 0; x < COLS; x++)
        mvaddstr(y, x, app->ascii ? "-" : "\u2500"); /* not every terminal has the other charset */
    if (hidden)
        snprintf(more, sizeof(more), " %u more%s%s ", hidden, app->in_pane ? "" : ": ",
                 app->in_pane ? "" : bindings_key("pane-focus"));
    int width = (int)strlen(more);
    draw_trail(app, y, COLS - width - 4);
    if (width)
        paint_text(app, y, COLS - width - 2, width, paint_style(STYLE_KEY), more, strlen(more));
}

static void draw_chosen(const struct app *app, const struct line *l, uint32_t span, size_t from,
                        size_t to, int y, int x)
{
    size_t a = l->span[span].from;
    size_t b = span + 1 < l->spans ? l->span[span + 1].from : l->length;
    if (a < from || a >= to)
        return;
    paint_text(app, y, x + (int)text_width(l->text + from, a - from), COLS, A_REVERSE, l->text + a,
               (b < to ? b : to) - a);
}

static int row_indent(uint32_t row)
{
    enum { INDENT = 4 };
    return row && COLS > 4 * INDENT ? INDENT : 0;
}

/* The row of a line that holds a byte of it; the line's length: how many rows it has. */
static uint32_t row_of_byte(const struct line *l, size_t byte)
{
    size_t from = 0;
    uint32_t n = 0;
    do {
        from += paint_row(l->text + from, l->length - from, COLS - row_indent(n));
        from += strspn(l->text + from, " ");
        if (byte < from)
            return n;
        n++;
    } while (from < l->length);
    return byte < l->length ? n - 1 : n;
}

static uint32_t rows_before(const struct pane *p, uint32_t line)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < line; i++)
        rows += row_of_byte(&p->lines[i], p->lines[i].length);
    return rows;
}

/* The row that link number n begins in; false: there is none. */
static bool row_of_link(const struct pane *p, uint32_t n, struct ref *r, uint32_t *row)
{
    uint32_t line, span;
    if (!pane_link(p, n, r, &line, &span))
        return false;
    *row = rows_before(p, line) + row_of_byte(&p->lines[line], p->lines[line].span[span].from);
    return true;
}

/* Its end stands at the end of the room it has. */
static void clamp_pane(struct pane *p, uint32_t rows)
{
    uint32_t all = rows_before(p, p->count), most = all > rows ? all - rows : 0;
    p->top = p->top < most ? p->top : most;
}

/* A line over as many rows as it needs, of which those from `first` on and before `end` are drawn; y: where
 * its first row is or would be; span: the link that is chosen, UINT32_MAX.  Returns the rows it needs. */
static uint32_t draw_wrapped(struct app *app, const struct line *l, uint32_t span, int y,
                             uint32_t first, uint32_t end)
{
    size_t from = 0;
    uint32_t n = 0;
    do {
        int x = row_indent(n), at = y + (int)n;
        size_t to = from + paint_row(l->text + from, l->length - from, COLS - x);
        if (n >= first && n < end)
            paint_spans(app, at, x, COLS - x, l, from, to, A_NORMAL);
        if (n >= first && n < end && span != UINT32_MAX)
            draw_chosen(app, l, span, from, to, at, x);
        from = to + strspn(l->text + to, " ");
        n++;
    } while (from < l->length);
    return n;
}

/* Draws the rows from pane.top on, counted over all its lines; returns how many there are. */
static uint32_t draw_pane_rows(struct app *app, int top, uint32_t height, uint32_t chosen,
                               uint32_t span)
{
    struct pane *p = &app->pane;
    uint32_t row = 0, end = p->top + height;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t first = row < p->top ? p->top - row : 0, last = row < end ? end - row : 0;
        row += draw_wrapped(app, &p->lines[i], i == chosen ? span : UINT32_MAX,
                            top + (int)row - (int)p->top, first, last);
    }
    return row;
}

static void draw_pane(struct app *app, int top, int height)
{
    struct pane *p = &app->pane;
    struct ref chosen;
    uint32_t line = UINT32_MAX, span = 0, rows = height > 0 ? (uint32_t)height - 1 : 0;
    app_fill_pane(app);
    if (height <= 0)
        return;
    clamp_pane(p, rows);
    if (!app->in_pane || !pane_link(p, p->cursor, &chosen, &line, &span))
        line = UINT32_MAX;
    for (int y = top + 1; y < top + height; y++)
        paint_blanks(y, 0, COLS, A_NORMAL);
    uint32_t all = draw_pane_rows(app, top + 1, rows, line, span);
    draw_rule(app, top, all > p->top + rows ? all - p->top - rows : 0);
}

bool screen_has_pane(const struct app *app)
{
    return app->show_pane && LINES >= PANE_FROM_LINES;
}

/* A third of the screen; on the first screen what its rows leave, where a line says all little. */
static int pane_height(const struct app *app, const struct view *v, int room)
{
    enum { LEAST = 4 };
    int third = LINES / 3;
    if (!screen_has_pane(app))
        return 0;
    if (app->current == VIEW_LOG || app->current == VIEW_SQL)
        return LEAST;
    if (app->current != VIEW_OVERVIEW || app->in_pane || app->told)
        return third;
    int left = room - (int)(v->count < (uint32_t)room ? v->count : (uint32_t)room);
    return left < LEAST ? 0 : left < third ? left : third;
}

static void draw_too_small(const struct app *app)
{
    erase();
    paint_line(app, 0, A_NORMAL, COLS < 9 ? "tiny" : "too small");
    refresh();
}

/* A message of several lines takes them from the pane, as far as that has more than its rule and a
 * line: a list that moved each time something is said would stand where chance left it. */
static int pane_left(int pane, int bottom)
{
    enum { LEAST = 2 };
    int more = bottom - paint_bottom_least();
    int spare = pane > LEAST ? pane - LEAST : 0;
    return pane - (more < spare ? more : spare);
}

struct parts {
    int top, list, pane, bottom; /* lines */
};

static struct parts divide(const struct app *app, const struct view *v)
{
    int bottom = paint_bottom_lines(app), top = LINES > 5 ? 2 : 1;
    int pane = pane_left(pane_height(app, v, LINES - top - paint_bottom_least()), bottom);
    return (struct parts){top, LINES - top - pane - bottom, pane, bottom};
}

/* --- moving in the pane --- */

static uint32_t pane_rows_shown(struct app *app)
{
    int height = divide(app, app_view(app)).pane;
    return height > 1 ? (uint32_t)height - 1 : 0;
}

static bool link_in_sight(const struct pane *p, uint32_t n, uint32_t rows, struct ref *r)
{
    uint32_t row;
    return row_of_link(p, n, r, &row) && row >= p->top && row < p->top + rows;
}

bool screen_pane_chosen(struct app *app, struct ref *r)
{
    return app->in_pane && link_in_sight(&app->pane, app->pane.cursor, pane_rows_shown(app), r);
}

void screen_pane_show_chosen(struct app *app)
{
    struct pane *p = &app->pane;
    struct ref r;
    uint32_t row, rows = pane_rows_shown(app);
    if (!row_of_link(p, p->cursor, &r, &row))
        return;
    if (row < p->top)
        p->top = row;
    else if (rows && row >= p->top + rows)
        p->top = row - rows + 1;
}

/* The first link in sight, or the last one; false: none is. */
static bool choose_in_sight(struct pane *p, uint32_t rows, bool last)
{
    uint32_t n = 0, row = 0, found = UINT32_MAX;
    for (uint32_t i = 0; i < p->count && row < p->top + rows; i++) {
        const struct line *l = &p->lines[i];
        for (uint32_t k = 0; k < l->spans; k++) {
            if (l->span[k].ref.kind == REF_NONE)
                continue;
            uint32_t at = row + row_of_byte(l, l->span[k].from);
            bool in_sight = at >= p->top && at < p->top + rows;
            found = in_sight && (last || found == UINT32_MAX) ? n : found;
            n++;
        }
        row += row_of_byte(l, l->length);
    }
    p->cursor = found == UINT32_MAX ? p->cursor : found;
    return found != UINT32_MAX;
}

static void scroll_pane(struct pane *p, uint32_t rows, long by)
{
    long to = (long)p->top + by;
    p->top = to < 0 ? 0 : (uint32_t)to;
    clamp_pane(p, rows);
}

/* To the next link if it is in sight, else a row on. */
static void step_in_pane(struct pane *p, uint32_t rows, bool down)
{
    struct ref r;
    bool here = link_in_sight(p, p->cursor, rows, &r);
    if (!here && choose_in_sight(p, rows, !down))
        return;
    uint32_t next = down ? p->cursor + 1 : p->cursor - 1; /* below 0 there is none */
    if (here && link_in_sight(p, next, rows, &r))
        p->cursor = next;
    else
        scroll_pane(p, rows, down ? 1 : -1);
}

static long at_most(long n)
{
    return n < -PANE_END ? -PANE_END : n > PANE_END ? PANE_END : n;
}

void screen_pane_step(struct app *app, long steps)
{
    uint32_t rows = pane_rows_shown(app);
    app_fill_pane(app);
    for (long n = labs(at_most(steps)); n > 0; n--)
        step_in_pane(&app->pane, rows, steps > 0);
}

void screen_pane_page(struct app *app, long pages)
{
    struct pane *p = &app->pane;
    struct ref r;
    uint32_t rows = pane_rows_shown(app), was = p->top;
    app_fill_pane(app);
    scroll_pane(p, rows, at_most(pages) * (rows > 1 ? (long)rows - 1 : 1));
    if (p->top == was) /* there is no more: to its last link, or its first */
        choose_in_sight(p, rows, pages > 0);
    else if (!link_in_sight(p, p->cursor, rows, &r))
        choose_in_sight(p, rows, pages < 0);
}

static bool is_too_small(void)
{
    return LINES < MIN_LINES || COLS < MIN_COLUMNS;
}

void screen_settle(struct app *app)
{
    struct view *v = app_view(app);
    app->in_pane &= screen_has_pane(app);
    if (!is_too_small())
        place_list(app, v, divide(app, v).list);
}

static void draw_all(struct app *app, struct view *v)
{
    app->in_pane &= screen_has_pane(app); /* keys would move what is not there */
    struct parts p = divide(app, v);
    place_list(app, v, p.list);
    paint_bar(app);
    if (p.top == 2)
        paint_tabs(app);
    draw_list(app, v, p.top, p.list);
    draw_pane(app, p.top + p.list, p.pane);
    paint_bottom(app, v);
}

void screen_draw(struct app *app)
{
    if (app->session.lines != (uint32_t)LINES || app->session.columns != (uint32_t)COLS) {
        view_invalidate(&app->views[VIEW_OVERVIEW]); /* they have rows for what there is room for */
        view_invalidate(&app->views[VIEW_REVOKE]);
    }
    app->session.columns = (uint32_t)COLS;
    app->session.lines = (uint32_t)LINES;
    struct view *v = app_view(app);
    app->hit_count = 0;
    curs_set(app->prompt != PROMPT_NONE);
    if (is_too_small()) {
        draw_too_small(app);
        return;
    }
    view_refresh(&app->session, v);
    if (app->show_help)
        help_draw(app);
    else
        draw_all(app, v);
    refresh();
}
