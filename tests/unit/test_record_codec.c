/* record/codec.c: every kind round-trips, bytes of any origin are taken or refused, and the
 * encoding is the documented one, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/codec.h"

#include "layout/events.h"
#include "layout/objects.h"
#include "objwalk/capscope/audit.h"
#include "record/names.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t kinds[] = {
#define X(value, NAME, name) value,
    RECORD_LIST(X)
#undef X
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Small, large, zero and all ones, as real fields are. */
static uint32_t random_number(void)
{
    switch (rand() % 6) {
    case 0:
        return 0;
    case 1:
        return 0xffffffffu;
    case 2:
        return (uint32_t)rand() % 200;
    case 3:
        return 0x80000000u + (uint32_t)rand() % 0x8000000u;
    default:
        return (uint32_t)rand() * 2654435761u;
    }
}

static uint64_t random_word(void)
{
    uint64_t low = random_number();
    return rand() % 3 == 0 ? low | (uint64_t)random_number() << 32 : low;
}

static void random_string(struct record_string *s)
{
    s->length = (uint8_t)(rand() % 4 == 0 ? 0 : rand() % (RECORD_STRING_MAX + 1));
    for (int i = 0; i < s->length; i++)
        s->bytes[i] = (char)(rand() % 255 + 1);
    s->bytes[s->length] = '\0';
}

static void random_bytes(struct record_bytes *b)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    b->length = (uint32_t)(rand() % (RECORD_BYTES_MAX + 1));
    b->bytes = bytes;
    for (uint32_t i = 0; i < b->length; i++)
        bytes[i] = (uint8_t)rand();
}

#define RANDOM_U(field)     r->field = random_number();
#define RANDOM_W(field)     r->field = random_word();
#define RANDOM_D(field)     r->field = random_word();
#define RANDOM_T(field)     RANDOM_U(field)
#define RANDOM_S(field)     random_string(&r->field);
#define RANDOM_B(field)     random_bytes(&r->field);
#define RANDOM(mode, field) RANDOM_##mode(field)
#define SAME_U(field)       assert_int_equal(a->field, b->field);
#define SAME_W(field)       assert_true(a->field == b->field);
#define SAME_D(field)       assert_true(a->field == b->field);
#define SAME_T(field)       SAME_U(field)
#define SAME_S(field)                                                                              \
    assert_int_equal(a->field.length, b->field.length);                                            \
    assert_memory_equal(a->field.bytes, b->field.bytes, a->field.length + 1u);
#define SAME_B(field)                                                                              \
    assert_int_equal(a->field.length, b->field.length);                                            \
    assert_memory_equal(a->field.bytes, b->field.bytes, a->field.length);
#define SAME(mode, field) SAME_##mode(field)

#define X(value, NAME, name)                                                                       \
    static void random_##name(struct record_##name *r)                                             \
    {                                                                                              \
        RECORD_FIELDS_##NAME(RANDOM)                                                               \
    }                                                                                              \
    static void same_##name(const struct record_##name *a, const struct record_##name *b)          \
    {                                                                                              \
        RECORD_FIELDS_##NAME(SAME)                                                                 \
    }
RECORD_LIST(X)
#undef X

static void random_record(struct record *r, uint32_t kind)
{
    r->kind = (enum record_kind)kind;
    switch (kind) {
#define X(value, NAME, name)                                                                       \
    case value:                                                                                    \
        random_##name(&r->name);                                                                   \
        break;
        RECORD_LIST(X)
#undef X
    default:
        fail();
    }
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->kind, b->kind);
    switch (a->kind) {
#define X(value, NAME, name)                                                                       \
    case RECORD_##NAME:                                                                            \
        same_##name(&a->name, &b->name);                                                           \
        break;
        RECORD_LIST(X)
#undef X
    default:
        fail();
    }
}

static struct record_codec encoder, decoder;

static int setup(void **state)
{
    (void)state;
    record_codec_init(&encoder);
    record_codec_init(&decoder);
    srand(7);
    return 0;
}

static void random_records_of_every_kind_round_trip(void **state)
{
    (void)state;
    uint32_t longest = 0;
    for (int i = 0; i < 100000; i++) {
        struct record in, out;
        uint8_t bytes[RECORD_MAX_BYTES];
        uint32_t used = 0;
        random_record(&in, kinds[i < KINDS ? i : rand() % KINDS]);
        if (in.kind == RECORD_SNAPSHOT)
            in.snapshot.format = RECORD_FORMAT; /* that of the rest */
        uint32_t n = record_encode(&encoder, &in, bytes);
        assert_true(n <= RECORD_MAX_BYTES);
        longest = n > longest ? n : longest;
        assert_int_equal(record_decode(&decoder, bytes, n, &used, &out), ERR_OK);
        assert_int_equal(used, n);
        assert_same(&in, &out);
    }
    assert_true(longest > 300);
}

static void the_longest_record_fits(void **state)
{
    (void)state;
    struct record r;
    uint8_t bytes[RECORD_MAX_BYTES];
    memset(&r, 0xff, sizeof(r));
    r.kind = RECORD_SNAPSHOT;
    r.snapshot.board.length = r.snapshot.build.length = 255;
    assert_int_equal(record_encode(&encoder, &r, bytes), 1 + 2 + 11 * 5 + 8 * 10 + 2 * 168);
}

static void slot_records_are_the_documented_bytes(void **state)
{
    (void)state;
    struct record r = {.kind = RECORD_SLOT};
    uint8_t bytes[RECORD_MAX_BYTES];
    r.slot = (struct record_slot){.addr = 0x80000010,
                                  .depth = 1,
                                  .type = RECORD_CAP_FRAME,
                                  .object = 0x80100000,
                                  .bits = 12,
                                  .rights = 3,
                                  .flags = 1};
    /* differences 0x80000010 and 0x80100000: zigzag 0x100000020, 0x100200000; what is behind flags
     * is 0 and left out */
    static const uint8_t first[] = {2,    15,   0xa0, 0x80, 0x80, 0x80, 0x10, 1, 8,
                                    0x80, 0x80, 0x80, 0x81, 0x10, 12,   3,    1};
    assert_int_equal(record_encode(&encoder, &r, bytes), sizeof(first));
    assert_memory_equal(bytes, first, sizeof(first));
    r.slot.addr += 16;
    r.slot.object += 4096;
    r.slot.data = 0x1000;
    /* 16 -> 32; 4096 -> 8192; data: 4096 as a difference from 0 -> 8192 */
    static const uint8_t second[] = {2, 10, 32, 1, 8, 0x80, 0x40, 12, 3, 1, 0x80, 0x40};
    assert_int_equal(record_encode(&encoder, &r, bytes), sizeof(second));
    assert_memory_equal(bytes, second, sizeof(second));
}

static void differences_are_those_of_64_bits(void **state)
{
    (void)state;
    static const uint64_t addresses[] = {0xffffff8042609c00, 0x10,       0xffffffffffffffff, 0,
                                         0x8000000000000000, 0x80000000, 0x7fffffff,         1};
    struct record in = {.kind = RECORD_SLOT}, out;
    uint8_t bytes[RECORD_MAX_BYTES];
    uint32_t used;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        in.slot.addr = addresses[i];
        in.slot.type = 1;
        uint32_t n = record_encode(&encoder, &in, bytes);
        assert_int_equal(record_decode(&decoder, bytes, n, &used, &out), ERR_OK);
        assert_true(out.slot.addr == addresses[i]);
    }
}

/* The stream of a kernel of before: zigzag of differences of 32 bits. */
static void a_narrow_stream_is_read_as_it_was_meant(void **state)
{
    (void)state;
    static const uint8_t snapshot[] = {RECORD_SNAPSHOT, 1, RECORD_FORMAT_NARROW};
    static const uint8_t slot[] = {2,    15,   0xdf, 0xff, 0xff, 0xff, 0x0f, 1, 8,
                                   0xff, 0xff, 0xff, 0xfe, 0x0f, 12,   3,    1};
    struct record out;
    uint32_t used;
    assert_int_equal(record_decode(&decoder, snapshot, sizeof(snapshot), &used, &out), ERR_OK);
    assert_int_equal(record_word_bits(&out.snapshot), 32);
    assert_int_equal(record_slot_bits(&out.snapshot), 4);
    assert_int_equal(record_decode(&decoder, slot, sizeof(slot), &used, &out), ERR_OK);
    assert_true(out.slot.addr == 0x80000010);
    assert_true(out.slot.object == 0x80100000);
}

static void a_snapshot_record_resets_the_differences(void **state)
{
    (void)state;
    struct record slot = {.kind = RECORD_SLOT}, snapshot = {.kind = RECORD_SNAPSHOT}, out;
    uint8_t bytes[RECORD_MAX_BYTES], again[RECORD_MAX_BYTES];
    uint32_t used;
    slot.slot.addr = 0x80001000;
    slot.slot.type = 1;
    uint32_t n = record_encode(&encoder, &slot, bytes);
    record_encode(&encoder, &snapshot, again);
    assert_int_equal(record_encode(&encoder, &slot, again), n);
    assert_memory_equal(bytes, again, n);
    /* the decoder forgets as well */
    assert_int_equal(record_decode(&decoder, bytes, n, &used, &out), ERR_OK);
    n = record_encode(&encoder, &snapshot, again);
    assert_int_equal(record_decode(&decoder, again, n, &used, &out), ERR_OK);
    n = record_encode(&encoder, &slot, again);
    assert_int_equal(record_decode(&decoder, again, n, &used, &out), ERR_OK);
    assert_int_equal(out.slot.addr, 0x80001000);
}

static void missing_fields_read_as_zero_and_more_is_ignored(void **state)
{
    (void)state;
    struct record out;
    uint32_t used;
    static const uint8_t full[] = {RECORD_SLOT, 8, 2, 1, 3, 4, 9, 9, 9, 20};
    static const uint8_t brief[] = {RECORD_SLOT, 2, 2, 5};
    static const uint8_t longer[] = {RECORD_GAP, 5, 7, 8, 9, 10, 11};
    assert_int_equal(record_decode(&decoder, full, sizeof(full), &used, &out), ERR_OK);
    assert_int_equal(out.slot.object, 2);
    assert_int_equal(out.slot.data, 10);
    assert_int_equal(record_decode(&decoder, brief, sizeof(brief), &used, &out), ERR_OK);
    assert_int_equal(out.slot.addr, 2);
    assert_int_equal(out.slot.depth, 5);
    assert_int_equal(out.slot.object, 0);
    assert_int_equal(out.slot.data, 0);
    /* a missing difference made the base 0 */
    assert_int_equal(record_decode(&decoder, full, sizeof(full), &used, &out), ERR_OK);
    assert_int_equal(out.slot.addr, 3);
    assert_int_equal(out.slot.object, 2);
    assert_int_equal(record_decode(&decoder, longer, sizeof(longer), &used, &out), ERR_OK);
    assert_int_equal(used, 7);
    assert_int_equal(out.gap.count, 8);
}

static void unknown_kinds_are_skipped(void **state)
{
    (void)state;
    struct record out;
    uint32_t used = 0;
    static const uint8_t future[] = {200, 3, 1, 2, 3, RECORD_GAP, 1, 4};
    assert_int_equal(record_decode(&decoder, future, sizeof(future), &used, &out), ERR_UNSUPPORTED);
    assert_int_equal(used, 5);
    assert_int_equal(record_decode(&decoder, future + 5, 3, &used, &out), ERR_OK);
    assert_int_equal(out.gap.first, 4);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct record out;
    uint32_t used;
#define REFUSES(...)                                                                               \
    do {                                                                                           \
        static const uint8_t p[] = {__VA_ARGS__};                                                  \
        assert_int_equal(record_decode(&decoder, p, sizeof(p), &used, &out), ERR_FORMAT);          \
    } while (0)
    REFUSES(0, 1, 2);                                              /* kind 0 */
    REFUSES(RECORD_GAP, 0x80, 0x80, 0x01);                         /* length of three bytes */
    REFUSES(RECORD_GAP, 0xff, 0x7f, 0);                            /* longer than a record */
    REFUSES(RECORD_GAP, 1, 0x80);                                  /* number cut by the end */
    REFUSES(RECORD_REVOKE, 7, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f); /* more than 32 bits */
    REFUSES(RECORD_REVOKE, 7, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10); /* just more */
    REFUSES(RECORD_GAP, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2); /* than 64 */
    REFUSES(RECORD_GAP, 11, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
            0);                           /* number of eleven bytes */
    REFUSES(RECORD_TEXT, 3, 5, 'a', 'b'); /* string cut */
    REFUSES(RECORD_TEXT, 3, 2, 'a', 0);   /* NUL in a string */
    uint8_t big[172] = {RECORD_TEXT, 0xa9, 0x01, RECORD_STRING_MAX + 1};
    memset(big + 4, 'x', sizeof(big) - 4);
    assert_int_equal(record_decode(&decoder, big, sizeof(big), &used, &out), ERR_FORMAT);
}

static void every_prefix_of_a_record_is_truncated(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct record in, out;
        uint8_t bytes[RECORD_MAX_BYTES];
        uint32_t used;
        random_record(&in, kinds[i % KINDS]);
        uint32_t n = record_encode(&encoder, &in, bytes);
        for (uint32_t len = 0; len < n; len++) {
            uint8_t *exact = malloc(len ? len : 1); /* the sanitizer sees a read behind it */
            memcpy(exact, bytes, len);
            assert_int_equal(record_decode(&decoder, exact, len, &used, &out), ERR_TRUNCATED);
            free(exact);
        }
    }
}

static void hostile_bytes_decode_to_bounded_records(void **state)
{
    (void)state;
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[64];
        struct record out;
        uint32_t used = 0, len = (uint32_t)rand() % sizeof(bytes);
        for (uint32_t j = 0; j < len; j++)
            bytes[j] = (uint8_t)rand();
        if (len > 1 && rand() % 2) {
            bytes[0] = (uint8_t)(rand() % RECORD_KINDS);
            bytes[1] = (uint8_t)(rand() % 64);
        }
        enum error e = record_decode(&decoder, bytes, len, &used, &out);
        if (e == ERR_OK || e == ERR_UNSUPPORTED) {
            assert_true(used >= 2 && used <= len);
        }
        if (e == ERR_OK && out.kind == RECORD_TEXT)
            assert_int_equal(strlen(out.text.text.bytes), out.text.text.length);
    }
}

static void strings_end_at_their_nul(void **state)
{
    (void)state;
    struct record in = {.kind = RECORD_TEXT}, out;
    uint8_t bytes[RECORD_MAX_BYTES];
    uint32_t used;
    memcpy(in.text.text.bytes, "ab\0cd", 5);
    in.text.text.length = 5;
    uint32_t n = record_encode(&encoder, &in, bytes);
    assert_int_equal(record_decode(&decoder, bytes, n, &used, &out), ERR_OK);
    assert_string_equal(out.text.text.bytes, "ab");
}

static void names_are_those_of_the_lists(void **state)
{
    (void)state;
    assert_string_equal(record_kind_name(RECORD_SLOT), "slot");
    assert_string_equal(record_kind_name(RECORD_KINDS), "?");
    assert_string_equal(record_cap_name(RECORD_CAP_INVALID), "invalid");
    assert_string_equal(record_cap_name(RECORD_CAP_TYPES), "?");
    assert_string_equal(event_kind_name(EVENT_FAULT), "fault");
    assert_string_equal(event_kind_name(0), "?");
    assert_string_equal(thread_state_name(THREAD_IDLE), "idle");
    assert_string_equal(thread_state_name(99), "?");
    assert_string_equal(audit_rule_sentence(AUDIT_LINK_LOOP), "the derivation list does not end");
    assert_string_equal(audit_rule_sentence(0), "?");
    assert_string_equal(error_sentence(ERR_TORN), "the state changed while it was read");
    assert_string_equal(error_sentence((enum error)77), "?");
}

static void rights_have_the_letters_that_their_type_knows(void **state)
{
    (void)state;
    char text[5];
    assert_string_equal(record_rights_text(RECORD_CAP_ENDPOINT, 15, text), "rwgp");
    assert_string_equal(record_rights_text(RECORD_CAP_ENDPOINT, 1, text), "w");
    assert_string_equal(record_rights_text(RECORD_CAP_NOTIFICATION, 15, text), "rw");
    assert_string_equal(record_rights_text(RECORD_CAP_REPLY, 12, text), "g");
    assert_string_equal(record_rights_text(RECORD_CAP_FRAME, 2, text), "r");
    assert_string_equal(record_rights_text(RECORD_CAP_FRAME, 0, text), "-");
    assert_string_equal(record_access_text(7, text), "rwx");
    assert_string_equal(record_access_text(6, text), "rx");
    assert_string_equal(record_access_text(8, text), "-");
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_records_of_every_kind_round_trip, setup),
        cmocka_unit_test_setup(the_longest_record_fits, setup),
        cmocka_unit_test_setup(slot_records_are_the_documented_bytes, setup),
        cmocka_unit_test_setup(differences_are_those_of_64_bits, setup),
        cmocka_unit_test_setup(a_narrow_stream_is_read_as_it_was_meant, setup),
        cmocka_unit_test_setup(a_snapshot_record_resets_the_differences, setup),
        cmocka_unit_test_setup(missing_fields_read_as_zero_and_more_is_ignored, setup),
        cmocka_unit_test_setup(unknown_kinds_are_skipped, setup),
        cmocka_unit_test_setup(nonsense_is_refused, setup),
        cmocka_unit_test_setup(every_prefix_of_a_record_is_truncated, setup),
        cmocka_unit_test_setup(hostile_bytes_decode_to_bounded_records, setup),
        cmocka_unit_test_setup(strings_end_at_their_nul, setup),
        cmocka_unit_test_setup(names_are_those_of_the_lists, setup),
        cmocka_unit_test(rights_have_the_letters_that_their_type_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
