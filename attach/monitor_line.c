/* Receiving: frames by kind, text to the console. */
#include "attach/monitor_line.h"

#include "lib/bytes.h"
#include "lib/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAMAGED_MS = 300, /* longest pause after a frame was lost: perhaps it was the last */
    HELD_MAX = 1 << 19,
    COMMAND_MS = 600000, /* a whole answer, however steadily it comes */
};

/* --- what comes in --- */

static enum error reply_record(struct monitor_door *d, const struct record *r)
{
    if (r->kind == RECORD_END) {
        d->replied = true;
        d->succeeded = r->end.complete != 0;
        return ERR_OK;
    }
    if (r->kind != RECORD_TEXT)
        return ERR_OK;
    enum error e = text_put(&d->reply, r->text.text.bytes, r->text.text.length);
    if (e == ERR_OK)
        e = text_put(&d->reply, "\n", 1);
    if (e != ERR_OK)
        d->reply_trouble = e; /* the rest is still received: it ends with END */
    return ERR_OK;
}

static enum error answer_records(struct monitor_door *d)
{
    struct record r;
    for (uint32_t at = MACHINE_ID_BYTES; at < d->frames.payload_len;) {
        uint32_t used = 0;
        enum error e =
            record_decode(&d->codec, d->frames.payload + at, d->frames.payload_len - at, &used, &r);
        if (e == ERR_OK)
            e = reply_record(d, &r);
        else if (e == ERR_UNSUPPORTED && used > 0)
            e = ERR_OK;
        if (e != ERR_OK) {
            d->damaged = true;
            return ERR_OK;
        }
        at += used;
    }
    return ERR_OK;
}

static enum error answer_frame(struct monitor_door *d)
{
    bool wanted = d->frames.payload_len >= MACHINE_ID_BYTES && get_le32(d->frames.payload) == d->id;
    if (!wanted || d->replied)
        return ERR_OK;
    if (d->frames.sequence != d->reply_next++) {
        d->damaged = true;
        d->reply_next = (uint16_t)(d->frames.sequence + 1);
    }
    d->begun = true;
    return answer_records(d);
}

/* The kernel's words for a stop are "stopped: WHY", a line for the event behind it. */
static void take_state(struct attach *a, struct monitor_door *d)
{
    static const char prefix[] = "stopped: ";
    struct machine_state s;
    char sentence[MACHINE_SENTENCE_MAX + 1] = "";
    if (!machine_state_get(d->frames.payload, d->frames.payload_len, &s))
        return;
    uint32_t n = d->frames.payload_len - MACHINE_STATE_BYTES;
    n = n < MACHINE_SENTENCE_MAX ? n : (uint32_t)MACHINE_SENTENCE_MAX;
    memcpy(sentence, d->frames.payload + MACHINE_STATE_BYTES, n);
    bool prefixed = strncmp(sentence, prefix, sizeof(prefix) - 1) == 0;
    bool stopped = (s.flags & MACHINE_STOPPED) != 0;
    d->told = true;
    d->flagged_trace = (s.flags & MACHINE_TRACE) != 0;
    a->halted = stopped;
    bool ours = a->state.ours || (a->halting && s.reason == MACHINE_HALT);
    attach_note(a,
                !stopped                   ? ATTACH_RUNS
                : s.flags & MACHINE_LEASED ? ATTACH_HELD
                                           : ATTACH_STANDS,
                prefixed ? sentence + sizeof(prefix) - 1 : sentence);
    attach_note_armed(a, s.armed);
    a->state.ours = stopped && ours;
    a->state.reason = stopped ? (enum attach_reason)s.reason : ATTACH_NO_REASON;
    a->state.condition = s.condition;
    a->state.events = s.events;
    a->state.thread = s.thread;
    a->state.event = s.event;
    a->state.slot = s.slot;
}

/* Nobody knows what events that come now follow on. */
void monitor_events_lost(struct monitor_door *d, enum error why)
{
    if (!d->hears || d->events_broken)
        return;
    d->events_broken = true;
    d->hears->lost(d->hears->ctx, why);
}

static enum error stream_frame(struct attach *a, struct monitor_door *d)
{
    if (!d->begun || d->replied)
        return ERR_OK; /* of a command that nobody waits for */
    if (d->gather) {
        enum error e = gather_put(d->gather, &d->frames);
        return e == ERR_CORRUPT ? ERR_OK : e; /* it begins anew */
    }
    if (d->frames.kind == FRAME_SNAPSHOT_BEGIN) {
        stream_clear(&a->stream);
        d->in_stream = true;
        d->stream_done = false;
        d->stream_next = 0;
        d->events_broken = false;
        record_codec_init(&d->events);
    }
    if (!d->in_stream || d->frames.sequence != d->stream_next++) {
        d->damaged = true;
        d->in_stream = false;
        monitor_events_lost(d, ERR_SEQUENCE); /* their numbers and differences have begun anew */
        return ERR_OK;
    }
    if (d->frames.kind == FRAME_SNAPSHOT_END) {
        d->in_stream = false;
        d->stream_done = true;
    }
    return stream_bytes(&a->stream, d->frames.payload, d->frames.payload_len);
}

static void take_events(struct monitor_door *d, const uint8_t *payload, uint32_t len)
{
    struct record r;
    for (uint32_t at = 0; at < len && !d->events_broken;) {
        uint32_t used = 0;
        enum error e = record_decode(&d->events, payload + at, len - at, &used, &r);
        if (e == ERR_OK)
            d->hears->record(d->hears->ctx, &r);
        else if (e != ERR_UNSUPPORTED || used == 0) {
            monitor_events_lost(d, ERR_SEQUENCE);
            return;
        }
        at += used;
    }
}

static void hold_events(struct monitor_door *d)
{
    uint16_t len = (uint16_t)d->frames.payload_len;
    if (d->held.used > HELD_MAX || text_put(&d->held, (const char *)&len, sizeof(len)) != ERR_OK ||
        text_put(&d->held, (const char *)d->frames.payload, len) != ERR_OK)
        d->held_lost = true;
}

void monitor_release_events(struct monitor_door *d)
{
    uint16_t len;
    if (d->holding || (d->held.used == 0 && !d->held_lost))
        return;
    struct text held = d->held;
    d->held = (struct text){0};
    for (size_t at = 0; d->hears && at < held.used; at += sizeof(len) + len) {
        memcpy(&len, held.bytes + at, sizeof(len));
        take_events(d, (const uint8_t *)held.bytes + at + sizeof(len), len);
    }
    if (d->held_lost)
        monitor_events_lost(d, ERR_SEQUENCE);
    d->held_lost = false;
    text_fini(&held);
}

/* Events go on in the numbers of the snapshot before them; differences of fields in events begin
 * anew with it. */
static void event_frame(struct monitor_door *d)
{
    if (!d->hears || d->events_broken || d->gather || d->held_lost)
        return;
    bool due = !d->in_stream && d->frames.sequence == d->stream_next;
    bool hold = d->holding || d->held.used > 0;
    d->stream_next = (uint16_t)(d->stream_next + due);
    if (!due && hold)
        d->held_lost = true;
    else if (!due)
        monitor_events_lost(d, ERR_SEQUENCE);
    else if (hold)
        hold_events(d);
    else
        take_events(d, d->frames.payload, d->frames.payload_len);
}

static enum error take_frame(struct attach *a, struct monitor_door *d)
{
    switch (d->frames.kind) {
    case FRAME_ANSWER:
        return answer_frame(d);
    case FRAME_STATE:
        take_state(a, d);
        return ERR_OK;
    case FRAME_SNAPSHOT_BEGIN:
    case FRAME_RECORDS:
    case FRAME_SNAPSHOT_END:
        return stream_frame(a, d);
    case FRAME_EVENTS:
        event_frame(d);
        return ERR_OK;
    default:
        return ERR_OK; /* what later versions may send */
    }
}

static enum error take_byte(struct attach *a, struct monitor_door *d, uint8_t byte, bool *progress)
{
    switch (frame_decoder_put(&d->frames, byte)) {
    case FRAME_READY:
        *progress = true;
        return take_frame(a, d);
    case FRAME_TEXT:
        if (byte != '\r')
            text_scroll(&a->console, (char)byte, CONSOLE_MAX);
        break;
    case FRAME_BAD:
    case FRAME_NOTHING:
        break;
    }
    return ERR_OK;
}

/* The last line that came, escaped, in front of which stands `before`; empty if none came. */
static const char *last_line(const struct attach *a, const char *before, char *buf, size_t size)
{
    const char *text = a->console.bytes;
    size_t end = a->console.used;
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    size_t begin = end;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    buf[0] = '\0';
    if (begin == end)
        return buf;
    int n = snprintf(buf, size, "%s", before);
    format_escape(buf + n, (uint32_t)(size - (size_t)n), text + begin, (uint32_t)(end - begin));
    return buf;
}

enum error monitor_line_failed(struct attach *a, enum error e)
{
    char said[160];
    switch (e) {
    case ERR_TIMEOUT:
        return attach_fail(a, e,
                           "the monitor gave no answer before the deadline (is it a debug "
                           "kernel's monitor, and is nobody else connected?)%s",
                           last_line(a, "; the line said: ", said, sizeof(said)));
    case ERR_CLOSED:
        return attach_fail(a, e, "the other side closed the connection");
    case ERR_STOPPED:
        return attach_fail(a, e, "interrupted");
    default:
        return attach_fail(a, e, "%s", error_sentence(e));
    }
}

/* Once for all that came together: a clock for each byte would cost more than the byte. */
static void note_heard(struct monitor_door *d)
{
    if (d->line.head == d->line.tail)
        d->heard = clock_now_ms();
}

enum error monitor_drain(struct attach *a, int64_t silence_ms)
{
    struct monitor_door *d = a->door;
    deadline_t end = deadline_in(3 * silence_ms);
    for (;;) {
        uint8_t byte;
        bool progress;
        enum error e = transport_get(&d->line, &byte, deadline_in(silence_ms));
        if (e == ERR_TIMEOUT)
            return ERR_OK;
        if (e == ERR_OK)
            e = take_byte(a, d, byte, &progress);
        if (e != ERR_OK)
            return monitor_line_failed(a, e);
        if (d->line.head == d->line.tail && deadline_left(end) == 0)
            return ERR_OK;
    }
}

enum error monitor_hear(struct attach *a, deadline_t deadline)
{
    struct monitor_door *d = a->door;
    bool progress = false;
    monitor_release_events(d);
    while (!progress || d->line.head != d->line.tail) {
        uint8_t byte;
        enum error e = transport_get(&d->line, &byte, deadline);
        if (e == ERR_TIMEOUT)
            return ERR_OK;
        note_heard(d);
        if (e == ERR_OK)
            e = take_byte(a, d, byte, &progress);
        if (e != ERR_OK)
            return monitor_line_failed(a, e);
        if (d->line.head == d->line.tail && deadline_left(deadline) == 0)
            return ERR_OK; /* text without end is no frame */
    }
    return ERR_OK;
}

/* --- commands --- */

static enum error send_frame(struct attach *a, uint8_t kind, uint32_t id, const char *line)
{
    struct monitor_door *d = a->door;
    uint8_t payload[MACHINE_ID_BYTES + MACHINE_LINE_MAX];
    uint8_t raw[FRAME_ENCODED_MAX];
    uint32_t n = (uint32_t)strlen(line);
    put_le32(payload, id);
    memcpy(payload + MACHINE_ID_BYTES, line, n);
    n = frame_encode(kind, 0, payload, MACHINE_ID_BYTES + n, raw);
    enum error e = transport_write(&d->line, raw, n, deadline_in(ATTACH_DEADLINE_MS));
    d->spoken = clock_now_ms();
    return e == ERR_OK ? e : monitor_line_failed(a, e);
}

enum error monitor_cancel(struct attach *a)
{
    struct monitor_door *d = a->door;
    return send_frame(a, FRAME_CANCEL, d->id, "");
}

enum error monitor_renew(struct attach *a)
{
    return send_frame(a, FRAME_CANCEL, 0, "");
}

static void answer_begin(struct attach *a, struct monitor_door *d)
{
    text_fini(&d->reply);
    stream_clear(&a->stream);
    record_codec_init(&d->codec);
    d->id++;
    d->id += d->id == 0;
    d->reply_next = 0;
    d->reply_trouble = ERR_OK;
    d->begun = d->in_stream = d->stream_done = d->replied = d->succeeded = d->damaged = false;
}

/* Receives until the answer is closed. A damaged one is cut short, and so is one that nobody waits
 * for any longer. */
static enum error receive(struct attach *a, int64_t first_ms)
{
    struct monitor_door *d = a->door;
    deadline_t deadline = deadline_in(first_ms);
    deadline_t whole = deadline_in(COMMAND_MS);
    uint32_t bad = d->frames.bad_frames;
    bool cancelled = false;
    while (!d->replied) {
        uint8_t byte;
        bool progress = false;
        enum error e = transport_get(&d->line, &byte, deadline);
        if (e == ERR_OK)
            note_heard(d);
        if (e == ERR_OK)
            e = take_byte(a, d, byte, &progress);
        if (e == ERR_OK && d->damaged && !cancelled) {
            e = monitor_cancel(a);
            cancelled = true;
        }
        if (e != ERR_OK)
            return e;
        bool lost = d->damaged || d->frames.bad_frames != bad;
        if (progress)
            deadline = deadline_in(lost ? DAMAGED_MS : MONITOR_PROGRESS_MS);
        if (d->line.head == d->line.tail &&
            (deadline_left(deadline) == 0 || deadline_left(whole) == 0))
            return ERR_TIMEOUT;
    }
    return d->damaged ? ERR_SEQUENCE : d->reply_trouble;
}

/* What is still on its way from before is taken in first: it may be a state, or text. */
enum error monitor_run(struct attach *a, const char *line, int64_t first_ms)
{
    struct monitor_door *d = a->door;
    monitor_release_events(d);
    enum error e = monitor_drain(a, 0);
    if (e != ERR_OK)
        return e;
    answer_begin(a, d);
    e = send_frame(a, FRAME_COMMAND, d->id, line);
    if (e != ERR_OK)
        return e;
    e = receive(a, first_ms);
    if (e == ERR_TIMEOUT)
        (void)monitor_cancel(a);
    a->halting = a->halting && e != ERR_OK; /* of commands before this one none is under way */
    return e;
}
