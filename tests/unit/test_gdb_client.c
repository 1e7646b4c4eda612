/* attach/gdb_exchange.c: answers that come late, or twice, are never taken for those of later requests.
 * The stub is a thread that does everything right, but slowly: memory from UNREADABLE on takes it longer
 * than the client's patience, and what it is asked for again it says again, a good while later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/gdb_exchange.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    UNREADABLE = 0x10000,
    READ_BYTES = 96,
    SLOW_FIRST_MS = 900, /* more than GDB_SILENCE_MS */
    SLOW_MS = 350,       /* more than GDB_SILENCE_BAD_MS */
    AGAIN_MS = 90,       /* more than GDB_SETTLE_MS */
    LATE_MS = 800,       /* more than GDB_SILENCE_MS */
    XML_BYTES = 300,
};

struct slow_stub {
    int fd;
    bool gone; /* says so to whatever comes behind a slow answer */
    bool qemu; /* has a physical mode */
    bool ran;  /* before its client came, and says that this stopped it */
    atomic_uint
        goes_on; /* somebody else tells it to before this byte, from 1, which, as in QEMU, stops
                          * it and is lost; 0: nobody does */
    bool slow_to_greet;
    bool slow;
    bool left; /* detached from; then it is dead of any further request */
    bool dead;
    bool forgetful; /* begins an answer of several packets and is reset then */
    long late_ms;   /* the line takes so long */
    unsigned slow_answers, repeats, requests;
    struct gdb_decoder in;
    char answer[1024];
    pthread_t thread;
};

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static uint8_t byte_at(uint32_t addr)
{
    return (uint8_t)(addr * 7 + (addr >> 8));
}

/* What is on a line that takes time, in order. */
static struct {
    int64_t due;
    uint32_t length;
    uint8_t bytes[GDB_PACKET_RAW_MAX];
} way[64];
static unsigned way_in, way_out;

static void deliver(struct slow_stub *s)
{
    for (; way_out != way_in && way[way_out % 64].due <= clock_now_ms(); way_out++)
        (void)send(s->fd, way[way_out % 64].bytes, way[way_out % 64].length, MSG_NOSIGNAL);
}

static void put_on_line(struct slow_stub *s, const uint8_t *bytes, uint32_t length)
{
    if (s->late_ms == 0) {
        (void)send(s->fd, bytes, length, MSG_NOSIGNAL);
        return;
    }
    assert_true(way_in - way_out < 64);
    way[way_in % 64].due = clock_now_ms() + s->late_ms;
    way[way_in % 64].length = length;
    memcpy(way[way_in++ % 64].bytes, bytes, length);
}

static bool next_byte(struct slow_stub *s, uint8_t *byte)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    while (poll(&p, 1, 10) == 0)
        deliver(s);
    deliver(s);
    return read(s->fd, byte, 1) == 1;
}

static void say(struct slow_stub *s)
{
    uint8_t raw[GDB_PACKET_RAW_MAX];
    uint32_t n = gdb_packet_encode('$', s->answer, (uint32_t)strlen(s->answer), raw, sizeof(raw));
    put_on_line(s, raw, n);
}

static void answer_memory(struct slow_stub *s, struct gdb_text t)
{
    uint8_t bytes[256];
    uint32_t addr = 0, len = 0;
    bool good = gdb_text_number(&t, &addr) && gdb_text_take(&t, ',') && gdb_text_number(&t, &len) &&
                len <= sizeof(bytes);
    if (!good || addr >= UNREADABLE) {
        pause_ms(s->slow_answers++ == 0 ? SLOW_FIRST_MS : SLOW_MS);
        s->slow = true;
        strcpy(s->answer, "E0e");
        return;
    }
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = byte_at(addr + i);
    s->answer[gdb_hex_put(s->answer, bytes, len)] = '\0';
}

static void answer_xml(struct slow_stub *s, struct gdb_text t)
{
    uint32_t offset = 0, len = 0;
    assert_true(gdb_text_number(&t, &offset) && gdb_text_take(&t, ',') &&
                gdb_text_number(&t, &len));
    uint32_t left = offset < XML_BYTES ? XML_BYTES - offset : 0, n = len < left ? len : left;
    memset(s->answer, 'x', n + 1);
    s->answer[0] = n < left ? 'm' : 'l';
    s->answer[n + 1] = '\0';
}

static void request(struct slow_stub *s)
{
    struct gdb_text t = gdb_text_of(&s->in);
    s->requests++;
    s->dead |= s->left;
    put_on_line(s, (const uint8_t *)"+", 1);
    s->answer[0] = '\0';
    if (s->gone && s->slow)
        strcpy(s->answer, "W00");
    else if (gdb_text_take(&t, '?')) {
        pause_ms(s->slow_to_greet ? SLOW_FIRST_MS : 0);
        s->slow_to_greet = false;
        strcpy(s->answer, s->ran && !s->qemu ? "T02" : "T05");
    } else if (s->qemu && gdb_text_take_word(&t, "qqemu.PhyMemMode"))
        strcpy(s->answer, "0");
    else if (s->qemu && gdb_text_take_word(&t, "Qqemu.PhyMemMode:"))
        strcpy(s->answer, "OK");
    else if (gdb_text_take_word(&t, "qSupported"))
        strcpy(s->answer, "PacketSize=200;qXfer:features:read+");
    else if (gdb_text_take_word(&t, "qCapscope.snapshot")) {
        s->forgetful = true;
        strcpy(s->answer, "m00");
    } else if (gdb_text_take_word(&t, "qXfer:features:read:target.xml:"))
        answer_xml(s, t);
    else if (gdb_text_take(&t, 'D')) {
        s->left = true;
        strcpy(s->answer, "OK");
    } else if (gdb_text_take(&t, 'm'))
        answer_memory(s, t);
    say(s);
}

static void *serve(void *arg)
{
    struct slow_stub *s = arg;
    uint8_t byte;
    strcpy(s->answer, "T02thread:01;");
    if (s->qemu && s->ran)
        say(s);
    while (next_byte(s, &byte)) {
        if (s->goes_on && atomic_fetch_sub(&s->goes_on, 1) == 1) {
            strcpy(s->answer, "T02thread:01;");
            say(s);
            continue;
        }
        enum gdb_event event = gdb_decoder_put(&s->in, byte);
        if (event == GDB_PACKET)
            request(s);
        if (event != GDB_NAK)
            continue;
        s->repeats++;
        pause_ms(AGAIN_MS);
        if (!s->forgetful)
            say(s);
    }
    return NULL;
}

static struct gdb_client *begin(struct slow_stub *s)
{
    struct gdb_client *c = calloc(1, sizeof(*c));
    int fds[2];
    assert_non_null(c);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->fd = fds[0];
    gdb_decoder_init(&s->in, false);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    c->line.fd = fds[1];
    c->line.socket = true;
    assert_int_equal(gdb_client_begin(c, deadline_in(20000)), ERR_OK);
    return c;
}

static void end(struct slow_stub *s, struct gdb_client *c)
{
    transport_close(&c->line);
    pthread_join(s->thread, NULL);
    close(s->fd);
    free(c);
}

static void expect_bytes(struct gdb_client *c, uint32_t addr)
{
    uint8_t bytes[READ_BYTES];
    enum error e = gdb_client_read(c, addr, bytes, sizeof(bytes));
    if (e == ERR_TIMEOUT)
        return; /* nothing was said, so nothing wrong */
    if (e != ERR_OK)
        print_error("0x%x: %s\n", addr, c->trouble);
    assert_int_equal(e, ERR_OK);
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], byte_at(addr + i));
}

/* The machine stands; what is readable stays readable, however late the stub says of other memory
 * that it is not. */
static void a_late_error_is_not_the_answer_to_a_later_read(void **state)
{
    struct slow_stub s = {0};
    struct gdb_client *c = begin(&s);
    uint8_t bytes[READ_BYTES];
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        enum error e = gdb_client_read(c, UNREADABLE + 0x100 * i, bytes, sizeof(bytes));
        assert_true(e == ERR_READ || e == ERR_TIMEOUT);
        expect_bytes(c, 0x400 * i);
        expect_bytes(c, 0x400 * i + 0x200);
    }
    assert_true(s.slow_answers >= 2);
    end(&s, c);
}

/* A question that is given up has its answer under way. */
static void an_answer_that_was_given_up_is_not_taken_for_the_next(void **state)
{
    struct slow_stub s = {0};
    struct gdb_client *c = begin(&s);
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(gdb_client_ask(c, "m10000,10", deadline_in(50)), ERR_TIMEOUT);
        expect_bytes(c, 0x1000 + 0x100 * i);
    }
    end(&s, c);
}

static enum error no_text(void *ctx, const char *bytes, size_t len)
{
    (void)ctx, (void)bytes, (void)len;
    return ERR_OK;
}

/* Nothing comes behind it, so nobody waits for that. */
static void a_refused_command_leaves_nothing_on_the_line(void **state)
{
    struct slow_stub s = {0};
    struct gdb_client *c = begin(&s);
    (void)state;
    assert_false(c->asked_again);
    assert_int_equal(gdb_client_command(c, "info", no_text, NULL, deadline_in(5000)),
                     ERR_UNSUPPORTED);
    assert_false(c->asked_again);
    end(&s, c);
}

/* What stood is left standing, and what ran running: of the answers to a question that was asked twice one
 * is not a stop that our coming caused. */
static void a_late_greeting_does_not_tell_that_the_target_ran(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct slow_stub s = {.slow_to_greet = true, .qemu = i & 1, .ran = i & 2};
        struct gdb_client *c = begin(&s);
        assert_int_equal(c->physical, s.qemu);
        assert_int_equal(c->stood, !s.ran);
        end(&s, c);
    }
}

/* Every answer comes later than the client's patience: it knows QEMU all the same, does not kill it, and
 * lets it run on. */
static void a_late_line_does_not_hide_what_the_stub_is(void **state)
{
    struct slow_stub s = {.qemu = true, .ran = true, .late_ms = LATE_MS};
    struct gdb_client *c = begin(&s);
    (void)state;
    assert_true(c->physical);
    assert_false(c->stood);
    expect_bytes(c, 0x400);
    gdb_client_end(c, false);
    pthread_join(s.thread, NULL);
    assert_true(s.left);
    assert_false(s.dead);
    close(s.fd);
    free(c);
}

/* Who only passes by leaves running what somebody else has let go meanwhile, and standing what stands. */
static void what_goes_on_meanwhile_is_not_stopped_in_passing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool passing = i & 1, goes_on = i & 2;
        struct slow_stub s = {.qemu = true};
        struct gdb_client *c = begin(&s);
        assert_true(c->stood);
        c->passing = passing;
        atomic_store(&s.goes_on, goes_on ? 1 : 0);
        gdb_client_end(c, false);
        pthread_join(s.thread, NULL);
        assert_int_equal(s.left, passing && goes_on);
        assert_false(s.dead);
        close(s.fd);
        free(c);
    }
}

/* Between ^C and `?`, to which no answer comes then but what tells of the stop. */
static void what_goes_on_while_it_is_greeted_did_not_stand(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 4; byte++) {
        struct slow_stub s = {.qemu = true, .goes_on = byte};
        struct gdb_client *c = begin(&s);
        assert_int_equal(c->stood, byte == 0);
        end(&s, c);
    }
}

static void a_target_that_goes_meanwhile_is_told(void **state)
{
    struct slow_stub s = {.gone = true};
    struct gdb_client *c = begin(&s);
    uint8_t bytes[READ_BYTES];
    (void)state;
    assert_int_equal(gdb_client_ask(c, "m10000,10", deadline_in(50)), ERR_TIMEOUT);
    assert_int_equal(gdb_client_read(c, 0, bytes, sizeof(bytes)), ERR_CLOSED);
    assert_string_equal(c->trouble, "the stub says that the target is gone");
    end(&s, c);
}

static enum error no_bytes(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx, (void)bytes, (void)len;
    return ERR_OK;
}

/* All reading has a minute; who would wait that long for what was forgotten shows an old state so long. */
static void an_answer_that_was_forgotten_midway_is_given_up_soon(void **state)
{
    struct slow_stub s = {0};
    struct gdb_client *c = begin(&s);
    deadline_t deadline = deadline_in(60000);
    (void)state;
    assert_int_equal(gdb_client_collect(c, "qCapscope.snapshot", no_bytes, NULL, deadline),
                     ERR_TIMEOUT);
    assert_true(deadline_left(deadline) > 40000);
    assert_true(s.repeats > 0);
    end(&s, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_error_is_not_the_answer_to_a_later_read),
        cmocka_unit_test(an_answer_that_was_given_up_is_not_taken_for_the_next),
        cmocka_unit_test(a_refused_command_leaves_nothing_on_the_line),
        cmocka_unit_test(a_late_greeting_does_not_tell_that_the_target_ran),
        cmocka_unit_test(a_late_line_does_not_hide_what_the_stub_is),
        cmocka_unit_test(what_goes_on_meanwhile_is_not_stopped_in_passing),
        cmocka_unit_test(what_goes_on_while_it_is_greeted_did_not_stand),
        cmocka_unit_test(a_target_that_goes_meanwhile_is_told),
        cmocka_unit_test(an_answer_that_was_forgotten_midway_is_given_up_soon),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
