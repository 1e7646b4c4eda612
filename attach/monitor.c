/* The monitor door: commands in their machine form over the serial console.
 *
 * A command line that begins with '@' is answered in frames: a stream (SNAPSHOT_BEGIN .. _END) if
 * it asks for one, then REPLY frames, closed by an END record.  Frames lost or damaged on the way
 * show as a gap in their numbers or as silence; ^C then ends what is still coming, and the snapshot
 * is asked for again.  On a line so noisy that no try comes through whole, the machine is stopped
 * and the snapshot gathered from the good frames of many.  What comes between frames is what
 * programs print. */
#include "attach/console.h"
#include "attach/door.h"
#include "attach/gather.h"
#include "attach/transport.h"
#include "lib/format.h"
#include "record/codec.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNNING_TRIES = 2, /* before the machine is stopped for a snapshot */
    GATHER_TRIES = 100,
    STATE_TRIES = 20,   /* to stop it, to let it go on */
    PROGRESS_MS = 3000, /* longest pause inside an answer */
    DAMAGED_MS = 300,   /* the same after a frame was lost: perhaps it was the last */
    SYNC_MS = 700,      /* for the first answer of a line that may be in any state */
    QUIET_MS = 50,
    HELD_MAX = 1 << 19,
    COMMAND_MS = 600000, /* a whole answer, however steadily it comes */
    COMMAND_MAX = 119,   /* the monitor's line editor takes 120 characters, '@' is one */
    MEM_BYTES = 1024,
};

static const char CANCEL = 0x03;
/* Should this program die meanwhile, the machine goes on by itself. */
static const char HOLD[] = "halt for 5";
static const char LET_GO[] = "continue";

struct monitor_door {
    struct transport line;
    struct frame_decoder frames;
    struct console console;
    bool ours; /* the machine was halted by attach_halt */
    /* the answer being received */
    struct text reply;
    struct record_codec codec; /* of REPLY frames */
    uint16_t reply_next;       /* sequence numbers to come */
    uint16_t stream_next;
    bool in_stream;
    bool stream_done;
    bool replied;
    bool succeeded;
    bool damaged;
    struct gather *gather; /* takes the frames of the stream, NULL: they must come in order */
    /* the live line */
    const struct attach_live *hears; /* NULL: nobody */
    struct record_codec events;
    bool events_broken; /* until the next base */
    bool holding;       /* events that come belong behind a base that is not delivered yet */
    bool held_lost;     /* and some of them did not come */
    struct text held;   /* their payloads, each behind its length in two bytes */
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
    return e == ERR_OK ? text_put(&d->reply, "\n", 1) : e;
}

static enum error reply_frame(struct monitor_door *d)
{
    struct record r;
    if (d->frames.sequence != d->reply_next++) {
        d->damaged = true;
        d->reply_next = (uint16_t)(d->frames.sequence + 1);
    }
    for (uint32_t at = 0; at < d->frames.payload_len;) {
        uint32_t used = 0;
        enum error e =
            record_decode(&d->codec, d->frames.payload + at, d->frames.payload_len - at, &used, &r);
        if (e == ERR_OK)
            e = reply_record(d, &r);
        else if (e == ERR_UNSUPPORTED && used > 0)
            e = ERR_OK;
        if (e == ERR_NO_MEMORY)
            return e;
        if (e != ERR_OK) {
            d->damaged = true;
            return ERR_OK;
        }
        at += used;
    }
    return ERR_OK;
}

/* Nobody knows what events that come now follow on. */
static void events_lost(struct monitor_door *d)
{
    if (!d->hears || d->events_broken)
        return;
    d->events_broken = true;
    d->hears->lost(d->hears->ctx);
}

static enum error stream_frame(struct attach *a, struct monitor_door *d)
{
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
        events_lost(d); /* their numbers and differences have begun anew */
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
            events_lost(d);
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

static void release_events(struct monitor_door *d)
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
        events_lost(d);
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
        events_lost(d);
    else if (hold)
        hold_events(d);
    else
        take_events(d, d->frames.payload, d->frames.payload_len);
}

static enum error take_frame(struct attach *a, struct monitor_door *d)
{
    switch (d->frames.kind) {
    case FRAME_REPLY:
        return reply_frame(d);
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
    case FRAME_TEXT: {
        enum console_prompt p = console_put(&d->console, (char)byte, &a->console);
        if (p != PROMPT_NONE)
            a->halted = p == PROMPT_STOPPED;
        break;
    }
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

static enum error line_failed(struct attach *a, enum error e)
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
    default:
        return attach_fail(a, e, "%s", error_sentence(e));
    }
}

/* Takes in what comes until the line has been silent for so long, at most three times that. */
static enum error drain(struct attach *a, int64_t silence_ms)
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
            return line_failed(a, e);
        if (d->line.head == d->line.tail && deadline_left(end) == 0)
            return ERR_OK;
    }
}

/* --- commands --- */

static enum error send_line(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    char text[COMMAND_MAX + 4];
    int n = snprintf(text, sizeof(text), "@%s\r", line);
    enum error e = transport_write(&d->line, text, (size_t)n, deadline_in(ATTACH_DEADLINE_MS));
    return e == ERR_OK ? e : line_failed(a, e);
}

static enum error send_cancel(struct attach *a)
{
    struct monitor_door *d = a->door;
    enum error e = transport_write(&d->line, &CANCEL, 1, deadline_in(ATTACH_DEADLINE_MS));
    return e == ERR_OK ? e : line_failed(a, e);
}

static void answer_begin(struct attach *a, struct monitor_door *d)
{
    text_fini(&d->reply);
    stream_clear(&a->stream);
    record_codec_init(&d->codec);
    d->reply_next = 0;
    d->in_stream = d->stream_done = d->replied = d->succeeded = d->damaged = false;
}

/* Receives until the answer is closed. A damaged one is cut short. */
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
            e = take_byte(a, d, byte, &progress);
        if (e != ERR_OK)
            return e;
        if (d->damaged && !cancelled) {
            e = send_cancel(a);
            cancelled = true;
        }
        if (e != ERR_OK)
            return e;
        bool lost = d->damaged || d->frames.bad_frames != bad;
        if (progress)
            deadline = deadline_in(lost ? DAMAGED_MS : PROGRESS_MS);
        if (d->line.head == d->line.tail &&
            (deadline_left(deadline) == 0 || deadline_left(whole) == 0))
            return ERR_TIMEOUT;
    }
    return d->damaged ? ERR_SEQUENCE : ERR_OK;
}

/* What is still on its way from before is taken in first, so that it is not taken for the answer.
 */
static enum error run(struct attach *a, const char *line, int64_t first_ms)
{
    struct monitor_door *d = a->door;
    release_events(d);
    enum error e = drain(a, 0);
    if (e != ERR_OK)
        return e;
    answer_begin(a, d);
    e = send_line(a, line);
    return e == ERR_OK ? receive(a, first_ms) : e;
}

static enum error run_or_fail(struct attach *a, const char *line)
{
    enum error e = run(a, line, ATTACH_DEADLINE_MS);
    if (e == ERR_SEQUENCE)
        return attach_fail(a, e, "%s: frames of the answer were lost on the line", line);
    return e == ERR_OK ? e : line_failed(a, e);
}

/* --- opening and closing --- */

static void monitor_close(struct attach *a)
{
    struct monitor_door *d = a->door;
    if (!d)
        return;
    if (d->line.fd >= 0 && d->ours && a->halted)
        (void)run(a, "continue", PROGRESS_MS);
    transport_close(&d->line);
    text_fini(&d->reply);
    text_fini(&d->held);
    free(d);
    a->door = NULL;
}

/* The line may hold half a line that somebody typed, or the machine may still boot. */
static enum error synchronise(struct attach *a)
{
    deadline_t deadline = deadline_in(ATTACH_DEADLINE_MS);
    unsigned asked = 0;
    enum error e;
    do {
        e = send_cancel(a);
        if (e != ERR_OK)
            return e;
        asked++;
        e = run(a, "version", SYNC_MS);
    } while ((e == ERR_TIMEOUT || e == ERR_SEQUENCE) && deadline_left(deadline) > 0);
    if (e != ERR_OK)
        return line_failed(a, e);
    return asked > 1 ? drain(a, QUIET_MS) : ERR_OK; /* answers that came too late */
}

static enum error monitor_open(struct attach *a)
{
    char why[128];
    struct monitor_door *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    frame_decoder_init(&d->frames);
    console_init(&d->console);
    enum error e =
        transport_open(&d->line, &a->target, deadline_in(ATTACH_DEADLINE_MS), why, sizeof(why));
    if (e != ERR_OK)
        return attach_fail(a, e, "%s", why);
    return synchronise(a);
}

/* --- operations --- */

static enum error snapshot_once(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    enum error e = run(a, line, ATTACH_DEADLINE_MS);
    if (e != ERR_OK)
        return e;
    if (!d->succeeded && d->reply.used)
        return attach_fail(a, ERR_REFUSED, "the monitor refused: %.*s",
                           (int)strcspn(d->reply.bytes, "\n"), d->reply.bytes);
    if (!d->stream_done)
        return ERR_SEQUENCE;
    e = stream_unpack(&a->stream);
    if (e == ERR_OK)
        e = stream_check(&a->stream);
    return e == ERR_FORMAT || e == ERR_TRUNCATED ? ERR_SEQUENCE : e;
}

/* `line`: a command that is answered by a snapshot. */
static enum error snapshot_by(struct attach *a, const char *line, unsigned tries)
{
    struct monitor_door *d = a->door;
    enum error e = ERR_OK;
    bool noisy = false;
    for (unsigned i = 0; i < tries; i++) {
        a->error[0] = '\0';
        e = snapshot_once(a, line);
        if (e != ERR_SEQUENCE && e != ERR_TIMEOUT && e != ERR_REFUSED)
            break; /* a refusal may be that of a line that noise has changed */
        noisy = noisy || e != ERR_REFUSED;
        events_lost(d);
        /* Cut short what may still come. */
        if (send_cancel(a) != ERR_OK || drain(a, QUIET_MS) != ERR_OK)
            return ERR_CLOSED;
    }
    if (e == ERR_REFUSED && noisy)
        e = ERR_SEQUENCE;
    if (e == ERR_SEQUENCE)
        return attach_fail(a, e, "no undamaged snapshot in %u tries", tries);
    return e == ERR_OK || a->error[0] ? e : line_failed(a, e);
}

static bool answer_says(const struct monitor_door *d, const char *words)
{
    return d->reply.bytes && strstr(d->reply.bytes, words);
}

/* Repeats a command that stops or lets go on until the answer comes through that it is so. */
static enum error insist(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    for (unsigned i = 0; i < STATE_TRIES; i++) {
        enum error e = run(a, line, SYNC_MS);
        bool runs = line == LET_GO && answer_says(d, "only while");
        if (e == ERR_OK && (d->succeeded || runs))
            return ERR_OK;
        if (e == ERR_CLOSED || e == ERR_IO)
            return line_failed(a, e);
        if (send_cancel(a) != ERR_OK || drain(a, QUIET_MS) != ERR_OK)
            return ERR_CLOSED;
    }
    return attach_fail(a, ERR_SEQUENCE, "the line is too noisy to %s the machine",
                       line == HOLD ? "stop" : "let go on");
}

/* Has the machine stood all the time since it was stopped for us? */
static enum error still_held(struct attach *a)
{
    enum error e = insist(a, HOLD);
    if (e == ERR_OK && !answer_says(a->door, "still stopped"))
        return attach_fail(a, ERR_TORN, "the machine went on while its snapshot was gathered");
    return e;
}

static enum error gather_all(struct attach *a, const char *line, struct gather *g)
{
    for (unsigned i = 0; i < GATHER_TRIES && !gather_is_complete(g); i++) {
        enum error e = run(a, line, SYNC_MS);
        if (e == ERR_CLOSED || e == ERR_IO)
            return line_failed(a, e);
        if (e == ERR_NO_MEMORY)
            return attach_fail(a, e, "%s", error_sentence(e));
        if (e != ERR_OK && (send_cancel(a) != ERR_OK || drain(a, QUIET_MS) != ERR_OK))
            return ERR_CLOSED;
    }
    if (!gather_is_complete(g))
        return attach_fail(a, ERR_SEQUENCE,
                           "the line is too noisy: not all frames of a snapshot came in %d tries",
                           GATHER_TRIES);
    return ERR_OK;
}

/* Answers to other commands use the same stream: so it is filled when all is done. */
static enum error gathered_stream(struct attach *a, const struct gather *g)
{
    enum error e = gather_deliver(g, &a->stream);
    if (e == ERR_OK)
        e = stream_unpack(&a->stream);
    if (e == ERR_OK)
        e = stream_check(&a->stream);
    return e == ERR_OK ? e : attach_fail(a, e, "%s", error_sentence(e));
}

/* Events go on where the gathered snapshot ends; they wait until it has been taken. */
static void events_begin(struct monitor_door *d, const struct gather *g)
{
    d->stream_next = (uint16_t)g->total;
    d->events_broken = d->held_lost = false;
    d->holding = true;
    record_codec_init(&d->events);
    text_fini(&d->held);
}

/* The first error counts. */
static enum error snapshot_standing(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    struct gather g;
    char kept[ATTACH_ERROR_MAX];
    enum error e = a->halted ? ERR_OK : insist(a, HOLD);
    if (e != ERR_OK)
        return e;
    bool ours = !a->halted && !answer_says(d, "already stopped"); /* by somebody else */
    gather_init(&g);
    d->gather = &g;
    e = gather_all(a, line, &g);
    d->gather = NULL;
    if (e == ERR_OK && ours)
        e = still_held(a);
    if (e == ERR_OK)
        events_begin(d, &g);
    memcpy(kept, a->error, sizeof(kept));
    enum error after = ours && e != ERR_CLOSED && e != ERR_IO ? insist(a, LET_GO) : ERR_OK;
    d->holding = false;
    if (e != ERR_OK)
        memcpy(a->error, kept, sizeof(kept));
    else
        e = after == ERR_OK ? gathered_stream(a, &g) : after;
    gather_clear(&g);
    return e;
}

/* `line` is answered by a snapshot. */
static enum error snapshot_through_noise(struct attach *a, const char *line)
{
    enum error e = snapshot_by(a, line, RUNNING_TRIES);
    return e == ERR_SEQUENCE || e == ERR_TIMEOUT ? snapshot_standing(a, line) : e;
}

static enum error monitor_snapshot(struct attach *a)
{
    return snapshot_through_noise(a, "snapshot wire");
}

static enum error refused(struct attach *a, const char *line)
{
    struct monitor_door *d = a->door;
    const char *text = d->reply.bytes ? d->reply.bytes : "";
    return attach_fail(a, ERR_REFUSED, "%s: %.*s", line, (int)strcspn(text, "\n"), text);
}

static enum error monitor_halt(struct attach *a)
{
    struct monitor_door *d = a->door;
    enum error e = run_or_fail(a, "halt");
    if (e == ERR_OK && !d->succeeded)
        e = refused(a, "halt");
    d->ours = e == ERR_OK;
    return e;
}

static enum error monitor_go(struct attach *a)
{
    struct monitor_door *d = a->door;
    enum error e = run_or_fail(a, "continue");
    if (e == ERR_OK && !d->succeeded)
        e = refused(a, "continue");
    if (e == ERR_OK)
        d->ours = false;
    return e;
}

/* A command that fails has said why in its text. */
static enum error monitor_command(struct attach *a, const char *line, char **text)
{
    struct monitor_door *d = a->door;
    if (strlen(line) > COMMAND_MAX)
        return attach_fail(a, ERR_ARGUMENT, "a command line is at most %d characters long",
                           COMMAND_MAX);
    enum error e = run_or_fail(a, line);
    if (e != ERR_OK)
        return e;
    char *taken = text_take(&d->reply);
    if (!taken)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    *text = taken;
    return ERR_OK;
}

static void monitor_console(struct attach *a)
{
    (void)drain(a, 0);
}

/* --- the live line --- */

static enum error monitor_live(struct attach *a, const struct attach_live *hears)
{
    struct monitor_door *d = a->door;
    d->hears = hears;
    if (hears)
        return snapshot_through_noise(a, "trace live on");
    enum error e = ERR_SEQUENCE;
    for (unsigned i = 0; i < STATE_TRIES && (e == ERR_SEQUENCE || e == ERR_TIMEOUT); i++) {
        e = run(a, "trace live off", SYNC_MS);
        e = e == ERR_OK && !d->succeeded ? ERR_SEQUENCE : e;
    }
    return e == ERR_OK ? e : line_failed(a, e);
}

static enum error monitor_listen(struct attach *a, int ms)
{
    struct monitor_door *d = a->door;
    deadline_t deadline = deadline_in(ms);
    bool progress = false;
    release_events(d);
    while (!progress || d->line.head != d->line.tail) {
        uint8_t byte;
        enum error e = transport_get(&d->line, &byte, deadline);
        if (e == ERR_TIMEOUT)
            return ERR_OK;
        if (e == ERR_OK)
            e = take_byte(a, d, byte, &progress);
        if (e != ERR_OK)
            return line_failed(a, e);
    }
    return ERR_OK;
}

/* --- memory --- */

/* Bytes of one line of `mem`: "0xADDRESS  hh hh ...  text". Returns how many there were. */
static uint32_t parse_row(const char *row, uint8_t *out, uint32_t max)
{
    uint32_t n = 0;
    const char *at = strchr(row, ' ');
    for (at = at ? at + 1 : ""; n < max && at[0] == ' '; at += 3) {
        unsigned byte;
        if (strspn(at + 1, "0123456789abcdef") < 2 || sscanf(at + 1, "%2x", &byte) != 1)
            break;
        out[n++] = (uint8_t)byte;
        if (n % 16 == 0)
            break;
    }
    return n;
}

static enum error read_some(struct attach *a, uint32_t kaddr, uint8_t *to, uint32_t len)
{
    struct monitor_door *d = a->door;
    char line[48];
    uint32_t got = 0;
    snprintf(line, sizeof(line), "mem 0x%08x %u", kaddr, len);
    enum error e = run_or_fail(a, line);
    if (e != ERR_OK)
        return e;
    if (!d->succeeded) {
        refused(a, line);
        return ERR_READ;
    }
    for (const char *row = d->reply.bytes; row && *row && got < len;) {
        got += parse_row(row, to + got, len - got);
        row = strchr(row, '\n');
        row = row ? row + 1 : NULL;
    }
    return got == len ? ERR_OK
                      : attach_fail(a, ERR_FORMAT, "%s: %u of %u bytes came", line, got, len);
}

static enum error monitor_read(struct attach *a, uint32_t kaddr, void *buf, uint32_t len)
{
    uint8_t *to = buf;
    while (len > 0) {
        uint32_t n = len < MEM_BYTES ? len : MEM_BYTES;
        enum error e = read_some(a, kaddr, to, n);
        if (e != ERR_OK)
            return e;
        kaddr += n;
        to += n;
        len -= n;
    }
    return ERR_OK;
}

const struct attach_ops attach_monitor_ops = {
    .open = monitor_open,
    .close = monitor_close,
    .snapshot = monitor_snapshot,
    .halt = monitor_halt,
    .go = monitor_go,
    .command = monitor_command,
    .console = monitor_console,
    .read = monitor_read,
    .live = monitor_live,
    .listen = monitor_listen,
};
