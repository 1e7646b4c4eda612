/* The answer to a question in SQL; Q asks.  Columns are those of the answer. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"
#include "inspector-tui/words.h"

#include <string.h>

enum { KIND_LINE = 1 };

/* The answer lies in the session as lines with tabs between the cells; the first one names the
 * columns. */
static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    const char *p = s->table;
    for (uint32_t n = 0; p && *p; n++) {
        if (!view_add(v, view_id(0, KIND_LINE, n), 0, KIND_LINE, (int32_t)(p - s->table),
                      n == 0 ? ROW_TITLE : 0))
            return VIEW_WHOLE;
        const char *end = strchr(p, '\n');
        p = end ? end + 1 : NULL;
    }
    if (v->count == 0)
        view_add(v, view_id(0, KIND_LINE, UINT32_MAX), 0, KIND_LINE, -1, 0);
    return VIEW_WHOLE;
}

static enum sign sign_of(char c)
{
    return c == '+' ? SIGN_BORN : c == '-' ? SIGN_DIED : SIGN_SAME;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    (void)v;
    if (r->at < 0) {
        line_put(l, STYLE_DIM, "%s asks in SQL%s%s", bindings_key("ask-sql"),
                 s->question[0] ? "; there is no answer to: " : "", s->question);
        return;
    }
    const char *p = s->table + r->at;
    enum sign sign = s->table_compared ? sign_of(*p) : SIGN_SAME;
    if (s->table_compared)
        line_put(l, words_sign(sign), "%c", *p++);
    for (size_t n = strcspn(p, "\t\n");; n = strcspn(p, "\t\n")) {
        line_put(l, r->flags & ROW_TITLE ? STYLE_HEAD : words_sign(sign), "%.*s", (int)n, p);
        if (p[n] != '\t')
            return;
        line_tab(l);
        p += n + 1;
    }
}

/* The cells of a row, without its sign; NULL: it has none. */
static const char *cells(const struct session *s, const struct row *r)
{
    return r->at < 0 ? NULL : s->table + r->at + s->table_compared;
}

/* What the first address in it leads to. */
static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    const char *p = cells(s, r);
    (void)v;
    return p && !(r->flags & ROW_TITLE) ? words_first_ref(s->now, p, strcspn(p, "\n"))
                                        : ref_to(REF_NONE, 0);
}

/* All cells, each with the name of its column: the list has no room for many. */
static void all_cells(const struct session *s, const struct row *r, struct pane *p)
{
    const char *cell = cells(s, r), *head = s->table + s->table_compared;
    struct line *l = pane_line(p);
    for (;;) {
        size_t n = strcspn(cell, "\t\n"), name = strcspn(head, "\t\n");
        line_put(l, STYLE_DIM, "%.*s ", (int)name, head);
        struct ref to = words_first_ref(s->now, cell, n);
        line_link(l, to.kind == REF_NONE ? STYLE_NORMAL : STYLE_LINK, to, "%.*s", (int)n, cell);
        if (cell[n] != '\t')
            return;
        line_put(l, STYLE_NORMAL, "  ");
        cell += n + 1;
        head += name + (head[name] == '\t');
    }
}

/* The row whole; where nothing was asked yet: what could be. */
static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    (void)v;
    if (r->at >= 0) {
        if (!(r->flags & ROW_TITLE))
            all_cells(s, r, p);
        pane_text(p, STYLE_DIM, "asked: %s", s->question);
        return;
    }
    struct line *l = pane_line(p);
    line_put(l, STYLE_NORMAL, "SELECT * FROM caps WHERE n = :n LIMIT 20");
    line_put(l, STYLE_DIM, "  :n is the snapshot shown");
    l = pane_line(p);
    line_put(l, STYLE_NORMAL, "SELECT name FROM sqlite_master WHERE type = 'view'");
    line_put(l, STYLE_DIM, "  lists the views");
    pane_text(p, STYLE_DIM, "docs/database.md describes them");
}

static const struct column columns[] = {
    {"", 4, 28, 0, false},
    {"", 4, 28, 1, false},
    {"", 4, 28, 2, false},
    {"", 4, 28, 3, false},
    {"", 4, 28, 4, false},
    {"", 4, 28, 5, false},
    {"", 4, 28, 6, false},
    {"", 4, 28, 7, false},
    {"", 4, 28, 8, false},
    {"", 4, 28, 9, false},
    {"", 4, 28, 10, false},
    {"", 4, 0, 11, false},
    {0},
};

const struct view_ops view_sql = {columns, build, line, ref, about, NULL, NULL, 0};
