/* Requests and answers.  A request is sent at most GDB_SEND_TRIES times, a damaged answer asked for
 * as often; every wait ends at a deadline, and a stub that talks without end runs into it as well.
 *
 * An answer that nothing tells from the one before it must not be taken for it.  Where a request
 * may have been heard twice the line is listened to until it is silent before the next one goes
 * out (gdb_settle()). */
#include "attach/gdb_exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum error gdb_fail(struct gdb_client *c, enum error e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->trouble, sizeof(c->trouble), fmt, args);
    va_end(args);
    return e;
}

/* ", N packets ... damaged": what a line has shown itself to be. */
static const char *damage(const struct gdb_client *c, char *buf, size_t size)
{
    buf[0] = '\0';
    if (c->troubles > 0)
        snprintf(buf, size, "; %u packets were lost or damaged on the line", c->troubles);
    return buf;
}

enum error gdb_line_failed(struct gdb_client *c, enum error e)
{
    char text[64];
    switch (e) {
    case ERR_TIMEOUT:
        return gdb_fail(c, e,
                        "the stub gave no answer before the deadline (is another debugger "
                        "attached?)%s",
                        damage(c, text, sizeof(text)));
    case ERR_CLOSED:
        return gdb_fail(c, e, "the stub closed the connection");
    case ERR_STOPPED:
        return gdb_fail(c, e, "interrupted");
    default:
        return gdb_fail(c, e, "the line to the stub failed");
    }
}

enum error gdb_send_bytes(struct gdb_client *c, const void *bytes, size_t len, deadline_t deadline)
{
    enum error e = transport_write(&c->line, bytes, len, deadline);
    return e == ERR_OK ? e : gdb_line_failed(c, e);
}

enum error gdb_send_packet(struct gdb_client *c, const char *request, deadline_t deadline)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode('$', request, (uint32_t)strlen(request), raw, sizeof(raw));
    if (n == 0)
        return gdb_fail(c, ERR_ARGUMENT, "a request is longer than a packet");
    return gdb_send_bytes(c, raw, n, deadline);
}

enum error gdb_send_sign(struct gdb_client *c, char sign, deadline_t deadline)
{
    return c->mute ? ERR_OK : gdb_send_bytes(c, &sign, 1, deadline);
}

void gdb_note_trouble(struct gdb_client *c)
{
    c->troubles++;
    c->good_pieces = 0;
}

int64_t gdb_silence(const struct gdb_client *c)
{
    return c->troubles > 0 ? GDB_SILENCE_BAD_MS : GDB_SILENCE_MS;
}

bool gdb_out_of_time(const struct gdb_client *c, deadline_t deadline)
{
    return c->line.head == c->line.tail && deadline_left(deadline) == 0;
}

enum error gdb_next_event(struct gdb_client *c, enum gdb_event *event, int64_t silence_ms,
                          deadline_t deadline)
{
    for (;;) {
        uint8_t byte;
        deadline_t limit = deadline;
        c->line.head += gdb_decoder_put_plain(&c->decoder, c->line.in + c->line.head,
                                              (uint32_t)(c->line.tail - c->line.head));
        if (c->line.head == c->line.tail && deadline_left(deadline) > silence_ms)
            limit = deadline_in(silence_ms);
        enum error e = transport_get(&c->line, &byte, limit);
        if (e != ERR_OK)
            return e;
        *event = gdb_decoder_put(&c->decoder, byte);
        if (*event != GDB_NOTHING && *event != GDB_NOISE)
            return ERR_OK;
        if (gdb_out_of_time(c, deadline))
            return ERR_TIMEOUT;
    }
}

bool gdb_answer_is(const struct gdb_client *c, const char *text)
{
    return strcmp((const char *)c->decoder.data, text) == 0;
}

bool gdb_is_error_reply(const struct gdb_decoder *d)
{
    return d->length == 3 && d->data[0] == 'E' && gdb_hex_digit(d->data[1]) >= 0 &&
           gdb_hex_digit(d->data[2]) >= 0;
}

bool gdb_is_stop_reply(const struct gdb_decoder *d)
{
    return d->length >= 3 && (d->data[0] == 'T' || d->data[0] == 'S') &&
           gdb_hex_digit(d->data[1]) >= 0 && gdb_hex_digit(d->data[2]) >= 0;
}

/* Notes a stop reply that came unasked. */
bool gdb_take_stop_reply(struct gdb_client *c)
{
    bool stop = gdb_is_stop_reply(&c->decoder);
    c->stop_replies += stop;
    if (stop)
        snprintf(c->stop, sizeof(c->stop), "%.31s", (const char *)c->decoder.data);
    return stop;
}

bool gdb_is_exit_reply(const struct gdb_decoder *d)
{
    return d->length >= 3 && (d->data[0] == 'W' || d->data[0] == 'X');
}

struct gdb_patience gdb_patient(const struct gdb_client *c, deadline_t deadline)
{
    return (struct gdb_patience){GDB_SEND_TRIES, gdb_silence(c), deadline};
}

/* Nothing more comes.  The answer was lost if the stub has acknowledged the request (then it has it
 * still, and must not carry out the request twice), else the request was; or the '-' just now. */
static enum error ask_again(struct gdb_client *c, const char *request, bool *heard,
                            deadline_t deadline)
{
    bool answer_lost = *heard || !request;
    gdb_decoder_init(&c->decoder, true);
    c->asked_again = true;
    *heard = false;
    return answer_lost ? gdb_send_sign(c, '-', deadline) : gdb_send_packet(c, request, deadline);
}

enum error gdb_next_packet(struct gdb_client *c, const char *request, struct gdb_patience p)
{
    bool heard = false;
    for (unsigned tries = 0; tries < p.tries;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = gdb_next_event(c, &event, p.silence_ms, p.deadline);
        if (e != ERR_OK && e != ERR_TIMEOUT)
            return gdb_line_failed(c, e);
        if (deadline_left(p.deadline) == 0)
            return gdb_line_failed(c, ERR_TIMEOUT);
        bool silence = e == ERR_TIMEOUT;
        bool answer_lost = silence ? heard || !request : event == GDB_BAD;
        if (!silence && event == GDB_PACKET)
            return gdb_send_sign(c, '+', p.deadline);
        heard = heard || (!silence && event == GDB_ACK);
        bool nak = !silence && event == GDB_NAK && request, bad = !silence && event == GDB_BAD;
        if (!silence && !nak && !bad)
            continue;
        gdb_note_trouble(c);
        c->answers_lost += answer_lost;
        tries += !silence;
        p.silence_ms *= silence ? 2 : 1;
        if (silence)
            e = ask_again(c, request, &heard, p.deadline);
        else
            e = nak ? gdb_send_packet(c, request, p.deadline) : gdb_send_sign(c, '-', p.deadline);
        /* The stub drops a packet that another one cuts, and takes that: so do we. */
        c->asked_again = c->asked_again || nak || c->decoder.fault == GDB_FAULT_CUT;
        if (e != ERR_OK)
            return e;
    }
    c->asked_again = true;
    return gdb_fail(c, ERR_CHECKSUM, "packets are damaged on the line, %u times in a row", p.tries);
}

enum error gdb_settle(struct gdb_client *c)
{
    uint8_t byte;
    enum error e = ERR_OK;
    deadline_t end = deadline_in(GDB_REPLY_MS);
    if (!c->asked_again)
        return ERR_OK;
    c->asked_again = false;
    while (e == ERR_OK && !gdb_out_of_time(c, end))
        e = transport_get(&c->line, &byte, deadline_in(c->settle_ms));
    gdb_decoder_init(&c->decoder, true);
    return e == ERR_OK || e == ERR_TIMEOUT ? ERR_OK : gdb_line_failed(c, e);
}

enum error gdb_ask(struct gdb_client *c, const char *request, struct gdb_patience p)
{
    enum error e = gdb_settle(c);
    if (e == ERR_OK)
        e = gdb_send_packet(c, request, p.deadline);
    if (e != ERR_OK)
        return e;
    for (;;) {
        e = gdb_next_packet(c, request, p);
        if (e != ERR_OK)
            return e;
        if (gdb_is_exit_reply(&c->decoder))
            return gdb_fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (!gdb_take_stop_reply(c) || strcmp(request, "?") == 0)
            return ERR_OK;
    }
}
