/* What programs printed, what the monitor answered, and messages, the newest last.  A line that is
 * wider than the screen is whole in the pane. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

#include <string.h>

enum { KIND_LINE = 1, PIECE = LINE_BYTES - 1 };

static uint32_t build(const struct session *s, struct view *v, uint32_t from)
{
    (void)from;
    const char *p = s->log;
    for (uint32_t n = 0; p && *p; n++) {
        if (!view_add(v, view_id(0, KIND_LINE, n), 0, KIND_LINE, (int32_t)(p - s->log), 0))
            return VIEW_WHOLE;
        const char *end = strchr(p, '\n');
        p = end ? end + 1 : NULL;
    }
    if (v->count == 0)
        view_add(v, view_id(0, KIND_LINE, UINT32_MAX), 0, KIND_LINE, -1, 0);
    return VIEW_WHOLE;
}

/* NULL: there is no line yet, or it was cut off meanwhile. */
static const char *text_of(const struct session *s, const struct row *r)
{
    return r->at >= 0 && (size_t)r->at < s->log_length ? s->log + r->at : NULL;
}

static void line(const struct session *s, const struct view *v, const struct row *r, struct line *l)
{
    const char *p = text_of(s, r);
    (void)v;
    if (r->at < 0)
        line_put(l, STYLE_DIM,
                 source_is_live(s->source)
                     ? "nothing was printed or answered yet"
                     : "nothing: what programs print is no part of a recording");
    else if (p)
        line_put(l, STYLE_NORMAL, "%.*s", (int)strcspn(p, "\n"), p);
}

static void about(const struct session *s, const struct view *v, const struct row *r,
                  struct pane *p)
{
    (void)v;
    const char *text = text_of(s, r);
    size_t left = text ? strcspn(text, "\n") : 0;
    while (left > 0) {
        size_t n = left < PIECE ? left : text_fit(text, PIECE, PIECE);
        pane_text(p, STYLE_NORMAL, "%.*s", (int)n, text);
        text += n;
        left -= n;
    }
    if (source_can_command(s->source))
        pane_text(p, STYLE_DIM,
                  "%s sends a command to the target's monitor; its answer appears here",
                  bindings_key("command"));
}

static struct ref ref(const struct session *s, const struct view *v, const struct row *r)
{
    const char *p = text_of(s, r);
    (void)v;
    return p ? words_first_ref(s->now, p, strcspn(p, "\n")) : ref_to(REF_NONE, 0);
}

const struct view_ops view_log = {NULL, build, line, ref, about, NULL, NULL, 0};
