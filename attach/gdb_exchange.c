/* Requests and answers.  A request is sent at most GDB_SEND_TRIES times, a damaged answer asked for
 * as often; every wait ends at a deadline, and a stub that talks without end runs into it as well.
 *
 * An answer that nothing tells from the one before it must not be taken for it.  Where a request
 * may have been heard twice, or was given up, everything that the stub still has to say to it is
 * taken off the line before the next one goes out (gdb_settle()). */
#include "attach/gdb_exchange.h"

#include "lib/plural.h"

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
        snprintf(buf, size, "; %u packet%s lost or damaged on the line", c->troubles,
                 c->troubles == 1 ? " was" : "s were");
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
    if (c->late)
        return GDB_SETTLE_MOST_MS;
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
    c->interrupts += stop && memcmp(c->decoder.data + 1, "02", 2) == 0;
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
    return (struct gdb_patience){GDB_SEND_TRIES, gdb_silence(c), deadline, 0};
}

/* Nothing more comes.  The answer was lost if the stub has acknowledged the request (then it has it
 * still, and must not carry out the request twice), else the request was; or the '-' just now. */
static enum error ask_again(struct gdb_client *c, const char *request, bool *heard,
                            deadline_t deadline)
{
    bool answer_lost = *heard || !request;
    c->stops_asked += request && strcmp(request, "?") == 0;
    gdb_decoder_init(&c->decoder, true);
    c->asked_again = true;
    *heard = false;
    return answer_lost ? gdb_send_sign(c, '-', deadline) : gdb_send_packet(c, request, deadline);
}

static enum error await_packet(struct gdb_client *c, const char *request, struct gdb_patience p)
{
    bool heard = false;
    unsigned silences = 0;
    for (unsigned tries = 0; tries < p.tries;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = gdb_next_event(c, &event, p.silence_ms, p.deadline);
        if (e != ERR_OK && e != ERR_TIMEOUT)
            return gdb_line_failed(c, e);
        if (deadline_left(p.deadline) == 0)
            return gdb_line_failed(c, ERR_TIMEOUT);
        bool silence = e == ERR_TIMEOUT;
        silences += silence;
        if (silence && silences == p.silences)
            return gdb_line_failed(c, ERR_TIMEOUT);
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
        if (silence && c->settle_ms < p.silence_ms) /* what comes late may come this late */
            c->settle_ms = p.silence_ms < GDB_SETTLE_MOST_MS ? (uint32_t)p.silence_ms
                                                             : (uint32_t)GDB_SETTLE_MOST_MS;
        if (silence)
            e = ask_again(c, request, &heard, p.deadline);
        else
            e = nak ? gdb_send_packet(c, request, p.deadline) : gdb_send_sign(c, '-', p.deadline);
        /* The stub drops a packet that another one cuts, and takes that: so do we. */
        c->asked_again = c->asked_again || nak || c->decoder.fault == GDB_FAULT_CUT;
        if (e != ERR_OK)
            return e;
    }
    return gdb_fail(c, ERR_CHECKSUM, "packets are damaged on the line, %u times in a row", p.tries);
}

enum error gdb_next_packet(struct gdb_client *c, const char *request, struct gdb_patience p)
{
    enum error e = await_packet(c, request, p);
    c->asked_again = c->asked_again || e != ERR_OK; /* it may come yet */
    return e;
}

/* --- old answers --- */

bool gdb_is_fence(const struct gdb_client *c)
{
    return c->decoder.data[0] == 'm' && c->decoder.length == 1 + c->fence;
}

/* Takes in what comes until it is the answer to the newest fence.  Of damaged packets none is asked
 * for again: that would be one more answer under way.  ERR_TIMEOUT, ERR_CHECKSUM: another one is
 * wanted; ERR_NOT_FOUND: the target is gone. */
static enum error await_fence(struct gdb_client *c, int64_t silence_ms, deadline_t deadline)
{
    for (;;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = gdb_next_event(c, &event, silence_ms, deadline);
        if (e == ERR_OK && event == GDB_PACKET)
            e = gdb_send_sign(c, '+', deadline);
        if (e != ERR_OK)
            return e;
        if (event == GDB_PACKET && gdb_is_fence(c))
            return ERR_OK;
        if (event == GDB_PACKET && gdb_is_exit_reply(&c->decoder))
            return ERR_NOT_FOUND;
        if (event == GDB_BAD)
            return ERR_CHECKSUM; /* it may have been the answer */
        if (event == GDB_PACKET)
            (void)gdb_take_stop_reply(c);
        if (gdb_out_of_time(c, deadline))
            return ERR_TIMEOUT;
    }
}

const char *gdb_next_fence(struct gdb_client *c, char request[GDB_FENCE_TEXT])
{
    c->fence = c->fence >= GDB_FENCE_MOST ? (uint32_t)GDB_FENCE_LEAST : c->fence + 1;
    snprintf(request, GDB_FENCE_TEXT, "qXfer:features:read:target.xml:0,%x", c->fence);
    return request;
}

enum error gdb_fence(struct gdb_client *c, deadline_t deadline)
{
    char request[GDB_FENCE_TEXT];
    int64_t silence = gdb_silence(c);
    enum error e = ERR_TIMEOUT;
    while ((e == ERR_TIMEOUT || e == ERR_CHECKSUM) && deadline_left(deadline) > 0) {
        gdb_decoder_init(&c->decoder, true);
        e = gdb_send_packet(c, gdb_next_fence(c, request), deadline);
        if (e != ERR_OK)
            return e;
        e = await_fence(c, silence, deadline);
        silence *= e == ERR_TIMEOUT ? 2 : 1;
    }
    if (e == ERR_CHECKSUM)
        e = ERR_TIMEOUT;
    if (e == ERR_NOT_FOUND)
        return gdb_fail(c, ERR_CLOSED, "the stub says that the target is gone");
    return e == ERR_OK ? e : gdb_line_failed(c, e);
}

/* Until nothing comes any more: all that can be done with a stub that describes no processor. */
static enum error fall_silent(struct gdb_client *c, deadline_t deadline)
{
    enum error e = ERR_OK;
    while (e == ERR_OK && !gdb_out_of_time(c, deadline)) {
        enum gdb_event event = GDB_NOTHING;
        e = gdb_next_event(c, &event, c->settle_ms, deadline);
        if (e == ERR_OK && event == GDB_PACKET) {
            c->late |= c->settle_ms > GDB_SETTLE_MS; /* not lost: it came twice */
            (void)gdb_take_stop_reply(c);
            e = gdb_send_sign(c, '+', deadline);
        }
    }
    if (!c->late)
        c->settle_ms = GDB_SETTLE_MS;
    gdb_decoder_init(&c->decoder, true);
    return e == ERR_OK || e == ERR_TIMEOUT ? ERR_OK : gdb_line_failed(c, e);
}

enum error gdb_settle(struct gdb_client *c, deadline_t deadline)
{
    int64_t left = deadline_left(deadline);
    if (!c->asked_again)
        return ERR_OK;
    deadline = deadline_in(left < GDB_REPLY_MS ? left : GDB_REPLY_MS);
    enum error e = c->fences ? gdb_fence(c, deadline) : fall_silent(c, deadline);
    c->asked_again = e != ERR_OK;
    return e;
}

enum error gdb_ask(struct gdb_client *c, const char *request, struct gdb_patience p)
{
    int64_t left = deadline_left(p.deadline);
    enum error e = gdb_settle(c, p.deadline);
    p.deadline = deadline_in(left); /* for the answer to this one */
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
