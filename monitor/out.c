/* The text of one command: column counting, wrapping, and the end that the reader asks for. */
#include "monitor/out.h"

enum { POLL_EVERY = 32, PIECE_MAX = 256 };

static struct {
    format_sink sink;
    void *ctx;
    bool (*poll)(void);
    uint32_t column;
    uint32_t since_poll;
    bool stopped;
} o;

void out_begin(format_sink sink, void *ctx, bool (*poll)(void))
{
    o.sink = sink;
    o.ctx = ctx;
    o.poll = poll;
    o.column = 0;
    o.since_poll = 0;
    o.stopped = false;
}

bool out_stopped(void)
{
    if (!o.stopped && o.poll != NULL && ++o.since_poll >= POLL_EVERY) {
        o.since_poll = 0;
        o.stopped = o.poll();
    }
    return o.stopped;
}

static void put(void *ctx, char c)
{
    (void)ctx;
    if (o.sink == NULL || out_stopped())
        return;
    o.column = c == '\n' ? 0 : o.column + 1;
    o.sink(o.ctx, c);
}

void out_end(void)
{
    if (o.stopped && o.sink != NULL) {
        const char *text = o.column ? "\n(interrupted)\n" : "(interrupted)\n";
        for (; *text; text++)
            o.sink(o.ctx, *text);
    }
    o.sink = NULL;
    o.poll = NULL;
}

void out(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
}

struct piece {
    char text[PIECE_MAX];
    uint32_t used;
};

static void piece_put(void *ctx, char c)
{
    struct piece *p = ctx;
    if (p->used < PIECE_MAX - 1)
        p->text[p->used++] = c;
}

void out_piece(const char *fmt, ...)
{
    struct piece p;
    p.used = 0;
    va_list args;
    va_start(args, fmt);
    format_vto(piece_put, &p, fmt, args);
    va_end(args);
    p.text[p.used] = '\0';
    if (o.column + 1 + p.used > OUT_COLUMNS)
        out("\n");
    out("%s%s", o.column ? " " : "      ", p.text);
}

void out_fresh_line(void)
{
    if (o.column != 0)
        out("\n");
}

void out_escaped(const char *bytes, uint32_t len, uint32_t max)
{
    char text[4 * 167 + 1];
    format_escape(text, sizeof text, bytes, len);
    for (uint32_t i = 0; i < max && text[i] != '\0'; i++)
        put(NULL, text[i]);
}
