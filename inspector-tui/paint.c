/* Painting pieces of text, see paint.h. */
#include "inspector-tui/paint.h"

#include <string.h>

attr_t paint_style(enum style style)
{
    return (attr_t)palette_attributes(style);
}

const char *paint_cut_sign(const struct app *app)
{
    return app->ascii ? ">" : "\u2026";
}

static int put(int y, int x, int cells, attr_t a, const char *text, size_t length)
{
    char plain[LINE_BYTES];
    if (cells <= 0 || y < 0 || y >= LINES)
        return 0;
    size_t fits = text_fit(text, length, (uint32_t)cells);
    attrset((int)a);
    if (text_is_utf8())
        mvaddnstr(y, x, text, (int)fits);
    else
        mvaddnstr(y, x, plain, (int)text_plain(text, fits, plain, sizeof(plain)));
    return (int)text_width(text, fits);
}

/* In the last cell of what is cut. */
static void put_cut_sign(const struct app *app, int y, int x, attr_t a)
{
    const char *sign = paint_cut_sign(app);
    put(y, x, 1, a, sign, strlen(sign));
}

int paint_text(const struct app *app, int y, int x, int cells, attr_t a, const char *text,
               size_t length)
{
    if (cells <= 0 || text_fit(text, length, (uint32_t)cells) == length)
        return put(y, x, cells, a, text, length);
    paint_blanks(y, x + put(y, x, cells - 1, a, text, length), x + cells, a);
    put_cut_sign(app, y, x + cells - 1, a);
    return cells;
}

void paint_blanks(int y, int x, int to, attr_t a)
{
    attrset((int)a);
    for (; x < to && x < COLS; x++)
        mvaddch(y, x, ' ');
}

void paint_line(const struct app *app, int y, attr_t a, const char *text)
{
    paint_blanks(y, paint_text(app, y, 0, COLS, a, text, strlen(text)), COLS, a);
}

void paint_remember(struct app *app, struct hit h)
{
    if (app->hit_count < HITS)
        app->hits[app->hit_count++] = h;
}

/* Reversed, where the cursor is, all have one colour, but for what says how things stand: it must not
 * vanish because the cursor is on it. */
static attr_t style_under(enum style style, attr_t extra)
{
    bool telling = style == STYLE_GOOD || style == STYLE_WARN || style == STYLE_BAD;
    return extra & A_REVERSE && !telling ? extra : paint_style(style) | extra;
}

/* One span; returns its cells. */
static int put_span(struct app *app, int y, int x, int cells, const struct span *s,
                    const char *text, size_t length, attr_t extra)
{
    int n = put(y, x, cells, style_under((enum style)s->style, extra), text, length);
    if (s->ref.kind != REF_NONE)
        paint_remember(app, (struct hit){.y = (int16_t)y,
                                         .from = (int16_t)x,
                                         .to = (int16_t)(x + n),
                                         .ref = s->ref,
                                         .row = -1,
                                         .tab = -1});
    return n;
}

int paint_spans(struct app *app, int y, int x, int cells, const struct line *l, size_t from,
                size_t to, attr_t extra)
{
    int began = x, end = x + cells;
    bool cut = cells > 0 && text_fit(l->text + from, to - from, (uint32_t)cells) < to - from;
    int room = cut ? end - 1 : end; /* the sign never stands on half a wide character */
    for (uint32_t i = 0; i < l->spans && x < room; i++) {
        size_t a = l->span[i].from, b = i + 1 < l->spans ? l->span[i + 1].from : l->length;
        a = a < from ? from : a;
        b = b > to ? to : b;
        if (a < b)
            x += put_span(app, y, x, room - x, &l->span[i], l->text + a, b - a, extra);
    }
    if (cut) {
        paint_blanks(y, x, room, extra);
        put_cut_sign(app, y, room, extra & A_REVERSE ? extra : paint_style(STYLE_KEY) | extra);
    }
    return cut ? cells : x - began;
}

size_t paint_row(const char *text, size_t length, int cells)
{
    size_t n = text_fit(text, length, (uint32_t)cells), k = n;
    if (n >= length)
        return length;
    while (k > n / 2 && text[k] != ' ')
        k--;
    return k > n / 2 ? k : n ? n : length;
}
