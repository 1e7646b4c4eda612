/* wire/gdb_packet.c: GDB packets, clean, damaged and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/gdb_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gdb_decoder decoder;

static int setup(void **state)
{
    (void)state;
    gdb_decoder_init(&decoder, true);
    srand(1);
    return 0;
}

/* Feeds bytes; the last event that is not GDB_NOTHING. */
static enum gdb_event feed(const void *p, size_t n)
{
    enum gdb_event last = GDB_NOTHING;
    for (size_t i = 0; i < n; i++) {
        enum gdb_event e = gdb_decoder_put(&decoder, ((const uint8_t *)p)[i]);
        if (e != GDB_NOTHING)
            last = e;
    }
    return last;
}

static enum gdb_event feed_text(const char *s)
{
    return feed(s, strlen(s));
}

/* The sum is computed here, not by the code under test. */
static enum gdb_event feed_packet(const char *data, size_t n)
{
    unsigned sum = 0;
    char tail[4];
    feed("$", 1);
    for (size_t i = 0; i < n; i++)
        sum += (unsigned char)data[i];
    feed(data, n);
    snprintf(tail, sizeof(tail), "#%02x", sum & 0xff);
    return feed(tail, 3);
}

static void known_packets_decode(void **state)
{
    (void)state;
    assert_int_equal(feed_text("$OK#9a"), GDB_PACKET);
    assert_string_equal((char *)decoder.data, "OK");
    assert_int_equal(feed_text("$#00"), GDB_PACKET);
    assert_int_equal(decoder.length, 0);
    assert_int_equal(feed_text("$OK#9A"), GDB_PACKET);
    assert_int_equal(feed_text("%Stop:T05#99"), GDB_NOTIFICATION);
    assert_string_equal((char *)decoder.data, "Stop:T05");
}

static void acks_interrupts_and_noise_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(feed_text("+"), GDB_ACK);
    assert_int_equal(feed_text("-"), GDB_NAK);
    assert_int_equal(feed_text("\x03"), GDB_INTERRUPT);
    assert_int_equal(feed_text("x"), GDB_NOISE);
    assert_int_equal(feed_text("#"), GDB_NOISE);
    assert_int_equal(feed_packet("a\x03+-b", 5), GDB_PACKET);
    assert_memory_equal(decoder.data, "a\x03+-b", 5);
}

static void every_payload_round_trips(void **state)
{
    (void)state;
    static uint8_t data[GDB_PACKET_DATA], line[GDB_PACKET_RAW_MAX];
    for (int round = 0; round < 400; round++) {
        uint32_t n = round == 0 ? GDB_PACKET_DATA : (uint32_t)rand() % 300;
        for (uint32_t i = 0; i < n; i++)
            data[i] = round % 2 ? (uint8_t)rand() : (uint8_t) "#$}*"[rand() % 4];
        uint32_t len = gdb_packet_encode('$', data, n, line, sizeof(line));
        assert_true(len >= n + 4);
        assert_int_equal(feed(line, len), GDB_PACKET);
        assert_int_equal(decoder.length, n);
        assert_memory_equal(decoder.data, data, n);
        gdb_decoder_init(&decoder, round % 3 == 0);
    }
}

static void encode_refuses_what_does_not_fit(void **state)
{
    (void)state;
    uint8_t line[8];
    assert_int_equal(gdb_packet_encode('$', "abcd", 4, line, 8), 8);
    assert_int_equal(gdb_packet_encode('$', "abcde", 5, line, 8), 0);
    assert_int_equal(gdb_packet_encode('$', "ab}", 3, line, 8), 8);
    assert_int_equal(gdb_packet_encode('$', "abc}", 4, line, 8), 0);
    assert_int_equal(gdb_packet_encode('$', "", 0, line, 3), 0);
}

static void runs_are_expanded_for_a_client_only(void **state)
{
    (void)state;
    assert_int_equal(feed_packet("0* ", 3), GDB_PACKET);
    assert_string_equal((char *)decoder.data, "0000");
    assert_int_equal(feed_packet("x}\x03*\"y", 6), GDB_PACKET); /* '#' and 5 more of it */
    assert_string_equal((char *)decoder.data, "x######y");
    gdb_decoder_init(&decoder, false);
    assert_int_equal(feed_packet("0* ", 3), GDB_PACKET);
    assert_string_equal((char *)decoder.data, "0* ");
}

static void bad_runs_and_escapes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"* ", "0*\x1f", "0*\x7f", "0*", "abc}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(feed_packet(bad[i], strlen(bad[i])), GDB_BAD);
        assert_int_equal(decoder.fault, GDB_FAULT_ESCAPE);
    }
    assert_int_equal(feed_text("$OK#9a"), GDB_PACKET);
}

static void wrong_sums_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"$OK#9b", "$OK#zz", "$OK#9z", "$OL#9a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(feed_text(bad[i]), GDB_BAD);
        assert_int_equal(decoder.fault, GDB_FAULT_CHECKSUM);
    }
}

static void a_packet_too_long_is_refused_and_bounded(void **state)
{
    (void)state;
    static char data[GDB_PACKET_DATA + 1];
    memset(data, 'a', sizeof(data));
    assert_int_equal(feed_packet(data, GDB_PACKET_DATA), GDB_PACKET);
    assert_int_equal(feed_packet(data, GDB_PACKET_DATA + 1), GDB_BAD);
    assert_int_equal(decoder.fault, GDB_FAULT_LENGTH);
    /* a run that ends beyond the end */
    assert_int_equal(feed("$", 1), GDB_NOTHING);
    for (int i = 0; i < 100; i++)
        feed("0*~", 3);
    assert_int_equal(feed("#00", 3), GDB_BAD);
    assert_int_equal(feed_text("$OK#9a"), GDB_PACKET);
}

static void a_cut_packet_does_not_spoil_the_next(void **state)
{
    (void)state;
    feed_text("$m800");
    assert_int_equal(gdb_decoder_put(&decoder, '$'), GDB_BAD);
    assert_int_equal(decoder.fault, GDB_FAULT_CUT);
    assert_int_equal(feed_text("OK#9a"), GDB_PACKET);
}

static void hostile_bytes_never_overrun(void **state)
{
    (void)state;
    for (int i = 0; i < 3000000; i++) {
        uint8_t byte = rand() % 3 ? (uint8_t) "$#*}%~ a0"[rand() % 9] : (uint8_t)rand();
        enum gdb_event e = gdb_decoder_put(&decoder, byte);
        assert_true(decoder.length <= GDB_PACKET_DATA);
        if (e == GDB_PACKET || e == GDB_NOTIFICATION)
            assert_int_equal(decoder.data[decoder.length], 0);
    }
}

static void hex_reads_and_writes(void **state)
{
    (void)state;
    char text[16];
    uint8_t bytes[4];
    assert_int_equal(gdb_hex_put(text, "\x00\xff\x5a", 3), 6);
    assert_memory_equal(text, "00ff5a", 6);
    assert_true(gdb_hex_get("00fF5a", 3, bytes));
    assert_memory_equal(bytes, "\x00\xff\x5a", 3);
    assert_false(gdb_hex_get("0g", 1, bytes));
    assert_int_equal(gdb_hex_number(text, 0), 1);
    assert_int_equal(text[0], '0');
    assert_int_equal(gdb_hex_number(text, 0x80001000u), 8);
    assert_memory_equal(text, "80001000", 8);
    for (int c = 0; c < 256; c++)
        assert_int_equal(gdb_hex_digit((uint8_t)c) >= 0,
                         c != 0 && strchr("0123456789abcdefABCDEF", c));
}

static void text_is_taken_from_the_front(void **state)
{
    (void)state;
    uint32_t address, length;
    feed_packet("m80001000,40", 12);
    struct gdb_text t = gdb_text_of(&decoder);
    assert_false(gdb_text_take_word(&t, "mm"));
    assert_true(gdb_text_take(&t, 'm'));
    assert_true(gdb_text_number(&t, &address));
    assert_true(gdb_text_take_word(&t, ","));
    assert_true(gdb_text_number(&t, &length));
    assert_int_equal(address, 0x80001000u);
    assert_int_equal(length, 0x40);
    assert_int_equal(gdb_text_left(&t), 0);
    assert_false(gdb_text_number(&t, &length));
    assert_false(gdb_text_take(&t, ','));
    feed_packet("123456789", 9);
    t = gdb_text_of(&decoder);
    assert_false(gdb_text_number(&t, &length));
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(known_packets_decode, setup),
        cmocka_unit_test_setup(acks_interrupts_and_noise_are_told_apart, setup),
        cmocka_unit_test_setup(every_payload_round_trips, setup),
        cmocka_unit_test_setup(encode_refuses_what_does_not_fit, setup),
        cmocka_unit_test_setup(runs_are_expanded_for_a_client_only, setup),
        cmocka_unit_test_setup(bad_runs_and_escapes_are_refused, setup),
        cmocka_unit_test_setup(wrong_sums_are_refused, setup),
        cmocka_unit_test_setup(a_packet_too_long_is_refused_and_bounded, setup),
        cmocka_unit_test_setup(a_cut_packet_does_not_spoil_the_next, setup),
        cmocka_unit_test_setup(hostile_bytes_never_overrun, setup),
        cmocka_unit_test_setup(hex_reads_and_writes, setup),
        cmocka_unit_test_setup(text_is_taken_from_the_front, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
