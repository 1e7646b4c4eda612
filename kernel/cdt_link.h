/* Taking slots in and out of the derivation list: the parts that cdt.c and the IPC fast path share,
 * so that both leave the same list and the same digest. For others: cdt.h.
 *
 * The digest covers each occupied slot with its next link (layout/roots.h); the sentinel is no slot
 * of anybody and stays out. Each operation knows what it changes and tells by how much the digest
 * grows.
 *
 * `told`: somebody watches. Each operation asks once, and has a body for either case. */
#ifndef CAPSCOPE_KERNEL_CDT_LINK_H
#define CAPSCOPE_KERNEL_CDT_LINK_H

#include "kernel/cdt.h"
#include "kernel/debug.h"

static inline bool is_sentinel(const struct slot *s)
{
    return s == &ks.cdt_head;
}

/* What a slot with these words adds to the digest. */
static inline uint64_t digest_of(const struct slot *s, struct cap c, kaddr_t next)
{
    return digest_slot(kaddr_of(s), c.w[0], c.w[1], next);
}

/* The digest grows by this when the link of s leads to `now` instead of `old`. */
static inline uint64_t digest_relink(const struct slot *s, kaddr_t old, kaddr_t now)
{
    return is_sentinel(s) ? 0 : digest_link(kaddr_of(s), old, now);
}

static inline void link_next(struct slot *s, kaddr_t next)
{
    s->next = (s->next & ~SLOT_LINK_MASK) | next;
}

static inline void link_prev(struct slot *s, kaddr_t prev)
{
    s->prev = (s->prev & ~SLOT_LINK_MASK) | prev;
}

/* All four words of a slot. */
static inline void slot_write(struct slot *s, struct cap c, word_t prev, word_t next)
{
    s->cap = c;
    s->prev = prev;
    s->next = next;
}

static inline void slot_clear(struct slot *s)
{
    slot_write(s, cap_null(), 0, 0);
}

/* `to` between `before` and its successor, which is returned. */
static inline kaddr_t link_after(struct slot *before, struct slot *to, struct cap c, word_t flags)
{
    word_t next = before->next;
    kaddr_t after = next & SLOT_LINK_MASK;
    kaddr_t here = kaddr_of(to);

    slot_write(to, c, kaddr_of(before), after | flags);
    before->next = here | (next & ~SLOT_LINK_MASK);
    link_prev(kptr(after), here);
    return after;
}

/* cdt_insert(), after `before`. */
static inline void cdt_link(struct slot *to, struct slot *before, struct slot *from, struct cap c,
                            word_t flags, enum event_kind kind, bool told)
{
    kaddr_t after = link_after(before, to, c, flags);

    /* before is from, and with that a slot, where there is one */
    if (told)
        debug_change(digest_of(to, c, after | flags) +
                         (from ? digest_link(kaddr_of(before), after, kaddr_of(to))
                               : digest_relink(before, after, kaddr_of(to))),
                     kind, to, from, c, 0, flags);
}

/* The digest shrinks by this when a slot gets FIRST_BADGED. */
static __attribute__((noinline, unused)) uint64_t digest_badge(const struct slot *s, word_t old)
{
    return digest_link(kaddr_of(s), old | CDT_FIRST_BADGED, old);
}

/* cdt_remove() */
static inline void cdt_unlink(struct slot *s, bool final, bool told)
{
    struct slot *before = cdt_prev(s);
    struct slot *after = cdt_next(s);
    word_t badged = is_sentinel(after) ? 0 : s->next & CDT_FIRST_BADGED;
    struct slot old = *s;
    word_t link = after->next;

    link_next(before, kaddr_of(after));
    link_prev(after, kaddr_of(before));
    after->next |= badged;
    slot_clear(s);
    if (told) {
        uint64_t less =
            digest_of(s, old.cap, old.next) + digest_relink(before, kaddr_of(after), kaddr_of(s));
        if (badged)
            less += digest_badge(after, link);
        debug_change(-less, EVENT_DELETE, s, NULL, old.cap, 0, final);
    }
}

#endif
