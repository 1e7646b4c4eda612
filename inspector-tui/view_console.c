/* The console: what programs printed and what the monitor answered to ':' commands.  A line that is
 * wider than the screen is whole in the pane below. */
#include "inspector-tui/app.h"

#include <ncurses.h>
#include <stdio.h>
#include <string.h>

enum { KIND_LINE = 80 };

static void build(struct app *app, struct view *v)
{
    const char *p = app->console;
    for (uint32_t line = 0; p && *p; line++) {
        struct row *r = view_add(v, row_key(KIND_LINE, line, 0), 0, 0);
        if (!r)
            return;
        r->value = (uint32_t)(p - app->console);
        const char *end = strchr(p, '\n');
        p = end ? end + 1 : NULL;
    }
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    const char *p = app->console + r->value;
    size_t n = strcspn(p, "\n");
    snprintf(buf, size, "%.*s", (int)(n < size ? n : size - 1), p);
}

/* Where to end a line of at most `width` of the n bytes: behind a blank, if there is one. */
static size_t fold(const char *p, size_t n, size_t width)
{
    if (n <= width)
        return n;
    for (size_t cut = width; cut > width / 2; cut--)
        if (p[cut - 1] == ' ')
            return cut;
    return width;
}

static void detail(struct app *app, const struct row *r)
{
    enum { INDENT = 3 };
    const char *p = app->console + r->value;
    size_t n = strcspn(p, "\n");
    size_t width = (size_t)COLS < DETAIL_WIDTH ? (size_t)COLS : DETAIL_WIDTH - 1;
    if (n + INDENT <= width)
        n = 0; /* it is whole above */
    for (size_t part; n > 0; p += part, n -= part) {
        part = fold(p, n, width);
        app_detail(app, "%.*s", (int)part, p);
    }
    app_detail(app, "':' sends a command to the monitor; its answer appears here.");
}

const struct view_ops view_console = {"Console", NULL, build, text, detail};
