/* A refresh finds what a whole walk finds, whatever the kernel did in between: capabilities copied
 * into empty slots, moved with and without neighbours, deleted, replaced, chains of new ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objwalk/sel4/records.h"
#include "tests/unit/sel4_fixture.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ROUNDS = 300, CHANGES = 6, SLOT = 32, SLOTS = 4096 };

#define CNODE 0xffffff807ffc0000u /* of the root task */
#define FLAGS 3u

struct system {
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_state last;
    uint8_t *elf;
    uint64_t random;
    uint32_t whole, refreshed; /* walks that read everything, and that did not */
};

static void begin(struct system *y)
{
    *y = (struct system){.random = 88172645463325252u};
    fixture_load(&y->f, "a64", true);
    y->f.zeros = true;
    fixture_attach(&y->f, &y->k, &y->elf);
    assert_int_equal(sel4_walk(&y->k, &y->last), ERR_OK);
}

static void end(struct system *y)
{
    sel4_state_fini(&y->last);
    fixture_close(&y->k, y->elf);
    fixture_free(&y->f);
}

static uint32_t below(struct system *y, uint32_t n)
{
    y->random ^= y->random << 13;
    y->random ^= y->random >> 7;
    y->random ^= y->random << 17;
    return (uint32_t)(y->random >> 33) % n;
}

/* --- the kernel's own operations on a slot's four words --- */

static uint64_t word(const struct system *y, uint64_t slot, unsigned i)
{
    return fixture_word(&y->f, slot + i * 8u);
}

static void set(struct system *y, uint64_t slot, unsigned i, uint64_t value)
{
    fixture_put_word(&y->f, slot + i * 8u, value);
}

static uint64_t next(const struct system *y, uint64_t slot)
{
    uint64_t v = word(y, slot, 3) & 0xfffffffffffcu;
    return v >> 47 ? v | 0xffff000000000000u : v;
}

static void set_next(struct system *y, uint64_t slot, uint64_t to)
{
    if (slot != 0)
        set(y, slot, 3, (to & 0xfffffffffffcu) | (word(y, slot, 3) & FLAGS));
}

static void set_prev(struct system *y, uint64_t slot, uint64_t to)
{
    if (slot != 0)
        set(y, slot, 2, to);
}

static void insert(struct system *y, uint64_t from, uint64_t to)
{
    uint64_t behind = next(y, from);
    set(y, to, 0, word(y, from, 0));
    set(y, to, 1, word(y, from, 1));
    set(y, to, 3, 0);
    set_prev(y, to, from);
    set_next(y, to, behind);
    set_prev(y, behind, to);
    set_next(y, from, to);
}

static void clear(struct system *y, uint64_t slot)
{
    for (unsigned i = 0; i < 4; i++)
        set(y, slot, i, 0);
}

static void delete (struct system *y, uint64_t slot)
{
    set_next(y, word(y, slot, 2), next(y, slot));
    set_prev(y, next(y, slot), word(y, slot, 2));
    clear(y, slot);
}

static void move(struct system *y, uint64_t from, uint64_t to)
{
    for (unsigned i = 0; i < 4; i++)
        set(y, to, i, word(y, from, i));
    set_next(y, word(y, from, 2), to);
    set_prev(y, next(y, from), to);
    clear(y, from);
}

/* --- random systems --- */

static uint64_t any_slot(struct system *y, bool filled)
{
    for (;;) {
        uint64_t slot = CNODE + (uint64_t)below(y, filled ? 256 : SLOTS) * SLOT;
        if (slot >= CNODE + 16u * SLOT && (word(y, slot, 0) != 0) == filled)
            return slot;
    }
}

static bool is_plain(const struct system *y, uint64_t slot)
{
    uint64_t tag = word(y, slot, 0) >> 59;
    return tag == 4 || tag == 6; /* endpoint, notification */
}

/* With which no object goes. */
static bool is_copy(const struct system *y, uint64_t slot)
{
    return is_plain(y, slot) && (word(y, slot, 3) & FLAGS) == 0;
}

static void change(struct system *y)
{
    uint64_t slot = any_slot(y, true);
    uint64_t to = any_slot(y, false);
    uint64_t from = 0;
    switch (below(y, 5)) {
    case 0:
        move(y, slot, to); /* untypeds without neighbours, too */
        return;
    case 1:
        if (is_copy(y, slot))
            delete (y, slot);
        return;
    case 2: /* one capability goes, and another takes its slot */
        from = any_slot(y, true);
        if (is_copy(y, slot) && is_plain(y, from) && from != slot) {
            delete (y, slot);
            insert(y, from, slot);
        }
        return;
    default:
        if (is_plain(y, slot))
            insert(y, slot, to);
        return;
    }
}

/* A chain in which each only its neighbour names, all over the CNode. */
static void chain(struct system *y, uint32_t length)
{
    uint64_t from = any_slot(y, true);
    while (!is_plain(y, from))
        from = any_slot(y, true);
    for (uint32_t i = 0; i < length; i++) {
        uint64_t to = any_slot(y, false);
        insert(y, from, to);
        from = to;
    }
}

static enum error last_of(void *ctx, const struct record *r)
{
    struct record_end *end = ctx;
    if (r->kind == RECORD_END)
        *end = r->end;
    return ERR_OK;
}

static struct record_end told(struct system *y, const struct sel4_state *s)
{
    struct record_end end = {0};
    assert_int_equal(sel4_records(&y->k, s, true, last_of, &end), ERR_OK);
    return end;
}

/* Both from nothing in the cache. */
static void compare(struct system *y)
{
    struct sel4_state whole;
    struct sel4_state again;
    sel4_memory_forget(&y->k.memory);
    y->k.memory.bytes = 0;
    assert_int_equal(sel4_walk(&y->k, &whole), ERR_OK);
    uint64_t bytes = y->k.memory.bytes;
    sel4_memory_forget(&y->k.memory);
    y->k.memory.bytes = 0;
    assert_int_equal(sel4_walk_again(&y->k, &y->last, &again), ERR_OK);
    y->whole += y->k.memory.bytes >= bytes;
    y->refreshed += y->k.memory.bytes < bytes / 2;
    struct record_end a = told(y, &whole);
    struct record_end b = told(y, &again);
    assert_int_equal(a.slots, b.slots);
    assert_int_equal(a.records, b.records);
    assert_int_equal(a.digest0, b.digest0);
    assert_int_equal(a.digest1, b.digest1);
    sel4_state_fini(&y->last);
    sel4_state_fini(&whole);
    y->last = again;
}

static void a_refresh_finds_what_a_walk_finds(void **state)
{
    struct system y;
    (void)state;
    begin(&y);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (uint32_t n = below(&y, CHANGES); n > 0; n--)
            change(&y);
        compare(&y);
    }
    print_message("%u refreshed, %u read whole\n", y.refreshed, y.whole);
    assert_true(y.refreshed > ROUNDS / 10 && y.whole > ROUNDS / 10);
    end(&y);
}

static void long_chains_are_followed(void **state)
{
    struct system y;
    (void)state;
    begin(&y);
    for (uint32_t length = 1; length <= 256; length *= 2) {
        chain(&y, length);
        compare(&y);
    }
    end(&y);
}

/* Of the capability that leaves nothing behind but an empty slot. */
static void a_lone_capability_that_moved_is_found(void **state)
{
    struct system y;
    (void)state;
    begin(&y);
    uint64_t from = CNODE + 0x3e0; /* a device untyped without neighbours */
    assert_true(word(&y, from, 2) == 0 && next(&y, from) == 0);
    move(&y, from, CNODE + 4000u * SLOT);
    compare(&y);
    assert_int_equal(y.whole, 1);
    end(&y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh_finds_what_a_walk_finds),
        cmocka_unit_test(long_chains_are_followed),
        cmocka_unit_test(a_lone_capability_that_moved_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
