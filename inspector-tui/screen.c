/* Drawing.
 *
 *   0        the target: name, how it stands, events, recording, clock
 *   1        tabs
 *   2        column heads, where the view has columns
 *   ..       the list
 *            rule with the trail, and the pane (a third of the screen)
 *   last-1   what the function keys do (from 20 lines on)
 *   last     message, prompt or place */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>

enum {
    MIN_LINES = 3,
    MIN_COLUMNS = 10,
    PANE_FROM_LINES = 14,
    KEYS_FROM_LINES = 20,
    MARK_CELLS = 2, /* fold sign and a blank */
    GAP = 2,
    SILENCE_SECONDS = 2, /* a target is waited for so long without a word */
};

static attr_t at(enum style style)
{
    return (attr_t)palette_attributes(style);
}

/* --- pieces of text --- */

/* Writes at most `cells` cells; returns how many it took. */
static int put(int y, int x, int cells, attr_t a, const char *text, size_t length)
{
    if (cells <= 0 || y < 0 || y >= LINES)
        return 0;
    size_t fits = text_fit(text, length, (uint32_t)cells);
    attrset((int)a);
    mvaddnstr(y, x, text, (int)fits);
    return (int)text_width(text, fits);
}

static void fill(int y, int x, int to, attr_t a)
{
    attrset((int)a);
    for (; x < to && x < COLS; x++)
        mvaddch(y, x, ' ');
}

static void plain(int y, attr_t a, const char *text)
{
    fill(y, put(y, 0, COLS, a, text, strlen(text)), COLS, a);
}

static void remember(struct app *app, struct hit h)
{
    if (app->hit_count < HITS)
        app->hits[app->hit_count++] = h;
}

/* A stretch of a line, [from, to) in bytes, span by span. */
static int put_spans(struct app *app, int y, int x, int cells, const struct line *l, size_t from,
                     size_t to, attr_t extra)
{
    int began = x;
    for (uint32_t i = 0; i < l->spans && cells > 0; i++) {
        size_t a = l->span[i].from, b = i + 1 < l->spans ? l->span[i + 1].from : l->length;
        a = a < from ? from : a;
        b = b > to ? to : b;
        if (a >= b)
            continue;
        int n = put(y, x, cells, at((enum style)l->span[i].style) | extra, l->text + a, b - a);
        if (l->span[i].ref.kind != REF_NONE)
            remember(app, (struct hit){(int16_t)y, (int16_t)x, (int16_t)(x + n), l->span[i].ref, -1,
                                       -1});
        x += n;
        cells -= n;
    }
    return x - began;
}

/* --- the top --- */

static const struct {
    const char *word;
    enum style style;
} states[] = {
    [TARGET_OPENING] = {"OPENING", STYLE_WARN},
    [TARGET_RUNNING] = {"RUNNING", STYLE_GOOD},
    [TARGET_STOPPED] = {"STOPPED", STYLE_WARN},
    [TARGET_HELD] = {"HELD", STYLE_WARN},
    [TARGET_UNREACHABLE] = {"UNREACHABLE", STYLE_BAD},
    [TARGET_GONE] = {"GONE", STYLE_BAD},
    [TARGET_REPLAY] = {"REPLAY", STYLE_WARN},
    [TARGET_RECORDING] = {"RECORDING", STYLE_KEY},
    [TARGET_IMAGE] = {"IMAGE", STYLE_KEY},
};

static void draw_facts(const struct app *app, char *buf, size_t size)
{
    const struct session *s = &app->session;
    uint64_t first, last, lost;
    char recording[160];
    size_t n = 0;
    buf[0] = 0;
    source_recording(s->source, recording, sizeof(recording));
    if (s->now && s->now->state.snapshot.seq && !s->now->event)
        n += (size_t)snprintf(buf, size, "  ev %llu",
                              (unsigned long long)s->now->state.snapshot.seq);
    if (source_event_range(s->source, &first, &last, &lost) || lost)
        n += (size_t)snprintf(buf + n, size - n, "  lost %llu", (unsigned long long)lost);
    if (recording[0] && n < size)
        snprintf(buf + n, size - n, "  %s", recording);
}

/* The bar is written from left to right, as far as there is room. */
struct bar {
    int x, room;
};

static void bar_put(struct bar *b, attr_t a, const char *text)
{
    b->x += put(0, b->x, b->room - b->x, A_REVERSE | a, text, strlen(text));
}

/* As it said itself, and when that was not lately, that first. */
static void draw_state(const struct session *s, struct bar *b)
{
    const char *word = states[s->target.kind].word;
    enum target_kind kind = s->target.kind;
    double silence = source_is_live(s->source) ? source_silence(s->source) : 0;
    char text[60], clock[16];
    bool lost = kind == TARGET_UNREACHABLE || kind == TARGET_GONE;
    if (silence >= SILENCE_SECONDS && !lost && kind != TARGET_OPENING) {
        snprintf(text, sizeof(text), "NO ANSWER for %.0f s, was %s", silence, word);
        bar_put(b, at(STYLE_BAD), text);
        return;
    }
    bar_put(b, at(states[kind].style), word);
    if (kind == TARGET_OPENING)
        snprintf(text, sizeof(text), "  %.0f s", source_now() - s->target.since);
    else
        snprintf(text, sizeof(text), lost ? " since %s" : "%s",
                 lost ? session_clock(s->target.since, clock) : "");
    bar_put(b, A_NORMAL, text);
}

/* By whom and before what it stands; which moment is shown. */
static void draw_where(const struct session *s, struct bar *b)
{
    char where[sizeof(s->target.where)];
    snprintf(where, sizeof(where), "%s", s->target.where);
    if (s->target.kind == TARGET_RECORDING && s->now)
        snprintf(where, sizeof(where), "snapshot %u", s->now->number);
    if (s->now && s->now->event)
        snprintf(where, sizeof(where), "event %" PRIu64 ", after snapshot %u", s->now->event,
                 s->now->number);
    bar_put(b, A_NORMAL, where[0] ? "  " : "");
    bar_put(b, A_NORMAL, where);
}

static void draw_bar(struct app *app)
{
    struct session *s = &app->session;
    const char *name = source_name(s->source);
    char clock[16] = "", facts[300];
    bool back = session_is_back(s) && source_is_live(s->source);
    if (s->now)
        session_clock(s->now->time, clock);
    bool has_clock = COLS > (int)strlen(clock) + 14;
    struct bar b = {1, has_clock ? COLS - (int)strlen(clock) - 2 : COLS};
    draw_facts(app, facts, sizeof(facts));
    fill(0, 0, COLS, A_REVERSE);
    draw_state(s, &b);
    draw_where(s, &b);
    bar_put(&b, at(STYLE_WARN), s->paused ? "  PAUSED" : "");
    bar_put(&b, at(STYLE_WARN), back ? "  LOOKING BACK" : "");
    bar_put(&b, at(STYLE_KEY), s->comparing ? "  COMPARING" : "");
    bar_put(&b, A_NORMAL, facts);
    int width = (int)text_width(name, strlen(name));
    if (b.room - b.x > width + 2)
        put(0, b.room - width - 1, width, A_REVERSE, name, strlen(name));
    if (has_clock)
        put(0, b.room + 1, COLS - b.room - 1, A_REVERSE | at(back ? STYLE_WARN : STYLE_NORMAL),
            clock, strlen(clock));
}

static const char *view_letter(enum view_id id)
{
    static char text[2];
    text[0] = (char)view_key(id);
    return text;
}

typedef const char *(*naming)(enum view_id id);

static int tabs_width(naming name)
{
    int width = 0;
    for (uint32_t i = 0; i < VIEWS; i++)
        width += (int)strlen(name(i)) + 1;
    return width;
}

/* Whole names where they fit, then short ones, then keys. */
static naming tab_names(void)
{
    static const naming from_long[] = {view_name, view_brief, view_letter};
    for (int i = 0; i < 2; i++)
        if (tabs_width(from_long[i]) + GAP <= COLS)
            return from_long[i];
    return view_letter;
}

static int draw_tab(struct app *app, enum view_id id, naming name, int x)
{
    bool here = id == app->current;
    const char *text = here && name == view_letter ? view_name(id) : name(id);
    attr_t a = here ? A_REVERSE | A_BOLD : at(STYLE_NORMAL);
    int from = x;
    x += put(1, x, COLS - x, a, text, strlen(text));
    const char *key = strchr(text, view_key(id)); /* it stands out in the name */
    if (key && from + (key - text) < x)
        put(1, from + (int)(key - text), 1, at(STYLE_KEY) | (here ? A_REVERSE : A_UNDERLINE), key,
            1);
    x += put(1, x, COLS - x, at(STYLE_NORMAL), " ", 1);
    remember(app, (struct hit){1, (int16_t)from, (int16_t)x, {0}, -1, (int16_t)id});
    return x;
}

static void draw_tabs(struct app *app)
{
    naming name = tab_names();
    int x = 0;
    fill(1, 0, COLS, A_NORMAL);
    for (uint32_t i = 0; i < VIEWS; i++)
        x = draw_tab(app, i, name, x);
}

/* --- the list --- */

struct layout {
    uint32_t columns;
    int x[LINE_COLUMNS], width[LINE_COLUMNS]; /* width 0: not shown */
};

static int wanted_width(const struct column *c, int widest)
{
    int w = (int)text_width(c->title, strlen(c->title));
    w = w > widest ? w : widest;
    w = w < c->min ? c->min : w;
    return c->max && w > c->max ? c->max : w;
}

/* Leaves out the columns that matter least until the rest fits; the last flexible one takes what is
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
    while (total > COLS + GAP) {
        int worst = -1;
        for (uint32_t i = 0; i < out->columns; i++)
            if (out->width[i] && c[i].priority && (worst < 0 || c[i].priority > c[worst].priority))
                worst = (int)i;
        if (worst < 0)
            break;
        int over = total - COLS - GAP;
        bool shrink = !c[worst].max && out->width[worst] - over >= c[worst].min;
        total -= shrink ? over : out->width[worst] + GAP;
        out->width[worst] -= shrink ? over : out->width[worst];
    }
    for (uint32_t i = 0; i < out->columns; i++)
        if (out->width[i] && !c[i].max)
            flexible = (int)i;
    if (flexible >= 0 && total < COLS)
        out->width[flexible] += COLS - total;
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
            put_spans(app, y, x, width, l, from, to, extra);
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
    fill(y, 0, COLS, extra);
    attrset((int)extra);
    mvaddch(y, indent < COLS ? indent : 0, (chtype)(unsigned char)fold);
    if (v->ops->columns)
        draw_columns(app, v, lay, l, y, indent, extra);
    else
        put_spans(app, y, indent + MARK_CELLS, COLS - indent - MARK_CELLS, l, 0, l->length, extra);
    remember(app,
             (struct hit){(int16_t)y, 0, (int16_t)COLS, {0}, (int16_t)(r - v->rows - v->top), -1});
}

static void draw_heads(const struct view *v, const struct layout *lay, int y)
{
    fill(y, 0, COLS, A_NORMAL);
    for (uint32_t c = 0; c < lay->columns; c++) {
        const struct column *k = &v->ops->columns[c];
        char text[64];
        const char *order = (int32_t)c != v->sort ? "" : v->descending ? "v" : "^";
        if (!lay->width[c])
            continue;
        snprintf(text, sizeof(text), "%s%s", k->title, order);
        int w = (int)text_width(text, strlen(text)), x = lay->x[c];
        if (k->right && w < lay->width[c])
            x += lay->width[c] - w;
        put(y, x, lay->width[c], at(STYLE_HEAD), text, strlen(text));
    }
}

static void ghost_line(const struct app *app, const struct view *v, struct line *l)
{
    char clock[16];
    line_put(l, STYLE_DIED, "-%s", v->ghost_text);
    line_put(l, STYLE_DIED, "   gone before %s",
             app->session.now ? session_clock(app->session.now->time, clock) : "");
}

static void make_line(struct app *app, struct view *v, uint32_t i, struct line *l)
{
    line_clear(l);
    if (v->ghost && i == v->cursor)
        ghost_line(app, v, l);
    else
        v->ops->line(&app->session, v, &v->rows[i], l);
}

static void draw_empty(const struct app *app, const struct view *v, int y)
{
    const char *text = !app->session.now ? "  waiting for the first snapshot ..."
                       : v->filter[0]    ? "  no row holds that; & and Enter shows all again"
                                         : "  nothing here";
    plain(y, at(STYLE_DIM), text);
}

static void keep_ghost_text(struct app *app, struct view *v)
{
    const struct row *r = view_current(v);
    if (r && !v->ghost && app->session.now && !(r->flags & ROW_TITLE))
        view_text(&app->session, v, r, v->ghost_text, sizeof(v->ghost_text));
}

static void draw_list(struct app *app, struct view *v, int top, int height)
{
    enum { ROWS = 512 };
    static struct line lines[ROWS];
    struct layout lay = {0};
    int widest[LINE_COLUMNS] = {0};
    bool heads = v->ops->columns && v->ops->columns[0].title[0];
    int rows = height - (heads ? 1 : 0);
    rows = rows < 0 ? 0 : rows > ROWS ? ROWS : rows;
    app->list_height = (uint32_t)rows;
    view_go(v, v->cursor, (uint32_t)rows);
    keep_ghost_text(app, v);
    uint32_t shown = v->count - v->top < (uint32_t)rows ? v->count - v->top : (uint32_t)rows;
    for (uint32_t i = 0; i < shown; i++) {
        make_line(app, v, v->top + i, &lines[i]);
        if (lines[i].columns)
            measure(&lines[i], widest);
    }
    if (v->ops->columns)
        lay_out(v, widest, &lay);
    if (heads && height > 0)
        draw_heads(v, &lay, top);
    for (int i = 0; i < rows; i++) {
        int y = top + (heads ? 1 : 0) + i;
        if ((uint32_t)i < shown)
            draw_row(app, v, &v->rows[v->top + (uint32_t)i], &lines[i], &lay, y);
        else if (i == 0)
            draw_empty(app, v, y);
        else
            fill(y, 0, COLS, A_NORMAL);
    }
}

/* --- the pane --- */

static void draw_rule(const struct app *app, int y)
{
    attrset((int)at(STYLE_DIM));
    if (app->ascii)
        for (int x = 0; x < COLS; x++)
            mvaddch(y, x, '-');
    else
        mvhline(y, 0, ACS_HLINE, COLS);
    int x = 2;
    for (uint32_t i = app->trail_length > 5 ? app->trail_length - 5 : 0; i < app->trail_length;
         i++) {
        const char *name = view_name(app->trail[i].view);
        x += put(y, x, COLS - x - 2, at(STYLE_DIM), name, strlen(name));
        x += put(y, x, COLS - x - 2, at(STYLE_DIM), " > ", 3);
    }
    const char *name = view_name(app->current);
    put(y, x, COLS - x - 2, at(app->in_pane ? STYLE_STRONG : STYLE_DIM), name, strlen(name));
}

/* Bytes of a line that go into one row: broken at a blank where there is one far enough. */
static size_t row_end(const struct line *l, size_t from, int cells)
{
    size_t n = text_fit(l->text + from, l->length - from, (uint32_t)cells), k = n;
    if (from + n >= l->length)
        return l->length;
    while (k > n / 2 && l->text[from + k] != ' ')
        k--;
    return from + (k > n / 2 ? k : n ? n : l->length - from);
}

static void draw_chosen(const struct line *l, uint32_t span, size_t from, size_t to, int y, int x)
{
    size_t a = l->span[span].from;
    size_t b = span + 1 < l->spans ? l->span[span + 1].from : l->length;
    if (a < from || a >= to)
        return;
    put(y, x + (int)text_width(l->text + from, a - from), COLS, A_REVERSE, l->text + a,
        (b < to ? b : to) - a);
}

/* A line over as many rows as it needs; span: the link that is chosen, UINT32_MAX. Returns the rows. */
static int draw_wrapped(struct app *app, const struct line *l, uint32_t span, int y, int rows)
{
    enum { INDENT = 4 };
    size_t from = 0;
    int n = 0;
    do {
        int x = n && COLS > 4 * INDENT ? INDENT : 0;
        size_t to = row_end(l, from, COLS - x);
        put_spans(app, y + n, x, COLS - x, l, from, to, A_NORMAL);
        if (span != UINT32_MAX)
            draw_chosen(l, span, from, to, y + n, x);
        from = to + strspn(l->text + to, " ");
        n++;
    } while (from < l->length && n < rows);
    return n;
}

/* The link that is chosen is on the screen. */
static void scroll_pane(struct pane *p, uint32_t line, uint32_t rows)
{
    if (line != UINT32_MAX && line < p->top)
        p->top = line;
    if (line != UINT32_MAX && line >= p->top + rows)
        p->top = line - rows + 1;
    if (p->top >= p->count)
        p->top = p->count ? p->count - 1 : 0;
}

static void draw_pane(struct app *app, int top, int height)
{
    struct pane *p = &app->pane;
    struct ref chosen;
    uint32_t line = UINT32_MAX, span = 0, i;
    app_fill_pane(app);
    if (height <= 0)
        return;
    draw_rule(app, top);
    if (!app->in_pane || !pane_link(p, p->cursor, &chosen, &line, &span))
        line = UINT32_MAX;
    scroll_pane(p, line, (uint32_t)height - 1);
    for (int y = top + 1; y < top + height; y++)
        fill(y, 0, COLS, A_NORMAL);
    int y = top + 1;
    for (i = p->top; i < p->count && y < top + height; i++)
        y += draw_wrapped(app, &p->lines[i], i == line ? span : UINT32_MAX, y, top + height - y);
    if (i < p->count) {
        char more[32];
        snprintf(more, sizeof(more), " %u more ", p->count - i);
        put(top, COLS - (int)strlen(more) - 2, 32, at(STYLE_KEY), more, strlen(more));
    }
}

/* --- the bottom --- */

/* Those that matter least go first where there is no room for all. */
static const struct {
    const char *key, *word;
    int importance;
} function_keys[] = {
    {"F1", "Help", 9},   {"F2", "Pane", 1},  {"F3", "Search", 6}, {"F4", "Filter", 3},
    {"F5", "Goto", 7},   {"F6", "Sort", 2},  {"F7", "Back", 5},   {"F8", "Compare", 4},
    {"F9", "Revoke", 4}, {"F10", "Quit", 8},
};
enum { FUNCTION_KEYS = sizeof(function_keys) / sizeof(*function_keys) };

static int function_key_width(int i)
{
    return (int)(strlen(function_keys[i].key) + strlen(function_keys[i].word)) + 1;
}

/* The least importance that all fit with. */
static int least_importance(void)
{
    for (int least = 1; least < 10; least++) {
        int width = -1;
        for (int i = 0; i < FUNCTION_KEYS; i++)
            width += function_keys[i].importance >= least ? function_key_width(i) : 0;
        if (width <= COLS)
            return least;
    }
    return 10;
}

static void draw_function_keys(int y)
{
    int x = 0, least = least_importance();
    fill(y, 0, COLS, A_NORMAL);
    for (int i = 0; i < FUNCTION_KEYS; i++) {
        if (function_keys[i].importance < least)
            continue;
        x += put(y, x, COLS - x, at(STYLE_KEY), function_keys[i].key, strlen(function_keys[i].key));
        x += put(y, x, COLS - x, A_REVERSE, function_keys[i].word, strlen(function_keys[i].word));
        x++;
    }
}

static void draw_prompt(const struct app *app, int y)
{
    static const char *const heads[] = {[PROMPT_SEARCH] = "/",
                                        [PROMPT_FILTER] = "& ",
                                        [PROMPT_COMMAND] = ":",
                                        [PROMPT_SQL] = "sql> ",
                                        [PROMPT_LEAVE] = ""};
    char text[INPUT_MAX + 64];
    if (app->prompt == PROMPT_LEAVE)
        snprintf(text, sizeof(text), "%u stop%s armed: r remove and leave, %s any other key stays",
                 app->armed_count, app->armed_count == 1 ? " is" : "s are",
                 session_keeps_stops(&app->session) ? "k keep and leave,"
                                                    : "(this kernel keeps none without us)");
    else
        snprintf(text, sizeof(text), "%s%s", heads[app->prompt], app->input);
    int before = (int)strlen(heads[app->prompt]);
    int cursor = before + (int)text_width(app->input, app->input_cursor);
    int shift = cursor >= COLS ? cursor - COLS + 1 : 0;
    size_t skip = text_fit(text, strlen(text), (uint32_t)shift);
    plain(y, A_BOLD, text + skip);
    move(y, cursor - shift < COLS ? cursor - shift : COLS - 1);
}

static void draw_message(const struct app *app, const struct view *v, int y)
{
    const struct session *s = &app->session;
    char place[200] = "", left[SESSION_MESSAGE + 64];
    uint32_t waiting = source_waiting(s->source);
    if (app->count)
        snprintf(left, sizeof(left), "%u", app->count);
    else if (app->searching)
        snprintf(left, sizeof(left), "searching for %.60s: %u of %u rows", app->search,
                 app->search_done, v->all.count);
    else if (s->message[0])
        snprintf(left, sizeof(left), "%s", s->message);
    else if (waiting)
        snprintf(left, sizeof(left), "waiting for the target ...");
    else
        snprintf(left, sizeof(left), "? help   %s", view_about(app->current));
    snprintf(place, sizeof(place), "%s%.40s%s%u/%u", v->filter[0] ? "filter: " : "", v->filter,
             v->filter[0] ? (v->looked < v->all.count ? " ...  " : "  ") : "",
             v->count ? v->cursor + 1 : 0, v->count);
    attr_t a = s->message_bad && s->message[0] && !app->count ? at(STYLE_BAD) : A_NORMAL;
    int width = (int)text_width(place, strlen(place));
    fill(y, 0, COLS, A_NORMAL);
    int used = put(y, 0, COLS, a, left, strlen(left));
    if (used + width + 2 <= COLS)
        put(y, COLS - width, width, at(STYLE_DIM), place, strlen(place));
}

/* A message that is wider than the screen takes the lines above, too: it is never cut. */
static int message_lines(const struct app *app)
{
    if (app->prompt || !app->session.message[0] || COLS < MIN_COLUMNS)
        return 1;
    int width = (int)text_width(app->session.message, strlen(app->session.message));
    int lines = (width + COLS - 1) / COLS;
    return lines > LINES / 2 ? LINES / 2 : lines < 1 ? 1 : lines;
}

static void draw_bottom(struct app *app, struct view *v, int lines)
{
    if (app->prompt) {
        draw_prompt(app, LINES - 1);
        return;
    }
    if (lines == 1) {
        draw_message(app, v, LINES - 1);
        return;
    }
    const char *text = app->session.message;
    for (int i = 0; i < lines; i++) {
        size_t n = text_fit(text, strlen(text), (uint32_t)COLS);
        char part[SESSION_MESSAGE];
        snprintf(part, sizeof(part), "%.*s", (int)n, text);
        plain(LINES - lines + i, app->session.message_bad ? at(STYLE_BAD) : A_NORMAL, part);
        text += n;
    }
}

/* A third of the screen; on the first screen what its rows leave, where a line says all little. */
static int pane_height(const struct app *app, const struct view *v, int room)
{
    enum { LEAST = 4 };
    int third = LINES / 3;
    if (!app->show_pane || LINES < PANE_FROM_LINES)
        return 0;
    if (app->current == VIEW_LOG || app->current == VIEW_SQL)
        return LEAST;
    if (app->current != VIEW_OVERVIEW || app->in_pane)
        return third;
    int left = room - (int)(v->count < (uint32_t)room ? v->count : (uint32_t)room);
    return left < LEAST ? 0 : left < third ? left : third;
}

void screen_draw(struct app *app)
{
    app->session.columns = (uint32_t)COLS;
    struct view *v = app_view(app);
    app->hit_count = 0;
    curs_set(app->prompt != PROMPT_NONE);
    if (LINES < MIN_LINES || COLS < MIN_COLUMNS) {
        erase();
        plain(0, A_NORMAL, COLS < 9 ? "tiny" : "too small");
        refresh();
        return;
    }
    if (app->show_help) {
        help_draw(app);
        refresh();
        return;
    }
    view_refresh(&app->session, v);
    int bottom = message_lines(app), keys = LINES >= KEYS_FROM_LINES ? 1 : 0;
    int top = LINES > 5 ? 2 : 1;
    int pane = pane_height(app, v, LINES - top - bottom - keys);
    draw_bar(app);
    if (top == 2)
        draw_tabs(app);
    int list = LINES - top - pane - bottom - keys;
    draw_list(app, v, top, list);
    draw_pane(app, top + list, pane);
    if (keys)
        draw_function_keys(LINES - bottom - 1);
    draw_bottom(app, v, bottom);
    refresh();
}
