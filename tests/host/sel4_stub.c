/* A GDB stub over a recorded mainline system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/host/sel4_stub.h"

#include "wire/gdb_packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PACKET_SIZE = 0x1000, READ_MOST = 2048 };

/* --- answers --- */

static bool answer(struct sel4_stub *s, int fd, const char *text)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode('$', text, (uint32_t)strlen(text), raw, sizeof(raw));
    s->answers++;
    if (s->close_after != 0 && s->answers >= s->close_after)
        return false;
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
        return answer(s, fd, "E14");
    (void)s->f->port.read(s->f->port.ctx, &span, 1);
    text[gdb_hex_put(text, bytes, (uint32_t)len)] = '\0';
    return answer(s, fd, text);
}

static bool read_register(struct sel4_stub *s, int fd)
{
    char text[20];
    text[gdb_hex_put(text, &s->pc, s->narrow ? s->f->word / 2 : s->f->word)] = '\0';
    return answer(s, fd, text);
}

static bool breakpoint(struct sel4_stub *s, int fd, const char *request)
{
    if (s->refuses_breakpoints)
        return answer(s, fd, "E22");
    bool set = request[0] == 'Z';
    s->breakpoint = set ? strtoull(request + 3, NULL, 16) : 0;
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
    s->physical = strstr(request, ":1") != NULL;
    return answer(s, fd, "OK");
}

static void stop(struct sel4_stub *s)
{
    s->running = false;
    s->pc = s->stops++ < s->busy_stops ? s->busy_pc : s->f->pc;
}

/* The machine runs: with a breakpoint at its exit the kernel comes by at once. */
static bool go_on(struct sel4_stub *s, int fd)
{
    s->running = true;
    if (s->breakpoint == 0)
        return true;
    s->running = false;
    s->pc = s->breakpoint;
    return answer(s, fd, "T05thread:01;");
}

static bool serve_packet(struct sel4_stub *s, int fd, const char *r)
{
    if (r[0] == '?')
        return answer(s, fd, "T02thread:01;");
    if (strncmp(r, "qSupported", 10) == 0)
        return answer(s, fd, "PacketSize=1000;qXfer:features:read+;swbreak+");
    if (strncmp(r, "qXfer:features:read:target.xml", 30) == 0)
        return answer(s, fd, "l<target/>");
    if (strstr(r, "qemu.PhyMemMode") != NULL)
        return mode(s, fd, r);
    switch (r[0]) {
    case 'm':
        return read_memory(s, fd, r);
    case 'p':
        return read_register(s, fd);
    case 'Z':
    case 'z':
        return breakpoint(s, fd, r);
    case 'c':
        return go_on(s, fd);
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
    return write(fd, "+", 1) == 1 && serve_packet(s, fd, (const char *)d->data);
}

static void serve(struct sel4_stub *s, int fd)
{
    struct gdb_decoder d;
    uint8_t bytes[4096];
    ssize_t n = 0;
    gdb_decoder_init(&d, false);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
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
    s->running = true;
    s->f->zeros = true;
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
    (void)unlink(s->path);
}
