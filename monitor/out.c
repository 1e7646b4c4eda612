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
    bool in_piece;
    uint32_t piece_used;
    char piece[PIECE_MAX];
} o;

void out_begin(format_sink sink, void *ctx, bool (*poll)(void))
{
    o.sink = sink;
    o.ctx = ctx;
    o.poll = poll;
    o.column = 0;
    o.since_poll = 0;
    o.stopped = false;
    o.in_piece = false;
}

bool out_stopped(void)
{
    if (!o.stopped && o.poll && ++o.since_poll >= POLL_EVERY) {
        o.since_poll = 0;
        o.stopped = o.poll();
    }
    return o.stopped;
}

static void put(void *ctx, char c)
{
    (void)ctx;
    if (!o.sink || out_stopped())
        return;
    if (o.in_piece) {
        if (o.piece_used < PIECE_MAX - 1)
            o.piece[o.piece_used++] = c;
        return;
    }
    o.column = c == '\n' ? 0 : o.column + 1;
    o.sink(o.ctx, c);
}

void out_end(void)
{
    if (o.stopped && o.sink) {
        const char *text = o.column ? "\n(interrupted)\n" : "(interrupted)\n";
        for (; *text; text++)
            o.sink(o.ctx, *text);
    }
    o.sink = NULL;
    o.poll = NULL;
}

bool out_is_open(void)
{
    return o.sink;
}

void out(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
}

void out_piece_begin(void)
{
    o.in_piece = true;
    o.piece_used = 0;
}

void out_piece_end(void)
{
    o.in_piece = false;
    o.piece[o.piece_used] = '\0';
    if (o.column + 1 + o.piece_used > OUT_COLUMNS)
        out("\n");
    out("%s%s", o.column ? " " : "      ", o.piece);
}

void out_piece(const char *fmt, ...)
{
    va_list args;
    out_piece_begin();
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
    out_piece_end();
}

void out_fresh_line(void)
{
    if (o.column != 0)
        out("\n");
}

void out_escaped(const char *bytes, uint32_t len, uint32_t max)
{
    char text[4 * 167 + 1];
    format_escape(text, sizeof(text), bytes, len);
    for (uint32_t i = 0; i < max && text[i] != '\0'; i++)
        put(NULL, text[i]);
}
