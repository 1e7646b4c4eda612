/* A mainline kernel through a GDB stub.
 *
 * QEMU's stub refuses the kernel's addresses while the processor is in user mode, so physical
 * addresses are used where it offers them: the mode is set at each attach, since it outlives
 * connections, and put back at leaving.  Other stubs read virtual addresses: the machine is stopped
 * in the kernel, at the place where it leaves for user mode.
 *
 * Reads of a wave travel in one go: requests first, answers after them; large ones through a file
 * where QEMU runs on this machine. */
#include "attach/sel4.h"
#include "attach/sel4_door.h"
#include "attach/sel4_registers.h"

#include "attach/gdb_client.h"
#include "attach/gdb_door.h"
#include "attach/gdb_exchange.h"
#include "attach/guard.h"
#include "attach/sel4_events.h"
#include "attach/sel4_save.h"
#include "attach/sel4_stop.h"
#include "attach/sel4_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 64, /* requests */
    REQUEST_MAX = 48,
    QUIET_TRIES = 16,
    PAGE_MASK = 4095,
    SNAPSHOT_TRIES = 8,
    EXIT_MS = 2000, /* for the kernel to come to its exit */
    EXITS_IN_VAIN = 2,
    BOOT_PATIENCE_MS = 3000,
    BOOT_PAUSE_MS = 50,
    NOTICE_MS = 200,  /* for stops that nobody wants, before the machine is looked at */
    FOLLOW_MS = 3000, /* for a step */
};

struct sel4_gdb {
    struct gdb_client client;
    struct sel4_side side;
    struct sel4_port port;
    struct sel4_stops stops;
    struct sel4_saver saver;
    struct sel4_events events; /* that somebody hears of: a->watch */
    struct guard guard;
    bool one_by_one; /* requests in flight came out of step once */
};

static enum error client_failed(struct attach *a, enum error e)
{
    const struct sel4_gdb *d = a->door;
    return attach_fail(a, e, "%s", d->client.trouble);
}

/* --- reading --- */

/* Decodes the answer to one read, which is in the decoder. */
static enum error take_answer(struct gdb_client *c, struct sel4_span *s)
{
    const struct gdb_decoder *d = &c->decoder;
    if (gdb_is_error_reply(d) || d->length == 0) {
        s->error = ERR_READ;
        return ERR_OK;
    }
    if (d->length != s->len * 2 || !gdb_hex_get(d->data, s->len, s->buf))
        return gdb_fail(c, ERR_FORMAT,
                        "the stub's answer to a read of 0x%" PRIx64 " is no such data", s->addr);
    s->error = ERR_OK;
    return ERR_OK;
}

static void request_text(const struct sel4_span *s, char *out)
{
    (void)snprintf(out, REQUEST_MAX, "m%" PRIx64 ",%" PRIx32, s->addr, s->len);
}

static enum error read_one(struct gdb_client *c, struct sel4_span *s)
{
    char request[REQUEST_MAX];
    request_text(s, request);
    enum error e = gdb_client_ask(c, request, deadline_in(GDB_REPLY_MS));
    return e == ERR_OK ? take_answer(c, s) : e;
}

static enum error send_requests(struct gdb_client *c, const struct sel4_span *s, size_t n)
{
    uint8_t bytes[IN_FLIGHT * (REQUEST_MAX + 8)];
    uint32_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char request[REQUEST_MAX];
        request_text(&s[i], request);
        used += gdb_packet_encode('$', request, (uint32_t)strlen(request), bytes + used,
                                  (uint32_t)sizeof(bytes) - used);
    }
    return gdb_send_bytes(c, bytes, used, deadline_in(GDB_REPLY_MS));
}

/* Answers come in the order of the requests. After any trouble it is not known which is which. */
static enum error read_in_flight(struct gdb_client *c, struct sel4_span *s, size_t n)
{
    uint32_t troubles = c->troubles;
    enum error e = gdb_settle(c, deadline_in(GDB_REPLY_MS));
    if (e == ERR_OK)
        e = send_requests(c, s, n);
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        e = gdb_next_packet(c, NULL, gdb_patient(c, deadline_in(GDB_REPLY_MS)));
        if (e == ERR_OK && c->troubles == troubles)
            e = take_answer(c, &s[i]);
        if (c->troubles != troubles)
            e = e == ERR_CLOSED || e == ERR_IO ? e : ERR_SEQUENCE;
    }
    return e;
}

/* As many of the spans as can be had at once; *done is how many. */
static enum error read_some(struct sel4_gdb *d, struct sel4_span *spans, size_t count, size_t *done)
{
    enum error e = ERR_OK;
    size_t run = 0;
    size_t before = d->port.physical ? sel4_saver_before(&d->saver, spans, count, &run) : count;
    *done = run;
    if (before == 0 && sel4_saver_read(&d->saver, &d->client, spans, run, &e))
        return ERR_OK;
    before = before == 0 ? count : before;
    *done = d->one_by_one ? 1 : before < IN_FLIGHT ? before : IN_FLIGHT;
    if (e != ERR_OK)
        return e;
    return *done == 1 ? read_one(&d->client, spans) : read_in_flight(&d->client, spans, *done);
}

static enum error read_spans(void *ctx, struct sel4_span *spans, size_t count)
{
    struct attach *a = ctx;
    struct sel4_gdb *d = a->door;
    enum error e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count;) {
        size_t done = 0;
        e = read_some(d, &spans[i], count - i, &done);
        if (!d->one_by_one && (e == ERR_SEQUENCE || e == ERR_FORMAT || e == ERR_TIMEOUT)) {
            d->one_by_one = true;
            d->client.asked_again =
                true; /* what is still under way must not be taken for answers */
            e = ERR_OK;
        } else {
            i += done;
        }
    }
    return e == ERR_OK ? e : client_failed(a, e);
}

/* --- where it stands --- */

static const uint8_t pc_number[SEL4_ARCHES] = {
    [SEL4_AARCH32] = 15, [SEL4_AARCH64] = 32, [SEL4_RISCV64] = 32, [SEL4_X86_64] = 16};

/* A stub that does not say what it is counts as an ARM (processor.h): of that nothing follows. */
static enum error compare_processors(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    const struct processor *wanted = sel4_processor(d->side.kernel.layout.options.arch);
    const struct processor *told = d->client.processor;
    if (told == wanted || told == processor_of(""))
        return ERR_OK;
    return attach_fail(a, ERR_UNSUPPORTED,
                       "the kernel's file is of another architecture: %s, and the target is %s",
                       wanted->architecture, told->architecture);
}

static enum error read_pc(struct attach *a, uint64_t *pc)
{
    struct sel4_gdb *d = a->door;
    char request[16];
    uint8_t bytes[8];
    const struct sel4_layout *l = &d->side.kernel.layout;
    (void)snprintf(request, sizeof(request), "p%x", pc_number[l->options.arch]);
    enum error e = gdb_client_ask(&d->client, request, deadline_in(GDB_REPLY_MS));
    if (e != ERR_OK)
        return client_failed(a, e);
    uint32_t len = d->client.decoder.length / 2;
    if (len != l->word || !gdb_hex_get(d->client.decoder.data, len, bytes))
        return attach_fail(a, ERR_UNSUPPORTED,
                           "the target's registers are not those of %s: is this the kernel of "
                           "another architecture?",
                           sel4_arch_text(l->options.arch));
    *pc = sel4_word(bytes, len);
    return ERR_OK;
}

static uint64_t exit_place(const struct sel4_gdb *d)
{
    struct sel4_symbol s;
    return sel4_image_symbol(&d->side.kernel.image, "restore_user_context", &s) ? s.addr : 0;
}

/* Whole, and readable: a stub without physical mode sees the kernel only from inside. */
static bool is_good_place(const struct sel4_gdb *d, uint64_t pc)
{
    const struct sel4_kernel *k = &d->side.kernel;
    if (!d->port.physical && sel4_kernel_is_user(k, pc))
        return false;
    return sel4_kernel_is_quiet(k, pc) || (pc != 0 && pc == exit_place(d)) ||
           sel4_stops_is_place(&d->stops, pc);
}

/* --- stop and go --- */

static enum error stop(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    enum error e = gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

static enum error go(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    if (d->client.running)
        return ERR_OK;
    if (a->watch.hears)
        sel4_events_go(&d->events, &d->stops, &a->watch);
    enum error e = sel4_stops_leave(&d->stops);
    if (e == ERR_OK)
        e = gdb_client_resume(&d->client, deadline_in(GDB_REPLY_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

/* Where the machine stands, once a stop: one of our places that nobody wants to stay at does not
 * count as halted, nor does a stop that was asked for. */
static enum error look(struct attach *a, uint64_t *pc, bool asked)
{
    struct sel4_gdb *d = a->door;
    bool stays = false;
    enum error e = read_pc(a, pc);
    if (e != ERR_OK || a->halted || (d->stops.at != 0 && d->stops.at == *pc))
        return e;
    e = sel4_stops_judge(&d->stops, *pc, &stays);
    bool foreign = !stays && !asked && d->stops.at == 0; /* leaving does not end it */
    a->halted = stays || foreign;
    d->client.stood |= foreign;
    if (e != ERR_OK && a->error[0] == '\0')
        return client_failed(a, e);
    if (e == ERR_OK && a->watch.hears)
        sel4_events_stop(&d->events, &d->stops, &a->watch);
    return e;
}

static enum error run_for(struct attach *a, int64_t ms)
{
    struct sel4_gdb *d = a->door;
    uint64_t pc = 0;
    enum error e = go(a);
    if (e != ERR_OK)
        return e;
    e = gdb_client_listen(&d->client, deadline_in(ms));
    if (e != ERR_OK)
        return client_failed(a, e);
    return d->client.running ? ERR_OK : look(a, &pc, false);
}

/* Takes what has stopped the machine since, and lets it go on from what nobody wants, until it
 * stands or the deadline has passed. */
static enum error follow(struct attach *a, deadline_t deadline)
{
    struct sel4_gdb *d = a->door;
    uint64_t pc = 0;
    enum error e = gdb_client_listen(&d->client, deadline);
    while (e == ERR_OK && !d->client.running && !a->halted) {
        e = look(a, &pc, false);
        if (e == ERR_OK && !a->halted)
            e = go(a);
        if (e != ERR_OK || a->halted || deadline_left(deadline) == 0)
            return e;
        e = gdb_client_listen(&d->client, deadline);
    }
    return e == ERR_OK ? e : client_failed(a, e);
}

/* Lets the machine run to where the kernel leaves for user mode, by a breakpoint that is taken away
 * again, whatever comes; *came: it got there, or could not be watched for. */
static enum error run_to_exit(struct attach *a, bool *came)
{
    static const uint8_t kinds[SEL4_ARCHES] = {4, 4, 2, 1};
    struct sel4_gdb *d = a->door;
    char request[REQUEST_MAX];
    uint64_t at = exit_place(d);
    *came = true;
    if (at == 0)
        return ERR_OK;
    (void)snprintf(request, sizeof(request), "Z1,%" PRIx64 ",%u", at,
                   kinds[d->side.kernel.layout.options.arch]);
    enum error e = gdb_client_plant(&d->client, request, deadline_in(GDB_REPLY_MS));
    if (e == ERR_REFUSED)
        return ERR_OK; /* the walk is checked anyway */
    if (e == ERR_OK) {
        e = gdb_client_move(&d->client, "c", deadline_in(EXIT_MS));
        *came = e == ERR_OK;
        if (e == ERR_TIMEOUT) /* an idle system does not come by: it is quiet where it stands */
            e = gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS));
        request[0] = 'z';
        enum error after = gdb_client_plant(&d->client, request, deadline_in(GDB_REPLY_MS));
        e = e == ERR_OK ? after : e;
    }
    return e == ERR_OK ? e : client_failed(a, e);
}

/* Stops the machine at a place where it can be read and is whole, if such a place comes by.  A kernel
 * that stays inside (it waits for another processor, or for ever) is not waited for to the end. */
static enum error stop_quietly(struct attach *a, bool *quiet)
{
    struct sel4_gdb *d = a->door;
    unsigned in_vain = 0;
    enum error e = stop(a);
    *quiet = false;
    for (unsigned i = 0; e == ERR_OK && i < QUIET_TRIES; i++) {
        uint64_t pc = 0;
        e = look(a, &pc, true);
        *quiet = e == ERR_OK && is_good_place(d, pc);
        if (e != ERR_OK || *quiet || a->halted || in_vain == EXITS_IN_VAIN)
            return e;
        bool exits = !d->port.physical || i >= QUIET_TRIES / 2, came = true;
        e = exits ? run_to_exit(a, &came) : run_for(a, i % 4);
        in_vain += !came && d->port.physical; /* else it cannot be read where it is */
        if (e == ERR_OK && !exits)
            e = stop(a);
    }
    return e;
}

static enum error prepare(struct attach *a, unsigned attempt, bool *quiet)
{
    if (attempt > 0 && !a->halted) {
        enum error e = run_for(a, attempt);
        if (e != ERR_OK)
            return e;
    }
    return stop_quietly(a, quiet);
}

static enum error sel4_gdb_halt(struct attach *a)
{
    bool quiet;
    return stop_quietly(a, &quiet);
}

/* --- opening and closing --- */

/* What a line that was lost left behind: breakpoints of ours, and a machine that stands because we
 * stopped it.  The next line to the same target puts it right. */
static struct {
    char target[ATTACH_ERROR_MAX];
    uint64_t planted[SEL4_PLACES];
    char method[SEL4_PLACES];
    bool stood;   /* in our hands */
    bool passing; /* in the guard, see gdb_client.h */
} lost;

static void keep_lost(const struct attach *a)
{
    const struct sel4_gdb *d = a->door;
    (void)snprintf(lost.target, sizeof(lost.target), "%s", a->name);
    memcpy(lost.planted, d->stops.planted, sizeof(lost.planted));
    memcpy(lost.method, d->stops.method, sizeof(lost.method));
    lost.stood = gdb_client_holds(&d->client);
}

/* A machine that stood in our hands, or stands at one of them, goes on. */
static enum error clear_lost(struct attach *a, uint64_t pc)
{
    struct sel4_gdb *d = a->door;
    if (strcmp(lost.target, a->name) != 0)
        return ERR_OK;
    lost.target[0] = '\0';
    memcpy(d->stops.planted, lost.planted, sizeof(lost.planted));
    memcpy(d->stops.method, lost.method, sizeof(lost.method));
    d->client.stood = d->client.stood && !lost.stood && !sel4_stops_is_place(&d->stops, pc);
    enum error e = sel4_stops_clear(&d->stops);
    return e == ERR_OK || e == ERR_REFUSED ? ERR_OK : client_failed(a, e);
}

static void sel4_gdb_drop(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    if (!d)
        return;
    guard_dismiss(&d->guard);
    bool held =
        gdb_client_holds(&d->client) && (d->client.met || transport_has_ended(&d->client.line));
    if (held || sel4_stops_stand(&d->stops))
        keep_lost(a);
    if (d->client.line.fd >= 0)
        transport_close(&d->client.line);
    sel4_side_close(&d->side);
    guard_unshare(d, sizeof(*d));
    a->door = NULL;
}

static enum error make_door(struct attach *a)
{
    struct sel4_gdb *d = guard_share(sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->guard.fd = -1;
    gdb_client_init(&d->client);
    d->client.passing = lost.passing;
    return ERR_OK;
}

static enum error connect_stub(struct attach *a, struct sel4_gdb *d)
{
    char why[128];
    enum error e = transport_open(&d->client.line, &a->target, deadline_in(ATTACH_DEADLINE_MS), why,
                                  sizeof(why));
    if (e != ERR_OK)
        return attach_fail(a, e, "%s", why);
    e = gdb_client_begin(&d->client, deadline_in(ATTACH_DEADLINE_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

/* To where the stub is known, and nothing of ours is left in the machine. */
static enum error meet_stub(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    uint64_t pc = 0;
    enum error e = sel4_side_open(a, &d->side);
    if (e == ERR_OK)
        e = connect_stub(a, d);
    if (e == ERR_OK)
        e = compare_processors(a);
    if (e == ERR_OK)
        e = read_pc(a, &pc);
    if (e != ERR_OK)
        return e;
    sel4_stops_init(&d->stops, &d->client, &d->side);
    d->client.processor = d->stops.processor; /* a stub need not describe it: the file does */
    return clear_lost(a, pc);
}

/* What a line that died left in the machine is taken away over another one: nobody else knows of
 * it. */
static void reach_again(struct attach *a)
{
    const struct sel4_gdb *d = a->door;
    if (d && (a->state.being == ATTACH_GONE || transport_has_ended(&d->client.line)))
        sel4_gdb_drop(a);
    if (!a->door && strcmp(lost.target, a->name) == 0 && make_door(a) == ERR_OK)
        (void)meet_stub(a);
}

static void sel4_gdb_close(struct attach *a)
{
    reach_again(a);
    struct sel4_gdb *d = a->door;
    if (!d)
        return;
    if (d->client.line.fd >= 0 && sel4_stops_stand(&d->stops) &&
        gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS)) == ERR_OK)
        (void)sel4_stops_clear(&d->stops);
    if (d->client.line.fd >= 0)
        gdb_client_end(&d->client, a->state.being == ATTACH_UNREACHABLE);
    sel4_gdb_drop(a);
}

/* In the guard.  Of the door only what was in it itself can be looked at here.  Also a machine that
 * runs is met: the stub is to take addresses again as it did. */
static void after_our_end(void *ctx)
{
    struct attach *a = ctx;
    const struct sel4_gdb *d = a->door;
    keep_lost(a);
    lost.stood = !d->client.stood; /* if it stands: a stop of ours may have been under way */
    lost.passing = true;
    a->door = NULL;
    a->watch.hears = NULL;
    a->state = (struct attach_state){0}; /* nothing was heard over the line to come */
    transport_protect(true);
    sel4_gdb_close(a);
}

/* A machine that is booting has no threads yet. */
static enum error find_kernel(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    deadline_t deadline = deadline_in(BOOT_PATIENCE_MS);
    for (;;) {
        bool quiet = false;
        enum error e = d->port.physical ? ERR_OK : stop_quietly(a, &quiet);
        if (e == ERR_OK)
            e = sel4_side_attach(a, &d->side, &d->port);
        if (e != ERR_NO_ROOTS || d->client.stood || deadline_left(deadline) == 0)
            return e;
        e = run_for(a, BOOT_PAUSE_MS);
        if (e == ERR_OK)
            e = stop(a);
        if (e != ERR_OK)
            return e;
    }
}

/* What is to be heard of is planted as the machine is let go. */
static void begin_watch(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    d->stops.watching = a->watch.hears;
    d->events = (struct sel4_events){.began_ms = clock_now_ms()};
}

static enum error sel4_gdb_open(struct attach *a)
{
    enum error e = make_door(a);
    struct sel4_gdb *d = a->door;
    if (e != ERR_OK)
        return e;
    guard_post(&d->guard, after_our_end, a);
    e = meet_stub(a);
    if (e != ERR_OK)
        return e;
    sel4_saver_init(&d->saver, &a->target);
    attach_note_armed(a, 0);
    d->port = (struct sel4_port){.read = read_spans,
                                 .ctx = a,
                                 .piece = gdb_read_bytes_max(&d->client),
                                 .physical = d->client.physical};
    e = find_kernel(a);
    if (e == ERR_OK && a->watch.hears) { /* of the line before this one */
        begin_watch(a);
        sel4_events_gap(&d->events, &a->watch);
    }
    a->halted = d->client.stood;
    return e == ERR_OK && !a->halted ? go(a) : e;
}

/* --- operations --- */

/* The machine may have stopped by itself since the last call. */
static enum error notice_stop(struct attach *a)
{
    a->error[0] = '\0';
    return follow(
        a, deadline_in(sel4_stops_stand(&((struct sel4_gdb *)a->door)->stops) ? NOTICE_MS : 0));
}

/* Back to how it was; the first error counts. */
static enum error release(struct attach *a, enum error e)
{
    char kept[ATTACH_ERROR_MAX];
    memcpy(kept, a->error, sizeof(kept));
    enum error after = a->halted ? ERR_OK : go(a);
    if (e == ERR_OK)
        return after;
    memcpy(a->error, kept, sizeof(kept));
    return e;
}

static enum attach_reason reason_of(enum sel4_why why)
{
    static const uint8_t reasons[] = {[SEL4_WHY_NOT] = ATTACH_AT_HALT,
                                      [SEL4_WHY_CONDITION] = ATTACH_AT_CONDITION,
                                      [SEL4_WHY_STEP] = ATTACH_AT_STEP,
                                      [SEL4_WHY_FINISH] = ATTACH_AT_FINISH};
    return (enum attach_reason)reasons[why];
}

static void note_stop(struct attach *a)
{
    const struct sel4_gdb *d = a->door;
    const struct sel4_stops *s = &d->stops;
    struct text words = {0};
    bool told = sel4_words_stop(s, &words) == ERR_OK && s->why != SEL4_WHY_NOT;
    attach_note(a, ATTACH_STANDS, told ? words.bytes : "the machine stands");
    text_fini(&words);
    a->state.reason = reason_of(s->why);
    a->state.condition = s->why == SEL4_WHY_CONDITION ? s->matched : 0;
    a->state.event = s->event.number;
    a->state.slot = sel4_memory_physical(&d->side.kernel.memory, s->event.slot);
    a->state.thread = sel4_memory_physical(&d->side.kernel.memory, s->event.thread);
}

/* A mainline kernel tells nothing of stops: all there is to say is what stopped it from here. */
static void note_state(struct attach *a)
{
    const struct sel4_gdb *d = a->door;
    uint32_t armed = 0;
    for (unsigned i = 0; i < SEL4_CONDITIONS; i++)
        armed |= d->stops.condition[i].armed ? 1u << i : 0;
    attach_note_armed(a, armed);
    if (a->halted)
        note_stop(a);
    else
        attach_note(a, ATTACH_RUNS, NULL);
    a->state.events = d->stops.events;
}

static enum error sel4_gdb_snapshot(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    enum error e = notice_stop(a);
    if (e != ERR_OK)
        return e;
    e = sel4_side_snapshot(a, &d->side, prepare, SNAPSHOT_TRIES);
    if (e == ERR_OK && a->watch.hears)
        a->watch.hears(a->watch.ctx, &(struct record){.kind = RECORD_END, .end = a->stream.end});
    if (e == ERR_OK)
        note_state(a);
    return release(a, e);
}

static enum error sel4_gdb_state(struct attach *a)
{
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        note_state(a);
    return e;
}

/* The machine must be stopped for breakpoints to come or go. */
static enum error sel4_gdb_watch(struct attach *a)
{
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        e = stop(a);
    begin_watch(a);
    return release(a, e);
}

static enum error sel4_gdb_listen(struct attach *a, int ms)
{
    a->error[0] = '\0';
    enum error e = follow(a, deadline_in(ms));
    if (e == ERR_OK)
        note_state(a);
    return e;
}

/* --- commands --- */

static enum error sel4_gdb_go(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    d->stops.steps = 0;
    d->stops.finish = false;
    return go(a);
}

/* Lets it run until it stops for us; it runs on when that takes longer, and stops later. */
static enum error run_on(struct attach *a)
{
    a->halted = false;
    enum error e = go(a);
    return e == ERR_OK ? follow(a, deadline_in(FOLLOW_MS)) : e;
}

static enum error move(struct attach *a, enum sel4_motion motion)
{
    bool quiet = false;
    enum error e = ERR_OK;
    if (motion == SEL4_GO && a->halted) {
        a->halted = false;
        return go(a);
    }
    if (motion == SEL4_HALT && !a->halted) {
        e = stop_quietly(a, &quiet);
        a->halted = e == ERR_OK;
        return e;
    }
    return motion == SEL4_FOLLOW ? run_on(a) : e;
}

/* What a revoke still has before it is looked up anew. */
static enum error say_where(struct attach *a, struct text *out)
{
    struct sel4_gdb *d = a->door;
    enum error e = ERR_OK;
    if (a->halted && d->side.revoke.root != 0)
        e = sel4_side_snapshot(a, &d->side, prepare, SNAPSHOT_TRIES);
    return e == ERR_OK ? sel4_words_where(&d->stops, !a->halted, out) : e;
}

/* The machine stands while a command plants. */
static enum error carry_out(struct attach *a, const char *line, struct text *out)
{
    struct sel4_gdb *d = a->door;
    uint64_t pc = 0;
    enum sel4_motion motion = SEL4_STAY;
    enum error e = stop(a);
    if (e == ERR_OK)
        e = look(a, &pc, true);
    if (e == ERR_OK)
        e = sel4_words_command(&d->stops, line, a->halted, out, &motion);
    if (e != ERR_OK && a->error[0] == '\0')
        return client_failed(a, e);
    if (e == ERR_OK)
        e = move(a, motion);
    if (e == ERR_OK && motion != SEL4_STAY && motion != SEL4_GO)
        e = say_where(a, out);
    return e;
}

static enum error sel4_gdb_command(struct attach *a, const char *line, char **text)
{
    struct text out = {0};
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        e = carry_out(a, line, &out);
    if (e == ERR_OK)
        note_state(a);
    e = release(a, e);
    *text = e == ERR_OK ? text_take(&out) : NULL;
    text_fini(&out);
    if (e == ERR_OK && !*text)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    return e;
}

const struct attach_ops attach_sel4_gdb_ops = {
    .open = sel4_gdb_open,
    .close = sel4_gdb_close,
    .drop = sel4_gdb_drop,
    .state = sel4_gdb_state,
    .snapshot = sel4_gdb_snapshot,
    .halt = sel4_gdb_halt,
    .go = sel4_gdb_go,
    .command = sel4_gdb_command,
    .listen = sel4_gdb_listen,
    .watch = sel4_gdb_watch,
};

/* --- for the proxy --- */

static struct gdb_client *proxy_client(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    return &d->client;
}

static void proxy_forgets(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    sel4_memory_forget(&d->side.kernel.memory);
}

static enum error proxy_is_user(struct attach *a, uint64_t pc, bool *yes)
{
    struct sel4_gdb *d = a->door;
    *yes = sel4_kernel_is_user(&d->side.kernel, pc);
    return ERR_OK;
}

/* Of several nodes which one has stopped is not told: then no thread is. */
static enum error proxy_current(struct attach *a, uint64_t *tcb)
{
    struct sel4_gdb *d = a->door;
    const struct sel4_kernel *k = &d->side.kernel;
    uint64_t at = 0;
    *tcb = 0;
    if (!sel4_has(&k->layout, SEL4_SYM_CUR_THREAD))
        return ERR_OK;
    enum error e = sel4_memory_words(&d->side.kernel.memory,
                                     k->layout.symbol[SEL4_SYM_CUR_THREAD].addr, &at, 1);
    if (e == ERR_OK && at != 0)
        *tcb = sel4_memory_physical(&k->memory, sel4_tcb_base(&k->layout, at));
    return e;
}

static enum error proxy_registers(struct attach *a, const struct record_thread *t,
                                  struct walker_registers *out)
{
    struct sel4_gdb *d = a->door;
    return sel4_registers(&d->side, t, out);
}

static uint64_t proxy_user_top(struct attach *a)
{
    const struct sel4_gdb *d = a->door;
    const struct sel4_image *m = &d->side.kernel.image;
    const struct sel4_layout *l = &d->side.kernel.layout;
    uint64_t top = l->wide ? (uint64_t)1 << 47 : UINT32_MAX;
    bool boots_low = l->options.arch == SEL4_X86_64; /* segments that only the boot uses */
    for (uint32_t i = 0; i < m->segments && !boots_low; i++)
        top = m->segment[i].va < top ? m->segment[i].va : top;
    return top;
}

static bool proxy_physical(struct attach *a, uint64_t kaddr, uint64_t *out)
{
    const struct sel4_gdb *d = a->door;
    *out = sel4_memory_physical(&d->side.kernel.memory, kaddr);
    return true;
}

/* To the end of the page in which it ends: nobody gets the rest. */
static bool proxy_is_image(struct attach *a, uint64_t physical)
{
    const struct sel4_gdb *d = a->door;
    const struct sel4_image *m = &d->side.kernel.image;
    for (uint32_t i = 0; i < m->segments; i++) {
        uint64_t end = (m->segment[i].pa + m->segment[i].bytes + PAGE_MASK) & ~(uint64_t)PAGE_MASK;
        if (physical >= m->segment[i].pa && physical < end)
            return true;
    }
    return false;
}

static enum error proxy_leaves(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    return sel4_stops_leave(&d->stops);
}

static enum error proxy_judges(struct attach *a, uint64_t pc, enum gdb_door_stop *what,
                               char *sentence, size_t size)
{
    struct sel4_gdb *d = a->door;
    struct text words = {0};
    bool stays = false;
    *what = GDB_DOOR_NOT_OURS;
    if (!sel4_stops_is_place(&d->stops, pc))
        return ERR_OK;
    enum error e = sel4_stops_judge(&d->stops, pc, &stays);
    *what = stays ? GDB_DOOR_STAYS : GDB_DOOR_PASSES;
    if (e == ERR_OK && stays && sel4_words_stop(&d->stops, &words) == ERR_OK)
        snprintf(sentence, size, "%s", words.bytes);
    text_fini(&words);
    return e;
}

/* gdb lets the machine go on; where it stands then is told when it stops. */
static bool proxy_commands(struct attach *a, const char *line, struct text *text)
{
    struct sel4_gdb *d = a->door;
    enum sel4_motion motion = SEL4_STAY;
    if (!gdb_door_is_of_events(line))
        return false;
    enum error e = sel4_words_command(&d->stops, line, true, text, &motion);
    if (e == ERR_OK && motion == SEL4_LOOK)
        e = sel4_words_where(&d->stops, false, text);
    if (e == ERR_OK && motion == SEL4_FOLLOW)
        (void)text_put(text, "now let gdb continue\n", 21);
    return e == ERR_OK;
}

static void proxy_disarms(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    memset(d->stops.condition, 0, sizeof(d->stops.condition));
    d->stops.steps = 0;
    d->stops.finish = false;
    (void)sel4_stops_clear(&d->stops);
}

const struct gdb_door_ops gdb_door_sel4 = {
    .client = proxy_client,
    .forget = proxy_forgets,
    .is_user = proxy_is_user,
    .current = proxy_current,
    .registers = proxy_registers,
    .user_top = proxy_user_top,
    .physical = proxy_physical,
    .is_image = proxy_is_image,
    .leave = proxy_leaves,
    .judge = proxy_judges,
    .command = proxy_commands,
    .disarm = proxy_disarms,
};
