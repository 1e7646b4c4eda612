/* Taking slots in and out of the derivation list: the parts that cdt.c and the IPC fast path share,
 * so that both leave the same list and the same digest. For others: cdt.h.
 *
 * The digest covers each occupied slot with its next link, so whoever's words or next link change
 * is taken out before and put back after; the sentinel is no slot of anybody and stays out.
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

static inline void digest_out(struct slot *s, bool told)
{
    if (told && !is_sentinel(s))
        debug_digest_out(s);
}

static inline void digest_in(struct slot *s, bool told)
{
    if (told && !is_sentinel(s))
        debug_digest_in(s);
}

static inline void link_next(struct slot *s, kaddr_t next)
{
    s->next = (s->next & ~SLOT_LINK_MASK) | next;
}

static inline void link_prev(struct slot *s, kaddr_t prev)
{
    s->prev = (s->prev & ~SLOT_LINK_MASK) | prev;
}

static inline void slot_clear(struct slot *s)
{
    *s = (struct slot){.cap = {{0, 0}}};
}

/* `to` between `before` and its successor; the caller has taken `before` out of the digest. */
static inline void link_after(struct slot *before, struct slot *to, struct cap c, word_t flags)
{
    word_t next = before->next;
    kaddr_t after = next & SLOT_LINK_MASK;
    kaddr_t here = kaddr_of(to);

    *to = (struct slot){.cap = c, .prev = kaddr_of(before), .next = after | flags};
    before->next = here | (next & ~SLOT_LINK_MASK);
    link_prev(kptr(after), here);
}

/* cdt_insert(), after `before`. */
static inline void cdt_link(struct slot *to, struct slot *before, struct slot *from, struct cap c,
                            word_t flags, enum event_kind kind, bool told)
{
    digest_out(before, told);
    link_after(before, to, c, flags);
    digest_in(before, told);
    digest_in(to, told);
    if (told)
        debug_event(kind, to, from, c, 0, flags);
}

/* cdt_remove() */
static inline void cdt_unlink(struct slot *s, bool final, bool told)
{
    struct slot *before = cdt_prev(s);
    struct slot *after = cdt_next(s);
    word_t badged = is_sentinel(after) ? 0 : s->next & CDT_FIRST_BADGED;
    struct cap old = s->cap;

    digest_out(before, told);
    digest_out(s, told);
    if (badged)
        digest_out(after, told);
    link_next(before, kaddr_of(after));
    link_prev(after, kaddr_of(before));
    after->next |= badged;
    slot_clear(s);
    if (badged)
        digest_in(after, told);
    digest_in(before, told);
    if (told)
        debug_event(EVENT_DELETE, s, NULL, old, 0, final);
}

#endif
