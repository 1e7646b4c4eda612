/* The gdb door: reads the kernel's memory through a GDB stub while the machine stands still.
 *
 * Where the machine is stopped matters: a ^C may land in the middle of a kernel operation.  The
 * kernel takes no interrupts while it works, so a stop in user mode, in the idle thread, or inside
 * the debugger's own stop finds capability state whole; at any other place the machine runs on for
 * a moment and is stopped again. */
#include "attach/door.h"

#include "attach/gather.h"
#include "attach/gdb_door.h"
#include "attach/guard.h"
#include "attach/pages.h"
#include "attach/reverse.h"
#include "attach/walk.h"

#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SOCKET = 4096,
    BLOCK_SERIAL = 512, /* a byte costs 0.17 ms at 115200 baud */
    BLOCK_TOLD = 256,   /* from a kernel that tells its state itself little else is read */
    BLOCK_BAD = 512,    /* a line that loses bytes costs more for each */
    QUIET_TRIES = 64,
    SNAPSHOT_TRIES = 8,
    TELLINGS = 16,             /* of one snapshot, over a line that loses some of each */
    READING_SOCKET_MS = 60000, /* all reading of one operation, however steadily answers come */
    READING_SERIAL_MS = 900000,
    LEASE_S = 5,      /* of a stop in which we only look */
    FIND_MS = 300000, /* a search through a recorded run */
};

struct gdb_door {
    struct gdb_client client;
    struct pages pages;
    struct memview view;
    struct walker *walk; /* NULL until the kernel was found */
    deadline_t until;    /* of the reading under way */
    bool ours;           /* attach_halt() stopped it */
    bool boots;          /* at the last stop it executed what stands before the kernel */
    bool booted;         /* then: a program or the idle thread ran */
    bool perhaps_old;    /* the kernel was found before that: memory may be of a run before */
    bool distrusted;     /* the line: what is read is checked from now on */
    const struct attach *attach; /* whose door it is; shared with the guard as well */
    struct guard guard;
};

static enum error client_failed(struct attach *a, enum error e)
{
    const struct gdb_door *d = a->door;
    return attach_fail(a, e, "%s", d->client.trouble);
}

/* --- the view --- */

/* Memory at an address of the kernel's, past the cache. */
static enum error read_wire(struct gdb_door *d, uint64_t addr, void *buf, uint32_t len)
{
    uint64_t physical;
    if (!walker_window_physical(&walker_capscope_window, addr, len, &physical))
        return ERR_READ;
    return gdb_client_read(&d->client, d->client.physical ? physical : addr, buf, len);
}

/* A block that cannot be read whole (the end of memory), or that changes while it is read (a buffer
 * of the stub lies in it), is not kept. */
static enum error load_block(struct attach *a, uint64_t addr, uint8_t **out)
{
    struct gdb_door *d = a->door;
    uint64_t base = addr & ~((uint64_t)d->pages.block - 1);
    *out = pages_find(&d->pages, addr);
    if (*out)
        return ERR_OK;
    if (deadline_left(d->until) == 0)
        return attach_fail(a, ERR_TIMEOUT, "the stub answers too slowly to read a whole state");
    uint8_t bytes[BLOCK_SOCKET];
    enum error e = read_wire(d, base, bytes, d->pages.block);
    if (e != ERR_OK)
        return e == ERR_READ || e == ERR_TORN ? e : client_failed(a, e);
    *out = pages_add(&d->pages, addr);
    if (!*out)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    memcpy(*out, bytes, d->pages.block);
    return ERR_OK;
}

static enum error view_read(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    struct attach *a = ctx;
    struct gdb_door *d = a->door;
    uint8_t *to = buf;
    while (len > 0) {
        uint8_t *block = NULL;
        uint32_t offset = (uint32_t)(addr & (d->pages.block - 1));
        uint32_t n = d->pages.block - offset < len ? d->pages.block - offset : len;
        enum error e = load_block(a, addr, &block);
        if (e == ERR_OK) {
            memcpy(to, block + offset, n);
        } else if (e == ERR_READ || e == ERR_TORN) {
            e = read_wire(d, addr, to, n);
            if (e != ERR_OK && e != ERR_READ) /* ERR_READ is a finding to the walker */
                client_failed(a, e);
        }
        if (e != ERR_OK)
            return e;
        addr += n;
        to += n;
        len -= n;
    }
    return ERR_OK;
}

/* For short reads here and there, and while the machine moves between two. */
static enum error read_uncached(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    struct attach *a = ctx;
    struct gdb_door *d = a->door;
    enum error e = read_wire(d, addr, buf, len);
    return e == ERR_OK || e == ERR_READ ? e : client_failed(a, e);
}

/* --- stop and go --- */

/* The stub in the kernel lets the machine go on when we fall silent while it stands for us: we may be
 * killed.  It keeps that in mind for each stop to come.  0: this stop lasts until somebody lets the
 * machine go on. */
static enum error lease(struct gdb_door *d, uint32_t seconds)
{
    char request[32];
    if (!gdb_client_offers(&d->client, "capscope-lease+"))
        return ERR_OK;
    snprintf(request, sizeof(request), "QCapscope.lease:%x", seconds);
    return gdb_client_ask(&d->client, request, deadline_in(GDB_REPLY_MS));
}

static enum error stop(struct attach *a)
{
    struct gdb_door *d = a->door;
    enum error e = gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

static enum error go(struct attach *a)
{
    struct gdb_door *d = a->door;
    enum error e = ERR_OK;
    pages_drop(&d->pages);
    d->ours = false;
    if (d->client.running)
        return ERR_OK;
    if (reverse_possible(&d->client))
        e = reverse_guard_end(&d->client, deadline_in(GDB_REPLY_MS));
    if (e == ERR_OK)
        e = gdb_client_resume(&d->client, deadline_in(GDB_REPLY_MS));
    return e == ERR_OK ? e : client_failed(a, e);
}

/* Listens while the machine runs.  A stop that is neither the answer to our ^C nor at anything that was
 * armed here is somebody else's: leaving does not end it. */
static enum error hear_stop(struct attach *a, deadline_t deadline)
{
    struct gdb_door *d = a->door;
    bool ran = d->client.running && !d->client.halting;
    enum error e = gdb_client_listen(&d->client, deadline);
    if (e != ERR_OK)
        return client_failed(a, e);
    if (ran && !d->client.running && !a->commanding && attach_armed_by_us(a) == 0)
        d->client.stood = true;
    return ERR_OK;
}

/* Lets the machine run for a moment.  If it stops by itself meanwhile, at a breakpoint, the stop
 * belongs to whoever set that: it counts as halted. */
static enum error run_for(struct attach *a, int64_t ms)
{
    struct gdb_door *d = a->door;
    enum error e = go(a);
    if (e != ERR_OK)
        return e;
    e = hear_stop(a, deadline_in(ms));
    a->halted = !d->client.running;
    return e;
}

/* In a privileged mode: at an exception vector the kernel has done nothing yet.  Where the kernel has no
 * addresses, what loads it is at work, and memory still shows the run before. */
static bool is_quiet_inside(struct gdb_door *d, uint64_t mode)
{
    const struct processor *p = d->client.processor;
    uint64_t pc = 0;
    bool idle = (mode & p->mode_mask) == PROCESSOR_MODE_IDLE;
    bool told = !idle && gdb_client_register(&d->client, p->pc, &pc) == ERR_OK;
    d->boots = told && pc < walker_capscope_window.address;
    return !d->boots &&
           ((told && processor_is_at_vector(p, pc)) || (d->walk && walk_is_whole(d->walk)));
}

/* Does the machine stand at a place where capability state is whole? A stub that tells no mode is taken
 * at its word: the walk is checked anyway. */
static enum error is_quiet(struct attach *a, bool *quiet)
{
    struct gdb_door *d = a->door;
    uint64_t mode = 0;
    enum error e = gdb_client_mode(&d->client, &mode);
    d->boots = false;
    if (e != ERR_OK && e != ERR_UNSUPPORTED)
        return client_failed(a, e);
    const struct processor *p = d->client.processor;
    bool user = e == ERR_UNSUPPORTED || processor_is_user(p, mode);
    d->booted = user || (mode & p->mode_mask) == PROCESSOR_MODE_IDLE;
    *quiet = user || is_quiet_inside(d, mode);
    return ERR_OK;
}

/* Stops the machine at a quiet place if it can be found; *quiet tells. */
static enum error stop_quietly(struct attach *a, bool *quiet)
{
    enum error e = stop(a);
    for (unsigned i = 0; e == ERR_OK && i < QUIET_TRIES; i++) {
        e = is_quiet(a, quiet);
        if (e != ERR_OK || *quiet || a->halted)
            return e;
        e = run_for(a, i % 4);
        if (e == ERR_OK)
            e = stop(a);
    }
    return e;
}

static enum error gdb_halt(struct attach *a)
{
    struct gdb_door *d = a->door;
    bool quiet;
    enum error e = stop_quietly(a, &quiet);
    if (e == ERR_OK && lease(d, 0) != ERR_OK)
        e = client_failed(a, ERR_IO);
    d->ours = e == ERR_OK;
    return e;
}

/* --- opening and closing --- */

/* The target of a line that was lost while the machine stood because we had stopped it: over the next
 * line it goes on. */
static char lost[ATTACH_ERROR_MAX];

static bool is_leased(const struct gdb_client *c)
{
    return gdb_client_offers(c, "capscope-lease+");
}

/* Where a replay stands was somebody's aim; the stub in the kernel sees to it itself. */
static bool is_let_go(const struct gdb_client *c)
{
    return !c->stood && !reverse_possible(c) && !is_leased(c);
}

/* If it stands: a stop of ours may have been under way. */
static bool stands_for_us(const struct attach *a, const struct gdb_door *d)
{
    if (!is_leased(&d->client))
        return is_let_go(&d->client);
    return !d->client.stood && (d->ours || attach_armed_by_us(a));
}

static bool is_held(const struct gdb_door *d)
{
    return gdb_client_holds(&d->client) && is_let_go(&d->client);
}

static void gdb_drop(struct attach *a)
{
    struct gdb_door *d = a->door;
    if (!d)
        return;
    guard_dismiss(&d->guard);
    if (is_held(d) && (d->client.met || transport_has_ended(&d->client.line)))
        snprintf(lost, sizeof(lost), "%s", a->name);
    transport_close(&d->client.line);
    pages_drop(&d->pages);
    walker_close(d->walk);
    guard_unshare(d, sizeof(*d));
    a->door = NULL;
}

static enum error ignore_text(void *ctx, const char *bytes, size_t len)
{
    (void)ctx, (void)bytes, (void)len;
    return ERR_OK;
}

/* Stops that were armed through this door would stop the machine with nobody there to see it. */
static void disarm(struct attach *a)
{
    struct gdb_door *d = a->door;
    uint32_t armed = a->keeps_stops ? 0 : a->state.armed & a->state.armed_here;
    if (armed == 0 || gdb_client_stop(&d->client, deadline_in(GDB_STOP_MS)) != ERR_OK)
        return;
    for (unsigned i = 0; i < 32; i++) {
        char line[32];
        snprintf(line, sizeof(line), "delete %u", i + 1);
        if (armed >> i & 1)
            (void)gdb_client_command(&d->client, line, ignore_text, NULL,
                                     deadline_in(GDB_REPLY_MS));
    }
}

static uint32_t block_of(const struct attach *a)
{
    const struct gdb_door *d = a->door;
    if (d->distrusted)
        return BLOCK_BAD;
    return a->target.line == LINE_SERIAL ? (uint32_t)BLOCK_SERIAL : (uint32_t)BLOCK_SOCKET;
}

static enum error make_door(struct attach *a)
{
    struct gdb_door *d = guard_share(sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->guard.fd = -1;
    gdb_client_init(&d->client);
    d->view = (struct memview){.read = view_read, .ctx = a};
    pages_init(&d->pages, block_of(a));
    return ERR_OK;
}

static enum error meet_stub(struct attach *a)
{
    char why[128];
    struct gdb_door *d = a->door;
    enum error e = transport_open(&d->client.line, &a->target, deadline_in(ATTACH_DEADLINE_MS), why,
                                  sizeof(why));
    if (e != ERR_OK)
        return attach_fail(a, e, "%s", why);
    e = gdb_client_begin(&d->client, deadline_in(ATTACH_DEADLINE_MS));
    if (e != ERR_OK)
        return client_failed(a, e);
    if (strcmp(lost, a->name) == 0)
        d->client.stood = false;
    lost[0] = '\0';
    return ERR_OK;
}

/* A machine that a line left standing when it died is let go over another one. */
static void reach_again(struct attach *a)
{
    const struct gdb_door *d = a->door;
    if (d && (a->state.being == ATTACH_GONE || transport_has_ended(&d->client.line)))
        gdb_drop(a);
    if (!a->door && strcmp(lost, a->name) == 0 && make_door(a) == ERR_OK)
        (void)meet_stub(a);
}

static void gdb_close(struct attach *a)
{
    reach_again(a);
    struct gdb_door *d = a->door;
    if (!d)
        return;
    d->client.stood |= reverse_possible(&d->client); /* where a replay stands was somebody's aim */
    bool perhaps = stands_for_us(a, d), confirmed = true;
    if (d->client.line.fd >= 0) {
        disarm(a);
        confirmed = gdb_client_end(&d->client, a->state.being == ATTACH_UNREACHABLE);
    }
    if (perhaps && !confirmed && guard_take_over(&d->guard))
        snprintf(
            a->parting, sizeof(a->parting),
            "%s: gave no answer when we left: it may stand because of us; a process that stays "
            "behind lets it go when it answers",
            a->name);
    gdb_drop(a);
}

/* In the guard.  Of the door only what was in it itself can be looked at here.  Also a machine that
 * runs is met: the stub is to take addresses again as it did.  The one in the kernel lets go by itself,
 * but what was armed and what was to last. */
static void after_our_end(void *ctx)
{
    const struct gdb_door *d = ctx;
    const struct attach *left = d->attach;
    uint32_t armed = attach_armed_by_us(left);
    bool ours = stands_for_us(left, d);
    struct attach a = {.name = left->name, .target = left->target};
    if (is_leased(&d->client) && !ours && !armed)
        return;
    transport_protect(true);
    if (make_door(&a) != ERR_OK)
        return;
    ((struct gdb_door *)a.door)->client.passing = true;
    snprintf(lost, sizeof(lost), "%s", ours ? a.name : "");
    (void)meet_stub(&a);
    a.state.armed = a.state.armed_here = armed; /* nothing was heard over the line to come */
    gdb_close(&a);
}

static bool tells_state(const struct gdb_door *d)
{
    return gdb_client_offers(&d->client, "capscope-snapshot+");
}

static void set_block(struct gdb_door *d, uint32_t block)
{
    pages_drop(&d->pages);
    pages_init(&d->pages, block);
}

/* Has the line shown just now that it cannot be trusted? Then what was read before is worth
 * nothing. */
static bool turned_bad(struct gdb_door *d)
{
    if (d->client.troubles == 0 || d->distrusted)
        return false;
    d->distrusted = true;
    set_block(d, BLOCK_BAD);
    return true;
}

static void reading_begins(struct attach *a)
{
    struct gdb_door *d = a->door;
    bool serial = a->target.line == LINE_SERIAL;
    d->until = deadline_in(serial ? READING_SERIAL_MS : READING_SOCKET_MS);
}

/* Where the stub in the kernel says that the roots are; 0: it is another stub, or they are not
 * there yet. */
static uint32_t told_roots(struct gdb_door *d)
{
    uint32_t at = 0;
    if (!gdb_client_offers(&d->client, "capscope-roots+") ||
        gdb_client_ask(&d->client, "qCapscope.roots", deadline_in(GDB_REPLY_MS)) != ERR_OK)
        return 0;
    struct gdb_text t = gdb_text_of(&d->client.decoder);
    return gdb_text_take(&t, 'm') && gdb_text_number(&t, &at) ? at : 0;
}

/* A search takes some thousand packets, so the kernel is asked first. */
static enum error open_walk(struct attach *a)
{
    struct gdb_door *d = a->door;
    struct memview probe = {.read = read_uncached, .ctx = a};
    uint32_t at = told_roots(d);
    return at ? walk_open_at(a, &d->view, at, &d->walk) : walk_open(a, &d->view, &probe, &d->walk);
}

/* A machine that is booting has no roots yet. */
static enum error find_roots(struct attach *a)
{
    struct gdb_door *d = a->door;
    deadline_t deadline = deadline_in(WALK_PATIENCE_MS);
    reading_begins(a);
    for (;;) {
        enum error e = open_walk(a);
        if (turned_bad(d))
            e = open_walk(a);
        /* memory that is still being filled may hold the magic number and nothing behind it */
        bool quiet, may_boot = e == ERR_NO_ROOTS || e == ERR_VERSION;
        if (e == ERR_OK && is_quiet(a, &quiet) == ERR_OK) {
            may_boot = d->boots;
            d->perhaps_old = !d->booted;
        }
        if (!may_boot || d->client.stood || deadline_left(deadline) == 0)
            return e;
        e = run_for(a, WALK_PAUSE_MS);
        if (e == ERR_OK)
            e = stop(a);
        if (e != ERR_OK)
            return e;
    }
}

/* The stub in the kernel runs inside its debugger: that the machine is there while we read says
 * nothing. */
static bool is_kernels_stub(const struct gdb_client *c)
{
    return strstr(c->features, "capscope-snapshot+");
}

/* The machine stands, and says how it was found. */
static void note_state(struct attach *a)
{
    struct gdb_door *d = a->door;
    struct memview view = {.read = read_uncached, .ctx = a};
    char why[64];
    snprintf(why, sizeof(why), "a debugger stopped it (%.3s)",
             d->client.stop[0] ? d->client.stop : "T05");
    d->walk->view = &view;
    walk_note_state(a, d->walk, a->halted, why);
    d->walk->view = &d->view;
    if (!a->halted && is_kernels_stub(&d->client))
        attach_note(a, ATTACH_RUNS, NULL);
    a->state.ours = a->halted && !d->client.stood && d->ours;
    if (!reverse_possible(&d->client) || !a->halted)
        return;
    attach_note(a, ATTACH_REPLAYS, NULL);
    (void)reverse_count(&d->client, &a->state.instruction, deadline_in(GDB_REPLY_MS));
}

static enum error gdb_open(struct attach *a)
{
    enum error e = make_door(a);
    struct gdb_door *d = a->door;
    if (e != ERR_OK)
        return e;
    d->attach = a;
    guard_post(&d->guard, after_our_end, d);
    e = meet_stub(a);
    if (e != ERR_OK)
        return e;
    if (tells_state(d))
        set_block(d, BLOCK_TOLD);
    if (lease(d, LEASE_S) != ERR_OK)
        return client_failed(a, ERR_IO);
    e = find_roots(a);
    a->halted = d->client.stood;
    if (e == ERR_OK)
        note_state(a);
    return e == ERR_OK && !a->halted ? go(a) : e;
}

/* --- reading --- */

/* The machine may have stopped by itself since the last call (run_for()). */
static enum error notice_stop(struct attach *a)
{
    struct gdb_door *d = a->door;
    reading_begins(a);
    enum error e = hear_stop(a, 0);
    if (e == ERR_OK)
        a->halted = a->halted || !d->client.running;
    return e;
}

static enum error stop_to_read(struct attach *a, int64_t after_ms, bool *stopped)
{
    if (!a->halted && after_ms > 0) {
        enum error e = run_for(a, after_ms);
        if (e != ERR_OK)
            return e;
    }
    return a->halted ? is_quiet(a, stopped) : stop_quietly(a, stopped);
}

/* Who stands outside the kernel may be its wild jump, too: then memory is all there is. */
static enum error follow_boot(struct attach *a, bool patient)
{
    bool anew;
    struct gdb_door *d = a->door;
    enum error e = patient && d->boots && !a->halted ? ERR_NO_ROOTS : walker_follow(d->walk, &anew);
    return e == ERR_READ ? ERR_OK : e; /* a finding to the walk */
}

/* Stops the machine and takes up the boot that it is in; a kernel that begins is waited for. */
static enum error prepare(struct attach *a, unsigned attempt, bool *stopped)
{
    deadline_t deadline = deadline_in(WALK_PATIENCE_MS);
    struct gdb_door *d = a->door;
    enum error e = stop_to_read(a, attempt, stopped);
    if (e == ERR_OK && d->perhaps_old && d->booted) {
        d->perhaps_old = false;
        e = open_walk(a);
    }
    if (e == ERR_OK)
        e = follow_boot(a, true);
    while (walk_begins(e) && !a->halted && deadline_left(deadline) > 0) {
        e = stop_to_read(a, WALK_PAUSE_MS, stopped);
        if (e == ERR_OK)
            e = follow_boot(a, true);
    }
    if (walk_begins(e))
        e = follow_boot(a, false);
    return walk_begins(e) ? open_walk(a) : e;
}

/* Back to how it was; the first error counts. */
static enum error release(struct attach *a, enum error e)
{
    char kept[ATTACH_ERROR_MAX];
    memcpy(kept, a->error, sizeof(kept));
    enum error after = a->halted ? ERR_OK : go(a);
    if (after == ERR_NOT_FOUND) { /* a replay has come to its end meanwhile */
        a->halted = true;
        after = ERR_OK;
    }
    if (e == ERR_OK)
        return after;
    memcpy(a->error, kept, sizeof(kept));
    return e;
}

/* --- the state as the stub in the kernel tells it --- */

struct told {
    struct frame_decoder frames;
    struct gather gathered;
};

static enum error put_frames(void *ctx, const uint8_t *bytes, size_t len)
{
    struct told *t = ctx;
    for (size_t i = 0; i < len; i++) {
        if (frame_decoder_put(&t->frames, bytes[i]) != FRAME_READY)
            continue;
        enum error e = gather_put(&t->gathered, &t->frames);
        if (e != ERR_OK && e != ERR_CORRUPT) /* it begins anew */
            return e;
    }
    return ERR_OK;
}

/* The kernel stands, so what is missing of one telling comes with the next. */
static enum error collect(struct attach *a, struct told *t)
{
    struct gdb_door *d = a->door;
    enum error e = ERR_OK;
    for (unsigned i = 0; i < TELLINGS && e == ERR_OK && !gather_is_complete(&t->gathered); i++)
        e = gdb_client_collect(&d->client, "qCapscope.snapshot", put_frames, t, d->until);
    if (e == ERR_OK && !gather_is_complete(&t->gathered))
        e = ERR_SEQUENCE;
    if (e == ERR_OK)
        e = gather_deliver(&t->gathered, &a->stream);
    if (e == ERR_OK)
        e = stream_unpack(&a->stream);
    return e == ERR_OK ? stream_check(&a->stream) : e;
}

/* Anything but ERR_OK: it is to be read from memory. */
static enum error snapshot_told(struct attach *a)
{
    struct gdb_door *d = a->door;
    bool stopped = false;
    if (!tells_state(d))
        return ERR_UNSUPPORTED;
    enum error e = stop_to_read(a, 0, &stopped);
    struct told *t = calloc(1, sizeof(*t));
    if (!t || e != ERR_OK || !stopped) {
        free(t);
        return ERR_UNSUPPORTED;
    }
    frame_decoder_init(&t->frames);
    gather_init(&t->gathered);
    e = collect(a, t);
    gather_clear(&t->gathered);
    free(t);
    return e;
}

/* What was read before the line has shown itself to be bad is read again. */
static enum error snapshot_read(struct attach *a)
{
    struct gdb_door *d = a->door;
    enum error e = walk_settled(a, &d->walk, prepare, false, SNAPSHOT_TRIES);
    if (turned_bad(d) && e != ERR_CLOSED && e != ERR_IO)
        e = walk_settled(a, &d->walk, prepare, false, SNAPSHOT_TRIES);
    return e;
}

/* What the kernel tells comes in frames whose checksums a bad line does not pass. */
static enum error gdb_snapshot(struct attach *a)
{
    struct gdb_door *d = a->door;
    enum error e = notice_stop(a);
    if (e != ERR_OK)
        return e;
    e = snapshot_told(a);
    if (e != ERR_OK && e != ERR_TIMEOUT) { /* a stub that fell silent is greeted anew */
        set_block(d, block_of(a));
        e = snapshot_read(a);
    }
    if (e == ERR_OK)
        note_state(a);
    return release(a, e);
}

static enum error gdb_state(struct attach *a)
{
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        e = stop(a);
    if (e != ERR_OK)
        return e;
    note_state(a);
    return release(a, ERR_OK);
}

/* --- back in time --- */

static enum error gdb_find(struct attach *a, enum attach_goal goal, uint64_t slot,
                           struct attach_moment *out)
{
    struct gdb_door *d = a->door;
    if (!reverse_possible(&d->client))
        return attach_fail(a, ERR_UNSUPPORTED,
                           "this machine is not a replay: only a recorded run goes back "
                           "(scripts/run-record, scripts/run-replay)");
    enum error e = gdb_halt(a);
    if (e != ERR_OK)
        return e;
    a->halted = true;
    struct memview view = {.read = read_uncached, .ctx = a};
    d->walk->view = &view;
    e = reverse_find(&d->client, d->walk, goal, slot, out, deadline_in(FIND_MS));
    d->walk->view = &d->view;
    pages_drop(&d->pages);
    return e == ERR_OK ? e : client_failed(a, e);
}

/* --- commands of the stub in the kernel --- */

static enum error put_text(void *ctx, const char *bytes, size_t len)
{
    return text_put(ctx, bytes, len);
}

/* QEMU answers `monitor` commands too, with commands of its own; it is known by its physical mode.
 */
static bool gdb_can_command(const struct attach *a)
{
    const struct gdb_door *d = a->door;
    return !d->client.physical;
}

static enum error gdb_command(struct attach *a, const char *line, char **text)
{
    struct gdb_door *d = a->door;
    struct text collected = {0};
    if (!gdb_can_command(a))
        return attach_fail(a, ERR_UNSUPPORTED, "this stub has no monitor commands of the kernel");
    enum error e = notice_stop(a);
    if (e == ERR_OK)
        e = stop(a);
    if (e != ERR_OK)
        return e;
    pages_drop(&d->pages); /* a command may arm a stop */
    e = gdb_client_command(&d->client, line, put_text, &collected, deadline_in(ATTACH_DEADLINE_MS));
    if (e == ERR_BOUND && collected.used > 0)
        attach_fail(a, e, "%s: the answer is longer than %d MiB", line, TEXT_MAX >> 20);
    else if (e != ERR_OK)
        client_failed(a, e);
    else
        note_state(a);
    e = release(a, e);
    char *taken = e == ERR_OK ? text_take(&collected) : NULL;
    text_fini(&collected);
    if (e != ERR_OK)
        return e;
    if (!taken)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    *text = taken;
    return ERR_OK;
}

const struct attach_ops attach_gdb_ops = {
    .open = gdb_open,
    .close = gdb_close,
    .drop = gdb_drop,
    .state = gdb_state,
    .snapshot = gdb_snapshot,
    .halt = gdb_halt,
    .go = go,
    .command = gdb_command,
    .can_command = gdb_can_command,
    .find = gdb_find,
};

/* --- for the proxy --- */

static struct gdb_client *proxy_client(struct attach *a)
{
    struct gdb_door *d = a->door;
    return &d->client;
}

static void proxy_forgets(struct attach *a)
{
    struct gdb_door *d = a->door;
    pages_drop(&d->pages);
}

static enum error proxy_is_user(struct attach *a, uint64_t pc, bool *yes)
{
    struct gdb_door *d = a->door;
    uint64_t mode = 0;
    (void)pc;
    enum error e = gdb_client_mode(&d->client, &mode);
    *yes = e == ERR_OK && processor_is_user(d->client.processor, mode);
    return e;
}

static enum error proxy_current(struct attach *a, uint64_t *tcb)
{
    struct gdb_door *d = a->door;
    struct walker_moment m;
    enum error e = walker_moment(d->walk, &m);
    *tcb = e == ERR_OK ? m.thread : 0;
    return e;
}

static enum error proxy_registers(struct attach *a, const struct record_thread *t,
                                  struct walker_registers *out)
{
    struct gdb_door *d = a->door;
    return walker_registers(d->walk, t->addr, out);
}

static uint64_t proxy_user_top(struct attach *a)
{
    (void)a;
    return walker_capscope_window.user_top;
}

/* The window alone: stacks and device pages of the kernel are seen by the processor only. */
static bool proxy_physical(struct attach *a, uint64_t kaddr, uint64_t *out)
{
    const struct walker_window *w = &walker_capscope_window;
    (void)a;
    return kaddr >= w->address && walker_window_physical(w, kaddr, 1, out);
}

bool gdb_door_is_of_events(const char *line)
{
    static const char *const words[] = {"break", "step", "finish", "delete", "where"};
    size_t n = strcspn(line, " ");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (n == strlen(words[i]) && strncmp(line, words[i], n) == 0)
            return true;
    return false;
}

/* The kernel stops at its events by itself, for its own monitor and stub. */
static bool proxy_commands(struct attach *a, const char *line, struct text *text)
{
    static const char sentence[] = "this stub knows no capabilities: the kernel stops at them for "
                                   "its own stub on UART2 and its monitor on UART1 (docs/gdb.md)\n";
    struct gdb_door *d = a->door;
    if (!gdb_door_is_of_events(line) || gdb_client_offers(&d->client, "capscope-snapshot+"))
        return false;
    return text_put(text, sentence, sizeof(sentence) - 1) == ERR_OK;
}

const struct gdb_door_ops gdb_door_capscope = {
    .client = proxy_client,
    .forget = proxy_forgets,
    .is_user = proxy_is_user,
    .current = proxy_current,
    .registers = proxy_registers,
    .user_top = proxy_user_top,
    .physical = proxy_physical,
    .command = proxy_commands,
};
