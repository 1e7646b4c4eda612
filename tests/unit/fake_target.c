/* Fake stubs and monitors.  Both answer from a memory view and do wrong what they are told to. */
#include "tests/unit/fake_target.h"

#include "lib/bytes.h"
#include "objwalk/capscope/walk.h"
#include "record/codec.h"
#include "wire/machine.h"
#include "wire/gdb_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* --- the line --- */

static bool put(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK)
            n = write(fd, p, len); /* a terminal */
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool get(int fd, uint8_t *byte)
{
    return read(fd, byte, 1) == 1;
}

static bool due(unsigned every, unsigned n)
{
    return every != 0 && n % every == 0;
}

/* The faults that need no protocol. False: go on with it. */
static bool serve_mute(struct fake *f, int fd)
{
    uint8_t byte;
    if (f->faults.flood) {
        while (put(fd, f->faults.flood, strlen(f->faults.flood)))
            ;
        return true;
    }
    while (f->faults.silent && get(fd, &byte))
        ;
    return f->faults.silent;
}

/* --- gdb --- */

struct stub {
    struct fake *f;
    int fd;
    struct gdb_decoder in;
    bool running;
    bool owed;        /* an acknowledgement */
    bool interrupted; /* meanwhile */
    unsigned stops;
    unsigned requests;
    char answer[2 * GDB_PACKET_DATA];
};

static bool send_packet(struct stub *s, char mark, const char *data, bool spoil)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode(mark, data, (uint32_t)strlen(data), raw, sizeof(raw));
    if (spoil)
        raw[n - 1] = raw[n - 1] == '0' ? '1' : '0';
    return put(s->fd, raw, n);
}

static enum error read_patched(struct fake *f, uint32_t addr, uint8_t *to, uint32_t len)
{
    enum error e = memview_read(f->view, addr, to, len);
    uint32_t value = f->faults.patch_value + (f->faults.patch_moves ? f->resumes << 4 : 0);
    for (uint32_t i = 0; e == ERR_OK && f->faults.patch_at && i < 4; i++)
        if (f->faults.patch_at + i - addr < len)
            to[f->faults.patch_at + i - addr] = (uint8_t)(value >> (8 * i));
    return e;
}

static void answer_memory(struct stub *s, struct gdb_text t)
{
    uint8_t bytes[GDB_PACKET_DATA / 2];
    uint32_t addr, len;
    strcpy(s->answer, "E01");
    if (!gdb_text_number(&t, &addr) || !gdb_text_take(&t, ',') || !gdb_text_number(&t, &len) ||
        len > sizeof(bytes))
        return;
    if (s->f->faults.memory) {
        strcpy(s->answer, s->f->faults.memory);
        return;
    }
    if (s->f->faults.short_reads && len > 1)
        len /= 2;
    if (read_patched(s->f, addr, bytes, len) == ERR_OK)
        s->answer[gdb_hex_put(s->answer, bytes, len)] = '\0';
}

static uint32_t cpsr_now(const struct stub *s)
{
    unsigned torn = s->f->faults.torn_stops;
    return torn != 0 && s->stops <= torn ? 0x13 : 0x10;
}

static void answer_registers(struct stub *s)
{
    uint8_t regs[168] = {0};
    put_le32(regs + 164, cpsr_now(s));
    s->answer[gdb_hex_put(s->answer, regs, sizeof(regs))] = '\0';
}

static void answer_cpsr(struct stub *s)
{
    uint8_t cpsr[4];
    put_le32(cpsr, cpsr_now(s));
    s->answer[gdb_hex_put(s->answer, cpsr, 4)] = '\0';
}

static void answer_command(struct stub *s, struct gdb_text t)
{
    static const char text[] = "one line\n";
    (void)t;
    char packet[64] = "O";
    packet[1 + gdb_hex_put(packet + 1, text, sizeof(text) - 1)] = '\0';
    send_packet(s, '$', packet, false);
    strcpy(s->answer, "OK");
}

static void make_answer(struct stub *s)
{
    const struct fake_faults *faults = &s->f->faults;
    struct gdb_text t = gdb_text_of(&s->in);
    s->answer[0] = '\0';
    if (gdb_text_take(&t, '?'))
        strcpy(s->answer, faults->status      ? faults->status
                          : faults->stands    ? "T05"
                          : faults->processes ? "T02thread:p01.01;"
                                              : "T02thread:01;");
    else if (gdb_text_take_word(&t, "qSupported"))
        strcpy(s->answer, faults->features ? faults->features : "PacketSize=400;swbreak+");
    else if (gdb_text_take_word(&t, "qRcmd,"))
        answer_command(s, t);
    else if (gdb_text_take(&t, 'm'))
        answer_memory(s, t);
    else if (gdb_text_take(&t, 'g') && !faults->no_registers)
        answer_registers(s);
    else if (gdb_text_take_word(&t, "p19") && !faults->legacy_registers && !faults->no_registers)
        answer_cpsr(s);
    else if (gdb_text_take(&t, 'D')) {
        bool named = !faults->processes || gdb_text_take_word(&t, ";1");
        strcpy(s->answer, named ? "OK" : "E22");
        s->f->detached = named;
        s->f->detaches++;
    }
}

static bool say_between(struct stub *s)
{
    const struct fake_faults *faults = &s->f->faults;
    unsigned n = s->f->answers;
    return (!due(faults->stop_every, n) || send_packet(s, '$', "T05thread:01;", false)) &&
           (!due(faults->notify_every, n) || send_packet(s, '%', "Stop:T05", false)) &&
           (!due(faults->noise_every, n) || put(s->fd, "noise", 5));
}

/* A byte lost and one doubled: two errors that the sum does not tell. */
static void forge(struct stub *s)
{
    size_t n = strlen(s->answer), at = 0;
    while (at + 1 < n && s->answer[at] == s->answer[at + 1])
        at++;
    if (at + 1 >= n)
        return;
    char c = s->answer[at];
    s->answer[at] = s->answer[at + 1];
    s->answer[at + 1] = c;
}

static bool request(struct stub *s)
{
    struct fake *f = s->f;
    if (s->requests < f->faults.deaf) {
        s->requests++;
        return true;
    }
    if (due(f->faults.nak_every, ++s->requests) && put(s->fd, "-", 1))
        return true;
    if (due(f->faults.miss_every, s->requests))
        return true;
    if (!put(s->fd, "+", 1))
        return false;
    if (s->in.data[0] == 'c') {
        s->running = true;
        f->resumes++;
        s->owed = f->faults.talks;
        return !s->owed || send_packet(s, '$', "O756e68", false);
    }
    f->answers++;
    if (f->faults.close_after && f->answers > f->faults.close_after)
        return false;
    make_answer(s);
    if (s->in.data[0] == 'm' && due(f->faults.forge_every, f->answers))
        forge(s);
    if (due(f->faults.lose_every, f->answers) || (f->faults.mute_detach && s->in.data[0] == 'D'))
        return true;
    return say_between(s) &&
           send_packet(s, '$', s->answer, due(f->faults.checksum_every, f->answers));
}

static bool stub_event(struct stub *s, enum gdb_event event)
{
    switch (event) {
    case GDB_PACKET:
        return request(s);
    case GDB_NAK:
        return send_packet(s, '$', s->answer, false);
    case GDB_INTERRUPT:
        if (!s->running)
            return true;
        s->running = false;
        s->stops++;
        return send_packet(s, '$', "T02thread:01;", false);
    default:
        return true;
    }
}

/* As OpenOCD does: one ^C may come ahead of the '+'. */
static bool acknowledgement(struct stub *s, uint8_t byte)
{
    bool interrupt = byte == 0x03 && !s->interrupted;
    s->interrupted = s->interrupted || interrupt;
    if (interrupt || byte != '+')
        return interrupt;
    s->owed = false;
    interrupt = s->interrupted;
    s->interrupted = false;
    return !interrupt || stub_event(s, GDB_INTERRUPT);
}

void fake_gdb(struct fake *f, int fd)
{
    struct stub *s = calloc(1, sizeof(*s));
    uint8_t byte;
    s->f = f;
    s->fd = fd;
    s->running = f->faults.runs_at_first;
    gdb_decoder_init(&s->in, false);
    bool open = s->running || serve_mute(f, fd) || f->faults.stands ||
                send_packet(s, '$', "T02thread:01;", false);
    while (open && get(fd, &byte)) {
        if (s->owed) {
            open = acknowledgement(s, byte);
            continue;
        }
        if (s->running && byte != 0x03)
            f->violations++;
        open = stub_event(s, gdb_decoder_put(&s->in, byte));
    }
    f->left_running = s->running;
    free(s);
}

/* --- monitor --- */

struct teller {
    struct fake *f;
    int fd;
    struct record_codec codec;
    uint8_t payload[FRAME_PAYLOAD];
    uint32_t used;
    uint16_t sequence;
    uint8_t kind;
    unsigned frames; /* of this snapshot, from 1 */
    bool open;
};

static void put_frame(struct teller *t, uint8_t kind)
{
    const struct fake_faults *faults = &t->f->faults;
    bool snapshot = kind <= FRAME_SNAPSHOT_END;
    bool spoil = snapshot && (faults->always || t->f->snapshots == 1);
    uint8_t raw[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(kind, t->sequence++, t->payload, t->used, raw);
    t->used = 0;
    t->frames += snapshot;
    if (spoil && faults->drop == t->frames)
        return;
    if (snapshot && faults->holes && (t->frames + t->f->snapshots) % 3 != 0)
        return;
    if (spoil && faults->flip == t->frames)
        raw[n / 2] ^= 0x40;
    if (faults->chatty)
        t->open &= put(t->fd, faults->chatty, strlen(faults->chatty));
    t->open &= put(t->fd, raw, n);
    if (spoil && faults->repeat == t->frames)
        t->open &= put(t->fd, raw, n);
}

static enum error tell_record(void *ctx, const struct record *record)
{
    struct teller *t = ctx;
    struct record r = *record;
    uint8_t bytes[RECORD_MAX_BYTES];
    if (r.kind == RECORD_END)
        r.end.slots += t->f->faults.miscount;
    if (r.kind == RECORD_SNAPSHOT && t->f->faults.format)
        r.snapshot.format = t->f->faults.format;
    uint32_t n = record_encode(&t->codec, &r, bytes);
    if (t->used + n > sizeof(t->payload) || r.kind == RECORD_END) {
        put_frame(t, t->kind);
        t->kind = FRAME_RECORDS;
    }
    memcpy(t->payload + t->used, bytes, n);
    t->used += n;
    if (r.kind == RECORD_END)
        put_frame(t, FRAME_SNAPSHOT_END);
    return t->open ? ERR_OK : ERR_CLOSED;
}

static void tell_snapshot(struct teller *t)
{
    static struct objwalk walk[16]; /* too large for a thread's stack; one a fake at a time */
    static unsigned next;
    struct objwalk *w = &walk[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % 16];
    kaddr_t roots = 0;
    t->f->snapshots++;
    t->frames = 0;
    t->sequence = 0;
    t->kind = FRAME_SNAPSHOT_BEGIN;
    record_codec_init(&t->codec);
    if (objwalk_find_roots(t->f->view, KERNEL_PHYS_BASE, &roots) == ERR_OK &&
        objwalk_open(w, t->f->view, roots) == ERR_OK)
        objwalk_snapshot(w, SNAPSHOT_STOPPED, tell_record, t);
}

/* A frame of an answer: its number, then what is in t->payload behind it. */
static void put_answer(struct teller *t, uint32_t id)
{
    memmove(t->payload + MACHINE_ID_BYTES, t->payload, t->used);
    put_le32(t->payload, id);
    t->used += MACHINE_ID_BYTES;
    put_frame(t, FRAME_ANSWER);
}

static void tell_lines(struct teller *t, uint32_t id, const char *text, unsigned lines)
{
    struct record r = {.kind = RECORD_TEXT};
    r.text.text.length = (uint8_t)strlen(text);
    memcpy(r.text.text.bytes, text, strlen(text) + 1);
    while (lines-- > 0) {
        t->used += record_encode(&t->codec, &r, t->payload + t->used);
        if (lines == 0 || t->used + RECORD_MAX_BYTES > 1000)
            put_answer(t, id);
    }
}

static void tell_state(struct teller *t)
{
    const struct fake *f = t->f;
    struct machine_state s = {.flags = f->halted ? (uint32_t)MACHINE_STOPPED : 0,
                              .reason = f->halted ? (uint32_t)MACHINE_HALT : 0,
                              .armed = f->armed};
    machine_state_put(&s, t->payload);
    t->used = MACHINE_STATE_BYTES;
    put_frame(t, FRAME_STATE);
}

static void tell_end(struct teller *t, uint32_t id, bool good, unsigned lines)
{
    struct record r = {.kind = RECORD_END, .end = {.complete = good, .records = lines + 1}};
    uint16_t sequence = t->sequence;
    tell_state(t);
    t->sequence = sequence;
    t->used = record_encode(&t->codec, &r, t->payload);
    put_answer(t, id);
}

/* What the line does to the machine; the words for it. */
static const char *obey(struct fake *f, const char *line)
{
    const char *said = line;
    if (strcmp(line, "halt for 5") == 0)
        said = f->halted ? "still stopped until this line is silent for 5 s"
                         : "stopped until this line is silent for 5 s";
    if (strcmp(line, "halt") == 0 || strcmp(line, "halt for 5") == 0)
        f->halted = true;
    if (strcmp(line, "continue") == 0) {
        f->halted = false;
        f->resumes++;
    }
    if (strncmp(line, "break on", 8) == 0)
        f->armed |= 2;
    if (strcmp(line, "delete 2") == 0)
        f->armed &= ~(uint32_t)2;
    return said;
}

static bool answer_line(struct fake *f, int fd, uint32_t id, const char *line)
{
    struct teller *t = calloc(1, sizeof(*t));
    *t = (struct teller){.f = f, .fd = fd, .open = true};
    bool snapshot = strcmp(line, "snapshot wire audit") == 0,
         refuse = f->faults.refuses && snapshot;
    unsigned lines = f->faults.lines && strcmp(line, "cdt") == 0 ? f->faults.lines : 1;
    f->answers++;
    put_answer(t, id);
    if (!refuse && snapshot)
        tell_snapshot(t);
    record_codec_init(&t->codec);
    t->sequence = 1;
    t->used = 0;
    tell_lines(t, id, refuse ? "the kernel has no list" : obey(f, line), lines);
    tell_end(t, id, !refuse, lines);
    tell_state(t);
    bool open = t->open;
    free(t);
    return open && !(f->faults.close_after && f->answers >= f->faults.close_after);
}

/* The command that waits is answered when the next one comes. */
static bool command_frame(struct fake *f, int fd, const struct frame_decoder *d)
{
    static __thread struct {
        uint32_t id;
        char line[MACHINE_LINE_MAX + 1];
    } late;
    char line[MACHINE_LINE_MAX + 1];
    uint32_t n = d->payload_len - MACHINE_ID_BYTES;
    uint32_t id = get_le32(d->payload);
    memcpy(line, d->payload + MACHINE_ID_BYTES, n);
    line[n] = '\0';
    if (f->faults.late && f->commands++ == f->faults.late) {
        late.id = id;
        strcpy(late.line, line);
        return true;
    }
    bool open = late.id == 0 || answer_line(f, fd, late.id, late.line);
    late.id = 0;
    return open && answer_line(f, fd, id, line);
}

void fake_monitor(struct fake *f, int fd)
{
    struct frame_decoder *d = calloc(1, sizeof(*d));
    unsigned commands = 0;
    uint8_t byte;
    bool open = !serve_mute(f, fd);
    frame_decoder_init(d);
    while (open && get(fd, &byte))
        if (frame_decoder_put(d, byte) == FRAME_READY && d->kind == FRAME_COMMAND &&
            ++commands > f->faults.deaf)
            open = command_frame(f, fd, d);
    free(d);
}

/* --- starting --- */

static int open_unix(struct fake *f)
{
    static unsigned number;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(f->path, sizeof(f->path), "/tmp/capscope-fake-%d-%u", getpid(),
             __atomic_fetch_add(&number, 1, __ATOMIC_RELAXED));
    memcpy(addr.sun_path, f->path, strlen(f->path) + 1);
    unlink(f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
        abort();
    snprintf(f->target, sizeof(f->target), "unix:%s", f->path);
    return fd;
}

static int open_tcp(struct fake *f)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (const struct sockaddr *)&addr, len) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        abort();
    snprintf(f->target, sizeof(f->target), "tcp:127.0.0.1:%u", ntohs(addr.sin_port));
    return fd;
}

static int open_pty(struct fake *f)
{
    int master, slave;
    char name[100];
    struct termios raw;
    if (openpty(&master, &slave, name, NULL, NULL) < 0 || tcgetattr(slave, &raw) < 0)
        abort();
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    /* The slave stays open in f->path's place until the client has it: a master without any slave
     * reads as an error. */
    snprintf(f->path, sizeof(f->path), "%d", slave);
    snprintf(f->target, sizeof(f->target), "%s", name);
    return master;
}

static void *fake_thread(void *arg)
{
    struct fake *f = arg;
    bool terminal = f->path[0] >= '0' && f->path[0] <= '9';
    int fd = terminal ? f->listener : accept(f->listener, NULL, NULL);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only tcp takes it */
    f->serve(f, fd);
    close(fd);
    return NULL;
}

void fake_start(struct fake *f, enum fake_line line, void (*serve)(struct fake *f, int fd),
                const struct memview *view, const struct fake_faults *faults)
{
    static int (*const open_line[])(struct fake *) = {open_unix, open_tcp, open_pty};
    *f = (struct fake){.view = view, .serve = serve};
    if (faults)
        f->faults = *faults;
    f->listener = open_line[line](f);
    if (pthread_create(&f->thread, NULL, fake_thread, f) != 0)
        abort();
}

void fake_join(struct fake *f)
{
    if (f->path[0] >= '0' && f->path[0] <= '9')
        close(atoi(f->path));
    pthread_join(f->thread, NULL);
    if (f->path[0] == '/')
        unlink(f->path);
    if (f->path[0] < '0' || f->path[0] > '9')
        close(f->listener);
}
