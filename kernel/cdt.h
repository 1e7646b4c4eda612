/* The capability derivation tree: a doubly linked list inside the capabilities (paper 3.2.2).
 *
 * All functions keep: links of neighbours agree; children stand directly after their parent, in
 * front of earlier children; flags as ABI sheet 9.2. Each reports its debug event. */
#ifndef CAPSCOPE_KERNEL_CDT_H
#define CAPSCOPE_KERNEL_CDT_H

#include "layout/events.h"
#include "kernel/debug.h"
#include "kernel/kernel.h"

static inline struct slot *cdt_next(const struct slot *s)
{
    return kptr(s->next & SLOT_LINK_MASK);
}

static inline struct slot *cdt_prev(const struct slot *s)
{
    return kptr(s->prev & SLOT_LINK_MASK);
}

static inline bool slot_is_empty(const struct slot *s)
{
    return cap_type(s->cap) == CAP_NULL;
}

void cdt_init(void); /* empties the list: the sentinel links to itself */

/* Puts c into the empty slot `to`, directly after `from` (NULL: at the end of the list, for boot),
 * with the given flags. `kind` is one of the INSERT kinds of layout/events.h. */
void cdt_insert(struct slot *to, struct slot *from, struct cap c, word_t flags,
                enum event_kind kind);
/* As cdt_insert with the flags that a copy of from's capability gets; marks an untyped source full.
 */
void cdt_insert_copy(struct slot *to, struct slot *from, struct cap c, enum event_kind kind);

/* What Retype made of the untyped capability in `parent`: the i-th of `count` empty slots from
 * `first` on gets c with its object i * size bytes higher, as an original directly after parent. */
void cdt_insert_objects(struct slot *parent, struct slot *first, word_t count, struct cap c,
                        word_t size);

/* Moves from's place in the list to the empty slot `to`, with words c; `from` becomes empty. */
void cdt_move(struct slot *to, struct slot *from, struct cap c);
/* a gets the place of b and words for_a, b that of a and for_b; adjacency included. */
void cdt_swap(struct slot *a, struct cap for_a, struct slot *b, struct cap for_b);
/* Empties the slot and takes it from the list; its FIRST_BADGED goes to the next slot. */
void cdt_remove(struct slot *s, bool final);
/* New words, same place. `kind`: an UPDATE kind or EVENT_ZOMBIE. */
void cdt_update_told(struct slot *s, struct cap c, enum event_kind kind, kaddr_t object,
                     word_t detail);
static inline void cdt_update(struct slot *s, struct cap c, enum event_kind kind, kaddr_t object,
                              word_t detail)
{
    if (debug_watches())
        cdt_update_told(s, c, kind, object, detail);
    else
        s->cap = c;
}

/* cdt_is_parent(), out of line. The sentinel's null capability is nobody's child. */
bool cdt_follows_as_child(const struct slot *s, const struct slot *next);
static inline bool cdt_has_children(const struct slot *s)
{
    const struct slot *next = cdt_next(s);

    /* Most often an untyped capability has none, and what follows is of another region. */
    if (cap_type(s->cap) == CAP_UNTYPED &&
        (next->cap.w[0] ^ s->cap.w[0]) >> untyped_bits(s->cap) != 0)
        return false;
    return cdt_follows_as_child(s, next);
}

/* Is this the last capability to its object (ABI sheet 9.1)? Looks at the two neighbours only. */
bool cdt_is_final(const struct slot *s);

#endif
