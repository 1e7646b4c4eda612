/* The digest of all slots (layout/roots.h): that it is the sum the document names, and that states
 * which differ have different digests, above all where slots and what they hold follow a pattern.
 */
#include "layout/capability.h"
#include "layout/roots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SLOTS = 48, /* of the states that are altered */
    MOVES = 512,
    STATES_MAX = 1 << 17,
    KEYS = 1 << 17,
};

struct entry {
    kaddr_t at;
    word_t w0, w1, next;
};

static struct entry state_now[SLOTS];
static uint64_t found[STATES_MAX];
static uint32_t found_count;

static uint32_t draw(void)
{
    return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

static uint64_t sum(const struct entry *e, uint32_t count)
{
    struct digest d = {{0, 0}};
    for (uint32_t i = 0; i < count; i++)
        digest_add(&d, e[i].at, e[i].w0, e[i].w1, e[i].next);
    return (uint64_t)d.lane[1] << 32 | d.lane[0];
}

/* --- states --- */

/* A CNode of endpoints from one Retype, each with a badge: the list runs downwards. */
static void make_regular(void)
{
    const kaddr_t first = 0xf0101000, object = 0xf0200000;
    for (uint32_t i = 0; i < SLOTS; i++)
        state_now[i] = (struct entry){.at = first + 16 * i,
                                      .w0 = (object + 16 * i) | CAP_ENDPOINT,
                                      .w1 = (i + 1) << 4 | RIGHT_ALL,
                                      .next = first + 16 * (i - 1) + 3};
}

/* Page tables and frames, far apart, in slots that are too. */
static void make_sparse(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        state_now[i] = (struct entry){.at = 0xf0400000 + 0x4000 * i,
                                      .w0 = (0xf1000000 + 0x1000 * i) | 0x30 | CAP_FRAME_4K,
                                      .w1 = 0x10000000 + 0x1000 * i,
                                      .next = 0xf0400000 + 0x4000 * (i + 1)};
}

static void make_random(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        state_now[i] = (struct entry){.at = 0xf0000000 | (draw() & 0x07fffff0),
                                      .w0 = draw() | 1,
                                      .w1 = draw(),
                                      .next = 0xf0000000 | (draw() & 0x07fffff3)};
}

/* --- altered states: all differ from each other --- */

static void note(void)
{
    assert_true(found_count < STATES_MAX);
    found[found_count++] = sum(state_now, SLOTS);
}

static void note_bits(struct entry *e)
{
    word_t *words[] = {&e->w0, &e->w1, &e->next};
    for (unsigned w = 0; w < 3; w++)
        for (unsigned bit = 0; bit < 32; bit++) {
            if (w == 2 && (bit == 2 || bit == 3))
                continue;
            *words[w] ^= 1u << bit;
            note();
            *words[w] ^= 1u << bit;
        }
}

static void note_moves(struct entry *e)
{
    const kaddr_t at = e->at;
    for (uint32_t i = 0; i < MOVES; i++) {
        e->at = 0xf7000000 + 16 * i;
        note();
    }
    e->at = at;
}

enum exchange { WORDS, WORD_0, WORD_1, LINKS, EXCHANGES };

static void swap_words(word_t *a, word_t *b)
{
    word_t w = *a;
    *a = *b;
    *b = w;
}

static void exchange(enum exchange what, struct entry *a, struct entry *b)
{
    if (what == WORDS || what == WORD_0)
        swap_words(&a->w0, &b->w0);
    if (what == WORDS || what == WORD_1)
        swap_words(&a->w1, &b->w1);
    if (what == LINKS)
        swap_words(&a->next, &b->next);
}

static void note_exchanges(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        for (uint32_t j = i + 1; j < SLOTS; j++)
            for (enum exchange what = WORDS; what < EXCHANGES; what++) {
                exchange(what, &state_now[i], &state_now[j]);
                note();
                exchange(what, &state_now[i], &state_now[j]);
            }
}

/* Two pairs of neighbours: what one exchange adds the other takes off, were the key linear. */
static void note_double_exchanges(void)
{
    for (uint32_t i = 0; i + 1 < SLOTS; i++)
        for (uint32_t j = i + 2; j + 1 < SLOTS; j++)
            for (enum exchange what = WORDS; what < EXCHANGES; what++) {
                exchange(what, &state_now[i], &state_now[i + 1]);
                exchange(what, &state_now[j], &state_now[j + 1]);
                note();
                exchange(what, &state_now[i], &state_now[i + 1]);
                exchange(what, &state_now[j], &state_now[j + 1]);
            }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void assert_all_differ(void)
{
    found_count = 0;
    note();
    for (uint32_t i = 0; i < SLOTS; i++) {
        note_bits(&state_now[i]);
        note_moves(&state_now[i]);
    }
    note_exchanges();
    note_double_exchanges();
    qsort(found, found_count, sizeof(found[0]), by_value);
    for (uint32_t i = 1; i < found_count; i++)
        if (found[i] == found[i - 1])
            fail_msg("two of %u states have the digest %016llx", found_count,
                     (unsigned long long)found[i]);
}

static void altered_states_of_a_cnode_differ(void **state)
{
    (void)state;
    make_regular();
    assert_all_differ();
}

static void altered_states_of_scattered_slots_differ(void **state)
{
    (void)state;
    make_sparse();
    assert_all_differ();
}

static void altered_random_states_differ(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        make_random();
        assert_all_differ();
    }
}

/* --- what hides a change --- */

/* Two slots with one key could exchange what they hold. Among so many a few pairs are chance: about
 * as many as 2^17 numbers out of 2^32 have. */
static void keys_differ_as_random_numbers_do(void **state)
{
    static const uint32_t distance[] = {16, 0x200, 0x400};
    uint32_t equal = 0;
    (void)state;
    for (unsigned k = 0; k < sizeof(distance) / sizeof(distance[0]); k++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            found[i] = digest_key(0xf0000000 + distance[k] * i);
            assert_true(found[i] != 0);
        }
        qsort(found, KEYS, sizeof(found[0]), by_value);
        for (uint32_t i = 1; i < KEYS; i++)
            equal += found[i] == found[i - 1];
    }
    if (equal > 24)
        fail_msg("%u pairs of slots have the same key", equal);
}

static uint64_t changes_over(kaddr_t at, kaddr_t a, kaddr_t b, bool links)
{
    const word_t d = 0x40;
    const struct entry e[] = {
        {at, d, 0, d}, {at + a, 0 - d, 0, 0 - d}, {at + b, 0 - d, 0, 0 - d}, {at + a + b, d, 0, d}};
    uint64_t change = 0;
    for (unsigned i = 0; i < 4; i++)
        change += links ? digest_link(e[i].at, 0, e[i].next)
                        : digest_slot(e[i].at, e[i].w0, 0, 0) - digest_slot(e[i].at, 0, 0, 0);
    return change;
}

/* Four slots at the corners of a parallelogram, two changed by something, two by its opposite. */
static void patterns_seldom_cancel(void **state)
{
    static const uint32_t side[][2] = {{1, 1},   {1, 2},    {1, 3},     {2, 4},      {1, 16},
                                       {4, 64},  {16, 256}, {3, 48},    {5, 7},      {32, 32},
                                       {1, 256}, {256, 1},  {256, 512}, {1024, 4096}};
    enum { SIDES = sizeof(side) / sizeof(side[0]), PLACES = 1 << 14 };
    uint32_t hidden = 0, seen = 0;
    (void)state;
    for (unsigned k = 0; k < SIDES; k++)
        for (uint32_t i = 0; i < PLACES; i++)
            for (int links = 0; links < 2; links++) {
                hidden += changes_over(0xf0100000 + 16 * i, 16 * side[k][0], 16 * side[k][1],
                                       links != 0) == 0;
                seen++;
            }
    if (hidden > seen / 100000)
        fail_msg("%u of %u patterns of changes are hidden", hidden, seen);
}

/* --- the sum --- */

static void a_changed_link_adds_the_difference(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        const kaddr_t at = 0xf0000000 | (draw() & 0x0ffffff0);
        const word_t w0 = draw(), w1 = draw(), kept = draw() & 0xf;
        const word_t old = 0xf0000000 | (draw() & 0x0ffffff0) | kept;
        const word_t now = 0xf0000000 | (draw() & 0x0ffffff0) | kept;
        assert_true(digest_slot(at, w0, w1, old) + digest_link(at, old, now) ==
                    digest_slot(at, w0, w1, now));
    }
}

static void progress_in_a_link_is_no_difference(void **state)
{
    (void)state;
    assert_true(digest_slot(0xf0001230, 0xf0123401, 12, 0xf0005671) ==
                digest_slot(0xf0001230, 0xf0123401, 12, 0xf000567d));
}

/* Computed by the formula of docs/record-format.md in Python, whose numbers have no size. */
static void the_sum_is_the_documents(void **state)
{
    const struct entry e[] = {{0xf0001000, 0xf0123402, 0x0000012f, 0xf0001013},
                              {0xf0001010, 0x00000006, 0xffffffff, 0x00000000},
                              {0x10000000, 0xfffffff0, 0x80000000, 0x7fffffff}};
    (void)state;
    assert_true(sum(e, 1) == 0x20ebdc2162068ae6ull);
    assert_true(sum(e, 3) == 0xe995753037a6df72ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(altered_states_of_a_cnode_differ),
        cmocka_unit_test(altered_states_of_scattered_slots_differ),
        cmocka_unit_test(altered_random_states_differ),
        cmocka_unit_test(keys_differ_as_random_numbers_do),
        cmocka_unit_test(patterns_seldom_cancel),
        cmocka_unit_test(a_changed_link_adds_the_difference),
        cmocka_unit_test(progress_in_a_link_is_no_difference),
        cmocka_unit_test(the_sum_is_the_documents),
    };
    srand(3);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
