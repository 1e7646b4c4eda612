/* The state follows from the events: a mirror that sees only records, encoded and decoded as on the
 * wire, against the kernel's own list, over random operations of every kind with preemption.
 *
 * CAPSCOPE_REPLAY_OPERATIONS sets how many operations are made. */
#include "tests/sim/sim_random.h"

#include "objwalk/capscope/walk.h"
#include "objwalk/replay.h"
#include "record/codec.h"
#include "record/names.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPERATIONS = 1000000,
    EPISODE = 5000,      /* operations from one boot on */
    COMPARE_EVERY = 250, /* operations between two comparisons slot by slot */
    DIGEST_EVERY = 8,    /* events between two comparisons of digests */
    SLOTS_MAX = 20000,
    BASE_MAX = 2000,
    EVENTS = 4, /* of make_events() */
};

static struct objwalk walk;
static struct memview view;
static struct replay mirror;
static struct record_codec encoder, decoder;
static unsigned events[EVENT_KINDS];
static unsigned events_seen;
static struct record base[BASE_MAX]; /* the last one, if it was small */
static unsigned base_count;

/* --- from the kernel to the mirror --- */

/* As a record travels: through bytes. */
static enum error pass(const struct record *r)
{
    uint8_t bytes[RECORD_MAX_BYTES];
    struct record out;
    uint32_t used, n = record_encode(&encoder, r, bytes);
    assert_int_equal(record_decode(&decoder, bytes, n, &used, &out), ERR_OK);
    return replay_record(&mirror, &out);
}

static enum error pass_any(void *ctx, const struct record *r)
{
    (void)ctx;
    if (base_count < BASE_MAX)
        base[base_count++] = *r;
    return pass(r);
}

static void take_base(void)
{
    record_codec_init(&encoder);
    record_codec_init(&decoder);
    base_count = 0;
    assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_STOPPED, pass_any, NULL), ERR_OK);
    assert_int_equal(mirror.state, REPLAY_SOUND);
}

static void fill_event(uint32_t seq, struct record *r)
{
    struct event_ring ring;
    struct event e;
    assert_int_equal(memview_read(&view, walk.roots.event_ring, &ring, sizeof(ring)), ERR_OK);
    kaddr_t at = ring.base + (seq & (ring.capacity - 1)) * (kaddr_t)sizeof(e);
    assert_int_equal(memview_read(&view, at, &e, sizeof(e)), ERR_OK);
    assert_int_equal(e.seq, seq);
    r->kind = RECORD_EVENT;
    objwalk_event(&walk, &e, &r->event);
}

static uint32_t ring_head(void)
{
    struct event_ring ring;
    assert_int_equal(memview_read(&view, walk.roots.event_ring, &ring, sizeof(ring)), ERR_OK);
    return ring.head;
}

static void assert_digest(void)
{
    struct digest d;
    replay_digest(&mirror, d.lane);
    if (memcmp(&d, hostsim_digest(), sizeof(d)) != 0)
        fail_msg("after event %u the mirror's digest is %08x%08x, the kernel's %08x%08x",
                 (unsigned)mirror.seq, (unsigned)d.lane[1], (unsigned)d.lane[0],
                 (unsigned)hostsim_digest()->lane[1], (unsigned)hostsim_digest()->lane[0]);
}

/* Called by the kernel at each event, inside the operation. */
static void on_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                     struct cap cap, kaddr_t object, word_t detail)
{
    struct record r;
    (void)ctx, (void)slot, (void)src, (void)cap, (void)object, (void)detail;
    fill_event(ring_head(), &r);
    enum error e = pass(&r);
    if (e != ERR_OK)
        fail_msg("event %u (%s, slot %x, src %x) does not fit the mirror: %s",
                 (unsigned)r.event.seq, event_kind_name(kind), (unsigned)r.event.slot,
                 (unsigned)r.event.src, error_sentence(e));
    events[kind]++;
    if (++events_seen % DIGEST_EVERY == 0)
        assert_digest();
}

/* --- comparing --- */

static const struct record_slot *kernel_slots(uint32_t *count)
{
    static struct record_slot slots[SLOTS_MAX];
    uint32_t n = 0;
    objwalk_cdt_begin(&walk, &walk.cursor);
    while (objwalk_cdt_next(&walk, &walk.cursor, &slots[n]) == ERR_OK)
        assert_true(++n < SLOTS_MAX);
    *count = n;
    return slots;
}

static bool same_slot(const struct record_slot *a, const struct record_slot *b)
{
    return a->addr == b->addr && a->depth == b->depth && a->type == b->type &&
           a->object == b->object && a->bits == b->bits && a->rights == b->rights &&
           a->flags == b->flags && a->data == b->data && a->extra == b->extra;
}

static void assert_same_list(void)
{
    static struct replay_cursor c;
    struct record_slot s;
    uint32_t count, i = 0;
    const struct record_slot *slots = kernel_slots(&count);
    assert_int_equal(mirror.count, count);
    for (replay_begin(&c); replay_next(&mirror, &c, &s); i++)
        if (!same_slot(&s, &slots[i]))
            fail_msg(
                "entry %u: mirror %08x depth %u %s %08x flags %u data %x, kernel %08x depth %u "
                "%s %08x flags %u data %x",
                (unsigned)i, (unsigned)s.addr, (unsigned)s.depth, record_cap_name(s.type),
                (unsigned)s.object, (unsigned)s.flags, (unsigned)s.data, (unsigned)slots[i].addr,
                (unsigned)slots[i].depth, record_cap_name(slots[i].type), (unsigned)slots[i].object,
                (unsigned)slots[i].flags, (unsigned)slots[i].data);
    assert_int_equal(i, count);
    assert_digest();
}

/* --- fixture --- */

static void boot(void)
{
    kaddr_t roots;
    memset(&hostsim.hooks, 0, sizeof(hostsim.hooks));
    sim_boot();
    view = sim_memview();
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &roots), ERR_OK);
    assert_int_equal(objwalk_open(&walk, &view, roots), ERR_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&hostsim, 0, sizeof(hostsim));
    memset(events, 0, sizeof(events));
    events_seen = 0;
    replay_init(&mirror);
    boot();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hostsim_preempt_every(0);
    hostsim.hooks.event = NULL;
    replay_free(&mirror);
    sim_end();
    return 0;
}

static unsigned operations(void)
{
    const char *text = getenv("CAPSCOPE_REPLAY_OPERATIONS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    return n ? (unsigned)n : OPERATIONS;
}

/* --- the claim --- */

static void episode(unsigned seed, unsigned steps)
{
    struct sim_random random;
    srand(seed);
    boot();
    sim_random_begin(&random);
    take_base();
    hostsim.hooks.event = on_event;
    hostsim_preempt_every(seed % 4);
    for (unsigned i = 0; i < steps; i++) {
        sim_random_step(&random);
        if (i % COMPARE_EVERY == 0)
            assert_same_list();
    }
    assert_same_list();
    hostsim_preempt_every(0);
    hostsim.hooks.event = NULL;
    sim_check();
}

/* Every kind that changes a slot, and the steps of revokes, must have come. (Which revoke goes on
 * with one that was interrupted is for the debug build's door to know.) */
static void assert_all_kinds_came(void)
{
    for (unsigned kind = EVENT_RETYPE; kind <= EVENT_REVOKE_END; kind++) {
        print_message("# %u %s\n", events[kind], event_kind_name(kind));
        if (events[kind] == 0 && kind != EVENT_REVOKE_RESUMED)
            fail_msg("no event of kind %s", event_kind_name(kind));
    }
}

static void the_exact_state_follows_from_base_and_events(void **state)
{
    (void)state;
    unsigned n = operations();
    for (unsigned seed = 1, done = 0; done < n; seed++, done += EPISODE)
        episode(seed, n - done < EPISODE ? n - done : EPISODE);
    print_message("# %u operations, %u events\n", n, events_seen);
    assert_all_kinds_came();
}

/* --- what does not fit is told --- */

static uint32_t seq_before;
static struct record digest_after[EVENTS + 1];

static struct record digest_now(void)
{
    struct record r = {.kind = RECORD_DIGEST};
    r.digest.seq = ring_head();
    r.digest.digest0 = hostsim_digest()->lane[0];
    r.digest.digest1 = hostsim_digest()->lane[1];
    return r;
}

static void note_digest(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                        struct cap cap, kaddr_t object, word_t detail)
{
    (void)ctx, (void)kind, (void)slot, (void)src, (void)cap, (void)object, (void)detail;
    assert_in_range(ring_head() - seq_before, 1, EVENTS);
    digest_after[ring_head() - seq_before] = digest_now();
}

/* Some operations that are not passed to the mirror; their events lie in the ring. */
static void make_events(void)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    cptr_t to = sim_free_slots(3);
    take_base();
    seq_before = ring_head();
    hostsim.hooks.event = note_digest;
    assert_int_equal(sim_mint(to, ep, RIGHT_ALL, 7), 0);
    assert_int_equal(sim_mint(to + 1, ep, RIGHT_ALL, 8), 0);
    assert_int_equal(sim_move(to + 2, to), 0);
    assert_int_equal(sim_delete(to + 1), 0);
    assert_int_equal(ring_head(), seq_before + EVENTS);
    hostsim.hooks.event = NULL;
}

/* The i-th of them, from 1. */
static struct record nth_event(uint32_t i)
{
    struct record r;
    fill_event(seq_before + i, &r);
    return r;
}

static enum error pass_events(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        struct record r = nth_event(i);
        enum error e = pass(&r);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static void a_digest_that_agrees_is_accepted(void **state)
{
    (void)state;
    make_events();
    assert_int_equal(pass_events(1, EVENTS), ERR_OK);
    struct record d = digest_now();
    assert_int_equal(pass(&d), ERR_OK);
    assert_same_list();
}

static void a_missing_event_is_told_with_its_number(void **state)
{
    (void)state;
    make_events();
    assert_int_equal(pass_events(1, 1), ERR_OK);
    assert_int_equal(pass_events(4, 4), ERR_SEQUENCE);
    assert_int_equal(mirror.state, REPLAY_LOST);
    assert_int_equal(mirror.trouble, seq_before + 2);
    assert_int_equal(mirror.lost, 2);
    /* and nothing is believed any more until there is a new base */
    assert_int_equal(pass_events(2, 2), ERR_TORN);
    struct record d = digest_now();
    assert_int_equal(pass(&d), ERR_TORN);
    take_base();
    assert_int_equal(pass(&d), ERR_OK);
    assert_same_list();
}

static void a_gap_is_told_with_its_size(void **state)
{
    (void)state;
    struct record gap = {.kind = RECORD_GAP};
    make_events();
    gap.gap.first = seq_before + 1;
    gap.gap.count = 4;
    assert_int_equal(pass(&gap), ERR_SEQUENCE);
    assert_int_equal(mirror.lost, 4);
    assert_int_equal(mirror.state, REPLAY_LOST);
}

static void events_missing_at_the_end_are_told_by_the_digest(void **state)
{
    (void)state;
    make_events();
    assert_int_equal(pass_events(1, 3), ERR_OK);
    struct record d = digest_now();
    assert_int_equal(pass(&d), ERR_SEQUENCE);
    assert_int_equal(mirror.lost, 1);
}

static void pass_base_again(void)
{
    for (unsigned i = 0; i < base_count; i++)
        assert_int_equal(pass(&base[i]), ERR_OK);
}

enum altered {
    ALTER_SEQ,
    ALTER_SLOT,
    ALTER_SRC,
    ALTER_OBJECT,
    ALTER_DATA,
    ALTER_TYPE,
    ALTER_RIGHTS,
    ALTER_FLAGS,
    ALTERED,
};

/* Has this field a meaning in this kind of event?  Flags say something of inserts alone; a deletion
 * has no source. */
static bool is_meant(const struct record_event *e, enum altered field, unsigned bit)
{
    if (field == ALTER_FLAGS)
        return e->kind == EVENT_MINT && bit < 2;
    return field != ALTER_SRC || e->kind != EVENT_DELETE;
}

static void alter(struct record_event *e, enum altered field, unsigned bit)
{
    record_word_t *const words[] = {[ALTER_SEQ] = &e->seq,
                                    [ALTER_SLOT] = &e->slot,
                                    [ALTER_SRC] = &e->src,
                                    [ALTER_OBJECT] = &e->object,
                                    [ALTER_DATA] = &e->data};
    uint32_t *const numbers[] = {
        [ALTER_TYPE] = &e->type, [ALTER_RIGHTS] = &e->rights, [ALTER_FLAGS] = &e->flags};
    if (field < ALTER_TYPE)
        *words[field] ^= (record_word_t)1 << bit;
    else
        *numbers[field] ^= (uint32_t)1 << bit;
}

/* One bit of one field: the event does not fit, or the digest right after it tells. */
static void assert_alteration_is_seen(uint32_t which, enum altered field, unsigned bit)
{
    struct record r = nth_event(which);
    if (!is_meant(&r.event, field, bit))
        return;
    alter(&r.event, field, bit);
    pass_base_again();
    assert_int_equal(pass_events(1, which - 1), ERR_OK);
    enum error e = pass(&r);
    if (e == ERR_OK)
        e = pass(&digest_after[which]);
    if (e == ERR_OK)
        fail_msg("event %u, field %u, bit %u: altered, and nothing noticed", (unsigned)which, field,
                 bit);
}

static void no_altered_event_goes_unseen(void **state)
{
    (void)state;
    make_events();
    for (uint32_t which = 1; which <= EVENTS; which++)
        for (unsigned field = 0; field < 8; field++)
            for (unsigned bit = 0; bit < 32; bit++)
                assert_alteration_is_seen(which, field, bit);
}

static void a_dropped_slot_of_the_base_is_told(void **state)
{
    (void)state;
    make_events();
    enum error e = ERR_OK;
    for (unsigned i = 0; i < base_count && e == ERR_OK; i++)
        if (i != 5)
            e = pass(&base[i]);
    assert_int_equal(e, ERR_TRUNCATED);
    assert_int_equal(mirror.state, REPLAY_LOST);
}

static void two_exchanged_slots_of_the_base_are_told(void **state)
{
    (void)state;
    make_events();
    struct record kept = base[5];
    base[5] = base[6];
    base[6] = kept;
    enum error e = ERR_OK;
    for (unsigned i = 0; i < base_count && e == ERR_OK; i++)
        e = pass(&base[i]);
    assert_int_equal(e, ERR_CHECKSUM);
}

static void a_base_of_another_layout_is_refused(void **state)
{
    (void)state;
    make_events();
    base[0].snapshot.layout++;
    assert_int_equal(pass(&base[0]), ERR_LAYOUT);
    base[0].snapshot.layout--;
    base[0].snapshot.kernel = 2;
    assert_int_equal(pass(&base[0]), ERR_UNSUPPORTED);
    base[0].snapshot.kernel = 1;
    base[0].snapshot.format++;
    assert_int_equal(pass(&base[0]), ERR_VERSION);
}

/* Events of any content: an error or none, never a fault; the list stays one that can be read. */
static void random_events_do_no_harm(void **state)
{
    static struct replay_cursor c;
    (void)state;
    make_events();
    srand(5);
    for (unsigned round = 0; round < 3000; round++) {
        pass_base_again();
        for (unsigned i = 1; mirror.state == REPLAY_SOUND && i < 40; i++) {
            struct record r = {.kind = RECORD_EVENT};
            const struct record_slot *some = &base[1 + (unsigned)rand() % mirror.count].slot;
            const struct record_slot *other = &base[1 + (unsigned)rand() % mirror.count].slot;
            r.event.seq = mirror.seq + 1;
            r.event.kind = (uint32_t)rand() % EVENT_KINDS;
            r.event.slot = some->addr + (rand() % 2 ? 0x1000000u : 0);
            r.event.src = rand() % 8 ? other->addr : 0;
            r.event.type = other->type;
            r.event.object = other->object;
            r.event.bits = other->bits;
            r.event.rights = other->rights;
            r.event.flags = other->flags;
            r.event.data = other->data;
            r.event.extra = other->extra;
            r.event.detail = (uint32_t)rand();
            pass(&r);
        }
        uint32_t n = 0;
        struct record_slot s;
        for (replay_begin(&c); n < SLOTS_MAX && replay_next(&mirror, &c, &s);)
            n++;
        assert_int_equal(n, mirror.count);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_exact_state_follows_from_base_and_events),
        CASE(a_digest_that_agrees_is_accepted),
        CASE(a_missing_event_is_told_with_its_number),
        CASE(a_gap_is_told_with_its_size),
        CASE(events_missing_at_the_end_are_told_by_the_digest),
        CASE(no_altered_event_goes_unseen),
        CASE(a_dropped_slot_of_the_base_is_told),
        CASE(two_exchanged_slots_of_the_base_are_told),
        CASE(a_base_of_another_layout_is_refused),
        CASE(random_events_do_no_harm),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
