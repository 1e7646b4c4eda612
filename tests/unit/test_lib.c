/* lib/: memory and string functions against the C library's, CRC against zlib's, formatting against
 * snprintf's where the two agree, LEB128 and zigzag round trips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/array.h"
#include "lib/bytes.h"
#include "record/capdl.h"
#include "lib/crc32.h"
#include "lib/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The freestanding functions under names of their own. */
#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp

enum { ARENA = 160, MAX_LEN = 80 };

static void fill(uint8_t *p, size_t n, uint8_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(seed + i * 7);
}

static void memcpy_copies_at_every_alignment_and_length(void **state)
{
    (void)state;
    for (size_t to = 0; to < 8; to++)
        for (size_t from = 0; from < 8; from++)
            for (size_t n = 0; n < MAX_LEN; n++) {
                uint8_t a[ARENA], b[ARENA], want[ARENA];
                fill(a, ARENA, 3);
                fill(b, ARENA, 90);
                memcpy(want, b, ARENA);
                memcpy(want + to, a + from, n);
                assert_ptr_equal(own_memcpy(b + to, a + from, n), b + to);
                assert_memory_equal(b, want, ARENA);
            }
}

static void memmove_survives_every_overlap(void **state)
{
    (void)state;
    for (size_t to = 0; to < 48; to++)
        for (size_t from = 0; from < 48; from++)
            for (size_t n = 0; n < MAX_LEN; n += 1 + n / 16) {
                uint8_t a[ARENA], want[ARENA];
                fill(a, ARENA, 5);
                memcpy(want, a, ARENA);
                memmove(want + to, want + from, n);
                assert_ptr_equal(own_memmove(a + to, a + from, n), a + to);
                assert_memory_equal(a, want, ARENA);
            }
}

static void memset_fills_exactly_the_range(void **state)
{
    (void)state;
    for (size_t to = 0; to < 8; to++)
        for (size_t n = 0; n < MAX_LEN; n++) {
            uint8_t a[ARENA], want[ARENA];
            fill(a, ARENA, 1);
            memcpy(want, a, ARENA);
            memset(want + to, 0x1a5, n);
            assert_ptr_equal(own_memset(a + to, 0x1a5, n), a + to);
            assert_memory_equal(a, want, ARENA);
        }
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void comparisons_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "\xff", "\x7f", "abcdefgh"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(own_strlen(words[i]), strlen(words[i]));
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            const char *x = words[i], *y = words[j];
            assert_int_equal(sign(own_strcmp(x, y)), sign(strcmp(x, y)));
            for (size_t n = 0; n < 5; n++)
                assert_int_equal(sign(own_strncmp(x, y, n)), sign(strncmp(x, y, n)));
            size_t n = strlen(x) < strlen(y) ? strlen(x) : strlen(y);
            assert_int_equal(sign(own_memcmp(x, y, n)), sign(memcmp(x, y, n)));
        }
    }
}

static void crc32_is_that_of_zlib(void **state)
{
    (void)state;
    uint8_t data[1000];
    assert_int_equal(crc32_update(0, "123456789", 9), 0xcbf43926);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)rand();
    for (uint32_t n = 0; n <= sizeof(data); n += 37) {
        assert_int_equal(crc32_update(0, data, n), crc32(0, data, n));
        uint32_t half = crc32_update(0, data, n / 2);
        assert_int_equal(crc32_update(half, data + n / 2, n - n / 2), crc32(0, data, n));
    }
}

#define assert_formats(want, ...)                                                                  \
    do {                                                                                           \
        char text[200];                                                                            \
        uint32_t length = format_string(text, sizeof(text), __VA_ARGS__);                          \
        assert_string_equal(text, want);                                                           \
        assert_int_equal(length, strlen(want));                                                    \
    } while (0)

static void format_prints_numbers_strings_and_padding(void **state)
{
    (void)state;
    assert_formats("plain", "plain");
    assert_formats("0 4294967295", "%u %u", 0u, 0xffffffffu);
    assert_formats("-2147483648 7", "%d %d", INT32_MIN, 7);
    assert_formats("deadbeef", "%x", 0xdeadbeefu);
    assert_formats("0000002a|  2a|2a  |", "%08x|%4x|%-4x|", 42u, 42u, 42u);
    assert_formats("-0042|  -42|-42  |", "%05d|%5d|%-5d|", -42, -42, -42);
    assert_formats("abc|  abc|abc  |ab|", "%s|%5s|%-5s|%.2s|", "abc", "abc", "abc", "abc");
    assert_formats("c|  c", "%c|%3c", 'c', 'c');
    assert_formats("100%", "%u%%", 100u);
    assert_formats("123456789abcdef0", "%lx", 0x123456789abcdef0ul);
    assert_formats("-5 6", "%ld %lu", -5l, 6ul);
    assert_formats("(null)", "%s", (char *)NULL);
}

static void format_prints_unknown_conversions_themselves(void **state)
{
    (void)state;
    const char *odd = "%q %-5y %";
    assert_formats("%q %-5y %", odd, 1, 2);
}

static void format_string_truncates_and_tells_the_length(void **state)
{
    (void)state;
    char text[6] = "zzzzz";
    assert_int_equal(format_string(text, 5, "%s", "abcdefgh"), 8);
    assert_string_equal(text, "abcd");
    assert_int_equal(format_string(text, 1, "xyz"), 3);
    assert_string_equal(text, "");
    text[0] = 'q';
    assert_int_equal(format_string(text, 0, "xyz"), 3);
    assert_int_equal(text[0], 'q');
}

static void format_string_reads_no_further_than_its_precision(void **state)
{
    (void)state;
    char *three = malloc(3); /* no NUL: the sanitizer sees a read behind it */
    memcpy(three, "abc", 3);
    assert_formats("abc", "%.3s", three);
    free(three);
}

static void escape_leaves_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    char text[2000], all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    uint32_t n = format_escape(text, sizeof(text), all, 256);
    assert_int_equal(n, strlen(text));
    assert_int_equal(n, 94 + (256 - 94) * 4);
    for (uint32_t i = 0; i < n; i++)
        assert_true(text[i] >= 0x20 && text[i] <= 0x7e);
    format_escape(text, sizeof(text), "a\033[2J\\b", 7);
    assert_string_equal(text, "a\\x1b[2J\\x5cb");
}

static void leb128_round_trips_and_refuses_what_does_not_fit(void **state)
{
    (void)state;
    uint8_t p[8];
    uint32_t v = 0;
    for (uint32_t bit = 0; bit < 33; bit++) {
        uint32_t want = bit == 32 ? 0xffffffffu : (uint32_t)1 << bit;
        uint32_t n = put_leb32(p, want);
        assert_true(n <= 5);
        assert_int_equal(get_leb32(p, n, &v), n);
        assert_int_equal(v, want);
        assert_int_equal(get_leb32(p, n - 1, &v), 0);
    }
    assert_int_equal(get_leb32((const uint8_t *)"\xff\xff\xff\xff\x1f", 5, &v), 0);
    assert_int_equal(get_leb32((const uint8_t *)"\x80\x80\x80\x80\x80\x00", 6, &v), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t x = (uint32_t)rand() * 2654435761u;
        assert_int_equal(unzigzag(zigzag(x)), x);
    }
    assert_int_equal(zigzag(0xffffffffu), 1);
    assert_int_equal(zigzag(1), 2);
}

static void capdl_spells_names_and_parameters(void **state)
{
    static const struct {
        struct record_slot slot;
        const char *text;
    } cases[] = {
        {{.type = RECORD_CAP_ENDPOINT, .object = 0x80102000, .rights = 15}, "ep_80102000 (RWGP)"},
        {{.type = RECORD_CAP_ENDPOINT, .object = 0x80102000, .rights = 1, .data = 7},
         "ep_80102000 (W, badge: 0x7)"},
        {{.type = RECORD_CAP_NOTIFICATION, .object = 0x10, .data = 0x0fffffff},
         "ntf_00000010 (badge: 0xfffffff)"},
        {{.type = RECORD_CAP_UNTYPED, .object = 0x80100000, .bits = 16}, "ut_80100000_16"},
        {{.type = RECORD_CAP_CNODE, .object = 0x80101000, .data = 0x3ffff, .extra = 28},
         "cn_80101000 (guard: 0x3ffff, guard_size: 28)"},
        {{.type = RECORD_CAP_FRAME, .object = 0x80200000, .rights = 7}, "fr_80200000 (RW)"},
        {{.type = RECORD_CAP_REPLY, .object = 0x80300200, .flags = RECORD_SLOT_MASTER},
         "tcb_80300200 (master_reply)"},
        {{.type = RECORD_CAP_REPLY, .object = 0x80300200}, "tcb_80300200 (reply)"},
        {{.type = RECORD_CAP_PAGE_DIRECTORY, .object = 0x80304000, .extra = 0x1ffff},
         "pd_80304000 (asid: (0x7f, 0x3ff))"},
        {{.type = RECORD_CAP_IRQ_HANDLER, .object = 27}, "irq_27"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char name[CAPDL_NAME], parameters[CAPDL_PARAMETERS], whole[CAPDL_NAME + CAPDL_PARAMETERS];
        const struct record_slot *r = &cases[i].slot;
        snprintf(whole, sizeof(whole), "%s%s", capdl_name(name, r->type, r->object, r->bits),
                 capdl_parameters(parameters, r));
        assert_string_equal(whole, cases[i].text);
    }
    assert_false(capdl_is_object(RECORD_CAP_ZOMBIE));
    assert_false(capdl_is_object(0xffffffff));
    assert_string_equal(capdl_tcb_slot(4), "ipc_buffer_slot");
    assert_string_equal(capdl_tcb_slot(6), "temp_fault_ep_slot");
    assert_string_equal(capdl_tcb_slot(7), "?");
}

static void *refuses(void *array, size_t bytes)
{
    (void)array;
    (void)bytes;
    return NULL;
}

static void an_array_grows_and_keeps_what_it_holds(void **state)
{
    uint32_t *array = NULL;
    size_t room = 0, grown = 0;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        size_t before = room;
        array = array_room(array, i, &room, sizeof(*array));
        assert_non_null(array);
        assert_true(room > i);
        grown += room != before;
        array[i] = i;
    }
    assert_true(grown < 20);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(array[i], i);
    array = array_room(array, 5000000, &room, sizeof(*array)); /* far beyond the next doubling */
    assert_non_null(array);
    assert_true(room > 5000000);
    free(array);
}

static void an_array_that_cannot_grow_stays_as_it_was(void **state)
{
    size_t room = 0;
    (void)state;
    assert_null(array_room_by(refuses, NULL, 0, &room, 8));
    assert_int_equal(room, 0);
    assert_null(array_room(NULL, SIZE_MAX, &room, 1));
    assert_null(array_room(NULL, SIZE_MAX / 8, &room, 16)); /* has no number of bytes */
    assert_int_equal(room, 0);
}

static void a_lower_bound_is_where_a_linear_search_ends(void **state)
{
    uint32_t number[40];
    (void)state;
    for (size_t count = 0; count <= 40; count++)
        for (uint32_t key = 0; key < 64; key++) {
            size_t expected = 0;
            for (size_t i = 0; i < count; i++)
                number[i] = (uint32_t)i * 3 / 2;
            while (expected < count && number[expected] < key)
                expected++;
            assert_int_equal(LOWER_BOUND(count, i, number[i] < key), expected);
        }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capdl_spells_names_and_parameters),
        cmocka_unit_test(memcpy_copies_at_every_alignment_and_length),
        cmocka_unit_test(memmove_survives_every_overlap),
        cmocka_unit_test(memset_fills_exactly_the_range),
        cmocka_unit_test(comparisons_agree_with_the_c_library),
        cmocka_unit_test(crc32_is_that_of_zlib),
        cmocka_unit_test(format_prints_numbers_strings_and_padding),
        cmocka_unit_test(format_prints_unknown_conversions_themselves),
        cmocka_unit_test(format_string_truncates_and_tells_the_length),
        cmocka_unit_test(format_string_reads_no_further_than_its_precision),
        cmocka_unit_test(escape_leaves_nothing_that_a_terminal_obeys),
        cmocka_unit_test(an_array_grows_and_keeps_what_it_holds),
        cmocka_unit_test(an_array_that_cannot_grow_stays_as_it_was),
        cmocka_unit_test(a_lower_bound_is_where_a_linear_search_ends),
        cmocka_unit_test(leb128_round_trips_and_refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
