/* Frames on the serial line. The host takes as long as it likes: sending a snapshot waits for the
 * line, the live line sends only as much as a small part of a tick allows.
 *
 * Whenever the live line has told all there is, it adds the digest of all slots as they are then,
 * and repeats it once a second when nothing happens: so a host knows that its mirror is right, and
 * that silence is not a dead line. */
#include "monitor/wire_out.h"

#include "kernel/board.h"
#include "lib/bytes.h"
#include "monitor/door/door.h"
#include "monitor/door/kept.h"
#include "monitor/lease.h"
#include "monitor/out.h"
#include "monitor/view.h"
#include "record/codec.h"
#include "wire/machine.h"

enum {
    LIVE_PAYLOAD = 384, /* bytes of events in one frame: bounds the work of one tick */
    LIVE_BYTES = 1024,  /* sent in one turn at most */
    LIVE_COUNTS = 16,   /* of board_timer_count() in one turn: a quarter of a tick */
    DIGEST_BYTES = 2 + 3 * 5,
    TEXT_LINE = RECORD_STRING_MAX,
};

/* Records on their way into a frame. */
struct batch {
    uint8_t bytes[FRAME_PAYLOAD] __attribute__((aligned(4))); /* frame_encode() takes words */
    uint32_t used;
};

static struct record_codec codec;
static struct batch stream;
static uint16_t stream_sequence;
static uint8_t stream_kind;
static uint32_t stream_records;
static uint8_t encoded[FRAME_ENCODED_MAX];
static void (*carrier)(const uint8_t *frame, uint32_t len); /* NULL: the serial line */

static void put_bytes(const uint8_t *p, uint32_t n)
{
    board_serial_write(MONITOR_LINE, p, n);
}

static void send(uint8_t kind, uint16_t sequence, const struct batch *b)
{
    uint32_t len = frame_encode(kind, sequence, b->bytes, b->used, encoded);
    if (carrier)
        carrier(encoded, len);
    else
        put_bytes(encoded, len);
}

/* ---- stream ---- */

static void stream_begin(void)
{
    wire_finish_frame();
    record_codec_init(&codec);
    stream.used = 0;
    stream_sequence = 0;
    stream_kind = FRAME_SNAPSHOT_BEGIN;
    stream_records = 0;
}

static void stream_flush(void)
{
    if (stream.used == 0)
        return;
    send(stream_kind, stream_sequence++, &stream);
    stream_kind = FRAME_RECORDS;
    stream.used = 0;
}

/* There is always room for one more record. */
static enum error stream_put(void *ctx, const struct record *r)
{
    (void)ctx;
    if (out_stopped())
        return ERR_STOPPED;
    if (r->kind == RECORD_END)
        stream_flush();
    if (r->kind == RECORD_END)
        stream_kind = FRAME_SNAPSHOT_END;
    stream.used += record_encode(&codec, r, &stream.bytes[stream.used]);
    stream_records++;
    if (stream.used + RECORD_MAX_BYTES > FRAME_PAYLOAD || r->kind == RECORD_END)
        stream_flush();
    return ERR_OK;
}

static uint8_t *stream_room(void *ctx)
{
    (void)ctx;
    return &stream.bytes[stream.used + RECORD_SLOTS_HEADER];
}

/* ---- events ---- */

static word_t ring_oldest(void)
{
    return debug_trace.ring.head < DEBUG_RING_EVENTS
               ? 1
               : debug_trace.ring.head - DEBUG_RING_EVENTS + 1;
}

/* How far what was lost from `seq` on reaches. A reader who fell behind the ring goes on in the
 * middle of it, not at the edge, where the next event would be overwritten as well; and before that
 * at an event that was kept. */
static word_t gap_length(word_t seq, const struct event *kept)
{
    word_t length = debug_trace.ring.head - DEBUG_RING_EVENTS / 2 - seq;
    return kept && kept->seq - seq < length ? kept->seq - seq : length;
}

/* The record of sequence number `seq`: an event, or the gap that begins there. Returns how many
 * numbers it covers. */
static word_t event_record(const struct objwalk *w, word_t seq, struct record *r)
{
    bool lost = seq < ring_oldest();
    const struct event *kept = lost ? kept_from(seq) : NULL;
    const struct event *e = kept && kept->seq == seq ? kept : debug_ring_entry(seq);
    if (e) {
        r->kind = RECORD_EVENT;
        objwalk_event(w, e, &r->event);
        return 1;
    }
    r->kind = RECORD_GAP;
    r->gap.first = seq;
    r->gap.count = lost ? gap_length(seq, kept) : 1;
    return r->gap.count;
}

struct first_only {
    bool done;
};

/* Lets only the SNAPSHOT record through and ends the walk after it. */
static enum error first_record(void *ctx, const struct record *r)
{
    struct first_only *first = ctx;
    if (first->done)
        return ERR_NOT_FOUND;
    first->done = true;
    return stream_put(NULL, r);
}

static void trace_end(void)
{
    struct record r = {.kind = RECORD_END};
    r.end.complete = 1;
    r.end.records = stream_records + 1;
    stream_put(NULL, &r);
}

enum error wire_trace(struct objwalk *w)
{
    static struct record r;
    struct first_only first = {false};
    wire_live(w, false, 0);
    stream_begin();
    objwalk_snapshot(w, SNAPSHOT_STOPPED, first_record, &first);
    word_t seq = ring_oldest();
    while (seq <= debug_trace.ring.head) {
        seq += event_record(w, seq, &r);
        enum error e = stream_put(NULL, &r);
        if (e != ERR_OK)
            return e;
    }
    trace_end();
    return ERR_OK;
}

/* ---- live ---- */

static struct {
    bool on;
    struct batch batch;
    uint8_t frame[FRAME_ENCODED_MAX];
    uint32_t length;
    uint32_t sent;
    word_t told;     /* debug_ticks() when the digest was last put into a frame */
    bool owns_trace; /* it was off before */
} live;

bool wire_live_is_on(void)
{
    return live.on;
}

void wire_finish_frame(void)
{
    put_bytes(&live.frame[live.sent], live.length - live.sent);
    live.length = 0;
    live.sent = 0;
}

static void live_put(const struct record *r)
{
    live.batch.used += record_encode(&codec, r, &live.batch.bytes[live.batch.used]);
}

/* Nothing is owed: events and digest speak of the same moment. Without a trace there is none. */
static void live_put_digest(void)
{
    const struct running_digest *d = &debug_trace.digest;
    if (!d->kept)
        return;
    live.told = debug_ticks();
    live_put(&(struct record){.kind = RECORD_DIGEST,
                              .digest = {debug_trace.ring.head, d->sum.lane[0], d->sum.lane[1]}});
}

static bool live_owes(void)
{
    return debug_trace.ring.taken != debug_trace.ring.head;
}

static void live_fill(const struct objwalk *w)
{
    static struct record r;
    live.batch.used = 0;
    while (live_owes() && live.batch.used < LIVE_PAYLOAD) {
        debug_trace.ring.taken += event_record(w, debug_trace.ring.taken + 1, &r);
        live_put(&r);
    }
    if (!live_owes())
        live_put_digest();
    live.sent = 0;
    live.length = 0;
    if (live.batch.used != 0)
        live.length = frame_encode(FRAME_EVENTS, stream_sequence++, live.batch.bytes,
                                   live.batch.used, live.frame);
}
_Static_assert(LIVE_PAYLOAD + RECORD_MAX_BYTES + DIGEST_BYTES <= FRAME_PAYLOAD,
               "one more record and a digest always fit");

/* Whoever listened is gone: nothing goes on that was switched on for them. */
static void live_check_lease(void)
{
    if (!lease_ran_out(&lease_of_live))
        return;
    wire_finish_frame(); /* its rest would come before somebody's text */
    live.on = false;
    if (live.owns_trace)
        debug_set_trace(false);
}

void wire_live_idle(void)
{
    struct objwalk *w = view_walk_quiet();
    live_check_lease();
    if (!live.on || !w)
        return;
    word_t begin = board_timer_count();
    for (uint32_t n = 0; n < LIVE_BYTES && begin - board_timer_count() < LIVE_COUNTS; n++) {
        if (live.sent == live.length) {
            if (live_owes() || debug_ticks() - live.told >= DEBUG_TICKS_A_SECOND)
                live_fill(w);
            if (live.sent == live.length)
                return;
        }
        board_serial_put(MONITOR_LINE, live.frame[live.sent++]);
    }
}

/* ---- snapshots ---- */

/* All that the live line owes, however long it takes: a snapshot leaves no event untold. */
static enum error live_settle(struct objwalk *w)
{
    while (live.on && live_owes()) {
        if (out_stopped())
            return ERR_STOPPED;
        live_fill(w);
        wire_finish_frame();
    }
    return ERR_OK;
}

enum error wire_snapshot(struct objwalk *w, enum snapshot_how how)
{
    wire_finish_frame();
    enum error e = live_settle(w);
    if (e != ERR_OK)
        return e;
    stream_begin();
    e = objwalk_snapshot_packed(w, how, stream_put, stream_room, NULL);
    debug_trace.ring.taken = debug_trace.ring.head;
    live.told = debug_ticks();
    return e;
}

void wire_abandon(void)
{
    carrier = NULL;
}

/* The differences and numbers of the live line go on as if nothing had been. */
enum error wire_snapshot_to(struct objwalk *w, void (*carry)(const uint8_t *frame, uint32_t len))
{
    static struct record_codec kept;
    uint16_t sequence = stream_sequence;
    kept = codec;
    stream_begin();
    carrier = carry;
    enum error e = objwalk_snapshot_packed(w, SNAPSHOT_AUDITED, stream_put, stream_room, NULL);
    carrier = NULL;
    codec = kept;
    stream_sequence = sequence;
    return e;
}

enum error wire_live(struct objwalk *w, bool on, uint32_t seconds)
{
    wire_finish_frame();
    lease_end(&lease_of_live);
    if (!on) {
        live.on = false;
        return ERR_OK;
    }
    live.owns_trace = live.on ? live.owns_trace : !debug_control.trace;
    debug_set_trace(true);
    enum error e = wire_snapshot(w, SNAPSHOT_AUDITED);
    live.on = e == ERR_OK;
    if (live.on && seconds != 0)
        lease_begin(&lease_of_live, seconds);
    return e;
}

/* ---- reply ---- */

static struct {
    bool open;
    bool framed; /* the question came in a frame: answers begin with its number */
    uint32_t id;
    struct batch batch;
    uint16_t sequence;
    uint32_t records;
    struct record line; /* TEXT */
} reply;

bool wire_reply_is_open(void)
{
    return reply.open;
}

static uint32_t reply_header(void)
{
    return reply.framed ? (uint32_t)MACHINE_ID_BYTES : 0;
}

static void reply_begin(bool framed, uint32_t id)
{
    reply.open = true;
    reply.framed = framed;
    reply.id = id;
    put_le32(reply.batch.bytes, id);
    reply.batch.used = reply_header();
    reply.sequence = 0;
    reply.records = 0;
    reply.line.kind = RECORD_TEXT;
    reply.line.text.text.length = 0;
}

static void reply_send(void)
{
    wire_finish_frame();
    send(reply.framed ? FRAME_ANSWER : FRAME_REPLY, reply.sequence++, &reply.batch);
    reply.batch.used = reply_header();
}

void wire_reply_begin(void)
{
    reply_begin(false, 0);
}

void wire_answer_begin(uint32_t id)
{
    reply_begin(true, id);
    reply_send();
}

static void reply_flush(void)
{
    if (reply.batch.used != reply_header())
        reply_send();
}

void wire_send(uint8_t kind, const uint8_t *payload, uint32_t len)
{
    static struct batch b;
    wire_finish_frame();
    memcpy(b.bytes, payload, len);
    b.used = len;
    send(kind, 0, &b);
}

void wire_reply_record(const struct record *r)
{
    uint8_t bytes[RECORD_MAX_BYTES];
    uint32_t n = record_encode(&codec, r, bytes);
    if (reply.batch.used + n > FRAME_PAYLOAD)
        reply_flush();
    memcpy(&reply.batch.bytes[reply.batch.used], bytes, n);
    reply.batch.used += n;
    reply.records++;
}

void wire_reply_char(void *ctx, char c)
{
    struct record_string *text = &reply.line.text.text;
    (void)ctx;
    if (c != '\n')
        text->bytes[text->length++] = c;
    if (c != '\n' && text->length < TEXT_LINE)
        return;
    text->bytes[text->length] = '\0';
    wire_reply_record(&reply.line);
    text->length = 0;
}

void wire_reply_end(enum error result)
{
    struct record end = {.kind = RECORD_END};
    if (reply.line.text.text.length != 0)
        wire_reply_char(NULL, '\n');
    end.end.complete = result == ERR_OK;
    end.end.records = reply.records + 1;
    wire_reply_record(&end);
    reply_flush();
    reply.open = false;
}
