/* Requests and answers.  A request is sent at most SEND_TRIES times, a damaged answer asked for as
 * often; every wait ends at a deadline, and a stub that talks without end runs into it as well.
 *
 * An answer that nothing tells from the one before it must not be taken for it.  Where a request
 * may have been heard twice the line is listened to until it is silent before the next one goes
 * out (settle()). */
#include "attach/gdb_client.h"

#include "lib/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SEND_TRIES = 8,
    LARGE_TRIES = 2, /* of a piece of memory that could be smaller */
    SETTLE_MS = 20,  /* for a packet that comes twice because it was asked for twice */
    SETTLE_MOST_MS = 640,
    SILENCE_MS = 700,           /* in an answer: then something was lost */
    SILENCE_BAD_MS = 250,       /* on a line that has lost something before */
    SILENCE_COMMAND_MS = 2000,  /* a command may have much to do */
    SILENCE_ANY = 1000000,      /* wait for the deadline */
    READ_BYTES_DEFAULT = 0x100, /* without PacketSize */
    READ_BYTES_LEAST = 16,
    SHORTEST_PART = 8, /* of what was asked for */
    PIECE_LEAST = 64,  /* on a bad line; less would be all frame */
    PIECES_TO_GROW = 16,
    CAREFUL_BYTES = 512, /* that must be the same twice */
    CAREFUL_READINGS = 7,
    TARGET_XML_CHUNKS = 64,
    COMMAND_PACKETS_MAX = 100000,
    DETACH_MS = 500,
    DETACH_BAD_MS = 3000, /* on a line that loses requests */
    FIRST_STOP_MS = 300,
    GREET_MS = 1500, /* for the answer to the first question, before it is asked again */
    CPSR_REGNUM = 25,
    G_BYTES_CORE = 17 * 4, /* r0..r15, cpsr */
    G_BYTES_LEGACY = 168,  /* with the FPA registers gdb once expected */
    G_CPSR_LEGACY = 41 * 4,
};
_Static_assert((int)G_CPSR_LEGACY + 4 == (int)G_BYTES_LEGACY, "cpsr is the last register");

static const char INTERRUPT = 0x03;

static enum error __attribute__((format(printf, 3, 4)))
fail(struct gdb_client *c, enum error e, const char *fmt, ...)
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

static enum error line_failed(struct gdb_client *c, enum error e)
{
    char text[64];
    switch (e) {
    case ERR_TIMEOUT:
        return fail(c, e,
                    "the stub gave no answer before the deadline (is another debugger "
                    "attached?)%s",
                    damage(c, text, sizeof(text)));
    case ERR_CLOSED:
        return fail(c, e, "the stub closed the connection");
    default:
        return fail(c, e, "the line to the stub failed");
    }
}

static enum error send_bytes(struct gdb_client *c, const void *bytes, size_t len,
                             deadline_t deadline)
{
    enum error e = transport_write(&c->line, bytes, len, deadline);
    return e == ERR_OK ? e : line_failed(c, e);
}

static enum error send_packet(struct gdb_client *c, const char *request, deadline_t deadline)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode('$', request, (uint32_t)strlen(request), raw, sizeof(raw));
    if (n == 0)
        return fail(c, ERR_ARGUMENT, "a request is longer than a packet");
    return send_bytes(c, raw, n, deadline);
}

static enum error send_sign(struct gdb_client *c, char sign, deadline_t deadline)
{
    return send_bytes(c, &sign, 1, deadline);
}

/* Something was lost or damaged, in either direction. */
static void trouble(struct gdb_client *c)
{
    c->troubles++;
    c->good_pieces = 0;
}

static int64_t silence_of(const struct gdb_client *c)
{
    return c->troubles > 0 ? SILENCE_BAD_MS : SILENCE_MS;
}

/* Bytes that keep coming never let the wait for one of them run out: so the deadline counts as soon
 * as all that was received is used up. */
static bool out_of_time(const struct gdb_client *c, deadline_t deadline)
{
    return c->line.head == c->line.tail && deadline_left(deadline) == 0;
}

/* The next event that means something on the line; ERR_TIMEOUT at the deadline, or when nothing
 * comes for so long. */
static enum error next_event(struct gdb_client *c, enum gdb_event *event, int64_t silence_ms,
                             deadline_t deadline)
{
    for (;;) {
        uint8_t byte;
        deadline_t limit = deadline;
        if (c->line.head == c->line.tail && deadline_left(deadline) > silence_ms)
            limit = deadline_in(silence_ms);
        enum error e = transport_get(&c->line, &byte, limit);
        if (e != ERR_OK)
            return e;
        *event = gdb_decoder_put(&c->decoder, byte);
        if (*event != GDB_NOTHING && *event != GDB_NOISE)
            return ERR_OK;
        if (out_of_time(c, deadline))
            return ERR_TIMEOUT;
    }
}

static bool answer_is(const struct gdb_client *c, const char *text)
{
    return strcmp((const char *)c->decoder.data, text) == 0;
}

static bool is_error_reply(const struct gdb_decoder *d)
{
    return d->length == 3 && d->data[0] == 'E' && gdb_hex_digit(d->data[1]) >= 0 &&
           gdb_hex_digit(d->data[2]) >= 0;
}

static bool is_stop_reply(const struct gdb_decoder *d)
{
    return d->length >= 3 && (d->data[0] == 'T' || d->data[0] == 'S') &&
           gdb_hex_digit(d->data[1]) >= 0 && gdb_hex_digit(d->data[2]) >= 0;
}

/* Notes a stop reply that came unasked. */
static bool take_stop_reply(struct gdb_client *c)
{
    bool stop = is_stop_reply(&c->decoder);
    c->stop_replies += stop;
    return stop;
}

static bool is_exit_reply(const struct gdb_decoder *d)
{
    return d->length >= 3 && (d->data[0] == 'W' || d->data[0] == 'X');
}

/* How long to wait for a packet, and how often for one that does not come or is damaged. */
struct patience {
    unsigned tries;
    int64_t silence_ms;
    deadline_t deadline;
};

static struct patience patient(const struct gdb_client *c, deadline_t deadline)
{
    return (struct patience){SEND_TRIES, silence_of(c), deadline};
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
    return answer_lost ? send_sign(c, '-', deadline) : send_packet(c, request, deadline);
}

/* Waits for a packet. `request` (NULL: none) is sent again when the stub asks for that, or when
 * nothing comes, which is asked ever later, since the other side may be slow. */
static enum error next_packet(struct gdb_client *c, const char *request, struct patience p)
{
    bool heard = false;
    for (unsigned tries = 0; tries < p.tries;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = next_event(c, &event, p.silence_ms, p.deadline);
        if (e != ERR_OK && e != ERR_TIMEOUT)
            return line_failed(c, e);
        if (deadline_left(p.deadline) == 0)
            return line_failed(c, ERR_TIMEOUT);
        bool silence = e == ERR_TIMEOUT;
        bool answer_lost = silence ? heard || !request : event == GDB_BAD;
        if (!silence && event == GDB_PACKET)
            return send_sign(c, '+', p.deadline);
        heard = heard || (!silence && event == GDB_ACK);
        bool nak = !silence && event == GDB_NAK && request, bad = !silence && event == GDB_BAD;
        if (!silence && !nak && !bad)
            continue;
        trouble(c);
        c->answers_lost += answer_lost;
        tries += !silence;
        p.silence_ms *= silence ? 2 : 1;
        if (silence)
            e = ask_again(c, request, &heard, p.deadline);
        else
            e = nak ? send_packet(c, request, p.deadline) : send_sign(c, '-', p.deadline);
        /* The stub drops a packet that another one cuts, and takes that: so do we. */
        c->asked_again = c->asked_again || nak || c->decoder.fault == GDB_FAULT_CUT;
        if (e != ERR_OK)
            return e;
    }
    c->asked_again = true;
    return fail(c, ERR_CHECKSUM, "packets are damaged on the line, %u times in a row", p.tries);
}

/* A packet that was asked for again may come once more, and must not be the answer to the next
 * request. */
static enum error settle(struct gdb_client *c)
{
    uint8_t byte;
    enum error e = ERR_OK;
    deadline_t end = deadline_in(GDB_REPLY_MS);
    if (!c->asked_again)
        return ERR_OK;
    c->asked_again = false;
    while (e == ERR_OK && !out_of_time(c, end))
        e = transport_get(&c->line, &byte, deadline_in(c->settle_ms));
    gdb_decoder_init(&c->decoder, true);
    return e == ERR_OK || e == ERR_TIMEOUT ? ERR_OK : line_failed(c, e);
}

static enum error ask(struct gdb_client *c, const char *request, struct patience p)
{
    enum error e = settle(c);
    if (e == ERR_OK)
        e = send_packet(c, request, p.deadline);
    if (e != ERR_OK)
        return e;
    for (;;) {
        e = next_packet(c, request, p);
        if (e != ERR_OK)
            return e;
        if (is_exit_reply(&c->decoder))
            return fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (!take_stop_reply(c) || strcmp(request, "?") == 0)
            return ERR_OK;
    }
}

enum error gdb_client_ask(struct gdb_client *c, const char *request, deadline_t deadline)
{
    return ask(c, request, patient(c, deadline));
}

/* --- stop and go --- */

enum error gdb_client_listen(struct gdb_client *c, deadline_t deadline)
{
    unsigned bad = 0;
    while (c->running) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = next_event(c, &event, SILENCE_ANY, deadline);
        if (e == ERR_TIMEOUT)
            return ERR_OK;
        if (e != ERR_OK)
            return line_failed(c, e);
        if (event == GDB_PACKET && is_exit_reply(&c->decoder))
            return fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (event == GDB_PACKET && take_stop_reply(c)) {
            c->running = false;
            return send_sign(c, '+', deadline_in(GDB_REPLY_MS));
        }
        if (event == GDB_BAD && bad++ == 0)
            trouble(c);
        /* Text, perhaps.  Both QEMU and OpenOCD take the sign as what it is, and OpenOCD closes the
         * connection when a ^C comes in its place. */
        if (event == GDB_PACKET || (event == GDB_BAD && bad <= SEND_TRIES))
            e = send_sign(c, event == GDB_PACKET ? '+' : '-', deadline_in(GDB_REPLY_MS));
        if (e != ERR_OK || out_of_time(c, deadline))
            return e;
    }
    return ERR_OK;
}

/* The ^C may be lost, or the stop reply.  Whoever has stopped says nothing to another ^C, but
 * answers when asked why it stands; `?` stops the kernel's stub if it still runs, and QEMU has
 * stopped at the byte before. */
enum error gdb_client_stop(struct gdb_client *c, deadline_t deadline)
{
    for (unsigned tries = 0; c->running; tries++) {
        enum error e = send_bytes(c, &INTERRUPT, 1, deadline);
        if (tries > 0) {
            trouble(c);
            gdb_decoder_init(&c->decoder, true);
            c->asked_again = true;
            e = e == ERR_OK ? send_packet(c, "?", deadline) : e;
        }
        if (e != ERR_OK)
            return e;
        int64_t patience = deadline_left(deadline) / 2;
        if (patience > SILENCE_BAD_MS && c->troubles > 0)
            patience = SILENCE_BAD_MS;
        e = gdb_client_listen(c, deadline_in(patience));
        if (e != ERR_OK)
            return e;
        if (c->running && deadline_left(deadline) < 20)
            return fail(c, ERR_TIMEOUT, "the machine did not stop before the deadline");
    }
    return ERR_OK;
}

/* ERR_OK: the request to go on was acknowledged; ERR_CHECKSUM: it is wanted again; ERR_TIMEOUT:
 * nothing came. */
static enum error await_ack(struct gdb_client *c, deadline_t deadline)
{
    for (;;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = next_event(c, &event, silence_of(c), deadline);
        if (e == ERR_OK && event == GDB_NAK)
            return ERR_CHECKSUM;
        if (e != ERR_OK || event == GDB_ACK)
            return e;
        if (out_of_time(c, deadline))
            return ERR_TIMEOUT;
    }
}

/* After silence nobody knows whether the target runs: so it is stopped again first. */
enum error gdb_client_resume(struct gdb_client *c, deadline_t deadline)
{
    for (unsigned tries = 0; tries < SEND_TRIES; tries++) {
        enum error e = settle(c);
        if (e == ERR_OK)
            e = send_packet(c, "c", deadline);
        if (e != ERR_OK)
            return e;
        e = await_ack(c, deadline);
        if (e != ERR_OK && e != ERR_CHECKSUM && e != ERR_TIMEOUT)
            return line_failed(c, e);
        c->running = e != ERR_CHECKSUM;
        c->stood = c->stood && e != ERR_OK;
        if (e == ERR_OK)
            return ERR_OK;
        if (deadline_left(deadline) == 0)
            return line_failed(c, ERR_TIMEOUT);
        trouble(c);
        e = gdb_client_stop(c, deadline);
        if (e != ERR_OK)
            return e;
    }
    return fail(c, ERR_CHECKSUM, "the stub does not understand the request to go on");
}

enum error gdb_client_move(struct gdb_client *c, const char *how, deadline_t deadline)
{
    enum error e = send_packet(c, how, deadline);
    c->running = e == ERR_OK;
    while (e == ERR_OK && c->running) {
        e = next_packet(c, how, (struct patience){SEND_TRIES, SILENCE_ANY, deadline});
        if (e == ERR_OK && is_exit_reply(&c->decoder))
            return fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (e == ERR_OK && (c->decoder.length == 0 || is_error_reply(&c->decoder)))
            return fail(c, ERR_UNSUPPORTED, "the stub refuses to move by `%s`", how);
        c->running = e == ERR_OK && !is_stop_reply(&c->decoder);
    }
    return e;
}

enum error gdb_client_plant(struct gdb_client *c, const char *request, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, request, deadline);
    if (e == ERR_OK && !answer_is(c, "OK"))
        return fail(c, ERR_REFUSED, "the stub refuses `%s`", request);
    return e;
}

/* --- beginning and end --- */

bool gdb_client_offers(const struct gdb_client *c, const char *feature)
{
    size_t n = strlen(feature);
    for (const char *at = c->features; at; at = strchr(at, ';')) {
        at += *at == ';';
        if (strncmp(at, feature, n) == 0 && (at[n] == '\0' || at[n] == ';'))
            return true;
    }
    return false;
}

static uint32_t offered_packet_size(const struct gdb_client *c)
{
    static const char key[] = "PacketSize=";
    const char *at = strstr(c->features, key);
    uint32_t size = 0;
    if (!at)
        return 0;
    const uint8_t *digits = (const uint8_t *)at + sizeof(key) - 1;
    struct gdb_text t = {digits, digits + strlen((const char *)digits)};
    if (!gdb_text_number(&t, &size))
        return 0;
    return size > GDB_PACKET_DATA ? (uint32_t)GDB_PACKET_DATA : size;
}

static uint32_t read_bytes_max(const struct gdb_client *c)
{
    uint32_t max = c->packet_size ? c->packet_size / 2 : READ_BYTES_DEFAULT;
    return max < READ_BYTES_LEAST ? READ_BYTES_LEAST : max & ~3u;
}

static enum error ask_features(struct gdb_client *c, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, "qSupported:swbreak+;xmlRegisters=arm", deadline);
    if (e != ERR_OK)
        return e;
    memcpy(c->features, c->decoder.data, c->decoder.length + 1);
    c->packet_size = offered_packet_size(c);
    c->piece = read_bytes_max(c);
    return ERR_OK;
}

/* QEMU numbers its registers by target.xml and answers `p` only after it has been read. */
static enum error read_target_xml(struct gdb_client *c, deadline_t deadline)
{
    if (!gdb_client_offers(c, "qXfer:features:read+"))
        return ERR_OK;
    uint32_t offset = 0;
    for (unsigned i = 0; i < TARGET_XML_CHUNKS; i++) {
        char request[64];
        snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%x,%x", offset, 0x400u);
        enum error e = gdb_client_ask(c, request, deadline);
        if (e != ERR_OK)
            return e;
        if (c->decoder.length == 0 || c->decoder.data[0] != 'm') {
            c->registers_known = c->decoder.data[0] == 'l';
            return ERR_OK;
        }
        offset += c->decoder.length - 1;
    }
    return fail(c, ERR_BOUND, "the stub's target.xml does not end");
}

static enum error ask_physical(struct gdb_client *c, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, "qqemu.PhyMemMode", deadline);
    if (e != ERR_OK || (!answer_is(c, "0") && !answer_is(c, "1")))
        return e;
    e = gdb_client_ask(c, "Qqemu.PhyMemMode:1", deadline);
    c->physical = e == ERR_OK && answer_is(c, "OK");
    return e;
}

/* Did the target stand before we came?  QEMU tells the stop that our coming caused, ahead of the
 * answer to `?`; without that it had been paused.  Other stubs answer `?` with SIGINT when it was
 * our ^C that stopped them, and with another signal when they stood at a breakpoint or a condition.
 */
static bool stood_before(const struct gdb_client *c, bool interrupted)
{
    return c->stop_replies < 2 && (c->physical || !interrupted);
}

/* Stops the target and asks why it stands, again when nothing comes, as GDB does.  QEMU has stopped
 * already and says nothing to ^C; the stub in the kernel needs it. */
static enum error greet(struct gdb_client *c, deadline_t deadline)
{
    enum error e = ERR_TIMEOUT;
    for (unsigned tries = 0; e == ERR_TIMEOUT && deadline_left(deadline) > 0; tries++) {
        int64_t left = deadline_left(deadline);
        c->running = true;
        c->asked_again = tries > 0;
        e = send_bytes(c, &INTERRUPT, 1, deadline);
        if (e == ERR_OK)
            e = gdb_client_listen(c, deadline_in(FIRST_STOP_MS));
        c->running = false;
        if (e == ERR_OK)
            e = gdb_client_ask(c, "?", deadline_in(left < GREET_MS ? left : GREET_MS));
        c->asked_again = tries > 0;
    }
    c->troubles = 0; /* a machine that boots, a client before us that left in the middle */
    return e;
}

enum error gdb_client_begin(struct gdb_client *c, deadline_t deadline)
{
    bool interrupted = false;
    gdb_decoder_init(&c->decoder, true);
    c->running = true;
    c->registers_known = c->physical = c->stood = c->asked_again = false;
    c->packet_size = c->stop_replies = c->troubles = 0;
    c->answers_lost = c->good_pieces = 0;
    c->settle_ms = SETTLE_MS;
    c->features[0] = c->trouble[0] = '\0';
    enum error e = greet(c, deadline);
    if (e == ERR_OK && !is_stop_reply(&c->decoder))
        e = fail(c, ERR_FORMAT, "the other side does not speak GDB's remote protocol");
    interrupted = memcmp(c->decoder.data + 1, "02", 2) == 0;
    if (e == ERR_OK)
        e = ask_features(c, deadline);
    if (e == ERR_OK)
        e = read_target_xml(c, deadline);
    if (e == ERR_OK)
        e = ask_physical(c, deadline);
    c->stood = e == ERR_OK && stood_before(c, interrupted);
    return e;
}

/* QEMU remembers that a client before this one spoke of processes, and then wants the number of the
 * one to be left.  A stub that can do neither is at least told to go on. */
static void detach(struct gdb_client *c, deadline_t deadline)
{
    static const char *const requests[] = {"D", "D;1"};
    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
        if (gdb_client_ask(c, requests[i], deadline) != ERR_OK || answer_is(c, "OK"))
            return;
    (void)gdb_client_resume(c, deadline);
}

/* OpenOCD leaves standing what stands when its client detaches, and running what runs.  The other
 * two want to be told; the stub in the kernel is known by what it offers. */
static bool needs_no_goodbye(const struct gdb_client *c)
{
    return c->running && !c->physical && !gdb_client_offers(c, "swbreak+");
}

void gdb_client_end(struct gdb_client *c)
{
    if (needs_no_goodbye(c)) {
        transport_close(&c->line);
        return;
    }
    deadline_t deadline = deadline_in(c->troubles > 0 ? DETACH_BAD_MS : DETACH_MS);
    enum error e = gdb_client_stop(c, deadline);
    /* The mode outlives the connection and would surprise the next debugger. */
    if (e == ERR_OK && c->physical)
        e = gdb_client_ask(c, "Qqemu.PhyMemMode:0", deadline);
    if (e == ERR_OK && !c->stood)
        detach(c, deadline);
    transport_close(&c->line);
}

/* --- memory and registers --- */

/* A short answer is valid, the stub could read so much; but not one so short that reading would
 * never end. */
static enum error read_some(struct gdb_client *c, uint32_t addr, uint8_t *buf, uint32_t len,
                            uint32_t *got)
{
    char request[32];
    struct patience p = patient(c, deadline_in(GDB_REPLY_MS));
    if (len > PIECE_LEAST)
        p.tries = LARGE_TRIES;
    snprintf(request, sizeof(request), "m%x,%x", addr, len);
    enum error e = ask(c, request, p);
    if (e != ERR_OK)
        return e;
    const struct gdb_decoder *d = &c->decoder;
    if (is_error_reply(d) || d->length == 0)
        return fail(c, ERR_READ, "memory at 0x%08x cannot be read through the stub", addr);
    if (d->length % 2 != 0 || d->length / 2 > len || !gdb_hex_get(d->data, d->length / 2, buf))
        return fail(c, ERR_FORMAT, "the stub's answer to a read of 0x%08x is no hex data", addr);
    *got = d->length / 2;
    if (*got < len / SHORTEST_PART)
        return fail(c, ERR_FORMAT, "the stub gives memory in pieces of %u bytes", *got);
    return ERR_OK;
}

/* Smaller pieces when they do not come through, larger ones when they do. False: they cannot be
 * smaller. */
static bool adapt(struct gdb_client *c, bool came)
{
    uint32_t max = read_bytes_max(c);
    if (!came) {
        bool smaller = c->piece > PIECE_LEAST;
        c->piece = c->piece / 2 > PIECE_LEAST ? c->piece / 2 & ~3u : (uint32_t)PIECE_LEAST;
        return smaller;
    }
    if (++c->good_pieces >= PIECES_TO_GROW && c->piece < max) {
        c->good_pieces = 0;
        c->piece = c->piece * 2 < max ? c->piece * 2 : max;
    }
    return true;
}

/* Reads once; the first piece is at most `first` bytes long.
 *
 * One request at a time: over a unix socket QEMU gives 25 to 50 thousand answers of 2 KiB a second,
 * so that what a request in flight would save is not worth a stream that can come out of step. */
static enum error read_once(struct gdb_client *c, uint32_t addr, uint8_t *buf, uint32_t len,
                            uint32_t first)
{
    for (uint32_t done = 0; done < len;) {
        uint32_t wanted = len - done, got = 0, troubles = c->troubles;
        uint32_t most = done == 0 && first < c->piece ? first : c->piece;
        if (most > read_bytes_max(c))
            most = read_bytes_max(c);
        enum error e = read_some(c, addr + done, buf + done, wanted < most ? wanted : most, &got);
        bool lost = e == ERR_CHECKSUM || e == ERR_TIMEOUT;
        bool smaller = adapt(c, troubles == c->troubles);
        if (e != ERR_OK && !(lost && smaller))
            return e;
        done += got;
    }
    return ERR_OK;
}

/* Reads until two readings in a row are equal.  They are cut differently, so that an answer which
 * belongs to an earlier request does not come to lie in the same place twice.  If they differ it
 * may be that answers still come late, so the line gets more time to fall silent. */
static enum error read_twice(struct gdb_client *c, uint32_t addr, uint8_t *buf, uint32_t len)
{
    uint8_t before[CAREFUL_BYTES];
    enum error last = ERR_TORN;
    for (unsigned i = 0; i < CAREFUL_READINGS; i++) {
        uint32_t half = (len < c->piece ? len : c->piece) / 2;
        enum error e = read_once(c, addr, buf, len, i % 2 == 0 || half == 0 ? len : half);
        if (e != ERR_OK && e != ERR_READ && e != ERR_FORMAT)
            return e;
        bool same = e == last && (e == ERR_READ || memcmp(before, buf, len) == 0);
        if (same && e != ERR_FORMAT) {
            c->settle_ms = SETTLE_MS;
            return e;
        }
        if (i > 0 || e == ERR_FORMAT) {
            trouble(c);
            c->asked_again = true;
            c->settle_ms *= c->settle_ms < SETTLE_MOST_MS ? 2 : 1;
        }
        last = e;
        memcpy(before, buf, len);
    }
    c->settle_ms = SETTLE_MS;
    if (last == ERR_FORMAT)
        return last;
    return fail(c, ERR_TORN,
                "memory at 0x%08x reads differently each time; %u packets were lost "
                "or damaged on the line",
                addr, c->troubles);
}

enum error gdb_client_read(struct gdb_client *c, uint32_t addr, uint8_t *buf, uint32_t len)
{
    if (c->troubles == 0) {
        enum error e = read_once(c, addr, buf, len, len);
        if (c->troubles == 0 || e == ERR_CLOSED || e == ERR_IO)
            return e;
    }
    for (uint32_t done = 0; done < len;) {
        uint32_t n = len - done < CAREFUL_BYTES ? len - done : (uint32_t)CAREFUL_BYTES;
        enum error e = read_twice(c, addr + done, buf + done, n);
        if (e != ERR_OK)
            return e;
        done += n;
    }
    return ERR_OK;
}

static enum error register_from(struct gdb_client *c, uint32_t offset, uint32_t *out)
{
    uint8_t bytes[4];
    if (!gdb_hex_get(c->decoder.data + 2 * offset, 4, bytes))
        return fail(c, ERR_FORMAT, "the stub's registers are no hex data");
    *out = get_le32(bytes);
    return ERR_OK;
}

enum error gdb_client_register(struct gdb_client *c, uint32_t number, uint32_t *out)
{
    char request[16];
    snprintf(request, sizeof(request), "p%x", number);
    enum error e = gdb_client_ask(c, request, deadline_in(GDB_REPLY_MS));
    if (e != ERR_OK)
        return e;
    if (c->decoder.length == 8)
        return register_from(c, 0, out);
    return fail(c, ERR_UNSUPPORTED, "the stub gives no single registers");
}

enum error gdb_client_cpsr(struct gdb_client *c, uint32_t *cpsr)
{
    enum error e = gdb_client_register(c, CPSR_REGNUM, cpsr);
    if (e != ERR_UNSUPPORTED)
        return e;
    e = gdb_client_ask(c, "g", deadline_in(GDB_REPLY_MS));
    if (e != ERR_OK)
        return e;
    if (c->decoder.length == 2 * G_BYTES_CORE)
        return register_from(c, G_BYTES_CORE - 4, cpsr);
    if (c->decoder.length == 2 * G_BYTES_LEGACY)
        return register_from(c, G_CPSR_LEGACY, cpsr);
    return fail(c, ERR_UNSUPPORTED, "the stub's register layout is not known");
}

/* --- monitor commands --- */

enum error gdb_client_command(struct gdb_client *c, const char *line,
                              enum error (*put)(void *ctx, const char *bytes, size_t len),
                              void *ctx, deadline_t deadline)
{
    char request[GDB_PACKET_DATA + 1] = "qRcmd,";
    size_t n = strlen(request);
    if (strlen(line) > (sizeof(request) - n - 1) / 2)
        return fail(c, ERR_ARGUMENT, "the command line is too long");
    n += gdb_hex_put(request + n, line, (uint32_t)strlen(line));
    request[n] = '\0';
    struct patience p = {SEND_TRIES, SILENCE_COMMAND_MS, deadline};
    uint32_t lost = c->answers_lost;
    enum error e = ask(c, request, p);
    for (unsigned i = 0; e == ERR_OK && i < COMMAND_PACKETS_MAX; i++) {
        struct gdb_decoder *d = &c->decoder;
        if (answer_is(c, "OK") && lost != c->answers_lost)
            return fail(c, ERR_CHECKSUM, "lines of the command's output were lost on the line");
        if (answer_is(c, "OK"))
            return ERR_OK;
        if (d->length == 0)
            return fail(c, ERR_UNSUPPORTED, "the stub runs no commands");
        if (is_error_reply(d))
            return fail(c, ERR_REFUSED, "the stub refused the command");
        bool output = d->data[0] == 'O' && d->length % 2 == 1;
        if (!output && !is_stop_reply(d))
            return fail(c, ERR_FORMAT, "the stub's answer to a command is no text");
        if (output) {
            uint32_t len = d->length / 2;
            if (!gdb_hex_get(d->data + 1, len, d->data))
                return fail(c, ERR_FORMAT, "the stub's text is no hex data");
            e = put(ctx, (const char *)d->data, len);
        }
        if (e == ERR_OK)
            e = next_packet(c, NULL, p);
    }
    return e != ERR_OK ? e : fail(c, ERR_BOUND, "the command's output does not end");
}
