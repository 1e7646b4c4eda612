/* The line editor: one byte at a time, nothing but the echo goes out. */
#include "monitor/editor.h"

enum {
    CTRL_C = 3,
    BACKSPACE = 8,
    LF = 10,
    CTRL_L = 12,
    CR = 13,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_U = 21,
    ESCAPE = 27,
    DELETE = 127,
};

enum escape_state { ESCAPE_NONE, ESCAPE_SEEN, ESCAPE_BRACKET };

void editor_init(struct editor *e, format_sink echo, void *ctx)
{
    *e = (struct editor){.echo = echo, .ctx = ctx};
}

void editor_clear(struct editor *e)
{
    e->used = 0;
    e->line[0] = '\0';
    e->overflow = false;
    e->recall = 0;
}

static void echo(struct editor *e, const char *s)
{
    for (; *s != '\0'; s++)
        e->echo(e->ctx, *s);
}

static void rub_out(struct editor *e)
{
    if (e->used == 0)
        return;
    e->line[--e->used] = '\0';
    echo(e, "\b \b");
}

static void rub_out_all(struct editor *e)
{
    while (e->used > 0)
        rub_out(e);
    e->overflow = false;
}

static void copy_line(char *to, const char *from)
{
    uint32_t n = 0;
    for (; from[n] != '\0'; n++)
        to[n] = from[n];
    to[n] = '\0';
}

static void remember(struct editor *e)
{
    if (e->used > 0)
        copy_line(e->history[e->kept++ % EDITOR_HISTORY], e->line);
}

static void recall(struct editor *e, uint32_t back)
{
    uint32_t available = e->kept < EDITOR_HISTORY ? e->kept : (uint32_t)EDITOR_HISTORY;
    if (back > available)
        return;
    rub_out_all(e);
    e->recall = back;
    if (back == 0)
        return;
    copy_line(e->line, e->history[(e->kept - back) % EDITOR_HISTORY]);
    while (e->line[e->used] != '\0')
        e->used++;
    echo(e, e->line);
}

static void step_history(struct editor *e, bool older)
{
    if (older)
        recall(e, e->recall + 1);
    else if (e->recall > 0)
        recall(e, e->recall - 1);
}

static enum editor_result finish(struct editor *e)
{
    echo(e, "\n");
    if (e->overflow) {
        editor_clear(e);
        return EDITOR_TOO_LONG;
    }
    remember(e);
    return EDITOR_DONE;
}

static void printable(struct editor *e, char c)
{
    if (e->used == EDITOR_LINE) {
        e->overflow = true;
        return;
    }
    e->line[e->used++] = c;
    e->line[e->used] = '\0';
    e->echo(e->ctx, c);
}

/* Swallows "ESC [ x", and "ESC O x", which terminals in application mode send, and takes the arrows
 * up and down out of it. */
static bool escape_put(struct editor *e, uint8_t byte)
{
    switch (e->escape) {
    case ESCAPE_SEEN:
        e->escape = byte == '[' || byte == 'O' ? ESCAPE_BRACKET : ESCAPE_NONE;
        return e->escape == ESCAPE_BRACKET;
    case ESCAPE_BRACKET:
        if (byte < '@' || byte > '~')
            return byte >= ' ' && byte < '@'; /* parameters; anything else ends it */
        e->escape = ESCAPE_NONE;
        if (byte == 'A' || byte == 'B')
            step_history(e, byte == 'A');
        return true;
    default:
        return false;
    }
}

static enum editor_result control(struct editor *e, uint8_t byte)
{
    switch (byte) {
    case CR:
    case LF:
        return finish(e);
    case CTRL_C:
        echo(e, "^C\n");
        editor_clear(e);
        return EDITOR_CANCEL;
    case BACKSPACE:
    case DELETE:
        rub_out(e);
        return EDITOR_MORE;
    case CTRL_U:
        rub_out_all(e);
        return EDITOR_MORE;
    case CTRL_L:
        echo(e, "\n");
        return EDITOR_REDRAW;
    case CTRL_P:
    case CTRL_N:
        step_history(e, byte == CTRL_P);
        return EDITOR_MORE;
    case ESCAPE:
        e->escape = ESCAPE_SEEN;
        return EDITOR_MORE;
    default:
        return EDITOR_MORE; /* nothing else means anything here */
    }
}

bool editor_is_second_byte(const struct editor *e, uint8_t byte)
{
    return e->after_cr && byte == LF;
}

enum editor_result editor_put(struct editor *e, uint8_t byte)
{
    bool second = editor_is_second_byte(e, byte);
    e->after_cr = byte == CR;
    if (second || escape_put(e, byte))
        return EDITOR_MORE;
    e->escape = ESCAPE_NONE;
    if (byte < ' ' || byte == DELETE)
        return control(e, byte);
    if (byte < DELETE)
        printable(e, (char)byte);
    return EDITOR_MORE;
}
