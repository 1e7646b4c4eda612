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
#ifndef CAPSCOPE_ABI_EVENTS_H
#define CAPSCOPE_ABI_EVENTS_H

#include "abi/types.h"

/* X(value, NAME, "name", "meaning of detail") */
#define EVENT_LIST(X)                                                                              \
    X(1, BOOT, "boot", "flags")            /* insert: an initial capability */                     \
    X(2, RETYPE, "retype", "flags")        /* insert: a new object below untyped src */            \
    X(3, COPY, "copy", "flags")            /* insert: Copy */                                      \
    X(4, MINT, "mint", "flags")            /* insert: Mint */                                      \
    X(5, TRANSFER, "transfer", "flags")    /* insert: capability sent in a message */              \
    X(6, INSTALL, "install", "flags")      /* insert: into a TCB or interrupt slot */              \
    X(7, REPLY, "reply", "flags")          /* insert: reply capability into a caller slot */       \
    X(8, HANDLER, "handler", "flags")      /* insert: interrupt handler, ASID pool */              \
    X(9, MOVE, "move", "0")                /* Move, Mutate, SaveCaller, zombie juggling */         \
    X(10, SWAP, "swap", "word 1 for src")  /* Rotate with src = dest, zombie juggling */           \
    X(11, DELETE, "delete", "1 if final")  /* the slot is emptied */                               \
    X(12, WATERMARK, "watermark", "bytes") /* update: untyped handed memory out, or was filled */  \
    X(13, MAP, "map", "vaddr")             /* update: frame or page table mapped; object = PD */   \
    X(14, UNMAP, "unmap", "vaddr")         /* update */                                            \
    X(15, ASSIGN, "assign", "asid")        /* update: page directory got an ASID */                \
    X(16, ZOMBIE, "zombie", "slots left")  /* update: final CNode or TCB is being emptied */       \
    X(17, DESTROY, "destroy", "0")         /* object deactivated: its last capability went */      \
    X(18, REVOKE_BEGIN, "revoke", "0")     /* slot = root */                                       \
    X(19, REVOKE_VICTIM, "victim", "deleted so far") /* before: slot = next victim, src = root */  \
    X(20, REVOKE_PREEMPTED, "preempted", "deleted so far")                                         \
    X(21, REVOKE_RESUMED, "resumed", "deleted so far")                                             \
    X(22, REVOKE_END, "revoked", "deleted")                                                        \
    X(23, THREAD_CONFIGURE, "configure", "fault handler cptr")                                     \
    X(24, THREAD_NAME, "name", "0")                                                                \
    X(25, THREAD_SUSPEND, "suspend", "old state")                                                  \
    X(26, THREAD_RESUME, "resume", "0")                                                            \
    X(27, THREAD_PRIORITY, "priority", "priority | mcp << 8")                                      \
    X(28, BIND, "bind", "notification, 0: unbound")                                                \
    X(29, IRQ_SET, "irqset", "irq")                                                                \
    X(30, FAULT, "fault", "fault type") /* object = TCB; src = slot where the lookup ended */

enum event_kind {
#define X(value, NAME, text, detail) EVENT_##NAME = value,
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
