/* Kinds of capability event: every change to capability state is one (kernel/debug.h reports it).
 *
 * What the operands mean:
 *   slot     the slot that changes (0: none)        src  the slot it came from (0: none)
 *   cap      the capability words: new ones for insert kinds, old ones for removal kinds
 *   object   kernel address the event is about: TCB, directory, untyped; 0: none
 *   detail   kind-specific word, named in the last column
 *
 * From a base snapshot and all events the exact list of slots follows:
 *   INSERT kinds  put cap into slot, directly after src in the list (src 0: at the end)
 *   MOVE          slot takes cap and the place, links and flags of src; src becomes empty
 *   SWAP          slot and src exchange capability and place; cap is what slot gets, src gets
 *                 slot's old capability with word 1 from detail
 *   UPDATE kinds  cap replaces the words in slot; place stays
 *   DELETE        slot becomes empty and leaves the list; a FIRST_BADGED flag goes to its successor
 * detail of INSERT kinds is the new slot's REVOCABLE and FIRST_BADGED flags. */
#ifndef CAPSCOPE_LAYOUT_EVENTS_H
#define CAPSCOPE_LAYOUT_EVENTS_H

#include "layout/types.h"

/* X(value, NAME).  What the record of each says is in record/vocabulary.h. */
#define EVENT_LIST(X)                                                                              \
    X(1, BOOT)                                                                                     \
    X(2, RETYPE)                                                                                   \
    X(3, COPY)                                                                                     \
    X(4, MINT)                                                                                     \
    X(5, TRANSFER)                                                                                 \
    X(6, INSTALL)                                                                                  \
    X(7, REPLY)                                                                                    \
    X(8, HANDLER)                                                                                  \
    X(9, MOVE)                                                                                     \
    X(10, SWAP)                                                                                    \
    X(11, DELETE)                                                                                  \
    X(12, WATERMARK)                                                                               \
    X(13, MAP)                                                                                     \
    X(14, UNMAP)                                                                                   \
    X(15, ASSIGN)                                                                                  \
    X(16, ZOMBIE)                                                                                  \
    X(17, DESTROY)                                                                                 \
    X(18, REVOKE_BEGIN)                                                                            \
    X(19, REVOKE_VICTIM)                                                                           \
    X(20, REVOKE_PREEMPTED)                                                                        \
    X(21, REVOKE_RESUMED)                                                                          \
    X(22, REVOKE_END)                                                                              \
    X(23, THREAD_CONFIGURE)                                                                        \
    X(24, THREAD_NAME)                                                                             \
    X(25, THREAD_SUSPEND)                                                                          \
    X(26, THREAD_RESUME)                                                                           \
    X(27, THREAD_PRIORITY)                                                                         \
    X(28, BIND)                                                                                    \
    X(29, IRQ_SET)                                                                                 \
    X(30, FAULT)

enum event_kind {
#define X(value, NAME) EVENT_##NAME = value,
    EVENT_LIST(X)
#undef X
        EVENT_KINDS = 31
};

/* One entry of the ring; 40 bytes, little-endian as all kernel memory. */
struct event {
    word_t seq;     /* from 1, never reused */
    word_t time;    /* kernel ticks << 16 | low bits of a free-running count */
    kaddr_t thread; /* acting TCB, 0: kernel */
    word_t kind;    /* enum event_kind */
    kaddr_t slot;
    kaddr_t src;
    word_t cap[2];
    kaddr_t object;
    word_t detail;
};
_Static_assert(sizeof(struct event) == 40, "the ring is read from outside");

#endif
