/* The capability derivation tree as one circular list through the sentinel ks.cdt_head.
 *
 * Relies on slots being 16-byte aligned, which leaves the low four bits of both links to flags and
 * to the clear progress of untyped capabilities (layout/capability.h, untyped.c).  Link changes
 * keep those bits; an insert starts with the flags it is given and no progress; a move or swap
 * takes them along with the place.
 */
#include "kernel/cdt.h"
#include "kernel/capability.h"
#include "kernel/cdt_link.h"
#include "kernel/debug.h"
#include "kernel/untyped.h"

/* The body of an operation that somebody watches. */
#define TOLD __attribute__((noinline))

void cdt_init(void)
{
    kaddr_t head = kaddr_of(&ks.cdt_head);

    ks.cdt_head.cap = cap_null();
    ks.cdt_head.prev = head;
    ks.cdt_head.next = head;
}

static TOLD void insert_told(struct slot *to, struct slot *before, struct slot *from, struct cap c,
                             word_t flags, enum event_kind kind)
{
    cdt_link(to, before, from, c, flags, kind, true);
}

void cdt_insert(struct slot *to, struct slot *from, struct cap c, word_t flags,
                enum event_kind kind)
{
    struct slot *before = from ? from : cdt_prev(&ks.cdt_head);

    if (debug_watches())
        insert_told(to, before, from, c, flags, kind);
    else
        cdt_link(to, before, from, c, flags, kind, false);
}

static inline void insert_copy(struct slot *to, struct slot *from, struct cap c,
                               enum event_kind kind, bool told)
{
    bool original = cap_copy_is_revocable(c, from->cap);

    cdt_link(to, from, from, c, original ? CDT_REVOCABLE | CDT_FIRST_BADGED : 0, kind, told);
    if (cap_type(c) == CAP_UNTYPED)
        untyped_fill(from);
}

static TOLD void insert_copy_told(struct slot *to, struct slot *from, struct cap c,
                                  enum event_kind kind)
{
    insert_copy(to, from, c, kind, true);
}

void cdt_insert_copy(struct slot *to, struct slot *from, struct cap c, enum event_kind kind)
{
    if (debug_watches())
        insert_copy_told(to, from, c, kind);
    else
        insert_copy(to, from, c, kind, false);
}

/* The slots as a piece of list, last one first. */
static void chain(struct slot *first, word_t count, struct cap c, word_t size, kaddr_t behind)
{
    const word_t flags = CDT_REVOCABLE | CDT_FIRST_BADGED;
    const word_t bytes = sizeof(struct slot);
    kaddr_t higher = kaddr_of(first) + bytes;
    struct slot *s = first;

#pragma GCC unroll 4
    for (word_t i = 0; i < count; i++, s++) {
        slot_write(s, c, higher, higher - 2 * bytes + flags);
        higher += bytes;
        c.w[0] += size;
    }
    first->next = behind | flags;
}

static inline void objects_link(struct slot *parent, struct slot *first, word_t count, struct cap c,
                                word_t size)
{
    struct slot *last = first + count - 1;
    struct slot *after = cdt_next(parent);

    chain(first, count, c, size, kaddr_of(after));
    link_prev(last, kaddr_of(parent));
    link_prev(after, kaddr_of(first));
    link_next(parent, kaddr_of(last));
}

/* One by one, so that at each event the list is what the events so far make of it. */
static TOLD void objects_told(struct slot *parent, struct slot *first, word_t count, struct cap c,
                              word_t size)
{
    const word_t flags = CDT_REVOCABLE | CDT_FIRST_BADGED;

    for (struct slot *s = first; s < first + count; s++) {
        kaddr_t after = link_after(parent, s, c, flags);
        debug_change(digest_of(s, c, after | flags) +
                         digest_link(kaddr_of(parent), after, kaddr_of(s)),
                     EVENT_RETYPE, s, parent, c, cap_object(parent->cap), flags);
        c.w[0] += size;
    }
}

void cdt_insert_objects(struct slot *parent, struct slot *first, word_t count, struct cap c,
                        word_t size)
{
    if (debug_watches())
        objects_told(parent, first, count, c, size);
    else
        objects_link(parent, first, count, c, size);
}

static inline void move(struct slot *to, struct slot *from, struct cap c, bool told)
{
    struct slot *before = cdt_prev(from);
    struct slot *after = cdt_next(from);
    struct slot old = *from;

    slot_write(to, c, old.prev, old.next);
    link_next(before, kaddr_of(to));
    link_prev(after, kaddr_of(to));
    slot_clear(from);
    if (told)
        debug_change(digest_relink(before, kaddr_of(from), kaddr_of(to)) +
                         digest_of(to, c, old.next) - digest_of(from, old.cap, old.next),
                     EVENT_MOVE, to, from, c, 0, 0);
}

static TOLD void move_told(struct slot *to, struct slot *from, struct cap c)
{
    move(to, from, c, true);
}

void cdt_move(struct slot *to, struct slot *from, struct cap c)
{
    if (debug_watches())
        move_told(to, from, c);
    else
        move(to, from, c, false);
}

/* After two neighbours have exchanged their link words each points at itself where it should point
 * at the other. */
static inline void unknot(struct slot *s, struct slot *other)
{
    if (cdt_next(s) == s)
        link_next(s, kaddr_of(other));
    if (cdt_prev(s) == s)
        link_prev(s, kaddr_of(other));
}

/* Each takes the other's place, which their neighbours do not know yet. old_a: what a was. */
static inline void trade_places(struct slot *a, struct cap for_a, struct slot *b, struct cap for_b,
                                struct slot old_a)
{
    slot_write(a, for_a, b->prev, b->next);
    slot_write(b, for_b, old_a.prev, old_a.next);
    unknot(a, b);
    unknot(b, a);
}

static inline void relink_neighbours(struct slot *s)
{
    link_next(cdt_prev(s), kaddr_of(s));
    link_prev(cdt_next(s), kaddr_of(s));
}

static inline void relink_both(struct slot *a, struct slot *b)
{
    relink_neighbours(a);
    relink_neighbours(b);
}

/* What the slots that a swap touches add to the digest. */
static inline uint64_t digest_of_swapped(const struct slot *a, const struct slot *before_a,
                                         const struct slot *b, const struct slot *before_b)
{
    uint64_t sum = digest_of(a, a->cap, a->next) + digest_of(b, b->cap, b->next);

    if (before_a != b)
        sum += digest_relink(before_a, 0, before_a->next);
    if (before_b != a)
        sum += digest_relink(before_b, 0, before_b->next);
    return sum;
}

void cdt_swap(struct slot *a, struct cap for_a, struct slot *b, struct cap for_b)
{
    struct slot *before_a = cdt_prev(a);
    struct slot *before_b = cdt_prev(b);
    struct slot old_a = *a;
    bool told = debug_watches();
    uint64_t before = told ? digest_of_swapped(a, before_a, b, before_b) : 0;

    trade_places(a, for_a, b, for_b, old_a);
    relink_both(a, b);

    if (told)
        debug_change(digest_of_swapped(a, before_a, b, before_b) - before, EVENT_SWAP, a, b, for_a,
                     0, for_b.w[1]);
}

void cdt_update_told(struct slot *s, struct cap c, enum event_kind kind, kaddr_t object,
                     word_t detail)
{
    uint64_t change = digest_of(s, c, s->next) - digest_of(s, s->cap, s->next);

    s->cap = c;
    debug_change(change, kind, s, NULL, c, object, detail);
}

static TOLD void remove_told(struct slot *s, bool final)
{
    cdt_unlink(s, final, true);
}

void cdt_remove(struct slot *s, bool final)
{
    if (debug_watches())
        remove_told(s, final);
    else
        cdt_unlink(s, final, false);
}

bool cdt_follows_as_child(const struct slot *s, const struct slot *next)
{
    return cdt_is_parent(s, next);
}

/* Do equal first words mean the same object?  Saves the full comparison in the common case, a copy
 * next to its source. */
static inline bool first_word_names_object(struct cap c)
{
    const word_t others = 1u << CAP_NULL | 1u << CAP_UNTYPED | 1u << CAP_ZOMBIE | 1u << CAP_CONTROL;

    return !((others >> cap_type(c)) & 1);
}

bool cdt_is_final(const struct slot *s)
{
    const struct slot *before = cdt_prev(s);
    const struct slot *after = cdt_next(s);
    word_t word = s->cap.w[0];

    if (first_word_names_object(s->cap) && (before->cap.w[0] == word || after->cap.w[0] == word))
        return false;
    return !cap_same_object(before->cap, s->cap) && !cap_same_object(s->cap, after->cap);
}
