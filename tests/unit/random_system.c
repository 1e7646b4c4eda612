/* Random systems: see random_system.h. */
#include "tests/unit/random_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXTRA_MAX = 9 };

#define ROOT_CNODE 0x80110000u
#define RAM        0x82000000u

enum {
    TCB = 0,
    CNODE = 0x1000,
    EP = 0x2000,
    PT = 0x2400,
    NTFN = 0x2800,
    FRAME = 0x3000,
    PD = 0x4000
};

uint32_t random_seed;

uint32_t random_pick(uint32_t n)
{
    random_seed = random_seed * 1664525u + 1013904223u;
    return (random_seed >> 8) % n;
}

/* --- random systems --------------------------------------------------------------------------- */

struct builder {
    struct record_slot slot[RANDOM_SLOTS_MAX];
    uint32_t slots;
    uint32_t used[RANDOM_DOMAINS + 1]; /* slots of each CNode, the root task's last */
    uint32_t cspace[RANDOM_DOMAINS];   /* whose CNode each thread has */
    bool keeps;                        /* the root task keeps the originals */
};

static uint32_t base(uint32_t d)
{
    return RAM + d * 0x100000u;
}

static uint32_t free_slot(struct builder *b, uint32_t cnode)
{
    uint32_t at = cnode == RANDOM_DOMAINS ? ROOT_CNODE : base(cnode) + CNODE;
    return at + 16 * ++b->used[cnode];
}

static void add(struct builder *b, uint32_t addr, uint32_t type, uint32_t object, uint32_t bits,
                uint32_t rights, uint32_t data)
{
    assert_true(b->slots < RANDOM_SLOTS_MAX);
    b->slot[b->slots++] = (struct record_slot){.addr = addr,
                                               .type = type,
                                               .object = object,
                                               .bits = bits,
                                               .rights = rights,
                                               .flags = RECORD_SLOT_REVOCABLE,
                                               .data = data};
}

static const struct {
    uint32_t type, off, bits;
} objects[] = {{RECORD_CAP_TCB, TCB, 9},           {RECORD_CAP_CNODE, CNODE, 8},
               {RECORD_CAP_ENDPOINT, EP, 4},       {RECORD_CAP_PAGE_TABLE, PT, 10},
               {RECORD_CAP_NOTIFICATION, NTFN, 4}, {RECORD_CAP_FRAME, FRAME, 12},
               {RECORD_CAP_PAGE_DIRECTORY, PD, 14}};
enum { KINDS = sizeof(objects) / sizeof(*objects) };

/* A root task that keeps nothing leaves every object to its own domain. */
static void originals(struct builder *b, uint32_t d)
{
    for (uint32_t k = 0; k < KINDS; k++)
        add(b, free_slot(b, b->keeps ? (uint32_t)RANDOM_DOMAINS : d), objects[k].type,
            base(d) + objects[k].off, objects[k].bits, 15, 0);
    add(b, base(d) + TCB, RECORD_CAP_CNODE, base(b->cspace[d]) + CNODE, 8, 0, 0);
    add(b, base(d) + TCB + 16, RECORD_CAP_PAGE_DIRECTORY, base(d) + PD, 14, 0, 0);
}

/* Untyped memory over one object, over several, over a whole domain, or over two domains. */
static void extra_untyped(struct builder *b, uint32_t holder, uint32_t target)
{
    static const struct {
        uint32_t off, bits;
    } blocks[] = {{TCB, 9}, {CNODE, 8}, {EP, 5}, {EP, 12}, {FRAME, 12}, {0, 14}, {0, 20}, {0, 21}};
    uint32_t k = random_pick(8);
    uint32_t at = base(target) + blocks[k].off;
    add(b, free_slot(b, holder), RECORD_CAP_UNTYPED, at & ~((1u << blocks[k].bits) - 1),
        blocks[k].bits, 0, 0);
}

static void extra(struct builder *b)
{
    uint32_t holder = random_pick(RANDOM_DOMAINS);
    uint32_t target = random_pick(RANDOM_DOMAINS);
    uint32_t what = random_pick(12);
    if (what < KINDS)
        add(b, free_slot(b, holder), objects[what].type, base(target) + objects[what].off,
            objects[what].bits, random_pick(16), 0);
    else if (what < 9)
        add(b, free_slot(b, holder), RECORD_CAP_ENDPOINT, base(target) + EP, 4, random_pick(16), 0);
    else if (what == 9)
        extra_untyped(b, holder, target);
    else if (what == 10)
        add(b, base(holder) + TCB + 48, RECORD_CAP_REPLY,
            random_pick(3) ? base(target) : RANDOM_ROOT_TCB, 0,
            random_pick(2) ? RECORD_RIGHT_GRANT : 0, 0);
    else
        add(b, free_slot(b, holder), random_pick(2) ? RECORD_CAP_TCB : RECORD_CAP_CNODE, 0, 0, 0,
            0);
    struct record_slot *last = &b->slot[b->slots - 1];
    if (what == 11) {
        last->object = last->type == RECORD_CAP_TCB ? RANDOM_ROOT_TCB : ROOT_CNODE;
        last->bits = last->type == RECORD_CAP_TCB ? 9 : 12;
    }
}

static void root_task(struct builder *b)
{
    add(b, free_slot(b, RANDOM_DOMAINS), RECORD_CAP_TCB, RANDOM_ROOT_TCB, 9, 0, 0);
    add(b, free_slot(b, RANDOM_DOMAINS), RECORD_CAP_CNODE, ROOT_CNODE, 12, 0, 0);
    add(b, RANDOM_ROOT_TCB, RECORD_CAP_CNODE, ROOT_CNODE, 12, 0, 0);
}

static void thread(struct capstate *s, uint32_t d)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = base(d);
    r.thread.name.length = (uint8_t)snprintf(r.thread.name.bytes, RECORD_STRING_MAX,
                                             random_pick(4) ? "d%u/t" : "t%u", d);
    uint32_t how = random_pick(6);
    if (how < 2) {
        r.thread.state = how ? RECORD_THREAD_BLOCKED_ON_SEND : RECORD_THREAD_BLOCKED_ON_RECEIVE;
        r.thread.blocked_on = base(random_pick(RANDOM_DOMAINS)) + EP;
        r.thread.blocked_flags = random_pick(8);
    }
    if (how == 2)
        r.thread.bound = base(random_pick(RANDOM_DOMAINS)) + NTFN;
    state_add(s, &r);
}

static void mapping(struct capstate *s, uint32_t d)
{
    state_mapping(s, (struct record_mapping){
                         .dir = base(d) + PD,
                         .asid = d + 1,
                         .vaddr = 0x10000,
                         .frame = base(random_pick(RANDOM_DOMAINS)) + FRAME,
                         .bits = 12,
                         .rights = 1 + random_pick(3),
                         .table = base(random_pick(4) ? d : random_pick(RANDOM_DOMAINS)) + PT});
}

static void shuffle(struct builder *b, uint32_t from)
{
    for (uint32_t i = b->slots - 1; i > from; i--) {
        uint32_t k = from + random_pick(i - from + 1);
        struct record_slot t = b->slot[i];
        b->slot[i] = b->slot[k];
        b->slot[k] = t;
    }
}

/* order: 0 as made; else the slots come in another order, and threads backwards. */
void random_system(struct capstate *s, uint32_t round, uint32_t order)
{
    struct builder b = {.keeps = round % 2};
    random_seed = round * 7919 + 1;
    for (uint32_t d = 0; d < RANDOM_DOMAINS; d++)
        b.cspace[d] = random_pick(8) ? d : random_pick(RANDOM_DOMAINS);
    root_task(&b);
    for (uint32_t d = 0; d < RANDOM_DOMAINS; d++)
        originals(&b, d);
    for (uint32_t n = random_pick(EXTRA_MAX); n > 0; n--)
        extra(&b);
    uint32_t same = random_seed;
    if (order) {
        random_seed = order;
        shuffle(&b, 0);
    }
    random_seed = same;
    state_begin(s);
    s->snapshot.root_thread = RANDOM_ROOT_TCB;
    for (uint32_t i = 0; i < b.slots; i++)
        state_slot(s, b.slot[i]);
    for (uint32_t d = 0; d < RANDOM_DOMAINS; d++)
        thread(s, d);
    state_thread(s, RANDOM_ROOT_TCB, random_pick(2) ? "rootserver" : "d1/t");
    for (uint32_t d = 0; d < RANDOM_DOMAINS; d++)
        if (random_pick(2))
            mapping(s, d);
    state_end(s);
}
