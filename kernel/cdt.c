/* The capability derivation tree as one circular list through the sentinel ks.cdt_head.
 *
 * Relies on slots being 16-byte aligned, which leaves the low four bits of both links to flags and
 * to the clear progress of untyped capabilities (abi/capability.h, untyped.c).  Link changes keep
 * those bits; an insert starts with the flags it is given and no progress; a move or swap takes
 * them along with the place.
 */
#include "kernel/cdt.h"
#include "kernel/capability.h"
#include "kernel/cdt_link.h"
#include "kernel/debug.h"
#include "kernel/untyped.h"

void cdt_init(void)
{
    kaddr_t head = kaddr_of(&ks.cdt_head);

    ks.cdt_head.cap = cap_null();
    ks.cdt_head.prev = head;
    ks.cdt_head.next = head;
}

void cdt_insert(struct slot *to, struct slot *from, struct cap c, word_t flags,
                enum event_kind kind)
{
    struct slot *before = from ? from : cdt_prev(&ks.cdt_head);

    cdt_link(to, before, c, flags);
    debug_event(kind, to, from, c, 0, flags);
}

void cdt_insert_copy(struct slot *to, struct slot *from, struct cap c, enum event_kind kind)
{
    bool original = cap_copy_is_revocable(c, from->cap);

    cdt_insert(to, from, c, original ? CDT_REVOCABLE | CDT_FIRST_BADGED : 0, kind);
    if (cap_type(c) == CAP_UNTYPED)
        untyped_fill(from);
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
        *s = (struct slot){.cap = c, .prev = higher, .next = higher - 2 * bytes + flags};
        higher += bytes;
        c.w[0] += size;
    }
    first->next = behind | flags;
}

void cdt_insert_objects(struct slot *parent, struct slot *first, word_t count, struct cap c,
                        word_t size)
{
    struct slot *last = first + count - 1;
    struct slot *after = cdt_next(parent);

    digest_out(parent);
    chain(first, count, c, size, kaddr_of(after));
    link_prev(last, kaddr_of(parent));
    link_prev(after, kaddr_of(first));
    link_next(parent, kaddr_of(last));
    digest_in(parent);
    for (struct slot *s = first; s <= last; s++)
        digest_in(s);
    for (struct slot *s = first; s <= last; s++)
        debug_event(EVENT_RETYPE, s, parent, s->cap, cap_object(parent->cap),
                    CDT_REVOCABLE | CDT_FIRST_BADGED);
}

void cdt_move(struct slot *to, struct slot *from, struct cap c)
{
    struct slot *before = cdt_prev(from);
    struct slot *after = cdt_next(from);

    digest_out(before);
    digest_out(from);
    to->cap = c;
    to->prev = from->prev;
    to->next = from->next;
    link_next(before, kaddr_of(to));
    link_prev(after, kaddr_of(to));
    slot_clear(from);
    digest_in(before);
    digest_in(to);
    debug_event(EVENT_MOVE, to, from, c, 0, 0);
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

static inline void relink_neighbours(struct slot *s)
{
    link_next(cdt_prev(s), kaddr_of(s));
    link_prev(cdt_next(s), kaddr_of(s));
}

void cdt_swap(struct slot *a, struct cap for_a, struct slot *b, struct cap for_b)
{
    struct slot *before_a = cdt_prev(a);
    struct slot *before_b = cdt_prev(b);
    struct slot old_a = *a;

    digest_out(a);
    digest_out(b);
    if (before_a != b)
        digest_out(before_a);
    if (before_b != a)
        digest_out(before_b);

    *a = (struct slot){.cap = for_a, .prev = b->prev, .next = b->next};
    *b = (struct slot){.cap = for_b, .prev = old_a.prev, .next = old_a.next};
    unknot(a, b);
    unknot(b, a);
    relink_neighbours(a);
    relink_neighbours(b);

    digest_in(a);
    digest_in(b);
    if (before_a != b)
        digest_in(before_a);
    if (before_b != a)
        digest_in(before_b);
    debug_event(EVENT_SWAP, a, b, for_a, 0, for_b.w[1]);
}

void cdt_remove(struct slot *s, bool final)
{
    struct cap old = s->cap;

    cdt_unlink(s);
    debug_event(EVENT_DELETE, s, NULL, old, 0, final);
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
