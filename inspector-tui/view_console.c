/* The console: what programs printed and what the monitor answered to ':' commands. */
#include "inspector-tui/app.h"

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

static void detail(struct app *app, const struct row *r)
{
    (void)r;
    app_detail(app, "':' sends a command to the monitor; its answer appears here.");
}

const struct view_ops view_console = {"Console", NULL, build, text, detail};
