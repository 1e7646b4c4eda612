/* What a random distribution of authority consists of: three domains, each with an object of every
 * kind, and some capabilities that lie where they should not.  One plan is carried out by system calls
 * on the target (user/witness/main.c) and in simulation (tests/sim/test_kernel_witness.c).
 *
 * A root task that keeps the original of every capability hands out copies; one that does not moves
 * all of them away. */
#ifndef CAPSCOPE_USER_WITNESS_PLAN_H
#define CAPSCOPE_USER_WITNESS_PLAN_H

#include "abi/syscall.h"

#include <stdbool.h>
#include <stdint.h>

enum { PLAN_DOMAINS = 3, PLAN_PLANTS = 6, PLAN_STEPS = 40 };

/* A domain's objects, and the slots of its CSpace in which its capabilities to them lie. */
enum own_slot {
    OWN_TCB = 1,
    OWN_CNODE,
    OWN_PD,
    OWN_EP,
    OWN_NTFN,
    OWN_FRAME,
    OWN_MEMORY, /* the untyped memory that all of these are made from */
    OWN_INNER,  /* untyped memory in it, which holds the TCB and lies with whoever the plan says */
    OWN_OBJECTS,
    OWN_EXTRA = 16, /* from here on: what is another's, and what has no other place */
};

enum plan_op { PLAN_COPY, PLAN_MOVE, PLAN_MINT_GUARD, PLAN_MUTATE_GUARD };

/* A capability to an object of a domain goes from the root task into a slot of another's CNode. */
struct plan_step {
    uint8_t op;
    uint8_t to, slot; /* domain, slot */
    uint8_t of, object;
    uint8_t rights; /* of PLAN_COPY */
};

struct plan {
    struct plan_step step[PLAN_STEPS];
    uint32_t steps;
    bool keeps;
    bool split[PLAN_DOMAINS]; /* has this domain an OWN_INNER? */
    uint8_t extra[PLAN_DOMAINS];
    uint64_t state;
};

/* Numbers below n. */
static inline uint32_t plan_pick(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static inline void plan_add(struct plan *p, struct plan_step step)
{
    p->step[p->steps++] = step;
}

/* What one domain has too much: a capability to an object of another. */
static inline void plan_plant(struct plan *p)
{
    static const struct {
        uint8_t object;
        uint8_t most; /* rights; 0: it has none */
    } plants[] = {{OWN_TCB, 0},   {OWN_CNODE, 0}, {OWN_PD, 0},  {OWN_NTFN, 3},
                  {OWN_FRAME, 3}, {OWN_EP, 15},   {OWN_EP, 15}, {OWN_EP, 15}};
    uint8_t to = (uint8_t)plan_pick(&p->state, PLAN_DOMAINS);
    uint8_t of = (uint8_t)plan_pick(&p->state, PLAN_DOMAINS);
    uint32_t i = plan_pick(&p->state, sizeof(plants) / sizeof(*plants));
    uint8_t rights = RIGHT_ALL;
    if (plants[i].most)
        rights = (uint8_t)(1 + plan_pick(&p->state, plants[i].most));
    plan_add(p, (struct plan_step){PLAN_COPY, to, p->extra[to]++, of, plants[i].object, rights});
}

/* Whether it keeps the original or not, the domain has the capability in its place. */
static inline void plan_give(struct plan *p, uint8_t domain, uint8_t object)
{
    uint8_t op = p->keeps ? PLAN_COPY : PLAN_MOVE;
    plan_add(p, (struct plan_step){op, domain, object, domain, object, RIGHT_ALL});
}

static inline void plan_hand_over(struct plan *p, uint8_t domain)
{
    for (uint8_t object = OWN_PD; object <= OWN_FRAME; object++)
        plan_give(p, domain, object);
    if (p->split[domain]) {
        uint8_t to = (uint8_t)plan_pick(&p->state, PLAN_DOMAINS);
        plan_add(p, (struct plan_step){PLAN_MOVE, to, p->extra[to]++, domain, OWN_INNER, 0});
    }
    if (!p->keeps)
        plan_give(p, domain, OWN_MEMORY);
}

/* In the end the CNode goes into itself, with the guard that makes addresses 32 bits long. */
static inline void plan_hand_over_rest(struct plan *p, uint8_t domain)
{
    uint8_t op = p->keeps ? PLAN_MINT_GUARD : PLAN_MUTATE_GUARD;
    plan_give(p, domain, OWN_TCB);
    plan_add(p, (struct plan_step){op, domain, OWN_CNODE, domain, OWN_CNODE, RIGHT_ALL});
}

static inline void plan_make(struct plan *p, uint64_t seed, bool keeps)
{
    p->steps = 0;
    p->keeps = keeps;
    p->state = seed;
    for (uint8_t i = 0; i < PLAN_DOMAINS; i++) {
        p->extra[i] = OWN_EXTRA;
        p->split[i] = plan_pick(&p->state, 3) == 0;
    }
    for (uint32_t n = 1 + plan_pick(&p->state, PLAN_PLANTS); n > 0; n--)
        plan_plant(p);
    for (uint8_t i = 0; i < PLAN_DOMAINS; i++)
        plan_hand_over(p, i);
    for (uint8_t i = 0; i < PLAN_DOMAINS; i++)
        plan_hand_over_rest(p, i);
}
_Static_assert(PLAN_PLANTS + PLAN_DOMAINS * (4 + 2 + 2) <= PLAN_STEPS, "every plan has room");

#endif
