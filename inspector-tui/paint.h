/* Painting pieces of text on the screen.
 *
 * What is wider than its room ends in a sign that says so: an ellipsis, or '>' where the terminal has
 * ASCII only.  Nothing is cut without it. */
#ifndef CAPSCOPE_INSPECTOR_TUI_PAINT_H
#define CAPSCOPE_INSPECTOR_TUI_PAINT_H

#include "inspector-tui/app.h"

#include <ncurses.h>

attr_t paint_style(enum style style);
/* Sign of a text that is cut: one cell wide. */
const char *paint_cut_sign(const struct app *app);

/* At most `cells` cells of a text; returns how many it took. */
int paint_text(const struct app *app, int y, int x, int cells, attr_t a, const char *text,
               size_t length);
/* Blanks up to column `to`. */
void paint_blanks(int y, int x, int to, attr_t a);
/* A line of the screen. */
void paint_line(const struct app *app, int y, attr_t a, const char *text);
/* A stretch of a line, [from, to) in bytes, span by span; its links can be clicked. */
int paint_spans(struct app *app, int y, int x, int cells, const struct line *l, size_t from,
                size_t to, attr_t extra);
void paint_remember(struct app *app, struct hit h);

/* Bytes of a text that go into a row of so many cells: broken at a blank where there is one far enough,
 * all where they fit. */
size_t paint_row(const char *text, size_t length, int cells);

/* screen_top.c: the bar and the tabs; screen_bottom.c: the message or the prompt, and the keys. */
void paint_bar(struct app *app);
void paint_tabs(struct app *app);
/* Lines that message or prompt and the bar of keys take. */
int paint_bottom_lines(const struct app *app);
/* What they take at least. */
int paint_bottom_least(void);
void paint_bottom(struct app *app, struct view *v);

#endif
