/* A GDB stub over a recorded mainline system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sel4_stub.h"

#include "attach/processor.h"
#include "wire/gdb_packet.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_MOST = 2048, PIECE = 100 };

/* --- answers --- */

static bool answer(struct sel4_stub *s, int fd, const char *text)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode('$', text, (uint32_t)strlen(text), raw, sizeof(raw));
    s->answers++;
    if (s->kill_after != 0 && s->answers == s->kill_after)
        (void)kill(s->kills, SIGKILL);
    if (s->close_after != 0 && s->answers >= s->close_after) {
        s->close_after = s->comes_back ? 0 : s->close_after;
        return false;
    }
    return write(fd, raw, n) == (ssize_t)n;
}

/* A packet that is no answer: text for the debugger's console. */
static bool print(struct sel4_stub *s, int fd, const char *text)
{
    char hex[256] = "O";
    uint8_t raw[GDB_PACKET_RAW_MAX];
    if (!s->openocd)
        return true;
    hex[1 + gdb_hex_put(hex + 1, text, (uint32_t)strlen(text))] = '\0';
    uint32_t n = gdb_packet_encode('$', hex, (uint32_t)strlen(hex), raw, sizeof(raw));
    return write(fd, raw, n) == (ssize_t)n;
}

static bool is_user(const struct sel4_stub *s)
{
    const struct maker_segment *m = &s->f->maker.segment[0];
    return s->f->arch == SEL4_X86_64 ? s->pc >> 47 == 0 : s->pc < m->va;
}

/* The kernel's page table: its own segments and the window. */
static bool translate(const struct sel4_stub *s, uint64_t va, uint64_t *pa)
{
    *pa = s->physical ? va : fixture_pa(s->f, va);
    return s->physical || !is_user(s);
}

static bool read_memory(struct sel4_stub *s, int fd, const char *request)
{
    uint8_t bytes[READ_MOST];
    char text[2 * READ_MOST + 1];
    char *comma = NULL;
    uint64_t va = strtoull(request + 1, &comma, 16);
    uint64_t len = strtoull(comma + 1, NULL, 16);
    s->reads++;
    if (len > READ_MOST)
        return answer(s, fd, "E22");
    struct sel4_span span = {.len = (uint32_t)len, .buf = bytes};
    if (!translate(s, va, &span.addr))
        return answer(s, fd, s->openocd ? "E0E" : "E14");
    (void)s->f->port.read(s->f->port.ctx, &span, 1);
    text[gdb_hex_put(text, bytes, (uint32_t)len)] = '\0';
    return answer(s, fd, text);
}

static const struct processor *processor(const struct sel4_stub *s)
{
    static const char *const names[SEL4_ARCHES] = {[SEL4_AARCH32] = "arm",
                                                   [SEL4_AARCH64] = "aarch64",
                                                   [SEL4_RISCV64] = "riscv:rv64",
                                                   [SEL4_X86_64] = "i386:x86-64"};
    return processor_named(names[s->f->arch]);
}

/* Where no test looks: beyond all that a recording knows. */
static uint64_t stack(const struct sel4_stub *s)
{
    return s->f->offset + fixture_pa(s->f, s->f->maker.segment[0].va) + 0x4000000;
}

static uint64_t register_value(const struct sel4_stub *s, uint32_t number)
{
    const struct processor *p = processor(s);
    if (number == p->pc.number || !s->hit)
        return s->pc;
    if (number == p->call.result && s->hit->link == 0)
        return s->hit->result;
    for (unsigned i = 0; i < p->call.words; i++)
        if (number == p->call.word[i])
            return s->hit->word[i];
    if (number == p->call.sp)
        return stack(s);
    return p->call.linked && number == p->call.link ? s->hit->link : 0;
}

/* The kernel's mode, where the processor tells one. */
static bool read_register(struct sel4_stub *s, int fd, const char *request)
{
    char text[20];
    const struct processor *p = processor(s);
    uint32_t number = (uint32_t)strtoul(request + 1, NULL, 16);
    bool tells_mode = p->mode.bytes != 0 && number == p->mode.number;
    uint64_t value = tells_mode ? p->mode_user ^ p->mode_mask : register_value(s, number);
    unsigned bytes = tells_mode ? p->mode.bytes : s->narrow ? s->f->word / 2 : s->f->word;
    text[gdb_hex_put(text, &value, bytes)] = '\0';
    return answer(s, fd, text);
}

/* Nobody knows these by the architecture alone. */
static int describe_riscv(char *text, size_t size)
{
    static const char names[] =
        "zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 "
        "s6 s7 s8 s9 s10 s11 t3 t4 t5 t6 pc ";
    int n = snprintf(text, size, "<feature name=\"org.gnu.gdb.riscv.cpu\">\n");
    for (const char *at = names; *at; at = strchr(at, ' ') + 1)
        n += snprintf(text + n, size - (size_t)n, "<reg name=\"%.*s\" bitsize=\"64\"/>\n",
                      (int)strcspn(at, " "), at);
    return n + snprintf(text + n, size - (size_t)n, "</feature>\n");
}

/* Its description of the processor, a piece at a time, however much is asked for. */
static bool describe(struct sel4_stub *s, int fd, const char *range)
{
    char text[4096], piece[PIECE + 2] = "m";
    char *comma = NULL;
    int n = snprintf(text, sizeof(text),
                     "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                     "<target version=\"1.0\">\n<architecture>%s</architecture>\n",
                     processor(s)->architecture);
    if (s->f->arch == SEL4_RISCV64)
        n += describe_riscv(text + n, sizeof(text) - (size_t)n);
    n += snprintf(text + n, sizeof(text) - (size_t)n, "</target>\n");
    size_t from = strtoul(range, &comma, 16);
    size_t most = strtoul(comma + 1, NULL, 16);
    size_t left = from < (size_t)n ? (size_t)n - from : 0;
    most = most < PIECE ? most : PIECE;
    if (left <= most)
        piece[0] = 'l';
    (void)snprintf(piece + 1, sizeof(piece) - 1, "%.*s", (int)most, left ? text + from : "");
    return answer(s, fd, piece);
}

/* All of them, as many as gdb expects of a stub that describes none: zeros, but for the pc. */
static bool read_registers(struct sel4_stub *s, int fd)
{
    static const unsigned lengths[SEL4_ARCHES] = {
        [SEL4_AARCH32] = 168, [SEL4_AARCH64] = 268, [SEL4_RISCV64] = 264, [SEL4_X86_64] = 164};
    uint8_t bytes[268] = {0};
    char text[2 * sizeof(bytes) + 1];
    uint32_t number = processor(s)->pc.number;
    memcpy(bytes + (size_t)number * s->f->word, &s->pc, s->f->word);
    text[gdb_hex_put(text, bytes, lengths[s->f->arch])] = '\0';
    return answer(s, fd, text);
}

static unsigned standing(const struct sel4_stub *s, uint64_t at)
{
    unsigned i = 0;
    while (i < STUB_BREAKPOINTS && s->stands[i] != at)
        i++;
    return i;
}

static bool breakpoint(struct sel4_stub *s, int fd, const char *request)
{
    bool set = request[0] == 'Z';
    uint64_t at = strtoull(request + 3, NULL, 16);
    unsigned i = standing(s, set ? 0 : at);
    if (s->refuses_breakpoints || (s->refuses_hardware && request[1] == '1') ||
        i == STUB_BREAKPOINTS)
        return answer(s, fd, "E22");
    s->stands[i] = set ? at : 0;
    s->breakpoint = set ? at : 0;
    s->planted += set ? 1u : -1u;
    s->plants += set;
    return answer(s, fd, "OK");
}

static bool mode(struct sel4_stub *s, int fd, const char *request)
{
    if (!s->physical_mode)
        return answer(s, fd, "");
    if (request[0] == 'q')
        return answer(s, fd, s->physical ? "1" : "0");
    s->physical = strstr(request, ":1");
    return answer(s, fd, "OK");
}

static void stop(struct sel4_stub *s)
{
    s->running = false;
    s->pc = s->stops++ < s->busy_stops ? s->busy_pc : s->f->pc;
}

static void come_by(struct sel4_stub *s, const struct stub_hit *hit)
{
    const struct processor *p = processor(s);
    s->running = false;
    s->hit = hit;
    s->pc = hit->pc;
    if (!p->call.linked)
        fixture_put_word(s->f, stack(s), hit->link);
    for (unsigned i = p->call.words; i < 8; i++)
        fixture_put_word(s->f, stack(s) + (i - p->call.words + p->call.stack_gap) * s->f->word,
                         hit->word[i]);
}

/* What comes by until a breakpoint stands there. */
static bool run_script(struct sel4_stub *s, int fd)
{
    while (s->hits_at < s->hit_count) {
        const struct stub_hit *hit = &s->hits[s->hits_at++];
        if (standing(s, hit->pc) == STUB_BREAKPOINTS)
            continue;
        come_by(s, hit);
        return answer(s, fd, "T05thread:01;");
    }
    return true;
}

/* The machine runs: with a breakpoint at its exit the kernel comes by at once. */
static bool go_on(struct sel4_stub *s, int fd, bool step)
{
    if (s->hit && standing(s, s->pc) < STUB_BREAKPOINTS) {
        s->stuck++;
        return answer(s, fd, "T05thread:01;");
    }
    if (step && s->idle_steps > 0) {
        s->idle_steps--;
        return answer(s, fd, "T05thread:01;");
    }
    if (step && s->interrupted > 0) {
        s->interrupted--;
        s->hits_at--;
        s->pc = 0x1000;
        return answer(s, fd, "T05thread:01;");
    }
    s->hit = NULL;
    if (step) {
        s->pc += 4;
        return answer(s, fd, "T05thread:01;");
    }
    s->running = true;
    if (s->hits)
        return run_script(s, fd);
    if (s->breakpoint == 0)
        return true;
    s->running = false;
    s->pc = s->breakpoint;
    return answer(s, fd, "T05thread:01;");
}

/* Whole pieces: what is asked for is a multiple of one. */
static void write_memory(struct sel4_stub *s, FILE *out, uint64_t addr, uint64_t len)
{
    uint8_t bytes[READ_MOST];
    for (uint64_t at = 0; at + READ_MOST <= len; at += READ_MOST) {
        struct sel4_span span = {.addr = addr + at, .len = READ_MOST, .buf = bytes};
        (void)s->f->port.read(s->f->port.ctx, &span, 1);
        bytes[0] ^= s->saves_other;
        assert_int_equal(fwrite(bytes, 1, sizeof(bytes), out), sizeof(bytes));
    }
}

static bool monitor_command(struct sel4_stub *s, int fd, const char *hex)
{
    char line[512] = "";
    char path[sizeof(s->saved_to)];
    uint64_t addr = 0;
    uint64_t len = 0;
    if (s->openocd)
        return print(s, fd, "invalid command name\n") && answer(s, fd, "OK");
    if (!s->saves || strlen(hex) / 2 >= sizeof(line) ||
        !gdb_hex_get((const uint8_t *)hex, (uint32_t)strlen(hex) / 2, (uint8_t *)line) ||
        sscanf(line, "pmemsave 0x%" SCNx64 " 0x%" SCNx64 " \"%255[^\"]", &addr, &len, path) != 3)
        return answer(s, fd, "");
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    write_memory(s, out, addr, len);
    assert_int_equal(fclose(out), 0);
    memcpy(s->saved_to, path, sizeof(path));
    s->saved++;
    return answer(s, fd, "OK");
}

static bool serve_packet(struct sel4_stub *s, int fd, const char *r)
{
    if (r[0] == '?') /* QEMU says SIGTRAP whatever stopped it, OpenOCD what did */
        return answer(s, fd, s->openocd ? "T02thread:01;" : "T05thread:01;");
    if (s->openocd && strncmp(r, "qSupported", 10) == 0)
        return answer(s, fd,
                      "PacketSize=4000;qXfer:memory-map:read-;qXfer:features:read+;"
                      "qXfer:threads:read+;QStartNoAckMode+;vContSupported+");
    if (s->openocd && strncmp(r, "qXfer:features:read:target.xml:", 31) == 0)
        return describe(s, fd, r + 31);
    if (strncmp(r, "qSupported", 10) == 0)
        return answer(s, fd, "PacketSize=1000;qXfer:features:read+;swbreak+");
    if (strncmp(r, "qXfer:features:read:target.xml", 30) == 0)
        return answer(s, fd, "l<target/>");
    if (strncmp(r, "qRcmd,", 6) == 0)
        return monitor_command(s, fd, r + 6);
    if (strstr(r, "qemu.PhyMemMode"))
        return mode(s, fd, r);
    switch (r[0]) {
    case 'm':
        return read_memory(s, fd, r);
    case 'g':
        return read_registers(s, fd);
    case 'p':
        return read_register(s, fd, r);
    case 'Z':
    case 'z':
        return breakpoint(s, fd, r);
    case 'c':
    case 's':
        (void)print(s, fd, "halted due to breakpoint\n"); /* to whoever is still there */
        return go_on(s, fd, r[0] == 's');
    case 'D':
        s->running = true;
        return answer(s, fd, "OK");
    default:
        return answer(s, fd, "");
    }
}

static bool take_event(struct sel4_stub *s, int fd, struct gdb_decoder *d, enum gdb_event event)
{
    if (event == GDB_INTERRUPT) {
        bool ran = s->running;
        stop(s);
        return !ran || answer(s, fd, "T02thread:01;");
    }
    if (event == GDB_BAD)
        return write(fd, "-", 1) == 1;
    if (event != GDB_PACKET)
        return true;
    (void)pthread_mutex_lock(&s->at_work);
    bool served = write(fd, "+", 1) == 1 && serve_packet(s, fd, (const char *)d->data);
    (void)pthread_mutex_unlock(&s->at_work);
    return served;
}

static void serve(struct sel4_stub *s, int fd)
{
    struct gdb_decoder d;
    uint8_t bytes[4096];
    ssize_t n = 0;
    gdb_decoder_init(&d, false);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        bool idle = poll(&p, 1, 0) == 0;
        n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            return;
        s->trips += idle && memchr(bytes, '$', (size_t)n);
        for (ssize_t i = 0; i < n; i++) {
            if (!take_event(s, fd, &d, gdb_decoder_put(&d, bytes[i])))
                return;
        }
    }
}

static void *run(void *arg)
{
    struct sel4_stub *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(s, fd);
        (void)close(fd);
    }
}

void stub_begin(struct sel4_stub *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    static unsigned number;
    (void)snprintf(s->path, sizeof(s->path), "/tmp/capscope-stub-%d-%u", (int)getpid(), number++);
    (void)snprintf(s->target, sizeof(s->target), "gdb:unix:%s", s->path);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
    s->pc = s->f->pc;
    s->running = !s->paused;
    s->f->zeros = true;
    (void)signal(SIGPIPE, SIG_IGN); /* a client need not wait for the last answer */
    assert_int_equal(pthread_mutex_init(&s->at_work, NULL), 0);
    s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

void stub_end(struct sel4_stub *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)close(s->listener);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_mutex_destroy(&s->at_work);
    (void)unlink(s->path);
}

void stub_settle(struct sel4_stub *s)
{
    (void)pthread_mutex_lock(&s->at_work);
    (void)pthread_mutex_unlock(&s->at_work);
}
