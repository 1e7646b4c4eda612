/* Stopping a mainline kernel at what it does with capabilities, by breakpoints on its functions.
 *
 * The kernel knows nothing of this: breakpoints are planted through the stub, a function's
 * arguments are read where the ABI puts them, and a stop that nobody asked for goes on at once.  At
 * the first instruction of each of these functions, and where cteRevoke() returns to, capability
 * state is whole, and what the event is about has not happened yet.
 *
 * What is planted follows from what is asked for, and is planted as the machine is let go: see
 * sel4_stops_plant(). All addresses are the kernel's. */
#ifndef CAPSCOPE_ATTACH_SEL4_STOP_H
#define CAPSCOPE_ATTACH_SEL4_STOP_H

#include "attach/gdb_client.h"
#include "attach/sel4_door.h"

/* X(NAME, "word of `break on`", what it is) */
#define SEL4_EVENT_LIST(X)                                                                         \
    X(RETYPE, "retype")       /* slots: those of the new capabilities; src: the untyped's */       \
    X(INSERT, "insert")       /* slot gets a capability that derives from src's */                 \
    X(MOVE, "move")           /* from src to slot */                                               \
    X(SWAP, "swap")           /* src and slot */                                                   \
    X(DELETE, "delete")       /* slot is emptied */                                                \
    X(REVOKE, "revoke")       /* what is below slot */                                             \
    X(VICTIM, "victim")       /* as delete, inside the revoke of src */                            \
    X(PREEMPTED, "preempted") /* the revoke of slot stops for now */                               \
    X(RESUMED, "resumed")     /* and goes on */                                                    \
    X(REVOKED, "revoked")     /* and is over */

enum sel4_event_kind {
#define X(NAME, text) SEL4_EVENT_##NAME,
    SEL4_EVENT_LIST(X)
#undef X
        SEL4_EVENTS
};

const char *sel4_event_name(enum sel4_event_kind kind);

/* Functions with breakpoints of their own, and where cteRevoke() returns to. */
enum sel4_place {
    SEL4_AT_RETYPE,
    SEL4_AT_INSERT,
    SEL4_AT_MOVE,
    SEL4_AT_SWAP,
    SEL4_AT_DELETE,
    SEL4_AT_REVOKE,
    SEL4_FUNCTIONS,
    SEL4_AT_RETURN = SEL4_FUNCTIONS,
    SEL4_PLACES
};

const char *sel4_place_function(enum sel4_place place);

struct sel4_event {
    uint32_t kinds; /* bit k: it is a kind k; 0: nothing happens here */
    uint64_t number;
    uint64_t slot;
    uint64_t last; /* of several slots, else slot */
    uint64_t src;
    struct sel4_slot about; /* the capability that comes, goes, moves or is revoked */
    uint64_t object;        /* what that refers to, or memory of a retype; 0: nothing */
    uint64_t thread;        /* current; beginning of its object; 0: not told */
};

/* Fields that are 0 do not count. Physical addresses, as in records. */
struct sel4_condition {
    bool armed;
    uint32_t kinds; /* 0: any */
    uint64_t slot;
    uint64_t object_first;
    uint64_t object_last;
    uint64_t thread;
    uint32_t hits;
};

enum { SEL4_CONDITIONS = 8 };

enum sel4_why { SEL4_WHY_NOT, SEL4_WHY_CONDITION, SEL4_WHY_STEP, SEL4_WHY_FINISH };

struct sel4_stops {
    struct gdb_client *client;
    struct sel4_side *side;
    const struct processor *processor;
    uint64_t place[SEL4_PLACES];   /* 0: the kernel has no such function, or not now */
    uint64_t size[SEL4_FUNCTIONS]; /* bytes of code */
    uint64_t planted[SEL4_PLACES]; /* where a breakpoint of ours stands, 0 */
    char method[SEL4_PLACES];      /* '0' software, '1' hardware: how it was planted */
    struct sel4_condition condition[SEL4_CONDITIONS];
    bool watching;  /* all is wanted to be heard of, and none of it to stay at */
    uint32_t steps; /* to go, 0: not stepping */
    bool finish;
    bool inside;   /* the revoke that side->revoke tells of is on the processor */
    bool resuming; /* it goes on after a preemption, as soon as its call comes again */
    /* the stop */
    uint64_t at;         /* where the machine stands, if that is a place of ours that was judged */
    uint64_t unfinished; /* a place whose first instruction an interrupt came before */
    enum sel4_why why;
    uint32_t matched; /* condition, from 1 */
    struct sel4_event event;
    struct sel4_revoke over; /* the revoke that ended at this stop */
    uint64_t events;
};

/* What the kernel runs on; never NULL. */
const struct processor *sel4_processor(enum sel4_arch arch);

void sel4_stops_init(struct sel4_stops *s, struct gdb_client *client, struct sel4_side *side);

/* Which functions would have to be watched for this: bit of enum sel4_place. */
uint32_t sel4_stops_needs(uint32_t kinds);
/* Plants what is asked for now and takes away the rest. The machine stands. On failure the
 * sentence is the client's. */
enum error sel4_stops_plant(struct sel4_stops *s);
/* Takes away all. As much as can be, whatever fails. */
enum error sel4_stops_clear(struct sel4_stops *s);
bool sel4_stops_stand(const struct sel4_stops *s);

/* The machine stands at pc: is that a place of ours, and does somebody want it to stay there? Call
 * it once a stop. *stays only with a reason in s->why. */
enum error sel4_stops_judge(struct sel4_stops *s, uint64_t pc, bool *stays);
/* A place where state is whole. */
bool sel4_stops_is_place(const struct sel4_stops *s, uint64_t pc);
/* Gets the machine over the breakpoint it stands at, with everything planted again. */
enum error sel4_stops_leave(struct sel4_stops *s);

#endif
