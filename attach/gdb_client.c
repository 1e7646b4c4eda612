/* A session with a stub: beginning and end, stop and go, registers, commands. */
#include "attach/gdb_exchange.h"

#include "lib/bytes.h"

#include <stdio.h>
#include <string.h>

enum {
    SILENCE_COMMAND_MS = 2000, /* a command may have much to do */
    SILENCES_WITHIN = 3,       /* in an answer under way: 2, 4 and 8 seconds */
    SILENCE_ANY = 1000000,     /* wait for the deadline */
    TARGET_XML_CHUNKS = 64,
    COMMAND_PACKETS_MAX = 100000,
    DETACH_MS = 5000,     /* a machine that is not let go stands until somebody comes */
    DETACH_DEAD_MS = 500, /* to one that has not answered lately */
    FIRST_STOP_MS = 300,
    GREET_MS = 1500, /* for the answer to the first question, before it is asked again */
    XML_KEPT = 1024, /* of target.xml: the architecture stands at its beginning */
    FENCE_TRIES = 3, /* on a line where answers come late */
};

static const char INTERRUPT = 0x03;

enum error gdb_client_ask(struct gdb_client *c, const char *request, deadline_t deadline)
{
    return gdb_ask(c, request, gdb_patient(c, deadline));
}

/* --- stop and go --- */

enum error gdb_client_listen(struct gdb_client *c, deadline_t deadline)
{
    unsigned bad = 0;
    while (c->running) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = gdb_next_event(c, &event, SILENCE_ANY, deadline);
        if (e == ERR_TIMEOUT)
            return ERR_OK;
        if (e != ERR_OK)
            return gdb_line_failed(c, e);
        if (event == GDB_PACKET && gdb_is_exit_reply(&c->decoder))
            return gdb_fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (event == GDB_PACKET && gdb_take_stop_reply(c)) {
            c->running = false;
            return gdb_send_sign(c, '+', deadline_in(GDB_REPLY_MS));
        }
        if (event == GDB_BAD && bad++ == 0) {
            gdb_note_trouble(c);
            c->asked_again = true;
        }
        if (event == GDB_PACKET && c->hears)
            c->hears(c->hears_ctx, c->decoder.data, c->decoder.length);
        /* Text, perhaps.  Both QEMU and OpenOCD take the sign as what it is, and OpenOCD closes the
         * connection when a ^C comes in its place. */
        if (event == GDB_PACKET || (event == GDB_BAD && bad <= GDB_SEND_TRIES))
            e = gdb_send_sign(c, event == GDB_PACKET ? '+' : '-', deadline_in(GDB_REPLY_MS));
        if (e != ERR_OK || gdb_out_of_time(c, deadline))
            return e;
    }
    return ERR_OK;
}

/* The ^C may be lost, or the stop reply.  Whoever has stopped says nothing to another ^C, but
 * answers when asked why it stands; `?` stops the kernel's stub if it still runs, and QEMU has
 * stopped at the byte before. */
enum error gdb_client_stop(struct gdb_client *c, deadline_t deadline)
{
    c->halting = c->running;
    for (unsigned tries = 0; c->running; tries++) {
        enum error e = gdb_send_bytes(c, &INTERRUPT, 1, deadline);
        if (tries > 0) {
            gdb_note_trouble(c);
            gdb_decoder_init(&c->decoder, true);
            c->asked_again = true;
            e = e == ERR_OK ? gdb_send_packet(c, "?", deadline) : e;
        }
        if (e != ERR_OK)
            return e;
        int64_t patience = deadline_left(deadline) / 2;
        if (patience > GDB_SILENCE_BAD_MS && c->troubles > 0)
            patience = GDB_SILENCE_BAD_MS;
        e = gdb_client_listen(c, deadline_in(patience));
        if (e != ERR_OK)
            return e;
        if (c->running && deadline_left(deadline) < 20)
            return gdb_fail(c, ERR_TIMEOUT, "the machine did not stop before the deadline");
    }
    c->halting = false;
    return ERR_OK;
}

/* ERR_OK: the request to go on was acknowledged; ERR_CHECKSUM: it is wanted again; ERR_TIMEOUT:
 * nothing came. */
static enum error await_ack(struct gdb_client *c, deadline_t deadline)
{
    for (;;) {
        enum gdb_event event = GDB_NOTHING;
        enum error e = gdb_next_event(c, &event, gdb_silence(c), deadline);
        if (e == ERR_OK && event == GDB_NAK)
            return ERR_CHECKSUM;
        if (e != ERR_OK || event == GDB_ACK)
            return e;
        if (gdb_out_of_time(c, deadline))
            return ERR_TIMEOUT;
    }
}

/* Who was interrupted behind a request to go on does not know whether it was heard, and stops the
 * target before leaving it. */
static bool perhaps_runs(enum error e)
{
    return e == ERR_STOPPED;
}

/* After silence nobody knows whether the target runs: so it is stopped again first. */
enum error gdb_client_resume_by(struct gdb_client *c, const char *request, deadline_t deadline)
{
    for (unsigned tries = 0; tries < GDB_SEND_TRIES; tries++) {
        enum error e = gdb_settle(c, deadline);
        if (e == ERR_OK)
            e = gdb_send_packet(c, request, deadline);
        if (e != ERR_OK)
            return e;
        e = await_ack(c, deadline);
        c->running = e == ERR_OK || e == ERR_TIMEOUT || perhaps_runs(e);
        if (e != ERR_OK && e != ERR_CHECKSUM && e != ERR_TIMEOUT)
            return gdb_line_failed(c, e);
        c->stood = c->stood && e != ERR_OK;
        c->halting = c->halting && e != ERR_OK;
        if (e == ERR_OK)
            return ERR_OK;
        if (deadline_left(deadline) == 0)
            return gdb_line_failed(c, ERR_TIMEOUT);
        gdb_note_trouble(c);
        e = gdb_client_stop(c, deadline);
        if (e != ERR_OK)
            return e;
    }
    return gdb_fail(c, ERR_CHECKSUM, "the stub does not understand the request to go on");
}

enum error gdb_client_resume(struct gdb_client *c, deadline_t deadline)
{
    return gdb_client_resume_by(c, "c", deadline);
}

enum error gdb_client_move(struct gdb_client *c, const char *how, deadline_t deadline)
{
    enum error e = gdb_send_packet(c, how, deadline);
    c->running = c->halting = e == ERR_OK;
    while (e == ERR_OK && c->running) {
        e = gdb_next_packet(c, how,
                            (struct gdb_patience){GDB_SEND_TRIES, SILENCE_ANY, deadline, 0});
        if (e == ERR_OK && gdb_is_exit_reply(&c->decoder))
            return gdb_fail(c, ERR_CLOSED, "the stub says that the target is gone");
        if (e == ERR_OK && (c->decoder.length == 0 || gdb_is_error_reply(&c->decoder)))
            return gdb_fail(c, ERR_UNSUPPORTED, "the stub refuses to move by `%s`", how);
        c->running = perhaps_runs(e) || (e == ERR_OK && !gdb_is_stop_reply(&c->decoder));
    }
    c->halting = c->halting && e != ERR_OK;
    return e;
}

enum error gdb_client_plant(struct gdb_client *c, const char *request, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, request, deadline);
    if (e == ERR_OK && !gdb_answer_is(c, "OK"))
        return gdb_fail(c, ERR_REFUSED, "the stub refuses `%s`", request);
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

static enum error ask_features(struct gdb_client *c, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, "qSupported:swbreak+;xmlRegisters=arm", deadline);
    if (e != ERR_OK)
        return e;
    memcpy(c->features, c->decoder.data, c->decoder.length + 1);
    c->packet_size = offered_packet_size(c);
    c->piece = gdb_read_bytes_max(c);
    return ERR_OK;
}

/* Does the stub give as much of a document as it is asked for? One that gives another piece has no
 * fences. */
static enum error try_fence(struct gdb_client *c, deadline_t deadline)
{
    char request[GDB_FENCE_TEXT];
    enum error e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && !c->fences && i < FENCE_TRIES; i++) {
        c->asked_again = c->asked_again || i > 0;
        e = gdb_client_ask(c, gdb_next_fence(c, request), deadline);
        c->fences = e == ERR_OK && gdb_is_fence(c);
    }
    return e;
}

/* QEMU numbers its registers by target.xml and answers `p` only after it has been read. */
static enum error read_target_xml(struct gdb_client *c, deadline_t deadline)
{
    char kept[XML_KEPT + 1] = "";
    uint32_t offset = 0;
    c->processor = processor_of("");
    if (!gdb_client_offers(c, "qXfer:features:read+"))
        return ERR_OK;
    for (unsigned i = 0; i < TARGET_XML_CHUNKS; i++) {
        char request[64];
        snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%x,%x", offset, 0x400u);
        enum error e = gdb_client_ask(c, request, deadline);
        if (e != ERR_OK)
            return e;
        if (c->decoder.length > 1 && offset < XML_KEPT)
            snprintf(kept + offset, sizeof(kept) - offset, "%s", (const char *)c->decoder.data + 1);
        if (c->decoder.length == 0 || c->decoder.data[0] != 'm') {
            c->processor = processor_of(kept);
            return offset + c->decoder.length > GDB_FENCE_MOST + 1 ? try_fence(c, deadline)
                                                                   : ERR_OK;
        }
        offset += c->decoder.length - 1;
    }
    return gdb_fail(c, ERR_BOUND, "the stub's target.xml does not end");
}

static enum error ask_physical(struct gdb_client *c, deadline_t deadline)
{
    enum error e = gdb_client_ask(c, "qqemu.PhyMemMode", deadline);
    if (e != ERR_OK || (!gdb_answer_is(c, "0") && !gdb_answer_is(c, "1")))
        return e;
    c->physical = true; /* whatever comes between, it is taken back */
    e = gdb_client_ask(c, "Qqemu.PhyMemMode:1", deadline);
    c->physical = e != ERR_OK || gdb_answer_is(c, "OK");
    return e;
}

/* Did the target stand before we came?  QEMU tells the stop that our coming caused, beside the
 * answers to `?`, of which there are several where one came late, and a stop that what we said caused
 * when somebody let it go behind our coming; without that it had been paused.
 * Other stubs answer `?` with SIGINT when it was our ^C that stopped them, and with another signal
 * when they stood at a breakpoint or a condition. */
static bool stood_before(const struct gdb_client *c, bool interrupted)
{
    return c->stop_replies <= c->stops_asked && (c->physical ? c->interrupts == 0 : !interrupted);
}

/* Where `?` was asked more than once, answers may still be under way. */
static enum error count_stop_replies(struct gdb_client *c, deadline_t deadline)
{
    c->asked_again = c->asked_again || c->stops_asked > 1;
    return gdb_settle(c, deadline);
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
        e = gdb_send_bytes(c, &INTERRUPT, 1, deadline);
        if (e == ERR_OK)
            e = gdb_client_listen(c, deadline_in(FIRST_STOP_MS));
        c->running = false;
        c->stops_asked++;
        if (e == ERR_OK)
            e = gdb_client_ask(c, "?", deadline_in(left < GREET_MS ? left : GREET_MS));
        c->asked_again = c->asked_again || tries > 0;
    }
    c->troubles = 0; /* a machine that boots, a client before us that left in the middle */
    return e;
}

/* "thread:pPID.TID": QEMU remembers that a client before this one spoke of processes, and then
 * wants to be told which one is left. */
static uint32_t process_of(const struct gdb_client *c)
{
    static const char mark[] = "thread:p";
    const char *at = strstr((const char *)c->decoder.data, mark);
    uint32_t process = 0;
    if (!at)
        return 0;
    const uint8_t *digits = (const uint8_t *)at + sizeof(mark) - 1;
    struct gdb_text t = {digits, digits + strlen((const char *)digits)};
    return gdb_text_number(&t, &process) ? process : 0;
}

void gdb_client_init(struct gdb_client *c)
{
    c->line.fd = -1;
    c->running = true; /* as far as we know */
}

enum error gdb_client_begin(struct gdb_client *c, deadline_t deadline)
{
    bool interrupted = false;
    gdb_decoder_init(&c->decoder, true);
    c->running = true;
    c->halting = c->physical = c->met = c->stood = c->asked_again = c->mute = false;
    c->processor = processor_of("");
    c->process = 0;
    c->packet_size = c->stop_replies = c->interrupts = c->stops_asked = c->troubles = 0;
    c->answers_lost = c->good_pieces = 0;
    /* another one than what a client before us may have left on the line */
    c->fence = GDB_FENCE_LEAST + (uint32_t)(clock_now_ms() % (GDB_FENCE_MOST - GDB_FENCE_LEAST));
    c->fences = c->late = false;
    c->settle_ms = GDB_SETTLE_MS;
    c->features[0] = c->trouble[0] = '\0';
    enum error e = greet(c, deadline);
    if (e == ERR_OK && !gdb_is_stop_reply(&c->decoder))
        e = gdb_fail(c, ERR_FORMAT, "the other side does not speak GDB's remote protocol");
    bool told = e == ERR_OK; /* why it stands */
    interrupted = memcmp(c->decoder.data + 1, "02", 2) == 0;
    c->process = process_of(c);
    if (e == ERR_OK)
        e = ask_features(c, deadline);
    if (e == ERR_OK)
        e = read_target_xml(c, deadline);
    if (e == ERR_OK)
        e = ask_physical(c, deadline);
    if (e == ERR_OK)
        e = count_stop_replies(c, deadline);
    c->met = e == ERR_OK;
    c->stood = told && stood_before(c, interrupted);
    return e;
}

/* QEMU dies of a request to go on behind the one that leaves it, and whether a stub is QEMU its answers
 * tell, which may have been mistaken on a line that loses or delays them.  The kernel's is known by
 * what it offers. */
static bool survives_leaving(const struct gdb_client *c)
{
    return c->met && !c->physical && (gdb_client_offers(c, "swbreak+") || c->troubles == 0);
}

/* Is said once and never again: QEMU dies of what comes after the second one.  Where no answer
 * comes over a line that loses bytes, the target is told to go on by the request that can be
 * repeated; a stub that cannot be left is so too.
 *
 * A QEMU that runs is stopped by any byte but one sign behind its answer.  So nothing more is said to
 * it: not even that an answer to an earlier question, which came late, was understood. */
static bool detach(struct gdb_client *c, deadline_t deadline)
{
    char request[16] = "D";
    if (c->process)
        snprintf(request, sizeof(request), "D;%x", c->process);
    /* Who has not said yet all that it offers may be QEMU: one that is busy with another debugger
     * reads all of this once that one has left, and of one that was asked an answer is under way. */
    bool known = survives_leaving(c);
    c->asked_again = true; /* whoever was interrupted has left an answer on the line */
    enum error e = gdb_settle(c, deadline_in(deadline_left(deadline) / 2));
    c->mute = !known;
    if (e == ERR_OK || e == ERR_TIMEOUT)
        e = gdb_send_packet(c, request, deadline);
    do
        e = e == ERR_OK
                ? gdb_next_packet(c, NULL, (struct gdb_patience){1, DETACH_MS / 2, deadline, 0})
                : e;
    while (e == ERR_OK && (gdb_take_stop_reply(c) || (c->mute && !gdb_answer_is(c, "OK"))));
    bool lost = e == ERR_TIMEOUT || e == ERR_CHECKSUM;
    if (e == ERR_OK && gdb_answer_is(c, "OK"))
        return true;
    return known && (e == ERR_OK || lost) && gdb_client_resume(c, deadline_in(DETACH_MS)) == ERR_OK;
}

bool gdb_client_holds(const struct gdb_client *c)
{
    return !c->stood && (!c->met || c->halting || !c->running);
}

/* OpenOCD leaves standing what stands when its client detaches, and running what runs.  The other
 * two want to be told; the stub in the kernel is known by what it offers, and one that has not said
 * yet what it offers may be QEMU. */
static bool needs_no_goodbye(const struct gdb_client *c)
{
    return c->running && c->met && !c->physical && !gdb_client_offers(c, "swbreak+");
}

/* It runs, or is as it was before we came. */
static void hang_up(struct gdb_client *c)
{
    transport_close(&c->line);
    c->running = true;
    c->halting = false;
}

/* A QEMU that was paused when we came went on meanwhile, and what we said to it has stopped it. */
static bool went_on(const struct gdb_client *c)
{
    return c->passing && c->stood && c->physical && c->interrupts > 0;
}

bool gdb_client_end(struct gdb_client *c, bool hurried)
{
    if (needs_no_goodbye(c)) {
        hang_up(c);
        return true;
    }
    bool silent = c->features[0] == '\0'; /* all through: it reads the goodbye when it can */
    deadline_t deadline = deadline_in(hurried || silent ? DETACH_DEAD_MS : DETACH_MS);
    enum error e = silent ? ERR_OK : gdb_client_stop(c, deadline);
    /* The mode outlives the connection and would surprise the next debugger. */
    if (e == ERR_OK && c->physical)
        e = gdb_client_ask(c, "Qqemu.PhyMemMode:0", deadline);
    bool ours = went_on(c);
    c->stood = c->stood && !ours;
    bool confirmed = (e == ERR_OK || ours) && (c->stood || detach(c, deadline));
    hang_up(c);
    return confirmed;
}

/* --- registers --- */

/* `bytes` of them at an offset of the answer, little-endian. */
static enum error register_from(struct gdb_client *c, uint32_t offset, uint32_t bytes,
                                uint64_t *out)
{
    uint8_t raw[8] = {0};
    if (!gdb_hex_get(c->decoder.data + 2 * offset, bytes, raw))
        return gdb_fail(c, ERR_FORMAT, "the stub's registers are no hex data");
    *out = get_le32(raw) | (uint64_t)get_le32(raw + 4) << 32;
    return ERR_OK;
}

enum error gdb_client_register(struct gdb_client *c, struct processor_register r, uint64_t *out)
{
    char request[16];
    if (r.bytes == 0)
        return gdb_fail(c, ERR_UNSUPPORTED, "the processor has no such register");
    snprintf(request, sizeof(request), "p%x", r.number);
    enum error e = gdb_client_ask(c, request, deadline_in(GDB_REPLY_MS));
    if (e != ERR_OK)
        return e;
    if (c->decoder.length == 2 * r.bytes)
        return register_from(c, 0, r.bytes, out);
    return gdb_fail(c, ERR_UNSUPPORTED, "the stub gives no single registers");
}

enum error gdb_client_mode(struct gdb_client *c, uint64_t *mode)
{
    const struct processor *p = c->processor;
    enum error e = gdb_client_register(c, p->mode, mode);
    if (e != ERR_UNSUPPORTED || p->all[0].length == 0)
        return e;
    e = gdb_client_ask(c, "g", deadline_in(GDB_REPLY_MS));
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < sizeof(p->all) / sizeof(*p->all); i++)
        if (p->all[i].length != 0 && c->decoder.length == 2 * p->all[i].length)
            return register_from(c, p->all[i].mode_at, p->mode.bytes, mode);
    return gdb_fail(c, ERR_UNSUPPORTED, "the stub's register layout is not known");
}

/* --- monitor commands --- */

static enum error command(struct gdb_client *c, const char *line,
                          enum error (*put)(void *ctx, const char *bytes, size_t len), void *ctx,
                          deadline_t deadline)
{
    char request[GDB_PACKET_DATA + 1] = "qRcmd,";
    size_t n = strlen(request);
    if (strlen(line) > (sizeof(request) - n - 1) / 2)
        return gdb_fail(c, ERR_ARGUMENT, "the command line is too long");
    n += gdb_hex_put(request + n, line, (uint32_t)strlen(line));
    request[n] = '\0';
    struct gdb_patience p = {GDB_SEND_TRIES, SILENCE_COMMAND_MS, deadline, 0};
    uint32_t lost = c->answers_lost;
    enum error e = gdb_ask(c, request, p);
    for (unsigned i = 0; e == ERR_OK && i < COMMAND_PACKETS_MAX; i++) {
        struct gdb_decoder *d = &c->decoder;
        if (gdb_answer_is(c, "OK") && lost != c->answers_lost)
            return gdb_fail(c, ERR_CHECKSUM, "lines of the command's output were lost on the line");
        if (gdb_answer_is(c, "OK"))
            return ERR_OK;
        if (d->length == 0)
            return gdb_fail(c, ERR_UNSUPPORTED, "the stub runs no commands");
        if (gdb_is_error_reply(d))
            return gdb_fail(c, ERR_REFUSED, "the stub refused the command");
        bool output = d->data[0] == 'O' && d->length % 2 == 1;
        if (!output && !gdb_is_stop_reply(d))
            return gdb_fail(c, ERR_FORMAT, "the stub's answer to a command is no text");
        if (output) {
            uint32_t len = d->length / 2;
            if (!gdb_hex_get(d->data + 1, len, d->data))
                return gdb_fail(c, ERR_FORMAT, "the stub's text is no hex data");
            e = put(ctx, (const char *)d->data, len);
        }
        if (e == ERR_OK)
            e = gdb_next_packet(c, NULL, p);
    }
    return e != ERR_OK ? e : gdb_fail(c, ERR_BOUND, "the command's output does not end");
}

/* A refusal is a whole answer; of one that was given up the rest comes yet. */
static enum error given_up(struct gdb_client *c, enum error e)
{
    c->asked_again |= e != ERR_OK && e != ERR_UNSUPPORTED && e != ERR_REFUSED;
    return e;
}

enum error gdb_client_command(struct gdb_client *c, const char *line,
                              enum error (*put)(void *ctx, const char *bytes, size_t len),
                              void *ctx, deadline_t deadline)
{
    return given_up(c, command(c, line, put, ctx, deadline));
}

static enum error collect(struct gdb_client *c, const char *request,
                          enum error (*put)(void *ctx, const uint8_t *bytes, size_t len), void *ctx,
                          deadline_t deadline)
{
    struct gdb_patience p = {GDB_SEND_TRIES, SILENCE_COMMAND_MS, deadline, 0};
    enum error e = gdb_ask(c, request, p);
    p.silences = SILENCES_WITHIN; /* a machine that was reset has forgotten what it was telling */
    for (unsigned i = 0; e == ERR_OK && i < COMMAND_PACKETS_MAX; i++) {
        const struct gdb_decoder *d = &c->decoder;
        if (gdb_answer_is(c, "l"))
            return ERR_OK;
        if (d->length == 0)
            return gdb_fail(c, ERR_UNSUPPORTED, "the stub does not know `%s`", request);
        if (gdb_is_error_reply(d))
            return gdb_fail(c, ERR_REFUSED, "the stub refuses `%s`", request);
        if (d->data[0] == 'm')
            e = put(ctx, d->data + 1, d->length - 1);
        if (e == ERR_OK)
            e = gdb_next_packet(c, NULL, p);
    }
    return e != ERR_OK ? e : gdb_fail(c, ERR_BOUND, "the answer to `%s` does not end", request);
}

enum error gdb_client_collect(struct gdb_client *c, const char *request,
                              enum error (*put)(void *ctx, const uint8_t *bytes, size_t len),
                              void *ctx, deadline_t deadline)
{
    return given_up(c, collect(c, request, put, ctx, deadline));
}
