/* wire/frame.c: frames and console text on one line, clean and with noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/frame.h"

#include "lib/bytes.h"
#include "lib/crc32.h"

#include <stdlib.h>
#include <string.h>

static struct frame_decoder decoder;
static char text[200000];
static uint32_t text_len;

static int setup(void **state)
{
    (void)state;
    frame_decoder_init(&decoder);
    text_len = 0;
    srand(1);
    return 0;
}

/* Feeds bytes; returns the number of frames that came out. */
static unsigned feed(const uint8_t *p, uint32_t n)
{
    unsigned ready = 0;
    for (uint32_t i = 0; i < n; i++) {
        enum frame_event e = frame_decoder_put(&decoder, p[i]);
        if (e == FRAME_TEXT)
            text[text_len++] = (char)p[i];
        ready += e == FRAME_READY;
    }
    text[text_len] = '\0';
    return ready;
}

static unsigned feed_text(const char *s)
{
    return feed((const uint8_t *)s, (uint32_t)strlen(s));
}

static void fill(uint8_t *p, uint32_t n, int style)
{
    for (uint32_t i = 0; i < n; i++)
        p[i] = style == 0   ? 0
               : style == 1 ? 0xff
               : style == 2 ? (uint8_t)(i % 255 + 1)
                            : (uint8_t)rand();
}

static void every_length_and_content_comes_through(void **state)
{
    (void)state;
    uint8_t payload[FRAME_PAYLOAD], line[FRAME_ENCODED_MAX];
    for (int style = 0; style < 4; style++)
        for (uint32_t n = 0; n <= FRAME_PAYLOAD; n++) {
            fill(payload, n, style);
            uint32_t len = frame_encode(FRAME_RECORDS, (uint16_t)(n * 77), payload, n, line);
            assert_true(len <= FRAME_ENCODED_MAX);
            assert_int_equal(line[0], 0);
            assert_null(memchr(line + 1, 0, len - 2));
            assert_int_equal(line[len - 1], 0);
            assert_int_equal(feed(line, len), 1);
            assert_int_equal(decoder.kind, FRAME_RECORDS);
            assert_int_equal(decoder.sequence, (uint16_t)(n * 77));
            assert_int_equal(decoder.payload_len, n);
            assert_memory_equal(decoder.payload, payload, n);
        }
    assert_int_equal(decoder.bad_frames, 0);
    assert_int_equal(text_len, 0);
}

static void text_and_frames_share_the_line(void **state)
{
    (void)state;
    uint8_t line[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(FRAME_EVENTS, 9, (const uint8_t *)"abc", 3, line);
    assert_int_equal(feed_text("hello\r\n"), 0);
    assert_int_equal(feed(line, n), 1);
    assert_int_equal(feed(line, n), 1);
    assert_int_equal(feed_text("world\n"), 0);
    assert_string_equal(text, "hello\r\nworld\n");
}

static void every_single_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t line[FRAME_ENCODED_MAX], bent[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(FRAME_REPLY, 3, (const uint8_t *)"capability", 10, line);
    for (uint32_t i = 0; i < n * 8; i++) {
        memcpy(bent, line, n);
        bent[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(feed(bent, n), 0);
        /* whatever state that left, the second frame from here on comes through */
        assert_true(feed(line, n) + feed(line, n) >= 1);
    }
}

/* A frame with a given version and a right CRC: header, one byte and CRC that hold no zero, so that
 * COBS is one code byte in front. Returns its length. */
static uint32_t frame_of_version(uint8_t version, uint8_t *line)
{
    uint8_t raw[9] = {FRAME_REPLY, version, 1, 1, 0};
    do {
        raw[4]++;
        put_le32(&raw[5], crc32_update(0, raw, 5));
    } while (memchr(raw, 0, sizeof(raw)));
    line[0] = 0;
    line[1] = sizeof(raw) + 1;
    memcpy(line + 2, raw, sizeof(raw));
    line[2 + sizeof(raw)] = 0;
    return 3 + sizeof(raw);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    uint8_t line[16];
    assert_int_equal(feed(line, frame_of_version(FRAME_VERSION, line)), 1);
    assert_int_equal(decoder.bad_frames, 0);
    assert_int_equal(feed(line, frame_of_version(FRAME_VERSION + 1, line)), 0);
    assert_int_equal(decoder.bad_frames, 1);
}

static void a_lost_opening_delimiter_costs_no_text(void **state)
{
    (void)state;
    uint8_t line[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(FRAME_RECORDS, 0, (const uint8_t *)"payload", 7, line);
    feed(line + 1, n - 1);
    text_len = 0;
    feed_text("console text that must not vanish\n");
    assert_string_equal(text, "onsole text that must not vanish\n");
    assert_int_equal(feed(line, n), 1);
}

static void a_lost_closing_delimiter_costs_one_frame(void **state)
{
    (void)state;
    uint8_t line[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(FRAME_RECORDS, 0, (const uint8_t *)"payload", 7, line);
    feed(line, n - 1);
    unsigned ready = feed(line, n) + feed(line, n) + feed(line, n);
    assert_true(ready >= 2);
}

static void an_endless_frame_is_given_up(void **state)
{
    (void)state;
    uint8_t zero = 0, one = 1;
    feed(&zero, 1);
    for (int i = 0; i < 5000; i++)
        feed(&one, 1);
    assert_true(decoder.bad_frames >= 1);
    text_len = 0;
    feed_text("ok");
    assert_string_equal(text, "ok");
}

static void hostile_bytes_neither_crash_nor_pass(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        uint8_t byte = rand() % 20 == 0 ? 0 : (uint8_t)rand();
        assert_int_not_equal(frame_decoder_put(&decoder, byte), FRAME_READY);
    }
}

/* One byte in 1000 is flipped, dropped or doubled. */
static uint8_t noisy(uint8_t byte, int *times, bool *touched)
{
    *times = 1;
    if (rand() % 1000 != 0)
        return byte;
    *touched = true;
    int what = rand() % 3;
    if (what == 0)
        return (uint8_t)(byte ^ 1 << rand() % 8);
    *times = what == 1 ? 0 : 2;
    return byte;
}

/* A frame that was not touched comes through unless the one before it was (whose end may have
 * gone missing), and nothing false is accepted. */
static void noise_costs_only_the_frames_it_touches(void **state)
{
    (void)state;
    enum { FRAMES = 4000, LEN = 100 };
    static uint8_t payload[FRAMES][LEN];
    static unsigned got[FRAMES];
    unsigned clean = 0;
    bool touched = false;
    memset(got, 0, sizeof(got));
    for (unsigned f = 0; f < FRAMES; f++) {
        uint8_t line[FRAME_ENCODED_MAX];
        bool before = touched;
        touched = false;
        fill(payload[f], LEN, 3);
        uint32_t n = frame_encode(FRAME_RECORDS, (uint16_t)f, payload[f], LEN, line);
        for (uint32_t i = 0; i < n; i++) {
            int times;
            uint8_t byte = noisy(line[i], &times, &touched);
            for (; times > 0; times--)
                if (frame_decoder_put(&decoder, byte) == FRAME_READY) {
                    assert_true(decoder.sequence == f || decoder.sequence + 1u == f);
                    assert_int_equal(decoder.payload_len, LEN);
                    assert_memory_equal(decoder.payload, payload[decoder.sequence], LEN);
                    got[decoder.sequence]++;
                }
        }
        if (!touched && !before) {
            clean++;
            assert_int_equal(got[f], 1);
        }
    }
    assert_true(clean > FRAMES / 2 && clean < FRAMES);
    assert_int_equal(decoder.good_frames >= clean, 1);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_length_and_content_comes_through, setup),
        cmocka_unit_test_setup(text_and_frames_share_the_line, setup),
        cmocka_unit_test_setup(every_single_flipped_bit_is_found, setup),
        cmocka_unit_test_setup(another_version_is_refused, setup),
        cmocka_unit_test_setup(a_lost_opening_delimiter_costs_no_text, setup),
        cmocka_unit_test_setup(a_lost_closing_delimiter_costs_one_frame, setup),
        cmocka_unit_test_setup(an_endless_frame_is_given_up, setup),
        cmocka_unit_test_setup(hostile_bytes_neither_crash_nor_pass, setup),
        cmocka_unit_test_setup(noise_costs_only_the_frames_it_touches, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
