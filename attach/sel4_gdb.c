/* A mainline kernel through a GDB stub.
 *
 * QEMU's stub refuses the kernel's addresses while the processor is in user mode, so physical
 * addresses are used where it offers them: the mode is set at each attach, since it outlives
 * connections, and put back at leaving.  Other stubs read virtual addresses: the machine is stopped
 * in the kernel, at the place where it leaves for user mode.
 *
 * Reads of a wave travel in one go: requests first, answers after them. */
#include "attach/sel4.h"
#include "attach/sel4_door.h"

#include "attach/gdb_client.h"
#include "attach/gdb_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 32, /* requests */
    REQUEST_MAX = 48,
    QUIET_TRIES = 16,
    SNAPSHOT_TRIES = 8,
    EXIT_MS = 2000, /* for the kernel to come to its exit */
    BOOT_PATIENCE_MS = 3000,
    BOOT_PAUSE_MS = 50,
};

struct sel4_gdb {
    struct gdb_client client;
    struct sel4_side side;
    struct sel4_port port;
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
    enum error e = gdb_settle(c);
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

static enum error read_spans(void *ctx, struct sel4_span *spans, size_t count)
{
    struct attach *a = ctx;
    struct sel4_gdb *d = a->door;
    enum error e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count;) {
        size_t n = count - i < IN_FLIGHT ? count - i : IN_FLIGHT;
        if (d->one_by_one || n == 1) {
            e = read_one(&d->client, &spans[i++]);
            continue;
        }
        e = read_in_flight(&d->client, &spans[i], n);
        if (e == ERR_SEQUENCE || e == ERR_FORMAT || e == ERR_TIMEOUT) {
            d->one_by_one = true;
            d->client.asked_again =
                true; /* what is still under way must not be taken for answers */
            e = ERR_OK;
        } else {
            i += n;
        }
    }
    return e == ERR_OK ? e : client_failed(a, e);
}

/* --- where it stands --- */

static const uint8_t pc_number[SEL4_ARCHES] = {
    [SEL4_AARCH32] = 15, [SEL4_AARCH64] = 32, [SEL4_RISCV64] = 32, [SEL4_X86_64] = 16};

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
    if ((len != 4 && len != 8) || !gdb_hex_get(d->client.decoder.data, len, bytes))
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
    return sel4_kernel_is_quiet(k, pc) || (pc != 0 && pc == exit_place(d));
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
    enum error e = gdb_client_resume(&d->client, deadline_in(GDB_REPLY_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

static enum error run_for(struct attach *a, int64_t ms)
{
    struct sel4_gdb *d = a->door;
    enum error e = go(a);
    if (e != ERR_OK)
        return e;
    e = gdb_client_listen(&d->client, deadline_in(ms));
    if (e != ERR_OK)
        return client_failed(a, e);
    a->halted = !d->client.running;
    return ERR_OK;
}

/* Lets the machine run to where the kernel leaves for user mode, by a breakpoint that is taken away
 * again, whatever comes. */
static enum error run_to_exit(struct attach *a)
{
    static const uint8_t kinds[SEL4_ARCHES] = {4, 4, 2, 1};
    struct sel4_gdb *d = a->door;
    char request[REQUEST_MAX];
    uint64_t at = exit_place(d);
    if (at == 0)
        return ERR_OK;
    (void)snprintf(request, sizeof(request), "Z1,%" PRIx64 ",%u", at,
                   kinds[d->side.kernel.layout.options.arch]);
    enum error e = gdb_client_plant(&d->client, request, deadline_in(GDB_REPLY_MS));
    if (e == ERR_REFUSED)
        return ERR_OK; /* the walk is checked anyway */
    if (e == ERR_OK) {
        e = gdb_client_move(&d->client, "c", deadline_in(EXIT_MS));
        if (e == ERR_TIMEOUT) /* an idle system does not come by: it is quiet where it stands */
            e = gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS));
        request[0] = 'z';
        enum error after = gdb_client_plant(&d->client, request, deadline_in(GDB_REPLY_MS));
        e = e == ERR_OK ? after : e;
    }
    return e == ERR_OK ? e : client_failed(a, e);
}

/* Stops the machine at a place where it can be read and is whole, if such a place comes by. */
static enum error stop_quietly(struct attach *a, bool *quiet)
{
    struct sel4_gdb *d = a->door;
    enum error e = stop(a);
    *quiet = false;
    for (unsigned i = 0; e == ERR_OK && i < QUIET_TRIES; i++) {
        uint64_t pc = 0;
        e = read_pc(a, &pc);
        *quiet = e == ERR_OK && is_good_place(d, pc);
        if (e != ERR_OK || *quiet || a->halted)
            return e;
        bool exits = !d->port.physical || i >= QUIET_TRIES / 2;
        e = exits ? run_to_exit(a) : run_for(a, i % 4);
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

static void sel4_gdb_drop(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    if (d == NULL)
        return;
    if (d->client.line.fd >= 0)
        transport_close(&d->client.line);
    sel4_side_close(&d->side);
    free(d);
    a->door = NULL;
}

static void sel4_gdb_close(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    if (d == NULL)
        return;
    if (d->client.line.fd >= 0)
        gdb_client_end(&d->client, a->state.being == ATTACH_UNREACHABLE);
    d->client.line.fd = -1;
    sel4_gdb_drop(a);
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

static enum error sel4_gdb_open(struct attach *a)
{
    struct sel4_gdb *d = calloc(1, sizeof(*d));
    uint64_t pc = 0;
    if (d == NULL)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->client.line.fd = -1;
    enum error e = sel4_side_open(a, &d->side);
    if (e == ERR_OK)
        e = connect_stub(a, d);
    if (e == ERR_OK)
        e = read_pc(a, &pc);
    if (e != ERR_OK)
        return e;
    d->port = (struct sel4_port){.read = read_spans,
                                 .ctx = a,
                                 .piece = gdb_read_bytes_max(&d->client),
                                 .physical = d->client.physical};
    e = find_kernel(a);
    a->halted = d->client.stood;
    return e == ERR_OK && !a->halted ? go(a) : e;
}

/* --- operations --- */

/* The machine may have stopped by itself since the last call. */
static enum error notice_stop(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    enum error e = gdb_client_listen(&d->client, 0);
    if (e != ERR_OK)
        return client_failed(a, e);
    a->halted = a->halted || !d->client.running;
    return ERR_OK;
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

static enum error sel4_gdb_snapshot(struct attach *a)
{
    struct sel4_gdb *d = a->door;
    enum error e = notice_stop(a);
    if (e != ERR_OK)
        return e;
    return release(a, sel4_side_snapshot(a, &d->side, prepare, SNAPSHOT_TRIES));
}

/* A mainline kernel tells nothing of stops: only whether it runs. */
static enum error sel4_gdb_state(struct attach *a)
{
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        attach_note(a, a->halted ? ATTACH_STANDS : ATTACH_RUNS,
                    a->halted ? "the machine stands" : NULL);
    return e;
}

const struct attach_ops attach_sel4_gdb_ops = {
    .open = sel4_gdb_open,
    .close = sel4_gdb_close,
    .drop = sel4_gdb_drop,
    .state = sel4_gdb_state,
    .snapshot = sel4_gdb_snapshot,
    .halt = sel4_gdb_halt,
    .go = go,
};
