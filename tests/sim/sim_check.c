/* Every invariant of a kernel at rest, checked from the layout alone: no code of the kernel or of
 * the object walker is used, so that a mistake there is not repeated here. */
#include "tests/sim/sim.h"

#include <stdlib.h>

struct entry {
    kaddr_t at;
    struct cap cap;
    uint64_t first; /* of the object; for capabilities to memory */
    uint64_t last;
    bool physical;
};

static struct entry *entries;
static unsigned entry_count;
static kaddr_t *listed; /* addresses of the entries, ascending */

static int by_address(const void *a, const void *b)
{
    kaddr_t x = *(const kaddr_t *)a;
    kaddr_t y = *(const kaddr_t *)b;
    return (x > y) - (x < y);
}

static int by_range(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

static bool refers_to_memory(struct cap c)
{
    enum cap_type t = cap_type(c);
    return t != CAP_NULL && t != CAP_REPLY && t != CAP_CONTROL;
}

/* ---- the list -----------------------------------------------------------------------------------
 */
static void add_entry(kaddr_t at, const struct slot *s)
{
    entries = realloc(entries, (entry_count + 1) * sizeof(*entries));
    struct entry *e = &entries[entry_count++];
    *e = (struct entry){.at = at, .cap = s->cap, .physical = refers_to_memory(s->cap)};
    if (e->physical) {
        if (cap_object_bits(s->cap) > UNTYPED_MAX_BITS)
            fail_msg("slot %08x: an object of 2^%u bytes", at, cap_object_bits(s->cap));
        e->first = cap_object(s->cap);
        e->last = e->first + ((uint64_t)1 << cap_object_bits(s->cap)) - 1;
        if (e->last > UINT32_MAX)
            fail_msg("slot %08x: an object past the end of the address space", at);
    }
}

static void read_list(void)
{
    kaddr_t head = kaddr_of(&ks.cdt_head);
    kaddr_t before = head;
    unsigned bound = hostsim_ram_size / sizeof(struct slot);
    free(entries);
    entries = NULL;
    entry_count = 0;
    assert_int_equal(cap_type(ks.cdt_head.cap), CAP_NULL);
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != head;) {
        const struct slot *s = kptr(a);
        if (a == 0 || entry_count == bound)
            fail_msg("the derivation list does not return to its head");
        if ((s->prev & SLOT_LINK_MASK) != before)
            fail_msg("slot %08x: previous link is %08x, but %08x links to it", a, s->prev, before);
        if (cap_type(s->cap) == CAP_NULL)
            fail_msg("slot %08x stands in the derivation list and is empty", a);
        add_entry(a, s);
        before = a;
        a = s->next & SLOT_LINK_MASK;
    }
    assert_int_equal(ks.cdt_head.prev & SLOT_LINK_MASK, before);
}

static void index_list(void)
{
    free(listed);
    listed = malloc((entry_count + 1) * sizeof(*listed));
    for (unsigned i = 0; i < entry_count; i++)
        listed[i] = entries[i].at;
    qsort(listed, entry_count, sizeof(*listed), by_address);
    for (unsigned i = 1; i < entry_count; i++)
        if (listed[i] == listed[i - 1])
            fail_msg("slot %08x stands in the derivation list twice", listed[i]);
}

unsigned sim_slot_count(void)
{
    read_list();
    return entry_count;
}

/* ---- containers ---------------------------------------------------------------------------------
 */
struct container {
    kaddr_t first;
    unsigned slots;
    unsigned left; /* slots from here on are empty, but for a zombie in the last */
};

static bool container_of_cap(struct cap c, struct container *out)
{
    switch (cap_type(c)) {
    case CAP_CNODE:
        *out = (struct container){cap_object(c), 1u << cnode_radix(c), 1u << cnode_radix(c)};
        return true;
    case CAP_TCB:
        *out = (struct container){cap_object(c), TCB_SLOTS, TCB_SLOTS};
        return true;
    case CAP_ZOMBIE:
        *out = (struct container){
            cap_object(c), zombie_is_tcb(c) ? TCB_SLOTS : 1u << zombie_radix(c), zombie_left(c)};
        return true;
    default:
        return false;
    }
}

/* Marks the container's occupied slots as seen; each must be in the list. */
static void check_container(struct container k, bool *seen)
{
    for (unsigned i = 0; i < k.slots; i++) {
        kaddr_t at = k.first + i * (kaddr_t)sizeof(struct slot);
        const struct slot *s = kptr(at);
        if (cap_type(s->cap) == CAP_NULL) {
            if ((s->prev & SLOT_LINK_MASK) || (s->next & SLOT_LINK_MASK))
                fail_msg("slot %08x is empty but linked: %08x %08x", at, s->prev, s->next);
            continue;
        }
        /* a zombie may wait in another's last slot, see kernel/delete.c */
        if (i >= k.left && !(i == k.slots - 1 && cap_type(s->cap) == CAP_ZOMBIE))
            fail_msg("slot %08x of a zombie is occupied, though only %u are left", at, k.left);
        kaddr_t *found = bsearch(&at, listed, entry_count, sizeof(*listed), by_address);
        if (!found)
            fail_msg("slot %08x holds %08x %08x and stands not in the derivation list", at,
                     s->cap.w[0], s->cap.w[1]);
        seen[found - listed] = true;
    }
}

static void check_containers(void)
{
    bool *seen = calloc(entry_count + 1, sizeof(*seen));
    struct container k = {kaddr_of(ks.irq_slots), IRQ_COUNT, IRQ_COUNT};
    check_container(k, seen);
    for (unsigned i = 0; i < entry_count; i++)
        if (container_of_cap(entries[i].cap, &k))
            check_container(k, seen);
    for (unsigned i = 0; i < entry_count; i++)
        if (!seen[i])
            fail_msg("slot %08x in the derivation list lies in no CNode, TCB, zombie or interrupt",
                     listed[i]);
    free(seen);
}

/* ---- memory -------------------------------------------------------------------------------------
 */
static bool inside(const struct entry *e, const struct entry *u)
{
    return e->physical && u->first <= e->first && e->last <= u->last;
}

static bool overlap(const struct entry *a, const struct entry *b)
{
    return a->physical && b->physical && a->first <= b->last && b->first <= a->last;
}

/* What lies in untyped i follows it without a gap and lies under its watermark.  An untyped of the
 * same extent that stands in front of it is its source. */
static void check_untyped(unsigned i)
{
    const struct entry *u = &entries[i];
    unsigned run = i + 1;
    while (run < entry_count && inside(&entries[run], u))
        run++;
    for (unsigned j = 0; j < entry_count; j++) {
        const struct entry *e = &entries[j];
        bool below = j > i && j < run;
        bool above = cap_type(e->cap) == CAP_UNTYPED && inside(u, e);
        if (!below && j != i && overlap(e, u) && !above)
            fail_msg("slot %08x: %08x..%08x overlaps untyped %08x in slot %08x and is not below it",
                     e->at, (unsigned)e->first, (unsigned)e->last, (unsigned)u->first, u->at);
        if (below && e->last + 1 - u->first > untyped_watermark(u->cap))
            fail_msg("slot %08x: object %08x..%08x lies above watermark %x of untyped %08x", e->at,
                     (unsigned)e->first, (unsigned)e->last, untyped_watermark(u->cap),
                     (unsigned)u->first);
    }
}

static void check_overlap(void)
{
    struct entry *sorted = malloc((entry_count + 1) * sizeof(*sorted));
    unsigned n = 0;
    for (unsigned i = 0; i < entry_count; i++)
        if (entries[i].physical && cap_type(entries[i].cap) != CAP_UNTYPED)
            sorted[n++] = entries[i];
    qsort(sorted, n, sizeof(*sorted), by_range);
    for (unsigned i = 1; i < n; i++) {
        const struct entry *a = &sorted[i - 1];
        const struct entry *b = &sorted[i];
        bool same =
            a->first == b->first && a->last == b->last && cap_type(a->cap) == cap_type(b->cap);
        if (overlap(a, b) && !same)
            fail_msg("objects of slots %08x and %08x overlap at %08x", a->at, b->at,
                     (unsigned)b->first);
    }
    free(sorted);
}

/* ---- threads ------------------------------------------------------------------------------------
 */
static unsigned check_queue(unsigned priority)
{
    const struct ready_queue *q = &ks.ready[priority];
    bool bit = (ks.ready_bits[priority / 32] >> (priority % 32)) & 1;
    kaddr_t before = 0;
    unsigned n = 0;
    if (bit != (q->head != 0))
        fail_msg("priority %u: ready bit is %d, head of the queue %08x", priority, bit, q->head);
    for (kaddr_t a = q->head; a; n++) {
        const struct tcb *t = kptr(a);
        if (t->sched_prev != before || !t->queued || t->priority != priority ||
            (t->state != THREAD_RUNNING && t->state != THREAD_RESTART))
            fail_msg("ready queue %u: thread %08x: prev %08x, queued %u, priority %u, state %u",
                     priority, a, t->sched_prev, t->queued, t->priority, t->state);
        assert_true(n < hostsim_ram_size / sizeof(struct tcb));
        before = a;
        a = t->sched_next;
    }
    assert_int_equal(q->tail, before);
    return n;
}

static void check_threads(void)
{
    unsigned in_queues = 0;
    unsigned queued = 0;
    kaddr_t last = 0;
    for (unsigned p = 0; p < CONFIG_PRIORITIES; p++)
        in_queues += check_queue(p);
    for (unsigned i = 0; i < CONFIG_PRIORITIES / 32; i++)
        assert_int_equal((ks.ready_top >> i) & 1, ks.ready_bits[i] != 0);
    kaddr_t *tcbs = calloc(entry_count + 1, sizeof(*tcbs));
    unsigned n = 0;
    for (unsigned i = 0; i < entry_count; i++)
        if (cap_type(entries[i].cap) == CAP_TCB)
            tcbs[n++] = cap_object(entries[i].cap);
    qsort(tcbs, n, sizeof(*tcbs), by_address);
    for (unsigned i = 0; i < n; last = tcbs[i++]) {
        const struct tcb *t = kptr(tcbs[i]);
        bool runnable = t->state == THREAD_RUNNING || t->state == THREAD_RESTART;
        if (tcbs[i] == last)
            continue;
        queued += t->queued;
        if (runnable && !t->queued && ks.current != tcbs[i])
            fail_msg("thread %08x can run, but is neither queued nor current", tcbs[i]);
    }
    free(tcbs);
    assert_int_equal(in_queues, queued);
    assert_int_equal(ks.candidate, 0);
}

static void check_digest(void)
{
    struct digest d = {{0, 0}};
    for (unsigned i = 0; i < entry_count; i++) {
        const struct slot *s = kptr(entries[i].at);
        digest_add(&d, entries[i].at, s->cap.w[0], s->cap.w[1], s->next);
    }
    assert_int_equal(hostsim_digest()->lane[0], d.lane[0]);
    assert_int_equal(hostsim_digest()->lane[1], d.lane[1]);
}

void sim_check(void)
{
    read_list();
    index_list();
    check_containers();
    for (unsigned i = 0; i < entry_count; i++)
        if (cap_type(entries[i].cap) == CAP_UNTYPED)
            check_untyped(i);
    check_overlap();
    check_threads();
    check_digest();
}
